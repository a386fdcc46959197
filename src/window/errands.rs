//! What takes time and is not the engine's business: opening files, asking for a folder. Each errand is a
//! short thread of its own, so that the window stays alive; its outcome comes back over a bounded channel.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use egui::{Context, ViewportId};

use crate::engine::open;

/// How many outcomes may wait to be read. The window reads them with every frame.
const OUTCOMES_WAITING: usize = 16;

/// The largest text file that is read for addresses.
const LIST_LIMIT: u64 = 1 << 20;

/// What came of an errand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The folder the user chose; `None` where they chose none.
    Folder(Option<PathBuf>),
    /// The free space of the disk a folder is or will be on.
    Free(PathBuf, Option<u64>),
    /// Whether there is something at a path.
    Taken(PathBuf, bool),
    /// The text of a file dropped on the window.
    Text(String),
    /// It went wrong: a sentence.
    Failed(String),
}

/// The errands under way.
pub(super) struct Errands {
    ctx: Context,
    outcomes: Receiver<Outcome>,
    sender: SyncSender<Outcome>,
    /// Whether a folder is being asked for: one dialog at a time.
    pub asking_for_folder: bool,
}

impl Errands {
    pub(super) fn new(ctx: &Context) -> Self {
        let (sender, outcomes) = sync_channel(OUTCOMES_WAITING);
        Self { ctx: ctx.clone(), outcomes, sender, asking_for_folder: false }
    }

    /// The next outcome, if there is one.
    pub(super) fn poll(&mut self) -> Option<Outcome> {
        match self.outcomes.try_recv() {
            Ok(outcome) => {
                if matches!(outcome, Outcome::Folder(_)) {
                    self.asking_for_folder = false;
                }
                Some(outcome)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// Opens a file or folder with the desktop's own program for it.
    pub(super) fn open(&self, path: PathBuf) {
        self.run("open", move || {
            // The engine opens files too, for a click on a notification, and does so without a thread.
            let opened = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(open(&path, None)).map_err(|error| error.to_string()),
                Err(error) => Err(format!("{} could not be opened: {error}.", path.display())),
            };
            opened.err().map(Outcome::Failed)
        });
    }

    /// Asks for a folder, unless that is being done already.
    pub(super) fn ask_for_folder(&mut self, start: PathBuf) {
        if !self.asking_for_folder {
            self.asking_for_folder = true;
            self.run("folder dialog", move || {
                let dialog = rfd::FileDialog::new().set_title("Choose a folder").set_directory(start);
                Some(Outcome::Folder(dialog.pick_folder()))
            });
        }
    }

    /// Finds out how much room there is in a folder, which need not exist yet.
    pub(super) fn measure(&self, folder: PathBuf) {
        self.run("free space", move || {
            let place = folder.ancestors().find(|place| place.is_dir());
            let disk = place.and_then(|place| rustix::fs::statvfs(place).ok());
            let free = disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            Some(Outcome::Free(folder, free))
        });
    }

    /// Finds out whether there is something of that name already.
    pub(super) fn look_for(&self, path: PathBuf) {
        self.run("look for a file", move || {
            let is_there = path.symlink_metadata().is_ok();
            Some(Outcome::Taken(path, is_there))
        });
    }

    /// Reads a dropped file for addresses.
    pub(super) fn read_list(&self, path: PathBuf) {
        self.run("read list", move || {
            let failed = |why: &dyn std::fmt::Display| {
                Some(Outcome::Failed(format!("{} could not be read for addresses: {why}.", path.display())))
            };
            match std::fs::metadata(&path) {
                Ok(data) if data.len() > LIST_LIMIT => return failed(&"it is too large to be a list"),
                Ok(data) if !data.is_file() => return failed(&"it is not a file"),
                Err(error) => return failed(&error),
                Ok(_) => {}
            }
            match std::fs::read_to_string(&path) {
                Ok(text) => Some(Outcome::Text(text)),
                Err(error) => failed(&error),
            }
        });
    }

    fn run(&self, name: &str, errand: impl FnOnce() -> Option<Outcome> + Send + 'static) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Some(outcome) = errand()
                && sender.send(outcome).is_ok()
            {
                ctx.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
            }
        });
        if let Err(error) = started {
            // Full only if the window is not reading, and then nobody would see it anyway.
            let _ = self.sender.try_send(Outcome::Failed(format!("This could not be started: {error}.")));
        }
    }
}
