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

    /// Books what a new connection's window lets in before anything is read: it arrives as much as the rest. A third
    /// of a second's worth at most, so that a very low cap does not delay the start.
    fn book_first_window(&self) -> Place {
        let mut bucket = self.bucket();
        let most = bucket.rate().map_or(0, |rate| (rate.bytes_per_sec() / 3) as usize);
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
    line: Mutex<Line>,
}

/// Where a job stands in line.
struct Line {
    /// For its own cap.
    own: Place,
    /// For the cap over all.
    all: Place,
    /// Its equal share of the cap over all, and where it stands in line for that.
    share: Bucket,
    share_place: Place,
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
        let share = Bucket::new(None, Instant::now());
        let line =
            Line { own: Place::default(), all: Place::default(), share, share_place: Place::default() };
        Self {
            own: Cap::new(own),
            all: Arc::clone(all),
            connection: Mutex::new(None),
            line: Mutex::new(line),
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

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
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
            let mut line = self.line();
            line.own = self.own.book_first_window();
            line.all = self.all.book_first_window();
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
        let mut line = self.line();
        line.own = self.own.bucket().book(bytes, now);
        line.all = self.all.bucket().book(bytes, now);
        line.share.set_rate(self.all.share(), now);
        line.share_place = line.share.book(bytes, now);
        drop(line);
        self.hold();
    }

    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let line = &mut *self.line();
        let own = self.own.bucket().wait(line.own, now);
        let mut all = self.all.bucket();
        let turn = all.wait(line.all, now);
        let share = line.share.wait(line.share_place, now);
        let fair = share.and_then(|share| Some(share.min(all.wait_for_spare(now)?)));
        own.max(turn).max(fair)
    }
}
