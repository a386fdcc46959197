//! The nine states of a job and the table of what leads from one to the next (bits.md 1.2 to 1.4).

use serde::{Deserialize, Serialize};

use super::Fault;

/// Where a job is in its life. BITS's nine states; what BITS overloads on TRANSIENT_ERROR is
/// [`JobState::Waiting`], with the reason and the time of the next try in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobState {
    /// In line for its turn.
    Queued,
    /// Its turn has come; a server is being asked.
    Connecting,
    /// Bytes are arriving.
    Transferring,
    /// Held by the user.
    Suspended,
    /// It goes no further by itself: the user must change something or try again.
    Error(Fault),
    /// It goes on by itself when the reason is gone.
    Waiting(Waiting),
    /// All files are here; the user has yet to accept them.
    Transferred,
    /// Finished for good.
    Acknowledged,
    /// Given up by the user; what was fetched is deleted.
    Cancelled,
}

/// What a waiting job waits for, and when it is tried again at the latest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// The reason.
    pub why: Why,
    /// When it is tried again, in seconds since 1970; `None` where no time is known.
    pub until_unix_secs: Option<u64>,
}

/// Why a job waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Why {
    /// A transient fault; tried again after a while.
    BackOff(Fault),
    /// The disk has no room; tried again from time to time, with everything kept.
    DiskFull(Fault),
    /// The folder is not there or cannot be written to; looked at again from time to time, with everything kept.
    Folder(Fault),
    /// There is no network.
    NoNetwork,
    /// Its user is signed out.
    SignedOut,
    /// The computer is asleep, or about to be.
    Asleep,
    /// The network costs money.
    Metered,
    /// The computer runs on its battery.
    Battery,
    /// The timetable allows nothing now.
    Timetable,
    /// The user has paused everything.
    Held,
    /// Transfers are switched off.
    Disabled,
}

impl Waiting {
    /// It waits for a condition, until a time if one is known.
    #[must_use]
    pub const fn for_condition(why: Why, until_unix_secs: Option<u64>) -> Self {
        Self { why, until_unix_secs }
    }

    /// The fault behind it, where there is one.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        match &self.why {
            Why::BackOff(fault) | Why::DiskFull(fault) | Why::Folder(fault) => Some(fault),
            _ => None,
        }
    }

    /// What it waits for, as a short clause without a full stop.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.why {
            Why::BackOff(fault) | Why::DiskFull(fault) | Why::Folder(fault) => return fault.what(),
            Why::NoNetwork => "There is no network",
            Why::SignedOut => "You are signed out",
            Why::Asleep => "The computer is asleep",
            Why::Metered => "The network is metered",
            Why::Battery => "The computer runs on its battery",
            Why::Timetable => "The timetable allows nothing now",
            Why::Held => "All downloads are paused",
            Why::Disabled => "Transfers are switched off in the settings",
        }
        .to_owned()
    }
}

impl Why {
    /// One word for scripts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::BackOff(_) => "back_off",
            Self::DiskFull(_) => "disk_full",
            Self::Folder(_) => "folder",
            Self::NoNetwork => "no_network",
            Self::SignedOut => "signed_out",
            Self::Asleep => "asleep",
            Self::Metered => "metered",
            Self::Battery => "battery",
            Self::Timetable => "timetable",
            Self::Held => "held",
            Self::Disabled => "disabled",
        }
    }

    /// Whether it is a condition, which ends when the condition holds again, and not a fault of the job's own.
    #[must_use]
    pub const fn is_condition(&self) -> bool {
        !matches!(self, Self::BackOff(_) | Self::DiskFull(_) | Self::Folder(_))
    }
}

