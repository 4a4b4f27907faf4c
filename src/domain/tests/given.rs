//! What the tests begin with: orders, payments, reports.

use crate::domain::billing::pay::{NewPayment, ReceivedMoney};
use crate::domain::inventory::replenish::ReorderRule;
use crate::domain::model::address::Address;
use crate::domain::model::approval::{Approval, ApprovalState};
use crate::domain::model::courier::{Courier, Rate};
use crate::domain::model::customer::Customer;
use crate::domain::model::method::Method;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::new_order::{NewLine, NewOrder};
use crate::domain::model::order::Order;
use crate::domain::model::payment::{ProviderAnswer, ProviderRequest};
use crate::domain::model::policy::Allocation;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{PassedOver, REALLOCATIONS_MAX, Reallocation};
use crate::domain::model::scalars::{
    Actor, Channel, LocationCode, OnLate, OnShortage, PaymentId, ServiceLevel, ShipmentId, Sku,
};
use crate::domain::model::shipment::{Package, PackedItem, Proof, Shipment, ShipmentItem, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{ReportOrigin, TrackingReport, TrackingStatus};
use crate::domain::shipping::check::LineCheck;
use crate::domain::shipping::track::ReportOutcome;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Monday, 2 November 2026, 08:00 UTC.
pub(super) const MONDAY: Timestamp = Timestamp::from_unix_micros(1_793_606_400_000_000);

pub(super) fn open_request(order: &Order) -> Option<(PaymentId, ProviderRequest)> {
    order.payments.iter().find_map(|it| it.open_request().map(|request| (it.id, request)))
}

pub(super) fn pending(order: &Order) -> Option<&Approval> {
    order.approvals.iter().find(|it| it.state == ApprovalState::Pending)
}

pub(super) fn reason<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Reason {
    match refused {
        Err(Refusal::Unmet { reason, .. }) => reason,
        other => panic!("expected a refusal with a reason, not {other:?}"),
    }
}

pub(super) fn actor(name: &str) -> Actor {
    name.parse().expect("an actor's name")
}

pub(super) fn sku(code: &str) -> Sku {
    code.parse().expect("a sku")
}

pub(super) fn location_code(code: &str) -> LocationCode {
    code.parse().expect("a location code")
}

pub(super) fn usd(minor: i64) -> Money {
    "USD".parse::<Currency>().expect("a currency").of(minor)
}

pub(super) fn courier(code: &str, base_minor: i64, days: u32) -> Courier {
    let mut rates = Vec::new();
    for region in ["NORTH_AMERICA", "EUROPE"] {
        for (service, faster) in [(ServiceLevel::Standard, 0), (ServiceLevel::Express, 1)] {
            let region = region.parse().expect("a region code");
            let price = usd(base_minor * (1 + i64::from(faster)));
            let rate = Rate::flat(region, service, price, days.saturating_sub(faster).max(1));
            rates.push(Rate { per_kg_minor: 50, ..rate });
        }
    }
    Courier::new(code.parse().expect("a courier code"), rates, MONDAY)
}

/// An order from New York, as it comes from the web shop; refused on a shortage.
pub(super) fn order(name: &str, lines: &[(&str, i64)]) -> NewOrder {
    NewOrder {
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            phone: String::new(),
            locale: "en".to_owned(),
            phone_extension: String::new(),
        },
        shipping_address: Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["350 Fifth Avenue".to_owned()],
            city: "New York".to_owned(),
            area: "NY".to_owned(),
            postal_code: "10118".to_owned(),
            country: "US".to_owned(),
        },
        billing_address: None,
        currency: usd(0).currency,
        lines: lines
            .iter()
            .map(|(code, quantity)| NewLine {
                sku: sku(code),
                quantity: *quantity,
                unit_price: None,
                discount: None,
                description: String::new(),
            })
            .collect(),
        discount: None,
        discount_code: None,
        prices_include_tax: false,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage: OnShortage::Refuse,
        allocation: None,
        reservation_lifetime_seconds: None,
        requested_by: None,
        on_late: OnLate::Accept,
        wait_until: None,
        labels: Default::default(),
        named: None,
    }
}

pub(super) fn waiting(new: NewOrder) -> NewOrder {
    NewOrder { on_shortage: OnShortage::Wait, ..new }
}

pub(super) fn to_berlin(mut new: NewOrder) -> NewOrder {
    new.shipping_address = Address {
        lines: vec!["Torstraße 1".to_owned()],
        city: "Berlin".to_owned(),
        area: String::new(),
        postal_code: "10119".to_owned(),
        country: "DE".to_owned(),
        ..new.shipping_address
    };
    new
}

/// So dear that both gates ask a person.
pub(super) fn dear(mut new: NewOrder) -> NewOrder {
    for line in &mut new.lines {
        line.unit_price = Some(usd(200_000));
    }
    new
}

