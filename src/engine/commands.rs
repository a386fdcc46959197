//! What each command does to the jobs.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::way_of;
use super::core::{AfterSave, AnswerTo, Chore, Core, unix_secs};
use super::runs::access_of;
use super::{Change, Command, Envelope, Refusal, Reply, SettingView};
use crate::job::{
    Cause, Event, Job, JobId, JobState, NewFile, NewJob, Proxy, StartMode, address, check_name,
};
use crate::queue::Refused;
use crate::store::Record;
use crate::transfer;

impl Core {
    /// Carries out a command, or begins to.
    pub(super) fn take_in(&mut self, envelope: Envelope) {
        if self.closing {
            return self.border.answer(envelope.answer, Err(Refusal::Stopping));
        }
        let Some(Envelope { command, answer }) = self.waits_for_keyring(envelope) else { return };
        match command {
            Command::Add(new) => self.add(new, answer),
            Command::Fetch(new) => self.fetch(new, answer),
            Command::Probe(new) => self.probe(new, answer),
            Command::Change(ids, change) => self.change(&ids, &change, answer),
            Command::SetLogin(id, login) => {
                let reply = self.set_login(id, login);
                let records = self.carry_out();
                self.save(records, AfterSave::Answer(answer, reply));
            }
            Command::SetLimit(limit) => {
                self.settings.limit = limit;
                self.keep_settings(answer);
            }
            Command::SetPaused(paused) => {
                self.settings.paused = paused;
                self.keep_settings(answer);
            }
            Command::SetSlow(slow) => {
                self.settings.slow = slow;
                self.keep_settings(answer);
            }
            Command::SetDownloadFolder(folder) => {
                self.settings.download_folder = Some(folder);
                self.next_look_at_disk = Instant::now();
                self.look_at_disk();
                self.keep_settings(answer);
            }
            Command::Set(key, value) => self.set(&key, &value, answer),
            Command::Settings => {
                let list = self.settings.list().into_iter();
                let views = list.map(|setting| SettingView {
                    key: setting.key.to_owned(),
                    value: setting.value,
                    about: setting.about.to_owned(),
                });
                let reply = Reply::Settings(views.collect());
                self.border.answer(answer, Ok(reply));
            }
            Command::Log(job, most) => self.read_log(job, most, answer),
            Command::Adopt(parts) => self.adopt(&parts, answer),
            Command::DeleteOrphans(parts) => self.delete_orphans(parts, answer),
        }
    }

    fn keep_settings(&mut self, answer: AnswerTo) {
        self.heed_settings();
        self.save_settings(answer, Reply::Done);
    }

    fn set(&mut self, key: &str, value: &str, answer: AnswerTo) {
        if let Err(error) = self.settings.set(key, value) {
            return self.border.answer(answer, Err(Refusal::Wrong(error.to_string())));
        }
        if key.trim().eq_ignore_ascii_case("proxy") {
            // The settings have it without its login, which goes into no file.
            self.keep_proxy_login(Proxy::read(value).ok().and_then(|(_, login)| login));
        }
        if key.trim().eq_ignore_ascii_case("keyring") {
            self.heed_keyring();
        }
        let value = self.settings.get(key).unwrap_or_default();
        self.heed_settings();
        self.save_settings(answer, Reply::Setting(value));
    }

    /// Whether transfers are switched off; then that is noted and answered.
    fn is_disabled(&mut self, what: impl FnOnce() -> String) -> bool {
        let disabled = self.settings.start_mode == StartMode::Disabled;
        if disabled {
            self.log(Cause::User, Event::Disabled { what: what() });
        }
        disabled
    }

    fn add(&mut self, new: Vec<NewJob>, answer: AnswerTo) {
        let mut jobs = Vec::with_capacity(new.len());
        for new in new {
            let asked_by = new.asked_by.clone();
            match new.into_job(JobId::random(), unix_secs()) {
                Ok((job, secrets)) => jobs.push((job, secrets, asked_by)),
                Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
            }
        }
        let names = || jobs.iter().map(|(job, ..)| job.display_name()).collect::<Vec<_>>().join(", ");
        if self.is_disabled(|| format!("add {}", names())) {
            return self.border.answer(answer, Err(Refusal::Disabled));
        }
        for (job, ..) in &mut jobs {
            job.place = self.queue.next_place();
        }
        let records = jobs.iter().map(|(job, ..)| Record::Job(Arc::new(job.clone()))).collect();
        self.save(records, AfterSave::Add(jobs, answer));
    }

