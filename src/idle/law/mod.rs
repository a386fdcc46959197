//! The law of the governor: what is seen of the link goes in, how much of it we may use comes out, and why.
//!
//! Pure: no clock, no sockets, no files. Time comes with each [`Sample`]; everything is in seconds, bytes, and bytes per
//! second.
//!
//! **How it works.** Our connections are held to a window a little below what the link holds, so that we make no queue of
//! our own: then any queue that shows is somebody else's, and 2 ms of it are enough to be noticed. How much the link carries is
//! found out by looking a little higher for a moment, now and then. Whoever is noticed gets the link at once, down to a trickle;
//! whether that was right is seen a moment later, and a false alarm costs no more than that moment. The link is taken back
//! step by step, slowly as long as somebody elastic could still be there.
//!
//! | state | window | left for | when |
//! |---|---|---|---|
//! | Starting | × 1.4 each round trip while it brings more | Using | it brings no more, or packets begin to wait |
//! | | | Yielding | traffic or a new connection here |
//! | Using | a little below what the link holds | Yielding | traffic or a new connection here; packets wait |
//! | Beside | what others on this machine leave | Using | they are gone |
//! | | | Yielding | as from Using; they take what is left to us as well |
//! | Yielding | a trickle; a third as long as the alarm is weak and may be false | Using | it was false |
//! | | | Returning | nothing is seen of others for a while, which is longer each time that was wrong |
//! | | | Starting | the same, while nothing is known of the link yet |
//! | | | Beside | those on this machine use a part and stay with it |
//! | Returning | × 1.25 each round trip, from a third of the link on × 1.5 and less | Using | all of it is back |
//! | | | Yielding | traffic or a new connection here; the link is full before all of it is back |
//! | any | | Resting | there are no connections |
//!
//! Where others elsewhere leave less than nearly all, Using is told as Beside.

mod cruise;
mod delay;
mod openings;
mod rates;
mod stalls;
mod start;
mod step_back;
#[cfg(test)]
mod tests;
mod uploads;

use std::collections::VecDeque;
use std::time::Duration;

use super::link::{LinkState, LinkWhy};
use super::throttle::LEAST_WINDOW_BYTES;
use cruise::{Looking, Phase};
use delay::{Delays, Reading};
use openings::Openings;
use rates::Rates;
use stalls::Stalls;
use start::{GROWTH, Start};
use step_back::{Alarm, Patience};
use uploads::Uploads;

/// A full segment's payload, in bytes.
const SEGMENT: f64 = 1448.0;

/// The same on the wire, about.
const FULL_PACKET: f64 = 1514.0;

/// The window a transfer begins with, in bytes a connection: what a server sends at first anyway (RFC 6928).
const FIRST_WINDOW: f64 = 10.0 * SEGMENT;

/// The least window a connection can be held to, in bytes.
const LEAST_WINDOW: f64 = LEAST_WINDOW_BYTES as f64;

/// The part of the link a trickle takes, where that is no less than a segment and no more than two of each connection in a
/// round trip.
const TRICKLE_PART: f64 = 0.008;

/// How much of what the link carries is used. The rest keeps the queue empty.
const CRUISE: f64 = 0.987;

/// Others on this machine are noticed from this part of the link on, and from this many bytes per second.
const OTHERS_PART: f64 = 0.04;
const OTHERS_LEAST: f64 = 40_000.0;

/// The part where our own bytes are counted late, and of what we receive ourselves as well: what is on its way to be read
/// changes.
const OTHERS_PART_IF_LATE: f64 = 0.15;

/// A start that takes longer is called using the link, in seconds.
const SLOW_START_SECS: f64 = 3.0;

/// Packets that wait that much longer than usual are noticed, in seconds: two ticks of TCP's timestamps.
const NOTICED_SECS: f64 = 0.002;

/// A short way, in seconds, and a fast link, in bytes per second: a page of a megabyte takes a fifth of a second there.
const SHORT_WAY_SECS: f64 = 0.025;
const FAST: f64 = 5_000_000.0;

