//! How much of the link may be used.
//!
//! Here live the caps (token buckets, pure), the one module that reaches for the kernel's throttle on our
//! own sockets, and what is known of the way to a server: whether it is in one of our own subnets. What decides how much is *idle* will live here too: until it does, a job may use all that
//! the caps leave. Nothing here knows jobs' states, files or HTTP.

mod caps;
mod link;
mod link_words;
mod sockets;
mod subnet;

pub use caps::{Bucket, FIRST_WINDOW, Place, window_for};
pub use link::{LinkSample, LinkState, LinkView, LinkWhy, Senses};
pub use link_words::delay_in_words;
pub use sockets::{OwnSocket, Path};
pub use subnet::Subnets;
