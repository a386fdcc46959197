//! How fast a job may be: the lowest of the caps that apply to it.
//!
//! | cap | applies to | shared by |
//! |---|---|---|
//! | all | every job | all jobs |
//! | slow, while switched on | every job | all jobs |
//! | priority | background | the jobs of that priority |
//! | timetable | background, unless the server is exempt | the jobs of that priority |
//! | the job's own | that job | nobody |
//!
//! BITS exempts foreground jobs from its policies (bits.md 2.1); the caps that hold them too are not policy but the
//! user's own word. What is shared is the engine's to share out; here is only told which is the lowest.

use serde::{Deserialize, Serialize};

use super::timetable::next_change;
use crate::job::{Allowance, MinuteOfWeek, Priority, Rate, Timetable, Window};

/// The caps the user has set, but for the jobs' own; `None` is no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapsSet {
    /// Over all jobs.
    pub all: Option<Rate>,
    /// Over all jobs while “slow” is switched on; `None` while it is not.
    pub slow: Option<Rate>,
    /// Over the jobs of high priority.
    pub high: Option<Rate>,
    /// Over the jobs of normal priority.
    pub normal: Option<Rate>,
    /// Over the jobs of low priority.
    pub low: Option<Rate>,
}

impl CapsSet {
    const fn of(&self, priority: Priority) -> Option<Rate> {
        match priority {
            Priority::Foreground => None,
            Priority::High => self.high,
            Priority::Normal => self.normal,
            Priority::Low => self.low,
        }
    }
}

/// What must be known of a job to tell its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobCap {
    /// How it stands in line.
    pub priority: Priority,
    /// Its own cap.
    pub own: Option<Rate>,
    /// Whether its server is in one of this machine's own subnets; `false` while that is not known, and where a
    /// proxy stands between.
    pub peer_is_local: bool,
}

/// Which cap holds a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhichCap {
    /// None.
    None,
    /// The one over all jobs.
    All,
    /// The one of “slow”.
    Slow,
    /// The one of its priority.
    Priority,
    /// What the timetable allows its priority now.
    Timetable,
    /// Its own.
    Job,
}

/// The cap that holds a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapInForce {
    /// The most it may use; `None` is no cap.
    pub rate: Option<Rate>,
    /// Whose rate that is. Of several that are the same, the first of [`WhichCap`]'s order.
    pub which: WhichCap,
    /// In how many minutes of the week the timetable will make another one of it; `None` if never.
    pub until: Option<u16>,
}

/// What a job may do now, as far as its caps go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Run, with this cap.
    UpTo(CapInForce),
    /// Nothing: the timetable says zero.
    Nothing {
        /// In how many minutes of the week the timetable allows something; `None` if never.
        until: Option<u16>,
    },
}

/// What a job may do at a minute of the local week.
#[must_use]
pub fn allowed(caps: &CapsSet, timetable: &Timetable, job: JobCap, now: MinuteOfWeek) -> Allowed {
    let is_exempt = timetable.lan_exempt && job.peer_is_local;
    let in_window = |window: Window| {
        let allowance =
            if is_exempt { Allowance::Unlimited } else { timetable.allowances(window).of(job.priority) };
        lowest(caps, allowance, job)
    };
    let until = next_change(timetable, now, in_window).map(|(in_minutes, _)| in_minutes);
    match in_window(timetable.window_at(now)) {
        Some((rate, which)) => Allowed::UpTo(CapInForce { rate, which, until }),
        None => Allowed::Nothing { until },
    }
}

