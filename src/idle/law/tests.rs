//! What the law makes of single samples, strange ones included. What it does on links stands in `idle::sim`.

use proptest::prelude::*;

use super::*;

const RATE: u64 = 5_000_000;

/// A connection that is well, with a round trip of so many milliseconds.
fn connection(round_trip_ms: u64, segments: u64) -> Connection {
    Connection {
        path: 1,
        round_trip: Some(Duration::from_millis(round_trip_ms)),
        handshake: Duration::from_millis(30),
        segments,
    }
}

/// A link that carries 5 MB/s to us and nobody else, looked at every 10 ms.
struct Calm {
    law: Law,
    /// What of the link is left to us, in bytes per second.
    left: u64,
    /// What a cap lets through, in bytes per second.
    cap: u64,
    is_capped: bool,
    ticks: u64,
    bytes: u64,
    others: u64,
    openings: u64,
    sent: u64,
}

impl Calm {
    fn new() -> Self {
        let mut calm = Self::before_the_start();
        calm.run(1000, 30);
        assert_eq!(calm.law.state, LinkState::Using, "{}", calm.law.trace());
        calm
    }

    /// One that uses a link it knows, and looks for no more for a while.
    fn cruising(left: u64, round_trip_ms: u64) -> Self {
        let mut calm = Self { left, ..Self::before_the_start() };
        calm.run(1000, round_trip_ms);
        calm.law.looking.begin(calm.law.at, 0.03, true);
        calm.law.looking.enter(Phase::Cruise, calm.law.at);
        calm.law.looking.look_in(calm.law.at, 9.0);
        calm.run(150, round_trip_ms);
        calm
    }

    fn before_the_start() -> Self {
        Self {
            law: Law::default(),
            left: RATE,
            cap: u64::MAX,
            is_capped: false,
            ticks: 0,
            bytes: 0,
            others: 0,
            openings: 7,
            sent: 0,
        }
    }

    fn run(&mut self, ticks: u64, round_trip_ms: u64) -> Verdict {
        let mut verdict = Verdict::default();
        for _ in 0..ticks {
            self.ticks += 1;
            // As much as the window lets in, up to what the link carries.
            let round_secs = round_trip_ms as f64 / 1000.0;
            let let_in = self.law.window.max(LEAST_WINDOW) / round_secs / 100.0;
            let may_come = (let_in as u64).min(self.left / 100);
            self.is_capped = may_come > self.cap / 100;
            self.bytes += may_come.min(self.cap / 100);
            verdict = self.tick(&[connection(round_trip_ms, self.ticks)], self.bytes + self.others);
        }
        verdict
    }

    /// A look after so many times as long as usual, while that part of what the link carries has come; whether something
    /// stood still for all that is known then.
    fn stood_still(&mut self, ticks: u64, percent: u64) -> bool {
        self.ticks += ticks;
        self.bytes += ticks * (self.left / 100) * percent / 100;
        let round_trip_ms = (1000.0 * self.law.round_trip()).round() as u64;
        self.tick(&[connection(round_trip_ms, self.ticks)], self.bytes + self.others);
        self.law.stood_still_within(0.0)
    }

    #[track_caller]
    fn assert_all_is_used(&mut self) {
        let before = self.bytes;
        self.run(10, 30);
        assert!(self.bytes - before > RATE / 12, "{}", self.law.trace());
    }

    fn tick(&mut self, connections: &[Connection], interface_bytes: u64) -> Verdict {
        self.law.tick(&Sample {
            at: Duration::from_millis(10 * self.ticks),
            own_bytes: self.bytes,
            interface_bytes: Some(interface_bytes),
            sent_bytes: Some(self.sent),
            openings: Some(self.openings),
            connections,
            is_capped: self.is_capped,
            is_early: false,
            is_counted_late: false,
        })
    }
}

#[test]
fn it_rests_without_connections_and_begins_with_the_first() {
    let mut calm = Calm::new();
    assert_eq!(calm.tick(&[], calm.bytes).state, LinkState::Resting);
    calm.ticks += 1;
    let verdict = calm.tick(&[connection(30, 1)], calm.bytes);
    assert_eq!((verdict.state, verdict.window_bytes), (LinkState::Starting, FIRST_WINDOW as u64));
}

