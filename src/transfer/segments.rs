//! Who of several connections fetches which bytes of a file. Pure.
//!
//! A connection gets what nobody is fetching; where there is no such gap, it takes the half of the largest of what
//! others have yet to fetch. Nothing is planned ahead, so a fast connection ends up with more than a slow one.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::job::Extents;

/// The least that is worth a connection of its own, in bytes.
pub(super) const LEAST_SEGMENT_BYTES: u64 = 1 << 20;

/// Where segments begin is rounded to this many bytes: the size of a page, so that no two connections write to one.
const PAGE_BYTES: u64 = 4096;

/// How long the rest of a connection may take before a faster one takes it over, in seconds.
const SLOW_SECS: f64 = 4.0;

/// How many times faster the other must be for that.
const MUCH_FASTER: f64 = 3.0;

/// A connection of one run.
pub(super) type LineId = u32;

/// What has arrived of a file, and who fetches the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    /// `None` while it is not known: then there is one segment without an end.
    total_bytes: Option<u64>,
    arrived: Extents,
    lines: BTreeMap<LineId, Share>,
}

/// What one connection fetches.
#[derive(Clone, Debug, Default)]
struct Share {
    /// What it has yet to fetch.
    left: Range<u64>,
    /// How far what it has asked for goes: further than what is left, where another has taken some of it.
    reach: u64,
}

/// How a connection is getting on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) line: LineId,
    pub(super) rate_bps: f64,
}

impl Segments {
    pub(super) fn new(total_bytes: Option<u64>, arrived: Extents) -> Self {
        Self { total_bytes, arrived, lines: BTreeMap::new() }
    }

    /// What has arrived.
    pub(super) const fn arrived(&self) -> &Extents {
        &self.arrived
    }

    pub(super) const fn set_total(&mut self, total_bytes: u64) {
        self.total_bytes = Some(total_bytes);
    }

