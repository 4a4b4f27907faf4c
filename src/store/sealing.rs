//! Archived orders that are to be sealed under the master key in use.

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::OrderId;
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::rows::document;

/// Orders of one look, which brings the documents of those along that are not sealed.
const AT_ONCE: i64 = 64;

impl Store {
    /// The next archived orders by their ids, after one or from the first, and whether each is as it is to be: sealed under this
    /// version of the master key, or erased to the last, so that it is never sealed. None are left once it is empty.
    pub async fn archived_and_sealed(
        &self,
        version: u32,
        after: Option<OrderId>,
    ) -> Result<Vec<(OrderId, bool)>, StoreError> {
        let sql = "SELECT id, CASE WHEN substr(document, 1, 5) = $2 THEN NULL ELSE document END \
            FROM orders WHERE archived = TRUE AND id > $1 ORDER BY id LIMIT $3";
        let after = after.map_or(Uuid::nil(), |it| it.0);
        let values: Vec<Value> =
            vec![after.into(), document::beginning_of_sealed(version).into(), AT_ONCE.into()];
        let read = |row: &Row| {
            let other: Option<Vec<u8>> = row.get(1)?;
            Ok((row.get(0)?, other.is_none_or(|it| names_nobody(&it))))
        };
        self.look().await?.query(sql, values).await?.iter().map(read).collect()
    }
}

/// Whether it is the document of an order that was erased, and of which the law keeps nothing.
fn names_nobody(bytes: &[u8]) -> bool {
    document::order(bytes).is_ok_and(|it| it.erased.is_some_and(|it| it.kept_until.is_none()))
}
