//! A real pair, damaged at random and cut short everywhere: it always opens, and nothing is believed or lost that
//! should not be.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::job::{JobState, Wanted};

const DAMAGES: usize = 1000;
const CUTS: usize = 4096;
/// One in so many is opened a second time.
const TWICE: usize = 16;

/// What was written to a pair, to compare with.
struct Written {
    /// Older, newest.
    texts: [Vec<u8>; 2],
    /// The list the newest file began with and after each record since, with the byte at which that ends.
    lists: Vec<(usize, HashMap<JobId, Arc<Job>>)>,
    /// Jobs the older file ends with.
    of_older: HashSet<JobId>,
    /// Jobs as they were recorded at any time, without progress.
    records: HashMap<JobId, Vec<Job>>,
    /// Progress as it was recorded at any time: job, attempt, bytes.
    progress: HashSet<(JobId, u32, u64)>,
}

/// The slot of the newest file.
const NEWEST: usize = 1;

fn without_progress(job: &Job) -> Job {
    let mut job = job.clone();
    job.files[0].synced = Extents::default();
    job
}

impl Written {
    fn make(jobs: u64, random: &mut fastrand::Rng) -> Self {
        let folder = folder();
        let (mut files, _) = open(folder.path());
        let mut this = Self {
            texts: Default::default(),
            lists: Vec::new(),
            of_older: HashSet::new(),
            records: HashMap::new(),
            progress: HashSet::new(),
        };
        let mut list: Vec<Arc<Job>> = (1..=jobs).map(job).collect();
        for job in &list {
            this.records.entry(job.id).or_default().push(Job::clone(job));
        }
        let mut next = jobs + 1;
        // Generations 2 to 5: the last one is in slot 1.
        for generation in 2..=5 {
            if generation == 5 {
                this.of_older = list.iter().map(|job| job.id).collect();
            }
            files.next_generation(&list).unwrap();
            let by_id = |list: &[Arc<Job>]| list.iter().map(|job| (job.id, Arc::clone(job))).collect();
            let bytes = || queue(folder.path(), NEWEST).metadata().map_or(0, |file| file.len() as usize);
            this.lists = vec![(bytes(), by_id(&list))];
            for _ in 0..60 {
                let at = random.usize(..list.len());
                let record = match random.u32(..10) {
                    0 => Record::Gone(list.remove(at).id),
                    1 => {
                        list.push(job(next));
                        next += 1;
                        saved(&list[list.len() - 1])
                    }
                    2..5 => {
                        let file = &mut Arc::make_mut(&mut list[at]).files[0];
                        file.forget_progress();
                        // Each attempt is at another version of the file.
                        file.validator.etag = Some(format!("\"{}\"", file.attempt));
                        file.total_bytes = Some(1 << 30);
                        saved(&list[at])
                    }
                    _ => {
                        let file = &mut Arc::make_mut(&mut list[at]).files[0];
                        file.synced = Extents::from_start(file.synced_bytes() + random.u64(1..1_000_000));
                        let (attempt, bytes) = (file.attempt, file.synced_bytes());
                        this.progress.insert((list[at].id, attempt, bytes));
                        progress(&list[at], attempt, bytes)
                    }
                };
                if let Record::Job(job) = &record {
                    this.records.entry(job.id).or_default().push(without_progress(job));
                }
                files.append(&[record]).unwrap();
                this.lists.push((bytes(), by_id(&list)));
            }
        }
        this.texts = [1 - NEWEST, NEWEST].map(|slot| std::fs::read(queue(folder.path(), slot)).unwrap());
        this
    }

    /// The list as it was when the newest file had so many bytes.
    fn list_at(&self, bytes: usize) -> &HashMap<JobId, Arc<Job>> {
        &self
            .lists
            .iter()
            .rev()
            .find(|(end, _)| *end <= bytes)
            .expect("a cut behind the jobs it began with")
            .1
    }

