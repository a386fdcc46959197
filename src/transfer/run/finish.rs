//! The last steps: verify, name, record.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::time::timeout;
use url::Url;

use super::super::faults::fault_of_reqwest;
use super::super::finish::{free_name, move_over, move_without_clobbering, seal};
use super::super::http::{Part, STALL, ask};
use super::super::part::blocking;
use super::super::sum::Summing;
use super::Run;
use crate::job::{Checksum, Clash, Expected, Extents, Fault, FaultKind, sum_for};

/// The longest list of checksums: some hundred thousand files.
const MOST_LIST_BYTES: usize = 32 << 20;

impl Run {
    /// Whether an earlier run was cut short between the last step and its report.
    pub(super) async fn was_moved_already(&mut self) -> Result<bool, Fault> {
        let file = &self.order.file;
        let Some(name) = &file.name else { return Ok(false) };
        // Perhaps the user has chosen another folder since.
        let places: Vec<(PathBuf, PathBuf)> =
            file.part_paths().map(|part| (part.with_file_name(name), part)).collect();
        if file.total_bytes != Some(file.synced.prefix()) {
            return Ok(false);
        }
        let bytes = file.synced.prefix();
        let expected = self.known_sum();
        let found = blocking(&file.folder.clone(), move || {
            if places.iter().any(|(_, part)| part.exists()) {
                return Ok(None);
            }
            for (path, _) in places {
                if !path.metadata().is_ok_and(|found| found.is_file() && found.len() == bytes) {
                    continue;
                }
                let Some(expected) = &expected else { return Ok(path.parent().map(Path::to_owned)) };
                let found = Summing::new([expected.hash()])
                    .finish(&std::fs::File::open(&path)?, &AtomicU64::new(0))?;
                if found.contains(expected) {
                    return Ok(path.parent().map(Path::to_owned));
                }
            }
            Ok(None)
        })
        .await?;
        let Some(folder) = found else { return Ok(false) };
        self.order.file.folder = folder;
        self.order.file.moved_from = Box::default();
        self.order.file.finished = true;
        Ok(true)
    }

    /// The sum it must have, where that is known without asking anybody.
    pub(super) fn known_sum(&self) -> Option<Checksum> {
        match self.order.file.expected.as_deref() {
            Some(Expected::Sum(sum)) => Some(sum.clone()),
            Some(Expected::ListedAt(_)) => None,
            None => self.order.file.validator.digest.as_deref().cloned(),
        }
    }

