//! The filters at the left, each with how many jobs it shows, and the choice of light or dark below them.

use egui::{Align, Align2, FontId, Layout, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::engine::Theme;

use super::listing::{Filter, Listing};
use super::theme::{self, Look};

/// Draws the filters; a click chooses one. Returns the theme the user has chosen, if any.
pub(super) fn show(ui: &mut Ui, listing: &mut Listing, theme: Theme) -> Option<Theme> {
    ui.spacing_mut().item_spacing.y = 2.0;
    for (filter, count) in Filter::EACH.into_iter().zip(listing.totals.counts) {
        let chosen = listing.filter == filter;
        if entry(ui, filter.text(), count, chosen) {
            listing.filter = filter;
        }
    }
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| theme_choice(ui, theme)).inner
}

fn theme_choice(ui: &mut Ui, current: Theme) -> Option<Theme> {
    let text = |theme| match theme {
        Theme::System => "As the system",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    };
    let mut chosen = None;
    // In a narrow window there is room for the choice only.
    let words = if ui.available_width() < 150.0 {
        super::words::upper_first(current.word())
    } else {
        format!("Appearance: {}", current.word())
    };
    let choice = theme::combo("Appearance", words).width(ui.available_width()).show_ui(ui, |ui| {
        for theme in Theme::ALL {
            if ui.selectable_label(theme == current, text(theme)).clicked() && theme != current {
                chosen = Some(theme);
            }
        }
    });
    choice.response.on_hover_text("Appearance").accessible_name("Appearance");
    chosen
}

fn entry(ui: &mut Ui, text: &str, count: usize, chosen: bool) -> bool {
    let look = Look::of(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, format!("{text}, {count}")));
    let fill = if chosen {
        Some(look.selected)
    } else if response.hovered() || response.has_focus() {
        Some(look.hovered)
    } else {
        None
    };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, 6.0, fill);
    }
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.5, look.accent);
        ui.painter().rect_stroke(rect, 6.0, stroke, egui::StrokeKind::Inside);
    }
    let (color, weak) = if chosen { (look.accent_text, look.accent_text) } else { (look.text, look.weak) };
    let font =
        if chosen { FontId::new(theme::BODY, theme::semibold()) } else { FontId::proportional(theme::BODY) };
    let y = rect.center().y;
    ui.painter().text(pos2(rect.left() + 12.0, y), Align2::LEFT_CENTER, text, font, color);
    let number = FontId::proportional(12.0);
    ui.painter().text(pos2(rect.right() - 12.0, y), Align2::RIGHT_CENTER, count, number, weak);
    response.clicked()
}
