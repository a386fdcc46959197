//! What the requests of a job carry, and how a server is dealt with that does not give the file at once but asks for
//! something first: to look elsewhere, to show a cookie, to log in.
//!
//! | what | where |
//! |---|---|
//! | what a request is sent with, and to whom | here |
//! | one address to its final answer | `visit` |
//! | whether and where a redirect leads | `redirect` |
//! | cookies | `jar` |
//! | what a 401 asks for | `challenge` |
//! | the answer to it, for Digest | `digest` |
//! | logins from `~/.netrc` | `netrc` |
//! | proxies and trusted certificates | `way` |

mod challenge;
mod digest;
#[cfg(fuzzing)]
pub(crate) mod fuzzed;
mod jar;
mod netrc;
mod redirect;
mod visit;
mod way;

pub use netrc::{Netrc, NetrcError};
pub(super) use visit::visit;
pub use way::Way;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use url::Url;

use crate::job::{Login, NewCookie, NewHeader, is_secret_header};
use digest::Digest;
use jar::Jar;

/// What the requests for a file carry besides its address. Cheap to clone.
#[derive(Clone, Default)]
pub struct Access {
    /// Headers, secret ones included.
    pub headers: Arc<[NewHeader]>,
    /// The server (scheme, host and port) the secret ones are for, and to no other they go.
    pub home: String,
    /// Logins, each for one server.
    pub logins: Arc<[(String, Login)]>,
    /// The file with more logins, which are given only to who asks for one.
    pub netrc: Option<PathBuf>,
    /// Whether a redirect from https to http is followed.
    pub insecure_redirects: bool,
    /// Whether the client goes through a proxy the user named, which then is the one that cannot be reached.
    pub has_proxy: bool,
    /// What the job's servers have said so far.
    pub memory: Arc<Memory>,
}

/// What the servers of a job have said that later requests of it need: cookies, how they want logins, and who asked for
/// one in vain. It is kept in memory only.
#[derive(Default)]
pub struct Memory {
    jar: Mutex<Jar>,
    /// The servers that have asked for a login; with what, where they want Digest.
    asking: Mutex<HashMap<String, Option<Digest>>>,
    refused_by: Mutex<Option<String>>,
    netrc: OnceCell<Netrc>,
}

impl Memory {
    /// One that knows these cookies.
    #[must_use]
    pub fn with_cookies(cookies: &[NewCookie]) -> Self {
        Self { jar: Mutex::new(Jar::with(cookies)), ..Self::default() }
    }

    /// The server that was the last to ask for a login without getting one it takes.
    #[must_use]
    pub fn refused_by(&self) -> Option<String> {
        locked(&self.refused_by).clone()
    }
}

impl std::fmt::Debug for Access {
    /// Without what it carries: this may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("home", &self.home).finish_non_exhaustive()
    }
}

impl Access {
    /// The headers that go to that server.
    fn headers_for(&self, origin: &str) -> impl Iterator<Item = &NewHeader> {
        let is_home = self.home == origin;
        self.headers.iter().filter(move |header| is_home || !is_secret_header(&header.name))
    }

    /// The login the user has given for that server.
    fn login_for(&self, origin: &str) -> Option<&Login> {
        self.logins.iter().find(|(server, _)| server == origin).map(|(_, login)| login)
    }
}

/// The server an address is on, as text: scheme, host and port.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
