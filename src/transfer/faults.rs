//! What reqwest and the system say, as faults.

use std::error::Error;
use std::io;
use std::path::Path;

use crate::job::{Fault, FaultKind};

/// What an error and all its causes say, outermost first, without repeating what is said twice.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        if !text.ends_with(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        next = error.source();
    }
    text
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// A fault of asking a server or of receiving its answer. The address is not in its detail: it may hold a
/// secret.
pub(super) fn fault_of_reqwest(error: &reqwest::Error) -> Fault {
    let io_kind = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    // The outermost error names the address, so only its causes are told.
    let detail = causes(error).skip(1).last().map(ToString::to_string).unwrap_or_default();
    let tls = causes(error).find_map(tls_error).map(kind_of_tls);
    let kind = match io_kind {
        _ if tls.is_some() => tls.unwrap_or(FaultKind::NotSecure),
        _ if is_about_proxy_login(&detail) => FaultKind::Status(407),
        Some(io::ErrorKind::ConnectionRefused) => FaultKind::ConnectionRefused,
        _ if error.is_dns() => FaultKind::HostNotFound,
        _ if error.is_connect() => FaultKind::ConnectFailed,
        _ if error.is_builder() => FaultKind::BadAddress,
        Some(_) => FaultKind::ConnectionLost,
        // hyper's own: the answer ended early, or is not HTTP.
        None if detail.contains("pars") || detail.contains("invalid") => FaultKind::Nonsense,
        None => FaultKind::ConnectionLost,
    };
    Fault::new(kind, detail)
}

/// What the library for encryption says, which hides in errors of a connection within others.
fn tls_error<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let hidden = || tls_error(cause.downcast_ref::<io::Error>()?.get_ref()?);
    cause.downcast_ref().or_else(hidden)
}

fn kind_of_tls(error: &rustls::Error) -> FaultKind {
    use rustls::CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else { return FaultKind::NotSecure };
    match wrong {
        Wrong::Expired | Wrong::ExpiredContext { .. } => FaultKind::CertificateExpired,
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => FaultKind::CertificateTooNew,
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => FaultKind::CertificateOfOther,
        Wrong::UnknownIssuer => FaultKind::CertificateUntrusted,
        // One that vouches for itself and others besides, as made by a single command; rustls has no word of its own.
        other if other.to_string().contains("CaUsedAsEndEntity") => FaultKind::CertificateUntrusted,
        _ => FaultKind::NotSecure,
    }
}

/// Whether a proxy wants a login, or another one. The library's types for it are not ours to name, so it is known by
/// its words.
fn is_about_proxy_login(detail: &str) -> bool {
    let words = [
        "proxy authorization required",
        "credentials not accepted",
        "does not support user/pass authentication",
        "server implements authentication incorrectly",
    ];
    words.iter().any(|words| detail.contains(words))
}

/// A fault of reading or writing `path`.
pub(super) fn fault_of_io(error: &io::Error, path: &Path) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FaultKind::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FaultKind::NotWritable,
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FaultKind::NoFolder,
        io::ErrorKind::InvalidFilename => FaultKind::BadName,
        _ => FaultKind::DiskFailed,
    };
    Fault::new(kind, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_found_however_deep_it_hides() {
        use rustls::CertificateError as Wrong;
        let table = [
            (Wrong::Expired, FaultKind::CertificateExpired),
            (Wrong::NotValidYet, FaultKind::CertificateTooNew),
            (Wrong::NotValidForName, FaultKind::CertificateOfOther),
            (Wrong::UnknownIssuer, FaultKind::CertificateUntrusted),
            (Wrong::BadSignature, FaultKind::NotSecure),
        ];
        for (wrong, kind) in table {
            let error = rustls::Error::InvalidCertificate(wrong);
            let hidden = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
            let found = causes(&hidden).find_map(tls_error).map(kind_of_tls);
            assert_eq!(found, Some(kind));
        }
        let other = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(causes(&other).find_map(tls_error).is_none());
    }
}
