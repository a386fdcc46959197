//! What is left over when the list is lost.

use std::path::PathBuf;

use meanwhile::engine::{Command, Reply};
use meanwhile::job::NewJob;

use crate::stage::Service;
use crate::support::nginx::Nginx;
use crate::support::{OVERLAP, SOON, assert_is, content, until, write};

#[test]
fn a_part_without_a_list_is_offered_and_goes_on_where_it_was_or_is_deleted() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let mut service = Service::at_rest();
    service.start_again();
    let folder = service.home.files().display().to_string();
    service.set("download_folder", &folder);
    let bytes = content(1, 3_000_000);
    nginx.put("file", &bytes);
    let lost = service.add(NewJob::of(nginx.url("file?rate=1m"), ""));
    service.wait_bytes(lost, 1_000_000);
    service.kill();
    for name in ["queue0.ron", "queue1.ron"] {
        // The second one is there only after many changes.
        let _ = std::fs::remove_file(service.home.state().join(name));
    }
    let strange = service.home.file("strange.part");
    write(&strange, b"of another program");

    service.start_again();
    assert!(service.snapshot().jobs.is_empty(), "the list is lost");
    let orphans = until("both are offered", SOON, || {
        let orphans = service.snapshot().orphans;
        (orphans.len() == 2).then_some(orphans)
    });
    let part = service.home.file("file.part");
    let parts: Vec<PathBuf> = orphans.iter().map(|orphan| orphan.part.clone()).collect();
    assert_eq!(parts, [part.clone(), strange.clone()]);
    let there = orphans[0].bytes;
    assert!(there >= 1_000_000 && orphans[0].file.is_some() && orphans[1].file.is_none());

    // Nothing tells where the other one came from, so there is nothing to go on with.
    assert_eq!(service.ask(Command::Adopt(vec![strange.clone()])), Reply::Added(vec![]));
    assert_eq!(service.snapshot().orphans.len(), 2);
    let Reply::Added(ids) = service.ask(Command::Adopt(vec![part])) else { panic!("not taken up") };
    service.wait_finished(ids[0]);
    assert_is(&service.home.file("file"), &bytes);
    let log = nginx.log_of(2);
    assert_eq!((log[1].status, log[1].first_byte()), (206, there - OVERLAP as u64), "{log:?}");

    // Only what was offered is deleted.
    let whole = service.home.file("file");
    assert_eq!(service.ask(Command::DeleteOrphans(vec![strange.clone(), whole.clone()])), Reply::Done);
    assert!(!strange.exists() && whole.exists());
    until("none is offered any more", SOON, || service.snapshot().orphans.is_empty().then_some(()));
}
