//! The secrets of jobs: in memory while they are needed, and in the desktop's keyring where there is an open one, so that
//! they survive a restart. Never in a file.

use std::collections::{HashMap, HashSet};

use tokio::task::JoinSet;

use super::core::{Chore, Core};
use super::{Change, Command, Envelope, Refusal, Reply};
use crate::job::{Event, JobFile, JobId, Login, Proxy, Secrets};
use crate::queue::End;
use crate::session::{Keyring, SessionBus};
use crate::transfer;

/// What the login for the proxy of the settings is kept for.
const PROXY: &str = "proxy";

/// What is known and what is not.
pub(super) struct Known {
    of_jobs: HashMap<JobId, Secrets>,
    /// Jobs whose secrets nobody needs any more.
    forgotten: HashSet<JobId>,
    keyring: Keyring,
    serving: JoinSet<()>,
    asked: Asked,
    /// What waits for what the keyring has: runs, and commands.
    runs: Vec<(JobId, usize)>,
    commands: Vec<Envelope>,
}

/// Whether the keyring was asked for what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Now,
    /// There was none that is open. It is not asked again by itself, only when the user wants something tried again.
    InVain,
    Done,
}

impl Known {
    /// Nothing is known yet; `owner` is whose secrets they are.
    pub(super) fn new(owner: String) -> Self {
        Self {
            of_jobs: HashMap::new(),
            forgotten: HashSet::new(),
            keyring: Keyring::new(SessionBus::OfTheUser, owner),
            serving: JoinSet::new(),
            asked: Asked::No,
            runs: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// The user wants something tried again: the keyring may be open by now.
    pub(super) fn may_be_asked_again(&mut self) {
        if self.asked == Asked::InVain {
            self.asked = Asked::No;
        }
    }

    pub(super) fn of(&self, id: JobId) -> Option<&Secrets> {
        self.of_jobs.get(&id)
    }

    /// The keyring, which is at work from then on.
    fn keyring(&mut self) -> &Keyring {
        if self.serving.is_empty() {
            self.serving.spawn(self.keyring.clone().serve());
        }
        &self.keyring
    }

    /// What there is for the keyring is done, and then no more.
    pub(super) fn close(&self) {
        self.keyring.close();
    }

    /// Whether the keyring has been told everything, once it is closed.
    pub(super) fn is_settled(&self) -> bool {
        self.serving.is_empty()
    }

    /// Waits until it has; for ever while there is nothing to wait for.
    pub(super) async fn settled(&mut self) {
        if self.serving.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Core {
    /// These are the secrets of a job now.
    pub(super) fn keep_secrets(&mut self, id: JobId, secrets: Secrets) {
        // The next request begins with what is known now.
        self.memories.remove(&id);
        if secrets.is_empty() {
            return self.forget_secrets(id);
        }
        self.secrets.forgotten.remove(&id);
        if self.settings.keyring {
            let name = self.queue.job(id).map(|job| job.display_name()).unwrap_or_default();
            self.secrets.keyring().keep(id.to_string(), format!("Meanwhile: {name}"), secrets.to_text());
        }
        self.secrets.of_jobs.insert(id, secrets);
    }

    /// The same, where the job may have had none or have none any more.
    pub(super) fn keep_other_secrets(&mut self, id: JobId, secrets: Secrets) {
        let needs = !secrets.is_empty();
        if self.queue.job(id).is_some_and(|job| job.needs_secrets != needs) {
            let now = self.now();
            // It was there a moment ago, and unfinished.
            let _ = self.queue.set_needs_secrets(id, needs, None, now);
        }
        self.keep_secrets(id, secrets);
    }

    /// Nobody needs the secrets of a job any more.
    pub(super) fn forget_secrets(&mut self, id: JobId) {
        self.memories.remove(&id);
        let known = self.secrets.of_jobs.remove(&id).is_some();
        let needs = self.queue.job(id).is_some_and(|job| job.needs_secrets);
        if self.settings.keyring && (known || needs) && self.secrets.forgotten.insert(id) {
            self.secrets.keyring().forget(id.to_string());
        }
    }

    /// The login for the proxy of the settings is this one now.
    pub(super) fn keep_proxy_login(&mut self, login: Option<Login>) {
        if self.settings.keyring {
            match login.as_ref().map(serde_json::to_string) {
                Some(Ok(text)) => self.secrets.keyring().keep(PROXY, "Meanwhile: proxy", text),
                _ if self.proxy_login.is_some() || self.secrets.asked != Asked::Done => {
                    self.secrets.keyring().forget(PROXY);
                }
                _ => {}
            }
        }
        self.proxy_login = login;
    }

    /// The setting for the keyring is another one now: what is known goes in or comes out.
    pub(super) fn heed_keyring(&mut self) {
        if self.settings.keyring {
            for (id, secrets) in std::mem::take(&mut self.secrets.of_jobs) {
                self.keep_secrets(id, secrets);
            }
            if let Some(login) = self.proxy_login.clone() {
                self.keep_proxy_login(Some(login));
            }
            return;
        }
        let ids: Vec<JobId> = self.queue.jobs().filter(|job| job.needs_secrets).map(|job| job.id).collect();
        let keyring = self.secrets.keyring();
        for id in ids {
            keyring.forget(id.to_string());
        }
        keyring.forget(PROXY);
    }

    /// Whether the keyring may have what we do not know; it is being asked from then on.
    fn asks_keyring(&mut self) -> bool {
        if self.settings.keyring && self.secrets.asked == Asked::No && !self.closing {
            self.secrets.asked = Asked::Now;
            let keyring = self.secrets.keyring.clone();
            self.chores.spawn(async move { Chore::Recalled(keyring.recall().await) });
        }
        self.secrets.asked == Asked::Now
    }

    /// Begins to ask the keyring where every transfer needs what it may have.
    pub(super) fn recall_proxy_login(&mut self) {
        if matches!(self.settings.proxy, Proxy::At(_)) && self.proxy_login.is_none() {
            self.asks_keyring();
        }
    }

    /// Whether a run has to wait for what the keyring has; it is begun then.
    pub(super) fn waits_for_secrets(&mut self, id: JobId, file: usize) -> bool {
        let Some(job) = self.queue.job(id) else { return false };
        let lacks_own = job.needs_secrets && self.secrets.of(id).is_none();
        let uses_proxy = job.route.proxy.is_none() && matches!(self.settings.proxy, Proxy::At(_));
        let waits = (lacks_own || uses_proxy && self.proxy_login.is_none()) && self.asks_keyring();
        if waits {
            self.secrets.runs.push((id, file));
        }
        waits
    }

    /// Whether a run that is to stop has not begun yet, for want of secrets; then it has stopped.
    pub(super) fn stop_waiting_for_secrets(&mut self, id: JobId, file: usize) -> bool {
        let before = self.secrets.runs.len();
        self.secrets.runs.retain(|run| *run != (id, file));
        let was_waiting = self.secrets.runs.len() < before;
        if was_waiting {
            let now = self.now();
            self.queue.ended(id, file, End::Stopped, None, now);
        }
        was_waiting
    }

    /// Nothing waits any more: the program ends.
    pub(super) fn stop_all_waiting_for_secrets(&mut self) {
        for (id, file) in self.secrets.runs.clone() {
            self.stop_waiting_for_secrets(id, file);
        }
        for envelope in std::mem::take(&mut self.secrets.commands) {
            self.border.answer(envelope.answer, Err(Refusal::Stopping));
        }
    }

    /// A command that adds to secrets we may not know waits until we do.
    pub(super) fn waits_for_keyring(&mut self, envelope: Envelope) -> Option<Envelope> {
        let ids: &[JobId] = match &envelope.command {
            Command::SetLogin(id, _) => std::slice::from_ref(id),
            Command::Change(ids, Change::AddFiles(_) | Change::SetFileAddress(..)) => ids,
            _ => &[],
        };
        let is_unknown = |id: &JobId| {
            self.secrets.of(*id).is_none() && self.queue.job(*id).is_some_and(|job| job.needs_secrets)
        };
        if ids.iter().any(is_unknown) && self.asks_keyring() {
            self.secrets.commands.push(envelope);
            return None;
        }
        Some(envelope)
    }

    /// The keyring has said what it has.
    pub(super) fn recalled(&mut self, found: Option<HashMap<String, String>>) {
        self.secrets.asked = if found.is_some() { Asked::Done } else { Asked::InVain };
        let mut found = found.unwrap_or_default();
        if let Some(text) = found.remove(PROXY).filter(|_| self.proxy_login.is_none()) {
            self.proxy_login = serde_json::from_str(&text).ok();
        }
        for (thing, text) in found {
            let Ok(id) = thing.parse::<JobId>() else { continue };
            match self.queue.job(id) {
                Some(job) if !job.state.is_final() => {
                    if let Some(secrets) = Secrets::of_text(&text) {
                        self.secrets.of_jobs.entry(id).or_insert(secrets);
                    }
                }
                // It ended while no keyring was open, or with another program's help.
                _ => self.secrets.keyring().forget(thing),
            }
        }
        if self.closing {
            return;
        }
        for (id, file) in std::mem::take(&mut self.secrets.runs) {
            self.start_run(id, file);
        }
        for envelope in std::mem::take(&mut self.secrets.commands) {
            self.take_in(envelope);
        }
    }

    /// Gives a job the login it stopped for want of, and tries it again.
    pub(super) fn set_login(&mut self, id: JobId, login: Login) -> Result<Reply, Refusal> {
        let Some(job) = self.queue.job(id).cloned() else { return Err(Refusal::NoSuchJob(id)) };
        let asked_by = self.memories.get(&id).and_then(|memory| memory.refused_by());
        let mut secrets = self.secrets.of(id).cloned().unwrap_or_default();
        let is_of_proxy = job.wanted_files().any(JobFile::wants_proxy_login);
        let proxy = job.route.proxy.as_ref().unwrap_or(&self.settings.proxy);
        if is_of_proxy && !matches!(proxy, Proxy::At(_)) {
            return Err(Refusal::Wrong(
                "The proxy that asks for a login is the one of the environment (http_proxy and the like). You can name \
                 it with its login in the setting proxy."
                    .to_owned(),
            ));
        }
        let whose = if is_of_proxy && job.route.proxy.is_none() {
            self.keep_proxy_login(Some(login));
            // Clients are made with the login they have.
            self.heed_settings();
            "the proxy of the settings".to_owned()
        } else if is_of_proxy {
            secrets.proxy_login = Some(login);
            "its proxy".to_owned()
        } else {
            let of_first = || {
                let unfinished = job.wanted_files().find(|file| !file.finished);
                unfinished.or(job.files.first()).map(|file| file.url.origin().ascii_serialization())
            };
            let server = asked_by.or_else(of_first).unwrap_or_default();
            secrets.logins.retain(|(known, _)| *known != server);
            secrets.logins.push((server.clone(), login));
            server
        };
        let now = self.now();
        let event = Event::Changed { what: format!("It has a login for {whose}") };
        self.queue
            .set_needs_secrets(id, !secrets.is_empty(), Some(event), now)
            .map_err(|refused| self.refusal(id, &refused))?;
        self.keep_secrets(id, secrets);
        self.change_one(id, &Change::Resume)?;
        Ok(Reply::Done)
    }

    /// What the requests of a job remember of its servers.
    pub(super) fn memory(&mut self, id: JobId) -> std::sync::Arc<transfer::Memory> {
        let cookies = self.secrets.of(id).map(|secrets| secrets.cookies.as_slice()).unwrap_or_default();
        let memory =
            self.memories.entry(id).or_insert_with(|| transfer::Memory::with_cookies(cookies).into());
        std::sync::Arc::clone(memory)
    }
}
