//! What a courier's caller sees: the shipments that its courier carries, of these what carrying them takes, and of no other
//! that it exists.

use tonic::{Request, Status};

use crate::domain::{
    Action, Actor, CARRYING, Carriers, CourierCode, Order, Part, Problems, Refusal, ReportOrigin, Shipment,
    TrackingEvent,
};
use crate::pb;
use crate::rpc::identity::{actor, carriers};
use crate::rpc::shipping::reply;
use crate::rpc::status;
use crate::store::{Compare, Listing, Operand, Term};

/// The filters of ListShipments that tell what such a caller does not see: what is between us and our customer, and what is
/// in a shipment.
const HIDDEN_FILTERS: [&str; 2] = ["late", "lot"];

/// Who looks at shipments. Asked for in the methods that a carrier may call, and in no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Eyes {
    /// Those of the company's own callers: of every shipment everything.
    Ours,
    /// Those of couriers, of their shipments; with the name of who looks, if it can be read.
    Carriers(Carriers, Option<Actor>),
}

impl Eyes {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        match carriers(request.extensions()) {
            None => Self::Ours,
            Some(carriers) => {
                let name = actor(request.metadata(), &mut Problems::default());
                Self::Carriers(carriers, name)
            }
        }
    }

    pub(super) fn carriers(self) -> Option<Carriers> {
        match self {
            Self::Ours => None,
            Self::Carriers(carriers, _) => Some(carriers),
        }
    }

    /// Refuses a part that is another courier's, in the words for one that there is not.
    pub(crate) fn must_carry(&self, order: &Order, part: &Part) -> Result<(), Refusal> {
        match self {
            Self::Ours => Ok(()),
            Self::Carriers(carriers, _) => carriers.must_carry(order, part),
        }
    }

    /// The same as the answer of a call.
    pub(super) fn must_see(&self, order: &Order, part: &Part) -> Result<(), Status> {
        self.must_carry(order, part).map_err(|it| status::of_refusal(&it))
    }

    /// Refuses numbers of another courier.
    pub(super) fn must_be(&self, courier: &CourierCode, part: &Part) -> Result<(), Status> {
        match self {
            Self::Carriers(carriers, _) if !carriers.include(courier) => {
                Err(status::of_refusal(&part.not_found()))
            }
            Self::Ours | Self::Carriers(..) => Ok(()),
        }
    }

    /// Narrows a list of shipments; None: there is nothing to see at all. Refuses a filter that would tell more than the
    /// list itself does.
    pub(super) fn narrow(&self, listing: Listing) -> Result<Option<Listing>, Status> {
        let Self::Carriers(carriers, _) = self else { return Ok(Some(listing)) };
        let hidden = listing.filter.iter().find(|it| HIDDEN_FILTERS.contains(&it.field.as_str()));
        if let Some(Term { field, at, .. }) = hidden {
            let why = format!("`{field}` at character {at} is not for who carries for a courier");
            return Err(status::of_refusal(&Refusal::invalid("filter", why)));
        }
        let codes: Vec<_> = carriers.codes().map(|it| Operand { text: it.to_string(), at: 0 }).collect();
        let compare = match codes.len() {
            0 => return Ok(None),
            1 => Compare::Equal,
            _ => Compare::In,
        };
        let Listing { mut filter, order_by, size, after } = listing;
        filter.push(Term { field: "courier".to_owned(), compare, values: codes, at: 0 });
        Ok(Some(Listing { filter, order_by, size, after }))
    }

    /// `whole` is the shipment as we see it.
    pub(super) fn see(&self, shipment: &Shipment, whole: pb::Shipment) -> pb::Shipment {
        match self {
            Self::Ours => whole,
            Self::Carriers(_, caller) => {
                let events = shipment.tracking.iter();
                let known = events.filter(|it| is_known(shipment, it, caller.as_ref()));
                let last = known.max_by_key(|it| (it.occurred_at, it.sequence));
                let last_tracking_event = last.and_then(|it| carried_event(shipment, it, caller.as_ref()));
                let mut seen = carried(pb::Shipment { last_tracking_event, ..whole });
                if !shipment.is_confirmable_by(caller.as_ref()) {
                    seen.available_actions.retain(|it| it != Action::ConfirmDelivery.as_str());
                }
                seen
            }
        }
    }

    /// One event of a shipment; None: they do not see it.
    pub(crate) fn event(&self, shipment: &Shipment, event: &TrackingEvent) -> Option<pb::TrackingEvent> {
        match self {
            Self::Ours => Some(reply::tracking_event(shipment.id, event)),
            Self::Carriers(_, caller) => carried_event(shipment, event, caller.as_ref()),
        }
    }

    pub(super) fn label(&self, label: pb::CarrierLabel) -> pb::CarrierLabel {
        match self {
            Self::Ours => label,
            Self::Carriers(..) => carried_label(label),
        }
    }
}

