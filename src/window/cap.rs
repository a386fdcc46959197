//! The cap over all downloads: a logarithmic slider with a number beside it, applied while it is dragged.

use egui::{Key, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use crate::job::Rate;

use super::rate_field::{RateField, SetTo};
use super::theme::Look;

/// The slider's left end.
const LEAST: f64 = 16.0 * 1024.0;
/// How often that doubles on the way to the right end: to 1 GiB/s.
const DOUBLINGS: f64 = 16.0;
/// Right of this the slider says "no cap".
const OPEN_END: f64 = 0.92;
/// One press of an arrow key.
const STEP: f64 = OPEN_END / 32.0;
/// Seconds between two commands while dragging.
const PACE: f64 = 0.1;
/// Seconds after which the engine's word counts again if it never took up the user's.
const PATIENCE: f64 = 2.0;

/// The words for none.
pub(super) const NO_CAP: &str = "No cap";

/// The label's and the number's widths, and the gap between two parts.
const LABEL: f32 = 28.0;
const NUMBER: f32 = 100.0;
pub(super) const GAP: f32 = 6.0;

/// How wide the control is with a slider of that width.
pub(super) const fn width(slider: f32) -> f32 {
    LABEL + GAP + slider + GAP + NUMBER
}

/// The control's own state.
#[derive(Debug, Default)]
pub(super) struct Cap {
    field: RateField,
    /// What the user has set and the engine has not yet taken up, and when it was set.
    held: Option<(Option<Rate>, f64)>,
    /// What was sent last, and when.
    sent: Option<(Option<Rate>, f64)>,
}

impl Cap {
    /// Draws slider and number; returns the cap when it is to be sent.
    pub(super) fn show(&mut self, ui: &mut Ui, limit: Option<Rate>, slider_width: f32) -> Option<SetTo> {
        let now = ui.input(|input| input.time);
        let mut shown = limit;
        if let Some((held, since)) = self.held {
            let taken_up = held == limit && self.sent.is_some_and(|(sent, _)| sent == held);
            if taken_up || now - since > PATIENCE {
                self.refused();
            } else {
                shown = held;
                wake_after(ui, PATIENCE - (now - since));
            }
        }
        ui.spacing_mut().item_spacing.x = GAP;
        let label = super::theme::weak(ui, "Cap");
        ui.add_sized(vec2(LABEL, 24.0), egui::Label::new(label));
        let (moved, released) = slider(ui, shown, slider_width);
        if let Some(SetTo(value)) = moved {
            self.held = Some((value, now));
            shown = value;
        }
        if let Some(SetTo(entered)) = self.field.show(ui, "Cap as a number", shown, NO_CAP, NUMBER) {
            self.held = Some((entered, now));
            self.sent = Some((entered, now));
            return Some(SetTo(entered));
        }
        // Live, but not with every pixel: the last value always goes out.
        let (wanted, _) = self.held?;
        if self.sent.is_some_and(|(sent, _)| sent == wanted) {
            return None;
        }
        let since = self.sent.map_or(f64::INFINITY, |(_, at)| now - at);
        if released || since >= PACE {
            self.sent = Some((wanted, now));
            return Some(SetTo(wanted));
        }
        wake_after(ui, PACE - since);
        None
    }

    /// The engine said no: its word counts again.
    pub(super) fn refused(&mut self) {
        self.held = None;
        self.sent = None;
    }
}

fn wake_after(ui: &Ui, secs: f64) {
    let delay = std::time::Duration::from_secs_f64(secs.max(0.001));
    ui.ctx().request_repaint_after_for(delay, egui::ViewportId::ROOT);
}

/// The slider alone: the value it was moved to, and whether it was let go.
fn slider(ui: &mut Ui, value: Option<Rate>, width: f32) -> (Option<SetTo>, bool) {
    let look = Look::of(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(width, 24.0), Sense::click_and_drag());
    let (left, right) = (rect.left() + 8.0, rect.right() - 8.0);
    let mut moved = None;
    if let Some(pointer) = response.interact_pointer_pos() {
        moved = Some(at_position(f64::from((pointer.x - left) / (right - left))));
    }
    if response.has_focus() {
        ui.memory_mut(|memory| {
            let filter = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
            memory.set_focus_lock_filter(response.id, filter);
        });
        let steps = ui.input_mut(|input| {
            let mut count = |key| input.count_and_consume_key(egui::Modifiers::NONE, key) as f64;
            count(Key::ArrowRight) - count(Key::ArrowLeft) + 100.0 * (count(Key::End) - count(Key::Home))
        });
        if steps != 0.0 {
            moved = Some(at_position(stepped(position(value), steps)));
        }
    }
    let shown = moved.unwrap_or(value);
    let words = shown.map_or_else(|| NO_CAP.to_owned(), |rate| rate.to_string());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Slider, true, "Cap");
        info.current_text_value = Some(words.clone());
        info.value = Some(position(shown) * 100.0);
        info
    });
    let knob = egui::pos2(egui::lerp(left..=right, position(shown) as f32), rect.center().y);
    let rail = egui::Rect::from_min_max(egui::pos2(left, knob.y - 2.0), egui::pos2(right, knob.y + 2.0));
    let painter = ui.painter();
    painter.rect_filled(rail, 2.0, look.track());
    painter.rect_filled(rail.with_max_x(knob.x), 2.0, look.accent);
    let strong = response.hovered() || response.dragged() || response.has_focus();
    if response.has_focus() {
        painter.circle_filled(knob, 11.0, look.accent.gamma_multiply(0.25));
    }
    painter.circle(knob, if strong { 8.0 } else { 7.5 }, look.panel, Stroke::new(2.0, look.accent));
    let released = response.drag_stopped() || response.clicked();
    response.on_hover_cursor(egui::CursorIcon::PointingHand);
    (moved.filter(|moved| *moved != value).map(SetTo), released)
}

