//! Sums that do not fit: what has the right size and says the right things, and still is not the file.

use base64::Engine as _;

use crate::case::{Case, play};
use crate::lies::{send_whole, small};
use crate::support::sha256;

#[test]
fn a_file_without_its_sum_is_kept_aside_and_never_accepted() {
    play(cases());
}

const SUM: &str = "checksum_mismatch";

/// A server that says this of the small file's sum.
fn says(name: &str, header: &'static str, value: impl Into<String>) -> Case {
    let value = value.into();
    Case::new(name, &small(), move |_, answer| send_whole(&small(), &[(header, &value)], answer))
}

/// The SHA-256 of bytes as a structured field.
fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let sum = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(bytes));
    format!("sha-256=:{sum}:")
}

pub(crate) fn cases() -> Vec<Case> {
    let wrong = |case: Case| case.fails(SUM).named(&["file.bin.bad"]);
    let right = digest(&small());
    let of_nothing = digest(b"");
    let weak_as_well = format!("md5=:{}:, {right}", "A".repeat(22));
    vec![
        wrong(says("Repr-Digest of another file", "Repr-Digest", of_nothing.clone())),
        wrong(says("Content-Digest of another body", "Content-Digest", of_nothing.clone())),
        wrong(says("Content-MD5 of another body", "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")),
        wrong(says("Digest of another file", "Digest", "MD5=1B2M2Y8AsgTpgAmY7PhCfg==")),
        wrong(
            says("a sum on the command line that is another", "X", "y")
                .words(["--sha256".to_owned(), sha256(b"")]),
        ),
        says("the right sum", "Repr-Digest", right.clone()).logs("Is verified"),
        says("the right sum, and a wrong one of a weaker sort", "Repr-Digest", weak_as_well)
            .logs("Is verified"),
        says("a sum that is garbage", "Repr-Digest", "sha-256=:???:, ,;="),
        says("a sum of too few bytes", "Repr-Digest", "sha-256=:AAAA:"),
        says("a sum of a sort that nobody knows", "Repr-Digest", "rot-13=:AAAA:"),
        says(
            "a sum of what is on the command line, and a wrong one of the server",
            "Repr-Digest",
            of_nothing,
        )
        .words(["--sha256".to_owned(), sha256(&small())])
        .logs("Is verified"),
    ]
}
