//! A connection that is steered, and how it is held back: by the window its server is offered or, where that cannot be had,
//! by how fast it is read from.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::law;
use super::sockets::{Buffer, Counts, OwnSocket};
use super::throttle::{Claim, LEAST_WINDOW_BYTES};

/// A window that stays the same is said again after this time: the kernel forgets it now and then.
const SAY_AGAIN: Duration = Duration::from_millis(19);

/// The same with many connections, where it is said at once when it is seen to be forgotten: each call costs.
const SAY_AGAIN_TO_MANY: Duration = Duration::from_millis(200);

/// With many connections, a window counts as the same as long as it is that part of itself away from what was said.
const SAME_TO_MANY: u64 = 32;

/// What is under way when a connection is held back has come after two round trips and this.
const LEAST_DRAIN: Duration = Duration::from_millis(50);

/// A full segment's payload, and what it is on the wire, in bytes.
pub(super) const SEGMENT: u64 = 1448;
const FULL_PACKET: u64 = 1514;

/// The round trip the law is told where we hold back by reading, as nobody knows it: long enough for even a low rate to be
/// even over it.
const ROUND_TRIP_OF_READS: Duration = Duration::from_millis(200);

/// How a connection is held back, and what tells how much comes over it.
#[derive(Clone, Debug)]
pub enum Hold {
    /// By the window the kernel offers its server.
    Window(Arc<OwnSocket>),
    /// By reading slower: where the kernel has no say, or what it says is of a proxy and not of the link.
    Reads(Arc<dyn Reads>),
}

/// A connection that can be read from slower.
pub trait Reads: Debug + Send + Sync {
    /// What has come over it in all, in bytes.
    fn received_bytes(&self) -> u64;

    /// It is to be read from no faster than that, in bytes per second.
    fn read_at(&self, rate_bps: u64);
}

/// A connection that is steered.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    hold: Hold,
    peer: SocketAddr,
    weight: u32,
    pub(super) counts: Counts,
    /// What it has received lately, in bytes per second.
    pub(super) rate: f64,
    share_bytes: u64,
    /// When it was last held to that.
    said: Duration,
    /// Since when it is not its turn.
    held_back: Option<Duration>,
    /// What its receive buffer was like before it was parked.
    parked: Option<Buffer>,
    /// Tells whoever reads from it whether it is parked.
    gate: watch::Sender<bool>,
    capped: Arc<Capped>,
}

/// What a connection's caps make of it.
#[derive(Debug)]
pub(super) struct Capped {
    /// Whether it waits for one now.
    pub(super) waits: AtomicBool,
    /// The window they allow, in bytes.
    pub(super) window_bytes: AtomicU64,
}

impl Default for Capped {
    fn default() -> Self {
        Self { waits: AtomicBool::new(false), window_bytes: AtomicU64::new(u64::MAX) }
    }
}

impl Hold {
    /// What is counted of it; `None` where the kernel does not tell.
    fn counts(&self) -> Option<Counts> {
        match self {
            Self::Window(socket) => socket.counts(),
            Self::Reads(reads) => Some(Counts {
                handshake: ROUND_TRIP_OF_READS,
                wire_bytes: reads.received_bytes() * FULL_PACKET / SEGMENT,
                ..Counts::default()
            }),
        }
    }
}

impl Member {
    /// One with that number. `is_new` says that all that has come over it came just now.
    pub(super) fn new(id: u64, hold: Hold, peer: SocketAddr, weight: u32, is_new: bool) -> Self {
        // What came at first came just now, and over the interface as well. All that has ever come would be too much at once.
        let counts = if is_new { None } else { hold.counts() }.unwrap_or_default();
        Self {
            id,
            hold,
            peer,
            weight,
            counts,
            rate: 0.0,
            share_bytes: 0,
            said: Duration::ZERO,
            held_back: None,
            parked: None,
            gate: watch::channel(false).0,
            capped: Arc::default(),
        }
    }

    /// Tells whether it is parked.
    pub(super) fn gate(&self) -> watch::Receiver<bool> {
        self.gate.subscribe()
    }

    /// Where it is noted what its caps make of it.
    pub(super) const fn capped(&self) -> &Arc<Capped> {
        &self.capped
    }

    /// Whether it waits for a cap.
    pub(super) fn is_capped(&self) -> bool {
        self.capped.waits.load(Ordering::Relaxed)
    }

