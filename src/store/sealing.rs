//! Archived orders that are to be sealed under the master key in use.

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::OrderId;
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::rows::document;

/// Orders of one look.
const AT_ONCE: i64 = 256;

impl Store {
    /// The next archived orders by their ids, after one or from the first, and whether each is sealed under this version of the
    /// master key. None are left once it is empty. Those whose customer was erased are never sealed.
    pub async fn archived_and_sealed(
        &self,
        version: u32,
        after: Option<OrderId>,
    ) -> Result<Vec<(OrderId, bool)>, StoreError> {
        let sql = "SELECT id, CAST(CASE WHEN substr(document, 1, 5) = $2 THEN 1 ELSE 0 END AS BIGINT) \
            FROM orders WHERE archived = TRUE AND id > $1 ORDER BY id LIMIT $3";
        let after = after.map_or(Uuid::nil(), |it| it.0);
        let values: Vec<Value> =
            vec![after.into(), document::beginning_of_sealed(version).into(), AT_ONCE.into()];
        let read = |row: &Row| {
            let is_sealed: i64 = row.get(1)?;
            Ok((row.get(0)?, is_sealed > 0))
        };
        self.look().await?.query(sql, values).await?.iter().map(read).collect()
    }
}
