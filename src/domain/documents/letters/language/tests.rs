//! Tests of `language`.

use super::*;

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
