//! What an order costs: discounts, taxes and shipping, exact to the last minor unit.

use crate::domain::model::amounts::{Amounts, Discount, LineAmounts};
use crate::domain::model::money::{Currency, Money, included_part, part, shares};
use crate::domain::model::refusal::Problems;

/// No single amount is larger than this: 10^15 minor units. It keeps every sum and product far from the end
/// of i64.
pub(in crate::domain) const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// A percentage is at most the whole.
const WHOLE_PPM: u32 = 1_000_000;

/// The facts of one line that its price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct PriceLine {
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub discount: Option<Discount>,
    pub tax_rate_ppm: u32,
}

/// Prices an order. A line's own discount is taken from its gross amount; the order's discount from what is
/// left of all lines, shared among them by largest remainder; tax is computed per line on what is left then,
/// and for shipping, which no discount touches, on its own. Percentages and taxes are rounded half away from
/// zero.
///
/// Every problem is named at once: `lines[i].quantity`, `lines[i].unit_price`, `lines[i].discount`,
/// `discount`, `shipping_fee`, and `lines` when only the sum is too large.
pub(in crate::domain) fn price(
    currency: Currency,
    prices_include_tax: bool,
    lines: &[PriceLine],
    discount: Option<Discount>,
    shipping_minor: i64,
    shipping_tax_ppm: u32,
) -> Result<(Vec<LineAmounts>, Amounts), Problems> {
    let taxes = Taxes::of(prices_include_tax);
    let mut problems = Problems::default();

    let mut priced: Vec<LineAmounts> = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let gross_minor = gross(line, index, &mut problems);
        let discount_minor = taken(
            line.discount,
            currency.of(gross_minor),
            &format!("lines[{index}].discount"),
            &mut problems,
        );
        priced.push(LineAmounts {
            gross_minor,
            discount_minor,
            tax_rate_ppm: line.tax_rate_ppm,
            ..LineAmounts::default()
        });
    }
    if !(0..=AMOUNT_MINOR_MAX).contains(&shipping_minor) {
        problems.add("shipping_fee", format!("must be 0 to {AMOUNT_MINOR_MAX} minor units"));
    }
    if sum(priced.iter().map(|it| it.gross_minor)).is_none() {
        problems.add("lines", too_much());
    }
    if !problems.0.is_empty() {
        return Err(problems);
    }

    let left: Vec<i64> = priced.iter().map(|it| it.gross_minor - it.discount_minor).collect();
    let order_discount = taken(discount, currency.of(left.iter().sum()), "discount", &mut problems);
    if !problems.0.is_empty() {
        return Err(problems);
    }
    for (line, share) in priced.iter_mut().zip(shares(order_discount, &left)) {
        line.discount_share_minor = share;
        let net = line.gross_minor - line.discount_minor - share;
        (line.tax_minor, line.total_minor) = taxes.on(net, line.tax_rate_ppm);
    }

    let (shipping_tax_minor, shipping_total) = taxes.on(shipping_minor, shipping_tax_ppm);
    let tax = sum(priced.iter().map(|it| it.tax_minor).chain([shipping_tax_minor]));
    let total = sum(priced.iter().map(|it| it.total_minor).chain([shipping_total]));
    let (Some(tax_minor), Some(total_minor)) = (tax, total) else {
        problems.add("lines", too_much());
        return Err(problems);
    };
    let amounts = Amounts {
        currency,
        prices_include_tax,
        subtotal_minor: priced.iter().map(|it| it.gross_minor).sum(),
        discount_minor: priced.iter().map(|it| it.discount_minor + it.discount_share_minor).sum(),
        shipping_minor,
        shipping_tax_minor,
        shipping_tax_rate_ppm: shipping_tax_ppm,
        tax_minor,
        total_minor,
    };
    Ok((priced, amounts))
}

impl Amounts {
    /// The law of an order's or invoice's amounts, recomputed from its lines: says what is off, and by how
    /// much. The tax on shipping is held only to its bounds.
    #[cfg(test)]
    pub fn check(&self, lines: &[LineAmounts]) -> Result<(), String> {
        self.check_lines(lines)?;
        self.check_sums(lines)
    }

