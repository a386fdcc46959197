//! What the desktop tells us.
//!
//! Today that is the end of the session as every program is told of it: a signal; the clock on the wall, with the
//! local week the timetable is painted in; what the user does with our notifications ([`notify`]); and files handed
//! over to be opened ([`open()`]); and it is told whether to start us at sign-in. What the desktop's own
//! services say (signed out, asleep, online, metered, on battery) will live here too, behind the same border;
//! until it does, the user counts as signed in, online, unmetered and on mains. What may not live here: what
//! any of it means for the jobs.

mod autostart;
mod bus;
mod keyring;
pub mod notify;
mod open;
mod signals;
mod wall_clock;

pub use autostart::{clear_autostart, set_autostart};
pub use bus::SessionBus;
pub use keyring::Keyring;
pub use open::{OpenError, open, show_in_folder};
pub use signals::{EndSignal, EndSignals};
pub use wall_clock::{Alarm, local_minute_of_week, until, when_local_week_is_later};
