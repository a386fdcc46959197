use proptest::prelude::*;

use super::*;
use crate::store::settings::samples::settings;

#[test]
fn values_are_taken_as_people_write_them() {
    let table = [
        ("paused", "on", "on"),
        ("paused", "Yes", "on"),
        ("slow", "false", "off"),
        ("limit_bps", "128K", "128K"),
        ("limit-bps", "50Mbit", "6250000"),
        ("LIMIT_BPS", "0", "off"),
        ("limit_low_bps", "off", "off"),
        ("slow_bps", " 64 KiB/s ", "64K"),
        ("start_mode", "Automatic", "automatic"),
        ("theme", "dark", "dark"),
        ("per_host", "32", "32"),
        ("no_progress_days", "0", "0"),
        ("download_folder", "/srv/my files", "/srv/my files"),
        ("download_folder", "", "default"),
        ("work", "mon-fri 08:00-17:30; sat 10-12", "mon-fri 08:00-17:30; sat 10:00-12:00"),
        ("work", ";", "none"),
        ("proxy", "NONE", "none"),
        ("proxy", "proxy.example:3128", "http://proxy.example:3128"),
        ("proxy", "socks5h://me:hunter2@proxy.example", "socks5h://proxy.example:1080"),
        ("ca_file", "/etc/ca.pem", "/etc/ca.pem"),
        ("ca_file", "none", "none"),
        ("use_netrc", "on", "on"),
        ("work_limits", "512K", "512K"),
        ("work_limits", "low 0, high unlimited, normal 1M", "high unlimited, normal 1M, low 0"),
    ];
    for (key, text, shown) in table {
        let mut settings = Settings::default();
        settings.set(key, text).unwrap_or_else(|error| panic!("{key} {text}: {error}"));
        assert_eq!(settings.get(key).as_deref(), Ok(shown), "{key} {text}");
    }
}

#[test]
fn a_value_that_is_wrong_changes_nothing_and_is_told_why() {
    let table = [
        ("paused", "perhaps", "“perhaps” is neither on nor off"),
        ("limit_bps", "fast", "“fast” is no rate"),
        ("slow_bps", "off", "“off” is no rate"),
        ("start_mode", "never", "automatic, manual or disabled"),
        ("theme", "pink", "system, light or dark"),
        ("per_host", "33", "“33” is no whole number from 1 to 32"),
        ("slice_secs", "9", "from 10 to 86400"),
        ("stale_days", "1.5", "no whole number"),
        ("download_folder", "~/x", "“~/x” is no whole path"),
        ("work", "mon-fri 08:00-17:30; someday 08:00-09:00", "“someday” is no day"),
        ("work_limits", "high 1M", "no allowance"),
        ("proxy", "ftp://a:1", "this is no proxy"),
        ("ca_file", "ca.pem", "or none for no file"),
    ];
    for (key, text, why) in table {
        let mut settings = Settings::default();
        let error = settings.set(key, text).expect_err(key).to_string();
        assert!(error.starts_with(key) && error.contains(why) && error.ends_with('.'), "{error}");
        assert_eq!(settings, Settings::default());
    }
}

#[test]
fn an_unknown_name_is_told_the_nearest() {
    for (name, nearest) in [
        ("limit", "limit_bps"),
        ("pause", "paused"),
        ("background-job", "background_jobs"),
        ("worklimits", "work_limits"),
        ("thme", "theme"),
        ("startmode", "start_mode"),
        ("non_work", "non_work_limits"),
    ] {
        let error = Settings::default().get(name).expect_err(name);
        assert_eq!(error, SettingError::Unknown { key: name.to_owned(), nearest });
        assert!(error.to_string().contains(name) && error.to_string().contains(nearest));
        assert_eq!(Settings::default().set(name, "on"), Err(error));
    }
    assert!(Settings::default().get("").is_err());
}

#[test]
fn the_list_has_every_setting_once_with_a_line() {
    let list = Settings::default().list();
    let mut names: Vec<&str> = list.iter().map(|setting| setting.key).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
    for setting in &list {
        assert_eq!(Settings::default().get(setting.key).as_ref(), Ok(&setting.value));
        let about = setting.about;
        assert!(about.ends_with('.') && !about.contains('\n') && about.chars().count() <= 105, "{about}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_taken_back_as_the_same(settings in settings()) {
        for key in KEYS {
            let mut same = settings.clone();
            let text = same.get(key.name).map_err(|error| TestCaseError::fail(error.to_string()))?;
            same.set(key.name, &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&same, &settings, "{}", key.name);
        }
    }

    #[test]
    fn a_setting_changes_nothing_but_itself(settings in settings(), other in settings(), name in 0..KEYS.len()) {
        let mut changed = settings.clone();
        let text = KEYS[name].text(&other);
        changed.set(KEYS[name].name, &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (at, key) in KEYS.iter().enumerate() {
            prop_assert_eq!(key.text(&changed), key.text(if at == name { &other } else { &settings }));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", name in 0..KEYS.len()) {
        let _ = Settings::default().set(KEYS[name].name, &text);
        let _ = Settings::default().set(&text, &text);
    }
}
