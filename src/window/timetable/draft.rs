//! The week while it is being painted: minute by minute, and as text. Pure.

use std::ops::{Range, RangeInclusive};

use crate::engine::SettingView;
use crate::job::{Allowances, MinuteOfWeek, Painted, Timetable, Window};

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;
/// Minutes of the smallest cell that can be painted.
pub(super) const QUARTER: u16 = 15;

/// A rectangle of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    /// 0 is Monday.
    pub days: RangeInclusive<u8>,
    /// Minutes of each of the days.
    pub minutes: Range<u16>,
}

impl Area {
    /// All between two cells, each told by its day and its first minute, and `size` minutes long.
    pub(super) fn between(one: (u8, u16), other: (u8, u16), size: u16) -> Self {
        Self {
            days: one.0.min(other.0)..=one.0.max(other.0),
            minutes: one.1.min(other.1)..(one.1.max(other.1) + size).min(DAY),
        }
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        let minutes = self.minutes.clone();
        let of_day = move |day: u8| {
            let start = usize::from(day) * usize::from(DAY);
            start + usize::from(minutes.start)..start + usize::from(minutes.end)
        };
        self.days.clone().flat_map(of_day)
    }
}

/// One of the two things that are painted: minutes, and the text that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    minutes: Vec<bool>,
    spans: Vec<Painted>,
    /// What stands in the field.
    pub text: String,
    /// Why the text is not what is painted: a sentence.
    pub wrong: Option<String>,
}

impl Layer {
    fn of(spans: Vec<Painted>) -> Self {
        let minutes = minutes_of(&spans);
        Self { minutes, text: text_of(&spans), spans, wrong: None }
    }

    /// Whether the minute is painted.
    fn has(&self, minute: MinuteOfWeek) -> bool {
        self.minutes.get(usize::from(minute.number())).copied().unwrap_or_default()
    }

    /// Paints these minutes, or wipes them; the text follows.
    fn fill(&mut self, area: &Area, painted: bool) {
        let mut changed = false;
        for minute in area.all() {
            if let Some(place) = self.minutes.get_mut(minute) {
                changed |= *place != painted;
                *place = painted;
            }
        }
        if changed {
            self.spans = Painted::covering(|minute| self.has(minute));
            self.text = text_of(&self.spans);
            self.wrong = None;
        }
    }

    /// The text has been edited: what it says is painted, if it says anything.
    pub(super) fn read_text(&mut self) {
        match Painted::read_list(&self.text) {
            Ok(spans) => {
                self.minutes = minutes_of(&spans);
                self.spans = spans;
                self.wrong = None;
            }
            Err(error) => self.wrong = Some(format!("{error}.")),
        }
    }

    /// The text as it would be written, once nobody is typing in it.
    pub(super) fn tidy(&mut self) {
        if self.wrong.is_none() {
            self.text = text_of(&self.spans);
        }
    }
}

fn minutes_of(spans: &[Painted]) -> Vec<bool> {
    MinuteOfWeek::all().map(|minute| spans.iter().any(|span| span.covers(minute))).collect()
}

/// What is not painted is an empty field, not a word.
fn text_of(spans: &[Painted]) -> String {
    if spans.is_empty() { String::new() } else { Painted::list_text(spans) }
}

/// Weeks to begin with. Each paints one window and leaves the other as it is, so they go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Weekdays,
    Nights,
    Clear,
}

impl Preset {
    pub(super) const EACH: [Self; 3] = [Self::Weekdays, Self::Nights, Self::Clear];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Weekdays => "Weekdays 8 to 18",
            Self::Nights => "Nights",
            Self::Clear => "Clear",
        }
    }

    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Weekdays => "Work from Monday to Friday, 08:00 to 18:00",
            Self::Nights => "Maintenance every night, 22:00 to 06:00",
            Self::Clear => "All of the week is non-work",
        }
    }
}

