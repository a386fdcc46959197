//! Jobs of several files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use meanwhile::engine::Change;
use meanwhile::job::{Event, FaultKind, JobId, JobState, NewFile, NewJob, Trouble};

use crate::stage::Service;
use crate::support::nginx::Nginx;
use crate::support::server::{Good, Server};
use crate::support::{SOON, assert_is, content};

fn file(url: String) -> NewFile {
    NewFile { url, ..NewFile::default() }
}

fn files(server: &Server, count: u64) -> Vec<NewFile> {
    (0..count).map(|number| file(server.url(&format!("f{number}")))).collect()
}

fn bytes_of(number: u64) -> Vec<u8> {
    content(number, 40_000 + number as usize)
}

/// Sends `/fN` with its own content.
fn send_its_own(asked: &crate::support::server::Asked, answer: &mut crate::support::server::Answer) {
    let number = asked.target.trim_start_matches("/f").parse().expect("a number");
    Good::new(bytes_of(number)).send(asked, answer);
}

/// A server whose third file is missing until it is healed, and a job of five of its files, in error.
fn one_of_five_is_missing(service: &Service) -> (Server, Arc<AtomicBool>, JobId) {
    let healed = Arc::new(AtomicBool::new(false));
    let is_healed = Arc::clone(&healed);
    let server = Server::start(move |asked, answer| {
        if asked.target == "/f2" && !is_healed.load(Ordering::SeqCst) {
            return answer.whole("404 Not Found", &[], b"");
        }
        send_its_own(asked, answer);
    });
    let id = service.add(NewJob { files: files(&server, 5), ..NewJob::default() });
    let view = service.wait(id, "in error", |view| matches!(view.job.state, JobState::Error(_)));
    let finished: Vec<bool> = view.job.files.iter().map(|file| file.finished).collect();
    assert_eq!(finished, [true, true, false, true, true]);
    for number in [0, 1, 3, 4] {
        assert_is(&service.home.file(&format!("f{number}")), &bytes_of(number));
    }
    assert!(matches!(&view.job.state, JobState::Error(fault) if fault.kind == FaultKind::Status(404)));
    assert!(
        matches!(&view.job.files[2].trouble, Some(Trouble::Failed(fault)) if fault.kind == FaultKind::Status(404))
    );
    let named = service.log(Some(id)).iter().any(|entry| {
        matches!(&entry.event, Event::StoppedByFault { file: 2, fault, .. } if fault.kind == FaultKind::Status(404))
    });
    assert!(named, "the log names the file");
    (server, healed, id)
}

#[test]
fn a_file_that_is_missing_does_not_hold_up_the_others_and_can_be_tried_again() {
    let service = Service::start(&[]);
    let (server, healed, id) = one_of_five_is_missing(&service);
    let before = server.seen().len();
    healed.store(true, Ordering::SeqCst);
    service.change(id, Change::RetryFile(2));
    service.wait_finished(id);
    assert_is(&service.home.file("f2"), &bytes_of(2));
    assert_eq!(server.seen().len(), before + 1, "only that one was fetched again");
}

#[test]
fn without_the_file_that_is_missing_the_job_is_whole() {
    let service = Service::start(&[]);
    let (_server, _healed, id) = one_of_five_is_missing(&service);
    service.change(id, Change::LeaveOutFile(2));
    let view = service.wait_finished(id);
    assert_eq!(
        view.job.total_bytes(),
        Some((0..5).filter(|n| *n != 2).map(|n| bytes_of(n).len() as u64).sum())
    );
    assert_eq!(view.fraction(), Some(1.0));
    assert!(!service.home.file("f2").exists() && service.home.parts().is_empty());
}

/// How many requests are under way.
#[derive(Default)]
struct Gauge {
    now_and_most: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Gauge {
    /// One more, while `work` is done; it begins when `together` are there, or in vain after a while.
    fn during(&self, together: usize, work: impl FnOnce()) {
        let mut counts = self.now_and_most.lock().unwrap_or_else(PoisonError::into_inner);
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(counts, SOON / 3, |counts| counts.1 < together);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        work();
        self.now_and_most.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
    }

    fn most(&self) -> usize {
        self.now_and_most.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[test]
fn files_come_one_by_one_in_their_order_or_as_many_at_once_as_is_wished() {
    let service = Service::start(&[]);
    for at_once in [1, 2] {
        let gauge = Arc::new(Gauge::default());
        let shared = Arc::clone(&gauge);
        let server =
            Server::start(move |asked, answer| shared.during(at_once, || send_its_own(asked, answer)));
        let new = NewJob {
            files: files(&server, 5),
            files_at_once: u8::try_from(at_once).expect("few"),
            ..NewJob::default()
        };
        let id = service.add(new);
        let view = service.wait_finished(id);
        assert_eq!(gauge.most(), at_once, "connections at the same time");
        let targets: Vec<String> = server.seen().into_iter().map(|asked| asked.target).collect();
        assert_eq!(targets.len(), 5);
        if at_once == 1 {
            assert_eq!(targets, ["/f0", "/f1", "/f2", "/f3", "/f4"]);
        }
        for (number, file) in (0..).zip(&view.job.files) {
            assert_is(&file.path().expect("a name"), &bytes_of(number));
        }
    }
}

#[test]
fn a_file_can_join_while_others_run_and_the_size_is_known_when_all_are() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[]);
    let (first, second) = (content(1, 1_500_000), content(2, 70_000));
    nginx.put("first", &first);
    nginx.put("second", &second);
    let id = service.add(NewJob::of(nginx.url("first?rate=600k"), ""));
    let view = service.wait_bytes(id, 100_000);
    assert_eq!(view.job.total_bytes(), Some(first.len() as u64));
    service.change(id, Change::AddFiles(vec![file(nginx.url("second"))]));
    let view = service.view(id);
    assert!(view.job.state.is_active(), "it goes on");
    assert_eq!(view.job.files[0].total_bytes, Some(first.len() as u64));
    assert_eq!((view.job.total_bytes(), view.fraction(), view.left_secs), (None, None, None));
    let view = service.wait_finished(id);
    assert_eq!(view.job.total_bytes(), Some((first.len() + second.len()) as u64));
    assert_is(&service.home.file("first"), &first);
    assert_is(&service.home.file("second"), &second);
    let asked: Vec<String> = nginx.log_of(2).into_iter().map(|request| request.target).collect();
    assert_eq!(asked, ["/first?rate=600k", "/second"], "nothing was fetched twice");
}
