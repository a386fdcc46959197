//! Redirects that lead nowhere, in circles, or where nobody should follow.

use crate::case::{BROKEN_AT, Case, TOTAL, play};
use crate::lies::{STRONG, file, good, other, resumed_by, send_rest, send_whole, small};
use crate::support::server::{Answer, Asked, Good};

#[test]
fn a_redirect_leads_to_the_file_or_to_a_fault() {
    play(cases());
}

fn redirect(status: &str, to: &str, answer: &mut Answer) {
    answer.whole(status, &[("Location", to)], b"<html>elsewhere</html>");
}

/// Everybody is sent there, and whoever comes there gets the file.
fn leads(name: &str, to: impl Into<String>) -> Case {
    let to = to.into();
    Case::new(name, &small(), move |asked, answer| match asked.target.as_str() {
        "/file.bin" => redirect("302 Found", &to, answer),
        _ => send_whole(&small(), STRONG, answer),
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = circles();
    cases.extend(places());
    cases.extend(in_the_middle());
    cases
}

/// The number in a target.
fn number(asked: &Asked) -> u32 {
    asked.target.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
}

fn circles() -> Vec<Case> {
    let chain = |name, length: u32| {
        Case::new(name, &small(), move |asked, answer| match number(asked) {
            there if there == length => send_whole(&small(), STRONG, answer),
            there => redirect("307 Temporary Redirect", &format!("/step-{}", there + 1), answer),
        })
    };
    vec![
        chain("ten redirects", 10).named(&["step-10"]).requests(11),
        chain("eleven redirects", 11).requests(11).fails("too_many_redirects"),
        chain("redirects without end", u32::MAX).requests(11).fails("too_many_redirects"),
        Case::new("a redirect to itself", &small(), |_, answer| redirect("301 Moved", "/file.bin", answer))
            .requests(2)
            .fails("too_many_redirects"),
        Case::new("a redirect to no other place", &small(), |_, answer| redirect("302 Found", "", answer))
            .requests(2)
            .fails("too_many_redirects"),
        Case::new("two that redirect to each other", &small(), |asked, answer| match asked.target.as_str() {
            "/file.bin" => redirect("308 Permanent Redirect", "/there", answer),
            _ => redirect("308 Permanent Redirect", "/file.bin", answer),
        })
        .requests(4)
        .fails("too_many_redirects"),
        Case::new("a redirect to itself with a cookie each time", &small(), |asked, answer| {
            let cookie = format!("n={}", asked.number);
            let headers = [("Location", "/file.bin"), ("Set-Cookie", cookie.as_str())];
            answer.whole("302 Found", &headers, b"");
        })
        .requests(11)
        .fails("too_many_redirects"),
        Case::new("a redirect to itself until a cookie is shown", &small(), |asked, answer| {
            if let Some("gate=open") = asked.header("cookie") {
                send_whole(&small(), STRONG, answer);
            } else {
                let headers = [("Location", "/file.bin"), ("Set-Cookie", "gate=open; Path=/")];
                answer.whole("302 Found", &headers, b"");
            }
        })
        .requests(2),
    ]
}

fn places() -> Vec<Case> {
    let long = format!("/{}", "x".repeat(50_000));
    let mut cases: Vec<Case> = [
        ("to a file of this computer", "file:///etc/passwd"),
        ("to ftp", "ftp://127.0.0.1/file.bin"),
        ("to a script", "javascript:alert(1)"),
        ("to data in the address", "data:application/octet-stream,abc"),
        ("to another program", "magnet:?xt=urn:btih:0"),
        ("to a scheme nobody knows", "x-mine://127.0.0.1/"),
    ]
    .into_iter()
    .map(|(name, to)| leads(&format!("a redirect {name}"), to).fails("unknown_scheme"))
    .collect();
    cases.extend(
        [
            ("to no host", "http://"),
            ("to brackets", "http://[::bad/"),
            ("to a port that is none", "http://127.0.0.1:99999/"),
            ("to a host with a blank", "http://a b/"),
        ]
        .map(|(name, to)| leads(&format!("a redirect {name}"), to).fails("302")),
    );
    cases.extend([
        leads("a redirect to a path above all", "/../../../../etc/passwd").requests(2).named(&["passwd"]),
        leads("a redirect to a path above all, in disguise", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd")
            .requests(2)
            .named(&["passwd"]),
        leads("a redirect of fifty thousand letters", long)
            .requests(2)
            .twice(60_000)
            .named(&[&"x".repeat(240)]),
        Case::new("303 to the file", &small(), |asked, answer| match asked.target.as_str() {
            "/file.bin" => redirect("303 See Other", "/there.bin", answer),
            _ => send_whole(&small(), STRONG, answer),
        })
        .requests(2)
        .named(&["there.bin"]),
        Case::new("a redirect to a place within the file", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => redirect("302 Found", "/there.bin#page=5", answer),
                "/there.bin" => send_whole(&small(), STRONG, answer),
                _ => answer.whole("400 Bad Request", &[], b"<html>#?</html>"),
            }
        })
        .requests(2)
        .named(&["there.bin"]),
        Case::new("an address with a place within the file", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => send_whole(&small(), STRONG, answer),
                _ => answer.whole("400 Bad Request", &[], b"<html>#?</html>"),
            }
        })
        .target("file.bin#page=5"),
        leads("a redirect with a login in it", "//me:pw@127.0.0.1:9/x").waits("connection_refused"),
        Case::new("a redirect without a place", &small(), |_, answer| {
            answer.whole("302 Found", &[], b"<a href=/there>here</a>");
        })
        .fails("302"),
        Case::new("a redirect to two places", &small(), |_, answer| {
            answer.whole("302 Found", &[("Location", "/1"), ("Location", "/2")], b"");
        })
        .fails("nonsense"),
        Case::new("a choice of places", &small(), |_, answer| redirect("300 Multiple Choices", "/1", answer))
            .fails("300"),
        Case::new("a place in a status that is no redirect", &small(), |_, answer| {
            answer.whole("200 OK", &[("Location", "/other")], &small());
        }),
        Case::new("a redirect with a body without end", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => {
                    answer.head("302 Found", &[("Location", "/there/file.bin")]);
                    for _ in 0..1000 {
                        answer.bytes(&[b'x'; 1000]);
                    }
                    answer.hold();
                }
                _ => send_whole(&small(), STRONG, answer),
            }
        })
        .requests(2)
        .twice(1_000_000),
        Case::new("a name on the redirect, and none on the file", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => {
                    let name = ("Content-Disposition", "attachment; filename=evil.exe");
                    answer.whole("302 Found", &[("Location", "/there.bin"), name], b"");
                }
                _ => send_whole(&small(), STRONG, answer),
            }
        })
        .requests(2)
        .named(&["there.bin"]),
        Case::new("an ETag on the redirect, and none on the file", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => {
                    answer.whole("302 Found", &[("Location", "/file.bin?"), STRONG[0]], b"");
                }
                _ => send_whole(&small(), &[], answer),
            }
        })
        .requests(2),
        Case::new("a redirect that says it is a range", &small(), |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => {
                    let headers = [("Location", "/file.bin?"), ("Content-Range", "bytes 5-9/10")];
                    answer.whole("302 Found", &headers, b"");
                }
                _ => good(&small()).send(asked, answer),
            }
        })
        .requests(2),
    ]);
    cases
}

