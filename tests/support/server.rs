//! A server of the test's own, for what nginx will not do: it sends whatever it is told, right or wrong.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::SOON;

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
}

/// Sends an answer. Errors are not told: a client may hang up whenever it likes.
pub(crate) struct Answer(TcpStream);

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
        let _ = self.0.write_all(bytes);
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
        while matches!(self.0.read(&mut rest), Ok(1..)) {}
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

    /// The first byte to send: 0 where the file has changed since the client saw it.
    pub(crate) fn first(&self, asked: &Asked) -> usize {
        let is_same = asked.header("if-range").is_none_or(|known| known == self.etag);
        asked.first_byte().filter(|first| is_same && *first < self.bytes.len()).unwrap_or(0)
    }

    /// Sends the right head, and no body.
    pub(crate) fn head(&self, asked: &Asked, answer: &mut Answer) {
        let (first, total) = (self.first(asked), self.bytes.len());
        let length = (total - first).to_string();
        let common = [("Content-Length", length.as_str()), ("ETag", &self.etag), ("Accept-Ranges", "bytes")];
        if asked.header("range").is_some() && self.first(asked) == asked.first_byte().unwrap_or(total) {
            let range = format!("bytes {first}-{}/{total}", total - 1);
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
        answer.bytes(&self.bytes[self.first(asked)..]);
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
    came: Condvar,
    streams: Mutex<Vec<TcpStream>>,
    ending: AtomicBool,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Starts one that answers with `play`.
    pub(crate) fn start(play: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || attend_all(&listener, &shared, &Arc::new(play)))
        };
        Self { port, shared, thread: Some(thread) }
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
        for stream in &*self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes up the thread that accepts.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn attend_all<P>(listener: &TcpListener, shared: &Arc<Shared>, play: &Arc<P>)
where
    P: Fn(&Asked, &mut Answer) + Send + Sync + 'static,
{
    for stream in listener.incoming().flatten() {
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(also) = stream.try_clone() {
            shared.streams.lock().unwrap_or_else(PoisonError::into_inner).push(also);
        }
        let (shared, play) = (Arc::clone(shared), Arc::clone(play));
        std::thread::spawn(move || {
            let Ok(mut asked) = read_head(&stream) else { return };
            {
                let mut seen = shared.seen();
                asked.number = seen.len();
                seen.push(asked.clone());
            }
            shared.came.notify_all();
            let mut answer = Answer(stream);
            play(&asked, &mut answer);
            let _ = answer.0.shutdown(Shutdown::Both);
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
