//! The runs: which transfer is under way for which job, and what its news and its end mean for the job.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::core::{AfterSave, Core, unix_secs};
use crate::job::{Fault, FaultKind, Job, JobEvent, JobFile, JobId, NewHeader, Secrets, Waiting, Why};
use crate::queue::retry_delay;
use crate::store::Record;
use crate::transfer::{self, Access, News, Order, Outcome, Reporter};

/// How many news may wait for the engine.
const NEWS_WAITING: usize = 256;

/// When a full disk is looked at again.
const DISK_FULL_RETRY: Duration = Duration::from_mins(1);

/// All transfers under way.
pub(super) struct Runs {
    tasks: JoinSet<(u64, Outcome)>,
    by_number: HashMap<u64, OneRun>,
    by_job: HashMap<JobId, u64>,
    last_number: u64,
    news_in: mpsc::Sender<(u64, News)>,
    news: mpsc::Receiver<(u64, News)>,
}

struct OneRun {
    job: JobId,
    file: usize,
    task: tokio::task::Id,
    /// Dropped to stop it.
    stop: Option<oneshot::Sender<()>>,
}

/// What is heard of the runs.
pub(super) enum Heard {
    /// What one tells.
    News(u64, News),
    /// One is over.
    Ended(Ended),
}

/// A run that is over.
pub(super) struct Ended {
    pub(super) job: JobId,
    file: usize,
    outcome: Outcome,
}

impl Runs {
    pub(super) fn new() -> Self {
        let (news_in, news) = mpsc::channel(NEWS_WAITING);
        Self {
            tasks: JoinSet::new(),
            by_number: HashMap::new(),
            by_job: HashMap::new(),
            last_number: 0,
            news_in,
            news,
        }
    }

    /// Whether a run of the job has not ended yet.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.by_job.contains_key(&job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Tells the run of a job to stop; its end is reported later.
    pub(super) fn stop(&mut self, job: JobId) {
        let run = self.by_job.get(&job).and_then(|number| self.by_number.get_mut(number));
        if let Some(run) = run {
            run.stop = None;
        }
    }

    pub(super) fn stop_all(&mut self) {
        for run in self.by_number.values_mut() {
            run.stop = None;
        }
    }

    /// The next thing heard of any run; its end comes after all it told. Waits for ever while nothing runs.
    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            biased;
            Some((run, news)) = self.news.recv() => Heard::News(run, news),
            ended = next_end(&mut self.tasks, &mut self.by_number, &mut self.by_job) => Heard::Ended(ended),
        }
    }

    fn start(&mut self, job: JobId, file: usize, make: impl FnOnce(Reporter) -> (reqwest::Client, Order)) {
        self.last_number += 1;
        let number = self.last_number;
        let (client, order) = make(Reporter { run: number, sender: self.news_in.clone() });
        let (stop, stopped) = oneshot::channel();
        let task =
            self.tasks.spawn(async move { (number, transfer::run(&client, order, stopped).await) }).id();
        self.by_job.insert(job, number);
        self.by_number.insert(number, OneRun { job, file, task, stop: Some(stop) });
    }
}

async fn next_end(
    tasks: &mut JoinSet<(u64, Outcome)>,
    by_number: &mut HashMap<u64, OneRun>,
    by_job: &mut HashMap<JobId, u64>,
) -> Ended {
    loop {
        let (number, outcome) = match tasks.join_next().await {
            None => return std::future::pending().await,
            Some(Ok(ended)) => ended,
            Some(Err(error)) => {
                tracing::error!(%error, "a transfer panicked");
                let mut runs = by_number.iter();
                let Some((number, _)) = runs.find(|(_, run)| run.task == error.id()) else { continue };
                let fault = Fault::new(FaultKind::Internal, error.to_string());
                (*number, Outcome::Faulted { fault, retry_after: None })
            }
        };
        let Some(run) = by_number.remove(&number) else { continue };
        by_job.remove(&run.job);
        return Ended { job: run.job, file: run.file, outcome };
    }
}

impl Core {
    /// Begins to transfer the next file of a job whose turn it is.
    pub(super) fn start_run(&mut self, id: JobId) {
        self.apply(id, &JobEvent::GiveTurn);
        let client = self.client();
        let all = Arc::clone(&self.all);
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Some(index) = entry.job.files.iter().position(crate::job::JobFile::is_pending) else {
            self.finish_job(id);
            return;
        };
        let client = match client {
            Ok(client) => client,
            Err(fault) => return self.fail(id, fault),
        };
        if entry.job.needs_secrets && entry.secrets.is_empty() {
            return self.fail(id, Fault::new(FaultKind::SecretsGone, ""));
        }
        let file = entry.job.files[index].clone();
        let access = access_of(&entry.job, &file, &entry.secrets);
        let live = entry.live(&all);
        live.file = index;
        live.arrived.store(file.synced_bytes, std::sync::atomic::Ordering::Relaxed);
        let pace = Arc::clone(&live.pace) as Arc<dyn transfer::Pace>;
        let arrived = Arc::clone(&live.arrived);
        tracing::info!(job = %id, url = %file.url, from = file.synced_bytes, "starting");
        self.runs.start(id, index, |reporter| (client, Order { file, access, pace, arrived, reporter }));
    }

