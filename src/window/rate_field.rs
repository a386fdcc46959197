//! A field for a rate or none: shows it in words, takes it as people type it.

use egui::text::{CCursor, CCursorRange};
use egui::{Key, TextEdit, Ui, vec2};

use crate::job::Rate;

use super::theme::Look;

/// What the user has set a limit to; `None` lifts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetTo(pub Option<Rate>);

/// The field's own state; the value itself belongs to the engine.
#[derive(Debug, Default)]
pub(super) struct RateField {
    text: String,
    editing: bool,
    wrong: Option<String>,
}

impl RateField {
    /// Draws the field. Returns the new value when the user has entered one.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        name: &str,
        value: Option<Rate>,
        none: &str,
        width: f32,
    ) -> Option<SetTo> {
        let words = value.map_or_else(|| none.to_owned(), |rate| rate.to_string());
        if !self.editing && self.wrong.is_none() {
            self.text.clone_from(&words);
        }
        let look = Look::of(ui.visuals());
        let mut edit = TextEdit::singleline(&mut self.text)
            .font(egui::FontId::new(super::theme::BODY, super::theme::semibold()))
            .margin(egui::Margin::symmetric(8, 7))
            .desired_width(width);
        if self.wrong.is_some() {
            edit = edit.text_color(look.bad.1);
        }
        let response = ui.add(edit).accessible_name(name);
        if response.gained_focus() {
            self.editing = true;
            select_all(ui, response.id, &self.text);
        }
        if response.changed() {
            self.wrong = None;
        }
        let mut entered = None;
        if response.lost_focus() {
            self.editing = false;
            let given_up = ui.input(|input| input.key_pressed(Key::Escape)) || self.text == words;
            match read(&self.text, none) {
                _ if given_up => self.wrong = None,
                Ok(value) => {
                    self.wrong = None;
                    entered = Some(SetTo(value));
                }
                Err(why) => self.wrong = Some(why),
            }
        }
        if let Some(wrong) = &self.wrong {
            let wrong = wrong.clone();
            response.show_tooltip_ui(|ui| {
                ui.set_max_width(280.0);
                ui.colored_label(look.bad.1, wrong);
            });
        }
        entered
    }
}

/// Reads a rate, or a word for none.
pub(super) fn read(text: &str, none: &str) -> Result<Option<Rate>, String> {
    let text = text.trim();
    let is_none = ["", "0", "off", "none", "no cap", "no limit", "unlimited", "∞"]
        .iter()
        .chain([&none])
        .any(|word| text.eq_ignore_ascii_case(word));
    if is_none {
        Ok(None)
    } else {
        text.parse().map(Some).map_err(|error: crate::job::RateError| error.to_string())
    }
}

/// Selects all of a field's text: the next letter replaces it.
pub(super) fn select_all(ui: &Ui, id: egui::Id, text: &str) {
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(text.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(0), end)));
    state.store(ui.ctx(), id);
}

/// A text field as tall as the buttons beside it.
pub(super) fn field<'t>(text: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(text)
        .hint_text(hint.to_owned())
        .margin(egui::Margin::symmetric(10, 7))
        .min_size(vec2(0.0, super::theme::CONTROL))
        .align(egui::Align2::LEFT_CENTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_none_are_read() {
        for text in ["", " no cap ", "Off", "0", "Same as all"] {
            assert_eq!(read(text, "Same as all"), Ok(None), "{text}");
        }
        assert_eq!(read("1.5M", "No cap"), Ok(Rate::from_bytes_per_sec(1_572_864)));
        assert!(read("fast", "No cap").is_err_and(|why| why.contains("fast")));
    }
}
