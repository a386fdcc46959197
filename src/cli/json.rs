//! What `--json` prints: flat objects of their own, so that scripts do not depend on how jobs are stored.

use serde::Serialize;

use super::remedies;
use crate::engine::{CapView, JobView, WhichCap};
use crate::job::{Cause, Fault, FaultKind, JobFile, JobId, JobState, Rate, Trouble, Waiting, Wanted};

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
    /// The checksum it must have, or the address of the list that says it.
    expected: Option<String>,
    /// The one it was found to have when it was finished.
    verified: Option<String>,
    /// How many of its bytes were read again to verify it, while that goes on.
    verified_bytes: u64,
    /// Other addresses that have the same.
    mirrors: Vec<String>,
    /// What becomes of it if its name is taken: number, overwrite, resume or ask.
    if_exists: Option<&'static str>,
    /// How many connections each file may use.
    connections: u8,
    /// How many are at work now.
    connections_now: usize,
    added_unix_secs: u64,
    ended_unix_secs: Option<u64>,
    /// When the user last changed it or bytes last arrived.
    modified_unix_secs: u64,
    /// All its files.
    files: Vec<File>,
    files_at_once: u8,
    /// What it waits for, where it waits.
    waiting: Option<Waits>,
    /// What the user wants of it: transfer, suspend, complete, cancel or remove.
    wanted: &'static str,
    /// What brought it into its state: user, scheduler, transfer, fault, session, network, power, timetable or timer.
    cause: &'static str,
    /// The cap that holds it, while it runs.
    cap: Option<Cap>,
    /// Its place in line: the lower comes first. The numbers have gaps.
    place: u64,
    /// How many faults it has met in all.
    faults: u32,
    /// For how many seconds it has been at work since it was last resumed.
    active_secs: u64,
    /// Whether nothing has happened to it for long.
    stale: bool,
    /// Whether it waits to be completed when it is whole.
    hold_finished: bool,
    /// What is run when it has ended, as one would type it.
    finish: Option<String>,
    /// Through which proxy its servers are reached, where it is not as the settings say; without login.
    proxy: Option<String>,
}

/// A file of a job.
#[derive(Debug, Serialize)]
pub(super) struct File {
    /// Counted from 1.
    number: usize,
    /// Without login.
    url: String,
    /// Where the finished file is or will be, once its name is decided.
    path: Option<String>,
    name: String,
    /// What is on the disk for certain.
    done_bytes: u64,
    total_bytes: Option<u64>,
    /// Other addresses that have the same file.
    mirrors: Vec<String>,
    /// What it must be: a checksum, or the address of a list of them.
    expected: Option<String>,
    /// See [`file_state`].
    state: &'static str,
    fault: Option<FaultWords>,
    waiting: Option<Waits>,
    /// The checksum it was found to have when it was finished.
    verified: Option<String>,
    /// What becomes of it if its name is taken: number, overwrite, resume or ask.
    if_exists: &'static str,
    /// The commands that help where something is wrong with it.
    commands: Vec<String>,
}

/// What is waited for.
#[derive(Debug, Serialize)]
pub(super) struct Waits {
    /// `back_off`, `disk_full`, `no_network`, `signed_out`, `asleep`, `metered`, `battery`, `timetable`, `held` or
    /// `disabled`.
    why: &'static str,
    /// Until when at most, where that is known.
    until_unix_secs: Option<u64>,
}

/// The cap that holds a job.
#[derive(Debug, Serialize)]
pub(super) struct Cap {
    rate_bps: u64,
    /// all, slow, priority, timetable or job.
    whose: WhichCap,
    /// When the timetable makes another one of it.
    until_unix_secs: Option<u64>,
}

/// One look of `monitor --json`.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    pub(super) unix_secs: u64,
    /// Whether anything can transfer: false where only the list is there.
    pub(super) runs: bool,
    pub(super) rate_bps: u64,
    pub(super) limit_bps: Option<u64>,
    pub(super) slow: bool,
    pub(super) paused: bool,
    /// What keeps all background jobs waiting.
    pub(super) waiting: Option<Waits>,
    pub(super) jobs: Vec<Job>,
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
    /// Whether everything is held now, where that was asked for (`pause --all`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paused: Option<bool>,
}

impl Done {
    /// It was done to these.
    pub(super) const fn of(done: Vec<JobId>) -> Self {
        Self { done, paused: None }
    }
}

