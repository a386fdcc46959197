//! The settings.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use meanwhile::engine::{Command, Refusal, Reply, SettingView, Theme};

use super::stage::Stage;

/// The window with the dialog open.
fn open() -> Stage {
    let mut stage = Stage::new(Vec::new());
    stage.press("Settings");
    let asked = stage.next().expect("a command");
    assert_eq!(asked.command, Command::Settings);
    let view = |(key, value): (&str, &str)| SettingView {
        key: key.into(),
        value: value.into(),
        about: format!("What {key} is."),
    };
    let settings = [
        ("start_mode", "manual"),
        ("slow_bps", "128K"),
        ("background_jobs", "3"),
        ("per_host", "4"),
        ("retry_longest_secs", "1200"),
        ("stale_days", "90"),
        ("notify", "on"),
        ("theme", "system"),
    ];
    stage.border.answer(asked.answer, Ok(Reply::Settings(settings.map(view).to_vec())));
    stage.window.run();
    assert!(stage.shows("Downloads at once"));
    stage
}

/// Opens a choice.
fn choose(stage: &mut Stage, name: &str) {
    stage.window.get_by_role_and_label(Role::ComboBox, name).click();
    stage.window.run();
}

fn set(key: &str, value: &str) -> Command {
    Command::Set(key.into(), value.into())
}

#[test]
fn light_or_dark_is_the_users_choice() {
    let mut stage = open();
    assert!(!stage.window.ctx.global_style().visuals.dark_mode);
    choose(&mut stage, "Appearance");
    stage.click("Dark");
    assert_eq!(stage.command(), set("theme", "dark"));
    stage.publish(|snapshot| snapshot.theme = Theme::Dark);
    assert!(stage.window.ctx.global_style().visuals.dark_mode);
}

#[test]
fn each_is_applied_by_itself() {
    let mut stage = open();
    choose(&mut stage, "Downloads start");
    stage.click("By themselves at sign-in");
    assert_eq!(stage.command(), set("start_mode", "automatic"));
    stage.click("Tell of finished and failed downloads");
    assert_eq!(stage.command(), set("notify", "off"));
    stage.type_into("Downloads at once", "0");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(stage.command(), set("background_jobs", "30"));
    assert!(stage.is_quiet());
}

#[test]
fn all_others_stand_below_as_the_file_has_them() {
    let mut stage = open();
    assert!(!stage.shows("What stale_days is."));
    stage.press("All settings");
    assert!(stage.shows("What stale_days is.") && !stage.shows("What notify is."));
    stage.type_into("stale_days", "x");
    stage.key(Modifiers::NONE, Key::Enter);
    let sentence = "stale_days was not changed: “90x” is no whole number from 1 to 999.";
    stage.refuse(Refusal::Wrong(sentence.into()));
    assert!(stage.shows(sentence));
    // What the engine made of it is what stands there.
    stage.type_into("stale_days", "0");
    stage.key(Modifiers::NONE, Key::Enter);
    let envelope = stage.next().expect("a command");
    stage.border.answer(envelope.answer, Ok(Reply::Setting("95".into())));
    stage.window.run();
    assert!(!stage.shows(sentence));
    assert_eq!(stage.field("stale_days").accesskit_node().value().as_deref(), Some("95"));
}

#[test]
fn escape_leaves_what_was_half_typed() {
    let mut stage = open();
    stage.type_into("Slow cap", "9");
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(stage.is_quiet() && stage.window.query_by_label("Close").is_none());
}

#[test]
fn a_refusal_is_seen_though_it_was_to_be_closed() {
    let mut stage = open();
    stage.type_into("Slow cap", "!");
    stage.click("Close");
    stage.refuse(Refusal::Wrong("slow_bps was not changed: “128K!” is no rate.".into()));
    assert!(stage.shows("slow_bps was not changed"));
    stage.click("Close");
    assert!(stage.is_quiet());
    assert!(stage.window.query_by_label("Close").is_none());
}
