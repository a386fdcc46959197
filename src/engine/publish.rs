//! What the engine measures, and the snapshots it publishes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Snapshot;
use super::core::{Chore, Core, unix_secs};
use super::views::Light;
use crate::job::{Job, Priority};
use crate::transfer;

/// The shortest time between two snapshots.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// How often speeds are measured while anything is active.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// How often the free space is looked up while anything is active.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(10);

impl Core {
    pub(super) fn measure_if_due(&mut self, now: Instant) {
        if self.queue.active().next().is_none() {
            if self.next_measure.take().is_some() {
                self.measure_link(now - self.started);
            }
            return;
        }
        if self.next_measure.is_none_or(|at| at <= now) {
            let at = now - self.started;
            // On a grid since the start: a late one must not shift those that follow.
            let halves = at.as_millis() / MEASURE_EVERY.as_millis() + 1;
            self.next_measure = Some(self.started + MEASURE_EVERY * halves as u32);
            self.views.measure(&self.queue, at);
            self.measure_link(at);
            self.look_at_disk();
        }
    }

    fn measure_link(&mut self, at: Duration) {
        let is_foreground = |job: &Job| job.priority == Priority::Foreground;
        let foreground_bps = self.views.rate_bps_of(&self.queue, is_foreground);
        let cap = self.views.lowest_cap_of(&self.queue, |job| !is_foreground(job));
        let cap_bps = cap.map(|rate| rate.bytes_per_sec() as f32);
        let link = self.governing.measure(at, foreground_bps, cap_bps, unix_secs());
        if let Some(what) = self.governing.end_of_step_back(at, &link) {
            let active: Vec<_> = self.queue.active().collect();
            let now = self.now();
            for id in active {
                if self.queue.job(id).is_some_and(|job| !is_foreground(job)) {
                    self.queue.throttled(id, what.clone(), now);
                }
            }
        }
        if *self.link != link {
            self.link = Arc::new(link);
        }
    }

    pub(super) fn look_at_disk(&mut self) {
        let now = Instant::now();
        if self.next_look_at_disk > now {
            return;
        }
        self.next_look_at_disk = now + LOOK_AT_DISK_EVERY;
        let folder = self.download_folder();
        self.chores.spawn(async move {
            let looked = tokio::task::spawn_blocking(move || transfer::free_bytes(&folder).ok().flatten());
            Chore::FreeBytes(looked.await.ok().flatten())
        });
    }

    pub(super) fn download_folder(&self) -> PathBuf {
        self.settings.download_folder.clone().unwrap_or_else(|| self.usual_folder.clone())
    }

    /// Publishes what has changed, unless the last snapshot was just now; then it says when.
    pub(super) fn publish_if_due(&mut self, now: Instant) -> Option<Instant> {
        let next = self.last_publish.map_or(now, |last| last + PUBLISH_EVERY);
        if next > now {
            let last = self.border.published();
            let has_changed = self.views.may_have_changed() || !self.head(&last).is_same_but_for_jobs(&last);
            return Some(next).filter(|_| has_changed);
        }
        self.publish();
        None
    }

    pub(super) fn publish(&mut self) {
        let began = std::time::Instant::now();
        let last = self.border.published();
        let light = Light { settings: &self.settings, unix_secs: unix_secs() };
        let changed = self.views.refresh(&self.queue, &light);
        let head = self.head(&last);
        if changed || !head.is_same_but_for_jobs(&last) {
            self.last_publish = Some(Instant::now());
            self.border.publish(Snapshot { number: last.number + 1, jobs: self.views.list(), ..head });
            // The runtime's clock may stand still in a test; what is measured here is real.
            tracing::trace!(published_micros = began.elapsed().as_micros() as u64);
        }
    }

    /// How things stand, apart from the jobs.
    fn head(&self, last: &Snapshot) -> Snapshot {
        let conditions = self.queue.conditions();
        Snapshot {
            number: last.number,
            jobs: imbl::Vector::new(),
            rate_bps: self.views.rate_bps(&self.queue),
            link: Arc::clone(&self.link),
            limit: self.settings.limit,
            paused: self.settings.paused,
            slow: self.settings.slow,
            busy: (self.queue.goes_on_by_itself() && !conditions.is_stopped_by_user()) || self.ends.is_busy(),
            lingers: self.ends.lingers(),
            waiting: conditions.blocking_priority(crate::job::Priority::Normal).map(|(waiting, _)| waiting),
            orphans: Arc::clone(&self.orphans),
            theme: self.settings.theme,
            download_folder: self.download_folder(),
            free_bytes: self.free_bytes,
            notices: Arc::clone(&self.notices),
        }
    }
}
