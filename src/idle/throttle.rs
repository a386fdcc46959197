//! How one window is shared among connections.

/// What a connection asks of the window for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claim {
    /// How much of the window it gets beside others, in parts.
    pub(super) weight: u32,
    /// What it can use, in bytes: less than its part where its server is slow.
    pub(super) most_bytes: u64,
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
