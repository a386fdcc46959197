use proptest::prelude::*;

use super::*;

fn digits(hash: Hash, pair: &str) -> String {
    pair.repeat(hash.bytes())
}

fn sum(hash: Hash, pair: &str) -> Result<Checksum, SumsError> {
    Checksum::from_digits(hash, &digits(hash, pair)).map_err(|fault| panic!("{fault}"))
}

/// A list with `@` for the 64 digits of a SHA-256 of `aa`, and `%` for another one.
fn filled(list: &str) -> String {
    list.replace('@', &digits(Hash::Sha256, "aa")).replace('%', &digits(Hash::Sha256, "bb"))
}

fn found(list: &str, name: &str) -> Result<Checksum, SumsError> {
    sum_in_list(&filled(list), &[name], "")
}

#[test]
fn the_forms_of_all_programs_are_read() {
    for list in [
        "@  f.iso",
        "@ *f.iso",
        "@ f.iso\n",
        "@\tf.iso",
        "  @   f.iso  ",
        "@  ./f.iso",
        "@  build/out/f.iso",
        "@  /home/me/f.iso",
        "%  e.iso\r\n@ *f.iso\r\n%  g.iso\r\n",
        "\u{feff}@  f.iso",
        "# of today\n\n@  f.iso\n",
        "# f.iso: 123 bytes\nSHA256 (f.iso) = @\n",
        "SHA256 (f.iso) = @",
        "sha256 (./f.iso) = @",
        "SHA2-256(f.iso)= @",
        "SHA256(f.iso)= @",
        "sha256:@  f.iso",
        "SHA-256=@  f.iso",
        "nonsense\n<html>\n@  f.iso\n",
    ] {
        assert_eq!(found(list, "f.iso"), sum(Hash::Sha256, "aa"), "{list}");
        let upper = filled(list).replace("aa", "AA");
        assert_eq!(sum_in_list(&upper, &["f.iso"], ""), sum(Hash::Sha256, "aa"), "{list}");
    }
}

#[test]
fn names_may_be_anything() {
    for (list, name) in [
        ("@  my file (1).iso", "my file (1).iso"),
        ("SHA256 (my file (1) = x.iso) = @", "my file (1) = x.iso"),
        ("SHA256 (a) = b) = @", "a) = b"),
        ("\\@  a\\\\b\\nc\\rd", "a\\b\nc\rd"),
        ("\\SHA256 (a\\\\b) = @", "a\\b"),
        ("@  a\\b", "a\\b"),
        ("@  **x", "*x"),
        ("@  €.iso", "€.iso"),
    ] {
        assert_eq!(found(list, name), sum(Hash::Sha256, "aa"), "{list}");
    }
    assert_eq!(found("\\@  a\\qb", "a\\qb"), Err(SumsError::NoList));
}

#[test]
fn a_sum_alone_is_that_of_the_file() {
    for list in
        ["@", "\n@\n", "@  -", "@ *-", "SHA2-256(stdin)= @", "sha256:@", "sha-256=@", "# f\n@ \r\n", "@\n@"]
    {
        assert_eq!(found(list, "f.iso"), sum(Hash::Sha256, "aa"), "{list}");
    }
    assert_eq!(found("@\n%\n", "f.iso"), Err(SumsError::Ambiguous));
    // It may be that of the other file.
    assert_eq!(found("@\n%  e.iso\n", "f.iso"), Err(SumsError::NotListed));
}

#[test]
fn a_sum_of_another_file_is_none() {
    for list in
        ["@  g.iso", "@  xf.iso", "@  f.iso.asc", "@  F.ISO", "@  f.iso/g", "SHA256 (f) = @", "@ f .iso"]
    {
        assert_eq!(found(list, "f.iso"), Err(SumsError::NotListed), "{list}");
    }
    for list in
        ["", "\n# @  f.iso\n", "<html>f.iso</html>", "f.iso @", "1234  f.iso", "@0 f.iso", "x@  f.iso"]
    {
        assert_eq!(found(list, "f.iso"), Err(SumsError::NoList), "{list}");
    }
}

