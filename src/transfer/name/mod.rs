//! The names files get: from the user, else Content-Disposition (RFC 6266), else the address; an extension from the
//! media type where there is none. Never a path, a control character or a hidden file by surprise. Pure.

mod charset;
mod disposition;
mod encoded_word;
mod extension;
#[cfg(test)]
mod tests;

use percent_encoding::percent_decode_str;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use url::Url;

use crate::job::{MOST_SAFE_BYTES, fitted_name, safe_name, split_extension};

/// The longest numbered name in bytes: with `.bad` and `.part` behind it, it is still within Linux's 255.
const MOST_NUMBERED_BYTES: usize = 246;

/// The name a file should have, before it is known whether it is free.
pub(super) fn wanted_name(asked: Option<&str>, headers: &HeaderMap, url: &Url) -> String {
    if let Some(asked) = asked {
        return asked.to_owned();
    }
    let tld = top_level_domain(url);
    let from_header =
        headers.get(CONTENT_DISPOSITION).and_then(|value| disposition::file_name(value.as_bytes(), tld));
    let name = from_header
        .and_then(|name| safe_name(&name))
        .or_else(|| from_address(url, tld).and_then(|name| safe_name(&name)))
        .unwrap_or_else(|| "download".to_owned());
    if !split_extension(&name).1.is_empty() {
        return name;
    }
    let of_type = headers.get(CONTENT_TYPE).and_then(|value| extension::of_type(value.as_bytes()));
    of_type.map_or_else(|| name.clone(), |extension| fitted_name(&name, extension, MOST_SAFE_BYTES))
}

/// The name with ` (number)` before its extension; for 1 the name itself. The stem gives way if it gets too long.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    fitted_name(stem, &format!(" ({number}){extension}"), MOST_NUMBERED_BYTES)
}

/// The last part of the address's path. What stands in its query is for the server alone: browsers do not look for a
/// name there either.
fn from_address(url: &Url, tld: Option<&str>) -> Option<String> {
    let last = url.path_segments()?.rfind(|part| !part.is_empty())?;
    Some(charset::text(&percent_decode_str(last).collect::<Vec<_>>(), tld))
}

/// The last label of the host's name, as long as it can be the one of a country.
fn top_level_domain(url: &Url) -> Option<&str> {
    let label = url.domain()?.rsplit('.').next()?;
    // What is asked with it panics at anything else.
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    Some(label).filter(|label| !label.is_empty() && label.bytes().all(is_plain))
}
