//! How fast the bytes of one transfer may arrive: all the caps that apply to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use url::Url;

use super::cap::{Applies, InLine, Whose};
use super::governor::{Steering, is_here};
use super::newcomers::Newcomer;
use super::reader::Reader;
use super::servers::{Seat, Servers};
use crate::idle::{FIRST_WINDOW, Hold, Membership, OwnSocket, Path, offer_for, window_for};
use crate::job::{Priority, Rate};
use crate::transfer::{FIRST_OFFER_BYTES, Notice, Pace, Paces};

/// What a connection is worth having for, in bytes per second: under a low cap more of them bring nothing but the burst
/// each begins with.
const LEAST_SHARE_BPS: u64 = 64 << 10;

/// In so many round trips a server has sent what a handshake offered it, and a little for those that come late.
const ROUND_TRIPS_OF_OFFER: u32 = 4;
const LATE: Duration = Duration::from_millis(50);

/// What is known of a peer, asked once per connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Whether the caps of the timetable are left out for it.
    pub(super) is_exempt: bool,
    pub(super) whereabouts: Whereabouts,
}

/// Where the link that is shared with others is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Not between the server and us, or beyond a proxy on this machine, which fetches as it likes.
    Near,
    /// Between the peer and us.
    BehindLink,
    /// Beyond the peer, which is a proxy in our own network: what the kernel says of the connection is not of the link.
    Proxy,
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

    /// Whether one more has to wait until the last one is let in; not where they do not wait for idle bandwidth.
    fn is_letting_one_in(&self) -> bool {
        let gives_way = weight(self.priority()).is_some();
        gives_way
            && self.living().iter().any(|pace| pace.is_behind_link())
            && self.steering.newcomers.is_any_new(tokio::time::Instant::now())
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
        if self.is_letting_one_in() {
            return None;
        }
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
    newcomer: Arc<Newcomer>,
    _seat: Option<Seat>,
}

struct Connection {
    /// `None` where the kernel's throttle is not within reach.
    socket: Option<Arc<OwnSocket>>,
    local: SocketAddr,
    peer: SocketAddr,
    whereabouts: Whereabouts,
    /// Whether the caps of the timetable are left out for it.
    is_exempt: bool,
    /// Whether something of the file has come: from then on it is steered.
    has_begun: bool,
    /// The governor steers it as long as it is there.
    membership: Option<Membership>,
    /// What it is read through, where it is held back so.
    reader: Option<Arc<Reader>>,
    /// The window its buffer is held to by caps; `None` while the kernel sizes it.
    held_to: Option<usize>,
    /// When that becomes less.
    shrinks_at: Option<Instant>,
    /// What of the window is booked, as it arrives before anything more is read.
    lets_in_bytes: usize,
    /// The largest window it was ever held to; beyond all bounds once it was let go.
    offered_bytes: usize,
}

impl Connection {
    /// Whether its buffer may be that now. What is under way was offered, and comes: where it finds a smaller one it is thrown
    /// away, and the server takes that for a loss. Nearby little is under way; and where we hold back by reading, all that
    /// comes meanwhile would have to be read first.
    fn may_hold_to(&mut self, window: Option<usize>, path: Option<Path>) -> bool {
        let is_less = |window: usize| self.held_to.is_none_or(|held| window < held);
        let is_far = self.whereabouts == Whereabouts::BehindLink && self.reader.is_none();
        let shrinks = window.is_some_and(is_less) && is_far;
        let Some(path) = path.filter(|_| shrinks) else {
            self.shrinks_at = None;
            return true;
        };
        let now = Instant::now();
        let at = *self.shrinks_at.get_or_insert(now + ROUND_TRIPS_OF_OFFER * path.round_trip + LATE);
        if at <= now {
            self.shrinks_at = None;
        }
        at <= now
    }
}

impl JobPace {
    fn new(of: &FilePaces, seat: Option<Seat>) -> Self {
        let caps = of.caps().clone();
        let line = caps.into_iter().map(|(cap, whose)| InLine::new(cap, whose)).collect();
        Self {
            connection: Mutex::new(None),
            line: Mutex::new(line),
            look_up: Arc::clone(&of.look_up),
            steering: of.steering.clone(),
            weight: Mutex::new(weight(of.priority())),
            newcomer: of.steering.newcomers.let_in(tokio::time::Instant::now()),
            _seat: seat,
        }
    }

    fn is_behind_link(&self) -> bool {
        self.connection().as_ref().is_some_and(|connection| connection.whereabouts == Whereabouts::BehindLink)
    }

    /// Gives way as somebody with that weight, or not at all.
    fn set_weight(&self, weight: Option<u32>) {
        let is_other =
            std::mem::replace(&mut *self.weight.lock().unwrap_or_else(PoisonError::into_inner), weight)
                != weight;
        if is_other {
            self.steer(None);
        }
    }

