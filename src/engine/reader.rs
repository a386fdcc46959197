//! A connection that is held back by reading slower: what the governor says is one more cap, of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cap::Cap;
use super::governor::InForce;
use crate::idle::{OwnSocket, Reads};
use crate::job::Rate;

/// What the governor has in hand of such a connection.
#[derive(Debug)]
pub(super) struct Reader {
    cap: Arc<Cap>,
    /// `None` where it is not within reach.
    socket: Option<Arc<OwnSocket>>,
    read_bytes: AtomicU64,
}

impl Reader {
    /// One from which so many bytes were read already.
    pub(super) fn new(socket: Option<Arc<OwnSocket>>, read_bytes: usize, in_force: &InForce) -> Arc<Self> {
        Arc::new(Self {
            cap: Cap::new(None, in_force),
            socket,
            read_bytes: AtomicU64::new(read_bytes as u64),
        })
    }

    /// The cap it keeps to.
    pub(super) const fn cap(&self) -> &Arc<Cap> {
        &self.cap
    }

    /// So many bytes were read from it.
    pub(super) fn has_read(&self, bytes: usize) {
        self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Reads for Reader {
    fn received_bytes(&self) -> u64 {
        let unread_bytes = self.socket.as_ref().map_or(0, |socket| socket.unread_bytes());
        self.read_bytes.load(Ordering::Relaxed) + unread_bytes
    }

    fn read_at(&self, rate_bps: u64) {
        let rate = Rate::from_bytes_per_sec(rate_bps.max(1));
        if self.cap.rate() != rate {
            self.cap.set_rate(rate);
        }
    }
}
