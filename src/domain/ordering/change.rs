//! An order is changed: all of it until it is verified; then customer, addresses, instructions and labels, until a courier has
//! any of it.

use crate::domain::model::address::Address;
use crate::domain::model::check::{Fault, Rule, Verdict};
use crate::domain::model::customer::Customer;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldReason};
use crate::domain::model::labels::Labels;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::Currency;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{OnLate, OnShortage, ServiceLevel};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::checks::fingerprint;
use crate::domain::ordering::pricing::{Pricing, has_goods};
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Changes an order that has nothing reserved yet, or where it goes and who is told until it has left.
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
        ReadSet { products, ..to_reserve() }
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
    pub labels: Option<Labels>,
}

impl Correction {
    /// Whether it changes nothing but the instructions and the labels.
    fn is_of_words_only(&self) -> bool {
        Self { special_instructions: None, labels: None, ..self.clone() } == Self::default()
    }
}

impl Order {
    /// Before it is verified anything may change, and verification starts again with `VerifyOrder`. After that only
    /// customer, addresses and instructions may, and the rules that they concern run at once; a waiting order keeps its
    /// place.
    pub fn correct(&mut self, unit: &mut UnitOfWork, correction: &Correction) -> Result<(), Refusal> {
        self.must_be_open_to(correction)?;
        self.must_have_room_to_correct()?;
        if self.state != OrderState::Received {
            return self.correct_underway(unit, correction);
        }

        let fee_before = if self.has_only_services() { 0 } else { self.fee_by_rules(unit) };
        self.replace_parts(unit, correction);
        self.price_again(unit, correction.lines.as_deref(), fee_before).map_err(|it| self.told(it))?;
        self.assess_again();
        self.record(unit, EventKind::OrderUpdated, None, "corrected");
        self.refit_reservation(unit)?;
        self.tell_of_correction(unit, correction);
        self.release_corrected_holds(unit, correction)
    }

    /// The same by a change of the order, also when parts of it have left: these go where they were sent to.
    pub(super) fn correct_what_is_here(
        &mut self,
        unit: &mut UnitOfWork,
        correction: &Correction,
    ) -> Result<(), Refusal> {
        if !self.has_left_in_part() {
            return self.correct(unit, correction);
        }
        if self.has_left_whole() {
            return Err(self.out_of_turn("change where the order goes to"));
        }
        self.must_have_room_to_correct()?;
        if correction.shipping_address.is_some() {
            self.keep_ways(unit);
        }
        self.correct_underway(unit, correction)
    }

    /// What has left goes on to where it was sent.
    fn keep_ways(&mut self, unit: &UnitOfWork) {
        for index in 0..self.shipments.len() {
            let shipment = &mut self.shipments[index];
            if shipment.has_left_the_house() && shipment.sent_to.is_none() {
                shipment.sent_to = Some(Box::new(self.shipping_address.clone()));
                self.touch_shipment(unit, index);
            }
        }
    }

    fn tell_of_correction(&mut self, unit: &mut UnitOfWork, correction: &Correction) {
        if !correction.is_of_words_only() {
            let told = self.messages.iter().filter(|it| it.kind == MessageKind::OrderUpdated).count();
            let nth = i64::try_from(told + 1).unwrap_or(i64::MAX);
            self.notify(unit, MessageKind::OrderUpdated, None, nth);
        }
    }

    /// The order's money, stock and promise are made: what it costs and where it comes from do not change, so the country
    /// cannot. A label that says something else is voided.
    fn correct_underway(&mut self, unit: &mut UnitOfWork, correction: &Correction) -> Result<(), Refusal> {
        let country = self.shipping_address.country.clone();
        if correction.shipping_address.as_ref().is_some_and(|it| it.country != country) {
            let message = format!("must be {country}: taxes, stock and courier are those of this country");
            return Err(Refusal::invalid("shipping_address.country", message));
        }

        self.replace_parts(unit, correction);
        self.run_corrected_rules(unit, correction)?;
        self.assess();
        self.record(unit, EventKind::OrderUpdated, None, "corrected");
        if correction.shipping_address.is_some() || correction.customer.is_some() {
            self.void_labels(unit)?;
        }
        self.tell_of_correction(unit, correction);
        self.release_corrected_holds(unit, correction)?;
        self.fill(unit).map(|_| ())
    }

    /// What is corrected has to be good: there is no way back to the verification. What was wrong before stays as it was.
    fn run_corrected_rules(&mut self, unit: &UnitOfWork, correction: &Correction) -> Result<(), Refusal> {
        let addressed = correction.shipping_address.is_some() || correction.billing_address.is_some();
        let is_corrected = |rule: Rule| match rule {
            Rule::Contact | Rule::ContactDetails | Rule::BlockedCustomer => correction.customer.is_some(),
            Rule::Address | Rule::AddressDetails => addressed,
            Rule::RegionServed | Rule::DuplicateOrder => false,
        };
        let is_of_it = |fault: &&Fault| match fault.field.split('.').next() {
            Some("shipping_address") => correction.shipping_address.is_some(),
            Some("billing_address") => correction.billing_address.is_some(),
            Some(_) | None => true,
        };
        let mut bad = Problems::default();
        for check in self.run_rules(unit.rules, None, None).into_iter().filter(|it| is_corrected(it.rule)) {
            if check.verdict == Verdict::Failed {
                let faults: Vec<_> = check.faults.iter().filter(is_of_it).collect();
                if faults.is_empty() {
                    continue;
                }
                faults.into_iter().for_each(|it| bad.add(it.field.clone(), it.text.clone()));
            }
            self.checks.retain(|it| it.rule != check.rule);
            self.checks.push(check);
        }
        self.checks.sort_by_key(|it| it.rule);
        bad.into_result()
    }

