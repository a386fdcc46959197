//! The user's own order: where a move leads, what it looks like until the engine has made it, and dragging rows.

use std::collections::HashSet;
use std::sync::Arc;

use imbl::Vector;

use egui::{Align2, CursorIcon, FontId, Id, Key, LayerId, Order, Rect, Stroke, Ui, pos2, vec2};

use crate::engine::{Answer, JobView, Refusal, Snapshot};
use crate::job::{JobId, To};

use super::app::arrived;
use super::row;
use super::theme::{self, Look};

/// Where the selected jobs are to go, among those that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Up,
    Down,
    Last,
    /// Before the row of that number; behind the last one where there is none.
    Gap(usize),
}

/// Which jobs move where, in the order they have; `None` where nothing would change. `rows` are the indices of the
/// jobs that are shown.
///
/// Several jobs move *before* one, or to the end: that leads to the same order whether they are moved one after the
/// other or as a whole.
pub(super) fn target(
    jobs: &Vector<Arc<JobView>>,
    rows: &[u32],
    selected: impl Fn(JobId) -> bool,
    place: Place,
) -> Option<(Vec<JobId>, To)> {
    let id = |row: usize| Some(jobs.get(*rows.get(row)? as usize)?.job.id);
    let chosen: Vec<usize> = (0..rows.len()).filter(|row| id(*row).is_some_and(&selected)).collect();
    let (&first, &last) = (chosen.first()?, chosen.last()?);
    let ids: Vec<JobId> = chosen.iter().filter_map(|row| id(*row)).collect();
    let is_block = last - first + 1 == chosen.len();
    let alone = ids.len() == 1;
    let gap = match place {
        Place::First => {
            let leads = jobs.iter().take(ids.len()).all(|view| selected(view.job.id));
            let anchor = jobs.iter().map(|view| view.job.id).find(|id| !selected(*id))?;
            let to = if alone { To::First } else { To::Before(anchor) };
            return (!leads).then_some((ids, to));
        }
        Place::Last => {
            let trails = jobs.iter().rev().take(ids.len()).all(|view| selected(view.job.id));
            return (!trails).then_some((ids, To::Last));
        }
        Place::Up => first.saturating_sub(1),
        Place::Down => (last + 2).min(rows.len()),
        Place::Gap(gap) => gap.min(rows.len()),
    };
    if is_block && (first..=last + 1).contains(&gap) {
        return None;
    }
    let free = |row: &usize| id(*row).is_some_and(|id| !selected(id));
    if let Some(next) = (gap..rows.len()).find(free) {
        return Some((ids, To::Before(id(next)?)));
    }
    let behind = (0..gap).rev().find(free)?;
    if alone {
        return Some((ids, To::After(id(behind)?)));
    }
    // What stands behind it may not be shown.
    let hidden = jobs.iter().skip(rows[behind] as usize + 1).map(|view| view.job.id);
    let mut hidden = hidden;
    let next = hidden.find(|id| !selected(*id));
    Some((ids, next.map_or(To::Last, To::Before)))
}

/// The order after a move.
fn moved(jobs: &Vector<Arc<JobView>>, ids: &[JobId], to: To) -> Vector<Arc<JobView>> {
    let moving: HashSet<JobId> = ids.iter().copied().collect();
    let (block, mut rest): (Vec<_>, Vec<_>) =
        jobs.iter().cloned().partition(|view| moving.contains(&view.job.id));
    let place = |of: JobId| rest.iter().position(|view| view.job.id == of);
    let at = match to {
        To::First => Some(0),
        To::Last => Some(rest.len()),
        To::Before(id) => place(id),
        To::After(id) => place(id).map(|at| at + 1),
    };
    // Beside a job that has gone since: the engine will say where.
    let at = at.unwrap_or(rest.len());
    rest.splice(at..at, block);
    rest.into()
}

/// The moves the engine was asked for and has not shown yet. Until then the list shows them itself: a row that was
/// dropped must not jump back, and a key pressed five times moves by five.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pending: Vec<Pending>,
    /// Of which snapshot and how many moves the list was made.
    made_of: Option<(u64, usize)>,
}

#[derive(Debug)]
struct Pending {
    ids: Vec<JobId>,
    to: To,
    answer: Answer,
    /// The snapshot that was seen when the engine said that it is done: the next one has it.
    done_at: Option<u64>,
}

