//! The seller that invoices name: kept once, and never changed.

use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;

use crate::domain::{Seller, SellerId};
use crate::store::connection::error::StoreError;
use crate::store::handle::Store;
use crate::store::rows::document;
use crate::store::rows::projection::values;
use crate::store::rows::seller::{self, sellers};
use crate::store::rows::statements::{Fixed, Writes, insert_missing};

/// Sent once by a process, so no connection prepares it beforehand.
static ADD_SELLERS: Fixed = LazyLock::new(insert_missing::<sellers::Entity>);

impl Store {
    /// Keeps a seller for the invoices that are issued from now on. Another process may keep the same.
    pub async fn keep_seller(&self, seller: &Seller) -> Result<SellerId, StoreError> {
        let id = seller.id();
        if self.seller(id).await?.is_none() {
            let db = self.inner.pools.writer(&Counter::default()).await?;
            let mut writes = Writes::default();
            writes.put(&ADD_SELLERS, values(vec![seller::to_row(seller)?]));
            db.begin(Vec::new()).await?;
            db.commit(writes.into_asks(), &["seller"]).await?;
        }
        Ok(id)
    }

    /// The seller that an invoice names.
    pub async fn seller(&self, id: SellerId) -> Result<Option<Seller>, StoreError> {
        let sql = "SELECT document FROM sellers WHERE id = $1";
        let row = self.look().await?.query_one(sql, vec![id.into()]).await?;
        row.map(|it| document::decode("sellers", it.bytes(0)?)).transpose()
    }
}
