//! How many connections servers have from us.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

/// How many connections there are to each server.
pub(super) struct Servers {
    seats: Mutex<HashMap<Server, usize>>,
    /// How many there may be of those that are not in a hurry.
    most: AtomicUsize,
}

/// What counts as one server: a host and a port.
type Server = (String, Option<u16>);

/// A connection's seat at its server; free again when dropped.
pub(super) struct Seat {
    servers: Arc<Servers>,
    server: Server,
}

impl Servers {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { seats: Mutex::default(), most: AtomicUsize::new(most) })
    }

    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// A seat; where `is_held` only if one is free.
    pub(super) fn seat(self: &Arc<Self>, url: &Url, is_held: bool) -> Option<Seat> {
        let server = (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default());
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(server.clone()).or_default();
        if is_held && *taken >= self.most.load(Ordering::Relaxed) {
            return None;
        }
        *taken += 1;
        Some(Seat { servers: Arc::clone(self), server })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.servers.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.server) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.server);
            }
        }
    }
}
