//! Through squid and microsocks.

use crate::support::nginx::{Nginx, free_port};
use crate::support::program::{Home, Program};
use crate::support::{assert_is, content, names_in};
use crate::{break_off, decided, kinds, put};

const LOGIN: (&str, &str) = ("me", "hunter2");

#[test]
fn files_come_through_proxies_with_and_without_a_login() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let bytes = content(3100, 3_000_000);
    put(root.path(), "file.bin", &bytes, 0);
    let url = nginx.url("file.bin");
    for login in [None, Some(LOGIN)] {
        let given = login.map_or(String::new(), |(user, password)| format!("{user}:{password}@"));
        for (proxy, schemes) in
            [(kinds::squid(login), &["http"][..]), (kinds::microsocks(login), &["socks5", "socks5h"])]
        {
            for scheme in schemes {
                let through = format!("{scheme}://{given}127.0.0.1:{}", proxy.port);
                let home = Home::new();
                break_off(&home, &url, &["--proxy", &through]);
                home.run(["get", &url, "--proxy", &through, "--connections", "3"]).fine();
                assert_is(&home.file("file.bin"), &bytes);
                assert!(decided(&home).contains("Goes on at"), "{through}");
                home.state_is_without("hunter2");
                // Nothing of it is asked of nginx without the proxy, which is what “none” is for.
                home.run(["get", &url, "--proxy", "none", "--out", "direct.bin"]).fine();

                // The same by the environment.
                let mut command = home.command(["get", &url, "--out", "env.bin"]);
                command.env("http_proxy", &through);
                Program::start(&mut command).end().fine();
                assert_is(&home.file("env.bin"), &bytes);
            }
        }
    }
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

#[test]
fn what_a_proxy_keeps_is_never_mixed_with_what_has_come_since() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let squid = kinds::squid(None);
    let through = format!("http://127.0.0.1:{}", squid.port);
    let (old, new) = (content(3101, 3_000_000), content(3102, 3_000_000));
    let url = nginx.url("file.bin");
    put(root.path(), "file.bin", &old, 0);
    // squid has the old one whole.
    let warm = Home::new();
    warm.run(["get", &url, "--proxy", &through]).fine();
    let home = Home::new();
    break_off(&home, &url, &["--proxy", &through]);
    put(root.path(), "file.bin", &new, 3600);
    home.run(["get", &url, "--proxy", &through]).fine();
    let got = crate::support::read(&home.file("file.bin"));
    assert!(got == old || got == new, "a mixture");
}
