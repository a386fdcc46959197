//! The list on disk as a whole: kept, cut short, damaged, replaced by something else.

mod damage;
mod pair;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::job::{Extents, Job, JobId, NewJob, Validator};

/// A folder where a sync costs nothing: what is tested is not the disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A job under way.
fn job(number: u64) -> Arc<Job> {
    let new = NewJob::of(format!("https://example.org/{number}.iso"), "/srv");
    let (mut job, _) = new.into_job(JobId::random(), 1).unwrap();
    job.place = number << 20;
    let file = &mut job.files[0];
    file.name = Some(format!("{number}.iso"));
    file.part = Some(format!("{number}.iso.part"));
    file.total_bytes = Some(1 << 30);
    file.validator = Validator { etag: Some(format!("\"{number}\"")), ..Validator::default() };
    Arc::new(job)
}

fn saved(job: &Arc<Job>) -> Record {
    Record::Job(Arc::clone(job))
}

fn progress(job: &Arc<Job>, attempt: u32, synced_bytes: u64) -> Record {
    Record::Progress { job: job.id, file: 0, attempt, synced: Extents::from_start(synced_bytes) }
}

fn open(folder: &Path) -> (QueueFiles, Loaded) {
    QueueFiles::open(folder).unwrap()
}

fn reopen(folder: &Path) -> Loaded {
    open(folder).1
}

fn queue(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("queue{slot}.ron"))
}

/// All files of a folder with what is in them.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut contents: Vec<_> = files
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    contents.sort();
    contents
}

/// Writes a file without ceremony.
fn put(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::File::create(path).unwrap().write_all(bytes).unwrap();
}

/// Changes one place of a file's text.
fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    put(path, text.replacen(from, to, 1).as_bytes());
}
