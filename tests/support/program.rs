//! The built program, each with folders of its own.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{SOON, names_in, nap};

/// The folders of one user: where the state is, and where downloads go.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Fails unless it went well.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        self.code(0)
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self.calm()
    }

    /// Fails if it panicked, however it ended.
    #[track_caller]
    pub(crate) fn calm(self) -> Self {
        assert!(!self.all().contains("panicked"), "{self:#?}");
        self
    }

    /// Everything it said.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// What it said in JSON, of one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The last event of that kind.
    #[track_caller]
    pub(crate) fn event(&self, kind: &str) -> Value {
        let mut events = self.out.lines().rev().filter_map(|line| event_of(line, kind));
        events.next().unwrap_or_else(|| panic!("no event “{kind}”: {self:#?}"))
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("files")).expect("a folder");
        Self { folder }
    }

    /// Where downloads go.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files().join(name)
    }

    /// What is kept between two starts.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The program, in the folder for downloads, with the state folder of this home and nothing of the world
    /// around: no display, no proxy, no settings. It starts nothing in the background, where no test would see to
    /// its end.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.whole_command(words);
        command.arg("--no-start");
        command
    }

    /// The same, but it may start what it likes.
    pub(crate) fn whole_command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        // The program leaves alone what it was started with ignored, and so Ctrl+C where the tests run in the background.
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal=INT,HUP,TERM", env!("CARGO_BIN_EXE_meanwhile")]);
        command.args(words).current_dir(self.files());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_lowercase();
            let starts =
                ["xdg_", "dbus_", "wayland_", "meanwhile_"].iter().any(|word| text.starts_with(word));
            if starts || text == "display" || text.ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.env_remove("NETRC");
        // Without it, the bus of whoever runs the tests would be found, and their keyring be written to.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        command.env("HOME", self.folder.path()).env("MEANWHILE_STATE_DIR", self.state());
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Said {
        Program::start(&mut self.command(words)).end()
    }

    /// Starts a command.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Program {
        Program::start(&mut self.command(words))
    }

    /// Starts `run`, and waits until it answers.
    #[track_caller]
    pub(crate) fn start_run(&self) -> Program {
        let program = self.start(["run"]);
        program.line("Meanwhile is running");
        program
    }

    /// All jobs, as `list --json` tells.
    #[track_caller]
    pub(crate) fn list(&self) -> Vec<Value> {
        match self.run(["list", "--json"]).fine().json() {
            Value::Array(jobs) => jobs,
            other => panic!("no list: {other}"),
        }
    }

    /// The job with this id.
    #[track_caller]
    pub(crate) fn job(&self, id: &str) -> Value {
        self.run(["show", id, "--json"]).fine().json()
    }

    /// Waits until the job is in this state.
    #[track_caller]
    pub(crate) fn job_is(&self, id: &str, state: &str) -> Value {
        let mut last = Value::Null;
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            last = self.job(id);
            if last["state"] == state {
                return last;
            }
        }
        panic!("the job did not get {state}: {last}");
    }

    /// Queues an address into the folder for downloads; its id.
    #[track_caller]
    pub(crate) fn add(&self, url: &str, words: &[&str]) -> String {
        let files = self.files().display().to_string();
        let said = self.run(["add", url, "--to", &files].iter().chain(words)).fine();
        said.out.trim().to_owned()
    }

    /// The part files in the folder for downloads.
    pub(crate) fn parts(&self) -> Vec<String> {
        let is_part = |name: &String| Path::new(name).extension().is_some_and(|ending| ending == "part");
        names_in(&self.files()).into_iter().filter(is_part).collect()
    }

    /// Fails if any file of the state has this text in it.
    #[track_caller]
    pub(crate) fn state_is_without(&self, text: &str) {
        for name in names_in(&self.state()) {
            let path = self.state().join(&name);
            if path.metadata().is_ok_and(|found| found.is_file()) {
                let bytes = super::read(&path);
                let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!found, "“{text}” is in {}", path.display());
            }
        }
    }
}

