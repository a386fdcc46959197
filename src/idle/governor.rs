//! The governor at work: the connections it steers, the sensors, and the law that decides, tick by tick.
//!
//! There is one law for each way out of this machine: what is learnt of a link is forgotten with the address it was learnt
//! from, so another network begins anew.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::law::{Connection, Law, Sample, Verdict};
use super::link::{LinkState, LinkView, Senses};
use super::sensors::{Interface, Openings, Way};
use super::sockets::{Buffer, Counts, OwnSocket};
use super::throttle::{Claim, LEAST_WINDOW_BYTES, Turns, shares};

/// How often the governor has to look, while there is something to steer; with many connections half as often, since each
/// look costs so much a connection.
const TICK: Duration = Duration::from_millis(10);
const TICK_OF_MANY: Duration = Duration::from_millis(20);
const MANY: usize = 4;

/// A window that stays the same is said again after this time: the kernel forgets it now and then.
const SAY_AGAIN: Duration = Duration::from_millis(19);

/// The same with many connections, where it is said at once when it is seen to be forgotten: each call costs.
const SAY_AGAIN_TO_MANY: Duration = Duration::from_millis(200);

/// With many connections, a window counts as the same as long as it is that part of itself away from what was said.
const SAME_TO_MANY: u64 = 32;

/// With many connections, openings are looked at in every second look only.
const OPENINGS_EVERY: u64 = 2;

/// What is under way when a connection is held back has come after two round trips and this.
const LEAST_DRAIN: Duration = Duration::from_millis(50);

/// A full segment's payload, in bytes.
const SEGMENT: u64 = 1448;

/// What is known of a way out is forgotten when it was not used for so long.
const FORGET: Duration = Duration::from_mins(10);

/// The governor of all background connections.
#[derive(Debug, Default)]
pub struct Governor(Mutex<Steered>);

#[derive(Debug, Default)]
struct Steered {
    links: HashMap<Way, Link>,
    openings: Option<Openings>,
    /// How many of our own connections are being opened now: what the kernel counts meanwhile may be ours.
    opening: usize,
    /// How many of the connections that were opened were ours, or may have been.
    own_openings: u64,
    openings_before: u64,
    /// How many others had opened at the last look at them.
    others_openings: Option<u64>,
    looks: u64,
    last_id: u64,
}

/// A way out, and what goes over it.
#[derive(Debug)]
struct Link {
    interface: Option<Interface>,
    law: Law,
    verdict: Verdict,
    since: Duration,
    members: Vec<Member>,
    own_bytes: u64,
    others_bytes: f64,
    ticked: Duration,
    turns: Turns,
}

/// A connection that is steered.
#[derive(Debug)]
struct Member {
    id: u64,
    socket: Arc<OwnSocket>,
    peer: SocketAddr,
    weight: u32,
    counts: Counts,
    /// What it has received lately, in bytes per second.
    rate: f64,
    share_bytes: u64,
    /// When it was last held to that.
    said: Duration,
    /// Since when it is not its turn.
    held_back: Option<Duration>,
    /// What its receive buffer was like before it was parked.
    parked: Option<Buffer>,
    /// Tells whoever reads from it whether it is parked.
    gate: watch::Sender<bool>,
    /// Whether it waits for a cap now.
    is_capped: Arc<AtomicBool>,
}

/// A connection's membership: it is steered as long as this lives.
#[derive(Debug)]
pub struct Membership {
    governor: Arc<Governor>,
    way: Way,
    id: u64,
    gate: watch::Receiver<bool>,
    is_capped: Arc<AtomicBool>,
}

/// One of our own connections is being opened, as long as this lives.
#[derive(Debug)]
pub struct OwnOpening(Arc<Governor>);

/// How a link stands, and what went over it in all since it was first used.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All but the history and the rates of transfers, which others know.
    pub view: LinkView,
    /// When it went into its state, in the time that was passed to [`Governor::tick`].
    pub since: Duration,
    /// What background connections have received on the wire, in bytes.
    pub own_bytes: u64,
    /// What else this machine has received over it, in bytes.
    pub others_bytes: u64,
}

