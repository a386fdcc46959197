//! The arithmetic behind the speed graphs: which samples are seen, where pauses are, what a nice axis is.

use crate::engine::{LinkSample, RateSample, SAMPLE_SECS};

/// One point of a graph over time.
pub(super) trait Sample {
    /// When, in samples since the engine started.
    fn at(&self) -> u64;
    /// The cap in force then, in bytes per second.
    fn cap_bps(&self) -> Option<f32>;
}

impl Sample for RateSample {
    fn at(&self) -> u64 {
        self.at
    }

    fn cap_bps(&self) -> Option<f32> {
        self.cap_bps
    }
}

impl Sample for LinkSample {
    fn at(&self) -> u64 {
        self.at
    }

    fn cap_bps(&self) -> Option<f32> {
        self.cap_bps
    }
}

/// The samples from `from` on, cut where some are missing: a pause is a gap, not a line across it.
pub(super) fn runs<T: Sample>(history: &[T], from: u64) -> Vec<&[T]> {
    let start = history.partition_point(|sample| sample.at() < from);
    history[start..].chunk_by(|a, b| b.at() <= a.at() + 1).collect()
}

/// The samples of a run that share a point, where so many do. Cut at fixed places, or the picture would shimmer as time
/// goes on.
pub(super) fn points<T: Sample>(run: &[T], per_point: u64) -> impl Iterator<Item = &[T]> {
    run.chunk_by(move |a, b| a.at() / per_point == b.at() / per_point)
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl IntoIterator<Item = f32>) -> Option<f32> {
    let (mut sum, mut number) = (0.0_f64, 0_u32);
    for value in values {
        sum += f64::from(value);
        number += 1;
    }
    (number > 0).then(|| (sum / f64::from(number)) as f32)
}

/// How many samples there are in so many seconds.
pub(super) const fn samples_in(secs: u32) -> u64 {
    (secs as f32 / SAMPLE_SECS) as u64
}

/// The top of an axis that shows `peak` bytes per second: a round number of KiB, MiB… with some air.
pub(super) fn axis_top(peak: f32) -> f32 {
    let wanted = f64::from(peak.max(1024.0)) * 1.05;
    // KiB, MiB and GiB are 1024 apart, and within each the steps are the decimal ones people read easily.
    let mut unit = 1024.0;
    while wanted > 800.0 * unit {
        unit *= 1024.0;
    }
    for step in [1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0, 400.0, 600.0, 800.0] {
        if step * unit >= wanted {
            return (step * unit) as f32;
        }
    }
    (1024.0 * unit) as f32
}

/// The axis' top for `peak`, given the one shown now: it grows at once but shrinks only when little of it is
/// used, so that the picture does not jump with every sample.
pub(super) fn steady_top(shown: Option<f32>, peak: f32) -> f32 {
    match shown {
        Some(top) if peak <= top && peak > top * 0.3 => top,
        _ => axis_top(peak),
    }
}

/// `10 MiB/s` for a line of the axis: no more digits than it needs.
pub(super) fn axis_label(bytes_per_sec: f32) -> String {
    let mut value = f64::from(bytes_per_sec) / 1024.0;
    let mut unit = 0;
    let units = ["KiB/s", "MiB/s", "GiB/s", "TiB/s"];
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract().abs() < 0.05 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: u64) -> RateSample {
        RateSample { at, rate_bps: 10.0, cap_bps: None }
    }

    #[test]
    fn missing_samples_are_gaps() {
        let history = [at(1), at(2), at(3), at(7), at(8), at(20)];
        let lengths = |from| runs(&history, from).iter().map(|run| run.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), [3, 2, 1]);
        assert_eq!(lengths(3), [1, 2, 1]);
        assert!(lengths(21).is_empty());
        assert!(runs::<RateSample>(&[], 0).is_empty());
    }

    #[test]
    fn axes_end_at_round_numbers() {
        let table = [
            (0.0, "2 KiB/s"),
            (1500.0 * 1024.0, "2 MiB/s"),
            (950.0 * 1024.0, "1 MiB/s"),
            (3.3 * 1_048_576.0, "4 MiB/s"),
            (48.0 * 1_048_576.0, "60 MiB/s"),
        ];
        for (peak, label) in table {
            assert_eq!(axis_label(axis_top(peak)), label, "{peak}");
        }
        for exponent in 0..60 {
            let peak = 1.7_f32.powi(exponent);
            assert!(axis_top(peak) >= peak, "{peak}");
        }
    }

    #[test]
    fn the_axis_holds_still() {
        let top = axis_top(3.0e6);
        assert_eq!(steady_top(Some(top), 3.1e6).to_bits(), top.to_bits());
        assert_eq!(steady_top(Some(top), 1.5e6).to_bits(), top.to_bits(), "not yet smaller");
        assert!(steady_top(Some(top), 9.0e6) > top);
        assert!(steady_top(Some(top), 0.2e6) < top);
    }

    #[test]
    fn half_seconds_are_counted() {
        assert_eq!(samples_in(60), 120);
        assert_eq!(samples_in(600), 1200);
    }
}
