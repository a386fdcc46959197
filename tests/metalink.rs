//! Metalink files, from their names on the command line to the files on disk.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use support::program::{Home, word};
use support::server::{Good, Server};
use support::{assert_is, content, write};

/// The SHA-256 of these bytes.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn metalink(files: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n{files}\n</metalink>\n"
    )
}

/// A server of one file, and a Metalink file with that and a second one.
fn stage(home: &Home) -> (Server, Vec<u8>, String) {
    let bytes = content(1, 300_000);
    let good = Good::new(bytes.clone());
    let server = Server::start(move |asked, answer| good.send(asked, answer));
    let files = format!(
        "<file name=\"discs/one.bin\"><size>{}</size><hash type=\"sha-1\">{}</hash><hash type=\"sha-256\">{}</hash>\n\
         <url priority=\"2\" location=\"de\">{}</url>\n<url priority=\"1\">{}</url>\n\
         <url priority=\"1\">ftp://127.0.0.1/one.bin</url>\n<metaurl mediatype=\"torrent\">{}</metaurl></file>\n\
         <file name=\"two.bin\"><url>{}</url></file>\n<file name=\"three.bin\"><url>ftp://127.0.0.1/x</url></file>",
        bytes.len(),
        "0".repeat(40),
        sha256(&bytes),
        server.url("mirror/one.bin"),
        server.url("one.bin"),
        server.url("one.torrent"),
        server.url("two.bin"),
    );
    let xml = metalink(&files);
    write(&home.file("set.meta4"), xml.as_bytes());
    (server, bytes, xml)
}

#[test]
fn each_file_of_a_metalink_file_is_a_download_with_its_mirrors_and_checksum() {
    let home = Home::new();
    let (server, bytes, _) = stage(&home);
    let said = home.run(["add", "set.meta4", "--to", &word(&home.files())]).fine();
    let ids: Vec<&str> = said.out.lines().collect();
    assert_eq!(ids.len(), 2, "{said:#?}");
    assert!(said.err.contains("line 9: This file has no address that can be downloaded."), "{said:#?}");
    let file = &home.job(ids[0])["files"][0];
    assert_eq!(file["url"], json!(server.url("one.bin")));
    assert_eq!(file["mirrors"], json!([server.url("mirror/one.bin")]));
    assert_eq!(file["expected"], json!(format!("sha256:{}", sha256(&bytes))));
    assert_eq!(file["name"], "one.bin");
    let shown = home.run(["show", ids[0]]).fine().out;
    assert!(shown.contains(&server.url("mirror/one.bin")), "{shown}");
    let second = &home.job(ids[1])["files"][0];
    assert_eq!((&second["mirrors"], &second["expected"]), (&json!([]), &json!(null)));

    home.run(["run", "--until-empty"]).fine();
    assert_is(&home.file("discs/one.bin"), &bytes);
    assert_is(&home.file("two.bin"), &bytes);
    assert!(server.seen().iter().all(|asked| asked.target != "/one.torrent"));
}

#[test]
fn a_mirror_helps_out() {
    let home = Home::new();
    let bytes = content(2, 100_000);
    let good = Good::new(bytes.clone());
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/good.bin" => good.send(asked, answer),
        _ => answer.whole("404 Not Found", &[], b""),
    });
    let files = format!(
        "<file name=\"f.bin\"><hash type=\"sha-256\">{}</hash><url priority=\"2\">{}</url><url priority=\"1\">{}</url></file>",
        sha256(&bytes),
        server.url("good.bin"),
        server.url("gone.bin"),
    );
    write(&home.file("f.meta4"), metalink(&files).as_bytes());
    home.run(["add", "f.meta4", "--to", &word(&home.files())]).fine();
    home.run(["run", "--until-empty"]).fine();
    assert_is(&home.file("f.bin"), &bytes);
    let asked: Vec<String> = server.seen().into_iter().map(|asked| asked.target).collect();
    assert_eq!(asked, ["/gone.bin", "/good.bin"]);
}

#[test]
fn together_they_are_one_download() {
    let home = Home::new();
    let (_server, bytes, _) = stage(&home);
    let words = ["add", "--input", "set.meta4", "--together", "--name", "set", "--to"];
    let said = home.run(words.iter().copied().chain([word(&home.files()).as_str()])).fine();
    let id = said.out.trim();
    let job = home.job(id);
    assert_eq!(job["files"].as_array().map(Vec::len), Some(2), "{job}");
    home.run(["run", "--until-empty"]).fine();
    assert_eq!(home.job(id)["state"], "acknowledged");
    assert_is(&home.file("discs/one.bin"), &bytes);
}

#[test]
fn one_is_read_from_standard_input_whatever_it_is_called() {
    let home = Home::new();
    let (server, _, xml) = stage(&home);
    write(&home.file("list.txt"), xml.as_bytes());
    let ids = home.run(["add", "--input", "list.txt", "--paused"]).fine().out;
    assert_eq!(ids.lines().count(), 2);
    let mut command = home.command(["add", "--input", "-", "--paused", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program");
    child.stdin.take().expect("its input").write_all(xml.as_bytes()).expect("it reads");
    let said = child.wait_with_output().expect("its end");
    let ids: Vec<String> = serde_json::from_slice(&said.stdout).expect("ids");
    assert_eq!(ids.len(), 2);
    assert_eq!(home.job(&ids[0])["files"][0]["mirrors"], json!([server.url("mirror/one.bin")]));
}

#[test]
fn one_on_a_server_is_a_download_like_any_other() {
    let home = Home::new();
    let xml = metalink("<file name=\"f\"><url>http://127.0.0.1:9/f</url></file>");
    let good = Good::new(xml.clone().into_bytes());
    let server = Server::start(move |asked, answer| good.send(asked, answer));
    home.add(&server.url("set.meta4"), &[]);
    home.run(["run", "--until-empty"]).fine();
    assert_is(&home.file("set.meta4"), xml.as_bytes());
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_added() {
    let home = Home::new();
    let (_server, _, xml) = stage(&home);
    write(&home.file("half.meta4"), &xml.as_bytes()[..xml.len() / 2]);
    write(&home.file("page.metalink"), b"<html>Not found</html>");
    write(&home.file("empty.meta4"), metalink("").as_bytes());
    let bomb = xml.replacen("<metalink", "<!DOCTYPE m [<!ENTITY a \"aaaa\">]><metalink", 1);
    write(&home.file("bomb.meta4"), bomb.as_bytes());
    for (file, words) in [
        ("half.meta4", "damaged or incomplete in line"),
        ("page.metalink", "it is no Metalink file"),
        ("bomb.meta4", "it declares a document type"),
        ("none.meta4", "none.meta4 cannot be read"),
    ] {
        let said = home.run(["add", "http://127.0.0.1:9/x", file]).code(2);
        assert!(said.err.contains(words), "{file}: {said:#?}");
    }
    let said = home.run(["add", "empty.meta4"]).code(2);
    assert!(said.err.contains("There is no address in that file"), "{said:#?}");
    assert_eq!(home.list().len(), 0);
}
