//! Stepping back for others, waiting until they are gone, and taking the link back.

use super::{
    CRUISE, LEAST_WINDOW, Law, LinkState, LinkWhy, Openings, Rates, SEGMENT, TRICKLE_PART, USUAL_OVER_SECS,
};

/// The shortest and the longest time without a sign of others before the link is taken back, in seconds.
const SHORTEST_QUIET: f64 = 0.25;
const LONGEST_QUIET: f64 = 2.5;

/// How long the others on this machine are watched before we run beside them, in seconds; doubled each time that they took
/// more.
const WATCH_ELASTIC: f64 = 0.4;
const LONGEST_WATCH: f64 = 8.0;

/// A delay that stays the same for that long is the way itself, in seconds; doubled each time.
const STEADY_SECS: f64 = 4.0;
const LONGEST_STEADY: f64 = 60.0;

/// It was not where less than this part of what came before comes after so many seconds at full aim: it was somebody's queue
/// that stands still, as BBR's does. After so long it is believed all the same: the link or the server may have less now.
const TAKEN_BACK_BELOW: f64 = 0.3;
const TRIED_SECS: f64 = 1.0;
const BELIEVED_AFTER_SECS: f64 = 4.0 * STEADY_SECS;

/// The part of the link that is taken slowly: whoever is elastic has two thirds of it at least.
const SLOW_PART: f64 = 0.33;

/// How long that takes at least, in seconds.
const SLOW_SECS: f64 = 0.7;

/// Up to so many times what is noticed it is only just noticed.
const MARGINAL: f64 = 1.4;

/// How long is watched then whether somebody is there, in seconds: a page comes in bursts with gaps between them, which are
/// shorter where it is quick.
const WATCH_SECS: f64 = 0.5;
const WATCH_SECS_WHERE_QUICK: f64 = 0.2;

/// What is left of the window while an alarm may be false.
const WHILE_OPEN: f64 = 0.3;

/// What is left of the known capacity each time that the link turns out to be full on the way back to it.
const LESS_OF_A_LINK: f64 = 0.93;

/// Why we stepped back, as it looked then, and whether that was right.
#[derive(Clone, Debug)]
pub(super) struct Alarm {
    at: f64,
    why: LinkWhy,
    /// What we received then, in bytes per second, and what we aimed at.
    rate: f64,
    ceiling: f64,
    /// What was read of the delay, and from where on that was noticed.
    excess: f64,
    noticed: f64,
    /// What had not come meanwhile.
    missing: f64,
    /// Whether that was read suddenly, while our window was the same, or stood for a round trip.
    is_settled: bool,
    /// Whether we were using the link, and not only on the way to it.
    was_using: bool,
    /// Whether it may have been false.
    is_open: bool,
    /// How many false ones there were lately.
    false_ones: f64,
}

/// How long is waited for what.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) quiet_secs: f64,
    elastic_secs: f64,
    steady_secs: f64,
    returned_at: f64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            at: -10.0,
            why: LinkWhy::Delay,
            rate: 0.0,
            ceiling: 0.0,
            excess: 0.0,
            noticed: 0.0,
            missing: 0.0,
            is_settled: true,
            was_using: false,
            is_open: false,
            false_ones: 0.0,
        }
    }
}

impl Alarm {
    /// Time goes by: what was false is forgotten within some seconds.
    pub(super) fn fade(&mut self, secs: f64) {
        self.false_ones *= (-secs / 4.0).exp();
    }

    /// Whether it was only just noticed.
    fn is_marginal(&self) -> bool {
        self.excess < MARGINAL * self.noticed
    }

    /// Whether fewer of our bytes had come meanwhile: it was somebody's queue, even if he was gone when we looked.
    fn was_somebody(&self) -> bool {
        self.why == LinkWhy::Delay && self.missing > 0.5 * self.excess
    }

    /// How long is watched whether it was right, in seconds: less if it is always false.
    fn watch_secs(&self, is_quick: bool) -> f64 {
        let watch_secs = if is_quick { WATCH_SECS_WHERE_QUICK } else { WATCH_SECS };
        watch_secs * (2.0 - self.false_ones).min(0.0).exp2()
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet_secs: SHORTEST_QUIET,
            elastic_secs: WATCH_ELASTIC,
            steady_secs: STEADY_SECS,
            returned_at: -10.0,
        }
    }
}

impl Patience {
    /// All has been well for a while.
    pub(super) const fn restore(&mut self) {
        (self.quiet_secs, self.steady_secs) = (SHORTEST_QUIET, STEADY_SECS);
    }

    pub(super) const fn wait_longer_for_elastic_ones(&mut self) {
        self.elastic_secs = (2.0 * self.elastic_secs).min(LONGEST_WATCH);
    }
}

