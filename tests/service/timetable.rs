//! What the timetable allows.

use std::time::{Duration, Instant};

use meanwhile::engine::WhichCap;
use meanwhile::job::{JobState, NewJob, Priority};

use crate::stage::{Service, waits_for_timetable};
use crate::support::namespace::{Own, inside};
use crate::support::nginx::Nginx;
use crate::support::{SOON, assert_is, content, nap, until};

const WINDOWS: [&str; 3] = ["work_limits", "non_work_limits", "maintenance_limits"];

/// The same allowances at every hour, so that it does not matter when the test runs.
fn allow(service: &Service, allowances: &str) {
    for window in WINDOWS {
        service.set(window, allowances);
    }
}

#[test]
fn low_waits_while_it_is_allowed_nothing_and_goes_on_when_the_timetable_is_off() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[("lan_exempt", "off")]);
    allow(&service, "high unlimited, normal unlimited, low 0");
    let bytes = content(1, 2_000_000);
    for name in ["runs", "comes", "high", "now"] {
        nginx.put(name, &bytes);
    }
    let new = |name: &str, priority| NewJob { priority, ..NewJob::of(nginx.url(name), "") };
    let runs = service.add(new("runs?rate=500k", Priority::Low));
    service.wait_bytes(runs, 100_000);
    service.set("timetable", "on");
    let view = service.wait(runs, "waiting", waits_for_timetable);
    assert!(
        matches!(&view.job.state, JobState::Waiting(waiting) if waiting.until_unix_secs.is_none()),
        "for ever"
    );
    // One that comes now waits too; more urgent ones do not.
    let comes = service.add(new("comes", Priority::Low));
    let high = service.add(new("high?rate=2m", Priority::High));
    let now = service.add(new("now", Priority::Foreground));
    assert!(waits_for_timetable(&service.view(comes)));
    service.wait_finished(high);
    service.wait_finished(now);
    assert!(waits_for_timetable(&service.view(comes)) && waits_for_timetable(&service.view(runs)));
    let slot = service.wait_log(None, 205).sentence();
    assert!(slot.contains("low 0"), "{slot}");
    let blocked = service.wait_log(Some(runs), 213).sentence();
    assert!(blocked.contains("timetable"), "{blocked}");
    assert!(!service.snapshot().jobs.is_empty());

    service.set("timetable", "off");
    service.wait_finished(comes);
    service.wait_finished(runs);
    for name in ["runs", "comes", "high", "now"] {
        assert_is(&service.home.file(name), &bytes);
    }
    let course = service.course(runs);
    crate::stage::nothing_was_fetched_twice(&nginx, "runs", &course);
}

#[test]
fn servers_nearby_are_left_alone_if_they_are_exempt() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[("lan_exempt", "on")]);
    allow(&service, "high unlimited, normal 64K, low 0");
    service.set("timetable", "on");
    let bytes = content(1, 3_000_000);
    nginx.put("file", &bytes);
    // 64K would take three quarters of a minute, and nothing for ever.
    for priority in [Priority::Normal, Priority::Low] {
        let began = Instant::now();
        let id = service.add(NewJob { priority, ..NewJob::of(nginx.url("file?rate=2m"), "") });
        let view = service.wait(id, "under way", |view| view.job.state.is_active() && view.done_bytes > 0);
        assert_eq!(view.cap, None, "{priority}");
        service.wait_finished(id);
        assert!(began.elapsed() < Duration::from_secs(15), "{priority}: {:?}", began.elapsed());
    }
    // And not if they are not.
    service.set("lan_exempt", "off");
    let id = service.add(NewJob::of(nginx.url("file"), ""));
    service.wait(id, "held by the timetable", |view| {
        view.cap.is_some_and(|cap| cap.which == WhichCap::Timetable && cap.rate.bytes_per_sec() == 64 << 10)
    });
}

/// Bytes that loopback has received since the namespace began.
fn received() -> f64 {
    let table = std::fs::read_to_string("/proc/net/dev").expect("/proc");
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("loopback");
    line.split_whitespace().next().and_then(|bytes| bytes.parse().ok()).expect("a number")
}

#[test]
fn an_allowance_holds_the_sum_of_two_jobs() {
    inside(Own::Network, "timetable::an_allowance_holds_the_sum_of_two_jobs", || {
        const SECS: f64 = 5.0;
        let root = tempfile::tempdir().expect("a folder");
        let large = std::fs::File::create(root.path().join("large")).expect("a file");
        large.set_len(1 << 30).expect("a large file");
        let nginx = Nginx::start(root.path());
        // More than it allows is wrong each time; less may be for want of the processor.
        for attempt in 1..=3 {
            let service = Service::start(&[("lan_exempt", "off")]);
            allow(&service, "high unlimited, normal 512K, low unlimited");
            service.set("timetable", "on");
            let before = received();
            for _ in 0..2 {
                service.add(NewJob::of(nginx.url("large"), ""));
            }
            until("the first bytes", SOON, || (received() - before > 20_000.0).then_some(()));
            // This time is what is measured.
            nap(Duration::from_secs(1));
            let (began, start) = (Instant::now(), received());
            nap(Duration::from_secs_f64(SECS));
            let share = (received() - start) / began.elapsed().as_secs_f64() / f64::from(512 << 10);
            eprintln!("attempt {attempt}: {share:.3} of the allowance");
            assert!(share <= 1.05, "{share:.3} of the allowance");
            let active = service.snapshot().jobs.iter().filter(|view| view.job.state.is_active()).count();
            assert_eq!(active, 2);
            if share >= 0.95 {
                return;
            }
        }
        panic!("less than the allowance, three times");
    });
}
