//! The loop of the transfer thread: it owns all jobs, and everything that happens to them happens here. What is to
//! happen the [`Queue`] decides; here it is done.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::caps::Caps;
use super::clients::Clients;
use super::conditions::rules;
use super::ends::Ends;
use super::governor::Governing;
use super::runs::{Heard, Runs};
use super::saver::{Saved, Saver};
use super::secrets::Known;
use super::servers::Servers;
use super::views::Views;
use super::{Border, Refusal, Reply, Run};
use crate::idle::LinkView;
use crate::job::{Cause, Event, Fault, Job, JobId, LogEntry, Login, Orphan, Secrets};
use crate::queue::{Effect, Now, Queue};
use crate::session::Alarm;
use crate::store::{Loaded, Record, Settings};
use crate::transfer;

/// Where an answer goes.
pub(super) type AnswerTo = oneshot::Sender<Result<Reply, Refusal>>;

/// What is done once something is on disk.
pub(super) enum AfterSave {
    /// Take in new jobs and answer.
    Add(Vec<(Job, Secrets, String)>, AnswerTo),
    /// Answer.
    Answer(AnswerTo, Result<Reply, Refusal>),
    /// Let a transfer go on.
    Plan(oneshot::Sender<()>),
    /// Nobody waits for it.
    Nothing,
}

/// Small tasks beside the transfers.
pub(super) enum Chore {
    Probed(AnswerTo, Result<transfer::Probe, Fault>),
    /// These unfinished files of a job are deleted.
    Cleaned(JobId, Vec<PathBuf>),
    FreeBytes(Option<u64>),
    /// Unfinished files no job knows of.
    Orphans(Vec<Orphan>),
    /// The desktop has been told whether to start us at sign-in.
    AutostartKept,
    /// What the keyring has.
    Recalled(Option<HashMap<String, String>>),
    /// What the user should know, if there is something.
    Trouble(Option<String>),
    /// The answer is on its way.
    Answered,
}

/// The transfer thread's state.
pub(super) struct Core {
    pub(super) border: Border,
    pub(super) queue: Queue,
    pub(super) views: Views,
    pub(super) runs: Runs,
    pub(super) caps: Caps,
    /// How many connections there are to each server.
    pub(super) servers: Arc<Servers>,
    pub(super) mode: Run,
    pub(super) settings: Settings,
    pub(super) secrets: Known,
    /// What the servers of jobs have said, as long as the jobs go on.
    pub(super) memories: HashMap<JobId, Arc<transfer::Memory>>,
    /// Stands before the saver, whose end is waited for when it is dropped: nobody hears its news then.
    saved_news: mpsc::Receiver<Saved>,
    pub(super) saver: Saver,
    saver_lives: bool,
    /// Whatever is waiting for its ticket, oldest first.
    after_save: VecDeque<(u64, AfterSave)>,
    pub(super) chores: JoinSet<Chore>,
    pub(super) ends: Ends,
    pub(super) clients: Clients,
    pub(super) governing: Governing,
    /// The link as it was last measured.
    pub(super) link: Arc<LinkView>,
    /// User and password for the proxy of the settings.
    pub(super) proxy_login: Option<Login>,
    pub(super) notices: Arc<Vec<String>>,
    pub(super) orphans: Arc<Vec<Orphan>>,
    pub(super) usual_folder: PathBuf,
    /// Where the desktop looks for what to start at sign-in, and whether we are among it; `None` as long as that was not
    /// looked at.
    pub(super) autostart: Option<PathBuf>,
    pub(super) has_autostart: Option<bool>,
    pub(super) is_keeping_autostart: bool,
    pub(super) free_bytes: Option<u64>,
    pub(super) started: Instant,
    pub(super) next_measure: Option<Instant>,
    pub(super) next_look_at_disk: Instant,
    pub(super) next_look_for_stale: Instant,
    /// Goes off when the timetable changes or the clock is set; `None` while nothing depends on it.
    pub(super) alarm: Option<Pin<Box<dyn Future<Output = Alarm> + Send>>>,
    pub(super) last_publish: Option<Instant>,
    pub(super) closing: bool,
}

