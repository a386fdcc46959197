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

    /// Books what a window lets in before anything is read: it arrives as much as the rest. Two thirds of a second's
    /// worth at most, so that a very low cap does not delay the start. Says how much that was as well.
    fn book_window(&self, bytes: usize) -> (Place, usize) {
        let mut bucket = self.bucket();
        let most = bucket.rate().map_or(0, |rate| (rate.bytes_per_sec() * 2 / 3) as usize);
        let booked = most.min(bytes);
        (bucket.book(booked, Instant::now()), booked)
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
    /// What is booked of its window, in bytes.
    window_bytes: usize,
    /// What was, and is not of its window any more: when that is read it is paid for already.
    paid_bytes: usize,
    /// Its equal share of the cap, and where it stands in line for that.
    share: Bucket,
    share_place: Place,
}

impl InLine {
    pub(super) fn new(cap: Arc<Cap>, whose: Whose) -> Self {
        let share = Bucket::new(None, Instant::now());
        let (place, share_place) = (Place::default(), Place::default());
        Self { cap, whose, place, window_bytes: 0, paid_bytes: 0, share, share_place }
    }

    /// Books what has arrived.
    pub(super) fn book(&mut self, bytes: usize, now: Instant) {
        let paid = bytes.min(self.paid_bytes);
        self.paid_bytes -= paid;
        let bytes = bytes - paid;
        self.place = self.cap.bucket().book(bytes, now);
        self.share.set_rate(self.cap.share(), now);
        self.share_place = self.share.book(bytes, now);
    }

    /// The window grows, and lets in so much more before anything is read.
    pub(super) fn book_window(&mut self, bytes: usize) {
        let (place, booked) = self.cap.book_window(bytes);
        self.place = place;
        self.window_bytes += booked;
    }

    /// The window shrinks: so much less is let in ahead of what is read. Where the governor steps back, nothing is to be read
    /// for that.
    pub(super) fn give_back_window(&mut self, bytes: usize) {
        let booked = bytes.min(self.window_bytes);
        self.window_bytes -= booked;
        if self.whose != Whose::Governor {
            self.paid_bytes += booked;
        }
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
    fn what_was_paid_for_as_a_window_is_not_paid_for_again_when_it_is_read() {
        let rate = Rate::from_bytes_per_sec(90_000);
        let mut line = InLine::new(Cap::new(rate, &InForce::default()), Whose::User);
        let now = Instant::now();
        let secs_to_wait = |line: &mut InLine| line.wait(now).map_or(0.0, |wait| wait.as_secs_f64());
        // Two thirds of a second's worth, of which a part is no window any more, and comes.
        line.book_window(1_000_000);
        line.give_back_window(27_000);
        let ahead = secs_to_wait(&mut line);
        assert!((0.65..0.68).contains(&ahead), "{ahead}");
        line.book(27_000, now);
        assert!(secs_to_wait(&mut line) <= ahead, "it is paid for");
        line.book(9_000, now);
        let more = secs_to_wait(&mut line) - ahead;
        assert!((0.09..0.11).contains(&more), "{more}");
        // No more is given back than was booked.
        line.give_back_window(1_000_000);
        line.book(42_000, now);
        let more = secs_to_wait(&mut line) - ahead;
        assert!((0.19..0.21).contains(&more), "{more}");
    }

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
