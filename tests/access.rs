//! What a server asks for before it gives the file: to look elsewhere, to show a cookie, to log in. And that nobody else
//! is told what is meant for one server.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::sync::{Arc, Mutex};

use md5::Digest as _;

use support::nginx::Nginx;
use support::program::{Home, word};
use support::server::{Answer, Asked, Good, Server};
use support::{SOON, assert_is, content, length, names_in, until, write};

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
fn another_address_is_told_no_secret_that_was_given_for_the_first() {
    let (file, whole) = (good(), good());
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/file.bin" => file.send_until(TOTAL / 2, asked, answer),
        _ => file.send(asked, answer),
    });
    let other = Server::start(move |asked, answer| match asked.target.as_str() {
        "/file.bin" => answer.whole("404 Not Found", &[], b""),
        _ => whole.send(asked, answer),
    });
    let home = Home::new();
    let _run = home.start_run();
    let id = home.add(&server.url_with_login("me:hunter2", "file.bin"), &ALL_SECRETS);
    until("half of it", SOON, || (length(&home.file("file.bin.part")) > 0).then_some(()));
    home.run(["set", &id, "address", &other.url("file.bin")]).fine();
    home.job_is(&id, "error");
    let secrets = ["authorization", "cookie", "x-api-key"];
    for asked in other.seen() {
        assert_eq!(secrets.map(|name| asked.header(name)), [None; 3]);
        assert_eq!(asked.header("referer"), Some("http://page.example/"), "that is none");
    }
    let log = home.run(["log"]).fine().out;
    assert!(log.contains("; its secret headers do not go there"), "{log}");
    // Back at the server they were given for; the login went with its address.
    home.run(["set", &id, "address", &server.url("other.bin")]).fine();
    home.job_is(&id, "acknowledged");
    let last = server.seen().pop().expect("a request");
    assert_eq!(secrets.map(|name| last.header(name)), [None, Some("own=c00k1e"), Some("k3y")]);
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
    assert_eq!(seen[4].first_byte(), Some(TOTAL / 2 - support::OVERLAP));
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

fn told<const N: usize>(asked: &Asked, names: [&str; N]) -> [Option<String>; N] {
    names.map(|name| asked.header(name).map(str::to_owned))
}

#[test]
fn what_it_takes_is_read_from_files() {
    let file = good();
    let server = Server::start(move |asked, answer| file.send(asked, answer));
    let home = Home::new();
    let put = |name: &str, text: &str| {
        let path = home.state().with_file_name(name);
        write(&path, text.as_bytes());
        word(&path)
    };
    let cookies = put(
        "cookies.txt",
        "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tgate\topen\n\
         127.0.0.1\tFALSE\t/other\tFALSE\t0\tnot\there\nb.example\tTRUE\t/\tFALSE\t0\tnot\there\n",
    );
    let (token, password) = (put("token", "t0ken\n"), put("password", "hunter2\n"));
    let common = ["--cookies", &cookies, "--referer", "http://page.example/", "--user-agent", "Mine/1"];
    let names = ["cookie", "referer", "user-agent", "authorization"];
    let all = |authorization: &str| {
        ["gate=open", "http://page.example/", "Mine/1", authorization].map(|text| Some(text.to_owned()))
    };
    get(&home, &server.url("1"), &[&common[..], &["--bearer", &token]].concat());
    assert_eq!(told(&server.seen()[0], names), all("Bearer t0ken"));
    std::fs::remove_file(home.file("file.bin")).expect("it was there");
    get(&home, &server.url("2"), &[&common[..], &["--user", "me", "--password-from", &password]].concat());
    assert_eq!(told(&server.seen()[1], names), all("Basic bWU6aHVudGVyMg=="));
    for secret in ["hunter2", "t0ken", "open"] {
        home.state_is_without(secret);
    }
    let said = home.run(["get", &server.url("3"), "--user", "me"]).code(2);
    assert!(said.err.contains("--password-from"), "there is no terminal: {said:#?}");
}

