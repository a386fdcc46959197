//! A home link on paper: one bottleneck, senders of TCP, receivers as the kernel has them, and the real law in the place
//! where the governor has it. Nothing in it depends on a clock or on luck: a seed makes the same run each time.
//!
//! It goes in steps of a millisecond, which is also as fine as TCP's timestamps are; what leaves the bottleneck when is
//! exact. How it compares with real links stands in `benches/idle`.

mod bbr;
mod flow;
mod link;
mod plays;
mod sender;
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::law::{Connection, Law, Sample, Verdict};
use super::link::{LinkState, LinkWhy};
use super::looks;
use super::throttle::{Claim, LEAST_WINDOW_BYTES, Turns, shares};
use flow::{Ack, Flow};
use link::{Discipline, Link};
use plays::{Part, Play, Stalls};
use sender::Control;

/// A segment's payload, and what it is on the wire, in bytes.
const MSS: f64 = 1448.0;
const WIRE: f64 = 1514.0;

/// How fine time is.
const STEP_SECS: f64 = 0.001;

type FlowId = usize;

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
struct Packet {
    flow: FlowId,
    bytes: f64,
    /// When the receiver sent the acknowledgement it answers: what comes back in the timestamp option.
    echo: f64,
    sent: f64,
    is_datagram: bool,
}

/// Whose traffic it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Ours, under the law numbered so.
    Ours(usize),
    /// Another program's on this machine.
    Here,
    /// Of another device behind the same link.
    There,
}

/// The link and all that goes over it.
struct World {
    now: f64,
    step: u64,
    down: Link,
    /// The way back: acknowledgements are small, so it only delays.
    up_delay_secs: f64,
    up_jitter_secs: f64,
    flows: Vec<Flow>,
    acks: VecDeque<Ack>,
    last_ack: f64,
    /// Losses, and when their senders will know.
    losses: Vec<(f64, FlowId)>,
    governors: Vec<Governor>,
    plays: Vec<Box<dyn Play>>,
    random: fastrand::Rng,
    stalls: Stalled,
    /// Bytes that have come over this machine's interface.
    interface_bytes: f64,
    openings: u64,
    /// How much arrived in each tenth of a second: ours, and others'.
    series: Vec<[f64; 2]>,
    /// How long datagrams took one way.
    calls: Vec<(f64, f64)>,
}

/// Until when what stands still.
#[derive(Debug, Default)]
struct Stalled {
    /// The machines, as on a busy host: what comes meanwhile is seen then.
    machines: f64,
    /// The link, as a modem or a radio link does now and then: nothing goes over it, and what is on its way comes at once
    /// afterwards.
    link: f64,
    /// Only the governor, which gets no time of the processor: the kernel goes on.
    governor: f64,
}

/// One instance of the law with what it steers.
struct Governor {
    law: Law,
    verdict: Verdict,
    turns: Turns,
    /// When it looked the last time, and what had been received then.
    looked: (u64, f64),
    sees_counters: bool,
    sees_delay: bool,
    /// Times and whys of its steps back.
    yields: Vec<(f64, Option<LinkWhy>)>,
}

