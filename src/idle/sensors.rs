//! What the system counts: bytes over an interface, and connections that are opened.
//!
//! Each file is kept open and read from its start again, which is all the kernel needs to count anew. Where one cannot be
//! read the sensor is missing, and whoever asks is told so.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::FileExt as _;

/// The bytes an interface has received and sent.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    received: Option<File>,
    sent: Option<File>,
}

impl Interface {
    /// The interface that has this address; `None` where no interface has, or it cannot be asked.
    pub(super) fn with_address(address: IpAddr) -> Option<Self> {
        let interfaces = if_addrs::get_if_addrs().ok()?;
        let is_it = |interface: &if_addrs::Interface| interface.ip().to_canonical() == address.to_canonical();
        let name = interfaces.into_iter().find(is_it)?.name;
        let counter = |what| File::open(format!("/sys/class/net/{name}/statistics/{what}")).ok();
        let (received, sent) = (counter("rx_bytes"), counter("tx_bytes"));
        Some(Self { name, received, sent })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes it has received in all; `None` where it does not count.
    pub(super) fn received_bytes(&self) -> Option<u64> {
        number(self.received.as_ref()?)
    }

    /// Bytes it has sent in all; `None` where it does not count.
    pub(super) fn sent_bytes(&self) -> Option<u64> {
        number(self.sent.as_ref()?)
    }
}

/// After so many looks openings are counted even where no socket seems to have come or gone.
const LOOKS_WITHOUT_COUNTING: u32 = 10;

/// The connections that programs of this machine have opened.
///
/// To count them the kernel adds up and writes out some hundred numbers, which takes ten times as long as to say how many
/// sockets there are. So that is asked at each look, and only where it has changed the other.
#[derive(Debug)]
pub(super) struct Openings {
    counters: Option<File>,
    sockets: Option<File>,
    /// How many sockets there were, as the kernel wrote it.
    sockets_before: Option<String>,
    /// For how many looks there have been as many.
    same_for: u32,
    counted: Option<u64>,
}

impl Openings {
    /// Those the kernel counts (`ActiveOpens`, RFC 4022) in this network namespace.
    pub(super) fn of_this_machine() -> Self {
        Self {
            counters: File::open("/proc/net/snmp").ok(),
            sockets: File::open("/proc/net/sockstat").ok(),
            sockets_before: None,
            same_for: 0,
            counted: None,
        }
    }

    /// How many in all, or at the last look where no socket has come or gone since; `None` where that cannot be read.
    pub(super) fn count(&mut self) -> Option<u64> {
        let sockets = self.sockets.as_ref().and_then(tcp_sockets);
        let is_same = sockets.is_some() && sockets == self.sockets_before;
        self.same_for = if is_same { self.same_for + 1 } else { 0 };
        self.sockets_before = sockets;
        // A socket is there a moment before it is connected: one look more.
        if self.same_for <= 1 || self.same_for.is_multiple_of(LOOKS_WITHOUT_COUNTING) {
            return self.count_anew();
        }
        self.counted
    }

    /// How many in all, just now; `None` where that cannot be read.
    pub(super) fn count_anew(&mut self) -> Option<u64> {
        self.counted = text_of::<4096>(self.counters.as_ref()?).as_deref().and_then(active_opens);
        self.counted
    }
}

/// The number a file consists of.
fn number(file: &File) -> Option<u64> {
    text_of::<24>(file)?.trim().parse().ok()
}

/// The first so many bytes of a file.
fn text_of<const MOST: usize>(file: &File) -> Option<String> {
    let mut text = [0; MOST];
    let len = file.read_at(&mut text, 0).ok()?;
    String::from_utf8(text.get(..len)?.to_vec()).ok()
}

/// What is written of TCP's sockets (`/proc/net/sockstat`), up to the memory they use, which changes all the time.
fn tcp_sockets(sockstat: &File) -> Option<String> {
    let text = text_of::<512>(sockstat)?;
    let line = text.lines().find(|line| line.starts_with("TCP: "))?;
    line.split_once(" mem ").map(|(sockets, _)| sockets.to_owned())
}

/// The number under the name `ActiveOpens`.
fn active_opens(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split(' ').position(|name| name == "ActiveOpens")?;
    numbers.split(' ').nth(place)?.parse().ok()
}

/// Which way a connection goes: what is learnt of the link counts for all connections from one address of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way(IpAddr);

impl Way {
    pub(super) fn of(local: SocketAddr) -> Self {
        Self(local.ip().to_canonical())
    }

    pub(super) fn address(self) -> IpAddr {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn openings_are_found_by_their_name() {
        let snmp = "Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm ActiveOpens PassiveOpens\nTcp: 1 42 7\n";
        assert_eq!(active_opens(snmp), Some(42));
        for broken in ["", "Tcp: ActiveOpens", "Tcp: Other\nTcp: 3", "Tcp: ActiveOpens\nTcp: x"] {
            assert_eq!(active_opens(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_connection_on_this_machine_is_counted() {
        let mut openings = Openings::of_this_machine();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        for looks in [1, 2, 3, LOOKS_WITHOUT_COUNTING, 2 * LOOKS_WITHOUT_COUNTING] {
            let before = openings.count_anew().expect("the kernel's count");
            for _ in 0..looks {
                openings.count();
            }
            let _client = TcpStream::connect(at).unwrap();
            assert!(openings.count().unwrap() > before, "after {looks} looks");
        }
    }

    #[test]
    fn loopback_counts_what_goes_over_it() {
        let interface = Interface::with_address("127.0.0.1".parse().unwrap()).expect("loopback");
        assert_eq!(interface.name(), "lo");
        let before = interface.received_bytes().expect("its count");
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[0; 1000], socket.local_addr().unwrap()).unwrap();
        assert!(interface.received_bytes().unwrap() >= before + 1000);
        assert!(interface.sent_bytes().unwrap() >= before + 1000);
        // RFC 5737: an address nobody has.
        assert!(Interface::with_address("203.0.113.1".parse().unwrap()).is_none());
    }
}
