//! What a transfer is: pure data and rules.
//!
//! Here live the job and its files, the nine states and their table, the faults and their words,
//! priorities, rates and the units people read, the painted week, lists of downloads, patterns of
//! addresses, and the command for the end. What may not live here: a clock, I/O, or knowledge of any other room. Everything a function needs
//! is passed in.

mod cause;
mod change;
mod checksum;
mod clash;
mod cookies;
mod event;
mod extents;
mod fault;
mod file;
mod finish;
mod list;
mod name;
mod new;
mod orphan;
pub(crate) mod path;
mod pattern;
mod priority;
mod proxy;
mod remedy;
mod secrets;
mod start_mode;
mod state;
mod sums;
mod units;
mod week;

pub use cause::{Cause, Wanted};
pub use change::{Change, To};
pub use checksum::{Checksum, Expected, Hash};
pub use clash::Clash;
pub use cookies::{CookiesError, NewCookie, read_cookies};
pub use event::{Event, LogEntry};
pub use extents::Extents;
pub use fault::{Fault, FaultKind};
pub use file::{JobFile, PartAt, Trouble, Validator};
pub use finish::{AtEnd, Attempts, CommandEnd, FinishCommand, FinishCommandError};
pub use list::{
    Complaint, List, ListEntry, MetalinkError, is_metalink, list_option, metalink_as_list, read_list,
    read_metalink,
};
pub(crate) use name::{MOST_SAFE_BYTES, fitted_name, safe_name, split_extension};
pub use new::{NewAccess, NewFile, NewHeader, NewJob, address, check_name, is_secret_header, without_login};
pub use orphan::Orphan;
pub use pattern::{Brackets, MOST_ADDRESSES, PatternError, expand};
pub use priority::Priority;
pub use proxy::{Proxy, ProxyError, Route};
pub use remedy::Remedy;
pub use secrets::{Login, Secrets};
pub use start_mode::StartMode;
pub use state::{JobEvent, JobState, Waiting, Why};
pub use sums::{SumsError, sum_for, sum_in_list};
pub use units::{Rate, RateError, bytes_in_words, duration_in_words, rate_in_words};
pub use week::{Allowance, Allowances, Days, MinuteOfWeek, Painted, Timetable, WeekError, Window};

#[cfg(test)]
pub(crate) use week::tests as week_samples;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a job is known by: a random UUID, as BITS's GUID. Names need not be unique, this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(uuid::Uuid);

impl JobId {
    /// Comes before all others; nobody has it.
    pub(crate) const LEAST: Self = Self(uuid::Uuid::nil());

    /// A new id nobody has had before.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }

    /// The first eight digits: enough to tell jobs apart in a list.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.simple().to_string()[..8].to_owned()
    }

    /// Whether the id, written with or without hyphens, starts with `prefix` (any case).
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        let prefix = prefix.to_ascii_lowercase();
        self.0.simple().to_string().starts_with(&prefix)
            || self.0.hyphenated().to_string().starts_with(&prefix)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A job: one or more files, a priority and a state. This is also what the queue files hold, so every
/// field is something that must survive a restart. What is usual is not written down: a list is read the faster
/// the shorter it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What the job is known by.
    pub id: JobId,
    /// The name the user gave, if any; see [`Job::display_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its files, in the order they are fetched.
    pub files: Vec<JobFile>,
    /// How it stands in line.
    pub priority: Priority,
    /// Its place in the user's order: the lower comes first. Unique; the numbers have gaps.
    pub place: u64,
    /// What the user wants of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wanted: Wanted,
    /// Where it is in its life.
    pub state: JobState,
    /// What brought it there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cause: Cause,
    /// How many of its files are fetched at once; 1 is one after the other, as BITS does.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub files_at_once: u8,
    /// How many connections each of its files may use, if the server allows it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub connections: u8,
    /// Whether it waits in `Transferred` until the user accepts it, as BITS's jobs do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hold_finished: bool,
    /// The most it may use, if the user capped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Rate>,
    /// What is run when it has come to its end. Few have it, and a list may be long: boxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Box<FinishCommand>>,
    /// What is still to be done because it has come to its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at_end: AtEnd,
    /// Request headers; a secret one has no value here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Whether requests need secrets which are in no file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub needs_secrets: bool,
    /// How its servers are reached, where it is not as the settings say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub route: Route,
    /// When it was added, in seconds since 1970.
    pub added_unix_secs: u64,
    /// When it ended (finished, failed or cancelled), in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_unix_secs: Option<u64>,
    /// When the user last changed it or bytes last arrived, in seconds since 1970 (BITS: modification time).
    #[serde(default, skip_serializing_if = "is_default")]
    pub modified_unix_secs: u64,
    /// For how many seconds it has been connecting and transferring since it was last resumed; see bits.md 4.1,
    /// MaximumDownloadTime.
    #[serde(default, skip_serializing_if = "is_default")]
    pub active_secs: u64,
    /// For how many seconds it has been trying since its first fault without a byte of progress; see bits.md 4.1,
    /// NoProgressTimeout.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stuck_secs: u64,
    /// How many faults it has met in all (BITS: error count). Waiting for a condition is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub faults: u32,
}

const fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
const fn is_one(number: &u8) -> bool {
    *number == 1
}

/// Whether a field need not be written down.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A request header of a job. The value of a secret one is not kept here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value; `None` where it is a secret.
    pub value: Option<String>,
}

impl Job {
    /// What to call the job: the name it was given, else the name of its first file.
    #[must_use]
    pub fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        self.files.first().map_or_else(|| self.id.short(), JobFile::display_name)
    }

    /// Its files but those that were left out.
    pub fn wanted_files(&self) -> impl Iterator<Item = &JobFile> {
        self.files.iter().filter(|file| !file.is_left_out())
    }

    /// Bytes known to be on disk, over all files.
    #[must_use]
    pub fn synced_bytes(&self) -> u64 {
        self.wanted_files().map(JobFile::synced_bytes).sum()
    }

    /// The size of the whole job; known only when all sizes are.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.wanted_files().map(|file| file.total_bytes).sum()
    }

    /// These bytes of a file are on disk for certain. Says whether that is progress, which ends a row of faults.
    pub fn note_synced(&mut self, file: usize, synced: Extents) -> bool {
        let Some(file) = self.files.get_mut(file) else { return false };
        let is_progress = synced.bytes() > file.synced_bytes();
        file.synced = synced;
        if is_progress {
            file.faults_in_a_row = 0;
            self.stuck_secs = 0;
        }
        is_progress
    }

    /// Whether every file that is wanted is whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.wanted_files().all(|file| file.finished)
    }

    /// Whether nothing has happened to it for that many days, though something could (bits.md 4.1,
    /// JobInactivityTimeout).
    #[must_use]
    pub fn is_stale(&self, now_unix_secs: u64, stale_days: u32) -> bool {
        let secs = u64::from(stale_days) * 24 * 60 * 60;
        !self.state.is_final() && now_unix_secs.saturating_sub(self.modified_unix_secs) >= secs
    }

    /// The most faults in a row any of its files has met.
    #[must_use]
    pub fn faults_in_a_row(&self) -> u32 {
        self.wanted_files().map(|file| file.faults_in_a_row).max().unwrap_or_default()
    }
}
