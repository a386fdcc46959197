//! The caps, and what holds everything.

use egui::accesskit::{Role, Toggled};
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use meanwhile::engine::{Change, Command};
use meanwhile::job::{Rate, Waiting, Why};

use super::stage::{Stage, one_of_each};

#[test]
fn the_slider_sets_the_cap() {
    let mut stage = Stage::new(Vec::new());
    stage.window.get_by_role_and_label(Role::Slider, "Cap").focus();
    stage.window.run();
    stage.key(Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(1 << 30)));
    stage.publish(|snapshot| snapshot.limit = Rate::from_bytes_per_sec(1 << 30));
    stage.key(Modifiers::NONE, Key::Home);
    stage.let_time_pass();
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(16 << 10)));
    // An older snapshot does not pull it back.
    stage.publish(|_| {});
    let slider = stage.window.get_by_role_and_label(Role::Slider, "Cap");
    assert_eq!(slider.accesskit_node().value().as_deref(), Some("16.0 KiB/s"));
}

#[test]
fn the_cap_can_be_typed() {
    let mut stage = Stage::new(Vec::new());
    stage.type_into("Cap as a number", "1.5M");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(1_572_864)));
    stage.publish(|snapshot| snapshot.limit = Rate::from_bytes_per_sec(1_572_864));
    stage.type_into("Cap as a number", "fast");
    stage.key(Modifiers::NONE, Key::Enter);
    assert!(stage.is_quiet());
    assert!(stage.shows("“fast” is no rate"));
}

#[test]
fn everything_is_held_and_goes_on_by_one_switch() {
    let jobs = one_of_each();
    let id = jobs[0].job.id;
    let mut stage = Stage::new(jobs);
    let toggled = |stage: &Stage, label: &str| stage.window.get_by_label(label).accesskit_node().toggled();
    assert_eq!(toggled(&stage, "Pause all"), Some(Toggled::False));
    stage.click("Pause all");
    assert_eq!(stage.command(), Command::SetPaused(true));
    stage.publish(|snapshot| snapshot.paused = true);
    assert!(stage.shows("All downloads are paused"));
    assert_eq!(toggled(&stage, "Resume all"), Some(Toggled::True));
    // Each can still be held by itself.
    stage.click_row("running.iso", Modifiers::NONE);
    stage.press("Pause");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::Suspend));
    stage.click("Resume all");
    assert_eq!(stage.command(), Command::SetPaused(false));
}

#[test]
fn what_was_held_before_a_restart_is_seen_to_be() {
    let mut stage = Stage::new(Vec::new());
    stage.publish(|snapshot| snapshot.paused = true);
    assert!(stage.shows("Resume all"));
    assert!(stage.shows("All downloads are paused"));
}

#[test]
fn the_slow_cap_is_one_switch() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Slow");
    assert_eq!(stage.command(), Command::SetSlow(true));
    stage.publish(|snapshot| snapshot.slow = true);
    assert!(stage.shows("412 GiB free · slow cap"));
    assert_eq!(stage.window.get_by_label("Slow").accesskit_node().toggled(), Some(Toggled::True));
    stage.click("Slow");
    assert_eq!(stage.command(), Command::SetSlow(false));
}

#[test]
fn what_keeps_all_waiting_is_told_at_the_bottom() {
    let mut stage = Stage::new(one_of_each());
    stage.publish(|snapshot| snapshot.waiting = Some(Waiting::for_condition(Why::Battery, None)));
    assert!(stage.shows("1 download at 0 B/s. Waiting: the computer runs on its battery"));
}
