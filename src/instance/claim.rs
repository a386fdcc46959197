//! The claim on a state folder: a lock that the kernel lets go of however its holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::engine::{Places, make_private_folder};

/// The right to work on a state folder. Ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct Claim {
    file: File,
    places: Places,
}

/// Why a state folder could not be claimed: a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else has it.
    #[error("Meanwhile is already at work in {}{}.", folder.display(), process(*pid))]
    Held {
        /// The state folder.
        folder: PathBuf,
        /// The holder's process, if it can be told.
        pid: Option<u32>,
    },
    /// A folder is not there and cannot be made.
    #[error(
        "The folder {} cannot be made: {cause}. You can make it yourself, or name another one with \
         --state-dir DIR.",
        folder.display()
    )]
    NoFolder {
        /// That folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The state folder cannot be written to.
    #[error(
        "Nothing can be kept in {}: {cause}. It may belong to somebody else, or its disk is full or \
         read-only; you can mend that, or name another folder with --state-dir DIR.",
        folder.display()
    )]
    NotWritable {
        /// The state folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The state folder is on a disk without locks.
    #[error(
        "The folder {} cannot be locked: {cause}. It is probably on a network disk; you can name another \
         one with --state-dir DIR.",
        folder.display()
    )]
    NoLock {
        /// The state folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Makes the folders, readable by this user only where they are new, and claims the state folder. Does not
/// wait.
///
/// # Errors
/// It is held by somebody, or cannot be used at all.
pub fn claim(places: &Places) -> Result<Claim, ClaimError> {
    for folder in [&places.state, &places.settings, &places.runtime] {
        let no_folder = |cause| ClaimError::NoFolder { folder: folder.clone(), cause };
        make_private_folder(folder).map_err(no_folder)?;
    }
    let folder = || places.state.clone();
    let not_writable = |cause| ClaimError::NotWritable { folder: folder(), cause };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(lock_path(places))
        .map_err(not_writable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(ClaimError::Held { folder: folder(), pid: holder(places).map(|holder| holder.pid) });
        }
        Err(TryLockError::Error(cause)) => return Err(ClaimError::NoLock { folder: folder(), cause }),
    }
    let claim = Claim { file, places: places.clone() };
    claim.sign().map_err(not_writable)?;
    Ok(claim)
}

impl Claim {
    /// The folders it is for.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Writes down who we are, for people who look and for those who wait.
    fn sign(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(format!("{}\n", std::process::id()).as_bytes())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // So that nobody reads of a process that is gone. The lock itself ends with the file.
        let _ = self.file.set_len(0);
    }
}

/// Who signed the lock, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pid: u32,
    since: SystemTime,
}

/// Who holds the lock; `None` where that cannot be read, as between two holders.
pub(super) fn holder(places: &Places) -> Option<Holder> {
    let path = lock_path(places);
    let since = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok()?;
    let pid = std::fs::read_to_string(&path).ok()?.trim().parse().ok()?;
    Some(Holder { pid, since })
}

fn lock_path(places: &Places) -> PathBuf {
    places.state.join("lock")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_claim_is_exclusive_and_ends_with_its_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let places = Places::under(&dir.path().join("new/state"));
        let first = claim(&places).expect("the claim");
        let error = claim(&places).expect_err("held");
        assert!(
            matches!(&error, ClaimError::Held { pid: Some(pid), .. } if *pid == std::process::id()),
            "{error:?}"
        );
        assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
        drop(first);
        assert_eq!(holder(&places), None);
        claim(&places).expect("the claim again");
    }

    #[test]
    fn new_folders_are_for_this_user_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let places = Places::under(&dir.path().join("state"));
        let _claim = claim(&places).expect("the claim");
        let mode = |path: &Path| std::fs::metadata(path).expect("its metadata").permissions().mode() & 0o777;
        assert_eq!(mode(&places.state), 0o700);
        assert_eq!(mode(&lock_path(&places)), 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_a_sentence_with_its_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        File::create(&file).expect("a file");
        let error = claim(&Places::under(&file.join("state"))).expect_err("no folder");
        assert!(matches!(error, ClaimError::NoFolder { .. }), "{error:?}");
        assert!(error.to_string().contains("file/state"), "{error}");

        // A folder where the lock should be: not even root can open that for writing.
        std::fs::create_dir(dir.path().join("lock")).expect("a folder");
        let error = claim(&Places::under(dir.path())).expect_err("not writable");
        assert!(matches!(error, ClaimError::NotWritable { .. }), "{error:?}");
    }
}
