//! Real servers and proxies: nginx, Apache, lighttpd and Caddy, squid and microsocks, and TLS with certificates of all
//! sorts. Each is started for the test on a port of its own.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod asked;
mod kinds;
mod names;
mod process;
mod proxies;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use process::Running;
use support::nginx::Nginx;
use support::program::Home;
use support::{SOON, assert_is, content, done, length, names_in, tool, until, write};

/// A server by its name, and the address of what it serves.
struct Served {
    name: &'static str,
    base: String,
    _keep: Box<dyn std::any::Any + Send + Sync>,
}

impl Served {
    fn nginx(root: &Path) -> Self {
        let nginx = Nginx::start(root);
        Self { name: "nginx", base: nginx.url(""), _keep: Box::new(nginx) }
    }

    fn of(name: &'static str, running: Running) -> Self {
        Self { name, base: running.url(""), _keep: Box::new(running) }
    }

    fn url(&self, target: &str) -> String {
        format!("{}{target}", self.base)
    }
}

fn all(root: &Path) -> [Served; 4] {
    [
        Served::nginx(root),
        Served::of("Apache", kinds::apache(root, "")),
        Served::of("lighttpd", kinds::lighttpd(root, "")),
        Served::of("Caddy", kinds::caddy(root, "")),
    ]
}

/// Writes a file that was last changed so many seconds after a moment long ago.
fn put(root: &Path, name: &str, bytes: &[u8], secs: u64) {
    write(&root.join(name), bytes);
    let file = std::fs::File::options().write(true).open(root.join(name)).expect("the file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + secs)).expect("its time");
}

/// Gets the beginning of a file, slowly, and is interrupted.
fn break_off(home: &Home, url: &str, words: &[&str]) {
    let mut all = vec!["get", url, "--limit", "2M"];
    all.extend(words);
    let get = home.start(&all);
    let part = home.file("file.bin.part");
    until("a part of it", SOON, || (length(&part) > 400_000).then_some(()));
    get.interrupt().code(130);
}

fn decided(home: &Home) -> String {
    home.run(["log", "--json", "-n", "1000"]).fine().out
}

#[test]
fn files_of_all_servers_are_identical() {
    let root = tempfile::tempdir().expect("a folder");
    let (large, small) = (content(3000, 20 << 20), content(3001, 5000));
    put(root.path(), "file.bin", &large, 0);
    put(root.path(), "empty.bin", b"", 0);
    let odd = "a b\u{e4}%25+#.bin";
    put(root.path(), odd, &small, 0);
    for server in all(root.path()) {
        eprintln!("{}", server.name);
        let home = Home::new();
        home.run(["get", &server.url("file.bin")]).fine();
        assert_is(&home.file("file.bin"), &large);
        let modified = home.file("file.bin").metadata().and_then(|found| found.modified()).expect("its time");
        assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000), "{}", server.name);
        home.run(["get", &server.url("file.bin"), "--connections", "4", "--out", "four.bin"]).fine();
        assert_is(&home.file("four.bin"), &large);
        home.run(["get", &server.url("empty.bin")]).fine();
        assert_is(&home.file("empty.bin"), b"");
        home.run(["get", &server.url("a%20b%C3%A4%2525%2B%23.bin")]).fine();
        assert_is(&home.file(odd), &small);
        assert_eq!(home.run(["get", &server.url("none.bin")]).code(1).err.matches("(404)").count(), 1);
    }
}

/// Does the same with each, side by side: nearly all of it is waiting.
fn with_each<T: Sync>(all: &[T], what: impl Fn(usize, &T) + Sync) {
    let what = &what;
    std::thread::scope(|scope| {
        for (number, one) in all.iter().enumerate() {
            scope.spawn(move || what(number, one));
        }
    });
}

