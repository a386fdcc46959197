//! A sender of TCP as far as it matters here: how much may be under way, and how it takes losses and delays.

use super::MSS;
use super::bbr::Bbr;

/// How a server decides how much to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// CUBIC with HyStart, as Linux and Windows have it (RFC 9438).
    Cubic,
    /// BBR, first version.
    Bbr,
}

/// Segments of a first flight (RFC 6928).
const FIRST_FLIGHT: f64 = 10.0;

/// One sender's congestion control. Times in seconds, amounts in bytes.
#[derive(Debug)]
pub(super) struct Sender {
    control: Control,
    pub(super) window: f64,
    slow_start_until: f64,
    // CUBIC.
    most: f64,
    epoch: Option<f64>,
    last_cut: f64,
    // HyStart.
    round_ends: f64,
    round_began: f64,
    round_least: f64,
    round_samples: u32,
    least: f64,
    last_ack: f64,
    bbr: Bbr,
    /// Bytes per second; none for senders that are not paced.
    pub(super) pace: Option<f64>,
}

impl Sender {
    pub(super) fn new(control: Control) -> Self {
        Self {
            control,
            window: FIRST_FLIGHT * MSS,
            slow_start_until: f64::INFINITY,
            most: 0.0,
            epoch: None,
            last_cut: -1.0,
            round_ends: 0.0,
            round_began: 0.0,
            round_least: f64::INFINITY,
            round_samples: 0,
            least: f64::INFINITY,
            last_ack: 0.0,
            bbr: Bbr::default(),
            pace: None,
        }
    }

    /// So much was acknowledged after such a round trip; `sent` and `acked` are positions in the stream.
    pub(super) fn acked(&mut self, now: f64, bytes: f64, round_trip: f64, sent: f64, acked: f64) {
        self.least = self.least.min(round_trip);
        match self.control {
            Control::Cubic => self.cubic(now, bytes, round_trip, sent, acked),
            Control::Bbr => {
                if let Some((window, pace)) = self.bbr.acked(now, bytes, round_trip, sent, acked) {
                    (self.window, self.pace) = (window, Some(pace));
                }
            }
        }
    }

    fn cubic(&mut self, now: f64, bytes: f64, round_trip: f64, sent: f64, acked: f64) {
        if acked >= self.round_ends {
            (self.round_ends, self.round_began, self.last_ack) = (sent, now, now);
            (self.round_least, self.round_samples) = (f64::INFINITY, 0);
        }
        // One that is not held up by its own window does not widen it.
        let under_way = sent - acked + bytes;
        let slow = self.window < self.slow_start_until;
        if under_way < if slow { self.window / 2.0 } else { self.window - 3.0 * MSS } {
            return;
        }
        if slow {
            self.window += bytes;
            self.hystart(now, round_trip);
            return;
        }
        let epoch = *self.epoch.get_or_insert_with(|| {
            self.most = self.most.max(self.window);
            now
        });
        let (most, at) = (self.most / MSS, now - epoch + round_trip);
        let origin = (most * 0.3 / 0.4).cbrt();
        let cubic = (0.4 * (at - origin).powi(3) + most) * MSS;
        let friendly = (most * 0.7 + 3.0 * 0.3 / 1.7 * (now - epoch) / round_trip) * MSS;
        let target = cubic.max(friendly).min(1.5 * self.window);
        let step = ((target - self.window) / self.window).max(0.01) * bytes;
        self.window += step.min(bytes / 2.0);
    }

    fn hystart(&mut self, now: f64, round_trip: f64) {
        if self.window < 16.0 * MSS {
            return;
        }
        if now - self.last_ack <= 0.002 {
            self.last_ack = now;
            if now - self.round_began > self.least / 2.0 {
                self.slow_start_until = self.window;
            }
        }
        self.round_least = self.round_least.min(round_trip);
        if self.round_samples < 8 {
            self.round_samples += 1;
        } else if self.round_least > self.least + (self.least / 8.0).clamp(0.004, 0.016) {
            self.slow_start_until = self.window;
        }
    }

    /// Something was lost.
    pub(super) fn lost(&mut self, now: f64, round_trip: f64) {
        if self.control == Control::Bbr {
            return self.bbr.lost();
        }
        if now - self.last_cut < round_trip {
            return;
        }
        self.last_cut = now;
        self.most = if self.window < self.most { 0.85 * self.window } else { self.window };
        self.window = (0.7 * self.window).max(2.0 * MSS);
        self.slow_start_until = self.window;
        self.epoch = None;
    }
}
