//! Turns, timers and the user's order, by passed-in time.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::job::{Extents, Fault, FaultKind, Job, JobId, JobState, NewFile, NewJob, Priority, To, Why};

const DAY: Duration = Duration::from_hours(24);

/// A queue with a clock, in which whatever is begun goes on until it is told to stop, and then stops at once.
struct Stage {
    queue: Queue,
    now: Now,
}

impl Stage {
    fn new(rules: Rules) -> Self {
        let now = Now { monotonic: Duration::ZERO, unix_secs: 1_000_000 };
        Self { queue: Queue::new(Vec::new(), Run::All, rules, now), now }
    }

    fn add(&mut self, name: &str, priority: Priority) -> JobId {
        let url = format!("http://{name}.org/f");
        let new = NewJob { priority, ..NewJob::of(url, "/tmp") };
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a job");
        job.place = self.queue.next_place();
        let id = job.id;
        self.queue.add(job, String::new(), self.now);
        self.turn();
        id
    }

    fn turn(&mut self) {
        loop {
            self.queue.tick(self.now);
            let stopped: Vec<_> = self
                .queue
                .take_effects()
                .into_iter()
                .filter_map(|effect| match effect {
                    Effect::Stop(id, file) => Some((id, file)),
                    _ => None,
                })
                .collect();
            for (id, file) in &stopped {
                self.queue.ended(*id, *file, End::Stopped, None, self.now);
            }
            if stopped.is_empty() {
                break;
            }
        }
        self.queue.check();
    }

    /// Time passes as it would: the queue is woken when it wants to be.
    fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(at) = self.queue.next_tick().filter(|at| *at <= end) {
            self.set(at.max(self.now.monotonic));
            self.turn();
        }
        self.set(end);
        self.turn();
    }

    fn set(&mut self, monotonic: Duration) {
        self.now.unix_secs += monotonic.saturating_sub(self.now.monotonic).as_secs();
        self.now.monotonic = monotonic;
    }

    fn active(&self) -> Vec<JobId> {
        self.queue.active().collect()
    }

    fn job(&self, id: JobId) -> &Arc<Job> {
        self.queue.job(id).expect("a job")
    }

    fn fault(&mut self, id: JobId) {
        let fault = Fault::new(FaultKind::ConnectionLost, "");
        let end = End::Faulted { fault, retry_after: None, chance: 0.5 };
        self.queue.ended(id, 0, end, None, self.now);
        self.turn();
    }

    fn fault_of(&self, id: JobId) -> Option<FaultKind> {
        match &self.job(id).state {
            JobState::Error(fault) => Some(fault.kind.clone()),
            _ => None,
        }
    }
}

fn one_at_once() -> Rules {
    Rules { limits: Limits { background_jobs: 1, per_host: 4 }, ..Rules::default() }
}

#[test]
fn those_of_a_level_take_turns_slice_by_slice() {
    let mut stage = Stage::new(one_at_once());
    let [a, b, c] = ["a", "b", "c"].map(|name| stage.add(name, Priority::Normal));
    let slice = Rules::default().slice;
    for expected in [a, b, c, a, b, c] {
        assert_eq!(stage.active(), [expected]);
        stage.pass(slice);
    }
    // Alone it keeps its turn, and nobody wakes for it.
    for id in [b, c] {
        stage.queue.suspend(id, stage.now).expect("held");
    }
    stage.turn();
    let next = stage.queue.next_tick().expect("the limit of being at work");
    assert!(next > 80 * DAY, "{next:?}");
    stage.pass(3 * slice);
    assert_eq!(stage.active(), [a]);
    // Its slice is long used up when another comes.
    let d = stage.add("d", Priority::Normal);
    assert_eq!(stage.active(), [d]);
}

