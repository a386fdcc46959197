//! Caps as token buckets: exact over every second, from the first one.

use std::time::{Duration, Instant};

use super::sockets::Path;
use crate::job::Rate;

/// How much unused allowance is kept, as time: enough for a timer that fires late, too little for a burst. (At 100 KiB/s it is
/// two segments of the seventy of a second; with 50 ms it was nearly four.)
const SLACK: Duration = Duration::from_millis(30);

/// An unused allowance of this much, as time, means that nobody wants it.
const SPARE: Duration = Duration::from_millis(25);

/// How much may arrive ahead of its turn, as time: a few ticks of the timer. More would make larger segments on
/// loopback, and one-second counts rougher.
const AHEAD: Duration = Duration::from_millis(5);

/// The window in bytes a new connection is held to until its first answer. A sender fills no more in its first
/// round trip (RFC 6928), and what is not capped is then let go.
pub const FIRST_WINDOW: usize = 16 * 1024;

/// Some ordinary segments: a sender with room for less than two waits for delayed acknowledgements, and with few the buffer
/// is full before the window is.
const LEAST_WINDOW: usize = 4 * 1448;

/// Of so many segments in a round trip, one makes no difference.
const FEW_SEGMENTS: usize = 8;

/// What was read is ahead of its cap when it is that for so much of a round trip, and when for so many it is far ahead. (Two
/// segments of every round trip are read at once, and at 100 KiB/s over 30 ms that is 0.94 of one.)
const BARELY_AHEAD: f64 = 0.7;
const LONG_AHEAD: f64 = 2.0;

/// A cap that is paid after the fact: what has arrived is booked, and whoever received it waits until it is paid
/// for. It starts empty, so the first second holds no burst. Several may share one: each waits for its own
/// [`Place`] in the line of bookings, so they take turns and nobody is left out. Who has had more than its share
/// waits for what the others leave ([`Bucket::wait_for_spare`]).
#[derive(Debug)]
pub struct Bucket {
    rate: Option<Rate>,
    /// Bytes that may arrive now; below zero, what has arrived too early.
    balance_bytes: f64,
    /// All bytes ever booked.
    booked_bytes: f64,
    updated: Instant,
}

/// A place in the line of bookings.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Place(f64);

impl Bucket {
    /// A bucket for that rate; `None` never makes anybody wait.
    #[must_use]
    pub const fn new(rate: Option<Rate>, now: Instant) -> Self {
        Self { rate, balance_bytes: 0.0, booked_bytes: 0.0, updated: now }
    }

    /// The rate in force.
    #[must_use]
    pub const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Changes the rate at once. What was booked stays booked, so a change makes no burst.
    pub fn set_rate(&mut self, rate: Option<Rate>, now: Instant) {
        self.refill(now);
        if self.rate.is_none() || rate.is_none() {
            self.balance_bytes = 0.0;
        }
        self.rate = rate;
    }

    /// Books bytes that have arrived; the place they have in the line.
    pub fn book(&mut self, bytes: usize, now: Instant) -> Place {
        self.refill(now);
        if self.rate.is_some() {
            self.balance_bytes -= bytes as f64;
            self.booked_bytes += bytes as f64;
        }
        Place(self.booked_bytes)
    }

    /// How long to wait until everything up to a place is paid for; `None` if it is.
    pub fn wait(&mut self, place: Place, now: Instant) -> Option<Duration> {
        self.refill(now);
        let rate = self.rate?.bytes_per_sec() as f64;
        let owed_bytes = place.0 - (self.booked_bytes + self.balance_bytes);
        // Never nothing, however small the debt: time must pass for it to be paid.
        (owed_bytes > 0.0).then(|| Duration::from_secs_f64(owed_bytes / rate).max(Duration::from_micros(1)))
    }

    /// How long to wait until there is allowance nobody else has asked for; `None` if there is some now.
    pub fn wait_for_spare(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        let rate = self.rate?.bytes_per_sec() as f64;
        let missing_secs = SPARE.as_secs_f64() - self.balance_bytes / rate;
        (missing_secs > 0.0).then(|| Duration::from_secs_f64(missing_secs).max(Duration::from_micros(1)))
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        if let Some(rate) = self.rate {
            let rate = rate.bytes_per_sec() as f64;
            let most = rate * SLACK.as_secs_f64();
            self.balance_bytes = (self.balance_bytes + rate * passed).min(most);
        }
    }
}

/// The window in bytes to hold a connection to, so that `rate` gets through on its path and no more than a moment
/// ahead. `offered_bytes` is the largest it was held to before.
///
/// A sender makes no segments larger than half of the largest window it was ever offered, and sends nothing while less
/// than a segment fits (Linux `tcp_bound_to_half_wnd`, `tcp_snd_wnd_test`): a smaller window would stall it. That
/// matters on loopback, where segments have 64 KiB.
#[must_use]
pub fn window_for(rate: Rate, path: Path, offered_bytes: usize) -> usize {
    let segment = path.segment_bytes.min(offered_bytes.max(2 * FIRST_WINDOW));
    // The kernel offers between all and twice what it is asked for; only the first window is known to fit exactly.
    let room = if segment <= 2 * FIRST_WINDOW { segment.div_ceil(2) } else { segment };
    bytes_under_way(rate, path).max(room).max(LEAST_WINDOW)
}

