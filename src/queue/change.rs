//! What the user asks of a job (bits.md 1.3).

use std::sync::Arc;

use url::Url;

use super::book::{GAP, Queue};
use super::terms::{Effect, Now, Refused};
use crate::job::{
    AtEnd, Cause, Event, FinishCommand, Job, JobEvent, JobFile, JobId, JobState, Priority, Rate, To, Trouble,
    Wanted,
};

/// How much room there is between two places that were given anew, so that not every move gives new ones again.
const ROOM: u64 = 1 << 10;

/// The answer to what the user asks for.
pub(super) type Answer = Result<(), Refused>;

impl Queue {
    /// Goes on with a job, at once if it waited or had failed.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn resume(&mut self, id: JobId, now: Now) -> Answer {
        let before = self.known(id)?.state.clone();
        if before.is_final() {
            return Err(Refused::WrongState);
        }
        if before == JobState::Transferred {
            return Ok(());
        }
        let Some(entry) = self.entries.get_mut(&id) else { return Err(Refused::NoSuchJob) };
        entry.asked = true;
        entry.retries.clear();
        entry.stop_clocks(now);
        entry.forget_faults();
        entry.active = std::time::Duration::ZERO;
        let job = entry.job_mut();
        job.active_secs = 0;
        job.at_end = AtEnd::default();
        job.wanted = Wanted::Transfer;
        job.ended_unix_secs = None;
        for file in job.files.iter_mut().filter(|file| !file.is_left_out()) {
            file.trouble = None;
        }
        entry.start_clocks(now);
        if !matches!(&before, JobState::Waiting(waiting) if waiting.why.is_condition()) {
            self.apply(id, &JobEvent::Resume, Cause::User, now);
        }
        self.enter(id, now);
        self.settle(id, now);
        if matches!(before, JobState::Suspended | JobState::Error(_) | JobState::Waiting(_)) {
            self.log(id, Cause::User, Event::Resumed, now);
        }
        self.changed_by_user(id, now);
        Ok(())
    }

    /// Holds a job.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn suspend(&mut self, id: JobId, now: Now) -> Answer {
        let before = self.known(id)?.state.clone();
        if !self.apply(id, &JobEvent::Suspend, Cause::User, now) {
            return Err(Refused::WrongState);
        }
        if self.known(id)?.state != before {
            self.want(id, Wanted::Suspend);
            self.log(id, Cause::User, Event::Suspended, now);
            self.changed_by_user(id, now);
        }
        Ok(())
    }

    /// Gives a job up; what is finished of it stays.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn cancel(&mut self, id: JobId, now: Now) -> Answer {
        self.known(id)?;
        if !self.apply(id, &JobEvent::Cancel, Cause::User, now) {
            return Err(Refused::WrongState);
        }
        self.end(id, Wanted::Cancel, now);
        self.log(id, Cause::User, Event::Cancelled, now);
        Ok(())
    }

    /// Accepts what is finished of a job and gives up the rest.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn complete(&mut self, id: JobId, now: Now) -> Answer {
        if self.known(id)?.state.is_final() {
            return Err(Refused::WrongState);
        }
        self.accept(id, Wanted::Complete, Cause::User, now);
        self.end(id, Wanted::Complete, now);
        Ok(())
    }

    /// Takes a job off the list; one that is not final is cancelled first.
    ///
    /// # Errors
    /// It is not there.
    pub fn remove_job(&mut self, id: JobId, now: Now) -> Answer {
        self.known(id)?;
        if self.apply(id, &JobEvent::Cancel, Cause::User, now) {
            self.log(id, Cause::User, Event::Cancelled, now);
        }
        self.end(id, Wanted::Remove, now);
        Ok(())
    }

    fn end(&mut self, id: JobId, wanted: Wanted, now: Now) {
        self.want(id, wanted);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.job_mut().ended_unix_secs.get_or_insert(now.unix_secs);
        }
        self.changed_by_user(id, now);
        self.clean_up(id);
    }

    /// Another priority.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_priority(&mut self, id: JobId, priority: Priority, now: Now) -> Answer {
        self.change(id, now, |job| job.priority = priority)?;
        self.set_line(id);
        self.turns_due = true;
        self.reconsider(id, now);
        self.log(id, Cause::User, Event::Changed { what: format!("Priority: {priority}") }, now);
        Ok(())
    }

    /// Another cap of its own.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_limit(&mut self, id: JobId, limit: Option<Rate>, now: Now) -> Answer {
        self.change(id, now, |job| job.limit = limit)?;
        let what = limit.map_or_else(|| "Cap: none".to_owned(), |limit| format!("Cap: {limit}"));
        self.log(id, Cause::User, Event::Changed { what }, now);
        Ok(())
    }

    /// Another name; an empty one is that of its first file.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_name(&mut self, id: JobId, name: &str, now: Now) -> Answer {
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        self.change(id, now, |job| job.name = name)?;
        let name = self.known(id)?.display_name();
        self.log(id, Cause::User, Event::Changed { what: format!("Name: {name}") }, now);
        Ok(())
    }

    /// Fetches that many of its files at once.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_files_at_once(&mut self, id: JobId, files_at_once: u8, now: Now) -> Answer {
        let files_at_once = files_at_once.max(1);
        self.change(id, now, |job| job.files_at_once = files_at_once)?;
        self.turns_due = true;
        self.log(id, Cause::User, Event::Changed { what: format!("Files at once: {files_at_once}") }, now);
        Ok(())
    }

    /// Whether it waits for the user when it is whole. One that waits for that is accepted by switching it off.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_hold_finished(&mut self, id: JobId, hold_finished: bool, now: Now) -> Answer {
        self.change(id, now, |job| job.hold_finished = hold_finished)?;
        let what = if hold_finished {
            "It waits to be accepted when it is whole"
        } else {
            "It is accepted when it is whole"
        };
        self.log(id, Cause::User, Event::Changed { what: what.to_owned() }, now);
        if !hold_finished && self.known(id)?.state == JobState::Transferred {
            self.accept(id, Wanted::Transfer, Cause::User, now);
        }
        Ok(())
    }

    /// What is run when it has come to its end. It is noted in the log (bits.md 9.5, event 6).
    ///
    /// # Errors
    /// It is not there.
    pub fn set_finish(&mut self, id: JobId, finish: Option<FinishCommand>, now: Now) -> Answer {
        let command = finish.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        self.change(id, now, |job| job.finish = finish.map(Box::new))?;
        self.log(id, Cause::User, Event::ProgramSet { command }, now);
        Ok(())
    }

    /// Puts jobs at another place in the user's order; their own order stays.
    ///
    /// # Errors
    /// One of them, or the one they are to stand beside, is not there; then nothing has changed.
    pub fn move_jobs(&mut self, ids: &[JobId], to: To) -> Answer {
        let beside = match to {
            To::Before(id) | To::After(id) => Some(id),
            To::First | To::Last => None,
        };
        for id in ids.iter().copied().chain(beside) {
            self.known(id)?;
        }
        // Beside one of themselves they stay together where that one stands.
        let moved: Vec<JobId> = ids.iter().copied().filter(|id| Some(*id) != beside).collect();
        let mut rest: Vec<JobId> = Vec::new();
        for id in &moved {
            if let Some(entry) = self.entries.get(id) {
                self.order.remove(&entry.job.place);
            }
        }
        let (before, after) = match to {
            To::First => (0, self.order.keys().next().copied()),
            To::Last => (self.order.keys().next_back().copied().unwrap_or_default(), None),
            To::Before(id) => {
                let place = self.known(id)?.place;
                (self.order.range(..place).next_back().map_or(0, |(place, _)| *place), Some(place))
            }
            To::After(id) => {
                let place = self.known(id)?.place;
                (place, self.order.range(place + 1..).next().map(|(place, _)| *place))
            }
        };
        let room = |after: u64, jobs: usize| (after - before) / (jobs as u64 + 1);
        let mut end = after;
        let is_full = end.is_some_and(|after| room(after, moved.len()) == 0);
        // No room between the two: as many behind get new places as it takes to have room for the next ones too.
        while let Some(place) = end
            && is_full
            && room(place, moved.len() + rest.len()) < ROOM
        {
            rest.extend(self.order.remove(&place));
            end = self.order.range(place..).next().map(|(place, _)| *place);
        }
        let step = end.map_or(GAP, |end| room(end, moved.len() + rest.len()));
        for (id, number) in moved.iter().chain(&rest).zip(1..) {
            self.set_place(*id, before + step * number);
        }
        self.turns_due = true;
        Ok(())
    }

    fn set_place(&mut self, id: JobId, place: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.job_mut().place = place;
        self.order.insert(place, id);
        self.note_place(place);
        self.set_line(id);
        self.effects.push(Effect::Save(id));
    }

    /// More files. They are fetched after those it has, even if it had come to its end.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn add_files(&mut self, id: JobId, files: Vec<JobFile>, now: Now) -> Answer {
        let from = self.known(id)?.files.len();
        if self.known(id)?.state.is_final() {
            return Err(Refused::WrongState);
        }
        self.change(id, now, |job| {
            job.files.extend(files);
            job.ended_unix_secs = None;
        })?;
        self.log_files(id, from, now);
        if !matches!(&self.known(id)?.state, JobState::Waiting(waiting) if waiting.why.is_condition()) {
            self.apply(id, &JobEvent::AddFiles, Cause::User, now);
        }
        self.turns_due = true;
        Ok(())
    }

    /// Leaves a file out: the job is whole without it.
    ///
    /// # Errors
    /// It is finished, the last one, or not there; or the job is final.
    pub fn leave_out_file(&mut self, id: JobId, file: usize, now: Now) -> Answer {
        self.unfinished(id, file)?;
        if self.known(id)?.wanted_files().count() < 2 {
            return Err(Refused::LastFile);
        }
        self.stop_runs(id, |running| running == file);
        self.change(id, now, |job| job.files[file].trouble = Some(Trouble::LeftOut))?;
        self.forget_retry(id, file);
        let name = self.known(id)?.files[file].display_name();
        self.log(
            id,
            Cause::User,
            Event::Changed { what: format!("File {}, {name}, is left out", file + 1) },
            now,
        );
        self.settle(id, now);
        self.clean_up(id);
        self.turns_due = true;
        Ok(())
    }

    /// Tries a file again now: one that failed, waits, or was left out.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final.
    pub fn retry_file(&mut self, id: JobId, file: usize, now: Now) -> Answer {
        self.unfinished(id, file)?;
        let what = format!("File {} is tried again", file + 1);
        self.log(id, Cause::User, Event::Changed { what }, now);
        self.try_again(id, file, now)
    }

    /// Nothing that went wrong with a file counts any more.
    pub(super) fn try_again(&mut self, id: JobId, file: usize, now: Now) -> Answer {
        self.change(id, now, |job| {
            job.files[file].trouble = None;
            job.files[file].faults_in_a_row = 0;
            job.ended_unix_secs = None;
        })?;
        self.forget_retry(id, file);
        match &self.known(id)?.state {
            JobState::Error(_) => {
                self.apply(id, &JobEvent::Resume, Cause::User, now);
            }
            JobState::Transferred => {
                self.apply(id, &JobEvent::AddFiles, Cause::User, now);
            }
            _ => {}
        }
        self.settle(id, now);
        self.turns_due = true;
        Ok(())
    }

    /// Fetches a file from another address; what is there is kept for as long as the proof holds.
    ///
    /// # Errors
    /// It is finished or not there; or the job is final.
    pub fn set_file_address(&mut self, id: JobId, file: usize, url: Url, now: Now) -> Answer {
        self.unfinished(id, file)?;
        self.stop_runs(id, |running| running == file);
        let mut what = format!("File {} comes from {url}", file + 1);
        self.change(id, now, |job| job.files[file].readdress(url))?;
        let job = self.known(id)?;
        if job.files[file].secrets_for.is_some() && job.headers.iter().any(|header| header.value.is_none()) {
            what.push_str("; its secret headers do not go there");
        }
        self.log(id, Cause::User, Event::Changed { what }, now);
        if self.known(id)?.files[file].is_left_out() {
            return Ok(());
        }
        self.retry_file(id, file, now)
    }

    /// Whether its requests need secrets that are in no file; `why` is for the log.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn set_needs_secrets(&mut self, id: JobId, needs: bool, why: Option<Event>, now: Now) -> Answer {
        if self.known(id)?.state.is_final() {
            return Err(Refused::WrongState);
        }
        self.change(id, now, |job| job.needs_secrets = needs)?;
        if let Some(why) = why {
            self.log(id, Cause::User, why, now);
        }
        Ok(())
    }

    /// Another download of the same file is asked for: the job takes over how it is to be fetched.
    ///
    /// # Errors
    /// It is final, or not there.
    pub fn take_over(&mut self, id: JobId, wanted: &Job, now: Now) -> Answer {
        if self.known(id)?.state.is_final() {
            return Err(Refused::WrongState);
        }
        self.change(id, now, |job| {
            job.priority = wanted.priority;
            job.limit = wanted.limit;
            job.headers.clone_from(&wanted.headers);
            job.needs_secrets = wanted.needs_secrets;
            job.route.clone_from(&wanted.route);
            job.hold_finished = wanted.hold_finished;
            if wanted.finish.is_some() {
                job.finish.clone_from(&wanted.finish);
            }
            if let (Some(file), Some(other)) = (job.files.first_mut(), wanted.files.first()) {
                // Its headers were given for the address it has now.
                file.secrets_for = None;
                if other.expected.is_some() {
                    file.expected.clone_from(&other.expected);
                }
            }
        })?;
        self.set_line(id);
        // What held it back may not hold back one of its new priority.
        self.reconsider(id, now);
        self.resume(id, now)
    }

    pub(super) fn known(&self, id: JobId) -> Result<&Arc<Job>, Refused> {
        // One that is on its way out is not there for the user any more.
        self.job(id).filter(|job| job.wanted != Wanted::Remove).ok_or(Refused::NoSuchJob)
    }

    pub(super) fn unfinished(&self, id: JobId, file: usize) -> Answer {
        let job = self.known(id)?;
        if job.state.is_final() {
            return Err(Refused::WrongState);
        }
        job.files.get(file).filter(|file| !file.finished).map(|_| ()).ok_or(Refused::NoSuchFile)
    }

    fn forget_retry(&mut self, id: JobId, file: usize) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.retries.retain(|(of, _)| *of != file);
        }
        self.set_timer(id);
    }

    fn want(&mut self, id: JobId, wanted: Wanted) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.job_mut().wanted = wanted;
        }
    }

    pub(super) fn change(&mut self, id: JobId, now: Now, change: impl FnOnce(&mut Job)) -> Answer {
        self.known(id)?;
        if let Some(entry) = self.entries.get_mut(&id) {
            change(entry.job_mut());
        }
        self.changed_by_user(id, now);
        Ok(())
    }

    fn changed_by_user(&mut self, id: JobId, now: Now) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.job_mut().modified_unix_secs = now.unix_secs;
        }
        self.effects.push(Effect::Save(id));
    }
}
