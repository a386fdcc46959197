//! One run of one file: ask, decide, receive over one or several connections, verify, finish.
//!
//! The run owns all there is; a connection ([`Line`]) only asks and brings, and each thing it brings is taken in here, in
//! the one loop of [`Run::receive_all`]. What is decided about an answer is in `answers`, which bytes are asked for and
//! of whom in `asking`, the part and its name in `begin`, the end in `finish`.

mod answers;
mod asking;
mod begin;
mod bring;
mod finish;
mod resume_existing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::Client;
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::http::Access;
use super::line::{Heard, Line};
use super::part::PartFile;
use super::segments::{LineId, Progress, Segments};
use super::{Meter, News, Paces, Reporter};
use crate::job::{Fault, FaultKind, JobFile};
use asking::Source;

/// How often what has arrived is put on disk for certain: with the sync itself, less than 2 s are lost to a
/// crash. More often would slow the writing down, which waits for the same file.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Over how long the speed of a connection is taken, at least.
const RATE_SPAN: Duration = Duration::from_secs(3);

/// One that is younger has no speed yet: it may be anything.
const LEAST_RATE_SPAN: Duration = Duration::from_secs(1);

/// How often a file may turn out to be another one within one run before it is given up for now.
const MOST_RESTARTS: u32 = 3;

/// How often within one run the rest is asked for at once when a connection breaks off over the comparison.
const MOST_BREAKS_IN_COMPARISON: u32 = 16;

/// What is to be fetched, and how.
pub struct Order {
    /// The file as it stands.
    pub file: JobFile,
    /// What requests carry; what is secret goes to its own server only.
    pub access: Access,
    /// How fast bytes may arrive.
    pub paces: Arc<dyn Paces>,
    /// How much of the disk stays free for others.
    pub reserve_bytes: u64,
    /// Whether the finished file remembers its address (the attribute `user.xdg.origin.url`).
    pub note_origin: bool,
    /// What is looked at while it goes on.
    pub meter: Arc<Meter>,
    /// Where news go.
    pub reporter: Reporter,
}

/// How a run ended. Whatever has arrived is on disk and was reported.
#[derive(Debug)]
pub enum Outcome {
    /// The file is whole, verified, and under its final name.
    Finished(Box<JobFile>),
    /// It was told to stop.
    Stopped,
    /// It could not go on.
    Faulted {
        /// Why.
        fault: Fault,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
}

/// Fetches a file until it is whole, something is wrong, or `stop` says so (or is dropped).
pub async fn run(client: &Client, order: Order, stop: oneshot::Receiver<()>) -> Outcome {
    let mut run = Run::new(client, order);
    let end = tokio::select! {
        biased;
        _ = stop => None,
        end = run.fetch() => Some(end),
    };
    run.lines.clear();
    let settled = run.settle().await;
    match (end, settled) {
        (Some(Ok(())), _) => Outcome::Finished(Box::new(run.order.file)),
        (Some(Err(fault)), _) | (None, Err(fault)) => {
            Outcome::Faulted { fault, retry_after: run.retry_after }
        }
        (None, Ok(())) => Outcome::Stopped,
    }
}

/// A connection, until the next is heard of it.
type Hearing = Pin<Box<dyn Future<Output = (Line, Heard)> + Send>>;

struct Run {
    order: Order,
    client: Client,
    part: Option<PartFile>,
    segments: Segments,
    sources: Vec<Source>,
    lines: FuturesUnordered<Hearing>,
    /// What is known of the connections while they are waited for.
    watched: BTreeMap<LineId, Watched>,
    last_line: LineId,
    /// How many connections there may be: fewer than ordered once a server has refused one.
    most_lines: usize,
    /// How many were ordered when that was last looked at.
    ordered_lines: u8,
    /// The best speed of a connection that is no more.
    best_bps: f64,
    /// Whether the part says of itself that it has gaps.
    is_scattered: bool,
    /// Why what is there is given up, once that is decided.
    why_over: Option<String>,
    restarts: u32,
    /// How often a connection broke off over the comparison.
    breaks_in_comparison: u32,
    /// The fault to be told if no address is left.
    fault: Option<Fault>,
    retry_after: Option<Duration>,
}

/// What is known of a connection while it is waited for.
struct Watched {
    source: usize,
    brought_bytes: u64,
    /// Whether only the end of its answer is still to come.
    is_at_end: bool,
    /// Whether what it brings first is still to be compared.
    is_comparing: bool,
    /// When it had brought how much: a while ago, and before that.
    marks: [(Instant, u64); 2],
}

impl Watched {
    fn new(source: usize) -> Self {
        Self {
            source,
            brought_bytes: 0,
            is_at_end: false,
            is_comparing: false,
            marks: [(Instant::now(), 0); 2],
        }
    }

    /// Remembers how much it has brought, now and then.
    fn mark(&mut self) {
        if self.marks[0].0.elapsed() > RATE_SPAN {
            self.marks = [(Instant::now(), self.brought_bytes), self.marks[0]];
        }
    }

    /// Whether its speed tells something.
    fn has_a_rate(&self) -> bool {
        self.marks[1].0.elapsed() >= LEAST_RATE_SPAN
    }

    /// Its speed over the last while.
    fn rate_bps(&self) -> f64 {
        let (at, bytes) = self.marks[1];
        (self.brought_bytes - bytes) as f64 / at.elapsed().max(LEAST_RATE_SPAN).as_secs_f64()
    }
}

impl Run {
    fn new(client: &Client, order: Order) -> Self {
        let ordered_lines = order.meter.connections();
        Self {
            order,
            part: None,
            segments: Segments::default(),
            client: client.clone(),
            sources: Vec::new(),
            lines: FuturesUnordered::new(),
            watched: BTreeMap::new(),
            last_line: 0,
            most_lines: ordered_lines.into(),
            ordered_lines,
            best_bps: 0.0,
            is_scattered: false,
            why_over: None,
            restarts: 0,
            breaks_in_comparison: 0,
            fault: None,
            retry_after: None,
        }
    }

