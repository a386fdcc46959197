//! What a row of the tables says, and how it is played.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

use crate::support::program::{Home, Program, Said};
use crate::support::server::{Answer, Asked, Server};
use crate::support::{OVERLAP, SOON, assert_is, length, names_in, read, until};

/// How many cases of a table are played at a time: most of them wait more than they work.
const AT_ONCE: usize = 6;

/// The size of the files that are broken off, and where.
pub(crate) const TOTAL: usize = 1_200_000;
pub(crate) const BROKEN_AT: usize = 700_000;

/// What heads, errors and a comparison may take besides the bytes of the file.
const SLACK_BYTES: u64 = (16 << 10) + OVERLAP as u64;

/// How a server answers. Each request has its number, from 0.
pub(crate) type Play = Arc<dyn Fn(&Asked, &mut Answer) + Send + Sync>;

/// What must come of it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The right file under the right name.
    Whole,
    /// It goes no further by itself. The words for the fault: its kind, or the status.
    Fails(&'static str),
    /// It is tried again later.
    Waits(&'static str),
}

/// What must become of what was fetched before the server went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Nothing was, or nothing is said about it.
    Whatever,
    /// It is gone on with.
    GoesOn,
    /// It is given up, and the log says why.
    StartsOver(&'static str),
    /// So much of it is still there after the fault.
    There(usize),
    /// At least so much of it is still there after the fault: how much came before it depends on the moment.
    AtLeast(usize),
}

/// A row.
pub(crate) struct Case {
    pub(crate) name: String,
    play: Play,
    mirror: Option<Play>,
    is_unasked: bool,
    /// Where the download is broken off, before the server is asked to go on.
    broken_at: Option<usize>,
    scheme: &'static str,
    login: &'static str,
    target: &'static str,
    words: Vec<String>,
    /// What the file must be in the end.
    bytes: Arc<Vec<u8>>,
    end: End,
    kept: Kept,
    /// The names in the folder in the end; a part besides where it did not get that far.
    names: Vec<String>,
    most_requests: usize,
    most_twice: u64,
    log: Vec<&'static str>,
    never_in_log: Vec<&'static str>,
    next_try_secs: Option<u64>,
}

impl Case {
    /// A server that is asked for this file, and how it answers.
    pub(crate) fn new(
        name: impl Into<String>,
        bytes: &Arc<Vec<u8>>,
        play: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            play: Arc::new(play),
            mirror: None,
            is_unasked: false,
            broken_at: None,
            scheme: "http",
            login: "",
            target: "file.bin",
            words: Vec::new(),
            bytes: Arc::clone(bytes),
            end: End::Whole,
            kept: Kept::Whatever,
            names: Vec::new(),
            most_requests: 1,
            most_twice: 0,
            log: Vec::new(),
            never_in_log: Vec::new(),
            next_try_secs: None,
        }
    }

    /// The download is broken off there first; the request with the number 0 is answered up to there, and not ended.
    pub(crate) fn broken_at(mut self, byte: usize) -> Self {
        (self.broken_at, self.most_requests) = (Some(byte), 2);
        self
    }

    /// The server does not wait for a request.
    pub(crate) fn unasked(mut self) -> Self {
        self.is_unasked = true;
        self
    }

    /// The address says that the server speaks TLS.
    pub(crate) fn https(mut self) -> Self {
        self.scheme = "https";
        self
    }

    pub(crate) fn login(mut self, login: &'static str) -> Self {
        self.login = login;
        self
    }

    /// What the address has behind the server's name.
    pub(crate) fn target(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    /// More words on the command line.
    pub(crate) fn words<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// A second address for the file, and how the server there answers.
    pub(crate) fn mirror(mut self, play: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Self {
        self.mirror = Some(Arc::new(play));
        self
    }

    /// In the end the file must be this one, and not the one that was begun.
    pub(crate) fn becomes(mut self, bytes: &Arc<Vec<u8>>) -> Self {
        self.bytes = Arc::clone(bytes);
        self
    }

    /// It fails for good.
    pub(crate) fn fails(mut self, fault: &'static str) -> Self {
        self.end = End::Fails(fault);
        self
    }

    /// It is tried again later.
    pub(crate) fn waits(mut self, fault: &'static str) -> Self {
        self.end = End::Waits(fault);
        self
    }

    /// The next try must be in so many seconds.
    pub(crate) fn next_try(mut self, secs: u64) -> Self {
        self.next_try_secs = Some(secs);
        self
    }

    /// What was fetched before is put to use.
    pub(crate) fn goes_on(mut self) -> Self {
        self.kept = Kept::GoesOn;
        self
    }

    /// What was fetched before is given up, for that reason.
    pub(crate) fn starts_over(mut self, why: &'static str) -> Self {
        self.kept = Kept::StartsOver(why);
        self.most_twice += self.broken_at.unwrap_or(0) as u64;
        self
    }

    /// So many bytes are still there after the fault.
    pub(crate) fn keeps(mut self, bytes: usize) -> Self {
        self.kept = Kept::There(bytes);
        self
    }

    /// At least so many bytes are still there after the fault.
    pub(crate) fn keeps_at_least(mut self, bytes: usize) -> Self {
        self.kept = Kept::AtLeast(bytes);
        self
    }

    /// The names in the folder in the end.
    pub(crate) fn named(mut self, names: &[&str]) -> Self {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// At most so many requests.
    pub(crate) fn requests(mut self, most: usize) -> Self {
        self.most_requests = most;
        self
    }

    /// The server may send so many bytes more than the file has.
    pub(crate) fn twice(mut self, most: usize) -> Self {
        self.most_twice += most as u64;
        self
    }

    /// What the log must say.
    pub(crate) fn logs(mut self, words: &'static str) -> Self {
        self.log.push(words);
        self
    }

    /// What the log must not say.
    pub(crate) fn never_logs(mut self, words: &'static str) -> Self {
        self.never_in_log.push(words);
        self
    }
}

/// Plays all of a table, and fails with what went wrong in which case.
pub(crate) fn play(cases: Vec<Case>) {
    let (left, wrong) = (Mutex::new(cases.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = next(&left) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play_one(&case))) {
                        let what = panic.downcast_ref::<String>().cloned();
                        let what =
                            what.or_else(|| panic.downcast_ref::<&str>().map(|what| (*what).to_owned()));
                        let line = format!("“{}”: {}", case.name, what.unwrap_or_default());
                        wrong.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(wrong.is_empty(), "{} cases went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn next(left: &Mutex<std::vec::IntoIter<Case>>) -> Option<Case> {
    left.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn play_one(case: &Case) {
    let start = |play: &Play| {
        let play = Arc::clone(play);
        Server::start(move |asked, answer| play(asked, answer))
    };
    let server = if case.is_unasked {
        let play = Arc::clone(&case.play);
        let unasked =
            |number| Asked { number, method: String::new(), target: String::new(), headers: vec![] };
        Server::start_unasked(move |number, answer| play(&unasked(number), answer))
    } else {
        start(&case.play)
    };
    let mirror = case.mirror.as_ref().map(start);
    let home = Home::new();
    let words = words(case, &server, mirror.as_ref());
    if let Some(byte) = case.broken_at {
        break_off(&home, &words, byte);
    }
    let get = home.start(&words);
    match case.end {
        End::Whole => {
            let said = get.end();
            assert_eq!(said.code, 0, "{}", in_brief(&said, &home));
            look_whole(case, &home);
        }
        End::Fails(fault) | End::Waits(fault) => look_fault(case, &home, get, fault),
    }
    look_at_log(case, &home);
    let servers = [Some(&server), mirror.as_ref()];
    let seen: Vec<Asked> = servers.iter().flatten().flat_map(|server| server.seen()).collect();
    assert!(seen.len() <= case.most_requests, "{} requests: {seen:#?}", seen.len());
    assert!(seen.iter().all(|asked| asked.method == "GET" || case.is_unasked), "{seen:#?}");
    let sent: u64 = servers.iter().flatten().map(|server| server.sent_bytes()).sum();
    let most = case.bytes.len() as u64 + case.most_twice + SLACK_BYTES;
    assert!(sent <= most, "{sent} bytes were sent, more than {most}: {}", log_of(&home));
}

fn words(case: &Case, server: &Server, mirror: Option<&Server>) -> Vec<String> {
    let url = match case.login {
        "" => server.url(case.target),
        login => server.url_with_login(login, case.target),
    };
    let mut words = vec!["get".to_owned(), url.replacen("http", case.scheme, 1), "--json".to_owned()];
    words.extend(case.words.iter().cloned());
    words.extend(mirror.into_iter().flat_map(|mirror| ["--mirror".to_owned(), mirror.url("mirrored.bin")]));
    words
}

/// Gets the file until so much of it is there, and stops, with everything on record.
fn break_off(home: &Home, words: &[String], byte: usize) {
    let get = home.start(words);
    let part = home.file("file.bin.part");
    until("the first bytes", SOON, || (length(&part) == byte as u64).then_some(()));
    get.interrupt().code(130);
    assert_eq!(home.list()[0]["done_bytes"], byte, "it is on record");
}

fn look_whole(case: &Case, home: &Home) {
    let names = if case.names.is_empty() { vec!["file.bin".to_owned()] } else { case.names.clone() };
    assert_eq!(names_in(&home.files()), names);
    assert_is(&home.file(&names[0]), &case.bytes);
}

/// It must have met with this fault; nothing stands under a final name, and all that is on record is of the file.
fn look_fault(case: &Case, home: &Home, get: Program, fault: &str) {
    let event = get.event_among(&["waiting", "failed", "finished"]);
    let said = match event["event"].as_str() {
        // Somebody who waits would be kept for longer than this is worth.
        Some("waiting") => get.interrupt().code(130),
        _ => get.end(),
    };
    let (found, is_final) = match event["event"].as_str() {
        Some("waiting") => (event.clone(), false),
        Some("failed") => (event["job"].clone(), event["job"]["state"] == "error"),
        _ => panic!("it was accepted: {}", in_brief(&said, home)),
    };
    assert_eq!(fault_of(&found), fault, "{}", in_brief(&said, home));
    assert_eq!(is_final, matches!(case.end, End::Fails(_)), "whether it is final: {found}");
    if let Some(secs) = case.next_try_secs {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let next = found["next_try_unix_secs"].as_u64().expect("the time of the next try") - now;
        assert!(next <= secs && next + 20 >= secs, "in {next} s, and not in {secs} s: {found}");
    }
    let said = said.calm();
    assert!(!said.all().contains(|c: char| c.is_control() && c != '\n'), "{said:#?}");
    let mut names = names_in(&home.files());
    names.retain(|name| name.strip_suffix(".part").is_none());
    assert_eq!(names, case.names);
    let list = home.list();
    let done = list[0]["done_bytes"].as_u64().expect("a number") as usize;
    if let Kept::There(bytes) = case.kept {
        assert_eq!(done, bytes, "bytes are kept: {}", in_brief(&said, home));
    }
    if let Kept::AtLeast(bytes) = case.kept {
        assert!(done >= bytes, "{done} bytes are kept: {}", in_brief(&said, home));
    }
    if done > 0 {
        let part = read(&home.file(&home.parts()[0]));
        assert!(part.len() >= done && part[..done] == case.bytes[..done], "what is kept is not of the file");
    }
}

fn fault_of(of: &Value) -> String {
    let fault = &of["fault"];
    let status = fault["status"].as_u64().map(|status| status.to_string());
    status.unwrap_or_else(|| fault["kind"].as_str().unwrap_or_default().to_owned())
}

fn look_at_log(case: &Case, home: &Home) {
    let log = log_of(home);
    let says = |words: &str| assert!(log.contains(words), "“{words}” is not in the log:\n{log}");
    let has_started_over = log.contains("Starts over");
    match case.kept {
        Kept::GoesOn => {
            says("Goes on");
            assert!(!has_started_over, "right bytes were thrown away:\n{log}");
        }
        Kept::StartsOver(why) => {
            says("Starts over");
            says(why);
        }
        Kept::There(_) | Kept::AtLeast(_) => {
            assert!(!has_started_over, "right bytes were thrown away:\n{log}");
        }
        Kept::Whatever => {
            assert!(case.broken_at.is_none(), "the row must say what becomes of what was there");
        }
    }
    case.log.iter().for_each(|words| says(words));
    for words in &case.never_in_log {
        assert!(!log.contains(words), "“{words}” is in the log:\n{log}");
    }
}

/// What the log has, a sentence a line.
fn log_of(home: &Home) -> String {
    let entries = home.run(["log", "--json", "-n", "1000"]).fine().json();
    let sentences = entries.as_array().into_iter().flatten().filter_map(|entry| entry["sentence"].as_str());
    sentences.collect::<Vec<_>>().join("\n")
}

fn in_brief(said: &Said, home: &Home) -> String {
    format!("code {}: {}\nThe log:\n{}", said.code, said.err, log_of(home))
}
