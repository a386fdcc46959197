//! The views of all jobs that go into snapshots, and what is only known of those that run.
//!
//! A snapshot shares the list and all that has not changed with the one before, so publishing costs as much as has
//! changed, whatever the number of jobs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imbl::Vector;

use super::cap::Cap;
use super::caps::cap_view;
use super::governor::InForce;
use super::pace::FilePaces;
use super::snapshot::{Fetching, JobView};
use super::speed::Speed;
use crate::job::{Job, JobId, Rate, Wanted};
use crate::queue::Queue;
use crate::store::Settings;
use crate::transfer::Meter;

/// The list is made anew when more than one of so many have changed.
const MANY: usize = 16;

/// The running side of a job.
pub(super) struct Live {
    /// Its own cap.
    pub(super) own: Arc<Cap>,
    files: Vec<LiveFile>,
    speed: Speed,
    /// Whether its server is in one of this machine's own subnets, as far as known.
    pub(super) is_near: Arc<AtomicBool>,
}

/// The running side of a file that is being fetched.
struct LiveFile {
    file: usize,
    meter: Arc<Meter>,
    paces: Arc<FilePaces>,
}

/// What else there is to show of a job.
#[derive(Clone, Copy, Default)]
struct Marks {
    log_entries: u64,
    stale: bool,
}

/// What is needed to tell a job's cap.
pub(super) struct Light<'a> {
    pub(super) settings: &'a Settings,
    pub(super) unix_secs: u64,
}

/// All views, in the user's order.
#[derive(Default)]
pub(super) struct Views {
    list: Vector<Arc<JobView>>,
    /// The place each view has in the user's order.
    places: HashMap<JobId, u64>,
    live: HashMap<JobId, Live>,
    marks: HashMap<JobId, Marks>,
    touched: HashSet<JobId>,
}

impl Views {
    /// Makes the views of all jobs at once, for the first snapshot. Not before the queue has settled what becomes of
    /// them: each job that changes while a view has it is there twice.
    pub(super) fn begin(&mut self, queue: &Queue) {
        self.list = shown(queue).map(|job| Arc::new(JobView::resting(Arc::clone(job)))).collect();
        self.places = HashMap::with_capacity(queue.len());
        self.places.extend(shown(queue).map(|job| (job.id, job.place)));
        // What there is to show of the others is in the job.
        self.touched.retain(|id| self.live.contains_key(id) || self.marks.contains_key(id));
        self.touched.shrink_to_fit();
    }

    /// A job has changed.
    pub(super) fn touch(&mut self, id: JobId) {
        self.touched.insert(id);
    }

    /// The log has one more entry of a job.
    pub(super) fn note_log(&mut self, id: JobId) {
        self.marks.entry(id).or_default().log_entries += 1;
        self.touched.insert(id);
    }

    /// Whether nothing has happened to a job for long; says whether that is news.
    pub(super) fn set_stale(&mut self, id: JobId, stale: bool) -> bool {
        if self.marks.get(&id).copied().unwrap_or_default().stale == stale {
            return false;
        }
        self.marks.entry(id).or_default().stale = stale;
        self.touched.insert(id);
        true
    }

    /// A job is off the list.
    pub(super) fn forget(&mut self, id: JobId) {
        self.live.remove(&id);
        self.marks.remove(&id);
        self.touched.insert(id);
    }

    /// Whether [`Views::refresh`] may change anything.
    pub(super) fn may_have_changed(&self) -> bool {
        !self.touched.is_empty()
    }

    /// The list, brought up to date; says whether it has changed.
    pub(super) fn refresh(&mut self, queue: &Queue, light: &Light<'_>) -> bool {
        let changed = !self.touched.is_empty();
        let touched = std::mem::take(&mut self.touched);
        if touched.len() > self.list.len() / MANY {
            self.make_anew(&touched, queue, light);
            return changed;
        }
        let one = |id: JobId| queue.job(id).filter(|job| is_shown(job));
        // First out with all that stand elsewhere now: a place may be another's meanwhile.
        for id in &touched {
            if one(*id).map(|job| job.place) != self.places.get(id).copied() {
                self.take_out(*id);
            }
        }
        for id in touched {
            let Some(job) = one(id) else { continue };
            let view = Arc::new(self.make_view(job, queue.running(id), light));
            match self.index_of(job.place) {
                Ok(index) => {
                    self.list.set(index, view);
                }
                Err(index) => {
                    self.list.insert(index, view);
                    self.places.insert(id, job.place);
                }
            }
        }
        changed
    }

