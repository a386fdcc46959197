//! A display of the test's own: Xvfb, with hands and eyes.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbaImage;
use rustix::process::{Pid, Signal, kill_process};
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask};

use super::{SOON, done, nap, tool, until};

/// A running Xvfb.
pub(crate) struct Display {
    process: Child,
    name: String,
}

impl Display {
    pub(crate) fn start() -> Self {
        // It chooses a free number itself and says which. Without `-noreset` it would begin anew whenever the last
        // of its clients leaves, and turn away who comes then.
        let mut process = tool("Xvfb", "xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb to start");
        let out = process.stdout.take().expect("its output");
        let mut display = Self { process, name: String::new() };
        let mut number = String::new();
        BufReader::new(out).read_line(&mut number).expect("a number");
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        display.name = format!(":{}", number.trim());
        display
    }

    /// What `DISPLAY` has to be.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Puts a program on this display, drawn by the processor.
    pub(crate) fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DISPLAY", &self.name).env("LIBGL_ALWAYS_SOFTWARE", "1")
    }

    /// A picture of all that is to be seen.
    pub(crate) fn picture(&self) -> RgbaImage {
        let png =
            done(tool("import", "imagemagick").env("DISPLAY", &self.name).args(["-window", "root", "png:-"]));
        image::load_from_memory(&png).expect("a picture").into_rgba8()
    }

    /// Waits for a picture of which this holds.
    #[track_caller]
    pub(crate) fn picture_where(&self, what: &str, holds: impl Fn(&RgbaImage) -> bool) -> RgbaImage {
        until(what, SOON, || Some(self.picture()).filter(|picture| holds(picture)))
    }

    fn xdotool(&self) -> Command {
        let mut command = tool("xdotool", "xdotool");
        command.env("DISPLAY", &self.name);
        command
    }

    /// The windows with this title that are to be seen.
    pub(crate) fn windows(&self, title: &str) -> Vec<String> {
        let found = self
            .xdotool()
            .args(["search", "--onlyvisible", "--name", title])
            .stdin(Stdio::null())
            .output()
            .expect("xdotool to start");
        String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
    }

    /// Gives a window the keyboard, as a desktop would.
    pub(crate) fn focus(&self, window: &str) {
        done(self.xdotool().args(["windowfocus", "--sync", window]));
    }

    pub(crate) fn key(&self, key: &str) {
        done(self.xdotool().args(["key", key]));
    }

    pub(crate) fn write(&self, text: &str) {
        done(self.xdotool().args(["type", "--delay", "5", text]));
    }

    /// Asks a window to close, as its title bar's button does (ICCCM 4.2.8.1).
    pub(crate) fn close(&self, window: &str) {
        let (display, _) = x11rb::connect(Some(&self.name)).expect("a connection to the display");
        let atom = |name: &str| {
            let asked = display.intern_atom(false, name.as_bytes()).expect("a request");
            asked.reply().expect("an atom").atom
        };
        let window = window.parse().expect("the number of a window");
        let data = [atom("WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), data);
        let sent = display.send_event(false, window, EventMask::NO_EVENT, message).expect("a request");
        sent.check().expect("the window is there");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Asked to, it takes its lock and its socket along. It may have ended already.
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let _ = id.map(|id| kill_process(id, Signal::TERM));
        let deadline = Instant::now() + SOON;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            nap(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How many colours a picture has.
pub(crate) fn colours(picture: &RgbaImage) -> usize {
    picture.pixels().collect::<HashSet<_>>().len()
}

/// How many pixels differ between two pictures of the same size.
pub(crate) fn difference(one: &RgbaImage, other: &RgbaImage) -> usize {
    assert_eq!(one.dimensions(), other.dimensions());
    one.pixels().zip(other.pixels()).filter(|(one, other)| one != other).count()
}
