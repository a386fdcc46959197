//! Runs the command a user wants run when a job has ended (bits.md 7.1).
//!
//! The program gets its arguments as they stand in the command; no shell sees them. What it may want to know of the
//! job is in its environment, which otherwise is the user's:
//!
//! | variable | what |
//! |---|---|
//! | `MEANWHILE_JOB_ID` | the job's id |
//! | `MEANWHILE_JOB_NAME` | what the job is called |
//! | `MEANWHILE_STATE` | `finished` or `failed` |
//! | `MEANWHILE_FILE` | the path of its first finished file; not set where none is finished |
//! | `MEANWHILE_FILES` | the paths of all its finished files, a line each; as many as fit into 120 KiB |
//! | `MEANWHILE_FILE_COUNT` | how many finished files it has |
//! | `MEANWHILE_BYTES` | their size together |
//! | `MEANWHILE_FAULT` | why it failed, as a sentence; not set where it finished |
//!
//! It runs in the folder of the job's first file, reads nothing, has no terminal to write to, and is a process group of
//! its own. Which command is run, how often, and what the log says of it is not decided here.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::Access;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::job::{CommandEnd, FinishCommand, Job, JobFile, JobId, JobState};

/// How many commands run at once; the others wait for their turn. BITS's number.
const AT_ONCE: usize = 4;

/// How much of what a command writes to its standard error is kept: the end of it, where the reason usually stands.
const KEPT_BYTES: usize = 4096;

/// How long a variable may be. Linux allows 128 KiB, and a program with a longer one does not start at all.
const VARIABLE_BYTES: usize = 120 * 1024;

/// What of our own environment the command does not get: it was meant for us.
const OURS: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

/// What the command is told of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The job's id.
    pub(super) id: JobId,
    /// What it is called.
    pub(super) name: String,
    /// Where its first file is or was to be.
    pub(super) folder: PathBuf,
    /// Its finished files.
    pub(super) files: Vec<PathBuf>,
    /// Their size together.
    pub(super) bytes: u64,
    /// Why it failed, as a sentence; `None` where it finished.
    pub(super) fault: Option<String>,
}

impl Facts {
    /// What there is to tell of a job that has finished or failed; `None` of any other.
    #[must_use]
    pub(super) fn of(job: &Job) -> Option<Self> {
        let fault = match &job.state {
            JobState::Transferred | JobState::Acknowledged => None,
            JobState::Error(fault) => Some(fault.to_string()),
            _ => return None,
        };
        let finished = || job.files.iter().filter(|file| file.finished);
        Some(Self {
            id: job.id,
            name: job.display_name(),
            folder: job.files.first().map(|file| file.folder.clone()).unwrap_or_default(),
            files: finished().filter_map(crate::job::JobFile::path).collect(),
            bytes: finished().map(JobFile::synced_bytes).sum(),
            fault,
        })
    }
}

/// How long a command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Until it is asked to end (SIGTERM).
    pub(super) run: Duration,
    /// From then until it is made to (SIGKILL).
    pub(super) grace: Duration,
}

impl Default for Limits {
    /// An hour, which is plenty for unpacking and too little to hang for ever; then ten seconds.
    fn default() -> Self {
        Self { run: Duration::from_hours(1), grace: Duration::from_secs(10) }
    }
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// How it ended.
    pub(super) end: CommandEnd,
    /// The last 4 KiB it wrote to its standard error.
    pub(super) said: String,
}

/// Runs commands, a few at a time.
#[derive(Debug)]
pub(super) struct Runner {
    seats: Semaphore,
    limits: Limits,
}

impl Default for Runner {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Runner {
    /// One with these limits for each command.
    #[must_use]
    pub(super) const fn new(limits: Limits) -> Self {
        Self { seats: Semaphore::const_new(AT_ONCE), limits }
    }

