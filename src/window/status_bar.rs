//! The line at the bottom: what is going on, in words.

use egui::{Align, FontId, Layout, Sense, Ui, vec2};

use crate::engine::{LinkState, Snapshot};
use crate::job::{Why, bytes_in_words, rate_in_words};

use super::listing::Totals;
use super::theme::{self, Look};
use super::{list, words};

/// Draws it. `now` is in seconds since 1970.
pub(super) fn show(ui: &mut Ui, snapshot: &Snapshot, totals: &Totals, now: u64) {
    let look = Look::of(ui.visuals());
    ui.horizontal_centered(|ui| {
        let held = snapshot.link.state == LinkState::Yielding;
        let color = if totals.active() > 0 && !held {
            look.good.0
        } else if totals.going_on > 0 && !snapshot.paused {
            look.wait.0
        } else {
            look.still.0
        };
        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.5, color);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(theme::weak(ui, right(snapshot, totals, now)).size(12.0));
            ui.add_space(12.0);
            // What is left is for the reason, which may be long.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let room = ui.available_width();
                let fits = |text: &str| {
                    let font = FontId::proportional(12.0);
                    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, look.weak);
                    galley.size().x <= room
                };
                let text = left(snapshot, totals, now, fits);
                ui.add(egui::Label::new(theme::weak(ui, text).size(12.0)).truncate());
            });
        });
        list::wake_for_words(
            ui,
            snapshot.waiting.as_ref().and_then(|waiting| words::next_change(waiting, now)),
        );
    });
}

/// What goes on, and why not more; as much of it as `fits`.
fn left(snapshot: &Snapshot, totals: &Totals, now: u64, fits: impl Fn(&str) -> bool) -> String {
    let downloads = |number| words::count(number, "download", "downloads");
    // Foreground jobs do not wait, so something may run all the same.
    let active = totals.active();
    let running =
        (active > 0).then(|| format!("{} at {}", downloads(active), rate_in_words(snapshot.rate_bps)));
    // Of background downloads the link says more than their number, which stands at the right; of foreground ones it says
    // nothing, so both where there is room for both.
    let running = match running {
        Some(running) if snapshot.link.state != LinkState::Resting => {
            let link = snapshot.link.in_words(now).trim_end_matches('.').to_owned();
            let both = (snapshot.link.foreground_bps > 0).then(|| format!("{running}. {link}"));
            let said = both.into_iter().chain([link]).find(|said| fits(said));
            Some(said.unwrap_or_else(|| snapshot.link.in_short(now)))
        }
        running => running,
    };
    let why = if snapshot.paused {
        Some("All downloads are paused".to_owned())
    } else {
        snapshot.waiting.as_ref().map(|waiting| words::waits(waiting, Some(now)))
    };
    match (running, why) {
        (Some(running), Some(why)) => format!("{running}. {why}"),
        (Some(running), None) => running,
        (None, Some(why)) if snapshot.paused || totals.going_on > 0 => why,
        _ if totals.going_on == 1 => "1 download is waiting".to_owned(),
        _ if totals.going_on > 1 => format!("{} downloads are waiting", totals.going_on),
        _ if totals.suspended > 0 => format!("{} paused by hand", downloads(totals.suspended)),
        _ => "Idle".to_owned(),
    }
}

