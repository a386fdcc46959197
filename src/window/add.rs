//! The dialog that adds downloads, or files to one. While it is open it already asks the servers what they have.
//! What it looks like inside stands in `form`.

mod form;

use std::path::{Path, PathBuf};
use std::time::Duration;

use egui::{Context, Id, Key, Label, Modal, ScrollArea, Ui, ViewportId};

use crate::engine::{Answer, Change, Command, Handle, JobView, Probe, Snapshot};
use crate::job::{Clash, JobId, ListEntry, NewFile, NewHeader, NewJob, Priority};

use super::addresses::{self, Line};
use super::app::{arrived, look_again};
use super::errands::Errands;
use super::inquiry::Inquiry;
use super::rate_field;
use super::theme::{self, Look};

/// Seconds without a key before a server is asked.
pub(super) const PAUSE: f64 = 0.3;
/// The dialog's width.
const WIDTH: f32 = 580.0;

/// What of the right margin the scroll bar stands on.
const BESIDE: f32 = 12.0;

/// What the addresses become.
enum Target {
    /// Downloads of their own, or one.
    New,
    /// Further files of that job.
    Job(JobId, String),
}

/// Several addresses as one download.
struct Together {
    chosen: bool,
    name: String,
    files_at_once: u8,
}

/// How new downloads begin and end.
#[derive(Default)]
struct Course {
    paused: bool,
    hold_finished: bool,
}

/// The open dialog.
pub(super) struct AddDialog {
    target: Target,
    text: String,
    folder: String,
    /// The folder the dialog opened with.
    first_folder: PathBuf,
    file_name: String,
    priority: Priority,
    more: bool,
    checksum: String,
    connections: u8,
    clash: Clash,
    /// Whether there is something at a path; `None` while that is being looked at.
    taken: Option<(PathBuf, Option<bool>)>,
    limit: String,
    headers: String,
    course: Course,
    together: Together,
    /// What was found in the text, and the text it was found in.
    lines: Vec<Line>,
    read: String,
    /// When the text or the folder last changed; `None` once that was acted upon.
    typed_at: Option<f64>,
    inquiry: Inquiry,
    /// A folder and its free space, once known.
    free: Option<(PathBuf, Option<u64>)>,
    error: Option<String>,
    sending: Option<Answer>,
    focused: bool,
}

/// How the dialog ended.
pub(super) enum End {
    /// Given up.
    Cancelled,
    /// The jobs are on disk; this folder was used.
    Added(PathBuf),
}

impl AddDialog {
    /// Opens it with `text` in its field.
    pub(super) fn new(text: String, snapshot: &Snapshot) -> Self {
        Self {
            target: Target::New,
            text,
            folder: snapshot.download_folder.display().to_string(),
            first_folder: snapshot.download_folder.clone(),
            file_name: String::new(),
            priority: Priority::Normal,
            more: false,
            checksum: String::new(),
            connections: 1,
            clash: Clash::default(),
            taken: None,
            limit: String::new(),
            headers: String::new(),
            course: Course::default(),
            together: Together { chosen: false, name: String::new(), files_at_once: 1 },
            lines: Vec::new(),
            read: String::new(),
            typed_at: Some(f64::NEG_INFINITY),
            inquiry: Inquiry::default(),
            free: Some((snapshot.download_folder.clone(), snapshot.free_bytes)),
            error: None,
            sending: None,
            focused: false,
        }
    }

    /// Opens it to add files to a job, to the folder of those it has.
    pub(super) fn for_job(view: &JobView, snapshot: &Snapshot) -> Self {
        let mut dialog = Self::new(String::new(), snapshot);
        dialog.target = Target::Job(view.job.id, view.job.display_name());
        if let Some(file) = view.job.files.first() {
            dialog.set_folder(&file.folder);
        }
        dialog
    }

    /// More addresses, pasted or dropped while it is open.
    pub(super) fn append(&mut self, text: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(text.trim());
    }

    /// The user chose a folder.
    pub(super) fn set_folder(&mut self, folder: &Path) {
        self.folder = folder.display().to_string();
        self.typed_at = Some(f64::NEG_INFINITY);
    }

    /// The free space of a folder has become known.
    pub(super) fn set_free(&mut self, folder: PathBuf, bytes: Option<u64>) {
        self.free = Some((folder, bytes));
    }

