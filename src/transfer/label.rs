//! What an unfinished file tells about itself: an extended attribute with what it belongs to, so that it can be taken
//! up again should the list be lost. It holds an address, which may be nobody else's business, so a file that has it
//! is readable for its owner only.
//!
//! A file system without such attributes has none; everything else goes on as ever.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::job::JobFile;

/// Its name.
const NAME: &str = "user.meanwhile.file";

/// More than Linux takes (64 KiB, and most file systems less).
const MOST_BYTES: usize = 64 << 10;

/// What stands in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Label {
    /// Of the computer when it was written. As long as it has not been started anew since, what was written to the
    /// file is there, synced or not.
    pub(super) boot: String,
    /// Whether it has gaps: then only what is on record as synced is there, else all of its length.
    #[serde(default)]
    pub(super) is_scattered: bool,
    /// The file as it was when this attempt began.
    pub(super) file: JobFile,
}

/// Writes the label of a part, or takes off the one it has: an old one would be worse than none.
pub(super) fn attach(part: impl AsFd, file: &JobFile, is_scattered: bool) {
    let mut file = file.clone();
    // What it met with is of no use to whoever finds it.
    (file.trouble, file.faults_in_a_row) = (None, 0);
    let attached = boot_id().and_then(|boot| {
        let text = ron::to_string(&Label { boot, is_scattered, file }).map_err(io::Error::other)?;
        Ok(fsetxattr(&part, NAME, text.as_bytes(), XattrFlags::empty())?)
    });
    if let Err(error) = attached {
        tracing::debug!(%error, "an unfinished file gets no label");
        take_off(part);
    }
}

/// The label of a part, if it has one that can be read.
pub(super) fn read(part: impl AsFd) -> Option<Label> {
    let mut text = vec![0; MOST_BYTES];
    let bytes = fgetxattr(part, NAME, &mut text[..]).ok()?;
    ron::de::from_bytes(text.get(..bytes)?).ok()
}

/// Takes the label off a part.
pub(super) fn take_off(part: impl AsFd) {
    match fremovexattr(part, NAME) {
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
        Err(error) => tracing::warn!(%error, "the label of an unfinished file could not be taken off"),
    }
}

/// Says which start of the computer this is (random(4)).
pub(super) fn boot_id() -> io::Result<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// The permissions a new file usually gets: those the user's umask leaves (proc(5)).
pub(super) fn usual_mode() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    Some(0o666 & !u32::from_str_radix(umask.trim(), 8).ok()?)
}

/// Whether a file is open for writing as a part somewhere; see [`hold`].
pub(super) fn is_held(part: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    // What was taken for looking goes with the file.
    matches!(flock(part, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK))
}

/// Says to others who look that this part is being written to. Where that cannot be said it is done without.
pub(super) fn hold(part: &File) {
    use rustix::fs::{FlockOperation, flock};
    if let Err(error) = flock(part, FlockOperation::NonBlockingLockExclusive) {
        tracing::debug!(%error, "an unfinished file cannot be held");
    }
}
