//! What a front end asks for, and how it becomes a job.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    AtEnd, Cause, Clash, Extents, Fault, FaultKind, FinishCommand, Header, Job, JobFile, JobId, JobState,
    Login, NewCookie, Priority, Proxy, Rate, Route, Secrets, Validator, Wanted,
};

/// A download as the user asks for it; nothing in it has been checked yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Its files, at least one.
    pub files: Vec<NewFile>,
    /// The folder they go to.
    #[serde(with = "super::path")]
    pub folder: PathBuf,
    /// The job's name, where the user chose one.
    pub name: Option<String>,
    /// How it stands in line.
    pub priority: Priority,
    /// The most it may use.
    pub limit: Option<Rate>,
    /// Request headers.
    pub headers: Vec<NewHeader>,
    /// What it takes to get at it.
    pub access: Box<NewAccess>,
    /// Whether it starts out held.
    pub paused: bool,
    /// How many files are fetched at once, at least 1.
    pub files_at_once: u8,
    /// How many connections each file may use, at least 1.
    pub connections: u8,
    /// Whether it waits for the user to accept it when it is whole.
    pub hold_finished: bool,
    /// What is run when it has come to its end.
    pub finish: Option<FinishCommand>,
    /// Who asks: the program and its process, for the log.
    pub asked_by: String,
}

/// What it takes to get at a download, besides headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccess {
    /// Cookies for whichever of its servers they are meant for.
    pub cookies: Vec<NewCookie>,
    /// User and password for the servers of its files whose address has none.
    pub login: Option<Login>,
    /// The proxy, as typed, where it is not that of the settings.
    pub proxy: Option<String>,
    /// A file with certificates that are trusted besides those of the system; empty where it is that of the settings.
    #[serde(with = "super::path")]
    pub ca_file: PathBuf,
    /// Whether it may be redirected from https to http.
    pub insecure_redirects: bool,
}

/// One file of a download as the user asks for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewFile {
    /// The address, as typed.
    pub url: String,
    /// The folder, where it is not the job's; else empty.
    #[serde(with = "super::path")]
    pub folder: PathBuf,
    /// The file name, where the user chose one.
    pub file_name: Option<String>,
    /// What it must be: a checksum (`sha256:DIGITS`, or digits alone), or the address of a list of checksums.
    pub expected: Option<String>,
    /// Other addresses that have the same file, as typed.
    pub mirrors: Vec<String>,
    /// What to do if its name is taken.
    pub clash: Clash,
}

impl Default for NewJob {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            folder: PathBuf::new(),
            name: None,
            priority: Priority::default(),
            limit: None,
            headers: Vec::new(),
            access: Box::default(),
            paused: false,
            files_at_once: 1,
            connections: 1,
            hold_finished: false,
            finish: None,
            asked_by: String::new(),
        }
    }
}

/// A request header as the user gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Headers the transfer sets itself; another value would break the proof of a resumed download.
const OWN_HEADERS: [&str; 7] =
    ["accept-encoding", "connection", "content-length", "host", "if-range", "range", "transfer-encoding"];

/// The longest address that can be asked for, in bytes; the library below takes no longer ones.
const MAX_ADDRESS_BYTES: usize = 65_000;

/// The longest file name Linux's file systems take, in bytes, less the room for `.part` and ` (99)`.
pub(super) const MAX_NAME_BYTES: usize = 255 - 10;

impl NewJob {
    /// A download of one address into a folder, with nothing else to say about it.
    #[must_use]
    pub fn of(url: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        let file = NewFile { url: url.into(), ..NewFile::default() };
        Self { files: vec![file], folder: folder.into(), ..Self::default() }
    }

