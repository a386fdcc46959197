//! Caps as the interface sees them: each second, from the first one on. Everything runs in a network namespace whose
//! loopback carries nothing else, and what counts is its count of bytes received, headers and all.

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use support::namespace::{Own, inside};
use support::nginx::Nginx;
use support::program::{Home, Program};
use support::{SOON, nap, until};

/// One measurement at a time: two would take the processor from each other, and with it their evenness.
static ALONE: Mutex<()> = Mutex::new(());

const MEBIBYTE: f64 = (1 << 20) as f64;

/// Bytes that loopback has received since the namespace began.
fn received() -> f64 {
    let table = String::from_utf8(support::read("/proc/net/dev".as_ref())).expect("text");
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("loopback");
    line.split_whitespace().next().and_then(|bytes| bytes.parse().ok()).expect("a number")
}

/// What was received, by the seconds since it began.
struct Course(Vec<(f64, f64)>);

impl Course {
    /// Looks every 10 ms. Looking at a clock and a counter in turn, with short pauses, is the measurement itself:
    /// nothing tells when the next byte has arrived.
    fn measure(before: f64, began: Instant, secs: f64) -> Self {
        let mut looks = Vec::new();
        while looks.last().is_none_or(|(at, _)| *at < secs) {
            let bytes = received() - before;
            looks.push((began.elapsed().as_secs_f64(), bytes));
            nap(Duration::from_millis(10));
        }
        Self(looks)
    }

    /// What was received up to a time, on the straight line between two looks.
    fn at(&self, secs: f64) -> f64 {
        let after = self.0.partition_point(|(at, _)| *at < secs).clamp(1, self.0.len() - 1);
        let ((t0, b0), (t1, b1)) = (self.0[after - 1], self.0[after]);
        b0 + (b1 - b0) * ((secs - t0) / (t1 - t0)).clamp(0.0, 1.0)
    }

    /// The least and the most of all one-second windows between two times, as shares of a rate.
    fn windows(&self, from: f64, to: f64, rate: f64) -> (f64, f64) {
        let shares = (0..)
            .map(|n| from + f64::from(n) / 50.0)
            .take_while(|start| start + 1.0 <= to)
            .map(|start| (self.at(start + 1.0) - self.at(start)) / rate);
        shares.fold((f64::MAX, 0.0_f64), |(least, most), share| (least.min(share), most.max(share)))
    }
}

/// Measures until all is within bounds, at most three times. More than the cap lets through is wrong each time; less
/// than it lets through may be for want of the processor, on a machine with other things to do.
#[track_caller]
fn measure_up_to_three_times(mut measure: impl FnMut() -> Vec<(&'static str, (f64, f64))>) {
    for attempt in 1..=3 {
        let mut enough = true;
        for (when, (least, most)) in measure() {
            eprintln!("attempt {attempt}, {when}: from {least:.3} to {most:.3} of the cap");
            let (low, high) = if when == "in the first second" { (0.0, 1.1) } else { (0.95, 1.05) };
            assert!(most <= high, "{when}: {most:.3} of the cap");
            enough &= least >= low;
        }
        if enough {
            return;
        }
    }
    panic!("less than the cap lets through, three times");
}

/// A file that is large and takes no room.
fn large_file(root: &std::path::Path) {
    let file = std::fs::File::create(root.join("large")).expect("a file");
    file.set_len(4 << 30).expect("a large file");
}

/// Starts a download, and measures from its first bytes on.
fn measure_from_start(nginx: &Nginx, cap: &str, secs: f64) -> (Course, Home, Program) {
    let home = Home::new();
    let before = received();
    let get = home.start(["get", &nginx.url("large"), "--limit", cap, "--json"]);
    // The handshake and the request are a few hundred bytes.
    until("bytes", SOON, || (received() - before > 2000.0).then_some(()));
    (Course::measure(before, Instant::now(), secs), home, get)
}

fn keeps_to(test: &str, cap: &str, rate: f64) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inside(Own::Network, test, || {
        let root = tempfile::tempdir().expect("a folder");
        large_file(root.path());
        let nginx = Nginx::start(root.path());
        measure_up_to_three_times(|| {
            let (course, _home, _get) = measure_from_start(&nginx, cap, 7.2);
            let first = course.at(1.0) / rate;
            vec![
                ("in the first second", (first, first)),
                ("from the third second on", course.windows(2.0, 7.2, rate)),
            ]
        });
    });
}

