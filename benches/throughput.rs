//! `meanwhile get` against curl and aria2: the same file from the same server, in turns, in one run.
//!
//! Ratios count, not seconds. `BENCH_MIB` is the size of the file (2048), `BENCH_ROUNDS` how often each is
//! measured (5) after one round that is not counted. The others leave their file to the kernel, while Meanwhile
//! syncs: the second comparison gives curl a `sync` of its file, so that both have made the same promise.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::Path;
use std::process::Command;

#[path = "support/mod.rs"]
mod support;

use support::{Cost, Folder, MEANWHILE, Nginx, cost_of, median, noise, number, run, verdict};

const WALL_GOAL: f64 = 1.05;
const CPU_GOAL: f64 = 1.20;
const PEAK_GOAL_MIB: f64 = 40.0;

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
    let who = ["curl", "aria2", "curl, then sync", "meanwhile get"];
    let [curl, aria2, synced, ours] = turns(&disk, rounds, mib, &url, who);
    let mut met = against("to disk, against the better of curl and aria2", ours, better(curl, aria2), true);
    met &= against("the same promise: curl, then sync", ours, synced, false);
    let is_small = ours.peak_mib <= PEAK_GOAL_MIB;
    println!("peak in memory: {:.1} MiB (goal {PEAK_GOAL_MIB}: {})\n", ours.peak_mib, verdict(is_small));
    met &= is_small;

    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory).is_ok_and(|fs| fs.f_bavail * fs.f_frsize > (mib + 256) << 20);
    if has_room {
        let memory = Folder::new(memory, "throughput");
        let [curl, aria2, ours] = turns(&memory, rounds, mib, &url, ["curl", "aria2", "meanwhile get"]);
        met &= against("to memory, against the better of curl and aria2", ours, better(curl, aria2), true);
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
    cost_of(|| match who {
        "meanwhile get" => {
            let mut get = Command::new(MEANWHILE);
            get.args(["get", url, "--out"]).arg(&file).arg("--state-dir").arg(place.join("state"));
            run(&mut get, "")
        }
        "aria2" => {
            let mut aria2 = Command::new("aria2c");
            // Room is set aside as we do it, not by writing nothing into it.
            aria2
                .args(["-q", "--no-conf", "--file-allocation=falloc", "-o", "file", "-d"])
                .arg(place)
                .arg(url);
            run(&mut aria2, "aria2")
        }
        _ => {
            let mut peak_mib = run(Command::new("curl").args(["-sS", url, "-o"]).arg(&file), "curl");
            if who == "curl, then sync" {
                peak_mib = run(Command::new("sync").arg(&file), "coreutils").max(peak_mib);
            }
            peak_mib
        }
    })
}

/// The better of two in each respect.
fn better(one: Cost, other: Cost) -> Cost {
    Cost {
        wall_secs: one.wall_secs.min(other.wall_secs),
        cpu_secs: one.cpu_secs.min(other.cpu_secs),
        peak_mib: one.peak_mib.min(other.peak_mib),
    }
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
