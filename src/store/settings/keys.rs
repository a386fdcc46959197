//! Every setting by its name: one table for the file, the command line and the window.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Settings, Theme};
use crate::job::{Allowances, Painted, Proxy, Rate, StartMode};

/// A setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, in the file and on the command line.
    pub key: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Its present value, as people write it.
    pub value: String,
}

/// Why a setting was not told or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is none of that name.
    #[error(
        "There is no setting “{key}”: the nearest name is {nearest}. You can see all of them with “meanwhile settings”."
    )]
    Unknown {
        /// The name asked for.
        key: String,
        /// The most similar one there is.
        nearest: &'static str,
    },
    /// It cannot have that value.
    #[error("{key} was not changed: {why}.")]
    Value {
        /// Its name.
        key: &'static str,
        /// What is wrong with the value, and what would be right.
        why: String,
    },
}

impl Settings {
    /// The value of a setting, as people write it; [`Settings::set`] takes it back as the same.
    ///
    /// # Errors
    /// [`SettingError::Unknown`].
    pub fn get(&self, key: &str) -> Result<String, SettingError> {
        find(key).map(|key| key.text(self))
    }

    /// Changes a setting to a value as people write it: `on`, `128K`, `mon-fri 08:00-17:30; sat 10:00-12:00`.
    ///
    /// # Errors
    /// [`SettingError`]; then nothing is changed.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), SettingError> {
        let key = find(key)?;
        key.set(self, text).map_err(|why| SettingError::Value { key: key.name, why })
    }

    /// All settings with their present values, in the order of the file.
    #[must_use]
    pub fn list(&self) -> Vec<Setting> {
        KEYS.iter().map(|key| Setting { key: key.name, about: key.about, value: key.text(self) }).collect()
    }
}

fn find(name: &str) -> Result<&'static Key, SettingError> {
    // On the command line a hyphen is nearer at hand.
    let plain = name.trim().to_ascii_lowercase().replace('-', "_");
    if let Some(key) = KEYS.iter().find(|key| key.name == plain) {
        return Ok(key);
    }
    let similar = |key: &&Key| strsim::jaro_winkler(&plain, key.name);
    // The last of equal ones would be taken, so from the end.
    let nearest = KEYS.iter().rev().max_by(|one, other| similar(one).total_cmp(&similar(other)));
    Err(SettingError::Unknown { key: name.to_owned(), nearest: nearest.map_or("", |key| key.name) })
}

/// A setting: its name, a line about it, and where and what it is.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    kind: Kind,
}

/// A field of the settings.
struct Field<T: 'static> {
    of: fn(&Settings) -> &T,
    of_mut: fn(&mut Settings) -> &mut T,
}

/// The field at a path.
macro_rules! field {
    ($($path:ident).+) => {
        Field { of: |settings| &settings.$($path).+, of_mut: |settings| &mut settings.$($path).+ }
    };
}

enum Kind {
    Flag(Field<bool>),
    Count(Field<usize>, RangeInclusive<u32>),
    Number(Field<u32>, RangeInclusive<u32>),
    Cap(Field<Option<Rate>>),
    Rate(Field<Rate>),
    StartMode(Field<StartMode>),
    Theme(Field<Theme>),
    /// With the word for none, and what that means.
    Path(Field<Option<PathBuf>>, Unset),
    Proxy(Field<Proxy>),
    Spans(Field<Vec<Painted>>),
    Limits(Field<Allowances>),
}

/// The word for no cap, and for a flag that is not set.
const OFF: &str = "off";
const ON: &str = "on";

/// What a path that is not set is called, and what it means.
#[derive(Clone, Copy)]
struct Unset(&'static str, &'static str);

const USUAL: Unset = Unset("default", "the desktop's folder");
const NO_FILE: Unset = Unset("none", "no file");

