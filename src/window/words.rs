//! What the window says of a job, in words. Pure: the time is passed in.

use crate::engine::JobView;
use crate::job::{JobFile, JobState, bytes_in_words, duration_in_words};

/// In which colour a state is shown. Never the only sign: the words say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Under way.
    Running,
    /// In line.
    Plain,
    /// Goes on by itself later.
    Waiting,
    /// Needs the user.
    Failed,
    /// Done.
    Finished,
    /// Held or given up.
    Still,
}

/// A job's state, for the line above its bar; with the time of the next try where `now` is given.
pub(super) fn state(view: &JobView, now: Option<u64>) -> (String, Tone) {
    let percent = percent(view);
    let at = |word: &str| match &percent {
        Some(percent) if view.done_bytes > 0 => format!("{word} at {percent}"),
        _ if view.done_bytes > 0 => format!("{word} after {}", bytes_in_words(view.done_bytes)),
        _ => word.to_owned(),
    };
    match &view.job.state {
        JobState::Queued => (at("Queued"), Tone::Plain),
        JobState::Connecting => ("Connecting…".to_owned(), Tone::Running),
        JobState::Transferring => {
            let words = percent.unwrap_or_else(|| format!("{} so far", bytes_in_words(view.done_bytes)));
            (words, Tone::Running)
        }
        JobState::Suspended => (at("Paused"), Tone::Still),
        JobState::Error(fault) => (fault.what(), Tone::Failed),
        JobState::Waiting(waiting) => {
            let what = lower_first(&waiting.what());
            let next = now.and_then(|now| next_try(waiting.until_unix_secs, now));
            let next = next.map_or_else(String::new, |next| format!("; next {next}"));
            (format!("Waiting: {what}{next}"), Tone::Waiting)
        }
        JobState::Transferred | JobState::Acknowledged => (finished(&view.job.files), Tone::Finished),
        JobState::Cancelled => ("Cancelled".to_owned(), Tone::Still),
    }
}

/// `62 %`, rounded down so that 100 % means all of it.
pub(super) fn percent(view: &JobView) -> Option<String> {
    let total = view.job.total_bytes()?;
    let percent = (u128::from(view.done_bytes) * 100).checked_div(u128::from(total)).unwrap_or(100);
    Some(format!("{} %", percent.min(100)))
}

/// When a waiting job is tried again: `try in 12 s`.
pub(super) fn next_try(until: Option<u64>, now: u64) -> Option<String> {
    Some(match until?.saturating_sub(now) {
        0 => "try now".to_owned(),
        secs @ 60..600 => format!("try in {} min", secs / 60),
        secs => format!("try in {}", duration_in_words(secs)),
    })
}

fn finished(files: &[JobFile]) -> String {
    if !files.iter().all(|file| file.finished) {
        return "Ended before the end".to_owned();
    }
    if !files.is_empty() && files.iter().all(|file| file.sha256.is_some()) {
        return "Finished, SHA-256 verified".to_owned();
    }
    "Finished".to_owned()
}

/// The first letter in lower case: for what is said after a colon.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The first letter in upper case: for what begins a sentence.
pub(super) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// How long ago something was: `just now`, `5 min ago`, `3 h ago`, `12 d ago`.
pub(super) fn ago(then: u64, now: u64) -> String {
    let secs = now.saturating_sub(then);
    match secs {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", secs / 60),
        3600..86_400 => format!("{} h ago", secs / 3600),
        _ => format!("{} d ago", secs / 86_400),
    }
}

/// `1 file`, `3 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// The server a job comes from.
pub(super) fn host(view: &JobView) -> &str {
    view.job.files.first().and_then(|file| file.url.host_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::job::{Fault, FaultKind, JobId, NewJob, Waiting, Why};

    fn view(state: JobState, done: u64, total: Option<u64>) -> JobView {
        let new = NewJob::of("https://example.org/a.iso", "");
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a good address");
        job.files[0].total_bytes = total;
        job.files[0].finished = matches!(state, JobState::Acknowledged);
        job.state = state;
        JobView { done_bytes: done, ..JobView::resting(Arc::new(job)) }
    }

    #[test]
    fn every_state_has_its_words() {
        let refused = || Fault::new(FaultKind::ConnectionRefused, "");
        let waiting =
            |until| JobState::Waiting(Waiting { why: Why::BackOff(refused()), until_unix_secs: until });
        let table = [
            (JobState::Queued, 0, Some(100), "Queued", Tone::Plain),
            (JobState::Queued, 18, Some(100), "Queued at 18 %", Tone::Plain),
            (JobState::Connecting, 18, Some(100), "Connecting…", Tone::Running),
            (JobState::Transferring, 629, Some(1000), "62 %", Tone::Running),
            (JobState::Transferring, 999, Some(1000), "99 %", Tone::Running),
            (JobState::Transferring, 2048, None, "2.0 KiB so far", Tone::Running),
            (JobState::Transferring, 0, Some(0), "100 %", Tone::Running),
            (JobState::Suspended, 71, Some(100), "Paused at 71 %", Tone::Still),
            (JobState::Suspended, 2048, None, "Paused after 2.0 KiB", Tone::Still),
            (JobState::Suspended, 0, None, "Paused", Tone::Still),
            (JobState::Error(refused()), 5, None, "The server refused the connection", Tone::Failed),
            (
                waiting(Some(1012)),
                5,
                None,
                "Waiting: the server refused the connection; next try in 12 s",
                Tone::Waiting,
            ),
            (
                waiting(Some(900)),
                5,
                None,
                "Waiting: the server refused the connection; next try now",
                Tone::Waiting,
            ),
            (waiting(None), 5, None, "Waiting: the server refused the connection", Tone::Waiting),
            (JobState::Acknowledged, 100, Some(100), "Finished", Tone::Finished),
            (JobState::Cancelled, 0, None, "Cancelled", Tone::Still),
        ];
        for (job_state, done, total, words, tone) in table {
            assert_eq!(state(&view(job_state, done, total), Some(1000)), (words.to_owned(), tone));
        }
    }

    #[test]
    fn a_checked_file_says_so() {
        let mut view = view(JobState::Acknowledged, 1, Some(1));
        Arc::make_mut(&mut view.job).files[0].sha256 = Some("00".into());
        assert_eq!(state(&view, None).0, "Finished, SHA-256 verified");
        Arc::make_mut(&mut view.job).files[0].finished = false;
        assert_eq!(state(&view, None).0, "Ended before the end");
    }

    #[test]
    fn times_past_read_well() {
        for (secs, words) in [
            (0, "just now"),
            (61, "1 min ago"),
            (7200, "2 h ago"),
            (90_000, "1 d ago"),
            (864_000, "10 d ago"),
        ] {
            assert_eq!(ago(1_000_000 - secs, 1_000_000), words);
        }
        assert_eq!(ago(10, 5), "just now", "a clock that was set back");
    }
}
