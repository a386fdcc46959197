//! The clock on the wall: alarms at a time of day, and the local week.
//!
//! A timer of the runtime counts how long something takes: it stands still while the machine sleeps and does not
//! see the clock being set. The timetable is about the time of day, so its alarms are the kernel's own
//! (timerfd_create(2) on CLOCK_REALTIME), which cost nothing while they wait.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

use crate::job::MinuteOfWeek;

/// Why an alarm went off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The time has come.
    Reached,
    /// The time of day jumped: the clock was set, the machine woke up, or daylight saving began or ended. Whatever
    /// was made of the time of day is to be looked at anew.
    Jumped,
}

/// Waits until the clock on the wall shows that many seconds since 1970, or until the time of day jumps. A time
/// that has passed is reached at once; one that lies beyond all times never is. Dropping it gives the alarm up.
/// Needs a tokio runtime with I/O and time.
///
/// Where the kernel gives no such alarm this is a plain sleep, which notices neither the clock being set nor the
/// machine waking up before it ends.
pub async fn until(unix_secs: u64) -> Alarm {
    let (stop, then) = next_stop(&TimeZone::system(), now().as_secs(), unix_secs);
    let rung = match kernel_alarm(stop) {
        Ok(timer) => rings(timer).await,
        Err(error) => Err(error),
    };
    match rung {
        Ok(Alarm::Jumped) => Alarm::Jumped,
        Ok(Alarm::Reached) => then,
        Err(error) => {
            tracing::debug!(%error, "the kernel gives no wall clock alarm; a plain sleep has to do");
            sleep_until(stop, now).await;
            then
        }
    }
}

/// How long there is to wait in one go for a time, and what it means when that has come.
fn next_stop(zone: &TimeZone, now_secs: u64, unix_secs: u64) -> (u64, Alarm) {
    match next_jump(zone, now_secs) {
        Some(jump) if jump < unix_secs => (jump, Alarm::Jumped),
        _ => (unix_secs, Alarm::Reached),
    }
}

/// The time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn kernel_alarm(unix_secs: u64) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Realtime, flags)?;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    // All zeros would take the alarm back; the second after is as long ago.
    let at = Timespec { tv_sec: i64::try_from(unix_secs).unwrap_or(i64::MAX).max(1), tv_nsec: 0 };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    match rustix::time::timerfd_settime(&timer, flags, &Itimerspec { it_interval: zero, it_value: at }) {
        // The clock was set just now, and the alarm goes by it.
        #[expect(
            deprecated,
            reason = "it is unsound for types that change their descriptor meanwhile; this one keeps its own, and the \
                      function for the others is unsafe"
        )]
        Ok(_) | Err(Errno::CANCELED) => AsyncFd::new(timer),
        Err(error) => Err(error.into()),
    }
}

async fn rings(timer: AsyncFd<OwnedFd>) -> io::Result<Alarm> {
    loop {
        let mut ready = timer.readable().await?;
        if let Some(alarm) = meaning(rustix::io::read(timer.get_ref(), &mut [0_u8; 8]))? {
            return Ok(alarm);
        }
        ready.clear_ready();
    }
}

