//! The week as a grid to paint on: seven days, each from midnight to midnight.
//!
//! The mouse paints quarters of an hour, a rectangle from where it was pressed to where it is; the keyboard goes by
//! hours. A window is told by its letter and its pattern as well as by its colour.

use std::ops::Range;

use egui::{
    Align2, EventFilter, FontId, Key, Modifiers, Painter, PointerButton, Pos2, Rect, Response, Role, Sense,
    Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use crate::job::{MinuteOfWeek, Window};
use crate::window::theme::{self, Look};

use super::draft::{Area, DAY, Draft, QUARTER};
use super::words;

/// Room for the days' names.
const NAMES: f32 = 40.0;
/// Room for the hours above.
const HOURS: f32 = 16.0;
/// Between two days.
const GAP: f32 = 2.0;
const HOUR: u16 = 60;

/// What the grid remembers from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// Where the keyboard is: a day, and the first minute of an hour.
    cursor: (u8, u16),
    stroke: Option<BrushStroke>,
}

/// What the mouse is painting.
#[derive(Debug)]
struct BrushStroke {
    before: Box<Draft>,
    from: (u8, u16),
    area: Area,
    brush: Window,
}

/// Where the days and the minutes are.
#[derive(Clone, Copy)]
struct Field {
    rect: Rect,
}

impl Field {
    fn row(&self, day: u8) -> Rect {
        let height = self.rect.height() / 7.0;
        let top = self.rect.top() + f32::from(day) * height;
        Rect::from_min_size(pos2(self.rect.left(), top), vec2(self.rect.width(), height - GAP))
    }

    fn x(&self, minute: u16) -> f32 {
        self.rect.left() + f32::from(minute) / f32::from(DAY) * self.rect.width()
    }

    fn area(&self, area: &Area) -> Rect {
        let (first, last) = (self.row(*area.days.start()), self.row(*area.days.end()));
        Rect::from_min_max(
            pos2(self.x(area.minutes.start), first.top()),
            pos2(self.x(area.minutes.end), last.bottom()),
        )
    }

    /// The quarter under a point; the nearest one where it is beside the field.
    fn quarter(&self, at: Pos2) -> (u8, u16) {
        let part =
            |from: f32, length: f32, parts: f32| ((from / length * parts).floor()).clamp(0.0, parts - 1.0);
        let day = part(at.y - self.rect.top(), self.rect.height(), 7.0);
        let quarter = part(at.x - self.rect.left(), self.rect.width(), f32::from(DAY / QUARTER));
        (day as u8, quarter as u16 * QUARTER)
    }
}

