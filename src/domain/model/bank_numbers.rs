//! Numbers with check digits of the banks: account numbers (IBAN, ISO 13616), codes of banks (BIC, ISO 9362) and payment
//! references (creditor references, ISO 11649).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::Invalid;

/// An account number, without blanks, its check digits right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iban(String);

/// Where euros are sent to by SEPA credit transfer: the countries of the scheme as they stand in account numbers.
const SEPA: [&str; 43] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR",
    "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL",
    "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA", "XK",
];

impl Iban {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people read it: `DE89 3704 0044 0532 0130 00`.
    pub fn grouped(&self) -> String {
        grouped(&self.0)
    }

    pub(in crate::domain) fn is_of_sepa(&self) -> bool {
        SEPA.iter().any(|it| self.0.starts_with(it))
    }
}

impl FromStr for Iban {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain: String = text.chars().filter(|it| !it.is_whitespace()).collect::<String>().to_uppercase();
        let begins = |it: &str| {
            let (country, check) = (&it.as_bytes()[..2], &it.as_bytes()[2..4]);
            country.iter().all(u8::is_ascii_uppercase) && check.iter().all(u8::is_ascii_digit)
        };
        let is_whole = (15..=34).contains(&plain.len())
            && plain.bytes().all(|it| it.is_ascii_alphanumeric())
            && begins(&plain);
        if !is_whole {
            return Err(Invalid::new("must be an IBAN, such as DE89 3704 0044 0532 0130 00"));
        }
        match remainder(&format!("{}{}", &plain[4..], &plain[..4])) {
            1 => Ok(Self(plain)),
            _ => Err(Invalid::new("is no IBAN: its check digits are wrong")),
        }
    }
}

impl TryFrom<String> for Iban {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Iban> for String {
    fn from(iban: Iban) -> Self {
        iban.0
    }
}

impl fmt::Display for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this is the code of a bank: `COBADEFFXXX`.
pub fn is_bic(text: &str) -> bool {
    let is_whole = matches!(text.len(), 8 | 11) && text.bytes().all(|it| it.is_ascii_alphanumeric());
    is_whole && text.bytes().take(6).all(|it| it.is_ascii_uppercase()) && text.to_uppercase() == text
}

/// Characters of a creditor reference after `RF` and the check digits.
const REFERENCE_MAX: usize = 21;

/// The creditor reference that stands for this number: `RF` and two check digits before its letters and digits. Banks
/// refuse it when it is mistyped. None: the number is too long for one.
pub fn creditor_reference(number: &str) -> Option<String> {
    let plain: String = number.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    if plain.is_empty() || plain.len() > REFERENCE_MAX {
        return None;
    }
    let check = 98 - remainder(&format!("{plain}RF00"));
    Some(format!("RF{check:02}{plain}"))
}

/// In groups of four, as papers print what is typed off.
pub(in crate::domain) fn grouped(number: &str) -> String {
    let mut text = String::with_capacity(number.len() * 5 / 4);
    for (index, it) in number.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push(' ');
        }
        text.push(it);
    }
    text
}

/// By 97, as ISO 7064 has it: letters count as the numbers 10 to 35.
fn remainder(text: &str) -> u32 {
    let digits = text.chars().filter_map(|it| it.to_digit(36));
    digits.fold(0, |rest, digit| (rest * if digit < 10 { 10 } else { 100 } + digit) % 97)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn account_numbers_are_read_with_their_check_digits() {
        for (text, plain) in [
            ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            ("gb29nwbk60161331926819", "GB29NWBK60161331926819"),
            ("NO93 8601 1117 947", "NO9386011117947"),
            ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ] {
            assert_eq!(text.parse::<Iban>().map(String::from).as_deref(), Ok(plain));
        }
        let german: Iban = "DE89370400440532013000".parse().expect("an IBAN");
        assert_eq!(german.grouped(), "DE89 3704 0044 0532 0130 00");
        assert!(german.is_of_sepa());
        assert!(!"SA0380000000608010167519".parse::<Iban>().expect("an IBAN").is_of_sepa());
    }

    #[test]
    fn what_is_no_account_number_is_refused() {
        for text in [
            "",
            "DE",
            "DE88370400440532013000",
            "DE89370400440532013001",
            "89DE370400440532013000",
            "DE8937040044053201300ß",
        ] {
            assert!(text.parse::<Iban>().is_err(), "{text}");
        }
        for (text, is) in [
            ("COBADEFF", true),
            ("COBADEFFXXX", true),
            ("cobadeff", false),
            ("COBADEFFX", false),
            ("C0BADEFF", false),
            ("", false),
        ] {
            assert_eq!(is_bic(text), is, "{text}");
        }
    }

    #[test]
    fn a_reference_has_the_check_digits_of_iso_11649() {
        assert_eq!(creditor_reference("539007547034").as_deref(), Some("RF18539007547034"));
        assert_eq!(creditor_reference("INV-000001").as_deref(), Some("RF69INV000001"));
        assert_eq!(creditor_reference(&"9".repeat(22)), None);
        assert_eq!(creditor_reference("-"), None);
        assert_eq!(grouped("RF18539007547034"), "RF18 5390 0754 7034");
    }

    proptest! {
        #[test]
        fn any_reference_is_right_and_none_with_a_mistyped_digit_is(number in "[0-9]{2,21}", at in 0_usize..21) {
            let reference = creditor_reference(&number).expect("short enough");
            let turned = |it: &str| remainder(&format!("{}{}", &it[4..], &it[..4]));
            prop_assert_eq!(turned(&reference), 1);
            let mut other: Vec<u8> = reference.clone().into_bytes();
            let at = 4 + at % number.len();
            other[at] = if other[at] == b'7' { b'8' } else { b'7' };
            let other = String::from_utf8(other).expect("ASCII");
            prop_assert!(turned(&other) != 1, "{} and {}", reference, other);
        }
    }
}
