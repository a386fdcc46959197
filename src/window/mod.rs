//! The egui front end.

use crate::engine::Handle;

/// The way others reach the window.
#[derive(Clone, Default)]
pub struct Door(());

impl Door {
    /// Brings the window to the front.
    pub fn knock(&self) {}

    /// Closes the window.
    pub fn leave(&self) {}
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
#[error("There is no display to open a window on. You can use the command line: see “meanwhile --help”.")]
pub struct WindowError;

/// Shows the window until it is closed.
///
/// # Errors
/// There is no display.
pub fn run(_handle: &Handle, _door: &Door) -> Result<(), WindowError> {
    Err(WindowError)
}
