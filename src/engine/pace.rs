//! How fast the bytes of one transfer may arrive: all the caps that apply to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use url::Url;

use super::governor::{InForce, Steering};
use crate::idle::{Bucket, FIRST_WINDOW, Membership, OwnSocket, Place, window_for};
use crate::job::{Priority, Rate};
use crate::transfer::{Notice, Pace, Paces};

/// What a connection is worth having for, in bytes per second: under a low cap more of them bring nothing but the burst
/// each begins with.
const LEAST_SHARE_BPS: u64 = 64 << 10;

/// One cap, shared by all who must keep to it.
#[derive(Debug)]
pub(super) struct Cap {
    bucket: Mutex<Bucket>,
    /// The bucket's rate, 0 for none: every piece that arrives asks for it, and most caps are none.
    rate_bps: AtomicU64,
    /// How many connections share it now.
    connections: AtomicUsize,
    /// One of the caps counted there, unless it is none.
    in_force: InForce,
}

impl Cap {
    pub(super) fn new(rate: Option<Rate>, in_force: &InForce) -> Arc<Self> {
        let cap = Self {
            bucket: Mutex::new(Bucket::new(None, Instant::now())),
            rate_bps: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            in_force: in_force.clone(),
        };
        cap.set_rate(rate);
        Arc::new(cap)
    }

    pub(super) fn set_rate(&self, rate: Option<Rate>) {
        let mut bucket = self.bucket();
        self.in_force.replace(bucket.rate().is_some(), rate.is_some());
        bucket.set_rate(rate, Instant::now());
        self.rate_bps.store(rate.map_or(0, Rate::bytes_per_sec), Ordering::Relaxed);
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        Rate::from_bytes_per_sec(self.rate_bps.load(Ordering::Relaxed))
    }

    /// What one connection may count on, in bytes per second.
    fn share(&self) -> Option<Rate> {
        let connections = self.connections.load(Ordering::Relaxed).max(1) as u64;
        let rate = self.rate()?.bytes_per_sec();
        Rate::from_bytes_per_sec((rate / connections).max(1))
    }

    /// Books what a window lets in before anything is read: it arrives as much as the rest. A third of a second's worth at
    /// most, so that a very low cap does not delay the start.
    fn book_window(&self, bytes: usize) -> Place {
        let mut bucket = self.bucket();
        let most = bucket.rate().map_or(0, |rate| (rate.bytes_per_sec() / 3) as usize);
        bucket.book(most.min(bytes), Instant::now())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cap {
    fn drop(&mut self) {
        self.in_force.replace(self.rate().is_some(), false);
    }
}

/// How many connections there are to each server.
pub(super) struct Servers {
    seats: Mutex<HashMap<Server, usize>>,
    /// How many there may be of those that are not in a hurry.
    most: AtomicUsize,
}

/// What counts as one server: a host and a port.
type Server = (String, Option<u16>);

/// A connection's seat at its server; free again when dropped.
struct Seat {
    servers: Arc<Servers>,
    server: Server,
}

impl Servers {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { seats: Mutex::default(), most: AtomicUsize::new(most) })
    }

    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// A seat; where `is_held` only if one is free.
    fn seat(self: &Arc<Self>, url: &Url, is_held: bool) -> Option<Seat> {
        let server = (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default());
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(server.clone()).or_default();
        if is_held && *taken >= self.most.load(Ordering::Relaxed) {
            return None;
        }
        *taken += 1;
        Some(Seat { servers: Arc::clone(self), server })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.servers.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.server) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.server);
            }
        }
    }
}

/// What is known of a peer, asked once per connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Whether the caps of the timetable are left out for it.
    pub(super) is_exempt: bool,
    /// Whether the link that is shared with others is between it and us.
    pub(super) is_behind_link: bool,
}

type LookUp = dyn Fn(SocketAddr) -> Peer + Send + Sync;

/// The part of the idle bandwidth a transfer gets beside those of other priorities; `None` for those that do not wait for
/// it. Levels rarely run side by side: the scheduler starts the lower one only where the higher leaves room.
const fn weight(priority: Priority) -> Option<u32> {
    match priority {
        Priority::Foreground => None,
        Priority::High => Some(4),
        Priority::Normal => Some(2),
        Priority::Low => Some(1),
    }
}

/// The paces of all connections of one file.
pub(super) struct FilePaces {
    caps: Mutex<Vec<Applies>>,
    connections: Mutex<Vec<Weak<JobPace>>>,
    look_up: Arc<LookUp>,
    servers: Arc<Servers>,
    steering: Steering,
    /// Foreground jobs neither keep to the most connections a server may have nor wait for idle bandwidth.
    priority: Mutex<Priority>,
}

impl FilePaces {
    /// They keep to these caps and give way as the priority says; `look_up` tells about their peers.
    pub(super) fn new(
        caps: Vec<Applies>,
        priority: Priority,
        look_up: impl Fn(SocketAddr) -> Peer + Send + Sync + 'static,
        servers: Arc<Servers>,
        steering: Steering,
    ) -> Self {
        Self {
            caps: Mutex::new(caps),
            connections: Mutex::default(),
            look_up: Arc::new(look_up),
            servers,
            steering,
            priority: Mutex::new(priority),
        }
    }