#[test]
fn a_connection_that_is_opened_is_heeded_before_anything_comes() {
    let mut calm = Calm::new();
    calm.openings += 1;
    let verdict = calm.run(1, 30);
    assert_eq!((verdict.state, verdict.why), (LinkState::Yielding, Some(LinkWhy::ConnectionHere)));
    assert!(verdict.window_bytes <= 2 * SEGMENT as u64);
    // Nothing comes of it: as before after a moment.
    assert_eq!(calm.run(60, 30).state, LinkState::Using);
}

#[test]
fn a_start_is_doubted_only_for_a_while() {
    for (secs_before, secs_back, is_doubted) in [(1, 0, true), (1, 15, true), (15, 0, false)] {
        let mut calm = Calm::before_the_start();
        for _ in 0..100 * secs_before {
            // What is let in beyond what the link carries waits before it.
            let waits_ms = (calm.law.window * 1000.0 / RATE as f64) as u64;
            calm.run(1, waits_ms.max(30));
        }
        assert!(calm.law.looking.is_sure, "{}", calm.law.trace());
        for tick in 0..100 * secs_back {
            // Stepped back: the link is not used meanwhile.
            calm.run(1, 70 + tick / 100);
        }
        let begins_anew = (0..50).any(|_| {
            calm.run(1, 30);
            calm.run(1, 32).state == LinkState::Starting
        });
        assert_eq!(begins_anew, is_doubted, "{}", calm.law.trace());
    }
}

#[test]
fn a_look_that_begins_with_a_queue_and_brings_nothing_shows_that_the_link_is_full() {
    let mut calm = Calm::new();
    calm.law.looking.begin(calm.law.at, 0.03, false);
    let mut looks = 0;
    while !calm.law.looking.is_sure {
        let before = calm.law.looking.phase;
        // BBR's queue is at its lowest while each look is judged.
        calm.run(1, if before == Phase::Up { 33 } else { 37 });
        looks += u32::from((before, calm.law.looking.phase) == (Phase::Up, Phase::Cruise));
        assert!(looks < 2, "{}", calm.law.trace());
    }
}

#[test]
fn a_server_that_stops_while_is_looked_says_nothing_of_the_link() {
    let mut calm = Calm::new();
    calm.law.looking.begin(calm.law.at, 0.03, true);
    while calm.law.looking.phase != Phase::Up {
        calm.run(1, 30);
    }
    // As BBR does every ten seconds; what is read is that of the last that came.
    calm.left = RATE / 50;
    while calm.law.looking.phase == Phase::Up {
        calm.run(1, 33);
    }
    calm.left = RATE;
    calm.run(20, 30);
    calm.assert_all_is_used();
}

#[test]
fn what_waits_beside_an_upload_gets_no_more_room_though_the_link_was_never_seen_full() {
    let mut calm = Calm::new();
    for _ in 0..200 {
        // Nothing is looked for meanwhile, so nothing changes that.
        calm.law.looking.is_sure = false;
        calm.sent += RATE / 200;
        calm.run(1, 38);
    }
    assert!(calm.law.uploads.are_busy(), "{}", calm.law.trace());
    let most = 1.05 * calm.law.aim * 0.038 * calm.law.fit;
    assert!(calm.law.window <= most, "{most:.0}: {}", calm.law.trace());
}

#[test]
fn traffic_of_this_machine_is_heeded_within_two_looks() {
    let mut calm = Calm::new();
    let mut ticks = 0;
    while calm.run(1, 30).state != LinkState::Yielding {
        calm.others += RATE / 100;
        ticks += 1;
        assert!(ticks <= 4, "not heeded: {}", calm.law.trace());
    }
}

