use proptest::prelude::*;

use super::*;

fn entry(addresses: &[&str]) -> ListEntry {
    ListEntry { addresses: addresses.iter().map(|text| (*text).to_owned()).collect(), ..Default::default() }
}

/// The entries without their lines, and the complaints with theirs.
fn read(text: &str) -> (Vec<ListEntry>, Vec<(usize, String)>) {
    let List { entries, complaints } = read_list(text, Brackets::Patterns);
    let entries = entries.into_iter().map(|entry| ListEntry { line: 0, ..entry });
    (entries.collect(), complaints.into_iter().map(|c| (c.line, c.sentence)).collect())
}

fn fine(text: &str) -> Vec<ListEntry> {
    let (entries, complaints) = read(text);
    assert_eq!(complaints, [], "{text}");
    entries
}

/// The one line complained about, and what was said.
fn complaint(text: &str) -> (usize, String) {
    let (_, mut complaints) = read(text);
    assert_eq!(complaints.len(), 1, "{text}: {complaints:?}");
    complaints.remove(0)
}

#[test]
fn addresses_are_read_one_per_line() {
    let text =
        "\u{feff}http://a.org/1\r\n\n  # a comment\n\thttp://a.org/2#part \nhttp://a.org/3 http://a.org/4\n";
    let expected = ["1", "2#part", "3", "4"].map(|name| entry(&[&format!("http://a.org/{name}")]));
    assert_eq!(fine(text), expected);
    let lines: Vec<usize> =
        read_list(text, Brackets::Patterns).entries.iter().map(|entry| entry.line).collect();
    assert_eq!(lines, [1, 4, 5, 5]);
    assert_eq!(fine(""), []);
    assert_eq!(fine("# nothing\n\n"), []);
}

#[test]
fn a_file_set_says_where_files_go() {
    let table = [
        ("f.zip", None, Some("f.zip")),
        ("my file.zip", None, Some("my file.zip")),
        ("\"my file.zip\"", None, Some("my file.zip")),
        ("'my file.zip'", None, Some("my file.zip")),
        ("it's.zip", None, Some("it's.zip")),
        ("sub/", Some("sub"), None),
        ("\"/srv/my files/f\"", Some("/srv/my files"), Some("f")),
    ];
    for (path, folder, name) in table {
        for blank in [" ", "\t", " \t  "] {
            let entries = fine(&format!("# set\nhttp://a.org/1{blank}{path}\n"));
            let folder = folder.map(PathBuf::from);
            let file_name = name.map(str::to_owned);
            assert_eq!(entries, [ListEntry { folder, file_name, ..entry(&["http://a.org/1"]) }], "{path}");
        }
    }
    for (path, name) in [("C:\\temp\\f.zip", Some("f.zip")), ("\"f", None)] {
        let (entries, complaints) = read(&format!("\nhttp://a.org/1 {path}"));
        assert_eq!(entries, [ListEntry { file_name: name.map(str::to_owned), ..entry(&["http://a.org/1"]) }]);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert_eq!(complaints[0].0, 2);
    }
}

#[test]
fn mirrors_and_options_are_read() {
    let sum = "AB".repeat(32);
    let text = format!(
        "# aria2\nhttp://a.org/f\thttps://b.org/f\tftp://c.org/f\n  out=sub/my file.iso\n\n\tdir=/srv\n  \
         checksum=sha-256={sum}\n  header=X-One: 1\n  header=Cookie: a=b; c=d\n  referer=http://a.org/\n  \
         user-agent=Me/1.0 (x)\n  max-download-limit=1.5M\n  pause=true\nhttp://a.org/g\n max-download-limit=0\n pause=false\n"
    );
    let header = |name: &str, value: &str| NewHeader { name: name.into(), value: value.into() };
    let (entries, complaints) = read(&text);
    let expected = [
        ListEntry {
            folder: Some("/srv/sub".into()),
            file_name: Some("my file.iso".into()),
            checksum: "ab".repeat(32).parse().ok(),
            headers: vec![
                header("X-One", "1"),
                header("Cookie", "a=b; c=d"),
                header("Referer", "http://a.org/"),
                header("User-Agent", "Me/1.0 (x)"),
            ],
            limit: Rate::from_bytes_per_sec(1_572_864),
            paused: true,
            ..entry(&["http://a.org/f", "https://b.org/f"])
        },
        entry(&["http://a.org/g"]),
    ];
    assert_eq!(entries, expected);
    assert_eq!(
        complaints,
        [(
            2,
            "This kind of address cannot be downloaded: only http and https addresses can. You can look for a \
             link that starts with http."
                .to_owned()
        )]
    );
}

