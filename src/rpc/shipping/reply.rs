//! Shipments as the API shows them.

use crate::domain::{
    self, Assignment, Booking, BookingRequest, CarrierLabel, CourierCode, Handling, Handover, Label,
    LotUnits, Order, Package, PackedItem, Proof, Quote, Resolution, Shipment, ShipmentId, ShipmentItem,
    TrackingEvent,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::calendar::date;
use crate::rpc::couriers::reply::courier_record;
use crate::rpc::enums;
use crate::rpc::reply::{actor, address, dimensions, measure, money, slip, timestamp};

/// Empty: nothing is packed yet.
fn packing_slip(order: &Order, shipment: &Shipment) -> String {
    match shipment.packages.as_slice() {
        [] => String::new(),
        [..] => domain::packing_slip(order, shipment),
    }
}

/// A shipment with what its order says about it.
pub(crate) fn shipment(order: &Order, shipment: &Shipment) -> pb::Shipment {
    shows_order(order);
    let last_event = shipment.tracking.iter().max_by_key(|it| (it.occurred_at, it.sequence));
    let Shipment {
        id,
        order: order_id,
        number,
        version,
        location,
        state,
        items,
        packages,
        label,
        assignment,
        handover,
        tracking: _,
        proof,
        promised_by,
        estimated_at,
        created_at,
        updated_at,
        told: _,
        slips,
        booking,
        called_off,
        courier_refusal,
        carrier_labels,
        labels_recorded: _,
        reports_updated: _,
        resolutions,
        brings_rest: _,
        sent_to: _,
        refused_by: _,
    } = shipment.clone();
    pb::Shipment {
        id: id.to_string(),
        order_id: order_id.to_string(),
        order_number: order.number.to_string(),
        number,
        state: enums::shipment_state(state),
        location: location.into(),
        shipping_address: Some(address(shipment.new_address().unwrap_or(&order.shipping_address))),
        special_instructions: order.special_instructions.clone(),
        shipping_service: enums::service_level(order.service),
        items: items.into_iter().map(shipment_item).collect(),
        packages: packages.into_iter().map(package).collect(),
        packing_slip: packing_slip(order, shipment),
        label: label.map(shipping_label),
        assignment: assignment.map(courier_assignment),
        handover: handover.map(handed_over),
        promised_time: promised_by.map(timestamp),
        estimated_delivery_time: estimated_at.map(timestamp),
        last_tracking_event: last_event.map(|it| tracking_event(shipment.id, it)),
        proof_of_delivery: proof.map(proof_of_delivery),
        available_actions: order.actions_of(shipment).iter().map(ToString::to_string).collect(),
        create_time: Some(timestamp(created_at)),
        update_time: Some(timestamp(updated_at)),
        etag: domain::etag(version),
        carrier_labels: carrier_labels.into_iter().map(carrier_label).collect(),
        resolutions: resolutions.into_iter().map(resolution).collect(),
        late: !slips.is_empty(),
        slips: slips.iter().map(slip).collect(),
        booking: booking.map(courier_booking),
        called_off: called_off.into_iter().map(courier_booking).collect(),
        courier_refusal: courier_refusal.unwrap_or_default(),
        // What a call answers is kept for repeats: it does without them.
        unavailable_actions: Vec::new(),
        hidden: Vec::new(),
    }
}

pub(crate) fn carrier_label(label: CarrierLabel) -> pb::CarrierLabel {
    let CarrierLabel { package, courier, number, media_type, sha256, recorded_by, recorded_at } = label;
    pb::CarrierLabel {
        package_number: package,
        courier: courier.into(),
        tracking_number: number,
        media_type,
        sha256,
        recorded_by: actor(&recorded_by),
        record_time: Some(timestamp(recorded_at)),
    }
}

fn resolution(resolution: Resolution) -> pb::ExceptionResolution {
    let Resolution { kind, reason, address: new_address, refunds, decided_by, decided_at } = resolution;
    pb::ExceptionResolution {
        kind: enums::resolution_kind(kind),
        reason,
        new_address: new_address.as_ref().map(address),
        refund_ids: refunds.iter().map(ToString::to_string).collect(),
        decided_by: actor(&decided_by),
        decide_time: Some(timestamp(decided_at)),
    }
}

fn shipment_item(item: ShipmentItem) -> pb::ShipmentItem {
    let ShipmentItem {
        line,
        sku,
        description,
        quantity,
        picked,
        checked,
        packed,
        weight_grams,
        handling,
        cancelled,
        lots,
    } = item;
    let of_lot = |it: LotUnits| pb::ShipmentLot {
        lot: it.name.into(),
        expire_date: Some(date(it.expires_on)),
        quantity: it.quantity,
        picked: it.picked,
    };
    let Handling { dimensions: sides, fragile, dangerous } = handling;
    pb::ShipmentItem {
        line_number: line,
        sku: sku.into(),
        description,
        quantity,
        picked,
        checked,
        packed,
        weight_grams: measure(weight_grams),
        dimensions: sides.map(dimensions),
        fragile,
        dangerous,
        cancelled,
        lots: lots.into_iter().map(of_lot).collect(),
    }
}

fn package(package: Package) -> pb::Package {
    let weight_warning = domain::package_warning(&package).unwrap_or_default();
    let Package { number, weight_grams, length_mm, width_mm, height_mm, contents, deviation_grams: _ } =
        package;
    let content = |it: PackedItem| {
        let PackedItem { line, quantity } = it;
        pb::LineUnits { line_number: line, quantity }
    };
    pb::Package {
        number,
        weight_grams: measure(weight_grams),
        length_mm: measure(length_mm),
        width_mm: measure(width_mm),
        height_mm: measure(height_mm),
        contents: contents.into_iter().map(content).collect(),
        weight_warning,
    }
}

fn shipping_label(label: Label) -> pb::ShippingLabel {
    let Label { tracking_number, created_at, created_by } = label;
    pb::ShippingLabel {
        tracking_number,
        created_by: actor(&created_by),
        create_time: Some(timestamp(created_at)),
    }
}

fn courier_assignment(assignment: Assignment) -> pb::CourierAssignment {
    let Assignment {
        courier,
        service,
        service_name,
        price,
        pickup_at,
        delivery_at,
        reason,
        assigned_by,
        assigned_at,
        time_zone: _,
    } = assignment;
    pb::CourierAssignment {
        courier: courier.into(),
        service_level: enums::service_level(service),
        price: Some(money(price)),
        pickup_time: Some(timestamp(pickup_at)),
        estimated_delivery_time: Some(timestamp(delivery_at)),
        reason,
        assigned_by: actor(&assigned_by),
        assign_time: Some(timestamp(assigned_at)),
        service_name,
    }
}

fn courier_booking(booking: Booking) -> pb::CourierBooking {
    let state = match (booking.open_request(), &booking.label) {
        (Some(BookingRequest::Cancel), _) => pb::BookingState::CancelRequested,
        (_, None) => pb::BookingState::LabelRequested,
        (Some(BookingRequest::Pickup), Some(_)) => pb::BookingState::PickupRequested,
        (Some(BookingRequest::Label) | None, Some(_)) => pb::BookingState::Booked,
    };
    let Booking {
        id,
        courier,
        service,
        parts: _,
        pickup_at: _,
        request,
        attempts,
        failure,
        label,
        pickup,
        track_every: _,
        tracked_at: _,
    } = booking;
    pb::CourierBooking {
        id: id.to_string(),
        courier: courier.into(),
        service_level: enums::service_level(service),
        state: state.into(),
        tracking_number: label.map(|it| it.number).unwrap_or_default(),
        pickup_reference: pickup.unwrap_or_default(),
        attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
        failure: failure.unwrap_or_default(),
        request_time: request.map(|it| timestamp(it.requested_at)),
    }
}

fn handed_over(handover: Handover) -> pb::Handover {
    let Handover { at, driver, packages, confirmed_by } = handover;
    pb::Handover {
        time: Some(timestamp(at)),
        driver,
        package_count: packages,
        confirmed_by: actor(&confirmed_by),
    }
}

fn proof_of_delivery(proof: Proof) -> pb::ProofOfDelivery {
    let Proof { received_by, location, signature_sha256, photo_sha256, at, recorded_by, origin: _ } = proof;
    pb::ProofOfDelivery {
        received_by,
        location,
        signature_sha256,
        photo_sha256,
        time: Some(timestamp(at)),
        recorded_by: actor(&recorded_by),
    }
}

pub(crate) fn tracking_event(shipment: ShipmentId, event: &TrackingEvent) -> pb::TrackingEvent {
    let TrackingEvent {
        sequence,
        status,
        incident,
        location,
        occurred_at,
        recorded_at,
        estimated_at,
        source,
        raw_code,
        description,
        key: _,
        origin: _,
        package,
        event_id,
        received_by,
    } = event.clone();
    pb::TrackingEvent {
        sequence,
        shipment_id: shipment.to_string(),
        status: enums::tracking_status(status),
        incident,
        location,
        occurred_time: Some(timestamp(occurred_at)),
        recorded_time: Some(timestamp(recorded_at)),
        source: actor(&source),
        raw_code,
        description,
        estimated_delivery_time: estimated_at.map(timestamp),
        event_id,
        received_by,
        package_number: package,
        hidden: Vec::new(),
    }
}

/// Which offer would be taken and why, what couriers offer, and what the others say.
pub(crate) type Offers = (Option<(Quote, String)>, Vec<Quote>, Vec<(CourierCode, String)>);

pub(crate) fn offers((preferred, quotes, declines): Offers) -> pb::QuoteCouriersResponse {
    let because = |quote: &Quote| match &preferred {
        Some((best, reason)) if best == quote => reason.clone(),
        Some(_) | None => String::new(),
    };
    let quotes = quotes.into_iter().map(|it| courier_quote(because(&it), it)).collect();
    let declines =
        declines.into_iter().map(|(courier, reason)| pb::CourierDecline { courier: courier.into(), reason });
    pb::QuoteCouriersResponse { quotes, declines: declines.collect() }
}

fn courier_quote(preferred_because: String, quote: Quote) -> pb::CourierQuote {
    let score = quote.currency.of(quote.score_minor());
    let Quote {
        courier,
        service,
        service_name,
        price_minor,
        currency,
        pickup_at,
        delivery_at,
        on_time,
        record,
        malus_ppm: _,
        standing,
        pickup_note,
        is_live,
    } = quote;
    let record = courier_record(&record);
    pb::CourierQuote {
        courier: courier.into(),
        service_level: enums::service_level(service),
        price: Some(money(currency.of(price_minor))),
        pickup_time: Some(timestamp(pickup_at)),
        estimated_delivery_time: Some(timestamp(delivery_at)),
        on_time,
        average_rating: record.average_rating,
        preferred_because,
        service_name,
        score: Some(money(score)),
        record: Some(record),
        record_note: standing,
        pickup_note,
        live: is_live,
    }
}
