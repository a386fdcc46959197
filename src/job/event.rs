//! What is worth remembering: the events of the log, with BITS's numbers and fields where BITS has them
//! (bits.md 9.5).

use serde::{Deserialize, Serialize};

use super::{Cause, Fault, JobId, Rate, Waiting, bytes_in_words, rate_in_words};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, in seconds since 1970.
    pub unix_secs: u64,
    /// Which job it is about; `None` for the program as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// What the job was called then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What brought it about.
    pub cause: Cause,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It goes on, or is tried again.
    Resumed,
    /// It is held.
    Suspended,
    /// It is on the list.
    Created {
        /// How many files it has.
        files: usize,
        /// Who asked for it: a program and its process number.
        by: String,
    },
    /// It is finished for good, or what is finished of it was accepted.
    Completed {
        /// How many files are there.
        files: usize,
        /// Bytes of these files.
        bytes: u64,
    },
    /// It was given up.
    Cancelled,
    /// A program is to be run when it ends.
    ProgramSet {
        /// The program with its arguments.
        command: String,
    },
    /// The transfer of a file began.
    Started {
        /// Its number in the job, from 0.
        file: usize,
        /// Its address, without login.
        url: String,
        /// Bytes that were there already.
        done_bytes: u64,
        /// Its size, if known.
        total_bytes: Option<u64>,
    },
    /// The transfer of a file stopped without a fault: it is whole, or its turn was over.
    Stopped {
        /// Its number in the job, from 0.
        file: usize,
        /// Whether it is whole.
        finished: bool,
        /// Bytes that are there.
        done_bytes: u64,
        /// Its size, if known.
        total_bytes: Option<u64>,
        /// The cap in force.
        limit: Option<Rate>,
    },
    /// The transfer of a file stopped with a fault; a following `Started` is the next try.
    StoppedByFault {
        /// Its number in the job, from 0.
        file: usize,
        /// What went wrong.
        fault: Fault,
        /// Bytes that are there.
        done_bytes: u64,
        /// Its size, if known.
        total_bytes: Option<u64>,
        /// The cap in force.
        limit: Option<Rate>,
    },
    /// The program that was to be run ended with an error.
    ProgramFailed {
        /// How it ended.
        how: String,
        /// Seconds until it is run again; `None` if it is not.
        again_in_secs: Option<u64>,
    },
    /// The program that was to be run could not be started.
    ProgramNotStarted {
        /// Why.
        how: String,
        /// Seconds until it is tried again; `None` if it is not.
        again_in_secs: Option<u64>,
    },
    /// Another part of the timetable began, or a cap changed.
    Slot {
        /// The part of the timetable.
        window: String,
        /// What it allows now.
        allows: String,
        /// What it will allow next.
        next: String,
        /// When that begins, in seconds since 1970; `None` if never.
        next_unix_secs: Option<u64>,
    },
    /// The desktop told something: signed out, asleep, offline.
    System {
        /// What.
        what: String,
    },
    /// A job waits for a condition.
    Blocked {
        /// For which.
        waiting: Waiting,
    },
    /// The list was read from disk.
    Loaded {
        /// How many jobs.
        jobs: usize,
    },
    /// No progress and no change for that many days. BITS cancels such a job; here it is only flagged.
    Stale {
        /// Days.
        days: u64,
    },
    /// The list on disk was damaged.
    Damaged {
        /// What was found and done.
        what: String,
    },
    /// Something was asked for while transfers are switched off.
    Disabled {
        /// What.
        what: String,
    },
    /// A file is on the list.
    FileAdded {
        /// Its number in the job, from 0.
        file: usize,
        /// Its address, without login.
        url: String,
        /// Where it goes.
        path: String,
    },
    /// It goes no further by itself.
    Failed {
        /// Why.
        fault: Fault,
    },
    /// Whether a download may go on where it stopped, and why.
    Decided {
        /// What was decided.
        what: String,
    },
    /// A property changed.
    Changed {
        /// What it is now.
        what: String,
    },
}

impl Event {
    /// Its number: BITS's where it has the event, else one from 40001 on.
    #[must_use]
    pub const fn number(&self) -> u32 {
        match self {
            Self::Resumed => 1,
            Self::Suspended => 2,
            Self::Created { .. } => 3,
            Self::Completed { .. } => 4,
            Self::Cancelled => 5,
            Self::ProgramSet { .. } => 6,
            Self::Started { .. } => 59,
            Self::Stopped { .. } => 60,
            Self::StoppedByFault { .. } => 61,
            Self::ProgramFailed { .. } => 63,
            Self::ProgramNotStarted { .. } => 64,
            Self::Slot { .. } => 205,
            Self::System { .. } => 212,
            Self::Blocked { .. } => 213,
            Self::Loaded { .. } => 306,
            Self::Disabled { .. } => 10_005,
            Self::Stale { .. } => 16_389,
            Self::Damaged { .. } => 16_391,
            Self::FileAdded { .. } => 16_403,
            Self::Failed { .. } => 40_001,
            Self::Decided { .. } => 40_002,
            Self::Changed { .. } => 40_003,
        }
    }

