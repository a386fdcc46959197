//! Questions before something is lost, and the one asked when the window is closed.

use std::path::PathBuf;

use egui::{Align, Id, Key, Layout, Modal, Ui};

use crate::engine::{Change, JobView};
use crate::job::{Clash, JobId, bytes_in_words};

use super::theme;
use super::words::count;

/// A question that is open.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    /// Give these jobs up (or take them off the list) although something has been fetched.
    Lose {
        /// The jobs.
        ids: Vec<JobId>,
        /// Cancel or remove.
        change: Change,
        /// The question.
        title: String,
        /// The button that does it.
        button: &'static str,
    },
    /// Delete unfinished files no job knows of.
    DeleteOrphans {
        /// The files.
        paths: Vec<PathBuf>,
        /// The question.
        title: String,
    },
    /// The window is being closed while downloads go on.
    Close {
        /// How many.
        going_on: usize,
    },
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Do,
    KeepInBackground,
    Quit,
    Back,
}

/// The question to ask before `jobs` are cancelled or removed; `None` where nothing would be lost.
pub(super) fn before_losing(jobs: &[&std::sync::Arc<JobView>], change: Change) -> Option<Question> {
    let unfinished: Vec<_> = jobs.iter().filter(|view| !view.job.state.is_final()).collect();
    let fetched: u64 = unfinished.iter().map(|view| view.done_bytes).sum();
    let cancels = change == Change::Cancel;
    // Cancelling what has not begun loses nothing; taking off the list what is still wanted might.
    if unfinished.is_empty() || cancels && fetched == 0 {
        return None;
    }
    let what = match unfinished.as_slice() {
        [one] => format!("“{}”", one.job.display_name()),
        many => count(many.len(), "unfinished download", "unfinished downloads"),
    };
    let verb = if cancels { "Cancel" } else { "Remove" };
    let title = if fetched > 0 {
        format!("{verb} {what} and delete the {} fetched so far?", bytes_in_words(fetched))
    } else {
        format!("{verb} {what} before it is finished?")
    };
    let button = if cancels { "Cancel download" } else { "Remove" };
    let ids = jobs.iter().map(|view| view.job.id).collect();
    Some(Question::Lose { ids, change, title, button })
}

/// The question to ask before a file is left out; `None` where nothing would be lost.
pub(super) fn before_leaving_out(view: &JobView, index: usize) -> Option<Question> {
    let file = view.job.files.get(index).filter(|file| !file.finished && file.synced_bytes() > 0)?;
    let (name, bytes) = (file.display_name(), bytes_in_words(file.synced_bytes()));
    Some(Question::Lose {
        ids: vec![view.job.id],
        change: Change::LeaveOutFile(index),
        title: format!("Leave “{name}” out and delete the {bytes} fetched so far?"),
        button: "Leave out",
    })
}

/// The question to ask before a file is fetched from its start; `None` where nothing would be lost.
pub(super) fn before_starting_over(view: &JobView, index: usize) -> Option<Question> {
    let file = view.job.files.get(index).filter(|file| !file.finished && file.synced_bytes() > 0)?;
    let (name, bytes) = (file.display_name(), bytes_in_words(file.synced_bytes()));
    Some(Question::Lose {
        ids: vec![view.job.id],
        change: Change::StartOver(index),
        title: format!("Start “{name}” over and give up the {bytes} fetched so far?"),
        button: "Start over",
    })
}

/// The question to ask before a file takes the place of another.
pub(super) fn before_overwriting(view: &JobView, index: usize) -> Option<Question> {
    let file = view.job.files.get(index)?;
    Some(Question::Lose {
        ids: vec![view.job.id],
        change: Change::SetClash(Some(index), Clash::Overwrite),
        title: format!("Replace the “{}” that is there once this one is whole?", file.display_name()),
        button: "Replace",
    })
}

