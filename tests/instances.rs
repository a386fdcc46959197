//! One instance for each state folder: what the second one does, and that nothing is lost between them.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::nginx::Nginx;
use support::program::{Home, word};
use support::{Chance, SOON, assert_is, content, length, names_in, nap, seed, until};

fn stage() -> (tempfile::TempDir, Nginx, Home) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    (root, nginx, Home::new())
}

#[test]
fn a_second_engine_on_the_same_folder_is_refused() {
    let home = Home::new();
    let mut first = home.start_run();
    for words in [vec!["run"], vec!["run", "--until-empty"], vec!["run", "--json"]] {
        let said = home.run(words).code(5);
        assert!(said.err.contains("running already") && said.err.contains("You can "), "{said:#?}");
        assert_eq!(said.err.lines().count(), 1, "one sentence: {said:#?}");
    }
    assert!(!first.has_ended());
    // Another folder is another matter.
    let other = home.files().join("other-state");
    home.run(["run", "--until-empty", "--state-dir", &word(&other)]).fine();
}

#[test]
fn an_engine_without_a_window_makes_room_for_one() {
    let home = Home::new();
    let run = home.start_run();
    // There is no such display; but room was made before that could be seen.
    let mut command = home.command([""; 0]);
    support::program::Program::start(command.env("DISPLAY", ":nowhere")).end().code(6);
    let said = run.end().fine();
    assert!(said.err.contains("The window takes over"), "{said:#?}");
}

#[test]
fn commands_are_handed_over_to_the_one_that_runs() {
    let (_root, nginx, home) = stage();
    let bytes = content(1, 300_000);
    let url = nginx.put("file.bin", &bytes);
    let _run = home.start_run();
    let said = home.run(["add", &url, "--to", &word(&home.files()), "--name", "mine"]).fine();
    assert_eq!(said.err, "", "it transfers, so there is nothing to remark");
    let id = said.out.trim();
    home.job_is(id, "acknowledged");
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(home.run(["show", "mine", "--json"]).fine().json()["id"], id);
}

#[test]
fn what_is_queued_without_an_engine_waits_for_one() {
    let (_root, nginx, home) = stage();
    let bytes = content(2, 300_000);
    let id = home.add(&nginx.put("file.bin", &bytes), &[]);
    assert_eq!(home.job(&id)["state"], "queued");
    let _run = home.start_run();
    home.job_is(&id, "acknowledged");
    assert_is(&home.file("file.bin"), &bytes);
}

#[test]
fn twenty_adds_at_once_are_all_queued() {
    // With an engine that runs, and with none: then they queue up for the folder itself.
    for with_engine in [true, false] {
        let home = Home::new();
        let run = with_engine.then(|| home.start_run());
        let adds: Vec<_> = (0..20)
            .map(|n| {
                home.start([
                    "add",
                    &format!("http://127.0.0.1:9/{n}"),
                    "--paused",
                    "--to",
                    &word(&home.files()),
                ])
            })
            .collect();
        let ids: HashSet<String> =
            adds.into_iter().map(|add| add.end().fine().out.trim().to_owned()).collect();
        assert_eq!(ids.len(), 20);
        drop(run);
        let listed: HashSet<String> =
            home.list().iter().filter_map(|job| job["id"].as_str().map(str::to_owned)).collect();
        assert_eq!(listed, ids);
    }
}

