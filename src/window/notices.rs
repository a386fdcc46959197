//! The bars under the top bar: what the user should read, and what was found without a job.

use std::collections::HashSet;

use egui::{Align, Button, Color32, Frame, Label, Layout, Margin, Panel, RichText, Ui};

use crate::engine::Snapshot;

use super::app::Wish;
use super::theme::{self, Look};
use super::{icons, orphans};

/// Draws them. `dismissed` are the texts the user has read.
pub(super) fn show(
    ui: &mut Ui,
    stopped: bool,
    snapshot: &Snapshot,
    dismissed: &mut HashSet<String>,
    wishes: &mut Vec<Wish>,
) {
    let look = Look::of(ui.visuals());
    if stopped {
        let text = "Meanwhile's engine has stopped, so nothing is downloaded. \
                    You can quit and start Meanwhile again.";
        bar(ui, "stopped", icons::WARNING, look.bad.1, text, |_| {});
    }
    for (index, text) in snapshot.notices.iter().enumerate() {
        if dismissed.contains(text) {
            continue;
        }
        bar(ui, ("notice", index), icons::WARNING, look.wait.1, text, |ui| {
            if theme::icon_button(ui, icons::CLOSE, "Dismiss notice").clicked() {
                dismissed.insert(text.clone());
            }
        });
    }
    let found = &snapshot.orphans;
    // Others than those that were dismissed are news.
    let text = orphans::sentence(found);
    if found.is_empty() || dismissed.contains(&text) {
        return;
    }
    bar(ui, "orphans", icons::INFO, look.accent_text, &text, |ui| {
        if theme::icon_button(ui, icons::CLOSE, "Not now").clicked() {
            dismissed.insert(text.clone());
        }
        if ui.add(Button::new("Delete…")).clicked() {
            wishes.push(Wish::DeleteOrphans(orphans::all(found)));
        }
        if ui.add(Button::new("Show")).clicked() {
            wishes.push(Wish::ShowOrphans);
        }
        let known = orphans::known(found);
        let label = if known.len() == found.len() {
            "Take up again".to_owned()
        } else {
            format!("Take up {} again", known.len())
        };
        if !known.is_empty() && ui.add(Button::new(theme::bold(label))).clicked() {
            wishes.push(Wish::Adopt(known));
        }
    });
}

/// One bar; what is added stands at its right, the last of it leftmost.
fn bar(
    ui: &mut Ui,
    id: impl egui::AsIdSalt,
    icon: char,
    color: Color32,
    text: &str,
    add: impl FnOnce(&mut Ui),
) {
    let look = Look::of(ui.visuals());
    let margin = Margin { left: 18, right: 10, top: 6, bottom: 6 };
    let frame = Frame::new().fill(look.panel.lerp_to_gamma(color, 0.10)).inner_margin(margin);
    let id = egui::Id::unique("notices").with(id);
    Panel::top(id).resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 28.0;
            ui.spacing_mut().button_padding.y = 4.0;
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.visuals_mut().widgets.inactive.weak_bg_fill = look.panel;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                add(ui);
                ui.add_space(6.0);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.label(RichText::new(icon).size(16.0).color(color));
                    ui.add(Label::new(text).wrap());
                });
            });
        });
    });
}
