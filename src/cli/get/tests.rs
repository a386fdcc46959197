//! One wait against an engine that is only a border, here and behind a socket.

use std::future::{pending, ready};

use super::*;
use crate::cli::port::Local;
use crate::cli::samples;
use crate::engine::{Border, Snapshot, border};
use crate::instance;
use crate::job::{Fault, FaultKind, JobState, Why};

fn fault() -> Fault {
    Fault::new(FaultKind::Status(404), "GET http://a.org/f")
}

fn in_state(view: &JobView, state: JobState) -> JobView {
    samples::changed(view.clone(), |job| job.state = state)
}

fn finished(view: &JobView) -> JobView {
    let view = samples::changed(in_state(view, JobState::Acknowledged), |job| {
        job.files[0].finished = true;
        job.files[0].name = Some("f.iso".into());
    });
    JobView { done_bytes: 100, ..view }
}

fn numbered(number: u64, view: Option<&JobView>) -> Snapshot {
    Snapshot { number, ..samples::snapshot(view.cloned()) }
}

/// Answers the fetch with the first of these, publishes all of them, and gives back what else was asked.
async fn engine(mut border: Border, steps: Vec<JobView>) -> Vec<Command> {
    let envelope = border.commands.recv().await.expect("a command");
    assert!(matches!(envelope.command, Command::Fetch(_)));
    border.answer(envelope.answer, Ok(Reply::Added(vec![steps[0].job.id])));
    for (number, step) in (2..).zip(&steps) {
        border.publish(numbered(number, Some(step)));
        // Until it has been looked at.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    let mut asked = Vec::new();
    while let Some(envelope) = border.commands.recv().await {
        asked.push(envelope.command);
        border.answer(envelope.answer, Ok(Reply::Done));
    }
    asked
}

struct Seen {
    result: Result<Option<Exit>, Failure>,
    asked: Vec<Command>,
    events: Vec<serde_json::Value>,
}

impl Seen {
    fn last_event(&self) -> &serde_json::Value {
        self.events.last().expect("an event")
    }
}

async fn local(
    before: Option<JobView>,
    steps: Vec<JobView>,
    mut stop: impl Future<Output = EndSignal> + Unpin,
) -> Seen {
    let (handle, border) = border(numbered(1, before.as_ref()));
    let mut text = Vec::new();
    let mut out = Out::new(&mut text, true);
    let wait = async {
        let port = Port::Local(Local::fake(handle));
        let mut wait =
            Wait::begin(&port, &NewJob::default(), None, Instant::now(), true).await.expect("a wait");
        wait.run(&mut stop, &Notify::new(), &mut out).await
    };
    let (result, asked) = tokio::join!(wait, engine(border, steps));
    drop(out);
    let text = String::from_utf8(text).expect("text");
    let events = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    Seen { result, asked, events }
}

fn queued() -> JobView {
    samples::view("http://a.org/f", samples::QUEUED)
}

#[tokio::test(start_paused = true)]
async fn a_download_that_finishes_is_done() {
    let job = queued();
    let seen = local(None, vec![job.clone(), finished(&job)], pending()).await;
    assert_eq!(seen.result, Ok(Some(Exit::Done)));
    assert!(seen.asked.is_empty());
    assert_eq!(seen.events[0]["event"], "added");
    assert_eq!(seen.last_event()["event"], "finished");
    assert_eq!(seen.last_event()["arrived_bytes"], 100);
    assert_eq!(seen.last_event()["job"]["path"], "/tmp/f.iso");
}

#[tokio::test(start_paused = true)]
async fn a_download_that_fails_says_why() {
    let job = queued();
    let seen = local(None, vec![job.clone(), in_state(&job, JobState::Error(fault()))], pending()).await;
    assert_eq!(seen.result, Err(Failure::new(Exit::Failed, fault().to_string())));
    assert_eq!(seen.last_event()["event"], "failed");
    assert_eq!(seen.last_event()["job"]["fault"]["status"], 404);
}

#[tokio::test(start_paused = true)]
async fn a_failure_from_before_is_not_taken_for_a_new_one() {
    let job = queued();
    let old = in_state(&job, JobState::Error(fault()));
    // The first snapshot after the answer may still be the old one.
    let steps = vec![old.clone(), job.clone(), finished(&job)];
    assert_eq!(local(Some(old.clone()), steps, pending()).await.result, Ok(Some(Exit::Done)));
    // But when nothing else comes, that is how it stands.
    let seen = local(Some(old.clone()), vec![old], pending()).await;
    assert_eq!(seen.result, Err(Failure::new(Exit::Failed, fault().to_string())));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_nothing_is_told_and_the_job_is_held() {
    let job = queued();
    let waiting = Waiting { why: Why::BackOff(fault()), until_unix_secs: Some(9) };
    let seen = local(None, vec![job.clone(), in_state(&job, JobState::Waiting(waiting))], pending()).await;
    let Err(Failure::Said(Exit::Failed, sentence)) = &seen.result else { panic!("{:?}", seen.result) };
    assert!(sentence.contains("Everything fetched is kept"), "{sentence}");
    assert_eq!(seen.asked, [Command::Change(vec![job.job.id], Change::Suspend)]);
    assert_eq!(seen.last_event()["event"], "failed");
}

#[tokio::test(start_paused = true)]
async fn a_wait_on_the_way_is_an_event_and_no_end() {
    let job = queued();
    let moving = JobView { done_bytes: 10, ..in_state(&job, JobState::Transferring) };
    let waiting = Waiting { why: Why::BackOff(fault()), until_unix_secs: Some(9) };
    let waiting = in_state(&moving, JobState::Waiting(waiting));
    let seen = local(None, vec![job.clone(), moving, waiting, finished(&job)], pending()).await;
    assert_eq!(seen.result, Ok(Some(Exit::Done)));
    let names: Vec<_> = seen.events.iter().map(|event| event["event"].as_str()).collect();
    assert_eq!(names, ["added", "progress", "waiting", "finished"].map(Some));
    assert_eq!(seen.events[2]["next_try_unix_secs"], 9);
}

#[tokio::test(start_paused = true)]
async fn a_signal_holds_the_job() {
    let job = queued();
    let seen = local(None, vec![job.clone()], ready(EndSignal::Interrupt)).await;
    assert_eq!(seen.result, Ok(Some(Exit::Interrupted)));
    assert_eq!(seen.asked, [Command::Change(vec![job.job.id], Change::Suspend)]);
    assert_eq!(seen.last_event()["event"], "stopped");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_somebody_else_ends_is_an_end() {
    let job = queued();
    for state in [JobState::Cancelled, JobState::Acknowledged] {
        let seen = local(None, vec![job.clone(), in_state(&job, state)], pending()).await;
        assert_eq!(seen.result.as_ref().map_err(Failure::exit), Err(Exit::Failed));
        assert_eq!(seen.last_event()["event"], "ended");
    }
}

#[test]
fn when_the_running_instance_ends_the_wait_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(dir.path());
    let job = queued();
    let (handle, mut border) = border(numbered(1, Some(&job)));
    let claim = instance::claim(&places).expect("the claim");
    let server = instance::serve(claim, handle, || Shown::MakesRoom).expect("a server");
    let id = job.job.id;
    let engine = std::thread::spawn(move || {
        let envelope = border.commands.blocking_recv().expect("a command");
        border.answer(envelope.answer, Ok(Reply::Added(vec![id])));
        border
    });
    let runtime = crate::cli::runtime().expect("a runtime");
    let result = runtime.block_on(async {
        let port = Port::open(&places, Run::Asked).expect("a port");
        assert!(!port.is_local());
        let mut wait =
            Wait::begin(&port, &NewJob::default(), None, Instant::now(), true).await.expect("a wait");
        drop(server);
        wait.run(&mut pending(), &Notify::new(), &mut Out::new(Vec::new(), true)).await
    });
    assert_eq!(result, Ok(None));
    engine.join().expect("its end");
}
