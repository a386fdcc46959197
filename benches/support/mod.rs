//! What the measurements share: a server, processes with an end, a place for files, sums.

#![allow(dead_code, reason = "each measurement takes what it needs")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The program that is measured.
pub(crate) const MEANWHILE: &str = env!("CARGO_BIN_EXE_meanwhile");

/// In which `/proc` counts CPU time; the same on every Linux.
pub(crate) const TICKS_PER_SEC: f64 = 100.0;

/// A folder that is empty at the start and gone at the end. What an interrupted measurement left goes first.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(within: &Path, name: &str) -> Self {
        let path = within.join(format!("meanwhile-bench-{name}"));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// On the disk that is built on.
    pub(crate) fn on_disk(name: &str) -> Self {
        Self::new(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// An empty folder inside.
    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that does not outlive its measurement.
pub(crate) struct Process(pub Child);

impl Process {
    /// Starts it; `package` has it, should it be missing.
    pub(crate) fn start(command: &mut Command, package: &str) -> Self {
        command.stdin(Stdio::null());
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => {
                panic!("{} does not start ({error}); package {package}", command.get_program().display())
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The first line it says.
    pub(crate) fn first_line(&mut self) -> (String, BufReader<ChildStdout>) {
        let mut out = BufReader::new(self.0.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        (line.trim().to_owned(), out)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx on loopback, as fast as it can.
pub(crate) struct Nginx {
    _process: Process,
    pub port: u16,
}

impl Nginx {
    /// Serves `root`; what it needs itself goes into `own`.
    pub(crate) fn start(root: &Path, own: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let (root, own_path) = (root.display(), own.display());
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {own_path}; "))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {own_path}/pid; error_log {own_path}/log;\n\
             events {{}}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; {temp}\n\
             server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        );
        let config_path = own.join("nginx.conf");
        put(&config_path, config.as_bytes());
        // Debian has it where only root looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-p").arg(own).arg("-c").arg(&config_path).stderr(Stdio::null());
        let process = Process::start(&mut command, "nginx-light");
        within("nginx", Duration::from_secs(10), || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        Self { _process: process, port }
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("http://127.0.0.1:{}/{file}", self.port)
    }
}

/// Xvfb with the picture in a file, so that looking costs a read.
pub(crate) struct Display {
    _process: Process,
    pub name: String,
    pub picture: PathBuf,
}

impl Display {
    pub(crate) fn start(own: &Path) -> Self {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-fbdir"])
            .arg(own)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Process::start(&mut command, "xvfb");
        let (number, _) = process.first_line();
        assert!(!number.is_empty(), "Xvfb did not start");
        Self { _process: process, name: format!(":{number}"), picture: own.join("Xvfb_screen0") }
    }

    /// Puts a program on this display, drawn by the processor, with nothing of the user's around it.
    pub(crate) fn command(&self, state: &Path) -> Command {
        let mut command = Command::new(MEANWHILE);
        command
            .env("DISPLAY", &self.name)
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("HOME", state)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .arg("--state-dir")
            .arg(state);
        command
    }
}

/// Looks every millisecond until there is something.
pub(crate) fn within<T>(what: &str, time: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < time, "waited in vain for {what}");
        pause(Duration::from_millis(1));
    }
}

/// Lets time pass: a measurement looks at moments, and nothing wakes it for them.
#[allow(clippy::disallowed_methods, reason = "moments are what is waited for")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

pub(crate) fn put(path: &Path, content: &[u8]) {
    File::create(path).and_then(|mut file| file.write_all(content)).expect("a file");
}

/// A file no compression and no deduplication makes smaller.
pub(crate) fn noise(path: &Path, bytes: u64) {
    let mut file = File::create(path).expect("a file");
    let mut random = fastrand::Rng::with_seed(7);
    let mut block = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        random.fill(&mut block);
        let some = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        file.write_all(&block[..some]).expect("room on the disk");
        left -= some as u64;
    }
    file.sync_all().expect("the file on the disk");
}

pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Fields of `/proc/…/stat` behind the name, which may hold spaces: the first is number 3 of proc(5).
pub(crate) fn stat(of: &str) -> Option<Vec<u64>> {
    let text = std::fs::read_to_string(format!("/proc/{of}/stat")).ok()?;
    let (_, behind) = text.rsplit_once(") ")?;
    Some(behind.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

/// A field in kB or a number out of a `status` of `/proc`.
pub(crate) fn status(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// "ok" or what it is not.
pub(crate) fn verdict(holds: bool) -> &'static str {
    if holds { "ok" } else { "MISSED" }
}

/// What one run has cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall_secs: f64,
    pub(crate) cpu_secs: f64,
    pub(crate) peak_mib: f64,
}

/// What something costs that runs programs to their end and gives the greatest size of one in memory.
pub(crate) fn cost_of(run: impl FnOnce() -> f64) -> Cost {
    let cpu_before = cpu_of_children();
    let began = Instant::now();
    let peak_mib = run();
    let wall_secs = began.elapsed().as_secs_f64();
    Cost { wall_secs, cpu_secs: cpu_of_children() - cpu_before, peak_mib }
}

/// Runs it to its end, `package` having it; its greatest size in memory, in MiB.
pub(crate) fn run(command: &mut Command, package: &str) -> f64 {
    let process = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(process, package);
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

/// A number out of the environment.
pub(crate) fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}
