//! The log on disk.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::job::{JobId, LogEntry};

/// The log files.
#[derive(Debug)]
pub struct LogFiles {
    folder: PathBuf,
}

impl LogFiles {
    /// Opens them.
    ///
    /// # Errors
    /// None yet.
    pub fn open(folder: &Path) -> Result<Self, super::StoreError> {
        Ok(Self { folder: folder.to_owned() })
    }

    /// Adds entries.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, entries: &[LogEntry]) -> Result<(), super::StoreError> {
        let path = self.folder.join("log0.ron");
        let mut text = String::new();
        for entry in entries {
            text.push_str(&ron::to_string(entry)?);
            text.push('\n');
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(super::StoreError::io("write", &path))
    }

    /// The newest entries.
    #[must_use]
    pub fn read(folder: &Path, job: Option<JobId>, most: usize) -> Vec<LogEntry> {
        let text = std::fs::read_to_string(folder.join("log0.ron")).unwrap_or_default();
        let all: Vec<LogEntry> = text
            .lines()
            .filter_map(|line| ron::from_str::<LogEntry>(line).ok())
            .filter(|entry| job.is_none() || entry.job == job)
            .collect();
        all[all.len().saturating_sub(most)..].to_vec()
    }
}
