//! What `get` makes of how its job stands: go on, say something, or end. Pure; the talking is elsewhere.

use crate::engine::JobView;
use crate::job::{Fault, JobState, Waiting, Why};

/// After so many faults without a byte in between, somebody who waits is told rather than kept.
const PATIENCE: u32 = 5;

/// The course of one job since `get` began.
#[derive(Debug)]
pub(super) struct Course {
    /// Bytes that were here before.
    before: Option<u64>,
    done: u64,
    said: Option<JobState>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// Wait on.
    GoesOn,
    /// Say once that it waits, and wait on.
    Waits(Waiting),
    /// Say once that somebody holds it, and wait on.
    IsHeld,
    /// There is no more to wait for.
    Ends(Ending),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// The file is whole and under its name.
    Saved,
    /// It goes no further by itself.
    Failed(Fault),
    /// It would be tried again, but there is little hope for who waits.
    GivenUp(Fault),
    /// Somebody else cancelled it.
    Cancelled,
    /// Somebody else accepted it before it was whole.
    Completed,
    /// Somebody else took it off the list.
    Removed,
}

impl Course {
    /// A course that starts with so many bytes already here; `None` where that is not known.
    pub(super) const fn new(before: Option<u64>) -> Self {
        Self { before, done: 0, said: None }
    }

    /// Bytes that arrived since.
    pub(super) fn arrived_bytes(&self) -> u64 {
        self.done.saturating_sub(self.before.unwrap_or(0))
    }

    /// Looks at how it stands now.
    pub(super) fn turn(&mut self, view: &JobView) -> Turn {
        let state = &view.job.state;
        // Seen before anything can have arrived, it tells what was here; seen later, that is anyone's guess,
        // and to be patient is the better one.
        let before = self.before.unwrap_or(match state {
            JobState::Queued | JobState::Connecting => view.done_bytes,
            _ => 0,
        });
        self.done = view.done_bytes;
        // Less than before: the server has another file, and it started over.
        self.before = Some(before.min(view.done_bytes));
        match state {
            JobState::Acknowledged if view.job.is_whole() => Turn::Ends(Ending::Saved),
            JobState::Acknowledged => Turn::Ends(Ending::Completed),
            JobState::Cancelled => Turn::Ends(Ending::Cancelled),
            JobState::Error(fault) => Turn::Ends(Ending::Failed(fault.clone())),
            JobState::Waiting(waiting) => {
                let is_hopeless = self.arrived_bytes() == 0
                    || view.job.faults_in_a_row() >= PATIENCE
                    || matches!(waiting.why, Why::DiskFull(_) | Why::Folder(_));
                match waiting.fault() {
                    Some(fault) if is_hopeless => Turn::Ends(Ending::GivenUp(fault.clone())),
                    // A condition is the user's own, or will pass.
                    _ => self.once(state, Turn::Waits(waiting.clone())),
                }
            }
            JobState::Suspended => self.once(state, Turn::IsHeld),
            JobState::Queued | JobState::Connecting | JobState::Transferring | JobState::Transferred => {
                self.said = None;
                Turn::GoesOn
            }
        }
    }

    fn once(&mut self, state: &JobState, turn: Turn) -> Turn {
        if self.said.as_ref() == Some(state) {
            return Turn::GoesOn;
        }
        self.said = Some(state.clone());
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::job::FaultKind;

    fn fault() -> Fault {
        Fault::new(FaultKind::ConnectionLost, "")
    }

    fn waiting(until: u64) -> JobState {
        JobState::Waiting(Waiting { why: Why::BackOff(fault()), until_unix_secs: Some(until) })
    }

    fn at(state: JobState, done_bytes: u64) -> JobView {
        JobView { done_bytes, ..samples::view("http://a.org/f", state) }
    }

    #[test]
    fn without_a_byte_a_wait_is_the_end() {
        for before in [Some(10), None] {
            let mut course = Course::new(before);
            assert_eq!(course.turn(&at(JobState::Connecting, 10)), Turn::GoesOn);
            assert_eq!(course.turn(&at(waiting(1), 10)), Turn::Ends(Ending::GivenUp(fault())));
        }
    }

    #[test]
    fn with_a_byte_it_is_said_once_for_each_wait() {
        let mut course = Course::new(Some(10));
        course.turn(&at(JobState::Transferring, 11));
        assert!(matches!(course.turn(&at(waiting(1), 11)), Turn::Waits(_)));
        assert_eq!(course.turn(&at(waiting(1), 11)), Turn::GoesOn);
        assert!(matches!(course.turn(&at(waiting(2), 11)), Turn::Waits(_)));
        course.turn(&at(JobState::Transferring, 11));
        assert!(matches!(course.turn(&at(waiting(2), 11)), Turn::Waits(_)));
        assert_eq!(course.arrived_bytes(), 1);
    }

    #[test]
    fn many_faults_in_a_row_or_a_full_disk_are_the_end() {
        let mut course = Course::new(Some(0));
        course.turn(&at(JobState::Transferring, 50));
        let many = samples::changed(at(waiting(1), 50), |job| job.files[0].faults_in_a_row = 5);
        assert_eq!(course.turn(&many), Turn::Ends(Ending::GivenUp(fault())));

        let full = Waiting { why: Why::DiskFull(fault()), until_unix_secs: None };
        let full = at(JobState::Waiting(full), 60);
        assert_eq!(course.turn(&full), Turn::Ends(Ending::GivenUp(fault())));
    }

    #[test]
    fn a_download_that_starts_over_counts_from_zero() {
        let mut course = Course::new(Some(1000));
        course.turn(&at(JobState::Transferring, 0));
        course.turn(&at(JobState::Transferring, 400));
        assert_eq!(course.arrived_bytes(), 400);
        assert!(matches!(course.turn(&at(waiting(1), 400)), Turn::Waits(_)));
    }

    #[test]
    fn every_end_is_recognised() {
        let turn = |view: &JobView| Course::new(Some(0)).turn(view);
        let whole = samples::changed(at(JobState::Acknowledged, 9), |job| job.files[0].finished = true);
        assert_eq!(turn(&whole), Turn::Ends(Ending::Saved));
        assert_eq!(turn(&at(JobState::Acknowledged, 9)), Turn::Ends(Ending::Completed));
        assert_eq!(turn(&at(JobState::Cancelled, 9)), Turn::Ends(Ending::Cancelled));
        assert_eq!(turn(&at(JobState::Error(fault()), 9)), Turn::Ends(Ending::Failed(fault())));
        assert_eq!(turn(&at(JobState::Suspended, 9)), Turn::IsHeld);
        for state in [JobState::Queued, JobState::Connecting, JobState::Transferring, JobState::Transferred] {
            assert_eq!(turn(&at(state, 9)), Turn::GoesOn);
        }
    }
}