    /// Checks everything and makes the job of it; secrets come apart from it. Its place in the user's order is for
    /// whoever takes it on.
    ///
    /// # Errors
    /// A fault that says which part is wrong.
    pub fn into_job(self, id: JobId, added_unix_secs: u64) -> Result<(Job, Secrets), Fault> {
        let NewAccess { cookies, login: common, proxy, ca_file, insecure_redirects } = *self.access;
        let mut secrets = Secrets { cookies, ..Secrets::default() };
        let mut files = Vec::with_capacity(self.files.len());
        for file in self.files {
            let (file, login) = file.into_file(&self.folder)?;
            secrets.take_login(&file.url, login.or_else(|| common.clone()))?;
            files.push(file);
        }
        if files.is_empty() {
            return Err(Fault::new(FaultKind::BadAddress, "there is none"));
        }
        let mut headers = Vec::new();
        for NewHeader { name, value } in self.headers {
            check_header(&name, &value)?;
            if is_secret_header(&name) {
                headers.push(Header { name: name.clone(), value: None });
                secrets.headers.push(NewHeader { name, value });
            } else {
                headers.push(Header { name, value: Some(value) });
            }
        }
        let proxy = match proxy.as_deref().map(Proxy::read).transpose() {
            Ok(None) => None,
            Ok(Some((proxy, login))) => {
                secrets.proxy_login = login;
                Some(proxy)
            }
            Err(error) => return Err(Fault::new(FaultKind::BadProxy, error.to_string())),
        };
        let job = Job {
            id,
            name: self.name.filter(|name| !name.trim().is_empty()),
            files,
            priority: self.priority,
            place: 0,
            wanted: if self.paused { Wanted::Suspend } else { Wanted::Transfer },
            state: if self.paused { JobState::Suspended } else { JobState::Queued },
            cause: Cause::User,
            files_at_once: self.files_at_once.max(1),
            connections: self.connections.max(1),
            hold_finished: self.hold_finished,
            limit: self.limit,
            finish: self.finish.map(Box::new),
            at_end: AtEnd::default(),
            headers,
            needs_secrets: !secrets.is_empty(),
            route: Route { proxy, ca_file, insecure_redirects },
            added_unix_secs,
            ended_unix_secs: None,
            modified_unix_secs: added_unix_secs,
            active_secs: 0,
            stuck_secs: 0,
            faults: 0,
        };
        Ok((job, secrets))
    }
}

impl NewFile {
    /// Checks everything and makes a file of it that goes to `folder` unless it names its own; the login in its
    /// address comes apart from it.
    ///
    /// # Errors
    /// A fault that says which part is wrong.
    pub fn into_file(self, folder: &Path) -> Result<(JobFile, Option<Login>), Fault> {
        let (url, login) = address(&self.url)?;
        if let Some(name) = &self.file_name {
            check_name(name)?;
        }
        let mirrors = self.mirrors.iter().map(|text| mirror(text)).collect::<Result<_, _>>()?;
        let file = JobFile {
            url,
            folder: if self.folder == Path::new("") { folder.to_owned() } else { self.folder },
            asked_name: self.file_name,
            expected: self.expected.map(|text| text.parse().map(Box::new)).transpose()?,
            mirrors,
            clash: self.clash,
            name: None,
            part: None,
            total_bytes: None,
            synced: Extents::default(),
            validator: Validator::default(),
            readdressed: false,
            secrets_for: None,
            start_over: false,
            moved_from: Box::default(),
            resumable: None,
            attempt: 0,
            finished: false,
            trouble: None,
            faults_in_a_row: 0,
        };
        Ok((file, login))
    }
}

/// The address of a mirror: one without a login, which would be meant for another server than the job's.
fn mirror(text: &str) -> Result<Url, Fault> {
    match address(text)? {
        (url, None) => Ok(url),
        (url, Some(_)) => {
            Err(Fault::new(FaultKind::BadAddress, format!("a mirror cannot have a login of its own: {url}")))
        }
    }
}

/// Reads a web address as a person types it; the login in it comes apart.
///
/// # Errors
/// A fault that says what is wrong with it.
pub fn address(text: &str) -> Result<(Url, Option<Login>), Fault> {
    let mut url = checked_address(text)?;
    let login = login(&url);
    // Neither can fail on an address with a host, and that was seen to.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    Ok((url, login))
}

fn checked_address(text: &str) -> Result<Url, Fault> {
    let text = text.trim();
    let bad = |why: &dyn std::fmt::Display| {
        Fault::new(FaultKind::BadAddress, format!("{why}: {}", without_login(text)))
    };
    let url = Url::parse(text).map_err(|error| bad(&error))?;
    if !matches!(url.scheme(), "http" | "https") {
        // `example.org:8080/file` parses with the host as its scheme; do not call that a strange scheme.
        return Err(if url.has_host() || !url.scheme().contains('.') && url.scheme() != "localhost" {
            Fault::new(FaultKind::UnknownScheme, format!("“{}:”", url.scheme()))
        } else {
            bad(&"it does not start with http")
        });
    }
    if url.as_str().len() > MAX_ADDRESS_BYTES {
        return Err(Fault::new(FaultKind::BadAddress, format!("it has {} bytes", url.as_str().len())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad(&"it names no server"));
    }
    Ok(url)
}

/// The text with anything between `//` and the last `@` left out (a password may have one): error messages
/// end up in logs.
#[must_use]
pub fn without_login(text: &str) -> String {
    match (text.find("//"), text.rfind('@')) {
        (Some(start), Some(at)) if start + 2 < at => format!("{}…{}", &text[..start + 2], &text[at..]),
        _ => text.to_owned(),
    }
}

/// User and password of an address, percent-decoded.
pub(super) fn login(url: &Url) -> Option<Login> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(url.username()), decode(url.password().unwrap_or_default())))
}

