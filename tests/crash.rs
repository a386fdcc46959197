//! `kill -9` at 200 random moments, over several jobs, files and connections at once: nothing is lost but the work of
//! the last moment, and no byte is wrong.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::time::Duration;

use support::nginx::Nginx;
use support::program::Home;
use support::record::{on_record, trusted_bytes};
use support::{Chance, assert_is, content, names_in, nap, seed};

/// Homes that are crashed side by side, and how often each.
const HOMES: u64 = 4;
const KILLS: usize = 50;

/// What nginx gives each connection.
const RATE: u64 = 512 << 10;

/// How many connections there are at once in one home: one job of one, one of four, one of two files.
const CONNECTIONS: u64 = 7;

/// What may be fetched twice after a crash: two seconds of work.
const MOST_LOST: u64 = 2 * RATE * CONNECTIONS;

/// What is under way in a home.
struct Round {
    files: Vec<(String, Vec<u8>)>,
    jobs: usize,
}

impl Round {
    /// New files, and the jobs that fetch them.
    fn begin(home: &Home, nginx: &Nginx, number: u64) -> Self {
        let sizes = [2_000_000, 9_000_000, 1_500_000, 1_600_000];
        let files: Vec<_> = (0..4_u64)
            .map(|file| (format!("{number}-{file}.bin"), content(number * 10 + file, sizes[file as usize])))
            .collect();
        let urls: Vec<_> = files.iter().map(|(name, bytes)| nginx.put(name, bytes) + "?rate=512k").collect();
        let to = support::program::word(&home.files());
        home.run(["add", &urls[0], "--to", &to]).fine();
        home.run(["add", &urls[1], "--to", &to, "--connections", "4"]).fine();
        home.run(["add", &urls[2], &urls[3], "--to", &to, "--together", "--parallel", "2"]).fine();
        Self { files, jobs: 3 }
    }

    /// Fails if a finished file is not what it must be, or a byte that is on record is not there; gives how many there are
    /// of unfinished files.
    fn check(&self, home: &Home, when: &str) -> u64 {
        for (name, bytes) in &self.files {
            if home.file(name).exists() {
                assert_is(&home.file(name), bytes);
            }
        }
        let record = on_record(home);
        let files = record.jobs.iter().flat_map(|job| &job.files);
        let trusted = files.map(|file| {
            let source = self.files.iter().find(|(name, _)| file.url.path()[1..] == **name);
            trusted_bytes(file, &source.expect("one of ours").1, when)
        });
        trusted.sum()
    }
}

fn done_bytes(home: &Home) -> u64 {
    home.list().iter().filter_map(|job| job["done_bytes"].as_u64()).sum()
}

fn is_all_done(home: &Home) -> bool {
    home.list().iter().all(|job| job["state"] == "acknowledged")
}

/// Crashes one home again and again; gives how much was lost at most, how many bytes were on record of what was under way
/// at the crashes, and how many rounds it took.
fn crash_again_and_again(nginx: &Nginx, home_number: u64, mut chance: Chance) -> (u64, u64, u64) {
    let home = Home::new();
    let mut number = home_number * 1000;
    let mut round = Round::begin(&home, nginx, number);
    let (mut worst, mut trusted) = (0, 0);
    for kill in 0..KILLS {
        let run = home.start_run();
        // The moment itself is the event here: nothing can announce it.
        nap(Duration::from_millis(chance.between(0, 2200)));
        let had = done_bytes(&home);
        run.kill();
        let has = done_bytes(&home);
        let lost = had.saturating_sub(has);
        worst = worst.max(lost);
        assert!(lost <= MOST_LOST, "kill {kill} of home {home_number}: {lost} of {had} bytes are lost");
        assert_eq!(home.list().len(), round.jobs, "kill {kill} of home {home_number}: a job is lost");
        trusted += round.check(&home, &format!("kill {kill} of home {home_number}"));
        if is_all_done(&home) {
            home.run(["remove", "--all"]).fine();
            number += 1;
            round = Round::begin(&home, nginx, number);
        }
    }
    home.run(["run", "--until-empty"]).fine();
    assert!(is_all_done(&home), "{:#?}", home.list());
    round.check(&home, "at the end");
    for (name, bytes) in &round.files {
        assert_is(&home.file(name), bytes);
    }
    assert_eq!(home.parts(), Vec::<String>::new());
    let names = names_in(&home.files());
    assert!(names.iter().all(|name| !name.contains('(')), "nothing was fetched under two names: {names:?}");
    (worst, trusted, number % 1000 + 1)
}

#[test]
fn two_hundred_crashes_cost_two_seconds_each_and_no_byte() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let seed = seed();
    let ends: Vec<_> = std::thread::scope(|scope| {
        let homes: Vec<_> = (0..HOMES)
            .map(|home| {
                let nginx = &nginx;
                scope.spawn(move || crash_again_and_again(nginx, home, Chance::new(seed + home)))
            })
            .collect();
        homes.into_iter().map(|home| home.join().expect("no failure")).collect()
    });
    eprintln!("bytes lost at worst, bytes trusted in all, and rounds of four files: {ends:?}");
    assert!(ends.iter().all(|(_, trusted, _)| *trusted > 0), "hardly anything was under way at the crashes");
    assert!(ends.iter().any(|(.., rounds)| *rounds > 1), "hardly anything was fetched between the crashes");
}
