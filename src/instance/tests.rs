//! Server and client in one process, with an engine that is only a border.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use super::*;
use crate::engine::{Border, Change, Command, Handle, JobView, Refusal, Reply, Snapshot, border};
use crate::job::{Fault, FaultKind, Job, JobId, JobState, NewJob, Rate};

fn job(name: &str) -> Job {
    let new = NewJob::of(format!("http://a.org/{name}"), "/tmp");
    new.into_job(JobId::random(), 7).expect("a job").0
}

fn snapshot(number: u64, jobs: &[Job]) -> Snapshot {
    let views = jobs.iter().map(|job| Arc::new(JobView::resting(Arc::new(job.clone())))).collect();
    Snapshot { number, jobs: views, ..Snapshot::default() }
}

/// A served state folder; the engine's end of the border is in the test's hands.
struct House {
    places: Places,
    server: Server,
    _dir: tempfile::TempDir,
}

fn house(handle: Handle) -> House {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(dir.path());
    let server = serve(claim(&places).expect("the claim"), handle, || Shown::Shown).expect("a server");
    House { places, server, _dir: dir }
}

/// Answers every command with what `answer` says, until all handles are gone.
fn engine(
    mut border: Border,
    answer: impl Fn(Command) -> Result<Reply, Refusal> + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while let Some(envelope) = border.commands.blocking_recv() {
            let given = answer(envelope.command);
            border.answer(envelope.answer, given);
        }
    })
}

#[test]
fn commands_are_handed_over_with_their_answers() {
    let (handle, border) = border(Snapshot::default());
    let id = JobId::random();
    let engine = engine(border, move |command| match command {
        Command::Add(_) => Ok(Reply::Added(vec![id])),
        Command::SetLimit(_) => Err(Refusal::Fault(Fault::new(FaultKind::DiskFull, "no room"))),
        _ => Ok(Reply::Done),
    });
    let house = house(handle);
    let client = connect(&house.places).expect("a client");
    let added = client.request(Command::Add(vec![NewJob::default()])).expect("a reply");
    assert_eq!(added, Reply::Added(vec![id]));
    assert_eq!(client.request(Command::Change(vec![id], Change::Suspend)).expect("a reply"), Reply::Done);
    match client.request(Command::SetLimit(None)).expect_err("a refusal") {
        ClientError::Refused(Refusal::Fault(fault)) => assert_eq!(fault.detail, "no room"),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.show().expect("an answer"), Shown::Shown);
    drop(house);
    engine.join().expect("its end");
}

#[test]
fn the_whole_snapshot_comes_over() {
    let mut strange = job("b");
    strange.files[0].folder = Path::new(OsStr::from_bytes(b"/home/\xff")).into();
    let given = Snapshot {
        limit: Rate::from_bytes_per_sec(5),
        rate_bps: 6,
        download_folder: Path::new(OsStr::from_bytes(b"/home/\xfe")).into(),
        free_bytes: Some(8),
        notices: Arc::new(vec!["Read this.".into()]),
        ..snapshot(9, &[job("a"), strange])
    };
    let (handle, _border) = border(given.clone());
    let house = house(handle);
    assert_eq!(connect(&house.places).expect("a client").jobs().expect("the jobs"), given);
}

#[test]
fn a_followed_job_is_told_of_until_it_is_gone() {
    let first = job("a");
    let other = job("b");
    let (handle, border) = border(snapshot(1, &[first.clone(), other.clone()]));
    let house = house(handle);
    let client = connect(&house.places).expect("a client");
    let mut states = Vec::new();
    let end = client
        .follow(vec![first.id], |view| {
            assert_eq!(view.job.id, first.id);
            states.push(view.job.state.clone());
            let mut changed = first.clone();
            changed.state = JobState::Suspended;
            match states.len() {
                1 => border.publish(snapshot(2, &[changed, other.clone()])),
                _ => border.publish(snapshot(3, std::slice::from_ref(&other))),
            }
            ControlFlow::Continue(())
        })
        .expect("an end");
    assert_eq!((end, states), (FollowEnd::Gone, vec![JobState::Queued, JobState::Suspended]));
}

