//! The week painted by hand: when how much may be used (bits.md 6.2).
//!
//! As BITS has it there are three windows: *work* and *maintenance* are painted, everything else is *non-work*,
//! and where both are painted maintenance wins. Each window allows each background priority something;
//! foreground jobs are not held by it. Unlike BITS, whose windows are one range of days and whole hours, there
//! are any number of spans, with minutes.

mod words;

pub use words::WeekError;

use serde::{Deserialize, Serialize};

use super::{Priority, Rate};

/// Minutes of a day.
pub(crate) const DAY: u16 = 24 * 60;

/// A minute of the local week; 0 is Monday 00:00.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct MinuteOfWeek(u16);

impl MinuteOfWeek {
    /// How many there are.
    pub const COUNT: u16 = 7 * DAY;

    /// The minute with this number; numbers go round the week.
    #[must_use]
    pub const fn new(minute: u16) -> Self {
        Self(minute % Self::COUNT)
    }

    /// The minute `minute_of_day` (0..1440) of a day (0 is Monday); both go round.
    #[must_use]
    pub const fn of_day(day: u8, minute_of_day: u16) -> Self {
        Self(day as u16 % 7 * DAY + minute_of_day % DAY)
    }

    /// All of them, from Monday 00:00.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Its number, 0..10080.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Its day; 0 is Monday.
    #[must_use]
    pub const fn day(self) -> u8 {
        (self.0 / DAY) as u8
    }

    /// Its minute of the day, 0..1440.
    #[must_use]
    pub const fn minute_of_day(self) -> u16 {
        self.0 % DAY
    }

    /// The minute that many minutes later, round the end of the week.
    #[must_use]
    pub const fn later(self, minutes: u16) -> Self {
        Self((self.0 + minutes % Self::COUNT) % Self::COUNT)
    }

    /// How many minutes from this one to the next `other`, 0..10080.
    #[must_use]
    pub const fn until(self, other: Self) -> u16 {
        (other.0 + Self::COUNT - self.0) % Self::COUNT
    }
}

impl TryFrom<u16> for MinuteOfWeek {
    type Error = String;

    fn try_from(minute: u16) -> Result<Self, Self::Error> {
        if minute < Self::COUNT { Ok(Self(minute)) } else { Err(format!("a week has no minute {minute}")) }
    }
}

impl From<MinuteOfWeek> for u16 {
    fn from(minute: MinuteOfWeek) -> Self {
        minute.0
    }
}

/// BITS's three windows. The order is the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// What is painted as maintenance.
    Maintenance,
    /// What is painted as work, and not as maintenance.
    Work,
    /// Everything else.
    NonWork,
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Maintenance, Self::Work, Self::NonWork];
}

/// Some days of the week, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const DAILY: Self = Self(0b111_1111);

    /// One day; 0 is Monday, and the numbers go round the week.
    #[must_use]
    pub const fn one(day: u8) -> Self {
        Self(1 << (day % 7))
    }

    /// From one day to another, both included, round the end of the week where `to` is the earlier one.
    #[must_use]
    pub fn range(from: u8, to: u8) -> Self {
        let length = (to % 7 + 7 - from % 7) % 7;
        (0..=length).fold(Self(0), |days, ahead| days.and(Self::one(from % 7 + ahead)))
    }

    /// These days and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a day is among them; 0 is Monday, and the numbers go round the week.
    #[must_use]
    pub const fn contains(self, day: u8) -> bool {
        self.0 & Self::one(day).0 != 0
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        (0..7).filter(move |day| self.contains(*day))
    }
}

/// A span painted on some days of the week, from one minute of the day to another. One that ends before it
/// starts goes on to the next day, from Sunday to Monday too. As text: `mon-fri 08:00-17:30`,
/// `sat,sun 22:00-06:00`, `daily 09:00-12:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Painted {
    days: Days,
    /// 0..1440.
    start: u16,
    /// 1..=1440, and not `start`.
    end: u16,
}

impl Painted {
    /// From the minute of the day `start` (0..1440) up to, not including, `end` (0..=1440) on these days. Both
    /// midnights can be written as the end.
    ///
    /// # Errors
    /// [`WeekError`]: a day has no such minutes, or the span is empty.
    pub fn new(days: Days, start: u16, end: u16) -> Result<Self, WeekError> {
        if start >= DAY || end > DAY {
            return Err(WeekError::NoSuchTime(words::time(start.max(end))));
        }
        let end = if end == 0 { DAY } else { end };
        if start == end {
            return Err(WeekError::Empty(words::time(start)));
        }
        Ok(Self { days, start, end })
    }

    /// The days it starts on.
    #[must_use]
    pub const fn days(&self) -> Days {
        self.days
    }

    /// The minute of the day it starts at, 0..1440.
    #[must_use]
    pub const fn start(&self) -> u16 {
        self.start
    }

    /// The minute of the day before which it ends, 1..=1440; at or before [`Painted::start`] it is the next day's.
    #[must_use]
    pub const fn end(&self) -> u16 {
        self.end
    }