    /// What happened, as a sentence without a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let of = |done: u64, total: Option<u64>| match total {
            Some(total) => format!("{} of {}", bytes_in_words(done), bytes_in_words(total)),
            None => bytes_in_words(done),
        };
        let cap = |limit: &Option<Rate>| {
            limit.map_or_else(String::new, |limit| {
                format!(", capped at {}", rate_in_words(limit.bytes_per_sec()))
            })
        };
        let again = |secs: &Option<u64>| {
            secs.map_or_else(
                || "; it is not run again".to_owned(),
                |secs| format!("; run again in {}", super::duration_in_words(secs)),
            )
        };
        match self {
            Self::Resumed => "Resumed".into(),
            Self::Suspended => "Paused".into(),
            Self::Created { files: 1, by } => format!("Added by {by}"),
            Self::Created { files, by } => format!("Added with {files} files by {by}"),
            Self::Completed { files: 1, bytes } => format!("Finished: {}", bytes_in_words(*bytes)),
            Self::Completed { files, bytes } => {
                format!("Finished: {files} files, {}", bytes_in_words(*bytes))
            }
            Self::Cancelled => "Cancelled".into(),
            Self::ProgramSet { command } => format!("When it ends, this is run: {command}"),
            Self::Started { file, url, done_bytes: 0, .. } => format!("File {} started: {url}", file + 1),
            Self::Started { file, url, done_bytes, total_bytes } => {
                format!("File {} goes on at {}: {url}", file + 1, of(*done_bytes, *total_bytes))
            }
            Self::Stopped { file, finished: true, done_bytes, limit, .. } => {
                format!("File {} is whole: {}{}", file + 1, bytes_in_words(*done_bytes), cap(limit))
            }
            Self::Stopped { file, done_bytes, total_bytes, limit, .. } => {
                format!("File {} stopped at {}{}", file + 1, of(*done_bytes, *total_bytes), cap(limit))
            }
            Self::StoppedByFault { file, fault, done_bytes, total_bytes, limit } => {
                let at = of(*done_bytes, *total_bytes);
                format!("File {} stopped at {at}{}. {fault}", file + 1, cap(limit))
            }
            Self::ProgramFailed { how, again_in_secs } => {
                format!("The program to be run at the end failed: {how}{}", again(again_in_secs))
            }
            Self::ProgramNotStarted { how, again_in_secs } => {
                format!("The program to be run at the end did not start: {how}{}", again(again_in_secs))
            }
            Self::Slot { window, allows, next, .. } => format!("{window}: {allows}; next: {next}"),
            Self::System { what } => what.clone(),
            Self::Blocked { waiting } => format!("Waiting: {}", waiting.what()),
            Self::Loaded { jobs } => format!("The list was read: {jobs} downloads"),
            Self::Stale { days } => format!("Nothing has happened to it for {days} days"),
            Self::Damaged { what } => what.clone(),
            Self::Disabled { what } => format!("Transfers are switched off, so this was not done: {what}"),
            Self::FileAdded { file, url, path } => format!("File {}: {url} to {path}", file + 1),
            Self::Failed { fault } => format!("Failed. {fault}"),
            Self::Decided { what } | Self::Changed { what } => what.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_log_reads_well() {
        let table = [
            (Event::Created { files: 1, by: "meanwhile add (7)".into() }, 3, "Added by meanwhile add (7)"),
            (Event::Completed { files: 2, bytes: 2048 }, 4, "Finished: 2 files, 2.0 KiB"),
            (
                Event::Started {
                    file: 0,
                    url: "http://a/b".into(),
                    done_bytes: 1024,
                    total_bytes: Some(4096),
                },
                59,
                "File 1 goes on at 1.0 KiB of 4.0 KiB: http://a/b",
            ),
            (
                Event::Stopped {
                    file: 1,
                    finished: true,
                    done_bytes: 1024,
                    total_bytes: Some(1024),
                    limit: Rate::from_bytes_per_sec(1024),
                },
                60,
                "File 2 is whole: 1.0 KiB, capped at 1.0 KiB/s",
            ),
            (
                Event::ProgramFailed { how: "exit code 1".into(), again_in_secs: Some(60) },
                63,
                "The program to be run at the end failed: exit code 1; run again in 1 min",
            ),
        ];
        for (event, number, sentence) in table {
            assert_eq!((event.number(), event.sentence().as_str()), (number, sentence));
        }
    }
}
