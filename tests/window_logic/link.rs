//! The page of the link, and what is said of the link elsewhere.

use std::sync::Arc;
use std::time::Duration;

use egui::{Key, Modifiers};
use meanwhile::engine::{Change, LinkSample, LinkState, LinkView, LinkWhy, RateSample, Senses, Snapshot};
use meanwhile::job::{JobState, Priority};

use super::stage::{Stage, job, now, one_of_each};

const MIB: u64 = 1 << 20;

/// Half a minute of the link to ourselves, then half a minute of somebody else.
fn history() -> Vec<LinkSample> {
    let sample = |at| {
        let held = at >= 160;
        LinkSample {
            at,
            own_bps: if held { 0.0 } else { 4.0 * MIB as f32 },
            others_bps: if held { 2.0 * MIB as f32 } else { 0.0 },
            capacity_bps: Some(5.0 * MIB as f32),
            cap_bps: None,
            added_delay_ms: Some(4.0),
            state: if held { LinkState::Yielding } else { LinkState::Using },
            why: held.then_some(LinkWhy::TrafficHere),
        }
    };
    (100..220).map(sample).collect()
}

fn yielding() -> LinkView {
    LinkView {
        interface: Some("eth0".into()),
        state: LinkState::Yielding,
        why: Some(LinkWhy::TrafficHere),
        since_unix_secs: now() - 7200,
        here_bps: Some(2 * MIB),
        capacity_bps: Some(5 * MIB),
        added_delay_ms: Some(4.0),
        senses: Senses { counters: true, delay: true, openings: true, window: true },
        history: Arc::new(history()),
        ..LinkView::default()
    }
}

/// The window on its page, with that link.
fn open(link: LinkView) -> Stage {
    let mut stage = Stage::new(one_of_each());
    stage.publish(|snapshot| snapshot.link = Arc::new(link));
    stage.click("Link");
    stage
}

fn is_on_list(stage: &Stage) -> bool {
    !stage.names().is_empty()
}

#[test]
fn the_page_says_how_the_link_is_used_in_words_figures_and_a_picture() {
    let mut stage = open(yielding());
    assert!(!is_on_list(&stage));
    for words in [
        "Stepped back 2\u{a0}h ago: another program on this machine is receiving 2.0\u{a0}MiB/s.",
        "Goes by this machine’s traffic, the delay on our own connections",
        "Interface: eth0",
        "Others on this machine: 2.0 MiB/s",
        "Others elsewhere: nobody noticed",
        "The link carries: about 5.0 MiB/s",
        "Added delay: 4 ms",
        "on average background downloads 2.0 MiB/s, your own traffic 1.0 MiB/s; stepped back 1 time",
    ] {
        assert!(stage.shows(words), "{words}");
    }
    assert!(!stage.shows("Limited idle detection"));
    // All of it is within the last minute.
    stage.click("1 min");
    assert!(stage.shows("your own traffic 1.0 MiB/s; stepped back 1 time"));
}

#[test]
fn what_is_missing_is_said() {
    let senses = Senses { delay: false, ..yielding().senses };
    let stage = open(LinkView { senses, interface: None, added_delay_ms: None, ..yielding() });
    assert!(stage.shows("Limited idle detection: no delay, so others behind the router are not seen."));
    assert!(stage.shows("Interface: not known") && stage.shows("Added delay: not known"));
}

#[test]
fn before_the_first_transfer_it_says_what_will_be_here() {
    let mut stage = open(LinkView::default());
    assert!(stage.shows("Nothing has used the link in the background yet"));
    // It comes without history before there is the first sample.
    stage.publish(|snapshot| {
        snapshot.link = Arc::new(LinkView { state: LinkState::Starting, ..LinkView::default() });
    });
    assert!(stage.shows("Finding out how much is idle") && stage.shows("nothing in this span"));
}

#[test]
fn a_filter_the_search_and_the_keyboard_lead_back_to_the_list() {
    let mut stage = open(yielding());
    stage.click("Failed, 1");
    assert_eq!(stage.names(), ["failed.bin"]);
    stage.click("All, 5");
    for back in [(Modifiers::NONE, Key::Escape), (Modifiers::COMMAND, Key::L)] {
        stage.key(Modifiers::COMMAND, Key::L);
        assert!(!is_on_list(&stage));
        stage.key(back.0, back.1);
        assert!(is_on_list(&stage), "{back:?}");
    }
    stage.click("Link");
    stage.type_into("Search downloads", "iso");
    assert_eq!(stage.names(), ["running.iso"]);
}

#[test]
fn nothing_happens_to_downloads_that_cannot_be_seen() {
    let mut stage = Stage::new(one_of_each());
    stage.click_row("running.iso", Modifiers::NONE);
    stage.click("Link");
    assert!(!stage.shows("Open folder"), "its details are not there either");
    for key in [Key::Delete, Key::Space, Key::Enter] {
        stage.key(Modifiers::NONE, key);
    }
    stage.key(Modifiers::COMMAND, Key::R);
    assert!(stage.is_quiet());
    stage.key(Modifiers::COMMAND, Key::N);
    assert!(stage.shows("Add downloads"), "what is the window's own still works");
    stage.click("Cancel");
    stage.key(Modifiers::NONE, Key::Escape);
    stage.key(Modifiers::NONE, Key::Space);
    assert!(matches!(stage.command(), meanwhile::engine::Command::Change(_, Change::Suspend)));
}

#[test]
fn nothing_is_painted_while_nothing_changes() {
    let mut stage = open(yielding());
    stage.publish(|snapshot| snapshot.jobs.clear());
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    let root = &stage.window.output().viewport_output[&egui::ViewportId::ROOT];
    assert_eq!(root.repaint_delay, Duration::MAX);
}

#[test]
fn the_status_bar_says_how_the_link_is_used_while_something_runs() {
    let mut stage = Stage::new(one_of_each());
    let using = LinkView {
        state: LinkState::Using,
        own_bps: 46 * MIB,
        capacity_bps: Some(50 * MIB),
        ..LinkView::default()
    };
    let publish = |snapshot: &mut Snapshot| {
        snapshot.link = Arc::new(using);
        snapshot.rate_bps = 46 * MIB;
    };
    stage.publish(publish);
    assert!(stage.shows("Using what is idle: 46.0 of about 50.0 MiB/s"));
    assert!(!stage.shows("1 download at"), "the number of them stands at the right");
    stage.publish(|snapshot| snapshot.link = Arc::default());
    assert!(!stage.shows("Using what is idle") && stage.shows("1 download at 46.0 MiB/s"));
}

#[test]
fn the_graph_of_a_background_download_shows_the_traffic_beside_it() {
    for (priority, beside) in [(Priority::Normal, true), (Priority::Foreground, false)] {
        let mut view = job("running.iso", JobState::Transferring, 62, 100);
        Arc::make_mut(&mut view.job).priority = priority;
        let sample = |at| RateSample { at, rate_bps: 2.0 * MIB as f32, cap_bps: None };
        view.history = Arc::new((100..220).map(sample).collect());
        let mut stage = Stage::new(vec![view]);
        stage.publish(|snapshot| snapshot.link = Arc::new(yielding()));
        stage.click_row("running.iso", Modifiers::NONE);
        assert!(stage.shows("Speed over time, average 2.0 MiB/s"));
        assert_eq!(stage.shows("average 2.0 MiB/s; your own traffic 1.0 MiB/s"), beside);
    }
}