/// The timetable as it stands in the dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub on: bool,
    pub work: Layer,
    pub maintenance: Layer,
    pub work_limits: Allowances,
    pub non_work_limits: Allowances,
    pub maintenance_limits: Allowances,
    pub lan_exempt: bool,
}

impl Draft {
    /// As the settings have it. What cannot be read is as it is in an empty timetable.
    pub(super) fn of(settings: &[SettingView]) -> Self {
        let text = |key: &str| {
            let view = settings.iter().find(|view| view.key == key);
            view.map_or("", |view| view.value.as_str())
        };
        let spans = |key: &str| Layer::of(Painted::read_list(text(key)).unwrap_or_default());
        let limits = |key: &str| text(key).parse().unwrap_or_default();
        Self {
            on: text("timetable") == ON,
            work: spans("work"),
            maintenance: spans("maintenance"),
            work_limits: limits("work_limits"),
            non_work_limits: limits("non_work_limits"),
            maintenance_limits: limits("maintenance_limits"),
            lan_exempt: text("lan_exempt") == ON,
        }
    }

    /// The settings to be changed to make this of `saved`, in the order in which that does least harm: nothing is
    /// held by a timetable that is half set.
    pub(super) fn changes(&self, saved: &Self) -> Vec<(&'static str, String)> {
        let flag = |on: bool| if on { ON } else { "off" }.to_owned();
        let mut changes = Vec::new();
        let mut add = |differs: bool, key: &'static str, value: String| {
            if differs {
                changes.push((key, value));
            }
        };
        let spans = |layer: &Layer| Painted::list_text(&layer.spans);
        let switched = self.on != saved.on;
        add(switched && !self.on, "timetable", flag(self.on));
        // Other words for the same minutes are no change.
        add(self.work.minutes != saved.work.minutes, "work", spans(&self.work));
        add(self.maintenance.minutes != saved.maintenance.minutes, "maintenance", spans(&self.maintenance));
        for window in Window::ALL {
            let limits = self.limits(window);
            add(limits != saved.limits(window), limits_key(window), limits.to_string());
        }
        add(self.lan_exempt != saved.lan_exempt, "lan_exempt", flag(self.lan_exempt));
        add(switched && self.on, "timetable", flag(self.on));
        changes
    }

    /// Takes one setting over from another draft.
    pub(super) fn take_up(&mut self, of: &Self, key: &str) {
        match key {
            "timetable" => self.on = of.on,
            "work" => self.work.clone_from(&of.work),
            "maintenance" => self.maintenance.clone_from(&of.maintenance),
            "lan_exempt" => self.lan_exempt = of.lan_exempt,
            key => {
                if let Some(window) = Window::ALL.into_iter().find(|window| limits_key(*window) == key) {
                    *self.limits_mut(window) = of.limits(window);
                }
            }
        }
    }

    /// What is painted, as the engine would go by it.
    pub(super) fn timetable(&self) -> Timetable {
        Timetable {
            on: self.on,
            work_spans: self.work.spans.clone(),
            maintenance_spans: self.maintenance.spans.clone(),
            work: self.work_limits,
            non_work: self.non_work_limits,
            maintenance: self.maintenance_limits,
            lan_exempt: self.lan_exempt,
        }
    }

    /// What a window allows.
    pub(super) const fn limits(&self, window: Window) -> Allowances {
        match window {
            Window::Work => self.work_limits,
            Window::NonWork => self.non_work_limits,
            Window::Maintenance => self.maintenance_limits,
        }
    }

    /// The place of what a window allows.
    pub(super) const fn limits_mut(&mut self, window: Window) -> &mut Allowances {
        match window {
            Window::Work => &mut self.work_limits,
            Window::NonWork => &mut self.non_work_limits,
            Window::Maintenance => &mut self.maintenance_limits,
        }
    }

    /// The window of a minute, with or without the switch.
    pub(super) fn window_at(&self, minute: MinuteOfWeek) -> Window {
        if self.maintenance.has(minute) {
            Window::Maintenance
        } else if self.work.has(minute) {
            Window::Work
        } else {
            Window::NonWork
        }
    }

    /// Makes an area this window. Maintenance lies over work, which is still there when it is typed away.
    pub(super) fn paint(&mut self, area: &Area, brush: Window) {
        if brush != Window::Maintenance {
            self.work.fill(area, brush == Window::Work);
        }
        self.maintenance.fill(area, brush == Window::Maintenance);
    }

    /// Takes up a preset; what was mistyped in its field is gone with what was painted.
    pub(super) fn preset(&mut self, preset: Preset) {
        let empty = || Layer::of(Vec::new());
        match preset {
            Preset::Weekdays => {
                self.work = empty();
                self.work.fill(&Area { days: 0..=4, minutes: 8 * 60..18 * 60 }, true);
            }
            Preset::Nights => {
                self.maintenance = empty();
                self.maintenance.fill(&Area { days: 0..=6, minutes: 0..6 * 60 }, true);
                self.maintenance.fill(&Area { days: 0..=6, minutes: 22 * 60..DAY }, true);
            }
            Preset::Clear => {
                self.work = empty();
                self.maintenance = empty();
            }
        }
    }

    /// The stretches of a day, from midnight to midnight.
    pub(super) fn stretches(&self, day: u8) -> Vec<(Window, Range<u16>)> {
        let mut stretches: Vec<(Window, Range<u16>)> = Vec::new();
        for minute in 0..DAY {
            let window = self.window_at(MinuteOfWeek::of_day(day, minute));
            match stretches.last_mut() {
                Some((last, range)) if *last == window => range.end = minute + 1,
                _ => stretches.push((window, minute..minute + 1)),
            }
        }
        stretches
    }
}

