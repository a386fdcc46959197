//! Downloads that are cut short, by a crash, by a server or behind their back, and go on: never with a wrong byte,
//! and with little fetched twice.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::time::{Duration, Instant};

use support::nginx::Nginx;
use support::program::Home;
use support::server::{Answer, Asked, Good, Server};
use support::{Chance, OVERLAP, SOON, assert_is, content, length, names_in, nap, seed, until};

/// The size of the files that are broken in the middle, and where.
const TOTAL: usize = 600_000;
const BROKEN_AT: usize = 250_000;

#[test]
fn kill_9_at_any_moment_costs_at_most_two_seconds_of_work_and_no_byte_is_wrong() {
    const RATE: u64 = 4 << 20;
    let root = tempfile::tempdir().expect("a folder");
    let (nginx, home) = (Nginx::start(root.path()), Home::new());
    let bytes = content(100, 40_000_000);
    let url = nginx.put("file.bin", &bytes) + "?rate=4m";
    let part = home.file("file.bin.part");
    let mut chance = Chance::new(seed());

    // What had arrived when it was killed, for each time; often, but not so late that it might be whole.
    let mut arrived = Vec::new();
    while arrived.len() < 8 && length(&part) < 26_000_000 {
        let mut get = home.start(["get", &url, "--json"]);
        get.event("progress");
        // The moment itself is the event here: nothing can announce it.
        nap(Duration::from_millis(chance.between(0, 1500)));
        assert!(!get.has_ended(), "it was whole before it was killed: {arrived:?}");
        get.kill();
        arrived.push(length(&part));
    }
    let finished = home.run(["get", &url, "--json"]).fine().event("finished");
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"]);

    let log = nginx.log_of(arrived.len() + 1);
    assert_eq!(log.len(), arrived.len() + 1);
    let starts: Vec<u64> = log.iter().skip(1).map(support::nginx::Logged::first_byte).collect();
    eprintln!("arrived at each kill: {arrived:?}\nwent on at: {starts:?}");
    for (arrived, start) in arrived.iter().zip(&starts) {
        assert!(start <= arrived, "it went on behind what had arrived: {starts:?} {arrived:?}");
        assert!(arrived - start <= 2 * RATE, "{} bytes were fetched twice", arrived - start);
    }
    assert!(starts.iter().any(|start| *start > 0), "it never went on: {starts:?}");
    assert_eq!(finished["arrived_bytes"], (bytes.len() - OVERLAP) as u64 - starts[starts.len() - 1]);
    // The server's count has what was on its way at each kill on top.
    let sent: u64 = log.iter().map(|request| request.body_bytes).sum();
    let most = bytes.len() as u64 + 3 * RATE * arrived.len() as u64;
    assert!(sent <= most, "{sent} bytes were sent for {} of the file", bytes.len());
}

#[test]
fn kill_9_of_several_at_once_loses_none_of_them() {
    let root = tempfile::tempdir().expect("a folder");
    let (nginx, home) = (Nginx::start(root.path()), Home::new());
    let files: Vec<_> = (0..4_u64).map(|n| (format!("{n}.bin"), content(200 + n, 1_500_000))).collect();
    let run = home.start_run();
    for (name, bytes) in &files {
        home.add(&(nginx.put(name, bytes) + "?rate=700k"), &[]);
    }
    until("bytes", SOON, || (length(&home.file("1.bin.part")) > 300_000).then_some(()));
    run.kill();
    assert_eq!(home.list().len(), 4);
    home.run(["run", "--until-empty"]).fine();
    for (name, bytes) in &files {
        assert_is(&home.file(name), bytes);
    }
    assert_eq!(names_in(&home.files()).len(), 4);
}

/// Gets a file until the server holds it at [`BROKEN_AT`], and stops there, with everything on record.
fn break_off(home: &Home, server: &Server) {
    let get = home.start(["get", &server.url("file.bin")]);
    wait_for_half(home);
    get.interrupt().code(130);
    assert_eq!(home.list()[0]["done_bytes"], BROKEN_AT);
}

