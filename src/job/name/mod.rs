//! File names, as far as they are only text.

mod safe;

pub(crate) use safe::{MOST_SAFE_BYTES, fitted_name, safe_name};

/// The longest extension in bytes; what is longer is part of a sentence.
const MOST_EXTENSION_BYTES: usize = 20;

/// Stem and extension with its dot. `.tar.gz` and the like count as one; what has a blank in it (`Dr. Smith`) is none.
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    let Some(dot) = name.rfind('.').filter(|dot| *dot > 0) else { return (name, "") };
    let dot = match name[..dot].rfind('.') {
        Some(before) if before > 0 && &name[before..dot] == ".tar" => before,
        _ => dot,
    };
    let (stem, extension) = name.split_at(dot);
    let is_one = extension.len() <= MOST_EXTENSION_BYTES && !extension.contains(char::is_whitespace);
    if is_one { (stem, extension) } else { (name, "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_what_stands_behind_the_last_dot() {
        for (name, parts) in [
            ("a.txt", ("a", ".txt")),
            ("a.b.txt", ("a.b", ".txt")),
            ("a.tar.gz", ("a", ".tar.gz")),
            (".tar.gz", (".tar", ".gz")),
            ("README", ("README", "")),
            (".profile", (".profile", "")),
            ("", ("", "")),
            ("Letter to Dr. Smith", ("Letter to Dr. Smith", "")),
            ("a.of twenty and more letters", ("a.of twenty and more letters", "")),
            ("a.withmorethantwentyletters", ("a.withmorethantwentyletters", "")),
        ] {
            assert_eq!(split_extension(name), parts, "{name}");
        }
    }
}