impl Law {
    /// Whether others on this machine receive, or are about to: both are seen at once. Steps back if so.
    pub(super) fn sees_others_here(&mut self) -> bool {
        let noticed = self.others_noticed();
        self.others_ticks = if self.others() > noticed { self.others_ticks + 1 } else { 0 };
        let is_sign = self.openings.is_sign();
        let why = match self.state {
            LinkState::Starting | LinkState::Using | LinkState::Returning if self.others_ticks >= 2 => {
                LinkWhy::TrafficHere
            }
            LinkState::Starting | LinkState::Using | LinkState::Returning if is_sign => {
                LinkWhy::ConnectionHere
            }
            LinkState::Beside if is_sign || self.others() > 1.4 * self.others_before + noticed => {
                LinkWhy::TrafficHere
            }
            _ => return false,
        };
        self.step_back(why);
        true
    }

    /// Lets the others have the link at once.
    pub(super) fn step_back(&mut self, why: LinkWhy) {
        if self.at - self.patience.returned_at < 2.0 && why != LinkWhy::ConnectionHere {
            // We came back too early.
            self.patience.quiet_secs = (1.7 * self.patience.quiet_secs).min(LONGEST_QUIET);
        }
        self.delays.forget_this_second();
        if why == LinkWhy::Delay && !self.is_capped() {
            self.note_full();
        }
        let was_using = self.state == LinkState::Using;
        // The way back takes some round trips.
        let is_again = self.at - self.alarm.at < 0.7 + 10.0 * self.round_trip();
        let is_settled = self.is_settled();
        let (excess, noticed) = if is_settled {
            (self.excess(), self.noticed())
        } else {
            (self.standing(), self.noticed_in_change())
        };
        // While the window changes, so does what comes of it.
        let missing = if is_settled { self.missing() } else { 0.0 };
        let mut alarm = Alarm {
            at: self.at,
            why,
            rate: self.rate_lately(),
            ceiling: if was_using { self.ceiling } else { self.alarm.ceiling },
            excess,
            noticed,
            missing,
            is_settled,
            was_using,
            is_open: false,
            false_ones: self.alarm.false_ones,
        };
        alarm.is_open = was_using
            && !is_again
            && match why {
                LinkWhy::ConnectionHere => true,
                // What is clearly seen is somebody; where it is quick, he may be gone in a moment.
                LinkWhy::Delay => alarm.is_marginal() || self.is_quick(),
                _ => false,
            };
        self.alarm = alarm;
        self.go(LinkState::Yielding, Some(why));
        self.window = self.window_beside();
    }

    /// What came of ours just now, in bytes per second. While something stood still that says nothing of the link.
    fn rate_lately(&self) -> f64 {
        let secs = (1.5 * self.round_trip()).max(0.06);
        self.rates.own(if self.stood_still_within(2.0 * secs) { USUAL_OVER_SECS } else { secs })
    }

    /// What is left to us meanwhile: a third of it as long as that may be a false alarm, else a trickle.
    fn window_beside(&self) -> f64 {
        if self.alarm.is_open && self.alarm.is_marginal() && self.alarm.why == LinkWhy::Delay {
            return (WHILE_OPEN * self.aim * self.round_trip() * self.fit).max(self.trickle());
        }
        self.trickle()
    }

    /// The window of a trickle, for all connections.
    fn trickle(&self) -> f64 {
        let most = (2.0 * SEGMENT * self.connections).max(LEAST_WINDOW);
        (TRICKLE_PART * self.capacity * self.round_trip()).clamp(LEAST_WINDOW, most)
    }

    pub(super) fn wait_for_quiet(&mut self) {
        let others_are_quiet = self.others() < 0.7 * self.others_noticed();
        let may_be_upload = self.uploads.are_busy() && self.why != Some(LinkWhy::Delay);
        let is_quiet = (self.excess() < self.noticed() || may_be_upload) && others_are_quiet;
        let through_secs = 1.5 * self.round_trip() + 0.03;
        // Until our own packets are through, what waits may be they.
        let is_through = self.in_state() > through_secs;
        if self.alarm.is_open && (is_quiet || !is_through) {
            self.window = self.window_beside();
            return self.close_alarm(is_through);
        }
        self.alarm.is_open = false;
        self.window = self.window_beside();
        if self.why == Some(LinkWhy::ConnectionHere) && !others_are_quiet {
            self.why = Some(LinkWhy::TrafficHere);
        }
        if !is_quiet {
            self.quiet_since = None;
            self.run_beside_steady_ones();
            return self.accept_what_stays();
        }
        let since = *self.quiet_since.get_or_insert(self.at);
        let needed = match self.why {
            Some(LinkWhy::ConnectionHere | LinkWhy::TrafficHere) => {
                self.patience.quiet_secs.clamp(SHORTEST_QUIET, 1.0)
            }
            _ => self.patience.quiet_secs,
        };
        if self.at - since > needed {
            self.patience.returned_at = self.at;
            self.patience.elastic_secs = (0.5 * self.patience.elastic_secs).max(WATCH_ELASTIC);
            if self.capacity <= 0.0 {
                return self.begin_again();
            }
            self.go(LinkState::Returning, self.why);
            self.aim = 0.04 * self.capacity;
        }
    }

