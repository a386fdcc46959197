//! The speed of one job over time: a filled line, the cap in force, pauses as gaps. Painted by hand; it is
//! for looking at, so there is nothing to drag.

use egui::{Align2, Color32, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::engine::{JobView, RateSample, SAMPLE_SECS, WhichCap};
use crate::job::{JobId, duration_in_words, rate_in_words};

use super::graph_math::{average, axis_label, runs, samples_in, steady_top};
use super::sparkline::area;
use super::theme::{self, Look};
use super::words;

/// The spans to choose from, in seconds.
pub(super) const SPANS: [u32; 3] = [60, 300, 600];

/// What the graph remembers from frame to frame, so that its axis holds still.
#[derive(Debug, Default)]
pub(super) struct Graph {
    top: Option<(JobId, f32)>,
}

/// Room for the axis' numbers.
const MARGIN_LEFT: f32 = 76.0;
const MARGIN_BOTTOM: f32 = 20.0;
const MARGIN_TOP: f32 = 14.0;

impl Graph {
    /// Draws the last `span_secs` of a job's speed, of which the right end is `now`, in samples.
    pub(super) fn show(&mut self, ui: &mut Ui, view: &JobView, now: u64, span_secs: u32) {
        let (job, history) = (view.job.id, view.history.as_slice());
        let look = Look::of(ui.visuals());
        let (outer, response) = ui.allocate_exact_size(
            vec2(ui.available_width(), (ui.available_height() - 24.0).max(60.0)),
            Sense::hover(),
        );
        let plot = Rect::from_min_max(
            pos2(outer.left() + MARGIN_LEFT, outer.top() + MARGIN_TOP),
            pos2(outer.right(), outer.bottom() - MARGIN_BOTTOM),
        );
        let span = samples_in(span_secs);
        let from = now.saturating_sub(span);
        let runs = runs(history, from);
        let samples = || runs.iter().flat_map(|run| run.iter());
        let peak = samples().map(|sample| sample.rate_bps).fold(0.0, f32::max);
        // A cap far above what arrives would flatten the line; it is named then, not drawn.
        let cap = samples().filter_map(|sample| sample.cap_bps).fold(0.0, f32::max);
        let wanted = if cap > 0.0 && cap < peak * 3.0 { peak.max(cap) } else { peak };
        let top = steady_top(self.top.filter(|(of, _)| *of == job).map(|(_, top)| top), wanted);
        self.top = Some((job, top));

        // A grid without a line would only strike the words through.
        if !runs.is_empty() {
            grid(ui, plot, top, span_secs, &look);
        }
        let place = |at: u64, rate: f32| {
            let x = plot.right() - now.saturating_sub(at) as f32 / span as f32 * plot.width();
            pos2(x, plot.bottom() - (rate / top).min(1.0) * plot.height())
        };
        let painter = ui.painter().with_clip_rect(plot.expand(1.0));
        for run in &runs {
            let points =
                thinned(run, span, plot.width()).map(|(at, rate)| place(at, rate)).collect::<Vec<_>>();
            painter.add(Shape::mesh(area(&points, plot.bottom(), look.accent.gamma_multiply(0.30))));
            painter.add(Shape::line(points, Stroke::new(1.6, look.accent)));
        }
        draw_caps(ui, plot, &runs, top, &look, place);
        if runs.is_empty() {
            let text = "No speed to show in this time";
            let font = FontId::proportional(theme::BODY);
            ui.painter().text(plot.center(), Align2::CENTER_CENTER, text, font, look.weak);
        }
        let mean = average(&runs);
        let summary = mean.map_or_else(
            || "Speed over time, nothing in this span".to_owned(),
            |mean| format!("Speed over time, average {}", rate_in_words(mean as u64)),
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        let hovered = response.hover_pos().filter(|pointer| plot.contains(*pointer));
        if let Some(pointer) = hovered {
            let back = ((plot.right() - pointer.x) / plot.width() * span as f32).round() as u64;
            let at = now.saturating_sub(back);
            if let Some(sample) = samples().min_by_key(|sample| sample.at.abs_diff(at))
                && sample.at.abs_diff(at) <= 2
            {
                let spot = place(sample.at, sample.rate_bps);
                painter.vline(spot.x, plot.y_range(), Stroke::new(1.0, look.weak.gamma_multiply(0.5)));
                painter.circle(spot, 3.5, look.accent, Stroke::new(1.5, look.panel));
                let secs = (now.saturating_sub(sample.at) as f32 * SAMPLE_SECS) as u64;
                let words = rate_in_words(sample.rate_bps as u64);
                response.on_hover_text_at_pointer(format!("{words}, {} ago", duration_in_words(secs)));
            }
        }
        legend(ui, plot, mean, view.cap.map(|cap| cap.which), &look);
    }
}

/// The points to draw: no more than one per pixel, each the mean of its samples.
fn thinned(run: &[RateSample], span: u64, width: f32) -> impl Iterator<Item = (u64, f32)> {
    let per_point = ((span as f32 / width.max(1.0)).ceil() as u64).max(1);
    // Cut at fixed places, or the picture would shimmer as time goes on.
    run.chunk_by(move |a, b| a.at / per_point == b.at / per_point).map(move |bucket| {
        let sum: f32 = bucket.iter().map(|sample| sample.rate_bps).sum();
        let last = bucket.last().map_or(0, |sample| sample.at);
        (last, sum / bucket.len() as f32)
    })
}

fn grid(ui: &Ui, plot: Rect, top: f32, span_secs: u32, look: &Look) {
    let painter = ui.painter();
    let font = FontId::proportional(theme::SMALL);
    for step in 0..=4_u8 {
        let part = f32::from(step) / 4.0;
        let y = (plot.bottom() - part * plot.height()).round() + 0.5;
        painter.hline(plot.x_range(), y, Stroke::new(1.0, look.line));
        let label = if step == 0 { "0".to_owned() } else { axis_label(top * part) };
        if step % 2 == 0 || plot.height() > 90.0 {
            painter.text(pos2(plot.left() - 10.0, y), Align2::RIGHT_CENTER, label, font.clone(), look.weak);
        }
    }
    // Quarters of a minute, else whole minutes.
    let parts: u8 = if span_secs == 60 { 4 } else { 5 };
    for step in 0..=parts {
        let part = f32::from(step) / f32::from(parts);
        let x = plot.left() + part * plot.width();
        let secs = ((1.0 - part) * span_secs as f32).round() as u64;
        let (label, align) = match step {
            0 => (format!("−{}", duration_in_words(secs)), Align2::LEFT_TOP),
            _ if step == parts => ("now".to_owned(), Align2::RIGHT_TOP),
            _ => (format!("−{}", duration_in_words(secs)), Align2::CENTER_TOP),
        };
        painter.text(pos2(x, plot.bottom() + 6.0), align, label, font.clone(), look.weak);
    }
}

fn draw_caps(
    ui: &Ui,
    plot: Rect,
    runs: &[&[RateSample]],
    top: f32,
    look: &Look,
    place: impl Fn(u64, f32) -> Pos2,
) {
    let color: Color32 = look.bad.1;
    for run in runs {
        for stretch in run.chunk_by(|a, b| a.cap_bps == b.cap_bps) {
            let [first, .., last] = stretch else { continue };
            let Some(cap) = first.cap_bps.filter(|cap| *cap <= top * 1.001) else { continue };
            let ends = [place(first.at, cap), place(last.at + 1, cap)];
            ui.painter().with_clip_rect(plot.expand(1.0)).extend(Shape::dashed_line(
                &ends,
                Stroke::new(1.2, color),
                5.0,
                3.0,
            ));
        }
    }
    let Some(cap) = runs.last().and_then(|run| run.last()).and_then(|sample| sample.cap_bps) else { return };
    let words = rate_in_words(cap as u64);
    let (y, text) = if cap <= top * 1.001 {
        (plot.bottom() - cap / top * plot.height() - 3.0, format!("cap {words}"))
    } else {
        (plot.top() - 1.0, format!("cap {words} ↑"))
    };
    let at = pos2(plot.right() - 4.0, y);
    ui.painter().text(at, Align2::RIGHT_BOTTOM, text, FontId::proportional(theme::SMALL), color);
}

fn legend(ui: &mut Ui, plot: Rect, mean: Option<f32>, cap: Option<WhichCap>, look: &Look) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let y = rect.center().y;
    let font = FontId::proportional(12.0);
    let swatch = Rect::from_center_size(pos2(plot.left() + 5.0, y), vec2(10.0, 10.0));
    ui.painter().rect_filled(swatch, 2.5, look.accent);
    let text = pos2(swatch.right() + 8.0, y);
    let words = ui.painter().text(text, Align2::LEFT_CENTER, "this download", font.clone(), look.weak);
    let dashes = [pos2(words.right() + 20.0, y), pos2(words.right() + 35.0, y)];
    ui.painter().extend(Shape::dashed_line(&dashes, Stroke::new(1.2, look.bad.1), 4.0, 2.0));
    let text = dashes[1] + vec2(8.0, 0.0);
    let whose = cap.map_or("cap in force", words::whose_cap);
    ui.painter().text(text, Align2::LEFT_CENTER, whose, font.clone(), look.weak);
    if let Some(mean) = mean {
        let words = format!("average {}", rate_in_words(mean as u64));
        ui.painter().text(pos2(rect.right(), y), Align2::RIGHT_CENTER, words, font, look.weak);
    }
}