    /// The whole list, with new views of those that have changed. Where many have, that is quicker than to look for the
    /// place of each.
    fn make_anew(&mut self, changed: &HashSet<JobId>, queue: &Queue, light: &Light<'_>) {
        // The others stand in the same order as before.
        let mut others = self.list.iter().filter(|view| !changed.contains(&view.job.id)).peekable();
        let view = |job: &Arc<Job>| match others.next_if(|view| view.job.id == job.id) {
            Some(view) => Arc::clone(view),
            None => Arc::new(self.make_view(job, queue.running(job.id), light)),
        };
        let list = shown(queue).map(view).collect();
        self.list = list;
        self.places.clear();
        self.places.extend(shown(queue).map(|job| (job.id, job.place)));
    }

    fn take_out(&mut self, id: JobId) {
        if let Some(Ok(index)) = self.places.remove(&id).map(|place| self.index_of(place)) {
            self.list.remove(index);
        }
    }

    fn index_of(&self, place: u64) -> Result<usize, usize> {
        // The views may lag behind the queue; each holds the job with the place it was put at, and no two the same.
        self.list.binary_search_by(|view| view.job.place.cmp(&place))
    }

    /// The list as it was last brought up to date.
    pub(super) fn list(&self) -> Vector<Arc<JobView>> {
        self.list.clone()
    }

    fn make_view(&self, job: &Arc<Job>, running: &[usize], light: &Light<'_>) -> JobView {
        let live = self.live.get(&job.id);
        let marks = self.marks.get(&job.id).copied().unwrap_or_default();
        let done_bytes = done_bytes(job, live);
        let active = live.filter(|_| job.state.is_active());
        let left_bytes = job.total_bytes().map(|total| total.saturating_sub(done_bytes));
        JobView {
            job: Arc::clone(job),
            done_bytes,
            rate_bps: active.map_or(0, |live| live.speed.rate_bps()),
            left_secs: left_bytes.and_then(|bytes| active?.speed.secs_for(bytes)),
            cap: active.and_then(|live| {
                cap_view(job, light.settings, light.unix_secs, live.is_near.load(Ordering::Relaxed))
            }),
            running: running.to_vec(),
            verified_bytes: active
                .map_or(0, |live| live.files.iter().map(|of| of.meter.verified()).max().unwrap_or_default()),
            fetching: active.map_or_else(Vec::new, |live| {
                let of_file = |of: &LiveFile| Fetching { file: of.file, ranges: of.meter.fetching() };
                live.files.iter().map(of_file).collect()
            }),
            stale: marks.stale && job.is_stale(light.unix_secs, light.settings.stale_days),
            log_entries: marks.log_entries,
            ..JobView::resting(Arc::clone(job))
        }
        .with_history(live.map(|live| live.speed.history()))
    }

    // The running side.

    /// The running side of a job, made if need be.
    pub(super) fn live_mut(&mut self, job: &Job, in_force: &InForce) -> &mut Live {
        self.live.entry(job.id).or_insert_with(|| Live {
            own: Cap::new(job.limit, in_force),
            files: Vec::new(),
            speed: Speed::default(),
            is_near: Arc::default(),
        })
    }

    /// The running side of a job, if it has run.
    pub(super) fn live(&self, id: JobId) -> Option<&Live> {
        self.live.get(&id)
    }

    /// Measures the speeds of active jobs.
    pub(super) fn measure(&mut self, queue: &Queue, at: Duration) {
        for id in queue.active() {
            let Some(job) = queue.job(id) else { continue };
            let Some(live) = self.live.get_mut(&id) else { continue };
            let done = done_bytes(job, Some(live));
            let cap = live.lowest_cap();
            live.speed.measure(at, done, cap.map(|rate| rate.bytes_per_sec() as f32));
            self.touched.insert(id);
        }
    }

