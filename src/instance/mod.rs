//! One instance per user: the lock on the state folder, and the local socket others talk through.
//!
//! Whoever holds the [`Claim`] may start an engine on that folder; everybody else finds the socket and
//! hands over what they want done. Here live the claim, the socket's protocol, its server and its client.
//! What may not live here: anything that knows what a command means, or how an answer is shown.

mod claim;
mod client;
mod follow;
mod protocol;
mod server;
mod socket;

pub use claim::{Claim, ClaimError, claim};
pub use client::{Client, ClientError, FollowEnd, connect};
pub use follow::{Follow, News};
pub use protocol::Shown;
pub use server::{ServeError, Server, serve};

use std::time::{Duration, Instant};

use crate::engine::Places;

/// How long one and the same holder of a claim may leave others without an answer. Starting and ending
/// take less.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who works on a state folder.
#[derive(Debug)]
pub enum Instance {
    /// This process, from now on.
    Mine(Claim),
    /// Another one, which answers.
    Other(Client),
}

/// Why neither the state folder nor its holder can be had: a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The folder itself is the trouble.
    #[error("{0}")]
    Claim(ClaimError),
    /// Somebody holds it, and cannot be talked to.
    #[error(
        "{held} It does not answer: it is starting, ending or stuck ({cause}). \
         You can try again in a moment, or end that process."
    )]
    NoAnswer {
        /// Who holds it.
        held: ClaimError,
        /// What the system said when it was last tried.
        cause: std::io::Error,
    },
}

/// Claims the state folder, or finds the instance that has it.
///
/// Short-lived holders (commands that only look) follow one upon the other, so what is waited for is five
/// seconds of *the same* one: a queue of many moves on, and each has its turn.
///
/// # Errors
/// The folder cannot be used, or its holder does not answer.
pub fn claim_or_connect(places: &Places) -> Result<Instance, ReachError> {
    claim_or_connect_within(places, PATIENCE)
}

fn claim_or_connect_within(places: &Places, patience: Duration) -> Result<Instance, ReachError> {
    let mut holder = None;
    let mut deadline = Instant::now() + patience;
    loop {
        let held = match claim(places) {
            Ok(claim) => return Ok(Instance::Mine(claim)),
            Err(held @ ClaimError::Held { .. }) => held,
            Err(other) => return Err(ReachError::Claim(other)),
        };
        let cause = match client::find(places) {
            Ok(client) => return Ok(Instance::Other(client)),
            Err(cause) => cause,
        };
        let now = Instant::now();
        let present = claim::holder(places);
        if present != holder {
            holder = present;
            deadline = now + patience;
        } else if now >= deadline {
            return Err(ReachError::NoAnswer { held, cause });
        }
        // Nothing tells of a released lock except a blocking attempt, which could not be given up. The
        // pause differs so that many who wait do not come in step.
        std::thread::park_timeout(Duration::from_millis(fastrand::u64(5..30)));
    }
}

/// Claims the state folder as soon as its holder, who has said that it makes room, has ended.
///
/// # Errors
/// The folder cannot be used, or the holder does not end.
pub fn claim_when_free(places: &Places) -> Result<Claim, ReachError> {
    let deadline = Instant::now() + 2 * PATIENCE;
    loop {
        match claim(places) {
            Err(held @ ClaimError::Held { .. }) if Instant::now() >= deadline => {
                let cause = std::io::ErrorKind::TimedOut.into();
                return Err(ReachError::NoAnswer { held, cause });
            }
            Err(ClaimError::Held { .. }) => std::thread::park_timeout(Duration::from_millis(10)),
            claimed => return claimed.map_err(ReachError::Claim),
        }
    }
}

/// Waits until somebody else answers for the state folder, a few seconds at most; says whether that came to be.
#[must_use]
pub fn wait_for_other(places: &Places) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if connect(places).is_ok() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    false
}

#[cfg(test)]
mod tests;
