//! The languages of letters: dates, money and plural forms as each writes them.

#[cfg(test)]
mod tests;

use crate::domain::model::day::Day;
use crate::domain::model::money::Money;
use crate::domain::model::scalars::string_enum;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::Clock;

string_enum! {
    /// A language that letters are written in.
    pub enum Language {
        English = "en",
        German = "de",
        Russian = "ru",
    }
}

/// Keeps what belongs together on one line.
const NO_BREAK: char = '\u{a0}';

impl Language {
    /// The language of a locale, whatever its region: `de-AT` is German. None: letters are not written in it.
    pub(in crate::domain::documents) fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.trim().split(['-', '_']).next().unwrap_or_default().to_lowercase();
        language.parse().ok()
    }

    /// The day in its long form: `Saturday, 5 December 2026`.
    pub(in crate::domain::documents) fn day(self, day: Day) -> String {
        let (date, weekday) = (day.date(), usize::from(day.iso_weekday()));
        let month = usize::from(u8::from(date.month()));
        let (year, number) = (date.year(), date.day());
        let words = self.calendar();
        let (weekday, month) = (words.weekdays[weekday - 1], words.months[month - 1]);
        match self {
            Self::English => format!("{weekday}, {number} {month} {year}"),
            Self::German => format!("{weekday}, {number}. {month} {year}"),
            Self::Russian => format!("{weekday}, {number} {month} {year}{NO_BREAK}г."),
        }
    }

    /// The day without its weekday: `5 December 2026`.
    pub(in crate::domain::documents) fn date(self, day: Day) -> String {
        let day = self.day(day);
        day.split_once(", ").map_or(day.as_str(), |it| it.1).to_owned()
    }

    /// Day and time on this clock, and which clock it is: `2 March 2026, 11:30 CET`.
    pub(super) fn moment(self, clock: &Clock, at: Timestamp) -> String {
        let (day, minutes) = (self.date(clock.day_of(at)), clock.minutes_of(at));
        let time = format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let zone = clock.abbreviation(at);
        let is_named = !zone.starts_with(['+', '-']);
        match self {
            Self::English if is_named => format!("{day}, {time} {zone}"),
            Self::English => format!("{day}, {time} {}", clock.distance(at)),
            Self::German => format!("{day}, {time} Uhr ({})", clock.distance(at)),
            Self::Russian => format!("{day}, {time} ({})", clock.distance(at)),
        }
    }

    /// An amount with all decimals of its currency: `€1,234.50`, `1.234,50 €`, `1 234,50 ₽`.
    pub(in crate::domain::documents) fn money(self, money: Money) -> String {
        let code = money.currency.as_str();
        let sign = if money.minor < 0 { "-" } else { "" };
        let digits = self.decimal(money.minor.unsigned_abs(), money.currency.exponent() as usize);
        let symbol = symbol(code);
        match self {
            Self::English if symbol == code => format!("{code}{NO_BREAK}{sign}{digits}"),
            Self::English => format!("{sign}{symbol}{digits}"),
            Self::German | Self::Russian => format!("{sign}{digits}{NO_BREAK}{symbol}"),
        }
    }

    /// Parts of a million as a percentage, without idle zeros: 50 000 is `5%`, 12 500 is `1.25%`.
    pub(in crate::domain::documents) fn percent(self, ppm: u32) -> String {
        let digits = self.decimal(u64::from(ppm), 4);
        let digits = digits.trim_end_matches('0').trim_end_matches(['.', ',']);
        match self {
            Self::English => format!("{digits}%"),
            Self::German | Self::Russian => format!("{digits}{NO_BREAK}%"),
        }
    }

    /// Thousands in groups, then so many decimals.
    fn decimal(self, number: u64, decimals: usize) -> String {
        let (group, point) = match self {
            Self::English => (',', '.'),
            Self::German => ('.', ','),
            Self::Russian => (NO_BREAK, ','),
        };
        let digits = format!("{number:0width$}", width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        let mut text = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                text.push(group);
            }
            text.push(digit);
        }
        if decimals > 0 {
            text.push(point);
            text.push_str(part);
        }
        text
    }

    /// How many forms a counted word has.
    pub(super) fn forms(self) -> usize {
        match self {
            Self::English | Self::German => 2,
            Self::Russian => 3,
        }
    }

    /// Which of the forms a count takes: one parcel, two parcels; 1 посылка, 2 посылки, 5 посылок.
    pub(super) fn form(self, count: u64) -> usize {
        match self {
            Self::English | Self::German => usize::from(count != 1),
            Self::Russian => match (count % 10, count % 100) {
                (_, 11..=14) => 2,
                (1, _) => 0,
                (2..=4, _) => 1,
                _ => 2,
            },
        }
    }

    fn calendar(self) -> &'static Calendar {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Russian => &RUSSIAN,
        }
    }
}

/// The words of a calendar: Monday first, months as they stand in a date.
struct Calendar {
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
}

static ENGLISH: Calendar = Calendar {
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

static GERMAN: Calendar = Calendar {
    weekdays: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
};

static RUSSIAN: Calendar = Calendar {
    weekdays: ["понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"],
    months: [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
};

/// The sign of a currency where one is understood in every language of ours, else its code.
fn symbol(code: &str) -> &str {
    match code {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        "RUB" => "₽",
        "INR" => "₹",
        "KRW" => "₩",
        "UAH" => "₴",
        "KZT" => "₸",
        "ILS" => "₪",
        "VND" => "₫",
        "BRL" => "R$",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "HKD" => "HK$",
        "MXN" => "MX$",
        "TWD" => "NT$",
        "CNY" => "CN¥",
        other => other,
    }
}
