//! The queue on disk: a pair of files, `queue0.ron` and `queue1.ron`, as BITS had qmgr0.dat and qmgr1.dat.
//!
//! Each file is one *generation* of the queue: all jobs as they were when it was begun, then every change
//! since, one record a line. A change is appended and synced, so it costs the same whatever the number of
//! jobs. When the changes outgrow the jobs, the next generation is written whole into the *other* file; one
//! of the two is therefore always whole, whatever crashes.
//!
//! A line is the CRC-32 of a record in eight hexadecimal digits, a space, the record in RON. A line that was
//! cut short by a crash was never acknowledged and is dropped; a line damaged later is skipped, and the file
//! is set aside for whoever wants to look.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::atomic::{set_aside, write_atomically};
use crate::job::{Job, JobId};

/// The version of the format this program writes, and the newest it reads.
const VERSION: u32 = 1;

/// A new generation is begun when the changes are larger than the jobs and than this, in bytes.
const LEAST_CHANGES: u64 = 1 << 20;

/// One line of a queue file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The first line.
    Queue {
        /// Of the format.
        version: u32,
        /// Counts up; the higher one is the current one.
        generation: u64,
    },
    /// A job as it is from here on; a new one goes to the end of the list.
    Job(Arc<Job>),
    /// So many bytes of a file of a job are on disk.
    Progress {
        /// Which job.
        job: JobId,
        /// Which of its files.
        file: usize,
        /// How many bytes from its start.
        synced_bytes: u64,
    },
    /// The job is off the list.
    Gone(JobId),
    /// The generation is whole: that many jobs stand above this line. Without it, it was never begun.
    Whole {
        /// How many.
        jobs: usize,
    },
}

/// What was found on disk.
#[derive(Debug, Default, PartialEq)]
pub struct Loaded {
    /// The jobs, in the user's order.
    pub jobs: Vec<Arc<Job>>,
    /// Sentences about what was damaged and what was done about it.
    pub notices: Vec<String>,
}

/// The pair of files, open for changes. Whoever opens them has claimed the folder.
#[derive(Debug)]
pub struct QueueFiles {
    folder: PathBuf,
    generation: u64,
    current: File,
    /// Bytes of the current file that are the jobs it began with.
    jobs_bytes: u64,
    /// Bytes of the current file that are changes.
    changes_bytes: u64,
    /// Whether a failed append may have left half a line at the end.
    torn: bool,
}

impl QueueFiles {
    /// Reads the queue, sets aside what is damaged, and begins a new generation.
    ///
    /// # Errors
    /// [`StoreError`]: the files cannot be read or written, or belong to a newer version.
    pub fn open(folder: &Path) -> Result<(Self, Loaded), StoreError> {
        let mut loaded = Loaded::default();
        let mut best: Option<Generation> = None;
        for number in 0..2 {
            let path = path_of(folder, number);
            let Some(text) = read_if_there(&path)? else { continue };
            let found = Generation::read(&text, &path)?;
            if found.damaged_lines > 0 {
                let aside = set_aside(&path)?;
                loaded.notices.push(format!(
                    "{} of the saved downloads' records were damaged and are left out; the damaged file is kept as {}.",
                    found.damaged_lines,
                    aside.display()
                ));
            }
            let rank = |generation: &Generation| (generation.whole, generation.number);
            if best.as_ref().is_none_or(|best| rank(best) < rank(&found)) {
                best = Some(found);
            }
        }
        let best = best.unwrap_or_default();
        if !best.whole && best.number > 0 {
            let aside = set_aside(&path_of(folder, best.number))?;
            loaded.notices.push(format!(
                "The saved downloads were cut short, so some may be missing; what was there is kept as {}.",
                aside.display()
            ));
        }
        loaded.jobs = best.jobs;
        let files = Self::begin(folder, best.number + 1, &loaded.jobs)?;
        Ok((files, loaded))
    }

