//! The files of one job: how each stands, and what can be done with it.

use egui::{
    Align, Button, Label, Layout, Popup, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2,
};

use crate::engine::{Change, JobView};
use crate::job::{JobFile, Trouble, bytes_in_words};

use super::app::Wish;
use super::details::head_button;
use super::one_field::What;
use super::row::{self, label};
use super::theme::{self, Look};
use super::{icons, list, words};

/// The height of a file.
const HEIGHT: f32 = 30.0;

/// What stands beside the tabs.
pub(super) fn head(ui: &mut Ui, view: &JobView, wishes: &mut Vec<Wish>) {
    let can_add = !view.job.state.is_final();
    if head_button(ui, icons::ADD, "Add files…", can_add) {
        wishes.push(Wish::AddFiles(view.job.id));
    }
    let left_out = view.job.files.iter().filter(|file| file.is_left_out()).count();
    let mut text = words::files_done(view).unwrap_or_default();
    if left_out > 0 {
        text = format!("{text}, {left_out} left out");
    }
    ui.add_space(8.0);
    ui.add(Label::new(theme::weak(ui, text)).truncate());
}

/// Draws them. Only those that can be seen cost anything.
pub(super) fn show(ui: &mut Ui, view: &JobView, now: u64, wishes: &mut Vec<Wish>) {
    let files = &view.job.files;
    let area = ScrollArea::vertical().id_salt("files").auto_shrink(false);
    let countdown = area.show_rows(ui, HEIGHT, files.len(), |ui, range| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut countdown = None;
        for index in range {
            let Some(file) = files.get(index) else { continue };
            one(ui, view, index, file, now, wishes);
            if let Some(Trouble::Waiting(waiting)) = &file.trouble {
                countdown = countdown.into_iter().chain(words::next_change(waiting, now)).min();
            }
        }
        countdown
    });
    list::wake_for_words(ui, countdown.inner);
}

fn one(ui: &mut Ui, view: &JobView, index: usize, file: &JobFile, now: u64, wishes: &mut Vec<Wish>) {
    let look = Look::of(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::CLICK);
    let name = file.display_name();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ListItem, true, format!("File {name}")));
    if response.hovered() {
        ui.painter().rect_filled(rect, 6.0, look.hovered);
    }
    let (text, tone) =
        words::file_state(file, view.running.contains(&index), view.job.state.goes_on_by_itself(), now);
    let (bar, color) = row::colors(tone, &look);

    theme::icon(ui, pos2(rect.left() + 14.0, rect.center().y), icons::for_name(&name), 15.0, look.weak);
    let width = rect.width();
    let (menu_at, size_at) = (rect.right() - 34.0, rect.right() - 128.0);
    let state_at = rect.left() + (width * 0.42).floor();
    let cell = |from: f32, to: f32| Rect::from_min_max(pos2(from, rect.top()), pos2(to, rect.bottom()));
    let strong = if file.is_left_out() { look.weak } else { look.text };
    label(ui, cell(rect.left() + 30.0, state_at - 12.0), RichText::new(&name).color(strong), Align::Min);

    let state = cell(state_at, size_at - 12.0);
    let text = RichText::new(text).size(11.5).color(color);
    // A bar only where it says something: many full or empty ones are noise.
    let fraction = match file.total_bytes {
        Some(total) if total > 0 && !file.finished && !file.is_left_out() => {
            (file.synced_bytes() as f32 / total as f32).min(1.0)
        }
        _ => 0.0,
    };
    if fraction > 0.0 {
        let line = Rect::from_min_size(pos2(state.left(), state.top() + 2.0), vec2(state.width(), 16.0));
        label(ui, line, text, Align::Min);
        let track = Rect::from_min_size(pos2(state.left(), state.top() + 21.0), vec2(state.width(), 4.0));
        ui.painter().rect_filled(track, 2.0, look.track());
        let filled = track.with_max_x(track.left() + (track.width() * fraction).max(4.0));
        ui.painter().rect_filled(filled, 2.0, bar);
    } else {
        label(ui, state, text, Align::Min);
    }

    let size = file.total_bytes.map_or_else(|| "–".to_owned(), bytes_in_words);
    label(ui, cell(size_at, menu_at - 8.0), RichText::new(size).color(look.text), Align::Max);

    let mut corner = ui.new_child(
        UiBuilder::new().max_rect(cell(menu_at, rect.right())).layout(Layout::right_to_left(Align::Center)),
    );
    let button = theme::icon_button(&mut corner, icons::FOLD_OPEN, &format!("Actions for {name}"));
    Popup::menu(&button).show(|ui| menu(ui, view, index, file, wishes));
    response.context_menu(|ui| menu(ui, view, index, file, wishes));
    if response.double_clicked()
        && file.finished
        && let Some(path) = file.path()
    {
        wishes.push(Wish::Open(path));
    }
    if let Some(fault) = file.fault() {
        response.on_hover_text(fault.to_string());
    }
}

fn menu(ui: &mut Ui, view: &JobView, index: usize, file: &JobFile, wishes: &mut Vec<Wish>) {
    let id = view.job.id;
    ui.set_min_width(180.0);
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.spacing_mut().interact_size.y = 28.0;
    let live = !view.job.state.is_final();
    let mut item = |ui: &mut Ui, icon: char, text: &str, enabled: bool, wish: Wish| {
        if ui.add_enabled(enabled, Button::new((RichText::new(icon).size(14.0), text))).clicked() {
            wishes.push(wish);
        }
    };
    let path = file.path();
    let can_open = file.finished && path.is_some();
    item(ui, icons::OPEN, "Open", can_open, Wish::Open(path.unwrap_or_default()));
    ui.separator();
    let retry = if file.is_left_out() { "Fetch after all" } else { "Retry now" };
    let can_retry = live && !file.finished && file.trouble.is_some();
    item(ui, icons::RETRY, retry, can_retry, Wish::Change(vec![id], Change::RetryFile(index)));
    item(ui, icons::LINK, "Change address…", live && !file.finished, Wish::NewAddress(id, index));
    let can_restart = live && !file.finished && file.synced_bytes() > 0;
    item(ui, icons::INTO_TRAY, "Start over…", can_restart, Wish::StartOver(id, index));
    let name = Wish::Enter(id, What::Name(index));
    item(ui, icons::FILE, "Another name…", live && !file.finished, name);
    let checksum = Wish::Enter(id, What::Checksum(index));
    item(ui, icons::CHECK, "Checksum…", live && !file.finished, checksum);
    item(ui, icons::LEAVE_OUT, "Leave out", live && !file.is_left_out(), Wish::LeaveOut(id, index));
    ui.separator();
    let url = file.url.as_str().to_owned();
    item(ui, icons::COPY, "Copy address", true, Wish::Copy(url, "Address copied"));
}
