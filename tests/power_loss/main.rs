//! A power cut: what was not synced is gone, and no byte that is not there is ever trusted.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod mount;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use disk::{Disk, Manner};
use mount::Mounted;
use support::nginx::Nginx;
use support::program::{Home, Program, word};
use support::record::{on_record, trusted_bytes};
use support::{Chance, OVERLAP, SOON, assert_is, content, names_in, nap, seed, until, write};

/// How often the power goes on each disk.
const CUTS: u64 = 8;

/// The files of each job: how many bytes they have, and over how many connections they are fetched.
const JOBS: [&[(usize, &str)]; 3] = [&[(2_000_000, "1")], &[(6_000_000, "4")], &SMALL];
const SMALL: [(usize, &str); 3] = [(300_000, "1"), (1000, "1"), (700_000, "1")];

#[test]
fn what_is_synced_stays_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let mounted = Mounted::new(Disk::new(Manner::Posix), folder.path());
    let at = |name: &str| folder.path().join(name);
    let sync = |path| File::open(path).and_then(|file| file.sync_all()).expect("synced");
    for name in ["kept", "nameless", "grown", "renamed"] {
        write(&at(name), b"as it was");
        if name != "nameless" {
            sync(at(name));
            sync(folder.path().to_owned());
        }
    }
    sync(at("nameless"));
    write(&at("grown"), b"as it is now, and longer");
    let rename = |to: &str| renameat_with(CWD, at("renamed"), CWD, at(to), RenameFlags::NOREPLACE);
    rename("kept").expect_err("the name is taken");
    rename("other").expect("renamed");
    assert_is(&at("grown"), b"as it is now, and longer");
    assert_eq!(names_in(folder.path()), ["grown", "kept", "nameless", "other"]);
    let _mounted = mounted.replace(|disk| disk.after_power_cut(None));
    assert_is(&at("kept"), b"as it was");
    assert_is(&at("grown"), b"as it was");
    assert_is(&at("renamed"), b"as it was");
    assert!(!at("other").exists());
}

/// A home that is on such a disk, with its folder for downloads.
fn on_a_disk(manner: Manner) -> (Home, Mounted) {
    let home = Home::new();
    let folder = home.files().parent().map(Path::to_owned).expect("the folder of the home");
    let mounted = Mounted::new(Disk::new(manner), &folder);
    fs::create_dir(home.files()).expect("a folder");
    mounted.disk().sync_all();
    (home, mounted)
}

/// What is fetched onto the disk, under a name each.
type Sources = Vec<(String, Vec<u8>)>;

/// Fails unless all that was confirmed is in the queue, and every byte that it says is synced is there and right; gives
/// how many there are of unfinished files.
fn check(home: &Home, sources: &Sources, confirmed: &[String], cut: &str) -> u64 {
    let loaded = on_record(home);
    assert_eq!(loaded.notices, Vec::<String>::new(), "{cut}: a power cut damages nothing");
    let known: Vec<_> = loaded.jobs.iter().map(|job| job.id.to_string()).collect();
    for id in confirmed {
        assert!(known.contains(id), "{cut}: {id}, which was confirmed, is lost: {known:?}");
    }
    let mut trusted = 0;
    for file in loaded.jobs.iter().flat_map(|job| &job.files) {
        let (name, source) =
            sources.iter().find(|(name, _)| file.url.path()[1..] == **name).expect("one of ours");
        let when = format!("{cut}, {name}");
        trusted += trusted_bytes(file, source, &when);
    }
    trusted
}

/// What is on the disk that forgets; the rest is on one that does not.
#[derive(Clone, Copy, Debug)]
enum On {
    Everything,
    Downloads,
    State,
}

impl On {
    /// Where the disk is mounted in a home.
    fn of(self, home: &Home) -> PathBuf {
        match self {
            Self::Everything => home.files().parent().map(Path::to_owned).expect("the folder of the home"),
            Self::Downloads => home.files(),
            Self::State => home.state(),
        }
    }
}

/// Asks for a download; whether that was confirmed, which it may not be where the power goes.
fn ask_for(home: &Home, nginx: &Nginx, sources: &mut Sources, files: &[(usize, &str)]) -> Option<String> {
    let mut words = vec!["add".to_owned()];
    for (bytes, _) in files {
        let name = format!("{}-{bytes}.bin", sources.len());
        let bytes = content(sources.len() as u64, *bytes);
        words.push(nginx.put(&name, &bytes) + "?rate=512k");
        sources.push((name, bytes));
    }
    let connections = files.first().map_or("1", |(_, connections)| connections);
    words.extend([
        "--to".to_owned(),
        word(&home.files()),
        "--connections".to_owned(),
        connections.to_owned(),
    ]);
    if files.len() > 1 {
        words.extend(["--together", "--parallel", "2"].map(str::to_owned));
    }
    // It must start even where the folder for downloads is on a disk without power.
    let said = Program::start(home.command(words).current_dir("/")).end().calm();
    (said.code == 0).then(|| said.out.trim().to_owned())
}

