//! Background connections are let in one after the other.
//!
//! A handshake offers the server 64 KiB whatever is wanted of it, and what was offered cannot be taken back (RFC 9293
//! section 3.8.6). Several at once would queue in the link before the governor can do anything about it, and for as long we
//! could not step back either.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::transfer::FIRST_OFFER_BYTES;

/// Who takes longer is on a long way or has a slow server: then little comes at once.
const LONGEST: Duration = Duration::from_millis(300);

/// The last connection that was let in.
#[derive(Debug, Default)]
pub(super) struct Newcomers(Mutex<Weak<Newcomer>>);

/// A connection that is being let in, or was.
#[derive(Debug)]
pub(super) struct Newcomer {
    since: Instant,
    came_bytes: AtomicU64,
}

impl Newcomers {
    /// Lets one in, whoever else is new.
    pub(super) fn let_in(&self, now: Instant) -> Arc<Newcomer> {
        let newcomer = Arc::new(Newcomer { since: now, came_bytes: AtomicU64::new(0) });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&newcomer);
        newcomer
    }

    /// Whether the last one is still new.
    pub(super) fn is_any_new(&self, now: Instant) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        last.is_some_and(|last| last.is_new(now))
    }
}

impl Newcomer {
    /// That many bytes have come over it.
    pub(super) fn has_brought(&self, bytes: usize) {
        self.came_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn is_new(&self, now: Instant) -> bool {
        now.duration_since(self.since) < LONGEST
            && self.came_bytes.load(Ordering::Relaxed) < FIRST_OFFER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_new_until_what_it_was_offered_has_come_or_it_takes_long_or_it_is_gone() {
        let now = Instant::now();
        let newcomers = Newcomers::default();
        assert!(!newcomers.is_any_new(now));
        let first = newcomers.let_in(now);
        assert!(newcomers.is_any_new(now));
        first.has_brought(FIRST_OFFER_BYTES as usize - 1);
        assert!(newcomers.is_any_new(now));
        first.has_brought(1);
        assert!(!newcomers.is_any_new(now));
        let _second = newcomers.let_in(now);
        assert!(newcomers.is_any_new(now));
        assert!(!newcomers.is_any_new(now + LONGEST));
        drop(newcomers.let_in(now));
        assert!(!newcomers.is_any_new(now));
    }
}