    pub(super) const fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Whether it is held back by its window.
    pub(super) const fn has_window(&self) -> bool {
        matches!(self.hold, Hold::Window(_))
    }

    /// Counts anew over a time in seconds; how many bytes have come on the wire. `None` where that cannot be told.
    pub(super) fn count(&mut self, secs: f64) -> Option<u64> {
        let counts = self.hold.counts()?;
        let came = counts.wire_bytes.saturating_sub(self.counts.wire_bytes);
        self.rate += (secs / 0.3).min(1.0) * (came as f64 / secs - self.rate);
        self.counts = counts;
        Some(came)
    }

    /// What the law is told of it.
    pub(super) fn as_connection(&self) -> law::Connection {
        law::Connection {
            path: path_of(self.peer),
            round_trip: self.counts.round_trip,
            handshake: self.counts.handshake,
            segments: self.counts.segments,
        }
    }

    /// Holds it to a window from now on, or to what that lets through in that round trip.
    pub(super) fn hold_to(&mut self, share: u64, round_trip: Duration, now: Duration, is_one_of_many: bool) {
        match &self.hold {
            Hold::Window(socket) => {
                if !self.is_said(share, now, is_one_of_many) {
                    socket.clamp(share);
                    (self.share_bytes, self.said) = (share, now);
                }
            }
            Hold::Reads(reads) => {
                self.share_bytes = share;
                let round_trip = if round_trip.is_zero() { ROUND_TRIP_OF_READS } else { round_trip };
                reads.read_at((share as f64 / round_trip.as_secs_f64()) as u64);
            }
        }
    }

    /// To say it costs as much as to look: for one of many only where it makes a difference.
    fn is_said(&self, share: u64, now: Duration, is_one_of_many: bool) -> bool {
        let ago = now.saturating_sub(self.said);
        match self.counts.offered_bytes.filter(|_| is_one_of_many) {
            Some(offered) => {
                ago < SAY_AGAIN_TO_MANY
                    && offered <= share + 2 * SEGMENT
                    && share.abs_diff(self.share_bytes) <= self.share_bytes / SAME_TO_MANY
            }
            None => ago < SAY_AGAIN && self.share_bytes == share,
        }
    }

    /// It is not its turn: it is held to the least there is, and once what is under way has come, it is parked.
    pub(super) fn hold_back(&mut self, now: Duration) {
        if self.parked.is_some() {
            return;
        }
        let since = *self.held_back.get_or_insert(now);
        let is_drained = now.saturating_sub(since) >= 2 * self.round_trip() + LEAST_DRAIN;
        match &self.hold {
            Hold::Window(socket) if is_drained => {
                self.parked = Some(socket.park());
                self.rate = 0.0;
                self.gate.send_replace(true);
            }
            Hold::Window(_) => self.hold_to(LEAST_WINDOW_BYTES, Duration::ZERO, now, true),
            Hold::Reads(reads) => reads.read_at(0),
        }
    }

    pub(super) fn unpark(&mut self) {
        self.held_back = None;
        if let (Some(before), Hold::Window(socket)) = (self.parked.take(), &self.hold) {
            socket.unpark(before);
            self.gate.send_replace(false);
            // It has to be said anew.
            self.share_bytes = 0;
        }
    }

    fn round_trip(&self) -> Duration {
        self.counts.round_trip.unwrap_or(self.counts.handshake)
    }

    /// What it asks of the window: one whose server sends less than it may needs no more than that, nor more than its caps let
    /// through.
    pub(super) fn claim(&self) -> Claim {
        let round = self.round_trip().as_secs_f64();
        let used = (self.rate * round) as u64;
        let is_slow = self.share_bytes > 20 * SEGMENT && used < self.share_bytes / 2;
        let by_use = if is_slow { (2 * used).max(10 * SEGMENT) } else { u64::MAX };
        // The window of one that is read from slower is none of the kernel's.
        let by_caps =
            if self.has_window() { self.capped.window_bytes.load(Ordering::Relaxed) } else { u64::MAX };
        Claim { weight: self.weight, most_bytes: by_use.min(by_caps) }
    }
}

/// The way to a server: connections to one address share it.
fn path_of(peer: SocketAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    peer.ip().to_canonical().hash(&mut hasher);
    hasher.finish()
}