    /// Runs the command once and waits for its end, which includes its turn. Dropping this ends the command.
    pub(super) async fn run(&self, command: &FinishCommand, facts: &Facts) -> Ran {
        // It is never closed; if it were, the command would merely not wait for its turn.
        let _seat = self.seats.acquire().await;
        let (command, facts) = (command.clone(), facts.clone());
        // Looking for the program and starting it reads from disks, and one of them may be far away.
        let started = tokio::task::spawn_blocking(move || start(&command, &facts)).await;
        match started {
            Ok(Ok(mut running)) => running.end(self.limits).await,
            Ok(Err(sentence)) => Ran { end: CommandEnd::CouldNotStart(sentence), said: String::new() },
            Err(error) => Ran {
                end: CommandEnd::CouldNotStart(format!("Starting the command failed: {error}.")),
                said: String::new(),
            },
        }
    }
}

/// A command under way. Dropped before its end, it is ended with all it has started.
struct Running {
    child: Child,
    group: Option<Pid>,
    stderr: Option<ChildStderr>,
    said: VecDeque<u8>,
}

impl Running {
    async fn end(&mut self, limits: Limits) -> Ran {
        let end = if let Ok(end) = timeout(limits.run, self.wait()).await {
            end
        } else {
            self.signal(Signal::TERM);
            if timeout(limits.grace, self.wait()).await.is_err() {
                self.signal(Signal::KILL);
                self.wait().await;
            }
            CommandEnd::TimedOut
        };
        self.read_the_rest();
        let said = self.said.make_contiguous();
        Ran { end, said: String::from_utf8_lossy(said).trim_end().to_owned() }
    }

    /// Waits for its end and meanwhile takes in what it says, so that it never gets stuck with it. What it has
    /// started and left behind may go on; nobody waits for that.
    async fn wait(&mut self) -> CommandEnd {
        let mut buffer = [0; KEPT_BYTES];
        loop {
            let stderr = self.stderr.as_mut();
            tokio::select! {
                ended = self.child.wait() => return match ended {
                    Ok(status) => end_of(status),
                    // Only if something else in this process had reaped it.
                    Err(error) => CommandEnd::CouldNotStart(format!("The end of the command was missed: {error}.")),
                },
                read = read_some(stderr, &mut buffer) => match read {
                    Ok(bytes) if bytes > 0 => keep(&mut self.said, &buffer[..bytes]),
                    _ => self.stderr = None,
                },
            }
        }
    }

    /// Takes in what it had written just before its end, without waiting for those it left behind.
    fn read_the_rest(&mut self) {
        let mut buffer = [0; KEPT_BYTES];
        // tokio has set the pipe to answer at once.
        while let Some(stderr) = &self.stderr
            && let Ok(bytes @ 1..) = rustix::io::read(stderr, &mut buffer)
        {
            keep(&mut self.said, &buffer[..bytes]);
        }
    }

