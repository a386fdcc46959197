//! What the bottleneck saw, in figures.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::bottleneck::{SLOT, Slot};
use super::{HomeLink, OURS};

/// A stretch of time on a link.
pub(crate) struct Course {
    slots: Vec<Slot>,
    /// What the link carries in a slot.
    whole: f64,
}

impl HomeLink {
    /// What was between two times of the bottleneck.
    pub(crate) fn course(&self, from: Duration, to: Duration) -> Course {
        Course { slots: self.bottleneck.slots(from, to), whole: self.link.down_bps() * SLOT.as_secs_f64() }
    }

    /// What was from a time up to now.
    pub(crate) fn course_since(&self, from: Duration) -> Course {
        self.course(from, self.bottleneck.now())
    }
}

impl Course {
    /// How long it is.
    pub(crate) fn length(&self) -> Duration {
        SLOT * self.slots.len() as u32
    }

    /// The share of the link that an address at home had.
    pub(crate) fn share(&self, whose: Ipv4Addr) -> f64 {
        mean(&self.shares(whose))
    }

    /// How long it took until we had less than a tenth of the link for so long.
    pub(crate) fn stepped_back_after(&self) -> Option<Duration> {
        const FOR: usize = 5;
        let ours = self.shares(OURS);
        let at = ours.windows(FOR).position(|few| mean(few) < 0.1 && few[0] < 0.1);
        at.map(|slots| SLOT * slots as u32)
    }

    /// How long it took until we had more than four fifths of the link for so long.
    pub(crate) fn back_after(&self) -> Option<Duration> {
        const FOR: usize = 10;
        let at = self.shares(OURS).windows(FOR).position(|few| mean(few) > 0.8);
        at.map(|slots| SLOT * slots as u32)
    }

    /// How long packets waited in the queue, on average.
    pub(crate) fn queue(&self) -> Duration {
        let packets: u64 = self.slots.iter().map(|slot| slot.packets).sum();
        let waited: Duration = self.slots.iter().map(|slot| slot.waited).sum();
        waited / u32::try_from(packets.max(1)).unwrap_or(u32::MAX)
    }

    /// The share of the link an address had, slot by slot.
    pub(crate) fn shares(&self, whose: Ipv4Addr) -> Vec<f64> {
        let bytes = |slot: &Slot| slot.bytes.get(&whose).copied().unwrap_or_default();
        self.slots.iter().map(|slot| bytes(slot) as f64 / self.whole).collect()
    }
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len().max(1) as f64
}
