//! Unfinished files no job knows of: what is left when the queue was lost or damaged.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::JobFile;

/// An unfinished file that was found without a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orphan {
    /// Where it is.
    #[serde(with = "super::path")]
    pub part: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// The file as it can be taken up again, where the part itself tells what it belongs to.
    pub file: Option<Box<JobFile>>,
}
