//! What becomes of the transfers: their news and how they end.

use std::path::PathBuf;
use std::time::Duration;

use super::book::Queue;
use super::retry_delay;
use super::terms::{Effect, Now};
use crate::job::{
    AtEnd, Cause, Event, Extents, Fault, FaultKind, JobEvent, JobFile, JobId, Rate, Trouble, Waiting, Wanted,
    Why,
};

/// When a full disk or a folder that is not there is looked at again.
const DISK_RETRY: Duration = Duration::from_mins(1);

/// How the transfer of a file ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It is whole and under its name.
    Finished(Box<JobFile>),
    /// It was told to stop.
    Stopped,
    /// It could not go on.
    Faulted {
        /// Why.
        fault: Fault,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
        /// From 0 to 1: moves the delay before the next try.
        chance: f64,
    },
}

impl Queue {
    /// A server answers with data.
    pub fn connected(&mut self, id: JobId, now: Now) {
        self.apply(id, &JobEvent::Connect, Cause::Transfer, now);
    }

    /// Something was decided about what is there of a file, and why.
    pub fn decided(&mut self, id: JobId, file: usize, what: &str, now: Now) {
        let files = self.job(id).map_or(1, |job| job.files.len());
        let what = if files == 1 { what.to_owned() } else { format!("File {}: {what}", file + 1) };
        self.log(id, Cause::Transfer, Event::Decided { what }, now);
    }

    /// Something was decided about all of a job's traffic, and why; for the log.
    pub fn throttled(&mut self, id: JobId, what: String, now: Now) {
        self.log(id, Cause::Transfer, Event::Decided { what }, now);
    }

    /// What a transfer is about to do with its file. Refused where it was told to stop in the meantime.
    #[must_use]
    pub fn plan(&mut self, id: JobId, file: usize, planned: JobFile) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        if !entry.running.contains(&file) {
            return false;
        }
        if let Some(of) = entry.job_mut().files.get_mut(file) {
            of.take_from(planned);
        }
        self.effects.push(Effect::SaveFile(id, file));
        true
    }

    /// These bytes of a file are on disk for certain.
    pub fn synced(&mut self, id: JobId, file: usize, synced: Extents, now: Now) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let job = entry.job_mut();
        if job.note_synced(file, synced) {
            job.modified_unix_secs = now.unix_secs;
            (entry.stuck, entry.stuck_since) = (None, None);
            self.set_timer(id);
        }
        self.effects.push(Effect::Changed(id));
    }

    /// The transfer of a file has ended, under that cap.
    pub fn ended(&mut self, id: JobId, file: usize, end: End, limit: Option<Rate>, now: Now) {
        self.turns_due = true;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let was_told = entry.stopping.contains(&file);
        entry.stopping.retain(|of| *of != file);
        entry.running.retain(|of| *of != file);
        let Some(of) = entry.job_mut().files.get_mut(file) else { return };
        let finished = matches!(end, End::Finished(_));
        match end {
            End::Finished(whole) => {
                of.take_from(*whole);
                of.trouble = None;
                of.faults_in_a_row = 0;
            }
            End::Faulted { fault, retry_after, chance } if !was_told => {
                self.take_fault(id, file, fault, retry_after, chance, limit, now);
                self.effects.push(Effect::Save(id));
                self.rest(id, now);
                return;
            }
            End::Stopped | End::Faulted { .. } => {}
        }
        let (done_bytes, total_bytes) = (of.synced_bytes(), of.total_bytes);
        let cause = if finished { Cause::Transfer } else { entry.job.cause };
        self.log(id, cause, Event::Stopped { file, finished, done_bytes, total_bytes, limit }, now);
        self.effects.push(Effect::SaveFile(id, file));
        self.rest(id, now);
    }

    fn rest(&mut self, id: JobId, now: Now) {
        self.settle(id, now);
        self.clean_up(id);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the facts of one fault; a type for them would be used once"
    )]
    fn take_fault(
        &mut self,
        id: JobId,
        file: usize,
        fault: Fault,
        retry_after: Option<Duration>,
        chance: f64,
        limit: Option<Rate>,
        now: Now,
    ) {
        let (longest_retry, no_progress) = (self.rules.longest_retry, self.rules.no_progress);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let job = entry.job_mut();
        job.faults = job.faults.saturating_add(1);
        let Some(of) = job.files.get_mut(file) else { return };
        of.faults_in_a_row = of.faults_in_a_row.saturating_add(1);
        let is_full = matches!(fault.kind, FaultKind::DiskFull | FaultKind::QuotaFull);
        let is_of_disk = is_full
            || matches!(fault.kind, FaultKind::NoFolder | FaultKind::NotWritable | FaultKind::ReadOnly);
        let delay = if is_of_disk {
            DISK_RETRY
        } else {
            retry_delay(of.faults_in_a_row, retry_after, longest_retry, chance)
        };
        let event = Event::StoppedByFault {
            file,
            fault: fault.clone(),
            done_bytes: of.synced_bytes(),
            total_bytes: of.total_bytes,
            limit,
        };
        // BITS: a delay longer than the time without progress that is allowed makes the fault final.
        if fault.is_transient() && (is_of_disk || delay <= no_progress) {
            let why = match () {
                () if is_full => Why::DiskFull(fault),
                () if is_of_disk => Why::Folder(fault),
                () => Why::BackOff(fault),
            };
            let until_unix_secs = Some(now.unix_secs + delay.as_secs());
            of.trouble = Some(Trouble::Waiting(Waiting { why, until_unix_secs }));
            entry.retries.push((file, now.monotonic + delay));
            entry.begin_stuck(now);
        } else {
            of.trouble = Some(Trouble::Failed(fault));
        }
        self.set_timer(id);
        self.log(id, Cause::Fault, event, now);
    }

    /// Something that was to be done because a job had come to its end is done, or has been tried.
    pub fn set_at_end(&mut self, id: JobId, at_end: AtEnd) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.job.at_end != at_end {
            entry.job_mut().at_end = at_end;
            self.effects.push(Effect::Save(id));
        }
    }

    /// These unfinished files of a job are deleted.
    pub fn cleaned(&mut self, id: JobId, parts: &[PathBuf]) {
        for part in parts {
            self.deleting.remove(part);
        }
        self.turns_due = true;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        for file in &mut entry.job_mut().files {
            if !file.finished && file.part_paths().any(|part| parts.contains(&part)) {
                file.part = None;
                file.moved_from = Box::default();
                file.synced = Extents::default();
                file.attempt = file.attempt.wrapping_add(1);
            }
        }
        let is_leaving = entry.job.wanted == Wanted::Remove;
        self.effects.push(if is_leaving { Effect::Changed(id) } else { Effect::Save(id) });
        self.clean_up(id);
    }
}