/// What the kernel is to offer of that window, exactly, in bytes: what is no whole segment is worth nothing, and with less
/// than two the acknowledgement of each is delayed. Below a low cap there is room for few segments in a round trip, and one
/// is the difference between too little and too much: `ahead`, for how long what was read is ahead of the cap, says which.
#[must_use]
pub fn offer_for(rate: Rate, path: Path, ahead: Duration) -> usize {
    let in_time = rate.bytes_per_sec() as f64 * (path.round_trip + AHEAD).as_secs_f64();
    let even = ((in_time / path.segment_bytes as f64) as usize).max(2);
    let more = bytes_under_way(rate, path) / path.segment_bytes;
    let segments = match ahead.div_duration_f64(path.round_trip.max(2 * AHEAD)) {
        _ if even > FEW_SEGMENTS => more,
        rounds if rounds > LONG_AHEAD => 1,
        rounds if rounds > BARELY_AHEAD => even,
        _ => more.max(even + 1),
    };
    segments * path.segment_bytes
}

/// A little more than comes in a round trip: what is let in beyond that waits here and comes in lumps.
fn bytes_under_way(rate: Rate, path: Path) -> usize {
    let ahead = AHEAD.as_secs_f64() + 1.25 * path.round_trip.as_secs_f64();
    (rate.bytes_per_sec() as f64 * ahead) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(bytes_per_sec: u64) -> Option<Rate> {
        Rate::from_bytes_per_sec(bytes_per_sec)
    }

    /// Receives chunks as fast as the bucket lets it, on a fake clock; returns when each byte count came.
    fn receive(rate_bps: u64, chunk: usize, late: Duration, secs: u64) -> Vec<(Duration, usize)> {
        let start = Instant::now();
        let mut now = start;
        let mut bucket = Bucket::new(rate(rate_bps), now);
        let mut place = Place::default();
        let mut came = Vec::new();
        while now - start < Duration::from_secs(secs) {
            if let Some(wait) = bucket.wait(place, now) {
                now += wait + late;
            } else {
                place = bucket.book(chunk, now);
                came.push((now - start, chunk));
            }
        }
        came
    }

    proptest! {
        #[test]
        fn every_second_stays_within_five_percent(
            rate_bps in 100_000_u64..1_000_000_000,
            late_ms in 0_u64..5,
        ) {
            let chunk = (rate_bps / 60) as usize;
            let came = receive(rate_bps, chunk, Duration::from_millis(late_ms), 6);
            let between = |from: u64, to: u64| -> f64 {
                came.iter()
                    .filter(|(at, _)| at.as_millis() >= u128::from(from) && at.as_millis() < u128::from(to))
                    .map(|(_, bytes)| *bytes as f64)
                    .sum()
            };
            prop_assert!(between(0, 1000) <= rate_bps as f64 * 1.1);
            for from in (1000..5000).step_by(100) {
                let share = between(from, from + 1000) / rate_bps as f64;
                prop_assert!((0.95..=1.05).contains(&share), "{share} from {from} ms");
            }
        }
    }

    #[test]
    fn a_lifted_cap_is_felt_at_once_and_a_new_one_makes_no_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::new(rate(1000), now);
        let place = bucket.book(10_000, now);
        assert_eq!(bucket.wait(place, now), Some(Duration::from_secs(10)));
        bucket.set_rate(rate(100_000), now);
        assert_eq!(bucket.wait(place, now), Some(Duration::from_millis(100)));
        bucket.set_rate(None, now);
        assert_eq!(bucket.wait(place, now), None);
        bucket.book(1_000_000, now);
        bucket.set_rate(rate(1000), now + Duration::from_hours(1));
        let place = bucket.book(1000, now + Duration::from_hours(1));
        assert_eq!(bucket.wait(place, now + Duration::from_hours(1)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(rate(1000), now);
        bucket.book(1000, now);
        let place = bucket.book(1000, now.checked_sub(Duration::from_secs(5)).unwrap());
        assert_eq!(bucket.wait(place, now), Some(Duration::from_secs(2)));
    }

    #[test]
    fn below_a_low_cap_a_segment_more_or_less_is_offered_by_what_is_paid_ahead() {
        for (bytes_per_sec, round_trip_ms, ahead_ms, segments) in [
            // 2.1 segments in a round trip.
            (102_400, 30, 0, 3),
            (102_400, 30, 20, 3),
            (102_400, 30, 25, 2),
            (102_400, 30, 60, 2),
            (102_400, 30, 300, 1),
            // 0.07, and 21.7.
            (102_400, 1, 0, 3),
            (102_400, 1, 14, 2),
            (102_400, 1, 300, 1),
            (1_048_576, 30, 0, 30),
            (1_048_576, 30, 25, 30),
        ] {
            let path = Path { round_trip: Duration::from_millis(round_trip_ms), segment_bytes: 1448 };
            let offer = offer_for(rate(bytes_per_sec).unwrap(), path, Duration::from_millis(ahead_ms));
            assert_eq!(
                offer,
                segments * 1448,
                "{bytes_per_sec} B/s, {round_trip_ms} ms, {ahead_ms} ms ahead"
            );
        }
    }

    #[test]
    fn those_who_share_a_cap_take_turns() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(1000), start);
        let mut places = [Place::default(); 3];
        let mut got = [0; 3];
        let mut now = start;
        while now - start < Duration::from_mins(1) {
            // The first in the list always wakes first, as with timers of one runtime.
            for (place, got) in places.iter_mut().zip(&mut got) {
                if bucket.wait(*place, now).is_none() {
                    *place = bucket.book(100, now);
                    *got += 100;
                }
            }
            now += places.iter().filter_map(|place| bucket.wait(*place, now)).min().unwrap();
        }
        assert!(got.iter().all(|got| (19_800..=20_300).contains(got)), "{got:?}");
    }
}
