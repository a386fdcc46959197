//! Downloads that go well, and what people do to them meanwhile: from nginx, and from a server of the test's own
//! for what nginx will not say.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use support::nginx::Nginx;
use support::program::{Home, word};
use support::server::{Asked, Good, Server};
use support::{OVERLAP, SOON, assert_is, content, length, names_in, sha256, until, write};

/// nginx with a folder to serve, and a home to download into.
fn stage() -> (tempfile::TempDir, Nginx, Home) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    (root, nginx, Home::new())
}

#[test]
fn a_file_is_identical_and_has_its_name_and_its_time() {
    let (root, nginx, home) = stage();
    let bytes = content(1, 5_000_000);
    let url = nginx.put("a file.iso", &bytes).replace(' ', "%20");
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    let served = std::fs::File::options().write(true).open(root.path().join("a file.iso")).expect("the file");
    served.set_modified(changed).expect("a time");

    let said = home.run(["get", &url]).fine();
    assert!(said.err.contains("Saved ") && said.err.contains("a file.iso (4.8 MiB in "), "{said:#?}");
    assert_is(&home.file("a file.iso"), &bytes);
    let saved = home.file("a file.iso").metadata().expect("the file").modified().expect("a time");
    assert_eq!(saved, changed);
    assert_eq!(names_in(&home.files()), ["a file.iso"]);

    let log = nginx.log_of(1);
    assert_eq!((log.len(), log[0].status, log[0].range.as_str()), (1, 206, "bytes=0-"), "one request only");
}

#[test]
fn an_empty_file_is_a_file() {
    let (_root, nginx, home) = stage();
    home.run(["get", &nginx.put("empty.txt", b"")]).fine();
    assert_is(&home.file("empty.txt"), b"");
    assert_eq!(names_in(&home.files()), ["empty.txt"]);
}

#[test]
fn a_size_that_is_not_told_does_not_matter() {
    let bytes = content(2, 300_000);
    let sent = bytes.clone();
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/chunked" => {
            answer.head("200 OK", &[("Transfer-Encoding", "chunked")]);
            for chunk in sent.chunks(70_000) {
                answer.bytes(format!("{:x}\r\n", chunk.len()).as_bytes()).bytes(chunk).bytes(b"\r\n");
            }
            answer.bytes(b"0\r\n\r\n");
        }
        _ => {
            answer.head("200 OK", &[]).bytes(&sent);
        }
    });
    let home = Home::new();
    for name in ["chunked", "until-the-end"] {
        home.run(["get", &server.url(name)]).fine();
        assert_is(&home.file(name), &bytes);
    }
    assert_eq!(names_in(&home.files()), ["chunked", "until-the-end"]);
}

#[test]
fn the_server_may_name_the_file_but_not_choose_a_folder() {
    let table = [
        ("attachment; filename=\"plain name.txt\"", "plain name.txt"),
        ("attachment; filename=\"e.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
        ("attachment; filename=\"../../../escape.txt\"", "escape.txt"),
        ("attachment; filename=\"/etc/absolute.txt\"", "absolute.txt"),
        ("attachment; filename=\"C:\\\\Windows\\\\evil.exe\"", "evil.exe"),
        ("attachment; filename*=UTF-8''..%2F..%2Fencoded.txt", "encoded.txt"),
        ("attachment; filename=\".bashrc\"", "bashrc"),
        ("attachment; filename=\"..\"", "8"),
        ("attachment; filename=\"\"", "9"),
        ("attachment; filename*=UTF-8''a%00b%0a.txt", "ab.txt"),
        ("nonsense;;;=;\"", "11"),
    ];
    let server = Server::start(move |asked, answer| {
        let number: usize = asked.target.trim_start_matches('/').parse().unwrap_or(1);
        answer.whole("200 OK", &[("Content-Disposition", table[number - 1].0)], b"x");
    });
    let home = Home::new();
    for (index, (header, _)) in table.iter().enumerate() {
        let said = home.run(["get", &server.url(&(index + 1).to_string())]);
        assert_eq!(said.code, 0, "{header}: {said:#?}");
    }
    let mut names = table.map(|(_, name)| name);
    names.sort_unstable();
    assert_eq!(names_in(&home.files()), names);
    let above = home.files().parent().map(names_in).expect("a folder");
    assert_eq!(above, ["files", "state"], "nothing was written elsewhere");
}

#[test]
fn the_user_chooses_the_folder_and_the_name() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("served.bin", b"bytes");
    home.run(["get", &url, "--out", "mine.bin"]).fine();
    assert_is(&home.file("mine.bin"), b"bytes");
    let folder = home.files().join("new/folder");
    home.run(["get", &url, "--to", &word(&folder)]).fine();
    assert_is(&folder.join("served.bin"), b"bytes");
    home.run(["get", &url, "--to", &word(&folder), "--out", "deeper/mine.bin"]).fine();
    assert_is(&folder.join("deeper/mine.bin"), b"bytes");
    assert!(!home.file("served.bin").exists());
}

