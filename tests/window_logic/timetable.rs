//! The painted week.

use std::collections::HashMap;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use meanwhile::engine::{CapView, Command, Refusal, Reply, SettingView, WhichCap};
use meanwhile::job::{JobState, Rate, Waiting, Why};

use super::stage::{Stage, job, now};

/// What the settings have, but for these.
fn settings(other: &[(&str, &str)]) -> Vec<SettingView> {
    let usual = [
        ("timetable", "off"),
        ("work", "none"),
        ("maintenance", "none"),
        ("work_limits", "unlimited"),
        ("non_work_limits", "unlimited"),
        ("maintenance_limits", "unlimited"),
        ("lan_exempt", "off"),
    ];
    let other: HashMap<_, _> = other.iter().copied().collect();
    let view = |(key, value): (&str, &str)| SettingView {
        key: key.to_owned(),
        value: (*other.get(key).unwrap_or(&value)).to_owned(),
        about: "What it is.".to_owned(),
    };
    usual.into_iter().map(view).collect()
}

/// The window with the dialog open.
fn open(other: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new(Vec::new());
    stage.key(Modifiers::COMMAND, Key::T);
    let asked = stage.next().expect("a command");
    assert_eq!(asked.command, Command::Settings);
    stage.border.answer(asked.answer, Ok(Reply::Settings(settings(other))));
    stage.window.run();
    assert!(stage.shows("Keep to the timetable"));
    stage
}

/// All that is set, each taken.
fn taken(stage: &mut Stage) -> Vec<(String, String)> {
    let mut set = Vec::new();
    while let Some(envelope) = stage.next() {
        let Command::Set(key, value) = envelope.command else { panic!("{:?}", envelope.command) };
        stage.border.answer(envelope.answer, Ok(Reply::Setting(value.clone())));
        stage.window.run();
        set.push((key, value));
    }
    set
}

fn set(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn text(stage: &Stage, label: &str) -> String {
    stage.field(label).accesskit_node().value().unwrap_or_default()
}

/// Where a minute of a day is in the grid; `part` is how far down its row.
fn place(stage: &Stage, day: &str, minute: f32) -> Pos2 {
    let row = stage.window.get_by_label_contains(&format!("{day}: ")).rect();
    pos2(row.left() + minute / 1440.0 * row.width(), row.center().y)
}

/// Presses at one place, moves to another and lets go.
fn drag(stage: &mut Stage, from: Pos2, to: Pos2) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    for event in [
        Event::PointerMoved(from),
        button(from, true),
        Event::PointerMoved(from.lerp(to, 0.5)),
        Event::PointerMoved(to),
        button(to, false),
    ] {
        stage.window.event(event);
        stage.window.run();
    }
}

#[test]
fn the_mouse_paints_a_rectangle_of_quarters() {
    let mut stage = open(&[]);
    let (from, to) = (place(&stage, "Monday", 8.0 * 60.0 + 5.0), place(&stage, "Friday", 17.0 * 60.0 + 20.0));
    drag(&mut stage, from, to);
    assert_eq!(text(&stage, "Work, days and times"), "mon-fri 08:00-17:30");
    assert!(stage.shows("Friday: work 08:00–17:30"));
    stage.click("Paint maintenance");
    let noon = place(&stage, "Wednesday", 12.0 * 60.0 + 1.0);
    drag(&mut stage, noon, noon);
    assert_eq!(text(&stage, "Maintenance, days and times"), "wed 12:00-12:15");
    stage.click("Paint non-work");
    let (from, to) = (place(&stage, "Tuesday", 1.0), place(&stage, "Tuesday", 1439.0));
    drag(&mut stage, from, to);
    assert!(stage.shows("Tuesday: all non-work"));
    stage.click("Keep to the timetable");
    stage.click("Apply");
    let expected = [
        set("work", "mon,wed-fri 08:00-17:30"),
        set("maintenance", "wed 12:00-12:15"),
        set("timetable", "on"),
    ];
    assert_eq!(taken(&mut stage), expected);
    assert!(!stage.shows("Keep to the timetable"), "all was taken");
}

