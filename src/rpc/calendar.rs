//! Times of day, days of the week, holidays, time zones and capacity on the wire, for couriers and locations.

use crate::domain::{
    Day, HOLIDAYS_MAX, Problems, SHIPMENTS_PER_DAY_MAX, TimeZone, WINDOWS_MAX, WorkingHours,
};
use crate::pb;
use crate::rpc::parse::{digits, entries, id, number, required};

/// Minutes after midnight of a time such as `17:00`.
pub(crate) fn time_of_day(field: &str, text: &str, bad: &mut Problems) -> Option<i32> {
    let text = required(field, Some(text).filter(|it| !it.is_empty()), bad)?;
    let minutes = minutes_of(text);
    if minutes.is_none() {
        bad.add(field, "must be a time of day such as 17:00");
    }
    minutes
}

/// The same, where an empty text means none.
pub(crate) fn optional_time_of_day(field: &str, text: &str, bad: &mut Problems) -> Option<i32> {
    if text.is_empty() { None } else { time_of_day(field, text, bad) }
}

fn minutes_of(text: &str) -> Option<i32> {
    let two_digits = |part: &str, max: i32| digits(part).filter(|it: &i32| part.len() == 2 && *it <= max);
    let (hours, minutes) = text.split_once(':')?;
    Some(two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?)
}

