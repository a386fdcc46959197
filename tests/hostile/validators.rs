//! What a server says of a file's version, and what that proves: a strong validator takes a small comparison, a weak one
//! a larger, and nothing at all takes two.

use std::sync::Arc;

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{
    Header, LATER, LONG_AGO, NOW, STRONG, changed, file, other, resumed, resumed_by, send_rest, send_whole,
};
use crate::support::server::{Answer, Asked};

/// How much of its end is compared.
const OVERLAP: usize = 256 << 10;

/// How much of its start is compared where nothing is said.
const START: usize = 64 << 10;

const WEAK: &[Header<'static>] = &[("ETag", "W/\"one\"")];
const DATED: &[Header<'static>] = &[("Last-Modified", LONG_AGO), ("Date", NOW)];
const TWO: &[Header<'static>] = &[("ETag", "\"one\""), ("ETag", "\"two\"")];
const NOTHING: &[Header<'static>] = &[];

#[test]
fn it_goes_on_only_where_that_is_proven() {
    play(cases());
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = strong();
    cases.extend(weak());
    cases.extend(dates());
    cases.extend(nothing());
    cases
}

/// A server that says this, and goes on rightly.
fn says(name: &str, headers: &'static [Header<'static>]) -> Case {
    resumed(name, headers, move |bytes, first, answer| send_rest(bytes, first, headers, answer)).goes_on()
}

/// The same, where the end of what is there has to be compared.
fn compared(name: &str, headers: &'static [Header<'static>]) -> Case {
    says(name, headers).twice(OVERLAP).logs("what was fetched again of it is the same")
}

fn strong() -> Vec<Case> {
    vec![
        says("a strong ETag", STRONG).logs("the server has the same file (\"one\")"),
        says("an ETag of no letters", &[("ETag", "\"\"")]).logs("the server has the same file"),
        resumed_by("two ETags, which say nothing", TWO, |asked, answer| send(&file(), TWO, asked, answer))
            .requests(3)
            .twice(START + OVERLAP)
            .goes_on()
            .logs("what was fetched again of it is the same"),
        replaced("two ETags, and the end has changed", TWO, BROKEN_AT - 1000)
            .twice(TOTAL - BROKEN_AT + START + OVERLAP),
        resumed_by("two ETags for whoever goes on with one", STRONG, |asked, answer| {
            send(&file(), TWO, asked, answer);
        })
        .goes_on(),
        replaced("the same strong ETag, and the end has changed", STRONG, BROKEN_AT - 5000)
            .twice(TOTAL - BROKEN_AT),
        replaced("the same strong ETag, over several connections", STRONG, BROKEN_AT - 5000)
            .words(["--connections", "4"])
            .twice(TOTAL - BROKEN_AT),
        replaced_when_whole(
            "the same strong ETag, all is there, and the end has changed",
            STRONG,
            TOTAL - 1000,
        ),
        resumed("an ETag that is not said again", STRONG, |bytes, first, answer| {
            send_rest(bytes, first, NOTHING, answer);
        })
        .goes_on(),
        resumed("an ETag that has become weak", STRONG, |bytes, first, answer| {
            send_rest(bytes, first, WEAK, answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("its ETag was \"one\" and is W/\"one\""),
        another("If-Range ignored, and a range of another version", STRONG, &[("ETag", "\"two\"")])
            .starts_over("its ETag was \"one\" and is \"two\""),
        says("an ETag of a hundred thousand letters", long_etag()).twice(4 * 100_000),
    ]
}

/// One that is longer than any server's, and still a header.
fn long_etag() -> &'static [Header<'static>] {
    static LONG: std::sync::OnceLock<Vec<Header<'static>>> = std::sync::OnceLock::new();
    let etag = || Box::leak(format!("\"{}\"", "x".repeat(100_000)).into_boxed_str());
    LONG.get_or_init(|| vec![("ETag", etag())])
}

fn weak() -> Vec<Case> {
    vec![
        compared("a weak ETag", WEAK),
        compared("an ETag without quotes", &[("ETag", "one")]),
        compared("an ETag with half its quotes", &[("ETag", "\"one")]),
        compared("an ETag with quotes within", &[("ETag", "\"o\"n\"e\"")]),
        compared("an ETag with blanks", &[("ETag", "\"o n e\"")]),
        compared("an empty ETag", &[("ETag", "")]),
        compared("a weak ETag in small letters", &[("ETag", "w/\"one\"")]),
        another("a weak ETag that has changed", WEAK, &[("ETag", "W/\"two\"")])
            .twice(OVERLAP)
            .starts_over("its ETag was W/\"one\" and is W/\"two\""),
        replaced("a weak ETag that has not changed with the file", WEAK, BROKEN_AT - 5000)
            .twice(TOTAL - BROKEN_AT + OVERLAP),
        resumed_by("a weak ETag and no ranges", WEAK, |_, answer| send_whole(&file(), WEAK, answer))
            .starts_over("only from its start"),
    ]
}

/// The server says this when the download begins and that later, when it has another file.
fn another(name: &str, said: &'static [Header<'static>], says: &'static [Header<'static>]) -> Case {
    resumed_by(name, said, move |asked, answer| match asked.range() {
        Some((first, _)) => send_rest(&other(), first, says, answer),
        None => send_whole(&other(), says, answer),
    })
    .becomes(&other())
    .requests(3)
    .twice(TOTAL - BROKEN_AT)
}

/// Sends what was asked for.
fn send(bytes: &[u8], headers: &[Header<'_>], asked: &Asked, answer: &mut Answer) {
    match asked.range() {
        Some((first, Some(last))) => {
            let range = format!("bytes {first}-{last}/{}", bytes.len());
            let mut headers = headers.to_vec();
            headers.push(("Content-Range", &range));
            answer.whole("206 Partial Content", &headers, &bytes[first..=last]);
        }
        Some((first, None)) => send_rest(bytes, first, headers, answer),
        None => send_whole(bytes, headers, answer),
    }
}

/// The same where all of it was there, and only the size was never said.
fn replaced_when_whole(name: &str, headers: &'static [Header<'static>], at: usize) -> Case {
    let now = changed(at);
    let after = Arc::clone(&now);
    Case::new(name, &now, move |asked, answer| match asked.number {
        0 => {
            let mut headers = headers.to_vec();
            headers.extend([("Transfer-Encoding", "chunked"), ("Accept-Ranges", "bytes")]);
            answer.head("200 OK", &headers).bytes(format!("{TOTAL:x}\r\n").as_bytes());
            answer.bytes(&file()).bytes(b"\r\n").hold();
        }
        _ => send(&after, headers, asked, answer),
    })
    .broken_at(TOTAL)
    .requests(4)
    .twice(START + OVERLAP)
    .starts_over("what was fetched again of it is not the same")
}

/// The file has been changed there, and the server says the same of it as before.
fn replaced(name: &str, headers: &'static [Header<'static>], at: usize) -> Case {
    let now = changed(at);
    let after = Arc::clone(&now);
    resumed_by(name, headers, move |asked, answer| send(&after, headers, asked, answer))
        .becomes(&now)
        .requests(4)
        .starts_over("what was fetched again of it is not the same")
}

fn dates() -> Vec<Case> {
    vec![
        says("a date that is old enough", DATED).logs("the server has the same file"),
        compared("a date of the second of the answer", &[("Last-Modified", NOW), ("Date", NOW)]),
        compared("a date that is yet to come", &[("Last-Modified", NOW), ("Date", LONG_AGO)]),
        compared("a date, and none of the answer", &[("Last-Modified", LONG_AGO)]),
        compared(
            "a date, and garbage for that of the answer",
            &[("Last-Modified", LONG_AGO), ("Date", "now")],
        ),
        compared("a date that is garbage", &[("Last-Modified", "the day before yesterday"), ("Date", NOW)]),
        another(
            "a date that has changed, and If-Range ignored",
            DATED,
            &[("Last-Modified", LATER), ("Date", NOW)],
        )
        .starts_over("it was last changed"),
        replaced("the same old date, and the end has changed", DATED, BROKEN_AT - 5000)
            .twice(TOTAL - BROKEN_AT),
        replaced(
            "a date too new, and the file has changed",
            &[("Last-Modified", NOW), ("Date", NOW)],
            690_000,
        )
        .twice(TOTAL - BROKEN_AT + OVERLAP),
    ]
}

fn nothing() -> Vec<Case> {
    vec![
        resumed_by("nothing said of the version", NOTHING, |asked, answer| match asked.range() {
            Some((0, Some(last))) => {
                let range = format!("bytes 0-{last}/{TOTAL}");
                answer.whole("206 Partial Content", &[("Content-Range", &range)], &file()[..=last]);
            }
            Some((first, _)) => send_rest(&file(), first, NOTHING, answer),
            None => send_whole(&file(), NOTHING, answer),
        })
        .requests(3)
        .twice(START + OVERLAP)
        .goes_on()
        .logs("what was fetched again of it is the same"),
        compared("an ETag that is not ASCII, and so as good as none", &[("ETag", "\"\u{e4}\"")])
            .requests(3)
            .twice(TOTAL),
        replaced("nothing said, and the end has changed", NOTHING, BROKEN_AT - 1000)
            .twice(TOTAL - BROKEN_AT + START + OVERLAP),
        replaced("nothing said, and the start has changed", NOTHING, 10).twice(START),
        replaced_when_whole("nothing said, all is there, and the end has changed", NOTHING, TOTAL - 1000),
        replaced_when_whole("nothing said, all is there, and the start has changed", NOTHING, 10),
        replaced_when_whole("a weak ETag, all is there, and the end has changed", WEAK, TOTAL - 1000),
        resumed_by("nothing said, and no ranges", NOTHING, |_, answer| {
            send_whole(&file(), NOTHING, answer);
        })
        .starts_over("only from its start"),
        resumed_by("nothing said, and a shorter start than asked for", NOTHING, |asked, answer| {
            let (first, last) = asked.range().map_or((0, None), |range| range);
            let end = last.map_or(TOTAL, |last| last + 1).min(first + 50_000);
            let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
            answer.whole("206 Partial Content", &[("Content-Range", &range)], &file()[first..end]);
        })
        .requests(40)
        .twice(2 * TOTAL)
        .goes_on(),
    ]
}
