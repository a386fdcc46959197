//! The file that holds unfinished data: written in place, wherever the bytes belong, by a thread that may block, and
//! synced beside the writing, so that neither holds up the network.

use std::fs::File;
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::pwritev;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use super::faults::fault_of_io;
use super::finish::{free_on, reserve_on, sync_folder_of};
use super::sum::Summing;
use crate::job::{Extents, Fault, FaultKind};

/// How many pieces may wait to be written. A piece is what one read from the network gave, at most 400 KiB.
const PIECES_WAITING: usize = 16;

/// How many pieces are taken at once from those that wait.
const PIECES_AT_ONCE: usize = 64;

/// How much goes into one write, in bytes. The system takes its memory for a file in blocks as large as the writes: large
/// ones are rare in a machine that has run for a while, and in a virtual one they have to be asked of its host. Measured: a
/// file of 2 GiB takes 2.1 s with up to 128 KiB and anything from 1.8 to 5.1 s with as much as there is.
const WRITE_BYTES: usize = 64 << 10;

/// How much is written before it is sent on its way to the disk, in bytes. Measured: with 2 MiB a file of 2 GiB is there
/// in two thirds of the time it takes without, with 8 MiB in a little more; less makes many small writes of it.
const WRITEBACK_BYTES: u64 = 2 << 20;

/// From how many places what is written comes at once, at most: more than there are connections.
const MOST_DIRTY: usize = 16;

/// A piece of the file, and where it belongs.
type Piece = (u64, Bytes);

/// An open part file with its writer.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    file: Arc<File>,
    /// What the writer has written, what was there before included.
    written: watch::Receiver<Extents>,
    /// What of it was on disk at the last sync.
    synced: Extents,
    pieces: Option<mpsc::Sender<Piece>>,
    writer: JoinHandle<io::Result<Summing>>,
    syncing: Option<JoinHandle<io::Result<Synced>>>,
    /// How much of the disk is to stay free for others.
    reserve_bytes: u64,
    /// Whether it is on disk that there is such a file, and what it belongs to.
    is_entered: bool,
}

/// What a sync has found.
#[derive(Debug)]
struct Synced {
    extents: Extents,
    is_filling: bool,
}