#[test]
fn the_more_urgent_takes_the_turn_and_gives_it_back() {
    let mut stage = Stage::new(one_at_once());
    let [a, b] = ["a", "b"].map(|name| stage.add(name, Priority::Normal));
    stage.pass(Duration::from_mins(2));
    let high = stage.add("high", Priority::High);
    assert_eq!(stage.active(), [high]);
    let foreground = stage.add("now", Priority::Foreground);
    let mut both = [high, foreground];
    both.sort();
    assert_eq!(stage.active(), both);
    stage.pass(Duration::from_mins(30));
    assert_eq!(stage.active(), both, "neither yields to those below");
    for id in both {
        stage.queue.suspend(id, stage.now).expect("held");
    }
    stage.turn();
    // The rest of its slice is still its own.
    assert_eq!(stage.active(), [a]);
    stage.pass(Duration::from_mins(3));
    assert_eq!(stage.active(), [b]);
    // One that waits after a fault or has failed blocks nobody.
    stage.fault(b);
    assert!(matches!(stage.job(b).state, JobState::Waiting(_)));
    assert_eq!(stage.active(), [a]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nobody_starves_though_others_keep_coming(
        jobs in 1_usize..8,
        slots in 1_usize..4,
        newcomers in prop::collection::vec(0_usize..2, 1..30),
    ) {
        let rules = Rules { limits: Limits { background_jobs: slots, per_host: 4 }, ..Rules::default() };
        let mut stage = Stage::new(rules);
        let mut waiting: Vec<(JobId, usize)> =
            (0..jobs).map(|n| (stage.add(&format!("j{n}"), Priority::Normal), 0)).collect();
        for (round, count) in newcomers.into_iter().enumerate() {
            for n in 0..count {
                waiting.push((stage.add(&format!("n{round}-{n}"), Priority::Normal), 0));
            }
            let ahead = waiting.len();
            let active = stage.active();
            prop_assert_eq!(active.len(), slots.min(ahead), "no slot is idle");
            for (id, slices) in &mut waiting {
                *slices = if active.contains(id) { 0 } else { *slices + 1 };
                // At worst all that were there before have the rest of this round and a slice of the next one first.
                prop_assert!(*slices <= 2 * ahead.div_ceil(slots), "{slices} of {ahead} by {slots}");
            }
            stage.pass(rules.slice);
        }
    }

    #[test]
    fn places_stay_in_order_however_often_they_change(moves in prop::collection::vec((0_usize..6, 0_usize..6, 0_u8..4), 0..120)) {
        let mut stage = Stage::new(Rules::default());
        let ids: Vec<JobId> = (0..6).map(|n| stage.add(&format!("j{n}"), Priority::Low)).collect();
        let mut order = ids.clone();
        for (which, beside, how) in moves {
            let (id, beside) = (ids[which], ids[beside]);
            let to = [To::First, To::Last, To::Before(beside), To::After(beside)][usize::from(how)];
            stage.queue.move_jobs(&[id], to).expect("all are there");
            if (matches!(to, To::First | To::Last)) || id != beside {
                order.retain(|other| *other != id);
                let at = |order: &[JobId]| order.iter().position(|other| *other == beside).expect("there");
                let index = match to {
                    To::First => 0,
                    To::Last => order.len(),
                    To::Before(_) => at(&order),
                    To::After(_) => at(&order) + 1,
                };
                order.insert(index, id);
            }
            prop_assert_eq!(stage.queue.jobs().map(|job| job.id).collect::<Vec<_>>(), order.clone());
            stage.turn();
        }
    }
}

#[test]
fn several_move_together_and_gaps_do_not_run_out() {
    let mut stage = Stage::new(Rules::default());
    let ids: Vec<JobId> = (0..5).map(|n| stage.add(&format!("j{n}"), Priority::Low)).collect();
    let order = |stage: &Stage| -> Vec<usize> {
        stage.queue.jobs().map(|job| ids.iter().position(|id| *id == job.id).expect("known")).collect()
    };
    stage.queue.move_jobs(&[ids[1], ids[3]], To::First).expect("moved");
    assert_eq!(order(&stage), [1, 3, 0, 2, 4]);
    stage.queue.move_jobs(&[ids[0], ids[4]], To::After(ids[1])).expect("moved");
    assert_eq!(order(&stage), [1, 0, 4, 3, 2]);
    // Each halves the gap before the last one; in between all get new places.
    for _ in 0..50 {
        for id in [ids[0], ids[4]] {
            stage.queue.move_jobs(&[id], To::Before(ids[2])).expect("moved");
        }
    }
    assert_eq!(order(&stage), [1, 3, 0, 4, 2]);
    assert_eq!(stage.queue.move_jobs(&[JobId::random()], To::First), Err(Refused::NoSuchJob));
}

#[test]
fn without_progress_for_long_it_fails_and_only_trying_counts() {
    let rules = Rules { no_progress: Duration::from_hours(2), ..Rules::default() };
    let mut stage = Stage::new(rules);
    let id = stage.add("a", Priority::Normal);
    let try_for = |stage: &mut Stage, time: Duration| {
        let end = stage.now.monotonic + time;
        while stage.now.monotonic < end && stage.fault_of(id).is_none() {
            if stage.job(id).state.is_active() {
                stage.fault(id);
            }
            stage.pass(Duration::from_mins(1));
        }
    };
    try_for(&mut stage, Duration::from_mins(90));
    assert_eq!(stage.fault_of(id), None);
    // While it may not run it is not its fault, whatever the clock on the wall says.
    stage.queue.set_conditions(Conditions { held: true, ..Conditions::default() }, stage.now);
    stage.turn();
    stage.pass(30 * DAY);
    stage.now.unix_secs += 1_000_000_000;
    stage.queue.set_conditions(Conditions::default(), stage.now);
    stage.turn();
    assert_eq!(stage.fault_of(id), None);
    try_for(&mut stage, Duration::from_mins(10));
    assert_eq!(stage.fault_of(id), None);
    // A byte, and the count begins anew.
    stage.pass(Duration::from_mins(10));
    assert!(stage.job(id).state.is_active());
    stage.queue.synced(id, 0, Extents::from_start(1), stage.now);
    try_for(&mut stage, Duration::from_mins(110));
    assert_eq!(stage.fault_of(id), None);
    try_for(&mut stage, Duration::from_mins(20));
    assert_eq!(stage.fault_of(id), Some(FaultKind::NoProgress));
    // The user gives it another chance.
    stage.queue.resume(id, stage.now).expect("resumed");
    stage.turn();
    assert!(stage.job(id).state.is_active());
    assert_eq!(stage.job(id).stuck_secs, 0);
}

#[test]
fn what_was_used_up_outlives_a_restart_and_the_time_between_does_not_count() {
    let rules = Rules { no_progress: Duration::from_hours(1), ..Rules::default() };
    let mut stage = Stage::new(rules);
    let id = stage.add("a", Priority::Normal);
    stage.fault(id);
    stage.pass(Duration::from_mins(50));
    stage.fault(id);
    let saved = Arc::clone(stage.job(id));
    assert!((2900..3100).contains(&saved.stuck_secs), "{}", saved.stuck_secs);
    let later = Now { monotonic: Duration::ZERO, unix_secs: stage.now.unix_secs + 90 * DAY.as_secs() };
    let mut stage = Stage { queue: Queue::new(vec![saved], Run::All, rules, later), now: later };
    stage.turn();
    assert_eq!(stage.fault_of(id), None);
    stage.pass(Duration::from_mins(11));
    assert_eq!(stage.fault_of(id), Some(FaultKind::NoProgress));
}

#[test]
fn with_no_time_without_progress_every_fault_is_final() {
    let mut stage = Stage::new(Rules { no_progress: Duration::ZERO, ..Rules::default() });
    let id = stage.add("a", Priority::Normal);
    stage.fault(id);
    assert_eq!(stage.fault_of(id), Some(FaultKind::ConnectionLost));
}

#[test]
fn one_may_be_at_work_for_so_long_and_resuming_grants_it_anew() {
    let rules = Rules { longest_active: DAY, ..Rules::default() };
    let mut stage = Stage::new(rules);
    let id = stage.add("a", Priority::Normal);
    stage.queue.connected(id, stage.now);
    stage.pass(DAY / 2);
    stage.queue.suspend(id, stage.now).expect("held");
    stage.turn();
    stage.pass(10 * DAY);
    // Holding does not count; resuming grants all of it again (bits.md 4.1).
    stage.queue.resume(id, stage.now).expect("resumed");
    stage.turn();
    stage.pass(DAY.saturating_sub(Duration::from_secs(1)));
    assert_eq!(stage.fault_of(id), None);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.fault_of(id), Some(FaultKind::TookTooLong));
}

