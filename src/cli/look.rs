//! `list` and `show`.

use url::Url;

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::{self, Out};
use super::table::{Column, Table};
use super::{files, json, pick, plain, remedies};
use crate::engine::JobView;
use crate::job::{
    Cause, Clash, Job, JobFile, JobState, Wanted, bytes_in_words, duration_in_words, rate_in_words,
};

/// Lists all jobs, in the user's order; `is_plain` is bitsadmin's way.
pub(super) async fn list(port: &Port, is_plain: bool, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    if out.is_json() {
        out.json(&snapshot.jobs.iter().map(|view| json::Job::from(&**view)).collect::<Vec<_>>())?;
    } else if is_plain {
        snapshot.jobs.iter().try_for_each(|view| out.line(plain::line(view)))?;
        out.line(plain::footer(snapshot.jobs.len()))?;
    } else if snapshot.jobs.is_empty() {
        print::note("There are no downloads. You can add one with “meanwhile add URL”.");
    } else {
        table(snapshot.jobs.iter().map(|view| &**view)).print(out)?;
    }
    out.flush()?;
    if let Some(waiting) = &snapshot.waiting {
        print::note(print::all_wait(waiting, print::now_unix_secs()));
    }
    Ok(Exit::Done)
}

/// Shows one job.
pub(super) async fn show(port: &Port, job: &str, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    let view = pick::one(&snapshot, job)?;
    if out.is_json() {
        out.json(&json::Job::from(view))?;
        return Ok(Exit::Done);
    }
    let place = snapshot.jobs.iter().position(|other| other.job.id == view.job.id).unwrap_or_default() + 1;
    let place = format!("{place} of {}", snapshot.jobs.len());
    for (label, text) in facts(view, place, print::now_unix_secs()) {
        out.line(format!("{label:<14} {}", print::clean(&text)).trim_end())?;
    }
    Ok(Exit::Done)
}

fn table<'a>(views: impl Iterator<Item = &'a JobView>) -> Table {
    let mut table = Table::new(&[Column::Left, Column::Left, Column::Right, Column::Right, Column::Left]);
    table.row(["ID", "STATE", "SIZE", "SPEED", "NAME"].map(String::from));
    for view in views {
        table.row(row(view));
    }
    table
}

fn row(view: &JobView) -> [String; 5] {
    let none = || "-".to_owned();
    let size = match view.job.total_bytes() {
        Some(total) => bytes_in_words(total),
        None if view.done_bytes > 0 => format!("{} of ?", bytes_in_words(view.done_bytes)),
        None => none(),
    };
    let speed = if view.rate_bps > 0 { rate_in_words(view.rate_bps) } else { none() };
    // What fails or waits does so until somebody does something: what that is comes with it.
    let name = match remedies::first(view) {
        Some(command) => format!("{}: {command}", print::name_with_reason(view)),
        None => print::name_with_reason(view),
    };
    [view.job.id.short(), print::state(view), size, speed, name]
}

