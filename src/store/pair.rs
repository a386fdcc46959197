//! The two files of the list: which is in force, what is damaged, and what can be saved from the other one.
//!
//! | newest file | what happens |
//! |---|---|
//! | whole | it is gone on with; of the other one only the first line is looked at |
//! | whole, cut short behind the last record | the same; the rest, which was never acknowledged, is cut off |
//! | whole, of an earlier version | the next generation is written |
//! | damaged, foreign, empty or gone | what is left of it, and the jobs it says nothing of from the other one, held, are the next generation |
//!
//! Which file is the newest says the number in it. A file without one is newer than a generation that says itself that
//! the next one was begun ([`Record::Closed`](super::Record)), and else older. A file of a newer version, be it the
//! older of the two, is a reason to touch nothing: it would be overwritten sooner or later.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::findings::{Condition, FileFinding};
use super::generation::{Generation, OfFile, first_line};
use super::record::VERSION;
use super::versions;
use crate::job::{Job, JobId, JobState, Wanted};

/// More than any first line has.
const FIRST_LINE_BYTES: u64 = 256;

/// The file of a slot.
pub(super) fn path_of(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("queue{slot}.ron"))
}

/// What the pair says, and what is to be done.
#[derive(Debug)]
pub(super) struct Pair {
    /// The list.
    pub(super) jobs: Vec<Arc<Job>>,
    /// How many of the jobs come from the older file.
    pub(super) rescued: usize,
    /// What is to be done.
    pub(super) plan: Plan,
    /// The files, the one in force first, with their slots.
    pub(super) files: Vec<(usize, FileFinding)>,
}

/// What is to be done about the pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plan {
    /// There is no list yet.
    BeginFirst,
    /// Go on with this one.
    Keep { slot: usize, number: u64, bytes: usize, jobs_bytes: usize, torn: bool },
    /// Write the next generation.
    Write { slot: usize, number: u64 },
}

/// What is there under the name of a slot.
enum There {
    Nothing,
    Empty,
    /// A file, with version and number if its first line is whole.
    File(Option<(u32, u64)>),
}

impl Pair {
    /// Reads the pair and decides; changes nothing. Unless it is to be `thorough`, an older file is not read when it is
    /// not needed.
    ///
    /// # Errors
    /// [`StoreError`]: a file cannot be read, or belongs to a newer version.
    pub(super) fn read(folder: &Path, thorough: bool) -> Result<Self, StoreError> {
        let paths = [0, 1].map(|slot| path_of(folder, slot));
        let there = [look(&paths[0])?, look(&paths[1])?];
        for (path, there) in paths.iter().zip(&there) {
            if matches!(there, There::File(Some((version, _))) if *version > VERSION) {
                return Err(StoreError::Newer { path: path.clone() });
            }
        }
        let number = |slot: usize| match there[slot] {
            There::File(Some((_, number))) => Some(number),
            _ => None,
        };
        let mut found = [const { None::<Generation> }; 2];
        let newest = usize::from(number(1) >= number(0));
        let other = 1 - newest;
        let read = |slot: usize| match there[slot] {
            There::File(_) => read_all(&paths[slot]).map(|text| Some(Generation::read(&text))),
            _ => Ok(None),
        };
        found[newest] = read(newest)?;
        let is_enough =
            number(other).is_some() && found[newest].as_ref().is_some_and(Generation::is_in_force);
        if thorough || !is_enough {
            found[other] = read(other)?;
        }
        Ok(Self::decide(&paths, &there, found))
    }

