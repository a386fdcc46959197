//! One connection of a run: it asks for a part and brings what comes, piece by piece. What becomes of the pieces is
//! the run's business.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Response};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::Pace;
use super::faults::fault_of_reqwest;
use super::http::{Access, Part, STALL, ask, ends_in};
use super::segments::LineId;
use crate::job::{Fault, FaultKind};

/// The longest nap while a cap holds the transfer back, so that a raised cap is felt at once.
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// What is heard of a connection.
pub(super) enum Heard {
    /// The head of the answer to what was asked.
    Answer(Result<Response, Fault>),
    /// The next piece of the body; `None` at its end.
    Piece(Result<Option<Bytes>, Fault>),
}

/// A connection.
pub(super) struct Line {
    pub(super) id: LineId,
    /// Which of the file's addresses it asks.
    pub(super) source: usize,
    pub(super) asked: Part,
    /// What must come first: bytes that are there already, to see whether they are the same.
    pub(super) check: Option<Check>,
    pace: Arc<dyn Pace>,
    body: Option<Body>,
    /// How many bytes it has brought in all.
    pub(super) brought_bytes: u64,
}

/// Bytes that are on disk, as far as they have been found to be the same.
pub(super) struct Check {
    /// Where in the file they begin.
    from: u64,
    on_disk: Vec<u8>,
    same: usize,
    /// Whether it is all that was asked for, and what follows on it is not.
    pub(super) is_all: bool,
}

/// The body of an answer.
struct Body {
    answer: Response,
    /// How many bytes are still to come, where that was said.
    left: Option<u64>,
    /// How many have come.
    came: u64,
    stalled_at: Instant,
}

/// Where requests go: the client, and what they carry.
pub(super) struct Door {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) access: Access,
}

impl Check {
    pub(super) const fn new(from: u64, on_disk: Vec<u8>, is_all: bool) -> Self {
        Self { from, on_disk, same: 0, is_all }
    }

    /// Compares the beginning of a piece with what comes next on disk, and takes it off; false where they differ.
    pub(super) fn take_in(&mut self, piece: &mut Bytes) -> bool {
        let expected = self.on_disk.get(self.same..).unwrap_or_default();
        let came = piece.split_to(piece.len().min(expected.len()));
        self.same += came.len();
        expected.starts_with(&came)
    }

    /// Whether it is the beginning of the file, by itself.
    pub(super) const fn is_start(&self) -> bool {
        self.is_all && self.from == 0
    }

    pub(super) fn is_done(&self) -> bool {
        self.same == self.on_disk.len()
    }
}

impl Line {
    pub(super) fn new(
        id: LineId,
        source: usize,
        asked: Part,
        check: Option<Check>,
        pace: Arc<dyn Pace>,
    ) -> Self {
        Self { id, source, asked, check, pace, body: None, brought_bytes: 0 }
    }

    /// Asks for something else over the same line.
    pub(super) fn ask_for(&mut self, part: Part, check: Option<Check>) {
        (self.asked, self.check, self.body) = (part, check, None);
    }

    /// Takes the body of the answer from here on; it must have so many bytes, where that is known.
    pub(super) fn receive(&mut self, answer: Response, body_bytes: Option<u64>) {
        let stalled_at = Instant::now() + STALL;
        self.body = Some(Body { answer, left: body_bytes, came: 0, stalled_at });
    }

    /// The next that is heard of it.
    pub(super) async fn hear(mut self, door: Arc<Door>) -> (Self, Heard) {
        let heard = match &mut self.body {
            None => Heard::Answer(self.ask(&door).await),
            Some(body) => Heard::Piece(body.next_piece(self.pace.as_ref()).await),
        };
        (self, heard)
    }

    async fn ask(&self, door: &Door) -> Result<Response, Fault> {
        let answer = ask(&door.client, &door.url, &door.access, &self.asked).await?;
        // Before anything is decided and put on disk: the window is small until then, and more than fits into it is lost.
        if let Some((local, peer)) = ends_in(answer.extensions()) {
            self.pace.connected(local, peer);
        }
        Ok(answer)
    }

    /// So many of its bytes were put to use, and it may wait for the server once more.
    pub(super) fn has_brought(&mut self, bytes: u64) {
        self.brought_bytes += bytes;
        if let Some(body) = &mut self.body {
            // While the disk is busy we do not read: that is not the server's stalling either.
            body.stalled_at = Instant::now() + STALL;
        }
    }

    /// Whether all bytes of the body have come, and only its end is still to be heard of: a server that goes on behind
    /// it contradicts itself.
    pub(super) fn is_at_end(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.left == Some(0))
    }

    /// Whether the body has ended as it should: a fault where bytes are missing.
    pub(super) fn end_of_body(&self) -> Result<(), Fault> {
        if self.body.as_ref().is_some_and(|body| body.left.is_some_and(|left| left > 0)) {
            return Err(Fault::new(FaultKind::ConnectionLost, "the answer ended early"));
        }
        Ok(())
    }

    /// Asks for the rest of what is being compared, where a server has sent less than was asked for; false where
    /// nothing is.
    pub(super) fn ask_for_rest_of_check(&mut self) -> bool {
        let Some(check) = self.check.take_if(|check| !check.is_done()) else { return false };
        let Part::Range { last, proof, .. } = self.asked.clone() else { return false };
        let first = check.from + check.same as u64;
        self.ask_for(Part::Range { first, last, proof }, Some(check));
        true
    }

    /// Whether a validator was sent along, so that only the file it belongs to may be answered with a part.
    pub(super) const fn has_proof(&self) -> bool {
        matches!(self.asked, Part::Range { proof: Some(_), .. })
    }

    /// Whether all that has come was there already.
    pub(super) fn has_only_compared(&self) -> bool {
        self.brought_bytes == 0 && self.body.as_ref().is_some_and(|body| body.came > 0)
    }

    /// Whether nothing came at all.
    pub(super) fn is_empty_handed(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.came == 0)
    }
}

impl Body {
    /// The next piece, once the pace allows it.
    async fn next_piece(&mut self, pace: &dyn Pace) -> Result<Option<Bytes>, Fault> {
        if let Some(notice) = pace.parked() {
            notice.await;
            self.stalled_at = Instant::now() + STALL;
        }
        while let Some(wait) = pace.wait() {
            sleep(wait.min(LONGEST_NAP)).await;
            // While we do not read, the server cannot send: that is not its stalling.
            self.stalled_at = Instant::now() + STALL;
        }
        let piece = match timeout_at(self.stalled_at, self.answer.chunk()).await {
            Ok(piece) => piece.map_err(|error| fault_of_reqwest(&error))?,
            Err(_) => return Err(Fault::new(FaultKind::Stalled, "")),
        };
        let Some(piece) = piece else { return Ok(None) };
        let bytes = piece.len() as u64;
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(bytes)
                .ok_or_else(|| Fault::new(FaultKind::WrongLength, "more arrived than was announced"))?;
        }
        self.came += bytes;
        pace.book(piece.len());
        Ok(Some(piece))
    }
}
