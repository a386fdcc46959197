//! The window as a whole: messages, looks, quiet, closing.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use meanwhile::engine::Refusal;

use super::stage::{Stage, one_of_each, several};

#[test]
fn an_empty_list_says_what_to_do() {
    let mut stage = Stage::new(Vec::new());
    assert!(stage.shows("Nothing here yet"));
    assert!(stage.shows("Paste a link with Ctrl+V, or press Add"));
    stage.press("Add a download…");
    assert!(stage.shows("Add downloads"));
}

#[test]
fn a_refusal_is_shown_and_goes_away() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Pause all");
    stage.refuse(Refusal::NotSaved("The disk is full, so nothing was changed.".into()));
    assert!(stage.shows("The disk is full, so nothing was changed."));
    stage.click("Dismiss");
    assert!(!stage.shows("The disk is full, so nothing was changed."));
}

#[test]
fn notices_stay_until_they_are_read() {
    let mut stage = Stage::new(Vec::new());
    stage.publish(|snapshot| snapshot.notices = Arc::new(vec!["The queue was repaired.".into()]));
    assert!(stage.shows("The queue was repaired."));
    stage.click("Dismiss notice");
    assert!(!stage.shows("The queue was repaired."));
}

#[test]
fn an_engine_that_is_gone_is_told_of() {
    let Stage { mut window, border, .. } = Stage::new(one_of_each());
    drop(border);
    window.run();
    assert!(window.query_by_label_contains("engine has stopped").is_some());
}

#[test]
fn nothing_is_painted_while_nothing_changes() {
    let mut jobs = one_of_each();
    jobs[1] = several();
    let mut stage = Stage::new(jobs);
    let quiet = |stage: &Stage| {
        let root = &stage.window.output().viewport_output[&egui::ViewportId::ROOT];
        root.repaint_delay == std::time::Duration::MAX
    };
    assert!(quiet(&stage), "the list");
    stage.click_row("running.iso", Modifiers::NONE);
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    assert!(quiet(&stage), "the details");
    stage.click("Log");
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    assert!(quiet(&stage), "the log, although nobody answers");
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Files");
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    assert!(quiet(&stage), "the files");
    stage.publish(|snapshot| (snapshot.paused, snapshot.slow) = (true, true));
    stage.window.run_steps(8);
    assert!(quiet(&stage), "everything held");
    stage.key(Modifiers::COMMAND, Key::F);
    stage.window.run_steps(8);
    assert!(quiet(&stage), "a field with the cursor in it");
}

#[test]
fn words_that_count_down_are_painted_when_they_change() {
    let stage = Stage::new(one_of_each());
    let delay = stage.window.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    let (least, most) = (std::time::Duration::from_millis(900), std::time::Duration::from_secs(61));
    assert!((least..=most).contains(&delay), "{delay:?}");
}

#[test]
fn closing_asks_while_something_goes_on() {
    let mut stage = Stage::new(one_of_each());
    let close = |stage: &mut Stage| {
        let root = stage.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        root.events.push(egui::ViewportEvent::Close);
        stage.window.step();
        let root = stage.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        root.events.clear();
        stage.window.run();
    };
    close(&mut stage);
    assert!(stage.shows("3 downloads are not finished yet"));
    stage.click("Cancel");
    // Where everything is held there is nothing to keep going.
    stage.publish(|snapshot| {
        snapshot.paused = true;
        let jobs = snapshot.jobs.iter().filter(|view| !view.job.state.is_active()).cloned().collect();
        snapshot.jobs = jobs;
    });
    close(&mut stage);
    assert!(!stage.shows("not finished yet"));
    stage.publish(|snapshot| snapshot.paused = false);
    close(&mut stage);
    assert!(stage.shows("2 downloads are not finished yet"));
    stage.click("Cancel");
    assert!(!stage.shows("not finished yet"));
    stage.publish(|snapshot| snapshot.jobs.clear());
    close(&mut stage);
    assert!(!stage.shows("not finished yet"));
}
