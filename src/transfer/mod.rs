//! One file from its address to disk.
//!
//! Here live the requests, the proof that a broken download may go on, the sharing of a file among connections, the
//! names files get, the writing, the verifying and the finishing. What may not live here: whose turn it is, the caps
//! (a [`Pace`] is asked), and the saved queue: what must be on disk before the next step is reported as [`News`], and
//! the step waits for it.

mod access;
mod digest;
mod faults;
mod finish;
#[cfg(fuzzing)]
pub(crate) mod fuzzed;
mod head;
mod http;
mod label;
mod line;
mod meter;
mod name;
mod orphans;
mod part;
mod probe;
mod resume;
mod retry_after;
mod run;
mod segments;
mod sum;

pub use access::{Access, Memory, Netrc, NetrcError, Way};
pub use finish::free_bytes;
pub use http::client;
pub use meter::Meter;
pub use orphans::find_orphans;
pub use probe::{Probe, probe};
pub use run::{Order, Outcome, run};

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::job::{Extents, JobFile};

/// Something that is waited for.
pub type Notice = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says how fast bytes may arrive over one connection. The transfer books what has arrived and waits as long as it is
/// told. Dropped with the connection.
pub trait Pace: Send + Sync {
    /// A connection with these two ends has answered.
    fn connected(&self, local: SocketAddr, peer: SocketAddr);

    /// That many bytes have arrived.
    fn book(&self, bytes: usize);

    /// How long to wait before more may arrive; `None` if it may now.
    fn wait(&self) -> Option<Duration>;

    /// Where nothing may arrive until further notice: what ends with that notice.
    fn parked(&self) -> Option<Notice>;
}

/// What a server was offered with the handshake, in bytes (Linux: `tcp_select_initial_window`). Once so much has come over a
/// connection, it is worth asking whether one more may be opened.
pub const FIRST_OFFER_BYTES: u64 = 1 << 16;

/// Gives each connection of a transfer its [`Pace`].
pub trait Paces: Send + Sync {
    /// That of the first connection, for which the scheduler has made room.
    fn first(&self, url: &Url) -> Arc<dyn Pace>;

    /// That of one more connection to the server of that address; `None` where it has enough of them, or has to
    /// let in another first.
    fn another(&self, url: &Url) -> Option<Arc<dyn Pace>>;
}

/// Hears of connections as they come about.
pub trait Watch: Send + Sync {
    /// One is about to be opened, as long as what is given back lives.
    fn opening(&self) -> Box<dyn Send + Sync>;

    /// One with these two ends is open, and nothing was asked through it yet.
    fn opened(&self, local: SocketAddr, peer: SocketAddr);
}

/// What a transfer tells while it runs.
#[derive(Debug)]
pub enum News {
    /// A server answers with data.
    Connected,
    /// Something was decided about what is there, and why; a sentence for the log.
    Decided(String),
    /// The file is to be handled like this from now on. The transfer waits until it is told that this is
    /// saved.
    Planned {
        /// The file with what is now known and decided.
        file: Box<JobFile>,
        /// Where to say that it is saved; dropped if it cannot be.
        saved: oneshot::Sender<()>,
    },
    /// These bytes of the file are on disk for certain.
    Synced(Extents),
}

/// Takes the [`News`] of one run of one file to whoever ordered it.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// Which run: chosen by whoever ordered it.
    pub run: u64,
    /// Where the news go.
    pub sender: mpsc::Sender<(u64, News)>,
}

impl Reporter {
    async fn tell(&self, news: News) {
        // Nobody listens any more: then the run is about to be dropped as well.
        let _ = self.sender.send((self.run, news)).await;
    }

    /// Reports a plan and waits until it is saved; false if that failed.
    async fn plan(&self, file: &JobFile) -> bool {
        let (saved, is_saved) = oneshot::channel();
        self.tell(News::Planned { file: Box::new(file.clone()), saved }).await;
        is_saved.await.is_ok()
    }
}
