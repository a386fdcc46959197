//! The dialog that adds downloads, or files to one. While it is open it already asks the servers what they have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use egui::{
    Align, Context, Id, Key, Label, Layout, Modal, RichText, ScrollArea, TextEdit, Ui, ViewportId, vec2,
};

use crate::engine::{Answer, Change, Command, Handle, JobView, Probe, Snapshot};
use crate::job::{JobId, NewFile, NewHeader, NewJob, Priority, bytes_in_words};

use super::addresses::{self, Line};
use super::app::{arrived, look_again};
use super::errands::Errands;
use super::facts::{at_once_choice, priority_choice};
use super::inquiry::Inquiry;
use super::rate_field::{self, field};
use super::theme::{self, Look};
use super::{icons, words};

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
    sha256: String,
    limit: String,
    headers: String,
    paused: bool,
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
            sha256: String::new(),
            limit: String::new(),
            headers: String::new(),
            paused: false,
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

    fn form(&mut self, ui: &mut Ui, errands: &mut Errands) {
        let inner = ui.available_width();
        ui.horizontal(|ui| {
            ui.label("Addresses");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().interact_size.y = 26.0;
                ui.spacing_mut().button_padding = vec2(8.0, 3.0);
                if ui.button((RichText::new(icons::PASTE).size(14.0), "Paste")).clicked() {
                    ui.memory_mut(|memory| memory.request_focus(address_id()));
                    ui.ctx().send_viewport_cmd_to(ViewportId::ROOT, egui::ViewportCommand::RequestPaste);
                }
            });
        });
        let addresses = TextEdit::multiline(&mut self.text)
            .id(address_id())
            .hint_text("https://… (one address per line)")
            .margin(egui::Margin::symmetric(10, 8))
            .desired_rows(3)
            .desired_width(inner);
        // Many lines scroll in the field, not with the dialog.
        let response = ScrollArea::vertical()
            .id_salt("addresses")
            .max_height(110.0)
            .show(ui, |ui| ui.add(addresses).accessible_name("Addresses"))
            .inner;
        if !self.focused {
            self.focused = true;
            response.request_focus();
        }
        self.inquiry.show(ui, &self.lines, &self.headers);
        let is_new = matches!(self.target, Target::New);
        if is_new && self.good().count() > 1 {
            self.togetherness(ui);
        }
        ui.add_space(4.0);
        row(ui, "Folder", |ui| {
            let browse = 92.0;
            let edit = field(&mut self.folder, "").desired_width(ui.available_width() - browse - 8.0);
            if ui.add(edit).accessible_name("Folder").changed() {
                self.typed_at = Some(ui.input(|input| input.time));
            }
            let button = egui::Button::new("Browse…").min_size(vec2(browse, theme::CONTROL));
            if ui.add_enabled(!errands.asking_for_folder, button).clicked() {
                errands.ask_for_folder(self.folder());
            }
        });
        self.free_line(ui);
        if self.good().count() == 1 {
            let hint = self.good().find_map(|line| self.known(&line.text)).map(|probe| probe.name.clone());
            row(ui, "File name", |ui| {
                let hint = hint.unwrap_or_else(|| "as the server says".to_owned());
                let edit = field(&mut self.file_name, &hint).desired_width(ui.available_width());
                ui.add(edit).accessible_name("File name");
            });
        }
        if !is_new {
            return;
        }
        row(ui, "Priority", |ui| {
            if let Some(priority) = priority_choice(ui, "Priority of the new downloads", self.priority) {
                self.priority = priority;
            }
        });
        let icon = if self.more { icons::FOLD_OPEN } else { icons::FOLD_CLOSED };
        let fold = egui::Button::new((RichText::new(icon).size(12.0), "More")).frame_when_inactive(false);
        ui.scope(|ui| {
            ui.spacing_mut().button_padding.x = 4.0;
            if ui.add(fold).clicked() {
                self.more = !self.more;
            }
        });
        if self.more {
            self.more(ui);
        }
    }

    /// Whether several addresses are one download, and what there is to say about that.
    fn togetherness(&mut self, ui: &mut Ui) {
        let number = self.good().count();
        ui.add_space(2.0);
        ui.horizontal(|ui| {
            ui.set_min_height(theme::CONTROL);
            checkbox(ui, &mut self.together.chosen, &format!("One download with {number} files"));
            if self.together.chosen {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if let Some(number) =
                        at_once_choice(ui, "Files of the new download at once", self.together.files_at_once)
                    {
                        self.together.files_at_once = number;
                    }
                    ui.label("Files at once");
                });
            }
        });
        if self.together.chosen {
            row(ui, "Name", |ui| {
                let edit =
                    field(&mut self.together.name, "as its first file").desired_width(ui.available_width());
                ui.add(edit).accessible_name("Name of the download");
            });
        }
    }

    fn more(&mut self, ui: &mut Ui) {
        if self.good().count() <= 1 {
            row(ui, "SHA-256", |ui| {
                let hint = "64 digits, checked when it is finished";
                let edit = field(&mut self.sha256, hint).desired_width(ui.available_width());
                ui.add(edit).accessible_name("SHA-256");
            });
        }
        row(ui, "Cap", |ui| {
            ui.add(field(&mut self.limit, "none, or for example 1.5M").desired_width(240.0))
                .accessible_name("Cap of this download");
        });
        row(ui, "Headers", |ui| {
            let edit = TextEdit::multiline(&mut self.headers)
                .hint_text("Name: value (one per line)")
                .margin(egui::Margin::symmetric(10, 7))
                .desired_rows(2)
                .desired_width(ui.available_width());
            if ui.add(edit).accessible_name("Headers").changed() {
                self.typed_at = Some(ui.input(|input| input.time));
            }
        });
        row(ui, "", |ui| {
            checkbox(ui, &mut self.paused, "Start paused");
        });
    }

    fn free_line(&self, ui: &mut Ui) {
        let look = Look::of(ui.visuals());
        let folder = self.folder();
        let free = self.free.as_ref().filter(|(of, _)| *of == folder).and_then(|(_, bytes)| *bytes);
        let total: u64 = self.good().filter_map(|line| self.known(&line.text)?.total_bytes).sum();
        ui.spacing_mut().interact_size.y = 16.0;
        row(ui, "", |ui| {
            let (text, color) = if folder.is_absolute() {
                match free {
                    Some(free) if free < total => {
                        (format!("{} free, not enough", bytes_in_words(free)), look.wait.1)
                    }
                    Some(free) => (format!("{} free", bytes_in_words(free)), look.weak),
                    None => (String::new(), look.weak),
                }
            } else {
                ("The folder must be a whole path, starting with /".to_owned(), look.bad.1)
            };
            ui.label(RichText::new(text).size(12.0).color(color));
        });
        ui.spacing_mut().interact_size.y = theme::CONTROL;
    }

    /// Error, summary and buttons. `Some(true)` is download, `Some(false)` cancel.
    fn buttons(&self, ui: &mut Ui) -> Option<bool> {
        let look = Look::of(ui.visuals());
        if let Some(error) = &self.error {
            ui.add_space(4.0);
            ui.add(Label::new(RichText::new(error).color(look.bad.1)).wrap());
        }
        ui.add_space(8.0);
        let mut pressed = None;
        ui.horizontal(|ui| {
            let number = self.good().count();
            if number > 1 {
                let total: u64 = self.good().filter_map(|line| self.known(&line.text)?.total_bytes).sum();
                let files = words::count(number, "file", "files");
                let text = if total > 0 { format!("{files} · {}", bytes_in_words(total)) } else { files };
                ui.label(theme::weak(ui, text));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let size = vec2(96.0, theme::CONTROL);
                let download = theme::primary(ui, |ui| {
                    let text = match (&self.sending, &self.target) {
                        (Some(_), _) => "Adding…",
                        (None, Target::New) => "Download",
                        (None, Target::Job(..)) => "Add files",
                    };
                    ui.add_enabled(self.ready(), egui::Button::new(theme::bold(text)).min_size(size))
                });
                if download.on_hover_text("Ctrl+Enter").clicked() {
                    pressed = Some(true);
                }
                if ui.add(egui::Button::new("Cancel").min_size(size)).clicked() {
                    pressed = Some(false);
                }
            });
        });
        pressed
    }

    /// Reads what was typed and, after a pause, asks the servers.
    fn catch_up(&mut self, ctx: &Context, handle: &Handle, snapshot: &Snapshot, errands: &mut Errands) {
        let now = ctx.input(|input| input.time);
        if self.read != self.text {
            self.lines = addresses::read(&self.text, snapshot);
            self.read.clone_from(&self.text);
            self.error = None;
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
        inquiry.ask(ctx, handle, &self.lines, &self.headers, |url| self.job(vec![self.file(url, false)]));
        self.inquiry = inquiry;
    }

    fn send(&mut self, handle: &Handle) {
        let limit = rate_field::read(&self.limit, "none");
        if let Err(why) = limit {
            self.error = Some(why);
            self.more = true;
            return;
        }
        let alone = self.good().count() == 1;
        let files = self.good().map(|line| self.file(&line.text, alone));
        let command = match &self.target {
            Target::Job(id, _) => {
                let folder = self.folder();
                let files = files.map(|file| NewFile { folder: folder.clone(), ..file });
                Command::Change(vec![*id], Change::AddFiles(files.collect()))
            }
            Target::New if self.together.chosen && !alone => {
                let name = Some(self.together.name.trim().to_owned()).filter(|name| !name.is_empty());
                let job = self.job(files.collect());
                Command::Add(vec![NewJob { name, files_at_once: self.together.files_at_once, ..job }])
            }
            Target::New => Command::Add(files.map(|file| self.job(vec![file])).collect()),
        };
        self.error = None;
        self.sending = Some(handle.send(command));
    }

    fn file(&self, url: &str, alone: bool) -> NewFile {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| alone && !text.is_empty());
        NewFile {
            url: url.to_owned(),
            file_name: filled(&self.file_name),
            sha256: filled(&self.sha256),
            ..NewFile::default()
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
            paused: self.paused,
            asked_by: format!("the window (process {})", std::process::id()),
            ..NewJob::default()
        }
    }

    fn ready(&self) -> bool {
        self.sending.is_none() && self.good().next().is_some() && self.folder().is_absolute()
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

fn row(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        theme::named(ui, 72.0, name.into());
        add(ui);
    });
}
