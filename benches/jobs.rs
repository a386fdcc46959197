//! What many jobs at rest cost: starting, adding, publishing, memory, “pause all”, removing and moving, from ten jobs to
//! 100,000.
//!
//! Starting, adding, removing, moving and memory are those of the program itself, `meanwhile run`, asked over its
//! socket. Publishing and “pause all” are measured inside, with an engine in this process: how long a publication took
//! the engine says itself, in an event for `tracing`.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use meanwhile::engine::{Change, Command, Engine, Handle, Places, Reply, Run, Snapshot};
use meanwhile::instance::{Client, connect};
use meanwhile::job::{Job, JobId, JobState, NewJob, To, Why};
use meanwhile::store::QueueFiles;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

#[path = "support/mod.rs"]
mod support;

use support::{Folder, MEANWHILE, Process, median, put, status, verdict, within};

const SIZES: [usize; 3] = [10, 10_000, 100_000];
/// Of adding.
const ADDS: usize = 200;
/// Of everything else that is done to one job.
const CHANGES: usize = 50;
const STARTS: usize = 3;
/// What a record of a new job has, about.
const RECORD_BYTES: usize = 400;

const GOAL_START_SECS: f64 = 1.0;
const GOAL_ADD_SECS: f64 = 0.005;
const GOAL_PUBLISH_SECS: f64 = 0.002;
const GOAL_JOB_BYTES: f64 = 1536.0;

/// How the jobs rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Queued, while everything is paused.
    Held,
    Finished,
}

fn main() {
    let folder = Folder::on_disk("jobs");
    let published = Published::default();
    let subscriber = tracing_subscriber::registry().with(published.clone());
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    println!("\nbare write and sync of {RECORD_BYTES} bytes: {:.2} ms", bare_sync(&folder) * 1e3);
    let mut met = true;
    for rest in [Rest::Held, Rest::Finished] {
        let what = match rest {
            Rest::Held => "queued, and everything is paused",
            Rest::Finished => "finished",
        };
        println!(
            "\n{what}\n{:>9}{:>10}{:>9}{:>10}{:>10}{:>9}{:>12}{:>12}{:>10}{:>13}{:>10}",
            "jobs",
            "start, s",
            "reading",
            "RSS, MiB",
            "a job, B",
            "add, ms",
            "remove, ms",
            "to top, ms",
            "most, ms",
            "publish, ms",
            "most, ms"
        );
        let mut empty_rss = None;
        for count in SIZES {
            let base = *empty_rss.get_or_insert_with(|| program(&fresh(&folder, rest, 0)).rss);
            let state = fresh(&folder, rest, count);
            let found = program(&state);
            let job_bytes = (found.rss - base) / count as f64;
            let publish = publish(&fresh(&folder, rest, count), &published);
            let most = publish.iter().copied().fold(0.0, f64::max);
            let publish = median(publish);
            println!(
                "{count:9}{:10.3}{:9.3}{:10.1}{job_bytes:10.0}{:9.2}{:12.2}{:12.2}{:10.2}{:13.3}{:10.3}",
                found.start,
                found.reading,
                found.rss / 1_048_576.0,
                found.add * 1e3,
                found.remove * 1e3,
                found.to_top * 1e3,
                found.to_top_most * 1e3,
                publish * 1e3,
                most * 1e3
            );
            if count == 100_000 {
                met &= goal("start under 1 s", found.start < GOAL_START_SECS);
                met &= goal("a job under 1.5 KiB", job_bytes < GOAL_JOB_BYTES);
                met &= goal("adding under 5 ms", found.add < GOAL_ADD_SECS);
                met &= goal("publishing under 2 ms", publish < GOAL_PUBLISH_SECS);
            }
        }
    }
    println!(
        "\n“pause all” of queued jobs\n{:>9}{:>14}{:>14}{:>18}",
        "jobs", "paused, ms", "resumed, ms", "held up, ms"
    );
    for count in SIZES {
        let (paused, resumed, held_up) = pause_all(&fresh(&folder, Rest::Held, count));
        println!("{count:9}{:14.1}{:14.1}{:18.1}", paused * 1e3, resumed * 1e3, held_up * 1e3);
    }
    println!("\nAll goals {}.", if met { "met" } else { "were not met" });
}

fn goal(what: &str, met: bool) -> bool {
    println!("  goal {what}: {}", verdict(met));
    met
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed().as_secs_f64(), done)
}

