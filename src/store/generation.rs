//! Reading one queue file: which generation it is, what it says, and how far it can be trusted.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::record::{FirstLine, Record, VERSION};
use super::{lines, versions};
use crate::job::{Extents, Job, JobFile, JobId};

/// Fewer bytes than this are not worth a thread.
const LEAST_FOR_A_THREAD: usize = 256 << 10;

/// One file as it was read.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// Of the format; `None` where nothing tells.
    pub(super) version: Option<u32>,
    /// Counts up; `None` where nothing tells.
    pub(super) number: Option<u64>,
    /// Whether it was ever finished, with as many jobs as it says.
    pub(super) whole: bool,
    /// Whether it says itself that the next one was begun.
    pub(super) closed: bool,
    /// Lines that are not what was written.
    pub(super) damaged_lines: usize,
    /// Bytes at the end that a crash cut short; never acknowledged.
    pub(super) torn_bytes: usize,
    /// Lines since it was whole.
    pub(super) changes: usize,
    /// Bytes of the jobs it began with.
    pub(super) jobs_bytes: usize,
    /// Bytes of all its lines.
    pub(super) bytes: usize,
    /// The jobs: in the user's order if it is intact.
    pub(super) jobs: Vec<Arc<Job>>,
    /// Jobs it says are off the list.
    pub(super) gone: HashSet<JobId>,
    /// What it says of single files of jobs it has no record of.
    pub(super) loose: Vec<OfFile>,
}

/// What a line says of one file of a job.
#[derive(Clone, Debug)]
pub(super) struct OfFile {
    pub(super) job: JobId,
    file: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// [`Record::Progress`]: the attempt, and what is on disk.
    Progress(u32, Extents),
    /// [`Record::File`].
    Is(Box<JobFile>),
}

/// What the first line says, if it is whole.
pub(super) fn first_line(text: &[u8]) -> Option<(u32, u64)> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let FirstLine::Queue { version, generation } = lines::read(&text[..end])?;
    Some((version, generation))
}

/// Whether a file may be replaced without keeping it: it is one of ours, and nothing in it is damaged. Its records
/// are not read.
pub(super) fn is_expendable(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    let known = first_line(text).is_some_and(|(version, _)| version <= VERSION);
    let (text, _) = lines::split_tail(text);
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    known && lines.all(|line| lines::checked(line).is_some())
}

impl Generation {
    /// Whether everything that was acknowledged is in it.
    pub(super) const fn is_intact(&self) -> bool {
        self.number.is_some() && self.whole && self.damaged_lines == 0
    }

    /// Whether it can be gone on with as it is.
    pub(super) const fn is_in_force(&self) -> bool {
        self.is_intact() && !self.closed
    }

    /// Whether it is one of ours at all.
    pub(super) fn is_foreign(&self) -> bool {
        self.number.is_none() && self.jobs.is_empty() && self.gone.is_empty() && self.loose.is_empty()
    }

    /// Reads a file. Never fails: what is damaged is counted.
    pub(super) fn read(text: &[u8]) -> Self {
        let (whole_lines, tail) = lines::split_tail(text);
        let first = first_line(text);
        let version = first.map(|(version, _)| version).or_else(|| guess_version(whole_lines));
        let read = read_lines(whole_lines, version.unwrap_or(VERSION));
        let mut sorter = Sorter {
            found: Self { version, bytes: whole_lines.len(), ..Self::default() },
            ..Sorter::default()
        };
        for line in read {
            sorter.take(line);
        }
        sorter.take_tail(tail, version.unwrap_or(VERSION));
        let mut found = sorter.found;
        if first.is_none() && !whole_lines.is_empty() && found.damaged_lines == 0 {
            // Readable, but it begins in the middle: its first lines are gone.
            found.damaged_lines = 1;
        }
        found.jobs = sorter.slots.into_iter().flatten().collect();
        versions::migrate(version.unwrap_or(VERSION), &mut found.jobs);
        found.jobs.sort_by_key(|job| job.place);
        found
    }
}

fn guess_version(text: &[u8]) -> Option<u32> {
    text.split(|byte| *byte == b'\n').filter_map(lines::checked).find_map(versions::guess)
}

/// A line: its record unless it is damaged, and where it ends.
struct Line {
    record: Option<Record>,
    end: usize,
}

/// Reads all lines, on as many threads as there are processors: each line is judged by itself.
fn read_lines(text: &[u8], version: u32) -> Vec<Line> {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = processors.min(text.len() / LEAST_FOR_A_THREAD).max(1);
    let mut pieces = Vec::with_capacity(threads);
    let mut start = 0;
    for thread in 1..=threads {
        let aim = (text.len() / threads * thread).max(start);
        let end = if thread == threads {
            text.len()
        } else {
            text[aim..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| aim + at + 1)
        };
        pieces.push((start, &text[start..end]));
        start = end;
    }
    let Some((last, others)) = pieces.split_last() else { return Vec::new() };
    std::thread::scope(|scope| {
        let started: Vec<_> = others
            .iter()
            .map(|piece| {
                let (start, text) = *piece;
                let thread = std::thread::Builder::new().name("store-read".into());
                // Without a thread it is done here; it only takes longer.
                (thread.spawn_scoped(scope, move || read_piece(text, start, version)).ok(), piece)
            })
            .collect();
        let of_last = read_piece(last.1, last.0, version);
        let mut read = Vec::new();
        for (thread, (start, text)) in started {
            let joined = thread.and_then(|thread| thread.join().ok());
            read.append(&mut joined.unwrap_or_else(|| read_piece(text, *start, version)));
        }
        read.extend(of_last);
        read
    })
}