/// What the loop starts with.
pub(super) struct Start {
    pub(super) border: Border,
    pub(super) mode: Run,
    pub(super) loaded: Loaded,
    pub(super) settings: Settings,
    pub(super) usual_folder: PathBuf,
    pub(super) autostart: Option<PathBuf>,
    /// Whose secrets those in the keyring are: the state folder.
    pub(super) whose: String,
    pub(super) saver: Saver,
    pub(super) saved_news: mpsc::Receiver<Saved>,
}

impl Core {
    pub(super) fn new(start: Start) -> Self {
        let started = Instant::now();
        let now = Now { monotonic: Duration::ZERO, unix_secs: unix_secs() };
        let queue = Queue::new(start.loaded.jobs, start.mode, rules(&start.settings), now);
        let governing = Governing::start(started);
        let mut core = Self {
            border: start.border,
            views: Views::default(),
            queue,
            runs: Runs::new(),
            caps: Caps::new(&start.settings, governing.in_force()),
            servers: Servers::new(start.settings.per_host),
            mode: start.mode,
            settings: start.settings,
            secrets: Known::new(start.whose),
            memories: HashMap::new(),
            saver: start.saver,
            saved_news: start.saved_news,
            saver_lives: true,
            after_save: VecDeque::new(),
            chores: JoinSet::new(),
            ends: Ends::default(),
            clients: Clients::new(Arc::new(governing.steering())),
            governing,
            link: Arc::default(),
            proxy_login: None,
            orphans: Arc::default(),
            usual_folder: start.usual_folder,
            autostart: start.autostart,
            has_autostart: None,
            is_keeping_autostart: false,
            free_bytes: None,
            started,
            next_measure: None,
            next_look_at_disk: started,
            next_look_for_stale: started,
            alarm: None,
            last_publish: None,
            closing: false,
            notices: Arc::new(start.loaded.notices),
        };
        if start.mode != Run::Nothing {
            let jobs = core.queue.len();
            core.log(Cause::User, Event::Loaded { jobs });
        }
        let notices = Arc::clone(&core.notices);
        for what in notices.iter().cloned() {
            core.log(Cause::Fault, Event::Damaged { what });
        }
        core.look_at_conditions();
        core.look_at_netrc();
        if start.mode != Run::Nothing {
            core.recall_proxy_login();
        }
        let records = core.carry_out();
        core.save(records, AfterSave::Nothing);
        core.views.begin(&core.queue);
        if start.mode == Run::All {
            core.look_for_orphans();
        }
        core
    }

    /// The time since the program started, and of day.
    pub(super) fn now(&self) -> Now {
        Now { monotonic: self.started.elapsed(), unix_secs: unix_secs() }
    }

