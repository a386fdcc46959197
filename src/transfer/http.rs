//! How servers are asked.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, RequestBuilder, Response, redirect};
use tower_service::Service;
use url::Url;

use super::faults::fault_of_reqwest;
use crate::job::{Fault, FaultKind, NewHeader};

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// How long a server may be silent before it counts as stalled, with the answer as with every byte of it.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// What the requests of a job carry besides the address.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Headers, secret ones included.
    pub headers: Vec<NewHeader>,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// Why a redirect is not followed. Found again in the cause chain of reqwest's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedirectRefused {
    #[error("more than {REDIRECTS} redirects")]
    TooMany,
    #[error("from https to http")]
    Insecure,
    #[error("to an address that is neither http nor https")]
    Scheme,
}

/// The client all transfers share. `connected` hears the two ends of each connection before anything is asked
/// through it.
///
/// # Errors
/// [`FaultKind::NotSecure`] where encryption cannot be set up.
pub fn client(connected: fn(SocketAddr, SocketAddr)) -> Result<Client, Fault> {
    Client::builder()
        .connector_layer(tower_layer::layer_fn(move |connector| Watched { connector, connected }))
        .user_agent(concat!("Meanwhile/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::custom(follow))
        .referer(false)
        // An idle connection would wake the program up after its queue is empty.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| Fault::new(FaultKind::NotSecure, super::faults::chain(&error)))
}

/// A connector that tells of its connections.
#[derive(Clone)]
struct Watched<C> {
    connector: C,
    connected: fn(SocketAddr, SocketAddr),
}

impl<C, Target> Service<Target> for Watched<C>
where
    C: Service<Target, Response: Connection, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        let (connecting, connected) = (self.connector.call(target), self.connected);
        Box::pin(async move {
            let connection = connecting.await?;
            let mut facts = Extensions::new();
            connection.connected().get_extras(&mut facts);
            if let Some((local, peer)) = ends_in(&facts) {
                connected(local, peer);
            }
            Ok(connection)
        })
    }
}

/// The two ends of the connection an answer came through (or is going to).
pub(super) fn ends_in(facts: &Extensions) -> Option<(SocketAddr, SocketAddr)> {
    let info = facts.get::<HttpInfo>()?;
    Some((info.local_addr(), info.remote_addr()))
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from_https = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    match attempt.url().scheme() {
        _ if attempt.previous().len() > REDIRECTS => attempt.error(RedirectRefused::TooMany),
        "http" if from_https => attempt.error(RedirectRefused::Insecure),
        "http" | "https" => attempt.follow(),
        _ => attempt.error(RedirectRefused::Scheme),
    }
}

/// Which part of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, without mentioning ranges.
    Whole,
    /// From the start, as a range, which tells whether the server knows ranges.
    FromStart,
    /// A range.
    Range {
        /// The first byte wanted.
        first: u64,
        /// The last byte wanted; `None` for all there is behind the first.
        last: Option<u64>,
        /// The value of `If-Range`: send it only if the file is still the one with that validator (RFC 9110 section
        /// 13.1.5).
        proof: Option<String>,
    },
}

/// Asks for a part of a file and waits for the head of the answer.
pub(super) async fn ask(client: &Client, url: &Url, access: &Access, part: &Part) -> Result<Response, Fault> {
    let request = request(client, url, access, part)?;
    match tokio::time::timeout(STALL, request.send()).await {
        Ok(answer) => answer.map_err(|error| fault_of_reqwest(&error)),
        Err(_) => Err(Fault::new(FaultKind::Stalled, "no answer to the request")),
    }
}

fn request(client: &Client, url: &Url, access: &Access, part: &Part) -> Result<RequestBuilder, Fault> {
    // Built afresh each time: nothing of an earlier request can slip in.
    let mut headers = HeaderMap::new();
    for header in &access.headers {
        let wrong = || Fault::new(FaultKind::BadHeader, header.name.clone());
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| wrong())?;
        headers.append(name, HeaderValue::from_str(&header.value).map_err(|_| wrong())?);
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    match part {
        Part::Whole => {}
        Part::FromStart => {
            headers.insert(RANGE, HeaderValue::from_static("bytes=0-"));
        }
        Part::Range { first, last, proof } => {
            let wrong = |_| Fault::new(FaultKind::Nonsense, "the validator it sent cannot be sent back");
            headers.insert(RANGE, format_range(*first, *last)?);
            if let Some(proof) = proof {
                headers.insert(IF_RANGE, HeaderValue::from_str(proof).map_err(wrong)?);
            }
        }
    }
    let mut request = client.get(url.clone()).headers(headers);
    if let Some((user, password)) = &access.login {
        request = request.basic_auth(user, Some(password));
    }
    Ok(request)
}

fn format_range(first: u64, last: Option<u64>) -> Result<HeaderValue, Fault> {
    let last = last.map_or_else(String::new, |last| last.to_string());
    HeaderValue::try_from(format!("bytes={first}-{last}"))
        .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))
}
