//! What the user typed or pasted, read as addresses. Pure.

use std::collections::HashSet;

use crate::engine::Snapshot;
use crate::job::address;

/// One address out of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// As typed.
    pub text: String,
    /// Why it cannot be downloaded; `None` where it looks well.
    pub wrong: Option<String>,
    /// Something to know about it.
    pub note: Option<&'static str>,
}

/// Already in the list of jobs.
pub(super) const IN_LIST: &str = "already in the list";

/// The addresses in `text`, each once. Words around them are left out where there is an address.
pub(super) fn read(text: &str, snapshot: &Snapshot) -> Vec<Line> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let some_address = parts.iter().any(|part| has_scheme(part));
    let mut seen = HashSet::new();
    let mut lines: Vec<Line> = Vec::new();
    let mut urls = Vec::new();
    for part in parts {
        // A sentence with links in it was pasted: the sentence is not meant.
        if some_address && !part.contains("://") && !part.contains('/') {
            continue;
        }
        let url = address(part).ok().map(|(url, _)| url);
        if url.is_some() && !seen.insert(url.clone()) {
            if let Some(index) = urls.iter().position(|other| *other == url) {
                lines[index].note = Some("entered twice, fetched once");
            }
            continue;
        }
        lines.push(one(part));
        urls.push(url);
    }
    let known: HashSet<_> =
        snapshot.jobs.iter().flat_map(|view| view.job.files.iter()).map(|f| &f.url).collect();
    for (line, url) in lines.iter_mut().zip(&urls) {
        if url.as_ref().is_some_and(|url| known.contains(url)) {
            line.note = Some(IN_LIST);
        }
    }
    lines
}

/// One address by itself.
pub(super) fn one(text: &str) -> Line {
    let wrong = address(text).err().map(|fault| format!("{}: {}", fault.what(), fault.likely()));
    Line { text: text.to_owned(), wrong, note: None }
}

/// Whether a text is worth opening the dialog for.
pub(super) fn has_address(text: &str) -> bool {
    text.split_whitespace().any(has_scheme)
}

fn has_scheme(text: &str) -> bool {
    let start: String = text.chars().take(8).collect::<String>().to_ascii_lowercase();
    start.starts_with("http://") || start.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_what_people_paste() {
        let table: [(&str, &[(&str, bool)]); 6] = [
            ("", &[]),
            ("https://example.org/a", &[("https://example.org/a", true)]),
            (
                "https://example.org/a\n  http://example.org/b\thttps://example.org/c",
                &[
                    ("https://example.org/a", true),
                    ("http://example.org/b", true),
                    ("https://example.org/c", true),
                ],
            ),
            ("see HTTPS://example.org/a for more", &[("HTTPS://example.org/a", true)]),
            ("example.org/a", &[("example.org/a", false)]),
            (
                "ftp://example.org/a https://x.org/b",
                &[("ftp://example.org/a", false), ("https://x.org/b", true)],
            ),
        ];
        for (text, expected) in table {
            let lines = read(text, &Snapshot::default());
            let found: Vec<_> = lines.iter().map(|l| (l.text.as_str(), l.wrong.is_none())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_same_address_is_taken_once() {
        let lines = read("https://example.org/a https://EXAMPLE.org/a#part", &Snapshot::default());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].note, Some("entered twice, fetched once"));
    }

    #[test]
    fn only_web_addresses_open_the_dialog() {
        assert!(has_address("look: https://example.org"));
        for text in ["", "hello", "ftp://example.org", "/home/me/file"] {
            assert!(!has_address(text), "{text}");
        }
    }
}
