//! The command line: the same commands and snapshots as the window's, for scripts and for people who live
//! in a terminal.
//!
//! Here live the words (`args`), what each command does with the engine, and what is printed. Each command
//! is written once, against a `Port`: the engine of the running instance, or one of our own. What
//! may not live here: rules about jobs, and anything only a window needs.
//!
//! | file | what |
//! |---|---|
//! | `args` | the words of the command line |
//! | `exit` | exit codes and failures |
//! | `port` | where the engine is |
//! | `new`, `add` | what is asked for; queue it |
//! | `get`, `course`, `progress` | fetch and wait; what to make of how it stands; how that is shown |
//! | `look`, `files`, `monitor` with `screen`, `log` | list and show; the files of one; what goes on; what has happened |
//! | `link` | how the link is used, and why |
//! | `act`, `set` | pause, resume…; set, file and move |
//! | `limit`, `settings` | the caps over all; settings |
//! | `run`, `open`, `background` | the engine without and with a window; starting it by itself |
//! | `mend` | repair and reset |
//! | `docs` | shell completions and manual pages |
//! | `pick` | which job is meant |
//! | `titles` | keeps secrets out of the process's title |
//! | `print`, `table`, `json`, `plain` | words for people, in columns; objects for programs; bitsadmin's lines |

mod access;
mod act;
mod add;
mod args;
mod background;
mod course;
mod docs;
mod exit;
mod files;
mod get;
mod json;
mod limit;
mod link;
mod log;
mod look;
mod mend;
mod monitor;
mod new;
mod open;
mod pick;
mod plain;
mod port;
mod print;
mod progress;
mod remedies;
mod run;
#[cfg(test)]
mod samples;
mod screen;
mod set;
mod settings;
mod table;
mod titles;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use act::Deed;
use args::{Property, Task, Words};
use background::Background;
use exit::{Exit, Failure};
use port::Port;
use print::Out;
use run::Until;

use crate::engine::{EndSignals, Places, Run};

/// Reads the command line, does what it says, and tells how the process should end.
#[must_use]
pub fn main() -> ExitCode {
    let words = match Words::try_parse_from(titles::words()) {
        Ok(words) => words,
        Err(error) => {
            // A mistake, or the help or version that was asked for; nobody need be reading it.
            let _ = error.print();
            return (if error.use_stderr() { Exit::Usage } else { Exit::Done }).into();
        }
    };
    start_log();
    let mut out = Out::new(std::io::stdout(), words.json);
    let done = carry_out(words, &mut out).and_then(|exit| out.flush().map(|()| exit));
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // What was printed before belongs to the answer even so.
            let _ = out.flush();
            if let Some(sentence) = failure.sentence() {
                print::note(print::clean_lines(sentence));
            }
            failure.exit().into()
        }
    }
}

fn carry_out(words: Words, out: &mut Out<'_>) -> Result<Exit, Failure> {
    // The window has its own loop, and no runtime may be around it.
    let state_dir = state_dir(words.state_dir)?;
    let background = Background { state_dir, not_wanted: words.no_start };
    let Some(task) = words.task else {
        return open::open(&places(background.state_dir.clone())?, &background);
    };
    let runtime = runtime()?;
    let done = runtime.block_on(perform(task, background, out));
    // A talk with another instance that nobody waits for any more is not waited for here either.
    runtime.shutdown_background();
    done
}

