//! What `--json` prints: flat objects of their own, so that scripts do not depend on how jobs are stored.

use serde::Serialize;

use crate::engine::JobView;
use crate::job::{Fault, FaultKind, JobFile, JobId, JobState};

/// A job. Every field is always there; what is not known is null. Sizes are in bytes, rates in bytes per
/// second, times in seconds since 1970, durations in seconds. Of a job with several files, the address and
/// what hangs on it are those of the first.
#[derive(Debug, Serialize)]
pub(super) struct Job {
    id: JobId,
    /// The name the user gave, else the file's.
    name: String,
    /// queued, connecting, transferring, suspended, error, waiting, transferred, acknowledged or cancelled.
    state: &'static str,
    /// Why it is in error or waiting.
    fault: Option<FaultWords>,
    /// When a waiting job is tried again.
    next_try_unix_secs: Option<u64>,
    /// foreground, high, normal or low.
    priority: &'static str,
    /// Without login.
    url: Option<String>,
    folder: Option<String>,
    /// Where the finished file is or will be, once its name is decided.
    path: Option<String>,
    done_bytes: u64,
    total_bytes: Option<u64>,
    rate_bps: u64,
    left_secs: Option<u64>,
    limit_bps: Option<u64>,
    resumable: Option<bool>,
    etag: Option<String>,
    last_modified: Option<String>,
    /// The checksum it must have.
    sha256: Option<String>,
    added_unix_secs: u64,
    ended_unix_secs: Option<u64>,
}

/// A fault: a word for its kind, the status if a server answered with one, and its words.
#[derive(Debug, Serialize)]
pub(super) struct FaultWords {
    kind: &'static str,
    status: Option<u16>,
    what: String,
    likely: &'static str,
    advice: &'static str,
    detail: String,
}

/// What was done to which jobs.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) done: Vec<JobId>,
}

/// The cap over all jobs; null where there is none.
#[derive(Debug, Serialize)]
pub(super) struct Limit {
    pub(super) limit_bps: Option<u64>,
}

/// One line of `get --json` and `run --json`, told apart by `event`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    /// It is on the list (`get`).
    Added { id: JobId },
    /// Bytes have arrived; at most once a second (`get`).
    Progress { id: JobId, done_bytes: u64, total_bytes: Option<u64>, rate_bps: u64, left_secs: Option<u64> },
    /// It waits (`get`).
    Waiting { id: JobId, why: &'static str, fault: Option<FaultWords>, next_try_unix_secs: Option<u64> },
    /// It is held by somebody else (`get`).
    Paused { id: JobId },
    /// It is whole and under its name. What arrived during this `get`, and how fast, is known to `get` only.
    Finished { job: Box<Job>, arrived_bytes: Option<u64>, secs: Option<f64>, average_bps: Option<u64> },
    /// It failed, or was given up for now; its fault says why.
    Failed { job: Box<Job> },
    /// Somebody else cancelled, removed or completed it before it was whole (`get`).
    Ended { id: JobId },
    /// A signal stopped it (`get`).
    Stopped { id: JobId },
}

impl From<&JobView> for Job {
    fn from(view: &JobView) -> Self {
        let job = &*view.job;
        let file = job.files.first();
        Self {
            id: job.id,
            name: job.display_name(),
            state: job.state.word(),
            fault: job.state.fault().map(FaultWords::from),
            next_try_unix_secs: match &job.state {
                JobState::Waiting(waiting) => waiting.until_unix_secs,
                _ => None,
            },
            priority: job.priority.word(),
            url: file.map(|file| file.url.to_string()),
            folder: file.map(|file| file.folder.to_string_lossy().into_owned()),
            path: file.and_then(JobFile::path).map(|path| path.to_string_lossy().into_owned()),
            done_bytes: view.done_bytes,
            total_bytes: job.total_bytes(),
            rate_bps: view.rate_bps,
            left_secs: view.left_secs,
            limit_bps: job.limit.map(crate::job::Rate::bytes_per_sec),
            resumable: file.and_then(|file| file.resumable),
            etag: file.and_then(|file| file.validator.etag.clone()),
            last_modified: file.and_then(|file| file.validator.last_modified.clone()),
            sha256: file.and_then(|file| file.sha256.clone()),
            added_unix_secs: job.added_unix_secs,
            ended_unix_secs: job.ended_unix_secs,
        }
    }
}

impl From<&Fault> for FaultWords {
    fn from(fault: &Fault) -> Self {
        Self {
            kind: kind(&fault.kind),
            status: match fault.kind {
                FaultKind::Status(status) => Some(status),
                _ => None,
            },
            what: fault.what(),
            likely: fault.likely(),
            advice: fault.advice(),
            detail: fault.detail.clone(),
        }
    }
}

const fn kind(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::BadAddress => "bad_address",
        FaultKind::UnknownScheme => "unknown_scheme",
        FaultKind::BadHeader => "bad_header",
        FaultKind::BadChecksum => "bad_checksum",
        FaultKind::BadName => "bad_name",
        FaultKind::HostNotFound => "host_not_found",
        FaultKind::ConnectionRefused => "connection_refused",
        FaultKind::ConnectFailed => "connect_failed",
        FaultKind::NotSecure => "not_secure",
        FaultKind::Status(_) => "status",
        FaultKind::TooManyRedirects => "too_many_redirects",
        FaultKind::InsecureRedirect => "insecure_redirect",
        FaultKind::ConnectionLost => "connection_lost",
        FaultKind::Stalled => "stalled",
        FaultKind::Nonsense => "nonsense",
        FaultKind::WrongLength => "wrong_length",
        FaultKind::ChecksumMismatch => "checksum_mismatch",
        FaultKind::DiskFull => "disk_full",
        FaultKind::NoFolder => "no_folder",
        FaultKind::NotWritable => "not_writable",
        FaultKind::DiskFailed => "disk_failed",
        FaultKind::SecretsGone => "secrets_gone",
        FaultKind::NoProgress => "no_progress",
        FaultKind::TookTooLong => "took_too_long",
        FaultKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::job::{Waiting, Why};

    #[test]
    fn a_job_is_flat_and_whole() {
        let fault = Fault::new(FaultKind::Status(503), "GET");
        let waiting = Waiting { why: Why::BackOff(fault), until_unix_secs: Some(99) };
        let view = samples::sized(samples::view("http://a.org/f.iso", JobState::Waiting(waiting)), 10);
        let json = serde_json::to_value(Job::from(&view)).expect("JSON");
        assert_eq!(json["id"], view.job.id.to_string());
        assert_eq!(json["name"], "f.iso");
        assert_eq!(json["state"], "waiting");
        assert_eq!(json["fault"]["kind"], "status");
        assert_eq!(json["fault"]["status"], 503);
        assert_eq!(json["fault"]["what"], "The server is busy (503)");
        assert_eq!(json["next_try_unix_secs"], 99);
        assert_eq!(json["priority"], "normal");
        assert_eq!(json["total_bytes"], 10);
        assert_eq!(json["path"], serde_json::Value::Null);
        assert_eq!(json.as_object().expect("an object").len(), 20);
    }

    #[test]
    fn a_folder_of_any_bytes_can_be_printed() {
        use std::os::unix::ffi::OsStrExt;
        let folder = std::ffi::OsStr::from_bytes(b"/tmp/\xff");
        let view = samples::changed(samples::view("http://a.org/f", samples::QUEUED), |job| {
            job.files[0].folder = folder.into();
        });
        let json = serde_json::to_value(Job::from(&view)).expect("JSON");
        assert_eq!(json["folder"], "/tmp/\u{fffd}");
    }
}
