//! What people, servers and disks do wrong: each gets one clear sentence and an exit code, and nothing is lost,
//! overwritten or panicked over.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use support::namespace::{Disk, Own, inside};
use support::nginx::{Nginx, free_port};
use support::program::{Home, Program, Said, word};
use support::server::{Good, Server};
use support::{SOON, assert_is, content, length, names_in, read, until, write};

/// The pair of files the queue is kept in.
const QUEUE: [&str; 2] = ["queue0.ron", "queue1.ron"];

/// Fails unless it says all of these, and gives advice.
#[track_caller]
fn says(said: &Said, words: &[&str]) {
    for word in words {
        assert!(said.err.contains(word), "no “{word}”: {said:#?}");
    }
    assert!(said.err.contains("ou can ") || said.err.contains("should"), "no advice: {said:#?}");
}

#[test]
fn addresses_and_options_that_are_none() {
    let home = Home::new();
    let table: &[(&[&str], &[&str])] = &[
        (&["nonsense"], &["not a web address", "nonsense"]),
        (&[""], &["not a web address"]),
        (&["http://"], &["not a web address"]),
        (&["http://a b/"], &["not a web address"]),
        (&["http://[::1/f"], &["not a web address"]),
        (&["http://example.org:99999/f"], &["not a web address"]),
        (&["example.org/file"], &["not a web address", "example.org/file"]),
        (&["//example.org/file"], &["not a web address"]),
        (&["ftp://example.org/file"], &["cannot be downloaded", "ftp:", "http"]),
        (&["file:///etc/passwd"], &["cannot be downloaded", "file:"]),
        (&["magnet:?xt=urn:btih:0"], &["cannot be downloaded", "magnet:"]),
        (&["javascript:alert(1)"], &["cannot be downloaded", "javascript:"]),
        (&["http://a.org/f", "--sha256", "123"], &["not a checksum"]),
        (&["http://a.org/f", "--header", "no colon"], &["header"]),
        (&["http://a.org/f", "--header", "Range: bytes=0-"], &["header", "Range"]),
        (&["http://a.org/f", "--header", "X: a\nEvil: b"], &["header"]),
        (&["http://a.org/f", "--out", ".."], &["--out"]),
        (&["http://a.org/f", "--out", "a\nb"], &["file name"]),
    ];
    for task in ["get", "add"] {
        for (words, expected) in table {
            let said = home.run([task].iter().chain(*words));
            assert_eq!(said.code, 2, "{task} {words:?}: {said:#?}");
            says(&said.calm(), expected);
        }
        // A name too long for any disk.
        let long = "n".repeat(300);
        says(&home.run([task, "http://a.org/f", "--out", &long]).code(2), &["file name"]);
    }
    for words in [
        &["get"][..],
        &["nonsense"],
        &["get", "http://a.org/f", "--out", ""],
        &["get", "http://a.org/f", "--limit", "0"],
        &["get", "http://a.org/f", "--limit", "fast"],
        &["get", "http://a.org/f", "--limit", "99999999999999999999G"],
        &["add", "http://a.org/f", "--priority", "urgent"],
        &["limit", "-1"],
        &["set", "x", "colour", "red"],
        &["pause"],
    ] {
        home.run(words).code(2);
    }
    assert_eq!(home.list().len(), 0, "nothing was queued");
    assert_eq!(names_in(&home.files()), Vec::<String>::new());
    // An address longer than any request may be.
    let said = home.run(["get", &format!("http://127.0.0.1/{}", "a".repeat(100_000))]).calm();
    assert!(said.code == 1 || said.code == 2, "{}", said.code);
}

