//! The link over time: what we received, on top of it the user's own traffic, what the link carries, the cap, the delay
//! we add, and when we had stepped back and why.

use egui::{
    Align2, FontId, Painter, Rangef, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::engine::{LinkSample, LinkState, LinkView, delay_in_words};
use crate::job::rate_in_words;

use super::graph_math::{mean, runs, samples_in, steady_top};
use super::link_math::{Point, Stretch, Wanted, place_words, stacked, stretch_words, stretches};
use super::plot::{self, Legend, MARGIN_BOTTOM, MARGIN_LEFT, Mark, Plot, area, band};
use super::theme::{self, Look};
use super::words;

/// The least height it can be read at.
pub(super) const MIN_HEIGHT: f32 = 210.0;
/// From this height on there are two rows for words.
const ROOMY: f32 = 300.0;
/// The height of a row of words above the picture.
const WORDS: f32 = 18.0;
/// Between those and the picture; the bars of the stretches lie there.
const BARS: f32 = 10.0;
/// The height of the lane for the delay.
const DELAY: f32 = 38.0;
/// Between that and the picture, so that their numbers are apart.
const BETWEEN: f32 = 16.0;

/// What the picture remembers from frame to frame, so that its axes hold still.
#[derive(Debug, Default)]
pub(super) struct LinkGraph {
    top: Option<f32>,
    delay_top: Option<f32>,
}

/// What time is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// The sample at the right end.
    pub now: u64,
    pub span_secs: u32,
    /// What the right end is called.
    pub end: &'a str,
}

