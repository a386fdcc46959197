//! What reqwest and the system say, as faults.

use std::error::Error;
use std::io;
use std::path::Path;

use rustix::io::Errno;

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
    let detail = error.source().map(chain).unwrap_or_default();
    let first_cause = causes(error).skip(1).last().map(ToString::to_string).unwrap_or_default();
    let tls = causes(error).find_map(tls_error).map(kind_of_tls);
    let kind = match io_kind {
        _ if tls.is_some() => tls.unwrap_or(FaultKind::NotSecure),
        _ if is_about_proxy_login(&first_cause) => FaultKind::Status(407),
        Some(io::ErrorKind::ConnectionRefused) => FaultKind::ConnectionRefused,
        _ if error.is_dns() => FaultKind::HostNotFound,
        _ if error.is_connect() => FaultKind::ConnectFailed,
        _ if error.is_builder() => FaultKind::BadAddress,
        // Of chunks that are none.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => FaultKind::Nonsense,
        // hyper's own: the answer ended early, or is not HTTP, which it tells in words only.
        _ if NO_HTTP.iter().any(|words| first_cause.contains(words)) => FaultKind::Nonsense,
        _ => FaultKind::ConnectionLost,
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

/// What hyper says of answers that are no HTTP. The last one is of servers that speak before they are asked: on a connection
/// that was used before, it asks again on another by itself.
const NO_HTTP: [&str; 6] =
    ["pars", "invalid", "head is too large", "over limit", "overflow", "unexpected message"];

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
    Fault::new(kind_of_io(error), format!("{}: {}", path.display(), chain(error)))
}

fn kind_of_io(error: &io::Error) -> FaultKind {
    if let Some(errno) = Errno::from_io_error(error) {
        return kind_of_errno(errno);
    }
    match error.kind() {
        io::ErrorKind::StorageFull => FaultKind::DiskFull,
        io::ErrorKind::NotFound => FaultKind::NoFolder,
        io::ErrorKind::PermissionDenied => FaultKind::NotWritable,
        io::ErrorKind::AlreadyExists => FaultKind::NameTaken,
        _ => FaultKind::DiskFailed,
    }
}

/// What the number of an error of a file or folder means here (errno(3)).
fn kind_of_errno(errno: Errno) -> FaultKind {
    match errno {
        Errno::NOSPC => FaultKind::DiskFull,
        Errno::DQUOT => FaultKind::QuotaFull,
        Errno::FBIG => FaultKind::FileTooLarge,
        Errno::ROFS => FaultKind::ReadOnly,
        Errno::ACCESS | Errno::PERM => FaultKind::NotWritable,
        // The last five are what is left of a disk that was unplugged or of a server that is away.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::NODEV
        | Errno::NXIO
        | Errno::STALE
        | Errno::NOTCONN
        | Errno::HOSTDOWN => FaultKind::NoFolder,
        Errno::NAMETOOLONG => FaultKind::NameTooLong,
        // File systems that want UTF-8 in names say so.
        Errno::ILSEQ => FaultKind::BadName,
        Errno::EXIST => FaultKind::NameTaken,
        Errno::MFILE | Errno::NFILE => FaultKind::TooManyOpen,
        _ => FaultKind::DiskFailed,
    }
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

    #[test]
    fn each_number_of_the_system_has_its_fault() {
        let table = [
            (Errno::NOSPC, FaultKind::DiskFull),
            (Errno::DQUOT, FaultKind::QuotaFull),
            (Errno::FBIG, FaultKind::FileTooLarge),
            (Errno::ROFS, FaultKind::ReadOnly),
            (Errno::ACCESS, FaultKind::NotWritable),
            (Errno::PERM, FaultKind::NotWritable),
            (Errno::NOENT, FaultKind::NoFolder),
            (Errno::NOTDIR, FaultKind::NoFolder),
            (Errno::LOOP, FaultKind::NoFolder),
            (Errno::NODEV, FaultKind::NoFolder),
            (Errno::NXIO, FaultKind::NoFolder),
            (Errno::STALE, FaultKind::NoFolder),
            (Errno::NOTCONN, FaultKind::NoFolder),
            (Errno::HOSTDOWN, FaultKind::NoFolder),
            (Errno::NAMETOOLONG, FaultKind::NameTooLong),
            (Errno::ILSEQ, FaultKind::BadName),
            (Errno::EXIST, FaultKind::NameTaken),
            (Errno::MFILE, FaultKind::TooManyOpen),
            (Errno::NFILE, FaultKind::TooManyOpen),
            (Errno::IO, FaultKind::DiskFailed),
            (Errno::ISDIR, FaultKind::DiskFailed),
            (Errno::NOMEM, FaultKind::DiskFailed),
        ];
        for (errno, kind) in table {
            let error = io::Error::from(errno);
            let fault = fault_of_io(&error, Path::new("/srv/f.part"));
            assert_eq!(fault.kind, kind, "{error}");
            assert_eq!(fault.detail, format!("/srv/f.part: {error}"));
        }
    }

    /// The system itself, as far as it can be brought to it without a disk of one's own.
    #[test]
    fn the_system_says_what_the_table_thinks() {
        use std::fs::{self, File};
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        File::create(at("file")).unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        let full = || File::options().write(true).open("/dev/full")?.write_all(b"x");
        let made = |path: std::path::PathBuf| File::create_new(path).map(|_| ());
        let table = [
            (full(), FaultKind::DiskFull),
            (made(at("none/f")), FaultKind::NoFolder),
            (made(at("file/f")), FaultKind::NoFolder),
            (made(at("loop/f")), FaultKind::NoFolder),
            (made(at(&"x".repeat(256))), FaultKind::NameTooLong),
            (made(at("file")), FaultKind::NameTaken),
            (fs::read(folder.path()).map(|_| ()), FaultKind::DiskFailed),
            (
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "all numbers are taken")),
                FaultKind::NameTaken,
            ),
            (Err(io::ErrorKind::WriteZero.into()), FaultKind::DiskFailed),
        ];
        for (result, kind) in table {
            assert_eq!(result.map_err(|error| kind_of_io(&error)), Err(kind));
        }
    }

    #[test]
    fn the_causes_are_told_down_to_the_first() {
        let first = io::Error::from(Errno::NOSPC);
        let words = first.to_string();
        let outer = io::Error::other(Outer(first));
        let fault = fault_of_io(&outer, Path::new("/srv"));
        assert_eq!(fault.detail, format!("/srv: the copy broke off: {words}"));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the copy broke off")]
    struct Outer(#[source] io::Error);
}
