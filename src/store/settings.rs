//! `settings.ron`: for people. A broken or unknown field costs that field, never the file.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::atomic::{set_aside, write_atomically};
use crate::job::Rate;

/// How many background jobs run at once unless the user says otherwise (DESIGN: as download managers do).
const BACKGROUND_JOBS: usize = 3;

/// Whether the window is light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the desktop says, where it says so.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word for it in the settings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the user has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cap over all jobs.
    pub limit: Option<Rate>,
    /// Where new downloads go; `None` is the desktop's folder for them.
    pub download_folder: Option<PathBuf>,
    /// How many background jobs run at once.
    pub background_jobs: usize,
    /// Whether the window is light or dark.
    pub theme: Theme,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limit: None, download_folder: None, background_jobs: BACKGROUND_JOBS, theme: Theme::System }
    }
}

/// What a new file looks like.
const TEMPLATE: &str = "\
// Settings of Meanwhile. Change what you like; a line that makes no sense is ignored.
(
    // The most all downloads together may use, in bytes per second; 0 is no cap.
    limit_bps: 0,
    // Where new downloads go; \"\" is the desktop's folder for downloads.
    download_folder: \"\",
    // How many background downloads run at once.
    background_jobs: 3,
    // Whether the window is \"light\", \"dark\", or as the \"system\" says.
    theme: \"system\",
)
";

fn path_in(folder: &Path) -> PathBuf {
    folder.join("settings.ron")
}

/// Reads the settings. Never fails: what cannot be read falls back field by field, with a sentence each.
#[must_use]
pub fn load_settings(folder: &Path) -> (Settings, Vec<String>) {
    let path = path_in(folder);
    let mut notices = Vec::new();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                notices
                    .push(format!("{} cannot be read, so the usual settings hold: {error}.", path.display()));
            }
            return (Settings::default(), notices);
        }
    };
    match parse(&text) {
        Ok(parsed) => parsed,
        Err(why) => {
            notices.push(format!("{} makes no sense, so the usual settings hold: {why}.", path.display()));
            (Settings::default(), notices)
        }
    }
}

/// The settings in a text, and sentences about the fields that make no sense; an error if the whole makes none.
fn parse(text: &str) -> Result<(Settings, Vec<String>), String> {
    let fields = match ron::from_str::<ron::Value>(text) {
        Ok(ron::Value::Map(fields)) => fields,
        Ok(_) => return Err("it holds no settings".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let mut reader = Reader { fields, notices: Vec::new() };
    let usual = Settings::default();
    let settings = Settings {
        limit: reader.read::<u64>("limit_bps").map_or(usual.limit, Rate::from_bytes_per_sec),
        download_folder: reader
            .read::<PathBuf>("download_folder")
            .map_or(usual.download_folder, |folder| Some(folder).filter(|folder| folder.is_absolute())),
        background_jobs: reader
            .read::<usize>("background_jobs")
            .map_or(usual.background_jobs, |jobs| jobs.clamp(1, 100)),
        theme: reader
            .read_word("theme", &Theme::ALL.map(|theme| (theme.word(), theme)))
            .unwrap_or(usual.theme),
    };
    Ok((settings, reader.notices))
}

struct Reader {
    fields: ron::Map,
    notices: Vec<String>,
}

impl Reader {
    /// Reads a field that is one of a few words.
    fn read_word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let word = self.read::<String>(name)?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            self.notices.push(format!("The setting {name} cannot be “{word}”, so the usual one holds."));
        }
        found
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.fields.get(&ron::Value::String(name.to_owned()))?.clone();
        match value.into_rust() {
            Ok(value) => Some(value),
            Err(error) => {
                self.notices
                    .push(format!("The setting {name} makes no sense, so the usual one holds: {error}."));
                None
            }
        }
    }
}

/// Writes the settings; comments, order and unknown fields of the file stay. A file that cannot be edited like that
/// is set aside first.
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

/// The text with the value of each field replaced, line by line; a missing field goes before the last `)`.
fn with_values(text: &str, settings: &Settings) -> Result<String, StoreError> {
    let folder = settings.download_folder.clone().unwrap_or_default();
    let values = [
        ("limit_bps", settings.limit.map_or(0, Rate::bytes_per_sec).to_string()),
        ("download_folder", ron::to_string(&folder)?),
        ("background_jobs", settings.background_jobs.to_string()),
        ("theme", format!("{:?}", settings.theme.word())),
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, value) in values {
        let is_field = |line: &String| {
            line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        let field = format!("    {name}: {value},");
        if let Some(line) = lines.iter_mut().find(|line| is_field(line)) {
            *line = field;
        } else if let Some(end) = lines.iter().rposition(|line| line.trim_start().starts_with(')')) {
            lines.insert(end, field);
        }
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(notices.len(), 2);
        assert!(notices[0].contains("limit_bps") && notices[1].contains("pink"), "{notices:?}");
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
}