impl World {
    fn new(down: Link, seed: u64) -> Self {
        let up_delay_secs = down.delay_secs;
        Self {
            now: 0.0,
            step: 0,
            down,
            up_delay_secs,
            up_jitter_secs: 0.0,
            flows: Vec::new(),
            acks: VecDeque::new(),
            last_ack: 0.0,
            losses: Vec::new(),
            governors: Vec::new(),
            plays: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            stalls: Stalled::default(),
            interface_bytes: 0.0,
            openings: 0,
            series: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// An instance of the law and its connections, which begin at that time.
    fn govern(&mut self, connections: usize, control: Control, start: f64) -> usize {
        let number = self.governors.len();
        self.governors.push(Governor {
            law: Law::default(),
            verdict: Verdict::default(),
            turns: Turns::default(),
            looked: (0, 0.0),
            sees_counters: true,
            sees_delay: true,
            yields: Vec::new(),
        });
        for _ in 0..connections {
            self.add(Flow::bulk(Whose::Ours(number), control, start, f64::INFINITY));
        }
        number
    }

    fn add(&mut self, flow: Flow) -> FlowId {
        self.flows.push(flow);
        self.flows.len() - 1
    }

    /// Somebody begins to fetch something large at `start` and ends at `stop`.
    fn bulk(&mut self, whose: Whose, control: Control, start: f64, stop: f64) -> FlowId {
        let base = self.down.delay_secs + self.up_delay_secs;
        self.plays.push(Box::new(plays::Opening { at: start, whose }));
        self.add(Flow::bulk(whose, control, start + 1.5 * base, stop))
    }

    /// Something stands still again and again, after so many seconds on average, and for so many.
    fn stalls_of(&mut self, part: Part, every_secs: f64, secs: f64) {
        self.plays.push(Box::new(Stalls { of: part, every_secs, secs, next: 0.5 }));
    }

    fn run(&mut self, until: f64) {
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        self.step += 1;
        self.now = self.step as f64 * STEP_SECS;
        let now = self.now;
        let link_goes_on = now >= self.stalls.link;
        if link_goes_on {
            for packet in self.down.serve(now, &mut self.random) {
                self.lose(packet);
            }
        }
        if now < self.stalls.machines {
            return;
        }
        while link_goes_on && let Some((at, packet)) = self.down.arrived(now) {
            self.receive(at.max(now - STEP_SECS), packet);
        }
        for id in 0..self.flows.len() {
            if self.flows[id].is_ack_due(now) {
                self.acknowledge(now, id);
            }
        }
        while link_goes_on && let Some(ack) = self.acks.pop_front_if(|ack| ack.arrives <= now) {
            self.flows[ack.flow].acked(ack.arrives.max(now - STEP_SECS), &ack);
        }
        let mut known = Vec::new();
        self.losses.retain(|(at, id)| {
            if *at <= now {
                known.push(*id);
            }
            *at > now
        });
        for id in known {
            self.flows[id].lost(now);
        }
        let mut plays = std::mem::take(&mut self.plays);
        for play in &mut plays {
            play.step(self);
        }
        self.plays = plays;
        // Who comes first in a millisecond is luck.
        let first = self.random.usize(..self.flows.len().max(1));
        for step in 0..self.flows.len() {
            self.send((first + step) % self.flows.len());
        }
        for number in 0..self.governors.len() {
            let (at, had) = self.governors[number].looked;
            let ours =
                || self.flows.iter().filter(|flow| flow.whose == Whose::Ours(number) && flow.start <= now);
            let has: f64 = ours().map(|flow| flow.wire_bytes).sum();
            let law = &self.governors[number].law;
            let next = looks::next(ours().count(), law.is_calm(), law.is_quick());
            let steps = (next.after.as_secs_f64() / STEP_SECS).round();
            let waited = (self.step - at) as f64;
            let is_due = waited >= steps && has > had || waited >= looks::LATEST * steps;
            if is_due && now >= self.stalls.governor {
                self.governors[number].looked = (self.step, has);
                self.tick(number, next.is_early);
            }
        }
    }

    fn send(&mut self, id: FlowId) {
        let now = self.now;
        for packet in self.flows[id].packets_to_send(id, now, STEP_SECS) {
            if let Some(packet) = self.down.take(now, packet, &mut self.random) {
                self.lose(packet);
            }
        }
    }

    fn lose(&mut self, packet: Packet) {
        if packet.is_datagram {
            return;
        }
        // What is behind it in the queue tells of it.
        let known = self.now + self.down.queue_secs(self.now) + self.down.delay_secs + self.up_delay_secs;
        self.losses.push((known, packet.flow));
    }

    fn receive(&mut self, at: f64, packet: Packet) {
        let flow = &mut self.flows[packet.flow];
        let tenth = (at * 10.0) as usize;
        if self.series.len() <= tenth {
            self.series.resize(tenth + 1, [0.0; 2]);
        }
        self.series[tenth][usize::from(!matches!(flow.whose, Whose::Ours(_)))] += packet.bytes;
        if flow.whose != Whose::There {
            self.interface_bytes += packet.bytes;
        }
        if packet.is_datagram {
            self.calls.push((at, at - packet.sent));
            return;
        }
        if flow.received(at, packet) {
            self.acknowledge(at, packet.flow);
        }
    }

    fn acknowledge(&mut self, at: f64, id: FlowId) {
        let ack = self.flows[id].acknowledge(id, at);
        let mut arrives = at + self.up_delay_secs;
        if self.up_jitter_secs > 0.0 {
            arrives += self.random.f64() * self.up_jitter_secs;
        }
        self.last_ack = self.last_ack.max(arrives);
        self.acks.push_back(Ack { arrives: self.last_ack, ..ack });
    }

    fn tick(&mut self, number: usize, is_early: bool) {
        let governor = &mut self.governors[number];
        let mine = |flow: &Flow| flow.whose == Whose::Ours(number) && flow.start <= self.now;
        let connections: Vec<Connection> = (self.flows.iter())
            .filter(|flow| mine(flow) && !flow.is_parked())
            .map(|flow| Connection {
                path: 0,
                round_trip: Some(Duration::from_secs_f64(flow.round_trip.max(0.0)))
                    .filter(|rtt| governor.sees_delay && !rtt.is_zero()),
                handshake: Duration::from_secs_f64(flow.handshake),
                segments: flow.segments,
            })
            .collect();
        let own = self.flows.iter().filter(|flow| mine(flow)).map(|flow| flow.wire_bytes as u64).sum();
        let sample = Sample {
            at: Duration::from_secs_f64(self.now),
            own_bytes: own,
            interface_bytes: governor.sees_counters.then_some(self.interface_bytes as u64),
            sent_bytes: None,
            openings: governor.sees_counters.then_some(self.openings),
            connections: &connections,
            is_capped: false,
            is_early,
            is_counted_late: false,
        };
        let before = governor.verdict.state;
        governor.verdict = governor.law.tick(&sample);
        let verdict = governor.verdict;
        if before != verdict.state && verdict.state == LinkState::Yielding {
            governor.yields.push((self.now, verdict.why));
        }
        let mut flows: Vec<&mut Flow> = self
            .flows
            .iter_mut()
            .filter(|flow| flow.whose == Whose::Ours(number) && flow.start <= self.now)
            .collect();
        let holds_back = matches!(verdict.state, LinkState::Yielding | LinkState::Returning);
        let for_turns = if holds_back { verdict.window_bytes } else { u64::MAX };
        let flowing = governor.turns.flowing(sample.at, for_turns, flows.len());
        let claim =
            |index| if flowing.has(index) { Claim { weight: 1, most_bytes: u64::MAX } } else { Claim::NONE };
        let claims: Vec<Claim> = (0..flows.len()).map(claim).collect();
        for (flow, window) in flows.iter_mut().zip(shares(verdict.window_bytes, &claims)) {
            flow.clamp(window);
        }
    }

    // What is looked at afterwards. Rates in bytes per second.

    fn mean(&self, whose: usize, from: f64, to: f64) -> f64 {
        let tenths = &self.series
            [((from * 10.0) as usize).min(self.series.len())..((to * 10.0) as usize).min(self.series.len())];
        tenths.iter().map(|tenth| tenth[whose]).sum::<f64>() / (to - from)
    }

    fn used(&self, from: f64, to: f64) -> f64 {
        self.mean(0, from, to) / self.down.bytes_per_sec
    }

    fn others(&self, from: f64, to: f64) -> f64 {
        self.mean(1, from, to) / self.down.bytes_per_sec
    }

    /// After how many seconds from `from` ours stayed below a part of the link for half a second.
    fn secs_to_yield(&self, from: f64) -> f64 {
        self.secs_until(from, |used| used < 0.10)
    }

    fn secs_to_reclaim(&self, from: f64) -> f64 {
        self.secs_until(from, |used| used > 0.8)
    }

    fn secs_until(&self, from: f64, holds: impl Fn(f64) -> bool) -> f64 {
        let tenth = self.down.bytes_per_sec / 10.0;
        let first = (from * 10.0) as usize;
        let found = (first..self.series.len().saturating_sub(5))
            .find(|at| holds(self.series[*at..at + 5].iter().map(|ours| ours[0]).sum::<f64>() / 5.0 / tenth));
        found.map_or(f64::INFINITY, |at| (at - first) as f64 / 10.0)
    }
}