fn wait_for_half(home: &Home) {
    let part = home.file("file.bin.part");
    until("half of it", SOON, || (length(&part) == BROKEN_AT as u64).then_some(()));
}

/// Breaks a good download off, and then has the server answer like this whenever it is asked to go on. Whatever it
/// says, the finished file must be the one that is on the server then.
#[track_caller]
fn goes_on_with(
    first_answer: fn(&Good) -> Vec<(&'static str, String)>,
    then: impl Fn(&Asked, &Good, &mut Answer) + Send + Sync + 'static,
) -> Vec<Asked> {
    let good = Good::new(content(300, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| {
        if asked.number > 0 {
            return then(asked, &good, answer);
        }
        let (length, range) = (TOTAL.to_string(), format!("bytes 0-{}/{TOTAL}", TOTAL - 1));
        let mut headers = vec![("Content-Length", length.as_str()), ("Content-Range", &range)];
        let more = first_answer(&good);
        headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        answer.head("206 Partial Content", &headers).bytes(&good.bytes[..BROKEN_AT]).hold();
    });
    let home = Home::new();
    break_off(&home, &server);
    home.run(["get", &server.url("file.bin")]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"]);
    server.seen()
}

fn etag(good: &Good) -> Vec<(&'static str, String)> {
    vec![("ETag", good.etag.clone())]
}

/// The whole file, without ranges.
fn send_whole(good: &Good, answer: &mut Answer) {
    answer.whole("200 OK", &[("ETag", &good.etag)], &good.bytes);
}

#[test]
fn a_good_server_is_asked_for_the_rest_only() {
    let seen = goes_on_with(etag, |asked, good, answer| good.send(asked, answer));
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].first_byte(), Some(BROKEN_AT - OVERLAP));
    assert_eq!(seen[1].header("if-range"), Some("\"one\""));
}

#[test]
fn a_server_that_ignores_the_range_is_heard_from_the_start() {
    let seen = goes_on_with(etag, |_, good, answer| send_whole(good, answer));
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_range_that_starts_elsewhere_is_not_put_behind_what_is_there() {
    let seen = goes_on_with(etag, |asked, good, answer| {
        let Some(first) = asked.first_byte() else { return send_whole(good, answer) };
        let (first, last) = (first + 1000, TOTAL - 1);
        let range = format!("bytes {first}-{last}/{TOTAL}");
        let headers = [("Content-Range", range.as_str()), ("ETag", &good.etag)];
        answer.whole("206 Partial Content", &headers, &good.bytes[first..]);
    });
    assert_eq!((seen.len(), seen[2].first_byte()), (3, None), "then it is asked for the whole");
}

#[test]
fn a_range_of_a_file_of_another_size_is_of_another_file() {
    goes_on_with(etag, |asked, good, answer| {
        let Some(first) = asked.first_byte() else { return send_whole(good, answer) };
        let range = format!("bytes {first}-{}/{}", TOTAL + 99, TOTAL + 100);
        let headers = [("Content-Range", range.as_str()), ("ETag", &good.etag)];
        answer.whole("206 Partial Content", &headers, &vec![0; TOTAL + 100 - first]);
    });
}

#[test]
fn a_part_without_a_range_or_with_several_proves_nothing() {
    goes_on_with(etag, |asked, good, answer| match asked.first_byte() {
        None => send_whole(good, answer),
        Some(first) => answer.whole("206 Partial Content", &[], &good.bytes[first..]),
    });
    goes_on_with(etag, |asked, good, answer| {
        if asked.first_byte().is_none() {
            return send_whole(good, answer);
        }
        let kind = [("Content-Type", "multipart/byteranges; boundary=x")];
        answer.whole("206 Partial Content", &kind, b"--x\r\n\r\nabc\r\n--x--\r\n");
    });
}

#[test]
fn a_part_of_another_version_is_not_mixed_in() {
    goes_on_with(etag, |asked, good, answer| {
        let Some(first) = asked.first_byte() else { return send_whole(good, answer) };
        let range = format!("bytes {first}-{}/{TOTAL}", TOTAL - 1);
        let headers = [("Content-Range", range.as_str()), ("ETag", "\"two\"")];
        answer.whole("206 Partial Content", &headers, &vec![0; TOTAL - first]);
    });
}

#[test]
fn a_range_the_server_does_not_have_is_asked_for_no_more() {
    let seen = goes_on_with(etag, |asked, good, answer| {
        if asked.first_byte().is_none() {
            return send_whole(good, answer);
        }
        let range = format!("bytes */{TOTAL}");
        answer.whole("416 Range Not Satisfiable", &[("Content-Range", &range)], b"");
    });
    assert_eq!(seen.len(), 3);
}

#[test]
fn without_proof_it_starts_over() {
    let nothing = |_: &Good| Vec::new();
    let weak = |_: &Good| vec![("ETag", "W/\"one\"".to_owned())];
    // Changed in the very second of the answer: it may have changed again since.
    let fresh = |_: &Good| {
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        vec![("Last-Modified", now.clone()), ("Date", now)]
    };
    for first_answer in [nothing, weak, fresh] {
        let seen = goes_on_with(first_answer, |_, good, answer| answer.whole("200 OK", &[], &good.bytes));
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].first_byte().unwrap_or(0), 0);
        assert_eq!(seen[1].header("if-range"), None);
    }
}

