//! Lists of checksums, as they lie beside what they are about: `SHA256SUMS`, `file.iso.sha256`, `CHECKSUM`. Pure.
//!
//! Each line says by its form what it is; the forms may be mixed, and what is none of them is passed over:
//!
//! | line | written by |
//! |---|---|
//! | `DIGITS  NAME`, `DIGITS *NAME`, `\DIGITS  NA\\ME` | `sha256sum`, `md5sum`, `openssl dgst -r` |
//! | `SHA256 (NAME) = DIGITS` | BSD, `sha256sum --tag`, `shasum --tag` |
//! | `SHA2-256(NAME)= DIGITS` | `openssl dgst` |
//! | `DIGITS`, `DIGITS  -`, `sha256:DIGITS` | whoever has but one file |
//!
//! The sort of sum is what the line says, else what the list is called, else told by the number of digits. A list
//! signed in the clear (RFC 9580 section 7) is read within its signature; whether that is good is not looked at.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::{Checksum, Hash};

/// Why a list has no sum for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SumsError {
    /// There is not one sum in it: it is something else.
    #[error("there is no checksum in it")]
    NoList,
    /// It is about other files.
    #[error("it does not list this file")]
    NotListed,
    /// It says different things about the file, or about files of that name.
    #[error("it has several checksums that could be this file's")]
    Ambiguous,
    /// It lists the file, with sums that are not known here.
    #[error("the kind of checksum it has for this file is not known")]
    UnknownSort,
}

/// The strongest sum the list at one address has for the file at another, which is saved under that name.
///
/// # Errors
/// [`SumsError`].
pub fn sum_for(list: &str, list_url: &Url, file_url: &Url, saved_name: &str) -> Result<Checksum, SumsError> {
    let listed_name = path_from(list_url, file_url);
    let mut names = vec![listed_name.as_str()];
    // Where it is the same name without its folders, it would fit files in others.
    if parts(&listed_name).last() != Some(saved_name) {
        names.push(saved_name);
    }
    sum_in_list(list, &names, &last_part(list_url))
}

/// The way from a list to a file as it would be written there; the name alone where it lies elsewhere.
fn path_from(list_url: &Url, file_url: &Url) -> String {
    let way = list_url.make_relative(file_url).filter(|way| !way.starts_with("..") && !way.starts_with('/'));
    let path = way.as_deref().map(|way| way.split(['?', '#']).next().unwrap_or_default());
    path.map_or_else(|| last_part(file_url), |path| percent_decode_str(path).decode_utf8_lossy().into_owned())
}

fn last_part(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
    percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy().into_owned()
}

/// The strongest sum a list has for a file. `file_names` are what the file may be called there, the likeliest first;
/// the first that is listed counts. A name may have folders before it, as seen from the list; a file in others is
/// another one. `list_name` is what the list itself is called, or nothing.
///
/// A sum without a name is the file's if there are no names in the list at all.
///
/// # Errors
/// [`SumsError`].
pub fn sum_in_list(list: &str, file_names: &[&str], list_name: &str) -> Result<Checksum, SumsError> {
    let lines: Vec<Line<'_>> = unsigned(list.trim_start_matches('\u{feff}')).filter_map(read_line).collect();
    if lines.is_empty() {
        return Err(SumsError::NoList);
    }
    let sort = sort_in_name(list_name, file_names);
    if lines.iter().all(|line| line.name.is_none()) {
        return strongest(&lines.iter().collect::<Vec<_>>(), sort);
    }
    let of_file = file_names.iter().map(|name| best_of_that_name(&lines, name)).find(|of| !of.is_empty());
    strongest(&of_file.ok_or(SumsError::NotListed)?, sort)
}

/// One line that has a sum.
struct Line<'a> {
    sort: Sort,
    digits: &'a str,
    /// None where the sum stands alone.
    name: Option<Cow<'a, str>>,
}

