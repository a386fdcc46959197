//! What all graphs over time are made of: where a sample lies, the grid, bands, caps, the legend. Painted by hand; they
//! are for looking at, so there is nothing to drag.

use egui::{
    Align2, Color32, FontId, Mesh, Painter, Pos2, Rangef, Rect, Response, Shape, Stroke, Ui, pos2, vec2,
};

use crate::engine::SAMPLE_SECS;
use crate::job::{duration_in_words, rate_in_words};

use super::graph_math::{Sample, axis_label};
use super::theme::{self, Look};

/// The spans to choose from, in seconds.
pub(super) const SPANS: [u32; 3] = [60, 300, 600];

/// Room for the axis' numbers.
pub(super) const MARGIN_LEFT: f32 = 76.0;
/// Room for the times.
pub(super) const MARGIN_BOTTOM: f32 = 20.0;

/// A rectangle with time to the right and something from 0 to `top` upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub rect: Rect,
    /// The sample at the right end.
    pub now: u64,
    /// How many samples are seen.
    pub span: u64,
    pub top: f32,
}

impl Plot {
    /// Where a moment is.
    pub(super) fn x(&self, at: u64) -> f32 {
        self.rect.right() - self.now.saturating_sub(at) as f32 / self.span as f32 * self.rect.width()
    }

    /// Where a value at a moment is.
    pub(super) fn place(&self, at: u64, value: f32) -> Pos2 {
        pos2(self.x(at), self.y(value))
    }

    /// The height of a value.
    pub(super) fn y(&self, value: f32) -> f32 {
        self.rect.bottom() - (value / self.top).min(1.0) * self.rect.height()
    }

