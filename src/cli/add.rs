//! `add`: queue downloads and return at once.

use super::act;
use super::args::{Add, How};
use super::exit::{Exit, Failure};
use super::new::{self, Target};
use super::port::Port;
use super::print::Out;
use crate::engine::{Command, Places, Reply, Run};
use crate::job::{JobId, NewJob};

/// How many are handed over with one command: many enough to be quick, few enough for one request.
const AT_ONCE: usize = 2000;

/// Queues what is asked for.
pub(super) async fn add(places: &Places, add: Add, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let Add { mut urls, how, priority, paused, input } = add;
    // Before the engine is started or asked: standard input may be a person typing.
    if let Some(file) = &input {
        urls.extend(new::addresses_in(file)?);
    }
    check(&urls, &how)?;
    let Target { folder, file_name } = Target::of(&how)?;
    let is_named = folder.is_some();
    let folder = folder.unwrap_or_default();
    let mut jobs = new::jobs(urls, &how, &folder, file_name.as_deref(), priority.unwrap_or_default())?;
    let port = Port::open(places, Run::Nothing)?;
    let usual = if is_named { None } else { Some(port.snapshot().await?) };
    for job in &mut jobs {
        job.paused = paused;
        if let Some(usual) = &usual {
            job.folder.clone_from(&usual.download_folder);
        }
    }
    let ids = hand_over(&port, jobs, out).await?;
    if out.is_json() {
        out.json(&ids)?;
    }
    out.flush()?;
    if !paused {
        act::note_rest(&port);
    }
    Ok(Exit::Done)
}

/// What clap cannot see.
fn check(urls: &[String], how: &How) -> Result<(), Failure> {
    match urls.len() {
        0 => Err(Failure::usage("There is no address in that file. It should have one on each line.")),
        2.. if how.out.is_some() => Err(Failure::usage(
            "--out names one file, and there are several addresses. You can name their folder with --to.",
        )),
        2.. if how.sha256.is_some() => Err(Failure::usage(
            "--sha256 is the checksum of one file, and there are several addresses. You can add them one by one.",
        )),
        _ => Ok(()),
    }
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
        let urls = |count| vec![String::from("http://a.org/f"); count];
        let out = How { out: Some("f".into()), ..How::default() };
        let sum = How { sha256: Some("0".repeat(64)), ..How::default() };
        for (count, how, fine) in [
            (1, &out, true),
            (2, &out, false),
            (1, &sum, true),
            (2, &sum, false),
            (2, &How::default(), true),
            (0, &How::default(), false),
        ] {
            assert_eq!(check(&urls(count), how).map_err(|failure| failure.exit()).is_ok(), fine, "{count}");
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
