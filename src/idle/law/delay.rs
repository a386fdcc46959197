//! How long packets wait in the link's queue, from the round trips of our own connections.

use std::collections::{HashMap, VecDeque};

use super::Connection;

/// For so many minutes the shortest round trip counts: a route that has become longer is believed after that at the latest
/// (RFC 6817 keeps ten one-minute minima for the same reason).
const MINUTES: usize = 10;

/// A path nothing was heard of for so long is forgotten, in seconds.
const FORGET_SECS: f64 = 600.0;

/// A path nothing was heard of for so long says nothing of the link now, in seconds.
const STALE_SECS: f64 = 3.0;

/// How much an alarm that was false may add to what is taken for noise, later and as long as little is known of it, and how
/// much that may become, in seconds.
const MOST_BY_ALARM: f64 = 0.0015;
const MOST_BY_FIRST_ALARMS: f64 = 0.005;
const MOST_NOISE: f64 = 0.012;

/// How a radio link trembles is known from all its readings: what is so many times as much was somebody, even if he was gone
/// when we looked. (Pages are soon gone, and each would make us blinder to the next.)
const MOST_OF_TREMBLE: f64 = 2.0;

/// What is taken for noise before it is known, as a part of the round trip: the longer the way, the more is on it.
const UNKNOWN_NOISE: f64 = 0.03;

/// What is noise may grow by so much in a second, in seconds.
const MOST_RISE: f64 = 0.001;

/// Readings that go up and down by so much from one to the next are those of a radio link, in seconds: a queue grows and
/// shrinks, it does not tremble. (Measured: 0.1-0.3 ms on cables whoever is on them, 0.9-1.1 ms with 12 ms of jitter.)
const TREMBLES_SECS: f64 = 0.0006;

/// There each reading is by itself, so that it goes back about as often as on: what goes on in its direction is a wave, as BBR
/// makes one with each look of its own. (How a step is like the one before, measured: -0.4 to 0.1 with 3 to 20 ms of jitter,
/// 0.2 to 0.5 in a start with BBR.)
const MOST_ALIKE: f64 = 0.1;

/// Of so many readings, the last ones.
const TREMBLE_READINGS: usize = 32;

/// For so long the middle of them is taken for usual, in seconds; later it could be a queue.
const MIDDLE_SECS: f64 = 0.6;

/// How much of what they are apart is taken for noise.
const NOISE_OF_SPREAD: f64 = 1.3;

/// How much of that stands for a round trip.
const STAND_PART: f64 = 0.7;

/// How far the round trip under load may be above the shortest ever, in seconds: what radio links add by themselves.
/// Beyond that it is a queue, and somebody's.
const MOST_BY_LOAD_SECS: f64 = 0.030;

/// What is read of the delay now, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// The round trip.
    pub(super) round_trip: f64,
    /// What it is when the link carries our load and nobody queues.
    pub(super) usual: f64,
    /// The shortest known.
    pub(super) base: f64,
    /// How much it is above the usual: the lower of the last two readings.
    pub(super) excess: f64,
    /// How much it is above the usual at least, over the last round trip: what is not of a burst but stands.
    pub(super) standing: f64,
    /// How much the excess is at most within a second while nobody else is about, and how much what stands.
    pub(super) noise: f64,
    pub(super) standing_noise: f64,
}

/// The delays of all paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    paths: HashMap<u64, Path>,
    /// The path that speaks for the link: of several the one with the least excess, since a queue at a far server is not
    /// ours to mind.
    speaker: Option<u64>,
}

#[derive(Clone, Debug)]
struct Path {
    minutes: VecDeque<(u64, f64)>,
    usual: f64,
    /// Both as they were before what stayed was taken for the way.
    before_accepted: Option<(VecDeque<(u64, f64)>, f64)>,
    /// How much the readings vary while nobody else is about, and what of it stands for a round trip.
    sudden: Noise,
    standing: Noise,
    calm_secs: f64,
    /// How many seconds it was watched while nobody else was about.
    calm_times: u32,
    segments: u64,
    /// How much more each reading was than the one before, and the readings, while our window changed none; newest last.
    steps: VecDeque<(f64, f64)>,
    /// Whether they tremble.
    trembles: bool,
    /// For how long their middle was taken for usual.
    middle_secs: f64,
    /// The last readings with their times, newest last.
    recent: VecDeque<(f64, f64)>,
    heard_at: f64,
}