/// `17:00` of minutes after midnight.
pub(crate) fn time_text(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// None for zero: any number.
pub(crate) fn shipments_per_day(field: &str, shipments: i32, bad: &mut Problems) -> Option<u32> {
    let shipments = number(field, shipments.into(), 0..=SHIPMENTS_PER_DAY_MAX.into(), bad);
    u32::try_from(shipments).ok().filter(|it| *it > 0)
}

/// ISO numbers of the days, in their order; Monday to Friday if none is named.
pub(crate) fn weekdays(field: &str, given: Vec<i32>, bad: &mut Problems) -> Vec<u8> {
    if given.is_empty() {
        return (1..=5).collect();
    }
    let mut days = Vec::new();
    for (index, day) in entries(field, given, 0..=7, bad) {
        match weekday(&format!("{field}[{index}]"), day, bad) {
            Some(day) if days.contains(&day) => bad.add(format!("{field}[{index}]"), "is named twice"),
            Some(day) => days.push(day),
            None => {}
        }
    }
    days.sort_unstable();
    days
}

fn weekday(field: &str, day: i32, bad: &mut Problems) -> Option<u8> {
    let known = u8::try_from(day).ok().filter(|it| (1..=7).contains(it));
    if known.is_none() {
        bad.add(field, "must be a day of the week");
    }
    known
}

/// A day of the calendar.
pub(crate) fn day(field: &str, date: pb::Date, bad: &mut Problems) -> Option<Day> {
    let pb::Date { year, month, day } = date;
    let small = |it: i32| u8::try_from(it).unwrap_or(0);
    let found = Day::of(year, small(month), small(day));
    if found.is_none() {
        bad.add(field, "must be a day of the years 1 to 9999");
    }
    found
}

/// The days, in their order.
pub(crate) fn holidays(field: &str, given: Vec<pb::Date>, bad: &mut Problems) -> Vec<Day> {
    let mut days = Vec::new();
    for (index, date) in entries(field, given, 0..=HOLIDAYS_MAX, bad) {
        days.extend(day(&format!("{field}[{index}]"), date, bad).map(|day| (day, index)));
    }
    days.sort_unstable();
    for pair in days.windows(2) {
        if pair[0].0 == pair[1].0 {
            bad.add(format!("{field}[{}]", pair[1].1), "is named twice");
        }
    }
    days.into_iter().map(|it| it.0).collect()
}

pub(crate) fn dates(days: &[Day]) -> Vec<pb::Date> {
    days.iter().copied().map(date).collect()
}

pub(crate) fn date(day: Day) -> pb::Date {
    let date = day.date();
    pb::Date { year: date.year(), month: u8::from(date.month()).into(), day: date.day().into() }
}

/// None: not said.
pub(crate) fn time_zone(field: &str, name: &str, bad: &mut Problems) -> Option<TimeZone> {
    if name.is_empty() { None } else { id(field, name, bad) }
}

/// Windows of working hours, in their order, none overlapping another.
pub(crate) fn working_hours(
    field: &str,
    given: Vec<pb::WorkingHours>,
    bad: &mut Problems,
) -> Vec<WorkingHours> {
    let mut hours = Vec::new();
    for (index, window) in entries(field, given, 0..=WINDOWS_MAX, bad) {
        let at = format!("{field}[{index}]");
        let pb::WorkingHours { weekday: day, opens, closes } = window;
        let weekday = weekday(&format!("{at}.weekday"), day, bad);
        let opens = time_of_day(&format!("{at}.opens"), &opens, bad);
        let closes = match closes.as_str() {
            "24:00" => Some(1_440),
            text => time_of_day(&format!("{at}.closes"), text, bad),
        };
        let (Some(weekday), Some(opens), Some(closes)) = (weekday, opens, closes) else { continue };
        if closes <= opens {
            bad.add(format!("{at}.closes"), "must be later than opens, on the same day");
        }
        hours.push((WorkingHours { weekday, opens, closes }, index));
    }
    hours.sort_unstable();
    for pair in hours.windows(2) {
        let ((one, before), (other, index)) = (pair[0], pair[1]);
        if one.weekday == other.weekday && other.opens < one.closes {
            bad.add(format!("{field}[{index}]"), format!("overlaps {field}[{before}]"));
        }
    }
    hours.into_iter().map(|it| it.0).collect()
}

pub(crate) fn hours(hours: &[WorkingHours]) -> Vec<pb::WorkingHours> {
    let window = |it: &WorkingHours| {
        let WorkingHours { weekday, opens, closes } = *it;
        pb::WorkingHours { weekday: weekday.into(), opens: time_text(opens), closes: time_text(closes) }
    };
    hours.iter().map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bad: &Problems) -> Vec<&str> {
        bad.0.iter().map(|it| it.field.as_str()).collect()
    }

    #[test]
    fn a_time_of_day_has_two_digits_on_both_sides() {
        let mut bad = Problems::default();
        assert_eq!(time_of_day("cutoff", "17:05", &mut bad), Some(17 * 60 + 5));
        assert_eq!(time_of_day("cutoff", "00:00", &mut bad), Some(0));
        assert_eq!(optional_time_of_day("cutoff", "", &mut bad), None);
        assert!(bad.0.is_empty());
        for text in ["", "7:00", "17", "17:60", "24:00", "+7:00", "17:0 ", "17:000"] {
            assert_eq!(time_of_day("cutoff", text, &mut bad), None, "{text}");
        }
        assert_eq!(time_text(17 * 60 + 5), "17:05");
    }

    #[test]
    fn every_day_of_the_week_has_its_iso_number() {
        let mut bad = Problems::default();
        let all = [
            pb::Weekday::Sunday,
            pb::Weekday::Monday,
            pb::Weekday::Tuesday,
            pb::Weekday::Wednesday,
            pb::Weekday::Thursday,
            pb::Weekday::Friday,
            pb::Weekday::Saturday,
        ];
        assert_eq!(weekdays("days", all.map(i32::from).to_vec(), &mut bad), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(weekdays("days", Vec::new(), &mut bad), [1, 2, 3, 4, 5]);
        assert!(bad.0.is_empty());
        assert!(pb::Weekday::try_from(8).is_err());
    }

    #[test]
    fn holidays_are_days_of_the_calendar_and_none_is_named_twice() {
        let date = |year, month, day| pb::Date { year, month, day };
        let mut bad = Problems::default();
        let days = holidays("holidays", vec![date(2026, 12, 26), date(2026, 12, 25)], &mut bad);
        assert_eq!(days.iter().map(Day::to_string).collect::<Vec<_>>(), ["2026-12-25", "2026-12-26"]);
        assert_eq!(dates(&days), [date(2026, 12, 25), date(2026, 12, 26)]);
        assert!(bad.0.is_empty());
        let wrong =
            vec![date(2026, 2, 29), date(0, 12, 25), date(2026, 1, 1), date(2026, 1, 1), date(2026, 300, -1)];
        holidays("holidays", wrong, &mut bad);
        assert_eq!(fields(&bad), ["holidays[0]", "holidays[1]", "holidays[4]", "holidays[3]"]);
        let mut bad = Problems::default();
        holidays("holidays", vec![date(2026, 1, 1); 1_001], &mut bad);
        assert_eq!(fields(&bad)[0], "holidays");
    }

    #[test]
    fn working_hours_do_not_overlap_and_end_after_they_begin() {
        let window = |weekday, opens: &str, closes: &str| pb::WorkingHours {
            weekday,
            opens: opens.to_owned(),
            closes: closes.to_owned(),
        };
        let mut bad = Problems::default();
        let given =
            vec![window(2, "13:00", "24:00"), window(2, "08:00", "13:00"), window(1, "00:00", "00:01")];
        let read = working_hours("hours", given.clone(), &mut bad);
        assert!(bad.0.is_empty());
        assert_eq!(hours(&read), [given[2].clone(), given[1].clone(), given[0].clone()]);

        working_hours(
            "hours",
            vec![
                window(0, "08:00", "17:00"),
                window(1, "", "25:00"),
                window(3, "08:00", "08:00"),
                window(4, "08:00", "12:00"),
                window(4, "11:59", "13:00"),
            ],
            &mut bad,
        );
        assert_eq!(
            fields(&bad),
            ["hours[0].weekday", "hours[1].opens", "hours[1].closes", "hours[2].closes", "hours[4]"]
        );
    }
}