impl Question {
    /// Draws it; returns the answer.
    pub(super) fn show(&self, ui: &Ui) -> Option<Verdict> {
        let modal = Modal::new(Id::unique("question"))
            .frame(egui::Frame::popup(ui.style()).inner_margin(20).corner_radius(12));
        let shown = modal.show(ui.ctx(), |ui| {
            ui.set_width(430.0);
            ui.spacing_mut().item_spacing.y = 8.0;
            match self {
                Self::Lose { .. } | Self::DeleteOrphans { .. } => {
                    let (title, button) = match self {
                        Self::Lose { title, button, .. } => (title.as_str(), *button),
                        Self::DeleteOrphans { title, .. } => (title.as_str(), "Delete"),
                        Self::Close { .. } => ("", ""),
                    };
                    ui.add(egui::Label::new(theme::bold(title).size(15.0)).wrap());
                    ui.add_space(12.0);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.set_max_height(theme::CONTROL);
                        let sure = theme::dangerous(ui, |ui| ui.button(theme::bold(button)));
                        let back = ui.button("Keep it");
                        focus_first(ui, &back);
                        if sure.clicked() {
                            Some(Verdict::Do)
                        } else {
                            back.clicked().then_some(Verdict::Back)
                        }
                    })
                    .inner
                }
                Self::Close { going_on } => {
                    let title = format!(
                        "{} not finished yet",
                        count(*going_on, "download is", "downloads are")
                    );
                    ui.add(egui::Label::new(theme::bold(title).size(15.0)).wrap());
                    let text = "In the background they go on without a window; starting Meanwhile again shows it. \
                                If you quit, they go on where they stopped next time. Nothing is lost either way.";
                    ui.add(egui::Label::new(theme::weak(ui, text)).wrap());
                    ui.add_space(12.0);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.set_max_height(theme::CONTROL);
                        let text = theme::bold("Keep downloading in the background");
                        let keep = theme::primary(ui, |ui| ui.button(text));
                        focus_first(ui, &keep);
                        let quit = ui.button("Quit");
                        let back = ui.button("Cancel");
                        if keep.clicked() {
                            Some(Verdict::KeepInBackground)
                        } else if quit.clicked() {
                            Some(Verdict::Quit)
                        } else {
                            back.clicked().then_some(Verdict::Back)
                        }
                    })
                    .inner
                }
            }
        });
        shown.inner.or_else(|| shown.should_close().then_some(Verdict::Back))
    }
}

/// Gives the keyboard to the harmless answer when the question opens.
fn focus_first(ui: &Ui, response: &egui::Response) {
    let nothing_focused = ui.memory(|memory| memory.focused().is_none());
    if nothing_focused && !ui.input(|input| input.key_down(Key::Escape)) {
        response.request_focus();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::job::{JobState, NewJob};

    fn view(state: JobState, done_bytes: u64) -> Arc<JobView> {
        let new = NewJob::of("https://example.org/a.iso", "");
        let (mut job, _) = new.into_job(JobId::random(), 0).expect("a good address");
        job.state = state;
        Arc::new(JobView { done_bytes, ..JobView::resting(Arc::new(job)) })
    }

    #[test]
    fn only_a_loss_is_asked_about() {
        let running = view(JobState::Transferring, 3 << 30);
        let fresh = view(JobState::Queued, 0);
        let done = view(JobState::Acknowledged, 3 << 30);
        let title = |jobs: &[&Arc<JobView>], change| match before_losing(jobs, change) {
            Some(Question::Lose { title, .. }) => Some(title),
            _ => None,
        };
        let table = [
            (vec![&running], Change::Cancel, Some("Cancel “a.iso” and delete the 3.0 GiB fetched so far?")),
            (
                vec![&running, &fresh, &done],
                Change::Remove,
                Some("Remove 2 unfinished downloads and delete the 3.0 GiB fetched so far?"),
            ),
            (vec![&fresh], Change::Cancel, None),
            (vec![&fresh], Change::Remove, Some("Remove “a.iso” before it is finished?")),
            (vec![&done], Change::Remove, None),
        ];
        for (jobs, change, expected) in table {
            assert_eq!(title(&jobs, change).as_deref(), expected);
        }
    }
}
