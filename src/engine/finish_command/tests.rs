//! Real programs, which the tests write themselves.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;

use rustix::fs::Mode;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::*;
use crate::job::{Extents, Fault, FaultKind};

/// A folder with a program in it.
struct Stage {
    folder: TempDir,
}

impl Stage {
    /// A shell script as the program; `$here` in it is the folder.
    fn new(script: &str) -> Self {
        let stage = Self { folder: tempfile::tempdir().expect("a folder") };
        stage.put("program", &format!("#!/bin/sh\nhere={}\n{script}\n", stage.path("").display()), 0o755);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        // Another process writes it: were it open for writing here, so it would be in what other tests fork off just
        // now, and what is open for writing cannot be run.
        let script = "printf %s \"$1\" > \"$2\" && chmod \"$3\" \"$2\"";
        let mut writer = std::process::Command::new("/bin/sh");
        writer.args(["-c", script, "sh", text]).arg(self.path(name)).arg(format!("{mode:o}"));
        assert!(writer.status().expect("a shell").success());
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file the program wrote")
    }

    /// A pipe with a name. Who has it open for writing is alive.
    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .expect("a pipe");
        path
    }

    fn command(&self, args: &[&str]) -> FinishCommand {
        FinishCommand {
            program: self.path("program").to_str().expect("a plain path").into(),
            args: args.iter().map(|&arg| arg.into()).collect(),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            id: JobId::random(),
            name: "a job".into(),
            folder: self.folder.path().into(),
            files: vec![self.path("a b.iso"), self.path("$(touch x)\n.iso")],
            bytes: 12_345,
            fault: None,
        }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        Runner::default().run(&self.command(args), &self.facts()).await
    }
}

/// Reads the first line of a pipe, and gives back the rest of it.
async fn first_line(pipe: PathBuf) -> BufReader<File> {
    spawn_blocking(move || {
        let mut pipe = BufReader::new(File::open(pipe).expect("the pipe"));
        let mut line = String::new();
        pipe.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        pipe
    })
    .await
    .expect("no panic")
}

/// Waits until nobody has the pipe open any more, and gives what was written until then.
async fn end_of_all(mut pipe: BufReader<File>) -> String {
    spawn_blocking(move || {
        let mut rest = String::new();
        pipe.read_to_string(&mut rest).expect("the rest");
        rest
    })
    .await
    .expect("no panic")
}

