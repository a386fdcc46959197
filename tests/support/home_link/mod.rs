//! A home link: a server, a bottleneck with a queue, a router, this machine (“here”) and another device of the
//! household (“there”), each a network namespace.
//!
//! ```text
//!   server 10.80.0.1 ── bottleneck ── 10.80.0.2 router 10.80.1.1 ── 10.80.1.2 here, and .3 for the user's programs there
//!                                                      10.80.2.1 ── 10.80.2.2 there
//! ```
//!
//! The bottleneck is a queue in this process between two TUN devices, and knows the truth: what came through for
//! which address, and how long it had waited. Everything is gone when it is dropped, or when this process ends however.

pub(crate) mod bottleneck;
pub(crate) mod course;
pub(crate) mod host;
mod kernel;
pub(crate) mod players;
pub(crate) mod queue;

use std::net::Ipv4Addr;

use bottleneck::Bottleneck;
use host::Host;
use queue::{Discipline, Queue};
use tempfile::TempDir;

use super::nginx::Nginx;
use super::program::{Home, Program};
use super::{content, read, write};

pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 80, 0, 1);
/// The address of this machine that the program uses.
pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 80, 1, 2);
/// The address of this machine that the user's other programs use, so that the bottleneck can tell them from ours.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(10, 80, 1, 3);
/// The address of the other device.
pub(crate) const THERE: Ipv4Addr = Ipv4Addr::new(10, 80, 2, 2);

/// The addresses of the router: at home, and on the link.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 80, 1, 1);
pub(crate) const ROUTERS: Ipv4Addr = Ipv4Addr::new(10, 80, 0, 2);

/// The pieces of a page besides itself.
pub(super) const PIECES: usize = 30;

/// What a link is like. Rates are in Mbit/s, times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) down_mbit: f64,
    pub(crate) up_mbit: f64,
    pub(crate) round_trip_ms: f64,
    /// How long the queue can get at these rates.
    pub(crate) queue_ms: f64,
    pub(crate) jitter_ms: f64,
    pub(crate) discipline: Discipline,
    /// The congestion control of the server.
    pub(crate) server_uses: &'static str,
}

impl Link {
    /// A cable connection as many have.
    pub(crate) const CABLE: Self = Self {
        down_mbit: 50.0,
        up_mbit: 10.0,
        round_trip_ms: 30.0,
        queue_ms: 200.0,
        jitter_ms: 0.0,
        discipline: Discipline::DropTail,
        server_uses: "cubic",
    };

    /// What it carries towards the home, in bytes per second.
    pub(crate) fn down_bps(&self) -> f64 {
        self.down_mbit * 125_000.0
    }

    fn queue(&self, mbit: f64) -> Queue {
        let nanos = |ms: f64| (ms * 1e6) as u64;
        let one_way = nanos(self.round_trip_ms / 2.0);
        Queue::new(mbit * 125_000.0, one_way, nanos(self.jitter_ms), self.queue_ms / 1e3, self.discipline)
    }
}

/// A home on a link.
pub(crate) struct HomeLink {
    pub(crate) link: Link,
    // In the order in which they have to go.
    server: Nginx,
    echo: players::Echo,
    pub(crate) bottleneck: Bottleneck,
    pub(crate) here: Host,
    pub(crate) there: Host,
    pub(crate) router: Host,
    far: Host,
    _served: TempDir,
}

