//! What stands on one line of a queue file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::job::{Extents, Job, JobFile, JobId};

/// The version of the format this program writes, and the newest it reads.
pub(super) const VERSION: u32 = 3;

/// One line of a queue file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The first line. Its form is the same in all versions.
    Queue {
        /// Of the format.
        version: u32,
        /// Counts up; the higher one is the current one.
        generation: u64,
    },
    /// A job as it is from here on.
    Job(Arc<Job>),
    /// These bytes of a file of a job are on disk.
    Progress {
        /// Which job.
        job: JobId,
        /// Which of its files.
        file: usize,
        /// Of which attempt at the file; about any other this says nothing.
        #[serde(default, skip_serializing_if = "is_zero")]
        attempt: u32,
        /// Which of its bytes.
        #[serde(rename = "synced_bytes")]
        synced: Extents,
    },
    /// A file of a job as it is from here on: a job may have many, and each of them changes by itself.
    File {
        /// Which job.
        job: JobId,
        /// Which of its files.
        file: usize,
        /// What it is now.
        is: Box<JobFile>,
    },
    /// The job is off the list.
    Gone(JobId),
    /// The generation is whole: that many jobs stand above this line.
    Whole {
        /// How many.
        jobs: usize,
        /// The generation again, should the first line be damaged.
        generation: u64,
    },
    /// The last line: the next generation is on disk, and everything since is there only.
    Closed,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The first line of any version, as far as all have it in common.
#[derive(Deserialize)]
pub(super) enum FirstLine {
    /// See [`Record::Queue`].
    Queue {
        /// Of the format.
        version: u32,
        /// Of the file; a newer version may count differently.
        #[serde(default)]
        generation: u64,
    },
}
