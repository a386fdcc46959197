//! What the program writes for shells and manual readers is accepted by those.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use support::program::Home;
use support::{done, names_in, read, tool, write};

#[test]
fn manual_pages_are_formatted_without_a_warning() {
    let home = Home::new();
    let folder = home.file("man/man1");
    let said = home.run(["man", &folder.display().to_string()]).fine();
    let mut names: Vec<_> = said.out.lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, names_in(&folder));
    assert!(names.iter().any(|name| name == "meanwhile.1"), "{names:?}");
    assert!(names.iter().any(|name| name == "meanwhile-add.1"), "{names:?}");
    for name in &names {
        let mut groff = tool("groff", "groff-base");
        groff.args(["-man", "-Kutf8", "-Tutf8", "-ww"]).arg(folder.join(name));
        let output = groff.output().expect("groff to start");
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{name}: {warnings}");
        let shown = plain(&String::from_utf8_lossy(&output.stdout));
        let command = name.trim_end_matches(".1");
        let synopsis = format!("SYNOPSIS {}", command.replacen('-', " ", 1));
        assert!(shown.contains(&format!("NAME {command}")) && shown.contains(&synopsis), "{shown}");
    }
    let alone = home.run(["man"]).fine();
    assert_eq!(alone.out.trim_end().as_bytes(), read(&folder.join("meanwhile.1")).trim_ascii_end());
    // Neither needs a place to keep anything.
    assert!(!home.state().exists());
}

/// The words of a text, without bold and underlined letters, which are printed one over the other.
fn plain(shown: &str) -> String {
    let plain = shown.chars().fold(String::new(), |mut text, c| {
        if c == '\u{8}' {
            text.pop();
        } else {
            text.push(c);
        }
        text
    });
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn bash_takes_the_completions() {
    let home = Home::new();
    let script = home.file("meanwhile.bash");
    write(&script, home.run(["completions", "bash"]).fine().out.as_bytes());
    done(tool("bash", "bash").arg("-n").arg(&script));
    // What a Tab behind “meanwhile ad” and “meanwhile add --pri” comes to.
    for (words, expected) in
        [(["meanwhile", "ad"].as_slice(), "add"), (&["meanwhile", "add", "--pri"], "--priority")]
    {
        let last = words.len() - 1;
        let ask = format!(
            ". \"$1\"; COMP_WORDS=({}); COMP_CWORD={last}; _meanwhile meanwhile {} {}; echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words[last],
            words[last - 1],
        );
        let answer = done(tool("bash", "bash").args(["--norc", "-c", &ask, "bash"]).arg(&script));
        assert_eq!(String::from_utf8_lossy(&answer).trim(), expected);
    }
}
