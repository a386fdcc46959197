//! One row of the list: how a job is drawn in each column.

use egui::{Align, Label, Layout, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use crate::engine::JobView;
use crate::job::{JobState, bytes_in_words, duration_in_words, rate_in_words};

use super::theme::{self, Look};
use super::words::{self, Tone};
use super::{icons, sparkline};

/// The height of a row.
pub(super) const HEIGHT: f32 = 46.0;

/// What stays free at the right of the last column.
pub(super) const MARGIN: f32 = 14.0;

/// The columns, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Icon,
    Name,
    Progress,
    Size,
    Speed,
    Left,
    Graph,
    Added,
}

/// Which columns there is room for, and how wide each is. Follows from the width alone, so that nothing
/// moves when the jobs change.
pub(super) fn columns(width: f32) -> Vec<(Column, f32)> {
    use Column as C;
    let mut fixed = vec![(C::Icon, 50.0), (C::Size, 84.0), (C::Speed, 100.0)];
    if width >= 640.0 {
        fixed.push((C::Left, 108.0));
    }
    if width >= 800.0 {
        fixed.push((C::Graph, 98.0));
    }
    if width >= 1060.0 {
        fixed.push((C::Added, 100.0));
    }
    let rest = width - fixed.iter().map(|(_, width)| width).sum::<f32>();
    let name = (rest * 0.52).floor();
    fixed.insert(1, (C::Name, name));
    fixed.insert(2, (C::Progress, (rest - name).floor()));
    fixed
}

/// What is needed to draw a job beside the job itself.
#[derive(Clone, Copy)]
pub(super) struct Light {
    pub look: Look,
    /// In seconds since 1970.
    pub now: u64,
    /// The latest sample of any graph.
    pub latest_sample: u64,
    /// Whether there is a column for the time left.
    pub has_left: bool,
}

/// Draws one cell.
pub(super) fn cell(ui: &mut Ui, column: Column, view: &JobView, light: &Light) {
    let rect = ui.max_rect();
    let look = &light.look;
    match column {
        Column::Icon => {
            let several = view.job.files.len() > 1;
            let icon = if several { icons::FILES } else { icons::for_name(&view.job.display_name()) };
            theme::icon(ui, rect.center(), icon, 18.0, look.weak);
        }
        Column::Name => name(ui, rect, view, look, light.now),
        Column::Progress => progress(ui, rect, view, light),
        Column::Size => number(ui, rect, &size(view), look.text),
        Column::Speed if matches!(view.job.state, JobState::Transferring) && view.verifying().is_none() => {
            number(ui, rect, &rate_in_words(view.rate_bps), look.text);
        }
        Column::Speed => {}
        Column::Left => {
            if let Some(left) = left(view, light.now) {
                let color = if view.job.state.is_active() { look.text } else { look.weak };
                number(ui, rect, &left, color);
            }
        }
        Column::Graph if matches!(view.job.state, JobState::Transferring) => {
            let inner = Rect::from_min_max(
                pos2(rect.left() + 12.0, rect.center().y - 12.0),
                pos2(rect.right(), rect.center().y + 12.0),
            );
            sparkline::paint(ui.painter(), inner, look, &view.history, light.latest_sample);
        }
        Column::Graph => {}
        Column::Added => number(ui, rect, &words::ago(view.job.added_unix_secs, light.now), look.weak),
    }
}

fn name(ui: &mut Ui, rect: Rect, view: &JobView, look: &Look, now: u64) {
    let line = |from: f32, height: f32| {
        Rect::from_min_size(pos2(rect.left(), rect.top() + from), vec2(rect.width() - 14.0, height))
    };
    label(ui, line(6.0, 18.0), theme::bold(view.job.display_name()).color(look.text), Align::Min);
    let mut parts = vec![words::host(view).to_owned()];
    parts.splice(0..0, words::files_done(view));
    let mut below = line(24.0, 16.0);
    if let Some(stale) = words::stale(view, now) {
        theme::icon(ui, pos2(below.left() + 6.0, below.center().y), icons::CLOCK, 11.0, look.wait.1);
        below.min.x += 16.0;
        parts.insert(0, stale);
    }
    let text = RichText::new(parts.join(" · ")).size(theme::SMALL).color(look.weak);
    label(ui, below, text, Align::Min);
}

