//! What becomes of the answers, the pieces and the faults of connections.

use std::time::SystemTime;

use bytes::{Buf as _, Bytes};
use reqwest::Response;

use super::super::head::Head;
use super::super::http::Part;
use super::super::line::{Check, Line};
use super::super::resume::{Verdict, change_in_words, proof, verdict};
use super::super::retry_after::retry_after;
use super::super::segments::LEAST_SEGMENT_BYTES;
use super::super::{FIRST_OFFER_BYTES, News};
use super::{MOST_BREAKS_IN_COMPARISON, MOST_RESTARTS, Run};
use crate::job::{Fault, FaultKind, Validator, bytes_in_words};

impl Run {
    pub(super) async fn take_answer(&mut self, mut line: Line, answer: Response) -> Result<(), Fault> {
        let head = Head::of(&answer);
        let known = self.known(line.source);
        let (is_alone, is_elsewhere) = (self.watched.len() == 1, known.is_elsewhere);
        let verdict = verdict(&line.asked, known, &head);
        let changed = change_in_words(known, &head);
        match verdict {
            Verdict::Continue { total_bytes, body_bytes } => {
                self.continue_with(line, answer, head, total_bytes, body_bytes).await
            }
            // Whatever the others bring belongs together; this does not.
            Verdict::FromStart { .. } if !is_alone => self.send_away(&line, &changed).await,
            Verdict::AskWhole(why) if !is_alone => self.send_away(&line, why).await,
            Verdict::Another(how) if !is_alone => self.send_away(&line, &how).await,
            Verdict::FromStart { total_bytes, body_bytes, resumable } => {
                if !self.segments.arrived().is_empty() && self.why_over.is_none() {
                    self.why_over = Some(changed);
                }
                self.begin(line, answer, head, total_bytes, body_bytes, resumable).await
            }
            Verdict::AlreadyWhole => {
                self.why_over = None;
                self.decided("It is whole already: the server has no more of it".into()).await;
                self.end_here(&line);
                Ok(())
            }
            Verdict::Another(how) if is_elsewhere => {
                self.lose(line, Fault::new(FaultKind::AnotherFile, how)).await
            }
            Verdict::Another(how) => {
                self.ask_anew(line, &how);
                Ok(())
            }
            Verdict::AskWhole(why) if line.asked == Part::Whole => {
                self.lose(line, Fault::new(FaultKind::Nonsense, why)).await
            }
            Verdict::AskWhole(why) => {
                self.decided(format!("Asks for the whole file: {why}")).await;
                if !self.segments.arrived().is_empty() {
                    self.why_over = Some(why.to_owned());
                }
                line.ask_for(Part::Whole, None);
                self.listen(line);
                Ok(())
            }
            Verdict::Fault(mut fault) => {
                self.retry_after = retry_after(answer.headers(), SystemTime::now());
                if fault.detail.is_empty() {
                    fault.detail = format!("{} said so", answer.url().host_str().unwrap_or("the server"));
                }
                self.lose(line, fault).await
            }
        }
    }

    /// An answer fits what is there.
    async fn continue_with(
        &mut self,
        mut line: Line,
        answer: Response,
        head: Head,
        total_bytes: u64,
        body_bytes: u64,
    ) -> Result<(), Fault> {
        self.why_over = None;
        // As long as the size is not known, there is an end to ask for, and to be compared.
        let is_start = line.check.as_ref().is_some_and(Check::is_start);
        if self.order.file.total_bytes.is_none() && !is_start {
            self.order.file.total_bytes = Some(total_bytes);
            self.segments.set_total(total_bytes);
        }
        if line.check.is_none() {
            let first = self.segments.of(line.id).start;
            if self.watched.len() == 1 && first > 0 {
                self.note_going_on(&line, "").await;
            }
            self.sources[line.source].is_proven_now = true;
        } else if !line.has_proof() {
            // What it says now is what counts from now on; what it does not say is not unsaid.
            let known = std::mem::take(&mut self.sources[line.source].validator);
            let Validator { etag, last_modified, date, digest } = head.validator;
            self.sources[line.source].validator = Validator {
                etag: etag.or(known.etag),
                last_modified: last_modified.or(known.last_modified),
                date: date.or(known.date),
                digest: digest.or(known.digest),
            };
        }
        self.order.reporter.tell(News::Connected).await;
        line.receive(answer, Some(body_bytes));
        self.listen(line);
        self.add_lines().await
    }

