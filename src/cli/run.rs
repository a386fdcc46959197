//! `run`: the engine without a window.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::exit::{Exit, Failure};
use super::json::{self, Event};
use super::port::Local;
use super::print::{self, Out};
use crate::engine::{EndSignal, Handle, JobView, Places, Run, Snapshot};
use crate::instance::{Instance, Shown, claim_or_connect};
use crate::job::{JobId, JobState};

/// How long the engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// A signal comes.
    Told,
    /// Nothing is left to do.
    Empty,
    /// Nothing is left to do, and nobody is going to click on a notification.
    NobodyClicks,
}

/// Transfers whatever is queued until a signal comes, or until nothing is left to do.
pub(super) async fn run(places: &Places, until: Until, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let claim = match claim_or_connect(places)? {
        Instance::Mine(claim) => claim,
        Instance::Other(_) => {
            return Err(Failure::new(
                Exit::Instance,
                "Meanwhile is running already. You can see what it does with “meanwhile list”, or end it first.",
            ));
        }
    };
    let mut signals = super::listen()?;
    let mut local = Local::start(claim, places, Run::All)?;
    let room = Arc::new(Notify::new());
    let asked = Arc::clone(&room);
    local.serve(move || {
        asked.notify_one();
        Shown::MakesRoom
    })?;
    if !out.is_json() && until == Until::Told {
        print::note("Meanwhile is running. You can stop it with Ctrl+C; everything is kept.");
    }
    tokio::select! {
        ended = attend(local.handle().clone(), until, out) => ended,
        () = room.notified() => {
            print::note("The window takes over.");
            Ok(Exit::Done)
        }
        stop = signals.next() => Ok(match stop {
            EndSignal::Interrupt => Exit::Interrupted,
            EndSignal::Terminate => Exit::Done,
        }),
    }
}

/// Says what ends, until nothing is left to do (if that is wanted).
async fn attend(mut handle: Handle, until: Until, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let mut log = Log::new(handle.snapshot());
    loop {
        let is_over = match until {
            Until::Told => false,
            Until::Empty => !log.last.busy,
            Until::NobodyClicks => !log.last.busy && !log.last.lingers,
        };
        if is_over {
            return Ok(if log.failed { Exit::Failed } else { Exit::Done });
        }
        let Ok(snapshot) = handle.next_snapshot().await else {
            return Err(Failure::new(
                Exit::Failed,
                "Meanwhile made a mistake and had to stop; everything is kept. You can start it again.",
            ));
        };
        for notice in snapshot.notices.iter().filter(|notice| !log.last.notices.contains(notice)) {
            print::note(print::clean(notice));
        }
        for view in log.ended(snapshot) {
            say(&view, out)?;
        }
    }
}

fn say(view: &JobView, out: &mut Out<'_>) -> Result<(), Failure> {
    if out.is_json() {
        let job = Box::new(json::Job::from(view));
        out.json(&match view.job.state {
            JobState::Error(_) => Event::Failed { job },
            _ => Event::Finished { job, arrived_bytes: None, secs: None, average_bps: None },
        })?;
    } else if let JobState::Error(fault) = &view.job.state {
        out.line(print::deed(view.job.id, "failed", &format!("{}: {fault}", view.job.display_name())))?;
    } else {
        out.line(print::deed(view.job.id, "finished", &view.job.display_name()))?;
    }
    out.flush()
}

/// What has ended since the last look.
struct Log {
    last: Arc<Snapshot>,
    failed: bool,
}

impl Log {
    fn new(first: Arc<Snapshot>) -> Self {
        Self { last: first, failed: false }
    }

    /// The jobs that finished or failed between the last snapshot and this one. What has not changed is
    /// shared between the two and costs a look.
    fn ended(&mut self, now: Arc<Snapshot>) -> Vec<Arc<JobView>> {
        let before = std::mem::replace(&mut self.last, now);
        let mut by_id: Option<HashMap<JobId, &Arc<JobView>>> = None;
        let mut ended = Vec::new();
        for (index, view) in self.last.jobs.iter().enumerate() {
            if before.jobs.get(index).is_some_and(|old| Arc::ptr_eq(old, view)) || !has_ended(&view.job.state)
            {
                continue;
            }
            let by_id =
                by_id.get_or_insert_with(|| before.jobs.iter().map(|old| (old.job.id, old)).collect());
            if by_id.get(&view.job.id).is_none_or(|old| !has_ended(&old.job.state)) {
                self.failed |= matches!(view.job.state, JobState::Error(_));
                ended.push(Arc::clone(view));
            }
        }
        ended
    }
}

