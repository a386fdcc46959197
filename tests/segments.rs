//! Several connections for one file, and several addresses: only what belongs together is put together, and what one
//! connection or address refuses costs no more than that.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use support::nginx::{Logged, Nginx};
use support::program::Home;
use support::server::{Asked, Good, Server};
use support::{OVERLAP, SOON, assert_is, content, length, names_in, until};

const MIB: usize = 1 << 20;

/// How much is compared of the end of what came from another address, in bytes.
const COMPARED: usize = 256 << 10;

/// A moment that is old enough to be proof.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// A server of its own with this file, as changed at that time.
fn nginx_with(bytes: &[u8], modified: SystemTime) -> (tempfile::TempDir, Nginx, String) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let url = nginx.put("file.bin", bytes);
    let file = std::fs::File::options().write(true).open(root.path().join("file.bin")).expect("the file");
    file.set_modified(modified).expect("its time");
    (root, nginx, url)
}

/// What the log has of what was decided.
fn decided(home: &Home) -> String {
    home.run(["log", "--json", "-n", "1000"]).fine().out
}

/// The answers that brought more of the file than what is compared.
fn brought(log: &[Logged]) -> Vec<&Logged> {
    log.iter().filter(|request| request.status == 206 && request.body_bytes > 300_000).collect()
}