impl HomeLink {
    /// Sets it up, with a server that has a file `large`, a page and its pieces.
    #[track_caller]
    pub(crate) fn new(link: Link) -> Self {
        let [far, router, here, there] = std::array::from_fn(|_| Host::new());
        let device = |host: &Host| {
            host.run(|| kernel::tun("wan")).unwrap_or_else(|error| {
                panic!(
                    "This test needs TUN devices ({error}). You can load the module (modprobe tun), give a container \
                     the device (--device /dev/net/tun), or run it as root"
                )
            })
        };
        let (at_server, at_router) = (device(&far), device(&router));
        for (host, address) in [(&far, "10.80.0.1"), (&router, "10.80.0.2")] {
            host.ip(&format!("addr add {address}/24 dev wan"));
            // What is sent faster than the bottleneck looks must not get lost before it.
            host.ip("link set wan up txqueuelen 20000");
        }
        for (n, host) in [(1, &here), (2, &there)] {
            let path = host.path();
            router.ip(&format!("link add lan{n} type veth peer name eth0 netns {path}"));
            router.ip(&format!("addr add 10.80.{n}.1/24 dev lan{n}"));
            router.ip(&format!("link set lan{n} up"));
            host.ip(&format!("addr add 10.80.{n}.2/24 dev eth0"));
            host.ip("link set eth0 up");
            host.ip(&format!("route add default via 10.80.{n}.1 congctl cubic"));
        }
        here.ip("addr add 10.80.1.3/24 dev eth0");
        far.ip(&format!("route add 10.80.0.0/16 via 10.80.0.2 congctl {}", link.server_uses));
        router.run(|| write("/proc/sys/net/ipv4/ip_forward".as_ref(), b"1"));
        for host in [&far, &here, &there] {
            // What one connection has learned must not help the next, which is to be compared with it.
            host.run(|| write("/proc/sys/net/ipv4/tcp_no_metrics_save".as_ref(), b"1"));
        }
        let bottleneck =
            Bottleneck::start(at_server, at_router, link.queue(link.down_mbit), link.queue(link.up_mbit));
        let folder = tempfile::tempdir().expect("a folder");
        fill(&folder);
        let server = far.run(|| Nginx::start_at(SERVER, folder.path()));
        let echo = far.run(|| players::Echo::start(SERVER));
        Self { link, server, echo, bottleneck, here, there, router, far, _served: folder }
    }

    /// The address of a file at the server.
    pub(crate) fn url(&self, name: &str) -> String {
        self.server.url(name)
    }

    /// Starts the program on this machine, with further words.
    #[track_caller]
    pub(crate) fn start(&self, home: &Home, words: &[&str]) -> Program {
        let command = home.command(words);
        self.here.run(|| Program::start(&mut Host::with_own_sys(&command)))
    }

    /// The same on a kernel that tells nothing of connections.
    #[track_caller]
    pub(crate) fn start_without_tcp_info(&self, home: &Home, words: &[&str]) -> Program {
        let command = home.command(words);
        self.here.run(|| {
            kernel::do_without_tcp_info().expect("a filter for calls to the kernel");
            Program::start(&mut Host::with_own_sys(&command))
        })
    }

    /// How many segments the server has had to send again in all.
    pub(crate) fn resent_segments(&self) -> u64 {
        // A line of names and one of values (RFC 2012).
        let table = self.far.run(|| read("/proc/thread-self/net/snmp".as_ref()));
        let table = String::from_utf8_lossy(&table).into_owned();
        let mut lines = table.lines().filter(|line| line.starts_with("Tcp:")).map(str::split_whitespace);
        let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
        let (_, value) = names.zip(values).find(|(name, _)| *name == "RetransSegs").expect("a count");
        value.parse().expect("a number")
    }

    /// Starts `get` for the large file.
    #[track_caller]
    pub(crate) fn start_get(&self, home: &Home, words: &[&str]) -> Program {
        let url = self.url("large");
        self.start(home, &[&["get", &url], words].concat())
    }
}

fn fill(served: &TempDir) {
    let file = std::fs::File::create(served.path().join("large")).expect("a file");
    // Holes are as good as data here, and take no room.
    file.set_len(4 << 30).expect("a large file");
    write(&served.path().join("page"), &content(0, 50_000));
    for piece in 0..PIECES {
        write(&served.path().join(format!("piece{piece}")), &content(piece as u64, 40_000));
    }
}