impl Governor {
    /// Steers a connection from now on. `weight` is its part beside others; where it is new, what has come so far counts as
    /// its own.
    pub fn steer(
        self: &Arc<Self>,
        socket: Arc<OwnSocket>,
        (local, peer): (SocketAddr, SocketAddr),
        weight: u32,
        is_new: bool,
    ) -> Membership {
        let way = Way::of(local);
        let mut steered = self.steered();
        steered.last_id += 1;
        let id = steered.last_id;
        let link = steered.links.entry(way).or_insert_with(|| Link::new(way));
        // What came at first came just now, and over the interface as well. All that has ever come would be too much at once.
        let counts = if is_new { None } else { socket.counts() }.unwrap_or_default();
        let (gate, is_parked) = watch::channel(false);
        let is_capped = Arc::new(AtomicBool::new(false));
        link.members.push(Member {
            id,
            socket,
            peer,
            weight,
            counts,
            rate: 0.0,
            share_bytes: 0,
            said: Duration::ZERO,
            held_back: None,
            parked: None,
            gate,
            is_capped: Arc::clone(&is_capped),
        });
        link.clamp_newest();
        Membership { governor: Arc::clone(self), way, id, gate: is_parked, is_capped }
    }

    /// One of our own connections is about to be opened.
    pub fn opening(self: &Arc<Self>) -> OwnOpening {
        self.steered().opening += 1;
        OwnOpening(Arc::clone(self))
    }

    /// When it has to look again; `None` while there is nothing to steer.
    #[must_use]
    pub fn next_look_in(&self) -> Option<Duration> {
        let steered = self.steered();
        (steered.members() > 0).then_some(if steered.are_many() { TICK_OF_MANY } else { TICK })
    }

    /// Looks at all links and throttles what is to be throttled. `now` is the time since any fixed moment.
    pub fn tick(&self, now: Duration) {
        let mut steered = self.steered();
        steered.looks += 1;
        if !steered.are_many() || steered.looks.is_multiple_of(OPENINGS_EVERY) {
            steered.others_openings = steered.count_others_openings();
        }
        let openings = steered.others_openings;
        steered.links.retain(|_, link| !link.members.is_empty() || now.saturating_sub(link.ticked) < FORGET);
        for link in steered.links.values_mut() {
            link.tick(now, openings);
        }
    }

    /// How the link stands that carries most; `None` where nothing was steered yet.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let steered = self.steered();
        let rate = |link: &Link| link.members.iter().map(|member| member.rate).sum::<f64>();
        let key = |link: &&Link| (!link.members.is_empty(), rate(link) as u64, link.ticked);
        steered.links.values().max_by_key(key).map(|link| link.report(steered.openings.is_some()))
    }

    fn steered(&self) -> MutexGuard<'_, Steered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    /// Whether the connection waits for a cap from now on.
    pub fn set_capped(&self, is_capped: bool) {
        self.is_capped.store(is_capped, Ordering::Relaxed);
    }

    /// Where the connection must not be read from now: what ends when it may be again.
    #[must_use]
    pub fn parked(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let mut gate = self.gate.clone();
        let is_parked = *gate.borrow_and_update();
        is_parked.then_some(async move {
            // Nobody to park it is as good as being let go.
            let _ = gate.wait_for(|is_parked| !is_parked).await;
        })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(link) = self.governor.steered().links.get_mut(&self.way) {
            link.members.extract_if(.., |member| member.id == self.id).for_each(|mut member| member.unpark());
            // There has to be one that tells of the link.
            if link.members.iter().all(|member| member.parked.is_some()) {
                link.members.iter_mut().take(1).for_each(Member::unpark);
            }
        }
    }
}

