//! Keeps secrets out of the process's title: everybody on the computer may read the words of a command line
//! (`/proc/PID/cmdline`), but only its user the environment. So a command with a secret in it takes its words into the
//! environment and begins again, as the same process, with masked ones.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::job::{is_secret_header, without_login};

/// What holds the words meanwhile. Processes that are started do not get it.
const WORDS: &str = "MEANWHILE_WORDS";

/// The words of the command line, with nothing in the process's title that is nobody else's business.
pub(super) fn words() -> Vec<OsString> {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some(kept) = std::env::var_os(WORDS).and_then(|text| decode(text.as_bytes())) {
        return kept;
    }
    if let Some(masked) = masked(&given) {
        let mut again = Command::new("/proc/self/exe");
        if let Some((name, rest)) = masked.split_first() {
            again.arg0(name).args(rest);
        }
        // It comes back only where it fails; then secrecy is not to be had, and the download goes before it.
        let error = again.env(WORDS, encode(&given)).exec();
        tracing::debug!(%error, "the words of the command line stay as they are");
    }
    given
}

/// The same words without the secrets in them; `None` where there are none.
fn masked(words: &[OsString]) -> Option<Vec<OsString>> {
    let mut is_header = false;
    let mut name = String::new();
    let mask = |word: &OsString| {
        let text = word.to_str()?;
        let after = std::mem::replace(&mut name, text.to_owned());
        if let Some(masked) = masked_login(&after, text) {
            return Some(masked.into());
        }
        let of_header = text.strip_prefix("--header=");
        let header = of_header.or(is_header.then_some(text));
        is_header = text == "--header";
        if let Some((name, _)) = header.and_then(|header| header.split_once(':'))
            && is_secret_header(name)
        {
            let before = if of_header.is_some() { "--header=" } else { "" };
            return Some(OsString::from(format!("{before}{name}: …")));
        }
        let without = without_login(text);
        (without != text).then(|| without.into())
    };
    let masked: Vec<Option<OsString>> = words.iter().map(mask).collect();
    let has_secret = masked.iter().any(Option::is_some);
    has_secret.then(|| {
        masked.into_iter().zip(words).map(|(mask, word)| mask.unwrap_or_else(|| word.clone())).collect()
    })
}

/// A word that is a login, or a proxy with one, without the password; `None` where it has none.
fn masked_login(before: &str, word: &str) -> Option<String> {
    let (name, value) =
        word.split_once('=').filter(|(name, _)| name.starts_with("--")).unwrap_or((before, word));
    let kept = &word[..word.len() - value.len()];
    match name {
        "--user" | "login" => value.split_once(':').map(|(user, _)| format!("{kept}{user}:…")),
        // With a scheme it is an address like any other.
        "--proxy" | "proxy" if !value.contains("//") => {
            value.rsplit_once('@').map(|(_, host)| format!("{kept}…@{host}"))
        }
        _ => None,
    }
}

/// Words as text that can stand in the environment: hexadecimal, with commas between them.
fn encode(words: &[OsString]) -> OsString {
    let hex = |word: &OsString| -> String {
        word.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
    };
    words.iter().map(hex).collect::<Vec<_>>().join(",").into()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

fn decode(text: &[u8]) -> Option<Vec<OsString>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let word = |hex: &[u8]| -> Option<OsString> {
        let pairs = hex.chunks(2);
        let bytes: Option<Vec<u8>> =
            pairs.map(|pair| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?)).collect();
        Some(OsString::from_vec(bytes?))
    };
    text.split(|byte| *byte == b',').map(word).collect()
}

/// The name of what holds the words: whoever starts a process takes it out.
pub(super) fn hide_from(command: &mut Command) -> &mut Command {
    command.env_remove(OsStr::new(WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        let table: [(&[&str], Option<&[&str]>); 11] = [
            (&["meanwhile", "get", "http://a.org/f"], None),
            (&["meanwhile", "add", "--header", "Referer: http://b.org"], None),
            (
                &["meanwhile", "get", "http://me:hunter2@a.org/f", "--to", "/tmp"],
                Some(&["meanwhile", "get", "http://…@a.org/f", "--to", "/tmp"]),
            ),
            (
                &["meanwhile", "get", "http://a.org", "--header", "Cookie: s=1"],
                Some(&["meanwhile", "get", "http://a.org", "--header", "Cookie: …"]),
            ),
            (
                &["meanwhile", "get", "http://a.org", "--header=X-Token: t"],
                Some(&["meanwhile", "get", "http://a.org", "--header=X-Token: …"]),
            ),
            (&["meanwhile", "get", "http://a.org", "--user", "me"], None),
            (
                &["meanwhile", "get", "http://a.org", "--user", "me:hunter2"],
                Some(&["meanwhile", "get", "http://a.org", "--user", "me:…"]),
            ),
            (
                &["meanwhile", "get", "http://a.org", "--user=me:hunter2", "--proxy=me:pw@b:1"],
                Some(&["meanwhile", "get", "http://a.org", "--user=me:…", "--proxy=…@b:1"]),
            ),
            (
                &["meanwhile", "settings", "proxy", "me:hunter2@b:1"],
                Some(&["meanwhile", "settings", "proxy", "…@b:1"]),
            ),
            (
                &["meanwhile", "get", "http://a.org", "--proxy", "socks5://me:hunter2@b:1"],
                Some(&["meanwhile", "get", "http://a.org", "--proxy", "socks5://…@b:1"]),
            ),
            // Too much is hidden rather than too little.
            (&["meanwhile", "get", "http://a.org/mail@b.org"], Some(&["meanwhile", "get", "http://…@b.org"])),
        ];
        for (line, expected) in table {
            assert_eq!(masked(&words(line)), expected.map(words), "{line:?}");
        }
    }

    #[test]
    fn words_of_any_bytes_come_back() {
        let words = vec!["".into(), "a,b".into(), OsString::from_vec(vec![0xff, b'\n', 1])];
        assert_eq!(decode(encode(&words).as_bytes()), Some(words));
        for nonsense in ["0", "xy", "00,1"] {
            assert_eq!(decode(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
}
