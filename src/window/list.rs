//! The list of jobs: its header, its rows, its context menu, and what it says when it is empty.

use egui::{Align2, EventFilter, FontId, Id, Key, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_extras::{Column as TableColumn, TableBuilder};

use crate::engine::{Change, JobView, Snapshot};
use crate::job::{JobState, Priority};

use super::actions::{self, Action};
use super::app::Wish;
use super::listing::{Filter, Listing, Reach, Selection, SortBy, clicked};
use super::reorder::{Drag, Place};
use super::row::{self, Column, Light};
use super::theme::{self, Look};
use super::{blank, icons, words};

/// The height of the header.
const HEADER: f32 = 32.0;

/// What the list is drawn from.
pub(super) struct Scene<'a> {
    pub snapshot: &'a Snapshot,
    pub listing: &'a mut Listing,
    pub selection: &'a mut Selection,
    /// Seconds since 1970.
    pub now: u64,
    /// A row the keyboard has gone to.
    pub scroll_to: Option<usize>,
    pub drag: &'a mut Drag,
    pub wishes: &'a mut Vec<Wish>,
}

/// Draws the list.
pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.listing.rows.is_empty() {
        return nothing(ui, scene);
    }
    let area = ui.available_rect_before_wrap();
    let columns = row::columns(area.width() - row::MARGIN);
    let light = Light {
        look: Look::of(ui.visuals()),
        now: scene.now,
        latest_sample: scene.listing.totals.latest_sample,
        has_left: columns.iter().any(|(column, _)| *column == Column::Left),
    };
    keyboard_place(ui, area, &light.look);
    ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
    let visuals = ui.visuals_mut();
    visuals.selection.bg_fill = light.look.selected;
    visuals.widgets.hovered.bg_fill = light.look.hovered;
    // Rows can be dragged in the user's own order only; a finger scrolls.
    let can_drag = scene.listing.sort.is_none() && !ui.input(egui::InputState::has_touch_screen);
    let sense = if can_drag { Sense::CLICK | Sense::DRAG } else { Sense::CLICK };
    let mut table = TableBuilder::new(ui)
        .id_salt("jobs")
        .sense(sense)
        .auto_shrink(false)
        .animate_scrolling(false)
        .min_scrolled_height(0.0);
    for (_, width) in &columns {
        table = table.column(TableColumn::exact(*width).clip(true));
    }
    table = table.column(TableColumn::exact(row::MARGIN));
    if let Some(row) = scene.scroll_to {
        table = table.scroll_to_row(row, None);
    }
    let rows = scene.listing.rows.len();
    let table = table.header(HEADER, |mut header| {
        for (column, _) in &columns {
            header.col(|ui| self::header(ui, *column, scene.listing, &light.look));
        }
        header.col(|_| {});
    });
    let mut countdown = None;
    let mut first = None;
    table.body(|body| {
        body.rows(row::HEIGHT, rows, |mut row| {
            let index = row.index();
            let Some(view) = scene.listing.job(scene.snapshot, index) else { return };
            let selected = scene.selection.contains(view.job.id);
            row.set_selected(selected);
            for (column, _) in &columns {
                row.col(|ui| row::cell(ui, *column, view, &light));
            }
            row.col(|_| {});
            countdown = countdown.into_iter().chain(next_change(view, scene.now)).min();
            let response = row.response();
            first = first.or(Some((index, response.rect.top())));
            react(&response, index, view, selected, scene);
        });
    });
    let line = area.top() + HEADER;
    ui.painter().hline(area.x_range(), line, Stroke::new(1.0, light.look.line));
    let body = area.with_min_y(line);
    let (selection, listing, snapshot) = (&*scene.selection, &*scene.listing, scene.snapshot);
    let what = || match selection.jobs(listing, snapshot).as_slice() {
        [one] => one.job.display_name(),
        many => words::count(many.len(), "download", "downloads"),
    };
    if let Some(gap) = scene.drag.follow(ui, body, first, rows, what) {
        scene.wishes.push(Wish::Move(Place::Gap(gap)));
    }
    wake_for_words(ui, countdown);
}

