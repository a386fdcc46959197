//! `log`: what has happened.

use serde::Serialize;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::json::{FaultWords, Waits};
use super::pick;
use super::port::Port;
use super::print::{self, Out};
use super::table::{Column, Table};
use crate::engine::{Command, Reply};
use crate::job::{Event, JobId, LogEntry, Rate};

/// The widest a name is in the log, in columns.
const MOST_NAME: usize = 30;

/// Prints the latest entries, oldest first.
pub(super) async fn log(
    port: &Port,
    job: Option<&str>,
    number: u32,
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    let job = match job {
        Some(job) => Some(meant(port, job).await?),
        None => None,
    };
    let Reply::Log(entries) = port.request(Command::Log(job, number as usize)).await? else {
        return Err(super::nonsense());
    };
    if out.is_json() {
        out.json(&entries.iter().map(Line::of).collect::<Vec<_>>())?;
    } else if entries.is_empty() {
        print::note("Nothing is in the log.");
    } else {
        lines(&entries, job.is_none(), out)?;
    }
    Ok(Exit::Done)
}

/// A job that is off the list still has its lines, by its whole id.
async fn meant(port: &Port, job: &str) -> Result<JobId, Failure> {
    let snapshot = port.snapshot().await?;
    let picked = pick::one(&snapshot, job).map(|view| view.job.id);
    picked.or_else(|failure| job.parse().map_err(|_| failure))
}

fn lines(entries: &[LogEntry], with_names: bool, out: &mut Out<'_>) -> Result<(), Failure> {
    let mut columns = vec![Column::Left, Column::Right];
    if with_names {
        columns.push(Column::Left);
    }
    columns.extend([Column::Left, Column::Left]);
    let mut table = Table::new(&columns);
    for entry in entries {
        let mut row = vec![print::local_time(entry.unix_secs), entry.event.number().to_string()];
        if with_names {
            let name = print::clean(&entry.name);
            row.push(if name.is_empty() { "-".into() } else { print::short(&name, MOST_NAME) });
        }
        row.push(entry.cause.word().to_owned());
        row.push(print::clean(&entry.event.sentence()));
        table.row(row);
    }
    table.print(out)
}

/// An entry for programs. What belongs to the event stands beside the rest.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// BITS's number of the event.
    number: u32,
    unix_secs: u64,
    /// Null for what is about no job.
    job: Option<JobId>,
    name: &'a str,
    cause: &'static str,
    sentence: String,
    event: &'static str,
    #[serde(flatten)]
    fields: Value,
}

impl<'a> Line<'a> {
    fn of(entry: &'a LogEntry) -> Self {
        let (event, fields) = event(&entry.event);
        Self {
            number: entry.event.number(),
            unix_secs: entry.unix_secs,
            job: entry.job,
            name: &entry.name,
            cause: entry.cause.word(),
            sentence: entry.event.sentence(),
            event,
            fields,
        }
    }
}

/// The word for an event and its fields. Files are counted from 1, as people do.
fn event(event: &Event) -> (&'static str, Value) {
    let bps = |limit: &Option<Rate>| limit.map(Rate::bytes_per_sec);
    match event {
        Event::Resumed => ("resumed", json!({})),
        Event::Suspended => ("suspended", json!({})),
        Event::Created { files, by } => ("created", json!({ "files": files, "by": by })),
        Event::Completed { files, bytes } => ("completed", json!({ "files": files, "bytes": bytes })),
        Event::Cancelled => ("cancelled", json!({})),
        Event::ProgramSet { command } => ("program_set", json!({ "command": command })),
        Event::Started { file, url, done_bytes, total_bytes } => (
            "started",
            json!({ "file": file + 1, "url": url, "done_bytes": done_bytes, "total_bytes": total_bytes }),
        ),
        Event::Stopped { file, finished, done_bytes, total_bytes, limit } => (
            "stopped",
            json!({
                "file": file + 1, "finished": finished, "done_bytes": done_bytes, "total_bytes": total_bytes,
                "limit_bps": bps(limit),
            }),
        ),
        Event::StoppedByFault { file, fault, done_bytes, total_bytes, limit } => (
            "stopped_by_fault",
            json!({
                "file": file + 1, "fault": FaultWords::from(fault), "done_bytes": done_bytes,
                "total_bytes": total_bytes, "limit_bps": bps(limit),
            }),
        ),
        Event::ProgramFailed { how, again_in_secs } => {
            ("program_failed", json!({ "how": how, "again_in_secs": again_in_secs }))
        }
        Event::ProgramNotStarted { how, again_in_secs } => {
            ("program_not_started", json!({ "how": how, "again_in_secs": again_in_secs }))
        }
        Event::Slot { window, allows, next, next_unix_secs } => (
            "slot",
            json!({ "window": window, "allows": allows, "next": next, "next_unix_secs": next_unix_secs }),
        ),
        Event::System { what } => ("system", json!({ "what": what })),
        Event::Blocked { waiting } => ("blocked", json!({ "waiting": Waits::from(waiting) })),
        Event::Loaded { jobs } => ("loaded", json!({ "jobs": jobs })),
        Event::Stale { days } => ("stale", json!({ "days": days })),
        Event::Damaged { what } => ("damaged", json!({ "what": what })),
        Event::Disabled { what } => ("disabled", json!({ "what": what })),
        Event::FileAdded { file, url, path } => {
            ("file_added", json!({ "file": file + 1, "url": url, "path": path }))
        }
        Event::Failed { fault } => ("failed", json!({ "fault": FaultWords::from(fault) })),
        Event::Decided { what } => ("decided", json!({ "what": what })),
        Event::Changed { what } => ("changed", json!({ "what": what })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Cause, Fault, FaultKind};

    fn entry(event: Event) -> LogEntry {
        LogEntry { unix_secs: 0, job: None, name: "f.iso".into(), cause: Cause::Fault, event }
    }

    #[test]
    fn an_entry_for_programs_is_flat() {
        let fault = Fault::new(FaultKind::Status(404), "");
        let event = Event::StoppedByFault { file: 0, fault, done_bytes: 1, total_bytes: None, limit: None };
        let json = serde_json::to_value(Line::of(&entry(event))).expect("JSON");
        assert_eq!(json["number"], 61);
        assert_eq!(json["event"], "stopped_by_fault");
        assert_eq!(json["cause"], "fault");
        assert_eq!(json["file"], 1);
        assert_eq!(json["fault"]["status"], 404);
        assert_eq!(json["limit_bps"], Value::Null);
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(12));
    }

    #[test]
    fn people_read_columns_and_the_name_only_where_it_may_differ() {
        let entries = [entry(Event::Suspended), entry(Event::Disabled { what: "add \u{1b}x".into() })];
        for (with_names, names) in [(true, "  f.iso"), (false, "")] {
            let mut text = Vec::new();
            let mut out = Out::new(&mut text, false);
            lines(&entries, with_names, &mut out).and_then(|()| out.flush()).expect("lines");
            drop(out);
            let time = print::local_time(0);
            let disabled = "Transfers are switched off, so this was not done: add \u{fffd}x";
            assert_eq!(
                String::from_utf8(text).expect("text"),
                format!("{time}      2{names}  fault  Paused\n{time}  10005{names}  fault  {disabled}\n")
            );
        }
    }
}
