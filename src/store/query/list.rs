//! The lists, page by page.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::domain::{
    ApprovalId, Courier, InvoiceId, Location, MessageId, Movement, Order, OrderId, PaymentId, Product,
    RefundId, Replenishment, ReplenishmentId, Reservation, ReservationId, ShipmentId, StockLevel,
};
use crate::store::connection::bound_rows as given;
use crate::store::connection::error::StoreError;
use crate::store::connection::select::all;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::listing::{Listing, Page};
use crate::store::query::plan::{Row, both_pages, page};
use crate::store::query::resources::{
    APPROVALS, COURIERS, INVOICES, LOCATIONS, MESSAGES, MOVEMENTS, ORDERS, PAYMENTS, PRODUCTS, REFUNDS,
    REPLENISHMENTS, RESERVATIONS, Resource, SHIPMENTS, STOCK_LEVELS,
};
use crate::store::rows::read::Lock;
use crate::store::rows::{catalogue, stock};
use crate::store::writer::load::{For, load_orders};

impl Store {
    pub async fn list_orders(
        &self,
        listing: &Listing,
        show_archived: bool,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) =
            if show_archived { both_pages(&db, listing).await? } else { page(&db, &ORDERS, listing).await? };
        let ids: Vec<_> = rows.iter().map(|it| OrderId(it.id())).collect();
        let orders = load_orders(&db, &self.inner.order_cache, &ids, For::Listing).await?;
        Ok((in_order(&ids, orders, |it| it.id), next))
    }

    /// Parts of orders come with their order: what is shown of a part is not all in it.
    pub async fn list_invoices(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, InvoiceId)>, StoreError> {
        self.parts(&INVOICES, listing).await
    }

    pub async fn list_payments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, PaymentId)>, StoreError> {
        self.parts(&PAYMENTS, listing).await
    }

    pub async fn list_refunds(&self, listing: &Listing) -> Result<Page<(Arc<Order>, RefundId)>, StoreError> {
        self.parts(&REFUNDS, listing).await
    }

    pub async fn list_shipments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ShipmentId)>, StoreError> {
        self.parts(&SHIPMENTS, listing).await
    }

    pub async fn list_approvals(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ApprovalId)>, StoreError> {
        self.parts(&APPROVALS, listing).await
    }

    pub async fn list_messages(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, MessageId)>, StoreError> {
        self.parts(&MESSAGES, listing).await
    }

    /// Orders' reservations and other callers'.
    pub async fn list_reservations(&self, listing: &Listing) -> Result<Page<Reservation>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &RESERVATIONS, listing).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReservationId(it.id())).collect();
        let found = self.reservations(&db, &ids).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_replenishments(&self, listing: &Listing) -> Result<Page<Replenishment>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &REPLENISHMENTS, listing).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReplenishmentId(it.id())).collect();
        let found = stock::load_replenishments(&db, &ids, Lock::No).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_products(&self, listing: &Listing) -> Result<Page<Product>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &PRODUCTS, listing).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let found = catalogue::products(db.backend(), &skus).alone(&db).await?;
        Ok((in_order(&skus, found, |it| it.sku.clone()), next))
    }

    pub async fn list_locations(&self, listing: &Listing) -> Result<Page<Location>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &LOCATIONS, listing).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = catalogue::locations(db.backend()).alone(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_couriers(&self, listing: &Listing) -> Result<Page<Courier>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &COURIERS, listing).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = catalogue::load_couriers(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_stock_levels(&self, listing: &Listing) -> Result<Page<StockLevel>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &STOCK_LEVELS, listing).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = rows.iter().map(|it| (it.text(0).to_owned(), it.text(1).to_owned())).collect();
        let found = stock::levels(db.backend(), &skus, Lock::No).alone(&db).await?;
        Ok((in_order(&keys, found, |it| (it.sku.to_string(), it.location.to_string())), next))
    }

    pub async fn list_movements(&self, listing: &Listing) -> Result<Page<Movement>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &MOVEMENTS, listing).await?;
        if rows.is_empty() {
            return Ok((Vec::new(), next));
        }

        let ids: Vec<_> = rows.iter().map(Row::id).collect();
        let (within, values) = given::one_of(db.backend(), ids.clone());
        let found = all(&db, &format!("SELECT * FROM stock_movements WHERE id {within}"), values).await?;
        let found = found.iter().map(movement).collect::<Result<Vec<_>, _>>()?;
        Ok((in_order(&ids, found, |it| it.id.0), next))
    }

    /// A page of parts of orders, each with its order.
    async fn parts<I: From<Uuid>>(
        &self,
        resource: &Resource,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, I)>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, resource, listing).await?;
        let orders = self.orders_of(&db, &rows).await?;
        let part = |row: &Row| Some((Arc::clone(orders.get(&row.order()?)?), row.id().into()));
        Ok((rows.iter().filter_map(part).collect(), next))
    }

    async fn orders_of(
        &self,
        db: &Session,
        rows: &[Row],
    ) -> Result<HashMap<OrderId, Arc<Order>>, StoreError> {
        let ids: BTreeSet<_> = rows.iter().filter_map(Row::order).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let orders = load_orders(db, &self.inner.order_cache, &ids, For::Listing).await?;
        Ok(orders.into_iter().map(|it| (it.id, it)).collect())
    }
}

fn in_order<K: Eq + Hash, V>(keys: &[K], found: Vec<V>, key: impl Fn(&V) -> K) -> Vec<V> {
    let mut found: HashMap<K, V> = found.into_iter().map(|it| (key(&it), it)).collect();
    keys.iter().filter_map(|it| found.remove(it)).collect()
}

fn movement(row: &QueryResult) -> Result<Movement, StoreError> {
    Ok(Movement {
        id: row.try_get_by("id")?,
        sku: row.try_get_by("sku")?,
        location: row.try_get_by("location")?,
        kind: row.try_get_by("kind")?,
        on_hand: row.try_get_by("on_hand")?,
        reserved: row.try_get_by("reserved")?,
        damaged: row.try_get_by("damaged")?,
        quality_hold: row.try_get_by("quality_hold")?,
        reservation: row.try_get_by("reservation_id")?,
        order: row.try_get_by("order_id")?,
        shipment: row.try_get_by("shipment_id")?,
        reason: row.try_get_by("reason")?,
        actor: row.try_get_by("actor")?,
        at: row.try_get_by("at")?,
    })
}
