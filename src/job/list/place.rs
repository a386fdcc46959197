//! The paths of a list: folder and name of what is downloaded.

use std::path::{Component, Path, PathBuf};

use super::super::new::check_name;
use super::super::split_extension;
use super::in_words;

/// The most characters of a path that are repeated in a complaint.
const SHOWN_CHARS: usize = 100;

/// Where a download goes, as far as its list says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder; a relative one is within the download folder.
    pub(super) folder: Option<PathBuf>,
    /// The file name.
    pub(super) name: Option<String>,
}

impl Place {
    /// Goes on from here by a path; what stands behind its last slash is the name.
    ///
    /// # Errors
    /// A sentence about what of the path cannot be. The rest counts even so: the data must go somewhere.
    pub(super) fn go(&mut self, path: &str) -> Result<(), String> {
        let slash = if is_of_windows(path) { path.rfind(['\\', '/']) } else { path.rfind('/') };
        let (folder, name) = path.split_at(slash.map_or(0, |at| at + 1));
        let named = if name.is_empty() { Ok(()) } else { check_name(name).map_err(in_words) };
        self.name = Some(name.to_owned()).filter(|name| !name.is_empty() && named.is_ok());
        let folder = read_folder(folder)?;
        if folder.as_os_str() != "" {
            // An absolute one replaces what there is.
            self.folder = Some(self.folder.take().unwrap_or_default().join(folder));
        }
        named
    }
}

fn read_folder(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let trouble = if is_of_windows(text) {
        "is a folder of Windows"
    } else if text.starts_with("~/") {
        "has to be written out, starting with /"
    } else if text.chars().any(char::is_control) {
        "cannot be the name of a folder"
    } else if path.is_relative() && path.components().any(|part| part == Component::ParentDir) {
        "leads out of the download folder"
    } else {
        return Ok(path.components().filter(|part| *part != Component::CurDir).collect());
    };
    // Where there is an @, it could be an address with a login after all.
    let shown = if text.contains('@') {
        "The folder".to_owned()
    } else {
        format!("“{}”", text.escape_debug().take(SHOWN_CHARS).collect::<String>())
    };
    Err(format!("{shown} {trouble}. It was left out."))
}

/// Whether a path is one of Windows, where bitsadmin's file sets come from.
fn is_of_windows(path: &str) -> bool {
    let mut start = path.bytes();
    match (start.next(), start.next(), start.next()) {
        (Some(b'\\'), Some(b'\\'), _) => true,
        (Some(drive), Some(b':'), Some(b'\\' | b'/')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// A path without the quotes around it; none where one is missing.
pub(super) fn unquoted(path: &str) -> Option<&str> {
    match path.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(path.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(path)),
    }
}

/// The name of one of several files that were given the same one.
pub(super) fn numbered(name: &str, number: usize, count: usize) -> String {
    let (stem, extension) = split_extension(name);
    let digits = count.to_string().len();
    format!("{stem}-{number:0digits$}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_folder_and_name() {
        let table: [(&str, Option<&str>, Option<&str>); 14] = [
            ("", None, None),
            ("f.zip", None, Some("f.zip")),
            ("my file.zip", None, Some("my file.zip")),
            ("sub/f.zip", Some("sub"), Some("f.zip")),
            ("./sub/./f.zip", Some("sub"), Some("f.zip")),
            ("./f.zip", None, Some("f.zip")),
            ("./", None, None),
            ("sub//", Some("sub"), None),
            ("/srv/my files/f", Some("/srv/my files"), Some("f")),
            ("/f", Some("/"), Some("f")),
            ("/srv/../f", Some("/srv/.."), Some("f")),
            ("C:notes", None, Some("C:notes")),
            ("a\\b", None, Some("a\\b")),
            ("~", None, Some("~")),
        ];
        for (path, folder, name) in table {
            let mut place = Place::default();
            assert_eq!(place.go(path), Ok(()), "{path}");
            let wanted = Place { folder: folder.map(PathBuf::from), name: name.map(str::to_owned) };
            assert_eq!(place, wanted, "{path}");
        }
    }

    #[test]
    fn a_path_goes_on_from_another() {
        for (from, to, folder) in [
            ("/srv/", "f", "/srv"),
            ("/srv/", "a/f", "/srv/a"),
            ("/srv/", "/b/f", "/b"),
            ("a/", "b/f", "a/b"),
        ] {
            let mut place = Place::default();
            assert_eq!((place.go(from), place.go(to)), (Ok(()), Ok(())));
            assert_eq!(place, Place { folder: Some(folder.into()), name: Some("f".into()) });
        }
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let table = [
            ("C:\\temp\\f.zip", "“C:\\\\temp\\\\” is a folder of Windows. It was left out.", Some("f.zip")),
            (
                "\\\\server\\share\\f",
                "“\\\\\\\\server\\\\share\\\\” is a folder of Windows. It was left out.",
                Some("f"),
            ),
            ("../f", "“../” leads out of the download folder. It was left out.", Some("f")),
            ("a/../../f", "“a/../../” leads out of the download folder. It was left out.", Some("f")),
            ("~/f", "“~/” has to be written out, starting with /. It was left out.", Some("f")),
            ("a\u{1b}/f", "“a\\u{1b}/” cannot be the name of a folder. It was left out.", Some("f")),
            ("../me:hunter2@a/f", "The folder leads out of the download folder. It was left out.", Some("f")),
            (
                "..",
                "This cannot be a file name: it is empty, too long, or has a / in it. You can choose a shorter \
                 name without a /.",
                None,
            ),
        ];
        for (path, sentence, name) in table {
            let mut place = Place::default();
            assert_eq!(place.go(path), Err(sentence.to_owned()), "{path}");
            assert_eq!(place, Place { folder: None, name: name.map(str::to_owned) }, "{path}");
        }
        let mut place = Place::default();
        assert!(place.go("sub/..").is_err());
        assert_eq!(place, Place { folder: Some("sub".into()), name: None });
    }

    #[test]
    fn names_are_numbered_so_that_they_sort() {
        assert_eq!(numbered("f.tar.gz", 1, 2), "f-1.tar.gz");
        assert_eq!(numbered("README", 7, 100), "README-007");
        assert_eq!(numbered("x.iso", 12, 12), "x-12.iso");
    }
}
