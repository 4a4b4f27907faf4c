//! Another discount of an order that was sold, or a code: whether it can be given, and what the lines come to with it.

use crate::domain::billing::price::{PriceLine, price};
use crate::domain::discounts::redeem::{Redeemed, redeem};
use crate::domain::model::amounts::{Discount, LineAmounts};
use crate::domain::model::discount::{DiscountKey, Redemption};
use crate::domain::model::invoice::InvoiceLine;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::WantedDiscount;
use crate::domain::model::refusal::{Problem, Problems};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Another discount, or none any more, with what the lines come to.
pub(super) struct NewDiscount {
    discount: Option<Discount>,
    redemption: Option<Redemption>,
    /// Of each line that was ordered at first, in their order.
    amounts: Vec<LineAmounts>,
}

impl Order {
    /// Notes another discount, or every fault of it.
    pub(super) fn read_discount(
        &self,
        unit: &UnitOfWork,
        at: &str,
        wanted: &WantedDiscount,
        noted: &mut Option<NewDiscount>,
        problems: &mut Problems,
    ) {
        if let Some(why) = self.why_no_discount(wanted, noted.as_ref()) {
            problems.add(at, why);
            return;
        }
        match self.discounted(unit, at, wanted) {
            Err(mut faults) => problems.0.append(&mut faults.0),
            Ok(new) => {
                let is_own = new.redemption.is_none() && self.redemption.is_none();
                match is_own && new.discount == self.discount {
                    true => problems.add(at, "is what the order has already"),
                    false => *noted = Some(new),
                }
            }
        }
    }

    fn why_no_discount(&self, wanted: &WantedDiscount, noted: Option<&NewDiscount>) -> Option<String> {
        if noted.is_some() {
            return Some("sets the discount again".to_owned());
        }
        if self.exchange_of.is_some() {
            let why = "the order was made in exchange: its prices follow from the goods that came back";
            return Some(why.to_owned());
        }
        if let Some(line) = self.ordered_at_first().find(|it| it.credited_quantity() > 0) {
            let number = line.number;
            return Some(format!(
                "units of line {number} were cancelled or paid back: a discount would be shared with them"
            ));
        }
        match wanted {
            WantedDiscount::None if self.discount.is_none() => Some("the order has no discount".to_owned()),
            WantedDiscount::Code(_) if self.store_credit.is_some() => {
                Some("the order names a store credit, and an order names one code".to_owned())
            }
            WantedDiscount::Code(code) if self.redemption.as_ref().is_some_and(|it| it.code == *code) => {
                Some("is the code that the order has already".to_owned())
            }
            WantedDiscount::Amount(it) if it.currency != self.amounts.currency => {
                Some(format!("is in {}, the order in {}", it.currency, self.amounts.currency))
            }
            WantedDiscount::None
            | WantedDiscount::Rate(_)
            | WantedDiscount::Amount(_)
            | WantedDiscount::Code(_) => None,
        }
    }

