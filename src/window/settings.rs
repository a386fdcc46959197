//! The dialog of the settings: the usual ones with a control each, and all others as the settings file has them.
//! Each is applied by itself, as soon as it is chosen or typed.

use egui::{
    Align, Context, Id, Key, Label, Layout, Modal, Modifiers, Response, RichText, ScrollArea, Ui, vec2,
};

use crate::engine::{Answer, Command, Handle, Reply, SettingView, Theme};
use crate::job::StartMode;

use super::add::checkbox;
use super::app::{arrived, look_again};
use super::rate_field::field;
use super::theme::{self, Look};
use super::{icons, words};

/// The dialog's widest, and what of the window it leaves free.
const WIDTH: f32 = 600.0;
const AROUND: f32 = 84.0;
/// What of the right margin the scroll bar stands on.
const BESIDE: f32 = 12.0;
/// The width of the names at the left.
const NAMES: f32 = 190.0;

/// How one of the usual settings is set.
enum Control {
    /// One of these: the value and what is said of it.
    OneOf(fn() -> Vec<(String, String)>),
    /// On or off, and what is said beside the box.
    Switch(&'static str),
    /// Typed; what stands behind the field.
    Typed(&'static str),
}

/// The usual ones: their key, what they are called here, their control.
const USUAL: [(&str, &str, Control); 7] = [
    ("start_mode", "Downloads start", Control::OneOf(start_modes)),
    ("background_jobs", "Downloads at once", Control::Typed("foreground ones are not counted")),
    ("per_host", "Connections to one server", Control::Typed("at once")),
    ("retry_longest_secs", "Longest wait for another try", Control::Typed("seconds")),
    ("slow_bps", "Slow cap", Control::Typed("while Slow is on")),
    ("notify", "Notifications", Control::Switch("Tell of finished and failed downloads")),
    ("theme", "Appearance", Control::OneOf(themes)),
];

fn start_modes() -> Vec<(String, String)> {
    let words = |mode| match mode {
        StartMode::Automatic => "By themselves at sign-in",
        StartMode::Manual => "When Meanwhile is opened",
        StartMode::Disabled => "Never, they are switched off",
    };
    StartMode::ALL.into_iter().map(|mode| (mode.word().to_owned(), words(mode).to_owned())).collect()
}

fn themes() -> Vec<(String, String)> {
    let words = |theme| match theme {
        Theme::System => "As the system",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    };
    Theme::ALL.into_iter().map(|theme| (theme.word().to_owned(), words(theme).to_owned())).collect()
}

/// One setting as it stands in the dialog.
struct Row {
    view: SettingView,
    text: String,
    sending: Option<Answer>,
    /// Why it was not changed.
    wrong: Option<String>,
}

impl Row {
    /// Sets it to what stands in its field, where that is another value.
    fn settle(&mut self, ctx: &Context, handle: &Handle) {
        if self.sending.is_none() && self.text != self.view.value {
            self.wrong = None;
            self.sending = Some(handle.send(Command::Set(self.view.key.clone(), self.text.clone())));
            look_again(ctx);
        }
    }

    fn poll(&mut self) {
        let Some(outcome) = self.sending.as_mut().and_then(arrived) else { return };
        self.sending = None;
        match outcome {
            Ok(reply) => {
                // As it was understood: "yes" has become "on".
                if let Reply::Setting(value) = reply {
                    self.text = value;
                }
                self.view.value.clone_from(&self.text);
            }
            Err(refusal) => self.wrong = Some(refusal.to_string()),
        }
    }

    /// A field for its value as the file has it.
    fn typed(&mut self, ui: &mut Ui, handle: &Handle, name: &str, width: f32) -> Response {
        let mut edit = field(&mut self.text, "").margin(egui::Margin::symmetric(8, 7)).desired_width(width);
        if self.wrong.is_some() {
            edit = edit.text_color(Look::of(ui.visuals()).bad.1);
        }
        let response = ui.add(edit).accessible_name(name);
        if response.lost_focus() {
            if ui.input(|input| input.key_pressed(Key::Escape)) {
                self.text.clone_from(&self.view.value);
            }
            self.settle(ui.ctx(), handle);
        }
        if self.text == self.view.value {
            self.wrong = None;
        }
        response
    }

    fn complaint(&self, ui: &mut Ui) {
        if let Some(wrong) = &self.wrong {
            let text = RichText::new(wrong).size(12.0).color(Look::of(ui.visuals()).bad.1);
            ui.add(Label::new(text).wrap());
        }
    }
}

/// The open dialog.
pub(super) struct SettingsDialog {
    rows: Vec<Row>,
    shows_all: bool,
    /// The user wants it closed; what is under way is waited for, so that a refusal is seen.
    closing: bool,
    focused: bool,
}

impl SettingsDialog {
    /// Opens it with these.
    pub(super) fn new(settings: Vec<SettingView>) -> Self {
        let row = |view: SettingView| Row { text: view.value.clone(), view, sending: None, wrong: None };
        Self {
            rows: settings.into_iter().map(row).collect(),
            shows_all: false,
            closing: false,
            focused: false,
        }
    }

    /// Takes in answers. Says whether it is closed.
    pub(super) fn poll(&mut self) -> bool {
        self.rows.iter_mut().for_each(Row::poll);
        if self.rows.iter().any(|row| row.wrong.is_some()) {
            self.closing = false;
        }
        self.closing && self.rows.iter().all(|row| row.sending.is_none())
    }

    /// Draws it. Says whether it was closed.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle) -> bool {
        let mut margin = egui::Margin::same(22);
        margin.right -= BESIDE as i8;
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(margin).corner_radius(12);
        let room = ctx.content_rect().size();
        let width = (room.x - AROUND).min(WIDTH);
        let shown = Modal::new(Id::unique("settings")).frame(frame).show(ctx, |ui| {
            ui.set_width(width + BESIDE);
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.label(theme::bold("Settings").size(theme::TITLE));
            ui.label(theme::weak(ui, "Each holds as soon as it is chosen or typed."));
            ui.add_space(4.0);
            // The button stays in view in the smallest window.
            let most = (room.y - 192.0).clamp(160.0, 560.0);
            theme::show_scroll_bar(ui);
            let area = ScrollArea::vertical().max_height(most).auto_shrink([false, true]);
            // As high as it may be from the first frame on, or the dialog would grow step by step.
            area.min_scrolled_height(most).show(ui, |ui| {
                ui.set_max_width(width);
                self.usual(ui, handle);
                ui.add_space(4.0);
                self.all(ui, handle);
            });
            ui.add_space(6.0);
            ui.scope(|ui| {
                ui.set_max_width(width);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.set_max_height(theme::CONTROL);
                    ui.add(egui::Button::new("Close").min_size(vec2(96.0, theme::CONTROL))).clicked()
                })
                .inner
            })
            .inner
        });
        if shown.inner {
            for row in &mut self.rows {
                if row.wrong.take().is_some() {
                    // It was read, and is left at that.
                    row.text.clone_from(&row.view.value);
                }
                row.settle(ctx, handle);
            }
            self.closing = true;
        }
        let escaped = shown.is_top_modal
            && !shown.any_popup_open
            && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        escaped || self.poll()
    }

    fn usual(&mut self, ui: &mut Ui, handle: &Handle) {
        for (key, name, control) in &USUAL {
            let Some(row) = self.rows.iter_mut().find(|row| row.view.key == *key) else { continue };
            let response = ui
                .horizontal(|ui| {
                    ui.set_min_height(theme::CONTROL);
                    theme::named(ui, NAMES, (*name).into());
                    show(ui, handle, row, name, control)
                })
                .inner;
            if !self.focused {
                self.focused = true;
                response.request_focus();
            }
            row.complaint(ui);
        }
    }

    fn all(&mut self, ui: &mut Ui, handle: &Handle) {
        let icon = if self.shows_all { icons::FOLD_OPEN } else { icons::FOLD_CLOSED };
        let fold =
            egui::Button::new((RichText::new(icon).size(12.0), "All settings")).frame_when_inactive(false);
        ui.scope(|ui| {
            ui.spacing_mut().button_padding.x = 4.0;
            if ui.add(fold).clicked() {
                self.shows_all = !self.shows_all;
            }
        });
        if !self.shows_all {
            return;
        }
        let is_usual = |row: &&mut Row| USUAL.iter().any(|(key, ..)| *key == row.view.key);
        for row in self.rows.iter_mut().filter(|row| !is_usual(row)) {
            ui.horizontal(|ui| {
                theme::named(ui, NAMES, RichText::new(&row.view.key));
                let name = row.view.key.clone();
                row.typed(ui, handle, &name, ui.available_width());
            });
            ui.add(Label::new(theme::weak(ui, &row.view.about).size(12.0)).wrap());
            row.complaint(ui);
            ui.add_space(4.0);
        }
    }
}

