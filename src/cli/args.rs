//! The words of the command line. The doc comments are what `--help` prints.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::access::AccessWords;
use super::exit::EXIT_CODES;
use crate::job::{Clash, FinishCommand, Hash, Priority, Rate, RateError};

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
    List {
        /// As “bitsadmin /list” does
        #[arg(long)]
        plain: bool,
    },
    /// Show all there is to know of a download
    Show {
        /// An id, the beginning of one, or a name
        job: String,
    },
    /// List the files of a download
    Files {
        /// An id, the beginning of one, or a name
        job: String,
    },
    /// Show what goes on, until Ctrl+C
    Monitor(Monitor),
    /// Show how the link is used: by us, by others, and why we hold back
    Link,
    /// Show what has happened
    Log(Log),
    /// Hold downloads; with --all everything, also what is added later, until “resume --all”
    Pause(Which),
    /// Go on with held, failed or waiting downloads; with --all everything
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
    /// Leave a file of a download out, try it again or from its start, or change what is to become of it
    File(OneFile),
    /// Put downloads at another place in the list
    Move(Move),
    /// Show or change the cap over all downloads
    Limit {
        /// A rate as in 500K, 1.5M or 50Mbit, or “off”
        rate: Option<Cap>,
    },
    /// Show or change whether the slow cap holds as well (its rate: “settings slow_bps”)
    Slow {
        /// On or off
        to: Option<Switch>,
    },
    /// Show or change settings
    Settings {
        /// Its name; without one, all are listed
        key: Option<String>,
        /// What it is to be
        #[arg(requires = "key")]
        value: Vec<String>,
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
    /// Mend the list after damage, as every start does, and say what was found
    Repair,
    /// Empty the list and the log; they are put aside, and files stay
    Reset {
        /// Do not ask
        #[arg(long)]
        yes: bool,
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
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Add {
    /// What to download; [001-100] and {a,b} in it stand for several, and the name of a Metalink file (.meta4,
    /// .metalink) for what is in it
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
    /// save it to, a list made for bitsadmin or aria2, or a Metalink file
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
    /// Wait for “meanwhile complete” when all is here
    #[arg(long)]
    pub(super) hold: bool,
    /// Add the files to this download instead of making new ones
    #[arg(long, value_name = "JOB", conflicts_with_all = [
        "name", "priority", "limit", "headers", "paused", "together", "hold", "finish", "bearer", "cookies", "referer",
        "user_agent", "proxy", "insecure_redirects", "ca_file", "user",
    ])]
    pub(super) job: Option<String>,
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
    #[arg(long, value_name = "HEX", group = "expected")]
    pub(super) sha256: Option<String>,
    /// The SHA-1 the file must have
    #[arg(long, value_name = "HEX", group = "expected")]
    pub(super) sha1: Option<String>,
    /// The MD5 the file must have
    #[arg(long, value_name = "HEX", group = "expected")]
    pub(super) md5: Option<String>,
    /// What the file must be: a checksum as in sha512:HEX, or the address of a list of checksums (SHA256SUMS)
    #[arg(long, value_name = "SUM", group = "expected")]
    pub(super) checksum: Option<String>,
    /// Another address that has the same file; may be given several times
    #[arg(long = "mirror", value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) mirrors: Vec<String>,
    /// How many connections to use for each file, if the server allows it
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(super) connections: u8,
    /// What to do if there is a file of that name: number, overwrite, resume or ask [default: number]
    #[arg(long, value_name = "WHAT")]
    pub(super) if_exists: Option<Clash>,
    // Text until it is checked in our own words: clap's would repeat the value, which may be a secret.
    /// A request header, as “Name: value”; may be given several times
    #[arg(long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,
    /// What to run when it has ended: a program and its arguments, quoted as for a shell, though none runs them
    #[arg(long, value_name = "COMMAND")]
    pub(super) finish: Option<FinishCommand>,
    #[command(flatten)]
    pub(super) access: AccessWords,
}

impl How {
    /// What the file must be, as the engine reads it.
    pub(super) fn expected(&self) -> Option<String> {
        let of = |hash: Hash, digits: &Option<String>| {
            digits.as_ref().map(|digits| format!("{}:{digits}", hash.word()))
        };
        of(Hash::Sha256, &self.sha256)
            .or_else(|| of(Hash::Sha1, &self.sha1))
            .or_else(|| of(Hash::Md5, &self.md5))
            .or_else(|| self.checksum.clone())
    }
}

/// How to watch.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Monitor {
    /// Seconds between two looks [default: 1 on a terminal, else 5]
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) refresh: Option<u32>,
    /// As “bitsadmin /monitor” does
    #[arg(long)]
    pub(super) plain: bool,
}

/// What to show of the log.
#[derive(Debug, Args)]
pub(super) struct Log {
    /// Only what happened to this download: an id, the beginning of one, or a name
    pub(super) job: Option<String>,
    /// How many of the latest entries
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) number: u32,
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
    /// What it is to be
    pub(super) value: String,
    /// With “login”: take the password from the first line of a file, or of standard input (-), and do not ask for it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) password_from: Option<PathBuf>,
}

