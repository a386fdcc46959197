use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::job::new::check_name;
use crate::job::{Brackets, read_list};

const FOUR: &str = "xmlns=\"urn:ietf:params:xml:ns:metalink\"";
const THREE: &str = "version=\"3.0\" xmlns=\"http://www.metalinker.org/\"";

/// A Metalink 4 file around these elements.
fn four(inside: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink {FOUR}>\n{inside}\n</metalink>\n")
}

/// The entries without their lines.
fn fine(xml: &str) -> Vec<ListEntry> {
    let List { entries, complaints } = read_metalink(xml).expect(xml);
    assert_eq!(complaints, [], "{xml}");
    entries.into_iter().map(|entry| ListEntry { line: 0, ..entry }).collect()
}

/// The one file of that name with one address.
fn named(name: &str) -> (ListEntry, Vec<String>) {
    let file = format!("<file name=\"{name}\"><url>http://a.org/f</url></file>");
    let List { mut entries, complaints } = read_metalink(&four(&file)).expect(name);
    assert_eq!(entries.len(), 1, "{name}");
    (entries.remove(0), complaints.into_iter().map(|complaint| complaint.sentence).collect())
}

fn addresses_of(file: &str) -> Vec<String> {
    fine(&four(&format!("<file name=\"f\">{file}</file>"))).remove(0).addresses
}

#[test]
fn a_whole_file_of_version_4_is_read() {
    let xml = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- made by <hand> & machine -->\r\n\
         <metalink {FOUR} xmlns:x=\"urn:x\">\n\
         <generator>x/1</generator><origin dynamic=\"true\">http://a.org/f.meta4</origin><published/>\n\
         <file name=\"d/my &amp; file.iso\">\n\
         <size>14471447</size><identity>x</identity><x:url>http://x.org/</x:url>\n\
         <hash type=\"md5\">{md5}</hash><hash type=\"sha-256\">\n {sha256} \n</hash><hash type=\"sha-1\">{sha1}</hash>\n\
         <pieces length=\"262144\" type=\"sha-512\"><hash>{sha512}</hash></pieces>\n\
         <url location=\"de\" priority=\"2\">http://b.org/f?a=1&amp;b=2</url>\n\
         <url location=\"fr\" priority=\"1\"><![CDATA[http://a.org/f]]></url>\n\
         <url priority=\"1\">ftp://c.org/f</url>\n\
         <metaurl mediatype=\"torrent\" priority=\"1\">http://d.org/f.torrent</metaurl>\n\
         <signature mediatype=\"application/pgp-signature\">-----BEGIN PGP SIGNATURE-----</signature>\n\
         <x:extra><file><url>http://e.org/</url></file></x:extra>\n\
         </file>\n\
         <file name=\"g\"><url>https://a.org/g#part</url></file>\n\
         </metalink>\n",
        md5 = "11".repeat(16),
        sha1 = "22".repeat(20),
        sha256 = "aB".repeat(32),
        sha512 = "44".repeat(64),
    );
    let expected = [
        ListEntry {
            addresses: vec!["http://a.org/f".into(), "http://b.org/f?a=1&b=2".into()],
            folder: Some("d".into()),
            file_name: Some("my & file.iso".into()),
            checksum: format!("sha256:{}", "ab".repeat(32)).parse().ok(),
            ..ListEntry::default()
        },
        ListEntry {
            addresses: vec!["https://a.org/g".into()],
            file_name: Some("g".into()),
            ..ListEntry::default()
        },
    ];
    assert_eq!(fine(&xml), expected);
    let lines: Vec<usize> = read_metalink(&xml).unwrap().entries.iter().map(|entry| entry.line).collect();
    assert_eq!(lines, [5, 18]);
    assert!(is_metalink(&xml));
}

#[test]
fn a_whole_file_of_version_3_is_read() {
    let inside = "<files>\n<file name=\"repomd.xml\"><size>3</size>\n\
         <verification><hash type=\"md5\">@</hash><hash type=\"sha1\">%</hash>\n\
         <pieces type=\"sha256\"><hash piece=\"0\">00</hash></pieces></verification>\n\
         <resources maxconnections=\"1\">\n\
         <url type=\"http\" location=\"us\" preference=\"90\">http://b.org/f</url>\n\
         <url protocol=\"https\" type=\"https\" location=\"us\" preference=\"100\">https://a.org/f</url>\n\
         <url type=\"bittorrent\" preference=\"100\">http://d.org/f.torrent</url>\n\
         <url type=\"rsync\" preference=\"100\">rsync://d.org/f</url>\n\
         <url>http://c.org/f</url>\n\
         </resources></file></files>"
        .replace('@', &"11".repeat(16))
        .replace('%', &"22".repeat(20));
    for root in [THREE, "version=\"3.0\""] {
        let xml = format!("<metalink {root}>{inside}</metalink>");
        let expected = ListEntry {
            addresses: ["https://a.org/f", "http://b.org/f", "http://c.org/f"].map(str::to_owned).to_vec(),
            file_name: Some("repomd.xml".into()),
            checksum: format!("sha1:{}", "22".repeat(20)).parse().ok(),
            ..ListEntry::default()
        };
        assert_eq!(fine(&xml), [expected], "{xml}");
    }
}