/// Whether the slow cap holds, and its rate.
#[derive(Debug, Serialize)]
pub(super) struct Slow {
    pub(super) slow: bool,
    pub(super) slow_bps: Option<u64>,
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
            limit_bps: job.limit.map(Rate::bytes_per_sec),
            resumable: file.and_then(|file| file.resumable),
            etag: file.and_then(|file| file.validator.etag.clone()),
            last_modified: file.and_then(|file| file.validator.last_modified.clone()),
            expected: file.and_then(|file| file.expected.as_ref().map(ToString::to_string)),
            verified: file.and_then(JobFile::verified),
            verified_bytes: view.verified_bytes,
            mirrors: file.map(mirrors).unwrap_or_default(),
            if_exists: file.map(|file| file.clash.word()),
            connections: job.connections,
            connections_now: view.fetching.iter().map(|of| of.ranges.len()).sum(),
            added_unix_secs: job.added_unix_secs,
            ended_unix_secs: job.ended_unix_secs,
            modified_unix_secs: job.modified_unix_secs,
            files: files(view),
            files_at_once: job.files_at_once,
            waiting: match &job.state {
                JobState::Waiting(waiting) => Some(waiting.into()),
                _ => None,
            },
            wanted: wanted(job.wanted),
            cause: Cause::word(job.cause),
            cap: view.cap.as_ref().map(Cap::from),
            place: job.place,
            faults: job.faults,
            active_secs: job.active_secs,
            stale: view.stale,
            hold_finished: job.hold_finished,
            finish: job.finish.as_ref().map(ToString::to_string),
            proxy: job.route.proxy.as_ref().map(ToString::to_string),
        }
    }
}

/// The files of a job.
pub(super) fn files(view: &JobView) -> Vec<File> {
    let file = |(index, file): (usize, &JobFile)| File {
        number: index + 1,
        url: file.url.to_string(),
        path: file.path().map(|path| path.to_string_lossy().into_owned()),
        name: file.display_name(),
        done_bytes: file.synced_bytes(),
        total_bytes: file.total_bytes,
        mirrors: mirrors(file),
        expected: file.expected.as_ref().map(ToString::to_string),
        state: file_state(view, index),
        fault: file.fault().map(FaultWords::from),
        waiting: match &file.trouble {
            Some(Trouble::Waiting(waiting)) => Some(waiting.into()),
            _ => None,
        },
        verified: file.verified(),
        if_exists: file.clash.word(),
        commands: remedies::of_file(view, index),
    };
    view.job.files.iter().enumerate().map(file).collect()
}

fn mirrors(file: &JobFile) -> Vec<String> {
    file.mirrors.iter().map(ToString::to_string).collect()
}

/// How a file (by its number from 0) stands: finished, left_out, error or waiting; else as its job does. Those whose turn
/// is yet to come are queued while their job is at work.
pub(super) fn file_state(view: &JobView, index: usize) -> &'static str {
    let job = &view.job;
    let Some(file) = job.files.get(index) else { return "left_out" };
    match (&file.trouble, &job.state) {
        _ if file.finished => "finished",
        (Some(Trouble::LeftOut), _) => "left_out",
        // What was not finished when it was completed was given up.
        (_, JobState::Cancelled | JobState::Acknowledged) => "cancelled",
        (Some(Trouble::Failed(_)), _) => "error",
        (Some(Trouble::Waiting(_)), _) => "waiting",
        (None, state) if state.is_active() && !view.running.contains(&index) => "queued",
        (None, state) => state.word(),
    }
}

const fn wanted(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Transfer => "transfer",
        Wanted::Suspend => "suspend",
        Wanted::Complete => "complete",
        Wanted::Cancel => "cancel",
        Wanted::Remove => "remove",
    }
}

impl From<&Waiting> for Waits {
    fn from(waiting: &Waiting) -> Self {
        Self { why: waiting.why.word(), until_unix_secs: waiting.until_unix_secs }
    }
}