async fn perform(task: Task, background: Background, out: &mut Out<'_>) -> Result<Exit, Failure> {
    // Only where they are needed: packages are built where nobody has a home.
    let places = || places(background.state_dir.clone());
    let port = || Port::open(&places()?, Run::Nothing);
    match task {
        Task::Add(words) => add::add(&places()?, words, &background, out).await,
        Task::Get(words) => get::get(&places()?, words, &background, out).await,
        Task::List { plain } => Port::ask(&places()?, async |port| look::list(port, plain, out).await).await,
        Task::Show { job } => Port::ask(&places()?, async |port| look::show(port, &job, out).await).await,
        Task::Files { job } => Port::ask(&places()?, async |port| files::files(port, &job, out).await).await,
        Task::Monitor(words) => monitor::monitor(&places()?, words, out).await,
        Task::Link => Port::ask(&places()?, async |port| link::link(port, out).await).await,
        Task::Log(words) => {
            Port::ask(&places()?, async |port| log::log(port, words.job.as_deref(), words.number, out).await)
                .await
        }
        Task::Pause(which) => act::act(&port()?, Deed::Pause, &which, out).await,
        Task::Resume(which) => {
            let port = port()?;
            let done = act::act(&port, Deed::Resume, &which, out).await;
            background.take_over(port).and(done)
        }
        Task::Retry(which) => {
            let port = port()?;
            let done = act::act(&port, Deed::Retry, &which, out).await;
            background.take_over(port).and(done)
        }
        Task::Cancel(which) => act::act(&port()?, Deed::Cancel, &which, out).await,
        Task::Complete(which) => act::act(&port()?, Deed::Complete, &which, out).await,
        Task::Remove(which) => act::act(&port()?, Deed::Remove, &which, out).await,
        Task::Set(words) => {
            let port = port()?;
            let done = set::set(&port, &words, out).await;
            // These make a download go on.
            let goes_on = [
                Property::Address,
                Property::Login,
                Property::Folder,
                Property::IfExists,
                Property::Checksum,
            ];
            if goes_on.contains(&words.what) { background.take_over(port).and(done) } else { done }
        }
        Task::File(words) => {
            let port = port()?;
            let done = set::file(&port, &words, out).await;
            background.take_over(port).and(done)
        }
        Task::Move(words) => set::put(&port()?, &words, out).await,
        Task::Limit { rate } => limit::limit(&port()?, rate, out).await,
        Task::Slow { to } => limit::slow(&port()?, to, out).await,
        Task::Settings { key, value } if value.is_empty() => {
            Port::ask(&places()?, async |port| settings::settings(port, key.as_deref(), &[], out).await).await
        }
        Task::Settings { key, value } => settings::settings(&port()?, key.as_deref(), &value, out).await,
        Task::Run { until_empty, in_background } => {
            let until = match (in_background, until_empty) {
                (true, _) => Until::NobodyClicks,
                (false, true) => Until::Empty,
                (false, false) => Until::Told,
            };
            run::run(&places()?, until, out).await
        }
        Task::Repair => mend::repair(&places()?, out),
        Task::Reset { yes } => mend::reset(&places()?, yes, out),
        Task::Completions { shell } => docs::completions(shell, out),
        Task::Man { folder } => docs::man(folder.as_deref(), out),
    }
}

/// The state folder that was named: `--state-dir`, else `MEANWHILE_STATE_DIR`.
fn state_dir(named: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let named = named.or_else(|| std::env::var_os("MEANWHILE_STATE_DIR").map(PathBuf::from));
    let Some(folder) = named.filter(|folder| folder != Path::new("")) else { return Ok(None) };
    std::path::absolute(&folder).map(Some).map_err(|error| {
        let folder = folder.display();
        Failure::new(
            Exit::Instance,
            format!("The folder {folder} cannot be found: {error}. You can name it starting with /."),
        )
    })
}

/// Where everything is kept: in the folder that was named, else where the desktop says.
fn places(state_dir: Option<PathBuf>) -> Result<Places, Failure> {
    match state_dir {
        Some(folder) => Ok(Places::under(&folder)),
        None => Ok(Places::of_this_user()?),
    }
}

/// A small runtime of the command line's own.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| no_thread(&error))
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("The system is short of something: {error}. You can end some programs and try again."),
    )
}

/// The engine answered something that is no answer to what was asked.
fn nonsense() -> Failure {
    Failure::new(
        Exit::Instance,
        "Meanwhile gave an answer that makes no sense. You can close the one that is running and start it anew.",
    )
}

/// Begins to listen for the signals that end a process. Needs a runtime.
fn listen() -> Result<EndSignals, Failure> {
    EndSignals::listen().map_err(|error| no_thread(&error))
}

/// Our own log to standard error, at the level in `MEANWHILE_LOG`. That of other crates stays off: it could
/// have headers in it.
fn start_log() {
    let level = std::env::var("MEANWHILE_LOG").ok().and_then(|level| level.parse().ok());
    let filter = Targets::new().with_target("meanwhile", level.unwrap_or(LevelFilter::ERROR));
    let to = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // There is no other one that could be in the way.
    let _ = tracing_subscriber::registry().with(filter).with(to).try_init();
}
