//! The window as a whole: what is where. What becomes of the user's wishes stands in `deeds`, what the
//! keyboard asks for in `keyboard`.

mod deeds;
mod keyboard;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egui::{CentralPanel, Context, Frame, Margin, Panel, Ui, ViewportCommand, ViewportId};
use tokio::sync::oneshot::error::TryRecvError;

use crate::engine::{Answer, Change, Command, Handle, JobView, Refusal, Reply, Snapshot};
use crate::job::JobId;

use super::actions::Action;
use super::add::{AddDialog, End};
use super::addresses::{about_metalink, has_address, with_metalink_read};
use super::cap::Cap;
use super::confirm::Question;
use super::details::{self, Details};
use super::door::Door;
use super::errands::{Errands, Outcome};
use super::kept::Kept;
use super::link::{self, LinkPage};
use super::list::{self, Scene};
use super::listing::{Listing, Selection};
use super::login::LoginDialog;
use super::new_address::NewAddress;
use super::one_field::{OneField, What};
use super::rate_field::SetTo;
use super::reorder::{Drag, Moves, Place};
use super::sheet::Sheet;
use super::sidebar::Page;
use super::theme::{self, Look};
use super::toasts::{Toasts, Weight};
use super::{notices, sidebar, status_bar, top_bar};

/// How many files or folders one command opens: more is a mistake.
const OPEN_AT_ONCE: usize = 10;

/// What a widget asks for; carried out when everything is drawn.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// To the selected jobs, or to the window.
    Do(Action),
    Change(Vec<JobId>, Change),
    /// Not to fetch one file of a job.
    LeaveOut(JobId, usize),
    /// Give one file of a job another address.
    NewAddress(JobId, usize),
    /// Ask for one thing about a job.
    Enter(JobId, What),
    /// Fetch one file of a job from its start.
    StartOver(JobId, usize),
    /// Put one file of a job in the place of the one that has its name.
    Overwrite(JobId, usize),
    AddFiles(JobId),
    /// Show a file or folder.
    Open(PathBuf),
    /// Put a text into the clipboard, and say so.
    Copy(String, &'static str),
    /// The selected jobs to another place in the user's order.
    Move(Place),
    Adopt(Vec<PathBuf>),
    DeleteOrphans(Vec<PathBuf>),
    ShowOrphans,
    /// Hold everything, or let it go on.
    Hold(bool),
    /// Keep to the slow cap, or not.
    Slow(bool),
    /// Let go: of the search, else of the selection.
    Clear,
}

/// What a command was for; decides what a refusal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Anything,
    Cap,
}

/// The window: draws the engine's snapshots and sends it commands.
pub struct App {
    handle: Handle,
    door: Door,
    snapshot: Arc<Snapshot>,
    listing: Listing,
    selection: Selection,
    cap: Cap,
    details: Details,
    link: LinkPage,
    page: Page,
    add: Option<AddDialog>,
    new_address: Option<NewAddress>,
    login: Option<LoginDialog>,
    one_field: Option<OneField>,
    question: Option<Question>,
    sheet: Sheet,
    /// Whether the unfinished downloads without a job are being shown.
    shows_orphans: bool,
    moves: Moves,
    drag: Drag,
    toasts: Toasts,
    errands: Errands,
    answers: Vec<(For, Answer)>,
    /// Notices the user has read.
    dismissed: HashSet<String>,
    wishes: Vec<Wish>,
    /// A job whose row is to be brought into view.
    reveal: Option<JobId>,
    kept: Kept,
    /// The user has answered what is to become of the downloads: the window may close.
    may_close: bool,
    staying: bool,
}

impl App {
    /// The window's content, drawn with `ctx`. Takes the handle's waker.
    #[must_use]
    pub fn new(ctx: &Context, handle: Handle, door: Door) -> Self {
        theme::install(ctx);
        theme::follow(ctx, handle.snapshot().theme);
        let kept = door.opened(ctx);
        let waker = ctx.clone();
        handle.set_waker(Some(Arc::new(move || look_again(&waker))));
        let listing = Listing::new(kept.filter, kept.sort);
        Self {
            snapshot: handle.snapshot(),
            errands: Errands::new(ctx),
            handle,
            door,
            listing,
            selection: Selection::default(),
            cap: Cap::default(),
            details: Details::default(),
            link: LinkPage::default(),
            page: Page::default(),
            add: None,
            new_address: None,
            login: None,
            one_field: None,
            question: None,
            sheet: Sheet::default(),
            shows_orphans: false,
            moves: Moves::default(),
            drag: Drag::default(),
            toasts: Toasts::default(),
            answers: Vec::new(),
            dismissed: HashSet::new(),
            wishes: Vec::new(),
            reveal: None,
            kept,
            may_close: false,
            staying: false,
        }
    }

    fn send(&mut self, what_for: For, command: Command) {
        let answer = self.handle.send(command);
        self.answers.push((what_for, answer));
    }

    fn change(&mut self, ids: Vec<JobId>, change: Change) {
        if !ids.is_empty() {
            self.send(For::Anything, Command::Change(ids, change));
        }
    }

