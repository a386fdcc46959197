//! Giving turns: who stands in line where, and for how long a turn lasts (bits.md 1.5).
//!
//! Within a level the line goes round by round. A job that has used up its slice while another waits goes into the next
//! round; who joins the line joins the last one. So nobody starves: ahead of a job are only those that were there before
//! it, and none of them for more than two slices. Within a round those that have their turn keep it until their slice is
//! used up, the others come in the user's order.

use std::collections::HashMap;
use std::time::Duration;

use super::book::Queue;
use super::entry::{Entry, Has, LineKey};
use super::terms::{Effect, Now};
use super::{Candidate, turns};
use crate::job::{Cause, Event, JobEvent, JobId, JobState, Priority};

impl Queue {
    /// Gives turns to those whose turn it is, and takes them from the others.
    pub(super) fn give_turns(&mut self, now: Now) {
        self.end_slices(now);
        let chosen: HashMap<JobId, Vec<usize>> = {
            let candidates = self.line.iter().filter_map(|key| {
                let entry = self.entries.get(&key.4)?;
                Some(Candidate { job: &entry.job, running: &entry.running })
            });
            turns(candidates, self.rules.limits).into_iter().map(|turn| (turn.job, turn.files)).collect()
        };
        for id in self.active.iter().copied().collect::<Vec<_>>() {
            match chosen.get(&id) {
                None => {
                    self.apply(id, &JobEvent::TakeTurn, Cause::Scheduler, now);
                }
                Some(files) => {
                    self.stop_runs(id, |file| !files.contains(&file));
                    if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_used_up) {
                        entry.is_used_up = false;
                        self.set_line(id);
                    }
                }
            }
        }
        // In the order of the line, so that the more urgent connect first.
        let order: Vec<JobId> = self
            .line
            .iter()
            .map(|key| key.4)
            .filter(|id| chosen.contains_key(id))
            .take(chosen.len())
            .collect();
        for id in order {
            self.start(id, &chosen[&id], now);
        }
        self.turns_due = false;
    }

    fn start(&mut self, id: JobId, files: &[usize], now: Now) {
        let Some(entry) = self.entries.get(&id) else { return };
        let deleting = &self.deleting;
        // A file that is still being closed or deleted is begun when that is done: its end is heard of.
        let free = |file: &&usize| {
            !entry.running.contains(file)
                && !entry.stopping.contains(file)
                && entry.job.files[**file].part_paths().all(|part| !deleting.contains(&part))
        };
        let free: Vec<usize> = files.iter().filter(free).copied().collect();
        if free.is_empty() {
            return;
        }
        if matches!(entry.job.state, JobState::Queued) {
            self.apply(id, &JobEvent::GiveTurn, Cause::Scheduler, now);
        }
        for file in free {
            let Some(entry) = self.entries.get_mut(&id) else { return };
            entry.running.push(file);
            let of = &entry.job.files[file];
            let event = Event::Started {
                file,
                url: of.url.to_string(),
                done_bytes: of.synced_bytes(),
                total_bytes: of.total_bytes,
            };
            self.log(id, Cause::Scheduler, event, now);
            self.effects.push(Effect::Start(id, file));
        }
    }

    /// Sends those whose slice is used up to the next round, where somebody of their level waits.
    fn end_slices(&mut self, now: Now) {
        for id in self.active.iter().copied().collect::<Vec<_>>() {
            let slice = self.rules.slice;
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.job.priority == Priority::Foreground || entry.used_at(now) < slice {
                continue;
            }
            if self.without_turn[entry.job.priority as usize] > 0 {
                entry.round += 1;
                entry.is_used_up = true;
                entry.stop_clocks(now);
                entry.start_clocks(now);
                entry.used = Duration::ZERO;
                self.set_line(id);
            }
        }
    }

    /// When the first slice ends that somebody waits for.
    pub(super) fn next_slice_end(&self) -> Option<Duration> {
        let ends = self.active.iter().filter_map(|id| {
            let entry = self.entries.get(id)?;
            let matters = entry.job.priority != Priority::Foreground
                && self.without_turn[entry.job.priority as usize] > 0;
            matters.then_some(entry.turn_since? + self.rules.slice.saturating_sub(entry.used))
        });
        ends.min()
    }

    /// Puts a job where it belongs in the line, or takes it out.
    pub(super) fn set_line(&mut self, id: JobId) {
        let Some(entry) = self.entries.get(&id) else { return };
        let in_line = self.may_run(entry)
            && matches!(entry.job.state, JobState::Queued | JobState::Connecting | JobState::Transferring);
        let goes_on = self.may_run(entry) && entry.job.state.goes_on_by_itself();
        let (before, priority) = (entry.in_line, entry.job.priority);
        let is_active = in_line && entry.job.state.is_active();
        if let Some(key) = before {
            self.line.remove(&key);
            self.without_turn[key.0 as usize] -= usize::from(key.2 == Has::NoTurn);
        }
        let round = match before {
            // It stays in its round, even if its level is another one now.
            Some(key) if key.0 == priority => entry.round,
            _ => entry.round.max(self.last_round(priority)),
        };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        self.going_on = self.going_on + usize::from(goes_on) - usize::from(entry.goes_on);
        entry.goes_on = goes_on;
        entry.round = round;
        entry.is_used_up &= is_active;
        let has = match (is_active, entry.is_used_up) {
            (true, false) => Has::Turn,
            (true, true) => Has::UsedUp,
            (false, _) => Has::NoTurn,
        };
        entry.in_line = in_line.then_some((priority, round, has, entry.job.place, id));
        if let Some(key) = entry.in_line {
            self.line.insert(key);
            self.without_turn[key.0 as usize] += usize::from(key.2 == Has::NoTurn);
        }
        if is_active {
            self.active.insert(id);
        } else {
            self.active.remove(&id);
        }
    }

    /// The last round anybody of a level is in.
    fn last_round(&self, priority: Priority) -> u64 {
        let below: LineKey = (priority, u64::MAX, Has::UsedUp, u64::MAX, JobId::LEAST);
        self.line.range(..below).next_back().filter(|key| key.0 == priority).map_or(0, |key| key.1)
    }
}

