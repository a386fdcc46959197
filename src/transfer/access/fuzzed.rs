//! The parsers of this room for [`crate::fuzzed`].

#![expect(clippy::missing_panics_doc, reason = "to panic where something does not hold is what they are for")]

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use url::Url;

use super::challenge;
use super::jar::Jar;
use super::netrc::Netrc;
use crate::job::read_cookies;

/// As many values of a header as there are lines that can be one.
fn values(name: &HeaderName, data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(100) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    headers
}

fn url(text: &str) -> Url {
    #[expect(clippy::expect_used, reason = "it is one of those below")]
    text.parse().expect("an address")
}

/// Values of `Set-Cookie`, a line each.
pub fn set_cookie(data: &[u8]) {
    let mut jar = Jar::default();
    jar.take_in(&url("https://www.example.org/a/b"), &values(&SET_COOKIE, data));
    for text in ["https://www.example.org/a/b", "http://www.example.org/", "https://example.org/a"] {
        if let Some(cookies) = jar.header_for(&url(text), None) {
            assert!(!cookies.contains(['\r', '\n', '\0']));
        }
    }
    assert!(jar.header_for(&url("https://www.example.net/a/b"), None).is_none());
}

/// A `cookies.txt`.
pub fn cookies_file(data: &[u8]) {
    if let Ok(cookies) = read_cookies(&String::from_utf8_lossy(data)) {
        let jar = Jar::with(&cookies);
        let is_for_it = cookies.iter().any(|cookie| cookie.domain.eq_ignore_ascii_case("a.example.org"));
        let is_for_all = cookies.iter().any(|cookie| cookie.with_subdomains);
        assert!(is_for_it || is_for_all || jar.header_for(&url("https://a.example.org/"), None).is_none());
    }
}

/// A `.netrc`.
pub fn netrc(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let netrc = Netrc::of(&text);
    assert!(
        netrc.login_for("example.org", false).is_none() || text.to_ascii_lowercase().contains("example.org")
    );
    assert!(netrc.login_for("example.org", true).is_none() || text.contains("login"));
}

/// Values of `WWW-Authenticate`, a line each.
pub fn www_authenticate(data: &[u8]) {
    for challenge in challenge::challenges(&values(&WWW_AUTHENTICATE, data)) {
        assert!(!challenge.scheme.is_empty());
    }
}
