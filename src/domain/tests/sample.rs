//! An order with everything in it, for the tests of what is written.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::billing::price::{PriceLine, price};
use crate::domain::model::address::Address;
use crate::domain::model::amounts::{Amounts, Discount, LineAmounts};
use crate::domain::model::check::Risk;
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::customer::Customer;
use crate::domain::model::feedback::Feedback;
use crate::domain::model::feedback_token::FeedbackSecret;
use crate::domain::model::handling::Handling;
use crate::domain::model::invoice::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::{CancelledUnits, LineCancellation};
use crate::domain::model::location::Location;
use crate::domain::model::method::Method;
use crate::domain::model::money::Currency;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{AtProvider, Means, Payment, PaymentState};
use crate::domain::model::policy::Allocation;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::scalars::{Actor, Channel, Ids, OnLate, OnShortage, ServiceLevel};
use crate::domain::model::seal::Link;
use crate::domain::model::seller::{BankAccount, Seller};
use crate::domain::model::service::ProductKind;
use crate::domain::model::shipment::{
    Assignment, Handover, Label, Package, PackedItem, Shipment, ShipmentItem, ShipmentState,
};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::model::tracking::{ReportOrigin, TrackingEvent, TrackingStatus};
use crate::domain::shipping;

/// 2026-03-02T10:00:00Z, a Monday.
pub(in crate::domain) const NOW: Timestamp = Timestamp::from_unix_micros(1_772_445_600_000_000);

pub(in crate::domain) fn days_later(days: i64) -> Timestamp {
    Timestamp::from_unix_micros(NOW.unix_micros() + days * 86_400_000_000)
}

/// A seller with everything that can be said of one.
pub(crate) fn seller() -> Seller {
    Seller {
        name: "North Wind GmbH".to_owned(),
        address: Some(Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["Hauptstraße 1".to_owned()],
            city: "Berlin".to_owned(),
            area: String::new(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
        }),
        vat_id: "DE123456789".to_owned(),
        tax_number: "12/345/67890".to_owned(),
        registration: "Amtsgericht Charlottenburg, HRB 12345 B".to_owned(),
        email: "billing@northwind.example".to_owned(),
        phone: "+49 30 901820".to_owned(),
        web: "northwind.example".to_owned(),
        bank: Some(BankAccount {
            holder: String::new(),
            iban: "DE89370400440532013000".parse().expect("an IBAN"),
            bic: "COBADEFFXXX".to_owned(),
            bank: "Commerzbank".to_owned(),
        }),
        pay_by: vec![Method::BankTransfer, Method::Card],
        language: "de".to_owned(),
        logo: Vec::new(),
    }
}

/// Quantity, unit price, discount and tax rate of a line.
pub(crate) type SampleLine = (i64, i64, Option<Discount>, u32);

/// The sample's order and invoice over other lines.
pub(crate) fn invoiced(
    lines: &[SampleLine],
    discount: Option<Discount>,
    shipping_minor: i64,
    prices_include_tax: bool,
) -> Order {
    let asked = lines.iter().map(|&(quantity, unit_price_minor, discount, tax_rate_ppm)| PriceLine {
        quantity,
        unit_price_minor,
        discount,
        tax_rate_ppm,
    });
    let asked: Vec<_> = asked.collect();
    let currency = "EUR".parse().expect("a currency");
    let priced = price(currency, prices_include_tax, &asked, discount, shipping_minor, 190_000);
    let (priced, amounts) = priced.expect("a price");
    let mut order = order();
    let one = |(number, (asked, amounts)): (i32, (&PriceLine, LineAmounts))| {
        let (sku, name) = (format!("SKU-{number:04}"), format!("Article {number}"));
        line(number, &sku, &name, asked.quantity, asked.unit_price_minor, amounts)
    };
    order.lines = (1..).zip(asked.iter().zip(priced)).map(one).collect();
    order.invoices = vec![invoice(&order.lines, amounts.clone())];
    order.amounts = amounts;
    order
}

pub(crate) fn sample() -> (Order, Shipment) {
    let order = order();
    let shipment = order.shipments[0].clone();
    (order, shipment)
}

