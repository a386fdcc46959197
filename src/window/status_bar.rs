//! The line at the bottom: what is going on, in words.

use egui::{Align, Layout, Sense, Ui, vec2};

use crate::engine::Snapshot;
use crate::job::{bytes_in_words, rate_in_words};

use super::listing::Totals;
use super::theme::{self, Look};
use super::words;

/// Draws it.
pub(super) fn show(ui: &mut Ui, snapshot: &Snapshot, totals: &Totals) {
    let look = Look::of(ui.visuals());
    ui.horizontal_centered(|ui| {
        let active = totals.counts[1];
        let color = if active > 0 {
            look.good.0
        } else if totals.going_on > 0 {
            look.wait.0
        } else {
            look.still.0
        };
        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.5, color);
        ui.label(theme::weak(ui, left(snapshot, totals)).size(12.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(egui::Label::new(theme::weak(ui, right(snapshot, totals)).size(12.0)).truncate());
        });
    });
}

fn left(snapshot: &Snapshot, totals: &Totals) -> String {
    let active = totals.counts[1];
    if active > 0 {
        let files = words::count(active, "file", "files");
        format!("Downloading {files} at {}", rate_in_words(snapshot.rate_bps))
    } else if totals.going_on > 0 {
        format!("Waiting with {}", words::count(totals.going_on, "file", "files"))
    } else if totals.suspended > 0 {
        "All paused".to_owned()
    } else {
        "Idle".to_owned()
    }
}

fn right(snapshot: &Snapshot, totals: &Totals) -> String {
    let mut parts = vec![format!("{} active", totals.counts[1])];
    if let Some(free) = snapshot.free_bytes {
        parts.push(format!("{} free", bytes_in_words(free)));
    }
    parts.push(snapshot.limit.map_or_else(|| "no cap".to_owned(), |rate| format!("capped at {rate}")));
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Rate;

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
            latest_sample: 0,
        };
        let table = [
            (totals(0, 0, 0, 0), "Idle"),
            (totals(5, 2, 3, 1), "Downloading 2 files at 3.0 MiB/s"),
            (totals(5, 1, 1, 1), "Downloading 1 file at 3.0 MiB/s"),
            (totals(5, 0, 3, 1), "Waiting with 3 files"),
            (totals(5, 0, 0, 1), "All paused"),
            (totals(5, 0, 0, 0), "Idle"),
        ];
        for (totals, words) in table {
            assert_eq!(left(&snapshot, &totals), words);
        }
        assert_eq!(right(&snapshot, &totals(5, 2, 2, 0)), "2 active · 412 GiB free · capped at 1.0 MiB/s");
        assert_eq!(right(&Snapshot::default(), &Totals::default()), "0 active · no cap");
    }
}
