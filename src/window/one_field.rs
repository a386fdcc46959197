//! The dialog that asks for one thing about a job: another folder, another name, another checksum.

use std::path::Path;

use egui::{Align, Context, Id, Key, Label, Layout, Modal, RichText, Ui, vec2};

use crate::engine::{Answer, Change, Command, Handle, JobView};
use crate::job::{JobId, split_extension};

use super::app::{arrived, look_again};
use super::errands::Errands;
use super::rate_field::{field, select_all};
use super::theme::{self, Look};

/// The dialog's width.
const WIDTH: f32 = 480.0;

/// What is asked for; files are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The folder of what is unfinished.
    Folder,
    /// The name of a file.
    Name(usize),
    /// The checksum of a file.
    Checksum(usize),
}

/// The open dialog.
pub(super) struct OneField {
    id: JobId,
    what: What,
    title: String,
    present: String,
    text: String,
    error: Option<String>,
    sending: Option<Answer>,
    focused: bool,
}

impl OneField {
    /// Opens it for a job; `None` where there is no such file.
    pub(super) fn new(view: &JobView, what: What) -> Option<Self> {
        let file = |index: usize| view.job.files.get(index);
        let (title, present) = match what {
            What::Folder => {
                let folder = file(0)?.folder.display().to_string();
                (format!("Save “{}” to another folder", view.job.display_name()), folder)
            }
            What::Name(index) => {
                let name = file(index)?.display_name();
                (format!("Save “{name}” under another name"), name)
            }
            What::Checksum(index) => {
                let file = file(index)?;
                let present = file.expected.as_ref().map(ToString::to_string).unwrap_or_default();
                (format!("Checksum of “{}”", file.display_name()), present)
            }
        };
        let text = present.clone();
        Some(Self { id: view.job.id, what, title, present, text, error: None, sending: None, focused: false })
    }

    /// The user chose a folder.
    pub(super) fn set_folder(&mut self, folder: &Path) {
        if self.what == What::Folder {
            self.text = folder.display().to_string();
        }
    }

    /// Takes in the answer. Says whether it was taken.
    pub(super) fn poll(&mut self) -> bool {
        let Some(outcome) = self.sending.as_mut().and_then(arrived) else { return false };
        self.sending = None;
        self.error = outcome.err().map(|refusal| refusal.to_string());
        self.error.is_none()
    }

    /// Draws it. Says whether it was given up.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle, errands: &mut Errands) -> bool {
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(22).corner_radius(12);
        let shown = Modal::new(Id::unique("one thing")).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH);
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.add(Label::new(theme::bold(&self.title).size(theme::TITLE)).truncate());
            ui.add_space(4.0);
            ui.add(Label::new(theme::weak(ui, self.words())).wrap());
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                self.field(ui);
                let browse = egui::Button::new("Browse…").min_size(vec2(92.0, theme::CONTROL));
                if self.what == What::Folder && ui.add_enabled(!errands.asking_for_folder, browse).clicked() {
                    errands.ask_for_folder(self.text.trim().into());
                }
            });
            if let Some(error) = &self.error {
                let color = Look::of(ui.visuals()).bad.1;
                ui.add(Label::new(RichText::new(error).color(color)).wrap());
            }
            ui.add_space(6.0);
            self.buttons(ui)
        });
        let enter = ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Enter));
        if (shown.inner == Some(true) || enter && ctx.text_edit_focused()) && self.ready() {
            self.error = None;
            self.sending = Some(handle.send(Command::Change(vec![self.id], self.change())));
            look_again(ctx);
        }
        let escaped = shown.is_top_modal
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        shown.inner == Some(false) || escaped
    }

    const fn words(&self) -> &'static str {
        match self.what {
            What::Folder => {
                "What was fetched is brought along. If its old folder cannot be reached, it stays there and is fetched anew."
            }
            What::Name(_) => "A file that has that name already stays as it is.",
            What::Checksum(_) => {
                "A SHA-256, SHA-1, MD5 or SHA-512, or the address of a list of them. Without one, nothing is compared."
            }
        }
    }

    fn field(&mut self, ui: &mut Ui) {
        let (name, hint, beside) = match self.what {
            What::Folder => ("New folder", "/…", 100.0),
            What::Name(_) => ("New name", "", 0.0),
            What::Checksum(_) => ("New checksum", "sha256:… or https://…", 0.0),
        };
        let edit = field(&mut self.text, hint).desired_width(ui.available_width() - beside).return_key(None);
        let response = ui.add(edit).accessible_name(name);
        if !self.focused {
            self.focused = true;
            response.request_focus();
            let selected = match self.what {
                // The ending is seldom what is wrong.
                What::Name(_) => split_extension(&self.text).0,
                What::Folder | What::Checksum(_) => self.text.as_str(),
            };
            select_all(ui, response.id, selected);
        }
    }

    /// Which button was pressed: to do it, or to give it up.
    fn buttons(&self, ui: &mut Ui) -> Option<bool> {
        let mut pressed = None;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.set_max_height(theme::CONTROL);
            let size = vec2(96.0, theme::CONTROL);
            let text = match self.what {
                _ if self.sending.is_some() => "Changing…",
                What::Folder => "Save there",
                What::Name(_) => "Rename",
                What::Checksum(_) if self.text.trim().is_empty() => "Compare nothing",
                What::Checksum(_) => "Compare with it",
            };
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

    fn change(&self) -> Change {
        let text = self.text.trim();
        match self.what {
            What::Folder => Change::SetFolder(text.into()),
            What::Name(file) => Change::SetFileName(file, text.to_owned()),
            What::Checksum(file) => {
                Change::SetExpected(file, Some(text.to_owned()).filter(|text| !text.is_empty()))
            }
        }
    }

    fn ready(&self) -> bool {
        let text = self.text.trim();
        let is_fit = match self.what {
            What::Folder => text.starts_with('/'),
            What::Name(_) => !text.is_empty(),
            What::Checksum(_) => true,
        };
        self.sending.is_none() && is_fit && text != self.present
    }
}
