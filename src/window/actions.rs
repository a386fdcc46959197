//! The one table of what can be done: its text, icon and shortcut, and to which jobs it applies. Menus,
//! buttons and the keyboard all read it.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::engine::JobView;
use crate::job::{JobFile, JobState};

use super::icons;

/// Something the user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Add,
    Search,
    SelectAll,
    Link,
    Timetable,
    Settings,
    Quit,
    Open,
    OpenFolder,
    Accept,
    Resume,
    Pause,
    Retry,
    Cancel,
    EnterLogin,
    ChangeAddress,
    ChooseFolder,
    StartOver,
    AddFiles,
    CopyAddress,
    Remove,
    MoveFirst,
    MoveUp,
    MoveDown,
    MoveLast,
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

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

/// All of them. The jobs' own come in the order of the context menu.
pub(super) const TABLE: [Entry; 25] = {
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
            action: A::Link,
            text: "Link",
            icon: icons::LINK,
            shortcut: Some(ctrl(Key::L)),
            applies: never,
        },
        Entry {
            action: A::Timetable,
            text: "Timetable",
            icon: icons::TIMETABLE,
            shortcut: Some(ctrl(Key::T)),
            applies: never,
        },
        Entry {
            action: A::Settings,
            text: "Settings",
            icon: icons::SETTINGS,
            shortcut: Some(ctrl(Key::Comma)),
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
        Entry { action: A::Accept, text: "Accept", icon: icons::ACCEPT, shortcut: None, applies: can_accept },
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
            action: A::EnterLogin,
            text: "Enter login…",
            icon: icons::ACCEPT,
            shortcut: None,
            applies: can_log_in,
        },
        Entry {
            action: A::ChangeAddress,
            text: "Change address…",
            icon: icons::LINK,
            shortcut: None,
            applies: can_change_address,
        },
        Entry {
            action: A::ChooseFolder,
            text: "Choose folder…",
            icon: icons::FOLDER,
            shortcut: None,
            applies: can_choose_folder,
        },
        Entry {
            action: A::StartOver,
            text: "Start over…",
            icon: icons::INTO_TRAY,
            shortcut: None,
            applies: can_change_address,
        },
        Entry {
            action: A::AddFiles,
            text: "Add files…",
            icon: icons::ADD,
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
        Entry {
            action: A::MoveFirst,
            text: "To the top",
            icon: icons::TO_TOP,
            shortcut: Some(alt(Key::Home)),
            applies: always,
        },
        Entry {
            action: A::MoveUp,
            text: "Up",
            icon: icons::UP,
            shortcut: Some(alt(Key::ArrowUp)),
            applies: always,
        },
        Entry {
            action: A::MoveDown,
            text: "Down",
            icon: icons::DOWN,
            shortcut: Some(alt(Key::ArrowDown)),
            applies: always,
        },
        Entry {
            action: A::MoveLast,
            text: "To the bottom",
            icon: icons::TO_BOTTOM,
            shortcut: Some(alt(Key::End)),
            applies: always,
        },
    ]
};

impl Action {
    /// Its line of the table.
    pub(super) const fn entry(self) -> &'static Entry {
        // The table stands in the order of the enum; a test sees to it.
        const TABLE_REF: &[Entry; 25] = &TABLE;
        &TABLE_REF[self as usize]
    }

    /// Those of the window itself: they work wherever the keyboard is.
    pub(super) const EVERYWHERE: [Self; 6] =
        [Self::Add, Self::Search, Self::Link, Self::Timetable, Self::Settings, Self::Quit];

    /// Whether it opens a dialog for one job, and so cannot be done to several at once.
    pub(super) const fn is_for_one(self) -> bool {
        matches!(
            self,
            Self::EnterLogin | Self::ChangeAddress | Self::ChooseFolder | Self::StartOver | Self::AddFiles
        )
    }
}

const fn never(_: &JobView) -> bool {
    false
}

const fn always(_: &JobView) -> bool {
    true
}

fn is_finished(view: &JobView) -> bool {
    let mut files = view.job.wanted_files().peekable();
    files.peek().is_some() && files.all(|file| file.finished && file.name.is_some())
}

fn can_accept(view: &JobView) -> bool {
    matches!(view.job.state, JobState::Transferred)
}

fn can_log_in(view: &JobView) -> bool {
    !view.job.state.is_final() && view.job.wanted_files().any(JobFile::wants_login)
}

/// Files of a job of several have menus of their own.
fn can_change_address(view: &JobView) -> bool {
    !view.job.state.is_final() && matches!(view.job.files.as_slice(), [file] if !file.finished)
}

fn can_choose_folder(view: &JobView) -> bool {
    !view.job.state.is_final() && view.job.files.iter().any(|file| !file.finished)
}

fn can_resume(view: &JobView) -> bool {
    matches!(view.job.state, JobState::Suspended)
}

fn can_pause(view: &JobView) -> bool {
    view.job.state.goes_on_by_itself()
}

/// What waits for a condition cannot be hurried.
fn can_retry(view: &JobView) -> bool {
    match &view.job.state {
        JobState::Error(_) => true,
        JobState::Waiting(waiting) => !waiting.why.is_condition(),
        _ => false,
    }
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
