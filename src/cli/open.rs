//! `meanwhile` alone: the window.

use super::background::Background;
use super::exit::{Exit, Failure};
use super::port::{Local, Port};
use crate::engine::{EndSignal, Places, Run};
use crate::instance::{Instance, Shown, claim_or_connect, claim_when_free};
use crate::window::{self, Door};

/// Opens the window, or brings that of the running instance to the front.
pub(super) fn open(places: &Places, background: &Background) -> Result<Exit, Failure> {
    let mut took_over = false;
    let claim = match claim_or_connect(places)? {
        Instance::Mine(claim) => claim,
        Instance::Other(other) => match other.show()? {
            Shown::Shown => return Ok(Exit::Done),
            Shown::MakesRoom => {
                took_over = true;
                claim_when_free(places)?
            }
        },
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
        (Err(error), _) => {
            if took_over {
                // What ran before is not to stop because there is no window.
                background.take_over(Port::Local(Box::new(local)))?;
            }
            Err(Failure::new(Exit::NoDisplay, error.to_string()))
        }
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
