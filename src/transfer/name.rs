//! The names files get: from the user, else Content-Disposition (RFC 6266), else the address; never a path,
//! a control character or a hidden file by surprise. Pure.

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderMap;
use url::Url;

use crate::job::split_extension;

/// The longest name in bytes that leaves room for ` (999)` and `.part` within Linux's 255.
const MOST_BYTES: usize = 240;

/// The name a file should have, before it is known whether it is free.
pub(super) fn wanted_name(asked: Option<&str>, headers: &HeaderMap, url: &Url) -> String {
    if let Some(asked) = asked {
        return asked.to_owned();
    }
    let from_header = headers
        .get(reqwest::header::CONTENT_DISPOSITION)
        .and_then(|value| disposition_name(&String::from_utf8_lossy(value.as_bytes())));
    let from_url = || {
        let last = url.path_segments()?.rfind(|part| !part.is_empty())?;
        Some(percent_decode_str(last).decode_utf8_lossy().into_owned())
    };
    from_header
        .map(|name| safe(&name))
        .filter(|name| !name.is_empty())
        .or_else(|| from_url().map(|name| safe(&name)).filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "download".to_owned())
}

/// The name with ` (number)` before its extension; for 1 the name itself.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    format!("{stem} ({number}){extension}")
}

/// The last part of a path, without what a file name must not hold, cut to a length that fits.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim().trim_start_matches('.').trim_start();
    let (stem, extension) = split_extension(clean);
    let (stem, extension) = if extension.len() > 20 { (clean, "") } else { (stem, extension) };
    let mut end = stem.len().min(MOST_BYTES - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end])
}

/// The `filename*` (RFC 8187) or else the `filename` of a Content-Disposition header.
fn disposition_name(header: &str) -> Option<String> {
    let parameters = parameters(header);
    let value = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    value("filename*").and_then(|value| extended(value)).or_else(|| value("filename").cloned())
}

/// Decodes `charset'language'percent-encoded`.
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decode_str(text);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => bytes.decode_utf8().ok().map(Into::into),
        "iso-8859-1" => Some(bytes.map(char::from).collect()),
        _ => None,
    }
}

/// The parameters behind the disposition type, names in lower case, quoted strings unquoted.
fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, tail) = after.strip_prefix('"').map_or_else(|| token(after), unquote);
        found.push((name.trim_matches([' ', ';', '\t']).to_ascii_lowercase(), value));
        rest = tail;
    }
    found
}

/// An unquoted value, and what follows it.
fn token(text: &str) -> (String, &str) {
    let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    (value.trim().to_owned(), rest)
}

/// A quoted string from behind its opening quote, and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(disposition: &str, url: &str) -> String {
        let mut headers = HeaderMap::new();
        if !disposition.is_empty() {
            headers.insert("content-disposition", disposition.parse().unwrap());
        }
        wanted_name(None, &headers, &url.parse().unwrap())
    }

    #[test]
    fn names_come_from_the_header_then_the_address() {
        let table = [
            ("attachment; filename=\"a b.txt\"", "http://o/x", "a b.txt"),
            ("attachment; filename=plain.txt; size=3", "http://o/x", "plain.txt"),
            ("attachment; filename=\"e.txt\"; filename*=UTF-8''%e2%82%ac.txt", "http://o/x", "€.txt"),
            ("attachment; filename*=iso-8859-1'en'%A3.txt", "http://o/x", "£.txt"),
            ("attachment; filename*=klingon''x; filename=y", "http://o/x", "y"),
            ("attachment; filename=\"a \\\"q\\\".txt\"", "http://o/x", "a \"q\".txt"),
            ("attachment; filename=\"../../etc/passwd\"", "http://o/x", "passwd"),
            ("attachment; filename=\"C:\\\\x\\\\evil.exe\"", "http://o/x", "evil.exe"),
            ("attachment; filename=\".bashrc\"", "http://o/x", "bashrc"),
            ("attachment; filename=\"..\"", "http://o/x.bin", "x.bin"),
            ("attachment", "http://o/path/f%20g.iso?k=v", "f g.iso"),
            ("", "http://o/dir/", "dir"),
            ("", "http://o/", "download"),
            ("", "http://o/%2e%2e%2fetc%2fpasswd", "passwd"),
        ];
        for (header, url, name) in table {
            assert_eq!(named(header, url), name, "{header} {url}");
        }
    }

    #[test]
    fn numbers_go_before_the_extension() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered("a.tar.gz", 3), "a (3).tar.gz");
        assert_eq!(numbered("README", 2), "README (2)");
        assert_eq!(numbered(".profile", 2), ".profile (2)");
    }

    proptest! {
        #[test]
        fn no_name_can_do_harm(name in "\\PC*", url in "[a-z/%0-9.]*") {
            let header = format!("attachment; filename=\"{name}\"");
            let mut headers = HeaderMap::new();
            if let Ok(value) = header.parse() {
                headers.insert("content-disposition", value);
            }
            let name = wanted_name(None, &headers, &format!("http://o/{url}").parse().unwrap());
            prop_assert!(!name.is_empty() && name.len() <= MOST_BYTES && !name.starts_with('.'));
            prop_assert!(!name.contains(['/', '\\', '\0']) && !name.chars().any(char::is_control));
        }
    }
}