impl Entry {
    /// How much of its slice is used up.
    fn used_at(&self, now: Now) -> Duration {
        self.used + self.turn_since.map_or(Duration::ZERO, |since| now.monotonic.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{End, Limits, Rules, Run};
    use super::*;
    use crate::job::NewJob;

    const SLICE: Duration = Duration::from_secs(10);

    /// Jobs of one level, and which of them has its turn in each of some slices.
    fn course(jobs: usize, background_jobs: usize, slices: u32) -> Vec<Vec<usize>> {
        let limits = Limits { background_jobs, per_host: 100 };
        let rules = Rules { limits, slice: SLICE, ..Rules::default() };
        let mut queue = Queue::new(Vec::new(), Run::All, rules, Now::default());
        let ids: Vec<JobId> = (0..jobs)
            .map(|number| {
                let new = NewJob::of(format!("http://127.0.0.1:1/{number}"), "/srv");
                let (mut job, _) = new.into_job(JobId::random(), 0).unwrap();
                job.place = queue.next_place();
                let id = job.id;
                queue.add(job, String::new(), Now::default());
                id
            })
            .collect();
        let at = |half_slices: u32| Now { monotonic: SLICE * half_slices / 2, unix_secs: 0 };
        let mut turn = |now: Now| {
            // Whatever is told to stop does so at once.
            loop {
                queue.tick(now);
                let effects = queue.take_effects();
                if effects.is_empty() {
                    break;
                }
                for effect in effects {
                    if let Effect::Stop(id, file) = effect {
                        queue.ended(id, file, End::Stopped, None, now);
                    }
                }
            }
            (0..jobs).filter(|number| queue.active.contains(&ids[*number])).collect::<Vec<_>>()
        };
        (0..slices)
            .map(|slice| {
                let began = turn(at(2 * slice));
                assert_eq!(turn(at(2 * slice + 1)), began, "nobody loses a turn in the middle of a slice");
                began
            })
            .collect()
    }

    #[test]
    fn two_with_one_slot_have_every_other_slice() {
        assert_eq!(course(2, 1, 5), [[0], [1], [0], [1], [0]]);
        assert_eq!(course(3, 1, 7), [[0], [1], [2], [0], [1], [2], [0]]);
        assert_eq!(course(2, 2, 2), [[0, 1], [0, 1]]);
    }

    #[test]
    fn all_have_the_same_in_the_end() {
        for (jobs, slots) in [(4, 3), (5, 3), (5, 2), (7, 3)] {
            let slices = course(jobs, slots, 10 * u32::try_from(jobs).unwrap());
            for job in 0..jobs {
                let turns = slices.iter().filter(|slice| slice.contains(&job)).count();
                assert!(
                    turns.abs_diff(10 * slots) <= 2,
                    "{jobs} jobs, {slots} slots: {turns} of {}",
                    10 * slots
                );
            }
        }
    }
}