impl PartFile {
    /// Goes on writing beside what is there; what the file holds behind that is cut off. `summing` sums up what is
    /// written in order.
    pub(super) async fn open(
        path: &Path,
        file: File,
        have: Extents,
        summing: Summing,
        reserve_bytes: u64,
    ) -> Result<Self, Fault> {
        let file = Arc::new(file);
        let (cut, end) = (Arc::clone(&file), have.end());
        blocking(path, move || {
            // To give it the length it has would give away the room that was set aside behind it.
            if cut.metadata()?.len() == end { Ok(()) } else { cut.set_len(end) }
        })
        .await?;
        let (note_written, written) = watch::channel(have.clone());
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
        let writer = {
            let file = Arc::clone(&file);
            spawn_blocking(move || write_all(&file, waiting, &note_written, summing))
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            written,
            synced: have,
            pieces: Some(pieces),
            writer,
            syncing: None,
            reserve_bytes,
            is_entered: false,
        })
    }

    /// Hands a piece to the writer, to be written at `at`; waits while too many are waiting there.
    pub(super) async fn push(&mut self, at: u64, piece: Bytes) -> Result<(), Fault> {
        let sent = match &self.pieces {
            Some(pieces) => pieces.send((at, piece)).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.writers_fault().await) }
    }

    /// Whether something has been written that is not synced, and no sync is under way.
    pub(super) fn is_sync_due(&self) -> bool {
        self.syncing.is_none() && *self.written.borrow() != self.synced
    }

    /// Begins to sync what has been written so far.
    pub(super) fn start_sync(&mut self) {
        let reserve_bytes = self.reserve_bytes;
        let path = (!std::mem::replace(&mut self.is_entered, true)).then(|| self.path.clone());
        let (file, extents) = (Arc::clone(&self.file), self.written.borrow().clone());
        self.syncing = Some(spawn_blocking(move || {
            match path {
                // With its label: that of an earlier attempt, come back after a power cut, would speak against what is
                // on record.
                Some(path) => file.sync_all().and_then(|()| sync_folder_of(&path))?,
                None => file.sync_data()?,
            }
            let disk = rustix::fs::fstatvfs(&file).ok();
            let is_filling = disk.is_some_and(|disk| is_filling(&disk, reserve_bytes));
            Ok(Synced { extents, is_filling })
        }));
    }

    /// Waits for the sync that is under way; tells whether less than the reserve is free on the disk then.
    /// Waits for ever if there is none, so that it can stand in a `select!`.
    pub(super) async fn sync_done(&mut self) -> Result<bool, Fault> {
        let Some(syncing) = &mut self.syncing else { return std::future::pending().await };
        let done = joined(syncing.await);
        self.syncing = None;
        let done = done.map_err(|error| fault_of_io(&error, &self.path))?;
        self.synced = done.extents;
        Ok(done.is_filling)
    }

    /// Waits until everything handed in is on disk. Nothing can be handed in any more.
    pub(super) async fn settle(&mut self) -> Result<(), Fault> {
        let wrote = self.close().await;
        if self.is_sync_due() {
            self.start_sync();
            self.sync_done().await?;
        }
        wrote.map(|_| ())
    }

    /// Waits until everything handed in is written, though not yet on disk for certain. Nothing can be handed in any
    /// more. Gives the sums of what was written in order.
    pub(super) async fn close(&mut self) -> Result<Summing, Fault> {
        let wrote = if self.pieces.take().is_some() {
            joined((&mut self.writer).await)
        } else {
            Ok(Summing::default())
        };
        if self.syncing.is_some() {
            self.sync_done().await?;
        }
        wrote.map_err(|error| fault_of_io(&error, &self.path))
    }

    /// Which bytes are written.
    pub(super) fn written(&self) -> Extents {
        self.written.borrow().clone()
    }

    /// All that is written was put on disk by somebody else.
    pub(super) fn is_all_synced(&mut self) {
        self.synced = self.written();
    }

    /// Which bytes are on disk for certain.
    pub(super) const fn synced(&self) -> &Extents {
        &self.synced
    }

    /// The file itself.
    pub(super) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Bytes that were handed in, once they are written.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        let mut written = self.written.clone();
        if written.wait_for(|written| written.contains(&range)).await.is_err() {
            return Err(Fault::new(FaultKind::DiskFailed, "what was fetched could not be written"));
        }
        let file = Arc::clone(&self.file);
        blocking(&self.path, move || {
            let mut found = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut found, range.start)?;
            Ok(found)
        })
        .await
    }

    /// Whether these bytes are written, and not only handed in.
    pub(super) fn has_written(&self, range: &Range<u64>) -> bool {
        self.written.borrow().contains(range)
    }

    async fn writers_fault(&mut self) -> Fault {
        if self.pieces.take().is_none() {
            return Fault::new(FaultKind::Internal, "written to after the end");
        }
        match joined((&mut self.writer).await) {
            Ok(_) => Fault::new(FaultKind::Internal, "the writer ended early"),
            Err(error) => fault_of_io(&error, &self.path),
        }
    }
}

/// Whether less than the reserve is free.
fn is_filling(disk: &rustix::fs::StatVfs, reserve_bytes: u64) -> bool {
    free_on(disk).is_some_and(|free| free < reserve_on(disk, reserve_bytes))
}

fn write_all(
    file: &File,
    mut waiting: mpsc::Receiver<Piece>,
    written: &watch::Sender<Extents>,
    mut summing: Summing,
) -> io::Result<Summing> {
    let mut pieces = Vec::with_capacity(PIECES_AT_ONCE);
    let mut dirty = Dirty::default();
    while waiting.blocking_recv_many(&mut pieces, PIECES_AT_ONCE) > 0 {
        // Those of one connection follow one another.
        for run in pieces.chunk_by(|(at, piece), (next, _)| at + piece.len() as u64 == *next) {
            let start = run.first().map_or(0, |(at, _)| *at);
            let end = write_run(file, start, run)?;
            for (at, piece) in run {
                summing.take_in(*at, piece);
            }
            written.send_modify(|written| written.insert(start..end));
            if let Some(range) = dirty.add(start..end) {
                start_writeback(file, range);
            }
        }
        pieces.clear();
    }
    Ok(summing)
}

/// What has been written and is not yet on its way to the disk, by connection.
#[derive(Debug, Default)]
struct Dirty(Vec<Range<u64>>);

