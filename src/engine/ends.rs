//! What is done because a job has come to its end: the user is told, and its command is run. Each at least once: that it
//! is done is saved after it was done, and what was not saved as done is done again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Run;
use super::core::{Core, unix_secs};
use super::finish_command::{Facts, Ran, Runner};
use crate::job::{AtEnd, Cause, CommandEnd, Event, JobId, LogEntry};
use crate::session::SessionBus;
use crate::session::notify::{self, Ended, News, Wish};

/// How many notices may wait for the desktop. One that finds no room is shown at the next start.
const NOTICES_WAITING: usize = 256;

/// How long after a notice the program is still there for a click on it, even if there is nothing else to do.
const LINGER: Duration = Duration::from_mins(1);

/// The engine's part of it.
#[derive(Default)]
pub(super) struct Ends {
    /// Jobs that have come to their end just now.
    came: BTreeSet<JobId>,
    /// Jobs the desktop is telling of.
    telling: HashSet<JobId>,
    /// Jobs whose command is to be run again, and when.
    again: HashMap<JobId, Instant>,
    runner: Arc<Runner>,
    /// The commands that run. Dropping it ends them; they are run again at the next start.
    running: JoinSet<(JobId, Ran)>,
    desktop: Option<Desktop>,
    /// How long a click on the last notice is waited for.
    lingers_until: Option<Instant>,
}

/// The task that talks to the desktop, from the first notice on.
struct Desktop {
    wishes: mpsc::Sender<Wish>,
    news: mpsc::Receiver<News>,
    _task: JoinSet<()>,
}

/// What is heard of what was done.
pub(super) enum Heard {
    Ran(JobId, Ran),
    Desktop(News),
}

impl Ends {
    /// A job has come to its end.
    pub(super) fn came(&mut self, id: JobId) {
        self.came.insert(id);
    }

    /// When there is something to do or to say: a command is to be run again, or nobody clicks any more.
    pub(super) fn next_change(&self) -> Option<Instant> {
        let lingers = self.lingers_until.filter(|at| *at > Instant::now());
        self.again.values().copied().chain(lingers).min()
    }

    /// Whether something is to be done still.
    pub(super) fn is_busy(&self) -> bool {
        let is_idle = self.came.is_empty()
            && self.telling.is_empty()
            && self.running.is_empty()
            && self.again.is_empty();
        !is_idle
    }

    /// Whether somebody may yet click on a notice.
    pub(super) fn lingers(&self) -> bool {
        self.lingers_until.is_some_and(|at| at > Instant::now())
    }

    /// No more is to be done.
    pub(super) fn close(&mut self) {
        self.came.clear();
        self.telling.clear();
        self.again.clear();
        self.running.abort_all();
        self.desktop = None;
        self.lingers_until = None;
    }

    /// The next thing heard. Waits for ever while there is nothing to hear.
    pub(super) async fn next(&mut self) -> Heard {
        let Self { running, desktop, .. } = self;
        loop {
            let news = async {
                match desktop {
                    Some(desktop) => desktop.news.recv().await,
                    None => None,
                }
            };
            tokio::select! {
                Some(ran) = running.join_next() => {
                    // A panic was reported by its own hook; the command is run again at the next start.
                    if let Ok((id, ran)) = ran { return Heard::Ran(id, ran) }
                }
                Some(news) = news => return Heard::Desktop(news),
                else => return std::future::pending().await,
            }
        }
    }

    /// Has the desktop do something; whether it will.
    fn wish(&mut self, wish: Wish) -> bool {
        let desktop = self.desktop.get_or_insert_with(|| {
            let (wishes, waiting) = mpsc::channel(NOTICES_WAITING);
            let (to, news) = mpsc::channel(NOTICES_WAITING);
            let mut task = JoinSet::new();
            task.spawn(notify::serve(SessionBus::OfTheUser, waiting, to));
            Desktop { wishes, news, _task: task }
        });
        desktop.wishes.try_send(wish).is_ok()
    }
}

impl Core {
    /// Does what is to be done for jobs that have come to their end, and for those whose time has come again.
    pub(super) fn do_at_ends(&mut self) {
        // An engine that only keeps the books leaves it to the next one: it may be gone in a moment.
        if self.closing || self.mode == Run::Nothing {
            self.ends.came.clear();
            return;
        }
        let now = Instant::now();
        let due: Vec<JobId> = self.ends.again.extract_if(|_, at| *at <= now).map(|(id, _)| id).collect();
        let mut came = std::mem::take(&mut self.ends.came);
        came.extend(due);
        for id in came {
            let Some(job) = self.queue.job(id).cloned() else { continue };
            let at_end = job.at_end;
            if at_end.tell
                && let Some(ended) = Ended::of(&job)
                && self.ends.wish(Wish::Tell(ended))
            {
                self.ends.telling.insert(id);
            }
            if at_end.run
                && let (Some(command), Some(facts)) = (job.finish.clone(), Facts::of(&job))
            {
                let runner = Arc::clone(&self.ends.runner);
                self.ends.running.spawn(async move { (id, runner.run(&command, &facts).await) });
            }
        }
    }

    /// Something was done.
    pub(super) fn hear_of_end(&mut self, heard: Heard) {
        match heard {
            Heard::Ran(id, ran) => self.command_ran(id, &ran),
            Heard::Desktop(News::Retry(ids)) => {
                let now = self.now();
                for id in ids {
                    // It may have been removed, or be on its way again.
                    let _ = self.queue.resume(id, now);
                }
            }
            Heard::Desktop(News::Told(id, is_shown)) => {
                self.ends.telling.remove(&id);
                if is_shown {
                    self.ends.lingers_until = Some(Instant::now() + LINGER);
                }
                if let Some(job) = self.queue.job(id) {
                    let at_end = AtEnd { tell: false, ..job.at_end };
                    self.queue.set_at_end(id, at_end);
                }
            }
            // Not a notice: where there is no desktop it would be one at every start.
            Heard::Desktop(News::Trouble(what)) => self.log(Cause::Session, Event::System { what }),
        }
    }

    fn command_ran(&mut self, id: JobId, ran: &Ran) {
        let Some(job) = self.queue.job(id).cloned() else { return };
        let mut at_end = job.at_end;
        let again = at_end.tries.next_try_in(&ran.end);
        let said = ran.said.trim();
        let how = if said.is_empty() { ran.end.to_string() } else { format!("{}; it said: {said}", ran.end) };
        let again_in_secs = again.map(|pause| pause.as_secs());
        let event = match &ran.end {
            CommandEnd::Exited(0) => {
                Event::Changed { what: format!("The program to be run at the end ran. {how}") }
            }
            CommandEnd::CouldNotStart(_) => Event::ProgramNotStarted { how, again_in_secs },
            _ => Event::ProgramFailed { how, again_in_secs },
        };
        let cause = if ran.end == CommandEnd::Exited(0) { Cause::Transfer } else { Cause::Fault };
        self.saver.log(vec![LogEntry {
            unix_secs: unix_secs(),
            job: Some(id),
            name: job.display_name(),
            cause,
            event,
        }]);
        self.views.note_log(id);
        at_end.run = again.is_some() && job.at_end.run;
        if let Some(pause) = again.filter(|_| at_end.run) {
            self.ends.again.insert(id, Instant::now() + pause);
        }
        self.queue.set_at_end(id, at_end);
    }

    /// The notice of a job is of no use any more.
    pub(super) fn withdraw_notice(&mut self, id: JobId) {
        if self.ends.desktop.is_some() {
            self.ends.wish(Wish::Withdraw(id));
        }
    }
}

#[cfg(test)]
mod tests;
