//! `pause`, `resume`, `retry`, `cancel`, `complete` and `remove`.

use super::args::Which;
use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::{self, Out};
use super::{json, pick};
use crate::engine::{Change, Command, JobView, Snapshot};
use crate::job::{JobId, JobState, Why};

/// How many jobs are changed with one command when all are meant.
const AT_ONCE: usize = 1000;

/// What can be done to jobs without saying more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Pause,
    Resume,
    Retry,
    Cancel,
    Complete,
    Remove,
}

impl Deed {
    const fn change(self) -> Change {
        match self {
            Self::Pause => Change::Suspend,
            Self::Resume | Self::Retry => Change::Resume,
            Self::Cancel => Change::Cancel,
            Self::Complete => Change::Complete,
            Self::Remove => Change::Remove,
        }
    }

    /// What the job then is.
    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "goes on",
            Self::Retry => "is tried again",
            Self::Cancel => "cancelled",
            Self::Complete => "completed",
            Self::Remove => "removed",
        }
    }

    /// Whether a job in that state is meant by `--all`.
    const fn is_for(self, state: &JobState) -> bool {
        match self {
            Self::Pause => state.goes_on_by_itself(),
            Self::Resume => matches!(state, JobState::Suspended | JobState::Error(_) | JobState::Waiting(_)),
            Self::Retry => matches!(state, JobState::Error(_) | JobState::Waiting(_)),
            Self::Cancel => !state.is_final(),
            Self::Complete => matches!(state, JobState::Transferred),
            Self::Remove => state.is_final(),
        }
    }
}

/// Does it to the jobs that are meant.
pub(super) async fn act(port: &Port, deed: Deed, which: &Which, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    match deed {
        Deed::Pause if which.all => return hold_all(port, &snapshot, out).await,
        Deed::Resume if which.all && snapshot.paused => return let_all_go(port, &snapshot, out).await,
        _ => {}
    }
    let jobs: Vec<&JobView> = if which.all {
        snapshot.jobs.iter().map(|view| &**view).filter(|view| deed.is_for(&view.job.state)).collect()
    } else {
        pick::all(&snapshot, &which.jobs)?
    };
    if jobs.is_empty() {
        print::note("There is no download to which this applies.");
    }
    // One by one where each was named, so that each has its own answer.
    let at_once = if which.all { AT_ONCE } else { 1 };
    let mut done = Vec::new();
    let mut failure = None;
    for jobs in jobs.chunks(at_once) {
        let ids: Vec<JobId> = jobs.iter().map(|view| view.job.id).collect();
        match port.request(Command::Change(ids.clone(), deed.change())).await {
            Ok(_) => {
                if !out.is_json() {
                    for view in jobs {
                        out.line(print::deed(view.job.id, deed.done(), &view.job.display_name()))?;
                    }
                }
                done.extend(ids);
            }
            Err(refused) => {
                // The last one is said where all failures are.
                if let Some(sentence) = failure.replace(refused).as_ref().and_then(Failure::sentence) {
                    print::note(print::clean_lines(sentence));
                }
            }
        }
    }
    if out.is_json() {
        out.json(&json::Done::of(done.clone()))?;
    }
    out.flush()?;
    failure.map_or(Ok(Exit::Done), Err)
}

/// Holds everything, also what is added later, until that is lifted.
async fn hold_all(port: &Port, snapshot: &Snapshot, out: &mut Out<'_>) -> Result<Exit, Failure> {
    port.request(Command::SetPaused(true)).await?;
    let held = ids(snapshot, |state| Deed::Pause.is_for(state));
    if out.is_json() {
        out.json(&json::Done { done: held, paused: Some(true) })?;
    } else {
        out.line(format_args!(
            "All downloads are paused ({} held), also those added later. “meanwhile resume --all” lets them go on.",
            held.len()
        ))?;
    }
    Ok(Exit::Done)
}

/// Lifts that. Those that were paused one by one stay so.
async fn let_all_go(port: &Port, snapshot: &Snapshot, out: &mut Out<'_>) -> Result<Exit, Failure> {
    port.request(Command::SetPaused(false)).await?;
    let freed = ids(snapshot, |state| match state {
        JobState::Waiting(waiting) => waiting.why == Why::Held,
        state => state.goes_on_by_itself(),
    });
    let rest = ids(snapshot, |state| matches!(state, JobState::Suspended | JobState::Error(_))).len();
    if out.is_json() {
        out.json(&json::Done { done: freed, paused: Some(false) })?;
    } else {
        let go_on = match freed.len() {
            0 => "none was under way or in line".to_owned(),
            1 => "1 goes on".to_owned(),
            freed => format!("{freed} go on"),
        };
        out.line(format_args!("All downloads are no longer paused: {go_on}."))?;
    }
    out.flush()?;
    if rest > 0 {
        print::note(format_args!(
            "{rest} that were paused one by one or have failed stay so: “meanwhile resume --all” once more resumes them too."
        ));
    }
    Ok(Exit::Done)
}

