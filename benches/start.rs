//! From starting the program to the first painted window, and what it costs at rest; under Xvfb, drawn by the
//! processor.
//!
//! Painted is when the file in which Xvfb keeps its picture has the window's colours: one row of pixels is read
//! every millisecond. At rest nothing changes, so nothing may be drawn: CPU ticks and wake-ups of all threads. Without a
//! window there is nothing that could wake up, whatever is waited for.

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement without what it needs has failed")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use meanwhile::job::{Fault, FaultKind, Job, JobId, JobState, NewJob, Priority, Trouble, Waiting, Why};
use meanwhile::store::QueueFiles;

#[path = "support/mod.rs"]
mod support;

use support::{
    Display, Folder, MEANWHILE, Nginx, Process, median, noise, pause, put, stat, status, verdict, within,
};

const GOAL_SECS: f64 = 0.4;
const STARTS: usize = 7;
const REST: Duration = Duration::from_mins(1);
/// In the middle of the window's upper bar, with buttons and text on it.
const ROW: u64 = 28;
/// A cleared window has one colour, and before it there is one too.
const COLOURS: usize = 8;

fn main() {
    let folder = Folder::on_disk("start");
    let empty = folder.fresh("empty");
    let finished = with_finished_jobs(&folder, "finished");
    let met_start = start(&folder, &empty);
    let met_rest = rest(&folder, &empty, &finished);
    println!("All goals {}.", if met_start && met_rest { "met" } else { "were not met" });
}

fn start(folder: &Folder, state: &Path) -> bool {
    let display = Display::start(&folder.fresh("display"));
    let picture = Picture::open(&display.picture);
    // The first brings everything into memory.
    let times: Vec<f64> = (0..=STARTS).map(|_| once(&display, &picture, state)).skip(1).collect();
    let (least, most) = times.iter().fold((f64::MAX, 0.0_f64), |(l, m), t| (l.min(*t), m.max(*t)));
    let median = median(times);
    println!("\nStart to first painted window, {STARTS} times: {median:.3} s ({least:.3} to {most:.3})");
    println!("  goal under {GOAL_SECS} s: {}\n", verdict(median < GOAL_SECS));
    median < GOAL_SECS
}

fn once(display: &Display, picture: &Picture, state: &Path) -> f64 {
    within("an empty display", Duration::from_secs(10), || (picture.colours() == 1).then_some(()));
    let began = Instant::now();
    let _window = Process::start(display.command(state).stderr(Stdio::null()), "");
    within("the window", Duration::from_secs(20), || (picture.colours() >= COLOURS).then_some(()));
    began.elapsed().as_secs_f64()
}

/// All at once: what is at rest is in nobody's way.
fn rest(folder: &Folder, empty: &Path, finished: &Path) -> bool {
    let for_run = with_finished_jobs(folder, "finished-for-run");
    let display = Display::start(&folder.fresh("display"));
    let quiet =
        |mut command: Command| Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()), "");
    let run = |state: &Path| {
        let mut run = Command::new(MEANWHILE);
        run.args(["run", "--state-dir"]).arg(state).env_remove("DBUS_SESSION_BUS_ADDRESS");
        quiet(run)
    };
    let mut at_rest = vec![
        ("window, nothing in the list", quiet(display.command(empty)), false),
        ("window, 5 finished", quiet(display.command(finished)), false),
        ("run, 5 finished just now", run(&for_run), true),
    ];
    at_rest.extend(resting(folder).into_iter().map(|(what, state)| (what, run(&state), true)));
    // Whatever starting brings with it is over by then; threads for rent are kept for ten seconds.
    pause(Duration::from_secs(15));
    let before: Vec<_> = at_rest.iter().map(|(_, process, _)| used(process)).collect();
    pause(REST);
    println!(
        "{:34}{:>10}{:>10}{:>10}",
        format!("At rest for {} s", REST.as_secs()),
        "CPU ticks",
        "wake-ups",
        "MiB"
    );
    let mut met = true;
    for ((what, process, is_run), (ticks_before, wakes_before)) in at_rest.iter().zip(before) {
        let (ticks, wakes) = used(process);
        let wakes: u64 = wakes.iter().map(|(id, wakes)| wakes - wakes_before.get(id).unwrap_or(&0)).sum();
        let memory = status(&format!("/proc/{}/status", process.id()), "VmRSS").unwrap_or(0) as f64 / 1024.0;
        println!("  {what:32}{:10}{:10}{memory:10.1}", ticks - ticks_before, wakes);
        met &= ticks == ticks_before && (wakes == 0 || !is_run);
    }
    println!("  goal 0 ticks (of 10 ms), and without a window 0 wake-ups: {}\n", verdict(met));
    met
}