/// What can be changed about a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Property {
    /// How it stands in line: foreground, high, normal or low
    Priority,
    /// The most it may use: a rate as in 500K, or off
    Limit,
    /// What to call it in lists; nothing ('') for the name of its file
    Name,
    /// The address of its file; what was fetched is kept if the other server has the same
    Address,
    /// How many of its files are fetched at once, from 1 to 16
    FilesAtOnce,
    /// Whether it waits for “meanwhile complete” when all is here: on or off
    Hold,
    /// The user to log in as where its server or its proxy asked for a login; the password is asked for
    Login,
    /// What to run when it has ended: a program and its arguments, or off
    Finish,
    /// The folder to save to; what was fetched is brought along
    Folder,
    /// How many connections to use for each file, from 1 to 8
    Connections,
    /// What to do if the name of a file is taken: number, overwrite, resume or ask
    IfExists,
    /// What its file must be: a checksum as in sha256:HEX, the address of a list of checksums, or off
    Checksum,
}

/// One file of a download.
#[derive(Debug, Args)]
pub(super) struct OneFile {
    /// An id, the beginning of one, or a name
    pub(super) job: String,
    /// The file's number, as “meanwhile files” says it
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) number: u32,
    /// What to do with it
    pub(super) what: FileDeed,
    /// The other address, the name, the checksum, or what to do if its name is taken
    #[arg(required_if_eq_any([
        ("what", "address"), ("what", "name"), ("what", "checksum"), ("what", "if-exists"),
    ]))]
    pub(super) value: Option<String>,
}

/// What can be done to one file of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FileDeed {
    /// Leave it out, and delete what was fetched of it
    Skip,
    /// Try it again now, also after it was left out
    Retry,
    /// Fetch it from another address; what was fetched is kept if the other server has the same
    Address,
    /// Give up what was fetched, and fetch it from its start
    Restart,
    /// Save it under another name
    Name,
    /// What it must be: a checksum as in sha256:HEX, the address of a list of checksums, or off
    Checksum,
    /// What to do if its name is taken: number, overwrite, resume or ask
    IfExists,
}

/// Which downloads to move, and where to.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true))]
pub(super) struct Move {
    /// Ids, beginnings of ids, or names
    #[arg(value_name = "JOB", required = true)]
    pub(super) jobs: Vec<String>,
    /// Before all others
    #[arg(long, group = "place")]
    pub(super) top: bool,
    /// Behind all others
    #[arg(long, group = "place")]
    pub(super) bottom: bool,
    /// Before this one
    #[arg(long, value_name = "JOB", group = "place")]
    pub(super) before: Option<String>,
    /// Behind this one
    #[arg(long, value_name = "JOB", group = "place")]
    pub(super) after: Option<String>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

impl Switch {
    /// Reads the word, in any case.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::from_str(text, true).ok()
    }
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
            "add a.meta4 b.metalink",
            "add http://a http://b --together",
            "add --input - --together --parallel 4",
            "add --input list.txt http://a --sha256 00 --header A:b --header C:d",
            "get http://a --out x/y.iso --priority High",
            "list --json",
            "list --plain",
            "files 1a",
            "monitor",
            "monitor --refresh 3 --plain",
            "link",
            "link --json",
            "log",
            "log 1a -n 3",
            "log --number 3 --json",
            "add http://a --finish true --hold",
            "add http://a http://b --job 1a --to /tmp",
            "get http://a --finish true",
            "get http://a --md5 00",
            "get http://a --checksum http://a/SHA256SUMS --mirror http://b --mirror http://c --connections 8",
            "add http://a --sha1 00 --if-exists overwrite",
            "get http://a --user me --password-from - --proxy socks5h://me:pw@b:1 --ca-file ca.pem",
            "get http://a --bearer env:TOKEN --cookies cookies.txt --insecure-redirects",
            "add http://a --referer http://b --user-agent x --priority low",
            "set 1a name x",
            "set 1a address http://b",
            "set 1a files-at-once 3",
            "set 1a hold on",
            "set 1a finish off",
            "set 1a login me",
            "set 1a login me --password-from -",
            "file 1a 2 skip",
            "file 1a 2 retry",
            "file 1a 2 address http://b",
            "file 1a 2 restart",
            "file 1a 2 name x.iso",
            "file 1a 2 checksum off",
            "file 1a 2 if-exists ask",
            "set 1a folder /tmp",
            "set 1a connections 4",
            "set 1a if-exists overwrite",
            "set 1a checksum off",
            "move 1a 2b --top",
            "move 1a --before 2b",
            "slow",
            "slow on",
            "settings",
            "settings slow_bps",
            "settings slow_bps 128K",
            "settings work mon-fri 08:00-17:30",
            "repair --json",
            "reset --yes",
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
            "add http://a --sha1 00 --md5 00",
            "add http://a --connections 9",
            "add http://a --if-exists perhaps",
            "show",
            "pause",
            "pause 1a --all",
            "set 1a colour red",
            "set 1a limit",
            "limit fast",
            "monitor --refresh 0",
            "list --all",
            "link eth0",
            "log -n 0",
            "add http://a --job 1a --priority low",
            "file 1a 0 skip",
            "file 1a 2 address",
            "file 1a 2 name",
            "file 1a 2 if-exists",
            "file 1a skip",
            "move 1a",
            "move 1a --top --bottom",
            "move --top",
            "slow down",
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
