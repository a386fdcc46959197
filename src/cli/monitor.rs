//! `monitor`: what goes on, again and again until Ctrl+C.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;

use super::args::Monitor;
use super::exit::{Exit, Failure};
use super::json::{self, Look};
use super::plain;
use super::port::{Port, TRIES};
use super::print::{self, Out};
use super::screen::{Screen, frame};
use super::table::{Column, Table};
use crate::engine::{EndSignal, JobView, Places, Run, Snapshot};
use crate::instance;
use crate::job::{JobId, JobState, Rate, Waiting, duration_in_words, rate_in_words};

/// Seconds between two looks, as bitsadmin has it.
const REFRESH_SECS: u32 = 5;

/// The same on a terminal, where it is to look alive.
const REFRESH_SECS_LIVE: u32 = 1;

/// Looks again and again until a signal comes.
pub(super) async fn monitor(places: &Places, words: Monitor, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let mut signals = super::listen()?;
    let mut way = Way::of(words.plain, out.is_json());
    let usual = if matches!(way, Way::Live(_)) { REFRESH_SECS_LIVE } else { REFRESH_SECS };
    let refresh_secs = words.refresh.unwrap_or(usual);
    let mut source = Source { places: places.clone(), at_rest: None };
    let mut looks = tokio::time::interval(Duration::from_secs(refresh_secs.into()));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let shown = async {
        loop {
            looks.tick().await;
            let (snapshot, runs) = source.look().await?;
            way.show(&snapshot, runs, refresh_secs, out)?;
            out.flush()?;
        }
    };
    let ended = tokio::select! {
        shown = shown => shown,
        stop = signals.next() => Ok(match stop {
            EndSignal::Interrupt => Exit::Interrupted,
            EndSignal::Terminate => Exit::Done,
        }),
    };
    if let Way::Live(screen) = &way {
        screen.leave(out)?;
    }
    ended
}

/// Where the looks come from.
struct Source {
    places: Places,
    /// What was on disk when nobody worked on it, and how the disk looked then.
    at_rest: Option<(Arc<Snapshot>, Stamp)>,
}

/// What tells that the list on disk is another one.
type Stamp = Vec<(std::ffi::OsString, u64, Option<SystemTime>)>;

impl Source {
    /// How things stand, and whether anybody works on it. The claim on the folder is never kept: others may want it.
    async fn look(&mut self) -> Result<(Arc<Snapshot>, bool), Failure> {
        let mut tries_left = TRIES;
        loop {
            if let Some((snapshot, stamp)) = &self.at_rest
                && instance::connect(&self.places).is_err()
                && *stamp == self.stamp()
            {
                return Ok((Arc::clone(snapshot), false));
            }
            let port = Port::open(&self.places, Run::Nothing)?;
            let snapshot = match port.snapshot().await {
                // It ended between being found and being asked.
                Err(Failure::Gone(_)) if tries_left > 0 => {
                    tries_left -= 1;
                    continue;
                }
                snapshot => snapshot?,
            };
            let runs = !port.is_local();
            drop(port);
            self.at_rest = (!runs).then(|| (Arc::clone(&snapshot), self.stamp()));
            return Ok((snapshot, runs));
        }
    }

    /// The files of the queue. Not the log: to look is noted there.
    fn stamp(&self) -> Stamp {
        let Ok(entries) = std::fs::read_dir(&self.places.state) else { return Stamp::new() };
        let files =
            entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"queue"));
        let mut stamp: Stamp = files
            .filter_map(|entry| {
                let about = entry.metadata().ok()?;
                Some((entry.file_name(), about.len(), about.modified().ok()))
            })
            .collect();
        stamp.sort();
        stamp
    }
}

/// How it is shown.
enum Way {
    /// One object for each look.
    Objects,
    /// bitsadmin's lines.
    Plain,
    /// A table that stays where it is.
    Live(Screen),
    /// Lines about what moves and what has changed.
    Lines(Changes),
}

impl Way {
    /// The way that suits who reads.
    fn of(is_plain: bool, is_json: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if is_json {
            Self::Objects
        } else if is_plain {
            Self::Plain
        } else if std::io::stdout().is_terminal() && !is_dumb {
            Self::Live(Screen::default())
        } else {
            Self::Lines(Changes::default())
        }
    }

