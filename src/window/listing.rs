//! Which jobs the list shows, in which order, and which of them are selected. Pure.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use crate::engine::{CapView, JobView, Snapshot, WhichCap};
use crate::job::{JobId, JobState, Rate, Why};

use super::words;

/// Which jobs are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    #[default]
    All,
    Active,
    Waiting,
    Finished,
    Failed,
}

impl Filter {
    pub(super) const EACH: [Self; 5] = [Self::All, Self::Active, Self::Waiting, Self::Finished, Self::Failed];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Active => "Active",
            Self::Waiting => "Waiting",
            Self::Finished => "Finished",
            Self::Failed => "Failed",
        }
    }

    const fn takes(self, state: &JobState) -> bool {
        match self {
            Self::All => true,
            Self::Active => state.is_active(),
            Self::Waiting => {
                matches!(state, JobState::Queued | JobState::Waiting(_) | JobState::Suspended)
            }
            Self::Finished => matches!(state, JobState::Transferred | JobState::Acknowledged),
            Self::Failed => matches!(state, JobState::Error(_)),
        }
    }
}

/// By what the list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortBy {
    Name,
    Progress,
    Size,
    Speed,
    Added,
}

impl SortBy {
    pub(super) const EACH: [Self; 5] = [Self::Name, Self::Progress, Self::Size, Self::Speed, Self::Added];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Progress => "Progress",
            Self::Size => "Size",
            Self::Speed => "Speed",
            Self::Added => "Added",
        }
    }

    /// Names from A on, the rest from the largest and the latest on: what people look for.
    fn compare(self, a: &JobView, b: &JobView) -> Ordering {
        match self {
            // Sorted by a cached key instead.
            Self::Name => Ordering::Equal,
            Self::Progress => b.fraction().unwrap_or(-1.0).total_cmp(&a.fraction().unwrap_or(-1.0)),
            Self::Size => b.job.total_bytes().cmp(&a.job.total_bytes()),
            Self::Speed => b.rate_bps.cmp(&a.rate_bps),
            Self::Added => b.job.added_unix_secs.cmp(&a.job.added_unix_secs),
        }
    }
}

/// By what, and whether the other way round; `None` is the user's own order.
pub(super) type Sort = Option<(SortBy, bool)>;

/// The sort after a click on a header: its way, the other way, the user's own order.
pub(super) fn clicked(sort: Sort, by: SortBy) -> Sort {
    match sort {
        Some((current, false)) if current == by => Some((by, true)),
        Some((current, true)) if current == by => None,
        _ => Some((by, false)),
    }
}

/// What is known of all jobs together; counted once per snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Totals {
    /// Jobs per entry of [`Filter::EACH`].
    pub counts: [usize; 5],
    /// Jobs that go on without the user.
    pub going_on: usize,
    /// Jobs held by the user.
    pub suspended: usize,
    /// The latest sample of any graph: what "now" is.
    pub latest_sample: u64,
    /// What the timetable does.
    pub by_timetable: ByTimetable,
    /// The slow cap, where it is the one that holds something.
    pub slow: Option<Rate>,
}

/// What the timetable does to the jobs now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ByTimetable {
    /// How many it lets wait.
    pub stopped: usize,
    /// The lowest and the highest of the caps it holds jobs to.
    pub caps: Option<(Rate, Rate)>,
    /// When the first of that changes, in seconds since 1970.
    pub until_unix_secs: Option<u64>,
}

impl ByTimetable {
    fn count(&mut self, view: &JobView) {
        let until = match (&view.job.state, &view.cap) {
            (JobState::Waiting(waiting), _) if waiting.why == Why::Timetable => {
                self.stopped += 1;
                waiting.until_unix_secs
            }
            (_, Some(CapView { rate, which: WhichCap::Timetable, until_unix_secs })) => {
                let (least, most) = self.caps.unwrap_or((*rate, *rate));
                self.caps = Some((least.min(*rate), most.max(*rate)));
                *until_unix_secs
            }
            _ => return,
        };
        self.until_unix_secs = self.until_unix_secs.into_iter().chain(until).min();
    }
}