#[test]
fn an_old_enough_date_is_proof() {
    let dates = |_: &Good| {
        let date = |secs| {
            let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
            httpdate::fmt_http_date(time)
        };
        vec![("Last-Modified", date(1_000_000_000)), ("Date", date(1_000_000_010))]
    };
    let seen = goes_on_with(dates, |asked, good, answer| {
        let first = asked.first_byte().unwrap_or(0);
        let range = format!("bytes {first}-{}/{TOTAL}", TOTAL - 1);
        answer.whole("206 Partial Content", &[("Content-Range", &range)], &good.bytes[first..]);
    });
    assert_eq!(seen[1].first_byte(), Some(BROKEN_AT - OVERLAP));
    assert_eq!(seen[1].header("if-range"), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
}

#[test]
fn more_bytes_than_announced_are_not_believed() {
    let good = Good::new(content(301, TOTAL));
    let server = Server::start(move |_, answer| {
        // The length is right for the range that is named, and the body goes on.
        let headers = [("Content-Range", "bytes 0-99/100"), ("ETag", "\"one\"")];
        answer.head("206 Partial Content", &headers).bytes(&good.bytes[..200]);
    });
    let home = Home::new();
    let said = home.run(["get", &server.url("file.bin")]).code(1);
    assert!(said.err.contains("another number of bytes"), "{said:#?}");
    assert!(!home.file("file.bin").exists(), "{:?}", names_in(&home.files()));
}

#[test]
fn a_file_that_was_replaced_while_it_was_stopped_is_fetched_anew() {
    let root = tempfile::tempdir().expect("a folder");
    let (nginx, home) = (Nginx::start(root.path()), Home::new());
    let url = nginx.put("file.bin", &content(302, 3_000_000)) + "?rate=1m";
    let get = home.start(["get", &url]);
    until("bytes", SOON, || (length(&home.file("file.bin.part")) > 500_000).then_some(()));
    get.interrupt().code(130);
    // Longer than the old one, so that its size alone would not stop a careless program from going on.
    let other = content(303, 3_200_000);
    nginx.put("file.bin", &other);
    home.run(["get", &url]).fine();
    assert_is(&home.file("file.bin"), &other);
    let log = nginx.log_of(2);
    assert_eq!(log[1].status, 200, "If-Range made nginx send all of it: {log:?}");
}

#[test]
fn an_answer_that_breaks_off_is_gone_on_with_by_itself() {
    let good = Good::new(content(304, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => {
            good.head(asked, answer);
            answer.bytes(&good.bytes[..BROKEN_AT]);
        }
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin"), "--json"]);
    let waiting = get.event("waiting");
    assert_eq!(waiting["fault"]["kind"], "connection_lost", "{waiting}");
    get.end().fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(server.seen()[1].first_byte(), Some(BROKEN_AT - OVERLAP));
}

#[test]
fn a_server_that_falls_silent_is_asked_again() {
    let good = Good::new(content(309, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => good.send_until(BROKEN_AT, asked, answer),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin"), "--json"]);
    // Thirty seconds of silence, as documented.
    let waiting = get.event_within("waiting", 3 * SOON);
    assert_eq!(waiting["fault"]["kind"], "stalled", "{waiting}");
    get.end().fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(server.seen()[1].first_byte(), Some(BROKEN_AT - OVERLAP));
}

#[test]
fn a_login_that_is_no_longer_known_is_asked_for_and_nothing_is_lost() {
    let good = Good::new(content(310, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match (asked.number, asked.header("authorization")) {
        (_, None) => answer.whole("401 Unauthorized", &[], b"who are you?"),
        (0, _) => good.send_until(BROKEN_AT, asked, answer),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let url = server.url_with_login("me:hunter2", "file.bin");
    let get = home.start(["get", &url]);
    wait_for_half(&home);
    get.interrupt().code(130);
    // Another process knows nothing of the login, and does not try without.
    let id = home.list()[0]["id"].as_str().expect("an id").to_owned();
    home.run(["resume", &id]).fine();
    let said = home.run(["run", "--until-empty"]).code(1);
    assert!(said.out.contains("login for this download is no longer known"), "{said:#?}");
    assert_eq!(server.seen().len(), 1);
    home.run(["get", &url]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(server.seen()[1].first_byte(), Some(BROKEN_AT - OVERLAP));
    home.state_is_without("hunter2");
}

#[test]
fn a_busy_server_is_left_alone_as_long_as_it_asks() {
    let good = Good::new(content(305, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => answer.whole("503 Service Unavailable", &[("Retry-After", "7")], b"busy"),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let began = Instant::now();
    home.add(&server.url("file.bin"), &[]);
    home.run(["run", "--until-empty"]).fine();
    assert!(began.elapsed() >= Duration::from_secs(7), "{:?}", began.elapsed());
    assert_is(&home.file("file.bin"), &bytes);
}

/// Breaks a download off, does something behind its back, and lets it go on with a good server.
#[track_caller]
fn goes_on_after(deed: impl FnOnce(&Home)) -> Vec<Asked> {
    let good = Good::new(content(306, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => good.send_until(BROKEN_AT, asked, answer),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    break_off(&home, &server);
    deed(&home);
    home.run(["get", &server.url("file.bin")]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    server.seen()
}

#[test]
fn a_part_that_was_cut_or_deleted_is_fetched_anew() {
    let part = |home: &Home| std::fs::File::options().write(true).open(home.file("file.bin.part"));
    let seen = goes_on_after(|home| {
        part(home).and_then(|part| part.set_len(1000)).expect("a shorter part");
    });
    assert_eq!(seen[1].first_byte(), Some(0));
    let seen = goes_on_after(|home| {
        std::fs::remove_file(home.file("file.bin.part")).expect("the part gone");
    });
    assert_eq!(seen[1].first_byte(), Some(0));
    // Bytes behind those on record may be anything after a power cut: they count for nothing.
    let seen = goes_on_after(|home| {
        use std::io::Write as _;
        let part = std::fs::File::options().append(true).open(home.file("file.bin.part"));
        part.and_then(|mut part| part.write_all(&[0; 5000])).expect("a longer part");
    });
    assert_eq!(seen[1].first_byte(), Some(BROKEN_AT - OVERLAP));
}

#[test]
fn a_part_that_says_it_is_of_another_attempt_is_fetched_anew() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    const NAME: &str = "user.meanwhile.file";
    let seen = goes_on_after(|home| {
        let part = home.file("file.bin.part");
        let mut label = vec![0; 64 << 10];
        let bytes = getxattr(&part, NAME, &mut label[..]).expect("a label");
        let label = String::from_utf8(label[..bytes].to_vec()).expect("text");
        assert_eq!(label.matches("attempt:1").count(), 1, "{label}");
        let other = label.replace("attempt:1", "attempt:2");
        setxattr(&part, NAME, other.as_bytes(), XattrFlags::empty()).expect("another label");
    });
    assert_eq!(seen[1].first_byte(), Some(0));
}

#[test]
fn what_a_crash_leaves_of_a_lost_list_is_found_again() {
    let good = Good::new(content(309, TOTAL));
    let server = Server::start(move |asked, answer| good.send_until(BROKEN_AT, asked, answer));
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin")]);
    wait_for_half(&home);
    get.kill();
    let found = meanwhile::transfer::find_orphans(&[home.files()], &[]);
    let [orphan] = &found[..] else { panic!("{found:?}") };
    let file = orphan.file.as_ref().expect("the file it belongs to");
    assert_eq!(file.url.as_str(), server.url("file.bin"));
    assert_eq!((file.synced_bytes(), file.total_bytes), (BROKEN_AT as u64, Some(TOTAL as u64)));
    assert!(file.validator.etag.is_some());
    let known = [home.file("file.bin.part")];
    assert_eq!(meanwhile::transfer::find_orphans(&[home.files()], &known), []);
}

#[test]
fn a_folder_that_is_gone_is_said_and_nothing_is_forgotten() {
    let good = Good::new(content(307, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| match asked.number {
        0 => good.send_until(BROKEN_AT, asked, answer),
        _ => good.send(asked, answer),
    });
    let home = Home::new();
    let (disk, unplugged) = (home.files().join("disk"), home.files().join("unplugged"));
    let words = ["get".to_owned(), server.url("file.bin"), "--to".to_owned(), support::program::word(&disk)];
    let get = home.start(&words);
    until("half of it", SOON, || (length(&disk.join("file.bin.part")) == BROKEN_AT as u64).then_some(()));
    get.interrupt().code(130);
    support::done(std::process::Command::new("mv").args([&disk, &unplugged]));
    let said = home.run(&words).code(1);
    assert!(said.err.contains("The folder is not there"), "{said:#?}");
    assert!(!disk.exists(), "an empty folder in its place would hide what happened");
    support::done(std::process::Command::new("mv").args([&unplugged, &disk]));
    home.run(&words).fine();
    assert_is(&disk.join("file.bin"), &bytes);
    assert_eq!(server.seen().last().and_then(Asked::first_byte), Some(BROKEN_AT - OVERLAP));
}

#[test]
fn a_crash_between_the_last_step_and_its_record_is_recognised() {
    // The file has its name already, and the record says only that all bytes are there: made by stopping the
    // program before the end of the answer, and doing the last step by hand.
    let good = Good::new(content(308, TOTAL));
    let bytes = good.bytes.clone();
    let server = Server::start(move |asked, answer| {
        // All of it, but the answer does not end.
        let headers = [("Transfer-Encoding", "chunked"), ("ETag", good.etag.as_str())];
        let range = format!("bytes 0-{}/{TOTAL}", TOTAL - 1);
        let mut all = headers.to_vec();
        all.push(("Content-Range", &range));
        if asked.number > 0 {
            return good.send(asked, answer);
        }
        answer.head("206 Partial Content", &all);
        answer.bytes(format!("{TOTAL:x}\r\n").as_bytes()).bytes(&good.bytes).bytes(b"\r\n").hold();
    });
    let home = Home::new();
    let get = home.start(["get", &server.url("file.bin")]);
    until("all of it", SOON, || (length(&home.file("file.bin.part")) == TOTAL as u64).then_some(()));
    get.interrupt().code(130);
    assert_eq!(home.list()[0]["done_bytes"], TOTAL);
    support::done(
        std::process::Command::new("mv").arg(home.file("file.bin.part")).arg(home.file("file.bin")),
    );

    home.run(["get", &server.url("file.bin")]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"], "not fetched a second time");
    assert_eq!(server.seen().len(), 1);
}
