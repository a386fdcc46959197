//! The queue itself: all jobs, who stands in line, and what is to happen next.
//!
//! It is pure. Time is passed in; what is to be done in the world comes out as [`Effect`]s, in the order in which it is
//! to be done. Its parts: `change` (what the user asks for), `course` (what becomes of the transfers), `turns` (whose
//! turn it is), `timers`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Conditions;
#[cfg(test)]
use super::entry::Has;
use super::entry::{Entry, LineKey};
use super::terms::{Effect, Now, Rules, Run};
use crate::job::{
    AtEnd, Cause, Event, Fault, Job, JobEvent, JobFile, JobId, JobState, LogEntry, Trouble, Waiting, Wanted,
};

/// The distance between two places in the user's order, so that others fit in between.
pub(super) const GAP: u64 = 1 << 20;

/// The longest a wait read from disk may still last: more would mean that the clock was changed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// All jobs and what is to become of them.
#[derive(Debug)]
pub struct Queue {
    /// Boxed: a table that grows has room for twice as many, and an entry is large.
    pub(super) entries: HashMap<JobId, Box<Entry>>,
    /// The user's order.
    pub(super) order: BTreeMap<u64, JobId>,
    /// Those that run or could, the more urgent first.
    pub(super) line: BTreeSet<LineKey>,
    /// How many of each level stand in line without having their turn.
    pub(super) without_turn: [usize; 4],
    /// How many go on without the user.
    pub(super) going_on: usize,
    /// Those that have their turn.
    pub(super) active: BTreeSet<JobId>,
    pub(super) timers: BTreeSet<(Duration, JobId)>,
    /// Unfinished files that are being deleted.
    pub(super) deleting: HashSet<PathBuf>,
    pub(super) conditions: Conditions,
    pub(super) rules: Rules,
    run: Run,
    pub(super) effects: Vec<Effect>,
    /// Whether turns are to be given anew.
    pub(super) turns_due: bool,
    last_place: u64,
}

impl Queue {
    /// The queue with the jobs that were saved.
    #[must_use]
    pub fn new(jobs: Vec<Arc<Job>>, run: Run, rules: Rules, now: Now) -> Self {
        let mut queue = Self {
            entries: HashMap::with_capacity(jobs.len()),
            order: BTreeMap::new(),
            line: BTreeSet::new(),
            without_turn: [0; 4],
            going_on: 0,
            active: BTreeSet::new(),
            timers: BTreeSet::new(),
            deleting: HashSet::new(),
            conditions: Conditions::default(),
            rules,
            run,
            effects: Vec::new(),
            turns_due: true,
            last_place: 0,
        };
        for job in jobs {
            queue.take_up(job, now);
        }
        // One that was filled from front to back has half its room empty; made of the whole it has not.
        queue.order = std::mem::take(&mut queue.order).into_iter().collect();
        queue
    }

    /// Takes up a job as it was when the program ended.
    fn take_up(&mut self, mut job: Arc<Job>, now: Now) {
        // What was under way or waited for a condition is in line again; the condition is looked at anew.
        let waits_for_condition =
            matches!(&job.state, JobState::Waiting(waiting) if waiting.why.is_condition());
        if job.state.is_active() || waits_for_condition {
            let job = Arc::make_mut(&mut job);
            job.state = JobState::Queued;
            job.cause = Cause::Session;
        }
        // Every job's trouble is that of a file, so that each can be tried again by itself.
        let trouble = match &job.state {
            JobState::Waiting(waiting) => Some(Trouble::Waiting(waiting.clone())),
            JobState::Error(fault) => Some(Trouble::Failed(fault.clone())),
            _ => None,
        };
        if trouble.is_some()
            && !job.files.iter().any(|file| !file.is_left_out() && file.trouble.is_some())
            && let Some(file) = Arc::make_mut(&mut job).files.iter_mut().find(|file| file.is_pending())
        {
            file.trouble = trouble;
        }
        let retry = |(index, file): (usize, &JobFile)| match &file.trouble {
            Some(Trouble::Waiting(waiting)) => {
                let left = waiting.until_unix_secs.unwrap_or_default().saturating_sub(now.unix_secs);
                Some((index, now.monotonic + Duration::from_secs(left).min(LONGEST_WAIT)))
            }
            _ => None,
        };
        let retries = job.files.iter().enumerate().filter_map(retry).collect();
        let id = job.id;
        let has_left_over = job.wanted == Wanted::Remove
            || job
                .files
                .iter()
                .any(|file| file.part_paths().next().is_some() && is_given_up(&job.state, file));
        self.insert(Entry { retries, ..Entry::new(job, false) });
        self.enter(id, now);
        self.settle(id, now);
        if has_left_over {
            self.clean_up(id);
        }
        // It came to its end, and what was to be done then was not: at least once.
        if self.job(id).is_some_and(|job| job.at_end != AtEnd::default()) {
            self.effects.push(Effect::Ended(id));
        }
    }

