//! The governor at work: the connections it steers, the sensors, and the law that decides, tick by tick.
//!
//! There is one law for each way out of this machine: what is learnt of a link is forgotten with the address it was learnt
//! from, so another network begins anew.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::law::{Law, Sample, Verdict};
use super::link::{LinkState, LinkView, Senses};
use super::looks::{self, Next};
use super::member::{Capped, Hold, Member, SEGMENT};
use super::sensors::{Interface, Openings, Way};
use super::throttle::{Claim, Turns, shares};

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
    last_id: u64,
    /// Whether something was seen of others at the last look, or something is tried.
    is_stirred: bool,
    /// Whether others may come and go quickly on one of the links.
    is_quick: bool,
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

/// A connection's membership: it is steered as long as this lives.
#[derive(Debug)]
pub struct Membership {
    governor: Arc<Governor>,
    way: Way,
    id: u64,
    gate: watch::Receiver<bool>,
    capped: Arc<Capped>,
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
        hold: Hold,
        (local, peer): (SocketAddr, SocketAddr),
        weight: u32,
        is_new: bool,
    ) -> Membership {
        let way = Way::of(local);
        let mut steered = self.steered();
        steered.last_id += 1;
        let id = steered.last_id;
        let link = steered.links.entry(way).or_insert_with(|| Link::new(way));
        let member = Member::new(id, hold, peer, weight, is_new);
        let (gate, capped) = (member.gate(), Arc::clone(member.capped()));
        link.members.push(member);
        link.clamp_newest();
        Membership { governor: Arc::clone(self), way, id, gate, capped }
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
        (steered.members() > 0).then_some(steered.next_look().after)
    }

    /// Looks at all links and throttles what is to be throttled. `now` is the time since any fixed moment.
    pub fn tick(&self, now: Duration) {
        let mut steered = self.steered();
        let openings = steered.count_others_openings(Openings::count);
        steered.links.retain(|_, link| !link.members.is_empty() || now.saturating_sub(link.ticked) < FORGET);
        let is_early = steered.next_look().is_early;
        for link in steered.links.values_mut() {
            link.tick(now, openings, is_early);
        }
        steered.is_stirred = steered.links.values().any(|link| !link.law.is_calm());
        steered.is_quick = steered.links.values().any(|link| link.law.is_quick());
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
        self.capped.waits.store(is_capped, Ordering::Relaxed);
    }

    /// The window its caps allow, in bytes; `None` without any.
    pub fn set_cap_window(&self, bytes: Option<usize>) {
        let bytes = bytes.map_or(u64::MAX, |bytes| bytes as u64);
        self.capped.window_bytes.store(bytes, Ordering::Relaxed);
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
            if link.members.iter().all(Member::is_parked) {
                link.members.iter_mut().take(1).for_each(Member::unpark);
            }
        }
    }
}

impl Drop for OwnOpening {
    fn drop(&mut self) {
        let mut steered = self.0.steered();
        // What was counted since the last look may be ours.
        steered.count_others_openings(Openings::count_anew);
        steered.opening = steered.opening.saturating_sub(1);
    }
}

impl Steered {
    /// How many connections are steered.
    fn members(&self) -> usize {
        self.links.values().map(|link| link.members.len()).sum()
    }

    fn next_look(&self) -> Next {
        looks::next(self.members(), !self.is_stirred, self.is_quick)
    }

    /// How many connections others have opened in all, as far as can be told.
    fn count_others_openings(&mut self, count: fn(&mut Openings) -> Option<u64>) -> Option<u64> {
        let all = count(self.openings.get_or_insert_with(Openings::of_this_machine))?;
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

    fn tick(&mut self, now: Duration, openings: Option<u64>, is_early: bool) {
        let secs = now.saturating_sub(self.ticked).as_secs_f64().clamp(0.001, 0.5);
        self.ticked = now;
        let mut connections = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            let Some(came) = member.count(secs) else { continue };
            self.own_bytes += came;
            // What one that is parked says of the way is old.
            if !member.is_parked() {
                connections.push(member.as_connection());
            }
        }
        let sample = Sample {
            at: now,
            own_bytes: self.own_bytes,
            interface_bytes: self.interface.as_ref().and_then(Interface::received_bytes),
            sent_bytes: self.interface.as_ref().and_then(Interface::sent_bytes),
            openings,
            connections: &connections,
            is_capped: !self.members.is_empty() && self.members.iter().all(Member::is_capped),
            is_early,
            is_counted_late: !self.members.iter().all(Member::has_window),
        };
        let before = self.verdict.state;
        self.verdict = self.law.tick(&sample);
        if before != self.verdict.state {
            self.since = now;
        }
        self.others_bytes += self.verdict.others.unwrap_or_default() * secs;
        tracing::trace!(law = self.law.trace(), "governed");
        // What the kernel does not tell of any more is gone.
        if !connections.is_empty() {
            self.throttle();
        }
    }

