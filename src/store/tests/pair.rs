//! Which of the two files counts, and what becomes of what is damaged.

use super::*;
use crate::job::{Clash, JobState, Wanted};

/// A list of three in its second generation: `[0]` is closed, `[1]` is gone on with. The third job came later.
fn pair() -> (tempfile::TempDir, [Arc<Job>; 3]) {
    let folder = folder();
    let jobs = [job(1), job(2), job(3)];
    let (mut files, loaded) = open(folder.path());
    assert_eq!(loaded, Loaded::default());
    files.append(&[saved(&jobs[0]), saved(&jobs[1])]).unwrap();
    files.next_generation(&jobs[..2]).unwrap();
    files.append(&[progress(&jobs[0], 0, 4096)]).unwrap();
    files.append(&[saved(&jobs[2])]).unwrap();
    (folder, jobs)
}

/// The slot of the newest file of [`pair`].
const NEWEST: usize = 0;

fn with_progress(job: &Arc<Job>, synced_bytes: u64) -> Arc<Job> {
    let mut job = Job::clone(job);
    job.files[0].synced = Extents::from_start(synced_bytes);
    Arc::new(job)
}

fn held(job: &Arc<Job>) -> Arc<Job> {
    let mut job = Job::clone(job);
    job.wanted = Wanted::Suspend;
    job.state = JobState::Suspended;
    Arc::new(job)
}

#[test]
fn what_was_appended_is_there_again_in_the_users_order() {
    let (folder, jobs) = pair();
    let (mut files, _) = open(folder.path());
    let mut first = Job::clone(&jobs[2]);
    first.place = 1;
    files.append(&[Record::Job(Arc::new(first.clone())), Record::Gone(jobs[1].id)]).unwrap();
    for _ in 0..3 {
        let loaded = reopen(folder.path());
        assert_eq!(loaded.jobs, [Arc::new(first.clone()), with_progress(&jobs[0], 4096)]);
        assert_eq!(loaded.notices, Vec::<String>::new());
    }
}

#[test]
fn starting_and_repairing_change_nothing_that_is_whole() {
    let (folder, _) = pair();
    let before = contents(folder.path());
    for _ in 0..2 {
        assert_eq!(reopen(folder.path()).notices, Vec::<String>::new());
        assert_eq!(contents(folder.path()), before);
        let findings = repair(folder.path()).unwrap();
        assert!(findings.is_intact(), "{findings:?}");
        assert_eq!(findings.sentences().last().unwrap(), "Nothing is damaged; nothing was changed.");
        assert_eq!(contents(folder.path()), before);
    }
}

#[test]
fn nothing_is_repaired_where_nothing_is() {
    let folder = folder();
    let findings = repair(folder.path()).unwrap();
    assert_eq!(findings.sentences(), ["There is no list yet.", "Nothing is damaged; nothing was changed."]);
    assert_eq!(contents(folder.path()), []);
}

#[test]
fn cut_short_anywhere_nothing_acknowledged_before_is_lost() {
    let (folder, jobs) = pair();
    let path = queue(folder.path(), NEWEST);
    let whole = std::fs::read(&path).unwrap();
    let (mut files, _) = open(folder.path());
    files.append(&[saved(&job(4))]).unwrap();
    drop(files);
    let text = std::fs::read(&path).unwrap();
    let other = std::fs::read(queue(folder.path(), 1 - NEWEST)).unwrap();
    let elsewhere = super::folder();
    let path = queue(elsewhere.path(), NEWEST);
    put(&queue(elsewhere.path(), 1 - NEWEST), &other);
    let before = [with_progress(&jobs[0], 4096), Arc::clone(&jobs[1]), Arc::clone(&jobs[2])];
    for cut in whole.len()..text.len() {
        put(&path, &text[..cut]);
        let loaded = reopen(elsewhere.path());
        // But for its line break the record is whole.
        let is_there = cut + 1 == text.len();
        assert_eq!(loaded.jobs[..3], before, "cut at {cut}");
        assert_eq!(loaded.jobs.len(), 3 + usize::from(is_there), "cut at {cut}");
        if loaded.notices.is_empty() {
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        } else {
            // Whether the last bracket is the end of a record cannot be told: to be on the safe side it is kept.
            assert!(text[..cut].ends_with(b")") || text[..cut - 1].ends_with(b")"), "cut at {cut}");
            assert_eq!(contents(elsewhere.path())[1].1, text[..cut]);
            for (path, _) in &contents(elsewhere.path())[1..] {
                std::fs::remove_file(path).unwrap();
            }
            put(&queue(elsewhere.path(), 1 - NEWEST), &other);
        }
    }
}

