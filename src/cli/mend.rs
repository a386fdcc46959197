//! `repair` and `reset`: the list on disk, while nobody works on it.

use std::io::{BufRead, IsTerminal, Write};

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::print::{self, Out};
use crate::engine::{self, Findings, Places};
use crate::instance::{Claim, Instance, claim, claim_or_connect};

/// What was found and done, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Whether nothing was wrong and nothing was done.
    intact: bool,
    #[serde(flatten)]
    findings: &'a Findings,
    sentences: Vec<String>,
}

/// Mends the list, and says what was found.
pub(super) fn repair(places: &Places, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let _claim = own(places)?;
    say(&engine::repair(places)?, out)
}

/// Puts the list and the log aside, once that is confirmed.
pub(super) fn reset(places: &Places, yes: bool, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let _claim = own(places)?;
    if !yes && !is_confirmed()? {
        print::note("Nothing was changed.");
        return Ok(Exit::Done);
    }
    say(&engine::reset(places)?, out)
}

/// The claim on the folder: the list cannot be changed under the hands of who works on it.
fn own(places: &Places) -> Result<Claim, Failure> {
    match claim_or_connect(places)? {
        Instance::Mine(claim) => Ok(claim),
        // It says which process that is.
        Instance::Other(_) => claim(places).map_err(|held| {
            Failure::new(
                Exit::Instance,
                format!(
                    "{held} The list cannot be changed meanwhile. You can end it first: close its window and its \
                     downloads, or end that process."
                ),
            )
        }),
    }
}

/// Asks whoever sits at the terminal.
fn is_confirmed() -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::usage(
            "This empties the list of downloads and the log. You can confirm it with --yes.",
        ));
    }
    let mut stderr = std::io::stderr().lock();
    // Where the question cannot be seen, nobody answers it with yes.
    let _ =
        write!(stderr, "This empties the list of downloads and the log. Finished files stay. Go on? [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    Ok(read.is_ok() && is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn say(findings: &Findings, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let sentences = findings.sentences();
    if out.is_json() {
        out.json(&Report { intact: findings.is_intact(), findings, sentences })?;
    } else {
        sentences.iter().try_for_each(|sentence| out.line(print::clean(sentence)))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, yes) in
            [("y\n", true), ("YES\n", true), ("", false), ("\n", false), ("n\n", false), ("yep", false)]
        {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }
}
