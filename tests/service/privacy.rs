//! Secrets stay where they are needed, and what is kept is nobody else's business.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use meanwhile::engine::Command;
use meanwhile::job::{FinishCommand, JobState, NewAccess, NewCookie, NewFile, NewHeader, NewJob};

use crate::stage::Service;
use crate::support::server::{Good, Server};
use crate::support::{SOON, content, names_in, read, until};

const SECRETS: [&str; 5] = ["hunter2", "c00k1e-value", "t0ken-value", "aHVudGVyMg", "bWU6aHVudGVyMg"];

/// Fails if any of the secrets is in there.
#[track_caller]
fn is_without(what: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
        assert!(!found, "“{secret}” is in {what}: {}", String::from_utf8_lossy(bytes));
    }
}

/// All files below a folder are without secrets, and neither they nor the folders are anybody else's business.
fn is_private(folder: &Path) {
    let mode = |path: &Path| path.symlink_metadata().expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    for name in names_in(folder) {
        let path = folder.join(name);
        let kind = path.symlink_metadata().expect("a file").file_type();
        if kind.is_dir() {
            is_private(&path);
            continue;
        }
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        if kind.is_file() {
            is_without(&path.display().to_string(), &read(&path));
        }
    }
}

/// The extended attributes of a file, names and values.
fn attributes(path: &Path) -> Vec<u8> {
    let mut names = vec![0; 1 << 16];
    let bytes = rustix::fs::listxattr(path, &mut names[..]).expect("its attributes");
    names.truncate(bytes);
    let mut all = names.clone();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 1 << 16];
        let bytes = rustix::fs::getxattr(path, name, &mut value[..]).expect("an attribute");
        all.extend(&value[..bytes]);
    }
    all
}

#[test]
fn secrets_are_nowhere_but_in_memory_and_in_the_request() {
    let mut service = Service::at_rest();
    // As much as it can be made to say.
    let mut command = service.home.command(["run"]);
    command.env("MEANWHILE_LOG", "trace");
    service.start_as(command);
    let bytes = content(1, 400_000);
    let good = Good::new(bytes);
    let server = Server::start(move |asked, answer| match asked.target.as_str() {
        "/half" => good.send_until(200_000, asked, answer),
        // It tells what it was told.
        "/bad" => {
            let told = format!("{:?}", asked.headers);
            answer.whole(
                "403 Forbidden",
                &[("WWW-Authenticate", &told.replace(['\r', '\n'], " "))],
                told.as_bytes(),
            );
        }
        _ => good.send(asked, answer),
    });
    let header = |name: &str, value: &str| NewHeader { name: name.into(), value: value.into() };
    let script = "tr '\\0' '\\n' < /proc/self/environ > told.new; mv told.new told";
    let new = |target: &str| NewJob {
        files: vec![NewFile { url: server.url_with_login("me:hunter2", target), ..NewFile::default() }],
        headers: vec![header("Cookie", "session=c00k1e-value"), header("X-Auth-Token", "t0ken-value")],
        finish: Some(FinishCommand { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] }),
        ..NewJob::default()
    };
    let whole = service.add(new("whole"));
    service.wait_finished(whole);
    let bad = service.add(new("bad"));
    service.wait(bad, "in error", |view| matches!(view.job.state, JobState::Error(_)));
    let half = service.add(new("half"));
    service.wait_bytes(half, 200_000);
    until("its command has run", SOON, || service.home.file("told").exists().then_some(()));

    // The server was told, or this would prove nothing.
    let asked = server.seen();
    assert!(asked.len() >= 3);
    for asked in &asked {
        let told =
            ["cookie", "x-auth-token", "authorization"].map(|name| asked.header(name).unwrap_or_default());
        assert_eq!(told, ["session=c00k1e-value", "t0ken-value", "Basic bWU6aHVudGVyMg=="]);
    }
    is_private(&service.home.state());
    is_without("the environment of what is run at the end", &read(&service.home.file("told")));
    for name in ["cmdline", "environ"] {
        is_without(name, &read(Path::new(&format!("/proc/{}/{name}", service.id()))));
    }
    let part = service.home.file("half.part");
    assert!(attributes(&part).starts_with(b"user.meanwhile.file"), "it has its label");
    for file in [part, service.home.file("whole")] {
        is_without("the attributes of a file", &attributes(&file));
    }
    for words in [
        vec!["list"],
        vec!["show", &whole.to_string()],
        vec!["show", &bad.to_string()],
        vec!["show", &half.to_string()],
    ] {
        for json in [&[][..], &["--json"]] {
            let said = service.home.run(words.iter().chain(json)).fine();
            is_without("what the command line says", said.all().as_bytes());
        }
    }
    let snapshot = service.snapshot();
    is_without("the snapshot", format!("{snapshot:?}").as_bytes());
    is_without("the log", format!("{:?}", service.log(None)).as_bytes());
    let said = service.stop();
    assert!(
        said.contains("TRACE") || said.contains("DEBUG") || said.contains("INFO"),
        "it did say something: {said}"
    );
    is_without("what it says", said.as_bytes());
    is_private(&service.home.state());

    // Without its secrets the other half cannot be fetched, and that is said.
    service.start_again();
    service.wait(half, "in error", |view| {
        matches!(&view.job.state, JobState::Error(fault) if fault.kind == meanwhile::job::FaultKind::SecretsGone)
    });
}

