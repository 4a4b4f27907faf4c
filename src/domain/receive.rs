//! Steps 1 and 2: taking an order in, correcting it, verifying the customer.

use std::time::Duration;

use super::case::{born, cut};
use super::pricing::{PriceLine, price};
use super::verify::{Subject, fingerprint, risk, verify};
use super::{
    Actor, Address, Customer, Desk, EventKind, Hold, HoldId, HoldReason, HoldState, LineAmounts, MessageKind,
    NewLine, NewOrder, Order, OrderId, OrderLine, OrderState, Problems, Refusal, Risk, Rule, Timestamp,
    Verdict,
};

/// The tax category of the shipping fee in the tax rules.
const SHIPPING: &str = "SHIPPING";

/// Steps 1 and 2: the order as it was placed, verified or on hold.
pub(super) fn receive(desk: &mut Desk, new: &NewOrder) -> Result<Order, Refusal> {
    let NewOrder {
        channel,
        external_reference,
        customer,
        shipping_address,
        billing_address,
        currency,
        lines,
        discount,
        discount_code,
        prices_include_tax,
        shipping_fee,
        special_instructions,
        service,
        on_shortage,
        reservation_lifetime_seconds,
        requested_by,
    } = new.clone();
    let reference = (channel, external_reference.clone());
    if !external_reference.is_empty() && desk.knows_external_reference(channel, &external_reference) {
        return Err(Refusal::exists("order with external_reference", external_reference));
    }

    let region = desk.rules.region_of(&shipping_address.country).cloned();
    let fee = match (shipping_fee, &region) {
        (Some(fee), _) => fee,
        (None, Some(region)) => currency.of(desk.rules.shipping_fee_minor(region, service, currency)),
        (None, None) => currency.zero(),
    };
    let pricing = Pricing { currency, prices_include_tax, discount, shipping_minor: fee.minor };
    let (lines, amounts) = pricing.of_lines(desk, &shipping_address.country, &lines)?;
    let quantities: Vec<i64> = lines.iter().map(|it| it.quantity).collect();
    let (risk, risk_reasons) = risk(&shipping_address, billing_address.as_ref(), channel, &quantities);

    let id: OrderId = desk.ids.fresh();
    let mut order = Order {
        id,
        number: 0,
        version: 0,
        last_event: 0,
        state: OrderState::Received,
        archived_from: None,
        channel,
        external_reference,
        fingerprint: fingerprint_of(&customer, &shipping_address, &new.lines),
        customer,
        shipping_address,
        billing_address,
        region,
        lines,
        amounts,
        discount,
        discount_code,
        special_instructions,
        service,
        on_shortage,
        reservation_lifetime_seconds,
        requested_by,
        promised_by: None,
        risk,
        risk_reasons,
        checks: Vec::new(),
        availability: None,
        holds: Vec::new(),
        reservations: Vec::new(),
        approvals: Vec::new(),
        invoices: Vec::new(),
        payments: Vec::new(),
        shipments: Vec::new(),
        messages: Vec::new(),
        feedback: None,
        cancel_reason: String::new(),
        created_by: desk.actor.clone(),
        created_at: desk.now,
        updated_at: desk.now,
        delivered_at: None,
        closed_at: None,
        archived_at: None,
    };
    let text = format!(
        "received through {channel}, {} lines, {}",
        order.lines.len(),
        currency.of(order.total_minor())
    );
    order.tell(desk, EventKind::OrderReceived, Some(born(id.0, OrderState::Received)), text);
    order.notify(desk, MessageKind::OrderReceived, None, 0);

    let duplicate_of = desk.received_alike(&order.fingerprint, id);
    desk.changes.fingerprints.insert(order.fingerprint.clone(), desk.now);
    if !reference.1.is_empty() {
        desk.changes.external_references.insert(reference);
    }
    order.verify(desk, duplicate_of, Waive::Nothing)?;
    Ok(order)
}

pub(super) fn fingerprint_of(customer: &Customer, address: &Address, lines: &[NewLine]) -> String {
    let lines: Vec<_> = lines.iter().map(|it| (it.sku.clone(), it.quantity)).collect();
    fingerprint(customer, address, &lines)
}

/// What an order's prices depend on beside its lines.
struct Pricing {
    currency: super::Currency,
    prices_include_tax: bool,
    discount: Option<super::Discount>,
    shipping_minor: i64,
}