/// Which sort of sum something says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Unsaid,
    Known(Hash),
    /// One that cannot be checked, though it may have as many digits as one that can.
    Unknown,
}

impl Sort {
    /// The one a line names: `SHA256`, `SHA2-256`, `md5`.
    fn named(word: &str) -> Self {
        let word = word.trim();
        let tail = word.get(..5).filter(|start| start.eq_ignore_ascii_case("sha2-")).map(|_| &word[5..]);
        let hash = match tail {
            Some("256") => Some(Hash::Sha256),
            Some("512") => Some(Hash::Sha512),
            Some(_) => None,
            None => Hash::named(word),
        };
        hash.map_or(Self::Unknown, Self::Known)
    }
}

/// The lines that are neither empty, comments, nor of a signature's.
fn unsigned(list: &str) -> impl Iterator<Item = &str> {
    #[derive(PartialEq)]
    enum Within {
        Text,
        SignedHead,
        Signed,
        Signature,
    }
    let mut within = Within::Text;
    list.lines().filter_map(move |line| {
        let line = line.trim_end();
        match line {
            "-----BEGIN PGP SIGNED MESSAGE-----" => within = Within::SignedHead,
            "" if within == Within::SignedHead => within = Within::Signed,
            "-----END PGP SIGNATURE-----" => within = Within::Text,
            _ if line.starts_with("-----BEGIN PGP") => within = Within::Signature,
            _ if matches!(within, Within::SignedHead | Within::Signature) => {}
            // A line that begins with a hyphen has another before it.
            _ if within == Within::Signed => return Some(line.strip_prefix("- ").unwrap_or(line)),
            _ => return Some(line),
        }
        None
    })
}

fn read_line(line: &str) -> Option<Line<'_>> {
    let (line, is_escaped) = match line.strip_prefix('\\') {
        Some(rest) => (rest, true),
        None => (line.trim_start(), false),
    };
    if line.starts_with('#') {
        return None;
    }
    let (sort, digits, name) = tagged(line).or_else(|| plain(line))?;
    let name = match name {
        // What was read from standard input.
        "" | "-" | "stdin" => None,
        _ if is_escaped => Some(Cow::Owned(unescaped(name)?)),
        _ => Some(Cow::Borrowed(name)),
    };
    Some(Line { sort, digits, name })
}

/// `SORT (NAME) = DIGITS`, with or without the blanks.
fn tagged(line: &str) -> Option<(Sort, &str, &str)> {
    let (sort, rest) = line.split_once('(')?;
    let (name, digits) = rest.rsplit_once(')')?;
    let digits = digits.trim_start().strip_prefix('=')?.trim();
    let is_sort = |c: char| c.is_ascii_alphanumeric() || "-_/ ".contains(c);
    let fits = !sort.trim().is_empty() && sort.chars().all(is_sort) && are_digits(digits);
    fits.then(|| (Sort::named(sort), digits, name))
}

/// `DIGITS`, `SORT:DIGITS`, and either of them with a name behind it.
fn plain(line: &str) -> Option<(Sort, &str, &str)> {
    let (first, name) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (sort, digits) = match first.split_once([':', '=']) {
        Some((word, digits)) => (Sort::named(word), digits),
        None => (Sort::Unsaid, first),
    };
    // The star says that it was read as it is, which it always is here.
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    are_digits(digits).then_some((sort, digits, name))
}

/// Whether these may be the digits of a sum, of whatever sort: no shorter ones are in use but checks of a few
/// bytes, and words of these letters are shorter.
fn are_digits(text: &str) -> bool {
    text.len() >= 32 && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A name without the escapes of coreutils; `None` where one is unknown.
fn unescaped(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain)
}