#[test]
fn a_last_record_that_is_damaged_is_not_taken_for_one_that_was_cut_short() {
    let (folder, jobs) = pair();
    let path = queue(folder.path(), NEWEST);
    let mut text = std::fs::read(&path).unwrap();
    // Its line break, and something in it.
    let end = text.len();
    text[end - 1] ^= 4;
    text[end - 50] ^= 1;
    put(&path, &text);
    let loaded = reopen(folder.path());
    assert_eq!(loaded.jobs, [with_progress(&jobs[0], 4096), Arc::clone(&jobs[1])]);
    assert_eq!(loaded.notices.len(), 1);
    assert_eq!(std::fs::read(folder.path().join("queue0.ron.damaged-1")).unwrap(), text);
}

#[test]
fn what_only_the_older_copy_knows_comes_back_held() {
    let (folder, jobs) = pair();
    let path = queue(folder.path(), NEWEST);
    replace(&path, "example.org/2.iso", "example.org/7.iso");
    let damaged = std::fs::read(&path).unwrap();
    let loaded = reopen(folder.path());
    assert_eq!(loaded.jobs, [with_progress(&jobs[0], 4096), held(&jobs[1]), Arc::clone(&jobs[2])]);
    let [notice] = &loaded.notices[..] else { panic!("{:?}", loaded.notices) };
    assert!(notice.contains("1 record cannot be read") && notice.contains("1 download comes"), "{notice}");
    assert_eq!(std::fs::read(folder.path().join("queue0.ron.damaged-1")).unwrap(), damaged);
    let again = reopen(folder.path());
    assert_eq!((again.jobs, again.notices), (loaded.jobs, vec![]));
}

#[test]
fn what_is_known_to_be_gone_stays_away() {
    let (folder, jobs) = pair();
    let (mut files, _) = open(folder.path());
    files.append(&[Record::Gone(jobs[1].id)]).unwrap();
    replace(&queue(folder.path(), NEWEST), "example.org/2.iso", "example.org/7.iso");
    assert_eq!(reopen(folder.path()).jobs, [with_progress(&jobs[0], 4096), Arc::clone(&jobs[2])]);
}

#[test]
fn a_rescued_job_keeps_the_progress_of_the_same_attempt() {
    for (attempt, bytes) in [(0, 4096), (1, 0)] {
        let (folder, jobs) = pair();
        let (mut files, _) = open(folder.path());
        files.append(&[progress(&jobs[1], attempt, 4096)]).unwrap();
        replace(&queue(folder.path(), NEWEST), "example.org/2.iso", "example.org/7.iso");
        let rescued = &reopen(folder.path()).jobs[1];
        assert_eq!((rescued.id, rescued.files[0].synced_bytes()), (jobs[1].id, bytes));
    }
}

#[test]
fn progress_of_another_attempt_is_not_believed() {
    let (folder, jobs) = pair();
    let (mut files, _) = open(folder.path());
    let mut anew = Job::clone(&jobs[0]);
    anew.files[0].forget_progress();
    let later = [progress(&jobs[0], 1, 50_000), progress(&jobs[0], 1, 60_000)];
    files.append(&[Record::Job(Arc::new(anew))]).unwrap();
    files.append(&later).unwrap();
    assert_eq!(reopen(folder.path()).jobs[0].files[0].synced_bytes(), 60_000);
    // The record of starting over is lost; what came before it and behind it must not be mixed.
    replace(&queue(folder.path(), NEWEST), "attempt:1)", "attempt:7)");
    let file = reopen(folder.path()).jobs[0].files[0].clone();
    assert_eq!((file.synced_bytes(), file.validator, file.attempt), (0, Validator::default(), 2));
}

#[test]
fn a_closed_copy_is_not_taken_for_the_newest() {
    let damages: [&dyn Fn(&Path); 4] = [
        &|path| std::fs::remove_file(path).unwrap(),
        &|path| put(path, b""),
        &|path| put(path, &[0; 5000]),
        &|path| put(path, b"something else\nof another program\n"),
    ];
    for (number, damage) in damages.iter().enumerate() {
        let (folder, jobs) = pair();
        damage(&queue(folder.path(), NEWEST));
        let loaded = reopen(folder.path());
        assert_eq!(loaded.jobs, [held(&jobs[0]), held(&jobs[1])], "{number}");
        let [notice] = &loaded.notices[..] else { panic!("{number}: {:?}", loaded.notices) };
        assert!(notice.contains("2 downloads come from an older copy"), "{number}: {notice}");
        let again = reopen(folder.path());
        assert_eq!((again.jobs, again.notices), (loaded.jobs, vec![]), "{number}");
    }
}

