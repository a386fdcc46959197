//! The loop of the transfer thread: it owns all jobs, and everything that happens to them happens here.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::jobs::{Entry, Jobs};
use super::pace::Cap;
use super::runs::{Ended, Heard, Runs};
use super::saver::{Saved, Saver};
use super::{Border, Refusal, Reply, Run, Snapshot};
use crate::job::{Fault, Job, JobEvent, JobId, JobState, Secrets};
use crate::store::{Loaded, Record, Settings};
use crate::transfer;

/// The shortest time between two snapshots.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// How often speeds are measured while anything is active.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// How often the free space is looked up while anything is active.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(10);

/// Where an answer goes.
pub(super) type AnswerTo = oneshot::Sender<Result<Reply, Refusal>>;

/// What is done once something is on disk.
pub(super) enum AfterSave {
    /// Take in new jobs and answer.
    Add(Vec<(Job, Secrets)>, AnswerTo),
    /// Answer.
    Answer(AnswerTo, Result<Reply, Refusal>),
    /// Let a transfer go on.
    Plan(oneshot::Sender<()>),
    /// Nobody waits for it.
    Nothing,
}

/// Small tasks beside the transfers.
pub(super) enum Chore {
    Probed(AnswerTo, Result<transfer::Probe, Fault>),
    /// The unfinished files of a cancelled job are deleted.
    Cleaned(JobId),
    FreeBytes(Option<u64>),
}

/// The transfer thread's state.
pub(super) struct Core {
    pub(super) border: Border,
    pub(super) jobs: Jobs,
    pub(super) runs: Runs,
    pub(super) all: Arc<Cap>,
    pub(super) settings: Settings,
    mode: Run,
    saver: Saver,
    saved_news: mpsc::Receiver<Saved>,
    saver_lives: bool,
    /// Whatever is waiting for its ticket, oldest first.
    after_save: VecDeque<(u64, AfterSave)>,
    pub(super) chores: JoinSet<Chore>,
    client: Option<reqwest::Client>,
    notices: Arc<Vec<String>>,
    usual_folder: PathBuf,
    free_bytes: Option<u64>,
    started: Instant,
    next_measure: Option<Instant>,
    pub(super) next_look_at_disk: Instant,
    last_publish: Option<Instant>,
    pub(super) closing: bool,
}

/// What the loop starts with.
pub(super) struct Start {
    pub(super) border: Border,
    pub(super) mode: Run,
    pub(super) loaded: Loaded,
    pub(super) settings: Settings,
    pub(super) usual_folder: PathBuf,
    pub(super) saver: Saver,
    pub(super) saved_news: mpsc::Receiver<Saved>,
}

impl Core {
    pub(super) fn new(start: Start) -> Self {
        let now = Instant::now();
        let mut jobs = Jobs::default();
        for mut job in start.loaded.jobs {
            // A crash or a stop cut it short: it is in line again.
            if let Some(queued) = job.state.after(&JobEvent::TakeTurn) {
                Arc::make_mut(&mut job).state = queued;
            }
            let mut entry = Entry::new(job, Secrets::default());
            if let JobState::Waiting(waiting) = &entry.job.state {
                let until = waiting.until_unix_secs.unwrap_or_default();
                // Waiting for longer than the longest delay would mean the clock was changed.
                let left =
                    Duration::from_secs(until.saturating_sub(unix_secs())).min(Duration::from_hours(24));
                entry.retry_at = Some(now + left);
            }
            jobs.push(entry);
        }
        Self {
            border: start.border,
            jobs,
            runs: Runs::new(),
            all: Cap::new(start.settings.limit),
            settings: start.settings,
            mode: start.mode,
            saver: start.saver,
            saved_news: start.saved_news,
            saver_lives: true,
            after_save: VecDeque::new(),
            chores: JoinSet::new(),
            client: None,
            notices: Arc::new(start.loaded.notices),
            usual_folder: start.usual_folder,
            free_bytes: None,
            started: now,
            next_measure: None,
            next_look_at_disk: now,
            last_publish: None,
            closing: false,
        }
    }

