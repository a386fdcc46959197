//! The engine in the background: started when something is queued and nobody is there to fetch it, gone when nothing
//! is left to do, as BITS's service (bits.md 9.1).

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print;
use crate::engine::Snapshot;
use crate::job::Why;

/// How the engine in the background is started, if it may be.
pub(super) struct Background {
    /// The state folder that was named on the command line.
    pub(super) state_dir: Option<PathBuf>,
    /// Whether the user does not want it.
    pub(super) not_wanted: bool,
}

impl Background {
    /// Lets what was asked for go on when this process has ended: an instance that runs has it already; otherwise one
    /// is started.
    pub(super) fn take_over(&self, port: Port) -> Result<(), Failure> {
        let Port::Local(local) = port else { return Ok(()) };
        let snapshot = local.handle().snapshot();
        // Everything is on disk and the claim is free after this.
        drop(local);
        match &snapshot.waiting {
            _ if !would_go_on(&snapshot) => Ok(()),
            Some(waiting) if waiting.why == Why::Held => {
                print::note(
                    "All downloads are paused. You can let them go on with “meanwhile resume --all”.",
                );
                Ok(())
            }
            Some(waiting) if waiting.why == Why::Disabled => Ok(()),
            _ if self.not_wanted => {
                print::note(print::NOTHING_TRANSFERS);
                Ok(())
            }
            _ => self.start(),
        }
    }

    fn start(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(
                Exit::Failed,
                format!(
                    "It is queued, but Meanwhile could not be started in the background: {error}. You can start it \
                     with “meanwhile run”."
                ),
            )
        };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["run", "--in-background"]);
        if let Some(folder) = &self.state_dir {
            command.arg("--state-dir").arg(folder);
        }
        // Out of the way of this terminal: neither its Ctrl+C nor its closing is meant for it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        super::titles::hide_from(&mut command);
        // Where it would stand in nobody's way: the present folder may be on a disk that is to be taken out.
        command.current_dir("/");
        command.spawn().map(drop).map_err(failed)
    }
}

/// Whether there is something an engine would fetch.
fn would_go_on(snapshot: &Snapshot) -> bool {
    snapshot.jobs.iter().any(|view| view.job.state.goes_on_by_itself())
}
