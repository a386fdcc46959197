//! How fast the bytes of one job may arrive: its own cap and the one over all jobs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::idle::{Bucket, FIRST_WINDOW, OwnSocket, Place, window_for};
use crate::job::Rate;
use crate::transfer::Pace;

/// Has a new connection begin with a small window. A sender never forgets the largest window it was offered, and
/// makes its segments by it: only one that begins small can be held to a low cap smoothly.
pub(super) fn start_small(local: SocketAddr, peer: SocketAddr) {
    if let Some(socket) = OwnSocket::find(local, peer) {
        socket.hold_to(FIRST_WINDOW);
    }
}

/// One cap, shared by all who must keep to it.
#[derive(Debug)]
pub(super) struct Cap {
    bucket: Mutex<Bucket>,
    /// How many connections share it now.
    connections: AtomicUsize,
}

impl Cap {
    pub(super) fn new(rate: Option<Rate>) -> Arc<Self> {
        let bucket = Mutex::new(Bucket::new(rate, Instant::now()));
        Arc::new(Self { bucket, connections: AtomicUsize::new(0) })
    }

    pub(super) fn set_rate(&self, rate: Option<Rate>) {
        self.bucket().set_rate(rate, Instant::now());
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        self.bucket().rate()
    }

    /// What one connection may count on, in bytes per second.
    fn share(&self) -> Option<Rate> {
        let connections = self.connections.load(Ordering::Relaxed).max(1) as u64;
        let rate = self.rate()?.bytes_per_sec();
        Rate::from_bytes_per_sec((rate / connections).max(1))
    }

    /// Books what a new connection's window lets in before anything is read: it arrives as much as the rest. A
    /// sixteenth of a second's worth at most, so that a very low cap does not delay the start.
    fn book_first_window(&self) -> Place {
        let mut bucket = self.bucket();
        let most = bucket.rate().map_or(0, |rate| (rate.bytes_per_sec() / 16) as usize);
        bucket.book(most.min(2 * FIRST_WINDOW), Instant::now())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caps one job keeps to.
pub(super) struct JobPace {
    own: Arc<Cap>,
    all: Arc<Cap>,
    connection: Mutex<Option<Connection>>,
    /// Where it stands in line for its own cap and for the one over all.
    places: Mutex<(Place, Place)>,
}

struct Connection {
    /// `None` where the kernel's throttle is not within reach.
    socket: Option<OwnSocket>,
    /// The window it is held to; `None` while the kernel sizes it.
    held_to: Option<usize>,
    /// The largest window it was ever held to; beyond all bounds once it was let go.
    offered_bytes: usize,
}

impl JobPace {
    pub(super) fn new(own: Option<Rate>, all: &Arc<Cap>) -> Self {
        Self {
            own: Cap::new(own),
            all: Arc::clone(all),
            connection: Mutex::new(None),
            places: Mutex::default(),
        }
    }

    /// The job's own cap.
    pub(super) fn own(&self) -> &Cap {
        &self.own
    }

    /// The lowest cap in force.
    pub(super) fn lowest(&self) -> Option<Rate> {
        lower(self.own.rate(), self.all.rate())
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, (Place, Place)> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the kernel offer no more than the caps let through in a moment, so that what arrives is smooth and not
    /// only its average is right.
    fn hold(&self) {
        let Some(connection) = &mut *self.connection() else { return };
        let Some(socket) = &connection.socket else { return };
        let window = lower(self.own.share(), self.all.share())
            .map(|rate| window_for(rate, socket.path().unwrap_or_default(), connection.offered_bytes));
        match (window, connection.held_to) {
            (None, Some(_)) => socket.let_go(),
            // The round trip is measured anew all the time: only a real difference is worth a call.
            (Some(window), Some(held)) if window.abs_diff(held) <= held / 8 => return,
            (Some(window), _) => socket.hold_to(window),
            (None, None) => return,
        }
        connection.held_to = window;
        connection.offered_bytes = connection.offered_bytes.max(window.unwrap_or(usize::MAX));
    }
}

fn lower(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    one.into_iter().chain(other).min()
}

impl Pace for JobPace {
    fn connected(&self, local: SocketAddr, peer: SocketAddr) {
        let socket = OwnSocket::find(local, peer);
        let before = self.connection().replace(Connection {
            socket,
            held_to: Some(FIRST_WINDOW),
            offered_bytes: FIRST_WINDOW,
        });
        if before.is_none() {
            self.own.connections.fetch_add(1, Ordering::Relaxed);
            self.all.connections.fetch_add(1, Ordering::Relaxed);
            *self.places() = (self.own.book_first_window(), self.all.book_first_window());
        }
        self.hold();
    }

    fn disconnected(&self) {
        if self.connection().take().is_some() {
            self.own.connections.fetch_sub(1, Ordering::Relaxed);
            self.all.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn book(&self, bytes: usize) {
        let now = Instant::now();
        *self.places() = (self.own.bucket().book(bytes, now), self.all.bucket().book(bytes, now));
        self.hold();
    }

    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let (own, all) = *self.places();
        self.own.bucket().wait(own, now).max(self.all.bucket().wait(all, now))
    }
}
