//! Version 1: the order of the lines is the user's order, faults are counted by the job, there are no attempts.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::super::record;
use crate::job::{self, Cause, Fault, Header, JobId, Priority, Rate, Validator, Wanted, path};

/// One line.
#[derive(Deserialize)]
pub(super) enum Record {
    Queue { version: u32, generation: u64 },
    Job(Job),
    Progress { job: JobId, file: usize, synced_bytes: u64 },
    Gone(JobId),
    Whole { jobs: usize },
}

#[derive(Deserialize)]
pub(super) struct Job {
    id: JobId,
    name: Option<String>,
    files: Vec<JobFile>,
    priority: Priority,
    state: JobState,
    limit: Option<Rate>,
    headers: Vec<Header>,
    needs_secrets: bool,
    added_unix_secs: u64,
    ended_unix_secs: Option<u64>,
    faults_in_a_row: u32,
}

#[derive(Deserialize)]
struct JobFile {
    url: Url,
    #[serde(with = "path")]
    folder: PathBuf,
    asked_name: Option<String>,
    sha256: Option<String>,
    name: Option<String>,
    part: Option<String>,
    total_bytes: Option<u64>,
    synced_bytes: u64,
    validator: Validator,
    resumable: Option<bool>,
    finished: bool,
}

#[derive(Deserialize)]
enum JobState {
    Queued,
    Connecting,
    Transferring,
    Suspended,
    Error(Fault),
    Waiting(Waiting),
    Transferred,
    Acknowledged,
    Cancelled,
}

#[derive(Deserialize)]
struct Waiting {
    why: Why,
    until_unix_secs: Option<u64>,
}

#[derive(Deserialize)]
enum Why {
    BackOff(Fault),
    DiskFull(Fault),
}

impl Record {
    pub(super) fn into_v2(self) -> record::Record {
        match self {
            Self::Queue { version, generation } => record::Record::Queue { version, generation },
            Self::Job(job) => record::Record::Job(Arc::new(job.into_v2())),
            Self::Progress { job, file, synced_bytes } => record::Record::Progress {
                job,
                file,
                attempt: 0,
                synced: job::Extents::from_start(synced_bytes),
            },
            Self::Gone(id) => record::Record::Gone(id),
            // The first line alone said which generation it was: see `Generation::read`.
            Self::Whole { jobs } => record::Record::Whole { jobs, generation: 0 },
        }
    }
}

impl Job {
    /// The place is given out once the whole list is known.
    fn into_v2(self) -> job::Job {
        let mut files: Vec<job::JobFile> = self.files.into_iter().map(JobFile::into_v2).collect();
        // One file was under way at a time, and what the job met with was about it.
        if let Some(file) = files.iter_mut().find(|file| !file.finished) {
            file.faults_in_a_row = self.faults_in_a_row;
        }
        let whole = files.iter().all(|file| file.finished);
        job::Job {
            finish: None,
            at_end: job::AtEnd::default(),
            id: self.id,
            name: self.name,
            files,
            priority: self.priority,
            place: 0,
            wanted: match &self.state {
                JobState::Suspended => Wanted::Suspend,
                JobState::Cancelled => Wanted::Cancel,
                JobState::Acknowledged if !whole => Wanted::Complete,
                _ => Wanted::Transfer,
            },
            state: self.state.into_v2(),
            cause: Cause::User,
            files_at_once: 1,
            connections: 1,
            hold_finished: false,
            limit: self.limit,
            headers: self.headers,
            needs_secrets: self.needs_secrets,
            route: job::Route::default(),
            added_unix_secs: self.added_unix_secs,
            ended_unix_secs: self.ended_unix_secs,
            modified_unix_secs: self.ended_unix_secs.unwrap_or(self.added_unix_secs),
            active_secs: 0,
            stuck_secs: 0,
            faults: self.faults_in_a_row,
        }
    }
}

impl JobFile {
    fn into_v2(self) -> job::JobFile {
        job::JobFile {
            url: self.url,
            folder: self.folder,
            asked_name: self.asked_name,
            expected: self.sha256.and_then(|digits| digits.parse().ok()).map(Box::new),
            mirrors: Box::default(),
            clash: job::Clash::default(),
            readdressed: false,
            secrets_for: None,
            start_over: false,
            moved_from: Box::default(),
            name: self.name,
            part: self.part,
            total_bytes: self.total_bytes,
            synced: job::Extents::from_start(self.synced_bytes),
            validator: self.validator,
            resumable: self.resumable,
            attempt: 0,
            finished: self.finished,
            trouble: None,
            faults_in_a_row: 0,
        }
    }
}

