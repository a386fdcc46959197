//! Through squid and microsocks.

use std::path::Path;

use crate::kinds::{self, BY_PROXY};
use crate::process::Running;
use crate::support::nginx::{Nginx, free_port};
use crate::support::program::{Home, Program};
use crate::support::{assert_is, content, names_in};
use crate::tls::{Authority, serve};
use crate::{break_off, decided, put, with_each};

const LOGIN: (&str, &str) = ("me", "hunter2");

#[test]
fn files_come_through_proxies_with_and_without_a_login() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let bytes = content(3100, 3_000_000);
    put(root.path(), "file.bin", &bytes, 0);
    let url = nginx.url("file.bin");
    let table = [
        ("http", "", kinds::squid(None)),
        ("http", "me:hunter2@", kinds::squid(Some(LOGIN))),
        ("socks5", "", kinds::microsocks(None)),
        ("socks5h", "me:hunter2@", kinds::microsocks(Some(LOGIN))),
    ];
    with_each(&table, |_, (scheme, login, proxy)| {
        let through = format!("{scheme}://{login}127.0.0.1:{}", proxy.port);
        let home = Home::new();
        break_off(&home, &url, &["--proxy", &through]);
        home.run(["get", &url, "--proxy", &through, "--connections", "3"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        assert!(decided(&home).contains("Goes on at"), "{through}");
        // The same by the environment.
        let code = get_with(&home, &url, &["--out", "env.bin"], &[("http_proxy", &through)]);
        assert_eq!(code, 0, "{through}");
        assert_is(&home.file("env.bin"), &bytes);
        home.state_is_without("hunter2");
    });
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_said() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    put(root.path(), "file.bin", b"bytes", 0);
    let url = nginx.url("file.bin");
    let home = Home::new();
    let squid = kinds::squid(Some(LOGIN));
    for given in ["", "me:sosecret@"] {
        let through = format!("http://{given}127.0.0.1:{}", squid.port);
        let said = home.run(["get", &url, "--proxy", &through]).code(1);
        assert!(said.err.contains("(407)") && !said.all().contains("sosecret"), "{said:#?}");
    }
    let dead = format!("http://127.0.0.1:{}", free_port());
    let said = home.run(["get", &url, "--proxy", &dead]).code(1);
    assert!(said.err.contains("proxy"), "{said:#?}");
    // Past a proxy that is not there, where the environment says so.
    let mut command = home.command(["get", &url]);
    command.env("http_proxy", &dead).env("no_proxy", "127.0.0.1");
    Program::start(&mut command).end().fine();
    assert_eq!(names_in(&home.files()), ["file.bin"]);
}

/// A squid that has the whole of the old file, which nginx has no more.
fn squid_with(old: &[u8], new: &[u8], root: &Path, nginx: &Nginx) -> Running {
    put(root, "file.bin", old, 0);
    let squid = kinds::squid(None);
    // squid keeps nothing of an answer to a range, so this asks for none.
    let url = nginx.url("file.bin");
    let request = format!("GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    for _ in 0..2 {
        assert!(squid.answer_to(&request).ends_with(old));
    }
    assert_eq!(nginx.log_of(1).len(), 1, "the second was answered by squid alone");
    put(root, "file.bin", new, 3600);
    squid
}

#[test]
fn what_a_proxy_keeps_is_never_mixed_with_what_has_come_since() {
    let root = tempfile::tempdir().expect("a folder");
    for (old, new) in [
        (content(3101, 3_000_000), content(3102, 3_000_000)),
        (content(3103, 3_000_000), content(3104, 2_500_000)),
    ] {
        let nginx = Nginx::start(root.path());
        let url = nginx.url("file.bin");
        let squid = squid_with(&old, &new, root.path(), &nginx);
        let through = format!("http://127.0.0.1:{}", squid.port);
        let none = "none".to_owned();
        // Begun by one way, and gone on with by the other, which has another file.
        for (first, then, whole) in [(&through, &none, &new), (&none, &through, &old)] {
            let home = Home::new();
            break_off(&home, &url, &["--proxy", first]);
            home.run(["get", &url, "--proxy", then]).fine();
            assert_is(&home.file("file.bin"), whole);
            assert!(decided(&home).contains("Starts over"), "{}", decided(&home));
        }
    }
}

/// The exit code of a download with these words on the command line and these variables in the environment.
type Way<'a> = (i32, &'a [&'a str], &'a [(&'a str, &'a str)]);

/// Asks for a file with these variables in the environment.
fn get_with(home: &Home, url: &str, words: &[&str], environment: &[(&str, &str)]) -> i32 {
    let mut command = home.command(["get", url].iter().chain(words));
    command.envs(environment.iter().copied());
    Program::start(&mut command).end().calm().code
}

#[test]
fn each_way_to_name_a_proxy_leads_through_it_and_each_exception_past_it() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "file.bin", b"bytes", 0);
    // These answer nobody who does not come through a proxy.
    let by_proxy_only = format!("allow {BY_PROXY}; deny all;");
    let plain_server = kinds::nginx(root.path(), &by_proxy_only);
    let plain = plain_server.url("");
    let authority = Authority::new();
    let (_secure, base) = serve(root.path(), &authority.good(), &by_proxy_only);
    let ca = authority.file();
    let (squid, socks) = (kinds::squid(None), kinds::microsocks(None));
    let squid = &format!("http://127.0.0.1:{}", squid.port);
    let socks = &format!("socks5://127.0.0.1:{}", socks.port);
    let table = [
        (squid, &plain, "http_proxy"),
        (squid, &base, "https_proxy"),
        (socks, &plain, "http_proxy"),
        (socks, &base, "https_proxy"),
    ];
    with_each(&table, |_, &(through, base, variable)| {
        let url = format!("{base}file.bin");
        let ways: [Way<'_>; 8] = [
            (1, &[], &[]),
            (0, &[], &[(variable, through)]),
            (0, &[], &[("all_proxy", through)]),
            (0, &["--proxy", through], &[]),
            (0, &["--proxy", through], &[("no_proxy", "*")]),
            (1, &["--proxy", "none"], &[(variable, through)]),
            (1, &[], &[(variable, through), ("no_proxy", "127.0.0.1")]),
            (0, &[], &[(variable, through), ("no_proxy", "elsewhere.example")]),
        ];
        for (code, words, environment) in ways {
            let home = Home::new();
            let words = [words, &["--ca-file", &ca]].concat();
            assert_eq!(get_with(&home, &url, &words, environment), code, "{words:?} {environment:?}");
            assert_eq!(home.file("file.bin").exists(), code == 0);
        }
        // For all jobs, once and for all; and one job may have it otherwise.
        let home = Home::new();
        home.run(["settings", "proxy", through]).fine();
        home.run(["settings", "ca_file", &ca]).fine();
        home.run(["get", &url]).fine();
        assert_is(&home.file("file.bin"), b"bytes");
        assert!(home.run(["get", &url, "--proxy", "none"]).code(1).err.contains("(403)"));
    });
}

