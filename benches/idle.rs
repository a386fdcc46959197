//! The governor on many kinds of links: what the user notices of us, and what we leave unused.
//!
//! Each row is a home in network namespaces (`tests/support/home_link`): something the user does, on this machine or on
//! another device of the household, alone and then beside our download. All is seen by the bottleneck itself, so neither
//! our counters nor the user's are believed. Then how caps hold beside it, and what it costs of a processor.
//!
//! A round takes about three quarters of an hour: `BENCH_ROUNDS` are the runs whose medians are printed, `BENCH_ONLY`
//! takes only the rows whose names contain it, and `caps` and `cost` are such names, too.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::net::Ipv4Addr;
use std::time::Duration;

#[path = "support/mod.rs"]
mod bench;
#[path = "../tests/support/mod.rs"]
mod support;

use bench::{TICKS_PER_SEC, median, number, pause, verdict};
use support::home_link::queue::Discipline;
use support::home_link::{HERE, HomeLink, Link, OURS, SERVER, THERE, players};
use support::namespace::{Own, go_inside};
use support::program::{Home, Program};

const ALONE: Duration = Duration::from_secs(12);
const BESIDE: Duration = Duration::from_secs(16);
/// How long the link is watched when nobody else uses it.
const IDLE: Duration = Duration::from_secs(8);
/// How long we wait for our download to have the link, at first and again.
const PATIENCE: Duration = Duration::from_secs(15);
/// A page and the time to read it.
const PAGE_SECS: u64 = 3;

/// How exactly caps are to hold, and for how long that is watched. The payload of a packet as a part of it.
const CAP_FIRST_GOAL: f64 = 1.10;
const CAP_GOAL: f64 = 0.05;
const CAP_TIME: Duration = Duration::from_secs(13);
const PAYLOAD: f64 = 1448.0 / 1500.0;

/// What the governor may use of a processor, in per cent of a core.
const COST_GOAL: f64 = 0.5;
/// The same with nothing to transfer: a tick in all that time.
const REST_GOAL: f64 = 0.05;
/// The file while the cost is taken, so slow that to transfer it costs little itself; its connections, and how many of it.
const COST_FILE: &str = "large?rate=16k";
const COST_CONNECTIONS: &str = "8";
const COST_FILES: usize = 2;
const COST_TIME: Duration = Duration::from_secs(20);

/// What the user does.
#[derive(Clone, Copy, PartialEq)]
enum Play {
    Bulk,
    Web,
    Call,
}

/// What is wanted on a link, by where the user is: here, there.
struct Goals {
    kept: [f64; 2],
    slowed: [f64; 2],
    delayed_ms: [f64; 2],
    idle_use: f64,
}

impl Goals {
    const USUAL: Self =
        Self { kept: [0.99, 0.97], slowed: [1.05, 1.12], delayed_ms: [3.0, 10.0], idle_use: 0.97 };
    const STEPPED_BACK_SECS: [f64; 2] = [0.3, 1.0];
    const BACK_SECS: [f64; 2] = [3.0, 4.0];
}