/// Whether a header of this name carries a secret.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"]
        .iter()
        .any(|word| name.contains(word))
}

pub(super) fn check_header(name: &str, value: &str) -> Result<(), Fault> {
    // RFC 9110 sections 5.1 and 5.5: a token, and no control characters.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let fine = !name.is_empty()
        && name.chars().all(is_token)
        && !value.chars().any(|c| c.is_control() && c != '\t')
        && !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str());
    // The value may be a secret: only the name is repeated.
    if fine { Ok(()) } else { Err(Fault::new(FaultKind::BadHeader, name.escape_debug().to_string())) }
}

/// Whether a file can be called that.
///
/// # Errors
/// [`FaultKind::BadName`].
pub fn check_name(name: &str) -> Result<(), Fault> {
    let fine = !name.is_empty()
        && name != "."
        && name != ".."
        && name.len() <= MAX_NAME_BYTES
        && !name.chars().any(|c| c == '/' || c.is_control());
    if fine { Ok(()) } else { Err(Fault::new(FaultKind::BadName, format!("“{}”", name.escape_debug()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(url: &str) -> NewJob {
        NewJob::of(url, "/tmp")
    }

    #[test]
    fn addresses_are_checked() {
        let kind = |url: &str| new(url).into_job(JobId::random(), 0).err().map(|fault| fault.kind);
        for fine in ["http://a.org/f", " https://[::1]:8443/x?y=z ", "http://user:pw@a.org/"] {
            assert_eq!(kind(fine), None, "{fine}");
        }
        for bad in
            ["", "nonsense", "http://", "http://a b/", "//a.org/f", "a.org:80/f", "localhost:80/f", "a.org/f"]
        {
            assert_eq!(kind(bad), Some(FaultKind::BadAddress), "{bad}");
        }
        assert_eq!(kind(&format!("http://a.org/{}", "x".repeat(70_000))), Some(FaultKind::BadAddress));
        for strange in ["ftp://a.org/f", "file:///etc/passwd", "magnet:?xt=1", "javascript:alert(1)"] {
            assert_eq!(kind(strange), Some(FaultKind::UnknownScheme), "{strange}");
        }
    }

    #[test]
    fn secrets_are_kept_apart() {
        let mut job = new("https://me:p%40ss@a.org/f#top");
        job.headers = vec![
            NewHeader { name: "Cookie".into(), value: "s=1".into() },
            NewHeader { name: "X-Plain".into(), value: "1".into() },
        ];
        let (job, secrets) = job.into_job(JobId::random(), 0).expect("a job");
        assert_eq!(job.files[0].url.as_str(), "https://a.org/f");
        assert_eq!(secrets.logins, [("https://a.org".into(), ("me".into(), "p@ss".into()))]);
        assert_eq!(job.headers[0], Header { name: "Cookie".into(), value: None });
        assert_eq!(job.headers[1].value.as_deref(), Some("1"));
        assert!(job.needs_secrets);
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }

    #[test]
    fn a_login_does_not_reach_an_error_message() {
        for address in
            ["http://me:hunter2@[::bad/f", "http://me:p@hunter2@[::bad/f", "http://me:p/hunter2@a/"]
        {
            let fault = new(address).into_job(JobId::random(), 0).expect_err("a fault");
            assert!(!fault.to_string().contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn headers_names_and_checksums_are_checked() {
        let with_header = |name: &str, value: &str| {
            let mut job = new("http://a.org/f");
            job.headers = vec![NewHeader { name: name.into(), value: value.into() }];
            job.into_job(JobId::random(), 0).is_ok()
        };
        assert!(with_header("Referer", "http://b.org"));
        for (name, value) in
            [("", "x"), ("a b", "x"), ("Range", "bytes=0-"), ("X", "a\r\nEvil: 1"), ("Host", "b")]
        {
            assert!(!with_header(name, value), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a\0b", &"x".repeat(256)] {
            let mut job = new("http://a.org/f");
            job.files[0].file_name = Some(name.to_owned());
            assert!(job.into_job(JobId::random(), 0).is_err(), "{name:?}");
        }
        let mut job = new("http://a.org/f");
        job.files[0].expected = Some("A".repeat(64));
        let (job, _) = job.into_job(JobId::random(), 0).expect("a job");
        let expected = job.files[0].expected.as_ref().map(ToString::to_string);
        assert_eq!(expected, Some(format!("sha256:{}", "a".repeat(64))));
    }
}
