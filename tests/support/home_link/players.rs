//! What the user does meanwhile: a download, an upload, pages, a call. Each is run on a [`Host`](super::host::Host).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use url::Url;

use super::PIECES;
use crate::support::{SOON, nap};

/// Over how many connections a page fetches its pieces.
const PAGE_CONNECTIONS: usize = 6;
/// What lies between a page and the next.
const READING: Duration = Duration::from_secs(2);

/// A call: 1.5 Mbit/s each way.
const CALL_PACKETS_PER_SEC: u32 = 150;
const CALL_PACKET_BYTES: usize = 1250;
const CALL_PORT: u16 = 9000;

/// One connection to the server that asks for one file after another.
struct Asking {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Asking {
    fn new(from: Ipv4Addr, url: &Url) -> Self {
        let to = url.socket_addrs(|| None).expect("the server's address")[0];
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&fd, &SocketAddrV4::new(from, 0)).expect("an address of this machine");
        connect(&fd, &to).expect("the server");
        let stream = TcpStream::from(fd);
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        Self { stream: BufReader::with_capacity(1 << 16, stream), host: to.to_string() }
    }

    /// Fetches a file, up to a moment.
    fn fetch(&mut self, path: &str, until: Option<Instant>) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes()).expect("to ask");
        let mut left = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(length) = line.strip_prefix("content-length: ") {
                left = length.parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut buffer = vec![0; 1 << 16];
        while left > 0 && until.is_none_or(|until| Instant::now() < until) {
            let most = buffer.len().min(left);
            left -= match self.stream.read(&mut buffer[..most]).expect("bytes") {
                0 => panic!("the server closed the connection"),
                bytes => bytes,
            };
        }
    }
}

/// Downloads a large file over one connection for so long.
pub(crate) fn bulk(from: Ipv4Addr, url: &str, time: Duration) {
    let url: Url = url.parse().expect("an address");
    let until = Instant::now() + time;
    Asking::new(from, &url).fetch(url.path(), Some(until));
}

/// Sends to the server for so long, over one connection; how many bytes have left this machine.
pub(crate) fn upload(from: Ipv4Addr, url: &str, time: Duration) -> u64 {
    const MOST: u64 = 1 << 40;
    let url: Url = url.parse().expect("an address");
    let mut asking = Asking::new(from, &url);
    let request =
        format!("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {MOST}\r\n\r\n", url.path(), asking.host);
    let stream = asking.stream.get_mut();
    // What waits in a large buffer has not left.
    rustix::net::sockopt::set_socket_send_buffer_size(&*stream, 1 << 18).expect("a buffer");
    stream.write_all(request.as_bytes()).expect("to ask");
    let until = Instant::now() + time;
    let mut sent = 0;
    while Instant::now() < until {
        sent += stream.write(&[0; 1 << 14]).expect("to send") as u64;
    }
    sent
}

/// Opens a page so many times: the page, then its pieces over six connections. How long each took.
pub(crate) fn pages(from: Ipv4Addr, page: &str, times: usize) -> Vec<Duration> {
    let url: Url = page.parse().expect("an address");
    let mut took = Vec::new();
    for time in 0..times {
        if time > 0 {
            // This pause is what the user does: read.
            nap(READING);
        }
        let began = Instant::now();
        let mut first = Asking::new(from, &url);
        first.fetch(url.path(), None);
        std::thread::scope(|scope| {
            let mut first = Some(first);
            for connection in 0..PAGE_CONNECTIONS {
                let (url, asking) = (&url, first.take());
                scope.spawn(move || {
                    let mut asking = asking.unwrap_or_else(|| Asking::new(from, url));
                    for piece in (connection..PIECES).step_by(PAGE_CONNECTIONS) {
                        asking.fetch(&format!("/piece{piece}"), None);
                    }
                });
            }
        });
        took.push(began.elapsed());
    }
    took
}

/// The other end of a call: sends back what it hears.
pub(crate) struct Echo {
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    pub(super) fn start(at: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((at, CALL_PORT)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let stops = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stops);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !theirs.load(Ordering::Relaxed) {
                if let Ok((bytes, whom)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..bytes], whom);
                }
            }
        });
        Self { stops, thread: Some(thread) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Calls the server for so long: how long each packet was on its way there and back, in order of that; lost packets are
/// not among them.
pub(crate) fn call(from: Ipv4Addr, server: Ipv4Addr, time: Duration) -> Vec<Duration> {
    let socket = UdpSocket::bind((from, 0)).expect("a port");
    socket.connect(SocketAddr::from((server, CALL_PORT))).expect("the server");
    // As long as the last packet may take.
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let began = Instant::now();
    let hearing = socket.try_clone().expect("the socket");
    let hears = std::thread::spawn(move || {
        let mut took = Vec::new();
        let mut packet = [0; CALL_PACKET_BYTES];
        while hearing.recv(&mut packet).is_ok() {
            let sent = u64::from_le_bytes(packet[..8].try_into().expect("eight bytes"));
            took.push(began.elapsed().saturating_sub(Duration::from_nanos(sent)));
        }
        took
    });
    let packets = (time.as_secs_f64() * f64::from(CALL_PACKETS_PER_SEC)) as u32;
    for n in 0..packets {
        nap((Duration::from_secs(1) * n / CALL_PACKETS_PER_SEC).saturating_sub(began.elapsed()));
        let mut packet = [0; CALL_PACKET_BYTES];
        packet[..8].copy_from_slice(&(began.elapsed().as_nanos() as u64).to_le_bytes());
        // A full queue of the interface is as good as a lost packet.
        let _ = socket.send(&packet);
    }
    let mut took = hears.join().expect("the hearing end");
    took.sort_unstable();
    took
}