/// Where on the slider, from 0 to 1, a cap is.
fn position(limit: Option<Rate>) -> f64 {
    let Some(rate) = limit else { return 1.0 };
    let doublings = (rate.bytes_per_sec() as f64 / LEAST).log2() / DOUBLINGS;
    doublings.clamp(0.0, 1.0) * OPEN_END
}

/// The cap at a place on the slider, as a number people would choose.
fn at_position(position: f64) -> Option<Rate> {
    // Half-way into the open end it snaps.
    if position > f64::midpoint(OPEN_END, 1.0) {
        return None;
    }
    let doublings = (position / OPEN_END).clamp(0.0, 1.0) * DOUBLINGS;
    Rate::from_bytes_per_sec(two_digits(LEAST * doublings.exp2()))
}

/// A step of the keyboard; from the open end and to it in one.
fn stepped(position: f64, steps: f64) -> f64 {
    let moved = position.min(OPEN_END) + steps * STEP;
    if position > OPEN_END && steps < 0.0 {
        return OPEN_END + (steps + 1.0) * STEP;
    }
    if moved > OPEN_END + STEP / 2.0 { 1.0 } else { moved.clamp(0.0, OPEN_END) }
}

/// Rounds to two digits in the unit it will be shown in.
fn two_digits(bytes: f64) -> u64 {
    let mut unit = 1024.0;
    while bytes / unit >= 999.5 {
        unit *= 1024.0;
    }
    let value = bytes / unit;
    let grain = if value < 10.0 { 0.1 } else { 10.0_f64.powf(value.log10().floor() - 1.0) };
    ((value / grain).round() * grain * unit).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle_of_the_slider() {
        assert_eq!(at_position(-1.0), Rate::from_bytes_per_sec(16 * 1024));
        assert_eq!(at_position(0.0), Rate::from_bytes_per_sec(16 * 1024));
        assert_eq!(at_position(OPEN_END / 2.0), Rate::from_bytes_per_sec(4 << 20));
        assert_eq!(at_position(OPEN_END), Rate::from_bytes_per_sec(1 << 30));
        assert_eq!(at_position(1.0), None);
        assert_eq!(at_position(7.0), None);
    }

    #[test]
    fn a_cap_stays_where_it_was_put() {
        for percent in 0..=96 {
            let cap = at_position(f64::from(percent) / 100.0);
            let back = at_position(position(cap));
            assert_eq!(cap, back, "{percent}");
        }
        assert!((position(None) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_keyboard_reaches_both_ends() {
        let mut place = 1.0;
        for _ in 0..40 {
            place = stepped(place, -1.0);
        }
        assert_eq!(at_position(place), Rate::from_bytes_per_sec(16 * 1024));
        for _ in 0..40 {
            place = stepped(place, 1.0);
        }
        assert_eq!(at_position(place), None);
    }
}
