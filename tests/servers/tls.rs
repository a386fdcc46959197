//! TLS, with certificates good and bad, made for the test.

use std::path::{Path, PathBuf};

use crate::asked::{brought, logged_by_nginx};
use crate::support::program::{Home, word};
use crate::support::{SOON, assert_is, content, done, names_in, read, tool, until, write};
use crate::{break_off, decided, kinds, put};

/// A certificate with its key, and what may be wrong with it.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

/// An authority of the test's own in a folder, and what it signs.
pub(crate) struct Authority(tempfile::TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        let own = Self(tempfile::tempdir().expect("a folder"));
        own.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            "/CN=Authority of a test",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        own
    }

    fn openssl(&self, words: &[&str]) {
        done(tool("openssl", "openssl").current_dir(self.0.path()).args(words));
    }

    pub(crate) fn file(&self) -> String {
        word(&self.0.path().join("ca.pem"))
    }

    /// Another authority, which this one vouches for.
    fn below(&self) -> Self {
        let own = Self(tempfile::tempdir().expect("a folder"));
        own.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=Authority below",
            "-keyout",
            "ca.key",
            "-out",
            "ca.csr",
        ]);
        write(&own.0.path().join("ext"), b"basicConstraints=critical,CA:TRUE\n");
        let (ca, key) = (self.file(), word(&self.0.path().join("ca.key")));
        own.openssl(&[
            "x509",
            "-req",
            "-days",
            "3650",
            "-in",
            "ca.csr",
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-CAcreateserial",
            "-extfile",
            "ext",
            "-out",
            "ca.pem",
        ]);
        own
    }

    /// One with nothing wrong, for the address the tests serve at.
    pub(crate) fn good(&self) -> Certificate {
        self.sign("good", "IP:127.0.0.1", LONG_AGO, FAR)
    }

    /// Signs one for that host, good between those dates (`YYYYMMDDHHMMSSZ`).
    fn sign(&self, name: &str, host: &str, from: &str, to: &str) -> Certificate {
        let path = |end: &str| self.0.path().join(format!("{name}.{end}"));
        let file = |end: &str| format!("{name}.{end}");
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=test",
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
        ]);
        // `openssl ca` is the one that takes both dates.
        write(
            &path("cnf"),
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase={name}.db\nserial={name}.serial\n\
            new_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=any\n\
            x509_extensions=ext\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName={host}\n\
            basicConstraints=critical,CA:FALSE\n"
            )
            .as_bytes(),
        );
        write(&path("db"), b"");
        write(&path("serial"), b"01\n");
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            &file("cnf"),
            "-startdate",
            from,
            "-enddate",
            to,
            "-in",
            &file("csr"),
            "-out",
            &file("pem"),
        ]);
        Certificate { certificate: path("pem"), key: path("key") }
    }

    fn self_signed(&self) -> Certificate {
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "self.key",
            "-out",
            "self.pem",
        ]);
        Certificate { certificate: self.0.path().join("self.pem"), key: self.0.path().join("self.key") }
    }
}

const LONG_AGO: &str = "20200101000000Z";
const YESTERYEAR: &str = "20210101000000Z";
const FAR: &str = "20450101000000Z";
const FARTHER: &str = "20460101000000Z";

pub(crate) fn serve(root: &Path, of: &Certificate, more: &str) -> (crate::process::Running, String) {
    let running = kinds::nginx_with_tls(root, &of.certificate, &of.key, more);
    let base = format!("https://127.0.0.1:{}/", running.port);
    (running, base)
}