    /// Opens a pair of these texts and looks at what comes of it.
    fn try_out(&self, folder: &Path, texts: &[Vec<u8>; 2], number: usize, what: &str) {
        let folder = &folder.join(number.to_string());
        std::fs::create_dir(folder).unwrap();
        let paths = [queue(folder, 1 - NEWEST), queue(folder, NEWEST)];
        for (path, text) in paths.iter().zip(texts) {
            put(path, text);
        }
        let loaded = reopen(folder);
        let list: HashMap<JobId, Arc<Job>> =
            loaded.jobs.iter().map(|job| (job.id, Arc::clone(job))).collect();
        assert_eq!(list.len(), loaded.jobs.len(), "{what}: no job twice");
        assert!(loaded.jobs.is_sorted_by_key(|job| job.place), "{what}");
        for job in &loaded.jobs {
            self.check(job, what);
        }
        let cut = texts[1].len();
        if self.texts[1].starts_with(&texts[1]) && cut >= self.lists[0].0 {
            // Only cut short: all that was acknowledged, and no more. A record that only lacks its line break counts.
            assert_eq!(&list, self.list_at(cut + 1), "{what}");
        } else if loaded.notices.is_empty() {
            // What is damaged is the beginning of a line that was cut short: it was never acknowledged, whatever it was.
            let lines = texts[1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let are_whole = self.texts[1].starts_with(&texts[1][..lines]) && lines >= self.lists[0].0;
            assert!(are_whole && lines < cut && cut < self.texts[1].len(), "{what}: no notice");
            assert_eq!(&list, self.list_at(lines), "{what}");
        } else {
            assert_eq!(loaded.notices.len(), 1, "{what}: {:?}", loaded.notices);
        }
        if texts[0] == self.texts[0] {
            // Whatever the newest file has lost, what the other one knows of is not.
            let whole = self.list_at(self.texts[1].len());
            for id in self.of_older.iter().filter(|id| whole.contains_key(id)) {
                assert!(list.contains_key(id), "{what}: {id} was lost");
            }
        }
        let aside: Vec<(PathBuf, Vec<u8>)> =
            contents(folder).into_iter().filter(|(path, _)| !paths.contains(path)).collect();
        for (path, bytes) in &aside {
            let is_it = path.display().to_string().contains(".damaged-") && texts.contains(bytes);
            assert!(is_it, "{what}: {}", path.display());
        }
        assert_eq!(aside.is_empty(), loaded.notices.is_empty(), "{what}");
        if number.is_multiple_of(TWICE) {
            let again = reopen(folder);
            assert_eq!((again.jobs, again.notices), (loaded.jobs, vec![]), "{what}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// A job must be one that was written, and its progress that of the same attempt.
    fn check(&self, job: &Job, what: &str) {
        let file = &job.files[0];
        let is_known =
            file.synced_bytes() == 0 || self.progress.contains(&(job.id, file.attempt, file.synced_bytes()));
        assert!(is_known, "{what}: progress that nobody recorded: {job:?}");
        let has_forgotten = file.total_bytes.is_none();
        assert!(!has_forgotten || file.synced_bytes() == 0, "{what}: {job:?}");
        let of_attempt = |record: &&Job| has_forgotten || record.files[0].attempt == file.attempt;
        let was_written = self.records[&job.id].iter().filter(of_attempt).any(|record| {
            let mut record = record.clone();
            if job.state == JobState::Suspended {
                (record.state, record.wanted) = (JobState::Suspended, Wanted::Suspend);
            }
            if has_forgotten {
                record.files[0].forget_progress();
                record.files[0].attempt = file.attempt;
            }
            record == without_progress(job)
        });
        assert!(was_written, "{what}: {job:?}");
    }
}

/// Does something with each number on all processors.
fn for_each(numbers: usize, check: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers {
                        break;
                    }
                    check(number);
                }
            });
        }
    });
}

#[test]
fn whatever_is_damaged_nothing_false_is_believed_and_nothing_whole_is_lost() {
    let seed =
        std::env::var("MEANWHILE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("MEANWHILE_SEED={seed}");
    let written = Written::make(120, &mut fastrand::Rng::with_seed(seed));
    let folder = folder();
    for_each(DAMAGES, |number| {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
        let mut texts = written.texts.clone();
        let files: &[usize] = [&[1][..], &[1], &[1], &[0], &[0, 1]][random.usize(..5)];
        for file in files {
            let text = &mut texts[*file];
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..text.len());
                text[at] ^= 1 << random.u32(..8);
            }
            if random.u32(..10) == 0 {
                let at = random.usize(..text.len() - 600);
                text[at..at + random.usize(1..600)].fill(0);
            }
        }
        // Cut short as well: a file that is torn and damaged.
        if random.u32(..10) == 0 {
            let text = &mut texts[1];
            text.truncate(text.len() - random.usize(..text.len()));
        }
        written.try_out(folder.path(), &texts, number, &format!("seed {seed}, number {number}"));
    });
}

#[test]
fn cut_short_everywhere_what_was_acknowledged_is_there() {
    let written = Written::make(12, &mut fastrand::Rng::with_seed(7));
    let folder = folder();
    let whole = written.texts[1].len();
    assert!(written.lists[0].0 < whole - CUTS);
    for_each(CUTS, |cut| {
        let mut texts = written.texts.clone();
        texts[1].truncate(whole - cut);
        written.try_out(folder.path(), &texts, cut, &format!("cut at {}", whole - cut));
    });
}