    fn throttle(&mut self) {
        let window_bytes = self.verdict.window_bytes;
        let round_trip = Duration::from_secs_f64(self.verdict.round_trip);
        // Where nobody is in need of the link, a little more for each is no harm, and smoother than turns. Where we hold back by
        // reading, no window is too small.
        let holds_back = matches!(self.verdict.state, LinkState::Yielding | LinkState::Returning);
        let takes_turns = holds_back && self.members.iter().any(Member::has_window);
        let for_turns = if takes_turns { window_bytes } else { u64::MAX };
        let flowing = self.turns.flowing(self.ticked, for_turns, self.members.len());
        let claim =
            |(index, member): (usize, &Member)| if flowing.has(index) { member.claim() } else { Claim::NONE };
        let claims: Vec<Claim> = self.members.iter().enumerate().map(claim).collect();
        let are_many = looks::are_many(claims.len());
        for (index, share) in shares(window_bytes, &claims).into_iter().enumerate() {
            let member = &mut self.members[index];
            if flowing.has(index) {
                member.unpark();
                member.hold_to(share, round_trip, self.ticked, are_many);
            } else {
                member.hold_back(self.ticked);
            }
        }
    }

    /// A new connection begins with what it would get at the next tick, or with a first flight.
    fn clamp_newest(&mut self) {
        let members = self.members.len() as u64;
        if let Some(newest) = self.members.last_mut() {
            let share = (self.verdict.window_bytes / members).clamp(2 * SEGMENT, 10 * SEGMENT);
            // As if long ago: what was said before anything came has to be said again.
            newest.hold_to(share, Duration::from_secs_f64(self.verdict.round_trip), Duration::ZERO, false);
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
                window: self.members.iter().any(Member::has_window),
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

#[cfg(test)]
mod tests {
    use super::super::member::Reads;
    use super::*;

    /// Over which nothing comes.
    #[derive(Debug)]
    struct Silent;

    impl Reads for Silent {
        fn received_bytes(&self) -> u64 {
            0
        }

        fn read_at(&self, _rate_bps: u64) {}
    }

    #[test]
    fn many_connections_are_looked_at_seldom_once_all_is_calm() {
        let governor = Arc::new(Governor::default());
        // Addresses nobody has (RFC 5737).
        let ends = |port| (SocketAddr::from(([192, 0, 2, 1], port)), SocketAddr::from(([192, 0, 2, 2], 80)));
        let steer = |port| governor.steer(Hold::Reads(Arc::new(Silent)), ends(port), 1, true);
        let few: Vec<Membership> = (1..=4).map(steer).collect();
        let look_after = |secs: u64| {
            governor.tick(Duration::from_secs(secs));
            governor.next_look_in().map(|wait| wait.as_millis())
        };
        assert_eq!(look_after(1), Some(10));
        assert_eq!(look_after(9), Some(10), "it is calm, but they are few");
        let fifth = steer(5);
        assert_eq!(look_after(10), Some(30));
        drop(few);
        assert_eq!(look_after(11), Some(10));
        drop(fifth);
        assert_eq!(look_after(12), None);
        let _many: Vec<Membership> = (1..=5).map(steer).collect();
        assert_eq!(look_after(13), Some(10), "they begin");
        assert_eq!(look_after(14), Some(10));
        assert_eq!(look_after(18), Some(30), "nothing comes of it");
    }
}
