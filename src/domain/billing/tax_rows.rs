//! The tax of an order or invoice by category and rate: what papers, letters and callers show. Nothing is computed anew
//! here: the rows are sums of what was priced.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::domain::model::amounts::{Amounts, LineAmounts, SHIPPING};
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::invoice::Invoice;
use crate::domain::model::order::Order;

/// What is taxed alike, and its tax. All rows together are the tax and the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRow {
    /// The products' tax category; of the shipping `SHIPPING`.
    pub category: String,
    pub rate_ppm: u32,
    /// What is taxed, without the tax.
    pub base_minor: i64,
    pub tax_minor: i64,
}

impl Order {
    /// Of what is wanted of it, one row per category and rate, the highest rate first.
    pub(in crate::domain) fn tax_rows(&self) -> Vec<TaxRow> {
        let wanted = self.lines.iter().filter(|it| it.sold_quantity() > 0);
        rows(&self.amounts, wanted.map(|it| (it.tax_category.as_str(), it.remaining_amounts())))
    }

    /// The same of one of its invoices. An order's lines keep their category once they are invoiced.
    pub fn tax_rows_of(&self, invoice: &Invoice) -> Vec<TaxRow> {
        rows(&invoice.amounts, invoice.lines.iter().map(|it| (self.tax_category_of(it.line), it.amounts)))
    }

    /// The same of one of its credit notes.
    pub fn tax_rows_of_credit(&self, note: &CreditNote) -> Vec<TaxRow> {
        rows(&note.amounts, note.lines.iter().map(|it| (self.tax_category_of(it.line), it.amounts)))
    }

    fn tax_category_of(&self, number: i32) -> &str {
        let line = self.lines.iter().find(|it| it.number == number);
        line.map_or("", |it| it.tax_category.as_str())
    }
}

/// The rows of one rate as one, as people are told them.
pub(in crate::domain) fn by_rate(rows: Vec<TaxRow>) -> Vec<TaxRow> {
    let mut all: Vec<TaxRow> = Vec::new();
    for row in rows {
        match all.last_mut().filter(|it| it.rate_ppm == row.rate_ppm) {
            Some(last) => {
                last.base_minor = last.base_minor.saturating_add(row.base_minor);
                last.tax_minor = last.tax_minor.saturating_add(row.tax_minor);
            }
            None => all.push(row),
        }
    }
    all
}

fn rows<'a>(amounts: &Amounts, lines: impl Iterator<Item = (&'a str, LineAmounts)>) -> Vec<TaxRow> {
    let mut rows: BTreeMap<(Reverse<u32>, &str), (i64, i64)> = BTreeMap::new();
    let mut add = |category, rate, base, tax| {
        let row = rows.entry((Reverse(rate), category)).or_default();
        *row = (row.0.saturating_add(base), row.1.saturating_add(tax));
    };
    for (category, line) in lines {
        add(category, line.tax_rate_ppm, line.total_minor - line.tax_minor, line.tax_minor);
    }
    if amounts.shipping_minor != 0 {
        let tax = amounts.shipping_tax_minor;
        let base = amounts.shipping_minor - if amounts.prices_include_tax { tax } else { 0 };
        add(SHIPPING, amounts.shipping_tax_rate_ppm, base, tax);
    }
    let row = |((Reverse(rate_ppm), category), (base_minor, tax_minor)): ((_, &str), _)| TaxRow {
        category: category.to_owned(),
        rate_ppm,
        base_minor,
        tax_minor,
    };
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::billing::price::{PriceLine, price};
    use proptest::prelude::*;

    fn line(unit_price_minor: i64, tax_rate_ppm: u32) -> PriceLine {
        PriceLine { quantity: 1, unit_price_minor, discount: None, tax_rate_ppm }
    }

    fn priced(
        lines: &[(&'static str, PriceLine)],
        shipping: i64,
        rate: u32,
        includes: bool,
    ) -> (Vec<TaxRow>, Amounts) {
        let plain: Vec<_> = lines.iter().map(|it| it.1).collect();
        let currency = "EUR".parse().expect("a currency");
        let (amounts_of_lines, amounts) =
            price(currency, includes, &plain, None, shipping, rate).expect("a price");
        (rows(&amounts, lines.iter().map(|it| it.0).zip(amounts_of_lines)), amounts)
    }

    fn row(category: &str, rate_ppm: u32, base_minor: i64, tax_minor: i64) -> TaxRow {
        TaxRow { category: category.to_owned(), rate_ppm, base_minor, tax_minor }
    }

    #[test]
    fn there_is_a_row_for_each_rate_and_category_and_people_see_one_for_each_rate() {
        let lines = [
            ("BOOKS", line(1_000, 70_000)),
            ("FOOD", line(500, 70_000)),
            ("STANDARD", line(2_000, 190_000)),
            ("BOOKS", line(1_000, 70_000)),
            ("STAMPS", line(80, 0)),
        ];
        let (rows, _) = priced(&lines, 600, 190_000, false);
        assert_eq!(
            rows,
            [
                row("SHIPPING", 190_000, 600, 114),
                row("STANDARD", 190_000, 2_000, 380),
                row("BOOKS", 70_000, 2_000, 140),
                row("FOOD", 70_000, 500, 35),
                row("STAMPS", 0, 80, 0),
            ]
        );
        let by_rate: Vec<_> =
            by_rate(rows).into_iter().map(|it| (it.rate_ppm, it.base_minor, it.tax_minor)).collect();
        assert_eq!(by_rate, [(190_000, 2_600, 494), (70_000, 2_500, 175), (0, 80, 0)]);
    }

    #[test]
    fn what_contains_its_tax_is_shown_without_it() {
        let (rows, _) = priced(&[("STANDARD", line(1_190, 190_000))], 595, 190_000, true);
        assert_eq!(rows, [row("SHIPPING", 190_000, 500, 95), row("STANDARD", 190_000, 1_000, 190)]);
    }

    proptest! {
        #[test]
        fn the_rows_sum_to_the_tax_and_to_the_total(
            lines in prop::collection::vec((0_usize..3, 0_i64..100_000, 0_u32..300_000), 1..40),
            shipping in 0_i64..5_000,
            rate in 0_u32..300_000,
            includes in any::<bool>(),
        ) {
            let category = |it: usize| ["BOOKS", "FOOD", "STANDARD"][it];
            let lines: Vec<_> = lines.into_iter().map(|(it, price, rate)| (category(it), line(price, rate))).collect();
            let (rows, amounts) = priced(&lines, shipping, rate, includes);
            for rows in [by_rate(rows.clone()), rows] {
                let tax: i64 = rows.iter().map(|it| it.tax_minor).sum();
                let base: i64 = rows.iter().map(|it| it.base_minor).sum();
                prop_assert_eq!(tax, amounts.tax_minor);
                prop_assert_eq!(base + tax, amounts.total_minor);
            }
        }
    }
}
