//! Connections that programs of this machine open: they tell of traffic before there is any.

/// For so long something may come of a connection that was opened, in seconds.
const COMES_SECS: f64 = 0.4;

/// So many connections of which nothing came are no sign of anything.
const MANY: f64 = 6.0;

/// In so many seconds a third of them is remembered.
const REMEMBER_SECS: f64 = 20.0;

/// What is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Openings {
    count: Option<u64>,
    at: f64,
    is_new: bool,
    /// Since when something may come of one.
    awaited_since: Option<f64>,
    /// Of how many nothing came lately.
    in_vain: f64,
}

impl Openings {
    /// Takes in how many there were in all, and whether others are receiving now.
    pub(super) fn take_in(&mut self, at: f64, count: Option<u64>, others_receive: bool) {
        let before = std::mem::replace(&mut self.count, count);
        self.is_new = count.zip(before).is_some_and(|(now, before)| now > before);
        self.in_vain *= (-(at - self.at).max(0.0) / REMEMBER_SECS).exp();
        self.at = at;
        if self.is_new {
            self.awaited_since.get_or_insert(at);
        }
        if others_receive {
            (self.awaited_since, self.in_vain) = (None, 0.0);
        } else if self.awaited_since.is_some_and(|since| at - since > COMES_SECS) {
            // Some programs open connections all the time.
            self.awaited_since = None;
            self.in_vain += 1.0;
        }
    }

    /// Whether one was just opened that is worth stepping back for.
    pub(super) fn is_sign(&self) -> bool {
        self.is_new && self.in_vain < MANY
    }

    /// How long it takes until it is known that nothing comes, in seconds.
    pub(super) const fn secs_to_know() -> f64 {
        COMES_SECS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_leads_to_nothing_all_the_time_is_no_sign_any_more() {
        let mut openings = Openings::default();
        let (mut at, mut count, mut signs) = (0.0, 0, 0);
        for step in 0..1000 {
            at += 0.01;
            count += u64::from(step % 50 == 0);
            openings.take_in(at, Some(count), false);
            signs += u32::from(openings.is_sign());
        }
        assert!((6..=9).contains(&signs), "{signs}");
        // As soon as something comes of one, they count again.
        openings.take_in(at + 0.01, Some(count + 1), true);
        openings.take_in(at + 0.02, Some(count + 2), false);
        assert!(openings.is_sign());
    }

    #[test]
    fn what_is_not_counted_is_no_sign() {
        let mut openings = Openings::default();
        for (count, is_sign) in [
            (None, false),
            (Some(5), false),
            (Some(5), false),
            (Some(6), true),
            (None, false),
            (Some(9), false),
        ] {
            openings.take_in(1.0, count, false);
            assert_eq!(openings.is_sign(), is_sign, "{count:?}");
        }
    }
}
