//! The start: how much there is, is found out by taking more and more.

use super::{CRUISE, FIRST_WINDOW, Law, LinkState, LinkWhy, Phase};

/// The growth of the window in a round trip.
pub(super) const GROWTH: f64 = 1.4;

/// Once it was used for so long after a start, a link does not turn out to be a radio link any more, in seconds.
const DOUBT_SECS: f64 = 5.0;

/// While so much comes for each byte before, more helps.
const GREW: f64 = 1.2;

/// Less than that is no growth.
const FLAT: f64 = 1.12;

/// So many round trips without growth, and it is all there is.
const FLAT_ROUNDS: u32 = 5;

/// A server that sends no more for so long although it may is taken for slow, in seconds.
const SLOW_SECS: f64 = 1.5;

/// So many in which packets wait and no more comes: on a radio link that happens once by itself.
const WAITING_ROUNDS: u32 = 2;

/// A queue that is this part of the round trip shows that the link is full.
const SURE_PART: f64 = 0.2;

/// The first flight of a server waits behind itself, so that it takes some round trips to see anything.
const LEAST_ROUNDS: u32 = 4;

/// How much of what the shortest round trips varied by is taken for noise.
const NOISE_PART: f64 = 0.5;

/// How far the start has come.
#[derive(Clone, Debug)]
pub(super) struct Start {
    round_at: f64,
    /// When more came the last time.
    grew_at: f64,
    rate: f64,
    rounds: u32,
    flat_rounds: u32,
    waiting_rounds: u32,
    /// The middle one and the shortest of the round trips read in the round before.
    read_before: Option<(f64, f64)>,
    /// Between what and what the shortest of each round was: our own bursts do not change it, the way does.
    shortest: (f64, f64),
    /// For how long the link may be used until it is past doubt: it was not known at the end that readings tremble here.
    doubt_secs: f64,
}

impl Default for Start {
    fn default() -> Self {
        let shortest = (f64::INFINITY, 0.0);
        Self {
            round_at: 0.0,
            grew_at: 0.0,
            rate: 0.0,
            rounds: 0,
            flat_rounds: 0,
            waiting_rounds: 0,
            read_before: None,
            shortest,
            doubt_secs: 0.0,
        }
    }
}

impl Law {
    pub(super) fn begin(&mut self) {
        self.window = FIRST_WINDOW * self.connections;
        self.begin_again();
    }

    /// Goes on from the window there is.
    pub(super) fn begin_again(&mut self) {
        self.start = Start { round_at: self.at, grew_at: self.at, ..Start::default() };
        self.looking.is_sure = false;
        self.go(LinkState::Starting, None);
    }

    pub(super) fn start(&mut self, secs: f64) {
        let round = self.round_trip().max(0.02);
        // What a larger window brings comes a round trip later, queue included.
        let through = self.reading.map_or(round, |reading| reading.round_trip.max(round));
        let is_held = self.is_held_by_window();
        if is_held && self.excess() < self.noticed() + 0.002 {
            self.window *= GROWTH.powf(secs / round);
        }
        if self.at - self.start.round_at < through || self.rates.own(0.2) <= 0.0 {
            return;
        }
        let rate = self.rates.own(through);
        let grew = rate / self.start.rate.max(1.0);
        (self.start.round_at, self.start.rate) = (self.at, rate);
        self.start.rounds += 1;
        // One who does not send as much as it may says nothing about the link, for a while.
        let is_flat = grew < FLAT && is_held;
        self.start.flat_rounds = if is_flat { self.start.flat_rounds + 1 } else { 0 };
        if grew > FLAT {
            self.start.grew_at = self.at;
        }
        let is_slow = self.at - self.start.grew_at > SLOW_SECS;
        let waits = self.standing() > self.noticed_in_change().max(0.1 * round) && grew < 1.25;
        let waits_long = self.standing() > round.max(0.03);
        self.start.waiting_rounds = if waits { self.start.waiting_rounds + 1 } else { 0 };
        let waits =
            self.start.waiting_rounds >= WAITING_ROUNDS && self.start.rounds > LEAST_ROUNDS || waits_long;
        if waits || is_slow || self.start.flat_rounds >= FLAT_ROUNDS {
            // A little may be the way of a radio link. Where round trips tell nothing, there is no other sign.
            let is_full = self.reading.is_none() || waits && self.standing() > SURE_PART * round;
            let is_sure = is_full && !self.is_capped();
            return self.end_start(rate, is_sure);
        }
        // What was read a round ago was no queue, since more has come with more since.
        if grew > GREW
            && is_held
            && let Some((usual, least)) = self.start.read_before
        {
            let (shortest, longest) = self.start.shortest;
            self.start.shortest = (shortest.min(least), longest.max(least));
            let (shortest, longest) = self.start.shortest;
            self.delays.learn_at_once(usual, NOISE_PART * (longest - shortest));
        }
        self.start.read_before = self.delays.middle_and_least(through);
    }

    fn end_start(&mut self, rate: f64, is_sure: bool) {
        self.capacity = self.capacity.max(rate);
        self.ceiling = CRUISE * rate;
        self.go(LinkState::Using, None);
        self.looking.begin(self.at, self.round_trip(), is_sure);
        self.start.doubt_secs = if self.trembles { 0.0 } else { DOUBT_SECS };
        if is_sure {
            self.looking.drain_long(self.at);
        } else {
            self.looking.enter(Phase::Cruise, self.at);
        }
    }

    /// The link turns out to be a radio link: what ended the start, or made us step back since, may have been no queue, and it
    /// carries more. Later on it is somebody who is there now that makes readings tremble.
    pub(super) fn doubt_start(&mut self) {
        let is_doubted = std::mem::take(&mut self.start.doubt_secs) > 0.0;
        if is_doubted && matches!(self.why, None | Some(LinkWhy::Delay)) {
            self.begin_again();
        }
    }

    /// The link was used for so long without turning out to be another. (While we have stepped back, next to nothing comes
    /// that could tremble.)
    pub(super) const fn settle_doubt_of_start(&mut self, secs: f64) {
        self.start.doubt_secs = (self.start.doubt_secs - secs).max(0.0);
    }
}