    async fn fetch(&mut self) -> Result<(), Fault> {
        if self.was_moved_already().await? {
            return Ok(());
        }
        self.bring_along().await?;
        self.open_what_is_there().await?;
        self.sources = asking::sources(&self.client, &self.order);
        if !self.is_whole() {
            self.receive_all().await?;
        }
        self.finish().await
    }

    /// Whether nothing is missing, and what is there is not about to be given up.
    fn is_whole(&self) -> bool {
        self.part.is_some() && self.segments.is_whole() && self.why_over.is_none()
    }

    /// Receives until nothing is missing.
    async fn receive_all(&mut self) -> Result<(), Fault> {
        self.start_first(0).await?;
        let mut sync_time = sync_timer();
        // The size may be known, and nothing missing, before it is known to be the same file.
        while !self.is_whole() || self.watched.values().any(|line| line.is_at_end || line.is_comparing) {
            tokio::select! {
                biased;
                is_filling = sync_done(&mut self.part) => self.note_synced(is_filling?).await?,
                _ = sync_time.tick() => self.tick().await?,
                // There is always one: the end of the last is a fault.
                Some((line, heard)) = self.lines.next() => self.take_in(line, heard).await?,
            }
        }
        self.lines.clear();
        self.watched.clear();
        self.order.meter.set_fetching(Vec::new());
        Ok(())
    }

    async fn take_in(&mut self, line: Line, heard: Heard) -> Result<(), Fault> {
        match heard {
            Heard::Answer(Ok(answer)) => self.take_answer(line, answer).await,
            Heard::Piece(Ok(Some(piece))) => self.take_piece(line, piece).await,
            Heard::Piece(Ok(None)) => self.end_body(line).await,
            Heard::Answer(Err(fault)) => self.lose(line, fault).await,
            Heard::Piece(Err(fault)) => self.break_off(line, fault).await,
        }
    }

    /// Waits for the next that is heard of a connection.
    fn listen(&mut self, line: Line) {
        let door = Arc::clone(&self.sources[line.source].door);
        let watched = self.watched.entry(line.id).or_insert_with(|| Watched::new(line.source));
        watched.brought_bytes = line.brought_bytes;
        watched.is_at_end = line.is_at_end();
        watched.is_comparing = line.check.is_some();
        self.lines.push(Box::pin(line.hear(door)));
    }

    /// Once a second: put on disk what has arrived, and see whether more connections would help.
    async fn tick(&mut self) -> Result<(), Fault> {
        if let Some(part) = self.part.as_mut().filter(|part| part.is_sync_due()) {
            part.start_sync();
        }
        self.watched.values_mut().for_each(Watched::mark);
        let ordered_lines = self.order.meter.connections();
        if self.ordered_lines != ordered_lines {
            self.ordered_lines = ordered_lines;
            self.most_lines = ordered_lines.into();
        }
        self.add_lines().await?;
        self.order.meter.set_fetching(self.segments.fetching());
        Ok(())
    }

    /// What has been put on disk is recorded; goes no further where others would have no room any more.
    async fn note_synced(&mut self, is_filling: bool) -> Result<(), Fault> {
        self.report_synced().await;
        if self.is_scattered {
            // Of a file with gaps the length tells nothing.
            self.attach_label().await?;
        }
        if is_filling && !self.is_whole() {
            let reserve = crate::job::bytes_in_words(self.order.reserve_bytes);
            return Err(Fault::new(FaultKind::DiskFull, format!("{reserve} of it are kept free")));
        }
        Ok(())
    }

    async fn report_synced(&mut self) {
        let Some(part) = &self.part else { return };
        if *part.synced() != self.order.file.synced {
            self.order.file.synced = part.synced().clone();
            self.order.reporter.tell(News::Synced(part.synced().clone())).await;
        }
    }

    /// Puts everything that has arrived on disk and reports it.
    async fn settle(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        let settled = part.settle().await;
        // Even where the last write failed, what was synced before it counts.
        self.report_synced().await;
        if self.is_scattered && settled.is_ok() {
            self.attach_label().await?;
        }
        settled
    }

    /// How the connections are getting on, and how well one can.
    fn progress(&self) -> Vec<Progress> {
        let known = self.watched.iter().filter(|(_, of)| of.has_a_rate());
        let of_lines = known.map(|(line, of)| Progress { line: *line, rate_bps: of.rate_bps() });
        of_lines.chain([Progress { line: LineId::MAX, rate_bps: self.best_bps }]).collect()
    }

    async fn save_plan(&mut self) -> Result<(), Fault> {
        if self.order.reporter.plan(&self.order.file).await {
            Ok(())
        } else {
            Err(Fault::new(FaultKind::DiskFailed, "the download's record could not be saved"))
        }
    }

    /// Something was decided; a clause without a full stop, for the log.
    async fn decided(&mut self, what: String) {
        tracing::info!(url = %self.order.file.url, what, "decided");
        self.order.reporter.tell(News::Decided(what)).await;
    }

    fn set_arrived(&self) {
        self.order.meter.set_arrived(self.segments.arrived().bytes());
    }
}

async fn sync_done(part: &mut Option<PartFile>) -> Result<bool, Fault> {
    match part {
        Some(part) => part.sync_done().await,
        None => std::future::pending().await,
    }
}

fn sync_timer() -> Interval {
    let mut timer = interval_at(Instant::now() + SYNC_EVERY, SYNC_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}