/// In how many seconds the words for a job change by themselves, if they do.
pub(super) fn next_change(view: &JobView, now: u64) -> Option<u64> {
    let JobState::Waiting(waiting) = &view.job.state else { return None };
    words::next_change(waiting, now)
}

/// Draws once more when words that can be seen have changed by themselves.
pub(super) fn wake_for_words(ui: &Ui, secs: Option<u64>) {
    if let Some(secs) = secs {
        let delay = std::time::Duration::from_secs(secs);
        ui.ctx().request_repaint_after_for(delay, egui::ViewportId::ROOT);
    }
}

/// The place of the list in the order of the Tab key; rows themselves are reached with the arrows.
fn keyboard_place(ui: &Ui, area: egui::Rect, look: &Look) {
    let response = ui.interact(area, keyboard_id(), Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::List, true, "Downloads"));
    if response.has_focus() {
        let filter = EventFilter { vertical_arrows: true, escape: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let stroke = Stroke::new(1.5, look.accent);
        ui.painter().rect_stroke(area.shrink(1.0), 4.0, stroke, egui::StrokeKind::Inside);
    }
}

/// The id of the list as something that can have the keyboard.
pub(super) fn keyboard_id() -> Id {
    Id::unique("the list of downloads")
}

fn header(ui: &mut Ui, column: Column, listing: &mut Listing, look: &Look) {
    let (text, by, at_right) = match column {
        Column::Icon | Column::Graph => return,
        Column::Name => ("Name", Some(SortBy::Name), false),
        Column::Progress => ("Progress", Some(SortBy::Progress), false),
        Column::Size => ("Size", Some(SortBy::Size), true),
        Column::Speed => ("Speed", Some(SortBy::Speed), true),
        Column::Left => ("Time left", None, true),
        Column::Added => ("Added", Some(SortBy::Added), true),
    };
    let rect = ui.max_rect();
    let sense = if by.is_some() { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with("header"), sense);
    let sorted = listing.sort.filter(|(current, _)| Some(*current) == by);
    let strong = response.hovered() && by.is_some() || response.has_focus() || sorted.is_some();
    let color = if strong { look.text } else { look.weak };
    let font = FontId::proportional(12.0);
    let align = if at_right { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
    let x = if at_right { rect.right() } else { rect.left() };
    let drawn = ui.painter().text(pos2(x, rect.center().y), align, text, font, color);
    if let Some((_, reversed)) = sorted {
        let icon = if reversed { icons::SORTED_UP } else { icons::SORTED_DOWN };
        let x = if at_right { drawn.left() - 9.0 } else { drawn.right() + 9.0 };
        theme::icon(ui, pos2(x, rect.center().y), icon, 10.0, look.accent_text);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.5, look.accent);
        ui.painter().rect_stroke(rect.shrink(2.0), 4.0, stroke, egui::StrokeKind::Inside);
    }
    let Some(by) = by else { return };
    let state = match sorted {
        None => "",
        Some((_, false)) => ", sorted",
        Some((_, true)) => ", sorted the other way",
    };
    response.widget_info(|| {
        WidgetInfo::labeled(Role::ColumnHeader, true, format!("Sort by {}{state}", text.to_lowercase()))
    });
    if response.clicked() {
        listing.sort = clicked(listing.sort, by);
    }
    response.context_menu(|ui| sort_menu(ui, listing));
}

fn sort_menu(ui: &mut Ui, listing: &mut Listing) {
    for by in SortBy::EACH {
        let chosen = listing.sort.is_some_and(|(current, _)| current == by);
        if ui.selectable_label(chosen, format!("Sort by {}", by.text().to_lowercase())).clicked() {
            listing.sort = Some((by, false));
        }
    }
    ui.separator();
    if ui.selectable_label(listing.sort.is_none(), "Your own order").clicked() {
        listing.sort = None;
    }
}

