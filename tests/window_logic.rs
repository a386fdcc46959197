//! The window's logic, without a display: the real window on an engine that the test plays itself. It reads
//! the commands, answers them and publishes snapshots. Nothing here waits for real time.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that finds nothing to press has failed")]

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use meanwhile::engine::{
    Border, Change, Command, Envelope, JobView, Probe, RateSample, Refusal, Reply, Snapshot, Theme, border,
};
use meanwhile::job::{
    Fault, FaultKind, JobId, JobState, NewFile, NewHeader, NewJob, Priority, Rate, Waiting, Why,
};
use meanwhile::window::{App, Door};

/// The window and the engine's end of the border.
struct Stage {
    window: Harness<'static, App>,
    border: Border,
    number: u64,
}

impl Stage {
    fn new(jobs: Vec<JobView>) -> Self {
        let (handle, border) = border(snapshot(jobs, 1));
        let window = Harness::builder()
            .with_size(vec2(1180.0, 760.0))
            .with_step_dt(0.1)
            .with_max_steps(8)
            .build_eframe(move |creation| App::new(&creation.egui_ctx, handle, Door::new()));
        let mut stage = Self { window, border, number: 1 };
        stage.window.run();
        stage
    }

    fn publish(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let mut next = Snapshot::clone(&self.border.published());
        self.number += 1;
        next.number = self.number;
        change(&mut next);
        self.border.publish(next);
        self.window.run();
    }

    fn next(&mut self) -> Option<Envelope> {
        self.border.commands.try_recv().ok()
    }

    /// The next command, answered with "done".
    fn command(&mut self) -> Command {
        let Envelope { command, answer } = self.next().expect("a command");
        self.border.answer(answer, Ok(Reply::Done));
        self.window.run();
        command
    }

    fn is_quiet(&mut self) -> bool {
        self.next().is_none()
    }

    fn click(&mut self, label: &str) {
        self.window.get_by_label(label).click();
        self.window.run();
    }

    fn click_row(&mut self, name: &str, modifiers: Modifiers) {
        let row = self.window.get_by_role_and_label(Role::ListItem, name);
        row.click_modifiers(modifiers);
        self.window.run();
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.run();
    }

    fn type_into(&mut self, label: &str, text: &str) {
        let field = self.field(label);
        field.focus();
        self.window.run();
        self.field(label).type_text(text);
        self.window.run();
    }

    fn field<'a>(&'a self, label: &'a str) -> egui_kittest::Node<'a> {
        let is_field = |role| matches!(role, Role::TextInput | Role::MultilineTextInput);
        let mut found = self.window.query_all_by_label(label).filter(|n| is_field(n.accesskit_node().role()));
        found.next().unwrap_or_else(|| panic!("no field {label}"))
    }

    /// Presses a button of which there is an icon in the name, or one of several so called.
    fn press(&mut self, label: &str) {
        let node = {
            let all = self.window.query_all_by_label_contains(label);
            let mut buttons = all.filter(|node| node.accesskit_node().role() == Role::Button);
            buttons.next().unwrap_or_else(|| panic!("no button {label}"))
        };
        node.click();
        self.window.run();
    }

    fn shows(&self, label: &str) -> bool {
        self.window.query_all_by_label_contains(label).next().is_some()
    }

    /// The names in the list, from top to bottom.
    fn names(&self) -> Vec<String> {
        let mut rows: Vec<_> = self
            .window
            .query_all_by_role(Role::ListItem)
            .map(|row| (row.rect().top(), row.accesskit_node().label().unwrap_or_default().clone()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, name)| name).collect()
    }

    /// Frames go by until half a second has passed on the window's clock.
    fn let_time_pass(&mut self) {
        self.window.run_steps(5);
        self.window.run();
    }

    fn refuse(&mut self, refusal: Refusal) {
        let envelope = self.next().expect("a command");
        self.border.answer(envelope.answer, Err(refusal));
        self.window.run();
    }
}

fn snapshot(jobs: Vec<JobView>, number: u64) -> Snapshot {
    Snapshot {
        number,
        jobs: jobs.into_iter().map(Arc::new).collect(),
        download_folder: "/home/ada/Downloads".into(),
        free_bytes: Some(412 << 30),
        ..Snapshot::default()
    }
}

fn job(name: &str, state: JobState, done: u64, total: u64) -> JobView {
    let new = NewJob::of(format!("https://example.org/{name}"), "/tmp");
    let (mut job, _) = new.into_job(JobId::random(), 1_000).expect("a good address");
    job.state = state;
    job.files[0].total_bytes = Some(total);
    JobView { done_bytes: done, ..JobView::resting(Arc::new(job)) }
}

fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "the particulars")
}

fn one_of_each() -> Vec<JobView> {
    let waiting =
        Waiting { why: Why::BackOff(fault(FaultKind::Stalled)), until_unix_secs: Some(u64::MAX / 2) };
    vec![
        job("running.iso", JobState::Transferring, 62, 100),
        job("waiting.zip", JobState::Waiting(waiting), 10, 300),
        job("paused.mp4", JobState::Suspended, 71, 100),
        job("failed.bin", JobState::Error(fault(FaultKind::Status(404))), 5, 50),
        job("queued.pdf", JobState::Queued, 0, 500),
    ]
}

#[test]
fn an_empty_list_says_what_to_do() {
    let mut stage = Stage::new(Vec::new());
    assert!(stage.shows("Nothing here yet"));
    assert!(stage.shows("Paste a link with Ctrl+V, or press Add"));
    stage.press("Add a download…");
    assert!(stage.shows("Add downloads"));
}

#[test]
fn every_job_is_shown_in_words() {
    let stage = Stage::new(one_of_each());
    for words in [
        "62 %",
        "Waiting: nothing arrived for 30 seconds",
        "Paused at 71 %",
        "The file is not on the server (404)",
        "Queued",
        "Downloading 1 file at",
        "1 active · 412 GiB free · no cap",
    ] {
        assert!(stage.shows(words), "{words}");
    }
    assert_eq!(stage.names(), ["running.iso", "waiting.zip", "paused.mp4", "failed.bin", "queued.pdf"]);
}

#[test]
fn adding_probes_shows_and_sends() {
    let mut stage = Stage::new(Vec::new());
    stage.key(Modifiers::COMMAND, Key::N);
    stage.type_into("Addresses", "https://example.org/big.iso");
    stage.let_time_pass();
    let probe = stage.next().expect("a probe");
    let Command::Probe(asked) = probe.command else { panic!("not a probe: {:?}", probe.command) };
    assert_eq!(asked.files[0].url, "https://example.org/big.iso");
    let answer = Probe {
        name: "big-1.0.iso".into(),
        total_bytes: Some(3 << 30),
        resumable: true,
        final_url: asked.files[0].url.clone(),
        free_bytes: None,
    };
    stage.border.answer(probe.answer, Ok(Reply::Probed(answer)));
    stage.window.run();
    assert!(stage.shows("big-1.0.iso"));
    assert!(stage.shows("3.0 GiB · can resume"));
    assert!(stage.shows("412 GiB free"));

    stage.type_into("File name", "mine.iso");
    stage.press("More");
    stage.type_into("Cap of this download", "1.5M");
    stage.type_into("Headers", "Referer: https://example.org/");
    stage.click("Start paused");
    stage.let_time_pass();
    // With another header the answer may be another one.
    assert!(matches!(stage.command(), Command::Probe(_)));
    stage.click("Download");
    let file = NewFile {
        url: "https://example.org/big.iso".into(),
        file_name: Some("mine.iso".into()),
        ..NewFile::default()
    };
    let wanted = NewJob {
        files: vec![file],
        folder: "/home/ada/Downloads".into(),
        priority: Priority::Normal,
        limit: Rate::from_bytes_per_sec(1_572_864),
        headers: vec![NewHeader { name: "Referer".into(), value: "https://example.org/".into() }],
        paused: true,
        asked_by: format!("the window (process {})", std::process::id()),
        ..NewJob::default()
    };
    let envelope = stage.next().expect("an addition");
    assert_eq!(envelope.command, Command::Add(vec![wanted]));

    stage.border.answer(envelope.answer, Err(Refusal::Fault(fault(FaultKind::NoFolder))));
    stage.window.run();
    assert!(stage.shows("The folder is not there"), "a refusal keeps the dialog open");

    stage.click("Download");
    let envelope = stage.next().expect("another try");
    stage.border.answer(envelope.answer, Ok(Reply::Added(vec![JobId::random()])));
    stage.window.run();
    assert!(!stage.shows("Add downloads"));
    assert!(stage.is_quiet(), "the folder was the usual one");
}

#[test]
fn a_pasted_link_opens_the_dialog_and_is_asked_at_once() {
    let mut stage = Stage::new(one_of_each());
    let text = "https://example.org/a.iso\nhttps://example.org/running.iso nonsense://x/y";
    stage.window.event(egui::Event::Paste(text.into()));
    stage.window.run();
    stage.window.run();
    let mut asked = Vec::new();
    while let Some(envelope) = stage.next() {
        if let Command::Probe(new) = envelope.command {
            asked.push(new.files[0].url.clone());
        }
    }
    assert_eq!(asked, ["https://example.org/a.iso", "https://example.org/running.iso"]);
    assert!(stage.shows("already in the list"));
    assert!(stage.shows("This kind of address cannot be downloaded"));
    assert!(stage.shows("2 files"));
}