    /// Whether there is something at a path has become known.
    pub(super) fn set_taken(&mut self, path: PathBuf, is_taken: bool) {
        if self.taken.as_ref().is_some_and(|(of, _)| *of == path) {
            self.taken = Some((path, Some(is_taken)));
        }
    }

    /// Takes in answers. Says how the dialog ended, if it did.
    pub(super) fn poll(&mut self) -> Option<End> {
        self.inquiry.poll();
        let outcome = arrived(self.sending.as_mut()?)?;
        self.sending = None;
        match outcome {
            Ok(_) => Some(End::Added(self.folder())),
            Err(refusal) => {
                self.error = Some(refusal.to_string());
                None
            }
        }
    }

    /// Draws it.
    pub(super) fn show(
        &mut self,
        ctx: &Context,
        handle: &Handle,
        snapshot: &Snapshot,
        errands: &mut Errands,
    ) -> Option<End> {
        let confirmed = ctx.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, Key::Enter));
        let mut margin = egui::Margin::same(22);
        margin.right -= BESIDE as i8;
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(margin).corner_radius(12);
        let shown = Modal::new(Id::unique("add downloads")).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH + BESIDE);
            ui.spacing_mut().item_spacing.y = 6.0;
            let title = match &self.target {
                Target::New => "Add downloads".to_owned(),
                Target::Job(_, name) => format!("Add files to “{name}”"),
            };
            ui.add(Label::new(theme::bold(title).size(theme::TITLE)).truncate());
            ui.add_space(4.0);
            // The buttons stay in view in the smallest window.
            let most = (ctx.content_rect().height() - 156.0).max(200.0);
            ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
                ui.set_max_width(WIDTH);
                self.form(ui, errands);
            });
            ui.scope(|ui| {
                ui.set_max_width(WIDTH);
                self.buttons(ui)
            })
            .inner
        });
        self.catch_up(ctx, handle, snapshot, errands);
        let pressed = shown.inner;
        if (pressed == Some(true) || confirmed) && self.ready() {
            self.send(handle);
            look_again(ctx);
        }
        let escaped = shown.is_top_modal
            && !shown.any_popup_open
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        (pressed == Some(false) || escaped).then_some(End::Cancelled)
    }

    /// Reads what was typed and, after a pause, asks the servers.
    fn catch_up(&mut self, ctx: &Context, handle: &Handle, snapshot: &Snapshot, errands: &mut Errands) {
        let now = ctx.input(|input| input.time);
        if self.read != self.text {
            self.error = None;
            // One that was pasted into the field itself.
            match addresses::with_metalink_read(&self.text) {
                Some(Ok(list)) => self.text = list,
                Some(Err(error)) => self.error = Some(addresses::about_metalink(error)),
                None => {}
            }
            self.lines =
                if self.error.is_none() { addresses::read(&self.text, snapshot) } else { Vec::new() };
            self.read.clone_from(&self.text);
            // What the dialog opens with was not typed: there is nothing to wait for.
            if self.typed_at.is_none_or(f64::is_finite) {
                self.typed_at = Some(now);
            }
            look_again(ctx);
        }
        if let Some(typed_at) = self.typed_at {
            let rest = PAUSE - (now - typed_at);
            if rest > 0.0 {
                ctx.request_repaint_after_for(Duration::from_secs_f64(rest), ViewportId::ROOT);
                return;
            }
            self.typed_at = None;
            let folder = self.folder();
            if folder.is_absolute() && self.free.as_ref().is_none_or(|(of, _)| *of != folder) {
                self.free = Some((folder.clone(), None));
                errands.measure(folder);
            }
        }
        let mut inquiry = std::mem::take(&mut self.inquiry);
        inquiry.ask(ctx, handle, &self.lines, &self.headers, |line| self.job_of(line, false));
        self.inquiry = inquiry;
        let path = self.path();
        if path != self.taken.as_ref().map(|(of, _)| of.clone()) {
            self.taken = path.map(|path| {
                errands.look_for(path.clone());
                (path, None)
            });
        }
    }

    /// Where the file would go, as far as that is known: of several it is not worth asking.
    fn path(&self) -> Option<PathBuf> {
        let mut good = self.good();
        let (line, None) = (good.next()?, good.next()) else { return None };
        let file = self.file(line, true);
        let name = file.file_name.or_else(|| self.known(&line.text).map(|probe| probe.name.clone()))?;
        let folder = self.folder().join(file.folder);
        folder.is_absolute().then(|| folder.join(name))
    }

    /// Whether there is a file of that name already.
    fn is_taken(&self) -> bool {
        matches!(self.taken, Some((_, Some(true))))
    }

    fn send(&mut self, handle: &Handle) {
        let limit = rate_field::read(&self.limit, "none");
        if let Err(why) = limit {
            self.error = Some(why);
            self.more = true;
            return;
        }
        let alone = self.good().count() == 1;
        let files: Vec<NewFile> = self.good().map(|line| self.file(line, alone)).collect();
        let command = match &self.target {
            Target::Job(id, _) => {
                let folder = self.folder();
                let files =
                    files.into_iter().map(|file| NewFile { folder: folder.join(&file.folder), ..file });
                Command::Change(vec![*id], Change::AddFiles(files.collect()))
            }
            Target::New if self.together.chosen && !alone => {
                let name = Some(self.together.name.trim().to_owned()).filter(|name| !name.is_empty());
                let job = self.job(files);
                Command::Add(vec![NewJob { name, files_at_once: self.together.files_at_once, ..job }])
            }
            Target::New => Command::Add(self.good().map(|line| self.job_of(line, alone)).collect()),
        };
        self.sending = Some(handle.send(command));
        self.error = None;
    }

    /// A file as the form says; what a list says of one goes before what the form says of all.
    fn file(&self, line: &Line, alone: bool) -> NewFile {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| alone && !text.is_empty());
        let ListEntry { folder, file_name, checksum, .. } = &line.entry;
        NewFile {
            url: line.text.clone(),
            folder: folder.as_ref().map(|folder| self.folder().join(folder)).unwrap_or_default(),
            file_name: filled(&self.file_name).or_else(|| file_name.clone()),
            clash: self.clash,
            mirrors: line.entry.addresses.iter().skip(1).cloned().collect(),
            expected: filled(&self.checksum).or_else(|| checksum.as_ref().map(ToString::to_string)),
        }
    }

    /// The download of one address.
    fn job_of(&self, line: &Line, alone: bool) -> NewJob {
        let job = self.job(vec![self.file(line, alone)]);
        NewJob {
            limit: line.entry.limit.or(job.limit),
            headers: line.entry.headers_with(&job.headers),
            paused: job.paused || line.entry.paused,
            ..job
        }
    }

    /// The download of these files as the form says.
    fn job(&self, files: Vec<NewFile>) -> NewJob {
        let headers = self.headers.lines().filter(|line| !line.trim().is_empty());
        NewJob {
            files,
            folder: self.folder(),
            priority: self.priority,
            limit: rate_field::read(&self.limit, "none").ok().flatten(),
            headers: headers
                .map(|line| {
                    // A line without a colon goes out whole: the engine says what is wrong with it.
                    let (name, value) = line.split_once(':').unwrap_or((line, ""));
                    NewHeader { name: name.trim().to_owned(), value: value.trim().to_owned() }
                })
                .collect(),
            connections: self.connections,
            paused: self.course.paused,
            hold_finished: self.course.hold_finished,
            asked_by: format!("the window (process {})", std::process::id()),
            ..NewJob::default()
        }
    }

    fn ready(&self) -> bool {
        // What is to be asked is asked now, while somebody is there.
        let is_answered = !self.is_taken() || self.clash != Clash::Ask;
        self.sending.is_none() && self.good().next().is_some() && self.folder().is_absolute() && is_answered
    }

    fn good(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.wrong.is_none())
    }

    fn known(&self, url: &str) -> Option<&Probe> {
        self.inquiry.known(url, &self.headers)
    }

    /// The folder in the field; `~/` is the user's own.
    fn folder(&self) -> PathBuf {
        let text = self.folder.trim();
        match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        }
    }

    /// Whether the folder is another than at first.
    pub(super) fn folder_changed(&self) -> bool {
        matches!(self.target, Target::New) && self.folder() != self.first_folder
    }
}

fn address_id() -> Id {
    Id::unique("addresses to add")
}

/// A box to tick; empty ones are hard to see without their edge.
pub(super) fn checkbox(ui: &mut Ui, checked: &mut bool, text: &str) -> egui::Response {
    ui.scope(|ui| {
        ui.visuals_mut().widgets.inactive.bg_stroke = egui::Stroke::new(1.0, Look::of(ui.visuals()).weak);
        ui.checkbox(checked, text)
    })
    .inner
}
