//! The clients: one for each way to servers (proxy, certificates), shared by all transfers that go it.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Client;
use tokio::sync::Mutex;

use crate::job::{Fault, FaultKind, Job, Login, Proxy};
use crate::store::Settings;
use crate::transfer::{self, Watch, Way};

/// So many clients are kept; with more ways than that in use, they are made anew.
const MOST: usize = 16;

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

/// Whether what a job's connections lead to is a proxy, not the server itself.
pub(super) fn has_proxy(job: &Job, settings: &Settings) -> bool {
    let of_environment = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    match job.route.proxy.as_ref().unwrap_or(&settings.proxy) {
        Proxy::System => of_environment,
        Proxy::None => false,
        Proxy::At(_) => true,
    }
}
