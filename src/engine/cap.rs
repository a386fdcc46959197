//! A cap, and a transfer's place in the line for it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::governor::InForce;
use crate::idle::{Bucket, Place};
use crate::job::Rate;

/// One cap, shared by all who must keep to it.
#[derive(Debug)]
pub(super) struct Cap {
    bucket: Mutex<Bucket>,
    /// The bucket's rate, 0 for none: every piece that arrives asks for it, and most caps are none.
    rate_bps: AtomicU64,
    /// How many connections share it now.
    connections: AtomicUsize,
    /// One of the caps counted there, unless it is none.
    in_force: InForce,
}

impl Cap {
    pub(super) fn new(rate: Option<Rate>, in_force: &InForce) -> Arc<Self> {
        let cap = Self {
            bucket: Mutex::new(Bucket::new(None, Instant::now())),
            rate_bps: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            in_force: in_force.clone(),
        };
        cap.set_rate(rate);
        Arc::new(cap)
    }

    pub(super) fn set_rate(&self, rate: Option<Rate>) {
        let mut bucket = self.bucket();
        self.in_force.replace(bucket.rate().is_some(), rate.is_some());
        bucket.set_rate(rate, Instant::now());
        self.rate_bps.store(rate.map_or(0, Rate::bytes_per_sec), Ordering::Relaxed);
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        Rate::from_bytes_per_sec(self.rate_bps.load(Ordering::Relaxed))
    }

    /// One more connection keeps to it.
    pub(super) fn join(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One does not any more.
    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// What one connection may count on, in bytes per second.
    pub(super) fn share(&self) -> Option<Rate> {
        let connections = self.connections.load(Ordering::Relaxed).max(1) as u64;
        let rate = self.rate()?.bytes_per_sec();
        Rate::from_bytes_per_sec((rate / connections).max(1))
    }

    /// Books what a window lets in before anything is read: it arrives as much as the rest. A third of a second's worth at
    /// most, so that a very low cap does not delay the start.
    fn book_window(&self, bytes: usize) -> Place {
        let mut bucket = self.bucket();
        let most = bucket.rate().map_or(0, |rate| (rate.bytes_per_sec() / 3) as usize);
        bucket.book(most.min(bytes), Instant::now())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cap {
    fn drop(&mut self) {
        self.in_force.replace(self.rate().is_some(), false);
    }
}

/// Who has set a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The user.
    User,
    /// The timetable.
    Timetable,
    /// The governor, where it holds back by reading slower.
    Governor,
}

/// A cap, and who has set it.
pub(super) type Applies = (Arc<Cap>, Whose);

/// A transfer's place in the line for one cap.
pub(super) struct InLine {
    pub(super) cap: Arc<Cap>,
    pub(super) whose: Whose,
    place: Place,
    /// Its equal share of the cap, and where it stands in line for that.
    share: Bucket,
    share_place: Place,
}

impl InLine {
    pub(super) fn new(cap: Arc<Cap>, whose: Whose) -> Self {
        let share = Bucket::new(None, Instant::now());
        Self { cap, whose, place: Place::default(), share, share_place: Place::default() }
    }

    /// Books what has arrived.
    pub(super) fn book(&mut self, bytes: usize, now: Instant) {
        self.place = self.cap.bucket().book(bytes, now);
        self.share.set_rate(self.cap.share(), now);
        self.share_place = self.share.book(bytes, now);
    }

    /// Books what a window lets in before anything is read.
    pub(super) fn book_window(&mut self, bytes: usize) {
        self.place = self.cap.book_window(bytes);
    }

    /// How long to wait before more may arrive; `None` if it may now.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let mut bucket = self.cap.bucket();
        let turn = bucket.wait(self.place, now);
        // Who has had more than an equal share waits for what the others leave.
        let share = self.share.wait(self.share_place, now);
        let fair = share.and_then(|share| Some(share.min(bucket.wait_for_spare(now)?)));
        turn.max(fair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_counted_as_long_as_they_are_any() {
        let in_force = InForce::default();
        let mut caps = vec![Cap::new(None, &in_force)];
        assert!(!in_force.is_any());
        caps[0].set_rate(Rate::from_bytes_per_sec(1));
        caps[0].set_rate(Rate::from_bytes_per_sec(2));
        caps.push(Cap::new(Rate::from_bytes_per_sec(3), &in_force));
        assert!(in_force.is_any());
        caps[0].set_rate(None);
        assert!(in_force.is_any());
        caps.pop();
        assert!(!in_force.is_any());
    }
}