#[test]
fn a_netrc_is_looked_into_only_when_that_is_wanted_and_only_for_who_asks() {
    let file = good();
    let server = Server::start(move |asked, answer| match asked.header("authorization") {
        Some("Basic bWU6aHVudGVyMg==") => file.send(asked, answer),
        _ => answer.whole("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=r")], b""),
    });
    let home = Home::new();
    let netrc = home.state().with_file_name(".netrc");
    write(&netrc, b"machine 127.0.0.1 login me password hunter2\n");
    home.run(["get", &server.url("1"), "--out", "other"]).code(1);
    assert_eq!(server.seen().len(), 1);
    home.run(["settings", "use_netrc", "on"]).fine();
    get(&home, &server.url("2"), &[]);
    let asked: Vec<_> = server.seen().iter().map(|asked| asked.header("authorization").is_some()).collect();
    assert_eq!(asked, [false, false, true]);
    // Others can read it, as files usually are.
    let run = home.start_run();
    run.line("chmod 600");
    run.interrupt();
    home.state_is_without("hunter2");
}

#[test]
fn the_login_for_all_others_is_not_for_where_a_server_sends_us() {
    let other = Server::start(|_, answer| {
        answer.whole("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=r")], b"");
    });
    let there = other.url("file.bin");
    let server = Server::start(move |_, answer| redirect(answer, "302 Found", &there));
    let home = Home::new();
    write(&home.state().with_file_name(".netrc"), b"default login me password hunter2\n");
    home.run(["settings", "use_netrc", "on"]).fine();
    home.run(["get", &server.url("file.bin")]).code(1);
    assert_eq!((server.seen().len(), other.seen().len()), (1, 1));
    home.run(["get", &other.url("file.bin")]).code(1);
    assert_eq!(other.seen().len(), 3, "for who was asked for it is");
}

#[test]
fn a_proxy_is_asked_for_the_whole_address_and_told_only_its_own_login() {
    let file = good();
    let proxy = Server::start(move |asked, answer| match asked.header("proxy-authorization") {
        Some("Basic bWU6aHVudDpAJQ==") => file.send(asked, answer),
        _ => {
            answer.whole(
                "407 Proxy Authentication Required",
                &[("Proxy-Authenticate", "Basic realm=r")],
                b"",
            );
        }
    });
    let home = Home::new();
    let with_login = proxy.url_with_login("me:hunt%3A%40%25", "");
    let url = "http://you:pw@server.invalid:81/file.bin";
    get(&home, url, &["--proxy", &with_login]);
    assert_eq!(proxy.seen()[0].target, "http://server.invalid:81/file.bin");
    assert_eq!(proxy.seen()[0].header("authorization"), Some("Basic eW91OnB3"));
    assert_eq!(home.list()[0]["proxy"], proxy.url("").trim_end_matches('/'));

    for (words, code) in [(vec!["--proxy", with_login.as_str()], 0), (vec![], 1)] {
        let said = home.run(["get", url, "--out", "x"].iter().chain(&words)).code(code);
        assert!(code == 0 || said.err.contains("name was not found"), "{said:#?}");
    }
    let said = home.run(["get", url, "--out", "y", "--proxy", &proxy.url("")]).code(1);
    assert!(said.err.contains("The proxy asks for a login (407)"), "{said:#?}");
    let nobody = format!("http://me:hunter2@127.0.0.1:{}", support::nginx::free_port());
    let get = home.start(["get", url, "--out", "z", "--proxy", &nobody]);
    get.line("The proxy gave no connection");
    assert!(!get.interrupt().all().contains("hunter2"));

    // As a setting it is kept without its login, which is known as long as the program runs.
    let run = home.start_run();
    let shown = home.run(["settings", "proxy", &with_login]).fine();
    assert_eq!(shown.out.trim(), proxy.url("").trim_end_matches('/'));
    let before = proxy.seen().len();
    get_again(&home, "http://server.invalid/other.bin");
    assert_eq!(proxy.seen().len() - before, 1);
    run.interrupt();
    for secret in ["hunt:", "hunt%3A", "hunter2", "aHVudDpA"] {
        home.state_is_without(secret);
    }
}

#[track_caller]
fn get_again(home: &Home, url: &str) {
    home.run(["get", url]).fine();
    assert_is(&home.file("other.bin"), &good().bytes);
}
