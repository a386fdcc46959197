//! A [`Disk`] as a file system of this machine.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow,
    WriteFlags,
};

use super::disk::{Disk, Ino, libc_mode};

/// For how long the kernel may remember what it was told: not at all.
const AT_ONCE: Duration = Duration::ZERO;

/// A disk that is mounted; dropping it unmounts it.
pub(crate) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    // Taken only when it is unmounted.
    session: Option<BackgroundSession>,
    at: PathBuf,
}

impl Mounted {
    /// Mounts a disk on a folder.
    pub(crate) fn new(disk: Disk, at: &Path) -> Self {
        let disk = Arc::new(Mutex::new(disk));
        let session = fuser::spawn_mount(Served(Arc::clone(&disk)), at, &Config::default());
        let session = session.unwrap_or_else(|error| {
            panic!(
                "The disk that forgets cannot be mounted on {}: {error}. This test needs /dev/fuse, and either \
                 root or fusermount3 (apt-get install fuse3).",
                at.display()
            )
        });
        Self { disk, session: Some(session), at: at.to_owned() }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    /// Takes the disk out and mounts what `next` makes of it. Nobody may have a file of it open.
    pub(crate) fn replace(mut self, next: impl FnOnce(&Disk) -> Disk) -> Self {
        if let Some(session) = self.session.take() {
            session.umount_and_join().expect("the disk unmounted");
        }
        let next = next(&self.disk());
        Self::new(next, &self.at)
    }
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the kernel.
struct Served(Arc<Mutex<Disk>>);

fn attributes(disk: &Disk, ino: Ino) -> Result<FileAttr, Errno> {
    let (attributes, bytes) = disk.attributes(ino)?;
    let time = attributes.modified;
    Ok(FileAttr {
        ino: INodeNo(ino),
        size: bytes,
        blocks: bytes.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind_of(attributes.mode),
        perm: (attributes.mode & 0o7777) as u16,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn kind_of(mode: u32) -> FileType {
    match mode & libc_mode::KIND {
        libc_mode::FOLDER => FileType::Directory,
        libc_mode::SOCKET => FileType::Socket,
        _ => FileType::RegularFile,
    }
}

fn answer(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

/// Answers with bytes as extended attributes are asked for: with their length first (getxattr(2)).
fn answer_extended(reply: ReplyXattr, room: u32, result: Result<Vec<u8>, Errno>) {
    match result {
        Ok(bytes) if room == 0 => reply.size(bytes.len() as u32),
        Ok(bytes) if bytes.len() > room as usize => reply.error(Errno::ERANGE),
        Ok(bytes) => reply.data(&bytes),
        Err(error) => reply.error(error),
    }
}

impl Served {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.0)
    }

    fn make(&self, folder: INodeNo, name: &OsStr, mode: u32) -> Result<FileAttr, Errno> {
        let mut disk = self.disk();
        let ino = disk.create(folder.0, name, mode)?;
        attributes(&disk, ino)
    }

    fn answer_entry(reply: ReplyEntry, result: Result<FileAttr, Errno>) {
        match result {
            Ok(found) => reply.entry(&AT_ONCE, &found, Generation(0)),
            Err(error) => reply.error(error),
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk();
        let found = disk.lookup(folder.0, name).and_then(|ino| attributes(&disk, ino));
        Self::answer_entry(reply, found);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.disk(), ino.0) {
            Ok(found) => reply.attr(&AT_ONCE, &found),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = self.disk();
        let cut = size.map_or(Ok(()), |bytes| disk.set_len(ino.0, bytes));
        let set = cut.and_then(|()| {
            disk.set_attributes(ino.0, |attributes| {
                if let Some(mode) = mode {
                    attributes.mode = attributes.mode & libc_mode::KIND | mode & 0o7777;
                }
                match modified {
                    Some(TimeOrNow::SpecificTime(time)) => attributes.modified = time,
                    Some(TimeOrNow::Now) => attributes.modified = SystemTime::now(),
                    None => {}
                }
                Ok(())
            })
        });
        match set.and_then(|()| attributes(&disk, ino.0)) {
            Ok(found) => reply.attr(&AT_ONCE, &found),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        Self::answer_entry(reply, self.make(folder, name, mode & !umask));
    }

    fn mkdir(&self, _: &Request, folder: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        Self::answer_entry(reply, self.make(folder, name, libc_mode::FOLDER | mode & !umask));
    }

    fn create(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.make(folder, name, libc_mode::FILE | mode & 0o7777 & !umask) {
            Ok(new) => reply.created(&AT_ONCE, &new, Generation(0), FileHandle(0), FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.disk().unlink(folder.0, name, false));
    }

    fn rmdir(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.disk().unlink(folder.0, name, true));
    }

    fn link(&self, _: &Request, ino: INodeNo, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut disk = self.disk();
        let linked = disk.link(ino.0, folder.0, name).and_then(|()| attributes(&disk, ino.0));
        Self::answer_entry(reply, linked);
    }

    fn rename(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        new_folder: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !RenameFlags::RENAME_NOREPLACE.contains(flags) {
            return reply.error(Errno::EINVAL);
        }
        answer(reply, self.disk().rename((folder.0, name), (new_folder.0, new_name), flags.is_empty()));
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        at: u64,
        bytes: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().read(ino.0, at, bytes as usize) {
            Ok(read) => reply.data(read),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        at: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk().write(ino.0, at, bytes) {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, data: bool, reply: ReplyEmpty) {
        answer(reply, self.disk().sync(ino.0, data));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, data: bool, reply: ReplyEmpty) {
        answer(reply, self.disk().sync(ino.0, data));
    }

    fn readdir(&self, _: &Request, folder: INodeNo, _: FileHandle, from: u64, mut reply: ReplyDirectory) {
        let disk = self.disk();
        let names = match disk.list(folder.0) {
            Ok(names) => names,
            Err(error) => return reply.error(error),
        };
        let dots = [".", ".."].map(|name| (OsString::from(name), folder.0));
        for (place, (name, ino)) in dots.into_iter().chain(names).enumerate().skip(from as usize) {
            let kind = disk.attributes(ino).map_or(FileType::RegularFile, |(found, _)| kind_of(found.mode));
            if reply.add(INodeNo(ino), place as u64 + 1, kind, &name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (blocks, free, block_bytes) = self.disk().room();
        reply.statfs(blocks, free, free, blocks, free, block_bytes, 255, block_bytes);
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        _: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let set = self.disk().set_attributes(ino.0, |attributes| {
            attributes.extended.insert(name.to_owned(), value.to_owned());
            Ok(())
        });
        answer(reply, set);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, room: u32, reply: ReplyXattr) {
        let disk = self.disk();
        let value =
            disk.attributes(ino.0).and_then(|(found, _)| found.extended.get(name).ok_or(Errno::NO_XATTR));
        answer_extended(reply, room, value.cloned());
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, room: u32, reply: ReplyXattr) {
        use std::os::unix::ffi::OsStrExt as _;
        let disk = self.disk();
        let names = disk.attributes(ino.0).map(|(found, _)| {
            found.extended.keys().flat_map(|name| name.as_bytes().iter().copied().chain([0])).collect()
        });
        answer_extended(reply, room, names);
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.disk().set_attributes(ino.0, |attributes| {
            attributes.extended.remove(name).map(|_| ()).ok_or(Errno::NO_XATTR)
        });
        answer(reply, removed);
    }
}
