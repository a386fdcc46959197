//! 500 small files: `meanwhile` with five at once against `aria2c -j5`, from the same server, in turns, in one run.
//!
//! Ratios count, not seconds. `BENCH_ROUNDS` is how often each is measured (5) after one round that is not counted.
//! Meanwhile puts each file and each step on disk for certain, aria2 leaves both to the kernel: the last line is
//! aria2 with a `sync` of all its files behind it.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::path::Path;
use std::process::Command;

#[path = "support/mod.rs"]
mod support;

use support::{Cost, Folder, MEANWHILE, Nginx, cost_of, median, noise, number, put, run, verdict};

const FILES: usize = 500;
const BYTES: u64 = 100 << 10;
const GOAL: f64 = 1.0;

fn main() {
    let rounds = number("BENCH_ROUNDS", 5).max(1);
    let disk = Folder::on_disk("many-files");
    let served = disk.fresh("served");
    for file in 0..FILES {
        noise(&served.join(format!("{file}.bin")), BYTES);
    }
    let nginx = Nginx::start(&served, &disk.fresh("nginx"));
    let list: String = (0..FILES).map(|file| nginx.url(&format!("{file}.bin\n"))).collect();
    let list_path = disk.path().join("list");
    put(&list_path, list.as_bytes());
    println!("\n{FILES} files of 100 KiB from nginx on loopback, medians of {rounds}");
    let who = ["aria2c -j5", "aria2c -j5, then sync", "meanwhile, five at once"];
    let mut costs = [const { Vec::new() }; 3];
    for round in 0..=rounds {
        for (who, costs) in who.iter().zip(&mut costs) {
            let place = disk.fresh("out");
            rustix::fs::sync();
            let cost = once(who, &list_path, &place);
            let files = std::fs::read_dir(&place).expect("the folder").flatten();
            let whole =
                files.filter(|file| file.metadata().is_ok_and(|file| file.is_file() && file.len() == BYTES));
            assert_eq!(whole.count(), FILES, "{who} has not fetched all of them");
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    println!("{:34}{:>9}{:>9}{:>10}", "", "wall s", "CPU s", "peak MiB");
    let walls: Vec<f64> = who
        .iter()
        .zip(costs)
        .map(|(who, costs)| {
            let of = |field: fn(&Cost) -> f64| median(costs.iter().map(field).collect());
            let (wall, cpu, peak) = (of(|c| c.wall_secs), of(|c| c.cpu_secs), of(|c| c.peak_mib));
            println!("  {who:32}{wall:9.2}{cpu:9.2}{peak:10.1}");
            wall
        })
        .collect();
    let ratio = walls[2] / walls[0];
    println!("against aria2c -j5: wall {ratio:.2}x (goal {GOAL}: {})", verdict(ratio <= GOAL));
    println!("against aria2c -j5, then sync: wall {:.2}x\n", walls[2] / walls[1]);
}

fn once(who: &str, list: &Path, place: &Path) -> Cost {
    cost_of(|| {
        if who.starts_with("meanwhile") {
            let state = place.join("state");
            let us = || {
                let mut us = Command::new(MEANWHILE);
                us.arg("--state-dir").arg(&state).arg("--no-start");
                us
            };
            run(
                us().args(["add", "--together", "--parallel", "5", "--input"])
                    .arg(list)
                    .arg("--to")
                    .arg(place),
                "",
            );
            return run(us().args(["run", "--until-empty"]), "");
        }
        let mut aria2 = Command::new("aria2c");
        let mut peak_mib =
            run(aria2.args(["-q", "--no-conf", "-j5", "-i"]).arg(list).arg("-d").arg(place), "aria2");
        if who.ends_with("sync") {
            peak_mib = run(Command::new("sync").arg("-f").arg(place), "coreutils").max(peak_mib);
        }
        peak_mib
    })
}
