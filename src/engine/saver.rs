//! The thread that writes the queue and the settings, so that a slow disk holds nobody up.
//!
//! What is asked for while it writes is put on disk together, with one sync.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::StartError;
use crate::job::{Job, JobId, LogEntry};
use crate::store::{LogFiles, QueueFiles, Record, Settings, save_settings};

/// How much may wait to be written. A change is a few hundred bytes; more waiting means the disk is stuck.
const WAITING: usize = 8192;

/// How many wishes are put on disk with one sync.
const TOGETHER: usize = 1024;

/// What is to be saved.
enum Wish {
    Records(Vec<Record>),
    Settings(Box<Settings>),
    NextGeneration(Vec<Arc<Job>>),
    Log(Vec<LogEntry>),
}

/// The news of a saver: everything up to a ticket is on disk, or is not and will not be.
#[derive(Debug)]
pub(super) struct Saved {
    /// The last ticket this is about; it is about all since the news before, too.
    pub(super) ticket: u64,
    /// The sentence, if it could not be saved.
    pub(super) result: Result<(), String>,
    /// Whether [`Saver::next_generation`] is due.
    pub(super) next_generation_due: bool,
}

impl Saved {
    /// The thread is gone: nothing that was asked for is going to be saved.
    pub(super) fn never() -> Self {
        let sentence = "Meanwhile can no longer save anything: the thread that does it has failed. You can start it anew.";
        Self { ticket: u64::MAX, result: Err(sentence.into()), next_generation_due: false }
    }
}

/// The engine's end of the thread. Dropping it lets the thread finish what it was asked for, and waits for that.
pub(super) struct Saver {
    state_folder: PathBuf,
    /// `None` when it is over.
    wishes: Option<mpsc::Sender<(u64, Wish)>>,
    last_ticket: u64,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Saver {
    fn drop(&mut self) {
        drop(self.wishes.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported by its own hook.
            let _ = thread.join();
        }
    }
}

impl Saver {
    /// Starts the thread; it ends when the saver is gone, and `news` with it.
    pub(super) fn start(
        files: QueueFiles,
        log: LogFiles,
        state_folder: PathBuf,
        settings_folder: PathBuf,
    ) -> Result<(Self, mpsc::Receiver<Saved>), StartError> {
        let (wishes, waiting) = mpsc::channel(WAITING);
        let (news, receiver) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || save_all(files, log, &settings_folder, waiting, &news))
            .map_err(|error| super::no_thread(&error))?;
        Ok((Self { state_folder, wishes: Some(wishes), last_ticket: 0, thread: Some(thread) }, receiver))
    }

    /// Asks for records to be saved; the ticket is in the news when they are. `None` if the disk is stuck.
    #[must_use]
    pub(super) fn save(&mut self, records: Vec<Record>) -> Option<u64> {
        self.wish(Wish::Records(records))
    }

    /// Asks for settings to be saved.
    #[must_use]
    pub(super) fn save_settings(&mut self, settings: Settings) -> Option<u64> {
        self.wish(Wish::Settings(Box::new(settings)))
    }

    /// Hands over all jobs for a new generation of the queue files. If the disk is stuck it will be due again.
    pub(super) fn next_generation(&mut self, jobs: Vec<Arc<Job>>) {
        let _ = self.wish(Wish::NextGeneration(jobs));
    }

    /// Hands over what is to be noted in the log. Nobody waits for it; if the disk is stuck it is lost.
    pub(super) fn log(&mut self, entries: Vec<LogEntry>) {
        let _ = self.wish(Wish::Log(entries));
    }

    /// Reads the log when it is called, which takes time: the latest entries of one job or of all, oldest first.
    pub(super) fn read_log(
        &self,
        job: Option<JobId>,
        most: usize,
    ) -> impl FnOnce() -> Result<Vec<LogEntry>, String> + Send + 'static {
        let folder = self.state_folder.clone();
        move || LogFiles::open(&folder).read(job, most).map_err(|error| error.to_string())
    }

    fn wish(&mut self, wish: Wish) -> Option<u64> {
        self.last_ticket += 1;
        self.wishes.as_ref()?.try_send((self.last_ticket, wish)).ok().map(|()| self.last_ticket)
    }
}

fn save_all(
    mut files: QueueFiles,
    mut log: LogFiles,
    settings_folder: &std::path::Path,
    mut waiting: mpsc::Receiver<(u64, Wish)>,
    news: &mpsc::Sender<Saved>,
) {
    let mut wishes = Vec::new();
    while waiting.blocking_recv_many(&mut wishes, TOGETHER) > 0 {
        let ticket = wishes.last().map_or(0, |(ticket, _)| *ticket);
        let result = save(&mut files, &mut log, settings_folder, wishes.drain(..).map(|(_, wish)| wish));
        if let Err(sentence) = &result {
            tracing::error!("{sentence}");
        }
        let saved = Saved { ticket, result, next_generation_due: files.is_next_generation_due() };
        // The engine may be gone; what it asked for is saved all the same.
        let _ = news.blocking_send(saved);
    }
}

fn save(
    files: &mut QueueFiles,
    log: &mut LogFiles,
    settings_folder: &std::path::Path,
    wishes: impl Iterator<Item = Wish>,
) -> Result<(), String> {
    let mut records = Vec::new();
    let mut settings = None;
    let mut entries = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Records(more) => records.extend(more),
            // Only the last one counts: a slider that is dragged asks many times a second.
            Wish::Log(more) => entries.extend(more),
            Wish::Settings(latest) => settings = Some(latest),
            Wish::NextGeneration(jobs) => {
                // The jobs hold all changes asked for before them.
                records.clear();
                files.next_generation(&jobs).map_err(|error| error.to_string())?;
            }
        }
    }
    // A log that cannot be written must not keep anybody from what matters.
    if !entries.is_empty()
        && let Err(error) = log.append(&entries)
    {
        tracing::warn!(%error, "the log cannot be written");
    }
    if !records.is_empty() {
        files.append(&records).map_err(|error| error.to_string())?;
    }
    if let Some(settings) = settings {
        save_settings(settings_folder, &settings).map_err(|error| error.to_string())?;
    }
    Ok(())
}
