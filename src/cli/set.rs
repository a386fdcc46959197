//! `set`, `file` and `move`: changes of a download that say what it is to be.

use std::fmt::Display;

use super::access::login;
use super::args::{Cap, FileDeed, Move, OneFile, Property, Set, Switch};
use super::exit::{Exit, Failure};
use super::new::absolute;
use super::port::Port;
use super::print::{self, Out};
use super::{json, pick};
use crate::engine::{Change, Command, JobView};
use crate::job::{Clash, FinishCommand, JobId, Priority, To};

/// The most files of one download that are fetched at once, as for `add`.
const MOST_AT_ONCE: u8 = 16;

/// The most connections for one file, as for `add`.
const MOST_CONNECTIONS: u8 = 8;

/// Changes a property of one job.
pub(super) async fn set(port: &Port, set: &Set, out: &mut Out<'_>) -> Result<Exit, Failure> {
    if let Some((deed, word)) = of_file(set.what) {
        let snapshot = port.snapshot().await?;
        let view = pick::one(&snapshot, &set.job)?;
        if view.job.files.len() > 1 {
            return Err(Failure::usage(format!(
                "“{}” has several files, each with one of its own. You can see them with “meanwhile files {id}” and \
                 change one with “meanwhile file {id} NUMBER {word} VALUE”.",
                print::name(view),
                id = view.job.id.short()
            )));
        }
        return change_file(port, view, 1, deed, Some(&set.value), out).await;
    }
    if set.what != Property::Login && set.password_from.is_some() {
        return Err(Failure::usage("A password belongs to “login” only. You can leave it out."));
    }
    if set.what == Property::Login {
        let id = {
            let snapshot = port.snapshot().await?;
            pick::one(&snapshot, &set.job)?.job.id
        };
        // Nobody is kept waiting while a person types: how things stand is looked at again afterwards.
        let login = login(&set.value, set.password_from.as_deref())?;
        port.request(Command::SetLogin(id, login)).await?;
        let snapshot = port.snapshot().await?;
        let view = snapshot.job(id).ok_or_else(super::nonsense)?;
        return say(view, "is tried again with its login", out);
    }
    let (change, done) = change(set.what, &set.value)?;
    let snapshot = port.snapshot().await?;
    let view = pick::one(&snapshot, &set.job)?;
    port.request(Command::Change(vec![view.job.id], change)).await?;
    say(view, &done, out)
}

/// Does something with one file of a job.
pub(super) async fn file(port: &Port, words: &OneFile, out: &mut Out<'_>) -> Result<Exit, Failure> {
    if matches!(words.what, FileDeed::Skip | FileDeed::Retry | FileDeed::Restart) && words.value.is_some() {
        return Err(Failure::usage("Nothing belongs behind that word. You can leave it out."));
    }
    let snapshot = port.snapshot().await?;
    let view = pick::one(&snapshot, &words.job)?;
    change_file(port, view, words.number, words.what, words.value.as_deref(), out).await
}

/// The number is counted from 1, as people do.
async fn change_file(
    port: &Port,
    view: &JobView,
    number: u32,
    what: FileDeed,
    value: Option<&str>,
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    let (index, value) = (number as usize - 1, value.unwrap_or_default());
    let (change, done) = match what {
        FileDeed::Skip => (Change::LeaveOutFile(index), "is left out".to_owned()),
        FileDeed::Retry => (Change::RetryFile(index), "is tried again".to_owned()),
        FileDeed::Restart => (Change::StartOver(index), "is fetched from its start".to_owned()),
        FileDeed::Address => {
            (Change::SetFileAddress(index, value.to_owned()), "has another address".to_owned())
        }
        FileDeed::Name => (Change::SetFileName(index, value.to_owned()), format!("is saved as “{value}”")),
        FileDeed::Checksum if is_off(value) => {
            (Change::SetExpected(index, None), "is compared with nothing".to_owned())
        }
        FileDeed::Checksum => {
            (Change::SetExpected(index, Some(value.to_owned())), "has another checksum".to_owned())
        }
        FileDeed::IfExists => {
            let clash: Clash = value.parse().map_err(wrong)?;
            (Change::SetClash(Some(index), clash), if_taken(clash))
        }
    };
    port.request(Command::Change(vec![view.job.id], change)).await?;
    let done = if view.job.files.len() > 1 { format!("file {number} {done}") } else { done };
    let exit = say(view, &done, out)?;
    out.flush()?;
    Ok(exit)
}

/// Moves jobs to another place in the user's order.
pub(super) async fn put(port: &Port, words: &Move, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    let views = pick::all(&snapshot, &words.jobs)?;
    let (to, done) = match (&words.before, &words.after) {
        (Some(job), _) => {
            let other = pick::one(&snapshot, job)?;
            (To::Before(other.job.id), format!("is before {}", print::name(other)))
        }
        (_, Some(job)) => {
            let other = pick::one(&snapshot, job)?;
            (To::After(other.job.id), format!("is behind {}", print::name(other)))
        }
        _ if words.top => (To::First, "is at the top".to_owned()),
        _ => (To::Last, "is at the bottom".to_owned()),
    };
    let ids: Vec<JobId> = views.iter().map(|view| view.job.id).collect();
    port.request(Command::Change(ids.clone(), Change::Move(to))).await?;
    if out.is_json() {
        out.json(&json::Done::of(ids))?;
        return Ok(Exit::Done);
    }
    for view in views {
        out.line(print::deed(view.job.id, &done, &view.job.display_name()))?;
    }
    Ok(Exit::Done)
}

