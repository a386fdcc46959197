//! What can be done about a fault: the table from each sort of fault to the actions that help.

use super::{Fault, FaultKind};

/// Something the user can do about a fault. The window has a button for each, the command line a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Try it again now.
    Retry,
    /// Fetch it from another address.
    ChangeAddress,
    /// Enter a login: for its server or its proxy.
    EnterLogin,
    /// Save it to another folder.
    ChooseFolder,
    /// Delete something in the folder, or elsewhere on its disk.
    FreeSpace,
    /// Save it under another name.
    ChooseName,
    /// Keep the file that has its name, and give it a number.
    Number,
    /// Put it in the place of the file that has its name.
    Overwrite,
    /// Give up what is there of it, and fetch it from its start.
    StartOver,
    /// Correct what it is compared with when it is whole, or take that off.
    ChangeChecksum,
    /// Look into the settings.
    Settings,
}

impl Remedy {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Retry,
        Self::ChangeAddress,
        Self::EnterLogin,
        Self::ChooseFolder,
        Self::FreeSpace,
        Self::ChooseName,
        Self::Number,
        Self::Overwrite,
        Self::StartOver,
        Self::ChangeChecksum,
        Self::Settings,
    ];
}

impl Fault {
    /// What the user can do about it, the most helpful first. Empty for what is refused before there is a download.
    #[must_use]
    pub const fn remedies(&self) -> &'static [Remedy] {
        use FaultKind as K;
        use Remedy as R;
        match self.kind {
            K::BadAddress | K::UnknownScheme => &[R::ChangeAddress],
            K::BadHeader => &[],
            K::BadChecksum => &[R::ChangeChecksum],
            K::BadName => &[R::ChooseName],
            K::HostNotFound
            | K::ConnectionRefused
            | K::ConnectFailed
            | K::ConnectionLost
            | K::Stalled
            | K::KeepsChanging
            | K::NoProgress => &[R::Retry, R::ChangeAddress],
            K::BadProxy => &[R::Settings],
            K::BadCertificates | K::ProxyFailed => &[R::Settings, R::Retry],
            K::NotSecure | K::CertificateExpired | K::CertificateTooNew | K::CertificateOfOther => {
                &[R::Retry, R::ChangeAddress]
            }
            K::CertificateUntrusted => &[R::Settings, R::Retry, R::ChangeAddress],
            K::Status(401) => &[R::EnterLogin, R::ChangeAddress, R::Retry],
            K::Status(403) => &[R::ChangeAddress, R::EnterLogin, R::Retry],
            K::Status(407) => &[R::EnterLogin, R::Settings, R::Retry],
            K::Status(511) => &[R::Retry],
            K::Status(_) if self.is_transient() => &[R::Retry, R::ChangeAddress],
            K::Status(_) | K::TooManyRedirects | K::InsecureRedirect => &[R::ChangeAddress, R::Retry],
            K::Nonsense | K::WrongLength => &[R::Retry, R::ChangeAddress, R::StartOver],
            K::ChecksumMismatch => &[R::StartOver, R::ChangeChecksum, R::ChangeAddress],
            K::NotListed => &[R::ChangeChecksum, R::Retry],
            K::AnotherFile => &[R::ChangeAddress, R::StartOver],
            K::NameTaken => &[R::ChooseName, R::Number, R::Overwrite, R::ChooseFolder],
            K::DiskFull | K::QuotaFull => &[R::FreeSpace, R::ChooseFolder, R::Retry],
            K::FileTooLarge => &[R::ChooseFolder],
            K::NoFolder | K::NotWritable | K::ReadOnly => &[R::ChooseFolder, R::Retry],
            K::NameTooLong => &[R::ChooseName, R::ChooseFolder],
            K::TooManyOpen => &[R::Retry],
            K::DiskFailed => &[R::Retry, R::ChooseFolder, R::StartOver],
            K::SecretsGone => &[R::EnterLogin],
            K::TookTooLong => &[R::Retry, R::Settings],
            K::Internal => &[R::Retry, R::StartOver],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sort of fault: one that is missing is not made by `next`, and the compiler asks for it there.
    fn all() -> Vec<FaultKind> {
        use FaultKind as K;
        let next = |kind: &FaultKind| {
            Some(match kind {
                K::BadAddress => K::UnknownScheme,
                K::UnknownScheme => K::BadHeader,
                K::BadHeader => K::BadChecksum,
                K::BadChecksum => K::BadName,
                K::BadName => K::HostNotFound,
                K::HostNotFound => K::ConnectionRefused,
                K::ConnectionRefused => K::ConnectFailed,
                K::ConnectFailed => K::BadProxy,
                K::BadProxy => K::BadCertificates,
                K::BadCertificates => K::ProxyFailed,
                K::ProxyFailed => K::NotSecure,
                K::NotSecure => K::CertificateExpired,
                K::CertificateExpired => K::CertificateTooNew,
                K::CertificateTooNew => K::CertificateOfOther,
                K::CertificateOfOther => K::CertificateUntrusted,
                K::CertificateUntrusted => K::Status(300),
                K::Status(599) => K::TooManyRedirects,
                K::Status(status) => K::Status(status + 1),
                K::TooManyRedirects => K::InsecureRedirect,
                K::InsecureRedirect => K::ConnectionLost,
                K::ConnectionLost => K::Stalled,
                K::Stalled => K::Nonsense,
                K::Nonsense => K::WrongLength,
                K::WrongLength => K::ChecksumMismatch,
                K::ChecksumMismatch => K::NotListed,
                K::NotListed => K::AnotherFile,
                K::AnotherFile => K::KeepsChanging,
                K::KeepsChanging => K::NameTaken,
                K::NameTaken => K::DiskFull,
                K::DiskFull => K::QuotaFull,
                K::QuotaFull => K::FileTooLarge,
                K::FileTooLarge => K::NoFolder,
                K::NoFolder => K::NotWritable,
                K::NotWritable => K::ReadOnly,
                K::ReadOnly => K::NameTooLong,
                K::NameTooLong => K::TooManyOpen,
                K::TooManyOpen => K::DiskFailed,
                K::DiskFailed => K::SecretsGone,
                K::SecretsGone => K::NoProgress,
                K::NoProgress => K::TookTooLong,
                K::TookTooLong => K::Internal,
                K::Internal => return None,
            })
        };
        std::iter::successors(Some(K::BadAddress), next).collect()
    }

    #[test]
    fn every_fault_has_words_and_something_that_helps() {
        let mut offered = Vec::new();
        for kind in all() {
            let fault = Fault::new(kind.clone(), "");
            let remedies = fault.remedies();
            assert!(!remedies.is_empty() || kind == FaultKind::BadHeader, "{kind:?}");
            let twice = remedies.iter().enumerate().any(|(at, remedy)| remedies[..at].contains(remedy));
            assert!(!twice, "{kind:?}");
            // What is tried again by itself can be tried again by hand.
            assert!(!fault.is_transient() || remedies.contains(&Remedy::Retry), "{kind:?}");
            for words in [&fault.what(), fault.likely(), fault.advice()] {
                assert!(!words.is_empty() && !words.ends_with('.'), "{kind:?}: {words}");
            }
            assert!(fault.what().starts_with(char::is_uppercase), "{kind:?}");
            // The list has it on one line beside the name.
            assert!(fault.what().len() <= 60, "{kind:?}");
            offered.extend(remedies);
        }
        for remedy in Remedy::ALL {
            assert!(offered.contains(&remedy), "{remedy:?} is of no use");
        }
    }

    #[test]
    fn the_first_remedy_is_the_one_that_helps_most() {
        use FaultKind as K;
        let table = [
            (K::ConnectionRefused, Remedy::Retry),
            (K::Status(401), Remedy::EnterLogin),
            (K::Status(403), Remedy::ChangeAddress),
            (K::Status(404), Remedy::ChangeAddress),
            (K::Status(407), Remedy::EnterLogin),
            (K::Status(429), Remedy::Retry),
            (K::Status(503), Remedy::Retry),
            (K::Status(511), Remedy::Retry),
            (K::ChecksumMismatch, Remedy::StartOver),
            (K::AnotherFile, Remedy::ChangeAddress),
            (K::NameTaken, Remedy::ChooseName),
            (K::DiskFull, Remedy::FreeSpace),
            (K::ReadOnly, Remedy::ChooseFolder),
            (K::NameTooLong, Remedy::ChooseName),
        ];
        for (kind, first) in table {
            assert_eq!(Fault::new(kind.clone(), "").remedies().first(), Some(&first), "{kind:?}");
        }
    }
}
