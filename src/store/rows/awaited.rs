//! What is asked across orders: units awaited, orders alike, references taken.

use std::collections::HashMap;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query, Value};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect};

use crate::domain::{Channel, OrderId, RegionCode, Sku, Timestamp};
use crate::store::connection::bound_rows::{padded, text, uuid, with_rows};
use crate::store::connection::error::StoreError;
use crate::store::connection::lookup::Lookup;
use crate::store::connection::session::Session;
use crate::store::rows::order_tables::order_waits;
use crate::store::rows::read::sorted;

/// Units that waiting orders of each region want of these products.
pub(in crate::store) fn awaited(backend: DbBackend, skus: &[Sku]) -> Lookup<((RegionCode, Sku), i64)> {
    use order_waits::{Column, Entity};

    let units = Entity::find()
        .select_only()
        .columns([Column::Region, Column::Sku])
        .column_as(Column::Quantity.sum().cast_as("BIGINT"), "units")
        .filter(Column::Sku.is_in(padded(sorted(skus))))
        .group_by(Column::Region)
        .group_by(Column::Sku);
    Lookup::about(backend, units, |row| {
        let key = (row.try_get_by("region")?, row.try_get_by("sku")?);
        Ok((key, row.try_get_by("units")?))
    })
}

/// Units of these products that orders before each of these waiting orders want in the same region. Nothing
/// is said of orders that nobody is before.
pub(in crate::store) async fn awaited_before(
    db: &Session,
    orders: &[OrderId],
    skus: &[Sku],
) -> Result<HashMap<(OrderId, Sku), i64>, StoreError> {
    use order_waits::Column;

    if orders.is_empty() || skus.is_empty() {
        return Ok(HashMap::new());
    }
    let (own, before) = (Alias::new("own"), Alias::new("before_it"));
    let of_own = |column: Column| Expr::col((own.clone(), column));
    let of_before = |column: Column| Expr::col((before.clone(), column));
    let units = Query::select()
        .column((own.clone(), Column::OrderId))
        .column((own.clone(), Column::Sku))
        .expr(of_before(Column::Quantity).sum().cast_as("BIGINT"))
        .from_as(order_waits::Entity, own.clone())
        .join_as(
            JoinType::InnerJoin,
            order_waits::Entity,
            before.clone(),
            Condition::all()
                .add(of_before(Column::Sku).eq(of_own(Column::Sku)))
                .add(of_before(Column::Region).eq(of_own(Column::Region)))
                .add(of_before(Column::Number).lt(of_own(Column::Number))),
        )
        .and_where(of_own(Column::OrderId).is_in(padded(sorted(orders))))
        .and_where(of_own(Column::Sku).is_in(padded(sorted(skus))))
        .group_by_columns([(own.clone(), Column::OrderId), (own.clone(), Column::Sku)])
        .to_owned();

    let rows = db.query_all(&units).await?;
    rows.iter()
        .map(|it| {
            let (order, sku, units) = it.try_get_many_by_index::<(OrderId, Sku, i64)>()?;
            Ok(((order, sku), units))
        })
        .collect()
}

/// When the youngest order with each of these fingerprints was received, if there is one, among those not archived and
/// not among `except`.
pub(in crate::store) fn fingerprints(
    backend: DbBackend,
    fingerprints: &[String],
    except: &[OrderId],
) -> Lookup<(String, Option<Timestamp>)> {
    // The youngest is the first that the index has: however many were alike, no more are looked at.
    let sql = "SELECT fingerprint, ( \
            SELECT created_at FROM orders WHERE orders.fingerprint = bound.fingerprint \
            AND orders.id NOT IN (SELECT excepted FROM bound WHERE excepted IS NOT NULL) \
            ORDER BY created_at DESC LIMIT 1) AS youngest \
        FROM bound WHERE fingerprint IS NOT NULL";
    let wanted = sorted(fingerprints).into_iter().map(|it| vec![it.into(), Value::Uuid(None)]);
    let excepted = sorted(except).into_iter().map(|it| vec![Value::String(None), it.into()]);
    let given = [text("fingerprint"), uuid("excepted")];
    Lookup {
        statement: with_rows(backend, &given, wanted.chain(excepted).collect(), sql),
        read: |row| Ok((row.try_get_by("fingerprint")?, row.try_get_by("youngest")?)),
    }
}

/// Which of these references, none of them empty, are taken, by an order at hand or by an archived one.
pub(in crate::store) fn external_references(
    backend: DbBackend,
    references: &[(Channel, String)],
) -> Lookup<(Channel, String)> {
    // Looked up one by one, so that no planner thinks of reading a whole channel while it is small. The condition is
    // said once more for it: the indexes hold no empty references.
    let taken = |table: &str| {
        format!(
            "(SELECT 1 FROM {table} AS taken WHERE taken.channel = bound.channel \
            AND taken.external_reference = bound.reference AND taken.external_reference <> '' LIMIT 1) IS NOT NULL"
        )
    };
    let sql = format!(
        "SELECT channel, reference FROM bound WHERE {} OR {}",
        taken("orders"),
        taken("archived_orders")
    );
    let row = |(channel, reference): (Channel, String)| vec![channel.into(), reference.into()];
    let rows = sorted(references).into_iter().map(row).collect();
    Lookup {
        statement: with_rows(backend, &[text("channel"), text("reference")], rows, &sql),
        read: |row| Ok((row.try_get_by("channel")?, row.try_get_by("reference")?)),
    }
}
