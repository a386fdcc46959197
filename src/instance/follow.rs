//! Some jobs as they change, out of all the snapshots.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::engine::{Handle, JobView, Snapshot};
use crate::job::JobId;

/// A job that has just been added stands in the next snapshot, and those come four times a second. One that
/// is not there after this time will not come.
const UNTIL_SEEN: Duration = Duration::from_secs(1);

/// What there is to say of the jobs that are followed.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It stands like this now.
    Job(Arc<JobView>),
    /// It is off the list, or never was on it.
    Gone(JobId),
    /// The engine has stopped; there will be no more news.
    Stopped,
}

/// Follows some jobs until they are off the list.
pub struct Follow {
    handle: Handle,
    jobs: Vec<(JobId, Option<Arc<JobView>>)>,
    news: VecDeque<News>,
    /// When those that were never seen count as gone.
    deadline: Instant,
    begun: bool,
}

impl Follow {
    /// Follows these jobs. Needs a tokio runtime with a timer.
    #[must_use]
    pub fn new(handle: Handle, ids: Vec<JobId>) -> Self {
        Self {
            handle,
            jobs: ids.into_iter().map(|id| (id, None)).collect(),
            news: VecDeque::new(),
            deadline: Instant::now() + UNTIL_SEEN,
            begun: false,
        }
    }

    /// The next piece of news: at first how each job stands, then its changes; `None` when all are gone.
    /// Nothing is lost when this is given up half-way.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            if self.jobs.is_empty() {
                return None;
            }
            if !self.begun {
                self.begun = true;
                let snapshot = self.handle.snapshot();
                self.look_at(&snapshot);
                continue;
            }
            let next = self.handle.next_snapshot();
            let snapshot = if self.jobs.iter().any(|(_, seen)| seen.is_none()) {
                timeout_at(self.deadline, next).await.unwrap_or_else(|_| Ok(self.handle.snapshot()))
            } else {
                next.await
            };
            match snapshot {
                Ok(snapshot) => self.look_at(&snapshot),
                Err(_) => return Some(News::Stopped),
            }
        }
    }

    fn look_at(&mut self, snapshot: &Snapshot) {
        let late = Instant::now() >= self.deadline;
        let news = &mut self.news;
        self.jobs.retain_mut(|(id, seen)| match (snapshot.job(*id), &seen) {
            (Some(view), Some(before)) if is_same(view, before) => true,
            (Some(view), _) => {
                *seen = Some(Arc::clone(view));
                news.push_back(News::Job(Arc::clone(view)));
                true
            }
            (None, None) if !late => true,
            (None, _) => {
                news.push_back(News::Gone(*id));
                false
            }
        });
    }
}

/// Whether there is nothing new to say; the graph of its speed is not part of what is said.
fn is_same(one: &Arc<JobView>, other: &Arc<JobView>) -> bool {
    Arc::ptr_eq(one, other)
        || (one.done_bytes, one.rate_bps, one.left_secs)
            == (other.done_bytes, other.rate_bps, other.left_secs)
            && (Arc::ptr_eq(&one.job, &other.job) || one.job == other.job)
}
