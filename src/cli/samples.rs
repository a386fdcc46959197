//! Jobs for the tests of this room.

use std::sync::Arc;

use crate::engine::{JobView, Snapshot};
use crate::job::{Job, JobId, JobState, NewJob};

pub(super) const QUEUED: JobState = JobState::Queued;

/// A job of that address in that state.
pub(super) fn view(url: &str, state: JobState) -> JobView {
    let new = NewJob::of(url, "/tmp");
    let (mut job, _) = new.into_job(JobId::random(), 7).expect("a job");
    job.state = state;
    JobView::resting(Arc::new(job))
}

/// A queued job of that file name and id.
pub(super) fn with_id(name: &str, id: &str) -> JobView {
    let id = id.parse().expect("an id");
    changed(view(&format!("http://a.org/{name}"), QUEUED), |job| job.id = id)
}

/// The same with a size.
pub(super) fn sized(view: JobView, total_bytes: u64) -> JobView {
    changed(view, |job| job.files[0].total_bytes = Some(total_bytes))
}

/// The same with a change.
pub(super) fn changed(mut view: JobView, change: impl FnOnce(&mut Job)) -> JobView {
    change(Arc::make_mut(&mut view.job));
    view
}

/// A list of these.
pub(super) fn snapshot(views: impl IntoIterator<Item = JobView>) -> Snapshot {
    let jobs = views.into_iter().map(Arc::new).collect();
    Snapshot { number: 1, jobs, ..Snapshot::default() }
}