    /// Whether it covers a minute.
    #[must_use]
    pub const fn covers(&self, minute: MinuteOfWeek) -> bool {
        let (day, time) = (minute.day(), minute.minute_of_day());
        let begun = self.days.contains(day) && self.start <= time;
        if self.start < self.end {
            begun && time < self.end
        } else {
            begun || (self.days.contains(day + 6) && time < self.end)
        }
    }

    /// The minutes at which what it covers may change.
    pub fn edges(&self) -> impl Iterator<Item = MinuteOfWeek> {
        let (start, length) = (self.start, (self.end + DAY - self.start - 1) % DAY + 1);
        self.days.iter().flat_map(move |day| {
            let start = MinuteOfWeek::of_day(day, start);
            [start, start.later(length)]
        })
    }

    /// The fewest spans that cover just the minutes for which `painted` holds: for whoever paints the week
    /// minute by minute.
    #[must_use]
    pub fn covering(painted: impl Fn(MinuteOfWeek) -> bool) -> Vec<Self> {
        // Runs of painted minutes, beginning where the one before is not painted, are cut at the midnights
        // where they are a day or longer; then those of the same time are one span on several days.
        let mut spans: Vec<Self> = Vec::new();
        let mut add = |start: MinuteOfWeek, length: u16| {
            let end = start.minute_of_day() + length;
            let end = if end > DAY { end - DAY } else { end };
            let span = Self { days: Days::one(start.day()), start: start.minute_of_day(), end };
            match spans.iter_mut().find(|known| known.start == span.start && known.end == span.end) {
                Some(known) => known.days = known.days.and(span.days),
                None => spans.push(span),
            }
        };
        let before = |minute: MinuteOfWeek| minute.later(MinuteOfWeek::COUNT - 1);
        if MinuteOfWeek::all().all(&painted) {
            return vec![Self { days: Days::DAILY, start: 0, end: DAY }];
        }
        for mut start in MinuteOfWeek::all().filter(|minute| painted(*minute) && !painted(before(*minute))) {
            let mut length =
                (0..MinuteOfWeek::COUNT).take_while(|ahead| painted(start.later(*ahead))).count() as u16;
            while length >= DAY {
                let to_midnight = DAY - start.minute_of_day();
                add(start, to_midnight);
                start = start.later(to_midnight);
                length -= to_midnight;
            }
            if length > 0 {
                add(start, length);
            }
        }
        spans
    }
}

/// What a window allows the jobs of a priority, all together. As text: `unlimited`, `0`, or a rate as `500K`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowance {
    /// All they can get.
    #[default]
    Unlimited,
    /// At most so much.
    Capped(Rate),
    /// Nothing: they wait until the window ends.
    Zero,
}

/// What a window allows each background priority. As text one word for all three, or
/// `high unlimited, normal 1M, low 0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allowances {
    /// Of high priority.
    pub high: Allowance,
    /// Of normal priority.
    pub normal: Allowance,
    /// Of low priority.
    pub low: Allowance,
}

impl Allowances {
    /// The same for all three.
    #[must_use]
    pub const fn all(allowance: Allowance) -> Self {
        Self { high: allowance, normal: allowance, low: allowance }
    }

    /// What a priority is allowed. Foreground is not held by the timetable.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> Allowance {
        match priority {
            Priority::Foreground => Allowance::Unlimited,
            Priority::High => self.high,
            Priority::Normal => self.normal,
            Priority::Low => self.low,
        }
    }
}

/// The painted week with what its windows allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timetable {
    /// Whether it is in force; while it is not, everything is unlimited.
    pub on: bool,
    /// What is painted as work.
    pub work_spans: Vec<Painted>,
    /// What is painted as maintenance.
    pub maintenance_spans: Vec<Painted>,
    /// What work allows.
    pub work: Allowances,
    /// What non-work allows.
    pub non_work: Allowances,
    /// What maintenance allows.
    pub maintenance: Allowances,
    /// Whether a server in one of this machine's own subnets is exempt (BITS's IgnoreBandwidthLimitsOnLan).
    pub lan_exempt: bool,
}

impl Timetable {
    /// The window of a minute, whether or not the timetable is in force.
    #[must_use]
    pub fn window_at(&self, minute: MinuteOfWeek) -> Window {
        if self.maintenance_spans.iter().any(|span| span.covers(minute)) {
            Window::Maintenance
        } else if self.work_spans.iter().any(|span| span.covers(minute)) {
            Window::Work
        } else {
            Window::NonWork
        }
    }

    /// What a window allows; everything while the timetable is not in force.
    #[must_use]
    pub const fn allowances(&self, window: Window) -> Allowances {
        if !self.on {
            return Allowances::all(Allowance::Unlimited);
        }
        match window {
            Window::Maintenance => self.maintenance,
            Window::Work => self.work,
            Window::NonWork => self.non_work,
        }
    }

    /// The minutes at which the window may change, in no order.
    pub fn edges(&self) -> impl Iterator<Item = MinuteOfWeek> {
        self.work_spans.iter().chain(&self.maintenance_spans).flat_map(Painted::edges)
    }
}

#[cfg(test)]
pub(crate) mod tests;