impl Dirty {
    /// Adds what was written; gives back what has become enough to be sent on its way.
    fn add(&mut self, written: Range<u64>) -> Option<Range<u64>> {
        let index = self.0.iter().position(|range| range.end == written.start);
        if let Some(index) = index {
            self.0[index].end = written.end;
        } else {
            // Who has moved elsewhere leaves a rest behind, which the next sync will find.
            if self.0.len() == MOST_DIRTY {
                self.0.remove(0);
            }
            self.0.push(written);
        }
        let index = index.unwrap_or(self.0.len() - 1);
        let is_enough = self.0[index].end - self.0[index].start >= WRITEBACK_BYTES;
        is_enough.then(|| self.0.remove(index))
    }
}

/// Has the system begin to put a range on disk, without waiting: then the syncs that are waited for find little to do,
/// and the disk is busy from the start. Says that the range will not be read soon, which is all the portable call for it
/// can say; what is on its way is not dropped by that.
fn start_writeback(file: &File, range: Range<u64>) {
    let bytes = NonZeroU64::new(range.end - range.start);
    // Advice: nothing is lost where it is not taken.
    let _ = rustix::fs::fadvise(file, range.start, bytes, rustix::fs::Advice::DontNeed);
}

/// Writes pieces that follow one another; says where they end.
fn write_run(file: &File, mut at: u64, run: &[Piece]) -> io::Result<u64> {
    let parts = run.iter().flat_map(|(_, piece)| piece.chunks(WRITE_BYTES));
    let mut slices: Vec<IoSlice<'_>> = parts.map(IoSlice::new).collect();
    let mut slices = slices.as_mut_slice();
    while !slices.is_empty() {
        match pwritev(file, &slices[..as_many_as_go_into_one(slices)], at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => {
                IoSlice::advance_slices(&mut slices, bytes);
                at += bytes as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at)
}

/// How many of the first slices go into one write; at least one.
fn as_many_as_go_into_one(slices: &[IoSlice<'_>]) -> usize {
    let mut bytes = 0;
    let fitting = slices.iter().take_while(|slice| {
        bytes += slice.len();
        bytes <= WRITE_BYTES
    });
    fitting.count().max(1)
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn pieces_of_any_size_are_written_one_after_the_other_in_writes_of_a_limited_size() {
        let sizes = [1, 0, 5_000, WRITE_BYTES, 400_000, 3, WRITE_BYTES + 1, 16_384, 16_384, 60_000];
        let run: Vec<Piece> = sizes.iter().map(|size| (0, Bytes::from(noise(*size)))).collect();
        let mut file = tempfile::tempfile().unwrap();
        let end = write_run(&file, 10, &run).unwrap();
        let expected: Vec<u8> = run.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
        let mut found = Vec::new();
        file.read_to_end(&mut found).unwrap();
        assert_eq!(end, 10 + expected.len() as u64);
        assert!(found[..10] == [0; 10] && found[10..] == expected);

        let data = vec![0; WRITE_BYTES];
        let slices = |sizes: &[usize]| {
            let slices: Vec<_> = sizes.iter().map(|size| IoSlice::new(&data[..*size])).collect();
            as_many_as_go_into_one(&slices)
        };
        assert_eq!(slices(&[20_000, 20_000, 20_000, 20_000]), 3);
        assert_eq!(slices(&[WRITE_BYTES, 1]), 1);
        assert_eq!(slices(&[1, WRITE_BYTES]), 1);
    }

    fn noise(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * at / 7 + bytes) as u8).collect()
    }

    #[test]
    fn what_each_connection_writes_is_sent_on_its_way_once_it_is_enough() {
        const HALF: u64 = WRITEBACK_BYTES / 2;
        let mut dirty = Dirty::default();
        assert_eq!(dirty.add(0..HALF), None);
        assert_eq!(dirty.add(1 << 30..(1 << 30) + HALF), None, "another connection");
        assert_eq!(dirty.add(HALF..2 * HALF), Some(0..2 * HALF));
        assert_eq!(dirty.add(2 * HALF..3 * HALF), None, "it begins again");
        assert_eq!(dirty.add((1 << 30) + HALF..(1 << 30) + 3 * HALF), Some(1 << 30..(1 << 30) + 3 * HALF));
        for far in 10..100 {
            assert_eq!(dirty.add(far << 32..(far << 32) + 1), None);
        }
        assert!(dirty.0.len() <= MOST_DIRTY);
    }
}
