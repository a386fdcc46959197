use std::path::Path;
use std::time::Duration;

use super::super::core::Start;
use super::super::saver::Saver;
use super::super::{Handle, Run, Snapshot, border};
use super::*;
use crate::job::{JobState, NewJob};
use crate::store::{Loaded, LogFiles, QueueFiles, Settings};

/// A core with one finished job, whose command, if it has one, is to be run still.
fn core_with(mode: Run, command: Option<&str>, folder: &Path) -> (Core, Handle, JobId) {
    let new = NewJob {
        finish: command.map(|command| command.parse().unwrap()),
        ..NewJob::of("http://127.0.0.1:1/file", folder)
    };
    let (mut job, _) = new.into_job(JobId::random(), unix_secs()).unwrap();
    job.files[0].finished = true;
    job.state = JobState::Acknowledged;
    job.at_end = AtEnd { run: command.is_some(), ..AtEnd::default() };
    let id = job.id;
    let (files, _) = QueueFiles::open(folder).unwrap();
    let (saver, saved_news) =
        Saver::start(files, LogFiles::open(folder), folder.to_owned(), folder.to_owned()).unwrap();
    let (handle, border) = border(Snapshot::default());
    let core = Core::new(Start {
        border,
        mode,
        loaded: Loaded { jobs: vec![Arc::new(job)], notices: Vec::new() },
        settings: Settings::default(),
        usual_folder: folder.to_owned(),
        autostart: None,
        whose: String::new(),
        saver,
        saved_news,
    });
    (core, handle, id)
}

/// Waits for the end of a try.
async fn try_ends(core: &mut Core) {
    let heard =
        tokio::time::timeout(Duration::from_secs(30), core.ends.next()).await.expect("an end in time");
    core.hear_of_end(heard);
}

#[tokio::test]
async fn a_command_that_failed_is_run_again_when_its_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let command = format!("/bin/sh -c 'echo x >> {}; exit 3'", count.display());
    let (mut core, _handle, id) = core_with(Run::All, Some(&command), folder.path());
    let tries = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();
    for made in 1..=3 {
        try_ends(&mut core).await;
        assert_eq!(tries(), made);
        let at_end = core.queue.job(id).unwrap().at_end;
        assert_eq!((at_end.run, at_end.tries.made), (true, u32::try_from(made).unwrap()));
        assert!(core.ends.is_busy());
        let at = core.ends.next_change().expect("a next try");
        assert!(at > Instant::now() + Duration::from_secs(50), "not at once");
        core.do_what_is_due();
        assert!(core.ends.again.contains_key(&id), "not before its time");
        // Its time comes, and nothing else happens.
        core.ends.again.insert(id, Instant::now());
        let wake_at = core.do_what_is_due();
        assert!(core.ends.again.is_empty(), "it is no longer waited for");
        assert!(wake_at.is_none_or(|at| at > Instant::now()), "the loop is not woken again and again");
    }
    try_ends(&mut core).await;
    assert_eq!(tries(), 4);
    assert!(!core.queue.job(id).unwrap().at_end.run, "given up for good");
    assert!(!core.ends.is_busy());
}

#[tokio::test]
async fn an_engine_that_only_keeps_the_books_runs_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let (mut core, _handle, id) = core_with(Run::Nothing, Some("/bin/true"), folder.path());
    core.do_what_is_due();
    assert!(!core.ends.is_busy());
    assert!(core.queue.job(id).unwrap().at_end.run, "it is left to the next one");
}

#[tokio::test(start_paused = true)]
async fn for_a_minute_after_a_notice_somebody_may_click_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut core, handle, id) = core_with(Run::All, None, folder.path());
    core.publish();
    core.hear_of_end(Heard::Desktop(News::Told(id, false)));
    core.publish();
    assert!(!handle.snapshot().lingers, "nobody clicks on what was not shown");
    core.hear_of_end(Heard::Desktop(News::Told(id, true)));
    core.publish();
    assert!(handle.snapshot().lingers && !handle.snapshot().busy);
    tokio::time::advance(Duration::from_millis(59_999)).await;
    let wake_at = core.do_what_is_due().expect("an end of waiting");
    assert!(handle.snapshot().lingers && wake_at <= Instant::now() + Duration::from_secs(1));
    tokio::time::advance(Duration::from_millis(2)).await;
    core.do_what_is_due();
    assert!(!handle.snapshot().lingers, "and that is to be seen");
    assert_eq!(core.ends.next_change(), None);
}