    /// A job rests: its speed is over.
    pub(super) fn rest(&mut self, id: JobId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.speed.rest();
        }
    }

    /// Bytes per second arriving now.
    pub(super) fn rate_bps(&self, queue: &Queue) -> u64 {
        self.rate_bps_of(queue, |_| true)
    }

    /// Bytes per second arriving now for jobs of a kind.
    pub(super) fn rate_bps_of(&self, queue: &Queue, is_one: impl Fn(&Job) -> bool) -> u64 {
        self.active(queue, is_one).map(|live| live.speed.rate_bps()).sum()
    }

    /// The lowest cap in force for active jobs of a kind.
    pub(super) fn lowest_cap_of(&self, queue: &Queue, is_one: impl Fn(&Job) -> bool) -> Option<Rate> {
        self.active(queue, is_one).filter_map(Live::lowest_cap).min()
    }

    fn active<'a>(
        &'a self,
        queue: &'a Queue,
        is_one: impl Fn(&Job) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Live> + 'a {
        let wanted = queue.active().filter(move |id| queue.job(*id).is_some_and(|job| is_one(job)));
        wanted.filter_map(|id| self.live.get(&id))
    }
}

impl Live {
    /// A file begins to be fetched.
    pub(super) fn begin(&mut self, file: usize, meter: &Arc<Meter>, paces: &Arc<FilePaces>) {
        self.files.retain(|of| of.file != file);
        self.files.push(LiveFile { file, meter: Arc::clone(meter), paces: Arc::clone(paces) });
    }

    /// A file is not fetched any more.
    pub(super) fn end(&mut self, file: usize) {
        self.files.retain(|of| of.file != file);
    }

    /// The meters of its files.
    pub(super) fn meters(&self) -> impl Iterator<Item = &Meter> {
        self.files.iter().map(|of| &*of.meter)
    }

    /// The paces of its files.
    pub(super) fn paces(&self) -> impl Iterator<Item = &Arc<FilePaces>> {
        self.files.iter().map(|of| &of.paces)
    }

    /// The lowest cap in force.
    pub(super) fn lowest_cap(&self) -> Option<Rate> {
        self.paces().filter_map(|paces| paces.lowest()).min()
    }
}

/// The jobs that have a view, in the user's order.
fn shown(queue: &Queue) -> impl Iterator<Item = &Arc<Job>> {
    queue.jobs().filter(|job| is_shown(job))
}

fn is_shown(job: &Job) -> bool {
    job.wanted != Wanted::Remove
}

/// Bytes that have arrived, over all files.
fn done_bytes(job: &Job, live: Option<&Live>) -> u64 {
    let synced = job.synced_bytes();
    let Some(live) = live else { return synced };
    let of_files = live.files.iter().filter_map(|of| {
        let file = job.files.get(of.file).filter(|file| !file.finished && !file.is_left_out())?;
        Some((file.synced_bytes(), of.meter.arrived()))
    });
    of_files.fold(synced, |done, (synced, arrived)| (done - synced).saturating_add(arrived))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{NewJob, To};
    use crate::queue::{Now, Rules, Run};

    /// Whatever is moved where, and however much at once, each view stands once and where its job does.
    #[test]
    fn the_list_follows_the_users_order() {
        let mut random = fastrand::Rng::with_seed(7);
        for jobs in [2, 3, 4, 5, 8, 13, 21, 34, 55, 89, 144] {
            let mut queue = Queue::new(Vec::new(), Run::Nothing, Rules::default(), Now::default());
            for number in 0..jobs {
                let new = NewJob::of(format!("http://127.0.0.1:1/{number}"), "/srv");
                let (mut job, _) = new.into_job(JobId::random(), 0).unwrap();
                job.place = queue.next_place();
                queue.add(job, String::new(), Now::default());
            }
            let mut views = Views::default();
            views.begin(&queue);
            let light = Light { settings: &Settings::default(), unix_secs: 0 };
            for step in 0..100 {
                let ids: Vec<JobId> = queue.jobs().map(|job| job.id).collect();
                for _ in 0..random.usize(1..4) {
                    let few = random.usize(1..4);
                    let moved = random.choose_multiple(ids.iter().copied(), few);
                    let beside = ids[random.usize(..ids.len())];
                    let to = [To::First, To::Last, To::Before(beside), To::After(beside)];
                    queue.move_jobs(&moved, to[random.usize(..to.len())]).unwrap();
                }
                for effect in queue.take_effects() {
                    if let crate::queue::Effect::Save(id) = effect {
                        views.touch(id);
                    }
                }
                views.refresh(&queue, &light);
                let shown: Vec<JobId> = views.list.iter().map(|view| view.job.id).collect();
                let ordered: Vec<JobId> = queue.jobs().map(|job| job.id).collect();
                assert_eq!(shown, ordered, "{jobs} jobs, step {step}");
            }
        }
    }
}
