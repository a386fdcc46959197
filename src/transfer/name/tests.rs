//! What all the parts make of headers and addresses together. The rows of the first two tables test what the examples
//! of the RFCs show and what the test cases known as tc2231 look at, one row a case.

use proptest::prelude::*;
use reqwest::header::HeaderValue;

use super::*;

/// Without a name in the header.
const NONE: &str = "address.bin";

fn name_of(disposition: &[u8], media_type: &str, url: &str) -> String {
    let mut headers = HeaderMap::new();
    if !disposition.is_empty() {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_bytes(disposition).unwrap());
    }
    if !media_type.is_empty() {
        headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
    }
    wanted_name(None, &headers, &url.parse().unwrap())
}

fn check(rows: &[(&[u8], &str)]) {
    for (header, name) in rows {
        let found = name_of(header, "", "https://example.org/address.bin");
        assert_eq!(&found, name, "{}", header.escape_ascii());
    }
}

#[test]
fn the_grammar_is_read_as_the_rfcs_have_it() {
    check(&[
        // RFC 6266 section 5.
        (b"Attachment; filename=example.html", "example.html"),
        (b"INLINE; FILENAME= \"an example.html\"", "an example.html"),
        (b"attachment; filename*= UTF-8''%e2%82%ac%20rates", "€ rates"),
        (b"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "€ rates"),
        // RFC 6266 section 4.1 and appendix D: both names, in either order, and what a fallback may look like.
        (b"attachment; filename*=utf-8''%e2%82%ac%20rates; filename=\"EURO rates\"", "€ rates"),
        (b"attachment; filename=\"EURO rates\"", "EURO rates"),
        (b"attachment; filename=\"plus+and%signs.txt\"", "plus+and%signs.txt"),
        // RFC 8187 section 3.2.3, as if the title were the name.
        (b"attachment; filename=Economy", "Economy"),
        (b"attachment; filename=\"US-$ rates\"", "US-$ rates"),
        (b"attachment; filename*=utf-8'en'%C2%A3%20rates", "£ rates"),
        (b"attachment; filename*=UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", "£ and € rates"),
        // RFC 8187 section 3.2.1: all that may stand unencoded, a language, any case.
        (b"attachment; filename*=UTF-8''aZ09!#$&+-.^_`~x", "aZ09!#$&+-.^_`~x"),
        (b"attachment; filename*=uTf-8'de-DE-1996'stra%C3%9fe.txt", "straße.txt"),
        (b"attachment; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
        (b"attachment; filename*=Shift_JIS''%8E%91%97%BF.pdf", "資料.pdf"),
        // Types: none has another name.
        (b"inline", NONE),
        (b"\"inline\"", NONE),
        (b"inline; filename=\"foo.html\"", "foo.html"),
        (b"inline; filename=\"Not an attachment!\"", "Not an attachment!"),
        (b"inline; filename=\"foo.pdf\"", "foo.pdf"),
        (b"attachment", NONE),
        (b"\"attachment\"", NONE),
        (b"ATTACHMENT", NONE),
        (b"foobar", NONE),
        (b"form-data; name=\"field\"; filename=\"foo.html\"", "foo.html"),
        (b"attachment; filename=\"0000000000111111111122222.html\"", "0000000000111111111122222.html"),
        // Quoted strings.
        (b"attachment; filename=\"foo.html\"", "foo.html"),
        (b"attachment; filename=\"f\\oo.html\"", "foo.html"),
        (b"attachment; filename=\"\\\"quoting\\\" tested.html\"", "_quoting_ tested.html"),
        (b"attachment; filename=\"Here's a semicolon;.html\"", "Here's a semicolon;.html"),
        (b"attachment; filename=\"a=b.html\"", "a=b.html"),
        (b"attachment; filename=\"\"", NONE),
        (b"attachment; filename=", NONE),
        // Other parameters.
        (b"attachment; foo=\"bar\"; filename=\"foo.html\"", "foo.html"),
        (b"attachment; foo=\"\\\"\\\\\";filename=\"foo.html\"", "foo.html"),
        (b"attachment; foobar=x; filename=\"foo.html\"", "foo.html"),
        (b"attachment; filename=foo.html; size=3", "foo.html"),
        (b"attachment; creation-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"", NONE),
        (b"attachment; modification-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"", NONE),
        (b"attachment; example=\"filename=example.txt\"", NONE),
        (b"attachment; xfilename=foo.html", NONE),
        (b"attachment; filename.x=foo.html", NONE),
        (b"attachment; name=\"foo-%41.html\"", NONE),
        (b"attachment; name=a; filename=b", "b"),
        // Case and blanks.
        (b"attachment; FILENAME=\"foo.html\"", "foo.html"),
        (b"attachment; FileName*=utf-8''foo.html", "foo.html"),
        (b"attachment;filename=foo.html", "foo.html"),
        (b"attachment \t; \t filename \t=\t foo.html \t", "foo.html"),
        (b"attachment; filename = \"foo.html\" ; size = 3", "foo.html"),
        // Tokens.
        (b"attachment; filename=foo.html", "foo.html"),
        (b"attachment; filename='foo.bar'", "'foo.bar'"),
        // Names are not percent-encoded.
        (b"attachment; filename=\"foo-%41.html\"", "foo-%41.html"),
        (b"attachment; filename=\"50%.html\"", "50%.html"),
        (b"attachment; filename=\"foo-%\\41.html\"", "foo-%41.html"),
        (b"attachment; filename=\"\xe4-%41.html\"", "ä-%41.html"),
        (b"attachment; filename=\"100% of %20.txt\"", "100% of %20.txt"),
        (b"attachment; filename=\"a b%20c.txt\"", "a b%20c.txt"),
        (b"attachment; filename=\"\xe4%20c.txt\"", "ä%20c.txt"),
        // Letters that are not ASCII: ISO-8859-1 by the book, UTF-8 by what is sent.
        (b"attachment; filename=\"foo-\xe4.html\"", "foo-ä.html"),
        ("attachment; filename=\"foo-ä.html\"".as_bytes(), "foo-ä.html"),
        // Paths are none.
        (b"attachment; filename=\"/foo.html\"", "foo.html"),
        (b"attachment; filename=\"\\\\foo.html\"", "foo.html"),
        (b"attachment; filename*=UTF-8''%2ffoo.html", "foo.html"),
        (b"attachment; filename*=UTF-8''%5cfoo.html", "foo.html"),
        (b"attachment; filename*=UTF-8''..%2f..%2fetc%2fpasswd", "passwd"),
        (b"attachment; filename=\"C:\\\\x\\\\evil.exe\"", "evil.exe"),
        (b"attachment; filename=\"..\"", NONE),
        (b"attachment; filename=\"a/..\"", NONE),
    ]);
}

#[test]
fn encoded_names_are_read_as_rfc_8187_has_it() {
    check(&[
        (b"attachment; filename*=iso-8859-1''foo-%E4.html", "foo-ä.html"),
        (b"attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
        (b"attachment; filename*=UTF-8''foo-a%cc%88.html", "foo-a\u{308}.html"),
        (b"attachment; filename*=UTF-8''A-%2541.html", "A-%41.html"),
        (b"attachment; filename*=UTF-8''foo%00%0d%0a.html", "foo.html"),
        // Both: the encoded one counts, wherever it stands.
        (b"attachment; filename=\"foo-ae.html\"; filename*=UTF-8''foo-%c3%a4.html", "foo-ä.html"),
        (b"attachment; filename*=UTF-8''foo-%c3%a4.html; filename=\"foo-ae.html\"", "foo-ä.html"),
        // Blanks around the equals sign, but not within the name.
        (b"attachment; filename*= UTF-8''foo-%c3%a4.html", "foo-ä.html"),
        (b"attachment; filename* =UTF-8''foo-%c3%a4.html", "foo-ä.html"),
        (b"attachment; filename *=UTF-8''foo-%c3%a4.html", NONE),
        // What cannot be read is as good as not there.
        (b"attachment; filename*=''foo-%c3%a4-%e2%82%ac.html", NONE),
        (b"attachment; filename*=foo-%c3%a4.html", NONE),
        (b"attachment; filename*=UTF-8'foo-%c3%a4.html", NONE),
        (b"attachment; filename*=utf-8''foo-%E4.html", NONE),
        (b"attachment; filename*=UTF-8''foo%", NONE),
        (b"attachment; filename*=UTF-8''f%oo.html", NONE),
        (b"attachment; filename*=UTF-8''foo%4", NONE),
        (b"attachment; filename*=klingon''foo", NONE),
        (b"attachment; filename*=UTF-8''", NONE),
        (b"attachment; filename*=", NONE),
        (b"attachment; filename*=\"foo%20bar.html\"", NONE),
        (b"attachment; filename*=klingon''foo; filename=bar", "bar"),
        (b"attachment; filename=bar; filename*=UTF-8''%", "bar"),
        (b"attachment; filename=bar; filename*=UTF-8''%ff", "bar"),
        (b"attachment; filename=bar; filename*=UTF-8''", "bar"),
        (b"attachment; filename=bar; filename*=foo.html", "bar"),
        (b"attachment; filename*=klingon''foo; filename*=UTF-8''b%20c", "b c"),
        // In quotes it may not be, but what is meant is plain.
        (b"attachment; filename*=\"UTF-8''foo-%c3%a4.html\"", "foo-ä.html"),
        (b"attachment; filename*=UTF-8''foo bar.html", "foo bar.html"),
        ("attachment; filename*=UTF-8''foo-ä.html".as_bytes(), "foo-ä.html"),
        // It says Latin-1, but is UTF-8.
        (b"attachment; filename*=iso-8859-1''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
        // RFC 2231's continuations are not part of it.
        (b"attachment; filename*0=\"foo.\"; filename*1=\"html\"", NONE),
        (b"attachment; filename*0=\"foo\"; filename*1=\"\\b\\a\\r.html\"", NONE),
        (b"attachment; filename*0*=UTF-8''foo-%c3%a4; filename*1=\".html\"", NONE),
        (b"attachment; filename*0=\"foo\"; filename*01=\"bar\"", NONE),
        (b"attachment; filename*0=\"foo\"; filename*2=\"bar\"", NONE),
        (b"attachment; filename*1=\"foo.\"; filename*2=\"html\"", NONE),
        (b"attachment; filename*1=\"bar\"; filename*0=\"foo\"", NONE),
        (b"attachment; filename*0=\"foo\"; filename=\"bar\"", "bar"),
        (
            b"attachment; filename*0*=ISO-8859-15''euro-sign%3d%a4; filename*=ISO-8859-1''currency-sign%3d%a4",
            "currency-sign=¤",
        ),
    ]);
}

#[test]
fn broken_headers_are_read_where_they_leave_no_doubt() {
    check(&[
        (b"attachment; filename=foo,bar.html", "foo,bar.html"),
        (b"attachment; filename=foo.html ;", "foo.html"),
        (b"attachment; ;filename=foo", "foo"),
        (b"attachment; filename=foo bar.html", "foo bar.html"),
        (b"attachment; filename=foo[1](2).html", "foo[1](2).html"),
        (b"attachment; filename=foo-\xe4.html", "foo-ä.html"),
        ("attachment; filename=foo-ä.html".as_bytes(), "foo-ä.html"),
        // The first of two counts.
        (b"attachment; filename=\"foo.html\"; filename=\"bar.html\"", "foo.html"),
        (b"attachment; filename=\"\"; filename=\"bar.html\"", "bar.html"),
        (b"attachment; filename=\"foo.html\", attachment; filename=\"bar.html\"", "foo.html"),
        // Without a type, with an empty one, with two.
        (b"filename=foo.html", "foo.html"),
        (b"filename=x=y; filename=foo.html", "x=y"),
        (b"\"foo; filename=bar;baz\"; filename=qux", "qux"),
        (b"filename=\"foo.html\", filename=bar.html", "foo.html"),
        (b"; filename=foo.html", "foo.html"),
        (b": inline; attachment; filename=foo.html", "foo.html"),
        (b"inline; attachment; filename=foo.html", "foo.html"),
        (b"attachment; inline; filename=foo.html", "foo.html"),
        (b"filename=foo.html; attachment", "foo.html"),
        // Quotes that do not end, or in the middle.
        (b"attachment; filename=\"foo.html\".txt", "foo.html"),
        (b"attachment; filename=\"foo \"bar\" baz.html\"; size=3", "foo"),
        (b"attachment; filename=\"bar", "bar"),
        (b"attachment; filename=\"bar; filename*=UTF-8''b%c3%a4r", "bär"),
        (b"attachment; filename=\"", NONE),
        (b"attachment; filename=foo\"bar;baz\"qux", "foo_bar"),
        // A missing semicolon: there is no such parameter, or it has blanks in it.
        (b"attachment; foo=foo filename=bar", NONE),
        (b"attachment; filename=bar foo=foo ", "bar foo=foo"),
        (b"attachment filename=bar", NONE),
        (b"=", NONE),
        (b";;;===\"\"\"", NONE),
    ]);
}

#[test]
fn names_in_other_charsets_are_rescued() {
    let in_charset = |label: &str, name: &str| {
        let bytes = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(name).0.into_owned();
        assert_ne!(bytes, name.as_bytes());
        bytes
    };
    for (label, name, country) in [
        ("iso-8859-1", "Größe übung.txt", "org"),
        ("windows-1252", "it’s “quoted”.txt", "com"),
        ("iso-8859-1", "£ rates.txt", "uk"),
        ("iso-8859-2", "zażółć gęślą.txt", "pl"),
        ("windows-1251", "Музыка.mp3", "org"),
        ("windows-1251", "Документ.doc", "ru"),
        ("koi8-r", "Документ.doc", "org"),
        ("windows-1253", "Έγγραφο.doc", "gr"),
        ("shift_jis", "日本語ファイル.txt", "org"),
        ("shift_jis", "資料.pdf", "jp"),
        // Its second bytes look like backslashes.
        ("shift_jis", "表示ソフト.txt", "jp"),
        ("euc-jp", "資料.pdf", "jp"),
        ("gbk", "中文文件名.zip", "org"),
        ("gbk", "简历.doc", "cn"),
        ("big5", "報告書.pdf", "tw"),
        ("euc-kr", "보고서.pdf", "org"),
        ("euc-kr", "한글파일.hwp", "kr"),
        ("utf-8", "größe-資料.txt", "org"),
    ] {
        let bytes = if label == "utf-8" { name.as_bytes().to_vec() } else { in_charset(label, name) };
        let encoded =
            percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
        let host = format!("https://www.example.{country}");
        // In the address; percent-encoded in the header; as raw bytes without and with quotes.
        assert_eq!(name_of(b"", "", &format!("{host}/a/{encoded}?b=c")), name, "{label}");
        let header = format!("attachment; filename={encoded}");
        assert_eq!(name_of(header.as_bytes(), "", &host), name, "{label}");
        for (before, behind) in [("", "; size=3"), ("\"", "\"")] {
            let raw = [b"attachment; filename=", before.as_bytes(), &bytes, behind.as_bytes()].concat();
            assert_eq!(name_of(&raw, "", &host), name, "{label}");
        }
    }
}

#[test]
fn what_was_encoded_for_something_else_is_rescued() {
    check(&[
        // UTF-8 that was taken for Latin-1 and made UTF-8 once more.
        ("attachment; filename=\"foo-Ã¤.html\"".as_bytes(), "foo-ä.html"),
        ("attachment; filename=\"â‚¬ rates\"".as_bytes(), "€ rates"),
        ("attachment; filename=\"â\u{82}¬ rates\"".as_bytes(), "€ rates"),
        // Not that.
        ("attachment; filename=\"Ã la carte.html\"".as_bytes(), "Ã la carte.html"),
        ("attachment; filename=\"Ã¤ und ö.html\"".as_bytes(), "Ã¤ und ö.html"),
        ("attachment; filename=\"Ã¤ €.html\"".as_bytes(), "Ã¤ €.html"),
        // As for an address.
        (b"attachment; filename=\"foo-%c3%a4-%e2%82%ac.html\"", "foo-ä-€.html"),
        (b"attachment; filename=\"a%20b.html\"", "a b.html"),
        (b"attachment; filename=%2e%2e%2fetc%2fpasswd", "passwd"),
        // As for mail.
        (b"attachment; filename==?ISO-8859-1?Q?foo-=E4.html?=", "foo-ä.html"),
        (b"attachment; filename=\"=?ISO-8859-1?Q?foo-=E4.html?=\"", "foo-ä.html"),
        (b"attachment; filename=\"=?UTF-8?B?w6QudHh0?=\"", "ä.txt"),
        (b"attachment; filename=\"=?UTF-8?B?Li4vLi4vw6Q=?=\"", "ä"),
        (b"attachment; filename=\"=?UTF-8?Q?a?= =?UTF-8?Q?_b.txt?=\"", "a b.txt"),
        (b"attachment; filename=\"=?klingon?Q?a?=.txt\"", "=_klingon_Q_a_=.txt"),
    ]);
}

#[test]
fn without_a_header_the_address_has_the_name() {
    for (url, name) in [
        ("http://o.org/x.bin", "x.bin"),
        ("http://o.org/path/f%20g.iso?k=v.zip#part", "f g.iso"),
        ("http://o.org/100%25.txt", "100%.txt"),
        ("http://o.org/a%zz%4.txt", "a%zz%4.txt"),
        ("http://o.org/a+b.txt", "a+b.txt"),
        ("http://o.org/f%C3%BCr.txt", "für.txt"),
        ("http://o.org/f%FCr.txt", "für.txt"),
        ("http://o.org/f%C3%83%C2%BCr.txt", "für.txt"),
        ("http://o.org/für.txt", "für.txt"),
        ("http://192.0.2.1/f%FCr.txt", "für.txt"),
        ("http://[2001:db8::1]/f%FCr.txt", "für.txt"),
        ("http://o.org./f%FCr.txt", "für.txt"),
        ("http://xn--p1ai.xn--p1ai/f%FCr.txt", "für.txt"),
        ("http://o.org/dir/", "dir"),
        ("http://o.org/a//", "a"),
        ("http://o.org/x;v=1.bin", "x;v=1.bin"),
        ("http://o.org/get.php?file=name.ext", "get.php"),
        ("http://o.org/?file=name.ext", "download"),
        ("http://o.org/", "download"),
        ("http://o.org", "download"),
        ("http://o.org/..", "download"),
        ("http://o.org/%20.%20", "download"),
        ("http://o.org/%2e%2e%2fetc%2fpasswd", "passwd"),
        ("http://o.org/..%5c..%5cevil.exe", "evil.exe"),
        ("http://o.org/%00%1b%7f%E2%80%AEa", "a"),
        ("http://o.org/.htaccess", "htaccess"),
        ("http://o.org/nul.txt", "_nul.txt"),
    ] {
        assert_eq!(name_of(b"", "", url), name, "{url}");
    }
}

#[test]
fn a_name_without_an_extension_gets_the_one_of_its_type() {
    for (header, media_type, url, name) in [
        ("", "text/html; charset=utf-8", "http://o/dir/", "dir.html"),
        ("", "text/html", "http://o/", "download.html"),
        ("", "", "http://o/", "download"),
        ("", "application/pdf", "http://o/get?id=3", "get.pdf"),
        ("attachment; filename=report", "application/pdf", "http://o/x.php", "report.pdf"),
        (
            "attachment; filename=\"Letter to Dr. Smith\"",
            "application/pdf",
            "http://o/",
            "Letter to Dr. Smith.pdf",
        ),
        ("attachment; filename=con", "application/zip", "http://o/", "_con.zip"),
        // What is there stays.
        ("", "application/x-gzip", "http://o/x.tar", "x.tar"),
        ("", "text/html", "http://o/x.php", "x.php"),
        ("", "text/html", "http://o/x.unknown", "x.unknown"),
        ("", "application/zip", "http://o/x-1.2", "x-1.2"),
        // What says nothing changes nothing.
        ("", "application/octet-stream", "http://o/x", "x"),
        ("", "text/plain", "http://o/SHA256SUMS", "SHA256SUMS"),
        ("", "nonsense", "http://o/x", "x"),
    ] {
        assert_eq!(name_of(header.as_bytes(), media_type, url), name, "{header} {media_type} {url}");
    }
    let long = format!("http://o/{}", "a".repeat(300));
    assert_eq!(name_of(b"", "image/jpeg", &long), format!("{}.jpg", "a".repeat(236)));
}

#[test]
fn the_users_own_name_stays() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_DISPOSITION, "attachment; filename=a.txt".parse().unwrap());
    headers.insert(CONTENT_TYPE, "text/html".parse().unwrap());
    assert_eq!(wanted_name(Some(".my: own"), &headers, &"http://o/x".parse().unwrap()), ".my: own");
}

#[test]
fn numbers_go_before_the_extension() {
    assert_eq!(numbered("a.txt", 1), "a.txt");
    assert_eq!(numbered("a.txt", 2), "a (2).txt");
    assert_eq!(numbered("a.tar.gz", 3), "a (3).tar.gz");
    assert_eq!(numbered("README", 2), "README (2)");
    assert_eq!(numbered(".profile", 2), ".profile (2)");
    // The longest the user may ask for.
    let long = format!("{}.txt", "ä".repeat(120));
    assert_eq!(numbered(&long, 999), format!("{} (999).txt", "ä".repeat(118)));
}

/// Whether a name can do no harm, and leaves room for `room` bytes behind it.
fn is_safe(name: &str, room: usize) -> bool {
    !name.is_empty()
        && name.len() + room <= 255
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':', '"', '\u{202e}', '\u{2066}', '\u{feff}'])
        && !name.chars().any(char::is_control)
        && name.trim_end_matches(['.', ' ']) == name
}

/// Bytes as a header may have them, most of them such as mean something there.
fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            "filename", "FileName", "*", "*0", "=", ";", "\"", "\\", "'", " ", "UTF-8''", "iso-8859-1'de'", "%", "%2f",
            "%e2%82%ac", "%E4", "..", "/", "=?", "?=", "utf-8?Q?", "utf-8?B?", "CON", ".txt", "attachment", "ä", "\u{202e}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0..400_usize).prop_map(|(byte, times)| vec![byte; times]),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_header_and_no_address_can_do_harm(
        header in header_bytes(), path in "[a-z/%0-9A-F.]*", tld in "([a-z]{0,3}|xn--[a-z0-9]{3})\\.?",
    ) {
        let parsed = disposition::file_name(&header, None);
        prop_assert!(parsed.is_none_or(|name| !name.is_empty()));
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            headers.insert(CONTENT_DISPOSITION, value.clone());
            headers.insert(CONTENT_TYPE, value);
        }
        let Ok(url) = format!("http://o.{tld}/{path}").parse() else { return Ok(()) };
        let name = wanted_name(None, &headers, &url);
        prop_assert!(is_safe(&name, " (999).bad.part".len()), "{name:?}");
    }

    #[test]
    fn a_safe_name_is_safe_and_stays_itself(
        start in "(CON|com1|[ ./a\u{202e}\u{200d}ä]|\\PC|.){0,80}",
        middle in "( {0,300}|\\PC{0,300})",
        end in "(\\.\\PC{0,30})?",
    ) {
        let name = format!("{start}{middle}{end}");
        if let Some(name) = safe_name(&name) {
            prop_assert!(is_safe(&name, " (999).bad.part".len()), "{name:?}");
            prop_assert_eq!(safe_name(&name), Some(name));
        }
    }

    #[test]
    fn numbered_names_are_safe_and_differ(
        name in "\\PC{1,300}(\\.[a-z]{0,8})?",
        one in 1..2000_u32,
        other in prop_oneof![1..20_u32, 1..u32::MAX],
    ) {
        let Some(name) = safe_name(&name) else { return Ok(()) };
        let numbered_name = numbered(&name, one);
        prop_assert!(is_safe(&numbered_name, ".bad.part".len()), "{numbered_name:?}");
        prop_assert_eq!(numbered_name == numbered(&name, other), one == other);
    }
}
