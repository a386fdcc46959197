//! The parsers of this room for [`crate::fuzzed`].

#![expect(clippy::missing_panics_doc, reason = "to panic where something does not hold is what they are for")]

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_DISPOSITION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use url::Url;

pub use super::access::fuzzed::{cookies_file, netrc, set_cookie, www_authenticate};
use super::digest::of_whole;
use super::name::wanted_name;
use super::resume::parse_content_range;
use super::retry_after::retry_after as wait_asked_for;

/// A value of `Content-Disposition`, and behind a line break the address it comes from.
pub fn content_disposition(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (value, address) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    let address = String::from_utf8_lossy(address);
    let Ok(url) = Url::parse("http://example.org/").and_then(|base| base.join(&address)) else { return };
    let name = wanted_name(None, &headers, &url);
    assert!(!name.is_empty() && name.len() <= 240 && !name.starts_with('.'), "{name}");
    assert!(!name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')), "{name}");
}

/// A value of `Content-Range`.
pub fn content_range(data: &[u8]) {
    if let Some((first, last, total)) = parse_content_range(&String::from_utf8_lossy(data)) {
        assert!(first <= last && last < total);
        let text = format!("bytes {first}-{last}/{total}");
        assert_eq!(parse_content_range(&text), Some((first, last, total)));
    }
}

/// Values of `Retry-After`, a line each.
pub fn retry_after(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(100) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(RETRY_AFTER, value);
        }
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert!(wait_asked_for(&headers, now).is_none_or(|wait| wait <= Duration::from_hours(24)));
}

/// Lines of headers that may have sums in them.
pub fn digest_headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(100) {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let (with_body, without) = (of_whole(&headers, true), of_whole(&headers, false));
    // What is said of the body can make the sum a stronger one, or contradict.
    if let (Some(with_body), Some(without)) = (with_body, without) {
        assert!(without.hash() <= with_body.hash());
    }
}
