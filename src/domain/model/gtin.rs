//! Global Trade Item Numbers: what the barcode of a product says.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::Invalid;

/// A GTIN-8, GTIN-12 (UPC), GTIN-13 (EAN) or GTIN-14 with a right check digit, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gtin(String);

impl Gtin {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Gtin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().all(|it| it.is_ascii_digit());
        if !digits || !matches!(text.len(), 8 | 12 | 13 | 14) {
            return Err(Invalid::new("must have 8, 12, 13 or 14 digits, and nothing else"));
        }
        let (number, check) = text.split_at(text.len() - 1);
        if check_digit(number).to_string() != check {
            return Err(Invalid::new("has a wrong check digit: it was mistyped or misread"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// By ISO/IEC 15420: the digits count three times and once in turn, from the right.
fn check_digit(number: &str) -> u32 {
    let weighed = number.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_with_a_right_check_digit_are_taken() {
        for fine in ["96385074", "036000291452", "4006381333931", "4001234500027", "10012345678902"] {
            assert_eq!(fine.parse::<Gtin>().expect(fine).as_str(), fine);
        }
    }

    #[test]
    fn a_single_wrong_digit_is_found() {
        let good = "4006381333931";
        for index in 0..good.len() {
            for digit in '0'..='9' {
                let mut other: Vec<char> = good.chars().collect();
                other[index] = digit;
                let other: String = other.into_iter().collect();
                assert_eq!(other.parse::<Gtin>().is_ok(), other == good, "{other}");
            }
        }
    }

    #[test]
    fn what_is_no_number_of_the_trade_is_refused() {
        for wrong in ["", "1", "400638133393", "40063813339310", "4006381 33931", "٤٠٠٦٣٨١٣٣٣٩٣١", "96385O74"]
        {
            assert!(wrong.parse::<Gtin>().is_err(), "{wrong}");
        }
    }
}
