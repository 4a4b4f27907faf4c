//! Whether transfers, their movements and what is on order for them agree.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{LocationCode, MovementKind, Sku, Transfer, TransferId, Violation};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::transfer;

/// The law that units of a transfer are at one place or in transit.
pub(super) const TRANSFERS: &str = "S9";

/// Transfers of one read.
const PAGE: usize = 256;

/// What breaks it, and how many transfers there are to look at.
pub(super) async fn transfer_violations(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let (mut count, mut found) = (0, Vec::new());
    let mut after = TransferId(Uuid::nil());
    loop {
        go_on()?;
        let sql = format!("SELECT document FROM transfers WHERE id > $1 ORDER BY id LIMIT {PAGE}");
        let transfers = db.query(&sql, vec![after.into()]).await?;
        let transfers = transfers.iter().map(transfer::read).collect::<Result<Vec<Transfer>, _>>()?;
        let (Some(first), Some(last)) = (transfers.first(), transfers.last()) else { break };
        let between = (first.id, last.id);
        (after, count) = (last.id, count + transfers.len() as u64);
        let moved = moved(db, between).await?;
        let on_order = on_order(db, between).await?;
        for transfer in &transfers {
            found.extend(transfer.violations(
                |kind, sku, at| {
                    moved.get(&(transfer.id, kind, sku.clone(), at.clone())).copied().unwrap_or_default()
                },
                |sku| on_order.get(&(transfer.id, sku.clone())).copied().unwrap_or_default(),
            ));
        }
    }
    Ok((count, found))
}

type Moved = HashMap<(TransferId, MovementKind, Sku, LocationCode), i64>;

async fn moved(db: &Session, (first, last): (TransferId, TransferId)) -> Result<Moved, StoreError> {
    let sql = "SELECT transfer_id, kind, sku, location, CAST(SUM(on_hand) AS BIGINT) FROM stock_movements \
        WHERE transfer_id >= $1 AND transfer_id <= $2 GROUP BY transfer_id, kind, sku, location";
    let rows = db.query(sql, vec![first.into(), last.into()]).await?;
    rows.iter().map(|row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?))).collect()
}

async fn on_order(
    db: &Session,
    (first, last): (TransferId, TransferId),
) -> Result<HashMap<(TransferId, Sku), i64>, StoreError> {
    let sql = "SELECT transfer_id, sku, CAST(SUM(quantity - received) AS BIGINT) FROM replenishments \
        WHERE transfer_id >= $1 AND transfer_id <= $2 AND state IN ('ORDERED', 'PARTIALLY_RECEIVED') \
        GROUP BY transfer_id, sku";
    let rows = db.query(sql, vec![first.into(), last.into()]).await?;
    rows.iter().map(|row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).collect()
}
