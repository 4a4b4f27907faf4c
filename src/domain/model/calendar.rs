//! When a location works, and on which days couriers come and deliver. Pure functions over the clocks of time zones.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::day::Day;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::{Clock, TimeZone};

/// How many holidays one list has.
pub const HOLIDAYS_MAX: usize = 1_000;

/// How many windows of working hours one calendar has: three a day.
pub const WINDOWS_MAX: usize = 21;

/// How many windows of working hours a piece of work may need. One that needs more never ends, as far as promises go.
const WINDOWS_WORKED_MAX: usize = 4_000;

/// Days of the week without holidays.
#[derive(Debug, Clone, Copy)]
pub struct DaysOfWeek<'a> {
    /// ISO numbers, 1 = Monday … 7 = Sunday.
    pub weekdays: &'a [u8],
    /// Ascending.
    pub holidays: &'a [Day],
}

impl DaysOfWeek<'_> {
    pub fn has(&self, day: Day) -> bool {
        self.weekdays.contains(&day.iso_weekday()) && self.holidays.binary_search(&day).is_err()
    }

    /// The first day from `day` on that is one of these and also fits another weekly calendar with so many holidays.
    /// So many weeks are looked at that who finds nothing there never will.
    pub fn next(&self, day: Day, holidays: usize, mut fits: impl FnMut(Day) -> bool) -> Option<Day> {
        let last = day.plus(days_to_look_at(self.holidays.len() + holidays));
        successors(day, last).find(|it| self.has(*it) && fits(*it))
    }

    /// The day that is `count` of these days after `day`; for none, the first of them from `day` on.
    pub fn after(&self, day: Day, count: u32) -> Option<Day> {
        if count == 0 {
            return self.next(day, 0, |_| true);
        }
        (0..count).try_fold(day, |reached, _| match reached < Day::MAX {
            true => self.next(reached.plus(1), 0, |_| true),
            false => None,
        })
    }
}

/// A holiday closes at most one day, so a day that is open weekly is open within so many days.
fn days_to_look_at(holidays: usize) -> i32 {
    i32::try_from(holidays).unwrap_or(i32::MAX / 16).saturating_add(2).saturating_mul(7)
}

fn successors(first: Day, last: Day) -> impl Iterator<Item = Day> {
    (first.number()..=last.number()).map(|it| Day::from_number(it.into()))
}

/// Working hours of one day of the week; a day may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkingHours {
    /// 1 = Monday … 7 = Sunday.
    pub weekday: u8,
    /// Minutes after midnight, 0 to 1,439.
    pub opens: i32,
    /// Minutes after midnight, later than `opens`, at most 1,440.
    pub closes: i32,
}

/// When a location works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingCalendar {
    pub time_zone: TimeZone,
    /// In order, none overlapping another. Empty: at all hours.
    pub hours: Vec<WorkingHours>,
    /// Days on which nobody works, ascending.
    pub holidays: Vec<Day>,
    /// Orders that come later on a working day are begun the next one, in minutes after midnight. None: any time will
    /// do.
    pub cutoff: Option<i32>,
}

impl WorkingCalendar {
    /// At all hours of every day.
    pub fn always(time_zone: TimeZone) -> Self {
        Self { time_zone, hours: Vec::new(), holidays: Vec::new(), cutoff: None }
    }

    pub fn works_on(&self, day: Day) -> bool {
        let has_hours = self.hours.is_empty() || self.hours.iter().any(|it| it.weekday == day.iso_weekday());
        has_hours && self.holidays.binary_search(&day).is_err()
    }

