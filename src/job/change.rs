//! What can be changed about a job.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Clash, FinishCommand, JobId, NewFile, Priority, Rate, path};

/// A change of one job.
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
    /// What to call it; an empty name is that of its first file.
    SetName(String),
    /// How many of its files are fetched at once, at least 1.
    SetFilesAtOnce(u8),
    /// Whether it waits for the user to accept it when it is whole.
    SetHoldFinished(bool),
    /// What is run when it has come to its end.
    SetFinish(Option<FinishCommand>),
    /// Another place in the user's order.
    Move(To),
    /// More files, fetched after those it has.
    AddFiles(Vec<NewFile>),
    /// Leave a file (by its number, from 0) out; what was fetched of it is deleted unless it is finished.
    LeaveOutFile(usize),
    /// Try a file again now: one that failed, waits, or was left out.
    RetryFile(usize),
    /// Fetch a file from another address. What is there is kept if the other server proves to have the same.
    SetFileAddress(usize, String),
    /// Give up what is there of an unfinished file, and fetch it from its start.
    StartOver(usize),
    /// Save what is unfinished to that folder. What was fetched is brought along, or stays where it is.
    SetFolder(#[serde(with = "path")] PathBuf),
    /// Save a file under that name.
    SetFileName(usize, String),
    /// What to do if the name of a file, or of any that is unfinished, is taken.
    SetClash(Option<usize>, Clash),
    /// What a file must be, as typed (see `NewFile::expected`); `None` where it is to be compared with nothing.
    SetExpected(usize, Option<String>),
    /// How many connections each of its files may use, at least 1. Those under way heed it as they go on.
    SetConnections(u8),
}

/// A place in the user's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum To {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Before that one.
    Before(JobId),
    /// Behind that one.
    After(JobId),
}
