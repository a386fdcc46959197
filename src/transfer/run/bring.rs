//! Bringing along what was fetched, where the user has chosen another folder since. Whatever goes wrong, and whenever
//! the program is killed, what is there of the file is in one of the places on record.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::finish::{create_part, free_name, is_taken, move_without_clobbering};
use super::super::label;
use super::super::part::blocking;
use super::Run;
use crate::job::{Clash, Fault, FaultKind, JobFile, PartAt, bytes_in_words};

/// How much is copied at once: between two of these it can be told to stop.
const PIECE_BYTES: u64 = 4 << 20;

/// How moving a part went.
enum Moved {
    Yes,
    /// It has to be copied: the other folder is on another disk.
    OtherDisk,
    /// Somebody has that name.
    Taken,
}

impl Run {
    /// Moves the part of the file into the folder it goes to now, if it is in another.
    pub(super) async fn bring_along(&mut self) -> Result<(), Fault> {
        let places: Vec<PathBuf> =
            self.order.file.moved_from.iter().map(|PartAt(path)| path.clone()).collect();
        let Some(newest) = places.last().cloned() else { return Ok(()) };
        let looked_for = places.clone();
        let from =
            blocking(&newest, move || Ok(looked_for.into_iter().find(|place| place.is_file()))).await?;
        if self.order.file.start_over || from.is_none() {
            return self.leave_behind(places, newest).await;
        }
        let Some(from) = from else { return Ok(()) };
        loop {
            self.choose_place().await?;
            let to = self.order.file.part_path().unwrap_or_default();
            match self.move_part(&from, &to).await? {
                Moved::Yes => break,
                Moved::OtherDisk => {
                    if let Err(fault) = self.copy_part(&from, &to).await {
                        // What there is of the copy is of no use to anybody.
                        let _ = blocking(&to.clone(), move || fs::remove_file(&to)).await;
                        self.order.file.part = None;
                        self.save_plan().await?;
                        return Err(fault);
                    }
                    break;
                }
                Moved::Taken => self.order.file.part = None,
            }
        }
        self.order.file.moved_from = Box::default();
        self.save_plan().await?;
        // The copy counts now. Where the old one cannot be deleted, as on a disk that is read-only, it stays.
        self.delete(places).await;
        let (had, folder) = (bytes_in_words(self.order.file.synced_bytes()), from.parent().unwrap_or(&from));
        self.decided(format!("Brings along the {had} there were from {}", folder.display())).await;
        Ok(())
    }

    /// Begins without what was fetched: the user wants that, or it is not to be found.
    async fn leave_behind(&mut self, places: Vec<PathBuf>, newest: PathBuf) -> Result<(), Fault> {
        if self.order.file.start_over {
            self.delete(places).await;
        } else if let Some(part) = self.order.file.part_path() {
            let is_here = blocking(&part.clone(), move || Ok(part.is_file())).await?;
            if is_here {
                // It was moved, and the program was killed before it could say so.
                self.order.file.moved_from = Box::default();
                return Ok(());
            }
        }
        let why = if self.order.file.start_over {
            "you asked for it".to_owned()
        } else {
            format!("{} is not there", newest.display())
        };
        self.give_up_what_was_there(&why).await;
        self.order.file.moved_from = Box::default();
        Ok(())
    }

    /// Chooses the names in the new folder, and has them on record, unless that was done before.
    async fn choose_place(&mut self) -> Result<(), Fault> {
        if self.order.file.part.is_some() {
            return Ok(());
        }
        let file = &self.order.file;
        let wanted = file.asked_name.clone().unwrap_or_else(|| file.display_name());
        let (name, part) = self.choose_name(&wanted).await?;
        self.order.file.name = Some(name);
        self.order.file.part = Some(part);
        self.save_plan().await
    }

