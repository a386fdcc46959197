//! The other side of the socket: hands a command over, asks how things stand, follows jobs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::protocol::{self, Answer, LineError, MAX_LINE_BYTES, Request, Shown};
use super::socket;
use crate::engine::{Command, JobView, Places, Refusal, Reply, Snapshot};
use crate::job::JobId;

/// How long connecting and each part of an answer may take.
const UNTIL_ANSWERED: Duration = Duration::from_secs(10);

/// A running instance, as others see it. Each method opens a connection of its own and blocks.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

/// Why a running instance could not be asked: a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("The Meanwhile that was running cannot be reached: {0}. You can try again in a moment.")]
    NotThere(io::Error),
    /// It said no.
    #[error("{0}")]
    Refused(Refusal),
    /// It did not understand; its own words.
    #[error("{0}")]
    Wrong(String),
    /// It did not answer in time.
    #[error(
        "The Meanwhile that is running does not answer: it has a lot to do, or is stuck. You can look with \
         “meanwhile list” whether it was done."
    )]
    TimedOut,
    /// It ended before it answered.
    #[error(
        "The Meanwhile that was running ended before it answered ({0}). You can look with “meanwhile list” \
         whether it was done."
    )]
    Ended(io::Error),
    /// It speaks another version.
    #[error(
        "The Meanwhile that is running is of another version than this command ({0}). You can close it and \
         start it anew."
    )]
    OtherVersion(String),
    /// What it answered makes no sense.
    #[error(
        "The Meanwhile that is running gave an answer that makes no sense ({0}). You can close it and start \
         it anew."
    )]
    Nonsense(String),
    /// The request is too long.
    #[error("That is too much at once. You can ask for it in several parts.")]
    TooMuch,
}

/// Why following jobs ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowEnd {
    /// The caller has seen enough.
    Enough,
    /// None of them is on the list any more.
    Gone,
    /// The instance ends.
    Stopped,
}

/// Finds the running instance of that state folder.
///
/// # Errors
/// [`ClientError::NotThere`]
pub fn connect(places: &Places) -> Result<Client, ClientError> {
    find(places).map_err(ClientError::NotThere)
}

/// The same, with nothing but what the system said.
pub(super) fn find(places: &Places) -> io::Result<Client> {
    let path = socket::path(places);
    socket::reach(&path, UNTIL_ANSWERED)?;
    Ok(Client { path })
}

impl Client {
    /// Has a command carried out.
    ///
    /// # Errors
    /// It was refused, or could not be handed over.
    pub fn request(&self, command: Command) -> Result<Reply, ClientError> {
        match self.ask(&Request::Do(command))?.next()? {
            Answer::Reply(reply) => Ok(reply),
            Answer::Refused(refusal) => Err(ClientError::Refused(refusal)),
            other => Err(unexpected(&other)),
        }
    }

    /// How things stand. The jobs have no history of their speed.
    ///
    /// # Errors
    /// It could not be asked.
    pub fn jobs(&self) -> Result<Snapshot, ClientError> {
        let mut answers = self.ask(&Request::Jobs)?;
        let overview = match answers.next()? {
            Answer::Jobs(overview) => overview,
            other => return Err(unexpected(&other)),
        };
        let mut jobs = imbl::Vector::new();
        for _ in 0..overview.count {
            match answers.next()? {
                Answer::Job(view) => jobs.push_back(Arc::new(view)),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(overview.into_snapshot(jobs))
    }

    /// Calls `on_job` with each of these jobs and again whenever one changes, until it has seen enough,
    /// none of them is on the list any more, or the instance ends.
    ///
    /// # Errors
    /// The instance could not be asked, or was cut off in the middle.
    pub fn follow(
        &self,
        ids: Vec<JobId>,
        mut on_job: impl FnMut(&JobView) -> ControlFlow<()>,
    ) -> Result<FollowEnd, ClientError> {
        let mut wanted = ids.len();
        let mut answers = self.ask(&Request::Follow(ids))?;
        // A job may rest for hours.
        answers.0.get_ref().set_read_timeout(None).map_err(ClientError::Ended)?;
        while wanted > 0 {
            match answers.next()? {
                Answer::Job(view) => {
                    if on_job(&view).is_break() {
                        return Ok(FollowEnd::Enough);
                    }
                }
                Answer::Gone(_) => wanted -= 1,
                Answer::Stopping => return Ok(FollowEnd::Stopped),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(FollowEnd::Gone)
    }

    /// Brings its window to the front.
    ///
    /// # Errors
    /// It could not be asked.
    pub fn show(&self) -> Result<Shown, ClientError> {
        match self.ask(&Request::Show)?.next()? {
            Answer::Shown(shown) => Ok(shown),
            other => Err(unexpected(&other)),
        }
    }

    fn open(&self) -> Result<UnixStream, ClientError> {
        socket::reach(&self.path, UNTIL_ANSWERED).map_err(ClientError::NotThere)
    }

    fn ask(&self, request: &Request) -> Result<Answers, ClientError> {
        let line =
            protocol::write_request(request).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(ClientError::TooMuch);
        }
        let mut stream = self.open()?;
        match stream.write_all(&line) {
            // It may have refused before it had read everything: its words are there to be read.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(interrupted(error)),
            _ => Ok(Answers(BufReader::new(stream))),
        }
    }
}

/// The lines of an answer.
#[derive(Debug)]
struct Answers(BufReader<UnixStream>);

impl Answers {
    fn next(&mut self) -> Result<Answer, ClientError> {
        let mut line = Vec::new();
        (&mut self.0).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line).map_err(interrupted)?;
        if !line.ends_with(b"\n") {
            return Err(if line.len() as u64 > MAX_LINE_BYTES {
                ClientError::Nonsense("a line is too long".into())
            } else {
                ClientError::Ended(io::ErrorKind::UnexpectedEof.into())
            });
        }
        match protocol::read_answer(&line) {
            Ok(Answer::Wrong(sentence)) => Err(ClientError::Wrong(sentence)),
            Ok(answer) => Ok(answer),
            Err(error @ LineError::OtherVersion { .. }) => Err(ClientError::OtherVersion(error.to_string())),
            Err(LineError::Nonsense(error)) => Err(ClientError::Nonsense(error.to_string())),
        }
    }
}

fn interrupted(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut,
        _ => ClientError::Ended(error),
    }
}

/// Names the kind of answer only: the rest may be long.
fn unexpected(answer: &Answer) -> ClientError {
    let name = match answer {
        Answer::Reply(_) => "a reply",
        Answer::Refused(_) => "a refusal",
        Answer::Jobs(_) => "an overview",
        Answer::Job(_) => "a job",
        Answer::Gone(_) => "a job that is gone",
        Answer::Stopping => "an end",
        Answer::Shown(_) => "a window",
        Answer::Wrong(_) => "a complaint",
    };
    ClientError::Nonsense(format!("{name} where something else was due"))
}