    /// It was false if nothing is seen of others for a while. It goes on as before then.
    fn close_alarm(&mut self, is_through: bool) {
        let is_opening = self.why == Some(LinkWhy::ConnectionHere);
        let watch_secs =
            if is_opening { Openings::secs_to_know() } else { self.alarm.watch_secs(self.is_quick()) };
        if !is_through || self.in_state() < watch_secs {
            return;
        }
        self.alarm.is_open = false;
        if !is_opening {
            self.alarm.false_ones += 1.0;
        }
        self.learn_from_alarm();
        self.ceiling = if self.alarm.was_somebody() && self.is_quick() {
            // He is gone, and what he took is there again.
            self.alarm.ceiling
        } else {
            self.left_after_alarm()
        };
        self.go(LinkState::Using, None);
        self.looking.look_in(self.at, 0.5);
    }

    /// What is aimed at after an alarm that was false, in bytes per second. Whatever it was, what came then is what there was; but
    /// in so short a time less may come by chance, and no less is left than what waited explains: a window brings so much less
    /// where a round trip takes longer.
    fn left_after_alarm(&self) -> f64 {
        let round = self.round_trip();
        let explained = self.alarm.ceiling * round / (round + self.alarm.excess.max(0.0));
        self.alarm.ceiling.min(explained.max(0.97 * self.alarm.rate)).max(0.1 * self.capacity)
    }

    /// What was gone when we had stepped back, and was not met on the way back either, may have been noise: it has to be more
    /// from now on.
    fn learn_from_alarm(&mut self) {
        if self.alarm.was_using && self.alarm.why == LinkWhy::Delay && !self.alarm.was_somebody() {
            self.delays.learn_noise(self.alarm.excess, !self.alarm.is_settled);
        }
        self.alarm.was_using = false;
    }

    /// Those on this machine who take a part and stay with it get company.
    fn run_beside_steady_ones(&mut self) {
        let peak = self.rates.others_peak();
        let is_part = peak < 0.7 * self.capacity && self.others() > 0.7 * self.others_noticed();
        let counting_secs = if self.is_counted_late { Rates::LATE_SECS } else { 0.0 };
        let is_watched = self.in_state() > self.patience.elastic_secs + counting_secs;
        if is_part && self.excess() < self.noticed() && is_watched {
            self.others_before = peak;
            self.ceiling = (0.92 * self.capacity - 1.15 * peak).max(0.02 * self.capacity);
            self.go(LinkState::Beside, Some(LinkWhy::TrafficHere));
        }
    }

    /// A delay that stays the same for long is the way itself: the route has changed.
    fn accept_what_stays(&mut self) {
        let steady_secs = self.patience.steady_secs;
        if self.in_state() > steady_secs
            && self.others() < self.others_noticed()
            && self.delays.accept_if_steady(self.at, steady_secs.min(5.0))
        {
            self.patience.steady_secs = (2.0 * steady_secs).min(LONGEST_STEADY);
        }
    }

    /// Whether what was accepted turns out to be somebody's queue; steps back if so.
    pub(super) fn sees_that_it_was_not_the_way(&mut self) -> bool {
        let is_alone = self.state == LinkState::Using && self.others() < self.others_noticed();
        if !is_alone
            || self.in_state() < TRIED_SECS
            || self.patience.steady_secs <= STEADY_SECS
            || self.patience.steady_secs > BELIEVED_AFTER_SECS
            || self.is_capped()
            || self.rates.own(0.5) > TAKEN_BACK_BELOW * self.alarm.rate
            || !self.delays.take_back_accepted()
        {
            return false;
        }
        let rate = self.alarm.rate;
        self.step_back(LinkWhy::Delay);
        // The next time it is to be compared with what came before the first.
        self.alarm.rate = rate;
        true
    }

    pub(super) fn return_to_link(&mut self, secs: f64) {
        if self.stands() {
            return self.meet_others();
        }
        let rounds = secs / self.round_trip().max(0.02);
        if self.aim < SLOW_PART * self.capacity {
            self.aim = (self.aim * 1.25_f64.powf(rounds)).min(SLOW_PART * self.capacity);
        } else if self.in_state() > SLOW_SECS {
            let step = (0.5 * (1.02 * self.capacity - self.aim)).min(0.5 * self.aim);
            self.aim += step * rounds.min(1.0);
        }
        if self.aim >= CRUISE * self.capacity {
            self.learn_from_alarm();
            self.ceiling = CRUISE * self.capacity;
            self.go(LinkState::Using, None);
            self.looking.look_in(self.at, 0.6);
        }
        self.window = self.aim * self.round_trip() * self.fit;
    }

    /// The link is full on the way back to it.
    fn meet_others(&mut self) {
        let rate = self.rates.own(self.round_trip());
        if rate > 0.8 * self.capacity {
            // Nearly all of it is ours.
            self.ceiling = CRUISE * self.rates.own(0.1);
            return self.go(LinkState::Using, None);
        }
        if self.aim > SLOW_PART * self.capacity {
            // Perhaps it is not somebody, but less of a link than before.
            self.capacity *= LESS_OF_A_LINK;
        }
        self.step_back(LinkWhy::Delay);
    }
}
