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

/// The connections that programs of this machine have opened.
#[derive(Debug)]
pub(super) struct Openings(Option<File>);

impl Openings {
    /// Those the kernel counts (`ActiveOpens`, RFC 4022) in this network namespace.
    pub(super) fn of_this_machine() -> Self {
        Self(File::open("/proc/net/snmp").ok())
    }

    /// How many in all; `None` where that cannot be read.
    pub(super) fn count(&self) -> Option<u64> {
        let mut text = [0; 4096];
        let len = self.0.as_ref()?.read_at(&mut text, 0).ok()?;
        active_opens(std::str::from_utf8(text.get(..len)?).ok()?)
    }
}

/// The number a file consists of.
fn number(file: &File) -> Option<u64> {
    let mut text = [0; 24];
    let len = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..len)?).ok()?.trim().parse().ok()
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
        let openings = Openings::of_this_machine();
        let before = openings.count().expect("the kernel's count");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(openings.count().unwrap() > before);
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
