//! The dialog for the login a download stopped for want of.

use egui::{Align, Context, Id, Key, Label, Layout, Modal, RichText, TextEdit, Ui, vec2};

use crate::engine::{Answer, Command, Handle, JobView};
use crate::job::{Fault, JobFile, JobId};

use super::app::{arrived, look_again};
use super::rate_field::field;
use super::theme::{self, Look};

/// The dialog's width.
const WIDTH: f32 = 440.0;

/// The open dialog.
pub(super) struct LoginDialog {
    id: JobId,
    name: String,
    /// Who asks, as far as that is known.
    why: String,
    user: String,
    password: String,
    error: Option<String>,
    sending: Option<Answer>,
    focused: bool,
}

impl LoginDialog {
    /// Opens it for a job.
    pub(super) fn new(view: &JobView) -> Self {
        let fault = view.job.wanted_files().filter(|file| file.wants_login()).find_map(JobFile::fault);
        let why = fault.map_or_else(String::new, |fault: &Fault| match fault.detail.as_str() {
            "" => format!("{}.", fault.what()),
            detail => format!("{} ({detail}).", fault.what()),
        });
        Self {
            id: view.job.id,
            name: view.job.display_name(),
            why,
            user: String::new(),
            password: String::new(),
            error: None,
            sending: None,
            focused: false,
        }
    }

    /// Takes in the answer. Says whether the login was taken.
    pub(super) fn poll(&mut self) -> bool {
        let Some(outcome) = self.sending.as_mut().and_then(arrived) else { return false };
        self.sending = None;
        self.error = outcome.err().map(|refusal| refusal.to_string());
        self.error.is_none()
    }

    /// Draws it. Says whether it was given up.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle) -> bool {
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(22).corner_radius(12);
        let shown = Modal::new(Id::unique("login")).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH);
            ui.spacing_mut().item_spacing.y = 6.0;
            let title = format!("Log in for “{}”", self.name);
            ui.add(Label::new(theme::bold(title).size(theme::TITLE)).truncate());
            ui.add_space(4.0);
            ui.add(Label::new(theme::weak(ui, &self.why)).wrap());
            ui.add_space(4.0);
            self.fields(ui);
            if let Some(error) = &self.error {
                let color = Look::of(ui.visuals()).bad.1;
                ui.add(Label::new(RichText::new(error).color(color)).wrap());
            }
            ui.add_space(6.0);
            self.buttons(ui)
        });
        let enter = ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Enter));
        if (shown.inner == Some(true) || enter && ctx.text_edit_focused()) && self.ready() {
            let login = (self.user.clone(), self.password.clone());
            self.error = None;
            self.sending = Some(handle.send(Command::SetLogin(self.id, login)));
            look_again(ctx);
        }
        let escaped = shown.is_top_modal
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        shown.inner == Some(false) || escaped
    }

    fn fields(&mut self, ui: &mut Ui) {
        let line = |ui: &mut Ui, name: &str, edit: TextEdit<'_>| {
            ui.label(theme::weak(ui, name).size(12.0));
            let width = ui.available_width();
            ui.add(edit.desired_width(width).return_key(None)).accessible_name(name)
        };
        let user = line(ui, "User name", field(&mut self.user, ""));
        line(ui, "Password", field(&mut self.password, "").password(true));
        if !self.focused {
            self.focused = true;
            user.request_focus();
        }
    }

    /// Which button was pressed: to log in, or to give it up.
    fn buttons(&self, ui: &mut Ui) -> Option<bool> {
        let mut pressed = None;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.set_max_height(theme::CONTROL);
            let size = vec2(96.0, theme::CONTROL);
            let text = if self.sending.is_some() { "Trying…" } else { "Log in and retry" };
            let button = |ui: &mut Ui| {
                ui.add_enabled(self.ready(), egui::Button::new(theme::bold(text)).min_size(size))
            };
            if theme::primary(ui, button).clicked() {
                pressed = Some(true);
            }
            if ui.add(egui::Button::new("Cancel").min_size(size)).clicked() {
                pressed = Some(false);
            }
        });
        pressed
    }

    fn ready(&self) -> bool {
        self.sending.is_none() && !self.user.is_empty()
    }
}
