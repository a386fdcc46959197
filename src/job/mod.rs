//! What a transfer is: pure data and rules.
//!
//! Here live the job and its files, the nine states and their table, the faults and their words,
//! priorities, rates and the units people read. What may not live here: a clock, I/O, or knowledge of
//! any other room. Everything a function needs is passed in.

mod fault;
mod finish;
mod new;
pub(crate) mod path;
mod priority;
mod state;
mod units;

pub use fault::{Fault, FaultKind};
pub use finish::{Attempts, CommandEnd, FinishCommand, FinishCommandError};
pub use new::{NewHeader, NewJob, Secrets};
pub use priority::Priority;
pub use state::{JobEvent, JobState, Waiting, Why};
pub use units::{Rate, RateError, bytes_in_words, duration_in_words, rate_in_words};

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// What a job is known by: a random UUID, as BITS's GUID. Names need not be unique, this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(uuid::Uuid);

impl JobId {
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
/// field is something that must survive a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What the job is known by.
    pub id: JobId,
    /// The name the user gave, if any; see [`Job::display_name`].
    pub name: Option<String>,
    /// Its files, in the order they are fetched.
    pub files: Vec<JobFile>,
    /// How it stands in line.
    pub priority: Priority,
    /// Where it is in its life.
    pub state: JobState,
    /// The most it may use, if the user capped it.
    pub limit: Option<Rate>,
    /// Request headers; a secret one has no value here.
    pub headers: Vec<Header>,
    /// Whether requests need secrets which are held in memory only.
    pub needs_secrets: bool,
    /// When it was added, in seconds since 1970.
    pub added_unix_secs: u64,
    /// When it ended (finished, failed or cancelled), in seconds since 1970.
    pub ended_unix_secs: Option<u64>,
    /// How many faults in a row it has met without a byte of progress in between; sets the back-off.
    pub faults_in_a_row: u32,
}

/// One file of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFile {
    /// Where it comes from: http or https, without a login in it.
    pub url: Url,
    /// The folder it goes to.
    #[serde(with = "path")]
    pub folder: PathBuf,
    /// The file name the user asked for, if any.
    pub asked_name: Option<String>,
    /// The lower-case hexadecimal SHA-256 it must have, if the user gave one.
    pub sha256: Option<String>,
    /// The name it will have when it is finished, once decided.
    pub name: Option<String>,
    /// The name of the file that holds the unfinished data, in the same folder; decided with the name.
    pub part: Option<String>,
    /// Its size in bytes, once a server has said it.
    pub total_bytes: Option<u64>,
    /// How many bytes from its start are on disk for certain (written *and* synced).
    pub synced_bytes: u64,
    /// What proves that the server still has the same file.
    pub validator: Validator,
    /// Whether the server answers ranges, once known.
    pub resumable: Option<bool>,
    /// Whether it is whole, verified and under its final name.
    pub finished: bool,
}

/// What a server said a version of a file is recognised by (RFC 9110 section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The `ETag` header, quotes and `W/` included.
    pub etag: Option<String>,
    /// The `Last-Modified` header as it came.
    pub last_modified: Option<String>,
    /// The `Date` header of the same answer: tells whether Last-Modified is strong
    /// (RFC 9110 section 8.8.2.2).
    pub date: Option<String>,
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

    /// Bytes known to be on disk, over all files.
    #[must_use]
    pub fn synced_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.synced_bytes).sum()
    }

    /// The size of the whole job; known only when all sizes are.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.total_bytes).sum()
    }

    /// The index of the next file to fetch.
    #[must_use]
    pub fn next_file(&self) -> Option<usize> {
        self.files.iter().position(|file| !file.finished)
    }
}

impl JobFile {
    /// What to call the file: its name on disk, else the asked one, else the last part of the address.
    #[must_use]
    pub fn display_name(&self) -> String {
        if let Some(name) = self.name.as_ref().or(self.asked_name.as_ref()) {
            return name.clone();
        }
        let last = self.url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
        match last {
            Some(part) => percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned(),
            None => self.url.host_str().unwrap_or("download").to_owned(),
        }
    }

    /// Where the finished file is or will be, once its name is decided.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.name.as_ref().map(|name| self.folder.join(name))
    }

    /// Where the unfinished data is, once the name is decided.
    #[must_use]
    pub fn part_path(&self) -> Option<PathBuf> {
        self.part.as_ref().map(|part| self.folder.join(part))
    }
}
