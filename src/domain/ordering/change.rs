//! An order is changed before it is invoiced.

use crate::domain::model::address::Address;
use crate::domain::model::check::Rule;
use crate::domain::model::customer::Customer;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::Currency;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{OnLate, OnShortage, ServiceLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::checks::{fingerprint, risk};
use crate::domain::ordering::pricing::Pricing;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Changes an order that has nothing reserved yet.
#[derive(Debug, Clone)]
pub struct UpdateOrder {
    pub target: Target,
    pub correction: Correction,
    /// The currency that the new lines are in; it has to be the order's.
    pub currency: Option<Currency>,
}

impl OrderCommand for UpdateOrder {
    const NAME: &'static str = "UpdateOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        let products = self.correction.lines.iter().flatten().map(|it| it.sku.clone()).collect();
        ReadSet { products, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let own = order.amounts.currency;
        if self.currency.is_some_and(|it| it != own) {
            return Err(Refusal::invalid("order.currency", format!("the order is in {own}")));
        }
        order.correct(unit, &self.correction).map_err(|it| it.under("order"))
    }
}

/// The parts that a correction may change. Each part is replaced whole; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correction {
    pub customer: Option<Customer>,
    pub shipping_address: Option<Address>,
    pub billing_address: Option<Option<Address>>,
    pub lines: Option<Vec<NewLine>>,
    pub special_instructions: Option<String>,
    pub service: Option<ServiceLevel>,
    pub on_shortage: Option<OnShortage>,
    pub requested_by: Option<Option<Timestamp>>,
    pub on_late: Option<OnLate>,
}

impl Correction {
    /// Whether it changes nothing but the instructions.
    fn is_of_words_only(&self) -> bool {
        Self { special_instructions: None, ..self.clone() } == Self::default()
    }
}

impl Order {
    /// Changes an order that has nothing reserved yet. Its verification starts again with `VerifyOrder`; a waiting
    /// order keeps its place unless its goods change.
    pub fn correct(&mut self, unit: &mut UnitOfWork, correction: &Correction) -> Result<(), Refusal> {
        self.must_be_open_to(correction)?;
        self.must_have_room_to_correct()?;

        let fee_before = self.fee_by_rules(unit);
        self.replace_parts(unit, correction);
        self.price_again(unit, correction.lines.as_deref(), fee_before).map_err(|it| self.told(it))?;
        self.assess_again();
        self.record(unit, EventKind::OrderUpdated, None, "corrected");
        if !correction.is_of_words_only() {
            let told = self.messages.iter().filter(|it| it.kind == MessageKind::OrderUpdated).count();
            let nth = i64::try_from(told + 1).unwrap_or(i64::MAX);
            self.notify(unit, MessageKind::OrderUpdated, None, nth);
        }
        Ok(())
    }

    fn must_be_open_to(&self, correction: &Correction) -> Result<(), Refusal> {
        match self.state {
            OrderState::Received => Ok(()),
            OrderState::AwaitingStock => match correction.is_of_words_only() {
                true => Ok(()),
                false => Err(self.out_of_turn("change anything but the instructions")),
            },
            OrderState::Verified
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => Err(self.out_of_turn("change the order")),
        }
    }

    /// Replaces every part but the lines, which have to be priced.
    fn replace_parts(&mut self, unit: &UnitOfWork, correction: &Correction) {
        let Correction {
            customer,
            shipping_address,
            billing_address,
            lines: _,
            special_instructions,
            service,
            on_shortage,
            requested_by,
            on_late,
        } = correction.clone();
        let is_elsewhere = shipping_address.is_some();
        if let Some(address) = shipping_address {
            self.region = unit.rules.region_of(&address.country).cloned();
            self.shipping_address = address;
        }
        if let Some(address) = billing_address {
            self.billing_address = address;
        }
        // A phone number without prefix is one of the country that the goods go to.
        if customer.is_some() || is_elsewhere {
            let customer = customer.unwrap_or_else(|| self.customer.clone());
            self.customer = customer.normalised(&self.shipping_address.country);
        }
        if let Some(text) = special_instructions {
            self.special_instructions = text;
        }
        self.service = service.unwrap_or(self.service);
        self.on_shortage = on_shortage.unwrap_or(self.on_shortage);
        self.requested_by = requested_by.unwrap_or(self.requested_by);
        self.on_late = on_late.unwrap_or(self.on_late);
    }

    /// New lines at the list prices that were valid when the order was received, its own at theirs. A fee that came from the
    /// rules follows the correction.
    fn price_again(
        &mut self,
        unit: &UnitOfWork,
        lines: Option<&[NewLine]>,
        fee_before: i64,
    ) -> Result<(), Refusal> {
        let pricing = Pricing {
            currency: self.amounts.currency,
            prices_include_tax: self.amounts.prices_include_tax,
            discount: self.discount,
            shipping_minor: match self.amounts.shipping_minor == fee_before {
                true => self.fee_by_rules(unit),
                false => self.amounts.shipping_minor,
            },
            received_at: self.created_at,
            has: self.lines.iter().map(|it| it.sku.clone()).collect(),
        };
        let country = self.shipping_address.country.clone();
        (self.lines, self.amounts) = match lines {
            Some(lines) => pricing.of_lines(unit, &country, lines)?,
            None => pricing.reprice(unit, &country, self.lines.clone())?,
        };
        Ok(())
    }

    /// A refusal that does not know the order says where it stands, and what may be done instead.
    fn told(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Unmet { reason, message, state: None, legal: _ } => self.unmet(reason, message),
            other => other,
        }
    }

    /// The risk and the fingerprint of the order as corrected; another fingerprint voids the check for duplicates.
    fn assess_again(&mut self) {
        let quantities: Vec<i64> = self.lines.iter().map(|it| it.quantity).collect();
        (self.risk, self.risk_reasons) =
            risk(&self.shipping_address, self.billing_address.as_ref(), self.channel, &quantities);
        let goods: Vec<_> = self.lines.iter().map(|it| (it.sku.clone(), it.quantity)).collect();
        let fingerprint = fingerprint(&self.customer, &self.shipping_address, &goods);
        if self.fingerprint != fingerprint {
            self.checks.retain(|it| it.rule != Rule::DuplicateOrder);
            self.fingerprint = fingerprint;
        }
    }

    /// The shipping fee as settings have it; a correction leaves a fee of the caller's own alone.
    fn fee_by_rules(&self, unit: &UnitOfWork) -> i64 {
        let region = self.region.as_ref();
        region.map_or(0, |it| unit.rules.shipping_fee_minor(it, self.service, self.amounts.currency))
    }
}
