//! One run of one file: ask, decide, receive, finish.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response};
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout_at};

use super::faults::fault_of_reqwest;
use super::finish::{create_part, free_bytes, free_name, move_without_clobbering, open_part, seal, sha256};
use super::http::{Access, Part, STALL, ask, ends_in};
use super::name::wanted_name;
use super::part::{PartFile, blocking};
use super::resume::{Head, Verdict, proof, verdict};
use super::{News, Pace, Reporter, label};
use crate::job::{Expected, Extents, Fault, FaultKind, JobFile, Validator};

/// How often what has arrived is put on disk for certain: with the sync itself, less than 2 s are lost to a
/// crash. More often would slow the writing down, which waits for the same file.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The longest nap while a cap holds the transfer back, so that a raised cap is felt at once.
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// What is to be fetched, and how.
pub struct Order {
    /// The file as it stands.
    pub file: JobFile,
    /// What requests carry.
    pub access: Access,
    /// How fast bytes may arrive.
    pub pace: Arc<dyn Pace>,
    /// Counts the bytes of the file that have arrived, those of earlier runs included.
    pub arrived: Arc<AtomicU64>,
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
    let mut run = Run { client, order, part: None, retry_after: None };
    let end = tokio::select! {
        biased;
        _ = stop => None,
        end = run.fetch() => Some(end),
    };
    run.order.pace.disconnected();
    let settled = run.settle().await;
    match (end, settled) {
        (Some(Ok(())), _) => Outcome::Finished(Box::new(run.order.file)),
        (Some(Err(fault)), _) | (None, Err(fault)) => {
            Outcome::Faulted { fault, retry_after: run.retry_after }
        }
        (None, Ok(())) => Outcome::Stopped,
    }
}

struct Run<'a> {
    client: &'a Client,
    order: Order,
    part: Option<PartFile>,
    retry_after: Option<Duration>,
}