fn say(view: &JobView, done: &str, out: &mut Out<'_>) -> Result<Exit, Failure> {
    if out.is_json() {
        out.json(&json::Done::of(vec![view.job.id]))?;
    } else {
        out.line(print::deed(view.job.id, done, &view.job.display_name()))?;
    }
    Ok(Exit::Done)
}

/// What belongs to the file rather than to the job, and the word for it.
const fn of_file(what: Property) -> Option<(FileDeed, &'static str)> {
    match what {
        Property::Address => Some((FileDeed::Address, "address")),
        Property::Checksum => Some((FileDeed::Checksum, "checksum")),
        _ => None,
    }
}

fn wrong(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure::usage(if why.ends_with('.') { why } else { why + "." })
}

fn is_off(value: &str) -> bool {
    value.eq_ignore_ascii_case("off")
}

/// What becomes of a file whose name is taken.
fn if_taken(clash: Clash) -> String {
    match clash {
        Clash::Number => "gets a number if its name is taken",
        Clash::Overwrite => "takes the place of a file that has its name",
        Clash::Resume => "goes on with a file that has its name, if that is its beginning",
        Clash::Ask => "stops if its name is taken",
    }
    .to_owned()
}

/// The change, and what the job then is. What belongs to a file is not among them.
fn change(what: Property, value: &str) -> Result<(Change, String), Failure> {
    Ok(match what {
        Property::Priority => {
            let priority: Priority = value.parse().map_err(wrong)?;
            (Change::SetPriority(priority), format!("has priority {priority}"))
        }
        Property::Limit => {
            let Cap(limit) = value.parse().map_err(wrong)?;
            let done = limit.map_or_else(|| "has no cap".to_owned(), |limit| format!("is capped at {limit}"));
            (Change::SetLimit(limit), done)
        }
        Property::Name if value.trim().is_empty() => {
            (Change::SetName(String::new()), "has the name of its file".to_owned())
        }
        Property::Name => (Change::SetName(value.to_owned()), format!("is now called “{value}”")),
        Property::FilesAtOnce => {
            let number = value.parse().ok().filter(|number| (1..=MOST_AT_ONCE).contains(number));
            let number = number.ok_or_else(|| {
                wrong(format!("“{value}” is no number of files; it is one from 1 to {MOST_AT_ONCE}"))
            })?;
            let done = match number {
                1 => "fetches one file after the other".to_owned(),
                _ => format!("fetches {number} files at once"),
            };
            (Change::SetFilesAtOnce(number), done)
        }
        Property::Hold => match Switch::read(value) {
            Some(Switch::On) => {
                (Change::SetHoldFinished(true), "waits to be completed when all is here".into())
            }
            Some(Switch::Off) => (Change::SetHoldFinished(false), "is finished when all is here".into()),
            None => return Err(wrong(format!("“{value}” is neither on nor off"))),
        },
        Property::Finish if is_off(value) => {
            (Change::SetFinish(None), "runs nothing when it has ended".into())
        }
        Property::Finish => {
            let command: FinishCommand = value.parse().map_err(wrong)?;
            let done = format!("runs when it has ended: {command}");
            (Change::SetFinish(Some(command)), done)
        }
        Property::Folder => {
            let folder = absolute(value.as_ref())?;
            let done = format!("is saved to {}", folder.display());
            (Change::SetFolder(folder), done)
        }
        Property::Connections => {
            let number = value.parse().ok().filter(|number| (1..=MOST_CONNECTIONS).contains(number));
            let number = number.ok_or_else(|| {
                wrong(format!(
                    "“{value}” is no number of connections; it is one from 1 to {MOST_CONNECTIONS}"
                ))
            })?;
            let done = match number {
                1 => "uses one connection".to_owned(),
                _ => format!("uses up to {number} connections for each file"),
            };
            (Change::SetConnections(number), done)
        }
        Property::IfExists => {
            let clash: Clash = value.parse().map_err(wrong)?;
            (Change::SetClash(None, clash), if_taken(clash))
        }
        Property::Address | Property::Checksum => return Err(wrong("That belongs to a file")),
        Property::Login => return Err(wrong("A login is no property that is seen")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::port::Local;
    use crate::cli::samples;
    use crate::engine::{Reply, Snapshot, border};
    use crate::job::JobFile;

    #[test]
    fn values_are_read_for_what_they_are() {
        let set =
            |what, value| change(what, value).map(|(change, _)| change).map_err(|failure| failure.exit());
        assert_eq!(set(Property::Priority, "LOW"), Ok(Change::SetPriority(Priority::Low)));
        assert_eq!(set(Property::Limit, "off"), Ok(Change::SetLimit(None)));
        assert_eq!(set(Property::Limit, "1K"), Ok(Change::SetLimit("1K".parse().ok())));
        assert_eq!(set(Property::Name, "a b"), Ok(Change::SetName("a b".into())));
        assert_eq!(set(Property::Name, " "), Ok(Change::SetName(String::new())));
        assert_eq!(set(Property::FilesAtOnce, "16"), Ok(Change::SetFilesAtOnce(16)));
        assert_eq!(set(Property::Hold, "ON"), Ok(Change::SetHoldFinished(true)));
        assert_eq!(set(Property::Hold, "off"), Ok(Change::SetHoldFinished(false)));
        assert_eq!(set(Property::Finish, "off"), Ok(Change::SetFinish(None)));
        assert_eq!(set(Property::Folder, "/srv"), Ok(Change::SetFolder("/srv".into())));
        assert_eq!(set(Property::Connections, "8"), Ok(Change::SetConnections(8)));
        assert_eq!(set(Property::IfExists, "Ask"), Ok(Change::SetClash(None, Clash::Ask)));
        let command = FinishCommand { program: "cp".into(), args: vec!["a b".into()] };
        assert_eq!(set(Property::Finish, "cp 'a b'"), Ok(Change::SetFinish(Some(command))));
        for (what, value) in [
            (Property::Priority, "1M"),
            (Property::Limit, "low"),
            (Property::FilesAtOnce, "0"),
            (Property::FilesAtOnce, "17"),
            (Property::Hold, "perhaps"),
            (Property::Connections, "9"),
            (Property::IfExists, "perhaps"),
            (Property::Folder, ""),
            (Property::Finish, "cp 'a"),
            (Property::Finish, ""),
        ] {
            assert_eq!(set(what, value), Err(Exit::Usage), "{what:?} {value}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence_with_one_full_stop() {
        for (what, value) in [(Property::Limit, "low"), (Property::Finish, "cp 'a"), (Property::Hold, "x")] {
            let Err(Failure::Said(_, sentence)) = change(what, value) else { panic!("{what:?}") };
            assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{sentence}");
        }
    }

    fn several() -> JobView {
        samples::changed(samples::view("http://a.org/f", samples::QUEUED), |job| {
            let file: JobFile = job.files[0].clone();
            job.files.push(file);
        })
    }

    /// What the engine is asked for.
    async fn asked<'a, F>(
        views: Vec<JobView>,
        run: impl FnOnce(Box<Local>) -> F,
    ) -> (Result<Exit, Failure>, Vec<Command>)
    where
        F: Future<Output = Result<Exit, Failure>> + 'a,
    {
        let first: Snapshot = samples::snapshot(views);
        let (handle, mut border) = border(first);
        let engine = async {
            let mut asked = Vec::new();
            while let Some(envelope) = border.commands.recv().await {
                asked.push(envelope.command);
                border.answer(envelope.answer, Ok(Reply::Done));
            }
            asked
        };
        tokio::join!(run(Local::fake(handle)), engine)
    }

    #[tokio::test]
    async fn files_are_counted_from_one() {
        let view = several();
        let id = view.job.id;
        let words = OneFile { job: id.to_string(), number: 2, what: FileDeed::Skip, value: None };
        let (done, asked) = asked(vec![view], |local| async move {
            file(&Port::Local(local), &words, &mut Out::new(Vec::new(), false)).await
        })
        .await;
        assert_eq!(done, Ok(Exit::Done));
        assert_eq!(asked, [Command::Change(vec![id], Change::LeaveOutFile(1))]);
    }

    #[tokio::test]
    async fn the_address_of_a_job_is_that_of_its_only_file() {
        let words = |view: &JobView| Set {
            job: view.job.id.to_string(),
            what: Property::Address,
            value: "http://b.org/f".into(),
            password_from: None,
        };
        for (view, expected) in [
            (samples::view("http://a.org/f", samples::QUEUED), Ok(Exit::Done)),
            (several(), Err(Exit::Usage)),
        ] {
            let (words, id) = (words(&view), view.job.id);
            let (done, asked) = asked(vec![view], |local| async move {
                set(&Port::Local(local), &words, &mut Out::new(Vec::new(), false)).await
            })
            .await;
            assert_eq!(done.map_err(|failure| failure.exit()), expected);
            let change = Change::SetFileAddress(0, "http://b.org/f".into());
            let wanted = expected.map(|_| Command::Change(vec![id], change));
            assert_eq!(asked, wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn those_that_are_moved_go_together() {
        let views = vec![several(), several(), several()];
        let ids: Vec<JobId> = views.iter().map(|view| view.job.id).collect();
        let words = Move {
            jobs: vec![ids[2].to_string(), ids[1].to_string()],
            top: false,
            bottom: false,
            before: Some(ids[0].to_string()),
            after: None,
        };
        let (done, asked) = asked(views, |local| async move {
            put(&Port::Local(local), &words, &mut Out::new(Vec::new(), false)).await
        })
        .await;
        assert_eq!(done, Ok(Exit::Done));
        assert_eq!(asked, [Command::Change(vec![ids[2], ids[1]], Change::Move(To::Before(ids[0])))]);
    }
}
