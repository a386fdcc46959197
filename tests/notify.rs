//! Notifications on a bus of the test's own, with a played notification server and file manager.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::collections::HashMap;
use std::path::PathBuf;

use meanwhile::engine::SessionBus;
use meanwhile::job::JobId;
use meanwhile::session::notify::{
    Action, Ended, Key, News, Notice, Notifier, NotifyError, Offers, Outcome, What, Wish, serve,
};
use serde_json::json;
use support::bus::{Bus, Mock};
use support::{SOON, write};
use tokio::sync::mpsc;
use tokio::time::timeout;
use zbus::zvariant::{OwnedValue, Value};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

const ALL: &str = "body body-markup actions";

async fn server(bus: &Bus, capabilities: &str) -> Mock {
    let parameters = json!({ "capabilities": capabilities });
    bus.template("notification_daemon", NAME, PATH, &parameters).await
}

fn on(bus: &Bus) -> SessionBus {
    SessionBus::At(bus.address().into())
}

/// What `Notify` was given, by the order of the specification.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    replaces: u32,
    title: String,
    body: String,
    actions: Vec<String>,
}

impl From<Vec<OwnedValue>> for Shown {
    fn from(given: Vec<OwnedValue>) -> Self {
        let [app, replaces, icon, title, body, actions, hints, expires] =
            <[OwnedValue; 8]>::try_from(given).expect("eight arguments");
        let text = |value: OwnedValue| String::try_from(value).expect("a text");
        assert_eq!((text(app), text(icon)), ("Meanwhile".into(), "meanwhile".into()));
        assert_eq!(i32::try_from(expires), Ok(-1));
        let hints = HashMap::<String, OwnedValue>::try_from(hints).expect("hints");
        assert_eq!(hints["desktop-entry"], OwnedValue::from(zbus::zvariant::Str::from("meanwhile")));
        assert!(hints.contains_key("category"));
        Self {
            replaces: u32::try_from(replaces).expect("a number"),
            title: text(title),
            body: text(body),
            actions: Vec::<String>::try_from(actions).expect("actions"),
        }
    }
}

async fn shown(server: &Mock) -> Vec<Shown> {
    server.calls("Notify").await.into_iter().map(Shown::from).collect()
}

fn finished(name: &str) -> Ended {
    let files = vec![PathBuf::from("/dl").join(name)];
    Ended { job: JobId::random(), name: name.into(), outcome: Outcome::Finished { files, bytes: 1536 } }
}

fn failed(name: &str) -> Ended {
    let outcome = Outcome::Failed { sentence: "It broke: badly. You can mend it.".into() };
    Ended { job: JobId::random(), name: name.into(), outcome }
}

async fn chosen(notifier: &mut Notifier) -> Action {
    timeout(SOON, notifier.next_action()).await.expect("an action in time")
}

async fn choose(server: &Mock, id: u32, word: &str) {
    server.emit(NAME, "ActionInvoked", "us", &[Value::from(id), Value::from(word)]).await;
}

#[tokio::test]
async fn a_notification_is_shown_with_what_it_says_and_offers() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let mut notifier = Notifier::new(on(&bus));
    notifier.show(&Notice::of(finished("a.iso"))).await.expect("shown");
    notifier.show(&Notice::of(failed("b.iso"))).await.expect("shown");
    let wanted = [
        Shown {
            replaces: 0,
            title: "Download finished".into(),
            body: "a.iso (1.5 KiB)".into(),
            actions: ["default", "Open", "open", "Open", "folder", "Show in folder"].map(Into::into).into(),
        },
        Shown {
            replaces: 0,
            title: "Download failed".into(),
            body: "b.iso\nIt broke: badly. You can mend it.".into(),
            actions: ["retry", "Retry"].map(Into::into).into(),
        },
    ];
    assert_eq!(shown(&server).await, wanted);
}

