//! What servers say of addresses that are only being typed, and how it is shown under the field.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use egui::{Align, Context, Label, Layout, RichText, ScrollArea, Ui, vec2};

use crate::engine::{Answer, Command, Handle, Probe, Reply};
use crate::job::{NewJob, bytes_in_words};

use super::addresses::{self, Line};
use super::app::{arrived, look_again};
use super::icons;
use super::theme::Look;

/// How many servers are asked at once.
const AT_ONCE: usize = 8;
/// Of how many addresses the servers are asked; nobody looks at each of a long list.
const MOST_ASKED: usize = 200;
/// The height of one finding.
const HEIGHT: f32 = 24.0;

/// What is known of an address.
enum Asked {
    Asking(Answer),
    Known(Probe),
    Refused(String),
}

/// The questions asked so far, by address and headers: other headers, another answer.
#[derive(Default)]
pub(super) struct Inquiry {
    asked: HashMap<(String, String), Asked>,
}

impl Inquiry {
    /// Takes in answers.
    pub(super) fn poll(&mut self) {
        for asked in self.asked.values_mut() {
            if let Asked::Asking(answer) = asked
                && let Some(outcome) = arrived(answer)
            {
                *asked = match outcome {
                    Ok(Reply::Probed(probe)) => Asked::Known(probe),
                    Ok(_) => Asked::Refused("The server's answer makes no sense".to_owned()),
                    Err(refusal) => Asked::Refused(refusal.to_string()),
                };
            }
        }
    }

    /// Asks for those lines that were not asked for yet, a few at once.
    pub(super) fn ask(
        &mut self,
        ctx: &Context,
        handle: &Handle,
        lines: &[Line],
        headers: &str,
        job: impl Fn(&Line) -> NewJob,
    ) {
        let mut asking = self.asked.values().filter(|asked| matches!(asked, Asked::Asking(_))).count();
        for line in lines.iter().filter(|line| line.wrong.is_none()).take(MOST_ASKED) {
            if asking >= AT_ONCE {
                break;
            }
            let key = (line.text.clone(), headers.to_owned());
            if let Entry::Vacant(place) = self.asked.entry(key) {
                asking += 1;
                look_again(ctx);
                place.insert(Asked::Asking(handle.send(Command::Probe(job(line)))));
            }
        }
    }

    /// What a server has said of an address.
    pub(super) fn known(&self, url: &str, headers: &str) -> Option<&Probe> {
        match self.asked.get(&(url.to_owned(), headers.to_owned())) {
            Some(Asked::Known(probe)) => Some(probe),
            _ => None,
        }
    }

    /// Draws what was found out about each address; a few are seen at once.
    pub(super) fn show(&self, ui: &mut Ui, lines: &[Line], headers: &str) {
        if lines.is_empty() {
            return;
        }
        let area =
            ScrollArea::vertical().id_salt("findings").max_height(HEIGHT * 4.5).auto_shrink([false, true]);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            area.show_rows(ui, HEIGHT, lines.len(), |ui, range| {
                for line in lines.get(range).unwrap_or_default() {
                    self.finding(ui, line, headers);
                }
            });
        });
    }

    fn finding(&self, ui: &mut Ui, line: &Line, headers: &str) {
        let look = Look::of(ui.visuals());
        let asked = self.asked.get(&(line.text.clone(), headers.to_owned()));
        let (icon, color) = match (&line.wrong, asked) {
            (Some(_), _) | (None, Some(Asked::Refused(_))) => (icons::WARNING, look.bad.1),
            (None, Some(Asked::Known(probe))) => (icons::for_name(&probe.name), look.accent_text),
            _ => (icons::FILE, look.weak),
        };
        ui.horizontal(|ui| {
            ui.set_height(HEIGHT);
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(icon).size(15.0).color(color));
            let (name, said, said_color) = match (&line.wrong, asked) {
                (Some(wrong), _) => (line.text.as_str(), wrong.clone(), look.bad.1),
                (None, Some(Asked::Refused(why))) => (line.text.as_str(), why.clone(), look.bad.1),
                (None, Some(Asked::Known(probe))) => (probe.name.as_str(), said_of(probe), look.weak),
                (None, Some(Asked::Asking(_))) => (line.text.as_str(), "asking…".to_owned(), look.weak),
                (None, None) => (line.text.as_str(), String::new(), look.weak),
            };
            let room = ui.available_width();
            let share = if said_color == look.bad.1 { 0.34 } else { 0.6 };
            ui.allocate_ui_with_layout(
                vec2(room * share, HEIGHT),
                Layout::left_to_right(Align::Center),
                |ui| ui.add(Label::new(name).truncate()),
            );
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let into = line.entry.folder.as_ref().map(|folder| format!("into {}", folder.display()));
                let parts = [Some(said), line.note.map(str::to_owned), into];
                let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
                let said = parts.join(" · ");
                let color = if line.note == Some(addresses::IN_LIST) && said_color != look.bad.1 {
                    look.wait.1
                } else {
                    said_color
                };
                ui.add(Label::new(RichText::new(said).size(12.0).color(color)).truncate());
            });
        });
    }
}

fn said_of(probe: &Probe) -> String {
    let size = probe.total_bytes.map_or_else(|| "size unknown".to_owned(), bytes_in_words);
    let resume = if probe.resumable { "can resume" } else { "cannot resume" };
    format!("{size} · {resume}")
}