/// All settings, in the order of the file.
pub(super) static KEYS: &[Key] = &[
    Key {
        name: "start_mode",
        about: "When downloading starts by itself: \"automatic\" at sign-in, \"manual\" when asked, \"disabled\" never.",
        kind: Kind::StartMode(field!(start_mode)),
    },
    Key {
        name: "paused",
        about: "Whether everything is held (“pause all”).",
        kind: Kind::Flag(field!(paused)),
    },
    Key {
        name: "limit_bps",
        about: "The most all downloads together may use, in bytes per second; 0 is no cap.",
        kind: Kind::Cap(field!(limit)),
    },
    Key { name: "slow", about: "Whether the slow cap holds as well.", kind: Kind::Flag(field!(slow)) },
    Key {
        name: "slow_bps",
        about: "The most all downloads together may use while slow is on, in bytes per second.",
        kind: Kind::Rate(field!(slow_limit)),
    },
    Key {
        name: "limit_high_bps",
        about: "The most the downloads of high priority may use together, in bytes per second; 0 is no cap.",
        kind: Kind::Cap(field!(limit_high)),
    },
    Key {
        name: "limit_normal_bps",
        about: "The most the downloads of normal priority may use together, in bytes per second; 0 is no cap.",
        kind: Kind::Cap(field!(limit_normal)),
    },
    Key {
        name: "limit_low_bps",
        about: "The most the downloads of low priority may use together, in bytes per second; 0 is no cap.",
        kind: Kind::Cap(field!(limit_low)),
    },
    Key {
        name: "timetable",
        about: "Whether the timetable below holds; foreground downloads are not held by it.",
        kind: Kind::Flag(field!(timetable.on)),
    },
    Key {
        name: "work",
        about: "When it is work: spans as in \"mon-fri 08:00-17:30\" or \"daily 22:00-06:00\".",
        kind: Kind::Spans(field!(timetable.work_spans)),
    },
    Key {
        name: "maintenance",
        about: "When it is maintenance, which comes before work; all other time is non-work.",
        kind: Kind::Spans(field!(timetable.maintenance_spans)),
    },
    Key {
        name: "work_limits",
        about: "What work allows each priority: \"unlimited\", \"0\" for nothing, or a rate as in \"500K\".",
        kind: Kind::Limits(field!(timetable.work)),
    },
    Key {
        name: "non_work_limits",
        about: "What non-work allows each priority.",
        kind: Kind::Limits(field!(timetable.non_work)),
    },
    Key {
        name: "maintenance_limits",
        about: "What maintenance allows each priority.",
        kind: Kind::Limits(field!(timetable.maintenance)),
    },
    Key {
        name: "lan_exempt",
        about: "Whether the timetable leaves out servers in the same network as this machine.",
        kind: Kind::Flag(field!(timetable.lan_exempt)),
    },
    Key {
        name: "download_folder",
        about: "Where new downloads go; \"\" is the desktop's folder for downloads.",
        kind: Kind::Path(field!(download_folder), USUAL),
    },
    Key {
        name: "background_jobs",
        about: "How many background downloads run at once.",
        kind: Kind::Count(field!(background_jobs), 1..=100),
    },
    Key {
        name: "per_host",
        about: "How many connections to one server there are at once, at most 32.",
        kind: Kind::Count(field!(per_host), 1..=32),
    },
    Key {
        name: "slice_secs",
        about: "How many seconds a background download has its turn while others of its priority wait.",
        kind: Kind::Number(field!(slice_secs), 10..=86_400),
    },
    Key {
        name: "retry_longest_secs",
        about: "The most seconds between two tries after a fault.",
        kind: Kind::Number(field!(retry_longest_secs), 5..=86_400),
    },
    Key {
        name: "no_progress_days",
        about: "After how many days without progress a download with faults has failed; 0: at its first fault.",
        kind: Kind::Number(field!(no_progress_days), 0..=999),
    },
    Key {
        name: "max_active_days",
        about: "How many days in all a download may be under way before it has failed.",
        kind: Kind::Number(field!(max_active_days), 1..=999),
    },
    Key {
        name: "stale_days",
        about: "After how many days without progress or a change a download is cancelled.",
        kind: Kind::Number(field!(stale_days), 1..=999),
    },
    Key {
        name: "disk_reserve_mib",
        about: "How many MiB of a disk stay free for others; on a small disk at most a twentieth of it.",
        kind: Kind::Number(field!(disk_reserve_mib), 0..=10_000_000),
    },
    Key {
        name: "note_origin",
        about: "Whether a finished file remembers the address it came from (as an attribute, as browsers do it).",
        kind: Kind::Flag(field!(note_origin)),
    },
    Key {
        name: "proxy",
        about: "The proxy: \"system\" (the environment's), \"none\", or one as in \"http://HOST:PORT\" or \"socks5://HOST\".",
        kind: Kind::Proxy(field!(proxy)),
    },
    Key {
        name: "ca_file",
        about: "A file with certificates (PEM) that are trusted besides those of the system; \"\" is none.",
        kind: Kind::Path(field!(ca_file), NO_FILE),
    },
    Key {
        name: "use_netrc",
        about: "Whether ~/.netrc is looked into when a server asks for a login.",
        kind: Kind::Flag(field!(use_netrc)),
    },
    Key {
        name: "keyring",
        about: "Whether logins of unfinished downloads are in the desktop's keyring, so that they survive a restart.",
        kind: Kind::Flag(field!(keyring)),
    },
    Key {
        name: "notify",
        about: "Whether the desktop tells of finished and failed downloads.",
        kind: Kind::Flag(field!(notify)),
    },
    Key {
        name: "theme",
        about: "Whether the window is \"light\", \"dark\", or as the \"system\" says.",
        kind: Kind::Theme(field!(theme)),
    },
];

