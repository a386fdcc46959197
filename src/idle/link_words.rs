//! What a [`LinkView`] says, in sentences and figures: the same ones in the window and on the command line. Pure: the
//! time is passed in.

use crate::job::{duration_in_words, rate_in_words};

use super::{LinkState, LinkView, LinkWhy, Senses};

/// Less than this is what every machine receives, in bytes per second.
const WORTH_SAYING_BPS: u64 = 10 << 10;

impl LinkView {
    /// How the link is used now and why, as a sentence or two: `Using what is idle: 5.4 of about 5.9 MiB/s.`
    #[must_use]
    pub fn in_words(&self, now_unix_secs: u64) -> String {
        let what = self.in_short(now_unix_secs);
        match (self.state, self.why) {
            // The reason is what the sentence is about.
            (LinkState::Yielding, Some(why)) => format!("{what}: {}.", self.because(why)),
            (LinkState::Yielding, None) => format!("{what}: the link is left to others."),
            (LinkState::Resting, _) | (_, None) => format!("{what}."),
            (_, Some(why)) => format!("{what}. {}.", upper_first(&self.because(why))),
        }
    }

    /// The same without the reason, and without a full stop.
    #[must_use]
    pub fn in_short(&self, now_unix_secs: u64) -> String {
        match self.state {
            LinkState::Resting if self.own_bps > 0 => {
                let own = rate_in_words(self.own_bps);
                format!("Receiving {own} in the background, over no link that is shared")
            }
            LinkState::Resting if self.foreground_bps > 0 => {
                let rate = rate_in_words(self.foreground_bps);
                format!("Nothing uses the link in the background now; foreground downloads receive {rate}")
            }
            LinkState::Resting => "Nothing uses the link in the background now".to_owned(),
            LinkState::Starting => {
                format!("Finding out how much is idle: {} so far", rate_in_words(self.own_bps))
            }
            LinkState::Using => format!("Using what is idle: {}", self.own_of_capacity()),
            LinkState::Beside => format!("Using what others leave: {}", self.own_of_capacity()),
            LinkState::Yielding => match now_unix_secs.saturating_sub(self.since_unix_secs) {
                0 => "Stepped back just now".to_owned(),
                secs => format!("Stepped back {} ago", duration_in_words(secs)),
            },
            LinkState::Returning => format!("Taking the link back step by step: {}", self.own_of_capacity()),
        }
    }

    /// What is known in figures, each with its name.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, String); 7] {
        let or = |rate: Option<u64>, unknown: &str| rate.map_or_else(|| unknown.to_owned(), rate_in_words);
        [
            ("Interface", self.interface.clone().unwrap_or_else(|| "not known".to_owned())),
            ("Ours, in the background", rate_in_words(self.own_bps)),
            ("Our foreground downloads", rate_in_words(self.foreground_bps)),
            ("Others on this machine", or(self.here_bps, "not known")),
            ("Others elsewhere", or(self.elsewhere_bps, "nobody noticed")),
            ("The link carries", self.capacity_bps.map_or_else(|| "not seen yet".to_owned(), about)),
            ("Added delay", self.added_delay_ms.map_or_else(|| "not known".to_owned(), delay_in_words)),
        ]
    }

    /// What it goes by, and what is missing with what that costs; each a sentence.
    #[must_use]
    pub fn senses_in_words(&self) -> (String, Option<String>) {
        // Before the first background transfer nobody has looked.
        if self.state == LinkState::Resting && self.senses == Senses::default() {
            return ("What it can go by is found out with the first background download.".to_owned(), None);
        }
        (self.senses.in_words(), self.senses.missing())
    }

    /// `5.4 of about 5.9 MiB/s`, or the first alone where there is no second.
    fn own_of_capacity(&self) -> String {
        let own = rate_in_words(self.own_bps);
        let Some(capacity) = self.capacity_bps.filter(|capacity| *capacity >= self.own_bps) else {
            return own;
        };
        let capacity = rate_in_words(capacity);
        let own = match (own.split_once(' '), capacity.split_once(' ')) {
            // The unit is said once.
            (Some((number, unit)), Some((_, other))) if unit == other => number,
            _ => &own,
        };
        format!("{own} of about {capacity}")
    }

    /// The reason as a clause, with its numbers.
    fn because(&self, why: LinkWhy) -> String {
        let amount = |rate: Option<u64>| rate.filter(|rate| *rate > 0).map(rate_in_words);
        match why {
            LinkWhy::ConnectionHere => {
                let receiving = amount(self.here_bps.filter(|rate| *rate >= WORTH_SAYING_BPS));
                let receiving = receiving
                    .map_or_else(String::new, |rate| format!(", and programs here are receiving {rate}"));
                format!("a program on this machine has opened a connection{receiving}")
            }
            LinkWhy::TrafficHere => {
                let (here, foreground) = (self.here_bps.unwrap_or(0), self.foreground_bps);
                let who = match (foreground > 0, here > foreground) {
                    (true, false) => "our foreground downloads are",
                    (true, true) => "foreground downloads and other programs on this machine are",
                    (false, _) => "another program on this machine is",
                };
                let rate = if here > foreground { here + foreground } else { foreground };
                amount(Some(rate))
                    .map_or_else(|| format!("{who} receiving"), |rate| format!("{who} receiving {rate}"))
            }
            LinkWhy::Delay => {
                let delay = self.added_delay_ms.filter(|delay| *delay >= 0.5);
                let delay = delay.map_or_else(String::new, |delay| {
                    format!(", and answers come {} later", delay_in_words(delay))
                });
                format!("somebody behind the same router is using the link{delay}")
            }
            LinkWhy::ShareLost => amount(self.elsewhere_bps).map_or_else(
                || "somebody behind the same router has a share of the link".to_owned(),
                |rate| format!("somebody behind the same router has about {rate} of the link"),
            ),
        }
    }
}

