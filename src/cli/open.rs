//! `meanwhile` alone: the window.

use super::exit::{Exit, Failure};
use super::port::Local;
use crate::engine::{EndSignal, Places, Run};
use crate::instance::{Instance, Shown, claim_or_connect};
use crate::window::{self, Door};

/// Opens the window, or brings that of the running instance to the front.
pub(super) fn open(places: &Places) -> Result<Exit, Failure> {
    let claim = match claim_or_connect(places)? {
        Instance::Mine(claim) => claim,
        Instance::Other(other) => {
            return match other.show()? {
                Shown::Shown => Ok(Exit::Done),
                Shown::NoWindow => Err(Failure::new(
                    Exit::Instance,
                    "Meanwhile is running without a window, as “meanwhile run” or “meanwhile get”. You can \
                     end that first, or look with “meanwhile list”.",
                )),
            };
        }
    };
    let mut local = Local::start(claim, places, Run::All)?;
    let door = Door::default();
    let knocked = door.clone();
    local.serve(move || {
        knocked.knock();
        Shown::Shown
    })?;
    let signals = Leave::on_signal(&door)?;
    let shown = window::run(local.handle(), &door);
    let stop = signals.end();
    match (shown, stop) {
        (Err(error), _) => Err(Failure::new(Exit::NoDisplay, error.to_string())),
        (Ok(()), Some(EndSignal::Interrupt)) => Ok(Exit::Interrupted),
        (Ok(()), _) => Ok(Exit::Done),
    }
}

/// Closes the window when a signal comes: the main thread belongs to the window.
struct Leave {
    done: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<Option<EndSignal>>,
}

impl Leave {
    fn on_signal(door: &Door) -> Result<Self, Failure> {
        let runtime = super::runtime()?;
        let mut signals = {
            let _inside = runtime.enter();
            super::listen()?
        };
        let (done, is_done) = tokio::sync::oneshot::channel();
        let door = door.clone();
        let listen = async move {
            tokio::select! {
                stop = signals.next() => {
                    door.leave();
                    Some(stop)
                }
                _ = is_done => None,
            }
        };
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || runtime.block_on(listen))
            .map_err(|error| super::no_thread(&error))?;
        Ok(Self { done, thread })
    }

    /// Stops listening; tells whether it was a signal that closed the window.
    fn end(self) -> Option<EndSignal> {
        drop(self.done);
        // A panic in the thread was reported by its own hook.
        self.thread.join().ok().flatten()
    }
}