    fn void_labels(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.shipments.len() {
            let shipment = &self.shipments[index];
            let has_label =
                matches!(shipment.state, ShipmentState::Labelled | ShipmentState::CourierAssigned);
            if has_label && !shipment.has_left_the_house() {
                self.void_label_of(unit, index)?;
            }
        }
        Ok(())
    }

    /// A hold for a wrong address is over with the right one; whether it is right the rules say. So is one for a wrong contact of
    /// an order that was verified before; any other is verified again.
    fn release_corrected_holds(
        &mut self,
        unit: &mut UnitOfWork,
        correction: &Correction,
    ) -> Result<(), Refusal> {
        let is_verified = self.state != OrderState::Received;
        let has_address = correction.shipping_address.is_some();
        let has_contact = correction.customer.is_some() && is_verified;
        if has_address {
            let of_address = |it: &Hold| it.reason == HoldReason::IncorrectAddress;
            self.release_holds(unit, of_address, "the address was corrected")?;
        }
        if has_contact {
            let of_contact = |it: &Hold| it.reason == HoldReason::VerificationFailed;
            self.release_holds(unit, of_contact, "the contact was corrected")?;
        }
        if is_verified && (has_address || has_contact) {
            self.tell_released(unit);
        }
        Ok(())
    }

    /// Whether anything of it can be corrected.
    pub(in crate::domain) fn is_open_to_corrections(&self) -> bool {
        match self.state {
            OrderState::Received | OrderState::AwaitingStock => true,
            OrderState::Verified
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling => !self.has_left_in_part(),
            OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }

    fn must_be_open_to(&self, correction: &Correction) -> Result<(), Refusal> {
        if !self.is_open_to_corrections() {
            return Err(self.out_of_turn("change the order"));
        }
        let people_and_places = Correction {
            customer: None,
            shipping_address: None,
            billing_address: None,
            special_instructions: None,
            labels: None,
            ..correction.clone()
        };
        if self.state != OrderState::Received && people_and_places != Correction::default() {
            return Err(self.out_of_turn("change anything but customer, addresses, instructions and labels"));
        }
        Ok(())
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
            labels,
        } = correction.clone();
        let is_elsewhere = shipping_address.is_some();
        if customer.is_some() || is_elsewhere || billing_address.is_some() {
            self.keep_buyers();
        }
        if customer.is_some() {
            self.outdate(unit, &[Rule::Contact, Rule::ContactDetails, Rule::BlockedCustomer]);
        }
        // A service's word, and a person's, are about where the goods go to.
        if is_elsewhere {
            self.outdate(unit, &[Rule::Address, Rule::AddressDetails]);
        }
        if let Some(address) = shipping_address {
            // Further on the country stays, and with it the region that the stock comes from, whatever settings say by now.
            if self.state == OrderState::Received {
                self.region = unit.rules.region_of(&address.country).cloned();
            }
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
        if let Some(labels) = labels {
            self.labels = labels;
        }
    }

    /// New lines at the list prices that were valid when the order was received, its own at theirs. A fee that came from the
    /// rules follows the correction.
    fn price_again(
        &mut self,
        unit: &UnitOfWork,
        lines: Option<&[NewLine]>,
        fee_before: i64,
    ) -> Result<(), Refusal> {
        // What goods are worth that are exchanged like for like was settled when they were sold.
        if lines.is_none() && self.lines.iter().any(|it| it.carried_over) {
            return Ok(());
        }
        let ships = lines.map_or(!self.has_only_services(), |it| has_goods(unit, it));
        let pricing = Pricing {
            currency: self.amounts.currency,
            prices_include_tax: self.amounts.prices_include_tax,
            discount: self.discount,
            redemption: self.redemption.as_ref(),
            shipping_minor: match self.amounts.shipping_minor == fee_before {
                true if ships => self.fee_by_rules(unit),
                true => 0,
                false => self.amounts.shipping_minor,
            },
            received_at: self.created_at,
            tax_exempt: self.tax_exempt(),
            has: self.lines.iter().map(|it| it.sku.clone()).collect(),
        };
        let country = self.shipping_address.country.clone();
        let priced = match lines {
            Some(lines) => pricing.of_lines(unit, &country, lines)?,
            None => pricing.reprice(unit, &country, self.lines.clone())?,
        };
        (self.lines, self.amounts, self.discount) = (priced.lines, priced.amounts, priced.discount);
        self.draw_again(unit);
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
        self.assess();
        let goods: Vec<_> = self.lines.iter().map(|it| (it.sku.clone(), it.quantity)).collect();
        let fingerprint = fingerprint(&self.customer, &self.shipping_address, &goods);
        if self.fingerprint != fingerprint {
            self.checks.retain(|it| it.rule != Rule::DuplicateOrder);
            self.fingerprint = fingerprint;
        }
    }

    /// The fee for shipping goods as settings have it; a correction leaves a fee of the caller's own alone.
    fn fee_by_rules(&self, unit: &UnitOfWork) -> i64 {
        let region = self.region.as_ref();
        region.map_or(0, |it| unit.rules.shipping_fee_minor(it, self.service, self.amounts.currency))
    }
}