#[test]
fn a_pasted_list_says_where_its_files_go() {
    let mut stage = Stage::new(Vec::new());
    let text = "https://example.org/[1-2].jpg\nhttps://example.org/x\n  out=sub/y.iso\n  split=5\n";
    stage.window.event(egui::Event::Paste(text.into()));
    stage.window.run();
    assert!(stage.shows("3 files"));
    assert!(stage.shows("into sub"));
    assert!(stage.shows("“split” is not known and was left out."));
    stage.key(Modifiers::COMMAND, Key::Enter);
    let jobs = loop {
        if let Command::Add(jobs) = stage.next().expect("an addition").command {
            break jobs;
        }
    };
    let files = jobs.iter().map(|job| {
        let folder =
            if job.files[0].folder.as_os_str().is_empty() { &job.folder } else { &job.files[0].folder };
        (job.files[0].url.as_str(), folder.display().to_string(), job.files[0].file_name.as_deref())
    });
    let folder = "/home/ada/Downloads".to_owned();
    assert_eq!(
        files.collect::<Vec<_>>(),
        [
            ("https://example.org/1.jpg", folder.clone(), None),
            ("https://example.org/2.jpg", folder.clone(), None),
            ("https://example.org/x", folder + "/sub", Some("y.iso")),
        ]
    );
}

#[test]
fn a_long_list_asks_few_servers() {
    let mut stage = Stage::new(Vec::new());
    stage.window.event(egui::Event::Paste("https://example.org/[1-100000].jpg".into()));
    stage.window.run();
    assert!(stage.shows("100000 files"));
    let mut asked = 0;
    while let Some(envelope) = stage.next() {
        assert!(matches!(envelope.command, Command::Probe(_)));
        asked += 1;
        stage.border.answer(envelope.answer, Err(Refusal::Fault(fault(FaultKind::HostNotFound))));
        stage.window.run();
    }
    assert_eq!(asked, 200);
}

#[test]
fn another_folder_is_remembered_once_it_was_used() {
    let mut stage = Stage::new(Vec::new());
    stage.window.event(egui::Event::Paste("https://example.org/a".into()));
    stage.window.run();
    stage.type_into("Folder", "/Linux");
    stage.key(Modifiers::COMMAND, Key::Enter);
    let add = loop {
        let envelope = stage.next().expect("an addition");
        if matches!(envelope.command, Command::Add(_)) {
            break envelope;
        }
    };
    stage.border.answer(add.answer, Ok(Reply::Added(vec![JobId::random()])));
    stage.window.run();
    assert_eq!(stage.command(), Command::SetDownloadFolder("/home/ada/Downloads/Linux".into()));
}

#[test]
fn pausing_and_resuming_act_on_what_is_selected() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.click_row("running.iso", Modifiers::NONE);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[0]], Change::Suspend));
    stage.click_row("paused.mp4", Modifiers::NONE);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[2]], Change::Resume));
    stage.click("Pause all");
    assert_eq!(stage.command(), Command::Change(vec![ids[0], ids[1], ids[4]], Change::Suspend));
    stage.click("Resume all");
    assert_eq!(stage.command(), Command::Change(vec![ids[2]], Change::Resume));
}

#[test]
fn cancelling_asks_when_something_would_be_lost() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.click_row("running.iso", Modifiers::NONE);
    stage.press("Cancel…");
    assert!(stage.shows("Cancel “running.iso” and delete the 62 B fetched so far?"));
    stage.click("Keep it");
    assert!(stage.is_quiet());
    stage.press("Cancel…");
    stage.click("Cancel download");
    assert_eq!(stage.command(), Command::Change(vec![ids[0]], Change::Cancel));
    // Nothing fetched, nothing asked.
    stage.click_row("queued.pdf", Modifiers::NONE);
    stage.press("Cancel…");
    assert_eq!(stage.command(), Command::Change(vec![ids[4]], Change::Cancel));
    stage.key(Modifiers::NONE, Key::Delete);
    assert!(stage.shows("Remove “queued.pdf” before it is finished?"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(stage.is_quiet());
}

#[test]
fn a_refusal_is_shown_and_goes_away() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Pause all");
    stage.refuse(Refusal::NotSaved("The disk is full, so nothing was changed.".into()));
    assert!(stage.shows("The disk is full, so nothing was changed."));
    stage.click("Dismiss");
    assert!(!stage.shows("The disk is full, so nothing was changed."));
}

