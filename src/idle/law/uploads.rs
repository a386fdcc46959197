//! What this machine sends: an upload that fills its way makes acknowledgements wait, and then round trips tell nothing of the
//! way down.

/// For each byte that is received so much is sent in acknowledgements, at most.
const ACKNOWLEDGEMENTS: f64 = 0.04;

/// Less than that fills no way, in bytes per second.
const LEAST: f64 = 40_000.0;

/// An upload is at the end of what there is when it is this part of the most there was; and it still is with less, as our
/// acknowledgements then take a part of that.
const FULL: f64 = 0.7;
const STILL_FULL: f64 = 0.5;

/// In so many seconds a third of that most is remembered.
const REMEMBER_SECS: f64 = 60.0;

/// Over how long the rate is taken, in seconds.
const OVER_SECS: f64 = 0.3;

/// What is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Uploads {
    last: Option<(f64, f64)>,
    rate: f64,
    most: f64,
    is_busy: bool,
}

impl Uploads {
    /// Takes in what was sent in all, and what is received now.
    pub(super) fn take_in(&mut self, at: f64, sent: Option<u64>, received: f64) {
        let Some(sent) = sent.map(|bytes| bytes as f64) else { return *self = Self::default() };
        if let Some((before, sent_before)) = self.last.replace((at, sent))
            && at > before
            && sent >= sent_before
        {
            let secs = at - before;
            let rate = ((sent - sent_before) / secs - ACKNOWLEDGEMENTS * received).max(0.0);
            self.rate += (secs / OVER_SECS).min(1.0) * (rate - self.rate);
            self.most = (self.most * (-secs / REMEMBER_SECS).exp()).max(self.rate);
            let part = if self.is_busy { STILL_FULL } else { FULL };
            self.is_busy = self.rate > LEAST && self.rate > part * self.most;
        }
    }

    /// Whether something is sent that may fill its way.
    pub(super) const fn are_busy(&self) -> bool {
        self.is_busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether uploads count as busy after ten seconds of sending and receiving so much in a second.
    fn is_busy(sent: f64, received: f64) -> bool {
        let mut uploads = Uploads::default();
        for tick in 0..1000 {
            let at = f64::from(tick) / 100.0;
            uploads.take_in(at, Some((sent * at) as u64), received);
        }
        uploads.are_busy()
    }

    #[test]
    fn acknowledgements_are_no_upload() {
        assert!(!is_busy(0.0, 0.0));
        assert!(!is_busy(150_000.0, 6_000_000.0));
        assert!(is_busy(150_000.0, 0.0));
        assert!(is_busy(1_250_000.0, 6_000_000.0));
    }

    #[test]
    fn it_is_over_when_it_is_over() {
        let mut uploads = Uploads::default();
        let mut sent = 0.0;
        for tick in 0..2000 {
            sent += if tick < 1000 { 10_000.0 } else { 0.0 };
            uploads.take_in(f64::from(tick) / 100.0, Some(sent as u64), 0.0);
            assert_eq!(
                uploads.are_busy(),
                (6..1020).contains(&tick) || uploads.are_busy() && tick < 1030,
                "{tick}"
            );
        }
    }
}
