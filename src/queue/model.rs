//! The queue against a reference: random commands, events and restarts, compared after every step with a model so simple
//! that one sees what it does. A failure prints the seed; `MEANWHILE_SEED=N cargo test model` plays it again.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Conditions, End};
use super::{Effect, Now, Queue, Rules, Run};
use crate::job::{
    Cause, Extents, Fault, FaultKind, Job, JobFile, JobId, JobState, NewFile, NewJob, Priority, To, Wanted,
    Why,
};

/// What is known of a file without the queue.
#[derive(Clone, Debug, Default)]
struct ModelFile {
    whole: bool,
    failed: bool,
    left_out: bool,
    faults_in_a_row: u32,
    /// When it is tried again: monotonic, and in seconds since 1970 as it was saved.
    retry: Option<(Duration, u64)>,
}

/// What is known of a job without the queue.
#[derive(Clone, Debug)]
struct ModelJob {
    wanted: Wanted,
    /// Accepted or given up, in the word for it: nothing can happen to it any more.
    over: Option<&'static str>,
    priority: Priority,
    hold: bool,
    files: Vec<ModelFile>,
}

impl ModelJob {
    fn is_whole(&self) -> bool {
        self.files.iter().all(|file| file.whole || file.left_out)
    }

    /// What the state must be, in a word; `None` stands for in line, with or without a turn.
    fn state(&self, conditions: &Conditions, runs: bool) -> Option<&'static str> {
        let pending =
            |file: &ModelFile| !file.whole && !file.failed && !file.left_out && file.retry.is_none();
        if self.over.is_some() {
            return self.over;
        }
        if self.is_whole() {
            return Some(if self.hold { "transferred" } else { "acknowledged" });
        }
        if self.wanted == Wanted::Suspend {
            return Some("suspended");
        }
        let has_retry = self.files.iter().any(|file| file.retry.is_some() && !file.left_out);
        let goes_on = runs || self.files.iter().any(pending);
        if !goes_on && !has_retry {
            return Some("error");
        }
        if !goes_on {
            return Some("waiting");
        }
        conditions.blocking_priority(self.priority).map(|_| "waiting")
    }
}

/// The queue, the world around it, and the model of it.
struct World {
    random: fastrand::Rng,
    queue: Queue,
    now: Now,
    /// What the queue has said is to be saved.
    disk: BTreeMap<JobId, Job>,
    /// Transfers under way; whether they were told to stop.
    runs: HashMap<(JobId, usize), bool>,
    deletes: Vec<(JobId, Vec<PathBuf>)>,
    conditions: Conditions,
    model: BTreeMap<JobId, ModelJob>,
    story: Vec<String>,
}