/// Everything there is to say of a job, with its label.
fn facts(view: &JobView, place: String, now: u64) -> Vec<(&'static str, String)> {
    let job = &view.job;
    let ago = |then: u64| format!("{} ago", duration_in_words(now.saturating_sub(then)));
    let mut facts =
        vec![("id", job.id.to_string()), ("name", job.display_name()), ("state", print::state(view))];
    if job.cause != Cause::User {
        facts.push(("because of", because(job.cause).to_owned()));
    }
    if let Some(fault) = job.state.fault() {
        facts.push(("fault", fault.to_string()));
    }
    if job.files.len() == 1 {
        facts.extend(helping(view, 0));
    }
    if let JobState::Waiting(waiting) = &job.state {
        if waiting.fault().is_none() {
            facts.push(("waits for", waiting.what()));
        }
        if let Some(until) = waiting.until_unix_secs {
            facts.push(("next try", format!("in {}", duration_in_words(until.saturating_sub(now)))));
        }
    }
    if let Some(wanted) = wanted(job) {
        facts.push(("wanted", wanted.to_owned()));
    }
    facts.extend([("priority", job.priority.to_string()), ("place", place)]);
    match &job.files[..] {
        [file] => facts.extend(file_facts(file)),
        files => {
            let finished = job.wanted_files().filter(|file| file.finished).count();
            let wanted = job.wanted_files().count();
            facts.push(("files", format!("{finished} of {wanted} finished")));
            if job.files_at_once > 1 {
                facts.push(("at once", format!("{} files", job.files_at_once)));
            }
            for (index, file) in files.iter().enumerate() {
                facts.push(("", String::new()));
                facts.push(("file number", format!("{}: {}", index + 1, files::state(view, index))));
                facts.extend(helping(view, index));
                facts.extend(file_facts(file));
            }
            facts.push(("", String::new()));
        }
    }
    facts.push(("done", bytes_in_words(view.done_bytes)));
    facts.push(("size", job.total_bytes().map_or_else(|| "not known yet".to_owned(), bytes_in_words)));
    let at_work: usize = view.fetching.iter().map(|of| of.ranges.len()).sum();
    let connections = format!("up to {} for each file, {at_work} at work", job.connections);
    let more = [
        ("connections", (job.connections > 1).then_some(connections)),
        ("speed", (view.rate_bps > 0).then(|| rate_in_words(view.rate_bps))),
        ("time left", view.left_secs.map(duration_in_words)),
        ("cap", job.limit.map(|limit| limit.to_string())),
        ("cap in force", view.cap.as_ref().map(print::cap)),
        ("when all here", job.hold_finished.then(|| "waits for “meanwhile complete”".to_owned())),
        ("at the end", job.finish.as_ref().map(|command| format!("runs {command}"))),
        ("proxy", job.route.proxy.as_ref().map(ToString::to_string)),
        (
            "trusts",
            Some(&job.route.ca_file).filter(|path| path.is_absolute()).map(|path| path.display().to_string()),
        ),
        ("faults", (job.faults > 0).then(|| job.faults.to_string())),
        ("at work for", (job.active_secs > 0).then(|| duration_in_words(job.active_secs))),
        ("added", Some(ago(job.added_unix_secs))),
        ("changed", (job.modified_unix_secs > job.added_unix_secs).then(|| ago(job.modified_unix_secs))),
        ("ended", job.ended_unix_secs.map(ago)),
        ("stale", view.stale.then(|| "nothing has happened to it for long".to_owned())),
    ];
    facts.extend(more.into_iter().filter_map(|(label, text)| Some((label, text?))));
    facts
}

/// The commands that help with a file.
fn helping(view: &JobView, file: usize) -> impl Iterator<Item = (&'static str, String)> {
    remedies::of_file(view, file).into_iter().map(|command| ("what helps", command))
}

fn file_facts(file: &JobFile) -> Vec<(&'static str, String)> {
    let place = match file.path() {
        Some(path) => ("file", path.to_string_lossy().into_owned()),
        None => ("folder", file.folder.to_string_lossy().into_owned()),
    };
    let mirrors: Vec<&str> = file.mirrors.iter().map(Url::as_str).collect();
    let more = [
        ("mirrors", Some(mirrors.join(" ")).filter(|all| !all.is_empty())),
        ("resumable", file.resumable.map(|yes| if yes { "yes" } else { "no" }.to_owned())),
        ("etag", file.validator.etag.clone()),
        ("last modified", file.validator.last_modified.clone()),
        ("expected", file.expected.as_ref().map(ToString::to_string)),
        ("verified", file.verified().map(|_| "yes".to_owned())),
        ("mirrors", (!file.mirrors.is_empty()).then(|| file.mirrors.len().to_string())),
        (
            "if name taken",
            (file.clash != Clash::default() && !file.finished).then(|| file.clash.word().to_owned()),
        ),
    ];
    let more = more.into_iter().filter_map(|(label, text)| Some((label, text?)));
    [("address", file.url.to_string()), place].into_iter().chain(more).collect()
}

