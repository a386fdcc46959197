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
    // rustls is not ours to name, so its errors are known by their words.
    let is_tls = ["certificate", "handshake", "TLS", "tls"].iter().any(|word| detail.contains(word));
    let kind = match io_kind {
        Some(io::ErrorKind::ConnectionRefused) => FaultKind::ConnectionRefused,
        _ if error.is_dns() => FaultKind::HostNotFound,
        _ if is_tls => FaultKind::NotSecure,
        _ if error.is_connect() => FaultKind::ConnectFailed,
        _ if error.is_builder() => FaultKind::BadAddress,
        Some(_) => FaultKind::ConnectionLost,
        // hyper's own: the answer ended early, or is not HTTP.
        None if detail.contains("pars") || detail.contains("invalid") => FaultKind::Nonsense,
        None => FaultKind::ConnectionLost,
    };
    Fault::new(kind, detail)
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
