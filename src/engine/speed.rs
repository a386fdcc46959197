//! How fast a job is, how fast it has been, and when it will be finished. Pure: time is passed in.

use std::sync::Arc;
use std::time::Duration;

use super::{RateSample, SAMPLE_SECS, SAMPLES};

/// Over what time the speed that is shown is averaged, in seconds: quick to follow, calm enough to read.
const SHOWN_SECS: f64 = 1.5;

/// Over what time the speed behind the time left is averaged, in seconds: it must not jump.
const STEADY_SECS: f64 = 12.0;

/// How many samples too many are dropped in one go, so that the rest is not moved along twice a second.
const AT_ONCE: usize = SAMPLES / 8;

/// The speed of one job.
#[derive(Debug, Default)]
pub(super) struct Speed {
    last: Option<(Duration, u64)>,
    shown: Average,
    steady: Average,
    history: Arc<Vec<RateSample>>,
}

impl Speed {
    /// Takes in how many bytes have arrived in all at a time since the engine started, and the cap in force.
    pub(super) fn measure(&mut self, at: Duration, arrived: u64, cap_bps: Option<f32>) {
        let Some((before, arrived_before)) = self.last.replace((at, arrived)) else { return };
        let secs = at.saturating_sub(before).as_secs_f64();
        if secs <= 0.0 {
            return;
        }
        // A file that starts over has fewer bytes than before: that is no speed.
        let rate_bps = arrived.saturating_sub(arrived_before) as f64 / secs;
        self.shown.add(rate_bps, secs, SHOWN_SECS);
        self.steady.add(rate_bps, secs, STEADY_SECS);
        // Rounded: a sample that is late by less than half of its time has still the number it was meant to have.
        let number = (at.as_secs_f64() / f64::from(SAMPLE_SECS)).round() as u64;
        let history = Arc::make_mut(&mut self.history);
        if history.len() >= SAMPLES + AT_ONCE {
            history.drain(..AT_ONCE);
        }
        history.push(RateSample { at: number, rate_bps: rate_bps as f32, cap_bps });
    }

    /// The job rests: what comes next is not connected with what was.
    pub(super) fn rest(&mut self) {
        let history = std::mem::take(&mut self.history);
        *self = Self { history, ..Self::default() };
    }

    /// Bytes per second now.
    pub(super) fn rate_bps(&self) -> u64 {
        self.shown.value as u64
    }

    /// Seconds that many bytes will take.
    pub(super) fn secs_for(&self, bytes: u64) -> Option<u64> {
        (self.steady.value >= 1.0).then(|| (bytes as f64 / self.steady.value).ceil() as u64)
    }

    /// The samples, oldest first.
    pub(super) const fn history(&self) -> &Arc<Vec<RateSample>> {
        &self.history
    }
}

/// An average that forgets; a plain one until it has something to forget.
#[derive(Debug, Default)]
struct Average {
    value: f64,
    secs: f64,
}

impl Average {
    fn add(&mut self, value: f64, secs: f64, over_secs: f64) {
        self.secs = (self.secs + secs).min(over_secs.max(secs));
        self.value += (value - self.value) * (secs / self.secs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(halves: u64) -> Duration {
        Duration::from_millis(500 * halves)
    }

    #[test]
    fn a_steady_transfer_shows_its_speed_at_once_and_its_time_left() {
        let mut speed = Speed::default();
        for half in 0..3 {
            speed.measure(at(half), half * 500, None);
        }
        assert_eq!(speed.rate_bps(), 1000);
        assert_eq!(speed.secs_for(5500), Some(6));
        assert_eq!(speed.history().iter().map(|sample| sample.at).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_rest_leaves_a_gap_and_no_peak() {
        let mut speed = Speed::default();
        speed.measure(at(0), 0, None);
        speed.measure(at(1), 500, None);
        speed.rest();
        assert_eq!((speed.rate_bps(), speed.secs_for(1)), (0, None));
        speed.measure(at(100), 9000, None);
        speed.measure(at(101), 9500, None);
        assert_eq!(speed.rate_bps(), 1000);
        assert_eq!(speed.history().iter().map(|sample| sample.at).collect::<Vec<_>>(), [1, 101]);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut speed = Speed::default();
        for half in 0..3 * SAMPLES as u64 {
            speed.measure(at(half), half, None);
        }
        assert!((SAMPLES..=SAMPLES + AT_ONCE).contains(&speed.history().len()));
        assert_eq!(speed.history().last().map(|sample| sample.at), Some(3 * SAMPLES as u64 - 1));
    }
}