/// What has not come is looked for over so long, or a round trip, and is what usually comes over so long, in seconds.
const MISSING_OVER_SECS: f64 = 0.1;
const USUAL_OVER_SECS: f64 = 1.0;

/// A cap that held us back so lately still does, in seconds: it lets through a little at a time.
const CAPPED_SECS: f64 = 0.3;

/// What is seen of the link at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<'a> {
    /// When, since any fixed moment.
    pub(super) at: Duration,
    /// What background connections have received in all, on the wire, in bytes.
    pub(super) own_bytes: u64,
    /// What the interface has received in all; `None` where that is not known.
    pub(super) interface_bytes: Option<u64>,
    /// What it has sent in all; `None` where that is not known.
    pub(super) sent_bytes: Option<u64>,
    /// How many connections others on this machine have opened in all.
    pub(super) openings: Option<u64>,
    /// Our background connections.
    pub(super) connections: &'a [Connection],
    /// Whether each of them waits for a cap, so that how much comes says nothing of the link.
    pub(super) is_capped: bool,
    /// Whether is looked sooner than usual, so that it says nothing when it is later.
    pub(super) is_early: bool,
    /// Whether own bytes are counted when they are read, some time after the interface has counted them.
    pub(super) is_counted_late: bool,
}

/// One of our connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    /// To which server: connections to one share what is known of the way.
    pub(super) path: u64,
    /// The round trip as the receiver sees it, the last known; `None` where the kernel cannot tell.
    pub(super) round_trip: Option<Duration>,
    /// The round trip of the handshake.
    pub(super) handshake: Duration,
    /// Segments with data it has received: while they do not grow, the round trip is old.
    pub(super) segments: u64,
}

/// What the law says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    /// The window of all connections together, in bytes.
    pub(super) window_bytes: u64,
    /// The round trip it is meant for, in seconds.
    pub(super) round_trip: f64,
    /// What it is doing.
    pub(super) state: LinkState,
    /// Why it holds back.
    pub(super) why: Option<LinkWhy>,
    /// What the link has been seen to carry, in bytes per second.
    pub(super) capacity: Option<f64>,
    /// What others on this machine receive, in bytes per second.
    pub(super) others: Option<f64>,
    /// How much of the link somebody elsewhere seems to use, in bytes per second.
    pub(super) elsewhere: Option<f64>,
    /// How long packets wait, in seconds.
    pub(super) added_delay: Option<f64>,
}

/// The law.
#[derive(Clone, Debug)]
pub(super) struct Law {
    at: f64,
    state: LinkState,
    since: f64,
    why: Option<LinkWhy>,
    window: f64,
    /// What it was over the last seconds.
    windows: VecDeque<(f64, f64)>,
    connections: f64,
    is_counted_late: bool,
    /// The shortest handshake, in seconds: what is known of the way before anything comes.
    handshake: f64,
    rates: Rates,
    uploads: Uploads,
    delays: Delays,
    reading: Option<Reading>,
    /// Whether what is read trembles as on radio links.
    trembles: bool,
    openings: Openings,
    /// How many ticks in a row others on this machine were noticed.
    others_ticks: u32,
    /// The most others on this machine received when we began to run beside them.
    others_before: f64,
    /// What the link carries: it was full then.
    capacity: f64,
    /// The most to aim at: what it carries, less what others elsewhere have of it, and less a little.
    ceiling: f64,
    /// What is aimed at: less than that where others on this machine have a part.
    aim: f64,
    /// The window for each byte under way: what the kernel makes of a window, and what the rounding of round trips hides.
    fit: f64,
    fitted_at: f64,
    start: Start,
    looking: Looking,
    alarm: Alarm,
    patience: Patience,
    stalls: Stalls,
    /// When a cap held back all of us the last time.
    capped_at: f64,
    /// Since when packets have been waiting longer than explained.
    waiting_since: Option<f64>,
    /// Since when nothing is seen of others.
    quiet_since: Option<f64>,
}

