//! Secrets in the desktop's keyring, on a bus of the test's own.

use std::collections::HashMap;
use std::time::Instant;

use meanwhile::engine::{Change, Command};
use meanwhile::job::{FaultKind, JobId, JobState, NewFile, NewHeader, NewJob};
use serde_json::json;

use crate::stage::Service;
use crate::support::bus::{Bus, Mock};
use crate::support::server::{Good, Server};
use crate::support::{SOON, assert_is, content, nap};

const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/secret_service.py");
const TOTAL: usize = 400_000;

async fn keyring(bus: &Bus, locked: bool) -> Mock {
    bus.template(TEMPLATE, NAME, PATH, &json!({ "locked": locked })).await
}

fn start(service: &mut Service, bus: &Bus) {
    let mut command = service.home.command(["run"]);
    bus.put(&mut command);
    service.start_as(command);
}

/// What the keyring holds, by download.
async fn stored(bus: &Bus) -> HashMap<String, String> {
    let connection = bus.connect().await;
    let reply = connection.call_method(Some(NAME), PATH, Some("org.example.Test"), "Stored", &()).await;
    reply.expect("an answer").body().deserialize().expect("what is stored")
}

async fn lock(bus: &Bus, locked: bool) {
    let with = ("org.freedesktop.Secret.Collection", "Locked", zbus::zvariant::Value::from(locked));
    let (path, properties) = (format!("{PATH}/collection/login"), "org.freedesktop.DBus.Properties");
    let set =
        bus.connect().await.call_method(Some(NAME), path.as_str(), Some(properties), "Set", &with).await;
    set.expect("it is set");
}

/// Waits until it holds that many.
async fn stored_is(bus: &Bus, count: usize) -> HashMap<String, String> {
    let end = Instant::now() + SOON;
    loop {
        let stored = stored(bus).await;
        if stored.len() == count {
            return stored;
        }
        assert!(Instant::now() < end, "{count} were to be stored: {stored:?}");
        nap(std::time::Duration::from_millis(10));
    }
}

/// A server that holds the file back in the middle, the first time; and the download of it.
fn half_of_it() -> (Server, impl Fn(&Server) -> NewJob) {
    let good = Good::new(content(1, TOTAL));
    let server = Server::start(move |asked, answer| match asked.number {
        0 => good.send_until(TOTAL / 2, asked, answer),
        _ => good.send(asked, answer),
    });
    let new = |server: &Server| NewJob {
        files: vec![NewFile { url: server.url_with_login("me:hunter2", "file.bin"), ..NewFile::default() }],
        headers: vec![NewHeader { name: "Cookie".into(), value: "session=c00k1e".into() }],
        ..NewJob::default()
    };
    (server, new)
}

fn fails_for_want_of_secrets(service: &Service, id: JobId) {
    service.wait(
        id,
        "in error",
        |view| matches!(&view.job.state, JobState::Error(fault) if fault.kind == FaultKind::SecretsGone),
    );
}

#[tokio::test]
async fn a_login_survives_a_crash_in_an_open_keyring_and_is_forgotten_at_the_end() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, false).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let (server, new) = half_of_it();
    let id = service.add(new(&server));
    service.wait_bytes(id, TOTAL as u64 / 2);
    let kept = stored_is(&bus, 1).await;
    assert!(
        kept[&id.to_string()].contains("hunter2") && kept[&id.to_string()].contains("c00k1e"),
        "{kept:?}"
    );
    // On disk, and so not fetched again.
    service.wait(id, "on disk", |view| view.job.synced_bytes() > 0);
    service.kill();
    service.home.state_is_without("hunter2");
    service.home.state_is_without("c00k1e");

    start(&mut service, &bus);
    service.wait_finished(id);
    assert_is(&service.home.file("file.bin"), &content(1, TOTAL));
    let again = &server.asked(2)[1];
    assert_eq!(again.header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(again.header("cookie"), Some("session=c00k1e"));
    assert!(again.first_byte().is_some_and(|byte| byte > 0), "it went on");
    stored_is(&bus, 0).await;
    service.home.state_is_without("hunter2");
}

#[tokio::test]
async fn a_locked_keyring_is_left_alone() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, true).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let (server, new) = half_of_it();
    let id = service.add(new(&server));
    service.wait_bytes(id, TOTAL as u64 / 2);
    // Whatever it has for the keyring is done before it ends.
    service.stop();
    assert_eq!(stored(&bus).await.len(), 0);
    start(&mut service, &bus);
    fails_for_want_of_secrets(&service, id);
}

