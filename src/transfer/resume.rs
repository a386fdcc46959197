//! Whether what a server sends may be put beside what is on disk: proof, not hope (RFC 9110 sections 13.1.5,
//! 14.2 and 15.3.7). Pure: the head of an answer goes in, a verdict comes out.
//!
//! | what is known of the file | how the rest is asked for | what is believed |
//! |---|---|---|
//! | strong ETag, or a date that is strong | range with `If-Range`; the first time in a run from a little before what is missing | 206 of that range and size that does not say another validator, and the same bytes where it overlaps |
//! | weak ETag or weak date | range without condition, from a little before what is missing | 206 of that range and size, the same validators, and the same bytes where it overlaps |
//! | nothing | the same, and the beginning of the file as well | 206 of that range and size, and the same bytes in both places |
//! | it comes from another address | as where nothing is known | as there; the sizes are equal, and ETag, date or checksum prove more than that |
//!
//! A strong validator is not believed alone, because servers that remember for a while what a file was like send the new
//! one under the validator of the old.

use std::fmt::Write as _;
use std::time::Duration;

use super::head::Head;
use super::http::Part;
use crate::job::{Fault, FaultKind, Validator, bytes_in_words};

/// What is known of a file before an answer comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) total_bytes: Option<u64>,
    /// How much of it is there, as far as nothing is missing before.
    pub(super) there_bytes: u64,
    pub(super) validator: &'a Validator,
    /// Whether the answer comes from another address than what is there.
    pub(super) is_elsewhere: bool,
    /// Whether a checksum will tell in the end whether it was the same file.
    pub(super) has_checksum: bool,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The body continues what is on disk, if it proves to be the same where it overlaps.
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
    /// It is another file or version; says how it differs.
    Another(String),
    /// The answer proves nothing: ask for the whole file, without ranges.
    AskWhole(&'static str),
    /// Give up for now.
    Fault(Fault),
}

/// The value for `If-Range` that proves the file is still the same; `None` where the server has given none.
pub(super) fn proof(validator: &Validator) -> Option<String> {
    if let Some(etag) = validator.etag.as_deref().filter(|etag| is_strong_etag(etag)) {
        return Some(etag.to_owned());
    }
    // A date is a strong validator only if the answer was made after the second in which the file was last
    // changed had passed (RFC 9110 section 8.8.2.2).
    let modified = httpdate::parse_http_date(validator.last_modified.as_ref()?).ok()?;
    let answered = httpdate::parse_http_date(validator.date.as_ref()?).ok()?;
    let apart = answered.duration_since(modified).ok()?;
    (apart >= Duration::from_secs(1)).then(|| validator.last_modified.clone())?
}

/// Whether it is a strong entity tag as RFC 9110 section 8.8.3 has it, and so can be sent back.
fn is_strong_etag(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"'));
    inner.is_some_and(|inner| {
        inner.bytes().all(|byte| byte == 0x21 || (0x23..0x7f).contains(&byte) || byte >= 0x80)
    })
}

/// Whether nothing the server says tells one version of the file from another.
pub(super) const fn says_nothing(validator: &Validator) -> bool {
    validator.etag.is_none() && validator.last_modified.is_none()
}

