//! The bar at the top: add, pause all, search, the cap and the slow one.

use egui::{Button, Id, Response, RichText, Role, Ui, WidgetInfo, vec2};

use crate::engine::Snapshot;

use super::actions::{Action, Entry};
use super::app::Wish;
use super::cap::{self, Cap};
use super::listing::Listing;
use super::rate_field::{SetTo, field};
use super::theme::{self, Look};
use super::{icons, words};

/// The width of the button that slows everything down.
const SLOW: f32 = 64.0;

/// The width of the button to the timetable, with its word and without.
const TIMETABLE: (f32, f32) = (112.0, theme::CONTROL + 4.0);

/// The id of the search field.
pub(super) fn search_id() -> Id {
    Id::unique("search downloads")
}

/// Draws the bar; `now` is in seconds since 1970. Returns a new cap when the user has set one.
pub(super) fn show(
    ui: &mut Ui,
    cap_control: &mut Cap,
    snapshot: &Snapshot,
    listing: &mut Listing,
    now: u64,
    wishes: &mut Vec<Wish>,
) -> Option<SetTo> {
    let width = ui.available_width();
    let roomy = width >= 860.0;
    let mut new_cap = None;
    ui.horizontal_centered(|ui| {
        let add = theme::primary(ui, |ui| {
            let text = (RichText::new(icons::ADD).size(14.0), theme::bold("Add"));
            ui.add(Button::new(text).min_size(vec2(0.0, theme::CONTROL)).gap(6.0))
        });
        if add.on_hover_text("Add downloads (Ctrl+N)").clicked() {
            wishes.push(Wish::Do(Action::Add));
        }
        if hold(ui, snapshot.paused, roomy) {
            wishes.push(Wish::Hold(!snapshot.paused));
        }
        ui.add_space(8.0);
        let slider = if roomy { 170.0 } else { 140.0 };
        let timetable = if roomy { TIMETABLE.0 } else { TIMETABLE.1 };
        let right = cap::width(slider) + cap::GAP + SLOW + cap::GAP + timetable;
        let search_width = (ui.available_width() - right - 24.0).clamp(100.0, 300.0);
        let prefix = theme::weak(ui, icons::SEARCH).size(14.0);
        let search = field(&mut listing.search, "Search downloads")
            .id(search_id())
            .prefix(prefix)
            .desired_width(search_width);
        ui.add(search).accessible_name("Search downloads");
        // Stands at the right, whatever is left of it.
        ui.add_space((ui.available_width() - right).max(0.0));
        new_cap = cap_control.show(ui, snapshot.limit, slider);
        if slow(ui, snapshot.slow) {
            wishes.push(Wish::Slow(!snapshot.slow));
        }
        let held = words::by_timetable(&listing.totals.by_timetable, false, now);
        if to_timetable(ui, timetable, roomy, held) {
            wishes.push(Wish::Do(Action::Timetable));
        }
    });
    new_cap
}

/// The switch that holds everything. It keeps its place and its width, whatever it says.
fn hold(ui: &mut Ui, paused: bool, roomy: bool) -> bool {
    let (icon, text) = if paused { (icons::RESUME, "Resume all") } else { (icons::PAUSE, "Pause all") };
    let look = Look::of(ui.visuals());
    let draw = |ui: &mut Ui| {
        if roomy {
            let label = (RichText::new(icon).size(14.0), theme::bold(text));
            ui.add(Button::new(label).gap(6.0).min_size(vec2(118.0, theme::CONTROL)))
        } else {
            let size = vec2(theme::CONTROL + 4.0, theme::CONTROL);
            ui.add(Button::new(RichText::new(icon).size(15.0)).min_size(size))
        }
    };
    let response = if paused { theme::switched_on(ui, look.wait, draw) } else { draw(ui) };
    switch(&response, paused, text);
    let hint = if paused {
        "All downloads are paused, also after a restart. Those paused by hand stay paused."
    } else {
        "Hold all downloads until you resume them, also after a restart"
    };
    response.on_hover_text(hint).clicked()
}

/// The switch to the slow cap.
fn slow(ui: &mut Ui, on: bool) -> bool {
    let look = Look::of(ui.visuals());
    let draw = |ui: &mut Ui| ui.add(Button::new(theme::bold("Slow")).min_size(vec2(SLOW, theme::CONTROL)));
    let response = if on { theme::switched_on(ui, (look.accent, look.accent_text), draw) } else { draw(ui) };
    switch(&response, on, "Slow");
    let hint = if on {
        "The slow cap holds until you switch it off, also after a restart"
    } else {
        "Keep all downloads to the slow cap of the settings"
    };
    response.on_hover_text(hint).clicked()
}

/// The way to the painted week.
fn to_timetable(ui: &mut Ui, width: f32, roomy: bool, held: Option<String>) -> bool {
    let look = Look::of(ui.visuals());
    let Entry { icon, text, .. } = Action::Timetable.entry();
    let icon = RichText::new(*icon).size(15.0);
    let label = if roomy { Button::new((icon, theme::bold(*text))).gap(6.0) } else { Button::new(icon) };
    let draw = |ui: &mut Ui| {
        ui.spacing_mut().button_padding.x = 8.0;
        ui.add(label.min_size(vec2(width, theme::CONTROL)))
    };
    // Lit while it holds something: "no cap" beside it would be a riddle otherwise.
    let colors = (look.accent, look.accent_text);
    let response = if held.is_some() { theme::switched_on(ui, colors, draw) } else { ui.scope(draw).inner };
    let now = held.map_or_else(String::new, |held| format!("; now the {held}"));
    let hint = format!("When how much may be used (Ctrl+T){now}");
    response.accessible_name(*text).on_hover_text(hint).clicked()
}

/// Says that it is a switch, and how it stands.
fn switch(response: &Response, on: bool, text: &str) {
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, text));
}