    /// The lines that the discount of the order is on.
    fn ordered_at_first(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|it| it.added_by_change.is_none())
    }

    /// What its lines come to with that discount, at the tax rates that they were sold at.
    fn discounted(
        &self,
        unit: &UnitOfWork,
        at: &str,
        wanted: &WantedDiscount,
    ) -> Result<NewDiscount, Problems> {
        let goods: i64 =
            self.ordered_at_first().map(|it| it.amounts.gross_minor - it.amounts.discount_minor).sum();
        let (discount, redemption) = match wanted {
            WantedDiscount::None => (None, None),
            WantedDiscount::Rate(ppm) => (Some(Discount::Percent(*ppm)), None),
            WantedDiscount::Amount(amount) => (Some(Discount::Amount(amount.minor)), None),
            WantedDiscount::Code(code) => {
                let of_item = |it: Problem| Problem { field: format!("{at}.code"), ..it };
                let redeemed = self.redeemed(unit, code, goods);
                let redemption = redeemed.map_err(|it| Problems(vec![of_item(it)]))?;
                (Some(redemption.discount_on(goods)), Some(redemption))
            }
        };
        let sold = |it: &OrderLine| PriceLine {
            quantity: it.quantity,
            unit_price_minor: it.unit_price_minor,
            discount: it.discount,
            tax_rate_ppm: it.amounts.tax_rate_ppm,
        };
        let lines: Vec<PriceLine> = self.ordered_at_first().map(sold).collect();
        let (currency, include_tax) = (self.amounts.currency, self.amounts.prices_include_tax);
        let (amounts, _) = price(currency, include_tax, &lines, discount, 0, 0).map_err(|mut faults| {
            faults.0.iter_mut().for_each(|it| it.field = format!("{at}.amount_or_rate"));
            faults
        })?;
        let amounts = match self.is_invoiced() && self.discount.is_some() {
            true => self.taken_further(at, &amounts)?,
            false => amounts,
        };
        Ok(NewDiscount { discount, redemption, amounts })
    }

    /// What the lines come to when their invoice says a discount already: what the new one takes more in all is shared by
    /// what is left of them, so that none costs more than before. Shared anew, a line could be a minor unit dearer.
    fn taken_further(&self, at: &str, wanted: &[LineAmounts]) -> Result<Vec<LineAmounts>, Problems> {
        let currency = self.amounts.currency;
        let given: i64 = self.ordered_at_first().map(|it| it.amounts.discount_share_minor).sum();
        let taken: i64 = wanted.iter().map(|it| it.discount_share_minor).sum();
        if taken < given {
            let mut problems = Problems::default();
            let why = format!(
                "would take {} off, and the order is invoiced with {} off: what was taken off is not asked for again",
                currency.of(taken),
                currency.of(given)
            );
            problems.add(at, why);
            return Err(problems);
        }
        let left = |it: &OrderLine| PriceLine {
            quantity: it.quantity,
            unit_price_minor: it.unit_price_minor,
            discount: Some(Discount::Amount(it.amounts.discount_minor + it.amounts.discount_share_minor)),
            tax_rate_ppm: it.amounts.tax_rate_ppm,
        };
        let lines: Vec<PriceLine> = self.ordered_at_first().map(left).collect();
        let more = Some(Discount::Amount(taken - given));
        let (priced, _) = price(currency, self.amounts.prices_include_tax, &lines, more, 0, 0)?;
        let with_both = |(line, now): (&OrderLine, LineAmounts)| LineAmounts {
            discount_minor: line.amounts.discount_minor,
            discount_share_minor: line.amounts.discount_share_minor + now.discount_share_minor,
            ..now
        };
        Ok(self.ordered_at_first().zip(priced).map(with_both).collect())
    }

    /// What the order keeps of a code, by the rules for a new order.
    fn redeemed(
        &self,
        unit: &UnitOfWork,
        code: &DiscountKey,
        goods_minor: i64,
    ) -> Result<Redemption, Problem> {
        let named = self.named.as_ref().map(|it| it.id);
        let currency = self.amounts.currency;
        match redeem(unit, code, &self.customer, named, currency)? {
            Redeemed::Discount(redemption) => {
                redemption.must_be_worth_it(currency, goods_minor)?;
                Ok(redemption)
            }
            Redeemed::Credit(_) => Err(Problem {
                field: String::new(),
                message: "is a store credit, which pays and takes nothing off".to_owned(),
                reason: None,
            }),
        }
    }

    /// Sets the discount; gives back what each line comes to less, as lines of a credit note.
    pub(super) fn set_discount(&mut self, new: &NewDiscount) -> Vec<InvoiceLine> {
        self.discount = new.discount;
        self.redemption = new.redemption.clone();
        let mut credited = Vec::new();
        let ordered = self.lines.iter_mut().filter(|it| it.added_by_change.is_none());
        for (line, amounts) in ordered.zip(&new.amounts) {
            let before = std::mem::replace(&mut line.amounts, *amounts);
            let less = before.reduced_to(amounts);
            if less.gross_minor > 0 {
                credited.push(InvoiceLine {
                    line: line.number,
                    sku: line.sku.clone(),
                    description: line.description.clone(),
                    quantity: 0,
                    unit_price_minor: line.unit_price_minor,
                    amounts: less,
                });
            }
        }
        credited
    }
}
