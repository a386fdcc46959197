//! The small speed graph of a row: the last minute, painted by hand.

use egui::{Painter, Pos2, Rect, Shape, Stroke, pos2, remap};

use crate::engine::RateSample;

use super::graph_math::{runs, samples_in};
use super::plot::area;
use super::theme::Look;

const SPAN_SECS: u32 = 60;

/// Paints it into `rect`; its right end is `now`, in samples.
pub(super) fn paint(painter: &Painter, rect: Rect, look: &Look, history: &[RateSample], now: u64) {
    let span = samples_in(SPAN_SECS);
    let from = now.saturating_sub(span);
    let runs = runs(history, from);
    let peak = runs.iter().flat_map(|run| run.iter()).map(|sample| sample.rate_bps).fold(1.0, f32::max);
    let place = |sample: &RateSample| {
        let x = rect.right() - (now.saturating_sub(sample.at)) as f32 / span as f32 * rect.width();
        pos2(x, remap(sample.rate_bps, 0.0..=peak * 1.1, rect.bottom()..=rect.top()))
    };
    for run in runs {
        // Two points to a pixel are enough.
        let points: Vec<Pos2> = run.iter().map(place).collect();
        painter.add(Shape::mesh(area(&points, rect.bottom(), look.accent.gamma_multiply(0.22))));
        painter.add(Shape::line(points, Stroke::new(1.2, look.accent)));
    }
}