#[test]
fn what_is_started_in_the_background_is_told_no_secret() {
    let service = Service::at_rest();
    let server = Server::start(move |_, answer| answer.hold());
    let add = |words: &[&str]| {
        let mut command = service.home.whole_command(["add"]);
        command.args(words).arg("--to").arg(service.home.files());
        crate::support::program::Program::start(&mut command).end().fine()
    };
    add(&[&server.url("plain")]);
    let lock = service.home.state().join("lock");
    let pid = until("an engine in the background", SOON, || {
        server.seen().first()?;
        std::fs::read_to_string(&lock).ok()?.trim().parse::<i32>().ok()
    });
    // Ended however this goes.
    let _engine = Background(pid);
    add(&[&server.url_with_login("me:hunter2", "secret"), "--header", "Cookie: session=c00k1e-value"]);
    let asked = server.asked(2);
    assert_eq!(asked[1].header("cookie"), Some("session=c00k1e-value"));
    for name in ["cmdline", "environ"] {
        is_without(name, &read(Path::new(&format!("/proc/{pid}/{name}"))));
    }
    is_private(&service.home.state());
}

/// A process that a command of the test left behind, on purpose.
struct Background(i32);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

#[test]
fn the_secrets_of_proxies_cookies_and_later_logins_are_nowhere_either() {
    let mut service = Service::at_rest();
    let mut command = service.home.command(["run"]);
    command.env("MEANWHILE_LOG", "trace");
    service.start_as(command);
    let good = Good::new(content(2, 50_000));
    // It tells what it was told, wherever it can.
    let server = Server::start(move |asked, answer| {
        let told = format!("{:?}", asked.headers).replace(['\r', '\n'], " ");
        let nonce =
            format!("Digest realm=\"r\", nonce=\"n\", qop=\"auth\", told=\"{}\"", told.replace('"', "'"));
        let basic = [("WWW-Authenticate", nonce.as_str()), ("Set-Cookie", "later=c00k1e-value")];
        match asked.target.as_str() {
            target if target.ends_with("/407") => answer.whole(
                "407 Proxy Authentication Required",
                &[("Proxy-Authenticate", &told)],
                told.as_bytes(),
            ),
            _ if asked.header("authorization").is_some_and(|given| given.starts_with("Digest")) => {
                good.send(asked, answer);
            }
            _ => answer.whole("401 Unauthorized", &basic, told.as_bytes()),
        }
    });
    let with_login = server.url_with_login("me:hunter2", "");
    let cookie = NewCookie {
        domain: "proxied.invalid".into(),
        with_subdomains: true,
        path: "/".into(),
        secure: false,
        expires_unix_secs: None,
        name: "session".into(),
        value: "c00k1e-value".into(),
    };
    let new = |target: &str| NewJob {
        access: Box::new(NewAccess {
            proxy: Some(with_login.clone()),
            cookies: vec![cookie.clone()],
            ..NewAccess::default()
        }),
        ..NewJob::of(format!("http://proxied.invalid/{target}"), "")
    };
    let [refused, asked] = ["407", "401"].map(|target| service.add(new(target)));
    for id in [refused, asked] {
        service.wait(id, "in error", |view| matches!(view.job.state, JobState::Error(_)));
    }
    service.ask(Command::SetLogin(asked, ("me".into(), "hunter2".into())));
    service.wait_finished(asked);
    service.set("proxy", &with_login);
    let seen = server.seen();
    for asked in &seen {
        assert_eq!(asked.header("proxy-authorization"), Some("Basic bWU6aHVudGVyMg=="));
        assert!(asked.header("cookie").is_some_and(|cookies| cookies.contains("session=c00k1e-value")));
    }
    assert!(seen.iter().any(|asked| asked.header("authorization").is_some()));

    is_private(&service.home.state());
    for words in
        [&["settings"][..], &["settings", "proxy"], &["list"], &["log"], &["show", &refused.to_string()]]
    {
        for json in [&[][..], &["--json"]] {
            let said = service.home.run(words.iter().chain(json)).fine();
            is_without("what the command line says", said.all().as_bytes());
        }
    }
    is_without("the snapshot", format!("{:?}", service.snapshot()).as_bytes());
    is_without("what it says", service.stop().as_bytes());
    is_private(&service.home.state());
}

#[test]
fn what_a_command_line_has_to_say_of_secrets_is_hidden_from_its_title() {
    let service = Service::at_rest();
    let server = Server::start(|_, answer| answer.hold());
    let url = server.url("file.bin");
    let proxy = server.url_with_login("me:hunter2", "");
    let get = service.home.start([
        "get",
        &url,
        "--user",
        "me:hunter2",
        "--proxy",
        &proxy,
        "--header",
        "Cookie: c00k1e-value",
    ]);
    server.asked(1);
    is_without("cmdline", &read(Path::new(&format!("/proc/{}/cmdline", get.id()))));
    get.interrupt();
    is_private(&service.home.state());
}
