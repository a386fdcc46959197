//! The fields and buttons of the dialog.

use egui::{Align, Label, Layout, RichText, ScrollArea, TextEdit, Ui, ViewportId, vec2};

use crate::job::{Clash, bytes_in_words};

use super::{AddDialog, Target, address_id, checkbox};
use crate::window::errands::Errands;
use crate::window::facts::{at_once_choice, priority_choice};
use crate::window::rate_field::field;
use crate::window::theme::{self, Look};
use crate::window::{icons, words};

impl AddDialog {
    pub(super) fn form(&mut self, ui: &mut Ui, errands: &mut Errands) {
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
        if self.is_taken() {
            self.about_taken_name(ui);
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
            row(ui, "Checksum", |ui| {
                let hint = "SHA-256, SHA-1, MD5 or SHA-512, or the address of a list of them";
                let edit = field(&mut self.checksum, hint).desired_width(ui.available_width());
                ui.add(edit).accessible_name("Checksum, or the address of a list of checksums");
            });
        }
        row(ui, "Connections", |ui| {
            let name = "Connections for each file";
            if let Some(number) = at_once_choice(ui, name, self.connections) {
                self.connections = number;
            }
            ui.label(theme::weak(ui, "for each file, if its server allows it").size(12.0));
        });
        if !self.is_taken() {
            row(ui, "If taken", |ui| {
                self.clash_choice(ui, &Clash::ALL);
                ui.label(theme::weak(ui, "if there is a file of its name").size(12.0));
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
            checkbox(ui, &mut self.course.paused, "Start paused");
            ui.add_space(12.0);
            checkbox(ui, &mut self.course.hold_finished, "Hold until I accept");
        });
    }

    /// There is a file of that name: what is to become of it.
    fn about_taken_name(&mut self, ui: &mut Ui) {
        let color = Look::of(ui.visuals()).wait.1;
        row(ui, "", |ui| {
            ui.label(RichText::new(icons::WARNING).size(14.0).color(color));
            ui.label(RichText::new("There is a file of that name").size(12.0).color(color));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.clash_choice(ui, &[Clash::Number, Clash::Overwrite, Clash::Resume]);
            });
        });
    }

    /// A choice of what is done with a file that has the name.
    fn clash_choice(&mut self, ui: &mut Ui, offered: &[Clash]) {
        let name = "What to do if the name is taken";
        let chosen = if offered.contains(&self.clash) { words::clash(self.clash) } else { "Choose…" };
        let response = theme::combo(name, chosen.to_owned()).width(190.0).show_ui(ui, |ui| {
            for clash in offered {
                if ui.selectable_label(*clash == self.clash, words::clash(*clash)).clicked() {
                    self.clash = *clash;
                }
            }
        });
        response.response.accessible_name(name);
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
    pub(super) fn buttons(&self, ui: &mut Ui) -> Option<bool> {
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
}

fn row(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        theme::named(ui, 84.0, name.into());
        add(ui);
    });
}
