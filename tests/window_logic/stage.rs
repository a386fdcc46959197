//! The window and an engine that the test plays.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use meanwhile::engine::{Border, Command, Envelope, JobView, Refusal, Reply, Snapshot, border};
use meanwhile::job::{Fault, FaultKind, JobId, JobState, NewFile, NewJob, Trouble, Waiting, Why};
use meanwhile::window::{App, Door};

/// The window and the engine's end of the border.
pub(crate) struct Stage {
    pub(crate) window: Harness<'static, App>,
    pub(crate) border: Border,
    number: u64,
}

impl Stage {
    pub(crate) fn new(jobs: Vec<JobView>) -> Self {
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

    pub(crate) fn publish(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let mut next = Snapshot::clone(&self.border.published());
        self.number += 1;
        next.number = self.number;
        change(&mut next);
        self.border.publish(next);
        self.window.run();
    }

    pub(crate) fn next(&mut self) -> Option<Envelope> {
        self.border.commands.try_recv().ok()
    }

    /// The next command that does not ask what is at an address.
    pub(crate) fn without_probes(&mut self) -> Envelope {
        loop {
            let envelope = self.next().expect("a command");
            if !matches!(envelope.command, Command::Probe(_)) {
                return envelope;
            }
        }
    }

    /// The next command, answered with "done".
    pub(crate) fn command(&mut self) -> Command {
        let Envelope { command, answer } = self.next().expect("a command");
        self.border.answer(answer, Ok(Reply::Done));
        self.window.run();
        command
    }

    pub(crate) fn is_quiet(&mut self) -> bool {
        self.next().is_none()
    }

    pub(crate) fn click(&mut self, label: &str) {
        self.window.get_by_label(label).click();
        self.window.run();
    }

    pub(crate) fn click_row(&mut self, name: &str, modifiers: Modifiers) {
        let row = self.window.get_by_role_and_label(Role::ListItem, name);
        row.click_modifiers(modifiers);
        self.window.run();
    }

    pub(crate) fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.run();
    }

    pub(crate) fn type_into(&mut self, label: &str, text: &str) {
        let field = self.field(label);
        field.focus();
        self.window.run();
        self.field(label).type_text(text);
        self.window.run();
    }

    pub(crate) fn field<'a>(&'a self, label: &'a str) -> egui_kittest::Node<'a> {
        let is_field =
            |role| matches!(role, Role::TextInput | Role::MultilineTextInput | Role::PasswordInput);
        let mut found = self.window.query_all_by_label(label).filter(|n| is_field(n.accesskit_node().role()));
        found.next().unwrap_or_else(|| panic!("no field {label}"))
    }

    pub(crate) fn paste(&mut self, text: &str) {
        self.window.event(egui::Event::Paste(text.into()));
        self.window.run();
    }

    /// Presses a button of which there is an icon in the name, or one of several so called.
    pub(crate) fn press(&mut self, label: &str) {
        let node = {
            let all = self.window.query_all_by_label_contains(label);
            let mut buttons = all.filter(|node| node.accesskit_node().role() == Role::Button);
            buttons.next().unwrap_or_else(|| panic!("no button {label}"))
        };
        node.click();
        self.window.run();
    }

    /// Whether there is an enabled menu item that ends like this.
    pub(crate) fn can_press(&self, text: &str) -> bool {
        let mut found = self.window.query_all_by_role(Role::Button);
        found.any(|node| {
            let node = node.accesskit_node();
            let label = node.label().unwrap_or_default();
            !node.is_disabled() && label.ends_with(text) && label.chars().count() <= text.chars().count() + 2
        })
    }

    pub(crate) fn shows(&self, label: &str) -> bool {
        self.window.query_all_by_label_contains(label).next().is_some()
    }

    /// The names in the list, from top to bottom.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut rows: Vec<_> = self
            .window
            .query_all_by_role(Role::ListItem)
            .map(|row| (row.rect().top(), row.accesskit_node().label().unwrap_or_default().clone()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, name)| name).collect()
    }

    /// Where the list ends.
    pub(crate) fn list_bottom(&self) -> f32 {
        self.window.get_by_label("Downloads").rect().bottom()
    }

    /// Frames go by until half a second has passed on the window's clock.
    pub(crate) fn let_time_pass(&mut self) {
        self.window.run_steps(5);
        self.window.run();
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        let envelope = self.next().expect("a command");
        self.border.answer(envelope.answer, Err(refusal));
        self.window.run();
    }
}

pub(crate) fn snapshot(jobs: Vec<JobView>, number: u64) -> Snapshot {
    Snapshot {
        number,
        jobs: jobs.into_iter().map(Arc::new).collect(),
        download_folder: "/home/ada/Downloads".into(),
        free_bytes: Some(412 << 30),
        ..Snapshot::default()
    }
}

pub(crate) fn job(name: &str, state: JobState, done: u64, total: u64) -> JobView {
    let new = NewJob::of(format!("https://example.org/{name}"), "/tmp");
    let (mut job, _) = new.into_job(JobId::random(), 1_000).expect("a good address");
    job.state = state;
    job.files[0].total_bytes = Some(total);
    JobView { done_bytes: done, ..JobView::resting(Arc::new(job)) }
}

pub(crate) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "the particulars")
}

pub(crate) fn one_of_each() -> Vec<JobView> {
    let waiting =
        Waiting { why: Why::BackOff(fault(FaultKind::Stalled)), until_unix_secs: Some(now() + 1800) };
    vec![
        job("running.iso", JobState::Transferring, 62, 100),
        job("waiting.zip", JobState::Waiting(waiting), 10, 300),
        job("paused.mp4", JobState::Suspended, 71, 100),
        job("failed.bin", JobState::Error(fault(FaultKind::Status(404))), 5, 50),
        job("queued.pdf", JobState::Queued, 0, 500),
    ]
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock behind 1970").as_secs()
}

/// A running job of five files: one is here, one has failed, one is left out, one is under way, one has not begun.
pub(crate) fn several() -> JobView {
    let file = |n| NewFile { url: format!("https://example.org/disc-{n}.iso"), ..NewFile::default() };
    let new = NewJob {
        files: (0..5).map(file).collect(),
        folder: "/tmp".into(),
        name: Some("All discs".into()),
        ..NewJob::default()
    };
    let (mut job, _) = new.into_job(JobId::random(), 1_000).expect("good addresses");
    job.state = JobState::Transferring;
    job.files[0].finished = true;
    job.files[0].name = Some("disc-0.iso".into());
    job.files[1].trouble = Some(Trouble::Failed(fault(FaultKind::Status(404))));
    job.files[2].trouble = Some(Trouble::LeftOut);
    job.files[3].synced = meanwhile::job::Extents::from_start(512);
    job.files[3].total_bytes = Some(1024);
    JobView { log_entries: 1, ..JobView::resting(Arc::new(job)) }
}
