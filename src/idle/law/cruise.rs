//! Using the link: a little below what it carries, with a look now and then whether that is more, and an eye on packets
//! that wait.

use super::{CRUISE, Law, LinkState, LinkWhy, SEGMENT};

/// How much higher is looked, where 2 ms of a queue are less than that.
const GAIN: f64 = 0.06;
const LEAST_GAIN: f64 = 0.03;

/// The most where the round trip varies, or it would not show.
const MOST_GAIN: f64 = 0.15;

/// The same as long as the link was never seen full.
const UNSURE_GAIN: f64 = 0.25;

/// Each time that brought nothing and made no queue it is more, up to that.
const MOST_UNSURE_GAIN: f64 = 1.0;

/// How much more than that servers may send by themselves meanwhile.
const UNSURE_SLACK: f64 = 1.3;

/// The same below a cap: what it has not let through for a moment comes after that.
const CAPPED_SLACK: f64 = 2.0;

/// Where so many times what is noticed is missing, half of a wait is enough, as long as looks are no further apart than that, in
/// seconds: only then a machine that stood still for some milliseconds shows in a look that is late. (Measured on fibre: with
/// 1.5 times pages come no sooner, 1.07 times as long as alone, and 98.2 instead of 98.5 % of the idle link are used.)
const MISSING: f64 = 2.5;
const LOOKS_APART_SECS: f64 = 0.0075;

/// How much of what is aimed at is left while uploads fill their way, and how long acknowledgements may wait for them, and
/// for how long that may leave us with little, in seconds.
const WITH_UPLOADS: f64 = 0.7;
const MOST_UP_SECS: f64 = 0.5;
const LONG_BESIDE_UPLOAD_SECS: f64 = 1.5;

/// What is left free on radio links, where others are noticed later, as a part of what is aimed at: so much, and so much more
/// for each second that the readings vary.
const BESIDE_TREMBLE: f64 = 0.03;
const BY_TREMBLING: f64 = 8.0;
const MOST_BESIDE_TREMBLE: f64 = 0.10;

/// The same where round trips tell nothing, and others elsewhere are not noticed at all.
const BESIDE_UNSEEN: f64 = 0.2;

/// Where we hold back by reading, for so many round trips is looked, as what is read comes in lumps, and so often, in seconds,
/// as each look fills what there is to wait in.
const ROUNDS_OF_READS: f64 = 8.0;
const EVERY_SECS_OF_READS: f64 = 10.0;

/// How often is looked, in seconds and in round trips, once it is known how much there is.
const EVERY_SECS: f64 = 2.5;
const EVERY_ROUNDS: f64 = 40.0;

/// On radio links packets wait for each other, and a round trip is longer than it is read: of the readings the kernel takes
/// the short ones at once and the long ones by an eighth. What the window lacks is known by what comes, and at most so much of
/// it is added at a time: looks from where less comes than is aimed at would find that there is no more.
const MOST_FIT_AT_ONCE: f64 = 1.25;

/// A queue of that part of the round trip is there only where the link is full.
const FULL_PART: f64 = 0.15;

/// Where a look brings so many times what the link was known to carry, that was not known at all.
const MUCH_MORE: f64 = 1.08;

/// The part of the window that is left after the start, until the queue is empty.
const LONG_DRAIN: f64 = 0.5;

/// What is done while the link is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// As it is.
    #[default]
    Cruise,
    /// Looks whether there is more.
    Up,
    /// Lets the queue run empty.
    Down,
}

/// The looking for more.
#[derive(Clone, Debug)]
pub(super) struct Looking {
    pub(super) phase: Phase,
    since: f64,
    /// How long packets stood when it began.
    stood: f64,
    /// The part of the window that is left while the queue runs empty.
    drain: f64,
    next_at: f64,
    /// How much higher is looked.
    gain: f64,
    /// Whether the link was seen full, or else what it carries is only a lower bound.
    pub(super) is_sure: bool,
    /// Whether as much came at the last look as was aimed at: nobody took a part of it.
    was_even: bool,
    /// How often in a row there was no more.
    in_vain: u32,
}

impl Default for Looking {
    fn default() -> Self {
        Self {
            phase: Phase::Cruise,
            since: 0.0,
            stood: 0.0,
            drain: 1.0,
            next_at: 0.0,
            gain: GAIN,
            is_sure: false,
            was_even: true,
            in_vain: 0,
        }
    }
}

impl Looking {
    pub(super) const fn enter(&mut self, phase: Phase, at: f64) {
        (self.phase, self.since) = (phase, at);
    }

    /// Begins anew, with the first look soon.
    pub(super) const fn begin(&mut self, at: f64, round: f64, is_sure: bool) {
        (self.is_sure, self.in_vain) = (is_sure, 0);
        self.gain = if is_sure { GAIN } else { UNSURE_GAIN };
        self.next_at = at + 4.0 * round + 0.2;
    }

