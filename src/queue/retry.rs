//! When to try again after a transient fault.

use std::time::Duration;

/// The first delay, and the shortest BITS allows (bits.md 4.1).
const FIRST: Duration = Duration::from_secs(5);

/// How much of a delay is left to chance, so that many jobs do not come back at the same moment.
const JITTER: f64 = 0.2;

/// The delay before the next try after that many faults in a row: 5 s, doubling up to `longest`. `chance` is
/// from 0 to 1 and moves it within ±10 %. A delay the server asked for is kept to where it is longer.
#[must_use]
pub fn retry_delay(
    faults_in_a_row: u32,
    asked: Option<Duration>,
    longest: Duration,
    chance: f64,
) -> Duration {
    let doublings = faults_in_a_row.saturating_sub(1).min(16);
    let delay = FIRST.saturating_mul(1 << doublings).min(longest.max(FIRST));
    let delay = delay.mul_f64(1.0 + JITTER * (chance.clamp(0.0, 1.0) - 0.5));
    asked.map_or(delay, |asked| delay.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_mins(10);

    #[test]
    fn delays_double_up_to_the_longest() {
        let secs: Vec<u64> =
            (0..10).map(|faults| retry_delay(faults, None, LONGEST, 0.5).as_secs()).collect();
        assert_eq!(secs, [5, 5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(retry_delay(u32::MAX, None, LONGEST, 0.5), LONGEST);
        assert_eq!(retry_delay(9, None, Duration::from_secs(30), 0.5), Duration::from_secs(30));
        assert_eq!(retry_delay(9, None, Duration::ZERO, 0.5), FIRST);
    }

    #[test]
    fn chance_and_the_server_move_it() {
        assert_eq!(retry_delay(1, None, LONGEST, 0.0), Duration::from_millis(4500));
        assert_eq!(retry_delay(1, None, LONGEST, 1.0), Duration::from_millis(5500));
        assert_eq!(retry_delay(1, Some(Duration::from_mins(2)), LONGEST, 0.5), Duration::from_mins(2));
        assert_eq!(retry_delay(9, Some(Duration::from_secs(1)), LONGEST, 0.5), LONGEST);
    }
}
