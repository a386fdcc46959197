//! Servers that do not bear more than one connection, and servers that give each connection something else.

use std::sync::Arc;

use crate::case::{Case, play};
use crate::lies::STRONG;
use crate::support::server::{Answer, Asked};
use crate::support::{content, nap};

#[test]
fn what_several_connections_bring_belongs_together_or_is_not_used() {
    play(cases());
}

/// Enough for several.
fn file() -> Arc<Vec<u8>> {
    Arc::new(content(2100, 5 << 20))
}

/// The same size, and nothing else in common.
fn other() -> Arc<Vec<u8>> {
    Arc::new(content(2101, 5 << 20))
}

/// Sends what was asked for, slowly enough that the others come to their turn.
fn send(bytes: &[u8], asked: &Asked, headers: &[(&str, &str)], answer: &mut Answer) {
    let total = bytes.len();
    let (first, last) = asked.range().map_or((0, None), |range| range);
    let last = last.unwrap_or(total - 1).min(total - 1);
    let (range, length) = (format!("bytes {first}-{last}/{total}"), (last + 1 - first).to_string());
    let mut all = vec![("Content-Range", range.as_str()), ("Content-Length", length.as_str())];
    all.extend(headers);
    answer.head("206 Partial Content", &all);
    for piece in bytes[first..=last].chunks(64 << 10) {
        answer.bytes(piece);
        nap(std::time::Duration::from_millis(4));
    }
}

/// Begins to send what was asked for, a little and then less, and goes on with nothing.
fn send_ever_slower(bytes: &[u8], asked: &Asked, answer: &mut Answer) {
    let (first, last) = asked.range().map_or((0, None), |range| range);
    let last = last.unwrap_or(bytes.len() - 1);
    let (range, length) = (format!("bytes {first}-{last}/{}", bytes.len()), (last + 1 - first).to_string());
    answer.head(
        "206 Partial Content",
        &[STRONG[0], ("Content-Range", range.as_str()), ("Content-Length", length.as_str())],
    );
    let mut at = first;
    for piece in [10_000, 1000, 100, 10, 1] {
        answer.bytes(&bytes[at..at + piece]);
        at += piece;
        nap(std::time::Duration::from_millis(4));
    }
    answer.hold();
}

/// A good first connection; `further` answers all others.
fn first_good(name: &str, further: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Case {
    let bytes = file();
    Case::new(name, &file(), move |asked, answer| match asked.number {
        0 => send(&bytes, asked, STRONG, answer),
        _ => further(asked, answer),
    })
    .words(["--connections", "4"])
    .requests(8)
    .twice(2 << 20)
}

fn refused(name: &str, further: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Case {
    first_good(name, further).logs("Goes on with 1 connection")
}

fn useless(name: &str, further: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Case {
    first_good(name, further).logs("is of no use")
}

const TWO: &[(&str, &str)] = &[("ETag", "\"two\"")];

pub(crate) fn cases() -> Vec<Case> {
    let (bytes, changed) = (file(), other());
    let mut cases = vec![
        refused("further connections are reset", |_, answer| answer.reset()),
        refused("further connections are closed", |_, _| {}),
        refused("further connections get 503", |_, answer| answer.whole("503 Service Unavailable", &[], b"")),
        refused("further connections get 429 and an hour", |_, answer| {
            answer.whole("429 Too Many Requests", &[("Retry-After", "3600")], b"");
        }),
        refused("a link for one time", |_, answer| answer.whole("403 Forbidden", &[], b"")),
        refused("a link that is gone after its first use", |_, answer| answer.whole("410 Gone", &[], b"")),
        refused("further connections get garbage", |_, answer| {
            answer.bytes(b"\0\0\0\0\r\n\r\n");
        }),
        refused("further connections get a page", |_, answer| answer.whole("404 Not Found", &[], b"<html>")),
        useless("further connections ignore the range", move |_, answer| {
            answer.head("200 OK", STRONG).bytes(&bytes[..1000]);
        }),
        useless("further connections start elsewhere", |asked, answer| {
            let first = asked.range().map_or(0, |(first, _)| first) + 1;
            let range = format!("bytes {first}-{}/{}", first + 9, 5 << 20);
            answer.whole("206 Partial Content", &[STRONG[0], ("Content-Range", &range)], &[7; 10]);
        }),
        useless("further connections have another size", |asked, answer| {
            let first = asked.range().map_or(0, |(first, _)| first);
            let range = format!("bytes {first}-{}/{}", first + 9, 6 << 20);
            answer.whole("206 Partial Content", &[STRONG[0], ("Content-Range", &range)], &[7; 10]);
        }),
        useless("further connections have another version, as a range", {
            let changed = Arc::clone(&changed);
            move |asked, answer| send(&changed, asked, TWO, answer)
        }),
        useless("further connections send several ranges", |_, answer| {
            let kind = ("Content-Type", "multipart/byteranges; boundary=x");
            answer.whole("206 Partial Content", &[kind], b"--x\r\n\r\nabc\r\n--x--\r\n");
        }),
        useless("further connections do not have the range", |_, answer| {
            answer.whole("416 Range Not Satisfiable", &[("Content-Range", "bytes */5242880")], b"");
        }),
        useless("further connections are compressed", |asked, answer| {
            let first = asked.range().map_or(0, |(first, _)| first);
            let range = format!("bytes {first}-{}/{}", first + 9, 5 << 20);
            let headers = [STRONG[0], ("Content-Range", range.as_str()), ("Content-Encoding", "gzip")];
            answer.whole("206 Partial Content", &headers, &[7; 10]);
        }),
    ];
    let bytes = file();
    cases.push(
        Case::new("all are good", &file(), move |asked, answer| send(&bytes, asked, STRONG, answer))
            .words(["--connections", "4"])
            .requests(20)
            // What is on its way when another takes over the rest: loopback has large buffers.
            .twice(8 << 20),
    );
    let bytes = file();
    cases.push(
        // A faster one takes over what it has left, long before it counts as stalled.
        Case::new("one of the connections is ever slower", &file(), move |asked, answer| {
            match asked.number {
                2 => send_ever_slower(&bytes, asked, answer),
                _ => send(&bytes, asked, STRONG, answer),
            }
        })
        .words(["--connections", "4"])
        .requests(20)
        .twice(8 << 20)
        .never_logs("Nothing arrived"),
    );
    let bytes = file();
    cases.push(
        Case::new("nothing but a weak ETag: one connection", &file(), move |asked, answer| {
            send(&bytes, asked, &[("ETag", "W/\"one\"")], answer);
        })
        .words(["--connections", "4"]),
    );
    let bytes = file();
    cases.push(
        Case::new("each answer is a little short", &file(), move |asked, answer| {
            let short = match asked.range() {
                Some((first, last)) => {
                    let last = last.unwrap_or(bytes.len() - 1).min(first + 700_000);
                    Asked {
                        headers: vec![("Range".into(), format!("bytes={first}-{last}"))],
                        ..asked.clone()
                    }
                }
                None => asked.clone(),
            };
            send(&bytes, &short, STRONG, answer);
        })
        .words(["--connections", "4"])
        .requests(40)
        .twice(2 << 20),
    );
    cases
}