    fn decide(paths: &[PathBuf; 2], there: &[There; 2], mut found: [Option<Generation>; 2]) -> Self {
        // A file whose first line is damaged may tell its number elsewhere.
        let number = |slot: usize| match (&found[slot], &there[slot]) {
            (Some(found), _) => found.number,
            (None, There::File(first)) => first.map(|(_, number)| number),
            (None, _) => None,
        };
        let numbers = [number(0), number(1)];
        let mut newest = usize::from(numbers[1] >= numbers[0]);
        let highest = numbers[newest];
        if found.iter().all(Option::is_none) {
            let files = (0..2).filter(|slot| matches!(there[*slot], There::Empty));
            return Self {
                jobs: Vec::new(),
                rescued: 0,
                plan: Plan::BeginFirst,
                files: files.map(|slot| (slot, FileFinding::new(&paths[slot], Condition::Empty))).collect(),
            };
        }
        // One that says itself that it is not the newest: the newest is the other one, whatever is left of it.
        let is_lost = found[newest].as_ref().is_some_and(|found| found.closed);
        if is_lost {
            newest = 1 - newest;
        }
        let condition = |slot: usize| {
            match (&there[slot], &found[slot]) {
                (There::Nothing, _) => Condition::Gone,
                (There::Empty, _) if is_lost && slot == newest => Condition::Gone,
                (There::Empty, _) => Condition::Empty,
                (There::File(_), None) => Condition::Older,
                (There::File(_), Some(found)) if found.is_foreign() => Condition::Foreign,
                (There::File(_), Some(found)) if !found.is_intact() => Condition::Damaged,
                // Whole, and yet not what should be there: a copy from before.
                (There::File(_), Some(_)) if is_lost && slot == newest => Condition::Gone,
                (There::File(_), Some(_)) if slot == newest => Condition::Current,
                (There::File(_), Some(_)) => Condition::Older,
            }
        };
        let finding = |slot: usize| {
            let mut finding = finding(&paths[slot], condition(slot), found[slot].as_ref());
            if let (There::File(Some((version, number))), None) = (&there[slot], &found[slot]) {
                (finding.version, finding.generation) = (Some(*version), Some(*number));
            }
            (slot, finding)
        };
        let files = [newest, 1 - newest]
            .into_iter()
            .filter(|slot| !matches!(there[*slot], There::Nothing) || is_lost && *slot == newest)
            .map(finding)
            .collect();
        let older = found[1 - newest].take();
        let is_whole = !is_lost && found[newest].as_ref().is_some_and(Generation::is_intact);
        let mut base = found[newest].take().unwrap_or_default();
        if is_whole {
            let number = base.number.unwrap_or_default();
            let plan = if base.version == Some(VERSION) {
                let torn = base.torn_bytes > 0;
                Plan::Keep { slot: newest, number, bytes: base.bytes, jobs_bytes: base.jobs_bytes, torn }
            } else {
                Plan::Write { slot: 1 - newest, number: number.saturating_add(1) }
            };
            return Self { jobs: base.jobs, rescued: 0, plan, files };
        }
        if is_lost && base.number.is_some() {
            // Put there from before: what is in it was in the other one, too.
            base = Generation::default();
        }
        let number = highest.unwrap_or_default().saturating_add(1 + u64::from(is_lost));
        let (jobs, rescued) = merge(base, older.unwrap_or_default());
        Self { jobs, rescued, plan: Plan::Write { slot: newest, number }, files }
    }
}

/// The list as far as it can be had from a damaged generation and the one before it.
fn merge(damaged: Generation, older: Generation) -> (Vec<Arc<Job>>, usize) {
    let known: HashSet<JobId> = damaged.jobs.iter().map(|job| job.id).chain(damaged.gone).collect();
    let mut rescued: Vec<Arc<Job>> = older.jobs.into_iter().filter(|job| !known.contains(&job.id)).collect();
    OfFile::tell_all(&damaged.loose, &mut rescued);
    rescued.iter_mut().for_each(hold);
    let count = rescued.len();
    let mut jobs = damaged.jobs;
    jobs.append(&mut rescued);
    jobs.sort_by_key(|job| job.place);
    // Two may have been given the same place, one of them in a record that is lost.
    if jobs.windows(2).any(|pair| pair[0].place == pair[1].place) {
        versions::number_anew(&mut jobs);
    }
    (jobs, count)
}

/// What became of such a job since is lost, so it does nothing by itself.
fn hold(job: &mut Arc<Job>) {
    if job.state.is_final() || job.state == JobState::Transferred {
        return;
    }
    let job = Arc::make_mut(job);
    job.wanted = Wanted::Suspend;
    job.state = JobState::Suspended;
}

fn finding(path: &Path, condition: Condition, found: Option<&Generation>) -> FileFinding {
    let mut finding = FileFinding::new(path, condition);
    if let Some(found) = found {
        finding.version = found.version;
        finding.generation = found.number;
        finding.jobs = found.jobs.len();
        finding.changes = found.changes;
        finding.damaged_lines = found.damaged_lines;
        finding.torn_bytes = found.torn_bytes;
    }
    finding
}

fn look(path: &Path) -> Result<There, StoreError> {
    let mut start = Vec::new();
    let Some(file) = open(path)? else { return Ok(There::Nothing) };
    file.take(FIRST_LINE_BYTES).read_to_end(&mut start).map_err(StoreError::io("read", path))?;
    Ok(if start.is_empty() { There::Empty } else { There::File(first_line(&start)) })
}

fn read_all(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    if let Some(mut file) = open(path)? {
        file.read_to_end(&mut text).map_err(StoreError::io("read", path))?;
    }
    Ok(text)
}

/// Opens a file if it is there. Only a file: a pipe would be waited for for ever.
fn open(path: &Path) -> Result<Option<File>, StoreError> {
    let opened = path.metadata().and_then(|found| {
        if found.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else if found.is_file() {
            File::open(path)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))
        }
    });
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Whether the file of a slot may be replaced without keeping it.
pub(super) fn is_expendable(path: &Path) -> bool {
    match read_all(path) {
        Ok(text) => super::generation::is_expendable(&text),
        Err(_) => false,
    }
}

/// Whether that generation stands in the file of a slot.
pub(super) fn holds(path: &Path, number: u64) -> bool {
    matches!(look(path), Ok(There::File(Some((_, found)))) if found == number)
}
