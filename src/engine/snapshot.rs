//! What comes out of the engine: how things stand at one moment.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use imbl::Vector;
use serde::{Deserialize, Serialize};

use crate::idle::LinkView;
use crate::job::{Job, JobId, Orphan, Rate, Waiting};
use crate::queue::WhichCap;
use crate::store::Theme;

/// Seconds between two samples of a speed graph.
pub const SAMPLE_SECS: f32 = 0.5;

/// How many samples a speed graph keeps: ten minutes.
pub const SAMPLES: usize = 1200;

/// How things stand. What has not changed since the last one is shared with it, so a snapshot of many
/// resting jobs costs little.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all mixtures of them occur"
)]
pub struct Snapshot {
    /// Counts up; two with the same number are the same.
    pub number: u64,
    /// All jobs, in the user's order.
    pub jobs: Vector<Arc<JobView>>,
    /// Bytes per second arriving now, all jobs together.
    pub rate_bps: u64,
    /// The link, and what the governor makes of it.
    pub link: Arc<LinkView>,
    /// The cap over all jobs.
    pub limit: Option<Rate>,
    /// Whether everything is held: "pause all".
    pub paused: bool,
    /// Whether the slow cap holds.
    pub slow: bool,
    /// Whether there is something to do, now or later, without the user.
    pub busy: bool,
    /// Whether somebody may yet click on a notice of the desktop.
    pub lingers: bool,
    /// What keeps all background jobs waiting, if anything does.
    pub waiting: Option<Waiting>,
    /// Unfinished files without a job that were found when the program started.
    pub orphans: Arc<Vec<Orphan>>,
    /// Whether the window is light or dark.
    pub theme: Theme,
    /// Where new downloads go unless told otherwise.
    pub download_folder: PathBuf,
    /// Bytes free there; `None` where that is not known.
    pub free_bytes: Option<u64>,
    /// Sentences the user should read: what starting found damaged, what cannot be saved.
    pub notices: Arc<Vec<String>>,
}

impl Snapshot {
    /// Whether it shows the same as another apart from the jobs, whatever their numbers. Lists are compared by
    /// identity: the engine shares those that have not changed.
    #[must_use]
    pub(super) fn is_same_but_for_jobs(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.notices, &other.notices)
            && self.rate_bps == other.rate_bps
            && Arc::ptr_eq(&self.link, &other.link)
            && self.limit == other.limit
            && self.paused == other.paused
            && self.slow == other.slow
            && self.busy == other.busy
            && self.lingers == other.lingers
            && self.waiting == other.waiting
            && Arc::ptr_eq(&self.orphans, &other.orphans)
            && self.theme == other.theme
            && self.download_folder == other.download_folder
            && self.free_bytes == other.free_bytes
    }

    /// The job with that id.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Arc<JobView>> {
        self.jobs.iter().find(|view| view.job.id == id)
    }
}

/// One job as it stands: what is on disk about it, and what is only known while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// The job itself.
    pub job: Arc<Job>,
    /// Bytes that have arrived, over all files; some may not be on disk yet.
    pub done_bytes: u64,
    /// Bytes per second arriving now.
    pub rate_bps: u64,
    /// Seconds until it is finished, at the speed of the last while; `None` where that cannot be said.
    pub left_secs: Option<u64>,
    /// Its files that are being fetched, by their numbers from 0.
    pub running: Vec<usize>,
    /// Bytes of a whole file that were read again to verify it; 0 while nothing is verified.
    #[serde(default)]
    pub verified_bytes: u64,
    /// What connections are fetching of its files.
    #[serde(default)]
    pub fetching: Vec<Fetching>,
    /// The cap that holds it, while it runs.
    pub cap: Option<CapView>,
    /// Whether nothing has happened to it for long (bits.md 4.1, JobInactivityTimeout; here it is only flagged).
    pub stale: bool,
    /// How many entries the log has had of it since the program started: when it grows, there is something to read.
    pub log_entries: u64,
    /// Its speed over time, oldest first; empty for a job that has not run since the program started.
    #[serde(skip, default = "no_history")]
    pub history: Arc<Vec<RateSample>>,
}

impl JobView {
    /// A job at rest.
    #[must_use]
    pub fn resting(job: Arc<Job>) -> Self {
        Self {
            done_bytes: job.synced_bytes(),
            job,
            rate_bps: 0,
            left_secs: None,
            running: Vec::new(),
            verified_bytes: 0,
            fetching: Vec::new(),
            cap: None,
            stale: false,
            log_entries: 0,
            history: Arc::clone(&NO_HISTORY),
        }
    }

    /// The same with the speed it has had.
    #[must_use]
    pub(super) fn with_history(self, history: Option<&Arc<Vec<RateSample>>>) -> Self {
        Self { history: Arc::clone(history.unwrap_or(&NO_HISTORY)), ..self }
    }

    /// How much of a whole file is verified, from 0 to 1, while that goes on and nothing is fetched beside it.
    #[must_use]
    pub fn verifying(&self) -> Option<f32> {
        let [running] = self.running.as_slice() else { return None };
        let total = self.job.files.get(*running)?.total_bytes?;
        (self.verified_bytes > 0).then(|| (self.verified_bytes as f64 / total as f64).min(1.0) as f32)
    }

    /// From 0 to 1, where the size is known.
    #[must_use]
    pub fn fraction(&self) -> Option<f32> {
        match self.job.total_bytes()? {
            0 => Some(1.0),
            total => Some((self.done_bytes as f64 / total as f64).min(1.0) as f32),
        }
    }
}

/// What connections are fetching of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetching {
    /// Its number, from 0.
    pub file: usize,
    /// What each of them has yet to fetch; without an end (`u64::MAX`) where the size is not known.
    pub ranges: Vec<Range<u64>>,
}

fn no_history() -> Arc<Vec<RateSample>> {
    Arc::clone(&NO_HISTORY)
}

/// Shared by all that have not run.
static NO_HISTORY: LazyLock<Arc<Vec<RateSample>>> = LazyLock::new(Arc::default);

/// The cap that holds a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapView {
    /// The most it may use.
    pub rate: Rate,
    /// Whose rate that is.
    pub which: WhichCap,
    /// When the timetable will make another one of it, in seconds since 1970; `None` if never.
    pub until_unix_secs: Option<u64>,
}

/// One point of a speed graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateSample {
    /// When: in samples of [`SAMPLE_SECS`] since the engine started. A pause shows as missing numbers.
    pub at: u64,
    /// Bytes per second over that sample.
    pub rate_bps: f32,
    /// The lowest cap in force then, in bytes per second.
    pub cap_bps: Option<f32>,
}
