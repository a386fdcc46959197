//! The kernel's throttle on our own sockets: the receive window.
//!
//! reqwest does not hand out its sockets, so they are found among this process's own file descriptors by
//! their two addresses. This is the only module with `unsafe`: it turns a raw descriptor number into a
//! descriptor of our own, and makes the socket calls no safe crate offers.

#![allow(unsafe_code, reason = "each block says why it is sound")]

use std::ffi::c_int;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::sync::LazyLock;
use std::time::Duration;

/// `TCP_WINDOW_CLAMP` of tcp(7): the kernel offers the other side at most that window.
const TCP_WINDOW_CLAMP: c_int = 10;

/// The first kernel that makes a window smaller in the middle of a transfer; those before only kept it from growing.
const SHRINKS_WINDOWS: (u32, u32) = (5, 15);

/// `SO_BUF_LOCK` of Linux 5.14: which buffers the kernel no longer sizes by itself.
const SO_BUF_LOCK: c_int = 72;

/// A receive buffer from which the kernel goes on sizing it by itself, in bytes; every system allows it.
const ORDINARY_BUFFER: usize = 200_000;

/// The receive buffer of a connection that is not read from, in bytes: it takes in a segment or two, and then the server
/// is told to send no more. The kernel makes twice as much of it.
const PARKED_BUFFER: usize = 2048;

/// Timestamps are in use (`TCPI_OPT_TIMESTAMPS` of linux/tcp.h): without them the receiver's round trip is a guess.
const TIMESTAMPS: u8 = 1;

/// What a segment has besides its payload: Ethernet, IPv4 and TCP with timestamps. What differs from it evens out in the
/// ratio the governor learns.
const HEADERS: u64 = 66;

/// A window that limits nothing, in bytes.
const NO_CLAMP: c_int = 1 << 30;

/// A duplicate of the descriptor of one of our TCP connections. The connection stays open as long as either
/// of the two does, so this one goes together with the answer it was found for.
#[derive(Debug)]
pub struct OwnSocket(OwnedFd);

/// What a connection's receive buffer was like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    bytes: usize,
    lock: c_int,
}

/// The path of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The smoothed round-trip time.
    pub round_trip: Duration,
    /// The largest segment we take, in bytes.
    pub segment_bytes: usize,
}

/// What the kernel counts of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The round trip as the receiver sees it (`tcpi_rcv_rtt`); `None` without timestamps, or as long as it is not known.
    pub(super) round_trip: Option<Duration>,
    /// The smoothed round trip of what we sent: that of the handshake and the request.
    pub(super) handshake: Duration,
    /// What it has received on the wire, near enough. Payload alone would not do: what comes out of order is not counted
    /// before the gap is filled.
    pub(super) wire_bytes: u64,
    /// Segments with data it has received.
    pub(super) segments: u64,
    /// The window that was offered last, in bytes; `None` before Linux 6.2.
    pub(super) offered_bytes: Option<u64>,
}

/// The beginning of `tcp_info` (linux/tcp.h, the same on all machines); the kernel fills in as much as it knows of it.
#[repr(C)]
struct TcpInfo {
    bytes: [u8; 8],
    words: [u32; 24],
    rates_and_bytes: [u64; 4],
    segments: [u32; 6],
    delivery: [u64; 4],
    delivered: [u32; 2],
    sent: [u64; 2],
    windows: [u32; 5],
}

impl Default for Path {
    /// What an ordinary path is like, for want of better knowledge.
    fn default() -> Self {
        Self { round_trip: Duration::from_millis(50), segment_bytes: 1448 }
    }
}

