//! Checksums: what a whole file is compared with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Fault, FaultKind};

/// The sums that can be checked, the weaker ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// MD5: tells accidents apart, and nobody who means harm.
    Md5,
    /// SHA-1: as MD5.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All of them, the weaker ones first.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// How many bytes its sums have.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The word for it in lists and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The one of that name: `sha256`, `SHA-256`, `sha_256`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let plain: String =
            name.trim().chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_ascii_lowercase();
        Self::ALL.into_iter().find(|hash| hash.word() == plain)
    }
}

/// The sum a file has or must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    hash: Hash,
    /// As many as the sort of sum has.
    bytes: Box<[u8]>,
}

impl Checksum {
    /// The sum of those bytes; `None` where there are not as many as that sort of sum has.
    #[must_use]
    pub fn new(hash: Hash, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == hash.bytes()).then(|| Self { hash, bytes: bytes.into() })
    }

    /// Reads the digits of a sum of that sort, in either case, with blanks around them.
    ///
    /// # Errors
    /// [`FaultKind::BadChecksum`].
    pub fn from_digits(hash: Hash, digits: &str) -> Result<Self, Fault> {
        let bad = || {
            let detail = format!("“{}” is no {}", digits.trim().escape_debug(), hash.name());
            Fault::new(FaultKind::BadChecksum, detail)
        };
        let bytes = bytes_of(digits.trim()).ok_or_else(bad)?;
        Self::new(hash, &bytes).ok_or_else(bad)
    }

    /// Which sort of sum it is.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The sum in lower-case hexadecimal.
    #[must_use]
    pub fn digits(&self) -> String {
        use fmt::Write as _;
        let mut text = String::with_capacity(2 * self.bytes.len());
        for byte in &self.bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        digits.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

impl fmt::Display for Checksum {
    /// `sha256:…`, as [`Checksum::from_str`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.hash.word(), self.digits())
    }
}

impl FromStr for Checksum {
    type Err = Fault;

    /// Reads `sha256:DIGITS` or `sha-256=DIGITS`; digits alone are told by their number.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if let Some((name, digits)) = text.split_once([':', '=']) {
            let unknown = || {
                let known = Hash::ALL.map(Hash::word).join(", ");
                let name = name.trim().escape_debug();
                Fault::new(FaultKind::BadChecksum, format!("“{name}” is none of {known}"))
            };
            return Self::from_digits(Hash::named(name).ok_or_else(unknown)?, digits);
        }
        let of_that_length = Hash::ALL.into_iter().find(|hash| 2 * hash.bytes() == text.len());
        Self::from_digits(of_that_length.unwrap_or(Hash::Sha256), text)
    }
}

impl TryFrom<String> for Checksum {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(sum: Checksum) -> Self {
        sum.to_string()
    }
}

/// What a finished file is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Expected {
    /// This sum.
    Sum(Checksum),
    /// The sum that stands beside its name in the list at that address (`SHA256SUMS`).
    ListedAt(Url),
}

impl FromStr for Expected {
    type Err = Fault;

    /// Reads a sum or the address of a list of sums.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.starts_with("http://") || text.starts_with("https://") {
            // The login would be written down with it.
            return match super::address(text)? {
                (url, None) => Ok(Self::ListedAt(url)),
                (_, Some(_)) => Err(Fault::new(
                    FaultKind::BadChecksum,
                    "the address of a list of sums cannot have a login in it",
                )),
            };
        }
        text.parse().map(Self::Sum)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum(sum) => sum.fmt(f),
            Self::ListedAt(url) => url.fmt(f),
        }
    }
}

impl TryFrom<String> for Expected {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        text.parse()
    }
}

impl From<Expected> for String {
    fn from(expected: Expected) -> Self {
        expected.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_told_by_their_name_or_length() {
        let hash = |text: &str| text.parse::<Checksum>().map(|sum| sum.hash());
        for (digits, wanted) in [(32, Hash::Md5), (40, Hash::Sha1), (64, Hash::Sha256), (128, Hash::Sha512)] {
            assert_eq!(hash(&"aB".repeat(digits / 2)), Ok(wanted));
            let named = format!(" {}:{}", wanted.name(), "0".repeat(digits));
            assert_eq!(hash(&named), Ok(wanted), "{named}");
            assert!(hash(&format!("{}={}", wanted.word(), "0".repeat(digits - 2))).is_err());
        }
        for wrong in
            ["", "sha256:", "crc32:00000000", &"x".repeat(64), &"0".repeat(63), "ä".repeat(32).as_str()]
        {
            assert_eq!(hash(wrong).expect_err(wrong).kind, FaultKind::BadChecksum);
        }
    }

    #[test]
    fn what_a_file_must_be_is_one_word_in_the_list() {
        for text in [format!("sha256:{}", "0f".repeat(32)), "https://example.org/SHA256SUMS".to_owned()] {
            let expected: Expected = text.parse().unwrap();
            assert_eq!(expected.to_string(), text);
            assert_eq!(ron::from_str::<Expected>(&ron::to_string(&expected).unwrap()).unwrap(), expected);
        }
        // As version 2 of the list began.
        assert!(matches!(
            ron::from_str::<Expected>(&format!("\"{}\"", "0f".repeat(32))),
            Ok(Expected::Sum(_))
        ));
        let secret = "https://me:hunter2@example.org/SUMS".parse::<Expected>().unwrap_err();
        assert!(!secret.to_string().contains("hunter2"));
    }
}