/// The lines about the file of that name: those that agree with most of its folders and, among these, those with the
/// fewest folders of their own. A file beside the list is rather meant than one of the same name further down.
fn best_of_that_name<'l, 'a>(lines: &'l [Line<'a>], name: &str) -> Vec<&'l Line<'a>> {
    let wanted: Vec<&str> = parts(name).collect();
    let rank = |line: &Line<'_>| {
        let listed: Vec<&str> = parts(line.name.as_deref()?).collect();
        let alike =
            wanted.iter().rev().zip(listed.iter().rev()).take_while(|(one, other)| one == other).count();
        // Where both go on, they go on differently.
        let is_it = alike > 0 && alike == wanted.len().min(listed.len());
        is_it.then_some((alike, std::cmp::Reverse(listed.len())))
    };
    let best = lines.iter().filter_map(rank).max();
    lines.iter().filter(|line| best.is_some() && rank(line) == best).collect()
}

/// The folders and the name of a path.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

/// The strongest sum of lines that are all about the same file.
fn strongest(lines: &[&Line<'_>], sort_of_list: Sort) -> Result<Checksum, SumsError> {
    let sums: Vec<Checksum> = lines.iter().filter_map(|line| sum_of(line, sort_of_list)).collect();
    let hash = sums.iter().map(Checksum::hash).max().ok_or(SumsError::UnknownSort)?;
    let mut strongest = sums.into_iter().filter(|sum| sum.hash() == hash);
    let first = strongest.next().ok_or(SumsError::UnknownSort)?;
    if strongest.all(|sum| sum == first) { Ok(first) } else { Err(SumsError::Ambiguous) }
}

/// The sum of a line; `None` where its sort is not known or has another number of digits.
fn sum_of(line: &Line<'_>, sort_of_list: Sort) -> Option<Checksum> {
    let sort = if line.sort == Sort::Unsaid { sort_of_list } else { line.sort };
    let hash = match sort {
        Sort::Known(hash) => hash,
        Sort::Unknown => return None,
        Sort::Unsaid => Hash::ALL.into_iter().find(|hash| 2 * hash.bytes() == line.digits.len())?,
    };
    Checksum::from_digits(hash, line.digits).ok()
}

/// What sorts that are not known here are called in names of lists. BLAKE2b has as many digits as SHA-512, and
/// SHA3-256 as many as SHA-256.
const UNKNOWN_WORDS: [&str; 17] = [
    "sha3",
    "sha224",
    "sha384",
    "sha512224",
    "sha512256",
    "keccak",
    "shake",
    "blake",
    "b2",
    "b3",
    "rmd",
    "ripemd",
    "whirlpool",
    "tiger",
    "sm3",
    "gost",
    "streebog",
];

/// The sort of sum a list has by its name: `SHA256SUMS`, `file.iso.md5`, `sha512sum.txt`. The name of the file in
/// front of it tells nothing.
fn sort_in_name(list_name: &str, file_names: &[&str]) -> Sort {
    let file_name = file_names
        .iter()
        .filter_map(|name| parts(name).last())
        .find_map(|name| list_name.strip_prefix(name).filter(|rest| !rest.is_empty()));
    let name = file_name.unwrap_or(list_name).to_ascii_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '/'));
    // The last word is the ending, which says most.
    words.rev().map(sort_in_word).find(|sort| *sort != Sort::Unsaid).unwrap_or(Sort::Unsaid)
}

fn sort_in_word(word: &str) -> Sort {
    let word: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    let word = word.replace("sha2256", "sha256").replace("sha2512", "sha512");
    if UNKNOWN_WORDS.iter().any(|unknown| match unknown.len() {
        2 => word.starts_with(unknown),
        _ => word.contains(unknown),
    }) {
        return Sort::Unknown;
    }
    let mut known = Hash::ALL.into_iter().filter(|hash| word.contains(hash.word()));
    match (known.next(), known.next()) {
        (Some(hash), None) => Sort::Known(hash),
        // Two sorts in one list: each sum is told by its length.
        _ => Sort::Unsaid,
    }
}

#[cfg(test)]
mod tests;
