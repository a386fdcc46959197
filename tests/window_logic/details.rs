//! The panel under the list.

use std::sync::Arc;

use egui::{Key, Modifiers};
use meanwhile::engine::{Change, Command, Envelope, Probe, RateSample, Refusal, Reply};
use meanwhile::job::{Cause, Event, Fault, FaultKind, JobId, JobState, LogEntry, Rate, Trouble};

use super::stage::{Stage, fault, job, one_of_each, several};

#[test]
fn details_explain_a_fault_and_offer_the_way_out() {
    let jobs = one_of_each();
    let id = jobs[3].job.id;
    let mut stage = Stage::new(jobs);
    stage.click_row("failed.bin", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("The address is mistyped, or the file was moved or deleted."));
    assert!(stage.shows("the particulars"));
    stage.press("Retry now");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::Resume));
    stage.type_into("Cap of this download", "500K");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(
        stage.command(),
        Command::Change(vec![id], Change::SetLimit(Rate::from_bytes_per_sec(512_000)))
    );
}

#[test]
fn the_graph_says_its_average() {
    let mut view = job("running.iso", JobState::Transferring, 62, 100);
    let sample = |at| RateSample { at, rate_bps: 2_097_152.0, cap_bps: Some(4e6) };
    view.history = Arc::new((0..200).filter(|at| !(80..120).contains(at)).map(sample).collect());
    let mut stage = Stage::new(vec![view]);
    stage.click_row("running.iso", Modifiers::NONE);
    assert!(stage.shows("Speed over time, average 2.0 MiB/s"));
    stage.click("1 min");
    assert!(stage.shows("Speed over time, average 2.0 MiB/s"));
}

#[test]
fn a_failed_job_gets_another_address() {
    let jobs = one_of_each();
    let id = jobs[3].job.id;
    let mut stage = Stage::new(jobs);
    stage.click_row("failed.bin", Modifiers::NONE);
    stage.click("Details");
    stage.press("Change address…");
    assert!(stage.shows("Change the address of “failed.bin”"));
    assert!(stage.shows("This is its present address"));
    // Typing replaces the present one, which stands there selected.
    stage.field("New address").type_text("ftp://example.net/x");
    stage.window.run();
    stage.let_time_pass();
    assert!(stage.shows("This kind of address cannot be downloaded"));
    assert!(stage.is_quiet());
    stage.key(Modifiers::COMMAND, Key::A);
    stage.field("New address").type_text("https://example.net/failed.bin");
    stage.window.run();
    stage.let_time_pass();
    let Envelope { command, answer } = stage.next().expect("a probe");
    let Command::Probe(asked) = command else { panic!("not a probe: {command:?}") };
    assert_eq!(asked.files[0].url, "https://example.net/failed.bin");
    let probe = Probe {
        name: "failed.bin".into(),
        total_bytes: Some(50),
        resumable: true,
        final_url: asked.files[0].url.clone(),
        free_bytes: None,
    };
    stage.border.answer(answer, Ok(Reply::Probed(probe)));
    stage.window.run();
    assert!(stage.shows("50 B · can resume"));
    stage.key(Modifiers::NONE, Key::Enter);
    let wanted = Change::SetFileAddress(0, "https://example.net/failed.bin".into());
    let Envelope { command, answer } = stage.next().expect("a change");
    assert_eq!(command, Command::Change(vec![id], wanted));
    stage.border.answer(answer, Err(Refusal::Wrong("It is a page, not a file.".into())));
    stage.window.run();
    assert!(stage.shows("It is a page, not a file."), "a refusal keeps the dialog open");
    stage.click("Change address");
    assert!(matches!(stage.command(), Command::Change(..)));
    assert!(!stage.shows("Change the address of"));
}

#[test]
fn a_job_is_set_up_in_its_details() {
    let view = several();
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Details");
    stage.click("Hold until I accept");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetHoldFinished(true)));
    stage.click("Files of this download at once");
    stage.click("4");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetFilesAtOnce(4)));
    stage.type_into("Name of this download", "!");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetName("All discs!".into())));
}

fn entry(id: JobId, unix_secs: u64, cause: Cause, event: Event) -> LogEntry {
    LogEntry { unix_secs, job: Some(id), name: "running.iso".into(), cause, event }
}

