//! Settings as they take effect, what must hold so that jobs may run, and the look for jobs nothing happens to.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use super::caps::near_jobs;
use super::core::{Chore, Core, unix_secs};
use super::places::netrc;
use crate::job::{Cause, Event, Job, JobId, LogEntry, StartMode};
use crate::queue::{Conditions, Limits, Rules};
use crate::session;
use crate::store::Settings;
use crate::transfer::Netrc;

/// How often jobs are looked through for those nothing has happened to for long.
const LOOK_FOR_STALE_EVERY: Duration = Duration::from_hours(24);

const DAY: Duration = Duration::from_hours(24);

impl Core {
    /// The settings have changed: they hold at once.
    pub(super) fn heed_settings(&mut self) {
        self.caps.set(&self.settings);
        self.servers.set_most(self.settings.per_host);
        // A file with certificates may be another one now, and a proxy have another login.
        self.clients.forget_all();
        self.queue.set_rules(rules(&self.settings));
        self.look_at_conditions();
        self.look_at_netrc();
        let active: Vec<JobId> = self.queue.active().collect();
        for id in active {
            self.views.touch(id);
        }
    }

    /// Says once what is wrong with `~/.netrc`, where it is used.
    pub(super) fn look_at_netrc(&mut self) {
        let Some(path) = netrc().filter(|_| self.settings.use_netrc && self.mode != Run::Nothing) else {
            return;
        };
        self.chores.spawn(async move {
            let checked = tokio::task::spawn_blocking(move || Netrc::check(&path)).await;
            Chore::Trouble(checked.ok().and_then(Result::err).map(|error| error.to_string()))
        });
    }

    /// Looks anew at what must hold so that jobs may run.
    pub(super) fn look_at_conditions(&mut self) {
        let now = self.now();
        let present = self.caps.look_at_week(&self.settings, now.unix_secs);
        // Nothing depends on the time of day unless the timetable is on.
        self.alarm = present.until_unix_secs.map(|at| Box::pin(session::until(at)) as Pin<Box<_>>);
        // An engine that only keeps the books is none the timetable matters to.
        if let Some(event) = present.event.filter(|_| self.mode != Run::Nothing) {
            self.log(Cause::Timetable, event);
        }
        let before = self.queue.conditions().clone();
        let near = if self.settings.timetable.lan_exempt && present.no_allowance.contains(&true) {
            near_jobs(self.queue.jobs(), &self.settings)
        } else {
            HashSet::new()
        };
        let conditions = Conditions {
            near: Arc::new(near),
            disabled: self.settings.start_mode == StartMode::Disabled,
            held: self.settings.paused,
            no_allowance: present.no_allowance,
            allowance_until_unix_secs: present.until_unix_secs,
            ..before.clone()
        };
        if before.held != conditions.held {
            let what = if conditions.held { "All downloads were paused" } else { "All downloads go on" };
            self.log(Cause::User, Event::System { what: what.to_owned() });
        }
        self.queue.set_conditions(conditions, now);
    }

    /// Has the desktop start us at sign-in exactly while there is something to go on with, if that is wanted.
    pub(super) fn keep_autostart(&mut self) {
        let automatic = self.settings.start_mode == StartMode::Automatic;
        // Only who transfers all jobs knows whether any goes on; that it is not wanted at all everybody knows.
        let knows = self.mode == Run::All || !automatic;
        let Some(folder) = self.autostart.clone().filter(|_| knows) else { return };
        let wanted = automatic && self.queue.goes_on_by_itself();
        // One after the other, so that the last word is the last one written.
        if self.has_autostart == Some(wanted) || self.is_keeping_autostart {
            return;
        }
        self.has_autostart = Some(wanted);
        self.is_keeping_autostart = true;
        self.chores.spawn(async move {
            let keep = move || {
                if wanted {
                    session::set_autostart(&folder, &std::env::current_exe()?)
                } else {
                    session::clear_autostart(&folder)
                }
            };
            if let Ok(Err(error)) = tokio::task::spawn_blocking(keep).await {
                tracing::warn!(%error, "the desktop cannot be told whether to start Meanwhile at sign-in");
            }
            Chore::AutostartKept
        });
    }

    pub(super) fn look_for_stale(&mut self) {
        let now = Instant::now();
        if self.next_look_for_stale > now {
            return;
        }
        self.next_look_for_stale = now + LOOK_FOR_STALE_EVERY;
        let days = u64::from(self.settings.stale_days);
        let unix_secs = unix_secs();
        let is_stale = |job: &Arc<Job>| job.is_stale(unix_secs, self.settings.stale_days);
        let stale: Vec<(JobId, String)> =
            self.queue.jobs().filter(|job| is_stale(job)).map(|job| (job.id, job.display_name())).collect();
        let mut log = Vec::new();
        for (id, name) in stale {
            if self.views.set_stale(id, true) {
                let event = Event::Stale { days };
                log.push(LogEntry { unix_secs, job: Some(id), name, cause: Cause::Timer, event });
                self.views.note_log(id);
            }
        }
        if !log.is_empty() {
            // All at once: one by one, many of them would leave no room for what is to be saved.
            self.saver.log(log);
        }
    }
}

/// The numbers the queue works by, out of the settings.
pub(super) fn rules(settings: &Settings) -> Rules {
    Rules {
        limits: Limits { background_jobs: settings.background_jobs, per_host: settings.per_host },
        slice: Duration::from_secs(settings.slice_secs.into()),
        longest_retry: Duration::from_secs(settings.retry_longest_secs.into()),
        no_progress: DAY * settings.no_progress_days,
        longest_active: DAY * settings.max_active_days,
        tell: settings.notify,
    }
}