/// A running command. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    heard: Arc<Heard>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Heard {
    lines: Mutex<Lines>,
    news: Condvar,
}

#[derive(Default)]
struct Lines {
    out: Vec<String>,
    err: Vec<String>,
    closed: usize,
}

impl Heard {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program to start");
        let heard = Arc::new(Heard::default());
        let out = child.stdout.take().map(|out| listen(out, &heard, |lines| &mut lines.out));
        let err = child.stderr.take().map(|err| listen(err, &heard, |lines| &mut lines.err));
        Self { child, heard, readers: out.into_iter().chain(err).collect() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for what the lines said so far have in them.
    #[track_caller]
    fn hear<T>(&self, what: &str, within: Duration, mut find: impl FnMut(&Lines) -> Option<T>) -> T {
        let deadline = Instant::now() + within;
        let mut lines = self.heard.lines();
        loop {
            if let Some(found) = find(&lines) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && lines.closed < 2,
                "no {what} was heard of process {}:\n{:#?}\n{:#?}",
                self.child.id(),
                lines.out,
                lines.err
            );
            lines = self.heard.news.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a line with this text in it.
    #[track_caller]
    pub(crate) fn line(&self, text: &str) -> String {
        self.hear(&format!("“{text}”"), SOON, |lines| {
            lines.out.iter().chain(&lines.err).find(|line| line.contains(text)).cloned()
        })
    }

    /// Waits for an event of `--json`.
    #[track_caller]
    pub(crate) fn event(&self, kind: &str) -> Value {
        self.event_within(kind, SOON)
    }

    #[track_caller]
    pub(crate) fn event_within(&self, kind: &str, time: Duration) -> Value {
        self.hear(&format!("event “{kind}”"), time, |lines| {
            lines.out.iter().find_map(|line| event_of(line, kind))
        })
    }

    /// Waits for the first event of `--json` that is of one of these kinds.
    #[track_caller]
    pub(crate) fn event_among(&self, kinds: &[&str]) -> Value {
        self.hear(&format!("event of {kinds:?}"), SOON, |lines| {
            lines.out.iter().find_map(|line| kinds.iter().find_map(|kind| event_of(line, kind)))
        })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        // It may have ended by itself.
        let _ = kill_process(id, signal);
    }

    /// Ends it as a crash would: `kill -9`.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Interrupts it, as Ctrl+C does, and waits for its end.
    #[track_caller]
    pub(crate) fn interrupt(self) -> Said {
        self.signal(Signal::INT);
        self.end()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> Said {
        self.end_within(2 * SOON)
    }

    #[track_caller]
    pub(crate) fn end_within(mut self, time: Duration) -> Said {
        let deadline = Instant::now() + time;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                break status;
            }
            if Instant::now() >= deadline {
                let lines = self.heard.lines();
                panic!("it did not end within {time:?}:\n{:#?}\n{:#?}", lines.out, lines.err);
            }
            nap(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let lines = self.heard.lines();
        let text = |lines: &[String]| lines.iter().flat_map(|line| [line, "\n"]).collect();
        let code = status.code().or_else(|| status.signal().map(|signal| 1000 + signal)).unwrap_or(-1);
        Said { code, out: text(&lines.out), err: text(&lines.err) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended; then there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    from: impl Read + Send + 'static,
    heard: &Arc<Heard>,
    which: fn(&mut Lines) -> &mut Vec<String>,
) -> JoinHandle<()> {
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            which(&mut heard.lines()).push(String::from_utf8_lossy(&line).into_owned());
            heard.news.notify_all();
        }
        heard.lines().closed += 1;
        heard.news.notify_all();
    })
}

fn event_of(line: &str, kind: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(|event| event["event"] == kind)
}

/// The path as a word of the command line.
pub(crate) fn word(path: &Path) -> String {
    path.display().to_string()
}
