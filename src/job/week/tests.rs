use proptest::prelude::*;

use super::*;

pub(crate) fn spans() -> impl Strategy<Value = Vec<Painted>> {
    let span = (1_u8..128, 0..DAY, 0..=DAY)
        .prop_filter_map("empty", |(days, start, end)| Painted::new(Days(days), start, end).ok());
    prop::collection::vec(span, 0..4)
}

pub(crate) fn rate() -> impl Strategy<Value = Rate> {
    // What can be typed; whole units are as likely as odd bytes.
    prop_oneof![
        1_u64..1_000_000_000_000,
        (1_u64..999).prop_map(|n| n << 10),
        (1_u64..999).prop_map(|n| n << 20)
    ]
    .prop_filter_map("zero", Rate::from_bytes_per_sec)
}

fn allowance() -> impl Strategy<Value = Allowance> {
    prop_oneof![Just(Allowance::Unlimited), Just(Allowance::Zero), rate().prop_map(Allowance::Capped)]
}

fn allowances() -> impl Strategy<Value = Allowances> {
    (allowance(), allowance(), allowance()).prop_map(|(high, normal, low)| Allowances { high, normal, low })
}

pub(crate) fn timetable() -> impl Strategy<Value = Timetable> {
    (any::<[bool; 2]>(), spans(), spans(), allowances(), allowances(), allowances()).prop_map(
        |([on, lan_exempt], work_spans, maintenance_spans, work, non_work, maintenance)| Timetable {
            on,
            work_spans,
            maintenance_spans,
            work,
            non_work,
            maintenance,
            lan_exempt,
        },
    )
}

fn span(text: &str) -> Painted {
    text.parse().unwrap()
}