#[test]
fn prefixes_are_names_too() {
    let xml = "<m:metalink xmlns:m=\"urn:ietf:params:xml:ns:metalink\"><m:file name=\"f\"><url>http://x.org/</url>\
               <m:url>http://a.org/f</m:url></m:file></m:metalink>";
    assert_eq!(fine(xml)[0].addresses, ["http://a.org/f"]);
    assert!(is_metalink(xml));
}

#[test]
fn addresses_are_in_the_order_of_their_priority() {
    let found = addresses_of(
        "<url>http://last.org/</url><url priority='3'>http://3.org/</url><url priority='1'>http://1.org/</url>\
         <url priority='1'>http://1b.org/</url><url priority='x'>http://x.org/</url>\
         <url priority='2'>http://1.org/</url><url priority='0'>not an address</url>\
         <url priority='1'>http://me:hunter2@1.org/</url>",
    );
    assert_eq!(
        found,
        ["http://1.org/", "http://1b.org/", "http://3.org/", "http://last.org/", "http://x.org/"]
    );
    let many = each(200, |i| format!("<url priority='{}'>http://{}.org/</url>", 200 - i, 200 - i));
    let found = addresses_of(&many);
    assert_eq!((found.len(), found[0].as_str()), (MOST_MIRRORS, "http://1.org/"));
}

#[test]
fn names_stay_within_the_folder_and_are_safe() {
    let table = [
        ("f.iso", None, Some("f.iso"), ""),
        ("a/b/f.iso", Some("a/b"), Some("f.iso"), ""),
        ("./f.iso", None, Some("f.iso"), ""),
        ("a//f", Some("a"), Some("f"), ""),
        ("a/", Some("a"), None, ""),
        ("", None, None, ""),
        (".bashrc", None, Some("bashrc"), ""),
        (".config/autostart/..x", Some("config/autostart"), Some("x"), ""),
        ("a/ .b", Some("a"), Some("b"), ""),
        (". ./. .b", None, Some("b"), ""),
        ("a/. .", Some("a"), None, ""),
        (".../etc/f", Some("etc"), Some("f"), ""),
        ("x/\\\\f", Some("x"), Some("f"), ""),
        ("./~/f", Some("~"), Some("f"), ""),
        ("CON/a:b\u{202e}.iso", Some("_CON"), Some("a_b.iso"), ""),
        ("../f", None, Some("f"), "“../” leads out of the download folder. It was left out."),
        ("a/../../f", None, Some("f"), "“a/../../” leads out of the download folder. It was left out."),
        ("a/..", Some("a"), None, "This cannot be a file name"),
        ("..", None, None, "This cannot be a file name"),
        ("/etc/f", None, Some("f"), "The folder is not within the download folder. It was left out."),
        ("//f", None, Some("f"), "The folder is not within the download folder. It was left out."),
        ("C:\\temp\\f", None, Some("f"), "“C:\\\\temp\\\\” is a folder of Windows. It was left out."),
        ("a&#10;b", None, None, "This cannot be a file name"),
        ("a&#x1b;/f", None, Some("f"), "“a\\u{1b}/” cannot be the name of a folder. It was left out."),
    ];
    for (name, folder, file_name, sentence) in table {
        let (entry, complaints) = named(name);
        assert_eq!(entry.folder.as_deref(), folder.map(Path::new), "{name}");
        assert_eq!(entry.file_name.as_deref(), file_name, "{name}");
        assert_eq!(complaints.len(), usize::from(!sentence.is_empty()), "{name}: {complaints:?}");
        assert!(complaints.iter().all(|found| found.starts_with(sentence)), "{name}: {complaints:?}");
    }
}

