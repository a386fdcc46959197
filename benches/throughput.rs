//! `meanwhile get` against curl: the same file from the same server, in turns, in one run.
//!
//! Ratios count, not seconds. `BENCH_MIB` is the size of the file (2048), `BENCH_ROUNDS` how often each is
//! measured (5) after one round that is not counted. curl leaves its file to the kernel, while Meanwhile
//! syncs: the second comparison gives curl a `sync` of its file, so that both have made the same promise.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "support/mod.rs"]
mod support;

use support::{Folder, MEANWHILE, Nginx, Process, TICKS_PER_SEC, median, noise, stat, status, verdict};

const WALL_GOAL: f64 = 1.15;
const CPU_GOAL: f64 = 1.30;

/// What one run has cost.
#[derive(Clone, Copy)]
struct Cost {
    wall_secs: f64,
    cpu_secs: f64,
    peak_mib: f64,
}

fn main() {
    let mib = number("BENCH_MIB", 2048);
    let rounds = number("BENCH_ROUNDS", 5).max(1);
    let disk = Folder::on_disk("throughput");
    let served = disk.fresh("served");
    println!("\nThroughput: {mib} MiB from nginx on loopback, medians of {rounds}");
    noise(&served.join("file"), mib << 20);
    let nginx = Nginx::start(&served, &disk.fresh("nginx"));
    let url = nginx.url("file");

    println!("{:34}{:>9}{:>9}{:>10}", "", "wall s", "CPU s", "peak MiB");
    let [curl, synced, ours] = turns(&disk, rounds, mib, &url, ["curl", "curl, then sync", "meanwhile get"]);
    let mut met = against("to disk, against curl", ours, curl, true);
    met &= against("the same promise: curl, then sync", ours, synced, false);

    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory).is_ok_and(|fs| fs.f_bavail * fs.f_frsize > (mib + 256) << 20);
    if has_room {
        let memory = Folder::new(memory, "throughput");
        let [curl, ours] = turns(&memory, rounds, mib, &url, ["curl", "meanwhile get"]);
        met &= against("to memory, against curl", ours, curl, true);
    } else {
        println!("/dev/shm has no room for {mib} MiB: no comparison without a disk.");
    }
    println!("All goals {}.", if met { "met" } else { "were not met" });
}

/// Each in turn, so that what the machine does besides falls on all.
fn turns<const N: usize>(folder: &Folder, rounds: u64, mib: u64, url: &str, who: [&str; N]) -> [Cost; N] {
    let mut costs = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (index, who) in who.iter().enumerate() {
            let place = folder.fresh("out");
            rustix::fs::sync();
            let cost = once(who, url, &place);
            let length = std::fs::metadata(place.join("file")).map_or(0, |file| file.len());
            assert_eq!(length, mib << 20, "{who} has not fetched all of it");
            if round > 0 {
                costs[index].push(cost);
            }
        }
    }
    drop(std::fs::remove_dir_all(folder.path().join("out")));
    let medians = costs.map(|costs| {
        let of = |field: fn(&Cost) -> f64| median(costs.iter().map(field).collect());
        Cost { wall_secs: of(|c| c.wall_secs), cpu_secs: of(|c| c.cpu_secs), peak_mib: of(|c| c.peak_mib) }
    });
    for (who, cost) in who.iter().zip(&medians) {
        println!("  {who:32}{:9.2}{:9.2}{:10.1}", cost.wall_secs, cost.cpu_secs, cost.peak_mib);
    }
    medians
}

fn once(who: &str, url: &str, place: &Path) -> Cost {
    let file = place.join("file");
    let cpu_before = cpu_of_children();
    let began = Instant::now();
    let peak_mib = match who {
        "meanwhile get" => run(Command::new(MEANWHILE)
            .args(["get", url, "--out"])
            .arg(&file)
            .arg("--state-dir")
            .arg(place.join("state"))),
        _ => run(Command::new("curl").args(["-sS", url, "-o"]).arg(&file)),
    };
    if who == "curl, then sync" {
        run(Command::new("sync").arg(&file));
    }
    let wall_secs = began.elapsed().as_secs_f64();
    Cost { wall_secs, cpu_secs: cpu_of_children() - cpu_before, peak_mib }
}

/// Runs it to its end; its greatest size in memory.
fn run(command: &mut Command) -> f64 {
    let process = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(process, "curl");
    let path = PathBuf::from(format!("/proc/{}/status", process.id())).display().to_string();
    // Once it has ended nobody knows its size any more, so somebody looks now and then; the waiting itself
    // must not be late, so it is on another thread.
    let (done, is_done) = std::sync::mpsc::sync_channel::<()>(0);
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while is_done.recv_timeout(Duration::from_millis(20))
            == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            peak = peak.max(status(&path, "VmHWM").unwrap_or(0));
        }
        peak
    });
    let ended = process.0.wait().expect("its end");
    drop(done);
    assert!(ended.success(), "it ended with {ended}");
    watch.join().expect("the watcher") as f64 / 1024.0
}

/// What all children that have ended have used, in user and kernel mode.
fn cpu_of_children() -> f64 {
    let fields = stat("self").expect("/proc");
    // Numbers 16 and 17 of proc(5), in ticks.
    (fields[13] + fields[14]) as f64 / TICKS_PER_SEC
}

fn against(what: &str, ours: Cost, theirs: Cost, cpu_counts: bool) -> bool {
    let (wall, cpu) = (ours.wall_secs / theirs.wall_secs, ours.cpu_secs / theirs.cpu_secs);
    let cpu_verdict = if cpu_counts { verdict(cpu <= CPU_GOAL) } else { "for comparison" };
    println!(
        "{what}: wall {wall:.2}x (goal {WALL_GOAL}: {}), CPU {cpu:.2}x (goal {CPU_GOAL}: {cpu_verdict})\n",
        verdict(wall <= WALL_GOAL)
    );
    wall <= WALL_GOAL && (cpu <= CPU_GOAL || !cpu_counts)
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}
