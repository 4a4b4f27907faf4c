//! Tests of `countries`.

use super::*;

#[test]
fn every_country_has_a_name_in_every_language() {
    for known in rust_iso3166::ALL {
        for language in Language::ALL {
            let name = country(*language, known.alpha2);
            assert!(name.chars().count() > 2 && name != known.alpha2, "{language}: {}", known.alpha2);
        }
    }
    assert_eq!(
        Language::ALL.iter().map(|it| country(*it, "XK")).collect::<Vec<_>>(),
        ["Kosovo", "Kosovo", "Косово"]
    );
    assert_eq!(country(Language::German, "ZZ"), "ZZ");
}
