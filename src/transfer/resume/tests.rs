use super::*;
use proptest::prelude::*;

fn etag(etag: &str) -> Validator {
    Validator { etag: Some(etag.into()), ..Validator::default() }
}

fn date(date: &str) -> Validator {
    Validator { last_modified: Some(date.into()), ..Validator::default() }
}

fn known(validator: &Validator) -> Known<'_> {
    Known { total_bytes: Some(1000), there_bytes: 100, validator, is_elsewhere: false, has_checksum: false }
}

fn from(first: u64) -> Part {
    Part::Range { first, last: None, proof: Some("\"v1\"".into()) }
}

fn head(status: u16, range: &str, length: u64) -> Head {
    Head {
        status,
        content_length: Some(length),
        content_range: (!range.is_empty()).then(|| range.to_owned()),
        ..Head::default()
    }
}

#[test]
fn a_broken_download_goes_on_only_with_proof() {
    let v1 = etag("\"v1\"");
    let verdict = |head: &Head| verdict(&from(100), known(&v1), head);
    let good = Verdict::Continue { total_bytes: 1000, body_bytes: 900 };
    assert_eq!(verdict(&head(206, "bytes 100-999/1000", 900)), good);
    assert_eq!(
        verdict(&head(206, "bytes 100-199/1000", 100)),
        Verdict::Continue { total_bytes: 1000, body_bytes: 100 }
    );
    assert_eq!(
        verdict(&head(416, "bytes */100", 0)),
        Verdict::AskWhole("the server does not have that range")
    );
    let lies = [
        head(206, "", 900),
        head(206, "bytes 0-999/1000", 1000),
        head(206, "bytes 101-999/1000", 899),
        head(206, "bytes 100-999/*", 900),
        head(206, "bytes 100-999/1000", 800),
        head(206, "bytes 999-100/1000", 900),
        head(206, "bytes 100-1000/1000", 901),
        head(206, "lines 100-999/1000", 900),
        head(206, "bytes +100-999/1000", 900),
        Head { is_multipart: true, ..head(206, "bytes 100-999/1000", 900) },
        Head { is_encoded: true, ..head(206, "bytes 100-999/1000", 900) },
        Head { is_encoded: true, ..head(200, "", 900) },
        head(412, "", 0),
    ];
    for lie in lies {
        assert!(matches!(verdict(&lie), Verdict::AskWhole(_)), "{lie:?}");
    }
    let longer = verdict(&head(206, "bytes 100-1000/1001", 901));
    assert!(matches!(longer, Verdict::Another(_)), "{longer:?}");
    assert!(matches!(verdict(&head(200, "", 1000)), Verdict::FromStart { total_bytes: Some(1000), .. }));
    assert!(matches!(verdict(&head(204, "", 0)), Verdict::Fault(_)));
    assert!(matches!(verdict(&head(404, "", 0)), Verdict::Fault(_)));
}

#[test]
fn another_version_is_told_by_all_it_says() {
    let (strong, weak) = (etag("\"v1\""), etag("W/\"v1\""));
    let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
    let dated = date(early);
    let both = Validator { etag: strong.etag.clone(), ..date(early) };
    let sum = |digit: &str| Validator {
        digest: digit.repeat(64).parse().ok().map(Box::new),
        ..Validator::default()
    };
    let summed = sum("0");
    let nothing = Validator::default();
    let here = |known_validator, said: &Validator| difference(known(known_validator), 1000, said).is_none();
    let there = |known_validator, said: &Validator| {
        difference(Known { is_elsewhere: true, ..known(known_validator) }, 1000, said).is_none()
    };
    // What is known, what is said, whether that is the same here and at another address.
    let table = [
        (&strong, etag("\"v1\""), true, true),
        (&strong, etag("\"v2\""), false, false),
        (&strong, Validator::default(), true, false),
        (&weak, etag("W/\"v1\""), true, true),
        (&weak, etag("W/\"v2\""), false, false),
        (&dated, date(early), true, true),
        (&dated, date(late), false, false),
        (&both, Validator { etag: etag("\"v2\"").etag, ..date(early) }, false, true),
        (&both, Validator { etag: etag("\"v1\"").etag, ..date(late) }, true, true),
        (&both, date(late), false, false),
        (&summed, sum("0"), true, true),
        (&summed, sum("1"), false, false),
        (&nothing, Validator::default(), true, false),
        (&nothing, etag("\"v1\""), true, false),
    ];
    for (known_validator, said, is_same_here, is_same_there) in table {
        assert_eq!(here(known_validator, &said), is_same_here, "here: {known_validator:?} {said:?}");
        assert_eq!(there(known_validator, &said), is_same_there, "there: {known_validator:?} {said:?}");
    }
    assert!(difference(known(&strong), 999, &strong).is_some(), "another size is another file");
    let with_checksum = Known { is_elsewhere: true, has_checksum: true, ..known(&strong) };
    assert!(difference(with_checksum, 1000, &etag("\"v2\"")).is_none(), "the checksum will tell");
    assert!(difference(with_checksum, 999, &strong).is_some());
}

