//! Whether and where a redirect leads (RFC 9110 section 15.4).

use std::fmt::Write as _;

use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use crate::job::{Fault, FaultKind};

/// Where an answer sends us; `None` where it is the answer itself.
///
/// # Errors
/// It leads where nobody should follow: to another scheme than http and https; from https to http, unless that is
/// allowed; to two places at once.
pub(super) fn next_address(
    from: &Url,
    status: u16,
    headers: &HeaderMap,
    insecure_is_fine: bool,
) -> Result<Option<Url>, Fault> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = headers.get_all(LOCATION).iter();
    let Some(location) = locations.next() else { return Ok(None) };
    if locations.any(|other| other != location) {
        return Err(Fault::new(FaultKind::Nonsense, "it redirects to two places at once"));
    }
    // Where it is no address, the answer stands for itself.
    let Ok(mut to) = from.join(&in_ascii(location.as_bytes())) else { return Ok(None) };
    match to.scheme() {
        "https" => {}
        "http" if from.scheme() == "http" || insecure_is_fine => {}
        "http" => return Err(Fault::new(FaultKind::InsecureRedirect, host(&to))),
        scheme => {
            let detail = format!("the server redirects to “{}:”", scheme.escape_debug());
            return Err(Fault::new(FaultKind::UnknownScheme, detail));
        }
    }
    // A login there is the server's word, not the user's.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    to.set_fragment(None);
    Ok(Some(to))
}

/// What is not ASCII percent-encoded, as it should have been.
fn in_ascii(location: &[u8]) -> String {
    let mut text = String::with_capacity(location.len());
    for byte in location {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn host(url: &Url) -> String {
    format!("to {}", url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn next(
        from: &str,
        status: u16,
        locations: &[&[u8]],
        allowed: bool,
    ) -> Result<Option<String>, FaultKind> {
        let mut headers = HeaderMap::new();
        for location in locations {
            headers.append(LOCATION, HeaderValue::from_bytes(location).unwrap());
        }
        next_address(&Url::parse(from).unwrap(), status, &headers, allowed)
            .map(|to| to.map(String::from))
            .map_err(|fault| fault.kind)
    }

    #[test]
    fn redirects_lead_where_they_say() {
        let table: [(&str, &[u8], &str); 12] = [
            ("http://a.org/x/y?z", b"http://b.org/f", "http://b.org/f"),
            ("http://a.org/x/y?z", b"/f?q=1", "http://a.org/f?q=1"),
            ("http://a.org/x/y?z", b"f", "http://a.org/x/f"),
            ("http://a.org/x/y?z", b"../f", "http://a.org/f"),
            ("http://a.org/x/y?z", b"?q", "http://a.org/x/y?q"),
            ("https://a.org/x", b"//b.org/f", "https://b.org/f"),
            ("http://a.org/x", b"https://a.org/f#part", "https://a.org/f"),
            ("http://a.org/x", b"http://me:hunter2@b.org/f", "http://b.org/f"),
            ("http://a.org/x", b"", "http://a.org/x"),
            ("http://a.org/x", "/\u{e4} b".as_bytes(), "http://a.org/%C3%A4%20b"),
            ("http://a.org/x", b"/\xe4", "http://a.org/%E4"),
            ("http://a.org/x", "http://b\u{fc}cher.example/".as_bytes(), "http://xn--bcher-kva.example/"),
        ];
        for (from, location, to) in table {
            for status in [301, 302, 303, 307, 308] {
                assert_eq!(next(from, status, &[location], false), Ok(Some(to.into())), "{to}");
            }
        }
        for status in [200, 206, 300, 304, 305, 306, 404] {
            assert_eq!(next("http://a.org/", status, &[b"/f"], false), Ok(None), "{status}");
        }
    }

    #[test]
    fn some_places_are_not_gone_to() {
        for garbage in [&b"http://"[..], b"http://[::bad/", b"http://a b/"] {
            assert_eq!(next("http://a.org/", 302, &[garbage], false), Ok(None));
        }
        assert_eq!(next("http://a.org/", 302, &[], false), Ok(None));
        for strange in [&b"ftp://a.org/f"[..], b"file:///etc/passwd", b"javascript:alert(1)", b"data:,x"] {
            assert_eq!(next("http://a.org/", 302, &[strange], true), Err(FaultKind::UnknownScheme));
        }
        assert_eq!(next("https://a.org/", 302, &[b"http://a.org/"], false), Err(FaultKind::InsecureRedirect));
        assert_eq!(next("https://a.org/", 302, &[b"http://a.org/"], true), Ok(Some("http://a.org/".into())));
        assert_eq!(next("http://a.org/", 302, &[b"/1", b"/2"], false), Err(FaultKind::Nonsense));
        assert_eq!(next("http://a.org/", 302, &[b"/1", b"/1"], false), Ok(Some("http://a.org/1".into())));
    }
}
