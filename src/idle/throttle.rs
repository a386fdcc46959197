//! How one window is shared among connections, and who takes turns where it is too small for all.

use std::time::Duration;

/// The least window a connection can be held to, in bytes (Linux: `SOCK_MIN_RCVBUF`): a segment, and what is too little to
/// be worth another.
pub(super) const LEAST_WINDOW_BYTES: u64 = 2304;

/// How long a turn lasts, where there are few; and how long it is at most until each has had one: servers give up
/// connections that take nothing, after a minute where they are in a hurry.
const TURN: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(15);

/// What a connection asks of the window for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claim {
    /// How much of the window it gets beside others, in parts.
    pub(super) weight: u32,
    /// What it can use, in bytes: less than its part where its server is slow.
    pub(super) most_bytes: u64,
}

impl Claim {
    /// That of a connection whose turn it is not.
    pub(super) const NONE: Self = Self { weight: 0, most_bytes: 0 };
}

/// Whose turn it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    first: usize,
    since: Duration,
}

/// Some connections that follow one another, in a ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few {
    first: usize,
    count: usize,
    all: usize,
}

impl Turns {
    /// Which of so many connections may go on with that window now: all, unless that is too little for all.
    pub(super) fn flowing(&mut self, at: Duration, window_bytes: u64, all: usize) -> Few {
        let count = usize::try_from(window_bytes / LEAST_WINDOW_BYTES).unwrap_or(usize::MAX);
        let count = count.clamp(1.min(all), all);
        if count == all {
            return Few { first: 0, count, all };
        }
        let turns = all.div_ceil(count) as u32;
        if at.saturating_sub(self.since) >= TURN.min(ROUND / turns) {
            (self.first, self.since) = (self.first + count, at);
        }
        self.first %= all;
        Few { first: self.first, count, all }
    }
}

impl Few {
    /// Whether that connection is one of them.
    pub(super) const fn has(self, index: usize) -> bool {
        (index + self.all - self.first) % self.all < self.count
    }
}

/// The windows of all connections, in bytes: each gets its part, and what one cannot use goes to the others.
pub(super) fn shares(window_bytes: u64, claims: &[Claim]) -> Vec<u64> {
    let mut shares = vec![0; claims.len()];
    let mut open: Vec<usize> = (0..claims.len()).collect();
    let mut left = window_bytes;
    loop {
        let weights: u64 = open.iter().map(|index| u64::from(claims[*index].weight)).sum();
        if weights == 0 {
            return shares;
        }
        let part =
            |index: usize| (u128::from(left) * u128::from(claims[index].weight) / u128::from(weights)) as u64;
        let (full, hungry): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|index| claims[**index].most_bytes <= part(**index));
        if full.is_empty() {
            for index in hungry {
                shares[index] = part(index);
            }
            return shares;
        }
        for index in full {
            shares[index] = claims[index].most_bytes;
            left -= claims[index].most_bytes;
        }
        open = hungry;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_one_cannot_use_the_others_get() {
        let claim = |weight, most_bytes| Claim { weight, most_bytes };
        let table: [(u64, &[Claim], &[u64]); 6] = [
            (100, &[], &[]),
            (100, &[claim(1, u64::MAX)], &[100]),
            (100, &[claim(1, 30)], &[30]),
            (100, &[claim(1, u64::MAX), claim(3, u64::MAX)], &[25, 75]),
            (100, &[claim(1, 10), claim(1, u64::MAX)], &[10, 90]),
            (100, &[claim(4, 50), claim(1, u64::MAX), claim(1, 20)], &[50, 30, 20]),
        ];
        for (window, claims, expected) in table {
            assert_eq!(shares(window, claims), expected, "{claims:?}");
        }
    }

    #[test]
    fn where_the_window_is_too_small_for_all_they_take_turns_and_nobody_is_left_out() {
        for (window_bytes, all, expected) in [
            (100_000, 0, 0),
            (0, 1, 1),
            (0, 16, 1),
            (5_000, 16, 2),
            (36_864, 16, 16),
            (36_863, 16, 15),
            (0, 200, 1),
        ] {
            let mut turns = Turns::default();
            let mut last = vec![Duration::ZERO; all];
            for tick in 0..3000 {
                let at = Duration::from_millis(20 * tick);
                let few = turns.flowing(at, window_bytes, all);
                let flowing: Vec<usize> = (0..all).filter(|index| few.has(*index)).collect();
                assert_eq!(flowing.len(), expected, "{window_bytes} for {all}");
                for index in flowing {
                    last[index] = at;
                }
                let longest = last.iter().map(|then| at.saturating_sub(*then)).max().unwrap_or_default();
                assert!(longest <= 2 * ROUND, "{longest:?} for {all}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_more_is_given_than_there_is_and_nothing_is_left_that_somebody_could_use(
            window in 0_u64..100_000_000,
            claims in prop::collection::vec((1_u32..9, 0_u64..50_000_000), 1..20),
        ) {
            let claims: Vec<Claim> =
                claims.into_iter().map(|(weight, most_bytes)| Claim { weight, most_bytes }).collect();
            let shares = shares(window, &claims);
            let given: u64 = shares.iter().sum();
            prop_assert!(given <= window);
            prop_assert!(shares.iter().zip(&claims).all(|(share, claim)| *share <= claim.most_bytes));
            let is_hungry = shares.iter().zip(&claims).any(|(share, claim)| *share < claim.most_bytes);
            prop_assert!(!is_hungry || window - given < claims.len() as u64);
        }
    }
}