    fn fetch(&mut self, new: NewJob, answer: AnswerTo) {
        let (job, secrets) = match new.clone().into_job(JobId::random(), unix_secs()) {
            Ok(made) => made,
            Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
        };
        let is_same = |old: &Job| {
            !old.state.is_final()
                && old.files.len() == job.files.len()
                && old.files.iter().zip(&job.files).all(|(old, new)| {
                    (&old.url, &old.folder, &old.asked_name) == (&new.url, &new.folder, &new.asked_name)
                })
        };
        let Some(id) = self.queue.jobs().find(|old| is_same(old)).map(|old| old.id) else {
            return self.add(vec![new], answer);
        };
        if self.is_disabled(|| format!("fetch {}", job.display_name())) {
            return self.border.answer(answer, Err(Refusal::Disabled));
        }
        self.keep_secrets(id, secrets);
        let now = self.now();
        let result = self.queue.take_over(id, &job, now);
        self.heed_caps(id);
        self.finish_change(id, result, Reply::Added(vec![id]), answer);
    }

    fn finish_change(&mut self, id: JobId, result: Result<(), Refused>, reply: Reply, answer: AnswerTo) {
        let reply = result.map(|()| reply).map_err(|refused| self.refusal(id, &refused));
        let records = self.carry_out();
        self.save(records, AfterSave::Answer(answer, reply));
    }

    fn probe(&mut self, new: NewJob, answer: AnswerTo) {
        let (job, secrets) = match new.into_job(JobId::random(), unix_secs()) {
            Ok(made) => made,
            Err(fault) => return self.border.answer(answer, Err(Refusal::Fault(fault))),
        };
        let way = way_of(&job, &self.settings, secrets.proxy_login.as_ref(), self.proxy_login.as_ref());
        let clients = self.clients.clone();
        let memory = Arc::new(transfer::Memory::with_cookies(&secrets.cookies));
        let access = access_of(&job, &job.files[0], &secrets, memory, &self.settings);
        self.chores.spawn(async move {
            let found = match clients.get(way).await {
                Ok(client) => transfer::probe(&client, &job.files[0], &access).await,
                Err(fault) => Err(fault),
            };
            Chore::Probed(answer, found)
        });
    }

    fn change(&mut self, ids: &[JobId], change: &Change, answer: AnswerTo) {
        let mut result = Ok(Reply::Done);
        if let Change::Move(to) = change {
            // All together, so that their own order stays.
            if let Err(refused) = self.queue.move_jobs(ids, *to) {
                let id = ids.iter().copied().find(|id| self.queue.job(*id).is_none());
                result = Err(self.refusal(id.or(ids.first().copied()).unwrap_or(JobId::random()), &refused));
            }
        } else {
            for id in ids {
                if let Err(refusal) = self.change_one(*id, change) {
                    result = result.and(Err(refusal));
                }
            }
        }
        let records = self.carry_out();
        self.save(records, AfterSave::Answer(answer, result));
    }

    pub(super) fn change_one(&mut self, id: JobId, change: &Change) -> Result<(), Refusal> {
        let now = self.now();
        let goes_on = matches!(change, Change::Resume | Change::RetryFile(_) | Change::StartOver(_));
        let disabled = self.settings.start_mode == StartMode::Disabled;
        if goes_on && disabled {
            let name = self.queue.job(id).map(|job| job.display_name()).unwrap_or_default();
            self.is_disabled(|| format!("resume {name}"));
            return Err(Refusal::Disabled);
        }
        if goes_on {
            self.secrets.may_be_asked_again();
        }
        let needs_secrets = self.queue.job(id).is_some_and(|job| job.needs_secrets);
        let queue = &mut self.queue;
        let done = match change {
            Change::Resume => queue.resume(id, now),
            Change::Suspend => queue.suspend(id, now),
            Change::Cancel => queue.cancel(id, now),
            Change::Complete => queue.complete(id, now),
            Change::Remove => queue.remove_job(id, now),
            Change::SetPriority(priority) => queue.set_priority(id, *priority, now),
            Change::SetLimit(limit) => queue.set_limit(id, *limit, now),
            Change::SetName(name) => queue.set_name(id, name, now),
            Change::SetFilesAtOnce(files_at_once) => queue.set_files_at_once(id, *files_at_once, now),
            Change::SetHoldFinished(hold_finished) => queue.set_hold_finished(id, *hold_finished, now),
            Change::SetFinish(finish) => queue.set_finish(id, finish.clone(), now),
            Change::Move(to) => queue.move_jobs(&[id], *to),
            Change::AddFiles(files) => return self.add_files(id, files),
            Change::LeaveOutFile(file) => queue.leave_out_file(id, *file, now),
            Change::RetryFile(file) => queue.retry_file(id, *file, now),
            Change::SetFileAddress(file, address) => return self.set_file_address(id, *file, address),
            Change::StartOver(file) => queue.start_over(id, *file, now),
            Change::SetFolder(folder) if folder.is_absolute() => queue.set_folder(id, folder, now),
            Change::SetFolder(folder) => {
                let folder = folder.display();
                let sentence =
                    format!("“{folder}” is no whole path. You can name a folder that starts with /.");
                return Err(Refusal::Wrong(sentence));
            }
            Change::SetFileName(file, name) => {
                check_name(name).map_err(Refusal::Fault)?;
                queue.set_file_name(id, *file, name, now)
            }
            Change::SetClash(file, clash) => queue.set_clash(id, *file, *clash, now),
            Change::SetExpected(file, expected) => {
                let expected = expected.as_deref().map(str::parse).transpose().map_err(Refusal::Fault)?;
                queue.set_expected(id, *file, expected, now)
            }
            Change::SetConnections(connections) => queue.set_connections(id, *connections, now),
        };
        done.map_err(|refused| self.refusal(id, &refused))?;
        if needs_secrets && matches!(change, Change::Remove) {
            self.forget_secrets(id);
        }
        match change {
            Change::SetPriority(_) | Change::SetLimit(_) => self.heed_caps(id),
            Change::SetConnections(_) => self.heed_connections(id),
            Change::Resume | Change::Cancel | Change::Complete | Change::Remove => self.withdraw_notice(id),
            _ => {}
        }
        Ok(())
    }