#[test]
fn the_slider_sets_the_cap() {
    let mut stage = Stage::new(Vec::new());
    stage.window.get_by_role_and_label(Role::Slider, "Cap").focus();
    stage.window.run();
    stage.key(Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(1 << 30)));
    stage.publish(|snapshot| snapshot.limit = Rate::from_bytes_per_sec(1 << 30));
    stage.key(Modifiers::NONE, Key::Home);
    stage.let_time_pass();
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(16 << 10)));
    // An older snapshot does not pull it back.
    stage.publish(|_| {});
    let slider = stage.window.get_by_role_and_label(Role::Slider, "Cap");
    assert_eq!(slider.accesskit_node().value().as_deref(), Some("16.0 KiB/s"));
}

#[test]
fn the_cap_can_be_typed() {
    let mut stage = Stage::new(Vec::new());
    stage.type_into("Cap as a number", "1.5M");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(stage.command(), Command::SetLimit(Rate::from_bytes_per_sec(1_572_864)));
    stage.publish(|snapshot| snapshot.limit = Rate::from_bytes_per_sec(1_572_864));
    stage.type_into("Cap as a number", "fast");
    stage.key(Modifiers::NONE, Key::Enter);
    assert!(stage.is_quiet());
    assert!(stage.shows("“fast” is no rate"));
}

#[test]
fn searching_and_filtering_narrow_the_list() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Failed, 1");
    assert_eq!(stage.names(), ["failed.bin"]);
    stage.click("Waiting, 3");
    assert_eq!(stage.names(), ["waiting.zip", "paused.mp4", "queued.pdf"]);
    stage.click("Finished, 0");
    assert!(stage.shows("Nothing is finished yet"));
    stage.click("All, 5");
    stage.key(Modifiers::COMMAND, Key::F);
    stage.field("Search downloads").type_text("running");
    stage.window.run();
    assert_eq!(stage.names(), ["running.iso"]);
    stage.field("Search downloads").type_text("x");
    stage.window.run();
    assert!(stage.shows("Nothing found for “runningx”"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert_eq!(stage.names().len(), 5);
}

#[test]
fn headers_sort_and_let_go() {
    let mut stage = Stage::new(one_of_each());
    stage.click("Sort by size");
    assert_eq!(stage.names()[0], "queued.pdf");
    stage.click("Sort by size, sorted");
    assert_eq!(stage.names()[4], "queued.pdf");
    stage.click("Sort by size, sorted the other way");
    assert_eq!(stage.names()[0], "running.iso");
    stage.click("Sort by name");
    assert_eq!(stage.names()[0], "failed.bin");
}

#[test]
fn the_keyboard_selects() {
    let jobs = one_of_each();
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let mut stage = Stage::new(jobs);
    stage.key(Modifiers::NONE, Key::ArrowDown);
    stage.key(Modifiers::NONE, Key::ArrowDown);
    stage.key(Modifiers::SHIFT, Key::ArrowDown);
    assert!(stage.shows("2 selected"));
    stage.key(Modifiers::COMMAND, Key::R);
    assert_eq!(stage.command(), Command::Change(vec![ids[1]], Change::Resume), "only what waits");
    stage.key(Modifiers::COMMAND, Key::A);
    assert!(stage.shows("5 selected"));
    stage.key(Modifiers::NONE, Key::End);
    stage.key(Modifiers::NONE, Key::Space);
    assert_eq!(stage.command(), Command::Change(vec![ids[4]], Change::Suspend));
    stage.key(Modifiers::NONE, Key::Home);
    stage.click_row("paused.mp4", Modifiers::COMMAND);
    assert!(stage.shows("2 selected"));
    stage.key(Modifiers::NONE, Key::Escape);
    assert!(!stage.shows("selected"));
}

#[test]
fn the_menu_changes_the_priority() {
    let jobs = one_of_each();
    let id = jobs[0].job.id;
    let mut stage = Stage::new(jobs);
    stage.window.get_by_role_and_label(Role::ListItem, "running.iso").click_secondary();
    stage.window.run();
    stage.window.get_by_label_contains("Priority").click();
    stage.window.run();
    stage.click("Low");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::SetPriority(Priority::Low)));
}