    async fn move_part(&mut self, from: &Path, to: &Path) -> Result<Moved, Fault> {
        let (from, to, file) = (from.to_owned(), to.to_owned(), self.order.file.clone());
        blocking(&to.clone(), move || {
            // A copy that was cut short.
            if is_of(&to, &file) {
                fs::remove_file(&to)?;
            }
            match move_without_clobbering(&from, &to) {
                Ok(()) => Ok(Moved::Yes),
                Err(error) => match error.kind() {
                    io::ErrorKind::CrossesDevices => Ok(Moved::OtherDisk),
                    io::ErrorKind::AlreadyExists => Ok(Moved::Taken),
                    _ => Err(error),
                },
            }
        })
        .await
    }

    /// Copies what is on record of the part, and nothing else.
    async fn copy_part(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        let bytes = self.order.file.total_bytes.unwrap_or_else(|| self.order.file.synced.end());
        self.check_room(Some(bytes)).await?;
        let (old, new) = {
            let (from, to, file) = (from.to_owned(), to.to_owned(), self.order.file.clone());
            blocking(&to.clone(), move || {
                let new = create_part(&to, &file)?;
                // Its length says nothing until all of it is there.
                label::attach(&new, &file, true);
                Ok((Arc::new(File::open(&from)?), Arc::new(new)))
            })
            .await?
        };
        for range in self.order.file.synced.ranges().flat_map(pieces).collect::<Vec<_>>() {
            let (old, new) = (Arc::clone(&old), Arc::clone(&new));
            blocking(to, move || {
                let mut piece = vec![0; (range.end - range.start) as usize];
                old.read_exact_at(&mut piece, range.start)?;
                new.write_all_at(&piece, range.start)
            })
            .await?;
        }
        blocking(to, move || new.sync_all()).await
    }

    /// Deletes unfinished data of this file, where it is.
    async fn delete(&mut self, places: Vec<PathBuf>) {
        let deleted = blocking(&self.order.file.folder, move || {
            for place in places {
                match fs::remove_file(&place) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        tracing::warn!(path = %place.display(), %error, "an unfinished file could not be deleted");
                    }
                    _ => {}
                }
            }
            Ok(())
        });
        // It logs what it cannot do; there is nobody else to tell.
        let _ = deleted.await;
    }

    /// Chooses the final name anew for a part that is there: the user wants another.
    pub(super) async fn choose_name_again(&mut self) -> Result<(), Fault> {
        let file = &self.order.file;
        let wanted = file.asked_name.clone().unwrap_or_else(|| file.display_name());
        let (folder, clash, named) = (file.folder.clone(), file.clash, wanted.clone());
        let name = blocking(&file.folder, move || {
            if clash == Clash::Overwrite || !is_taken(&folder, &named)? {
                return Ok(Some(named));
            }
            if clash == Clash::Ask {
                Ok(None)
            } else {
                free_name(&folder, &named).map(|(name, _)| Some(name))
            }
        });
        let Some(name) = name.await? else {
            return Err(Fault::new(FaultKind::NameTaken, format!("“{wanted}”")));
        };
        self.order.file.name = Some(name);
        self.save_plan().await
    }
}

/// Whether a file says of itself that it is unfinished data of this one.
fn is_of(path: &Path, file: &JobFile) -> bool {
    let label = File::open(path).ok().and_then(label::read);
    label.is_some_and(|label| (&label.file.url, label.file.attempt) == (&file.url, file.attempt))
}

/// A range in pieces.
fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let next = move |piece: &Range<u64>| {
        (piece.end < range.end).then(|| piece.end..range.end.min(piece.end + PIECE_BYTES))
    };
    let first = range.start..range.end.min(range.start + PIECE_BYTES);
    std::iter::successors(Some(first).filter(|first| !first.is_empty()), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_pieces_without_a_gap() {
        const P: u64 = PIECE_BYTES;
        let cut = |range| pieces(range).map(|piece| (piece.start, piece.end)).collect::<Vec<_>>();
        assert_eq!(cut(3..3), []);
        assert_eq!(cut(3..4), [(3, 4)]);
        assert_eq!(cut(0..P), [(0, P)]);
        assert_eq!(cut(1..2 * P + 2), [(1, P + 1), (P + 1, 2 * P + 1), (2 * P + 1, 2 * P + 2)]);
    }
}