impl Pricing {
    /// Looks products up and prices the lines; every unknown product and bad price at once.
    fn of_lines(
        &self,
        desk: &Desk,
        country: &str,
        lines: &[NewLine],
    ) -> Result<(Vec<OrderLine>, super::Amounts), Refusal> {
        let mut problems = Problems::default();
        let mut priced: Vec<OrderLine> = Vec::with_capacity(lines.len());
        for (place, line) in lines.iter().enumerate() {
            let Some(product) = desk.product(&line.sku) else {
                problems.add(format!("lines[{place}].sku"), format!("product {} does not exist", line.sku));
                continue;
            };
            let unit_price = match line.unit_price.or(product.unit_price) {
                Some(price) if price.currency == self.currency => price.minor,
                Some(price) => {
                    let message = format!("is in {}, the order in {}", price.currency, self.currency);
                    problems.add(format!("lines[{place}].unit_price"), message);
                    continue;
                }
                None => {
                    problems.add(
                        format!("lines[{place}].unit_price"),
                        "is required: the product has no list price",
                    );
                    continue;
                }
            };
            let description = if line.description.is_empty() { &product.name } else { &line.description };
            priced.push(OrderLine {
                number: i32::try_from(place + 1).expect("an order has at most 100 lines"),
                sku: line.sku.clone(),
                description: description.clone(),
                tax_category: product.tax_category.clone(),
                quantity: line.quantity,
                unit_price_minor: unit_price,
                discount: line.discount,
                amounts: LineAmounts::default(),
                weight_grams: product.weight_grams,
            });
        }
        problems.into_result()?;
        self.reprice(desk, country, priced)
    }

    fn reprice(
        &self,
        desk: &Desk,
        country: &str,
        mut lines: Vec<OrderLine>,
    ) -> Result<(Vec<OrderLine>, super::Amounts), Refusal> {
        let price_lines: Vec<PriceLine> = lines
            .iter()
            .map(|it| PriceLine {
                quantity: it.quantity,
                unit_price_minor: it.unit_price_minor,
                discount: it.discount,
                tax_rate_ppm: desk.rules.tax_rate_ppm(country, &it.tax_category),
            })
            .collect();
        let shipping_tax_ppm = desk.rules.tax_rate_ppm(country, SHIPPING);
        let (amounts_of_lines, amounts) = price(
            self.currency,
            self.prices_include_tax,
            &price_lines,
            self.discount,
            self.shipping_minor,
            shipping_tax_ppm,
        )
        .map_err(Refusal::Invalid)?;
        for (line, amounts) in lines.iter_mut().zip(amounts_of_lines) {
            line.amounts = amounts;
        }
        Ok((lines, amounts))
    }
}

/// How many holds may stop an order at the same time.
const ACTIVE_HOLDS_MAX: usize = 20;
/// How many holds callers may place on one order in all, released ones included: each is shown with its order for ever.
pub(crate) const HOLDS_BY_HAND_MAX: usize = 100;
/// How long the note of a hold may be, in characters: one of the system's own may have to name a hundred lines.
pub(crate) const HOLD_NOTE_MAX: usize = 500;
/// How long the history of an order may be that is still corrected and verified: each failed verification leaves a hold
/// behind. Nothing is lost: such an order has neither stock nor money, and may be cancelled.
pub(crate) const ENTRIES_TO_CORRECT_MAX: i64 = 500;

/// What a correction may change. Each part is replaced whole; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correction {
    pub customer: Option<Customer>,
    pub shipping_address: Option<Address>,
    pub billing_address: Option<Option<Address>>,
    pub lines: Option<Vec<NewLine>>,
    pub special_instructions: Option<String>,
    pub service: Option<super::ServiceLevel>,
    pub on_shortage: Option<super::OnShortage>,
    pub requested_by: Option<Option<Timestamp>>,
}