/// A path in the file: as text, or as bytes where it is none.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AsPath(#[serde(with = "crate::job::path")] PathBuf);

impl Key {
    /// The value as people write it.
    fn text(&self, settings: &Settings) -> String {
        match &self.kind {
            Kind::Flag(field) => if *(field.of)(settings) { ON } else { OFF }.to_owned(),
            Kind::Count(field, _) => (field.of)(settings).to_string(),
            Kind::Number(field, _) => (field.of)(settings).to_string(),
            Kind::Cap(field) => (field.of)(settings).map_or_else(|| OFF.to_owned(), Rate::as_typed),
            Kind::Rate(field) => (field.of)(settings).as_typed(),
            Kind::StartMode(field) => (field.of)(settings).word().to_owned(),
            Kind::Theme(field) => (field.of)(settings).word().to_owned(),
            Kind::Path(field, unset) => (field.of)(settings)
                .as_ref()
                .map_or_else(|| unset.0.to_owned(), |path| path.display().to_string()),
            Kind::Proxy(field) => (field.of)(settings).to_string(),
            Kind::Spans(field) => Painted::list_text((field.of)(settings)),
            Kind::Limits(field) => (field.of)(settings).to_string(),
        }
    }

    /// Takes a value as people write it; the error says what is wrong and what would be right.
    fn set(&self, settings: &mut Settings, text: &str) -> Result<(), String> {
        let plain = text.trim();
        match &self.kind {
            Kind::Flag(field) => *(field.of_mut)(settings) = read_flag(plain)?,
            Kind::Count(field, range) => *(field.of_mut)(settings) = read_number(plain, range)? as usize,
            Kind::Number(field, range) => *(field.of_mut)(settings) = read_number(plain, range)?,
            Kind::Cap(field) => *(field.of_mut)(settings) = read_cap(plain)?,
            Kind::Rate(field) => *(field.of_mut)(settings) = plain.parse().map_err(in_words)?,
            Kind::StartMode(field) => *(field.of_mut)(settings) = plain.parse()?,
            Kind::Theme(field) => *(field.of_mut)(settings) = plain.parse()?,
            // A folder's name may end with a blank.
            Kind::Path(field, unset) => *(field.of_mut)(settings) = whole_path(text.into(), *unset)?,
            // A login is nothing for the file; whoever has taken it out before keeps it elsewhere.
            Kind::Proxy(field) => *(field.of_mut)(settings) = Proxy::read(plain).map_err(in_words)?.0,
            Kind::Spans(field) => *(field.of_mut)(settings) = Painted::read_list(plain).map_err(in_words)?,
            Kind::Limits(field) => *(field.of_mut)(settings) = plain.parse().map_err(in_words)?,
        }
        Ok(())
    }

    /// The value in RON, on one line.
    pub(super) fn ron(&self, settings: &Settings) -> Result<String, ron::Error> {
        let bps = Rate::bytes_per_sec;
        Ok(match &self.kind {
            Kind::Flag(field) => (field.of)(settings).to_string(),
            Kind::Count(_, _) | Kind::Number(_, _) => self.text(settings),
            Kind::Cap(field) => (field.of)(settings).map_or(0, bps).to_string(),
            Kind::Rate(field) => bps(*(field.of)(settings)).to_string(),
            Kind::StartMode(_) | Kind::Theme(_) => ron::to_string(&self.text(settings))?,
            Kind::Path(field, _) => {
                ron::to_string(&AsPath((field.of)(settings).clone().unwrap_or_default()))?
            }
            Kind::Proxy(field) => ron::to_string((field.of)(settings))?,
            Kind::Spans(field) => {
                let spans: Result<Vec<_>, _> = (field.of)(settings).iter().map(ron::to_string).collect();
                format!("[{}]", spans?.join(", "))
            }
            Kind::Limits(field) => {
                let Allowances { high, normal, low } = (field.of)(settings);
                format!("(high: \"{high}\", normal: \"{normal}\", low: \"{low}\")")
            }
        })
    }

