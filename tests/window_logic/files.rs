//! The files of a job of several.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use meanwhile::engine::{Change, Command};
use meanwhile::job::{JobId, JobState, Trouble, Waiting, Why};

use super::stage::{Stage, job, several};

fn at_files() -> (Stage, JobId) {
    let view = several();
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Files");
    (stage, id)
}

/// Chooses something from the menu of a file.
fn choose(stage: &mut Stage, file: &str, what: &str) {
    stage.click(&format!("Actions for {file}"));
    stage.press(what);
}

#[test]
fn every_file_is_shown_in_words() {
    let (stage, _) = at_files();
    for words in ["Finished", "The file is not on the server (404)", "Left out", "50 %", "In line"] {
        assert!(stage.shows(words), "{words}");
    }
    assert!(stage.shows("1 of 4 files, 1 failed, 1 left out"));
}

#[test]
fn a_job_of_one_file_has_no_list_of_them() {
    let (mut stage, _) = at_files();
    stage.publish(|snapshot| {
        let one = std::sync::Arc::new(job("alone.iso", JobState::Queued, 0, 1));
        snapshot.jobs.push_back(one);
    });
    // A row that has just come has no place in the tree until the next frame.
    stage.window.step();
    stage.click_row("alone.iso", Modifiers::NONE);
    assert!(stage.window.query_by_label("Files").is_none());
    stage.click_row("All discs", Modifiers::NONE);
    assert!(stage.shows("Actions for disc-0.iso"), "the tab is still the chosen one");
}

#[test]
fn a_file_is_left_out_and_fetched_after_all() {
    let (mut stage, id) = at_files();
    choose(&mut stage, "disc-4.iso", "Leave out");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::LeaveOutFile(4)));
    // Something of it would be lost.
    choose(&mut stage, "disc-3.iso", "Leave out");
    assert!(stage.shows("Leave “disc-3.iso” out and delete the 512 B fetched so far?"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(stage.is_quiet());
    choose(&mut stage, "disc-3.iso", "Leave out");
    stage.click("Leave out");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::LeaveOutFile(3)));
    choose(&mut stage, "disc-2.iso", "Fetch after all");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::RetryFile(2)));
}

#[test]
fn a_failed_file_is_retried_or_sought_elsewhere() {
    let (mut stage, id) = at_files();
    choose(&mut stage, "disc-1.iso", "Retry now");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::RetryFile(1)));
    choose(&mut stage, "disc-1.iso", "Change address…");
    assert!(stage.shows("Change the address of “disc-1.iso”"));
    stage.field("New address").type_text("https://example.net/disc-1.iso");
    stage.window.run();
    stage.key(Modifiers::NONE, Key::Enter);
    let wanted = Change::SetFileAddress(1, "https://example.net/disc-1.iso".into());
    assert_eq!(stage.without_probes().command, Command::Change(vec![id], wanted));
}

#[test]
fn only_what_can_be_done_to_a_file_is_offered() {
    let (mut stage, _) = at_files();
    let enabled = |stage: &mut Stage, file: &str| {
        stage.click(&format!("Actions for {file}"));
        let all = ["Open", "Retry now", "Fetch after all", "Change address…", "Leave out"];
        let enabled: Vec<_> = all.into_iter().filter(|what| stage.can_press(what)).collect();
        stage.key(Modifiers::NONE, Key::Escape);
        enabled
    };
    assert_eq!(enabled(&mut stage, "disc-0.iso"), ["Open", "Leave out"]);
    assert_eq!(enabled(&mut stage, "disc-1.iso"), ["Retry now", "Change address…", "Leave out"]);
    assert_eq!(enabled(&mut stage, "disc-2.iso"), ["Fetch after all", "Change address…"]);
    assert_eq!(enabled(&mut stage, "disc-4.iso"), ["Change address…", "Leave out"]);
}

#[test]
fn the_next_try_of_a_file_counts_down() {
    let mut view = several();
    let fault = super::stage::fault(meanwhile::job::FaultKind::Stalled);
    let until_unix_secs = Some(super::stage::now() + 1800);
    let waiting = Waiting { why: Why::BackOff(fault), until_unix_secs };
    std::sync::Arc::make_mut(&mut view.job).files[4].trouble = Some(Trouble::Waiting(waiting));
    let mut stage = Stage::new(vec![view]);
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Files");
    assert!(stage.shows("Waiting: nothing arrived for 30 seconds; next try in"));
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    let delay = stage.window.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    assert!(delay <= std::time::Duration::from_secs(61), "{delay:?}");
    assert!(delay >= std::time::Duration::from_millis(900), "{delay:?}");
}
