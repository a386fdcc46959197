//! What may run now, and when to try again: pure policy.
//!
//! Here live the scheduler and the retry delays. What may not live here: a clock, I/O, randomness. Jobs
//! come in as plain facts, decisions go out.

mod retry;
mod scheduler;

pub use retry::retry_delay;
pub use scheduler::{Candidate, turns};