impl Drop for OwnOpening {
    fn drop(&mut self) {
        let mut steered = self.0.steered();
        // What was counted since the last look may be ours.
        steered.count_others_openings();
        steered.opening = steered.opening.saturating_sub(1);
    }
}

impl Steered {
    /// How many connections are steered.
    fn members(&self) -> usize {
        self.links.values().map(|link| link.members.len()).sum()
    }

    fn are_many(&self) -> bool {
        self.members() > MANY
    }

    /// How many connections others have opened in all, as far as can be told.
    fn count_others_openings(&mut self) -> Option<u64> {
        let all = self.openings.get_or_insert_with(Openings::of_this_machine).count()?;
        if self.opening > 0 || self.openings_before == 0 {
            self.own_openings += all - self.openings_before.min(all);
        }
        self.openings_before = all;
        Some(all - self.own_openings.min(all))
    }
}

impl Link {
    fn new(way: Way) -> Self {
        Self {
            interface: Interface::with_address(way.address()),
            law: Law::default(),
            verdict: Verdict::default(),
            since: Duration::ZERO,
            members: Vec::new(),
            own_bytes: 0,
            others_bytes: 0.0,
            ticked: Duration::ZERO,
            turns: Turns::default(),
        }
    }

    fn tick(&mut self, now: Duration, openings: Option<u64>) {
        let secs = now.saturating_sub(self.ticked).as_secs_f64().clamp(0.001, 0.5);
        self.ticked = now;
        let mut connections = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            let Some(counts) = member.socket.counts() else { continue };
            let came = counts.wire_bytes.saturating_sub(member.counts.wire_bytes);
            self.own_bytes += came;
            member.rate += (secs / 0.3).min(1.0) * (came as f64 / secs - member.rate);
            member.counts = counts;
            if member.parked.is_some() {
                // What it says of the way is old.
                continue;
            }
            connections.push(Connection {
                path: path_of(member.peer),
                round_trip: counts.round_trip,
                handshake: counts.handshake,
                segments: counts.segments,
            });
        }
        let sample = Sample {
            at: now,
            own_bytes: self.own_bytes,
            interface_bytes: self.interface.as_ref().and_then(Interface::received_bytes),
            sent_bytes: self.interface.as_ref().and_then(Interface::sent_bytes),
            openings,
            connections: &connections,
            is_capped: !self.members.is_empty() && self.members.iter().all(Member::is_capped),
        };
        let before = self.verdict.state;
        self.verdict = self.law.tick(&sample);
        if before != self.verdict.state {
            self.since = now;
        }
        self.others_bytes += self.verdict.others.unwrap_or_default() * secs;
        tracing::trace!(law = self.law.trace(), "governed");
        // A kernel that tells nothing of connections cannot be asked to throttle them either.
        if !connections.is_empty() {
            self.throttle();
        }
    }

    fn throttle(&mut self) {
        let window_bytes = self.verdict.window_bytes;
        // Where nobody is in need of the link, a little more for each is no harm, and smoother than turns.
        let holds_back = matches!(self.verdict.state, LinkState::Yielding | LinkState::Returning);
        let for_turns = if holds_back { window_bytes } else { u64::MAX };
        let flowing = self.turns.flowing(self.ticked, for_turns, self.members.len());
        let claim =
            |(index, member): (usize, &Member)| if flowing.has(index) { member.claim() } else { Claim::NONE };
        let claims: Vec<Claim> = self.members.iter().enumerate().map(claim).collect();
        let are_many = claims.len() > MANY;
        for (index, share) in shares(window_bytes, &claims).into_iter().enumerate() {
            let member = &mut self.members[index];
            if flowing.has(index) {
                member.unpark();
                member.hold_to(share, self.ticked, are_many);
            } else {
                member.hold_back(self.ticked);
            }
        }
    }

    /// A new connection begins with what it would get at the next tick, or with a first flight.
    fn clamp_newest(&mut self) {
        let members = self.members.len() as u64;
        if let Some(newest) = self.members.last_mut() {
            newest.share_bytes = (self.verdict.window_bytes / members).clamp(2 * SEGMENT, 10 * SEGMENT);
            newest.socket.clamp(newest.share_bytes);
        }
    }

    fn report(&self, has_openings: bool) -> Report {
        let is_resting = self.members.is_empty();
        let verdict = if is_resting { Verdict::default() } else { self.verdict };
        let rounded = |rate: f64| rate.max(0.0) as u64;
        let view = LinkView {
            interface: self.interface.as_ref().map(|interface| interface.name().to_owned()),
            state: if is_resting { LinkState::Resting } else { verdict.state },
            why: verdict.why,
            here_bps: verdict.others.map(rounded),
            elsewhere_bps: verdict.elsewhere.map(rounded),
            capacity_bps: self.verdict.capacity.map(rounded),
            added_delay_ms: verdict.added_delay.map(|secs| (secs * 1000.0) as f32),
            senses: Senses {
                counters: self
                    .interface
                    .as_ref()
                    .is_some_and(|interface| interface.received_bytes().is_some()),
                delay: self.members.iter().any(|member| member.counts.round_trip.is_some()),
                openings: has_openings,
                window: self.members.iter().any(|member| member.counts != Counts::default()),
            },
            ..LinkView::default()
        };
        Report {
            view,
            since: self.since,
            own_bytes: self.own_bytes,
            others_bytes: rounded(self.others_bytes),
        }
    }
}

