//! All caps that are shared: over all jobs, over those of a priority, and what the timetable allows now.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use url::Host;

use super::cap::{Applies, Cap, Whose};
use super::clients::proxy_ports;
use super::governor::InForce;
use super::pace::{Peer, Whereabouts};
use super::snapshot::CapView;
use crate::idle::Subnets;
use crate::job::{Allowance, Event, Job, JobFile, JobId, MinuteOfWeek, Priority, Rate};
use crate::queue::{Allowed, CapsSet, JobCap, Slot, allowed, slot_at};
use crate::session::{local_minute_of_week, when_local_week_is_later};
use crate::store::Settings;

/// The background priorities, in the order of BITS's numbers.
const BACKGROUND: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

/// The caps all transfers share.
pub(super) struct Caps {
    all: Arc<Cap>,
    by_priority: [Arc<Cap>; 3],
    by_timetable: [Arc<Cap>; 3],
    /// Whether servers in one of this machine's own subnets are exempt from the timetable.
    lan_exempt: Arc<AtomicBool>,
    slot: Option<Slot>,
}

/// What the timetable says now.
pub(super) struct Present {
    /// Which background priorities may not run.
    pub(super) no_allowance: [bool; 3],
    /// When that changes, in seconds since 1970.
    pub(super) until_unix_secs: Option<u64>,
    /// What is to be noted in the log, if anything has changed.
    pub(super) event: Option<Event>,
}

impl Caps {
    /// As the settings have them.
    pub(super) fn new(settings: &Settings, in_force: &InForce) -> Self {
        let none = || std::array::from_fn(|_| Cap::new(None, in_force));
        let caps = Self {
            all: Cap::new(None, in_force),
            by_priority: none(),
            by_timetable: none(),
            lan_exempt: Arc::default(),
            slot: None,
        };
        caps.set(settings);
        caps
    }

    /// Other settings: they hold at once.
    pub(super) fn set(&self, settings: &Settings) {
        let set = caps_set(settings);
        set_if_other(&self.all, lowest(set.all, set.slow));
        for (cap, rate) in self.by_priority.iter().zip([set.high, set.normal, set.low]) {
            set_if_other(cap, rate);
        }
        self.lan_exempt.store(settings.timetable.lan_exempt, Ordering::Relaxed);
    }

    /// What the timetable says at that time; its caps hold from then on.
    pub(super) fn look_at_week(&mut self, settings: &Settings, unix_secs: u64) -> Present {
        let slot = slot_at(&settings.timetable, local_minute_of_week(unix_secs));
        let until_unix_secs = slot.next.map(|next| when_local_week_is_later(unix_secs, next.in_minutes));
        let allowances = BACKGROUND.map(|priority| slot.allowances.of(priority));
        for (cap, allowance) in self.by_timetable.iter().zip(allowances) {
            let rate = match allowance {
                Allowance::Capped(rate) => Some(rate),
                Allowance::Unlimited | Allowance::Zero => None,
            };
            set_if_other(cap, rate);
        }
        let is_new = self
            .slot
            .is_none_or(|before| (before.window, before.allowances) != (slot.window, slot.allowances));
        let was_on = self.slot.is_some();
        self.slot = settings.timetable.on.then_some(slot);
        let event = (is_new && (settings.timetable.on || was_on)).then(|| Event::Slot {
            window: slot.window.to_string(),
            allows: slot.allowances.to_string(),
            next: slot.next.map_or_else(
                || "the same".to_owned(),
                |next| format!("{}, {}", next.window, next.allowances),
            ),
            next_unix_secs: until_unix_secs,
        });
        let no_allowance = allowances.map(|allowance| allowance == Allowance::Zero);
        Present { no_allowance, until_unix_secs, event }
    }

    /// The caps a transfer keeps to, with its job's own.
    pub(super) fn of(&self, priority: Priority, own: &Arc<Cap>) -> Vec<Applies> {
        let mut caps = vec![(Arc::clone(&self.all), Whose::User), (Arc::clone(own), Whose::User)];
        if let Some(level) = BACKGROUND.iter().position(|level| *level == priority) {
            caps.push((Arc::clone(&self.by_priority[level]), Whose::User));
            caps.push((Arc::clone(&self.by_timetable[level]), Whose::Timetable));
        }
        caps
    }

    /// Tells, for a connection, whether the timetable leaves it alone, and where the link is that is shared. What is near and
    /// at one of those ports is a proxy. `is_near` is set to whether its server is in one of this machine's own subnets.
    pub(super) fn look_up(
        &self,
        is_near: Arc<AtomicBool>,
        proxy_ports: Vec<u16>,
    ) -> impl Fn(SocketAddr) -> Peer + Send + Sync + 'static {
        let lan_exempt = Arc::clone(&self.lan_exempt);
        move |peer| {
            let is_peer_near = Subnets::of_this_machine().unwrap_or_default().contain(peer.ip());
            // A proxy says nothing about the server.
            let is_proxy = is_peer_near && proxy_ports.contains(&peer.port());
            let near = is_peer_near && !is_proxy;
            let whereabouts = match (is_peer_near, is_proxy && !peer.ip().to_canonical().is_loopback()) {
                (false, _) => Whereabouts::BehindLink,
                (true, true) => Whereabouts::Proxy,
                (true, false) => Whereabouts::Near,
            };
            is_near.store(near, Ordering::Relaxed);
            Peer { is_exempt: near && lan_exempt.load(Ordering::Relaxed), whereabouts }
        }
    }
}

/// The cap that holds a job now.
pub(super) fn cap_view(job: &Job, settings: &Settings, unix_secs: u64, is_near: bool) -> Option<CapView> {
    let cap = JobCap { priority: job.priority, own: job.limit, peer_is_local: is_near };
    let now: MinuteOfWeek = local_minute_of_week(unix_secs);
    match allowed(&caps_set(settings), &settings.timetable, cap, now) {
        Allowed::UpTo(cap) => Some(CapView {
            rate: cap.rate?,
            which: cap.which,
            until_unix_secs: cap.until.map(|minutes| when_local_week_is_later(unix_secs, minutes)),
        }),
        Allowed::Nothing { .. } => None,
    }
}

/// The jobs of which the address alone tells that their server is in one of this machine's own subnets.
pub(super) fn near_jobs<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>, settings: &Settings) -> HashSet<JobId> {
    let subnets = Subnets::of_this_machine().unwrap_or_default();
    let is_near = |file: &JobFile| match file.url.host() {
        Some(Host::Ipv4(host)) => subnets.contain(host.into()),
        Some(Host::Ipv6(host)) => subnets.contain(host.into()),
        Some(Host::Domain(host)) => host == "localhost",
        None => false,
    };
    jobs.filter(|job| proxy_ports(job, settings).is_empty() && job.files.iter().all(is_near))
        .map(|job| job.id)
        .collect()
}

fn caps_set(settings: &Settings) -> CapsSet {
    CapsSet {
        all: settings.limit,
        slow: settings.slow.then_some(settings.slow_limit),
        high: settings.limit_high,
        normal: settings.limit_normal,
        low: settings.limit_low,
    }
}

fn lowest(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    one.into_iter().chain(other).min()
}

/// A cap that is set anew begins anew, so one that stays the same is left alone.
fn set_if_other(cap: &Cap, rate: Option<Rate>) {
    if cap.rate() != rate {
        cap.set_rate(rate);
    }
}