    /// Takes in what has arrived.
    fn take_in(&mut self) {
        let published = self.handle.snapshot();
        for refusal in self.moves.poll(published.number) {
            self.toasts.add(refusal.to_string(), Weight::Error);
        }
        self.follow_moves();
        let (cap, toasts) = (&mut self.cap, &mut self.toasts);
        self.answers.retain_mut(|(what_for, answer)| {
            let Some(outcome) = arrived(answer) else { return true };
            if let Err(refusal) = outcome {
                toasts.add(refusal.to_string(), Weight::Error);
                if *what_for == For::Cap {
                    cap.refused();
                }
            }
            false
        });
        while let Some(outcome) = self.errands.poll() {
            match outcome {
                Outcome::Failed(why) => self.toasts.add(why, Weight::Error),
                Outcome::Text(text) => self.offer(&text),
                Outcome::Folder(folder) => {
                    let Some(folder) = folder else { continue };
                    if let Some(add) = &mut self.add {
                        add.set_folder(&folder);
                    } else if let Some(dialog) = &mut self.one_field {
                        dialog.set_folder(&folder);
                    }
                }
                Outcome::Taken(path, is_taken) => {
                    if let Some(add) = &mut self.add {
                        add.set_taken(path, is_taken);
                    }
                }
                Outcome::Free(folder, bytes) => {
                    if let Some(add) = &mut self.add {
                        add.set_free(folder, bytes);
                    }
                }
            }
        }
        if let Some(end) = self.add.as_mut().and_then(AddDialog::poll) {
            self.end_add(end);
        }
        if self.new_address.as_mut().is_some_and(NewAddress::poll) {
            self.new_address = None;
        }
        if self.login.as_mut().is_some_and(LoginDialog::poll) {
            self.login = None;
        }
        if self.one_field.as_mut().is_some_and(OneField::poll) {
            self.one_field = None;
        }
        if let Some(refusal) = self.sheet.poll(&self.handle) {
            self.toasts.add(refusal.to_string(), Weight::Error);
        }
    }

    /// Shows the latest snapshot, with the user's moves the engine has not made yet.
    fn follow_moves(&mut self) {
        if let Some(shown) = self.moves.shown(&self.handle.snapshot()) {
            self.snapshot = shown;
            self.listing.forget_rows();
        }
    }

    /// Opens the dialog with these addresses, or puts them into the open one.
    fn offer(&mut self, text: &str) {
        let read = match with_metalink_read(text) {
            Some(Err(error)) => return self.toasts.add(about_metalink(error), Weight::Error),
            Some(Ok(list)) => Some(list),
            None => None,
        };
        let text = read.as_deref().unwrap_or(text);
        if !has_address(text) {
            self.toasts.add("There is no web address in what was pasted or dropped.", Weight::Note);
        } else if let Some(add) = &mut self.add {
            add.append(text);
        } else {
            self.add = Some(AddDialog::new(text.trim().to_owned(), &self.snapshot));
        }
    }

    fn end_add(&mut self, end: End) {
        let changed = self.add.take().is_some_and(|add| add.folder_changed());
        if let End::Added(folder) = end
            && changed
        {
            self.send(For::Anything, Command::SetDownloadFolder(folder));
        }
    }

    fn refresh(&mut self) {
        if self.listing.refresh(&self.snapshot) {
            self.selection.keep_shown(&self.listing, &self.snapshot);
        }
    }

