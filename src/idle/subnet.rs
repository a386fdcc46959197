//! Whether a server is in one of this machine's own subnets, for the timetable's exemption (bits.md 6.2,
//! IgnoreBandwidthLimitsOnLan).
//!
//! It lives in this room because it is about the machine's interfaces and the path to a peer, as the sensors
//! are, and not something the desktop tells.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use if_addrs::{IfAddr, Interface};

/// The subnets this machine has an address in, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnets(Vec<Subnet>);

/// An address of an interface and the mask of its subnet, both as 128 bits (an IPv4 address as its mapped one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subnet {
    address: u128,
    mask: u128,
}

impl Subnets {
    /// Those of this machine now. Asks the kernel and does not block; ask again when the network has changed.
    ///
    /// # Errors
    /// Whatever the system says when it does not tell.
    pub fn of_this_machine() -> io::Result<Self> {
        Ok(Self(if_addrs::get_if_addrs()?.iter().filter_map(subnet).collect()))
    }

    /// Whether a peer is in one of them, on this machine itself, or can only be on the same link.
    ///
    /// Behind a proxy the peer of our connection is the proxy: that says nothing about the server, so do not ask.
    #[must_use]
    pub fn contain(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let stays_on_link = match peer {
            IpAddr::V4(peer) => peer.is_loopback() || peer.is_link_local(),
            IpAddr::V6(peer) => peer.is_loopback() || peer.is_unicast_link_local(),
        };
        let peer = as_bits(peer);
        stays_on_link || self.0.iter().any(|subnet| peer & subnet.mask == subnet.address & subnet.mask)
    }
}

/// The subnet of an interface's address. A mask that holds the whole internet, as some tunnels have it, says
/// nothing about what is near.
fn subnet(interface: &Interface) -> Option<Subnet> {
    match &interface.addr {
        IfAddr::V4(v4) if v4.netmask != Ipv4Addr::UNSPECIFIED => {
            let mask = u128::MAX << 32 | u128::from(v4.netmask.to_bits());
            Some(Subnet { address: as_bits(v4.ip.into()), mask })
        }
        IfAddr::V6(v6) if v6.netmask != Ipv6Addr::UNSPECIFIED => {
            Some(Subnet { address: as_bits(v6.ip.into()), mask: v6.netmask.to_bits() })
        }
        _ => None,
    }
}

fn as_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(ip: &str, netmask: &str) -> Interface {
        let addr = match (ip.parse().unwrap(), netmask.parse().unwrap()) {
            (IpAddr::V4(ip), IpAddr::V4(netmask)) => {
                IfAddr::V4(Ifv4Addr { ip, netmask, prefixlen: 0, broadcast: None })
            }
            (IpAddr::V6(ip), IpAddr::V6(netmask)) => {
                IfAddr::V6(Ifv6Addr { ip, netmask, prefixlen: 0, broadcast: None })
            }
            _ => panic!("an address and a mask of two kinds"),
        };
        let (name, index) = ("test0".to_owned(), None);
        Interface { name, addr, index, oper_status: IfOperStatus::Up, is_p2p: false }
    }

    fn table() -> Subnets {
        let interfaces = [
            interface("192.168.7.20", "255.255.255.0"),
            interface("10.1.2.3", "255.255.240.0"),
            interface("172.30.0.1", "255.255.255.255"),
            interface("100.64.0.1", "0.0.0.0"),
            interface("2001:db8:1::20", "ffff:ffff:ffff:ffff::"),
            interface("2001:db8:ffff::1", "::"),
        ];
        Subnets(interfaces.iter().filter_map(subnet).collect())
    }

    #[test]
    fn who_is_in_a_subnet_of_ours_is_near() {
        let near = [
            "192.168.7.1",
            "192.168.7.255",
            "10.1.0.1",
            "10.1.15.254",
            "172.30.0.1",
            "::ffff:192.168.7.9",
            "2001:db8:1::1",
            "127.0.0.1",
            "127.200.0.1",
            "::1",
            "169.254.3.4",
            "::ffff:127.0.0.2",
            "::ffff:169.254.3.4",
            "fe80::1",
        ];
        for peer in near {
            assert!(table().contain(peer.parse().unwrap()), "{peer}");
        }
        let far = [
            "192.168.8.1",
            "10.1.16.1",
            "172.30.0.2",
            "100.64.0.2",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "::192.168.7.1",
            "2001:db8:1:1::1",
            "2001:db8:ffff::1",
        ];
        for peer in far {
            assert!(!table().contain(peer.parse().unwrap()), "{peer}");
        }
    }

    #[test]
    fn a_real_connection_on_loopback_is_near_and_the_internet_is_not() {
        let subnets = Subnets::of_this_machine().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(subnets.contain(client.peer_addr().unwrap().ip()));
        // The machine's own loopback is in the table as every interface, so the table was really read.
        let loopback = Subnet { address: as_bits("127.0.0.1".parse().unwrap()), mask: u128::MAX << 24 };
        assert!(subnets.0.contains(&loopback), "{subnets:?}");
        // RFC 5737: an address nobody has.
        assert!(!subnets.contain("203.0.113.1".parse().unwrap()));
    }
}
