//! The bottleneck: a rate, a queue, a delay, and what makes real ones unpleasant.

use std::collections::VecDeque;

use super::{FlowId, Packet, WIRE};

/// How the bottleneck queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discipline {
    /// One queue, what does not fit is dropped.
    DropTail,
    /// One queue, kept short by CoDel (RFC 8289).
    CoDel,
    /// A queue for each flow, each kept short by CoDel, served in turn (as FQ-CoDel, RFC 8290, and most home routers that
    /// do anything at all).
    FairQueue,
}

/// CoDel's target and interval, in seconds (RFC 8289 section 4).
const TARGET: f64 = 0.005;
const INTERVAL: f64 = 0.100;

/// One direction of a link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) bytes_per_sec: f64,
    pub(super) buffer_secs: f64,
    pub(super) delay_secs: f64,
    /// Each packet is held up by up to that long at random, in order, as on a radio link.
    pub(super) jitter_secs: f64,
    /// The share of packets lost at random.
    pub(super) loss: f64,
    discipline: Discipline,
    queues: Vec<(FlowId, Queue)>,
    turn: usize,
    free_at: f64,
    last_out: f64,
    /// What has left the queue, until it arrives.
    wire: VecDeque<(f64, Packet)>,
    pub(super) carried_bytes: f64,
    pub(super) drops: u64,
}

#[derive(Debug, Default)]
struct Queue {
    packets: VecDeque<(f64, Packet)>,
    bytes: f64,
    codel: CoDel,
}

#[derive(Debug, Default)]
struct CoDel {
    above_since: Option<f64>,
    drop_next: f64,
    count: u32,
    dropping: bool,
}

impl CoDel {
    /// Whether a packet that has waited so long is dropped as it leaves.
    fn drops(&mut self, at: f64, waited: f64, left_bytes: f64) -> bool {
        let mut is_over = false;
        if waited < TARGET || left_bytes < WIRE {
            self.above_since = None;
        } else {
            let since = *self.above_since.get_or_insert(at + INTERVAL);
            is_over = at >= since;
        }
        let step = |count: u32| INTERVAL / f64::from(count).sqrt();
        if self.dropping {
            if !is_over {
                self.dropping = false;
                return false;
            }
            if at < self.drop_next {
                return false;
            }
            self.count += 1;
            self.drop_next += step(self.count);
            return true;
        }
        if is_over {
            self.dropping = true;
            let recent = at - self.drop_next < 16.0 * INTERVAL && self.count > 2;
            self.count = if recent { self.count - 2 } else { 1 };
            self.drop_next = at + step(self.count);
        }
        is_over
    }
}

impl Link {
    pub(super) fn new(mbit: f64, delay_secs: f64, buffer_secs: f64, discipline: Discipline) -> Self {
        Self {
            bytes_per_sec: mbit * 1e6 / 8.0,
            buffer_secs,
            delay_secs,
            jitter_secs: 0.0,
            loss: 0.0,
            discipline,
            queues: Vec::new(),
            turn: 0,
            free_at: 0.0,
            last_out: 0.0,
            wire: VecDeque::new(),
            carried_bytes: 0.0,
            drops: 0,
        }
    }

    /// A packet comes to the queue; gives it back if there is no room.
    pub(super) fn take(&mut self, now: f64, packet: Packet, random: &mut fastrand::Rng) -> Option<Packet> {
        let buffer = (self.buffer_secs * self.bytes_per_sec).max(10.0 * WIRE);
        let all: f64 = self.queues.iter().map(|(_, queue)| queue.bytes).sum();
        if all + packet.bytes > buffer || (self.loss > 0.0 && random.f64() < self.loss) {
            self.drops += 1;
            return Some(packet);
        }
        let key = if self.discipline == Discipline::FairQueue { packet.flow } else { 0 };
        let index = self.queues.iter().position(|(of, _)| *of == key).unwrap_or_else(|| {
            self.queues.push((key, Queue::default()));
            self.queues.len() - 1
        });
        let queue = &mut self.queues[index].1;
        queue.bytes += packet.bytes;
        queue.packets.push_back((now, packet));
        None
    }

    /// Serves nothing until then.
    pub(super) fn stand_still(&mut self, until: f64) {
        self.free_at = self.free_at.max(until);
    }

    /// Serves the queues up to a time; what CoDel drops is given back.
    pub(super) fn serve(&mut self, until: f64, random: &mut fastrand::Rng) -> Vec<Packet> {
        let mut dropped = Vec::new();
        loop {
            let queues = self.queues.len();
            let next = (0..queues).map(|step| (self.turn + step) % queues.max(1)).find(|index| {
                self.queues[*index]
                    .1
                    .packets
                    .front()
                    .is_some_and(|(came, _)| self.free_at.max(*came) <= until)
            });
            let Some(index) = next else { break };
            let queue = &mut self.queues[index].1;
            let Some((came, packet)) = queue.packets.pop_front() else { break };
            let start = self.free_at.max(came);
            queue.bytes -= packet.bytes;
            if self.discipline != Discipline::DropTail
                && queue.codel.drops(start, start - came, queue.bytes + packet.bytes)
            {
                self.drops += 1;
                dropped.push(packet);
                continue;
            }
            self.turn = (index + 1) % queues;
            self.free_at = start + packet.bytes / self.bytes_per_sec;
            self.carried_bytes += packet.bytes;
            let mut out = self.free_at + self.delay_secs;
            if self.jitter_secs > 0.0 {
                out += random.f64() * self.jitter_secs;
            }
            self.last_out = self.last_out.max(out);
            self.wire.push_back((self.last_out, packet));
        }
        dropped
    }

    /// What has come out at the other end by now.
    pub(super) fn arrived(&mut self, now: f64) -> Option<(f64, Packet)> {
        self.wire.pop_front_if(|(at, _)| *at <= now)
    }

    /// How long a packet that came now would wait.
    pub(super) fn queue_secs(&self, now: f64) -> f64 {
        let bytes: f64 = self.queues.iter().map(|(_, queue)| queue.bytes).sum();
        bytes / self.bytes_per_sec + (self.free_at - now).max(0.0)
    }
}
