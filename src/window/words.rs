//! What the window says of a job, in words. Pure: the time is passed in.

use crate::engine::{CapView, JobView, WhichCap};
use crate::job::{
    Cause, Clash, Expected, Hash, JobFile, JobState, Trouble, Waiting, Why, bytes_in_words, duration_in_words,
};

use super::clock::clock;
use super::listing::ByTimetable;

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
        JobState::Transferring if let Some(fraction) = view.verifying() => {
            (format!("Verifying {} %", (fraction * 100.0) as u32), Tone::Running)
        }
        JobState::Transferring => {
            let words = percent.unwrap_or_else(|| format!("{} so far", bytes_in_words(view.done_bytes)));
            (words, Tone::Running)
        }
        JobState::Suspended => (at("Paused"), Tone::Still),
        JobState::Error(fault) => (fault.what(), Tone::Failed),
        JobState::Waiting(waiting) => {
            let tone = if waiting.why == Why::Held { Tone::Still } else { Tone::Waiting };
            (waits(waiting, now), tone)
        }
        JobState::Transferred if view.job.hold_finished => {
            ("Complete, waits until you accept it".to_owned(), Tone::Finished)
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

/// For what something waits, and until when where `now` is given: `Waiting: you are signed out`.
pub(super) fn waits(waiting: &Waiting, now: Option<u64>) -> String {
    let what = lower_first(&waiting.what());
    let next = now.and_then(|now| next_try(waiting, now)).map_or_else(String::new, |next| {
        // A condition has an end; a fault has a next try.
        if waiting.why.is_condition() { format!("; {next}") } else { format!("; next {next}") }
    });
    format!("Waiting: {what}{next}")
}

/// When a waiting job goes on: `try in 12 s`, `try at 18:00`, `until 18:00`.
pub(super) fn next_try(waiting: &Waiting, now: u64) -> Option<String> {
    let until = waiting.until_unix_secs?;
    let secs = until.saturating_sub(now);
    if waiting.why.is_condition() {
        return (secs > 0).then(|| format!("until {}", clock(until, now)));
    }
    Some(match secs {
        0 => "try now".to_owned(),
        60..600 => format!("try in {} min", secs / 60),
        1..HOURS_AWAY => format!("try in {}", duration_in_words(secs)),
        _ => format!("try at {}", clock(until, now)),
    })
}

/// How a job that waits for a condition goes on; a sentence. `None` where it waits because of a fault.
pub(super) const fn way_out(why: &Why) -> Option<&'static str> {
    Some(match why {
        Why::BackOff(_) | Why::DiskFull(_) | Why::Folder(_) => return None,
        Why::NoNetwork => "It goes on by itself when the network is back.",
        Why::SignedOut => "It goes on by itself when you sign in again.",
        Why::Asleep => "It goes on by itself when the computer wakes.",
        Why::Metered => "It goes on by itself on a network that costs nothing.",
        Why::Battery => "It goes on by itself when the computer is on mains again.",
        Why::Timetable => "It goes on by itself when the timetable allows it.",
        Why::Held => {
            "You have paused everything. What you paused by hand stays paused when you resume the rest."
        }
        Why::Disabled => "You can switch them on with “meanwhile settings start_mode manual”.",
    })
}

/// The cap a job is held to, and whose it is: `512 KiB/s, by the timetable until 17:30`.
pub(super) fn cap(cap: &CapView, now: u64) -> String {
    let whose = match cap.which {
        WhichCap::Timetable => "by the timetable",
        whose => whose_cap(whose),
    };
    let until = cap.until_unix_secs.filter(|until| *until > now);
    let until = until.map_or_else(String::new, |until| format!(" until {}", clock(until, now)));
    // The timetable may end what others have set, by allowing less.
    format!("{}, {whose}{until}", cap.rate)
}

/// Whose cap it is, as it is named.
pub(super) const fn whose_cap(which: WhichCap) -> &'static str {
    match which {
        WhichCap::None => "cap in force",
        WhichCap::All => "the cap over all",
        WhichCap::Slow => "the slow cap",
        WhichCap::Priority => "the cap of its priority",
        WhichCap::Timetable => "the timetable's cap",
        WhichCap::Job => "its own cap",
    }
}