impl OwnSocket {
    /// The connection of this process with these two ends; `None` where it is not found (a relayed
    /// connection, or a system without `/proc`).
    #[must_use]
    pub fn find(local: SocketAddr, peer: SocketAddr) -> Option<Self> {
        std::fs::read_dir("/proc/self/fd")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok())
            .filter_map(duplicate)
            .find(|fd| {
                SocketAddr::try_from_any(rustix::net::getsockname(fd).ok()) == Some(local)
                    && SocketAddr::try_from_any(rustix::net::getpeername(fd).ok().flatten()) == Some(peer)
            })
            .map(Self)
    }

    /// Has the kernel offer the server a window of about this many bytes, at most twice as many. Errors are not
    /// reported: where the throttle is missing the caps still hold, only less smoothly.
    pub fn hold_to(&self, bytes: usize) {
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&self.0, bytes);
        // A smaller buffer leaves its clamp behind, which a larger one would not lift.
        self.set(libc::IPPROTO_TCP, TCP_WINDOW_CLAMP, NO_CLAMP);
    }

    /// Has the kernel offer the server no more than a window of so many bytes, and go on sizing the buffer by itself. To be
    /// said again and again: it forgets with the first data, and whenever the buffer grows (tcp_input.c,
    /// `tcp_measure_rcv_mss` and `tcp_rcvbuf_grow`). What was offered before stays offered (RFC 9293 section 3.8.6).
    pub fn clamp(&self, bytes: u64) {
        self.try_to_clamp(bytes);
    }

    fn try_to_clamp(&self, bytes: u64) -> bool {
        let bytes = c_int::try_from(bytes).unwrap_or(NO_CLAMP).min(NO_CLAMP);
        self.set(libc::IPPROTO_TCP, TCP_WINDOW_CLAMP, bytes)
    }

    /// Whether it can be steered by its window: the kernel takes one, and tells of what has come. To be asked once something
    /// has; it is held to that window then.
    #[must_use]
    pub fn takes_window(&self, bytes: u64) -> bool {
        static SHRINKS: LazyLock<bool> = LazyLock::new(|| {
            is_at_least(&rustix::system::uname().release().to_string_lossy(), SHRINKS_WINDOWS)
        });
        *SHRINKS && self.try_to_clamp(bytes) && self.counts().is_some_and(|counts| counts.segments > 0)
    }

    /// What has come over it and was not read yet, in bytes.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.0).unwrap_or(0)
    }

    /// Has the kernel take in no more than a segment or two from now on, as long as nobody reads; gives back what to undo that
    /// with. Only for a connection with little under way: what comes beyond that is thrown away, and sent again.
    pub(super) fn park(&self) -> Buffer {
        // The kernel tells twice of what it was told.
        let bytes =
            rustix::net::sockopt::socket_recv_buffer_size(&self.0).map_or(ORDINARY_BUFFER, |twice| twice / 2);
        let lock = self.get(libc::SOL_SOCKET, SO_BUF_LOCK).unwrap_or(0);
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&self.0, PARKED_BUFFER);
        Buffer { bytes, lock }
    }

    /// Has the kernel take in as much as before it was parked. The server is told once something is read.
    pub(super) fn unpark(&self, before: Buffer) {
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&self.0, before.bytes);
        self.set(libc::SOL_SOCKET, SO_BUF_LOCK, before.lock);
    }

    /// Lifts a clamp.
    pub fn unclamp(&self) {
        self.set(libc::IPPROTO_TCP, TCP_WINDOW_CLAMP, NO_CLAMP);
    }

    /// What the kernel counts of it; `None` where it does not tell, or too little.
    pub(super) fn counts(&self) -> Option<Counts> {
        // Segments are counted from Linux 4.6 on.
        let (info, told) = self.info().filter(|(_, told)| *told >= offset_of!(TcpInfo, delivery))?;
        let [.., offered] = info.windows;
        let has_offered = told >= offset_of!(TcpInfo, windows) + size_of_val(&info.windows);
        let [.., options, _, _] = info.bytes;
        let [_, _, _, rcv_mss, ..] = info.words;
        let [.., rtt, _, _, _, _, _, rcv_rtt, _, _] = info.words;
        let [_, segs_in, _, _, data_segs_in, _] = info.segments;
        let micros = |word: u32| Duration::from_micros(word.into());
        let payload = u64::from(data_segs_in) * u64::from(rcv_mss);
        Some(Counts {
            round_trip: Some(micros(rcv_rtt)).filter(|_| options & TIMESTAMPS != 0 && rcv_rtt > 0),
            handshake: micros(rtt),
            wire_bytes: payload + u64::from(segs_in) * HEADERS,
            segments: data_segs_in.into(),
            offered_bytes: has_offered.then_some(offered.into()),
        })
    }

    /// Has the kernel size the window by itself again, beginning with an ordinary buffer.
    pub fn let_go(&self) {
        self.hold_to(ORDINARY_BUFFER);
        self.set(libc::SOL_SOCKET, SO_BUF_LOCK, 0);
    }

    /// Whether the kernel has taken it.
    fn set(&self, level: c_int, option: c_int, value: c_int) -> bool {
        // SAFETY: the descriptor is ours and open, and the kernel reads exactly the `c_int` it is pointed to.
        let done = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of::<c_int>() as libc::socklen_t,
            )
        };
        done == 0
    }

    fn get(&self, level: c_int, option: c_int) -> Option<c_int> {
        let mut value: c_int = 0;
        let mut len = size_of::<c_int>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes, which is the size of what it is pointed to.
        let done = unsafe {
            libc::getsockopt(self.0.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut len)
        };
        (done == 0).then_some(value)
    }

    /// What the kernel knows of the path; `None` where it does not say.
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        let [.., rtt, _, _, _, advmss, _, _, _, _] = self.info()?.0.words;
        (rtt > 0 && advmss > 0)
            .then(|| Path { round_trip: Duration::from_micros(rtt.into()), segment_bytes: advmss as usize })
    }

    /// What the kernel tells of it, and how many bytes of that it filled in; `None` where it tells nothing.
    fn info(&self) -> Option<(TcpInfo, usize)> {
        // SAFETY: plain integers, for which all zeros is a value.
        let mut info: TcpInfo = unsafe { std::mem::zeroed() };
        let mut len = size_of::<TcpInfo>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes, which is the size of what it is pointed to.
        let done = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut len,
            )
        };
        (done == 0).then_some((info, len as usize))
    }
}

