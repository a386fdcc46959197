//! Cookies the user brings along, and the file browsers' tools write them into (Netscape's `cookies.txt`).

use serde::{Deserialize, Serialize};

/// A cookie the user brings along.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCookie {
    /// The host it is for, without a dot before it.
    pub domain: String,
    /// Whether hosts below that one get it too.
    pub with_subdomains: bool,
    /// The path below which it is sent.
    pub path: String,
    /// Whether only https gets it.
    pub secure: bool,
    /// When it ends, in seconds since 1970; `None`: with the session it came from.
    pub expires_unix_secs: Option<u64>,
    /// Its name; may be empty.
    pub name: String,
    /// Its value, a secret.
    pub value: String,
}

impl std::fmt::Debug for NewCookie {
    /// Without its value: this may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewCookie({} for {}{})", self.name.escape_debug(), self.domain, self.path)
    }
}

/// Why a text is no list of cookies. The line itself is not repeated: it has secrets in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookiesError {
    /// A line has not the seven fields, or nonsense in one of them.
    #[error(
        "line {0} is no cookie: it should have seven fields with tabs between them, as in the file cookies.txt that \
         curl and browsers' extensions write"
    )]
    Line(usize),
    /// There are too many.
    #[error("it has more than {MOST} cookies; those for one server are enough")]
    TooMany,
}

/// The most cookies one file can have.
const MOST: usize = 10_000;

/// What some tools write before a cookie that scripts cannot see.
const HTTP_ONLY: &str = "#HttpOnly_";

/// Reads a `cookies.txt`: domain, whether subdomains are meant, path, whether only for https, end, name and value, with
/// tabs between them; other lines that begin with `#` are comments.
///
/// # Errors
/// The first line that makes no sense.
pub fn read_cookies(text: &str) -> Result<Vec<NewCookie>, CookiesError> {
    let mut cookies = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.strip_prefix(HTTP_ONLY).unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if cookies.len() == MOST {
            return Err(CookiesError::TooMany);
        }
        cookies.push(read_line(line).ok_or(CookiesError::Line(index + 1))?);
    }
    Ok(cookies)
}

fn read_line(line: &str) -> Option<NewCookie> {
    let mut fields = line.splitn(7, '\t');
    let mut next = || fields.next();
    let (domain, with_subdomains, path, secure, expires, name) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    // An empty value may have lost its tab.
    let value = next().unwrap_or_default();
    let flag = |word: &str| match word {
        _ if word.eq_ignore_ascii_case("true") => Some(true),
        _ if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    // Some write fractions, and some a negative number for the end of the session.
    let expires: f64 = expires.trim().parse().ok().filter(|secs: &f64| secs.is_finite())?;
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let may_be_sent = |text: &str| !text.chars().any(|c| c.is_control() || c == ';');
    let is_fine = !domain.is_empty()
        && !domain.contains(['/', ' ', '@', '?', '#', '\\'])
        && path.starts_with('/')
        && [domain, path, name, value].into_iter().all(may_be_sent)
        && !name.contains('=')
        && (name.len() + value.len() > 0);
    is_fine.then_some(NewCookie {
        domain: domain.to_ascii_lowercase(),
        with_subdomains: flag(with_subdomains)?,
        path: path.to_owned(),
        secure: flag(secure)?,
        expires_unix_secs: (expires > 0.0).then_some(expires as u64),
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_of_cookies_is_read() {
        let text = "# Netscape HTTP Cookie File\n\n\
            .a.org\tTRUE\t/\tFALSE\t1999999999\tname\tvalue\n\
            #HttpOnly_b.org\tFALSE\t/d\tTRUE\t0\ts\tx y=z\r\n\
            #b.org\tFALSE\t/\tFALSE\t0\tcommented\tout\n\
            C.org\tfalse\t/\tfalse\t1.5e9\tempty\n";
        let cookie =
            |domain: &str, with_subdomains, path: &str, secure, expires, name: &str, value: &str| NewCookie {
                domain: domain.into(),
                with_subdomains,
                path: path.into(),
                secure,
                expires_unix_secs: expires,
                name: name.into(),
                value: value.into(),
            };
        let expected = vec![
            cookie("a.org", true, "/", false, Some(1_999_999_999), "name", "value"),
            cookie("b.org", false, "/d", true, None, "s", "x y=z"),
            cookie("c.org", false, "/", false, Some(1_500_000_000), "empty", ""),
        ];
        assert_eq!(read_cookies(text), Ok(expected));
        assert_eq!(read_cookies(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_cookie_is_said_without_repeating_it() {
        for line in [
            "a.org TRUE / FALSE 0 name hunter2",
            "a.org\tTRUE\t/\tFALSE\t0",
            "a.org\tperhaps\t/\tFALSE\t0\tn\thunter2",
            "a.org\tTRUE\t/\tFALSE\tsoon\tn\thunter2",
            "a.org\tTRUE\td\tFALSE\t0\tn\thunter2",
            "\tTRUE\t/\tFALSE\t0\tn\thunter2",
            "a.org\tTRUE\t/\tFALSE\t0\tn\thunter2; Domain=b.org",
            "a.org\tTRUE\t/\tFALSE\t0\tn\thun\u{1}ter2",
            "a.org/x\tTRUE\t/\tFALSE\t0\tn\thunter2",
            "a.org\tTRUE\t/\tFALSE\tNaN\tn\thunter2",
        ] {
            let error = read_cookies(&format!("# first\n{line}\n")).unwrap_err();
            assert_eq!(error, CookiesError::Line(2), "{line}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let many = "a.org\tTRUE\t/\tFALSE\t0\tn\tv\n".repeat(MOST + 1);
        assert_eq!(read_cookies(&many), Err(CookiesError::TooMany));
        let cookie = read_cookies("a.org\tTRUE\t/\tFALSE\t0\tn\thunter2").unwrap().remove(0);
        assert_eq!(format!("{cookie:?}"), "NewCookie(n for a.org/)");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9.\t/#;=TRUE\n\u{e4}]{0,80}") {
            for cookie in read_cookies(&text).unwrap_or_default() {
                prop_assert!(!cookie.domain.is_empty() && cookie.path.starts_with('/'));
            }
        }
    }
}