/// State folders in which there is nothing to do now, and what there is in them.
fn resting(folder: &Folder) -> Vec<(&'static str, PathBuf)> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let job = |number: u64, change: &dyn Fn(&mut Job)| {
        let url = format!("http://127.0.0.1:1/{number}");
        let new = NewJob { priority: Priority::Low, ..NewJob::of(url, folder.path()) };
        let (mut job, _) = new.into_job(JobId::random(), now).expect("a job");
        job.place = number << 20;
        change(&mut job);
        Arc::new(job)
    };
    let jobs = |change: &dyn Fn(&mut Job)| (1..=5).map(|number| job(number, change)).collect::<Vec<_>>();
    let fault = || Fault::new(FaultKind::Status(503), "");
    let waiting = Waiting { why: Why::BackOff(fault()), until_unix_secs: Some(now + 3600) };
    let mut ended = jobs(&|job| {
        job.state = JobState::Error(fault());
        job.files[0].trouble = Some(Trouble::Failed(fault()));
    });
    ended.push(job(6, &|job| {
        job.state = JobState::Acknowledged;
        job.files[0].finished = true;
    }));
    // Monday is 0; 1970 began on a Thursday. In three days it is neither that day nor the one after here, wherever
    // here is.
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][((now / 86_400 + 3 + 3) % 7) as usize];
    let timetable = format!(
        "timetable: true, work: [\"{day} 10:00-11:00\"], \
         non_work_limits: (high: \"unlimited\", normal: \"unlimited\", low: \"0\"),"
    );
    let states = [
        ("run, nothing in the list", Vec::new(), String::new()),
        ("run, 5 queued and all paused", jobs(&|_| {}), "paused: true,".to_owned()),
        ("run, 5 failed and 1 finished", ended, String::new()),
        (
            "run, 1 to be retried in an hour",
            vec![job(1, &|job| {
                job.state = JobState::Waiting(waiting.clone());
                job.files[0].trouble = Some(Trouble::Waiting(waiting.clone()));
                job.files[0].faults_in_a_row = 1;
            })],
            "retry_longest_secs: 7200,".to_owned(),
        ),
        ("run, 5 wait for the timetable", jobs(&|_| {}), timetable),
    ];
    let states = states.into_iter().zip(0..).map(|((what, jobs, settings), number)| {
        let state = folder.fresh(&format!("rest-{number}"));
        let (mut files, _) = QueueFiles::open(&state).expect("a writable folder");
        files.next_generation(&jobs).expect("room for the list");
        put(&state.join("settings.ron"), format!("({settings} notify: false)\n").as_bytes());
        (what, state)
    });
    states.collect()
}

/// CPU ticks of a process, and how often each of its threads has woken up.
fn used(process: &Process) -> (u64, HashMap<OsString, u64>) {
    let id = process.id();
    let fields = stat(&id.to_string()).expect("a running process");
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("its threads").flatten();
    let wakes = threads.filter_map(|thread| {
        let wakes = status(&thread.path().join("status").display().to_string(), "voluntary_ctxt_switches")?;
        Some((thread.file_name(), wakes))
    });
    // Numbers 14 and 15 of proc(5).
    (fields[11] + fields[12], wakes.collect())
}

/// A state folder in which five downloads are finished.
fn with_finished_jobs(folder: &Folder, name: &str) -> std::path::PathBuf {
    let state = folder.fresh(name);
    let served = folder.fresh("served");
    let nginx = Nginx::start(&served, &folder.fresh("nginx"));
    let mut add = Command::new(MEANWHILE);
    add.args(["add", "--no-start"]).arg("--to").arg(folder.fresh("out")).arg("--state-dir").arg(&state);
    for number in 1..=5 {
        let file = format!("file-{number}.iso");
        noise(&served.join(&file), 1 << 20);
        add.arg(nginx.url(&file));
    }
    let mut run = Command::new(MEANWHILE);
    run.args(["run", "--until-empty", "--state-dir"]).arg(&state);
    for command in [&mut add, &mut run] {
        let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()), "");
        let mut process = process;
        assert!(process.0.wait().is_ok_and(|ended| ended.success()), "five downloads to be finished");
    }
    state
}

/// Xvfb's picture, in the format of xwd.
struct Picture {
    file: File,
    at: u64,
    row_bytes: usize,
}

impl Picture {
    fn open(path: &Path) -> Self {
        let file = File::open(path).expect("the display's picture");
        let number = |index: u64| {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, index * 4).expect("a header");
            u64::from(u32::from_be_bytes(bytes))
        };
        // Header, then 12 bytes for each of its colours, then the pixels.
        let (header, row_bytes, colours) = (number(0), number(12), number(19));
        Self {
            at: header + colours * 12 + ROW * row_bytes,
            row_bytes: usize::try_from(row_bytes).expect("a width"),
            file,
        }
    }

    /// How many colours the row has.
    fn colours(&self) -> usize {
        let mut row = vec![0; self.row_bytes];
        self.file.read_exact_at(&mut row, self.at).expect("a row");
        let mut pixels: Vec<&[u8]> = row.chunks_exact(4).collect();
        pixels.sort_unstable();
        pixels.dedup();
        pixels.len()
    }
}
