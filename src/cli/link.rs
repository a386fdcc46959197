//! `link`: how the link is used, by whom, and why we hold back.

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::{self, Out};
use super::table::{Column, Table};
use crate::engine::{LinkState, LinkView, LinkWhy};

/// Prints how the link is used now.
pub(super) async fn link(port: &Port, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    let (view, runs) = (&*snapshot.link, !port.is_local());
    if out.is_json() {
        out.json(&Link::of(view, runs, print::now_unix_secs()))?;
    } else if runs {
        people(view, print::now_unix_secs(), out)?;
    } else {
        out.line(print::NOTHING_TRANSFERS)?;
    }
    Ok(Exit::Done)
}

/// The sentence, the figures, and what it goes by.
fn people(view: &LinkView, now: u64, out: &mut Out<'_>) -> Result<(), Failure> {
    out.line(view.in_words(now))?;
    out.line("")?;
    let mut table = Table::new(&[Column::Left, Column::Left]);
    for (label, text) in view.figures() {
        // An interface may be called anything.
        table.row([label.to_owned(), print::clean(&text)]);
    }
    table.print(out)?;
    out.line("")?;
    let (goes_by, missing) = view.senses_in_words();
    out.line(goes_by)?;
    missing.map_or(Ok(()), |missing| out.line(missing))
}

/// The link for programs. Every field is always there; what is not known is null. Rates are in bytes per second.
#[derive(Debug, Serialize)]
struct Link {
    /// Whether anything can transfer: false where no instance is running.
    runs: bool,
    /// The interface background downloads go through.
    interface: Option<String>,
    /// resting, starting, using, beside, yielding or returning.
    state: &'static str,
    /// Why we hold back: `connection_here`, `traffic_here`, delay or `share_lost`.
    why: Option<&'static str>,
    since_unix_secs: Option<u64>,
    /// The same as a sentence or two.
    sentence: String,
    /// What background downloads receive.
    own_bps: u64,
    /// What our foreground downloads receive.
    foreground_bps: u64,
    /// What else this machine receives.
    here_bps: Option<u64>,
    /// What others behind the same link seem to use.
    elsewhere_bps: Option<u64>,
    /// What the link was seen to carry.
    capacity_bps: Option<u64>,
    /// How long data waits in the queue of the link.
    added_delay_ms: Option<f32>,
    goes_by: GoesBy,
}

/// What there is to go by.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the link has them")]
struct GoesBy {
    counters: bool,
    delay: bool,
    openings: bool,
    window: bool,
}

impl Link {
    fn of(view: &LinkView, runs: bool, now: u64) -> Self {
        Self {
            runs,
            interface: view.interface.clone(),
            state: LinkState::word(view.state),
            why: view.why.map(LinkWhy::word),
            since_unix_secs: Some(view.since_unix_secs).filter(|since| *since > 0),
            sentence: if runs { view.in_words(now) } else { print::NOTHING_TRANSFERS.to_owned() },
            own_bps: view.own_bps,
            foreground_bps: view.foreground_bps,
            here_bps: view.here_bps,
            elsewhere_bps: view.elsewhere_bps,
            capacity_bps: view.capacity_bps,
            added_delay_ms: view.added_delay_ms,
            goes_by: GoesBy {
                counters: view.senses.counters,
                delay: view.senses.delay,
                openings: view.senses.openings,
                window: view.senses.window,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::port::Local;
    use crate::engine::{Senses, Snapshot, border};

    fn beside() -> LinkView {
        LinkView {
            interface: Some("wlan0\u{1b}[2J".into()),
            state: LinkState::Beside,
            why: Some(LinkWhy::TrafficHere),
            since_unix_secs: 100,
            own_bps: 4 << 20,
            here_bps: Some(1 << 20),
            capacity_bps: Some(6 << 20),
            added_delay_ms: Some(3.2),
            senses: Senses { counters: true, openings: true, window: true, delay: false },
            ..LinkView::default()
        }
    }

    #[test]
    fn a_sentence_then_figures_that_line_up_then_what_is_missing() {
        let mut text = Vec::new();
        let mut out = Out::new(&mut text, false);
        people(&beside(), 112, &mut out).and_then(|()| out.flush()).expect("words");
        drop(out);
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "Using what others leave: 4.0 of about 6.0 MiB/s. Another program on this machine is receiving 1.0 MiB/s.\n\
             \n\
             Interface                 wlan0\u{fffd}[2J\n\
             Ours, in the background   4.0 MiB/s\n\
             Our foreground downloads  0 B/s\n\
             Others on this machine    1.0 MiB/s\n\
             Others elsewhere          nobody noticed\n\
             The link carries          about 6.0 MiB/s\n\
             Added delay               3 ms\n\
             \n\
             Goes by this machine’s traffic and connections as they are opened.\n\
             Limited idle detection: no delay, so others behind the router are not seen.\n"
        );
    }

    #[test]
    fn programs_get_all_of_it_with_units_in_the_names() {
        let json = serde_json::to_value(Link::of(&beside(), true, 112)).expect("JSON");
        for (field, value) in [
            ("state", serde_json::json!("beside")),
            ("why", "traffic_here".into()),
            ("since_unix_secs", 100.into()),
            ("own_bps", (4 << 20).into()),
            ("elsewhere_bps", serde_json::Value::Null),
            (
                "goes_by",
                serde_json::json!({ "counters": true, "delay": false, "openings": true, "window": true }),
            ),
        ] {
            assert_eq!(json[field], value, "{field}");
        }
        assert_eq!(json.as_object().expect("an object").len(), 13);
    }

    #[tokio::test]
    async fn where_nothing_runs_it_says_so() {
        for is_json in [false, true] {
            let (handle, _border) = border(Snapshot::default());
            let port = Port::Local(Local::fake(handle));
            let mut text = Vec::new();
            let mut out = Out::new(&mut text, is_json);
            assert_eq!(link(&port, &mut out).await, Ok(Exit::Done));
            out.flush().expect("written");
            drop(out);
            if is_json {
                let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
                assert_eq!((&json["runs"], &json["state"]), (&false.into(), &"resting".into()));
                assert_eq!((&json["why"], &json["since_unix_secs"]), (&().into(), &().into()));
            } else {
                assert_eq!(String::from_utf8_lossy(&text).trim_end(), print::NOTHING_TRANSFERS);
            }
        }
    }
}