    /// Sends a signal to it and to all it has started, unless it has ended.
    fn signal(&self, signal: Signal) {
        // Its number is its own until it has been waited for, and only until then does tokio know it.
        if let (Some(group), Some(_)) = (self.group, self.child.id()) {
            // They may all have ended by themselves just now.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn read_some(stderr: Option<&mut ChildStderr>, buffer: &mut [u8]) -> std::io::Result<usize> {
    match stderr {
        Some(stderr) => stderr.read(buffer).await,
        None => std::future::pending().await,
    }
}

fn keep(said: &mut VecDeque<u8>, bytes: &[u8]) {
    said.extend(bytes);
    said.drain(..said.len().saturating_sub(KEPT_BYTES));
}

fn end_of(status: ExitStatus) -> CommandEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => CommandEnd::Exited(code),
        (None, Some(signal)) => CommandEnd::Signalled(signal),
        // Stopped is no end, and there is no third way.
        (None, None) => CommandEnd::CouldNotStart("The command ended in an unknown way.".into()),
    }
}

fn start(command: &FinishCommand, facts: &Facts) -> Result<Running, String> {
    let program = find(&command.program, std::env::var_os("PATH").as_deref())?;
    let mut process = Command::new(&program);
    process
        .args(&command.args)
        .env_clear()
        .envs(environment(std::env::vars_os(), facts))
        .current_dir(place(&facts.folder))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = process.spawn().map_err(|error| {
        format!(
            "The command {} could not be started: the system says “{error}”. You can try it in a terminal.",
            program.display()
        )
    })?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let stderr = child.stderr.take();
    Ok(Running { child, group, stderr, said: VecDeque::new() })
}

/// The user's environment without what was meant for us, and with what is told of the job.
fn environment(
    users: impl Iterator<Item = (OsString, OsString)>,
    facts: &Facts,
) -> Vec<(OsString, OsString)> {
    let is_ours = |name: &OsStr| {
        name.as_encoded_bytes().starts_with(b"MEANWHILE_") || OURS.iter().any(|ours| name == *ours)
    };
    let mut all: Vec<_> = users.filter(|(name, _)| !is_ours(name)).collect();
    let mut tell = |name: &str, value: OsString| all.push((name.into(), value));
    tell("MEANWHILE_JOB_ID", facts.id.to_string().into());
    tell("MEANWHILE_JOB_NAME", fitting(&facts.name).into());
    tell("MEANWHILE_STATE", if facts.fault.is_some() { "failed" } else { "finished" }.into());
    tell("MEANWHILE_FILES", list(&facts.files));
    tell("MEANWHILE_FILE_COUNT", facts.files.len().to_string().into());
    tell("MEANWHILE_BYTES", facts.bytes.to_string().into());
    if let Some(file) = facts.files.first() {
        tell("MEANWHILE_FILE", file.into());
    }
    if let Some(fault) = &facts.fault {
        tell("MEANWHILE_FAULT", fitting(fault).into());
    }
    all
}

/// The text as far as it fits into a variable, which has no NUL.
fn fitting(text: &str) -> String {
    text[..text.floor_char_boundary(VARIABLE_BYTES)].replace('\0', "")
}

/// Where the program is. `PATH` is searched here and not by the system: an entry of it that is not absolute would mean
/// the working folder, and what lies among downloads must not be run for its name.
fn find(program: &str, folders: Option<&OsStr>) -> Result<PathBuf, String> {
    let path = Path::new(program);
    let places: Vec<PathBuf> = if path.is_absolute() {
        vec![path.to_owned()]
    } else if program.contains('/') {
        return Err(format!(
            "The command {program} was not started: its path does not begin with /, so it would be another one in every \
             folder. You can write the whole path, or only the program's name."
        ));
    } else {
        let folders = folders.unwrap_or_default();
        std::env::split_paths(folders).filter(|f| f.is_absolute()).map(|f| f.join(program)).collect()
    };
    let is_file = |place: &&PathBuf| place.is_file();
    let may_run = |place: &&PathBuf| rustix::fs::access(place.as_path(), Access::EXEC_OK).is_ok();
    if let Some(place) = places.iter().filter(is_file).find(may_run) {
        return Ok(place.clone());
    }
    Err(match places.iter().find(is_file) {
        Some(place) => format!(
            "The command {} was not started: it may not be run. If it should, you can allow it with chmod +x.",
            place.display()
        ),
        None if path.is_absolute() => format!(
            "The command {program} was not started: there is no such program. It may have been moved or deleted; you can \
             correct the path."
        ),
        None => format!(
            "The command {program} was not started: no program of that name was found. You can install it, or write its \
             whole path."
        ),
    })
}

/// The folder, or what is left of the way to it.
fn place(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}

/// As many of the paths as may be in one variable, a line each.
fn list(files: &[PathBuf]) -> OsString {
    let mut list = OsString::new();
    for file in files {
        if list.len() + file.as_os_str().len() >= VARIABLE_BYTES {
            break;
        }
        if !list.is_empty() {
            list.push("\n");
        }
        list.push(file);
    }
    list
}

#[cfg(test)]
mod tests;
