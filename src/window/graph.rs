//! The speed of one job over time: a filled line, the cap in force, pauses as gaps; and on top of it what else this
//! machine received meanwhile.

use egui::{Align2, FontId, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::engine::{JobView, LinkSample, RateSample};
use crate::job::{JobId, Priority, rate_in_words};

use super::graph_math::{mean, points, runs, samples_in, steady_top};
use super::plot::{self, Legend, MARGIN_BOTTOM, MARGIN_LEFT, Mark, Plot, area, band};
use super::theme::{self, Look};
use super::words;

/// What the graph remembers from frame to frame, so that its axis holds still.
#[derive(Debug, Default)]
pub(super) struct Graph {
    top: Option<(JobId, f32)>,
}

const MARGIN_TOP: f32 = 14.0;

impl Graph {
    /// Draws the last `span_secs` of a job's speed, of which the right end is `now`, in samples; with the link's history,
    /// which is for background jobs.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        view: &JobView,
        link: &[LinkSample],
        now: u64,
        span_secs: u32,
    ) {
        let job = view.job.id;
        let look = Look::of(ui.visuals());
        let (outer, response) = ui
            .allocate_exact_size(vec2(ui.available_width(), ui.available_height().max(84.0)), Sense::hover());
        let span = samples_in(span_secs);
        let from = now.saturating_sub(span);
        let runs = runs(&view.history, from);
        let samples = || runs.iter().flat_map(|run| run.iter());
        let link = if view.job.priority == Priority::Foreground { &[] } else { link };
        let has_others = samples().any(|sample| others(link, sample.at) > 0.0);
        let average = mean(samples().map(|sample| sample.rate_bps));

        let legend = {
            let cap = view.cap.map_or("cap in force", |cap| words::whose_cap(cap.which));
            let mut entries = vec![(Mark::Area(look.accent), "this download")];
            if has_others {
                entries.push((Mark::Area(look.others), "your own traffic"));
            }
            entries.push((Mark::Dashes(look.bad.1), cap));
            let summary = average.map(|mean| format!("average {}", rate_in_words(mean as u64)));
            Legend::new(ui, outer.width() - MARGIN_LEFT, &entries, summary)
        };
        let rect = Rect::from_min_max(
            pos2(outer.left() + MARGIN_LEFT, outer.top() + MARGIN_TOP),
            pos2(outer.right(), outer.bottom() - MARGIN_BOTTOM - legend.height),
        );
        let peak = samples().map(|sample| sample.rate_bps + others(link, sample.at)).fold(0.0, f32::max);
        let wanted = plot::with_cap(peak, &runs);
        let top = steady_top(self.top.filter(|(of, _)| *of == job).map(|(_, top)| top), wanted);
        self.top = Some((job, top));
        let plot = Plot { rect, now, span, top };
        let painter = ui.painter().clone();
        if runs.is_empty() {
            // A grid without a line would only strike the words through.
            let font = FontId::proportional(theme::BODY);
            let text = "No speed to show in this time";
            painter.text(rect.center(), Align2::CENTER_CENTER, text, font, look.weak);
        } else {
            plot.grid(&painter, &look);
            plot.times(&painter, "now", &look);
        }
        let inside = painter.with_clip_rect(rect.expand(1.0));
        for run in &runs {
            paint_run(&inside, &plot, run, link, &look);
        }
        plot.caps(&painter, &runs, &look);
        plot.cap_label(&painter, &runs, &look);
        legend.paint(&painter, pos2(rect.left(), rect.bottom() + MARGIN_BOTTOM), &look);

        let summary = average.map_or_else(
            || "Speed over time, nothing in this span".to_owned(),
            |mean| format!("Speed over time, average {}", rate_in_words(mean as u64)),
        );
        let beside = mean(samples().map(|sample| others(link, sample.at))).filter(|_| has_others);
        let summary = beside.map_or(summary.clone(), |beside| {
            format!("{summary}; your own traffic {}", rate_in_words(beside as u64))
        });
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        if let Some(sample) = plot.hovered(&response, rect.y_range(), &runs) {
            let spot = plot.place(sample.at, sample.rate_bps);
            inside.vline(spot.x, rect.y_range(), Stroke::new(1.0, look.weak.gamma_multiply(0.5)));
            inside.circle(spot, 3.5, look.accent, Stroke::new(1.5, look.panel));
            let mut text = format!("{}, {} ago", rate_in_words(sample.rate_bps as u64), plot.ago(sample.at));
            if has_others {
                let others = rate_in_words(others(link, sample.at) as u64);
                text = format!("{text}\nyour own traffic {others}");
            }
            response.on_hover_text_at_pointer(text);
        }
    }
}

/// The download, and what else came in on top of it.
fn paint_run(painter: &egui::Painter, plot: &Plot, run: &[RateSample], link: &[LinkSample], look: &Look) {
    let place = |bucket: &[RateSample]| {
        let at = bucket.last()?.at;
        let own = mean(bucket.iter().map(|sample| sample.rate_bps))?;
        let others = mean(bucket.iter().map(|sample| others(link, sample.at)))?;
        Some((plot.place(at, own), plot.place(at, own + others)))
    };
    let both: Vec<_> = points(run, plot.per_point()).filter_map(place).collect();
    let own: Vec<_> = both.iter().map(|(own, _)| *own).collect();
    painter.add(Shape::mesh(band(both.iter().map(|(own, all)| (*all, own.y)), look.others_area())));
    painter.add(Shape::mesh(area(&own, plot.rect.bottom(), look.accent_area())));
    painter.add(Shape::line(own, Stroke::new(1.6, look.accent)));
}

/// What else this machine received at a moment.
fn others(link: &[LinkSample], at: u64) -> f32 {
    link.binary_search_by_key(&at, |sample| sample.at).map_or(0.0, |index| link[index].others_bps)
}
