//! Shipments with what is in them, who carries them and where they were seen.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::domain::{
    Actor, Assignment, CourierCode, Currency, Handover, Label, LocationCode, Money, Order, OrderId, Package,
    PackedItem, Proof, ServiceLevel, Shipment, ShipmentId, ShipmentItem, ShipmentState, Sku, Timestamp,
    TrackingEvent, TrackingStatus,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::read::{Of, gather, take};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes};

table! {
    "shipments" as shipments (id: ShipmentId) {
        order_id: OrderId,
        number: i32,
        version: i64,
        location: LocationCode,
        state: ShipmentState,
        tracking_number: Option<String>,
        label_text: Option<String>,
        label_zpl: Option<String>,
        label_created_at: Option<Timestamp>,
        label_created_by: Option<Actor>,
        courier: Option<CourierCode>,
        courier_service: Option<ServiceLevel>,
        courier_price_minor: Option<i64>,
        courier_currency: Option<Currency>,
        pickup_at: Option<Timestamp>,
        delivery_at: Option<Timestamp>,
        courier_reason: Option<String>,
        assigned_by: Option<Actor>,
        assigned_at: Option<Timestamp>,
        handed_over_at: Option<Timestamp>,
        driver: Option<String>,
        packages_handed_over: Option<i32>,
        handover_confirmed_by: Option<Actor>,
        received_at: Option<Timestamp>,
        received_by: Option<String>,
        received_place: Option<String>,
        signature_sha256: Option<String>,
        photo_sha256: Option<String>,
        proof_recorded_by: Option<Actor>,
        promised_by: Option<Timestamp>,
        estimated_at: Option<Timestamp>,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

table! {
    "shipment_items" as shipment_items (shipment_id: ShipmentId, line: i32) {
        place: i32,
        sku: Sku,
        description: String,
        quantity: i64,
        picked: i64,
        checked: i64,
        packed: i64,
        weight_grams: i64,
    }
}

table! {
    "packages" as packages (shipment_id: ShipmentId, number: i32) {
        weight_grams: i64,
        length_mm: i64,
        width_mm: i64,
        height_mm: i64,
    }
}

table! {
    "package_items" as package_items (shipment_id: ShipmentId, package: i32, line: i32) {
        place: i32,
        quantity: i64,
    }
}

table! {
    "tracking_events" as tracking_events (shipment_id: ShipmentId, sequence: i64) {
        status: TrackingStatus,
        incident: String,
        place: String,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
        estimated_at: Option<Timestamp>,
        source: Actor,
        raw_code: String,
        description: String,
        dedupe_key: String,
    }
}

/// The order of the shipment that this courier knows by this number.
pub(super) async fn order_of_tracked(
    db: &Session,
    courier: &CourierCode,
    number: &str,
) -> Result<Option<OrderId>, StoreError> {
    use shipments::{Column, Entity};
    let found = Entity::find()
        .select_only()
        .column(Column::OrderId)
        .filter(Column::TrackingNumber.eq(number))
        .filter(Column::Courier.eq(courier.clone()))
        .into_tuple::<OrderId>()
        .one(db)
        .await?;
    Ok(found)
}

pub(super) fn table_reads() -> Vec<TableRead> {
    const OF_ORDERS: &str = "shipment_id IN (SELECT id FROM shipments WHERE order_id {ids})";

    vec![
        TableRead::rows::<shipments::Entity>("order_id {ids}", "number"),
        TableRead::rows::<shipment_items::Entity>(OF_ORDERS, "place"),
        TableRead::rows::<packages::Entity>(OF_ORDERS, "number"),
        TableRead::rows::<package_items::Entity>(OF_ORDERS, "place"),
        TableRead::rows::<tracking_events::Entity>(OF_ORDERS, "sequence"),
    ]
}

pub(super) fn read(answers: &mut ResultSets) -> Result<Of<Shipment>, StoreError> {
    let rows = answers.rows::<shipments::Entity>()?;
    let items = answers.rows::<shipment_items::Entity>()?;
    let packages = answers.rows::<packages::Entity>()?;
    let contents = answers.rows::<package_items::Entity>()?;
    let tracking = answers.rows::<tracking_events::Entity>()?;

    let mut items = gather(items.into_iter().map(|it| Ok(item_from_row(it))))?;
    let mut contents = gather(contents.into_iter().map(|it| Ok(packed_from_row(&it))))?;
    let mut packages = gather(packages.into_iter().map(|it| {
        let contents = take(&mut contents, &(it.shipment_id, it.number));
        Ok(package_from_row(&it, contents))
    }))?;
    let mut tracking = gather(tracking.into_iter().map(|it| Ok(tracking_from_row(it))))?;
    gather(rows.into_iter().map(|it| {
        let id = it.id;
        let parts = (take(&mut items, &id), take(&mut packages, &id), take(&mut tracking, &id));
        Ok((it.order_id, from_row(it, parts)))
    }))
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut shipments = Difference::<shipments::Entity>::new();
    let mut parts = Parts {
        items: Difference::new(),
        packages: Difference::new(),
        contents: Difference::new(),
        tracking: Difference::new(),
    };
    for order in orders {
        let (before, after) = order.parts(|it| &it.shipments);
        shipments.compare((before, after), |it| it.id, |_, it| to_row(it));
        for shipment in after {
            let old = before.iter().find(|it| it.id == shipment.id);
            parts.compare(Saved { before: old, after: shipment });
        }
    }

    shipments.write(writes);
    parts.items.write(writes);
    parts.packages.write(writes);
    parts.contents.write(writes);
    parts.tracking.write(writes);
}

struct Parts {
    items: Difference<shipment_items::Entity>,
    packages: Difference<packages::Entity>,
    contents: Difference<package_items::Entity>,
    tracking: Difference<tracking_events::Entity>,
}

impl Parts {
    fn compare(&mut self, shipment: Saved<'_, Shipment>) {
        let id = shipment.after.id;
        self.items.compare(
            shipment.parts(|it| &it.items),
            |it| (id, it.line),
            |place, it| item_to_row(id, place, it),
        );
        self.tracking.compare(
            shipment.parts(|it| &it.tracking),
            |it| (id, it.sequence),
            |_, it| tracking_to_row(id, it),
        );

        let (before, after) = shipment.parts(|it| &it.packages);
        self.packages.compare((before, after), |it| (id, it.number), |_, it| package_to_row(id, it));
        for package in after {
            let number = package.number;
            let old = before.iter().find(|it| it.number == number);
            self.contents.compare(
                Saved { before: old, after: package }.parts(|it| &it.contents),
                |it| (id, number, it.line),
                |place, it| packed_to_row(id, number, place, it),
            );
        }
    }
}

fn to_row(shipment: &Shipment) -> shipments::Model {
    let Shipment {
        id,
        order,
        number,
        version,
        location,
        state,
        items: _,
        packages: _,
        label,
        assignment,
        handover,
        tracking: _,
        proof,
        promised_by,
        estimated_at,
        created_at,
        updated_at,
    } = shipment;
    let (tracking_number, label_text, label_zpl, label_created_at, label_created_by) = match label.clone() {
        Some(Label { tracking_number, text, zpl, created_at, created_by }) => {
            (Some(tracking_number), Some(text), Some(zpl), Some(created_at), Some(created_by))
        }
        None => (None, None, None, None, None),
    };
    let (courier, courier_service, price, pickup_at, delivery_at, courier_reason, assigned_by, assigned_at) =
        match assignment.clone() {
            Some(Assignment {
                courier,
                service,
                price,
                pickup_at,
                delivery_at,
                reason,
                assigned_by,
                assigned_at,
            }) => (
                Some(courier),
                Some(service),
                Some(price),
                Some(pickup_at),
                Some(delivery_at),
                Some(reason),
                Some(assigned_by),
                Some(assigned_at),
            ),
            None => (None, None, None, None, None, None, None, None),
        };
    let (handed_over_at, driver, packages_handed_over, handover_confirmed_by) = match handover.clone() {
        Some(Handover { at, driver, packages, confirmed_by }) => {
            (Some(at), Some(driver), Some(packages), Some(confirmed_by))
        }
        None => (None, None, None, None),
    };
    let (received_at, received_by, received_place, signature_sha256, photo_sha256, proof_recorded_by) =
        match proof.clone() {
            Some(Proof { received_by, location, signature_sha256, photo_sha256, at, recorded_by }) => (
                Some(at),
                Some(received_by),
                Some(location),
                Some(signature_sha256),
                Some(photo_sha256),
                Some(recorded_by),
            ),
            None => (None, None, None, None, None, None),
        };

    shipments::Model {
        id: *id,
        order_id: *order,
        number: *number,
        version: *version,
        location: location.clone(),
        state: *state,
        tracking_number,
        label_text,
        label_zpl,
        label_created_at,
        label_created_by,
        courier,
        courier_service,
        courier_price_minor: price.map(|it| it.minor),
        courier_currency: price.map(|it| it.currency),
        pickup_at,
        delivery_at,
        courier_reason,
        assigned_by,
        assigned_at,
        handed_over_at,
        driver,
        packages_handed_over,
        handover_confirmed_by,
        received_at,
        received_by,
        received_place,
        signature_sha256,
        photo_sha256,
        proof_recorded_by,
        promised_by: *promised_by,
        estimated_at: *estimated_at,
        created_at: *created_at,
        updated_at: *updated_at,
    }
}

fn from_row(
    row: shipments::Model,
    (items, packages, tracking): (Vec<ShipmentItem>, Vec<Package>, Vec<TrackingEvent>),
) -> Shipment {
    let shipments::Model {
        id,
        order_id,
        number,
        version,
        location,
        state,
        tracking_number,
        label_text,
        label_zpl,
        label_created_at,
        label_created_by,
        courier,
        courier_service,
        courier_price_minor,
        courier_currency,
        pickup_at,
        delivery_at,
        courier_reason,
        assigned_by,
        assigned_at,
        handed_over_at,
        driver,
        packages_handed_over,
        handover_confirmed_by,
        received_at,
        received_by,
        received_place,
        signature_sha256,
        photo_sha256,
        proof_recorded_by,
        promised_by,
        estimated_at,
        created_at,
        updated_at,
    } = row;

    // Each of these is written whole or not at all, which CHECKs keep so.
    let label = || {
        Some(Label {
            tracking_number: tracking_number?,
            text: label_text?,
            zpl: label_zpl?,
            created_at: label_created_at?,
            created_by: label_created_by?,
        })
    };
    let assignment = || {
        Some(Assignment {
            courier: courier?,
            service: courier_service?,
            price: Money { currency: courier_currency?, minor: courier_price_minor? },
            pickup_at: pickup_at?,
            delivery_at: delivery_at?,
            reason: courier_reason?,
            assigned_by: assigned_by?,
            assigned_at: assigned_at?,
        })
    };
    let handover = || {
        Some(Handover {
            at: handed_over_at?,
            driver: driver?,
            packages: packages_handed_over?,
            confirmed_by: handover_confirmed_by?,
        })
    };
    let proof = || {
        Some(Proof {
            received_by: received_by?,
            location: received_place?,
            signature_sha256: signature_sha256?,
            photo_sha256: photo_sha256?,
            at: received_at?,
            recorded_by: proof_recorded_by?,
        })
    };

    Shipment {
        id,
        order: order_id,
        number,
        version,
        location,
        state,
        items,
        packages,
        label: label(),
        assignment: assignment(),
        handover: handover(),
        tracking,
        proof: proof(),
        promised_by,
        estimated_at,
        created_at,
        updated_at,
    }
}

fn item_to_row(shipment: ShipmentId, place: i32, item: &ShipmentItem) -> shipment_items::Model {
    let ShipmentItem { line, sku, description, quantity, picked, checked, packed, weight_grams } = item;

    shipment_items::Model {
        shipment_id: shipment,
        line: *line,
        place,
        sku: sku.clone(),
        description: description.clone(),
        quantity: *quantity,
        picked: *picked,
        checked: *checked,
        packed: *packed,
        weight_grams: *weight_grams,
    }
}

fn item_from_row(row: shipment_items::Model) -> (ShipmentId, ShipmentItem) {
    let shipment_items::Model {
        shipment_id,
        line,
        place: _,
        sku,
        description,
        quantity,
        picked,
        checked,
        packed,
        weight_grams,
    } = row;

    (shipment_id, ShipmentItem { line, sku, description, quantity, picked, checked, packed, weight_grams })
}

fn package_to_row(shipment: ShipmentId, package: &Package) -> packages::Model {
    let Package { number, weight_grams, length_mm, width_mm, height_mm, contents: _ } = package;

    packages::Model {
        shipment_id: shipment,
        number: *number,
        weight_grams: *weight_grams,
        length_mm: *length_mm,
        width_mm: *width_mm,
        height_mm: *height_mm,
    }
}

fn package_from_row(row: &packages::Model, contents: Vec<PackedItem>) -> (ShipmentId, Package) {
    let packages::Model { shipment_id, number, weight_grams, length_mm, width_mm, height_mm } = *row;

    (shipment_id, Package { number, weight_grams, length_mm, width_mm, height_mm, contents })
}

fn packed_to_row(shipment: ShipmentId, package: i32, place: i32, item: &PackedItem) -> package_items::Model {
    let PackedItem { line, quantity } = *item;

    package_items::Model { shipment_id: shipment, package, line, place, quantity }
}

fn packed_from_row(row: &package_items::Model) -> ((ShipmentId, i32), PackedItem) {
    let package_items::Model { shipment_id, package, line, place: _, quantity } = *row;

    ((shipment_id, package), PackedItem { line, quantity })
}

fn tracking_to_row(shipment: ShipmentId, event: &TrackingEvent) -> tracking_events::Model {
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
        key,
    } = event;

    tracking_events::Model {
        shipment_id: shipment,
        sequence: *sequence,
        status: *status,
        incident: incident.clone(),
        place: location.clone(),
        occurred_at: *occurred_at,
        recorded_at: *recorded_at,
        estimated_at: *estimated_at,
        source: source.clone(),
        raw_code: raw_code.clone(),
        description: description.clone(),
        dedupe_key: key.clone(),
    }
}

fn tracking_from_row(row: tracking_events::Model) -> (ShipmentId, TrackingEvent) {
    let tracking_events::Model {
        shipment_id,
        sequence,
        status,
        incident,
        place,
        occurred_at,
        recorded_at,
        estimated_at,
        source,
        raw_code,
        description,
        dedupe_key,
    } = row;

    let event = TrackingEvent {
        sequence,
        status,
        incident,
        location: place,
        occurred_at,
        recorded_at,
        estimated_at,
        source,
        raw_code,
        description,
        key: dedupe_key,
    };
    (shipment_id, event)
}
