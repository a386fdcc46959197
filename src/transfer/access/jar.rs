//! The cookies of a job (RFC 6265), in memory only.

use std::time::{Duration, SystemTime};

use cookie_store::{CookieStore, RawCookie};
use reqwest::header::{HeaderMap, SET_COOKIE};
use url::{Host, Url};

use crate::job::NewCookie;

/// How many cookies a job keeps; a server that sets ever more must not use the memory up.
const MOST: usize = 500;

/// The longest cookie that is kept, in bytes, attributes included; RFC 6265 section 6.1 asks for 4096 at least.
const LONGEST_BYTES: usize = 8192;

/// The last second a date of HTTP can name, in seconds since 1970: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// The cookies of a job.
#[derive(Default)]
pub(super) struct Jar(CookieStore);

impl Jar {
    /// One with these in it.
    pub(super) fn with(cookies: &[NewCookie]) -> Self {
        let mut jar = Self::default();
        for cookie in cookies {
            jar.put(cookie);
        }
        jar
    }

    fn put(&mut self, cookie: &NewCookie) {
        let scheme = if cookie.secure { "https" } else { "http" };
        // One whose domain is no host is sent to none.
        let Ok(url) = Url::parse(&format!("{scheme}://{}/", cookie.domain)) else { return };
        let mut text = format!("{}={}; Path={}", cookie.name, cookie.value, cookie.path);
        if cookie.with_subdomains && matches!(url.host(), Some(Host::Domain(_))) {
            text.push_str("; Domain=");
            text.push_str(&cookie.domain);
        }
        if cookie.secure {
            text.push_str("; Secure");
        }
        if let Some(secs) = cookie.expires_unix_secs {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(secs.min(LAST_SECOND));
            text.push_str("; Expires=");
            text.push_str(&httpdate::fmt_http_date(at));
        }
        self.keep(&text, &url);
    }