#[test]
fn a_list_without_anything_good_queues_nothing() {
    let home = Home::new();
    let list = home.file("list.txt");
    write(&list, b"# a comment\n\nnonsense\nhttp://me:hunter2@[/f\n");
    let said = home.run(["add", "--input", &word(&list)]).code(2);
    says(&said, &["line 3: This is not a web address", "line 4:", "Nothing in that list"]);
    assert!(!said.err.contains("hunter2"), "{said:#?}");
    write(&list, b"\xff\xfe\x00h");
    says(&home.run(["add", "--input", &word(&list)]).code(2), &["not a text file"]);
    write(&list, b"\n# nothing\n");
    says(&home.run(["add", "--input", &word(&list)]).code(2), &[]);
    says(&home.run(["add", "--input", "/none/list.txt"]).code(2), &["/none/list.txt"]);
    // What never ends is not read to its end.
    says(&home.run(["add", "--input", "/dev/zero"]).code(2), &["too large to be a list"]);
    // A mistake on the command line itself, and none of it is queued.
    for words in [&["http://a.org/1", "http://a.org/[2-"][..], &["http://a.org/[1-1000]/[1-1000]"]] {
        says(&home.run(["add"].iter().chain(words)).code(2), &["pattern"]);
    }
    assert_eq!(home.list().len(), 0);
}

#[test]
fn a_mistake_in_a_list_does_not_keep_the_rest() {
    let home = Home::new();
    let list = home.file("list.txt");
    write(
        &list,
        b"http://a.org/[1-2]\nnonsense\nhttp://a.org/3\thttp://b.org/3\n  out=sub/three\n  split=5\n\
          http://a.org/4 /srv/four 4.iso\n",
    );
    let to = word(&home.files());
    let said = home.run(["add", "--input", &word(&list), "--to", &to, "--paused"]).fine();
    assert_eq!(said.out.lines().count(), 4, "{said:#?}");
    let lines: Vec<_> = said.err.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["line 2", "line 5"], "{said:#?}");
    let field = |name: &str| -> Vec<_> {
        home.list().iter().map(|job| job[name].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(field("folder"), [&to, &to, &format!("{to}/sub"), "/srv"]);
    assert_eq!(field("name"), ["1", "2", "three", "four 4.iso"]);
    let said = home.run(["add", "http://a.org/[5-6]", "--literal", "--paused"]).fine();
    assert_eq!(said.out.lines().count(), 1, "{said:#?}");
    let said = home.run(["add", "http://a.org/[7-9]", "--together", "--parallel", "2", "--paused"]).fine();
    assert_eq!(said.out.lines().count(), 1, "{said:#?}");
    assert_eq!(field("url")[4..], ["http://a.org/[5-6]", "http://a.org/7"]);
}

#[test]
fn downloads_that_are_not_there() {
    let home = Home::new();
    for task in ["show", "pause", "resume", "retry", "cancel", "complete", "remove"] {
        let said = home.run([task, "no-such-job"]).code(3);
        says(&said, &["no download “no-such-job”", "meanwhile list"]);
    }
    home.run(["set", "no-such-job", "limit", "off"]).code(3);
    // The beginning of every id.
    home.add("http://127.0.0.1:9/f", &["--paused", "--name", "twin"]);
    home.add("http://127.0.0.1:9/g", &["--paused", "--name", "twin"]);
    let said = home.run(["remove", "twin"]).code(3);
    says(&said, &["could be several downloads"]);
    assert_eq!(home.list().len(), 2);
    // Given up is given up.
    let id = home.add("http://127.0.0.1:9/h", &["--paused"]);
    home.run(["cancel", &id]).fine();
    let said = home.run(["resume", &id]).code(1);
    says(&said, &["already cancelled", "You can add"]);
}

#[test]
fn servers_that_are_not_there_or_say_no() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let server = Server::start(|asked, answer| match asked.target.as_str() {
        "/silent" => {}
        "/no-http" => {
            answer.bytes(b"SSH-2.0-OpenSSH_9.2p1\r\n");
        }
        "/half-a-head" => {
            answer.bytes(b"HTTP/1.1 200 OK\r\nContent-Le");
        }
        "/two-lengths" => {
            answer.head("200 OK", &[("Content-Length", "5"), ("Content-Length", "6")]).bytes(b"abcdef");
        }
        "/bad-length" => {
            answer.head("200 OK", &[("Content-Length", "-5")]).bytes(b"abcde");
        }
        "/bad-chunks" => {
            answer.head("200 OK", &[("Transfer-Encoding", "chunked")]).bytes(b"zz\r\nabc\r\n");
        }
        "/no-content" => answer.whole("204 No Content", &[], b""),
        "/to-a-file" => answer.whole("302 Found", &[("Location", "file:///etc/passwd")], b""),
        "/to-nowhere" => answer.whole("302 Found", &[("Location", "http://")], b""),
        "/no-location" => answer.whole("302 Found", &[], b""),
        "/huge" => {
            answer.head("200 OK", &[("Content-Length", "9223372036854775807")]).bytes(b"abc");
        }
        "/strange" => answer.whole("799 \x1b[31mRed", &[], b""),
        other => {
            let status = format!("{} Said", other.trim_start_matches('/'));
            answer.whole(&status, &[], b"an error page");
        }
    });
    let refused = format!("http://127.0.0.1:{}/f", free_port());
    let table = [
        (refused, "refused the connection"),
        (nginx.url("missing"), "(404)"),
        ("http://name.invalid/f".to_owned(), "name was not found"),
        (server.url("401"), "(401)"),
        (server.url("403"), "(403)"),
        (server.url("410"), "(410)"),
        (server.url("429"), "(429)"),
        (server.url("500"), "(500)"),
        (server.url("503"), "(503)"),
        (server.url("418"), "418"),
        (server.url("silent"), ""),
        (server.url("no-http"), ""),
        (server.url("half-a-head"), ""),
        (server.url("two-lengths"), ""),
        (server.url("bad-length"), ""),
        (server.url("bad-chunks"), ""),
        (server.url("no-content"), "makes no sense"),
        (server.url("to-a-file"), "cannot be downloaded"),
        (server.url("to-nowhere"), ""),
        (server.url("no-location"), ""),
        (server.url("huge"), "disk is full"),
        (server.url("strange"), ""),
        (nginx.url("").replacen("http:", "https:", 1), ""),
    ];
    let home = Home::new();
    for (url, word) in table {
        let said = home.run(["get", &url]);
        assert_eq!(said.code, 1, "{url}: {said:#?}");
        says(&said.calm(), &[word]);
        assert_eq!(names_in(&home.files()), home.parts(), "{url} left something that looks whole");
    }
    // What terminals obey is not repeated to them.
    assert!(!home.run(["list"]).fine().all().contains('\x1b'));
}

