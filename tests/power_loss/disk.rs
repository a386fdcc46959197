//! A disk that forgets: beside what programs see it keeps what would be there after a power cut.
//!
//! Everything that changes something changes only what is *seen*. What is *kept* follows with fsync and fdatasync, and
//! as little of it as POSIX allows: those of a file keep its content, fsync also its attributes; that a file has a name
//! is kept only with fsync of the folder the name is in. A power cut leaves what is kept and, by chance, any part of
//! what was on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::Errno;

use super::support::Chance;

/// The number of a file or folder.
pub(crate) type Ino = u64;

/// The folder that holds all others.
pub(crate) const ROOT: Ino = 1;

/// What a disk writes at once, in bytes.
const BLOCK: usize = 4096;

/// The size of the disk, in bytes.
const SIZE: u64 = 8 << 30;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;

/// When what is not the content of a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// When it is synced itself, and not before.
    Posix,
    /// With any sync after it, in the order in which it was done, as a journal does (ext4).
    Journal,
}

/// What is said of a file beside its content.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    /// What sort of file it is and who may do what.
    pub(crate) mode: u32,
    pub(crate) modified: SystemTime,
    /// The extended ones.
    pub(crate) extended: BTreeMap<OsString, Vec<u8>>,
}

/// What is seen, and what is kept.
#[derive(Clone, Debug)]
struct Two<T> {
    seen: T,
    kept: T,
}

impl<T: Clone> Two<T> {
    fn both(value: T) -> Self {
        Self { seen: value.clone(), kept: value }
    }

    fn keep(&mut self) {
        self.kept = self.seen.clone();
    }
}

#[derive(Clone, Debug)]
struct Node {
    attributes: Two<Attributes>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    File(Content),
    Folder(Names),
    /// A local socket, which has no content.
    Socket,
}

#[derive(Clone, Debug)]
struct Content {
    bytes: Two<Vec<u8>>,
    /// Blocks that are not the same in both.
    dirty: BTreeSet<usize>,
    /// The least length it has had since it was last kept.
    least: usize,
}

#[derive(Clone, Debug)]
struct Names {
    names: Two<BTreeMap<OsString, Ino>>,
    /// What leads from what is kept to what is seen.
    changes: Vec<Change>,
}

/// A change of a folder: one name goes, one comes, or both at once.
#[derive(Clone, Debug)]
struct Change {
    /// When, counted over the whole disk.
    at: u64,
    gone: Option<OsString>,
    come: Option<(OsString, Ino)>,
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<OsString, Ino>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((name, ino)) = &self.come {
            names.insert(name.clone(), *ino);
        }
    }
}

impl Content {
    fn new(bytes: Vec<u8>) -> Self {
        Self { least: bytes.len(), bytes: Two::both(bytes), dirty: BTreeSet::new() }
    }

    fn set_len(&mut self, bytes: usize) {
        let before = self.bytes.seen.len();
        self.bytes.seen.resize(bytes, 0);
        self.dirty.extend(before.min(bytes) / BLOCK..before.max(bytes).div_ceil(BLOCK));
        self.least = self.least.min(bytes);
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.bytes.seen.len() {
            self.set_len(end);
        }
        self.bytes.seen[at..end].copy_from_slice(bytes);
        self.dirty.extend(at / BLOCK..end.div_ceil(BLOCK));
    }

    fn keep(&mut self) {
        let Two { seen, kept } = &mut self.bytes;
        kept.resize(seen.len(), 0);
        for block in std::mem::take(&mut self.dirty) {
            copy_block(seen, kept, block);
        }
        self.least = self.bytes.seen.len();
    }

    /// What is there after a power cut, if the disk was as far as chance has it.
    fn left(&self, chance: &mut Chance) -> Vec<u8> {
        let Two { seen, kept } = &self.bytes;
        let lengths = [seen.len(), kept.len(), self.least];
        let mut left = kept.clone();
        left.resize(lengths[chance.between(0, 3) as usize], 0);
        // Of some files nearly all has been written, of others next to nothing.
        let share = chance.between(0, 101);
        for block in &self.dirty {
            if chance.between(0, 100) < share {
                copy_block(seen, &mut left, *block);
            }
        }
        left
    }
}