impl Moves {
    /// One more.
    pub(super) fn add(&mut self, ids: Vec<JobId>, to: To, answer: Answer) {
        self.pending.push(Pending { ids, to, answer, done_at: None });
    }

    /// Takes in answers; the refusals.
    pub(super) fn poll(&mut self, published: u64) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        self.pending.retain_mut(|pending| match pending.done_at {
            Some(done_at) => published == done_at,
            None => match arrived(&mut pending.answer) {
                Some(Ok(_)) => {
                    pending.done_at = Some(published);
                    true
                }
                Some(Err(refusal)) => {
                    refusals.push(refusal);
                    false
                }
                None => true,
            },
        });
        refusals
    }

    /// What is to be shown for the published snapshot; `None` where that is what was shown last.
    pub(super) fn shown(&mut self, published: &Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        let made_of = Some((published.number, self.pending.len()));
        if self.made_of == made_of {
            return None;
        }
        self.made_of = made_of;
        if self.pending.is_empty() {
            return Some(Arc::clone(published));
        }
        let mut snapshot = Snapshot::clone(published);
        for pending in &self.pending {
            snapshot.jobs = moved(&snapshot.jobs, &pending.ids, pending.to);
        }
        Some(Arc::new(snapshot))
    }
}

/// Rows being dragged; one for the whole list.
#[derive(Debug, Default)]
pub(super) struct Drag {
    on: bool,
    /// A row to bring into view: the pointer is at the list's edge.
    pub scroll_to: Option<usize>,
}

impl Drag {
    /// Whether rows are being dragged: the keyboard is the drag's then.
    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    /// A row was taken hold of.
    pub(super) fn start(&mut self) {
        self.on = true;
    }

    /// Draws what is dragged and where it would go; returns the gap it was let go in. `first` is the first row drawn
    /// and where it begins.
    pub(super) fn follow(
        &mut self,
        ui: &Ui,
        area: Rect,
        first: Option<(usize, f32)>,
        rows: usize,
        text: impl FnOnce() -> String,
    ) -> Option<usize> {
        if !self.on {
            return None;
        }
        let (pointer, down, given_up) = ui.input_mut(|input| {
            let given_up = input.consume_key(egui::Modifiers::NONE, Key::Escape);
            (input.pointer.latest_pos(), input.pointer.primary_down(), given_up)
        });
        let (Some(pointer), Some((first, top)), false) = (pointer, first, given_up) else {
            self.on = false;
            return None;
        };
        let at = ((pointer.y - top) / row::HEIGHT).round().max(0.0) as usize;
        let gap = (first + at).min(rows);
        if !down {
            self.on = false;
            return area.expand(row::HEIGHT).contains(pointer).then_some(gap);
        }
        let edge = row::HEIGHT / 2.0;
        if pointer.y < area.top() + edge && first > 0 {
            self.scroll_to = Some(first - 1);
        } else if pointer.y > area.bottom() - edge {
            let seen = (area.height() / row::HEIGHT) as usize;
            self.scroll_to = Some((first + seen + 1).min(rows.saturating_sub(1)));
        }
        if self.scroll_to.is_some() {
            let soon = std::time::Duration::from_millis(60);
            ui.ctx().request_repaint_after_for(soon, egui::ViewportId::ROOT);
        }
        let look = Look::of(ui.visuals());
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let y =
            (top + (gap - first.min(gap)) as f32 * row::HEIGHT).clamp(area.top() + 1.0, area.bottom() - 1.0);
        let line = Stroke::new(2.0, look.accent);
        let inside = ui.painter().with_clip_rect(area.expand(3.0));
        inside.hline(area.left() + 8.0..=area.right() - 8.0, y, line);
        inside.circle_filled(pos2(area.left() + 8.0, y), 3.5, look.accent);
        flag(ui, pointer, &text(), &look);
        None
    }
}

