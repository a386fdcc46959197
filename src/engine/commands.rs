//! What each command does to the jobs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::core::{AfterSave, AnswerTo, Chore, Core, unix_secs};
use super::runs::access_of;
use super::{Change, Command, Envelope, Refusal, Reply};
use crate::job::{Fault, Job, JobEvent, JobFile, JobId, JobState, NewJob};
use crate::store::Record;
use crate::transfer;

impl Core {
    /// Carries out a command, or begins to.
    pub(super) fn take_in(&mut self, Envelope { command, answer }: Envelope) {
        if self.closing {
            return self.border.answer(answer, Err(Refusal::Stopping));
        }
        match command {
            Command::Add(new) => self.add(new, answer),
            Command::Fetch(new) => self.fetch(new, answer),
            Command::Probe(new) => self.probe(new, answer),
            Command::Change(ids, change) => self.change(&ids, &change, answer),
            Command::SetLimit(limit) => {
                self.all.set_rate(limit);
                self.settings.limit = limit;
                self.save_settings(answer);
            }
            Command::SetTheme(theme) => {
                self.settings.theme = theme;
                self.save_settings(answer);
            }
            Command::SetPaused(_)
            | Command::SetSlow(_)
            | Command::Set(..)
            | Command::Settings
            | Command::Log(..)
            | Command::Adopt(_)
            | Command::DeleteOrphans(_) => {
                self.border.answer(answer, Err(Refusal::Busy));
            }
            Command::SetDownloadFolder(folder) => {
                self.settings.download_folder = Some(folder);
                self.next_look_at_disk = Instant::now();
                self.look_at_disk();
                self.save_settings(answer);
            }
        }
    }

    fn add(&mut self, new: Vec<NewJob>, answer: AnswerTo) {
        let jobs: Result<Vec<_>, Fault> =
            new.into_iter().map(|new| new.into_job(JobId::random(), unix_secs())).collect();
        match jobs {
            Ok(jobs) => {
                let records = jobs.iter().map(|(job, _)| Record::Job(Arc::new(job.clone()))).collect();
                self.save(records, AfterSave::Add(jobs, answer));
            }
            Err(fault) => self.border.answer(answer, Err(Refusal::Fault(fault))),
        }
    }

    fn fetch(&mut self, new: NewJob, answer: AnswerTo) {
        let (job, secrets) = match new.clone().into_job(JobId::random(), unix_secs()) {
            Ok(made) => made,
            Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
        };
        let is_same = |old: &Job| {
            !old.state.is_final()
                && old.files.len() == 1
                && old.files[0].url == job.files[0].url
                && old.files[0].folder == job.files[0].folder
                && old.files[0].asked_name == job.files[0].asked_name
        };
        let Some(id) = self.jobs.iter().find(|entry| is_same(&entry.job)).map(|entry| entry.job.id) else {
            return self.add(vec![new], answer);
        };
        let Some(entry) = self.jobs.get_mut(id) else { return };
        entry.secrets = secrets;
        entry.asked = true;
        entry.retry_at = None;
        let old = entry.job_mut();
        old.priority = job.priority;
        old.limit = job.limit;
        old.headers = job.headers;
        old.needs_secrets = job.needs_secrets;
        old.files[0].faults_in_a_row = 0;
        if job.files[0].sha256.is_some() {
            old.files[0].sha256.clone_from(&job.files[0].sha256);
        }
        if let Some(resumed) = old.state.after(&JobEvent::Resume) {
            old.state = resumed;
        }
        if let Some(live) = &entry.live {
            live.pace.own().set_rate(job.limit);
        }
        let record = Record::Job(Arc::clone(&entry.job));
        self.save(vec![record], AfterSave::Answer(answer, Ok(Reply::Added(vec![id]))));
    }

    fn probe(&mut self, new: NewJob, answer: AnswerTo) {
        let made = new.into_job(JobId::random(), unix_secs());
        let (made, client) = match made.and_then(|made| Ok((made, self.client()?))) {
            Ok(ready) => ready,
            Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
        };
        let (job, secrets) = made;
        let access = access_of(&job, &job.files[0], &secrets);
        self.chores.spawn(async move {
            Chore::Probed(answer, transfer::probe(&client, &job.files[0], &access).await)
        });
    }

