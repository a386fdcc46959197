//! What the service is for, shown on the real program: what it does at a job's end, when it lets which job go on, what
//! it makes of several files, of what is left over, and of secrets. Each test has a program, a server and folders of its
//! own, and talks to the program over its local socket, as the command line does.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

#[path = "../support/mod.rs"]
mod support;

mod caps;
mod files;
mod finish;
mod keyring;
mod notices;
mod orphans;
mod privacy;
mod remedies;
mod stage;
mod timetable;
mod turns;