    /// What was sold follows from its prices, discounts and tax rates.
    pub fn check_lines(&self, lines: &[LineAmounts]) -> Result<(), String> {
        for (index, line) in lines.iter().enumerate() {
            let off = |what: &str, is: i64, should: i64| {
                Err(format!("line {}: {what} is {is}, not {should}", index + 1))
            };
            let known = [line.gross_minor, line.discount_minor, line.discount_share_minor];
            if known.iter().any(|it| !(0..=AMOUNT_MINOR_MAX).contains(it)) {
                return Err(format!("line {}: an amount is negative or beyond the limit", index + 1));
            }
            let net = line.gross_minor - line.discount_minor - line.discount_share_minor;
            if net < 0 {
                return Err(format!("line {}: discounts exceed the gross amount by {}", index + 1, -net));
            }
            let (tax, total) = Taxes::of(self.prices_include_tax).on(net, line.tax_rate_ppm);
            if line.tax_minor != tax {
                return off("tax", line.tax_minor, tax);
            }
            if line.total_minor != total {
                return off("total", line.total_minor, total);
            }
        }
        Ok(())
    }

    /// Whether a line may have the share of another one: with each time that a share was taken, its tax may be one minor unit
    /// further from what its own rate gives.
    pub fn may_be_carried_over(&self, line: &LineAmounts, times: u32) -> bool {
        let net = line.gross_minor - line.discount_minor - line.discount_share_minor;
        let (tax, total) = Taxes::of(self.prices_include_tax).on(net, line.tax_rate_ppm);
        let off = line.tax_minor - tax;
        let on_top = if self.prices_include_tax { 0 } else { off };
        net >= 0
            && line.tax_minor >= 0
            && off.unsigned_abs() <= u64::from(times)
            && line.total_minor == total + on_top
    }