impl Run<'_> {
    async fn fetch(&mut self) -> Result<(), Fault> {
        if self.was_moved_already().await? {
            return Ok(());
        }
        self.open_what_is_there().await?;
        let mut ask_whole = false;
        let mut at_last_answer = None;
        while !self.is_whole() {
            let part = if ask_whole { Part::Whole } else { self.next_part() };
            let answer = ask(self.client, &self.order.file.url, &self.order.access, &part).await?;
            let head = head_of(&answer);
            match verdict(&part, self.order.file.total_bytes, &self.order.file.validator, &head) {
                Verdict::Continue { total_bytes, body_bytes } => {
                    self.order.file.total_bytes = Some(total_bytes);
                    self.receive(answer, Some(body_bytes)).await?;
                }
                Verdict::FromStart { total_bytes, body_bytes, resumable } => {
                    self.begin(&answer, head, total_bytes, resumable).await?;
                    self.receive(answer, body_bytes).await?;
                }
                Verdict::AlreadyWhole => break,
                Verdict::AskWhole(why) if ask_whole => {
                    return Err(Fault::new(FaultKind::Nonsense, why));
                }
                Verdict::AskWhole(why) => {
                    tracing::info!(url = %self.order.file.url, why, "asking for the whole file");
                    ask_whole = true;
                    continue;
                }
                Verdict::Fault(mut fault) => {
                    if leads_elsewhere(&answer) {
                        fault = Fault::new(FaultKind::UnknownScheme, "the server redirects there");
                    }
                    self.retry_after = retry_after(answer.headers());
                    if fault.detail.is_empty() {
                        fault.detail = format!("{} said so", answer.url().host_str().unwrap_or("the server"));
                    }
                    return Err(fault);
                }
            }
            // A server may send less than was asked for, but not nothing for ever.
            let arrived = self.arrived();
            if at_last_answer == Some(arrived) && !self.is_whole() {
                return Err(Fault::new(FaultKind::Nonsense, "its answers are empty"));
            }
            at_last_answer = Some(arrived);
            ask_whole = false;
        }
        self.finish().await
    }

    fn arrived(&self) -> u64 {
        self.order.arrived.load(Ordering::Relaxed)
    }

    fn is_whole(&self) -> bool {
        self.part.is_some() && self.order.file.total_bytes == Some(self.arrived())
    }

    /// Which part to ask for: the rest if there is proof that it fits what is there, else all of it.
    fn next_part(&self) -> Part {
        match (self.arrived(), proof(&self.order.file.validator)) {
            (0, _) => Part::FromStart,
            (byte, Some(proof)) => Part::From { byte, proof },
            (byte, None) => {
                tracing::info!(url = %self.order.file.url, byte, "nothing proves the file is still the same: starting over");
                Part::FromStart
            }
        }
    }

    /// Whether an earlier run was cut short between the last step and its report.
    async fn was_moved_already(&mut self) -> Result<bool, Fault> {
        let file = &self.order.file;
        let (Some(path), Some(part)) = (file.path(), file.part_path()) else { return Ok(false) };
        let whole = file.total_bytes == Some(file.synced_bytes());
        let bytes = file.synced_bytes();
        let sha256_wanted = wanted_sha256(file);
        let moved = blocking(&path.clone(), move || {
            let is_it = whole
                && !part.exists()
                && path.metadata().is_ok_and(|found| found.is_file() && found.len() == bytes);
            Ok(is_it
                && sha256_wanted.map_or(Ok(true), |wanted| sha256(&path).map(|found| found == wanted))?)
        })
        .await?;
        self.order.file.finished = moved;
        Ok(moved)
    }

    /// Opens the part of an earlier run, if what is recorded of it is there.
    async fn open_what_is_there(&mut self) -> Result<(), Fault> {
        let file = &self.order.file;
        let synced = file.synced.prefix();
        self.order.arrived.store(0, Ordering::Relaxed);
        let Some(path) = file.part_path() else { return Ok(()) };
        let opened = {
            let path = path.clone();
            blocking(&path.clone(), move || match open_part(&path) {
                Ok(file) => Ok(Some((file.metadata()?.len(), label::read(&file), file))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            })
            .await?
        };
        match opened {
            Some((_, Some(label), _)) if synced > 0 && label.file.attempt != file.attempt => {
                tracing::warn!(path = %path.display(), "the part is of another attempt than recorded: starting over");
                self.order.file.forget_progress();
            }
            Some((bytes, _, file)) if bytes >= synced => {
                self.part = Some(PartFile::open(&path, file, synced).await?);
                self.order.arrived.store(synced, Ordering::Relaxed);
                // Only now, when nothing stands behind what is known to be on disk.
                self.attach_label().await?;
            }
            Some((bytes, ..)) => {
                tracing::warn!(path = %path.display(), bytes, synced, "the part is shorter than recorded: starting over");
                self.order.file.forget_progress();
            }
            None => {
                if synced > 0 && !self.order.file.folder.exists() {
                    let folder = self.order.file.folder.display().to_string();
                    return Err(Fault::new(FaultKind::NoFolder, folder));
                }
                self.order.file.forget_progress();
                self.order.file.name = None;
                self.order.file.part = None;
            }
        }
        Ok(())
    }

    /// Writes into the open part what it belongs to.
    async fn attach_label(&self) -> Result<(), Fault> {
        let (Some(part), Some(path)) = (&self.part, self.order.file.part_path()) else { return Ok(()) };
        let (part, file) = (Arc::clone(part.file()), self.order.file.clone());
        blocking(&path, move || {
            label::attach(&*part, &file);
            Ok(())
        })
        .await
    }

    /// Prepares for the file from its start: a name if it has none, an empty part, and all of it on record before
    /// the first byte.
    async fn begin(
        &mut self,
        answer: &Response,
        head: Head,
        total_bytes: Option<u64>,
        resumable: bool,
    ) -> Result<(), Fault> {
        if self.arrived() > 0 {
            tracing::info!(url = %self.order.file.url, "the server sends the file from its start");
        }
        self.check_room(total_bytes).await?;
        let file = &mut self.order.file;
        file.forget_progress();
        file.total_bytes = total_bytes;
        file.validator = head.validator;
        // Ranges are of use only with something that proves they belong together.
        file.resumable = Some(resumable && proof(&file.validator).is_some());
        self.order.arrived.store(0, Ordering::Relaxed);
        // Whatever is on its way to the old part must not be written after the new start.
        if let Some(mut old) = self.part.take() {
            old.settle().await?;
        }
        let Some(path) = self.order.file.part_path() else { return self.create(answer).await };
        self.save_plan().await?;
        let opened = {
            let (path, file) = (path.clone(), self.order.file.clone());
            blocking(&path.clone(), move || {
                let part = open_part(&path).or_else(|_| create_part(&path, &file))?;
                // In this order: the label must not speak for bytes of the attempt before.
                part.set_len(0)?;
                label::attach(&part, &file);
                Ok(part)
            })
            .await?
        };
        self.part = Some(PartFile::open(&path, opened, 0).await?);
        Ok(())
    }

    /// Chooses a free name, records it, and makes the part.
    async fn create(&mut self, answer: &Response) -> Result<(), Fault> {
        let wanted = wanted_name(self.order.file.asked_name.as_deref(), answer.headers(), answer.url());
        loop {
            let folder = self.order.file.folder.clone();
            let (name, part) = {
                let wanted = wanted.clone();
                blocking(&folder.clone(), move || free_name(&folder, &wanted)).await?
            };
            let path = self.order.file.folder.join(&part);
            self.order.file.name = Some(name);
            self.order.file.part = Some(part);
            self.save_plan().await?;
            let created = {
                let (path, file) = (path.clone(), self.order.file.clone());
                blocking(&path.clone(), move || match create_part(&path, &file) {
                    // Another download took the name since it was looked for.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
                    other => other.map(Some),
                })
                .await?
            };
            if let Some(file) = created {
                self.part = Some(PartFile::open(&path, file, 0).await?);
                return Ok(());
            }
        }
    }

    async fn check_room(&self, total_bytes: Option<u64>) -> Result<(), Fault> {
        let Some(total) = total_bytes else { return Ok(()) };
        let folder = self.order.file.folder.clone();
        let Some(free) = blocking(&self.order.file.folder, move || free_bytes(&folder)).await? else {
            // Then writing will tell.
            return Ok(());
        };
        // What the part holds already is room that will be used again.
        if free.saturating_add(self.arrived()) >= total {
            return Ok(());
        }
        let (total, free) = (crate::job::bytes_in_words(total), crate::job::bytes_in_words(free));
        Err(Fault::new(FaultKind::DiskFull, format!("{total} needed, {free} free")))
    }

    async fn save_plan(&self) -> Result<(), Fault> {
        if self.order.reporter.plan(&self.order.file).await {
            Ok(())
        } else {
            Err(Fault::new(FaultKind::DiskFailed, "the download's record could not be saved"))
        }
    }

    /// Receives a body behind what has arrived.
    async fn receive(&mut self, mut answer: Response, body_bytes: Option<u64>) -> Result<(), Fault> {
        let Some(part) = &mut self.part else {
            return Err(Fault::new(FaultKind::Internal, "received without a part"));
        };
        if let Some((local, peer)) = ends_in(answer.extensions()) {
            self.order.pace.connected(local, peer);
        }
        self.order.reporter.tell(News::Connected).await;
        let mut left = body_bytes;
        let mut sync_time = sync_timer();
        let mut stalled_at = Instant::now() + STALL;
        loop {
            tokio::select! {
                biased;
                synced = part.sync_done() => {
                    let synced = synced?;
                    self.order.file.synced = Extents::from_start(synced);
                    self.order.reporter.tell(News::Synced(Extents::from_start(synced))).await;
                }
                _ = sync_time.tick() => {
                    if part.is_sync_due() {
                        part.start_sync();
                    }
                }
                piece = next_piece(&mut answer, self.order.pace.as_ref(), &mut stalled_at) => {
                    let Some(piece) = piece? else { break };
                    let bytes = piece.len();
                    if let Some(left) = &mut left {
                        *left = left.checked_sub(bytes as u64).ok_or_else(|| {
                            Fault::new(FaultKind::WrongLength, "more arrived than was announced")
                        })?;
                    }
                    part.push(piece).await?;
                    // While the disk is busy we do not read: that is not the server's stalling either.
                    stalled_at = Instant::now() + STALL;
                    self.order.pace.book(bytes);
                    self.order.arrived.fetch_add(bytes as u64, Ordering::Relaxed);
                }
            }
        }
        drop(answer);
        self.order.pace.disconnected();
        match left {
            Some(left) if left > 0 => Err(Fault::new(FaultKind::ConnectionLost, "the answer ended early")),
            Some(_) => Ok(()),
            // Only the end of the connection tells the size.
            None => {
                self.order.file.total_bytes.get_or_insert(self.arrived());
                Ok(())
            }
        }
    }

    /// Verifies the whole part and gives it its name.
    async fn finish(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else {
            return Err(Fault::new(FaultKind::Internal, "finished without a part"));
        };
        let bytes = part.settle().await?;
        let opened = Arc::clone(part.file());
        self.order.file.synced = Extents::from_start(bytes);
        let (Some(path), Some(name)) = (self.order.file.part_path(), self.order.file.name.clone()) else {
            return Err(Fault::new(FaultKind::Internal, "finished without a name"));
        };
        if self.order.file.total_bytes != Some(bytes) {
            return Err(Fault::new(FaultKind::WrongLength, format!("{bytes} bytes are there")));
        }
        self.check_sum(path.clone()).await?;
        let modified = self
            .order
            .file
            .validator
            .last_modified
            .as_deref()
            .and_then(|date| httpdate::parse_http_date(date).ok());
        blocking(&path, move || seal(&opened, modified)).await?;
        let wanted = self.order.file.asked_name.clone().unwrap_or(name);
        loop {
            // On record before the move, so that a crash in between is recognised.
            self.save_plan().await?;
            let (Some(to), from) = (self.order.file.path(), path.clone()) else {
                return Err(Fault::new(FaultKind::Internal, "finished without a name"));
            };
            let moved = blocking(&path, move || match move_without_clobbering(&from, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
                other => other.map(|()| true),
            });
            if moved.await? {
                self.order.file.finished = true;
                return Ok(());
            }
            // Somebody made a file of that name while ours was fetched.
            let folder = self.order.file.folder.clone();
            let wanted = wanted.clone();
            let (name, _) = blocking(&path, move || free_name(&folder, &wanted)).await?;
            self.order.file.name = Some(name);
        }
    }

    async fn check_sum(&mut self, path: PathBuf) -> Result<(), Fault> {
        let Some(wanted) = wanted_sha256(&self.order.file) else { return Ok(()) };
        let found = blocking(&path.clone(), {
            let path = path.clone();
            move || sha256(&path)
        })
        .await?;
        if found == wanted {
            return Ok(());
        }
        // Kept for whoever wants to look, out of the way of the next try.
        let name = format!("{}.bad", self.order.file.display_name());
        let folder = self.order.file.folder.clone();
        let kept = blocking(&path.clone(), move || {
            let (bad, _) = free_name(&folder, &name)?;
            move_without_clobbering(&path, &folder.join(&bad)).map(|()| bad)
        })
        .await?;
        self.part = None;
        self.order.arrived.store(0, Ordering::Relaxed);
        self.order.file.forget_progress();
        self.order.file.name = None;
        self.order.file.part = None;
        self.save_plan().await?;
        Err(Fault::new(FaultKind::ChecksumMismatch, format!("it has {found}; kept as {kept}")))
    }

    /// Puts everything that has arrived on disk and reports it.
    async fn settle(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else { return Ok(()) };
        let before = self.order.file.synced_bytes();
        let settled = part.settle().await;
        // Even where the last write failed, what was synced before it counts.
        let synced = part.synced();
        if synced > before {
            self.order.file.synced = Extents::from_start(synced);
            self.order.reporter.tell(News::Synced(Extents::from_start(synced))).await;
        }
        settled.map(|_| ())
    }
}

