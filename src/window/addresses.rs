//! What the user typed, pasted or dropped, read as addresses: a list of downloads, or any text with links in
//! it. Pure.

use std::collections::HashMap;

use url::Url;

use crate::engine::Snapshot;
use crate::job::{
    Brackets, List, ListEntry, MetalinkError, address, is_metalink, list_option, metalink_as_list, read_list,
};

/// One address out of the field, or one thing in it that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The address; as typed, where it is none.
    pub text: String,
    /// Why it cannot be downloaded; `None` where it looks well.
    pub wrong: Option<String>,
    /// Something to know about it.
    pub note: Option<&'static str>,
    /// What is to be downloaded, where it looks well.
    pub entry: ListEntry,
}

/// Already in the list of jobs.
pub(super) const IN_LIST: &str = "already in the list";

impl Line {
    fn good(entry: ListEntry) -> Self {
        let note = (entry.addresses.len() > 1).then_some("with mirrors");
        Self { text: entry.addresses.first().cloned().unwrap_or_default(), wrong: None, note, entry }
    }

    fn wrong(text: &str, sentence: String) -> Self {
        Self { text: text.to_owned(), wrong: Some(sentence), note: None, entry: ListEntry::default() }
    }
}

/// The addresses in `text`, each once.
pub(super) fn read(text: &str, snapshot: &Snapshot) -> Vec<Line> {
    let found = if is_list(text) { in_list(text) } else { in_prose(text) };
    let mut lines: Vec<Line> = Vec::with_capacity(found.len());
    let mut seen: HashMap<Url, usize> = HashMap::new();
    for line in found {
        if line.wrong.is_none()
            && let Ok((url, _)) = address(&line.text)
        {
            if let Some(first) = seen.get(&url) {
                lines[*first].note = Some("entered twice, fetched once");
                continue;
            }
            seen.insert(url, lines.len());
        }
        lines.push(line);
    }
    for file in snapshot.jobs.iter().flat_map(|view| view.job.files.iter()) {
        if let Some(index) = seen.get(&file.url) {
            lines[*index].note = Some(IN_LIST);
        }
    }
    lines
}

/// A text with the Metalink file in it turned into a list of what that has, so that it is seen before it is added;
/// `None` where there is none in it.
pub(super) fn with_metalink_read(text: &str) -> Option<Result<String, MetalinkError>> {
    const END: &str = "</metalink>";
    let (before, rest) = text.split_at(text.find("<?xml").or_else(|| text.find("<metalink"))?);
    let (xml, after) = rest.split_at(rest.rfind(END).map_or(rest.len(), |at| at + END.len()));
    is_metalink(xml).then(|| {
        let list = metalink_as_list(xml)?;
        let parts = [before.trim_end(), list.trim_end(), after.trim_start()];
        Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
    })
}

/// What to say of a Metalink file that cannot be read.
pub(super) fn about_metalink(error: MetalinkError) -> String {
    format!("This Metalink file cannot be read: {error}. You can fetch it again from where it came.")
}

/// A text that is to be one address, without patterns.
pub(super) fn one(text: &str) -> Line {
    match address(text) {
        Ok(_) => Line::good(ListEntry { addresses: vec![text.to_owned()], ..ListEntry::default() }),
        Err(fault) => Line::wrong(text, format!("{}: {}", fault.what(), fault.likely())),
    }
}

/// Whether a text is a list and nothing else, so that what stands beside an address is meant.
fn is_list(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.all(|line| match line.split_once(char::is_whitespace) {
        _ if list_option(line).is_some() => true,
        Some((first, rest)) => {
            has_scheme(first) && (rest.split_whitespace().all(has_scheme) || is_like_path(rest.trim()))
        }
        None => has_scheme(line),
    })
}

/// Whether what stands behind an address is rather the path to save it to than a word about it.
fn is_like_path(text: &str) -> bool {
    let is_file_name =
        |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).contains('.') && !text.ends_with('.');
    text.starts_with(['/', '"'])
        || text.starts_with("./")
        || !text.contains(char::is_whitespace) && is_file_name(text)
}