/// Whether that release of a kernel is one of those from that version on; one that is not told as others is taken for new.
fn is_at_least(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(['.', '-']).map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return true };
    (major, minor) >= version
}

/// A descriptor of our own for the same open file; `None` if the number is not in use (any more).
fn duplicate(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the number is borrowed for this one call, which fails cleanly if another thread has closed it;
    // if it was closed and reused, the duplicate is of another file and is told apart by its addresses.
    unsafe { BorrowedFd::borrow_raw(fd) }.as_fd().try_clone_to_owned().ok()
}

/// Reads an address of any family as an internet one.
trait TryFromAny: Sized {
    fn try_from_any(address: Option<rustix::net::SocketAddrAny>) -> Option<Self>;
}

impl TryFromAny for SocketAddr {
    fn try_from_any(address: Option<rustix::net::SocketAddrAny>) -> Option<Self> {
        Self::try_from(address?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn kernels_are_told_apart_by_their_release() {
        for (release, is_new) in [
            ("6.18.44-amd64", true),
            ("5.15.0", true),
            ("5.15-rc1", true),
            ("5.14.0-503.el9.x86_64", false),
            ("4.18.0-553.el8_10.x86_64", false),
            ("10.0.1", true),
            ("", true),
            ("new", true),
        ] {
            assert_eq!(is_at_least(release, SHRINKS_WINDOWS), is_new, "{release}");
        }
    }

    #[test]
    fn a_connection_takes_a_window_once_something_has_come() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        let socket = OwnSocket::find(peer, client.peer_addr().unwrap()).unwrap();
        assert!(!socket.takes_window(10_000));
        server.write_all(&[0; 700]).unwrap();
        client.peek(&mut [0; 700]).unwrap();
        assert!(socket.takes_window(10_000));
        assert_eq!(socket.unread_bytes(), 700);
    }

    #[test]
    fn our_own_connection_is_found_and_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let socket = OwnSocket::find(local, peer).expect("our socket");
        assert!(socket.path().is_some_and(|path| path.segment_bytes > 1000));
        assert!(OwnSocket::find(peer, peer).is_none());
    }
}