    /// Adds changes. They are on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; none of them counts as made then.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut lines = String::new();
        if self.torn {
            // Ends the half line, so that it is one damaged line and not a damaged start of ours.
            lines.push('\n');
        }
        for record in records {
            push_line(&mut lines, record)?;
        }
        self.torn = true;
        let path = path_of(&self.folder, self.generation);
        self.current.write_all(lines.as_bytes()).map_err(StoreError::io("write", &path))?;
        self.current.sync_data().map_err(StoreError::io("write", &path))?;
        self.torn = false;
        self.changes_bytes += lines.len() as u64;
        Ok(())
    }

    /// Whether it is time for [`QueueFiles::next_generation`].
    #[must_use]
    pub fn is_next_generation_due(&self) -> bool {
        self.changes_bytes > self.jobs_bytes.max(LEAST_CHANGES)
    }

    /// Writes all jobs, as they are now, into the other file and goes on there.
    ///
    /// # Errors
    /// [`StoreError`]; the current file is then still the one.
    pub fn next_generation(&mut self, jobs: &[Arc<Job>]) -> Result<(), StoreError> {
        *self = Self::begin(&self.folder, self.generation + 1, jobs)?;
        Ok(())
    }

    fn begin(folder: &Path, generation: u64, jobs: &[Arc<Job>]) -> Result<Self, StoreError> {
        let mut text = String::new();
        push_line(&mut text, &Record::Queue { version: VERSION, generation })?;
        for job in jobs {
            push_line(&mut text, &Record::Job(Arc::clone(job)))?;
        }
        push_line(&mut text, &Record::Whole { jobs: jobs.len() })?;
        let path = path_of(folder, generation);
        write_atomically(&path, text.as_bytes())?;
        let current = OpenOptions::new()
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("write", &path))?;
        Ok(Self {
            folder: folder.to_owned(),
            generation,
            current,
            jobs_bytes: text.len() as u64,
            changes_bytes: 0,
            torn: false,
        })
    }
}

/// One file as it was read.
#[derive(Default)]
struct Generation {
    number: u64,
    whole: bool,
    damaged_lines: usize,
    jobs: Vec<Arc<Job>>,
}

impl Generation {
    fn read(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let mut positions = std::collections::HashMap::<JobId, usize>::new();
        let mut slots: Vec<Option<Arc<Job>>> = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            match read_line(line) {
                Some(Record::Queue { version, .. }) if version > VERSION => {
                    return Err(StoreError::Newer { path: path.to_owned() });
                }
                Some(Record::Queue { generation, .. }) => found.number = generation,
                Some(Record::Whole { .. }) => found.whole = true,
                Some(Record::Job(job)) => {
                    let slot = *positions.entry(job.id).or_insert_with(|| {
                        slots.push(None);
                        slots.len() - 1
                    });
                    slots[slot] = Some(job);
                }
                Some(Record::Progress { job, file, synced_bytes }) => {
                    let slot = positions.get(&job).and_then(|slot| slots[*slot].as_mut());
                    if let Some(file) = slot.and_then(|job| Arc::make_mut(job).files.get_mut(file)) {
                        file.synced_bytes = synced_bytes;
                    }
                }
                Some(Record::Gone(id)) => {
                    if let Some(slot) = positions.remove(&id) {
                        slots[slot] = None;
                    }
                }
                None => found.damaged_lines += 1,
            }
        }
        found.jobs = slots.into_iter().flatten().collect();
        Ok(found)
    }
}

fn path_of(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("queue{}.ron", generation % 2))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

fn push_line(text: &mut String, record: &Record) -> Result<(), StoreError> {
    use std::fmt::Write as _;
    let ron = ron::to_string(record)?;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:08x} {ron}", crc32fast::hash(ron.as_bytes()));
    Ok(())
}

