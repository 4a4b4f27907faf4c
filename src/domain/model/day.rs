//! Calendar days, and lists of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;

/// A day of the calendar, of the years 1 to 9999, as the number of days after 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

/// The Julian day of 1970-01-01.
const JULIAN_1970: i32 = 2_440_588;

impl Day {
    /// 0001-01-01.
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// None: there is no such day.
    pub fn of(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = time::Month::try_from(month).ok()?;
        let date = Date::from_calendar_date(year, month, day).ok()?;
        Some(Self(date.to_julian_day() - JULIAN_1970)).filter(|it| (Self::MIN..=Self::MAX).contains(it))
    }

    /// The day with this number, or the first or last one.
    pub fn from_number(number: i64) -> Self {
        let number = number.clamp(Self::MIN.0.into(), Self::MAX.0.into());
        i32::try_from(number).map_or(Self::MAX, Self)
    }

    /// Days after 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }

    /// So many days later, at most [`Self::MAX`].
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days)).clamp(Self::MIN, Self::MAX)
    }

    pub fn date(self) -> Date {
        Date::from_julian_day(self.0.saturating_add(JULIAN_1970)).unwrap_or(Date::MAX)
    }

    /// 1 = Monday … 7 = Sunday.
    pub fn iso_weekday(self) -> u8 {
        self.date().weekday().number_from_monday()
    }

    /// For people: `Friday, 6 March 2026`.
    pub fn words(self) -> String {
        let format = format_description!("[weekday], [day padding:none] [month repr:long] [year]");
        self.date().format(&format).unwrap_or_else(|_| self.to_string())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_knows_its_date_and_weekday() {
        let day = Day::of(2026, 11, 29).expect("a date");
        assert_eq!((day.to_string().as_str(), day.iso_weekday()), ("2026-11-29", 7));
        assert_eq!(day.words(), "Sunday, 29 November 2026");
        assert_eq!(Day::of(1970, 1, 1), Some(Day::from_number(0)));
        assert_eq!(Day::of(2026, 2, 29), None);
        assert_eq!(Day::of(2026, 13, 1), None);
    }

    #[test]
    fn days_end_with_the_years_1_and_9999() {
        assert_eq!(Day::of(1, 1, 1), Some(Day::MIN));
        assert_eq!(Day::of(9_999, 12, 31), Some(Day::MAX));
        assert_eq!((Day::of(0, 12, 31), Day::of(10_000, 1, 1)), (None, None));
        assert_eq!((Day::MAX.plus(1), Day::MIN.plus(-1)), (Day::MAX, Day::MIN));
        assert_eq!((Day::from_number(i64::MAX), Day::from_number(i64::MIN)), (Day::MAX, Day::MIN));
        assert_eq!(Day::MAX.to_string(), "9999-12-31");
    }
}
