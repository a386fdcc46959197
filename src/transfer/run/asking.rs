//! Which bytes are asked for, of which address, and with what proof.

use std::ops::Range;
use std::sync::Arc;

use reqwest::Client;

use super::super::http::Part;
use super::super::line::{Check, Door, Line};
use super::super::resume::{Known, proof, says_nothing};
use super::super::segments::LineId;
use super::super::{Pace, label};
use super::{Order, Run};
use crate::job::{Extents, Fault, FaultKind, Validator};

/// How many bytes are fetched again before those that are missing, where only they can show that it is the same file.
const OVERLAP_BYTES: u64 = 256 << 10;

/// The same, once that has been shown in this run.
const LATER_OVERLAP_BYTES: u64 = 4 << 10;

/// The same where a validator proves it, which a server may send for a while after the file has changed. Little, because
/// it is fetched twice with every new try, however bad the line is.
const PROVEN_OVERLAP_BYTES: u64 = 16 << 10;

/// How many bytes of the beginning are compared, where the end of what is there is not proof enough.
const START_BYTES: u64 = 64 << 10;

/// An address of the file.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all mixtures of them occur"
)]
pub(super) struct Source {
    pub(super) door: Arc<Door>,
    /// What proves the file there to be the same as before.
    pub(super) validator: Validator,
    /// Whether what is there came from another address, and this one is still to prove that it has the same.
    pub(super) is_elsewhere: bool,
    /// Whether the beginning of the file there was found to be the same.
    pub(super) is_compared: bool,
    /// Whether the end of what was there was found to be the same, or came from there, in this run.
    pub(super) is_proven_now: bool,
    /// Whether it is of no use any more in this run.
    pub(super) is_out: bool,
}

/// A request, and what must come first.
pub(super) struct Asked {
    pub(super) part: Part,
    pub(super) check: Option<Check>,
}

/// The file's own address, and behind it its mirrors.
pub(super) fn sources(client: &Client, order: &Order) -> Vec<Source> {
    let file = &order.file;
    let has_bytes = !file.synced.is_empty();
    let source = |url: &url::Url, validator, is_elsewhere| Source {
        door: Arc::new(Door { client: client.clone(), url: url.clone(), access: order.access.clone() }),
        validator,
        is_elsewhere,
        is_compared: false,
        is_proven_now: false,
        is_out: false,
    };
    let first = source(&file.url, file.validator.clone(), file.readdressed && has_bytes);
    let mirrors = file.mirrors.iter().filter(|url| **url != file.url);
    let mirrors = mirrors.map(|url| source(url, Validator::default(), has_bytes));
    std::iter::once(first).chain(mirrors).collect()
}