#[tokio::test]
async fn what_the_user_chooses_comes_back_with_the_token_of_the_click() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let mut notifier = Notifier::new(on(&bus));
    let (one, two) = (finished("a.iso"), failed("b.iso"));
    notifier.show(&Notice::of(one)).await.expect("shown");
    notifier.show(&Notice::of(two.clone())).await.expect("shown");

    // Those of another program, and what was not offered, mean nothing.
    choose(&server, 77, "open").await;
    choose(&server, 2, "open").await;
    server.emit(NAME, "ActivationToken", "us", &[Value::from(1_u32), Value::from("token")]).await;
    choose(&server, 1, "open").await;
    choose(&server, 1, "folder").await;
    choose(&server, 2, "retry").await;

    let file = PathBuf::from("/dl/a.iso");
    let wanted = [
        Action { what: What::Open(file.clone()), activation_token: Some("token".into()) },
        // A token is good for one click.
        Action { what: What::ShowInFolder(vec![file]), activation_token: None },
        Action { what: What::Retry(vec![two.job]), activation_token: None },
    ];
    for wanted in wanted {
        assert_eq!(chosen(&mut notifier).await, wanted);
    }
}

#[tokio::test]
async fn a_job_has_one_notification_until_that_is_closed() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let mut notifier = Notifier::new(on(&bus));
    let failure = failed("a.iso");
    let success = Ended { job: failure.job, ..finished("a.iso") };
    notifier.show(&Notice::of(finished("other"))).await.expect("shown");
    notifier.show(&Notice::of(failure.clone())).await.expect("shown");
    notifier.show(&Notice::of(success.clone())).await.expect("shown");
    // What it offers now counts, not what it offered before.
    choose(&server, 2, "retry").await;
    choose(&server, 2, "open").await;
    assert_eq!(chosen(&mut notifier).await.what, What::Open("/dl/a.iso".into()));

    // Closed by the user; the action after it is of one that is not there any more.
    server.emit(NAME, "NotificationClosed", "uu", &[Value::from(2_u32), Value::from(2_u32)]).await;
    choose(&server, 2, "open").await;
    choose(&server, 1, "folder").await;
    assert_eq!(chosen(&mut notifier).await.what, What::ShowInFolder(vec!["/dl/other".into()]));
    notifier.show(&Notice::of(success.clone())).await.expect("shown");
    assert_eq!(shown(&server).await.iter().map(|shown| shown.replaces).collect::<Vec<_>>(), [0, 0, 2, 0]);

    // Taken back by us.
    notifier.withdraw(Key::Job(success.job)).await;
    notifier.withdraw(Key::Job(success.job)).await;
    notifier.withdraw(Key::Job(JobId::random())).await;
    assert_eq!(server.calls("CloseNotification").await.len(), 1);
    notifier.show(&Notice::of(success)).await.expect("shown");
    assert_eq!(shown(&server).await.last().map(|shown| shown.replaces), Some(0));
}

#[tokio::test]
async fn only_what_the_server_can_do_is_asked_of_it() {
    let name = "<b>R&D</b>\u{1b} \"x\".iso";
    let plain = "<b>R&D</b> \"x\".iso (1.5 KiB)";
    let escaped = "&lt;b&gt;R&amp;D&lt;/b&gt; \"x\".iso (1.5 KiB)";
    let with_name = format!("Download finished: {plain}");
    let table = [
        ("body body-markup actions", 6, "Download finished", escaped),
        ("body actions", 6, "Download finished", plain),
        ("body body-markup", 0, "Download finished", escaped),
        ("body", 0, "Download finished", plain),
        ("actions", 6, with_name.as_str(), ""),
    ];
    for (capabilities, actions, title, body) in table {
        let bus = Bus::start();
        let server = server(&bus, capabilities).await;
        let mut notifier = Notifier::new(on(&bus));
        notifier.show(&Notice::of(finished(name))).await.expect("shown");
        let shown = shown(&server).await.remove(0);
        assert_eq!((shown.title.as_str(), shown.body.as_str()), (title, body), "{capabilities}");
        assert_eq!(shown.actions.len(), actions, "{capabilities}");
    }
}

