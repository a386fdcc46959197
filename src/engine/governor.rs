//! The governor's task, and what is published of the link.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::newcomers::Newcomers;
use crate::idle::{
    FIRST_WINDOW, Governor, LATEST_LOOK, LinkSample, LinkState, LinkView, LinkWhy, OwnSocket, Report,
};
use crate::job::duration_in_words;
use crate::transfer::Watch;

use super::{SAMPLE_SECS, SAMPLES};

/// How many samples too many are dropped in one go, so that the rest is not moved along twice a second.
const AT_ONCE: usize = SAMPLES / 8;

/// To step back for a shorter time is not worth a line in the log.
const WORTH_NOTING: Duration = Duration::from_secs(5);

/// The governor and the task that has it look, which sleeps while there is nothing to steer.
pub(super) struct Governing {
    pub(super) governor: Arc<Governor>,
    needed: Arc<Notify>,
    due: Arc<Due>,
    in_force: InForce,
    newcomers: Arc<Newcomers>,
    task: JoinHandle<()>,
    history: Arc<Vec<LinkSample>>,
    /// What had gone over the link at the last sample, and when that was.
    last: Option<(Duration, Report)>,
    /// Since when, and why, the link is left to others.
    stepped_back: Option<(Duration, LinkWhy)>,
}

/// What a transfer needs to have its connections steered.
#[derive(Clone)]
pub(super) struct Steering {
    pub(super) governor: Arc<Governor>,
    needed: Arc<Notify>,
    due: Arc<Due>,
    pub(super) in_force: InForce,
    pub(super) newcomers: Arc<Newcomers>,
}

/// When the next look is due. Whoever is awake anyway has it done: to be woken for each would cost more than the look.
#[derive(Debug)]
struct Due {
    started: Instant,
    /// In microseconds since it was started; never, where somebody has been told.
    at_micros: AtomicU64,
    is_over: Notify,
}

impl Due {
    fn new(started: Instant) -> Self {
        Self { started, at_micros: AtomicU64::new(u64::MAX), is_over: Notify::new() }
    }

    fn set(&self, at: Duration) {
        self.at_micros.store(at.as_micros() as u64, Ordering::Relaxed);
    }

    /// Ends when somebody has noticed that it is over.
    async fn is_noticed(&self) {
        self.is_over.notified().await;
    }

    fn notice(&self) {
        if self.started.elapsed().as_micros() as u64 >= self.at_micros.load(Ordering::Relaxed) {
            self.at_micros.store(u64::MAX, Ordering::Relaxed);
            self.is_over.notify_one();
        }
    }
}

/// How many caps there are, of whatever kind.
#[derive(Clone, Debug, Default)]
pub(super) struct InForce(Arc<AtomicUsize>);