    /// Whether a value of the file has a password in it, which must not stay there.
    pub(super) fn has_secret(&self, value: &ron::Value) -> bool {
        let text = || rust::<String>(value.clone()).ok();
        matches!(self.kind, Kind::Proxy(_))
            && text().is_some_and(|text| matches!(Proxy::read(&text), Ok((_, Some(_)))))
    }

    /// Takes a value of the file. What makes no sense in it is left as it is, with a sentence each.
    pub(super) fn read(&self, settings: &mut Settings, value: ron::Value) -> Vec<String> {
        let mut notices = Vec::new();
        if let Err(why) = self.try_read(settings, value, &mut notices) {
            notices.push(format!("The setting {} makes no sense, so the usual one holds: {why}.", self.name));
        }
        notices
    }

    fn try_read(
        &self,
        settings: &mut Settings,
        value: ron::Value,
        notices: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut in_range = |range: &RangeInclusive<u32>, value: ron::Value| -> Result<u32, String> {
            let number: u32 = rust(value)?;
            let (least, most) = (*range.start(), *range.end());
            let held = number.clamp(least, most);
            if held != number {
                notices
                    .push(format!("The setting {} goes from {least} to {most}, so {held} holds.", self.name));
            }
            Ok(held)
        };
        match &self.kind {
            Kind::Flag(field) => *(field.of_mut)(settings) = rust(value)?,
            Kind::Count(field, range) => *(field.of_mut)(settings) = in_range(range, value)? as usize,
            Kind::Number(field, range) => *(field.of_mut)(settings) = in_range(range, value)?,
            Kind::Cap(field) => *(field.of_mut)(settings) = Rate::from_bytes_per_sec(rust(value)?),
            Kind::Rate(field) => {
                let rate = Rate::from_bytes_per_sec(rust(value)?);
                *(field.of_mut)(settings) = rate.ok_or("0 is no rate")?;
            }
            Kind::StartMode(field) => *(field.of_mut)(settings) = rust::<String>(value)?.parse()?,
            Kind::Theme(field) => *(field.of_mut)(settings) = rust::<String>(value)?.parse()?,
            Kind::Path(field, unset) => {
                *(field.of_mut)(settings) = whole_path(rust::<AsPath>(value)?.0, *unset)?;
            }
            Kind::Proxy(field) => {
                let text: String = rust(value)?;
                *(field.of_mut)(settings) = match Proxy::read(&text).map_err(in_words)? {
                    (proxy, None) => proxy,
                    (_, Some(_)) => {
                        return Err("a password is not for a file; set it with “meanwhile settings proxy”, \
                             which keeps it apart"
                            .to_owned());
                    }
                };
            }
            Kind::Spans(field) => {
                let texts: Vec<ron::Value> = rust(value)?;
                let spans = (field.of_mut)(settings);
                spans.clear();
                for text in texts {
                    match rust::<Painted>(text) {
                        Ok(span) => spans.push(span),
                        Err(why) => notices.push(format!(
                            "In the setting {} a span makes no sense and is left out: {why}.",
                            self.name
                        )),
                    }
                }
            }
            Kind::Limits(field) => *(field.of_mut)(settings) = rust(value)?,
        }
        Ok(())
    }
}

fn rust<T: DeserializeOwned>(value: ron::Value) -> Result<T, String> {
    value.into_rust().map_err(in_words)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn in_words(error: impl ToString) -> String {
    error.to_string()
}

fn read_flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        ON | "yes" | "true" => Ok(true),
        OFF | "no" | "false" => Ok(false),
        _ => Err(format!("“{text}” is neither on nor off")),
    }
}

fn read_number(text: &str, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("“{text}” is no whole number from {} to {}", range.start(), range.end()))
}

fn read_cap(text: &str) -> Result<Option<Rate>, String> {
    if text == "0" || text.eq_ignore_ascii_case(OFF) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| format!("{error}, or off for no cap"))
}

fn whole_path(path: PathBuf, Unset(word, meaning): Unset) -> Result<Option<PathBuf>, String> {
    let text = path.to_str();
    if text.is_some_and(|text| text.is_empty() || text == word) {
        Ok(None)
    } else if path.is_absolute() {
        Ok(Some(path))
    } else {
        let path = path.display();
        Err(format!("“{path}” is no whole path; write one that begins with /, or {word} for {meaning}"))
    }
}

#[cfg(test)]
mod tests;