impl Member {
    /// To say it costs as much as to look: for one of many only where it makes a difference.
    fn hold_to(&mut self, share: u64, now: Duration, is_one_of_many: bool) {
        let ago = now.saturating_sub(self.said);
        let is_said = match self.counts.offered_bytes.filter(|_| is_one_of_many) {
            Some(offered) => {
                ago < SAY_AGAIN_TO_MANY
                    && offered <= share + 2 * SEGMENT
                    && share.abs_diff(self.share_bytes) <= self.share_bytes / SAME_TO_MANY
            }
            None => ago < SAY_AGAIN && self.share_bytes == share,
        };
        if !is_said {
            self.socket.clamp(share);
            (self.share_bytes, self.said) = (share, now);
        }
    }

    /// It is not its turn: it is held to the least there is, and once what is under way has come, it is parked.
    fn hold_back(&mut self, now: Duration) {
        if self.parked.is_some() {
            return;
        }
        let since = *self.held_back.get_or_insert(now);
        if now.saturating_sub(since) < 2 * self.round_trip() + LEAST_DRAIN {
            return self.hold_to(LEAST_WINDOW_BYTES, now, true);
        }
        self.parked = Some(self.socket.park());
        self.rate = 0.0;
        self.gate.send_replace(true);
    }

    fn unpark(&mut self) {
        self.held_back = None;
        if let Some(before) = self.parked.take() {
            self.socket.unpark(before);
            self.gate.send_replace(false);
            // It has to be said anew.
            self.share_bytes = 0;
        }
    }

    fn is_capped(&self) -> bool {
        self.is_capped.load(Ordering::Relaxed)
    }

    fn round_trip(&self) -> Duration {
        self.counts.round_trip.unwrap_or(self.counts.handshake)
    }

    /// What it asks of the window: one whose server sends less than it may needs no more than that.
    fn claim(&self) -> Claim {
        let round = self.round_trip().as_secs_f64();
        let used = (self.rate * round) as u64;
        let is_slow = self.share_bytes > 20 * SEGMENT && used < self.share_bytes / 2;
        let most_bytes = if is_slow { (2 * used).max(10 * SEGMENT) } else { u64::MAX };
        Claim { weight: self.weight, most_bytes }
    }
}

/// The way to a server: connections to one address share it.
fn path_of(peer: SocketAddr) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    peer.ip().to_canonical().hash(&mut hasher);
    hasher.finish()
}