const fn has_ended(state: &JobState) -> bool {
    matches!(state, JobState::Acknowledged | JobState::Error(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::engine::border;
    use crate::job::{Fault, FaultKind};

    fn failed(view: &JobView) -> JobView {
        let fault = Fault::new(FaultKind::Status(404), "");
        samples::changed(view.clone(), |job| job.state = JobState::Error(fault))
    }

    fn finished(view: &JobView) -> JobView {
        samples::changed(view.clone(), |job| job.state = JobState::Acknowledged)
    }

    fn snapshot(views: &[&JobView]) -> Snapshot {
        let busy = views.iter().any(|view| view.job.state.goes_on_by_itself());
        Snapshot { busy, ..samples::snapshot(views.iter().map(|view| (*view).clone())) }
    }

    async fn until_empty(steps: Vec<Snapshot>) -> (Result<Exit, Failure>, String) {
        until(Until::Empty, steps).await
    }

    async fn until(until: Until, steps: Vec<Snapshot>) -> (Result<Exit, Failure>, String) {
        let mut steps = steps.into_iter();
        let (handle, border) = border(steps.next().expect("a first one"));
        let mut text = Vec::new();
        let (ended, ()) =
            tokio::join!(async { attend(handle, until, &mut Out::new(&mut text, false)).await }, async {
                for step in steps {
                    tokio::task::yield_now().await;
                    border.publish(step);
                }
                tokio::task::yield_now().await;
            });
        (ended, String::from_utf8(text).expect("text"))
    }

    #[tokio::test]
    async fn it_ends_when_nothing_goes_on_by_itself() {
        let (one, two) = (
            &samples::view("http://a.org/1", samples::QUEUED),
            &samples::view("http://a.org/2", samples::QUEUED),
        );
        assert_eq!(until_empty(vec![snapshot(&[])]).await.0, Ok(Exit::Done));
        let steps =
            vec![snapshot(&[one, two]), snapshot(&[&finished(one), two]), snapshot(&[&finished(two)])];
        let (ended, text) = until_empty(steps).await;
        assert_eq!(ended, Ok(Exit::Done));
        let lines = [one, two]
            .map(|view| format!("{}  finished  {}\n", view.job.id.short(), view.job.display_name()));
        assert_eq!(text, lines.concat());
    }

    #[tokio::test]
    async fn in_the_background_it_also_waits_for_those_who_may_click() {
        let one = &samples::view("http://a.org/1", samples::QUEUED);
        let lingering = Snapshot { lingers: true, ..snapshot(&[&finished(one)]) };
        let after = snapshot(&[&finished(one), &finished(&samples::view("http://a.org/2", samples::QUEUED))]);
        let steps = || vec![snapshot(&[one]), lingering.clone(), after.clone()];
        let lines = |(ended, text): (Result<Exit, Failure>, String)| (ended, text.lines().count());
        assert_eq!(lines(until(Until::Empty, steps()).await), (Ok(Exit::Done), 1));
        assert_eq!(lines(until(Until::NobodyClicks, steps()).await), (Ok(Exit::Done), 2), "it saw more");
    }

    #[tokio::test]
    async fn a_failure_of_this_run_counts_and_an_old_one_does_not() {
        let one = &samples::view("http://a.org/1", samples::QUEUED);
        let old = &failed(&samples::view("http://a.org/2", samples::QUEUED));
        let (ended, _) = until_empty(vec![snapshot(&[old, one]), snapshot(&[old, &finished(one)])]).await;
        assert_eq!(ended, Ok(Exit::Done));
        let (ended, text) = until_empty(vec![snapshot(&[old, one]), snapshot(&[old, &failed(one)])]).await;
        assert_eq!(ended, Ok(Exit::Failed));
        assert!(text.contains("failed  1: The file is not on the server (404)"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_is_said() {
        let one = samples::view("http://a.org/1", samples::QUEUED);
        let (handle, border) = border(snapshot(&[&one]));
        drop(border);
        let mut out = Out::new(Vec::new(), false);
        let ended = attend(handle, Until::Empty, &mut out).await;
        assert_eq!(ended.map_err(|failure| failure.exit()), Err(Exit::Failed));
    }
}