/// What the mouse does to a row.
fn react(response: &egui::Response, index: usize, view: &JobView, selected: bool, scene: &mut Scene<'_>) {
    let name = view.job.display_name();
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, &name));
    if response.clicked() {
        let reach = Reach::of(response.ctx.input(|input| input.modifiers));
        scene.selection.touch(index, reach, scene.listing, scene.snapshot);
        // The keyboard is the list's now; its ring is for those who came with the Tab key.
        response.ctx.memory_mut(|memory| {
            if let Some(focused) = memory.focused().filter(|focused| *focused != keyboard_id()) {
                memory.surrender_focus(focused);
            }
        });
    }
    if response.drag_started_by(egui::PointerButton::Primary) {
        if !selected {
            scene.selection.touch(index, Reach::One, scene.listing, scene.snapshot);
        }
        scene.drag.start();
    }
    if response.double_clicked() && (Action::Open.entry().applies)(view) {
        scene.wishes.push(Wish::Do(Action::Open));
    }
    if response.secondary_clicked() && !selected {
        scene.selection.touch(index, Reach::One, scene.listing, scene.snapshot);
    }
    response.context_menu(|ui| context_menu(ui, scene));
}

fn context_menu(ui: &mut Ui, scene: &mut Scene<'_>) {
    let jobs = scene.selection.jobs(scene.listing, scene.snapshot);
    ui.set_min_width(210.0);
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.spacing_mut().interact_size.y = 28.0;
    let mut item = |ui: &mut Ui, action: Action| {
        let entry = action.entry();
        let right_number = jobs.len() == 1 || !action.is_for_one();
        let enabled = right_number && jobs.iter().any(|view| (entry.applies)(view));
        let mut button = egui::Button::new((egui::RichText::new(entry.icon).size(14.0), entry.text));
        if let Some(shortcut) = &entry.shortcut {
            button = button.shortcut_text(ui.ctx().format_shortcut(shortcut));
        }
        if ui.add_enabled(enabled, button).clicked() {
            scene.wishes.push(Wish::Do(action));
        }
    };
    for action in [Action::Open, Action::OpenFolder] {
        item(ui, action);
    }
    ui.separator();
    if jobs.iter().any(|view| (Action::Accept.entry().applies)(view)) {
        item(ui, Action::Accept);
    }
    for action in [Action::Resume, Action::Pause, Action::Retry, Action::Cancel] {
        item(ui, action);
    }
    ui.separator();
    for action in [
        Action::CopyAddress,
        Action::ChangeAddress,
        Action::ChooseFolder,
        Action::StartOver,
        Action::AddFiles,
        Action::Remove,
    ] {
        item(ui, action);
    }
    ui.separator();
    let own_order = scene.listing.sort.is_none();
    ui.menu_button((egui::RichText::new(icons::MOVE).size(14.0), "Move"), |ui| {
        ui.set_min_width(190.0);
        for action in [Action::MoveFirst, Action::MoveUp, Action::MoveDown, Action::MoveLast] {
            ui.add_enabled_ui(own_order, |ui| item(ui, action));
        }
        if !own_order {
            ui.label(theme::weak(ui, "The list is sorted").size(theme::SMALL));
        }
    });
    let ids = || jobs.iter().map(|view| view.job.id).collect::<Vec<_>>();
    let current = jobs.first().map(|view| view.job.priority);
    let same = jobs.iter().all(|view| Some(view.job.priority) == current);
    ui.menu_button((egui::RichText::new(icons::PRIORITY).size(14.0), "Priority"), |ui| {
        for priority in Priority::ALL {
            let text = words::upper_first(priority.word());
            if ui.selectable_label(same && current == Some(priority), text).clicked() {
                scene.wishes.push(Wish::Change(ids(), Change::SetPriority(priority)));
                ui.close();
            }
        }
    });
}