fn links() -> [(&'static str, Link, Goals); 8] {
    let (cable, usual) = (Link::CABLE, Goals::USUAL);
    let shape = |down_mbit, up_mbit, round_trip_ms, queue_ms| Link {
        down_mbit,
        up_mbit,
        round_trip_ms,
        queue_ms,
        ..Link::CABLE
    };
    let edge = |idle_use| Goals { idle_use, ..Goals::USUAL };
    [
        ("cable", cable, usual),
        ("dsl", shape(16.0, 2.0, 45.0, 400.0), edge(0.95)),
        ("fibre", shape(200.0, 50.0, 12.0, 100.0), Goals { slowed: [1.10, 1.12], ..edge(0.93) }),
        ("slow", shape(4.0, 1.0, 60.0, 600.0), edge(0.93)),
        ("far", shape(40.0, 10.0, 120.0, 200.0), Goals { kept: [0.99, 0.95], ..edge(0.93) }),
        (
            "codel",
            Link { discipline: Discipline::CoDel, ..cable },
            Goals { kept: [0.99, 0.85], slowed: [1.05, 1.20], ..edge(0.93) },
        ),
        ("jitter", Link { jitter_ms: 12.0, ..cable }, Goals { slowed: [1.20, 1.20], ..edge(0.80) }),
        ("bbr", Link { server_uses: "bbr", ..cable }, edge(0.95)),
    ]
}

fn main() {
    go_inside(Own::Network);
    let rounds = number("BENCH_ROUNDS", 1).max(1);
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    println!("\nBeside what the user does, medians of {rounds}; goals in brackets");
    println!(
        "{:20}{:>26}{:>22}{:>16}{:>9}{:>15}{:>15}",
        "", "alone → beside", "the user's part", "idle use", "queue", "yield s", "back s"
    );
    let (mut met, mut missed) = (0, 0);
    for (name, link, goals) in links() {
        for (what, play) in [("bulk", Play::Bulk), ("web", Play::Web), ("call", Play::Call)] {
            for (place, at) in ["here", "there"].into_iter().enumerate() {
                let row = format!("{name}, {what} {at}");
                if !row.contains(&only) {
                    continue;
                }
                if !is_known(link.server_uses) {
                    println!("{row:20}left out: the kernel has no {0} (modprobe tcp_{0})", link.server_uses);
                    continue;
                }
                let runs: Vec<Run> = (0..rounds).map(|_| Run::of(link, play, place)).collect();
                for is_met in report(&row, &runs, play, place, &goals) {
                    if is_met { met += 1 } else { missed += 1 }
                }
            }
        }
    }
    println!("{met} goals met, {missed} missed\n");
    if "caps".contains(&only) {
        caps(rounds);
    }
    if "cost".contains(&only) {
        cost(rounds);
    }
}

/// Whether the kernel has this congestion control.
fn is_known(congestion_control: &str) -> bool {
    let known = support::read("/proc/sys/net/ipv4/tcp_available_congestion_control".as_ref());
    String::from_utf8_lossy(&known).split_whitespace().any(|word| word == congestion_control)
}

/// One run of a row: Mbit/s, seconds of a page or milliseconds of a call for the user.
struct Run {
    alone: f64,
    beside: f64,
    idle_use: f64,
    queue_ms: f64,
    stepped_back_secs: f64,
    back_secs: f64,
}

impl Run {
    fn of(link: Link, play: Play, place: usize) -> Self {
        let link = HomeLink::new(link);
        let alone = plays(&link, play, place, ALONE);
        let home = Home::new();
        let began = link.bottleneck.now();
        let _get = link.start_get(&home, &["--priority", "normal"]);
        let _ = wait_until_back(&link, began);
        let from = link.bottleneck.now();
        pause(IDLE);
        let idle = link.course_since(from);
        let from = link.bottleneck.now();
        let beside = plays(&link, play, place, BESIDE);
        let course = link.course_since(from);
        let since = link.bottleneck.now();
        Self {
            alone,
            beside,
            idle_use: idle.share(OURS),
            queue_ms: idle.queue().as_secs_f64() * 1e3,
            stepped_back_secs: secs(course.stepped_back_after()),
            back_secs: secs(wait_until_back(&link, since)),
        }
    }
}

fn secs(time: Option<Duration>) -> f64 {
    time.map_or(f64::INFINITY, |time| time.as_secs_f64())
}

/// How long it took until our download had the link, if it did in time.
fn wait_until_back(link: &HomeLink, since: Duration) -> Option<Duration> {
    loop {
        let course = link.course_since(since);
        let back = course.back_after();
        if back.is_some() || course.length() > PATIENCE {
            return back;
        }
        pause(Duration::from_millis(100));
    }
}

/// Lets the user do something, and says how well it went.
fn plays(link: &HomeLink, play: Play, place: usize, time: Duration) -> f64 {
    let (host, at): (_, Ipv4Addr) = [(&link.here, HERE), (&link.there, THERE)][place];
    match play {
        Play::Bulk => {
            let from = link.bottleneck.now();
            host.run(|| players::bulk(at, &link.url("large"), time));
            link.course_since(from).share(at) * link.link.down_mbit
        }
        Play::Web => {
            let times = (time.as_secs() / PAGE_SECS) as usize;
            let took = host.run(|| players::pages(at, &link.url("page"), times));
            median(took.into_iter().map(|time| time.as_secs_f64()).collect())
        }
        Play::Call => {
            let took = host.run(|| players::call(at, SERVER, time));
            // The value that 95 % stay below.
            took.get(took.len() * 95 / 100).map_or(f64::INFINITY, |time| time.as_secs_f64() * 1e3)
        }
    }
}

/// Prints a row; which of its goals are met.
fn report(row: &str, runs: &[Run], play: Play, place: usize, goals: &Goals) -> Vec<bool> {
    let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let (alone, beside) = (of(|run| run.alone), of(|run| run.beside));
    let mut met = Vec::new();
    let mut goal = |value: f64, bound: f64, is_met: bool, digits: usize| {
        met.push(is_met);
        format!("{value:.digits$} ({bound}){}", if is_met { "" } else { " ✗" })
    };
    let (unit, users) = match play {
        Play::Bulk => {
            let (kept, bound) = (of(|run| run.beside / run.alone), goals.kept[place]);
            ("Mbit/s", format!("kept {}", goal(kept, bound, kept >= bound, 3)))
        }
        Play::Web => {
            let (slowed, bound) = (of(|run| run.beside / run.alone), goals.slowed[place]);
            ("s", format!("slowed {}", goal(slowed, bound, slowed <= bound, 2)))
        }
        Play::Call => {
            let (delayed, bound) = (of(|run| run.beside - run.alone), goals.delayed_ms[place]);
            ("ms", format!("delayed {}", goal(delayed, bound, delayed <= bound, 1)))
        }
    };
    let idle_use = of(|run| run.idle_use);
    let idle_use = goal(idle_use, goals.idle_use, idle_use >= goals.idle_use, 3);
    // Beside anything but a download there is room for ours.
    let (mut stepped_back, mut back) = (String::new(), String::new());
    if play == Play::Bulk {
        let value = of(|run| run.stepped_back_secs);
        let bound = Goals::STEPPED_BACK_SECS[place];
        stepped_back = goal(value, bound, value <= bound, 2);
        let value = of(|run| run.back_secs);
        let bound = Goals::BACK_SECS[place];
        back = goal(value, bound, value <= bound, 2);
    }
    let course = format!("{alone:.2} → {beside:.2} {unit:6}");
    let queue = of(|run| run.queue_ms);
    println!("{row:20}{course:>26}{users:>22}{idle_use:>16}{queue:>6.1} ms{stepped_back:>15}{back:>15}");
    met
}

/// How caps hold while the governor steers what is capped, on a link that carries all of them.
fn caps(rounds: u64) {
    println!(
        "Caps, in payload that came against what may come; goals: first second {CAP_FIRST_GOAL}, others ±{CAP_GOAL}"
    );
    println!("{:24}{:>9}{:>18}{:>18}", "", "1st s", "whole seconds", "any second");
    let link = Link { down_mbit: 200.0, up_mbit: 20.0, round_trip_ms: 30.0, ..Link::CABLE };
    for (words, rate) in [("100K", 102_400.0), ("1M", 1_048_576.0), ("20M", 20_971_520.0)] {
        for connections in ["1", "8"] {
            let runs: Vec<Capped> = (0..rounds).map(|_| Capped::of(link, words, rate, connections)).collect();
            let of = |figure: fn(&Capped) -> f64| median(runs.iter().map(figure).collect());
            let first = of(|run| run.first);
            let (whole, any) = (
                [of(|run| run.whole[0]), of(|run| run.whole[1])],
                [of(|run| run.any[0]), of(|run| run.any[1])],
            );
            let is_met = first <= CAP_FIRST_GOAL && any[0] >= 1.0 - CAP_GOAL && any[1] <= 1.0 + CAP_GOAL;
            let row = format!("{words}, {connections} connections");
            let span = |[least, most]: [f64; 2]| format!("{least:.3} to {most:.3}");
            println!("  {row:22}{first:9.3}{:>18}{:>18}  {}", span(whole), span(any), verdict(is_met));
        }
    }
    println!();
}

/// What came in the first second, and the least and the most of the others: of whole ones, and of any.
struct Capped {
    first: f64,
    whole: [f64; 2],
    any: [f64; 2],
}

impl Capped {
    fn of(link: Link, words: &str, rate: f64, connections: &str) -> Self {
        let link = HomeLink::new(link);
        let home = Home::new();
        let from = link.bottleneck.now();
        let _get = link.start_get(&home, &["--limit", words, "--connections", connections]);
        pause(CAP_TIME);
        let course = link.course_since(from);
        let slots: Vec<f64> = course
            .shares(OURS)
            .into_iter()
            .map(|share| share * link.link.down_bps() / 20.0 * PAYLOAD / rate)
            .collect();
        // Question and answer are below that.
        let began = slots.iter().position(|part| part * rate > 1_000.0).expect("the first bytes");
        let seconds: Vec<f64> = slots[began..].windows(20).map(|second| second.iter().sum()).collect();
        let range = |step: usize| {
            let each = || seconds[20..].iter().step_by(step).copied();
            [each().fold(f64::INFINITY, f64::min), each().fold(0.0, f64::max)]
        };
        Self { first: seconds[0], whole: range(20), any: range(1) }
    }
}

/// What the governor costs: the same transfer with it, and as a foreground one without it. The server gives each
/// connection very little: what the governor does is the same for few bytes as for many, while to receive many costs a
/// hundred times as much, and once more or less than another time. Then what it costs when nothing is transferred any more.
fn cost(rounds: u64) {
    let runs = |priority: &str| -> Vec<Cost> { (0..rounds).map(|_| Cost::of(priority)).collect() };
    let of = |runs: &[Cost], figure: fn(&Cost) -> f64| 100.0 * median(runs.iter().map(figure).collect());
    let (with, without) = (runs("normal"), runs("foreground"));
    println!("Cost over {COST_FILES} x {COST_CONNECTIONS} connections, in per cent of a core");
    println!(
        "  with the governor {:.2} for {:.1} % of the link, without {:.2} for {:.1} %",
        of(&with, |cost| cost.cores),
        of(&with, |cost| cost.share),
        of(&without, |cost| cost.cores),
        of(&without, |cost| cost.share)
    );
    let difference = of(&with, |cost| cost.cores) - of(&without, |cost| cost.cores);
    let rest = of(&with, |cost| cost.cores_at_rest);
    println!("  difference {difference:.2} (goal {COST_GOAL}: {})", verdict(difference < COST_GOAL));
    println!("  held, after that {rest:.3} (goal {REST_GOAL}: {})\n", verdict(rest <= REST_GOAL));
}

struct Cost {
    cores: f64,
    /// The share of the link that was used.
    share: f64,
    cores_at_rest: f64,
}

impl Cost {
    fn of(priority: &str) -> Self {
        let link = HomeLink::new(Link::CABLE);
        let home = Home::new();
        let run = link.start(&home, &["run"]);
        run.line("Meanwhile is running");
        home.run(["settings", "per_host", "32"]).fine();
        for file in 0..COST_FILES {
            let out = support::program::word(&home.file(&file.to_string()));
            let words = ["--out", &out, "--priority", priority, "--connections", COST_CONNECTIONS];
            home.add(&link.url(COST_FILE), &words);
        }
        // Connections are opened, and the governor has found its way.
        pause(IDLE);
        let from = link.bottleneck.now();
        let cores_then = cores(&run, COST_TIME);
        let share = link.course_since(from).share(OURS);
        home.run(["pause", "--all"]).fine();
        pause(Duration::from_secs(2));
        Self { cores: cores_then, share, cores_at_rest: cores(&run, COST_TIME) }
    }
}

/// How many cores a process uses over a time, to a tick of 10 ms.
fn cores(program: &Program, time: Duration) -> f64 {
    let ticks = || {
        let fields = bench::stat(&program.id().to_string()).expect("a running process");
        // Numbers 14 and 15 of proc(5).
        fields[11] + fields[12]
    };
    let before = ticks();
    pause(time);
    (ticks() - before) as f64 / TICKS_PER_SEC / time.as_secs_f64()
}