#[test]
fn it_is_calm_unless_something_is_seen_of_others_or_is_tried() {
    let calm_part = |calm: &mut Calm| {
        let ticks = (0..1000).filter(|_| {
            calm.run(1, 30);
            calm.law.is_calm()
        });
        ticks.count() as f64 / 1000.0
    };
    let mut calm = Calm::new();
    // Now and then it looks for more.
    let part = calm_part(&mut calm);
    assert!((0.7..1.0).contains(&part), "{part}");
    let settled = || {
        let (mut calm, mut ticks) = (Calm::new(), 0);
        while ticks < 50 {
            calm.run(1, 30);
            ticks = if calm.law.is_calm() { ticks + 1 } else { 0 };
        }
        calm
    };
    let mut calm = settled();
    calm.others += RATE / 10;
    calm.run(1, 30);
    assert!(!calm.law.is_calm(), "traffic of this machine: {}", calm.law.trace());
    let mut calm = settled();
    calm.openings += 1;
    calm.run(1, 30);
    assert!(!calm.law.is_calm(), "a connection of this machine: {}", calm.law.trace());
    let mut calm = settled();
    calm.run(2, 50);
    assert!(!calm.law.is_calm(), "packets wait: {}", calm.law.trace());
}

#[test]
fn a_start_that_is_interrupted_is_made_up_for() {
    let mut calm = Calm::before_the_start();
    calm.run(10, 30);
    for _ in 0..50 {
        calm.others += RATE / 100;
        calm.run(1, 30);
    }
    assert_eq!(calm.law.state, LinkState::Yielding, "{}", calm.law.trace());
    calm.run(250, 30);
    calm.assert_all_is_used();
}

#[test]
fn a_cap_is_not_taken_for_the_link() {
    let mut calm = Calm { cap: 1_000_000, ..Calm::before_the_start() };
    calm.run(200, 30);
    for _ in 0..3000 {
        let before = calm.bytes;
        calm.run(1, 30);
        assert_eq!(calm.bytes - before, calm.cap / 100, "{}", calm.law.trace());
    }
    calm.cap = u64::MAX;
    calm.run(500, 30);
    calm.assert_all_is_used();
}

#[test]
fn packets_that_wait_are_heeded_and_a_single_late_one_is_not() {
    let mut calm = Calm::new();
    assert_eq!(calm.run(1, 60).state, LinkState::Using);
    assert_eq!(calm.run(20, 30).state, LinkState::Using);
    let verdict = calm.run(4, 60);
    assert_eq!((verdict.state, verdict.why), (LinkState::Yielding, Some(LinkWhy::Delay)));
}

#[test]
fn what_waits_is_no_noise_if_less_comes_meanwhile() {
    for (comes_less, is_noise) in [(true, false), (false, true)] {
        let mut calm = Calm::cruising(RATE, 30);
        let before = calm.law.noise();
        while calm.law.state != LinkState::Yielding {
            if !comes_less {
                // What a longer round trip takes off what the window lets in.
                calm.bytes += RATE / 100 * 3 / 33;
            }
            calm.run(1, 33);
        }
        while calm.law.state != LinkState::Using {
            calm.run(1, 30);
        }
        calm.run(1, 30);
        assert_eq!(calm.law.noise() > before + 0.001, is_noise, "{}", calm.law.trace());
    }
}

#[test]
fn after_a_false_alarm_no_less_is_aimed_at_than_what_waited_explains() {
    let mut calm = Calm::cruising(2_000_000, 30);
    let before = calm.law.ceiling;
    // The link stands still for some milliseconds, within a look.
    calm.stood_still(1, 20);
    while calm.law.state != LinkState::Yielding {
        calm.run(1, 33);
    }
    let explained = before * 30.0 / 33.0;
    while calm.law.state != LinkState::Using {
        calm.run(1, 30);
    }
    let part = calm.law.ceiling / explained;
    assert!((0.999..1.05).contains(&part), "{part} {}", calm.law.trace());
}

#[test]
fn where_only_the_look_was_late_nothing_stood_still() {
    for (ticks, percent, stood_still) in [
        (1, 100, false),
        // Without acknowledgements no more than a window comes, which is three tenths of that.
        (10, 100, false),
        (10, 70, true),
        (10, 30, true),
        (4, 100, false),
        // In a round trip a window comes in any case.
        (3, 100, true),
        (2, 100, true),
        (2, 25, false),
    ] {
        let mut calm = Calm::cruising(RATE, 30);
        assert_eq!(calm.stood_still(ticks, percent), stood_still, "{ticks} {percent}");
    }
}

