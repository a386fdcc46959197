//! Files that change on the server: while a download is held, between two answers, each time it is asked.

use std::sync::Arc;

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{LATER, LONG_AGO, NOW, STRONG, file, good, other, resumed_by, send_rest, send_whole};
use crate::support::content;
use crate::support::server::Good;

#[test]
fn no_two_versions_are_ever_mixed() {
    play(cases());
}

/// The file was replaced by this while the download was held, and the server is a good one.
fn replaced(name: &str, etag: &str, bytes: Vec<u8>) -> Case {
    let now = Arc::new(bytes);
    let after = Good { etag: etag.to_owned(), ..good(&now) };
    resumed_by(name, STRONG, move |asked, answer| after.send(asked, answer)).becomes(&now).twice(TOTAL)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        replaced("replaced by one of the same size", "\"two\"", other().to_vec())
            .starts_over("its ETag was \"one\" and is \"two\""),
        replaced("replaced by a larger one", "\"two\"", content(2010, TOTAL + 5000))
            .starts_over("instead of"),
        replaced("replaced by a smaller one", "\"two\"", content(2011, TOTAL - 5000))
            .starts_over("instead of"),
        replaced("replaced by less than is there", "\"two\"", content(2012, 1000)).starts_over("instead of"),
        replaced("replaced by nothing", "\"two\"", Vec::new()).starts_over("instead of"),
        replaced("cut to less than is there, and the ETag is the same", "\"one\"", file()[..5000].to_vec())
            .requests(3)
            .starts_over("instead of"),
        replaced("grown, and the ETag is the same", "\"one\"", content(2013, TOTAL + 1))
            .requests(3)
            .starts_over("it has 1200001 bytes instead of"),
        replaced("shrunk by one byte, and the ETag is the same", "\"one\"", content(2014, TOTAL - 1))
            .requests(3)
            .starts_over("it has 1199999 bytes instead of"),
    ];
    cases.extend(cut_to_what_is_there());
    cases.extend(flapping());
    cases
}

fn cut_to_what_is_there() -> Vec<Case> {
    let now = Arc::new(file()[..BROKEN_AT].to_vec());
    let after = Arc::clone(&now);
    vec![
        resumed_by("cut to just what is there", STRONG, move |asked, answer| match asked.range() {
            Some(_) => {
                answer.whole("416 Range Not Satisfiable", &[("Content-Range", "bytes */700000")], b"");
            }
            None => send_whole(&after, &[("ETag", "\"two\"")], answer),
        })
        .becomes(&now)
        .requests(3)
        .twice(TOTAL)
        .starts_over("does not have that range"),
    ]
}

/// Several servers behind one address, each with its own idea of the version.
fn flapping() -> Vec<Case> {
    let (odd, even) = (Good { etag: "\"odd\"".into(), ..good(&file()) }, good(&file()));
    let (first, second) = (good(&file()), Good { etag: "\"two\"".into(), ..good(&other()) });
    let (dated, dated_later) = ([("Last-Modified", LONG_AGO), ("Date", NOW)], [("Last-Modified", LATER)]);
    vec![
        Case::new("an ETag that flaps, and ranges of each", &file(), move |asked, answer| {
            match asked.number % 2 {
                0 => even.send_until(BROKEN_AT, asked, answer),
                _ => odd.send(asked, answer),
            }
        })
        .broken_at(BROKEN_AT)
        .twice(TOTAL)
        .starts_over("its ETag was \"one\" and is \"odd\""),
        Case::new("another version after a cut, and that is cut as well", &other(), move |asked, answer| {
            match asked.number {
                0 => {
                    first.head(asked, answer);
                    answer.bytes(&first.bytes[..BROKEN_AT]);
                }
                1 => {
                    second.head(asked, answer);
                    answer.bytes(&second.bytes[..BROKEN_AT / 2]);
                }
                _ => second.send(asked, answer),
            }
        })
        .requests(3)
        .twice(TOTAL)
        .starts_over("its ETag was \"one\" and is \"two\"")
        .logs("Goes on at"),
        resumed_by("a version that changes between the range and the whole", STRONG, |asked, answer| {
            match asked.range() {
                Some((first, _)) => send_rest(&file(), first, &[("ETag", "\"two\"")], answer),
                None => send_whole(&other(), &[("ETag", "\"three\"")], answer),
            }
        })
        .becomes(&other())
        .requests(3)
        .twice(TOTAL)
        .starts_over("its ETag was \"one\" and is \"two\""),
        Case::new("a range of each version in turn", &other(), move |asked, answer| {
            let (bytes, headers) = match asked.number {
                0 => (file(), &dated[..]),
                _ => (other(), &dated_later[..]),
            };
            match asked.range() {
                Some((first, _)) => {
                    let end = TOTAL.min(first + 500_000);
                    let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
                    let mut headers = headers.to_vec();
                    headers.push(("Content-Range", &range));
                    answer.whole("206 Partial Content", &headers, &bytes[first..end]);
                }
                None => send_whole(&bytes, headers, answer),
            }
        })
        .requests(3)
        .twice(TOTAL)
        .starts_over("it was last changed"),
    ]
}
