//! The signals that ask this process to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How this process was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSignal {
    /// By the user at the keyboard (SIGINT).
    Interrupt,
    /// By the system or the session (SIGTERM, SIGHUP).
    Terminate,
}

/// Listens for SIGINT, SIGTERM and SIGHUP from when it is made; they no longer end the process by themselves. One
/// that the process was started with ignored (nohup, a background job of a script) stays ignored.
pub struct EndSignals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl EndSignals {
    /// Begins to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Whatever the system says when it refuses a signal handler.
    pub fn listen() -> io::Result<Self> {
        let ignored = std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored(&status));
        let listen = |kind: SignalKind| {
            let is_ignored = ignored >> (kind.as_raw_value() - 1) & 1 == 1;
            (!is_ignored).then(|| signal(kind)).transpose()
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> EndSignal {
        tokio::select! {
            () = received(&mut self.interrupt) => EndSignal::Interrupt,
            () = received(&mut self.terminate) => EndSignal::Terminate,
            () = received(&mut self.hang_up) => EndSignal::Terminate,
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// The set of ignored signals out of `/proc/self/status`, as a bit mask; std cannot ask for it.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_system() {
        let hang_up_and_interrupt = "Name:\tx\nSigBlk:\t0000000000000004\nSigIgn:\t0000000000000003\n";
        assert_eq!(ignored(hang_up_and_interrupt), 0b11);
        assert_eq!(ignored("nothing of the kind"), 0);
    }
}
