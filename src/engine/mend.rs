//! The list on disk by command, while no engine works on it.

use super::{Places, StartError};
use crate::store::{self, Findings, StoreError};

/// Does what starting does by itself for a damaged list, and says what was found and done. Whoever calls it has claimed
/// the state folder.
///
/// # Errors
/// A sentence: the files cannot be read or written, or belong to a newer version.
pub fn repair(places: &Places) -> Result<Findings, StartError> {
    store::repair(&places.state).map_err(in_words)
}

/// Puts the list and the log aside, so that the next start finds none. Whoever calls it has claimed the state folder.
///
/// # Errors
/// A sentence: a file cannot be moved.
pub fn reset(places: &Places) -> Result<Findings, StartError> {
    store::reset(&places.state).map_err(in_words)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn in_words(error: StoreError) -> StartError {
    StartError(error.to_string())
}
