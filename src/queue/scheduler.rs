//! Whose turn it is (bits.md 1.5).

use crate::job::{JobId, Priority};

/// What the scheduler needs to know of a job that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which job.
    pub id: JobId,
    /// How it stands in line.
    pub priority: Priority,
    /// Whether it has its turn already.
    pub active: bool,
}

/// The jobs whose turn it is, from those that could run, in the user's order.
///
/// Foreground jobs all run, beside the others. Of the background ones at most `background_jobs` run: strictly
/// by level, within a level those that run already before the others, then the user's order.
#[must_use]
pub fn turns(candidates: &[Candidate], background_jobs: usize) -> Vec<JobId> {
    let (mut turns, mut background): (Vec<Candidate>, Vec<Candidate>) =
        candidates.iter().copied().partition(|candidate| candidate.priority == Priority::Foreground);
    // A stable sort: what the key does not tell apart stays in the user's order.
    background.sort_by_key(|candidate| (candidate.priority, !candidate.active));
    background.truncate(background_jobs);
    turns.append(&mut background);
    turns.into_iter().map(|candidate| candidate.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0..4_usize, any::<bool>()).prop_map(|(priority, active)| Candidate {
            id: JobId::random(),
            priority: Priority::ALL[priority],
            active,
        });
        prop::collection::vec(one, 0..20)
    }

    proptest! {
        #[test]
        fn never_more_than_allowed_and_no_idle_slot(jobs in candidates(), slots in 1_usize..5) {
            let turns = turns(&jobs, slots);
            let is_foreground = |job: &&Candidate| job.priority == Priority::Foreground;
            let foreground = jobs.iter().filter(is_foreground).count();
            prop_assert_eq!(turns.len(), foreground + slots.min(jobs.len() - foreground));
            prop_assert!(jobs.iter().filter(is_foreground).all(|job| turns.contains(&job.id)));
        }

        #[test]
        fn nobody_runs_while_a_more_urgent_one_waits(jobs in candidates(), slots in 1_usize..5) {
            let turns = turns(&jobs, slots);
            let (on, off): (Vec<Candidate>, Vec<Candidate>) = jobs.iter().copied().partition(|job| turns.contains(&job.id));
            for waits in off {
                for runs in on.iter().filter(|job| job.priority != Priority::Foreground) {
                    prop_assert!(runs.priority <= waits.priority);
                    prop_assert!(runs.priority < waits.priority || runs.active || !waits.active);
                }
            }
        }
    }
}