fn show(ui: &mut Ui, handle: &Handle, row: &mut Row, name: &str, control: &Control) -> Response {
    match control {
        Control::OneOf(choices) => {
            let choices = choices();
            let words = |value: &str| {
                let known = choices.iter().find(|(of, _)| of == value);
                known.map_or_else(|| words::upper_first(value), |(_, words)| words.clone())
            };
            let combo = theme::combo(name, words(&row.text)).width(220.0);
            let mut chosen = None;
            let shown = combo.show_ui(ui, |ui| {
                for (value, words) in &choices {
                    if ui.selectable_label(*value == row.text, words).clicked() && *value != row.text {
                        chosen = Some(value.clone());
                    }
                }
            });
            if let Some(value) = chosen {
                row.text = value;
                row.settle(ui.ctx(), handle);
            }
            shown.response.accessible_name(name).on_hover_text(&row.view.about)
        }
        Control::Switch(words) => {
            let mut on = row.text == ON;
            let response = checkbox(ui, &mut on, words);
            if response.changed() {
                if on { ON } else { "off" }.clone_into(&mut row.text);
                row.settle(ui.ctx(), handle);
            }
            response
        }
        Control::Typed(unit) => {
            let response = row.typed(ui, handle, name, 84.0);
            ui.add(Label::new(theme::weak(ui, *unit).size(12.0)).truncate());
            response.on_hover_text(&row.view.about)
        }
    }
}

/// The word for a setting that is switched on.
const ON: &str = "on";
