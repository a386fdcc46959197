//! Bodies that are shorter or longer than announced, and announcements that are none.

use std::sync::Arc;

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, file, good, resumed, send_whole, small};

#[test]
fn a_file_has_as_many_bytes_as_were_announced() {
    play(cases());
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = bodies();
    cases.extend(announced());
    cases
}

/// A first answer whose head announces this, with the small file as its body.
fn says(name: &str, headers: &'static [(&'static str, &'static str)]) -> Case {
    Case::new(name, &small(), move |_, answer| {
        answer.head("200 OK", headers).bytes(&small());
    })
}

fn bodies() -> Vec<Case> {
    let start: Arc<Vec<u8>> = Arc::new(small()[..1000].to_vec());
    let (cut, always_cut, to_end) = (good(&file()), good(&small()), file());
    vec![
        Case::new("a body that ends early, once", &file(), move |asked, answer| match asked.number {
            0 => {
                cut.head(asked, answer);
                answer.bytes(&cut.bytes[..BROKEN_AT]);
            }
            _ => cut.send(asked, answer),
        })
        .requests(2)
        .logs("The connection broke off")
        .goes_on(),
        Case::new("a body that ends early, each time, without ranges", &small(), |_, answer| {
            answer.head("200 OK", &[("Content-Length", "20000")]).bytes(&small()[..19_999]);
        })
        .waits("connection_lost")
        .keeps(19_999),
        Case::new("a body that lacks its last byte", &small(), move |asked, answer| {
            always_cut.head(asked, answer);
            answer.bytes(&always_cut.bytes[..19_999]);
        })
        .waits("connection_lost")
        .keeps(19_999),
        Case::new("a head without a body", &small(), |_, answer| {
            answer.head("200 OK", &[("Content-Length", "20000")]);
        })
        .waits("connection_lost")
        .keeps(0),
        says("bytes behind the announced end", &[("Content-Length", "1000")]).becomes(&start).twice(20_000),
        says("a file that is announced as empty, and bytes", &[("Content-Length", "0")])
            .becomes(&Arc::new(Vec::new()))
            .twice(20_000),
        Case::new("a range with more bytes than announced", &small(), |_, answer| {
            let headers = [("Content-Range", "bytes 0-19999/20000")];
            answer.head("206 Partial Content", &headers).bytes(&small()).bytes(b"more");
        })
        .fails("wrong_length"),
        Case::new("a range whose length is announced as less", &small(), |asked, answer| {
            match asked.range() {
                Some(_) => {
                    let headers = [("Content-Range", "bytes 0-19999/20000"), ("Content-Length", "1000")];
                    answer.head("206 Partial Content", &headers).bytes(&small()[..1000]);
                }
                None => send_whole(&small(), STRONG, answer),
            }
        })
        .requests(2)
        .logs("another length than it says"),
        Case::new("a range whose length is announced as more", &small(), |asked, answer| {
            match asked.range() {
                Some(_) => {
                    let headers = [("Content-Range", "bytes 0-19999/20000"), ("Content-Length", "30000")];
                    answer.head("206 Partial Content", &headers).bytes(&small()).bytes(&[0; 10_000]);
                }
                None => send_whole(&small(), STRONG, answer),
            }
        })
        .requests(2)
        .twice(30_000)
        .logs("another length than it says"),
        // Nothing but the end of the connection tells where it ends.
        says("no length", &[]),
        Case::new("no length, and a reset before the end", &small(), |_, answer| {
            answer.head("200 OK", &[]).bytes(&small()[..10_000]).reset();
        })
        .waits("connection_lost"),
        Case::new("no length at first, and a range with one to go on", &file(), move |asked, answer| {
            match asked.range() {
                Some((first, _)) if asked.number > 0 => {
                    crate::lies::send_rest(&to_end, first, STRONG, answer);
                }
                _ => answer.head("200 OK", STRONG).bytes(&to_end[..BROKEN_AT]).hold(),
            }
        })
        .broken_at(BROKEN_AT)
        .goes_on(),
        resumed("a file without a length that has grown shorter", STRONG, |bytes, _, answer| {
            answer.head("200 OK", &[("ETag", "\"two\"")]).bytes(&bytes[..1000]);
        })
        .becomes(&Arc::new(file()[..1000].to_vec()))
        .twice(TOTAL)
        .starts_over("its ETag was \"one\" and is \"two\""),
    ]
}

fn announced() -> Vec<Case> {
    let nonsense = |name, headers| says(name, headers).twice(20_000).fails("nonsense");
    vec![
        nonsense("two lengths", &[("Content-Length", "20000"), ("Content-Length", "10000")]),
        nonsense("two lengths in one line", &[("Content-Length", "20000, 10000")]),
        nonsense("a negative length", &[("Content-Length", "-20000")]),
        nonsense("a length with a plus", &[("Content-Length", "+20000")]),
        nonsense("a hexadecimal length", &[("Content-Length", "0x4e20")]),
        nonsense("a length with a fraction", &[("Content-Length", "20000.0")]),
        nonsense("a length of words", &[("Content-Length", "twenty thousand")]),
        nonsense("an empty length", &[("Content-Length", "")]),
        nonsense("a length that is more than a number can be", &[("Content-Length", "99999999999999999999")]),
        nonsense("the largest number as length", &[("Content-Length", "18446744073709551615")]),
        says("a length that fits on no disk", &[("Content-Length", "9223372036854775807")])
            .waits("disk_full")
            .keeps(0),
        says("the length twice", &[("Content-Length", "20000"), ("Content-Length", "20000")]),
        // RFC 9112 section 6.3: the chunks count.
        Case::new("a length, and chunks", &small(), |_, answer| {
            let headers = [("Content-Length", "10"), ("Transfer-Encoding", "chunked")];
            answer.head("200 OK", &headers).bytes(b"4e20\r\n").bytes(&small()).bytes(b"\r\n0\r\n\r\n");
        }),
    ]
}