impl LinkState {
    /// The state in a word, for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Starting => "starting",
            Self::Using => "using",
            Self::Beside => "beside",
            Self::Yielding => "yielding",
            Self::Returning => "returning",
        }
    }
}

impl LinkWhy {
    /// The reason in a word, for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConnectionHere => "connection_here",
            Self::TrafficHere => "traffic_here",
            Self::Delay => "delay",
            Self::ShareLost => "share_lost",
        }
    }

    /// What made us step back, in few words: for a stretch of the past.
    #[must_use]
    pub const fn in_short(self) -> &'static str {
        match self {
            Self::ConnectionHere => "a program connected",
            Self::TrafficHere => "your own traffic",
            Self::Delay => "somebody else on the link",
            Self::ShareLost => "somebody else had a share",
        }
    }
}

impl Senses {
    fn in_words(self) -> String {
        let known = [
            (self.counters, "this machine’s traffic"),
            (self.delay, "the delay on our own connections"),
            (self.openings, "connections as they are opened"),
        ];
        let known: Vec<_> = known.into_iter().filter_map(|(is, what)| is.then_some(what)).collect();
        if known.is_empty() {
            "Goes by nothing but its own rate.".to_owned()
        } else {
            format!("Goes by {}.", listed(&known))
        }
    }

    fn missing(self) -> Option<String> {
        let missing = [
            (self.counters, "no counters, so other programs on this machine are not seen"),
            (self.delay, "no delay, so others behind the router are not seen"),
            (self.openings, "no news of connections, so programs are noticed once they receive"),
            (self.window, "no say over the receive window, so we hold back by reading slower"),
        ];
        let missing: Vec<_> = missing.into_iter().filter_map(|(is, what)| (!is).then_some(what)).collect();
        (!missing.is_empty()).then(|| format!("Limited idle detection: {}.", missing.join("; ")))
    }
}

