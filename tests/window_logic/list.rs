//! The list: what it shows, what is selected, what is done to that.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use meanwhile::engine::{Change, Command};
use meanwhile::job::{Cause, JobState, Priority, Waiting, Why};

use super::stage::{Stage, job, one_of_each, several};

#[test]
fn every_job_is_shown_in_words() {
    let stage = Stage::new(one_of_each());
    for words in [
        "62 %",
        "Waiting: nothing arrived for 30 seconds",
        "Paused at 71 %",
        "The file is not on the server (404)",
        "Queued",
        "1 download at",
        "1 active · 412 GiB free · no cap",
    ] {
        assert!(stage.shows(words), "{words}");
    }
    assert_eq!(stage.names(), ["running.iso", "waiting.zip", "paused.mp4", "failed.bin", "queued.pdf"]);
}

#[test]
fn pausing_and_resuming_act_on_what_is_selected() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.click_row("running.iso", Modifiers::NONE);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[0]], Change::Suspend));
    stage.click_row("paused.mp4", Modifiers::NONE);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[2]], Change::Resume));
}

#[test]
fn cancelling_asks_when_something_would_be_lost() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.click_row("running.iso", Modifiers::NONE);
    stage.press("Cancel…");
    assert!(stage.shows("Cancel “running.iso” and delete the 62 B fetched so far?"));
    stage.click("Keep it");
    assert!(stage.is_quiet());
    stage.press("Cancel…");
    stage.click("Cancel download");
    assert_eq!(stage.command(), Command::Change(vec![ids[0]], Change::Cancel));
    // Nothing fetched, nothing asked.
    stage.click_row("queued.pdf", Modifiers::NONE);
    stage.press("Cancel…");
    assert_eq!(stage.command(), Command::Change(vec![ids[4]], Change::Cancel));
    stage.key(Modifiers::NONE, Key::Delete);
    assert!(stage.shows("Remove “queued.pdf” before it is finished?"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(stage.is_quiet());
}

#[test]
fn searching_and_filtering_narrow_the_list() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Failed, 1");
    assert_eq!(stage.names(), ["failed.bin"]);
    stage.click("Waiting, 3");
    assert_eq!(stage.names(), ["waiting.zip", "paused.mp4", "queued.pdf"]);
    stage.click("Finished, 0");
    assert!(stage.shows("Nothing is finished yet"));
    stage.click("All, 5");
    stage.key(Modifiers::COMMAND, Key::F);
    stage.field("Search downloads").type_text("running");
    stage.window.run();
    assert_eq!(stage.names(), ["running.iso"]);
    stage.field("Search downloads").type_text("x");
    stage.window.run();
    assert!(stage.shows("Nothing found for “runningx”"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert_eq!(stage.names().len(), 5);
}

#[test]
fn headers_sort_and_let_go() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Sort by size");
    assert_eq!(stage.names()[0], "queued.pdf");
    stage.click("Sort by size, sorted");
    assert_eq!(stage.names()[4], "queued.pdf");
    stage.click("Sort by size, sorted the other way");
    assert_eq!(stage.names()[0], "running.iso");
    stage.click("Sort by name");
    assert_eq!(stage.names()[0], "failed.bin");
}

#[test]
fn the_keyboard_selects() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.key(Modifiers::NONE, Key::ArrowDown);
    stage.key(Modifiers::NONE, Key::ArrowDown);
    stage.key(Modifiers::SHIFT, Key::ArrowDown);
    assert!(stage.shows("2 selected"));
    stage.key(Modifiers::COMMAND, Key::R);
    assert_eq!(stage.command(), Command::Change(vec![ids[1]], Change::Resume), "only what waits");
    stage.key(Modifiers::COMMAND, Key::A);
    assert!(stage.shows("5 selected"));
    stage.key(Modifiers::NONE, Key::End);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[4]], Change::Suspend));
    stage.key(Modifiers::NONE, Key::Home);
    stage.click_row("paused.mp4", Modifiers::COMMAND);
    assert!(stage.shows("2 selected"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(!stage.shows("selected"));
}

#[test]
fn the_menu_changes_the_priority() {
    let jobs = one_of_each();
    let id = jobs[0].job.id;
    let mut stage = Stage::new(jobs);
    stage.window.get_by_role_and_label(Role::ListItem, "running.iso").click_secondary();
    stage.window.run();
    stage.window.get_by_label_contains("Priority").click();
    stage.window.run();
    stage.click("Low");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetPriority(Priority::Low)));
}

