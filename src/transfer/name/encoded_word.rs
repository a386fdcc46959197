//! Encoded-words of mail (RFC 2047) in a file name. They have no business in HTTP, but servers that were written for
//! mail as well send them, and browsers read them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::charset::labelled_text;

/// The text of a value with encoded-words in it; `None` if there is none in it, or one that cannot be read.
pub(super) fn decoded(value: &[u8]) -> Option<String> {
    let (start, mut rest) = until(value, b"=?")?;
    let mut text = str::from_utf8(start).ok()?.to_owned();
    loop {
        let (word, behind) = first_word(rest)?;
        text.push_str(&word);
        let Some((between, next)) = until(behind, b"=?") else {
            text.push_str(str::from_utf8(behind).ok()?);
            return Some(text);
        };
        // Blanks between two words are only there to keep them apart (section 6.2).
        if !between.trim_ascii().is_empty() {
            text.push_str(str::from_utf8(between).ok()?);
        }
        rest = next;
    }
}

/// The text of a word from behind its `=?`, and what follows its `?=`.
fn first_word(text: &[u8]) -> Option<(String, &[u8])> {
    let (charset, rest) = until(text, b"?")?;
    let (encoding, rest) = until(rest, b"?")?;
    let (encoded, behind) = until(rest, b"?=")?;
    let bytes = match encoding {
        b"B" | b"b" => {
            let digits = encoded.trim_ascii_end();
            let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
            BASE64_STANDARD_NO_PAD.decode(&digits[..digits.len() - padding]).ok()?
        }
        b"Q" | b"q" => unquoted(encoded)?,
        _ => return None,
    };
    // RFC 2231 section 5 lets a language follow the charset.
    let label = charset.split(|byte| *byte == b'*').next()?;
    Some((labelled_text(label, &bytes)?, behind))
}

/// Undoes the `Q` encoding (section 4.2).
fn unquoted(encoded: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::new();
    let mut encoded = encoded.iter();
    while let Some(byte) = encoded.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => u8::try_from(digit(encoded.next()?)? << 4 | digit(encoded.next()?)?).ok()?,
            other => *other,
        });
    }
    Some(bytes)
}

/// What stands before the first place of a mark, and what behind it.
fn until<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_text() {
        for (value, text) in [
            ("=?utf-8?B?w6QudHh0?=", Some("ä.txt")),
            ("=?UTF-8?b?4oKs?=", Some("€")),
            ("=?UTF-8?B?4oKs4oKsLg?=", Some("€€.")),
            ("=?iso-8859-1?Q?f=FCr_dich.txt?=", Some("für dich.txt")),
            ("=?Shift_JIS?Q?=8E=91=97=BF?=.pdf", Some("資料.pdf")),
            ("=?us-ascii*en-us?q?a=3Fb?=", Some("a?b")),
            ("=?utf-8?Q?a?= =?utf-8?Q?b?=", Some("ab")),
            ("x =?utf-8?Q?a?= y =?utf-8?Q?b?= z", Some("x a y b z")),
            ("=?utf-8?Q??=", Some("")),
            ("plain.txt", None),
            ("a=?b", None),
            ("=?utf-8?Q?open", None),
            ("=?utf-8?X?a?=", None),
            ("=?klingon?Q?a?=", None),
            ("=?utf-8?Q?=E4?=", None),
            ("=?utf-8?Q?=4?=", None),
            ("=?utf-8?B?*?=", None),
        ] {
            assert_eq!(decoded(value.as_bytes()).as_deref(), text, "{value}");
        }
    }
}
