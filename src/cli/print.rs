//! Where words go: answers to standard output, remarks to standard error; and the words for a job.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::exit::Failure;
use crate::engine::{CapView, JobView, WhichCap};
use crate::job::{JobId, JobState, Waiting, Why, duration_in_words};

/// What is said where only the list is there.
pub(super) const NOTHING_TRANSFERS: &str =
    "Nothing transfers now: it starts with the window (“meanwhile”) or with “meanwhile run”.";

/// Standard output, or what stands in for it in a test.
pub(super) struct Out<'a> {
    to: BufWriter<Box<dyn Write + 'a>>,
    json: bool,
}

impl<'a> Out<'a> {
    /// Writes there; `json` says in which of the two ways.
    pub(super) fn new(to: impl Write + 'a, json: bool) -> Self {
        Self { to: BufWriter::new(Box::new(to)), json }
    }

    /// Whether a program reads it.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// One line for people.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.to, "{line}")?)
    }

    /// One line for programs.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.to, value).map_err(io::Error::from)?;
        Ok(writeln!(self.to)?)
    }

    /// A whole text as it is.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<(), Failure> {
        Ok(self.to.write_all(text)?)
    }

    /// Sends off what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.to.flush()?)
    }
}

/// A remark beside the answer. Nobody need be reading it.
pub(super) fn note(sentence: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{sentence}");
}

/// The text without what could steer a terminal or turn the line around: names come from strangers.
pub(super) fn clean(text: &str) -> String {
    let is_trick = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_trick(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The same for a text that may have several lines.
pub(super) fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// What to call a job on a terminal.
pub(super) fn name(view: &JobView) -> String {
    clean(&view.job.display_name())
}

/// The same with the reason where it does not go on.
pub(super) fn name_with_reason(view: &JobView) -> String {
    let what = match &view.job.state {
        JobState::Error(fault) => fault.what(),
        JobState::Waiting(waiting) => waiting.what(),
        _ => return name(view),
    };
    format!("{} ({what})", name(view))
}

/// What keeps all background jobs waiting, as a sentence.
pub(super) fn all_wait(waiting: &Waiting, now: u64) -> String {
    let hint = match waiting.why {
        Why::Held => " “meanwhile resume --all” lets them go on.",
        Why::Disabled => " “meanwhile settings start_mode manual” switches them on.",
        _ => "",
    };
    let until = waiting.until_unix_secs.map_or_else(String::new, |until| {
        format!(" for another {}", duration_in_words(until.saturating_sub(now)))
    });
    format!("{}{until}.{hint}", waiting.what())
}

/// A cap, and whose it is: `1.0 MiB/s (its own)`.
pub(super) fn cap(cap: &CapView) -> String {
    let whose = match cap.which {
        WhichCap::None => "",
        WhichCap::All => " (all downloads)",
        WhichCap::Slow => " (slow)",
        WhichCap::Priority => " (its priority)",
        WhichCap::Timetable => " (timetable)",
        WhichCap::Job => " (its own)",
    };
    let until = cap.until_unix_secs.map_or_else(String::new, |at| format!(" until {}", local_time(at)));
    format!("{}{whose}{until}", cap.rate)
}

/// What was done to a job, as one line.
pub(super) fn deed(id: JobId, done: &str, name: &str) -> String {
    format!("{}  {done}  {}", id.short(), clean(name))
}

/// The state in a word.
pub(super) const fn state_word(state: &JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Connecting => "connecting",
        JobState::Transferring => "downloading",
        JobState::Suspended => "paused",
        JobState::Error(_) => "failed",
        JobState::Waiting(_) => "waiting",
        JobState::Transferred => "ready",
        JobState::Acknowledged => "finished",
        JobState::Cancelled => "cancelled",
    }
}

/// The state in words, without the reason.
pub(super) fn state(view: &JobView) -> String {
    let word = if view.verifying().is_some() { "verifying" } else { state_word(&view.job.state) };
    let is_half_way = !view.job.state.is_final() && view.job.state != JobState::Transferred;
    match percent(view) {
        Some(percent) if is_half_way && view.done_bytes > 0 => format!("{word} {percent}%"),
        _ => word.to_owned(),
    }
}

/// Whole percents, where the size is known; 100 only when all is here. While a whole file is verified, of that.
pub(super) fn percent(view: &JobView) -> Option<u64> {
    if let Some(fraction) = view.verifying() {
        return Some((fraction * 100.0) as u64);
    }
    let total = view.job.total_bytes()?;
    if total == 0 {
        return Some(100);
    }
    Some((u128::from(view.done_bytes.min(total)) * 100 / u128::from(total)) as u64)
}

/// A moment by the local clock, to the second.
pub(super) fn local_time(unix_secs: u64) -> String {
    local(unix_secs).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn local(unix_secs: u64) -> Zoned {
    let at = i64::try_from(unix_secs).ok().and_then(|secs| Timestamp::from_second(secs).ok());
    at.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::system())
}

/// The text, cut to so many columns of a terminal.
pub(super) fn short(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// Now, in seconds since 1970.
pub(super) fn now_unix_secs() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    #[test]
    fn states_are_words_with_percents_on_the_way() {
        let fault = crate::job::Fault::new(crate::job::FaultKind::Stalled, "");
        let table = [
            (JobState::Queued, 0, "queued"),
            (JobState::Queued, 50, "queued 50%"),
            (JobState::Transferring, 99, "downloading 99%"),
            (JobState::Suspended, 1, "paused 1%"),
            (JobState::Error(fault), 10, "failed 10%"),
            (JobState::Acknowledged, 100, "finished"),
            (JobState::Cancelled, 30, "cancelled"),
        ];
        for (given, done, words) in table {
            let mut view = samples::view("http://a.org/f", given);
            view.done_bytes = done;
            assert_eq!(state(&samples::sized(view, 100)), words);
        }
    }

    #[test]
    fn the_last_percent_waits_for_the_last_byte() {
        let mut view = samples::view("http://a.org/f", JobState::Transferring);
        view.done_bytes = u64::MAX - 1;
        assert_eq!(percent(&samples::sized(view, u64::MAX)), Some(99));
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(clean("Grüße 漢字 🎵.iso"), "Grüße 漢字 🎵.iso");
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Out::new(Closed, true);
        let quiet = Err(Failure::Quiet(super::super::exit::Exit::Done));
        assert_eq!(out.json(&1).and_then(|()| out.flush()), quiet);
        assert_eq!(out.line("x").and_then(|()| out.flush()), quiet);
    }
}
