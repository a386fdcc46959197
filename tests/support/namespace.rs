//! What needs a network or mounts of its own starts itself again inside a namespace of the kernel.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{done, tool};

/// Set where a test runs inside.
const INSIDE: &str = "MEANWHILE_TEST_INSIDE";

/// What is separate from the rest of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Own {
    /// The network: only loopback, which is up and carries nothing but this test.
    Network,
    /// The mounts.
    Mounts,
}

/// Runs the body of the test of that name inside. Root can make namespaces; elsewhere the kernel has to let users.
#[track_caller]
pub(crate) fn inside(own: Own, test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        if matches!(own, Own::Network) {
            done(tool("ip", "iproute2").args(["link", "set", "lo", "up"]));
        }
        return body();
    }
    let output = this_inside(own).args(["--exact", test, "--nocapture"]).output().expect("unshare to start");
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (words(&output.stdout), words(&output.stderr));
    eprintln!("{err}");
    assert!(output.status.success() && out.contains("1 passed"), "inside the namespace:\n{out}\n{err}");
}

/// Runs the rest of this program inside, and ends as it does there: for a program that is no test.
#[track_caller]
pub(crate) fn go_inside(own: Own) {
    if std::env::var_os(INSIDE).is_none() {
        let status = this_inside(own).args(std::env::args_os().skip(1)).status().expect("unshare to start");
        std::process::exit(status.code().unwrap_or(1));
    }
}

/// This program as a command that runs inside.
#[track_caller]
fn this_inside(own: Own) -> Command {
    let what = match own {
        Own::Network => "--net",
        Own::Mounts => "--mount",
    };
    let ways: [&[&str]; 2] = [&[what], &["--user", "--map-root-user", what]];
    let way = ways.into_iter().find(|way| {
        let tried = unshare(way).arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    let Some(way) = way else {
        panic!(
            "This test needs a namespace of its own (unshare {what}). You can run it as root, or allow users to make \
             them: sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
        );
    };
    let mut command = unshare(way);
    command.arg(std::env::current_exe().expect("this program")).env(INSIDE, "1").stdin(Stdio::null());
    command
}

fn unshare(way: &[&str]) -> Command {
    let mut command = tool("unshare", "util-linux");
    command.args(way);
    command
}

/// A small disk in memory, mounted for as long as this lives. Inside [`Own::Mounts`] only.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn mount(at: &Path, mebibytes: u32) -> Self {
        let size = format!("size={mebibytes}M");
        done(tool("mount", "mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at));
        Self(at.to_owned())
    }

    /// Makes it read-only, or writable again.
    pub(crate) fn set_read_only(&self, read_only: bool) {
        let how = if read_only { "remount,bind,ro" } else { "remount,bind,rw" };
        done(tool("mount", "mount").args(["-o", how]).arg(&self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The folder beneath could not be deleted otherwise. It would go with the namespace.
        let _ = tool("umount", "mount").arg("--lazy").arg(&self.0).status();
    }
}