#[test]
fn a_good_certificate_is_trusted_by_its_authority_and_bad_ones_are_not() {
    let root = tempfile::tempdir().expect("a folder");
    let bytes = content(3200, 3_000_000);
    put(root.path(), "file.bin", &bytes, 0);
    let authority = Authority::new();
    let ca = authority.file();
    let good = authority.good();
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let (_server, base) = serve(root.path(), &good, &format!("ssl_protocols {protocol};"));
        let url = base + "file.bin";
        let home = Home::new();
        let said = home.run(["get", &url]).code(1);
        assert!(said.err.to_lowercase().contains("certificate"), "nobody knows the authority: {said:#?}");
        break_off(&home, &url, &["--ca-file", &ca]);
        home.run(["get", &url, "--ca-file", &ca, "--connections", "4"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        assert!(decided(&home).contains("Goes on at"));
    }
    // The server does not send what stands between this one and the authority.
    let below = authority.below();
    let bad = [
        (authority.sign("expired", "IP:127.0.0.1", LONG_AGO, YESTERYEAR), "expired"),
        (authority.sign("early", "IP:127.0.0.1", FAR, FARTHER), "not valid yet"),
        (authority.sign("other", "DNS:other.example", LONG_AGO, FAR), "another"),
        (authority.self_signed(), "not trusted"),
        (below.good(), "not trusted"),
    ];
    for (certificate, word) in bad {
        let log = authority.0.path().join("log");
        let (_server, base) =
            serve(root.path(), &certificate, &format!("access_log {} asked;", log.display()));
        let home = Home::new();
        let said = home.run(["get", &format!("{base}file.bin"), "--ca-file", &ca]).code(1);
        assert!(said.err.to_lowercase().contains(word), "{word}: {said:#?}");
        assert_eq!(names_in(&home.files()), Vec::<String>::new());
        assert_eq!(logged_by_nginx(&log), [], "it was asked for nothing");
    }
}

#[test]
fn a_chain_is_followed_where_the_server_sends_all_of_it() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "file.bin", b"bytes", 0);
    let authority = Authority::new();
    let below = authority.below();
    let good = below.good();
    let chain = [read(&good.certificate), read(Path::new(&below.file()))].concat();
    write(&good.certificate, &chain);
    let (_server, base) = serve(root.path(), &good, "");
    let home = Home::new();
    home.run(["get", &format!("{base}file.bin"), "--ca-file", &authority.file()]).fine();
    assert_is(&home.file("file.bin"), b"bytes");
}

#[test]
fn a_file_comes_encrypted_over_several_connections() {
    let root = tempfile::tempdir().expect("a folder");
    let bytes = content(3202, 16 << 20);
    put(root.path(), "file.bin", &bytes, 0);
    let authority = Authority::new();
    let log = authority.0.path().join("log");
    let (_server, base) =
        serve(root.path(), &authority.good(), &format!("access_log {} asked;", log.display()));
    let home = Home::new();
    let (url, ca) = (base + "file.bin", authority.file());
    home.run(["get", &url, "--ca-file", &ca, "--connections", "4", "--limit", "16M"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
    let log = until("four answers", SOON, || Some(logged_by_nginx(&log)).filter(|log| brought(log) >= 4));
    assert!(log.iter().all(|asked| asked.range == "bytes=0-" || asked.if_range.starts_with('"')), "{log:#?}");
}

#[test]
fn from_https_to_http_only_where_that_is_allowed() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "file.bin", b"bytes", 0);
    let plain = crate::support::nginx::Nginx::start(root.path());
    let authority = Authority::new();
    let good = authority.good();
    let (_server, base) =
        serve(root.path(), &good, &format!("location /down {{ return 302 {}; }}", plain.url("file.bin")));
    let (home, ca, url) = (Home::new(), authority.file(), base + "down");
    let said = home.run(["get", &url, "--ca-file", &ca]).code(1);
    assert!(said.err.contains("from https to http"), "{said:#?}");
    assert_eq!(plain.log(), []);
    home.run(["get", &url, "--ca-file", &ca, "--insecure-redirects"]).fine();
    assert_is(&home.file("file.bin"), b"bytes");
}

#[test]
fn https_goes_through_proxies_too() {
    let root = tempfile::tempdir().expect("a folder");
    let bytes = content(3201, 500_000);
    put(root.path(), "file.bin", &bytes, 0);
    let authority = Authority::new();
    let good = authority.good();
    let (_server, base) = serve(root.path(), &good, "");
    let (url, ca) = (base + "file.bin", authority.file());
    let login = Some(("me", "hunter2"));
    let (squid, socks) = (kinds::squid(login), kinds::microsocks(login));
    for through in [
        format!("http://me:hunter2@127.0.0.1:{}", squid.port),
        format!("socks5://me:hunter2@127.0.0.1:{}", socks.port),
    ] {
        let home = Home::new();
        home.run(["get", &url, "--ca-file", &ca, "--proxy", &through]).fine();
        assert_is(&home.file("file.bin"), &bytes);
    }
}