    /// Puts a new job on the list, which is saved already.
    pub fn add(&mut self, job: Job, asked_by: String, now: Now) {
        let id = job.id;
        let files = job.files.len();
        let command = job.finish.as_ref().map(ToString::to_string);
        self.insert(Entry::new(Arc::new(job), true));
        self.log(id, Cause::User, Event::Created { files, by: asked_by }, now);
        self.log_files(id, 0, now);
        if let Some(command) = command {
            self.log(id, Cause::User, Event::ProgramSet { command }, now);
        }
        self.effects.push(Effect::Changed(id));
        self.enter(id, now);
    }

    /// Notes the files of a job from one number on.
    pub(super) fn log_files(&mut self, id: JobId, from: usize, now: Now) {
        let Some(job) = self.job(id).cloned() else { return };
        for (file, of) in job.files.iter().enumerate().skip(from) {
            let event = Event::FileAdded {
                file,
                url: of.url.to_string(),
                path: of.folder.join(of.display_name()).display().to_string(),
            };
            self.log(id, Cause::User, event, now);
        }
    }

    fn insert(&mut self, mut entry: Entry) {
        let place = entry.job.place;
        // Two of the same place would hide each other.
        if place == 0 || self.order.contains_key(&place) {
            let place = self.next_place();
            entry.job_mut().place = place;
        }
        self.last_place = self.last_place.max(entry.job.place);
        self.order.insert(entry.job.place, entry.job.id);
        self.entries.insert(entry.job.id, Box::new(entry));
    }

    /// A place behind all others; it is given to nobody else.
    pub fn next_place(&mut self) -> u64 {
        self.last_place += GAP;
        self.last_place
    }

    /// A place was given by hand.
    pub(super) fn note_place(&mut self, place: u64) {
        self.last_place = self.last_place.max(place);
    }

    // What there is.

