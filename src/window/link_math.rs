//! The arithmetic behind the picture of the link: what is stacked on what, when we had stepped back, and where the words
//! for that find room.

use std::ops::Range;

use crate::engine::{LinkSample, LinkState, LinkWhy};

use super::graph_math::{mean, points};

/// Times of having stepped back that are no further apart than this many samples are one: between them we only looked
/// whether the link was free.
const ONE_TIME: u64 = 6;

/// A point of the picture: the mean of the samples that share it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub at: u64,
    pub own: f32,
    pub others: f32,
    pub capacity: Option<f32>,
    pub delay_ms: Option<f32>,
}

/// The points of a run, each of so many samples at most.
pub(super) fn stacked(run: &[LinkSample], per_point: u64) -> Vec<Point> {
    let point = |bucket: &[LinkSample]| {
        let mean_of = |value: fn(&LinkSample) -> Option<f32>| mean(bucket.iter().filter_map(value));
        Some(Point {
            at: bucket.last()?.at,
            own: mean_of(|sample| Some(sample.own_bps))?,
            others: mean_of(|sample| Some(sample.others_bps))?,
            capacity: mean_of(|sample| sample.capacity_bps),
            // The longest wait is what was felt.
            delay_ms: bucket.iter().filter_map(|sample| sample.added_delay_ms).reduce(f32::max),
        })
    };
    points(run, per_point).filter_map(point).collect()
}

/// A time in which we had stepped back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first sample.
    pub from: u64,
    /// Its last sample.
    pub to: u64,
    /// What held for most of it.
    pub why: Option<LinkWhy>,
}

/// When we had stepped back, oldest first.
pub(super) fn stretches(runs: &[&[LinkSample]]) -> Vec<Stretch> {
    let mut found = Vec::new();
    for run in runs {
        let held: Vec<_> = run.iter().filter(|sample| sample.state == LinkState::Yielding).collect();
        for one in held.chunk_by(|a, b| b.at <= a.at + ONE_TIME) {
            let [first, .., last] = one else {
                found.extend(one.iter().map(|only| Stretch { from: only.at, to: only.at, why: only.why }));
                continue;
            };
            found.push(Stretch { from: first.at, to: last.at, why: mostly(one) });
        }
    }
    found
}

/// The reason that held for most of the time, where any is known.
fn mostly(samples: &[&LinkSample]) -> Option<LinkWhy> {
    let reasons = || samples.iter().filter_map(|sample| sample.why);
    reasons().max_by_key(|why| reasons().filter(|other| other == why).count())
}

/// The words for a stretch: all of them, and fewer where there is little room.
pub(super) fn stretch_words(why: Option<LinkWhy>) -> [String; 2] {
    let whole =
        why.map_or_else(|| "stepped back".to_owned(), |why| format!("{}: stepped back", why.in_short()));
    [whole, "stepped back".to_owned()]
}

/// What is to be written about a stretch: where that lies, and how wide each of its wordings is, the longest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub from: f32,
    pub to: f32,
    pub widths: [f32; 2],
}

/// Where words go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// Their left end.
    pub x: f32,
    /// How far above the picture: 0 is next to it.
    pub row: usize,
    /// Which wording.
    pub wording: usize,
}

/// Free between two texts, in points.
const GAP: f32 = 10.0;

