//! The panel under the list: the selected job's graph and everything known of it.

use egui::{Align, Layout, RichText, ScrollArea, Sense, Stroke, Ui, vec2};

use crate::engine::{Handle, JobView, LinkSample};
use crate::job::{JobId, Trouble, bytes_in_words};

use super::actions::Action;
use super::app::Wish;
use super::facts::Facts;
use super::files;
use super::graph::Graph;
use super::log::Log;
use super::plot;
use super::theme::{self, Look};

/// Where there is less room than this, buttons lose their words.
const COMPACT: f32 = 420.0;

/// Which side of the panel is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Graph,
    Details,
    Files,
    Log,
}

/// The panel's own state.
#[derive(Debug, Default)]
pub(super) struct Details {
    tab: Tab,
    graph: Graph,
    facts: Facts,
    log: Log,
    /// Whose state this is: what was half typed for one job is not meant for another.
    of: Option<JobId>,
}

/// What the panel is drawn from.
pub(super) struct Light<'a> {
    pub jobs: &'a [&'a std::sync::Arc<JobView>],
    pub handle: &'a Handle,
    pub now: u64,
    pub latest_sample: u64,
    /// The history of the link.
    pub link: &'a [LinkSample],
    pub span_secs: &'a mut u32,
    pub wishes: &'a mut Vec<Wish>,
}

impl Details {
    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui, light: &mut Light<'_>) {
        let [view] = light.jobs else { return several(ui, light) };
        if self.of != Some(view.job.id) {
            self.of = Some(view.job.id);
            self.facts = Facts::default();
        }
        let has_files = view.job.files.len() > 1;
        let tab = match self.tab {
            // The choice is kept for the next job of several files.
            Tab::Files if !has_files => Tab::Details,
            tab => tab,
        };
        if tab == Tab::Log {
            self.log.catch_up(ui, light.handle, view);
        }
        self.tabs(ui, light, view, tab, has_files);
        ui.add_space(6.0);
        match tab {
            Tab::Graph => {
                self.graph.show(ui, view, light.link, light.latest_sample, *light.span_secs);
            }
            Tab::Details => {
                ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
                    self.facts.show(ui, view, light.now, light.wishes);
                });
            }
            Tab::Files => files::show(ui, view, light.now, light.wishes),
            Tab::Log => self.log.show(ui, light.now),
        }
    }

    fn tabs(&mut self, ui: &mut Ui, light: &mut Light<'_>, view: &JobView, current: Tab, has_files: bool) {
        let look = Look::of(ui.visuals());
        let fault = view.job.state.fault();
        let color = |fault: &crate::job::Fault| if fault.is_transient() { look.wait.0 } else { look.bad.0 };
        let trouble = view.job.files.iter().filter_map(|file| match &file.trouble {
            Some(Trouble::Failed(fault)) => Some(fault),
            _ => None,
        });
        let trouble = trouble.map(color).next();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 20.0;
            for (tab, text, dot) in [
                (Tab::Graph, "Graph", None),
                (Tab::Details, "Details", fault.map(color)),
                (Tab::Files, "Files", trouble),
                (Tab::Log, "Log", None),
            ] {
                if (tab != Tab::Files || has_files) && tab_button(ui, text, tab == current, dot) {
                    self.tab = tab;
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                // The fault's box has its own button to retry.
                buttons(ui, light, current != Tab::Details);
                match current {
                    Tab::Graph => {
                        ui.add_space(8.0);
                        plot::spans(ui, light.span_secs);
                    }
                    Tab::Details => {}
                    Tab::Files => files::head(ui, view, light.wishes),
                    Tab::Log => self.log.head(ui, light.wishes),
                }
            });
        });
    }
}

/// A button in the panel's first row, without its words where there is no room for them.
pub(super) fn head_button(ui: &mut Ui, icon: char, text: &str, enabled: bool) -> bool {
    let icon = RichText::new(icon).size(14.0);
    let button = if ui.available_width() < COMPACT {
        egui::Button::new(icon)
    } else {
        egui::Button::new((icon, text))
    };
    ui.add_enabled(enabled, button).accessible_name(text).on_hover_text(text).clicked()
}

fn several(ui: &mut Ui, light: &mut Light<'_>) {
    ui.horizontal(|ui| {
        ui.label(theme::bold(format!("{} selected", light.jobs.len())));
        let total: u64 = light.jobs.iter().filter_map(|view| view.job.total_bytes()).sum();
        let done: u64 = light.jobs.iter().map(|view| view.done_bytes).sum();
        let words = format!("{} of {}", bytes_in_words(done), bytes_in_words(total.max(done)));
        ui.label(theme::weak(ui, words));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            buttons(ui, light, true);
        });
    });
}

/// The buttons at the right: what applies to the selection; always in the same places.
fn buttons(ui: &mut Ui, light: &mut Light<'_>, with_retry: bool) {
    let applies = |action: Action| light.jobs.iter().any(|view| (action.entry().applies)(view));
    let first = [Action::Accept, Action::Pause, Action::Resume, Action::Retry];
    let first = first.into_iter().find(|action| applies(*action));
    ui.spacing_mut().interact_size.y = 28.0;
    ui.spacing_mut().button_padding.y = 4.0;
    let compact = ui.available_width() < COMPACT;
    let mut wish = |ui: &mut Ui, action: Action, enabled: bool| {
        let entry = action.entry();
        let icon = RichText::new(entry.icon).size(14.0);
        let response = if compact {
            ui.add_enabled(enabled, egui::Button::new(icon))
                .accessible_name(entry.text)
                .on_hover_text(entry.text)
        } else {
            ui.add_enabled(enabled, egui::Button::new((icon, entry.text)))
        };
        if response.clicked() {
            light.wishes.push(Wish::Do(action));
        }
    };
    wish(ui, Action::OpenFolder, true);
    wish(ui, Action::Cancel, applies(Action::Cancel));
    if with_retry || first != Some(Action::Retry) {
        wish(ui, first.unwrap_or(Action::Pause), first.is_some());
    }
}

fn tab_button(ui: &mut Ui, text: &str, chosen: bool, dot: Option<egui::Color32>) -> bool {
    let look = Look::of(ui.visuals());
    let font = if chosen { theme::semibold() } else { egui::FontFamily::Proportional };
    let color = if chosen { look.text } else { look.weak };
    let galley = ui.painter().layout_no_wrap(text.to_owned(), egui::FontId::new(theme::BODY, font), color);
    // As wide as the bold text would be, so that choosing a tab moves nothing.
    let bold = egui::FontId::new(theme::BODY, theme::semibold());
    let width = ui.painter().layout_no_wrap(text.to_owned(), bold, color).size().x;
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Tab, true, chosen, text));
    let at = egui::pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, color);
    if chosen {
        ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(2.0, look.accent));
    }
    if let Some(color) = dot {
        ui.painter().circle_filled(rect.right_top() + vec2(5.0, 8.0), 3.0, color);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.5, look.accent);
        ui.painter().rect_stroke(rect.expand2(vec2(5.0, 0.0)), 4.0, stroke, egui::StrokeKind::Inside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}
