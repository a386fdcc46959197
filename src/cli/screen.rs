//! A table that stays where it is on a terminal: how it is laid out, and how it is drawn over the one before.

use std::fmt::Write as _;

use super::exit::Failure;
use super::print::{self, Out};
use super::table::{Column, Table};
use crate::engine::{JobView, Snapshot, WhichCap};
use crate::job::{JobState, bytes_in_words, duration_in_words, rate_in_words};

/// The room a name should have, in columns.
const NAME: usize = 16;

/// Of the bar, whether the cap, and whether the id is shown: the first that leaves a name its room is taken.
const LAYOUTS: [(usize, bool, bool); 6] = [
    (20, true, true),
    (10, true, true),
    (10, false, true),
    (6, false, true),
    (6, false, false),
    (0, false, false),
];

/// What is on the terminal.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// How many lines of ours stand above the cursor.
    lines: usize,
    size: (u16, u16),
}

impl Screen {
    /// Draws the frame over the one before. The cursor is left below it and visible, so that there is nothing to put
    /// right whatever ends the program.
    pub(super) fn draw(
        &mut self,
        frame: &[String],
        size: (u16, u16),
        out: &mut Out<'_>,
    ) -> Result<(), Failure> {
        let mut text = String::new();
        if self.lines > 0 && self.size != size {
            // Lines may have been broken: nobody knows where the frame began.
            text.push_str("\x1b[2J\x1b[H");
        } else if self.lines > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "\r\x1b[{}A", self.lines);
        }
        for line in frame {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        (self.lines, self.size) = (frame.len(), size);
        out.text(text.as_bytes())
    }

    /// Leaves the last frame to be read, and takes away the “^C” below it.
    #[expect(clippy::unused_self, reason = "only who has drawn leaves")]
    pub(super) fn leave(&self, out: &mut Out<'_>) -> Result<(), Failure> {
        out.text(b"\r\x1b[K")?;
        out.flush()
    }
}

/// How things stand, in lines that fit.
pub(super) fn frame(snapshot: &Snapshot, runs: bool, now: u64, width: usize, height: usize) -> Vec<String> {
    let mut lines = vec![headline(snapshot)];
    if let Some(waiting) = &snapshot.waiting {
        lines.push(print::all_wait(waiting, now));
    } else if !runs {
        lines.push(print::NOTHING_TRANSFERS.to_owned());
    }
    lines.push(String::new());
    // The names of the columns, what was left out, and the cursor have a line each.
    let (shown, left_out) = choose(snapshot, height.saturating_sub(lines.len() + 3).max(1));
    if !shown.is_empty() {
        lines.extend(table(&shown, width).lines());
    }
    if left_out > 0 {
        lines.push(format!("… and {left_out} more"));
    }
    lines.truncate(height.saturating_sub(1).max(1));
    lines.iter().map(|line| print::short(line.trim_end(), width)).collect()
}

fn headline(snapshot: &Snapshot) -> String {
    let count = |is_meant: fn(&JobState) -> bool| {
        snapshot.jobs.iter().filter(|view| is_meant(&view.job.state)).count()
    };
    let counts = [
        (count(JobState::is_active), "downloading"),
        (count(|state| *state == JobState::Queued), "in line"),
        (count(|state| matches!(state, JobState::Waiting(_))), "waiting"),
        (count(|state| *state == JobState::Suspended), "paused"),
        (count(|state| matches!(state, JobState::Error(_))), "failed"),
    ];
    let counts = counts.into_iter().filter(|(number, _)| *number > 0);
    let counts: Vec<_> = counts.map(|(number, what)| format!("{number} {what}")).collect();
    let mut parts =
        vec![if counts.is_empty() { "Nothing to download".to_owned() } else { counts.join(", ") }];
    parts.push(rate_in_words(snapshot.rate_bps));
    parts.push(snapshot.limit.map_or_else(|| "no cap".to_owned(), |limit| format!("cap {limit}")));
    if snapshot.slow {
        parts.push("slow".to_owned());
    }
    parts.join("  ·  ")
}

/// As many jobs as there is room for, in the user's order, and how many had to be left out: first what is over, then
/// what rests.
fn choose(snapshot: &Snapshot, room: usize) -> (Vec<&JobView>, usize) {
    let rank = |view: &JobView| match &view.job.state {
        state if state.is_active() => 0,
        state if state.is_final() => 2,
        _ => 1,
    };
    let mut chosen: Vec<(usize, &JobView)> = (0..3)
        .flat_map(|of| {
            let jobs = snapshot.jobs.iter().enumerate();
            jobs.map(|(index, view)| (index, &**view)).filter(move |(_, view)| rank(view) == of)
        })
        .take(room)
        .collect();
    chosen.sort_by_key(|(index, _)| *index);
    let left_out = snapshot.jobs.len() - chosen.len();
    (chosen.into_iter().map(|(_, view)| view).collect(), left_out)
}

fn table(views: &[&JobView], width: usize) -> Table {
    let mut fitting = None;
    for (bar, with_cap, with_id) in LAYOUTS {
        let with_cap = with_cap && views.iter().any(|view| view.cap.is_some());
        let mut columns = vec![Column::Left; usize::from(with_id)];
        columns.extend([Column::Left, Column::Left, Column::Right, Column::Right]);
        columns.extend(vec![Column::Left; usize::from(with_cap) + 1]);
        let mut table = Table::new(&columns);
        let mut add = |id: &str, [state, progress, speed, left, cap, name]: [String; 6]| {
            let mut row = if with_id { vec![id.to_owned()] } else { Vec::new() };
            row.extend([state, progress, speed, left]);
            row.extend(Some(cap).filter(|_| with_cap));
            row.push(name);
            table.row(row);
        };
        add("ID", ["STATE", "PROGRESS", "SPEED", "LEFT", "CAP", "NAME"].map(String::from));
        for view in views {
            add(&view.job.id.short(), cells(view, bar));
        }
        let has_room = table.width_but_last() + NAME <= width;
        fitting = Some(table);
        if has_room {
            break;
        }
    }
    fitting.unwrap_or_else(|| Table::new(&[]))
}

