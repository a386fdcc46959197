//! What is offered where a download has stopped, and what is seen of one on its way.

use std::sync::Arc;

use egui::{Key, Modifiers};
use meanwhile::engine::{Change, Command, Fetching, JobView, Probe, Reply};
use meanwhile::job::{Clash, Extents, FaultKind, Job, JobId, JobState, Trouble, Waiting, Why};

use super::stage::{Stage, fault, job, several};

/// A job that has stopped or waits for that reason, with its details open.
fn stopped(kind: FaultKind) -> (Stage, JobId) {
    let fault = fault(kind);
    let mut view = job("f.iso", JobState::Error(fault.clone()), 40, 100);
    let of = Arc::make_mut(&mut view.job);
    of.files[0].synced = Extents::from_start(40);
    of.files[0].folder = "/srv/old".into();
    let waiting = |why| Waiting { why, until_unix_secs: None };
    let (of_job, trouble) = match fault.kind {
        FaultKind::DiskFull | FaultKind::QuotaFull => {
            let waiting = waiting(Why::DiskFull(fault));
            (JobState::Waiting(waiting.clone()), Trouble::Waiting(waiting))
        }
        FaultKind::NoFolder | FaultKind::ReadOnly => {
            let waiting = waiting(Why::Folder(fault));
            (JobState::Waiting(waiting.clone()), Trouble::Waiting(waiting))
        }
        _ => (JobState::Error(fault.clone()), Trouble::Failed(fault)),
    };
    of.files[0].trouble = Some(trouble);
    of.state = of_job;
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("f.iso", Modifiers::NONE);
    stage.click("Details");
    (stage, id)
}

#[test]
fn each_fault_has_its_buttons() {
    let table: [(FaultKind, &[&str]); 8] = [
        (FaultKind::Status(404), &["Change address…", "Retry now"]),
        (FaultKind::Status(401), &["Enter login…", "Change address…", "Retry now"]),
        (FaultKind::AnotherFile, &["Change address…", "Start over…"]),
        (FaultKind::ChecksumMismatch, &["Start over…", "Change checksum…", "Change address…"]),
        (FaultKind::NameTaken, &["Another name…", "Keep both", "Replace it…", "Choose folder…"]),
        (FaultKind::DiskFull, &["Open folder", "Choose folder…", "Retry now"]),
        (FaultKind::ReadOnly, &["Choose folder…", "Retry now"]),
        (FaultKind::TookTooLong, &["Retry now", "Settings"]),
    ];
    for (kind, buttons) in table {
        let (stage, _) = stopped(kind.clone());
        for button in buttons {
            assert!(stage.can_press(button), "{kind:?}: {button}");
        }
        let others = ["Another name…", "Change checksum…", "Keep both", "Enter login…", "Start over…"];
        for other in others.into_iter().filter(|other| !buttons.contains(other)) {
            assert!(!stage.can_press(other), "{kind:?}: {other}");
        }
    }
}

#[test]
fn another_folder_is_typed() {
    let (mut stage, id) = stopped(FaultKind::NoFolder);
    stage.press("Choose folder…");
    assert!(stage.shows("Save “f.iso” to another folder"));
    // The present one stands there selected.
    stage.field("New folder").type_text("srv/new");
    stage.window.run();
    stage.key(Modifiers::NONE, Key::Enter);
    assert!(stage.is_quiet(), "that is no whole path");
    stage.key(Modifiers::COMMAND, Key::A);
    stage.field("New folder").type_text("/srv/new");
    stage.window.run();
    stage.press("Save there");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetFolder("/srv/new".into())));
    assert!(!stage.shows("Save “f.iso” to another folder"));
}

#[test]
fn a_taken_name_is_changed_or_taken_over() {
    let (mut stage, id) = stopped(FaultKind::NameTaken);
    stage.press("Another name…");
    // Its ending stays.
    stage.field("New name").type_text("g");
    stage.window.run();
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetFileName(0, "g.iso".into())));
    stage.press("Keep both");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetClash(Some(0), Clash::Number)));
    stage.press("Replace it…");
    assert!(stage.shows("Replace the “f.iso” that is there once this one is whole?"));
    stage.click("Replace");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetClash(Some(0), Clash::Overwrite)));
}

