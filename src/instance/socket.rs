//! The local socket itself: where it is, how it is bound and how it is reached.

use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use sha2::{Digest, Sha256};

use crate::engine::Places;

/// The longest path a socket's address holds, in bytes, without the closing zero.
const MAX_ADDRESS_BYTES: usize = 107;

/// Where the socket of that state folder is. The desktop's runtime folder is shared by all state folders,
/// so there the name has a hash of the state folder in it.
pub(super) fn path(places: &Places) -> PathBuf {
    if places.runtime == places.state {
        return places.runtime.join("socket");
    }
    let state = places.state.canonicalize().unwrap_or_else(|_| places.state.clone());
    let hash = Sha256::digest(state.as_os_str().as_bytes());
    let mut name = String::from("socket-");
    for byte in &hash[..8] {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    places.runtime.join(name)
}

/// Binds the socket, in place of one that was left behind: only for who holds the claim.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    remove(path)?;
    let listener = with_short(path, |short| UnixListener::bind(short))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Takes the socket's file away; one that is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to a socket of the same user. Connecting, reading and writing each give up after `timeout`.
pub(super) fn reach(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // std has no timeout for connecting; for local sockets, the kernel takes the one for sending.
    set_socket_timeout(&socket, Timeout::Send, Some(timeout))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(timeout))?;
    with_short(path, |short| Ok(connect(&socket, &SocketAddrUnix::new(short)?)?))?;
    // What is sent may be secret; in a folder others can write to, the socket could be theirs.
    if socket_peercred(&socket)?.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket belongs to another user"));
    }
    Ok(UnixStream::from(socket))
}

/// Calls `what` with a path to the same file that fits into a socket's address, whatever the length of its
/// folder's name.
fn with_short<T>(path: &Path, what: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= MAX_ADDRESS_BYTES {
        return what(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    // By way of the opened folder, which has a short name as long as it is open.
    let folder = File::open(folder)?;
    what(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_folder_has_its_own_socket() {
        let places = |state: &str, runtime: &str| Places {
            autostart: None,
            state: state.into(),
            settings: "/none".into(),
            runtime: runtime.into(),
        };
        assert_eq!(path(&places("/none/s", "/none/s")), Path::new("/none/s/socket"));
        let one = path(&places("/none/s", "/none/r"));
        assert_eq!(one.parent(), Some(Path::new("/none/r")));
        assert_eq!(one, path(&places("/none/s", "/none/r")));
        assert_ne!(one, path(&places("/none/t", "/none/r")));
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_others_may_not_use_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("socket");
        drop(bind(&path).expect("a socket"));
        assert!(path.exists());
        assert!(reach(&path, Duration::from_secs(1)).is_err());
        let _listener = bind(&path).expect("a socket again");
        let mode = std::fs::metadata(&path).expect("its metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        reach(&path, Duration::from_secs(1)).expect("a connection");
    }
}