/// What stands where there are no rows.
fn nothing(ui: &mut Ui, scene: &mut Scene<'_>) {
    let (icon, title, hint) = if scene.snapshot.jobs.is_empty() {
        (icons::INTO_TRAY, "Nothing here yet".to_owned(), "Paste a link with Ctrl+V, or press Add")
    } else if !scene.listing.search.trim().is_empty() {
        let title = format!("Nothing found for “{}”", scene.listing.search.trim());
        (icons::SEARCH, title, "Names and addresses are searched; Esc clears the search")
    } else {
        let (title, hint) = match scene.listing.filter {
            Filter::All => ("Nothing here yet", "Paste a link with Ctrl+V, or press Add"),
            Filter::Active => ("Nothing is downloading", "What runs at this moment is shown here"),
            Filter::Waiting => ("Nothing is waiting", "What is queued, paused or waiting is shown here"),
            Filter::Finished => {
                ("Nothing is finished yet", "Finished downloads stay here until you remove them")
            }
            Filter::Failed => ("Nothing has failed", "What needs you is shown here"),
        };
        (icons::CHECK, title.to_owned(), hint)
    };
    blank::show(ui, icon, &title, hint, |ui| {
        if scene.snapshot.jobs.is_empty() {
            ui.add_space(12.0);
            let add = Action::Add.entry();
            let pressed = theme::primary(ui, |ui| {
                let text = (egui::RichText::new(add.icon).size(14.0), theme::bold("Add a download…"));
                ui.add(egui::Button::new(text).min_size(vec2(0.0, 36.0))).clicked()
            });
            if pressed {
                scene.wishes.push(Wish::Do(Action::Add));
            }
        }
    });
}

/// What the keyboard asks of the list, where nothing else wants it: moves in the list, and actions.
pub(super) fn keyboard(ui: &Ui, scene: &mut Scene<'_>, on_list: bool) {
    if on_list {
        moves(ui, scene);
    }
    for entry in &actions::TABLE {
        let Some(shortcut) = &entry.shortcut else { continue };
        // Keys without Ctrl belong to the button that has the focus.
        let ours = on_list || shortcut.modifiers.command;
        if ours
            && entry.action != Action::CopyAddress
            && ui.input_mut(|input| input.consume_shortcut(shortcut))
        {
            scene.wishes.push(Wish::Do(entry.action));
        }
    }
    // Copying comes as an event of its own.
    if ui.input(|input| input.events.contains(&egui::Event::Copy)) {
        scene.wishes.push(Wish::Do(Action::CopyAddress));
    }
}

fn moves(ui: &Ui, scene: &mut Scene<'_>) {
    let rows = scene.listing.rows.len();
    let cursor = scene.selection.cursor.and_then(|id| scene.listing.row_of(scene.snapshot, id));
    let page = (ui.available_height() / row::HEIGHT).max(2.0) as usize - 1;
    let (moved, modifiers) = ui.input_mut(|input| {
        let modifiers = input.modifiers;
        let reach = egui::Modifiers { shift: false, ..modifiers };
        let mut pressed = |key| reach.is_none() && (input.consume_key(modifiers, key));
        let moved = if pressed(Key::ArrowDown) {
            Some(cursor.map_or(0, |row| row + 1))
        } else if pressed(Key::ArrowUp) {
            Some(cursor.map_or(rows, |row| row).saturating_sub(1))
        } else if pressed(Key::PageDown) {
            Some(cursor.unwrap_or(0) + page)
        } else if pressed(Key::PageUp) {
            Some(cursor.unwrap_or(0).saturating_sub(page))
        } else if pressed(Key::Home) {
            Some(0)
        } else if pressed(Key::End) {
            Some(rows)
        } else {
            None
        };
        (moved, modifiers)
    });
    if let Some(row) = moved.map(|row| row.min(rows.saturating_sub(1)))
        && rows > 0
    {
        scene.selection.touch(row, Reach::of(modifiers), scene.listing, scene.snapshot);
        scene.scroll_to = Some(row);
    }
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Space)) {
        let jobs = scene.selection.jobs(scene.listing, scene.snapshot);
        let pause = jobs.iter().any(|view| (Action::Pause.entry().applies)(view));
        scene.wishes.push(Wish::Do(if pause { Action::Pause } else { Action::Resume }));
    }
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape)) {
        scene.wishes.push(Wish::Clear);
    }
}