    /// Verifies the whole part and gives it its name.
    pub(super) async fn finish(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else {
            return Err(Fault::new(FaultKind::Internal, "finished without a part"));
        };
        let summing = part.close().await?;
        let opened = Arc::clone(part.file());
        let written = part.written();
        let (Some(path), Some(name)) = (self.order.file.part_path(), self.order.file.name.clone()) else {
            return Err(Fault::new(FaultKind::Internal, "finished without a name"));
        };
        let bytes = written.bytes();
        if self.order.file.total_bytes != Some(bytes) || written != Extents::from_start(bytes) {
            return Err(Fault::new(FaultKind::WrongLength, format!("{bytes} bytes are there")));
        }
        self.verify(summing, &path).await?;
        let modified = self
            .order
            .file
            .validator
            .last_modified
            .as_deref()
            .and_then(|date| httpdate::parse_http_date(date).ok());
        let origin = self.order.note_origin.then(|| self.order.file.url.clone());
        blocking(&path, move || seal(&opened, modified, origin.as_ref())).await?;
        if let Some(part) = &mut self.part {
            part.is_all_synced();
        }
        self.order.file.synced = written;
        let wanted = self.order.file.asked_name.clone().unwrap_or(name);
        loop {
            // On record before the move, so that a crash in between is recognised.
            self.save_plan().await?;
            let (Some(to), from) = (self.order.file.path(), path.clone()) else {
                return Err(Fault::new(FaultKind::Internal, "finished without a name"));
            };
            let clash = self.order.file.clash;
            let moved = blocking(&path, move || match clash {
                Clash::Overwrite => move_over(&from, &to).map(|()| true),
                Clash::Number | Clash::Resume | Clash::Ask => match move_without_clobbering(&from, &to) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                    other => other.map(|()| true),
                },
            });
            if moved.await? {
                self.order.file.finished = true;
                return Ok(());
            }
            // Somebody made a file of that name while ours was fetched.
            let folder = self.order.file.folder.clone();
            let wanted = wanted.clone();
            let (name, _) = blocking(&path, move || free_name(&folder, &wanted)).await?;
            self.order.file.name = Some(name);
        }
    }

    /// Compares the whole part with what it must be: what the user says goes before what the server says.
    async fn verify(&mut self, summing: Summing, path: &Path) -> Result<(), Fault> {
        let asked = match self.order.file.expected.as_deref() {
            Some(Expected::Sum(sum)) => Some(sum.clone()),
            Some(Expected::ListedAt(list)) => Some(self.listed_sum(list.clone()).await?),
            None => None,
        };
        let (by_whom, expected) = match (asked, self.order.file.validator.digest.as_deref()) {
            (Some(sum), _) => ("it must have", sum),
            (None, Some(sum)) => ("the server says it has", sum.clone()),
            (None, None) => return Ok(()),
        };
        let Some(part) = &self.part else { return Ok(()) };
        let hash = expected.hash();
        let summing = if summing.has(hash) { summing } else { Summing::new([hash]) };
        let (file, meter) = (Arc::clone(part.file()), Arc::clone(&self.order.meter));
        let found = blocking(path, move || summing.finish(&file, &meter.verified)).await?;
        if found.contains(&expected) {
            self.decided(format!("Is verified: it has the {} {by_whom}", hash.name())).await;
            return Ok(());
        }
        let has =
            found.iter().find(|found| found.hash() == hash).map(ToString::to_string).unwrap_or_default();
        Err(self.put_aside(path.to_owned(), &has).await?)
    }

    /// The sum the list at that address has for the file.
    async fn listed_sum(&mut self, list: Url) -> Result<Checksum, Fault> {
        let not_listed =
            |why: &dyn std::fmt::Display| Fault::new(FaultKind::NotListed, format!("{list}: {why}"));
        let mut answer = match ask(&self.client, &list, &self.order.access, &Part::Whole).await {
            Ok(answer) if answer.status() == 200 => answer,
            Ok(answer) => return Err(not_listed(&answer.status())),
            // The list can wait as well as the file.
            Err(fault) if fault.is_transient() => return Err(fault),
            Err(fault) => return Err(not_listed(&fault.what())),
        };
        let mut text = Vec::new();
        while let Some(piece) = match timeout(STALL, answer.chunk()).await {
            Ok(piece) => piece.map_err(|error| fault_of_reqwest(&error))?,
            Err(_) => return Err(Fault::new(FaultKind::Stalled, "")),
        } {
            text.extend_from_slice(&piece);
            if text.len() > MOST_LIST_BYTES {
                return Err(not_listed(&"it is too large to be a list of checksums"));
            }
        }
        let name =
            self.order.file.asked_name.clone().or_else(|| self.order.file.name.clone()).unwrap_or_default();
        sum_for(&String::from_utf8_lossy(&text), &list, &self.order.file.url, &name)
            .map_err(|error| not_listed(&error))
    }

    /// Keeps what is not what it must be for whoever wants to look, out of the way of the next try.
    async fn put_aside(&mut self, path: PathBuf, has: &str) -> Result<Fault, Fault> {
        let name = format!("{}.bad", self.order.file.display_name());
        let folder = self.order.file.folder.clone();
        let kept = blocking(&path.clone(), move || {
            let (bad, _) = free_name(&folder, &name)?;
            move_without_clobbering(&path, &folder.join(&bad)).map(|()| bad)
        })
        .await?;
        self.part = None;
        self.order.file.forget_progress();
        self.take_up(Extents::default());
        self.order.file.name = None;
        self.order.file.part = None;
        self.save_plan().await?;
        Ok(Fault::new(FaultKind::ChecksumMismatch, format!("it has {has}; kept as {kept}")))
    }
}
