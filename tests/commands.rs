//! The commands of the built program, each on its main path: settings, the log, the monitor, files, holding all.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use serde_json::{Value, json};
use support::nginx::Nginx;
use support::program::Home;
use support::{SOON, assert_is, content, read, until, write};

fn stage() -> (tempfile::TempDir, Nginx, Home) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    (root, nginx, Home::new())
}

/// The entries of the log about a job, or of all.
fn log(home: &Home, words: &[&str]) -> Vec<Value> {
    match home.run(["log", "--json"].iter().chain(words)).fine().json() {
        Value::Array(entries) => entries,
        other => panic!("no log: {other}"),
    }
}

fn numbers(entries: &[Value]) -> Vec<u64> {
    entries.iter().filter_map(|entry| entry["number"].as_u64()).collect()
}

#[test]
fn settings_outlive_the_program_and_mistakes_are_named() {
    let home = Home::new();
    let run = home.start_run();
    assert_eq!(home.run(["settings", "slow-bps", "2m"]).fine().out, "2M\n");
    assert_eq!(home.run(["settings", "work", "mon-fri", "08:00-17:30"]).fine().out, "mon-fri 08:00-17:30\n");
    run.interrupt().code(130);
    assert_eq!(home.run(["settings", "slow_bps"]).fine().out, "2M\n");
    let one = home.run(["settings", "work", "--json"]).fine().json();
    assert_eq!((&one["key"], &one["value"]), (&json!("work"), &json!("mon-fri 08:00-17:30")));
    let all = home.run(["settings"]).fine().out;
    assert!(all.lines().any(|line| line.starts_with("slow_bps") && line.contains("  2M  ")), "{all}");
    for (words, part) in [
        (&["settings", "slo_bps"][..], "nearest name is slow_bps"),
        (&["settings", "slo_bps", "1M"], "nearest name is slow_bps"),
        (&["settings", "slow_bps", "fast"], "slow_bps was not changed"),
    ] {
        let said = home.run(words).code(2);
        assert!(said.err.contains(part), "{said:#?}");
    }
    assert_eq!(home.run(["slow", "on"]).fine().out, "on: 2.0 MiB/s\n");
    assert_eq!(home.run(["slow", "--json"]).fine().json(), json!({ "slow": true, "slow_bps": 2 << 20 }));
    assert_eq!(home.run(["slow", "off"]).fine().out, "off\n");
}

#[test]
fn switched_off_nothing_is_queued_and_the_log_says_so() {
    let home = Home::new();
    let _run = home.start_run();
    home.run(["settings", "start_mode", "disabled"]).fine();
    let said = home.run(["add", "http://127.0.0.1:9/file.bin"]).code(4);
    assert!(said.err.contains("meanwhile settings start_mode manual"), "{said:#?}");
    assert_eq!(home.list(), Vec::<Value>::new());
    let entry =
        until("the event", SOON, || log(&home, &[]).into_iter().find(|entry| entry["number"] == 10_005));
    assert_eq!((&entry["event"], &entry["what"]), (&json!("disabled"), &json!("add file.bin")));
    let text = home.run(["log", "-n", "100"]).fine().out;
    assert!(text.contains("  10005  -  ") && text.contains("add file.bin"), "{text}");
}

#[test]
fn pause_all_outlives_the_program_and_resume_all_lifts_it() {
    let (_root, nginx, home) = stage();
    let bytes = content(1, 100_000);
    let id = home.add(&nginx.put("file.bin", &bytes), &[]);
    let run = home.start(["pause", "--all", "--json"]).end().fine().json();
    assert_eq!(run, json!({ "done": [id], "paused": true }));
    let later = home.add(&nginx.put("later.bin", &bytes), &[]);
    let run = home.start_run();
    for id in [&id, &later] {
        let job = home.job_is(id, "waiting");
        assert_eq!(job["waiting"], json!({ "why": "held", "until_unix_secs": null }));
    }
    let said = home.run(["list"]).fine();
    assert!(said.err.contains("All downloads are paused.") && said.err.contains("resume --all"), "{said:#?}");
    let said = home.run(["resume", "--all"]).fine();
    assert_eq!(said.out, "All downloads are no longer paused: 2 go on.\n");
    home.job_is(&id, "acknowledged");
    home.job_is(&later, "acknowledged");
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(home.run(["list"]).fine().err, "");
    drop(run);
}

