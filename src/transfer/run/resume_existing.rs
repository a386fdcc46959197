//! Going on with a file that another program began, where the user wants that (`Clash::Resume`): it is taken over only
//! once its beginning and its end have been fetched again and are the same. Until then nothing happens to it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use super::super::finish::{free_part, move_without_clobbering, open_part};
use super::super::head::Head;
use super::super::http::{Part, ask};
use super::super::label;
use super::super::part::{PartFile, blocking};
use super::super::resume::{Known, Verdict, verdict};
use super::Run;
use crate::job::{Extents, Fault, bytes_in_words};

/// How much of its beginning and of its end is compared.
const COMPARED_BYTES: u64 = 256 << 10;

impl Run {
    /// Takes over the file that has the name this one wanted to have. Says whether it did; if not, all is as before.
    pub(super) async fn resume_existing(&mut self, source: usize, wanted: &str) -> Result<bool, Fault> {
        let (Some(part_path), Some(total_bytes)) = (self.order.file.part_path(), self.order.file.total_bytes)
        else {
            return Ok(false);
        };
        if self.order.file.name.as_deref() == Some(wanted) {
            return Ok(false);
        }
        let path = self.order.file.folder.join(wanted);
        let opened = {
            let path = path.clone();
            blocking(&path.clone(), move || {
                let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
                if !is_file {
                    return Ok(None);
                }
                let file = File::open(&path)?;
                let bytes = file.metadata()?.len();
                Ok(Some((file, bytes)))
            })
            .await?
        };
        let Some((file, bytes)) = opened.filter(|(_, bytes)| (1..=total_bytes).contains(bytes)) else {
            return Ok(false);
        };
        let start = 0..bytes.min(COMPARED_BYTES);
        let end = bytes.saturating_sub(COMPARED_BYTES)..bytes;
        for range in [start, end] {
            if !self.is_same_there(source, &file, range).await? {
                let why = format!("“{wanted}” is not the beginning of this file, and stays as it is");
                self.decided(why).await;
                return Ok(false);
            }
        }
        // Under the part's name it is nobody else's any more. The empty part that was made for the name goes.
        let (folder, name) = (self.order.file.folder.clone(), wanted.to_owned());
        let new_part = blocking(&path, move || {
            // It counts as fetched from now on, and whoever wrote it may not have seen to this.
            file.sync_all()?;
            free_part(&folder, &name)
        })
        .await?;
        let to = self.order.file.folder.join(&new_part);
        self.part = None;
        self.order.file.name = Some(wanted.to_owned());
        self.order.file.part = Some(new_part);
        self.order.file.synced = Extents::from_start(bytes);
        self.save_plan().await?;
        let opened = {
            let (to, of) = (to.clone(), self.order.file.clone());
            blocking(&to.clone(), move || {
                std::fs::remove_file(&part_path)?;
                move_without_clobbering(&path, &to)?;
                let part = open_part(&to)?;
                label::attach(&part, &of, false);
                Ok(part)
            })
            .await?
        };
        let have = Extents::from_start(bytes);
        self.part =
            Some(PartFile::open(&to, opened, have.clone(), self.summing(), self.order.reserve_bytes).await?);
        self.take_up(have);
        let had = bytes_in_words(bytes);
        self.decided(format!("Goes on with “{wanted}”, which has the first {had}: they are the same")).await;
        Ok(true)
    }

    /// Whether the server has the same bytes in that range.
    async fn is_same_there(&mut self, source: usize, file: &File, range: Range<u64>) -> Result<bool, Fault> {
        let source = &self.sources[source];
        let door = &source.door;
        let part = Part::Range { first: range.start, last: Some(range.end - 1), proof: None };
        let mut answer = ask(&door.client, &door.url, &door.access, &part).await?;
        let known = Known {
            total_bytes: self.order.file.total_bytes,
            there_bytes: 0,
            validator: &source.validator,
            is_elsewhere: false,
            has_checksum: false,
        };
        if !matches!(verdict(&part, known, &Head::of(&answer)), Verdict::Continue { .. }) {
            return Ok(false);
        }
        let mut expected = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut expected, range.start)
            .map_err(|error| super::super::faults::fault_of_io(&error, &self.order.file.folder))?;
        let mut came = Vec::with_capacity(expected.len());
        while came.len() < expected.len() {
            let piece = tokio::time::timeout(super::super::http::STALL, answer.chunk()).await;
            let Ok(Ok(Some(piece))) = piece else { return Ok(false) };
            came.extend_from_slice(&piece);
        }
        came.truncate(expected.len());
        Ok(came == expected)
    }
}
