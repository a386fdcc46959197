//! Writing our own files so that a crash leaves the old or the new one, never a mixture.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Makes a folder (and those above it) that only this user may look into. One that is there stays as it is.
///
/// # Errors
/// [`StoreError::Io`] where it cannot be made.
pub fn make_private_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(StoreError::io("make the folder", folder))
}

/// Puts `bytes` into `path`, whole or not at all, readable for this user only. It is on disk when this
/// returns.
///
/// # Errors
/// [`StoreError::Io`]; the old content is then still there.
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

/// Sets a file aside under a name nobody uses, and says which; the content is not touched.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    for number in 1..1000 {
        let aside = with_suffix(path, &format!(".damaged-{number}"));
        if fs::hard_link(path, &aside).is_ok() {
            return Ok(aside);
        }
    }
    Err(StoreError::io("set aside", path)(io::ErrorKind::AlreadyExists.into()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
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
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