/// What happens to a job: commands of the user, decisions of the scheduler, and news of the transfer.
///
/// | from \ event | Resume | Suspend | Cancel | Complete | AddFiles | GiveTurn | Connect | TakeTurn | Wait | Fail | Finish | TryAgain |
/// |---|---|---|---|---|---|---|---|---|---|---|---|---|
/// | Suspended    | Queued | stays | Cancelled | Acknowledged | stays | - | - | - | - | - | Transferred | - |
/// | Queued       | stays | Suspended | Cancelled | Acknowledged | stays | Connecting | - | stays | Waiting | Error | Transferred | - |
/// | Connecting   | stays | Suspended | Cancelled | Acknowledged | stays | - | Transferring | Queued | Waiting | Error | Transferred | - |
/// | Transferring | stays | Suspended | Cancelled | Acknowledged | stays | - | stays | Queued | Waiting | Error | Transferred | - |
/// | Waiting      | Queued | Suspended | Cancelled | Acknowledged | Queued | - | - | - | Waiting | Error | Transferred | Queued |
/// | Error        | Queued | stays | Cancelled | Acknowledged | Queued | - | - | - | - | Error | Transferred | - |
/// | Transferred  | stays | stays | Cancelled | Acknowledged | Queued | - | - | - | - | - | stays | - |
/// | Acknowledged | - | - | - | - | - | - | - | - | - | - | - | - |
/// | Cancelled    | - | - | - | - | - | - | - | - | - | - | - | - |
///
/// `-` is what BITS answers with `BG_E_INVALID_STATE`. Changed on purpose:
///
/// - Waiting stands for TRANSIENT_ERROR, with its reason.
/// - AddFiles puts a job that has come to its end back in line; BITS wants a Resume after it. To the user, adding a
///   file means wanting it.
/// - Finish can come to a job that is not transferring: its last unfinished file was left out (BITS cannot leave a
///   file out), or became whole just as the job was held. Connecting may finish without a byte: the server says that
///   we have the file whole.
/// - Suspend leaves an error as it is: BITS counts such a job as suspended, and the user wants to see the error.
/// - TakeTurn on a queued job is harmless.
/// - Nothing leads from "no progress for long" to Cancelled (BITS's JobInactivityTimeout): such a job is flagged,
///   never deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// The user: go on. On a waiting job: now, skipping the rest of the delay.
    Resume,
    /// The user: hold.
    Suspend,
    /// The user: give it up.
    Cancel,
    /// The user, or automatically: accept what is finished.
    Complete,
    /// The user: more files.
    AddFiles,
    /// The scheduler: it is this job's turn.
    GiveTurn,
    /// The transfer: a server answered with data.
    Connect,
    /// The scheduler, or the end of the session: back in line.
    TakeTurn,
    /// A transient fault, or a condition that does not hold.
    Wait(Waiting),
    /// A fatal fault.
    Fail(Fault),
    /// The transfer: all files are whole.
    Finish,
    /// The delay is over, or the condition holds again.
    TryAgain,
}

impl JobState {
    /// The state after `event`, or `None` where the table has no such transition.
    #[must_use]
    pub fn after(&self, event: &JobEvent) -> Option<Self> {
        use JobEvent as E;
        use JobState as S;
        Some(match (self, event) {
            (S::Acknowledged | S::Cancelled, _) => return None,
            (_, E::Cancel) => S::Cancelled,
            (_, E::Complete) => S::Acknowledged,

            (_, E::Finish) => S::Transferred,

            (S::Suspended | S::Waiting(_) | S::Error(_), E::Resume)
            | (S::Waiting(_) | S::Error(_) | S::Transferred, E::AddFiles)
            | (S::Waiting(_), E::TryAgain) => S::Queued,
            (S::Queued | S::Connecting | S::Transferring | S::Transferred, E::Resume)
            | (S::Suspended | S::Queued | S::Connecting | S::Transferring, E::AddFiles)
            | (S::Suspended | S::Error(_) | S::Transferred, E::Suspend) => self.clone(),
            (S::Queued | S::Connecting | S::Transferring | S::Waiting(_), E::Suspend) => S::Suspended,

            (S::Queued, E::GiveTurn) => S::Connecting,
            (S::Connecting | S::Transferring, E::Connect) => S::Transferring,
            (S::Queued | S::Connecting | S::Transferring, E::TakeTurn) => S::Queued,

            (S::Queued | S::Connecting | S::Transferring | S::Waiting(_), E::Wait(waiting)) => {
                S::Waiting(waiting.clone())
            }
            (S::Queued | S::Connecting | S::Transferring | S::Waiting(_) | S::Error(_), E::Fail(fault)) => {
                S::Error(fault.clone())
            }
            _ => return None,
        })
    }