    /// A job's caps are others now: its transfers heed them at once.
    fn heed_caps(&mut self, id: JobId) {
        let Some(job) = self.queue.job(id) else { return };
        let Some(live) = self.views.live(id) else { return };
        if live.own.rate() != job.limit {
            live.own.set_rate(job.limit);
        }
        for pace in live.paces() {
            pace.set(self.caps.of(job.priority, &live.own), job.priority);
        }
    }

    /// A job may use more connections now, or fewer: its transfers heed that as they go on.
    fn heed_connections(&self, id: JobId) {
        let Some(job) = self.queue.job(id) else { return };
        for meter in self.views.live(id).into_iter().flat_map(super::views::Live::meters) {
            meter.set_connections(job.connections);
        }
    }

    fn add_files(&mut self, id: JobId, new: &[NewFile]) -> Result<(), Refusal> {
        let job = self.queue.job(id).ok_or(Refusal::NoSuchJob(id))?;
        let folder = job.files.first().map(|file| file.folder.clone()).unwrap_or_default();
        let mut secrets = self.secrets.of(id).cloned().unwrap_or_default();
        let mut files = Vec::with_capacity(new.len());
        for new in new {
            let (file, login) = new.clone().into_file(&folder).map_err(Refusal::Fault)?;
            secrets.take_login(&file.url, login).map_err(Refusal::Fault)?;
            files.push(file);
        }
        let now = self.now();
        self.queue.add_files(id, files, now).map_err(|refused| self.refusal(id, &refused))?;
        self.keep_other_secrets(id, secrets);
        Ok(())
    }

    fn set_file_address(&mut self, id: JobId, file: usize, text: &str) -> Result<(), Refusal> {
        let (url, login) = address(text).map_err(Refusal::Fault)?;
        let mut secrets = self.secrets.of(id).cloned().unwrap_or_default();
        if self.queue.job(id).is_some_and(|job| job.files.len() == 1) {
            // The login for the old address is none for the new one.
            secrets.logins.clear();
        }
        secrets.take_login(&url, login).map_err(Refusal::Fault)?;
        let now = self.now();
        self.queue.set_file_address(id, file, url, now).map_err(|refused| self.refusal(id, &refused))?;
        self.keep_other_secrets(id, secrets);
        Ok(())
    }

    pub(super) fn refusal(&self, id: JobId, refused: &Refused) -> Refusal {
        let job = self.queue.job(id);
        let name = job.map(|job| job.display_name()).unwrap_or_default();
        match refused {
            Refused::NoSuchJob => Refusal::NoSuchJob(id),
            Refused::WrongState => {
                let state = job.map_or("gone", |job| match job.state {
                    JobState::Acknowledged => "finished",
                    _ => job.state.word(),
                });
                Refusal::WrongState { name, state: state.into() }
            }
            Refused::NoSuchFile => Refusal::Wrong(format!(
                "“{name}” has no unfinished file of that number. You can see its files with “meanwhile show {}”.",
                id.short()
            )),
            Refused::LastFile => Refusal::Wrong(format!(
                "This is the last file of “{name}”: without it nothing would be left to fetch. You can cancel or remove \
                 the download instead."
            )),
        }
    }

    fn read_log(&mut self, job: Option<JobId>, most: usize, answer: AnswerTo) {
        let read = self.saver.read_log(job, most);
        let waker = self.border.waker();
        self.chores.spawn(async move {
            let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.to_string()));
            // Whoever asked may have stopped waiting.
            let _ = answer.send(read.map(Reply::Log).map_err(Refusal::NotSaved));
            waker();
            Chore::Answered
        });
    }
}
