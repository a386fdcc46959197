//! `settings.ron`: for people. A broken or unknown field costs that field, never the file.

use std::path::{Path, PathBuf};

use super::Settings;
use super::keys::{KEYS, Key};
use crate::store::StoreError;
use crate::store::atomic::{set_aside, write_atomically};

/// What a new file begins with; each setting is added with a line about it.
const TEMPLATE: &str = "\
// Settings of Meanwhile. Change what you like; a line that makes no sense is ignored.
(
)
";

fn path_in(folder: &Path) -> PathBuf {
    folder.join("settings.ron")
}

/// Reads the settings. Never fails: what cannot be read falls back field by field, with a sentence each.
#[must_use]
pub fn load_settings(folder: &Path) -> (Settings, Vec<String>) {
    let path = path_in(folder);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Settings::default(), vec![]),
        Err(error) => {
            let notice = format!("{} cannot be read, so the usual settings hold: {error}.", path.display());
            return (Settings::default(), vec![notice]);
        }
    };
    parse(&text).unwrap_or_else(|why| {
        let notice = format!("{} makes no sense, so the usual settings hold: {why}.", path.display());
        (Settings::default(), vec![notice])
    })
}

/// The settings in a text, and sentences about the fields that make no sense; an error if the whole makes none.
fn parse(text: &str) -> Result<(Settings, Vec<String>), String> {
    let fields = fields(text)?;
    let (mut settings, mut notices) = (Settings::default(), Vec::new());
    for key in KEYS {
        if let Some(value) = value_of(&fields, key) {
            notices.append(&mut key.read(&mut settings, value));
        }
    }
    Ok((settings, notices))
}

