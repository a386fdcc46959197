//! The details of one job in words, with what can be set about it.

use egui::{Align, Color32, Label, Layout, RichText, Stroke, Ui};

use crate::engine::{Change, JobView};
use crate::job::{Fault, JobState, Priority, Why, bytes_in_words};

use super::actions::Action;
use super::add::checkbox;
use super::app::Wish;
use super::rate_field::{RateField, SetTo, field};
use super::remedies::{Way, way, ways};
use super::theme::{self, Look};
use super::{icons, segment_map, words};

/// The words for no cap of its own.
const NO_CAP: &str = "No cap";

/// The most files of a job that can be asked for at once.
const MOST_AT_ONCE: u8 = 8;

/// What is half typed about a job.
#[derive(Debug, Default)]
pub(super) struct Facts {
    limit: RateField,
    /// The name while it is being typed.
    name: Option<String>,
}

impl Facts {
    /// What is known of it, in two columns where there is room.
    pub(super) fn show(&mut self, ui: &mut Ui, view: &JobView, now: u64, wishes: &mut Vec<Wish>) {
        ui.spacing_mut().item_spacing.y = 6.0;
        boxes(ui, view, now, wishes);
        ui.spacing_mut().interact_size.y = 26.0;
        ui.spacing_mut().button_padding.y = 4.0;
        let (mut state, _) = words::state(view, Some(now));
        if matches!(view.job.state, JobState::Transferring) && view.verifying().is_none() {
            state = format!("Downloading, {state}");
        }
        if let Some(because) = words::because(&view.job.state, view.job.cause) {
            state = format!("{state}, {because}");
        }
        let known = |ui: &mut Ui, wishes: &mut Vec<Wish>| {
            fact(ui, "State", |ui| value(ui, &state));
            place(ui, view, wishes);
            of_the_server(ui, view);
            fact(ui, "Added", |ui| value(ui, words::ago(view.job.added_unix_secs, now)));
        };
        if ui.available_width() < 640.0 {
            known(ui, wishes);
            self.of_the_user(ui, view, now, wishes);
        } else {
            let gap = 28.0;
            let width = ui.available_width();
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                for left in [true, false] {
                    // What was found out is longer than what can be set.
                    let share = if left { 0.58 } else { 0.42 };
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing.x = 8.0;
                        ui.set_width((width - gap) * share);
                        if left {
                            known(ui, wishes);
                        } else {
                            self.of_the_user(ui, view, now, wishes);
                        }
                    });
                }
            });
        }
    }

    fn of_the_user(&mut self, ui: &mut Ui, view: &JobView, now: u64, wishes: &mut Vec<Wish>) {
        let job = &view.job;
        let mut wish = |change| wishes.push(Wish::Change(vec![job.id], change));
        fact(ui, "Name", |ui| {
            let mut text = self.name.clone().unwrap_or_else(|| job.display_name());
            let width = (ui.available_width() - 8.0).min(260.0);
            let edit = field(&mut text, "as its first file").min_size(egui::vec2(0.0, 28.0));
            let edit = edit.margin(egui::Margin::symmetric(8, 4)).desired_width(width);
            let response = ui.add(edit).accessible_name("Name of this download");
            if response.changed() {
                self.name = Some(text);
            }
            if response.lost_focus()
                && let Some(name) = self.name.take()
                && !ui.input(|input| input.key_pressed(egui::Key::Escape))
                && name.trim() != job.display_name()
            {
                wish(Change::SetName(name.trim().to_owned()));
            }
        });
        fact(ui, "Priority", |ui| {
            if let Some(priority) = priority_choice(ui, "Priority", job.priority) {
                wish(Change::SetPriority(priority));
            }
        });
        fact(ui, "Cap", |ui| {
            let entered = self.limit.show(ui, "Cap of this download", job.limit, NO_CAP, 128.0);
            if let Some(SetTo(limit)) = entered {
                wish(Change::SetLimit(limit));
            }
        });
        if let Some(cap) = &view.cap {
            fact(ui, "Held to", |ui| value(ui, words::cap(cap, now)));
        }
        if job.files.len() > 1 {
            fact(ui, "Files at once", |ui| {
                let name = "Files of this download at once";
                if let Some(number) = at_once_choice(ui, name, job.files_at_once) {
                    wish(Change::SetFilesAtOnce(number));
                }
            });
        }
        if !job.state.is_final() {
            fact(ui, "Connections", |ui| {
                if let Some(number) = at_once_choice(ui, "Connections for each file", job.connections) {
                    wish(Change::SetConnections(number));
                }
            });
            fact(ui, "At the end", |ui| {
                let mut hold = job.hold_finished;
                if checkbox(ui, &mut hold, "Hold until I accept").changed() {
                    wish(Change::SetHoldFinished(hold));
                }
            });
        }
    }
}