impl Default for Law {
    fn default() -> Self {
        Self {
            at: 0.0,
            state: LinkState::Resting,
            since: 0.0,
            why: None,
            window: 0.0,
            windows: VecDeque::new(),
            connections: 0.0,
            is_counted_late: false,
            handshake: 0.05,
            rates: Rates::default(),
            uploads: Uploads::default(),
            delays: Delays::default(),
            reading: None,
            trembles: false,
            openings: Openings::default(),
            others_ticks: 0,
            others_before: 0.0,
            capacity: 0.0,
            ceiling: 0.0,
            aim: 0.0,
            fit: SEGMENT / FULL_PACKET,
            fitted_at: 0.0,
            start: Start::default(),
            looking: Looking::default(),
            alarm: Alarm::default(),
            patience: Patience::default(),
            stalls: Stalls::default(),
            capped_at: f64::NEG_INFINITY,
            waiting_since: None,
            quiet_since: None,
        }
    }
}

impl Law {
    /// Looks at the link and says what is to be done. To be called as often as [`super::looks`] says.
    pub(super) fn tick(&mut self, sample: &Sample<'_>) -> Verdict {
        let at = sample.at.as_secs_f64();
        // After a sleep of the machine, time has not passed for the link.
        let secs = (at - self.at).clamp(0.0, 0.5);
        self.at = at;
        self.is_counted_late = sample.is_counted_late;
        self.connections = sample.connections.len() as f64;
        // Who has stepped back reads nothing ahead any more.
        let may_be_ahead = if self.state == LinkState::Yielding { 0.0 } else { self.connections };
        let reading = sample.is_counted_late.then_some(may_be_ahead);
        self.rates.take_in(at, sample.own_bytes, sample.interface_bytes, reading);
        self.notice_stall(secs, sample.is_early);
        self.uploads.take_in(at, sample.sent_bytes, self.rates.own(0.3) + self.others());
        let is_even = self.looking.phase == Phase::Cruise && self.is_settled();
        self.delays.take_in(at, sample.connections, is_even);
        let may_be_usual = self.state == LinkState::Using;
        let trembled = std::mem::replace(&mut self.trembles, self.delays.learn_tremble(secs, may_be_usual));
        if self.trembles && !trembled {
            self.doubt_start();
        }
        self.reading = self.delays.reading();
        self.openings.take_in(at, sample.openings, self.others() > self.others_noticed());
        self.alarm.fade(secs);
        if sample.is_capped {
            self.capped_at = at;
        }
        let handshakes = sample.connections.iter().map(|connection| connection.handshake.as_secs_f64());
        self.handshake =
            handshakes.filter(|secs| *secs > 0.0).fold(f64::INFINITY, f64::min).clamp(0.001, 0.5);
        match (self.state, sample.connections.is_empty()) {
            (LinkState::Resting, true) => {}
            (_, true) => self.go(LinkState::Resting, None),
            (LinkState::Resting, false) => self.begin(),
            _ => self.decide(secs),
        }
        self.windows.push_back((at, self.window));
        while self.windows.front().is_some_and(|(then, _)| at - then > 2.0) {
            self.windows.pop_front();
        }
        self.verdict()
    }

    /// Whether nothing is to be seen of others, nothing is tried, and it is no matter when the next look is.
    pub(super) fn is_calm(&self) -> bool {
        match self.state {
            LinkState::Resting => true,
            // With a slow server, or below a cap, the start does not end.
            LinkState::Starting => self.in_state() > SLOW_START_SECS,
            LinkState::Using | LinkState::Beside => {
                let others_are_known = self.state == LinkState::Beside || self.others_ticks == 0;
                self.looking.phase == Phase::Cruise && self.waiting_since.is_none() && others_are_known
            }
            LinkState::Yielding | LinkState::Returning => false,
        }
    }

    /// Whether a page of somebody else's may be over before it is seen, with a look every 10 ms.
    pub(super) fn is_quick(&self) -> bool {
        let is_short = self.reading.is_some_and(|reading| reading.usual < SHORT_WAY_SECS);
        self.state != LinkState::Resting && is_short && self.capacity > FAST
    }

