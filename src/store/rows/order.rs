//! Rows of the order itself, its lines and holds, and the assembly of whole orders.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::domain::{JobId, Order, OrderId, OrderState, Sku, Timestamp};
use crate::store::connection::batched_read::{TableRead, chunks};
use crate::store::connection::bound_rows::{KEYS_MAX, padded};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::OrderVersion;
use crate::store::rows::job::jobs;
use crate::store::rows::order_columns::{
    Parts, from_row, hold_from_row, hold_to_row, line_from_row, line_to_row, to_row,
};
use crate::store::rows::order_tables::{TABLE, holds, order_lines, order_waits, orders};
use crate::store::rows::read::{Lock, gather, sorted};
use crate::store::rows::saved::Saved;
use crate::store::rows::write::{Difference, Writes, remove, remove_each, save_versioned};
use crate::store::rows::{approval, archive, invoice, message, payment, reservation, shipment};

/// The reads that make up a whole order.
pub(in crate::store) static WHOLE_ORDER: LazyLock<Vec<TableRead>> = LazyLock::new(|| {
    let order = [
        TableRead::rows::<orders::Entity>("id {ids}", "id"),
        TableRead::rows::<order_lines::Entity>("order_id {ids}", "number"),
        TableRead::rows::<holds::Entity>("order_id {ids}", "place"),
    ];
    let parts = [
        reservation::table_reads(),
        approval::table_reads(),
        invoice::table_reads(),
        payment::table_reads(),
        shipment::table_reads(),
        message::table_reads(),
    ];
    order.into_iter().chain(parts.into_iter().flatten()).collect()
});

/// Orders that are not archived, whole, in the order of their ids. A reader outside of a transaction gets each lot as
/// of one moment.
pub(in crate::store) async fn load_orders(db: &Session, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let ids: Vec<_> = sorted(ids).into_iter().map(|it| it.0).collect();
    let mut found = Vec::with_capacity(ids.len());
    for ids in chunks(db.backend(), &ids) {
        let mut answers = db.ask_each(&WHOLE_ORDER, &ids).await?;
        let rows = answers.rows::<orders::Entity>()?;
        let lines = gather(answers.rows::<order_lines::Entity>()?.into_iter().map(line_from_row))?;
        let holds = answers.rows::<holds::Entity>()?;
        let holds = gather(holds.into_iter().map(|it| Ok(hold_from_row(it))))?;
        let reservations = reservation::read(&mut answers)?;
        let approvals = approval::read(&mut answers)?;
        let invoices = invoice::read(&mut answers)?;
        let payments = payment::read(&mut answers)?;
        let shipments = shipment::read(&mut answers)?;
        let (messages, feedback) = message::read(&mut answers)?;

        let mut parts = Parts {
            lines,
            holds,
            reservations,
            approvals,
            invoices,
            payments,
            shipments,
            messages,
            feedback,
        };
        for row in rows {
            found.push(from_row(row, &mut parts)?);
        }
    }
    Ok(found)
}

/// Which states of orders are stored that are not archived; their rows are locked if asked for, and guard all their
/// parts.
pub(in crate::store) async fn order_versions(
    db: &Session,
    ids: &[OrderId],
    lock: Lock,
) -> Result<HashMap<OrderId, OrderVersion>, StoreError> {
    use orders::{Column, Entity};

    let mut found = HashMap::with_capacity(ids.len());
    for ids in sorted(ids).chunks(KEYS_MAX) {
        let mut query = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Version, Column::UpdatedAt])
            .filter(Column::Id.is_in(padded(ids.to_vec())))
            .order_by_asc(Column::Id);
        if lock == Lock::Update {
            query = query.lock_exclusive();
        }
        let rows = query.into_tuple::<(OrderId, i64, Timestamp)>().all(db).await?;
        found.extend(
            rows.into_iter().map(|(id, version, updated_at)| (id, OrderVersion { version, updated_at })),
        );
    }
    Ok(found)
}

/// Writes what differs. An order that has just been archived leaves for the archive with all its parts; its
/// events, movements and numbers stay. There is no way back.
pub(in crate::store) fn save_orders(
    writes: &mut Writes,
    orders: &[Saved<'_, Order>],
) -> Result<(), StoreError> {
    let changed =
        orders.iter().copied().filter(|it| it.before.is_none_or(|old| old.version != it.after.version));
    let changed: Vec<Saved<'_, Order>> = changed.collect();
    let (archived, open): (Vec<_>, Vec<_>) =
        changed.iter().copied().partition(|it| it.after.state == OrderState::Archived);
    if let Some(back) = open.iter().find(|it| it.before.is_some_and(|old| old.state == OrderState::Archived))
    {
        return Err(StoreError::Corrupt {
            table: TABLE,
            detail: format!("{} would leave the archive", back.after.id),
        });
    }

    save_rows(writes, &open)?;
    invoice::register(writes, &changed);
    payment::register(writes, &changed);

    save_parts(writes, &open);
    reservation::save(writes, &open);
    approval::save(writes, &open);
    invoice::save(writes, &open);
    payment::save(writes, &open);
    shipment::save(writes, &open);
    message::save(writes, &open);

    archive::save(writes, &archived)?;
    leave(writes, &archived);
    Ok(())
}

fn save_rows(writes: &mut Writes, orders: &[Saved<'_, Order>]) -> Result<(), StoreError> {
    let row = |it: &Saved<'_, Order>| Ok((it.before.map(to_row).transpose()?, to_row(it.after)?));
    let rows = orders.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    save_versioned::<orders::Entity>(writes, orders::Column::Version, rows);
    Ok(())
}

fn save_parts(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut lines = Difference::<order_lines::Entity>::new();
    let mut holds = Difference::<holds::Entity>::new();
    let mut waits = Difference::<order_waits::Entity>::new();
    for order in orders {
        let id = order.after.id;
        lines.compare(order.parts(|it| &it.lines), |it| (id, it.number), |_, it| line_to_row(id, it));
        holds.compare(order.parts(|it| &it.holds), |it| it.id, |place, it| hold_to_row(id, place, it));

        let (before, after) = (order.before.map(waiting).unwrap_or_default(), waiting(order.after));
        waits.compare((&before, &after), |it| (id, it.sku.clone()), |_, it| it.clone());
    }

    lines.write(writes);
    holds.write(writes);
    waits.write(writes);
}

/// Units that an order waits for, product by product.
fn waiting(order: &Order) -> Vec<order_waits::Model> {
    let (OrderState::AwaitingStock, Some(region)) = (order.state, &order.region) else {
        return Vec::new();
    };

    let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in &order.lines {
        *units.entry(&line.sku).or_default() += line.quantity;
    }
    let row = |(sku, quantity): (&Sku, i64)| order_waits::Model {
        order_id: order.id,
        sku: sku.clone(),
        region: region.clone(),
        quantity,
        number: order.number,
    };
    units.into_iter().map(row).collect()
}

/// Takes orders that are in the archive now off the tables of the day, with their jobs.
fn leave(writes: &mut Writes, archived: &[Saved<'_, Order>]) {
    let at_hand = archived.iter().filter_map(|it| it.before).filter(|it| it.state != OrderState::Archived);
    let (orders, jobs) = at_hand.map(|it| ((it.id, it.version).into(), JobId(it.id.0).into())).unzip();
    remove_each::<orders::Entity>(writes, &[orders::Column::Id, orders::Column::Version], orders);
    remove::<jobs::Entity>(writes, jobs);
}