/// Breaks a download off, replaces the file or does not, and sees that the right one comes and the log says why.
fn goes_on(what: &str, folder: &Path, url: &str, replacement: Option<&[u8]>, word: &str) {
    let bytes = content(3002, 3_000_000);
    put(folder, "file.bin", &bytes, 0);
    let home = Home::new();
    break_off(&home, url, &[]);
    if let Some(other) = replacement {
        put(folder, "file.bin", other, 3600);
    }
    home.run(["get", url]).fine();
    assert_is(&home.file("file.bin"), replacement.unwrap_or(&bytes));
    assert_eq!(names_in(&home.files()), ["file.bin"]);
    let log = decided(&home);
    assert!(log.contains(word), "{what} {word}: {log}");
}

/// A folder in another, for one of several servers of the same root.
fn folder_in(root: &Path, number: usize) -> PathBuf {
    let folder = root.join(number.to_string());
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

#[test]
fn what_is_broken_off_goes_on_at_all_servers_and_is_never_mixed() {
    let root = tempfile::tempdir().expect("a folder");
    let (same_length, shorter) = (content(3003, 3_000_000), content(3004, 2_500_000));
    with_each(&all(root.path()), |number, server| {
        let folder = folder_in(root.path(), number);
        let url = server.url(&format!("{number}/file.bin"));
        goes_on(server.name, &folder, &url, None, "Goes on at");
        goes_on(server.name, &folder, &url, Some(&same_length), "Starts over");
        goes_on(server.name, &folder, &url, Some(&shorter), "Starts over");
    });
}

#[test]
fn servers_that_say_less_are_compared_and_those_without_ranges_begin_again() {
    let root = tempfile::tempdir().expect("a folder");
    let other = content(3006, 3_000_000);
    let nothing = "header -Etag\nheader -Last-Modified";
    let table = [
        ("dates only", kinds::apache(root.path(), "FileETag None"), "Goes on at", "Starts over"),
        (
            "dates only",
            kinds::lighttpd(
                root.path(),
                "etag.use-inode = \"disable\"\netag.use-mtime = \"disable\"\netag.use-size = \"disable\"",
            ),
            "Goes on at",
            "Starts over",
        ),
        (
            "nothing",
            kinds::caddy(root.path(), nothing),
            "what was fetched again of it is the same",
            "not the same",
        ),
        (
            "nothing",
            kinds::apache(root.path(), "FileETag None\nHeader unset Last-Modified"),
            "what was fetched again of it is the same",
            "not the same",
        ),
        ("dates only", kinds::nginx(root.path(), "etag off;"), "Goes on at", "Starts over"),
        (
            "nothing",
            kinds::nginx(root.path(), "etag off; add_header Last-Modified '';"),
            "what was fetched again of it is the same",
            "not the same",
        ),
        ("no ranges", kinds::nginx(root.path(), "max_ranges 0;"), "Starts over", "Starts over"),
        ("no ranges", kinds::apache(root.path(), "MaxRanges none"), "Starts over", "Starts over"),
        (
            "no ranges",
            kinds::lighttpd(root.path(), "server.range-requests = \"disable\""),
            "Starts over",
            "Starts over",
        ),
    ];
    with_each(&table, |number, (what, server, if_same, if_other)| {
        let folder = folder_in(root.path(), number);
        let url = server.url(&format!("{number}/file.bin"));
        goes_on(what, &folder, &url, None, if_same);
        goes_on(what, &folder, &url, Some(&other), if_other);
    });
}

#[test]
fn what_a_server_would_compress_comes_as_it_is() {
    let root = tempfile::tempdir().expect("a folder");
    let text = "All work and no play.\n".repeat(50_000);
    put(root.path(), "text.txt", text.as_bytes(), 0);
    let servers = [
        kinds::nginx(root.path(), "gzip on; gzip_types *; gzip_min_length 1;"),
        kinds::apache(root.path(), "SetOutputFilter DEFLATE"),
        kinds::caddy(root.path(), "encode gzip"),
    ];
    for server in servers {
        assert!(would_compress(&server, "text.txt"));
        let home = Home::new();
        home.run(["get", &server.url("text.txt"), "--connections", "2"]).fine();
        assert_is(&home.file("text.txt"), text.as_bytes());
    }
}

/// Whether a file comes compressed to those who can take it so.
fn would_compress(server: &Running, name: &str) -> bool {
    let request = format!(
        "GET /{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    );
    let answer = server.answer_to(&request);
    String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("\r\ncontent-encoding: gzip\r\n")
}

#[test]
fn what_a_server_has_only_compressed_is_not_taken_for_the_file() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "file.bin", b"bytes", 0);
    done(tool("gzip", "gzip").arg("--keep").arg(root.path().join("file.bin")));
    let server = kinds::nginx(root.path(), "gzip_static always;");
    let home = Home::new();
    let said = home.run(["get", &server.url("file.bin")]).code(1);
    assert!(said.err.contains("compressed"), "{said:#?}");
    assert_eq!(names_in(&home.files()), Vec::<String>::new());
    // Its own name is another thing: nobody unpacks that.
    home.run(["get", &kinds::nginx(root.path(), "").url("file.bin.gz")]).fine();
    assert_is(&home.file("file.bin.gz"), &support::read(&root.path().join("file.bin.gz")));
}

