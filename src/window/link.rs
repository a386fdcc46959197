//! The page of the link: how it is used and why, in words, figures and a picture over time.

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align, Align2, FontId, Frame, Label, Layout, Margin, RichText, Role, ScrollArea, Sense, Stroke, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::engine::{LinkState, LinkView};

use super::clock::clock;
use super::link_graph::{LinkGraph, MIN_HEIGHT, Seen};
use super::plot;
use super::theme::{self, Look};
use super::{blank, icons, words};

/// Where there is less room than this, the figures stand below the picture and not beside it.
const WIDE: f32 = 780.0;
/// The width of the figures beside the picture.
const FIGURES: f32 = 256.0;
/// Between them and the picture, and between two columns of them.
const GAP: f32 = 28.0;
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
                let title = "Nothing has used the link in the background yet";
                let hint = "When a download does, you see here what it takes, what you use yourself, and when and why it \
                            steps back. What comes from your own network is left alone and not shown.";
                return blank::show(ui, icons::INTO_TRAY, title, hint, |_| {});
            }
            return self.page(ui, light, 0);
        };
        self.page(ui, light, last);
    }

    fn page(&mut self, ui: &mut Ui, light: &mut Light<'_>, last: u64) {
        let view = light.view;
        let bottom = ui.max_rect().bottom() - f32::from(MARGIN);
        theme::show_scroll_bar(ui);
        ScrollArea::vertical().id_salt("link").auto_shrink(false).show(ui, |ui| {
            Frame::new().inner_margin(Margin::same(MARGIN)).show(ui, |ui| {
                head(ui, light);
                ui.add_space(10.0);
                // Where nothing flows, no samples come: the picture ends where they did.
                let latest = light.latest_sample.max(last);
                let rests = view.state == LinkState::Resting && latest == last && view.since_unix_secs > 0;
                let end = if rests { clock(view.since_unix_secs, light.now) } else { "now".to_owned() };
                let seen = Seen { now: latest, span_secs: *light.span_secs, end: &end };
                let room = bottom - ui.cursor().top();
                if ui.available_width() < WIDE {
                    let below = figures_height(view, 2) + 12.0;
                    self.graph.show(ui, view, (room - below).max(MIN_HEIGHT), seen);
                    ui.add_space(12.0);
                    return figures(ui, view, 2);
                }
                let width = ui.available_width() - FIGURES - GAP;
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    ui.vertical(|ui| {
                        ui.set_width(width);
                        self.graph.show(ui, view, room.max(MIN_HEIGHT), seen);
                    });
                    ui.vertical(|ui| {
                        ui.set_width(FIGURES);
                        ui.add_space(18.0);
                        figures(ui, view, 1);
                    });
                });
            });
        });
    }
}

/// The sentence, how much of the time is seen, and what it goes by.
fn head(ui: &mut Ui, light: &mut Light<'_>) {
    let look = Look::of(ui.visuals());
    ui.spacing_mut().item_spacing.y = 4.0;
    let width = (ui.available_width() - SPANS).max(200.0);
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(width);
            let sentence = words::unbroken(&light.view.in_words(light.now));
            ui.add(Label::new(theme::bold(sentence).size(theme::TITLE)).wrap());
        });
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| plot::spans(ui, light.span_secs));
    });
    let (goes_by, missing) = light.view.senses_in_words();
    ui.add(Label::new(theme::weak(ui, goes_by).size(12.0)).wrap());
    if let Some(missing) = missing {
        ui.add(Label::new(RichText::new(missing).size(12.0).color(look.wait.1)).wrap());
    }
}

/// What is known in figures, in so many columns.
fn figures(ui: &mut Ui, view: &LinkView, columns: usize) {
    let look = Look::of(ui.visuals());
    let all = view.figures();
    let width = (ui.available_width() - GAP * (columns - 1) as f32) / columns as f32;
    let rows = all.len().div_ceil(columns);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
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

/// How high [`figures`] are.
fn figures_height(view: &LinkView, columns: usize) -> f32 {
    view.figures().len().div_ceil(columns) as f32 * FIGURE
}

fn figure(ui: &mut Ui, label: &str, text: &str, look: &Look) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), FIGURE), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label}: {text}")));
    let painter = ui.painter();
    let y = rect.center().y;
    let font = FontId::proportional(12.0);
    let name = painter.text(pos2(rect.left(), y), Align2::LEFT_CENTER, label, font, look.weak);
    // An interface may have a long name; it gives way to what it is called.
    let mut job = LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(theme::BODY), look.text);
    job.wrap = TextWrapping::truncate_at_width((rect.right() - name.right() - 8.0).max(20.0));
    let galley = painter.layout_job(job);
    let at = pos2(rect.right() - galley.size().x, y - galley.size().y / 2.0);
    let is_cut = galley.elided;
    painter.galley(at, galley, look.text);
    painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, look.line));
    if is_cut {
        response.on_hover_text(text);
    }
}
