//! Moments in which something stood still: this machine, or the way to it. What comes afterwards comes in a burst, and again
//! with each round trip, as if the window had changed.

use super::{FULL_PACKET, Law, LinkState};

/// When a look comes so many times later than usual and this part at least of what was to come meanwhile has come at once,
/// something stood still: others' packets hold ours up one by one. A look that waits for something to arrive waits up to 2.5
/// times as long: later than that it is no matter what has come.
const STALL_TICKS: f64 = 1.6;
const STALL_CAME: f64 = 0.3;
const LONG_STALL_TICKS: f64 = 2.7;

/// Only the look was late where it took so many round trips and that part of all there was to come has come: no more than a
/// window comes that is not acknowledged.
const MORE_THAN_ROUND: f64 = 1.25;
const ALL_CAME: f64 = 0.9;

/// Where no more than that part comes between two looks, nothing comes.
const NOTHING_CAME: f64 = 0.2;

/// What others send at once at most, in bytes: a page's first packets come over six connections, ten on each (RFC 6928).
/// Behind that much nothing of ours comes for a moment, and not for longer.
const OTHERS_AT_ONCE: f64 = 60.0 * FULL_PACKET;

/// For so long after that, in seconds, it is somebody's doing if again nothing comes.
const ONCE_IN_SECS: f64 = 0.25;

/// When they were.
#[derive(Clone, Debug)]
pub(super) struct Stalls {
    /// How often is looked, in seconds.
    tick_secs: f64,
    /// The last one.
    at: f64,
    /// For how long nothing has come while the link is used, in seconds.
    nothing_secs: f64,
}

impl Default for Stalls {
    fn default() -> Self {
        Self { tick_secs: 0.0, at: f64::NEG_INFINITY, nothing_secs: 0.0 }
    }
}

impl Stalls {
    /// How often is looked, in seconds.
    pub(super) const fn tick_secs(&self) -> f64 {
        self.tick_secs
    }
}

impl Law {
    /// Notes whether something stood still before this look, so many seconds after the one before. An early look is
    /// sooner than usual, so that it says nothing when the next is later.
    pub(super) fn notice_stall(&mut self, secs: f64, is_early: bool) {
        if self.nothing_has_come(secs) || !is_early && self.is_late_by_stall(secs) {
            self.stalls.at = self.at;
        }
        if !is_early {
            self.stalls.tick_secs += 0.05 * (secs.min(0.1) - self.stalls.tick_secs);
        }
    }

    /// Whether this look is late, and what has come does not tell that only the look was.
    fn is_late_by_stall(&self, secs: f64) -> bool {
        let came = self.rates.own(secs);
        let is_in_use = matches!(self.state, LinkState::Using | LinkState::Beside);
        let is_long = secs > MORE_THAN_ROUND * self.round_trip();
        let is_only_look = is_in_use && is_long && came > ALL_CAME * self.aim;
        let late = if self.stalls.tick_secs > 0.0 { secs / self.stalls.tick_secs } else { 0.0 };
        // Packets that wait already hold up the look as well.
        let is_late = late > STALL_TICKS && self.waiting_since.is_none() && came > STALL_CAME * self.aim;
        !is_only_look && (is_late || late > LONG_STALL_TICKS)
    }

    /// Whether nothing has come for so long that it is nobody's doing. On long ways what comes does so in bursts anyway, with
    /// nothing between them.
    fn nothing_has_come(&mut self, secs: f64) -> bool {
        let is_even = self.state == LinkState::Using && self.is_settled() && !self.trembles;
        let is_known = self.is_quick() && is_even && self.is_held_by_window();
        let came = self.rates.own(secs) / self.aim;
        let has_not_come = is_known && came < NOTHING_CAME;
        let before = self.stalls.nothing_secs;
        self.stalls.nothing_secs = if has_not_come { before + secs * (1.0 - came) } else { 0.0 };
        let most = OTHERS_AT_ONCE / self.capacity.max(1.0);
        let is_long = before <= most && self.stalls.nothing_secs > most;
        is_long && self.waiting_since.is_none() && !self.stood_still_within(ONCE_IN_SECS)
    }

    /// Whether something stood still in the last so many seconds.
    pub(super) fn stood_still_within(&self, secs: f64) -> bool {
        self.at - self.stalls.at <= secs
    }

    /// Whether what comes now may still be what had to wait then.
    pub(super) fn is_after_stall(&self) -> bool {
        let through = self.reading.map_or(self.handshake, |reading| reading.round_trip.max(reading.usual));
        self.stood_still_within(1.5 * through + 0.01)
    }
}
