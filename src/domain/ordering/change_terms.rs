//! The shipping service and the discount of an order that was sold: what a change of them comes to, and what it does.

use crate::domain::billing::price::{AMOUNT_MINOR_MAX, PriceLine, price};
use crate::domain::discounts::redeem::{Redeemed, redeem};
use crate::domain::model::amounts::{Discount, LineAmounts};
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::discount::{DiscountKey, Redemption};
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::{InvoiceLine, InvoiceState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::{WantedDiscount, WantedService};
use crate::domain::model::refusal::{Problem, Problems, Refusal};
use crate::domain::model::scalars::{OrderChangeId, ServiceLevel};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// What is to be different beside the lines.
#[derive(Default)]
pub(super) struct Terms {
    service: Option<NewService>,
    discount: Option<NewDiscount>,
}

struct NewService {
    level: ServiceLevel,
    fee_minor: i64,
    tax_minor: i64,
}

struct NewDiscount {
    discount: Option<Discount>,
    redemption: Option<Redemption>,
    /// Of each line that was ordered at first, in their order.
    amounts: Vec<LineAmounts>,
}

impl Terms {
    pub(super) fn is_empty(&self) -> bool {
        self.service.is_none() && self.discount.is_none()
    }
}

/// What other terms did to what the order comes to.
#[derive(Default)]
pub(super) struct TermsChanged {
    /// What the shipping costs more, and the tax of that: it is to be invoiced.
    pub(super) shipping: Option<(i64, i64)>,
    /// The service that the order gets once that is paid.
    pub(super) service_once_paid: Option<ServiceLevel>,
    pub(super) raised_minor: i64,
    pub(super) lowered_minor: i64,
}

impl Order {
    /// Notes another shipping service, or every fault of it.
    pub(super) fn read_service(
        &self,
        unit: &UnitOfWork,
        at: &str,
        wanted: WantedService,
        terms: &mut Terms,
        problems: &mut Problems,
    ) {
        if let Some(why) = self.why_no_service(wanted.level, terms) {
            problems.add(at, why);
            return;
        }
        let currency = self.amounts.currency;
        let field = format!("{at}.shipping_fee");
        let fee_minor = match wanted.fee {
            Some(fee) if fee.currency != currency => {
                problems.add(field, format!("is in {}, the order in {currency}", fee.currency));
                return;
            }
            Some(fee) => fee.minor,
            None => self.fee_for(unit, wanted.level),
        };
        let (include_tax, rate) = (self.amounts.prices_include_tax, self.amounts.shipping_tax_rate_ppm);
        let tax_minor = match price(currency, include_tax, &[], None, fee_minor, rate) {
            Ok((_, amounts)) => amounts.shipping_tax_minor,
            Err(_) => {
                problems.add(field, format!("must be 0 to {AMOUNT_MINOR_MAX} minor units"));
                return;
            }
        };
        terms.service = Some(NewService { level: wanted.level, fee_minor, tax_minor });
    }

    fn why_no_service(&self, level: ServiceLevel, terms: &Terms) -> Option<String> {
        if terms.service.is_some() {
            Some("sets the service again".to_owned())
        } else if self.has_only_services() {
            Some("the order has services only: nothing of it is shipped".to_owned())
        } else if self.has_left_whole() {
            Some("all of the order has left".to_owned())
        } else if level == self.service {
            Some(format!("is what the order has already: {level}"))
        } else {
            let waiting = self.service_once_paid();
            waiting.map(|(change, level)| format!("change {change} has set {level}, which is not paid yet"))
        }
    }

    /// The fee as settings have it for that service, if the order's own came from them; else its own.
    fn fee_for(&self, unit: &UnitOfWork, level: ServiceLevel) -> i64 {
        let currency = self.amounts.currency;
        let by_rules =
            |level| self.region.as_ref().map_or(0, |it| unit.rules.shipping_fee_minor(it, level, currency));
        match self.amounts.shipping_minor == by_rules(self.service) {
            true => by_rules(level),
            false => self.amounts.shipping_minor,
        }
    }

    /// Notes another discount, or every fault of it.
    pub(super) fn read_discount(
        &self,
        unit: &UnitOfWork,
        at: &str,
        wanted: &WantedDiscount,
        terms: &mut Terms,
        problems: &mut Problems,
    ) {
        if let Some(why) = self.why_no_discount(wanted, terms) {
            problems.add(at, why);
            return;
        }
        match self.discounted(unit, at, wanted) {
            Err(mut faults) => problems.0.append(&mut faults.0),
            Ok(new) => {
                let is_own = new.redemption.is_none() && self.redemption.is_none();
                match is_own && new.discount == self.discount {
                    true => problems.add(at, "is what the order has already"),
                    false => terms.discount = Some(new),
                }
            }
        }
    }

    fn why_no_discount(&self, wanted: &WantedDiscount, terms: &Terms) -> Option<String> {
        if terms.discount.is_some() {
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
        if self.is_invoiced() && self.discount.is_some() {
            return Some("the order is invoiced with the discount that it has, which stays".to_owned());
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
                let of_item = |it: Problem| Problem { field: format!("{at}.discount_code"), ..it };
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
            faults.0.iter_mut().for_each(|it| it.field = format!("{at}.own"));
            faults
        })?;
        Ok(NewDiscount { discount, redemption, amounts })
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

    /// Whether there is an invoice that says what the order costs.
    fn is_invoiced(&self) -> bool {
        self.main_invoice().is_some_and(|it| it.state != InvoiceState::Void)
    }

    /// Changes the terms. What is less than was invoiced is credited; what shipping costs more is to be invoiced, and the
    /// dearer service is given once that is paid.
    pub(super) fn change_terms(
        &mut self,
        unit: &mut UnitOfWork,
        terms: &Terms,
        reason: &str,
    ) -> Result<TermsChanged, Refusal> {
        let (before, is_invoiced) = (self.amounts.clone(), self.is_invoiced());
        let mut told = TermsChanged::default();
        let mut note = before.without_shipping();
        let mut words = Vec::new();
        let credited = match &terms.discount {
            Some(new) => {
                words.push("the discount is another one".to_owned());
                self.set_discount(new)
            }
            None => Vec::new(),
        };
        if let Some(new) = &terms.service {
            let (fee, tax) =
                (new.fee_minor - before.shipping_minor, new.tax_minor - before.shipping_tax_minor);
            self.amounts = before.with_shipping(new.fee_minor, new.tax_minor);
            if is_invoiced && fee > 0 {
                (told.shipping, told.service_once_paid) = (Some((fee, tax)), Some(new.level));
                words.push(format!("shipping {} once its difference is paid", new.level));
            } else {
                self.service = new.level;
                note = if is_invoiced && fee < 0 { before.with_shipping(-fee, -tax) } else { note };
                words.push(format!("shipping {}", new.level));
            }
        }
        self.sum_up();
        let moved = self.total_minor() - before.total_minor;
        (told.raised_minor, told.lowered_minor) = (moved.max(0), moved.saturating_neg().max(0));
        if self.total_minor() > AMOUNT_MINOR_MAX {
            let message = format!("the order would come to more than {AMOUNT_MINOR_MAX} minor units");
            return Err(Refusal::invalid("items", message));
        }
        if told.raised_minor > 0 {
            self.must_be_free()?;
        }

        self.record(unit, EventKind::OrderUpdated, None, words.join("; "));
        if is_invoiced {
            self.issue_credit_notes_over(unit, &credited, &note, reason);
        } else {
            self.draw_again(unit);
        }
        if terms.service.is_some() && told.service_once_paid.is_none() {
            self.follow_service(unit)?;
        }
        Ok(told)
    }

    /// The sums of what is left of the lines, with the shipping; what is asked of approvers follows.
    fn sum_up(&mut self) {
        self.amounts = self.amounts.over(self.lines.iter().map(|it| it.remaining_amounts()));
        let total = self.amounts.currency.of(self.total_minor());
        for approval in self.approvals.iter_mut().filter(|it| it.state == ApprovalState::Pending) {
            approval.amount = total;
        }
    }

    /// Sets the discount; gives back what each line comes to less, as lines of a credit note.
    fn set_discount(&mut self, new: &NewDiscount) -> Vec<InvoiceLine> {
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

    /// Whether all of it is with couriers.
    pub(super) fn has_left_whole(&self) -> bool {
        let mut live = self.live_shipments().peekable();
        live.peek().is_some() && live.all(|it| it.has_left_the_house()) && self.is_planned_whole()
    }

    /// The dearer shipping service that waits for its payment, and the change that set it.
    pub(in crate::domain) fn service_once_paid(&self) -> Option<(OrderChangeId, ServiceLevel)> {
        self.changes.iter().find_map(|it| Some((it.id, it.outcome.as_ref()?.service_once_paid?)))
    }

    /// Gives a dearer shipping service that is paid. One that nobody paid before all of the order left is given up.
    pub(in crate::domain) fn settle_service(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some((change, level)) = self.service_once_paid().filter(|_| !self.is_over()) else {
            return Ok(());
        };
        let supplement = self.invoices.iter().find(|it| it.change == Some(change));
        match supplement.map(|it| it.state) {
            Some(InvoiceState::Paid) => {
                self.forget_service(change);
                self.service = level;
                self.record_automatic(
                    unit,
                    EventKind::OrderUpdated,
                    None,
                    format!("shipping {level}: it is paid"),
                );
                self.follow_service(unit)
            }
            Some(InvoiceState::Open) => {
                let is_idle = self.payments.iter().all(|it| it.request.is_none());
                match is_idle && self.has_left_whole() {
                    true => self.give_up_service(
                        unit,
                        change,
                        "all of the order has left with the previous service",
                    ),
                    false => Ok(()),
                }
            }
            Some(InvoiceState::Void) | None => {
                self.forget_service(change);
                Ok(())
            }
        }
    }

    fn forget_service(&mut self, change: OrderChangeId) {
        let outcomes =
            self.changes.iter_mut().filter(|it| it.id == change).filter_map(|it| it.outcome.as_mut());
        outcomes.for_each(|it| it.service_once_paid = None);
    }

    /// A dearer shipping service that is not approved, or not paid in time, is not given: its fee is credited.
    pub(in crate::domain) fn give_up_service(
        &mut self,
        unit: &mut UnitOfWork,
        change: OrderChangeId,
        why: &str,
    ) -> Result<(), Refusal> {
        let Some((_, level)) = self.service_once_paid().filter(|it| it.0 == change) else { return Ok(()) };
        self.forget_service(change);
        let supplement = self.invoices.iter().find(|it| it.change == Some(change));
        let (fee, tax) = supplement.map_or((0, 0), |it| self.uncredited_shipping(it));
        let before = self.amounts.clone();
        self.amounts = before.with_shipping(before.shipping_minor - fee, before.shipping_tax_minor - tax);
        self.sum_up();
        let lowered = before.total_minor - self.total_minor();
        let outcomes =
            self.changes.iter_mut().filter(|it| it.id == change).filter_map(|it| it.outcome.as_mut());
        outcomes.for_each(|it| it.lowered_minor += lowered);
        self.record_automatic(unit, EventKind::OrderUpdated, None, format!("shipping {level} is given up"));
        self.issue_credit_notes_over(unit, &[], &before.with_shipping(fee, tax), why);
        self.return_surplus_for(unit, why)?;
        self.settle_supplements(unit)
    }
}