/// A delay: `3 ms`, `1.2 s`.
#[must_use]
pub fn delay_in_words(ms: f32) -> String {
    if ms < 999.5 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

fn about(rate_bps: u64) -> String {
    format!("about {}", rate_in_words(rate_bps))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    const STATES: [LinkState; 6] = [
        LinkState::Resting,
        LinkState::Starting,
        LinkState::Using,
        LinkState::Beside,
        LinkState::Yielding,
        LinkState::Returning,
    ];

    const WHYS: [LinkWhy; 4] =
        [LinkWhy::ConnectionHere, LinkWhy::TrafficHere, LinkWhy::Delay, LinkWhy::ShareLost];

    /// A link on which everything is known.
    fn full(state: LinkState, why: Option<LinkWhy>) -> LinkView {
        LinkView {
            interface: Some("eth0".into()),
            state,
            why,
            since_unix_secs: 100,
            own_bps: MIB * 54 / 10,
            here_bps: Some(MIB * 12 / 10),
            elsewhere_bps: Some(2 * MIB),
            capacity_bps: Some(MIB * 59 / 10),
            added_delay_ms: Some(35.2),
            ..LinkView::default()
        }
    }

    #[test]
    fn every_state_has_its_sentence_with_and_without_each_reason() {
        let own = "5.4 of about 5.9 MiB/s";
        let heads = [
            "Receiving 5.4 MiB/s in the background, over no link that is shared.".to_owned(),
            "Finding out how much is idle: 5.4 MiB/s so far.".to_owned(),
            format!("Using what is idle: {own}."),
            format!("Using what others leave: {own}."),
            "Stepped back 12 s ago: the link is left to others.".to_owned(),
            format!("Taking the link back step by step: {own}."),
        ];
        let reasons = [
            "a program on this machine has opened a connection, and programs here are receiving 1.2 MiB/s.",
            "another program on this machine is receiving 1.2 MiB/s.",
            "somebody behind the same router is using the link, and answers come 35 ms later.",
            "somebody behind the same router has about 2.0 MiB/s of the link.",
        ];
        for (state, head) in STATES.into_iter().zip(&heads) {
            assert_eq!(full(state, None).in_words(112), *head);
            for (why, reason) in WHYS.into_iter().zip(reasons) {
                let expected = match state {
                    LinkState::Resting => head.clone(),
                    LinkState::Yielding => format!("Stepped back 12 s ago: {reason}"),
                    _ => format!("{head} {}", upper_first(reason)),
                };
                assert_eq!(full(state, Some(why)).in_words(112), expected);
            }
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let bare = |state, why| LinkView { state, why: Some(why), since_unix_secs: 9, ..LinkView::default() };
        let table = [
            (
                bare(LinkState::Yielding, LinkWhy::ConnectionHere),
                "Stepped back just now: a program on this machine has opened a connection.",
            ),
            (bare(LinkState::Resting, LinkWhy::Delay), "Nothing uses the link in the background now."),
            (
                bare(LinkState::Yielding, LinkWhy::TrafficHere),
                "Stepped back just now: another program on this machine is receiving.",
            ),
            (
                bare(LinkState::Yielding, LinkWhy::Delay),
                "Stepped back just now: somebody behind the same router is using the link.",
            ),
            (
                bare(LinkState::Yielding, LinkWhy::ShareLost),
                "Stepped back just now: somebody behind the same router has a share of the link.",
            ),
        ];
        for (view, words) in table {
            assert_eq!(view.in_words(9), words);
        }
        let view = |own_bps, capacity_bps| LinkView {
            own_bps,
            capacity_bps,
            state: LinkState::Using,
            ..LinkView::default()
        };
        for (view, words) in [
            (view(MIB, None), "Using what is idle: 1.0 MiB/s."),
            (view(800 << 10, Some(6 * MIB)), "Using what is idle: 800 KiB/s of about 6.0 MiB/s."),
            (view(7 * MIB, Some(6 * MIB)), "Using what is idle: 7.0 MiB/s."),
        ] {
            assert_eq!(view.in_words(0), words);
        }
    }

    #[test]
    fn our_own_foreground_downloads_are_named_as_what_they_are() {
        let view = |foreground_bps, here_bps| LinkView {
            foreground_bps,
            here_bps,
            ..full(LinkState::Yielding, Some(LinkWhy::TrafficHere))
        };
        for (view, reason) in [
            (view(3 * MIB, Some(MIB)), "our foreground downloads are receiving 3.0 MiB/s"),
            (view(3 * MIB, None), "our foreground downloads are receiving 3.0 MiB/s"),
            (
                view(MIB, Some(3 * MIB)),
                "foreground downloads and other programs on this machine are receiving 4.0 MiB/s",
            ),
        ] {
            assert_eq!(view.in_words(112), format!("Stepped back 12 s ago: {reason}."));
        }
        let resting = LinkView { foreground_bps: MIB, ..LinkView::default() };
        assert_eq!(
            resting.in_words(0),
            "Nothing uses the link in the background now; foreground downloads receive 1.0 MiB/s."
        );
    }

    #[test]
    fn what_is_missing_is_said_with_what_it_costs() {
        let all = Senses { counters: true, delay: true, openings: true, window: true };
        assert_eq!(all.missing(), None);
        assert_eq!(
            all.in_words(),
            "Goes by this machine’s traffic, the delay on our own connections and connections as they are opened."
        );
        let no_delay = Senses { delay: false, ..all };
        assert_eq!(
            no_delay.missing().as_deref(),
            Some("Limited idle detection: no delay, so others behind the router are not seen.")
        );
        assert_eq!(no_delay.in_words(), "Goes by this machine’s traffic and connections as they are opened.");
        let none = Senses::default();
        assert_eq!(none.in_words(), "Goes by nothing but its own rate.");
        assert_eq!(none.missing().expect("all of it").matches(';').count(), 3);
        assert_eq!(LinkView::default().senses_in_words().1, None, "nobody has looked yet");
        let blind = LinkView { state: LinkState::Using, ..LinkView::default() };
        assert_eq!(blind.senses_in_words().1, none.missing());
    }

    #[test]
    fn figures_say_what_is_not_known() {
        let words = |view: LinkView| view.figures().map(|(_, text)| text);
        let some = words(full(LinkState::Using, None));
        assert_eq!(
            some,
            ["eth0", "5.4 MiB/s", "0 B/s", "1.2 MiB/s", "2.0 MiB/s", "about 5.9 MiB/s", "35 ms"]
        );
        let none = words(LinkView::default());
        assert_eq!(
            none,
            ["not known", "0 B/s", "0 B/s", "not known", "nobody noticed", "not seen yet", "not known"]
        );
        assert_eq!([999.4, 1234.0].map(delay_in_words), ["999 ms", "1.2 s"]);
    }
}