    fn show(
        &mut self,
        snapshot: &Snapshot,
        runs: bool,
        refresh_secs: u32,
        out: &mut Out<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Objects => out.json(&Look {
                unix_secs: print::now_unix_secs(),
                runs,
                rate_bps: snapshot.rate_bps,
                limit_bps: snapshot.limit.map(Rate::bytes_per_sec),
                slow: snapshot.slow,
                paused: snapshot.paused,
                waiting: snapshot.waiting.as_ref().map(json::Waits::from),
                jobs: snapshot.jobs.iter().map(|view| json::Job::from(&**view)).collect(),
            }),
            Self::Plain => {
                out.line(plain::header(refresh_secs))?;
                snapshot.jobs.iter().try_for_each(|view| out.line(plain::line(view)))
            }
            Self::Live(screen) => {
                let (height, width) = console::Term::stdout().size();
                let now = print::now_unix_secs();
                let frame = frame(snapshot, runs, now, width.into(), height.into());
                screen.draw(&frame, (height, width), out)
            }
            Self::Lines(changes) => {
                let now = print::now_unix_secs();
                if let Some(remark) = changes.remark(snapshot, runs, now) {
                    print::note(remark);
                }
                changes.table(snapshot, now).print(out)
            }
        }
    }
}

/// What was shown of each job the last time.
#[derive(Default)]
struct Changes {
    states: HashMap<JobId, JobState>,
    /// Whether anybody worked on it, and what all waited for.
    around: Option<(bool, Option<Waiting>)>,
}

impl Changes {
    /// What is to be said of all, where that has changed.
    fn remark(&mut self, snapshot: &Snapshot, runs: bool, now: u64) -> Option<String> {
        let around = Some((runs, snapshot.waiting.clone()));
        if self.around == around {
            return None;
        }
        let had_to_wait = matches!(&self.around, Some((_, Some(_))));
        self.around = around;
        match &snapshot.waiting {
            Some(waiting) => Some(print::all_wait(waiting, now)),
            None if !runs => Some(print::NOTHING_TRANSFERS.to_owned()),
            None => had_to_wait.then(|| "Downloads go on.".to_owned()),
        }
    }

    /// The jobs that move, and those whose state has changed.
    fn table(&mut self, snapshot: &Snapshot, now: u64) -> Table {
        let mut table = Table::new(&[
            Column::Left,
            Column::Left,
            Column::Left,
            Column::Right,
            Column::Right,
            Column::Left,
        ]);
        let time = print::local_time(now);
        let is_first = self.states.is_empty();
        for view in &snapshot.jobs {
            let state = &view.job.state;
            let before = self.states.insert(view.job.id, state.clone());
            let is_old = is_first && state.is_final();
            if !is_old && (state.is_active() || before.as_ref() != Some(state)) {
                table.row(line(view, &time));
            }
        }
        self.states.retain(|id, _| snapshot.job(*id).is_some());
        table
    }
}

fn line(view: &JobView, time: &str) -> [String; 6] {
    let speed = if view.rate_bps > 0 { rate_in_words(view.rate_bps) } else { "-".to_owned() };
    let left =
        view.left_secs.map_or_else(|| "-".to_owned(), |secs| format!("{} left", duration_in_words(secs)));
    [time.to_owned(), view.job.id.short(), print::state(view), speed, left, print::name_with_reason(view)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::job::Why;

    #[test]
    fn lines_are_about_what_moves_and_what_has_changed() {
        let moving = samples::changed(samples::with_id("a", "aaaa1111-0000-4000-8000-000000000000"), |job| {
            job.state = JobState::Transferring;
        });
        let resting = samples::with_id("b", "bbbb1111-0000-4000-8000-000000000000");
        let over = samples::changed(samples::with_id("c", "cccc1111-0000-4000-8000-000000000000"), |job| {
            job.state = JobState::Acknowledged;
        });
        let finished = samples::changed(resting.clone(), |job| job.state = JobState::Acknowledged);
        let mut changes = Changes::default();
        let mut names = |views: &[&JobView]| {
            let snapshot = samples::snapshot(views.iter().map(|view| (*view).clone()));
            let lines = changes.table(&snapshot, 0).lines().collect::<Vec<_>>();
            lines.iter().filter_map(|line| line.chars().last()).collect::<String>()
        };
        assert_eq!(names(&[&moving, &resting, &over]), "ab", "what is long over is not told first");
        assert_eq!(names(&[&moving, &resting, &over]), "a");
        assert_eq!(names(&[&moving, &finished, &over]), "ab");
        assert_eq!(names(&[&finished, &over]), "");
    }

    #[test]
    fn what_all_wait_for_is_said_when_it_changes() {
        let mut changes = Changes::default();
        let free = Snapshot::default();
        let held = Snapshot { waiting: Some(Waiting::for_condition(Why::Held, None)), ..Snapshot::default() };
        let mut said = |snapshot: &Snapshot, runs| changes.remark(snapshot, runs, 0);
        assert_eq!(said(&free, true), None);
        assert!(said(&held, true).is_some_and(|remark| remark.starts_with("All downloads are paused. ")));
        assert_eq!(said(&held, true), None);
        assert_eq!(said(&free, true).as_deref(), Some("Downloads go on."));
        assert_eq!(said(&free, false).as_deref(), Some(print::NOTHING_TRANSFERS));
    }
}