#[test]
fn the_keyboard_paints_by_the_hour() {
    let mut stage = open(&[]);
    stage.window.get_by_label("The week, painted hour by hour").focus();
    stage.window.run();
    for _ in 0..8 {
        stage.key(Modifiers::NONE, Key::ArrowRight);
    }
    for _ in 0..3 {
        stage.key(Modifiers::SHIFT, Key::ArrowRight);
    }
    assert_eq!(text(&stage, "Work, days and times"), "mon 08:00-12:00");
    stage.key(Modifiers::NONE, Key::Num2);
    stage.key(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(text(&stage, "Maintenance, days and times"), "mon,tue 11:00-12:00");
    stage.key(Modifiers::NONE, Key::Num0);
    stage.key(Modifiers::SHIFT, Key::Home);
    assert!(stage.shows("Tuesday: all non-work"));
    let grid = stage.window.get_by_label("The week, painted hour by hour");
    let value = grid.accesskit_node().value();
    assert_eq!(value.as_deref(), Some("Tuesday 00:00–01:00, non-work"));
}

#[test]
fn minutes_are_typed_and_survive_the_grid() {
    let mut stage = open(&[("work", "mon-fri 08:07-17:38")]);
    let (from, to) = (place(&stage, "Sunday", 1.0), place(&stage, "Sunday", 14.0));
    drag(&mut stage, from, to);
    assert_eq!(text(&stage, "Work, days and times"), "mon-fri 08:07-17:38; sun 00:00-00:15");
    stage.type_into("Maintenance, days and times", "sat 10-never");
    assert!(stage.shows("“never” is no time of day"));
    let apply = |stage: &Stage| stage.window.get_by_label("Apply").accesskit_node().is_disabled();
    assert!(apply(&stage));
    stage.key(Modifiers::COMMAND, Key::Enter);
    assert!(stage.is_quiet(), "what is mistyped is not applied");
    stage.click("Clear");
    stage.click("Apply");
    assert_eq!(taken(&mut stage), [set("work", "none")]);
}

#[test]
fn each_window_allows_each_priority_something() {
    let work = [("timetable", "on"), ("work", "daily 00:00-24:00")];
    let mut stage = open(&work);
    assert!(stage.shows("It holds nothing yet"));
    stage.click("Work for low priority");
    stage.click("Nothing");
    stage.click("Work for normal priority");
    stage.click("Up to");
    stage.type_into("Rate of Work for normal priority", "much");
    assert!(stage.shows("“much” is no rate"));
    assert!(stage.window.get_by_label("Apply").accesskit_node().is_disabled());
    stage.key(Modifiers::COMMAND, Key::A);
    stage.field("Rate of Work for normal priority").type_text("512K");
    stage.window.run();
    assert!(stage.shows("Work: normal up to 512 KiB/s, low nothing"));
    stage.click("Leave out servers in the same network as this computer");
    stage.key(Modifiers::COMMAND, Key::Enter);
    let limits = "high unlimited, normal 512K, low 0";
    assert_eq!(taken(&mut stage), [set("work_limits", limits), set("lan_exempt", "on")]);
}

#[test]
fn presets_paint_and_a_refusal_stays_in_the_dialog() {
    let mut stage = open(&[]);
    stage.click("Weekdays 8 to 18");
    stage.click("Nights");
    stage.click("Keep to the timetable");
    stage.click("Apply");
    let first = stage.next().expect("a command");
    assert_eq!(first.command, Command::Set("work".into(), "mon-fri 08:00-18:00".into()));
    assert!(stage.is_quiet(), "one after another");
    stage.border.answer(first.answer, Ok(Reply::Done));
    stage.window.run();
    stage.refuse(Refusal::NotSaved("The disk is full, so nothing was changed.".into()));
    assert!(stage.shows("The disk is full, so nothing was changed."));
    assert!(stage.is_quiet(), "what is half set is not switched on");
    // What was taken is not sent again.
    stage.click("Apply");
    assert_eq!(taken(&mut stage), [set("maintenance", "daily 22:00-06:00"), set("timetable", "on")]);
    assert!(!stage.shows("Keep to the timetable"));
}

#[test]
fn nothing_to_change_and_second_thoughts_send_nothing() {
    for button in ["Apply", "Cancel"] {
        let mut stage = open(&[("work", "mon-fri 08:00-18:00")]);
        if button == "Cancel" {
            stage.click("Clear");
        }
        stage.click(button);
        assert!(stage.is_quiet());
        assert!(!stage.shows("Keep to the timetable"), "{button}");
    }
    let mut stage = open(&[]);
    stage.click("Nights");
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(stage.is_quiet() && !stage.shows("Keep to the timetable"));
}

#[test]
fn the_button_opens_it_or_says_why_not() {
    let mut stage = Stage::new(Vec::new());
    let node = stage.window.get_by_role_and_label(Role::Button, "Timetable");
    node.click();
    stage.window.run();
    stage.refuse(Refusal::Busy);
    assert!(stage.shows("Meanwhile is busy"));
    assert!(!stage.shows("Keep to the timetable"));
}

#[test]
fn it_is_seen_that_the_timetable_holds() {
    let until = Some(now() + 90 * 60);
    let mut capped = job("capped.iso", JobState::Transferring, 1, 100);
    let rate = Rate::from_bytes_per_sec(512 << 10).expect("a rate");
    capped.cap = Some(CapView { rate, which: WhichCap::Timetable, until_unix_secs: until });
    let stopped = JobState::Waiting(Waiting::for_condition(Why::Timetable, until));
    let mut stage = Stage::new(vec![capped.clone()]);
    assert!(stage.shows("timetable: up to 512 KiB/s until "));
    stage.click_row("capped.iso", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("512 KiB/s, by the timetable until "));
    let mut stage = Stage::new(vec![capped, job("stopped.iso", stopped, 1, 100)]);
    assert!(stage.shows("timetable: stops 1 until "));
    let waiting = Waiting::for_condition(Why::Timetable, until);
    stage.publish(|snapshot| snapshot.waiting = Some(waiting));
    assert!(stage.shows("Waiting: the timetable allows nothing now; until "));
    assert!(!stage.shows("timetable: stops 1"), "once is enough");
}
