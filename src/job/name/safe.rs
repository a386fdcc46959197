//! What a name from a stranger may be as a file's.

use super::split_extension;

/// The longest name in bytes that leaves room for ` (999)`, `.bad` and `.part` within Linux's 255.
pub(crate) const MOST_SAFE_BYTES: usize = 240;

/// Characters that Linux takes but FAT and NTFS refuse, so that a file with them could be copied to no stick; they
/// are as unwelcome in a shell. Browsers replace them on every system too.
const REFUSED: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];

/// Keeps letters from being joined, or joins them. Persian and emoji need them within a name; at an end they are
/// only a way to make two names look the same.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// The last part of a path, made to a name that is no path, not hidden, takes no device, steers no terminal, looks
/// like what it is, and has at most [`MOST_SAFE_BYTES`]; `None` if nothing is left. A name that is all that already stays
/// as it is. Composed and decomposed letters stay as they came.
pub(crate) fn safe_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let seen = last.chars().filter(|c| !is_unseen(*c));
    let clean: String = seen.map(|c| if REFUSED.contains(&c) { '_' } else { c }).collect();
    let name = cut(clean.trim_matches(is_loose_end));
    if name.is_empty() {
        return None;
    }
    Some(if is_device(&name) { cut(&format!("_{name}")) } else { name })
}

/// A name of at most `most_bytes`: the stem gives way, cut between two characters, the extension stays.
pub(crate) fn fitted_name(stem: &str, extension: &str, most_bytes: usize) -> String {
    let end = stem.floor_char_boundary(most_bytes.saturating_sub(extension.len()));
    format!("{}{extension}", &stem[..end])
}

fn cut(name: &str) -> String {
    let (stem, extension) = split_extension(name);
    fitted_name(stem, extension, MOST_SAFE_BYTES).trim_end_matches(is_loose_end).to_owned()
}

/// What nobody sees: control characters, what turns the direction of a line around (so that `gpj.exe` reads
/// `exe.jpg`), ends of lines, and blanks without a width.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

/// What no name begins or ends with: a dot hides a file or is dropped by Windows, blanks are lost in what is copied.
fn is_loose_end(c: char) -> bool {
    c == '.' || c.is_whitespace() || JOINERS.contains(&c)
}

/// Whether Windows takes the name for a device, whatever its extension: the file may land on a disk that both use.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let is_port = |port: &str| {
        let number = stem.get(..3).filter(|start| start.eq_ignore_ascii_case(port)).map(|_| &stem[3..]);
        number.is_some_and(|number| {
            matches!(number.as_bytes(), [b'0'..=b'9']) || ["\u{b9}", "\u{b2}", "\u{b3}"].contains(&number)
        })
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].into_iter().any(is)
        || ["COM", "LPT"].into_iter().any(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe() {
        let table = [
            ("a.txt", Some("a.txt")),
            ("/a.txt", Some("a.txt")),
            ("../../a.txt", Some("a.txt")),
            ("C:\\x\\a.txt", Some("a.txt")),
            ("\\\\server\\share\\a.txt", Some("a.txt")),
            ("a/../..", None),
            ("a/", None),
            ("", None),
            (".", None),
            ("..", None),
            (" . . ", None),
            ("\u{200d}\u{feff}", None),
            // These only look like separators; to Linux they are letters.
            ("a\u{2044}b\u{2215}c\u{ff0f}d\u{ff3c}e", Some("a\u{2044}b\u{2215}c\u{ff0f}d\u{ff3c}e")),
            (".bashrc", Some("bashrc")),
            ("...a", Some("a")),
            ("\u{200b}.bashrc", Some("bashrc")),
            (" a.txt ", Some("a.txt")),
            ("a.txt. .", Some("a.txt")),
            ("a b.txt", Some("a b.txt")),
            ("a\u{a0}b\u{3000}", Some("a\u{a0}b")),
            ("a\r\nSet-Cookie: b", Some("aSet-Cookie_ b")),
            ("a\0b\u{1b}[31m\u{7f}\u{85}", Some("ab[31m")),
            ("ann\u{202e}gpj.exe", Some("anngpj.exe")),
            ("\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}.txt", Some("a.txt")),
            ("a\u{2028}b\u{2029}c\u{2060}d\u{feff}", Some("abcd")),
            ("می\u{200c}خواهم.txt", Some("می\u{200c}خواهم.txt")),
            ("👩\u{200d}👧.png", Some("👩\u{200d}👧.png")),
            ("a.exe\u{200d}", Some("a.exe")),
            ("Who? *Me* <1|2>: \"x\".txt", Some("Who_ _Me_ _1_2__ _x_.txt")),
            ("e\u{301}.txt", Some("e\u{301}.txt")),
            ("é.txt", Some("é.txt")),
            ("con", Some("_con")),
            ("NUL.txt", Some("_NUL.txt")),
            ("nul .tar.gz", Some("_nul .tar.gz")),
            ("Com1.log", Some("_Com1.log")),
            ("LPT\u{b9}", Some("_LPT\u{b9}")),
            ("CONIN$", Some("_CONIN$")),
            ("COM10", Some("COM10")),
            ("COMä", Some("COMä")),
            ("console.txt", Some("console.txt")),
            ("coé", Some("coé")),
            ("-rf", Some("-rf")),
            ("~", Some("~")),
        ];
        for (name, wanted) in table {
            assert_eq!(safe_name(name).as_deref(), wanted, "{name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = |stem: &str, times, extension: &str| format!("{}{extension}", stem.repeat(times));
        for (name, wanted) in [
            (long("a", 300, ".tar.gz"), long("a", 233, ".tar.gz")),
            (long("a", 240, ""), long("a", 240, "")),
            (long("a", 241, ""), long("a", 240, "")),
            (long("ä", 130, ".txt"), long("ä", 118, ".txt")),
            (long("€", 100, ".txt"), long("€", 78, ".txt")),
            (long("👩", 70, ".x"), long("👩", 59, ".x")),
            (long("a", 236, "  b.txt"), long("a", 236, ".txt")),
            (long("a", 238, " . more than that"), long("a", 238, "")),
            (long("a", 10, &long(".b", 150, "")), long("a", 10, &long(".b", 115, ""))),
            // A device only once it is cut.
            (format!("CON{}x.txt", " ".repeat(240)), format!("_CON{}.txt", " ".repeat(232))),
        ] {
            assert_eq!(safe_name(&name).as_ref(), Some(&wanted), "{name}");
        }
    }
}
