//! A server of the test's own, for what nginx will not do: it sends whatever it is told, right or wrong.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{SOON, until};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Counts from 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The first byte of the range that is asked for; `None` where no range is.
    pub(crate) fn first_byte(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }

    /// The first and, where it is said, the last byte of the range that is asked for; `None` where no range is.
    pub(crate) fn range(&self) -> Option<(usize, Option<usize>)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }
}

/// Sends an answer. Errors are not told: a client may hang up whenever it likes.
pub(crate) struct Answer {
    stream: TcpStream,
    shared: Arc<Shared>,
    is_reset: bool,
}

impl Answer {
    /// The status line, these headers, and the empty line.
    pub(crate) fn head(&mut self, status: &str, headers: &[(&str, &str)]) -> &mut Self {
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let mut left = bytes;
        while !left.is_empty() {
            let Ok(sent @ 1..) = self.stream.write(left) else { break };
            self.shared.sent_bytes.fetch_add(sent as u64, Ordering::SeqCst);
            left = &left[sent..];
        }
        self
    }

    /// A whole answer.
    pub(crate) fn whole(&mut self, status: &str, headers: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut headers = headers.to_vec();
        headers.push(("Content-Length", &length));
        self.head(status, &headers).bytes(body);
    }

    /// Keeps the connection open, and sends nothing, until the client hangs up.
    pub(crate) fn hold(&mut self) {
        let mut rest = [0; 64];
        while matches!(self.stream.read(&mut rest), Ok(1..)) {}
    }

    /// Has the connection end with a reset, once what was sent has arrived.
    pub(crate) fn reset(&mut self) {
        until("all of it has arrived", SOON, || (self.on_the_way() == 0).then_some(()));
        // A client may be faster, and have reset it first.
        let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        self.shared.forget(&self.stream);
        self.is_reset = true;
    }

    /// How many bytes have been sent that the other end has not acknowledged, from the kernel's table of connections
    /// (proc_net_tcp).
    fn on_the_way(&self) -> u64 {
        let (Ok(here), Ok(there)) = (self.stream.local_addr(), self.stream.peer_addr()) else { return 0 };
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of connections");
        let ends = [here, there].map(|end| format!(":{:04X}", end.port()));
        let of_this = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|line| line.len() > 4 && line[1].ends_with(&ends[0]) && line[2].ends_with(&ends[1]));
        let queue = of_this.and_then(|line| u64::from_str_radix(line[4].split(':').next()?, 16).ok());
        queue.unwrap_or(0)
    }

    /// Waits until so many requests have come, or the server ends.
    pub(crate) fn when_asked(&self, requests: usize) {
        let seen = self.shared.seen();
        let is_due = |seen: &mut Vec<Asked>| seen.len() < requests && !self.shared.is_ending();
        drop(self.shared.came.wait_timeout_while(seen, SOON, is_due));
    }

    /// Waits until so many requests have been answered, or the server ends.
    pub(crate) fn when_answered(&self, requests: u64) {
        let seen = self.shared.seen();
        let is_due =
            |_: &mut _| self.shared.answered.load(Ordering::SeqCst) < requests && !self.shared.is_ending();
        drop(self.shared.came.wait_timeout_while(seen, SOON, is_due));
    }
}

/// A file as a good server gives it, with ranges and `If-Range`.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: String,
}

impl Good {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, etag: "\"one\"".to_owned() }
    }

    /// The range to send; `None` where it is all of it: the file has changed since the client saw it, or no range is
    /// asked for that it has.
    fn range(&self, asked: &Asked) -> Option<Range<usize>> {
        let is_same = asked.header("if-range").is_none_or(|known| known == self.etag);
        let (first, last) = asked.range().filter(|(first, _)| is_same && *first < self.bytes.len())?;
        Some(first..last.map_or(self.bytes.len(), |last| self.bytes.len().min(last + 1)))
    }

    /// The first byte to send.
    pub(crate) fn first(&self, asked: &Asked) -> usize {
        self.range(asked).map_or(0, |range| range.start)
    }

    /// Sends the right head, and no body.
    pub(crate) fn head(&self, asked: &Asked, answer: &mut Answer) {
        let total = self.bytes.len();
        let range = self.range(asked);
        let length = range.as_ref().map_or(total, ExactSizeIterator::len).to_string();
        let common = [("Content-Length", length.as_str()), ("ETag", &self.etag), ("Accept-Ranges", "bytes")];
        if let Some(Range { start, end }) = range {
            let range = format!("bytes {start}-{}/{total}", end - 1);
            let mut headers = common.to_vec();
            headers.push(("Content-Range", &range));
            answer.head("206 Partial Content", &headers);
        } else {
            answer.head("200 OK", &common);
        }
    }

    /// Sends what was asked for.
    pub(crate) fn send(&self, asked: &Asked, answer: &mut Answer) {
        self.head(asked, answer);
        answer.bytes(&self.bytes[self.range(asked).unwrap_or(0..self.bytes.len())]);
    }

    /// Begins to send it, stops before the byte `end`, and waits there until the client hangs up.
    pub(crate) fn send_until(&self, end: usize, asked: &Asked, answer: &mut Answer) {
        self.head(asked, answer);
        answer.bytes(&self.bytes[self.first(asked)..end.max(self.first(asked))]).hold();
    }
}