    /// Has the governor steer the connection, if it is one to be steered. Where it is new, so many bytes have come over it.
    fn steer(&self, new_bytes: Option<usize>) {
        let weight = *self.weight.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut *self.connection() else { return };
        // The old one first: two would both be counted.
        (connection.membership, connection.reader) = (None, None);
        let mut line = self.line();
        line.retain(|line| line.whose != Whose::Governor);
        let Some(weight) = weight.filter(|_| connection.whereabouts != Whereabouts::Near) else {
            if let Some(socket) = &connection.socket {
                socket.unclamp();
            }
            return;
        };
        let is_behind_link = connection.whereabouts == Whereabouts::BehindLink;
        let hold = match &connection.socket {
            Some(socket) if is_behind_link && socket.takes_window(FIRST_WINDOW as u64) => {
                Hold::Window(Arc::clone(socket))
            }
            socket => {
                let reader = Reader::new(socket.clone(), new_bytes.unwrap_or(0), &self.steering.in_force);
                reader.cap().join();
                line.push(InLine::new(Arc::clone(reader.cap()), Whose::Governor));
                Hold::Reads(connection.reader.insert(reader).clone())
            }
        };
        let ends = (connection.local, connection.peer);
        connection.membership = Some(self.steering.governor.steer(hold, ends, weight, new_bytes.is_some()));
        self.steering.wake();
    }

    /// Keeps what comes before anything is read, and before it is steered, to what the server was offered already, unless a
    /// cap keeps it to less.
    fn hold_back_first(&self) {
        let is_capped = self.line().iter().any(|line| line.cap.rate().is_some());
        let gives_way = !is_capped && self.weight.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if let Some(Connection { socket: Some(socket), whereabouts: Whereabouts::BehindLink, .. }) =
            &*self.connection()
            && gives_way
        {
            socket.clamp(FIRST_WINDOW as u64);
        }
    }

    /// Keeps to other caps from now on.
    fn set_caps(&self, caps: Vec<Applies>) {
        let connection = self.connection();
        let mut line = self.line();
        let is_exempt = connection.as_ref().is_some_and(|connection| connection.is_exempt);
        let reader = connection.as_ref().and_then(|connection| connection.reader.as_ref());
        let governors = reader.map(|reader| (Arc::clone(reader.cap()), Whose::Governor));
        let left_out = |whose| is_exempt && whose == Whose::Timetable;
        let caps = caps.into_iter().filter(|(_, whose)| !left_out(*whose)).chain(governors);
        let before =
            std::mem::replace(&mut *line, caps.map(|(cap, whose)| InLine::new(cap, whose)).collect());
        if connection.is_some() {
            for old in &before {
                old.cap.leave();
            }
            for new in &*line {
                new.cap.join();
            }
        }
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> MutexGuard<'_, Vec<InLine>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long what has arrived is ahead of the caps.
    fn ahead(&self) -> Duration {
        let now = Instant::now();
        let mut line = self.line();
        let capped = line.iter_mut().filter(|line| line.cap.rate().is_some());
        capped.filter_map(|line| line.wait(now)).max().unwrap_or_default()
    }

    /// Has the kernel offer no more than the caps let through in a moment, so that what arrives is smooth and not
    /// only its average is right.
    fn hold(&self) {
        let Some(connection) = &mut *self.connection() else { return };
        let Some(socket) = connection.socket.clone() else { return };
        let share = self.line().iter().filter_map(|line| line.cap.share()).min();
        let keeps_to = share.map(|rate| (rate, socket.path().unwrap_or_default()));
        let window = keeps_to.map(|(rate, path)| window_for(rate, path, connection.offered_bytes));
        let is_same = match (window, connection.held_to) {
            // The round trip is measured anew all the time: only a real difference is worth a call.
            (Some(window), Some(held)) => window.abs_diff(held) <= held / 8,
            (window, held) => window == held,
        };
        if is_same {
            connection.shrinks_at = None;
        } else if connection.may_hold_to(window, keeps_to.map(|(_, path)| path)) {
            match window {
                Some(window) => socket.hold_to(window),
                None => socket.let_go(),
            }
            // What a larger window lets in arrives before anything more is read, and as much as the rest.
            if let (Some((rate, path)), Some(window)) = (keeps_to, window) {
                // Between the most and the least that is offered: a round trip ahead.
                let lets_in = window.min(offer_for(rate, path, path.round_trip));
                let before = std::mem::replace(&mut connection.lets_in_bytes, lets_in);
                for line in self.line().iter_mut().filter(|_| connection.held_to.is_some()) {
                    line.book_window(lets_in.saturating_sub(before));
                    line.give_back_window(before.saturating_sub(lets_in));
                }
            }
            connection.held_to = window;
            connection.offered_bytes = connection.offered_bytes.max(window.unwrap_or(usize::MAX));
        }
        // A buffer lets in up to twice as much, in lumps.
        let offer = keeps_to.map(|(rate, path)| offer_for(rate, path, self.ahead()));
        match (&connection.membership, offer) {
            (Some(membership), _) => membership.set_cap_window(offer),
            (None, Some(offer)) => socket.clamp(offer as u64),
            (None, None) => {}
        }
    }
}

impl Drop for JobPace {
    fn drop(&mut self) {
        if self.connection().take().is_some() {
            for line in &*self.line() {
                line.cap.leave();
            }
        }
    }
}

impl Pace for JobPace {
    fn connected(&self, local: SocketAddr, peer: SocketAddr) {
        let found = (self.look_up)(peer);
        let (offered_bytes, booked_bytes) = if is_here(peer) {
            // The kernel offers up to twice as much at first.
            (FIRST_WINDOW, 2 * FIRST_WINDOW)
        } else {
            (FIRST_OFFER_BYTES as usize, FIRST_OFFER_BYTES as usize)
        };
        let before = self.connection().replace(Connection {
            socket: OwnSocket::find(local, peer).map(Arc::new),
            local,
            peer,
            whereabouts: found.whereabouts,
            is_exempt: found.is_exempt,
            has_begun: false,
            membership: None,
            reader: None,
            shrinks_at: None,
            held_to: Some(offered_bytes),
            lets_in_bytes: offered_bytes,
            offered_bytes,
        });
        let mut line = self.line();
        line.retain(|line| line.whose != Whose::Governor);
        if before.is_none() {
            line.retain(|line| !(found.is_exempt && line.whose == Whose::Timetable));
            for line in &mut *line {
                line.cap.join();
                line.book_window(booked_bytes);
                line.give_back_window(booked_bytes - offered_bytes);
            }
        }
        drop(line);
        self.hold();
        self.hold_back_first();
    }