    /// The sample that is nearest to the pointer, where it is at one of these heights and not in a gap.
    pub(super) fn hovered<'a, T: Sample>(
        &self,
        response: &Response,
        heights: Rangef,
        runs: &[&'a [T]],
    ) -> Option<&'a T> {
        let seen = Rect::from_x_y_ranges(self.rect.x_range(), heights);
        let pointer = response.hover_pos().filter(|pointer| seen.contains(*pointer))?;
        let at = self.moment(pointer.x)?;
        let nearest = runs.iter().flat_map(|run| run.iter()).min_by_key(|sample| sample.at().abs_diff(at))?;
        (nearest.at().abs_diff(at) <= 2).then_some(nearest)
    }

    /// The sample that is at `x`; `None` from before there were any.
    fn moment(&self, x: f32) -> Option<u64> {
        let back = (self.rect.right() - x) / self.rect.width() * self.span as f32;
        self.now.checked_sub(back.round() as u64)
    }

    /// How long ago a sample was: `12 s`.
    pub(super) fn ago(&self, at: u64) -> String {
        duration_in_words((self.now.saturating_sub(at) as f32 * SAMPLE_SECS) as u64)
    }

    /// How many samples share a point, so that there is no more than one to a pixel.
    pub(super) fn per_point(&self) -> u64 {
        ((self.span as f32 / self.rect.width().max(1.0)).ceil() as u64).max(1)
    }

    /// The lines of the rates, with their numbers at the left.
    pub(super) fn grid(&self, painter: &Painter, look: &Look) {
        let font = FontId::proportional(theme::SMALL);
        for step in 0..=4_u8 {
            let part = f32::from(step) / 4.0;
            let y = (self.rect.bottom() - part * self.rect.height()).round() + 0.5;
            painter.hline(self.rect.x_range(), y, Stroke::new(1.0, look.line));
            let label = if step == 0 { "0".to_owned() } else { axis_label(self.top * part) };
            if step % 2 == 0 || self.rect.height() > 90.0 {
                let at = pos2(self.rect.left() - 10.0, y);
                painter.text(at, Align2::RIGHT_CENTER, label, font.clone(), look.weak);
            }
        }
    }

    /// How long ago it was, below the picture; `end` is what the right end is called.
    pub(super) fn times(&self, painter: &Painter, end: &str, look: &Look) {
        let font = FontId::proportional(theme::SMALL);
        let span_secs = self.span as f32 * SAMPLE_SECS;
        // Quarters of a minute, else whole minutes.
        let parts: u8 = if span_secs <= 60.0 { 4 } else { 5 };
        for step in 0..=parts {
            let part = f32::from(step) / f32::from(parts);
            let x = self.rect.left() + part * self.rect.width();
            let secs = ((1.0 - part) * span_secs).round() as u64;
            let ago = || format!("−{}", duration_in_words(secs));
            let (label, align) = match step {
                0 => (ago(), Align2::LEFT_TOP),
                _ if step == parts => (end.to_owned(), Align2::RIGHT_TOP),
                _ => (ago(), Align2::CENTER_TOP),
            };
            painter.text(pos2(x, self.rect.bottom() + 6.0), align, label, font.clone(), look.weak);
        }
    }

    /// The caps that were in force, dashed.
    pub(super) fn caps<T: Sample>(&self, painter: &Painter, runs: &[&[T]], look: &Look) {
        let color = look.bad.1;
        let clipped = painter.with_clip_rect(self.rect.expand(1.0));
        for run in runs {
            for stretch in run.chunk_by(|a, b| a.cap_bps() == b.cap_bps()) {
                let [first, .., last] = stretch else { continue };
                let Some(cap) = first.cap_bps().filter(|cap| self.holds(*cap)) else { continue };
                let ends = [self.place(first.at(), cap), self.place(last.at() + 1, cap)];
                clipped.extend(Shape::dashed_line(&ends, Stroke::new(1.2, color), 5.0, 3.0));
            }
        }
    }

    /// The rate of the last cap, beside its line.
    pub(super) fn cap_label<T: Sample>(&self, painter: &Painter, runs: &[&[T]], look: &Look) {
        let color = look.bad.1;
        let Some(cap) = runs.last().and_then(|run| run.last()).and_then(Sample::cap_bps) else { return };
        let words = rate_in_words(cap as u64);
        let (y, text) = if self.holds(cap) {
            (self.y(cap) - 3.0, format!("cap {words}"))
        } else {
            (self.rect.top() - 1.0, format!("cap {words} ↑"))
        };
        let at = pos2(self.rect.right() - 4.0, y);
        painter.text(at, Align2::RIGHT_BOTTOM, text, FontId::proportional(theme::SMALL), color);
    }

    /// Whether a value is not above the picture.
    fn holds(&self, value: f32) -> bool {
        value <= self.top * 1.001
    }
}

/// How high a picture must be for these: a cap far above what arrives would flatten the rest; it is named then, not
/// drawn.
pub(super) fn with_cap<T: Sample>(peak: f32, runs: &[&[T]]) -> f32 {
    let cap = runs.iter().flat_map(|run| run.iter()).filter_map(Sample::cap_bps).fold(0.0, f32::max);
    if cap < peak * 3.0 { peak.max(cap) } else { peak }
}

/// The area between a line and the ground.
pub(super) fn area(line: &[Pos2], ground: f32, color: Color32) -> Mesh {
    band(line.iter().map(|point| (*point, ground)), color)
}

