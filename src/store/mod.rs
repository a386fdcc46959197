//! RON on disk: the queue, the log and the settings.
//!
//! Here live the two queue files with their repair, the two files of the log, the settings file and the way our own
//! files are written. What may not live here: what the jobs mean, threads that outlive a call, or anybody's
//! downloads. All calls block; the engine makes them on a thread of its own.

mod atomic;
mod findings;
mod generation;
mod lines;
mod log_files;
mod pair;
mod queue_files;
mod record;
mod repair;
mod settings;
#[cfg(test)]
mod tests;
mod versions;

pub use atomic::{make_private_folder, write_atomically};
pub use findings::{Condition, FileFinding, Findings};
pub use log_files::LogFiles;
pub use queue_files::{Loaded, QueueFiles};
pub use record::Record;
pub use repair::{repair, reset};
pub use settings::{Setting, SettingError, Settings, Theme, load_settings, save_settings};

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with our own files.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error(
        "Meanwhile cannot {what} {}: {}. You can {}, or name another folder with --state-dir DIR.",
        path.display(), likely(source), advice(source)
    )]
    Io {
        /// What was tried: "read", "write".
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The queue was written by a later version.
    #[error(
        "The downloads in {} were saved by a newer Meanwhile: this one would damage them. \
         You can start the newer one, or name another folder with --state-dir DIR.", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// A record could not be put into words; the program is at fault.
    #[error("Meanwhile could not put a download into words: {0}. You can report this.")]
    Words(#[from] ron::Error),
}

impl StoreError {
    /// The system refused to do that with a file: "read", "write".
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

fn likely(source: &io::Error) -> String {
    let cause = match source.kind() {
        io::ErrorKind::PermissionDenied => "it belongs to somebody else",
        io::ErrorKind::ReadOnlyFilesystem => "its disk is read-only",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "there is a file where a folder should be"
        }
        io::ErrorKind::IsADirectory => "there is a folder where a file should be",
        _ => return source.to_string(),
    };
    format!("{cause} ({source})")
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
        io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => "move it away",
        _ => "make it writable for yourself",
    }
}
