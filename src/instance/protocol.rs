//! What is said through the socket: a line of JSON with the request, and lines of JSON with the answer.
//!
//! ```text
//! {"version":3,"request":"Jobs"}
//! {"version":3,"answer":{"Jobs":{"count":1,…}}}
//! {"version":3,"answer":{"Job":{…}}}
//! ```
//!
//! One request per connection. The version stands first and alone decides whether the rest is read, so that
//! two versions can tell each other that they differ.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{Command, JobView, LinkView, Refusal, Reply, Snapshot, Theme};
use crate::job::{JobId, Orphan, Rate, Waiting};

/// Changes with every change of what is said; there is no talk between versions.
pub(super) const VERSION: u32 = 3;

/// The longest line, in bytes, in both directions.
pub(super) const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// Do this. Answered with [`Answer::Reply`] or [`Answer::Refused`].
    Do(Command),
    /// How do things stand? Answered with [`Answer::Jobs`] and as many [`Answer::Job`] as it says.
    Jobs,
    /// Tell of every change of these jobs. Answered with [`Answer::Job`] and [`Answer::Gone`] until all are
    /// gone, then [`Answer::Stopping`] if it was the engine that ended first.
    Follow(Vec<JobId>),
    /// Bring your window to the front. Answered with [`Answer::Shown`].
    Show,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It was done.
    Reply(Reply),
    /// It was not done.
    Refused(Refusal),
    /// How things stand; the jobs follow.
    Jobs(Overview),
    /// How this job stands.
    Job(JobView),
    /// This job is off the list.
    Gone(JobId),
    /// The engine has stopped; there will be no more.
    Stopping,
    /// What became of the window.
    Shown(Shown),
    /// The request is not understood: a sentence.
    Wrong(String),
}

/// What became of a request to show the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// It comes to the front.
    Shown,
    /// That process has none and ends, so that the one that asks can take its place.
    MakesRoom,
}

/// A snapshot without its jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the snapshot has them")]
pub(super) struct Overview {
    pub(super) count: usize,
    pub(super) number: u64,
    pub(super) rate_bps: u64,
    pub(super) link: Arc<LinkView>,
    pub(super) limit: Option<Rate>,
    pub(super) paused: bool,
    pub(super) slow: bool,
    pub(super) busy: bool,
    pub(super) lingers: bool,
    pub(super) waiting: Option<Waiting>,
    pub(super) orphans: Vec<Orphan>,
    pub(super) theme: Theme,
    #[serde(with = "crate::job::path")]
    pub(super) download_folder: PathBuf,
    pub(super) free_bytes: Option<u64>,
    pub(super) notices: Vec<String>,
}

impl From<&Snapshot> for Overview {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            count: snapshot.jobs.len(),
            number: snapshot.number,
            rate_bps: snapshot.rate_bps,
            link: Arc::clone(&snapshot.link),
            limit: snapshot.limit,
            paused: snapshot.paused,
            slow: snapshot.slow,
            busy: snapshot.busy,
            lingers: snapshot.lingers,
            waiting: snapshot.waiting.clone(),
            orphans: snapshot.orphans.to_vec(),
            theme: snapshot.theme,
            download_folder: snapshot.download_folder.clone(),
            free_bytes: snapshot.free_bytes,
            notices: snapshot.notices.to_vec(),
        }
    }
}

impl Overview {
    /// The snapshot, with the jobs that came behind it.
    pub(super) fn into_snapshot(self, jobs: imbl::Vector<Arc<JobView>>) -> Snapshot {
        Snapshot {
            number: self.number,
            jobs,
            rate_bps: self.rate_bps,
            link: self.link,
            limit: self.limit,
            paused: self.paused,
            slow: self.slow,
            busy: self.busy,
            lingers: self.lingers,
            waiting: self.waiting,
            orphans: Arc::new(self.orphans),
            theme: self.theme,
            download_folder: self.download_folder,
            free_bytes: self.free_bytes,
            notices: Arc::new(self.notices),
        }
    }
}

/// Why a line was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// It is of another version.
    #[error("the versions differ: it speaks {theirs}, this one {VERSION}")]
    OtherVersion {
        /// Theirs.
        theirs: u32,
    },
    /// It is no line of this protocol.
    #[error("{0}")]
    Nonsense(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct RequestLine<R> {
    version: u32,
    request: R,
}

#[derive(Serialize, Deserialize)]
struct AnswerLine<A> {
    version: u32,
    answer: A,
}

pub(super) fn write_request(request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    line(&RequestLine { version: VERSION, request })
}

pub(super) fn write_answer(answer: &Answer) -> Result<Vec<u8>, serde_json::Error> {
    line(&AnswerLine { version: VERSION, answer })
}

pub(super) fn read_request(line: &[u8]) -> Result<Request, LineError> {
    check_version(line)?;
    Ok(serde_json::from_slice::<RequestLine<Request>>(line)?.request)
}

pub(super) fn read_answer(line: &[u8]) -> Result<Answer, LineError> {
    check_version(line)?;
    Ok(serde_json::from_slice::<AnswerLine<Answer>>(line)?.answer)
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn check_version(line: &[u8]) -> Result<(), LineError> {
    match serde_json::from_slice::<VersionOnly>(line)?.version {
        VERSION => Ok(()),
        theirs => Err(LineError::OtherVersion { theirs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Change;

    #[test]
    fn requests_are_one_line_with_the_version_first() {
        let requests = [
            Request::Jobs,
            Request::Show,
            Request::Follow(vec![JobId::random()]),
            Request::Do(Command::Change(vec![JobId::random()], Change::Suspend)),
        ];
        for request in requests {
            let line = write_request(&request).expect("a line");
            assert!(line.starts_with(br#"{"version":3,"request":"#));
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            assert_eq!(read_request(&line).expect("the request"), request);
        }
    }

    #[test]
    fn another_version_is_told_from_nonsense() {
        let newer = br#"{"version":4,"request":{"Dance":"tango"}}"#;
        assert!(matches!(read_request(newer), Err(LineError::OtherVersion { theirs: 4 })));
        for nonsense in [&b""[..], b"hello", b"{}", b"{\"version\":3}", b"\xff\xfe", b"[[[["] {
            assert!(matches!(read_request(nonsense), Err(LineError::Nonsense(_))), "{nonsense:?}");
            assert!(matches!(read_answer(nonsense), Err(LineError::Nonsense(_))), "{nonsense:?}");
        }
    }
}
