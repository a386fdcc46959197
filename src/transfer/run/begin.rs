//! The part and its name: opened again, or begun anew.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use reqwest::Response;

use super::super::finish::{create_part, free_name, free_part, is_taken, open_part, room_on};
use super::super::head::Head;
use super::super::label;
use super::super::line::Line;
use super::super::name::wanted_name;
use super::super::part::{PartFile, blocking};
use super::super::sum::Summing;
use super::super::{News, segments::Segments};
use super::Run;
use crate::job::{Clash, Extents, Fault, FaultKind, bytes_in_words};

/// From this size on the disk is asked to set the room aside, in bytes; for less it is not worth a call.
const SET_ASIDE_BYTES: u64 = 1 << 20;

/// What the system counts the room of a file in (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// What a file system in memory is known by (`TMPFS_MAGIC` of linux/magic.h).
const IN_MEMORY: rustix::fs::FsWord = 0x0102_1994;

/// What was found of an earlier run.
struct Found {
    file: File,
    bytes: u64,
    attempt: Option<u32>,
}

impl Run {
    /// Opens the part of an earlier run, if what is recorded of it is there.
    pub(super) async fn open_what_is_there(&mut self) -> Result<(), Fault> {
        self.take_up(Extents::default());
        if self.order.file.start_over {
            // The part stays as it is until a server answers with something better.
            self.give_up_what_was_there("you asked for it").await;
            return Ok(());
        }
        let Some(path) = self.order.file.part_path() else { return Ok(()) };
        let found = {
            let path = path.clone();
            blocking(&path.clone(), move || match open_part(&path) {
                Ok(file) => {
                    let attempt = label::read(&file).map(|label| label.file.attempt);
                    Ok(Some(Found { bytes: file.metadata()?.len(), attempt, file }))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            })
            .await?
        };
        let had = self.order.file.synced_bytes();
        let Some(found) = found else {
            if had > 0 && !self.order.file.folder.exists() {
                let folder = self.order.file.folder.display().to_string();
                return Err(Fault::new(FaultKind::NoFolder, folder));
            }
            self.give_up_what_was_there("the unfinished file is gone").await;
            self.order.file.name = None;
            self.order.file.part = None;
            return Ok(());
        };
        if had > 0 && found.attempt.is_some_and(|attempt| attempt != self.order.file.attempt) {
            self.give_up_what_was_there("the unfinished file is of another try than recorded").await;
            return Ok(());
        }
        if found.bytes < self.order.file.synced.end() {
            self.give_up_what_was_there("the unfinished file is shorter than recorded").await;
            return Ok(());
        }
        let have = self.order.file.synced.clone();
        self.part = Some(
            PartFile::open(&path, found.file, have.clone(), self.summing(), self.order.reserve_bytes).await?,
        );
        self.take_up(have);
        if self.order.file.name.is_none() {
            self.choose_name_again().await?;
        }
        // Only now, when nothing stands behind what is known to be on disk.
        self.attach_label().await?;
        self.check_room(self.order.file.total_bytes).await?;
        self.set_room_aside(self.order.file.total_bytes).await
    }

    pub(super) async fn give_up_what_was_there(&mut self, why: &str) {
        let had = self.order.file.synced_bytes();
        if had > 0 {
            self.decided(format!("Starts over, without the {} there were: {why}", bytes_in_words(had))).await;
        }
        self.order.file.forget_progress();
    }

    /// Prepares for the file from its start: a name if it has none, an empty part, and all of it on record before
    /// the first byte.
    pub(super) async fn begin(
        &mut self,
        mut line: Line,
        answer: Response,
        head: Head,
        total_bytes: Option<u64>,
        body_bytes: Option<u64>,
        resumable: bool,
    ) -> Result<(), Fault> {
        self.note_start_over(&head.validator).await?;
        self.check_room(total_bytes).await?;
        let file = &mut self.order.file;
        file.forget_progress();
        file.total_bytes = total_bytes;
        // Ranges are of use only with something that proves they belong together; lesser proof takes a comparison.
        file.resumable = Some(resumable);
        self.trust_only(line.source, &head.validator);
        self.take_up(Extents::default());
        // Whatever is on its way to the old part must not be written after the new start.
        if let Some(mut old) = self.part.take() {
            old.settle().await?;
        }
        if self.order.file.part.is_some() {
            self.empty_part().await?;
        } else {
            let wanted = self.create(&answer).await?;
            if self.order.file.clash == Clash::Resume && self.resume_existing(line.source, &wanted).await? {
                return self.go_on(line).await;
            }
        }
        self.set_room_aside(total_bytes).await?;
        self.segments = Segments::new(total_bytes, Extents::default());
        self.segments.assign(line.id, 0..total_bytes.unwrap_or(u64::MAX));
        self.order.reporter.tell(News::Connected).await;
        line.check = None;
        line.receive(answer, body_bytes);
        self.listen(line);
        self.add_lines().await
    }

    /// Makes the part there was an empty one, of another attempt.
    async fn empty_part(&mut self) -> Result<(), Fault> {
        self.save_plan().await?;
        let Some(path) = self.order.file.part_path() else { return Ok(()) };
        let opened = {
            let (path, file) = (path.clone(), self.order.file.clone());
            blocking(&path.clone(), move || {
                let part = match open_part(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => create_part(&path, &file)?,
                    other => other?,
                };
                // In this order: the label must not speak for bytes of the attempt before.
                part.set_len(0)?;
                label::attach(&part, &file, false);
                Ok(part)
            })
            .await?
        };
        self.part = Some(
            PartFile::open(&path, opened, Extents::default(), self.summing(), self.order.reserve_bytes)
                .await?,
        );
        Ok(())
    }

    /// Chooses a free name, records it, and makes the part. Gives the name that was wanted.
    async fn create(&mut self, answer: &Response) -> Result<String, Fault> {
        let wanted = wanted_name(self.order.file.asked_name.as_deref(), answer.headers(), answer.url());
        loop {
            let (name, part) = self.choose_name(&wanted).await?;
            let path = self.order.file.folder.join(&part);
            self.order.file.name = Some(name);
            self.order.file.part = Some(part);
            self.save_plan().await?;
            let created = {
                let (path, file) = (path.clone(), self.order.file.clone());
                blocking(&path.clone(), move || match create_part(&path, &file) {
                    // Another download took the name since it was looked for.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                    other => other.map(Some),
                })
                .await?
            };
            if let Some(file) = created {
                self.part = Some(
                    PartFile::open(&path, file, Extents::default(), self.summing(), self.order.reserve_bytes)
                        .await?,
                );
                return Ok(wanted);
            }
        }
    }

    /// The name the file will have, and that of its part.
    pub(super) async fn choose_name(&mut self, wanted: &str) -> Result<(String, String), Fault> {
        let (folder, wanted) = (self.order.file.folder.clone(), wanted.to_owned());
        let (clash, path) = (self.order.file.clash, folder.clone());
        let chosen = blocking(&path, move || match clash {
            Clash::Number | Clash::Resume => free_name(&folder, &wanted).map(Ok),
            Clash::Ask if is_taken(&folder, &wanted)? => Ok(Err(wanted)),
            Clash::Ask => free_name(&folder, &wanted).map(Ok),
            Clash::Overwrite => free_part(&folder, &wanted).map(|part| Ok((wanted, part))),
        });
        chosen.await?.map_err(|taken| Fault::new(FaultKind::NameTaken, format!("“{taken}”")))
    }

    /// Takes the sum that will be compared while the file is written, as far as it is known.
    pub(super) fn summing(&self) -> Summing {
        Summing::new(self.known_sum().map(|sum| sum.hash()))
    }

    /// Whether the disk has room for all of it, and for what is to stay free.
    pub(super) async fn check_room(&mut self, total_bytes: Option<u64>) -> Result<(), Fault> {
        let Some(total) = total_bytes else { return Ok(()) };
        let (folder, reserve) = (self.order.file.folder.clone(), self.order.reserve_bytes);
        let part = self.part.as_ref().map(|part| Arc::clone(part.file()));
        let looked_at = blocking(&self.order.file.folder, move || {
            // What the part has already, set aside or written, is room that will be used.
            let own = part.map_or(Ok(0), |part| part.metadata().map(|found| found.blocks() * BLOCK_BYTES))?;
            Ok(room_on(&folder, reserve)?.map(|room| room.saturating_add(own)))
        });
        let Some(room) = looked_at.await? else {
            // Then writing will tell.
            return Ok(());
        };
        if room >= total {
            return Ok(());
        }
        let (total, room) = (bytes_in_words(total), bytes_in_words(room));
        Err(Fault::new(FaultKind::DiskFull, format!("{total} needed, {room} free for it")))
    }

    /// Has the disk set aside the room for the whole file, where that costs nothing: nothing is written for it, and the
    /// length of the file stays what has been written.
    async fn set_room_aside(&mut self, total_bytes: Option<u64>) -> Result<(), Fault> {
        let (Some(part), Some(total)) = (&self.part, total_bytes) else { return Ok(()) };
        if total < SET_ASIDE_BYTES {
            return Ok(());
        }
        let file = Arc::clone(part.file());
        let path = self.order.file.part_path().unwrap_or_default();
        blocking(&path, move || {
            if rustix::fs::fstatfs(&*file).is_ok_and(|disk| disk.f_type == IN_MEMORY) {
                // Room in memory is not set aside but used up.
                return Ok(());
            }
            let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
            match rustix::fs::fallocate(&*file, flags, 0, total) {
                Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT)) => Err(error.into()),
                // What cannot be set aside is found out while writing.
                _ => Ok(()),
            }
        })
        .await
    }
}