impl Totals {
    /// Jobs under way.
    pub(super) const fn active(&self) -> usize {
        self.counts[1]
    }

    fn of<'a>(jobs: impl IntoIterator<Item = &'a Arc<JobView>>) -> Self {
        let mut totals = Self::default();
        for view in jobs {
            for (filter, count) in Filter::EACH.into_iter().zip(&mut totals.counts) {
                *count += usize::from(filter.takes(&view.job.state));
            }
            totals.going_on += usize::from(view.job.state.goes_on_by_itself());
            totals.suspended += usize::from(matches!(view.job.state, JobState::Suspended));
            totals.by_timetable.count(view);
            if let Some(CapView { rate, which: WhichCap::Slow, .. }) = view.cap {
                totals.slow = Some(rate);
            }
            if let Some(sample) = view.history.last() {
                totals.latest_sample = totals.latest_sample.max(sample.at);
            }
        }
        totals
    }
}

/// The rows of the list, as indices into the snapshot's jobs.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub filter: Filter,
    pub search: String,
    pub sort: Sort,
    pub rows: Vec<u32>,
    pub totals: Totals,
    made_of: Option<(u64, Filter, String, Sort)>,
}

impl Listing {
    /// An empty one that will show these jobs in that order.
    pub(super) fn new(filter: Filter, sort: Sort) -> Self {
        Self { filter, sort, ..Self::default() }
    }

    /// Brings the rows up to date; costs nothing where nothing has changed. Says whether it had.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot) -> bool {
        if let Some((number, filter, search, sort)) = &self.made_of
            && *number == snapshot.number
            && *filter == self.filter
            && *sort == self.sort
            && *search == self.search
        {
            return false;
        }
        if self.made_of.as_ref().is_none_or(|made_of| made_of.0 != snapshot.number) {
            self.totals = Totals::of(&snapshot.jobs);
        }
        self.made_of = Some((snapshot.number, self.filter, self.search.clone(), self.sort));
        let wanted: Vec<String> = self.search.split_whitespace().map(str::to_lowercase).collect();
        let jobs = &snapshot.jobs;
        self.rows.clear();
        self.rows.extend(
            (0_u32..)
                .zip(jobs.iter())
                .filter(|(_, view)| self.filter.takes(&view.job.state) && matches_all(view, &wanted))
                .map(|(index, _)| index),
        );
        if let Some((by, reversed)) = self.sort {
            let view = |index: &u32| &jobs[*index as usize];
            if by == SortBy::Name {
                self.rows.sort_by_cached_key(|index| view(index).job.display_name().to_lowercase());
            } else {
                self.rows.sort_by(|a, b| by.compare(view(a), view(b)));
            }
            if reversed {
                self.rows.reverse();
            }
        }
        true
    }

    /// The order of the jobs has changed, whatever the snapshot's number says.
    pub(super) fn forget_rows(&mut self) {
        self.made_of = None;
    }

    /// The row a job is in.
    pub(super) fn row_of(&self, snapshot: &Snapshot, id: JobId) -> Option<usize> {
        self.rows.iter().position(|index| snapshot.jobs[*index as usize].job.id == id)
    }

    /// The job in a row.
    pub(super) fn job<'a>(&self, snapshot: &'a Snapshot, row: usize) -> Option<&'a Arc<JobView>> {
        snapshot.jobs.get(*self.rows.get(row)? as usize)
    }
}

/// Whether every word is somewhere in the name or the address.
fn matches_all(view: &JobView, wanted: &[String]) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let name = view.job.display_name().to_lowercase();
    let host = words::host(view).to_lowercase();
    wanted.iter().all(|word| {
        name.contains(word)
            || host.contains(word)
            || view.job.files.iter().any(|file| file.url.as_str().to_lowercase().contains(word))
    })
}