/// Where it comes from and where it goes.
fn place(ui: &mut Ui, view: &JobView, wishes: &mut Vec<Wish>) {
    if let [file] = view.job.files.as_slice() {
        fact(ui, "Address", |ui| {
            let room = ui.available_width() - 72.0;
            ui.scope(|ui| {
                ui.set_max_width(room);
                value(ui, file.url.as_str());
            });
            if theme::icon_button(ui, icons::COPY, "Copy address").clicked() {
                wishes.push(Wish::Do(Action::CopyAddress));
            }
            let can_change = (Action::ChangeAddress.entry().applies)(view);
            if can_change && theme::icon_button(ui, icons::LINK, "Change address…").clicked() {
                wishes.push(Wish::Do(Action::ChangeAddress));
            }
        });
        fact(ui, "Saved as", |ui| {
            let path = file.path().unwrap_or_else(|| file.folder.join(file.display_name()));
            value(ui, path.display().to_string());
        });
    } else if let Some(first) = view.job.files.first() {
        fact(ui, "Files", |ui| value(ui, words::files_done(view).unwrap_or_default()));
        fact(ui, "Saved in", |ui| {
            let same = view.job.files.iter().all(|file| file.folder == first.folder);
            let more = if same { "" } else { " and others, see Files" };
            value(ui, format!("{}{more}", first.folder.display()));
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
    if segment_map::has_one(view) {
        fact(ui, "On disk", |ui| segment_map::show(ui, view));
    }
    let [file] = job.files.as_slice() else { return };
    if !file.finished {
        let resumable = match file.resumable {
            Some(true) => "goes on where it stopped",
            Some(false) => "starts over, the server cannot resume",
            None => "not known yet",
        };
        fact(ui, "After a break", |ui| value(ui, resumable));
    }
    let expected = file.expected.as_ref().map(ToString::to_string);
    let headers = [
        ("ETag", &file.validator.etag),
        ("Last-Modified", &file.validator.last_modified),
        ("Checksum", &expected),
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

/// A choice of how many files are fetched at once; returns the new number.
pub(super) fn at_once_choice(ui: &mut Ui, name: &str, current: u8) -> Option<u8> {
    let mut chosen = None;
    let response = theme::combo(name, current.to_string()).width(64.0).show_ui(ui, |ui| {
        for number in 1..=MOST_AT_ONCE {
            if ui.selectable_label(number == current, number.to_string()).clicked() && number != current {
                chosen = Some(number);
            }
        }
    });
    response.response.accessible_name(name);
    chosen
}

/// What the user should know and may want to act on.
fn boxes(ui: &mut Ui, view: &JobView, now: u64, wishes: &mut Vec<Wish>) {
    let look = Look::of(ui.visuals());
    if let Some(fault) = view.job.state.fault() {
        fault_box(ui, fault, &ways(view), wishes);
    }
    if let JobState::Waiting(waiting) = &view.job.state
        && let Some(text) = words::way_out(&waiting.why)
    {
        let held = waiting.why == Why::Held;
        let color = if held { look.still.1 } else { look.wait.1 };
        let mut title = waiting.what();
        if let Some(next) = words::next_try(waiting, now) {
            title = format!("{title}; {next}");
        }
        let ways = if held { vec![(icons::RESUME, "Resume them all", Wish::Hold(false))] } else { vec![] };
        note(ui, color, &title, text, &ways, wishes);
    }
    if matches!(view.job.state, JobState::Transferred) && view.job.hold_finished {
        let text = "Accept it to take it into the finished ones, or cancel it to give it up.";
        note(ui, look.good.1, "It is complete and waits for you", text, &[way(Action::Accept)], wishes);
    }
    if let Some(stale) = words::stale(view, now) {
        let title = words::upper_first(&stale);
        let text = "It stays where it is; you can take it off the list if it is not wanted any more.";
        note(ui, look.wait.1, &title, text, &[way(Action::Remove)], wishes);
    }
}

/// What went wrong: what, likely why, what to do, and the buttons that do it.
fn fault_box(ui: &mut Ui, fault: &Fault, ways: &[Way], wishes: &mut Vec<Wish>) {
    let look = Look::of(ui.visuals());
    let color = if fault.is_transient() { look.wait.1 } else { look.bad.1 };
    let why = words::upper_first(fault.likely());
    framed(ui, color, ways, wishes, |ui| {
        ui.add(Label::new(theme::bold(fault.what()).color(color)).truncate());
        ui.add(Label::new(format!("{why}. You can {}.", fault.advice())).wrap());
        if !fault.detail.is_empty() {
            ui.add(Label::new(theme::weak(ui, &fault.detail).size(theme::SMALL)).truncate());
        }
    });
}

fn note(ui: &mut Ui, color: Color32, title: &str, text: &str, ways: &[Way], wishes: &mut Vec<Wish>) {
    framed(ui, color, ways, wishes, |ui| {
        ui.add(Label::new(theme::bold(title).color(color)).truncate());
        ui.add(Label::new(text).wrap());
    });
}

fn framed(ui: &mut Ui, color: Color32, ways: &[Way], wishes: &mut Vec<Wish>, text: impl FnOnce(&mut Ui)) {
    let frame = egui::Frame::new()
        .fill(color.gamma_multiply(0.08))
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.35)))
        .corner_radius(8)
        .inner_margin(egui::Margin::symmetric(14, 10));
    // One or two stand beside the text, more below it.
    let has_beside = (1..=2).contains(&ways.len());
    frame.show(ui, |ui| {
        ui.spacing_mut().interact_size.y = 28.0;
        ui.spacing_mut().button_padding.y = 4.0;
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.horizontal(|ui| {
            let width = ui.available_width() - if has_beside { 160.0 } else { 0.0 };
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 3.0;
                text(ui);
            });
            if has_beside {
                ui.with_layout(Layout::top_down(Align::Max), |ui| buttons(ui, ways, wishes));
            }
        });
        if !has_beside && !ways.is_empty() {
            ui.horizontal_wrapped(|ui| buttons(ui, ways, wishes));
        }
    });
    ui.add_space(4.0);
}

fn buttons(ui: &mut Ui, ways: &[Way], wishes: &mut Vec<Wish>) {
    for (icon, text, wish) in ways {
        if ui.button((RichText::new(*icon).size(14.0), *text)).clicked() {
            wishes.push(wish.clone());
        }
    }
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
