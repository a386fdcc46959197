//! What goes into the engine and what it answers: plain data, so that it can also travel through the
//! local socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::job::{Change, Fault, JobId, LogEntry, Login, NewJob, Rate};
use crate::transfer::Probe;

/// Something to be done. The answer, where anyone waits for it, is a [`Reply`] or a [`Refusal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Queue these, all or none of them. Answered with [`Reply::Added`] once they are on disk.
    Add(Vec<NewJob>),
    /// Go on with the unfinished job of the same address and target, or queue it anew. Answered with
    /// [`Reply::Added`] once it is on disk.
    Fetch(NewJob),
    /// Ask the server what is at an address, without queueing it. Answered with [`Reply::Probed`].
    Probe(NewJob),
    /// Change these jobs, in this order; those that can be changed are, even if others can't.
    Change(Vec<JobId>, Change),
    /// Give a job the login it stopped for want of (its server's, or its proxy's), and try it again.
    SetLogin(JobId, Login),
    /// The most all jobs together may use; `None` lifts the cap.
    SetLimit(Option<Rate>),
    /// Where new downloads go unless told otherwise.
    SetDownloadFolder(#[serde(with = "crate::job::path")] PathBuf),
    /// Hold everything, or let it go on: "pause all". It survives a restart.
    SetPaused(bool),
    /// Keep to the slow cap, or not.
    SetSlow(bool),
    /// Change a setting by its name in the settings file. Answered with [`Reply::Setting`].
    Set(String, String),
    /// All settings. Answered with [`Reply::Settings`].
    Settings,
    /// Make jobs of these orphans of the snapshot; those of which nothing tells what they belong to stay as they are.
    /// Answered with [`Reply::Added`].
    Adopt(Vec<PathBuf>),
    /// Delete these orphans of the snapshot.
    DeleteOrphans(Vec<PathBuf>),
    /// The latest entries of the log, of one job or of all; at most so many. Answered with [`Reply::Log`].
    Log(Option<JobId>, usize),
}

/// The answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, and on disk.
    Done,
    /// The jobs, in the order they were asked for.
    Added(Vec<JobId>),
    /// What the server said.
    Probed(Probe),
    /// The entries, oldest first.
    Log(Vec<LogEntry>),
    /// The value the setting has now.
    Setting(String),
    /// All settings.
    Settings(Vec<SettingView>),
}

/// A setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// Its name in the settings file.
    pub key: String,
    /// Its value, as one would type it.
    pub value: String,
    /// What it is for, in a line.
    pub about: String,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// What was asked for is wrong, or the server said no.
    #[error("{0}")]
    Fault(Fault),
    /// There is no such job (any more).
    #[error(
        "There is no job {0}: it may have been removed meanwhile. You can see all jobs with “meanwhile list”."
    )]
    NoSuchJob(JobId),
    /// A job's state does not allow it.
    #[error("“{name}” is already {state}: there is nothing left to change. You can add its address again.")]
    WrongState {
        /// The job's name.
        name: String,
        /// Its state, in a word.
        state: String,
    },
    /// It could not be written to disk, so it was not done.
    #[error("{0}")]
    NotSaved(String),
    /// Transfers are switched off (bits.md: the service is disabled; event 10005).
    #[error(
        "Transfers are switched off in the settings, so nothing was queued. You can switch them on with \
         “meanwhile settings start_mode manual”. (10005)"
    )]
    Disabled,
    /// Something in the command makes no sense: a sentence.
    #[error("{0}")]
    Wrong(String),
    /// Too many commands are under way.
    #[error("Meanwhile is busy: too much was asked of it at once. You can try again in a moment.")]
    Busy,
    /// The engine is stopping or has stopped.
    #[error("Meanwhile is shutting down: nothing was changed. You can try again when it has started anew.")]
    Stopping,
}
