//! One record a line: the CRC-32 of its RON in eight lower-case hexadecimal digits, a space, the RON.
//!
//! RON writes no line break into a line, so a line can be judged by itself: it is what was written, or it is
//! damaged. That also lets many be read at once.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Digits and space before the RON.
const SUM_BYTES: usize = 9;

/// Adds a line.
pub(super) fn push<T: Serialize>(text: &mut String, record: &T) -> Result<(), ron::Error> {
    let start = text.len();
    text.push_str("00000000 ");
    if let Err(error) = ron::ser::to_writer(&mut *text, record) {
        text.truncate(start);
        return Err(error);
    }
    let mut sum = String::with_capacity(SUM_BYTES);
    // Writing to a string cannot fail.
    let _ = write!(sum, "{:08x}", crc32fast::hash(&text.as_bytes()[start + SUM_BYTES..]));
    text.replace_range(start..start + SUM_BYTES - 1, &sum);
    text.push('\n');
    Ok(())
}

/// The RON of a line (without its line break), or `None` if it is not what was written.
pub(super) fn checked(line: &[u8]) -> Option<&[u8]> {
    let (sum, ron) = line.split_at_checked(SUM_BYTES)?;
    let mut written = 0;
    for digit in &sum[..SUM_BYTES - 1] {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        written = written << 4 | u32::from(value);
    }
    (sum[SUM_BYTES - 1] == b' ' && crc32fast::hash(ron) == written).then_some(ron)
}

/// The record of a line (without its line break), or `None` if it is damaged or another kind of record.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    ron::de::from_bytes(checked(line)?).ok()
}

/// What stands behind the last line break: what a crash cut short, or damage.
pub(super) fn split_tail(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_or_not_at_all() {
        let mut text = String::new();
        push(&mut text, &"two\nlines").unwrap();
        push(&mut text, &7).unwrap();
        let lines: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(read::<String>(lines[0]).as_deref(), Some("two\nlines"));
        assert_eq!(read::<u32>(lines[1]), Some(7));
        for at in 0..lines[0].len() {
            for bit in 0..8 {
                let mut damaged = lines[0].to_vec();
                damaged[at] ^= 1 << bit;
                assert_eq!(read::<String>(&damaged), None, "byte {at} bit {bit}");
            }
        }
        for short in [&b""[..], b"0", b"00000000", b"00000000 "] {
            assert_eq!(read::<String>(short), None);
        }
    }
}
