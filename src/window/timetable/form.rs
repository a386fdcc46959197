//! What is around the grid: the switch, brushes, text fields, allowances and buttons.

use egui::{
    Align, Align2, FontId, Key, Label, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::engine::local_minute_of_week;
use crate::job::{Allowance, Rate, Window};
use crate::window::add::checkbox;
use crate::window::list;
use crate::window::rate_field::{field, select_all};
use crate::window::theme::{self, Look};

use super::draft::{Layer, Preset};
use super::{TimetableDialog, grid, words};

/// The brushes with their keys, in the order in which they are shown.
pub(super) const KEYS: [(Key, Window); 3] =
    [(Key::Num1, Window::Work), (Key::Num2, Window::Maintenance), (Key::Num0, Window::NonWork)];

/// The width of the names at the left.
const NAMES: f32 = 92.0;
/// Between what is allowed to one priority and to the next, and between a choice and its field.
const BETWEEN: f32 = 4.0;
/// The width of the choice of an allowance.
const CHOICE: f32 = 104.0;
/// What a window allows when it is first given a limit.
const FIRST_LIMIT: u64 = 1 << 20;

impl TimetableDialog {
    pub(super) fn form(&mut self, ui: &mut Ui, now: u64, row: f32) {
        let text = "Paint when it is work and when it is maintenance; all other time is non-work. Below stands what each \
                    allows all downloads of a priority together; foreground ones are never held.";
        ui.add(Label::new(theme::weak(ui, text)).wrap());
        ui.horizontal(|ui| {
            let switch = checkbox(ui, &mut self.draft.on, "Keep to the timetable");
            if !self.focused {
                self.focused = true;
                switch.request_focus();
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                small(ui);
                for preset in Preset::EACH.into_iter().rev() {
                    if ui.button(preset.text()).on_hover_text(preset.hint()).clicked() {
                        self.draft.preset(preset);
                    }
                }
            });
        });
        let readout = ui
            .horizontal(|ui| {
                for (key, window) in KEYS {
                    if brush(ui, key, window, self.brush == window) {
                        self.brush = window;
                    }
                }
                ui.available_rect_before_wrap()
            })
            .inner;
        let minute = local_minute_of_week(now);
        let said = self.grid.show(ui, &mut self.draft, self.brush, minute, row);
        if let Some(said) = said {
            let at = pos2(readout.right(), readout.center().y);
            let color = Look::of(ui.visuals()).weak;
            ui.painter().text(at, Align2::RIGHT_CENTER, said, FontId::proportional(12.0), color);
        }
        ui.add_space(4.0);
        spans(ui, "Work", "none; for example mon-fri 08:00-17:30; sat 10:00-12:00", &mut self.draft.work);
        spans(ui, "Maintenance", "none; for example daily 22:00-06:00", &mut self.draft.maintenance);
        ui.add_space(6.0);
        self.allowances(ui);
        ui.add_space(2.0);
        checkbox(ui, &mut self.draft.lan_exempt, "Leave out servers in the same network as this computer");
        // The words below go by the minute.
        list::wake_for_words(ui, Some(60 - now % 60));
    }

    fn allowances(&mut self, ui: &mut Ui) {
        let column = (ui.available_width() - NAMES - 3.0 * BETWEEN) / 3.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = BETWEEN;
            theme::named(ui, NAMES, theme::weak(ui, "Allows").size(12.0));
            for name in ["High priority", "Normal priority", "Low priority"] {
                theme::named(ui, column, theme::weak(ui, name).size(12.0));
            }
        });
        for (row, (_, window)) in KEYS.into_iter().enumerate() {
            let limits = self.draft.limits_mut(window);
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = BETWEEN;
                theme::named(ui, NAMES, RichText::new(name_of(window)));
                let columns =
                    [("high", &mut limits.high), ("normal", &mut limits.normal), ("low", &mut limits.low)];
                for ((priority, allowance), text) in columns.into_iter().zip(&mut self.limits.0[row]) {
                    let name = format!("{} for {priority} priority", name_of(window));
                    ui.allocate_ui_with_layout(
                        vec2(column, theme::CONTROL),
                        Layout::left_to_right(Align::Center),
                        |ui| {
                            ui.set_min_width(column);
                            text.show(ui, &name, allowance, column);
                        },
                    );
                }
            });
        }
        if let Some(wrong) = self.limits.wrong() {
            complaint(ui, wrong);
        }
    }

    /// What it comes to, what is wrong, and the buttons. `Some(true)` is apply, `Some(false)` cancel.
    pub(super) fn foot(&self, ui: &mut Ui, now: u64) -> Option<bool> {
        ui.add_space(2.0);
        if let Some(error) = &self.error {
            complaint(ui, error);
        }
        let look = Look::of(ui.visuals());
        let words = words::now_and_next(&self.draft.timetable(), local_minute_of_week(now));
        let color = if self.draft.on { look.text } else { look.wait.1 };
        let mut pressed = None;
        ui.horizontal(|ui| {
            ui.set_min_height(40.0);
            let size = vec2(96.0, theme::CONTROL);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let text = if self.sending.is_some() { "Applying…" } else { "Apply" };
                let apply = theme::primary(ui, |ui| {
                    ui.add_enabled(self.ready(), egui::Button::new(theme::bold(text)).min_size(size))
                });
                if apply.on_hover_text("Ctrl+Enter").clicked() {
                    pressed = Some(true);
                }
                if ui.add(egui::Button::new("Cancel").min_size(size)).clicked() {
                    pressed = Some(false);
                }
                ui.add_space(8.0);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(words).color(color)).wrap());
                });
            });
        });
        pressed
    }
}

