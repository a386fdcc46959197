//! The sums servers send along: `Repr-Digest` and `Content-Digest` (RFC 9530), `Digest` (RFC 3230, which that one
//! obsoletes) and `Content-MD5` (RFC 1864). Pure.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use crate::job::{Checksum, Hash};

/// Base64 as structured fields are to be read: padding may be missing, and the bits left over may be anything
/// (RFC 9651 section 4.2.7). The number of bytes is compared anyway.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The sum of the whole file as the head of an answer says it: the strongest of those that are known here. What
/// is said of the body counts only where that is the whole file. `None` where nothing is said, where it cannot be
/// read, where two headers say different things, and where the body is coded: then it is not the file that was summed.
pub(super) fn of_whole(headers: &HeaderMap, body_is_whole: bool) -> Option<Checksum> {
    let is_plain = |value: &str| value.trim().is_empty() || value.trim().eq_ignore_ascii_case("identity");
    if !lines(headers, CONTENT_ENCODING.as_str()).all(|value| value.is_some_and(is_plain)) {
        return None;
    }
    let mut sums = dictionary(headers, "repr-digest");
    sums.extend(instance_digests(headers));
    if body_is_whole {
        sums.extend(dictionary(headers, "content-digest"));
        sums.extend(lines(headers, "content-md5").flatten().filter_map(|text| sum_of(Hash::Md5, text)));
    }
    let hash = sums.iter().map(Checksum::hash).max()?;
    let mut strongest = sums.into_iter().filter(|sum| sum.hash() == hash);
    let first = strongest.next()?;
    strongest.all(|sum| sum == first).then_some(first)
}

/// The values of a header, as text; `None` for one that is none.
fn lines<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = Option<&'h str>> {
    headers.get_all(name).iter().map(|value| value.to_str().ok())
}

/// The members of a list over all lines of a header; `None` where one of them is no text or empty.
fn members<'h>(headers: &'h HeaderMap, name: &'h str) -> Option<Vec<&'h str>> {
    let lines: Vec<&str> = lines(headers, name).collect::<Option<_>>()?;
    let members: Vec<&str> = lines.into_iter().flat_map(|line| line.split(',')).map(str::trim).collect();
    members.iter().all(|member| !member.is_empty()).then_some(members)
}

/// The sums of a dictionary of byte sequences (RFC 9651 section 3.2), `sha-256=:BASE64:, …`. It counts as a whole
/// or not at all. Of a key that is there twice the last counts.
fn dictionary(headers: &HeaderMap, name: &str) -> Vec<Checksum> {
    let read = |member: &str| {
        let (key, value) = member.split_once('=')?;
        let (base64, parameters) = value.strip_prefix(':')?.split_once(':')?;
        let fits = is_key(key) && (parameters.is_empty() || parameters.trim_start().starts_with(';'));
        fits.then_some((key.to_owned(), BASE64.decode(base64).ok()?))
    };
    let members: Option<Vec<(String, Vec<u8>)>> =
        members(headers, name).and_then(|members| members.into_iter().map(read).collect());
    let members = members.unwrap_or_default();
    let last = |hash: Hash| {
        let (_, bytes) = members.iter().rev().find(|(key, _)| hash_of(key) == Some(hash))?;
        Checksum::new(hash, bytes)
    };
    Hash::ALL.into_iter().filter_map(last).collect()
}

/// RFC 9651 section 3.1.2.
fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c))
}

/// The sums of `Digest: SHA-256=BASE64,MD5=…`. They are of the whole, whatever part of it is sent.
fn instance_digests(headers: &HeaderMap) -> Vec<Checksum> {
    let read = |member: &str| {
        let (name, base64) = member.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        // “id-” says that it is of the file as it is, whatever it was coded with on its way (RFC 5843).
        let hash = hash_of(name.strip_prefix("id-").unwrap_or(&name));
        hash.map(|hash| sum_of(hash, base64)).unwrap_or_default()
    };
    members(headers, "digest").unwrap_or_default().into_iter().filter_map(read).collect()
}

