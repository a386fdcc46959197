//! The bar at the top: add, pause all, search, the cap.

use egui::{Button, Id, RichText, Ui, vec2};

use crate::engine::Snapshot;

use super::actions::Action;
use super::app::Wish;
use super::cap::{self, Cap};
use super::listing::Listing;
use super::rate_field::{SetTo, field};
use super::{icons, theme};

/// The id of the search field.
pub(super) fn search_id() -> Id {
    Id::unique("search downloads")
}

/// Draws the bar; returns a new cap when the user has set one.
pub(super) fn show(
    ui: &mut Ui,
    cap_control: &mut Cap,
    snapshot: &Snapshot,
    listing: &mut Listing,
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
        let totals = listing.totals;
        let mut all = |ui: &mut Ui, icon: char, text: &str, enabled: bool, wish: Wish| {
            let label = if roomy {
                Button::new(theme::bold(text))
            } else {
                Button::new(RichText::new(icon).size(15.0))
            };
            let response = ui.add_enabled(enabled, label.min_size(vec2(0.0, theme::CONTROL)));
            let response = if roomy { response } else { response.accessible_name(text).on_hover_text(text) };
            if response.clicked() {
                wishes.push(wish);
            }
        };
        all(ui, icons::PAUSE, "Pause all", totals.going_on > 0, Wish::PauseAll);
        all(ui, icons::RESUME, "Resume all", totals.suspended > 0, Wish::ResumeAll);
        ui.add_space(8.0);
        let slider = if roomy { 170.0 } else { 140.0 };
        let search_width = (ui.available_width() - cap::width(slider) - 24.0).clamp(110.0, 300.0);
        let prefix = theme::weak(ui, icons::SEARCH).size(14.0);
        let search = field(&mut listing.search, "Search downloads")
            .id(search_id())
            .prefix(prefix)
            .desired_width(search_width);
        ui.add(search).accessible_name("Search downloads");
        // Stands at the right, whatever is left of it.
        ui.add_space((ui.available_width() - cap::width(slider)).max(0.0));
        new_cap = cap_control.show(ui, snapshot.limit, slider);
    });
    new_cap
}