#[test]
fn a_file_comes_over_as_many_connections_as_asked_for() {
    let bytes = content(1000, 16 * MIB);
    let (_root, nginx, url) = nginx_with(&bytes, long_ago());
    let home = Home::new();
    home.run(["get", &format!("{url}?rate=2m"), "--connections", "4"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"]);
    let log = nginx.log_of(4);
    assert!(brought(&log).len() >= 4, "{log:#?}");
    assert!(
        log[1..].iter().all(|request| !request.if_range.is_empty() || request.range == "bytes=0-"),
        "{log:#?}"
    );
    let sent: u64 = log.iter().map(|request| request.body_bytes).sum();
    // What was on its way on a connection whose rest another took over.
    assert!(sent <= (bytes.len() + 4 * MIB) as u64, "{sent} bytes were sent");
}

#[test]
fn one_connection_is_the_rule() {
    let bytes = content(1001, 5 * MIB);
    let (_root, nginx, url) = nginx_with(&bytes, long_ago());
    let home = Home::new();
    home.run(["get", &url]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(nginx.log_of(1).len(), 1);
}

#[test]
fn a_low_cap_is_not_divided_among_connections() {
    let good = Good::new(content(1020, 3 * MIB));
    let server = Server::start(move |asked, answer| good.send(asked, answer));
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin"), "--connections", "4", "--limit", "40K"]);
    // By then the others would be there: they are opened with the first answer.
    until("some of the file", SOON, || (length(&home.file("file.bin.part")) > 100_000).then_some(()));
    get.interrupt().code(130);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_server_that_refuses_more_connections_costs_nothing_else() {
    let bytes = content(1002, 6 * MIB);
    let good = Good::new(bytes.clone());
    // The first is served, slowly; all others are refused in three ways.
    let server = Server::start(move |asked, answer| match asked.number {
        0 => {
            good.head(asked, answer);
            for piece in good.bytes.chunks(64 << 10) {
                answer.bytes(piece);
                support::nap(Duration::from_millis(5));
            }
        }
        number if number % 3 == 0 => answer.whole("429 Too Many Requests", &[("Retry-After", "3600")], b""),
        number if number % 3 == 1 => answer.whole("503 Service Unavailable", &[], b""),
        _ => {
            answer.bytes(b"");
        }
    });
    let home = Home::new();
    home.run(["get", &server.url("file.bin"), "--connections", "8"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let seen = server.seen();
    assert!(seen.len() > 1 && seen.len() <= 9, "each is tried once: {seen:#?}");
    assert!(decided(&home).contains("Goes on with"), "{}", decided(&home));
}

#[test]
fn a_file_that_is_replaced_between_two_segments_is_never_mixed() {
    let (old, new) = (content(1003, 6 * MIB), content(1004, 6 * MIB));
    let (before, after) = (Good::new(old), Good { etag: "\"two\"".into(), ..Good::new(new.clone()) });
    // The first connection brings the old version, slowly; whoever comes after it gets the new one.
    let server = Server::start(move |asked, answer| {
        if asked.number > 0 {
            return after.send(asked, answer);
        }
        before.head(asked, answer);
        for piece in before.bytes.chunks(64 << 10).take(40) {
            answer.bytes(piece);
            support::nap(Duration::from_millis(10));
        }
    });
    let home = Home::new();
    home.run(["get", &server.url("file.bin"), "--connections", "4"]).fine();
    assert_is(&home.file("file.bin"), &new);
    let log = decided(&home);
    assert!(log.contains("is of no use") && log.contains("Starts over"), "{log}");
}

#[test]
fn what_a_crash_leaves_of_several_connections_is_gone_on_with() {
    let bytes = content(1005, 24 * MIB);
    let (_root, nginx, url) = nginx_with(&bytes, long_ago());
    let home = Home::new();
    let url = format!("{url}?rate=1m");
    let mut kills = 0;
    while kills < 3 {
        let mut get = home.start(["get", &url, "--connections", "6", "--json"]);
        get.event("progress");
        support::nap(Duration::from_millis(1500));
        assert!(!get.has_ended(), "it was whole before it was killed");
        get.kill();
        kills += 1;
    }
    let done = home.list()[0]["done_bytes"].as_u64().expect("a number");
    assert!(done > 4 * MIB as u64, "only {done} bytes are on record");
    let finished = home.run(["get", &url, "--connections", "6", "--json"]).fine().event("finished");
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"]);
    assert_eq!(finished["arrived_bytes"], bytes.len() as u64 - done, "only what was missing");
    assert!(brought(&nginx.log()).len() > 6);
}

/// Breaks a download off of which only a piece in the middle is there, and goes on when the server has this.
fn goes_on_from_the_middle(now: &Good) -> (Home, Vec<Asked>, usize) {
    const THERE: usize = 300_000;
    let is_held = Arc::new(AtomicBool::new(true));
    let (then, is_first) = (now.clone(), Arc::clone(&is_held));
    let was = Good::new(content(1015, 5 * MIB));
    let server = Server::start(move |asked, answer| {
        if !is_first.load(Ordering::SeqCst) {
            return then.send(asked, answer);
        }
        let first = was.first(asked);
        was.send_until(if first == 0 { 0 } else { first + THERE }, asked, answer);
    });
    let home = Home::new();
    let words = ["get", &server.url("file.bin"), "--connections", "2"];
    let get = home.start(words);
    let end = until("a piece of it", SOON, || {
        let start = server.seen().get(1).and_then(Asked::first_byte)?;
        (length(&home.file("file.bin.part")) == (start + THERE) as u64).then_some(start + THERE)
    });
    get.interrupt().code(130);
    assert_eq!(home.list()[0]["done_bytes"], THERE);
    is_held.store(false, Ordering::SeqCst);
    home.run(words).fine();
    assert_is(&home.file("file.bin"), &now.bytes);
    (home, server.seen().split_off(2), end)
}

#[test]
fn what_stands_alone_in_the_middle_is_compared_before_anything_is_put_beside_it() {
    let (home, seen, end) = goes_on_from_the_middle(&Good::new(content(1015, 5 * MIB)));
    assert_eq!(seen[0].range(), Some((end - OVERLAP, Some(end - 1))), "{seen:#?}");
    assert_eq!(seen[1].range().map(|(first, _)| first), Some(0), "{seen:#?}");
    assert!(!decided(&home).contains("Starts over"), "{}", decided(&home));
    // Other bytes under the same ETag.
    let (home, ..) = goes_on_from_the_middle(&Good::new(content(1016, 5 * MIB)));
    assert!(decided(&home).contains("what was fetched again of it is not the same"), "{}", decided(&home));
}

#[test]
fn mirrors_are_asked_in_turn() {
    let bytes = content(1006, 3 * MIB);
    let (_root, nginx, url) = nginx_with(&bytes, long_ago());
    let refused = format!("http://127.0.0.1:{}/file.bin", support::nginx::free_port());
    let missing = nginx.url("missing.bin");
    let home = Home::new();
    home.run(["get", &refused, "--mirror", &missing, "--mirror", &url]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert!(decided(&home).contains("Asks 127.0.0.1 next"), "{}", decided(&home));

    // Also in the middle.
    let good = Good::new(bytes.clone());
    let half = bytes.len() / 2;
    let server = Server::start(move |asked, answer| {
        if asked.number > 0 {
            return answer.whole("404 Not Found", &[], b"");
        }
        let modified = httpdate::fmt_http_date(long_ago());
        let (length, range) =
            (good.bytes.len().to_string(), format!("bytes 0-{}/{}", good.bytes.len() - 1, good.bytes.len()));
        let headers = [
            ("Content-Length", length.as_str()),
            ("Content-Range", range.as_str()),
            ("ETag", "\"here\""),
            ("Last-Modified", modified.as_str()),
        ];
        answer.head("206 Partial Content", &headers).bytes(&good.bytes[..half]);
    });
    let home = Home::new();
    home.run(["get", &server.url("file.bin"), "--mirror", &url]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let log = nginx.log();
    assert_eq!(
        log.last().map(Logged::first_byte),
        Some((half - COMPARED) as u64),
        "the rest came from the mirror: {log:#?}"
    );
}

#[test]
fn mirrors_are_used_side_by_side() {
    let bytes = content(1007, 16 * MIB);
    let (_root_one, one, url) = nginx_with(&bytes, long_ago());
    let (_root_two, two, mirror) = nginx_with(&bytes, long_ago());
    let home = Home::new();
    let (url, mirror) = (format!("{url}?rate=1m"), format!("{mirror}?rate=1m"));
    home.run(["get", &url, "--mirror", &mirror, "--connections", "4"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let brought = [&one, &two].map(|nginx| brought(&nginx.log_of(2)).len());
    assert!(brought[0] >= 1 && brought[1] >= 1, "{brought:?}: {}", decided(&home));
}

#[test]
fn a_mirror_with_another_file_is_never_mixed_in() {
    let bytes = content(1008, 8 * MIB);
    let mut other = bytes.clone();
    // Different only where it has not been compared.
    let middle = other.len() / 2;
    other[middle..].reverse();
    let (_root_one, _one, url) = nginx_with(&bytes, long_ago());
    for (other, modified, words) in [
        (content(1009, 8 * MIB), long_ago(), &[][..]),
        (other.clone(), long_ago() + Duration::from_hours(1), &[]),
        (content(1010, 7 * MIB), long_ago(), &["--sha256"]),
    ] {
        let (_root_two, _two, mirror) = nginx_with(&other, modified);
        let home = Home::new();
        let (url, mirror) = (format!("{url}?rate=1m"), format!("{mirror}?rate=1m"));
        let mut all = vec!["get", &url, "--mirror", &mirror, "--connections", "4"];
        let sum = support::sha256(&bytes);
        all.extend(words);
        all.extend(words.first().map(|_| sum.as_str()));
        home.run(&all).fine();
        assert_is(&home.file("file.bin"), &bytes);
        assert!(decided(&home).contains("is of no use"), "{}", decided(&home));
    }
}

/// Breaks a download off at its half, gives it another address, and goes on.
fn moves_to(bytes: &[u8], address: &str) -> (Home, i32) {
    let good = Good::new(bytes.to_vec());
    let half = bytes.len() / 2;
    let server = Server::start(move |asked, answer| {
        let modified = httpdate::fmt_http_date(long_ago());
        let (length, range) =
            (good.bytes.len().to_string(), format!("bytes 0-{}/{}", good.bytes.len() - 1, good.bytes.len()));
        let headers = [
            ("Content-Length", length.as_str()),
            ("Content-Range", range.as_str()),
            ("ETag", "\"here\""),
            ("Last-Modified", modified.as_str()),
        ];
        assert_eq!(asked.number, 0, "it is asked no more");
        answer.head("206 Partial Content", &headers).bytes(&good.bytes[..half]).hold();
    });
    let home = Home::new();
    let id = home.add(&server.url("file.bin"), &[]);
    let run = home.start_run();
    until("half of it", SOON, || (length(&home.file("file.bin.part")) == half as u64).then_some(()));
    home.run(["pause", &id]).fine();
    home.job_is(&id, "suspended");
    home.run(["set", &id, "address", address]).fine();
    home.run(["resume", &id]).fine();
    let state = until("its end", SOON, || {
        let state = home.job(&id)["state"].as_str().unwrap_or_default().to_owned();
        ["acknowledged", "error"].contains(&state.as_str()).then_some(state)
    });
    run.interrupt().calm();
    (home, i32::from(state == "error"))
}

#[test]
fn a_download_goes_on_at_another_address_that_has_the_same_file() {
    let bytes = content(1011, 3 * MIB);
    let (_root, nginx, url) = nginx_with(&bytes, long_ago());
    let (home, failed) = moves_to(&bytes, &url);
    assert_eq!(failed, 0, "{}", decided(&home));
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(nginx.log().last().map(Logged::first_byte), Some((bytes.len() / 2 - COMPARED) as u64));
}

#[test]
fn another_address_with_another_file_is_said_and_nothing_is_lost() {
    let bytes = content(1012, 3 * MIB);
    for (other, modified, how) in [
        (content(1013, 3 * MIB), long_ago(), "is not the same"),
        (content(1014, 2 * MIB), long_ago(), "instead of"),
        (bytes.clone(), long_ago() + Duration::from_hours(1), "ETag"),
    ] {
        let (_root, _nginx, url) = nginx_with(&other, modified);
        let (home, failed) = moves_to(&bytes, &url);
        assert_eq!(failed, 1, "{}", decided(&home));
        let job = home.list().remove(0);
        let text = job.to_string();
        assert!(text.contains("another_file") && text.contains(how), "{how}: {text}");
        assert_eq!(job["done_bytes"], bytes.len() / 2, "what was fetched is kept");
        assert_eq!(names_in(&home.files()), ["file.bin.part"]);
    }
}