/// The word for a setting that is switched on.
const ON: &str = "on";

const fn limits_key(window: Window) -> &'static str {
    match window {
        Window::Work => "work_limits",
        Window::NonWork => "non_work_limits",
        Window::Maintenance => "maintenance_limits",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::week_samples::timetable;

    /// As if the settings had this timetable.
    pub(in crate::window::timetable) fn draft(timetable: &Timetable) -> Draft {
        let flag = |on: bool| if on { "on" } else { "off" }.to_owned();
        let settings = [
            ("timetable", flag(timetable.on)),
            ("work", Painted::list_text(&timetable.work_spans)),
            ("maintenance", Painted::list_text(&timetable.maintenance_spans)),
            ("work_limits", timetable.work.to_string()),
            ("non_work_limits", timetable.non_work.to_string()),
            ("maintenance_limits", timetable.maintenance.to_string()),
            ("lan_exempt", flag(timetable.lan_exempt)),
        ];
        let view =
            |(key, value): (&str, String)| SettingView { key: key.into(), value, about: String::new() };
        Draft::of(&settings.map(view))
    }

    fn area() -> impl Strategy<Value = Area> {
        let cell = || (0..7_u8, (0..DAY / QUARTER).prop_map(|quarter| quarter * QUARTER));
        (cell(), cell()).prop_map(|(one, other)| Area::between(one, other, QUARTER))
    }

    fn brush() -> impl Strategy<Value = Window> {
        (0..3_usize).prop_map(|index| Window::ALL[index])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn what_is_painted_is_what_is_written(timetable in timetable(), area in area(), brush in brush()) {
            let mut painted = draft(&timetable);
            prop_assert_eq!(painted.timetable(), timetable);
            painted.paint(&area, brush);
            let mut typed = painted.clone();
            typed.work.read_text();
            typed.maintenance.read_text();
            prop_assert_eq!(&typed, &painted, "the text says the same as the grid");
            let timetable = painted.timetable();
            for minute in MinuteOfWeek::all() {
                prop_assert_eq!(timetable.window_at(minute), painted.window_at(minute));
            }
        }

        #[test]
        fn only_what_is_painted_changes(timetable in timetable(), area in area(), brush in brush()) {
            let before = draft(&timetable);
            let mut after = before.clone();
            after.paint(&area, brush);
            let inside: std::collections::HashSet<usize> = area.all().collect();
            for minute in MinuteOfWeek::all() {
                let expected = if inside.contains(&usize::from(minute.number())) {
                    brush
                } else {
                    // Minutes between the quarters too.
                    before.window_at(minute)
                };
                prop_assert_eq!(after.window_at(minute), expected);
            }
        }

        #[test]
        fn changes_make_one_of_the_other(one in timetable(), other in timetable()) {
            let (saved, wanted) = (draft(&one), draft(&other));
            prop_assert!(saved.changes(&saved).is_empty());
            let keys = ["timetable", "work", "maintenance", "work_limits", "non_work_limits", "maintenance_limits",
                "lan_exempt"];
            let mut settings: Vec<SettingView> = keys
                .into_iter()
                .map(|key| SettingView { key: key.into(), value: String::new(), about: String::new() })
                .collect();
            // All that changes from nothing, then from the one to the other.
            for changes in [saved.changes(&Draft::of(&[])), wanted.changes(&saved)] {
                for (key, value) in changes {
                    let place = settings.iter_mut().find(|view| view.key == key);
                    place.expect("a known key").value = value;
                }
            }
            prop_assert!(wanted.changes(&Draft::of(&settings)).is_empty());
        }
    }

    #[test]
    fn a_minute_between_the_quarters_survives_an_edit_elsewhere() {
        let mut draft = Draft::of(&[]);
        draft.work.text = "mon-fri 08:07-17:38".into();
        draft.work.read_text();
        draft.paint(&Area::between((0, 12 * 60), (6, 12 * 60 + 45), QUARTER), Window::NonWork);
        assert_eq!(draft.work.text, "mon-fri 08:07-12:00; mon-fri 13:00-17:38");
        draft.paint(&Area::between((2, 12 * 60), (2, 12 * 60 + 45), QUARTER), Window::Maintenance);
        assert_eq!(draft.work.text, "mon-fri 08:07-12:00; mon-fri 13:00-17:38");
        assert_eq!(draft.maintenance.text, "wed 12:00-13:00");
    }

    #[test]
    fn what_is_mistyped_is_told_and_not_taken() {
        let mut draft = Draft::of(&[]);
        draft.work.text = "mon-fri 8-17".into();
        draft.work.read_text();
        let before = draft.timetable();
        draft.work.text = "mon-fri 8-17; never 9-10".into();
        draft.work.read_text();
        assert!(draft.work.wrong.as_ref().is_some_and(|why| why.contains("“never” is no day")));
        assert_eq!(draft.timetable(), before);
        draft.work.text.clear();
        draft.work.read_text();
        assert_eq!((draft.work.wrong.as_ref(), draft.timetable().work_spans.len()), (None, 0));
    }

    #[test]
    fn presets_go_together() {
        let mut draft = Draft::of(&[]);
        draft.preset(Preset::Weekdays);
        draft.preset(Preset::Nights);
        assert_eq!(draft.work.text, "mon-fri 08:00-18:00");
        assert_eq!(draft.maintenance.text, "daily 22:00-06:00");
        draft.preset(Preset::Clear);
        assert_eq!(draft.changes(&Draft::of(&[])), []);
    }

    #[test]
    fn a_timetable_is_switched_on_last_and_off_first() {
        let empty = Draft::of(&[]);
        let mut on = empty.clone();
        on.preset(Preset::Weekdays);
        on.on = true;
        let expected = [("work", "mon-fri 08:00-18:00".to_owned()), ("timetable", "on".to_owned())];
        assert_eq!(on.changes(&empty), expected);
        assert_eq!(empty.changes(&on), [("timetable", "off".to_owned()), ("work", "none".to_owned())]);
    }
}
