//! The window's logic, without a display: the real window on an engine that the test plays itself. It reads
//! the commands, answers them and publishes snapshots. Nothing here waits for real time.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that finds nothing to press has failed")]

mod adding;
mod details;
mod files;
mod holding;
mod link;
mod list;
mod order;
mod orphans;
mod remedies;
mod settings;
mod stage;
mod timetable;
mod whole;
