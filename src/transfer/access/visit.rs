//! One address to its final answer: redirects followed, cookies shown, logins given.
//!
//! reqwest follows no redirects for us, since what a request carries depends on where it goes: a login, a cookie or a
//! secret header for one server is none of the next one's business.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::{Position, Url};

use super::challenge::{Challenge, challenges};
use super::digest::Digest;
use super::netrc::Netrc;
use super::redirect::next_address;
use super::{Access, locked, origin};
use crate::job::{Fault, FaultKind, Login, NewHeader};
use crate::transfer::faults::fault_of_reqwest;
use crate::transfer::http::{Part, STALL, request};

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// How often the same question may be asked on the way. A second time may get another answer, from another of the
/// server's machines; more often it is a circle.
const SAME_QUESTIONS: usize = 2;

/// How long the way to the final answer may take in all; each answer on it has [`STALL`].
const LONGEST: Duration = Duration::from_mins(2);

/// How often a server that says a nonce has grown old is answered with the next one.
const STALE: usize = 2;

/// Asks for a part of what is at an address, goes where it leads, and waits for the head of the final answer.
///
/// # Errors
/// No answer, or a redirect that is not followed. An answer that is no file is an answer.
pub(in crate::transfer) async fn visit(
    client: &Client,
    url: &Url,
    access: &Access,
    part: &Part,
) -> Result<Response, Fault> {
    match tokio::time::timeout(LONGEST, follow(client, url, access, part)).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::new(FaultKind::Stalled, "its redirects take too long")),
    }
}

async fn follow(client: &Client, url: &Url, access: &Access, part: &Part) -> Result<Response, Fault> {
    let mut step = Step::first(url);
    let mut questions = Vec::new();
    for _ in 0..=REDIRECTS {
        let question = (step.url.clone(), access.cookies_for(&step.url));
        if questions.iter().filter(|asked| **asked == question).count() == SAME_QUESTIONS {
            return Err(Fault::new(FaultKind::TooManyRedirects, "in a circle"));
        }
        questions.push(question);
        let answer = step.ask(client, access, part).await?;
        let allowed = access.insecure_redirects;
        match next_address(&step.url, answer.status().as_u16(), answer.headers(), allowed)? {
            None => return Ok(answer),
            Some(next) => step = step.to(next),
        }
    }
    Err(Fault::new(FaultKind::TooManyRedirects, format!("more than {REDIRECTS}")))
}

/// One address on the way.
struct Step {
    url: Url,
    /// Whether it is the address we were given, and not one a server sent us to.
    is_first: bool,
    /// Whether an address on the way so far had https.
    was_secure: bool,
}

/// How a request shows who asks.
enum Shown {
    Basic(Login),
    Digest(String),
}

impl Step {
    fn first(url: &Url) -> Self {
        let mut url = url.clone();
        url.set_fragment(None);
        Self { was_secure: url.scheme() == "https", url, is_first: true }
    }

    fn to(&self, next: Url) -> Self {
        Self { was_secure: self.was_secure || next.scheme() == "https", url: next, is_first: false }
    }

    /// Asks there, and once more with a login if the server asks for one that is known.
    async fn ask(&self, client: &Client, access: &Access, part: &Part) -> Result<Response, Fault> {
        let origin = origin(&self.url);
        let has_own = access.headers_for(&origin).any(|header| is(header, &AUTHORIZATION));
        let mut shown = if has_own { None } else { self.unasked(&origin, access).await };
        let (mut tries, mut stale) = (0, 0);
        loop {
            // Built afresh each time: nothing of an earlier request can slip in.
            let asked = request(client, &self.url, access.headers_at(&self.url)?, part)?;
            let answer = send(show(asked, shown.as_ref())?, access.has_proxy).await?;
            locked(&access.memory.jar).take_in(&self.url, answer.headers());
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let offers = challenges(answer.headers());
            let is_stale = offers.iter().any(is_stale) && stale < STALE;
            let may_try = !has_own && (tries == 0 || is_stale);
            let login = if may_try { self.login(&origin, access, true).await } else { None };
            shown = login.and_then(|login| self.answer_to(&offers, &origin, access, login));
            if shown.is_none() {
                *locked(&access.memory.refused_by) = Some(origin);
                return Ok(answer);
            }
            tries += 1;
            stale += usize::from(is_stale);
        }
    }