impl LinkGraph {
    /// Draws it, so high.
    pub(super) fn show(&mut self, ui: &mut Ui, view: &LinkView, height: f32, seen: Seen<'_>) {
        let look = Look::of(ui.visuals());
        let (outer, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let span = samples_in(seen.span_secs);
        let runs = runs(&view.history, seen.now.saturating_sub(span));
        let samples = || runs.iter().flat_map(|run| run.iter());
        let held = stretches(&runs);

        let legend = legend(ui, outer.width() - MARGIN_LEFT, &runs, !held.is_empty(), &look);
        let rows = if height >= ROOMY { 2 } else { 1 };
        let (left, right) = (outer.left() + MARGIN_LEFT, outer.right());
        let lane_bottom = outer.bottom() - legend.height - MARGIN_BOTTOM;
        let lane = Rect::from_min_max(pos2(left, lane_bottom - DELAY), pos2(right, lane_bottom));
        let top = outer.top() + rows as f32 * WORDS + BARS;
        let rect = Rect::from_min_max(pos2(left, top), pos2(right, lane.top() - BETWEEN));

        let peak = samples().map(|sample| sample.own_bps + sample.others_bps).fold(0.0, f32::max);
        let capacity = samples().filter_map(|sample| sample.capacity_bps).fold(0.0, f32::max);
        let peak = if capacity < peak * 3.0 { peak.max(capacity) } else { peak };
        let rates = steady_top(self.top, plot::with_cap(peak, &runs));
        self.top = Some(rates);
        let plot = Plot { rect, now: seen.now, span, top: rates };
        let longest = samples().filter_map(|sample| sample.added_delay_ms).fold(0.0, f32::max);
        let delay_top = self.delay_top.filter(|top| longest <= *top && longest > *top * 0.2);
        let delay_top = delay_top.unwrap_or_else(|| delay_axis(longest));
        self.delay_top = Some(delay_top);
        let delays = Plot { rect: lane, top: delay_top, ..plot };

        let painter = ui.painter().clone();
        if runs.is_empty() {
            let font = FontId::proportional(theme::BODY);
            let text = "Nothing used the link in the background in this time";
            painter.text(rect.center(), Align2::CENTER_CENTER, text, font, look.weak);
        } else {
            plot.grid(&painter, &look);
            tints(&painter, &plot, lane.bottom(), &held, &look);
            for run in &runs {
                let points = stacked(run, plot.per_point());
                rates_of(&painter.with_clip_rect(rect.expand(1.0)), &plot, &points, &look);
                delays_of(&painter.with_clip_rect(lane.expand(1.0)), &delays, &points, &look);
            }
            plot.caps(&painter, &runs, &look);
            delay_grid(&painter, &delays, samples().any(|sample| sample.added_delay_ms.is_some()), &look);
            captions(&painter, &plot, &held, rows, &look);
        }
        delays.times(&painter, seen.end, &look);
        legend.paint(&painter, pos2(left, lane_bottom + MARGIN_BOTTOM), &look);
        let summary = summary(&runs, &held);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        hover(&painter, &plot, lane, response, &runs, &look);
    }
}

/// What is what. Only what is in the picture is named.
fn legend(ui: &Ui, width: f32, runs: &[&[LinkSample]], has_held: bool, look: &Look) -> Legend {
    let samples = || runs.iter().flat_map(|run| run.iter());
    let last = |value: fn(&LinkSample) -> Option<f32>| samples().filter_map(value).next_back();
    let rate = |rate: f32| rate_in_words(rate as u64);
    let carries =
        last(|sample| sample.capacity_bps).map(|bps| format!("the link carries about {}", rate(bps)));
    let cap = last(|sample| sample.cap_bps).map(|cap| format!("cap {}", rate(cap)));
    let mut entries = vec![
        (Mark::Area(look.accent), "background downloads"),
        (Mark::Area(look.others), "your own traffic"),
    ];
    if let Some(carries) = &carries {
        entries.push((Mark::Line(look.text), carries));
    }
    if let Some(cap) = &cap {
        entries.push((Mark::Dashes(look.bad.1), cap));
    }
    if has_held {
        entries.push((Mark::Bar(look.weak), "stepped back"));
    }
    if samples().any(|sample| sample.added_delay_ms.is_some()) {
        entries.push((Mark::Area(look.still.0), "added delay"));
    }
    Legend::new(ui, width, &entries, None)
}

/// What was received, one on top of the other.
fn rates_of(painter: &Painter, plot: &Plot, points: &[Point], look: &Look) {
    let own: Vec<_> = points.iter().map(|point| plot.place(point.at, point.own)).collect();
    let all: Vec<_> = points.iter().map(|point| plot.place(point.at, point.own + point.others)).collect();
    let between = all.iter().zip(&own).map(|(all, own)| (*all, own.y));
    painter.add(Shape::mesh(band(between, look.others_area())));
    painter.add(Shape::mesh(area(&own, plot.rect.bottom(), look.accent_area())));
    // Where there is nobody else, the line of both is ours.
    for stretch in points.chunk_by(|a, b| (a.others > 0.0) == (b.others > 0.0)) {
        if stretch[0].others > 0.0 {
            let line = stretch.iter().map(|point| plot.place(point.at, point.own + point.others)).collect();
            painter.add(Shape::line(line, Stroke::new(1.2, look.others)));
        }
    }
    for stretch in points.chunk_by(|a, b| a.capacity.is_some() == b.capacity.is_some()) {
        let line = stretch.iter().filter_map(|point| Some(plot.place(point.at, point.capacity?))).collect();
        painter.add(Shape::line(line, Stroke::new(1.0, look.text)));
    }
    painter.add(Shape::line(own, Stroke::new(1.6, look.accent)));
}

fn delays_of(painter: &Painter, delays: &Plot, points: &[Point], look: &Look) {
    for stretch in points.chunk_by(|a, b| a.delay_ms.is_some() == b.delay_ms.is_some()) {
        let line: Vec<_> =
            stretch.iter().filter_map(|point| Some(delays.place(point.at, point.delay_ms?))).collect();
        painter.add(Shape::mesh(area(&line, delays.rect.bottom(), look.still.0.gamma_multiply(0.30))));
        painter.add(Shape::line(line, Stroke::new(1.2, look.still.0)));
    }
}

fn delay_grid(painter: &Painter, delays: &Plot, is_known: bool, look: &Look) {
    let font = || FontId::proportional(theme::SMALL);
    let rect = delays.rect;
    for y in [rect.top(), rect.bottom()] {
        painter.hline(rect.x_range(), y.round() + 0.5, Stroke::new(1.0, look.line));
    }
    if is_known {
        let label = delay_in_words(delays.top);
        painter.text(pos2(rect.left() - 10.0, rect.top()), Align2::RIGHT_CENTER, label, font(), look.weak);
        painter.text(pos2(rect.left() - 10.0, rect.bottom()), Align2::RIGHT_CENTER, "0", font(), look.weak);
    } else {
        let text = "The added delay was not seen in this time";
        painter.text(rect.center(), Align2::CENTER_CENTER, text, font(), look.weak);
    }
}

/// The top of the lane for delays, in milliseconds.
fn delay_axis(longest: f32) -> f32 {
    let steps = [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
    steps.into_iter().find(|step| longest <= *step).unwrap_or(10_000.0)
}

/// Where a stretch begins and ends; none is too narrow to be seen.
fn ends(plot: &Plot, stretch: &Stretch) -> (f32, f32) {
    let (from, to) = (plot.x(stretch.from), plot.x(stretch.to));
    let middle = f32::midpoint(from, to);
    (from.min(middle - 1.5).max(plot.rect.left()), to.max(middle + 1.5).min(plot.rect.right()))
}

/// When we had stepped back, as bands with a bar above.
fn tints(painter: &Painter, plot: &Plot, bottom: f32, held: &[Stretch], look: &Look) {
    for stretch in held {
        let (from, to) = ends(plot, stretch);
        let tint = Rect::from_min_max(pos2(from, plot.rect.top()), pos2(to, bottom));
        painter.rect_filled(tint, 0.0, look.weak.gamma_multiply(0.10));
        let bar = Rect::from_min_max(
            pos2(from, plot.rect.top() - BARS + 3.0),
            pos2(to, plot.rect.top() - BARS + 6.0),
        );
        painter.rect_filled(bar, 1.5, look.weak);
    }
}

/// The reasons above the bars, as far as there is room; all of them are told under the pointer.
fn captions(painter: &Painter, plot: &Plot, held: &[Stretch], rows: usize, look: &Look) {
    let font = FontId::proportional(theme::SMALL);
    let galleys: Vec<_> = held
        .iter()
        .map(|stretch| {
            stretch_words(stretch.why).map(|text| painter.layout_no_wrap(text, font.clone(), look.text))
        })
        .collect();
    let wanted: Vec<_> = held
        .iter()
        .zip(&galleys)
        .map(|(stretch, galleys)| {
            let (from, to) = ends(plot, stretch);
            Wanted { from, to, widths: [galleys[0].size().x, galleys[1].size().x] }
        })
        .collect();
    let bar = plot.rect.top() - BARS + 3.0;
    for ((placed, wanted), galleys) in
        place_words(&wanted, plot.rect.left()..plot.rect.right(), rows).iter().zip(&wanted).zip(&galleys)
    {
        let Some(placed) = placed else { continue };
        let galley = &galleys[placed.wording];
        let bottom = bar - placed.row as f32 * WORDS;
        if placed.row > 0 {
            let middle = f32::midpoint(wanted.from, wanted.to);
            painter.vline(middle, bottom..=bar, Stroke::new(1.0, look.weak));
        }
        painter.galley(pos2(placed.x, bottom - 2.0 - galley.size().y), galley.clone(), look.text);
    }
}

/// What the picture shows, for those who cannot see it.
fn summary(runs: &[&[LinkSample]], held: &[Stretch]) -> String {
    let samples = || runs.iter().flat_map(|run| run.iter());
    let average = |value: fn(&LinkSample) -> f32| mean(samples().map(value));
    let (Some(own), Some(others)) = (average(|sample| sample.own_bps), average(|sample| sample.others_bps))
    else {
        return "The link over time, nothing in this span".to_owned();
    };
    let held = match held.len() {
        0 => "not stepped back".to_owned(),
        number => format!("stepped back {}", words::count(number, "time", "times")),
    };
    let (own, others) = (rate_in_words(own as u64), rate_in_words(others as u64));
    format!("The link over time: on average background downloads {own}, your own traffic {others}; {held}")
}

/// The values under the pointer.
fn hover(
    painter: &Painter,
    plot: &Plot,
    lane: Rect,
    response: Response,
    runs: &[&[LinkSample]],
    look: &Look,
) {
    // The words above the picture belong to it, the legend does not.
    let heights = Rangef::new(response.rect.top(), lane.bottom());
    let Some(sample) = plot.hovered(&response, heights, runs) else { return };
    let x = plot.x(sample.at);
    let stroke = Stroke::new(1.0, look.weak.gamma_multiply(0.5));
    painter.vline(x, plot.rect.top()..=lane.bottom(), stroke);
    let edge = Stroke::new(1.5, look.panel);
    if sample.others_bps > 0.0 {
        let all = plot.place(sample.at, sample.own_bps + sample.others_bps);
        painter.circle(all, 3.5, look.others, edge);
    }
    painter.circle(plot.place(sample.at, sample.own_bps), 3.5, look.accent, edge);
    response.on_hover_text_at_pointer(told(sample, &plot.ago(sample.at)));
}

/// All that is known of a moment.
fn told(sample: &LinkSample, ago: &str) -> String {
    let rate = |name: &str, rate: f32| format!("{name} {}", rate_in_words(rate as u64));
    let held = match sample.state {
        LinkState::Yielding => Some(stretch_words(sample.why)[0].clone()),
        _ => None,
    };
    let lines = [
        Some(format!("{ago} ago")),
        Some(rate("background downloads", sample.own_bps)),
        Some(rate("your own traffic", sample.others_bps)),
        sample.capacity_bps.map(|bps| rate("the link carries about", bps)),
        sample.cap_bps.map(|bps| rate("cap", bps)),
        sample.added_delay_ms.map(|ms| format!("added delay {}", delay_in_words(ms))),
        held,
    ];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
