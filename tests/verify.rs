//! What a finished file must be, what it is called, and what room it may take.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use support::nginx::Nginx;
use support::program::Home;
use support::server::Server;
use support::{SOON, assert_is, content, done, length, names_in, sha256, tool, until, write};

fn stage() -> (tempfile::TempDir, Nginx, Home) {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    (root, nginx, Home::new())
}

/// The sum as the usual tool takes it.
fn sum_by(command: &str, home: &Home, bytes: &[u8]) -> String {
    let file = home.state().join("summed");
    std::fs::create_dir_all(home.state()).expect("a folder");
    write(&file, bytes);
    let said = String::from_utf8(done(tool(command, "coreutils").arg(&file))).expect("text");
    std::fs::remove_file(&file).expect("it gone");
    said.split_whitespace().next().unwrap_or_default().to_owned()
}

#[test]
fn sums_of_all_sorts_decide() {
    let (_root, nginx, home) = stage();
    let bytes = content(2000, 3_000_000);
    let url = nginx.put("file.bin", &bytes);
    for (word, command) in
        [("md5", "md5sum"), ("sha1", "sha1sum"), ("sha256", "sha256sum"), ("sha512", "sha512sum")]
    {
        let sum = sum_by(command, &home, &bytes);
        let wrong = sum_by(command, &home, b"something else");
        let right = format!("{word}:{sum}");
        home.run(["get", &url, "--checksum", &right, "--out", &format!("{word}.bin")]).fine();
        assert_is(&home.file(&format!("{word}.bin")), &bytes);
        // Over several connections and after a break it is read again at the end.
        let out = format!("{word}-4.bin");
        home.run(["get", &url, "--checksum", &right, "--connections", "4", "--out", &out]).fine();
        let said =
            home.run(["get", &url, "--checksum", &format!("{word}:{wrong}"), "--out", "bad.bin"]).code(1);
        assert!(said.err.contains(&sum), "{said:#?}");
        assert!(!home.file("bad.bin").exists());
    }
    home.run(["get", &url, "--md5", &sum_by("md5sum", &home, &bytes), "--out", "1"]).fine();
    home.run(["get", &url, "--sha1", &sum_by("sha1sum", &home, &bytes), "--out", "2"]).fine();
    home.run(["get", &url, "--md5", "00"]).code(2);
}