    /// They keep to other caps, and give way as that priority says, from now on.
    pub(super) fn set(&self, caps: Vec<Applies>, priority: Priority) {
        for pace in self.living() {
            pace.set_caps(caps.clone());
            pace.set_weight(weight(priority));
        }
        *self.caps() = caps;
        *self.priority.lock().unwrap_or_else(PoisonError::into_inner) = priority;
    }

    fn priority(&self) -> Priority {
        *self.priority.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lowest cap in force.
    pub(super) fn lowest(&self) -> Option<Rate> {
        self.caps().iter().filter_map(|(cap, _)| cap.rate()).min()
    }

    fn caps(&self) -> MutexGuard<'_, Vec<Applies>> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Weak<JobPace>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn living(&self) -> Vec<Arc<JobPace>> {
        self.connections().iter().filter_map(Weak::upgrade).collect()
    }

    fn pace(&self, seat: Option<Seat>) -> Arc<dyn Pace> {
        let pace = Arc::new(JobPace::new(self, seat));
        let mut connections = self.connections();
        connections.retain(|pace| pace.strong_count() > 0);
        connections.push(Arc::downgrade(&pace));
        pace
    }
}

impl Paces for FilePaces {
    fn first(&self, url: &Url) -> Arc<dyn Pace> {
        self.pace(self.servers.seat(url, false))
    }

    fn another(&self, url: &Url) -> Option<Arc<dyn Pace>> {
        let connections = self.living().len() as u64 + 1;
        if self.lowest().is_some_and(|rate| rate.bytes_per_sec() / connections < LEAST_SHARE_BPS) {
            return None;
        }
        let seat = self.servers.seat(url, self.priority() != Priority::Foreground)?;
        Some(self.pace(Some(seat)))
    }
}

/// The caps one connection keeps to.
struct JobPace {
    connection: Mutex<Option<Connection>>,
    line: Mutex<Vec<InLine>>,
    look_up: Arc<LookUp>,
    steering: Steering,
    /// Its part of the idle bandwidth; `None` where it does not wait for it.
    weight: Mutex<Option<u32>>,
    _seat: Option<Seat>,
}

/// A transfer's place in the line for one cap.
struct InLine {
    cap: Arc<Cap>,
    /// Whether it is one of the timetable's.
    by_timetable: bool,
    place: Place,
    /// Its equal share of the cap, and where it stands in line for that.
    share: Bucket,
    share_place: Place,
}

struct Connection {
    /// `None` where the kernel's throttle is not within reach.
    socket: Option<Arc<OwnSocket>>,
    local: SocketAddr,
    peer: SocketAddr,
    is_behind_link: bool,
    /// Whether something of the file has come: from then on it is steered.
    has_begun: bool,
    /// The governor steers it as long as it is there.
    membership: Option<Membership>,
    /// The window it is held to; `None` while the kernel sizes it.
    held_to: Option<usize>,
    /// The largest window it was ever held to; beyond all bounds once it was let go.
    offered_bytes: usize,
}

impl InLine {
    fn new(cap: Arc<Cap>, by_timetable: bool) -> Self {
        let share = Bucket::new(None, Instant::now());
        Self { cap, by_timetable, place: Place::default(), share, share_place: Place::default() }
    }

    fn wait(&mut self, now: Instant) -> Option<Duration> {
        let mut bucket = self.cap.bucket();
        let turn = bucket.wait(self.place, now);
        // Who has had more than an equal share waits for what the others leave.
        let share = self.share.wait(self.share_place, now);
        let fair = share.and_then(|share| Some(share.min(bucket.wait_for_spare(now)?)));
        turn.max(fair)
    }
}

/// A cap, and whether it is one of the timetable's.
pub(super) type Applies = (Arc<Cap>, bool);

impl JobPace {
    fn new(of: &FilePaces, seat: Option<Seat>) -> Self {
        let caps = of.caps().clone();
        let line = caps.into_iter().map(|(cap, by_timetable)| InLine::new(cap, by_timetable)).collect();
        Self {
            connection: Mutex::new(None),
            line: Mutex::new(line),
            look_up: Arc::clone(&of.look_up),
            steering: of.steering.clone(),
            weight: Mutex::new(weight(of.priority())),
            _seat: seat,
        }
    }

    /// Gives way as somebody with that weight, or not at all.
    fn set_weight(&self, weight: Option<u32>) {
        let is_other =
            std::mem::replace(&mut *self.weight.lock().unwrap_or_else(PoisonError::into_inner), weight)
                != weight;
        if is_other {
            self.steer(false);
        }
    }

    /// Has the governor steer the connection, which may be new, if it is one to be steered.
    fn steer(&self, is_new: bool) {
        let weight = *self.weight.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut *self.connection() else { return };
        // The old one first: two would both be counted.
        connection.membership = None;
        let Some(socket) = &connection.socket else { return };
        if let Some(weight) = weight.filter(|_| connection.is_behind_link) {
            let ends = (connection.local, connection.peer);
            connection.membership =
                Some(self.steering.governor.steer(Arc::clone(socket), ends, weight, is_new));
            self.steering.wake();
        } else {
            socket.unclamp();
        }
    }

