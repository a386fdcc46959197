//! The week in words: what people write in the settings and read in the window.

use std::fmt;
use std::str::FromStr;

use super::{Allowance, Allowances, DAY, Days, Painted, Window};
use crate::job::Rate;

/// Monday first.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// How much of a day's name is written.
const SHORT: usize = 3;

/// The word for no span at all.
const NO_SPAN: &str = "none";
/// Between spans; a comma is between days.
const BETWEEN_SPANS: &str = "; ";

/// Why a text is no part of a timetable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeekError {
    /// It is not days and times.
    #[error("“{0}” is no span; write days and times, as in mon-fri 08:00-17:30 or daily 22:00-06:00")]
    NoSpan(String),
    /// There is no such day.
    #[error("“{0}” is no day; write mon, tue, wed, thu, fri, sat, sun, a range as in mon-fri, or daily")]
    NoSuchDay(String),
    /// There is no such time.
    #[error("“{0}” is no time of day; write hours and minutes from 00:00 to 24:00, as in 17:30")]
    NoSuchTime(String),
    /// It starts and ends at once.
    #[error("a span from {0} to {0} is empty; write 00:00-24:00 for a whole day")]
    Empty(String),
    /// It is not an allowance.
    #[error(
        "“{0}” is no allowance; write unlimited, 0 for nothing at all, or a rate as in 500K, 1.5M or 50Mbit"
    )]
    NoAllowance(String),
    /// It does not say what each priority is allowed.
    #[error(
        "“{0}” does not say what each priority is allowed; write one allowance for all, or all three as in \
         high unlimited, normal 1M, low 0"
    )]
    NoAllowances(String),
}

/// A minute of the day as `08:30`.
pub(super) fn time(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Reads `08:30`, `8:30` or `8`.
fn read_time(text: &str) -> Result<u16, WeekError> {
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "00"));
    // A sign is no part of a time, though a number may have one.
    let is_fine =
        |digits: &str| (1..=2).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
    if is_fine(hours) && is_fine(minutes) && minutes.len() == 2 {
        let (hours, minutes) = (hours.parse().unwrap_or(u16::MAX), minutes.parse().unwrap_or(u16::MAX));
        if minutes < 60 && hours <= 24 && hours * 60 + minutes <= DAY {
            return Ok(hours * 60 + minutes);
        }
    }
    Err(WeekError::NoSuchTime(text.to_owned()))
}

fn read_day(text: &str) -> Result<u8, WeekError> {
    let word = text.trim().to_ascii_lowercase();
    let day = DAYS.iter().position(|day| word.len() >= SHORT && day.starts_with(&word));
    day.map(|day| day as u8).ok_or_else(|| WeekError::NoSuchDay(text.trim().to_owned()))
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DAILY {
            return f.pad("daily");
        }
        let short = |day: u8| &DAYS[usize::from(day % 7)][..SHORT];
        let mut parts: Vec<String> = Vec::new();
        for from in self.iter().filter(|day| !self.contains(day + 6)) {
            let more = (1..7).take_while(|ahead| self.contains(from + ahead)).count() as u8;
            parts.push(match more {
                0 => short(from).to_owned(),
                1 => format!("{},{}", short(from), short(from + 1)),
                _ => format!("{}-{}", short(from), short(from + more)),
            });
        }
        f.pad(&parts.join(","))
    }
}

impl FromStr for Days {
    type Err = WeekError;

    /// Reads `mon`, `mon-fri`, `sat,sun`, `fri-mon`, `daily`; names may be written out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().eq_ignore_ascii_case("daily") {
            return Ok(Self::DAILY);
        }
        text.split(',').try_fold(Self(0), |days, part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Ok(days.and(Self::range(read_day(from)?, read_day(to)?)))
        })
    }
}

impl fmt::Display for Painted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}-{}", self.days, time(self.start), time(self.end)))
    }
}

impl FromStr for Painted {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_span = || WeekError::NoSpan(text.trim().to_owned());
        // Where text was pasted from, a range may have a dash of its own.
        let plain = text.replace('–', "-");
        // The times are from the first digit on: so there may be blanks anywhere.
        let at = plain.find(|c: char| c.is_ascii_digit()).ok_or_else(no_span)?;
        let (days, times) = plain.split_at(at);
        let (start, end) = times.split_once('-').ok_or_else(no_span)?;
        if days.trim().is_empty() {
            return Err(no_span());
        }
        let (start, end) = (read_time(start.trim())?, read_time(end.trim())?);
        Self::new(days.parse()?, start, end)
    }
}

impl Painted {
    /// Spans as text, one after another: `mon-fri 08:00-17:30; sat 10:00-12:00`, or `none`.
    #[must_use]
    pub fn list_text(spans: &[Self]) -> String {
        if spans.is_empty() {
            return NO_SPAN.to_owned();
        }
        spans.iter().map(Self::to_string).collect::<Vec<_>>().join(BETWEEN_SPANS)
    }

    /// Reads what [`Painted::list_text`] writes; nothing at all is no span.
    ///
    /// # Errors
    /// [`WeekError`]: of the first that is no span.
    pub fn read_list(text: &str) -> Result<Vec<Self>, WeekError> {
        if text.trim().eq_ignore_ascii_case(NO_SPAN) {
            return Ok(Vec::new());
        }
        let spans = text.split(BETWEEN_SPANS.trim()).filter(|span| !span.trim().is_empty());
        spans.map(str::parse).collect()
    }
}

impl TryFrom<String> for Painted {
    type Error = WeekError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Painted> for String {
    fn from(span: Painted) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Allowance {
    /// In a form that reads back as exactly the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.pad("unlimited"),
            Self::Capped(rate) => f.pad(&rate.as_typed()),
            Self::Zero => f.pad("0"),
        }
    }
}

impl FromStr for Allowance {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "0" => Ok(Self::Zero),
            word if word.eq_ignore_ascii_case("unlimited") => Ok(Self::Unlimited),
            rate => match rate.parse::<Rate>() {
                Ok(rate) => Ok(Self::Capped(rate)),
                Err(_) => Err(WeekError::NoAllowance(rate.to_owned())),
            },
        }
    }
}

impl TryFrom<String> for Allowance {
    type Error = WeekError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Allowance> for String {
    fn from(allowance: Allowance) -> Self {
        allowance.to_string()
    }
}

impl fmt::Display for Allowances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all(self.high) {
            return self.high.fmt(f);
        }
        f.pad(&format!("high {}, normal {}, low {}", self.high, self.normal, self.low))
    }
}

impl FromStr for Allowances {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || WeekError::NoAllowances(text.trim().to_owned());
        if !text.contains(',') {
            return text.parse().map(Self::all);
        }
        let (mut high, mut normal, mut low) = (None, None, None);
        for part in text.split(',') {
            let (priority, allowance) = part.trim().split_once([' ', ':', '=']).ok_or_else(wrong)?;
            let place = match priority.to_ascii_lowercase().as_str() {
                "high" => &mut high,
                "normal" => &mut normal,
                "low" => &mut low,
                _ => return Err(wrong()),
            };
            if place.replace(allowance.parse()?).is_some() {
                return Err(wrong());
            }
        }
        match (high, normal, low) {
            (Some(high), Some(normal), Some(low)) => Ok(Self { high, normal, low }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Maintenance => "maintenance",
            Self::Work => "work",
            Self::NonWork => "non-work",
        })
    }
}