impl Grid {
    /// Draws it, `row` points a day, and lets it be painted with `brush`. Returns what is under the pointer or the
    /// keyboard, in words.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        draft: &mut Draft,
        brush: Window,
        now: MinuteOfWeek,
        row: f32,
    ) -> Option<String> {
        let size = vec2(ui.available_width(), HOURS + 7.0 * row);
        let (outer, _) = ui.allocate_exact_size(size, Sense::hover());
        let field = Field { rect: Rect::from_min_max(outer.min + vec2(NAMES, HOURS), outer.max) };
        let response = ui.interact(field.rect, ui.scope_id().with("week"), Sense::click_and_drag());
        self.by_mouse(ui, &response, field, draft, brush);
        self.by_keyboard(ui, &response, draft, brush);
        let cell = self.cell();
        response.widget_info(|| {
            // A reader says the value anew when it changes: where one is, and what is there.
            let mut info = WidgetInfo::labeled(Role::Group, true, "The week, painted hour by hour");
            info.current_text_value = Some(area_in_words(draft, &cell, true));
            info
        });
        for day in 0..7 {
            let row = field.row(day);
            let known = ui.interact(row, ui.scope_id().with(("day", day)), Sense::hover());
            known.widget_info(|| WidgetInfo::labeled(Role::Label, true, words::day(draft, day)));
        }
        draw(ui, outer, field, draft, now);
        let look = Look::of(ui.visuals());
        if let Some(stroke) = &self.stroke {
            ui.painter().rect_stroke(
                field.area(&stroke.area),
                2.0,
                Stroke::new(1.5, look.text),
                StrokeKind::Outside,
            );
            return Some(area_in_words(draft, &stroke.area, false));
        }
        if response.has_focus() {
            let stroke = Stroke::new(2.0, look.text);
            ui.painter().rect_stroke(field.area(&cell), 2.0, stroke, StrokeKind::Outside);
        }
        let hovered = response.hover_pos().map(|at| {
            let (day, minute) = field.quarter(at);
            area_in_words(draft, &Area::between((day, minute), (day, minute), QUARTER), false)
        });
        let here = response.has_focus().then(|| area_in_words(draft, &cell, false));
        response.on_hover_cursor(egui::CursorIcon::Crosshair);
        hovered.or(here)
    }

    /// The hour the keyboard is on.
    fn cell(&self) -> Area {
        Area::between(self.cursor, self.cursor, HOUR)
    }

    fn by_mouse(&mut self, ui: &Ui, response: &Response, field: Field, draft: &mut Draft, brush: Window) {
        let at = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on());
        let Some(at) = at else {
            if self.stroke.take().is_none()
                && response.clicked()
                && let Some(at) = response.interact_pointer_pos()
            {
                // Pressed and let go between two frames.
                let cell = field.quarter(at);
                draft.paint(&Area::between(cell, cell, QUARTER), brush);
            }
            return;
        };
        let to = field.quarter(at);
        if self.stroke.is_none() {
            response.request_focus();
            let from =
                ui.input(|input| input.pointer.press_origin()).map_or(to, |origin| field.quarter(origin));
            let rubber = ui.input(|input| input.pointer.button_down(PointerButton::Secondary));
            let brush = if rubber { Window::NonWork } else { brush };
            // No area yet, so the first cell is painted below.
            let area = Area { days: 0..=0, minutes: 0..0 };
            self.stroke = Some(BrushStroke { before: Box::new(draft.clone()), from, area, brush });
        }
        if let Some(stroke) = &mut self.stroke {
            let area = Area::between(stroke.from, to, QUARTER);
            if area != stroke.area {
                draft.clone_from(&stroke.before);
                draft.paint(&area, stroke.brush);
                stroke.area = area;
            }
            self.cursor = (to.0, to.1 / HOUR * HOUR);
        }
    }

    fn by_keyboard(&mut self, ui: &Ui, response: &Response, draft: &mut Draft, brush: Window) {
        if !response.has_focus() {
            return;
        }
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let ways: [(Key, i16, i16); 6] = [
            (Key::ArrowLeft, 0, -1),
            (Key::ArrowRight, 0, 1),
            (Key::ArrowUp, -1, 0),
            (Key::ArrowDown, 1, 0),
            (Key::Home, 0, -24),
            (Key::End, 0, 24),
        ];
        for (key, days, hours) in ways {
            let pressed = |modifiers| ui.input_mut(|input| input.count_and_consume_key(modifiers, key));
            for paints in [(true, pressed(Modifiers::SHIFT)), (false, pressed(Modifiers::NONE))]
                .into_iter()
                .flat_map(|(paints, times)| std::iter::repeat_n(paints, times))
            {
                let from = self.cursor;
                let hour = (from.1 / HOUR).saturating_add_signed(hours).min(23);
                self.cursor = (((u16::from(from.0)).saturating_add_signed(days)).min(6) as u8, hour * HOUR);
                if paints {
                    draft.paint(&Area::between(from, self.cursor, HOUR), brush);
                }
            }
        }
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Space)) {
            draft.paint(&self.cell(), brush);
        }
    }
}

/// `Mon–Fri 08:00–17:30`, and what it is where it is one thing.
fn area_in_words(draft: &Draft, area: &Area, aloud: bool) -> String {
    let day = |day: u8| if aloud { words::DAYS[usize::from(day % 7)] } else { words::short_day(day) };
    let (first, last) = (*area.days.start(), *area.days.end());
    let days = if first == last { day(first).to_owned() } else { format!("{}–{}", day(first), day(last)) };
    let mut windows = area.days.clone().flat_map(|day| {
        area.minutes.clone().map(move |minute| draft.window_at(MinuteOfWeek::of_day(day, minute)))
    });
    let first = windows.next().unwrap_or(Window::NonWork);
    let what = if windows.all(|window| window == first) { first.to_string() } else { "mixed".to_owned() };
    format!("{days} {}, {what}", words::times(&area.minutes))
}

