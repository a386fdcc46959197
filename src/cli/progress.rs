//! What `get` shows while it waits: a bar on a terminal, lines elsewhere, JSON for programs.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::Failure;
use super::json::Event;
use super::print::{self, Out};
use crate::engine::JobView;
use crate::job::{JobState, bytes_in_words, duration_in_words, rate_in_words};

/// Between two lines of progress.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Between two events of progress.
const EVENTS_EVERY: Duration = Duration::from_secs(1);

/// The way progress is shown.
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// For a log: when the last line was written, once the size has been said.
    Lines(Option<Instant>),
    /// For a program: when the last event was written.
    Events(Option<Instant>),
}

impl Progress {
    /// The way that suits who reads.
    pub(super) fn new(is_json: bool) -> Self {
        if is_json {
            Self::Events(None)
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::no_length();
            set_template(&bar, WITHOUT_SIZE);
            Self::Bar(bar)
        } else {
            Self::Lines(None)
        }
    }

    /// Shows how the job stands, if it is time to.
    pub(super) fn show(&mut self, view: &JobView, now: Instant, out: &mut Out<'_>) -> Result<(), Failure> {
        match self {
            Self::Bar(bar) => {
                // Each of these draws, so only what has changed is set.
                let name = print::name(view);
                if bar.prefix() != name {
                    bar.set_prefix(name);
                }
                if bar.length() != view.job.total_bytes() {
                    match view.job.total_bytes() {
                        Some(total) => bar.set_length(total),
                        None => bar.unset_length(),
                    }
                    set_template(bar, if bar.length().is_some() { WITH_SIZE } else { WITHOUT_SIZE });
                }
                bar.update(|state| state.set_pos(view.done_bytes));
                bar.set_message(amounts(view));
            }
            Self::Lines(last) => {
                if let Some(line) = line(view, last, now) {
                    print::note(line);
                }
            }
            Self::Events(last) => {
                let is_moving = matches!(view.job.state, JobState::Transferring);
                if is_moving && last.is_none_or(|last| now.duration_since(last) >= EVENTS_EVERY) {
                    *last = Some(now);
                    out.json(&Event::Progress {
                        id: view.job.id,
                        done_bytes: view.done_bytes,
                        total_bytes: view.job.total_bytes(),
                        rate_bps: view.rate_bps,
                        left_secs: view.left_secs,
                    })?;
                    out.flush()?;
                }
            }
        }
        Ok(())
    }

    /// Says something beside the progress: a sentence for people, an event for programs.
    pub(super) fn say(
        &self,
        sentence: &str,
        event: impl FnOnce() -> Event,
        out: &mut Out<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Bar(bar) => bar.suspend(|| print::note(sentence)),
            Self::Lines(_) => print::note(sentence),
            Self::Events(_) => {
                out.json(&event())?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Takes the bar away, before the last words.
    pub(super) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// A bar that is full from the start would say something untrue, so there is none without a size.
const WITH_SIZE: &str = "{prefix} {wide_bar} {msg}";
const WITHOUT_SIZE: &str = "{prefix} {msg}";

fn set_template(bar: &ProgressBar, template: &str) {
    // The templates are ours; if one were wrong, the bar would look plainer.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// The next line of a log, if it is due: at first the size, then how far it is.
fn line(view: &JobView, last: &mut Option<Instant>, now: Instant) -> Option<String> {
    if view.job.state != JobState::Transferring {
        return None;
    }
    let name = print::name(view);
    match last {
        None => {
            *last = Some(now);
            Some(match view.job.total_bytes() {
                Some(total) => format!("{name}: {}", bytes_in_words(total)),
                None => format!("{name}: its size is not known"),
            })
        }
        Some(then) if now.duration_since(*then) >= LINES_EVERY => {
            *last = Some(now);
            Some(format!("{name}: {}", amounts(view)))
        }
        Some(_) => None,
    }
}

/// `45%  67.0 MiB of 148 MiB  16.0 MiB/s  5 s left`, as far as it is known; or why nothing moves.
fn amounts(view: &JobView) -> String {
    let mut parts = Vec::new();
    if let (Some(_), Some(percent)) = (view.verifying(), print::percent(view)) {
        return format!("verifying {percent}%");
    }
    if let Some(percent) = print::percent(view) {
        parts.push(format!("{percent}%"));
    }
    let done = bytes_in_words(view.done_bytes);
    parts.push(match view.job.total_bytes() {
        Some(total) => format!("{done} of {}", bytes_in_words(total)),
        None => done,
    });
    match &view.job.state {
        JobState::Transferring => {
            parts.push(rate_in_words(view.rate_bps));
            if let Some(left) = view.left_secs {
                parts.push(format!("{} left", duration_in_words(left)));
            }
        }
        JobState::Queued | JobState::Connecting | JobState::Waiting(_) | JobState::Suspended => {
            parts.push(view.job.state.word().to_owned());
        }
        _ => {}
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    fn moving() -> JobView {
        let mut view = samples::sized(samples::view("http://a.org/f.iso", JobState::Transferring), 4096);
        (view.done_bytes, view.rate_bps, view.left_secs) = (1024, 2048, Some(2));
        view
    }

    #[test]
    fn a_log_gets_the_size_and_then_a_line_every_ten_seconds() {
        let start = Instant::now();
        let mut last = None;
        let mut due = |secs| line(&moving(), &mut last, start + Duration::from_secs(secs));
        assert_eq!(due(0).as_deref(), Some("f.iso: 4.0 KiB"));
        assert_eq!(due(1), None);
        assert_eq!(due(9), None);
        assert_eq!(due(10).as_deref(), Some("f.iso: 25%  1.0 KiB of 4.0 KiB  2.0 KiB/s  2 s left"));
        assert_eq!(due(19), None);
        assert!(due(20).is_some());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut view = samples::view("http://a.org/f", JobState::Transferring);
        view.done_bytes = 10;
        assert_eq!(amounts(&view), "10 B  0 B/s");
        assert_eq!(line(&view, &mut None, Instant::now()).as_deref(), Some("f: its size is not known"));
        assert_eq!(amounts(&samples::view("http://a.org/f", JobState::Connecting)), "0 B  connecting");
    }

    #[test]
    fn programs_get_at_most_one_event_a_second() {
        let start = Instant::now();
        let mut text = Vec::new();
        let mut out = Out::new(&mut text, true);
        let mut progress = Progress::new(true);
        for quarter in 0..=8 {
            let now = start + Duration::from_millis(250 * quarter);
            progress.show(&moving(), now, &mut out).expect("written");
        }
        drop(out);
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.lines().count(), 3);
        assert!(text.starts_with(r#"{"event":"progress","id":""#), "{text}");
    }
}