    /// Lets the queue run empty that the start has made.
    pub(super) const fn drain_long(&mut self, at: f64) {
        self.drain = LONG_DRAIN;
        self.enter(Phase::Down, at);
    }

    /// The next look is in so many seconds.
    pub(super) const fn look_in(&mut self, at: f64, secs: f64) {
        self.next_at = at + secs;
    }
}

impl Law {
    pub(super) fn use_link(&mut self, secs: f64) {
        self.settle_doubt_of_start(secs);
        if self.sees_delay() || self.sees_elastic_ones_here() || self.sees_that_it_was_not_the_way() {
            return;
        }
        self.aim_at_idle();
        let round = self.round_trip();
        let in_phase = self.at - self.looking.since;
        match self.looking.phase {
            Phase::Cruise => {
                self.learn(secs);
                self.learn_fit();
                self.window = self.slack() * self.aim_in_cruise() * self.round_trip_up_too() * self.fit;
                if self.at >= self.looking.next_at
                    && self.is_settled()
                    && self.state == LinkState::Using
                    && !self.has_queue_up()
                    && !self.is_capped()
                {
                    self.looking.stood = self.standing();
                    self.looking.enter(Phase::Up, self.at);
                }
            }
            Phase::Up => {
                let fair = self.slack() * self.aim * round * self.fit;
                // A window is no finer than a segment.
                self.window =
                    ((1.0 + self.looking.gain) * fair / CRUISE).max(fair + 2.0 * SEGMENT * self.connections);
                // Where the round trip varies, so does what comes.
                let rounds = if self.is_counted_late { ROUNDS_OF_READS } else { 3.0 };
                let secs = (rounds * round).max(0.08).max(60.0 * self.noise());
                if in_phase > secs {
                    self.judge_look(secs - 1.2 * round);
                }
            }
            Phase::Down => {
                self.window = self.looking.drain * self.aim * round * self.fit;
                if !self.is_draining() {
                    self.end_drain();
                }
            }
        }
        if self.in_state() > 8.0 {
            self.patience.restore();
        }
    }

    /// What is aimed at while nothing is looked for.
    fn aim_in_cruise(&self) -> f64 {
        let free = match self.reading {
            None => BESIDE_UNSEEN,
            Some(_) if self.trembles => {
                (BESIDE_TREMBLE + BY_TREMBLING * self.noise()).min(MOST_BESIDE_TREMBLE)
            }
            Some(_) => 0.0,
        };
        (1.0 - free) * self.aim
    }

    /// The round trip with what acknowledgements wait while something is uploaded: that is not a queue of the way down.
    fn round_trip_up_too(&self) -> f64 {
        let up = if self.has_queue_up() { self.standing().min(MOST_UP_SECS) } else { 0.0 };
        self.round_trip() + up
    }

    /// Whether packets wait, and it may be on the way up.
    fn has_queue_up(&self) -> bool {
        self.uploads.are_busy() && self.standing() > self.noticed_in_change()
    }