#[test]
fn nothing_left_to_ask_for_is_whole() {
    let v1 = etag("\"v1\"");
    let there = |there_bytes| Known { there_bytes, ..known(&v1) };
    // From a little before what is missing.
    let verdict = |part, there_bytes, range| verdict(&part, there(there_bytes), &head(416, range, 0));
    assert_eq!(verdict(from(990), 1000, "bytes */1000"), Verdict::AlreadyWhole);
    assert!(matches!(verdict(from(990), 1000, "bytes */999"), Verdict::AskWhole(_)));
    assert!(matches!(verdict(from(990), 1000, "bytes */990"), Verdict::AskWhole(_)));
    assert!(matches!(verdict(from(990), 1000, ""), Verdict::AskWhole(_)));
    assert!(matches!(verdict(from(990), 999, "bytes */999"), Verdict::AskWhole(_)), "it is another size");
    let unproven = Part::Range { first: 990, last: None, proof: None };
    assert!(matches!(verdict(unproven, 1000, "bytes */1000"), Verdict::AskWhole(_)));
}

#[test]
fn another_address_that_cannot_go_on_is_none() {
    let v1 = etag("\"v1\"");
    let elsewhere = Known { is_elsewhere: true, ..known(&v1) };
    let part = Part::Range { first: 90, last: None, proof: None };
    for answer in [head(200, "", 1000), head(416, "bytes */50", 0), head(416, "", 0)] {
        assert!(matches!(verdict(&part, elsewhere, &answer), Verdict::Another(_)), "{answer:?}");
    }
    let Verdict::Another(how) = verdict(&part, elsewhere, &head(206, "bytes 90-1999/2000", 1910)) else {
        panic!("it is another size");
    };
    assert_eq!(how, "it has 2.0 KiB instead of 1000 B");
}

#[test]
fn the_first_answer_tells_size_and_ranges() {
    let nothing = Validator::default();
    let fresh = Known { total_bytes: None, ..known(&nothing) };
    let verdict = |head: &Head| verdict(&Part::FromStart, fresh, head);
    assert_eq!(
        verdict(&head(206, "bytes 0-999/1000", 1000)),
        Verdict::FromStart { total_bytes: Some(1000), body_bytes: Some(1000), resumable: true }
    );
    assert!(matches!(verdict(&head(200, "", 1000)), Verdict::FromStart { resumable: false, .. }));
    assert!(matches!(verdict(&head(416, "bytes */0", 0)), Verdict::AskWhole(_)));
    assert!(matches!(verdict(&head(206, "bytes 5-999/1000", 995)), Verdict::AskWhole(_)));
}

#[test]
fn only_strong_validators_prove_anything() {
    let with = |etag: Option<&str>, modified: Option<&str>, date: Option<&str>| {
        proof(&Validator {
            etag: etag.map(Into::into),
            last_modified: modified.map(Into::into),
            date: date.map(Into::into),
            digest: None,
        })
    };
    let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(with(Some("\"a\""), None, None), Some("\"a\"".into()));
    for weak in ["W/\"a\"", "a", "\"a", "\"", "\"a\"b\"", "\"a b\"", "\"a\x7f\""] {
        assert_eq!(with(Some(weak), None, None), None, "{weak}");
    }
    assert_eq!(with(Some("W/\"a\""), Some(early), Some(late)), Some(early.into()));
    assert_eq!(with(None, Some(early), Some(early)), None);
    assert_eq!(with(None, Some(late), Some(early)), None);
    assert_eq!(with(None, Some(early), None), None);
    assert_eq!(with(None, Some("yesterday"), Some(late)), None);
}

proptest! {
    #[test]
    fn no_content_range_is_a_panic(text in ".*") {
        parse_content_range(&text);
        parse_content_range(&format!("bytes {text}"));
    }
}
