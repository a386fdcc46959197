//! One connection, both ends: the sender, and the receiver as Linux has it.

use super::sender::{Control, Sender};
use super::{FlowId, LEAST_WINDOW_BYTES, MSS, Packet, WIRE, Whose};

/// A delayed acknowledgement waits that long.
const DELAYED_ACK_SECS: f64 = 0.040;

/// What a connection carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// All it can.
    Bulk,
    /// So many bytes, and then the next of its list.
    Items,
    /// Datagrams of that size, so many a second.
    Datagrams { bytes: f64, per_sec: f64 },
}

/// An acknowledgement on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    pub(super) flow: FlowId,
    pub(super) arrives: f64,
    /// When it was sent.
    pub(super) at: f64,
    pub(super) bytes: f64,
    pub(super) right_edge: f64,
    /// When the segment was sent that it answers.
    pub(super) segment_sent: f64,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) whose: Whose,
    pub(super) start: f64,
    pub(super) stop: f64,
    load: Load,
    sender: Sender,
    /// How much the application has given it to send.
    offered: f64,
    sent: f64,
    acked: f64,
    lost_bytes: f64,
    pub(super) received: f64,
    right_edge: f64,
    clamp: Option<f64>,
    unacked: f64,
    ack_at: f64,
    segment_sent: f64,
    last_echo: f64,
    tick: i64,
    pub(super) round_trip: f64,
    /// How long the first answer took.
    pub(super) handshake: f64,
    pub(super) wire_bytes: f64,
    pub(super) segments: u64,
    pace_credit: f64,
    due: f64,
}

impl Flow {
    fn new(whose: Whose, control: Control, start: f64, stop: f64, load: Load) -> Self {
        let offered = if matches!(load, Load::Bulk) { f64::INFINITY } else { 0.0 };
        // Ours are held to ten segments from the start; others' windows never are in the way.
        let clamp = matches!(whose, Whose::Ours(_)).then_some(10.0 * MSS);
        let right_edge = clamp.unwrap_or(1e12);
        Self {
            whose,
            start,
            stop,
            load,
            sender: Sender::new(control),
            offered,
            sent: 0.0,
            acked: 0.0,
            lost_bytes: 0.0,
            received: 0.0,
            right_edge,
            clamp,
            unacked: 0.0,
            ack_at: f64::INFINITY,
            segment_sent: start,
            last_echo: f64::NAN,
            tick: -1,
            round_trip: 0.0,
            handshake: 0.0,
            wire_bytes: 0.0,
            segments: 0,
            pace_credit: 0.0,
            due: 0.0,
        }
    }

    pub(super) fn bulk(whose: Whose, control: Control, start: f64, stop: f64) -> Self {
        Self::new(whose, control, start, stop, Load::Bulk)
    }

    pub(super) fn items(whose: Whose, control: Control, start: f64) -> Self {
        Self::new(whose, control, start, f64::INFINITY, Load::Items)
    }

    pub(super) fn call(whose: Whose, start: f64, stop: f64, mbit: f64) -> Self {
        let bytes = 1278.0;
        let load = Load::Datagrams { bytes, per_sec: mbit * 1e6 / 8.0 / bytes };
        Self::new(whose, Control::Cubic, start, stop, load)
    }

    /// The server has something more to send.
    pub(super) fn offer(&mut self, bytes: f64) {
        self.offered += bytes;
    }

    pub(super) fn has_all(&self) -> bool {
        self.received + self.lost_bytes >= self.offered
    }

    /// Holds it to a window; parks it with none.
    pub(super) fn clamp(&mut self, window: u64) {
        self.clamp = Some(if window == 0 { 0.0 } else { window.max(LEAST_WINDOW_BYTES) as f64 });
    }

    pub(super) fn is_parked(&self) -> bool {
        self.clamp == Some(0.0)
    }