    pub(super) async fn take_piece(&mut self, mut line: Line, mut piece: Bytes) -> Result<(), Fault> {
        let mut was_compared = false;
        if let Some(check) = &mut line.check {
            if !check.take_in(&mut piece) {
                return self.take_difference(line).await;
            }
            if !check.is_done() {
                line.has_brought(0);
                self.listen(line);
                return Ok(());
            }
            let (was_all, was_start) = (check.is_all, check.is_start());
            line.check = None;
            self.note_same(&line, was_start).await?;
            if was_all {
                return self.go_on(line).await;
            }
            was_compared = true;
        }
        let at = self.segments.of(line.id).start;
        let wanted = self.segments.take_in(line.id, piece.len() as u64);
        piece.truncate(wanted as usize);
        if piece.has_remaining() {
            let Some(part) = &mut self.part else {
                return Err(Fault::new(FaultKind::Internal, "received without a part"));
            };
            part.push(at, piece).await?;
            self.order.meter.add_arrived(wanted);
        }
        let was_new = line.brought_bytes < FIRST_OFFER_BYTES;
        line.has_brought(wanted);
        let is_let_in = was_new && line.brought_bytes >= FIRST_OFFER_BYTES;
        if self.segments.of(line.id).is_empty() && !line.is_at_end() {
            return self.go_on(line).await;
        }
        self.listen(line);
        // Others had to wait for that.
        if was_compared || is_let_in { self.add_lines().await } else { Ok(()) }
    }

    /// What was compared is the same.
    async fn note_same(&mut self, line: &Line, was_start: bool) -> Result<(), Fault> {
        let is_alone = self.watched.len() == 1;
        let source = &mut self.sources[line.source];
        if was_start {
            source.is_compared = true;
            if is_alone || proof(&source.validator).is_none() {
                // The end of what is there is compared as well.
                return Ok(());
            }
        }
        source.is_proven_now = true;
        let was_elsewhere = std::mem::replace(&mut source.is_elsewhere, false);
        if line.has_proof() {
            self.note_going_on(line, ", and what was fetched again of it is the same").await;
            return Ok(());
        }
        if line.source == 0 {
            self.order.file.validator = source.validator.clone();
            self.order.file.readdressed = false;
            self.save_plan().await?;
        }
        if was_elsewhere {
            let host = self.sources[line.source].door.url.host_str().unwrap_or_default().to_owned();
            self.decided(format!(
                "{host} has the same file: its size, what it says of it and the beginning agree"
            ))
            .await;
        } else {
            let at = bytes_in_words(self.segments.of(line.id).start);
            self.decided(format!("Goes on at {at}: what was fetched again of it is the same")).await;
        }
        Ok(())
    }

    /// Says that it goes on with what is there, and by which validator.
    async fn note_going_on(&mut self, line: &Line, more: &str) {
        let proof = proof(&self.sources[line.source].validator).unwrap_or_default();
        let at = bytes_in_words(self.segments.of(line.id).start);
        self.decided(format!("Goes on at {at}: the server has the same file ({proof}){more}")).await;
    }

    /// What was compared is not the same.
    async fn take_difference(&mut self, line: Line) -> Result<(), Fault> {
        let how = "what was fetched again of it is not the same";
        if self.watched.len() > 1 {
            return self.send_away(&line, how).await;
        }
        if self.sources[line.source].is_elsewhere {
            return self.lose(line, Fault::new(FaultKind::AnotherFile, how)).await;
        }
        self.ask_anew(line, how);
        Ok(())
    }

    /// The server has another version: it is asked for, without a range, of which it may have a strange notion.
    fn ask_anew(&mut self, mut line: Line, how: &str) {
        self.why_over = Some(format!("the file on the server has changed: {how}"));
        line.ask_for(Part::Whole, None);
        self.listen(line);
    }

    pub(super) async fn end_body(&mut self, mut line: Line) -> Result<(), Fault> {
        if let Err(fault) = line.end_of_body() {
            return self.break_off(line, fault).await;
        }
        if !line.is_empty_handed() && line.ask_for_rest_of_check() {
            self.listen(line);
            return Ok(());
        }
        if self.order.file.total_bytes.is_none() {
            // Only the end of the connection tells the size.
            self.end_here(&line);
            return Ok(());
        }
        if self.is_whole() {
            self.end_line(line.id);
            return Ok(());
        }
        // A server may send less than was asked for, but not nothing for ever.
        if line.is_empty_handed() && !self.segments.of(line.id).is_empty() {
            return self.lose(line, Fault::new(FaultKind::Nonsense, "its answers are empty")).await;
        }
        self.go_on(line).await
    }

