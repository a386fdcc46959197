//! `limit`: the cap over all downloads.

use super::args::Cap;
use super::exit::{Exit, Failure};
use super::json;
use super::port::Port;
use super::print::Out;
use crate::engine::Command;
use crate::job::Rate;

/// Sets the cap, where one is given, and prints the one in force.
pub(super) async fn limit(port: &Port, cap: Option<Cap>, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let limit = match cap {
        Some(Cap(limit)) => {
            port.request(Command::SetLimit(limit)).await?;
            limit
        }
        None => port.snapshot().await?.limit,
    };
    if out.is_json() {
        out.json(&json::Limit { limit_bps: limit.map(Rate::bytes_per_sec) })?;
    } else {
        out.line(limit.map_or_else(|| "no cap".to_owned(), |limit| limit.to_string()))?;
    }
    Ok(Exit::Done)
}
