//! Servers that break every rule they can, each a row of a table that says what must come of it: the right file under
//! the right name, or a fault with everything kept. In no case is a wrong file accepted, and none throws away what was
//! fetched without saying why in the log.
//!
//! A file here is a subject, and in it stand its cases; `case` has what a row can say, and plays it on the real program.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

#[path = "../support/mod.rs"]
mod support;

mod case;
mod connections;
mod encodings;
mod framing;
mod heads;
mod lengths;
mod lies;
mod logins;
mod mirrors;
mod names;
mod ranges;
mod redirects;
mod segments;
mod statuses;
mod sums;
mod validators;
mod versions;

#[test]
fn there_are_many_cases_and_each_has_a_name_of_its_own() {
    let all = [
        connections::cases(),
        encodings::cases(),
        framing::cases(),
        heads::cases(),
        lengths::cases(),
        logins::cases(),
        mirrors::cases(),
        names::cases(),
        ranges::cases(),
        redirects::cases(),
        segments::cases(),
        statuses::cases(),
        sums::cases(),
        validators::cases(),
        versions::cases(),
    ];
    let mut names: Vec<String> = all.iter().flatten().map(|case| case.name.clone()).collect();
    let cases = names.len();
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "two have one name: {twice:?}");
    assert!(cases >= 400, "there are only {cases}");
}