#[test]
fn one_mebibyte_a_second_is_that_in_every_second() {
    keeps_to("one_mebibyte_a_second_is_that_in_every_second", "1M", MEBIBYTE);
}

#[test]
fn eight_mebibytes_a_second_are_that_in_every_second() {
    keeps_to("eight_mebibytes_a_second_are_that_in_every_second", "8M", 8.0 * MEBIBYTE);
}

#[test]
fn a_changed_cap_holds_within_a_second_in_both_directions() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inside(Own::Network, "a_changed_cap_holds_within_a_second_in_both_directions", || {
        let root = tempfile::tempdir().expect("a folder");
        large_file(root.path());
        let nginx = Nginx::start(root.path());
        measure_up_to_three_times(|| {
            let home = Home::new();
            let _run = home.start_run();
            home.run(["limit", "2M"]).fine();
            let before = received();
            home.add(&nginx.url("large"), &[]);
            until("bytes", SOON, || (received() - before > 100_000.0).then_some(()));
            let mut found = Vec::new();
            for (when, cap, rate) in [
                ("raised", "6M", 6.0 * MEBIBYTE),
                ("lowered", "1M", MEBIBYTE),
                ("raised again", "3M", 3.0 * MEBIBYTE),
            ] {
                home.run(["limit", cap]).fine();
                let course = Course::measure(received(), Instant::now(), 3.5);
                found.push((when, course.windows(1.0, 3.5, rate)));
            }
            found
        });
    });
}

#[test]
fn several_downloads_together_keep_to_one_cap() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inside(Own::Network, "several_downloads_together_keep_to_one_cap", || {
        let root = tempfile::tempdir().expect("a folder");
        large_file(root.path());
        let nginx = Nginx::start(root.path());
        measure_up_to_three_times(|| {
            let home = Home::new();
            let _run = home.start_run();
            home.run(["limit", "3M"]).fine();
            let before = received();
            for name in ["one", "two", "three"] {
                home.add(&nginx.url("large"), &["--out", &support::program::word(&home.file(name))]);
            }
            until("bytes", SOON, || (received() - before > 2000.0).then_some(()));
            let course = Course::measure(before, Instant::now(), 5.2);
            vec![("from the third second on", course.windows(2.0, 5.2, 3.0 * MEBIBYTE))]
        });
    });
}

#[test]
fn downloads_that_share_a_cap_get_about_the_same() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inside(Own::Network, "downloads_that_share_a_cap_get_about_the_same", || {
        let root = tempfile::tempdir().expect("a folder");
        large_file(root.path());
        let nginx = Nginx::start(root.path());
        let home = Home::new();
        let _run = home.start_run();
        home.run(["limit", "3M"]).fine();
        let names = ["one", "two", "three"];
        for name in names {
            home.add(&nginx.url("large"), &["--out", &support::program::word(&home.file(name))]);
        }
        let arrived = || names.map(|name| support::length(&home.file(&format!("{name}.part"))));
        until("bytes of all", SOON, || arrived().iter().all(|bytes| *bytes > 0).then_some(()));
        let before = arrived();
        // This time is what is measured.
        nap(Duration::from_secs(6));
        let shares: Vec<u64> = arrived().iter().zip(before).map(|(after, before)| after - before).collect();
        let fair = shares.iter().sum::<u64>() / 3;
        assert!(shares.iter().all(|share| *share > fair / 2), "{shares:?}");
    });
}