/// A server that gives each visitor a link of their own, which is good for one request.
fn once(name: &str, then: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Case {
    Case::new(name, &file(), move |asked, answer| match asked.target.as_str() {
        "/file.bin" => redirect("302 Found", &format!("/once-{}/file.bin", asked.number + 1), answer),
        target if target == format!("/once-{}/file.bin", asked.number) => then(asked, answer),
        _ => answer.whole("410 Gone", &[], b"<html>used</html>"),
    })
}

fn in_the_middle() -> Vec<Case> {
    let (same, new) = (good(&file()), Good { etag: "\"two\"".into(), ..good(&other()) });
    let (first, next) = (good(&file()), good(&file()));
    vec![
        once("a link for one request behind a redirect", move |asked, answer| match asked.number {
            1 => first.send_until(BROKEN_AT, asked, answer),
            _ => first.send(asked, answer),
        })
        .broken_at(BROKEN_AT)
        .requests(4)
        .goes_on(),
        once("links for one request, of which the first breaks off", move |asked, answer| {
            next.head(asked, answer);
            let first = next.first(asked);
            answer.bytes(&next.bytes[first..if asked.number == 1 { BROKEN_AT } else { TOTAL }]);
        })
        .requests(4)
        .logs("Goes on at 684 KiB"),
        resumed_by("a redirect to where only the right range is served", STRONG, |asked, answer| {
            let proof = asked.header("if-range");
            match (asked.target.as_str(), asked.range(), proof) {
                ("/file.bin", ..) => redirect("307 Temporary Redirect", "/there", answer),
                (_, Some((first, None)), Some("\"one\"")) => send_rest(&file(), first, STRONG, answer),
                _ => answer.whole("400 Bad Request", &[], b"<html>Range?</html>"),
            }
        })
        .requests(3)
        .goes_on(),
        resumed_by("303 for whoever goes on", STRONG, |asked, answer| match asked.target.as_str() {
            "/file.bin" => redirect("303 See Other", "/there", answer),
            _ => good(&file()).send(asked, answer),
        })
        .requests(3)
        .goes_on(),
        resumed_by("a redirect to the same file, for whoever goes on", STRONG, move |asked, answer| {
            match asked.target.as_str() {
                "/file.bin" => redirect("302 Found", "/there", answer),
                _ => same.send(asked, answer),
            }
        })
        .requests(3)
        .goes_on(),
        resumed_by(
            "a redirect to another file, for whoever goes on",
            STRONG,
            move |asked, answer| match asked.target.as_str() {
                "/file.bin" => redirect("302 Found", "/there", answer),
                _ => new.send(asked, answer),
            },
        )
        .becomes(&other())
        .requests(3)
        .starts_over("its ETag was \"one\" and is \"two\""),
        resumed_by("a circle for whoever goes on", STRONG, |_, answer| {
            redirect("302 Found", "/file.bin", answer);
        })
        .requests(3)
        .fails("too_many_redirects")
        .keeps(BROKEN_AT),
        resumed_by("a redirect to another scheme for whoever goes on", STRONG, |_, answer| {
            redirect("302 Found", "ftp://127.0.0.1/file.bin", answer);
        })
        .fails("unknown_scheme")
        .keeps(BROKEN_AT),
    ]
}