impl Run {
    /// What is known of the file before that address answers.
    pub(super) fn known(&self, source: usize) -> Known<'_> {
        let source = &self.sources[source];
        let file = &self.order.file;
        Known {
            total_bytes: file.total_bytes,
            there_bytes: self.segments.arrived().prefix(),
            validator: if source.is_elsewhere { &file.validator } else { &source.validator },
            is_elsewhere: source.is_elsewhere,
            has_checksum: file.expected.is_some() || file.validator.digest.is_some(),
        }
    }

    /// Begins to ask, with nobody else asking.
    pub(super) async fn start_first(&mut self, source: usize) -> Result<(), Fault> {
        let pace = self.order.paces.first(&self.sources[source].door.url);
        if !self.start_line(source, pace).await? {
            return Err(Fault::new(FaultKind::Internal, "there was nothing to ask for"));
        }
        Ok(())
    }

    /// More connections, as many as may be and are of use.
    pub(super) async fn add_lines(&mut self) -> Result<(), Fault> {
        while self.watched.len() < self.most_lines && self.can_share() {
            let Some(source) = self.least_used_source() else { break };
            if !self.segments.has_work() && !self.take_over_slow_tail() {
                break;
            }
            let Some(pace) = self.order.paces.another(&self.sources[source].door.url) else { break };
            if !self.start_line(source, pace).await? {
                break;
            }
        }
        Ok(())
    }

    /// Whether several connections can fetch this file: only a strong validator proves that their parts belong
    /// together.
    fn can_share(&self) -> bool {
        let file = &self.order.file;
        // What the first one brings may turn out to be of another version.
        let is_proven = self.watched.len() > 1 || self.watched.values().all(|line| !line.is_comparing);
        is_proven
            && self.part.is_some()
            && file.total_bytes.is_some()
            && file.resumable == Some(true)
            && proof(&file.validator).is_some()
    }

    /// The address that has the fewest connections, and no more than its share of them. A mirror has to wait until there
    /// is something to compare it with.
    fn least_used_source(&self) -> Option<usize> {
        let start = 0..self.start_bytes();
        let can_compare =
            !start.is_empty() && self.part.as_ref().is_some_and(|part| part.has_written(&start));
        let usable = (0..self.sources.len()).filter(|source| {
            let source = &self.sources[*source];
            let is_proven = !source.is_elsewhere && proof(&source.validator).is_some();
            !source.is_out && (is_proven || can_compare && !source.is_compared)
        });
        let lines = |source: &usize| self.watched.values().filter(|line| line.source == *source).count();
        let in_use = self.sources.iter().filter(|source| !source.is_out).count();
        let share = self.most_lines.div_ceil(in_use.max(1));
        usable.min_by_key(lines).filter(|source| lines(source) < share)
    }

    /// How much of the beginning is compared.
    fn start_bytes(&self) -> u64 {
        self.segments.arrived().prefix().min(START_BYTES)
    }

    /// Frees what a slow connection has left, where that helps.
    pub(super) fn take_over_slow_tail(&mut self) -> bool {
        let Some(slow) = self.segments.slow_tail(&self.progress()) else { return false };
        // Whatever it brings from now on is not wanted, and that ends it.
        self.segments.release(slow);
        true
    }

    async fn start_line(&mut self, source: usize, pace: Arc<dyn Pace>) -> Result<bool, Fault> {
        self.last_line += 1;
        let id = self.last_line;
        let Some(Asked { part, check }) = self.next_request(id, source).await? else { return Ok(false) };
        let line = Line::new(id, source, part, check, pace);
        self.listen(line);
        Ok(true)
    }

    /// Has a connection go on with whatever is next for it; it ends where there is nothing.
    pub(super) async fn go_on(&mut self, mut line: Line) -> Result<(), Fault> {
        if let Some(watched) = self.watched.get(&line.id) {
            self.best_bps = self.best_bps.max(watched.rate_bps());
        }
        let mut next = self.next_request(line.id, line.source).await?;
        if next.is_none() && self.take_over_slow_tail() {
            next = self.next_request(line.id, line.source).await?;
        }
        match next {
            Some(Asked { part, check }) => {
                line.ask_for(part, check);
                self.listen(line);
            }
            None => self.end_line(line.id),
        }
        Ok(())
    }

    pub(super) fn end_line(&mut self, id: LineId) {
        self.segments.release(id);
        self.watched.remove(&id);
    }

    /// The next request of a connection: the beginning of the file, if that is to be compared first, else what is
    /// missing.
    async fn next_request(&mut self, id: LineId, source: usize) -> Result<Option<Asked>, Fault> {
        let of = &self.sources[source];
        let must_compare = of.is_elsewhere || proof(&of.validator).is_none() && says_nothing(&of.validator);
        let start_bytes = self.start_bytes();
        if must_compare && !of.is_compared && start_bytes > 0 {
            let on_disk = self.read(0..start_bytes).await?;
            let part = Part::Range { first: 0, last: Some(start_bytes - 1), proof: None };
            return Ok(Some(Asked { part, check: Some(Check::new(0, on_disk, true)) }));
        }
        if let Some(range) = self.apart(source) {
            let on_disk = self.read(range.clone()).await?;
            let (first, last) = (range.start, Some(range.end - 1));
            let part = Part::Range { first, last, proof: proof(&self.sources[source].validator) };
            return Ok(Some(Asked { part, check: Some(Check::new(first, on_disk, true)) }));
        }
        if self.watched.len() > 1 && proof(&of.validator).is_none() {
            // What stands in the middle of nothing can only be proven by a validator.
            return Ok(None);
        }
        let mut range = self.segments.of(id);
        if range.is_empty() {
            match self.segments.next_for(id) {
                Some(next) => range = next,
                None => return Ok(None),
            }
        }
        if !self.segments.arrived().is_empty() && range.start != self.segments.arrived().prefix() {
            self.mark_scattered().await?;
        }
        self.request(source, &range).await.map(Some)
    }

    /// The request for a range, with the proof there is.
    async fn request(&mut self, source: usize, range: &Range<u64>) -> Result<Asked, Fault> {
        let arrived = self.segments.arrived();
        let is_end = range.end == u64::MAX || self.order.file.total_bytes == Some(range.end);
        let last = (!is_end).then(|| range.end - 1);
        let source = &self.sources[source];
        let proof = proof(&source.validator).filter(|_| !source.is_elsewhere && self.part.is_some());
        // The first comparison of a run is the one that counts; later ones are of what came a moment ago.
        let overlap_bytes = match (&proof, source.is_proven_now) {
            (Some(_), true) => 0,
            (Some(_), false) => PROVEN_OVERLAP_BYTES,
            (None, true) => LATER_OVERLAP_BYTES,
            (None, false) => OVERLAP_BYTES,
        };
        let before = arrived.ranges().find(|there| there.end == range.start);
        let (before, proof) = match (before, proof) {
            (Some(before), proof) if overlap_bytes > 0 => (before, proof),
            (_, proof @ Some(_)) => {
                return Ok(Asked { part: Part::Range { first: range.start, last, proof }, check: None });
            }
            // Nothing there can be compared.
            (_, None) => return Ok(Asked { part: Part::FromStart, check: None }),
        };
        let first = before.start.max(before.end.saturating_sub(overlap_bytes));
        let on_disk = self.read(first..range.start).await?;
        Ok(Asked { part: Part::Range { first, last, proof }, check: Some(Check::new(first, on_disk, false)) })
    }

    /// What is compared by itself: the end of what is there, where the beginning of the file is missing, so that what is
    /// asked for next follows on nothing.
    fn apart(&self, source: usize) -> Option<Range<u64>> {
        let source = &self.sources[source];
        let arrived = self.segments.arrived();
        let last = arrived.ranges().last().filter(|_| arrived.prefix() == 0)?;
        let is_open = proof(&source.validator).is_some() && !source.is_elsewhere && !source.is_proven_now;
        is_open.then(|| last.start.max(last.end.saturating_sub(PROVEN_OVERLAP_BYTES))..last.end)
    }

    async fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        let Some(part) = &self.part else {
            return Err(Fault::new(FaultKind::Internal, "read without a part"));
        };
        part.read(range).await
    }

    /// Says on the part itself that it has gaps from now on.
    async fn mark_scattered(&mut self) -> Result<(), Fault> {
        if self.is_scattered {
            return Ok(());
        }
        self.is_scattered = true;
        self.attach_label().await
    }

    /// Writes into the open part what it belongs to.
    pub(super) async fn attach_label(&mut self) -> Result<(), Fault> {
        let (Some(part), Some(path)) = (&self.part, self.order.file.part_path()) else { return Ok(()) };
        let (part, file) = (Arc::clone(part.file()), self.order.file.clone());
        let is_scattered = self.is_scattered;
        super::super::part::blocking(&path, move || {
            label::attach(&*part, &file, is_scattered);
            Ok(())
        })
        .await
    }

    /// What is there counts as that of one address from now on; the others are still to prove that they have the same.
    pub(super) fn trust_only(&mut self, source: usize, validator: &Validator) {
        for (index, of) in self.sources.iter_mut().enumerate() {
            of.is_elsewhere = index != source;
            of.is_compared = index == source;
            of.is_proven_now = index == source;
        }
        self.sources[source].validator = validator.clone();
        self.order.file.readdressed = source != 0;
        self.order.file.validator = validator.clone();
    }

    /// What has arrived, as far as it is known to be on disk.
    pub(super) fn take_up(&mut self, have: Extents) {
        self.is_scattered = have.prefix() != have.end();
        self.segments = super::super::segments::Segments::new(self.order.file.total_bytes, have);
        self.set_arrived();
    }
}