#[tokio::test]
async fn a_keyring_that_is_opened_later_is_asked_when_it_is_tried_again() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, false).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let (server, new) = half_of_it();
    let id = service.add(new(&server));
    service.wait_bytes(id, TOTAL as u64 / 2);
    stored_is(&bus, 1).await;
    service.stop();
    lock(&bus, true).await;
    start(&mut service, &bus);
    fails_for_want_of_secrets(&service, id);
    lock(&bus, false).await;
    service.change(id, Change::Resume);
    service.wait_finished(id);
    assert_eq!(server.asked(2)[1].header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
    stored_is(&bus, 0).await;
}

#[tokio::test]
async fn what_is_removed_or_not_wanted_there_does_not_stay_there() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, false).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let server = Server::start(|_, answer| answer.hold());
    let new = |target: &str| {
        let url = server.url_with_login("me:hunter2", target);
        NewJob { files: vec![NewFile { url, ..NewFile::default() }], paused: true, ..NewJob::default() }
    };
    let ids = ["1", "2", "3"].map(|target| service.add(new(target)));
    stored_is(&bus, 3).await;
    service.change(ids[0], Change::Remove);
    stored_is(&bus, 2).await;
    service.change(ids[1], Change::Cancel);
    stored_is(&bus, 1).await;
    service.set("keyring", "off");
    stored_is(&bus, 0).await;
    service.set("keyring", "on");
    let kept = stored_is(&bus, 1).await;
    assert!(kept.contains_key(&ids[2].to_string()));
    // Another folder's secrets are another's.
    let mut other = Service::at_rest();
    start(&mut other, &bus);
    other.add(new("4"));
    stored_is(&bus, 2).await;
    service.stop();
    start(&mut service, &bus);
    service.change(ids[2], Change::Resume);
    assert_eq!(server.asked(1)[0].header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(stored(&bus).await.len(), 2);
}

#[tokio::test]
async fn the_login_of_a_proxy_is_kept_too() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, false).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let good = Good::new(content(1, 5000));
    let proxy = Server::start(move |asked, answer| good.send(asked, answer));
    service.set("proxy", &proxy.url_with_login("me:hunter2", ""));
    assert!(stored_is(&bus, 1).await.contains_key("proxy"));
    service.stop();
    start(&mut service, &bus);
    let id = service.add(NewJob::of("http://server.invalid/file.bin", ""));
    service.wait_finished(id);
    assert_eq!(proxy.seen()[0].header("proxy-authorization"), Some("Basic bWU6aHVudGVyMg=="));
    service.home.state_is_without("hunter2");
    service.set("proxy", "none");
    stored_is(&bus, 0).await;
}

#[tokio::test]
async fn a_login_can_be_given_later() {
    let bus = Bus::start();
    let _keyring = keyring(&bus, false).await;
    let mut service = Service::at_rest();
    start(&mut service, &bus);
    let good = Good::new(content(1, TOTAL));
    let other = Server::start(move |asked, answer| match asked.header("authorization") {
        Some("Basic bWU6aHVudGVyMg==") => good.send(asked, answer),
        _ => answer.whole("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=r")], b""),
    });
    let there = other.url("file.bin");
    let server = Server::start(move |_, answer| answer.whole("302 Found", &[("Location", &there)], b""));
    let id = service.add(NewJob::of(server.url("file.bin"), ""));
    let failed = |view: &meanwhile::engine::JobView| matches!(view.job.state, JobState::Error(_));
    service.wait(id, "in error", failed);
    // A wrong one, which is not taken; then the right one. It is for the server that asked.
    service.ask(Command::SetLogin(id, ("me".into(), "wrong".into())));
    other.asked(3);
    service.wait(id, "in error", failed);
    let password = service.home.state().with_file_name("password");
    crate::support::write(&password, b"hunter2\n");
    let words = ["set", &id.to_string(), "login", "me", "--password-from", &password.display().to_string()];
    let said = service.home.run(words).fine();
    assert!(said.out.contains("is tried again with its login"), "{said:#?}");
    service.wait_finished(id);
    assert!(server.seen().iter().all(|asked| asked.header("authorization").is_none()));
    stored_is(&bus, 0).await;
    service.home.state_is_without("hunter2");
    let log = format!("{:?}", service.log(Some(id)));
    assert!(log.contains("It has a login for http://127.0.0.1") && !log.contains("hunter2"), "{log}");
}
