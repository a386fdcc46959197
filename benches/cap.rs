//! How well caps hold, second by second: within 5 % in every window of one second, at most 1.1x in the first.
//!
//! In a network of its own, so that the counters of its loopback know our bytes and no others. Its packets are as
//! small as those of other networks, and then as large as loopback's own, which are the harder case.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "support/mod.rs"]
mod support;

use support::{Folder, MEANWHILE, Nginx, Process, pause, verdict};

const CAPS: [(&str, f64); 3] = [("100K", 102_400.0), ("1M", 1_048_576.0), ("20M", 20_971_520.0)];
const SECS: u64 = 12;
const FIRST_GOAL: f64 = 1.10;
const GOAL: f64 = 0.05;
/// What IP and TCP put before the data of a packet.
const HEADERS: u64 = 52;
/// Says that this is the process inside.
const INSIDE: &str = "MEANWHILE_BENCH_INSIDE";

fn main() {
    if std::env::var_os(INSIDE).is_none() {
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        unshare.arg("--net").arg(std::env::current_exe().expect("our own path")).env(INSIDE, "1");
        let mut inside = Process::start(&mut unshare, "util-linux");
        let ended = inside.0.wait().expect("its end");
        assert!(ended.success(), "the measurement in a network of its own failed");
        return;
    }
    loopback(&["up"]);
    let folder = Folder::on_disk("cap");
    let served = folder.fresh("served");
    // Holes are as good as data here.
    std::fs::File::create(served.join("file")).and_then(|file| file.set_len(1 << 30)).expect("a file");
    let nginx = Nginx::start(&served, &folder.fresh("nginx"));
    println!("\nCaps, in bytes that arrived against bytes allowed; {SECS} s each");
    println!("{:16}{:>9}{:>18}{:>18}", "", "1st s", "whole seconds", "any second");
    let mut met = true;
    for packet in ["1500", "65536"] {
        loopback(&["mtu", packet]);
        println!("packets of {packet} bytes");
        for (words, rate) in CAPS {
            let samples = fetch(&nginx.url("file"), words, &folder.fresh("out"));
            met &= report(words, rate, &samples);
        }
    }
    println!("goal: first at most {FIRST_GOAL}, all others within {GOAL} of 1: {}\n", verdict(met));
}

fn loopback(what: &[&str]) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut ip = Command::new("ip");
    let mut done = Process::start(ip.env("PATH", path).args(["link", "set", "lo"]).args(what), "iproute2");
    assert!(done.0.wait().is_ok_and(|ended| ended.success()), "loopback cannot be set to {what:?}");
}

/// A moment, in seconds since the first byte, and how many had arrived.
type Sample = (f64, f64);

fn fetch(url: &str, cap: &str, out: &Path) -> Vec<Sample> {
    let before = arrived();
    let mut get = Command::new(MEANWHILE);
    get.args(["get", url, "--limit", cap, "--out"])
        .arg(out.join("file"))
        .arg("--state-dir")
        .arg(out.join("state"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _get = Process::start(&mut get, "");
    // Question and answer are below that.
    let mut last = 0.0;
    support::within("the first byte", Duration::from_secs(10), || {
        let now = (arrived() - before) as f64;
        if now < 1000.0 {
            last = now;
        }
        (now >= 1000.0).then_some(())
    });
    let began = Instant::now();
    let mut samples = vec![(0.0, 0.0)];
    while began.elapsed().as_secs() < SECS {
        samples.push((began.elapsed().as_secs_f64(), (arrived() - before) as f64 - last));
        pause(Duration::from_millis(5));
    }
    samples
}

/// Bytes that have come over loopback, without the headers.
fn arrived() -> u64 {
    let table = std::fs::read_to_string("/proc/net/dev").expect("/proc");
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("lo:")).expect("loopback");
    let mut numbers = line.split_whitespace().map(|text| text.parse::<u64>().unwrap_or(0));
    let (bytes, packets) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    bytes.saturating_sub(packets * HEADERS)
}

fn report(words: &str, rate: f64, samples: &[Sample]) -> bool {
    let second = |from: f64| (at(samples, from + 1.0) - at(samples, from)) / rate;
    let first = second(0.0);
    let range = |each: &mut dyn Iterator<Item = f64>| {
        each.map(second).fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)))
    };
    let end = SECS as u32 - 1;
    let whole = range(&mut (1..end).map(f64::from));
    let any = range(&mut (20..end * 20).map(|step| f64::from(step) / 20.0));
    let span = |(least, most): (f64, f64)| format!("{least:.3} to {most:.3}");
    let met = first <= FIRST_GOAL && any.0 >= 1.0 - GOAL && any.1 <= 1.0 + GOAL;
    println!("  {words:14}{first:9.3}{:>18}{:>18}  {}", span(whole), span(any), verdict(met));
    met
}

/// How many bytes had arrived at a moment; between two samples, on the line between them.
fn at(samples: &[Sample], time: f64) -> f64 {
    let next = samples.partition_point(|(moment, _)| *moment < time).clamp(1, samples.len() - 1);
    let ((t0, b0), (t1, b1)) = (samples[next - 1], samples[next]);
    if t1 > t0 { b0 + (b1 - b0) * ((time - t0) / (t1 - t0)).clamp(0.0, 1.0) } else { b1 }
}