    /// The job of that id.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        self.entries.get(&id).map(|entry| &entry.job)
    }

    /// All jobs, in the user's order.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.order.values().filter_map(|id| self.job(*id))
    }

    /// How many jobs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The jobs that have their turn.
    pub fn active(&self) -> impl Iterator<Item = JobId> {
        self.active.iter().copied()
    }

    /// The files of a job that are being fetched.
    #[must_use]
    pub fn running(&self, id: JobId) -> &[usize] {
        self.entries.get(&id).map_or(&[], |entry| &entry.running)
    }

    /// Whether anything goes on, now or later, without the user.
    #[must_use]
    pub const fn goes_on_by_itself(&self) -> bool {
        self.going_on > 0
    }

    /// What holds.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Takes out what is to be done.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    // What changes it.

    /// Other numbers to work by.
    pub fn set_rules(&mut self, rules: Rules) {
        if self.rules != rules {
            self.rules = rules;
            self.turns_due = true;
            for id in self.entries.keys().copied().collect::<Vec<_>>() {
                self.set_timer(id);
            }
        }
    }

    /// Other conditions: jobs that may not run any more wait, those that waited go on. When the network is back, so
    /// do those that waited after a fault (bits.md 1.4).
    pub fn set_conditions(&mut self, conditions: Conditions, now: Now) {
        if self.conditions == conditions {
            return;
        }
        let is_back = !self.conditions.online && conditions.online;
        self.conditions = conditions;
        for id in self.order.values().copied().collect::<Vec<_>>() {
            if is_back {
                self.retry_files(id, |_, _| true);
            }
            self.reconsider(id, now);
        }
        self.turns_due = true;
    }

    /// Brings a job's state into line with the conditions.
    pub(super) fn reconsider(&mut self, id: JobId, now: Now) {
        let Some(entry) = self.entries.get(&id) else { return };
        let blocking = self.conditions.blocking(&entry.job);
        match (&entry.job.state, blocking) {
            (JobState::Queued | JobState::Connecting | JobState::Transferring, Some((waiting, cause))) => {
                let was_active = entry.job.state.is_active();
                self.apply(id, &JobEvent::Wait(waiting.clone()), cause, now);
                if was_active {
                    self.log(id, cause, Event::Blocked { waiting }, now);
                }
            }
            (JobState::Waiting(old), Some((waiting, cause))) if old.why.is_condition() && *old != waiting => {
                self.apply(id, &JobEvent::Wait(waiting), cause, now);
            }
            (JobState::Waiting(old), None) if old.why.is_condition() => {
                let cause = entry.job.cause;
                self.apply(id, &JobEvent::TryAgain, cause, now);
                self.settle(id, now);
            }
            (JobState::Waiting(old), _) if !old.why.is_condition() => self.settle(id, now),
            _ => {}
        }
    }

    /// Lets an event happen to a job; whether its table knows it.
    pub(super) fn apply(&mut self, id: JobId, event: &JobEvent, cause: Cause, now: Now) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let Some(after) = entry.job.state.after(event) else { return false };
        if entry.job.state == after {
            return true;
        }
        let was_active = entry.job.state.is_active();
        entry.stop_clocks(now);
        let is_active = after.is_active();
        let job = entry.job_mut();
        job.state = after;
        job.cause = cause;
        entry.start_clocks(now);
        self.effects.push(Effect::Changed(id));
        if was_active && !is_active {
            self.stop_runs(id, |_| true);
        }
        self.enter(id, now);
        true
    }

    /// Puts a job where its state belongs: into the line, among the waiting, or out of both.
    pub(super) fn enter(&mut self, id: JobId, now: Now) {
        self.set_line(id);
        self.set_timer(id);
        self.turns_due = true;
        let Some(entry) = self.entries.get(&id) else { return };
        if matches!(entry.job.state, JobState::Queued)
            && let Some((waiting, cause)) = self.conditions.blocking(&entry.job)
        {
            self.apply(id, &JobEvent::Wait(waiting), cause, now);
        }
    }

    /// Draws a job's state from those of its files: it is whole, it goes on, it waits, or it has failed.
    pub(super) fn settle(&mut self, id: JobId, now: Now) {
        let Some(entry) = self.entries.get(&id) else { return };
        let job = &entry.job;
        if job.is_whole() {
            if !job.state.is_final() && job.state != JobState::Transferred {
                self.finish(id, now);
            }
            return;
        }
        let for_condition = match &job.state {
            JobState::Queued | JobState::Connecting | JobState::Transferring => None,
            JobState::Waiting(waiting) => Some(waiting.why.is_condition()),
            _ => return,
        };
        if entry.has_runs() || job.files.iter().any(JobFile::is_pending) {
            if for_condition == Some(false) {
                self.apply(id, &JobEvent::TryAgain, Cause::Timer, now);
            }
            return;
        }
        let waits = job.wanted_files().filter_map(|file| match &file.trouble {
            Some(Trouble::Waiting(waiting)) => Some(waiting),
            _ => None,
        });
        let first: Option<Waiting> = waits.min_by_key(|waiting| waiting.until_unix_secs).cloned();
        let failed = job.files.iter().find_map(|file| match &file.trouble {
            Some(Trouble::Failed(fault)) => Some(fault.clone()),
            _ => None,
        });
        match (first, failed) {
            // The condition comes first; when it holds again, what the file waits for is looked at anew.
            (Some(_), _) if for_condition == Some(true) => {}
            (Some(waiting), _) => {
                self.apply(id, &JobEvent::Wait(waiting), Cause::Fault, now);
            }
            (None, Some(fault)) => self.fail(id, fault, Cause::Fault, now),
            (None, None) => {}
        }
    }

    pub(super) fn fail(&mut self, id: JobId, fault: Fault, cause: Cause, now: Now) {
        if !self.apply(id, &JobEvent::Fail(fault.clone()), cause, now) {
            return;
        }
        self.log(id, cause, Event::Failed { fault }, now);
        self.came_to_end(id, now);
    }

    /// All files of a job are whole: it is accepted at once, unless the user wants to do that.
    pub(super) fn finish(&mut self, id: JobId, now: Now) {
        self.apply(id, &JobEvent::Finish, Cause::Transfer, now);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let job = entry.job_mut();
        // Whatever it was to be held back from is done.
        job.wanted = Wanted::Transfer;
        if !job.hold_finished {
            self.accept(id, Wanted::Transfer, Cause::Transfer, now);
        }
        self.came_to_end(id, now);
    }

    /// A job has come to its end without the user: what is to be done then is saved with it.
    fn came_to_end(&mut self, id: JobId, now: Now) {
        let tell = self.rules.tell;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let job = entry.job_mut();
        job.ended_unix_secs = Some(now.unix_secs);
        job.at_end = AtEnd { tell, run: job.finish.is_some(), ..AtEnd::default() };
        self.effects.extend([Effect::Save(id), Effect::Ended(id)]);
    }

    /// The end of a job, with what is finished of it.
    pub(super) fn accept(&mut self, id: JobId, wanted: Wanted, cause: Cause, now: Now) {
        self.apply(id, &JobEvent::Complete, cause, now);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.job_mut().wanted = wanted;
        let finished = || entry.job.files.iter().filter(|file| file.finished);
        let event = Event::Completed {
            files: finished().count(),
            bytes: finished().map(JobFile::synced_bytes).sum(),
        };
        self.log(id, cause, event, now);
    }

    /// Tells the transfers of some files to stop.
    pub(super) fn stop_runs(&mut self, id: JobId, which: impl Fn(usize) -> bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        for file in entry.running.extract_if(.., |file| which(*file)) {
            entry.stopping.push(file);
            self.effects.push(Effect::Stop(id, file));
        }
    }

    /// Deletes the unfinished files nobody wants any more, once none of them is open. A job that was to be removed is
    /// gone then.
    pub(super) fn clean_up(&mut self, id: JobId) {
        let Some(entry) = self.entries.get(&id) else { return };
        if entry.has_runs() {
            return;
        }
        let parts: Vec<PathBuf> = entry
            .job
            .files
            .iter()
            .filter(|file| is_given_up(&entry.job.state, file))
            .flat_map(JobFile::part_paths)
            .collect();
        if parts.is_empty() {
            if entry.job.wanted == Wanted::Remove && entry.job.state.is_final() {
                self.remove(id);
            }
            return;
        }
        self.deleting.extend(parts.iter().cloned());
        self.effects.push(Effect::Delete(id, parts));
    }

    fn remove(&mut self, id: JobId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.order.remove(&entry.job.place);
        if let Some(key) = entry.in_line {
            self.line.remove(&key);
        }
        if let Some(timer) = entry.timer {
            self.timers.remove(&(timer, id));
        }
        self.going_on -= usize::from(entry.goes_on);
        self.effects.push(Effect::Gone(id));
    }

    pub(super) fn log(&mut self, id: JobId, cause: Cause, event: Event, now: Now) {
        let name = self.job(id).map(|job| job.display_name()).unwrap_or_default();
        let entry = LogEntry { unix_secs: now.unix_secs, job: Some(id), name, cause, event };
        self.effects.push(Effect::Log(entry));
    }

    /// Whether a job is one of those that are transferred at all.
    pub(super) fn may_run(&self, entry: &Entry) -> bool {
        match self.run {
            Run::All => true,
            Run::Asked => entry.asked,
            Run::Nothing => false,
        }
    }
}