#[test]
fn a_wrong_login_is_told_from_a_proxy_that_is_not_there() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "file.bin", b"bytes", 0);
    let plain = kinds::nginx(root.path(), "");
    let authority = Authority::new();
    let (_secure, base) = serve(root.path(), &authority.good(), "");
    let ca = authority.file();
    let (squid, socks) = (kinds::squid(Some(LOGIN)), kinds::microsocks(Some(LOGIN)));
    for (scheme, port) in [("http", squid.port), ("socks5", socks.port)] {
        for url in [plain.url("file.bin"), format!("{base}file.bin")] {
            for given in ["", "me:sosecret@"] {
                let home = Home::new();
                let through = format!("{scheme}://{given}127.0.0.1:{port}");
                let said = home.run(["get", &url, "--proxy", &through, "--ca-file", &ca]).code(1);
                assert!(said.err.contains("The proxy asks for a login (407)"), "{through} {url} {said:#?}");
                assert!(!said.all().contains("sosecret"), "{said:#?}");
                home.state_is_without("sosecret");
                assert_eq!(names_in(&home.files()), Vec::<String>::new());
            }
            let home = Home::new();
            let dead = format!("{scheme}://127.0.0.1:{}", free_port());
            let said = home.run(["get", &url, "--proxy", &dead, "--ca-file", &ca]).code(1);
            assert!(said.err.contains("proxy") && !said.err.contains("(407)"), "{dead} {url} {said:#?}");
        }
    }
}