/// What the disk itself takes for it.
fn bare_sync(folder: &Folder) -> f64 {
    let mut file =
        OpenOptions::new().create(true).append(true).open(folder.path().join("bare")).expect("a file");
    let record = [b'x'; RECORD_BYTES];
    let times = (0..ADDS).map(|_| {
        timed(|| file.write_all(&record).and_then(|()| file.sync_data()).expect("room on the disk")).0
    });
    median(times.collect())
}

/// A state folder with so many jobs.
fn fresh(folder: &Folder, rest: Rest, count: usize) -> PathBuf {
    let state = folder.fresh("state");
    let jobs: Vec<Arc<Job>> = (0..count).map(|number| Arc::new(job(number, rest))).collect();
    let (mut files, _) = QueueFiles::open(&state).expect("a writable folder");
    files.next_generation(&jobs).expect("room for the list");
    let paused = rest == Rest::Held;
    let settings = format!("(\n    paused: {paused},\n    notify: false,\n)\n");
    put(&state.join("settings.ron"), settings.as_bytes());
    state
}

fn job(number: usize, rest: Rest) -> Job {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let (mut job, _) = new_job(number).into_job(JobId::random(), now).expect("a job");
    job.place = (number as u64 + 1) << 20;
    if rest == Rest::Finished {
        let file = &mut job.files[0];
        file.name = Some(format!("image-{number}.iso"));
        file.total_bytes = Some(4_700_000_000);
        file.synced = meanwhile::job::Extents::from_start(4_700_000_000);
        file.attempt = 1;
        file.resumable = Some(true);
        file.validator.etag = Some(format!("\"5f3a-{number:x}-62e1b2c3d4e5f\""));
        file.validator.last_modified = Some("Sun, 06 Nov 1994 08:49:37 GMT".into());
        file.validator.date = Some("Mon, 23 Nov 2026 06:31:00 GMT".into());
        file.finished = true;
        job.state = JobState::Acknowledged;
        job.ended_unix_secs = Some(now);
    }
    job
}

fn new_job(number: usize) -> NewJob {
    let url = format!("https://mirror{}.example.org/pub/releases/2026/image-{number}.iso", number % 50);
    NewJob { asked_by: "a measurement".into(), paused: false, ..NewJob::of(url, "/home/somebody/Downloads") }
}

/// What the program itself takes.
struct Found {
    start: f64,
    /// Of that, reading the list; measured by itself.
    reading: f64,
    rss: f64,
    add: f64,
    remove: f64,
    to_top: f64,
    to_top_most: f64,
}

fn program(state: &Path) -> Found {
    let (reading, expected) = timed(|| {
        let (_, loaded) = QueueFiles::open(state).expect("a readable folder");
        loaded.jobs.len()
    });
    let mut starts = Vec::new();
    let mut running = None;
    for _ in 0..STARTS {
        if let Some(before) = running.take() {
            end(before);
        }
        let (secs, process) = timed(|| start(state));
        starts.push(secs);
        running = Some(process);
    }
    let process = running.expect("the last one");
    let client = connect(&Places::under(state)).expect("its socket");
    // Before anybody asks for the whole list over the socket, which takes memory of its own.
    let rss = status(&format!("/proc/{}/status", process.id()), "VmRSS").expect("its memory") as f64 * 1024.0;
    let jobs = client.jobs().expect("the list").jobs;
    assert_eq!(jobs.len(), expected, "all are there");
    let middle: Vec<JobId> =
        jobs.iter().skip(jobs.len() / 3).take(2 * CHANGES).map(|view| view.job.id).collect();
    let held = NewJob { paused: true, ..new_job(0) };
    let mut added = Vec::new();
    let add = (0..ADDS).map(|number| {
        let (secs, reply) =
            ask(&client, Command::Add(vec![NewJob { name: Some(format!("{number}")), ..held.clone() }]));
        let Reply::Added(ids) = reply else { panic!("not added: {reply:?}") };
        added.extend(ids);
        secs
    });
    let add = median(add.collect());
    // Where there are few, those that were just added.
    let mut ids = middle.into_iter().chain(added);
    let mut change = |change: Change| {
        let times = (0..CHANGES).map(|_| {
            let id = ids.next().expect("enough jobs");
            ask(&client, Command::Change(vec![id], change.clone())).0
        });
        let times: Vec<f64> = times.collect();
        let most = times.iter().copied().fold(0.0, f64::max);
        (median(times), most)
    };
    let (to_top, to_top_most) = change(Change::Move(To::First));
    let (remove, _) = change(Change::Remove);
    let found = Found { start: median(starts), reading, rss, add, to_top, to_top_most, remove };
    end(process);
    found
}

