//! Names on disk and the last steps: reserve a free name, verify, move without overwriting.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{StatVfs, XattrFlags};
use rustix::io::Errno;
use url::Url;

use super::label;
use super::name::numbered;
use crate::job::JobFile;

/// The permissions of a part: its label is nobody else's business.
const PRIVATE: u32 = 0o600;

/// On a small disk the reserve is at most this part of it.
const RESERVE_PART: u64 = 20;

/// The attribute with the address a file came from, as browsers set it
/// (freedesktop.org, “Guidelines for extended attributes”).
const ORIGIN: &str = "user.xdg.origin.url";

/// How many numbers are tried before a folder counts as unusable.
const NUMBERS: u32 = 1000;

/// The first name, beginning with `name` itself, under which there is neither a file nor a part in `folder`.
/// Makes the folder if it is not there.
pub(super) fn free_name(folder: &Path, name: &str) -> io::Result<(String, String)> {
    make_folder(folder)?;
    for number in 1..NUMBERS {
        let name = numbered(name, number);
        let part = format!("{name}.part");
        if !exists(&folder.join(&name))? && !exists(&folder.join(&part))? {
            return Ok((name, part));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{NUMBERS} files of that name are there already"),
    ))
}

/// A free name for the part of a file that is to be called `name` whatever is called that now. Makes the folder if it is
/// not there.
pub(super) fn free_part(folder: &Path, name: &str) -> io::Result<String> {
    make_folder(folder)?;
    for number in 1..NUMBERS {
        let part = format!("{}.part", numbered(name, number));
        if !exists(&folder.join(&part))? {
            return Ok(part);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{NUMBERS} unfinished files of that name are there"),
    ))
}

/// Makes a folder and those above it, where they are not there. That they are is on disk when this returns: what is
/// synced in a folder whose own name is not is gone after a power cut.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(folder).map_err(|error| match (error.kind(), fs::metadata(folder)) {
        // Something has that name that is no folder, or that cannot be looked at: no name of a file is taken.
        (io::ErrorKind::AlreadyExists, Ok(_)) => Errno::NOTDIR.into(),
        (io::ErrorKind::AlreadyExists, Err(why)) => why,
        _ => error,
    })?;
    missing.into_iter().try_for_each(sync_folder_of)
}

/// Whether there is a file of that name.
pub(super) fn is_taken(folder: &Path, name: &str) -> io::Result<bool> {
    exists(&folder.join(name))
}

/// Whether something is there, a broken link included.
fn exists(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the part file, labelled with what it belongs to; fails if there is one of that name. That it is there is on disk
/// only with its first sync.
pub(super) fn create_part(path: &Path, of: &JobFile) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(PRIVATE).open(path)?;
    label::hold(&file);
    label::attach(&file, of, false);
    Ok(file)
}

/// Opens the part file of an earlier run.
pub(super) fn open_part(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    label::hold(&file);
    Ok(file)
}

/// Bytes a user may still write to the disk that holds `folder` or, where that is not there yet, the nearest
/// folder above it; `None` for one that does not tell its size, as some network disks.
///
/// # Errors
/// Whatever the system says when it does not know.
pub fn free_bytes(folder: &Path) -> io::Result<Option<u64>> {
    disk_of(folder).map(|disk| free_on(&disk))
}

fn disk_of(folder: &Path) -> io::Result<StatVfs> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    Ok(rustix::fs::statvfs(there)?)
}