pub(super) fn cash(amount: Option<i64>) -> ReceivedMoney {
    ReceivedMoney { method: Method::Cash, amount: amount.map(usd), reference: String::new(), tendered: None }
}

pub(super) fn by_card(request: ProviderRequest, amount: Option<i64>) -> NewPayment {
    NewPayment {
        method: Method::Card,
        token: "tok_visa".to_owned(),
        amount: amount.map(usd),
        request,
        provider: "sandbox".to_owned(),
    }
}

pub(super) fn done(reference: &str) -> ProviderAnswer {
    ProviderAnswer::Done(reference.to_owned())
}

pub(super) fn declined() -> ProviderAnswer {
    ProviderAnswer::Declined("insufficient funds".to_owned())
}

pub(super) fn unknown() -> ProviderAnswer {
    ProviderAnswer::Unknown("no answer within 5 s".to_owned())
}

pub(super) fn checks_of(shipment: &Shipment, failed: i64) -> Vec<LineCheck> {
    let mut failed = failed;
    let check = |it: &ShipmentItem| {
        let bad = failed.min(it.quantity);
        failed -= bad;
        let defect = if bad > 0 { "scratched" } else { "" };
        LineCheck {
            line: it.line,
            passed: it.quantity - bad,
            failed: bad,
            defect: defect.to_owned(),
            failed_lots: Vec::new(),
        }
    };
    shipment.items.iter().map(check).collect()
}

pub(super) fn one_package(shipment: &Shipment) -> Vec<Package> {
    vec![Package {
        number: 1,
        weight_grams: 2_500,
        length_mm: 300,
        width_mm: 200,
        height_mm: 150,
        contents: shipment
            .items
            .iter()
            .map(|it| PackedItem { line: it.line, quantity: it.quantity })
            .collect(),
        deviation_grams: 0,
    }]
}

pub(super) fn report(status: TrackingStatus, at: Timestamp) -> TrackingReport {
    TrackingReport {
        package: 0,
        event_id: String::new(),
        status,
        incident: String::new(),
        location: "Newark".to_owned(),
        occurred_at: at,
        estimated_at: None,
        raw_code: String::new(),
        description: String::new(),
        received_by: String::new(),
    }
}

pub(super) fn proof(at: Timestamp, by: &Actor) -> Proof {
    Proof {
        received_by: "the neighbour".to_owned(),
        location: "front door".to_owned(),
        signature_sha256: String::new(),
        photo_sha256: String::new(),
        at,
        recorded_by: by.clone(),
        origin: ReportOrigin::Confirmation,
    }
}

/// The shipments that a warehouse still works on.
pub(super) fn in_house(order: &Order) -> Vec<(usize, ShipmentId, ShipmentState)> {
    let all = order.shipments.iter().enumerate().map(|(number, it)| (number, it.id, it.state));
    all.filter(|it| !it.2.is_handed_over() && it.2 != ShipmentState::Cancelled).collect()
}

/// Buy again below this point, up to so many.
pub(super) fn rule(point: i64, up_to: Option<i64>) -> Option<ReorderRule> {
    Some(ReorderRule { point, up_to, lead_time_days: None })
}

/// Gives the papers of an order that have no number the next ones.
pub(super) fn number_papers(order: &mut Order, invoices: &mut i64, credit_notes: &mut i64) {
    for invoice in order.invoices.iter_mut().filter(|it| it.number == 0) {
        *invoices += 1;
        invoice.number = *invoices;
    }
    for note in order.credit_notes.iter_mut().filter(|it| it.number == 0) {
        *credit_notes += 1;
        note.number = *credit_notes;
    }
}

/// How many of a courier's reports came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) new: usize,
    pub(super) updated: usize,
    pub(super) left_out: usize,
}

impl Order {
    /// Takes reports, and counts what became of them.
    pub(super) fn record_tracking(
        &mut self,
        unit: &mut UnitOfWork<'_>,
        id: ShipmentId,
        reports: &[TrackingReport],
    ) -> Result<Recorded, Refusal> {
        let outcomes = self.take_reports(unit, id, reports)?;
        let count = |outcome| outcomes.iter().filter(|it| **it == outcome).count();
        Ok(Recorded {
            new: count(ReportOutcome::Recorded),
            updated: count(ReportOutcome::Updated),
            left_out: count(ReportOutcome::LeftOut),
        })
    }
}

/// As many and as long re-allocations as a reservation keeps.
pub(super) fn most_reallocations(location: &LocationCode) -> Vec<Reallocation> {
    let passed_over = PassedOver { location: location.clone(), reason: "x".repeat(200) };
    let longest = Reallocation {
        at: Timestamp::MAX,
        why: "x".repeat(200),
        plan: "x".repeat(500),
        allocation: Allocation::FewestShipments,
        passed_over: vec![passed_over; 5],
    };
    vec![longest; REALLOCATIONS_MAX]
}
