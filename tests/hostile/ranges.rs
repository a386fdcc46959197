//! Ranges that are not what was asked for, not what they are called, or not described.

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, file, rest_of, resumed, resumed_by, send_as, send_rest, send_whole, small};
use crate::support::OVERLAP;
use crate::support::server::Answer;

#[test]
fn a_range_is_what_it_is_called_and_what_was_asked_for() {
    play(cases());
}

/// How a 206 calls the range it sends, instead of what it is.
fn called(name: &str, range: impl Fn(usize) -> String + Send + Sync + 'static) -> Case {
    resumed(name, STRONG, move |bytes, first, answer| send_as(bytes, first, &range(first), STRONG, answer))
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
}

/// A 416 that says this of the file's size.
fn not_satisfiable(name: &str, range: &'static str) -> Case {
    resumed(name, STRONG, move |_, _, answer| refuse(range, answer)).requests(3)
}

fn refuse(range: &str, answer: &mut Answer) {
    let range = [("Content-Range", range)];
    answer.whole("416 Range Not Satisfiable", if range[0].1.is_empty() { &[] } else { &range }, b"");
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = described();
    cases.extend(resumes());
    cases.extend(refusals());
    cases.extend(fresh());
    cases
}

fn described() -> Vec<Case> {
    let last = TOTAL - 1;
    vec![
        called("the total is *", move |first| format!("bytes {first}-{last}/*"))
            .starts_over("the range it sent is not described"),
        called("the total is one byte more", move |first| format!("bytes {first}-{last}/{}", TOTAL + 1))
            .starts_over("the file on the server has changed"),
        called("the total is less than the last byte", move |first| format!("bytes {first}-{last}/{last}"))
            .starts_over("not described"),
        called("the last byte is as large as the total", |first| format!("bytes {first}-{TOTAL}/{TOTAL}"))
            .starts_over("not described"),
        called("the range is empty", |first| format!("bytes {first}-{}/{TOTAL}", first - 1))
            .starts_over("not described"),
        called("the range is said to start later", move |first| {
            format!("bytes {}-{last}/{TOTAL}", first + 1)
        })
        .starts_over("starts elsewhere"),
        called("the range is said to start earlier", move |first| {
            format!("bytes {}-{last}/{TOTAL}", first - 1)
        })
        .starts_over("starts elsewhere"),
        called("the range is said to be shorter than its body", |first| {
            format!("bytes {first}-{}/{TOTAL}", first + 99)
        })
        .starts_over("another length than it says"),
        called("the unit is another", move |first| format!("lines {first}-{last}/{TOTAL}"))
            .starts_over("not described"),
        called("the unit is missing", move |first| format!("{first}-{last}/{TOTAL}"))
            .starts_over("not described"),
        called("the first byte is negative", move |_| format!("bytes -5-{last}/{TOTAL}"))
            .starts_over("not described"),
        called("the first byte has a plus", move |first| format!("bytes +{first}-{last}/{TOTAL}"))
            .starts_over("not described"),
        called("the last byte is more than a number can be", |first| {
            format!("bytes {first}-99999999999999999999999/99999999999999999999999999")
        })
        .starts_over("not described"),
        called("the numbers are hexadecimal", move |first| format!("bytes 0x{first:x}-0x{last:x}/{TOTAL}"))
            .starts_over("not described"),
        called("there are blanks within the range", move |first| format!("bytes {first} - {last} / {TOTAL}"))
            .starts_over("not described"),
        called("the range is written as in a request", |first| format!("bytes={first}-"))
            .starts_over("not described"),
        called("the range is empty text", |_| String::new()).starts_over("not described"),
        called("the range is garbage", |_| "\u{e4}%00;;;///---".to_owned()).starts_over("not described"),
        called("the range says that there is none", |_| format!("bytes */{TOTAL}"))
            .starts_over("not described"),
        resumed("the unit is in capitals", STRONG, |bytes, first, answer| {
            send_as(bytes, first, &rest_of(bytes, first).to_uppercase(), STRONG, answer);
        })
        .goes_on(),
        resumed("the range is not named", STRONG, |bytes, first, answer| {
            answer.whole("206 Partial Content", STRONG, &bytes[first..]);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("not described"),
        resumed("there are two ranges that differ", STRONG, |bytes, first, answer| {
            let more = [STRONG[0], ("Content-Range", "bytes 0-1199999/1200000")];
            send_rest(bytes, first, &more, answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("not described"),
        resumed("the range is named twice", STRONG, |bytes, first, answer| {
            let again = rest_of(bytes, first);
            send_rest(bytes, first, &[STRONG[0], ("Content-Range", &again)], answer);
        })
        .goes_on(),
    ]
}

fn resumes() -> Vec<Case> {
    vec![
        resumed("a range from the start to whoever wants the end", STRONG, |bytes, _, answer| {
            send_rest(bytes, 0, STRONG, answer);
        })
        .requests(3)
        .twice(TOTAL)
        .starts_over("starts elsewhere"),
        resumed("a range from one byte later", STRONG, |bytes, first, answer| {
            send_rest(bytes, first + 1, STRONG, answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("starts elsewhere"),
        resumed("a range from one byte earlier", STRONG, |bytes, first, answer| {
            send_rest(bytes, first - 1, STRONG, answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT + 1)
        .starts_over("starts elsewhere"),
        resumed("a shorter range than asked for, which is its right", STRONG, |bytes, first, answer| {
            let end = TOTAL.min(first + 100_000);
            let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
            let headers = [STRONG[0], ("Content-Range", range.as_str())];
            answer.whole("206 Partial Content", &headers, &bytes[first..end]);
        })
        .requests(1 + 6)
        .goes_on(),
        resumed("several ranges in one answer", STRONG, |_, _, answer| {
            let kind = [STRONG[0], ("Content-Type", "multipart/byteranges; boundary=x")];
            let body = b"--x\r\nContent-Range: bytes 700000-700002/1200000\r\n\r\nabc\r\n--x--\r\n";
            answer.whole("206 Partial Content", &kind, body);
        })
        .requests(3)
        .starts_over("several ranges"),
        resumed("several ranges, and the header of one", STRONG, |bytes, first, answer| {
            let kind = [STRONG[0], ("Content-Type", "Multipart/ByteRanges; boundary=x")];
            send_rest(bytes, first, &kind, answer);
        })
        .requests(3)
        .twice(TOTAL - BROKEN_AT)
        .starts_over("several ranges"),
        resumed("the whole to whoever wants the end", STRONG, |bytes, _, answer| {
            send_whole(bytes, STRONG, answer);
        })
        .starts_over("only from its start"),
        resumed("an empty body for a range", STRONG, |bytes, first, answer| {
            let range = rest_of(bytes, first);
            answer.whole("206 Partial Content", &[STRONG[0], ("Content-Range", &range)], b"");
        })
        .requests(3)
        .starts_over("another length than it says"),
        resumed("more bytes than the range has", STRONG, |bytes, first, answer| {
            let range = format!("bytes {first}-{}/{TOTAL}", first + 99);
            answer.head("206 Partial Content", &[STRONG[0], ("Content-Range", &range)]);
            answer.bytes(&bytes[first..first + 200]);
        })
        .fails("wrong_length")
        .keeps(BROKEN_AT),
        resumed("fewer bytes than the range has", STRONG, |bytes, first, answer| {
            let range = rest_of(bytes, first);
            answer.head("206 Partial Content", &[STRONG[0], ("Content-Range", &range)]);
            answer.bytes(&bytes[first..BROKEN_AT + 1000]);
        })
        .waits("connection_lost")
        .keeps(BROKEN_AT + 1000),
        resumed("no more of the range than is compared", STRONG, |bytes, first, answer| {
            let range = rest_of(bytes, first);
            answer.head("206 Partial Content", &[STRONG[0], ("Content-Range", &range)]);
            answer.bytes(&bytes[first..first + 1000]);
        })
        // It is asked for the rest of that as long as it brings some of it.
        .requests(18)
        .waits("connection_lost")
        .keeps(BROKEN_AT + 17 * 1000 - OVERLAP),
        resumed("no byte of the range", STRONG, |bytes, first, answer| {
            let range = rest_of(bytes, first);
            answer.head("206 Partial Content", &[STRONG[0], ("Content-Range", &range)]);
        })
        .waits("connection_lost")
        .keeps(BROKEN_AT),
        resumed_by("a part to whoever wants the whole", STRONG, |asked, answer| {
            let first = asked.range().map_or(1000, |_| 1);
            send_rest(&file(), first, STRONG, answer);
        })
        .requests(3)
        .twice(2 * TOTAL)
        .fails("nonsense")
        .keeps(BROKEN_AT),
    ]
}

fn refusals() -> Vec<Case> {
    vec![
        not_satisfiable("416 with the size of what is there", "bytes */700000")
            .starts_over("does not have that range"),
        not_satisfiable("416 with the size it always had", "bytes */1200000")
            .starts_over("does not have that range"),
        not_satisfiable("416 with another size", "bytes */5").starts_over("does not have that range"),
        not_satisfiable("416 with no size", "").starts_over("does not have that range"),
        not_satisfiable("416 with garbage for a size", "bytes */-1").starts_over("does not have that range"),
        resumed("a server with ranges from the start only", STRONG, |bytes, first, answer| match first {
            0 => send_rest(bytes, 0, STRONG, answer),
            _ => refuse("", answer),
        })
        .requests(3)
        .starts_over("does not have that range"),
        resumed("412 to If-Range", STRONG, |_, _, answer| {
            answer.whole("412 Precondition Failed", &[], b"");
        })
        .requests(3)
        .starts_over("another version"),
        resumed_by("416 to whatever is asked", STRONG, |_, answer| refuse("", answer))
            .requests(3)
            .fails("416")
            .keeps(BROKEN_AT),
        // All of it is there; only the size was never said.
        Case::new("416 where all is there already", &file(), |asked, answer| {
            if asked.number > 0 {
                return refuse("bytes */1200000", answer);
            }
            let headers = [STRONG[0], ("Transfer-Encoding", "chunked"), ("Accept-Ranges", "bytes")];
            answer.head("200 OK", &headers);
            answer.bytes(format!("{TOTAL:x}\r\n").as_bytes()).bytes(&file()).bytes(b"\r\n").hold();
        })
        .broken_at(TOTAL)
        .keeps(TOTAL)
        .logs("It is whole already"),
    ]
}

fn fresh() -> Vec<Case> {
    let nothing = std::sync::Arc::new(Vec::new());
    vec![
        Case::new("416 to a first request", &small(), |asked, answer| match asked.range() {
            Some(_) => refuse("", answer),
            None => send_whole(&small(), STRONG, answer),
        })
        .requests(2)
        .logs("does not have that range"),
        Case::new("416 for an empty file", &nothing, |asked, answer| match asked.range() {
            Some(_) => refuse("bytes */0", answer),
            None => send_whole(&[], STRONG, answer),
        })
        .requests(2),
        Case::new("an empty file", &nothing, |_, answer| send_whole(&[], STRONG, answer)),
        Case::new("a first range that starts later", &small(), |asked, answer| match asked.range() {
            Some(_) => send_rest(&small(), 5, STRONG, answer),
            None => send_whole(&small(), STRONG, answer),
        })
        .requests(2)
        .twice(20_000)
        .logs("starts elsewhere"),
        Case::new("a first range with the total *", &small(), |asked, answer| match asked.range() {
            Some(_) => send_as(&small(), 0, "bytes 0-19999/*", STRONG, answer),
            None => send_whole(&small(), STRONG, answer),
        })
        .requests(2)
        .twice(20_000)
        .logs("not described"),
        Case::new("several ranges to a first request", &small(), |asked, answer| match asked.range() {
            Some(_) => {
                let kind = [("Content-Type", "multipart/byteranges; boundary=x")];
                answer.whole("206 Partial Content", &kind, b"--x\r\n\r\nabc\r\n--x--\r\n");
            }
            None => send_whole(&small(), STRONG, answer),
        })
        .requests(2)
        .logs("several ranges"),
        Case::new("a part to everybody", &small(), |_, answer| send_rest(&small(), 5, STRONG, answer))
            .requests(2)
            .twice(40_000)
            .fails("nonsense"),
        Case::new("short ranges from the start on", &file(), |asked, answer| {
            let first = asked.range().map_or(0, |(first, _)| first);
            let end = TOTAL.min(first + 300_000);
            let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
            let headers = [STRONG[0], ("Content-Range", range.as_str())];
            answer.whole("206 Partial Content", &headers, &file()[first..end]);
        })
        .requests(4),
        Case::new("short ranges of a file that nothing is said of", &small(), |asked, answer| {
            let bytes = small();
            let first = asked.range().map_or(0, |(first, _)| first);
            let last = asked.range().and_then(|(_, last)| last).unwrap_or(usize::MAX);
            let end = bytes.len().min(first + 5000).min(last.saturating_add(1));
            let range = format!("bytes {first}-{}/{}", end - 1, bytes.len());
            answer.whole("206 Partial Content", &[("Content-Range", &range)], &bytes[first..end]);
        })
        .requests(100)
        .twice(400_000),
    ]
}