/// What the timetable does to the jobs now: `timetable: up to 512 KiB/s until 17:30`. `None` where it does nothing to
/// any, or where what it stops is told elsewhere.
pub(super) fn by_timetable(held: &ByTimetable, stops_told: bool, now: u64) -> Option<String> {
    let what = match held {
        ByTimetable { stopped, .. } if *stopped > 0 && !stops_told => format!("stops {stopped}"),
        ByTimetable { caps: Some((least, most)), .. } if least == most => format!("up to {least}"),
        ByTimetable { caps: Some(_), .. } => "caps some".to_owned(),
        _ => return None,
    };
    let until = held.until_unix_secs.filter(|until| *until > now);
    let until = until.map_or_else(String::new, |until| format!(" until {}", clock(until, now)));
    Some(format!("timetable: {what}{until}"))
}

/// From here on a clock says more than a number of minutes.
const HOURS_AWAY: u64 = 3600;

/// In how many seconds [`next_try`] says something else, if ever.
pub(super) fn next_change(waiting: &Waiting, now: u64) -> Option<u64> {
    let secs = waiting.until_unix_secs?.saturating_sub(now);
    match secs {
        0 => None,
        // The clock's words hold until the moment itself, or until midnight.
        _ if waiting.why.is_condition() => Some(secs.min(HOURS_AWAY)),
        1..60 => Some(1),
        60..HOURS_AWAY => Some(secs % 60 + 1),
        _ => Some((secs - HOURS_AWAY + 1).min(HOURS_AWAY)),
    }
}

/// What brought a job to its state, where that explains more than the state itself.
pub(super) const fn because(state: &JobState, cause: Cause) -> Option<&'static str> {
    Some(match (state, cause) {
        (JobState::Suspended | JobState::Cancelled, Cause::User) => "by you",
        (JobState::Suspended | JobState::Cancelled, Cause::Timer) => "by a time limit",
        (JobState::Queued, Cause::Scheduler) => "others have their turn",
        (JobState::Queued, Cause::Session) => "since you signed in or the computer woke",
        (JobState::Queued, Cause::Network) => "since the network is back",
        (JobState::Queued, Cause::Power) => "since the computer is on mains",
        (JobState::Queued, Cause::Timetable) => "since the timetable allows it",
        (JobState::Queued, Cause::Timer) => "for another try",
        _ => return None,
    })
}

/// Who or what did something, as the log names it.
pub(super) const fn who(cause: Cause) -> &'static str {
    match cause {
        Cause::User => "you",
        Cause::Scheduler => "its turn",
        Cause::Transfer => "the transfer",
        Cause::Fault => "a fault",
        Cause::Session => "the session",
        Cause::Network => "the network",
        Cause::Power => "the power",
        Cause::Timetable => "the timetable",
        Cause::Timer => "a time limit",
    }
}

/// One file of a job of several. `runs` is whether it is being fetched, `goes_on` whether its job goes on: then it is in
/// line.
pub(super) fn file_state(file: &JobFile, runs: bool, goes_on: bool, now: u64) -> (String, Tone) {
    let percent = file.total_bytes.map(|total| {
        let percent = (u128::from(file.synced_bytes()) * 100).checked_div(u128::from(total)).unwrap_or(100);
        format!("{} %", percent.min(100))
    });
    let so_far =
        || percent.clone().unwrap_or_else(|| format!("{} so far", bytes_in_words(file.synced_bytes())));
    match &file.trouble {
        Some(Trouble::LeftOut) => ("Left out".to_owned(), Tone::Still),
        _ if file.finished => (finished(std::slice::from_ref(file)), Tone::Finished),
        Some(Trouble::Failed(fault)) => (fault.what(), Tone::Failed),
        Some(Trouble::Waiting(waiting)) => (waits(waiting, Some(now)), Tone::Waiting),
        None if runs => (so_far(), Tone::Running),
        None if file.synced_bytes() > 0 => (so_far(), if goes_on { Tone::Plain } else { Tone::Still }),
        None if goes_on => ("In line".to_owned(), Tone::Plain),
        None => ("Not begun".to_owned(), Tone::Still),
    }
}

/// How many of a job's files are here: `3 of 12 files`; `None` for a job of one file.
pub(super) fn files_done(view: &JobView) -> Option<String> {
    let files = &view.job.files;
    if files.len() < 2 {
        return None;
    }
    let wanted = view.job.wanted_files().count();
    let done = view.job.wanted_files().filter(|file| file.finished).count();
    let failed =
        view.job.wanted_files().filter(|file| matches!(file.trouble, Some(Trouble::Failed(_)))).count();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    Some(if done == wanted {
        count(wanted, "file", "files")
    } else {
        format!("{done} of {}{failed}", count(wanted, "file", "files"))
    })
}

