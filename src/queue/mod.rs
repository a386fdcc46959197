//! What may run now, and when to try again: pure policy.
//!
//! Here live the scheduler, the caps with their timetable, and the retry delays. What may not live here: a clock, I/O, randomness. Jobs
//! come in as plain facts, decisions go out.

mod caps;
mod retry;
mod scheduler;
mod timetable;

pub use caps::{Allowed, CapInForce, CapsSet, JobCap, WhichCap, allowed};
pub use retry::retry_delay;
pub use scheduler::{Candidate, turns};
pub use timetable::{NextSlot, Slot, slot_at};
