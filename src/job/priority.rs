//! The four priorities of BITS (bits.md 1.5).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a job stands in line; ordered from the most to the least urgent, with BITS's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Runs at once, beside all others, and does not yield: somebody is waiting for it.
    Foreground,
    /// Before all other background jobs.
    High,
    /// What a job has unless it is told otherwise.
    #[default]
    Normal,
    /// After all other background jobs.
    Low,
}

impl Priority {
    /// All of them, most urgent first.
    pub const ALL: [Self; 4] = [Self::Foreground, Self::High, Self::Normal, Self::Low];

    /// The word for it on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Priority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.word().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("“{text}” is no priority; it is foreground, high, normal or low"))
    }
}
