//! Names that are no names: what a server calls a file never leads out of the folder, never hides, and steers nothing.

use crate::case::{Case, play};
use crate::lies::{send_whole, small};

#[test]
fn a_name_is_a_name_in_the_folder_and_nothing_else() {
    play(cases());
}

/// What the header says, and the name the file must get.
fn called(header: impl Into<String>, name: &str) -> Case {
    let header = header.into();
    let start: String = header.chars().take(80).collect();
    let title = format!("the name {start}, {} bytes", header.len());
    Case::new(title, &small(), move |_, answer| {
        send_whole(&small(), &[("Content-Disposition", &header)], answer);
    })
    .named(&[name])
}

/// What the address ends with, and the name the file must get.
fn addressed(target: &'static str, name: &str) -> Case {
    Case::new(format!("the address {target}"), &small(), |_, answer| send_whole(&small(), &[], answer))
        .target(target)
        .named(&[name])
}

pub(crate) fn cases() -> Vec<Case> {
    let long = format!("attachment; filename=\"{}.iso\"", "n".repeat(300));
    let wide = format!("attachment; filename*=UTF-8''{}.iso", "%e2%82%ac".repeat(100));
    let huge = format!("attachment; filename=\"{}\"", "n".repeat(100_000));
    let unended = format!("attachment; filename=\"{}", "\\".repeat(1000));
    let parameters = format!("attachment{}; filename=mine.bin", "; x=y".repeat(5000));
    vec![
        called("attachment; filename=\"../../../etc/passwd\"", "passwd"),
        called("attachment; filename=\"/etc/passwd\"", "passwd"),
        called("attachment; filename=\"..\\\\..\\\\evil.exe\"", "evil.exe"),
        called("attachment; filename=\"C:\\\\Windows\\\\evil.exe\"", "evil.exe"),
        called("attachment; filename*=UTF-8''..%2f..%2fetc%2fpasswd", "passwd"),
        called("attachment; filename=%2e%2e%2fetc%2fpasswd", "passwd"),
        called("attachment; filename=\"..\"", "file.bin"),
        called("attachment; filename=\".\"", "file.bin"),
        called("attachment; filename=\"a/\"", "file.bin"),
        called("attachment; filename=\"\"", "file.bin"),
        called("attachment; filename=\"   \"", "file.bin"),
        called("attachment; filename*=UTF-8''%00%0d%0a", "file.bin"),
        called("attachment; filename*=UTF-8''a%00b.bin", "ab.bin"),
        called("attachment; filename*=UTF-8''a%0d%0aSet-Cookie%3a%20b", "aSet-Cookie_ b"),
        called("attachment; filename*=UTF-8''%1b%5b31mred.bin", "[31mred.bin"),
        called("attachment; filename*=UTF-8''ann%e2%80%aegpj.exe", "anngpj.exe"),
        called("attachment; filename=\".bashrc\"", "bashrc"),
        called("attachment; filename=\"...\"", "file.bin"),
        called("attachment; filename=\"NUL.txt\"", "_NUL.txt"),
        called("attachment; filename=\"con\"", "_con"),
        called("attachment; filename=\"a.bin. .\"", "a.bin"),
        called("attachment; filename=\"-rf\"", "-rf"),
        called("attachment; filename=\"a.part\"", "a.part"),
        called("attachment; filename=\"a;b|c&d$(e)`f`.bin\"", "a;b_c&d$(e)`f`.bin"),
        called(long, &format!("{}.iso", "n".repeat(236))),
        called(wide, &format!("{}.iso", "\u{20ac}".repeat(78))),
        called(huge, &"n".repeat(240)).twice(110_000),
        called(unended, "file.bin"),
        called(parameters, "mine.bin").twice(30_000),
        called("=?UTF-8?B?Li4vLi4vZXZpbA==?=", "file.bin"),
        addressed("..%2f..%2fetc%2fpasswd", "passwd"),
        addressed("a/%2e%2e/%2e%2e/%2e%2e/", "download"),
        addressed("%2ebashrc", "bashrc"),
        addressed("a%00b%0d%0ac%1b.bin", "abc.bin"),
        addressed("?name=/etc/passwd", "download"),
        // Of no charset anybody writes: whatever it is, it is a name.
        addressed("%ff%fe%80", "\u{ff}\u{15f}\u{20ac}"),
        // What was meant to be a name ends the header, and begins one of the sender's own.
        Case::new("a name with a header injected by its end of line", &small(), |_, answer| {
            let injected = "attachment; filename=\"a\r\nContent-Length: 5\r\nX: \"";
            send_whole(&small(), &[("Content-Disposition", injected)], answer);
        })
        .twice(20_000)
        .fails("nonsense"),
        Case::new("a name with a whole answer injected", &small(), |_, answer| {
            let injected = "attachment; filename=a\r\nContent-Length: 4\r\n\r\nevil";
            send_whole(&small(), &[("Content-Disposition", injected)], answer);
        })
        .becomes(&std::sync::Arc::new(b"evil".to_vec()))
        .twice(20_000)
        .named(&["a"]),
    ]
}
