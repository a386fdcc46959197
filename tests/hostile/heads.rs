//! Heads of answers that are no heads, or ever more of one.

use crate::case::{Case, play};
use crate::lies::{good, small};
use crate::support::nap;
use crate::support::server::Answer;

#[test]
fn a_head_that_is_none_is_no_answer() {
    play(cases());
}

/// These bytes instead of a head, and the file behind them.
fn begins(name: &str, head: impl AsRef<[u8]> + Send + Sync + 'static) -> Case {
    Case::new(name, &small(), move |_, answer| {
        answer.bytes(head.as_ref()).bytes(&small());
    })
    .twice(head_room())
}

/// The bytes that may be sent of a head that does not end, before the client has had enough.
fn head_room() -> usize {
    8 << 20
}

/// A head with these lines in it, and the file behind it.
fn lines(name: &str, lines: impl Into<Vec<u8>>) -> Case {
    let mut head = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n".to_vec();
    head.extend(lines.into());
    head.extend(b"\r\n");
    begins(name, head)
}

/// Goes on until the client has had enough.
fn endlessly(answer: &mut Answer, what: &[u8]) {
    for _ in 0..(4 << 20) / what.len() {
        answer.bytes(what);
    }
    answer.hold();
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = status_lines();
    cases.extend(header_lines());
    cases.extend(amounts());
    cases.extend(slowly());
    cases
}

fn status_lines() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("a greeting of SSH", "SSH-2.0-OpenSSH_9.2p1\r\n"),
        ("a greeting of mail", "220 mail.example ESMTP\r\n"),
        ("a stream of music", "ICY 200 OK\r\n\r\n"),
        ("no head at all, as in HTTP/0.9", ""),
        ("a page without a head", "<html><body>Welcome</body></html>"),
        ("a status of letters", "HTTP/1.1 abc OK\r\n\r\n"),
        ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        ("a negative status", "HTTP/1.1 -200 OK\r\n\r\n"),
        ("a version that is none", "HTTP/3.7 200 OK\r\n\r\n"),
        ("a version of binary HTTP", "HTTP/2.0 200 OK\r\n\r\n"),
        ("a protocol misspelt", "HTP/1.1 200 OK\r\n\r\n"),
        ("a request for an answer", "GET /file.bin HTTP/1.1\r\nHost: you\r\n\r\n"),
        ("a status line that steers terminals", "HTTP/1.1 200 \x1b[31mRed\x1b[0m\r\n\r\n"),
        ("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ]
    .into_iter()
    .map(|(name, head)| begins(name, head).fails("nonsense"))
    .collect();
    cases.extend([
        begins("a status without a phrase", "HTTP/1.1 200\r\nContent-Length: 20000\r\n\r\n"),
        begins("empty lines before the head", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"),
        begins("lines that end without a carriage return", "HTTP/1.1 200 OK\nContent-Length: 20000\n\n"),
        begins("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 20000\r\n\r\n"),
        begins("HTTP/1.0 without a length", "HTTP/1.0 200 OK\r\n\r\n"),
        begins(
            "HTTP/1.0 that wants to be kept",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 20000\r\n\r\n",
        ),
    ]);
    cases
}

fn header_lines() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("a header without a colon", &b"this is no header\r\n"[..]),
        ("a header without a name", b": a value\r\n"),
        ("a header with a blank in its name", b"X Y: z\r\n"),
        ("a header that steers terminals", b"X: \x1b[31mred\r\n"),
        ("a header with a zero", b"X: a\0b\r\n"),
        ("an ETag with a control character", b"ETag: \"a\x01b\"\r\n"),
        ("a header over two lines", b"X: a\r\n b\r\n"),
    ]
    .into_iter()
    .map(|(name, line)| lines(name, line).fails("nonsense"))
    .collect();
    cases.extend([
        lines("a header that is not ASCII", &b"X-\xe4: \xff\xfe\r\n"[..]).fails("nonsense"),
        lines("a value that is not ASCII", &b"X: \xe4\xff\r\n"[..]),
        lines("a header that belongs to requests", &b"Range: bytes=5-\r\nHost: example.org\r\n"[..]),
        lines("a range of a whole file", &b"Content-Range: bytes 5-9/10\r\n"[..]),
        lines(
            "a place of the file on another server",
            &b"Content-Location: http://127.0.0.1:9/x.bin\r\n"[..],
        ),
        lines("an offer of another server", &b"Alt-Svc: h3=\":9\", h2=\"127.0.0.1:9\"\r\n"[..]),
        lines("an order to ask again at once", &b"Refresh: 0; url=/other\r\n"[..]),
        lines(
            "lines of dates that are garbage",
            &b"Date: yesterday\r\nLast-Modified: tomorrow\r\nAge: -1\r\n"[..],
        ),
        lines("a date before all others", &b"Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"[..]),
        lines("a date behind all others", &b"Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT\r\n"[..]),
    ]);
    cases
}

fn amounts() -> Vec<Case> {
    vec![
        lines("a hundred cookies", cookies(90)),
        lines("ten thousand headers", cookies(10_000)).fails("nonsense"),
        lines("a header of a megabyte", format!("X: {}\r\n", "x".repeat(1 << 20))).fails("nonsense"),
        Case::new("headers without end", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 OK\r\n");
            endlessly(answer, b"X: y\r\n");
        })
        .twice(head_room())
        .fails("nonsense"),
        Case::new("one header without end", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 OK\r\nX: ");
            endlessly(answer, b"xxxxxxxxxxxxxxxx");
        })
        .twice(head_room())
        .fails("nonsense"),
        Case::new("a status line without end", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 ");
            endlessly(answer, b"OK OK OK OK OK ");
        })
        .twice(head_room())
        .fails("nonsense"),
        Case::new("no answer at all", &small(), |_, _| {}).waits("connection_lost"),
        Case::new("half a head", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 OK\r\nContent-Le");
        })
        .waits("connection_lost"),
        Case::new("a head that lacks its empty line", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n");
        })
        .waits("connection_lost"),
    ]
}

fn cookies(number: usize) -> Vec<u8> {
    (0..number).flat_map(|number| format!("Set-Cookie: c{number}=v\r\n").into_bytes()).collect()
}

fn slowly() -> Vec<Case> {
    let slow = good(&small());
    vec![Case::new("a head that comes byte by byte", &small(), move |asked, answer| {
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" {
            answer.bytes(&[*byte]);
            nap(std::time::Duration::from_millis(2));
        }
        assert!(asked.range().is_some(), "the first request is for a range");
        answer.bytes(&slow.bytes);
    })]
}
