//! BBR, first version, as far as its window and its pace go (draft-cardwell-iccrg-bbr-congestion-control-00).

use super::MSS;

/// By how much more than it gets it sends in each of its phases (4.3.4.1 of the draft).
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

/// By how much more while it looks how much there is (4.3.2.1).
const HIGH_GAIN: f64 = 2.885;

/// What it may have under way in each phase, in times of what comes in a round trip (4.3.4.1).
const WINDOW_GAIN: f64 = 2.0;

/// For so long the shortest round trip counts, in seconds, and for so long it has next to nothing under way to learn it anew
/// (4.3.5).
const SHORTEST_COUNTS_SECS: f64 = 10.0;
const PROBE_SECS: f64 = 0.2;
const PROBE_WINDOW: f64 = 4.0 * MSS;

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Looks how much there is.
    Startup,
    /// Lets the queue of that run empty.
    Drain,
    /// Goes through its phases, now in that one, since then.
    Cycle(usize, f64),
    /// Learns the shortest round trip, until then.
    ProbeRoundTrip(f64),
}

/// What it knows. Times in seconds, amounts in bytes.
#[derive(Debug)]
pub(super) struct Bbr {
    mode: Mode,
    /// What came in each of the last rounds, in bytes per second, and when.
    rates: Vec<(f64, f64)>,
    round_ends: f64,
    round_began: f64,
    delivered: f64,
    shortest: f64,
    shortest_at: f64,
    /// The most there was when it last became much more, and how many rounds ago.
    full_at: f64,
    full_rounds: u32,
    was_lost: bool,
}

impl Default for Bbr {
    fn default() -> Self {
        Self {
            mode: Mode::Startup,
            rates: Vec::new(),
            round_ends: 0.0,
            round_began: 0.0,
            delivered: 0.0,
            shortest: f64::INFINITY,
            shortest_at: 0.0,
            full_at: 0.0,
            full_rounds: 0,
            was_lost: false,
        }
    }
}

impl Bbr {
    /// So much was acknowledged; the window and the pace it has then, none as long as nothing is known.
    pub(super) fn acked(
        &mut self,
        now: f64,
        bytes: f64,
        round_trip: f64,
        sent: f64,
        acked: f64,
    ) -> Option<(f64, f64)> {
        self.delivered += bytes;
        let is_old = now - self.shortest_at > SHORTEST_COUNTS_SECS;
        // Real round trips are never twice the same.
        if round_trip < self.shortest || is_old {
            (self.shortest, self.shortest_at) = (round_trip, now);
        }
        if acked >= self.round_ends {
            self.end_round(now, round_trip);
            (self.round_ends, self.round_began, self.delivered) = (sent, now, 0.0);
        }
        let best = self.best();
        if best <= 0.0 {
            return None;
        }
        self.go_on(now, sent - acked, is_old);
        let gain = match self.mode {
            Mode::Startup => HIGH_GAIN,
            Mode::Drain => 1.0 / HIGH_GAIN,
            Mode::Cycle(phase, _) => CYCLE[phase],
            Mode::ProbeRoundTrip(_) => 1.0,
        };
        let window = match self.mode {
            Mode::ProbeRoundTrip(_) => PROBE_WINDOW,
            Mode::Startup | Mode::Drain => self.under_way_at(HIGH_GAIN),
            Mode::Cycle(..) => self.under_way_at(WINDOW_GAIN),
        };
        Some((window, (gain * best).max(2.0 * MSS / self.shortest)))
    }

    pub(super) const fn lost(&mut self) {
        self.was_lost = true;
    }

    fn end_round(&mut self, now: f64, round_trip: f64) {
        let secs = now - self.round_began;
        if self.round_began > 0.0 && secs > 0.0 {
            self.rates.push((now, self.delivered / secs));
            // Ten round trips by the clock; the draft counts rounds (4.1.1.5).
            let keep = now - 10.0 * round_trip.max(self.shortest);
            self.rates.retain(|(at, _)| *at >= keep);
        }
        let best = self.best();
        if best > 1.25 * self.full_at {
            (self.full_at, self.full_rounds) = (best, 0);
        } else {
            self.full_rounds += 1;
        }
    }

    fn go_on(&mut self, now: f64, under_way: f64, shortest_is_old: bool) {
        let is_full = self.full_rounds >= 3;
        self.mode = match self.mode {
            Mode::ProbeRoundTrip(until) if now < until => self.mode,
            Mode::ProbeRoundTrip(_) if !is_full => Mode::Startup,
            Mode::ProbeRoundTrip(_) => Mode::Cycle(2, now),
            _ if shortest_is_old => Mode::ProbeRoundTrip(now + PROBE_SECS + self.shortest),
            Mode::Startup if is_full => Mode::Drain,
            Mode::Drain if under_way <= self.under_way_at(1.0) => Mode::Cycle(2, now),
            Mode::Cycle(phase, since) if self.is_phase_over(CYCLE[phase], now - since, under_way) => {
                self.was_lost = false;
                Mode::Cycle((phase + 1) % CYCLE.len(), now)
            }
            mode => mode,
        };
    }

    /// A phase lasts for a round trip; the one with more until that much is under way, which a smaller window of the receiver
    /// never lets be; the one with less only until that queue has gone (4.3.4.1).
    fn is_phase_over(&self, gain: f64, secs: f64, under_way: f64) -> bool {
        let is_long = secs > self.shortest;
        if gain > 1.0 {
            is_long && (self.was_lost || under_way >= self.under_way_at(gain))
        } else if gain < 1.0 {
            is_long || under_way <= self.under_way_at(1.0)
        } else {
            is_long
        }
    }

    /// What is under way with so many times what comes in a round trip, and what hosts send in one piece (4.2.3.2).
    fn under_way_at(&self, gain: f64) -> f64 {
        let best = self.best();
        (gain * best * self.shortest + 3.0 * (best / 1024.0).max(2.0 * MSS)).max(PROBE_WINDOW)
    }

    fn best(&self) -> f64 {
        self.rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    }
}
