//! What is offered where a download has stopped, done on the real program by the commands it names.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use meanwhile::engine::{Change, JobView};
use meanwhile::job::{Clash, Event, FaultKind, JobId, JobState, NewFile, NewJob};

use crate::stage::Service;
use crate::support::namespace::{Disk, Own, inside};
use crate::support::nginx::Nginx;
use crate::support::program::Said;
use crate::support::server::{Asked, Good, Server};
use crate::support::{OVERLAP, assert_is, content, names_in, write};

/// Half a file, on a server that sends no more of it until it may.
struct Half {
    server: Server,
    whole: Vec<u8>,
    may_go_on: Arc<AtomicBool>,
}

impl Half {
    fn start() -> Self {
        let whole = content(1, 600_000);
        let may_go_on = Arc::new(AtomicBool::new(false));
        let (good, may) = (Good::new(whole.clone()), Arc::clone(&may_go_on));
        let server = Server::start(move |asked, answer| {
            if may.load(Ordering::SeqCst) {
                good.send(asked, answer);
            } else {
                good.send_until(300_000, asked, answer);
            }
        });
        Self { server, whole, may_go_on }
    }

    /// A job that has half of it, on disk for certain, and is held.
    fn held(&self, service: &Service) -> JobId {
        let id = service.add(NewJob::of(self.server.url("f.bin"), ""));
        service.wait(id, "half", |view| view.job.synced_bytes() == 300_000);
        service.change(id, Change::Suspend);
        service.wait(id, "held", |view| view.running.is_empty() && view.job.state == JobState::Suspended);
        self.may_go_on.store(true, Ordering::SeqCst);
        id
    }

    /// Where each request began, or what follows on that which it compared.
    fn began(&self) -> Vec<usize> {
        let seen = self.server.seen();
        let first = seen.iter().filter_map(Asked::first_byte);
        first.map(|first| if first > 0 { first + OVERLAP } else { 0 }).collect()
    }
}

fn run(service: &Service, words: &[&str]) -> Said {
    service.home.run(words).fine()
}

fn is_stopped_by(view: &JobView, kind: &FaultKind) -> bool {
    view.job.state.fault().is_some_and(|fault| fault.kind == *kind)
}

#[track_caller]
fn wait_fault(service: &Service, id: JobId, kind: &FaultKind) {
    service.wait(id, &format!("{kind:?}"), |view| is_stopped_by(view, kind));
}

