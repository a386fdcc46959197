//! The user's own order, by mouse, keyboard and menu.

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::kittest::Queryable as _;
use meanwhile::engine::{Change, Command, Refusal};
use meanwhile::job::{JobId, JobState, To};

use super::stage::{Stage, job};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn five() -> (Stage, Vec<JobId>) {
    let jobs: Vec<_> = NAMES.iter().map(|name| job(name, JobState::Queued, 0, 1)).collect();
    let ids = jobs.iter().map(|view| view.job.id).collect();
    (Stage::new(jobs), ids)
}

fn moved(ids: &[JobId], to: To) -> Command {
    Command::Change(ids.to_vec(), Change::Move(to))
}

fn middle(stage: &Stage, name: &str) -> Pos2 {
    stage.window.get_by_role_and_label(Role::ListItem, name).rect().center()
}

fn release(stage: &mut Stage, pos: Pos2) {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    stage.window.event(Event::PointerButton { pos, button, pressed: false, modifiers });
    stage.window.run();
}

/// Takes hold of a row and lets go of it somewhere else.
fn drag(stage: &mut Stage, name: &str, to: Pos2) {
    let from = middle(stage, name);
    stage.window.drag_at(from);
    stage.window.run();
    for step in 1..=4_u8 {
        stage.window.hover_at(from + (to - from) * (f32::from(step) / 4.0));
        stage.window.run();
    }
    release(stage, to);
}

