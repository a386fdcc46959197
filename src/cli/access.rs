//! The words of the command line about getting at what not everybody gets, and where the secrets among them come from:
//! not from the command line, which everybody on the computer may read.

use std::io::{self, BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::exit::Failure;
use super::new::absolute;
use crate::job::{Login, NewAccess, NewCookie, NewHeader, read_cookies};

/// Where these options stand in `--help`.
const HEADING: &str = "Access";

/// The largest file with cookies.
const MOST_COOKIE_BYTES: u64 = 8 << 20;

/// The longest password or token.
const MOST_SECRET_BYTES: u64 = 64 << 10;

/// How to get at it.
#[derive(Default, Args)]
pub(super) struct AccessWords {
    /// The user to log in as; the password is asked for
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub(super) user: Option<String>,
    /// Take the password from the first line of a file, or of standard input (-)
    #[arg(long, value_name = "FILE", requires = "user", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub(super) password_from: Option<PathBuf>,
    /// Show a token, from the first line of a file, of standard input (-), or of a variable (env:NAME)
    #[arg(long, value_name = "FILE", conflicts_with = "user", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub(super) bearer: Option<String>,
    /// Show the cookies that match, out of a file as browsers' extensions and curl write it (cookies.txt)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub(super) cookies: Option<PathBuf>,
    /// The address of the page the link is on
    #[arg(long, value_name = "URL", visible_alias = "referrer", help_heading = HEADING)]
    pub(super) referer: Option<String>,
    /// What to call this program to the server
    #[arg(long, value_name = "TEXT", help_heading = HEADING)]
    pub(super) user_agent: Option<String>,
    /// The proxy: system, none, http://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT, perhaps with a login
    /// [default: as the settings say]
    #[arg(long, value_name = "PROXY", help_heading = HEADING)]
    pub(super) proxy: Option<String>,
    /// Follow redirects from https to http
    #[arg(long, help_heading = HEADING)]
    pub(super) insecure_redirects: bool,
    /// Trust the certificates in this file (PEM) besides those of the system
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub(super) ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for AccessWords {
    /// Without what may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessWords").finish_non_exhaustive()
    }
}

impl AccessWords {
    /// Reads what the words name, headers and the rest; asks for the password where nothing says where it is.
    pub(super) fn read(&self) -> Result<(Vec<NewHeader>, Box<NewAccess>), Failure> {
        let mut headers = Vec::new();
        let mut header = |name: &str, value: String| headers.push(NewHeader { name: name.to_owned(), value });
        if let Some(referer) = &self.referer {
            header("Referer", referer.clone());
        }
        if let Some(name) = &self.user_agent {
            header("User-Agent", name.clone());
        }
        if let Some(place) = &self.bearer {
            header("Authorization", format!("Bearer {}", token(place)?));
        }
        let access = NewAccess {
            cookies: self.cookies.as_deref().map(cookies).transpose()?.unwrap_or_default(),
            login: self.user.as_deref().map(|user| login(user, self.password_from.as_deref())).transpose()?,
            proxy: self.proxy.clone(),
            ca_file: self.ca_file.as_deref().map(absolute).transpose()?.unwrap_or_default(),
            insecure_redirects: self.insecure_redirects,
        };
        Ok((headers, Box::new(access)))
    }

    /// How many of the words want standard input; it can be read once.
    pub(super) fn readers_of_input(&self) -> usize {
        let password = self.password_from.as_deref() == Some(Path::new("-"));
        let bearer = self.bearer.as_deref() == Some("-");
        usize::from(password) + usize::from(bearer)
    }
}

/// A login: the password from where it is said to be, else from the terminal. As curl does it, the name may have the
/// password in it, which then is hidden from the process's title.
pub(super) fn login(user: &str, password_from: Option<&Path>) -> Result<Login, Failure> {
    match (user.split_once(':'), password_from) {
        (_, Some(place)) => Ok((user.to_owned(), secret(place, "The password")?)),
        (Some((user, password)), None) => Ok((user.to_owned(), password.to_owned())),
        (None, None) => Ok((user.to_owned(), typed(user)?)),
    }
}

/// A password typed on the terminal, unseen.
fn typed(user: &str) -> Result<String, Failure> {
    let terminal = console::Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::usage(
            "There is no terminal to ask for the password on. You can name a file that has it with --password-from FILE.",
        ));
    }
    let asked = terminal.write_str(&format!("Password for {}: ", super::print::clean(user)));
    asked.and_then(|()| terminal.read_secure_line()).map_err(|error| {
        Failure::usage(format!(
            "The password could not be read: {error}. You can name a file that has it with --password-from FILE."
        ))
    })
}

fn token(place: &str) -> Result<String, Failure> {
    let token = match place.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|_| {
            Failure::usage(format!("There is no variable {name} with a token. You can name a file instead."))
        })?,
        None => secret(Path::new(place), "The token")?,
    };
    let token = token.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        // It is not repeated: it may be another secret.
        return Err(Failure::usage(
            "What was given is no token: a token is one word. You can check where it is from.",
        ));
    }
    Ok(token.to_owned())
}

/// The first line of a file, or of standard input where it is called `-`.
fn secret(place: &Path, what: &str) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{what} cannot be read from {}: {why}. You can check the file.",
            place.display()
        ))
    };
    let from: io::Result<Box<dyn io::Read>> = if place == Path::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        std::fs::File::open(place).map(|file| Box::new(file) as Box<dyn io::Read>)
    };
    let mut line = String::new();
    let read = from.and_then(|from| io::BufReader::new(from.take(MOST_SECRET_BYTES)).read_line(&mut line));
    match read {
        Err(error) => Err(failed(&error)),
        Ok(0) => Err(failed(&"it is empty")),
        Ok(_) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

fn cookies(file: &Path) -> Result<Vec<NewCookie>, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "The cookies in {} cannot be read: {why}. You can check the file.",
            file.display()
        ))
    };
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(MOST_COOKIE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not a text file"))?;
    read_cookies(&text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::write_atomically;

    #[test]
    fn secrets_come_from_where_they_are_said_to_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let place = path.display().to_string();
        write_atomically(&path, b"hunter2 \r\nsecond line\n").expect("a file");
        let words = AccessWords {
            user: Some("me:x".into()),
            password_from: Some(path.clone()),
            ca_file: Some("ca.pem".into()),
            ..AccessWords::default()
        };
        let (_, given) = words.read().expect("a login");
        assert_eq!(given.login, Some(("me:x".into(), "hunter2 ".into())));
        assert!(given.ca_file.is_absolute());
        assert_eq!(login("me:a:b", None), Ok(("me".into(), "a:b".into())));
        let words = AccessWords { bearer: Some(place.clone()), ..AccessWords::default() };
        let (headers, _) = words.read().expect("a token");
        assert_eq!(headers[0].value, "Bearer hunter2");
        assert!(!format!("{words:?}").contains("secret"));
        write_atomically(&path, b"two words").expect("a file");
        for bearer in [place.as_str(), "env:THERE_IS_NO_SUCH_VARIABLE", "/there/is/no/such/file"] {
            let words = AccessWords { bearer: Some(bearer.into()), ..AccessWords::default() };
            let Err(Failure::Said(_, sentence)) = words.read() else { panic!("{bearer}") };
            assert!(!sentence.contains("two words"), "{sentence}");
        }
        let words = AccessWords { cookies: Some(path), ..AccessWords::default() };
        let Err(Failure::Said(_, sentence)) = words.read() else { panic!("no cookies") };
        assert!(sentence.contains("line 1 is no cookie") && !sentence.contains("two words"), "{sentence}");
    }
}
