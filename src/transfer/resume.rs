//! Whether what a server sends may be put behind what is on disk: proof, not hope (RFC 9110 sections 13.1.5,
//! 14.2 and 15.3.7). Pure: the head of an answer goes in, a verdict comes out.

use std::time::Duration;

use super::http::Part;
use crate::job::{Fault, FaultKind, Validator};

/// The head of an answer, as far as it matters here.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_length: Option<u64>,
    pub(super) content_range: Option<String>,
    pub(super) is_multipart: bool,
    pub(super) accepts_ranges: bool,
    pub(super) validator: Validator,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The body continues what is on disk.
    Continue {
        /// The size of the whole file.
        total_bytes: u64,
        /// How many bytes the body must have.
        body_bytes: u64,
    },
    /// The body is the file from its start; whatever is on disk is of another version or unproven.
    FromStart {
        /// The size of the file, if said.
        total_bytes: Option<u64>,
        /// How many bytes the body must have, if known.
        body_bytes: Option<u64>,
        /// Whether the server knows ranges.
        resumable: bool,
    },
    /// What is on disk is all there is.
    AlreadyWhole,
    /// The answer proves nothing: ask for the whole file, without ranges.
    AskWhole(&'static str),
    /// Give up for now.
    Fault(Fault),
}

/// The value for `If-Range` that proves the file is still the same; `None` where the server has given none.
pub(super) fn proof(validator: &Validator) -> Option<String> {
    if let Some(etag) = validator.etag.as_ref().filter(|etag| etag.starts_with('"')) {
        return Some(etag.clone());
    }
    // A date is a strong validator only if the answer was made after the second in which the file was last
    // changed had passed (RFC 9110 section 8.8.2.2).
    let modified = httpdate::parse_http_date(validator.last_modified.as_ref()?).ok()?;
    let answered = httpdate::parse_http_date(validator.date.as_ref()?).ok()?;
    let apart = answered.duration_since(modified).ok()?;
    (apart >= Duration::from_secs(1)).then(|| validator.last_modified.clone())?
}

/// What to do with the answer to a request for `part` of a file known to have `known_total` bytes and that
/// validator.
pub(super) fn verdict(part: &Part, known_total: Option<u64>, known: &Validator, head: &Head) -> Verdict {
    match (head.status, part) {
        (200 | 203, _) => Verdict::FromStart {
            total_bytes: head.content_length,
            body_bytes: head.content_length,
            resumable: head.accepts_ranges,
        },
        (206, Part::Whole) => Verdict::Fault(Fault::new(
            FaultKind::Nonsense,
            "a part was sent although the whole file was asked for",
        )),
        (206, Part::FromStart) => match range_of(head, 0) {
            Ok((total, body_bytes)) => {
                Verdict::FromStart { total_bytes: Some(total), body_bytes: Some(body_bytes), resumable: true }
            }
            Err(why) => Verdict::AskWhole(why),
        },
        (206, Part::From { byte, .. }) => match range_of(head, *byte) {
            Ok((total, _)) if known_total.is_some_and(|known| known != total) => {
                Verdict::AskWhole("the size on the server has changed")
            }
            Ok(_) if is_another(known.etag.as_deref(), head.validator.etag.as_deref()) => {
                Verdict::AskWhole("the version on the server has changed")
            }
            Ok((total_bytes, body_bytes)) => Verdict::Continue { total_bytes, body_bytes },
            Err(why) => Verdict::AskWhole(why),
        },
        (416, Part::From { byte, .. }) if size_said(head) == Some(*byte) && known_total == Some(*byte) => {
            Verdict::AlreadyWhole
        }
        // Also the answer for an empty file, which has no first byte to start a range at.
        (416, Part::From { .. } | Part::FromStart) => {
            Verdict::AskWhole("the server does not have that range")
        }
        (204 | 205, _) => Verdict::Fault(Fault::new(FaultKind::Nonsense, format!("status {}", head.status))),
        (status, _) => Verdict::Fault(Fault::new(FaultKind::Status(status), "")),
    }
}

/// Whether both are said and differ.
fn is_another(known: Option<&str>, said: Option<&str>) -> bool {
    matches!((known, said), (Some(known), Some(said)) if known != said)
}

/// The size of the file and of the body, if the head is that of one range from `first` on.
fn range_of(head: &Head, first: u64) -> Result<(u64, u64), &'static str> {
    if head.is_multipart {
        return Err("several ranges were sent although one was asked for");
    }
    let (said_first, last, total) = head
        .content_range
        .as_deref()
        .and_then(parse_content_range)
        .ok_or("the range it sent is not described")?;
    let body_bytes = last - said_first + 1;
    if said_first != first {
        Err("the range it sent starts elsewhere")
    } else if head.content_length.is_some_and(|length| length != body_bytes) {
        Err("the range it sent has another length than it says")
    } else {
        Ok((total, body_bytes))
    }
}