    pub(super) fn packets_to_send(&mut self, id: FlowId, now: f64, step: f64) -> Vec<Packet> {
        if now < self.start || now > self.stop {
            return Vec::new();
        }
        if let Load::Datagrams { bytes, per_sec } = self.load {
            self.due += per_sec * step;
            let count = self.due as usize;
            self.due -= count as f64;
            return vec![Packet { flow: id, bytes, echo: now, sent: now, is_datagram: true }; count];
        }
        if self.sent <= self.acked {
            // All is acknowledged, with the window of now.
            self.right_edge = self.right_edge.max(self.acked + self.window());
        }
        let room = (self.acked + self.sender.window).min(self.right_edge) - self.sent;
        let mut count = (room / MSS).floor().max(0.0).min(((self.offered - self.sent) / MSS).ceil());
        if let Some(pace) = self.sender.pace {
            self.pace_credit = (self.pace_credit + pace * step).min(pace * step + 2.0 * MSS);
            count = count.min((self.pace_credit / MSS).floor());
            self.pace_credit -= count * MSS;
        }
        self.sent += count * MSS;
        vec![
            Packet { flow: id, bytes: WIRE, echo: self.last_echo, sent: now, is_datagram: false };
            count as usize
        ]
    }

    /// A segment has come; says whether it is acknowledged at once.
    pub(super) fn received(&mut self, at: f64, packet: Packet) -> bool {
        self.received += MSS;
        self.segment_sent = packet.sent;
        self.wire_bytes += packet.bytes;
        self.segments += 1;
        // The kernel takes one sample for each timestamp that comes back, in whole milliseconds; shorter ones count at
        // once, longer ones by an eighth (Linux 6.16, tcp_rcv_rtt_update).
        let stamp = (packet.echo * 1000.0) as i64;
        if packet.echo.is_finite() && stamp != self.tick {
            self.tick = stamp;
            let sample = ((at * 1000.0) as i64 - stamp).max(1) as f64 / 1000.0;
            if self.round_trip == 0.0 || sample < self.round_trip {
                self.round_trip = sample;
            } else {
                self.round_trip += (sample - self.round_trip) / 8.0;
            }
            if self.handshake == 0.0 {
                self.handshake = at - self.start;
            }
        }
        self.unacked += MSS;
        if self.unacked >= 2.0 * MSS || self.segments < 30 {
            return true;
        }
        self.ack_at = at + DELAYED_ACK_SECS;
        false
    }

    pub(super) fn is_ack_due(&self, now: f64) -> bool {
        now >= self.ack_at
    }

    /// The acknowledgement to be sent now.
    pub(super) fn acknowledge(&mut self, flow: FlowId, at: f64) -> Ack {
        self.ack_at = f64::INFINITY;
        let bytes = std::mem::take(&mut self.unacked);
        let right_edge = self.received + self.lost_bytes + self.window();
        Ack { flow, arrives: at, at, bytes, right_edge, segment_sent: self.segment_sent }
    }

    /// What the receiver offers: nothing is in the way of others, and the kernel rounds up.
    fn window(&self) -> f64 {
        self.clamp.map_or(1e12, |clamp| (clamp / 1024.0).ceil() * 1024.0)
    }

    /// An acknowledgement reaches the sender.
    pub(super) fn acked(&mut self, now: f64, ack: &Ack) {
        self.acked += ack.bytes;
        // What was once offered stays offered.
        self.right_edge = self.right_edge.max(ack.right_edge);
        self.last_echo = ack.at;
        let round_trip = (now - ack.segment_sent).max(0.001);
        self.sender.acked(now, ack.bytes, round_trip, self.sent, self.acked);
    }

    /// A segment was lost, and the sender knows. It is sent again at once and counts as under way no more.
    pub(super) fn lost(&mut self, now: f64) {
        let round_trip = self.round_trip.max(0.001);
        self.acked += MSS;
        self.lost_bytes += MSS;
        self.right_edge = self.right_edge.max(self.acked + self.window());
        self.sender.lost(now, round_trip);
    }
}
