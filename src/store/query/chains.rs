//! The chains of orders' events, verified for one order, or for all of them page by page along their ids.

use std::time::Instant;

use uuid::Uuid;

use crate::domain::{ChainBreak, Link, OrderId, Refusal};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::feed::LOOK_FOR;
use crate::store::query::listing::{Cursor, Listing, SIZE_MAX};
use crate::store::query::order_history::order_histories;
use crate::store::query::plan::list_hash_of;
use crate::store::rows::document;
use crate::store::writer::chore::bounded;

/// Orders whose histories are read at once: one may have some thousand events.
const ORDERS_AT_ONCE: u64 = 16;

/// What was found of the chains of some orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedChains {
    pub orders: u64,
    pub events: u64,
    /// The first break of each chain that is broken, by the ids of the orders.
    pub breaks: Vec<(OrderId, ChainBreak)>,
}

impl Store {
    /// The chain of one order, and the last link that it knows. None: there is no such order.
    pub async fn verify_chain(&self, order: OrderId) -> Result<Option<(VerifiedChains, Link)>, StoreError> {
        let db = self.snapshot().await?;
        let rows = db.query("SELECT id, document FROM orders WHERE id = $1", vec![order.into()]).await?;
        let mut verified = VerifiedChains::default();
        let heads = verify(&db, &rows, &mut verified).await?;
        Ok(heads.first().map(|head| (verified, *head)))
    }

    /// A page of orders by their ids, the oldest first. It is looked at for a second at most, and may end before its size.
    pub async fn verify_chains(
        &self,
        listing: &Listing,
    ) -> Result<(VerifiedChains, Option<Cursor>), StoreError> {
        let hash = list_hash_of("event chains", &Listing::default());
        let mut after = listing.after.as_ref().map_or(Ok(Uuid::nil()), |it| open(it, &hash))?;
        let size = listing.size.clamp(1, SIZE_MAX);
        let db = self.snapshot().await?;
        let began = Instant::now();
        let mut verified = VerifiedChains::default();
        loop {
            let wanted = bounded((size - verified.orders).min(ORDERS_AT_ONCE));
            let sql = "SELECT id, document FROM orders WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = db.query(sql, vec![after.into(), wanted.into()]).await?;
            let Some(last) = rows.last() else { return Ok((verified, None)) };
            after = last.get(0)?;
            verify(&db, &rows, &mut verified).await?;

            if verified.orders >= size || began.elapsed() >= LOOK_FOR {
                let sql = "SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT 1";
                let is_more = db.query_one(sql, vec![after.into()]).await?.is_some();
                let next = is_more.then(|| Cursor([&hash[..], after.as_bytes()].concat()));
                return Ok((verified, next));
            }
        }
    }
}

/// Verifies the chains of these orders, and gives back the last link that each knows. Events count to the order that their row
/// names, whatever its document says.
async fn verify(
    db: &Session,
    orders: &[Row],
    verified: &mut VerifiedChains,
) -> Result<Vec<Link>, StoreError> {
    let ids = orders.iter().map(|it| it.get(0)).collect::<Result<Vec<OrderId>, _>>()?;
    let mut histories = order_histories(db, &ids).await?;
    let mut heads = Vec::new();
    for (row, id) in orders.iter().zip(ids) {
        let history = histories.remove(&id).unwrap_or_default();
        verified.orders += 1;
        verified.events += history.events.len() as u64;
        let (head, broken) = match document::order(row.bytes(1)?) {
            Ok(order) => (order.last_link, history.first_break(&order)),
            Err(_) => {
                let what = "what its order knows cannot be read";
                (Link::default(), Some(ChainBreak { sequence: 1, what }))
            }
        };
        heads.push(head);
        verified.breaks.extend(broken.map(|it| (id, it)));
    }
    Ok(heads)
}

fn open(cursor: &Cursor, hash: &[u8; 8]) -> Result<Uuid, Refusal> {
    let read = || Uuid::from_slice(cursor.0.strip_prefix(&hash[..])?).ok();
    read().ok_or_else(|| Refusal::invalid("page_token", "is not from this list"))
}