    fn decide(&mut self, secs: f64) {
        if self.sees_others_here() {
            return;
        }
        let before = self.window;
        match self.state {
            LinkState::Resting => {}
            LinkState::Starting => self.start(secs),
            LinkState::Using | LinkState::Beside => self.use_link(secs),
            LinkState::Yielding => self.wait_for_quiet(),
            LinkState::Returning => self.return_to_link(secs),
        }
        self.open(before, secs);
    }

    fn go(&mut self, state: LinkState, why: Option<LinkWhy>) {
        (self.state, self.why, self.since) = (state, why, self.at);
        (self.quiet_since, self.waiting_since) = (None, None);
        self.looking.enter(Phase::Cruise, self.at);
    }

    /// A window that opens at once lets a burst in: it opens with what comes, by as much again at first and by less the nearer
    /// it is to where it should be. (The kernel tells the server of a larger window only when something comes.) Who is held
    /// back by reading may have to pay for what was read before anything comes: there it opens with time as well.
    fn open(&mut self, before: f64, secs: f64) {
        if self.state != LinkState::Starting {
            let step = match before / self.window {
                so_far if so_far < 0.3 => 1.0,
                so_far if so_far < 0.6 => 0.5,
                _ => 0.25,
            };
            let came = self.rates.own(secs) * secs;
            let grown =
                if self.is_counted_late { before * GROWTH.powf(secs / self.round_trip()) } else { 0.0 };
            let most = before.max(4.0 * SEGMENT * self.connections) + step * came;
            self.window = self.window.min(most.max(grown));
        }
        self.window = self.window.max(LEAST_WINDOW);
    }

    // What is seen.

    fn in_state(&self) -> f64 {
        self.at - self.since
    }

    /// A round trip without a queue, in seconds; that of the handshake as long as no other is known.
    fn round_trip(&self) -> f64 {
        self.reading.map_or(self.handshake, |reading| reading.usual.max(0.001))
    }

    /// How much longer than usual packets take.
    fn excess(&self) -> f64 {
        self.reading.map_or(0.0, |reading| reading.excess)
    }

    /// How much longer they took at least, over a round trip.
    fn standing(&self) -> f64 {
        self.reading.map_or(0.0, |reading| reading.standing)
    }

    /// How much the round trip varies by itself.
    fn noise(&self) -> f64 {
        self.reading.map_or(0.0, |reading| reading.noise)
    }

    /// From where on an excess is noticed: not a few packets of a slow link, and not what varies by itself.
    fn noticed(&self) -> f64 {
        self.over_noise(self.noise())
    }

    /// The same while the window changes: what was let in at once comes at once, and again with each round trip.
    fn noticed_in_change(&self) -> f64 {
        let round = self.round_trip();
        let noise = self.reading.map_or(0.0, |reading| reading.standing_noise);
        self.over_noise(noise).max(0.05 * round).max(0.1 * round - 0.003)
    }

    fn over_noise(&self, noise: f64) -> f64 {
        let packets = 3.0 * FULL_PACKET / self.capacity.max(self.rates.own(0.2)).max(250_000.0);
        NOTICED_SECS.max(1.2 * noise + 0.001).max(packets)
    }

    /// What others on this machine receive.
    fn others(&self) -> f64 {
        self.rates.others.unwrap_or_default().max(0.0)
    }

    /// From where on they are noticed.
    fn others_noticed(&self) -> f64 {
        let part = if self.is_counted_late {
            OTHERS_PART_IF_LATE * self.capacity.max(self.rates.own(0.5))
        } else {
            OTHERS_PART * self.capacity
        };
        part.max(OTHERS_LEAST)
    }