/// The selected jobs, by id: rows move.
#[derive(Debug, Default)]
pub(super) struct Selection {
    ids: HashSet<JobId>,
    /// Where a range starts.
    anchor: Option<JobId>,
    /// Where the keyboard is.
    pub cursor: Option<JobId>,
}

/// How a click or a key changes the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This one only.
    One,
    /// This one more or less.
    Toggle,
    /// From the anchor to here.
    Range,
}

impl Reach {
    pub(super) const fn of(modifiers: egui::Modifiers) -> Self {
        if modifiers.shift {
            Self::Range
        } else if modifiers.command {
            Self::Toggle
        } else {
            Self::One
        }
    }
}

impl Selection {
    pub(super) fn contains(&self, id: JobId) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Selects row `row` in that manner.
    pub(super) fn touch(&mut self, row: usize, reach: Reach, listing: &Listing, snapshot: &Snapshot) {
        let Some(id) = listing.job(snapshot, row).map(|view| view.job.id) else { return };
        match reach {
            Reach::One => {
                self.ids = HashSet::from([id]);
                self.anchor = Some(id);
            }
            Reach::Toggle => {
                if !self.ids.remove(&id) {
                    self.ids.insert(id);
                }
                self.anchor = Some(id);
            }
            Reach::Range => {
                let from = self.anchor.and_then(|anchor| listing.row_of(snapshot, anchor)).unwrap_or(row);
                let range = from.min(row)..=from.max(row);
                self.ids =
                    range.filter_map(|row| listing.job(snapshot, row)).map(|view| view.job.id).collect();
                self.anchor = self.anchor.or(Some(id));
            }
        }
        self.cursor = Some(id);
    }

    /// Selects every row shown.
    pub(super) fn all(&mut self, listing: &Listing, snapshot: &Snapshot) {
        self.ids = listing.rows.iter().map(|index| snapshot.jobs[*index as usize].job.id).collect();
        self.cursor = self.cursor.or_else(|| listing.job(snapshot, 0).map(|view| view.job.id));
    }

    /// Lets go of what is not shown any more: nothing may happen to a job that cannot be seen.
    pub(super) fn keep_shown(&mut self, listing: &Listing, snapshot: &Snapshot) {
        if self.ids.is_empty() && self.cursor.is_none() {
            return;
        }
        let mut shown = HashSet::with_capacity(self.ids.len());
        let mut cursor = None;
        for view in listing.rows.iter().map(|index| &snapshot.jobs[*index as usize]) {
            if self.ids.contains(&view.job.id) {
                shown.insert(view.job.id);
            }
            if self.cursor == Some(view.job.id) {
                cursor = self.cursor;
            }
        }
        self.ids = shown;
        self.cursor = cursor;
    }

