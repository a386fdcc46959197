//! The one table of what can be done: its text, icon and shortcut, and to which jobs it applies. Menus,
//! buttons and the keyboard all read it.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::engine::JobView;
use crate::job::JobState;

use super::icons;

/// Something the user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Add,
    Search,
    SelectAll,
    Quit,
    Open,
    OpenFolder,
    Resume,
    Pause,
    Retry,
    Cancel,
    CopyAddress,
    Remove,
}

/// An action's line of the table.
pub(super) struct Entry {
    pub action: Action,
    pub text: &'static str,
    pub icon: char,
    pub shortcut: Option<KeyboardShortcut>,
    /// Whether it can be done to this job; those of a selection it cannot be done to are left alone.
    pub applies: fn(&JobView) -> bool,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// All of them. The jobs' own come in the order of the context menu.
pub(super) const TABLE: [Entry; 12] = {
    use Action as A;
    [
        Entry { action: A::Add, text: "Add", icon: icons::ADD, shortcut: Some(ctrl(Key::N)), applies: never },
        Entry {
            action: A::Search,
            text: "Search",
            icon: icons::SEARCH,
            shortcut: Some(ctrl(Key::F)),
            applies: never,
        },
        Entry {
            action: A::SelectAll,
            text: "Select all",
            icon: icons::CHECK,
            shortcut: Some(ctrl(Key::A)),
            applies: never,
        },
        Entry {
            action: A::Quit,
            text: "Quit",
            icon: icons::CLOSE,
            shortcut: Some(ctrl(Key::Q)),
            applies: never,
        },
        Entry {
            action: A::Open,
            text: "Open",
            icon: icons::OPEN,
            shortcut: Some(plain(Key::Enter)),
            applies: is_finished,
        },
        Entry {
            action: A::OpenFolder,
            text: "Open folder",
            icon: icons::FOLDER,
            shortcut: Some(ctrl(Key::O)),
            applies: always,
        },
        Entry { action: A::Resume, text: "Resume", icon: icons::RESUME, shortcut: None, applies: can_resume },
        Entry { action: A::Pause, text: "Pause", icon: icons::PAUSE, shortcut: None, applies: can_pause },
        Entry {
            action: A::Retry,
            text: "Retry now",
            icon: icons::RETRY,
            shortcut: Some(ctrl(Key::R)),
            applies: can_retry,
        },
        Entry {
            action: A::Cancel,
            text: "Cancel…",
            icon: icons::CANCEL,
            shortcut: None,
            applies: can_cancel,
        },
        Entry {
            action: A::CopyAddress,
            text: "Copy address",
            icon: icons::COPY,
            shortcut: Some(ctrl(Key::C)),
            applies: always,
        },
        Entry {
            action: A::Remove,
            text: "Remove from list",
            icon: icons::REMOVE,
            shortcut: Some(plain(Key::Delete)),
            applies: always,
        },
    ]
};

impl Action {
    /// Its line of the table.
    pub(super) const fn entry(self) -> &'static Entry {
        // The table stands in the order of the enum; a test sees to it.
        const TABLE_REF: &[Entry; 12] = &TABLE;
        &TABLE_REF[self as usize]
    }
}

const fn never(_: &JobView) -> bool {
    false
}

const fn always(_: &JobView) -> bool {
    true
}

fn is_finished(view: &JobView) -> bool {
    view.job.files.first().is_some_and(|file| file.finished && file.name.is_some())
}

fn can_resume(view: &JobView) -> bool {
    matches!(view.job.state, JobState::Suspended)
}

fn can_pause(view: &JobView) -> bool {
    view.job.state.goes_on_by_itself()
}

fn can_retry(view: &JobView) -> bool {
    matches!(view.job.state, JobState::Error(_) | JobState::Waiting(_))
}

fn can_cancel(view: &JobView) -> bool {
    !view.job.state.is_final()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_line() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.action as usize, index);
            assert_eq!(entry.action.entry().text, entry.text);
        }
    }

    #[test]
    fn no_shortcut_is_given_twice() {
        let shortcuts: Vec<_> = TABLE.iter().filter_map(|entry| entry.shortcut).collect();
        for (index, shortcut) in shortcuts.iter().enumerate() {
            assert!(!shortcuts[..index].contains(shortcut), "{shortcut:?}");
        }
    }
}