fn cells(view: &JobView, bar: usize) -> [String; 6] {
    let none = String::new;
    [
        if view.verifying().is_some() { "verifying" } else { print::state_word(&view.job.state) }.to_owned(),
        progress(view, bar),
        if view.rate_bps > 0 { rate_in_words(view.rate_bps) } else { none() },
        view.left_secs.map_or_else(none, duration_in_words),
        view.cap.as_ref().map_or_else(none, |cap| format!("{}{}", cap.rate, whose(cap.which))),
        print::name_with_reason(view),
    ]
}

/// Whose cap it is, where it is not the job's own.
const fn whose(cap: WhichCap) -> &'static str {
    match cap {
        WhichCap::None | WhichCap::Job => "",
        WhichCap::All => " all",
        WhichCap::Slow => " slow",
        WhichCap::Priority => " priority",
        WhichCap::Timetable => " timetable",
    }
}

/// `█████░░░░░  50%`; where the size is not known, or all is here, how much there is.
fn progress(view: &JobView, bar: usize) -> String {
    match print::percent(view) {
        Some(percent) if !view.job.state.is_final() => {
            let full = bar * percent as usize / 100;
            let (full, rest) = ("█".repeat(full), "░".repeat(bar - full));
            format!("{full}{rest} {percent:>3}%").trim_start().to_owned()
        }
        _ if view.done_bytes == 0 => String::new(),
        _ => bytes_in_words(view.done_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::engine::CapView;
    use crate::job::{Rate, Waiting, Why};

    fn moving() -> JobView {
        let view =
            samples::sized(samples::with_id("debian.iso", "aaaa1111-0000-4000-8000-000000000000"), 4096);
        let view = samples::changed(view, |job| job.state = JobState::Transferring);
        let rate = Rate::from_bytes_per_sec(2048).expect("a rate");
        let cap = Some(CapView { rate, which: WhichCap::Job, until_unix_secs: None });
        JobView { done_bytes: 2048, rate_bps: 1024, left_secs: Some(2), cap, ..view }
    }

    fn all(waiting: Option<Why>) -> Snapshot {
        let resting = samples::with_id("x", "bbbb1111-0000-4000-8000-000000000000");
        let over = samples::changed(resting.clone(), |job| job.state = JobState::Acknowledged);
        let waiting = waiting.map(|why| Waiting::for_condition(why, None));
        Snapshot { waiting, rate_bps: 1024, ..samples::snapshot([over, moving(), resting]) }
    }

    #[test]
    fn a_frame_says_how_all_stands_and_what_moves() {
        let frame = frame(&all(Some(Why::Metered)), true, 0, 90, 24);
        assert_eq!(
            frame,
            [
                "1 downloading, 1 in line  ·  1.0 KiB/s  ·  no cap",
                "The network is metered.",
                "",
                "ID        STATE        PROGRESS             SPEED  LEFT  CAP        NAME",
                "bbbb1111  finished                                                  x",
                "aaaa1111  downloading  █████░░░░░  50%  1.0 KiB/s   2 s  2.0 KiB/s  debian.iso",
                "bbbb1111  queued                                                    x",
            ]
        );
    }

    #[test]
    fn it_fits_whatever_the_size() {
        for width in [1, 10, 20, 40, 60, 80, 100, 300] {
            for height in [1, 2, 5, 10, 100] {
                let frame = frame(&all(Some(Why::Held)), false, 0, width, height);
                assert!(frame.len() < height.max(2), "{width} {height}");
                let widest = frame.iter().map(|line| console::measure_text_width(line)).max();
                assert!(widest <= Some(width), "{width} {height}: {frame:#?}");
            }
        }
    }

    #[test]
    fn what_moves_is_shown_first_where_there_is_not_room_for_all() {
        let snapshot = all(None);
        let states = |room| {
            let (shown, left_out) = choose(&snapshot, room);
            (shown.iter().map(|view| view.job.state.word()).collect::<Vec<_>>(), left_out)
        };
        assert_eq!(states(1), (vec!["transferring"], 2));
        assert_eq!(states(2), (vec!["transferring", "queued"], 1));
        assert_eq!(states(3), (vec!["acknowledged", "transferring", "queued"], 0));
    }

    #[test]
    fn a_frame_is_drawn_over_the_one_before_unless_the_size_changed() {
        let mut screen = Screen::default();
        let mut drawn = |frame: &[&str], size| {
            let mut text = Vec::new();
            let mut out = Out::new(&mut text, false);
            let frame: Vec<String> = frame.iter().map(|line| (*line).to_owned()).collect();
            screen.draw(&frame, size, &mut out).and_then(|()| out.flush()).expect("drawn");
            drop(out);
            String::from_utf8(text).expect("text")
        };
        assert_eq!(drawn(&["a", "b"], (24, 80)), "a\x1b[K\nb\x1b[K\n\x1b[J");
        assert_eq!(drawn(&["c"], (24, 80)), "\r\x1b[2Ac\x1b[K\n\x1b[J");
        assert_eq!(drawn(&["d"], (24, 40)), "\x1b[2J\x1b[Hd\x1b[K\n\x1b[J");
    }
}
