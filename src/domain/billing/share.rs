//! What some units of a line are worth: shares of the line's amounts, which never change once it is sold.
//!
//! A share is a difference of cumulative shares: what the first k + n units come to, less what the first k do. So the
//! shares of all units sum up exactly to the line, however they are taken: one by one or in any parts.

use crate::domain::model::amounts::{Amounts, LineAmounts};
use crate::domain::model::line::OrderLine;

impl LineAmounts {
    /// What the first of the line's units come to. Each amount follows the one that it was taken from: discounts the
    /// gross amount, the share of the order's discount what is left then, the tax what is left of both. So none is ever
    /// negative, and none is larger than what it is taken from.
    pub(in crate::domain) fn of_first(&self, units: i64, quantity: i64) -> Self {
        let reduced_minor = self.gross_minor - self.discount_minor;
        let net_minor = reduced_minor - self.discount_share_minor;

        let gross = proportion(self.gross_minor, units, quantity);
        let discount = proportion(self.discount_minor, gross, self.gross_minor);
        let reduced = gross - discount;
        let discount_share = proportion(self.discount_share_minor, reduced, reduced_minor);
        let net = reduced - discount_share;
        let tax = proportion(self.tax_minor, net, net_minor);
        // Where prices are without it, the tax comes on top.
        let on_top = if self.total_minor == net_minor { 0 } else { tax };
        Self {
            gross_minor: gross,
            discount_minor: discount,
            discount_share_minor: discount_share,
            tax_rate_ppm: self.tax_rate_ppm,
            tax_minor: tax,
            total_minor: net + on_top,
        }
    }

    /// What so many more units come to, after those before them.
    pub(in crate::domain) fn of_next(&self, units: i64, before: i64, quantity: i64) -> Self {
        self.of_first(before + units, quantity).less(&self.of_first(before, quantity))
    }

    /// What it comes to less with a larger discount, as a line of a credit note says it: without units, before discounts.
    pub(in crate::domain) fn reduced_to(&self, now: &Self) -> Self {
        let net = |it: &Self| it.gross_minor - it.discount_minor - it.discount_share_minor;
        Self {
            gross_minor: net(self) - net(now),
            discount_minor: 0,
            discount_share_minor: 0,
            tax_rate_ppm: self.tax_rate_ppm,
            tax_minor: self.tax_minor - now.tax_minor,
            total_minor: self.total_minor - now.total_minor,
        }
    }

    /// What is left with a share of a discount that was given later, as a line of a credit note says it.
    pub(in crate::domain) fn reduced_by(&self, less: &Self) -> Self {
        Self {
            discount_share_minor: self.discount_share_minor + less.gross_minor,
            tax_minor: self.tax_minor - less.tax_minor,
            total_minor: self.total_minor - less.total_minor,
            ..*self
        }
    }

    /// What is left without a part of it.
    pub(in crate::domain) fn less(&self, part: &Self) -> Self {
        Self {
            gross_minor: self.gross_minor - part.gross_minor,
            discount_minor: self.discount_minor - part.discount_minor,
            discount_share_minor: self.discount_share_minor - part.discount_share_minor,
            tax_rate_ppm: self.tax_rate_ppm,
            tax_minor: self.tax_minor - part.tax_minor,
            total_minor: self.total_minor - part.total_minor,
        }
    }
}

impl OrderLine {
    /// What the units that were cancelled came to.
    pub fn cancelled_amounts(&self) -> LineAmounts {
        self.amounts.of_first(self.cancelled_quantity, self.quantity)
    }

    /// What the line still comes to.
    pub fn remaining_amounts(&self) -> LineAmounts {
        self.amounts.less(&self.amounts.of_first(self.credited_quantity(), self.quantity))
    }

    /// What so many more units come to, after those that were credited before.
    pub(in crate::domain) fn next_amounts(&self, units: i64) -> LineAmounts {
        self.amounts.of_next(units, self.credited_quantity(), self.quantity)
    }
}

impl Amounts {
    /// The sums over other lines, with the same shipping.
    pub(in crate::domain) fn over(&self, lines: impl Iterator<Item = LineAmounts>) -> Self {
        let mut sums = Self {
            subtotal_minor: 0,
            discount_minor: 0,
            tax_minor: self.shipping_tax_minor,
            total_minor: self.shipping_minor
                + if self.prices_include_tax { 0 } else { self.shipping_tax_minor },
            ..self.clone()
        };
        for line in lines {
            sums.subtotal_minor += line.gross_minor;
            sums.discount_minor += line.discount_minor + line.discount_share_minor;
            sums.tax_minor += line.tax_minor;
            sums.total_minor += line.total_minor;
        }
        sums
    }

    /// The sums over these lines alone, without shipping.
    pub(in crate::domain) fn of_lines_only(&self, lines: impl Iterator<Item = LineAmounts>) -> Self {
        self.without_shipping().over(lines)
    }

