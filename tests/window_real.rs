//! The real window, on a display of its own: seen, used by keyboard, closed.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::time::{Duration, Instant};

use support::display::{Display, colours, difference};
use support::nginx::Nginx;
use support::program::{Home, Program};
use support::{SOON, assert_is, content, nap, until};

/// A window that is up, with everything around it. The window goes first.
struct Stage {
    program: Program,
    window: String,
    display: Display,
    nginx: Nginx,
    home: Home,
    _root: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let nginx = Nginx::start(root.path());
        let (home, display) = (Home::new(), Display::start());
        let mut command = home.command([""; 0]);
        let program = Program::start(display.show(&mut command));
        let deadline = Instant::now() + SOON;
        let window = loop {
            match &display.windows("^Meanwhile$")[..] {
                [] => {}
                [window] => break window.clone(),
                more => panic!("several windows: {more:?}"),
            }
            assert!(Instant::now() < deadline, "no window on {}: {:#?}", display.name(), program.interrupt());
        };
        let stage = Self { program, window, display, nginx, home, _root: root };
        stage.display.focus(&stage.window);
        stage
    }

    /// Waits until the window is painted and nothing in it moves.
    #[track_caller]
    fn settled(&self) -> image::RgbaImage {
        let mut last = self.display.picture_where("a painted window", |picture| colours(picture) > 200);
        until("a picture that stays", SOON, || {
            let now = self.display.picture();
            let is_same = difference(&last, &now) == 0;
            last = now;
            is_same.then(|| last.clone())
        })
    }

    /// Clock ticks the processor spent on the window's process so far.
    fn ticks(&self) -> u64 {
        let stat = support::read(format!("/proc/{}/stat", self.program.id()).as_ref());
        let stat = String::from_utf8_lossy(&stat).into_owned();
        // The name in brackets may hold anything; user and system time are fields 14 and 15.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    }
}

#[test]
fn the_window_is_painted_and_shows_what_the_command_line_queues() {
    let stage = Stage::new();
    let empty = stage.settled();
    let url = stage.nginx.put("queued by command.iso", b"bytes").replace(' ', "%20");
    let id = stage.home.add(&url, &["--paused", "--name", "A download with a name"]);
    assert_eq!(stage.home.job(&id)["state"], "suspended");
    // A row of text is some thousand pixels.
    let with_row = stage.display.picture_where("a new row", |picture| difference(&empty, picture) > 1000);
    let row = stage.settled();
    assert!(colours(&with_row) > 200);

    stage.home.run(["resume", &id]).fine();
    stage.home.job_is(&id, "acknowledged");
    assert_is(&stage.home.file("queued by command.iso"), b"bytes");
    stage.display.picture_where("its new state", |picture| difference(&row, picture) > 50);
}

#[test]
fn a_download_is_queued_through_the_dialog_by_keyboard() {
    let stage = Stage::new();
    let list = stage.settled();
    let bytes = content(1, 700_000);
    let url = stage.nginx.put("by-keyboard.bin", &bytes);
    stage.display.key("ctrl+n");
    stage.display.picture_where("the dialog", |picture| difference(&list, picture) > 50_000);
    stage.display.write(&url);
    // While it is open, the dialog asks the server what it has.
    stage.nginx.log_of(1);
    stage.display.key("ctrl+Return");
    let job = until("the download", SOON, || stage.home.list().into_iter().next());
    assert_eq!(job["url"], url.as_str());
    let job = stage.home.job_is(job["id"].as_str().expect("an id"), "acknowledged");
    let path = job["path"].as_str().expect("a path");
    assert!(
        path.starts_with(stage.home.state().parent().and_then(|home| home.to_str()).expect("a home")),
        "{path}"
    );
    assert_is(path.as_ref(), &bytes);
    // The dialog is gone and the list has a row.
    stage.display.picture_where("the list again", |picture| difference(&list, picture) < 200_000);
}

#[test]
fn a_second_start_shows_the_window_that_is_there() {
    let mut stage = Stage::new();
    stage.settled();
    for _ in 0..2 {
        let mut command = stage.home.command([""; 0]);
        Program::start(stage.display.show(&mut command)).end().fine();
    }
    // Nor does it take a display of its own to do so.
    stage.home.run([""; 0]).fine();
    assert_eq!(stage.display.windows("^Meanwhile$"), [stage.window.clone()]);
    assert!(!stage.program.has_ended());
    let said = stage.home.run(["run"]).code(5);
    assert!(said.err.contains("running already"), "{said:#?}");
}

