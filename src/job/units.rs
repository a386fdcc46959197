//! Sizes, rates and durations, as people write and read them.
//!
//! Binary units throughout (KiB, MiB, GiB), so that a number typed and a number shown are the same one.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A transfer rate in bytes per second. Zero is not a rate; "no limit" is `Option::None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// A rate of that many bytes per second; `None` for zero.
    #[must_use]
    pub const fn from_bytes_per_sec(bytes: u64) -> Option<Self> {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// Bytes per second.
    #[must_use]
    pub const fn bytes_per_sec(self) -> u64 {
        self.0.get()
    }

    /// The shortest text that reads back as exactly this rate: `128K`, `1M`, `1500000`. Display is rounded, for
    /// reading; this is for editing.
    #[must_use]
    pub fn as_typed(self) -> String {
        let bytes = self.bytes_per_sec();
        let unit =
            [(30, "G"), (20, "M"), (10, "K")].into_iter().find(|(bits, _)| bytes.is_multiple_of(1 << bits));
        unit.map_or_else(|| bytes.to_string(), |(bits, unit)| format!("{}{unit}", bytes >> bits))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&rate_in_words(self.bytes_per_sec()))
    }
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no rate; write bytes per second as in 500K, 1.5M or 2G, or bits as in 50Mbit")]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    /// Reads `500K`, `1.5M`, `2G` (binary, as curl and wget do), `1MB` (decimal), `1MiB` and `50Mbit`;
    /// `/s` may follow. The unit's case does not matter, except that a lone `b` is bytes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || RateError(text.to_owned());
        let trimmed = text.trim().trim_end_matches("/s").trim_end_matches("ps");
        let digits_end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits_end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kib" => 1024.0,
            "m" | "mib" => 1024.0 * 1024.0,
            "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "bit" => 1.0 / 8.0,
            "kbit" => 1e3 / 8.0,
            "mbit" => 1e6 / 8.0,
            "gbit" => 1e9 / 8.0,
            _ => return Err(wrong()),
        };
        let bytes = number * factor;
        // Above a terabyte a second it is a typing mistake, and f64 has lost no digit below it.
        if !(1.0..1e12).contains(&bytes) {
            return Err(wrong());
        }
        Self::from_bytes_per_sec(bytes as u64).ok_or_else(wrong)
    }
}

/// A size: `0 B`, `999 B`, `1.5 KiB`, `148 MiB`, `5.9 GiB`.
#[must_use]
pub fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 999.5 would be shown as "1000": go on to the next unit before that.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 99.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A rate: `31.2 MiB/s`.
#[must_use]
pub fn rate_in_words(bytes_per_sec: u64) -> String {
    format!("{}/s", bytes_in_words(bytes_per_sec))
}

/// A duration in its two largest units: `8 s`, `9 min`, `2 h 41 min`, `3 d 4 h`.
#[must_use]
pub fn duration_in_words(secs: u64) -> String {
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match secs {
        0..60 => format!("{secs} s"),
        60..600 => pair(secs / 60, "min", secs % 60, "s"),
        600..3600 => format!("{} min", secs / 60),
        3600..86_400 => pair(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => pair(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        let table = [
            ("500", 500),
            ("500K", 512_000),
            ("1M", 1_048_576),
            ("1.5m", 1_572_864),
            ("1MB", 1_000_000),
            ("1 MiB/s", 1_048_576),
            ("50Mbit", 6_250_000),
            ("50 Mbit/s", 6_250_000),
            ("8mbps", 8_000_000),
            ("2G", 2_147_483_648),
        ];
        for (text, bytes) in table {
            assert_eq!(text.parse::<Rate>().map(Rate::bytes_per_sec), Ok(bytes), "{text}");
        }
        for text in ["", "0", "-1M", "fast", "1X", "1e9", "nan", "inf", "0.0001K", "99999G", "1.2.3M"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_typed_rate_reads_back_as_it_is() {
        for (bytes, text) in
            [(1, "1"), (131_072, "128K"), (1_048_576, "1M"), (3 << 30, "3G"), (1_500_000, "1500000")]
        {
            let rate = Rate::from_bytes_per_sec(bytes).unwrap();
            assert_eq!(rate.as_typed(), text);
            assert_eq!(text.parse(), Ok(rate));
        }
    }

    #[test]
    fn sizes_and_durations_read_well() {
        assert_eq!(bytes_in_words(0), "0 B");
        assert_eq!(bytes_in_words(1023), "1023 B");
        assert_eq!(bytes_in_words(1024), "1.0 KiB");
        assert_eq!(bytes_in_words(1_048_575), "1.0 MiB");
        assert_eq!(bytes_in_words(155_189_248), "148 MiB");
        assert_eq!(bytes_in_words(u64::MAX), "16384 PiB");
        assert_eq!(duration_in_words(59), "59 s");
        assert_eq!(duration_in_words(61), "1 min 1 s");
        assert_eq!(duration_in_words(9660), "2 h 41 min");
        assert_eq!(duration_in_words(86_400), "1 d");
    }
}
