//! Tests of `order`.

use crate::domain::invariants::findings::LAWS;
use crate::domain::invariants::order::law;

#[test]
fn the_laws_of_each_letter_are_numbered_without_gap() {
    for (location, (id, statement)) in LAWS.iter().enumerate() {
        let letter = &id[..1];
        let before = LAWS[..location].iter().filter(|it| it.0.starts_with(letter)).count();
        assert_eq!(*id, format!("{letter}{}", before + 1), "{statement}");
    }
}

/// Reads text, as the laws are named by it.
#[test]
fn nothing_is_found_under_a_law_that_does_not_exist() {
    let code = [
        include_str!("../order.rs"),
        include_str!("../parts.rs"),
        include_str!("../history.rs"),
        include_str!("../../../store/query/integrity.rs"),
        include_str!("../../../store/query/laws.rs"),
    ]
    .concat();
    let named = code.split('"').filter(|it| {
            matches!(it.as_bytes(), [letter, number] if letter.is_ascii_uppercase() && number.is_ascii_digit())
        });
    let unknown: Vec<_> = named.filter(|it| law(it).is_empty()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