    /// Keeps what comes before anything is read, and before it is steered, to what the server was offered already.
    fn hold_back_first(&self) {
        let gives_way = self.weight.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if let Some(Connection { socket: Some(socket), is_behind_link: true, .. }) = &*self.connection()
            && gives_way
        {
            socket.clamp(FIRST_WINDOW as u64);
        }
    }

    /// Keeps to other caps from now on.
    fn set_caps(&self, caps: Vec<Applies>) {
        let connection = self.connection();
        let mut line = self.line();
        let is_connected = usize::from(connection.is_some());
        for old in &*line {
            old.cap.connections.fetch_sub(is_connected, Ordering::Relaxed);
        }
        *line = caps.into_iter().map(|(cap, by_timetable)| InLine::new(cap, by_timetable)).collect();
        for new in &*line {
            new.cap.connections.fetch_add(is_connected, Ordering::Relaxed);
        }
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> MutexGuard<'_, Vec<InLine>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the kernel offer no more than the caps let through in a moment, so that what arrives is smooth and not
    /// only its average is right.
    fn hold(&self) {
        let Some(connection) = &mut *self.connection() else { return };
        let Some(socket) = &connection.socket else { return };
        let share = self.line().iter().filter_map(|line| line.cap.share()).min();
        let window =
            share.map(|rate| window_for(rate, socket.path().unwrap_or_default(), connection.offered_bytes));
        match (window, connection.held_to) {
            (None, Some(_)) => socket.let_go(),
            // The round trip is measured anew all the time: only a real difference is worth a call.
            (Some(window), Some(held)) if window.abs_diff(held) <= held / 8 => return,
            (Some(window), _) => socket.hold_to(window),
            (None, None) => return,
        }
        // What a larger window lets in arrives before anything more is read, and as much as the rest.
        if let (Some(window), Some(held)) = (window, connection.held_to) {
            let more = window.saturating_sub(held);
            self.line().iter_mut().for_each(|line| line.place = line.cap.book_window(more));
        }
        connection.held_to = window;
        connection.offered_bytes = connection.offered_bytes.max(window.unwrap_or(usize::MAX));
    }
}

impl Drop for JobPace {
    fn drop(&mut self) {
        if self.connection().take().is_some() {
            for line in &*self.line() {
                line.cap.connections.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Pace for JobPace {
    fn connected(&self, local: SocketAddr, peer: SocketAddr) {
        let found = (self.look_up)(peer);
        let before = self.connection().replace(Connection {
            socket: OwnSocket::find(local, peer).map(Arc::new),
            local,
            peer,
            is_behind_link: found.is_behind_link,
            has_begun: false,
            membership: None,
            held_to: Some(FIRST_WINDOW),
            offered_bytes: FIRST_WINDOW,
        });
        if before.is_none() {
            let mut line = self.line();
            line.retain(|line| !(found.is_exempt && line.by_timetable));
            for line in &mut *line {
                line.cap.connections.fetch_add(1, Ordering::Relaxed);
                line.place = line.cap.book_window(2 * FIRST_WINDOW);
            }
        }
        self.hold();
        self.hold_back_first();
    }

    fn book(&self, bytes: usize) {
        let now = Instant::now();
        for line in self.line().iter_mut().filter(|line| line.cap.rate().is_some()) {
            line.place = line.cap.bucket().book(bytes, now);
            line.share.set_rate(line.cap.share(), now);
            line.share_place = line.share.book(bytes, now);
        }
        let begins = |connection: &mut Connection| !std::mem::replace(&mut connection.has_begun, true);
        if self.connection().as_mut().is_some_and(begins) {
            self.steer(true);
        }
        self.steering.notice();
        self.hold();
    }

    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut line = self.line();
        let in_force = line.iter_mut().filter(|line| line.cap.rate().is_some());
        let wait = in_force.map(|line| line.wait(now)).max().flatten();
        drop(line);
        if let Some(membership) =
            self.connection().as_ref().and_then(|connection| connection.membership.as_ref())
        {
            membership.set_capped(wait.is_some());
        }
        wait
    }

    fn parked(&self) -> Option<Notice> {
        let connection = self.connection();
        let notice = connection.as_ref()?.membership.as_ref()?.parked()?;
        Some(Box::pin(notice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_counted_as_long_as_they_are_any() {
        let in_force = InForce::default();
        let mut caps = vec![Cap::new(None, &in_force)];
        assert!(!in_force.is_any());
        caps[0].set_rate(Rate::from_bytes_per_sec(1));
        caps[0].set_rate(Rate::from_bytes_per_sec(2));
        caps.push(Cap::new(Rate::from_bytes_per_sec(3), &in_force));
        assert!(in_force.is_any());
        caps[0].set_rate(None);
        assert!(in_force.is_any());
        caps.pop();
        assert!(!in_force.is_any());
    }
}