/// What brought a job into its state.
const fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::User => "you",
        Cause::Scheduler => "its turn",
        Cause::Transfer => "the transfer",
        Cause::Fault => "a fault",
        Cause::Session => "signing in or out, or the start of the program",
        Cause::Network => "the network",
        Cause::Power => "mains or battery",
        Cause::Timetable => "the timetable",
        Cause::Timer => "a time limit",
    }
}

/// What the user wants of a job, where its state does not say it.
const fn wanted(job: &Job) -> Option<&'static str> {
    match (job.wanted, &job.state) {
        (Wanted::Suspend, JobState::Suspended)
        | (Wanted::Cancel, JobState::Cancelled)
        | (Wanted::Complete, JobState::Acknowledged)
        | (Wanted::Transfer, _) => None,
        (Wanted::Suspend, _) => Some("to be held"),
        (Wanted::Complete, _) => Some("to be completed"),
        (Wanted::Cancel, _) => Some("to be given up"),
        (Wanted::Remove, _) => Some("to be removed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::engine::border;
    use crate::job::{Fault, FaultKind};

    #[test]
    fn columns_line_up() {
        let mut running = samples::sized(
            samples::with_id("debian.iso", "aaaa1111-0000-4000-8000-000000000000"),
            155_189_248,
        );
        running = samples::changed(running, |job| job.state = JobState::Transferring);
        running.done_bytes = 77_594_624;
        running.rate_bps = 2_000_000;
        let failed = samples::with_id("gone.zip", "bbbb2222-0000-4000-8000-000000000000");
        let failed = samples::changed(failed, |job| {
            job.state = JobState::Error(Fault::new(FaultKind::Status(404), ""));
        });
        let mut text = Vec::new();
        let mut out = Out::new(&mut text, false);
        table([&running, &failed].into_iter()).print(&mut out).and_then(|()| out.flush()).expect("a table");
        drop(out);
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "ID        STATE               SIZE      SPEED  NAME\n\
             aaaa1111  downloading 50%  148 MiB  1.9 MiB/s  debian.iso\n\
             bbbb2222  failed                 -          -  gone.zip (The file is not on the server (404)): \
             meanwhile set bbbb2222 address URL\n"
        );
    }

    #[tokio::test]
    async fn a_list_for_programs_is_an_array() {
        let view = samples::view("http://a.org/f", samples::QUEUED);
        let (handle, _border) = border(samples::snapshot([view.clone()]));
        let port = Port::Local(crate::cli::port::Local::fake(handle));
        let mut text = Vec::new();
        let mut out = Out::new(&mut text, true);
        assert_eq!(list(&port, false, &mut out).await, Ok(Exit::Done));
        out.flush().expect("written");
        drop(out);
        let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(json[0]["id"], view.job.id.to_string());
    }

    #[test]
    fn all_that_is_known_is_shown() {
        let view = samples::changed(samples::view("http://a.org/f", samples::QUEUED), |job| {
            job.files[0].name = Some("f.iso".into());
            job.files[0].validator.etag = Some("\"x\"".into());
            job.limit = crate::job::Rate::from_bytes_per_sec(1024);
        });
        let facts = facts(&view, "1 of 2".into(), 67);
        let fact = |label| facts.iter().find(|(l, _)| *l == label).map(|(_, text)| text.as_str());
        assert_eq!(fact("file"), Some("/tmp/f.iso"));
        assert_eq!(fact("etag"), Some("\"x\""));
        assert_eq!(fact("cap"), Some("1.0 KiB/s"));
        assert_eq!(fact("added"), Some("1 min ago"));
        assert_eq!(fact("place"), Some("1 of 2"));
        for unknown in ["speed", "cap in force", "wanted", "faults", "stale", "files"] {
            assert_eq!(fact(unknown), None, "{unknown}");
        }
    }
}
