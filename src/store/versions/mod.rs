//! The versions of the queue's format, and the steps from each to the next.
//!
//! What an old version wrote is read with types of its own, frozen in a file of its own, and goes up step by step: a
//! change of format is a new number in `record.rs`, the types it replaces moved into a file here, and a step. Types
//! that have only grown since are shared, and a test there holds their old texts.

mod v1;

use std::sync::Arc;

use super::record::{Record, VERSION};
use crate::job::Job;

/// How far apart the places of jobs are that are numbered anew, so that a job can be moved between two others.
pub(super) const PLACES_APART: u64 = 1 << 20;

/// The record a text stands for, which was written by that version.
pub(super) fn read(version: u32, ron: &[u8]) -> Option<Record> {
    match version {
        1 => Some(ron::de::from_bytes::<v1::Record>(ron).ok()?.into_v2()),
        // Version 3 has one more sort of line, and extents of several ranges.
        2 | VERSION => ron::de::from_bytes(ron).ok(),
        _ => None,
    }
}

/// The version that wrote a job's record, where the line that says it is damaged.
pub(super) fn guess(ron: &[u8]) -> Option<u32> {
    (1..=VERSION).rev().find(|version| matches!(read(*version, ron), Some(Record::Job(_))))
}

/// The steps that concern the list as a whole; it comes in the order in which the jobs were first named.
pub(super) fn migrate(version: u32, jobs: &mut [Arc<Job>]) {
    if version < 2 {
        // The order of the lines was the user's order.
        number_anew(jobs);
    }
}

/// Gives the jobs places in the order they are in.
pub(super) fn number_anew(jobs: &mut [Arc<Job>]) {
    for (job, place) in jobs.iter_mut().zip(1..) {
        Arc::make_mut(job).place = place * PLACES_APART;
    }
}
