//! Through which proxy servers are reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Login;

/// Through which proxy. As text: `system`, `none`, or the proxy's address; a login is never part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Proxy {
    /// As the environment says: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.
    #[default]
    System,
    /// Through none.
    None,
    /// Through the one at this address: http, https, socks5, or socks5h, which looks names up itself.
    At(Url),
}

/// Why a text names no proxy. The text is not repeated: it may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no proxy: it is “system”, “none”, or an address as in http://proxy.example:3128, socks5://127.0.0.1:1080 or \
     socks5h://me:password@proxy.example:1080"
)]
pub struct ProxyError;

impl Proxy {
    /// Reads what a person types; the login in it comes apart.
    ///
    /// # Errors
    /// [`ProxyError`].
    pub fn read(text: &str) -> Result<(Self, Option<Login>), ProxyError> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "system" => return Ok((Self::System, None)),
            "none" | "off" => return Ok((Self::None, None)),
            _ => {}
        }
        // Without a scheme it is http, as everywhere.
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = Url::parse(&whole).map_err(|_| ProxyError)?;
        let is_known = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h");
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !is_known || !is_bare || url.host_str().is_none_or(|host| host.is_empty() || host.contains('%')) {
            return Err(ProxyError);
        }
        let login = super::new::login(&url);
        // None of these can fail on an address with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if url.port_or_known_default().is_none() {
            let _ = url.set_port(Some(SOCKS_PORT));
        }
        Ok((Self::At(url), login))
    }
}

/// RFC 1928 section 3.
const SOCKS_PORT: u16 = 1080;

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::None => f.write_str("none"),
            Self::At(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    /// One without a login.
    fn from_str(text: &str) -> Result<Self, ProxyError> {
        match Self::read(text)? {
            (proxy, None) => Ok(proxy),
            (_, Some(_)) => Err(ProxyError),
        }
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.to_string()
    }
}

impl TryFrom<String> for Proxy {
    type Error = ProxyError;

    fn try_from(text: String) -> Result<Self, ProxyError> {
        text.parse()
    }
}

/// How the servers of a job are reached, where it is not as for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Through which proxy; `None`: as the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// A file with certificates (PEM) that are trusted besides those of the system; empty: as the settings say.
    #[serde(default, with = "super::path", skip_serializing_if = "is_empty")]
    pub ca_file: PathBuf,
    /// Whether it may be redirected from https to http.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_redirects: bool,
}

fn is_empty(path: &Path) -> bool {
    path == Path::new("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_and_their_logins_come_apart() {
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        let table = [
            ("system", "system", None),
            (" None ", "none", None),
            ("off", "none", None),
            ("proxy.example:3128", "http://proxy.example:3128", None),
            ("http://proxy.example", "http://proxy.example", None),
            ("https://proxy.example:8443/", "https://proxy.example:8443", None),
            ("http://me:p%40ss@[::1]:3128", "http://[::1]:3128", login("me", "p@ss")),
            ("me:hunter2@proxy.example:3128", "http://proxy.example:3128", login("me", "hunter2")),
            ("socks5://me@127.0.0.1", "socks5://127.0.0.1:1080", login("me", "")),
            ("SOCKS5H://me:pw@proxy.example:9", "socks5h://proxy.example:9", login("me", "pw")),
        ];
        for (text, shown, login) in table {
            let (proxy, found) = Proxy::read(text).unwrap();
            assert_eq!((proxy.to_string().as_str(), &found), (shown, &login), "{text}");
            assert_eq!(shown.parse(), Ok(proxy), "{text}");
            assert_eq!(text.parse::<Proxy>().is_ok(), login.is_none(), "{text}");
        }
        for bad in [
            "",
            "ftp://a:1",
            "http://",
            "http://a/b",
            "socks4://a:1",
            "http://a:99999",
            "socks5://?",
            "a b",
            "http://me:hunter2@",
        ] {
            let error = Proxy::read(bad).unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn what_is_usual_is_not_written_down() {
        assert_eq!(ron::to_string(&Route::default()).unwrap(), "()");
        let route = Route {
            proxy: Some("socks5://a:1".parse().unwrap()),
            ca_file: "/ca.pem".into(),
            insecure_redirects: true,
        };
        let text = ron::to_string(&route).unwrap();
        assert_eq!(ron::from_str::<Route>(&text).unwrap(), route, "{text}");
        assert!(ron::from_str::<Proxy>("\"http://me:pw@a:1\"").is_err());
    }
}