fn fields(text: &str) -> Result<ron::Map, String> {
    match ron::from_str::<ron::Value>(text) {
        Ok(ron::Value::Map(fields)) => Ok(fields),
        Ok(_) => Err("it holds no settings".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn value_of(fields: &ron::Map, key: &Key) -> Option<ron::Value> {
    fields.get(&ron::Value::String(key.name.to_owned())).cloned()
}

/// Writes the settings; comments, order and unknown fields of the file stay, and so does what reads as it should. A
/// file that cannot be edited like that is set aside first.
///
/// # Errors
/// [`StoreError`]: it cannot be written.
pub fn save_settings(folder: &Path, settings: &Settings) -> Result<(), StoreError> {
    let path = path_in(folder);
    let edited = match std::fs::read_to_string(&path) {
        Ok(old) => {
            let edited = with_values(&old, settings)?;
            // The proof of an edit: it reads as what was meant.
            if parse(&edited).is_ok_and(|(read, _)| read == *settings) {
                edited
            } else {
                set_aside(&path)?;
                with_values(TEMPLATE, settings)?
            }
        }
        Err(_) => with_values(TEMPLATE, settings)?,
    };
    write_atomically(&path, edited.as_bytes())
}

/// The text with the value of each field replaced that reads as another, line by line; a missing field goes before
/// the last `)`.
fn with_values(text: &str, settings: &Settings) -> Result<String, StoreError> {
    let fields = fields(text).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for key in KEYS {
        let wanted = key.ron(settings)?;
        if let Some(value) = value_of(&fields, key) {
            let mut read = Settings::default();
            let has_secret = key.has_secret(&value);
            key.read(&mut read, value);
            if key.ron(&read)? == wanted && !has_secret {
                continue;
            }
        }
        let field = format!("    {}: {wanted},", key.name);
        let is_field = |line: &String| {
            line.trim_start().strip_prefix(key.name).is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        if let Some(first) = lines.iter().position(is_field) {
            let last = first + extra_lines(&lines[first..]);
            let comment = &lines[last][scan(&lines[last]).code..];
            let field = format!("{field} {comment}").trim_end().to_owned();
            lines.splice(first..=last, [field]);
        } else if let Some(end) = lines.iter().rposition(|line| line.trim_start().starts_with(')')) {
            end_with_comma(&mut lines[..end]);
            lines.splice(end..end, [format!("    // {}", key.about), field]);
        }
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// How many more lines the value takes that begins in the first one.
fn extra_lines(lines: &[String]) -> usize {
    let mut open = 0;
    let ends = lines.iter().position(|line| {
        open += scan(line).opened;
        open <= 0
    });
    ends.unwrap_or(0)
}

/// Sees to the comma after the last field, which a hand-written file may lack.
fn end_with_comma(lines: &mut [String]) {
    let last = lines.iter_mut().rfind(|line| !line[..scan(line).code].trim().is_empty());
    if let Some(line) = last {
        let code = line[..scan(line).code].trim_end();
        if !code.ends_with([',', '(']) {
            let end = code.len();
            line.insert(end, ',');
        }
    }
}

/// What is in a line of RON.
struct Scan {
    /// Where its comment begins, or its end.
    code: usize,
    /// How many brackets more it opens than it closes.
    opened: i32,
}

fn scan(line: &str) -> Scan {
    let (mut opened, mut in_string, mut escaped) = (0, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if line[at..].starts_with("//") => return Scan { code: at, opened },
            '(' | '[' | '{' => opened += 1,
            ')' | ']' | '}' => opened -= 1,
            _ => {}
        }
    }
    Scan { code: line.len(), opened }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::settings;
    use super::super::{SettingError, Theme};
    use super::*;
    use crate::job::{Allowance, Allowances, Rate, Timetable};

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_atomically(&path_in(folder.path()), text.as_bytes()).unwrap();
        folder
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load_settings(folder.path()), (Settings::default(), vec![]));
        let settings = Settings {
            limit: Rate::from_bytes_per_sec(1 << 20),
            download_folder: Some("/tmp/a \"b\"".into()),
            background_jobs: 5,
            theme: Theme::Dark,
            ..Settings::default()
        };
        for _ in 0..2 {
            save_settings(folder.path(), &settings).unwrap();
            assert_eq!(load_settings(folder.path()), (settings.clone(), vec![]));
        }
    }

    #[test]
    fn comments_and_unknown_fields_stay() {
        let folder = folder_with("(\n  // mine\n  colour: \"red\",\n  limit_bps: 5,\n)");
        assert_eq!(load_settings(folder.path()).0.limit, Rate::from_bytes_per_sec(5));
        save_settings(folder.path(), &Settings::default()).unwrap();
        let text = std::fs::read_to_string(path_in(folder.path())).unwrap();
        for kept in ["// mine", "colour: \"red\"", "limit_bps: 0", "background_jobs: 3"] {
            assert!(text.contains(kept), "{text}");
        }
    }

    #[test]
    fn a_layout_that_cannot_be_edited_is_set_aside_and_nothing_is_lost() {
        let folder = folder_with("(theme: \"dark\")");
        let settings =
            Settings { limit: Rate::from_bytes_per_sec(7), theme: Theme::Dark, ..Settings::default() };
        save_settings(folder.path(), &settings).unwrap();
        assert_eq!(load_settings(folder.path()), (settings, vec![]));
        assert!(folder.path().join("settings.ron.damaged-1").exists());
    }

    #[test]
    fn a_broken_field_costs_that_field_only() {
        let folder = folder_with(
            "(limit_bps: \"fast\", background_jobs: 7, theme: \"pink\", download_folder: \"relative\")",
        );
        let (settings, notices) = load_settings(folder.path());
        assert_eq!(settings, Settings { background_jobs: 7, ..Settings::default() });
        let about = ["limit_bps", "“relative”", "“pink”"];
        assert_eq!(notices.len(), about.len(), "{notices:?}");
        assert!(notices.iter().zip(about).all(|(notice, about)| notice.contains(about)), "{notices:?}");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_set_aside_before_it_is_replaced() {
        let folder = folder_with("what (is) this");
        let (settings, notices) = load_settings(folder.path());
        assert_eq!((settings, notices.len()), (Settings::default(), 1));
        save_settings(folder.path(), &Settings::default()).unwrap();
        let aside = folder.path().join("settings.ron.damaged-1");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "what (is) this");
    }

    #[test]
    fn a_new_file_tells_of_every_setting() {
        let text = with_values(TEMPLATE, &Settings::default()).unwrap();
        assert_eq!(parse(&text), Ok((Settings::default(), vec![])));
        let expected = "\
// Settings of Meanwhile. Change what you like; a line that makes no sense is ignored.
(
    // When downloading starts by itself: \"automatic\" at sign-in, \"manual\" when asked, \"disabled\" never.
    start_mode: \"manual\",
    // Whether everything is held (“pause all”).
    paused: false,
";
        assert!(text.starts_with(expected), "{text}");
        for line in [
            "    slow_bps: 131072,",
            "    work: [],",
            "    work_limits: (high: \"unlimited\", normal: \"unlimited\", low: \"unlimited\"),",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn a_timetable_is_read_and_what_is_wrong_in_it_costs_itself_only() {
        let folder = folder_with(
            "(
                timetable: true,
                work: [\"mon-fri 08:00-17:30\", \"someday 08:00-09:00\", 5, \"sat 10:00-12:00\"],
                maintenance: \"daily 02:00-03:00\",
                work_limits: (high: \"unlimited\", normal: \"1M\", low: \"0\"),
                non_work_limits: (high: \"fast\", normal: \"1M\", low: \"0\"),
                maintenance_limits: (high: \"1M\"),
                per_host: 99,
                slice_secs: -1,
                slow_bps: 0,
            )",
        );
        let (settings, notices) = load_settings(folder.path());
        let timetable = Timetable {
            on: true,
            work_spans: vec!["mon-fri 08:00-17:30".parse().unwrap(), "sat 10:00-12:00".parse().unwrap()],
            work: Allowances {
                high: Allowance::Unlimited,
                normal: Allowance::Capped(Rate::from_bytes_per_sec(1 << 20).unwrap()),
                low: Allowance::Zero,
            },
            ..Timetable::default()
        };
        assert_eq!(settings, Settings { timetable, per_host: 32, ..Settings::default() });
        for about in [
            "“someday” is no day",
            "setting work",
            "setting maintenance makes",
            "“fast” is no allowance",
            "setting maintenance_limits",
            "setting per_host goes from 1 to 32, so 32 holds",
            "setting slice_secs",
            "setting slow_bps",
        ] {
            assert!(notices.iter().any(|notice| notice.contains(about)), "{about}: {notices:?}");
        }
        assert_eq!(notices.len(), 8, "{notices:?}");
    }

    #[test]
    fn what_reads_as_it_should_is_not_touched() {
        let by_hand = "(
    work: [ // the office
        \"mon-fri 8-17\", // with \\ a ] bracket
        \"sat 10-12\",
    ],
    limit_bps: 5, // the line is slow
    theme: \"pink\",
    maintenance: [
        \"daily 2-3\", /* at night */
    ], // backups
    // last
    notify: false // no comma
)
";
        let folder = folder_with(by_hand);
        let mut settings = load_settings(folder.path()).0;
        settings.limit = None;
        settings.timetable.maintenance_spans.clear();
        settings.notify = true;
        save_settings(folder.path(), &settings).unwrap();
        assert_eq!(load_settings(folder.path()).0, settings);
        let text = std::fs::read_to_string(path_in(folder.path())).unwrap();
        let kept = by_hand
            .replace("limit_bps: 5,", "limit_bps: 0,")
            .replace("[\n        \"daily 2-3\", /* at night */\n    ],", "[],")
            .replace("notify: false //", "notify: true, //");
        assert!(text.starts_with(kept.trim_end_matches(")\n")), "{text}");
        assert!(!folder.path().join("settings.ron.damaged-1").exists());
    }

    #[test]
    fn a_missing_comma_at_the_end_is_put_right() {
        for text in ["(\n    limit_bps: 5 // slow, (very)\n\n    // the end\n)\n", "(\n)", "( // all\n)"] {
            let folder = folder_with(text);
            let settings = Settings { theme: Theme::Dark, ..load_settings(folder.path()).0 };
            save_settings(folder.path(), &settings).unwrap();
            assert_eq!(load_settings(folder.path()), (settings, vec![]));
            assert!(!folder.path().join("settings.ron.damaged-1").exists(), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_not_used_and_does_not_stay() {
        let folder = folder_with("(\n    proxy: \"http://me:hunter2@a:1\",\n)\n");
        let (settings, notices) = load_settings(folder.path());
        assert_eq!(settings, Settings::default());
        assert!(
            notices.len() == 1 && notices[0].contains("setting proxy") && !notices[0].contains("hunter2")
        );
        save_settings(folder.path(), &settings).unwrap();
        let text = std::fs::read_to_string(path_in(folder.path())).unwrap();
        assert!(!text.contains("hunter2") && text.contains("proxy: \"system\""), "{text}");
    }

    #[test]
    fn a_folder_that_is_no_text_is_kept() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"/home/\xe4".to_vec()));
        let settings = Settings { download_folder: Some(odd), ..Settings::default() };
        let text = with_values(TEMPLATE, &settings).unwrap();
        assert_eq!(parse(&text), Ok((settings, vec![])));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_settings_are_read_back(first in settings(), second in settings()) {
            let text = with_values(TEMPLATE, &first).unwrap();
            prop_assert_eq!(parse(&text), Ok((first, vec![])));
            // And out of an edited file as out of a new one.
            let edited = with_values(&text, &second).unwrap();
            prop_assert_eq!(&edited, &with_values(TEMPLATE, &second).unwrap());
        }

        #[test]
        fn what_is_set_by_name_is_read_back(wanted in settings()) {
            let folder = tempfile::tempdir().unwrap();
            let mut set = Settings::default();
            for setting in wanted.list() {
                set.set(setting.key, &setting.value).map_err(|error: SettingError| TestCaseError::fail(error.to_string()))?;
            }
            save_settings(folder.path(), &set).unwrap();
            prop_assert_eq!(load_settings(folder.path()), (wanted, vec![]));
        }

        #[test]
        fn no_file_makes_it_panic(text in "[\\(\\)\\[\\]\"/\\\\,:a-z\n ]{0,40}", name in 0..KEYS.len()) {
            let _ = parse(&text);
            let _ = with_values(&text, &Settings::default());
            let _ = with_values(&format!("(\n{}: {text}\n)", KEYS[name].name), &Settings::default());
        }
    }
}
