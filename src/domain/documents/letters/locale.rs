//! Locales of letters: how dates, times, money and percentages are written in a language, and in a region that has habits of
//! its own. Source: Unicode CLDR 46, the long date, short time, standard currency and percent patterns.

#[cfg(test)]
mod tests;

use crate::domain::documents::letters::language::Language;
use crate::domain::model::day::Day;
use crate::domain::model::money::Money;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::Clock;

/// Keeps what belongs together on one line.
const NO_BREAK: char = '\u{a0}';

/// A language, and the habits of a region that speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::documents) struct Locale {
    pub language: Language,
    habits: &'static Habits,
}

impl From<Language> for Locale {
    /// As most regions write the language.
    fn from(language: Language) -> Self {
        Self::new(language, "")
    }
}

impl Locale {
    /// `de-AT` is German as Austria writes it. None: letters are not written in its language.
    pub(in crate::domain::documents) fn of(locale: &str) -> Option<Self> {
        let language = Language::of_locale(locale)?;
        let parts = locale.trim().split(['-', '_']).skip(1);
        let region = parts.into_iter().find(|it| it.len() == 2).unwrap_or_default();
        Some(Self::new(language, &region.to_uppercase()))
    }

    fn new(language: Language, region: &str) -> Self {
        let habits = match (language, region) {
            (Language::English, "US" | "PR" | "GU" | "AS" | "VI" | "MP" | "UM" | "PH") => &AMERICAN,
            (Language::English, "CA") => &CANADIAN,
            (Language::English, "AU") => &AUSTRALIAN,
            (Language::English, "NZ") => &NEW_ZEALAND,
            (Language::English, "SG") => &SINGAPORE,
            (Language::English, "HK") => &HONG_KONG,
            (Language::English, "MY") => &MALAYSIAN,
            (Language::English, "IN") => &INDIAN,
            (Language::English, _) => &ENGLISH,
            (Language::German, "AT") => &AUSTRIAN,
            (Language::German, "CH" | "LI") => &SWISS,
            (Language::German, _) => &GERMAN,
            (Language::Russian, _) => &RUSSIAN,
        };
        Self { language, habits }
    }

    /// The day in its long form: `Saturday, 5 December 2026`.
    pub(in crate::domain::documents) fn day(self, day: Day) -> String {
        let weekday = self.language.calendar().weekdays[usize::from(day.iso_weekday()) - 1];
        format!("{weekday}, {}", self.date(day))
    }

    /// The day without its weekday: `5 December 2026`.
    pub(in crate::domain::documents) fn date(self, day: Day) -> String {
        let date = day.date();
        let (year, number) = (date.year(), date.day());
        let month = match u8::from(date.month()) {
            1 if !self.habits.january.is_empty() => self.habits.january,
            month => self.language.calendar().months[usize::from(month) - 1],
        };
        match self.language {
            Language::English if self.habits.month_first => format!("{month} {number}, {year}"),
            Language::English => format!("{number} {month} {year}"),
            Language::German => format!("{number}. {month} {year}"),
            Language::Russian => format!("{number} {month} {year}{NO_BREAK}г."),
        }
    }

    /// Day and time on this clock, and which clock it is: `2 March 2026, 11:30 CET`.
    pub(super) fn moment(self, clock: &Clock, at: Timestamp) -> String {
        let (day, minutes) = (self.date(clock.day_of(at)), clock.minutes_of(at));
        let time = self.time(minutes / 60, minutes % 60);
        let zone = self.zone(clock, at);
        match self.language {
            Language::English => format!("{day}, {time} {zone}"),
            Language::German => format!("{day}, {time} Uhr ({zone})"),
            Language::Russian => format!("{day}, {time} ({zone})"),
        }
    }

    /// Which clock it is: its short name where readers of the language know one, else its distance from UTC. English has the
    /// names of the database; German names the clocks of Central Europe, Russian the one of Moscow.
    fn zone(self, clock: &Clock, at: Timestamp) -> String {
        match (self.language, clock.abbreviation(at).as_str()) {
            (Language::English, name) if !name.starts_with(['+', '-']) => name.to_owned(),
            (Language::German, "CET") => "MEZ".to_owned(),
            (Language::German, "CEST") => "MESZ".to_owned(),
            (Language::Russian, "MSK") => "МСК".to_owned(),
            (Language::English | Language::German | Language::Russian, _) => clock.distance(at),
        }
    }

    /// `18:30`, or `6:30 PM` where a day has twice twelve hours.
    fn time(self, hour: i32, minute: i32) -> String {
        let Some([morning, afternoon]) = self.habits.halves_of_day else {
            return format!("{hour:02}:{minute:02}");
        };
        let half = if hour < 12 { morning } else { afternoon };
        format!("{}:{minute:02}{NO_BREAK}{half}", (hour + 11) % 12 + 1)
    }

