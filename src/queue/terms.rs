//! What the queue works by, and what it says: the time, its rules, its effects, its refusals.

use std::path::PathBuf;
use std::time::Duration;

use super::Limits;
use crate::job::{JobId, LogEntry};

/// The time, twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since the program started; nobody can set this clock. All delays and limits are measured by it.
    pub monotonic: Duration,
    /// Seconds since 1970; for what people read.
    pub unix_secs: u64,
}

/// The numbers the queue works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How much may run at once.
    pub limits: Limits,
    /// How long a background job may run while another of its level waits.
    pub slice: Duration,
    /// The longest delay between two tries.
    pub longest_retry: Duration,
    /// How long a job may be tried without a byte of progress (BITS: NoProgressTimeout); zero makes every fault final.
    pub no_progress: Duration,
    /// How long a job may be at work in all (BITS: MaximumDownloadTime).
    pub longest_active: Duration,
    /// Whether the user is told of jobs that have come to their end.
    pub tell: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limits: Limits { background_jobs: 3, per_host: 4 },
            slice: Duration::from_mins(5),
            longest_retry: Duration::from_mins(10),
            no_progress: Duration::from_hours(14 * 24),
            longest_active: Duration::from_hours(90 * 24),
            tell: false,
        }
    }
}

/// Which jobs are transferred at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// All that may run.
    All,
    /// Only those that were added, fetched or resumed since the program started.
    Asked,
    /// None: only the books are kept.
    Nothing,
}

/// What is to be done in the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Begin to transfer a file.
    Start(JobId, usize),
    /// Tell the transfer of a file to stop; its end is expected.
    Stop(JobId, usize),
    /// Something is to be seen that need not be saved.
    Changed(JobId),
    /// The job's record is to be saved.
    Save(JobId),
    /// The record of one file of a job is to be saved: nothing else of the job has changed.
    SaveFile(JobId, usize),
    /// The job is off the list.
    Gone(JobId),
    /// Delete these unfinished files of a job; its end is expected.
    Delete(JobId, Vec<PathBuf>),
    /// Write this into the log.
    Log(LogEntry),
    /// The job has come to its end without the user: it is whole, or it failed.
    Ended(JobId),
}

/// Why the queue does not do what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such job.
    NoSuchJob,
    /// The job's state does not allow it.
    WrongState,
    /// The job has no file of that number, or it is finished.
    NoSuchFile,
    /// It is the last file of the job.
    LastFile,
}