    /// Takes in what an answer from that address sets.
    pub(super) fn take_in(&mut self, url: &Url, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            if let Ok(text) = std::str::from_utf8(value.as_bytes()) {
                self.keep(text, url);
            }
        }
    }

    fn keep(&mut self, text: &str, url: &Url) {
        if text.len() > LONGEST_BYTES || self.0.iter_any().count() >= MOST {
            return;
        }
        let Ok(cookie) = RawCookie::parse(text) else { return };
        // One for all of a top-level domain would be for servers that have nothing to do with each other. A server of
        // that very name may still have its own.
        let is_of_a_top = cookie.domain().is_some_and(|domain| !domain.trim_matches('.').contains('.'));
        if is_of_a_top && cookie.domain() != url.host_str() {
            return;
        }
        // What the rules do not allow is not kept, and that is all.
        let _ = self.0.insert_raw(&cookie, url);
    }

    /// The value of `Cookie` for an address; `None` where there is nothing to send. What the user gave comes first, and
    /// goes before what a server set under the same name.
    pub(super) fn header_for(&self, url: &Url, own: Option<&str>) -> Option<String> {
        let own_names: Vec<&str> = own
            .into_iter()
            .flat_map(|own| own.split(';'))
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name).trim())
            .collect();
        let mut kept = self.0.matches(url);
        kept.retain(|cookie| !own_names.contains(&cookie.name()));
        // RFC 6265 section 5.4: the longer path first; the name only so that the order is always the same.
        kept.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.name().to_owned()));
        let pairs = kept.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
        let all: Vec<String> = own.map(str::to_owned).into_iter().chain(pairs).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &mut Jar, from: &str, cookies: &[&str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie.parse().unwrap());
        }
        jar.take_in(&url(from), &headers);
    }

    #[test]
    fn cookies_go_where_the_standard_says() {
        // What one address sets, and what another is told then.
        let table = [
            ("http://a.org/", "s=1", "http://a.org/x", Some("s=1")),
            ("http://a.org/", "s=1", "http://www.a.org/", None),
            ("http://a.org/", "s=1", "https://a.org/", Some("s=1")),
            ("http://www.a.org/", "s=1; Domain=a.org", "http://b.a.org/", Some("s=1")),
            ("http://www.a.org/", "s=1; Domain=.a.org", "http://a.org/", Some("s=1")),
            ("http://a.org/", "s=1; Domain=b.org", "http://b.org/", None),
            ("http://a.org/", "s=1; Domain=www.a.org", "http://www.a.org/", None),
            ("http://a.org/", "s=1; Domain=org", "http://b.org/", None),
            ("http://localhost/", "s=1; Domain=localhost", "http://localhost/", Some("s=1")),
            ("http://a.org/x/y", "s=1", "http://a.org/x/z", Some("s=1")),
            ("http://a.org/x/y", "s=1", "http://a.org/", None),
            ("http://a.org/x/y", "s=1", "http://a.org/xx", None),
            ("http://a.org/x/y", "s=1; Path=/", "http://a.org/", Some("s=1")),
            ("https://a.org/", "s=1; Secure", "http://a.org/", None),
            ("https://a.org/", "s=1; Secure; HttpOnly", "https://a.org/", Some("s=1")),
            ("http://a.org/", "s=1; Max-Age=0", "http://a.org/", None),
            (
                "http://a.org/",
                "s=1; Max-Age=1000; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "http://a.org/",
                Some("s=1"),
            ),
            ("http://a.org/", "s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.org/", None),
            ("http://127.0.0.1:1/", "s=1", "http://127.0.0.1:2/", Some("s=1")),
            ("http://1.2.3.4/", "s=1; Domain=3.4", "http://9.9.3.4/", None),
            ("http://a.org/", "s=\"q\"; x", "http://a.org/", Some("s=\"q\"")),
            ("http://a.org/", "nonsense", "http://a.org/", None),
            ("http://a.org/", "", "http://a.org/", None),
        ];
        for (from, cookie, to, told) in table {
            let mut jar = Jar::default();
            set(&mut jar, from, &[cookie]);
            assert_eq!(jar.header_for(&url(to), None).as_deref(), told, "{cookie} of {from} for {to}");
        }
    }

    #[test]
    fn a_cookie_can_be_replaced_and_taken_back() {
        let mut jar = Jar::default();
        set(&mut jar, "http://a.org/", &["s=1", "t=1; Path=/x"]);
        set(&mut jar, "http://a.org/", &["s=2"]);
        assert_eq!(jar.header_for(&url("http://a.org/x/"), None).as_deref(), Some("t=1; s=2"));
        set(&mut jar, "http://a.org/", &["s=; Max-Age=0"]);
        assert_eq!(jar.header_for(&url("http://a.org/"), None), None);
    }

    #[test]
    fn what_the_user_gave_goes_first() {
        let mut jar = Jar::default();
        set(&mut jar, "http://a.org/", &["s=2", "t=3"]);
        let own = "s=1;  u=\"x y\"";
        assert_eq!(jar.header_for(&url("http://a.org/"), Some(own)), Some(format!("{own}; t=3")));
        assert_eq!(Jar::default().header_for(&url("http://a.org/"), Some(own)).as_deref(), Some(own));
    }

    #[test]
    fn those_of_a_file_are_sent_like_others() {
        let cookie = |domain: &str, with_subdomains, secure, expires_unix_secs| NewCookie {
            domain: domain.into(),
            with_subdomains,
            path: "/d".into(),
            secure,
            expires_unix_secs,
            name: "s".into(),
            value: "1".into(),
        };
        let table = [
            (cookie("a.org", false, false, None), "http://a.org/d/x", true),
            (cookie("a.org", false, false, None), "http://w.a.org/d/", false),
            (cookie("a.org", true, false, Some(u64::MAX)), "http://w.a.org/d/", true),
            (cookie("a.org", true, true, None), "http://w.a.org/d/", false),
            (cookie("a.org", true, true, None), "https://w.a.org/d/", true),
            (cookie("a.org", true, false, Some(1)), "http://a.org/d/", false),
            (cookie("a.org", true, false, None), "http://a.org/", false),
            (cookie("127.0.0.1", true, false, None), "http://127.0.0.1/d", true),
            (cookie("no host", true, false, None), "http://a.org/d", false),
        ];
        for (cookie, to, is_told) in table {
            let told = Jar::with(std::slice::from_ref(&cookie)).header_for(&url(to), None);
            assert_eq!(told.as_deref(), is_told.then_some("s=1"), "{cookie:?} {to}");
        }
    }

    #[test]
    fn a_flood_of_cookies_fills_no_memory() {
        let mut jar = Jar::default();
        for number in 0..2 * MOST {
            set(&mut jar, "http://a.org/", &[&format!("c{number}={}", "x".repeat(5000))]);
        }
        set(&mut jar, "http://b.org/", &[&format!("c={}", "x".repeat(LONGEST_BYTES))]);
        assert_eq!(jar.0.iter_any().count(), MOST);
    }
}
