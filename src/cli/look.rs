//! `list` and `show`.

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::{self, Out};
use super::{json, pick};
use crate::engine::JobView;
use crate::job::{JobState, bytes_in_words, duration_in_words, rate_in_words};

/// Lists all jobs, in the user's order.
pub(super) async fn list(port: &Port, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    if out.is_json() {
        out.json(&snapshot.jobs.iter().map(|view| json::Job::from(&**view)).collect::<Vec<_>>())?;
    } else if snapshot.jobs.is_empty() {
        print::note("There are no downloads. You can add one with “meanwhile add URL”.");
    } else {
        table(snapshot.jobs.iter().map(|view| &**view), out)?;
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
    for (label, text) in facts(view, print::now_unix_secs()) {
        out.line(format_args!("{label:<14} {}", print::clean(&text)))?;
    }
    Ok(Exit::Done)
}

/// The columns of a list. The name is the last one, as its width on a terminal is anyone's guess.
fn table<'a>(views: impl Iterator<Item = &'a JobView>, out: &mut Out<'_>) -> Result<(), Failure> {
    let mut rows = vec![["ID", "STATE", "SIZE", "SPEED", "NAME"].map(String::from)];
    rows.extend(views.map(row));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [id_width, state_width, size_width, speed_width] = widths;
    for [id, state, size, speed, name] in &rows {
        out.line(format_args!(
            "{id:<id_width$}  {state:<state_width$}  {size:>size_width$}  {speed:>speed_width$}  {name}"
        ))?;
    }
    Ok(())
}

fn row(view: &JobView) -> [String; 5] {
    let none = || "-".to_owned();
    let size = match view.job.total_bytes() {
        Some(total) => bytes_in_words(total),
        None if view.done_bytes > 0 => format!("{} of ?", bytes_in_words(view.done_bytes)),
        None => none(),
    };
    let speed = if view.rate_bps > 0 { rate_in_words(view.rate_bps) } else { none() };
    let name = match view.job.state.fault() {
        Some(fault) => format!("{} ({})", print::name(view), fault.what()),
        None => print::name(view),
    };
    [view.job.id.short(), print::state(view), size, speed, name]
}

/// Everything there is to say of a job, with its label.
fn facts(view: &JobView, now: u64) -> Vec<(&'static str, String)> {
    let job = &view.job;
    let ago = |then: u64| format!("{} ago", duration_in_words(now.saturating_sub(then)));
    let mut facts =
        vec![("id", job.id.to_string()), ("name", job.display_name()), ("state", print::state(view))];
    if let Some(fault) = job.state.fault() {
        facts.push(("fault", fault.to_string()));
    }
    if let JobState::Waiting(waiting) = &job.state
        && let Some(until) = waiting.until_unix_secs
    {
        facts.push(("next try", format!("in {}", duration_in_words(until.saturating_sub(now)))));
    }
    facts.push(("priority", job.priority.to_string()));
    for file in &job.files {
        facts.push(("address", file.url.to_string()));
        match file.path() {
            Some(path) => facts.push(("file", path.to_string_lossy().into_owned())),
            None => facts.push(("folder", file.folder.to_string_lossy().into_owned())),
        }
        let more = [
            ("resumable", file.resumable.map(|yes| if yes { "yes" } else { "no" }.to_owned())),
            ("etag", file.validator.etag.clone()),
            ("last modified", file.validator.last_modified.clone()),
            ("sha256", file.sha256.clone()),
        ];
        facts.extend(more.into_iter().filter_map(|(label, text)| Some((label, text?))));
    }
    facts.push(("done", bytes_in_words(view.done_bytes)));
    facts.push(("size", job.total_bytes().map_or_else(|| "not known yet".to_owned(), bytes_in_words)));
    let more = [
        ("speed", (view.rate_bps > 0).then(|| rate_in_words(view.rate_bps))),
        ("time left", view.left_secs.map(duration_in_words)),
        ("cap", job.limit.map(|limit| limit.to_string())),
        ("added", Some(ago(job.added_unix_secs))),
        ("ended", job.ended_unix_secs.map(ago)),
    ];
    facts.extend(more.into_iter().filter_map(|(label, text)| Some((label, text?))));
    facts
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
        table([&running, &failed].into_iter(), &mut out).and_then(|()| out.flush()).expect("a table");
        drop(out);
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "ID        STATE               SIZE      SPEED  NAME\n\
             aaaa1111  downloading 50%  148 MiB  1.9 MiB/s  debian.iso\n\
             bbbb2222  failed                 -          -  gone.zip (The file is not on the server (404))\n"
        );
    }

    #[tokio::test]
    async fn a_list_for_programs_is_an_array() {
        let view = samples::view("http://a.org/f", samples::QUEUED);
        let (handle, _border) = border(samples::snapshot([view.clone()]));
        let port = Port::Local(crate::cli::port::Local::fake(handle));
        let mut text = Vec::new();
        let mut out = Out::new(&mut text, true);
        assert_eq!(list(&port, &mut out).await, Ok(Exit::Done));
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
        let facts = facts(&view, 67);
        let fact = |label| facts.iter().find(|(l, _)| *l == label).map(|(_, text)| text.as_str());
        assert_eq!(fact("file"), Some("/tmp/f.iso"));
        assert_eq!(fact("etag"), Some("\"x\""));
        assert_eq!(fact("cap"), Some("1.0 KiB/s"));
        assert_eq!(fact("added"), Some("1 min ago"));
        assert_eq!(fact("speed"), None);
    }
}
