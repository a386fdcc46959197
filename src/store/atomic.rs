//! Writing our own files so that a crash leaves the old or the new one, never a mixture, and setting aside what
//! must not be lost.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

/// How many files of one name are set aside at most.
const ASIDE: u32 = 1000;

/// Makes a folder (and those above it) that only this user may look into. One that is there stays as it is. It is on
/// disk when this returns.
///
/// # Errors
/// It cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |above: &&Path| !above.as_os_str().is_empty() && !above.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    // A folder whose own name is not on disk is gone after a power cut, with all that was synced in it.
    made.and_then(|()| missing.into_iter().try_for_each(sync_folder_of))
}

/// Puts `bytes` into `path`, whole or not at all, readable for this user only. It is on disk when this
/// returns.
///
/// # Errors
/// [`StoreError::Io`]; the old content is then still there, unless only the folder could not be synced: then the
/// new one is, but may be gone after a power cut.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = with_suffix(path, ".new");
    let written = create_private(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        replace(&temporary, path)
    });
    written.map_err(|error| {
        // Whatever is left of it is of no use; the next try makes its own.
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(error)
    })
}

/// Keeps what a file holds under a name nobody uses, and says which. The file itself stays where it is, to be
/// replaced; a file that was kept already is not kept twice.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error| StoreError::io("set aside", path)(error);
    for number in 1..ASIDE {
        let aside = with_suffix(path, &format!(".damaged-{number}"));
        let kept = match fs::hard_link(path, &aside) {
            // A file system without links, as on USB sticks.
            Err(error) if is_without_links(&error) => copy(path, &aside),
            kept => kept,
        };
        match kept {
            Ok(()) => return sync_folder_of(path).map(|()| aside).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same_file(path, &aside) {
                    return Ok(aside);
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

/// Moves a file away under a name nobody uses, and says which.
#[expect(clippy::disallowed_methods, reason = "the name it goes to was just taken by us")]
pub(super) fn move_aside(path: &Path, word: &str) -> Result<PathBuf, StoreError> {
    let failed = |error| StoreError::io("set aside", path)(error);
    for number in 1..ASIDE {
        let aside = with_suffix(path, &format!(".{word}-{number}"));
        // A folder in the place of a file cannot replace a file.
        let taken = if path.is_dir() { fs::create_dir(&aside) } else { File::create_new(&aside).map(drop) };
        match taken {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
            Ok(()) => {
                return fs::rename(path, &aside)
                    .and_then(|()| sync_folder_of(path))
                    .map(|()| aside)
                    .map_err(failed);
            }
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

/// Takes a file out of its folder, for good when this returns.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    fs::remove_file(path).and_then(|()| sync_folder_of(path)).map_err(StoreError::io("remove", path))
}

fn is_without_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
        || error.raw_os_error() == Some(rustix::io::Errno::MLINK.raw_os_error())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut kept = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = io::copy(&mut source, &mut kept).and_then(|_| kept.sync_all());
    if copied.is_err() {
        // Half a copy keeps nothing.
        let _ = fs::remove_file(to);
    }
    copied
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.symlink_metadata(), other.symlink_metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[expect(clippy::disallowed_methods, reason = "replacing our own file is what this is for")]
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
