//! The buttons that do something about a fault, out of the table of what helps with which.

use crate::engine::{Change, JobView};
use crate::job::{Clash, Remedy};

use super::actions::Action;
use super::app::Wish;
use super::icons;
use super::one_field::What;

/// A button of a box: its icon, its text, what it does.
pub(super) type Way = (char, &'static str, Wish);

/// The button of an action.
pub(super) fn way(action: Action) -> Way {
    (action.entry().icon, action.entry().text, Wish::Do(action))
}

/// The buttons for what has stopped or holds up a job, the most helpful first; none where that is no fault.
pub(super) fn ways(view: &JobView) -> Vec<Way> {
    let Some(fault) = view.job.state.fault() else { return Vec::new() };
    // The job's fault is that of one of its files.
    let file = view.job.files.iter().position(|file| file.fault() == Some(fault)).unwrap_or_default();
    fault.remedies().iter().filter_map(|remedy| for_file(view, file, *remedy)).collect()
}

/// The button for one file; `None` where what helps cannot be done to it.
fn for_file(view: &JobView, file: usize, remedy: Remedy) -> Option<Way> {
    let id = view.job.id;
    let change = |change| Wish::Change(vec![id], change);
    let of_action = |action: Action| (action.entry().applies)(view).then(|| way(action));
    Some(match remedy {
        Remedy::Retry => return of_action(Action::Retry),
        Remedy::EnterLogin => return of_action(Action::EnterLogin),
        Remedy::ChooseFolder => return of_action(Action::ChooseFolder),
        Remedy::FreeSpace => return of_action(Action::OpenFolder),
        Remedy::Settings => return Some(way(Action::Settings)),
        Remedy::ChangeAddress => {
            (icons::LINK, Action::ChangeAddress.entry().text, Wish::NewAddress(id, file))
        }
        Remedy::StartOver => (icons::INTO_TRAY, Action::StartOver.entry().text, Wish::StartOver(id, file)),
        Remedy::ChooseName => (icons::FILE, "Another name…", Wish::Enter(id, What::Name(file))),
        Remedy::ChangeChecksum => (icons::CHECK, "Change checksum…", Wish::Enter(id, What::Checksum(file))),
        Remedy::Number => (icons::COPY, "Keep both", change(Change::SetClash(Some(file), Clash::Number))),
        Remedy::Overwrite => (icons::REMOVE, "Replace it…", Wish::Overwrite(id, file)),
    })
}
