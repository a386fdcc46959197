//! Checksums of a file, taken while it is written as far as it comes in order, and the rest afterwards.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::job::{Checksum, Hash};

/// How much is read at once when a file is read again.
const READ_BYTES: usize = 1 << 20;

/// Takes the sums of the bytes of a file from its start on.
#[derive(Clone, Debug, Default)]
pub(super) struct Summing {
    /// How many bytes it has seen.
    at: u64,
    sums: Vec<Sum>,
}

#[derive(Clone, Debug)]
enum Sum {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Summing {
    /// Takes these sums, from the first byte on.
    pub(super) fn new(hashes: impl IntoIterator<Item = Hash>) -> Self {
        let mut hashes: Vec<Hash> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self { at: 0, sums: hashes.into_iter().map(Sum::new).collect() }
    }

    /// Takes in what was written at `at`, if it comes next; else it is read again in the end.
    pub(super) fn take_in(&mut self, at: u64, bytes: &[u8]) {
        if at == self.at && !self.sums.is_empty() {
            self.update(bytes);
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        for sum in &mut self.sums {
            match sum {
                Sum::Md5(sum) => sum.update(bytes),
                Sum::Sha1(sum) => sum.update(bytes),
                Sum::Sha256(sum) => sum.update(bytes),
                Sum::Sha512(sum) => sum.update(bytes),
            }
        }
    }

    /// Whether it takes that sum.
    pub(super) fn has(&self, hash: Hash) -> bool {
        self.sums.iter().any(|sum| sum.hash() == hash)
    }

    /// Reads the rest of the file and gives all sums. `seen` counts how many bytes have been gone through. Blocks.
    pub(super) fn finish(mut self, file: &File, seen: &AtomicU64) -> io::Result<Vec<Checksum>> {
        let mut buffer = if self.sums.is_empty() { Vec::new() } else { vec![0; READ_BYTES] };
        loop {
            seen.store(self.at, Ordering::Relaxed);
            match file.read_at(&mut buffer, self.at) {
                Ok(0) => break,
                Ok(bytes) => self.update(&buffer[..bytes]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.sums.into_iter().filter_map(Sum::finish).collect())
    }
}

impl Sum {
    fn new(hash: Hash) -> Self {
        match hash {
            Hash::Md5 => Self::Md5(Md5::new()),
            Hash::Sha1 => Self::Sha1(Sha1::new()),
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            Hash::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    const fn hash(&self) -> Hash {
        match self {
            Self::Md5(_) => Hash::Md5,
            Self::Sha1(_) => Hash::Sha1,
            Self::Sha256(_) => Hash::Sha256,
            Self::Sha512(_) => Hash::Sha512,
        }
    }

    /// Always there: each sort of sum has the number of bytes it has.
    fn finish(self) -> Option<Checksum> {
        let hash = self.hash();
        match self {
            Self::Md5(sum) => Checksum::new(hash, &sum.finalize()),
            Self::Sha1(sum) => Checksum::new(hash, &sum.finalize()),
            Self::Sha256(sum) => Checksum::new(hash, &sum.finalize()),
            Self::Sha512(sum) => Checksum::new(hash, &sum.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// Of “abc”, as RFC 1321, RFC 3174 and RFC 6234 have them.
    const OF_ABC: [&str; 3] = [
        "md5:900150983cd24fb0d6963f7d28e17f72",
        "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ];

    #[test]
    fn sums_are_the_same_in_whatever_order_the_bytes_come() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        for order in [&[(0, "abc")][..], &[(0, "a"), (1, "bc")], &[(1, "bc"), (0, "a")], &[(2, "c")], &[]] {
            let mut summing = Summing::new([Hash::Sha256, Hash::Md5, Hash::Sha1, Hash::Md5]);
            for (at, bytes) in order {
                summing.take_in(*at, bytes.as_bytes());
            }
            let seen = AtomicU64::new(0);
            let sums = summing.finish(&file, &seen).unwrap();
            assert_eq!(sums.iter().map(ToString::to_string).collect::<Vec<_>>(), OF_ABC, "{order:?}");
            assert_eq!(seen.into_inner(), 3);
        }
    }
}