/// Copies a block as far as both reach.
fn copy_block(from: &[u8], to: &mut [u8], block: usize) {
    let start = block * BLOCK;
    let end = (start + BLOCK).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

/// A disk.
#[derive(Debug)]
pub(crate) struct Disk {
    manner: Manner,
    nodes: BTreeMap<Ino, Node>,
    last: Ino,
    /// How many changes there were, syncs included.
    changes: u64,
    /// After how many the power goes.
    most_changes: Option<u64>,
    is_off: bool,
}

impl Disk {
    /// An empty disk.
    pub(crate) fn new(manner: Manner) -> Self {
        let mut disk =
            Self { manner, nodes: BTreeMap::new(), last: 0, changes: 0, most_changes: None, is_off: false };
        disk.add(libc_mode::FOLDER | 0o755);
        disk
    }

    /// What is left of it when the power is back: what was kept, and part of the rest if `lucky`.
    pub(crate) fn after_power_cut(&self, lucky: Option<&mut Chance>) -> Self {
        let mut next = Self {
            manner: self.manner,
            nodes: BTreeMap::new(),
            last: self.last,
            changes: 0,
            most_changes: None,
            is_off: false,
        };
        let mut luck = lucky.map(|chance| {
            let journal_end = chance.between(0, self.changes + 1);
            (chance, journal_end)
        });
        let mut reached = vec![ROOT];
        while let Some(ino) = reached.pop() {
            let Some(node) = self.nodes.get(&ino).filter(|_| !next.nodes.contains_key(&ino)) else {
                continue;
            };
            let left = match &mut luck {
                None => node.kept(),
                Some((chance, journal_end)) => node.left(self.manner, *journal_end, chance),
            };
            if let Body::Folder(folder) = &left.body {
                reached.extend(folder.names.seen.values());
            }
            next.nodes.insert(ino, left);
        }
        next
    }

    /// From now on there is no power.
    pub(crate) fn turn_off(&mut self) {
        self.is_off = true;
    }

    /// The power goes after so many more changes and syncs.
    pub(crate) fn turn_off_after(&mut self, changes: u64) {
        self.most_changes = Some(self.changes + changes);
    }

    /// Counts a change, unless the power is gone.
    fn change(&mut self) -> Result<(), Errno> {
        if self.most_changes.is_some_and(|most| self.changes >= most) {
            self.is_off = true;
        }
        self.changes += 1;
        if self.is_off { Err(Errno::EIO) } else { Ok(()) }
    }

    fn node(&self, ino: Ino) -> Result<&Node, Errno> {
        if self.is_off {
            return Err(Errno::EIO);
        }
        self.nodes.get(&ino).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, ino: Ino) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)
    }

    fn file_mut(&mut self, ino: Ino) -> Result<&mut Content, Errno> {
        match &mut self.node_mut(ino)?.body {
            Body::File(content) => Ok(content),
            Body::Folder(_) => Err(Errno::EISDIR),
            Body::Socket => Err(Errno::EINVAL),
        }
    }

    fn names(&self, folder: Ino) -> Result<&BTreeMap<OsString, Ino>, Errno> {
        match &self.node(folder)?.body {
            Body::Folder(folder) => Ok(&folder.names.seen),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn rename_in(
        &mut self,
        folder: Ino,
        gone: Option<&OsStr>,
        come: Option<(&OsStr, Ino)>,
    ) -> Result<(), Errno> {
        let at = self.changes;
        let Body::Folder(folder) = &mut self.node_mut(folder)?.body else { return Err(Errno::ENOTDIR) };
        let come = come.map(|(name, ino)| (name.to_owned(), ino));
        let change = Change { at, gone: gone.map(OsStr::to_owned), come };
        change.apply(&mut folder.names.seen);
        folder.changes.push(change);
        Ok(())
    }

    fn add(&mut self, mode: u32) -> Ino {
        self.last += 1;
        let body = match mode & libc_mode::KIND {
            libc_mode::FOLDER => {
                Body::Folder(Names { names: Two::both(BTreeMap::new()), changes: Vec::new() })
            }
            libc_mode::SOCKET => Body::Socket,
            _ => Body::File(Content::new(Vec::new())),
        };
        let attributes = Attributes { mode, modified: SystemTime::now(), extended: BTreeMap::new() };
        self.nodes.insert(self.last, Node { attributes: Two::both(attributes), body });
        self.last
    }

    /// The file of that name in a folder.
    pub(crate) fn lookup(&self, folder: Ino, name: &OsStr) -> Result<Ino, Errno> {
        if name.len() > LONGEST_NAME {
            return Err(Errno::ENAMETOOLONG);
        }
        self.names(folder)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// All names in a folder.
    pub(crate) fn list(&self, folder: Ino) -> Result<Vec<(OsString, Ino)>, Errno> {
        Ok(self.names(folder)?.iter().map(|(name, ino)| (name.clone(), *ino)).collect())
    }

    /// What is said of a file, and its length in bytes.
    pub(crate) fn attributes(&self, ino: Ino) -> Result<(&Attributes, u64), Errno> {
        let node = self.node(ino)?;
        let bytes = match &node.body {
            Body::File(content) => content.bytes.seen.len() as u64,
            _ => 0,
        };
        Ok((&node.attributes.seen, bytes))
    }

    /// Changes what is said of a file.
    pub(crate) fn set_attributes(
        &mut self,
        ino: Ino,
        set: impl FnOnce(&mut Attributes) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        self.change()?;
        set(&mut self.node_mut(ino)?.attributes.seen)
    }

    /// Makes a file, a folder or a socket, as `mode` says.
    pub(crate) fn create(&mut self, folder: Ino, name: &OsStr, mode: u32) -> Result<Ino, Errno> {
        self.change()?;
        match self.lookup(folder, name) {
            Err(error) if error.code() == Errno::ENOENT.code() => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(Errno::EEXIST),
        }
        let ino = self.add(mode);
        self.rename_in(folder, None, Some((name, ino)))?;
        Ok(ino)
    }

    /// Gives a file one more name.
    pub(crate) fn link(&mut self, ino: Ino, folder: Ino, name: &OsStr) -> Result<(), Errno> {
        self.change()?;
        if self.lookup(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.rename_in(folder, None, Some((name, ino)))
    }

    /// Takes a name away.
    pub(crate) fn unlink(&mut self, folder: Ino, name: &OsStr, is_folder: bool) -> Result<(), Errno> {
        self.change()?;
        let ino = self.lookup(folder, name)?;
        match &self.node(ino)?.body {
            Body::Folder(_) if !is_folder => return Err(Errno::EISDIR),
            Body::Folder(names) if !names.names.seen.is_empty() => return Err(Errno::ENOTEMPTY),
            Body::File(_) | Body::Socket if is_folder => return Err(Errno::ENOTDIR),
            _ => {}
        }
        self.rename_in(folder, Some(name), None)
    }

    /// Gives a file another name, at once if that is in the same folder.
    pub(crate) fn rename(
        &mut self,
        (folder, name): (Ino, &OsStr),
        (new_folder, new_name): (Ino, &OsStr),
        may_replace: bool,
    ) -> Result<(), Errno> {
        self.change()?;
        let ino = self.lookup(folder, name)?;
        if let Ok(there) = self.lookup(new_folder, new_name) {
            let is_folder = |ino| self.node(ino).map(|node| matches!(node.body, Body::Folder(_)));
            match (may_replace, is_folder(ino)?, is_folder(there)?) {
                (false, ..) => return Err(Errno::EEXIST),
                (_, false, true) => return Err(Errno::EISDIR),
                (_, true, false) => return Err(Errno::ENOTDIR),
                (_, true, true) if !self.names(there)?.is_empty() => return Err(Errno::ENOTEMPTY),
                // Two names of one file stay as they are (rename(2)).
                _ if there == ino => return Ok(()),
                _ => {}
            }
        }
        if folder == new_folder {
            return self.rename_in(folder, Some(name), Some((new_name, ino)));
        }
        self.rename_in(new_folder, None, Some((new_name, ino)))?;
        self.rename_in(folder, Some(name), None)
    }

    /// Bytes of a file; fewer than asked for at its end.
    pub(crate) fn read(&self, ino: Ino, at: u64, bytes: usize) -> Result<&[u8], Errno> {
        let Body::File(content) = &self.node(ino)?.body else { return Err(Errno::EISDIR) };
        let seen = &content.bytes.seen;
        let start = (at as usize).min(seen.len());
        Ok(&seen[start..(start + bytes).min(seen.len())])
    }

    pub(crate) fn write(&mut self, ino: Ino, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.change()?;
        if at + bytes.len() as u64 > SIZE {
            return Err(Errno::ENOSPC);
        }
        self.file_mut(ino)?.write(at as usize, bytes);
        self.node_mut(ino)?.attributes.seen.modified = SystemTime::now();
        Ok(())
    }

    pub(crate) fn set_len(&mut self, ino: Ino, bytes: u64) -> Result<(), Errno> {
        self.change()?;
        if bytes > SIZE {
            return Err(Errno::EFBIG);
        }
        self.file_mut(ino)?.set_len(bytes as usize);
        Ok(())
    }

    /// Keeps what is seen of a file or folder; `data` if only what is needed to read it again.
    pub(crate) fn sync(&mut self, ino: Ino, data: bool) -> Result<(), Errno> {
        self.change()?;
        let node = self.node_mut(ino)?;
        match &mut node.body {
            Body::File(content) => content.keep(),
            Body::Folder(folder) => folder.keep(),
            Body::Socket => {}
        }
        if !data {
            node.attributes.keep();
        }
        if self.manner == Manner::Journal {
            for node in self.nodes.values_mut() {
                node.attributes.keep();
                if let Body::Folder(folder) = &mut node.body {
                    folder.keep();
                }
            }
        }
        Ok(())
    }

    /// Keeps everything.
    pub(crate) fn sync_all(&mut self) {
        for ino in self.nodes.keys().copied().collect::<Vec<_>>() {
            // It is there, and the power is on.
            let _ = self.sync(ino, false);
        }
    }

    /// Size, free and used, in blocks of so many bytes.
    pub(crate) fn room(&self) -> (u64, u64, u32) {
        let used: u64 = self
            .nodes
            .values()
            .map(|node| match &node.body {
                Body::File(content) => content.bytes.seen.len().div_ceil(BLOCK) as u64,
                _ => 1,
            })
            .sum();
        let blocks = SIZE / BLOCK as u64;
        (blocks, blocks.saturating_sub(used), BLOCK as u32)
    }
}

impl Names {
    fn keep(&mut self) {
        self.names.keep();
        self.changes.clear();
    }
}

impl Node {
    /// As it is if nothing but what was kept is left.
    fn kept(&self) -> Self {
        Self::of(
            self.attributes.kept.clone(),
            match &self.body {
                Body::File(content) => Body::File(Content::new(content.bytes.kept.clone())),
                Body::Folder(folder) => Body::Folder(Names::of(folder.names.kept.clone())),
                Body::Socket => Body::Socket,
            },
        )
    }

    /// As it is if part of the rest was written too.
    fn left(&self, manner: Manner, journal_end: u64, chance: &mut Chance) -> Self {
        let Two { seen, kept } = &self.attributes;
        let mut pick = || if chance.between(0, 2) == 0 { seen } else { kept };
        let attributes = Attributes { extended: pick().extended.clone(), ..pick().clone() };
        let body = match &self.body {
            Body::File(content) => Body::File(Content::new(content.left(chance))),
            Body::Folder(folder) => {
                let mut names = folder.names.kept.clone();
                for change in &folder.changes {
                    let is_written = match manner {
                        Manner::Posix => chance.between(0, 2) == 0,
                        Manner::Journal => change.at <= journal_end,
                    };
                    if is_written {
                        change.apply(&mut names);
                    }
                }
                Body::Folder(Names::of(names))
            }
            Body::Socket => Body::Socket,
        };
        Self::of(attributes, body)
    }

    fn of(attributes: Attributes, body: Body) -> Self {
        Self { attributes: Two::both(attributes), body }
    }
}

impl Names {
    fn of(names: BTreeMap<OsString, Ino>) -> Self {
        Self { names: Two::both(names), changes: Vec::new() }
    }
}

/// The sorts of files in a mode (inode(7)).
pub(crate) mod libc_mode {
    pub(crate) const KIND: u32 = 0o170_000;
    pub(crate) const FOLDER: u32 = 0o040_000;
    pub(crate) const FILE: u32 = 0o100_000;
    pub(crate) const SOCKET: u32 = 0o140_000;
}
