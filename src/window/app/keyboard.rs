//! What the keyboard asks of the window.

use egui::{Event, Key, Modifiers, Popup, Ui};

use super::{App, Wish};
use crate::window::actions::Action;
use crate::window::list::{self, Scene};
use crate::window::sidebar::Page;
use crate::window::top_bar;

impl App {
    /// Keys and pastes that belong to no widget.
    pub(super) fn keyboard(&mut self, ui: &Ui) -> Option<usize> {
        let asked = self.question.is_some()
            || self.new_address.is_some()
            || self.login.is_some()
            || self.one_field.is_some()
            || self.shows_orphans
            || self.sheet.is_open();
        if self.add.is_some() || asked || self.drag.is_on() || Popup::is_any_open(ui.ctx()) {
            return None;
        }
        let focused = ui.memory(egui::Memory::focused);
        if focused == Some(top_bar::search_id()) && ui.input(|input| input.key_pressed(Key::Escape)) {
            self.listing.search.clear();
        }
        if ui.ctx().text_edit_focused() {
            // The field has the keys, but for the few that are the window's everywhere.
            self.keys_of_the_window(ui);
            return None;
        }
        let pasted = ui.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Paste(text) => Some(text.clone()),
                _ => None,
            })
        });
        if let Some(text) = pasted {
            self.offer(&text);
            return None;
        }
        if self.page == Page::Link {
            // What is done to jobs is done to those that are seen.
            self.keys_of_the_window(ui);
            if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
                self.page = Page::List;
            }
            return None;
        }
        let on_list = focused.is_none() || focused == Some(list::keyboard_id());
        let mut scene = Scene {
            snapshot: &self.snapshot,
            listing: &mut self.listing,
            selection: &mut self.selection,
            now: 0,
            scroll_to: None,
            drag: &mut self.drag,
            wishes: &mut self.wishes,
        };
        list::keyboard(ui, &mut scene, on_list);
        scene.scroll_to
    }

    /// The few keys that work everywhere.
    fn keys_of_the_window(&mut self, ui: &Ui) {
        for action in Action::EVERYWHERE {
            if let Some(shortcut) = &action.entry().shortcut
                && ui.input_mut(|input| input.consume_shortcut(shortcut))
            {
                self.wishes.push(Wish::Do(action));
            }
        }
    }
}
