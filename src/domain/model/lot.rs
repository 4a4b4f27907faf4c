//! Lots: units of a product that were made together and are good for the same time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::day::Day;
use crate::domain::model::scalars::Invalid;
use crate::domain::model::time::Timestamp;

/// How many lots of one product lie on one shelf: every order that reads the shelf loads them.
pub(crate) const LOTS_MAX: usize = 50;

/// How long the name of a lot may be, in characters.
pub(crate) const LOT_NAME_MAX: usize = 50;

/// The longest remaining life, in days, that a product may ask for.
pub(crate) const LIFE_DAYS_MAX: i32 = 3_650;

/// A lot as its maker names it: 1–50 characters, without control characters and without blanks at the ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LotName(String);

impl LotName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LotName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let legal = (1..=LOT_NAME_MAX).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(char::is_control);
        match legal {
            true => Ok(Self(text.to_owned())),
            false => Err(Invalid::new(
                "must be 1 to 50 characters, without blanks at the ends and without control characters",
            )),
        }
    }
}

impl TryFrom<String> for LotName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<LotName> for String {
    fn from(name: LotName) -> Self {
        name.0
    }
}

/// A lot as a caller names it, with its date if the caller gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotNamed {
    pub name: LotName,
    /// The last day on which its units may be used. None: as it is known.
    pub expires_on: Option<Day>,
}

/// Units of one lot on one shelf.
/// Law: `0 ≤` each figure, `damaged + quality_hold + missing + allotted ≤ on_hand`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    pub name: LotName,
    /// The last day on which its units may be used, by the calendar of the location.
    pub expires_on: Day,
    /// From this instant on its units are not set aside any more: less than the product's shortest remaining life is left.
    pub sold_until: Timestamp,
    /// From this instant on its units do not leave for customers any more.
    pub expires_at: Timestamp,
    pub on_hand: i64,
    pub damaged: i64,
    pub quality_hold: i64,
    /// Units that a count did not find and that are promised still.
    pub missing: i64,
    /// Units on the pick lists of shipments that have not left, picked ones included.
    pub allotted: i64,
}

impl Lot {
    /// Units that are there and good.
    pub fn sound(&self) -> i64 {
        self.on_hand - self.damaged - self.quality_hold - self.missing
    }

    /// Good units that are on no pick list.
    pub fn unallotted(&self) -> i64 {
        self.sound() - self.allotted
    }

    pub fn is_sold_at(&self, now: Timestamp) -> bool {
        now < self.sold_until
    }

    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// The soonest expiring first.
    pub fn order(&self) -> (Day, &LotName) {
        (self.expires_on, &self.name)
    }
}

/// Units of a shipment's item that are of one lot. Law: `0 ≤ picked ≤ quantity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotUnits {
    pub name: LotName,
    pub expires_on: Day,
    pub expires_at: Timestamp,
    /// On the pick list.
    pub quantity: i64,
    pub picked: i64,
}

impl LotUnits {
    pub fn unpicked(&self) -> i64 {
        self.quantity - self.picked
    }
}

/// The lot of units that are on their way between two locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotOnTheWay {
    pub name: LotName,
    pub expires_on: Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_has_a_name_of_one_line() {
        for good in ["L-1", "2026/11 β", "7", &"x".repeat(50)] {
            assert_eq!(good.parse::<LotName>().map(|it| it.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", " L-1", "L-1 ", "L\n1", &"x".repeat(51)] {
            assert!(bad.parse::<LotName>().is_err(), "{bad:?}");
        }
    }
}
