//! The shipments of a full order.

use std::collections::BTreeSet;

use crate::domain::{
    Actor, Address, Assignment, BookedParts, Booking, BookingId, BookingRequest, BoughtLabel, CarrierLabel,
    Day, Dimensions, Exchange, Handling, Handover, Label, LotUnits, OpenBookingRequest, OrderId, Package,
    PackedItem, Proof, ReportOrigin, Resolution, ResolutionKind, Return, ReturnId, ReturnLine, ReturnReason,
    ReturnState, ReturnTransit, ServiceLevel, Shipment, ShipmentId, ShipmentItem, ShipmentState, Slip,
    SlipKind, SlipSubject, TrackingEvent, TrackingStatus,
};
use crate::store::rows::tests::sample::{AT, code, euro, later};

pub(super) fn handling() -> Handling {
    let dimensions = Dimensions { length_mm: 120, width_mm: 90, height_mm: 100 };
    Handling { dimensions: Some(dimensions), fragile: true, dangerous: false }
}

fn lot_units() -> LotUnits {
    let expires_on = Day::of(2027, 3, 31).expect("a day");
    LotUnits { name: code("L-7"), expires_on, expires_at: AT, quantity: 3, picked: 3 }
}

pub(super) fn full_shipment(order: OrderId, id: ShipmentId, number: i64) -> Shipment {
    let ann: Actor = code("ann@example.com");
    let item = |line, sku: &str| ShipmentItem {
        line,
        sku: code(sku),
        description: sku.to_owned(),
        quantity: 3,
        picked: 3,
        checked: 3,
        packed: 2,
        weight_grams: 250,
        handling: handling(),
        cancelled: 1,
        lots: (line == 1).then(lot_units).into_iter().collect(),
    };
    let package = |number, contents: &[i32]| Package {
        number,
        weight_grams: 600,
        length_mm: 300,
        width_mm: 200,
        height_mm: 100,
        contents: contents.iter().map(|line| PackedItem { line: *line, quantity: 1 }).collect(),
        deviation_grams: 1_200,
    };
    let event = |sequence, status| TrackingEvent {
        sequence,
        status,
        incident: "WEATHER_STORM".to_owned(),
        location: "Penang".to_owned(),
        occurred_at: AT,
        recorded_at: later(1),
        estimated_at: Some(later(2)),
        source: code("pigeon"),
        raw_code: "X1".to_owned(),
        description: "delayed by a storm".to_owned(),
        key: format!("key-{sequence}"),
        origin: ReportOrigin::Courier,
        package: 2,
        event_id: "E-1".to_owned(),
        received_by: "Ann".to_owned(),
    };
    Shipment {
        id,
        order,
        number: 1,
        version: 9,
        location: code("KUL-1"),
        state: ShipmentState::InTransit,
        items: vec![item(2, "B-2"), item(1, "A-1")],
        packages: vec![package(1, &[2, 1]), package(2, &[1])],
        label: Some(Label {
            tracking_number: format!("CSG{number:09}"),
            created_at: AT,
            created_by: ann.clone(),
        }),
        assignment: Some(Assignment {
            courier: code("PIGEON"),
            service: ServiceLevel::Express,
            service_name: "Express 12".to_owned(),
            price: euro(900),
            pickup_at: later(3),
            delivery_at: later(4),
            reason: "the only one".to_owned(),
            assigned_by: ann.clone(),
            assigned_at: AT,
            time_zone: code("Asia/Kuala_Lumpur"),
        }),
        handover: Some(Handover {
            at: later(3),
            driver: "Dan".to_owned(),
            packages: 2,
            confirmed_by: ann.clone(),
        }),
        tracking: vec![event(1, TrackingStatus::PickedUp), event(2, TrackingStatus::Delayed)],
        proof: Some(Proof {
            received_by: "Ann".to_owned(),
            location: "door".to_owned(),
            signature_sha256: "ab".to_owned(),
            photo_sha256: String::new(),
            at: later(5),
            recorded_by: ann.clone(),
            origin: ReportOrigin::Confirmation,
        }),
        promised_by: Some(later(6)),
        estimated_at: Some(later(7)),
        created_at: AT,
        updated_at: later(8),
        labels_recorded: 3,
        reports_updated: 4,
        carrier_labels: vec![CarrierLabel {
            package: 2,
            courier: code("PIGEON"),
            number: format!("PG{number:09}"),
            media_type: "application/pdf".to_owned(),
            sha256: "ab".repeat(32),
            recorded_by: ann.clone(),
            recorded_at: AT,
        }],
        resolutions: vec![Resolution {
            kind: ResolutionKind::NewAddress,
            reason: "moved".to_owned(),
            address: None,
            refunds: Vec::new(),
            decided_by: ann,
            decided_at: AT,
        }],
        told: vec![later(12)],
        slips: vec![Slip {
            kind: SlipKind::EstimateMoved,
            subject: SlipSubject::Shipment(id),
            about: later(12),
            since: later(8),
        }],
        booking: Some(booking(1)),
        called_off: vec![booking(2)],
        courier_refusal: Some("PIGEON refused: too far".to_owned()),
        refused_by: BTreeSet::from(["PIGEON".parse().expect("a code")]),
        brings_rest: true,
        sent_to: Some(Box::new(Address {
            recipient: "Ann".to_owned(),
            organization: String::new(),
            lines: vec!["2 Side Street".to_owned()],
            city: "Springfield".to_owned(),
            area: "IL".to_owned(),
            postal_code: "62701".to_owned(),
            country: "US".to_owned(),
        })),
    }
}

