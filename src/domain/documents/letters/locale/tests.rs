//! Tests of `locale`.

use super::*;

use crate::domain::model::money::Currency;
use crate::domain::model::time_zone::TimeZone;

/// Blanks that do not break are written as blanks here.
fn said(text: &str) -> String {
    text.replace(NO_BREAK, " ")
}

fn plain(language: Language) -> Locale {
    Locale::from(language)
}

fn in_region(locale: &str) -> Locale {
    Locale::of(locale).expect("a language of letters")
}

fn amount(locale: &str, code: &str, minor: i64) -> String {
    said(&in_region(locale).money(code.parse::<Currency>().expect("a currency").of(minor)))
}

/// 2026-12-04T17:30:00Z, which is the fifth in Kuala Lumpur.
const EVENING: Timestamp = Timestamp::from_unix_micros(1_796_405_400_000_000);

#[test]
fn a_day_is_written_in_its_long_form() {
    let day = Day::of(2026, 12, 5).expect("a date");
    assert_eq!(plain(Language::English).day(day), "Saturday, 5 December 2026");
    assert_eq!(plain(Language::German).day(day), "Samstag, 5. Dezember 2026");
    assert_eq!(said(&plain(Language::Russian).day(day)), "суббота, 5 декабря 2026 г.");
    let monday = Day::of(2026, 3, 2).expect("a date");
    assert_eq!(plain(Language::German).day(monday), "Montag, 2. März 2026");
}

#[test]
fn a_time_says_which_clock_it_is_on() {
    let clock = |zone: &str| zone.parse::<TimeZone>().expect("a zone").clock();
    let (kuala_lumpur, berlin) = (clock("Asia/Kuala_Lumpur"), clock("Europe/Berlin"));
    assert_eq!(plain(Language::English).moment(&berlin, EVENING), "4 December 2026, 18:30 CET");
    assert_eq!(plain(Language::English).moment(&kuala_lumpur, EVENING), "5 December 2026, 01:30 UTC+8");
    assert_eq!(plain(Language::German).moment(&berlin, EVENING), "4. Dezember 2026, 18:30 Uhr (MEZ)");
    assert_eq!(
        said(&plain(Language::Russian).moment(&clock("Asia/Kolkata"), EVENING)),
        "4 декабря 2026 г., 23:00 (UTC+5:30)"
    );
    assert_eq!(plain(Language::German).moment(&clock("UTC"), EVENING), "4. Dezember 2026, 17:30 Uhr (UTC)");
}

#[test]
fn a_clock_has_the_short_name_that_readers_of_the_language_know() {
    let clock = |zone: &str| zone.parse::<TimeZone>().expect("a zone").clock();
    let in_words = |language: Language, zone: &str, at| said(&plain(language).moment(&clock(zone), at));
    // 2026-07-07T17:30:00Z
    let summer = Timestamp::from_unix_micros(EVENING.unix_micros() - 150 * 86_400_000_000);
    for (language, zone, at, text) in [
        (Language::German, "Europe/Vienna", EVENING, "4. Dezember 2026, 18:30 Uhr (MEZ)"),
        (Language::German, "Europe/Vienna", summer, "7. Juli 2026, 19:30 Uhr (MESZ)"),
        (Language::German, "Europe/Helsinki", EVENING, "4. Dezember 2026, 19:30 Uhr (UTC+2)"),
        (Language::German, "Europe/Moscow", EVENING, "4. Dezember 2026, 20:30 Uhr (UTC+3)"),
        (Language::Russian, "Europe/Moscow", EVENING, "4 декабря 2026 г., 20:30 (МСК)"),
        (Language::Russian, "Europe/Moscow", summer, "7 июля 2026 г., 20:30 (МСК)"),
        (Language::Russian, "Europe/Berlin", summer, "7 июля 2026 г., 19:30 (UTC+2)"),
        (Language::English, "Europe/Berlin", summer, "7 July 2026, 19:30 CEST"),
        (Language::English, "Europe/Moscow", EVENING, "4 December 2026, 20:30 MSK"),
    ] {
        assert_eq!(in_words(language, zone, at), text, "{zone}");
    }
}

