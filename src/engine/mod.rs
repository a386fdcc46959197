//! The transfer thread: commands in, snapshots out.
//!
//! Here live the border ([`Command`], [`Reply`], [`Snapshot`], [`Handle`]) and the loop that owns all jobs.
//! It is the only room that knows all the others below it; nothing of the window or the command line may
//! live here.

mod command;
mod handle;
mod places;
mod snapshot;

pub use command::{Change, Command, Probe, Refusal, Reply};
pub use handle::{Answer, Border, Envelope, Handle, Waker, border};
pub use places::{NoHome, Places};
pub use snapshot::{JobView, RateSample, SAMPLE_SECS, SAMPLES, Snapshot};

/// Which jobs an engine transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// All that may run.
    All,
    /// Only those that were added, fetched or resumed since it started.
    Asked,
    /// None: it only keeps the books.
    Nothing,
}

/// Why an engine could not start: a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// A running transfer thread and its owner. Whoever starts it has claimed the state folder first.
pub struct Engine {
    handle: Handle,
    thread: Option<std::thread::JoinHandle<()>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Engine {
    /// Reads the queue and starts the transfer thread.
    ///
    /// # Errors
    /// A sentence: the state folder cannot be read or written.
    pub fn start(_places: &Places, _run: Run) -> Result<Self, StartError> {
        let (handle, _border) = border(Snapshot::default());
        Ok(Self { handle, thread: None, stop: None })
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