fn read_piece(text: &[u8], start: usize, version: u32) -> Vec<Line> {
    let mut end = start;
    let line = |line: &[u8]| {
        end += line.len();
        let line = line.strip_suffix(b"\n")?;
        // What ends a half line that could not be taken back; see `QueueFiles::append`.
        let is_empty = line.is_empty();
        let record = || {
            let mut record = versions::read(version, lines::checked(line)?)?;
            // Room for four files is made for the first: of 100,000 jobs with one each that is 150 MB for nothing.
            if let Record::Job(job) = &mut record
                && let Some(job) = Arc::get_mut(job)
            {
                job.files.shrink_to_fit();
            }
            Some(record)
        };
        (!is_empty).then(|| Line { record: record(), end })
    };
    text.split_inclusive(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Puts the records together.
#[derive(Default)]
struct Sorter {
    found: Generation,
    slots: Vec<Option<Arc<Job>>>,
    by_id: HashMap<JobId, usize>,
    lines: usize,
    /// Lines that are jobs, before the generation was whole.
    jobs: usize,
    /// Files whose record of starting over is lost: nothing is believed about them until the job's next record.
    doubtful: HashSet<(JobId, usize)>,
}

impl Sorter {
    fn take(&mut self, Line { record, end }: Line) {
        let is_change = self.found.jobs_bytes > 0;
        self.found.changes += usize::from(is_change);
        let is_first = self.lines == 0;
        self.lines += 1;
        match record {
            Some(Record::Queue { generation, .. }) if is_first => self.found.number = Some(generation),
            Some(Record::Whole { jobs, generation }) => {
                self.found.jobs_bytes = end;
                self.found.whole = jobs == self.jobs;
                if generation > 0 {
                    self.found.number.get_or_insert(generation);
                }
            }
            Some(Record::Job(job)) => {
                self.jobs += usize::from(!is_change);
                self.found.gone.remove(&job.id);
                if !self.doubtful.is_empty() {
                    self.doubtful.retain(|(id, _)| *id != job.id);
                }
                let slot = *self.by_id.entry(job.id).or_insert_with(|| {
                    self.slots.push(None);
                    self.slots.len() - 1
                });
                self.slots[slot] = Some(job);
            }
            Some(Record::Progress { job, file, attempt, synced }) => {
                self.take_of_file(OfFile { job, file, what: What::Progress(attempt, synced) });
            }
            Some(Record::File { job, file, is }) => {
                self.take_of_file(OfFile { job, file, what: What::Is(is) });
            }
            Some(Record::Gone(id)) => {
                self.found.gone.insert(id);
                if let Some(slot) = self.by_id.remove(&id) {
                    self.slots[slot] = None;
                }
            }
            Some(Record::Closed) => self.found.closed = true,
            Some(Record::Queue { .. }) | None => {
                // Of the jobs it began with, one that is damaged is one all the same.
                self.jobs += usize::from(!is_change);
                self.found.damaged_lines += 1;
            }
        }
    }

    fn take_of_file(&mut self, said: OfFile) {
        match self.by_id.get(&said.job).and_then(|slot| self.slots[*slot].as_mut()) {
            Some(job) => said.tell(job, &mut self.doubtful),
            None if self.found.gone.contains(&said.job) => {}
            None => self.found.loose.push(said),
        }
    }

    /// What stands behind the last line break. A crash leaves the beginning of a line there, which was never
    /// acknowledged. A whole record is believed, and the end of one means damage: then its line break is what is
    /// damaged.
    fn take_tail(&mut self, tail: &[u8], version: u32) {
        let Some((_, but_last)) = tail.split_last() else { return };
        let readable =
            [tail, but_last].into_iter().find_map(|line| versions::read(version, lines::checked(line)?));
        let end = self.found.bytes + tail.len();
        match readable {
            Some(record) => {
                self.take(Line { record: Some(record), end });
                self.found.damaged_lines += 1;
            }
            None if tail.ends_with(b")") || but_last.ends_with(b")") => self.take(Line { record: None, end }),
            None => self.found.torn_bytes = tail.len(),
        }
    }
}

impl OfFile {
    /// Adds it to what is known of a job. Progress counts only if it is about the same attempt: if not, the record of
    /// starting over is lost, and what was fetched before it proves nothing any more.
    fn tell(self, job: &mut Arc<Job>, doubtful: &mut HashSet<(JobId, usize)>) {
        let job = Arc::make_mut(job);
        let Some(file) = job.files.get_mut(self.file) else { return };
        let which = (self.job, self.file);
        match self.what {
            What::Is(is) => {
                doubtful.remove(&which);
                *file = *is;
            }
            What::Progress(attempt, synced) if file.attempt == attempt && !doubtful.contains(&which) => {
                job.note_synced(self.file, synced);
            }
            What::Progress(attempt, _) => {
                if !file.finished && (doubtful.insert(which) || file.attempt <= attempt) {
                    // Behind all attempts there were, so that nothing said of one of them is ever taken for the next.
                    file.attempt = file.attempt.max(attempt);
                    file.forget_progress();
                }
            }
        }
    }

    /// Adds what was said to jobs that come from another generation.
    pub(super) fn tell_all(loose: &[Self], jobs: &mut [Arc<Job>]) {
        let by_id: HashMap<JobId, usize> =
            jobs.iter().enumerate().map(|(slot, job)| (job.id, slot)).collect();
        let mut doubtful = HashSet::new();
        for said in loose {
            if let Some(slot) = by_id.get(&said.job) {
                said.clone().tell(&mut jobs[*slot], &mut doubtful);
            }
        }
    }
}