/// The rates while they are typed: a row for each window of [`KEYS`], a column for each priority.
#[derive(Debug, Default)]
pub(super) struct Limits([[Typed; 3]; 3]);

impl Limits {
    /// What is no rate: a sentence.
    pub(super) fn wrong(&self) -> Option<&String> {
        self.0.iter().flatten().find_map(|typed| typed.wrong.as_ref())
    }
}

/// One rate while it is typed.
#[derive(Debug, Default)]
struct Typed {
    text: String,
    wrong: Option<String>,
    /// The field is to get the keyboard when it is there.
    wants_focus: bool,
}

impl Typed {
    fn show(&mut self, ui: &mut Ui, name: &str, allowance: &mut Allowance, width: f32) {
        let kind = |allowance: Allowance| match allowance {
            Allowance::Unlimited => "Unlimited",
            Allowance::Capped(_) => "Up to",
            Allowance::Zero => "Nothing",
        };
        let chosen = theme::combo(name, kind(*allowance).to_owned()).width(CHOICE).show_ui(ui, |ui| {
            let first = Rate::from_bytes_per_sec(FIRST_LIMIT).map_or(Allowance::Unlimited, Allowance::Capped);
            let capped = if let Allowance::Capped(_) = allowance { *allowance } else { first };
            for choice in [Allowance::Unlimited, capped, Allowance::Zero] {
                if ui.selectable_label(choice == *allowance, kind(choice)).clicked() && choice != *allowance {
                    *allowance = choice;
                    *self = Self { wants_focus: choice == capped, ..Self::default() };
                }
            }
        });
        chosen.response.accessible_name(name);
        let Allowance::Capped(rate) = *allowance else { return };
        if self.text.is_empty() && self.wrong.is_none() {
            self.text = rate.to_string();
        }
        let mut edit = field(&mut self.text, "").margin(egui::Margin::symmetric(6, 7));
        if self.wrong.is_some() {
            edit = edit.text_color(Look::of(ui.visuals()).bad.1);
        }
        let edit = edit.desired_width((width - CHOICE - 2.0 * BETWEEN).clamp(60.0, 84.0));
        let response = ui.add(edit).accessible_name(format!("Rate of {name}"));
        if std::mem::take(&mut self.wants_focus) {
            response.request_focus();
        }
        if response.gained_focus() {
            select_all(ui, response.id, &self.text);
        }
        if response.changed() {
            match self.text.parse() {
                Ok(rate) => {
                    *allowance = Allowance::Capped(rate);
                    self.wrong = None;
                }
                Err(error) => self.wrong = Some(format!("{error}.")),
            }
        }
        if response.lost_focus() && self.wrong.is_none() {
            // Written anew, as it was understood.
            self.text.clear();
        }
    }
}

