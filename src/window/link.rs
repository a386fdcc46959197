//! The page of the link: how it is used and why, in words, figures and a picture over time.

use egui::{Align, Label, Layout, Margin, RichText, ScrollArea, Sense, Ui, vec2};

use crate::engine::{LinkState, LinkView};

use super::clock::clock;
use super::link_graph::{LinkGraph, MIN_HEIGHT, Seen};
use super::plot;
use super::theme::{self, Look};
use super::{blank, icons};

/// Where there is less room than this, the figures stand above the picture and not beside it.
const WIDE: f32 = 780.0;
/// The width of the figures beside the picture.
const FIGURES: f32 = 256.0;
/// The height of one of them.
const FIGURE: f32 = 24.0;
/// The room for the choice of the span.
const SPANS: f32 = 200.0;
/// Around everything.
const MARGIN: i8 = 24;

/// The page's own state.
#[derive(Debug, Default)]
pub(super) struct LinkPage {
    graph: LinkGraph,
}

/// What it is drawn from.
pub(super) struct Light<'a> {
    pub view: &'a LinkView,
    /// In seconds since 1970.
    pub now: u64,
    /// The latest sample of any graph.
    pub latest_sample: u64,
    pub span_secs: &'a mut u32,
}

impl LinkPage {
    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui, light: &mut Light<'_>) {
        let view = light.view;
        let Some(last) = view.history.last().map(|sample| sample.at) else {
            if view.state == LinkState::Resting {
                let title = "Nothing has been transferred in the background yet";
                let hint = "When a download runs, you see here what it takes of the link, what you use yourself, and \
                            when and why it steps back.";
                return blank::show(ui, icons::INTO_TRAY, title, hint, |_| {});
            }
            return self.page(ui, light, 0);
        };
        self.page(ui, light, last);
    }

    fn page(&mut self, ui: &mut Ui, light: &mut Light<'_>, last: u64) {
        let view = light.view;
        let bottom = ui.max_rect().bottom() - f32::from(MARGIN);
        ScrollArea::vertical().id_salt("link").auto_shrink(false).show(ui, |ui| {
            egui::Frame::new().inner_margin(Margin::same(MARGIN)).show(ui, |ui| {
                head(ui, light);
                ui.add_space(10.0);
                let wide = ui.available_width() >= WIDE;
                if !wide {
                    figures(ui, view, 2);
                    ui.add_space(8.0);
                }
                // Where nothing flows, no samples come: the picture ends where they did.
                let latest = light.latest_sample.max(last);
                let rests = view.state == LinkState::Resting && latest == last && view.since_unix_secs > 0;
                let end = if rests { clock(view.since_unix_secs, light.now) } else { "now".to_owned() };
                let seen = Seen { now: latest, span_secs: *light.span_secs, end: &end };
                let height = (bottom - ui.cursor().top()).max(MIN_HEIGHT);
                if wide {
                    let width = ui.available_width() - FIGURES - 28.0;
                    ui.horizontal_top(|ui| {
                        ui.spacing_mut().item_spacing.x = 28.0;
                        ui.vertical(|ui| {
                            ui.set_width(width);
                            self.graph.show(ui, view, height, seen);
                        });
                        ui.vertical(|ui| {
                            ui.set_width(FIGURES);
                            ui.add_space(18.0);
                            figures(ui, view, 1);
                        });
                    });
                } else {
                    self.graph.show(ui, view, height, seen);
                }
            });
        });
    }
}

/// The sentence, what it goes by, and how much of the time is seen.
fn head(ui: &mut Ui, light: &mut Light<'_>) {
    let look = Look::of(ui.visuals());
    let width = (ui.available_width() - SPANS).max(200.0);
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(width);
            ui.spacing_mut().item_spacing.y = 4.0;
            let sentence = theme::bold(light.view.in_words(light.now)).size(theme::TITLE);
            ui.add(Label::new(sentence).wrap());
            let (goes_by, missing) = light.view.senses_in_words();
            ui.add(Label::new(theme::weak(ui, goes_by).size(12.0)).wrap());
            if let Some(missing) = missing {
                ui.add(Label::new(RichText::new(missing).size(12.0).color(look.wait.1)).wrap());
            }
        });
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| plot::spans(ui, light.span_secs));
    });
}

/// What is known in figures, in so many columns.
fn figures(ui: &mut Ui, view: &LinkView, columns: usize) {
    let look = Look::of(ui.visuals());
    let all = view.figures();
    let gap = 28.0;
    let width = (ui.available_width() - gap * (columns - 1) as f32) / columns as f32;
    let rows = all.len().div_ceil(columns);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        for column in all.chunks(rows) {
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
                for (label, text) in column {
                    figure(ui, label, text, &look);
                }
            });
        }
    });
}

fn figure(ui: &mut Ui, label: &str, text: &str, look: &Look) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), FIGURE), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{label}: {text}")));
    let painter = ui.painter();
    let y = rect.center().y;
    let font = egui::FontId::proportional(12.0);
    let name = painter.text(egui::pos2(rect.left(), y), egui::Align2::LEFT_CENTER, label, font, look.weak);
    // An interface may have a long name; it gives way to what it is called.
    let mut job = egui::text::LayoutJob::simple_singleline(
        text.to_owned(),
        egui::FontId::proportional(theme::BODY),
        look.text,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width((rect.right() - name.right() - 8.0).max(20.0));
    let galley = painter.layout_job(job);
    let at = egui::pos2(rect.right() - galley.size().x, y - galley.size().y / 2.0);
    painter.galley(at, galley, look.text);
    painter.hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, look.line));
}
