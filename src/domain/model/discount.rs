//! Discount codes: what they give, and what an order keeps of the one that it redeems.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::amounts::Discount;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::scalars::{CustomerId, Invalid, OrderId, ReturnId};
use crate::domain::model::time::Timestamp;
use crate::domain::model::written::plain_code;

/// How long a code may be, in characters.
const CODE_MAX: usize = 50;

/// How often a code may be redeemed, if that is limited at all.
pub const DISCOUNT_USES_MAX: i64 = 1_000_000_000;

/// For how many currencies a code may name the least value of the goods.
pub const MINIMUMS_MAX: usize = 20;

/// The code itself: 1–50 printable characters without spaces, in capitals, so that its case makes no difference. Dashes and
/// digits have one form, as in other codes that people copy out of a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DiscountKey(String);

impl DiscountKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last four characters: enough to tell codes apart, too few to redeem one.
    pub fn masked(&self) -> String {
        let last = self.0.char_indices().rev().nth(3).map_or(0, |it| it.0);
        format!("…{}", &self.0[last..])
    }
}

impl fmt::Display for DiscountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DiscountKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let code = plain_code(text).to_uppercase();
        let is_printed = |it: char| !it.is_whitespace() && !it.is_control();
        if !(1..=CODE_MAX).contains(&code.chars().count()) || !code.chars().all(is_printed) {
            return Err(Invalid::new("must be 1 to 50 printable characters without spaces"));
        }
        Ok(Self(code))
    }
}

impl TryFrom<String> for DiscountKey {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<DiscountKey> for String {
    fn from(code: DiscountKey) -> Self {
        code.0
    }
}

/// What a code gives an order that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gives {
    /// Off the goods; in ppm, at most 1 000 000.
    Rate(u32),
    /// Off the goods.
    Amount(Money),
    /// Nothing off: it pays.
    Credit(StoreCredit),
}

/// Given for goods that came back: a code with a balance, which orders are paid with until it is empty. What is paid with it
/// is taxed as what is paid with money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredit {
    /// When it was given.
    pub worth: Money,
    pub of_return: ReturnId,
    /// The customer whose orders may use it. None: any order may.
    pub customer: Option<CustomerId>,
    /// The only order that it pays for: one that was made in exchange. What that does not need goes back as money.
    #[serde(default)]
    pub exchange: Option<OrderId>,
}

/// What an order has of the store credit that it named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditDraw {
    pub code: DiscountKey,
    /// What the code was worth when it was given.
    pub worth_minor: i64,
    /// Of its balance, until the invoice is issued: then it is a payment.
    pub set_aside_minor: i64,
}

/// A discount code with its terms, which never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountCode {
    pub code: DiscountKey,
    pub version: i64,
    pub gives: Gives,
    /// None: from its creation on.
    pub starts_at: Option<Timestamp>,
    /// The first moment at which it is over. None: never.
    pub ends_at: Option<Timestamp>,
    /// What the goods have to be worth at least, once per currency: then it is for orders in these. Empty: whatever they
    /// are worth, in any currency.
    pub minimums: Vec<Money>,
    /// How many orders may hold it at a time. None: any number.
    pub uses_max: Option<i64>,
    /// The same of one customer.
    pub uses_per_customer_max: Option<i64>,
    pub description: String,
    /// The order whose delivery letter offers it.
    pub offered_by: Option<OrderId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// False: no order can redeem it any more. Orders that did keep what it gave them.
    pub active: bool,
}

impl DiscountCode {
    /// The currencies that it is for. Empty: any.
    pub fn currencies(&self) -> Vec<Currency> {
        match self.gives {
            Gives::Amount(amount) => vec![amount.currency],
            Gives::Credit(credit) => vec![credit.worth.currency],
            Gives::Rate(_) => self.minimums.iter().map(|it| it.currency).collect(),
        }
    }

    pub fn minimum_in(&self, currency: Currency) -> i64 {
        self.minimums.iter().find(|it| it.currency == currency).map_or(0, |it| it.minor)
    }
}

/// What an order keeps of the code that it redeems: its terms as they were then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    pub code: DiscountKey,
    /// An amount takes what is there.
    pub gives: Discount,
    /// What the goods have to be worth at least, in the order's currency.
    pub minimum_minor: i64,
    pub uses_max: Option<i64>,
    /// Whose use it is. None: the code has no limit for each customer.
    pub customer: Option<RedeemingCustomer>,
    /// Set when the order ended early: then it does not hold the code any more.
    pub given_back_at: Option<Timestamp>,
}

/// A customer as redemptions tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemingCustomer {
    /// SHA-256, hex, of the e-mail address or else the phone number.
    pub key: String,
    pub uses_max: i64,
}

impl Redemption {
    /// The discount on goods of this value.
    pub fn discount_on(&self, goods_minor: i64) -> Discount {
        match self.gives {
            Discount::Percent(ppm) => Discount::Percent(ppm),
            Discount::Amount(minor) => Discount::Amount(minor.min(goods_minor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_code_shows_its_end() {
        let masked = |text: &str| text.parse::<DiscountKey>().map(|it| it.masked());
        assert_eq!(masked("CREDIT-AAAA-BBBB-СДЕЖ").as_deref(), Ok("…СДЕЖ"));
        assert_eq!(masked("AB").as_deref(), Ok("…AB"));
    }

    #[test]
    fn a_code_is_the_same_however_it_is_written() {
        let read = |text: &str| text.parse::<DiscountKey>().map(|it| it.to_string());
        for text in ["SPRING-10", "spring-10", " Spring–10 ", "\u{200E}spring-１０"] {
            assert_eq!(read(text).as_deref(), Ok("SPRING-10"), "{text}");
        }
        assert_eq!(read("скидка10").as_deref(), Ok("СКИДКА10"));
        assert_eq!(read(&"x".repeat(50)), Ok("X".repeat(50)));
        for bad in ["", " ", "SPRING 10", "SPRING\n10", "\u{7}", &"x".repeat(51), &"ß".repeat(26)] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
