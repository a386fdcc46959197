//! What a run and whoever ordered it show each other while it goes on: numbers to look at, which are not worth news.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Shared by a run and whoever ordered it.
#[derive(Debug)]
pub struct Meter {
    /// Bytes of the file that have arrived, those of earlier runs included.
    arrived: AtomicU64,
    /// Bytes that were read again to verify the whole file; 0 until that begins.
    pub(super) verified: AtomicU64,
    /// How many connections it may use.
    connections: AtomicU8,
    /// What each of its connections has yet to fetch.
    fetching: Mutex<Vec<Range<u64>>>,
}

impl Meter {
    /// That of a file of which so much is there, which may use so many connections.
    #[must_use]
    pub const fn new(arrived: u64, connections: u8) -> Self {
        Self {
            arrived: AtomicU64::new(arrived),
            verified: AtomicU64::new(0),
            connections: AtomicU8::new(connections),
            fetching: Mutex::new(Vec::new()),
        }
    }

    /// Bytes of the file that have arrived, those of earlier runs included.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    pub(super) fn add_arrived(&self, bytes: u64) {
        self.arrived.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_arrived(&self, bytes: u64) {
        self.arrived.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that were read again to verify the whole file; 0 until that begins.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    /// How many connections it may use, at least 1.
    #[must_use]
    pub fn connections(&self) -> u8 {
        self.connections.load(Ordering::Relaxed).max(1)
    }

    /// It may use so many from now on.
    pub fn set_connections(&self, connections: u8) {
        self.connections.store(connections, Ordering::Relaxed);
    }

    /// What each of its connections has yet to fetch, as of about a second ago; where the size is not known, without an
    /// end (`u64::MAX`).
    #[must_use]
    pub fn fetching(&self) -> Vec<Range<u64>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_fetching(&self, fetching: Vec<Range<u64>>) {
        *self.fetching.lock().unwrap_or_else(PoisonError::into_inner) = fetching;
    }
}