    /// While something is uploaded, packets that wait count only where we get much less than we should even so: then
    /// somebody has a part of the way down as well.
    fn sees_delay_beside_upload(&mut self) -> bool {
        // While the window grows, little comes by itself, and for long where acknowledgements wait.
        if !self.has_queue_up() || self.rates.own(0.5) > 0.6 * self.aim || !self.is_settled() {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(self.at);
        let waits_long = self.at - since > LONG_BESIDE_UPLOAD_SECS;
        if waits_long {
            self.step_back(LinkWhy::Delay);
        }
        waits_long
    }

    /// As long as the link was never seen full, servers get room to send more by themselves: one that is held to what it sends
    /// does not learn that it could send more. One that is read from slower is not held to that.
    fn slack(&mut self) -> f64 {
        // What waits beside an upload may be ours as well: more room would only make it more.
        if self.looking.is_sure || self.is_counted_late || self.has_queue_up() {
            return 1.0;
        }
        let rate = self.rates.own(0.5);
        self.capacity = self.capacity.max(rate);
        self.ceiling = self.ceiling.max(CRUISE * rate);
        if self.is_capped() { CAPPED_SLACK } else { UNSURE_SLACK }
    }

    /// Our own queue has had the time to run empty.
    fn end_drain(&mut self) {
        if self.stands() {
            return self.step_back(LinkWhy::Delay);
        }
        if self.looking.drain > LONG_DRAIN && self.looking.was_even {
            self.delays.learn_usual(0.4 * self.round_trip() + 0.01);
        }
        self.looking.enter(Phase::Cruise, self.at);
    }

    /// What is read while nobody else is about is what the link is like.
    fn learn(&mut self, secs: f64) {
        if self.excess() >= self.noticed() {
            return;
        }
        if self.is_settled() {
            self.delays.learn_noise_of(secs);
        }
        if self.others() < 0.5 * self.others_noticed() {
            self.rates.learn();
        }
    }

    /// What others on this machine leave is what is aimed at.
    fn aim_at_idle(&mut self) {
        let (others, noticed) = (self.rates.others_peak(), self.others_noticed());
        let mut most = self.ceiling.min(CRUISE * self.capacity);
        if others > 0.25 * noticed {
            most = most.min(0.95 * self.capacity - 1.15 * others);
        }
        if self.has_queue_up() {
            // Others elsewhere cannot be seen now, and our acknowledgements share the way up with the upload.
            most *= WITH_UPLOADS;
        }
        self.aim = most.max(0.02 * self.capacity);
        if self.state == LinkState::Beside && others < 0.7 * noticed && self.in_state() > 0.4 {
            // They are gone.
            self.ceiling = CRUISE * self.capacity;
            self.go(LinkState::Using, None);
            self.looking.look_in(self.at, 0.6);
        }
    }

    /// Windows and what comes of them: the kernel rounds, and acknowledgements wait.
    fn learn_fit(&mut self) {
        if self.is_capped() {
            return;
        }
        let round = self.round_trip();
        let over = (4.0 * round).max(0.2);
        // What the window was before still comes for a while.
        self.fitted_at = self.fitted_at.max(self.looking.since + 1.5 * round);
        if self.at - self.fitted_at < over {
            return;
        }
        self.fitted_at = self.at;
        if !self.looking.is_sure {
            // What comes is meant to be more than what is aimed at.
            return;
        }
        let wrong = self.aim_in_cruise() / self.rates.own(over - 0.02).max(1.0);
        let is_calm = self.standing() < 0.4 * self.noticed();
        // A server that sends less than it may is not made to send more by a larger window.
        if self.is_held_by_window() && self.is_settled() && (wrong < 1.0 || is_calm) {
            // Headers and roundings make a tenth; where round trips vary, what is usual is not what counts.
            let most = 1.1 + (2.0 * self.noise() / round).min(0.3);
            let step = if self.trembles && wrong > 1.0 {
                wrong.min(MOST_FIT_AT_ONCE)
            } else {
                wrong.clamp(0.9, 1.1).sqrt()
            };
            self.fit = (self.fit * step).clamp(0.9, most);
        }
    }

    /// How much higher is looked first.
    fn first_gain(&self) -> f64 {
        if !self.looking.is_sure {
            return UNSURE_GAIN;
        }
        let round = self.round_trip();
        (0.002 / round).clamp(LEAST_GAIN, GAIN).max(1.5 * self.noise() / round).min(MOST_GAIN)
    }

    /// The link was seen full, if not in a look that was judged. A look that met a queue is not taken as high again: while little
    /// is known it may be twice what the link carries, and then it meets its own each time.
    pub(super) fn note_full(&mut self) {
        self.looking.is_sure = true;
        if self.looking.phase == Phase::Up {
            self.looking.gain = self.looking.gain.min(self.first_gain());
        }
    }

    /// What came while more was let in, over the last so many seconds, tells whether there is more.
    fn judge_look(&mut self, secs: f64) {
        if self.is_capped() {
            // Nothing was found out.
            self.looking.next_at = self.at + EVERY_SECS;
            return self.looking.enter(Phase::Cruise, self.at);
        }
        let (round, gain) = (self.round_trip(), self.looking.gain);
        let (rate, aimed) = (self.rates.own(secs), self.ceiling / CRUISE);
        self.looking.enter(Phase::Down, self.at);
        // Back at its level the window lets the queue run empty as well: half as much less as it was more, and a little, do.
        self.looking.drain = (0.97 - 0.5 * gain).max(LONG_DRAIN);
        // A server that stops for a moment, as BBR does every ten seconds, says nothing, and what is read then is old.
        let queued = self.excess() > 0.5 * gain * round && self.is_held_by_window();
        let brought_more = rate > 1.015 * aimed;
        // A queue shows that the link is full; to look in vain for long does as well. With more room BBR lets its queue run
        // empty now and then: there, one that was there before shows it, and a look that brought nothing.
        let grown = self.standing() - self.looking.stood.max(0.0);
        let full = self.noticed_in_change().max(FULL_PART * round);
        self.looking.is_sure |= grown > self.noticed_in_change().max(0.3 * gain * round)
            || self.standing() > full
            || self.looking.stood > full && !brought_more
            || self.looking.in_vain > 5;
        if brought_more {
            if rate > MUCH_MORE * self.capacity && !self.stands() {
                // It was not the link that was full then.
                self.looking.is_sure = false;
            }
            self.capacity = self.capacity.max(rate);
            self.ceiling = CRUISE * rate;
            (self.looking.in_vain, self.looking.was_even) = (0, true);
            self.looking.gain = (1.5 * gain).min(0.3);
            self.looking.next_at = self.at + 2.0 * round;
            if !self.looking.is_sure {
                self.looking.enter(Phase::Cruise, self.at);
            }
            return;
        }
        // Where we hold back by reading, one look in vain is all that can show it.
        self.looking.is_sure |= self.is_counted_late;
        self.looking.gain = if self.looking.is_sure {
            self.first_gain()
        } else {
            self.looking.enter(Phase::Cruise, self.at);
            (1.5 * gain).min(MOST_UNSURE_GAIN)
        };
        self.looking.was_even = rate > 0.97 * aimed;
        self.looking.in_vain += 1;
        let is_known = self.looking.in_vain >= 3;
        let every = if self.is_counted_late {
            EVERY_SECS_OF_READS
        } else if is_known {
            EVERY_SECS.max(EVERY_ROUNDS * round)
        } else {
            (8.0 * round).max(0.3)
        };
        self.looking.next_at = self.at + every;
        if rate > 0.95 * aimed {
            if aimed > 0.97 * self.capacity {
                self.capacity += 0.3 * (rate - self.capacity);
            }
            self.ceiling = CRUISE * (aimed + 0.3 * (rate - aimed));
        } else if queued {
            // Without a queue it was not the link that was too narrow, but the server or this machine that was busy.
            self.ceiling = CRUISE * rate;
            self.looking.next_at = self.at + 0.5;
        }
    }

    /// Whether our own queue is still running empty.
    fn is_draining(&self) -> bool {
        let (secs, round) = (self.at - self.looking.since, self.round_trip());
        // That of the start is longer than it is known to be.
        let is_long =
            self.looking.drain <= LONG_DRAIN && secs < 4.0 * round + 0.3 && self.excess() > self.noticed();
        // What was let in takes a round trip to be through, queue included.
        let through = self.reading.map_or(round, |reading| reading.round_trip.max(round));
        self.looking.phase == Phase::Down && (secs < 1.8 * through + 0.01 || is_long)
    }

    /// The queue our own window explains.
    fn own_queue(&self) -> f64 {
        let Some(reading) = self.reading.filter(|_| self.capacity > 0.0) else { return 0.0 };
        (self.window / self.fit / self.capacity - reading.usual).clamp(0.0, 0.5 * reading.usual)
    }

    /// Whether packets wait longer than our own window explains; steps back if so.
    fn sees_delay(&mut self) -> bool {
        if self.uploads.are_busy() {
            return self.sees_delay_beside_upload();
        }
        if self.is_draining() || self.is_after_stall() {
            self.waiting_since = None;
            return false;
        }
        if !self.is_held_by_window() {
            self.waiting_since = None;
            let stands = self.stands();
            if stands {
                self.step_back(LinkWhy::Delay);
            }
            return stands;
        }
        // While the window changes, what comes does so in bursts that wait behind themselves: then only what stands counts.
        let (read, noticed) = if self.is_settled() {
            (self.excess(), self.noticed())
        } else {
            (self.standing(), self.noticed_in_change())
        };
        let unexplained = read - self.own_queue();
        // Where readings tremble, what stands shows more than the single ones do.
        let is_hidden = self.trembles && self.standing() - self.own_queue() > self.noticed_in_change();
        if self.is_confirmed(unexplained, noticed) {
            self.step_back(LinkWhy::Delay);
            return true;
        }
        if unexplained < noticed && !is_hidden {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(self.at);
        // Two readings in a row; while we look for more, one has to be sure.
        let is_sudden = self.looking.phase != Phase::Up && self.at - since >= 0.009;
        let is_strong = unexplained > noticed + (0.5 * noticed).max(0.004);
        if is_strong || is_sudden {
            self.step_back(LinkWhy::Delay);
        }
        is_strong || is_sudden
    }

    /// Whether less has come as well: others' packets have come in between ours. The kernel's reading follows a queue slowly,
    /// what comes follows it at once, so half of what is noticed is enough then.
    fn is_confirmed(&self, unexplained: f64, noticed: f64) -> bool {
        let is_even = self.looking.phase == Phase::Cruise && self.is_settled();
        let is_known = self.looking.is_sure && !self.trembles && self.stalls.tick_secs() < LOOKS_APART_SECS;
        is_even && is_known && unexplained > 0.5 * noticed && self.missing() > MISSING * noticed
    }

    /// Whether those on this machine take what we leave them, and more; steps back if so.
    fn sees_elastic_ones_here(&mut self) -> bool {
        let is_full = self.rates.own(0.3) + self.others() > 0.95 * self.capacity;
        if self.state != LinkState::Beside || self.in_state() < 0.5 || !is_full {
            return false;
        }
        self.patience.wait_longer_for_elastic_ones();
        self.step_back(LinkWhy::TrafficHere);
        true
    }
}
