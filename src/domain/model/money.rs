//! Money in whole minor units, and the one way to split it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::Invalid;

/// An ISO 4217 currency with 0, 2, 3 or 4 decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

impl Currency {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimals the currency has: EUR 2, JPY 0, KWD 3.
    pub fn exponent(self) -> u32 {
        u32::from(self.exponent)
    }

    pub fn zero(self) -> Money {
        self.of(0)
    }

    pub fn of(self, minor: i64) -> Money {
        Money { currency: self, minor }
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::new("must be a currency of ISO 4217 with minor units, such as EUR");
        let known = iso_currency::Currency::from_code(text).ok_or_else(refused)?;
        let exponent = known.exponent().ok_or_else(refused)?;
        let code = <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| refused())?;
        Ok(Self { code, exponent: u8::try_from(exponent).map_err(|_| refused())? })
    }
}

impl TryFrom<String> for Currency {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in the minor units of its currency: EUR 12.34 is 1234.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub currency: Currency,
    pub minor: i64,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent() as usize;
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, part) = digits.split_at(digits.len() - exponent);
        let sign = if self.minor < 0 { "-" } else { "" };
        let point = if exponent > 0 { "." } else { "" };
        write!(f, "{} {sign}{whole}{point}{part}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One million parts: rates and percentages are counted in these (19 % = 190 000 ppm).
pub const PPM: i128 = 1_000_000;

/// `minor × ppm / 1 000 000`, rounded half away from zero, the usual rule of tax law.
pub(in crate::domain) fn part(minor: i64, ppm: u32) -> i64 {
    rounded(i128::from(minor) * i128::from(ppm), PPM)
}

/// The tax inside a tax-inclusive amount: `minor × rate / (1 + rate)`, rounded half away from zero.
pub(in crate::domain) fn included_part(minor: i64, ppm: u32) -> i64 {
    rounded(i128::from(minor) * i128::from(ppm), PPM + i128::from(ppm))
}

fn rounded(dividend: i128, divisor: i128) -> i64 {
    let half = divisor / 2;
    let shifted = if dividend >= 0 { dividend + half } else { dividend - half };
    i64::try_from(shifted / divisor).expect("a rate is at most one and the amount fits i64")
}

/// Splits `total` in proportion to `weights` so that the shares sum to it exactly: each share is rounded towards
/// zero, and what is left goes unit by unit to the largest remainders (Hamilton's method), the first of equals
/// first. Without any weight everything goes to the first share.
pub(in crate::domain) fn shares(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|it| i128::from((*it).max(0))).sum();
    if weights.is_empty() {
        return Vec::new();
    }
    if sum == 0 {
        let mut all = vec![0; weights.len()];
        all[0] = total;
        return all;
    }

    let exact = |weight: i64| i128::from(total) * i128::from(weight.max(0));
    let mut shares: Vec<i64> = weights
        .iter()
        .map(|it| i64::try_from(exact(*it) / sum).expect("a share is no larger than the total"))
        .collect();

    let left = i128::from(total) - shares.iter().map(|it| i128::from(*it)).sum::<i128>();
    let unit = if left < 0 { -1 } else { 1 };
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|it| std::cmp::Reverse((exact(weights[*it]) % sum).abs()));
    for index in order.into_iter().take(usize::try_from(left.abs()).unwrap_or(0)) {
        shares[index] += unit;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        let text = |code: &str, minor| code.parse::<Currency>().expect("a currency").of(minor).to_string();
        assert_eq!(text("EUR", 1234), "EUR 12.34");
        assert_eq!(text("EUR", -5), "EUR -0.05");
        assert_eq!(text("EUR", 0), "EUR 0.00");
        assert_eq!(text("JPY", 1234), "JPY 1234");
        assert_eq!(text("KWD", 1234), "KWD 1.234");
    }

    #[test]
    fn a_currency_is_kept_and_logged_as_its_code() {
        let euro: Currency = "EUR".parse().expect("a currency");
        assert_eq!(serde_json::to_string(&euro).expect("text"), "\"EUR\"");
        assert_eq!(serde_json::from_str::<Currency>("\"EUR\"").expect("a currency"), euro);
        assert!(serde_json::from_str::<Currency>("\"XXX\"").is_err());
        assert_eq!(format!("{euro:?} {:?}", euro.of(1)), "EUR EUR 0.01");
    }

    #[test]
    fn the_remainder_goes_to_the_largest_fractions() {
        assert_eq!(shares(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(shares(10, &[5, 3, 2]), [5, 3, 2]);
        assert_eq!(shares(1, &[1, 2]), [0, 1]);
        assert_eq!(shares(3, &[5, 2]), [2, 1]);
        assert_eq!(shares(7, &[0, 0]), [7, 0]);
    }

    #[test]
    fn tax_is_rounded_half_away_from_zero() {
        assert_eq!(part(50, 190_000), 10);
        assert_eq!(part(-50, 190_000), -10);
        assert_eq!(included_part(119, 190_000), 19);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_total_and_none_is_off_by_a_whole_unit(
            total in -1_000_000_000_000_i64..1_000_000_000_000,
            weights in prop::collection::vec(0_i64..1_000_000_000, 1..60),
        ) {
            let shares = shares(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);

            let sum: i128 = weights.iter().map(|it| i128::from(*it)).sum();
            if sum > 0 {
                for (share, weight) in shares.iter().zip(&weights) {
                    let exact = i128::from(total) * i128::from(*weight);
                    prop_assert!((i128::from(*share) * sum - exact).abs() < sum);
                }
            }
        }
    }
}
