//! The dialog that adds downloads. While it is open it already asks the servers what they have.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use egui::{
    Align, Context, Id, Key, Label, Layout, Modal, RichText, ScrollArea, TextEdit, Ui, ViewportId, vec2,
};

use crate::engine::{Answer, Command, Handle, Probe, Reply, Snapshot};
use crate::job::{ListEntry, NewFile, NewHeader, NewJob, Priority, bytes_in_words};

use super::addresses::{self, Line};
use super::app::{arrived, look_again};
use super::details::priority_choice;
use super::errands::Errands;
use super::rate_field::{self, field};
use super::theme::{self, Look};
use super::{icons, words};

/// Seconds without a key before a server is asked.
const PAUSE: f64 = 0.3;
/// How many servers are asked at once.
const AT_ONCE: usize = 8;
/// Of how many addresses the servers are asked; nobody looks at each of a long list.
const MOST_ASKED: usize = 200;
/// The dialog's width.
const WIDTH: f32 = 580.0;

/// What is known of an address.
enum Asked {
    Asking(Answer),
    Known(Probe),
    Refused(String),
}

/// The open dialog.
pub(super) struct AddDialog {
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
    /// What was found in the text, and the text it was found in.
    lines: Vec<Line>,
    read: String,
    /// When the text or the folder last changed; `None` once that was acted upon.
    typed_at: Option<f64>,
    /// By address and headers: other headers, another answer.
    asked: HashMap<(String, String), Asked>,
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
            lines: Vec::new(),
            read: String::new(),
            typed_at: Some(f64::NEG_INFINITY),
            asked: HashMap::new(),
            free: Some((snapshot.download_folder.clone(), snapshot.free_bytes)),
            error: None,
            sending: None,
            focused: false,
        }
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
        for asked in self.asked.values_mut() {
            if let Asked::Asking(answer) = asked
                && let Some(outcome) = arrived(answer)
            {
                *asked = match outcome {
                    Ok(Reply::Probed(probe)) => Asked::Known(probe),
                    Ok(_) => Asked::Refused("The server's answer makes no sense".to_owned()),
                    Err(refusal) => Asked::Refused(refusal.to_string()),
                };
            }
        }
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
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(22).corner_radius(12);
        let shown = Modal::new(Id::unique("add downloads")).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH);
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.label(theme::bold("Add downloads").size(theme::TITLE));
            ui.add_space(4.0);
            // The buttons stay in view in the smallest window.
            let most = (ctx.content_rect().height() - 156.0).max(200.0);
            ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
                self.form(ui, errands);
            });
            self.buttons(ui)
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
        self.findings(ui);
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
            let hint = self.good().next().and_then(|line| self.known(line)).map(|probe| probe.name.clone());
            row(ui, "File name", |ui| {
                let hint = hint.unwrap_or_else(|| "as the server says".to_owned());
                let edit = field(&mut self.file_name, &hint).desired_width(ui.available_width());
                ui.add(edit).accessible_name("File name");
            });
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
            // The empty box is hard to see without its edge.
            let edge = egui::Stroke::new(1.0, Look::of(ui.visuals()).weak);
            ui.visuals_mut().widgets.inactive.bg_stroke = edge;
            ui.checkbox(&mut self.paused, "Start paused");
        });
    }

    /// What was found out about each address.
    fn findings(&self, ui: &mut Ui) {
        if self.lines.is_empty() {
            return;
        }
        let height = 24.0;
        let area =
            ScrollArea::vertical().id_salt("findings").max_height(height * 4.5).auto_shrink([false, true]);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            area.show_rows(ui, height, self.lines.len(), |ui, range| {
                for line in self.lines.get(range).unwrap_or_default() {
                    self.finding(ui, line, height);
                }
            });
        });
    }

    fn finding(&self, ui: &mut Ui, line: &Line, height: f32) {
        let look = Look::of(ui.visuals());
        let asked = self.asked.get(&self.key(line));
        let (icon, color) = match (&line.wrong, asked) {
            (Some(_), _) | (None, Some(Asked::Refused(_))) => (icons::WARNING, look.bad.1),
            (None, Some(Asked::Known(probe))) => (icons::for_name(&probe.name), look.accent_text),
            _ => (icons::FILE, look.weak),
        };
        ui.horizontal(|ui| {
            ui.set_height(height);
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(icon).size(15.0).color(color));
            let (name, said, said_color) = match (&line.wrong, asked) {
                (Some(wrong), _) => (line.text.as_str(), wrong.clone(), look.bad.1),
                (None, Some(Asked::Refused(why))) => (line.text.as_str(), why.clone(), look.bad.1),
                (None, Some(Asked::Known(probe))) => (probe.name.as_str(), said_of(probe), look.weak),
                (None, Some(Asked::Asking(_))) => (line.text.as_str(), "asking…".to_owned(), look.weak),
                (None, None) => (line.text.as_str(), String::new(), look.weak),
            };
            let room = ui.available_width();
            let share = if said_color == look.bad.1 { 0.34 } else { 0.6 };
            ui.allocate_ui_with_layout(
                vec2(room * share, height),
                Layout::left_to_right(Align::Center),
                |ui| ui.add(Label::new(name).truncate()),
            );
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let into = line.entry.folder.as_ref().map(|folder| format!("into {}", folder.display()));
                let parts = [Some(said), line.note.map(str::to_owned), into];
                let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
                let said = parts.join(" · ");
                let color = if line.note == Some(addresses::IN_LIST) && said_color != look.bad.1 {
                    look.wait.1
                } else {
                    said_color
                };
                ui.add(Label::new(RichText::new(said).size(12.0).color(color)).truncate());
            });
        });
    }

    fn free_line(&self, ui: &mut Ui) {
        let look = Look::of(ui.visuals());
        let folder = self.folder();
        let free = self.free.as_ref().filter(|(of, _)| *of == folder).and_then(|(_, bytes)| *bytes);
        let total: u64 = self.looked_at().filter_map(|line| self.known(line)?.total_bytes).sum();
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
                let total: u64 = self.looked_at().filter_map(|line| self.known(line)?.total_bytes).sum();
                let files = words::count(number, "file", "files");
                // Part of a long list is no total.
                let is_all = number <= MOST_ASKED;
                let text =
                    if total > 0 && is_all { format!("{files} · {}", bytes_in_words(total)) } else { files };
                ui.label(theme::weak(ui, text));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let size = vec2(96.0, theme::CONTROL);
                let download = theme::primary(ui, |ui| {
                    let text = if self.sending.is_some() { "Adding…" } else { "Download" };
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
        let asking = self.asked.values().filter(|asked| matches!(asked, Asked::Asking(_))).count();
        let unknown: Vec<_> = self
            .looked_at()
            .map(|line| (self.key(line), line))
            .filter(|(key, _)| !self.asked.contains_key(key))
            .map(|(key, line)| (key, self.job(line, false)))
            .take(AT_ONCE.saturating_sub(asking))
            .collect();
        for (key, job) in unknown {
            look_again(ctx);
            self.asked.insert(key, Asked::Asking(handle.send(Command::Probe(job))));
        }
    }

    fn send(&mut self, handle: &Handle) {
        let limit = rate_field::read(&self.limit, "none");
        if let Err(why) = limit {
            self.error = Some(why);
            self.more = true;
            return;
        }
        let alone = self.good().count() == 1;
        let jobs = self.good().map(|line| self.job(line, alone)).collect();
        self.error = None;
        self.sending = Some(handle.send(Command::Add(jobs)));
    }

    /// The download of one address as the form says; what a list says of one goes before what the form says
    /// of all.
    fn job(&self, line: &Line, alone: bool) -> NewJob {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| alone && !text.is_empty());
        let headers = self.headers.lines().filter(|line| !line.trim().is_empty());
        let headers: Vec<_> = headers
            .map(|line| {
                // A line without a colon goes out whole: the engine says what is wrong with it.
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                NewHeader { name: name.trim().to_owned(), value: value.trim().to_owned() }
            })
            .collect();
        let ListEntry { folder, file_name, sha256, limit, paused, .. } = &line.entry;
        let file = NewFile {
            url: line.text.clone(),
            folder: folder.as_ref().map(|folder| self.folder().join(folder)).unwrap_or_default(),
            file_name: filled(&self.file_name).or_else(|| file_name.clone()),
            sha256: filled(&self.sha256).or_else(|| sha256.clone()),
        };
        NewJob {
            files: vec![file],
            folder: self.folder(),
            priority: self.priority,
            limit: limit.or_else(|| rate_field::read(&self.limit, "none").ok().flatten()),
            headers: line.entry.headers_with(&headers),
            paused: self.paused || *paused,
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

    /// Those whose servers are asked.
    fn looked_at(&self) -> impl Iterator<Item = &Line> {
        self.good().take(MOST_ASKED)
    }

    fn known(&self, line: &Line) -> Option<&Probe> {
        match self.asked.get(&self.key(line)) {
            Some(Asked::Known(probe)) => Some(probe),
            _ => None,
        }
    }

    fn key(&self, line: &Line) -> (String, String) {
        let own = line.entry.headers.iter().map(|header| format!("\n{}: {}", header.name, header.value));
        (line.text.clone(), std::iter::once(self.headers.clone()).chain(own).collect())
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
        self.folder() != self.first_folder
    }
}

fn address_id() -> Id {
    Id::unique("addresses to add")
}

fn said_of(probe: &Probe) -> String {
    let size = probe.total_bytes.map_or_else(|| "size unknown".to_owned(), bytes_in_words);
    let resume = if probe.resumable { "can resume" } else { "cannot resume" };
    format!("{size} · {resume}")
}

fn row(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        theme::named(ui, 72.0, name.into());
        add(ui);
    });
}
