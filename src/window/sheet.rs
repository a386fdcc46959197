//! The dialogs that show settings: opened once the engine has told them.

use egui::Context;

use crate::engine::{Answer, Command, Handle, Refusal, Reply};

use super::app::arrived;
use super::settings::SettingsDialog;
use super::timetable::TimetableDialog;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Timetable,
    Settings,
}

/// The one that is open, if any.
#[derive(Default)]
pub(super) enum Sheet {
    #[default]
    Closed,
    /// The settings are being asked for.
    Asked(Which, Answer),
    Timetable(Box<TimetableDialog>),
    Settings(SettingsDialog),
}

impl Sheet {
    /// Asks for the settings, to show them.
    pub(super) fn open(&mut self, which: Which, handle: &Handle) {
        *self = Self::Asked(which, handle.send(Command::Settings));
    }

    /// Whether one is open, or about to be.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self, Self::Closed)
    }

    /// Takes in answers. Returns why it does not open, if it does not.
    pub(super) fn poll(&mut self, handle: &Handle) -> Option<Refusal> {
        match self {
            Self::Closed => {}
            Self::Asked(which, answer) => match (arrived(answer)?, *which) {
                (Ok(Reply::Settings(settings)), Which::Timetable) => {
                    *self = Self::Timetable(Box::new(TimetableDialog::new(&settings)));
                }
                (Ok(Reply::Settings(settings)), Which::Settings) => {
                    *self = Self::Settings(SettingsDialog::new(settings));
                }
                (outcome, _) => {
                    *self = Self::Closed;
                    return outcome.err();
                }
            },
            Self::Timetable(dialog) => {
                if dialog.poll(handle) {
                    *self = Self::Closed;
                }
            }
            Self::Settings(dialog) => {
                if dialog.poll() {
                    *self = Self::Closed;
                }
            }
        }
        None
    }

    /// Draws it. `now` is in seconds since 1970.
    pub(super) fn show(&mut self, ctx: &Context, handle: &Handle, now: u64) {
        let closed = match self {
            Self::Closed | Self::Asked(..) => false,
            Self::Timetable(dialog) => dialog.show(ctx, handle, now),
            Self::Settings(dialog) => dialog.show(ctx, handle),
        };
        if closed {
            *self = Self::Closed;
        }
    }
}