/// What is dragged, beside the pointer.
fn flag(ui: &Ui, pointer: egui::Pos2, text: &str, look: &Look) {
    let above = ui.ctx().layer_painter(LayerId::new(Order::Tooltip, Id::unique("dragged rows")));
    let font = FontId::new(theme::BODY, theme::semibold());
    let short: String = text.chars().take(48).collect();
    let galley = above.layout_no_wrap(short, font, look.text);
    let at = pointer + vec2(16.0, 10.0);
    let rect = Align2::LEFT_TOP.anchor_size(at, galley.size() + vec2(20.0, 12.0));
    above.rect(rect, 6.0, look.panel, Stroke::new(1.0, look.accent), egui::StrokeKind::Inside);
    above.galley(rect.min + vec2(10.0, 6.0), galley, look.text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::NewJob;

    fn jobs(number: usize) -> Vector<Arc<JobView>> {
        let one = |n| {
            let new = NewJob::of(format!("https://example.org/{n}"), "");
            let (job, _) = new.into_job(JobId::random(), 0).expect("a good address");
            Arc::new(JobView::resting(Arc::new(job)))
        };
        (0..number).map(one).collect()
    }

    /// Where each job was before the move.
    fn after(
        jobs: &Vector<Arc<JobView>>,
        rows: &[u32],
        chosen: &[usize],
        place: Place,
    ) -> Option<Vec<usize>> {
        let selected = |id| chosen.iter().any(|index| jobs[*index].job.id == id);
        let (ids, to) = target(jobs, rows, selected, place)?;
        let index = |id: JobId| jobs.iter().position(|view| view.job.id == id).expect("one of them");
        let whole: Vec<usize> = moved(jobs, &ids, to).iter().map(|view| index(view.job.id)).collect();
        // One after the other, in the order asked for, leads to the same.
        let mut one_by_one = jobs.clone();
        for id in &ids {
            one_by_one = moved(&one_by_one, &[*id], to);
        }
        let one_by_one: Vec<usize> = one_by_one.iter().map(|view| index(view.job.id)).collect();
        assert_eq!(whole, one_by_one, "{to:?}");
        Some(whole)
    }

    /// The rows shown, the jobs chosen, where they go, and the order after it.
    type Case<'a> = (&'a [u32], &'a [usize], Place, Option<[usize; 5]>);

    #[test]
    fn moves_lead_where_they_should() {
        use Place as P;
        let jobs = jobs(5);
        let all = [0, 1, 2, 3, 4];
        let table: [Case<'_>; 17] = [
            (&all, &[2], P::Up, Some([0, 2, 1, 3, 4])),
            (&all, &[2], P::Down, Some([0, 1, 3, 2, 4])),
            (&all, &[2], P::First, Some([2, 0, 1, 3, 4])),
            (&all, &[2], P::Last, Some([0, 1, 3, 4, 2])),
            (&all, &[0], P::Up, None),
            (&all, &[0], P::First, None),
            (&all, &[4], P::Down, None),
            (&all, &[4], P::Last, None),
            (&all, &[1, 2], P::Down, Some([0, 3, 1, 2, 4])),
            (&all, &[1, 3], P::Up, Some([1, 3, 0, 2, 4])),
            (&all, &[1, 3], P::First, Some([1, 3, 0, 2, 4])),
            (&all, &[0, 3], P::Down, Some([1, 2, 4, 0, 3])),
            (&all, &[1], P::Gap(2), None),
            (&all, &[1], P::Gap(5), Some([0, 2, 3, 4, 1])),
            // Those in between are not shown.
            (&[0, 2], &[0], P::Down, Some([1, 2, 0, 3, 4])),
            (&[0, 1, 3], &[0, 1], P::Gap(3), Some([2, 3, 0, 1, 4])),
            (&all, &[0, 1, 2, 3, 4], P::First, None),
        ];
        for (rows, chosen, place, expected) in table {
            let found = after(&jobs, rows, chosen, place);
            assert_eq!(found, expected.map(Vec::from), "{rows:?} {chosen:?} {place:?}");
        }
    }

    proptest! {
        /// Whatever is dropped wherever: the chosen stay together in their order, as do the others.
        #[test]
        fn a_drop_keeps_both_orders(chosen in proptest::collection::btree_set(0_usize..8, 1..8), gap in 0_usize..10) {
            let jobs = jobs(8);
            let rows: Vec<u32> = (0..8).collect();
            let chosen: Vec<usize> = chosen.into_iter().collect();
            let order = after(&jobs, &rows, &chosen, Place::Gap(gap)).unwrap_or_else(|| (0..8).collect());
            let (block, rest): (Vec<usize>, Vec<usize>) = order.iter().partition(|index| chosen.contains(index));
            prop_assert_eq!(&block, &chosen);
            prop_assert!(rest.is_sorted());
            let from = order.iter().position(|index| *index == chosen[0]).expect("the first of them");
            prop_assert_eq!(&order[from..from + chosen.len()], &chosen[..]);
            prop_assert_eq!(from, rest.iter().filter(|index| **index < gap).count());
        }
    }
}
