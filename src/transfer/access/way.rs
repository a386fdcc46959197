//! By which way servers are reached: through which proxy, and with which certificates trusted.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, NoProxy};
use url::Url;

use crate::job::{Fault, FaultKind, Login, Proxy};
use crate::transfer::faults::chain;

/// The largest file with certificates; those of whole systems have a few hundred KiB.
const MOST_BYTES: u64 = 16 << 20;

/// A way to servers. Each needs a client of its own.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Way {
    /// Through which proxy.
    pub proxy: Proxy,
    /// User and password for it.
    pub login: Option<Login>,
    /// A file with certificates (PEM) that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

impl Way {
    /// Makes a client go that way.
    ///
    /// # Errors
    /// See [`super::super::client`].
    pub(in crate::transfer) fn set_up(&self, mut client: ClientBuilder) -> Result<ClientBuilder, Fault> {
        client = match &self.proxy {
            Proxy::System => client,
            Proxy::None => client.no_proxy(),
            Proxy::At(url) => {
                let wrong =
                    |error: reqwest::Error| Fault::new(FaultKind::BadProxy, chain(&error.without_url()));
                let proxy = reqwest::Proxy::all(self.with_login(url)).map_err(wrong)?;
                // As curl does: who names hosts that need no proxy means any proxy.
                client.proxy(proxy.no_proxy(NoProxy::from_env()))
            }
        };
        match &self.ca_file {
            Some(path) => Ok(client.tls_certs_merge(certificates(path)?)),
            None => Ok(client),
        }
    }

    fn with_login(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if let Some((user, password)) = &self.login {
            // Neither can fail on an address with a host. What is set is encoded, but for what is encoded already.
            let _ = url.set_username(&user.replace('%', "%25"));
            let _ = url.set_password(Some(&password.replace('%', "%25")));
        }
        url
    }
}

/// The certificates in a file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Fault> {
    let bad = |why: &dyn std::fmt::Display| {
        Fault::new(FaultKind::BadCertificates, format!("{}: {why}", path.display()))
    };
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text))
        .map_err(|error| bad(&error))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|error| bad(&chain(&error)))?;
    if certificates.is_empty() {
        return Err(bad(&"there is no certificate in it"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_encoded_into_the_address_of_the_proxy() {
        for (proxy, whole) in [
            ("http://a:1", "http://m%20%25e:p%40%3A%2F%2540@a:1/"),
            ("socks5://a:1", "socks5://m%20%25e:p%40%3A%2F%2540@a:1"),
        ] {
            let way = Way {
                proxy: proxy.parse().unwrap(),
                login: Some(("m %e".into(), "p@:/%40".into())),
                ca_file: None,
            };
            let Proxy::At(url) = &way.proxy else { panic!("no address") };
            assert_eq!(way.with_login(url).as_str(), whole);
        }
    }

    #[test]
    fn a_file_without_certificates_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let fault = |path: &Path| certificates(path).err().map(|fault| (fault.kind, fault.detail));
        let (kind, detail) = fault(&path).unwrap();
        assert_eq!(kind, FaultKind::BadCertificates);
        assert!(detail.contains("ca.pem: No such file"), "{detail}");
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            crate::store::write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(fault(&path).map(|(kind, _)| kind), Some(FaultKind::BadCertificates), "{text}");
        }
    }
}