#[test]
fn the_log_has_the_life_of_a_download() {
    let (_root, nginx, home) = stage();
    let bytes = content(2, 100_000);
    let url = nginx.put("file.bin", &bytes);
    let _run = home.start_run();
    let id = home.add(&url, &[]);
    // The log is written beside the work, and nobody waits for it.
    let entries = until("its end in the log", SOON, || {
        Some(log(&home, &[&id])).filter(|entries| numbers(entries).contains(&4))
    });
    assert_eq!(numbers(&entries).into_iter().filter(|of| *of != 16_403).collect::<Vec<_>>(), [3, 59, 60, 4]);
    let started = entries.iter().find(|entry| entry["number"] == 59).expect("its start");
    let expected = json!({ "event": "started", "file": 1, "url": url, "cause": "scheduler", "job": id });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&started[key], value, "{key}");
    }
    let stopped = entries.iter().find(|entry| entry["number"] == 60).expect("its end");
    assert_eq!((&stopped["finished"], &stopped["done_bytes"]), (&json!(true), &json!(100_000)));
    assert_eq!(log(&home, &[&id, "-n", "1"]).len(), 1);

    let text = home.run(["log", &id]).fine().out;
    let last = text.lines().last().expect("a line");
    let (time, rest) = last.split_at(19);
    assert!(time.as_bytes()[4] == b'-' && time.as_bytes()[13] == b':', "{last}");
    assert!(rest.contains("  4  ") && rest.contains("Finished: 97.7 KiB"), "{last}");
    assert!(home.run(["log"]).fine().out.contains("  file.bin  "));
    // Its lines are still there when it is off the list.
    home.run(["remove", &id]).fine();
    assert!(numbers(&log(&home, &[&id])).contains(&4));
    home.run(["log", &id[..8]]).code(3);
}

#[test]
fn the_monitor_speaks_as_bitsadmin_does() {
    let (_root, nginx, home) = stage();
    let id = home.add(&(nginx.put("file.bin", &content(3, 4_000_000)) + "?rate=200k"), &[]);
    let _run = home.start_run();
    home.job_is(&id, "transferring");
    let monitor = home.start(["monitor", "--plain", "--refresh", "1"]);
    monitor.line("MONITORING BACKGROUND COPY MANAGER(1 second refresh)");
    let guid = format!("{{{}}}", id.to_uppercase());
    let line = monitor.line(" / 4000000");
    let rest = line.strip_prefix(&format!("{guid} file.bin TRANSFERRING 0 / 1 ")).expect("its line");
    let done: u64 = rest.strip_suffix(" / 4000000").and_then(|done| done.parse().ok()).expect("bytes");
    assert!(done <= 4_000_000);
    monitor.interrupt().code(130);

    let events = home.start(["monitor", "--json", "--refresh", "1"]);
    let look: Value = serde_json::from_str(&events.line("\"jobs\":[{")).expect("JSON");
    assert_eq!((&look["runs"], &look["jobs"][0]["id"]), (&json!(true), &json!(id)));
    events.interrupt().code(130);

    let lines = home.start(["monitor"]);
    lines.line("downloading");
    lines.interrupt().code(130);

    let listed = home.run(["list", "--plain"]).fine().out;
    assert!(listed.starts_with(&guid) && listed.ends_with("Listed 1 job(s).\n"), "{listed}");
}

