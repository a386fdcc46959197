//! Many jobs that end in quick succession are one notification, not many.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::notice::{Ended, Key, Notice, Offers, Outcome};
use crate::job::JobId;

/// Two ends that are no further apart belong together.
const TOGETHER: Duration = Duration::from_secs(5);

/// So many of those that belong together still have a notification each.
const FEW: usize = 3;

/// A common notification changes no more often than this.
const PACE: Duration = Duration::from_secs(1);

/// So many files of many are shown in their folders.
const FILES: usize = 100;

/// Those of one sort that end one soon after the other. The time is passed in.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The number of this burst.
    number: u32,
    /// When the latest ended.
    last: Option<Instant>,
    /// All of this burst.
    jobs: Vec<JobId>,
    /// The first few names.
    names: Vec<String>,
    files: Vec<PathBuf>,
    has_failed: bool,
    /// When the common notification was last made.
    told: Option<Instant>,
    /// Whether there is more to tell than was told then.
    untold: bool,
}

impl Gather {
    /// Takes one more. What is to be shown at once: its own notification, or the common one, or for the moment nothing
    /// (see [`Gather::due`]).
    pub(super) fn add(&mut self, ended: Ended, now: Instant) -> Option<Notice> {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > TOGETHER) {
            *self = Self { number: self.number.wrapping_add(1), ..Self::default() };
        }
        self.last = Some(now);
        self.jobs.push(ended.job);
        if self.names.len() < FEW {
            self.names.push(ended.name.clone());
        }
        match &ended.outcome {
            Outcome::Finished { files, .. } => {
                let room = FILES.saturating_sub(self.files.len());
                self.files.extend(files.iter().take(room).cloned());
            }
            Outcome::Failed { .. } => self.has_failed = true,
        }
        if self.jobs.len() <= FEW {
            return Some(Notice::of(ended));
        }
        self.untold = true;
        self.tell(now)
    }

    /// When [`Gather::tell`] has something to show; `None` while there is nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.told.filter(|_| self.untold).map(|told| told + PACE)
    }

    /// The common notification, if it has changed and its time has come.
    pub(super) fn tell(&mut self, now: Instant) -> Option<Notice> {
        if !self.untold || self.due().is_some_and(|due| now < due) {
            return None;
        }
        self.untold = false;
        self.told = Some(now);
        let (count, more) = (self.jobs.len(), self.jobs.len() - self.names.len());
        let (key, title, offers) = if self.has_failed {
            (Key::Failed(self.number), format!("{count} downloads failed"), Offers::Retry(self.jobs.clone()))
        } else {
            let files = Offers::Files(self.files.clone());
            (Key::Finished(self.number), format!("{count} downloads finished"), files)
        };
        let instead_of = self.jobs.iter().take(FEW).copied().map(Key::Job).collect();
        let body = format!("{} and {more} more", self.names.join(", "));
        Some(Notice { key, instead_of, title, body, offers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(number: usize, fails: bool) -> Ended {
        let outcome = if fails {
            Outcome::Failed { sentence: "It broke.".into() }
        } else {
            Outcome::Finished { files: vec![format!("/dl/{number}").into()], bytes: 1 }
        };
        Ended { job: JobId::random(), name: format!("{number}.iso"), outcome }
    }

    /// What it is about; when jobs end (ms); what is shown when (ms), with the timer kept.
    type Row = (&'static str, Vec<u64>, Vec<(u64, &'static str)>);

    #[test]
    fn a_few_are_told_one_by_one_and_many_together() {
        let one = "Download finished";
        let table: [Row; 6] = [
            ("one", vec![0], vec![(0, one)]),
            ("three at once", vec![0, 0, 0], vec![(0, one), (0, one), (0, one)]),
            ("never near each other", vec![0, 6000, 12_000, 18_000, 24_000], {
                vec![(0, one), (6000, one), (12_000, one), (18_000, one), (24_000, one)]
            }),
            ("seven at once", vec![0; 7], {
                vec![
                    (0, one),
                    (0, one),
                    (0, one),
                    (0, "4 downloads finished"),
                    (1000, "7 downloads finished"),
                ]
            }),
            ("a steady trickle", vec![0, 4000, 8000, 12_000, 16_000, 22_000], {
                vec![
                    (0, one),
                    (4000, one),
                    (8000, one),
                    (12_000, "4 downloads finished"),
                    (16_000, "5 downloads finished"),
                    (22_000, one),
                ]
            }),
            ("no more than one a second", vec![0, 0, 0, 0, 300, 600, 900, 1200], {
                vec![
                    (0, one),
                    (0, one),
                    (0, one),
                    (0, "4 downloads finished"),
                    (1000, "7 downloads finished"),
                    (2000, "8 downloads finished"),
                ]
            }),
        ];
        for (what, ends, wanted) in table {
            let start = Instant::now();
            let at = |ms: u64| start + Duration::from_millis(ms);
            let mut gather = Gather::default();
            let mut shown = Vec::new();
            let mut show = |now: Instant, notice: Option<Notice>| {
                shown.extend(notice.map(|notice| ((now - start).as_millis() as u64, notice.title)));
            };
            for (number, ms) in ends.iter().enumerate() {
                while let Some(due) = gather.due().filter(|due| *due <= at(*ms)) {
                    show(due, gather.tell(due));
                }
                show(at(*ms), gather.add(ended(number, false), at(*ms)));
            }
            while let Some(due) = gather.due() {
                let before = due.checked_sub(Duration::from_millis(1)).expect("a time");
                assert_eq!(gather.tell(before), None, "{what}: not before");
                show(due, gather.tell(due));
            }
            let shown: Vec<_> = shown.iter().map(|(ms, title)| (*ms, title.as_str())).collect();
            assert_eq!(shown, wanted, "{what}");
        }
    }

    #[test]
    fn the_common_one_takes_the_place_of_the_few_and_then_of_itself() {
        for fails in [false, true] {
            let now = Instant::now();
            let mut gather = Gather::default();
            let all: Vec<Ended> = (0..200).map(|number| ended(number, fails)).collect();
            let mut keys = Vec::new();
            let mut common = None;
            for one in &all {
                match gather.add(one.clone(), now) {
                    Some(notice) if notice.instead_of.is_empty() => keys.push(notice.key),
                    Some(notice) => assert!(common.replace(notice).is_none(), "one only at this moment"),
                    None => {}
                }
            }
            let common = common.expect("a common one");
            assert_eq!(common.instead_of, keys);
            assert_eq!(common.body, "0.iso, 1.iso, 2.iso and 1 more");
            let last = gather.tell(gather.due().expect("more to tell")).expect("the common one");
            assert_eq!(last.key, common.key);
            assert_eq!(last.body, "0.iso, 1.iso, 2.iso and 197 more");
            match last.offers {
                Offers::Files(files) => assert!(!fails && files.len() == FILES),
                Offers::Retry(jobs) => {
                    assert!(fails && jobs == all.iter().map(|one| one.job).collect::<Vec<_>>());
                }
            }
            assert_eq!(gather.due(), None);
            // The next burst is another one.
            let later = now + Duration::from_mins(1);
            let next: Vec<_> = all.iter().take(4).filter_map(|one| gather.add(one.clone(), later)).collect();
            assert_eq!(next.len(), 4);
            assert_ne!(next[3].key, common.key);
        }
    }
}