    /// Runs until it is told to stop (or whoever could is gone) and everything is on disk.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        self.clean_up_after_last_time();
        self.look_at_disk();
        loop {
            let now = Instant::now();
            self.retry_what_is_due(now);
            self.give_turns();
            self.measure_if_due(now);
            let publish_at = self.publish_if_due(now);
            if self.closing && self.is_settled() {
                break;
            }
            let wake_at = [publish_at, self.next_measure, self.jobs.next_retry().filter(|_| !self.closing)]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                heard = self.runs.next() => match heard {
                    Heard::News(run, news) => self.hear(run, news),
                    Heard::Ended(ended) => self.end_run(ended),
                },
                _ = &mut stop, if !self.closing => self.close(),
                envelope = self.border.commands.recv(), if !self.closing => match envelope {
                    Some(envelope) => self.take_in(envelope),
                    None => self.close(),
                },
                saved = self.saved_news.recv(), if self.saver_lives => self.go_on_after(&saved.unwrap_or_else(Saved::never)),
                Some(chore) = self.chores.join_next() => {
                    if let Ok(chore) = chore { self.end_chore(chore) }
                }
                () = wait_until(wake_at) => {}
            }
        }
    }

    fn close(&mut self) {
        self.closing = true;
        self.border.commands.close();
        self.runs.stop_all();
    }

    fn is_settled(&self) -> bool {
        self.runs.is_empty() && self.chores.is_empty() && self.after_save.is_empty()
    }

    // What happens after something is on disk.

    pub(super) fn save(&mut self, records: Vec<Record>, then: AfterSave) {
        let ticket = if records.is_empty() { None } else { Some(self.saver.save(records)) };
        match ticket {
            None => self.after_save(then, &Ok(())),
            Some(Some(ticket)) => self.after_save.push_back((ticket, then)),
            Some(None) => {
                self.after_save(then, &Err("The disk does not answer, so nothing can be saved.".into()));
            }
        }
    }

    pub(super) fn save_settings(&mut self, answer: AnswerTo) {
        match self.saver.save_settings(self.settings.clone()) {
            Some(ticket) => self.after_save.push_back((ticket, AfterSave::Answer(answer, Ok(Reply::Done)))),
            None => self.border.answer(answer, Err(Refusal::Busy)),
        }
    }

    fn go_on_after(&mut self, saved: &Saved) {
        self.saver_lives = saved.ticket != u64::MAX;
        if let Err(sentence) = &saved.result
            && !self.notices.contains(sentence)
        {
            Arc::make_mut(&mut self.notices).push(sentence.clone());
        }
        while self.after_save.front().is_some_and(|(ticket, _)| *ticket <= saved.ticket) {
            if let Some((_, then)) = self.after_save.pop_front() {
                self.after_save(then, &saved.result);
            }
        }
        if saved.next_generation_due && !self.closing {
            self.saver.next_generation(self.jobs.to_save());
        }
    }

    fn after_save(&mut self, then: AfterSave, result: &Result<(), String>) {
        let not_saved = |sentence: &String| Refusal::NotSaved(sentence.clone());
        match then {
            AfterSave::Add(jobs, answer) => {
                if let Err(sentence) = result {
                    return self.border.answer(answer, Err(not_saved(sentence)));
                }
                let ids = jobs.iter().map(|(job, _)| job.id).collect();
                for (job, secrets) in jobs {
                    let mut entry = Entry::new(Arc::new(job), secrets);
                    entry.asked = true;
                    self.jobs.push(entry);
                }
                // Seen before the answer, so that who looks it up finds it.
                self.publish();
                self.border.answer(answer, Ok(Reply::Added(ids)));
            }
            AfterSave::Answer(answer, reply) => {
                self.publish();
                let reply = result.as_ref().map_err(not_saved).and(reply);
                self.border.answer(answer, reply);
            }
            AfterSave::Plan(saved) => {
                if result.is_ok() {
                    // The run may have been stopped meanwhile.
                    let _ = saved.send(());
                }
            }
            AfterSave::Nothing => {}
        }
    }

    // Runs: see also `runs.rs`.

    fn give_turns(&mut self) {
        if self.closing {
            return;
        }
        let may_run = |entry: &&Entry| {
            matches!(entry.job.state, JobState::Queued | JobState::Connecting | JobState::Transferring)
                && match self.mode {
                    Run::All => true,
                    Run::Asked => entry.asked,
                    Run::Nothing => false,
                }
        };
        let candidates: Vec<_> = self
            .jobs
            .iter()
            .filter(may_run)
            .map(|entry| crate::queue::Candidate {
                id: entry.job.id,
                priority: entry.job.priority,
                active: entry.job.state.is_active(),
            })
            .collect();
        let turns: HashSet<JobId> =
            crate::queue::turns(&candidates, self.settings.background_jobs).into_iter().collect();
        for candidate in candidates {
            match (turns.contains(&candidate.id), candidate.active) {
                (true, false) if !self.runs.has(candidate.id) => self.start_run(candidate.id),
                (false, true) => {
                    self.apply(candidate.id, &JobEvent::TakeTurn);
                    self.rest(candidate.id);
                }
                _ => {}
            }
        }
    }

    fn retry_what_is_due(&mut self, now: Instant) {
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|entry| matches!(entry.job.state, JobState::Waiting(_)))
            .filter(|entry| entry.retry_at.is_some_and(|at| at <= now))
            .map(|entry| entry.job.id)
            .collect();
        for id in due {
            self.apply(id, &JobEvent::TryAgain);
        }
    }

    /// Lets an event happen to a job; whether its table knows it.
    pub(super) fn apply(&mut self, id: JobId, event: &JobEvent) -> bool {
        let Some(entry) = self.jobs.get_mut(id) else { return false };
        let Some(after) = entry.job.state.after(event) else { return false };
        if entry.job.state != after {
            tracing::debug!(job = %id, from = entry.job.state.word(), to = after.word(), ?event);
            entry.job_mut().state = after;
        }
        true
    }

    /// Stops the run of a job that is no longer active.
    pub(super) fn rest(&mut self, id: JobId) {
        self.runs.stop(id);
        if let Some(live) = self.jobs.get_mut(id).and_then(|entry| entry.live.as_mut()) {
            live.speed.rest();
        }
    }

    fn end_run(&mut self, ended: Ended) {
        let id = ended.job;
        self.take_outcome(ended);
        if self.jobs.get(id).is_some_and(|entry| entry.job.state.is_final()) {
            self.clean_up(id);
        }
    }

    pub(super) fn client(&mut self) -> Result<reqwest::Client, Fault> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = transfer::client(super::pace::start_small)?;
        self.client = Some(client.clone());
        Ok(client)
    }

    fn end_chore(&mut self, chore: Chore) {
        match chore {
            Chore::Probed(answer, result) => {
                self.border.answer(answer, result.map(Reply::Probed).map_err(Refusal::Fault));
            }
            Chore::Cleaned(id) => {
                let Some(entry) = self.jobs.get_mut(id) else { return };
                let record = if entry.removing {
                    self.finish_removal(id)
                } else {
                    for file in &mut entry.job_mut().files {
                        if !file.finished {
                            file.part = None;
                            file.synced_bytes = 0;
                        }
                    }
                    Some(Record::Job(Arc::clone(&entry.job)))
                };
                self.save(record.into_iter().collect(), AfterSave::Nothing);
            }
            Chore::FreeBytes(free_bytes) => self.free_bytes = free_bytes,
        }
    }

    // Snapshots.

    fn measure_if_due(&mut self, now: Instant) {
        if !self.jobs.any_active() {
            self.next_measure = None;
            return;
        }
        if self.next_measure.is_none_or(|at| at <= now) {
            let at = now - self.started;
            // On a grid since the start: a late one must not shift those that follow.
            let halves = at.as_millis() / MEASURE_EVERY.as_millis() + 1;
            self.next_measure = Some(self.started + MEASURE_EVERY * halves as u32);
            for entry in self.jobs.iter_mut() {
                entry.measure(at);
            }
            self.look_at_disk();
        }
    }

    pub(super) fn look_at_disk(&mut self) {
        let now = Instant::now();
        if self.next_look_at_disk > now {
            return;
        }
        self.next_look_at_disk = now + LOOK_AT_DISK_EVERY;
        let folder = self.download_folder();
        self.chores.spawn(async move {
            let looked = tokio::task::spawn_blocking(move || transfer::free_bytes(&folder).ok().flatten());
            Chore::FreeBytes(looked.await.ok().flatten())
        });
    }

    fn download_folder(&self) -> PathBuf {
        self.settings.download_folder.clone().unwrap_or_else(|| self.usual_folder.clone())
    }

    /// Publishes what has changed, unless the last snapshot was just now; then it says when.
    fn publish_if_due(&mut self, now: Instant) -> Option<Instant> {
        let next = self.last_publish.map_or(now, |last| last + PUBLISH_EVERY);
        if next > now {
            return Some(next).filter(|_| self.may_have_changed());
        }
        self.publish();
        None
    }

    /// Whether making a snapshot may be worth it.
    fn may_have_changed(&self) -> bool {
        let last = self.border.published();
        self.jobs.may_have_changed()
            || last.limit != self.settings.limit
            || last.theme != self.settings.theme
            || last.free_bytes != self.free_bytes
            || !Arc::ptr_eq(&last.notices, &self.notices)
    }

    pub(super) fn publish(&mut self) {
        if !self.may_have_changed() {
            return;
        }
        let last = self.border.published();
        let snapshot = Snapshot {
            number: last.number + 1,
            jobs: self.jobs.views(),
            rate_bps: self.jobs.rate_bps(),
            limit: self.settings.limit,
            paused: false,
            slow: false,
            waiting: None,
            orphans: Arc::clone(&last.orphans),
            theme: self.settings.theme,
            download_folder: self.download_folder(),
            free_bytes: self.free_bytes,
            notices: Arc::clone(&self.notices),
        };
        if !snapshot.is_same(&last) {
            self.last_publish = Some(Instant::now());
            self.border.publish(snapshot);
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Seconds since 1970.
pub(super) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
