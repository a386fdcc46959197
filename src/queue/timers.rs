//! The timers of a job (bits.md 4.1): when a file is tried again, how long a job may go without progress, how long it
//! may be at work. All run on the monotonic clock: setting the computer's clock or putting it to sleep does not
//! disturb them. What was used up is kept over a restart; the time in between does not count.

use std::time::Duration;

use super::book::Queue;
use super::entry::Entry;
use super::terms::{Effect, Now};
use crate::job::{Cause, Fault, FaultKind, JobId, JobState, Trouble, duration_in_words};

impl Queue {
    /// Does what is due: tries again, ends what took too long, gives turns.
    pub fn tick(&mut self, now: Now) {
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now.monotonic) {
            self.timers.remove(&(at, id));
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.timer = None;
            }
            self.ring(id, now);
            self.set_timer(id);
        }
        if self.turns_due || self.next_slice_end().is_some_and(|at| at <= now.monotonic) {
            self.give_turns(now);
        }
    }

    /// When [`Queue::tick`] has something to do next; `None` if only news can bring that.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        if self.turns_due {
            return Some(Duration::ZERO);
        }
        self.timers.first().map(|(at, _)| *at).into_iter().chain(self.next_slice_end()).min()
    }

    fn ring(&mut self, id: JobId, now: Now) {
        let Some(entry) = self.entries.get(&id) else { return };
        if entry.stuck_at(now).is_some_and(|stuck| stuck >= self.rules.no_progress) {
            let last = entry.job.files.iter().find_map(|file| match &file.trouble {
                Some(Trouble::Waiting(waiting)) => waiting.fault().map(ToString::to_string),
                _ => None,
            });
            let fault = Fault::new(FaultKind::NoProgress, last.unwrap_or_default());
            return self.give_up(id, fault, now);
        }
        if entry.job.state.is_active() && entry.active_at(now) >= self.rules.longest_active {
            let spent = duration_in_words(entry.active_at(now).as_secs());
            return self.give_up(id, Fault::new(FaultKind::TookTooLong, spent), now);
        }
        self.retry_files(id, |_, at| at <= now.monotonic);
        self.settle(id, now);
    }

    /// A job has failed as a whole: so have all its files that are not finished.
    pub(super) fn give_up(&mut self, id: JobId, fault: Fault, now: Now) {
        self.stop_runs(id, |_| true);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.retries.clear();
            for file in entry.job_mut().files.iter_mut().filter(|file| !file.finished && !file.is_left_out())
            {
                file.trouble = Some(Trouble::Failed(fault.clone()));
            }
        }
        self.fail(id, fault, Cause::Timer, now);
    }

    /// Has waiting files tried again, those for which `which` says so of their number and time.
    pub(super) fn retry_files(&mut self, id: JobId, which: impl Fn(usize, Duration) -> bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let due: Vec<usize> =
            entry.retries.extract_if(.., |(file, at)| which(*file, *at)).map(|(file, _)| file).collect();
        if !due.is_empty() {
            // So that a restart does not make it wait anew.
            self.effects.push(Effect::Save(id));
        }
        for file in due {
            let file = entry.job_mut().files.get_mut(file);
            if let Some(file) = file.filter(|file| matches!(file.trouble, Some(Trouble::Waiting(_)))) {
                file.trouble = None;
            }
        }
        self.turns_due = true;
    }

    /// Sets a job's timer to the first thing that is due.
    pub(super) fn set_timer(&mut self, id: JobId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let waits_for_condition =
            matches!(&entry.job.state, JobState::Waiting(waiting) if waiting.why.is_condition());
        let timer = if !entry.job.state.goes_on_by_itself() || waits_for_condition {
            None
        } else {
            let retries = entry.retries.iter().map(|(_, at)| *at);
            let stuck = entry
                .stuck_since
                .map(|since| since + self.rules.no_progress.saturating_sub(entry.stuck.unwrap_or_default()));
            let active =
                entry.turn_since.map(|since| since + self.rules.longest_active.saturating_sub(entry.active));
            retries.chain(stuck).chain(active).min()
        };
        if entry.timer == timer {
            return;
        }
        if let Some(before) = std::mem::replace(&mut entry.timer, timer) {
            self.timers.remove(&(before, id));
        }
        self.timers.extend(timer.map(|at| (at, id)));
    }
}

impl Entry {
    /// Books the time that has passed in the present state.
    pub(super) fn stop_clocks(&mut self, now: Now) {
        if let Some(since) = self.turn_since.take() {
            let passed = now.monotonic.saturating_sub(since);
            self.active += passed;
            self.used += passed;
        }
        if let Some(since) = self.stuck_since.take() {
            *self.stuck.get_or_insert_default() += now.monotonic.saturating_sub(since);
        }
        let (active, stuck) = (self.active.as_secs(), self.stuck.unwrap_or_default().as_secs());
        if (self.job.active_secs, self.job.stuck_secs) != (active, stuck) {
            let job = self.job_mut();
            (job.active_secs, job.stuck_secs) = (active, stuck);
        }
    }

    /// Starts the clocks that run in the present state.
    pub(super) fn start_clocks(&mut self, now: Now) {
        let is_active = self.job.state.is_active();
        let waits_after_fault =
            matches!(&self.job.state, JobState::Waiting(waiting) if !waiting.why.is_condition());
        self.turn_since = is_active.then_some(now.monotonic);
        let is_trying = is_active || waits_after_fault;
        self.stuck_since = (is_trying && self.stuck.is_some()).then_some(now.monotonic);
    }

    /// The user gives it another chance.
    pub(super) fn forget_faults(&mut self) {
        (self.stuck, self.stuck_since) = (None, None);
        let job = self.job_mut();
        job.stuck_secs = 0;
        for file in &mut job.files {
            file.faults_in_a_row = 0;
        }
    }

    /// There was a fault: from now on it counts as being tried without progress.
    pub(super) fn begin_stuck(&mut self, now: Now) {
        self.stuck.get_or_insert_default();
        self.stuck_since.get_or_insert(now.monotonic);
    }

    fn stuck_at(&self, now: Now) -> Option<Duration> {
        let since = self.stuck_since?;
        Some(self.stuck.unwrap_or_default() + now.monotonic.saturating_sub(since))
    }

    fn active_at(&self, now: Now) -> Duration {
        self.active + self.turn_since.map_or(Duration::ZERO, |since| now.monotonic.saturating_sub(since))
    }
}
