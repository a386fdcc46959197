//! When downloading starts by itself, as Windows' services have it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When the engine starts, and whether it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartMode {
    /// At sign-in, while there are jobs.
    Automatic,
    /// When a job is added or the window opens.
    #[default]
    Manual,
    /// Never: nothing is transferred.
    Disabled,
}

impl StartMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Manual, Self::Disabled];

    /// The word for it in the settings and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for StartMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for StartMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.word().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("“{text}” is no start mode; it is automatic, manual or disabled"))
    }
}
