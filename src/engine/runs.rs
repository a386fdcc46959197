//! The runs: which transfer is under way for which job, and what its news and its end mean for the job.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::clients::{proxy_ports, way_of};
use super::core::{AfterSave, Core};
use super::pace::FilePaces;
use super::places::netrc;
use crate::job::{Fault, FaultKind, Job, JobFile, JobId, NewHeader, Proxy, Secrets};
use crate::queue::End;
use crate::store::{Record, Settings};
use crate::transfer::{self, Access, Memory, Meter, News, Order, Outcome, Reporter};

/// How many news may wait for the engine.
const NEWS_WAITING: usize = 256;

/// All transfers under way.
pub(super) struct Runs {
    tasks: JoinSet<(u64, Outcome)>,
    by_number: HashMap<u64, OneRun>,
    by_file: HashMap<(JobId, usize), u64>,
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
            by_file: HashMap::new(),
            last_number: 0,
            news_in,
            news,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Tells the run of a file to stop; its end is reported later.
    pub(super) fn stop(&mut self, job: JobId, file: usize) {
        let run = self.by_file.get(&(job, file)).and_then(|number| self.by_number.get_mut(number));
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
            ended = next_end(&mut self.tasks, &mut self.by_number, &mut self.by_file) => Heard::Ended(ended),
        }
    }

    fn start(
        &mut self,
        job: JobId,
        file: usize,
        client: impl Future<Output = Result<reqwest::Client, Fault>> + Send + 'static,
        make: impl FnOnce(Reporter) -> Order,
    ) {
        self.last_number += 1;
        let number = self.last_number;
        let order = make(Reporter { run: number, sender: self.news_in.clone() });
        let (stop, stopped) = oneshot::channel();
        let run = async move {
            match client.await {
                Ok(client) => (number, transfer::run(&client, order, stopped).await),
                Err(fault) => (number, Outcome::Faulted { fault, retry_after: None }),
            }
        };
        let task = self.tasks.spawn(run).id();
        self.by_file.insert((job, file), number);
        self.by_number.insert(number, OneRun { job, file, task, stop: Some(stop) });
    }
}

async fn next_end(
    tasks: &mut JoinSet<(u64, Outcome)>,
    by_number: &mut HashMap<u64, OneRun>,
    by_file: &mut HashMap<(JobId, usize), u64>,
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
        by_file.remove(&(run.job, run.file));
        return Ended { job: run.job, file: run.file, outcome };
    }
}

impl Core {
    /// Begins to transfer a file whose turn it is.
    pub(super) fn start_run(&mut self, id: JobId, index: usize) {
        let Some(job) = self.queue.job(id).cloned() else { return };
        let Some(file) = job.files.get(index).cloned() else { return };
        if self.waits_for_secrets(id, index) {
            return;
        }
        let memory = self.memory(id);
        let secrets = self.secrets.of(id);
        if job.needs_secrets && secrets.is_none() {
            let fault = Fault::new(FaultKind::SecretsGone, "");
            let end = End::Faulted { fault, retry_after: None, chance: 0.0 };
            let now = self.now();
            return self.queue.ended(id, index, end, None, now);
        }
        let none = Secrets::default();
        let secrets = secrets.unwrap_or(&none);
        let access = access_of(&job, &file, secrets, memory, &self.settings);
        let way = way_of(&job, &self.settings, secrets.proxy_login.as_ref(), self.proxy_login.as_ref());
        let clients = self.clients.clone();
        let live = self.views.live_mut(&job, self.governing.in_force());
        let look_up = self.caps.look_up(Arc::clone(&live.is_near), proxy_ports(&job, &self.settings));
        let caps = self.caps.of(job.priority, &live.own);
        let (servers, steering) = (Arc::clone(&self.servers), self.governing.steering());
        let paces = Arc::new(FilePaces::new(caps, job.priority, look_up, servers, steering));
        let meter = Arc::new(Meter::new(file.synced_bytes(), job.connections));
        live.begin(index, &meter, &paces);
        let reserve_bytes = u64::from(self.settings.disk_reserve_mib) << 20;
        let note_origin = self.settings.note_origin;
        tracing::info!(job = %id, url = %file.url, from = file.synced_bytes(), "starting");
        let client = async move { clients.get(way).await };
        self.runs.start(id, index, client, |reporter| Order {
            file,
            access,
            paces,
            reserve_bytes,
            note_origin,
            meter,
            reporter,
        });
    }

    /// Takes in what a run tells.
    pub(super) fn hear(&mut self, number: u64, news: News) {
        let Some((id, file)) = self.runs.by_number.get(&number).map(|run| (run.job, run.file)) else {
            return;
        };
        let now = self.now();
        match news {
            News::Connected => self.queue.connected(id, now),
            News::Decided(what) => self.queue.decided(id, file, &what, now),
            News::Planned { file: planned, saved } => {
                // One that was told to stop is not let go on: what it waits for is dropped.
                if self.queue.plan(id, file, *planned) {
                    let records = self.carry_out();
                    self.save(records, AfterSave::Plan(saved));
                }
            }
            News::Synced(synced) => {
                self.queue.synced(id, file, synced.clone(), now);
                let attempt = self.queue.job(id).map_or(0, |job| job.files[file].attempt);
                let record = Record::Progress { job: id, file, attempt, synced };
                self.save(vec![record], AfterSave::Nothing);
            }
        }
    }

    /// Draws the consequences of the end of a run.
    pub(super) fn end_run(&mut self, Ended { job: id, file, outcome }: Ended) {
        let limit = self.views.live(id).and_then(super::views::Live::lowest_cap);
        if let Some(job) = self.queue.job(id) {
            self.views.live_mut(job, self.governing.in_force()).end(file);
        }
        let end = match outcome {
            Outcome::Finished(whole) => {
                tracing::info!(job = %id, path = ?whole.path(), "finished");
                End::Finished(whole)
            }
            Outcome::Stopped => End::Stopped,
            Outcome::Faulted { fault, retry_after } => {
                tracing::warn!(job = %id, %fault, "fault");
                End::Faulted { fault, retry_after, chance: fastrand::f64() }
            }
        };
        let now = self.now();
        self.queue.ended(id, file, end, limit, now);
    }
}

/// What the requests for a file of a job carry, secrets included.
pub(super) fn access_of(
    job: &Job,
    file: &JobFile,
    secrets: &Secrets,
    memory: Arc<Memory>,
    settings: &Settings,
) -> Access {
    let plain = job
        .headers
        .iter()
        .filter_map(|header| Some(NewHeader { name: header.name.clone(), value: header.value.clone()? }));
    Access {
        headers: plain.chain(secrets.headers.iter().cloned()).collect(),
        home: file.secrets_server(),
        logins: secrets.logins.clone().into(),
        netrc: netrc().filter(|_| settings.use_netrc),
        insecure_redirects: job.route.insecure_redirects,
        has_proxy: matches!(job.route.proxy.as_ref().unwrap_or(&settings.proxy), Proxy::At(_)),
        memory,
    }
}