#[test]
fn closing_ends_the_process_when_nothing_is_left_to_do() {
    let stage = Stage::new();
    stage.settled();
    let id = stage.home.add("http://127.0.0.1:9/held", &["--paused"]);
    stage.display.close(&stage.window);
    stage.program.end().fine();
    assert_eq!(stage.home.list()[0]["id"], id.as_str());
}

#[test]
fn closing_asks_while_downloads_run_and_a_signal_does_not() {
    let stage = Stage::new();
    let url = stage.nginx.put("slow.bin", &content(2, 3_000_000)) + "?rate=300k";
    let id = stage.home.add(&url, &[]);
    stage.home.job_is(&id, "transferring");
    let list = stage.display.picture();
    stage.display.close(&stage.window);
    stage.display.picture_where("a question", |picture| difference(&list, picture) > 50_000);
    assert_eq!(stage.home.job(&id)["state"], "transferring");
    stage.program.signal(rustix::process::Signal::TERM);
    stage.program.end().fine();
    let job = stage.home.job(&id);
    assert_eq!(job["state"], "queued", "it goes on at the next start: {job}");
    assert!(job["done_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{job}");
}

/// Closes the window while a download runs, and answers the question as it proposes: to go on without a window.
fn close_and_keep_downloading(stage: &Stage) {
    let list = stage.display.picture();
    stage.display.close(&stage.window);
    stage.display.picture_where("a question", |picture| difference(&list, picture) > 50_000);
    stage.display.key("Return");
    until("the window to go", SOON, || stage.display.windows("^Meanwhile$").is_empty().then_some(()));
}

#[test]
fn a_closed_window_lets_downloads_go_on_and_the_process_end_after_them() {
    let stage = Stage::new();
    let bytes = content(4, 2_000_000);
    let id = stage.home.add(&(stage.nginx.put("file.bin", &bytes) + "?rate=400k"), &[]);
    stage.home.job_is(&id, "transferring");
    close_and_keep_downloading(&stage);
    assert_eq!(stage.home.job(&id)["state"], "transferring");
    stage.program.end().fine();
    assert_is(&stage.home.file("file.bin"), &bytes);
    assert_eq!(stage.nginx.log().len(), 1, "in one go");
}

#[test]
fn a_closed_window_is_opened_again_by_the_next_start() {
    let mut stage = Stage::new();
    let id = stage.home.add(&(stage.nginx.put("file.bin", &content(5, 9_000_000)) + "?rate=400k"), &[]);
    stage.home.job_is(&id, "transferring");
    close_and_keep_downloading(&stage);
    stage.home.run([""; 0]).fine();
    let windows = || Some(stage.display.windows("^Meanwhile$")).filter(|windows| !windows.is_empty());
    let windows = until("the window again", SOON, windows);
    assert_eq!(windows.len(), 1);
    stage.display.picture_where("a painted window", |picture| colours(picture) > 200);
    assert_eq!(stage.home.job(&id)["state"], "transferring");
    assert_eq!(stage.nginx.log().len(), 0, "it is still the first request");
    assert!(!stage.program.has_ended());
    stage.program.signal(rustix::process::Signal::TERM);
    stage.program.end().fine();
}

#[test]
fn a_window_that_rests_costs_nothing() {
    let stage = Stage::new();
    stage.home.add("http://127.0.0.1:9/held", &["--paused"]);
    stage.settled();
    // Notes fade and the cursor blinks for a while; then two seconds must pass without any work.
    let began = Instant::now();
    until("two seconds of rest", SOON, || {
        let before = stage.ticks();
        // This time is what is measured.
        nap(Duration::from_secs(2));
        (stage.ticks() - before <= 1).then_some(())
    });
    eprintln!("at rest after {:?}", began.elapsed());
}

#[test]
fn a_display_that_goes_away_takes_no_download_along() {
    let Stage { program, display, nginx, home, _root, .. } = Stage::new();
    let bytes = content(3, 1_500_000);
    let id = home.add(&(nginx.put("file.bin", &bytes) + "?rate=700k"), &[]);
    home.job_is(&id, "transferring");
    drop(display);
    // What the desktop's libraries say of it is their affair, and they end the process.
    program.end();
    home.run(["run", "--until-empty"]).fine();
    assert_is(&home.file("file.bin"), &bytes);
}
