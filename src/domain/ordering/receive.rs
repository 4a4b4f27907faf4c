//! Step 1: an order is received, priced and put on its way.

use std::collections::BTreeSet;

use crate::domain::discounts::redeem::{Redeemed, customer_key, redeem};
use crate::domain::inventory::cart::{cart, cart_problem};
use crate::domain::model::account::NamedCustomer;
use crate::domain::model::action::Action;
use crate::domain::model::address::Address;
use crate::domain::model::customer::Customer;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::{NewLine, NewOrder};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::{OnShortage, OrderId, RegionCode, ReservationId};
use crate::domain::model::seal::Link;
use crate::domain::ordering::checks::{fingerprint, risk};
use crate::domain::ordering::named::filled;
use crate::domain::ordering::pricing::{Priced, Pricing, has_goods};
use crate::domain::ordering::verify::Waive;
use crate::domain::unit::command::{Command, FURTHER_READS_MAX, OnOrder, conclude};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// Takes an order in: steps 1 to 4, and on to the first gate that needs a person.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    pub new: NewOrder,
    /// A cart's reservation that it takes over.
    pub cart: Option<ReservationId>,
}

impl Command for CreateOrder {
    const NAME: &'static str = "CreateOrder";
    type Output = OnOrder<()>;

    fn reads(&self) -> ReadSet {
        let NewOrder {
            channel,
            external_reference,
            customer,
            shipping_address,
            lines,
            discount_code,
            on_shortage,
            named: account,
            ..
        } = &self.new;
        let has_reference = !external_reference.is_empty();
        let code = discount_code.as_ref().map(|it| (it.clone(), customer_key(customer)));
        ReadSet {
            skus: lines.iter().map(|it| it.sku.clone()).collect(),
            fingerprints: vec![fingerprint_of(customer, shipping_address, lines)],
            couriers: true,
            external_references: has_reference
                .then(|| (*channel, external_reference.clone()))
                .into_iter()
                .collect(),
            discount_codes: code.into_iter().collect(),
            parts: self.cart.map(Part::Reservation).into_iter().collect(),
            reservations: self.cart.into_iter().collect(),
            accounts: account.iter().map(|it| it.id).collect(),
            // Whose order it is like, and how often they redeemed its code, follow from who they are: from the customer as
            // it then is. How many of its caller wait is asked for one that begins to wait.
            further_reads: match account {
                Some(_) => FURTHER_READS_MAX,
                None => u8::from(*on_shortage != OnShortage::Refuse),
            },
            ..ReadSet::default()
        }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<OnOrder<()>, Refusal> {
        let order = match self.cart {
            None => take_in(unit, &self.new).map_err(|it| it.under("order"))?,
            Some(id) => take_cart_in(unit, &self.new, id)?,
        };
        must_have_room_to_wait(unit, order)?;
        Ok(OnOrder { order, output: () })
    }
}

/// Refuses an order that begins to wait for stock while as many of its caller wait as settings allow. One that waits only
/// later, after a hold or a count, was let in by then.
fn must_have_room_to_wait(unit: &UnitOfWork<'_>, id: OrderId) -> Result<(), Refusal> {
    let order = unit.order(id)?;
    let most = i64::from(unit.rules.waiting.orders_per_caller);
    if !order.waits_for_stock() || unit.waiting_orders(&order.created_by) <= most {
        return Ok(());
    }
    let message = format!("{} has {most} orders waiting for stock, the most allowed", order.created_by);
    Err(Refusal::unmet(Reason::LimitReached, message).instead(|| vec![Action::CancelOrder]))
}

pub(in crate::domain) fn take_in(unit: &mut UnitOfWork<'_>, new: &NewOrder) -> Result<OrderId, Refusal> {
    let order = receive(unit, new, None)?;
    let id = order.id;
    conclude(order, unit)?;
    Ok(id)
}

/// The same with the units that a cart has set aside. What is wrong with the cart is told beside what is wrong with the order.
pub(in crate::domain) fn take_cart_in(
    unit: &mut UnitOfWork<'_>,
    new: &NewOrder,
    id: ReservationId,
) -> Result<OrderId, Refusal> {
    let cart = cart(unit, id)?;
    let region = unit.rules.region_of(&new.shipping_address.country).cloned();
    if let Some(problem) = cart_problem(unit, &cart, region.as_ref(), new.lines.iter().map(|it| &it.sku)) {
        let order = receive(unit, new, None).map_err(|it| it.under("order"));
        return Err(Refusal::beside(problem, order.err()));
    }
    let order = receive(unit, new, Some(&cart)).map_err(|it| it.under("order"))?;
    let id = order.id;
    conclude(order, unit)?;
    Ok(id)
}

/// Steps 1 and 2: the order as it was placed, verified or on hold.
pub(in crate::domain) fn receive(
    unit: &mut UnitOfWork,
    new: &NewOrder,
    cart: Option<&Reservation>,
) -> Result<Order, Refusal> {
    let (channel, reference) = (new.channel, &new.external_reference);
    if !reference.is_empty() && unit.knows_external_reference(channel, reference) {
        return Err(Refusal::exists("order with external_reference", reference));
    }

    if let Some(until) = new.wait_until
        && until <= unit.now
    {
        return Err(Refusal::invalid("wait_until", "is over already"));
    }
    let (new, named, account) = filled(unit, new)?;
    let mut order = build_order(unit, &new, named)?;
    order.set_aside_no_more_than_needed();
    if let Some(account) = account {
        order.unwanted_messages = account.unwanted_messages;
    }
    let mut text = format!(
        "received through {channel}, {} lines, {}",
        order.lines.len(),
        new.currency.of(order.total_minor())
    );
    if let Some(code) = order.shown_code() {
        text.push_str(&format!(", with discount code {code}"));
    }
    order.record(unit, EventKind::OrderReceived, Some(opened(order.id.0, OrderState::Received)), text);
    order.notify(unit, MessageKind::OrderReceived, None, 0);
    if let Some(cart) = cart {
        order.take_over(unit, cart)?;
    }

    let duplicate_of = unit.last_received_with(&order.fingerprint, order.id);
    unit.changes.fingerprints.insert(order.fingerprint.clone(), unit.now);
    if !reference.is_empty() {
        unit.changes.external_references.insert((channel, reference.clone()));
    }
    order.verify(unit, duplicate_of, Waive::Nothing)?;
    Ok(order)
}

/// The order as its caller placed it, priced and assessed; nothing has happened to it yet.
pub(super) fn build_order(
    unit: &mut UnitOfWork,
    new: &NewOrder,
    named: Option<NamedCustomer>,
) -> Result<Order, Refusal> {
    let region = unit.rules.region_of(&new.shipping_address.country).cloned();
    let tax_exempt = named.as_ref().is_some_and(|it| it.tax_exempt);
    let (redeemed, priced) = price_order(unit, new, region.as_ref(), tax_exempt)?;
    let (redemption, store_credit) = match redeemed {
        None => (None, None),
        Some(Redeemed::Discount(redemption)) => (Some(redemption), None),
        Some(Redeemed::Credit(draw)) => (None, Some(draw)),
    };
    let Priced { lines, amounts, discount } = priced;
    let quantities: Vec<i64> = lines.iter().map(|it| it.quantity).collect();
    let (risk, risk_reasons) =
        risk(&new.shipping_address, new.billing_address.as_ref(), new.channel, &quantities);
    let NewOrder {
        channel,
        external_reference,
        customer,
        shipping_address,
        billing_address,
        currency: _,
        lines: ordered,
        discount: _,
        discount_code: _,
        prices_include_tax: _,
        shipping_fee: _,
        special_instructions,
        service,
        on_shortage,
        allocation,
        reservation_lifetime_seconds,
        requested_by,
        on_late,
        wait_until,
        labels,
        named: _,
    } = new.clone();

    Ok(Order {
        id: unit.ids.fresh(),
        number: 0,
        version: 0,
        last_event: 0,
        state: OrderState::Received,
        archived_from: None,
        channel,
        external_reference,
        fingerprint: fingerprint_of(&customer, &shipping_address, &ordered),
        customer,
        shipping_address,
        billing_address,
        region,
        lines,
        amounts,
        discount,
        redemption,
        store_credit,
        special_instructions,
        service,
        on_shortage,
        allocation,
        reservation_lifetime_seconds,
        requested_by,
        on_late,
        wait_until,
        promised_by: None,
        promise: None,
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
        created_by: unit.actor.clone(),
        created_at: unit.now,
        updated_at: unit.now,
        delivered_at: None,
        closed_at: None,
        archived_at: None,
        promise_told: None,
        slips: Vec::new(),
        waiting: None,
        evidence: Vec::new(),
        attestations: Vec::new(),
        assessments: Vec::new(),
        restored_at: None,
        restore_reason: String::new(),
        promises_told: Vec::new(),
        unwanted_messages: BTreeSet::new(),
        follow_up: None,
        credit_notes: Vec::new(),
        line_cancellations: Vec::new(),
        line_refunds: Vec::new(),
        returns: Vec::new(),
        labels,
        notes: Vec::new(),
        changes: Vec::new(),
        named,
        exchange_of: None,
        legal_hold: None,
        erased: None,
        hands: Vec::new(),
        last_link: Link::default(),
        rest_date_told: None,
        sealed: None,
        waits_until: None,
    })
}

/// What it costs, with the caller's shipping fee or else the one of the region if anything is shipped, and the code that it
/// redeems.
fn price_order(
    unit: &UnitOfWork,
    new: &NewOrder,
    region: Option<&RegionCode>,
    tax_exempt: bool,
) -> Result<(Option<Redeemed>, Priced), Refusal> {
    let currency = new.currency;
    let redeemed = new.discount_code.as_ref().map(|it| {
        let named = new.named.as_ref().map(|it| it.id);
        redeem(unit, it, &new.customer, named, currency)
    });
    let (redeemed, problem) = match redeemed.transpose() {
        Ok(redeemed) => (redeemed, None),
        Err(problem) => (None, Some(problem)),
    };
    let fee = match (new.shipping_fee, region) {
        (Some(fee), _) => fee,
        (None, Some(region)) if has_goods(unit, &new.lines) => {
            currency.of(unit.rules.shipping_fee_minor(region, new.service, currency))
        }
        (None, Some(_) | None) => currency.zero(),
    };
    let pricing = Pricing {
        currency,
        prices_include_tax: new.prices_include_tax,
        discount: new.discount,
        redemption: redeemed.as_ref().and_then(Redeemed::discount),
        shipping_minor: fee.minor,
        received_at: unit.now,
        tax_exempt,
        has: Vec::new(),
    };
    let priced = pricing.of_lines(unit, &new.shipping_address.country, &new.lines);
    match problem {
        None => priced.map(|it| (redeemed, it)),
        Some(problem) => Err(Refusal::beside(problem, priced.err())),
    }
}

fn fingerprint_of(customer: &Customer, address: &Address, lines: &[NewLine]) -> String {
    let lines: Vec<_> = lines.iter().map(|it| (it.sku.clone(), it.quantity)).collect();
    fingerprint(customer, address, &lines)
}

/// How many holds may stop an order at the same time.
pub(super) const ACTIVE_HOLDS_MAX: usize = 20;

/// How many holds callers may place on one order in all, released ones included: each is shown with its order for ever.
pub(crate) const HOLDS_BY_HAND_MAX: usize = 60;

/// How long the note of a hold may be, in characters: one of the system's own may have to name a hundred lines.
pub(crate) const HOLD_NOTE_MAX: usize = 500;

/// How long the history of an order may be that is still corrected and verified: each failed verification leaves a hold
/// behind. Nothing is lost: such an order has neither stock nor money, and may be cancelled.
pub(crate) const ENTRIES_TO_CORRECT_MAX: i64 = 500;

impl Order {
    pub(super) fn must_have_room_to_correct(&self) -> Result<(), Refusal> {
        if self.last_event < ENTRIES_TO_CORRECT_MAX {
            return Ok(());
        }
        let message = format!(
            "an order is corrected and verified until its history has {ENTRIES_TO_CORRECT_MAX} entries; cancel it \
             and create another one"
        );
        Err(self.unmet(Reason::LimitReached, message))
    }
}