    fn change(&mut self, ids: &[JobId], change: &Change, answer: AnswerTo) {
        let mut result = Ok(Reply::Done);
        let mut records = Vec::new();
        for id in ids {
            match self.change_one(*id, change) {
                Ok(record) => records.extend(record),
                Err(refusal) => result = result.and(Err(refusal)),
            }
        }
        self.save(records, AfterSave::Answer(answer, result));
    }

    /// Changes one job; the record of it, if there is anything to save.
    fn change_one(&mut self, id: JobId, change: &Change) -> Result<Option<Record>, Refusal> {
        let entry = self.jobs.get_mut(id).filter(|entry| !entry.removing).ok_or(Refusal::NoSuchJob(id))?;
        let event = match change {
            Change::Resume => {
                entry.asked = true;
                JobEvent::Resume
            }
            Change::Suspend => JobEvent::Suspend,
            Change::Cancel => JobEvent::Cancel,
            Change::Complete => JobEvent::Complete,
            Change::Remove => {
                entry.removing = true;
                // Makes the views anew without it.
                let is_final = entry.job_mut().state.is_final();
                if is_final {
                    return Ok(self.finish_removal(id));
                }
                JobEvent::Cancel
            }
            Change::SetPriority(priority) => {
                entry.job_mut().priority = *priority;
                return Ok(Some(Record::Job(Arc::clone(&entry.job))));
            }
            Change::SetName(_)
            | Change::SetFilesAtOnce(_)
            | Change::SetHoldFinished(_)
            | Change::Move(_)
            | Change::AddFiles(_)
            | Change::LeaveOutFile(_)
            | Change::RetryFile(_)
            | Change::SetFileAddress(..) => return Err(Refusal::Busy),
            Change::SetLimit(limit) => {
                entry.job_mut().limit = *limit;
                if let Some(live) = &entry.live {
                    live.pace.own().set_rate(*limit);
                }
                return Ok(Some(Record::Job(Arc::clone(&entry.job))));
            }
        };
        let before = entry.job.state.clone();
        let Some(after) = before.after(&event) else {
            let state = if before == JobState::Acknowledged { "finished" } else { before.word() };
            return Err(Refusal::WrongState { name: entry.job.display_name(), state: state.into() });
        };
        if after == before {
            return Ok(None);
        }
        let job = entry.job_mut();
        job.state = after;
        job.files.iter_mut().for_each(|file| file.faults_in_a_row = 0);
        if job.state.is_final() {
            job.ended_unix_secs = Some(unix_secs());
        } else {
            job.ended_unix_secs = None;
        }
        let record = Record::Job(Arc::clone(&entry.job));
        entry.retry_at = None;
        if before.is_active() {
            self.rest(id);
        }
        if matches!(change, Change::Cancel | Change::Complete | Change::Remove) {
            self.clean_up(id);
        }
        Ok(Some(record))
    }

    /// Deletes the unfinished files of a job that is final, once no run writes to them.
    pub(super) fn clean_up(&mut self, id: JobId) {
        if self.runs.has(id) {
            return;
        }
        let Some(entry) = self.jobs.get(id) else { return };
        let parts: Vec<PathBuf> =
            entry.job.files.iter().filter(|file| !file.finished).filter_map(JobFile::part_path).collect();
        self.chores.spawn(async move {
            let deleted = tokio::task::spawn_blocking(move || {
                for part in parts {
                    match std::fs::remove_file(&part) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            tracing::warn!(path = %part.display(), %error, "an unfinished file could not be deleted");
                        }
                        _ => {}
                    }
                }
            });
            // It logs what it cannot do; there is nobody else to tell.
            let _ = deleted.await;
            Chore::Cleaned(id)
        });
    }

    /// Deletes what a crash left of jobs that were given up.
    pub(super) fn clean_up_after_last_time(&mut self) {
        let left_over: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|entry| entry.job.state.is_final())
            .filter(|entry| entry.job.files.iter().any(|file| !file.finished && file.part.is_some()))
            .map(|entry| entry.job.id)
            .collect();
        for id in left_over {
            self.clean_up(id);
        }
    }

    /// Takes a final job off the list, unless a run still holds on to it.
    pub(super) fn finish_removal(&mut self, id: JobId) -> Option<Record> {
        if self.runs.has(id) {
            return None;
        }
        self.jobs.remove(id);
        Some(Record::Gone(id))
    }
}
