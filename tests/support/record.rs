//! What is on record of the downloads, held against what is on disk.

use meanwhile::job::JobFile;
use meanwhile::store::{Loaded, QueueFiles};

use super::program::Home;
use super::{assert_is, names_in, read, write};

/// The queue as the next start would find it, from a copy: whoever opens it may put it in order.
pub(crate) fn on_record(home: &Home) -> Loaded {
    let copy = tempfile::tempdir().expect("a folder");
    for name in names_in(&home.state()).iter().filter(|name| name.starts_with("queue")) {
        write(&copy.path().join(name), &read(&home.state().join(name)));
    }
    QueueFiles::open(copy.path()).expect("the queue").1
}

/// Fails unless every byte that is on record as synced is there and is that of the source; gives how many there are of an
/// unfinished file.
#[track_caller]
pub(crate) fn trusted_bytes(file: &JobFile, source: &[u8], when: &str) -> u64 {
    if file.finished {
        assert_is(&file.path().expect("a name"), source);
        return 0;
    }
    if file.synced.is_empty() {
        return 0;
    }
    // Between the last rename and the record of it, the bytes are under the final name.
    let places = [file.part_path(), file.path()];
    let there = places.into_iter().flatten().find(|path| path.exists());
    let found = read(&there.unwrap_or_else(|| panic!("{when}: nothing is there of {file:#?}")));
    for range in file.synced.ranges() {
        let (start, end) = (range.start as usize, range.end as usize);
        assert!(
            found.get(start..end) == source.get(start..end),
            "{when}: {range:?} of {} is trusted and wrong",
            file.url
        );
    }
    file.synced_bytes()
}