const fn name_of(window: Window) -> &'static str {
    match window {
        Window::Work => "Work",
        Window::Maintenance => "Maintenance",
        Window::NonWork => "Non-work",
    }
}

/// The spans of a window as text.
fn spans(ui: &mut Ui, name: &str, hint: &str, layer: &mut Layer) {
    ui.horizontal(|ui| {
        theme::named(ui, NAMES, name.into());
        let mut edit = field(&mut layer.text, hint).desired_width(ui.available_width());
        if layer.wrong.is_some() {
            edit = edit.text_color(Look::of(ui.visuals()).bad.1);
        }
        let response = ui.add(edit).accessible_name(format!("{name}, days and times"));
        if response.changed() {
            layer.read_text();
        }
        if response.lost_focus() {
            layer.tidy();
        }
    });
    if let Some(wrong) = &layer.wrong {
        complaint(ui, wrong);
    }
}

fn complaint(ui: &mut Ui, sentence: &str) {
    let color = Look::of(ui.visuals()).bad.1;
    ui.add(Label::new(RichText::new(sentence).size(12.0).color(color)).wrap());
}

fn small(ui: &mut Ui) {
    ui.spacing_mut().interact_size.y = 28.0;
    ui.spacing_mut().button_padding = vec2(10.0, 4.0);
    ui.spacing_mut().item_spacing.x = 6.0;
}

/// What is painted with: a sample of it, its name and its key.
fn brush(ui: &mut Ui, key: Key, window: Window, chosen: bool) -> bool {
    let look = Look::of(ui.visuals());
    let name = name_of(window);
    let font = if chosen { theme::semibold() } else { egui::FontFamily::Proportional };
    let words = ui.painter().layout_no_wrap(name.to_owned(), FontId::new(theme::BODY, font), look.text);
    let digit =
        ui.painter().layout_no_wrap(key.name().to_owned(), FontId::proportional(theme::SMALL), look.weak);
    // As wide as the bold name would be, so that choosing one moves nothing.
    let bold = FontId::new(theme::BODY, theme::semibold());
    let width = ui.painter().layout_no_wrap(name.to_owned(), bold, look.text).size().x;
    let size = vec2(10.0 + 22.0 + 8.0 + width + 8.0 + digit.size().x + 10.0, 28.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(Role::Button, true, chosen, format!("Paint {}", name.to_lowercase()))
    });
    let painter = ui.painter();
    if chosen || response.hovered() {
        painter.rect_filled(rect, 6.0, if chosen { look.selected } else { look.hovered });
    }
    if chosen || response.has_focus() {
        let stroke = Stroke::new(if response.has_focus() { 2.0 } else { 1.0 }, look.accent);
        painter.rect_stroke(rect, 6.0, stroke, StrokeKind::Inside);
    }
    let sample = Rect::from_center_size(pos2(rect.left() + 21.0, rect.center().y), vec2(22.0, 14.0));
    if window == Window::NonWork {
        painter.rect_filled(sample, 3.0, look.control);
        painter.rect_stroke(sample, 3.0, Stroke::new(1.0, look.weak), StrokeKind::Inside);
    } else {
        grid::stretch(painter, sample, window, &look);
    }
    let left = sample.right() + 8.0;
    painter.galley(pos2(left, rect.center().y - words.size().y / 2.0), words, look.text);
    let at = pos2(left + width + 8.0, rect.center().y - digit.size().y / 2.0);
    painter.galley(at, digit, look.weak);
    response.on_hover_text(format!("Paint {} (key {})", name.to_lowercase(), key.name())).clicked()
}
