//! What is compressed on the way is not the file, and its ranges are not the file's.

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{Header, STRONG, resumed, resumed_by, send_rest, send_whole, small};

/// What compressed bytes begin with; the rest does not matter.
const PRESSED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 not the file";

const GZIP: Header<'static> = ("Content-Encoding", "gzip");

#[test]
fn what_is_compressed_is_never_taken_for_the_file() {
    play(cases());
}

/// A server that sends this to everybody.
fn always(name: &str, headers: &'static [Header<'static>]) -> Case {
    Case::new(name, &small(), move |_, answer| send_whole(PRESSED, headers, answer))
        .requests(2)
        .fails("nonsense")
}

/// The same without a length, as where the coding tells it.
fn framed(name: &str, coding: &'static str, body: &'static [u8]) -> Case {
    Case::new(name, &small(), move |_, answer| {
        answer.head("200 OK", &[("Transfer-Encoding", coding)]).bytes(body);
    })
    .requests(2)
    .fails("nonsense")
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        always("gzip though identity was asked for", &[GZIP]),
        always("deflate", &[("Content-Encoding", "deflate")]),
        always("br in capitals", &[("Content-Encoding", "BR")]),
        always("a coding nobody knows", &[("Content-Encoding", "x-mine")]),
        always("two codings in one line", &[("Content-Encoding", "identity, gzip")]),
        always("two codings in two lines", &[("Content-Encoding", "identity"), GZIP]),
        framed("gzip of the transfer, in chunks", "gzip, chunked", b"b\r\n\x1f\x8b\x08 pressed\r\n0\r\n\r\n"),
        framed("gzip of the transfer, to the end", "gzip", PRESSED),
        Case::new("gzip for a range, and plain for the whole", &small(), |asked, answer| {
            match asked.range() {
                Some(_) => {
                    let headers = [GZIP, ("Content-Range", "bytes 0-24/25")];
                    answer.whole("206 Partial Content", &headers, PRESSED);
                }
                None => send_whole(&small(), STRONG, answer),
            }
        })
        .requests(2)
        .logs("compressed"),
        Case::new("a coding that is none", &small(), |_, answer| {
            send_whole(&small(), &[("Content-Encoding", "identity")], answer);
        }),
        Case::new("a coding without a name", &small(), |_, answer| {
            send_whole(&small(), &[("Content-Encoding", "")], answer);
        }),
        resumed("gzip to go on with", STRONG, |bytes, first, answer| {
            send_rest(bytes, first, &[STRONG[0], GZIP], answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("compressed"),
        resumed_by("gzip to whoever wants to go on, whatever is asked", STRONG, |_, answer| {
            send_whole(PRESSED, &[STRONG[0], GZIP], answer);
        })
        .requests(3)
        .fails("nonsense")
        .keeps(BROKEN_AT),
        Case::new("a whole file that is called several ranges", &small(), |_, answer| {
            send_whole(&small(), &[("Content-Type", "multipart/byteranges; boundary=x")], answer);
        }),
    ]
}
