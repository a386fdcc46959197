//! The command a user wants run when a job has ended: what it is, how its try can end, and when it is tried again
//! (bits.md 7.1).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A program and its arguments, exactly as the program gets them: no shell reads them, so nothing in them is
/// expanded. As text it is words, quoted as in a shell where they have to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishCommand {
    /// The program: an absolute path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
}

/// Why a text is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishCommandError {
    /// There is no word in it.
    #[error(
        "There is no program in this command. You can write its name or its path first, then its arguments."
    )]
    Empty,
    /// A quote was opened and not closed, or it ends with a backslash.
    #[error(
        "A quote in this command is not closed, or it ends with a \\. You can close it, or put a \\ before it."
    )]
    OpenQuote,
    /// It has a NUL in it, which no program can be given.
    #[error("This command has a NUL character in it, which no program can be given. You can leave it out.")]
    Nul,
}

impl FromStr for FinishCommand {
    type Err = FinishCommandError;

    /// Splits as a POSIX shell does (quotes, backslashes, a `#` at the start of a word comments out the rest of the
    /// line), and does nothing else that a shell does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('\0') {
            return Err(FinishCommandError::Nul);
        }
        let mut words = shlex::split(text).ok_or(FinishCommandError::OpenQuote)?.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or(FinishCommandError::Empty)?;
        Ok(Self { program, args: words.collect() })
    }
}

impl fmt::Display for FinishCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&self.program).chain(&self.args).map(String::as_str);
        // With NUL allowed there is nothing it can refuse.
        f.write_str(&shlex::Quoter::new().allow_nul(true).join(words).map_err(|_| fmt::Error)?)
    }
}

/// How a try of a command ended. As text it is a sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandEnd {
    /// It ended with this exit code; 0 is success.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It did not start: a sentence.
    CouldNotStart(String),
    /// It took too long and was ended.
    TimedOut,
}

impl CommandEnd {
    /// The event BITS writes for it (bits.md 9.5): 63 where the program reported an error, 64 where it did not start;
    /// `None` for success, of which BITS writes nothing.
    #[must_use]
    pub const fn event(&self) -> Option<u16> {
        match self {
            Self::Exited(0) => None,
            Self::Exited(_) | Self::Signalled(_) | Self::TimedOut => Some(63),
            Self::CouldNotStart(_) => Some(64),
        }
    }
}

impl fmt::Display for CommandEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => f.write_str("The command did its work."),
            Self::Exited(code) => write!(f, "The command failed with exit code {code}."),
            Self::Signalled(signal) => write!(f, "The command was ended by signal {signal}."),
            Self::CouldNotStart(sentence) => f.write_str(sentence),
            Self::TimedOut => f.write_str("The command took too long and was ended."),
        }
    }
}

/// How often a job's command has been tried. BITS repeats one that does not return 0 until it does; this gives up
/// after four tries, which is said in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Tries that have ended.
    pub made: u32,
}

/// How long after each failed try the next one comes.
const PAUSES: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1)];

impl Attempts {
    /// Counts a try that ended so. When the next one is due; `None` when it succeeded or there is none left.
    pub fn next_try_in(&mut self, end: &CommandEnd) -> Option<Duration> {
        let pause = PAUSES.get(self.made as usize).copied();
        self.made = self.made.saturating_add(1);
        pause.filter(|_| *end != CommandEnd::Exited(0))
    }
}

/// What is still to be done because a job has come to its end; each at least once (bits.md 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtEnd {
    /// The user is to be told.
    pub tell: bool,
    /// Its command is to be run.
    pub run: bool,
    /// The tries of that so far.
    #[serde(default)]
    pub tries: Attempts,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn command(program: &str, args: &[&str]) -> FinishCommand {
        FinishCommand { program: program.into(), args: args.iter().map(|&arg| arg.into()).collect() }
    }

    #[test]
    fn a_text_is_split_as_a_shell_would_and_nothing_in_it_is_expanded() {
        let table: [(&str, FinishCommand); 8] = [
            ("notify-send", command("notify-send", &[])),
            ("  cp  a   b ", command("cp", &["a", "b"])),
            ("cp 'a b' \"c d\" e\\ f", command("cp", &["a b", "c d", "e f"])),
            ("'/opt/my player/play' --once", command("/opt/my player/play", &["--once"])),
            ("echo $HOME `id` $(id) * ~ ; rm | x > y", {
                command("echo", &["$HOME", "`id`", "$(id)", "*", "~", ";", "rm", "|", "x", ">", "y"])
            }),
            ("echo '' \"\"", command("echo", &["", ""])),
            ("echo 'two\nlines'", command("echo", &["two\nlines"])),
            ("echo a#b '#c' # d", command("echo", &["a#b", "#c"])),
        ];
        for (text, wanted) in table {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_a_reason() {
        let table = [
            ("", FinishCommandError::Empty),
            (" \t\n", FinishCommandError::Empty),
            ("''", FinishCommandError::Empty),
            ("# only a comment", FinishCommandError::Empty),
            ("echo 'a", FinishCommandError::OpenQuote),
            ("echo \"a", FinishCommandError::OpenQuote),
            ("echo \\", FinishCommandError::OpenQuote),
            ("echo \0", FinishCommandError::Nul),
        ];
        for (text, wanted) in table {
            assert_eq!(text.parse::<FinishCommand>(), Err(wanted), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_command_reads_back_what_it_shows(program in "[^\0]{1,12}", args in prop::collection::vec("[^\0]{0,12}", 0..5)) {
            let command = FinishCommand { program, args };
            prop_assert_eq!(command.to_string().parse(), Ok(command));
        }
    }

    #[test]
    fn a_command_survives_ron_and_json() {
        let command = command("/bin/x", &["a b", "", "$(c)\n"]);
        let ron = ron::to_string(&command).expect("RON");
        assert_eq!(ron::from_str::<FinishCommand>(&ron).expect("the command"), command);
        let json = serde_json::to_string(&command).expect("JSON");
        assert_eq!(serde_json::from_str::<FinishCommand>(&json).expect("the command"), command);
    }

    #[test]
    fn a_failed_try_is_repeated_three_times_at_longer_and_longer_intervals() {
        let failures = [
            CommandEnd::Exited(1),
            CommandEnd::Signalled(9),
            CommandEnd::CouldNotStart("It is not there.".into()),
            CommandEnd::TimedOut,
        ];
        for end in failures {
            let mut attempts = Attempts::default();
            let pauses: Vec<_> = std::iter::from_fn(|| attempts.next_try_in(&end)).collect();
            assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [60, 600, 3600], "{end}");
            assert_eq!(attempts, Attempts { made: 4 });
            assert_eq!(attempts.next_try_in(&end), None, "given up for good");
            assert!(end.event().is_some());
        }
        let mut attempts = Attempts::default();
        assert!(attempts.next_try_in(&CommandEnd::Exited(1)).is_some());
        assert_eq!(attempts.next_try_in(&CommandEnd::Exited(0)), None, "done");
        assert_eq!(attempts.made, 2);
        assert_eq!(CommandEnd::Exited(0).event(), None);
    }
}
