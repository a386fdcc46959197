//! The week in words. Pure: the time is passed in.

use std::ops::Range;

use crate::engine::slot_at;
use crate::job::{Allowance, Allowances, MinuteOfWeek, Timetable, Window};

use super::draft::Draft;
use crate::window::words::upper_first;

/// The days as one says them; Monday is first.
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A day as it is written where there is little room.
pub(super) fn short_day(day: u8) -> &'static str {
    &DAYS[usize::from(day % 7)][..3]
}

/// A minute of the day as a clock shows it; the day's end is 24:00.
pub(super) fn time(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// From when to when: `08:00–17:30`.
pub(super) fn times(minutes: &Range<u16>) -> String {
    format!("{}–{}", time(minutes.start), time(minutes.end))
}

/// What a window allows: `normal up to 1.0 MiB/s, low nothing`.
pub(super) fn allows(allowances: &Allowances) -> String {
    let what = |allowance| match allowance {
        Allowance::Unlimited => "no limits".to_owned(),
        Allowance::Capped(rate) => format!("up to {rate}"),
        Allowance::Zero => "nothing".to_owned(),
    };
    if *allowances == Allowances::all(Allowance::Unlimited) {
        return "no limits".to_owned();
    }
    if *allowances == Allowances::all(Allowance::Zero) {
        return "nothing but foreground downloads".to_owned();
    }
    let each = [("high", allowances.high), ("normal", allowances.normal), ("low", allowances.low)];
    let held: Vec<_> = each.into_iter().filter(|(_, allowance)| *allowance != Allowance::Unlimited).collect();
    let parts = held.chunk_by(|one, other| one.1 == other.1).map(|alike| {
        let names: Vec<_> = alike.iter().map(|(name, _)| *name).collect();
        let each = if alike.len() > 1 && alike[0].1 != Allowance::Zero { " each" } else { "" };
        let names = match names.as_slice() {
            [first, second, third] => format!("{first}, {second} and {third}"),
            names => names.join(" and "),
        };
        format!("{names} {}{each}", what(alike[0].1))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// What the timetable makes of the present minute, and what comes next.
pub(super) fn now_and_next(timetable: &Timetable, now: MinuteOfWeek) -> String {
    if !timetable.on {
        return "Switched off: no download is held by the timetable.".to_owned();
    }
    let slot = slot_at(timetable, now);
    let window = upper_first(&slot.window.to_string());
    let here = allows(&slot.allowances);
    let Some(next) = slot.next else {
        return if slot.allowances == Allowances::default() {
            "It holds nothing yet: every window that is painted has no limits.".to_owned()
        } else {
            format!("{window}: {here}, all of the week.")
        };
    };
    let then = now.later(next.in_minutes);
    let until = if then.day() == now.day() && then > now {
        time(then.minute_of_day())
    } else {
        format!("{} {}", short_day(then.day()), time(then.minute_of_day()))
    };
    format!("{window} until {until}: {here}; then {}.", allows(&next.allowances))
}

/// A day for whoever cannot see it: `Monday: work 08:00–12:00 and 13:00–17:30, maintenance 12:00–13:00`.
pub(super) fn day(draft: &Draft, day: u8) -> String {
    let stretches = draft.stretches(day);
    let of = |window: Window| {
        let found: Vec<_> =
            stretches.iter().filter(|(of, _)| *of == window).map(|(_, range)| times(range)).collect();
        (!found.is_empty()).then(|| format!("{window} {}", found.join(" and ")))
    };
    let painted: Vec<_> = [Window::Work, Window::Maintenance].into_iter().filter_map(of).collect();
    let painted = if painted.is_empty() { "all non-work".to_owned() } else { painted.join(", ") };
    format!("{}: {painted}", DAYS[usize::from(day % 7)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Rate;

    fn capped(bytes: u64) -> Allowance {
        Allowance::Capped(Rate::from_bytes_per_sec(bytes).expect("a rate"))
    }

    #[test]
    fn allowances_read_well() {
        let none = Allowance::Unlimited;
        let (some, nothing) = (capped(1 << 20), Allowance::Zero);
        let table = [
            ([none, none, none], "no limits"),
            ([nothing, nothing, nothing], "nothing but foreground downloads"),
            ([some, some, some], "high, normal and low up to 1.0 MiB/s each"),
            ([none, some, nothing], "normal up to 1.0 MiB/s, low nothing"),
            ([none, nothing, nothing], "normal and low nothing"),
            ([some, some, none], "high and normal up to 1.0 MiB/s each"),
            ([none, none, nothing], "low nothing"),
            ([nothing, none, nothing], "high and low nothing"),
        ];
        for ([high, normal, low], words) in table {
            assert_eq!(allows(&Allowances { high, normal, low }), words);
        }
    }

    #[test]
    fn now_and_next_are_told_in_one_sentence() {
        let office = Timetable {
            on: true,
            work_spans: vec!["mon-fri 08:00-17:30".parse().expect("a span")],
            work: Allowances { normal: capped(1 << 20), low: Allowance::Zero, ..Allowances::default() },
            ..Timetable::default()
        };
        let table = [
            (0, 9 * 60, "Work until 17:30: normal up to 1.0 MiB/s, low nothing; then no limits."),
            (4, 18 * 60, "Non-work until Mon 08:00: no limits; then normal up to 1.0 MiB/s, low nothing."),
            (0, 0, "Non-work until 08:00: no limits; then normal up to 1.0 MiB/s, low nothing."),
        ];
        for (day, minute, words) in table {
            assert_eq!(now_and_next(&office, MinuteOfWeek::of_day(day, minute)), words);
        }
        let minute = MinuteOfWeek::of_day(0, 0);
        let off = Timetable { on: false, ..office.clone() };
        assert_eq!(now_and_next(&off, minute), "Switched off: no download is held by the timetable.");
        let idle = Timetable { work: Allowances::default(), ..office.clone() };
        assert!(now_and_next(&idle, minute).starts_with("It holds nothing yet"));
        let always = Timetable { non_work: office.work, ..office.clone() };
        let words = "Non-work: normal up to 1.0 MiB/s, low nothing, all of the week.";
        assert_eq!(now_and_next(&always, minute), words);
        // An hour a week: the next time is on this day of the next one.
        let hour = Timetable { work_spans: vec!["mon 08:00-09:00".parse().expect("a span")], ..office };
        let words = "Non-work until Mon 08:00: no limits; then normal up to 1.0 MiB/s, low nothing.";
        assert_eq!(now_and_next(&hour, MinuteOfWeek::of_day(0, 10 * 60)), words);
    }

    #[test]
    fn a_day_is_told_to_those_who_cannot_see_it() {
        let mut draft = Draft::of(&[]);
        draft.work.text = "mon 08:00-17:30; sun 22:00-06:00".into();
        draft.work.read_text();
        draft.maintenance.text = "mon 12:00-13:00".into();
        draft.maintenance.read_text();
        let monday = "Monday: work 00:00–06:00 and 08:00–12:00 and 13:00–17:30, maintenance 12:00–13:00";
        assert_eq!(day(&draft, 0), monday);
        assert_eq!(day(&draft, 1), "Tuesday: all non-work");
        assert_eq!(day(&draft, 6), "Sunday: work 22:00–24:00");
    }
}
