//! Repairing the list by command, and putting it aside as a whole.

use std::path::Path;

use super::atomic::move_aside;
use super::findings::{Condition, FileFinding, Findings};
use super::pair::{Pair, Plan, path_of};
use super::{QueueFiles, StoreError, log_files};

/// Does what starting does by itself, reads the older file as well, and says what was found and done. Where nothing
/// is damaged, nothing is changed. Whoever calls it has claimed the folder.
///
/// # Errors
/// [`StoreError`]: the files cannot be read or written, or belong to a newer version.
pub fn repair(folder: &Path) -> Result<Findings, StoreError> {
    let pair = Pair::read(folder, true)?;
    if pair.plan == Plan::BeginFirst {
        let files = pair.files.into_iter().map(|(_, file)| file).collect();
        return Ok(Findings { files, ..Findings::default() });
    }
    QueueFiles::settle(folder, pair).map(|(_, _, findings)| findings)
}

/// Puts the list and the log aside, whatever is in them, so that the next start finds none. Nothing is deleted, and
/// the settings stay. Whoever calls it has claimed the folder.
///
/// # Errors
/// [`StoreError`]: a file cannot be moved. Those before it have been; another try goes on with the rest.
pub fn reset(folder: &Path) -> Result<Findings, StoreError> {
    let mut files = Vec::new();
    let logs = [0, 1].map(|slot| log_files::path_of(folder, slot));
    for path in [0, 1].map(|slot| path_of(folder, slot)).iter().chain(&logs) {
        if path.symlink_metadata().is_err() {
            continue;
        }
        let mut file = FileFinding::new(path, Condition::PutAside);
        file.set_aside = Some(move_aside(path, "reset")?);
        files.push(file);
    }
    Ok(Findings { files, reset: true, ..Findings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;

    #[test]
    fn a_reset_keeps_everything_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let texts = ["first", "second"];
        for text in texts {
            for name in ["queue0.ron", "queue1.ron", "log0.ron"] {
                crate::store::write_atomically(&folder.path().join(name), text.as_bytes()).unwrap();
            }
            crate::store::save_settings(folder.path(), &Settings::default()).unwrap();
            let findings = reset(folder.path()).unwrap();
            assert_eq!(findings.files.len(), 3);
            assert_eq!(
                findings.sentences().last().unwrap(),
                "The list and the log are empty now; the settings are as they were."
            );
        }
        for (number, text) in texts.iter().enumerate() {
            for name in ["queue0.ron", "queue1.ron", "log0.ron"] {
                let kept = folder.path().join(format!("{name}.reset-{}", number + 1));
                assert_eq!(std::fs::read_to_string(kept).unwrap(), *text);
            }
        }
        assert!(folder.path().join("settings.ron").exists());
        assert_eq!(QueueFiles::open(folder.path()).unwrap().1.jobs, []);
    }

    #[test]
    fn even_a_folder_in_the_place_of_a_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("queue1.ron")).unwrap();
        reset(folder.path()).unwrap();
        assert!(folder.path().join("queue1.ron.reset-1").is_dir());
        assert_eq!(QueueFiles::open(folder.path()).unwrap().1.jobs, []);
    }
}