    /// The first moment from `at` on at which somebody works; None: never again.
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.windows(at).next().map(|(opens, _)| opens)
    }

    /// When work that is given out at `from` is done: after the cut-off it begins the next day, and it goes on only
    /// while somebody works. None: never.
    pub fn done_after(&self, from: Timestamp, work: Duration) -> Option<Timestamp> {
        let from = self.begun_at(from);
        if self.hours.is_empty() && self.holidays.is_empty() {
            return Some(from.plus(work));
        }
        let mut left = work;
        for (opens, closes) in self.windows(from).take(WINDOWS_WORKED_MAX) {
            let length = closes.since(opens);
            if left <= length {
                return Some(opens.plus(left));
            }
            left -= length;
        }
        None
    }

    fn begun_at(&self, from: Timestamp) -> Timestamp {
        let Some(cutoff) = self.cutoff else { return from };
        let clock = self.time_zone.clock();
        let day = clock.day_of(from);
        let is_late = self.works_on(day) && from > clock.at(day, cutoff);
        if is_late { from.max(clock.at(day.plus(1), 0)) } else { from }
    }

    /// The working hours from `at` on, each as its first instant and the one after its last; of the first, what is left.
    fn windows(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let clock = self.time_zone.clock();
        let mut day = clock.day_of(at);
        let mut open: Vec<(Timestamp, Timestamp)> = Vec::new();
        let gives_up = i64::from(days_to_look_at(self.holidays.len()));
        let mut last_open = i64::from(day.number());
        std::iter::from_fn(move || {
            loop {
                if let Some((opens, closes)) = open.pop() {
                    let opens = opens.max(at);
                    if opens < closes {
                        last_open = i64::from(day.number());
                        return Some((opens, closes));
                    }
                    continue;
                }
                if day >= Day::MAX || i64::from(day.number()) - last_open > gives_up {
                    return None;
                }
                open = self.hours_of(day, &clock);
                open.reverse();
                day = day.plus(1);
            }
        })
    }

    fn hours_of(&self, day: Day, clock: &Clock) -> Vec<(Timestamp, Timestamp)> {
        if !self.works_on(day) {
            return Vec::new();
        }
        let window = |opens, closes| (clock.at(day, opens), clock.at(day, closes));
        if self.hours.is_empty() {
            return vec![window(0, 1_440)];
        }
        let of_day = self.hours.iter().filter(|it| it.weekday == day.iso_weekday());
        of_day.map(|it| window(it.opens, it.closes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::format_description::well_known::Rfc3339;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_date_time(time::OffsetDateTime::parse(text, &Rfc3339).expect("an instant"))
    }

    fn day(year: i32, month: u8, day: u8) -> Day {
        Day::of(year, month, day).expect("a date")
    }

    fn hours(count: u64) -> Duration {
        Duration::from_secs(count * 3_600)
    }

    /// Monday to Friday, nine to five.
    fn office(zone: &str) -> WorkingCalendar {
        let hours = (1..=5).map(|weekday| WorkingHours { weekday, opens: 540, closes: 1_020 });
        WorkingCalendar { hours: hours.collect(), ..WorkingCalendar::always(zone.parse().expect("a zone")) }
    }

    #[test]
    fn work_goes_on_only_while_somebody_works() {
        let berlin = office("Europe/Berlin");
        // Friday, 27 November 2026, 16:00 in Berlin.
        let friday = at("2026-11-27T15:00:00Z");
        assert_eq!(berlin.next_open(friday), Some(friday));
        assert_eq!(berlin.done_after(friday, hours(1)), Some(at("2026-11-27T16:00:00Z")));
        assert_eq!(berlin.done_after(friday, hours(2)), Some(at("2026-11-30T09:00:00Z")));
        assert_eq!(berlin.done_after(friday, hours(9)), Some(at("2026-11-30T16:00:00Z")));
        let sunday = at("2026-11-29T12:00:00Z");
        assert_eq!(berlin.next_open(sunday), Some(at("2026-11-30T08:00:00Z")));
    }

    #[test]
    fn a_holiday_and_a_cut_off_move_the_work_to_the_next_working_day() {
        let mut berlin = office("Europe/Berlin");
        berlin.holidays = vec![day(2026, 11, 30)];
        let sunday = at("2026-11-29T12:00:00Z");
        assert_eq!(berlin.next_open(sunday), Some(at("2026-12-01T08:00:00Z")));
        berlin.cutoff = Some(14 * 60);
        let tuesday_in_time = at("2026-12-01T13:00:00Z");
        assert_eq!(berlin.done_after(tuesday_in_time, hours(1)), Some(at("2026-12-01T14:00:00Z")));
        let tuesday_late = at("2026-12-01T13:00:01Z");
        assert_eq!(berlin.done_after(tuesday_late, hours(1)), Some(at("2026-12-02T09:00:00Z")));
    }

    #[test]
    fn hours_are_by_the_clock_on_the_wall_on_both_sides_of_summer_time() {
        let mut berlin = office("Europe/Berlin");
        berlin.hours.push(WorkingHours { weekday: 7, opens: 60, closes: 240 });
        // In the spring the night shift from one to four lasts two hours, in the autumn four.
        let spring = at("2026-03-28T12:00:00Z");
        assert_eq!(berlin.done_after(spring, hours(2)), Some(at("2026-03-29T02:00:00Z")));
        assert_eq!(berlin.done_after(spring, hours(3)), Some(at("2026-03-30T08:00:00Z")));
        let autumn = at("2026-10-24T12:00:00Z");
        assert_eq!(berlin.done_after(autumn, hours(4)), Some(at("2026-10-25T03:00:00Z")));
        assert_eq!(berlin.done_after(autumn, hours(5)), Some(at("2026-10-26T09:00:00Z")));
        // And Monday's shift begins at nine by the new clock.
        berlin.hours.retain(|it| it.weekday == 1);
        assert_eq!(berlin.next_open(at("2026-03-28T20:00:00Z")), Some(at("2026-03-30T07:00:00Z")));
    }

    #[test]
    fn a_calendar_without_hours_is_open_but_on_holidays() {
        let mut anywhere = WorkingCalendar::always(TimeZone::utc());
        let noon = at("2026-11-27T12:00:00Z");
        assert_eq!(anywhere.done_after(noon, hours(24)), Some(noon.plus(hours(24))));
        anywhere.holidays = vec![day(2026, 11, 28), day(2026, 11, 29)];
        assert_eq!(anywhere.done_after(noon, hours(24)), Some(noon.plus(hours(72))));
    }

    #[test]
    fn work_that_would_take_centuries_has_no_end() {
        let mut rare = office("Europe/Berlin");
        rare.hours = vec![WorkingHours { weekday: 1, opens: 0, closes: 1 }];
        assert_eq!(rare.done_after(at("2026-11-27T12:00:00Z"), hours(8_760)), None);
        assert_eq!(rare.done_after(Timestamp::MAX, hours(1)), None);
        assert!(rare.next_open(Timestamp::MIN).is_some());
    }

    #[test]
    fn days_are_counted_without_weekends_and_holidays() {
        let (weekdays, holidays) = ([1, 2, 3, 4, 5], [day(2026, 12, 25)]);
        let work = DaysOfWeek { weekdays: &weekdays, holidays: &holidays };
        let thursday = day(2026, 12, 24);
        assert_eq!(work.after(thursday, 0), Some(thursday));
        assert_eq!(work.after(thursday, 1), Some(day(2026, 12, 28)));
        assert_eq!(work.after(day(2026, 12, 26), 0), Some(day(2026, 12, 28)));
        assert_eq!(work.after(Day::MAX, 3), None);
        let never = DaysOfWeek { weekdays: &[], holidays: &[] };
        assert_eq!(never.after(thursday, 1), None);
    }

    fn calendars() -> impl Strategy<Value = WorkingCalendar> {
        let zones = prop::sample::select(vec![
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Australia/Lord_Howe",
            "America/St_Johns",
            "Pacific/Auckland",
            "Africa/Casablanca",
        ]);
        let windows = prop::collection::btree_set((1..=7_u8, 0..4_i32), 1..8);
        let holidays = prop::collection::btree_set(20_000..20_400_i64, 0..40);
        (zones, windows, holidays, prop::option::of(0..1_440_i32)).prop_map(
            |(zone, windows, holidays, cutoff)| WorkingCalendar {
                time_zone: zone.parse().expect("a zone"),
                hours: windows
                    .into_iter()
                    .map(|(weekday, quarter)| WorkingHours {
                        weekday,
                        opens: quarter * 360 + 30,
                        closes: quarter * 360 + 330,
                    })
                    .collect(),
                holidays: holidays.into_iter().map(Day::from_number).collect(),
                cutoff,
            },
        )
    }

    /// Of the years 2024 to 2026.
    fn instants() -> impl Strategy<Value = Timestamp> {
        (1_704_067_200_i64..1_798_761_600).prop_map(|it| Timestamp::from_unix_micros(it * 1_000_000))
    }

    proptest! {
        #[test]
        fn the_next_open_moment_is_open_and_the_first(calendar in calendars(), at in instants()) {
            let clock = calendar.time_zone.clock();
            let next = calendar.next_open(at).expect("a calendar with hours opens again");
            prop_assert!(next >= at);
            prop_assert!(calendar.works_on(clock.day_of(next)));
            let is_open = |it: Timestamp| {
                calendar.hours_of(clock.day_of(it), &clock).iter().any(|w| (w.0..w.1).contains(&it))
            };
            prop_assert!(is_open(next));
            if next > at {
                prop_assert!(!is_open(at) && !is_open(next.minus(Duration::from_micros(1))));
            }
        }

        #[test]
        fn work_is_never_done_on_a_closed_day(calendar in calendars(), at in instants(), minutes in 0..6_000_u64) {
            let work = Duration::from_secs(minutes * 60);
            let done = calendar.done_after(at, work).expect("work ends");
            prop_assert!(done >= at.plus(work));
            // Work may end with the day, which is the first instant of the next.
            let last = if work.is_zero() { done } else { done.minus(Duration::from_micros(1)) };
            prop_assert!(calendar.works_on(calendar.time_zone.clock().day_of(last)));
        }

        #[test]
        fn who_begins_later_or_has_more_to_do_is_done_no_earlier(
            calendar in calendars(), at in instants(), later in 0..400_000_u64, minutes in 0..3_000_u64, more in 0..3_000_u64,
        ) {
            let done = |at, minutes: u64| calendar.done_after(at, Duration::from_secs(minutes * 60));
            prop_assert!(done(at, minutes) <= done(at.plus(Duration::from_secs(later)), minutes));
            prop_assert!(done(at, minutes) <= done(at, minutes + more));
        }

        #[test]
        fn any_instant_and_any_zone_have_an_answer(
            micros in -62_135_596_800_000_000_i64..=253_402_300_799_999_999, calendar in calendars(),
        ) {
            let at = Timestamp::from_unix_micros(micros);
            if let Some(done) = calendar.done_after(at, Duration::from_secs(36_000)) {
                prop_assert!(done >= at);
            }
        }

        #[test]
        fn a_later_day_is_never_followed_by_an_earlier_one(
            weekdays in prop::collection::btree_set(1..=7_u8, 1..7),
            holidays in prop::collection::btree_set(20_000..20_060_i64, 0..30),
            first in 19_990..20_070_i64, later in 0..20_i32, count in 0..9_u32,
        ) {
            let weekdays: Vec<u8> = weekdays.into_iter().collect();
            let holidays: Vec<Day> = holidays.into_iter().map(Day::from_number).collect();
            let days = DaysOfWeek { weekdays: &weekdays, holidays: &holidays };
            let first = Day::from_number(first);
            let reached = days.after(first, count).expect("a week has such a day");
            prop_assert!(days.has(reached) && reached >= first.plus(i32::try_from(count).expect("few")));
            prop_assert!(days.after(first.plus(later), count).expect("another") >= reached);
        }
    }
}