#[test]
fn a_copy_from_long_ago_in_the_place_of_the_newest_is_not_gone_on_with() {
    let (folder, jobs) = pair();
    let mut text = String::new();
    lines::push(&mut text, &Record::Queue { version: record::VERSION, generation: 1 }).unwrap();
    lines::push(&mut text, &saved(&with_progress(&jobs[0], 7))).unwrap();
    lines::push(&mut text, &Record::Whole { jobs: 1, generation: 1 }).unwrap();
    put(&queue(folder.path(), NEWEST), text.as_bytes());
    let loaded = reopen(folder.path());
    assert_eq!(loaded.jobs, [held(&jobs[0]), held(&jobs[1])]);
    assert_eq!(loaded.notices.len(), 1);
    assert_eq!(reopen(folder.path()), Loaded { jobs: loaded.jobs, notices: vec![] });
}

#[test]
fn two_files_of_the_same_number_are_one_list() {
    let (folder, _) = pair();
    let whole = reopen(folder.path());
    std::fs::copy(queue(folder.path(), NEWEST), queue(folder.path(), 1 - NEWEST)).unwrap();
    assert_eq!(reopen(folder.path()), whole);
    let (mut files, _) = open(folder.path());
    files.append(&[saved(&job(4))]).unwrap();
    files.next_generation(&whole.jobs).unwrap();
    assert_eq!(reopen(folder.path()), whole);
}

#[test]
fn a_damaged_older_copy_is_kept_and_nothing_is_missing() {
    for thorough in [false, true] {
        let (folder, _) = pair();
        let whole = reopen(folder.path()).jobs;
        let path = queue(folder.path(), 1 - NEWEST);
        // A start looks at its first line only.
        let damaged = if thorough { "example.org/2.iso" } else { "Queue(version" };
        replace(&path, damaged, &damaged.to_uppercase());
        let bytes = std::fs::read(&path).unwrap();
        let notices =
            if thorough { repair(folder.path()).unwrap().notices() } else { reopen(folder.path()).notices };
        assert!(notices[0].contains("Nothing is missing"), "{notices:?}");
        assert_eq!(std::fs::read(folder.path().join("queue1.ron.damaged-1")).unwrap(), bytes);
        assert!(!path.exists());
        assert_eq!(reopen(folder.path()), Loaded { jobs: whole, notices: vec![] });
    }
}

#[test]
fn a_damaged_file_is_not_replaced_by_the_next_generation_either() {
    let (folder, _) = pair();
    let (mut files, loaded) = open(folder.path());
    let path = queue(folder.path(), 1 - NEWEST);
    replace(&path, "example.org/2.iso", "example.org/7.iso");
    let bytes = std::fs::read(&path).unwrap();
    files.next_generation(&loaded.jobs).unwrap();
    assert_eq!(std::fs::read(folder.path().join("queue1.ron.damaged-1")).unwrap(), bytes);
    assert_eq!(reopen(folder.path()), Loaded { jobs: loaded.jobs, notices: vec![] });
}

#[test]
fn a_newer_version_in_either_file_is_left_alone() {
    for slot in 0..2 {
        let (folder, _) = pair();
        // The other one is damaged as well: that is no reason to touch anything.
        put(&queue(folder.path(), 1 - slot), b"\0\0\0");
        let mut text = String::new();
        lines::push(&mut text, &Record::Queue { version: record::VERSION + 1, generation: 1 }).unwrap();
        put(&queue(folder.path(), slot), text.as_bytes());
        let before = contents(folder.path());
        let refused = QueueFiles::open(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
        assert!(matches!(repair(folder.path()), Err(StoreError::Newer { .. })));
        assert_eq!(contents(folder.path()), before);
    }
}

#[test]
fn what_cannot_be_read_or_written_is_said_and_nothing_is_changed() {
    let (folder, _) = pair();
    let path = queue(folder.path(), NEWEST);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let before = contents(folder.path());
    let refused = QueueFiles::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("there is a folder where a file should be"), "{refused}");
    assert!(refused.contains("You can move it away"), "{refused}");
    assert_eq!(contents(folder.path()), before);
    // Nobody may write there, not even root.
    let refused = QueueFiles::open(Path::new("/sys/kernel")).unwrap_err().to_string();
    assert!(refused.contains("cannot write /sys/kernel/queue1.ron"), "{refused}");
    assert!(refused.contains("make it writable") || refused.contains("read-only"), "{refused}");
}