fn right(snapshot: &Snapshot, totals: &Totals, now: u64) -> String {
    let mut parts = vec![format!("{} active", totals.active())];
    if let Some(free) = snapshot.free_bytes {
        parts.push(format!("{} free", bytes_in_words(free)));
    }
    let stops_told = snapshot.waiting.as_ref().is_some_and(|waiting| waiting.why == Why::Timetable);
    let by_timetable = words::by_timetable(&totals.by_timetable, stops_told, now);
    let cap = match (snapshot.slow, totals.slow, snapshot.limit) {
        (true, Some(rate), _) => format!("slow cap, {rate}"),
        (true, None, _) => "slow cap".to_owned(),
        (false, _, Some(rate)) => format!("capped at {rate}"),
        (false, _, None) => String::new(),
    };
    let caps = [cap, by_timetable.unwrap_or_default()];
    let known = parts.len();
    parts.extend(caps.into_iter().filter(|cap| !cap.is_empty()));
    if parts.len() == known {
        parts.push("no cap".to_owned());
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::listing::ByTimetable;
    use super::*;
    use crate::engine::{LinkView, LinkWhy};
    use crate::job::{Rate, Waiting};

    #[test]
    fn the_line_says_what_is_going_on() {
        let snapshot = Snapshot {
            rate_bps: 3 << 20,
            limit: Rate::from_bytes_per_sec(1 << 20),
            free_bytes: Some(412 << 30),
            ..Snapshot::default()
        };
        let totals = |all, active, going_on, suspended| Totals {
            counts: [all, active, 0, 0, 0],
            going_on,
            suspended,
            ..Totals::default()
        };
        let table = [
            (totals(0, 0, 0, 0), "Idle"),
            (totals(5, 2, 3, 1), "2 downloads at 3.0 MiB/s"),
            (totals(5, 1, 1, 1), "1 download at 3.0 MiB/s"),
            (totals(5, 0, 3, 1), "3 downloads are waiting"),
            (totals(5, 0, 0, 1), "1 download paused by hand"),
            (totals(5, 0, 0, 0), "Idle"),
        ];
        for (totals, words) in table {
            assert_eq!(left(&snapshot, &totals, 0, |_| true), words);
        }
        let waiting = Some(Waiting::for_condition(Why::Metered, None));
        let waiting = Snapshot { waiting, ..snapshot.clone() };
        let paused = Snapshot { paused: true, slow: true, ..snapshot.clone() };
        for (snapshot, totals, words) in [
            (&waiting, totals(3, 0, 3, 0), "Waiting: the network is metered"),
            (&waiting, totals(3, 1, 3, 0), "1 download at 3.0 MiB/s. Waiting: the network is metered"),
            (&waiting, totals(3, 0, 0, 0), "Idle"),
            (&paused, totals(3, 0, 3, 0), "All downloads are paused"),
            (&paused, totals(0, 0, 0, 0), "All downloads are paused"),
        ] {
            assert_eq!(left(snapshot, &totals, 0, |_| true), words);
        }
        assert_eq!(right(&paused, &totals(0, 0, 0, 0), 0), "0 active · 412 GiB free · slow cap");
        assert_eq!(right(&snapshot, &totals(5, 2, 2, 0), 0), "2 active · 412 GiB free · capped at 1.0 MiB/s");
        assert_eq!(right(&Snapshot::default(), &Totals::default(), 0), "0 active · no cap");
    }

    #[test]
    fn background_downloads_are_told_of_in_the_words_of_the_link() {
        let link = LinkView {
            state: LinkState::Using,
            own_bps: 46 << 20,
            capacity_bps: Some(50 << 20),
            ..LinkView::default()
        };
        let snapshot = Snapshot { rate_bps: 46 << 20, link: Arc::new(link), ..Snapshot::default() };
        let totals = Totals { counts: [2, 2, 0, 0, 0], going_on: 2, ..Totals::default() };
        let sentence = "Using what is idle: 46.0 of about 50.0 MiB/s";
        assert_eq!(left(&snapshot, &totals, 0, |_| true), sentence);
        let foreground = LinkView { foreground_bps: 9 << 20, ..LinkView::clone(&snapshot.link) };
        let both = Snapshot { link: Arc::new(foreground), rate_bps: 55 << 20, ..snapshot.clone() };
        let words = format!("2 downloads at 55.0 MiB/s. {sentence}");
        assert_eq!(left(&both, &totals, 0, |_| true), words);
        assert_eq!(left(&both, &totals, 0, |text| text.len() < 50), sentence);
        let why = Some(LinkWhy::ConnectionHere);
        let yielding = LinkView { state: LinkState::Yielding, why, ..LinkView::default() };
        let held = Snapshot { link: Arc::new(yielding), ..snapshot.clone() };
        let reason = "Stepped back 7 s ago: a program on this machine has opened a connection";
        assert_eq!(left(&held, &totals, 7, |text| text.len() < 80), reason);
        assert_eq!(left(&held, &totals, 7, |_| false), "Stepped back 7 s ago");
        let paused = Snapshot { paused: true, ..snapshot.clone() };
        let held = format!("{sentence}. All downloads are paused");
        assert_eq!(left(&paused, &totals, 0, |_| false), held);
        assert_eq!(left(&snapshot, &Totals::default(), 0, |_| true), "Idle", "nothing runs any more");
    }

    #[test]
    fn whose_cap_it_is_stands_at_the_right() {
        let rate = Rate::from_bytes_per_sec(1 << 20);
        let by_timetable = ByTimetable { caps: rate.zip(rate), ..ByTimetable::default() };
        let held = Totals { by_timetable, ..Totals::default() };
        let snapshot = Snapshot { limit: rate, ..Snapshot::default() };
        assert_eq!(right(&snapshot, &held, 0), "0 active · capped at 1.0 MiB/s · timetable: up to 1.0 MiB/s");
        assert_eq!(right(&Snapshot::default(), &held, 0), "0 active · timetable: up to 1.0 MiB/s");
        let slow = Totals { slow: rate, ..Totals::default() };
        let snapshot = Snapshot { slow: true, ..Snapshot::default() };
        assert_eq!(right(&snapshot, &slow, 0), "0 active · slow cap, 1.0 MiB/s");
    }
}
