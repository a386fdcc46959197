//! What a server asks for before it gives the file: to look elsewhere, to show a cookie, to log in. And that nobody else
//! is told what is meant for one server.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::sync::{Arc, Mutex};

use md5::Digest as _;

use support::nginx::Nginx;
use support::program::Home;
use support::server::{Answer, Asked, Good, Server};
use support::{assert_is, content, names_in};

const TOTAL: usize = 100_000;

fn good() -> Good {
    Good::new(content(700, TOTAL))
}

fn redirect(answer: &mut Answer, status: &str, to: &str) {
    answer.whole(status, &[("Location", to)], b"elsewhere");
}

/// Gets an address, and sees that the file is the right one.
#[track_caller]
fn get(home: &Home, url: &str, words: &[&str]) {
    home.run(["get", url, "--out", "file.bin"].iter().chain(words)).fine();
    assert_is(&home.file("file.bin"), &good().bytes);
    assert_eq!(names_in(&home.files()), ["file.bin"]);
}

const ALL_SECRETS: [&str; 6] = [
    "--header",
    "Cookie: own=c00k1e",
    "--header",
    "X-Api-Key: k3y",
    "--header",
    "Referer: http://page.example/",
];

#[test]
fn another_server_is_told_no_secret() {
    let file = good();
    let other = Server::start(move |asked, answer| file.send(asked, answer));
    let there = other.url("file.bin");
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/first" => redirect(answer, "302 Found", "second?x#part"),
        _ => redirect(answer, "307 Temporary Redirect", &there),
    });
    let home = Home::new();
    get(&home, &server.url_with_login("me:hunter2", "first"), &ALL_SECRETS);
    let told = |asked: &Asked| {
        ["authorization", "cookie", "x-api-key", "referer", "range"]
            .map(|name| asked.header(name).map(str::to_owned))
    };
    let all = [
        Some("Basic bWU6aHVudGVyMg=="),
        Some("own=c00k1e"),
        Some("k3y"),
        Some("http://page.example/"),
        Some("bytes=0-"),
    ];
    let seen = server.seen();
    assert_eq!(seen.iter().map(|asked| asked.target.as_str()).collect::<Vec<_>>(), ["/first", "/second?x"]);
    for asked in &seen {
        assert_eq!(told(asked), all.map(|text| text.map(str::to_owned)));
    }
    let [none, referer, range] = [None, all[3], all[4]].map(|text| text.map(str::to_owned));
    assert_eq!(told(&other.seen()[0]), [none.clone(), none.clone(), none, referer, range]);
}

#[test]
fn ten_redirects_are_followed_and_no_more_and_no_circle() {
    let file = good();
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/0" => file.send(asked, answer),
        "/a" => redirect(answer, "301 Moved Permanently", "/b"),
        "/b" => redirect(answer, "308 Permanent Redirect", "/a"),
        "/ftp" => redirect(answer, "302 Found", "ftp://127.0.0.1/file.bin"),
        "/nowhere" => answer.whole("302 Found", &[], b""),
        number => {
            let next: u32 = number[1..].parse::<u32>().expect("a number") - 1;
            redirect(answer, "303 See Other", &format!("/{next}"));
        }
    });
    let home = Home::new();
    get(&home, &server.url("10"), &[]);
    assert_eq!(server.seen().len(), 11);
    for (target, words, requests) in [
        ("11", "redirected too often", 11),
        ("a", "redirected too often", 4),
        ("ftp", "cannot be downloaded", 1),
        ("nowhere", "status 302", 1),
    ] {
        let before = server.seen().len();
        let said = home.run(["get", &server.url(target), "--out", "other"]).code(1);
        assert!(said.err.contains(words), "{said:#?}");
        assert_eq!(server.seen().len() - before, requests, "{target}");
    }
}

#[test]
fn a_cookie_is_shown_where_it_was_set_also_to_go_on() {
    let file = good();
    let server = Server::start(move |asked, answer| {
        let cookie = asked.header("cookie").unwrap_or_default();
        match (asked.target.as_str(), cookie) {
            ("/file.bin", "gate=open; here=1") if asked.number == 3 => {
                // It breaks off, and the rest is asked for with the same cookies.
                file.head(asked, answer);
                answer.bytes(&file.bytes[..TOTAL / 2]);
            }
            ("/file.bin", "gate=open; here=1") => file.send(asked, answer),
            ("/file.bin", "") => redirect(answer, "302 Found", "/gate/in"),
            ("/file.bin", _) => answer.whole(
                "302 Found",
                &[
                    ("Set-Cookie", "here=1"),
                    ("Set-Cookie", "elsewhere=1; Path=/x"),
                    ("Location", "/file.bin"),
                ],
                b"",
            ),
            _ => answer.whole(
                "302 Found",
                &[("Set-Cookie", "gate=open; Path=/; HttpOnly"), ("Location", "/file.bin")],
                b"",
            ),
        }
    });
    get(&Home::new(), &server.url("file.bin"), &[]);
    let seen = server.seen();
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[4].first_byte(), Some(TOTAL / 2));
}

