//! What is said of the link: how it is used now, by whom as far as known, and what the governor makes of it and why.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

/// The link at one moment, for people. Rates are in bytes per second, on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    /// The interface background transfers go through, as the system names it; `None` where that is not known.
    pub interface: Option<String>,
    /// What the governor is doing.
    pub state: LinkState,
    /// Why; `None` where there is nothing to explain.
    pub why: Option<LinkWhy>,
    /// Since when it is in that state, in seconds since 1970.
    pub since_unix_secs: u64,
    /// What background transfers receive now.
    pub own_bps: u64,
    /// What our foreground transfers receive now: they count as the user's own traffic.
    pub foreground_bps: u64,
    /// What else this machine receives over the interface; `None` where it has no counters.
    pub here_bps: Option<u64>,
    /// What others behind the same link seem to use; `None` where nothing points to any.
    pub elsewhere_bps: Option<u64>,
    /// What the link has been seen to carry; `None` as long as it was not full.
    pub capacity_bps: Option<u64>,
    /// How long packets wait in the queue of the link now, in milliseconds; `None` where that cannot be told.
    pub added_delay_ms: Option<f32>,
    /// What it goes by.
    pub senses: Senses,
    /// The link over time, oldest first.
    #[serde(skip, default = "no_history")]
    pub history: Arc<Vec<LinkSample>>,
}

/// What the governor is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkState {
    /// Nothing is transferred in the background over a link that is shared.
    #[default]
    Resting,
    /// It finds out how much there is.
    Starting,
    /// It uses what is idle, and nobody else is noticed.
    Using,
    /// It uses what others leave, beside them.
    Beside,
    /// It has stepped back: only a trickle flows.
    Yielding,
    /// It takes the link back step by step, to see whether it is free.
    Returning,
}

/// Why the governor holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkWhy {
    /// A program on this machine has opened a connection.
    ConnectionHere,
    /// Programs on this machine are receiving.
    TrafficHere,
    /// Packets wait longer than our own traffic explains: somebody behind the same link is receiving or sending.
    Delay,
    /// We get less than the link has carried: somebody has a share of it.
    ShareLost,
}

/// What the governor can go by on this machine and this path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a sense of its own, and all mixtures of them occur"
)]
pub struct Senses {
    /// The interface's counters: they tell of all traffic of this machine.
    pub counters: bool,
    /// The delay on our own connections: it tells of everybody behind the same link.
    pub delay: bool,
    /// Connections as they are opened: they tell of this machine's programs before anything flows.
    pub openings: bool,
    /// The window of our own connections, as the throttle; without it reading is paced.
    pub window: bool,
}

/// The link over one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSample {
    /// When: in samples since the engine started. A time without transfers shows as missing numbers.
    pub at: u64,
    /// What background transfers received, in bytes per second.
    pub own_bps: f32,
    /// What else this machine received, our foreground transfers included; 0 where that is not known.
    pub others_bps: f32,
    /// What the link was taken to carry.
    pub capacity_bps: Option<f32>,
    /// The lowest of the caps over all background transfers.
    pub cap_bps: Option<f32>,
    /// How long packets waited in the link's queue, in milliseconds.
    pub added_delay_ms: Option<f32>,
    /// What the governor was doing.
    pub state: LinkState,
    /// Why.
    pub why: Option<LinkWhy>,
}

impl Default for LinkView {
    fn default() -> Self {
        Self {
            interface: None,
            state: LinkState::Resting,
            why: None,
            since_unix_secs: 0,
            own_bps: 0,
            foreground_bps: 0,
            here_bps: None,
            elsewhere_bps: None,
            capacity_bps: None,
            added_delay_ms: None,
            senses: Senses::default(),
            history: no_history(),
        }
    }
}

fn no_history() -> Arc<Vec<LinkSample>> {
    Arc::clone(&NO_HISTORY)
}

/// Shared by all that have none.
static NO_HISTORY: LazyLock<Arc<Vec<LinkSample>>> = LazyLock::new(Arc::default);
