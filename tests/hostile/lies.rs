//! Right answers, from which a lie differs in one thing.

use std::sync::{Arc, OnceLock};

use crate::case::{BROKEN_AT, Case, TOTAL};
use crate::support::content;
use crate::support::server::{Answer, Asked, Good};

/// A header.
pub(crate) type Header<'a> = (&'a str, &'a str);

/// A moment that is old enough to be proof, and the moment of an answer.
pub(crate) const LONG_AGO: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
pub(crate) const LATER: &str = "Wed, 15 Nov 2023 22:13:20 GMT";
pub(crate) const NOW: &str = "Thu, 16 Nov 2023 22:13:20 GMT";

/// The file, of [`TOTAL`] bytes.
pub(crate) fn file() -> Arc<Vec<u8>> {
    static FILE: OnceLock<Arc<Vec<u8>>> = OnceLock::new();
    Arc::clone(FILE.get_or_init(|| Arc::new(content(2000, TOTAL))))
}

/// Another one of the same size.
pub(crate) fn other() -> Arc<Vec<u8>> {
    static OTHER: OnceLock<Arc<Vec<u8>>> = OnceLock::new();
    Arc::clone(OTHER.get_or_init(|| Arc::new(content(2001, TOTAL))))
}

/// A small one, for what has nothing to do with size.
pub(crate) fn small() -> Arc<Vec<u8>> {
    static SMALL: OnceLock<Arc<Vec<u8>>> = OnceLock::new();
    Arc::clone(SMALL.get_or_init(|| Arc::new(content(2002, 20_000))))
}

/// The file with other bytes there.
pub(crate) fn changed(at: usize) -> Arc<Vec<u8>> {
    let mut bytes = file().to_vec();
    bytes[at..at + 1000].iter_mut().for_each(|byte| *byte ^= 0x55);
    Arc::new(bytes)
}

/// What a good server says of a file, with a strong ETag.
pub(crate) fn good(bytes: &Arc<Vec<u8>>) -> Good {
    Good::new(bytes.to_vec())
}

/// All of it, as a server sends it that is asked for no range.
pub(crate) fn send_whole(bytes: &[u8], headers: &[Header<'_>], answer: &mut Answer) {
    answer.whole("200 OK", headers, bytes);
}

/// `bytes FIRST-LAST/TOTAL` for all from `first` on.
pub(crate) fn rest_of(bytes: &[u8], first: usize) -> String {
    format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len())
}

/// Sends all from `first` on as a range, with these headers besides.
pub(crate) fn send_rest(bytes: &[u8], first: usize, headers: &[Header<'_>], answer: &mut Answer) {
    send_as(bytes, first, &rest_of(bytes, first), headers, answer);
}

/// Sends all from `first` on, and calls it something else.
pub(crate) fn send_as(bytes: &[u8], first: usize, range: &str, headers: &[Header<'_>], answer: &mut Answer) {
    let mut headers = headers.to_vec();
    headers.push(("Content-Range", range));
    answer.whole("206 Partial Content", &headers, &bytes[first.min(bytes.len())..]);
}

/// Begins to send the file as a range from its start, with these headers besides, and stops in the middle.
pub(crate) fn send_first_half(bytes: &[u8], headers: &[Header<'_>], answer: &mut Answer) {
    let (range, length) = (rest_of(bytes, 0), bytes.len().to_string());
    let mut headers = headers.to_vec();
    headers.extend([("Content-Range", range.as_str()), ("Content-Length", &length)]);
    answer.head("206 Partial Content", &headers).bytes(&bytes[..BROKEN_AT]).hold();
}

/// A download of the file that was broken off, and the answer to whoever wants to go on. A server that is asked without
/// a range sends the whole.
pub(crate) fn resumed(
    name: &str,
    first_headers: &'static [Header<'static>],
    then: impl Fn(&[u8], usize, &mut Answer) + Send + Sync + 'static,
) -> Case {
    let bytes = file();
    resumed_by(name, first_headers, move |asked, answer| match asked.range() {
        Some((first, _)) => then(&bytes, first, answer),
        None => send_whole(&bytes, first_headers, answer),
    })
}

/// The same, with every answer but the first in the server's hand.
pub(crate) fn resumed_by(
    name: &str,
    first_headers: &'static [Header<'static>],
    then: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static,
) -> Case {
    let bytes = file();
    Case::new(name, &file(), move |asked, answer| match asked.number {
        0 => send_first_half(&bytes, first_headers, answer),
        _ => then(asked, answer),
    })
    .broken_at(BROKEN_AT)
}

/// A strong validator.
pub(crate) const STRONG: &[Header<'static>] = &[("ETag", "\"one\"")];