#[test]
fn money_is_written_with_the_decimals_of_its_currency_and_the_marks_of_the_language() {
    let money = |language: Language, code: &str, minor| {
        said(&plain(language).money(code.parse::<Currency>().expect("a currency").of(minor)))
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
        .map(|it| [50_000, 12_500, 1_000_000, 99_750, 1, 0].map(|ppm| said(&plain(it).percent(ppm))));
    assert_eq!(english, ["5%", "1.25%", "100%", "9.975%", "0.0001%", "0%"]);
    assert_eq!(german, ["5 %", "1,25 %", "100 %", "9,975 %", "0,0001 %", "0 %"]);
    assert_eq!(russian, german);
}

#[test]
fn a_region_writes_dates_in_its_own_way() {
    let day = Day::of(2027, 1, 5).expect("a date");
    for (locale, date) in [
        ("en", "5 January 2027"),
        ("en-GB", "5 January 2027"),
        ("en-US", "January 5, 2027"),
        ("en_ca", "January 5, 2027"),
        ("en-Latn-US", "January 5, 2027"),
        ("de-DE", "5. Januar 2027"),
        ("de-AT", "5. Jänner 2027"),
        ("ru-KZ", "5 января 2027 г."),
    ] {
        assert_eq!(said(&in_region(locale).date(day)), date, "{locale}");
    }
    assert_eq!(in_region("en-US").day(day), "Tuesday, January 5, 2027");
}

#[test]
fn a_region_counts_hours_in_its_own_way() {
    let clock = |zone: &str| zone.parse::<TimeZone>().expect("a zone").clock();
    let said_in = |locale: &str, zone: &str| said(&in_region(locale).moment(&clock(zone), EVENING));
    assert_eq!(said_in("en-US", "America/New_York"), "December 4, 2026, 12:30 PM EST");
    assert_eq!(said_in("en-CA", "America/Regina"), "December 4, 2026, 11:30 a.m. CST");
    assert_eq!(said_in("en-AU", "Australia/Perth"), "5 December 2026, 1:30 am AWST");
    assert_eq!(said_in("en-GB", "Europe/London"), "4 December 2026, 17:30 GMT");
    let midnight = Timestamp::from_unix_micros(EVENING.unix_micros() - 17 * 3_600_000_000);
    assert_eq!(said(&in_region("en-US").moment(&clock("UTC"), midnight)), "December 4, 2026, 12:30 AM UTC");
}

#[test]
fn a_region_writes_money_in_its_own_way() {
    for (locale, code, minor, text) in [
        ("en-US", "USD", 123_450, "$1,234.50"),
        ("en-GB", "USD", 123_450, "$1,234.50"),
        ("en-CA", "CAD", 123_450, "$1,234.50"),
        ("en-CA", "USD", 123_450, "US$1,234.50"),
        ("en-US", "CAD", 123_450, "CA$1,234.50"),
        ("en-SG", "SGD", -5, "-$0.05"),
        ("en-IN", "INR", 1_234_567_890, "₹1,23,45,678.90"),
        ("en-IN", "INR", 99_999, "₹999.99"),
        ("en-IN", "INR", 100_000, "₹1,000.00"),
        ("de-AT", "EUR", 123_450, "€ 1.234,50"),
        ("de-AT", "EUR", -123_450, "-€ 1.234,50"),
        ("de-CH", "CHF", 123_450, "CHF 1’234.50"),
        ("de-CH", "CHF", -123_450, "CHF-1’234.50"),
        ("de-LI", "EUR", 5, "€ 0.05"),
    ] {
        assert_eq!(amount(locale, code, minor), text, "{locale} {code}");
    }
    assert_eq!(said(&in_region("de-CH").percent(77_000)), "7.7%");
    assert_eq!(said(&in_region("de-AT").percent(77_000)), "7,7 %");
}

#[test]
fn a_region_of_another_language_changes_nothing() {
    assert_eq!(Locale::of("fr-CA"), None);
    assert_eq!(in_region("ru-US"), plain(Language::Russian));
    assert_eq!(in_region("en-AT"), plain(Language::English));
}