fn ids(snapshot: &Snapshot, is_meant: impl Fn(&JobState) -> bool) -> Vec<JobId> {
    snapshot.jobs.iter().filter(|view| is_meant(&view.job.state)).map(|view| view.job.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::port::Local;
    use crate::cli::samples;
    use crate::engine::{Border, Refusal, Reply, border};
    use crate::job::{Fault, FaultKind, Waiting, Why};

    fn fault() -> Fault {
        Fault::new(FaultKind::Stalled, "")
    }

    fn one_of_each() -> Vec<JobView> {
        [
            JobState::Queued,
            JobState::Connecting,
            JobState::Transferring,
            JobState::Suspended,
            JobState::Error(fault()),
            JobState::Waiting(Waiting { why: Why::BackOff(fault()), until_unix_secs: None }),
            JobState::Transferred,
            JobState::Acknowledged,
            JobState::Cancelled,
        ]
        .map(|state| samples::view("http://a.org/f", state))
        .into()
    }

    #[test]
    fn all_means_those_to_which_it_applies() {
        let table = [
            (Deed::Pause, vec!["queued", "connecting", "transferring", "waiting"]),
            (Deed::Resume, vec!["suspended", "error", "waiting"]),
            (Deed::Retry, vec!["error", "waiting"]),
            (
                Deed::Cancel,
                vec!["queued", "connecting", "transferring", "suspended", "error", "waiting", "transferred"],
            ),
            (Deed::Complete, vec!["transferred"]),
            (Deed::Remove, vec!["acknowledged", "cancelled"]),
        ];
        for (deed, words) in table {
            let meant: Vec<_> = one_of_each()
                .iter()
                .filter(|view| deed.is_for(&view.job.state))
                .map(|view| view.job.state.word())
                .collect();
            assert_eq!(meant, words, "{deed:?}");
        }
    }

    /// Answers until the port is gone, and gives back what was asked.
    async fn engine(mut border: Border, refuse: Option<JobId>) -> Vec<Command> {
        let mut asked = Vec::new();
        while let Some(envelope) = border.commands.recv().await {
            let refused = matches!(&envelope.command, Command::Change(ids, _) if refuse.is_some_and(|id| ids.contains(&id)));
            let answer = if refused {
                Err(Refusal::WrongState { name: "f".into(), state: "finished".into() })
            } else {
                Ok(Reply::Done)
            };
            asked.push(envelope.command);
            border.answer(envelope.answer, answer);
        }
        asked
    }

    async fn with_engine(
        views: Vec<JobView>,
        refuse: Option<JobId>,
        deed: Deed,
        which: Which,
    ) -> (Result<Exit, Failure>, Vec<Command>, serde_json::Value) {
        let (handle, border) = border(samples::snapshot(views));
        let mut text = Vec::new();
        let (result, asked) = tokio::join!(
            async {
                let port = Port::Local(Local::fake(handle));
                act(&port, deed, &which, &mut Out::new(&mut text, true)).await
            },
            engine(border, refuse)
        );
        (result, asked, serde_json::from_slice(&text).expect("JSON"))
    }

    #[tokio::test]
    async fn named_jobs_are_changed_one_by_one_whatever_becomes_of_the_others() {
        let views = one_of_each();
        let [first, second] = [views[0].job.id, views[1].job.id];
        let which = Which { jobs: vec![first.to_string(), second.to_string()], all: false };
        let (result, asked, json) = with_engine(views, Some(first), Deed::Pause, which).await;
        assert_eq!(result.map_err(|failure| failure.exit()), Err(Exit::Failed));
        assert_eq!(asked.len(), 2);
        assert_eq!(json, serde_json::json!({ "done": [second] }));
    }

    #[tokio::test]
    async fn all_are_changed_together() {
        let views = one_of_each();
        let ids = vec![views[7].job.id, views[8].job.id];
        let which = Which { jobs: Vec::new(), all: true };
        let (result, asked, json) = with_engine(views, None, Deed::Remove, which).await;
        assert_eq!(result, Ok(Exit::Done));
        assert_eq!(asked, [Command::Change(ids.clone(), Change::Remove)]);
        assert_eq!(json, serde_json::json!({ "done": ids }));
    }
}