fn order() -> Order {
    let price_of = |quantity, unit_price_minor| PriceLine {
        quantity,
        unit_price_minor,
        discount: None,
        tax_rate_ppm: 190_000,
    };
    let currency = "EUR".parse().expect("a currency");
    let (priced, amounts) =
        price(currency, true, &[price_of(2, 1_250), price_of(1, 300)], None, 490, 190_000).expect("a price");
    let lines =
        vec![line(1, "MUG-1", "Mug, blue", 2, 1_250, priced[0]), line(2, "PEN-1", "Pen", 1, 300, priced[1])];
    Order {
        id: Uuid::from_u128(1).into(),
        number: 100_042,
        version: 1,
        last_event: 1,
        state: OrderState::Delivered,
        archived_from: None,
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: "Ada Byron".to_owned(),
            email: "ada@example.com".to_owned(),
            phone: "+4930901820".to_owned(),
            locale: "en".to_owned(),
            phone_extension: String::new(),
        },
        shipping_address: Address {
            recipient: String::new(),
            organization: "Analytical Engines".to_owned(),
            lines: vec!["1 Main Street".to_owned()],
            city: "Berlin".to_owned(),
            area: String::new(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
        },
        billing_address: None,
        region: Some("EUROPE".parse().expect("a region")),
        invoices: vec![invoice(&lines, amounts.clone())],
        payments: vec![payment(&amounts)],
        shipments: vec![shipment()],
        lines,
        amounts,
        discount: None,
        redemption: None,
        store_credit: None,
        special_instructions: "Ring twice ^XZ\nplease".to_owned(),
        service: ServiceLevel::Express,
        on_shortage: OnShortage::Wait,
        allocation: Some(Allocation::Nearest),
        reservation_lifetime_seconds: None,
        requested_by: None,
        on_late: OnLate::Accept,
        wait_until: None,
        promised_by: Some(days_later(5)),
        promise: None,
        risk: Risk::Low,
        risk_reasons: Vec::new(),
        checks: Vec::new(),
        availability: None,
        fingerprint: String::new(),
        holds: Vec::new(),
        reservations: Vec::new(),
        approvals: Vec::new(),
        messages: Vec::new(),
        feedback: Some(Feedback {
            discount_code: "NEXT-ABCD-1234-EFGH".to_owned(),
            discount_ppm: 50_000,
            discount_until: Some(days_later(369)),
            ..Feedback::asked_for(NOW, FeedbackSecret::of([7; 16]))
        }),
        cancel_reason: "customer changed their mind".to_owned(),
        created_by: actor(),
        created_at: NOW,
        updated_at: NOW,
        delivered_at: Some(days_later(4)),
        closed_at: None,
        archived_at: None,
        promise_told: Some(days_later(5)),
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
        credit_notes: vec![credit_note()],
        line_cancellations: vec![LineCancellation {
            units: vec![CancelledUnits { line: 2, quantity: 1 }],
            reason: "one is enough".to_owned(),
            value_minor: 300,
            refund_minor: 300,
            credit_notes: vec![Uuid::from_u128(6).into()],
            cancelled_by: actor(),
            cancelled_at: NOW,
        }],
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        notes: Vec::new(),
        changes: Vec::new(),
        named: None,
        exchange_of: None,
        line_refunds: Vec::new(),
        returns: Vec::new(),
        legal_hold: None,
        erased: None,
        hands: Vec::new(),
        last_link: Link::default(),
        rest_date_told: None,
        sealed: None,
        waits_until: None,
    }
}

fn credit_note() -> CreditNote {
    CreditNote {
        id: Uuid::from_u128(6).into(),
        order: Uuid::from_u128(1).into(),
        invoice: Uuid::from_u128(2).into(),
        series: "CRN".to_owned(),
        number: 3,
        amounts: Amounts {
            currency: "EUR".parse().expect("a currency"),
            prices_include_tax: true,
            subtotal_minor: 300,
            discount_minor: 0,
            shipping_minor: 0,
            shipping_tax_minor: 0,
            shipping_tax_rate_ppm: 0,
            tax_minor: 0,
            total_minor: 300,
        },
        lines: Vec::new(),
        reason: "one is enough".to_owned(),
        issued_by: actor(),
        issued_at: NOW,
    }
}

fn actor() -> Actor {
    Actor::stored("tests".to_owned())
}

fn line(
    number: i32,
    sku: &str,
    description: &str,
    quantity: i64,
    unit_price_minor: i64,
    amounts: LineAmounts,
) -> OrderLine {
    OrderLine {
        number,
        sku: sku.parse().expect("a sku"),
        description: description.to_owned(),
        tax_category: "STANDARD".to_owned(),
        quantity,
        unit_price_minor,
        discount: None,
        amounts,
        weight_grams: 0,
        handling: Handling::default(),
        kind: ProductKind::Goods,
        done: None,
        cancelled_quantity: 0,
        added_by_change: None,
        refunded_quantity: 0,
        waiting_quantity: 0,
        carried_over: false,
        list_price_minor: None,
    }
}

pub(crate) fn invoice(lines: &[OrderLine], amounts: Amounts) -> Invoice {
    let lines = lines.iter().map(|it| InvoiceLine {
        line: it.number,
        sku: it.sku.clone(),
        description: it.description.clone(),
        quantity: it.quantity,
        unit_price_minor: it.unit_price_minor,
        amounts: it.amounts,
    });
    Invoice {
        id: Uuid::from_u128(2).into(),
        order: Uuid::from_u128(1).into(),
        series: "INV".to_owned(),
        number: 7,
        state: InvoiceState::Paid,
        amounts,
        lines: lines.collect(),
        issued_at: NOW,
        settled_at: Some(NOW),
        seller: None,
        due_at: None,
        buyer: None,
        supplements: None,
        change: None,
    }
}

