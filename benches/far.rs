//! A server that is far away and gives each connection only so much: what eight connections bring against one.
//!
//! Between us and nginx stands a relay of this measurement's own: what it is given comes out 50 ms later in either
//! direction, and no more than 1 MiB/s of it over each connection.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

#[path = "support/mod.rs"]
mod support;

use support::{Folder, MEANWHILE, Nginx, cost_of, median, noise, number, pause, run, verdict};

const ONE_WAY: Duration = Duration::from_millis(50);
const RATE: f64 = 1_048_576.0;
const MIB: u64 = 160;
const GOAL: f64 = 0.95;

fn main() {
    let rounds = number("BENCH_ROUNDS", 3).max(1);
    let disk = Folder::on_disk("far");
    let served = disk.fresh("served");
    // Eight times as much for eight, so that both take the same time.
    noise(&served.join("one"), (MIB << 20) / 8);
    noise(&served.join("eight"), MIB << 20);
    let nginx = Nginx::start(&served, &disk.fresh("nginx"));
    let relay = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = relay.local_addr().expect("its address").port();
    let to = nginx.port;
    std::thread::spawn(move || {
        for stream in relay.incoming().flatten() {
            std::thread::spawn(move || pass_on(&stream, to));
        }
    });
    println!("\n100 ms round trip, 1 MiB/s a connection, medians of {rounds}");
    let mut rates = [("one", "1"), ("eight", "8")].map(|(file, connections)| {
        let rates = (0..rounds).map(|_| {
            let place = disk.fresh("out");
            let url = format!("http://127.0.0.1:{port}/{file}");
            let secs = once(&url, connections, &place);
            std::fs::metadata(place.join("file")).expect("the file").len() as f64 / secs
        });
        median(rates.collect())
    });
    for rate in &mut rates {
        *rate /= RATE;
    }
    let share = rates[1] / (8.0 * rates[0]);
    println!("  1 connection   {:6.2} MiB/s\n  8 connections  {:6.2} MiB/s", rates[0], rates[1]);
    println!("of eight times one: {share:.3} (goal {GOAL}: {})\n", verdict(share >= GOAL));
}

fn once(url: &str, connections: &str, place: &Path) -> f64 {
    let cost = cost_of(|| {
        let mut get = Command::new(MEANWHILE);
        get.args(["get", url, "--connections", connections, "--out"]).arg(place.join("file"));
        run(get.arg("--state-dir").arg(place.join("state")), "")
    });
    cost.wall_secs
}

/// Carries one connection, both ways, until either end has enough.
fn pass_on(near: &TcpStream, to: u16) {
    // The handshake takes a round trip, too.
    pause(2 * ONE_WAY);
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
    let streams = || Some((near.try_clone().ok()?, far.try_clone().ok()?));
    let (Some((near_in, far_out)), Some((near_out, far_in))) = (streams(), streams()) else { return };
    let up = std::thread::spawn(move || delay(near_in, far_out, f64::INFINITY));
    delay(far_in, near_out, RATE);
    let _ = up.join();
}

fn delay(mut from: TcpStream, mut to: TcpStream, rate: f64) {
    let (sender, waiting) = mpsc::sync_channel::<(Instant, Vec<u8>)>(64);
    let ends = [from.try_clone(), to.try_clone()];
    let writer = std::thread::spawn(move || {
        for (at, bytes) in waiting {
            pause(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        for end in ends.into_iter().flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    });
    let mut buffer = vec![0; 16 << 10];
    let mut free_at = Instant::now();
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate);
        if sender.send((free_at + ONE_WAY, buffer[..bytes].to_vec())).is_err() {
            break;
        }
        pause(free_at.saturating_duration_since(Instant::now()).saturating_sub(ONE_WAY));
    }
    drop(sender);
    let _ = writer.join();
}