impl Order {
    /// Runs the rules of step 2; a failed one places a hold, never a silent pass. A duplicate stays one until its
    /// goods are corrected or a person waives it: by then the youngest order like it is this one.
    fn verify(
        &mut self,
        desk: &mut Desk,
        duplicate_of: Option<Timestamp>,
        waive_duplicate: Waive,
    ) -> Result<(), Refusal> {
        self.region = desk.rules.region_of(&self.shipping_address.country).cloned();
        let window = Duration::from_secs(desk.rules.duplicate_window_seconds);
        let same_before = self.checks.iter().find(|it| it.rule == Rule::DuplicateOrder).cloned();
        self.checks = verify(&Subject {
            customer: &self.customer,
            shipping: &self.shipping_address,
            billing: self.billing_address.as_ref(),
            duplicate_of_at: duplicate_of.filter(|it| self.created_at.since(*it) <= window),
            rules: desk.rules,
        });
        if waive_duplicate == Waive::Nothing
            && let Some(before) = same_before.filter(|it| it.verdict == Verdict::Failed)
        {
            self.checks.retain(|it| it.rule != Rule::DuplicateOrder);
            self.checks.push(before);
            self.checks.sort_by_key(|it| it.rule);
        }
        let failed: Vec<String> = self
            .checks
            .iter()
            .filter(|it| it.verdict == Verdict::Failed)
            .map(|it| format!("{}: {}", it.rule, it.detail))
            .collect();

        if failed.is_empty() {
            let step = "every rule passed";
            return self.go_automatic(desk, OrderState::Verified, EventKind::OrderVerified, step);
        }
        let rules: Vec<&str> = self
            .checks
            .iter()
            .filter(|it| it.verdict == Verdict::Failed)
            .map(|it| it.rule.as_str())
            .collect();
        self.tell_automatic(
            desk,
            EventKind::VerificationFailed,
            None,
            format!("failed: {}", rules.join(", ")),
        );
        self.hold(desk, Actor::system(), HoldReason::VerificationFailed, failed.join("; "));
        self.notify(desk, MessageKind::OnHold, None, 0);
        Ok(())
    }

    pub(super) fn hold(&mut self, desk: &mut Desk, by: Actor, reason: HoldReason, note: String) -> HoldId {
        let id: HoldId = desk.ids.fresh();
        self.holds.push(Hold {
            id,
            reason,
            note: cut(note, HOLD_NOTE_MAX),
            state: HoldState::Active,
            placed_by: by,
            placed_at: desk.now,
            released_by: None,
            released_at: None,
            release_note: String::new(),
        });
        let step = born(id.0, HoldState::Active);
        self.tell(desk, EventKind::HoldPlaced, Some(step), format!("hold {id}: {reason}"));
        id
    }

    /// Step 2 again, after a correction: holds of a failed verification are released, the rules run anew, and a
    /// passed order goes on by itself. `waive_duplicate` is a person's word that a repeated order is meant.
    pub fn verify_again(&mut self, desk: &mut Desk, waive_duplicate: Waive) -> Result<(), Refusal> {
        if self.state != OrderState::Received {
            return Err(self.out_of_turn("verify"));
        }
        self.must_have_room_to_correct()?;
        self.release_holds(desk, |it| it.reason == HoldReason::VerificationFailed, "verified again")?;
        let duplicate_of = match waive_duplicate {
            Waive::Duplicate => None,
            Waive::Nothing => {
                desk.received_alike(&self.fingerprint, self.id).filter(|it| *it < self.created_at)
            }
        };
        self.verify(desk, duplicate_of, waive_duplicate)
    }

    pub(super) fn release_holds(
        &mut self,
        desk: &mut Desk,
        which: impl Fn(&Hold) -> bool,
        note: &str,
    ) -> Result<(), Refusal> {
        let ids: Vec<HoldId> = self
            .holds
            .iter()
            .filter(|it| it.state == HoldState::Active && which(it))
            .map(|it| it.id)
            .collect();
        for id in ids {
            self.release_one(desk, id, note)?;
        }
        Ok(())
    }

    fn release_one(&mut self, desk: &mut Desk, id: HoldId, note: &str) -> Result<(), Refusal> {
        let place = self.holds.iter().position(|it| it.id == id);
        let place = place.ok_or_else(|| Refusal::not_found("hold", id))?;
        let step = super::case::moved(id.0, self.holds[place].state, HoldState::Released)
            .map_err(|it| it.instead(|| self.available_actions()))?;
        let hold = &mut self.holds[place];
        hold.state = HoldState::Released;
        hold.released_by = Some(desk.actor.clone());
        hold.released_at = Some(desk.now);
        hold.release_note = note.to_owned();
        self.tell(desk, EventKind::HoldReleased, Some(step), format!("hold {id} released"));
        Ok(())
    }

    /// Stops every forward move until released.
    pub fn place_hold(
        &mut self,
        desk: &mut Desk,
        reason: HoldReason,
        note: String,
    ) -> Result<HoldId, Refusal> {
        if self.is_over() {
            return Err(self.out_of_turn("place a hold"));
        }
        let active = self.holds.iter().filter(|it| it.state == HoldState::Active).count();
        if active >= ACTIVE_HOLDS_MAX {
            let message = format!("an order has at most {ACTIVE_HOLDS_MAX} active holds");
            let refusal = self.unmet(super::Reason::LimitReached, message);
            return Err(refusal.without(&[super::Action::PlaceHold]));
        }
        // Holds of the system's own are not counted: they always have room.
        let by_hand = self.holds.iter().filter(|it| it.placed_by != Actor::system()).count();
        if by_hand >= HOLDS_BY_HAND_MAX {
            let message = format!("callers place at most {HOLDS_BY_HAND_MAX} holds on an order");
            let refusal = self.unmet(super::Reason::LimitReached, message);
            return Err(refusal.without(&[super::Action::PlaceHold]));
        }
        let by = desk.actor.clone();
        Ok(self.hold(desk, by, reason, note))
    }