#[test]
fn details_explain_a_fault_and_offer_the_way_out() {
    let jobs = one_of_each();
    let id = jobs[3].job.id;
    let mut stage = Stage::new(jobs);
    stage.click_row("failed.bin", Modifiers::NONE);
    stage.click("Details");
    assert!(stage.shows("The address is mistyped, or the file was moved or deleted."));
    assert!(stage.shows("the particulars"));
    stage.press("Retry now");
    assert_eq!(stage.command(), Command::Change(vec![id], Change::Resume));
    stage.type_into("Cap of this download", "500K");
    stage.key(Modifiers::NONE, Key::Enter);
    assert_eq!(
        stage.command(),
        Command::Change(vec![id], Change::SetLimit(Rate::from_bytes_per_sec(512_000)))
    );
}

#[test]
fn the_graph_says_its_average() {
    let mut view = job("running.iso", JobState::Transferring, 62, 100);
    let sample = |at| RateSample { at, rate_bps: 2_097_152.0, cap_bps: Some(4e6) };
    view.history = Arc::new((0..200).filter(|at| !(80..120).contains(at)).map(sample).collect());
    let mut stage = Stage::new(vec![view]);
    stage.click_row("running.iso", Modifiers::NONE);
    assert!(stage.shows("Speed over time, average 2.0 MiB/s"));
    stage.click("1 min");
    assert!(stage.shows("Speed over time, average 2.0 MiB/s"));
}

#[test]
fn light_or_dark_is_the_users_choice() {
    let mut stage = Stage::new(vec![]);
    assert!(!stage.window.ctx.global_style().visuals.dark_mode);
    stage.click("Appearance");
    stage.click("Dark");
    assert_eq!(stage.command(), Command::SetTheme(Theme::Dark));
    stage.publish(|snapshot| snapshot.theme = Theme::Dark);
    assert!(stage.window.ctx.global_style().visuals.dark_mode);
}

#[test]
fn notices_stay_until_they_are_read() {
    let mut stage = Stage::new(Vec::new());
    stage.publish(|snapshot| snapshot.notices = Arc::new(vec!["The queue was repaired.".into()]));
    assert!(stage.shows("The queue was repaired."));
    stage.click("Dismiss notice");
    assert!(!stage.shows("The queue was repaired."));
}

#[test]
fn an_engine_that_is_gone_is_told_of() {
    let Stage { mut window, border, .. } = Stage::new(one_of_each());
    drop(border);
    window.run();
    assert!(window.query_by_label_contains("engine has stopped").is_some());
}

#[test]
fn a_hundred_thousand_jobs_are_no_trouble() {
    let jobs = (0..100_000).map(|n| job(&format!("file-{n:06}"), JobState::Queued, 0, n)).collect();
    let mut stage = Stage::new(jobs);
    assert!(stage.names().len() < 30, "only what can be seen is drawn");
    stage.key(Modifiers::NONE, Key::End);
    assert_eq!(stage.names().last().map(String::as_str), Some("file-099999"));
    stage.type_into("Search downloads", "file-05432");
    assert_eq!(stage.names().len(), 10);
}

#[test]
fn nothing_is_painted_while_nothing_changes() {
    let mut jobs = one_of_each();
    jobs.remove(1);
    let mut stage = Stage::new(jobs);
    let quiet = |stage: &Stage| {
        let root = &stage.window.output().viewport_output[&egui::ViewportId::ROOT];
        root.repaint_delay == std::time::Duration::MAX
    };
    assert!(quiet(&stage), "the list");
    stage.click_row("running.iso", Modifiers::NONE);
    stage.window.remove_cursor();
    stage.window.run_steps(8);
    assert!(quiet(&stage), "the details");
    stage.key(Modifiers::COMMAND, Key::F);
    stage.window.run_steps(8);
    assert!(quiet(&stage), "a field with the cursor in it");
}

#[test]
fn words_that_count_down_are_painted_when_they_change() {
    let stage = Stage::new(one_of_each());
    let delay = stage.window.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    let (least, most) = (std::time::Duration::from_millis(900), std::time::Duration::from_secs(61));
    assert!((least..=most).contains(&delay), "{delay:?}");
}

#[test]
fn closing_asks_while_something_goes_on() {
    let mut stage = Stage::new(one_of_each());
    let close = |stage: &mut Stage| {
        let root = stage.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        root.events.push(egui::ViewportEvent::Close);
        stage.window.step();
        let root = stage.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        root.events.clear();
        stage.window.run();
    };
    close(&mut stage);
    assert!(stage.shows("3 downloads are not finished yet"));
    stage.click("Cancel");
    assert!(!stage.shows("not finished yet"));
    stage.publish(|snapshot| snapshot.jobs.clear());
    close(&mut stage);
    assert!(!stage.shows("not finished yet"));
}
