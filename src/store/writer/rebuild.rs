//! Makes the tables around the orders anew, out of their documents: after a schema has grown, or a projection was
//! damaged. Page by page, each in a transaction that locks its orders, so that it may run beside a server, stop anywhere
//! and be run again.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{Order, OrderId, Part};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::rows::document;
use crate::store::rows::lookup::{self, CachedState};
use crate::store::rows::order::{JobFields, to_row};
use crate::store::rows::projection::Changes;
use crate::store::rows::statements::Writes;
use crate::store::rows::table::Record;
use crate::store::rows::writes;
use crate::store::writer::loading::job_fields;

/// Orders of one transaction: few, so that the changes behind it wait briefly.
const PAGE: usize = 64;

impl Store {
    /// Makes the projection of every order anew. `progress` hears how many orders are done. Gives back how many there
    /// were.
    pub async fn rebuild(&self, progress: impl Fn(u64)) -> Result<u64, StoreError> {
        let db = self.inner.pools.writer(&Arc::default()).await?;
        let (mut done, mut after) = (0, OrderId(Uuid::nil()));
        loop {
            let sql = format!("SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT {PAGE}");
            let found = db.query(&sql, vec![after.into()]).await?;
            let ids = found.iter().map(|row| row.get(0)).collect::<Result<Vec<OrderId>, _>>()?;
            let Some(last) = ids.last() else { return Ok(done) };
            after = *last;
            rebuild_orders(&db, &ids).await?;
            done += ids.len() as u64;
            progress(done);
        }
    }
}

async fn rebuild_orders(db: &Session, ids: &[OrderId]) -> Result<(), StoreError> {
    let asked = ids.iter().enumerate();
    let asked = asked.map(|(index, it)| lookup::order_of(&Part::Order(*it), index, CachedState::default()));
    let (_, rows) = db.begin(vec![lookup::LOCK_ORDERS.about(asked.collect())]).await?;
    // With the version that the row has, whatever it is: the document is right.
    let read = |row: &Row| -> Result<(Order, JobFields, i64), StoreError> {
        Ok((document::order(row.bytes(8)?)?, job_fields(row, 4)?, row.get(2)?))
    };
    let found = rows.iter().flatten().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut writes = Writes::default();
    let mut own = Vec::with_capacity(found.len());
    for (order, job, version) in &found {
        let mut values = to_row(order, *job)?.values();
        values.push((*version).into());
        own.push(values);
    }
    writes.put(&writes::CORRECT_ORDERS, own);
    let mut asks = writes.into_asks();
    let orders: Vec<Order> = found.into_iter().map(|it| it.0).collect();
    asks.extend(Changes::rebuild(&orders));
    db.commit(asks, &["rebuild"]).await
}