fn sentence(ran: Ran) -> String {
    match ran.end {
        CommandEnd::CouldNotStart(sentence) => sentence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let stage = Stage::new("printf '%s\\0' \"$@\" > \"$here/args\"; pwd > \"$here/place\"");
    let args =
        ["a b", "", "$(touch x)", "`touch x`", "two\nlines", "*", "'\"\\", "; touch x", "-n", "~", "ä"];
    let ran = stage.run(&args).await;
    assert_eq!(ran, Ran { end: CommandEnd::Exited(0), said: String::new() });
    let arrived = stage.read("args");
    let arrived: Vec<_> = arrived.strip_suffix(b"\0").expect("arguments").split(|&byte| byte == 0).collect();
    assert_eq!(arrived, args.map(str::as_bytes));
    assert!(!stage.path("x").exists(), "nothing was carried out");
    let place = stage.folder.path().canonicalize().expect("the folder");
    assert_eq!(stage.read("place"), format!("{}\n", place.display()).into_bytes());
}

#[tokio::test]
async fn how_it_ended_is_told() {
    let table = [
        ("exit 0", CommandEnd::Exited(0)),
        ("exit 1", CommandEnd::Exited(1)),
        ("exit 255", CommandEnd::Exited(255)),
        ("kill -9 $$", CommandEnd::Signalled(9)),
        ("kill -15 $$", CommandEnd::Signalled(15)),
        // It has nothing to read, and nobody who would answer.
        ("read line || exit 7", CommandEnd::Exited(7)),
    ];
    for (script, wanted) in table {
        assert_eq!(Stage::new(script).run(&[]).await.end, wanted, "{script}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let stage = Stage::new("exit 0");
    stage.put("text", "touch \"$PWD/x\"", 0o644);
    stage.put("no-program", "touch \"$PWD/x\"", 0o755);
    let path = |name: &str| stage.path(name).display().to_string();
    let table = [
        (path("nowhere"), "there is no such program"),
        (path(""), "there is no such program"),
        (path("text"), "it may not be run"),
        // A text without a first line that says what reads it: the system does not know, and no shell is asked.
        (path("no-program"), "Exec format error"),
        ("meanwhile-has-no-such-program".into(), "no program of that name was found"),
        ("./program".into(), "does not begin with /"),
        ("bin/program".into(), "does not begin with /"),
        (String::new(), "no program of that name"),
        ("nul\0".into(), "no program of that name"),
    ];
    for (program, wanted) in table {
        let command = FinishCommand { program, args: Vec::new() };
        let said = sentence(Runner::default().run(&command, &stage.facts()).await);
        assert!(said.contains(wanted), "{said}");
        assert!(said.contains("You can") || said.contains("you can"), "{said}");
    }
    let said = sentence(stage.run(&["a\0b"]).await);
    assert!(said.contains("could not be started"), "{said}");
    assert!(!stage.path("x").exists());
}

#[test]
fn a_program_is_found_in_the_folders_of_path_and_never_among_the_downloads() {
    let stage = Stage::new("exit 0");
    let folder = stage.folder.path().to_str().expect("a plain path");
    let found = |path: &str| find("program", Some(OsStr::new(path)));
    assert_eq!(found(folder), Ok(stage.path("program")));
    assert_eq!(found(&format!("/nowhere:{folder}")), Ok(stage.path("program")));
    let place = std::env::current_dir().expect("a working folder");
    let up: PathBuf = place.components().skip(1).map(|_| "..").collect();
    let relative = up.join(folder.trim_start_matches('/'));
    assert!(relative.join("program").is_file(), "this path does lead there");
    for path in [relative.to_str().expect("a plain path"), "", ".", ":", "..:."] {
        assert!(found(path).is_err(), "{path:?}");
    }
    assert!(find("program", None).is_err());
}

#[tokio::test]
async fn the_environment_is_the_users_and_what_is_documented() {
    let stage = Stage::new("exec env -0 > \"$here/env\"");
    let facts = stage.facts();
    let ran = Runner::default().run(&stage.command(&[]), &facts).await;
    assert_eq!(ran.end, CommandEnd::Exited(0));
    let arrived = stage.read("env");
    let mut ours: Vec<String> = arrived
        .split(|&byte| byte == 0)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .filter(|line| line.starts_with("MEANWHILE_"))
        .collect();
    ours.sort();
    let path = |name: &str| stage.path(name).display().to_string();
    let wanted = [
        "MEANWHILE_BYTES=12345".to_owned(),
        format!("MEANWHILE_FILE={}", path("a b.iso")),
        format!("MEANWHILE_FILES={}\n{}", path("a b.iso"), path("$(touch x)\n.iso")),
        "MEANWHILE_FILE_COUNT=2".to_owned(),
        format!("MEANWHILE_JOB_ID={}", facts.id),
        "MEANWHILE_JOB_NAME=a job".to_owned(),
        "MEANWHILE_STATE=finished".to_owned(),
    ];
    assert_eq!(ours, wanted);
    let home = std::env::var("PATH").expect("a path");
    assert!(String::from_utf8_lossy(&arrived).contains(&format!("PATH={home}\0")), "the user's own is there");
}

#[test]
fn what_was_meant_for_us_is_not_passed_on() {
    let stage = Stage::new("");
    let users = [
        ("HOME", "/home/me"),
        ("MEANWHILE_STATE_DIR", "/secret"),
        ("MEANWHILE_FAULT", "an older one"),
        ("XDG_ACTIVATION_TOKEN", "t"),
        ("MEANWHILEX", "not ours"),
    ];
    let users = users.map(|(name, value)| (name.into(), value.into()));
    let failed = Facts { fault: Some("It\0broke.".into()), files: Vec::new(), ..stage.facts() };
    let all = environment(users.into_iter(), &failed);
    let of = |name: &str| {
        let values: Vec<_> = all.iter().filter(|(n, _)| n == name).map(|(_, value)| value.to_str()).collect();
        assert!(values.len() < 2, "{name} is there once");
        values.first().copied().flatten()
    };
    assert_eq!(of("HOME"), Some("/home/me"));
    assert_eq!(of("MEANWHILEX"), Some("not ours"));
    assert_eq!(of("MEANWHILE_STATE_DIR"), None);
    assert_eq!(of("XDG_ACTIVATION_TOKEN"), None);
    assert_eq!(of("MEANWHILE_FAULT"), Some("Itbroke."));
    assert_eq!(of("MEANWHILE_STATE"), Some("failed"));
    assert_eq!(of("MEANWHILE_FILE"), None);
    assert_eq!(of("MEANWHILE_FILES"), Some(""));
    assert_eq!(of("MEANWHILE_FILE_COUNT"), Some("0"));
    assert_eq!(all.len(), 9, "and nothing else");
}

#[tokio::test]
async fn a_job_of_very_many_files_does_not_keep_it_from_starting() {
    let stage = Stage::new("printf %s \"$MEANWHILE_FILES\" > \"$here/files\"");
    let files: Vec<PathBuf> = (0..10_000).map(|number| stage.path(&format!("{number:060}"))).collect();
    let facts = Facts { files: files.clone(), name: "ä".repeat(100_000), ..stage.facts() };
    let ran = Runner::default().run(&stage.command(&[]), &facts).await;
    assert_eq!(ran.end, CommandEnd::Exited(0));
    let arrived = String::from_utf8(stage.read("files")).expect("text");
    let arrived: Vec<PathBuf> = arrived.lines().map(PathBuf::from).collect();
    assert!(arrived.len() > 1000, "{}", arrived.len());
    assert_eq!(arrived, files[..arrived.len()], "only whole paths, from the first on");
}

#[tokio::test]
async fn a_path_that_is_no_utf8_arrives_and_a_folder_that_is_gone_is_no_hindrance() {
    let stage = Stage::new("printf %s \"$MEANWHILE_FILE\" > \"$here/file\"; pwd > \"$here/place\"");
    let odd = OsString::from_vec(b"/tmp/\xe4.iso".to_vec());
    let facts = Facts { files: vec![odd.into()], folder: stage.path("gone/for/good"), ..stage.facts() };
    let ran = Runner::default().run(&stage.command(&[]), &facts).await;
    assert_eq!(ran.end, CommandEnd::Exited(0));
    assert_eq!(stage.read("file"), b"/tmp/\xe4.iso");
    let place = stage.folder.path().canonicalize().expect("the folder");
    assert_eq!(stage.read("place"), format!("{}\n", place.display()).into_bytes());
    let nowhere = Facts { folder: PathBuf::new(), ..facts };
    assert_eq!(Runner::default().run(&stage.command(&[]), &nowhere).await.end, CommandEnd::Exited(0));
    assert_eq!(stage.read("place"), b"/\n");
}

#[tokio::test]
async fn the_end_of_what_it_says_is_kept_and_nothing_gets_stuck() {
    let stage = Stage::new("i=0; while [ $i -lt 20000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; exit 3");
    let ran = stage.run(&[]).await;
    assert_eq!(ran.end, CommandEnd::Exited(3));
    assert!(ran.said.ends_with("line 19998\nline 19999"), "{}", ran.said);
    assert!(ran.said.len() > KEPT_BYTES - 2 && ran.said.len() <= KEPT_BYTES, "{}", ran.said.len());
    let closes = Stage::new("echo first >&2; exec 2>&-; exit 4").run(&[]).await;
    assert_eq!(closes, Ran { end: CommandEnd::Exited(4), said: "first".into() });
}

#[tokio::test]
async fn what_it_leaves_behind_is_not_waited_for() {
    let stage =
        Stage::new("{ read line < \"$here/held\"; echo $line > \"$here/late\"; } & echo said >&2; exit 0");
    let held = stage.pipe("held");
    let late = stage.pipe("late");
    // It keeps its standard error open until it is let go below, and is alive then.
    let ran = stage.run(&[]).await;
    assert_eq!(ran, Ran { end: CommandEnd::Exited(0), said: "said".into() });
    spawn_blocking(move || {
        File::options()
            .write(true)
            .open(held)
            .and_then(|mut held| held.write_all(b"on\n"))
            .expect("the pipe");
        let mut line = String::new();
        BufReader::new(File::open(late).expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "on\n");
    })
    .await
    .expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn who_takes_too_long_is_asked_to_end() {
    let stage = Stage::new(
        "exec 3> \"$here/alive\"; trap 'echo bye >&3; exit 0' TERM; \
         sh -c 'echo ready >&3; exec sleep 100000' & while :; do wait; done",
    );
    let alive = stage.pipe("alive");
    let (runner, command, facts) = (Runner::default(), stage.command(&[]), stage.facts());
    let run = tokio::spawn(async move { runner.run(&command, &facts).await });
    let pipe = first_line(alive).await;
    // The clock goes on only while all wait for it: past the limit, into the grace.
    tokio::time::sleep(Limits::default().run + Duration::from_secs(1)).await;
    // Now something waits in another thread, so it stands, and the grace does not end.
    let rest = end_of_all(pipe).await;
    assert_eq!(rest, "bye\n", "and the sleeper of its group has ended too");
    assert_eq!(run.await.expect("no panic").end, CommandEnd::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_end_is_made_to_with_all_it_has_started() {
    let stage = Stage::new(
        "exec 3> \"$here/alive\"; trap '' TERM; sleep 100000 & echo stuck >&2; echo ready >&3; while :; do wait; done",
    );
    let alive = stage.pipe("alive");
    let (runner, command, facts) = (Runner::default(), stage.command(&[]), stage.facts());
    let began = Instant::now();
    let run = tokio::spawn(async move { runner.run(&command, &facts).await });
    let pipe = first_line(alive).await;
    let ran = run.await.expect("no panic");
    assert_eq!(ran, Ran { end: CommandEnd::TimedOut, said: "stuck".into() });
    let limits = Limits::default();
    assert_eq!(began.elapsed().as_secs(), (limits.run + limits.grace).as_secs());
    assert_eq!(end_of_all(pipe).await, "");
}

#[tokio::test]
async fn dropped_it_ends_with_all_it_has_started() {
    let stage = Stage::new("exec 3> \"$here/alive\"; sleep 100000 & echo ready >&3; wait");
    let alive = stage.pipe("alive");
    let (runner, command, facts) = (Runner::default(), stage.command(&[]), stage.facts());
    let run = tokio::spawn(async move { runner.run(&command, &facts).await });
    let pipe = first_line(alive).await;
    run.abort();
    assert!(run.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(end_of_all(pipe).await, "");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_four_run_at_once() {
    let stage = Stage::new("exec sleep 100000");
    let runner = std::sync::Arc::new(Runner::default());
    let began = Instant::now();
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..=AT_ONCE {
        let (runner, command, facts) = (runner.clone(), stage.command(&[]), stage.facts());
        runs.spawn(async move { runner.run(&command, &facts).await.end });
    }
    assert!(runs.join_all().await.iter().all(|end| *end == CommandEnd::TimedOut));
    let limits = Limits::default();
    let elapsed = began.elapsed();
    assert!(
        elapsed >= 2 * limits.run && elapsed <= 2 * (limits.run + limits.grace + limits.grace),
        "{elapsed:?}"
    );
}

#[test]
fn only_a_job_that_has_ended_has_facts() {
    let new = crate::job::NewJob::of("https://example.org/a.iso", "/home/me");
    let mut job = new.into_job(JobId::random(), 0).expect("a job").0;
    let fault = Fault::new(FaultKind::Status(404), "GET https://example.org/a.iso");
    assert_eq!(Facts::of(&job), None);
    job.state = JobState::Error(fault.clone());
    let facts = Facts::of(&job).expect("facts");
    assert_eq!((facts.files.len(), facts.bytes, facts.fault), (0, 0, Some(fault.to_string())));
    assert_eq!(facts.folder, Path::new("/home/me"));
    job.state = JobState::Acknowledged;
    job.files[0].finished = true;
    job.files[0].name = Some("a.iso".into());
    job.files[0].synced = Extents::from_start(7);
    let facts = Facts::of(&job).expect("facts");
    assert_eq!((facts.files, facts.bytes, facts.fault), (vec!["/home/me/a.iso".into()], 7, None));
    assert_eq!(facts.name, "a.iso");
}