    /// Whether it is our window that holds the servers back. One that sends less than it may waits by itself, and what it
    /// sends then looks as if it had waited on the way.
    fn is_held_by_window(&self) -> bool {
        if self.is_capped() {
            return false;
        }
        let round = self.reading.map_or(self.handshake, |reading| reading.round_trip);
        // What is there now was let in by the window of a round trip ago.
        let (least, _) = self.windows_over(1.5 * round + 0.02);
        self.rates.own(round.max(0.05)) * round > 0.6 * least.min(self.window) / self.fit
    }

    /// How much of what usually comes has not come of late, as time.
    fn missing(&self) -> f64 {
        let secs = self.round_trip().max(MISSING_OVER_SECS);
        // While others had the link, less came than usually does.
        let usual_secs = USUAL_OVER_SECS.min(self.in_state().max(2.0 * secs));
        secs * (1.0 - self.rates.own(secs) / self.rates.own(usual_secs).max(1.0))
    }

    /// Whether packets stand in a queue that is not ours, for all that is known of the servers.
    fn stands(&self) -> bool {
        if self.uploads.are_busy() || self.is_after_stall() {
            return false;
        }
        let noticed = self.noticed_in_change();
        self.standing() > noticed && self.is_held_by_window() || self.standing() > 3.0 * noticed
    }

    /// Whether it is a cap that holds us back, and not the link.
    fn is_capped(&self) -> bool {
        self.at - self.capped_at < CAPPED_SECS
    }

    /// Whether the window has been about the same for some round trips, and nothing stood still: long ones keep bursts alive
    /// for longer.
    fn is_settled(&self) -> bool {
        let round = self.round_trip();
        let secs = (2.0 * round + 0.02).max(6.0 * round - 0.04);
        let (least, most) = self.windows_over(secs);
        most < 1.04 * least && !self.stood_still_within(secs)
    }

    /// The smallest and the largest window of the last so many seconds.
    fn windows_over(&self, secs: f64) -> (f64, f64) {
        let windows = self.windows.iter().rev().take_while(|(at, _)| self.at - at <= secs);
        windows
            .fold((f64::INFINITY, 0.0), |(least, most), (_, window)| (least.min(*window), most.max(*window)))
    }

    fn verdict(&self) -> Verdict {
        let elsewhere = self.capacity - self.ceiling / CRUISE;
        let is_using = self.state == LinkState::Using && elsewhere > OTHERS_PART * self.capacity;
        // With a slow server, or below a cap, the start does not end: there is no more to be found out meanwhile.
        let is_slow = self.state == LinkState::Starting && self.in_state() > SLOW_START_SECS;
        Verdict {
            window_bytes: self.window as u64,
            round_trip: self.round_trip(),
            state: match self.state {
                _ if is_using => LinkState::Beside,
                _ if is_slow => LinkState::Using,
                state => state,
            },
            why: if is_using { Some(LinkWhy::ShareLost) } else { self.why },
            capacity: Some(self.capacity).filter(|capacity| *capacity > 0.0),
            others: self.rates.others.map(|others| others.max(0.0)),
            elsewhere: Some(elsewhere).filter(|_| is_using),
            added_delay: self.reading.map(|reading| (reading.round_trip - reading.base).max(0.0)),
        }
    }

    /// How it stands, in a line for the log.
    #[must_use]
    pub(super) fn trace(&self) -> String {
        let reading = self.reading.unwrap_or_default();
        let (mbit, ms) = (|rate: f64| rate * 8e-6, |secs: f64| secs * 1e3);
        format!(
            "{:?}/{:?} {:?} W={:.0}K aim={:.1} C={:.1} R={:.1} X={:.1} rtt={:.1} usual={:.1} base={:.1} e={:.1} noise={:.2}/{:.2} \
             fit={:.2} tq={:.2}",
            self.state,
            self.looking.phase,
            self.why,
            self.window / 1e3,
            mbit(self.aim),
            mbit(self.capacity),
            mbit(self.rates.own(0.1)),
            mbit(self.others()),
            ms(reading.round_trip),
            ms(reading.usual),
            ms(reading.base),
            ms(reading.excess),
            ms(reading.noise),
            ms(reading.standing_noise),
            self.fit,
            self.patience.quiet_secs,
        )
    }
}
