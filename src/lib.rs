//! *Meanwhile*: a desktop download manager that uses only the bandwidth nobody is using.
//!
//! The map of the house; each room says what lives in it and what may not.
//!
//! | room | what | knows |
//! |---|---|---|
//! | [`job`] | what a transfer is: pure data and rules | nobody |
//! | [`queue`] | what may run now, and when to try again | `job` |
//! | [`idle`] | how much of the link may be used: caps, and the governor of what is idle | `job` |
//! | [`transfer`] | one file from address to disk | `job` |
//! | [`session`] | what the desktop tells us | `job` |
//! | [`store`] | RON on disk: the queue, the settings | `job` |
//! | [`engine`] | the transfer thread | all of the above |
//! | [`instance`] | one instance per user: lock and local socket | `engine`'s border, `job` |
//! | [`window`] | the egui front end | `engine`'s border, `job` |
//! | [`cli`] | the command line | `engine`'s border, `instance`, `job` |

pub mod cli;
pub mod engine;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzed;
pub mod idle;
pub mod instance;
pub mod job;
pub mod queue;
pub mod session;
pub mod store;
pub mod transfer;
pub mod window;
