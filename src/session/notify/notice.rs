//! What a notification says and offers.

use std::path::PathBuf;

use crate::job::{Job, JobId, JobState, bytes_in_words};

/// A job that has come to its end, and what of it is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub job: JobId,
    /// What it is called.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is here.
    Finished {
        /// Its files.
        files: Vec<PathBuf>,
        /// Their size together.
        bytes: u64,
    },
    /// It goes no further by itself.
    Failed {
        /// What happened, likely why, and what to do.
        sentence: String,
    },
}

impl Ended {
    /// What there is to tell of a job that has finished or failed; `None` of any other.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        let outcome = match &job.state {
            JobState::Transferred | JobState::Acknowledged => {
                let finished = job.files.iter().filter(|file| file.finished);
                Outcome::Finished {
                    files: finished.filter_map(crate::job::JobFile::path).collect(),
                    bytes: job.synced_bytes(),
                }
            }
            // Without the particulars: they are for the log.
            JobState::Error(fault) => Outcome::Failed {
                sentence: format!("{}: {}. You can {}.", fault.what(), fault.likely(), fault.advice()),
            },
            _ => return None,
        };
        Some(Self { job: job.id, name: job.display_name(), outcome })
    }
}

/// What a notice is known by: a later one with the same key takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One job's.
    Job(JobId),
    /// That of several which finished together.
    Finished(u32),
    /// That of several which failed together.
    Failed(u32),
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is known by.
    pub key: Key,
    /// Whose place it takes besides; those go.
    pub instead_of: Vec<Key>,
    /// The first line, plain text.
    pub title: String,
    /// The rest, plain text too: it is escaped where the desktop would read markup in it.
    pub body: String,
    /// What it offers to do.
    pub offers: Offers,
}

/// What a notification offers to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offers {
    /// To open the file, where there is one, and to show where they are.
    Files(Vec<PathBuf>),
    /// To try again.
    Retry(Vec<JobId>),
}

/// What the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is to be done.
    pub what: What,
    /// What the desktop gave with the click: who has it may come to the front (xdg-activation).
    pub activation_token: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Open this file.
    Open(PathBuf),
    /// Show where these files are.
    ShowInFolder(Vec<PathBuf>),
    /// Try these jobs again.
    Retry(Vec<JobId>),
}

impl Notice {
    /// That of a single job.
    #[must_use]
    pub fn of(ended: Ended) -> Self {
        let Ended { job, name, outcome } = ended;
        let (title, body, offers) = match outcome {
            Outcome::Finished { files, bytes } => {
                ("Download finished", format!("{name} ({})", bytes_in_words(bytes)), Offers::Files(files))
            }
            Outcome::Failed { sentence } => {
                ("Download failed", format!("{name}\n{sentence}"), Offers::Retry(vec![job]))
            }
        };
        Self { key: Key::Job(job), instead_of: Vec::new(), title: title.into(), body, offers }
    }
}

impl Offers {
    /// The actions as D-Bus wants them: a word for us and a text for the user in turn. `default` is a click on the
    /// notification itself.
    pub(super) fn actions(&self) -> &'static [&'static str] {
        match self {
            Self::Files(files) if files.is_empty() => &[],
            Self::Files(files) if files.len() == 1 => {
                &["default", "Open", "open", "Open", "folder", "Show in folder"]
            }
            Self::Files(_) => &["default", "Show in folder", "folder", "Show in folder"],
            Self::Retry(_) => &["retry", "Retry"],
        }
    }

    /// What the word stands for; `None` for one that was not offered.
    pub(super) fn what(&self, word: &str) -> Option<What> {
        match (self, word) {
            (Self::Files(files), "default" | "open") if files.len() == 1 => {
                Some(What::Open(files[0].clone()))
            }
            (Self::Files(files), "default" | "folder") if !files.is_empty() => {
                Some(What::ShowInFolder(files.clone()))
            }
            (Self::Retry(jobs), "retry") => Some(What::Retry(jobs.clone())),
            _ => None,
        }
    }

    /// The category of the specification.
    pub(super) const fn category(&self) -> &'static str {
        match self {
            Self::Files(_) => "transfer.complete",
            Self::Retry(_) => "transfer.error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Fault, FaultKind, NewJob};

    #[test]
    fn only_a_job_that_has_ended_is_told_of() {
        let new = NewJob::of("https://a.org/f.iso", "/dl");
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a job");
        assert_eq!(Ended::of(&job), None);
        job.state = JobState::Error(Fault::new(FaultKind::Status(404), "GET https://a.org/f.iso"));
        let failed = Notice::of(Ended::of(&job).expect("an end"));
        assert_eq!(failed.title, "Download failed");
        assert_eq!(
            failed.body,
            "f.iso\nThe file is not on the server (404): the address is mistyped, or the file was moved or deleted. \
             You can check the address, or look for the file elsewhere."
        );
        assert_eq!(failed.offers, Offers::Retry(vec![job.id]));
        job.state = JobState::Acknowledged;
        job.files[0] = crate::job::JobFile {
            name: Some("f (2).iso".into()),
            finished: true,
            synced: crate::job::Extents::from_start(1536),
            ..job.files[0].clone()
        };
        let finished = Notice::of(Ended::of(&job).expect("an end"));
        assert_eq!(
            (finished.title.as_str(), finished.body.as_str()),
            ("Download finished", "f (2).iso (1.5 KiB)")
        );
        assert_eq!(finished.offers, Offers::Files(vec!["/dl/f (2).iso".into()]));
        assert_eq!(finished.key, failed.key, "the one takes the other's place");
    }

    #[test]
    fn every_action_that_is_offered_means_something_and_no_other() {
        let (one, two) = (PathBuf::from("/1"), PathBuf::from("/2"));
        let job = JobId::random();
        let table = [
            (Offers::Files(vec![]), vec![]),
            (
                Offers::Files(vec![one.clone()]),
                vec![
                    ("default", What::Open(one.clone())),
                    ("open", What::Open(one.clone())),
                    ("folder", What::ShowInFolder(vec![one.clone()])),
                ],
            ),
            (
                Offers::Files(vec![one.clone(), two.clone()]),
                vec![
                    ("default", What::ShowInFolder(vec![one.clone(), two.clone()])),
                    ("folder", What::ShowInFolder(vec![one, two])),
                ],
            ),
            (Offers::Retry(vec![job]), vec![("retry", What::Retry(vec![job]))]),
        ];
        for (offers, wanted) in table {
            let words: Vec<_> = offers.actions().chunks(2).map(|pair| pair[0]).collect();
            assert_eq!(words, wanted.iter().map(|(word, _)| *word).collect::<Vec<_>>());
            for word in ["default", "open", "folder", "retry", "other"] {
                let wanted = wanted.iter().find(|(w, _)| *w == word).map(|(_, what)| what.clone());
                assert_eq!(offers.what(word), wanted, "{word} of {offers:?}");
            }
        }
    }
}