#[test]
fn what_cannot_be_is_complained_about() {
    let (one, other) = ("11".repeat(32), "22".repeat(32));
    let url = "<url>http://a.org/f</url>";
    let table = [
        (String::new(), "This file has no address that can be downloaded. It was left out.", 0),
        ("<url>ftp://a.org/f</url>".into(), "This file has no address that can be", 0),
        (format!("{url}<hash type='sha-256'>11</hash>"), "This is not a checksum", 1),
        (format!("{url}<hash type='sha-384'>11</hash>"), "The checksums of this file are of no known", 1),
        (format!("{url}<hash>{one}</hash>"), "The checksums of this file are of no known", 1),
        (
            format!("{url}<hash type='sha-256'>{one}</hash><hash type='sha-256'>{other}</hash>"),
            "This file has two different checksums",
            1,
        ),
    ];
    for (inside, sentence, entries) in table {
        let list = read_metalink(&four(&format!("\n<file name='f'>{inside}</file>"))).expect("a list");
        assert_eq!(list.complaints.len(), 1, "{inside}");
        assert_eq!(list.complaints[0].line, 4, "{inside}");
        assert!(list.complaints[0].sentence.starts_with(sentence), "{inside}: {:?}", list.complaints);
        assert_eq!(list.entries.len(), entries, "{inside}");
        assert!(list.entries.iter().all(|entry| entry.checksum.is_none()), "{inside}");
    }
    let many = "<file name='f'/>\n".repeat(1000);
    assert_eq!(read_metalink(&four(&many)).expect("a list").complaints.len(), MOST_COMPLAINTS);
}

#[test]
fn other_texts_are_no_metalink_files() {
    for text in [
        "",
        "http://a.org/f",
        "<https://a.org/f>",
        "<html><metalink/></html>",
        "<html>",
        "hello <metalink xmlns='urn:ietf:params:xml:ns:metalink'></metalink>",
        "<metalink xmlns='urn:other'></metalink>",
        "<metalink></metalink>",
        "<x:metalink xmlns='urn:ietf:params:xml:ns:metalink'></x:metalink>",
        "<file xmlns='urn:ietf:params:xml:ns:metalink'/>",
        "<!-- only a comment -->",
    ] {
        assert_eq!(read_metalink(text), Err(MetalinkError::NotMetalink), "{text}");
    }
    assert!(!is_metalink("hello <metalink/>") && !is_metalink("<https://a.org/f>") && !is_metalink("<<"));
    assert_eq!(fine(&four("")), []);
}

#[test]
fn what_is_damaged_or_incomplete_is_not_read_at_all() {
    let whole = four("<file name=\"f\">\n<hash type=\"md5\">0</hash>\n<url>http://a.org/f</url></file>");
    // The line break behind the last element is no loss.
    for end in whole.find("<metalink").unwrap() + 1..whole.trim_end().len() {
        let found = read_metalink(&whole[..end]);
        assert!(matches!(found, Err(MetalinkError::Damaged(1..=6))), "{found:?}: {}", &whole[..end]);
    }
    for wrong in [
        "<file name=\"f\"><url>http://a.org/f</file></url>",
        "<file name=\"f\"><url>http://a.org/?a=1&b=2</url></file>",
        "<file name=\"f\"><url>http://a.org/&secret;</url></file>",
        "<file name=\"&secret;\"/>",
        "<file name=f/>",
        "</metalink></metalink>",
        "</metalink><metalink>",
        "</metalink>more",
        "<file name=\"&#0;\"/>",
        "<file name=\"&#xd800;\"/>",
    ] {
        let found = read_metalink(&four(wrong));
        assert!(matches!(found, Err(MetalinkError::Damaged(_))), "{wrong}: {found:?}");
    }
}

#[test]
fn what_would_grow_does_not() {
    let bomb = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE m [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">\
         <!ENTITY c SYSTEM \"file:///etc/passwd\">]>\
         <metalink {FOUR}><file name=\"&b;\"><url>&c;</url></file></metalink>"
    );
    assert_eq!(read_metalink(&bomb), Err(MetalinkError::DocumentType));
    // None of these may take longer than reading so much: with squares they would take hours.
    let deep = format!("{}{}", "<a>".repeat(300_000), "</a>".repeat(300_000));
    assert_eq!(fine(&four(&deep)), []);
    let wide = each(200_000, |i| format!(" a{i}=''"));
    assert_eq!(fine(&four(&format!("<file{wide}><url{wide}>http://a.org/</url></file>"))).len(), 1);
    let spaces = each(100_000, |i| format!("<a xmlns:n{i}='u'>"));
    assert!(matches!(read_metalink(&four(&spaces)), Err(MetalinkError::Damaged(_))));
    let lines = "<file name='f'>\n<hash type='md5'>0</hash></file>".repeat(50_000);
    assert_eq!(read_metalink(&four(&lines)).expect("a list").complaints.len(), MOST_COMPLAINTS);
}

