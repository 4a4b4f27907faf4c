//! Labels in requests.

use std::collections::BTreeMap;

use crate::domain::{
    LABEL_KEY_MAX, LABEL_VALUE_MAX, LABELS_MAX, Labels, Problems, is_label_key, looks_like_card_number,
};

/// The labels that were given, of which every bad one is noted: by its key if that can be one.
pub(crate) fn labels(at: &str, given: BTreeMap<String, String>, bad: &mut Problems) -> Labels {
    if given.len() > LABELS_MAX {
        bad.add(at, format!("must have at most {LABELS_MAX} labels"));
    }
    for (key, value) in given.iter().take(LABELS_MAX) {
        if !is_label_key(key) {
            let shown: String = key.chars().filter(|it| !it.is_control()).take(LABEL_KEY_MAX).collect();
            let legal = format!("must be 1 to {LABEL_KEY_MAX} of a-z, 0-9, `_`, `.` and `-`");
            bad.add(at, format!("key `{shown}` {legal}"));
            continue;
        }
        let field = format!("{at}.{key}");
        if value.chars().any(char::is_control) {
            bad.add(&field, "must not contain line breaks or other control characters");
        }
        if value.chars().count() > LABEL_VALUE_MAX {
            bad.add(&field, format!("must be at most {LABEL_VALUE_MAX} characters"));
        } else if looks_like_card_number(value) {
            bad.add(&field, "looks like a card number; give a token of the payment provider instead");
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut bad = Problems::default();
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels("order.labels", given, &mut bad);
        bad.0.into_iter().map(|it| (it.field, it.message)).collect()
    }

    #[test]
    fn every_bad_label_is_named() {
        assert_eq!(refused(&[("team", "blue"), ("a.b-c_9", ""), ("x", &"ä".repeat(63))]), []);
        let fields = |given: &[(&str, &str)]| refused(given).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(
            fields(&[
                ("team", &"x".repeat(64)),
                ("note", "a\nb"),
                ("card", "4111 1111 1111 1111"),
                ("ok", "1")
            ]),
            ["order.labels.card", "order.labels.note", "order.labels.team"]
        );
        for key in ["", "Team", "a b", "ä", "a=b", &"k".repeat(64)] {
            let [(field, why)] = &refused(&[(key, "x")])[..] else { panic!("{key}: not one problem") };
            assert!(field == "order.labels" && why.starts_with("key `"), "{key}: {why}");
        }
        let many: Vec<String> = (0..33).map(|it| format!("k{it}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|it| (it.as_str(), "v")).collect();
        assert_eq!(refused(&many), [("order.labels".to_owned(), "must have at most 32 labels".to_owned())]);
    }
}
