//! What the saved list costs: reading it, a change, a new generation, from ten jobs to 100,000.
//!
//! A change must cost the same whatever the number of jobs, and a start must be over before anybody waits for it.
//! The jobs are half fetched, with names, validators and sizes: the longest lines there are in earnest.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use meanwhile::job::{Job, JobId, NewJob, Validator};
use meanwhile::store::{QueueFiles, Record};

#[path = "support/mod.rs"]
mod support;

use support::{Folder, median, verdict};

/// Reading 100,000 jobs, the list in memory included.
const GOAL_SECS: f64 = 0.7;
/// A change among 100,000 jobs against one among ten. The disk's own spread is in it.
const GOAL_RATIO: f64 = 1.5;
const SIZES: [usize; 3] = [10, 10_000, 100_000];
const LOADS: usize = 5;
/// Of each sort.
const CHANGES: usize = 101;

/// A list on disk, and what it took.
struct List {
    state: PathBuf,
    jobs: Vec<Arc<Job>>,
    files: QueueFiles,
    generation_secs: f64,
    change_secs: Vec<f64>,
    progress_secs: Vec<f64>,
}

fn main() {
    let folder = Folder::on_disk("queue");
    let mut lists = SIZES.map(|jobs| begin(folder.fresh(&jobs.to_string()), jobs));
    // In turns, so that whatever else the disk does is done to all.
    for number in 0..CHANGES {
        for list in &mut lists {
            let job = &list.jobs[number % list.jobs.len()];
            let progress = Record::Progress {
                job: job.id,
                file: 0,
                attempt: 1,
                synced: meanwhile::job::Extents::from_start(number as u64),
            };
            let change = Record::Job(Arc::clone(job));
            list.progress_secs.push(timed(|| list.files.append(&[progress]).expect("room for progress")).0);
            list.change_secs.push(timed(|| list.files.append(&[change]).expect("room for a change")).0);
        }
    }
    println!(
        "{:>9}{:>11}{:>15}{:>13}{:>15}{:>13}",
        "jobs", "file, MiB", "generation, s", "change, ms", "progress, ms", "reading, s"
    );
    let rows = lists.map(finish);
    let ([few, .., many], [.., reading]) = (rows.map(|row| row.0), rows.map(|row| row.1));
    let ratio = many / few;
    println!("\nA change among 100,000 jobs to one among ten: {ratio:.2}");
    println!("  goal under {GOAL_RATIO}: {}", verdict(ratio < GOAL_RATIO));
    println!("  goal reading 100,000 under {GOAL_SECS} s: {}\n", verdict(reading < GOAL_SECS));
    let met = ratio < GOAL_RATIO && reading < GOAL_SECS;
    println!("All goals {}.", if met { "met" } else { "were not met" });
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed().as_secs_f64(), done)
}

fn begin(state: PathBuf, count: usize) -> List {
    let jobs: Vec<Arc<Job>> = (0..count).map(|number| Arc::new(job(number))).collect();
    let (mut files, _) = QueueFiles::open(&state).expect("a writable folder");
    let (generation_secs, ()) = timed(|| files.next_generation(&jobs).expect("room for the list"));
    List { state, jobs, files, generation_secs, change_secs: Vec::new(), progress_secs: Vec::new() }
}

/// Reads a list some times and prints what it took; seconds for a change and for reading.
fn finish(list: List) -> (f64, f64) {
    let List { state, jobs, files, generation_secs, change_secs, progress_secs } = list;
    drop(files);
    let loads = (0..LOADS).map(|_| {
        let (secs, (_, loaded)) = timed(|| QueueFiles::open(&state).expect("a readable folder"));
        assert_eq!(loaded.jobs.len(), jobs.len(), "what was saved is there");
        secs
    });
    let (load, change, progress) = (median(loads.collect()), median(change_secs), median(progress_secs));
    let sizes =
        ["queue0.ron", "queue1.ron"].map(|name| state.join(name).metadata().map_or(0, |file| file.len()));
    let mib = sizes.into_iter().max().unwrap_or(0) as f64 / 1_048_576.0;
    println!(
        "{:9}{mib:11.1}{generation_secs:15.3}{:13.3}{:15.3}{load:13.3}",
        jobs.len(),
        change * 1e3,
        progress * 1e3
    );
    (change, load)
}

fn job(number: usize) -> Job {
    let url = format!("https://mirror{}.example.org/pub/releases/2026/image-{number}.iso", number % 50);
    let new = NewJob::of(url, "/home/somebody/Downloads");
    let (mut job, _) = new.into_job(JobId::random(), 1_795_409_084).expect("a job");
    job.place = (number as u64 + 1) << 20;
    let file = &mut job.files[0];
    file.name = Some(format!("image-{number}.iso"));
    file.part = Some(format!("image-{number}.iso.part"));
    file.total_bytes = Some(4_700_000_000);
    file.synced = meanwhile::job::Extents::from_start(1_234_567_890);
    file.attempt = 1;
    file.resumable = Some(true);
    file.validator = Validator {
        etag: Some(format!("\"5f3a-{number:x}-62e1b2c3d4e5f\"")),
        last_modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
        date: Some("Mon, 23 Nov 2026 06:31:00 GMT".into()),
        digest: None,
    };
    job
}
