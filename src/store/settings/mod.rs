//! What the user has set: the data.
//!
//! `file` reads and edits `settings.ron`; `keys` is the one table of all settings: their names in the file and on
//! the command line, their words, what they can be.

mod file;
mod keys;
#[cfg(test)]
mod samples;

pub use file::{load_settings, save_settings};
pub use keys::{Setting, SettingError};

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::{Proxy, Rate, StartMode, Timetable};

/// Whether the window is light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the desktop says, where it says so.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word for it in the settings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|theme| theme.word().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("“{text}” is no theme; it is system, light or dark"))
    }
}

/// What the user has set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Settings {
    /// When downloading starts by itself.
    pub start_mode: StartMode,
    /// Whether everything is held (“pause all”).
    pub paused: bool,
    /// The cap over all jobs.
    pub limit: Option<Rate>,
    /// Whether the slow cap holds as well.
    pub slow: bool,
    /// The cap over all jobs while `slow` is on.
    pub slow_limit: Rate,
    /// The cap over the jobs of high priority.
    pub limit_high: Option<Rate>,
    /// The cap over the jobs of normal priority.
    pub limit_normal: Option<Rate>,
    /// The cap over the jobs of low priority.
    pub limit_low: Option<Rate>,
    /// The painted week and what its windows allow.
    pub timetable: Timetable,
    /// Where new downloads go; `None` is the desktop's folder for them.
    pub download_folder: Option<PathBuf>,
    /// How many background jobs run at once.
    pub background_jobs: usize,
    /// How many connections to one server there are at once.
    pub per_host: usize,
    /// How long a background job has its turn while others of its priority wait, in seconds.
    pub slice_secs: u32,
    /// The longest delay before a job is tried again after faults, in seconds.
    pub retry_longest_secs: u32,
    /// After how many days without a byte a job that meets faults fails for good; 0: at the first fault.
    pub no_progress_days: u32,
    /// For how many days in all a job may be active.
    pub max_active_days: u32,
    /// After how many days without a byte or a change a job is flagged; BITS would cancel it.
    pub stale_days: u32,
    /// How much of a disk stays free for others, in MiB; on a small one at most a twentieth.
    pub disk_reserve_mib: u32,
    /// Whether a finished file remembers the address it came from.
    pub note_origin: bool,
    /// Through which proxy servers are reached, unless a job says otherwise. Its login is kept elsewhere.
    pub proxy: Proxy,
    /// A file with certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether `~/.netrc` is looked into.
    pub use_netrc: bool,
    /// Whether secrets of unfinished jobs are kept in the desktop's keyring.
    pub keyring: bool,
    /// Whether the desktop tells of finished and failed jobs.
    pub notify: bool,
    /// Whether the window is light or dark.
    pub theme: Theme,
}

impl Default for Settings {
    /// As BITS has it (bits.md 1.6, 4.1), but more background jobs, as download managers do.
    fn default() -> Self {
        Self {
            start_mode: StartMode::default(),
            paused: false,
            limit: None,
            slow: false,
            slow_limit: SLOW,
            limit_high: None,
            limit_normal: None,
            limit_low: None,
            timetable: Timetable::default(),
            download_folder: None,
            background_jobs: 3,
            per_host: 8,
            slice_secs: 300,
            retry_longest_secs: 600,
            no_progress_days: 14,
            max_active_days: 90,
            stale_days: 90,
            disk_reserve_mib: 256,
            note_origin: true,
            proxy: Proxy::System,
            ca_file: None,
            use_netrc: false,
            keyring: true,
            notify: true,
            theme: Theme::System,
        }
    }
}

/// The slow cap unless the user says otherwise: 128 KiB/s.
const SLOW: Rate = match Rate::from_bytes_per_sec(128 << 10) {
    Some(rate) => rate,
    None => unreachable!(),
};