/// The next piece of a body, once the pace allows it; `None` at its end.
async fn next_piece(
    answer: &mut Response,
    pace: &dyn Pace,
    stalled_at: &mut Instant,
) -> Result<Option<bytes::Bytes>, Fault> {
    while let Some(wait) = pace.wait() {
        sleep(wait.min(LONGEST_NAP)).await;
        // While we do not read, the server cannot send: that is not its stalling.
        *stalled_at = Instant::now() + STALL;
    }
    match timeout_at(*stalled_at, answer.chunk()).await {
        Ok(piece) => {
            *stalled_at = Instant::now() + STALL;
            piece.map_err(|error| fault_of_reqwest(&error))
        }
        Err(_) => Err(Fault::new(FaultKind::Stalled, "")),
    }
}

fn sync_timer() -> Interval {
    let mut timer = interval_at(Instant::now() + SYNC_EVERY, SYNC_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// The head of an answer, as far as the proof needs it.
pub(super) fn head_of(answer: &Response) -> Head {
    let headers = answer.headers();
    let text = |name| {
        headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).map(str::to_owned)
    };
    Head {
        status: answer.status().as_u16(),
        content_length: answer.content_length(),
        content_range: text(header::CONTENT_RANGE),
        is_multipart: text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("multipart/byteranges")),
        accepts_ranges: text(header::ACCEPT_RANGES).is_some_and(|unit| unit.eq_ignore_ascii_case("bytes")),
        validator: Validator {
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
            date: text(header::DATE),
            digest: None,
        },
    }
}

/// Whether it is a redirect to an address that is neither http nor https, which no client follows.
fn leads_elsewhere(answer: &Response) -> bool {
    answer.status().is_redirection()
        && answer
            .headers()
            .get(header::LOCATION)
            .and_then(|to| answer.url().join(to.to_str().ok()?).ok())
            .is_some_and(|to| !matches!(to.scheme(), "http" | "https"))
}

/// `Retry-After` in both its forms (RFC 9110 section 10.2.3), at most a day.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const MOST: Duration = Duration::from_hours(24);
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let asked = match text.trim().parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    };
    Some(asked.min(MOST))
}

fn wanted_sha256(file: &JobFile) -> Option<String> {
    match file.expected.as_deref()? {
        Expected::Sum(sum) if sum.hash() == crate::job::Hash::Sha256 => Some(sum.digits()),
        _ => None,
    }
}
