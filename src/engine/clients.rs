//! The clients: one for each way to servers (proxy, certificates), shared by all transfers that go it.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Client;
use tokio::sync::Mutex;
use url::Url;

use crate::job::{Fault, FaultKind, Job, Login, Proxy};
use crate::store::Settings;
use crate::transfer::{self, Watch, Way};

/// So many clients are kept; with more ways than that in use, they are made anew.
const MOST: usize = 16;

/// Where the system's proxies are said to be.
const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Where proxies are that speak SOCKS, if nothing else is said (RFC 1928 section 3).
const SOCKS_PORT: u16 = 1080;

/// The clients there are. Cheap to clone.
#[derive(Clone)]
pub(super) struct Clients {
    by_way: Arc<Mutex<HashMap<Way, Client>>>,
    /// Hears of all their connections.
    watch: Arc<dyn Watch>,
}

impl Clients {
    pub(super) fn new(watch: Arc<dyn Watch>) -> Self {
        Self { by_way: Arc::default(), watch }
    }

    /// Those there are no more of are made anew.
    pub(super) fn forget_all(&mut self) {
        self.by_way = Arc::default();
    }

    /// The client for that way.
    pub(super) async fn get(&self, way: Way) -> Result<Client, Fault> {
        // Whoever comes meanwhile waits for the same one.
        let mut clients = self.by_way.lock().await;
        if let Some(client) = clients.get(&way) {
            return Ok(client.clone());
        }
        let client = {
            let (way, watch) = (way.clone(), Arc::clone(&self.watch));
            // It reads the system's certificates.
            tokio::task::spawn_blocking(move || transfer::client(&way, watch)).await
        };
        let client =
            client.unwrap_or_else(|error| Err(Fault::new(FaultKind::Internal, error.to_string())))?;
        if clients.len() >= MOST {
            clients.clear();
        }
        clients.insert(way, client.clone());
        Ok(client)
    }
}

/// The way a job goes; `own` is the login for its own proxy, `common` that for the one of the settings.
pub(super) fn way_of(job: &Job, settings: &Settings, own: Option<&Login>, common: Option<&Login>) -> Way {
    let (proxy, login) = match &job.route.proxy {
        Some(proxy) => (proxy, own),
        None => (&settings.proxy, common),
    };
    let own_file = Some(&job.route.ca_file).filter(|path| !path.as_os_str().is_empty());
    Way {
        proxy: proxy.clone(),
        login: login.filter(|_| matches!(proxy, Proxy::At(_))).cloned(),
        ca_file: own_file.or(settings.ca_file.as_ref()).cloned(),
    }
}

/// At which ports the proxies are that a job's connections may lead to, instead of to the server itself.
pub(super) fn proxy_ports(job: &Job, settings: &Settings) -> Vec<u16> {
    ports_of(job.route.proxy.as_ref().unwrap_or(&settings.proxy), |name| std::env::var(name).ok())
}

fn ports_of(proxy: &Proxy, variable: impl Fn(&str) -> Option<String>) -> Vec<u16> {
    let port = |url: &Url| url.port_or_known_default().unwrap_or(SOCKS_PORT);
    let said = |name| variable(name).filter(|value| !value.is_empty());
    // Many leave out what it speaks.
    let whole = |value: String| if value.contains("://") { value } else { format!("http://{value}") };
    let read = |value: String| Url::parse(&whole(value)).ok();
    match proxy {
        Proxy::System => {
            PROXY_VARIABLES.into_iter().filter_map(said).filter_map(read).map(|url| port(&url)).collect()
        }
        Proxy::None => Vec::new(),
        Proxy::At(url) => vec![port(url)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_proxies_are_those_said_or_usual() {
        for (proxy, ports) in [
            ("none", vec![]),
            ("http://a:3128", vec![3128]),
            ("https://a", vec![443]),
            ("socks5://a", vec![1080]),
            ("socks5h://[::1]:9050", vec![9050]),
            ("system", vec![8080, 80, 1081, 3129]),
        ] {
            let system = |name: &str| {
                let value = match name {
                    "http_proxy" => "10.0.0.1:8080/",
                    "https_proxy" => "proxy.lan",
                    "HTTPS_PROXY" => "proxy.lan:3129",
                    "all_proxy" => "socks5://10.0.0.1:1081",
                    "ALL_PROXY" => "",
                    "HTTP_PROXY" => "::",
                    _ => return None,
                };
                Some(value.to_owned())
            };
            assert_eq!(ports_of(&proxy.parse().unwrap(), system), ports, "{proxy}");
        }
    }
}