    /// The sums over lines, whole ones or what is left of them.
    pub fn check_sums(&self, lines: &[LineAmounts]) -> Result<(), String> {
        let shipping_tax_max = if self.prices_include_tax { self.shipping_minor } else { AMOUNT_MINOR_MAX };
        if !(0..=AMOUNT_MINOR_MAX).contains(&self.shipping_minor) {
            return Err(format!("shipping of {} is not an amount", self.shipping_minor));
        }
        if !(0..=shipping_tax_max).contains(&self.shipping_tax_minor) {
            return Err(format!("shipping tax of {} does not fit its fee", self.shipping_tax_minor));
        }

        let shipping =
            if self.prices_include_tax { 0 } else { self.shipping_tax_minor } + self.shipping_minor;
        let laws: [(&str, i64, Option<i64>); 4] = [
            ("subtotal", self.subtotal_minor, sum(lines.iter().map(|it| it.gross_minor))),
            (
                "discount",
                self.discount_minor,
                sum(lines.iter().map(|it| it.discount_minor + it.discount_share_minor)),
            ),
            (
                "tax",
                self.tax_minor,
                sum(lines.iter().map(|it| it.tax_minor).chain([self.shipping_tax_minor])),
            ),
            ("total", self.total_minor, sum(lines.iter().map(|it| it.total_minor).chain([shipping]))),
        ];
        for (what, is, should) in laws {
            match should {
                Some(should) if is == should => {}
                Some(should) => return Err(format!("{what} is {is}, not {should}")),
                None => return Err(format!("{what} is beyond the limit")),
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Taxes {
    Included,
    Added,
}

impl Taxes {
    fn of(prices_include_tax: bool) -> Self {
        if prices_include_tax { Self::Included } else { Self::Added }
    }

    /// The tax on what is left after discounts, and what is to be paid for it.
    fn on(self, net: i64, rate_ppm: u32) -> (i64, i64) {
        match self {
            Self::Included => (included_part(net, rate_ppm), net),
            Self::Added => {
                let tax = part(net, rate_ppm);
                (tax, net.saturating_add(tax))
            }
        }
    }
}

/// Unit price × quantity, or zero with a note why not.
fn gross(line: &PriceLine, index: usize, problems: &mut Problems) -> i64 {
    if line.quantity < 1 {
        problems.add(format!("lines[{index}].quantity"), "must be at least 1");
        return 0;
    }
    if line.unit_price_minor < 0 {
        problems.add(format!("lines[{index}].unit_price"), "must not be negative");
        return 0;
    }

    let product = line.unit_price_minor.checked_mul(line.quantity).filter(|it| *it <= AMOUNT_MINOR_MAX);
    product.unwrap_or_else(|| {
        let text = format!("times the quantity must be at most {AMOUNT_MINOR_MAX} minor units");
        problems.add(format!("lines[{index}].unit_price"), text);
        0
    })
}

/// Amount of a discount, or zero with a note why it does not apply.
fn taken(discount: Option<Discount>, from: Money, field: &str, problems: &mut Problems) -> i64 {
    match discount {
        None => 0,
        Some(Discount::Amount(minor)) if (0..=from.minor).contains(&minor) => minor,
        Some(Discount::Amount(minor)) if minor < 0 => {
            problems.add(field, "must not be negative");
            0
        }
        Some(Discount::Amount(minor)) => {
            problems.add(field, format!("takes {} from {from}", from.currency.of(minor)));
            0
        }
        Some(Discount::Percent(ppm)) if ppm <= WHOLE_PPM => part(from.minor, ppm),
        Some(Discount::Percent(ppm)) => {
            problems.add(field, format!("must be at most {WHOLE_PPM} ppm (100 %), not {ppm}"));
            0
        }
    }
}

/// The sum, unless it is beyond the limit.
fn sum(amounts: impl Iterator<Item = i64>) -> Option<i64> {
    amounts.into_iter().try_fold(0_i64, i64::checked_add).filter(|it| (0..=AMOUNT_MINOR_MAX).contains(it))
}

fn too_much() -> String {
    format!("must come to at most {AMOUNT_MINOR_MAX} minor units in all")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    fn line(quantity: i64, unit_price_minor: i64, tax_rate_ppm: u32) -> PriceLine {
        PriceLine { quantity, unit_price_minor, discount: None, tax_rate_ppm }
    }

    fn fields(found: Result<(Vec<LineAmounts>, Amounts), Problems>) -> Vec<String> {
        found.expect_err("a refusal").0.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn tax_is_added_to_exclusive_prices_and_found_inside_inclusive_ones() {
        let lines = [line(2, 5_000, 190_000), line(1, 2_000, 70_000)];
        let (_, added) = price(currency("EUR"), false, &lines, None, 500, 190_000).expect("a price");
        assert_eq!((added.subtotal_minor, added.tax_minor, added.total_minor), (12_000, 2_135, 14_635));
        assert_eq!(added.shipping_tax_minor, 95);

        let (_, inside) = price(currency("EUR"), true, &lines, None, 500, 190_000).expect("a price");
        assert_eq!((inside.subtotal_minor, inside.tax_minor, inside.total_minor), (12_000, 1_808, 12_500));
        assert_eq!(inside.shipping_tax_minor, 80);
    }

    #[test]
    fn the_orders_discount_is_shared_over_what_line_discounts_left() {
        let half_off = PriceLine { discount: Some(Discount::Percent(500_000)), ..line(1, 2_000, 0) };
        let lines = [half_off, line(1, 1_000, 0), line(1, 1_000, 0)];
        let (lines, amounts) =
            price(currency("USD"), false, &lines, Some(Discount::Amount(100)), 0, 0).expect("a price");
        assert_eq!(lines[0].discount_minor, 1_000);
        assert_eq!(lines.iter().map(|it| it.discount_share_minor).collect::<Vec<_>>(), [34, 33, 33]);
        assert_eq!((amounts.discount_minor, amounts.total_minor), (1_100, 2_900));
    }

    #[test]
    fn everything_may_be_free_but_nothing_less_than_free() {
        let lines = [line(3, 999, 190_000)];
        let (_, amounts) =
            price(currency("EUR"), false, &lines, Some(Discount::Percent(1_000_000)), 0, 0).expect("a price");
        assert_eq!((amounts.total_minor, amounts.tax_minor), (0, 0));
        assert_eq!(
            fields(price(currency("EUR"), false, &lines, Some(Discount::Amount(2_998)), 0, 0)),
            ["discount"]
        );
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let lines = [
            line(0, 100, 0),
            line(1, -1, 0),
            PriceLine { discount: Some(Discount::Amount(101)), ..line(1, 100, 0) },
            PriceLine { discount: Some(Discount::Percent(1_000_001)), ..line(1, 100, 0) },
            PriceLine { discount: Some(Discount::Amount(-1)), ..line(1, 100, 0) },
            line(i64::MAX, i64::MAX, 0),
        ];
        assert_eq!(
            fields(price(currency("EUR"), false, &lines, None, -1, 0)),
            [
                "lines[0].quantity",
                "lines[1].unit_price",
                "lines[2].discount",
                "lines[3].discount",
                "lines[4].discount",
                "lines[5].unit_price",
                "shipping_fee",
            ]
        );
    }

    #[test]
    fn a_discount_that_cannot_be_is_told_from_one_that_is_too_large() {
        let told = |discount| {
            let refused = price(currency("EUR"), false, &[line(1, 100, 0)], Some(discount), 0, 0);
            refused.expect_err("a refusal").0[0].message.clone()
        };
        assert_eq!(told(Discount::Amount(-1)), "must not be negative");
        assert_eq!(told(Discount::Amount(101)), "takes EUR 1.01 from EUR 1.00");
        assert_eq!(told(Discount::Percent(1_000_001)), "must be at most 1000000 ppm (100 %), not 1000001");
    }

    #[test]
    fn a_sum_beyond_the_limit_is_refused_before_and_after_tax() {
        let lines = [line(1, AMOUNT_MINOR_MAX, 0), line(1, 1, 0)];
        assert_eq!(fields(price(currency("EUR"), false, &lines, None, 0, 0)), ["lines"]);
        assert_eq!(fields(price(currency("EUR"), false, &lines[..1], None, 1, 0)), ["lines"]);
        let taxed = [line(1, AMOUNT_MINOR_MAX, u32::MAX)];
        assert_eq!(fields(price(currency("EUR"), false, &taxed, None, 0, 0)), ["lines"]);
        assert!(price(currency("EUR"), true, &lines[..1], None, 0, u32::MAX).is_ok());
    }

    #[test]
    fn a_changed_amount_breaks_the_law_and_is_named() {
        let lines = [line(2, 333, 190_000), line(1, 50, 70_000)];
        let (lines, good) =
            price(currency("EUR"), false, &lines, Some(Discount::Amount(9)), 499, 0).expect("a price");
        assert_eq!(good.check(&lines), Ok(()));

        let total = good.total_minor;
        let bad = Amounts { total_minor: total + 1, ..good.clone() };
        assert_eq!(bad.check(&lines), Err(format!("total is {}, not {total}", total + 1)));
        let mut bad_lines = lines.clone();
        bad_lines[1].tax_minor -= 1;
        assert!(good.check(&bad_lines).expect_err("a broken law").starts_with("line 2: tax is "));
        bad_lines[1].gross_minor = i64::MAX;
        assert!(good.check(&bad_lines).is_err());
        assert!(good.check(&lines[..1]).is_err());
    }

    fn some_discount() -> impl Strategy<Value = Option<Discount>> {
        prop_oneof![
            Just(None),
            (0_u32..=1_000_000).prop_map(|it| Some(Discount::Percent(it))),
            (0_i64..5_000).prop_map(|it| Some(Discount::Amount(it))),
        ]
    }

    fn some_line() -> impl Strategy<Value = PriceLine> {
        let rates = prop_oneof![Just(0), Just(55_000), Just(190_000), 0_u32..=1_000_000];
        (1_i64..500, 0_i64..1_000_000, some_discount(), rates).prop_map(
            |(quantity, unit_price_minor, discount, tax_rate_ppm)| PriceLine {
                quantity,
                unit_price_minor,
                discount: match discount {
                    Some(Discount::Amount(it)) => Some(Discount::Amount(it.min(unit_price_minor * quantity))),
                    Some(Discount::Percent(_)) | None => discount,
                },
                tax_rate_ppm,
            },
        )
    }

    proptest! {
        #[test]
        fn for_any_lines_discounts_and_taxes_the_shares_sum_exactly(
            lines in prop::collection::vec(some_line(), 1..40),
            discount in some_discount(),
            inclusive in any::<bool>(),
            shipping in 0_i64..100_000,
            shipping_rate in 0_u32..=1_000_000,
        ) {
            let left: i64 = {
                let plain = price(currency("EUR"), inclusive, &lines, None, 0, 0).expect("a price").0;
                plain.iter().map(|it| it.gross_minor - it.discount_minor).sum()
            };
            let discount = match discount {
                Some(Discount::Amount(it)) => Some(Discount::Amount(it.min(left))),
                Some(Discount::Percent(_)) | None => discount,
            };
            let found = price(currency("EUR"), inclusive, &lines, discount, shipping, shipping_rate);
            let (priced, amounts) = found.expect("a price");

            let shared: i64 = priced.iter().map(|it| it.discount_share_minor).sum();
            prop_assert_eq!(shared, match discount {
                None => 0,
                Some(Discount::Amount(it)) => it,
                Some(Discount::Percent(it)) => part(left, it),
            });
            for it in &priced {
                let taken = [it.gross_minor, it.discount_minor, it.discount_share_minor];
                prop_assert!(taken.iter().all(|it| *it >= 0), "{:?}", it);
                prop_assert!(it.tax_minor >= 0 && it.total_minor >= 0, "{:?}", it);
            }
            let shipping_due = shipping + if inclusive { 0 } else { amounts.shipping_tax_minor };
            let lines_due: i64 = priced.iter().map(|it| it.total_minor).sum();
            prop_assert_eq!(amounts.total_minor, lines_due + shipping_due);
            let due = amounts.subtotal_minor - amounts.discount_minor + amounts.shipping_minor;
            prop_assert_eq!(amounts.total_minor, due + if inclusive { 0 } else { amounts.tax_minor });
            prop_assert!(amounts.total_minor >= 0);
            prop_assert_eq!(amounts.check(&priced), Ok(()));
        }

        #[test]
        fn decimals_of_the_currency_make_no_difference(
            lines in prop::collection::vec(some_line(), 1..10),
            inclusive in any::<bool>(),
            percent in 0_u32..=1_000_000,
        ) {
            let discount = Some(Discount::Percent(percent));
            let in_currency = |code| {
                price(currency(code), inclusive, &lines, discount, 700, 190_000).expect("a price")
            };
            let (lines, amounts) = in_currency("EUR");
            for code in ["JPY", "KWD"] {
                let (other_lines, other) = in_currency(code);
                prop_assert_eq!(&other_lines, &lines);
                prop_assert_eq!(Amounts { currency: amounts.currency, ..other }, amounts.clone());
            }
        }

        #[test]
        fn any_numbers_whatever_get_an_answer(
            quantity in any::<i64>(),
            unit_price in any::<i64>(),
            rate in any::<u32>(),
            minor in any::<i64>(),
            shipping in any::<i64>(),
            inclusive in any::<bool>(),
        ) {
            let discount = Some(Discount::Amount(minor));
            let line = PriceLine { discount, ..line(quantity, unit_price, rate) };
            if let Ok((lines, amounts)) = price(currency("EUR"), inclusive, &[line], None, shipping, rate) {
                prop_assert_eq!(amounts.check(&lines), Ok(()));
            }
        }
    }
}
