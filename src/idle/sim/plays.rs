//! What others do on the link.

use std::cell::RefCell;
use std::rc::Rc;

use super::flow::Flow;
use super::sender::Control;
use super::{FlowId, Whose, World};

/// Somebody who does something as time goes on.
pub(super) trait Play {
    fn step(&mut self, world: &mut World);
}

/// A program opens a connection.
pub(super) struct Opening {
    pub(super) at: f64,
    pub(super) whose: Whose,
}

impl Play for Opening {
    fn step(&mut self, world: &mut World) {
        if world.now >= self.at {
            world.openings += u64::from(self.whose == Whose::Here);
            self.at = f64::INFINITY;
        }
    }
}

/// The link changes at a time.
pub(super) struct Turn<F>(pub(super) f64, pub(super) F);

impl<F: FnMut(&mut World)> Play for Turn<F> {
    fn step(&mut self, world: &mut World) {
        if world.now >= self.0 {
            self.0 = f64::INFINITY;
            (self.1)(world);
        }
    }
}

/// What may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Machines,
    Link,
    Governor,
}

/// Something stands still again and again, after so many seconds on average, and for so many.
pub(super) struct Stalls {
    pub(super) of: Part,
    pub(super) every_secs: f64,
    pub(super) secs: f64,
    pub(super) next: f64,
}

impl Play for Stalls {
    fn step(&mut self, world: &mut World) {
        if world.now < self.next {
            return;
        }
        let until = world.now - self.secs * world.random.f64().ln();
        match self.of {
            Part::Machines => world.stalls.machines = until,
            Part::Link => {
                world.stalls.link = until;
                world.down.stand_still(until);
            }
            Part::Governor => world.stalls.governor = until,
        }
        self.next = until - self.every_secs * world.random.f64().ln();
    }
}

/// Pages of 50 kB and thirty pieces of 40 kB over six connections, with a pause after each.
pub(super) struct Pages {
    whose: Whose,
    control: Control,
    next: f64,
    until: f64,
    began: f64,
    /// The connections of the page, what is still to be asked for on each, and when the next request arrives.
    connections: Vec<(FlowId, u32, f64)>,
    is_open: bool,
    /// How long each took.
    pub(super) took: Rc<RefCell<Vec<f64>>>,
}

const PAGE: f64 = 50_000.0;
const PIECE: f64 = 40_000.0;
const PIECES: u32 = 5;
const PAUSE_SECS: f64 = 2.0;

impl Pages {
    pub(super) fn new(whose: Whose, control: Control, from: f64, until: f64) -> Self {
        let took = Rc::default();
        Self { whose, control, next: from, until, began: 0.0, connections: Vec::new(), is_open: false, took }
    }

    fn open(&self, world: &mut World, now: f64, pieces: u32) -> (FlowId, u32, f64) {
        world.openings += u64::from(self.whose == Whose::Here);
        let id = world.add(Flow::items(self.whose, self.control, now));
        // The handshake waits in the queue as well.
        let round_trip = world.down.delay_secs + world.up_delay_secs + world.down.queue_secs(now);
        (id, pieces, now + round_trip + world.up_delay_secs)
    }
}

impl Play for Pages {
    fn step(&mut self, world: &mut World) {
        let now = world.now;
        if self.connections.is_empty() {
            if now >= self.next && now < self.until {
                (self.began, self.is_open) = (now, false);
                self.connections = vec![self.open(world, now, 0)];
            }
            return;
        }
        let mut connections = std::mem::take(&mut self.connections);
        for (id, _, asked_at) in &mut connections {
            if *asked_at <= now {
                *asked_at = f64::INFINITY;
                world.flows[*id].offer(if self.is_open { PIECE } else { PAGE });
            }
        }
        let is_quiet =
            |(id, _, at): &(FlowId, u32, f64), world: &World| at.is_infinite() && world.flows[*id].has_all();
        if !self.is_open && is_quiet(&connections[0], world) {
            self.is_open = true;
            connections[0].1 = PIECES;
            let more: Vec<_> = (0..5).map(|_| self.open(world, now, PIECES - 1)).collect();
            connections.extend(more);
        }
        if self.is_open {
            for connection in &mut connections {
                if connection.1 > 0 && is_quiet(connection, world) {
                    connection.1 -= 1;
                    connection.2 = now + world.up_delay_secs;
                }
            }
            if connections.iter().all(|connection| connection.1 == 0 && is_quiet(connection, world)) {
                self.took.borrow_mut().push(now - self.began);
                self.next = now + PAUSE_SECS;
                connections.clear();
            }
        }
        self.connections = connections;
    }
}
