//! The dialog in which the week is painted: when how much may be used (bits.md 6.2).
//!
//! `draft` has what is painted, `grid` the picture of it, `words` what is said of it, `form` the rest of the dialog.

mod draft;
mod form;
mod grid;
mod words;

use std::collections::VecDeque;

use egui::{Context, Id, Key, Modal, Modifiers, ScrollArea};

use crate::engine::{Answer, Command, Handle, SettingView};
use crate::job::Window;

use super::app::{arrived, look_again};
use super::theme;
use draft::Draft;
use form::Limits;
use grid::Grid;

/// The dialog's widest, and what of the window it leaves free.
const WIDTH: f32 = 760.0;
const AROUND: f32 = 84.0;
/// What of the right margin the scroll bar stands on.
const BESIDE: f32 = 12.0;
/// Where the window is lower than this, the grid is.
const LOW: f32 = 700.0;

/// The open dialog.
pub(super) struct TimetableDialog {
    draft: Draft,
    /// As the settings have it.
    saved: Draft,
    /// As it was when it was last applied.
    sent: Draft,
    brush: Window,
    grid: Grid,
    limits: Limits,
    /// What is still to be changed.
    to_send: VecDeque<(&'static str, String)>,
    sending: Option<(&'static str, Answer)>,
    error: Option<String>,
    focused: bool,
}

impl TimetableDialog {
    /// Opens it with what the settings have.
    pub(super) fn new(settings: &[SettingView]) -> Self {
        let saved = Draft::of(settings);
        Self {
            draft: saved.clone(),
            sent: saved.clone(),
            saved,
            brush: Window::Work,
            grid: Grid::default(),
            limits: Limits::default(),
            to_send: VecDeque::new(),
            sending: None,
            error: None,
            focused: false,
        }
    }

    /// Takes in answers, and sends what is next. Says whether all was taken.
    pub(super) fn poll(&mut self, handle: &Handle) -> bool {
        let Some((key, answer)) = &mut self.sending else { return false };
        let Some(outcome) = arrived(answer) else { return false };
        match outcome {
            Ok(_) => self.saved.take_up(&self.sent, key),
            Err(refusal) => {
                self.error = Some(refusal.to_string());
                // The rest was meant to go with it.
                self.to_send.clear();
            }
        }
        self.send_next(handle);
        self.sending.is_none() && self.error.is_none()
    }

    /// Draws it. `now` is in seconds since 1970. Says whether it was given up, or there was nothing to change.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle, now: u64) -> bool {
        let confirmed = ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
        if !ctx.text_edit_focused() {
            for (key, window) in form::KEYS {
                if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
                    self.brush = window;
                }
            }
        }
        let mut margin = egui::Margin::same(22);
        margin.right -= BESIDE as i8;
        let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(margin).corner_radius(12);
        let room = ctx.content_rect().size();
        let width = (room.x - AROUND).min(WIDTH);
        let shown = Modal::new(Id::unique("timetable")).frame(frame).show(ctx, |ui| {
            ui.set_width(width + BESIDE);
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.label(theme::bold("Timetable").size(theme::TITLE));
            ui.add_space(2.0);
            // The buttons stay in view in the smallest window.
            let most = (room.y - 176.0).max(160.0);
            theme::show_scroll_bar(ui);
            let area = ScrollArea::vertical().max_height(most).auto_shrink([false, true]);
            // As high as it may be from the first frame on, or the dialog would grow step by step.
            area.min_scrolled_height(most).show(ui, |ui| {
                ui.set_max_width(width);
                self.form(ui, now, if room.y < LOW { 19.0 } else { 23.0 });
            });
            ui.scope(|ui| {
                ui.set_max_width(width);
                self.foot(ui, now)
            })
            .inner
        });
        let apply = shown.inner == Some(true) || confirmed;
        let mut done = shown.inner == Some(false);
        if apply && self.ready() {
            self.error = None;
            self.sent.clone_from(&self.draft);
            self.to_send = self.draft.changes(&self.saved).into();
            // Nothing to change is as good as done.
            done = self.to_send.is_empty();
            self.send_next(handle);
            look_again(ctx);
        }
        let escaped = shown.is_top_modal
            && !shown.any_popup_open
            && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        done || escaped
    }

    fn send_next(&mut self, handle: &Handle) {
        self.sending = self
            .to_send
            .pop_front()
            .map(|(key, value)| (key, handle.send(Command::Set(key.to_owned(), value))));
    }

    fn ready(&self) -> bool {
        self.sending.is_none() && self.wrong().is_none()
    }

    /// What stands in the way of applying it: a sentence.
    fn wrong(&self) -> Option<&String> {
        let layers = [&self.draft.work, &self.draft.maintenance];
        layers.into_iter().find_map(|layer| layer.wrong.as_ref()).or_else(|| self.limits.wrong())
    }
}