    /// Whether nothing is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.total_bytes.is_some_and(|total| self.arrived.prefix() >= total)
    }

    /// What the connections have yet to fetch.
    pub(super) fn fetching(&self) -> Vec<Range<u64>> {
        self.lines.values().map(|share| share.left.clone()).filter(|left| !left.is_empty()).collect()
    }

    /// What nobody is fetching, in order; the last has no end where the size is not known.
    pub(super) fn free(&self) -> Vec<Range<u64>> {
        let mut taken = self.arrived.clone();
        for share in self.lines.values() {
            taken.insert(share.left.clone());
        }
        taken.gaps(self.total_bytes.unwrap_or(u64::MAX))
    }

    /// Gives a connection that range.
    pub(super) fn assign(&mut self, line: LineId, range: Range<u64>) {
        self.lines.insert(line, Share { reach: range.end, left: range });
    }

    /// Whether there is something for one more connection.
    pub(super) fn has_work(&self) -> bool {
        !self.free().is_empty() || self.largest().is_some()
    }

    /// Gives a connection something to fetch: the first gap, else the second half of the largest segment.
    pub(super) fn next_for(&mut self, line: LineId) -> Option<Range<u64>> {
        let range = match self.free().into_iter().next() {
            Some(gap) => gap,
            None => self.split(self.largest()?)?,
        };
        self.assign(line, range.clone());
        Some(range)
    }

    /// The connection with the most left, if that is enough for two.
    fn largest(&self) -> Option<LineId> {
        self.total_bytes?;
        let left = |range: &Range<u64>| range.end - range.start;
        let (line, share) = self.lines.iter().max_by_key(|(_, share)| left(&share.left))?;
        (left(&share.left) >= 2 * LEAST_SEGMENT_BYTES).then_some(*line)
    }

    /// Takes the second half of what a connection has left.
    fn split(&mut self, line: LineId) -> Option<Range<u64>> {
        let range = &mut self.lines.get_mut(&line)?.left;
        let middle = (range.start + (range.end - range.start) / 2).next_multiple_of(PAGE_BYTES);
        let taken = middle..range.end;
        range.end = middle;
        Some(taken)
    }

    /// The next byte a connection is to bring, and where its segment ends now.
    pub(super) fn of(&self, line: LineId) -> Range<u64> {
        self.lines.get(&line).map(|share| share.left.clone()).unwrap_or_default()
    }

    /// So many more bytes have come over a connection. Says how many of them are wanted: not those that another has
    /// taken over.
    pub(super) fn take_in(&mut self, line: LineId, bytes: u64) -> u64 {
        let Some(Share { left: range, .. }) = self.lines.get_mut(&line) else { return 0 };
        let wanted = bytes.min(range.end - range.start);
        self.arrived.insert(range.start..range.start + wanted);
        range.start += wanted;
        wanted
    }

    /// The file ends with what has arrived: where the size is not known, the end of the answer tells.
    pub(super) fn end_here(&mut self) {
        self.total_bytes.get_or_insert(self.arrived.end());
        self.lines.clear();
    }

    /// A connection is no more. What it has left is free again, unless another comes by it anyway: the one it was taken
    /// from, which has asked for it as well.
    pub(super) fn release(&mut self, line: LineId) {
        self.lines.remove(&line);
        for gap in self.free() {
            let comes_by = |share: &&mut Share| {
                !share.left.is_empty() && share.left.end == gap.start && share.reach > gap.start
            };
            if let Some(before) = self.lines.values_mut().find(comes_by) {
                before.left.end = gap.end.min(before.reach);
            }
        }
    }

    /// A connection whose rest another had better fetch: it is slow, too little is left to be shared, and the others
    /// are much faster.
    pub(super) fn slow_tail(&self, progress: &[Progress]) -> Option<LineId> {
        let best_bps = progress.iter().map(|of| of.rate_bps).fold(0.0, f64::max);
        let left = |line| {
            let range = self.of(line);
            (range.end - range.start) as f64
        };
        let is_slow =
            |of: &&Progress| left(of.line) > of.rate_bps * SLOW_SECS && best_bps > of.rate_bps * MUCH_FASTER;
        progress
            .iter()
            .filter(is_slow)
            .max_by(|one, other| left(one.line).total_cmp(&left(other.line)))
            .map(|of| of.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn eight_share_a_file_in_equal_parts() {
        let mut segments = Segments::new(Some(80 * MIB), Extents::default());
        for line in 0..8 {
            segments.next_for(line).expect("a segment");
        }
        for line in 0..8 {
            let range = segments.of(line);
            assert_eq!(range.end - range.start, 10 * MIB, "{line}: {range:?}");
        }
    }

    #[test]
    fn gaps_come_before_halves_and_little_is_left_alone() {
        let mut arrived = Extents::from_start(MIB);
        arrived.insert(3 * MIB..4 * MIB);
        let mut segments = Segments::new(Some(6 * MIB), arrived);
        assert_eq!(segments.next_for(0), Some(MIB..3 * MIB));
        assert_eq!(segments.next_for(1), Some(4 * MIB..6 * MIB));
        assert_eq!(segments.next_for(2), Some(5 * MIB..6 * MIB), "the half of the last of equal ones");
        assert_eq!(segments.next_for(3), Some(2 * MIB..3 * MIB));
        assert_eq!(segments.next_for(4), None);
        assert!(!segments.has_work());
        segments.release(0);
        assert_eq!(segments.next_for(4), Some(MIB..2 * MIB));
    }

    #[test]
    fn what_a_refused_connection_has_left_goes_back_to_whom_it_was_taken_from() {
        let mut segments = Segments::new(Some(8 * MIB), Extents::default());
        for line in 0..4 {
            segments.next_for(line);
        }
        assert_eq!(segments.of(0), 0..2 * MIB);
        for line in [2, 1, 3] {
            segments.release(line);
        }
        assert_eq!(segments.of(0), 0..8 * MIB, "its request is for all of it");
        segments.next_for(1);
        assert_eq!(segments.next_for(2), Some(6 * MIB..8 * MIB));
        segments.take_in(0, 4 * MIB);
        segments.release(1);
        assert_eq!(segments.free().first(), Some(&(4 * MIB..6 * MIB)), "whom it was taken from has gone by");
    }

    #[test]
    fn what_another_has_taken_over_is_not_taken_in_twice() {
        let mut segments = Segments::new(Some(4 * MIB), Extents::default());
        segments.next_for(0);
        assert_eq!(segments.next_for(1), Some(2 * MIB..4 * MIB));
        assert_eq!(segments.take_in(0, 3 * MIB), 2 * MIB);
        assert_eq!(segments.take_in(0, MIB), 0);
        assert_eq!(segments.take_in(7, MIB), 0);
        assert_eq!(segments.take_in(1, 2 * MIB), 2 * MIB);
        assert!(segments.is_whole());
    }

    #[test]
    fn a_file_of_unknown_size_is_one_segment() {
        let mut segments = Segments::new(None, Extents::default());
        assert_eq!(segments.next_for(0), Some(0..u64::MAX));
        assert_eq!(segments.next_for(1), None);
        segments.take_in(0, 5);
        assert!(!segments.is_whole());
        segments.end_here();
        assert!(segments.is_whole());
        segments = Segments::new(None, Extents::default());
        segments.end_here();
        assert!(segments.is_whole(), "an empty file");
    }

    #[test]
    fn a_slow_tail_is_left_to_the_faster() {
        let mut segments = Segments::new(Some(4 * MIB), Extents::default());
        segments.assign(0, 0..MIB);
        segments.assign(1, MIB..2 * MIB);
        let of = |line, rate_bps| Progress { line, rate_bps };
        assert_eq!(segments.slow_tail(&[of(0, 1e4), of(1, 1e6)]), Some(0));
        assert_eq!(segments.slow_tail(&[of(0, 1e4), of(1, 2e4)]), None, "all are slow");
        assert_eq!(segments.slow_tail(&[of(0, 5e5), of(1, 5e6)]), None, "it is nearly through");
        assert_eq!(segments.slow_tail(&[of(0, 0.0)]), None, "nobody is faster");
    }

    proptest! {
        /// Whatever connections come and go, each byte is fetched by one at a time and none is forgotten.
        #[test]
        fn each_byte_is_somebodys(
            total in 1_u64..40 * MIB,
            steps in prop::collection::vec((0_u32..6, 0_u64..5 * MIB, 0_u8..8), 1..200),
        ) {
            let mut segments = Segments::new(Some(total), Extents::default());
            for (line, bytes, deed) in steps {
                match deed {
                    0 => segments.release(line),
                    1 | 2 if segments.of(line).is_empty() => {
                        segments.release(line);
                        segments.next_for(line);
                    }
                    _ => {
                        segments.take_in(line, bytes);
                    }
                }
                let mut seen = segments.arrived().clone();
                let mut bytes = seen.bytes();
                for line in 0..6 {
                    let range = segments.of(line);
                    prop_assert!(range.end <= total);
                    bytes += range.end - range.start;
                    seen.insert(range);
                }
                for gap in segments.free() {
                    bytes += gap.end - gap.start;
                    seen.insert(gap);
                }
                prop_assert_eq!(bytes, total, "a byte is there twice or not at all");
                prop_assert_eq!(seen.prefix(), total);
            }
            // One connection alone brings the rest.
            (0..6).for_each(|line| segments.release(line));
            while let Some(range) = segments.next_for(0) {
                segments.take_in(0, range.end - range.start);
            }
            prop_assert!(segments.is_whole());
        }
    }
}