#[test]
fn the_monitor_leaves_the_list_to_others() {
    let (_root, nginx, home) = stage();
    let monitor = home.start(["monitor", "--plain", "--refresh", "1"]);
    monitor.line("MONITORING");
    // Nobody is at work; what is added is seen, and an engine that starts is not in anybody's way.
    let id = home.add(&nginx.put("file.bin", &content(4, 100_000)), &[]);
    monitor.line("file.bin QUEUED 0 / 1 0 / UNKNOWN");
    home.run(["run", "--until-empty"]).fine();
    monitor.line("file.bin ACKNOWLEDGED 1 / 1 100000 / 100000");
    assert_eq!(home.job(&id)["state"], "acknowledged");
    monitor.interrupt().code(130);
}

#[test]
fn a_bad_file_among_good_ones_can_be_mended_or_skipped() {
    let (_root, nginx, home) = stage();
    let (one, three) = (content(5, 100_000), content(6, 100_000));
    let urls = [nginx.put("1.bin", &one), nginx.url("2.bin"), nginx.put("3.bin", &three)];
    let id = home.add(&urls[0], &[&urls[1], &urls[2], "--together", "--name", "set"]);
    let _run = home.start_run();
    let job = home.job_is(&id, "error");
    let states = |job: &Value| {
        let files = job["files"].as_array().expect("files").iter();
        files.map(|file| file["state"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(&job), ["finished", "error", "finished"]);
    assert_eq!(job["files"][1]["fault"]["status"], 404);
    let table = home.run(["files", "set"]).fine().out;
    assert!(
        table.lines().any(|line| line.contains(" 2  failed: The file is not on the server (404)")),
        "{table}"
    );

    // To try again what is still not there leads to the same.
    home.run(["file", "set", "2", "retry"]).fine();
    until("two requests for it", SOON, || {
        let asked = nginx.log().into_iter().filter(|request| request.target == "/2.bin").count();
        (asked >= 2).then_some(())
    });
    home.job_is(&id, "error");
    let two = content(7, 100_000);
    let elsewhere = nginx.put("elsewhere.bin", &two);
    home.run(["set", "set", "address", &elsewhere]).code(2);
    home.run(["file", "set", "2", "address", &elsewhere]).fine();
    let job = home.job_is(&id, "acknowledged");
    assert_eq!(states(&job), ["finished"; 3]);
    let path = job["files"][1]["path"].as_str().expect("a path").to_owned();
    assert_eq!(read(path.as_ref()), two);

    let other = home.add(&urls[0], &[&nginx.url("none.bin"), "--together", "--name", "other"]);
    home.job_is(&other, "error");
    home.run(["file", "other", "7", "skip"]).code(2);
    home.run(["file", "other", "2", "skip"]).fine();
    assert_eq!(states(&home.job_is(&other, "acknowledged")), ["finished", "left_out"]);
}

#[test]
fn another_address_heals_a_download() {
    let (_root, nginx, home) = stage();
    let bytes = content(8, 100_000);
    let url = nginx.put("there.bin", &bytes);
    let id = home.add(&nginx.url("gone.bin"), &["--name", "mine"]);
    let _run = home.start_run();
    home.job_is(&id, "error");
    home.run(["set", "mine", "address", &url]).fine();
    let job = home.job_is(&id, "acknowledged");
    assert_is(job["path"].as_str().expect("a path").as_ref(), &bytes);
}

#[test]
fn properties_are_set_and_shown() {
    let home = Home::new();
    let [one, two, three] = ["1", "2", "3"].map(|name| {
        home.add(&format!("http://127.0.0.1:9/{name}"), &["--paused", "--hold", "--finish", "cp 'a b'"])
    });
    let job = home.job(&one);
    assert_eq!((&job["hold_finished"], &job["finish"]), (&json!(true), &json!("cp 'a b'")));
    for (what, value) in [
        ("name", "mine"),
        ("files-at-once", "4"),
        ("hold", "off"),
        ("finish", "off"),
        ("limit", "1M"),
        ("priority", "low"),
    ] {
        home.run(["set", &one, what, value]).fine();
    }
    let job = home.job(&one);
    let expected = json!({
        "name": "mine", "files_at_once": 4, "hold_finished": false, "finish": null, "limit_bps": 1 << 20, "priority": "low",
        "wanted": "suspend", "cause": "user", "stale": false, "faults": 0,
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&job[key], value, "{key}");
    }
    let order =
        || home.list().iter().filter_map(|job| job["id"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    home.run(["move", "mine", "--bottom"]).fine();
    assert_eq!(order(), [&*two, &three, &one]);
    home.run(["move", &three, "mine", "--top"]).fine();
    assert_eq!(order(), [&*three, &one, &two]);
    home.run(["move", &two, "--before", "mine"]).fine();
    assert_eq!(order(), [&*three, &two, &one]);

    home.run(["add", "http://127.0.0.1:9/4", "http://127.0.0.1:9/5", "--job", "mine"]).fine();
    let files = home.run(["files", "mine", "--json"]).fine().json();
    let folders = files.as_array().expect("files").iter().map(|file| file["number"].clone());
    assert_eq!(folders.collect::<Vec<_>>(), [1, 2, 3]);
    let shown = home.run(["show", "mine"]).fine().out;
    assert!(
        shown.contains("place          3 of 3") && shown.contains("files          0 of 3 finished"),
        "{shown}"
    );
}

#[test]
fn a_damaged_list_is_mended_and_an_emptied_one_is_put_aside() {
    let home = Home::new();
    let said = home.run(["repair"]).fine();
    assert!(said.out.contains("There is no list yet."), "{said:#?}");
    let id = home.add("http://127.0.0.1:9/1", &["--paused"]);
    assert_eq!(home.run(["repair", "--json"]).fine().json()["intact"], true);
    let run = home.start_run();
    for words in [&["repair"][..], &["reset", "--yes"]] {
        let said = home.run(words).code(5);
        assert!(
            said.err.contains(&format!("process {}", run.id())) && said.err.contains("You can "),
            "{said:#?}"
        );
    }
    run.interrupt().code(130);

    let current = home.run(["repair", "--json"]).fine().json()["files"][0]["path"].clone();
    let current = std::path::PathBuf::from(current.as_str().expect("a path"));
    let mut bytes = read(&current);
    bytes.extend_from_slice(b"nonsense\n");
    write(&current, &bytes);
    let report = home.run(["repair", "--json"]).fine().json();
    assert_eq!((&report["intact"], &report["jobs"]), (&json!(false), &json!(1)), "{report}");
    assert!(home.run(["repair"]).fine().out.contains("Nothing is damaged; nothing was changed."));
    assert_eq!(home.list()[0]["id"], id);

    let said = home.run(["reset"]).code(2);
    assert!(said.err.contains("--yes"), "{said:#?}");
    assert_eq!(home.list().len(), 1);
    let said = home.run(["reset", "--yes"]).fine();
    assert!(said.out.contains("The list and the log are empty now"), "{said:#?}");
    assert_eq!(home.list(), Vec::<Value>::new());
}

#[test]
fn the_link_is_told_of_by_the_instance_that_runs() {
    let home = Home::new();
    let said = home.run(["link"]).fine();
    assert!(said.out.starts_with("Nothing transfers now"), "{said:#?}");
    let alone = home.run(["link", "--json"]).fine().json();
    assert_eq!((&alone["runs"], &alone["state"]), (&json!(false), &json!("resting")));
    let _run = home.start_run();
    let said = home.run(["link"]).fine();
    assert!(said.out.starts_with("Nothing uses the link in the background now.\n\nInterface "), "{said:#?}");
    let rests = home.run(["link", "--json"]).fine().json();
    assert_eq!((&rests["runs"], &rests["own_bps"]), (&json!(true), &json!(0)));
}
