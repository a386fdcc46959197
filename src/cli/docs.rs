//! `completions` and `man`: what shells and manual readers want to know, made from the words of the command
//! line, so that it cannot say anything else than `--help`.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap::builder::Resettable;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::Words;
use super::exit::{EXIT_CODES, Exit, Failure};
use super::print::Out;

/// The command a page is about, as people type it.
const PROGRAM: &str = "meanwhile";

/// What the environment says to the program.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("MEANWHILE_STATE_DIR", "The folder everything is kept under, where --state-dir does not name one."),
    (
        "MEANWHILE_LOG",
        "What is logged to standard error: error (the default), warn, info, debug or trace. At info it says what \
         it decides and why.",
    ),
];

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Words::command(), PROGRAM, &mut script);
    out.text(&script)?;
    Ok(Exit::Done)
}

/// Prints the page of the program, or writes those of all commands into `folder` and prints their names.
pub(super) fn man(folder: Option<&Path>, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let pages = pages()?;
    let Some(folder) = folder else {
        if let Some(page) = pages.first() {
            out.text(&page.text)?;
        }
        return Ok(Exit::Done);
    };
    let failed = |error: io::Error| {
        Failure::new(
            Exit::Failed,
            format!(
                "The pages could not be written to {}: {error}. You can name another folder.",
                folder.display()
            ),
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut names = Vec::with_capacity(pages.len());
    for page in &pages {
        let mut file = std::fs::File::create(folder.join(&page.file_name)).map_err(failed)?;
        file.write_all(&page.text).map_err(failed)?;
        names.push(&page.file_name);
    }
    if out.is_json() {
        out.json(&names)?;
    } else {
        for name in names {
            out.line(name)?;
        }
    }
    Ok(Exit::Done)
}

/// A page in the language of troff(1).
struct Page {
    file_name: String,
    text: Vec<u8>,
}

/// The page of the program, and behind it those of its commands.
fn pages() -> io::Result<Vec<Page>> {
    // The exit codes get a section of their own.
    let mut program = Words::command().after_help(Resettable::Reset);
    program.build();
    let mut pages = vec![page(&program, &end_of_program())?];
    for command in program.get_subcommands() {
        pages.push(page(command, &end_of_command())?);
    }
    Ok(pages)
}

fn page(command: &clap::Command, end: &Roff) -> io::Result<Page> {
    let man = Man::new(command.clone()).source(concat!("Meanwhile ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text)?;
    end.to_writer(&mut text)?;
    Ok(Page { file_name: man.get_filename(), text })
}

fn end_of_program() -> Roff {
    let mut end = Roff::new();
    end.control("SH", ["ENVIRONMENT"]);
    for (name, text) in ENVIRONMENT {
        end.control("TP", []).text([bold(name)]).text([roman(text)]);
    }
    end.control("SH", ["EXIT STATUS"]);
    for line in EXIT_CODES.lines() {
        if let Some((code, text)) = line.trim().split_once("  ") {
            end.control("TP", []).text([bold(code)]).text([roman(text.trim())]);
        }
    }
    end
}

fn end_of_command() -> Roff {
    let mut end = Roff::new();
    end.control("SH", ["SEE ALSO"]).text([bold(PROGRAM), roman("(1)")]);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text as a reader sees it, near enough: troff's hyphens are ours.
    fn text(page: &Page) -> String {
        String::from_utf8(page.text.clone()).expect("UTF-8").replace("\\-", "-").replace("\\fR", "")
    }

    #[test]
    fn pages_say_all_there_is() {
        let mut program = Words::command();
        program.build();
        let pages = pages().expect("pages");
        let names: Vec<&str> = pages.iter().map(|page| page.file_name.as_str()).collect();
        let commands = || program.get_subcommands();
        let expected = commands().map(|command| format!("meanwhile-{}.1", command.get_name()));
        assert_eq!(names, std::iter::once("meanwhile.1".to_owned()).chain(expected).collect::<Vec<_>>());
        assert!(names.len() > 10, "{names:?}");
        for (page, command) in pages.iter().zip(std::iter::once(&program).chain(commands())) {
            let text = text(page);
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            for long in shown.filter_map(clap::Arg::get_long) {
                assert!(text.contains(&format!("\\fB--{long}")), "{}: --{long}", page.file_name);
            }
            for positional in command.get_positionals() {
                let name = positional.get_value_names().expect("a name")[0].as_str();
                assert!(text.contains(name), "{}: {name}", page.file_name);
            }
        }
        let program_text = text(&pages[0]);
        for command in commands() {
            assert!(program_text.contains(&format!("meanwhile-{}(1)", command.get_name())));
        }
        for code in ["0", "1", "2", "3", "4", "5", "6", "130"] {
            assert!(program_text.contains(&format!(".TP\n\\fB{code}\n")), "{code}: {program_text}");
        }
    }

    #[test]
    fn completions_know_every_word() {
        let mut program = Words::command();
        program.build();
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let mut script = Vec::new();
            let mut out = Out::new(&mut script, false);
            completions(shell, &mut out).and_then(|_| out.flush()).expect("a script");
            drop(out);
            let script = String::from_utf8(script).expect("UTF-8");
            for command in program.get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
                let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
                for long in shown.filter_map(clap::Arg::get_long) {
                    assert!(script.contains(long), "{shell}: --{long}");
                }
            }
        }
    }
}
