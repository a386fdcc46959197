//! What stands where there is nothing to show yet.

use egui::{Rect, Sense, Ui, UiBuilder, vec2};

use super::theme::{self, Look};

/// An icon, what is not there, and what to do about it, in the middle of what is left; `more` is drawn beneath.
pub(super) fn show(ui: &mut Ui, icon: char, title: &str, hint: &str, more: impl FnOnce(&mut Ui)) {
    let look = Look::of(ui.visuals());
    let area = ui.available_rect_before_wrap();
    let block = Rect::from_center_size(area.center(), vec2(area.width().min(440.0), 220.0));
    ui.scope_builder(UiBuilder::new().max_rect(block), |ui| {
        ui.vertical_centered(|ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            let (spot, _) = ui.allocate_exact_size(vec2(76.0, 76.0), Sense::hover());
            ui.painter().circle_filled(spot.center(), 38.0, look.selected);
            theme::icon(ui, spot.center(), icon, 34.0, look.accent_text);
            ui.add_space(8.0);
            ui.label(theme::bold(title).size(theme::TITLE));
            ui.label(theme::weak(ui, hint));
            more(ui);
        });
    });
}
