//! What was acknowledged is on disk, also where the list grows out of its file while more is added.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

use meanwhile::engine::{Command, Engine, Places, Reply, Run};
use meanwhile::job::NewJob;

#[tokio::test]
async fn jobs_that_are_added_while_the_next_generation_begins_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = Places::under(folder.path());
    let engine = Engine::start(&places, Run::Nothing).expect("an engine");
    let jobs: Vec<NewJob> = (0..500)
        .map(|n| NewJob { paused: true, ..NewJob::of(format!("http://127.0.0.1:9/{n}"), "/tmp") })
        .collect();
    let handle = engine.handle();
    let answers: Vec<_> = (0..40).map(|_| handle.send(Command::Add(jobs.clone()))).collect();
    let mut added = 0;
    for answer in answers {
        let Ok(Ok(Reply::Added(ids))) = answer.await else { panic!("not added") };
        added += ids.len();
    }
    assert_eq!(handle.snapshot().jobs.len(), added);
    engine.stop();
    let engine = Engine::start(&places, Run::Nothing).expect("an engine");
    assert_eq!(engine.handle().snapshot().jobs.len(), added);
}
