//! Logins from `~/.netrc`, as ftp and curl read them.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::job::Login;

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// Why there is nothing to be had from it: a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum NetrcError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}. Downloads go on without it.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "{} has passwords in it, and others on this computer can read them. You can change that with \
         “chmod 600 {}”.", path.display(), path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
    },
}

/// The logins of the file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    machines: HashMap<String, Login>,
    default: Option<Login>,
}

impl Netrc {
    /// Reads the file. One that is not there has no logins.
    ///
    /// # Errors
    /// [`NetrcError::Unreadable`].
    pub fn load(path: &Path) -> Result<Self, NetrcError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut text = Vec::new();
            std::fs::File::open(path)?.take(MOST_BYTES).read_to_end(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => Ok(Self::of(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(NetrcError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Looks whether the file is as it should be, as ftp does.
    ///
    /// # Errors
    /// It cannot be read, or others can.
    pub fn check(path: &Path) -> Result<(), NetrcError> {
        Self::load(path)?;
        match path.metadata() {
            Ok(found) if found.mode() & 0o077 != 0 => Err(NetrcError::Open { path: path.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Reads a text. Words it does not know are passed over; an entry without a login is none.
    pub(super) fn of(text: &str) -> Self {
        let mut netrc = Self::default();
        let mut words = Words(text);
        let mut entry: Option<Entry> = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" | "default" => {
                    netrc.take(entry.take());
                    let machine = if word == "default" { None } else { words.next() };
                    entry = Some(Entry { machine, ..Entry::default() });
                }
                "macdef" => words.pass_over_macro(),
                "login" | "password" | "account" => {
                    let value = words.next();
                    if let Some(entry) = &mut entry {
                        match word.as_str() {
                            "login" => entry.login = value,
                            "password" => entry.password = value,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        netrc.take(entry);
        netrc
    }

    /// The first entry for a machine counts.
    fn take(&mut self, entry: Option<Entry>) {
        let Some(Entry { machine, login: Some(login), password }) = entry else { return };
        let login = (login, password.unwrap_or_default());
        match machine {
            Some(machine) => {
                self.machines.entry(machine.to_ascii_lowercase()).or_insert(login);
            }
            None => {
                self.default.get_or_insert(login);
            }
        }
    }

    /// The login for a host. The one for all others is not meant for a host a server sent us to.
    pub(super) fn login_for(&self, host: &str, may_be_default: bool) -> Option<&Login> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        self.machines.get(&host).or_else(|| self.default.as_ref().filter(|_| may_be_default))
    }
}

#[derive(Default)]
struct Entry {
    /// `None`: all that have no entry of their own.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

/// The words of the file. Blanks lie between them; one in quotes may have blanks and escapes; a word that begins with
/// `#` begins a comment.
struct Words<'a>(&'a str);

impl Words<'_> {
    /// A macro ends with an empty line, or with the file.
    fn pass_over_macro(&mut self) {
        let mut end = 0;
        for line in self.0.split_inclusive('\n') {
            end += line.len();
            if line.trim().is_empty() {
                break;
            }
        }
        self.0 = &self.0[end..];
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut rest = self.0.trim_start();
        while rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, next)| next).trim_start();
        }
        if rest.is_empty() {
            return None;
        }
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            self.0 = &rest[end..];
            return Some(rest[..end].to_owned());
        };
        let mut word = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(word);
                }
                '\\' => word.extend(chars.next().map(|(_, c)| match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    c => c,
                })),
                c => word.push(c),
            }
        }
        self.0 = "";
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login<'a>(netrc: &'a Netrc, host: &str, may_be_default: bool) -> Option<(&'a str, &'a str)> {
        netrc.login_for(host, may_be_default).map(|(user, password)| (user.as_str(), password.as_str()))
    }

    #[test]
    fn logins_are_found_by_their_machine() {
        let netrc = Netrc::of(
            "# mine\nmachine a.org login me password hunter2\n\
             machine b.org\n  login you\n  account x\n  password \"p w\\\"\\\\\\t#\" # the second\n\
             machine a.org login second password other\n\
             machine no-login password p\n\
             macdef init\n machine trap login t password t\n cd /\n\n\
             machine C.org login \"\" password pound#\n\
             default login anonymous password me@\n",
        );
        let table = [
            ("a.org", true, Some(("me", "hunter2"))),
            ("A.ORG", false, Some(("me", "hunter2"))),
            ("b.org", false, Some(("you", "p w\"\\\t#"))),
            ("c.org", false, Some(("", "pound#"))),
            ("trap", false, None),
            ("no-login", false, None),
            ("d.org", false, None),
            ("d.org", true, Some(("anonymous", "me@"))),
        ];
        for (host, may_be_default, expected) in table {
            assert_eq!(login(&netrc, host, may_be_default), expected, "{host}");
        }
    }

    #[test]
    fn odd_files_are_read_to_their_end() {
        for (text, expected) in [
            ("machine ::1 login me password x", Some(("me", "x"))),
            ("machine ::1 login me", Some(("me", ""))),
            ("machine ::1 login me password", Some(("me", ""))),
            ("login stray machine ::1 login me password \"x", Some(("me", "x"))),
            ("macdef a\nb\n\nmachine ::1 login me password x", Some(("me", "x"))),
            ("macdef a\nmachine ::1 login me password x", None),
            ("macdef a", None),
            ("machine", None),
        ] {
            assert_eq!(login(&Netrc::of(text), "[::1]", false), expected, "{text}");
        }
    }

    #[test]
    fn a_file_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        assert!(Netrc::check(&path).is_ok() && Netrc::load(&path).unwrap() == Netrc::default());
        std::io::Write::write_all(
            &mut std::fs::File::create(&path).unwrap(),
            b"machine a login b password c",
        )
        .unwrap();
        for (mode, is_fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Netrc::check(&path).is_ok(), is_fine, "{mode:o}");
            assert_eq!(login(&Netrc::load(&path).unwrap(), "a", false), Some(("b", "c")));
        }
        assert!(matches!(Netrc::load(folder.path()), Err(NetrcError::Unreadable { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([a-z\"\\\\#\n\u{e4}]|machine |login |password |macdef |default ){0,40}") {
            let _ = Netrc::of(&text);
        }

        #[test]
        fn what_is_quoted_is_read(password in "[^\n\r\t]{0,20}") {
            let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
            let netrc = Netrc::of(&format!("machine a login b password \"{quoted}\""));
            prop_assert_eq!(login(&netrc, "a", false), Some(("b", password.as_str())));
        }
    }
}