    /// An amount with all decimals of its currency: `€1,234.50`, `1.234,50 €`, `1 234,50 ₽`.
    pub(in crate::domain::documents) fn money(self, money: Money) -> String {
        let code = money.currency.as_str();
        let sign = if money.minor < 0 { "-" } else { "" };
        let digits = self.decimal(money.minor.unsigned_abs(), money.currency.exponent() as usize);
        let symbol = self.symbol(code);
        match self.habits.currency {
            SignPosition::Before if symbol == code => format!("{code}{NO_BREAK}{sign}{digits}"),
            SignPosition::Before => format!("{sign}{symbol}{digits}"),
            SignPosition::Apart => format!("{sign}{symbol}{NO_BREAK}{digits}"),
            SignPosition::ApartFromSign if sign.is_empty() => format!("{symbol}{NO_BREAK}{digits}"),
            SignPosition::ApartFromSign => format!("{symbol}{sign}{digits}"),
            SignPosition::After => format!("{sign}{digits}{NO_BREAK}{symbol}"),
        }
    }

    /// Parts of a million as a percentage, without idle zeros: 50 000 is `5%`, 12 500 is `1.25%`.
    pub(in crate::domain::documents) fn percent(self, ppm: u32) -> String {
        let digits = self.decimal(u64::from(ppm), 4);
        let digits = digits.trim_end_matches('0').trim_end_matches(['.', ',']);
        match self.habits.percent_apart {
            false => format!("{digits}%"),
            true => format!("{digits}{NO_BREAK}%"),
        }
    }

    /// Thousands in groups, then so many decimals.
    fn decimal(self, number: u64, decimals: usize) -> String {
        let Habits { group, point, by_twos, .. } = *self.habits;
        let digits = format!("{number:0width$}", width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        let mut text = String::new();
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            let ends_group = if by_twos { left == 3 || left > 3 && left % 2 == 1 } else { left % 3 == 0 };
            if index > 0 && ends_group {
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

    /// The sign of a currency where one is understood, else its code. A region with a dollar of its own means that one by `$`.
    fn symbol(self, code: &str) -> &str {
        match (self.habits.own_dollar, code) {
            (own, code) if own == code => "$",
            ("", "USD") => "$",
            (_, "USD") => "US$",
            _ => symbol(code),
        }
    }
}

/// What regions do differently.
#[derive(Debug, PartialEq, Eq)]
struct Habits {
    /// `December 5, 2026`.
    month_first: bool,
    /// What stands behind a time before and after noon, where hours are counted to twelve.
    halves_of_day: Option<[&'static str; 2]>,
    /// Another word than the language's; empty: none.
    january: &'static str,
    /// Between groups of digits.
    group: char,
    /// Before the decimals.
    point: char,
    /// Groups of two digits above a thousand: `12,34,567`.
    by_twos: bool,
    currency: SignPosition,
    /// Code of the currency that is meant by `$`; empty: that of the United States.
    own_dollar: &'static str,
    /// `5 %`.
    percent_apart: bool,
}

/// Where the sign of a currency stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignPosition {
    /// `-€5.00`; a code stands apart: `CHF -5.00`.
    Before,
    /// `-€ 5,00`.
    Apart,
    /// `CHF 5.00`, and `CHF-5.00`.
    ApartFromSign,
    /// `-5,00 €`.
    After,
}

static ENGLISH: Habits = Habits {
    month_first: false,
    halves_of_day: None,
    january: "",
    group: ',',
    point: '.',
    by_twos: false,
    currency: SignPosition::Before,
    own_dollar: "",
    percent_apart: false,
};

const NOON: Option<[&str; 2]> = Some(["am", "pm"]);

static AMERICAN: Habits = Habits { month_first: true, halves_of_day: Some(["AM", "PM"]), ..ENGLISH };

static CANADIAN: Habits =
    Habits { month_first: true, halves_of_day: Some(["a.m.", "p.m."]), own_dollar: "CAD", ..ENGLISH };

static AUSTRALIAN: Habits = Habits { halves_of_day: NOON, own_dollar: "AUD", ..ENGLISH };

static NEW_ZEALAND: Habits = Habits { halves_of_day: NOON, own_dollar: "NZD", ..ENGLISH };

static SINGAPORE: Habits = Habits { halves_of_day: NOON, own_dollar: "SGD", ..ENGLISH };

static HONG_KONG: Habits = Habits { halves_of_day: NOON, own_dollar: "HKD", ..ENGLISH };

static MALAYSIAN: Habits = Habits { halves_of_day: NOON, ..ENGLISH };

static INDIAN: Habits = Habits { halves_of_day: NOON, by_twos: true, ..ENGLISH };

static GERMAN: Habits =
    Habits { group: '.', point: ',', currency: SignPosition::After, percent_apart: true, ..ENGLISH };

static AUSTRIAN: Habits = Habits { january: "Jänner", currency: SignPosition::Apart, ..GERMAN };

static SWISS: Habits = Habits { group: '’', currency: SignPosition::ApartFromSign, ..ENGLISH };

static RUSSIAN: Habits = Habits { group: NO_BREAK, ..GERMAN };

/// The sign of a currency where one is understood in every language of ours, else its code.
fn symbol(code: &str) -> &str {
    match code {
        "EUR" => "€",
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