    /// Whether a transfer is under way.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Connecting | Self::Transferring)
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Cancelled)
    }

    /// Whether it will go on without the user: in line, under way or waiting.
    #[must_use]
    pub const fn goes_on_by_itself(&self) -> bool {
        matches!(self, Self::Queued | Self::Connecting | Self::Transferring | Self::Waiting(_))
    }

    /// The fault that explains it, where there is one.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Error(fault) => Some(fault),
            Self::Waiting(waiting) => waiting.fault(),
            _ => None,
        }
    }

    /// One lower-case word for scripts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Transferring => "transferring",
            Self::Suspended => "suspended",
            Self::Error(_) => "error",
            Self::Waiting(_) => "waiting",
            Self::Transferred => "transferred",
            Self::Acknowledged => "acknowledged",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::FaultKind;

    fn fault() -> Fault {
        Fault::new(FaultKind::Stalled, "no byte for 30 s")
    }

    fn waiting() -> Waiting {
        Waiting { why: Why::BackOff(fault()), until_unix_secs: Some(7) }
    }

    /// The table of the doc comment, read from the source itself, so that the two cannot drift apart.
    #[test]
    fn the_code_does_what_the_table_says() {
        let states = [
            ("Suspended", JobState::Suspended),
            ("Queued", JobState::Queued),
            ("Connecting", JobState::Connecting),
            ("Transferring", JobState::Transferring),
            ("Waiting", JobState::Waiting(waiting())),
            ("Error", JobState::Error(fault())),
            ("Transferred", JobState::Transferred),
            ("Acknowledged", JobState::Acknowledged),
            ("Cancelled", JobState::Cancelled),
        ];
        let events = [
            JobEvent::Resume,
            JobEvent::Suspend,
            JobEvent::Cancel,
            JobEvent::Complete,
            JobEvent::AddFiles,
            JobEvent::GiveTurn,
            JobEvent::Connect,
            JobEvent::TakeTurn,
            JobEvent::Wait(waiting()),
            JobEvent::Fail(fault()),
            JobEvent::Finish,
            JobEvent::TryAgain,
        ];
        let rows: Vec<Vec<&str>> = include_str!("state.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("/// |"))
            .map(|line| line.trim_end_matches('|').split('|').map(str::trim).collect())
            .collect();
        let rows = &rows[2..];
        assert_eq!(rows.len(), states.len());
        for row in rows {
            assert_eq!(row.len(), events.len() + 1);
            let named = |name: &str| states.iter().find(|(n, _)| *n == name).map(|(_, state)| state.clone());
            let from = named(row[0]).expect("a known state");
            for (event, cell) in events.iter().zip(&row[1..]) {
                let expected = match *cell {
                    "-" => None,
                    "stays" => Some(from.clone()),
                    name => named(name),
                };
                assert_eq!(from.after(event), expected, "{} {event:?}", row[0]);
            }
        }
    }

    /// BITS's own tables (bits.md 1.3 and 1.4), written down anew: what differs from them is listed with its reason, and
    /// nothing else may differ.
    #[test]
    fn what_differs_from_bits_does_so_on_purpose() {
        use JobEvent as E;
        use JobState as S;
        let calls = [E::Resume, E::Suspend, E::Cancel, E::Complete];
        let invalid = || [None, None, None, None];
        let under_way =
            |state: S| [Some(state), Some(S::Suspended), Some(S::Cancelled), Some(S::Acknowledged)];
        let bits_calls: [(S, [Option<S>; 4]); 9] = [
            (S::Suspended, [Some(S::Queued), Some(S::Suspended), Some(S::Cancelled), Some(S::Acknowledged)]),
            (S::Queued, under_way(S::Queued)),
            (S::Connecting, under_way(S::Connecting)),
            (S::Transferring, under_way(S::Transferring)),
            (S::Waiting(waiting()), under_way(S::Queued)),
            (
                S::Error(fault()),
                [Some(S::Queued), Some(S::Error(fault())), Some(S::Cancelled), Some(S::Acknowledged)],
            ),
            (
                S::Transferred,
                [Some(S::Transferred), Some(S::Transferred), Some(S::Cancelled), Some(S::Acknowledged)],
            ),
            (S::Acknowledged, invalid()),
            (S::Cancelled, invalid()),
        ];
        for (from, row) in bits_calls {
            for (call, expected) in calls.iter().zip(row) {
                assert_eq!(from.after(call), expected, "{} {call:?}", from.word());
            }
        }
        // Automatic transitions: from, what happens, to.
        let wait = || E::Wait(waiting());
        let fail = || E::Fail(fault());
        let bits_automatic = [
            (S::Queued, E::GiveTurn, S::Connecting),
            (S::Connecting, E::Connect, S::Transferring),
            (S::Connecting, wait(), S::Waiting(waiting())),
            (S::Transferring, E::TakeTurn, S::Queued),
            (S::Transferring, E::Finish, S::Transferred),
            (S::Queued, wait(), S::Waiting(waiting())),
            (S::Transferring, wait(), S::Waiting(waiting())),
            (S::Waiting(waiting()), E::TryAgain, S::Queued),
            (S::Waiting(waiting()), fail(), S::Error(fault())),
            (S::Connecting, fail(), S::Error(fault())),
            (S::Transferring, fail(), S::Error(fault())),
        ];
        for (from, event, to) in &bits_automatic {
            assert_eq!(from.after(event).as_ref(), Some(to), "{} {event:?}", from.word());
        }
        // Ours on top of these, each with what makes it necessary.
        let ours = [
            (S::Connecting, E::TakeTurn, "a turn may end before a server has answered"),
            (S::Queued, E::TakeTurn, "harmless"),
            (S::Transferring, E::Connect, "the next file of the job has connected"),
            (S::Waiting(waiting()), wait(), "the reason has changed"),
            (S::Queued, fail(), "its login is known no more, or a limit was reached while it stood in line"),
            (S::Error(fault()), fail(), "another of its files has failed"),
            (
                S::Suspended,
                E::Finish,
                "the last byte came just as it was held, or its last file was left out",
            ),
            (S::Queued, E::Finish, "its last unfinished file was left out"),
            (S::Connecting, E::Finish, "the server says that all of it is here"),
            (S::Waiting(waiting()), E::Finish, "its last unfinished file was left out"),
            (S::Error(fault()), E::Finish, "its last unfinished file was left out"),
            (S::Transferred, E::Finish, "harmless"),
        ];
        let states = [
            S::Suspended,
            S::Queued,
            S::Connecting,
            S::Transferring,
            S::Waiting(waiting()),
            S::Error(fault()),
            S::Transferred,
            S::Acknowledged,
            S::Cancelled,
        ];
        let automatic = [E::GiveTurn, E::Connect, E::TakeTurn, wait(), fail(), E::Finish, E::TryAgain];
        for from in &states {
            for event in &automatic {
                let is_bits = bits_automatic.iter().any(|(state, what, _)| state == from && what == event);
                let is_ours = ours
                    .iter()
                    .any(|(state, what, reason)| state == from && what == event && !reason.is_empty());
                let known = from.after(event).is_some();
                assert_eq!(known, is_bits || is_ours, "{} {event:?}", from.word());
            }
        }
    }
}
