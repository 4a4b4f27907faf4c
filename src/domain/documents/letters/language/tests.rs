//! Tests of `language`.

use super::*;

use crate::domain::model::money::Currency;
use crate::domain::model::time_zone::TimeZone;

/// Blanks that do not break are written as blanks here.
fn said(text: &str) -> String {
    text.replace(NO_BREAK, " ")
}

/// 2026-12-04T17:30:00Z, which is the fifth in Kuala Lumpur.
const EVENING: Timestamp = Timestamp::from_unix_micros(1_796_405_400_000_000);

#[test]
fn a_locale_has_the_language_of_its_first_part() {
    for (locale, language) in [
        ("de", Some(Language::German)),
        ("de-AT", Some(Language::German)),
        ("DE_ch", Some(Language::German)),
        ("ru-RU", Some(Language::Russian)),
        (" en-US ", Some(Language::English)),
        ("den", None),
        ("fr-FR", None),
        ("", None),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale:?}");
    }
}

#[test]
fn a_day_is_written_in_its_long_form() {
    let day = Day::of(2026, 12, 5).expect("a date");
    assert_eq!(Language::English.day(day), "Saturday, 5 December 2026");
    assert_eq!(Language::German.day(day), "Samstag, 5. Dezember 2026");
    assert_eq!(said(&Language::Russian.day(day)), "суббота, 5 декабря 2026 г.");
    let monday = Day::of(2026, 3, 2).expect("a date");
    assert_eq!(Language::German.day(monday), "Montag, 2. März 2026");
}

#[test]
fn a_time_says_which_clock_it_is_on() {
    let clock = |zone: &str| zone.parse::<TimeZone>().expect("a zone").clock();
    let (kuala_lumpur, berlin) = (clock("Asia/Kuala_Lumpur"), clock("Europe/Berlin"));
    assert_eq!(Language::English.moment(&berlin, EVENING), "4 December 2026, 18:30 CET");
    assert_eq!(Language::English.moment(&kuala_lumpur, EVENING), "5 December 2026, 01:30 UTC+8");
    assert_eq!(Language::German.moment(&berlin, EVENING), "4. Dezember 2026, 18:30 Uhr (UTC+1)");
    assert_eq!(
        said(&Language::Russian.moment(&clock("Asia/Kolkata"), EVENING)),
        "4 декабря 2026 г., 23:00 (UTC+5:30)"
    );
    assert_eq!(Language::German.moment(&clock("UTC"), EVENING), "4. Dezember 2026, 17:30 Uhr (UTC)");
}

#[test]
fn money_is_written_with_the_decimals_of_its_currency_and_the_marks_of_the_language() {
    let money = |language: Language, code: &str, minor| {
        said(&language.money(code.parse::<Currency>().expect("a currency").of(minor)))
    };
    for (code, minor, english, german, russian) in [
        ("EUR", 123_450, "€1,234.50", "1.234,50 €", "1 234,50 €"),
        ("USD", 123_450, "$1,234.50", "1.234,50 $", "1 234,50 $"),
        ("RUB", 123_450, "₽1,234.50", "1.234,50 ₽", "1 234,50 ₽"),
        ("JPY", 1_234_567, "¥1,234,567", "1.234.567 ¥", "1 234 567 ¥"),
        ("KWD", 1_234_567, "KWD 1,234.567", "1.234,567 KWD", "1 234,567 KWD"),
        ("EUR", -5, "-€0.05", "-0,05 €", "-0,05 €"),
        ("CHF", -123_456, "CHF -1,234.56", "-1.234,56 CHF", "-1 234,56 CHF"),
        ("EUR", 0, "€0.00", "0,00 €", "0,00 €"),
        ("EUR", 99_999, "€999.99", "999,99 €", "999,99 €"),
    ] {
        let written = Language::ALL.iter().map(|it| money(*it, code, minor)).collect::<Vec<_>>();
        assert_eq!(written, [english, german, russian]);
    }
}

#[test]
fn percentages_are_written_without_idle_zeros() {
    let [english, german, russian] = [Language::English, Language::German, Language::Russian]
        .map(|it| [50_000, 12_500, 1_000_000, 99_750, 1, 0].map(|ppm| said(&it.percent(ppm))));
    assert_eq!(english, ["5%", "1.25%", "100%", "9.975%", "0.0001%", "0%"]);
    assert_eq!(german, ["5 %", "1,25 %", "100 %", "9,975 %", "0,0001 %", "0 %"]);
    assert_eq!(russian, german);
}

#[test]
fn a_counted_word_takes_the_form_of_its_count() {
    let russian = ["посылка", "посылки", "посылок"];
    for (count, form) in [
        (0, "посылок"),
        (1, "посылка"),
        (2, "посылки"),
        (4, "посылки"),
        (5, "посылок"),
        (11, "посылок"),
        (12, "посылок"),
        (14, "посылок"),
        (21, "посылка"),
        (22, "посылки"),
        (25, "посылок"),
        (111, "посылок"),
        (101, "посылка"),
    ] {
        assert_eq!(russian[Language::Russian.form(count)], form, "{count}");
    }
    for language in [Language::English, Language::German] {
        assert_eq!([0, 1, 2, 21].map(|it| language.form(it)), [1, 0, 1, 1]);
    }
}
