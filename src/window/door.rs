//! The window's coming and going: others knock, the user closes, the process waits in between.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use egui::{Context, ViewportBuilder, ViewportCommand, ViewportId};

use crate::engine::Handle;

use super::app::App;
use super::kept::Kept;

/// Through it others ask for the window, or for its end. Cheap to clone; never blocks.
#[derive(Clone, Default)]
pub struct Door {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all mixtures of them occur")]
struct State {
    /// The open window.
    open: Option<Context>,
    /// Somebody wants to see it.
    knocked: bool,
    /// Somebody wants the process to end.
    leaving: bool,
    /// The engine has news while no window is open.
    news: bool,
    /// The user closed the window but wants the downloads to go on.
    staying: bool,
    /// What the next window is to remember of the last one.
    kept: Kept,
}

impl Door {
    /// A door nobody has come through yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the window: raises the open one, or has [`run`] open it again.
    pub fn knock(&self) {
        let open = self.ring(|state| {
            state.knocked = state.open.is_none();
            state.open.clone()
        });
        if let Some(ctx) = open {
            for command in
                [ViewportCommand::Visible(true), ViewportCommand::Minimized(false), ViewportCommand::Focus]
            {
                ctx.send_viewport_cmd_to(ViewportId::ROOT, command);
            }
        }
    }

    /// Has [`run`] return, with or without a window, and asks the user nothing.
    pub fn leave(&self) {
        let open = self.ring(|state| {
            state.leaving = true;
            state.open.clone()
        });
        if let Some(ctx) = open {
            ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close);
        }
    }

    /// Whether the end has been asked for.
    pub(super) fn is_leaving(&self) -> bool {
        self.lock().leaving
    }

    /// A window has opened; it gets what the last one left.
    pub(super) fn opened(&self, ctx: &Context) -> Kept {
        let mut state = self.lock();
        state.open = Some(ctx.clone());
        state.knocked = false;
        state.staying = false;
        state.kept.clone()
    }

    /// The window is closing.
    pub(super) fn closed(&self, staying: bool, kept: Kept) {
        let mut state = self.lock();
        state.open = None;
        state.staying = staying;
        state.kept = kept;
    }

    fn kept_size(&self) -> Option<[f32; 2]> {
        self.lock().kept.window_size
    }

    /// The state, changed, with everybody woken who waits for it.
    fn ring<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.inner.bell.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, without a window, until one is wanted (`true`) or there is nothing left to wait for.
    fn wait(&self, handle: &Handle) -> bool {
        let door = self.clone();
        handle.set_waker(Some(Arc::new(move || door.ring(|state| state.news = true))));
        let wanted = loop {
            {
                let mut state = self.lock();
                if state.leaving {
                    break false;
                }
                if state.knocked {
                    break true;
                }
                state.news = false;
            }
            let at_work = handle.snapshot().jobs.iter().any(|view| view.job.state.goes_on_by_itself());
            if !at_work || handle.is_stopped() {
                break false;
            }
            let state = self.lock();
            drop(
                self.inner
                    .bell
                    .wait_while(state, |state| !state.news && !state.knocked && !state.leaving)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        };
        handle.set_waker(None);
        wanted
    }
}

/// Why no window could be opened.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// Nothing to show it on.
    #[error(
        "There is no display to open a window on: neither WAYLAND_DISPLAY nor DISPLAY leads to one. \
         You can use the command line, see “meanwhile --help”.{}", in_brackets(.0)
    )]
    NoDisplay(String),
    /// Nothing to draw it with.
    #[error(
        "The window cannot be drawn: this computer offers no usable OpenGL. You can install Mesa's drivers \
         (on Debian and Ubuntu: libgl1 and libegl1), or use the command line, see “meanwhile --help”.{}", in_brackets(.0)
    )]
    NoOpenGl(String),
    /// A library of the desktop is missing, or the window broke down.
    #[error(
        "The window broke down. Nothing is lost; you can start Meanwhile again, or use the command line, \
         see “meanwhile --help”.{}", in_brackets(.0)
    )]
    Broken(String),
}

fn in_brackets(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

impl From<eframe::Error> for WindowError {
    fn from(error: eframe::Error) -> Self {
        let detail = error.to_string();
        // The library's text starts with where in its source it stood; the cause is behind the last colon.
        let detail = detail.rsplit(": ").next().unwrap_or_default().to_owned();
        match error {
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => Self::NoDisplay(detail),
            eframe::Error::AppCreation(_) => Self::Broken(detail),
            _ => Self::NoOpenGl(detail),
        }
    }
}

/// Opens the window and returns when the user has quit, or when there is nothing left to do in the
/// background after it was closed. Must be called on the process's first thread.
///
/// # Errors
/// A sentence for the user: there is no display, no OpenGL, or the window broke down.
pub fn run(handle: &Handle, door: &Door) -> Result<(), WindowError> {
    if !has_display() {
        return Err(WindowError::NoDisplay(String::new()));
    }
    loop {
        if door.is_leaving() {
            return Ok(());
        }
        open(handle, door)?;
        if !door.lock().staying || !door.wait(handle) {
            return Ok(());
        }
    }
}

/// Asking the windowing library without one would bring a panic in some of its versions.
fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn open(handle: &Handle, door: &Door) -> Result<(), WindowError> {
    let mut viewport = ViewportBuilder::default()
        .with_title("Meanwhile")
        .with_app_id("meanwhile")
        .with_inner_size(door.kept_size().unwrap_or([1180.0, 760.0]))
        .with_min_inner_size([720.0, 480.0]);
    if let Some(icon) = icon() {
        viewport = viewport.with_icon(icon);
    }
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let create = {
        let (handle, door) = (handle.clone(), door.clone());
        move |creation: &eframe::CreationContext<'_>| {
            let app: Box<dyn eframe::App> = Box::new(App::new(&creation.egui_ctx, handle, door));
            Ok(app)
        }
    };
    // The desktop's libraries are loaded at run time, and some are missed with a panic. The downloads are on
    // another thread and must not go down with the window.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        eframe::run_native("meanwhile", options, Box::new(create))
    }));
    handle.set_waker(None);
    door.lock().open = None;
    match outcome {
        Ok(result) => result.map_err(WindowError::from),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(WindowError::Broken(text.unwrap_or_default().to_owned()))
        }
    }
}

fn icon() -> Option<egui::IconData> {
    let image = image::load_from_memory(include_bytes!("../../assets/icon.png")).ok()?.into_rgba8();
    let (width, height) = image.dimensions();
    Some(egui::IconData { width, height, rgba: image.into_raw() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Snapshot, border};

    #[test]
    fn the_icon_can_be_read() {
        let icon = icon().expect("a picture");
        assert_eq!((icon.width, icon.height), (256, 256));
    }

    #[test]
    fn waiting_ends_when_nothing_goes_on() {
        let (handle, _border) = border(Snapshot::default());
        assert!(!Door::new().wait(&handle));
    }

    #[test]
    fn leaving_wins_over_knocking() {
        let (handle, _border) = border(Snapshot::default());
        let door = Door::new();
        door.knock();
        assert!(door.wait(&handle));
        door.leave();
        assert!(!door.wait(&handle));
    }
}
