//! What the tests with real parts have in common: the built program, nginx, a server that plays any part, a
//! display, namespaces of the kernel, and files whose content is known.
//!
//! Nothing here waits for a fixed time: it waits for something to be so, up to a deadline.

#![allow(dead_code, reason = "each test crate uses its own share of this")]
#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

pub(crate) mod bus;
pub(crate) mod display;
pub(crate) mod home_link;
pub(crate) mod namespace;
pub(crate) mod nginx;
pub(crate) mod program;
pub(crate) mod record;
pub(crate) mod server;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for anything that should happen soon, on a slow machine with other things to do.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How much of what is there is fetched again and compared before a download goes on, where a strong validator says that
/// the file is the same; in bytes.
pub(crate) const OVERLAP: usize = 16 << 10;

/// The same bytes for the same seed, and others for any other. They do not repeat, so bytes that are put in the
/// wrong place are noticed.
pub(crate) fn content(seed: u64, bytes: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        content.extend_from_slice(&chance.next().to_le_bytes());
    }
    content.truncate(bytes);
    content
}

/// Numbers that look like chance and are the same for the same seed (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        // The golden ratio keeps small seeds apart; zero would stay zero.
        Self((seed.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from `least` to just below `end`.
    pub(crate) fn between(&mut self, least: u64, end: u64) -> u64 {
        least + (self.next() >> 11) % (end - least)
    }
}

/// A seed for chance; `MEANWHILE_TEST_SEED` repeats an earlier one. It is printed, and so seen when the test
/// fails.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MEANWHILE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    let seed = given.unwrap_or(now % 1_000_000_007);
    eprintln!("the seed is {seed}: MEANWHILE_TEST_SEED={seed} repeats it");
    seed
}

/// Asks again and again until there is an answer, and fails when there is none in time.
#[track_caller]
pub(crate) fn until<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        nap(Duration::from_millis(10));
    }
}

/// Lets a moment pass between two looks at something that cannot be waited for otherwise.
#[expect(clippy::disallowed_methods, reason = "another process is looked at, and it rings no bell of ours")]
pub(crate) fn nap(time: Duration) {
    std::thread::sleep(time);
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    File::create(path).and_then(|mut file| file.write_all(bytes)).expect("a file written");
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => bytes,
        Err(error) => panic!("{} cannot be read: {error}", path.display()),
    }
}

/// Fails if the file is not exactly this, without printing megabytes.
#[track_caller]
pub(crate) fn assert_is(path: &Path, wanted: &[u8]) {
    let found = read(path);
    if found != wanted {
        let differ = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
        panic!(
            "{} has {} bytes instead of {}; the first that differs is at {differ:?}",
            path.display(),
            found.len(),
            wanted.len()
        );
    }
}

/// The names in a folder, in order.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The length of a file; 0 where there is none.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// The SHA-256 of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in sha2::Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A tool the test needs, or the end of the test with the name of what is missing.
#[track_caller]
pub(crate) fn tool(name: &str, package: &str) -> Command {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Servers are often out of the way of ordinary users.
    let mut places: Vec<_> = std::env::split_paths(&folders).collect();
    places.extend(["/usr/sbin", "/sbin"].map(Into::into));
    match places.iter().map(|place| place.join(name)).find(|path| path.is_file()) {
        Some(path) => Command::new(path),
        None => panic!("This test needs {name}. You can install it with: apt-get install {package}"),
    }
}

/// Runs a tool and fails if it does.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().expect("the tool to start");
    assert!(
        output.status.success(),
        "{command:?} failed with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