impl JobState {
    fn into_v2(self) -> job::JobState {
        match self {
            Self::Queued => job::JobState::Queued,
            Self::Connecting => job::JobState::Connecting,
            Self::Transferring => job::JobState::Transferring,
            Self::Suspended => job::JobState::Suspended,
            Self::Error(fault) => job::JobState::Error(fault),
            Self::Waiting(Waiting { why, until_unix_secs }) => job::JobState::Waiting(job::Waiting {
                why: match why {
                    Why::BackOff(fault) => job::Why::BackOff(fault),
                    Why::DiskFull(fault) => job::Why::DiskFull(fault),
                },
                until_unix_secs,
            }),
            Self::Transferred => job::JobState::Transferred,
            Self::Acknowledged => job::JobState::Acknowledged,
            Self::Cancelled => job::JobState::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: the texts of the types that are shared with later versions.
    #[test]
    fn what_is_shared_is_still_read() {
        let kinds = "BadAddress UnknownScheme BadHeader BadChecksum BadName HostNotFound ConnectionRefused \
            ConnectFailed NotSecure Status(404) TooManyRedirects InsecureRedirect ConnectionLost Stalled Nonsense \
            WrongLength ChecksumMismatch DiskFull NoFolder NotWritable DiskFailed SecretsGone Internal";
        for kind in kinds.split_whitespace() {
            let text = format!("(kind:{kind},detail:\"so\")");
            let fault: Fault = ron::from_str(&text).expect(kind);
            assert_eq!(ron::to_string(&fault).unwrap(), text);
        }
        for word in ["foreground", "high", "normal", "low"] {
            assert_eq!(ron::from_str::<Priority>(word).expect(word).word(), word);
        }
        let header: Header = ron::from_str("(name:\"Cookie\",value:None)").unwrap();
        assert_eq!(header, Header { name: "Cookie".into(), value: None });
        let header: Header = ron::from_str("(name:\"Referer\",value:Some(\"http://a/\"))").unwrap();
        assert_eq!(header.value.as_deref(), Some("http://a/"));
        let text = "(etag:Some(\"\\\"v1\\\"\"),last_modified:Some(\"L\"),date:Some(\"D\"))";
        let validator: Validator = ron::from_str(text).unwrap();
        assert_eq!(validator.etag.as_deref(), Some("\"v1\""));
        assert_eq!(ron::from_str::<Rate>("1048576").unwrap().bytes_per_sec(), 1 << 20);
    }

    #[test]
    fn a_state_becomes_what_the_user_wants() {
        let of = |state: &str, finished: bool| {
            let text = format!(
                "Job((id:\"2da9131e-be3e-4985-8145-8a00079f0f4f\",name:None,files:[(url:\"https://a.org/b\",\
                 folder:\"/srv\",asked_name:None,sha256:None,name:None,part:None,total_bytes:None,synced_bytes:0,\
                 validator:(etag:None,last_modified:None,date:None),resumable:None,finished:{finished})],\
                 priority:low,state:{state},limit:None,headers:[],needs_secrets:false,added_unix_secs:1,\
                 ended_unix_secs:None,faults_in_a_row:3))"
            );
            let Some(record::Record::Job(job)) = super::super::read(1, text.as_bytes()) else {
                panic!("{text}")
            };
            (job.wanted, job.files[0].faults_in_a_row)
        };
        let waiting = "Waiting((why:BackOff((kind:Stalled,detail:\"\")),until_unix_secs:Some(7)))";
        assert_eq!(of(waiting, false), (Wanted::Transfer, 3));
        assert_eq!(of("Error((kind:Status(404),detail:\"\"))", false), (Wanted::Transfer, 3));
        assert_eq!(of("Suspended", false), (Wanted::Suspend, 3));
        assert_eq!(of("Cancelled", false), (Wanted::Cancel, 3));
        assert_eq!(of("Acknowledged", false), (Wanted::Complete, 3));
        assert_eq!(of("Acknowledged", true), (Wanted::Transfer, 0));
    }
}
