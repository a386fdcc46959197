//! A power cut: what was not synced is gone, and no byte that is not there is ever trusted.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod mount;

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use meanwhile::store::QueueFiles;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use disk::{Disk, Manner};
use mount::Mounted;
use support::nginx::Nginx;
use support::program::Home;
use support::{Chance, assert_is, content, names_in, nap, read, seed, write};

/// How often the power goes on each disk.
const CUTS: u64 = 12;

/// Files of one job each, how many bytes they have, and over how many connections they are fetched.
const FILES: [(usize, &str); 4] = [(2_000_000, "1"), (9_000_000, "4"), (700_000, "1"), (5_000_000, "4")];

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

/// What is fetched onto the disk, under a name each.
type Sources = Vec<(String, Vec<u8>)>;

/// Fails unless every byte that the queue says is synced is there and right; gives how many there are of unfinished
/// files.
fn check(home: &Home, sources: &Sources, jobs: usize, cut: &str) -> u64 {
    let (_, loaded) = QueueFiles::open(&home.state()).unwrap_or_else(|error| {
        panic!("{cut}: the queue cannot be read: {error:?}; there are {:?}", names_in(&home.state()))
    });
    assert_eq!(loaded.jobs.len(), jobs, "{cut}: a job that was confirmed is lost: {:?}", loaded.notices);
    let mut trusted = 0;
    for file in loaded.jobs.iter().flat_map(|job| &job.files) {
        let (name, source) =
            sources.iter().find(|(name, _)| file.url.path().ends_with(name.as_str())).expect("one of ours");
        if file.finished {
            assert_is(&file.path().expect("a name"), source);
            continue;
        }
        if file.synced.is_empty() {
            continue;
        }
        // Between the last rename and the record of it, the bytes are under the final name.
        let places = [file.part_path(), file.path()];
        let there = places.into_iter().flatten().find(|path| path.exists());
        let found = read(&there.unwrap_or_else(|| panic!("{cut}: nothing is there of {name}: {file:#?}")));
        for range in file.synced.ranges() {
            let (start, end) = (range.start as usize, range.end as usize);
            assert!(
                found.get(start..end) == source.get(start..end),
                "{cut}: {range:?} of {name} is trusted and wrong"
            );
        }
        trusted += file.synced_bytes();
    }
    trusted
}

/// Cuts the power again and again while files are fetched; all are whole in the end.
fn cut_again_and_again(nginx: &Nginx, disk_number: u64, manner: Manner, mut chance: Chance) -> u64 {
    let home = Home::new();
    let folder = home.files().parent().map(Path::to_owned).expect("the folder of the home");
    let mut mounted = Mounted::new(Disk::new(manner), &folder);
    fs::create_dir(home.files()).expect("a folder");
    mounted.disk().sync_all();
    let mut sources = Sources::new();
    let mut trusted = 0;
    for cut in 0..CUTS {
        // New ones all the time, so that there is something under way at every cut.
        if cut % 3 == 0 {
            for (bytes, connections) in FILES {
                let name = format!("{disk_number}-{}.bin", sources.len());
                let bytes = content(disk_number * 1000 + sources.len() as u64, bytes);
                let url = nginx.put(&name, &bytes) + "?rate=512k";
                home.add(&url, &["--connections", connections]);
                sources.push((name, bytes));
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
        mounted.disk().turn_off();
        run.kill();
        let is_lucky = chance.between(0, 2) == 0;
        mounted = mounted.replace(|disk| disk.after_power_cut(is_lucky.then_some(&mut chance)));
        let cut = format!("cut {cut} of disk {disk_number} ({manner:?}, lucky: {is_lucky})");
        trusted += check(&home, &sources, sources.len(), &cut);
    }
    home.run(["run", "--until-empty"]).fine();
    let jobs = home.list();
    assert!(jobs.iter().all(|job| job["state"] == "acknowledged"), "{jobs:#?}");
    for (name, bytes) in &sources {
        assert_is(&home.file(name), bytes);
    }
    trusted
}

#[test]
fn the_first_job_of_all_survives_a_power_cut() {
    let home = Home::new();
    let folder = home.files().parent().map(Path::to_owned).expect("the folder of the home");
    let mounted = Mounted::new(Disk::new(Manner::Posix), &folder);
    fs::create_dir(home.files()).expect("a folder");
    mounted.disk().sync_all();
    home.add("http://127.0.0.1:9/first.bin", &[]);
    let _mounted = mounted.replace(|disk| disk.after_power_cut(None));
    assert_eq!(home.list().len(), 1, "the job was confirmed");
}

#[test]
fn no_byte_is_trusted_that_a_power_cut_took() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let seed = seed();
    let trusted: Vec<_> = std::thread::scope(|scope| {
        let disks: Vec<_> = [Manner::Posix, Manner::Journal]
            .into_iter()
            .zip(0_u64..)
            .map(|(manner, disk)| {
                let nginx = &nginx;
                scope.spawn(move || cut_again_and_again(nginx, disk, manner, Chance::new(seed + disk)))
            })
            .collect();
        disks.into_iter().map(|disk| disk.join().expect("no failure")).collect()
    });
    eprintln!("bytes of unfinished files that were trusted after cuts: {trusted:?}");
    assert!(trusted.iter().all(|bytes| *bytes > 0), "hardly anything was under way at the cuts");
}
