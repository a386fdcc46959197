//! What the desktop tells us.
//!
//! Today that is the end of the session as every program is told of it: a signal. What the desktop's own
//! services say (signed out, asleep, online, metered, on battery) will live here too, behind the same border;
//! until it does, the user counts as signed in, online, unmetered and on mains. What may not live here: what
//! any of it means for the jobs.

mod signals;

pub use signals::{EndSignal, EndSignals};
