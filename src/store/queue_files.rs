//! The queue on disk: a pair of files, `queue0.ron` and `queue1.ron`, as BITS had qmgr0.dat and qmgr1.dat.
//!
//! Each file is one *generation* of the queue: all jobs as they were when it was begun, then every change
//! since, one record a line (`lines.rs`, `record.rs`). A change is appended and synced, so it costs the same whatever
//! the number of jobs. When the changes outgrow the jobs, the next generation is written whole into the *other* file;
//! one of the two is therefore always whole, whatever crashes. Starting goes on with the newest one as it is; what
//! happens if it is damaged is told in `pair.rs`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::findings::{Condition, FileFinding, Findings};
use super::pair::{Pair, Plan, holds, is_expendable, path_of};
use super::record::{Record, VERSION};
use super::{StoreError, atomic, lines};
use crate::job::Job;

/// A new generation is begun when the changes are larger than the jobs and than this, in bytes.
const LEAST_CHANGES: u64 = 1 << 20;

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
    slot: usize,
    generation: u64,
    current: File,
    /// Bytes of the current file.
    bytes: u64,
    /// How many of them are the jobs it began with.
    jobs_bytes: u64,
    /// Whether a failed append may have left half a line at the end.
    torn: bool,
    /// Whether a next generation may be on disk that was not begun: then nothing that is added here would count.
    unsure: bool,
}

impl QueueFiles {
    /// Reads the queue and goes on with it; what is damaged is set aside, and what is left of it becomes a new
    /// generation.
    ///
    /// # Errors
    /// [`StoreError`]: the files cannot be read or written, or belong to a newer version. Nothing is changed then.
    pub fn open(folder: &Path) -> Result<(Self, Loaded), StoreError> {
        let (files, jobs, findings) = Self::settle(folder, Pair::read(folder, false)?)?;
        Ok((files, Loaded { jobs, notices: findings.notices() }))
    }

    /// Does what the pair needs.
    pub(super) fn settle(folder: &Path, pair: Pair) -> Result<(Self, Vec<Arc<Job>>, Findings), StoreError> {
        let Pair { jobs, rescued, plan, mut files } = pair;
        let is_lost = |file: &FileFinding| matches!(file.condition, Condition::Damaged | Condition::Foreign);
        for (_, file) in files.iter_mut().filter(|(_, file)| is_lost(file)) {
            file.set_aside = Some(atomic::set_aside(&file.path)?);
        }
        let (in_force, written) = match plan {
            Plan::BeginFirst => (Self::begin(folder, 1, 1, &jobs)?, None),
            Plan::Keep { slot, number, bytes, jobs_bytes, torn } => {
                let current = open_current(&path_of(folder, slot))?;
                if torn {
                    let path = path_of(folder, slot);
                    current.set_len(bytes as u64).map_err(StoreError::io("write", &path))?;
                }
                let files = Self {
                    folder: folder.to_owned(),
                    slot,
                    generation: number,
                    current,
                    bytes: bytes as u64,
                    jobs_bytes: jobs_bytes as u64,
                    torn: false,
                    unsure: false,
                };
                (files, None)
            }
            Plan::Write { slot, number } => (Self::begin(folder, slot, number, &jobs)?, Some(number)),
        };
        // Kept under another name by now; under its own it would be found again at every start.
        for (_, file) in files.iter().filter(|(slot, file)| *slot != in_force.slot && is_lost(file)) {
            atomic::remove(&file.path)?;
        }
        let files = files.into_iter().map(|(_, file)| file).collect();
        let findings = Findings { files, jobs: jobs.len(), rescued, written, reset: false };
        Ok((in_force, jobs, findings))
    }