    /// The user wants the window closed: may it?
    fn watch_close(&mut self, ctx: &Context) {
        if !ctx.input(|input| input.viewport().close_requested()) || self.may_close || self.door.is_leaving()
        {
            return;
        }
        let going_on = self.snapshot.jobs.iter().filter(|view| view.job.state.goes_on_by_itself()).count();
        // What is held goes on in the background no more than without it.
        let held = self.snapshot.paused && self.listing.totals.active() == 0;
        if going_on == 0 || held || self.handle.is_stopped() {
            return;
        }
        ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::CancelClose);
        ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Minimized(false));
        self.question = Some(Question::Close { going_on });
    }

    fn close(&mut self, ctx: &Context, staying: bool) {
        self.may_close = true;
        self.staying = staying;
        ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close);
    }

    fn dropped(&self, ui: &Ui) {
        let dropped = ui.input(|input| input.raw.dropped_files.clone());
        for file in dropped.iter().take(OPEN_AT_ONCE) {
            self.errands.read_list(file.path().to_owned());
        }
    }

    /// Everything that is always there. From the outside in: bars first, the list takes what is left.
    fn panels(&mut self, ui: &mut Ui, scroll_to: Option<usize>) {
        let look = Look::of(ui.visuals());
        let now = now();
        let narrow = ui.available_width() < 900.0;
        let bar = |x: i8, y: i8| Frame::new().fill(look.panel).inner_margin(Margin::symmetric(x, y));
        Panel::top("top").exact_size(56.0).resizable(false).frame(bar(14, 0)).show(ui, |ui| {
            let (listing, wishes) = (&mut self.listing, &mut self.wishes);
            let before = listing.search.clone();
            let new = top_bar::show(ui, &mut self.cap, &self.snapshot, listing, now, wishes);
            // What is searched for is in the list.
            if listing.search != before {
                self.page = Page::List;
            }
            if let Some(SetTo(limit)) = new {
                self.send(For::Cap, Command::SetLimit(limit));
                look_again(ui.ctx());
            }
        });
        let stopped = self.handle.is_stopped();
        notices::show(ui, stopped, &self.snapshot, &mut self.dismissed, &mut self.wishes);
        Panel::left("filters")
            .exact_size(if narrow { 148.0 } else { 200.0 })
            .resizable(false)
            .frame(bar(10, 12))
            .show(ui, |ui| {
                sidebar::show(ui, &mut self.listing, &mut self.page, &mut self.wishes);
            });
        self.refresh();
        Panel::bottom("status")
            .exact_size(34.0)
            .resizable(false)
            .frame(bar(18, 0))
            .show(ui, |ui| status_bar::show(ui, &self.snapshot, &self.listing.totals, now));
        if !self.selection.is_empty() && self.page == Page::List {
            self.details(ui, &look, now);
        }
        let fill = if self.page == Page::Link { look.panel } else { look.ground };
        CentralPanel::no_frame().frame(Frame::new().fill(fill)).show(ui, |ui| {
            if self.page == Page::Link {
                let mut light = link::Light {
                    view: &self.snapshot.link,
                    now,
                    latest_sample: self.listing.totals.latest_sample,
                    span_secs: &mut self.kept.link_span_secs,
                };
                return self.link.show(ui, &mut light);
            }
            let mut scene = Scene {
                snapshot: &self.snapshot,
                listing: &mut self.listing,
                selection: &mut self.selection,
                now,
                scroll_to,
                drag: &mut self.drag,
                wishes: &mut self.wishes,
            };
            list::show(ui, &mut scene);
        });
    }

    fn details(&mut self, ui: &mut Ui, look: &Look, now: u64) {
        let jobs: Vec<&Arc<JobView>> = self.selection.jobs(&self.listing, &self.snapshot);
        let frame =
            Frame::new().fill(look.panel).inner_margin(Margin { left: 24, right: 24, top: 10, bottom: 10 });
        // In a low window the list keeps its share.
        let most = (ui.available_height() * 0.6).max(150.0);
        let height = self.kept.details_height.min(ui.available_height() * 0.5).max(150.0);
        let panel = if jobs.len() > 1 {
            Panel::bottom("several").exact_size(52.0).resizable(false)
        } else {
            Panel::bottom("details").resizable(true).default_size(height).size_range(150.0..=most)
        };
        let single = jobs.len() == 1;
        let shown = panel.frame(frame).show(ui, |ui| {
            let mut light = details::Light {
                jobs: &jobs,
                handle: &self.handle,
                now,
                latest_sample: self.listing.totals.latest_sample,
                link: &self.snapshot.link.history,
                span_secs: &mut self.kept.span_secs,
                wishes: &mut self.wishes,
            };
            self.details.show(ui, &mut light);
            if single {
                // The panel is as high as the user made it, whatever is in it.
                ui.set_min_height(ui.available_height());
            }
        });
        if single {
            self.kept.details_height = shown.response.rect.height();
            list::wake_for_words(ui, jobs.first().and_then(|view| list::next_change(view, now)));
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_in();
        theme::follow(ctx, self.snapshot.theme);
        self.watch_close(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.refresh();
        self.dropped(ui);
        let had_details = !self.selection.is_empty();
        // The panel that opened with the last click may have covered the row that was clicked.
        let covered = self.reveal.take().and_then(|id| self.listing.row_of(&self.snapshot, id));
        let scroll_to = self.keyboard(ui).or(covered).or(self.drag.scroll_to.take());
        self.panels(ui, scroll_to);
        if !had_details && !self.selection.is_empty() {
            self.reveal = self.selection.cursor;
            look_again(ui.ctx());
        }
        if !self.wishes.is_empty() {
            self.carry_out(ui.ctx());
            // What was wished for may change what is seen.
            look_again(ui.ctx());
        }
        self.dialogs(ui);
        self.toasts.show(ui);
        let size = ui.input(|input| input.viewport().inner_rect).map(|rect| rect.size().into());
        self.kept.window_size = size.or(self.kept.window_size);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.handle.set_waker(None);
        self.kept.filter = self.listing.filter;
        self.kept.sort = self.listing.sort;
        self.door.closed(self.staying, self.kept.clone());
    }
}

/// Draws once more, soon: a command that cannot be sent is refused on the spot, and nobody wakes for that.
pub(super) fn look_again(ctx: &Context) {
    // With a delay: without one, every call paints two frames.
    ctx.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
}

/// The answer to a command, if it is there.
pub(super) fn arrived(answer: &mut Answer) -> Option<Result<Reply, Refusal>> {
    match answer.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Closed) => Some(Err(Refusal::Stopping)),
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
