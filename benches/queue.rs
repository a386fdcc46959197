//! What the saved list costs: reading it, a change, a new generation, from ten jobs to 100,000.
//!
//! A change must cost the same whatever the number of jobs, and a start must be over before anybody waits for it.
//! The jobs are half fetched, with names, validators and sizes: the longest lines there are in earnest.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::Path;
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
const CHANGES: usize = 101;

struct Row {
    file_mib: f64,
    generation: f64,
    load: f64,
    change: f64,
}

fn main() {
    let folder = Folder::on_disk("queue");
    println!(
        "{:>9}{:>11}{:>14}{:>12}{:>13}",
        "jobs", "file, MiB", "generation, s", "reading, s", "change, ms"
    );
    let rows = SIZES.map(|jobs| {
        let row = measure(&folder.fresh("state"), jobs);
        println!(
            "{jobs:9}{:11.1}{:14.3}{:12.3}{:13.3}",
            row.file_mib,
            row.generation,
            row.load,
            row.change * 1e3
        );
        row
    });
    let [few, _, many] = rows;
    let ratio = many.change / few.change;
    println!("\nA change among 100,000 jobs to one among ten: {ratio:.2}");
    println!("  goal under {GOAL_RATIO}: {}", verdict(ratio < GOAL_RATIO));
    println!("  goal reading 100,000 under {GOAL_SECS} s: {}\n", verdict(many.load < GOAL_SECS));
    let met = ratio < GOAL_RATIO && many.load < GOAL_SECS;
    println!("All goals {}.", if met { "met" } else { "were not met" });
}

fn measure(state: &Path, count: usize) -> Row {
    let jobs: Vec<Arc<Job>> = (0..count).map(|number| Arc::new(job(number))).collect();
    let (mut files, _) = QueueFiles::open(state).expect("a writable folder");
    let began = Instant::now();
    files.next_generation(&jobs).expect("room for the list");
    let generation = began.elapsed().as_secs_f64();
    let changes = (0..CHANGES).map(|number| {
        let change = [Record::Job(Arc::clone(&jobs[number % count]))];
        let began = Instant::now();
        files.append(&change).expect("room for a change");
        began.elapsed().as_secs_f64()
    });
    let change = median(changes.collect());
    drop(files);
    let loads = (0..LOADS).map(|_| {
        let began = Instant::now();
        let (_, loaded) = QueueFiles::open(state).expect("a readable folder");
        let took = began.elapsed().as_secs_f64();
        assert_eq!(loaded.jobs, jobs, "what was saved is there");
        took
    });
    let load = median(loads.collect());
    let file_bytes = ["queue0.ron", "queue1.ron"]
        .map(|name| state.join(name).metadata().map_or(0, |file| file.len()))
        .into_iter()
        .max()
        .unwrap_or(0);
    Row { file_mib: file_bytes as f64 / 1_048_576.0, generation, load, change }
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
    file.synced_bytes = 1_234_567_890;
    file.resumable = Some(true);
    file.validator = Validator {
        etag: Some(format!("\"5f3a-{number:x}-62e1b2c3d4e5f\"")),
        last_modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
        date: Some("Mon, 23 Nov 2026 06:31:00 GMT".into()),
    };
    job
}