    /// What is shown before the server asks: as it wanted it the last time; and what the user gave for it.
    async fn unasked(&self, origin: &str, access: &Access) -> Option<Shown> {
        let has_asked = locked(&access.memory.asking).contains_key(origin);
        let login = self.login(origin, access, has_asked).await?;
        match locked(&access.memory.asking).get_mut(origin) {
            Some(Some(digest)) => Some(Shown::Digest(digest.answer(&login, self.target()))),
            _ => Some(Shown::Basic(login)),
        }
    }

    /// The best answer to what a server offers.
    fn answer_to(&self, offers: &[Challenge], origin: &str, access: &Access, login: Login) -> Option<Shown> {
        let word = || uuid::Uuid::new_v4().simple().to_string();
        let best = offers.iter().filter_map(|offer| Digest::of(offer, word())).max_by_key(Digest::strength);
        let mut asking = locked(&access.memory.asking);
        if let Some(mut digest) = best {
            let answer = digest.answer(&login, self.target());
            asking.insert(origin.to_owned(), Some(digest));
            return Some(Shown::Digest(answer));
        }
        offers.iter().any(|offer| offer.scheme == "basic").then(|| {
            asking.insert(origin.to_owned(), None);
            Shown::Basic(login)
        })
    }

    /// The login for the server: what the user gave for it, else, once it has asked, what is in `~/.netrc` for its host.
    /// That file knows nothing of schemes, so what came from https asks there in vain.
    async fn login(&self, origin: &str, access: &Access, has_asked: bool) -> Option<Login> {
        if let Some(login) = access.login_for(origin) {
            return Some(login.clone());
        }
        let path = access.netrc.clone().filter(|_| has_asked)?;
        if self.was_secure && self.url.scheme() != "https" {
            return None;
        }
        let load = || async {
            let loaded = tokio::task::spawn_blocking(move || Netrc::load(&path)).await;
            loaded.ok().and_then(Result::ok).unwrap_or_default()
        };
        let netrc = access.memory.netrc.get_or_init(load).await;
        netrc.login_for(self.url.host_str()?, self.is_first).cloned()
    }

    /// What Digest calls the address.
    fn target(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

impl Access {
    /// The headers of a request to that address, cookies included.
    fn headers_at(&self, url: &Url) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        for header in self.headers_for(&origin(url)).filter(|header| !is(header, &COOKIE)) {
            let wrong = || Fault::new(FaultKind::BadHeader, header.name.clone());
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| wrong())?;
            headers.append(name, HeaderValue::from_str(&header.value).map_err(|_| wrong())?);
        }
        if let Some(cookies) = self.cookies_for(url) {
            let wrong = |_| Fault::new(FaultKind::BadHeader, COOKIE.as_str());
            let mut cookies = HeaderValue::from_str(&cookies).map_err(wrong)?;
            cookies.set_sensitive(true);
            headers.insert(COOKIE, cookies);
        }
        Ok(headers)
    }

    fn cookies_for(&self, url: &Url) -> Option<String> {
        let own: Vec<&str> = self
            .headers_for(&origin(url))
            .filter(|header| is(header, &COOKIE))
            .map(|header| header.value.as_str())
            .collect();
        let own = (!own.is_empty()).then(|| own.join("; "));
        locked(&self.memory.jar).header_for(url, own.as_deref())
    }
}

fn is(header: &NewHeader, name: &HeaderName) -> bool {
    header.name.eq_ignore_ascii_case(name.as_str())
}

fn is_stale(offer: &Challenge) -> bool {
    offer.scheme == "digest" && offer.get("stale").is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

fn show(request: RequestBuilder, shown: Option<&Shown>) -> Result<RequestBuilder, Fault> {
    Ok(match shown {
        None => request,
        Some(Shown::Basic((user, password))) => request.basic_auth(user, Some(password)),
        Some(Shown::Digest(answer)) => {
            let wrong = |_| Fault::new(FaultKind::Nonsense, "what it asks a login for cannot be sent back");
            let mut answer = HeaderValue::from_bytes(answer.as_bytes()).map_err(wrong)?;
            answer.set_sensitive(true);
            request.header(AUTHORIZATION, answer)
        }
    })
}

async fn send(request: RequestBuilder, has_proxy: bool) -> Result<Response, Fault> {
    match tokio::time::timeout(STALL, request.send()).await {
        Ok(answer) => answer.map_err(|error| match fault_of_reqwest(&error) {
            // It is the only one we ever connect to.
            Fault {
                kind: FaultKind::ConnectionRefused | FaultKind::ConnectFailed | FaultKind::HostNotFound,
                detail,
            } if has_proxy => Fault { kind: FaultKind::ProxyFailed, detail },
            fault => fault,
        }),
        Err(_) => Err(Fault::new(FaultKind::Stalled, "no answer to the request")),
    }
}
