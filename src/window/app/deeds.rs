//! What becomes of the user's wishes.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Context, Ui, ViewportCommand, ViewportId};

use crate::engine::{Change, Command, JobView};
use crate::job::{Clash, JobId};

use super::{App, For, OPEN_AT_ONCE, Wish, look_again, now};
use crate::window::actions::Action;
use crate::window::add::AddDialog;
use crate::window::confirm::{
    Question, Verdict, before_leaving_out, before_losing, before_overwriting, before_starting_over,
};
use crate::window::login::LoginDialog;
use crate::window::new_address::NewAddress;
use crate::window::one_field::{OneField, What};
use crate::window::reorder::{self, Place};
use crate::window::sheet::Which;
use crate::window::sidebar::Page;
use crate::window::toasts::Weight;
use crate::window::{orphans, top_bar};

impl App {
    pub(super) fn carry_out(&mut self, ctx: &Context) {
        for wish in std::mem::take(&mut self.wishes) {
            match wish {
                Wish::Do(action) => self.act(ctx, action),
                Wish::Change(ids, change) => self.change(ids, change),
                Wish::LeaveOut(id, index) => {
                    self.ask_or_change(id, Change::LeaveOutFile(index), |view| {
                        before_leaving_out(view, index)
                    });
                }
                Wish::NewAddress(id, index) => {
                    self.new_address = self.snapshot.job(id).and_then(|view| NewAddress::new(view, index));
                }
                Wish::Enter(id, what) => {
                    self.one_field = self.snapshot.job(id).and_then(|view| OneField::new(view, what));
                }
                Wish::StartOver(id, index) => {
                    self.ask_or_change(id, Change::StartOver(index), |view| {
                        before_starting_over(view, index)
                    });
                }
                Wish::Overwrite(id, index) => {
                    let change = Change::SetClash(Some(index), Clash::Overwrite);
                    self.ask_or_change(id, change, |view| before_overwriting(view, index));
                }
                Wish::AddFiles(id) => {
                    let dialog = self.snapshot.job(id).map(|view| AddDialog::for_job(view, &self.snapshot));
                    self.add = dialog.or_else(|| self.add.take());
                }
                Wish::Open(path) => self.errands.open(path),
                Wish::Copy(text, words) => {
                    ctx.copy_text(text);
                    self.toasts.add(words, Weight::Note);
                }
                Wish::Move(place) => self.reorder(place),
                Wish::Adopt(paths) => self.send(For::Anything, Command::Adopt(paths)),
                Wish::DeleteOrphans(paths) => {
                    let title = orphans::before_deleting(&self.snapshot.orphans, &paths);
                    self.question = Some(Question::DeleteOrphans { paths, title });
                }
                Wish::ShowOrphans => self.shows_orphans = true,
                Wish::Hold(paused) => self.send(For::Anything, Command::SetPaused(paused)),
                Wish::Slow(slow) => self.send(For::Anything, Command::SetSlow(slow)),
                Wish::Clear if self.listing.search.is_empty() => self.selection.clear(),
                Wish::Clear => self.listing.search.clear(),
            }
        }
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        let snapshot = Arc::clone(&self.snapshot);
        let mut jobs = self.selection.jobs(&self.listing, &snapshot);
        jobs.retain(|view| (action.entry().applies)(view));
        let ids = || jobs.iter().map(|view| view.job.id).collect::<Vec<_>>();
        match action {
            Action::Add => self.add = Some(AddDialog::new(String::new(), &self.snapshot)),
            Action::Search => ctx.memory_mut(|memory| memory.request_focus(top_bar::search_id())),
            Action::Link => {
                self.page = if self.page == Page::Link { Page::List } else { Page::Link };
            }
            Action::Timetable => self.sheet.open(Which::Timetable, &self.handle),
            Action::Settings => self.sheet.open(Which::Settings, &self.handle),
            Action::SelectAll => self.selection.all(&self.listing, &snapshot),
            Action::Quit => ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close),
            Action::Open => {
                let what = |view: &&Arc<JobView>| match view.job.files.as_slice() {
                    [file] => file.path(),
                    // Of several the folder: nobody wants a dozen programs to start.
                    files => files.first().map(|file| file.folder.clone()),
                };
                for path in jobs.iter().filter_map(what).take(OPEN_AT_ONCE) {
                    self.errands.open(path);
                }
            }
            Action::OpenFolder => {
                let mut folders: Vec<PathBuf> = Vec::new();
                for file in jobs.iter().flat_map(|view| &view.job.files) {
                    if !folders.contains(&file.folder) && folders.len() < OPEN_AT_ONCE {
                        folders.push(file.folder.clone());
                    }
                }
                for folder in folders {
                    self.errands.open(folder);
                }
            }
            Action::Resume | Action::Retry => self.change(ids(), Change::Resume),
            Action::Pause => self.change(ids(), Change::Suspend),
            Action::Accept => self.change(ids(), Change::Complete),
            Action::ChangeAddress => {
                if let [view] = jobs.as_slice() {
                    self.new_address = NewAddress::new(view, 0);
                }
            }
            Action::ChooseFolder => {
                if let [view] = jobs.as_slice() {
                    self.one_field = OneField::new(view, What::Folder);
                }
            }
            Action::StartOver => {
                if let [view] = jobs.as_slice() {
                    let id = view.job.id;
                    self.ask_or_change(id, Change::StartOver(0), |view| before_starting_over(view, 0));
                }
            }
            Action::EnterLogin => {
                if let [view] = jobs.as_slice() {
                    self.login = Some(LoginDialog::new(view));
                }
            }
            Action::AddFiles => {
                if let [view] = jobs.as_slice() {
                    self.add = Some(AddDialog::for_job(view, &snapshot));
                }
            }
            Action::MoveFirst => self.reorder(Place::First),
            Action::MoveUp => self.reorder(Place::Up),
            Action::MoveDown => self.reorder(Place::Down),
            Action::MoveLast => self.reorder(Place::Last),
            Action::CopyAddress => {
                let files = jobs.iter().flat_map(|view| &view.job.files);
                let text = files.map(|file| file.url.as_str()).collect::<Vec<_>>().join("\n");
                if !text.is_empty() {
                    ctx.copy_text(text);
                    let words = if jobs.len() == 1 { "Address copied" } else { "Addresses copied" };
                    self.toasts.add(words, Weight::Note);
                }
            }
            Action::Cancel => self.lose(&jobs, Change::Cancel),
            Action::Remove => self.lose(&jobs, Change::Remove),
        }
    }

    fn reorder(&mut self, place: Place) {
        if let Some((by, _)) = self.listing.sort {
            let text = format!(
                "The list is sorted by {}. You can put it back into your own order by a right click on its header.",
                by.text().to_lowercase()
            );
            return self.toasts.add(text, Weight::Note);
        }
        let (snapshot, selection) = (&self.snapshot, &self.selection);
        let selected = |id| selection.contains(id);
        let found = reorder::target(&snapshot.jobs, &self.listing.rows, selected, place);
        let Some((ids, to)) = found else { return };
        let answer = self.handle.send(Command::Change(ids.clone(), Change::Move(to)));
        self.moves.add(ids, to, answer);
        self.follow_moves();
        self.reveal = self.selection.cursor;
    }

    /// Changes a job; asks first where there is a question.
    fn ask_or_change(&mut self, id: JobId, change: Change, ask: impl FnOnce(&JobView) -> Option<Question>) {
        match self.snapshot.job(id).and_then(|view| ask(view)) {
            Some(question) => self.question = Some(question),
            None => self.change(vec![id], change),
        }
    }

    /// Cancels or removes; asks first where something would be lost.
    fn lose(&mut self, jobs: &[&Arc<JobView>], change: Change) {
        match before_losing(jobs, change.clone()) {
            Some(question) => self.question = Some(question),
            None => self.change(jobs.iter().map(|view| view.job.id).collect(), change),
        }
    }

    pub(super) fn dialogs(&mut self, ui: &Ui) {
        // One question at a time; what was typed stays.
        if let Some(add) = &mut self.add
            && self.question.is_none()
            && let Some(end) = add.show(ui.ctx(), &self.handle, &self.snapshot, &mut self.errands)
        {
            self.end_add(end);
        }
        if self.question.is_none()
            && self.new_address.as_mut().is_some_and(|dialog| dialog.show(ui.ctx(), &self.handle))
        {
            self.new_address = None;
        }
        if self.question.is_none()
            && self.login.as_mut().is_some_and(|dialog| dialog.show(ui.ctx(), &self.handle))
        {
            self.login = None;
        }
        if self.question.is_none()
            && let Some(dialog) = &mut self.one_field
            && dialog.show(ui.ctx(), &self.handle, &mut self.errands)
        {
            self.one_field = None;
        }
        if self.question.is_none() {
            self.sheet.show(ui.ctx(), &self.handle, now());
        }
        if self.shows_orphans && self.question.is_none() {
            let found = &self.snapshot.orphans;
            let closed = orphans::show(ui.ctx(), found, &mut self.wishes);
            self.shows_orphans = !closed && !found.is_empty();
            if !self.wishes.is_empty() {
                self.carry_out(ui.ctx());
                look_again(ui.ctx());
            }
        }
        let Some(verdict) = self.question.as_ref().and_then(|question| question.show(ui)) else { return };
        let question = self.question.take();
        match (verdict, question) {
            (Verdict::Do, Some(Question::Lose { ids, change, .. })) => self.change(ids, change),
            (Verdict::Do, Some(Question::DeleteOrphans { paths, .. })) => {
                self.send(For::Anything, Command::DeleteOrphans(paths));
            }
            (Verdict::KeepInBackground, _) => self.close(ui.ctx(), true),
            (Verdict::Quit, _) => self.close(ui.ctx(), false),
            _ => {}
        }
    }
}