/// Starts it and waits until its first snapshot is there, which is before it says that it runs.
fn start(state: &Path) -> Process {
    let mut command = Program::new(MEANWHILE);
    command.args(["run", "--state-dir"]).arg(state).env_remove("DBUS_SESSION_BUS_ADDRESS");
    let mut process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::piped()), "");
    let mut said = String::new();
    let mut err = BufReader::new(process.0.stderr.take().expect("its words"));
    err.read_line(&mut said).expect("a line");
    assert!(said.contains("is running"), "it said: {said}");
    process
}

/// Ends it as the user would.
fn end(mut process: Process) {
    let id = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw).expect("an id");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    process.0.wait().expect("its end");
}

fn ask(client: &Client, command: Command) -> (f64, Reply) {
    timed(|| client.request(command).expect("done"))
}

/// How long each publication took after one job had changed.
fn publish(state: &Path, published: &Published) -> Vec<f64> {
    let engine = Engine::start(&Places::under(state), Run::All).expect("an engine");
    let handle = engine.handle();
    let jobs = handle.snapshot().jobs.clone();
    let _ = published.take();
    for number in 0..CHANGES {
        let id = jobs[number * jobs.len() / CHANGES].job.id;
        let name = Change::SetName(format!("{number}"));
        handle.send(Command::Change(vec![id], name)).blocking_recv().expect("an answer").expect("done");
    }
    let times = published.take();
    assert!(times.len() >= CHANGES, "one each");
    engine.stop();
    times
}

/// Seconds until all views say that they are held, until none does, and the longest that another command took to be
/// answered meanwhile.
fn pause_all(state: &Path) -> (f64, f64, f64) {
    let engine = Engine::start(&Places::under(state), Run::Nothing).expect("an engine");
    let handle = engine.handle();
    let stop = AtomicBool::new(false);
    let is_held = |state: &JobState| matches!(state, JobState::Waiting(waiting) if waiting.why == Why::Held);
    let (paused, resumed, held_up) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| longest_answer(&handle, &stop));
        let resumed =
            switch(&handle, false, |snapshot| !snapshot.jobs.iter().any(|view| is_held(&view.job.state)));
        let paused =
            switch(&handle, true, |snapshot| snapshot.jobs.iter().all(|view| is_held(&view.job.state)));
        stop.store(true, Ordering::Relaxed);
        (paused, resumed, asking.join().expect("its longest"))
    });
    engine.stop();
    (paused, resumed, held_up)
}

fn switch(handle: &Handle, paused: bool, is_so: impl Fn(&Snapshot) -> bool) -> f64 {
    let began = Instant::now();
    let answer = handle.send(Command::SetPaused(paused));
    let seen = within("all views", Duration::from_mins(1), || {
        let snapshot = handle.snapshot();
        // Looking through all of them is not part of it.
        let at = began.elapsed().as_secs_f64();
        (snapshot.paused == paused && is_so(&snapshot)).then_some(at)
    });
    answer.blocking_recv().expect("an answer").expect("done");
    seen
}

/// The longest answer to a question that needs no disk.
fn longest_answer(handle: &Handle, stop: &AtomicBool) -> f64 {
    let mut longest = 0.0_f64;
    while !stop.load(Ordering::Relaxed) {
        longest = longest.max(timed(|| handle.send(Command::Settings).blocking_recv()).0);
        support::pause(Duration::from_millis(1));
    }
    longest
}

/// How long the engine says that its publications took, in seconds.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<Vec<f64>>>);

impl Published {
    fn take(&self) -> Vec<f64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: tracing::Subscriber> Layer<S> for Published {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Micros(Option<u64>);
        impl Visit for Micros {
            fn record_u64(&mut self, field: &Field, value: u64) {
                if field.name() == "published_micros" {
                    self.0 = Some(value);
                }
            }
            fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
        }
        let mut micros = Micros(None);
        event.record(&mut micros);
        if let Some(micros) = micros.0 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(micros as f64 / 1e6);
        }
    }
}
