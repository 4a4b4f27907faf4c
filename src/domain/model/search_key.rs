//! Texts about people in the form in which they are compared: folded here, so that every database finds the same.

use unicode_normalization::UnicodeNormalization;

use crate::domain::model::scalars::Invalid;
use crate::domain::model::written::{folded, plain_code};

/// How much of a text is compared, in characters: an e-mail address is never longer, and an index takes so much.
const COMPARED_MAX: usize = 254;

/// A text whatever its case, its width and the way in which its accents are written; `ß` is `ss`. Each character by
/// itself, so that what a text begins with is what its beginning is folded to.
pub fn caseless(text: &str) -> String {
    if text.is_ascii() {
        return cut(&folded(text).to_ascii_lowercase());
    }
    let one_form: String = text.nfkc().collect();
    let lower = one_form.chars().flat_map(char::to_lowercase);
    let one_case = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let one_case: String = one_case.nfkc().collect();
    cut(&folded(&one_case))
}

/// As much as is compared, without a blank where the text was cut.
fn cut(text: &str) -> String {
    let compared: String = text.chars().take(COMPARED_MAX).collect();
    compared.trim_end().to_owned()
}

/// The digits of a phone number in any script, without the zeros or the plus that a number is dialled with.
pub fn phone_digits(text: &str) -> String {
    let digits: String = plain_code(text).chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

/// The digits of a phone number that is searched for.
pub fn phone_searched(text: &str) -> Result<String, Invalid> {
    let digits = phone_digits(text);
    let is_number = (3..=40).contains(&digits.len());
    is_number.then_some(digits).ok_or_else(|| Invalid::new("must be a phone number with its country code"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_width_and_the_way_of_writing_accents_do_not_matter() {
        for (one, other) in [
            ("Anna@Example.com", "anna@example.COM"),
            (" Anna  Öztürk ", "anna öztürk"),
            ("JÖRG@MÜLLER.DE", "jo\u{308}rg@mu\u{308}ller.de"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "Straße"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς".replace('ύ', "υ").as_str()),
            ("ＡＮＮＡ", "anna"),
            ("ŁUKASZ", "łukasz"),
            ("ДАРЬЯ", "дарья"),
        ] {
            assert_eq!(caseless(one), caseless(other), "{one}");
        }
        assert_ne!(caseless("Ana"), caseless("Anna"));
    }

    #[test]
    fn a_text_that_is_cut_at_a_blank_is_compared_without_it() {
        for letter in ["a", "ä"] {
            let long = format!("{} and more", letter.repeat(COMPARED_MAX - 1));
            assert_eq!(caseless(&long), letter.repeat(COMPARED_MAX - 1));
        }
    }

    #[test]
    fn a_phone_number_is_its_digits() {
        assert_eq!(phone_digits("+49 (30) 901-820"), "4930901820");
        assert_eq!(phone_digits("0049 30 901820"), "4930901820");
        assert_eq!(phone_digits("٠٥٠ ١٢٣ ٤٥٦٧"), "501234567");
        assert_eq!(phone_digits("call me"), "");
        assert!(phone_searched("+49").is_err() && phone_searched("Anna").is_err());
        assert_eq!(phone_searched("+4930901820"), Ok("4930901820".to_owned()));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_and_no_text_grows_too_long_for_an_index(text in "\\PC{0,300}") {
            let once = caseless(&text);
            prop_assert_eq!(caseless(&once), once.clone());
            prop_assert!(once.len() <= 4 * COMPARED_MAX);
        }

        #[test]
        fn what_a_name_begins_with_is_found(name in "[A-Za-zßÄÖÜäöüéèÉłŁδΔσςΣ ]{1,30}", length in 1_usize..30) {
            let beginning: String = name.chars().take(length).collect();
            prop_assert!(caseless(&name).starts_with(&caseless(&beginning)));
        }
    }
}
