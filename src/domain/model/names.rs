//! When two names of persons are one, whatever the spelling.

use unicode_normalization::UnicodeNormalization;

/// Letters of other scripts that look like Latin ones, in lower case. Within one script no two become the same, so that names
/// written in it stay as different as they are.
const LOOK_ALIKES: [(char, char); 35] = [
    // Cyrillic.
    ('а', 'a'),
    ('в', 'b'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('н', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('ӏ', 'l'),
    ('м', 'm'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('ѕ', 's'),
    ('т', 't'),
    ('у', 'y'),
    ('ԝ', 'w'),
    ('х', 'x'),
    // Greek, by its capitals where its small letters look like nothing Latin.
    ('α', 'a'),
    ('β', 'b'),
    ('ε', 'e'),
    ('η', 'h'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('μ', 'm'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'y'),
    ('χ', 'x'),
    ('ζ', 'z'),
    // Armenian and Latin.
    ('օ', 'o'),
    ('ɑ', 'a'),
];

/// A name as it is compared: one way of writing, no case, no blanks, nothing that is not seen, look-alike letters as the Latin
/// ones, and neither dots nor other marks at its ends.
pub fn name_key(name: &str) -> String {
    let plain: String = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        let one_form: String = name.nfkc().collect();
        // There and back, so that letters with two small forms have one.
        let lower = one_form.chars().flat_map(char::to_lowercase);
        let one_case: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
        one_case.nfkc().map(looks_like).collect()
    };
    let seen: String = plain.chars().filter(|it| !it.is_whitespace() && !is_unseen(*it)).collect();
    let bare = seen.trim_matches(|it: char| !it.is_alphanumeric());
    match bare.is_empty() {
        true => seen,
        false => bare.to_owned(),
    }
}

/// Whether two names are one person's. A digit between letters, or a row of them, is taken for the letters that they look like,
/// whichever those are.
pub fn is_one_name(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|it| name_key(it).chars().collect::<Vec<char>>());
    one.len() == other.len()
        && (0..one.len()).all(|at| {
            let (here, there) = (one[at], other[at]);
            here == there || stands_for(&one, at, there) || stands_for(&other, at, here)
        })
}

/// Whether the digit there may be read as this letter: it looks like it, and the next on both sides that is neither `0` nor `1`
/// is a letter.
fn stands_for(name: &[char], at: usize, letter: char) -> bool {
    let looks = match name[at] {
        '0' => letter == 'o',
        '1' => matches!(letter, 'i' | 'l'),
        _ => false,
    };
    let is_such_a_digit = |it: &&char| matches!(**it, '0' | '1');
    let before = name[..at].iter().rfind(|it| !is_such_a_digit(it));
    let after = name[at + 1..].iter().find(|it| !is_such_a_digit(it));
    looks && [before, after].into_iter().all(|it| it.is_some_and(|it| it.is_alphabetic()))
}

fn looks_like(letter: char) -> char {
    LOOK_ALIKES.iter().find(|it| it.0 == letter).map_or(letter, |it| it.1)
}

/// Marks that take no room: joiners, directions, selectors, and the dot that a Turkish capital leaves behind.
fn is_unseen(it: char) -> bool {
    matches!(
        it,
        '\u{ad}'
            | '\u{307}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e01ef}'
    ) || it.is_control()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_person_is_one_whatever_the_spelling() {
        for (name, others) in [
            (
                "alice",
                &[
                    "Alice",
                    "ALICE",
                    "alice.",
                    "alice...",
                    " alice ",
                    "al ice",
                    "al1ce",
                    "ＡＬＩＣＥ",
                    "аlice",
                    "alicе",
                    "аliсе",
                    "al\u{200b}ice",
                    "alice\u{a0}",
                    "alİce",
                    "alıce",
                    "-alice-",
                ][..],
            ),
            ("ann@example.com", &["Ann@Example.com", "ann@example.c0m", "ann@еxample.com."][..]),
            ("jörg", &["JÖRG", "jo\u{308}rg"][..]),
            ("strasse", &["Straße", "STRASSE"][..]),
            ("bob", &["b0b", "bοb", "BOB", "bоb"][..]),
            ("moon", &["m00n", "mo0n", "m0on"][..]),
            ("billy", &["bi11y", "b111y", "bil1y"][..]),
            ("дарья", &["ДАРЬЯ", "Дарья"][..]),
        ] {
            for other in others {
                assert!(is_one_name(name, other), "{name} and {other}");
                assert!(is_one_name(other, name), "{other} and {name}");
            }
        }
    }

    #[test]
    fn other_persons_are_others() {
        for (one, other) in [
            ("ann", "anna"),
            ("neil", "nell"),
            ("al", "all"),
            ("jose", "josé"),
            ("user1", "userl"),
            ("user10", "user1o"),
            ("user11", "userll"),
            ("room-100", "room-10o"),
            ("bob", "b00b"),
            ("pos-1", "pos-l"),
            ("ann@example.com", "ann@example.org"),
            ("erased", "erased-decider"),
            ("a.b", "ab"),
            ("1", "l"),
            ("...", "--"),
            ("нина", "нона"),
        ] {
            assert!(!is_one_name(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn no_two_letters_of_a_script_become_one() {
        let mut taken: BTreeMap<(u32, char), char> = BTreeMap::new();
        for (letter, latin) in LOOK_ALIKES {
            // A block of 256 code points has one script; Cyrillic has its rare letters in the next.
            let script = match letter {
                '\u{400}'..='\u{52f}' => 0x400,
                _ => u32::from(letter) & 0xff00,
            };
            let before = taken.insert((script, latin), letter);
            assert_eq!(before, None, "{letter} and another one look like {latin}");
        }
    }

    proptest! {
        /// Of names in plain letters only those are one that differ in case alone.
        #[test]
        fn names_that_differ_in_a_letter_are_two_persons(one in "[a-zA-Z]{1,12}", other in "[a-zA-Z]{1,12}") {
            prop_assert_eq!(is_one_name(&one, &other), one.eq_ignore_ascii_case(&other));
        }

        /// So in another script.
        #[test]
        fn names_in_other_letters_are_as_different_as_they_are(one in "[а-я]{1,8}", other in "[а-я]{1,8}") {
            prop_assert_eq!(is_one_name(&one, &other), one == other);
        }

        /// Neither what stands around a name nor its case makes another person of it.
        #[test]
        fn a_name_is_the_same_in_capitals_with_a_dot(name in "[a-zA-Z0-9а-я]{1,12}") {
            let dressed = format!(" {}.. ", name.to_uppercase());
            prop_assert!(is_one_name(&name, &dressed));
        }

        /// Whatever somebody is called: a name is its own person, and both ways say the same.
        #[test]
        fn any_two_names_are_compared_alike(one in "\\PC{0,16}", other in "\\PC{0,16}") {
            prop_assert!(is_one_name(&one, &one));
            prop_assert_eq!(is_one_name(&one, &other), is_one_name(&other, &one));
        }
    }
}