/// The area between two lines: points of the upper one, each with the height of the lower one there.
pub(super) fn band(points: impl IntoIterator<Item = (Pos2, f32)>, color: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for (index, (point, below)) in (0_u32..).zip(points) {
        mesh.colored_vertex(point, color);
        mesh.colored_vertex(pos2(point.x, below), color);
        if index > 0 {
            let at = index * 2;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    mesh
}

/// How something is drawn, for the legend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Area(Color32),
    Line(Color32),
    Dashes(Color32),
    Bar(Color32),
}

/// The height of a row of the legend.
const LEGEND_ROW: f32 = 20.0;
/// How wide a mark is, and how far its words are from it and from the next mark.
const MARK: (f32, f32, f32) = (14.0, 7.0, 18.0);

/// What is what, in as many rows as it takes, with something about all of it at the right.
pub(super) struct Legend {
    entries: Vec<(Mark, std::sync::Arc<egui::Galley>, Pos2)>,
    summary: Option<(std::sync::Arc<egui::Galley>, Pos2)>,
    /// How high it is.
    pub height: f32,
}

impl Legend {
    /// Finds a place for everything.
    pub(super) fn new(ui: &Ui, width: f32, entries: &[(Mark, &str)], summary: Option<String>) -> Self {
        let look = Look::of(ui.visuals());
        let galley =
            |text: &str| ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(12.0), look.weak);
        let (mark, gap, between) = MARK;
        let mut at = Pos2::ZERO;
        let mut next = |wide: f32| {
            if at.x > 0.0 && at.x + wide > width {
                at = pos2(0.0, at.y + LEGEND_ROW);
            }
            let place = at;
            at.x += wide + between;
            place
        };
        let entries = entries.iter().map(|(what, text)| {
            let galley = galley(text);
            let place = next(mark + gap + galley.size().x);
            (*what, galley, place)
        });
        let entries: Vec<_> = entries.collect();
        let summary = summary.map(|text| {
            let galley = galley(&text);
            let place = next(galley.size().x);
            let x = width - galley.size().x;
            (galley, pos2(x, place.y))
        });
        Self { entries, summary, height: at.y + LEGEND_ROW }
    }

    /// Paints it from `corner` on.
    pub(super) fn paint(self, painter: &Painter, corner: Pos2, look: &Look) {
        let (mark, gap, _) = MARK;
        let text = |galley: std::sync::Arc<egui::Galley>, at: Pos2| {
            let y = (LEGEND_ROW - galley.size().y) / 2.0;
            painter.galley(at + vec2(0.0, y), galley, look.weak);
        };
        for (what, galley, place) in self.entries {
            let place = corner + place.to_vec2();
            let rect = Rect::from_min_size(place, vec2(mark, LEGEND_ROW));
            let ends = [rect.left_center(), rect.right_center()];
            match what {
                Mark::Area(color) => {
                    let square = Rect::from_center_size(rect.center(), vec2(10.0, 10.0));
                    painter.rect_filled(square, 2.5, color);
                }
                Mark::Bar(color) => {
                    painter.rect_filled(Rect::from_center_size(rect.center(), vec2(mark, 3.0)), 1.5, color);
                }
                Mark::Line(color) => _ = painter.line_segment(ends, Stroke::new(1.6, color)),
                Mark::Dashes(color) => {
                    painter.extend(Shape::dashed_line(&ends, Stroke::new(1.4, color), 4.0, 2.0));
                }
            }
            text(galley, place + vec2(mark + gap, 0.0));
        }
        if let Some((galley, place)) = self.summary {
            text(galley, corner + place.to_vec2());
        }
    }
}

/// A choice of how much of the time is seen.
pub(super) fn spans(ui: &mut Ui, span_secs: &mut u32) {
    for span in SPANS.into_iter().rev() {
        if small_choice(ui, &format!("{} min", span / 60), *span_secs == span) {
            *span_secs = span;
        }
    }
}

fn small_choice(ui: &mut Ui, text: &str, chosen: bool) -> bool {
    let look = Look::of(ui.visuals());
    let color = if chosen { look.accent_text } else { look.weak };
    let button = egui::Button::selectable(chosen, egui::RichText::new(text).size(12.0).color(color));
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(7.0, 3.0);
        ui.spacing_mut().interact_size.y = 24.0;
        ui.visuals_mut().selection.bg_fill = look.selected;
        ui.add(button).clicked()
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_moments_belong_to_each_other() {
        let rect = Rect::from_min_max(pos2(100.0, 0.0), pos2(700.0, 50.0));
        let plot = Plot { rect, now: 50, span: 120, top: 10.0 };
        for at in 0..=50 {
            assert_eq!(plot.moment(plot.x(at)), Some(at));
        }
        // The program is younger than the picture is wide.
        assert_eq!(plot.moment(110.0), None);
        assert_eq!((plot.x(50), plot.y(10.0), plot.y(99.0)), (700.0, 0.0, 0.0));
        assert_eq!(plot.ago(26), "12 s");
    }
}
