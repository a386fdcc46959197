//! The border between the engine and everybody else: commands in, snapshots out.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use super::{Command, Refusal, Reply, Snapshot};

/// How many commands may wait for the engine. It takes them in at once, so more means it hangs.
const COMMANDS_WAITING: usize = 256;

/// What is called when there is something new: a snapshot or an answer.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The answer to one command, as it will arrive.
pub type Answer = oneshot::Receiver<Result<Reply, Refusal>>;

/// A command on its way in, with the place for its answer.
#[derive(Debug)]
pub struct Envelope {
    /// What is to be done.
    pub command: Command,
    /// Where the answer goes; nobody need be waiting there.
    pub answer: oneshot::Sender<Result<Reply, Refusal>>,
}

/// The front ends' end of the border. Cheap to clone; never blocks unless its name says so.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Envelope>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

/// The engine's end of the border.
pub struct Border {
    /// Commands as they come in; ends when the last [`Handle`] is gone.
    pub commands: mpsc::Receiver<Envelope>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

/// Makes both ends. Tests of the front ends hold the engine's end themselves.
#[must_use]
pub fn border(first: Snapshot) -> (Handle, Border) {
    let (commands_in, commands) = mpsc::channel(COMMANDS_WAITING);
    let (snapshots, snapshots_out) = watch::channel(Arc::new(first));
    let waker = Arc::<Mutex<Option<Waker>>>::default();
    (
        Handle { commands: commands_in, snapshots: snapshots_out, waker: Arc::clone(&waker) },
        Border { commands, snapshots, waker },
    )
}

impl Handle {
    /// Sends a command without waiting. The answer arrives later and the waker is called when it does; a
    /// caller that does not care may drop it.
    #[must_use = "a refusal arrives here"]
    pub fn send(&self, command: Command) -> Answer {
        let (answer, receiver) = oneshot::channel();
        if let Err(error) = self.commands.try_send(Envelope { command, answer }) {
            let (refusal, envelope) = match error {
                mpsc::error::TrySendError::Full(envelope) => (Refusal::Busy, envelope),
                mpsc::error::TrySendError::Closed(envelope) => (Refusal::Stopping, envelope),
            };
            // The receiver is in our hands.
            let _ = envelope.answer.send(Err(refusal));
        }
        receiver
    }

    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn request(&self, command: Command) -> Result<Reply, Refusal> {
        self.send(command).await.unwrap_or(Err(Refusal::Stopping))
    }

    /// How things stand.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Waits for a snapshot this handle (or the one it was cloned from) has not yet waited for.
    ///
    /// # Errors
    /// [`Refusal::Stopping`] when there will be no more.
    pub async fn next_snapshot(&mut self) -> Result<Arc<Snapshot>, Refusal> {
        self.snapshots.changed().await.map_err(|_| Refusal::Stopping)?;
        Ok(Arc::clone(&self.snapshots.borrow_and_update()))
    }

    /// Whether the engine has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.commands.is_closed()
    }

    /// Sets what is called when there is something new; `None` when nobody looks. There is one waker for
    /// all clones of a handle: the window's.
    pub fn set_waker(&self, waker: Option<Waker>) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = waker;
    }
}

impl Border {
    /// Makes `snapshot` the one that is seen from now on, and wakes whoever looks.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
        self.wake();
    }

    /// The snapshot that is seen now.
    #[must_use]
    pub fn published(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Answers a command, and wakes whoever looks.
    pub fn answer(&self, to: oneshot::Sender<Result<Reply, Refusal>>, answer: Result<Reply, Refusal>) {
        // Whoever asked may have stopped waiting.
        let _ = to.send(answer);
        self.wake();
    }

    /// A call to wake whoever looks, for tasks that answer by themselves.
    #[must_use]
    pub fn waker(&self) -> Waker {
        let slot = Arc::clone(&self.waker);
        Arc::new(move || wake(&slot))
    }

    fn wake(&self) {
        wake(&self.waker);
    }
}

fn wake(slot: &Mutex<Option<Waker>>) {
    let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Called without the lock: a waker may ask for the snapshot, or take itself out.
    if let Some(waker) = waker {
        waker();
    }
}
