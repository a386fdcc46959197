//! The list of all jobs as the engine holds it, with the views that go into snapshots.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::JobView;
use super::pace::{Cap, JobPace};
use super::speed::Speed;
use crate::job::{Job, JobId, JobState, Secrets};

/// A job with what is only known while the program runs.
pub(super) struct Entry {
    pub(super) job: Arc<Job>,
    pub(super) secrets: Secrets,
    /// When a waiting job is tried again.
    pub(super) retry_at: Option<Instant>,
    /// Whether this engine was asked to run it; see [`super::Run::Asked`].
    pub(super) asked: bool,
    /// Whether it goes off the list as soon as its run has ended.
    pub(super) removing: bool,
    /// What a run of it needs and leaves behind; `None` until it first runs.
    pub(super) live: Option<Live>,
    view: Arc<JobView>,
    changed: bool,
}

/// The running side of a job.
pub(super) struct Live {
    /// Bytes of the file under way that have arrived.
    pub(super) arrived: Arc<AtomicU64>,
    /// Which file that is.
    pub(super) file: usize,
    pub(super) pace: Arc<JobPace>,
    pub(super) speed: Speed,
}

impl Entry {
    pub(super) fn new(job: Arc<Job>, secrets: Secrets) -> Self {
        let view = Arc::new(JobView::resting(Arc::clone(&job)));
        Self { job, secrets, retry_at: None, asked: false, removing: false, live: None, view, changed: true }
    }

    /// The job, to be changed; its view is made anew.
    pub(super) fn job_mut(&mut self) -> &mut Job {
        self.changed = true;
        Arc::make_mut(&mut self.job)
    }

    /// The running side, made if need be.
    pub(super) fn live(&mut self, all: &Arc<Cap>) -> &mut Live {
        let limit = self.job.limit;
        self.live.get_or_insert_with(|| Live {
            arrived: Arc::default(),
            file: 0,
            pace: Arc::new(JobPace::new(limit, all)),
            speed: Speed::default(),
        })
    }

    /// Bytes that have arrived, over all files.
    fn done_bytes(&self) -> u64 {
        let synced = self.job.synced_bytes();
        match &self.live {
            Some(live) if self.job.state.is_active() => {
                let of_this_file = self.job.files.get(live.file).map_or(0, |file| file.synced_bytes);
                synced - of_this_file + live.arrived.load(Ordering::Relaxed)
            }
            _ => synced,
        }
    }

    /// Measures the speed of an active job.
    pub(super) fn measure(&mut self, at: Duration) {
        if !self.job.state.is_active() {
            return;
        }
        let done = self.done_bytes();
        if let Some(live) = &mut self.live {
            let cap = live.pace.lowest().map(|rate| rate.bytes_per_sec() as f32);
            live.speed.measure(at, done, cap);
            self.changed = true;
        }
    }

    fn make_view(&self) -> JobView {
        let done_bytes = self.done_bytes();
        let active = self.job.state.is_active();
        let speed = self.live.as_ref().map(|live| &live.speed);
        let left_bytes = self.job.total_bytes().map(|total| total.saturating_sub(done_bytes));
        JobView {
            job: Arc::clone(&self.job),
            done_bytes,
            rate_bps: speed.filter(|_| active).map_or(0, Speed::rate_bps),
            left_secs: left_bytes.filter(|_| active).and_then(|bytes| speed?.secs_for(bytes)),
            stale: false,
            log_entries: 0,
            history: speed.map(|speed| Arc::clone(speed.history())).unwrap_or_default(),
        }
    }
}

/// All jobs, in the user's order.
#[derive(Default)]
pub(super) struct Jobs {
    entries: Vec<Entry>,
    places: HashMap<JobId, usize>,
    views: Arc<Vec<Arc<JobView>>>,
    /// Whether a job came or went since the views were made.
    moved: bool,
    /// Whether anybody had a job in hand who could have changed it.
    touched: bool,
}

impl Jobs {
    pub(super) fn push(&mut self, entry: Entry) {
        self.places.insert(entry.job.id, self.entries.len());
        self.entries.push(entry);
        self.moved = true;
        self.touched = true;
    }

    pub(super) fn remove(&mut self, id: JobId) {
        let Some(place) = self.places.remove(&id) else { return };
        self.entries.remove(place);
        for (place, entry) in self.entries.iter().enumerate().skip(place) {
            self.places.insert(entry.job.id, place);
        }
        self.moved = true;
        self.touched = true;
    }

    pub(super) fn get(&self, id: JobId) -> Option<&Entry> {
        self.places.get(&id).map(|place| &self.entries[*place])
    }

    pub(super) fn get_mut(&mut self, id: JobId) -> Option<&mut Entry> {
        self.touched = true;
        self.places.get(&id).map(|place| &mut self.entries[*place])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.touched = true;
        self.entries.iter_mut()
    }

    /// Whether [`Jobs::views`] may differ from what it was last.
    pub(super) const fn may_have_changed(&self) -> bool {
        self.touched
    }

    /// All jobs as they are to be saved.
    pub(super) fn to_save(&self) -> Vec<Arc<Job>> {
        self.entries.iter().map(|entry| Arc::clone(&entry.job)).collect()
    }

    /// The views of all jobs; those that have not changed are the same ones as before, and if none has, so is
    /// the list.
    pub(super) fn views(&mut self) -> Arc<Vec<Arc<JobView>>> {
        if !std::mem::take(&mut self.touched) {
            return Arc::clone(&self.views);
        }
        let mut any = std::mem::take(&mut self.moved);
        for entry in &mut self.entries {
            if std::mem::take(&mut entry.changed) {
                entry.view = Arc::new(entry.make_view());
                any = true;
            }
        }
        if any {
            self.views = Arc::new(
                self.entries
                    .iter()
                    .filter(|entry| !entry.removing)
                    .map(|entry| Arc::clone(&entry.view))
                    .collect(),
            );
        }
        Arc::clone(&self.views)
    }

    /// Bytes per second arriving now.
    pub(super) fn rate_bps(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.job.state.is_active()).map(|entry| entry.view.rate_bps).sum()
    }

    /// Whether a transfer is under way.
    pub(super) fn any_active(&self) -> bool {
        self.entries.iter().any(|entry| entry.job.state.is_active())
    }

    /// When the next waiting job is to be tried again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.job.state, JobState::Waiting(_)))
            .filter_map(|entry| entry.retry_at)
            .min()
    }
}