    /// Takes in what a run tells.
    pub(super) fn hear(&mut self, number: u64, news: News) {
        let Some((id, index)) = self.runs.by_number.get(&number).map(|run| (run.job, run.file)) else {
            return;
        };
        match news {
            News::Connected => {
                self.apply(id, &JobEvent::Connect);
            }
            News::Planned { file, saved } => {
                let Some(entry) = self.jobs.get_mut(id) else { return };
                if let Some(old) = entry.job_mut().files.get_mut(index) {
                    *old = *file;
                }
                let record = Record::Job(Arc::clone(&entry.job));
                self.save(vec![record], AfterSave::Plan(saved));
            }
            News::Synced(synced_bytes) => {
                let Some(entry) = self.jobs.get_mut(id) else { return };
                let job = entry.job_mut();
                let Some(file) = job.files.get_mut(index) else { return };
                if synced_bytes > file.synced_bytes {
                    file.faults_in_a_row = 0;
                }
                file.synced_bytes = synced_bytes;
                let attempt = file.attempt;
                self.save(
                    vec![Record::Progress { job: id, file: index, attempt, synced_bytes }],
                    AfterSave::Nothing,
                );
            }
        }
    }

    /// Draws the consequences of the end of a run.
    pub(super) fn take_outcome(&mut self, Ended { job: id, file: index, outcome }: Ended) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        match outcome {
            Outcome::Finished(file) => {
                tracing::info!(job = %id, path = ?file.path(), "finished");
                if let Some(old) = entry.job_mut().files.get_mut(index) {
                    *old = *file;
                }
                if entry.job.is_whole() {
                    self.finish_job(id);
                } else {
                    self.apply(id, &JobEvent::TakeTurn);
                    self.save_job(id);
                }
            }
            Outcome::Stopped => {}
            Outcome::Faulted { fault, retry_after } => {
                tracing::warn!(job = %id, %fault, "fault");
                // Stopped by the user in the meantime: then this is no longer of interest.
                if entry.job.state.is_active() {
                    self.take_fault(id, fault, retry_after);
                }
            }
        }
        if let Some(live) = self.jobs.get_mut(id).and_then(|entry| entry.live.as_mut()) {
            live.speed.rest();
        }
    }

    fn take_fault(&mut self, id: JobId, fault: Fault, retry_after: Option<Duration>) {
        if !fault.is_transient() {
            return self.fail(id, fault);
        }
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let job = entry.job_mut();
        let Some(file) = job.files.iter_mut().find(|file| !file.finished) else { return };
        file.faults_in_a_row = file.faults_in_a_row.saturating_add(1);
        let is_full = fault.kind == FaultKind::DiskFull;
        let delay = if is_full {
            DISK_FULL_RETRY
        } else {
            retry_delay(file.faults_in_a_row, retry_after, fastrand::f64())
        };
        let why = if is_full { Why::DiskFull(fault) } else { Why::BackOff(fault) };
        let waiting = Waiting { why, until_unix_secs: Some(unix_secs() + delay.as_secs()) };
        entry.retry_at = Some(Instant::now() + delay);
        self.apply(id, &JobEvent::Wait(waiting));
        self.save_job(id);
    }

    fn fail(&mut self, id: JobId, fault: Fault) {
        self.apply(id, &JobEvent::Fail(fault));
        if let Some(entry) = self.jobs.get_mut(id) {
            entry.job_mut().ended_unix_secs = Some(unix_secs());
        }
        self.save_job(id);
    }

    /// All files of a job are whole: it is accepted at once, whatever it was about to be.
    fn finish_job(&mut self, id: JobId) {
        self.apply(id, &JobEvent::Finish);
        self.apply(id, &JobEvent::Complete);
        if let Some(entry) = self.jobs.get_mut(id) {
            entry.job_mut().ended_unix_secs = Some(unix_secs());
        }
        self.save_job(id);
    }

    fn save_job(&mut self, id: JobId) {
        if let Some(entry) = self.jobs.get(id) {
            let record = Record::Job(Arc::clone(&entry.job));
            self.save(vec![record], AfterSave::Nothing);
        }
    }
}

/// What the requests of a job carry, secrets included.
pub(super) fn access_of(job: &Job, file: &JobFile, secrets: &Secrets) -> Access {
    let plain = job
        .headers
        .iter()
        .filter_map(|header| Some(NewHeader { name: header.name.clone(), value: header.value.clone()? }));
    Access {
        headers: plain.chain(secrets.headers.iter().cloned()).collect(),
        login: secrets.login_for(&file.url).cloned(),
    }
}
