//! The log on disk: `log0.ron` and `log1.ron`. One is written to; when it is full the other one is begun anew, so
//! that they stay small and the newest is always there.
//!
//! A line is that of `lines.rs`: a damaged one is skipped, and costs nothing else. Nothing is synced: after a power cut
//! the last entries may be missing, and no command waits for them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StoreError, atomic, lines};
use crate::job::{JobId, LogEntry};

/// The most a file holds, in bytes.
const MOST_BYTES: u64 = 2 << 20;

/// The most a line has, so that none fills a file by itself.
const MOST_LINE_BYTES: usize = 256 << 10;

/// The version of the format. Lines of another one are skipped as damaged ones are: it is only the log.
const VERSION: u32 = 1;

/// One line.
#[derive(Serialize, Deserialize)]
enum Line {
    /// The first one.
    Log { version: u32, number: u64 },
    /// What happened.
    Entry(LogEntry),
}

/// The log of a folder. Any number may be open for reading, and one for writing.
#[derive(Debug)]
pub struct LogFiles {
    folder: PathBuf,
    current: Option<Current>,
}

/// The file that is written to.
#[derive(Debug)]
struct Current {
    slot: usize,
    number: u64,
    file: File,
    bytes: u64,
    /// Whether it may end with half a line.
    torn: bool,
}

pub(super) fn path_of(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("log{slot}.ron"))
}