#[test]
fn what_is_not_understood_is_said() {
    let table = [
        ("http://a.org/\n split=5", 2, "“split” is not known and was left out."),
        ("http://a.org/\n http-passwd=hunter2", 2, "“http-passwd” is not known and was left out."),
        ("http://a.org/\n checksum=crc32=00000000", 2, "This is not a checksum"),
        (
            "http://a.org/\n checksum=00",
            2,
            "A checksum is written as sha-256=DIGITS. The file is not checked.",
        ),
        ("http://a.org/\n checksum=sha-256=00", 2, "This is not a checksum"),
        ("http://a.org/\n header=Cookie hunter2", 2, "A request header cannot be sent"),
        ("http://a.org/\n header=Range: hunter2", 2, "A request header cannot be sent"),
        ("http://a.org/\n max-download-limit=fast", 2, "“fast” is no rate"),
        ("out=x\nhttp://a.org/", 1, "“out” is an option, and there is no address above it."),
        ("http://a.org/\nnonsense\n out=x\n split=5", 2, "This is not a web address"),
        ("http://me:hunter2@[::bad/f", 1, "This is not a web address"),
        ("me:hunter2@a.org/f", 1, "This kind of address cannot be downloaded"),
        ("; http://a.org/", 1, "This is not a web address"),
        ("http://a.org/[5-", 1, "The pattern “[5-” has no end"),
        ("http://me:a/{hunter2,x@o/", 1, "The pattern “{…” has no end"),
        ("http://a.org/[1-2]\thttp://b.org/[1-3]", 1, "A mirror stands for 3 addresses where"),
        ("http://a.org/[1-2]\n checksum=sha-256=00", 2, "One checksum cannot be that of several files."),
    ];
    for (text, line, start) in table {
        let (found, sentence) = complaint(text);
        assert_eq!(found, line, "{text}: {sentence}");
        assert!(sentence.starts_with(start), "{text}: {sentence}");
        assert!(!sentence.contains("hunter2"), "{text}: {sentence}");
    }
}

#[test]
fn patterns_become_files_with_numbered_names() {
    let names = |text: &str| -> Vec<_> { fine(text).into_iter().map(|e| e.file_name).collect() };
    assert_eq!(names("http://a.org/[8-10]\n"), [None, None, None]);
    let some = |names: [&str; 2]| names.map(|name| Some(name.to_owned()));
    assert_eq!(names("http://a.org/f{,.sig}\n out=f.tar.gz"), some(["f-1.tar.gz", "f-2.tar.gz"]));
    assert_eq!(names("http://a.org/[1-2] d/README"), some(["README-1", "README-2"]));
    assert_eq!(names("http://a.org/[7-7] one.iso"), [Some("one.iso".to_owned())]);
    let twelve = names("http://a.org/[1-12] x.iso");
    assert_eq!((twelve[0].as_deref(), twelve[11].as_deref()), (Some("x-01.iso"), Some("x-12.iso")));
    let mirrored = fine("http://a.org/[1-2]\thttp://b.org/{x,y}");
    assert_eq!(mirrored[1], entry(&["http://a.org/2", "http://b.org/y"]));
    let long = format!("http://a.org/[1-2] {}", "x".repeat(245));
    assert!(complaint(&long).1.starts_with("This cannot be a file name"));
}

#[test]
fn a_list_has_an_end() {
    let text = "http://a.org/[1-60000]\nhttp://a.org/f\nhttp://b.org/[1-60000]\nhttp://a.org/g\n";
    let (entries, complaints) = read(text);
    assert_eq!(entries.len(), 60_001);
    assert_eq!(
        complaints,
        [(
            3,
            "This list has more than 100,000 downloads. What follows from this line on was left out; you can add it later."
                .to_owned()
        )]
    );
    let header = format!("http://a.org/[1-90000]\n header=X: {}\nhttp://a.org/f", "x".repeat(5000));
    let (entries, complaints) = read(&header);
    assert_eq!((entries.len(), complaints[0].0), (0, 1));
    let (_, complaints) = read(&"nonsense\n".repeat(1234));
    assert_eq!(complaints.len(), MOST_COMPLAINTS + 1);
    assert_eq!(
        complaints[MOST_COMPLAINTS],
        (101, "1,134 more things from here on were not understood.".to_owned())
    );
}

#[test]
fn brackets_can_be_meant() {
    let list = read_list("http://a.org/[1-2]{a,b\n", Brackets::Literal);
    assert_eq!(list.complaints, []);
    assert_eq!(list.entries, [ListEntry { line: 1, ..entry(&["http://a.org/[1-2]{a,b"]) }]);
}

#[test]
fn complaints_are_in_the_order_of_the_lines() {
    let (_, complaints) = read("http://a.org/f C:\\x\\y\n split=5\n http-user=x\nnonsense\n");
    let lines: Vec<usize> = complaints.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
}

proptest! {
    #[test]
    fn plain_lists_come_back(
        all in proptest::collection::vec("https?://([a-z]{1,3}:[a-z]{1,3}@)?[a-z]{1,8}\\.org(:80)?/[a-zA-Z0-9/._~%?=&+-]{0,30}(#[a-z]{0,3})?", 0..20),
        end in prop_oneof!["\n", "\r\n", "\n\n"],
    ) {
        let entries: Vec<_> = all.iter().map(|address| entry(&[address])).collect();
        prop_assert_eq!(fine(&all.join(&end)), entries);
    }

    #[test]
    fn nothing_makes_it_panic(lines in proptest::collection::vec(
        "(http://(me:hunter2@)?[a-z]{0,3}/?)?(\\PC|[ \t\\[{}\\]\"'/\\\\~.,1-9-]|out=|dir=|checksum=|header=|hunter2@){0,12}", 0..12,
    )) {
        let count = lines.len();
        let list = read_list(&lines.join("\n"), Brackets::Patterns);
        for entry in &list.entries {
            prop_assert!(!entry.addresses.is_empty() && (1..=count).contains(&entry.line));
            prop_assert!(entry.addresses.iter().all(|text| address(text).is_ok()));
            prop_assert!(entry.file_name.as_ref().is_none_or(|name| check_name(name).is_ok()));
        }
        for complaint in &list.complaints {
            prop_assert!((1..=count).contains(&complaint.line));
            prop_assert!(!complaint.sentence.contains("hunter2"), "{}", complaint.sentence);
        }
    }
}