#[test]
fn folders_that_cannot_be() {
    let root = tempfile::tempdir().expect("a folder");
    let (nginx, home) = (Nginx::start(root.path()), Home::new());
    let url = nginx.put("file.bin", b"bytes");
    write(&home.file("a-file"), b"mine");
    // A file where a folder should be, and a folder where a file should be.
    says(&home.run(["get", &url, "--to", &word(&home.file("a-file"))]).code(1), &["a-file"]);
    says(&home.run(["get", &url, "--to", "/dev/null"]).code(1), &["/dev/null"]);
    std::fs::create_dir(home.file("a-folder")).expect("a folder");
    home.run(["get", &url, "--out", "a-folder"]).fine();
    assert_is(&home.file("a-file"), b"mine");
    assert_is(&home.file("a-folder (2)"), b"bytes");
}

#[test]
fn state_folders_that_cannot_be() {
    let home = Home::new();
    write(&home.file("a-file"), b"mine");
    let inside_a_file = word(&home.file("a-file").join("state"));
    let a_file = word(&home.file("a-file"));
    for task in
        [&["list"][..], &["add", "http://127.0.0.1:9/f"], &["get", "http://127.0.0.1:9/f"], &["run"], &[]]
    {
        for folder in [inside_a_file.as_str(), &a_file, "/proc/none", "/dev/null"] {
            let said = home.run(task.iter().chain(&["--state-dir", folder]));
            assert_eq!(said.code, 5, "{task:?} {folder}: {said:#?}");
            says(&said.calm(), &[folder, "--state-dir"]);
        }
    }
    assert_is(&home.file("a-file"), b"mine");
}

