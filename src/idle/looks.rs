//! How often the governor looks, while there is something to steer.
//!
//! Each look costs so much a connection. With many it is seldom as long as all is calm: with sixteen that is below half a per
//! cent of a core, and would not be with a look every 20 ms.

use std::time::Duration;

const EVERY: Duration = Duration::from_millis(10);
const EVERY_WHILE_CALM: Duration = Duration::from_millis(30);

/// Where a page of another device is over in a fifth of a second. For few connections only: with four that is up to one per cent
/// of a core.
const EVERY_WHERE_QUICK: Duration = Duration::from_millis(5);

/// So many connections are not yet many.
const FEW: usize = 4;

/// A look waits that many times as long for something to arrive: while nothing does, we are in nobody's way.
pub const LATEST: f64 = 2.5;

/// When the next look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) after: Duration,
    /// Whether that is sooner than it would be if all was calm.
    pub(super) is_early: bool,
}

/// Whether so many connections are many.
pub(super) const fn are_many(connections: usize) -> bool {
    connections > FEW
}

/// When to look again with so many connections; `is_calm` says that nothing is to be seen of others and nothing is tried,
/// `is_quick` that others may come and go sooner than they are seen otherwise.
pub(super) const fn next(connections: usize, is_calm: bool, is_quick: bool) -> Next {
    match (are_many(connections), is_calm) {
        (false, _) if is_quick => Next { after: EVERY_WHERE_QUICK, is_early: false },
        (false, _) => Next { after: EVERY, is_early: false },
        (true, false) => Next { after: EVERY, is_early: true },
        (true, true) => Next { after: EVERY_WHILE_CALM, is_early: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_looked_at_seldom_unless_something_happens_and_few_often_where_others_are_quick() {
        for (connections, is_calm, is_quick, millis, is_early) in [
            (1, true, false, 10, false),
            (4, false, false, 10, false),
            (4, true, true, 5, false),
            (5, true, false, 30, false),
            (5, true, true, 30, false),
            (5, false, true, 10, true),
            (16, true, false, 30, false),
        ] {
            let expected = Next { after: Duration::from_millis(millis), is_early };
            assert_eq!(next(connections, is_calm, is_quick), expected, "{connections} {is_calm} {is_quick}");
        }
    }
}