fn payment(amounts: &Amounts) -> Payment {
    let amount = amounts.currency.of(amounts.total_minor);
    Payment {
        id: Uuid::from_u128(3).into(),
        order: Uuid::from_u128(1).into(),
        invoice: Uuid::from_u128(2).into(),
        method: Method::Card,
        state: PaymentState::Captured,
        means: Means::Provider(AtProvider {
            provider: "sandbox".to_owned(),
            token: "tok_visa".to_owned(),
            reference: Some("sb-1".to_owned()),
        }),
        request: None,
        attempts: 1,
        amount,
        captured_minor: amount.minor,
        failure: None,
        created_by: actor(),
        created_at: NOW,
        updated_at: NOW,
        refunds: vec![Refund {
            id: Uuid::from_u128(5).into(),
            payment: Uuid::from_u128(3).into(),
            state: RefundState::Succeeded,
            amount: amounts.currency.of(300),
            reason: "pen was broken".to_owned(),
            handed_back: None,
            provider_reference: Some("sb-2".to_owned()),
            failure: None,
            requested_at: NOW,
            attempts: 1,
            created_by: actor(),
            created_at: NOW,
            updated_at: NOW,
        }],
    }
}

/// A tracking number like those that labels get.
pub(crate) fn tracking_number(seed: u64) -> String {
    shipping::tracking_number::tracking_number(Ids::seeded(NOW, seed).fresh())
}

pub(crate) fn location() -> Location {
    let code = "BER-1".parse().expect("a location");
    let location = Location::new(code, "EUROPE".parse().expect("a region"), "DE", NOW);
    Location { name: "Berlin warehouse".to_owned(), ..location }
}

fn shipment() -> Shipment {
    let item = |line, sku: &str, description: &str, quantity| ShipmentItem {
        line,
        sku: sku.parse().expect("a sku"),
        description: description.to_owned(),
        quantity,
        picked: quantity,
        checked: quantity,
        packed: quantity,
        weight_grams: 0,
        handling: Handling::default(),
        cancelled: 0,
        lots: Vec::new(),
    };
    let package = |number, weight_grams, line, quantity| Package {
        number,
        weight_grams,
        length_mm: 300,
        width_mm: 200,
        height_mm: 100,
        contents: vec![PackedItem { line, quantity }],
        deviation_grams: 0,
    };
    let courier = "FALCON".parse().expect("a courier");
    Shipment {
        id: Uuid::from_u128(4).into(),
        order: Uuid::from_u128(1).into(),
        number: 1,
        version: 1,
        location: "BER-1".parse().expect("a location"),
        state: ShipmentState::Delivered,
        items: vec![item(1, "MUG-1", "Mug, blue", 2), item(2, "PEN-1", "Pen", 1)],
        packages: vec![package(1, 1_250, 1, 2), package(2, 80, 2, 1)],
        label: Some(Label {
            tracking_number: "CNK3F07XQ2M91TX".to_owned(),
            created_at: NOW,
            created_by: actor(),
        }),
        assignment: Some(Assignment {
            courier,
            service: ServiceLevel::Express,
            service_name: String::new(),
            price: "EUR".parse::<Currency>().expect("a currency").of(990),
            pickup_at: days_later(1),
            delivery_at: days_later(3),
            reason: String::new(),
            assigned_by: actor(),
            assigned_at: NOW,
            time_zone: TimeZone::utc(),
        }),
        handover: Some(Handover {
            at: days_later(1),
            driver: "Sam".to_owned(),
            packages: 2,
            confirmed_by: actor(),
        }),
        tracking: vec![TrackingEvent {
            sequence: 1,
            status: TrackingStatus::Delayed,
            incident: "WEATHER_STORM".to_owned(),
            location: "Leipzig hub".to_owned(),
            occurred_at: days_later(2),
            recorded_at: days_later(2),
            estimated_at: Some(days_later(4)),
            source: actor(),
            raw_code: "D7".to_owned(),
            description: "the storm keeps the aircraft on the ground".to_owned(),
            key: "key".to_owned(),
            origin: ReportOrigin::Courier,
            package: 0,
            event_id: String::new(),
            received_by: String::new(),
        }],
        proof: None,
        promised_by: Some(days_later(5)),
        estimated_at: Some(days_later(4)),
        created_at: NOW,
        updated_at: NOW,
        told: vec![days_later(9)],
        slips: Vec::new(),
        booking: None,
        called_off: Vec::new(),
        courier_refusal: None,
        brings_rest: false,
        sent_to: None,
        refused_by: BTreeSet::new(),
        carrier_labels: Vec::new(),
        labels_recorded: 0,
        reports_updated: 0,
        resolutions: Vec::new(),
    }
}
