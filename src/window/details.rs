//! The panel under the list: the selected job's graph and everything known of it.

use egui::{Align, Label, Layout, RichText, ScrollArea, Sense, Stroke, Ui, vec2};

use crate::engine::{Change, JobView};
use crate::job::{Fault, JobId, JobState, Priority, bytes_in_words};

use super::actions::Action;
use super::app::Wish;
use super::graph::{Graph, SPANS};
use super::rate_field::{RateField, SetTo};
use super::theme::{self, Look};
use super::words;

/// Which side of the panel is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Graph,
    Details,
}

/// The panel's own state.
#[derive(Debug, Default)]
pub(super) struct Details {
    tab: Tab,
    graph: Graph,
    limit: RateField,
    /// Whose state this is: what was half typed for one job is not meant for another.
    of: Option<JobId>,
}

/// What the panel is drawn from.
pub(super) struct Light<'a> {
    pub jobs: &'a [&'a std::sync::Arc<JobView>],
    pub now: u64,
    pub latest_sample: u64,
    pub span_secs: &'a mut u32,
    pub wishes: &'a mut Vec<Wish>,
}

/// The words for no cap of its own.
const NO_CAP: &str = "No cap";

impl Details {
    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui, light: &mut Light<'_>) {
        let [view] = light.jobs else { return several(ui, light) };
        if self.of != Some(view.job.id) {
            self.of = Some(view.job.id);
            self.limit = RateField::default();
        }
        let fault = view.job.state.fault();
        self.tabs(ui, light, fault);
        ui.add_space(6.0);
        match self.tab {
            Tab::Graph => {
                self.graph.show(ui, view.job.id, &view.history, light.latest_sample, *light.span_secs);
            }
            Tab::Details => {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 6.0;
                    if let Some(fault) = fault {
                        fault_box(ui, fault, light.wishes);
                    }
                    self.facts(ui, view, light);
                });
            }
        }
    }

    fn tabs(&mut self, ui: &mut Ui, light: &mut Light<'_>, fault: Option<&Fault>) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 20.0;
            for (tab, text) in [(Tab::Graph, "Graph"), (Tab::Details, "Details")] {
                if tab_button(ui, text, self.tab == tab, fault.filter(|_| tab == Tab::Details)) {
                    self.tab = tab;
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                // The fault's box has its own button to retry.
                buttons(ui, light, self.tab == Tab::Graph);
                if self.tab == Tab::Graph {
                    ui.add_space(8.0);
                    for span in SPANS.into_iter().rev() {
                        let text = format!("{} min", span / 60);
                        let chosen = *light.span_secs == span;
                        if small_choice(ui, &text, chosen) {
                            *light.span_secs = span;
                        }
                    }
                }
            });
        });
    }

    /// What is known of it, in two columns where there is room.
    fn facts(&mut self, ui: &mut Ui, view: &JobView, light: &mut Light<'_>) {
        ui.spacing_mut().interact_size.y = 26.0;
        ui.spacing_mut().button_padding.y = 4.0;
        let (mut state, _) = words::state(view, Some(light.now));
        if matches!(view.job.state, JobState::Transferring) {
            state = format!("Downloading, {state}");
        }
        fact(ui, "State", |ui| value(ui, state));
        for file in &view.job.files {
            fact(ui, "Address", |ui| {
                let room = ui.available_width() - 36.0;
                ui.scope(|ui| {
                    ui.set_max_width(room);
                    value(ui, file.url.as_str());
                });
                if theme::icon_button(ui, super::icons::COPY, "Copy address").clicked() {
                    light.wishes.push(Wish::Do(Action::CopyAddress));
                }
            });
            fact(ui, "Saved as", |ui| {
                let path = file.path().unwrap_or_else(|| file.folder.join(file.display_name()));
                value(ui, path.display().to_string());
            });
        }
        if ui.available_width() < 640.0 {
            of_the_server(ui, view);
            self.of_the_user(ui, view, light);
        } else {
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    of_the_server(left, view);
                    self.of_the_user(right, view, light);
                }
            });
        }
    }

    fn of_the_user(&mut self, ui: &mut Ui, view: &JobView, light: &mut Light<'_>) {
        let job = &view.job;
        fact(ui, "Added", |ui| value(ui, words::ago(job.added_unix_secs, light.now)));
        fact(ui, "Priority", |ui| {
            if let Some(priority) = priority_choice(ui, "Priority", job.priority) {
                light.wishes.push(Wish::Change(vec![job.id], Change::SetPriority(priority)));
            }
        });
        fact(ui, "Cap", |ui| {
            let entered = self.limit.show(ui, "Cap of this download", job.limit, NO_CAP, 128.0);
            if let Some(SetTo(limit)) = entered {
                light.wishes.push(Wish::Change(vec![job.id], Change::SetLimit(limit)));
            }
        });
    }
}