#[test]
fn it_can_be_shown_as_a_list() {
    let xml = four(
        "<file name=\"./~/my file.iso\"><hash type=\"sha-1\">0000000000000000000000000000000000000000</hash>\
         <url>http://a.org/[1-9]{a,b}/f</url><url>http://[::1]:80/f</url></file><file/>",
    );
    let list = metalink_as_list(&xml).expect("a list");
    assert_eq!(
        list,
        "# Line 3 of the Metalink file: This file has no address that can be downloaded. It was left out.\n\
         http://a.org/\\[1-9\\]%7Ba,b%7D/f\thttp://\\[::1\\]/f\n dir=./~\n out=my file.iso\n \
         checksum=sha1=0000000000000000000000000000000000000000\n"
    );
    let read = read_list(&list, Brackets::Patterns);
    assert_eq!(read.complaints, []);
    let entries: Vec<_> = read.entries.into_iter().map(|entry| ListEntry { line: 0, ..entry }).collect();
    let wanted = read_metalink(&xml).unwrap().entries;
    assert_eq!(entries, wanted.into_iter().map(|entry| ListEntry { line: 0, ..entry }).collect::<Vec<_>>());
}

/// What `one` says of each number below that, one behind the other.
fn each(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().concat()
}

/// Text as it stands in an element or attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

proptest! {
    #[test]
    fn what_was_written_is_read_and_shown(
        files in proptest::collection::vec(
            (
                "([0-9&'ä][a-z .&'ä]{0,6}[a-zä]/){0,2}[0-9&'ä][a-z .&'ä]{0,6}[a-zä]",
                proptest::collection::vec("https?://[a-z]{1,5}\\.org/[a-z0-9/&?=%\\[\\]{},\\\\-]{0,12}", 1..4),
                proptest::option::of(any::<[u8; 32]>()),
            ),
            0..6,
        ),
    ) {
        let mut inside = String::new();
        let mut expected = Vec::new();
        for (path, urls, sum) in files {
            let sum = sum.and_then(|bytes| Checksum::new(Hash::Sha256, &bytes));
            let hash = sum.as_ref().map(|sum| format!("<hash type=\"sha-256\">{}</hash>", sum.digits()));
            let texts: Vec<String> = urls.iter().map(|url| format!("<url>{}</url>", escaped(url))).collect();
            let hash = hash.unwrap_or_default();
            let file = format!("<file name=\"{}\">{}{}</file>\n", escaped(&path), hash, texts.concat());
            inside.push_str(&file);
            let mut addresses: Vec<String> = Vec::new();
            for url in urls {
                let url = address(&url).unwrap().0.to_string();
                if !addresses.contains(&url) {
                    addresses.push(url);
                }
            }
            let (folder, name) = path.rsplit_once('/').map_or((None, &*path), |(folder, name)| (Some(folder), name));
            expected.push(ListEntry {
                addresses, folder: folder.map(Into::into), file_name: Some(name.to_owned()), checksum: sum,
                ..ListEntry::default()
            });
        }
        let xml = four(&inside);
        prop_assert_eq!(&fine(&xml), &expected);
        let shown = read_list(&metalink_as_list(&xml).unwrap(), Brackets::Patterns);
        prop_assert_eq!(&shown.complaints, &[]);
        let entries: Vec<_> = shown.entries.into_iter().map(|entry| ListEntry { line: 0, ..entry }).collect();
        prop_assert_eq!(entries, expected);
    }

    #[test]
    fn nothing_makes_it_panic_or_leave_the_folder(
        pieces in proptest::collection::vec(
            "(<file name=\"(\\.\\./|/|\\.| |[a-z\\\\:~]|&#x[0-9a-f]{1,3};){0,6}\">|</file>|<url>|</url>|<hash type=\"md5\">|</hash>\
             |<(/|!|\\?)?[a-z]{0,3}/?>|http://a\\.org/|&[a-z#0-9]{0,4};|<!\\[CDATA\\[|\\]\\]>|\\PC|\n)",
            0..24,
        ),
    ) {
        let xml = format!("<metalink {FOUR}>{}", pieces.concat());
        for xml in [xml.clone(), format!("{xml}</metalink>"), format!("{xml}</url></file></metalink>")] {
            let Ok(list) = read_metalink(&xml) else { continue };
            for entry in list.entries {
                prop_assert!(entry.addresses.iter().all(|text| address(text).is_ok()));
                prop_assert!(entry.file_name.as_ref().is_none_or(|name| check_name(name).is_ok() && !name.starts_with('.')));
                let is_plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
                prop_assert!(entry.folder.is_none_or(|folder| folder.components().all(is_plain)));
            }
        }
    }
}
