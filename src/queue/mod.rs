//! What may run now, and when to try again: pure policy.
//!
//! Here lives the [`Queue`]: all jobs, who stands in line, the timers and the conditions; and the caps with their
//! timetable. What may not live here: a clock, I/O, randomness. Time and what happens in the world come in,
//! [`Effect`]s go out.
//!
//! | file | what |
//! |---|---|
//! | `book`, `entry`, `terms` | the queue itself; a job in it; what it says |
//! | `change`, `remedy` | what the user asks for, and does about what went wrong |
//! | `course` | what becomes of the transfers |
//! | `turns`, `scheduler` | whose turn it is |
//! | `timers`, `retry` | delays and time limits |
//! | `conditions` | what must hold so that jobs may run |
//! | `caps`, `timetable` | how fast a job may be, and when |

mod book;
mod caps;
mod change;
mod conditions;
mod course;
mod entry;
#[cfg(test)]
mod model;
mod remedy;
mod retry;
mod scheduler;
mod terms;
#[cfg(test)]
mod tests;
mod timers;
mod timetable;
mod turns;

pub use book::Queue;
pub use caps::{Allowed, CapInForce, CapsSet, JobCap, WhichCap, allowed};
pub use conditions::Conditions;
pub use course::End;
pub use retry::retry_delay;
pub use scheduler::{Candidate, Limits, Turn, turns};
pub use terms::{Effect, Now, Refused, Rules, Run};
pub use timetable::{NextSlot, Slot, slot_at};
