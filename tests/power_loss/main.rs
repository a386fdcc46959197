//! A power cut: what was not synced is gone, and no byte that is not there is ever trusted.

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod mount;

use std::fs::{self, File};

use disk::{Disk, Manner};
use mount::Mounted;
use support::{assert_is, names_in, write};

#[test]
fn what_is_synced_stays_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let mounted = Mounted::new(Disk::new(Manner::Posix), folder.path());
    let at = |name: &str| folder.path().join(name);
    let sync = |path| File::open(path).and_then(|file| file.sync_all()).expect("synced");
    for name in ["kept", "nameless", "grown", "renamed"] {
        write(&at(name), b"as it was");
        if name != "nameless" {
            sync(at(name));
            sync(folder.path().to_owned());
        }
    }
    sync(at("nameless"));
    write(&at("grown"), b"as it is now, and longer");
    fs::rename(at("renamed"), at("other")).expect("renamed");
    assert_is(&at("grown"), b"as it is now, and longer");
    assert_eq!(names_in(folder.path()), ["grown", "kept", "nameless", "other"]);
    let _mounted = mounted.replace(|disk| disk.after_power_cut(None));
    assert_is(&at("kept"), b"as it was");
    assert_is(&at("grown"), b"as it was");
    assert_is(&at("renamed"), b"as it was");
    assert!(!at("other").exists());
}