    /// A connection among several brings what does not belong to the rest: it ends, and there are no more.
    async fn send_away(&mut self, line: &Line, how: &str) -> Result<(), Fault> {
        self.end_line(line.id);
        if self.sources[line.source].is_elsewhere {
            self.sources[line.source].is_out = true;
        } else {
            self.most_lines = 1;
        }
        let host = self.sources[line.source].door.url.host_str().unwrap_or_default();
        self.decided(format!("A further connection to {host} is of no use: {how}")).await;
        Ok(())
    }

    /// The file ends with what has arrived.
    fn end_here(&mut self, line: &Line) {
        self.segments.end_here();
        self.order.file.total_bytes.get_or_insert(self.segments.arrived().end());
        self.end_line(line.id);
    }

    /// A connection broke off. If it has brought nothing new, because what is there had to be compared first, the rest is
    /// asked for at once: a network that breaks every connection as early would never let it get any further.
    pub(super) async fn break_off(&mut self, mut line: Line, fault: Fault) -> Result<(), Fault> {
        let is_worth_it = fault.is_transient() && line.has_only_compared();
        if !is_worth_it || self.breaks_in_comparison == MOST_BREAKS_IN_COMPARISON {
            return self.lose(line, fault).await;
        }
        self.breaks_in_comparison += 1;
        if line.ask_for_rest_of_check() {
            self.listen(line);
            return Ok(());
        }
        self.go_on(line).await
    }

    /// A connection is lost. Where others go on, that is all there is to it; else another address is asked; else the
    /// run ends.
    pub(super) async fn lose(&mut self, line: Line, fault: Fault) -> Result<(), Fault> {
        let (id, source, brought_bytes) = (line.id, line.source, line.brought_bytes);
        drop(line);
        self.end_line(id);
        let others = (0..self.sources.len()).any(|other| other != source && !self.sources[other].is_out);
        if !self.watched.is_empty() {
            self.retry_after = None;
            if brought_bytes < LEAST_SEGMENT_BYTES {
                if others && self.watched.values().all(|of| of.source != source) {
                    self.sources[source].is_out = true;
                } else {
                    self.most_lines = self.watched.len().max(1);
                }
            }
            let left = self.watched.len();
            let plural = if left == 1 { "" } else { "s" };
            self.decided(format!("Goes on with {left} connection{plural}: {}", in_brief(&fault))).await;
            return Ok(());
        }
        self.sources[source].is_out = true;
        let next = self.sources.iter().position(|source| !source.is_out);
        // What may pass by itself is told before what may not.
        if self.fault.as_ref().is_none_or(|known| !known.is_transient() && fault.is_transient()) {
            self.fault = Some(fault.clone());
        }
        let Some(next) = next else { return Err(self.fault.take().unwrap_or(fault)) };
        let host = self.sources[next].door.url.host_str().unwrap_or_default();
        self.decided(format!("Asks {host} next: {}", in_brief(&fault))).await;
        self.start_first(next).await
    }

    /// What is there is given up, for a reason; too often in one run is once too often.
    pub(super) async fn note_start_over(&mut self, said: &Validator) -> Result<(), Fault> {
        let had = self.segments.arrived().bytes();
        let why = self.why_over.take();
        if had == 0 {
            return Ok(());
        }
        let why = why.unwrap_or_else(|| "the server sends it only from its start".into());
        let etag = said.etag.as_deref().map_or_else(String::new, |etag| format!(" (now {etag})"));
        self.decided(format!("Starts over, giving up {}: {why}{etag}", bytes_in_words(had))).await;
        self.restarts += 1;
        // One answer is of one version, whatever the server has from one request to the next.
        self.most_lines = 1;
        if self.restarts > MOST_RESTARTS {
            return Err(Fault::new(FaultKind::KeepsChanging, why));
        }
        Ok(())
    }
}

/// What happened, with the particulars where there are any.
fn in_brief(fault: &Fault) -> String {
    if fault.detail.is_empty() { fault.what() } else { format!("{} ({})", fault.what(), fault.detail) }
}