/// For how long nothing has happened to a job that is flagged for it: `nothing has happened for 94 days`.
pub(super) fn stale(view: &JobView, now: u64) -> Option<String> {
    let days = now.saturating_sub(view.job.modified_unix_secs) / 86_400;
    match (view.stale, view.job.modified_unix_secs) {
        (false, _) => None,
        (true, 0) => Some("nothing has happened for long".to_owned()),
        (true, _) => Some(format!("nothing has happened for {}", count(days as usize, "day", "days"))),
    }
}

fn finished(files: &[JobFile]) -> String {
    let mut files = files.iter().filter(|file| !file.is_left_out()).peekable();
    if files.peek().is_none() {
        return "Ended, all files were left out".to_owned();
    }
    let (mut whole, mut verified) = (true, true);
    let mut hashes: Vec<Hash> = Vec::new();
    for file in files {
        whole &= file.finished;
        verified &= file.verified().is_some();
        if let Some(Expected::Sum(sum)) = file.expected.as_deref() {
            hashes.push(sum.hash());
        }
    }
    if !whole {
        return "Ended before the end".to_owned();
    }
    if !verified {
        return "Finished".to_owned();
    }
    match hashes.as_slice() {
        [first, rest @ ..] if rest.iter().all(|hash| hash == first) => {
            format!("Finished, {} verified", first.name())
        }
        _ => "Finished, checksum verified".to_owned(),
    }
}

/// What becomes of a file that has the name of a new one.
pub(super) const fn clash(clash: Clash) -> &'static str {
    match clash {
        Clash::Number => "Keep both, with a number",
        Clash::Overwrite => "Replace it",
        Clash::Resume => "Go on with it",
        Clash::Ask => "Ask",
    }
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

