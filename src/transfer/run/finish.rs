//! The last steps: verify, name, record.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::super::finish::{free_name, move_over, move_without_clobbering, seal};
use super::super::part::blocking;
use super::super::sum::Summing;
use super::Run;
use crate::job::{Checksum, Clash, Expected, Extents, Fault, FaultKind};

impl Run {
    /// Whether an earlier run was cut short between the last step and its report.
    pub(super) async fn was_moved_already(&mut self) -> Result<bool, Fault> {
        let file = &self.order.file;
        let (Some(path), Some(part)) = (file.path(), file.part_path()) else { return Ok(false) };
        if file.total_bytes != Some(file.synced.prefix()) {
            return Ok(false);
        }
        let bytes = file.synced.prefix();
        let expected: Vec<Checksum> = self.known_sums();
        let moved = blocking(&path.clone(), move || {
            if part.exists() || !path.metadata().is_ok_and(|found| found.is_file() && found.len() == bytes) {
                return Ok(false);
            }
            let summing = Summing::new(expected.iter().map(Checksum::hash));
            let found = summing.finish(&std::fs::File::open(&path)?, &AtomicU64::new(0))?;
            Ok(expected.iter().all(|sum| found.contains(sum)))
        })
        .await?;
        self.order.file.finished = moved;
        Ok(moved)
    }

    /// The sums it must have that are known without asking anybody.
    fn known_sums(&self) -> Vec<Checksum> {
        let asked = match self.order.file.expected.as_deref() {
            Some(Expected::Sum(sum)) => Some(sum),
            Some(Expected::ListedAt(_)) | None => None,
        };
        asked.into_iter().chain(self.order.file.validator.digest.as_deref()).cloned().collect()
    }

    /// Verifies the whole part and gives it its name.
    pub(super) async fn finish(&mut self) -> Result<(), Fault> {
        let Some(part) = &mut self.part else {
            return Err(Fault::new(FaultKind::Internal, "finished without a part"));
        };
        let summing = part.settle().await?.unwrap_or_default();
        let opened = Arc::clone(part.file());
        let synced = part.synced().clone();
        self.report_synced().await;
        let (Some(path), Some(name)) = (self.order.file.part_path(), self.order.file.name.clone()) else {
            return Err(Fault::new(FaultKind::Internal, "finished without a name"));
        };
        let bytes = synced.bytes();
        if self.order.file.total_bytes != Some(bytes) || synced != Extents::from_start(bytes) {
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

    /// Compares the whole part with all that is known of what it must be.
    async fn verify(&mut self, summing: Summing, path: &PathBuf) -> Result<(), Fault> {
        let mut expected = self.known_sums();
        if let Some(Expected::ListedAt(list)) = self.order.file.expected.as_deref() {
            return Err(Fault::new(FaultKind::NotListed, list.to_string()));
        }
        if expected.is_empty() {
            return Ok(());
        }
        let Some(part) = &self.part else { return Ok(()) };
        let hashes: Vec<_> = expected.iter().map(Checksum::hash).collect();
        let summing = if summing.has(&hashes) { summing } else { Summing::new(hashes) };
        let (file, verified) = (Arc::clone(part.file()), Arc::clone(&self.order.verified));
        let found = blocking(path, move || summing.finish(&file, &verified)).await?;
        for sum in &expected {
            let of_that_sort = found.iter().find(|found| found.hash() == sum.hash());
            if of_that_sort != Some(sum) {
                let has = of_that_sort.map(ToString::to_string).unwrap_or_default();
                return Err(self.put_aside(path.clone(), &has).await?);
            }
        }
        let names: Vec<String> = expected.iter().map(|sum| sum.hash().name().to_owned()).collect();
        self.decided(format!("Is verified: it has the {} it must have", names.join(" and the "))).await;
        Ok(())
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