#[test]
fn a_list_of_sums_is_fetched_and_asked() {
    let (root, nginx, home) = stage();
    let bytes = content(2001, 200_000);
    let url = nginx.put("file.bin", &bytes);
    let line = |bytes: &[u8], name: &str| format!("{}  {name}\n", sha256(bytes));
    let list = nginx.put("SHA256SUMS", (line(b"x", "other.bin") + &line(&bytes, "file.bin")).as_bytes());
    home.run(["get", &url, "--checksum", &list]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert!(home.run(["log", "--json"]).fine().out.contains("Is verified"));

    // The name on the disk is another than that in the list.
    home.run(["get", &url, "--checksum", &list, "--out", "mine.bin"]).fine();

    write(&root.path().join("SHA256SUMS"), line(b"x", "file.bin").as_bytes());
    let said = home.run(["get", &url, "--checksum", &list, "--out", "bad.bin"]).code(1);
    assert!(said.err.contains("The checksum does not match"), "{said:#?}");
    write(&root.path().join("SHA256SUMS"), line(b"x", "other.bin").as_bytes());
    let said = home.run(["get", &url, "--checksum", &list, "--out", "unlisted.bin"]).code(1);
    assert!(said.err.contains("checksum of the file could not be found"), "{said:#?}");
    assert!(home.file("unlisted.bin.part").exists(), "what was fetched is kept");
    let said = home.run(["get", &url, "--checksum", &nginx.url("none"), "--out", "none.bin"]).code(1);
    assert!(said.err.contains("404"), "{said:#?}");
}

#[test]
fn what_the_server_says_of_the_whole_file_is_compared_as_well() {
    let bytes = content(2002, 300_000);
    // Both of “abc”, whose sums everybody knows, in base64.
    let abc = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
    for (body, is_right) in [(b"abc".to_vec(), true), (bytes.clone(), false)] {
        let server = Server::start(move |_, answer| answer.whole("200 OK", &[("Repr-Digest", abc)], &body));
        let home = Home::new();
        let said = home.run(["get", &server.url("file.bin")]);
        if is_right {
            said.fine();
            assert_is(&home.file("file.bin"), b"abc");
        } else {
            assert!(said.code(1).err.contains("The checksum does not match"));
            assert_eq!(names_in(&home.files()), ["file.bin.bad"]);
        }
    }
    // What the user says goes before it.
    let (body, sum) = (bytes.clone(), sha256(&bytes));
    let server = Server::start(move |_, answer| answer.whole("200 OK", &[("Repr-Digest", abc)], &body));
    let home = Home::new();
    home.run(["get", &server.url("file.bin"), "--sha256", &sum]).fine();
    assert_is(&home.file("file.bin"), &bytes);
}

#[test]
fn a_name_that_is_taken_is_dealt_with_as_the_user_wishes() {
    let (_root, nginx, home) = stage();
    let bytes = content(2003, 800_000);
    let url = nginx.put("file.bin", &bytes);
    write(&home.file("file.bin"), b"mine");

    let said = home.run(["get", &url, "--if-exists", "ask"]).code(1);
    assert!(said.err.contains("There is a file of that name already"), "{said:#?}");
    assert_eq!(names_in(&home.files()), ["file.bin"]);
    home.run(["cancel", "--all"]).fine();

    home.run(["get", &url, "--if-exists", "number"]).fine();
    assert_is(&home.file("file (2).bin"), &bytes);
    // Not the beginning of it: it stays as it is.
    home.run(["get", &url, "--if-exists", "resume"]).fine();
    assert_is(&home.file("file (3).bin"), &bytes);
    assert_is(&home.file("file.bin"), b"mine");

    home.run(["get", &url, "--if-exists", "overwrite"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    assert_eq!(names_in(&home.files()), ["file (2).bin", "file (3).bin", "file.bin"]);
}

#[test]
fn a_file_another_program_began_is_gone_on_with() {
    let (_root, nginx, home) = stage();
    let bytes = content(2004, 3_000_000);
    let url = nginx.put("file.bin", &bytes);
    let begun = 1_700_000;
    for (there, is_continued) in [(begun, true), (bytes.len(), true), (5, true)] {
        let before = nginx.log().len();
        write(&home.file("file.bin"), &bytes[..there]);
        home.run(["get", &url, "--if-exists", "resume"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        assert_eq!(names_in(&home.files()), ["file.bin"], "{there}");
        let log = nginx.log_of(before + 1);
        assert!(home.run(["log", "--json"]).fine().out.contains("Goes on with") == is_continued);
        if there == begun {
            assert_eq!(log.last().map(support::nginx::Logged::first_byte), Some(begun as u64));
        }
        home.run(["remove", "--all"]).fine();
        std::fs::remove_file(home.file("file.bin")).expect("it gone");
    }
    // Longer than the whole file, or another in the middle: not the beginning of it.
    for (there, extra) in [(bytes.clone(), &b"more"[..]), (vec![0; begun], b"")] {
        let mine = [&there[..], extra].concat();
        write(&home.file("file.bin"), &mine);
        home.run(["get", &url, "--if-exists", "resume"]).fine();
        assert_is(&home.file("file (2).bin"), &bytes);
        assert_is(&home.file("file.bin"), &mine);
        std::fs::remove_file(home.file("file (2).bin")).expect("it gone");
        home.run(["remove", "--all"]).fine();
    }
}

#[test]
fn a_finished_file_knows_where_it_comes_from_and_is_no_program() {
    let (_root, nginx, home) = stage();
    let url = nginx.put("run.sh", b"#!/bin/sh\n");
    let origin = |path: &std::path::Path| {
        let mut text = [0; 256];
        let found = rustix::fs::getxattr(path, "user.xdg.origin.url", &mut text[..]);
        found.map(|bytes| String::from_utf8_lossy(&text[..bytes]).into_owned())
    };
    home.run(["get", &url]).fine();
    assert_eq!(origin(&home.file("run.sh")).as_deref(), Ok(url.as_str()));
    assert_eq!(home.file("run.sh").metadata().expect("it").permissions().mode() & 0o111, 0);
    home.run(["settings", "note_origin", "off"]).fine();
    home.run(["get", &url, "--out", "plain.sh"]).fine();
    assert!(origin(&home.file("plain.sh")).is_err());
}

#[test]
fn room_is_set_aside_and_not_written() {
    let (_root, nginx, home) = stage();
    let bytes = content(2005, 20 << 20);
    let url = nginx.put("file.bin", &bytes) + "?rate=2m";
    let get = home.start(["get", &url]);
    let part = home.file("file.bin.part");
    until("bytes", SOON, || (length(&part) > 100_000).then_some(()));
    let found = part.metadata().expect("the part");
    assert!(found.len() < bytes.len() as u64, "its length is what has arrived");
    assert!(found.blocks() * 512 >= bytes.len() as u64, "{} blocks", found.blocks());
    get.interrupt().code(130);
    home.run(["get", &nginx.url("file.bin?rate=2m")]).fine();
    assert_is(&home.file("file.bin"), &bytes);
}
