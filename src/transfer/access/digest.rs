//! The answer to a Digest challenge (RFC 7616), also in the old way without `qop` (RFC 2069).
//!
//! Own code: the crates there are know one challenge at a time and older hashes' crates than the rest of the program.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha512_256};

use super::challenge::Challenge;
use crate::job::Login;

/// The way of hashing a server asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha512Half,
    Sha256,
}

/// A challenge that can be answered, as often as its server takes its nonce.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Digest {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Option<String>,
    hash: Hash,
    is_session: bool,
    has_qop: bool,
    hides_user: bool,
    /// Our own word, for as long as the nonce lasts: the session's key is made with it.
    cnonce: String,
    /// How often the nonce was used.
    count: u32,
}

impl Digest {
    /// What a challenge asks for; `None` where it is not Digest, or wants what we cannot do.
    pub(super) fn of(challenge: &Challenge, cnonce: String) -> Option<Self> {
        if challenge.scheme != "digest" {
            return None;
        }
        let algorithm = challenge.get("algorithm");
        let lower = algorithm.unwrap_or("MD5").to_ascii_lowercase();
        let (name, is_session) =
            lower.strip_suffix("-sess").map_or((lower.as_str(), false), |name| (name, true));
        let hash = match name {
            "md5" => Hash::Md5,
            "sha-256" => Hash::Sha256,
            "sha-512-256" => Hash::Sha512Half,
            _ => return None,
        };
        let qop = challenge.get("qop").filter(|qop| !qop.trim().is_empty());
        if qop.is_some_and(|qop| !qop.split([',', ' ']).any(|word| word.trim().eq_ignore_ascii_case("auth")))
        {
            return None;
        }
        let owned = |name| challenge.get(name).map(str::to_owned);
        Some(Self {
            realm: owned("realm").unwrap_or_default(),
            nonce: owned("nonce")?,
            opaque: owned("opaque"),
            algorithm: algorithm.map(str::to_owned),
            hash,
            is_session,
            has_qop: qop.is_some(),
            hides_user: challenge.get("userhash").is_some_and(|word| word.eq_ignore_ascii_case("true")),
            cnonce,
            count: 0,
        })
    }

    /// How good its hash is, to choose among several.
    pub(super) const fn strength(&self) -> u8 {
        match self.hash {
            Hash::Md5 => 0,
            Hash::Sha512Half => 1,
            Hash::Sha256 => 2,
        }
    }

    /// The value of `Authorization` for the next request, which is a GET of `target`.
    pub(super) fn answer(&mut self, (user, password): &Login, target: &str) -> String {
        self.count = self.count.wrapping_add(1);
        let Self { realm, nonce, cnonce, hash, .. } = &*self;
        let count = format!("{:08x}", self.count);
        let of = |text: String| hash.hex(&text);
        let mut secret = of(format!("{user}:{realm}:{password}"));
        if self.is_session {
            secret = of(format!("{secret}:{nonce}:{cnonce}"));
        }
        let request = of(format!("GET:{target}"));
        let response = if self.has_qop {
            of(format!("{secret}:{nonce}:{count}:{cnonce}:auth:{request}"))
        } else {
            of(format!("{secret}:{nonce}:{request}"))
        };
        let user = if self.hides_user { of(format!("{user}:{realm}")) } else { user.clone() };
        let mut answer = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(&user),
            quoted(realm),
            quoted(nonce),
            quoted(target)
        );
        // Writing to a string does not fail.
        if let Some(algorithm) = &self.algorithm {
            let _ = write!(answer, ", algorithm={algorithm}");
        }
        if self.has_qop {
            let _ = write!(answer, ", qop=auth, nc={count}, cnonce={}", quoted(cnonce));
        } else if self.is_session {
            let _ = write!(answer, ", cnonce={}", quoted(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(answer, ", opaque={}", quoted(opaque));
        }
        if self.hides_user {
            answer.push_str(", userhash=true");
        }
        answer
    }
}

/// RFC 9110 section 5.6.4.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Hash {
    /// In lower-case hexadecimal.
    fn hex(self, text: &str) -> String {
        let bytes = match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512Half => Sha512_256::digest(text).to_vec(),
        };
        bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