/// What to do with the answer to a request for `part`.
pub(super) fn verdict(part: &Part, known: Known<'_>, head: &Head) -> Verdict {
    match (head.status, part) {
        // Whatever is compressed on the way is not the file, and its ranges are not the file's.
        (200 | 203 | 206, Part::Whole) if head.is_encoded => {
            Verdict::Fault(Fault::new(FaultKind::Nonsense, "it is compressed though that was not asked for"))
        }
        (200 | 203 | 206, _) if head.is_encoded => {
            Verdict::AskWhole("the answer is compressed though that was not asked for")
        }
        (200 | 203, Part::Range { proof: None, .. }) if known.is_elsewhere => {
            Verdict::Another("the server there sends files only from their start".into())
        }
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
        (206, Part::Range { first, .. }) => match range_of(head, *first) {
            Ok((total, body_bytes)) => match difference(known, total, &head.validator) {
                Some(how) => Verdict::Another(how),
                None => Verdict::Continue { total_bytes: total, body_bytes },
            },
            Err(why) => Verdict::AskWhole(why),
        },
        (416, Part::Range { proof: Some(_), .. })
            if size_said(head) == Some(known.there_bytes)
                && known.total_bytes.is_none_or(|total| total == known.there_bytes) =>
        {
            Verdict::AlreadyWhole
        }
        (416, Part::Range { .. }) if known.is_elsewhere => match size_said(head) {
            Some(said) if known.total_bytes != Some(said) => {
                Verdict::Another(format!("it has {}", in_words(said, known.total_bytes)))
            }
            _ => Verdict::Another("the server there sends files only from their start".into()),
        },
        // Also the answer for an empty file, which has no first byte to start a range at.
        (416, Part::Range { .. } | Part::FromStart) => {
            Verdict::AskWhole("the server does not have that range")
        }
        // Some servers take `If-Range` for `If-Match`.
        (412, Part::Range { .. } | Part::FromStart) => Verdict::AskWhole("the server has another version"),
        (204 | 205, _) => Verdict::Fault(Fault::new(FaultKind::Nonsense, format!("status {}", head.status))),
        (status, _) => Verdict::Fault(Fault::new(FaultKind::Status(status), "")),
    }
}

/// How a version differs from the one that is known, if it does; nothing is said where one of the two says nothing.
fn difference(known: Known<'_>, total_bytes: u64, said: &Validator) -> Option<String> {
    if known.total_bytes.is_some_and(|known| known != total_bytes) {
        return Some(format!("it has {}", in_words(total_bytes, known.total_bytes)));
    }
    if let (Some(had), Some(has)) = (&known.validator.digest, &said.digest)
        && had.hash() == has.hash()
    {
        // Which is the whole file itself, in short: nothing says more.
        return (had != has).then(|| format!("its {} is another", has.hash().name()));
    }
    let pair = |had: &Option<String>, has: &Option<String>| Some((had.clone()?, has.clone()?));
    let etags = pair(&known.validator.etag, &said.etag);
    let dates = pair(&known.validator.last_modified, &said.last_modified);
    let same = |pair: &Option<(String, String)>| pair.as_ref().map(|(had, has)| had == has);
    match (same(&etags), same(&dates)) {
        (Some(true), _) => None,
        // Each server makes entity tags in its own way, so those of two prove nothing; dates do (bits.md 3.2).
        (Some(false) | None, Some(true)) if known.is_elsewhere => None,
        _ if known.is_elsewhere && known.has_checksum => None,
        (Some(false), _) => etags.map(|(had, has)| format!("its ETag was {had} and is {has}")),
        (None, Some(false)) => dates.map(|(had, has)| format!("it was last changed {has}, not {had}")),
        (None, Some(true)) => None,
        (None, None) if known.is_elsewhere => {
            Some("neither an ETag nor a date tells whether it is the same".into())
        }
        (None, None) => None,
    }
}

/// Says how the version an answer is of differs from the known one, for the log.
pub(super) fn change_in_words(known: Known<'_>, head: &Head) -> String {
    let total_bytes = head.content_length.filter(|_| head.status != 206).or(known.total_bytes);
    match difference(Known { is_elsewhere: false, ..known }, total_bytes.unwrap_or_default(), &head.validator)
    {
        Some(how) => format!("the file on the server has changed: {how}"),
        None => "the server sends it only from its start".into(),
    }
}

fn in_words(bytes: u64, known: Option<u64>) -> String {
    let mut words = bytes_in_words(bytes);
    if let Some(known) = known {
        let known = bytes_in_words(known);
        if known == words {
            // They differ by less than the words say.
            words = format!("{bytes} bytes");
        }
        // Writing to a string cannot fail.
        let _ = write!(words, " instead of {known}");
    }
    words
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
pub(super) fn parse_content_range(text: &str) -> Option<(u64, u64, u64)> {
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
mod tests;