    /// Releases one hold; a verification hold asks for a verification instead of a word.
    pub fn release_hold(&mut self, desk: &mut Desk, id: HoldId, note: &str) -> Result<(), Refusal> {
        let hold = self.holds.iter().find(|it| it.id == id).ok_or_else(|| Refusal::not_found("hold", id))?;
        if hold.state == HoldState::Active && hold.reason == HoldReason::VerificationFailed {
            let message = "a failed verification is released by UpdateOrder and VerifyOrder";
            return Err(self.unmet(super::Reason::HoldActive, message));
        }
        self.release_one(desk, id, note)?;
        self.fill(desk).map(|_| ())
    }

    /// Changes an order that has nothing reserved yet. Its verification starts again with `VerifyOrder`; a waiting
    /// order keeps its place unless its goods change.
    pub fn correct(&mut self, desk: &mut Desk, correction: &Correction) -> Result<(), Refusal> {
        match self.state {
            OrderState::Received => {}
            OrderState::AwaitingStock => {
                let only_words =
                    Correction { special_instructions: None, ..correction.clone() } == Correction::default();
                if !only_words {
                    return Err(self.out_of_turn("change anything but the instructions"));
                }
            }
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
            | OrderState::Expired => return Err(self.out_of_turn("change the order")),
        }

        self.must_have_room_to_correct()?;

        let Correction {
            customer,
            shipping_address,
            billing_address,
            lines,
            special_instructions,
            service,
            on_shortage,
            requested_by,
        } = correction.clone();
        let fee_before = self.fee_by_rules(desk);
        let is_elsewhere = shipping_address.is_some();
        if let Some(address) = shipping_address {
            self.region = desk.rules.region_of(&address.country).cloned();
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

        let pricing = Pricing {
            currency: self.amounts.currency,
            prices_include_tax: self.amounts.prices_include_tax,
            discount: self.discount,
            shipping_minor: match self.amounts.shipping_minor == fee_before {
                true => self.fee_by_rules(desk),
                false => self.amounts.shipping_minor,
            },
        };
        let country = self.shipping_address.country.clone();
        (self.lines, self.amounts) = match lines {
            Some(lines) => pricing.of_lines(desk, &country, &lines)?,
            None => pricing.reprice(desk, &country, self.lines.clone())?,
        };
        let quantities: Vec<i64> = self.lines.iter().map(|it| it.quantity).collect();
        let (risk, reasons): (Risk, Vec<String>) =
            risk(&self.shipping_address, self.billing_address.as_ref(), self.channel, &quantities);
        self.risk = risk;
        self.risk_reasons = reasons;
        let goods: Vec<_> = self.lines.iter().map(|it| (it.sku.clone(), it.quantity)).collect();
        let fingerprint = fingerprint(&self.customer, &self.shipping_address, &goods);
        if self.fingerprint != fingerprint {
            self.checks.retain(|it| it.rule != Rule::DuplicateOrder);
            self.fingerprint = fingerprint;
        }

        self.tell(desk, EventKind::OrderUpdated, None, "corrected");
        Ok(())
    }

    fn must_have_room_to_correct(&self) -> Result<(), Refusal> {
        if self.last_event < ENTRIES_TO_CORRECT_MAX {
            return Ok(());
        }
        let message = format!(
            "an order is corrected and verified until its history has {ENTRIES_TO_CORRECT_MAX} entries; cancel it \
             and create another one"
        );
        Err(self.unmet(super::Reason::LimitReached, message))
    }

    /// The shipping fee as settings have it; a correction leaves a fee of the caller's own alone.
    fn fee_by_rules(&self, desk: &Desk) -> i64 {
        let region = self.region.as_ref();
        region.map_or(0, |it| desk.rules.shipping_fee_minor(it, self.service, self.amounts.currency))
    }
}

/// What a person lets pass at a repeated verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waive {
    Nothing,
    /// The same customer ordering the same goods again is meant.
    Duplicate,
}
