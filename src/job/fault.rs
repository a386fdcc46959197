//! What can go wrong with a transfer, in which class it falls, and the words for it.
//!
//! Every fault says what happened, the likely cause and what to do. The class follows BITS (bits.md 4.2):
//! a transient fault is tried again by itself, a fatal one waits for the user.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What sort of thing.
    pub kind: FaultKind,
    /// The particulars: whatever the system or the server said, down to the first cause. For the log and
    /// for those who want to know; never a secret.
    pub detail: String,
}

/// The sorts of fault. Each has its words in [`Fault::what`], [`Fault::likely`] and [`Fault::advice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The text is no web address.
    BadAddress,
    /// The address is neither http nor https.
    UnknownScheme,
    /// A request header cannot be sent.
    BadHeader,
    /// A checksum that is none.
    BadChecksum,
    /// A file name that cannot be one.
    BadName,
    /// The host's name has no address.
    HostNotFound,
    /// Nobody listens there.
    ConnectionRefused,
    /// No connection came about for another reason.
    ConnectFailed,
    /// A proxy that cannot be one.
    BadProxy,
    /// The file with more certificates cannot be used.
    BadCertificates,
    /// The proxy could not be reached, or did not let us through.
    ProxyFailed,
    /// The server's certificate or encryption is not acceptable.
    NotSecure,
    /// The server's certificate has ended.
    CertificateExpired,
    /// The server's certificate has not begun.
    CertificateTooNew,
    /// The server's certificate is that of another host.
    CertificateOfOther,
    /// Nobody who is trusted vouches for the server's certificate.
    CertificateUntrusted,
    /// The server answered with this status.
    Status(u16),
    /// Sent in a circle, or more than 10 times.
    TooManyRedirects,
    /// A secure address redirected to an insecure one.
    InsecureRedirect,
    /// The connection broke before the end.
    ConnectionLost,
    /// No byte for 30 seconds.
    Stalled,
    /// The answer contradicts itself or the question.
    Nonsense,
    /// More bytes than the size the server had named, or fewer at the very end.
    WrongLength,
    /// What was fetched does not have the checksum it should have.
    ChecksumMismatch,
    /// The list of checksums cannot be had, or the file is not in it.
    NotListed,
    /// Another address has another file than what was fetched so far.
    AnotherFile,
    /// The file is another one each time it is asked for.
    KeepsChanging,
    /// There is a file of that name, and the user wants to be asked.
    NameTaken,
    /// The disk is full.
    DiskFull,
    /// The user's share of the disk is used up.
    QuotaFull,
    /// The file is larger than its disk can hold in one.
    FileTooLarge,
    /// The folder is not there and cannot be made.
    NoFolder,
    /// Writing there is not allowed.
    NotWritable,
    /// The disk is read-only.
    ReadOnly,
    /// The disk takes no name as long as this.
    NameTooLong,
    /// The system opens no more files.
    TooManyOpen,
    /// Reading or writing failed in another way.
    DiskFailed,
    /// The login or a secret header was kept in memory only and is gone.
    SecretsGone,
    /// No byte for as long as the settings allow.
    NoProgress,
    /// It was at work for as long as the settings allow.
    TookTooLong,
    /// The program itself is at fault.
    Internal,
}

