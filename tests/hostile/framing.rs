//! Bodies in chunks that are none, that do not end, or that hold another number of bytes than was said.

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, file, rest_of, resumed, send_rest, small};
use crate::support::server::Answer;

#[test]
fn a_body_in_chunks_is_whole_only_with_its_end() {
    play(cases());
}

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// The file in chunks, from bytes that frame it.
fn framed(name: &str, before: &'static [u8], behind: impl AsRef<[u8]> + Send + Sync + 'static) -> Case {
    Case::new(name, &small(), move |_, answer| {
        answer.head("200 OK", &[CHUNKED]).bytes(before).bytes(&small()).bytes(behind.as_ref());
    })
    .twice(2 << 20)
}

/// The size of the small file as a line of a chunk.
const SIZE: &[u8] = b"4e20\r\n";
const END: &[u8] = b"\r\n0\r\n\r\n";

/// Sends bytes as one chunk, and the end.
fn chunk(bytes: &[u8], answer: &mut Answer) {
    answer.bytes(format!("{:x}\r\n", bytes.len()).as_bytes()).bytes(bytes).bytes(END);
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = right();
    cases.extend(wrong());
    cases.extend(ranges());
    cases
}

fn right() -> Vec<Case> {
    vec![
        framed("chunks", SIZE, END),
        framed("chunks with zeros before their size", b"0000000000004e20\r\n", END),
        framed("chunks with their size in capitals", b"4E20\r\n", END),
        framed("chunks with extensions", b"4e20;name=\"v;a\";x\r\n", END),
        framed("trailers", SIZE, b"\r\n0\r\nETag: \"two\"\r\nContent-Length: 5\r\nX: y\r\n\r\n"),
        Case::new("chunks in capitals", &small(), |_, answer| {
            answer.head("200 OK", &[("Transfer-Encoding", "CHUNKED")]);
            chunk(&small(), answer);
        }),
        Case::new("a transfer that is not coded", &small(), |_, answer| {
            answer.head("200 OK", &[("Transfer-Encoding", "identity")]).bytes(&small());
        }),
        Case::new("chunks of one byte", &small(), |_, answer| {
            let chunks: Vec<u8> =
                small().iter().flat_map(|byte| [b'1', b'\r', b'\n', *byte, b'\r', b'\n']).collect();
            answer.head("200 OK", &[CHUNKED]).bytes(&chunks).bytes(b"0\r\n\r\n");
        })
        .twice(5 * 20_000),
    ]
}

fn wrong() -> Vec<Case> {
    let endless_trailers = || [b"\r\n0\r\n".to_vec(), b"X: y\r\n".repeat(200_000)].concat();
    let extended = Box::leak(format!("4e20;{}\r\n", "x".repeat(1 << 20)).into_boxed_str());
    let mut cases = vec![
        framed("chunks without the last one", SIZE, b"\r\n").waits("connection_lost").keeps(20_000),
        framed("a last chunk without its empty line", SIZE, b"\r\n0\r\n")
            .waits("connection_lost")
            .keeps(20_000),
        framed("a chunk that ends early", b"4e21\r\n", b"").waits("connection_lost").keeps(20_000),
        Case::new("chunks, and a reset before the last", &small(), |_, answer| {
            answer.head("200 OK", &[CHUNKED]).bytes(SIZE).bytes(&small()).bytes(b"\r\n").reset();
        })
        .waits("connection_lost")
        .keeps(20_000),
        Case::new("chunks that HTTP/1.0 does not have", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            chunk(&small(), answer);
        })
        .fails("nonsense"),
    ];
    let broken = [
        framed("a size of a chunk that is no number", b"zz\r\n", END),
        framed("a negative size of a chunk", b"-4e20\r\n", END),
        framed("a size of a chunk that is more than a number can be", b"fffffffffffffffff\r\n", END),
        framed("an empty size of a chunk", b"\r\n", END),
        framed("chunks that are not there", b"", b""),
        framed("a chunk that is longer than its size", b"4e00\r\n", END),
        framed("an extension of a megabyte", extended.as_bytes(), END),
        framed("trailers without end", SIZE, endless_trailers()),
    ];
    cases.extend(broken.map(|case| case.fails("nonsense")));
    cases
}

fn ranges() -> Vec<Case> {
    /// The rest in a chunk, called a range, with that many bytes left out at its end.
    fn send_chunk(bytes: &[u8], first: usize, left_out: usize, answer: &mut Answer) {
        let range = rest_of(bytes, first);
        answer.head("206 Partial Content", &[STRONG[0], CHUNKED, ("Content-Range", &range)]);
        chunk(&bytes[first..TOTAL - left_out], answer);
    }
    vec![
        resumed("a range in chunks", STRONG, |bytes, first, answer| send_chunk(bytes, first, 0, answer))
            .goes_on(),
        resumed("a range in chunks that is short of a byte", STRONG, |bytes, first, answer| {
            send_chunk(bytes, first, 1, answer);
        })
        .waits("connection_lost")
        .keeps(TOTAL - 1),
        resumed("a range in chunks that is empty", STRONG, |bytes, first, answer| {
            answer.head(
                "206 Partial Content",
                &[STRONG[0], CHUNKED, ("Content-Range", &rest_of(bytes, first))],
            );
            answer.bytes(b"0\r\n\r\n");
        })
        .waits("connection_lost")
        .keeps(BROKEN_AT),
        resumed("a range in chunks that is a byte too long", STRONG, |bytes, first, answer| {
            answer.head(
                "206 Partial Content",
                &[STRONG[0], CHUNKED, ("Content-Range", &rest_of(bytes, first))],
            );
            chunk(&[&bytes[first..], b"x"].concat(), answer);
        })
        .fails("wrong_length")
        .keeps_at_least(BROKEN_AT),
        Case::new("chunks that break off, and a range to go on with", &file(), |asked, answer| {
            let bytes = file();
            match asked.range() {
                Some((first, _)) if asked.number > 0 => send_rest(&bytes, first, STRONG, answer),
                _ => {
                    answer.head("200 OK", &[STRONG[0], CHUNKED]);
                    answer.bytes(format!("{TOTAL:x}\r\n").as_bytes()).bytes(&bytes[..BROKEN_AT]);
                }
            }
        })
        .requests(2)
        .goes_on(),
    ]
}