/// How much something varies by itself, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Noise {
    /// What is taken for it now.
    level: f64,
    /// The most of the current second.
    peak: f64,
}

impl Noise {
    fn note(&mut self, value: f64) {
        self.peak = self.peak.max(value);
    }

    /// A second is over in which nobody else was about.
    fn end_second(&mut self) {
        let peak = std::mem::take(&mut self.peak);
        // It rises slowly, or what others do would pass for noise before it is noticed.
        let step =
            if peak > self.level { (peak - self.level).min(MOST_RISE) } else { 0.3 * (peak - self.level) };
        self.level += step;
    }
}

impl Path {
    fn base(&self) -> f64 {
        self.minutes.iter().map(|(_, least)| *least).fold(f64::INFINITY, f64::min)
    }

    /// Whether it was watched for some seconds while nobody else was about, or is known as a radio link.
    fn is_known(&self) -> bool {
        self.calm_times >= 3 || self.middle_secs >= MIDDLE_SECS
    }

    /// How each step of the readings is like the one before: 1 if it is the same, -1 if it goes back.
    fn alikeness_of_steps(&self) -> f64 {
        let steps = || self.steps.iter().map(|(step, _)| step);
        let pairs: f64 = steps().zip(steps().skip(1)).map(|(one, next)| one * next).sum();
        pairs / steps().map(|step| step * step).sum::<f64>()
    }

    fn note_least(&mut self, at: f64, round_trip: f64) {
        let minute = (at / 60.0) as u64;
        match self.minutes.back_mut() {
            Some((of, least)) if *of == minute => *least = least.min(round_trip),
            _ => self.minutes.push_back((minute, round_trip)),
        }
        while self.minutes.front().is_some_and(|(of, _)| of + MINUTES as u64 <= minute)
            && self.minutes.len() > 1
        {
            self.minutes.pop_front();
        }
    }

    fn reading(&self) -> Option<Reading> {
        let newest = self.recent.back()?.1;
        let before = self.recent.iter().rev().nth(1).map_or(newest, |(_, rtt)| *rtt);
        let lower = newest.min(before);
        let newest_at = self.recent.back()?.0;
        let over = self.usual.max(0.02);
        let round = self.recent.iter().rev().take_while(|(at, _)| newest_at - at <= over);
        let standing = round.map(|(_, rtt)| *rtt).fold(f64::INFINITY, f64::min) - self.usual;
        Some(Reading {
            round_trip: newest,
            usual: self.usual,
            base: self.base(),
            excess: lower - self.usual,
            standing,
            noise: self.sudden.level,
            standing_noise: self.standing.level,
        })
    }
}

impl Delays {
    /// Takes in what the connections say at a time, in seconds; `is_even` if our own window has no part in how it changes.
    pub(super) fn take_in(&mut self, at: f64, connections: &[Connection], is_even: bool) {
        let mut fresh: HashMap<u64, (f64, u64)> = HashMap::new();
        for connection in connections {
            let Some(round_trip) = connection.round_trip else { continue };
            let of = fresh.entry(connection.path).or_insert((f64::INFINITY, 0));
            of.0 = of.0.min(round_trip.as_secs_f64());
            of.1 += connection.segments;
        }
        for (id, (round_trip, segments)) in fresh {
            let path = self.paths.entry(id).or_insert_with(|| Path {
                minutes: VecDeque::new(),
                usual: round_trip,
                before_accepted: None,
                sudden: Noise { level: UNKNOWN_NOISE * round_trip, ..Noise::default() },
                standing: Noise { level: UNKNOWN_NOISE * round_trip, ..Noise::default() },
                calm_secs: 0.0,
                calm_times: 0,
                segments: 0,
                steps: VecDeque::new(),
                trembles: false,
                middle_secs: 0.0,
                recent: VecDeque::new(),
                heard_at: at,
            });
            // The kernel's reading stands still while nothing comes.
            if segments == path.segments {
                continue;
            }
            path.segments = segments;
            path.heard_at = at;
            path.note_least(at, round_trip);
            if is_even && let Some((_, before)) = path.recent.back() {
                path.steps.push_back((round_trip - before, round_trip));
                if path.steps.len() > TREMBLE_READINGS {
                    path.steps.pop_front();
                }
            }
            path.recent.push_back((at, round_trip));
            while path.recent.front().is_some_and(|(then, _)| at - then > 6.0) {
                path.recent.pop_front();
            }
        }
        self.paths.retain(|_, path| at - path.heard_at < FORGET_SECS);
        let heard = self.paths.iter().filter(|(_, path)| at - path.heard_at < STALE_SECS);
        let excess = |path: &Path| path.reading().map_or(f64::INFINITY, |reading| reading.excess);
        self.speaker = heard.min_by(|a, b| excess(a.1).total_cmp(&excess(b.1))).map(|(id, _)| *id);
    }

