//! `limit` and `slow`: the caps over all downloads.

use super::args::{Cap, Switch};
use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::Out;
use super::{json, settings};
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

/// Switches the slow cap on or off, where that is asked for, and prints whether it holds.
pub(super) async fn slow(port: &Port, to: Option<Switch>, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let slow = match to {
        Some(to) => {
            let slow = to == Switch::On;
            port.request(Command::SetSlow(slow)).await?;
            slow
        }
        None => port.snapshot().await?.slow,
    };
    let all = settings::all(port).await?;
    let rate =
        all.iter().find(|setting| setting.key == "slow_bps").map(|setting| setting.value.parse::<Rate>());
    let rate = rate.and_then(Result::ok);
    if out.is_json() {
        out.json(&json::Slow { slow, slow_bps: rate.map(Rate::bytes_per_sec) })?;
    } else if slow {
        out.line(rate.map_or_else(|| "on".to_owned(), |rate| format!("on: {rate}")))?;
    } else {
        out.line("off")?;
    }
    Ok(Exit::Done)
}