#[test]
fn where_nothing_comes_for_longer_than_others_send_at_once_something_stood_still() {
    // Sixty packets take 7.6 ms here,
    let mut calm = Calm::cruising(12_000_000, 20);
    let mut looks = |percents: [u64; 3]| percents.map(|percent| calm.stood_still(1, percent));
    assert_eq!(looks([100, 0, 100]), [false, true, false]);
    // and so soon again it is somebody.
    assert_eq!(looks([100, 0, 100]), [false; 3]);
    // Others' packets come in between ours; they take 15 ms where the link is slower; and on long ways it is nothing new.
    for (left, round_trip_ms, percent) in [(12_000_000, 20, 30), (6_000_000, 20, 0), (12_000_000, 40, 0)] {
        let mut calm = Calm::cruising(left, round_trip_ms);
        let looks = [100, percent, 100].map(|percent| calm.stood_still(1, percent));
        assert_eq!(looks, [false; 3], "{left} {round_trip_ms} {percent}");
    }
}

#[test]
fn a_queue_that_stands_is_taken_for_the_way_at_the_third_time() {
    let mut calm = Calm::new();
    // Somebody has most of the link and a queue that stands, as with BBR; or the link has become longer and slower at once.
    calm.left = RATE / 10;
    let (mut before, mut yielded_at) = (LinkState::Using, Vec::new());
    for tick in 0..9000 {
        let state = calm.run(1, 45).state;
        if state == LinkState::Yielding && state != before {
            yielded_at.push(tick / 100);
        }
        before = state;
    }
    assert_eq!(yielded_at.len(), 3, "after so many seconds each: {yielded_at:?}, {}", calm.law.trace());
    assert_eq!(before, LinkState::Using, "{}", calm.law.trace());
    let so_far = calm.bytes;
    calm.run(100, 45);
    assert!(calm.bytes - so_far > RATE / 11, "{}", calm.law.trace());
}

#[test]
fn a_way_that_trembles_is_learnt_and_a_queue_on_it_is_heeded() {
    let mut calm = Calm::new();
    let tremble = |tick: usize| [31, 37, 33, 39, 30, 35, 40, 32][tick % 8];
    for tick in 0..300 {
        calm.run(1, tremble(tick));
    }
    for tick in 0..1000 {
        let verdict = calm.run(1, tremble(tick));
        assert_ne!(verdict.state, LinkState::Yielding, "after {tick} ticks: {}", calm.law.trace());
    }
    let mut ticks = 0;
    while calm.run(1, tremble(ticks) + 20).state != LinkState::Yielding {
        ticks += 1;
        assert!(ticks <= 10, "not heeded: {}", calm.law.trace());
    }
}

#[test]
fn a_counter_that_is_set_to_nothing_is_no_traffic() {
    let mut calm = Calm::new();
    calm.others = 1 << 40;
    // All at once, as after a driver was loaded anew: what came before cannot be told, what comes then can.
    calm.ticks += 1;
    let connections = [connection(30, calm.ticks)];
    calm.tick(&connections, 5);
    calm.others = 0;
    calm.ticks += 1;
    let connections = [connection(30, calm.ticks)];
    let verdict = calm.tick(&connections, 5);
    assert_ne!(verdict.why, Some(LinkWhy::TrafficHere), "{}", calm.law.trace());
}

#[test]
fn an_hour_of_sleep_is_neither_a_speed_nor_a_delay() {
    let mut calm = Calm::new();
    calm.ticks += 360_000;
    let verdict = calm.run(1, 30);
    assert_ne!(verdict.state, LinkState::Yielding, "{}", calm.law.trace());
    assert!(verdict.window_bytes < 1_000_000);
}

#[test]
fn an_upload_of_the_user_is_no_queue_on_the_way_down() {
    let mut calm = Calm::new();
    let mut slowest = u64::MAX;
    for tick in 0..500 {
        calm.sent += 12_500;
        let before = calm.bytes;
        // Its queue fills within a second.
        let verdict = calm.run(1, 30 + (tick / 2).min(80));
        assert_ne!(verdict.state, LinkState::Yielding, "after {tick} ticks: {}", calm.law.trace());
        if tick > 100 {
            slowest = slowest.min(calm.bytes - before);
        }
    }
    assert!(slowest > RATE / 100 / 2, "{slowest} bytes in 10 ms");
}