#[test]
fn folders_decide_between_files_of_the_same_name() {
    let list = "%  old/f.iso\n@  f.iso\n";
    assert_eq!(found(list, "f.iso"), sum(Hash::Sha256, "aa"));
    assert_eq!(found(list, "old/f.iso"), sum(Hash::Sha256, "bb"));
    assert_eq!(found(list, "new/f.iso"), sum(Hash::Sha256, "aa"));
    assert_eq!(found("%  old/f.iso", "new/f.iso"), Err(SumsError::NotListed));
    let list = "@  ./amd64/f.iso\n%  ./arm64/f.iso\n";
    assert_eq!(found(list, "f.iso"), Err(SumsError::Ambiguous));
    assert_eq!(found(list, "arm64/f.iso"), sum(Hash::Sha256, "bb"));
    assert_eq!(found(list, "riscv64/f.iso"), Err(SumsError::NotListed));
    assert_eq!(found("@  /home/me/amd64/f.iso", "amd64/f.iso"), sum(Hash::Sha256, "aa"));
    assert_eq!(found("@  a/f.iso\n@  b/f.iso\n", "f.iso"), sum(Hash::Sha256, "aa"));
    assert_eq!(found("@  f.iso\n%  f.iso\n", "f.iso"), Err(SumsError::Ambiguous));
}

#[test]
fn the_likeliest_name_counts() {
    let list = filled("@  f.iso\n%  saved.iso\n");
    assert_eq!(sum_in_list(&list, &["f.iso", "saved.iso"], ""), sum(Hash::Sha256, "aa"));
    assert_eq!(sum_in_list(&list, &["other", "saved.iso"], ""), sum(Hash::Sha256, "bb"));
    assert_eq!(sum_in_list(&list, &[], ""), Err(SumsError::NotListed));
}

#[test]
fn addresses_say_what_the_list_may_call_the_file() {
    let list = filled("%  f 1.iso\n@  old/f 1.iso\n@  saved.iso\n%  new/g.iso\n");
    let table = [
        ("https://a.org/d/SHA256SUMS", "https://a.org/d/f%201.iso?x=y/z", "saved.iso", Ok("bb")),
        ("https://a.org/d/SHA256SUMS", "https://a.org/d/old/f%201.iso", "f 1.iso", Ok("aa")),
        ("https://a.org/d/old/SHA256SUMS", "https://a.org/d/f%201.iso", "x", Ok("bb")),
        ("https://a.org/d/SHA256SUMS", "https://b.org/old/f%201.iso", "x", Ok("bb")),
        ("https://a.org/d/SHA256SUMS", "https://a.org/d/download.php?id=1", "saved.iso", Ok("aa")),
        ("https://a.org/d/SHA256SUMS", "https://a.org/d/old/g.iso", "g.iso", Err(SumsError::NotListed)),
        ("https://a.org/d/SHA256SUMS", "https://b.org/", "x", Err(SumsError::NotListed)),
        ("https://a.org/d/b2sums", "https://a.org/d/f%201.iso", "x", Err(SumsError::UnknownSort)),
    ];
    for (list_url, file_url, saved_name, wanted) in table {
        let found = sum_for(&list, &list_url.parse().unwrap(), &file_url.parse().unwrap(), saved_name);
        assert_eq!(found, wanted.and_then(|pair| sum(Hash::Sha256, pair)), "{list_url} {file_url}");
    }
}

#[test]
fn a_signature_is_passed_over() {
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n@  f.iso\r\n- @  -dash.iso\r\n\
                  -----BEGIN PGP SIGNATURE-----\r\n\r\n%\r\n%  f.iso\r\n=abcd\r\n-----END PGP SIGNATURE-----\r\n";
    assert_eq!(found(signed, "f.iso"), sum(Hash::Sha256, "aa"));
    assert_eq!(found(signed, "-dash.iso"), sum(Hash::Sha256, "aa"));
    let alone = signed.replace("  f.iso", "").replace("- @  -dash.iso\r\n", "");
    assert_eq!(found(&alone, "f.iso"), sum(Hash::Sha256, "aa"));
}

#[test]
fn the_strongest_sort_wins() {
    let of = |hash: Hash, pair: &str| digits(hash, pair);
    let list = format!(
        "MD5 (f) = {}\nSHA512 (f) = {}\nSHA1 (f) = {}\nSHA512/256 (f) = {}\nSHA3-512 (f) = {}\nBLAKE2b (f) = {}\n",
        of(Hash::Md5, "11"),
        of(Hash::Sha512, "22"),
        of(Hash::Sha1, "33"),
        of(Hash::Sha256, "44"),
        of(Hash::Sha512, "55"),
        of(Hash::Sha512, "66"),
    );
    assert_eq!(sum_in_list(&list, &["f"], ""), sum(Hash::Sha512, "22"));
    let bare = format!("{}\n{}\n", of(Hash::Md5, "11"), of(Hash::Sha1, "33"));
    assert_eq!(sum_in_list(&bare, &["f"], ""), sum(Hash::Sha1, "33"));
    let odd = format!("SHA256 (f) = {}\n", of(Hash::Md5, "11"));
    assert_eq!(sum_in_list(&odd, &["f"], ""), Err(SumsError::UnknownSort));
    for word in ["SHA384", "SHA512/256", "SHA2-512/256", "SHA2-384", "SHA3-256", "RIPEMD160", "BLAKE2s"] {
        let list = format!("{word} (f) = {}\n", of(Hash::Sha256, "44"));
        assert_eq!(sum_in_list(&list, &["f"], ""), Err(SumsError::UnknownSort), "{word}");
    }
}