#[test]
fn a_damaged_queue_is_kept_for_whoever_wants_to_look_and_the_rest_goes_on() {
    let home = Home::new();
    let ids: Vec<String> =
        (0..3).map(|n| home.add(&format!("http://127.0.0.1:9/{n}"), &["--paused"])).collect();
    // A byte of the second job is another one.
    for path in queue_files(&home) {
        let mut bytes = read(&path);
        let at = bytes.windows(36).position(|window| window == ids[1].as_bytes());
        if let Some(at) = at {
            bytes[at] ^= 1;
            write(&path, &bytes);
        }
    }
    let said = home.run(["list", "--json"]).fine();
    says_kept(&said);
    let left: Vec<_> = said.json().as_array().expect("a list").iter().map(|job| job["id"].clone()).collect();
    assert!(left.contains(&ids[0].as_str().into()) && left.contains(&ids[2].as_str().into()), "{left:?}");

    // Both files are nonsense: nothing is left of the queue, but nothing is thrown away either.
    for name in QUEUE {
        write(&home.state().join(name), b"\x00\xff nonsense\n\n(((((\n");
    }
    let said = home.run(["list", "--json"]).fine();
    says_kept(&said);
    home.add("http://127.0.0.1:9/new", &["--paused"]);
    assert_eq!(home.list().len(), 1);
    let aside = names_in(&home.state())
        .into_iter()
        .filter(|name| read(&home.state().join(name)).windows(8).any(|window| window == b"nonsense"));
    assert!(aside.count() >= 1, "{:?}", names_in(&home.state()));

    // Settings that make no sense are no reason not to work.
    write(&home.state().join("settings.ron"), b"((((");
    assert_eq!(home.list().len(), 1);
}

#[test]
fn a_queue_that_was_cut_short_and_damaged_at_once_is_read_as_far_as_it_goes() {
    let home = Home::new();
    for n in 0..3 {
        home.add(&format!("http://127.0.0.1:9/{n}"), &["--paused"]);
    }
    // The line that says a file is whole is another one.
    for path in queue_files(&home) {
        let mut bytes = read(&path);
        if let Some(at) = bytes.windows(5).position(|window| window == b"Whole") {
            bytes[at] ^= 1;
            write(&path, &bytes);
        }
    }
    let said = home.run(["list", "--json"]).fine();
    says_kept(&said);
    assert!(said.json().as_array().is_some_and(|jobs| jobs.len() >= 2), "{said:#?}");
}

/// Those of the pair that are there: the second one is begun when the first one has grown.
fn queue_files(home: &Home) -> Vec<std::path::PathBuf> {
    let there: Vec<_> =
        QUEUE.map(|name| home.state().join(name)).into_iter().filter(|path| path.exists()).collect();
    assert!(!there.is_empty());
    there
}

#[track_caller]
fn says_kept(said: &Said) {
    assert!(said.err.contains("kept as"), "{said:#?}");
}

#[test]
fn no_display() {
    let home = Home::new();
    let said = home.run([""; 0]).code(6);
    says(&said, &["no display", "meanwhile --help"]);
    let said = Program::start(home.command([""; 0]).env("DISPLAY", ":987")).end().code(6);
    says(&said, &["no display"]);
}