#[test]
fn the_log_is_asked_for_while_it_is_looked_at() {
    let mut jobs = one_of_each();
    jobs[0].log_entries = 2;
    let (id, other) = (jobs[0].job.id, jobs[2].job.id);
    let mut stage = Stage::new(jobs);
    stage.click_row("running.iso", Modifiers::NONE);
    assert!(stage.is_quiet(), "nobody looks at it yet");
    stage.click("Log");
    let Envelope { command, answer } = stage.next().expect("a question");
    let Command::Log(Some(of), most) = command else { panic!("not the log: {command:?}") };
    assert_eq!(of, id);
    assert!(most >= 100);
    let now = super::stage::now();
    let mut entries = vec![
        entry(id, now - 60, Cause::User, Event::Created { files: 1, by: "meanwhile add (7)".into() }),
        entry(id, now - 30, Cause::Timetable, Event::Suspended),
    ];
    stage.border.answer(answer, Ok(Reply::Log(entries.clone())));
    stage.window.run();
    for words in ["Added by meanwhile add (7)", "Paused", "the timetable", "2 entries"] {
        assert!(stage.shows(words), "{words}");
    }
    // Nothing new, nothing asked.
    stage.publish(|_| {});
    assert!(stage.is_quiet());
    stage.publish(|snapshot| {
        Arc::make_mut(&mut snapshot.jobs[0]).log_entries = 3;
    });
    let Envelope { command, answer } = stage.next().expect("another question");
    assert!(matches!(command, Command::Log(Some(of), _) if of == id));
    entries.push(entry(id, now, Cause::Fault, Event::Decided { what: "It starts over".into() }));
    stage.border.answer(answer, Ok(Reply::Log(entries)));
    stage.window.run();
    assert!(stage.shows("It starts over"));
    stage.press("Copy log");
    assert!(stage.shows("Log copied"));

    stage.click_row("paused.mp4", Modifiers::NONE);
    assert!(!stage.shows("It starts over"), "that was another job's");
    stage.refuse(Refusal::Busy);
    assert!(stage.shows("Meanwhile is busy"));
    assert!(stage.is_quiet(), "a refusal is not answered with another question");
    stage.press("Ask again");
    assert_eq!(stage.command(), Command::Log(Some(other), most));
}

#[test]
fn a_job_that_stopped_for_want_of_a_login_gets_one() {
    let mut view = job("private.bin", JobState::Error(fault(FaultKind::Status(401))), 0, 50);
    let mut changed = (*view.job).clone();
    changed.files[0].trouble = Some(Trouble::Failed(Fault::new(FaultKind::Status(401), "a.org said so")));
    view.job = Arc::new(changed);
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("private.bin", Modifiers::NONE);
    stage.click("Details");
    stage.press("Enter login…");
    assert!(stage.shows("Log in for “private.bin”"));
    assert!(stage.shows("The server asks for a login (401) (a.org said so)."));
    assert!(!stage.can_press("Log in and retry"), "without a name there is nothing to try");
    // The name has the keyboard; the password is not to be read on the screen.
    stage.field("User name").type_text("me");
    stage.type_into("Password", "hunter2");
    assert!(!stage.shows("hunter2"));
    stage.key(Modifiers::NONE, Key::Enter);
    let Envelope { command, answer } = stage.next().expect("a login");
    assert_eq!(command, Command::SetLogin(id, ("me".into(), "hunter2".into())));
    stage.border.answer(answer, Err(Refusal::Busy));
    stage.window.run();
    assert!(stage.shows(&Refusal::Busy.to_string()), "a refusal keeps the dialog open");
    stage.click("Log in and retry");
    assert!(matches!(stage.command(), Command::SetLogin(..)));
    assert!(!stage.shows("Log in for “private.bin”"));
    stage.press("Enter login…");
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(!stage.shows("Log in for “private.bin”") && stage.is_quiet());
}

#[test]
fn one_that_failed_otherwise_is_not_asked_for_a_login() {
    let mut stage = Stage::new(one_of_each());
    stage.click_row("failed.bin", Modifiers::NONE);
    stage.click("Details");
    assert!(!stage.shows("Enter login…") && stage.shows("Change address…"));
}
