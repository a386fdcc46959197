//! Unfinished files no job knows of: found when the program starts, offered, taken up again or deleted.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::core::{AfterSave, AnswerTo, Chore, Core, unix_secs};
use super::{Refusal, Reply};
use crate::job::{Fault, FaultKind, JobFile, JobId, NewJob, Orphan};
use crate::store::Record;
use crate::transfer;

impl Core {
    /// Looks for them, where downloads go and have gone.
    pub(super) fn look_for_orphans(&mut self) {
        let files = || self.queue.jobs().flat_map(|job| &job.files);
        let mut folders: BTreeSet<PathBuf> = files().map(|file| file.folder.clone()).collect();
        folders.insert(self.download_folder());
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        let known: Vec<PathBuf> =
            files().filter(|file| !file.finished).flat_map(JobFile::part_paths).collect();
        self.chores.spawn(async move {
            let found = tokio::task::spawn_blocking(move || transfer::find_orphans(&folders, &known));
            Chore::Orphans(found.await.unwrap_or_default())
        });
    }

    /// Some were found.
    pub(super) fn take_in_orphans(&mut self, mut orphans: Vec<Orphan>) {
        // A job may have taken the name since they were looked for.
        let known: BTreeSet<PathBuf> = self
            .queue
            .jobs()
            .flat_map(|job| &job.files)
            .filter(|file| !file.finished)
            .flat_map(JobFile::part_paths)
            .collect();
        orphans.retain(|orphan| !known.contains(&orphan.part));
        if !orphans.is_empty() {
            self.orphans = Arc::new(orphans);
        }
    }

    pub(super) fn adopt(&mut self, parts: &[PathBuf], answer: AnswerTo) {
        let is_meant = |part: &PathBuf| parts.contains(part);
        let mut jobs = Vec::new();
        for orphan in self.orphans.iter().filter(|orphan| is_meant(&orphan.part)) {
            let Some(file) = &orphan.file else { continue };
            let new = NewJob::of(file.url.as_str(), &file.folder);
            match new.into_job(JobId::random(), unix_secs()) {
                Ok((mut job, secrets)) => {
                    job.files = vec![(**file).clone()];
                    job.place = self.queue.next_place();
                    jobs.push((job, secrets, "taking up what was left behind".to_owned()));
                }
                Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
            }
        }
        let is_adopted =
            |part: &PathBuf| jobs.iter().any(|(job, ..)| job.files[0].part_path().as_ref() == Some(part));
        Arc::make_mut(&mut self.orphans).retain(|orphan| !is_adopted(&orphan.part));
        let records = jobs.iter().map(|(job, ..)| Record::Job(Arc::new(job.clone()))).collect();
        self.save(records, AfterSave::Add(jobs, answer));
    }

    pub(super) fn delete_orphans(&mut self, parts: Vec<PathBuf>, answer: AnswerTo) {
        let known: Vec<PathBuf> =
            parts.into_iter().filter(|part| self.orphans.iter().any(|orphan| orphan.part == *part)).collect();
        Arc::make_mut(&mut self.orphans).retain(|orphan| !known.contains(&orphan.part));
        let waker = self.border.waker();
        self.chores.spawn(async move {
            let deleted = tokio::task::spawn_blocking(move || {
                known.iter().try_for_each(|part| {
                    std::fs::remove_file(part).map_err(|error| {
                        Fault::new(FaultKind::DiskFailed, format!("{}: {error}", part.display()))
                    })
                })
            });
            let result = deleted.await.unwrap_or(Ok(()));
            // Whoever asked may have stopped waiting.
            let _ = answer.send(result.map(|()| Reply::Done).map_err(Refusal::Fault));
            waker();
            Chore::Answered
        });
    }
}
