//! A server or proxy that is started for one test, on a port of its own, and does not outlive it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::nginx::free_port;
use crate::support::{SOON, read, until};

/// What the squids of tests are called, before their port: what they share among processes is named after it.
pub(crate) const SQUID: &str = "meanwhiletest";

/// A running one.
pub(crate) struct Running {
    process: Child,
    pub(crate) port: u16,
    _own: TempDir,
}

impl Running {
    /// Starts what `command` makes of a free port and an empty folder, and waits until it listens.
    pub(crate) fn start(name: &str, command: impl Fn(u16, &Path) -> Command) -> Self {
        // Another process may take the port between our finding it free and its taking it.
        for _ in 0..5 {
            let own = tempfile::tempdir().expect("a folder");
            let port = free_port();
            let said = std::fs::File::create(own.path().join("said")).expect("a file");
            let mut command = command(port, own.path());
            command.stdin(Stdio::null()).stdout(said.try_clone().expect("it twice")).stderr(said);
            let mut process = command.spawn().expect("it to start");
            let is_up = until(&format!("{name} listens"), SOON, || {
                if let Some(ended) = process.try_wait().expect("its state") {
                    let said = String::from_utf8_lossy(&read(&own.path().join("said"))).into_owned();
                    eprintln!("{name} ended with {ended}: {said}");
                    return Some(false);
                }
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| true)
            });
            if is_up {
                return Self { process, port, _own: own };
            }
        }
        panic!("{name} did not start on any of five ports that were free");
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}/{target}", self.port)
    }

    /// All it says to a request, which must ask it to close the connection.
    pub(crate) fn answer_to(&self, request: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection");
        stream.write_all(request.as_bytes()).expect("to be heard");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Ended like this, squid leaves behind what it would share.
        let mine = format!("{SQUID}{}-", self.port);
        for shared in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if shared.file_name().to_string_lossy().starts_with(&mine) {
                let _ = std::fs::remove_file(shared.path());
            }
        }
    }
}
