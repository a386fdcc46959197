//! What the desktop is told, on a bus of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use meanwhile::job::{JobState, NewJob};
use serde_json::json;
use zbus::zvariant::{OwnedValue, Value};

use crate::stage::Service;
use crate::support::bus::{Bus, Mock};
use crate::support::server::{Good, Server};
use crate::support::{SOON, assert_is, content, until};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A desktop, and a program that runs on it.
async fn stage(words: &[&str]) -> (Bus, Mock, Service) {
    let bus = Bus::start();
    let desktop =
        bus.template("notification_daemon", NAME, PATH, &json!({ "capabilities": "body actions" })).await;
    let mut service = Service::at_rest();
    let mut command = service.home.command(words);
    bus.put(&mut command);
    service.start_as(command);
    (bus, desktop, service)
}

/// Title and text of the notices so far.
async fn shown(desktop: &Mock) -> Vec<(String, String)> {
    let text = |value: &OwnedValue| String::try_from(value.try_clone().expect("a value")).expect("a text");
    desktop.calls("Notify").await.iter().map(|given| (text(&given[3]), text(&given[4]))).collect()
}

#[tokio::test]
async fn a_finished_download_is_one_notice_unless_none_is_wanted() {
    let (_bus, desktop, service) = stage(&["run"]).await;
    let server = Server::start(|asked, answer| Good::new(content(1, 5000)).send(asked, answer));
    let mut calls = desktop.listen().await;
    service.set("notify", "off");
    let quiet = service.add(NewJob::of(server.url("quiet"), ""));
    service.wait_finished(quiet);
    service.set("notify", "on");
    let told = service.add(NewJob::of(server.url("told"), ""));
    service.wait_finished(told);
    calls.next("Notify").await;
    service.wait(told, "told", |view| !view.job.at_end.tell);
    let shown = shown(&desktop).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].0.contains("finished") && shown[0].1.starts_with("told "), "{shown:?}");
    assert!(!service.view(quiet).job.at_end.tell);
}

#[tokio::test]
async fn one_that_failed_can_be_tried_again_with_a_click_and_the_program_waits_for_it() {
    let (_bus, desktop, service) = stage(&["run"]).await;
    let healed = Arc::new(AtomicBool::new(false));
    let is_healed = Arc::clone(&healed);
    let bytes = content(1, 5000);
    let good = Good::new(bytes.clone());
    let server = Server::start(move |asked, answer| {
        if is_healed.load(Ordering::SeqCst) {
            good.send(asked, answer);
        } else {
            answer.whole("404 Not Found", &[], b"");
        }
    });
    let mut calls = desktop.listen().await;
    let id = service.add(NewJob::of(server.url("file"), ""));
    let given = calls.next("Notify").await;
    let title = String::try_from(given[3].try_clone().expect("a value")).expect("a text");
    assert!(title.contains("failed"), "{title}");
    service.wait(id, "told of", |view| matches!(view.job.state, JobState::Error(_)) && !view.job.at_end.tell);
    let snapshot =
        until("it only waits for a click", SOON, || Some(service.snapshot()).filter(|now| !now.busy));
    assert!(snapshot.lingers, "somebody may yet click");
    healed.store(true, Ordering::SeqCst);
    desktop.emit(NAME, "ActionInvoked", "us", &[Value::from(1_u32), Value::from("retry")]).await;
    service.wait_finished(id);
    assert_is(&service.home.file("file"), &bytes);
    let given = calls.next("Notify").await;
    let title = String::try_from(given[3].try_clone().expect("a value")).expect("a text");
    assert!(title.contains("finished"), "{title}");
}
