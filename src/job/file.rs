//! One file of a job.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Checksum, Clash, Expected, Extents, Fault, FaultKind, Waiting, is_default, path};

/// One file of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFile {
    /// Where it comes from: http or https, without a login in it.
    pub url: Url,
    /// The folder it goes to.
    #[serde(with = "path")]
    pub folder: PathBuf,
    /// The file name the user asked for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_name: Option<String>,
    /// What it is compared with when it is whole, if the user gave anything. Version 2 began with SHA-256 alone.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "sha256")]
    pub expected: Option<Box<Expected>>,
    /// Other addresses that have the same file, without logins in them.
    #[serde(default, skip_serializing_if = "<[Url]>::is_empty")]
    pub mirrors: Box<[Url]>,
    /// What to do if its name is taken.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clash: Clash,
    /// The name it will have when it is finished, once decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of the file that holds the unfinished data, in the same folder; decided with the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Its size in bytes, once a server has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Which of its bytes are on disk for certain (written *and* synced).
    #[serde(default, skip_serializing_if = "is_default", rename = "synced_bytes")]
    pub synced: Extents,
    /// What proves that the server still has the same file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validator: Validator,
    /// Whether the user has given it another address since bytes were last fetched: whether that has the same file is
    /// still to be seen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub readdressed: bool,
    /// The server (scheme, host and port) the job's secret headers were given for, if the address the user has given it
    /// since is of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_for: Option<Box<str>>,
    /// Whether the user wants what is there of it given up, which the next transfer does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start_over: bool,
    /// Where its unfinished data may be, if the user has chosen another folder since: the next transfer brings the first
    /// of these that is there along.
    #[serde(default, skip_serializing_if = "<[PartAt]>::is_empty")]
    pub moved_from: Box<[PartAt]>,
    /// Whether the server answers ranges, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumable: Option<bool>,
    /// Counts how often it was begun anew: what is said about bytes of one attempt is nothing about another's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attempt: u32,
    /// Whether it is whole, verified and under its final name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub finished: bool,
    /// What keeps it from going on, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// How many faults in a row it has met without a byte of progress in between; sets the back-off.
    #[serde(default, skip_serializing_if = "is_default")]
    pub faults_in_a_row: u32,
}

/// Where unfinished data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartAt(#[serde(with = "path")] pub PathBuf);

/// What keeps one file of a job from going on. The others go on without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trouble {
    /// It goes no further by itself.
    Failed(Fault),
    /// It is tried again when the reason is gone.
    Waiting(Waiting),
    /// The user does not want it any more.
    LeftOut,
}

/// What a server said a version of a file is recognised by (RFC 9110 section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The `ETag` header, quotes and `W/` included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The `Date` header of the same answer: tells whether Last-Modified is strong
    /// (RFC 9110 section 8.8.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The sum of the whole file, as the server said it (RFC 9530's `Repr-Digest`, or `Content-MD5`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Box<Checksum>>,
}