#[test]
fn many_changes_begin_a_new_generation() {
    let folder = folder();
    let (mut files, _) = open(folder.path());
    let job = job(1);
    files.append(&[saved(&job)]).unwrap();
    let many: Vec<Record> = (0..1000).map(|bytes| progress(&job, 0, bytes)).collect();
    let mut appended = 0;
    while !files.is_next_generation_due() {
        files.append(&many).unwrap();
        appended += 1;
    }
    assert!(appended > 5);
    files.next_generation(std::slice::from_ref(&job)).unwrap();
    assert!(!files.is_next_generation_due());
    assert_eq!(reopen(folder.path()).jobs, [job]);
}

/// Frozen: these texts were written by their versions and must be read by every later one.
#[test]
fn old_versions_are_read() {
    let frozen: [(&[u8], [u64; 2]); 3] = [
        (include_bytes!("../../../tests/frozen/queue-version-1.ron"), [1 << 20, 2 << 20]),
        (include_bytes!("../../../tests/frozen/queue-version-2.ron"), [5, 1 << 20]),
        (include_bytes!("../../../tests/frozen/queue-version-3.ron"), [5, 1 << 20]),
    ];
    for (text, places) in frozen {
        let folder = folder();
        put(&queue(folder.path(), 1), text);
        let loaded = reopen(folder.path());
        assert_eq!(loaded.notices, Vec::<String>::new());
        assert_eq!(loaded.jobs.iter().map(|job| job.place).collect::<Vec<_>>(), places);
        assert_eq!(loaded.jobs[0].files[0].synced_bytes(), 4096);
        assert_eq!(loaded.jobs[1].name.as_deref(), Some("a \"name\"\nof two lines"));
        assert_eq!(loaded.jobs[1].wanted, Wanted::Suspend);
        assert_eq!(std::fs::read(queue(folder.path(), 1)).unwrap(), text, "it stays until it is replaced");
        assert_eq!(reopen(folder.path()), loaded);
    }
}

/// What version 3 has that those before it had not.
#[test]
fn version_3_knows_files_by_themselves_and_what_is_between_gaps() {
    let folder = folder();
    put(&queue(folder.path(), 1), include_bytes!("../../../tests/frozen/queue-version-3.ron"));
    let jobs = reopen(folder.path()).jobs;
    let ranges: Vec<_> = jobs[0].files[0].synced.ranges().collect();
    assert_eq!(ranges, [0..2048, 4096..6144]);
    assert_eq!((jobs[0].connections, jobs[0].files[0].readdressed), (4, true));
    assert!(jobs[1].files[0].finished, "the line of a file alone");
    assert_eq!(jobs[1].files[1].mirrors[0].as_str(), "https://mirror.example.org/d");
    assert_eq!(jobs[1].files[1].clash, Clash::Overwrite);
    assert!(jobs[1].files[1].expected.is_some());
}

/// What a person reads after something went wrong.
#[test]
fn what_was_found_and_done_reads_well() {
    let (folder, _) = pair();
    let path = queue(folder.path(), NEWEST);
    replace(&path, "example.org/2.iso", "example.org/7.iso");
    let findings = repair(folder.path()).unwrap();
    let path = path.display();
    let expected = [
        format!("{path} is damaged (number 2): 1 record cannot be read, 2 downloads can."),
        format!("What was in it is kept as {path}.damaged-1."),
        format!("{} is the copy before it (number 1).", queue(folder.path(), 1).display()),
        "1 download comes from an older copy of the list and is held: you can resume it if you want it."
            .into(),
        "The list was written anew as number 3 with 3 downloads.".into(),
    ];
    assert_eq!(findings.sentences(), expected);
    assert!(!findings.is_intact());
    assert_eq!((findings.jobs, findings.rescued, findings.written), (3, 1, Some(3)));
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(
        (&json["files"][0]["condition"], &json["files"][0]["damaged_lines"]),
        (&"damaged".into(), &1.into())
    );
}
