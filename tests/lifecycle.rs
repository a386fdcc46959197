//! The engine comes with the first job and goes with the last: started in the background, resting, stopped, switched
//! off, and taken over by a window.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::nginx::Nginx;
use support::program::{Home, Program, word};
use support::{SOON, assert_is, content, until};

use rustix::process::Signal;

fn stage() -> (tempfile::TempDir, Nginx, Home) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    (root, nginx, Home::new())
}

/// The process that holds the state folder, if one does.
fn holder(home: &Home) -> Option<u32> {
    std::fs::read_to_string(home.state().join("lock")).ok()?.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    // A process that has ended and was not waited for by its parent is a zombie for as long as that lives.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

#[test]
fn the_first_job_starts_the_engine_and_the_last_ends_it() {
    let (_root, nginx, home) = stage();
    let bytes = content(7, 3_000_000);
    let url = nginx.put("file.bin", &bytes);
    let words = ["add", &url, "--to", &word(&home.files()), "--limit", "1M"];
    let said = Program::start(&mut home.whole_command(words)).end().fine();
    assert_eq!(said.err, "", "it is on its way, so there is nothing to remark");
    let pid = until("the engine holds the folder", 2 * SOON, || holder(&home));
    assert_is_eventually(&home.file("file.bin"), &bytes);
    until("the engine has ended by itself", 2 * SOON, || (!is_alive(pid)).then_some(()));
    assert_eq!(home.job(said.out.trim())["state"], "acknowledged");
}

fn assert_is_eventually(path: &Path, bytes: &[u8]) {
    until("the file", 2 * SOON, || path.exists().then_some(()));
    assert_is(path, bytes);
}

#[test]
fn with_everything_paused_nothing_is_started_and_the_pause_outlives_the_program() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("file.bin", &content(7, 1000));
    home.run(["add", &url, "--paused", "--to", &word(&home.files())]).fine();
    support::write(&home.state().join("settings.ron"), b"(\n    paused: true,\n)\n");
    let said = Program::start(&mut home.whole_command(["add", &url])).end().fine();
    assert!(said.err.contains("All downloads are paused"), "{said:#?}");
    assert_eq!(holder(&home), None);
    // An engine that is told to run until nothing is left has nothing it may do.
    home.run(["run", "--until-empty"]).fine();
    let job = home.job(said.out.trim());
    assert_eq!((job["state"].as_str(), &job["done_bytes"]), (Some("waiting"), &0.into()));
}

#[test]
fn where_transfers_are_switched_off_adding_says_so_and_queues_nothing() {
    let home = Home::new();
    std::fs::create_dir_all(home.state()).expect("a folder");
    support::write(&home.state().join("settings.ron"), b"(\n    start_mode: \"disabled\",\n)\n");
    for words in [&["add", "http://127.0.0.1:1/f"][..], &["get", "http://127.0.0.1:1/f"]] {
        let said = Program::start(&mut home.whole_command(words)).end().code(4);
        assert!(said.err.contains("switched off") && said.err.contains("10005"), "{said:#?}");
    }
    assert_eq!(home.list().len(), 0);
    let log: String = ["log0.ron", "log1.ron"]
        .iter()
        .filter_map(|name| std::fs::read_to_string(home.state().join(name)).ok())
        .collect();
    assert_eq!(log.matches("Disabled").count(), 2, "{log}");
}

#[test]
fn a_signal_ends_it_within_a_second_with_everything_on_disk() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (_root, nginx, home) = stage();
        let bytes = content(3, 40_000_000);
        let url = nginx.put("file.bin", &bytes);
        let run = home.start_run();
        let words = ["add", &url, "--to", &word(&home.files()), "--limit", "4M"];
        let id = home.run(words).fine().out.trim().to_owned();
        until("some of it", 2 * SOON, || {
            home.job(&id)["done_bytes"].as_u64().filter(|bytes| *bytes > 2_000_000)
        });
        let began = Instant::now();
        run.signal(signal);
        run.end_within(Duration::from_secs(20));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "{signal:?}: {took:?}");
        let kept = home.job(&id)["done_bytes"].as_u64().expect("bytes");
        let part = home.parts().pop().expect("its part");
        let there = std::fs::metadata(home.files().join(part)).expect("the part").len();
        assert_eq!(kept, there, "all that had arrived is on record");
        home.run(["limit", "off"]).fine();
        home.run(["set", &id, "limit", "off"]).fine();
        home.run(["run", "--until-empty"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
    }
}