    fn book(&self, bytes: usize) {
        let now = Instant::now();
        self.newcomer.has_brought(bytes);
        for line in self.line().iter_mut().filter(|line| line.cap.rate().is_some()) {
            line.book(bytes, now);
        }
        let begins = self.connection().as_mut().is_some_and(|connection| {
            if let Some(reader) = &connection.reader {
                reader.has_read(bytes);
            }
            !std::mem::replace(&mut connection.has_begun, true)
        });
        if begins {
            self.steer(Some(bytes));
        }
        self.steering.notice();
        self.hold();
    }

    fn wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let (mut longest, mut is_capped) = (None, false);
        for line in self.line().iter_mut().filter(|line| line.cap.rate().is_some()) {
            let wait = line.wait(now);
            longest = longest.max(wait);
            is_capped |= wait.is_some() && line.whose != Whose::Governor;
        }
        let mut is_to_shrink = false;
        if let Some(connection) = &*self.connection() {
            if let Some(membership) = &connection.membership {
                membership.set_capped(is_capped);
            }
            is_to_shrink = connection.shrinks_at.is_some();
        }
        if longest.is_none() && is_to_shrink {
            // Before anything is read: that makes room for more.
            self.hold();
        }
        longest
    }

    fn parked(&self) -> Option<Notice> {
        let connection = self.connection();
        let notice = connection.as_ref()?.membership.as_ref()?.parked()?;
        Some(Box::pin(notice))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cap::Cap;
    use super::super::governor::Governing;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn over_the_link_connections_are_let_in_one_after_the_other() {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let url: Url = "http://127.0.0.1:9/".parse().unwrap();
        for (priority, whereabouts, waits) in [
            (Priority::Normal, Whereabouts::BehindLink, true),
            (Priority::Normal, Whereabouts::Near, false),
            (Priority::Foreground, Whereabouts::BehindLink, false),
        ] {
            let steering = Governing::start(tokio::time::Instant::now()).steering();
            let look_up = move |_| Peer { is_exempt: true, whereabouts };
            let of = FilePaces::new(Vec::new(), priority, look_up, Servers::new(4), steering);
            let first = of.first(&url);
            first.connected(nobody, nobody);
            assert_eq!(of.another(&url).is_none(), waits, "{priority:?} {whereabouts:?}");
            first.book(FIRST_OFFER_BYTES as usize);
            let second = of.another(&url).expect("the first is let in");
            assert_eq!(of.another(&url).is_none(), waits, "{priority:?} {whereabouts:?}");
            drop(second);
            assert!(of.another(&url).is_some(), "nobody is new any more");
        }
    }

    #[tokio::test]
    async fn whom_the_timetable_leaves_alone_it_leaves_alone_when_caps_change() {
        let steering = Governing::start(tokio::time::Instant::now()).steering();
        let cap = |bytes| Cap::new(Rate::from_bytes_per_sec(bytes), &steering.in_force);
        let (first, second, timetables) = (cap(1000), cap(2000), cap(1));
        let caps = |own: &Arc<Cap>| {
            vec![(Arc::clone(own), Whose::User), (Arc::clone(&timetables), Whose::Timetable)]
        };
        let near = |_| Peer { is_exempt: true, whereabouts: Whereabouts::Near };
        let of = FilePaces::new(caps(&first), Priority::Normal, near, Servers::new(4), steering.clone());
        let pace = JobPace::new(&of, None);
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        pace.connected(nobody, nobody);
        let rates = || pace.line().iter().filter_map(|line| line.cap.rate()).collect::<Vec<_>>();
        assert_eq!(rates(), [first.rate().unwrap()]);
        pace.set_caps(caps(&second));
        assert_eq!(rates(), [second.rate().unwrap()]);
    }
}