#[test]
fn nobody_reads_what_is_said() {
    let home = Home::new();
    for n in 0..3 {
        home.add(&format!("http://127.0.0.1:9/{n}"), &["--paused"]);
    }
    // As in `meanwhile list | head -0`.
    let mut child =
        home.command(["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a start");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains("panicked"), "{err}");
    // As on a full disk.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output =
        home.command(["list", "--json"]).stdout(full).stderr(Stdio::piped()).output().expect("an end");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("could not be written") && !err.contains("panicked"), "{err}");
    assert_eq!(output.status.code(), Some(1));
    // Nor is there anybody to hear a complaint.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = home.command(["show", "none"]).stderr(full).output().expect("an end");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn what_talks_to_the_socket_need_not_talk_sense() {
    let home = Home::new();
    let mut run = home.start_run();
    let connect =
        || std::os::unix::net::UnixStream::connect(home.state().join("socket")).expect("a connection");
    for nonsense in
        [&b"\n"[..], b"GET / HTTP/1.1\r\n\r\n", b"(((((((\n", b"\xff\xff\xff\n", b"no end of line"]
    {
        let mut stream = connect();
        let _ = stream.write_all(nonsense);
    }
    let mut deep = connect();
    let _ = deep.write_all(&[b"(".repeat(1_000_000), b"\n".to_vec()].concat());
    home.add("http://127.0.0.1:9/f", &["--paused"]);
    assert_eq!(home.list().len(), 1);
    assert!(!run.has_ended());
    run.signal(rustix::process::Signal::TERM);
    run.end().fine();
}

#[test]
fn a_disk_that_is_full_from_the_start_is_said_at_once() {
    inside(Own::Mounts, "a_disk_that_is_full_from_the_start_is_said_at_once", || {
        let root = tempfile::tempdir().expect("a folder");
        let (nginx, home) = (Nginx::start(root.path()), Home::new());
        let _disk = Disk::mount(&home.files(), 2);
        let url = nginx.put("file.bin", &content(1, 3_000_000));
        let said = home.run(["get", &url]).code(1);
        says(&said, &["The disk is full", "needed", "free some space"]);
        assert_eq!(names_in(&home.files()), Vec::<String>::new());
    });
}

#[test]
fn a_disk_that_fills_up_keeps_what_is_there_and_goes_on_when_there_is_room() {
    inside(Own::Mounts, "a_disk_that_fills_up_keeps_what_is_there_and_goes_on_when_there_is_room", || {
        let good = Good::new(content(2, 3_000_000));
        let bytes = good.bytes.clone();
        let half = bytes.len() / 2;
        let server = Server::start(move |asked, answer| match asked.number {
            0 => good.send_until(half, asked, answer),
            _ => good.send(asked, answer),
        });
        let home = Home::new();
        let _disk = Disk::mount(&home.files(), 4);
        let url = server.url("file.bin");
        let get = home.start(["get", &url]);
        until("half of it", SOON, || (length(&home.file("file.bin.part")) == half as u64).then_some(()));
        get.interrupt().code(130);

        // Somebody else takes the room that is left, that which was set aside for the rest included. It is checked for
        // before the rest is fetched.
        let part = std::fs::File::options().write(true).open(home.file("file.bin.part")).expect("the part");
        part.set_len(half as u64 + 1).and_then(|()| part.set_len(half as u64)).expect("less room");
        let mut other = std::fs::File::create(home.file("other")).expect("a file");
        while other.write_all(&[1; 4096]).is_ok() {}
        let said = home.run(["get", &url]).code(1);
        says(&said, &["The disk is full", "kept"]);
        let kept = length(&home.file("file.bin.part"));
        assert!(kept >= half as u64);
        assert_is(&home.file("file.bin.part"), &bytes[..usize::try_from(kept).expect("small")]);

        drop(other);
        std::fs::remove_file(home.file("other")).expect("room");
        home.run(["get", &url]).fine();
        assert_is(&home.file("file.bin"), &bytes);
    });
}