#[test]
fn spans_are_read_as_people_write_them() {
    let table = [
        ("mon-fri 08:00-17:30", "mon-fri 08:00-17:30"),
        ("sat,sun 22:00-06:00", "sat,sun 22:00-06:00"),
        ("daily 09:00-12:00", "daily 09:00-12:00"),
        ("  Monday - Friday  8:00 – 17:30 ", "mon-fri 08:00-17:30"),
        ("Mon-Sun 8-17", "daily 08:00-17:00"),
        ("mon,tue,wed 0:00-0:00", "mon-wed 00:00-24:00"),
        ("fri-mon 22:00-24:00", "fri-mon 22:00-24:00"),
        ("fri,sat,sun,mon,wed 22:00-0:00", "wed,fri-mon 22:00-24:00"),
        ("sun,mon 12:00-11:59", "sun,mon 12:00-11:59"),
        ("tues,thurs 01:00-02:00", "tue,thu 01:00-02:00"),
    ];
    for (text, canonical) in table {
        assert_eq!(text.parse::<Painted>().map(|span| span.to_string()).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn what_is_no_span_gets_a_sentence_that_names_it() {
    let table = [
        ("", "“” is no span"),
        ("mon-fri", "“mon-fri” is no span"),
        ("08:00-17:00", "“08:00-17:00” is no span"),
        ("mon 08:00", "“mon 08:00” is no span"),
        ("mo 08:00-09:00", "“mo” is no day"),
        ("mon- 08:00-09:00", "“” is no day"),
        ("always 08:00-09:00", "“always” is no day"),
        ("mon 08:60-09:00", "“08:60” is no time"),
        ("mon 8:5-09:00", "“8:5” is no time"),
        ("mon 24:00-09:00", "“24:00” is no time"),
        ("mon 08:00-24:01", "“24:01” is no time"),
        ("mon 08:00-+9:00", "“+9:00” is no time"),
        ("mon 08:00-99999999999:00", "is no time"),
        ("mon 08:00-08:00", "from 08:00 to 08:00 is empty"),
    ];
    for (text, sentence) in table {
        let error = text.parse::<Painted>().unwrap_err().to_string();
        assert!(error.contains(sentence), "{text}: {error}");
    }
}

#[test]
fn allowances_are_read_as_people_write_them() {
    let capped = |bytes| Allowance::Capped(Rate::from_bytes_per_sec(bytes).unwrap());
    let mixed = Allowances { high: Allowance::Unlimited, normal: capped(1 << 20), low: Allowance::Zero };
    let table = [
        ("0", Allowances::all(Allowance::Zero)),
        ("Unlimited", Allowances::all(Allowance::Unlimited)),
        ("512K", Allowances::all(capped(512 << 10))),
        ("high unlimited, normal 1M, low 0", mixed),
        ("low=0,HIGH: unlimited,normal  1M/s", mixed),
    ];
    for (text, allowances) in table {
        assert_eq!(text.parse(), Ok(allowances), "{text}");
    }
    for (text, sentence) in [
        ("", "is no allowance"),
        ("fast", "“fast” is no allowance"),
        ("high 1M", "“high 1M” is no allowance"),
        ("high 1M, low 0", "does not say what each"),
        ("high 1M, low 0, low 1", "does not say what each"),
        ("high 1M, low 0, normal slow", "“slow” is no allowance"),
        ("high 1M, low 0, foreground 0", "does not say what each"),
    ] {
        let error = text.parse::<Allowances>().unwrap_err().to_string();
        assert!(error.contains(sentence), "{text}: {error}");
    }
}

#[test]
fn a_span_covers_what_it_says_round_midnight_and_the_week() {
    let table: [(&str, u8, u16, bool); 12] = [
        ("mon-fri 08:00-17:30", 0, 8 * 60 - 1, false),
        ("mon-fri 08:00-17:30", 0, 8 * 60, true),
        ("mon-fri 08:00-17:30", 4, 17 * 60 + 29, true),
        ("mon-fri 08:00-17:30", 4, 17 * 60 + 30, false),
        ("mon-fri 08:00-17:30", 5, 12 * 60, false),
        ("sun 22:00-06:00", 6, 22 * 60, true),
        ("sun 22:00-06:00", 0, 5 * 60 + 59, true),
        ("sun 22:00-06:00", 0, 6 * 60, false),
        ("sun 22:00-06:00", 6, 5 * 60, false),
        ("fri-mon 00:00-24:00", 0, 1439, true),
        ("fri-mon 00:00-24:00", 1, 0, false),
        ("daily 12:00-11:59", 3, 11 * 60 + 59, false),
    ];
    for (text, day, time, covers) in table {
        assert_eq!(
            span(text).covers(MinuteOfWeek::of_day(day, time)),
            covers,
            "{text}: day {day}, minute {time}"
        );
    }
}

#[test]
fn a_painted_week_becomes_few_spans() {
    let table = [
        ("mon-fri 08:00-17:30", "mon-fri 08:00-17:30"),
        ("mon-fri 22:00-06:00", "mon-fri 22:00-06:00"),
        ("sat 08:00-24:00; sun 00:00-20:00", "sat 08:00-24:00; sun 00:00-20:00"),
        ("daily 00:00-12:00; daily 12:00-24:00", "daily 00:00-24:00"),
        ("sun 22:00-24:00; mon 00:00-02:00", "sun 22:00-02:00"),
        ("", ""),
    ];
    for (painted, spans) in table {
        let painted: Vec<Painted> = painted.split("; ").filter(|text| !text.is_empty()).map(span).collect();
        let found = Painted::covering(|minute| painted.iter().any(|span| span.covers(minute)));
        assert_eq!(found.iter().map(Painted::to_string).collect::<Vec<_>>().join("; "), spans);
    }
}

proptest! {
    #[test]
    fn a_timetable_survives_json_and_ron(timetable in timetable()) {
        let json = serde_json::to_string(&timetable).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Timetable>(&json).unwrap(), &timetable);
        let ron = ron::to_string(&timetable).unwrap();
        prop_assert_eq!(&ron::from_str::<Timetable>(&ron).unwrap(), &timetable);
    }

    #[test]
    fn text_reads_back_as_the_same(spans in spans(), allowances in allowances(), days in 1_u8..128) {
        for span in spans {
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
        prop_assert_eq!(allowances.to_string().parse(), Ok(allowances));
        prop_assert_eq!(allowances.low.to_string().parse(), Ok(allowances.low));
        prop_assert_eq!(Days(days).to_string().parse(), Ok(Days(days)));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", near in "[a-z,\\- ]{0,9} ?[0-9:]{0,6}-[0-9:]{0,6}") {
        for text in [text, near] {
            let _ = text.parse::<Painted>();
            let _ = text.parse::<Allowances>();
        }
    }

    #[test]
    fn a_span_changes_at_its_edges_only(spans in spans()) {
        for span in spans {
            let edges: Vec<MinuteOfWeek> = span.edges().collect();
            for minute in MinuteOfWeek::all() {
                let changes = span.covers(minute) != span.covers(minute.later(MinuteOfWeek::COUNT - 1));
                prop_assert!(!changes || edges.contains(&minute));
            }
        }
    }

    #[test]
    fn painted_minutes_are_covered_and_no_others(spans in spans()) {
        let painted = |minute| spans.iter().any(|span: &Painted| span.covers(minute));
        let found = Painted::covering(painted);
        for minute in MinuteOfWeek::all() {
            prop_assert_eq!(found.iter().any(|span| span.covers(minute)), painted(minute));
        }
    }

    #[test]
    fn minutes_go_round(from in 0..MinuteOfWeek::COUNT, ahead in 0..MinuteOfWeek::COUNT) {
        let from = MinuteOfWeek::new(from);
        prop_assert_eq!(from.until(from.later(ahead)), ahead);
        prop_assert_eq!(MinuteOfWeek::of_day(from.day(), from.minute_of_day()), from);
    }
}