    /// The same without its shipping; its sums are to be made anew.
    pub(in crate::domain) fn without_shipping(&self) -> Self {
        Self { shipping_minor: 0, shipping_tax_minor: 0, shipping_tax_rate_ppm: 0, ..self.clone() }
    }

    /// The same with this shipping and its tax; its sums are to be made anew.
    pub(in crate::domain) fn with_shipping(&self, shipping_minor: i64, shipping_tax_minor: i64) -> Self {
        Self { shipping_minor, shipping_tax_minor, ..self.clone() }
    }

    /// What the shipping comes to, with its tax.
    pub(in crate::domain) fn shipping_total_minor(&self) -> i64 {
        self.shipping_minor + if self.prices_include_tax { 0 } else { self.shipping_tax_minor }
    }
}

/// The part of `total` that `part` is of `whole`, rounded half up. No part of nothing is anything.
fn proportion(total: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (total, part, whole) = (i128::from(total), i128::from(part), i128::from(whole));
    i64::try_from((2 * total * part + whole) / (2 * whole)).expect("a part is no larger than the total")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::billing::price::{PriceLine, price};
    use crate::domain::model::amounts::Discount;
    use proptest::prelude::*;

    fn line(gross: i64, discount: i64, share: i64, tax: i64) -> LineAmounts {
        let total_minor = gross - discount - share + tax;
        LineAmounts {
            gross_minor: gross,
            discount_minor: discount,
            discount_share_minor: share,
            tax_rate_ppm: 190_000,
            tax_minor: tax,
            total_minor,
        }
    }

    #[test]
    fn units_share_what_does_not_divide_and_the_last_one_takes_what_is_left() {
        let sold = line(3_000, 100, 50, 542);
        let each: Vec<i64> = (0..3).map(|before| sold.of_next(1, before, 3).total_minor).collect();
        assert_eq!(each, [1_131, 1_130, 1_131]);
        assert_eq!(each.iter().sum::<i64>(), sold.total_minor);
        assert_eq!(sold.of_first(3, 3), sold);
        assert_eq!(sold.of_first(0, 3), LineAmounts { tax_rate_ppm: 190_000, ..LineAmounts::default() });
    }

    #[test]
    fn a_gift_is_worth_nothing() {
        let gift = line(3_000, 1_500, 1_500, 0);
        for before in 0..3 {
            let one = gift.of_next(1, before, 3);
            assert_eq!((one.gross_minor, one.tax_minor, one.total_minor), (1_000, 0, 0));
        }
    }

    fn some_line() -> impl Strategy<Value = PriceLine> {
        let rates = prop_oneof![Just(0), Just(55_000), Just(190_000), 0_u32..=1_000_000];
        let discount =
            prop_oneof![Just(None), (0_u32..=1_000_000).prop_map(|it| Some(Discount::Percent(it)))];
        (1_i64..60, 0_i64..100_000, discount, rates).prop_map(
            |(quantity, unit_price_minor, discount, tax_rate_ppm)| PriceLine {
                quantity,
                unit_price_minor,
                discount,
                tax_rate_ppm,
            },
        )
    }

    proptest! {
        #[test]
        fn for_any_line_and_any_parts_the_shares_sum_to_it_and_none_is_negative(
            lines in prop::collection::vec(some_line(), 1..6),
            order_discount in prop::option::of((0_u32..=1_000_000).prop_map(Discount::Percent)),
            inclusive in any::<bool>(),
            currency in prop::sample::select(vec!["JPY", "EUR", "KWD"]),
            parts in prop::collection::vec(1_i64..20, 1..60),
        ) {
            let currency = currency.parse().expect("a currency");
            let (sold, amounts) =
                price(currency, inclusive, &lines, order_discount, 700, 190_000).expect("a price");
            for (line, sold) in lines.iter().zip(&sold) {
                let (mut before, mut left) = (0, *sold);
                for part in &parts {
                    let units = (*part).min(line.quantity - before);
                    let share = sold.of_next(units, before, line.quantity);
                    let LineAmounts { gross_minor, discount_minor, discount_share_minor, tax_minor, total_minor, .. } =
                        share;
                    let all = [gross_minor, discount_minor, discount_share_minor, tax_minor, total_minor];
                    prop_assert!(all.iter().all(|it| *it >= 0), "{:?}", share);
                    let net = gross_minor - discount_minor - discount_share_minor;
                    prop_assert_eq!(total_minor, if inclusive { net } else { net + tax_minor });
                    prop_assert!(!inclusive || tax_minor <= net);
                    prop_assert_eq!(gross_minor, units * line.unit_price_minor);
                    (before, left) = (before + units, left.less(&share));
                }
                prop_assert_eq!(left, sold.less(&sold.of_first(before, line.quantity)));
                prop_assert_eq!(left.less(&sold.of_next(line.quantity - before, before, line.quantity)).total_minor, 0);
            }
            prop_assert_eq!(amounts.over(sold.iter().copied()), amounts);
        }
    }
}
