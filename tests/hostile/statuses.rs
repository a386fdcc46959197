//! Statuses that are no file: which are final, which are tried again and when, and that nothing is lost with either.

use crate::case::{BROKEN_AT, Case, play};
use crate::lies::{STRONG, file, resumed_by, send_rest, send_whole, small};
use crate::support::server::Answer;

#[test]
fn a_status_that_is_no_file_is_said_and_nothing_is_lost() {
    play(cases());
}

/// Not worth another try.
const FINAL: [u16; 34] = [
    201, 202, 207, 208, 226, 300, 304, 305, 306, 400, 401, 402, 403, 404, 405, 406, 407, 410, 411, 412, 413,
    414, 415, 416, 417, 418, 421, 422, 423, 426, 428, 431, 451, 501,
];

/// Tried again by itself.
const PASSING: [u16; 13] = [408, 409, 425, 429, 500, 502, 503, 504, 507, 508, 511, 520, 599];

/// A page that says that something went wrong.
fn page(status: u16, headers: &[(&str, &str)], answer: &mut Answer) {
    answer.whole(&format!("{status} Said"), headers, b"<html>Sorry</html>");
}

/// The words a fault with that status has.
fn word(status: u16) -> &'static str {
    Box::leak(status.to_string().into_boxed_str())
}

pub(crate) fn cases() -> Vec<Case> {
    let of_status = |status: u16| {
        Case::new(format!("status {status}"), &small(), move |_, answer| page(status, &[], answer))
            // These two may be about the range alone, so the whole is asked for as well.
            .requests(if matches!(status, 412 | 416) { 2 } else { 1 })
    };
    let mut cases: Vec<Case> = FINAL.map(|status| of_status(status).fails(word(status))).into();
    cases.extend([505, 600, 799, 999].map(|status| of_status(status).fails(word(status))));
    cases.extend(PASSING.map(|status| of_status(status).waits(word(status))));
    cases.extend(odd());
    cases.extend(retry_after());
    cases.extend(in_the_middle());
    cases
}

fn odd() -> Vec<Case> {
    vec![
        Case::new("status 203", &small(), |_, answer| {
            answer.whole("203 Non-Authoritative Information", &[], &small());
        }),
        Case::new("status 204", &small(), |_, answer| {
            answer.head("204 No Content", &[]);
        })
        .fails("nonsense"),
        Case::new("status 204 with a body", &small(), |_, answer| {
            answer.whole("204 No Content", &[], &small());
        })
        .twice(20_000)
        .fails("nonsense"),
        Case::new("status 205", &small(), |_, answer| answer.whole("205 Reset Content", &[], b""))
            .fails("nonsense"),
        Case::new("an error page without end", &small(), |_, answer| {
            answer.head("404 Not Found", &[]);
            for _ in 0..1000 {
                answer.bytes(b"<p>Sorry, and sorry again.</p>");
            }
            answer.hold();
        })
        .twice(30_000)
        .fails("404"),
        Case::new("an error in the name of the file", &small(), |_, answer| {
            let headers = [("Content-Disposition", "attachment; filename=file.bin"), STRONG[0]];
            page(404, &headers, answer);
        })
        .fails("404"),
        Case::new("a switch to another protocol", &small(), |_, answer| {
            answer.head("101 Switching Protocols", &[("Upgrade", "websocket")]).bytes(&small());
        })
        .twice(20_000)
        .fails("101"),
        informed("a thousand times 100", "100 Continue", ""),
        informed("a thousand times 102", "102 Processing", ""),
        informed(
            "a thousand early hints",
            "103 Early Hints",
            "Link: </x.css>; rel=preload\r\nETag: \"x\"\r\n",
        ),
        informed("a thousand of an unknown sort", "199 Whatever", "Content-Length: 5\r\n"),
        Case::new("early hints, and then nothing", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 103 Early Hints\r\n\r\n");
        })
        .waits("connection_lost"),
        Case::new("early hints, and then an error", &small(), |_, answer| {
            answer.bytes(b"HTTP/1.1 103 Early Hints\r\nLocation: /other\r\n\r\n");
            page(404, &[], answer);
        })
        .fails("404"),
    ]
}

/// A thousand times this, and then the file.
fn informed(name: &str, status: &str, lines: &str) -> Case {
    let head = format!("HTTP/1.1 {status}\r\n{lines}\r\n");
    Case::new(name, &small(), move |_, answer| {
        for _ in 0..1000 {
            answer.bytes(head.as_bytes());
        }
        send_whole(&small(), STRONG, answer);
    })
    .twice(200_000)
}

/// What a busy server says of when to come back, and when that is, in seconds.
fn retry_after() -> Vec<Case> {
    let in_an_hour =
        httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_hours(1));
    let rows: [(&str, u16, String, u64); 10] = [
        ("in seconds", 503, "3600".into(), 3600),
        ("in seconds, for too many requests", 429, "120".into(), 120),
        ("as a date", 503, in_an_hour, 3600),
        ("as a date that is past", 503, "Sun, 06 Nov 1994 08:49:37 GMT".into(), 5),
        ("as garbage", 503, "soon".into(), 5),
        ("as less than nothing", 503, "-100".into(), 5),
        ("as nothing", 429, "0".into(), 5),
        ("as nearly for ever", 503, "99999999999999999999".into(), 24 * 60 * 60),
        ("as a fraction", 503, "1.5".into(), 5),
        ("as an empty word", 503, String::new(), 5),
    ];
    let case = |(how, status, value, secs): (&str, u16, String, u64)| {
        Case::new(format!("Retry-After {how}"), &small(), move |_, answer| {
            page(status, &[("Retry-After", &value)], answer);
        })
        .waits(word(status))
        .next_try(secs)
    };
    rows.into_iter().map(case).collect()
}

/// A link that was good when the download began.
fn in_the_middle() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("a link that has expired", 403),
        ("a link for one use", 410),
        ("a file that is gone", 404),
        ("a login that has run out", 401),
        ("a range that is called a bad request", 400),
        ("a method that is not allowed any more", 405),
    ]
    .into_iter()
    .map(|(name, status)| {
        resumed_by(name, STRONG, move |_, answer| page(status, &[], answer))
            .fails(word(status))
            .keeps(BROKEN_AT)
    })
    .collect();
    cases.extend([500, 502, 503, 504, 429, 408].map(|status| {
        let name = format!("status {status} to whoever goes on");
        resumed_by(&name, STRONG, move |_, answer| page(status, &[], answer))
            .waits(word(status))
            .keeps(BROKEN_AT)
    }));
    cases.push(
        resumed_by("nothing new for whoever goes on", STRONG, |_, answer| {
            answer.head("304 Not Modified", STRONG);
        })
        .fails("304")
        .keeps(BROKEN_AT),
    );
    cases.push(
        resumed_by("203 for a range, from a proxy", STRONG, |_, answer| {
            answer.whole("203 Non-Authoritative Information", STRONG, &file());
        })
        .starts_over("only from its start"),
    );
    cases.push(
        resumed_by("early hints before the rest", STRONG, |asked, answer| {
            answer.bytes(b"HTTP/1.1 103 Early Hints\r\nETag: \"two\"\r\n\r\n");
            match asked.range() {
                Some((first, _)) => send_rest(&file(), first, STRONG, answer),
                None => send_whole(&file(), STRONG, answer),
            }
        })
        .goes_on(),
    );
    cases
}
