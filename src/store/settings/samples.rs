//! Settings of all kinds, for the tests.

use std::path::PathBuf;

use proptest::prelude::*;

use super::{Settings, Theme};
use crate::job::week_samples::{rate, timetable};
use crate::job::{Proxy, StartMode};

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let limits = (prop::option::of(rate()), rate(), prop::array::uniform3(prop::option::of(rate())));
    let counts = (1..=100_usize, 1..=32_usize, 10..=86_400_u32, 5..=86_400_u32);
    let days = (0..=999_u32, 1..=999_u32, 1..=999_u32, 0..=10_000_000_u32);
    let folder = prop::option::of("/[^\0]{0,12}".prop_map(PathBuf::from));
    let ca_file = prop::option::of("/[^\0]{0,12}".prop_map(PathBuf::from));
    let proxy = prop_oneof![
        Just(Proxy::System),
        Just(Proxy::None),
        "(http|https|socks5|socks5h)://[a-z]{1,8}:[1-9][0-9]{0,3}".prop_map(|text| text.parse().unwrap()),
    ];
    let folder = (folder, proxy, ca_file);
    let flags = any::<[bool; 6]>();
    (limits, counts, days, folder, flags, 0..3_usize, 0..3_usize, timetable()).prop_map(
        |(
            limits,
            counts,
            days,
            paths,
            [paused, slow, notify, note_origin, use_netrc, keyring],
            mode,
            theme,
            timetable,
        )| {
            let (download_folder, proxy, ca_file) = paths;
            let (limit, slow_limit, [limit_high, limit_normal, limit_low]) = limits;
            let (background_jobs, per_host, slice_secs, retry_longest_secs) = counts;
            let (no_progress_days, max_active_days, stale_days, disk_reserve_mib) = days;
            Settings {
                start_mode: StartMode::ALL[mode],
                paused,
                limit,
                slow,
                slow_limit,
                limit_high,
                limit_normal,
                limit_low,
                timetable,
                download_folder,
                background_jobs,
                per_host,
                slice_secs,
                retry_longest_secs,
                no_progress_days,
                max_active_days,
                stale_days,
                proxy,
                ca_file,
                use_netrc,
                keyring,
                notify,
                disk_reserve_mib,
                note_origin,
                theme: Theme::ALL[theme],
            }
        },
    )
}