/// Bytes a user may still write to a disk; `None` for one that does not tell its size.
pub(super) fn free_on(disk: &StatVfs) -> Option<u64> {
    (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// How much of a disk stays free for others, where that is the wish: on a small one no more than a part of it.
pub(super) fn reserve_on(disk: &StatVfs, wished_bytes: u64) -> u64 {
    wished_bytes.min(disk.f_blocks.saturating_mul(disk.f_frsize) / RESERVE_PART)
}

/// The room a download may use on the disk of a folder, if so much is to stay free for others.
pub(super) fn room_on(folder: &Path, reserve_bytes: u64) -> io::Result<Option<u64>> {
    let disk = disk_of(folder)?;
    Ok(free_on(&disk).map(|free| free.saturating_sub(reserve_on(&disk, reserve_bytes))))
}

/// Makes a file of a whole part: takes its label off, gives it the permissions files usually have, its modification
/// time and, where that is wished, the address it came from, and puts all of it on disk.
pub(super) fn seal(file: &File, modified: Option<SystemTime>, origin: Option<&Url>) -> io::Result<()> {
    label::take_off(file);
    if let Some(mode) = label::usual_mode() {
        // Some file systems have no permissions; and one it was given by somebody else stays.
        if file.metadata()?.mode() & 0o777 == PRIVATE {
            let _ = file.set_permissions(Permissions::from_mode(mode));
        }
    }
    if let Some(origin) = origin
        && let Err(error) =
            rustix::fs::fsetxattr(file, ORIGIN, origin.as_str().as_bytes(), XattrFlags::empty())
    {
        tracing::debug!(%error, "a file does not remember where it came from");
    }
    if let Some(modified) = modified {
        // Some file systems have no such times; the file is no worse for it.
        let _ = file.set_modified(modified);
    }
    file.sync_all()
}

/// Moves `from` to `to` in the same folder; fails with `AlreadyExists` if something is there. It is on disk when
/// this returns.
pub(super) fn move_without_clobbering(from: &Path, to: &Path) -> io::Result<()> {
    let moved = rustix::fs::renameat_with(
        rustix::fs::CWD,
        from,
        rustix::fs::CWD,
        to,
        rustix::fs::RenameFlags::NOREPLACE,
    );
    match moved {
        // A file system that cannot rename that way can link, which does not clobber either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)?;
        }
        other => other?,
    }
    sync_folder_of(to)
}

/// Moves `from` to `to` in the same folder, in the place of whatever file is there. It is on disk when this returns.
pub(super) fn move_over(from: &Path, to: &Path) -> io::Result<()> {
    rustix::fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Puts on disk what is in the folder of a file.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let free = || free_name(folder.path(), "a.txt").unwrap().0;
        assert_eq!(free(), "a.txt");
        File::create(path("a.txt")).unwrap();
        assert_eq!(free(), "a (2).txt");
        let (job, _) = crate::job::NewJob::of("http://a.org/a.txt", folder.path())
            .into_job(crate::job::JobId::random(), 0)
            .unwrap();
        drop(create_part(&path("a (2).txt.part"), &job.files[0]).unwrap());
        assert_eq!(free(), "a (3).txt");
        std::os::unix::fs::symlink("nowhere", path("a (3).txt")).unwrap();
        assert_eq!(free(), "a (4).txt");
        let clash = move_without_clobbering(&path("a (2).txt.part"), &path("a.txt"));
        assert_eq!(clash.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        move_without_clobbering(&path("a (2).txt.part"), &path("a (2).txt")).unwrap();
        assert!(path("a (2).txt").exists() && !path("a (2).txt.part").exists());
    }

    #[test]
    fn a_folder_that_is_none_is_not_a_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        File::create(path("file")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("broken")).unwrap();
        assert_eq!(make_folder(&path("file")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(make_folder(&path("broken")).unwrap_err().kind(), io::ErrorKind::NotFound);
        make_folder(folder.path()).unwrap();
    }

    #[test]
    fn a_part_is_private_until_it_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        let (job, _) = crate::job::NewJob::of("http://a.org/a", folder.path())
            .into_job(crate::job::JobId::random(), 0)
            .unwrap();
        let part = create_part(&path, &job.files[0]).unwrap();
        let usual = File::create(folder.path().join("usual")).unwrap().metadata().unwrap().mode();
        assert_eq!(part.metadata().unwrap().mode() & 0o777, PRIVATE);
        assert_eq!(label::read(&part).map(|label| label.file), Some(job.files[0].clone()));
        seal(&part, None, None).unwrap();
        assert_eq!(part.metadata().unwrap().mode(), usual);
        assert_eq!(label::read(&part), None);
    }
}
