//! `Retry-After`: when a server wants to be asked again (RFC 9110 section 10.2.3). Pure.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest wait that is granted: what is longer is a mistake, or meant for somebody with more patience.
const MOST: Duration = Duration::from_hours(24);

/// How long the server wants to be left alone, at most a day; `None` where it has not said so in one of the two
/// forms. A date that is past is no wait at all. Where it has said several things, the longest counts.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let waits = headers.get_all(RETRY_AFTER).iter();
    waits.filter_map(|value| wait(value.to_str().ok()?.trim(), now)).max()
}

fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let asked = if is_number {
        // More seconds than can be counted are more than a day.
        text.parse().map_or(MOST, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(asked.min(MOST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sunday, 6 November 1994, 08:49:37 UTC, the moment of RFC 9110's examples.
    fn then() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn asked(values: &[&[u8]], now: SystemTime) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, reqwest::header::HeaderValue::from_bytes(value).unwrap());
        }
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn both_forms_and_all_three_dates_are_read() {
        const DAY: u64 = 24 * 60 * 60;
        let before = then() - Duration::from_mins(2);
        let table: [(&str, SystemTime, Option<u64>); 29] = [
            ("120", then(), Some(120)),
            ("0", then(), Some(0)),
            ("0007", then(), Some(7)),
            (" 120\t", then(), Some(120)),
            ("86400", then(), Some(DAY)),
            ("86401", then(), Some(DAY)),
            ("18446744073709551615", then(), Some(DAY)),
            ("18446744073709551616", then(), Some(DAY)),
            ("99999999999999999999999999999999999999999", then(), Some(DAY)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", before, Some(120)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", before, Some(120)),
            ("Sun Nov  6 08:49:37 1994", before, Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", then(), Some(0)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", then(), Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", then(), Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", then(), Some(DAY)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", then(), Some(DAY)),
            ("", then(), None),
            ("-1", then(), None),
            ("+120", then(), None),
            ("1.5", then(), None),
            ("1e3", then(), None),
            ("120s", then(), None),
            ("120, 130", then(), None),
            ("soon", then(), None),
            ("Sun, 06 Nov 1994 08:49:37 +0000", then(), None),
            ("Sun, 31 Feb 1994 08:49:37 GMT", then(), None),
            ("1994-11-06T08:49:37Z", then(), None),
            ("Sun, 06 Nov 1994", then(), None),
        ];
        for (text, now, wanted) in table {
            assert_eq!(asked(&[text.as_bytes()], now), wanted, "{text}");
        }
        assert_eq!(asked(&[], then()), None);
        assert_eq!(asked(&["١٢٠".as_bytes()], then()), None);
        assert_eq!(asked(&[b"soon", b"7", b"120"], then()), Some(120));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_nobody_waits_longer_than_a_day(value in "[ -~]{0,40}", secs in any::<u32>()) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(secs.into());
            prop_assert!(asked(&[value.as_bytes()], now).unwrap_or_default() <= MOST.as_secs());
        }
    }
}
