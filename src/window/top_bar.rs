//! The bar at the top: add, pause all, search, the cap.

use egui::{Align, Button, Id, Layout, RichText, Ui, vec2};

use crate::engine::Snapshot;
use crate::job::Rate;

use super::actions::Action;
use super::app::Wish;
use super::cap::Cap;
use super::listing::Listing;
use super::rate_field::field;
use super::{icons, theme};

/// The id of the search field.
pub(super) fn search_id() -> Id {
    Id::unique("search downloads")
}

/// Draws the bar; returns a new cap when the user has set one.
pub(super) fn show(
    ui: &mut Ui,
    cap: &mut Cap,
    snapshot: &Snapshot,
    listing: &mut Listing,
    wishes: &mut Vec<Wish>,
) -> Option<Option<Rate>> {
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
        let cap_width = if roomy { 326.0 } else { 296.0 };
        let search_width = (ui.available_width() - cap_width - 16.0).clamp(110.0, 300.0);
        let prefix = theme::weak(ui, icons::SEARCH).size(14.0);
        let search = field(&mut listing.search, "Search downloads")
            .id(search_id())
            .prefix(prefix)
            .desired_width(search_width - 20.0);
        ui.add(search).accessible_name("Search downloads");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let slider = if roomy { 170.0 } else { 140.0 };
            // Laid out from the left inside, but standing at the right.
            ui.allocate_ui_with_layout(
                vec2(cap_width - 8.0, theme::CONTROL),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.spacing_mut().item_spacing.x = 6.0;
                    ui.add_space((ui.available_width() - slider - 96.0 - 24.0 - 16.0).max(0.0));
                    new_cap = cap.show(ui, snapshot.limit, slider);
                },
            );
        });
    });
    new_cap
}
