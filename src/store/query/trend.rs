//! How feedback went over time: days become points, of a length that fits the period.

use crate::domain::Day;

/// How many points a trend has at most, the latest ones.
const POINTS_MAX: usize = 120;

/// Up to so many days, a trend has a point for each.
const DAYS_MAX: i64 = 31;

/// Up to so many days, it has a point for each week.
const WEEKS_MAX: i64 = 26 * 7;

/// How long a point of a trend is. Weeks begin on Monday, all of them in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrendUnit {
    Day,
    Week,
    #[default]
    Month,
}

/// The answers of a time, the oldest first; times without answers are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trend {
    pub unit: TrendUnit,
    pub points: Vec<TrendPoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrendPoint {
    /// Its first day.
    pub from: Day,
    pub submitted: i64,
    pub delivery_total: i64,
    pub product_total: i64,
}

impl TrendPoint {
    /// In hundredths.
    pub fn delivery_average(&self) -> i64 {
        hundredths(self.delivery_total, self.submitted)
    }

    pub fn product_average(&self) -> i64 {
        hundredths(self.product_total, self.submitted)
    }
}

impl Trend {
    /// Of single days, the oldest first, in a period of so many days.
    pub(super) fn of(days: &[TrendPoint], period: i64) -> Self {
        let unit = match period {
            it if it <= DAYS_MAX => TrendUnit::Day,
            it if it <= WEEKS_MAX => TrendUnit::Week,
            _ => TrendUnit::Month,
        };
        let mut points: Vec<TrendPoint> = Vec::new();
        for day in days {
            let from = unit.first_day(day.from);
            match points.last_mut().filter(|it| it.from == from) {
                Some(last) => {
                    last.submitted += day.submitted;
                    last.delivery_total += day.delivery_total;
                    last.product_total += day.product_total;
                }
                None => points.push(TrendPoint { from, ..day.clone() }),
            }
        }
        points.drain(..points.len().saturating_sub(POINTS_MAX));
        Self { unit, points }
    }
}

impl TrendUnit {
    /// The first day of the time that this day is in.
    fn first_day(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            Self::Week => day.plus(1 - i32::from(day.iso_weekday())),
            Self::Month => day.plus(1 - i32::from(day.date().day())),
        }
    }
}

/// An average in hundredths, rounded half up.
pub(super) fn hundredths(total: i64, number: i64) -> i64 {
    if number == 0 { 0 } else { (total * 100 + number / 2) / number }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(year: i32, month: u8, day: u8, delivery_total: i64) -> TrendPoint {
        let from = Day::of(year, month, day).expect("a day");
        TrendPoint { from, submitted: 1, delivery_total, product_total: 5 }
    }

    fn told(trend: &Trend) -> Vec<(String, i64, i64)> {
        let told = |it: &TrendPoint| (it.from.to_string(), it.submitted, it.delivery_average());
        trend.points.iter().map(told).collect()
    }

    #[test]
    fn a_month_has_days_half_a_year_weeks_and_more_has_months() {
        // The 30th of November 2026 is a Monday.
        let days = [point(2026, 11, 29, 2), point(2026, 11, 30, 4), point(2026, 12, 6, 5)];
        let by_day = Trend::of(&days, 31);
        assert_eq!((by_day.unit, by_day.points.len()), (TrendUnit::Day, 3));
        let by_week = Trend::of(&days, 32);
        assert_eq!(by_week.unit, TrendUnit::Week);
        let expected = [("2026-11-23".to_owned(), 1, 200), ("2026-11-30".to_owned(), 2, 450)];
        assert_eq!(told(&by_week), expected);
        let by_month = Trend::of(&days, 183);
        assert_eq!(by_month.unit, TrendUnit::Month);
        let expected = [("2026-11-01".to_owned(), 2, 300), ("2026-12-01".to_owned(), 1, 500)];
        assert_eq!(told(&by_month), expected);
    }

    #[test]
    fn of_many_years_the_latest_months_are_shown() {
        let months = (2000..2026).flat_map(|year| (1..=12).map(move |month| point(year, month, 7, 3)));
        let trend = Trend::of(&months.collect::<Vec<_>>(), 26 * 366);
        assert_eq!(trend.points.len(), POINTS_MAX);
        assert_eq!(trend.points[0].from.to_string(), "2016-01-01");
    }
}