impl InForce {
    /// A cap was one before, or none, and is one now, or none.
    pub(super) fn replace(&self, before: bool, now: bool) {
        match (before, now) {
            (false, true) => self.0.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.0.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Whether that is on this machine, where segments are as large as the largest window that was ever offered allows.
pub(super) fn is_here(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

impl Watch for Steering {
    fn opening(&self) -> Box<dyn Send + Sync> {
        Box::new(self.governor.opening())
    }

    /// Has a new connection on this machine begin with a small window. A sender never forgets the largest window it was
    /// offered, and makes its segments by it: there, only one that begins small can be held to a low cap smoothly. Elsewhere
    /// segments are small, and a small buffer would only do harm: the handshake has offered the server more already, and what
    /// does not fit is lost. More than that it shall not be, though.
    fn opened(&self, local: SocketAddr, peer: SocketAddr) {
        if self.in_force.is_any()
            && let Some(socket) = OwnSocket::find(local, peer)
        {
            if is_here(peer) {
                socket.hold_to(FIRST_WINDOW);
            } else {
                socket.clamp(FIRST_WINDOW as u64);
            }
        }
    }
}

impl Steering {
    /// There is something to steer.
    pub(super) fn wake(&self) {
        self.needed.notify_one();
    }

    /// Something has arrived.
    pub(super) fn notice(&self) {
        self.due.notice();
    }
}

impl Governing {
    /// Starts the task; `started` is the moment its time counts from.
    pub(super) fn start(started: Instant) -> Self {
        let governor = Arc::new(Governor::default());
        let needed = Arc::new(Notify::new());
        let due = Arc::new(Due::new(started));
        let task = tokio::spawn(look(Arc::clone(&governor), Arc::clone(&needed), Arc::clone(&due)));
        Self {
            governor,
            needed,
            due,
            in_force: InForce::default(),
            newcomers: Arc::default(),
            task,
            history: Arc::default(),
            last: None,
            stepped_back: None,
        }
    }

    /// Where caps are counted.
    pub(super) const fn in_force(&self) -> &InForce {
        &self.in_force
    }

    pub(super) fn steering(&self) -> Steering {
        Steering {
            governor: Arc::clone(&self.governor),
            needed: Arc::clone(&self.needed),
            due: Arc::clone(&self.due),
            in_force: self.in_force.clone(),
            newcomers: Arc::clone(&self.newcomers),
        }
    }

    /// How the link stands at a time since the engine started. `foreground_bps` is what our foreground transfers receive,
    /// `cap_bps` the lowest cap over all background ones; `unix_secs` is the time of day.
    pub(super) fn measure(
        &mut self,
        at: Duration,
        foreground_bps: u64,
        cap_bps: Option<f32>,
        unix_secs: u64,
    ) -> LinkView {
        let Some(report) = self.governor.report() else { return LinkView::default() };
        let mut view = report.view.clone();
        view.since_unix_secs = unix_secs.saturating_sub(at.saturating_sub(report.since).as_secs());
        view.foreground_bps = foreground_bps;
        view.here_bps = view.here_bps.map(|bps| bps.saturating_sub(foreground_bps));
        if let Some((before, last)) = self.last.replace((at, report.clone())) {
            let secs = at.saturating_sub(before).as_secs_f64();
            let is_same = last.view.interface == report.view.interface;
            if secs > 0.0 && is_same && view.state != LinkState::Resting {
                let own_bps = report.own_bytes.saturating_sub(last.own_bytes) as f64 / secs;
                let others_bps = report.others_bytes.saturating_sub(last.others_bytes) as f64 / secs;
                view.own_bps = own_bps as u64;
                self.note(LinkSample {
                    at: (at.as_secs_f64() / f64::from(SAMPLE_SECS)).round() as u64,
                    own_bps: own_bps as f32,
                    others_bps: others_bps as f32,
                    capacity_bps: view.capacity_bps.map(|bps| bps as f32),
                    cap_bps,
                    added_delay_ms: view.added_delay_ms,
                    state: view.state,
                    why: view.why,
                });
            }
        }
        view.history = Arc::clone(&self.history);
        view
    }

    /// What is to be noted in the logs of jobs, if the link was left to others for long and is not any more.
    pub(super) fn end_of_step_back(&mut self, at: Duration, view: &LinkView) -> Option<String> {
        match (view.state, view.why) {
            (LinkState::Yielding, Some(why)) => {
                let (since, _) = self.stepped_back.unwrap_or((at, why));
                self.stepped_back = Some((since, why));
                None
            }
            // Only on the way back: that may fail.
            (LinkState::Returning, _) => None,
            _ => {
                let (since, why) = self.stepped_back.take()?;
                let secs = at.saturating_sub(since);
                let words =
                    || format!("Stepped back for {}: {}", duration_in_words(secs.as_secs()), why.in_short());
                (secs >= WORTH_NOTING).then(words)
            }
        }
    }

    fn note(&mut self, sample: LinkSample) {
        let history = Arc::make_mut(&mut self.history);
        if history.len() >= SAMPLES + AT_ONCE {
            history.drain(..AT_ONCE);
        }
        history.push(sample);
    }
}

impl Drop for Governing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(governor: Arc<Governor>, needed: Arc<Notify>, due: Arc<Due>) {
    loop {
        needed.notified().await;
        while let Some(wait) = governor.next_look_in() {
            // One after the other: a late look is one look, not several.
            due.set(due.started.elapsed() + wait);
            let _ = timeout(wait.mul_f64(LATEST_LOOK), due.is_noticed()).await;
            governor.tick(due.started.elapsed());
        }
        // Once more, so that it is known that nothing is steered.
        governor.tick(due.started.elapsed());
    }
}