    use super::super::challenge::challenges;
    use super::*;

    fn digest(header: &str, cnonce: &str) -> Option<Digest> {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, header.parse().unwrap());
        challenges(&headers).iter().find_map(|challenge| Digest::of(challenge, cnonce.to_owned()))
    }

    fn login(user: &str, password: &str) -> Login {
        (user.to_owned(), password.to_owned())
    }

    /// The example of RFC 7616 section 3.9.1.
    const RFC: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=ALGORITHM, \
        nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let table = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, response) in table {
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let mut digest = digest(&RFC.replace("ALGORITHM", algorithm), cnonce).unwrap();
            let answer = digest.answer(&login("Mufasa", "Circle of Life"), "/dir/index.html");
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            for part in [
                "username=\"Mufasa\"",
                "qop=auth",
                "nc=00000001",
                "uri=\"/dir/index.html\"",
                "opaque=\"FQhe/",
            ] {
                assert!(answer.contains(part), "{answer}");
            }
            assert!(digest.answer(&login("Mufasa", "Circle of Life"), "/").contains("nc=00000002"));
        }
        // RFC 2617 section 3.5.
        let mut old = digest(
            "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
            "0a4f113b",
        )
        .unwrap();
        let answer = old.answer(&login("Mufasa", "Circle Of Life"), "/dir/index.html");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(!answer.contains("algorithm"), "what it did not say is not said back: {answer}");
    }

    #[test]
    fn without_qop_the_old_way_is_taken() {
        // RFC 2069 section 2.4, with the response of its erratum 749.
        let mut digest = digest(
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"x\"",
            "unused",
        )
        .unwrap();
        let answer = digest.answer(&login("Mufasa", "CircleOfLife"), "/dir/index.html");
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(!answer.contains("cnonce") && !answer.contains("nc="), "{answer}");
    }

    #[test]
    fn a_session_keeps_its_word() {
        let mut session = digest("Digest realm=r, nonce=\"n\", qop=auth, algorithm=MD5-sess", "c").unwrap();
        let me = login("me", "pw");
        let first = session.answer(&me, "/");
        let key = Hash::Md5.hex(&format!("{}:n:c", Hash::Md5.hex("me:r:pw")));
        let request = Hash::Md5.hex("GET:/");
        for (count, answer) in [("00000001", first), ("00000002", session.answer(&me, "/"))] {
            let response = Hash::Md5.hex(&format!("{key}:n:{count}:c:auth:{request}"));
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains("algorithm=MD5-sess") && answer.contains("cnonce=\"c\""), "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_left() {
        for header in [
            "Basic realm=r",
            "Digest realm=r",
            "Digest realm=r, nonce=n, qop=auth-int",
            "Digest realm=r, nonce=n, algorithm=SHA-1",
            "Digest realm=r, nonce=n, algorithm=token",
        ] {
            assert!(digest(header, "c").is_none(), "{header}");
        }
    }

    #[test]
    fn quotes_are_escaped_and_a_hidden_user_is_not_named() {
        let me = login("m\"e\\", "pw");
        let answer = digest("Digest realm=\"a\\\"b\", nonce=n", "c").unwrap().answer(&me, "/x\"y");
        assert!(
            answer.starts_with(r#"Digest username="m\"e\\", realm="a\"b", nonce="n", uri="/x\"y""#),
            "{answer}"
        );
        let answer = digest("Digest realm=r, nonce=n, userhash=true", "c").unwrap().answer(&me, "/");
        assert!(answer.contains(&Hash::Md5.hex("m\"e\\:r")) && answer.ends_with("userhash=true"), "{answer}");
    }
}
