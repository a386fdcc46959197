//! Connections that are reset, closed, used for something else, or kept for ever.

use std::sync::Arc;
use std::time::Duration;

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, file, good, rest_of, small};
use crate::support::server::{Answer, Good};
use crate::support::{content, nap};

#[test]
fn a_connection_may_break_anywhere_and_nothing_is_lost() {
    play(cases());
}

/// A good server whose first answer ends like that after so many bytes.
fn first_ends_at(name: &str, byte: usize, ends: fn(&mut Answer), logged: &'static str) -> Case {
    let file = good(&file());
    Case::new(name, &crate::lies::file(), move |asked, answer| match asked.number {
        0 => {
            file.head(asked, answer);
            ends(answer.bytes(&file.bytes[..byte]));
        }
        _ => file.send(asked, answer),
    })
    .requests(2)
    .logs(logged)
    .goes_on()
}

fn reset_at(name: &str, byte: usize) -> Case {
    first_ends_at(name, byte, Answer::reset, "The connection broke off")
}

/// It is never ended.
fn stalled_at(name: &str, byte: usize) -> Case {
    first_ends_at(name, byte, Answer::hold, "Nothing arrived for 30 seconds")
}

/// A good server behind a network that lets so many bytes of a body through, and no more over one connection.
fn always_broken(name: &str, bytes: usize) -> Case {
    let file = Good::new(content(2003, 40_000));
    Case::new(name, &Arc::new(file.bytes.clone()), move |asked, answer| {
        let first = asked.range().map_or(0, |(first, _)| first);
        file.head(asked, answer);
        answer.bytes(&file.bytes[first..file.bytes.len().min(first + bytes)]).reset();
    })
    .logs("The connection broke off")
    .goes_on()
    .twice(40_000)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = broken();
    cases.extend(kept());
    cases.extend(unasked());
    cases.extend(not_tls());
    cases
}

fn broken() -> Vec<Case> {
    vec![
        reset_at("a reset after the first byte", 1),
        reset_at("a reset in the middle", BROKEN_AT),
        reset_at("a reset before the last byte", TOTAL - 1),
        always_broken("every connection breaks within what is compared", 12_000).requests(9),
        always_broken("every connection breaks where what is compared ends", 16 << 10).requests(5),
        stalled_at("a stall behind the first byte", 1),
        stalled_at("a stall in the middle", BROKEN_AT),
        Case::new("a reset instead of an answer", &small(), |_, answer| answer.reset())
            .waits("connection_lost"),
        Case::new("a reset in the head", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 200 OK\r\nCont").reset();
        })
        .waits("connection_lost"),
        Case::new("a reset behind the head", &small(), |_, answer| {
            answer.head("200 OK", &[("Content-Length", "20000")]).reset();
        })
        .waits("connection_lost")
        .keeps(0),
        Case::new(
            "one byte in a second is not a stall",
            &std::sync::Arc::new(b"slow".to_vec()),
            |_, answer| {
                answer.head("200 OK", &[("Content-Length", "4")]);
                for byte in b"slow" {
                    answer.bytes(&[*byte]);
                    nap(Duration::from_secs(1));
                }
            },
        ),
    ]
}

fn kept() -> Vec<Case> {
    /// A head that promises to keep the connection.
    fn head() -> String {
        let headers = "ETag: \"one\"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=3600, max=1000";
        let range = rest_of(&small(), 0);
        format!(
            "HTTP/1.1 206 Partial Content\r\n{headers}\r\nContent-Length: 20000\r\nContent-Range: {range}\r\n\r\n"
        )
    }
    let half = good(&file());
    vec![
        Case::new("a connection that is kept for ever", &small(), |_, answer| {
            answer.bytes(head().as_bytes()).bytes(&small()).hold();
        }),
        Case::new("bytes behind the end of an answer", &small(), |_, answer| {
            answer.bytes(head().as_bytes()).bytes(&small()).bytes(b"and more").hold();
        }),
        Case::new("a second answer behind the first", &small(), |_, answer| {
            answer.bytes(head().as_bytes()).bytes(&small());
            answer.bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").hold();
        }),
        Case::new("a kept connection that dies before the second request", &file(), move |asked, answer| {
            let first = asked.range().map_or(0, |(first, _)| first);
            let end = TOTAL.min(first + BROKEN_AT);
            let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
            let headers = "ETag: \"one\"\r\nConnection: keep-alive";
            let length = end - first;
            answer.bytes(
                format!("HTTP/1.1 206 Partial Content\r\n{headers}\r\nContent-Length: {length}\r\nContent-Range: {range}\r\n\r\n")
                    .as_bytes(),
            );
            answer.bytes(&half.bytes[first..end]);
        })
        .requests(2),
    ]
}

fn unasked() -> Vec<Case> {
    vec![
        Case::new("a server that hangs up at once", &small(), |_, _| {}).unasked().waits("connection_lost"),
        Case::new("a server that resets at once", &small(), |_, answer| answer.reset())
            .unasked()
            .waits("connection_lost"),
        Case::new("a server that greets before it is asked", &small(), |_, answer| {
            answer.bytes(b"220 ftp.example ready\r\n").hold();
        })
        .unasked()
        .fails("nonsense"),
    ]
}

fn not_tls() -> Vec<Case> {
    vec![
        Case::new("a server without TLS where there should be one", &small(), |_, answer| {
            answer.whole("400 Bad Request", STRONG, b"speak HTTP");
        })
        .unasked()
        .https()
        .fails("not_secure"),
        Case::new("an alert of TLS", &small(), |_, answer| {
            answer.bytes(b"\x15\x03\x03\x00\x02\x02\x28").hold();
        })
        .unasked()
        .https()
        .fails("not_secure"),
        Case::new("zeros for a handshake", &small(), |_, answer| {
            answer.bytes(&[0; 1000]).hold();
        })
        .unasked()
        .https()
        .fails("not_secure"),
        Case::new("a handshake that is hung up on", &small(), |_, _| {})
            .unasked()
            .https()
            .waits("connect_failed"),
    ]
}
