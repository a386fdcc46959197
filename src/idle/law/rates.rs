//! How much comes, and of whom: our background transfers, and what else this machine receives.

use std::collections::VecDeque;

/// How long counts are kept, in seconds.
const KEEP_SECS: f64 = 3.0;

/// Over how long what others receive is taken, in seconds: the counters are read one after the other, and what one has and
/// the other has not yet evens out. The same where ours are counted when they are read.
const OTHERS_OVER_SECS: f64 = 0.05;
const LATE_OTHERS_OVER_SECS: f64 = 0.4;

/// What has left the kernel and was not handed on yet, in bytes a connection: the HTTP library reads ahead so much at most.
const READ_AHEAD: f64 = 8192.0 + 100.0 * 4096.0;

/// After that time, in seconds, what was read ahead is thought to be handed on.
const READ_AHEAD_SECS: f64 = 2.0;

/// Counts over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    marks: VecDeque<Mark>,
    /// What others on this machine receive just now, in bytes per second; `None` without counters.
    pub(super) others: Option<f64>,
    /// The most of that within the last 1.5 s.
    peaks: VecDeque<(f64, f64)>,
    /// What the interface counts for each byte of ours: headers of tunnels, and what is not counted alike.
    ratio: f64,
    /// What the interface has counted and may be ours, read ahead.
    read_ahead: f64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: f64,
    own: f64,
    interface: Option<f64>,
}

impl Rates {
    /// How long it takes, in seconds, until others' rate is known where ours is counted when it is read.
    pub(super) const LATE_SECS: f64 = 3.0 * LATE_OTHERS_OVER_SECS;

    /// Takes in the counts at a time, in seconds. Where ours are of what was read, from how many connections that may be ahead
    /// of the counting; `None` where they are of what has come.
    pub(super) fn take_in(&mut self, at: f64, own: u64, interface: Option<u64>, reading: Option<f64>) {
        if self.ratio == 0.0 {
            self.ratio = 1.0;
        }
        let mark = Mark { at, own: own as f64, interface: interface.map(|bytes| bytes as f64) };
        if let Some(last) = self.marks.back().copied() {
            // A counter that went back was set to nothing, with its interface or its connection.
            let went_back = mark.own < last.own
                || mark.interface.unwrap_or_default() < last.interface.unwrap_or_default();
            if went_back || mark.interface.is_some() != last.interface.is_some() {
                self.marks.clear();
            } else if let (Some(bytes), Some(before)) = (mark.interface, last.interface) {
                let secs = (at - last.at).max(1e-6);
                let more = bytes - before - self.ratio * (mark.own - last.own);
                let most_ahead = reading.unwrap_or_default() * READ_AHEAD;
                let others = self.beyond_read_ahead(more, most_ahead, secs) / secs;
                let value = self.others.unwrap_or_default();
                let over_secs = if reading.is_some() { LATE_OTHERS_OVER_SECS } else { OTHERS_OVER_SECS };
                let next = value + (secs / over_secs).min(1.0) * (others - value);
                self.others = Some(next);
                self.peaks.push_back((at, next.max(0.0)));
            } else {
                self.others = None;
            }
        }
        self.marks.push_back(mark);
        while self.marks.front().is_some_and(|mark| at - mark.at > KEEP_SECS) {
            self.marks.pop_front();
        }
        while self.peaks.front().is_some_and(|(then, _)| at - then > 1.5) {
            self.peaks.pop_front();
        }
    }

    /// What of that, which the interface has counted and we have not, cannot be ours, in bytes.
    fn beyond_read_ahead(&mut self, more: f64, most: f64, secs: f64) -> f64 {
        let may_be = self.read_ahead + more;
        let is_ours = may_be.clamp(0.0, most);
        self.read_ahead = is_ours * (-secs / READ_AHEAD_SECS).exp();
        may_be - is_ours
    }

    /// What of ours came over the last so many seconds, in bytes per second.
    pub(super) fn own(&self, secs: f64) -> f64 {
        let Some(last) = self.marks.back() else { return 0.0 };
        let Some(first) =
            self.marks.iter().rev().find(|mark| last.at - mark.at >= secs - 0.001).or(self.marks.front())
        else {
            return 0.0;
        };
        if last.at <= first.at { 0.0 } else { (last.own - first.own) / (last.at - first.at) }
    }

    /// The most others on this machine received within the last 1.5 s, in bytes per second.
    pub(super) fn others_peak(&self) -> f64 {
        self.peaks.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    }

    /// Nobody else is about: what the interface counts is ours.
    pub(super) fn learn(&mut self) {
        let (Some(last), Some(first)) = (self.marks.back(), self.marks.front()) else { return };
        let (Some(bytes), Some(before)) = (last.interface, first.interface) else { return };
        let own = last.own - first.own;
        if last.at - first.at < 1.0 || own < 100_000.0 {
            return;
        }
        let ratio = ((bytes - before) / own).clamp(0.95, 1.15);
        self.ratio += 0.002 * (ratio - self.ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads nothing for half a second, while so much comes over the interface; what is taken for others' in the end.
    fn others_after(came: f64) -> f64 {
        let mut rates = Rates::default();
        for tick in 0..=50 {
            let part = f64::from(tick) / 50.0;
            rates.take_in(0.5 * part, 0, Some((came * part) as u64), Some(1.0));
        }
        rates.others.unwrap()
    }

    #[test]
    fn what_the_http_library_has_read_ahead_is_nobody_elses() {
        assert!(others_after(0.9 * READ_AHEAD) < 1.0);
        assert!(others_after(4.0 * READ_AHEAD) > READ_AHEAD, "nobody reads so much ahead");
    }
}
