//! The calls to the kernel that no safe crate of ours offers: a network namespace of one's own, going into one, a TUN
//! device, and doing without some of the kernel. The only `unsafe` of the tests.

#![allow(unsafe_code, reason = "each block says why it is sound")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

/// Gives this thread, and what it starts from now on, a network namespace of its own.
pub(super) fn leave_network() -> io::Result<()> {
    // SAFETY: only numbers go to the kernel, and only what network this thread sees changes.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) })
}

/// Moves this thread, and what it starts from now on, into a network namespace.
pub(super) fn enter_network(namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as it is borrowed, and the kernel checks what it is.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) })
}

/// A new TUN device in this thread's network: what is sent through it is read from the file, one IP packet a read, and
/// what is written arrives from it. Reading and writing do not wait. It goes when the file is closed.
pub(super) fn tun(name: &str) -> io::Result<File> {
    let device =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut bytes: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    // The last one stays zero.
    for (to, from) in bytes[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let request =
        libc::ifreq { ifr_name: bytes, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags } };
    // SAFETY: the descriptor is open, and TUNSETIFF reads and writes one `ifreq`, which outlives the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw const request) })?;
    Ok(device)
}

/// Has this thread, and what it starts from now on, do without TCP_INFO, as in some sandboxes.
pub(super) fn do_without_tcp_info() -> io::Result<()> {
    // Where the kernel finds the number of a call, and the lower halves of its second and third argument (`seccomp_data`).
    const NUMBER: u32 = 0;
    const LEVEL: u32 = 24;
    const OPTION: u32 = 32;
    let load = |offset| libc::sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    };
    // Jumps over so many of the next ones.
    let if_is = |value: i64, jt, jf| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt,
        jf,
        k: value as u32,
    };
    let end = |with| libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: with };
    let filter = [
        load(NUMBER),
        if_is(libc::SYS_getsockopt, 0, 4),
        load(LEVEL),
        if_is(libc::IPPROTO_TCP.into(), 0, 2),
        load(OPTION),
        if_is(libc::TCP_INFO.into(), 1, 0),
        end(libc::SECCOMP_RET_ALLOW),
        end(libc::SECCOMP_RET_ERRNO | libc::ENOPROTOOPT as u32),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: only numbers go to the kernel, and only what this thread may do changes.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the kernel reads the program, which outlives the call, and writes nothing.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