/// A running server. Each connection has a thread of its own and carries one request.
pub(crate) struct Server {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Asked>>,
    /// Rung when something is asked, and when an answer has been given.
    came: Condvar,
    answered: AtomicU64,
    sent_bytes: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
    ending: AtomicBool,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    fn note(&self, asked: &mut Asked) {
        let mut seen = self.seen();
        asked.number = seen.len();
        seen.push(asked.clone());
        self.came.notify_all();
    }

    fn note_answered(&self) {
        // Under the lock, so that nobody who is about to wait misses it.
        let seen = self.seen();
        self.answered.fetch_add(1, Ordering::SeqCst);
        self.came.notify_all();
        drop(seen);
    }

    /// Lets go of the second handle of a connection: it ends only with its last one.
    fn forget(&self, stream: &TcpStream) {
        let peer = stream.peer_addr().ok();
        self.streams().retain(|known| known.peer_addr().ok() != peer);
    }
}

impl Server {
    /// Starts one that answers with `play`.
    pub(crate) fn start(play: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Self {
        Self::attend(move |answer| {
            let Ok(mut asked) = read_head(&answer.stream) else { return };
            answer.shared.note(&mut asked);
            play(&asked, answer);
            if !answer.is_reset {
                let _ = answer.stream.shutdown(Shutdown::Both);
            }
        })
    }

    /// Starts one that is handed each connection, by its number, before anything of a request is read.
    pub(crate) fn start_unasked(play: impl Fn(usize, &mut Answer) + Send + Sync + 'static) -> Self {
        Self::attend(move |answer| {
            let mut asked =
                Asked { number: 0, method: String::new(), target: String::new(), headers: Vec::new() };
            answer.shared.note(&mut asked);
            answer.shared.forget(&answer.stream);
            play(asked.number, answer);
        })
    }

    fn attend(attend: impl Fn(&mut Answer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || attend_all(&listener, &shared, &Arc::new(attend)))
        };
        Self { port, shared, thread: Some(thread) }
    }

    /// How many bytes it has sent, heads included.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.shared.sent_bytes.load(Ordering::SeqCst)
    }

    /// The address of a file on it.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}/{target}", self.port)
    }

    /// The same with a login in it.
    pub(crate) fn url_with_login(&self, login: &str, target: &str) -> String {
        format!("http://{login}@127.0.0.1:{}/{target}", self.port)
    }

    /// What has been asked so far.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.shared.seen().clone()
    }

    /// Waits until so much has been asked.
    #[track_caller]
    pub(crate) fn asked(&self, requests: usize) -> Vec<Asked> {
        self.asked_within(requests, SOON)
    }

    #[track_caller]
    pub(crate) fn asked_within(&self, requests: usize, time: Duration) -> Vec<Asked> {
        let seen = self.shared.seen();
        let waited = self.shared.came.wait_timeout_while(seen, time, |seen| seen.len() < requests);
        let (seen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(seen.len() >= requests, "only {} of {requests} requests came: {seen:?}", seen.len());
        seen.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for stream in &*self.shared.streams() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.came.notify_all();
        // Wakes up the thread that accepts.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn attend_all<A>(listener: &TcpListener, shared: &Arc<Shared>, attend: &Arc<A>)
where
    A: Fn(&mut Answer) + Send + Sync + 'static,
{
    for stream in listener.incoming().flatten() {
        if shared.is_ending() {
            return;
        }
        if let Ok(also) = stream.try_clone() {
            shared.streams().push(also);
        }
        let (shared, attend) = (Arc::clone(shared), Arc::clone(attend));
        std::thread::spawn(move || {
            let mut answer = Answer { stream, shared, is_reset: false };
            attend(&mut answer);
            answer.shared.note_answered();
        });
    }
}

fn read_head(stream: &TcpStream) -> io::Result<Asked> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut next = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
    let first = next()?;
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let line = next()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(Asked { number: 0, method, target, headers })
}