#[cfg(test)]
impl Queue {
    /// Sees to it that what is kept twice is kept the same.
    pub(super) fn check(&self) {
        let mut without_turn = [0; 4];
        for (id, entry) in &self.entries {
            let job = &entry.job;
            assert_eq!(self.order.get(&job.place), Some(id));
            let stands_in_line = self.may_run(entry)
                && matches!(job.state, JobState::Queued | JobState::Connecting | JobState::Transferring);
            let is_active = stands_in_line && job.state.is_active();
            let has = if is_active { Has::Turn } else { Has::NoTurn };
            let key = stands_in_line.then_some((job.priority, entry.round, has, job.place, *id));
            assert_eq!(entry.in_line, key);
            assert!(key.is_none_or(|key| self.line.contains(&key)));
            assert_eq!(self.active.contains(id), is_active);
            assert_eq!(entry.turn_since.is_some(), job.state.is_active());
            assert!(entry.timer.is_none_or(|at| self.timers.contains(&(at, *id))));
            without_turn[job.priority as usize] += usize::from(stands_in_line && !is_active);
        }
        assert_eq!(self.order.len(), self.entries.len());
        assert_eq!(self.line.len(), self.entries.values().filter(|entry| entry.in_line.is_some()).count());
        assert_eq!(self.timers.len(), self.entries.values().filter(|entry| entry.timer.is_some()).count());
        assert_eq!(self.without_turn, without_turn);
        let goes_on = |entry: &Entry| self.may_run(entry) && entry.job.state.goes_on_by_itself();
        assert_eq!(self.going_on, self.entries.values().filter(|entry| goes_on(entry)).count());
    }
}

/// Whether the unfinished data of a file is of no use any more.
fn is_given_up(state: &JobState, file: &JobFile) -> bool {
    !file.finished && (state.is_final() || file.is_left_out())
}
