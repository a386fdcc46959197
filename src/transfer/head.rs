//! The head of an answer, as far as the proof needs it.

use reqwest::Response;
use reqwest::header::{self, HeaderMap, HeaderName};

use super::digest::of_whole;
use super::resume::parse_content_range;
use crate::job::Validator;

/// What an answer says of the file and of the part that it brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_length: Option<u64>,
    pub(super) content_range: Option<String>,
    pub(super) is_multipart: bool,
    /// Whether the body is coded, as by gzip, and so is not the file itself.
    pub(super) is_encoded: bool,
    pub(super) accepts_ranges: bool,
    pub(super) validator: Validator,
}

impl Head {
    /// Reads it.
    pub(super) fn of(answer: &Response) -> Self {
        let headers = answer.headers();
        let status = answer.status().as_u16();
        let content_range = only(headers, header::CONTENT_RANGE);
        let is_all = |range: &str| {
            parse_content_range(range).is_some_and(|(first, last, total)| first == 0 && last + 1 == total)
        };
        let is_whole = status != 206 || content_range.as_deref().is_some_and(is_all);
        Self {
            status,
            content_length: answer.content_length(),
            content_range,
            is_multipart: status == 206
                && text(headers, header::CONTENT_TYPE)
                    .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/byteranges")),
            is_encoded: is_coded(headers, header::CONTENT_ENCODING, &["identity"])
                || is_coded(headers, header::TRANSFER_ENCODING, &["chunked", "identity"]),
            accepts_ranges: text(headers, header::ACCEPT_RANGES)
                .is_some_and(|unit| unit.eq_ignore_ascii_case("bytes")),
            validator: Validator {
                etag: only(headers, header::ETAG),
                last_modified: only(headers, header::LAST_MODIFIED),
                date: only(headers, header::DATE),
                digest: of_whole(headers, is_whole).map(Box::new),
            },
        }
    }
}

/// Whether the lines of a header name any coding but those.
fn is_coded(headers: &HeaderMap, name: HeaderName, plain: &[&str]) -> bool {
    let is_plain =
        |coding: &str| coding.is_empty() || plain.iter().any(|plain| coding.eq_ignore_ascii_case(plain));
    headers.get_all(name).iter().any(|line| match line.to_str() {
        Ok(codings) => !codings.split(',').all(|coding| is_plain(coding.trim())),
        Err(_) => true,
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.trim().to_owned())
}

/// The value of a header that may be there once; several that say different things say nothing.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    all.all(|other| other == first).then(|| first.to_str().ok().map(|text| text.trim().to_owned()))?
}
