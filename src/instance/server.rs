//! The server's side of the socket: a thread that sleeps until somebody connects.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::protocol::{self, Answer, LineError, MAX_LINE_BYTES, Overview, Request, Shown};
use super::{Claim, Follow, News, socket};
use crate::engine::Handle;

/// How many may be connected at once; who comes later waits for one to leave.
const MAX_CONNECTIONS: usize = 256;

/// How long a connected process may take to say what it wants.
const UNTIL_ASKED: Duration = Duration::from_secs(10);

/// How long those who wait for an answer are kept when the server ends.
const UNTIL_ANSWERED: Duration = Duration::from_secs(1);

/// How long to wait when no connection can be accepted, for want of file descriptors.
const UNTIL_ACCEPTED: Duration = Duration::from_millis(200);

/// Why the local socket cannot be served: a sentence for the user.
#[derive(Debug, thiserror::Error)]
#[error(
    "The socket {} cannot be opened: {cause}. Its folder may belong to somebody else; you can name another \
     one with --state-dir DIR.",
    path.display()
)]
pub struct ServeError {
    path: PathBuf,
    cause: io::Error,
}

/// Serves the local socket until it is closed or dropped; then the socket's file goes, and the claim last.
#[derive(Debug)]
pub struct Server {
    claim: Option<Claim>,
    path: PathBuf,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type OnShow = Arc<dyn Fn() -> Shown + Send + Sync>;

/// Starts to serve the socket of the claimed folder. `on_show` is called on the server's thread when
/// another start wants to see the window.
///
/// # Errors
/// The socket cannot be bound, or the thread not started; the claim is released then.
pub fn serve(
    claim: Claim,
    handle: Handle,
    on_show: impl Fn() -> Shown + Send + Sync + 'static,
) -> Result<Server, ServeError> {
    let path = socket::path(claim.places());
    let failed = |cause| ServeError { path: path.clone(), cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let listener = {
        let _inside = runtime.enter();
        socket::bind(&path).and_then(UnixListener::from_std).map_err(failed)?
    };
    let (stop, stopped) = watch::channel(());
    let peer = Peer { handle, on_show: Arc::new(on_show), stopped };
    let thread = std::thread::Builder::new()
        .name("instance".into())
        .spawn(move || run(&runtime, listener, &peer))
        .map_err(failed)?;
    Ok(Server { claim: Some(claim), path, stop: Some(stop), thread: Some(thread) })
}

impl Server {
    /// Stops serving and gives the claim back: who starts now waits until it is released. What was asked
    /// before is still answered, for a second at most.
    #[must_use = "others wait until the claim is dropped"]
    pub fn close(mut self) -> Option<Claim> {
        self.end();
        self.claim.take()
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            // First, so that nobody finds a socket where no one answers.
            if let Err(error) = socket::remove(&self.path) {
                tracing::warn!(%error, "the socket stays behind");
            }
            drop(self.stop.take());
            // A panic in the thread was reported by its own hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Peer {
    handle: Handle,
    on_show: OnShow,
    /// Its sender goes when the server ends.
    stopped: watch::Receiver<()>,
}

fn run(runtime: &Runtime, listener: UnixListener, peer: &Peer) {
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        let mut stopped = peer.stopped.clone();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(attend(stream, peer.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(UNTIL_ACCEPTED).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = stopped.changed() => break,
            }
        }
        drop(listener);
        let all = async { while connections.join_next().await.is_some() {} };
        // Who does not read the answer is cut off.
        let _ = timeout(UNTIL_ANSWERED, all).await;
    });
}

/// One connection, from request to answer. Errors mean that the other side is gone; nobody is left to hear.
async fn attend(stream: UnixStream, mut peer: Peer) {
    match stream.peer_cred() {
        Ok(cred) if cred.uid() == rustix::process::geteuid().as_raw() => {}
        _ => return tracing::warn!("a process of another user was turned away"),
    }
    let (from, to) = stream.into_split();
    let mut from = BufReader::new(from);
    let mut to = Writer(BufWriter::new(to));
    let line = tokio::select! {
        line = timeout(UNTIL_ASKED, read_line(&mut from)) => line,
        _ = peer.stopped.changed() => return,
    };
    let ended = match line {
        // Somebody looked whether we are there, said nothing, or went away.
        Err(_) | Ok(Err(_) | Ok(Asked::Nothing)) => Ok(()),
        Ok(Ok(Asked::TooMuch)) => {
            let limit = crate::job::bytes_in_words(MAX_LINE_BYTES);
            to.end(&Answer::Wrong(format!("That is too much at once: a request has at most {limit}."))).await
        }
        Ok(Ok(Asked::Line(line))) => match protocol::read_request(&line) {
            Ok(request) => answer(request, peer, from, to).await,
            Err(error) => to.end(&Answer::Wrong(misunderstood(&error))).await,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn misunderstood(error: &LineError) -> String {
    match error {
        LineError::OtherVersion { .. } => format!(
            "The Meanwhile that is running is of another version ({error}). You can close it and start it anew."
        ),
        LineError::Nonsense(_) => format!("This is not a request Meanwhile understands ({error})."),
    }
}

async fn answer(
    request: Request,
    mut peer: Peer,
    mut from: BufReader<OwnedReadHalf>,
    mut to: Writer,
) -> io::Result<()> {
    match request {
        Request::Do(command) => {
            to.end(&match peer.handle.request(command).await {
                Ok(reply) => Answer::Reply(reply),
                Err(refusal) => Answer::Refused(refusal),
            })
            .await
        }
        Request::Jobs => {
            let snapshot = peer.handle.snapshot();
            to.write(&Answer::Jobs(Overview::from(&*snapshot))).await?;
            for view in &snapshot.jobs {
                to.write(&Answer::Job((**view).clone())).await?;
            }
            to.flush().await
        }
        Request::Show => to.end(&Answer::Shown((peer.on_show)())).await,
        Request::Follow(ids) => {
            let mut follow = Follow::new(peer.handle, ids);
            let mut rest = [0; 64];
            loop {
                let news = tokio::select! {
                    news = follow.next() => news,
                    // Nothing more is to be said by the other side: this is its end.
                    read = from.read(&mut rest) => match read {
                        Ok(1..) => continue,
                        _ => return Ok(()),
                    },
                    _ = peer.stopped.changed() => Some(News::Stopped),
                };
                match news {
                    Some(News::Job(view)) => to.end(&Answer::Job((*view).clone())).await?,
                    Some(News::Gone(id)) => to.end(&Answer::Gone(id)).await?,
                    Some(News::Stopped) => return to.end(&Answer::Stopping).await,
                    None => return Ok(()),
                }
            }
        }
    }
}

/// What came in.
enum Asked {
    Line(Vec<u8>),
    Nothing,
    TooMuch,
}

async fn read_line(from: &mut BufReader<OwnedReadHalf>) -> io::Result<Asked> {
    let mut line = Vec::new();
    from.take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line).await?;
    Ok(match line.len() as u64 {
        0 => Asked::Nothing,
        length if length > MAX_LINE_BYTES => Asked::TooMuch,
        _ => Asked::Line(line),
    })
}

struct Writer(BufWriter<OwnedWriteHalf>);

impl Writer {
    async fn write(&mut self, answer: &Answer) -> io::Result<()> {
        self.0.write_all(&protocol::write_answer(answer)?).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }

    /// Writes what there is to say for now.
    async fn end(&mut self, answer: &Answer) -> io::Result<()> {
        self.write(answer).await?;
        self.flush().await
    }
}
