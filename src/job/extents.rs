//! Which bytes of a file are there.

use std::fmt;
use std::ops::Range;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of byte positions of a file, kept as the fewest ranges. Written down it is a number, as long as nothing is
/// missing before the last of them; else a list of ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents {
    /// How many there are from the start without a gap. Nearly always that is all.
    prefix: u64,
    /// The ranges behind that, in order: neither empty nor touching each other.
    beyond: Vec<Range<u64>>,
}

impl Extents {
    /// The bytes from the start of a file.
    #[must_use]
    pub const fn from_start(bytes: u64) -> Self {
        Self { prefix: bytes, beyond: Vec::new() }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.prefix == 0 && self.beyond.is_empty()
    }

    /// How many bytes in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ranges().map(|range| range.end - range.start).sum()
    }

    /// How many bytes there are from the start without a gap.
    #[must_use]
    pub const fn prefix(&self) -> u64 {
        self.prefix
    }

    /// Behind the last of the bytes; 0 where there are none.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.beyond.last().map_or(self.prefix, |range| range.end)
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let first = Some(0..self.prefix).filter(|range| !range.is_empty());
        first.into_iter().chain(self.beyond.iter().cloned())
    }

    /// What is missing of a file of that size, in order.
    #[must_use]
    pub fn gaps(&self, total_bytes: u64) -> Vec<Range<u64>> {
        let starts = self.beyond.iter().map(|range| range.start).chain([total_bytes]);
        let ends = std::iter::once(self.prefix).chain(self.beyond.iter().map(|range| range.end));
        let gaps = ends.zip(starts).map(|(from, to)| from..to.min(total_bytes));
        gaps.filter(|gap| !gap.is_empty()).collect()
    }

    /// Whether all of a range is in it.
    #[must_use]
    pub fn contains(&self, wanted: &Range<u64>) -> bool {
        wanted.is_empty() || self.ranges().any(|range| range.start <= wanted.start && wanted.end <= range.end)
    }

    /// Adds a range; what was in it already stays.
    pub fn insert(&mut self, added: Range<u64>) {
        if added.is_empty() {
            return;
        }
        if added.start <= self.prefix {
            self.prefix = self.prefix.max(added.end);
            let reached = self.beyond.partition_point(|range| range.start <= self.prefix);
            let last = self.beyond.drain(..reached).next_back();
            self.prefix = self.prefix.max(last.map_or(0, |range| range.end));
            return;
        }
        // All that touch it become one with it.
        let first = self.beyond.partition_point(|range| range.end < added.start);
        let behind = self.beyond.partition_point(|range| range.start <= added.end);
        let touched = self.beyond.get(first..behind).unwrap_or_default();
        let start = touched.first().map_or(added.start, |range| range.start.min(added.start));
        let end = touched.last().map_or(added.end, |range| range.end.max(added.end));
        self.beyond.splice(first..behind, std::iter::once(start..end));
    }

    /// Takes out what lies at or behind `end`.
    pub fn cut(&mut self, end: u64) {
        self.prefix = self.prefix.min(end);
        self.beyond.retain_mut(|range| {
            range.end = range.end.min(end);
            !range.is_empty()
        });
    }
}

impl FromIterator<(u64, u64)> for Extents {
    /// In whatever order they come, and touching or not: they may have been written by anybody.
    fn from_iter<T: IntoIterator<Item = (u64, u64)>>(ranges: T) -> Self {
        let mut extents = Self::default();
        for (start, end) in ranges {
            extents.insert(start..end);
        }
        extents
    }
}

impl Serialize for Extents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.beyond.is_empty() {
            return serializer.serialize_u64(self.prefix);
        }
        serializer.collect_seq(self.ranges().map(|range| (range.start, range.end)))
    }
}

impl<'de> Deserialize<'de> for Extents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Extents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes or a list of ranges")
            }

            fn visit_u64<E>(self, bytes: u64) -> Result<Extents, E> {
                Ok(Extents::from_start(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut ranges: A) -> Result<Extents, A::Error> {
                let mut extents = Extents::default();
                while let Some((start, end)) = ranges.next_element()? {
                    extents.insert(start..end);
                }
                Ok(extents)
            }
        }

        // Only formats that say what comes are used.
        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_are_what_is_missing() {
        let mut extents = Extents::from_start(10);
        extents.insert(20..30);
        assert_eq!(extents.gaps(40), [10..20, 30..40]);
        assert_eq!(extents.gaps(25).as_slice(), std::slice::from_ref(&(10..20)));
        assert_eq!(extents.gaps(10), []);
        assert_eq!(Extents::default().gaps(5).as_slice(), std::slice::from_ref(&(0..5)));
        assert_eq!(Extents::default().gaps(0), []);
        assert_eq!((extents.prefix(), extents.end(), extents.bytes()), (10, 30, 20));
        extents.cut(22);
        assert_eq!(extents.ranges().collect::<Vec<_>>(), [0..10, 20..22]);
    }

    proptest! {
        #[test]
        fn they_are_what_a_row_of_flags_would_be(
            added in prop::collection::vec((0_u64..60, 0_u64..20), 0..12),
            total in 0_u64..90,
        ) {
            let mut flags = [false; 80];
            let mut extents = Extents::default();
            for (start, length) in added {
                extents.insert(start..start + length);
                (start..start + length).for_each(|byte| flags[byte as usize] = true);
            }
            let is_in = |byte: u64| flags.get(byte as usize).copied().unwrap_or(false);
            let ranges: Vec<_> = extents.ranges().collect();
            prop_assert!(ranges.windows(2).all(|two| two[0].end < two[1].start));
            let listed = |ranges: &[Range<u64>], byte| ranges.iter().any(|range| range.contains(&byte));
            let gaps = extents.gaps(total);
            for byte in 0..90 {
                prop_assert_eq!(listed(&ranges, byte), is_in(byte));
                prop_assert_eq!(listed(&gaps, byte), byte < total && !is_in(byte));
            }
            prop_assert_eq!(extents.bytes(), flags.iter().filter(|flag| **flag).count() as u64);
            prop_assert_eq!(extents.prefix(), flags.iter().take_while(|flag| **flag).count() as u64);
            let text = ron::to_string(&extents).unwrap();
            prop_assert_eq!(ron::from_str::<Extents>(&text).unwrap(), extents);
        }
    }
}