#[test]
fn a_hundred_thousand_jobs_are_no_trouble() {
    let jobs = (0..100_000).map(|n| job(&format!("file-{n:06}"), JobState::Queued, 0, n)).collect();
    let mut stage = Stage::new(jobs);
    assert!(stage.names().len() < 30, "only what can be seen is drawn");
    stage.key(Modifiers::NONE, Key::End);
    assert_eq!(stage.names().last().map(String::as_str), Some("file-099999"));
    stage.type_into("Search downloads", "file-05432");
    assert_eq!(stage.names().len(), 10);
}

#[test]
fn every_reason_to_wait_has_its_words() {
    let table = [
        (Why::NoNetwork, "Waiting: there is no network"),
        (Why::SignedOut, "Waiting: you are signed out"),
        (Why::Asleep, "Waiting: the computer is asleep"),
        (Why::Metered, "Waiting: the network is metered"),
        (Why::Battery, "Waiting: the computer runs on its battery"),
        (Why::Timetable, "Waiting: the timetable allows nothing now"),
        (Why::Held, "Waiting: all downloads are paused"),
        (Why::Disabled, "Waiting: transfers are switched off in the settings"),
    ];
    let jobs = table.iter().map(|(why, _)| {
        let waiting = Waiting::for_condition(why.clone(), None);
        job(why.word(), JobState::Waiting(waiting), 1, 100)
    });
    let mut stage = Stage::new(jobs.collect());
    for (why, words) in table {
        assert!(stage.shows(words), "{words}");
        // The same in the details, and at the bottom where it holds for all.
        stage.publish(|snapshot| snapshot.waiting = Some(Waiting::for_condition(why.clone(), None)));
        stage.click_row(why.word(), Modifiers::NONE);
        stage.click("Details");
        let found = stage.window.query_all_by_label(words).count();
        assert_eq!(found, 3, "{words}");
        let goes_on = stage.shows("It goes on by itself");
        assert_eq!(goes_on, !matches!(why, Why::Held | Why::Disabled), "{words}");
    }
}

#[test]
fn what_is_held_with_all_others_shows_the_way_out() {
    let held = JobState::Waiting(Waiting::for_condition(Why::Held, None));
    let mut stage = Stage::new(vec![job("a.iso", held, 1, 100)]);
    stage.publish(|snapshot| snapshot.paused = true);
    stage.click_row("a.iso", Modifiers::NONE);
    stage.click("Details");
    stage.press("Resume them all");
    assert_eq!(stage.command(), Command::SetPaused(false));
}

#[test]
fn the_next_time_is_told_by_the_clock() {
    let until = super::stage::now() + 5 * 3600;
    let waiting = Waiting::for_condition(Why::Timetable, Some(until));
    let stage = Stage::new(vec![job("a.iso", JobState::Waiting(waiting), 1, 100)]);
    let node = stage.window.query_all_by_label_contains("until ").next().expect("the time");
    let label = egui_kittest::kittest::NodeT::accesskit_node(&node).value().expect("words").clone();
    let clock = label.rsplit(' ').next().expect("a clock");
    assert!(clock.len() == 5 && clock.as_bytes()[2] == b':', "{label}");
}

#[test]
fn who_paused_it_is_told() {
    let mut view = job("a.iso", JobState::Suspended, 1, 100);
    std::sync::Arc::make_mut(&mut view.job).cause = Cause::User;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("a.iso", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("Paused at 1 %, by you"));
}

#[test]
fn a_job_of_several_files_says_how_many_are_here() {
    let mut stage = Stage::new(vec![several()]);
    assert!(stage.shows("1 of 4 files, 1 failed"));
    assert!(!stage.shows("4.0 KiB"), "a total that is not known is not shown");
    stage.publish(|snapshot| {
        let mut view = several();
        let job = std::sync::Arc::make_mut(&mut view.job);
        job.files.iter_mut().for_each(|file| file.total_bytes = Some(1024));
        snapshot.jobs = [std::sync::Arc::new(view)].into_iter().collect();
    });
    assert!(stage.shows("4.0 KiB"));
}

#[test]
fn what_is_stale_is_marked_and_can_be_removed() {
    let mut view = job("old.iso", JobState::Suspended, 0, 100);
    view.stale = true;
    std::sync::Arc::make_mut(&mut view.job).modified_unix_secs = super::stage::now() - 91 * 86_400;
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    assert!(stage.shows("nothing has happened for 91 days"));
    stage.click_row("old.iso", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("Nothing has happened for 91 days"));
    stage.press("Remove from list");
    assert!(stage.shows("Remove “old.iso” before it is finished?"));
    stage.click("Remove");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::Remove));
}

#[test]
fn what_is_held_at_its_end_can_be_accepted() {
    let mut view = job("a.iso", JobState::Transferred, 100, 100);
    std::sync::Arc::make_mut(&mut view.job).hold_finished = true;
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    assert!(stage.shows("Complete, waits until you accept it"));
    stage.click_row("a.iso", Modifiers::NONE);
    stage.press("Accept");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::Complete));
}