/// What a client has to answer to a Digest challenge, worked out anew.
fn response(asked: &Asked, user: &str, password: &str) -> Option<(String, String)> {
    let given = asked.header("authorization")?.strip_prefix("Digest ")?;
    let field = |name: &str| {
        let at = given.find(&format!("{name}="))? + name.len() + 1;
        let value = &given[at..];
        Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?.to_owned(),
            None => value.split(',').next()?.trim().to_owned(),
        })
    };
    let hash = |text: String| {
        let bytes = if given.contains("SHA-256") {
            sha2::Sha256::digest(text).to_vec()
        } else {
            md5::Md5::digest(text).to_vec()
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let (nonce, realm) = (field("nonce")?, field("realm")?);
    let secret = hash(format!("{user}:{realm}:{password}"));
    let request = hash(format!("{}:{}", asked.method, asked.target));
    let right = hash(format!("{secret}:{nonce}:{}:{}:auth:{request}", field(" nc")?, field("cnonce")?));
    (field("uri")? == asked.target && field("response")? == right)
        .then(|| (nonce, field(" nc").unwrap_or_default()))
}

#[test]
fn digest_is_answered_with_the_better_hash_and_a_new_nonce_when_the_old_one_is_stale() {
    let file = good();
    let used = Arc::new(Mutex::new(Vec::<(String, String)>::new()));
    let nonces = Arc::clone(&used);
    let server = Server::start(move |asked, answer| {
        let challenge = |nonce: &str, more: &str| {
            format!(
                "Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\", algorithm=SHA-256{more}, Basic realm=\"r\""
            )
        };
        let ask = |answer: &mut Answer, challenge: &str| {
            let weak = "Digest realm=\"r\", nonce=\"weak\", qop=\"auth\"";
            answer.whole(
                "401 Unauthorized",
                &[("WWW-Authenticate", weak), ("WWW-Authenticate", challenge)],
                b"",
            );
        };
        match response(asked, "me", "hunter2") {
            Some((nonce, count)) => {
                let is_first = nonce == "one";
                used.lock().expect("no panic").push((nonce, count));
                match asked.number {
                    1 => {
                        file.head(asked, answer);
                        answer.bytes(&file.bytes[..TOTAL / 2]);
                    }
                    _ if is_first => ask(answer, &challenge("two", ", stale=true")),
                    _ => file.send(asked, answer),
                }
            }
            None => ask(answer, &challenge("one", "")),
        }
    });
    get(&Home::new(), &server.url_with_login("me:hunter2", "file.bin?a=b%20c"), &[]);
    let used = nonces.lock().expect("no panic").clone();
    let used: Vec<_> = used.iter().map(|(nonce, count)| (nonce.as_str(), count.as_str())).collect();
    assert_eq!(used, [("one", "00000001"), ("one", "00000002"), ("two", "00000001")]);
}

#[test]
fn a_401_that_heals_does_and_one_that_does_not_is_no_endless_row() {
    let file = good();
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/heals" if asked.number > 0 => file.send(asked, answer),
        "/silent" => answer.whole("401 Unauthorized", &[], b""),
        "/digest" => {
            let challenge = format!("Digest realm=r, nonce=n{}, qop=auth, stale=true", asked.number);
            answer.whole("401 Unauthorized", &[("WWW-Authenticate", &challenge)], b"");
        }
        _ => answer.whole("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=r")], b""),
    });
    let home = Home::new();
    get(&home, &server.url_with_login("me:hunter2", "heals"), &[]);
    assert_eq!(server.seen().len(), 2);
    for (target, requests) in [("never", 2), ("silent", 1), ("digest", 3)] {
        let before = server.seen().len();
        let said = home.run(["get", &server.url_with_login("me:hunter2", target), "--out", "other"]).code(1);
        assert!(said.err.contains("asks for a login (401)"), "{said:#?}");
        assert!(!said.all().contains("hunter2"), "{said:#?}");
        assert_eq!(server.seen().len() - before, requests, "{target}");
    }
}

#[test]
fn nginx_takes_the_login_of_an_address() {
    let root = tempfile::tempdir().expect("a folder");
    let (nginx, home) = (Nginx::start(root.path()), Home::new());
    nginx.put("file.bin", &good().bytes);
    let url = nginx.url("private/file.bin");
    get(&home, &url.replace("http://", "http://me:hunter%32@"), &[]);
    let said = home.run(["get", &url, "--out", "other"]).code(1);
    assert!(said.err.contains("asks for a login (401)"), "{said:#?}");
    home.state_is_without("hunter");
}