#[test]
fn following_ends_with_the_caller_the_engine_and_the_server() {
    let one = job("a");
    let (handle, border) = border(snapshot(1, std::slice::from_ref(&one)));
    let House { places, server, _dir } = house(handle);
    let client = connect(&places).expect("a client");
    let enough = client.follow(vec![one.id], |_| ControlFlow::Break(())).expect("an end");
    assert_eq!(enough, FollowEnd::Enough);

    let mut server = Some(server);
    let closed = client.follow(vec![one.id], |_| {
        drop(server.take());
        ControlFlow::Continue(())
    });
    assert_eq!(closed.expect("an end"), FollowEnd::Stopped);

    let (handle, second) = crate::engine::border(snapshot(1, std::slice::from_ref(&one)));
    let _server = serve(claim(&places).expect("the claim"), handle, || Shown::MakesRoom).expect("a server");
    let mut second = Some(second);
    let stopped = client.follow(vec![one.id], |_| {
        drop(second.take());
        ControlFlow::Continue(())
    });
    assert_eq!(stopped.expect("an end"), FollowEnd::Stopped);
    assert_eq!(client.show().expect("an answer"), Shown::MakesRoom);
    drop(border);
}

#[test]
fn a_job_that_never_was_there_is_gone() {
    let (handle, _border) = border(Snapshot::default());
    let house = house(handle);
    let client = connect(&house.places).expect("a client");
    let end = client.follow(vec![JobId::random()], |_| ControlFlow::Continue(())).expect("an end");
    assert_eq!(end, FollowEnd::Gone);
}

#[test]
fn a_job_may_appear_a_little_later_than_its_answer() {
    let late = job("a");
    let (handle, border) = border(snapshot(1, &[]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut follow = Follow::new(handle, vec![late.id]);
        border.publish(snapshot(2, &[]));
        let (news, ()) = tokio::join!(follow.next(), async {
            tokio::task::yield_now().await;
            border.publish(snapshot(3, std::slice::from_ref(&late)));
        });
        assert!(matches!(news, Some(News::Job(view)) if view.job.id == late.id));
    });
}

#[test]
fn a_long_state_folder_is_no_obstacle() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(&dir.path().join("long".repeat(50)).join("name".repeat(50)));
    let (handle, _border) = border(Snapshot::default());
    let server = serve(claim(&places).expect("the claim"), handle, || Shown::Shown).expect("a server");
    assert_eq!(connect(&places).expect("a client").show().expect("an answer"), Shown::Shown);
    drop(server);
    assert!(!places.runtime.join("socket").exists());
}

/// What the server answers to these bytes; `None` where it only hangs up.
fn say(places: &Places, bytes: &[u8]) -> Option<String> {
    let mut stream = UnixStream::connect(places.runtime.join("socket")).expect("a connection");
    // It may hang up before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("an answer");
    (!answer.is_empty()).then_some(answer)
}

#[test]
fn what_is_not_understood_gets_a_sentence() {
    let (handle, _border) = border(Snapshot::default());
    let house = house(handle);
    let answer = say(&house.places, b"{\"version\":99,\"request\":{\"Dance\":1}}\n").expect("an answer");
    assert!(answer.contains("another version") && answer.contains("speaks 99"), "{answer}");
    let answer = say(&house.places, b"GET / HTTP/1.1\n").expect("an answer");
    assert!(answer.contains("not a request"), "{answer}");
    let answer = say(&house.places, &vec![b'x'; 17 * 1024 * 1024]).expect("an answer");
    assert!(answer.contains("at most 16.0 MiB"), "{answer}");
    connect(&house.places).expect("a client").show().expect("it still answers");
}