/// What it means when the alarm's descriptor was read (timerfd_create(2)); `None`: it has not gone off yet.
fn meaning(read: Result<usize, Errno>) -> Result<Option<Alarm>, Errno> {
    match read {
        Ok(_) => Ok(Some(Alarm::Reached)),
        Err(Errno::CANCELED) => Ok(Some(Alarm::Jumped)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sleeps until `now` (the time since 1970) has reached that many seconds.
async fn sleep_until(unix_secs: u64, now: impl Fn() -> Duration) {
    let target = Duration::from_secs(unix_secs);
    while let Some(left) = target.checked_sub(now()).filter(|left| !left.is_zero()) {
        tokio::time::sleep(left).await;
    }
}

/// Where in the local week of the system's zone (`TZ`, else `/etc/localtime`; a new one is noticed within minutes)
/// that many seconds since 1970 are.
#[must_use]
pub fn local_minute_of_week(unix_secs: u64) -> MinuteOfWeek {
    minute_of_week(&TimeZone::system(), unix_secs)
}

/// The moment at which the local week will be that many minutes on, in seconds since 1970; for what a rule about
/// the local week says comes in so many minutes.
///
/// That is not so many times sixty seconds where daylight saving begins or ends on the way. A minute that is left
/// out comes when the clock jumps over it; of one that comes twice the first that has not passed counts.
#[must_use]
pub fn when_local_week_is_later(unix_secs: u64, minutes: u16) -> u64 {
    when_later(&TimeZone::system(), unix_secs, minutes)
}

fn timestamp(unix_secs: u64) -> Timestamp {
    i64::try_from(unix_secs).ok().and_then(|secs| Timestamp::from_second(secs).ok()).unwrap_or(Timestamp::MAX)
}

fn minute_of_week(zone: &TimeZone, unix_secs: u64) -> MinuteOfWeek {
    let local = zone.to_datetime(timestamp(unix_secs));
    let day = local.weekday().to_monday_zero_offset().unsigned_abs();
    MinuteOfWeek::of_day(day, minute_of_day(local.time()))
}

fn minute_of_day(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

/// The next time the zone's offset changes.
fn next_jump(zone: &TimeZone, unix_secs: u64) -> Option<u64> {
    let now = timestamp(unix_secs);
    let before = zone.to_offset(now);
    // A zone's rules may also change in name only, which is no jump.
    let jump = zone.following(now).take(8).find(|change| change.offset() != before)?;
    u64::try_from(jump.timestamp().as_second()).ok()
}

fn when_later(zone: &TimeZone, unix_secs: u64, minutes: u16) -> u64 {
    let now = timestamp(unix_secs);
    let local = zone.to_datetime(now);
    let to_the_minute = SignedDuration::from_secs(i64::from(local.second()));
    let target: DateTime =
        local.saturating_sub(to_the_minute).saturating_add(SignedDuration::from_mins(minutes.into()));
    let at = |offset: jiff::tz::Offset| offset.to_timestamp(target).unwrap_or(Timestamp::MAX);
    let moment = match zone.to_ambiguous_timestamp(target).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => {
            Some(at(before)).filter(|first| *first > now).unwrap_or_else(|| at(after))
        }
        // By the new offset the minute is before the jump.
        AmbiguousOffset::Gap { after, .. } => {
            let jump = zone.following(at(after)).next();
            jump.map_or_else(|| at(after), |jump| jump.timestamp())
        }
    };
    u64::try_from(moment.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;

    /// Central Europe; on 2026-03-29 it went from 02:00 to 03:00 and on 2026-10-25 from 03:00 to 02:00, at 01:00 UTC.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn unix(utc: &str) -> u64 {
        utc.parse::<Timestamp>().unwrap().as_second().try_into().unwrap()
    }

    fn week(day: u8, hour: u16, minute: u16) -> MinuteOfWeek {
        MinuteOfWeek::of_day(day, hour * 60 + minute)
    }

    #[test]
    fn the_local_week() {
        let table = [
            ("2026-01-05T00:00:00Z", TimeZone::UTC, week(0, 0, 0)),
            ("2026-01-05T00:00:59Z", TimeZone::UTC, week(0, 0, 0)),
            ("2026-01-04T23:59:59Z", TimeZone::UTC, week(6, 23, 59)),
            ("1970-01-01T00:00:00Z", TimeZone::UTC, week(3, 0, 0)),
            ("2026-01-04T23:30:00Z", berlin(), week(0, 0, 30)),
            ("2026-07-05T22:00:00Z", berlin(), week(0, 0, 0)),
            ("2026-03-29T00:59:59Z", berlin(), week(6, 1, 59)),
            ("2026-03-29T01:00:00Z", berlin(), week(6, 3, 0)),
            ("2026-10-25T00:59:59Z", berlin(), week(6, 2, 59)),
            ("2026-10-25T01:00:00Z", berlin(), week(6, 2, 0)),
            ("2026-01-05T00:00:00Z", TimeZone::posix("IST-5:30").unwrap(), week(0, 5, 30)),
            ("2026-01-05T00:00:00Z", TimeZone::posix("PST8").unwrap(), week(6, 16, 0)),
        ];
        for (utc, zone, minute) in table {
            assert_eq!(minute_of_week(&zone, unix(utc)), minute, "{utc}");
        }
    }

    #[test]
    fn so_many_minutes_of_the_week_on() {
        let table = [
            ("2026-01-05T07:00:20Z", 30, "2026-01-05T07:30:00Z"),
            ("2026-01-05T07:00:20Z", 1, "2026-01-05T07:01:00Z"),
            // Saturday 22:00 to Sunday 08:00 while an hour is left out, and while one comes twice.
            ("2026-03-28T21:00:00Z", 600, "2026-03-29T06:00:00Z"),
            ("2026-10-24T20:00:00Z", 600, "2026-10-25T07:00:00Z"),
            // 01:30 to 02:30, which is left out: at the jump.
            ("2026-03-29T00:30:00Z", 60, "2026-03-29T01:00:00Z"),
            ("2026-03-29T00:30:00Z", 30, "2026-03-29T01:00:00Z"),
            ("2026-03-29T00:30:00Z", 90, "2026-03-29T01:00:00Z"),
            ("2026-03-29T00:30:00Z", 91, "2026-03-29T01:01:00Z"),
            // 01:30 to 02:30, which comes twice: the first time; from there to 02:40, and once more.
            ("2026-10-24T23:30:00Z", 60, "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", 10, "2026-10-25T00:40:00Z"),
            ("2026-10-25T01:30:00Z", 10, "2026-10-25T01:40:00Z"),
            // 02:30, the first time, to 04:00.
            ("2026-10-25T00:30:00Z", 90, "2026-10-25T03:00:00Z"),
        ];
        for (from, minutes, to) in table {
            let found = timestamp(when_later(&berlin(), unix(from), minutes));
            assert_eq!(found.to_string(), to, "{from} + {minutes}");
        }
    }

    #[test]
    fn jumps_are_foreseen() {
        let winter = unix("2026-01-05T00:00:00Z");
        let spring = unix("2026-03-29T01:00:00Z");
        assert_eq!(next_jump(&berlin(), winter), Some(spring));
        assert_eq!(next_jump(&berlin(), spring - 1), Some(spring));
        assert_eq!(next_jump(&berlin(), spring), Some(unix("2026-10-25T01:00:00Z")));
        assert_eq!(next_jump(&TimeZone::UTC, winter), None);
        assert_eq!(next_stop(&berlin(), winter, spring - 1), (spring - 1, Alarm::Reached));
        assert_eq!(next_stop(&berlin(), winter, spring), (spring, Alarm::Reached));
        assert_eq!(next_stop(&berlin(), winter, spring + 1), (spring, Alarm::Jumped));
        assert_eq!(next_stop(&berlin(), spring, spring + 1), (spring + 1, Alarm::Reached));
    }

    proptest! {
        #[test]
        fn the_moment_shows_the_minute_or_has_just_skipped_it(
            from in 1_700_000_000_u64..2_000_000_000, minutes in 1_u16..MinuteOfWeek::COUNT,
        ) {
            let zone = berlin();
            let target = minute_of_week(&zone, from).later(minutes);
            let moment = when_later(&zone, from, minutes);
            prop_assert!(moment > from);
            let skipped = minute_of_week(&zone, moment - 1).until(target) <= 60
                && target.until(minute_of_week(&zone, moment)) <= 60;
            prop_assert!(minute_of_week(&zone, moment) == target || skipped);
        }

        #[test]
        fn no_time_makes_it_panic(from in any::<u64>(), minutes in any::<u16>()) {
            for zone in [berlin(), TimeZone::UTC, TimeZone::system()] {
                let _ = (minute_of_week(&zone, from), when_later(&zone, from, minutes), next_jump(&zone, from));
            }
        }
    }

    /// An alarm that does not go off is a failure, and not a test without an end.
    async fn soon<T>(alarm: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), alarm).await.expect("the alarm to go off")
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_reached_at_once() {
        for unix_secs in [0, 1, now().as_secs()] {
            assert_eq!(soon(until(unix_secs)).await, Alarm::Reached);
        }
    }

    #[tokio::test]
    async fn the_kernel_wakes_us_at_the_second_and_not_before() {
        let next = now().as_secs() + 1;
        let alarm = kernel_alarm(next).expect("an alarm of the kernel");
        assert_eq!(soon(rings(alarm)).await.expect("to be woken"), Alarm::Reached);
        assert!(now().as_secs() >= next);
    }

    #[tokio::test]
    async fn a_time_that_never_comes_is_not_reached() {
        // With a zone that never jumps, so that this is about the kernel's alarm alone.
        for unix_secs in [u64::MAX, i64::MAX as u64, now().as_secs() + 86_400] {
            let mut waits = Box::pin(rings(kernel_alarm(unix_secs).expect("an alarm of the kernel")));
            let polled = std::future::poll_fn(|context| Poll::Ready(waits.as_mut().poll(context))).await;
            assert!(polled.is_pending(), "{unix_secs}");
        }
    }

    #[test]
    fn what_the_kernel_says_is_understood() {
        assert_eq!(meaning(Ok(8)), Ok(Some(Alarm::Reached)));
        assert_eq!(meaning(Err(Errno::CANCELED)), Ok(Some(Alarm::Jumped)));
        assert_eq!(meaning(Err(Errno::AGAIN)), Ok(None));
        assert_eq!(meaning(Err(Errno::INVAL)), Err(Errno::INVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_kernel_a_sleep_ends_when_the_clock_says_so() {
        let (start, begin) = (Instant::now(), Duration::from_secs(1_000_000));
        // A clock on the wall that is half as fast: so the sleep must look again.
        let slow = || begin + start.elapsed() / 2;
        sleep_until(1_000_060, slow).await;
        let slept = start.elapsed();
        assert!((120..121).contains(&slept.as_secs()), "{slept:?}");
        sleep_until(5, slow).await;
        assert_eq!(start.elapsed(), slept);
    }
}