/// Places the words for stretches in rows above the picture, the longest stretch first, so that nothing is on top of
/// anything else or beyond `bounds`; what finds no room has none. Words further up have a line down to their stretch,
/// which no words cross.
pub(super) fn place_words(wanted: &[Wanted], bounds: Range<f32>, rows: usize) -> Vec<Option<Placed>> {
    let mut placed = vec![None; wanted.len()];
    let mut taken: Vec<Vec<Range<f32>>> = vec![Vec::new(); rows];
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| {
        let length = |index: &usize| wanted[*index].to - wanted[*index].from;
        length(b).total_cmp(&length(a))
    });
    for index in order {
        let Wanted { from, to, widths } = wanted[index];
        let middle = f32::midpoint(from.max(bounds.start), to.min(bounds.end));
        let tries = (0..widths.len()).flat_map(|wording| (0..rows).map(move |row| (wording, row)));
        for (wording, row) in tries {
            let width = widths[wording];
            if width > bounds.end - bounds.start {
                continue;
            }
            let x = (middle - width / 2.0).clamp(bounds.start, bounds.end - width);
            let is_free = |row: usize, place: &Range<f32>| {
                taken[row]
                    .iter()
                    .all(|other| place.end + GAP <= other.start || other.end + GAP <= place.start)
            };
            let line = middle..middle;
            if is_free(row, &(x..x + width)) && (0..row).all(|below| is_free(below, &line)) {
                taken[row].push(x..x + width);
                for below in taken.iter_mut().take(row) {
                    below.push(line.clone());
                }
                placed[index] = Some(Placed { x, row, wording });
                break;
            }
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::graph_math::runs;
    use super::*;

    fn sample(at: u64, state: LinkState, why: Option<LinkWhy>) -> LinkSample {
        LinkSample {
            at,
            own_bps: at as f32,
            others_bps: 10.0,
            capacity_bps: None,
            cap_bps: None,
            added_delay_ms: (at.is_multiple_of(2)).then_some(at as f32),
            state,
            why,
        }
    }

    #[test]
    fn points_are_means_and_the_longest_delay() {
        let run: Vec<_> = (4..8).map(|at| sample(at, LinkState::Using, None)).collect();
        let point = |at, own, delay_ms| Point { at, own, others: 10.0, capacity: None, delay_ms };
        assert_eq!(stacked(&run, 4), [point(7, 5.5, Some(6.0))]);
        assert_eq!(stacked(&run, 1)[..2], [point(4, 4.0, Some(4.0)), point(5, 5.0, None)]);
        assert!(stacked(&[], 3).is_empty());
    }

    #[test]
    fn short_looks_at_the_link_do_not_end_a_stretch_but_pauses_do() {
        use LinkState::{Returning, Using, Yielding};
        use LinkWhy::{ConnectionHere, TrafficHere};
        let mut history: Vec<_> = (0..100).map(|at| sample(at, Using, None)).collect();
        for (range, why) in
            [(10..12, ConnectionHere), (12..20, TrafficHere), (23..30, TrafficHere), (60..62, ConnectionHere)]
        {
            for at in range {
                history[at] = sample(at as u64, Yielding, Some(why));
            }
        }
        history[21] = sample(21, Returning, Some(TrafficHere));
        // Nothing was transferred from 61 to 63, and then it goes on held back.
        history.extend((103..105).map(|at| sample(at, Yielding, None)));
        history.remove(61);
        let found = stretches(&runs(&history, 0));
        let stretch = |from, to, why| Stretch { from, to, why };
        assert_eq!(
            found,
            [
                stretch(10, 29, Some(TrafficHere)),
                stretch(60, 60, Some(ConnectionHere)),
                stretch(103, 104, None)
            ]
        );
    }

    #[test]
    fn words_lie_over_their_stretch_and_get_shorter_or_higher_where_it_is_tight() {
        let wanted = |from, to| Wanted { from, to, widths: [100.0, 40.0] };
        let place = |x, row, wording| Some(Placed { x, row, wording });
        let two = [wanted(200.0, 300.0), wanted(310.0, 330.0)];
        assert_eq!(place_words(&two, 0.0..500.0, 2), [place(200.0, 0, 0), place(270.0, 1, 0)]);
        assert_eq!(place_words(&two, 0.0..500.0, 1), [place(200.0, 0, 0), None]);
        assert_eq!(place_words(&[wanted(-50.0, 20.0)], 0.0..500.0, 1), [place(0.0, 0, 0)]);
        assert_eq!(place_words(&[wanted(10.0, 20.0)], 0.0..60.0, 1), [place(0.0, 0, 1)]);
        assert_eq!(place_words(&[wanted(10.0, 20.0)], 0.0..30.0, 1), [None]);
    }

    proptest! {
        #[test]
        fn no_words_touch_each_other_or_the_edges(
            stretches in prop::collection::vec((0.0_f32..900.0, 0.0_f32..200.0, 20.0_f32..300.0), 0..40),
            width in 100.0_f32..900.0,
            rows in 1_usize..3,
        ) {
            let wanted: Vec<_> = stretches
                .iter()
                .map(|(from, length, text)| Wanted {
                    from: from.min(width),
                    to: (from + length).min(width),
                    widths: [*text, text / 3.0],
                })
                .collect();
            let placed = place_words(&wanted, 0.0..width, rows);
            let boxes: Vec<_> = placed
                .iter()
                .zip(&wanted)
                .filter_map(|(placed, wanted)| placed.map(|placed| (placed, wanted)))
                .map(|(placed, wanted)| (placed.row, placed.x, placed.x + wanted.widths[placed.wording]))
                .collect();
            for (index, (row, start, end)) in boxes.iter().enumerate() {
                prop_assert!(*start >= 0.0 && *end <= width + 0.01 && *row < rows);
                for (other_row, other_start, other_end) in &boxes[..index] {
                    prop_assert!(row != other_row || end < other_start || other_end < start);
                }
            }
            prop_assert!(wanted.is_empty() || wanted.iter().all(|wanted| wanted.widths[1] > width) || !boxes.is_empty());
        }
    }
}