#[test]
fn starting_over_is_asked_about_where_something_is_given_up() {
    let (mut stage, id) = stopped(FaultKind::AnotherFile);
    stage.press("Start over…");
    assert!(stage.shows("Start “f.iso” over and give up the 40 B fetched so far?"));
    stage.click("Start over");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::StartOver(0)));
}

#[test]
fn a_checksum_is_corrected_or_taken_off() {
    let (mut stage, id) = stopped(FaultKind::ChecksumMismatch);
    stage.press("Change checksum…");
    stage.type_into("New checksum", "md5:00");
    stage.press("Compare with it");
    let change = Change::SetExpected(0, Some("md5:00".into()));
    assert_eq!(stage.command(), Command::Change(vec![id], change));
}

/// A running job of one file.
fn running(change: impl FnOnce(&mut Job)) -> JobView {
    let mut view = job("f.iso", JobState::Transferring, 50, 100);
    change(Arc::make_mut(&mut view.job));
    JobView { running: vec![0], ..view }
}

#[test]
fn the_segment_map_says_what_is_on_disk() {
    let mut view = running(|job| {
        job.files[0].synced = [(0, 30), (50, 70)].into_iter().collect();
    });
    view.fetching = vec![Fetching { file: 0, ranges: vec![30..50, 70..100] }];
    let mut stage = Stage::new(vec![view]);
    stage.click_row("f.iso", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("50 % on disk in 2 pieces, 2 connections at work"));
}

#[test]
fn verifying_is_told_with_its_progress() {
    let view =
        JobView { verified_bytes: 40, ..running(|job| job.files[0].synced = Extents::from_start(100)) };
    let stage = Stage::new(vec![view]);
    assert!(stage.shows("Verifying 40 %"));
}

#[test]
fn a_file_of_several_starts_over_by_its_menu() {
    let view = several();
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Files");
    stage.click("Actions for disc-3.iso");
    stage.press("Start over…");
    stage.click("Start over");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::StartOver(3)));
}

#[test]
fn a_name_that_is_taken_is_asked_about_before_it_is_queued() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::File::create(folder.path().join("f.iso")).expect("a file");
    let mut stage = Stage::new(Vec::new());
    stage.publish(|next| next.download_folder = folder.path().to_owned());
    stage.paste("https://example.org/f.iso");
    stage.let_time_pass();
    let envelope = stage.next().expect("a probe");
    assert!(matches!(envelope.command, Command::Probe(_)));
    let probe = Probe {
        name: "f.iso".into(),
        total_bytes: Some(50),
        resumable: true,
        final_url: "https://example.org/f.iso".into(),
        free_bytes: None,
    };
    stage.border.answer(envelope.answer, Ok(Reply::Probed(probe)));
    // A thread of its own looks.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !stage.shows("There is a file of that name") {
        assert!(std::time::Instant::now() < end, "nothing is said of the file that is there");
        stage.window.run();
        std::thread::yield_now();
    }
    stage.click("What to do if the name is taken");
    stage.click("Replace it");
    stage.click("Download");
    let Command::Add(jobs) = stage.without_probes().command else { panic!("not an addition") };
    assert_eq!(jobs[0].files[0].clash, Clash::Overwrite);
}

#[test]
fn more_has_connections_and_any_checksum() {
    let mut stage = Stage::new(Vec::new());
    stage.paste("https://example.org/f.iso");
    stage.press("More");
    stage.type_into("Checksum, or the address of a list of checksums", "https://example.org/SHA256SUMS");
    stage.click("Connections for each file");
    stage.click("4");
    stage.click("What to do if the name is taken");
    stage.click("Ask");
    stage.click("Download");
    let Command::Add(jobs) = stage.without_probes().command else { panic!("not an addition") };
    assert_eq!(jobs[0].connections, 4);
    assert_eq!(jobs[0].files[0].expected.as_deref(), Some("https://example.org/SHA256SUMS"));
    assert_eq!(jobs[0].files[0].clash, Clash::Ask);
}
