//! What a courier's caller sees: the shipments that its courier carries, of these what carrying them takes, and of no other
//! that it exists.

use tonic::{Extensions, Status};

use crate::domain::{Carriers, CourierCode, Order, Part};
use crate::pb;
use crate::rpc::identity::carriers;
use crate::rpc::status;
use crate::store::{Compare, Listing, Operand, Term};

/// The calls that a courier's caller has.
const CALLS: [&str; 3] = ["RecordTrackingEvents", "ConfirmDelivery", "RecordCarrierLabel"];

/// Who looks at shipments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Ours: of every shipment everything.
    Own,
    /// Those of couriers, of their shipments.
    Carriers(Carriers),
}

impl Eyes {
    pub(super) fn of(caller: &Extensions) -> Self {
        carriers(caller).map_or(Self::Own, Self::Carriers)
    }

    pub(super) fn carriers(self) -> Option<Carriers> {
        match self {
            Self::Own => None,
            Self::Carriers(carriers) => Some(carriers),
        }
    }

    /// Refuses to tell of a part that is another courier's, as if there was none.
    pub(super) fn must_see(&self, order: &Order, part: &Part) -> Result<(), Status> {
        match self {
            Self::Own => Ok(()),
            Self::Carriers(carriers) => {
                carriers.must_carry(order, part).map_err(|it| status::of_refusal(&it))
            }
        }
    }

    /// Refuses numbers of another courier.
    pub(super) fn must_be(&self, courier: &CourierCode, part: &Part) -> Result<(), Status> {
        match self {
            Self::Carriers(carriers) if !carriers.include(courier) => {
                Err(status::of_refusal(&part.not_found()))
            }
            Self::Own | Self::Carriers(_) => Ok(()),
        }
    }

    /// Narrows a list of shipments; None: there is nothing to see at all.
    pub(super) fn narrow(&self, listing: Listing) -> Option<Listing> {
        let Self::Carriers(carriers) = self else { return Some(listing) };
        let codes: Vec<_> = carriers.codes().map(|it| Operand { text: it.to_string(), at: 0 }).collect();
        let compare = match codes.len() {
            0 => return None,
            1 => Compare::Equal,
            _ => Compare::In,
        };
        let Listing { mut filter, order_by, size, after } = listing;
        filter.push(Term { field: "courier".to_owned(), compare, values: codes, at: 0 });
        Some(Listing { filter, order_by, size, after })
    }

    pub(super) fn see(&self, shipment: pb::Shipment) -> pb::Shipment {
        match self {
            Self::Own => shipment,
            Self::Carriers(_) => carried(shipment),
        }
    }
}

/// The shipment without what is between us and our customer, our people, and other couriers.
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
    } = shipment;
    let courier = assignment.as_ref().map(|it| it.courier.clone()).unwrap_or_default();
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
        available_actions: available_actions.into_iter().filter(|it| CALLS.contains(&it.as_str())).collect(),
        create_time,
        update_time,
        etag,
        carrier_labels: carrier_labels.into_iter().filter(|it| it.courier == courier).collect(),
        booking,
        ..Default::default()
    }
}

/// Goods as they have to be handled, and not what they are.
fn unnamed(item: pb::ShipmentItem) -> pb::ShipmentItem {
    pb::ShipmentItem { sku: String::new(), description: String::new(), ..item }
}
