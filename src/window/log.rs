//! The log of one job: what happened to it, when, and why. Asked for while it is looked at.

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui, vec2};

use crate::engine::{Answer, Command, Handle, JobView, Reply};
use crate::job::{JobId, LogEntry};

use super::app::{Wish, arrived, look_again};
use super::details::head_button;
use super::theme::{self, Look};
use super::{clock, icons, words};

/// How many of the latest entries are shown.
const MOST: usize = 200;

/// What is known of the log of one job.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Whose log it is, and how many entries it had when it was asked for.
    of: Option<(JobId, u64)>,
    asked: Option<Answer>,
    entries: Vec<LogEntry>,
    refused: Option<String>,
}

impl Log {
    /// What stands beside the tabs.
    pub(super) fn head(&self, ui: &mut Ui, wishes: &mut Vec<Wish>) {
        let number = self.entries.len();
        if head_button(ui, icons::COPY, "Copy log", number > 0) {
            wishes.push(Wish::Copy(self.text(), "Log copied"));
        }
        let mut text = words::count(number, "entry", "entries");
        if number >= MOST {
            text = format!("the latest {text}");
        }
        ui.add_space(8.0);
        ui.add(Label::new(theme::weak(ui, text)).truncate());
    }

    /// Draws it. The newest stands at the bottom.
    pub(super) fn show(&mut self, ui: &mut Ui, now: u64) {
        if let Some(why) = &self.refused {
            let color = Look::of(ui.visuals()).bad.1;
            ui.add(Label::new(RichText::new(why).color(color)).wrap());
            if ui.button("Ask again").clicked() {
                self.of = None;
                look_again(ui.ctx());
            }
        } else if self.entries.is_empty() {
            let words = if self.asked.is_some() { "Reading the log…" } else { "Nothing has happened yet" };
            ui.label(theme::weak(ui, words));
        } else {
            self.table(ui, now);
        }
    }

    /// Takes in the answer; asks where there is something new.
    pub(super) fn catch_up(&mut self, ui: &Ui, handle: &Handle, view: &JobView) {
        if let Some(outcome) = self.asked.as_mut().and_then(arrived) {
            self.asked = None;
            match outcome {
                Ok(Reply::Log(entries)) => self.entries = entries,
                Ok(_) => self.refused = Some("The engine's answer makes no sense.".to_owned()),
                Err(refusal) => self.refused = Some(refusal.to_string()),
            }
        }
        let wanted = Some((view.job.id, view.log_entries));
        if self.of.map(|of| of.0) != Some(view.job.id) {
            self.entries.clear();
            // An answer about another job is not waited for.
            self.asked = None;
        }
        if self.of != wanted && self.asked.is_none() {
            self.of = wanted;
            self.refused = None;
            self.asked = Some(handle.send(Command::Log(Some(view.job.id), MOST)));
            // It may be refused on the spot.
            look_again(ui.ctx());
        }
    }

    fn table(&self, ui: &mut Ui, now: u64) {
        let look = Look::of(ui.visuals());
        // As wide as the oldest needs it: the others have no more of a date.
        let oldest = self.entries.first().map_or(0, |entry| clock::stamp(entry.unix_secs, now).len());
        let when = if oldest > 8 { 96.0 } else { 54.0 };
        ScrollArea::vertical().id_salt("log").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(10.0, 3.0);
            ui.spacing_mut().interact_size.y = 18.0;
            for entry in &self.entries {
                ui.horizontal_top(|ui| {
                    let small = |text: String| RichText::new(text).size(12.0);
                    let cell = |ui: &mut Ui, width: f32, text: RichText| {
                        let layout = Layout::left_to_right(Align::Min);
                        ui.allocate_ui_with_layout(vec2(width, 18.0), layout, |ui| {
                            ui.set_min_width(width);
                            ui.add(Label::new(text).selectable(true));
                        });
                    };
                    cell(ui, when, small(clock::stamp(entry.unix_secs, now)).color(look.weak));
                    cell(ui, 40.0, small(entry.event.number().to_string()).color(look.weak));
                    let width = (ui.available_width() - 96.0).max(80.0);
                    ui.vertical(|ui| {
                        ui.set_width(width);
                        let text = small(entry.event.sentence()).color(look.text);
                        ui.add(Label::new(text).wrap().selectable(true));
                    });
                    ui.add(Label::new(small(words::who(entry.cause).to_owned()).color(look.weak)).truncate());
                });
            }
        });
    }

    /// All of it as lines of text, with tabs between the columns.
    fn text(&self) -> String {
        let line = |entry: &LogEntry| {
            // With the day: it will be read at another time.
            let when = clock::stamp(entry.unix_secs, 0);
            let (number, what) = (entry.event.number(), entry.event.sentence());
            format!("{when}\t{number}\t{what}\t{}\n", words::who(entry.cause))
        };
        self.entries.iter().map(line).collect()
    }
}
