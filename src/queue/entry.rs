//! A job in the queue, with what is only known while the program runs.

use std::sync::Arc;
use std::time::Duration;

use crate::job::{Job, JobId, Priority};

/// Where a job stands in line: level, round, whether it has its turn, the user's order.
pub(super) type LineKey = (Priority, u64, Has, u64, JobId);

/// Whether a job in line has its turn. Within a round they come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Has {
    /// It has, and keeps it.
    Turn,
    /// It has not.
    NoTurn,
    /// It has, and its slice is used up: those that wait come first.
    UsedUp,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) job: Arc<Job>,
    /// Whether it was asked for since the program started.
    pub(super) asked: bool,
    pub(super) in_line: Option<LineKey>,
    /// Whether it counts as one that goes on without the user.
    pub(super) goes_on: bool,
    /// Counts its slices; the lower is served first. See `turns`.
    pub(super) round: u64,
    /// Whether its slice is used up, and it is not yet decided who goes on.
    pub(super) is_used_up: bool,
    /// How much of its slice is used up.
    pub(super) used: Duration,
    /// Since when it has its turn.
    pub(super) turn_since: Option<Duration>,
    /// How long it was at work before `turn_since`.
    pub(super) active: Duration,
    /// How long it has been tried without progress before `stuck_since`; `None` where the last thing that happened was
    /// progress.
    pub(super) stuck: Option<Duration>,
    pub(super) stuck_since: Option<Duration>,
    /// When its waiting files are tried again.
    pub(super) retries: Vec<(usize, Duration)>,
    pub(super) timer: Option<Duration>,
    /// Its files that are being fetched.
    pub(super) running: Vec<usize>,
    /// Its files whose transfer was told to stop and has not ended yet.
    pub(super) stopping: Vec<usize>,
}

impl Entry {
    pub(super) fn new(job: Arc<Job>, asked: bool) -> Self {
        let has_stuck = job.stuck_secs > 0 || job.faults_in_a_row() > 0;
        Self {
            active: Duration::from_secs(job.active_secs),
            stuck: has_stuck.then(|| Duration::from_secs(job.stuck_secs)),
            job,
            asked,
            in_line: None,
            goes_on: false,
            round: 0,
            is_used_up: false,
            used: Duration::ZERO,
            turn_since: None,
            stuck_since: None,
            retries: Vec::new(),
            timer: None,
            running: Vec::new(),
            stopping: Vec::new(),
        }
    }

    pub(super) fn job_mut(&mut self) -> &mut Job {
        Arc::make_mut(&mut self.job)
    }

    /// Whether any of its files is open.
    pub(super) fn has_runs(&self) -> bool {
        !self.running.is_empty() || !self.stopping.is_empty()
    }
}
