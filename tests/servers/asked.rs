//! What the servers say they were asked for: only for what is missing, and over as many connections as allowed.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::Running;
use crate::support::nginx::Logged;
use crate::support::program::Home;
use crate::support::{SOON, assert_is, content, length, names_in, read, until};
use crate::{decided, kinds, put, with_each};

/// A server that writes down what it is asked for.
pub(crate) struct Watched {
    name: &'static str,
    running: Running,
    log: PathBuf,
    of_line: fn(&str) -> Option<Logged>,
}

impl Watched {
    fn new(
        name: &'static str,
        logs: &Path,
        start: impl Fn(&str) -> Running,
        of_line: fn(&str) -> Option<Logged>,
    ) -> Self {
        let log = logs.join(name);
        Self { name, running: start(&log.display().to_string()), log, of_line }
    }

    /// nginx; `more` stands in its server.
    pub(crate) fn nginx(root: &Path, logs: &Path, more: &str) -> Self {
        let start = |log: &str| kinds::nginx(root, &format!("access_log {log} asked;\n{more}"));
        Self::new("nginx", logs, start, of_fields)
    }

    fn all(root: &Path, logs: &Path) -> [Self; 4] {
        let apache = |log: &str| {
            let line = "%>s|%{Range}i|%{If-Range}i|%B|%U";
            kinds::apache(root, &format!("CustomLog {log} \"{line}\""))
        };
        let lighttpd = |log: &str| {
            let line = "%s|%{Range}i|%{If-Range}i|%b|%U";
            let more = format!("accesslog.filename = \"{log}\"\naccesslog.format = \"{line}\"");
            kinds::lighttpd(root, &format!("server.modules += (\"mod_accesslog\")\n{more}"))
        };
        let caddy = |log: &str| kinds::caddy(root, &format!("log {{\n output file {log}\n format json\n}}"));
        [
            Self::nginx(root, logs, ""),
            Self::new("Apache", logs, apache, of_fields),
            Self::new("lighttpd", logs, lighttpd, of_fields),
            Self::new("Caddy", logs, caddy, of_json),
        ]
    }

    /// The requests that are over, once there are so many.
    #[track_caller]
    pub(crate) fn log_of(&self, requests: usize) -> Vec<Logged> {
        until(&format!("{requests} requests in the log of {}", self.name), SOON, || {
            let log = logged(&self.log, self.of_line);
            (log.len() >= requests).then_some(log)
        })
    }
}

/// The requests in a log of nginx that are over.
pub(crate) fn logged_by_nginx(log: &Path) -> Vec<Logged> {
    logged(log, of_fields)
}

fn logged(log: &Path, of_line: fn(&str) -> Option<Logged>) -> Vec<Logged> {
    // Some open it with their first line.
    let text = if log.exists() { read(log) } else { Vec::new() };
    String::from_utf8_lossy(&text).lines().filter_map(of_line).collect()
}

/// A line of nginx, Apache or lighttpd; what was not sent is empty, or a dash.
fn of_fields(line: &str) -> Option<Logged> {
    let mut fields = line.split('|').map(|field| if field == "-" { "" } else { field });
    Some(Logged {
        status: fields.next()?.parse().ok()?,
        range: fields.next()?.to_owned(),
        if_range: fields.next()?.replace('\\', ""),
        body_bytes: fields.next()?.parse().unwrap_or_default(),
        target: fields.next()?.to_owned(),
    })
}

/// A line of Caddy.
fn of_json(line: &str) -> Option<Logged> {
    let line: Value = serde_json::from_str(line).ok()?;
    let request = line.get("request")?;
    let header = |name: &str| request["headers"][name][0].as_str().unwrap_or_default().to_owned();
    Some(Logged {
        status: u16::try_from(line["status"].as_u64()?).ok()?,
        range: header("Range"),
        if_range: header("If-Range"),
        body_bytes: line["size"].as_u64()?,
        target: request["uri"].as_str()?.to_owned(),
    })
}

/// The answers that brought more of the file than what is compared.
pub(crate) fn brought(log: &[Logged]) -> usize {
    log.iter().filter(|request| request.status == 206 && request.body_bytes > 300_000).count()
}

#[test]
fn after_a_crash_each_server_is_asked_for_the_rest_only() {
    const TOTAL: usize = 6_000_000;
    let (root, logs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let bytes = content(3300, TOTAL);
    put(root.path(), "file.bin", &bytes, 0);
    let servers = Watched::all(root.path(), logs.path());
    with_each(&servers, |_, server| {
        let (home, url) = (Home::new(), server.running.url("file.bin"));
        let get = home.start(["get", &url, "--limit", "1500k"]);
        // Two seconds of work may be lost, so three are done.
        let part = home.file("file.bin.part");
        until("three seconds of it", SOON, || (length(&part) > 4_600_000).then_some(()));
        get.kill();
        home.run(["get", &url]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        assert_eq!(names_in(&home.files()), ["file.bin"]);
        let log = server.log_of(2);
        let rest = log.last().expect("a request");
        assert_eq!((log.len(), rest.status), (2, 206), "{}: {log:#?}", server.name);
        assert!(rest.first_byte() > 1_000_000, "{}: {log:#?}", server.name);
        assert_eq!(rest.body_bytes, TOTAL as u64 - rest.first_byte(), "{}: {log:#?}", server.name);
        assert!(rest.if_range.starts_with('"'), "{}: {log:#?}", server.name);
    });
}

#[test]
fn each_server_is_asked_over_several_connections() {
    let (root, logs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let bytes = content(3301, 16 << 20);
    put(root.path(), "file.bin", &bytes, 0);
    with_each(&Watched::all(root.path(), logs.path()), |_, server| {
        let home = Home::new();
        home.run(["get", &server.running.url("file.bin"), "--connections", "4", "--limit", "16M"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        let log = server.log_of(4);
        assert!(brought(&log) >= 4, "{}: {log:#?}", server.name);
        assert!(
            log.iter().all(|request| request.range == "bytes=0-" || request.if_range.starts_with('"')),
            "{}: {log:#?}",
            server.name
        );
    });
}

#[test]
fn a_server_that_allows_one_connection_gives_the_file_over_one() {
    let (root, logs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let bytes = content(3302, 6 << 20);
    put(root.path(), "file.bin", &bytes, 0);
    for status in [503, 429] {
        let more = format!("limit_conn clients 1; limit_conn_status {status}; limit_rate 4m;");
        let folder = logs.path().join(status.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        let server = Watched::nginx(root.path(), &folder, &more);
        let home = Home::new();
        home.run(["get", &server.running.url("file.bin"), "--connections", "4"]).fine();
        assert_is(&home.file("file.bin"), &bytes);
        let log = server.log_of(2);
        assert_eq!(brought(&log), 1, "{log:#?}");
        let refused = log.iter().filter(|request| request.status == status).count();
        assert!((1..=3).contains(&refused), "each is tried once: {log:#?}");
        assert!(decided(&home).contains("Goes on with"), "{}", decided(&home));
    }
}
