//! The command for a job's end.

use meanwhile::engine::Change;
use meanwhile::job::{Event, FinishCommand, NewFile, NewJob};

use crate::stage::Service;
use crate::support::nginx::Nginx;
use crate::support::program::Home;
use crate::support::{SOON, content, read, until, write};

fn shell(script: &str) -> FinishCommand {
    FinishCommand { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] }
}

fn lines(home: &Home, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(home.file(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn it_runs_once_after_success_and_knows_the_job() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let mut service = Service::start(&[]);
    let files = ["one", "two"].map(|name| {
        let url = nginx.put(name, &content(1, 5000));
        NewFile { url, file_name: Some(format!("{name} file")), ..NewFile::default() }
    });
    let script = "pwd >> ran; env | grep ^MEANWHILE_ | sort > told.new; mv told.new told";
    let id = service.add(NewJob {
        name: Some("A pair; $(touch no)".into()),
        files: files.into(),
        finish: Some(shell(script)),
        ..NewJob::default()
    });
    service.wait_finished(id);
    let told = until("it has run", SOON, || {
        service.home.file("told").exists().then(|| lines(&service.home, "told"))
    });
    let folder = service.home.files();
    let folder = folder.display();
    let expected = [
        "MEANWHILE_BYTES=10000".to_owned(),
        format!("MEANWHILE_FILE={folder}/one file"),
        format!("MEANWHILE_FILES={folder}/one file"),
        "MEANWHILE_FILE_COUNT=2".to_owned(),
        format!("MEANWHILE_JOB_ID={id}"),
        "MEANWHILE_JOB_NAME=A pair; $(touch no)".to_owned(),
        "MEANWHILE_STATE=finished".to_owned(),
    ];
    // The second line of MEANWHILE_FILES has no name before it, and so was left out by grep.
    assert_eq!(told, expected);
    let set = service.wait_log(Some(id), 6);
    assert!(matches!(&set, Event::ProgramSet { command } if command.contains("/bin/sh")), "{set:?}");
    let said = until("its end in the log", SOON, || {
        service
            .log(Some(id))
            .into_iter()
            .map(|entry| entry.event.sentence())
            .find(|said| said.contains("ran."))
    });
    assert!(said.contains("did its work"), "{said}");
    // It was done, and that is on disk: another start does not do it again.
    service.kill();
    service.start_again();
    let other =
        service.add(NewJob { finish: Some(shell("echo other >> ran")), ..NewJob::of(nginx.url("one"), "") });
    service.wait_finished(other);
    until("the other has run", SOON, || {
        lines(&service.home, "ran").contains(&"other".to_owned()).then_some(())
    });
    assert_eq!(lines(&service.home, "ran").len(), 2, "once each");
}

#[test]
fn one_that_fails_is_in_the_log_with_its_exit_code_and_comes_again() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[]);
    let url = nginx.put("file", &content(1, 5000));
    // Of a job that failed as well: then it is told why.
    let good = service.add(NewJob { finish: Some(shell("echo oh no >&2; exit 3")), ..NewJob::of(&url, "") });
    let bad = service.add(NewJob {
        finish: Some(shell("echo \"$MEANWHILE_STATE $MEANWHILE_FAULT\" > why; kill -9 $$")),
        ..NewJob::of(nginx.url("not-there"), "")
    });
    let nowhere = FinishCommand { program: "/not/there".into(), args: Vec::new() };
    let missing = service.add(NewJob { finish: Some(nowhere), ..NewJob::of(&url, "") });
    for (id, number, word) in
        [(good, 63, "exit code 3"), (bad, 63, "signal 9"), (missing, 64, "no such program")]
    {
        let (how, again) = match service.wait_log(Some(id), number) {
            Event::ProgramFailed { how, again_in_secs } | Event::ProgramNotStarted { how, again_in_secs } => {
                (how, again_in_secs)
            }
            other => panic!("{other:?}"),
        };
        assert!(how.contains(word), "{how}");
        assert_eq!(again, Some(60));
    }
    let failed = service.wait_log(Some(good), 63).sentence();
    assert!(failed.contains("oh no") && failed.contains("again in 1 min"), "{failed}");
    let why = lines(&service.home, "why").concat();
    assert!(why.starts_with("failed ") && why.contains("404"), "{why}");
    assert!(service.snapshot().busy, "a program that is to be run again is something to do");
    // The job itself is what it was.
    service.wait_finished(good);
}

#[test]
fn one_that_a_crash_or_an_end_interrupted_runs_again_at_the_next_start() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let mut service = Service::start(&[]);
    let url = nginx.put("file", &content(1, 5000));
    let script = "echo began >> began; while [ ! -e go ]; do sleep 0.05; done; echo done >> done";
    let id = service.add(NewJob::of(&url, ""));
    service.wait_finished(id);
    // One that is set while the job is under way counts too.
    let id = service.add(NewJob { paused: true, ..NewJob::of(&url, "") });
    service.change(id, Change::SetFinish(Some(shell(script))));
    service.change(id, Change::Resume);
    let began = |service: &Service, times: usize| {
        until("it has begun", SOON, || (lines(&service.home, "began").len() == times).then_some(()));
    };
    began(&service, 1);
    service.stop();
    service.start_again();
    began(&service, 2);
    service.kill();
    service.start_again();
    began(&service, 3);
    assert!(service.snapshot().busy);
    write(&service.home.file("go"), b"");
    until("it is over", SOON, || (!service.snapshot().busy).then_some(()));
    // The one the killed program left behind ends as well, perhaps after the other; the one that was ended does not.
    until("both are done", SOON, || (read(&service.home.file("done")).len() == 2 * 5).then_some(()));
    assert!(!service.view(id).job.at_end.run);
}