#[test]
fn keys_move_what_is_selected() {
    let (mut stage, ids) = five();
    stage.click_row("c", Modifiers::NONE);
    stage.key(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(stage.command(), moved(&[ids[2]], To::Before(ids[1])));
    assert_eq!(stage.names(), ["a", "c", "b", "d", "e"], "it is seen at once");
    stage.key(Modifiers::ALT, Key::End);
    assert_eq!(stage.command(), moved(&[ids[2]], To::Last));
    stage.key(Modifiers::ALT, Key::Home);
    assert_eq!(stage.command(), moved(&[ids[2]], To::First));
    stage.key(Modifiers::ALT, Key::ArrowDown);
    assert_eq!(stage.command(), moved(&[ids[2]], To::Before(ids[1])));
    stage.key(Modifiers::ALT, Key::ArrowDown);
    stage.key(Modifiers::ALT, Key::ArrowDown);
    stage.key(Modifiers::ALT, Key::ArrowDown);
    for to in [To::Before(ids[3]), To::Before(ids[4]), To::After(ids[4])] {
        assert_eq!(stage.command(), moved(&[ids[2]], to));
    }
    assert_eq!(stage.names(), ["a", "b", "d", "e", "c"]);
    stage.key(Modifiers::ALT, Key::ArrowDown);
    assert!(stage.is_quiet(), "there is nothing below");
}

#[test]
fn several_keep_their_order() {
    let (mut stage, ids) = five();
    stage.click_row("d", Modifiers::NONE);
    stage.click_row("b", Modifiers::COMMAND);
    stage.key(Modifiers::ALT, Key::Home);
    assert_eq!(stage.command(), moved(&[ids[1], ids[3]], To::Before(ids[0])));
    assert_eq!(stage.names(), ["b", "d", "a", "c", "e"]);
    stage.key(Modifiers::ALT, Key::End);
    assert_eq!(stage.command(), moved(&[ids[1], ids[3]], To::Last));
    assert_eq!(stage.names(), ["a", "c", "e", "b", "d"]);
}

#[test]
fn a_row_is_dragged_to_another_place() {
    let (mut stage, ids) = five();
    let to = middle(&stage, "d") + vec2(0.0, 20.0);
    drag(&mut stage, "b", to);
    assert_eq!(stage.command(), moved(&[ids[1]], To::Before(ids[4])));
    assert_eq!(stage.names(), ["a", "c", "d", "b", "e"]);
    // Where it was, or outside of the list: nothing.
    let to = middle(&stage, "b") + vec2(30.0, 12.0);
    drag(&mut stage, "b", to);
    drag(&mut stage, "b", Pos2::new(100.0, 20.0));
    assert!(stage.is_quiet());
}

#[test]
fn a_drag_that_is_given_up_moves_nothing() {
    let (mut stage, _) = five();
    let (from, to) = (middle(&stage, "b"), middle(&stage, "e"));
    stage.window.drag_at(from);
    stage.window.run();
    stage.window.hover_at(to);
    stage.window.run();
    stage.key(Modifiers::NONE, Key::Escape);
    release(&mut stage, to);
    assert!(stage.is_quiet());
    assert_eq!(stage.names(), NAMES);
    assert!(stage.shows("Graph"), "what was selected still is");
}

#[test]
fn the_menu_moves() {
    let (mut stage, ids) = five();
    stage.window.get_by_role_and_label(Role::ListItem, "c").click_secondary();
    stage.window.run();
    stage.window.get_by_label_contains("Move").click();
    stage.window.run();
    stage.press("To the bottom");
    assert_eq!(stage.command(), moved(&[ids[2]], To::Last));
}

#[test]
fn a_sorted_list_cannot_be_moved() {
    let (mut stage, _) = five();
    stage.click("Sort by name");
    stage.click_row("c", Modifiers::NONE);
    stage.key(Modifiers::ALT, Key::ArrowUp);
    assert!(stage.is_quiet());
    assert!(stage.shows("The list is sorted by name"));
    let to = middle(&stage, "e");
    drag(&mut stage, "a", to);
    assert!(stage.is_quiet());
}

#[test]
fn a_move_that_is_refused_is_taken_back() {
    let (mut stage, _) = five();
    stage.click_row("c", Modifiers::NONE);
    stage.key(Modifiers::ALT, Key::Home);
    assert_eq!(stage.names(), ["c", "a", "b", "d", "e"]);
    stage.refuse(Refusal::NotSaved("The disk is full, so nothing was changed.".into()));
    assert_eq!(stage.names(), NAMES);
    assert!(stage.shows("The disk is full"));
}

#[test]
fn a_move_is_shown_until_the_engine_has_made_it() {
    let (mut stage, _) = five();
    stage.click_row("c", Modifiers::NONE);
    stage.key(Modifiers::ALT, Key::Home);
    // Snapshots from before it was made do not throw it back.
    stage.publish(|_| {});
    assert_eq!(stage.names()[0], "c");
    stage.command();
    assert_eq!(stage.names()[0], "c", "done, but not yet to be seen");
    // What the engine says then is what counts.
    stage.publish(|snapshot| {
        snapshot.jobs.swap(0, 4);
    });
    assert_eq!(stage.names(), ["e", "b", "c", "d", "a"]);
}

#[test]
fn a_hundred_thousand_rows_are_moved_at_once() {
    let jobs: Vec<_> = (0..100_000).map(|n| job(&format!("file-{n:06}"), JobState::Queued, 0, n)).collect();
    let (first, last) = (jobs[0].job.id, jobs[99_999].job.id);
    let mut stage = Stage::new(jobs);
    stage.key(Modifiers::NONE, Key::End);
    stage.key(Modifiers::ALT, Key::Home);
    assert_eq!(stage.command(), moved(&[last], To::First));
    assert_eq!(stage.names()[..2], ["file-099999", "file-000000"], "and what was moved is in view");
    stage.key(Modifiers::ALT, Key::ArrowDown);
    let Command::Change(ids, Change::Move(To::Before(_))) = stage.command() else { panic!("no move") };
    assert_eq!(ids, [last]);
    assert_ne!(ids, [first]);
}

#[test]
fn the_list_scrolls_while_a_row_is_held_at_its_edge() {
    let jobs: Vec<_> = (0..200).map(|n| job(&format!("file-{n:03}"), JobState::Queued, 0, n)).collect();
    let (held, last) = (jobs[0].job.id, jobs[199].job.id);
    let mut stage = Stage::new(jobs);
    let from = middle(&stage, "file-000");
    stage.window.drag_at(from);
    stage.window.run();
    stage.window.hover_at(from + vec2(0.0, 100.0));
    stage.window.run();
    // The panel that opens for the row leaves the upper part to the list.
    let edge = Pos2::new(from.x, stage.list_bottom() - 5.0);
    stage.window.hover_at(edge);
    stage.window.run_steps(30);
    assert!(stage.names()[0].as_str() > "file-010", "{:?}", stage.names());
    stage.window.run_steps(400);
    release(&mut stage, edge);
    assert_eq!(stage.command(), moved(&[held], To::After(last)));
}
