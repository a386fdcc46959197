//! Second addresses that do not have the same file, or do not have it at all.

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, changed, file, other, send_rest, send_whole};
use crate::support::server::{Answer, Asked};

#[test]
fn a_mirror_is_used_only_if_it_has_the_same_file() {
    play(cases());
}

/// What both say of the file.
const DATED: &[(&str, &str)] =
    &[("ETag", "\"here\""), ("Last-Modified", crate::lies::LONG_AGO), ("Date", crate::lies::NOW)];
const DATED_THERE: &[(&str, &str)] =
    &[("ETag", "\"there\""), ("Last-Modified", crate::lies::LONG_AGO), ("Date", crate::lies::NOW)];
const LATER_THERE: &[(&str, &str)] =
    &[("ETag", "\"there\""), ("Last-Modified", crate::lies::LATER), ("Date", crate::lies::NOW)];

/// Sends a range, or all of it.
fn send(bytes: &[u8], headers: &[(&str, &str)], asked: &Asked, answer: &mut Answer) {
    let Some((first, last)) = asked.range() else { return send_whole(bytes, headers, answer) };
    let Some(last) = last else { return send_rest(bytes, first, headers, answer) };
    let range = format!("bytes {first}-{last}/{}", bytes.len());
    let mut all = headers.to_vec();
    all.push(("Content-Range", &range));
    answer.whole("206 Partial Content", &all, &bytes[first..=last]);
}

/// A server that breaks off in the middle and does not come back; the mirror answers like this.
fn breaks_off(name: &str, mirror: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Case {
    Case::new(name, &file(), |asked, answer| match asked.number {
        0 => {
            let bytes = file();
            let (range, length) = (format!("bytes 0-{}/{TOTAL}", TOTAL - 1), TOTAL.to_string());
            let mut all = vec![("Content-Range", range.as_str()), ("Content-Length", length.as_str())];
            all.extend(DATED);
            answer.head("206 Partial Content", &all).bytes(&bytes[..BROKEN_AT]);
        }
        _ => answer.whole("404 Not Found", &[], b""),
    })
    .mirror(mirror)
    .requests(5)
    .twice(TOTAL)
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("the first is not there, the mirror is", &file(), |_, answer| {
            answer.whole("404 Not Found", &[], b"");
        })
        .mirror(|asked, answer| send(&file(), STRONG, asked, answer))
        .requests(2)
        .named(&["mirrored.bin"])
        .logs("Asks 127.0.0.1 next"),
        Case::new("neither is there", &file(), |_, answer| answer.whole("404 Not Found", &[], b""))
            .mirror(|_, answer| answer.whole("410 Gone", &[], b""))
            .requests(2)
            .fails("404"),
        Case::new("one is busy and the other gone", &file(), |_, answer| {
            answer.whole("404 Not Found", &[], b"");
        })
        .mirror(|_, answer| answer.whole("503 Service Unavailable", &[], b""))
        .requests(2)
        .waits("503"),
        breaks_off("the mirror has the same, by its date", |asked, answer| {
            send(&file(), DATED_THERE, asked, answer);
        })
        .logs("has the same file"),
        breaks_off("the mirror has another size", |asked, answer| {
            send(&file()[..TOTAL - 1], DATED_THERE, asked, answer);
        })
        .waits("connection_lost"),
        breaks_off("the mirror has another date", |asked, answer| send(&file(), LATER_THERE, asked, answer))
            .waits("connection_lost"),
        breaks_off("the mirror says the same and has another file", |asked, answer| {
            send(&other(), DATED_THERE, asked, answer);
        })
        .waits("connection_lost"),
        breaks_off("the mirror has no ranges", |_, answer| send_whole(&file(), DATED_THERE, answer))
            .waits("connection_lost"),
        breaks_off("the mirror says nothing", |asked, answer| send(&file(), &[], asked, answer))
            .waits("connection_lost"),
        breaks_off("the mirror says nothing, and there is a checksum", |asked, answer| {
            send(&file(), &[], asked, answer);
        })
        .words(["--sha256".to_owned(), crate::support::sha256(&file())])
        .logs("Is verified"),
        breaks_off(
            "the mirror differs where nothing is compared, and there is a checksum",
            |asked, answer| {
                send(&changed(BROKEN_AT + 1000), &[], asked, answer);
            },
        )
        .words(["--sha256".to_owned(), crate::support::sha256(&file())])
        .fails("checksum_mismatch")
        .named(&["file.bin.bad"]),
    ]
}