#[test]
fn a_request_that_is_too_long_is_not_sent() {
    let (handle, _border) = border(Snapshot::default());
    let house = house(handle);
    let huge = NewJob::of("x".repeat(17 * 1024 * 1024), "");
    let error = connect(&house.places).expect("a client").request(Command::Fetch(huge));
    assert!(matches!(error, Err(ClientError::TooMuch)), "{error:?}");
}

#[test]
fn those_who_do_not_speak_or_listen_hold_nobody_up() {
    let jobs: Vec<Job> = (0..5000).map(|number| job(&number.to_string())).collect();
    let (handle, _border) = border(snapshot(1, &jobs));
    let House { places, server, _dir } = house(handle);
    let connection = || UnixStream::connect(places.runtime.join("socket")).expect("a connection");
    let silent: Vec<_> = (0..20).map(|_| connection()).collect();
    let mut deaf = connection();
    deaf.write_all(b"{\"version\":1,\"request\":\"Jobs\"}\n").expect("a request");
    // Its answer has begun, and does not fit into the socket's buffer.
    deaf.read_exact(&mut [0; 10]).expect("the beginning");
    let client = connect(&places).expect("a client");
    assert_eq!(client.jobs().expect("the jobs").jobs.len(), 5000);
    drop(server.close().expect("the claim"));
    claim(&places).expect("the claim is free although they are still connected");
    drop((silent, deaf));
}

#[test]
fn who_waits_for_an_answer_gets_it_although_the_server_ends() {
    let (handle, mut border) = border(Snapshot::default());
    let House { places, server, _dir } = house(handle);
    let client = connect(&places).expect("a client");
    let asking = std::thread::spawn(move || client.request(Command::SetLimit(None)));
    let envelope = border.commands.blocking_recv().expect("the command");
    let (closing, begun) = sync_channel(0);
    let closed = std::thread::spawn(move || {
        closing.send(()).expect("somebody listens");
        server.close()
    });
    begun.recv().expect("it begins");
    border.answer(envelope.answer, Ok(Reply::Done));
    assert_eq!(asking.join().expect("its end").expect("a reply"), Reply::Done);
    let claim = closed.join().expect("its end").expect("the claim");
    assert!(connect(&places).is_err());
    assert!(super::claim(&places).is_err(), "closing does not release the claim");
    drop(claim);
}

#[test]
fn a_holder_that_does_not_answer_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(dir.path());
    let _claim = claim(&places).expect("the claim");
    let error = claim_or_connect_within(&places, Duration::from_millis(50)).expect_err("no answer");
    assert!(matches!(error, ReachError::NoAnswer { .. }), "{error:?}");
    let sentence = error.to_string();
    assert!(sentence.contains(&format!("process {}", std::process::id())), "{sentence}");
}

/// Starts 50 threads at once.
fn race<T: Send + 'static>(what: impl Fn() -> T + Clone + Send + 'static) -> Vec<T> {
    let start = Arc::new(Barrier::new(50));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let (start, what) = (Arc::clone(&start), what.clone());
            std::thread::spawn(move || {
                start.wait();
                what()
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().expect("its end")).collect()
}

#[test]
fn of_many_that_start_at_once_one_serves_and_all_others_find_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(&dir.path().join("state"));
    let (handle, _border) = border(Snapshot::default());
    let racing = places.clone();
    let servers = race(move || match claim_or_connect(&racing).expect("an instance") {
        Instance::Mine(claim) => Some(serve(claim, handle.clone(), || Shown::Shown).expect("a server")),
        Instance::Other(client) => {
            assert_eq!(client.show().expect("an answer"), Shown::Shown);
            None
        }
    });
    assert_eq!(servers.iter().flatten().count(), 1);
    drop(servers);
    claim(&places).expect("the claim is free again");
}

#[test]
fn many_that_only_look_have_their_turns() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::under(dir.path());
    let turns = race(move || matches!(claim_or_connect(&places), Ok(Instance::Mine(_))));
    assert_eq!(turns, vec![true; 50]);
}