impl Fault {
    /// A fault of that kind; `detail` is what the system said.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Whether trying again later may help without the user doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self.kind {
            FaultKind::HostNotFound
            | FaultKind::ConnectionRefused
            | FaultKind::ConnectFailed
            | FaultKind::ProxyFailed
            | FaultKind::ConnectionLost
            | FaultKind::Stalled
            | FaultKind::KeepsChanging
            | FaultKind::DiskFull
            | FaultKind::QuotaFull
            | FaultKind::NoFolder
            | FaultKind::NotWritable
            | FaultKind::ReadOnly
            | FaultKind::TooManyOpen => true,
            // bits.md 4.2, and RFC 6585 for 425 and 429.
            FaultKind::Status(status) => {
                matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504 | 506..=599)
            }
            _ => false,
        }
    }

    /// What happened, as a short clause without a full stop.
    #[must_use]
    pub fn what(&self) -> String {
        match self.kind {
            FaultKind::BadAddress => "This is not a web address".into(),
            FaultKind::UnknownScheme => "This kind of address cannot be downloaded".into(),
            FaultKind::BadHeader => "A request header cannot be sent".into(),
            FaultKind::BadChecksum => "This is not a checksum".into(),
            FaultKind::BadName => "This cannot be a file name".into(),
            FaultKind::HostNotFound => "The server's name was not found".into(),
            FaultKind::ConnectionRefused => "The server refused the connection".into(),
            FaultKind::ConnectFailed => "The server could not be reached".into(),
            FaultKind::BadProxy => "This is not a proxy".into(),
            FaultKind::BadCertificates => "The file with more certificates cannot be used".into(),
            FaultKind::ProxyFailed => "The proxy gave no connection".into(),
            FaultKind::NotSecure => "The connection to the server is not secure".into(),
            FaultKind::CertificateExpired => "The server's certificate has expired".into(),
            FaultKind::CertificateTooNew => "The server's certificate is not valid yet".into(),
            FaultKind::CertificateOfOther => "The server's certificate is for another host".into(),
            FaultKind::CertificateUntrusted => "The server's certificate is not trusted".into(),
            FaultKind::Status(status) => match status {
                401 => "The server asks for a login (401)".into(),
                402 => "The server wants to be paid first (402)".into(),
                403 => "The server does not allow this download (403)".into(),
                404 => "The file is not on the server (404)".into(),
                407 => "The proxy asks for a login (407)".into(),
                410 => "The file has been removed from the server (410)".into(),
                429 => "The server asks for fewer requests (429)".into(),
                451 => "The server may not hand this out, for legal reasons (451)".into(),
                511 => "The network wants you to sign in (511)".into(),
                501 | 505 => format!("The server cannot do what it was asked for ({status})"),
                503 => "The server is busy (503)".into(),
                500..=599 => format!("The server has a problem ({status})"),
                _ => format!("The server answered with status {status}"),
            },
            FaultKind::TooManyRedirects => "The server redirected too often".into(),
            FaultKind::InsecureRedirect => "The server redirected from https to http".into(),
            FaultKind::ConnectionLost => "The connection broke off".into(),
            FaultKind::Stalled => "Nothing arrived for 30 seconds".into(),
            FaultKind::Nonsense => "The server's answer makes no sense".into(),
            FaultKind::WrongLength => "The server sent another number of bytes than it said".into(),
            FaultKind::ChecksumMismatch => "The checksum does not match".into(),
            FaultKind::NotListed => "The checksum of the file could not be found".into(),
            FaultKind::AnotherFile => "There is another file at the new address".into(),
            FaultKind::KeepsChanging => "The file on the server keeps changing".into(),
            FaultKind::NameTaken => "There is a file of that name already".into(),
            FaultKind::DiskFull => "The disk is full".into(),
            FaultKind::QuotaFull => "Your share of the disk is used up".into(),
            FaultKind::FileTooLarge => "The file is too large for its disk".into(),
            FaultKind::NoFolder => "The folder is not there".into(),
            FaultKind::NotWritable => "The folder cannot be written to".into(),
            FaultKind::ReadOnly => "The disk is read-only".into(),
            FaultKind::NameTooLong => "The name of the file is too long for its disk".into(),
            FaultKind::TooManyOpen => "Too many files are open".into(),
            FaultKind::DiskFailed => "The file could not be read or written".into(),
            FaultKind::SecretsGone => "The login for this download is no longer known".into(),
            FaultKind::NoProgress => "It has been tried for long without a byte".into(),
            FaultKind::TookTooLong => "It has taken longer than the settings allow".into(),
            FaultKind::Internal => "Meanwhile made a mistake".into(),
        }
    }

    /// The likely cause, as a clause without a full stop.
    #[must_use]
    pub fn likely(&self) -> &'static str {
        match self.kind {
            FaultKind::BadAddress => "part of it is missing or mistyped",
            FaultKind::UnknownScheme => "only http and https addresses can",
            FaultKind::BadHeader => {
                "it is not of the form “Name: value”, or it is one that every request has already"
            }
            FaultKind::BadChecksum => {
                "part of it is missing, or it is of a sort that is not known: a SHA-256 has 64 digits from 0 to 9 and a to f"
            }
            FaultKind::BadName => "it is empty, too long, or has a / in it",
            FaultKind::HostNotFound => "the address is mistyped, or this computer is offline",
            FaultKind::ConnectionRefused => "nothing is running there, or a firewall is in the way",
            FaultKind::ConnectFailed => "this computer is offline, or the server is down",
            FaultKind::BadProxy => "part of it is missing or mistyped",
            FaultKind::BadCertificates => "it is not there, or holds no certificates as text (PEM)",
            FaultKind::ProxyFailed => {
                "its address is mistyped, it is switched off, or it does not let this through"
            }
            FaultKind::NotSecure => "its encryption is set up wrongly, or too old",
            FaultKind::CertificateExpired => "nobody has renewed it, or this computer's date is wrong",
            FaultKind::CertificateTooNew => "this computer's date is wrong",
            FaultKind::CertificateOfOther => {
                "the address is not the one the server is meant to be reached at, or somebody is in between"
            }
            FaultKind::CertificateUntrusted => {
                "it vouches for itself, or belongs to a company with certificates of its own, or somebody is in between"
            }
            FaultKind::Status(status) => match status {
                401 | 407 => "none was given, or it was wrong",
                403 => "the link has expired or needs a login",
                404 | 410 => "the address is mistyped, or the file was moved or deleted",
                402 => "it wants a subscription, or a free allowance is used up",
                451 => "a court or an authority forbids it where you or the server are",
                511 => "it is a guest network, and its page in the browser has not been seen yet",
                501 | 505 => "it is made for something else, or very old",
                408 | 425 | 429 | 500..=599 => "it is overloaded or under repair",
                _ => "the address leads to something that is not a file",
            },
            FaultKind::TooManyRedirects => {
                "it sends visitors in a circle, often for want of a cookie or a login"
            }
            FaultKind::InsecureRedirect => {
                "it is set up wrongly, or somebody is tampering with the connection"
            }
            FaultKind::ConnectionLost => "the network or the server went away for a moment",
            FaultKind::Stalled => "the network or the server is stuck",
            FaultKind::Nonsense | FaultKind::WrongLength => "the server or a proxy on the way is broken",
            FaultKind::ChecksumMismatch => {
                "the file was changed or damaged on the server, or the checksum is for another one"
            }
            FaultKind::NotListed => "the list of checksums is not there, or does not have this file",
            FaultKind::AnotherFile => "the link leads to another version, or to another file",
            FaultKind::KeepsChanging => {
                "it is being written just now, or each of several servers has its own"
            }
            FaultKind::NameTaken => "it was downloaded before, or another program made it",
            FaultKind::DiskFull => "other files take up the space",
            FaultKind::QuotaFull => "your files there take up all that its administrator allows you",
            FaultKind::FileTooLarge => {
                "its file system has a limit, as FAT has of 4 GiB, or a limit was set for this program"
            }
            FaultKind::NoFolder => "it was moved or deleted, or its disk is not plugged in",
            FaultKind::NotWritable => "it belongs to somebody else",
            FaultKind::ReadOnly => "it is meant to be, or has a fault and is being spared",
            FaultKind::NameTooLong => "it was made for another kind of disk, or stands in encrypted folders",
            FaultKind::TooManyOpen => "this program or another has more open than it may",
            FaultKind::DiskFailed => "the disk has a problem, or the file was moved or deleted",
            FaultKind::SecretsGone => {
                "it goes into no file, no open keyring has it, and the program has been started anew since"
            }
            FaultKind::NoProgress => "the file or its server is gone",
            FaultKind::TookTooLong => "the server is very slow, or the file very large",
            FaultKind::Internal => "this should not happen",
        }
    }

    /// What the user can do, as a clause without a full stop.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self.kind {
            FaultKind::BadAddress => "copy the whole link, starting with http",
            FaultKind::UnknownScheme => "look for a link that starts with http",
            FaultKind::BadHeader => "correct it or leave it out",
            FaultKind::BadChecksum => "copy it whole, or leave it out",
            FaultKind::BadName => "choose a shorter name without a /",
            FaultKind::HostNotFound | FaultKind::ConnectionRefused => {
                "check the address and your connection, then retry"
            }
            FaultKind::ConnectFailed | FaultKind::ConnectionLost | FaultKind::Stalled => {
                "check your connection, then retry"
            }
            FaultKind::BadProxy => "write it as http://proxy.example:3128 or socks5://127.0.0.1:1080",
            FaultKind::BadCertificates => "name another file with --ca-file or in the setting ca_file",
            FaultKind::ProxyFailed => "check the proxy in the settings or the command line, then retry",
            FaultKind::NotSecure
            | FaultKind::CertificateExpired
            | FaultKind::CertificateTooNew
            | FaultKind::CertificateOfOther => {
                "check this computer's date and the address, or ask the server's owner"
            }
            FaultKind::CertificateUntrusted => {
                "name a file with the certificate that vouches for it, with --ca-file or in the setting ca_file"
            }
            FaultKind::Status(status) => match status {
                401 => {
                    "enter its login, with “meanwhile set JOB login NAME” for example, or get a fresh link"
                }
                403 => "get a fresh link, or add it again with a login",
                407 => "enter the proxy's login, with “meanwhile set JOB login NAME” or in the setting proxy",
                404 | 410 => "check the address, or look for the file elsewhere",
                402 | 451 | 501 | 505 => "look for the file elsewhere",
                511 => "sign in to the network in a browser, then retry",
                408 | 425 | 429 | 500..=599 => "retry later",
                _ => "open the address in a browser to see what is there",
            },
            FaultKind::TooManyRedirects => "open the address in a browser and copy the link it ends at",
            FaultKind::InsecureRedirect => {
                "use the http address itself if you trust it, or add it again with --insecure-redirects"
            }
            FaultKind::Nonsense | FaultKind::WrongLength => "retry, or look for the file elsewhere",
            FaultKind::ChecksumMismatch => "start over, or check the checksum",
            FaultKind::NotListed => "check the address of the list, or take the checksum off",
            FaultKind::AnotherFile => "give it another address, or start over with this one",
            FaultKind::KeepsChanging => "wait until it is tried again, or look for the file elsewhere",
            FaultKind::NameTaken => "choose another name, or say what to do with the file there",
            FaultKind::DiskFull => {
                "free some space, or choose a folder on another disk; what was fetched is kept"
            }
            FaultKind::QuotaFull => {
                "delete some of your files there, or choose a folder on another disk; what was fetched is kept"
            }
            FaultKind::FileTooLarge => "choose a folder on another disk; what was fetched is kept",
            FaultKind::NoFolder | FaultKind::NotWritable => {
                "choose another folder, or mend this one and retry; what was fetched is kept"
            }
            FaultKind::ReadOnly => "choose a folder on another disk, or make this one writable and retry",
            FaultKind::NameTooLong => "choose a shorter name",
            FaultKind::TooManyOpen => "close some programs, then retry",
            FaultKind::DiskFailed => "check the disk, then retry, or choose a folder on another one",
            FaultKind::SecretsGone => {
                "enter its login, with “meanwhile set JOB login NAME” for example, or add it again with its secrets"
            }
            FaultKind::NoProgress => "retry, or look for the file elsewhere",
            FaultKind::TookTooLong => "retry to go on, or allow more time in the settings",
            FaultKind::Internal => "retry, and report it with the log",
        }
    }
}

impl fmt::Display for Fault {
    /// One sentence: what; likely why; what to do. Particulars stand in brackets behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. You can {}.", self.what(), self.likely(), self.advice())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_fall_into_their_class() {
        for status in [408, 409, 425, 429, 500, 502, 503, 504, 507, 599] {
            assert!(Fault::new(FaultKind::Status(status), "").is_transient(), "{status}");
        }
        for status in [300, 305, 400, 401, 403, 404, 405, 406, 410, 411, 418, 451, 501, 505] {
            assert!(!Fault::new(FaultKind::Status(status), "").is_transient(), "{status}");
        }
    }

    #[test]
    fn a_fault_reads_as_what_why_and_what_to_do() {
        let fault = Fault::new(FaultKind::Status(404), "GET http://example.org/a");
        assert_eq!(
            fault.to_string(),
            "The file is not on the server (404): the address is mistyped, or the file was moved or deleted. \
             You can check the address, or look for the file elsewhere. (GET http://example.org/a)"
        );
    }
}
