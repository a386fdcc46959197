//! The bottleneck as it runs: a thread that carries packets between two TUN devices, and writes down what it has seen.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::queue::Queue;
use crate::support::tool;

/// Over how long bytes are added up.
pub(crate) const SLOT: Duration = Duration::from_millis(50);

/// Packets are let out on time or late by up to this: one waking for several of them is kinder to the processor.
const GRAIN_NANOS: u64 = 100_000;

/// From when on a packet is late.
const LATE: Duration = Duration::from_millis(1);

/// What came through towards the home within one slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// Bytes on the wire, by the address at home.
    pub(crate) bytes: HashMap<Ipv4Addr, u64>,
    pub(crate) packets: u64,
    /// How long those packets had waited in the queue, added up.
    pub(crate) waited: Duration,
}

/// What both threads know.
#[derive(Default)]
struct Shared {
    course: Mutex<Course>,
    stops: AtomicBool,
}

#[derive(Default)]
struct Course {
    slots: Vec<Slot>,
    /// The rate towards the home from now on, in bytes per second.
    new_rate_bps: Option<f64>,
    health: Health,
}

/// How well the bottleneck did as one, towards the home.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    pub(crate) packets: u64,
    /// Packets the queue had no room for.
    pub(crate) dropped: u64,
    /// Packets that came out more than a millisecond late, for want of the processor.
    pub(crate) late: u64,
    /// By how much the latest of them was late.
    pub(crate) latest: Duration,
}

impl Shared {
    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running bottleneck.
pub(crate) struct Bottleneck {
    shared: Arc<Shared>,
    began: Instant,
    thread: Option<JoinHandle<()>>,
}

impl Bottleneck {
    /// Starts carrying: what is read from `far` goes through `down` to `near`, and the other way through `up`.
    pub(super) fn start(far: File, near: File, down: Queue, up: Queue) -> Self {
        let shared = Arc::new(Shared::default());
        let began = Instant::now();
        let ways = [Way { from: far, queue: down }, Way { from: near, queue: up }];
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            hurry();
            carry(ways, began, &theirs);
        });
        Self { shared, began, thread: Some(thread) }
    }

    /// What time it is, as slots count it.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Changes the rate towards the home, in bytes per second.
    pub(crate) fn set_rate(&self, rate_bps: f64) {
        self.shared.course().new_rate_bps = Some(rate_bps);
    }

    /// The slots that lie between two times.
    pub(crate) fn slots(&self, from: Duration, to: Duration) -> Vec<Slot> {
        let index = |time: Duration| (time.as_nanos() / SLOT.as_nanos()) as usize;
        let course = self.shared.course();
        let end = index(to).min(course.slots.len());
        course.slots[index(from).min(end)..end].to_vec()
    }

    pub(crate) fn health(&self) -> Health {
        self.shared.course().health
    }
}

impl Drop for Bottleneck {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A late packet is noise in all that is measured, so this thread goes before others where it may.
fn hurry() {
    // proc(5): `PID/task/TID`.
    let own = std::fs::read_link("/proc/thread-self").expect("/proc");
    let id = own.file_name().unwrap_or_default();
    let mut chrt = tool("chrt", "util-linux");
    let asked =
        chrt.args(["--rr", "--pid", "5"]).arg(id).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        // Not allowed either, most likely; then it has to do as it is.
        let _ = rustix::process::setpriority_process(None, -15);
    }
}

struct Way {
    from: File,
    queue: Queue,
}

fn carry(mut ways: [Way; 2], began: Instant, shared: &Shared) {
    let nanos = || began.elapsed().as_nanos() as u64;
    let slot_nanos = SLOT.as_nanos() as u64;
    let mut slot = Slot::default();
    let mut ended = Vec::new();
    let mut slot_ends = slot_nanos;
    let mut health = Health::default();
    while !shared.stops.load(Ordering::Relaxed) {
        let now = nanos();
        while now >= slot_ends {
            ended.push(std::mem::take(&mut slot));
            slot_ends += slot_nanos;
        }
        // Whoever reads them may be made to wait by others while it has the lock; that must not hold up packets.
        if let Some(mut course) = shared.course.try_lock().ok().filter(|_| !ended.is_empty()) {
            course.slots.append(&mut ended);
            health.dropped = ways[0].queue.dropped;
            course.health = health;
            if let Some(rate_bps) = course.new_rate_bps.take() {
                ways[0].queue.set_rate(rate_bps);
            }
        }
        for way in &mut ways {
            way.queue.serve(now);
            read(way, now);
            way.queue.serve(now);
        }
        let [down, up] = &mut ways;
        while let Some(packet) = down.queue.arrived(now) {
            let late = Duration::from_nanos(now.saturating_sub(packet.due_nanos()));
            health.packets += 1;
            health.late += u64::from(late > LATE);
            health.latest = health.latest.max(late);
            slot.packets += 1;
            slot.waited += Duration::from_nanos(packet.waited_nanos);
            *slot.bytes.entry(destination(&packet.bytes)).or_default() += packet.bytes.len() as u64;
            // An interface that is not up yet takes nothing, like a cable that is not plugged in.
            let _ = up.from.write(&packet.bytes);
        }
        while let Some(packet) = up.queue.arrived(now) {
            let _ = down.from.write(&packet.bytes);
        }
        let next = ways.iter().filter_map(|way| way.queue.next_at()).fold(slot_ends, u64::min);
        let now = nanos();
        let pause = next.max(now - now % GRAIN_NANOS + GRAIN_NANOS) - now;
        let pause = Timespec { tv_sec: 0, tv_nsec: pause.try_into().expect("less than a slot") };
        let mut inputs = ways.each_ref().map(|way| PollFd::new(&way.from, PollFlags::IN));
        // When it is interrupted there is only less to do.
        let _ = poll(&mut inputs, Some(&pause));
    }
}

/// Takes in what has been sent, up to a bound so that the other way gets its turn.
fn read(way: &mut Way, now: u64) {
    let mut buffer = [0; 2048];
    for _ in 0..128 {
        match way.from.read(&mut buffer) {
            Ok(bytes) => way.queue.take(buffer[..bytes].to_vec(), now),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // The interface is not up yet.
            Err(_) => return,
        }
    }
}

/// The address an IPv4 packet goes to (RFC 791 section 3.1); nothing else is sent here but IPv6's own chatter.
fn destination(packet: &[u8]) -> Ipv4Addr {
    let bytes = packet.get(16..20).filter(|_| packet[0] >> 4 == 4);
    bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
}