impl LogFiles {
    /// The log in that folder. Nothing is read or made before it is needed.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), current: None }
    }

    /// Adds entries; they are with the system when this returns, not on disk for certain.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be written. Some of them may be there.
    pub fn append(&mut self, entries: &[LogEntry]) -> Result<(), StoreError> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.find_current()?,
        };
        let mut text = String::new();
        for entry in entries {
            let before = text.len();
            lines::push(&mut text, &Line::Entry(entry.clone()))?;
            if text.len() - before > MOST_LINE_BYTES {
                tracing::warn!(event = entry.event.number(), "an entry of the log is too long to be kept");
                text.truncate(before);
            } else if current.bytes + text.len() as u64 > MOST_BYTES {
                let line = text.split_off(before);
                current.write(&self.folder, &text)?;
                text = line;
                current = self.begin(1 - current.slot, current.number.saturating_add(1))?;
            }
        }
        let written = current.write(&self.folder, &text);
        self.current = Some(current);
        written
    }

    /// The newest entries, at most so many, the oldest of them first; those of one job, or all. What is damaged or not
    /// yet written to its end is left out. Another one may be writing meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: a file is there and cannot be read.
    pub fn read(&self, job: Option<JobId>, most: usize) -> Result<Vec<LogEntry>, StoreError> {
        // Both are opened before either is read: one that is replaced meanwhile is read as it was.
        let mut files = Vec::new();
        for slot in 0..2 {
            let path = path_of(&self.folder, slot);
            match File::open(&path) {
                Ok(file) => files.push((path, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        let mut texts = Vec::new();
        for (path, mut file) in files {
            let mut text = Vec::new();
            file.read_to_end(&mut text).map_err(StoreError::io("read", &path))?;
            texts.push((number_of(&text).unwrap_or_default(), text));
        }
        texts.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let id = job.map(|job| job.to_string());
        let mut newest = Vec::new();
        for (_, text) in &texts {
            let (text, _) = lines::split_tail(text);
            let entries = text
                .rsplit(|byte| *byte == b'\n')
                // Cheaper than to read them all.
                .filter(|line| id.as_ref().is_none_or(|id| contains(line, id.as_bytes())))
                .filter_map(|line| match lines::read(line) {
                    Some(Line::Entry(entry)) => Some(entry),
                    _ => None,
                })
                .filter(|entry| job.is_none() || entry.job == job);
            newest.extend(entries.take(most - newest.len()));
        }
        newest.reverse();
        Ok(newest)
    }

    /// The file to go on with: the one with the higher number.
    fn find_current(&self) -> Result<Current, StoreError> {
        let mut newest: Option<(u64, usize, Vec<u8>)> = None;
        for slot in 0..2 {
            let path = path_of(&self.folder, slot);
            let text = match std::fs::read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            };
            if let Some(number) = number_of(&text)
                && newest.as_ref().is_none_or(|(newest, ..)| *newest < number)
            {
                newest = Some((number, slot, text));
            }
        }
        let Some((number, slot, text)) = newest else { return self.begin(0, 1) };
        let torn = !text.ends_with(b"\n");
        let file = open_for_append(&path_of(&self.folder, slot))?;
        Ok(Current { slot, number, file, bytes: text.len() as u64, torn })
    }

    fn begin(&self, slot: usize, number: u64) -> Result<Current, StoreError> {
        let path = path_of(&self.folder, slot);
        let is_ours = |text: Vec<u8>| text.is_empty() || number_of(&text).is_some();
        if path.symlink_metadata().is_ok() && !std::fs::read(&path).is_ok_and(is_ours) {
            atomic::set_aside(&path)?;
        }
        let mut text = String::new();
        lines::push(&mut text, &Line::Log { version: VERSION, number })?;
        atomic::write_atomically(&path, text.as_bytes())?;
        Ok(Current { slot, number, file: open_for_append(&path)?, bytes: text.len() as u64, torn: false })
    }
}

impl Current {
    fn write(&mut self, folder: &Path, text: &str) -> Result<(), StoreError> {
        if text.is_empty() {
            return Ok(());
        }
        let ended = if self.torn { format!("\n{text}") } else { String::new() };
        let text = if self.torn { &ended } else { text };
        self.torn = true;
        let path = path_of(folder, self.slot);
        self.file.write_all(text.as_bytes()).map_err(StoreError::io("write", &path))?;
        self.torn = false;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

fn open_for_append(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().append(true).open(path).map_err(StoreError::io("write", path))
}

/// Which number a file has, if its first line is one of ours.
fn number_of(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    match lines::read(&text[..end])? {
        Line::Log { version: VERSION, number } => Some(number),
        _ => None,
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::job::{Cause, Event};

    fn entry(number: u64, job: Option<JobId>) -> LogEntry {
        let event = Event::Changed { what: format!("number {number}, {}", "x".repeat(number as usize % 90)) };
        LogEntry { unix_secs: number, job, name: "a \"name\"\n".into(), cause: Cause::User, event }
    }

    fn numbers(entries: &[LogEntry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.unix_secs).collect()
    }

    #[test]
    fn the_newest_entries_are_read_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let reader = LogFiles::open(folder.path());
        assert_eq!(reader.read(None, 10).unwrap(), []);
        let (mine, others) = (JobId::random(), JobId::random());
        for number in 0..3 {
            // Another start each time.
            let mut log = LogFiles::open(folder.path());
            log.append(&[entry(number * 3, Some(mine)), entry(number * 3 + 1, None)]).unwrap();
            log.append(&[]).unwrap();
            log.append(&[entry(number * 3 + 2, Some(others))]).unwrap();
        }
        assert_eq!(numbers(&reader.read(None, 4).unwrap()), [5, 6, 7, 8]);
        assert_eq!(numbers(&reader.read(Some(mine), 2).unwrap()), [3, 6]);
        assert_eq!(numbers(&reader.read(Some(mine), 100).unwrap()), [0, 3, 6]);
        assert_eq!(reader.read(None, 0).unwrap(), []);
        assert_eq!(reader.read(None, 1).unwrap(), [entry(8, Some(others))]);
        let mode = path_of(folder.path(), 0).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_stays_small_and_the_newest_is_kept_while_another_one_reads() {
        let folder = tempfile::tempdir().unwrap();
        let reader = LogFiles::open(folder.path());
        let (mut log, mut last) = (LogFiles::open(folder.path()), 0);
        let mut begun = [0_u64; 2];
        while begun.iter().max() < Some(&4) {
            let entries: Vec<LogEntry> = (last + 1..=last + 500).map(|number| entry(number, None)).collect();
            log.append(&entries).unwrap();
            last += 500;
            let newest = reader.read(None, 700).unwrap();
            let expected: Vec<u64> = (last - newest.len() as u64 + 1..=last).collect();
            assert_eq!(numbers(&newest), expected);
            assert!(newest.len() == 700 || last == 500, "{}", newest.len());
            for (slot, begun) in begun.iter_mut().enumerate() {
                let Ok(text) = std::fs::read(path_of(folder.path(), slot)) else { continue };
                assert!(text.len() as u64 <= MOST_BYTES);
                *begun = number_of(&text).unwrap();
            }
        }
        // A start goes on where the last one stopped.
        LogFiles::open(folder.path()).append(&[entry(last + 1, None)]).unwrap();
        assert_eq!(numbers(&reader.read(None, 2).unwrap()), [last, last + 1]);
    }

    #[test]
    fn an_entry_that_would_fill_the_log_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFiles::open(folder.path());
        let event = Event::Decided { what: "x".repeat(3 << 20) };
        let endless = LogEntry { event, ..entry(2, None) };
        log.append(&[entry(1, None), endless, entry(3, None)]).unwrap();
        assert_eq!(numbers(&log.read(None, 10).unwrap()), [1, 3]);
    }

    #[test]
    fn what_is_damaged_or_cut_short_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), 0);
        let mut log = LogFiles::open(folder.path());
        for number in 1..=3 {
            log.append(&[entry(number, None)]).unwrap();
        }
        let mut text = std::fs::read(&path).unwrap();
        let second = text.windows(8).position(|window| window == b"number 2").unwrap();
        text[second] ^= 1;
        text.truncate(text.len() - 4);
        File::create(&path).unwrap().write_all(&text).unwrap();
        assert_eq!(numbers(&log.read(None, 10).unwrap()), [1]);
        LogFiles::open(folder.path()).append(&[entry(4, None)]).unwrap();
        assert_eq!(numbers(&log.read(None, 10).unwrap()), [1, 4]);
    }

    #[test]
    fn a_file_of_somebody_else_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), 0);
        File::create(&path).unwrap().write_all(b"not\na log").unwrap();
        let mut log = LogFiles::open(folder.path());
        log.append(&[entry(1, None)]).unwrap();
        assert_eq!(numbers(&log.read(None, 10).unwrap()), [1]);
        assert_eq!(std::fs::read(folder.path().join("log0.ron.damaged-1")).unwrap(), b"not\na log");
    }

    #[test]
    fn a_disk_that_was_full_leaves_no_half_line_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFiles::open(folder.path());
        log.append(&[entry(1, None)]).unwrap();
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let good = std::mem::replace(&mut log.current.as_mut().unwrap().file, full);
        assert!(log.append(&[entry(2, None)]).is_err());
        log.current.as_mut().unwrap().file = good;
        log.append(&[entry(3, None)]).unwrap();
        assert_eq!(numbers(&log.read(None, 10).unwrap()), [1, 3]);
    }
}
