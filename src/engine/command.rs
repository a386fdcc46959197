//! What goes into the engine and what it answers: plain data, so that it can also travel through the
//! local socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::job::{Fault, JobId, NewJob, Priority, Rate};
use crate::store::Theme;
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
    /// The most all jobs together may use; `None` lifts the cap.
    SetLimit(Option<Rate>),
    /// Where new downloads go unless told otherwise.
    SetDownloadFolder(#[serde(with = "crate::job::path")] PathBuf),
    /// Whether the window is light or dark.
    SetTheme(Theme),
}

/// What can be changed about a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Go on; a waiting or failed job is tried again at once.
    Resume,
    /// Hold.
    Suspend,
    /// Give it up and delete what was fetched of unfinished files.
    Cancel,
    /// Accept what is finished and give up the rest.
    Complete,
    /// Take it off the list; a job that is not final is cancelled first. Finished files stay.
    Remove,
    /// How it stands in line.
    SetPriority(Priority),
    /// The most it may use; `None` lifts its cap.
    SetLimit(Option<Rate>),
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
    /// Too many commands are under way.
    #[error("Meanwhile is busy: too much was asked of it at once. You can try again in a moment.")]
    Busy,
    /// The engine is stopping or has stopped.
    #[error("Meanwhile is shutting down: nothing was changed. You can try again when it has started anew.")]
    Stopping,
}