/// What the server has said of the file.
fn of_the_server(ui: &mut Ui, view: &JobView) {
    let job = &view.job;
    let done = bytes_in_words(view.done_bytes);
    let size = match job.total_bytes() {
        Some(total) if view.done_bytes >= total => bytes_in_words(total),
        Some(total) => format!("{done} of {}", bytes_in_words(total)),
        None => format!("{done} so far, the whole is not known"),
    };
    fact(ui, "Size", |ui| value(ui, size));
    let Some(file) = job.files.first() else { return };
    let resumable = match file.resumable {
        Some(true) => "goes on where it stopped",
        Some(false) => "starts over, the server cannot resume",
        None => "not known yet",
    };
    fact(ui, "After a break", |ui| value(ui, resumable));
    let headers = [
        ("ETag", &file.validator.etag),
        ("Last-Modified", &file.validator.last_modified),
        ("SHA-256", &file.sha256),
    ];
    for (name, text) in headers {
        if let Some(text) = text {
            fact(ui, name, |ui| value(ui, text));
        }
    }
}

/// A choice of priority; returns the new one.
pub(super) fn priority_choice(ui: &mut Ui, name: &str, current: Priority) -> Option<Priority> {
    let mut chosen = None;
    let response = theme::combo(name, words::upper_first(current.word())).show_ui(ui, |ui| {
        for priority in Priority::ALL {
            let text = words::upper_first(priority.word());
            if ui.selectable_label(priority == current, text).clicked() && priority != current {
                chosen = Some(priority);
            }
        }
    });
    response.response.accessible_name(name);
    chosen
}

/// What went wrong: what, likely why, what to do, and the button that does it.
fn fault_box(ui: &mut Ui, fault: &Fault, wishes: &mut Vec<Wish>) {
    let look = Look::of(ui.visuals());
    let color = if fault.is_transient() { look.wait.1 } else { look.bad.1 };
    let frame = egui::Frame::new()
        .fill(color.gamma_multiply(0.08))
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.35)))
        .corner_radius(8)
        .inner_margin(egui::Margin::symmetric(14, 10));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            let text = ui.available_width() - 130.0;
            ui.vertical(|ui| {
                ui.set_width(text);
                ui.spacing_mut().item_spacing.y = 3.0;
                ui.add(Label::new(theme::bold(fault.what()).color(color)).truncate());
                let why = words::upper_first(fault.likely());
                ui.add(Label::new(format!("{why}. You can {}.", fault.advice())).wrap());
                if !fault.detail.is_empty() {
                    ui.add(Label::new(theme::weak(ui, &fault.detail).size(theme::SMALL)).truncate());
                }
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let retry = Action::Retry.entry();
                if ui.button((RichText::new(retry.icon).size(14.0), retry.text)).clicked() {
                    wishes.push(Wish::Do(Action::Retry));
                }
            });
        });
    });
    ui.add_space(4.0);
}

fn fact(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.set_min_height(22.0);
        let name = theme::weak(ui, name);
        theme::named(ui, 96.0, name);
        add(ui);
    });
}

fn value(ui: &mut Ui, text: impl Into<String>) {
    // What stands here may be wanted elsewhere, so it can be selected.
    ui.add(Label::new(text.into()).truncate().selectable(true));
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
    let first = [Action::Pause, Action::Resume, Action::Retry].into_iter().find(|action| applies(*action));
    ui.spacing_mut().interact_size.y = 28.0;
    ui.spacing_mut().button_padding.y = 4.0;
    let compact = ui.available_width() < 420.0;
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

fn tab_button(ui: &mut Ui, text: &str, chosen: bool, fault: Option<&Fault>) -> bool {
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
    if let Some(fault) = fault {
        let color = if fault.is_transient() { look.wait.0 } else { look.bad.0 };
        ui.painter().circle_filled(rect.right_top() + vec2(5.0, 8.0), 3.0, color);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.5, look.accent);
        ui.painter().rect_stroke(rect.expand2(vec2(5.0, 0.0)), 4.0, stroke, egui::StrokeKind::Inside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}

fn small_choice(ui: &mut Ui, text: &str, chosen: bool) -> bool {
    let look = Look::of(ui.visuals());
    let color = if chosen { look.accent_text } else { look.weak };
    let button = egui::Button::selectable(chosen, RichText::new(text).size(12.0).color(color));
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(7.0, 3.0);
        ui.spacing_mut().interact_size.y = 24.0;
        ui.visuals_mut().selection.bg_fill = look.selected;
        ui.add(button).clicked()
    })
    .inner
}