    /// Adds changes. They are on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; none of them counts as made then.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let path = path_of(&self.folder, self.slot);
        if self.unsure {
            let why = io::Error::other("the folder does not say whether the last copy of the list was saved");
            return Err(StoreError::io("write", &path)(why));
        }
        let mut text = String::new();
        if self.torn {
            // Ends the half line, so that it is one damaged line and not a damaged start of ours.
            text.push('\n');
        }
        for record in records {
            lines::push(&mut text, record)?;
        }
        let written = self.current.write_all(text.as_bytes()).and_then(|()| self.current.sync_data());
        if let Err(error) = written {
            // What does not count must not be found at the next start.
            self.torn = self.current.set_len(self.bytes).is_err();
            return Err(StoreError::io("write", &path)(error));
        }
        self.torn = false;
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Whether it is time for [`QueueFiles::next_generation`].
    #[must_use]
    pub fn is_next_generation_due(&self) -> bool {
        self.unsure || self.bytes - self.jobs_bytes > self.jobs_bytes.max(LEAST_CHANGES)
    }

    /// Writes all jobs, as they are now, into the other file and goes on there.
    ///
    /// # Errors
    /// [`StoreError`]; the current file is then still the one.
    pub fn next_generation(&mut self, jobs: &[Arc<Job>]) -> Result<(), StoreError> {
        let (slot, number) = (1 - self.slot, self.generation.saturating_add(1));
        match Self::begin(&self.folder, slot, number, jobs) {
            Ok(next) => {
                self.unsure = false;
                // Only tells who finds the next one damaged that this one is not the newest.
                if let Err(error) = self.append(&[Record::Closed]) {
                    tracing::warn!(%error, "the old copy of the list could not be closed");
                }
                *self = next;
                Ok(())
            }
            Err(error) => {
                self.unsure |= holds(&path_of(&self.folder, slot), number);
                Err(error)
            }
        }
    }

    fn begin(folder: &Path, slot: usize, generation: u64, jobs: &[Arc<Job>]) -> Result<Self, StoreError> {
        let mut text = String::new();
        lines::push(&mut text, &Record::Queue { version: VERSION, generation })?;
        for job in jobs {
            lines::push(&mut text, &Record::Job(Arc::clone(job)))?;
        }
        lines::push(&mut text, &Record::Whole { jobs: jobs.len(), generation })?;
        let path = path_of(folder, slot);
        if path.symlink_metadata().is_ok() && !is_expendable(&path) {
            atomic::set_aside(&path)?;
        }
        atomic::write_atomically(&path, text.as_bytes())?;
        Ok(Self {
            folder: folder.to_owned(),
            slot,
            generation,
            current: open_current(&path)?,
            bytes: text.len() as u64,
            jobs_bytes: text.len() as u64,
            torn: false,
            unsure: false,
        })
    }
}

fn open_current(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().append(true).open(path).map_err(StoreError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, NewJob};

    #[test]
    fn a_change_that_could_not_be_saved_is_not_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        let jobs = [0, 1].map(|number| {
            let new = NewJob::of(format!("https://example.org/{number}"), "/srv");
            Arc::new(new.into_job(JobId::random(), number).unwrap().0)
        });
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let current = std::mem::replace(&mut files.current, full);
        let refused = files.append(&[Record::Job(Arc::clone(&jobs[0]))]).unwrap_err().to_string();
        assert!(refused.contains("the disk is full") && refused.contains("free some space"), "{refused}");
        files.current = current;
        files.append(&[Record::Job(Arc::clone(&jobs[1]))]).unwrap();
        let (_, loaded) = QueueFiles::open(folder.path()).unwrap();
        assert_eq!(loaded, Loaded { jobs: vec![Arc::clone(&jobs[1])], notices: vec![] });
    }

    #[test]
    fn where_a_generation_may_or_may_not_be_on_disk_no_change_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = QueueFiles::open(folder.path()).unwrap();
        files.unsure = true;
        assert!(files.append(&[Record::Closed]).is_err());
        assert!(files.is_next_generation_due());
        files.next_generation(&[]).unwrap();
        assert!(!files.is_next_generation_due());
        files.append(&[Record::Gone(JobId::random())]).unwrap();
    }
}