fn decided(service: &Service, id: JobId) -> String {
    let words = service.log(Some(id)).into_iter().filter_map(|entry| match entry.event {
        Event::Decided { what } => Some(what),
        _ => None,
    });
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_folder_that_is_gone_is_waited_for_and_another_one_ends_that() {
    let (service, half) = (Service::start(&[]), Half::start());
    let id = half.held(&service);
    let (gone, new) = (service.home.files(), service.home.state().with_file_name("new"));
    let away = gone.with_file_name("away");
    rustix::fs::rename(&gone, &away).expect("moved away");
    service.change(id, Change::Resume);
    wait_fault(&service, id, &FaultKind::NoFolder);
    fs::create_dir(&gone).expect("a folder for the commands to run in");
    let job = id.to_string();
    let said = run(&service, &["show", &job]);
    let command = format!("meanwhile set {} folder DIR", id.short());
    assert!(said.out.contains(&format!("what helps     {command}")), "{said:#?}");
    assert!(run(&service, &["list"]).out.contains(&command));
    run(&service, &["set", &job, "folder", new.to_str().expect("UTF-8")]);
    let view = service.wait_finished(id);
    assert_eq!(view.job.files[0].path(), Some(new.join("f.bin")));
    assert_is(&new.join("f.bin"), &half.whole);
    // What could not be reached is untouched, and was not waited for.
    assert_eq!(names_in(&away), ["f.bin.part"]);
    assert!(decided(&service, id).contains("is not there"), "{}", decided(&service, id));
}

#[test]
fn another_folder_has_what_was_fetched() {
    let (service, half) = (Service::start(&[]), Half::start());
    let id = half.held(&service);
    let new = service.home.files().join("below/deeper");
    run(&service, &["set", &id.to_string(), "folder", new.to_str().expect("UTF-8")]);
    service.change(id, Change::Resume);
    service.wait_finished(id);
    assert_is(&new.join("f.bin"), &half.whole);
    assert_eq!(half.began(), [0, 300_000], "nothing was fetched twice");
    assert_eq!(names_in(&service.home.files()), ["below"], "nothing is left behind");
    assert!(decided(&service, id).contains("Brings along the 293 KiB"), "{}", decided(&service, id));
}

#[test]
fn killed_while_it_moves_it_has_all_of_it_in_one_place() {
    for round in 0..4 {
        let (mut service, half) = (Service::start(&[]), Half::start());
        let id = half.held(&service);
        let new = service.home.files().join("new");
        service.change(id, Change::SetFolder(new.clone()));
        service.change(id, Change::Resume);
        if round > 0 {
            // Somewhere between the first record of the move and the end.
            service.wait(id, "some step", |view| {
                view.job.files[0].part.is_some() || view.job.state == JobState::Acknowledged
            });
        }
        service.kill();
        service.start_again();
        service.wait_finished(id);
        assert_is(&new.join("f.bin"), &half.whole);
        assert_eq!(names_in(&service.home.files()), ["new"], "round {round}");
        let began = half.began();
        assert!(began[1..].iter().all(|at| *at >= 300_000), "round {round}: {began:?}");
    }
}

#[test]
fn another_disk_gets_a_copy_and_a_full_one_gives_way() {
    inside(Own::Mounts, "remedies::another_disk_gets_a_copy_and_a_full_one_gives_way", || {
        let (service, half) = (Service::start(&[("disk_reserve_mib", "0")]), Half::start());
        let id = half.held(&service);
        let [small, large] = ["small", "large"].map(|name| service.home.state().with_file_name(name));
        for folder in [&small, &large] {
            fs::create_dir(folder).expect("a folder");
        }
        let _small = Disk::mount(&small, 1);
        write(&small.join("other"), &content(2, 700_000));
        let job = id.to_string();
        run(&service, &["set", &job, "folder", small.to_str().expect("UTF-8")]);
        service.change(id, Change::Resume);
        wait_fault(&service, id, &FaultKind::DiskFull);
        // Everything is where it was, and there is no half of a copy.
        assert_eq!(
            (names_in(&service.home.files()), names_in(&small)),
            (vec!["f.bin.part".into()], vec!["other".into()])
        );
        let _large = Disk::mount(&large, 4);
        run(&service, &["set", &job, "folder", large.to_str().expect("UTF-8")]);
        service.wait_finished(id);
        assert_is(&large.join("f.bin"), &half.whole);
        assert_eq!(half.began(), [0, 300_000]);
        assert!(names_in(&service.home.files()).is_empty(), "the old part is gone");
    });
}

#[test]
fn a_disk_that_turns_read_only_is_waited_for_with_words_of_its_own() {
    inside(Own::Mounts, "remedies::a_disk_that_turns_read_only_is_waited_for_with_words_of_its_own", || {
        let (service, half) = (Service::start(&[]), Half::start());
        let disk = Disk::mount(&service.home.files(), 8);
        let id = half.held(&service);
        disk.set_read_only(true);
        service.change(id, Change::Resume);
        wait_fault(&service, id, &FaultKind::ReadOnly);
        assert!(matches!(service.view(id).job.state, JobState::Waiting(_)));
        disk.set_read_only(false);
        run(&service, &["retry", &id.to_string()]);
        service.wait_finished(id);
        assert_is(&service.home.file("f.bin"), &half.whole);
    });
}

#[test]
fn a_taken_name_is_asked_about_and_answered() {
    let (service, half) = (Service::start(&[]), Half::start());
    half.may_go_on.store(true, Ordering::SeqCst);
    let old = b"what was there before".to_vec();
    let ask = || {
        let file = NewFile { url: half.server.url("f.bin"), clash: Clash::Ask, ..NewFile::default() };
        write(&service.home.file("f.bin"), &old);
        let id = service.add(NewJob { files: vec![file], ..NewJob::default() });
        wait_fault(&service, id, &FaultKind::NameTaken);
        id
    };
    let named = ask();
    run(&service, &["file", &named.to_string(), "1", "name", "g.bin"]);
    service.wait_finished(named);
    assert_is(&service.home.file("g.bin"), &half.whole);
    assert_is(&service.home.file("f.bin"), &old);
    let numbered = ask();
    run(&service, &["set", &numbered.to_string(), "if-exists", "number"]);
    service.wait_finished(numbered);
    assert_is(&service.home.file("f (2).bin"), &half.whole);
    assert_is(&service.home.file("f.bin"), &old);
    let overwritten = ask();
    run(&service, &["file", &overwritten.to_string(), "1", "if-exists", "overwrite"]);
    service.wait_finished(overwritten);
    assert_is(&service.home.file("f.bin"), &half.whole);
}

#[test]
fn half_way_a_file_can_get_another_name() {
    let (service, half) = (Service::start(&[]), Half::start());
    let id = half.held(&service);
    write(&service.home.file("taken.bin"), b"x");
    let job = id.to_string();
    run(&service, &["file", &job, "1", "name", "taken.bin"]);
    service.change(id, Change::Resume);
    service.wait_finished(id);
    assert_is(&service.home.file("taken (2).bin"), &half.whole);
    assert_is(&service.home.file("taken.bin"), b"x");
    assert_eq!(half.began(), [0, 300_000]);
    let said = service.home.run(["file", &job, "1", "name", "a/b"]).calm();
    assert_ne!(said.code, 0, "{said:#?}");
}

#[test]
fn another_file_is_refused_until_one_starts_over_with_it() {
    let (service, half) = (Service::start(&[]), Half::start());
    let id = half.held(&service);
    let other = content(9, 500_000);
    let good = Good { bytes: other.clone(), etag: "\"two\"".into() };
    let server = Server::start(move |asked, answer| good.send(asked, answer));
    let job = id.to_string();
    run(&service, &["set", &job, "address", &server.url("f.bin")]);
    service.change(id, Change::Resume);
    wait_fault(&service, id, &FaultKind::AnotherFile);
    assert_eq!(service.view(id).job.synced_bytes(), 300_000, "what is there is kept");
    let restart = format!("meanwhile file {} 1 restart", id.short());
    assert!(run(&service, &["show", &job]).out.contains(&restart));
    run(&service, &["file", &job, "1", "restart"]);
    service.wait_finished(id);
    assert_is(&service.home.file("f.bin"), &other);
    assert!(service.home.parts().is_empty());
    let log = decided(&service, id);
    assert!(log.contains("Starts over, without the 293 KiB there were: you asked for it"), "{log}");
}

#[test]
fn starting_over_while_it_runs_begins_anew_and_loses_nothing_until_then() {
    let (service, half) = (Service::start(&[]), Half::start());
    let id = service.add(NewJob::of(half.server.url("f.bin"), ""));
    service.wait(id, "half", |view| view.job.synced_bytes() == 300_000);
    half.may_go_on.store(true, Ordering::SeqCst);
    run(&service, &["file", &id.to_string(), "1", "restart"]);
    service.wait_finished(id);
    assert_is(&service.home.file("f.bin"), &half.whole);
    assert_eq!(half.began(), [0, 0]);
}

#[test]
fn a_wrong_checksum_is_taken_off() {
    let (service, half) = (Service::start(&[]), Half::start());
    half.may_go_on.store(true, Ordering::SeqCst);
    let expected = Some("0".repeat(64));
    let file = NewFile { url: half.server.url("f.bin"), expected, ..NewFile::default() };
    let id = service.add(NewJob { files: vec![file], ..NewJob::default() });
    wait_fault(&service, id, &FaultKind::ChecksumMismatch);
    assert_is(&service.home.file("f.bin.bad"), &half.whole);
    run(&service, &["set", &id.to_string(), "checksum", "off"]);
    service.wait_finished(id);
    assert_is(&service.home.file("f.bin"), &half.whole);
}

#[test]
fn more_connections_are_used_at_once() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[]);
    let whole = content(3, 12 << 20);
    nginx.put("f", &whole);
    let id = service.add(NewJob::of(nginx.url("f?rate=1m"), ""));
    let at_work = |view: &JobView| view.fetching.iter().map(|of| of.ranges.len()).sum::<usize>();
    service.wait(id, "one connection", |view| at_work(view) == 1 && view.job.synced_bytes() > 0);
    run(&service, &["set", &id.to_string(), "connections", "4"]);
    let view = service.wait(id, "four connections", |view| at_work(view) == 4);
    let total = view.job.files[0].total_bytes.expect("its size");
    assert!(view.fetching[0].ranges.iter().all(|range| range.start < range.end && range.end <= total));
    let json = run(&service, &["show", &id.to_string(), "--json"]).json();
    assert_eq!(json["connections"], 4);
    service.wait_finished(id);
    assert_is(&service.home.file("f"), &whole);
}