/// A link that carries 5 MB/s, where the kernel tells nothing of our connection: our bytes are counted when they are read, and
/// those that wait with the kernel. The HTTP library takes them from it in lumps ahead of that.
#[derive(Default)]
struct ByReading {
    law: Law,
    ticks: u64,
    interface: u64,
    with_kernel: u64,
    ahead: u64,
    read: u64,
    /// How much more was read than was to be.
    debt: f64,
}

impl ByReading {
    const LUMP: u64 = 128 << 10;

    /// Runs on while others receive so much; what we read meanwhile, and whether we stepped back.
    fn run(&mut self, ticks: u64, others_bps: u64) -> (u64, bool) {
        let (before, mut stepped_back) = (self.read, false);
        for _ in 0..ticks {
            self.ticks += 1;
            let rate_bps = self.law.window.max(LEAST_WINDOW) / 0.2;
            // Twice what is let in in a round trip of 60 ms.
            let buffer = ((0.12 * rate_bps) as u64).max(16 << 10);
            let comes = ((RATE - others_bps) / 100).min(buffer.saturating_sub(self.with_kernel));
            self.interface += comes + others_bps / 100;
            self.with_kernel += comes;
            self.debt = (self.debt - rate_bps / 100.0).max(-rate_bps / 100.0);
            if self.debt <= 0.0 {
                self.read += self.ahead;
                self.debt += self.ahead as f64;
                self.ahead = self.with_kernel.min(Self::LUMP);
                self.with_kernel -= self.ahead;
            }
            let handshake = Duration::from_millis(200);
            let verdict = self.law.tick(&Sample {
                at: Duration::from_millis(10 * self.ticks),
                own_bytes: self.read + self.with_kernel,
                interface_bytes: Some(self.interface),
                sent_bytes: Some(0),
                openings: Some(1),
                connections: &[Connection { path: 1, round_trip: None, handshake, segments: 0 }],
                is_capped: false,
                is_early: false,
                is_counted_late: true,
            });
            stepped_back |= verdict.state == LinkState::Yielding;
        }
        (self.read - before, stepped_back)
    }
}

#[test]
fn where_we_hold_back_by_reading_a_fifth_is_left_and_others_here_are_heeded() {
    let mut reading = ByReading::default();
    let (_, stepped_back) = reading.run(1000, 0);
    assert!(!stepped_back, "nobody else is about");
    let (read, stepped_back) = reading.run(500, 0);
    let part = read as f64 / (5 * RATE) as f64;
    assert!((0.7..0.85).contains(&part) && !stepped_back, "{part} {}", reading.law.trace());
    let (_, stepped_back) = reading.run(60, RATE / 2);
    assert!(stepped_back, "{}", reading.law.trace());
    reading.run(600, 0);
    let (read, _) = reading.run(100, 0);
    assert!(read as f64 > 0.7 * RATE as f64, "{}", reading.law.trace());
}

proptest! {
    /// Whatever the kernel says, the window is one that can be set.
    #[test]
    fn no_sample_makes_a_window_that_is_none(
        samples in prop::collection::vec(
            (0_u64..200, any::<u32>(), prop::option::of(any::<u32>()), prop::option::of(any::<u16>()), 0_usize..4, 0_u64..5_000),
            1..200,
        ),
    ) {
        let mut law = Law::default();
        let mut at_ms = 0;
        for (passed_ms, own, interface, openings, connections, round_trip_ms) in samples {
            at_ms += passed_ms;
            let connections = vec![
                Connection {
                    path: own.into(),
                    round_trip: (round_trip_ms % 7 != 0).then(|| Duration::from_millis(round_trip_ms)),
                    handshake: Duration::from_millis(round_trip_ms / 2),
                    segments: own.into(),
                };
                connections
            ];
            let verdict = law.tick(&Sample {
                at: Duration::from_millis(at_ms),
                own_bytes: own.into(),
                interface_bytes: interface.map(u64::from),
                sent_bytes: openings.map(|openings| u64::from(openings) << 10),
                openings: openings.map(u64::from),
                connections: &connections,
                is_capped: own % 3 == 0,
                is_early: own % 7 == 0,
                is_counted_late: own % 5 == 0,
            });
            prop_assert!(law.window.is_finite(), "{}", law.trace());
            if verdict.state != LinkState::Resting {
                prop_assert!(verdict.window_bytes >= LEAST_WINDOW as u64, "{}", law.trace());
            }
        }
    }
}