#[test]
fn a_get_is_handed_over_and_taken_back_when_the_other_one_ends() {
    let (_root, nginx, home) = stage();
    let bytes = content(3, 4_000_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=1m";
    let run = home.start_run();
    let get = home.start(["get", &url, "--json"]);
    let id = get.event("added")["id"].clone();
    until("bytes", SOON, || (length(&home.file("file.bin.part")) > 300_000).then_some(()));
    assert_eq!(home.list().len(), 1);
    assert_eq!(home.list()[0]["id"], id);

    run.signal(Signal::TERM);
    run.end().fine();
    get.line("goes on here");
    get.end().fine();
    assert_is(&home.file("file.bin"), &bytes);
    let log = nginx.log_of(2);
    assert_eq!(log.len(), 2);
    assert!(log[1].first_byte() > 300_000, "it went on where it was: {log:?}");
}

#[test]
fn a_get_that_was_handed_over_and_interrupted_goes_on_elsewhere() {
    let (_root, nginx, home) = stage();
    let bytes = content(4, 2_000_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=1m";
    let _run = home.start_run();
    let get = home.start(["get", &url, "--json"]);
    let id = get.event("added")["id"].as_str().expect("an id").to_owned();
    get.event("progress");
    let said = get.interrupt().code(130);
    said.event("stopped");
    home.job_is(&id, "acknowledged");
    assert_is(&home.file("file.bin"), &bytes);
}

#[test]
fn the_same_get_twice_is_one_download() {
    let (_root, nginx, home) = stage();
    let bytes = content(5, 1_500_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=700k";
    let first = home.start(["get", &url, "--json"]);
    first.event("progress");
    let second = home.start(["get", &url, "--json"]);
    assert_eq!(second.event("added")["id"], first.event("added")["id"]);
    first.end().fine();
    second.end().fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(nginx.log_of(1).len(), 1);
}

#[test]
fn run_ends_within_a_second_of_being_told_to_with_everything_on_disk() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("file.bin", &content(6, 4_000_000)) + "?rate=800k";
    for (signal, code) in [(Signal::TERM, 0), (Signal::HUP, 0), (Signal::INT, 130)] {
        let run = home.start_run();
        if home.list().is_empty() {
            home.add(&url, &[]);
        }
        let before = length(&home.file("file.bin.part"));
        until("bytes", SOON, || (length(&home.file("file.bin.part")) > before + 100_000).then_some(()));
        let told = Instant::now();
        run.signal(signal);
        run.end().code(code);
        // A second for the program, and some for a machine that has other things to do.
        assert!(told.elapsed() < Duration::from_secs(2), "{signal:?} took {:?}", told.elapsed());
        let job = &home.list()[0];
        assert_eq!(job["done_bytes"], length(&home.file("file.bin.part")), "{job}");
        assert_eq!(job["state"], "queued", "it goes on at the next start: {job}");
    }
    let leftover = ["socket"].map(|name| home.state().join(name));
    assert!(leftover.iter().all(|path| !path.exists()));
}

#[test]
fn an_engine_that_was_killed_is_in_nobodys_way() {
    let home = Home::new();
    let id = home.add("http://127.0.0.1:9/f", &["--paused"]);
    home.start_run().kill();
    assert!(home.state().join("socket").exists(), "as a crash leaves it");
    assert_eq!(home.list()[0]["id"], id.as_str());
    let run = home.start_run();
    home.add("http://127.0.0.1:9/g", &["--paused"]);
    assert_eq!(home.list().len(), 2);
    drop(run);
}

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let home = Home::new();
    let mut chance = Chance::new(seed());
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let run = home.start_run();
        let adds: Vec<_> = (0..6)
            .map(|n| {
                let url = format!("http://127.0.0.1:9/{round}/{n}");
                home.start(["add", &url, "--paused", "--to", &word(&home.files())])
            })
            .collect();
        // The moment itself is the event here: nothing can announce it.
        nap(Duration::from_millis(chance.between(0, 150)));
        run.kill();
        // Who was not answered may be told so, or may have found the folder free.
        acknowledged.extend(adds.into_iter().map(|add| add.end().calm()).filter(|said| said.code == 0));
    }
    let listed: HashSet<String> =
        home.list().iter().filter_map(|job| job["id"].as_str().map(str::to_owned)).collect();
    for said in &acknowledged {
        assert!(listed.contains(said.out.trim()), "{said:?} is lost");
    }
}

#[test]
fn an_instance_that_is_stuck_is_said_and_not_waited_for_for_ever() {
    let home = Home::new();
    let run = home.start_run();
    run.signal(Signal::STOP);
    let said = home.run(["list"]).code(5);
    assert!(said.err.contains("does not answer") && said.err.contains("You can "), "{said:#?}");
    run.signal(Signal::CONT);
    assert_eq!(home.list().len(), 0);
}

#[test]
fn two_downloads_of_one_name_at_once_do_not_meet() {
    let (root, nginx, home) = stage();
    let (one, two) = (content(7, 400_000), content(8, 400_000));
    for (folder, bytes) in [("a", &one), ("b", &two)] {
        std::fs::create_dir(root.path().join(folder)).expect("a folder");
        nginx.put(&format!("{folder}/same.bin"), bytes);
    }
    let _run = home.start_run();
    let ids = ["a", "b"].map(|folder| home.add(&nginx.url(&format!("{folder}/same.bin?rate=300k")), &[]));
    let paths = ids.map(|id| home.job_is(&id, "acknowledged")["path"].as_str().expect("a path").to_owned());
    assert_is(paths[0].as_ref(), &one);
    assert_is(paths[1].as_ref(), &two);
    assert_eq!(names_in(&home.files()), ["same (2).bin", "same.bin"]);
}

#[test]
fn a_state_folder_with_a_very_long_name_works() {
    let home = Home::new();
    let long = home.files().join("x".repeat(200)).join("y".repeat(100));
    let words = |rest: &[&str]| {
        rest.iter()
            .map(|word| (*word).to_owned())
            .chain(["--state-dir".to_owned(), word(&long)])
            .collect::<Vec<_>>()
    };
    let run = home.start(words(&["run"]));
    run.line("Meanwhile is running");
    home.run(words(&["add", "http://127.0.0.1:9/f", "--paused"])).fine();
    let listed = home.run(words(&["list", "--json"])).fine().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}
