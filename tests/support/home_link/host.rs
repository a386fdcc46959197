//! One machine of the home: a network namespace that lives as long as this does, also after a panic or a kill, since
//! nothing but a descriptor of this process holds it.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Command;

use super::kernel;
use crate::support::{done, tool};

/// A machine with a network of its own.
pub(crate) struct Host {
    namespace: File,
}

impl Host {
    /// A machine with loopback and nothing else.
    pub(super) fn new() -> Self {
        let made = std::thread::spawn(|| {
            kernel::leave_network().expect("a network namespace");
            File::open("/proc/thread-self/ns/net").expect("the namespace as a file")
        });
        let host = Self { namespace: made.join().expect("a network namespace") };
        host.ip("link set lo up");
        host
    }

    /// Runs something as if on that machine: on a thread whose network is its own, as is that of all threads and processes
    /// it starts.
    pub(crate) fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                kernel::enter_network(self.namespace.as_fd()).expect("into the network namespace");
                what()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `ip` of iproute2 there, with words that have no spaces in them.
    #[track_caller]
    pub(super) fn ip(&self, words: &str) {
        self.run(|| done(tool("ip", "iproute2").args(words.split_whitespace())));
    }

    /// A name that `ip` takes for this machine's network.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.namespace.as_raw_fd())
    }

    /// The same command for a process that looks for its interfaces in `/sys`, which shows the network of whoever mounted
    /// it. Its process id is that of the command.
    pub(crate) fn with_own_sys(command: &Command) -> Command {
        let mut whole = tool("unshare", "util-linux");
        whole.args(["--mount", "sh", "-c", "mount -t sysfs sysfs /sys && exec \"$@\"", "sh"]);
        whole.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => whole.env(name, value),
                None => whole.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            whole.current_dir(folder);
        }
        whole
    }
}
