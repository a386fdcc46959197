//! Moments in the words of the local clock. Pure but for the system's time zone.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A moment as a clock on the wall would show it, and no more of the date than is needed: `18:00`, `Tue 18:00`,
/// `3 Dec 18:00`, `3 Dec 2031`. Both in seconds since 1970.
pub(super) fn clock(then: u64, now: u64) -> String {
    clock_in(&TimeZone::system(), then, now)
}

/// A moment of the past to the second, for the log: `18:00:05`, `22 Nov 18:00:05`.
pub(super) fn stamp(then: u64, now: u64) -> String {
    stamp_in(&TimeZone::system(), then, now)
}

fn clock_in(zone: &TimeZone, then: u64, now: u64) -> String {
    let (Some(then), Some(now)) = (local(zone, then), local(zone, now)) else {
        return "a day far away".to_owned();
    };
    let days = then.date().since(now.date()).map_or(i32::MAX, |span| span.get_days());
    let pattern = match days {
        0 => "%H:%M",
        // A week from today would have today's name.
        1..=6 => "%a %H:%M",
        -300..300 => "%-d %b %H:%M",
        _ => "%-d %b %Y",
    };
    then.strftime(pattern).to_string()
}

fn stamp_in(zone: &TimeZone, then: u64, now: u64) -> String {
    let (Some(then), Some(now)) = (local(zone, then), local(zone, now)) else { return "?".to_owned() };
    let pattern = if then.date() == now.date() { "%H:%M:%S" } else { "%-d %b %H:%M:%S" };
    then.strftime(pattern).to_string()
}

fn local(zone: &TimeZone, unix_secs: u64) -> Option<Zoned> {
    let moment = Timestamp::from_second(i64::try_from(unix_secs).ok()?).ok()?;
    Some(moment.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 08:00 UTC, a Monday.
    const NOW: u64 = 1_795_420_800;

    #[test]
    fn the_clock_says_no_more_than_is_needed() {
        let hours = |hours: u64| NOW + hours * 3600;
        let table = [
            (hours(10), "18:00"),
            (hours(22), "Tue 06:00"),
            (hours(24 * 6), "Sun 08:00"),
            (hours(24 * 7), "30 Nov 08:00"),
            (hours(24 * 400), "28 Dec 2027"),
            (u64::MAX, "a day far away"),
        ];
        for (then, words) in table {
            assert_eq!(clock_in(&TimeZone::UTC, then, NOW), words);
        }
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(clock_in(&tokyo, hours(10), NOW), "Tue 03:00", "another day where the user is");
    }

    #[test]
    fn the_log_has_seconds() {
        assert_eq!(stamp_in(&TimeZone::UTC, NOW - 3595, NOW), "07:00:05");
        assert_eq!(stamp_in(&TimeZone::UTC, NOW - 86_400, NOW), "22 Nov 08:00:00");
    }
}
