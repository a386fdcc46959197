//! How servers are asked.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, RequestBuilder, Response, redirect};
use tower_service::Service;
use url::Url;

use super::Watch;
pub(super) use super::access::Access;
use super::access::{Way, visit};
use crate::job::{Fault, FaultKind};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// How long a server may be silent before it counts as stalled, with the answer as with every byte of it.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// The client for all transfers that go that way. `watch` hears of each connection before anything is
/// asked through it. Reads files, so it blocks.
///
/// # Errors
/// [`FaultKind::BadCertificates`]; [`FaultKind::NotSecure`] where encryption cannot be set up; [`FaultKind::BadProxy`].
pub fn client(way: &Way, watch: Arc<dyn Watch>) -> Result<Client, Fault> {
    way.set_up(Client::builder())?
        .connector_layer(tower_layer::layer_fn(move |connector| Watched {
            connector,
            watch: Arc::clone(&watch),
        }))
        .user_agent(concat!("Meanwhile/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
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
    watch: Arc<dyn Watch>,
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
        let (connecting, watch) = (self.connector.call(target), Arc::clone(&self.watch));
        Box::pin(async move {
            let opening = watch.opening();
            let connection = connecting.await?;
            drop(opening);
            let mut facts = Extensions::new();
            connection.connected().get_extras(&mut facts);
            if let Some((local, peer)) = ends_in(&facts) {
                watch.opened(local, peer);
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

/// Asks for a part of a file and waits for the head of the final answer: redirects are followed, and logins given where
/// they are asked for.
pub(super) async fn ask(client: &Client, url: &Url, access: &Access, part: &Part) -> Result<Response, Fault> {
    visit(client, url, access, part).await
}

/// One request for a part of a file, with these headers besides.
pub(super) fn request(
    client: &Client,
    url: &Url,
    mut headers: HeaderMap,
    part: &Part,
) -> Result<RequestBuilder, Fault> {
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
    Ok(client.get(url.clone()).headers(headers))
}

fn format_range(first: u64, last: Option<u64>) -> Result<HeaderValue, Fault> {
    let last = last.map_or_else(String::new, |last| last.to_string());
    HeaderValue::try_from(format!("bytes={first}-{last}"))
        .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))
}