    /// Runs until it is told to stop (or whoever could is gone) and everything is on disk.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        self.look_at_disk();
        loop {
            let wake_at = self.do_what_is_due();
            if self.closing && self.is_settled() {
                break;
            }
            tokio::select! {
                heard = self.runs.next() => match heard {
                    Heard::News(run, news) => self.hear(run, news),
                    Heard::Ended(ended) => self.end_run(ended),
                },
                _ = &mut stop, if !self.closing => self.close(),
                envelope = self.border.commands.recv(), if !self.closing => match envelope {
                    Some(envelope) => self.take_in(envelope),
                    None => self.close(),
                },
                saved = self.saved_news.recv(), if self.saver_lives => self.go_on_after(&saved.unwrap_or_else(Saved::never)),
                Some(chore) = self.chores.join_next() => {
                    if let Ok(chore) = chore { self.end_chore(chore) }
                }
                () = self.secrets.settled() => {}
                end = self.ends.next(), if !self.closing => self.hear_of_end(end),
                _ = ring(&mut self.alarm) => self.look_at_conditions(),
                () = wait_until(wake_at) => {}
            }
        }
    }

    /// Whatever the time has come for; says when to look again.
    pub(super) fn do_what_is_due(&mut self) -> Option<Instant> {
        if !self.closing {
            self.queue.tick(self.now());
            self.look_for_stale();
            self.keep_autostart();
        }
        let records = self.carry_out();
        self.save(records, AfterSave::Nothing);
        let now = Instant::now();
        self.measure_if_due(now);
        let publish_at = self.publish_if_due(now);
        let tick_at = self.queue.next_tick().filter(|_| !self.closing).map(|at| self.started + at);
        let stale_at = Some(self.next_look_for_stale).filter(|_| !self.closing && !self.queue.is_empty());
        let again_at = self.ends.next_change().filter(|_| !self.closing);
        [publish_at, self.next_measure, tick_at, stale_at, again_at].into_iter().flatten().min()
    }

    fn close(&mut self) {
        self.closing = true;
        self.border.commands.close();
        self.runs.stop_all();
        self.stop_all_waiting_for_secrets();
        self.secrets.close();
        self.ends.close();
    }

    fn is_settled(&self) -> bool {
        self.runs.is_empty()
            && self.chores.is_empty()
            && self.after_save.is_empty()
            && self.secrets.is_settled()
    }

    /// Does what the queue has decided; what is to be saved is given back.
    #[must_use]
    pub(super) fn carry_out(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut to_save = HashSet::new();
        let mut to_save_of = HashSet::new();
        let mut log = Vec::new();
        loop {
            let effects = self.queue.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    Effect::Start(id, file) => self.start_run(id, file),
                    Effect::Stop(id, file) => {
                        if !self.stop_waiting_for_secrets(id, file) {
                            self.runs.stop(id, file);
                        }
                    }
                    Effect::Changed(id) => self.touch(id),
                    Effect::Save(id) => {
                        self.touch(id);
                        if self.queue.job(id).is_some_and(|job| job.state.is_final()) {
                            self.forget_secrets(id);
                        }
                        if to_save.insert(id) {
                            // Its place among the others; what it then holds is put in at the end.
                            records.push(Record::Gone(id));
                        }
                    }
                    Effect::SaveFile(id, file) => {
                        self.touch(id);
                        if !to_save.contains(&id) && to_save_of.insert((id, file)) {
                            records.extend(self.record_of_file(id, file));
                        }
                    }
                    Effect::Gone(id) => {
                        self.views.forget(id);
                        self.forget_secrets(id);
                        if to_save.insert(id) {
                            records.push(Record::Gone(id));
                        }
                    }
                    Effect::Delete(id, parts) => self.delete(id, parts),
                    Effect::Log(entry) => {
                        if let Some(id) = entry.job {
                            self.views.note_log(id);
                        }
                        log.push(entry);
                    }
                    Effect::Ended(id) => self.ends.came(id),
                }
            }
        }
        // Also where the queue has nothing to say: the time of a command may have come again.
        self.do_at_ends();
        for record in &mut records {
            // A job that is still there is saved as it is now, however often it has changed.
            if let Record::Gone(id) = record
                && let Some(job) = self.queue.job(*id)
            {
                *record = Record::Job(Arc::clone(job));
            }
        }
        if !log.is_empty() {
            self.saver.log(log);
        }
        records
    }

    /// The record of a file alone, or of its job where that is not much more.
    fn record_of_file(&self, id: JobId, file: usize) -> Option<Record> {
        let job = self.queue.job(id)?;
        Some(match job.files.get(file) {
            Some(is) if job.files.len() > 1 => Record::File { job: id, file, is: Box::new(is.clone()) },
            _ => Record::Job(Arc::clone(job)),
        })
    }

    fn touch(&mut self, id: JobId) {
        self.views.touch(id);
        if self.queue.job(id).is_none_or(|job| !job.state.is_active()) {
            self.views.rest(id);
        }
    }

    /// Notes something that is about no job.
    pub(super) fn log(&mut self, cause: Cause, event: Event) {
        let entry = LogEntry { unix_secs: unix_secs(), job: None, name: String::new(), cause, event };
        self.saver.log(vec![entry]);
    }

    // What happens after something is on disk.

    pub(super) fn save(&mut self, records: Vec<Record>, then: AfterSave) {
        if records.is_empty() {
            return self.after_save(then, &Ok(()));
        }
        match self.saver.save(records) {
            Some(ticket) => self.after_save.push_back((ticket, then)),
            None => self.after_save(then, &Err("The disk does not answer, so nothing can be saved.".into())),
        }
    }

    pub(super) fn save_settings(&mut self, answer: AnswerTo, reply: Reply) {
        match self.saver.save_settings(self.settings.clone()) {
            Some(ticket) => self.after_save.push_back((ticket, AfterSave::Answer(answer, Ok(reply)))),
            None => self.border.answer(answer, Err(Refusal::Busy)),
        }
    }

    fn go_on_after(&mut self, saved: &Saved) {
        self.saver_lives = saved.ticket != u64::MAX;
        if let Err(sentence) = &saved.result {
            self.notice(sentence);
        }
        while self.after_save.front().is_some_and(|(ticket, _)| *ticket <= saved.ticket) {
            if let Some((_, then)) = self.after_save.pop_front() {
                self.after_save(then, &saved.result);
            }
        }
        // New jobs are on their way to the disk before they are in the queue: the next generation would be without them.
        let is_adding = self.after_save.iter().any(|(_, then)| matches!(then, AfterSave::Add(..)));
        if saved.next_generation_due && !self.closing && !is_adding {
            self.saver.next_generation(self.queue.jobs().cloned().collect());
        }
    }

    /// Something the user should read.
    pub(super) fn notice(&mut self, sentence: &String) {
        if !self.notices.contains(sentence) {
            Arc::make_mut(&mut self.notices).push(sentence.clone());
        }
    }

    fn after_save(&mut self, then: AfterSave, result: &Result<(), String>) {
        let not_saved = |sentence: &String| Refusal::NotSaved(sentence.clone());
        match then {
            AfterSave::Add(jobs, answer) => {
                if let Err(sentence) = result {
                    return self.border.answer(answer, Err(not_saved(sentence)));
                }
                let ids = jobs.iter().map(|(job, ..)| job.id).collect();
                let now = self.now();
                for (job, secrets, asked_by) in jobs {
                    let id = job.id;
                    self.queue.add(job, asked_by, now);
                    if !secrets.is_empty() {
                        self.keep_secrets(id, secrets);
                    }
                }
                if self.settings.timetable.lan_exempt {
                    // Whether the timetable leaves them alone is seen by their addresses.
                    self.look_at_conditions();
                }
                let records = self.carry_out();
                self.save(records, AfterSave::Nothing);
                // Seen before the answer, so that who looks it up finds it.
                self.publish();
                self.border.answer(answer, Ok(Reply::Added(ids)));
            }
            AfterSave::Answer(answer, reply) => {
                self.publish();
                let reply = result.as_ref().map_err(not_saved).and(reply);
                self.border.answer(answer, reply);
            }
            AfterSave::Plan(saved) => {
                if result.is_ok() {
                    // The run may have been stopped meanwhile.
                    let _ = saved.send(());
                }
            }
            AfterSave::Nothing => {}
        }
    }

    // Chores.

    /// Deletes unfinished files nobody wants any more.
    fn delete(&mut self, id: JobId, parts: Vec<PathBuf>) {
        self.chores.spawn(async move {
            let deleted = parts.clone();
            let delete = tokio::task::spawn_blocking(move || {
                for part in parts {
                    match std::fs::remove_file(&part) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            tracing::warn!(path = %part.display(), %error, "an unfinished file could not be deleted");
                        }
                        _ => {}
                    }
                }
            });
            // It logs what it cannot do; there is nobody else to tell.
            let _ = delete.await;
            Chore::Cleaned(id, deleted)
        });
    }

    fn end_chore(&mut self, chore: Chore) {
        match chore {
            Chore::Probed(answer, result) => {
                self.border.answer(answer, result.map(Reply::Probed).map_err(Refusal::Fault));
            }
            Chore::Cleaned(id, parts) => self.queue.cleaned(id, &parts),
            Chore::FreeBytes(free_bytes) => self.free_bytes = free_bytes,
            Chore::Orphans(orphans) => self.take_in_orphans(orphans),
            Chore::AutostartKept => self.is_keeping_autostart = false,
            Chore::Recalled(found) => self.recalled(found),
            Chore::Trouble(Some(sentence)) => self.notice(&sentence),
            Chore::Answered | Chore::Trouble(None) => {}
        }
    }
}

async fn ring(alarm: &mut Option<Pin<Box<dyn Future<Output = Alarm> + Send>>>) -> Alarm {
    match alarm {
        Some(alarm) => alarm.await,
        None => std::future::pending().await,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Seconds since 1970.
pub(super) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