/// The sort of sum by its name in IANA's registries, in lower case.
fn hash_of(name: &str) -> Option<Hash> {
    match name {
        "sha-512" => Some(Hash::Sha512),
        "sha-256" => Some(Hash::Sha256),
        "sha" => Some(Hash::Sha1),
        "md5" => Some(Hash::Md5),
        _ => None,
    }
}

fn sum_of(hash: Hash, base64: &str) -> Option<Checksum> {
    Checksum::new(hash, &BASE64.decode(base64.trim()).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in text.lines() {
            let (name, value) = line.trim().split_once(':').unwrap();
            headers.append(
                name.parse::<reqwest::header::HeaderName>().unwrap(),
                reqwest::header::HeaderValue::from_bytes(value.trim().as_bytes()).unwrap(),
            );
        }
        headers
    }

    /// What is found with the whole body and with a part of it, as the first two digits and the sort.
    fn found(text: &str) -> [Option<(Hash, String)>; 2] {
        [true, false].map(|is_whole| {
            of_whole(&headers(text), is_whole).map(|sum| (sum.hash(), sum.digits()[..2].to_owned()))
        })
    }

    fn base64(hash: Hash, byte: u8) -> String {
        BASE64.encode(vec![byte; hash.bytes()])
    }

    /// `@` stands for a SHA-256, `%` for another, `$` for a SHA-512, `&` for an MD5, `~` for a SHA-1.
    fn filled(text: &str) -> String {
        text.replace('@', &base64(Hash::Sha256, 0xaa))
            .replace('%', &base64(Hash::Sha256, 0xbb))
            .replace('$', &base64(Hash::Sha512, 0xcc))
            .replace('&', &base64(Hash::Md5, 0xdd))
            .replace('~', &base64(Hash::Sha1, 0xee))
    }

    #[test]
    fn sums_of_the_whole_are_read_from_all_headers() {
        const SHA256: Option<(Hash, &str)> = Some((Hash::Sha256, "aa"));
        const SHA512: Option<(Hash, &str)> = Some((Hash::Sha512, "cc"));
        const MD5: Option<(Hash, &str)> = Some((Hash::Md5, "dd"));
        const SHA1: Option<(Hash, &str)> = Some((Hash::Sha1, "ee"));
        let table = [
            ("Repr-Digest: sha-256=:@:", SHA256, SHA256),
            ("Repr-Digest: sha-256=:@:, sha-512=:$:", SHA512, SHA512),
            ("Repr-Digest: sha-256=:@:\nRepr-Digest: sha-512=:$:", SHA512, SHA512),
            ("Repr-Digest: sha=:~:,md5=:&:", SHA1, SHA1),
            ("Repr-Digest: unixsum=:AAA=:,sha-256=:@:", SHA256, SHA256),
            ("Repr-Digest: sha-256=:%:, sha-256=:@:", SHA256, SHA256),
            ("Repr-Digest: sha-256=:@:;a=1, b=:AAAA:", SHA256, SHA256),
            ("Content-Digest: sha-256=:@:", SHA256, None),
            ("Content-Digest: sha-512=:$:\nRepr-Digest: sha-256=:@:", SHA512, SHA256),
            ("Digest: SHA-256=@", SHA256, SHA256),
            ("Digest: sha-256=@,MD5=&, unixsum=123", SHA256, SHA256),
            ("Digest: SHA=~", SHA1, SHA1),
            ("Digest: id-sha-512=$", SHA512, SHA512),
            ("Content-MD5: &", MD5, None),
            ("Content-MD5: &\nDigest: sha=~", SHA1, SHA1),
            ("Content-MD5: &\nContent-Encoding: identity", MD5, None),
            ("Repr-Digest: sha-256=:@:\nDigest: sha-256=@", SHA256, SHA256),
            // A sum of the wrong length is none, and spoils no other.
            ("Repr-Digest: sha-512=:@:, sha-256=:@:", SHA256, SHA256),
            ("Digest: sha-512=@, sha-256=@", SHA256, SHA256),
            ("Digest: klingon=!!!, sha-256=@", SHA256, SHA256),
        ];
        for (text, whole, part) in table {
            let wanted = [whole, part].map(|wanted| wanted.map(|(hash, digits)| (hash, digits.to_owned())));
            assert_eq!(found(&filled(text)), wanted, "{text}");
        }
    }

    #[test]
    fn padding_may_be_missing() {
        let bare = filled("Repr-Digest: sha-256=:@").trim_end_matches('=').to_owned() + ":";
        assert_eq!(found(&bare)[1], Some((Hash::Sha256, "aa".to_owned())), "{bare}");
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        for text in [
            "X: y",
            "Repr-Digest:",
            "Repr-Digest: sha-256=@",
            "Repr-Digest: sha-256=:@",
            "Repr-Digest: sha-256 = :@:",
            "Repr-Digest: SHA-256=:@:",
            "Repr-Digest: sha-256=:@:,",
            "Repr-Digest: sha-256=:@:,,md5=:&:",
            "Repr-Digest: sha-256=:@: x",
            "Repr-Digest: sha-256=:@:, x=\"y\"",
            "Repr-Digest: sha-256=:@:, x",
            "Repr-Digest: sha-256=:!@:",
            "Repr-Digest: sha-256=:@:, ü=:AAAA:",
            "Repr-Digest: sha-256=:@:, sha-256=:AAAA:",
            "Repr-Digest: sha-256=:AAAA:",
            "Repr-Digest: sha-256=:@@:",
            "Repr-Digest: sha-224=:AAAA:",
            "Digest: sha-256=:@:",
            "Digest: sha-256",
            "Digest: @",
            "Digest: sha-256=@,",
            "Content-MD5: @",
            "Content-MD5: d41d8cd98f00b204e9800998ecf8427e",
            "Repr-Digest: sha-256=:@:\nContent-Encoding: gzip",
            "Repr-Digest: sha-256=:@:\nContent-Encoding: identity, gzip",
            "Repr-Digest: sha-256=:@:\nContent-Encoding: identity\nContent-Encoding: br",
            "Repr-Digest: sha-256=:@:\nContent-Encoding: ü",
            // Who says two different things about the same is not believed either.
            "Repr-Digest: sha-256=:@:\nDigest: sha-256=%",
            "Digest: sha-256=@, sha-256=%",
        ] {
            assert_eq!(found(&filled(text)), [None, None], "{text}");
        }
        assert_eq!(found(&filled("Repr-Digest: sha-256=:@:\nContent-Digest: sha-256=:%:"))[0], None);
    }

    #[test]
    fn the_rfcs_own_examples_are_read() {
        let text = "Repr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        let digits = "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";
        assert_eq!(of_whole(&headers(text), false).map(|sum| sum.digits()).as_deref(), Some(digits));
        let text = "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==";
        assert_eq!(
            of_whole(&headers(text), true).map(|sum| sum.digits()).as_deref(),
            Some("436865636b20496e7465677269747921")
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            name in prop_oneof![
                Just("repr-digest"), Just("content-digest"), Just("digest"), Just("content-md5")
            ],
            values in proptest::collection::vec(
                "(sha-256=:|sha-512=|md5=:|[A-Za-z0-9+/]{43}=|[=:;, \"a-z0-9]|[ -~]){0,12}", 0..3,
            ),
        ) {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name, value.parse().unwrap());
            }
            of_whole(&headers, true);
        }

        #[test]
        fn what_was_sent_comes_back(bytes in any::<[u8; 32]>()) {
            let text = format!("Repr-Digest: sha-256=:{}:", BASE64.encode(bytes));
            prop_assert_eq!(of_whole(&headers(&text), false), Checksum::new(Hash::Sha256, &bytes));
        }
    }
}