/// The lowest cap and whose it is; `None` for zero.
fn lowest(caps: &CapsSet, allowance: Allowance, job: JobCap) -> Option<(Option<Rate>, WhichCap)> {
    let timetable = match allowance {
        Allowance::Unlimited => None,
        Allowance::Capped(rate) => Some(rate),
        Allowance::Zero => return None,
    };
    let all = [
        (caps.all, WhichCap::All),
        (caps.slow, WhichCap::Slow),
        (caps.of(job.priority), WhichCap::Priority),
        (timetable, WhichCap::Timetable),
        (job.own, WhichCap::Job),
    ];
    // Of equal ones `min_by_key` takes the first.
    let lowest =
        all.into_iter().filter_map(|(rate, which)| Some((rate?, which))).min_by_key(|(rate, _)| *rate);
    Some(lowest.map_or((None, WhichCap::None), |(rate, which)| (Some(rate), which)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::Allowances;
    use crate::job::week_samples::{rate, timetable};

    fn kib(kib: u64) -> Rate {
        Rate::from_bytes_per_sec(kib << 10).unwrap()
    }

    const MONDAY_NINE: MinuteOfWeek = MinuteOfWeek::of_day(0, 9 * 60);
    const NORMAL: JobCap = JobCap { priority: Priority::Normal, own: None, peer_is_local: false };

    /// Work from 8 to 17 on every day: high unlimited, normal 100K, low nothing.
    fn work() -> Timetable {
        Timetable {
            on: true,
            work_spans: vec!["daily 08:00-17:00".parse().unwrap()],
            work: Allowances {
                high: Allowance::Unlimited,
                normal: Allowance::Capped(kib(100)),
                low: Allowance::Zero,
            },
            lan_exempt: true,
            ..Timetable::default()
        }
    }

    fn up_to(kib_per_sec: u64, which: WhichCap, until: Option<u16>) -> Allowed {
        let rate = Rate::from_bytes_per_sec(kib_per_sec << 10);
        Allowed::UpTo(CapInForce { rate, which, until })
    }

    #[test]
    fn the_lowest_that_applies_is_named() {
        let none = CapsSet::default();
        let all_200 = CapsSet { all: Some(kib(200)), ..none };
        let slow_50 = CapsSet { slow: Some(kib(50)), ..all_200 };
        let normal_70 = CapsSet { normal: Some(kib(70)), low: Some(kib(1)), ..all_200 };
        let as_timetable = CapsSet { normal: Some(kib(100)), ..none };
        let foreground = JobCap { priority: Priority::Foreground, ..NORMAL };
        let high = JobCap { priority: Priority::High, ..NORMAL };
        let low = JobCap { priority: Priority::Low, ..NORMAL };
        let own_60 = |job| JobCap { own: Some(kib(60)), ..job };
        let local = |job| JobCap { peer_is_local: true, ..job };
        let end = Some(8 * 60);
        let table = [
            (none, NORMAL, up_to(100, WhichCap::Timetable, end)),
            (all_200, NORMAL, up_to(100, WhichCap::Timetable, end)),
            // What the timetable does not make lower does not change with it.
            (slow_50, NORMAL, up_to(50, WhichCap::Slow, None)),
            (normal_70, NORMAL, up_to(70, WhichCap::Priority, None)),
            (normal_70, own_60(NORMAL), up_to(60, WhichCap::Job, None)),
            // Of two the same the first is named, and the other makes no difference.
            (as_timetable, NORMAL, up_to(100, WhichCap::Priority, None)),
            (none, high, up_to(0, WhichCap::None, None)),
            (none, low, Allowed::Nothing { until: end }),
            (slow_50, own_60(low), Allowed::Nothing { until: end }),
            (none, local(low), up_to(0, WhichCap::None, None)),
            (normal_70, local(low), up_to(1, WhichCap::Priority, None)),
            (normal_70, foreground, up_to(200, WhichCap::All, None)),
            (slow_50, foreground, up_to(50, WhichCap::Slow, None)),
            (slow_50, own_60(foreground), up_to(50, WhichCap::Slow, None)),
            (none, foreground, up_to(0, WhichCap::None, None)),
        ];
        for (row, (caps, job, expected)) in table.into_iter().enumerate() {
            assert_eq!(allowed(&caps, &work(), job, MONDAY_NINE), expected, "row {row}");
        }
        let not_exempt = Timetable { lan_exempt: false, ..work() };
        assert_eq!(allowed(&none, &not_exempt, local(low), MONDAY_NINE), Allowed::Nothing { until: end });
    }

    #[test]
    fn zero_for_ever_has_no_end() {
        let low = JobCap { priority: Priority::Low, ..NORMAL };
        let never = Timetable { non_work: work().work, ..work() };
        for minute in MinuteOfWeek::all() {
            assert_eq!(allowed(&CapsSet::default(), &never, low, minute), Allowed::Nothing { until: None });
        }
    }

    fn caps() -> impl Strategy<Value = CapsSet> {
        let cap = || prop::option::of(rate());
        (cap(), cap(), cap(), cap(), cap()).prop_map(|(all, slow, high, normal, low)| CapsSet {
            all,
            slow,
            high,
            normal,
            low,
        })
    }

    fn job() -> impl Strategy<Value = JobCap> {
        (0..4_usize, prop::option::of(rate()), any::<bool>()).prop_map(|(priority, own, peer_is_local)| {
            JobCap { priority: Priority::ALL[priority], own, peer_is_local }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn never_above_any_that_applies_and_zero_wins(
            caps in caps(), timetable in timetable(), job in job(), now in 0..MinuteOfWeek::COUNT,
        ) {
            let now = MinuteOfWeek::new(now);
            let is_background = job.priority != Priority::Foreground;
            let is_exempt = timetable.lan_exempt && job.peer_is_local;
            let holds = timetable.on && is_background && !is_exempt;
            let allowance = timetable.allowances(timetable.window_at(now)).of(job.priority);
            match allowed(&caps, &timetable, job, now) {
                Allowed::Nothing { .. } => prop_assert!(holds && allowance == Allowance::Zero),
                Allowed::UpTo(cap) => {
                    prop_assert!(!holds || allowance != Allowance::Zero);
                    let by_priority = match job.priority {
                        Priority::Foreground => None,
                        Priority::High => caps.high,
                        Priority::Normal => caps.normal,
                        Priority::Low => caps.low,
                    };
                    let by_timetable = match allowance {
                        Allowance::Capped(rate) if holds => Some(rate),
                        _ => None,
                    };
                    let named = match cap.which {
                        WhichCap::None => None,
                        WhichCap::All => caps.all,
                        WhichCap::Slow => caps.slow,
                        WhichCap::Priority => by_priority,
                        WhichCap::Timetable => by_timetable,
                        WhichCap::Job => job.own,
                    };
                    prop_assert_eq!(named, cap.rate);
                    let apply = [caps.all, caps.slow, by_priority, by_timetable, job.own];
                    for applies in apply.into_iter().flatten() {
                        prop_assert!(cap.rate.is_some_and(|rate| rate <= applies));
                    }
                    prop_assert_eq!(cap.rate.is_none(), cap.which == WhichCap::None);
                }
            }
        }

        #[test]
        fn until_is_the_first_minute_at_which_the_answer_differs(
            caps in caps(), timetable in timetable(), job in job(), now in 0..MinuteOfWeek::COUNT,
        ) {
            let now = MinuteOfWeek::new(now);
            // The answer without its end.
            let answer = |minute| match allowed(&caps, &timetable, job, minute) {
                Allowed::UpTo(cap) => (Some((cap.rate, cap.which)), cap.until),
                Allowed::Nothing { until } => (None, until),
            };
            let (here, until) = answer(now);
            let first = (1..MinuteOfWeek::COUNT).find(|ahead| answer(now.later(*ahead)).0 != here);
            prop_assert_eq!(until, first);
        }
    }
}
