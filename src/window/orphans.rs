//! Unfinished files without a job: what is said of them, and the dialog that lists them.

use std::path::PathBuf;

use egui::{Align, Context, Id, Key, Label, Layout, Modal, RichText, ScrollArea, Ui, vec2};

use crate::job::{Orphan, bytes_in_words};

use super::app::Wish;
use super::theme::{self, Look};
use super::{icons, words};

/// The height of one of them.
const HEIGHT: f32 = 44.0;

/// What the notice says.
pub(super) fn sentence(orphans: &[Orphan]) -> String {
    match orphans.len() {
        1 => "An unfinished download was found that is not on the list".to_owned(),
        number => format!("{number} unfinished downloads were found that are not on the list"),
    }
}

/// Those of which it is known what they belong to.
pub(super) fn known(orphans: &[Orphan]) -> Vec<PathBuf> {
    orphans.iter().filter(|orphan| orphan.file.is_some()).map(|orphan| orphan.part.clone()).collect()
}

/// All of them.
pub(super) fn all(orphans: &[Orphan]) -> Vec<PathBuf> {
    orphans.iter().map(|orphan| orphan.part.clone()).collect()
}

/// Draws the dialog; says whether it is to be closed.
pub(super) fn show(ctx: &Context, orphans: &[Orphan], wishes: &mut Vec<Wish>) -> bool {
    let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(22).corner_radius(12);
    let shown = Modal::new(Id::unique("unfinished downloads")).frame(frame).show(ctx, |ui| {
        ui.set_width(600.0);
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.label(theme::bold("Unfinished downloads that are not on the list").size(theme::TITLE));
        let text = "They are left from a list that was lost or damaged. What can be taken up again goes on where it \
                    stopped; of the others it is not known where they came from.";
        ui.add(Label::new(theme::weak(ui, text)).wrap());
        ui.add_space(6.0);
        let most = (ctx.content_rect().height() - 220.0).clamp(HEIGHT * 2.0, HEIGHT * 8.0);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let area = ScrollArea::vertical().max_height(most).auto_shrink([false, true]);
            area.show_rows(ui, HEIGHT, orphans.len(), |ui, range| {
                for orphan in orphans.get(range).unwrap_or_default() {
                    one(ui, orphan, wishes);
                }
            });
        });
        ui.add_space(8.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.set_max_height(theme::CONTROL);
            let close = ui.add(egui::Button::new("Close").min_size(vec2(96.0, theme::CONTROL)));
            close.clicked()
        })
        .inner
    });
    let escaped =
        shown.is_top_modal && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
    shown.inner || escaped
}

fn one(ui: &mut Ui, orphan: &Orphan, wishes: &mut Vec<Wish>) {
    let look = Look::of(ui.visuals());
    let file_name = orphan.part.file_name().unwrap_or(orphan.part.as_os_str()).to_string_lossy().into_owned();
    let name = orphan.file.as_ref().map_or_else(|| file_name.clone(), |file| file.display_name());
    ui.horizontal(|ui| {
        ui.set_height(HEIGHT);
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(RichText::new(icons::for_name(&name)).size(17.0).color(look.weak));
        let text = ui.available_width() - 190.0;
        ui.vertical(|ui| {
            ui.set_width(text);
            ui.add_space(5.0);
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add(Label::new(theme::bold(&name)).truncate());
            let (size, place) = (bytes_in_words(orphan.bytes), orphan.part.display());
            let from = orphan.file.as_ref().and_then(|file| file.url.host_str());
            let from = from.map_or_else(|| "origin unknown".to_owned(), |host| format!("from {host}"));
            let said = RichText::new(format!("{size} · {from} · {place}")).size(theme::SMALL);
            ui.add(Label::new(said.color(look.weak)).truncate()).on_hover_text(place.to_string());
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let paths = || vec![orphan.part.clone()];
            if theme::icon_button(ui, icons::REMOVE, &format!("Delete {name}…")).clicked() {
                wishes.push(Wish::DeleteOrphans(paths()));
            }
            if theme::icon_button(ui, icons::FOLDER, &format!("Open folder of {name}")).clicked() {
                let folder = orphan.part.parent().map(PathBuf::from).unwrap_or_default();
                wishes.push(Wish::Open(folder));
            }
            if orphan.file.is_some() {
                ui.spacing_mut().interact_size.y = 28.0;
                ui.spacing_mut().button_padding = vec2(10.0, 4.0);
                ui.add_space(4.0);
                let button = ui.button("Take up again").accessible_name(format!("Take up {name} again"));
                if button.clicked() {
                    wishes.push(Wish::Adopt(paths()));
                }
            }
        });
    });
}

/// The question before they are deleted.
pub(super) fn before_deleting(orphans: &[Orphan], paths: &[PathBuf]) -> String {
    let chosen: Vec<_> = orphans.iter().filter(|orphan| paths.contains(&orphan.part)).collect();
    let bytes = bytes_in_words(chosen.iter().map(|orphan| orphan.bytes).sum());
    let what = match chosen.as_slice() {
        [one] => format!("“{}”", one.part.display()),
        many => words::count(many.len(), "unfinished file", "unfinished files"),
    };
    format!("Delete {what} ({bytes}) for good?")
}
