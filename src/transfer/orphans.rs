//! Unfinished files no job knows of: what is left of downloads whose record was lost.

use std::collections::HashSet;
use std::fs::{DirEntry, File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::label::{self, Label};
use crate::job::{Extents, JobFile, Orphan};

/// How many entries of a folder are looked at: an enormous folder must not hold up a start.
const MOST_ENTRIES: usize = 20_000;

/// How many are found at most.
const MOST_ORPHANS: usize = 1000;

/// A file, whatever its name: the same one may be reached by several.
type Identity = (u64, u64);

/// Looks into the folders (not below them) for parts that are not among those known, in the order of their names.
/// Blocks. What cannot be read is left out: links, other users' files, parts that somebody is writing to.
///
/// `Orphan::file` is there only for a part that says itself what it belongs to. Other programs' unfinished files are
/// called `.part` as well, so one without it may be anybody's.
#[must_use]
pub fn find_orphans(folders: &[PathBuf], known_parts: &[PathBuf]) -> Vec<Orphan> {
    let mut seen: HashSet<Identity> = known_parts
        .iter()
        .filter_map(|part| part.symlink_metadata().ok())
        .map(|found| identity(&found))
        .collect();
    let boot = label::boot_id().unwrap_or_default();
    let mut orphans = Vec::new();
    for folder in folders {
        let Ok(entries) = folder.read_dir() else { continue };
        let mut parts: Vec<PathBuf> =
            entries.take(MOST_ENTRIES).flatten().filter(is_part).map(|entry| entry.path()).collect();
        parts.sort();
        for part in parts {
            if orphans.len() == MOST_ORPHANS {
                return orphans;
            }
            orphans.extend(look_at(folder, part, &mut seen, &boot));
        }
    }
    orphans
}

fn is_part(entry: &DirEntry) -> bool {
    entry.path().extension().is_some_and(|extension| extension == "part")
        && entry.file_type().is_ok_and(|kind| kind.is_file())
}

fn identity(found: &std::fs::Metadata) -> Identity {
    (found.dev(), found.ino())
}

fn look_at(folder: &Path, part: PathBuf, seen: &mut HashSet<Identity>, boot: &str) -> Option<Orphan> {
    // It may have become a link or a pipe since the folder was read: neither is followed or waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&part).ok()?;
    let found = file.metadata().ok()?;
    let is_mine = found.is_file() && found.uid() == rustix::process::geteuid().as_raw();
    if !is_mine || !seen.insert(identity(&found)) || label::is_held(&file) {
        return None;
    }
    let bytes = found.len();
    let file = told_by(&file, folder, &part, bytes, boot).map(Box::new);
    Some(Orphan { part, bytes, file })
}

/// The file a part belongs to, as it can be taken up again. The label may have been written by anybody, so nothing in
/// it leads out of the folder.
fn told_by(part: &File, folder: &Path, path: &Path, bytes: u64, boot: &str) -> Option<JobFile> {
    let Label { boot: boot_then, is_scattered, mut file } = label::read(part)?;
    let is_plain = |name: &str| {
        !name.is_empty()
            && Path::new(name).file_name().is_some_and(|last| last == name)
            && !name.chars().any(char::is_control)
    };
    let is_sound = [&file.name, &file.asked_name].into_iter().flatten().all(|name| is_plain(name))
        && file.name.is_some()
        && matches!(file.url.scheme(), "http" | "https")
        && file.url.has_host()
        && file.url.username().is_empty()
        && file.url.password().is_none();
    if !is_sound {
        return None;
    }
    folder.clone_into(&mut file.folder);
    file.part = Some(path.file_name()?.to_str()?.to_owned());
    file.finished = false;
    (file.trouble, file.faults_in_a_row) = (None, 0);
    // After a power cut the length proves nothing: what was not synced may be holes.
    let is_proof = !boot.is_empty() && boot_then == boot;
    if !is_proof {
        file.synced = Extents::default();
    } else if !is_scattered {
        file.synced = Extents::from_start(bytes.min(file.total_bytes.unwrap_or(bytes)));
    }
    file.synced.cut(bytes);
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::finish::create_part;
    use super::*;
    use crate::job::NewJob;
    use std::io::Write as _;

    fn job_file(folder: &Path, name: &str) -> JobFile {
        let new = NewJob::of(format!("https://example.org/{name}?token=1"), folder);
        let (job, _) = new.into_job(crate::job::JobId::random(), 0).unwrap();
        let mut file = job.files[0].clone();
        file.name = Some(name.into());
        file.part = Some(format!("{name}.part"));
        file.total_bytes = Some(1000);
        file.validator.etag = Some("\"v1\"".into());
        file.attempt = 3;
        file
    }

    /// A part as a transfer leaves it, with so many bytes in it.
    fn part(folder: &Path, name: &str, bytes: usize) -> JobFile {
        let file = job_file(folder, name);
        let mut part = create_part(&file.part_path().unwrap(), &file).unwrap();
        part.write_all(&vec![7; bytes]).unwrap();
        file
    }

    fn find(folder: &Path) -> Vec<Orphan> {
        find_orphans(&[folder.to_owned()], &[])
    }

    /// A label as somebody else might write it.
    fn label_it(path: &Path, text: &[u8]) {
        let file = File::open(path).unwrap();
        rustix::fs::fsetxattr(&file, "user.meanwhile.file", text, rustix::fs::XattrFlags::empty()).unwrap();
    }

    #[test]
    fn a_part_tells_what_it_belongs_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = part(folder.path(), "a b.iso", 400);
        let expected = JobFile { synced: Extents::from_start(400), ..file.clone() };
        let path = file.part_path().unwrap();
        let orphan = Orphan { part: path.clone(), bytes: 400, file: Some(Box::new(expected)) };
        assert_eq!(find(folder.path()), [orphan]);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600, "the address is in it");
        // Moved by the user: it belongs to where it is.
        let elsewhere = tempfile::tempdir().unwrap();
        super::super::finish::move_without_clobbering(&path, &folder.path().join("c.part")).unwrap();
        assert_eq!(find(folder.path())[0].file.as_ref().unwrap().part.as_deref(), Some("c.part"));
        assert_eq!(find(elsewhere.path()), []);
    }

    #[test]
    fn a_length_proves_nothing_after_another_start_and_never_more_than_the_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = part(folder.path(), "a", 1200);
        assert_eq!(find(folder.path())[0].file.as_ref().unwrap().synced_bytes(), 1000);
        let label = Label { boot: "another".into(), is_scattered: false, file };
        label_it(&folder.path().join("a.part"), ron::to_string(&label).unwrap().as_bytes());
        let orphan = &find(folder.path())[0];
        assert_eq!((orphan.bytes, orphan.file.as_ref().unwrap().synced_bytes()), (1200, 0));
    }

    #[test]
    fn a_label_that_is_missing_or_makes_no_sense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        File::create(&path).unwrap().write_all(b"12").unwrap();
        let without = [Orphan { part: path.clone(), bytes: 2, file: None }];
        assert_eq!(find(folder.path()), without);
        let good = Label {
            boot: label::boot_id().unwrap(),
            is_scattered: false,
            file: job_file(folder.path(), "a"),
        };
        let evil = |change: &dyn Fn(&mut JobFile)| {
            let mut label = good.clone();
            change(&mut label.file);
            ron::to_string(&label).unwrap().into_bytes()
        };
        let texts = [
            b"".to_vec(),
            b"\0\xff garbage".to_vec(),
            b"(boot:\"\",file:())".to_vec(),
            [b"(".repeat(500), b"[".repeat(500)].concat(),
            evil(&|file| file.name = Some("../../.bashrc".into())),
            evil(&|file| file.name = Some("..".into())),
            evil(&|file| file.name = Some("a\0b".into())),
            evil(&|file| file.name = None),
            evil(&|file| file.asked_name = Some("/etc/passwd".into())),
            evil(&|file| file.url = "file:///etc/passwd".parse().unwrap()),
            evil(&|file| file.url = "https://me:secret@example.org/".parse().unwrap()),
        ];
        for text in texts {
            label_it(&path, &text);
            assert_eq!(find(folder.path()), without, "{}", String::from_utf8_lossy(&text));
        }
        // The folder in it is not believed, and neither is that it is finished.
        label_it(
            &path,
            &evil(&|file| {
                file.folder = "/etc".into();
                file.part = Some("../x".into());
                file.finished = true;
            }),
        );
        let file = find(folder.path())[0].file.clone().unwrap();
        assert_eq!((file.part_path(), file.finished), (Some(path), false));
    }

    #[test]
    fn what_is_known_linked_or_in_use_is_no_orphan() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        part(folder.path(), "known", 1);
        part(folder.path(), "lost", 2);
        let in_use = job_file(folder.path(), "in use");
        let held = create_part(&in_use.part_path().unwrap(), &in_use).unwrap();
        symlink(path("known.part"), path("link.part")).unwrap();
        symlink("/dev/zero", path("device.part")).unwrap();
        std::fs::create_dir(path("folder.part")).unwrap();
        File::create(path("whole.iso")).unwrap();
        let other = tempfile::tempdir().unwrap();
        let by_link = other.path().join("link");
        symlink(folder.path(), &by_link).unwrap();
        // Known by another path, and the folder given twice.
        let known = [by_link.join("known.part"), path("not there.part")];
        let folders = [folder.path().to_owned(), by_link, path("not there")];
        let names = |orphans: &[Orphan]| -> Vec<PathBuf> {
            orphans.iter().map(|orphan| orphan.part.file_name().unwrap().into()).collect()
        };
        assert_eq!(names(&find_orphans(&folders, &known)), [PathBuf::from("lost.part")]);
        drop(held);
        assert_eq!(names(&find_orphans(&folders, &known)), ["in use.part", "lost.part"].map(PathBuf::from));
    }
}