fn booking(number: u128) -> Booking {
    Booking {
        id: BookingId(uuid::Uuid::from_u128(number)),
        courier: code("PIGEON"),
        service: ServiceLevel::Express,
        parts: BookedParts::LabelAndPickup,
        pickup_at: later(3),
        request: Some(OpenBookingRequest { kind: BookingRequest::Cancel, requested_at: later(2) }),
        attempts: 2,
        failure: Some("no answer in time".to_owned()),
        label: Some(BoughtLabel { reference: "shp_1".to_owned(), number: "JJD000".to_owned() }),
        pickup: Some("pck_1".to_owned()),
        track_every: Some(std::time::Duration::from_secs(3_600)),
        tracked_at: Some(later(5)),
    }
}

pub(super) fn bare_shipment(order: OrderId, id: ShipmentId) -> Shipment {
    Shipment {
        id,
        order,
        number: 2,
        version: 1,
        location: code("KUL-1"),
        state: ShipmentState::Planned,
        items: vec![ShipmentItem {
            line: 2,
            sku: code("B-2"),
            description: "B-2".to_owned(),
            quantity: 1,
            picked: 0,
            checked: 0,
            packed: 0,
            weight_grams: 250,
            handling: Handling::default(),
            cancelled: 0,
            lots: Vec::new(),
        }],
        packages: Vec::new(),
        label: None,
        assignment: None,
        handover: None,
        tracking: Vec::new(),
        proof: None,
        promised_by: None,
        estimated_at: None,
        created_at: AT,
        updated_at: AT,
        told: Vec::new(),
        slips: Vec::new(),
        booking: None,
        called_off: Vec::new(),
        courier_refusal: None,
        refused_by: BTreeSet::new(),
        brings_rest: false,
        sent_to: None,
        carrier_labels: Vec::new(),
        labels_recorded: 0,
        reports_updated: 0,
        resolutions: Vec::new(),
    }
}

/// A return with what is known of its way.
pub(super) fn full_return(order: OrderId, id: ReturnId) -> Return {
    let line = ReturnLine::new(1, 1, ReturnReason::Damaged, "a crack");
    Return {
        id,
        order,
        number: 1,
        state: ReturnState::Received,
        lines: vec![ReturnLine { received: 1, ..line }],
        of_shipment: None,
        override_reason: String::new(),
        end_reason: String::new(),
        transit: Some(ReturnTransit {
            courier: "PIGEON".to_owned(),
            tracking_number: "R7".to_owned(),
            at: later(10),
        }),
        location: Some(code("KUL-1")),
        resolutions: 0,
        fee_minor: 0,
        store_credits: Vec::new(),
        requested_by: code("ann@example.com"),
        created_at: later(9),
        updated_at: later(13),
        closed_at: None,
        exchanges: vec![Exchange { order, value_minor: 53 }],
        awaited_until: Some(later(14)),
    }
}
