//! `add`: queue downloads and return at once.

use std::path::{Path, PathBuf};

use super::args::{Add, How};
use super::background::Background;
use super::exit::{Exit, Failure};
use super::new::{self, Target};
use super::port::Port;
use super::print::{self, Out};
use super::{json, pick};
use crate::engine::{Change, Command, Places, Reply, Run};
use crate::job::{Brackets, Complaint, JobId, ListEntry, NewJob};

/// How many are handed over with one command: many enough to be quick, few enough for one request.
const AT_ONCE: usize = 2000;

/// Queues what is asked for.
pub(super) async fn add(
    places: &Places,
    add: Add,
    background: &Background,
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    let Add { urls, how, priority, paused, input, literal, together, parallel, hold, job } = add;
    if usize::from(input.as_deref() == Some(Path::new("-"))) + how.access.readers_of_input() > 1 {
        return Err(Failure::usage(
            "Only one thing can be read from standard input. You can name files for the others.",
        ));
    }
    let brackets = if literal { Brackets::Literal } else { Brackets::Patterns };
    let (metalinks, urls): (Vec<_>, Vec<_>) = urls.into_iter().partition(|word| new::is_metalink_name(word));
    let mut entries = new::entries(urls, brackets)?;
    let mut were_complaints = false;
    // Before the engine is started or asked: standard input may be a person typing.
    for file in metalinks.iter().map(Path::new).chain(input.as_deref()) {
        let list = new::list_in(file, brackets)?;
        for Complaint { line, sentence } in &list.complaints {
            print::note(print::clean(&format!("line {line}: {sentence}")));
        }
        were_complaints |= !list.complaints.is_empty();
        entries.extend(list.entries);
        new::check_number(entries.len())?;
    }
    if entries.is_empty() {
        return Err(nothing_to_add(were_complaints));
    }
    check(&entries, &how)?;
    let Target { folder, file_name } = Target::of(&how)?;
    let mut jobs = new::jobs(entries, &how, file_name.as_deref(), priority.unwrap_or_default(), paused)?;
    if let Some(job) = job {
        let port = Port::open(places, Run::Nothing)?;
        let done = add_files(&port, &job, jobs, folder, out).await?;
        background.take_over(port)?;
        return Ok(done);
    }
    if together {
        jobs = vec![new::together(jobs, parallel)?];
    }
    for job in &mut jobs {
        job.hold_finished = hold;
    }
    let port = Port::open(places, Run::Nothing)?;
    let folder = match folder {
        Some(folder) => folder,
        None => port.snapshot().await?.download_folder.clone(),
    };
    for job in &mut jobs {
        new::put_into(job, &folder);
    }
    let ids = hand_over(&port, jobs, out).await?;
    if out.is_json() {
        out.json(&ids)?;
    }
    out.flush()?;
    background.take_over(port)?;
    Ok(Exit::Done)
}

/// Adds the files to a download that is there already, into its folder unless they have one of their own.
async fn add_files(
    port: &Port,
    job: &str,
    mut jobs: Vec<NewJob>,
    folder: Option<PathBuf>,
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    let view = pick::one(&snapshot, job)?;
    let folder =
        folder.or_else(|| view.job.files.first().map(|file| file.folder.clone())).unwrap_or_default();
    for job in &mut jobs {
        new::put_into(job, &folder);
        for file in job.files.iter_mut().filter(|file| file.folder == Path::new("")) {
            file.folder.clone_from(&folder);
        }
    }
    let files = new::files_of(jobs)?;
    let done =
        if files.len() == 1 { "has one more file".into() } else { format!("has {} more files", files.len()) };
    port.request(Command::Change(vec![view.job.id], Change::AddFiles(files))).await?;
    if out.is_json() {
        out.json(&json::Done::of(vec![view.job.id]))?;
    } else {
        out.line(print::deed(view.job.id, &done, &view.job.display_name()))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// What clap cannot see.
fn check(entries: &[ListEntry], how: &How) -> Result<(), Failure> {
    match entries.len() {
        2.. if how.out.is_some() => Err(Failure::usage(
            "--out names one file, and there are several addresses. You can name their folder with --to.",
        )),
        2.. if how.expected().is_some_and(|sum| !sum.starts_with("http")) => Err(Failure::usage(
            "A checksum is that of one file, and there are several addresses. You can add them one by one.",
        )),
        _ => Ok(()),
    }
}

fn nothing_to_add(were_complaints: bool) -> Failure {
    Failure::usage(if were_complaints {
        "Nothing in that list can be downloaded. You can correct it and add it again."
    } else {
        "There is no address in that file. It should have one on each line."
    })
}

/// Queues them, and prints each id as soon as it is certain.
async fn hand_over(port: &Port, jobs: Vec<NewJob>, out: &mut Out<'_>) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::with_capacity(jobs.len());
    for jobs in jobs.chunks(AT_ONCE) {
        if let Reply::Added(added) = port.request(Command::Add(jobs.to_vec())).await? {
            if !out.is_json() {
                for id in &added {
                    out.line(id)?;
                }
                out.flush()?;
            }
            ids.extend(added);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::port::Local;
    use crate::engine::{Snapshot, border};

    #[test]
    fn one_name_and_one_checksum_are_for_one_address() {
        let entries = |count| vec![ListEntry::default(); count];
        let out = How { out: Some("f".into()), ..How::default() };
        let sum = How { sha256: Some("0".repeat(64)), ..How::default() };
        for (count, how, fine) in
            [(1, &out, true), (2, &out, false), (1, &sum, true), (2, &sum, false), (2, &How::default(), true)]
        {
            assert_eq!(check(&entries(count), how).is_ok(), fine, "{count}");
        }
    }

    #[tokio::test]
    async fn many_are_handed_over_in_parts_and_all_ids_printed() {
        let (handle, mut border) = border(Snapshot::default());
        let jobs = vec![NewJob::default(); AT_ONCE + 1];
        let mut text = Vec::new();
        let engine = async {
            let mut sizes = Vec::new();
            while let Some(envelope) = border.commands.recv().await {
                let Command::Add(jobs) = envelope.command else { panic!("another command") };
                sizes.push(jobs.len());
                let ids = jobs.iter().map(|_| JobId::random()).collect();
                border.answer(envelope.answer, Ok(Reply::Added(ids)));
            }
            sizes
        };
        let (ids, sizes) = tokio::join!(
            async {
                let port = Port::Local(Local::fake(handle));
                hand_over(&port, jobs, &mut Out::new(&mut text, false)).await.expect("ids")
            },
            engine
        );
        assert_eq!(sizes, [AT_ONCE, 1]);
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.lines().count(), ids.len());
        assert_eq!(text.lines().last(), Some(ids[AT_ONCE].to_string().as_str()));
    }
}
