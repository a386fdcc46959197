//! The file that holds unfinished data: written in place by a thread that may block, and synced beside the
//! writing, so that neither holds up the network.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::faults::fault_of_io;
use crate::job::{Fault, FaultKind};

/// How many pieces may wait to be written. A piece is what one read from the network gave, at most 400 KiB.
const PIECES_WAITING: usize = 16;

/// How many pieces go into one write.
const PIECES_PER_WRITE: usize = 64;

/// An open part file with its writer.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    file: Arc<File>,
    /// How many bytes from its start the writer has written.
    written: Arc<AtomicU64>,
    /// How many of them were on disk at the last sync.
    synced: u64,
    pieces: Option<mpsc::Sender<Bytes>>,
    writer: JoinHandle<io::Result<()>>,
    syncing: Option<JoinHandle<io::Result<u64>>>,
}

impl PartFile {
    /// Goes on writing at `at`; what the file holds behind it is cut off.
    pub(super) async fn open(path: &Path, file: File, at: u64) -> Result<Self, Fault> {
        let file = Arc::new(file);
        let cut = Arc::clone(&file);
        blocking(path, move || cut.set_len(at)).await?;
        let written = Arc::new(AtomicU64::new(at));
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
        let writer = {
            let (file, written) = (Arc::clone(&file), Arc::clone(&written));
            spawn_blocking(move || write_all(&file, waiting, &written))
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            written,
            synced: at,
            pieces: Some(pieces),
            writer,
            syncing: None,
        })
    }

    /// Hands a piece to the writer; waits while too many are waiting there.
    pub(super) async fn push(&mut self, piece: Bytes) -> Result<(), Fault> {
        let sent = match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.writers_fault().await) }
    }

    /// Whether something has been written that is not synced, and no sync is under way.
    pub(super) fn is_sync_due(&self) -> bool {
        self.syncing.is_none() && self.written.load(Ordering::Acquire) > self.synced
    }

    /// Begins to sync what has been written so far.
    pub(super) fn start_sync(&mut self) {
        let (file, written) = (Arc::clone(&self.file), self.written.load(Ordering::Acquire));
        self.syncing = Some(spawn_blocking(move || file.sync_data().map(|()| written)));
    }

    /// Waits for the sync that is under way and tells how many bytes are on disk now; waits for ever if there is
    /// none, so that it can stand in a `select!`.
    pub(super) async fn sync_done(&mut self) -> Result<u64, Fault> {
        let Some(syncing) = &mut self.syncing else { return std::future::pending().await };
        let done = joined(syncing.await);
        self.syncing = None;
        self.synced = done.map_err(|error| fault_of_io(&error, &self.path))?;
        Ok(self.synced)
    }

    /// Waits until everything handed in is on disk, and tells how many bytes that are. Nothing can be handed in
    /// any more.
    pub(super) async fn settle(&mut self) -> Result<u64, Fault> {
        let wrote = if self.pieces.take().is_some() { joined((&mut self.writer).await) } else { Ok(()) };
        if self.syncing.is_some() {
            self.sync_done().await?;
        }
        if self.is_sync_due() {
            self.start_sync();
            self.sync_done().await?;
        }
        wrote.map(|()| self.synced).map_err(|error| fault_of_io(&error, &self.path))
    }

    /// How many bytes are on disk for certain.
    pub(super) const fn synced(&self) -> u64 {
        self.synced
    }

    /// The file itself.
    pub(super) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    async fn writers_fault(&mut self) -> Fault {
        if self.pieces.take().is_none() {
            return Fault::new(FaultKind::Internal, "written to after the end");
        }
        match joined((&mut self.writer).await) {
            Ok(()) => Fault::new(FaultKind::Internal, "the writer ended early"),
            Err(error) => fault_of_io(&error, &self.path),
        }
    }
}

fn write_all(file: &File, mut waiting: mpsc::Receiver<Bytes>, written: &AtomicU64) -> io::Result<()> {
    let mut file = file;
    file.seek(SeekFrom::Start(written.load(Ordering::Acquire)))?;
    let mut pieces = Vec::with_capacity(PIECES_PER_WRITE);
    while waiting.blocking_recv_many(&mut pieces, PIECES_PER_WRITE) > 0 {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut slices = slices.as_mut_slice();
        while !slices.is_empty() {
            match file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    IoSlice::advance_slices(&mut slices, bytes);
                    written.fetch_add(bytes as u64, Ordering::AcqRel);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        pieces.clear();
    }
    Ok(())
}

/// Runs something that blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    joined(spawn_blocking(work).await).map_err(|error| fault_of_io(&error, path))
}

/// A panic or the end of the runtime, as an error like any other.
fn joined<T>(result: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}