fn read_line(line: &[u8]) -> Option<Record> {
    let (sum, ron) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    (crc32fast::hash(ron) == sum).then(|| ron::de::from_bytes(ron).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobState, NewJob};

    fn job(url: &str) -> Arc<Job> {
        let new = NewJob::of(url, "/tmp");
        Arc::new(new.into_job(JobId::random(), 0).unwrap().0)
    }

    fn reopen(folder: &Path) -> Loaded {
        QueueFiles::open(folder).unwrap().1
    }

    #[test]
    fn what_was_appended_is_there_again_in_the_users_order() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, loaded) = QueueFiles::open(folder.path()).unwrap();
        assert_eq!(loaded, Loaded::default());
        let jobs = [job("http://a.org/1"), job("http://a.org/2"), job("http://a.org/3")];
        for job in &jobs {
            files.append(&[Record::Job(Arc::clone(job))]).unwrap();
        }
        let mut first = Job::clone(&jobs[0]);
        first.state = JobState::Suspended;
        files.append(&[Record::Job(Arc::new(first.clone())), Record::Gone(jobs[1].id)]).unwrap();
        files.append(&[Record::Progress { job: first.id, file: 0, synced_bytes: 7 }]).unwrap();
        first.files[0].synced_bytes = 7;
        for _ in 0..3 {
            let loaded = reopen(folder.path());
            assert_eq!(loaded.jobs, [Arc::new(first.clone()), Arc::clone(&jobs[2])]);
            assert_eq!(loaded.notices, Vec::<String>::new());
        }
    }

    #[test]
    fn cut_short_anywhere_nothing_acknowledged_before_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        let path = path_of(folder.path(), files.generation);
        let jobs = [job("http://a.org/1"), job("http://a.org/2")];
        files.append(&[Record::Job(Arc::clone(&jobs[0]))]).unwrap();
        let acknowledged = path.metadata().unwrap().len();
        files.append(&[Record::Job(Arc::clone(&jobs[1]))]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in acknowledged..whole.len() as u64 {
            let elsewhere = tempfile::tempdir().unwrap();
            write_atomically(&path_of(elsewhere.path(), 1), &whole[..cut as usize]).unwrap();
            let loaded = reopen(elsewhere.path());
            assert_eq!(loaded.jobs, [Arc::clone(&jobs[0])], "cut at {cut}");
            assert_eq!(loaded.notices, Vec::<String>::new());
        }
    }

    #[test]
    fn a_generation_that_was_never_finished_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        let job = job("http://a.org/1");
        files.append(&[Record::Job(Arc::clone(&job))]).unwrap();
        let mut half = String::new();
        push_line(&mut half, &Record::Queue { version: VERSION, generation: files.generation + 1 }).unwrap();
        write_atomically(&path_of(folder.path(), files.generation + 1), half.as_bytes()).unwrap();
        assert_eq!(reopen(folder.path()).jobs, [job]);
    }

    #[test]
    fn a_damaged_line_is_skipped_and_the_file_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        let jobs = [job("http://a.org/1"), job("http://a.org/2")];
        files.append(&[Record::Job(Arc::clone(&jobs[0])), Record::Job(Arc::clone(&jobs[1]))]).unwrap();
        let path = path_of(folder.path(), files.generation);
        let damaged = std::fs::read_to_string(&path).unwrap().replace("a.org/1", "b.org/1");
        write_atomically(&path, damaged.as_bytes()).unwrap();
        let loaded = reopen(folder.path());
        assert_eq!(loaded.jobs, [Arc::clone(&jobs[1])]);
        assert_eq!(loaded.notices.len(), 1);
        let aside = folder.path().join("queue1.ron.damaged-1");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), damaged);
    }

    #[test]
    fn a_newer_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        push_line(&mut text, &Record::Queue { version: VERSION + 1, generation: 1 }).unwrap();
        write_atomically(&path_of(folder.path(), 1), text.as_bytes()).unwrap();
        assert!(matches!(QueueFiles::open(folder.path()), Err(StoreError::Newer { .. })));
    }

    #[test]
    fn many_changes_begin_a_new_generation() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        let job = job("http://a.org/1");
        let progress: Vec<Record> =
            (0..1000).map(|synced_bytes| Record::Progress { job: job.id, file: 0, synced_bytes }).collect();
        files.append(&[Record::Job(Arc::clone(&job))]).unwrap();
        let mut appended = 0;
        while !files.is_next_generation_due() {
            files.append(&progress).unwrap();
            appended += 1;
        }
        assert!(appended > 5);
        files.next_generation(std::slice::from_ref(&job)).unwrap();
        assert!(!files.is_next_generation_due());
        assert_eq!(reopen(folder.path()).jobs, [job]);
    }

    /// Frozen: this text was written by version 1 and must be read by every later one.
    #[test]
    fn version_1_is_read() {
        let frozen = include_bytes!("../../tests/frozen/queue-version-1.ron");
        let folder = tempfile::tempdir().unwrap();
        write_atomically(&path_of(folder.path(), 1), frozen).unwrap();
        let loaded = reopen(folder.path());
        assert_eq!(loaded.notices, Vec::<String>::new());
        assert_eq!(loaded.jobs.len(), 2);
        assert_eq!(loaded.jobs[0].files[0].synced_bytes, 4096);
        assert_eq!(loaded.jobs[1].name.as_deref(), Some("a \"name\"\nof two lines"));
    }
}
