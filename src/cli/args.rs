//! The words of the command line. The doc comments are what `--help` prints.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::exit::EXIT_CODES;
use crate::job::{Priority, Rate, RateError};

/// A download manager that uses only the bandwidth nobody is using.
///
/// Without a command, the window opens.
#[derive(Debug, Parser)]
#[command(name = "meanwhile", version, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
pub(super) struct Words {
    /// What to do.
    #[command(subcommand)]
    pub(super) task: Option<Task>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Only keep the books: start no downloading in the background
    #[arg(long, global = true)]
    pub(super) no_start: bool,
    /// Keep everything under this folder (also: MEANWHILE_STATE_DIR)
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) state_dir: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Task {
    /// Queue downloads, print their ids and return at once
    Add(Add),
    /// Fetch an address now and wait for it; one that was interrupted goes on where it stopped
    Get(Get),
    /// List the downloads
    List,
    /// Show all there is to know of a download
    Show {
        /// An id, the beginning of one, or a name
        job: String,
    },
    /// Hold downloads
    Pause(Which),
    /// Go on with held, failed or waiting downloads
    Resume(Which),
    /// Try failed or waiting downloads again now
    Retry(Which),
    /// Give downloads up and delete what was fetched of them
    Cancel(Which),
    /// Accept what is finished of downloads and give up the rest
    Complete(Which),
    /// Take downloads off the list; finished files stay
    Remove(Which),
    /// Change a download
    Set(Set),
    /// Show or change the cap over all downloads
    Limit {
        /// A rate as in 500K, 1.5M or 50Mbit, or “off”
        rate: Option<Cap>,
    },
    /// Download without a window until told to stop
    Run {
        /// End when nothing is left to do
        #[arg(long)]
        until_empty: bool,
        /// The same, as a service: say nothing, and stay a minute for clicks on notifications
        #[arg(long, hide = true)]
        in_background: bool,
    },
    /// Print the completions for a shell
    Completions {
        /// The shell they are for
        shell: Shell,
    },
    /// Print the manual page, or write those of all commands into a folder
    Man {
        /// The folder to write them into
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
    },
}

/// What to queue.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What to download; [001-100] and {a,b} in it stand for several
    #[arg(value_name = "URL", required_unless_present = "input", value_hint = ValueHint::Url)]
    pub(super) urls: Vec<String>,
    #[command(flatten)]
    pub(super) how: How,
    /// How they stand in line: foreground, high, normal or low [default: normal]
    #[arg(long)]
    pub(super) priority: Option<Priority>,
    /// Hold them for now
    #[arg(long)]
    pub(super) paused: bool,
    /// Also take a list from a file or from standard input (-): an address per line, perhaps with the path to
    /// save it to, or a list made for bitsadmin or aria2
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) input: Option<PathBuf>,
    /// Take brackets in addresses as they are
    #[arg(long)]
    pub(super) literal: bool,
    /// Make one download of all the files
    #[arg(long)]
    pub(super) together: bool,
    /// How many files of one download are fetched at once; 1 is in their order
    #[arg(long, value_name = "N", requires = "together", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) parallel: u8,
}

/// What to fetch.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// What to download
    pub(super) url: String,
    #[command(flatten)]
    pub(super) how: How,
    /// How it stands in line: foreground, high, normal or low [default: foreground]
    #[arg(long)]
    pub(super) priority: Option<Priority>,
}

/// How to download.
#[derive(Debug, Default, Args)]
pub(super) struct How {
    /// The folder to save to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) to: Option<PathBuf>,
    /// The file to save as, relative to --to or else to the current folder
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// What to call the download in lists
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The most it may use, as in 500K, 1.5M or 50Mbit
    #[arg(long, value_name = "RATE")]
    pub(super) limit: Option<Rate>,
    /// The SHA-256 the file must have
    #[arg(long, value_name = "HEX")]
    pub(super) sha256: Option<String>,
    // Text until it is checked in our own words: clap's would repeat the value, which may be a secret.
    /// A request header, as “Name: value”; may be given several times
    #[arg(long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,
}

/// Which downloads to act on.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Ids, beginnings of ids, or names
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    pub(super) jobs: Vec<String>,
    /// All to which it applies
    #[arg(long)]
    pub(super) all: bool,
}

/// What to change.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// An id, the beginning of one, or a name
    pub(super) job: String,
    /// What to change
    pub(super) what: Property,
    /// A priority; or a rate, or “off”
    pub(super) value: String,
}

/// What can be changed about a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Property {
    /// How it stands in line
    Priority,
    /// The most it may use
    Limit,
}

/// A rate or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cap(pub(super) Option<Rate>);

impl FromStr for Cap {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text.eq_ignore_ascii_case("off") { Ok(Self(None)) } else { text.parse().map(Some).map(Self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Words, clap::Error> {
        Words::try_parse_from(std::iter::once("meanwhile").chain(line.split_whitespace()))
    }

    #[test]
    fn the_words_are_consistent() {
        use clap::CommandFactory;
        Words::command().debug_assert();
    }

    #[test]
    fn what_is_documented_is_understood() {
        let lines = [
            "",
            "--state-dir /tmp/x",
            "add http://a http://b --to /tmp --name N --priority low --limit 1M --paused",
            "add --input -",
            "add http://a/[1-9] --literal",
            "add http://a http://b --together",
            "add --input - --together --parallel 4",
            "add --input list.txt http://a --sha256 00 --header A:b --header C:d",
            "get http://a --out x/y.iso --priority High",
            "list --json",
            "--json list",
            "show 1a",
            "pause 1a 2b",
            "resume --all",
            "retry 1a --json --state-dir x",
            "cancel --all",
            "complete 1a",
            "remove 1a",
            "set 1a priority low",
            "set 1a limit off",
            "limit",
            "limit off",
            "limit 50Mbit",
            "run",
            "run --until-empty",
            "completions bash",
            "completions zsh",
            "man",
            "man /tmp/x",
        ];
        for line in lines {
            if let Err(error) = parse(line) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_a_mistake_of_usage() {
        let lines = [
            "nonsense",
            "add",
            "get",
            "get http://a http://b",
            "get http://a --paused",
            "get http://a --input x",
            "get http://a --together",
            "add http://a --parallel 2",
            "add http://a --together --parallel 0",
            "add http://a --together --parallel 17",
            "add http://a --priority urgent",
            "add http://a --limit 0",
            "show",
            "pause",
            "pause 1a --all",
            "set 1a colour red",
            "set 1a limit",
            "limit fast",
            "monitor",
            "list --all",
            "completions",
            "completions tcsh",
        ];
        for line in lines {
            assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
        }
        assert_eq!(parse("--help").expect_err("help").exit_code(), 0);
        assert_eq!(parse("--version").expect_err("version").exit_code(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn folders_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let folder = std::ffi::OsStr::from_bytes(b"/tmp/\xff");
        let words = ["meanwhile", "add", "http://a", "--to"].map(std::ffi::OsStr::new);
        let words = Words::try_parse_from(words.into_iter().chain([folder])).expect("words");
        assert!(
            matches!(words.task, Some(Task::Add(Add { how: How { to: Some(to), .. }, .. })) if to == folder)
        );
    }
}
