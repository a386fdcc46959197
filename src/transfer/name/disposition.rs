//! The file name in a Content-Disposition header (RFC 6266), and in what servers send instead of one.
//!
//! What the grammar forbids but leaves no doubt is read all the same, as the browsers do (RFC 6266 section 4 lets a
//! recipient repair): a token with blanks or brackets, a stray semicolon, no disposition type, a quote that is never
//! closed. Of parameters that are there twice the first counts.
//!
//! The continuations of RFC 2231 (`filename*0*=`) are none of HTTP's: RFC 8187 leaves them out and of the browsers
//! only Firefox puts such names together. Here they are parameters like any other unknown one.

use percent_encoding::percent_decode;

use super::charset::{labelled_text, text};
use super::encoded_word;

/// The name in the header as the server means it, not yet made safe: `filename*` (RFC 8187) if that can be read,
/// else `filename`. The disposition type does not matter, since everything is saved here. `tld` is the top-level
/// domain of the server, a hint for guessing charsets.
pub(super) fn file_name(header: &[u8], tld: Option<&str>) -> Option<String> {
    let parameters = parameters(header);
    let values = |wanted: &'static [u8]| {
        let named = parameters.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.as_slice())
    };
    let extended = values(b"filename*").filter_map(extended).find(|name| !name.is_empty());
    extended.or_else(|| values(b"filename").find(|value| !value.is_empty()).map(|value| plain(value, tld)))
}

/// Decodes `charset'language'percent-encoded` (RFC 8187 section 3.2). That it stands in quotes, which it must not,
/// does not keep browsers from reading it.
fn extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if !triplets(encoded).all(|triplet| triplet.is_some()) {
        return None;
    }
    labelled_text(charset, &percent_decode(encoded).collect::<Vec<_>>())
}

/// The text of a `filename`, which should be ASCII as it stands, but comes in many ways.
fn plain(value: &[u8], tld: Option<&str>) -> String {
    if let Some(text) = encoded_word::decoded(value) {
        return text;
    }
    if is_percent_encoded(value) {
        return text(&percent_decode(value).collect::<Vec<_>>(), tld);
    }
    text(value, tld)
}

/// Whether a name has gone through an encoder as they are made for addresses: one leaves no blanks and nothing that
/// is not ASCII, and it does not touch letters and digits. So `50%.html` and `a%41.html` are names as they stand.
fn is_percent_encoded(name: &[u8]) -> bool {
    let is_encoders_work = |triplet: Option<u8>| triplet.is_some_and(|byte| !byte.is_ascii_alphanumeric());
    name.contains(&b'%') && name.iter().all(u8::is_ascii_graphic) && triplets(name).all(is_encoders_work)
}

/// For each percent sign the byte that it and the two hexadecimal digits behind it stand for, if they are there.
fn triplets(encoded: &[u8]) -> impl Iterator<Item = Option<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    encoded.split(|byte| *byte == b'%').skip(1).map(move |behind| match behind {
        [high, low, ..] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    })
}

/// The parameters of a header: their names as they are, the values without quotes and escapes.
fn parameters(header: &[u8]) -> Vec<(&[u8], Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        // A quoted string where a name should be: what looks like a parameter in it is none.
        if let Some((_, behind)) = quoted_string(rest) {
            rest = behind;
        }
        let (name, behind) = split_at(rest, |byte| matches!(byte, b';' | b'='));
        rest = match behind {
            [b'=', behind @ ..] => {
                let (value, behind) = value(behind);
                found.push((name.trim_ascii(), value));
                behind
            }
            [_, behind @ ..] => behind,
            [] => behind,
        };
    }
    found
}

/// A value, and what follows the semicolon behind it.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (value, behind) = quoted_string(text).unwrap_or_else(|| {
        let (token, behind) = split_at(text, |byte| byte == b';');
        let token = token.trim_ascii();
        (token.strip_prefix(b"\"").unwrap_or(token).to_vec(), behind)
    });
    let (_, behind) = split_at(behind, |byte| byte == b';');
    (value, behind.get(1..).unwrap_or_default())
}

/// The content of the quoted string a text begins with (RFC 9110 section 5.6.4), and what follows it; `None` if there
/// is none or it does not end.
fn quoted_string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = text.trim_ascii_start().strip_prefix(b"\"")?;
    let mut content = Vec::new();
    let mut bytes = text.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((content, bytes.as_slice())),
            b'\\' => {
                let escaped = *bytes.next()?;
                // Shift_JIS, GBK and Big5 have letters whose second byte is the one of the backslash.
                if !content.last().unwrap_or(&0).is_ascii() && !matches!(escaped, b'"' | b'\\') {
                    content.push(b'\\');
                }
                content.push(escaped);
            }
            byte => content.push(*byte),
        }
    }
}

/// A text up to the first byte of a kind, and from there on.
fn split_at(text: &[u8], is_it: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| is_it(*byte)).unwrap_or(text.len()))
}
