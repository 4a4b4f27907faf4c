//! What is asked for of a group, and what answers that follow from nothing else say.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Courier, JobId, Location, OrderId, Product, RegionCode, Sku, Snapshot};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::Ask;
use crate::store::rows::decision::{IdempotencyKey, StoredAnswer};
use crate::store::rows::order::JobFields;
use crate::store::rows::{
    api_key, callers, capacity, catalogue, record, reservation, stock, subscription, transfer,
};

/// What was loaded for a group.
#[derive(Default)]
pub(in crate::store) struct LoadedGroup {
    pub(in crate::store) snapshot: Snapshot,
    /// Of the orders and other callers' reservations that were loaded.
    pub(in crate::store) jobs: HashMap<JobId, JobFields>,
    pub(in crate::store) answers: HashMap<IdempotencyKey, StoredAnswer>,
}

/// One thing that is asked for in a round of reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Answers,
    Orders,
    Reservations,
    OpenReservations,
    Expired,
    Holders,
    Levels,
    StockAt,
    ReplenishmentsAt,
    ShipmentsOf,
    Awaited,
    AwaitedBefore,
    WaitingOrders,
    OpenReplenishments,
    Replenishments,
    Transfers,
    Products,
    Accounts,
    Locations,
    Couriers,
    CourierRecords,
    Locks,
    DailyShipments,
    Fingerprints,
    ExternalReferences,
    BankReferences,
    DiscountCodes,
    DiscountUses,
    ApiKeys,
    Subscriptions,
}

/// A round of reads: they are asked for together, and each has its rows in the answer.
pub(super) type Reads = Vec<(Topic, Ask)>;

/// Takes in what is looked up beside the orders.
pub(super) fn read_lookup(group: &mut LoadedGroup, topic: Topic, rows: &[Row]) -> Result<(), StoreError> {
    let snapshot = &mut group.snapshot;
    for row in rows {
        match topic {
            Topic::Answers => {
                let (key, answer) = IdempotencyKey::read(row)?;
                group.answers.insert(key, answer);
            }
            Topic::Levels => {
                let level = stock::level(row)?;
                snapshot.stock.insert((level.sku.clone(), level.location.clone()), level);
            }
            // What is loaded under lock stays.
            Topic::StockAt => {
                let level = stock::level(row)?;
                snapshot.stock.entry((level.sku.clone(), level.location.clone())).or_insert(level);
            }
            Topic::ReplenishmentsAt => {
                let found = stock::replenishment(row)?;
                snapshot.replenishments.entry(found.id).or_insert_with(|| Arc::new(found));
            }
            Topic::ShipmentsOf => {
                let shipment = (row.get(1)?, row.get(2)?);
                snapshot.shipments_of.entry(row.get(0)?).or_default().push(shipment);
            }
            Topic::Awaited => read_awaited(snapshot, row)?,
            Topic::AwaitedBefore => read_awaited_before(snapshot, row)?,
            Topic::WaitingOrders => snapshot.queue.orders_of.extend([callers::waiting(row)?]),
            Topic::OpenReplenishments | Topic::Replenishments => {
                snapshot.add_replenishment(Arc::new(stock::replenishment(row)?));
            }
            Topic::Transfers => {
                let found = transfer::read(row)?;
                snapshot.transfers.insert(found.id, Arc::new(found));
            }
            Topic::Products => {
                let product: Product = catalogue::read(row)?;
                snapshot.products.insert(product.sku.clone(), Arc::new(product));
            }
            Topic::Locations => {
                let location: Location = catalogue::read(row)?;
                snapshot.locations.insert(location.code.clone(), Arc::new(location));
            }
            Topic::Couriers => {
                let courier: Courier = catalogue::read(row)?;
                snapshot.couriers.insert(courier.code.clone(), Arc::new(courier));
            }
            Topic::Subscriptions => snapshot.subscriptions.extend([subscription::found(row)?]),
            Topic::ApiKeys => snapshot.api_keys.extend([api_key::found(row)?]),
            Topic::OpenReservations => snapshot.open_reservations.extend([reservation::open(row)?]),
            Topic::DailyShipments => snapshot.daily_shipments.extend([capacity::day(row)?]),
            Topic::CourierRecords => snapshot.courier_records.extend([record::record(row)?]),
            Topic::ExternalReferences => {
                snapshot.external_references.insert((row.get(0)?, row.get(1)?));
            }
            Topic::BankReferences => snapshot.bank_references.extend([row.get::<String>(0)?]),
            Topic::Orders
            | Topic::Reservations
            | Topic::Expired
            | Topic::Holders
            | Topic::Fingerprints
            | Topic::Locks
            | Topic::Accounts
            | Topic::DiscountCodes
            | Topic::DiscountUses => {}
        }
    }
    Ok(())
}

/// Columns: as `AWAITED` says.
fn read_awaited(snapshot: &mut Snapshot, row: &Row) -> Result<(), StoreError> {
    let (region, sku): (RegionCode, Sku) = (row.get(0)?, row.get(1)?);
    let units: i64 = row.get(2)?;
    *snapshot.awaited.entry((region.clone(), sku.clone())).or_default() += units;
    snapshot.queue.add(region, sku, row.get(3)?, units);
    Ok(())
}

/// Columns: as `AWAITED_BEFORE` says.
fn read_awaited_before(snapshot: &mut Snapshot, row: &Row) -> Result<(), StoreError> {
    let key: (OrderId, Sku) = (row.get(0)?, row.get(1)?);
    snapshot.awaited_before.insert(key.clone(), row.get(2)?);
    snapshot.queue.no_larger_before.insert(key, row.get(3)?);
    Ok(())
}

/// Job fields from four columns on.
pub(super) fn job_fields(row: &Row, from: usize) -> Result<JobFields, StoreError> {
    Ok(JobFields {
        run_at: row.get(from)?,
        attempts: row.get(from + 1)?,
        lease_token: row.get(from + 2)?,
        lease_until: row.get(from + 3)?,
    })
}
