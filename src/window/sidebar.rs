//! The filters at the left, each with how many jobs it shows, and the ways to the link and to the settings below them.

use egui::{Align, Align2, FontId, Layout, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::actions::Action;
use super::app::Wish;
use super::listing::{Filter, Listing};
use super::theme::{self, Look};

/// What the middle of the window shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Page {
    #[default]
    List,
    Link,
}

/// Draws the filters and the way to the link; a click chooses one.
pub(super) fn show(ui: &mut Ui, listing: &mut Listing, page: &mut Page, wishes: &mut Vec<Wish>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    for (filter, count) in Filter::EACH.into_iter().zip(listing.totals.counts) {
        let chosen = listing.filter == filter && *page == Page::List;
        if entry(ui, filter.text(), Some(count), chosen).clicked() {
            listing.filter = filter;
            *page = Page::List;
        }
    }
    ui.add_space(4.0);
    ui.separator();
    ui.add_space(4.0);
    let hint = "How the link is used, and why we hold back (Ctrl+L)";
    if entry(ui, Action::Link.entry().text, None, *page == Page::Link).on_hover_text(hint).clicked() {
        *page = Page::Link;
    }
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
        let settings = Action::Settings.entry();
        let text = (egui::RichText::new(settings.icon).size(15.0), settings.text);
        let button = egui::Button::new(text).frame_when_inactive(false).gap(8.0);
        if ui.add(button).on_hover_text("Settings (Ctrl+,)").clicked() {
            wishes.push(Wish::Do(Action::Settings));
        }
    });
}

fn entry(ui: &mut Ui, text: &str, count: Option<usize>, chosen: bool) -> Response {
    let look = Look::of(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    let name = count.map_or_else(|| text.to_owned(), |count| format!("{text}, {count}"));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
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
    if let Some(count) = count {
        let number = FontId::proportional(12.0);
        ui.painter().text(pos2(rect.right() - 12.0, y), Align2::RIGHT_CENTER, count, number, weak);
    }
    response
}