fn progress(ui: &mut Ui, rect: Rect, view: &JobView, light: &Light) {
    let look = &light.look;
    // Where there is a column for times, the next try stands there.
    let (words, tone) = words::state(view, (!light.has_left).then_some(light.now));
    let (bar, text) = colors(tone, look);
    let line = Rect::from_min_size(pos2(rect.left(), rect.top() + 8.0), vec2(rect.width() - 8.0, 16.0));
    label(ui, line, RichText::new(words).size(11.5).color(text), Align::Min);
    let track = Rect::from_min_size(pos2(rect.left(), rect.top() + 30.0), vec2(rect.width() - 8.0, 5.0));
    ui.painter().rect_filled(track, 2.5, look.track());
    // Where the size is not known, how many of its files are here says something too.
    let files = view.job.files.len();
    let by_files = || {
        let done = view.job.wanted_files().filter(|file| file.finished).count();
        (files > 1).then(|| done as f32 / view.job.wanted_files().count().max(1) as f32)
    };
    match view.verifying().or_else(|| view.fraction()).or_else(by_files) {
        Some(fraction) if fraction > 0.0 => {
            let filled = track.with_max_x(track.left() + (track.width() * fraction).max(5.0));
            ui.painter().rect_filled(filled, 2.5, bar);
        }
        // How far it is cannot be said: a pale bar says that it runs.
        None if tone == Tone::Running => {
            ui.painter().rect_filled(track, 2.5, bar.gamma_multiply(0.35));
        }
        _ => {}
    }
}

/// The colours of a state's bar and of its words.
pub(super) const fn colors(tone: Tone, look: &Look) -> (egui::Color32, egui::Color32) {
    match tone {
        Tone::Running => (look.accent, look.weak),
        Tone::Plain => (look.still.0, look.weak),
        Tone::Waiting => look.wait,
        Tone::Failed => look.bad,
        Tone::Finished => look.good,
        Tone::Still => look.still,
    }
}

fn size(view: &JobView) -> String {
    match view.job.total_bytes() {
        Some(total) => bytes_in_words(total),
        None if view.done_bytes > 0 && view.job.files.len() < 2 => bytes_in_words(view.done_bytes),
        None => "–".to_owned(),
    }
}

fn left(view: &JobView, now: u64) -> Option<String> {
    if view.job.state.is_active() {
        return view.left_secs.map(duration_in_words);
    }
    if let JobState::Waiting(waiting) = &view.job.state {
        return words::next_try(waiting, now);
    }
    if view.job.state.is_final() {
        return view.job.ended_unix_secs.map(|ended| words::ago(ended, now));
    }
    None
}

/// Text at the right, in the middle of the row: numbers of one kind stand under each other.
fn number(ui: &mut Ui, rect: Rect, text: &str, color: egui::Color32) {
    label(ui, rect, RichText::new(text).color(color), Align::Max);
}

pub(super) fn label(ui: &mut Ui, rect: Rect, text: RichText, side: Align) {
    let layout = if side == Align::Max {
        Layout::right_to_left(Align::Center)
    } else {
        Layout::left_to_right(Align::Center)
    };
    // A child of its own, not a scope: a scope would make the cell grow.
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    child.add(Label::new(text).truncate().selectable(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_give_way() {
        for width in [560.0, 640.0, 800.0, 980.0, 1400.0] {
            let columns = columns(width);
            let sum: f32 = columns.iter().map(|(_, width)| width).sum();
            assert!((width - 1.0..=width).contains(&sum), "{width}: {sum}");
            assert!(columns.iter().all(|(_, width)| *width >= 50.0), "{columns:?}");
        }
        let kinds = |width| columns(width).iter().map(|(column, _)| *column).collect::<Vec<_>>();
        assert!(!kinds(560.0).contains(&Column::Graph));
        assert!(kinds(980.0).contains(&Column::Graph));
        assert_eq!(kinds(1400.0).last(), Some(&Column::Added));
    }
}