#[test]
fn a_size_that_is_not_told_can_fill_a_disk_and_does_no_harm() {
    inside(Own::Mounts, "a_size_that_is_not_told_can_fill_a_disk_and_does_no_harm", || {
        let bytes = content(3, 3_000_000);
        let server = Server::start(move |_, answer| {
            answer.head("200 OK", &[]).bytes(&bytes);
        });
        let home = Home::new();
        let _disk = Disk::mount(&home.files(), 1);
        let said = home.run(["get", &server.url("file.bin")]).code(1);
        says(&said, &["The disk is full"]);
        assert!(!home.file("file.bin").exists());
    });
}

#[test]
fn a_state_folder_on_a_full_or_read_only_disk_is_said() {
    inside(Own::Mounts, "a_state_folder_on_a_full_or_read_only_disk_is_said", || {
        let home = Home::new();
        std::fs::create_dir(home.state()).expect("a folder");
        let disk = Disk::mount(&home.state(), 1);
        let id = home.add("http://127.0.0.1:9/f", &["--paused"]);
        let mut other = std::fs::File::create(home.state().join("other")).expect("a file");
        while other.write_all(&[1; 1024]).is_ok() {}
        let said = home.run(["add", "http://127.0.0.1:9/g", "--paused"]).code(5);
        says(&said, &["full"]);
        drop(other);
        std::fs::remove_file(home.state().join("other")).expect("room");
        assert_eq!(home.list().len(), 1, "what was not acknowledged is not there");
        assert_eq!(home.list()[0]["id"], id.as_str());

        disk.set_read_only(true);
        let said = home.run(["add", "http://127.0.0.1:9/g", "--paused"]).code(5);
        says(&said, &[&word(&home.state()), "read-only", "--state-dir"]);
        disk.set_read_only(false);
        assert_eq!(home.list().len(), 1);
    });
}

#[test]
fn a_state_disk_that_fills_up_under_a_running_engine_is_said_and_loses_nothing() {
    inside(
        Own::Mounts,
        "a_state_disk_that_fills_up_under_a_running_engine_is_said_and_loses_nothing",
        || {
            let home = Home::new();
            std::fs::create_dir(home.state()).expect("a folder");
            let _disk = Disk::mount(&home.state(), 1);
            let run = home.start_run();
            let first = home.add("http://127.0.0.1:9/f", &["--paused"]);
            let mut other = std::fs::File::create(home.state().join("other")).expect("a file");
            while other.write_all(&[1; 512]).is_ok() {}
            // What still fits into the last block of the file is fine; in the end there is none.
            let said = (0..100)
                .map(|n| home.run(["add", &format!("http://127.0.0.1:9/{n}"), "--paused"]))
                .find(|said| said.code != 0)
                .expect("a refusal")
                .code(5);
            says(&said, &["full"]);
            let before = home.list().len();
            drop(other);
            std::fs::remove_file(home.state().join("other")).expect("room");
            let last = home.add("http://127.0.0.1:9/last", &["--paused"]);
            run.kill();
            let after: Vec<_> = home.list().iter().map(|job| job["id"].clone()).collect();
            assert_eq!(after.len(), before + 1);
            assert_eq!((&after[0], &after[before]), (&first.into(), &last.into()));
        },
    );
}

#[test]
fn a_read_only_folder_is_said_and_can_be_mended() {
    inside(Own::Mounts, "a_read_only_folder_is_said_and_can_be_mended", || {
        let root = tempfile::tempdir().expect("a folder");
        let (nginx, home) = (Nginx::start(root.path()), Home::new());
        let bytes = content(4, 300_000);
        let url = nginx.put("file.bin", &bytes);
        let disk = Disk::mount(&home.files(), 4);
        disk.set_read_only(true);
        let said = home.run(["get", &url, "--to", &word(&home.files())]).code(1);
        says(&said, &["The disk is read-only", "choose a folder on another disk", &word(&home.files())]);
        disk.set_read_only(false);
        home.run(["get", &url, "--to", &word(&home.files())]).fine();
        assert_is(&home.file("file.bin"), &bytes);
    });
}
