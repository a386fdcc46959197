//! The transfer thread: commands in, snapshots out.
//!
//! Here live the border ([`Command`], [`Reply`], [`Snapshot`], [`Handle`]) and the loop that owns all jobs.
//! It is the only room that knows all the others below it; nothing of the window or the command line may
//! live here.

mod cap;
mod caps;
mod clients;
mod command;
mod commands;
mod conditions;
mod core;
mod ends;
mod finish_command;
mod governor;
mod handle;
mod mend;
mod newcomers;
mod orphans;
mod pace;
mod places;
mod publish;
mod reader;
mod runs;
mod saver;
mod secrets;
mod servers;
mod snapshot;
mod speed;
mod views;

pub use crate::idle::{LinkSample, LinkState, LinkView, LinkWhy, Senses, delay_in_words};
pub use crate::job::Change;
pub use crate::queue::{NextSlot, Run, Slot, WhichCap, slot_at};
pub use crate::session::{EndSignal, EndSignals};
pub use crate::session::{OpenError, SessionBus, local_minute_of_week, open, show_in_folder};
pub use crate::store::{Findings, Theme, make_private_folder};
pub use crate::transfer::Probe;
pub use command::{Command, Refusal, Reply, SettingView};
pub use handle::{Answer, Border, Envelope, Handle, Waker, border};
pub use mend::{repair, reset};
pub use places::{NoHome, Places};
pub use snapshot::{CapView, Fetching, JobView, RateSample, SAMPLE_SECS, SAMPLES, Snapshot};

use tokio::sync::oneshot;

use crate::store;

/// Why an engine could not start: a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// A running transfer thread and its owner. Whoever starts it has claimed the state folder first.
pub struct Engine {
    handle: Handle,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Dropped to stop it.
    stop: Option<oneshot::Sender<()>>,
}

impl Engine {
    /// Reads the queue and starts the transfer thread.
    ///
    /// # Errors
    /// A sentence: the state folder cannot be read or written.
    pub fn start(places: &Places, mode: Run) -> Result<Self, StartError> {
        let sentence = |error: store::StoreError| StartError(error.to_string());
        for folder in [&places.state, &places.settings] {
            let failed = store::StoreError::io("make the folder", folder);
            make_private_folder(folder).map_err(failed).map_err(sentence)?;
        }
        let (files, mut loaded) = store::QueueFiles::open(&places.state).map_err(sentence)?;
        tracing::debug!(jobs = loaded.jobs.len(), "the list is read");
        let (settings, notices) = store::load_settings(&places.settings);
        loaded.notices.extend(notices);
        let (saver, saved_news) = {
            let log = store::LogFiles::open(&places.state);
            saver::Saver::start(files, log, places.state.clone(), places.settings.clone())?
        };
        let (handle, border) = border(Snapshot::default());
        let usual_folder = places::usual_download_folder();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| no_thread(&error))?;
        let core = {
            // What was left over from last time is begun with at once.
            let _inside = runtime.enter();
            let mut core = core::Core::new(core::Start {
                border,
                mode,
                loaded,
                settings,
                usual_folder,
                autostart: places.autostart.clone(),
                whose: places.state.display().to_string(),
                saver,
                saved_news,
            });
            // Whoever looks at the first snapshot sees what was on disk.
            core.publish();
            tracing::debug!("the first snapshot is there");
            core
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("transfer".into())
            .spawn(move || runtime.block_on(core.run(stopped)))
            .map_err(|error| no_thread(&error))?;
        Ok(Self { handle, thread: Some(thread), stop: Some(stop) })
    }

    /// The front ends' end of the border.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops all transfers, puts everything on disk and waits until that is done.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported by its own hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

fn no_thread(error: &std::io::Error) -> StartError {
    StartError(format!(
        "Meanwhile cannot start a thread: the system says “{error}”. You can close other programs and try again."
    ))
}