#[test]
fn a_get_goes_on_in_the_window_that_takes_its_place() {
    let (_root, nginx, home) = stage();
    let bytes = content(5, 6_000_000);
    let url = nginx.put("file.bin", &bytes);
    let get = home.start(["get", &url, "--json", "--limit", "2M"]);
    get.event("progress");
    // A window that cannot be shown takes over all the same, and leaves an engine behind.
    let mut window = home.whole_command([""; 0]);
    Program::start(window.env("DISPLAY", ":nowhere")).end().code(6);
    let said = get.end().fine();
    assert!(said.err.contains("The window takes over"), "{said:#?}");
    assert_is(&home.file("file.bin"), &bytes);
    if let Some(pid) = holder(&home) {
        until("the engine has ended by itself", 2 * SOON, || (!is_alive(pid)).then_some(()));
    }
}

#[test]
fn fifty_starts_at_once_leave_one_engine() {
    let (_root, nginx, home) = stage();
    let urls: Vec<String> = (0..50).map(|n| nginx.put(&format!("{n}.bin"), &content(n, 20_000))).collect();
    let programs: Vec<Program> = urls
        .iter()
        .map(|url| Program::start(&mut home.whole_command(["add", url, "--to", &word(&home.files())])))
        .collect();
    for program in programs {
        program.end_within(Duration::from_mins(1)).fine();
    }
    let list = until("all are there", 2 * SOON, || Some(home.list()).filter(|list| list.len() == 50));
    assert_eq!(list.len(), 50, "each was queued once");
    until("all have arrived", 2 * SOON, || {
        home.list().iter().all(|job| job["state"] == "acknowledged").then_some(())
    });
    for (n, url) in (0..50).zip(&urls) {
        assert_is(&home.file(url.rsplit('/').next().expect("a name")), &content(n, 20_000));
    }
    if let Some(pid) = holder(&home) {
        until("the engine has ended by itself", 2 * SOON, || (!is_alive(pid)).then_some(()));
    }
    let twice = Command::new("find").arg(home.files()).args(["-name", "* (2)*"]).output().expect("find");
    assert!(twice.stdout.is_empty(), "nothing was fetched twice");
}

#[test]
fn of_fifty_engines_started_at_once_one_runs_and_the_others_say_why_they_do_not() {
    let home = Home::new();
    let mut programs: Vec<Program> = (0..50).map(|_| home.start(["run"])).collect();
    let mut refused = 0;
    until("all but one have ended", 2 * SOON, || {
        let ended = programs.iter_mut().map(Program::has_ended).collect::<Vec<_>>();
        for (index, _) in ended.iter().enumerate().rev().filter(|(_, ended)| **ended) {
            let said = programs.remove(index).end().code(5);
            assert!(said.err.contains("running already") && said.err.contains("You can "), "{said:#?}");
            refused += 1;
        }
        (refused == 49).then_some(())
    });
    let last = programs.pop().expect("the one that runs");
    assert_eq!(holder(&home), Some(last.id()));
    last.signal(Signal::TERM);
    last.end().fine();
}

#[test]
fn at_sign_in_it_is_started_exactly_while_there_are_downloads_and_that_is_wanted() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("file.bin", &content(2, 8_000_000));
    let config = home.files().join("config");
    let entry = config.join("autostart/meanwhile.desktop");
    // The usual folders: a named one is nobody's home.
    let program = |words: &[&str]| {
        let mut command = home.command(words);
        command.env_remove("MEANWHILE_STATE_DIR").env("XDG_CONFIG_HOME", &config);
        Program::start(&mut command)
    };
    program(&["settings", "start_mode", "automatic"]).end().fine();
    let words = ["add", &url, "--to", &word(&home.files()), "--limit", "500K"];
    let id = program(&words).end().fine().out.trim().to_owned();
    let run = program(&["run"]);
    let text = until("the entry", 2 * SOON, || {
        std::fs::read_to_string(&entry).ok().filter(|text| text.ends_with('\n'))
    });
    assert!(text.contains("run --in-background"), "{text}");
    // It stays when the session ends with something left to do, and goes with the last download.
    run.signal(Signal::TERM);
    run.end().fine();
    assert!(entry.exists());
    let run = program(&["run"]);
    program(&["settings", "start_mode", "manual"]).end().fine();
    until("the entry is not wanted", 2 * SOON, || (!entry.exists()).then_some(()));
    program(&["settings", "start_mode", "automatic"]).end().fine();
    until("the entry is back", 2 * SOON, || entry.exists().then_some(()));
    program(&["cancel", &id]).end().fine();
    until("the entry is gone", 2 * SOON, || (!entry.exists()).then_some(()));
    run.signal(Signal::TERM);
    run.end().fine();
}