fn draw(ui: &Ui, outer: Rect, field: Field, draft: &Draft, now: MinuteOfWeek) {
    let look = Look::of(ui.visuals());
    let painter = ui.painter();
    let small = FontId::proportional(theme::SMALL);
    for hour in (0..=24_u16).step_by(3) {
        let align = match hour {
            0 => Align2::LEFT_TOP,
            24 => Align2::RIGHT_TOP,
            _ => Align2::CENTER_TOP,
        };
        let at = pos2(field.x(hour * HOUR), outer.top());
        painter.text(at, align, words::time(hour * HOUR), small.clone(), look.weak);
    }
    for day in 0..7 {
        let row = field.row(day);
        let today = day == now.day();
        let (font, color) = if today {
            (FontId::new(theme::BODY, theme::semibold()), look.text)
        } else {
            (FontId::proportional(theme::BODY), look.weak)
        };
        let at = pos2(outer.left(), row.center().y);
        painter.text(at, Align2::LEFT_CENTER, words::short_day(day), font, color);
        painter.rect_filled(row, 3.0, look.control);
        let stretches = draft.stretches(day);
        let part = |minutes: &Range<u16>| {
            Rect::from_x_y_ranges(field.x(minutes.start)..=field.x(minutes.end), row.y_range())
        };
        for (window, minutes) in &stretches {
            ground(painter, part(minutes), *window, &look);
        }
        for hour in 1..24_u16 {
            let strength = if hour % 6 == 0 { 0.22 } else { 0.08 };
            let line = Stroke::new(1.0, look.text.gamma_multiply(strength));
            painter.vline(field.x(hour * HOUR).round(), row.y_range(), line);
        }
        // Above the lines, or they would strike the words through.
        for (window, minutes) in &stretches {
            name(painter, part(minutes), *window, Some(&words::times(minutes)), &look);
        }
        if today {
            let x = field.x(now.minute_of_day());
            painter.vline(x, row.y_range(), Stroke::new(2.0, look.text));
            painter.circle_filled(pos2(x, row.top()), 3.0, look.text);
        }
    }
}

/// A painted stretch as a sample of it.
pub(super) fn stretch(painter: &Painter, rect: Rect, window: Window, look: &Look) {
    ground(painter, rect, window, look);
    name(painter, rect, window, None, look);
}

/// The ground, the pattern and the edge of a painted stretch; what is not painted has none.
fn ground(painter: &Painter, rect: Rect, window: Window, look: &Look) {
    if window == Window::NonWork {
        return;
    }
    let (fill, mark) = look.painted(window);
    painter.rect_filled(rect, 3.0, fill);
    if window == Window::Maintenance {
        let inside = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
        let mut x = rect.left() - rect.height();
        while x < rect.right() {
            let (from, to) = (pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top()));
            inside.line_segment([from, to], Stroke::new(1.0, mark.gamma_multiply(0.55)));
            x += 6.0;
        }
    }
    painter.rect_stroke(rect, 3.0, Stroke::new(1.0, mark), StrokeKind::Inside);
}

/// As many words on a painted stretch as fit.
fn name(painter: &Painter, rect: Rect, window: Window, times: Option<&str>, look: &Look) {
    let name = match window {
        Window::Work => "Work",
        Window::Maintenance => "Maintenance",
        Window::NonWork => return,
    };
    let font = FontId::proportional(theme::SMALL);
    let laid = |text: String| painter.layout_no_wrap(text, font.clone(), look.text);
    let letter = name[..1].to_owned();
    let all = [times.map(|times| format!("{name} {times}")), Some(name.to_owned()), Some(letter)];
    let fitting = all.into_iter().flatten().map(laid).find(|words| words.size().x + 8.0 <= rect.width());
    if let Some(words) = fitting {
        let at = Rect::from_center_size(rect.center(), words.size());
        let under = at.expand2(vec2(3.0, 0.0)).intersect(rect.shrink(1.0));
        painter.rect_filled(under, 2.0, look.painted(window).0);
        painter.galley(at.min, words, look.text);
    }
}