fn in_list(text: &str) -> Vec<Line> {
    // Without options it is no list of aria2's, and what stands side by side are several files.
    let has_options = text.lines().any(|line| list_option(line.trim()).is_some());
    let List { entries, complaints } = if has_options {
        read_list(text, Brackets::Patterns)
    } else {
        read_list(&text.replace('\t', " "), Brackets::Patterns)
    };
    let typed: Vec<&str> = text.lines().map(str::trim).collect();
    let wrong = complaints.into_iter().map(|complaint| {
        let text = typed.get(complaint.line.saturating_sub(1)).copied().unwrap_or_default();
        (complaint.line, Line::wrong(text, complaint.sentence))
    });
    let mut lines: Vec<_> =
        entries.into_iter().map(|entry| (entry.line, Line::good(entry))).chain(wrong).collect();
    lines.sort_by_key(|(line, _)| *line);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Words around the addresses are left out where there is an address.
fn in_prose(text: &str) -> Vec<Line> {
    let some_address = has_address(text);
    let mut lines = Vec::new();
    for part in text.split_whitespace() {
        // A sentence with links in it was pasted: the sentence is not meant.
        if some_address && !part.contains("://") && !part.contains('/') {
            continue;
        }
        let List { entries, complaints } = read_list(part, Brackets::Patterns);
        lines.extend(entries.into_iter().map(Line::good));
        lines.extend(complaints.into_iter().map(|complaint| Line::wrong(part, complaint.sentence)));
    }
    lines
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
    fn patterns_stand_for_several() {
        let lines = read("https://example.org/[1-3].jpg", &Snapshot::default());
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, [1, 2, 3].map(|number| format!("https://example.org/{number}.jpg")));
        let lines = read("look: https://example.org/{a,b} or https://example.org/[5-", &Snapshot::default());
        let wrong: Vec<_> = lines.iter().map(|line| line.wrong.is_some()).collect();
        assert_eq!(wrong, [false, false, true]);
    }

    #[test]
    fn a_list_says_more_than_addresses() {
        let text =
            "# mine\nhttps://a.org/1 /srv/one.iso\nhttps://a.org/2\thttps://b.org/2\n  out=two\n  split=5\n";
        let lines = read(text, &Snapshot::default());
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["https://a.org/1", "https://a.org/2", "split=5"]);
        assert_eq!(lines[0].entry.folder.as_deref(), Some(std::path::Path::new("/srv")));
        assert_eq!(lines[0].entry.file_name.as_deref(), Some("one.iso"));
        assert_eq!(lines[1].entry.file_name.as_deref(), Some("two"));
        assert_eq!(lines[1].note, Some("with mirrors"));
        assert_eq!(lines[2].wrong.as_deref(), Some("“split” is not known and was left out."));
    }

    #[test]
    fn a_metalink_file_becomes_a_list() {
        let xml = "<?xml version=\"1.0\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\
            <file name=\"d/f\"><url>https://a.org/[1-2]</url><url>https://b.org/f</url></file></metalink>\n";
        let list = "https://a.org/\\[1-2\\]\thttps://b.org/f\n dir=d\n out=f";
        let read_in = |text: &str| with_metalink_read(text).transpose();
        assert_eq!(read_in(xml), Ok(Some(list.to_owned())));
        let among_others = format!("https://c.org/g\n{xml}https://d.org/h");
        assert_eq!(read_in(&among_others), Ok(Some(format!("https://c.org/g\n{list}\nhttps://d.org/h"))));
        let lines = read(&format!("https://c.org/g\n{list}"), &Snapshot::default());
        assert_eq!(lines.iter().filter(|line| line.wrong.is_none()).count(), 2);
        assert_eq!(lines[1].entry.file_name.as_deref(), Some("f"));
        assert_eq!(lines[1].entry.addresses, ["https://a.org/[1-2]", "https://b.org/f"]);
        assert!(matches!(with_metalink_read(&xml[..xml.len() - 14]), Some(Err(MetalinkError::Damaged(2)))));
        for other in ["", "https://a.org", list, "<?xml version=\"1.0\"?><html></html>", "say <metalink"] {
            assert_eq!(with_metalink_read(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_is_meant_is_a_list() {
        for list in [
            "https://a.org/1",
            "https://a.org/1\n\n# x\nHTTP://a.org/2\r\n",
            "https://a.org/1 https://a.org/2",
            "https://a.org/1 f.zip",
            "https://a.org/1 \"my file\"",
            "https://a.org/1 /srv/my file",
            "https://a.org/1\n out=x y z",
        ] {
            assert!(is_list(list), "{list}");
        }
        for prose in [
            "https://a.org/1 is it",
            "https://a.org/1 there.",
            "https://a.org/1 e.g.",
            "https://a.org/1 (old)",
            "see\nhttps://a.org/1",
            "https://a.org/1\nfrom Ada",
        ] {
            assert!(!is_list(prose), "{prose}");
            assert_eq!(read(prose, &Snapshot::default()).len(), 1, "{prose}");
        }
    }

    #[test]
    fn only_web_addresses_open_the_dialog() {
        assert!(has_address("look: https://example.org"));
        for text in ["", "hello", "ftp://example.org", "/home/me/file"] {
            assert!(!has_address(text), "{text}");
        }
    }
}
