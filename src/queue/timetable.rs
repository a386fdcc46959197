//! What the painted week allows now, and when that changes (bits.md 6.2).

use crate::job::{Allowances, MinuteOfWeek, Timetable, Window};

/// The present stretch of the week and the one after it: what BITS's event 205 records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The window that is open now.
    pub window: Window,
    /// What it allows.
    pub allowances: Allowances,
    /// What comes next; `None` where what is allowed never changes.
    pub next: Option<NextSlot>,
}

/// The first stretch in which anything else is allowed than now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextSlot {
    /// How many minutes of the week from now it begins, 1..10080.
    pub in_minutes: u16,
    /// Its window.
    pub window: Window,
    /// What it allows.
    pub allowances: Allowances,
}

/// The slot of a minute. Windows that allow the same are one slot.
#[must_use]
pub fn slot_at(timetable: &Timetable, now: MinuteOfWeek) -> Slot {
    let window = timetable.window_at(now);
    let next =
        next_change(timetable, now, |window| timetable.allowances(window)).map(|(in_minutes, window)| {
            NextSlot { in_minutes, window, allowances: timetable.allowances(window) }
        });
    Slot { window, allowances: timetable.allowances(window), next }
}

/// In how many minutes there is first a window whose `meaning` is another than now's, and which window.
pub(super) fn next_change<T: PartialEq>(
    timetable: &Timetable,
    now: MinuteOfWeek,
    meaning: impl Fn(Window) -> T,
) -> Option<(u16, Window)> {
    if !timetable.on {
        return None;
    }
    let here = meaning(timetable.window_at(now));
    if Window::ALL.into_iter().all(|window| meaning(window) == here) {
        return None;
    }
    // Only at an edge can there be another window; so the nearest edge with another meaning is it.
    let mut ahead: Vec<u16> =
        timetable.edges().map(|edge| now.until(edge)).filter(|ahead| *ahead > 0).collect();
    ahead.sort_unstable();
    ahead.dedup();
    ahead.into_iter().find_map(|ahead| {
        let window = timetable.window_at(now.later(ahead));
        (meaning(window) != here).then_some((ahead, window))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::week_samples::timetable;
    use crate::job::{Allowance, Rate};

    /// Work on weekdays with 1M for normal, maintenance on Wednesday noon with nothing, unlimited otherwise.
    fn office() -> Timetable {
        let capped = Allowance::Capped(Rate::from_bytes_per_sec(1 << 20).unwrap());
        Timetable {
            on: true,
            work_spans: vec!["mon-fri 08:00-17:30".parse().unwrap()],
            maintenance_spans: vec!["wed 12:00-13:00".parse().unwrap()],
            work: Allowances { normal: capped, ..Allowances::default() },
            maintenance: Allowances::all(Allowance::Zero),
            ..Timetable::default()
        }
    }

    #[test]
    fn an_office_week() {
        use Window::{Maintenance, NonWork, Work};
        let table = [
            // Day, time, window, minutes to the next one, and which.
            (0, 0, NonWork, 8 * 60, Work),
            (0, 8 * 60, Work, 9 * 60 + 30, NonWork),
            (0, 17 * 60 + 29, Work, 1, NonWork),
            (2, 8 * 60, Work, 4 * 60, Maintenance),
            (2, 12 * 60 + 15, Maintenance, 45, Work),
            (2, 13 * 60, Work, 4 * 60 + 30, NonWork),
            // Round the end of the week.
            (4, 17 * 60 + 30, NonWork, (6 * 60 + 30) + 2 * 24 * 60 + 8 * 60, Work),
            (6, 24 * 60 - 1, NonWork, 1 + 8 * 60, Work),
        ];
        for (day, time, window, in_minutes, next) in table {
            let slot = slot_at(&office(), MinuteOfWeek::of_day(day, time));
            let found = slot.next.map(|next| (next.in_minutes, next.window));
            assert_eq!((slot.window, found), (window, Some((in_minutes, next))), "day {day}, minute {time}");
            assert_eq!(slot.allowances, office().allowances(window));
        }
    }

    #[test]
    fn windows_that_allow_the_same_are_one_slot() {
        let noon = MinuteOfWeek::of_day(2, 11 * 60);
        let plain = Timetable { maintenance: office().work, ..office() };
        assert_eq!(slot_at(&plain, noon).next.map(|next| next.in_minutes), Some(6 * 60 + 30));
        let same = Timetable { work: office().non_work, maintenance: office().non_work, ..office() };
        assert_eq!(slot_at(&same, noon).next, None);
    }

    #[test]
    fn what_is_switched_off_or_not_painted_never_changes() {
        let off = Timetable { on: false, ..office() };
        let empty = Timetable { work_spans: vec![], maintenance_spans: vec![], ..office() };
        let always = Timetable { maintenance_spans: vec!["daily 00:00-24:00".parse().unwrap()], ..office() };
        for minute in MinuteOfWeek::all() {
            let slot = slot_at(&off, minute);
            assert_eq!((slot.allowances, slot.next), (Allowances::all(Allowance::Unlimited), None));
            assert_eq!(
                (slot_at(&empty, minute).window, slot_at(&empty, minute).next),
                (Window::NonWork, None)
            );
            let slot = slot_at(&always, minute);
            assert_eq!((slot.window, slot.next), (Window::Maintenance, None));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn every_minute_has_one_window_and_maintenance_wins(timetable in timetable()) {
            for minute in MinuteOfWeek::all() {
                let in_any = |spans: &[crate::job::Painted]| spans.iter().any(|span| span.covers(minute));
                let (work, maintenance) =
                    (in_any(&timetable.work_spans), in_any(&timetable.maintenance_spans));
                let expected = match (maintenance, work) {
                    (true, _) => Window::Maintenance,
                    (false, true) => Window::Work,
                    (false, false) => Window::NonWork,
                };
                prop_assert_eq!(slot_at(&timetable, minute).window, expected);
            }
        }

        #[test]
        fn the_next_slot_begins_with_the_first_difference(timetable in timetable(), now in 0..MinuteOfWeek::COUNT) {
            let now = MinuteOfWeek::new(now);
            let slot = slot_at(&timetable, now);
            // Told minute by minute, without the edges.
            let first = (1..MinuteOfWeek::COUNT).find_map(|ahead| {
                let window = timetable.window_at(now.later(ahead));
                let allowances = timetable.allowances(window);
                (allowances != slot.allowances).then_some(NextSlot { in_minutes: ahead, window, allowances })
            });
            prop_assert_eq!(slot.next, first);
        }
    }
}