#[tokio::test]
async fn without_a_bus_there_is_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = format!("unix:path={}", folder.path().join("bus").display());
    for address in [nowhere.as_str(), "nonsense", ""] {
        let mut notifier = Notifier::new(SessionBus::At(address.into()));
        let error = notifier.show(&Notice::of(finished("a.iso"))).await.expect_err("no bus");
        assert!(matches!(error, NotifyError::NoBus(_)), "{error:?}");
        assert!(error.to_string().contains("You can") || error.to_string().contains("you can"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_comes_late_or_anew_is_found() {
    let bus = Bus::start();
    let mut notifier = Notifier::new(on(&bus));
    let ended = finished("a.iso");
    let notice = Notice::of(ended.clone());
    assert_eq!(notifier.show(&notice).await, Err(NotifyError::NoServer));
    let first = server(&bus, "body").await;
    notifier.show(&notice).await.expect("shown");
    notifier.show(&notice).await.expect("shown");
    assert_eq!(shown(&first).await.iter().map(|shown| shown.replaces).collect::<Vec<_>>(), [0, 1]);

    // The next one has other abilities, and its numbers are its own.
    first.end().await;
    let second = server(&bus, ALL).await;
    notifier.show(&notice).await.expect("shown");
    let again = shown(&second).await;
    assert_eq!((again.len(), again[0].replaces, again[0].actions.len()), (1, 0, 6));
    choose(&second, 1, "open").await;
    assert_eq!(chosen(&mut notifier).await.what, What::Open("/dl/a.iso".into()));

    second.end().await;
    assert_eq!(notifier.show(&notice).await, Err(NotifyError::NoServer));
}

#[tokio::test]
async fn what_the_server_refuses_is_said_in_its_words() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let code = "raise dbus.exceptions.DBusException('Too many of them.', name='org.example.TooMany')";
    server.method(NAME, "Notify", "susssasa{sv}i", "u", code).await;
    let mut notifier = Notifier::new(on(&bus));
    let refused = notifier.show(&Notice::of(finished("a.iso"))).await.expect_err("refused");
    assert!(
        matches!(&refused, NotifyError::Refused(words) if words.contains("Too many of them.")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn signals_that_pour_in_while_something_is_shown_do_not_stop_it() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let mut notifier = Notifier::new(on(&bus));
    notifier.show(&Notice::of(finished("a.iso"))).await.expect("shown");
    // More than any queue of the connection holds, before it answers.
    let code = format!(
        "for i in range(500):\n    self.EmitSignal('{NAME}', 'ActionInvoked', 'us', [dbus.UInt32(1), 'open'])\nret = 2"
    );
    server.method(NAME, "Notify", "susssasa{sv}i", "u", &code).await;
    let notice = Notice::of(finished("b.iso"));
    timeout(SOON, notifier.show(&notice)).await.expect("in time").expect("shown");
    for _ in 0..500 {
        assert_eq!(chosen(&mut notifier).await.what, What::Open("/dl/a.iso".into()));
    }
}

#[tokio::test]
async fn a_bus_that_ends_takes_its_notifications_along() {
    let bus = Bus::start();
    let first = server(&bus, ALL).await;
    let mut notifier = Notifier::new(on(&bus));
    let notice = Notice::of(finished("a.iso"));
    notifier.show(&notice).await.expect("shown");
    drop(first);
    drop(bus);
    assert!(matches!(notifier.show(&notice).await, Err(NotifyError::NoBus(_))));
}

/// The whole of it as one task, and the other ends of its channels.
fn start(bus: &SessionBus) -> (mpsc::Sender<Wish>, mpsc::Receiver<News>, tokio::task::JoinHandle<()>) {
    let (wishes, granted) = mpsc::channel(64);
    let (tells, news) = mpsc::channel(64);
    (wishes, news, tokio::spawn(serve(bus.clone(), granted, tells)))
}

#[tokio::test]
async fn files_are_shown_in_the_file_manager_and_retries_reach_the_engine() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let manager = "org.freedesktop.FileManager1";
    let files = bus.service(manager, "/org/freedesktop/FileManager1", manager).await;
    files.method(manager, "ShowItems", "ass", "", "").await;
    let (mut notified, mut showed) = (server.listen().await, files.listen().await);

    let before = bus.connections().await;
    let (wishes, mut news, task) = start(&on(&bus));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a b%ä.iso");
    write(&file, b"x");
    assert_eq!(bus.connections().await, before, "none without a need");

    let outcome = Outcome::Finished { files: vec![file.clone()], bytes: 1 };
    let broken = failed("b.iso");
    for ended in [Ended { job: JobId::random(), name: "a".into(), outcome }, broken.clone()] {
        let told = News::Told(ended.job, true);
        wishes.send(Wish::Tell(ended)).await.expect("a listener");
        notified.next("Notify").await;
        assert_eq!(timeout(SOON, news.recv()).await.expect("news in time"), Some(told));
    }
    server.emit(NAME, "ActivationToken", "us", &[Value::from(1_u32), Value::from("token")]).await;
    choose(&server, 1, "folder").await;
    let [addresses, token] =
        <[OwnedValue; 2]>::try_from(showed.next("ShowItems").await).expect("two arguments");
    let address = url::Url::from_file_path(&file).expect("an address").to_string();
    assert!(address.ends_with("/a%20b%25%C3%A4.iso"), "{address}");
    assert_eq!(Vec::<String>::try_from(addresses), Ok(vec![address]));
    assert_eq!(String::try_from(token), Ok("token".into()));

    choose(&server, 2, "retry").await;
    let told = timeout(SOON, news.recv()).await.expect("news in time");
    assert_eq!(told, Some(News::Retry(vec![broken.job])));
    // It is under way again, so its failure is no news any more.
    wishes.send(Wish::Withdraw(broken.job)).await.expect("a listener");
    notified.next("CloseNotification").await;

    // A file that cannot be opened is said; that it is gone needs no program of the desktop.
    std::fs::remove_file(&file).expect("it was there");
    choose(&server, 1, "open").await;
    let told = timeout(SOON, news.recv()).await.expect("news in time");
    assert!(matches!(&told, Some(News::Trouble(said)) if said.contains("not there any more")), "{told:?}");
    drop(wishes);
    task.await.expect("no panic");
}

#[tokio::test]
async fn many_that_finish_together_become_one() {
    let bus = Bus::start();
    let server = server(&bus, ALL).await;
    let mut calls = server.listen().await;
    let (wishes, _news, _task) = start(&on(&bus));
    for number in 0..7 {
        wishes.send(Wish::Tell(finished(&format!("{number}.iso")))).await.expect("a listener");
    }
    let mut replaced = Vec::new();
    let last = loop {
        let shown = Shown::from(calls.next("Notify").await);
        replaced.push(shown.replaces);
        if shown.title.starts_with('7') {
            break shown;
        }
    };
    assert_eq!(last.title, "7 downloads finished");
    assert_eq!(last.body, "0.iso, 1.iso, 2.iso and 4 more");
    assert_eq!(last.actions, ["default", "Show in folder", "folder", "Show in folder"]);
    // The common one is the first one's, and the other two of the few are closed.
    assert_eq!(replaced[..4], [0, 0, 0, 1]);
    assert!(replaced[4..].iter().all(|id| *id == 1), "{replaced:?}");
    let closed = server.calls("CloseNotification").await.len();
    assert_eq!(closed, 2);
}

#[tokio::test]
async fn what_keeps_notifications_from_being_shown_is_said_once() {
    let bus = Bus::start();
    let (wishes, mut news, task) = start(&on(&bus));
    let both = [failed("a"), failed("b")];
    let told = both.clone().map(|ended| Some(News::Told(ended.job, false)));
    for ended in both {
        wishes.send(Wish::Tell(ended)).await.expect("a listener");
    }
    drop(wishes);
    let [first, second] = told;
    assert_eq!(news.recv().await, first);
    assert_eq!(news.recv().await, Some(News::Trouble(NotifyError::NoServer.to_string())));
    assert_eq!(news.recv().await, second);
    assert_eq!(news.recv().await, None);
    task.await.expect("no panic");
    // A notice that offers nothing is one too.
    let mut notifier = Notifier::new(on(&bus));
    let server = server(&bus, ALL).await;
    let notice = Notice { offers: Offers::Files(Vec::new()), ..Notice::of(failed("c")) };
    notifier.show(&notice).await.expect("shown");
    assert_eq!(shown(&server).await[0].actions, [""; 0]);
}