/// Reads `bytes FIRST-LAST/TOTAL` (RFC 9110 section 14.4); `None` for anything that contradicts itself, and for
/// a total of `*`, which proves nothing.
fn parse_content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |digits: &str| {
        // `parse` would take a plus sign.
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let (first, last, total) = (number(first)?, number(last)?, number(total)?);
    (unit.eq_ignore_ascii_case("bytes") && first <= last && last < total).then_some((first, last, total))
}

/// The size in `bytes */TOTAL`, as a 416 says it.
fn size_said(head: &Head) -> Option<u64> {
    head.content_range.as_deref()?.trim().strip_prefix("bytes */")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known() -> Validator {
        Validator { etag: Some("\"v1\"".into()), ..Validator::default() }
    }

    fn from(byte: u64) -> Part {
        Part::From { byte, proof: "\"v1\"".into() }
    }

    fn head(status: u16, range: &str, length: u64) -> Head {
        Head {
            status,
            content_length: Some(length),
            content_range: (!range.is_empty()).then(|| range.to_owned()),
            ..Head::default()
        }
    }

    #[test]
    fn a_broken_download_goes_on_only_with_proof() {
        let verdict = |head: &Head| verdict(&from(100), Some(1000), &known(), head);
        assert_eq!(
            verdict(&head(206, "bytes 100-999/1000", 900)),
            Verdict::Continue { total_bytes: 1000, body_bytes: 900 }
        );
        assert_eq!(
            verdict(&head(206, "bytes 100-199/1000", 100)),
            Verdict::Continue { total_bytes: 1000, body_bytes: 100 }
        );
        assert_eq!(
            verdict(&head(416, "bytes */100", 0)),
            Verdict::AskWhole("the server does not have that range")
        );
        let lies = [
            head(206, "", 900),
            head(206, "bytes 0-999/1000", 1000),
            head(206, "bytes 101-999/1000", 899),
            head(206, "bytes 100-999/1001", 900),
            head(206, "bytes 100-999/*", 900),
            head(206, "bytes 100-999/1000", 800),
            head(206, "bytes 999-100/1000", 900),
            head(206, "bytes 100-1000/1000", 901),
            head(206, "lines 100-999/1000", 900),
            head(206, "bytes +100-999/1000", 900),
            Head { is_multipart: true, ..head(206, "bytes 100-999/1000", 900) },
            Head {
                validator: Validator { etag: Some("\"v2\"".into()), ..Validator::default() },
                ..head(206, "bytes 100-999/1000", 900)
            },
        ];
        for lie in lies {
            assert!(matches!(verdict(&lie), Verdict::AskWhole(_)), "{lie:?}");
        }
        assert!(matches!(verdict(&head(200, "", 1000)), Verdict::FromStart { total_bytes: Some(1000), .. }));
        assert!(matches!(verdict(&head(204, "", 0)), Verdict::Fault(_)));
        assert!(matches!(verdict(&head(404, "", 0)), Verdict::Fault(_)));
    }

    #[test]
    fn nothing_left_to_ask_for_is_whole() {
        let verdict = |byte, range| verdict(&from(byte), Some(1000), &known(), &head(416, range, 0));
        assert_eq!(verdict(1000, "bytes */1000"), Verdict::AlreadyWhole);
        assert!(matches!(verdict(1000, "bytes */999"), Verdict::AskWhole(_)));
        assert!(matches!(verdict(1000, ""), Verdict::AskWhole(_)));
    }

    #[test]
    fn the_first_answer_tells_size_and_ranges() {
        let verdict = |head: &Head| verdict(&Part::FromStart, None, &Validator::default(), head);
        assert_eq!(
            verdict(&head(206, "bytes 0-999/1000", 1000)),
            Verdict::FromStart { total_bytes: Some(1000), body_bytes: Some(1000), resumable: true }
        );
        assert!(matches!(verdict(&head(200, "", 1000)), Verdict::FromStart { resumable: false, .. }));
        assert!(matches!(verdict(&head(416, "bytes */0", 0)), Verdict::AskWhole(_)));
        assert!(matches!(verdict(&head(206, "bytes 5-999/1000", 995)), Verdict::AskWhole(_)));
    }

    #[test]
    fn only_strong_validators_prove_anything() {
        let with = |etag: Option<&str>, modified: Option<&str>, date: Option<&str>| {
            proof(&Validator {
                etag: etag.map(Into::into),
                last_modified: modified.map(Into::into),
                date: date.map(Into::into),
                digest: None,
            })
        };
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(with(Some("\"a\""), None, None), Some("\"a\"".into()));
        assert_eq!(with(Some("W/\"a\""), None, None), None);
        assert_eq!(with(Some("W/\"a\""), Some(early), Some(late)), Some(early.into()));
        assert_eq!(with(None, Some(early), Some(early)), None);
        assert_eq!(with(None, Some(late), Some(early)), None);
        assert_eq!(with(None, Some(early), None), None);
        assert_eq!(with(None, Some("yesterday"), Some(late)), None);
    }

    proptest! {
        #[test]
        fn no_content_range_is_a_panic(text in ".*") {
            parse_content_range(&text);
            parse_content_range(&format!("bytes {text}"));
        }
    }
}