    /// What is read now; `None` where nothing is heard.
    pub(super) fn reading(&self) -> Option<Reading> {
        self.paths.get(&self.speaker?)?.reading()
    }

    /// Nothing stands in the queue: what is read now is usual, and how it varies is noise.
    pub(super) fn learn_noise_of(&mut self, secs: f64) {
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return };
        let Some(reading) = path.reading() else { return };
        if reading.round_trip < path.usual {
            path.usual += (reading.round_trip - path.usual) * (secs / 0.3).min(1.0);
        }
        path.sudden.note(reading.excess);
        path.standing.note(reading.standing);
        path.calm_secs += secs;
        if path.calm_secs >= 1.0 {
            path.sudden.end_second();
            path.standing.end_second();
            path.calm_secs = 0.0;
            path.calm_times += 1;
        }
    }

    /// What was read just now was the beginning of what others do, not noise.
    pub(super) fn forget_this_second(&mut self) {
        if let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) {
            (path.sudden.peak, path.standing.peak) = (0.0, 0.0);
        }
    }

    /// What looked like others was only noise, of so much; `stood` if it did for a round trip.
    pub(super) fn learn_noise(&mut self, secs: f64, stood: bool) {
        if let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) {
            let most = if path.is_known() { MOST_BY_ALARM } else { MOST_BY_FIRST_ALARMS };
            let noise = if stood { &mut path.standing } else { &mut path.sudden };
            if path.trembles && secs > MOST_OF_TREMBLE * noise.level {
                return;
            }
            noise.level = noise.level.max(secs.min(noise.level + most).min(MOST_NOISE));
        }
    }

    /// A radio link is known by how its readings tremble: how far they are apart is noise, and their middle is usual at
    /// first, if it may be. Says whether it is one.
    pub(super) fn learn_tremble(&mut self, secs: f64, may_be_usual: bool) -> bool {
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return false };
        if path.steps.len() < TREMBLE_READINGS {
            return path.trembles;
        }
        let middle_and_high = |value: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = path.steps.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[values.len() * 9 / 10])
        };
        let (step, _) = middle_and_high(|step| step.0.abs());
        // Once known for one, it has to be much calmer not to be.
        path.trembles = if path.trembles {
            step > 0.6 * TREMBLES_SECS
        } else {
            step > TREMBLES_SECS && path.alikeness_of_steps() < MOST_ALIKE
        };
        if !path.trembles {
            return false;
        }
        let (middle, high) = middle_and_high(|step| step.1);
        let noise = (NOISE_OF_SPREAD * (high - middle)).min(MOST_NOISE);
        let most = if path.is_known() { MOST_BY_ALARM * secs } else { MOST_NOISE };
        for (of, part) in [(&mut path.sudden, 1.0), (&mut path.standing, STAND_PART)] {
            of.level = of.level.max((part * noise).min(of.level + most));
        }
        if may_be_usual && path.middle_secs < MIDDLE_SECS {
            path.middle_secs += secs;
            let most = path.base() + MOST_BY_LOAD_SECS;
            path.usual += (middle - path.usual) * (secs / 0.3).min(1.0);
            path.usual = path.usual.clamp(path.base(), most);
        }
        true
    }

    /// The queue was given time to run empty: what was read over the last so many seconds is usual.
    pub(super) fn learn_usual(&mut self, secs: f64) {
        let Some((middle, _)) = self.middle_and_least(secs) else { return };
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return };
        let most = path.base() + MOST_BY_LOAD_SECS;
        path.usual = (path.usual + 0.5 * (middle - path.usual)).clamp(path.base(), most);
    }

    /// While more comes for each byte more of window, nothing stands in a queue: what is read is the way itself.
    pub(super) fn learn_at_once(&mut self, usual: f64, noise: f64) {
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return };
        path.usual = usual.clamp(path.base(), path.base() + MOST_BY_LOAD_SECS);
        let noise = noise.min(0.15 * path.usual);
        path.sudden.level = path.sudden.level.max(noise);
        path.standing.level = path.standing.level.max(noise);
    }

    /// The middle one and the shortest of what was read over the last so many seconds.
    pub(super) fn middle_and_least(&self, secs: f64) -> Option<(f64, f64)> {
        let path = self.paths.get(&self.speaker?)?;
        let last = path.recent.back()?.0;
        let mut readings: Vec<f64> =
            path.recent.iter().rev().take_while(|(at, _)| last - at <= secs).map(|(_, rtt)| *rtt).collect();
        readings.sort_by(f64::total_cmp);
        Some((*readings.get(readings.len() / 2)?, *readings.first()?))
    }

    /// Sets what is usual anew where it has been the same for that long, by no more than that, in seconds; says whether it has.
    pub(super) fn accept_if_steady(&mut self, at: f64, secs: f64) -> bool {
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return false };
        let readings: Vec<f64> =
            path.recent.iter().filter(|(then, _)| at - then <= secs).map(|(_, rtt)| *rtt).collect();
        let is_long = path.recent.front().is_some_and(|(then, _)| at - then > 0.9 * secs);
        let least = readings.iter().copied().fold(f64::INFINITY, f64::min);
        let most = readings.iter().copied().fold(0.0, f64::max);
        // A little above what is known it may vary as radio links do; far above it has to stand still.
        let noise = if path.is_known() { 2.0 * path.sudden.level } else { 0.009 };
        let may_vary = 0.003 + if most < path.base() + MOST_BY_LOAD_SECS { noise } else { 0.0 };
        if !is_long || readings.len() < 10 || most - least > may_vary {
            return false;
        }
        path.before_accepted = Some((std::mem::take(&mut path.minutes), path.usual));
        path.note_least(at, least);
        path.usual = f64::midpoint(least, most);
        path.sudden.level = path.sudden.level.max(0.5 * (most - least));
        path.standing.level = path.standing.level.max(0.5 * (most - least));
        true
    }

    /// What was accepted last was not the way after all: what was usual before is so again. False where nothing was.
    pub(super) fn take_back_accepted(&mut self) -> bool {
        let Some(path) = self.speaker.and_then(|id| self.paths.get_mut(&id)) else { return false };
        let Some((minutes, usual)) = path.before_accepted.take() else { return false };
        (path.minutes, path.usual) = (minutes, usual);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What is known of a way on which every reading is so much above or below the one before, in milliseconds.
    fn known(step_ms: u64) -> Delays {
        let mut delays = Delays::default();
        for tick in 0..400 {
            let connection = Connection {
                path: 1,
                round_trip: Some(Duration::from_millis(30 + step_ms * (tick % 3))),
                handshake: Duration::from_millis(30),
                segments: tick,
            };
            delays.take_in(0.01 * tick as f64, &[connection], true);
            delays.learn_tremble(0.01, true);
            delays.learn_noise_of(0.01);
        }
        delays
    }

    #[test]
    fn waves_are_not_the_trembling_of_a_radio_link() {
        // Both go as far from one reading to the next.
        let wave = [30, 31, 32, 33, 34, 33, 32, 31];
        let tremble = [30, 31, 31, 32, 31, 30, 31, 30];
        for (readings_ms, is_radio) in [(wave, false), (tremble, true)] {
            let mut delays = Delays::default();
            for (tick, round_trip_ms) in readings_ms.into_iter().cycle().take(200).enumerate() {
                let connection = Connection {
                    path: 1,
                    round_trip: Some(Duration::from_millis(round_trip_ms)),
                    handshake: Duration::from_millis(30),
                    segments: tick as u64,
                };
                delays.take_in(0.01 * tick as f64, &[connection], true);
            }
            assert_eq!(delays.learn_tremble(0.01, true), is_radio, "{readings_ms:?}");
        }
    }

    #[test]
    fn on_a_radio_link_what_is_far_above_its_trembling_was_not_noise() {
        for (step_ms, is_radio) in [(0, false), (4, true)] {
            let mut delays = known(step_ms);
            let standing = |delays: &Delays| delays.reading().unwrap().standing_noise;
            let before = standing(&delays);
            assert_eq!(delays.learn_tremble(0.0, false), is_radio);
            delays.learn_noise(0.030, true);
            assert_eq!(standing(&delays) > before, !is_radio, "{before} {}", standing(&delays));
            let before = standing(&delays);
            delays.learn_noise(1.5 * before, true);
            assert!(standing(&delays) > before, "{before}");
        }
    }
}