#[test]
fn a_checksum_decides_whether_the_file_gets_its_name() {
    let (_root, nginx, home) = stage();
    let bytes = content(3, 200_000);
    let url = nginx.put("file.bin", &bytes);
    let wrong = sha256(b"something else");
    let said = home.run(["get", &url, "--sha256", &wrong]).code(1);
    assert!(said.err.contains("checksum") && said.err.contains(&sha256(&bytes)), "{said:#?}");
    assert_eq!(names_in(&home.files()), ["file.bin.bad"], "nothing under the final name");
    assert_is(&home.file("file.bin.bad"), &bytes);

    // Capitals as some sites print them.
    home.run(["get", &url, "--sha256", &sha256(&bytes).to_uppercase()]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin", "file.bin.bad"]);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let (_root, nginx, home) = stage();
    let bytes = content(4, 100_000);
    nginx.put("there.bin", &bytes);
    home.run(["get", &nginx.url("moved/there.bin")]).fine();
    assert_is(&home.file("there.bin"), &bytes);
    let said = home.run(["get", &nginx.url("loop")]).code(1);
    assert!(said.err.contains("redirected too often"), "{said:#?}");
    assert_eq!(names_in(&home.files()), ["there.bin"]);
}

#[test]
fn request_headers_are_sent() {
    let (_root, nginx, home) = stage();
    nginx.put("file.bin", b"bytes");
    let url = nginx.url("token/file.bin");
    let said = home.run(["get", &url]).code(1);
    assert!(said.err.contains("(403)"), "{said:#?}");
    home.run(["get", &url, "--header", "X-Token: sesame"]).fine();
    assert_is(&home.file("file.bin"), b"bytes");
    home.state_is_without("sesame");
}

#[test]
fn a_login_is_sent_and_never_written_down_or_said() {
    let (_root, nginx, home) = stage();
    let bytes = content(5, 100_000);
    nginx.put("file.bin", &bytes);
    let url = nginx.url("private/file.bin");
    let with = |login: &str| url.replacen("http://", &format!("http://{login}@"), 1);

    let said = home.run(["get", &url]).code(1);
    assert!(said.err.contains("(401)"), "{said:#?}");
    let said = home.run(["get", &with("me:wrong-secret"), "--json"]).code(1);
    assert!(!said.all().contains("wrong-secret"), "{said:#?}");
    let said = home.run(["get", &with("me:hunter2"), "--json"]).fine();
    assert!(!said.all().contains("hunter2") && !said.all().contains("me:"), "{said:#?}");
    assert_is(&home.file("file.bin"), &bytes);
    for secret in ["hunter2", "wrong-secret", "bWU6aHVudGVyMg"] {
        home.state_is_without(secret);
    }
    let listed = home.run(["list", "--json"]).fine();
    assert!(!listed.all().contains("hunter2"), "{listed:#?}");

    // Exactly what RFC 7617 says, with what is escaped in the address as it is meant.
    let server = Server::start(|_, answer| answer.whole("200 OK", &[], b"x"));
    home.run(["get", &server.url_with_login("a%20b:p%40ss", "other.bin")]).fine();
    assert_eq!(server.seen()[0].header("authorization"), Some("Basic YSBiOnBAc3M="));
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn several_are_queued_and_run_until_nothing_is_left() {
    let (_root, nginx, home) = stage();
    let files: Vec<_> = (0..5_u64).map(|n| (format!("{n}.bin"), content(10 + n, 400_000))).collect();
    let urls: Vec<String> = files.iter().map(|(name, bytes)| nginx.put(name, bytes)).collect();
    let said = home
        .run(["add", "--to", &word(&home.files())].into_iter().chain(urls.iter().map(String::as_str)))
        .fine();
    assert_eq!(said.out.lines().count(), 5, "an id for each");
    assert!(said.err.contains("Nothing transfers now"), "{said:#?}");
    assert_eq!(names_in(&home.files()), Vec::<String>::new());
    let held = home.add(&nginx.url("0.bin"), &["--paused", "--out", "held.bin"]);

    let said = home.run(["run", "--until-empty", "--json"]).fine();
    assert_eq!(said.out.lines().count(), 5, "{said:#?}");
    for (name, bytes) in &files {
        assert_is(&home.file(name), bytes);
    }
    assert_eq!(names_in(&home.files()).len(), 5);
    assert_eq!(home.job(&held)["state"], "suspended");
    let done = home.list().iter().filter(|job| job["state"] == "acknowledged").count();
    assert_eq!(done, 5);
}

#[test]
fn one_that_fails_does_not_hold_up_the_others_but_is_told() {
    let (_root, nginx, home) = stage();
    home.add(&nginx.url("missing.bin"), &[]);
    home.add(&nginx.put("there.bin", b"bytes"), &[]);
    let said = home.run(["run", "--until-empty"]).code(1);
    assert!(said.out.contains("(404)"), "{said:#?}");
    assert_is(&home.file("there.bin"), b"bytes");
}

#[test]
fn downloads_are_paused_resumed_cancelled_and_removed_while_they_run() {
    let (_root, nginx, home) = stage();
    let bytes = content(6, 3_000_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=600k";
    let _run = home.start_run();
    let id = home.add(&url, &[]);
    until("bytes", SOON, || (length(&home.file("file.bin.part")) > 300_000).then_some(()));

    home.run(["pause", &id]).fine();
    let held = home.job(&id);
    assert_eq!(held["state"], "suspended", "{held}");
    // nginx sees that nobody listens any more, so nothing moves.
    nginx.log_of(1);
    let kept = length(&home.file("file.bin.part"));
    assert!(kept >= 300_000);

    home.run(["resume", &id]).fine();
    until("more bytes", SOON, || (length(&home.file("file.bin.part")) > kept).then_some(()));
    home.run(["cancel", &id]).fine();
    until("the part to go", SOON, || home.parts().is_empty().then_some(()));
    let log = nginx.log_of(2);
    assert_eq!(
        (log[1].status, log[1].first_byte()),
        (206, kept - OVERLAP as u64),
        "it went on where it was held"
    );
    assert!(!log[1].if_range.is_empty(), "and with proof");
    assert_eq!(home.job(&id)["state"], "cancelled");
    assert_eq!(names_in(&home.files()), Vec::<String>::new());

    home.run(["remove", &id]).fine();
    assert_eq!(home.list().len(), 0);
    home.run(["show", &id]).code(3);
}

#[test]
fn removing_one_that_is_under_way_takes_its_part_along_and_a_finished_file_stays() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("slow.bin", &content(7, 1_000_000)) + "?rate=100k";
    let _run = home.start_run();
    let slow = home.add(&url, &[]);
    let quick = home.add(&nginx.put("quick.bin", b"bytes"), &[]);
    home.job_is(&quick, "acknowledged");
    until("a part", SOON, || (home.parts().len() == 1).then_some(()));
    home.run(["remove", &slow, &quick]).fine();
    until("the part to go", SOON, || home.parts().is_empty().then_some(()));
    until("an empty list", SOON, || home.list().is_empty().then_some(()));
    assert_is(&home.file("quick.bin"), b"bytes");
    assert_eq!(names_in(&home.files()), ["quick.bin"]);
}

#[test]
fn the_cap_changes_while_downloads_run() {
    let (_root, nginx, home) = stage();
    let bytes = content(8, 20_000_000);
    let url = nginx.put("file.bin", &bytes);
    home.run(["limit", "200K"]).fine();
    let _run = home.start_run();
    let id = home.add(&url, &[]);
    until("bytes", SOON, || (length(&home.file("file.bin.part")) > 100_000).then_some(()));
    // At this rate it would take more than a minute and a half.
    assert!(length(&home.file("file.bin.part")) < 10_000_000);
    assert_eq!(home.run(["limit", "--json"]).fine().json()["limit_bps"], 200 * 1024);
    assert_eq!(home.run(["limit", "off", "--json"]).fine().json()["limit_bps"], serde_json::Value::Null);
    home.job_is(&id, "acknowledged");
    assert_is(&home.file("file.bin"), &bytes);
}

#[test]
fn an_interrupted_get_goes_on_where_it_stopped() {
    let (_root, nginx, home) = stage();
    let bytes = content(9, 12_000_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=2m";
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 130), (Signal::HUP, 130)] {
        let before = length(&home.file("file.bin.part"));
        let get = home.start(["get", &url]);
        until("bytes", SOON, || (length(&home.file("file.bin.part")) > before + 200_000).then_some(()));
        get.signal(signal);
        let said = get.end().code(code);
        assert!(said.err.contains("what was fetched is kept"), "{said:#?}");
        assert_eq!(home.list()[0]["state"], "suspended", "it does not go on behind the user's back");
    }
    let kept = length(&home.file("file.bin.part"));
    assert_eq!(home.list()[0]["done_bytes"], kept, "all that arrived is on record");

    let event = home.run(["get", &url, "--json"]).fine().event("finished");
    assert_eq!(event["arrived_bytes"], 12_000_000 - kept);
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(home.list().len(), 1, "it stays one download");
    let log = nginx.log_of(4);
    assert_eq!(log.iter().map(|request| request.status).collect::<Vec<_>>(), [206; 4]);
    assert_eq!((log[0].first_byte(), log[3].first_byte()), (0, kept - OVERLAP as u64));
    assert!(log[3].if_range.starts_with('"'), "{log:?}");
}

#[test]
fn a_get_that_is_cut_off_from_its_reader_keeps_everything() {
    let good = Good::new(content(20, 500_000));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => good.send_until(200_000, asked, answer),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin")]);
    until("bytes", SOON, || (length(&home.file("file.bin.part")) == 200_000).then_some(()));
    get.interrupt().code(130);
    // Another folder is another download, and the first one is not touched.
    let elsewhere = home.files().join("elsewhere");
    home.run(["get", &server.url("file.bin"), "--to", &word(&elsewhere)]).fine();
    assert_is(&elsewhere.join("file.bin"), &bytes);
    assert_is(&home.file("file.bin.part"), &bytes[..200_000]);
    home.run(["get", &server.url("file.bin")]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let ranges: Vec<_> = server.seen().iter().map(Asked::first_byte).collect();
    assert_eq!(ranges, [Some(0), Some(0), Some(200_000 - OVERLAP)]);
}

#[test]
fn what_is_there_already_is_never_overwritten() {
    let (_root, nginx, home) = stage();
    write(&home.file("file.tar.gz"), b"mine");
    let url = nginx.put("file.tar.gz", b"theirs");
    home.run(["get", &url]).fine();
    home.run(["get", &url, "--out", "file.tar.gz"]).fine();
    assert_is(&home.file("file.tar.gz"), b"mine");
    assert_is(&home.file("file (2).tar.gz"), b"theirs");
    assert_is(&home.file("file (3).tar.gz"), b"theirs");

    // And neither is what comes while it is fetched.
    let late = content(21, 600_000);
    let slow = nginx.put("late.bin", &late) + "?rate=300k";
    let get = home.start(["get", &slow]);
    until("a part", SOON, || home.file("late.bin.part").exists().then_some(()));
    write(&home.file("late.bin"), b"mine");
    get.end().fine();
    assert_is(&home.file("late.bin"), b"mine");
    assert_is(&home.file("late (2).bin"), &late);
    assert_eq!(home.parts(), Vec::<String>::new());
}

#[test]
fn no_secret_is_in_the_title_of_the_process() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("file.bin", &content(1, 4_000_000));
    let url = url.replacen("http://", "http://me:hunter2@", 1);
    let words = ["get", &url, "--header", "Cookie: crumbs=4711", "--limit", "1M", "--json"];
    let get = home.start(words);
    get.event("progress");
    let title = std::fs::read(format!("/proc/{}/cmdline", get.id())).expect("its title");
    let title = String::from_utf8_lossy(&title).replace('\0', " ");
    assert!(title.contains("get http://…@127.0.0.1"), "{title}");
    assert!(!title.contains("hunter2") && !title.contains("4711"), "{title}");
    get.interrupt().code(130);
}
