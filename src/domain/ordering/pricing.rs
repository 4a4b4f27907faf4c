//! The prices of the lines of an order, when it is received and when it changes.

use crate::domain::billing::price::{PriceLine, price};
use crate::domain::inventory::known::must_be_in_use;
use crate::domain::model::amounts::{Amounts, Discount, LineAmounts, SHIPPING};
use crate::domain::model::discount::Redemption;
use crate::domain::model::line::OrderLine;
use crate::domain::model::money::Currency;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::product::Product;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::Sku;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The facts that an order's prices depend on beside its lines.
pub(super) struct Pricing<'a> {
    pub(super) currency: Currency,
    pub(super) prices_include_tax: bool,
    /// The caller's own on the whole order.
    pub(super) discount: Option<Discount>,
    /// What gives the discount instead.
    pub(super) redemption: Option<&'a Redemption>,
    pub(super) shipping_minor: i64,
    pub(super) received_at: Timestamp,
    /// Whether the customer pays no tax.
    pub(super) tax_exempt: bool,
    /// What the order has already: it may keep products that went out of use since.
    pub(super) has: Vec<Sku>,
}

/// What an order costs.
pub(super) struct Priced {
    pub(super) lines: Vec<OrderLine>,
    pub(super) amounts: Amounts,
    /// On the whole order.
    pub(super) discount: Option<Discount>,
}

/// Whether any of these lines is shipped, and not only done.
pub(super) fn has_goods(unit: &UnitOfWork, lines: &[NewLine]) -> bool {
    lines.iter().any(|it| unit.product(&it.sku).is_none_or(|it| !it.is_service()))
}

impl Pricing<'_> {
    /// Looks products up and prices the lines; every unknown product and bad price at once. Products that are out of use
    /// are not ordered any more.
    pub(super) fn of_lines(
        &self,
        unit: &UnitOfWork,
        country: &str,
        lines: &[NewLine],
    ) -> Result<Priced, Refusal> {
        let mut problems = Problems::default();
        let mut priced: Vec<OrderLine> = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let Some(product) = unit.product(&line.sku) else {
                problems.add(format!("lines[{index}].sku"), format!("product {} does not exist", line.sku));
                continue;
            };
            let unit_price_minor = match self.unit_price(line, product) {
                Ok(minor) => minor,
                Err(message) => {
                    problems.add(format!("lines[{index}].unit_price"), message);
                    continue;
                }
            };
            let description = if line.description.is_empty() { &product.name } else { &line.description };
            priced.push(OrderLine {
                number: i32::try_from(index + 1).expect("an order has at most 100 lines"),
                sku: line.sku.clone(),
                description: description.clone(),
                tax_category: product.tax_category.clone(),
                quantity: line.quantity,
                unit_price_minor,
                discount: line.discount,
                amounts: LineAmounts::default(),
                weight_grams: product.weight_grams,
                handling: product.handling.clone(),
                kind: product.kind,
                done: None,
                list_price_minor: product.price_in(self.currency, self.received_at).map(|it| it.minor),
                cancelled_quantity: 0,
                added_by_change: None,
                refunded_quantity: 0,
                waiting_quantity: 0,
                carried_over: false,
            });
        }
        problems.into_result()?;
        must_be_in_use(unit, lines.iter().map(|it| &it.sku).filter(|it| !self.has.contains(it)))?;
        self.reprice(unit, country, priced)
    }

    /// The caller's own price, or else the list price that was valid when the order was received.
    fn unit_price(&self, line: &NewLine, product: &Product) -> Result<i64, String> {
        let currency = self.currency;
        match line.unit_price.or_else(|| product.price_in(currency, self.received_at)) {
            Some(price) if price.currency == currency => Ok(price.minor),
            Some(price) => Err(format!("is in {}, the order in {currency}", price.currency)),
            None if product.has_prices() => {
                Err(format!("is required: the product has no list price in {currency}"))
            }
            None => Err("is required: the product has no list price".to_owned()),
        }
    }

    pub(super) fn reprice(
        &self,
        unit: &UnitOfWork,
        country: &str,
        mut lines: Vec<OrderLine>,
    ) -> Result<Priced, Refusal> {
        let rate = |category: &str| match self.tax_exempt {
            true => 0,
            false => unit.rules.tax_rate_ppm(country, category),
        };
        let price_lines: Vec<PriceLine> = lines
            .iter()
            .map(|it| PriceLine {
                quantity: it.quantity,
                unit_price_minor: it.unit_price_minor,
                discount: it.discount,
                tax_rate_ppm: rate(&it.tax_category),
            })
            .collect();
        let shipping_tax_ppm = rate(SHIPPING);
        let priced = |discount| {
            let (include_tax, shipping) = (self.prices_include_tax, self.shipping_minor);
            price(self.currency, include_tax, &price_lines, discount, shipping, shipping_tax_ppm)
                .map_err(Refusal::Invalid)
        };
        let discount = match self.redemption {
            None => self.discount,
            Some(redemption) => {
                let (_, whole) = priced(None)?;
                let goods = whole.subtotal_minor - whole.discount_minor;
                redemption.must_be_worth_it(self.currency, goods)?;
                Some(redemption.discount_on(goods))
            }
        };
        let (amounts_of_lines, amounts) = priced(discount)?;
        for (line, amounts) in lines.iter_mut().zip(amounts_of_lines) {
            line.amounts = amounts;
            line.carried_over = false;
        }
        Ok(Priced { lines, amounts, discount })
    }
}
