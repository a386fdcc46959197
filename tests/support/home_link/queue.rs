//! One direction of the bottleneck: a queue, a rate and a distance. It knows no clock; all times are nanoseconds that are
//! passed in.

use std::collections::VecDeque;

use crate::support::Chance;

const SECOND_NANOS: f64 = 1e9;

/// CoDel's constants (RFC 8289 section 4.2 and 4.3), in nanoseconds.
const TARGET_NANOS: u64 = 5_000_000;
const INTERVAL_NANOS: u64 = 100_000_000;

/// A queue with only a handful of packets in it is too small for any sender.
const LEAST_QUEUE_BYTES: u64 = 15_000;

/// What the queue does with more than the rate lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Discipline {
    /// What finds it full is dropped.
    DropTail,
    /// CoDel: packets that waited too long for too long are dropped, ever more of them.
    CoDel,
}

/// A packet that has come out at the far end.
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    /// How long it waited for its turn.
    pub(crate) waited_nanos: u64,
    /// When it came in; after its turn, when it comes out.
    at: u64,
}

impl Packet {
    /// When it should have come out.
    pub(crate) fn due_nanos(&self) -> u64 {
        self.at
    }
}

/// One direction.
pub(crate) struct Queue {
    rate_bps: f64,
    delay_nanos: u64,
    jitter_nanos: u64,
    most_bytes: u64,
    codel: Option<CoDel>,
    chance: Chance,
    waiting: VecDeque<Packet>,
    waiting_bytes: u64,
    under_way: VecDeque<Packet>,
    /// When the packet that had its turn last was sent completely.
    free_at: u64,
    last_out: u64,
    /// Packets dropped so far.
    pub(crate) dropped: u64,
}

impl Queue {
    /// `rate_bps` in bytes per second. The depth stays at so many bytes when the rate changes, as in real devices.
    pub(crate) fn new(
        rate_bps: f64,
        delay_nanos: u64,
        jitter_nanos: u64,
        depth_secs: f64,
        how: Discipline,
    ) -> Self {
        Self {
            rate_bps,
            delay_nanos,
            jitter_nanos,
            most_bytes: ((rate_bps * depth_secs) as u64).max(LEAST_QUEUE_BYTES),
            codel: (how == Discipline::CoDel).then(CoDel::default),
            chance: Chance::new(1),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            under_way: VecDeque::new(),
            free_at: 0,
            last_out: 0,
            dropped: 0,
        }
    }

    /// Changes the rate, in bytes per second, from the next packet on.
    pub(crate) fn set_rate(&mut self, rate_bps: f64) {
        self.rate_bps = rate_bps;
    }

    /// Takes a packet in, or drops it. All that had its turn before has to have had it: [`Queue::serve`] goes first.
    pub(crate) fn take(&mut self, bytes: Vec<u8>, now: u64) {
        let length = bytes.len() as u64;
        if self.waiting_bytes + length > self.most_bytes {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += length;
        self.waiting.push_back(Packet { bytes, waited_nanos: 0, at: now });
    }

    /// Gives their turn to all packets that have had it by now.
    pub(crate) fn serve(&mut self, now: u64) {
        while let Some(turn) = self.next_turn().filter(|turn| *turn <= now) {
            let Some(mut packet) = self.waiting.pop_front() else { return };
            self.waiting_bytes -= packet.bytes.len() as u64;
            packet.waited_nanos = turn.saturating_sub(packet.at);
            let left = self.waiting_bytes;
            if self.codel.as_mut().is_some_and(|codel| codel.drops(packet.waited_nanos, left, turn)) {
                self.dropped += 1;
                continue;
            }
            self.free_at = turn + (packet.bytes.len() as f64 / self.rate_bps * SECOND_NANOS) as u64;
            let jitter = if self.jitter_nanos == 0 { 0 } else { self.chance.between(0, self.jitter_nanos) };
            // Packets do not overtake each other: jitter holds up those behind, too.
            packet.at = (self.free_at + self.delay_nanos + jitter).max(self.last_out);
            self.last_out = packet.at;
            self.under_way.push_back(packet);
        }
    }

    /// The next packet that has arrived at the far end by now.
    pub(crate) fn arrived(&mut self, now: u64) -> Option<Packet> {
        self.under_way.front().filter(|packet| packet.at <= now)?;
        self.under_way.pop_front()
    }

    /// When there is something to do the next time.
    pub(crate) fn next_at(&self) -> Option<u64> {
        // What waits does not arrive before what is under way, and its turn is reckoned, not waited for.
        self.under_way.front().map(|packet| packet.at).or_else(|| self.next_turn())
    }

    fn next_turn(&self) -> Option<u64> {
        self.waiting.front().map(|packet| packet.at.max(self.free_at))
    }
}

/// The state of CoDel (RFC 8289 section 5).
#[derive(Default)]
struct CoDel {
    /// When the delay will have been above the target for a whole interval.
    too_long_at: Option<u64>,
    drops_next_at: u64,
    is_dropping: bool,
    count: u32,
}

impl CoDel {
    /// Whether the packet is dropped whose turn it is now.
    fn drops(&mut self, waited: u64, bytes_behind: u64, now: u64) -> bool {
        const FULL_PACKET: u64 = 1500;
        let is_fine = waited < TARGET_NANOS || bytes_behind < FULL_PACKET;
        if is_fine {
            self.too_long_at = None;
            self.is_dropping = false;
            return false;
        }
        let too_long = now >= *self.too_long_at.get_or_insert(now + INTERVAL_NANOS);
        if self.is_dropping {
            let drops = now >= self.drops_next_at;
            if drops {
                self.count += 1;
                self.drops_next_at += Self::pause(self.count);
            }
            return drops;
        }
        if too_long {
            self.is_dropping = true;
            // Soon after the last time it goes on about where it was.
            let is_soon = now.saturating_sub(self.drops_next_at) < 16 * INTERVAL_NANOS;
            self.count = if is_soon && self.count > 2 { self.count - 2 } else { 1 };
            self.drops_next_at = now + Self::pause(self.count);
        }
        too_long
    }

    fn pause(count: u32) -> u64 {
        (INTERVAL_NANOS as f64 / f64::from(count).sqrt()) as u64
    }
}