impl JobFile {
    /// What is wrong with it.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.trouble {
            Some(Trouble::Failed(fault)) => Some(fault),
            Some(Trouble::Waiting(waiting)) => waiting.fault(),
            Some(Trouble::LeftOut) | None => None,
        }
    }

    /// Whether it stopped for want of a login, or of other secrets.
    #[must_use]
    pub fn wants_login(&self) -> bool {
        let kind = self.fault().map(|fault| &fault.kind);
        matches!(kind, Some(FaultKind::Status(401 | 407) | FaultKind::SecretsGone))
    }

    /// Whether it stopped because a proxy asks for a login.
    #[must_use]
    pub fn wants_proxy_login(&self) -> bool {
        self.fault().is_some_and(|fault| fault.kind == FaultKind::Status(407))
    }

    /// The checksum it was found to have when it was finished, as far as it is known: one that stands in a list is not
    /// kept.
    #[must_use]
    pub fn verified(&self) -> Option<String> {
        let said_by_server = self.validator.digest.as_deref();
        let sum = match self.expected.as_deref() {
            Some(Expected::Sum(sum)) => Some(sum),
            Some(Expected::ListedAt(list)) => return self.finished.then(|| format!("listed at {list}")),
            None => said_by_server,
        };
        sum.filter(|_| self.finished).map(ToString::to_string)
    }

    /// How many of its bytes are on disk for certain.
    #[must_use]
    pub fn synced_bytes(&self) -> u64 {
        self.synced.bytes()
    }

    /// What to call the file: its name on disk, else the asked one, else the last part of the address.
    #[must_use]
    pub fn display_name(&self) -> String {
        if let Some(name) = self.name.as_ref().or(self.asked_name.as_ref()) {
            return name.clone();
        }
        let last = self.url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
        let decoded = percent_encoding::percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy();
        // What is encoded may be a path or steer what shows it; the name on disk will be neither.
        let name = decoded.rsplit(['/', '\\']).next().unwrap_or_default().replace(char::is_control, "");
        if name.is_empty() { self.url.host_str().unwrap_or("download").to_owned() } else { name }
    }

    /// Where the finished file is or will be, once its name is decided.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.name.as_ref().map(|name| self.folder.join(name))
    }

    /// Where the unfinished data is, once the name is decided.
    #[must_use]
    pub fn part_path(&self) -> Option<PathBuf> {
        self.part.as_ref().map(|part| self.folder.join(part))
    }

    /// All places where there may be unfinished data of it.
    pub fn part_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.part_path().into_iter().chain(self.moved_from.iter().map(|PartAt(path)| path.clone()))
    }

    /// Whether it could be fetched now.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        !self.finished && self.trouble.is_none()
    }

    /// Whether the user has taken it out of the job.
    #[must_use]
    pub const fn is_left_out(&self) -> bool {
        matches!(self.trouble, Some(Trouble::LeftOut))
    }

    /// The server (scheme, host and port) that may be told the job's secret headers.
    #[must_use]
    pub fn secrets_server(&self) -> String {
        let own = || self.url.origin().ascii_serialization();
        self.secrets_for.as_deref().map_or_else(own, str::to_owned)
    }

    /// It comes from another address, and the job's secret headers stay with the server they were given for. What is
    /// there of it is still to prove that it is of the file there.
    pub fn readdress(&mut self, url: Url) {
        let server = self.secrets_server();
        self.secrets_for = (server != url.origin().ascii_serialization()).then(|| server.into());
        self.url = url;
        self.readdressed = !self.synced.is_empty();
    }

    /// Nothing of it has been fetched any more; its name stays.
    pub fn forget_progress(&mut self) {
        self.synced = Extents::default();
        self.readdressed = false;
        self.start_over = false;
        self.total_bytes = None;
        self.validator = Validator::default();
        self.attempt = self.attempt.wrapping_add(1);
    }
}

impl JobFile {
    /// Takes in what a transfer has found out and decided. What the user has asked for stays, but for where it goes: that
    /// is where the transfer has put it.
    pub fn take_from(&mut self, transferred: Self) {
        let Self {
            folder,
            name,
            part,
            total_bytes,
            synced,
            validator,
            readdressed,
            start_over,
            moved_from,
            resumable,
            attempt,
            finished,
            ..
        } = transferred;
        *self = Self {
            folder,
            name,
            part,
            total_bytes,
            synced,
            validator,
            readdressed,
            start_over,
            moved_from,
            resumable,
            attempt,
            finished,
            url: self.url.clone(),
            secrets_for: self.secrets_for.take(),
            asked_name: self.asked_name.take(),
            expected: self.expected.take(),
            mirrors: std::mem::take(&mut self.mirrors),
            clash: self.clash,
            trouble: self.trouble.take(),
            faults_in_a_row: self.faults_in_a_row,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JobId, NewJob};

    #[test]
    fn a_file_without_a_name_is_called_by_its_address() {
        for (url, name) in [
            ("http://o.org/a/f%20g.iso?k=v", "f g.iso"),
            ("http://o.org/dir/", "dir"),
            ("http://o.org/", "o.org"),
            ("http://o.org/%2Fetc%2Fpasswd", "passwd"),
            ("http://o.org/..%5Ca.exe", "a.exe"),
            ("http://o.org/a%2F", "o.org"),
            ("http://o.org/a%1B%0Ab", "ab"),
            ("http://o.org/%FF.txt", "\u{fffd}.txt"),
        ] {
            let (job, _) = NewJob::of(url, "/tmp").into_job(JobId::random(), 0).unwrap();
            assert_eq!(job.files[0].display_name(), name, "{url}");
        }
    }
}
