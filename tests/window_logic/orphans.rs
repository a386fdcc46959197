//! Unfinished downloads that are not on the list.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, Modifiers};
use meanwhile::engine::Command;
use meanwhile::job::{NewFile, Orphan};

use super::stage::Stage;

fn orphan(name: &str, known: bool) -> Orphan {
    let new = NewFile { url: format!("https://example.org/{name}"), ..NewFile::default() };
    let (file, _) = new.into_file("/tmp".as_ref()).expect("a good address");
    Orphan { part: part(name), bytes: 1024, file: known.then(|| Box::new(file)) }
}

fn part(name: &str) -> PathBuf {
    format!("/tmp/{name}.part").into()
}

fn with(orphans: Vec<Orphan>) -> Stage {
    let mut stage = Stage::new(Vec::new());
    stage.publish(|snapshot| snapshot.orphans = Arc::new(orphans));
    stage
}

fn three() -> Stage {
    with(vec![orphan("a.iso", true), orphan("b.zip", true), orphan("c", false)])
}

#[test]
fn those_that_are_known_are_taken_up_again() {
    let mut stage = three();
    assert!(stage.shows("3 unfinished downloads were found that are not on the list"));
    stage.press("Take up 2 again");
    assert_eq!(stage.command(), Command::Adopt(vec![part("a.iso"), part("b.zip")]));
    stage.publish(|snapshot| snapshot.orphans = Arc::default());
    assert!(!stage.shows("not on the list"));
}

#[test]
fn what_is_not_known_is_not_offered() {
    let stage = with(vec![orphan("c", false)]);
    assert!(stage.shows("An unfinished download was found"));
    assert!(!stage.shows("Take up"));
}

#[test]
fn deleting_asks_first() {
    let mut stage = three();
    stage.press("Delete…");
    assert!(stage.shows("Delete 3 unfinished files (3.0 KiB) for good?"));
    stage.click("Keep it");
    assert!(stage.is_quiet());
    stage.press("Delete…");
    stage.click("Delete");
    let all = vec![part("a.iso"), part("b.zip"), part("c")];
    assert_eq!(stage.command(), Command::DeleteOrphans(all));
}

#[test]
fn they_are_shown_one_by_one() {
    let mut stage = three();
    stage.press("Show");
    assert!(stage.shows("origin unknown · /tmp/c.part"));
    stage.press("Take up b.zip again");
    assert_eq!(stage.command(), Command::Adopt(vec![part("b.zip")]));
    stage.press("Delete c.part…");
    assert!(stage.shows("Delete “/tmp/c.part” (1.0 KiB) for good?"));
    stage.click("Delete");
    assert_eq!(stage.command(), Command::DeleteOrphans(vec![part("c")]));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(!stage.shows("origin unknown"));
}

#[test]
fn the_notice_can_wait() {
    let mut stage = three();
    stage.press("Not now");
    assert!(!stage.shows("not on the list"));
    stage.publish(|snapshot| snapshot.orphans = Arc::new(vec![orphan("a.iso", true)]));
    assert!(stage.shows("An unfinished download was found"), "that is something else");
}
