//! The languages of letters: their plural forms and the words of their calendars.

#[cfg(test)]
mod tests;

use crate::domain::model::scalars::string_enum;

string_enum! {
    /// A language that letters are written in.
    pub enum Language {
        English = "en",
        German = "de",
        Russian = "ru",
    }
}

impl Language {
    /// The language of a locale, whatever its region: `de-AT` is German. None: letters are not written in it.
    pub(in crate::domain::documents) fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.trim().split(['-', '_']).next().unwrap_or_default().to_lowercase();
        language.parse().ok()
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

    pub(super) fn calendar(self) -> &'static Calendar {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Russian => &RUSSIAN,
        }
    }
}

/// The words of a calendar: Monday first, months as they stand in a date.
pub(super) struct Calendar {
    pub weekdays: [&'static str; 7],
    pub months: [&'static str; 12],
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
