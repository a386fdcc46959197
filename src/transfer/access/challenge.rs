//! What a server asks for with a 401: the challenges of its `WWW-Authenticate` headers (RFC 9110 section 11.6.1).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One way to log in that a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Its scheme, in lower case.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter, whose name is in lower case. Of several the first counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of an answer, in their order: several may stand in one header, and there may be several headers.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.flat_map(|value| read(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// Reads one header. Whatever makes no sense in it is passed over: a server whose commas are wrong may yet be right
/// about the rest.
fn read(text: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = text;
    // Whether a comma or the beginning stands before what comes next: only there a scheme may begin.
    let mut may_begin = true;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let token = &rest[..rest.find(|c: char| !is_token_char(c)).unwrap_or(rest.len())];
        let Some(first) = rest.chars().next() else { return challenges };
        if token.is_empty() {
            may_begin |= first == ',';
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let after = rest[token.len()..].trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            Some(value) if !value.starts_with('=') && !challenges.is_empty() => {
                let (value, behind) = value_in(value.trim_start_matches([' ', '\t']));
                if let Some(challenge) = challenges.last_mut() {
                    challenge.parameters.push((token.to_ascii_lowercase(), value));
                }
                rest = behind;
            }
            _ if may_begin => {
                let scheme = token.to_ascii_lowercase();
                challenges.push(Challenge { scheme, ..Challenge::default() });
                rest = after;
            }
            // The rest of a scheme that has no parameters but one word, as Negotiate does.
            _ => rest = after,
        }
        may_begin = false;
    }
}

/// A value, quoted or not, at the beginning of a text; and what follows it.
fn value_in(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            // RFC 9110 section 5.6.4: the backslash is not part of the value.
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// RFC 9110 section 5.6.2, and what else one word of a scheme can have (section 11.2), but `=`.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Challenge { scheme: scheme.into(), parameters: parameters.iter().map(owned).collect() }
    }

    #[test]
    fn challenges_are_told_apart() {
        let table = [
            ("", vec![]),
            ("Basic", vec![challenge("basic", &[])]),
            ("Basic realm=\"a, b\"", vec![challenge("basic", &[("realm", "a, b")])]),
            ("BASIC Realm = plain", vec![challenge("basic", &[("realm", "plain")])]),
            (
                "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
                vec![
                    challenge("newauth", &[("realm", "apps"), ("type", "1"), ("title", "Login to \"apps\"")]),
                    challenge("basic", &[("realm", "simple")]),
                ],
            ),
            (
                "Negotiate, NTLM , Digest realm=\"r\",nonce=\"n\", qop=\"auth,auth-int\"",
                vec![
                    challenge("negotiate", &[]),
                    challenge("ntlm", &[]),
                    challenge("digest", &[("realm", "r"), ("nonce", "n"), ("qop", "auth,auth-int")]),
                ],
            ),
            (
                "Negotiate dG9rZW4+/==, Basic realm=x",
                vec![challenge("negotiate", &[]), challenge("basic", &[("realm", "x")])],
            ),
            (
                ",, Basic ,realm=\"x\",,Bearer",
                vec![challenge("basic", &[("realm", "x")]), challenge("bearer", &[])],
            ),
            // No commas where they should be.
            ("Digest realm=\"r\" nonce=\"n\"", vec![challenge("digest", &[("realm", "r"), ("nonce", "n")])]),
            ("Basic realm=\"never ends", vec![challenge("basic", &[("realm", "never ends")])]),
            ("realm=\"x\"", vec![challenge("realm", &[])]),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        for value in ["Digest realm=\"r\"", "Basic realm=\"r\""] {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        let schemes: Vec<_> = challenges(&headers).into_iter().map(|challenge| challenge.scheme).collect();
        assert_eq!(schemes, ["digest", "basic"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[a-zA-Z0-9 ,=\"\\\\\u{e4}/]{0,60}") {
            for challenge in read(&text) {
                prop_assert!(!challenge.scheme.is_empty());
            }
        }

        #[test]
        fn what_is_written_is_read(pairs in prop::collection::vec(("[a-z]{1,6}", ".{0,12}"), 0..5)) {
            let written: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            let read = read(&format!("Digest {}", written.join(", ")));
            prop_assert_eq!(read, vec![Challenge { scheme: "digest".into(), parameters: pairs }]);
        }
    }
}
