//! How much of the link may be used.
//!
//! Here live the caps (token buckets, pure) and the governor of background transfers: its law (pure, with a home link on
//! paper for its tests in `sim`), its sensors, and the one module that reaches for the kernel's throttle on our own
//! sockets. What is known of the way to a server, whether it is in one of our own subnets, is here too. Nothing here
//! knows jobs' states, files or HTTP.
//!
//! ```text
//! sockets (TCP_INFO) ─┐                        ┌─ throttle: shares ─► member ─► sockets (window), or reading slower
//! sensors (counters,  ├─► governor ─► law ─────┤
//!   openings)        ─┘   every 5-30 ms (pure) └─ link: what is said of it
//! ```

mod caps;
mod governor;
mod law;
mod link;
mod link_words;
mod looks;
mod member;
mod sensors;
#[cfg(test)]
mod sim;
mod sockets;
mod subnet;
mod throttle;

pub use caps::{Bucket, FIRST_WINDOW, Place, offer_for, window_for};
pub use governor::{Governor, Membership, OwnOpening, Report};
pub use link::{LinkSample, LinkState, LinkView, LinkWhy, Senses};
pub use link_words::delay_in_words;
pub use looks::LATEST as LATEST_LOOK;
pub use member::{Hold, Reads};
pub use sockets::{OwnSocket, Path};
pub use subnet::Subnets;