/// The text with its numbers and their units on one line: where it is large, a lone unit would be seen.
pub(super) fn unbroken(text: &str) -> String {
    let mut before = ' ';
    let kept = |c: char| {
        let kept = if c == ' ' && before.is_ascii_digit() { '\u{a0}' } else { c };
        before = c;
        kept
    };
    text.chars().map(kept).collect()
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
    use crate::job::{Fault, FaultKind, JobId, NewJob, Rate, Waiting, Why};

    fn view(state: JobState, done: u64, total: Option<u64>) -> JobView {
        let new = NewJob::of("https://example.org/a.iso", "");
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a good address");
        job.files[0].total_bytes = total;
        job.files[0].finished = matches!(state, JobState::Acknowledged | JobState::Transferred);
        job.state = state;
        JobView { done_bytes: done, ..JobView::resting(Arc::new(job)) }
    }

    #[test]
    fn numbers_keep_their_units() {
        assert_eq!(unbroken("1.2 MiB/s for 2 h 5 min a day"), "1.2\u{a0}MiB/s for 2\u{a0}h 5\u{a0}min a day");
    }

    #[test]
    fn every_state_has_its_words() {
        let refused = || Fault::new(FaultKind::ConnectionRefused, "");
        let waiting =
            |until| JobState::Waiting(Waiting { why: Why::BackOff(refused()), until_unix_secs: until });
        let held = |why| JobState::Waiting(Waiting::for_condition(why, None));
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
            (held(Why::NoNetwork), 5, None, "Waiting: there is no network", Tone::Waiting),
            (held(Why::SignedOut), 5, None, "Waiting: you are signed out", Tone::Waiting),
            (held(Why::Held), 5, None, "Waiting: all downloads are paused", Tone::Still),
            (JobState::Transferred, 100, Some(100), "Finished", Tone::Finished),
            (JobState::Acknowledged, 100, Some(100), "Finished", Tone::Finished),
            (JobState::Cancelled, 0, None, "Cancelled", Tone::Still),
        ];
        for (job_state, done, total, words, tone) in table {
            assert_eq!(state(&view(job_state, done, total), Some(1000)), (words.to_owned(), tone));
        }
    }

    #[test]
    fn a_next_try_is_told_by_the_minute_or_by_the_clock() {
        let now = 1_795_420_800;
        let fault = |secs| Waiting {
            why: Why::BackOff(Fault::new(FaultKind::Stalled, "")),
            until_unix_secs: Some(now + secs),
        };
        let condition = |secs| Waiting::for_condition(Why::Timetable, Some(now + secs));
        let table = [
            (fault(0), Some("try now".to_owned()), None),
            (fault(12), Some("try in 12 s".to_owned()), Some(1)),
            (fault(90), Some("try in 1 min".to_owned()), Some(31)),
            (fault(1800), Some("try in 30 min".to_owned()), Some(1)),
            (fault(7200), Some(format!("try at {}", clock(now + 7200, now))), Some(3600)),
            (condition(0), None, None),
            (condition(60), Some(format!("until {}", clock(now + 60, now))), Some(60)),
            (condition(90_000), Some(format!("until {}", clock(now + 90_000, now))), Some(3600)),
        ];
        for (waiting, words, change) in table {
            assert_eq!(next_try(&waiting, now), words);
            assert_eq!(next_change(&waiting, now), change, "{waiting:?}");
        }
        let clock = clock(now + 7200, now);
        assert_eq!(
            waits(&condition(7200), Some(now)),
            format!("Waiting: the timetable allows nothing now; until {clock}")
        );
    }

    #[test]
    fn a_cap_is_told_with_whose_it_is() {
        let now = 1_795_420_800;
        let rate = Rate::from_bytes_per_sec(512 << 10).expect("a rate");
        let later = clock(now + 7200, now);
        let table = [
            (WhichCap::Timetable, Some(now + 7200), format!("512 KiB/s, by the timetable until {later}")),
            (WhichCap::Timetable, None, "512 KiB/s, by the timetable".to_owned()),
            (WhichCap::All, None, "512 KiB/s, the cap over all".to_owned()),
            (WhichCap::Job, Some(now + 7200), format!("512 KiB/s, its own cap until {later}")),
            (WhichCap::Slow, Some(now), "512 KiB/s, the slow cap".to_owned()),
        ];
        for (which, until_unix_secs, words) in table {
            assert_eq!(cap(&CapView { rate, which, until_unix_secs }, now), words);
        }
        let held = |stopped, caps, until| ByTimetable { stopped, caps, until_unix_secs: until };
        let (two, more) = (Some((rate, rate)), Rate::from_bytes_per_sec(1 << 20).map(|more| (rate, more)));
        let table = [
            (held(0, None, None), false, None),
            (
                held(0, two, Some(now + 7200)),
                false,
                Some(format!("timetable: up to 512 KiB/s until {later}")),
            ),
            (held(2, two, None), false, Some("timetable: stops 2".to_owned())),
            (held(2, two, None), true, Some("timetable: up to 512 KiB/s".to_owned())),
            (held(2, None, None), true, None),
            (held(0, more, None), false, Some("timetable: caps some".to_owned())),
        ];
        for (held, told, words) in table {
            assert_eq!(by_timetable(&held, told, now), words, "{held:?}");
        }
    }

    #[test]
    fn files_are_counted_and_told_one_by_one() {
        let mut view = view(JobState::Transferring, 0, Some(10));
        assert_eq!(files_done(&view), None);
        let job = Arc::make_mut(&mut view.job);
        let one = job.files[0].clone();
        job.files = vec![one; 6];
        job.files[0].finished = true;
        job.files[1].trouble = Some(Trouble::LeftOut);
        job.files[2].trouble = Some(Trouble::Failed(Fault::new(FaultKind::Status(404), "")));
        job.files[3].trouble = Some(Trouble::Waiting(Waiting::for_condition(Why::NoNetwork, None)));
        job.files[4].synced = crate::job::Extents::from_start(4);
        let words: Vec<_> = job.files.iter().map(|file| file_state(file, false, true, 0).0).collect();
        let expected = [
            "Finished",
            "Left out",
            "The file is not on the server (404)",
            "Waiting: there is no network",
            "40 %",
            "In line",
        ];
        assert_eq!(words, expected);
        assert_eq!(files_done(&view).as_deref(), Some("1 of 5 files, 1 failed"));
    }

    #[test]
    fn a_checked_file_says_so() {
        let mut view = view(JobState::Acknowledged, 1, Some(1));
        Arc::make_mut(&mut view.job).files[0].expected = "0".repeat(64).parse().map(Box::new).ok();
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