#[test]
fn when_the_network_is_back_everybody_tries_at_once() {
    let mut stage = Stage::new(Rules::default());
    let ids = ["a", "b"].map(|name| stage.add(name, Priority::Normal));
    for _ in 0..5 {
        stage.fault(ids[0]);
        stage.pass(Duration::from_mins(2));
    }
    stage.fault(ids[0]);
    let offline = Conditions { online: false, ..Conditions::default() };
    stage.queue.set_conditions(offline, stage.now);
    stage.turn();
    assert_eq!(stage.active(), []);
    let why = |stage: &Stage, id| match &stage.job(id).state {
        JobState::Waiting(waiting) => Some(waiting.why.word()),
        _ => None,
    };
    assert_eq!((why(&stage, ids[0]), why(&stage, ids[1])), (Some("back_off"), Some(Why::NoNetwork.word())));
    stage.queue.set_conditions(Conditions::default(), stage.now);
    stage.turn();
    assert_eq!(stage.active().len(), 2);
}

#[test]
fn one_bad_file_does_not_hold_up_the_others() {
    let mut stage = Stage::new(Rules::default());
    let files = (0..3).map(|n| NewFile { url: format!("http://a.org/{n}"), ..NewFile::default() });
    let new = NewJob { files: files.collect(), ..NewJob::default() };
    let (job, _) = new.into_job(JobId::random(), 0).expect("a job");
    let id = job.id;
    stage.queue.add(job, String::new(), stage.now);
    stage.turn();
    let fatal =
        || End::Faulted { fault: Fault::new(FaultKind::Status(404), ""), retry_after: None, chance: 0.5 };
    assert_eq!(stage.queue.running(id), [0]);
    stage.queue.ended(id, 0, fatal(), None, stage.now);
    stage.turn();
    for file in [1, 2] {
        assert_eq!(stage.queue.running(id), [file], "in order");
        let whole = crate::job::JobFile { finished: true, ..stage.job(id).files[file].clone() };
        stage.queue.ended(id, file, End::Finished(Box::new(whole)), None, stage.now);
        stage.turn();
    }
    assert_eq!(stage.fault_of(id), Some(FaultKind::Status(404)));
    assert_eq!(stage.queue.leave_out_file(id, 1, stage.now), Err(Refused::NoSuchFile), "it is there");
    // Without the bad one it is whole.
    stage.queue.leave_out_file(id, 0, stage.now).expect("left out");
    stage.turn();
    assert_eq!(stage.job(id).state, JobState::Acknowledged);
}