    /// The selected jobs, in the order of the list.
    pub(super) fn jobs<'a>(&self, listing: &Listing, snapshot: &'a Snapshot) -> Vec<&'a Arc<JobView>> {
        if self.ids.is_empty() {
            return Vec::new();
        }
        if let Some(cursor) = self.cursor
            && self.ids.len() == 1
            && self.ids.contains(&cursor)
        {
            return snapshot.job(cursor).into_iter().collect();
        }
        let shown = listing.rows.iter().map(|index| &snapshot.jobs[*index as usize]);
        shown.filter(|view| self.ids.contains(&view.job.id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Fault, FaultKind, NewJob};

    fn snapshot(jobs: &[(&str, JobState, u64)]) -> Snapshot {
        let views = jobs.iter().enumerate().map(|(index, (name, state, size))| {
            let url = format!("https://host{index}.example/{name}");
            let new = NewJob::of(url, "");
            let (mut job, _) = new.into_job(JobId::random(), index as u64).expect("a good address");
            job.state = state.clone();
            job.files[0].total_bytes = Some(*size);
            Arc::new(JobView::resting(Arc::new(job)))
        });
        Snapshot { number: 1, jobs: views.collect(), ..Snapshot::default() }
    }

    fn five() -> Snapshot {
        snapshot(&[
            ("beta.iso", JobState::Transferring, 30),
            ("Alpha.iso", JobState::Queued, 10),
            ("gamma.zip", JobState::Acknowledged, 20),
            ("delta.bin", JobState::Error(Fault::new(FaultKind::Stalled, "")), 50),
            ("epsilon", JobState::Suspended, 40),
        ])
    }

    #[test]
    fn filters_and_their_counts_agree() {
        let snapshot = five();
        let mut listing = Listing::default();
        for (index, filter) in Filter::EACH.into_iter().enumerate() {
            listing.filter = filter;
            listing.refresh(&snapshot);
            assert_eq!(listing.rows.len(), listing.totals.counts[index], "{}", filter.text());
        }
        assert_eq!(listing.totals.counts, [5, 1, 2, 1, 1]);
        assert_eq!((listing.totals.going_on, listing.totals.suspended), (2, 1));
    }

    #[test]
    fn every_word_of_a_search_counts() {
        let snapshot = five();
        for (search, rows) in [
            ("", vec![0, 1, 2, 3, 4]),
            ("ISO", vec![0, 1]),
            ("iso alp", vec![1]),
            ("host3", vec![3]),
            ("x y", vec![]),
        ] {
            let mut listing = Listing { search: search.into(), ..Listing::default() };
            listing.refresh(&snapshot);
            assert_eq!(listing.rows, rows, "{search}");
        }
    }

    #[test]
    fn a_header_sorts_turns_round_and_lets_go() {
        let mut sort = None;
        for expected in [Some((SortBy::Name, false)), Some((SortBy::Name, true)), None] {
            sort = clicked(sort, SortBy::Name);
            assert_eq!(sort, expected);
        }
        assert_eq!(clicked(Some((SortBy::Name, true)), SortBy::Size), Some((SortBy::Size, false)));
        let snapshot = five();
        for (sort, rows) in [
            (Some((SortBy::Name, false)), [1, 0, 3, 4, 2]),
            (Some((SortBy::Name, true)), [2, 4, 3, 0, 1]),
            (Some((SortBy::Size, false)), [3, 4, 0, 2, 1]),
            (Some((SortBy::Added, false)), [4, 3, 2, 1, 0]),
            (None, [0, 1, 2, 3, 4]),
        ] {
            let mut listing = Listing { sort, ..Listing::default() };
            listing.refresh(&snapshot);
            assert_eq!(listing.rows, rows, "{sort:?}");
        }
    }

    #[test]
    fn the_same_snapshot_is_listed_once() {
        let snapshot = five();
        let mut listing = Listing::default();
        assert!(listing.refresh(&snapshot));
        assert!(!listing.refresh(&snapshot));
        listing.search = "iso".into();
        assert!(listing.refresh(&snapshot));
    }

    #[test]
    fn selecting_follows_the_jobs_not_the_rows() {
        let snapshot = five();
        let mut listing = Listing::default();
        listing.refresh(&snapshot);
        let mut selection = Selection::default();
        selection.touch(1, Reach::One, &listing, &snapshot);
        selection.touch(3, Reach::Range, &listing, &snapshot);
        assert_eq!(selection.ids.len(), 3);
        selection.touch(2, Reach::Range, &listing, &snapshot);
        assert_eq!(selection.ids.len(), 2, "a range is drawn anew from its anchor");
        selection.touch(4, Reach::Toggle, &listing, &snapshot);
        selection.touch(1, Reach::Toggle, &listing, &snapshot);
        let names: Vec<_> =
            selection.jobs(&listing, &snapshot).iter().map(|view| view.job.display_name()).collect();
        assert_eq!(names, ["gamma.zip", "epsilon"]);
        listing.filter = Filter::Finished;
        listing.refresh(&snapshot);
        selection.keep_shown(&listing, &snapshot);
        assert_eq!(selection.ids.len(), 1);
        assert_eq!(selection.cursor, None);
    }
}