#[test]
fn servers_ask_for_logins_in_both_ways() {
    let root = tempfile::tempdir().expect("a folder");
    let bytes = content(3007, 3_000_000);
    put(root.path(), "file.bin", &bytes, 0);
    let own = root.path().display();
    // MD5 of “me:all:hunter2”, as htdigest makes it.
    write(&root.path().join("digest"), format!("me:all:{}\n", md5("me:all:hunter2")).as_bytes());
    write(&root.path().join("basic"), b"me:{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0=\n");
    write(&root.path().join("plain"), b"me:hunter2\n");
    let apache = |kind: &str, file: &str| {
        let location = format!("AuthType {kind}\nAuthName all\n{file}\nRequire valid-user");
        kinds::apache(root.path(), &format!("<Location />\n{location}\n</Location>"))
    };
    let lighttpd = |kind: &str, backend: &str, file: &str| {
        let require =
            format!("\"method\" => \"{kind}\", \"realm\" => \"all\", \"require\" => \"valid-user\"");
        let more = format!(
            "server.modules += (\"mod_auth\", \"mod_authn_file\")\nauth.backend = \"{backend}\"\n\
             auth.backend.{backend}.userfile = \"{own}/{file}\"\nauth.require = (\"\" => ({require}))"
        );
        kinds::lighttpd(root.path(), &more)
    };
    let table = [
        ("Apache, Basic", apache("Basic", &format!("AuthUserFile {own}/basic"))),
        ("Apache, Digest", apache("Digest", &format!("AuthDigestProvider file\nAuthUserFile {own}/digest"))),
        ("lighttpd, Basic", lighttpd("basic", "plain", "plain")),
        ("lighttpd, Digest", lighttpd("digest", "htdigest", "digest")),
    ];
    for (what, server) in table {
        let url = server.url("file.bin");
        let with = |login: &str| url.replacen("http://", &format!("http://{login}@"), 1);
        let home = Home::new();
        assert!(home.run(["get", &url]).code(1).err.contains("(401)"), "{what}");
        assert!(home.run(["get", &with("me:wrong")]).code(1).err.contains("(401)"), "{what}");
        break_off(&home, &with("me:hunter2"), &["--connections", "2"]);
        home.run(["get", &with("me:hunter2"), "--connections", "2"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        home.state_is_without("hunter2");
    }
}

/// The MD5 of a text, as the usual tool takes it.
fn md5(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    write(file.path(), text.as_bytes());
    let said = done(tool("md5sum", "coreutils").arg(file.path()));
    String::from_utf8_lossy(&said).split_whitespace().next().unwrap_or_default().to_owned()
}
