//! Servers that want to know who asks, and what they make of the answer.

use crate::case::{BROKEN_AT, Case, play};
use crate::lies::{STRONG, file, resumed_by, send_rest, send_whole, small};
use crate::support::server::Answer;

#[test]
fn a_login_is_given_where_it_helps_and_not_for_ever() {
    play(cases());
}

const BASIC: (&str, &str) = ("WWW-Authenticate", "Basic realm=\"gate\"");

fn refuse(challenge: (&str, &str), answer: &mut Answer) {
    answer.whole("401 Unauthorized", &[challenge], b"who are you?");
}

/// A server that always asks like this.
fn asks(name: &str, challenge: &'static str) -> Case {
    Case::new(name, &small(), move |_, answer| refuse(("WWW-Authenticate", challenge), answer))
        .login("me:hunter2")
        .fails("401")
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        asks("a login that is wrong", "Basic realm=\"gate\"").requests(2),
        asks("a way of logging in that nobody knows", "Magic wand=\"yes\""),
        asks("a question that is garbage", "====,,,\"\"\"==,"),
        asks("an empty question", ""),
        asks("Digest without a nonce", "Digest realm=\"gate\", qop=\"auth\""),
        asks("Digest with a sum that nobody knows", "Digest realm=\"gate\", nonce=\"n\", algorithm=ROT13"),
        asks("Digest that is never content", "Digest realm=\"gate\", nonce=\"n\", qop=\"auth\"").requests(2),
        asks("Digest whose nonce is always too old", "Digest realm=\"gate\", nonce=\"n\", stale=true")
            .requests(4),
        Case::new("no login, and it is asked for", &small(), |_, answer| refuse(BASIC, answer)).fails("401"),
        Case::new("401 that heals", &small(), |asked, answer| match asked.number {
            0 => refuse(BASIC, answer),
            _ => send_whole(&small(), STRONG, answer),
        })
        .login("me:hunter2")
        .requests(2),
        resumed_by("401 that heals, for whoever goes on", STRONG, |asked, answer| {
            match (asked.number, asked.range()) {
                (1, _) => refuse(BASIC, answer),
                (_, Some((first, _))) => send_rest(&file(), first, STRONG, answer),
                _ => send_whole(&file(), STRONG, answer),
            }
        })
        .login("me:hunter2")
        .requests(3)
        .goes_on(),
        resumed_by("a login that is no longer right", STRONG, |_, answer| refuse(BASIC, answer))
            .login("me:hunter2")
            .requests(3)
            .fails("401")
            .keeps(BROKEN_AT),
        Case::new("a proxy's question from a server", &small(), |_, answer| {
            answer.whole("407 Proxy Authentication Required", &[("Proxy-Authenticate", "Basic")], b"");
        })
        .login("me:hunter2")
        .fails("407"),
    ]
}
