//! How a command ends: the exit codes, and what is said when it did not go well.

use std::io;
use std::process::ExitCode;

use crate::engine::{NoHome, Refusal, StartError};
use crate::instance::{ClaimError, ClientError, ReachError, ServeError};
use crate::job::{Fault, FaultKind};

/// The exit codes, as `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It was done.
    Done = 0,
    /// The transfer failed for good, or `get` gave it up; or what was asked could not be done.
    Failed = 1,
    /// The command line, an address, a header, a name or a checksum is wrong.
    Usage = 2,
    /// No such job, or several that could be meant.
    NoSuchJob = 3,
    /// Nothing transfers, by the user's setting.
    Disabled = 4,
    /// Another instance is in the way, or the state folder cannot be used.
    Instance = 5,
    /// There is no display to open a window on.
    NoDisplay = 6,
    /// Ended by a signal, with everything kept.
    Interrupted = 130,
}

/// The table at the end of `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the transfer failed for good, or could not go on
  2    the command line, an address, a header, a name or a checksum is wrong
  3    no such job, or several that could be meant
  4    transfers are switched off
  5    another instance is in the way, or the state folder cannot be used
  6    no display
  130  interrupted; what was fetched is kept";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it should.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is something to say: a sentence for the user.
    Said(Exit, String),
    /// The running instance ended before it answered; the same sentence as any other, but trying again may
    /// be worth it.
    Gone(String),
    /// Nobody is left to say it to, or it has been said.
    Quiet(Exit),
}

impl Failure {
    /// A failure with these words.
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self::Said(exit, sentence.into())
    }

    /// A mistake on the command line.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// How the process ends.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Said(exit, _) | Self::Quiet(exit) => *exit,
            Self::Gone(_) => Exit::Instance,
        }
    }

    /// What is to be said about it.
    pub(super) fn sentence(&self) -> Option<&str> {
        match self {
            Self::Said(_, sentence) | Self::Gone(sentence) => Some(sentence),
            Self::Quiet(_) => None,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let exit = match fault.kind {
            FaultKind::BadAddress
            | FaultKind::UnknownScheme
            | FaultKind::BadHeader
            | FaultKind::BadChecksum
            | FaultKind::BadName
            | FaultKind::BadProxy => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, fault.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match &refusal {
            Refusal::Fault(fault) => return fault.clone().into(),
            Refusal::NoSuchJob(_) => Exit::NoSuchJob,
            Refusal::WrongState { .. } => Exit::Failed,
            Refusal::Disabled => Exit::Disabled,
            Refusal::Wrong(_) => Exit::Usage,
            Refusal::NotSaved(_) | Refusal::Busy | Refusal::Stopping => Exit::Instance,
        };
        Self::new(exit, refusal.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => refusal.into(),
            gone @ (ClientError::NotThere(_) | ClientError::Ended(_)) => Self::Gone(gone.to_string()),
            other => Self::new(Exit::Instance, other.to_string()),
        }
    }
}

/// All of these are about the state folder or who works on it.
macro_rules! instance_trouble {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Exit::Instance, error.to_string())
            }
        }
    )*};
}

instance_trouble!(ClaimError, NoHome, ReachError, ServeError, StartError);

impl From<io::Error> for Failure {
    /// Of writing to standard output: a reader that has seen enough is no mistake.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Quiet(Exit::Done),
            _ => Self::new(
                Exit::Failed,
                format!(
                    "The output could not be written: {error}. Its disk may be full; you can send it elsewhere."
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;

    #[test]
    fn each_refusal_has_its_code() {
        let fault = |kind| Refusal::Fault(Fault::new(kind, ""));
        let table = [
            (fault(FaultKind::BadAddress), Exit::Usage),
            (fault(FaultKind::UnknownScheme), Exit::Usage),
            (fault(FaultKind::BadHeader), Exit::Usage),
            (fault(FaultKind::BadChecksum), Exit::Usage),
            (fault(FaultKind::BadName), Exit::Usage),
            (fault(FaultKind::BadProxy), Exit::Usage),
            (fault(FaultKind::Status(404)), Exit::Failed),
            (Refusal::NoSuchJob(JobId::random()), Exit::NoSuchJob),
            (Refusal::WrongState { name: "a".into(), state: "finished".into() }, Exit::Failed),
            (Refusal::Disabled, Exit::Disabled),
            (Refusal::Wrong("No.".into()), Exit::Usage),
            (Refusal::NotSaved("The disk is full.".into()), Exit::Instance),
            (Refusal::Busy, Exit::Instance),
            (Refusal::Stopping, Exit::Instance),
        ];
        for (refusal, exit) in table {
            assert_eq!(Failure::from(ClientError::Refused(refusal.clone())).exit(), exit, "{refusal}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from(gone), Failure::Quiet(Exit::Done));
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).exit(), Exit::Failed);
    }

    #[test]
    fn help_lists_every_code() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::NoSuchJob,
            Exit::Disabled,
            Exit::Instance,
            Exit::NoDisplay,
            Exit::Interrupted,
        ] {
            assert!(EXIT_CODES.contains(&format!("\n  {:<3}  ", exit as u8)), "{exit:?}");
        }
    }
}