impl From<&CapView> for Cap {
    fn from(cap: &CapView) -> Self {
        Self {
            rate_bps: Rate::bytes_per_sec(cap.rate),
            whose: cap.which,
            until_unix_secs: cap.until_unix_secs,
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
        FaultKind::BadProxy => "bad_proxy",
        FaultKind::BadCertificates => "bad_certificates",
        FaultKind::ProxyFailed => "proxy_failed",
        FaultKind::NotSecure => "not_secure",
        FaultKind::CertificateExpired => "certificate_expired",
        FaultKind::CertificateTooNew => "certificate_too_new",
        FaultKind::CertificateOfOther => "certificate_of_other",
        FaultKind::CertificateUntrusted => "certificate_untrusted",
        FaultKind::Status(_) => "status",
        FaultKind::TooManyRedirects => "too_many_redirects",
        FaultKind::InsecureRedirect => "insecure_redirect",
        FaultKind::ConnectionLost => "connection_lost",
        FaultKind::Stalled => "stalled",
        FaultKind::Nonsense => "nonsense",
        FaultKind::WrongLength => "wrong_length",
        FaultKind::ChecksumMismatch => "checksum_mismatch",
        FaultKind::NotListed => "not_listed",
        FaultKind::AnotherFile => "another_file",
        FaultKind::KeepsChanging => "keeps_changing",
        FaultKind::NameTaken => "name_taken",
        FaultKind::DiskFull => "disk_full",
        FaultKind::QuotaFull => "quota_full",
        FaultKind::FileTooLarge => "file_too_large",
        FaultKind::NoFolder => "no_folder",
        FaultKind::NotWritable => "not_writable",
        FaultKind::ReadOnly => "read_only",
        FaultKind::NameTooLong => "name_too_long",
        FaultKind::TooManyOpen => "too_many_open",
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
        assert_eq!(json["waiting"], serde_json::json!({ "why": "back_off", "until_unix_secs": 99 }));
        assert_eq!(json["wanted"], "transfer");
        assert_eq!(json["cap"], serde_json::Value::Null);
        assert_eq!(json["files"][0]["number"], 1);
        assert_eq!(json.as_object().expect("an object").len(), 40);
    }

    #[test]
    fn the_cap_in_force_says_whose_it_is() {
        let rate = Rate::from_bytes_per_sec(1024).expect("a rate");
        let cap = CapView { rate, which: WhichCap::Timetable, until_unix_secs: Some(5) };
        let view = JobView { cap: Some(cap), ..samples::view("http://a.org/f", JobState::Transferring) };
        let json = serde_json::to_value(Job::from(&view)).expect("JSON");
        let expected = serde_json::json!({ "rate_bps": 1024, "whose": "timetable", "until_unix_secs": 5 });
        assert_eq!(json["cap"], expected);
    }

    #[test]
    fn every_file_has_its_state() {
        let fault = || Fault::new(FaultKind::Status(404), "");
        let wait = Waiting { why: Why::BackOff(fault()), until_unix_secs: None };
        let file = |trouble: Option<Trouble>, finished| {
            move |file: &mut JobFile| (file.trouble, file.finished) = (trouble.clone(), finished)
        };
        let states = |view: &JobView| {
            (0..view.job.files.len()).map(|index| file_state(view, index)).collect::<Vec<_>>()
        };
        let mut view = samples::changed(samples::view("http://a.org/f", JobState::Transferring), |job| {
            job.files = vec![job.files[0].clone(); 5];
            file(None, true)(&mut job.files[0]);
            file(Some(Trouble::LeftOut), false)(&mut job.files[1]);
            file(Some(Trouble::Failed(fault())), false)(&mut job.files[2]);
            file(Some(Trouble::Waiting(wait)), false)(&mut job.files[3]);
        });
        view.running = vec![4];
        assert_eq!(states(&view), ["finished", "left_out", "error", "waiting", "transferring"]);
        let json = serde_json::to_value(Job::from(&view)).expect("JSON");
        assert_eq!(json["files"][2]["fault"]["status"], 404);
        assert_eq!(json["files"][3]["waiting"]["why"], "back_off");
        view = samples::changed(view, |job| job.files[1].trouble = None);
        assert_eq!(states(&view)[1..], ["queued", "error", "waiting", "transferring"]);
        view = samples::changed(view, |job| job.state = JobState::Suspended);
        assert_eq!(states(&view)[4], "suspended");
        view = samples::changed(view, |job| job.state = JobState::Acknowledged);
        assert_eq!(states(&view), ["finished", "cancelled", "cancelled", "cancelled", "cancelled"]);
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