fn rules() -> Rules {
    // The long time limits have tests of their own.
    let long = Duration::from_hours(24 * 365 * 10);
    Rules { no_progress: long, longest_active: long, ..Rules::default() }
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Now { monotonic: Duration::ZERO, unix_secs: 1_000_000 };
        Self {
            random: fastrand::Rng::with_seed(seed),
            queue: Queue::new(Vec::new(), Run::All, rules(), now),
            now,
            disk: BTreeMap::new(),
            runs: HashMap::new(),
            deletes: Vec::new(),
            conditions: Conditions::default(),
            model: BTreeMap::new(),
            story: Vec::new(),
        }
    }

    /// Does in this world what the queue decides.
    fn carry_out(&mut self) {
        for effect in self.queue.take_effects() {
            match effect {
                Effect::Start(id, file) => {
                    let before = self.runs.insert((id, file), false);
                    assert_eq!(before, None, "a file is fetched once at a time");
                }
                Effect::Stop(id, file) => {
                    let told = self.runs.get_mut(&(id, file)).expect("only what runs is stopped");
                    assert!(!*told, "told once");
                    *told = true;
                }
                Effect::Save(id) => {
                    if let Some(job) = self.queue.job(id) {
                        self.disk.insert(id, (**job).clone());
                    }
                }
                Effect::SaveFile(id, file) => {
                    let is = self.queue.job(id).map(|job| job.files[file].clone());
                    if let (Some(saved), Some(is)) = (self.disk.get_mut(&id), is) {
                        saved.files[file] = is;
                    }
                }
                Effect::Gone(id) => {
                    self.disk.remove(&id);
                    let job = self.model.remove(&id).expect("a job");
                    assert_eq!(job.wanted, Wanted::Remove, "only what the user takes off the list leaves it");
                }
                Effect::Delete(id, parts) => self.deletes.push((id, parts)),
                Effect::Log(entry) => {
                    assert!(entry.unix_secs == self.now.unix_secs && entry.event.number() > 0);
                }
                Effect::Changed(_) | Effect::Ended(_) => {}
            }
        }
    }

    fn any_job(&mut self) -> Option<JobId> {
        let ids: Vec<JobId> =
            self.model.iter().filter(|(_, job)| job.wanted != Wanted::Remove).map(|(id, _)| *id).collect();
        self.random.choice(ids)
    }

    fn any_run(&mut self) -> Option<(JobId, usize)> {
        let mut runs: Vec<_> = self.runs.keys().copied().collect();
        runs.sort_unstable();
        self.random.choice(runs)
    }

    fn step(&mut self) {
        match self.random.u8(0..100) {
            0..8 => self.add(),
            8..34 => self.command(),
            34..40 => self.change_conditions(),
            40..56 => self.pass_time(),
            56..92 => self.news(),
            92..97 => {
                if let Some((id, parts)) = self.deletes.pop() {
                    self.note(format!("deleted of {}", id.short()));
                    self.queue.cleaned(id, &parts);
                }
            }
            _ => self.restart(),
        }
        self.ring();
        self.queue.tick(self.now);
        self.carry_out();
        self.check();
    }

    fn note(&mut self, what: String) {
        self.story.push(what);
    }

    fn add(&mut self) {
        let count = self.random.usize(1..4);
        let id: JobId = format!("{:032x}", self.random.u128(..)).parse().expect("an id");
        let new = NewJob {
            files: (0..count)
                .map(|number| NewFile {
                    url: format!("http://h{}/f{number}", self.random.u8(0..3)),
                    ..NewFile::default()
                })
                .collect(),
            priority: Priority::ALL[self.random.usize(0..4)],
            paused: self.random.u8(0..5) == 0,
            files_at_once: self.random.u8(1..4),
            hold_finished: self.random.u8(0..4) == 0,
            ..NewJob::default()
        };
        let (mut job, _) = new.into_job(id, self.now.unix_secs).expect("a job");
        job.place = self.queue.next_place();
        self.note(format!("add {} with {count} files, {}", job.id.short(), job.priority));
        self.model.insert(
            job.id,
            ModelJob {
                wanted: job.wanted,
                over: None,
                priority: job.priority,
                hold: job.hold_finished,
                files: vec![ModelFile::default(); count],
            },
        );
        self.disk.insert(job.id, job.clone());
        self.queue.add(job, String::new(), self.now);
    }

    fn command(&mut self) {
        let Some(id) = self.any_job() else { return };
        let which = self.random.u8(0..15);
        let file = self.random.usize(0..4);
        self.note(format!("command {which} on {}, file {file}", id.short()));
        let now = self.now;
        let job = self.model.get_mut(&id).expect("a job");
        let is_final =
            job.state(&self.conditions, false).is_some_and(|s| s == "acknowledged" || s == "cancelled");
        let is_open = |job: &ModelJob| job.files.get(file).is_some_and(|file| !file.whole);
        let queue = &mut self.queue;
        match which {
            0..3 => {
                assert_eq!(queue.resume(id, now).is_ok(), !is_final);
                if !is_final && !job.is_whole() {
                    job.wanted = Wanted::Transfer;
                    for file in job.files.iter_mut().filter(|file| !file.left_out) {
                        (file.failed, file.retry, file.faults_in_a_row) = (false, None, 0);
                    }
                }
            }
            3..5 => {
                let has_failed =
                    job.state(&self.conditions, self.runs.keys().any(|(of, _)| *of == id)) == Some("error");
                assert_eq!(queue.suspend(id, now).is_ok(), !is_final);
                // An error stays one: BITS counts it as suspended.
                if !is_final && !job.is_whole() && !has_failed {
                    job.wanted = Wanted::Suspend;
                }
            }
            5 => {
                assert_eq!(queue.cancel(id, now).is_ok(), !is_final);
                if !is_final {
                    (job.wanted, job.over) = (Wanted::Cancel, Some("cancelled"));
                }
            }
            6 => {
                assert_eq!(queue.complete(id, now).is_ok(), !is_final);
                if !is_final {
                    (job.wanted, job.over) = (Wanted::Complete, Some("acknowledged"));
                }
            }
            7 => {
                queue.remove_job(id, now).expect("what is there can be removed");
                job.over.get_or_insert("cancelled");
                job.wanted = Wanted::Remove;
            }
            8 => {
                let priority = Priority::ALL[self.random.usize(0..4)];
                queue.set_priority(id, priority, now).expect("any job has a priority");
                job.priority = priority;
            }
            9 => {
                let beside = self.model.iter().find(|(_, job)| job.wanted != Wanted::Remove);
                let to = match (self.random.u8(0..4), beside) {
                    (0, _) | (_, None) => To::First,
                    (1, _) => To::Last,
                    (2, Some((beside, _))) => To::Before(*beside),
                    (_, Some((beside, _))) => To::After(*beside),
                };
                queue.move_jobs(&[id], to).expect("all are there");
            }
            10 => {
                let wanted = job.files.iter().filter(|file| !file.left_out).count();
                let may = !is_final && is_open(job) && wanted > 1;
                assert_eq!(queue.leave_out_file(id, file, now).is_ok(), may, "{job:?}");
                if may {
                    job.files[file].left_out = true;
                    job.files[file].retry = None;
                }
            }
            11 => {
                let may = !is_final && is_open(job);
                let tried = if self.random.bool() { Queue::retry_file } else { Queue::start_over };
                assert_eq!(tried(queue, id, file, now).is_ok(), may, "{job:?}");
                if may {
                    job.files[file] = ModelFile::default();
                }
            }
            12 => {
                // Nothing that happens here is helped by these: all goes on as before.
                let may = !is_final && job.files.iter().any(|file| !file.whole);
                let folder = format!("/tmp/{}", self.random.u8(0..3));
                assert_eq!(queue.set_folder(id, folder.as_ref(), now).is_ok(), may, "{job:?}");
            }
            13 => {
                let may = !is_final && is_open(job);
                assert_eq!(queue.set_file_name(id, file, "n", now).is_ok(), may, "{job:?}");
            }
            _ => {
                let new = NewFile { url: "http://h9/more".into(), ..NewFile::default() };
                let (new, _) = new.into_file("/tmp".as_ref()).expect("a file");
                assert_eq!(queue.add_files(id, vec![new], now).is_ok(), !is_final);
                if !is_final {
                    job.files.push(ModelFile::default());
                }
            }
        }
        if is_final && which < 7 {
            return;
        }
        self.over_if_whole(id);
    }

    /// A job that is whole is over at once, unless the user is to accept it.
    fn over_if_whole(&mut self, id: JobId) {
        let Some(job) = self.model.get_mut(&id) else { return };
        if job.over.is_none() && job.is_whole() {
            job.wanted = Wanted::Transfer;
            job.over = (!job.hold).then_some("acknowledged");
        }
    }

    fn change_conditions(&mut self) {
        let was_online = self.conditions.online;
        match self.random.u8(0..5) {
            0 => self.conditions.held ^= true,
            1 => self.conditions.online ^= true,
            2 => self.conditions.signed_in ^= true,
            3 => self.conditions.no_allowance[self.random.usize(0..3)] ^= true,
            _ => self.conditions = Conditions::default(),
        }
        self.note(format!("conditions {:?}", self.conditions));
        if !was_online && self.conditions.online {
            for file in self.model.values_mut().flat_map(|job| &mut job.files) {
                file.retry = None;
            }
        }
        self.queue.set_conditions(self.conditions.clone(), self.now);
    }

    fn pass_time(&mut self) {
        let secs = self.random.u64(1..400);
        self.note(format!("{secs} s pass"));
        self.now.monotonic += Duration::from_secs(secs);
        self.now.unix_secs += secs;
        if self.random.u8(0..8) == 0 {
            // Somebody sets the clock: no timer may notice.
            self.now.unix_secs = 1_000_000 + self.random.u64(0..1_000_000);
        }
    }

    /// Retries that are due: the queue's next tick must do them.
    fn ring(&mut self) {
        for (id, job) in &mut self.model {
            let Some(of_queue) = self.queue.job(*id) else { continue };
            // The timer of a job that is held or waits for a condition rests; it rings when that is over.
            let rests = matches!(&of_queue.state, JobState::Waiting(waiting) if waiting.why.is_condition())
                || matches!(of_queue.state, JobState::Suspended | JobState::Error(_));
            for file in &mut job.files {
                if !rests && file.retry.is_some_and(|(at, _)| at <= self.now.monotonic) {
                    file.retry = None;
                }
            }
        }
    }

    fn news(&mut self) {
        let Some((id, file)) = self.any_run() else { return };
        let told = self.runs[&(id, file)];
        let (queue, now) = (&mut self.queue, self.now);
        let of = |queue: &Queue| queue.job(id).map(|job| job.files[file].clone()).expect("its file");
        let what = self.random.u8(0..10);
        self.story.push(format!("news {what} of {} file {file}, told: {told}", id.short()));
        if told {
            // It ends soon; now and then it was faster than the word, or fails on the way out.
            let end = match what {
                0 => Some(whole(of(queue))),
                1 => Some(fault(FaultKind::ConnectionLost)),
                2..8 => Some(End::Stopped),
                _ => None,
            };
            if let Some(end) = end {
                self.end(id, file, end, true);
            }
            return;
        }
        match what {
            0 => queue.connected(id, now),
            1 | 2 => {
                let synced_bytes = of(queue).synced_bytes() + self.random.u64(0..1000);
                let more = synced_bytes > of(queue).synced_bytes();
                queue.synced(id, file, Extents::from_start(synced_bytes), now);
                self.disk.entry(id).and_modify(|job| {
                    job.note_synced(file, Extents::from_start(synced_bytes));
                });
                if more {
                    self.model.get_mut(&id).expect("a job").files[file].faults_in_a_row = 0;
                }
            }
            3 => {
                let planned = JobFile {
                    name: Some("n".into()),
                    part: Some(format!("{}-{file}.part", id.short())),
                    ..of(queue)
                };
                assert!(queue.plan(id, file, planned));
            }
            4..7 => self.end(id, file, whole(of(&self.queue)), false),
            7 | 8 => self.end(id, file, fault(FaultKind::ConnectionLost), false),
            _ => self.end(id, file, fault(FaultKind::Status(404)), false),
        }
    }

    fn end(&mut self, id: JobId, file: usize, end: End, told: bool) {
        self.runs.remove(&(id, file));
        let job = self.model.get_mut(&id).expect("a job");
        let of = &mut job.files[file];
        match &end {
            End::Finished(_) => {
                // Left out too late: it is there.
                *of = ModelFile { whole: true, ..ModelFile::default() };
            }
            End::Faulted { fault, .. } if !told => {
                of.faults_in_a_row += 1;
                if fault.is_transient() {
                    let secs = (5_u64 << (of.faults_in_a_row - 1).min(16)).min(600);
                    let at = self.now.monotonic + Duration::from_secs(secs);
                    of.retry = Some((at, self.now.unix_secs + secs));
                } else {
                    of.failed = true;
                }
            }
            _ => {}
        }
        self.queue.ended(id, file, end, None, self.now);
        self.over_if_whole(id);
    }

    /// The program is killed: only what is on disk is left, and the transfers are gone.
    fn restart(&mut self) {
        self.note("restart".to_owned());
        self.runs.clear();
        self.deletes.clear();
        let passed = self.random.u64(0..100);
        self.now = Now { monotonic: Duration::ZERO, unix_secs: self.now.unix_secs + passed };
        let jobs: Vec<Arc<Job>> = self.disk.values().cloned().map(Arc::new).collect();
        self.queue = Queue::new(jobs, Run::All, rules(), self.now);
        // What would happen if nobody had set conditions yet is not started: no tick came in between.
        self.queue.set_conditions(self.conditions.clone(), self.now);
        for file in self.model.values_mut().flat_map(|job| &mut job.files) {
            if let Some((at, until)) = &mut file.retry {
                *at = Duration::from_secs(until.saturating_sub(self.now.unix_secs).min(24 * 3600));
            }
        }
    }

    fn check(&self) {
        self.queue.check();
        assert_eq!(self.queue.len(), self.model.len());
        let mut background = 0;
        for (id, expected) in &self.model {
            let job = self.queue.job(*id).expect("a job of the model");
            assert_eq!(job.wanted == Wanted::Remove, expected.wanted == Wanted::Remove);
            let runs = self.runs.iter().filter(|((of, _), told)| of == id && !**told).count();
            let any = self.runs.keys().any(|(of, _)| of == id);
            let must = expected.state(&self.conditions, any);
            match must {
                Some(word) => {
                    assert_eq!(job.state.word(), word, "now {:?} {expected:?} {id} {job:?}", self.now);
                }
                None => assert!(
                    matches!(job.state, JobState::Queued | JobState::Connecting | JobState::Transferring),
                    "{id} {job:?} {expected:?}"
                ),
            }
            // Between two transfers of one file, the end of the first is waited for.
            assert!(if job.state.is_active() { any } else { runs == 0 }, "{id} {job:?}");
            assert!(runs <= usize::from(job.files_at_once));
            if job.priority != Priority::Foreground {
                background += usize::from(runs > 0);
            } else if must.is_none() {
                let free = job
                    .files
                    .iter()
                    .enumerate()
                    .any(|(file, of)| of.is_pending() && !self.runs.contains_key(&(*id, file)));
                assert!(any || !free || self.is_deleting(job), "foreground jobs run at once: {job:?}");
            }
            // What the user has asked for is on disk, and so is what the files have come to.
            let saved = &self.disk[id];
            assert_eq!(
                (saved.wanted, saved.priority, saved.place, saved.files_at_once, saved.files.len()),
                (job.wanted, job.priority, job.place, job.files_at_once, job.files.len())
            );
            assert_eq!(saved.state.is_final(), job.state.is_final());
            assert_eq!(saved.state == JobState::Suspended, job.state == JobState::Suspended);
            for (saved, of) in saved.files.iter().zip(&job.files) {
                assert_eq!((saved.finished, saved.is_left_out()), (of.finished, of.is_left_out()));
            }
            for (of, expected) in job.files.iter().zip(&expected.files) {
                assert_eq!(of.finished, expected.whole);
            }
            assert!(!matches!((&job.state, job.cause), (JobState::Suspended, cause) if cause != Cause::User));
            if let JobState::Waiting(waiting) = &job.state
                && matches!(waiting.why, Why::Held)
            {
                assert!(self.conditions.held);
            }
        }
        assert!(background <= self.queue.rules.limits.background_jobs, "never more than allowed");
    }

    fn is_deleting(&self, job: &Job) -> bool {
        job.files
            .iter()
            .filter_map(JobFile::part_path)
            .any(|part| self.deletes.iter().any(|(_, parts)| parts.contains(&part)))
    }
}

fn whole(file: JobFile) -> End {
    End::Finished(Box::new(JobFile { finished: true, ..file }))
}

fn fault(kind: FaultKind) -> End {
    End::Faulted { fault: Fault::new(kind, ""), retry_after: None, chance: 0.5 }
}

#[test]
fn the_queue_does_what_the_model_says() {
    let one: Option<u64> = std::env::var("MEANWHILE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or_else(|| (0..12).map(|_| fastrand::u64(..)).collect(), |seed| vec![seed]);
    for seed in seeds {
        let mut world = World::new(seed);
        let steps = std::panic::AssertUnwindSafe(|| {
            for _ in 0..3000 {
                world.step();
            }
        });
        if let Err(panic) = std::panic::catch_unwind(steps) {
            let from = world.story.len().saturating_sub(25);
            eprintln!("seed {seed}, after {} steps:\n{}", world.story.len(), world.story[from..].join("\n"));
            std::panic::resume_unwind(panic);
        }
    }
}
