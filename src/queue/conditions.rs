//! What must hold so that jobs may run, and what they wait for where it does not.

use std::collections::HashSet;
use std::sync::Arc;

use crate::job::{Cause, Job, JobId, Priority, Waiting, Why};

/// What the user and the desktop say. The default lets everything run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all mixtures of them occur"
)]
pub struct Conditions {
    /// Transfers are switched off.
    pub disabled: bool,
    /// The user has paused everything.
    pub held: bool,
    /// The user is signed in.
    pub signed_in: bool,
    /// The computer is awake, and will be for the next moments.
    pub awake: bool,
    /// There is a network.
    pub online: bool,
    /// The network costs money, and downloads are to wait for another.
    pub metered: bool,
    /// The computer runs on its battery, and downloads are to wait for mains.
    pub battery: bool,
    /// Background priorities (high, normal, low) to which the timetable allows nothing now.
    pub no_allowance: [bool; 3],
    /// Jobs the timetable leaves alone: their server is near, and such servers are exempt.
    pub near: Arc<HashSet<JobId>>,
    /// When the timetable changes, in seconds since 1970.
    pub allowance_until_unix_secs: Option<u64>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            disabled: false,
            held: false,
            signed_in: true,
            awake: true,
            online: true,
            metered: false,
            battery: false,
            no_allowance: [false; 3],
            near: Arc::default(),
            allowance_until_unix_secs: None,
        }
    }
}

impl Conditions {
    /// Whether nothing can run until the user says so.
    #[must_use]
    pub const fn is_stopped_by_user(&self) -> bool {
        self.disabled || self.held
    }

    /// What a job waits for, and who is behind it; `None` if it may run.
    #[must_use]
    pub fn blocking(&self, job: &Job) -> Option<(Waiting, Cause)> {
        let blocking = self.blocking_priority(job.priority);
        blocking.filter(|(waiting, _)| waiting.why != Why::Timetable || !self.near.contains(&job.id))
    }

    /// What jobs of that priority wait for, and who is behind it; `None` if they may run. What the user said comes
    /// first, what passes by itself last. Foreground jobs heed neither the timetable nor what the network or the
    /// battery costs: somebody is waiting for them.
    #[must_use]
    pub fn blocking_priority(&self, priority: Priority) -> Option<(Waiting, Cause)> {
        let in_background = priority != Priority::Foreground;
        let no_allowance = match priority {
            Priority::Foreground => false,
            Priority::High => self.no_allowance[0],
            Priority::Normal => self.no_allowance[1],
            Priority::Low => self.no_allowance[2],
        };
        let table = [
            (self.disabled, Why::Disabled, Cause::User),
            (self.held, Why::Held, Cause::User),
            (!self.signed_in, Why::SignedOut, Cause::Session),
            (!self.awake, Why::Asleep, Cause::Session),
            (!self.online, Why::NoNetwork, Cause::Network),
            (self.metered && in_background, Why::Metered, Cause::Network),
            (self.battery && in_background, Why::Battery, Cause::Power),
            (no_allowance, Why::Timetable, Cause::Timetable),
        ];
        let (_, why, cause) = table.into_iter().find(|(blocks, ..)| *blocks)?;
        let until = self.allowance_until_unix_secs.filter(|_| why == Why::Timetable);
        Some((Waiting::for_condition(why, until), cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_its_reason_and_foreground_heeds_some() {
        let all = Conditions::default;
        let table = [
            (Conditions { disabled: true, ..all() }, Why::Disabled, true),
            (Conditions { held: true, ..all() }, Why::Held, true),
            (Conditions { signed_in: false, ..all() }, Why::SignedOut, true),
            (Conditions { awake: false, ..all() }, Why::Asleep, true),
            (Conditions { online: false, ..all() }, Why::NoNetwork, true),
            (Conditions { metered: true, ..all() }, Why::Metered, false),
            (Conditions { battery: true, ..all() }, Why::Battery, false),
            (Conditions { no_allowance: [true; 3], ..all() }, Why::Timetable, false),
        ];
        for (conditions, why, for_foreground) in table {
            let blocking = |priority| conditions.blocking_priority(priority).map(|(waiting, _)| waiting.why);
            for priority in [Priority::High, Priority::Normal, Priority::Low] {
                assert_eq!(blocking(priority), Some(why.clone()));
            }
            assert_eq!(blocking(Priority::Foreground), Some(why).filter(|_| for_foreground));
        }
        assert_eq!(all().blocking_priority(Priority::Low), None);
        let low_only = Conditions { no_allowance: [false, false, true], ..all() };
        assert_eq!(low_only.blocking_priority(Priority::High), None);
        assert!(low_only.blocking_priority(Priority::Low).is_some());
    }

    #[test]
    fn the_users_own_word_comes_first() {
        let conditions = Conditions { held: true, online: false, ..Conditions::default() };
        assert_eq!(
            conditions.blocking_priority(Priority::Normal).map(|(waiting, _)| waiting.why),
            Some(Why::Held)
        );
    }
}