/// Whether an event is the caller's own, or from the time since its courier has the shipment.
fn is_known(shipment: &Shipment, event: &TrackingEvent, caller: Option<&Actor>) -> bool {
    let is_since = shipment.assignment.as_ref().is_some_and(|it| event.recorded_at >= it.assigned_at);
    is_since || caller == Some(&event.source)
}

/// The event without who recorded it, unless that is the caller, and without what our people say of a decision.
fn carried_event(
    shipment: &Shipment,
    event: &TrackingEvent,
    caller: Option<&Actor>,
) -> Option<pb::TrackingEvent> {
    if !is_known(shipment, event, caller) {
        return None;
    }
    let whole = reply::tracking_event(shipment.id, event);
    if caller == Some(&event.source) {
        return Some(whole);
    }
    let unnamed = pb::TrackingEvent { source: String::new(), ..whole };
    Some(match event.origin {
        ReportOrigin::Courier | ReportOrigin::Pickup => unnamed,
        ReportOrigin::Confirmation | ReportOrigin::Resolution => {
            pb::TrackingEvent { raw_code: String::new(), description: String::new(), ..unnamed }
        }
    })
}

fn carried_label(label: pb::CarrierLabel) -> pb::CarrierLabel {
    pb::CarrierLabel { recorded_by: String::new(), ..label }
}

/// The shipment without what is between us and our customer, our people, and other couriers. Its last event is one that
/// they see.
fn carried(shipment: pb::Shipment) -> pb::Shipment {
    let pb::Shipment {
        id,
        order_id,
        order_number,
        number,
        state,
        location,
        shipping_address,
        special_instructions,
        shipping_service,
        items,
        packages,
        packing_slip: _,
        label,
        assignment,
        handover,
        promised_time,
        estimated_delivery_time,
        last_tracking_event,
        proof_of_delivery,
        available_actions,
        unavailable_actions: _,
        create_time,
        update_time,
        etag,
        carrier_labels,
        resolutions: _,
        booking,
        called_off: _,
        courier_refusal: _,
        late: _,
        slips: _,
        hidden: _,
    } = shipment;
    let courier = assignment.as_ref().map(|it| it.courier.clone()).unwrap_or_default();
    let is_open = |it: &String| CARRYING.iter().any(|call| call.as_str() == it);
    let own_labels = carrier_labels.into_iter().filter(|it| it.courier == courier);
    let nobody = String::new;
    pb::Shipment {
        id,
        order_id,
        order_number,
        number,
        state,
        location,
        shipping_address,
        special_instructions,
        shipping_service,
        items: items.into_iter().map(unnamed).collect(),
        packages,
        label: label.map(|it| pb::ShippingLabel { created_by: nobody(), ..it }),
        assignment: assignment.map(|it| pb::CourierAssignment {
            reason: String::new(),
            assigned_by: nobody(),
            ..it
        }),
        handover: handover.map(|it| pb::Handover { confirmed_by: nobody(), ..it }),
        promised_time,
        estimated_delivery_time,
        last_tracking_event,
        proof_of_delivery: proof_of_delivery.map(|it| pb::ProofOfDelivery { recorded_by: nobody(), ..it }),
        available_actions: available_actions.into_iter().filter(is_open).collect(),
        create_time,
        update_time,
        etag,
        carrier_labels: own_labels.map(carried_label).collect(),
        booking,
        ..Default::default()
    }
}

/// Goods as they have to be handled, and not what they are, nor the warehouse's work on them.
fn unnamed(item: pb::ShipmentItem) -> pb::ShipmentItem {
    let pb::ShipmentItem {
        line_number,
        sku: _,
        description: _,
        quantity,
        picked: _,
        checked: _,
        packed: _,
        weight_grams,
        dimensions,
        fragile,
        dangerous,
        cancelled: _,
        lots: _,
    } = item;
    pb::ShipmentItem {
        line_number,
        quantity,
        weight_grams,
        dimensions,
        fragile,
        dangerous,
        ..Default::default()
    }
}
