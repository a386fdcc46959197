//! The strip that shows which parts of a file are on disk, and where connections are at work.

use std::ops::Range;

use egui::{Rect, Sense, Stroke, Ui, pos2, vec2};

use crate::engine::JobView;

use super::theme::Look;
use super::words;

/// The height of the strip.
const HEIGHT: f32 = 12.0;

/// How strong the accent is where a connection has yet to fetch something.
const AHEAD: f32 = 0.3;

/// Whether there is something to show: a file of known size that is begun and not whole.
pub(super) fn has_one(view: &JobView) -> bool {
    matches!(view.job.files.as_slice(), [file]
        if !file.finished && file.total_bytes.is_some_and(|total| total > 0) && !file.synced.is_empty())
}

/// Draws the strip for a job of one file.
pub(super) fn show(ui: &mut Ui, view: &JobView) {
    let [file] = view.job.files.as_slice() else { return };
    let Some(total) = file.total_bytes else { return };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width().min(420.0), HEIGHT), Sense::hover());
    let text = said(view, total);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, text.clone()));
    let look = Look::of(ui.visuals());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, look.track());
    let at_work: Vec<Range<u64>> = fetching(view).collect();
    for range in &at_work {
        painter.rect_filled(part_of(rect, range, total), 0.0, look.accent.gamma_multiply(AHEAD));
    }
    for range in file.synced.ranges() {
        painter.rect_filled(part_of(rect, &range, total), 0.0, look.accent);
    }
    for range in &at_work {
        let x = part_of(rect, range, total).left().clamp(rect.left() + 1.0, rect.right() - 1.0);
        painter.vline(x, rect.y_range(), Stroke::new(2.0, look.text));
    }
    let legend =
        "Full: on disk. Pale: being fetched. Empty: nobody is at it yet. A line: a connection is there.";
    response.on_hover_text(format!("{text}\n{legend}"));
}

fn fetching(view: &JobView) -> impl Iterator<Item = Range<u64>> {
    view.fetching.iter().filter(|of| of.file == 0).flat_map(|of| of.ranges.iter().cloned())
}

/// What it shows, in words.
fn said(view: &JobView, total: u64) -> String {
    let on_disk = u128::from(view.job.synced_bytes()) * 100 / u128::from(total.max(1));
    let parts = view.job.files.first().map_or(0, |file| file.synced.ranges().count());
    let connections = words::count(fetching(view).count(), "connection", "connections");
    format!("{on_disk} % on disk in {}, {connections} at work", words::count(parts, "piece", "pieces"))
}

/// Where a range of a file stands on the strip; never narrower than can be seen.
fn part_of(strip: Rect, range: &Range<u64>, total: u64) -> Rect {
    let at =
        |byte: u64| strip.left() + (byte.min(total) as f64 / total as f64 * f64::from(strip.width())) as f32;
    let (left, right) = (at(range.start), at(range.end));
    Rect::from_min_max(pos2(left, strip.top()), pos2(right.max(left + 1.0), strip.bottom()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_where_they_belong() {
        let strip = Rect::from_min_size(pos2(10.0, 0.0), vec2(100.0, HEIGHT));
        let x = |range: Range<u64>| {
            let part = part_of(strip, &range, 1000);
            (part.left(), part.right())
        };
        assert_eq!(x(0..1000), (10.0, 110.0));
        assert_eq!(x(500..750), (60.0, 85.0));
        assert_eq!(x(500..501), (60.0, 61.0), "it can be seen");
        assert_eq!(x(900..u64::MAX), (100.0, 110.0), "an end that is not known is that of the file");
    }
}