/// Cuts the power again and again while files are fetched; all are whole in the end.
fn cut_again_and_again(on: On, manner: Manner, mut chance: Chance) -> u64 {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let home = Home::new();
    fs::create_dir_all(home.state()).expect("a folder");
    let mut mounted = Mounted::new(Disk::new(manner), &on.of(&home));
    fs::create_dir_all(home.files()).expect("a folder");
    mounted.disk().sync_all();
    let (mut sources, mut confirmed) = (Sources::new(), Vec::new());
    let mut trusted = 0;
    for cut in 0..CUTS {
        // New ones all the time, so that there is something under way at every cut.
        if cut % 4 == 0 {
            for files in JOBS {
                confirmed.extend(ask_for(&home, &nginx, &mut sources, files));
            }
        }
        let run = if chance.between(0, 2) == 0 {
            home.start_run()
        } else {
            // Between any two steps of the program, those of its start included.
            mounted.disk().turn_off_after(chance.between(0, 400));
            home.start(["run"])
        };
        // The moment itself is the event here: nothing can announce it.
        nap(Duration::from_millis(chance.between(0, 2500)));
        if chance.between(0, 2) == 0 {
            // What is confirmed at the last moment counts as well.
            confirmed.extend(ask_for(&home, &nginx, &mut sources, &SMALL));
        }
        mounted.disk().turn_off();
        run.kill();
        let is_lucky = chance.between(0, 2) == 0;
        mounted = mounted.replace(|disk| disk.after_power_cut(is_lucky.then_some(&mut chance)));
        let cut = format!("cut {cut} of {on:?} on a disk of the manner {manner:?}, lucky: {is_lucky}");
        trusted += check(&home, &sources, &confirmed, &cut);
        // Where the list is on another disk it may say that this one failed, which is for the user to see to.
        home.run(["retry", "--all"]).calm();
    }
    if matches!(on, On::Downloads) {
        // What one file of several met with is told once the others are there.
        home.run(["run", "--until-empty"]).calm();
        home.run(["retry", "--all"]).calm();
    }
    home.run(["run", "--until-empty"]).fine();
    let unfinished: Vec<_> = home.list().into_iter().filter(|job| job["state"] != "acknowledged").collect();
    assert!(unfinished.is_empty(), "{unfinished:#?}");
    check(&home, &sources, &confirmed, "at the end");
    assert_eq!(home.parts(), Vec::<String>::new(), "nothing unfinished is left");
    trusted
}

#[test]
fn the_first_job_of_all_survives_a_power_cut() {
    let (home, mounted) = on_a_disk(Manner::Posix);
    home.add("http://127.0.0.1:9/first.bin", &[]);
    let _mounted = mounted.replace(|disk| disk.after_power_cut(None));
    assert_eq!(home.list().len(), 1, "the job was confirmed");
}

#[test]
fn a_finished_file_in_a_new_folder_survives_a_power_cut() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let (home, mounted) = on_a_disk(Manner::Posix);
    let bytes = content(1, 100_000);
    let url = nginx.put("file.bin", &bytes);
    let new = home.files().join("new").join("deeper");
    home.run(["get", &url, "--to", &word(&new)]).fine();
    let _mounted = mounted.replace(|disk| disk.after_power_cut(None));
    assert_is(&new.join("file.bin"), &bytes);
}

#[test]
fn what_was_fetched_of_a_file_begun_anew_is_gone_on_with_after_a_power_cut() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let (home, mut mounted) = on_a_disk(Manner::Posix);
    let url = nginx.put("file.bin", &content(2, 3_000_000)) + "?rate=500k";
    home.add(&url, &[]);
    let is_synced = |attempt: u32| {
        let file = on_record(&home).jobs.first().map(|job| job.files[0].clone());
        file.filter(|file| file.attempt == attempt && !file.synced.is_empty())
    };
    let run = home.start_run();
    let file = until("synced bytes on record", SOON, || is_synced(1));
    run.interrupt().calm();
    // After a while all of it is on disk, the label of this attempt as well.
    mounted.disk().sync_all();
    // The server has another file by now, so that it begins anew, in the same part.
    let bytes = content(3, 3_500_000);
    nginx.put("file.bin", &bytes);
    let run = home.start_run();
    let anew = until("synced bytes of the other file", SOON, || is_synced(2));
    assert_eq!(anew.part, file.part);
    mounted.disk().turn_off();
    run.kill();
    mounted = mounted.replace(|disk| disk.after_power_cut(None));
    let synced = on_record(&home).jobs[0].files[0].synced_bytes();
    home.run(["run", "--until-empty"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let last = nginx.log().last().cloned().expect("a request");
    assert_eq!(last.first_byte(), synced - OVERLAP as u64, "what was fetched was thrown away: {last:?}");
    drop(mounted);
}

#[test]
fn no_byte_is_trusted_that_a_power_cut_took() {
    let seed = seed();
    let disks = [
        (On::Everything, Manner::Posix),
        (On::Everything, Manner::Journal),
        (On::Downloads, Manner::Posix),
        (On::State, Manner::Posix),
    ];
    let trusted: Vec<_> = std::thread::scope(|scope| {
        let disks: Vec<_> = disks
            .into_iter()
            .zip(seed..)
            .map(|((on, manner), seed)| {
                scope.spawn(move || cut_again_and_again(on, manner, Chance::new(seed)))
            })
            .collect();
        disks.into_iter().map(|disk| disk.join().expect("no failure")).collect()
    });
    eprintln!("bytes of unfinished files that were trusted after cuts: {trusted:?}");
    assert!(trusted.iter().all(|bytes| *bytes > 0), "hardly anything was under way at the cuts");
}