#[test]
fn the_lists_own_name_tells_the_sort() {
    let (long, short) = (digits(Hash::Sha512, "aa"), digits(Hash::Sha256, "aa"));
    let table = [
        ("SHA512SUMS", &long, Ok(Hash::Sha512)),
        ("sha512sum.txt", &long, Ok(Hash::Sha512)),
        ("f.iso.sha512", &long, Ok(Hash::Sha512)),
        ("", &long, Ok(Hash::Sha512)),
        ("CHECKSUM", &long, Ok(Hash::Sha512)),
        ("B2SUMS", &long, Err(SumsError::UnknownSort)),
        ("f.iso.b2sum", &long, Err(SumsError::UnknownSort)),
        ("f.iso.blake2b", &long, Err(SumsError::UnknownSort)),
        ("SHA3-512SUMS", &long, Err(SumsError::UnknownSort)),
        ("SHA256SUMS", &long, Err(SumsError::UnknownSort)),
        ("SHA256SUMS", &short, Ok(Hash::Sha256)),
        ("SHA-256SUMS.txt", &short, Ok(Hash::Sha256)),
        ("sha2-256.txt", &short, Ok(Hash::Sha256)),
        ("f.iso.sha2-512", &long, Ok(Hash::Sha512)),
        ("SHA512-256SUMS", &short, Err(SumsError::UnknownSort)),
        ("b3sums", &short, Err(SumsError::UnknownSort)),
        ("MD5-and-SHA256", &short, Ok(Hash::Sha256)),
        ("md5sums-blake.sha256", &short, Ok(Hash::Sha256)),
    ];
    for (name, digits, wanted) in table {
        for list in [digits.clone(), format!("{digits}  f.iso")] {
            let found = sum_in_list(&list, &["f.iso"], name).map(|sum| sum.hash());
            assert_eq!(found, wanted, "{name}");
        }
    }
    // The name of the file itself is about something else.
    let found = sum_in_list(&long, &["dir/b2-blake.md5.iso"], "b2-blake.md5.iso.sums");
    assert_eq!(found.map(|sum| sum.hash()), Ok(Hash::Sha512));
}

proptest! {
    #[test]
    fn each_file_gets_its_own_sum(
        files in proptest::collection::btree_map("[a-z][a-z0-9 ._()*=€-]{0,11}[a-z]", any::<[u8; 32]>(), 1..12),
        forms in proptest::collection::vec(0..5_usize, 12),
        end in prop_oneof!["\n", "\r\n"],
    ) {
        let sum = |bytes: &[u8; 32]| Checksum::new(Hash::Sha256, bytes).unwrap();
        let mut list = String::new();
        for ((name, bytes), form) in files.iter().zip(&forms) {
            let digits = sum(bytes).digits();
            let line = match form {
                0 => format!("{digits}  {name}"),
                1 => format!("{digits} *./{name}"),
                2 => format!("SHA256 ({name}) = {digits}"),
                3 => format!("SHA2-256({name})= {digits}"),
                _ => format!("\\{digits}  {name}"),
            };
            list.push_str(&line);
            list.push_str(&end);
        }
        for (name, bytes) in &files {
            prop_assert_eq!(sum_in_list(&list, &[name], "SHA256SUMS"), Ok(sum(bytes)), "{}\n{}", name, list);
        }
        prop_assert_eq!(sum_in_list(&list, &["Not there"], "SHA256SUMS"), Err(SumsError::NotListed));
    }

    #[test]
    fn nothing_makes_it_panic_and_no_sum_is_made_up(
        list in "(\\PC|[ \t\r\n\\\\()=*:#-]|SHA256|[0-9a-f]{32}|-----BEGIN PGP SIGNED MESSAGE-----\n){0,40}",
        name in "\\PC{0,8}",
        list_name in "(\\PC|sha|256|b2|-){0,8}",
    ) {
        if let Ok(sum) = sum_in_list(&list, &[&name], &list_name) {
            prop_assert!(list.to_ascii_lowercase().contains(&sum.digits()));
        }
    }
}
