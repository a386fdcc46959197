//! What the desktop tells us.
//!
//! Today that is the end of the session as every program is told of it: a signal. What the desktop's own
//! services say (signed out, asleep, online, metered, on battery) will live here too, behind the same
//! border; until it does, the user counts as signed in, online, unmetered and on mains.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How this process was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Ctrl+C in its terminal (SIGINT).
    Interrupted,
    /// By the system, or by somebody with `kill` (SIGTERM).
    Terminated,
    /// Its terminal or its session is gone (SIGHUP).
    HungUp,
}

/// The signals that ask this process to end. From its making on they no longer end it by themselves.
pub struct Endings {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Endings {
    /// Begins to listen. Needs a running tokio runtime.
    ///
    /// # Errors
    /// Whatever the system says when it refuses a signal handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until one comes.
    pub async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
            _ = self.hang_up.recv() => Ending::HungUp,
        }
    }
}
