//! What the user wants of a job, as opposed to how it stands, and what brings a job from one state to the next.

use serde::{Deserialize, Serialize};

/// What the user wants of a job. Its state says how far that has come: a job that is to be transferred may be waiting,
/// one that is to be removed may still have a file open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// Fetch it.
    #[default]
    Transfer,
    /// Hold it.
    Suspend,
    /// Keep what is finished, give up the rest.
    Complete,
    /// Give it up.
    Cancel,
    /// Take it off the list.
    Remove,
}

/// What brought a change about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Somebody asked for it.
    #[default]
    User,
    /// Its turn came or went.
    Scheduler,
    /// What the transfer met with: a server answered, the last byte is here.
    Transfer,
    /// Something went wrong.
    Fault,
    /// Signing out or in, sleeping or waking.
    Session,
    /// The network went away, came back, or costs money.
    Network,
    /// Mains or battery.
    Power,
    /// The week's timetable.
    Timetable,
    /// A time limit of the job.
    Timer,
}

impl Cause {
    /// One lower-case word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Scheduler => "scheduler",
            Self::Transfer => "transfer",
            Self::Fault => "fault",
            Self::Session => "session",
            Self::Network => "network",
            Self::Power => "power",
            Self::Timetable => "timetable",
            Self::Timer => "timer",
        }
    }
}
