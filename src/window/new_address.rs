//! The dialog that gives a file another address. While it is open it already asks what is there.

use std::time::Duration;

use egui::{Align, Context, Id, Key, Label, Layout, Modal, RichText, TextEdit, ViewportId, vec2};

use crate::engine::{Answer, Change, Command, Handle, JobView};
use crate::job::{JobId, NewHeader, NewJob, bytes_in_words};

use super::add::PAUSE;
use super::addresses::{self, Line};
use super::app::{arrived, look_again};
use super::inquiry::Inquiry;
use super::rate_field::select_all;
use super::theme::{self, Look};

/// The dialog's width.
const WIDTH: f32 = 560.0;

/// The open dialog.
pub(super) struct NewAddress {
    id: JobId,
    file: usize,
    name: String,
    /// The address it has.
    present: String,
    /// What is known of the size of what was fetched from there.
    total_bytes: Option<u64>,
    synced_bytes: u64,
    headers: Vec<NewHeader>,
    text: String,
    line: Option<Line>,
    read: String,
    /// When the text last changed; `None` once that was acted upon.
    typed_at: Option<f64>,
    inquiry: Inquiry,
    error: Option<String>,
    sending: Option<Answer>,
    focused: bool,
}

impl NewAddress {
    /// Opens it for one file of a job; `None` where there is none.
    pub(super) fn new(view: &JobView, index: usize) -> Option<Self> {
        let file = view.job.files.get(index)?;
        let headers = view.job.headers.iter();
        let headers = headers
            .filter_map(|header| Some(NewHeader { name: header.name.clone(), value: header.value.clone()? }));
        Some(Self {
            id: view.job.id,
            file: index,
            name: file.display_name(),
            present: file.url.as_str().to_owned(),
            total_bytes: file.total_bytes,
            synced_bytes: file.synced_bytes(),
            headers: headers.collect(),
            text: file.url.as_str().to_owned(),
            line: None,
            read: String::new(),
            typed_at: None,
            inquiry: Inquiry::default(),
            error: None,
            sending: None,
            focused: false,
        })
    }

    /// Takes in answers. Says whether the address was taken.
    pub(super) fn poll(&mut self) -> bool {
        self.inquiry.poll();
        let Some(outcome) = self.sending.as_mut().and_then(arrived) else { return false };
        self.sending = None;
        match outcome {
            Ok(_) => true,
            Err(refusal) => {
                self.error = Some(refusal.to_string());
                false
            }
        }
    }

    /// Draws it. Says whether it was given up.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle) -> bool {
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(22).corner_radius(12);
        let shown = Modal::new(Id::unique("another address")).frame(frame).show(ctx, |ui| {
            let look = Look::of(ui.visuals());
            ui.set_width(WIDTH);
            ui.spacing_mut().item_spacing.y = 6.0;
            let title = format!("Change the address of “{}”", self.name);
            ui.add(Label::new(theme::bold(title).size(theme::TITLE)).truncate());
            ui.add_space(4.0);
            let text = "What was fetched is kept if the other server proves to have the same file.";
            ui.add(Label::new(theme::weak(ui, text)).wrap());
            ui.add_space(4.0);
            let edit = TextEdit::multiline(&mut self.text)
                .hint_text("https://…")
                .margin(egui::Margin::symmetric(10, 8))
                .desired_rows(2)
                .desired_width(ui.available_width())
                .return_key(None);
            let response = ui.add(edit).accessible_name("New address");
            if !self.focused {
                self.focused = true;
                response.request_focus();
                select_all(ui, response.id, &self.text);
            }
            // Always as high: what is found out moves nothing.
            ui.allocate_ui(vec2(ui.available_width(), 24.0), |ui| {
                ui.set_min_height(24.0);
                if let Some(line) = self.line.as_ref().filter(|_| self.is_other()) {
                    self.inquiry.show(ui, std::slice::from_ref(line), "");
                } else {
                    ui.add_space(4.0);
                    ui.label(theme::weak(ui, "This is its present address").size(12.0));
                }
            });
            ui.allocate_ui(vec2(ui.available_width(), 18.0), |ui| {
                ui.set_min_height(18.0);
                if let Some(warning) = self.warning() {
                    ui.label(RichText::new(warning).size(12.0).color(look.wait.1));
                }
            });
            if let Some(error) = &self.error {
                ui.add(Label::new(RichText::new(error).color(look.bad.1)).wrap());
            }
            ui.add_space(6.0);
            let mut pressed = None;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.set_max_height(theme::CONTROL);
                let size = vec2(96.0, theme::CONTROL);
                let text = if self.sending.is_some() { "Changing…" } else { "Change address" };
                let change = theme::primary(ui, |ui| {
                    ui.add_enabled(self.ready(), egui::Button::new(theme::bold(text)).min_size(size))
                });
                if change.clicked() {
                    pressed = Some(true);
                }
                if ui.add(egui::Button::new("Cancel").min_size(size)).clicked() {
                    pressed = Some(false);
                }
            });
            pressed
        });
        self.catch_up(ctx, handle);
        let enter = ctx.input_mut(|input| {
            input.consume_key(egui::Modifiers::NONE, Key::Enter)
                || input.consume_key(egui::Modifiers::COMMAND, Key::Enter)
        });
        let on_text = ctx.text_edit_focused();
        if (shown.inner == Some(true) || enter && on_text) && self.ready() {
            let change = Change::SetFileAddress(self.file, self.text.trim().to_owned());
            self.error = None;
            self.sending = Some(handle.send(Command::Change(vec![self.id], change)));
            look_again(ctx);
        }
        let escaped = shown.is_top_modal
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        shown.inner == Some(false) || escaped
    }

    /// Reads what was typed and, after a pause, asks the server.
    fn catch_up(&mut self, ctx: &Context, handle: &Handle) {
        let now = ctx.input(|input| input.time);
        if self.read != self.text {
            let text = self.text.trim();
            self.line = (!text.is_empty()).then(|| addresses::one(text));
            self.read.clone_from(&self.text);
            self.error = None;
            self.typed_at = Some(now);
            look_again(ctx);
        }
        let Some(typed_at) = self.typed_at else { return };
        let rest = PAUSE - (now - typed_at);
        if rest > 0.0 {
            ctx.request_repaint_after_for(Duration::from_secs_f64(rest), ViewportId::ROOT);
            return;
        }
        self.typed_at = None;
        if let Some(line) = self.line.as_ref().filter(|_| self.is_other()) {
            let headers = &self.headers;
            self.inquiry.ask(ctx, handle, std::slice::from_ref(line), "", |line| NewJob {
                headers: headers.clone(),
                ..NewJob::of(line.text.as_str(), "")
            });
        }
    }

    /// What should make one think before it is changed.
    fn warning(&self) -> Option<String> {
        let said = self.inquiry.known(self.text.trim(), "")?.total_bytes?;
        let had = self.total_bytes?;
        (said != had && self.synced_bytes > 0).then(|| {
            format!(
                "Another size than the {} so far: it would be fetched from the start.",
                bytes_in_words(had)
            )
        })
    }

    fn is_other(&self) -> bool {
        self.text.trim() != self.present
    }

    fn ready(&self) -> bool {
        self.sending.is_none()
            && self.is_other()
            && self.line.as_ref().is_some_and(|line| line.wrong.is_none())
    }
}
