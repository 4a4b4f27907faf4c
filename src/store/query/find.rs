//! Reading one thing, or everything that belongs to one: on connections of their own, never through the writer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sea_orm::sea_query::Value;

use crate::domain::{
    Courier, CourierCode, CourierNames, CourierRecord, CourierRecords, CustomerAccount, CustomerId,
    DiscountCode, DiscountKey, DiscountUses, Event, Location, LocationCode, MessageId, MessageText, Order,
    OrderId, Part, Product, RegionCode, Replenishment, ReplenishmentId, Reservation, ReservationId, Sku,
    StockLevel, Timestamp, Transfer, TransferId,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::query::order_history::events_of_orders;
use crate::store::query::whole::{ClosedOrder, load_each, load_orders, reservation_of};
use crate::store::rows::lookup::{self, CachedState};
use crate::store::rows::{catalogue, discount, document, record, stock, transfer};
use crate::store::writer::chore::bounded;

/// Availability of a product, and the orders that wait for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    pub levels: Vec<StockLevel>,
    pub locations: BTreeMap<LocationCode, Location>,
    /// Units that waiting orders want.
    pub awaited: HashMap<(RegionCode, Sku), i64>,
}

impl Store {
    /// The order, archived or not.
    pub async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        Ok(load_orders(&self.look().await?, &self.inner.order_cache, &[id]).await?.pop())
    }

    /// The orders among these that exist, archived or not.
    pub async fn orders(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Arc<Order>>, StoreError> {
        let orders = load_orders(&self.look().await?, &self.inner.order_cache, ids).await?;
        Ok(orders.into_iter().map(|it| (it.id, it)).collect())
    }

    /// The same. One that is sealed under a key that is not here keeps no other from being read.
    pub async fn orders_or_closed(
        &self,
        ids: &[OrderId],
    ) -> Result<HashMap<OrderId, Result<Arc<Order>, ClosedOrder>>, StoreError> {
        let orders = load_each(&self.look().await?, &self.inner.order_cache, ids).await?;
        let id = |it: &Result<Arc<Order>, ClosedOrder>| match it {
            Ok(order) => order.id,
            Err(closed) => closed.open.id,
        };
        Ok(orders.into_iter().map(|it| (id(&it), it)).collect())
    }

    pub async fn order_by_number(&self, number: i64) -> Result<Option<Arc<Order>>, StoreError> {
        let db = self.look().await?;
        let sql = "SELECT id FROM orders WHERE number = $1";
        let Some(row) = db.query_one(sql, vec![number.into()]).await? else { return Ok(None) };
        Ok(load_orders(&db, &self.inner.order_cache, &[row.get(0)?]).await?.pop())
    }

    /// The order that a part belongs to, archived or not.
    pub async fn order_of(&self, part: &Part) -> Result<Option<OrderId>, StoreError> {
        let asked = lookup::OWNERS.about(vec![lookup::order_of(part, 0, CachedState::default())]);
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map_or(Ok(None), |row| row.get(1))
    }

    /// The file of a courier's label, by its hash.
    pub async fn label_file(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let asked = lookup::LABEL_FILES.about(lookup::keys([sha256.to_owned()]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map(|it| it.get(0)).transpose()
    }

    /// What these messages said, as far as anything was tried; nothing if that was kept long enough.
    pub async fn message_texts(
        &self,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, MessageText>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = lookup::MESSAGE_TEXTS.about(lookup::keys(ids.iter().copied()));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        let text = |row: &Row| {
            let content: Vec<u8> = row.get(1)?;
            let text = match content.is_empty() {
                true => MessageText::forgotten(),
                false => document::decode("message_texts", &content)?,
            };
            Ok((row.get(0)?, text))
        };
        rows.iter().flatten().map(text).collect()
    }

    /// The order that this invoice number was given to, archived or not.
    pub async fn order_of_invoice(&self, series: &str, number: i64) -> Result<Option<OrderId>, StoreError> {
        let sql = "SELECT order_id FROM invoice_numbers WHERE series = $1 AND number = $2";
        let row = self.look().await?.query_one(sql, vec![series.into(), number.into()]).await?;
        row.map(|it| it.get(0)).transpose()
    }

    /// The order that this credit note's number was given to, archived or not.
    pub async fn order_of_credit_note(
        &self,
        series: &str,
        number: i64,
    ) -> Result<Option<OrderId>, StoreError> {
        let sql = "SELECT order_id FROM credit_note_numbers WHERE series = $1 AND number = $2";
        let row = self.look().await?.query_one(sql, vec![series.into(), number.into()]).await?;
        row.map(|it| it.get(0)).transpose()
    }

    pub async fn level(&self, sku: &Sku, location: &LocationCode) -> Result<Option<StockLevel>, StoreError> {
        let levels = self.levels(std::slice::from_ref(sku)).await?;
        Ok(levels.into_iter().find(|it| it.location == *location))
    }

    /// How much of these products there is at every location.
    pub async fn levels(&self, skus: &[Sku]) -> Result<Vec<StockLevel>, StoreError> {
        let asked = lookup::LEVELS.about(lookup::keys(skus.iter().cloned()));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().map(stock::level).collect()
    }

    /// Stock of these products everywhere, and how much of it others wait for; all of the same moment.
    pub async fn availability(&self, skus: &[Sku]) -> Result<Availability, StoreError> {
        let keys = || lookup::keys(skus.iter().cloned());
        let asked = vec![
            lookup::LEVELS.about(keys()),
            lookup::AWAITED.about(keys()),
            lookup::LOCATIONS.about(lookup::once()),
        ];
        let mut answers = self.look().await?.exchange_at_once(asked).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let levels = next().iter().map(stock::level).collect::<Result<_, _>>()?;
        let mut awaited: HashMap<(RegionCode, Sku), i64> = HashMap::new();
        for row in next() {
            *awaited.entry((row.get(0)?, row.get(1)?)).or_default() += row.get::<i64>(2)?;
        }
        let locations = next().iter().map(catalogue::read::<Location>).collect::<Result<Vec<_>, _>>()?;
        let locations = locations.into_iter().map(|it| (it.code.clone(), it)).collect();
        Ok(Availability { levels, locations, awaited })
    }

    pub async fn product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        Ok(self.products(std::slice::from_ref(sku)).await?.pop())
    }

    /// Those of these products that there are.
    pub async fn products(&self, skus: &[Sku]) -> Result<Vec<Product>, StoreError> {
        let asked = lookup::PRODUCTS.about(lookup::keys(skus.iter().cloned()));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().map(catalogue::read).collect()
    }

    pub async fn location(&self, code: &LocationCode) -> Result<Option<Location>, StoreError> {
        Ok(self.locations().await?.into_iter().find(|it| it.code == *code))
    }

    /// Every location, in use or not.
    pub async fn locations(&self) -> Result<Vec<Location>, StoreError> {
        let rows = self.look().await?.exchange(vec![lookup::LOCATIONS.about(lookup::once())]).await?;
        rows.iter().flatten().map(catalogue::read::<Location>).collect()
    }

    pub async fn courier(&self, code: &CourierCode) -> Result<Option<Courier>, StoreError> {
        Ok(self.courier_with_record(code).await?.map(|it| it.0))
    }

    pub async fn courier_with_record(
        &self,
        code: &CourierCode,
    ) -> Result<Option<(Courier, CourierRecord)>, StoreError> {
        let (couriers, records) = self.couriers().await?;
        let courier = couriers.into_iter().find(|it| it.code == *code);
        Ok(courier.map(|it| (it, records.get(code).copied().unwrap_or_default())))
    }

    /// Names of couriers, as letters give them.
    pub async fn courier_names(&self) -> Result<CourierNames, StoreError> {
        Ok(self.couriers().await?.0.into_iter().map(|it| (it.code, it.name)).collect())
    }

    /// All couriers, and their records.
    pub async fn couriers(&self) -> Result<(Vec<Courier>, CourierRecords), StoreError> {
        let asked = [&lookup::COURIERS, &lookup::COURIER_RECORDS];
        let asked = asked.into_iter().map(|it| it.about(lookup::once())).collect();
        let answers = self.look().await?.exchange_at_once(asked).await?;
        let [couriers, records] = answers.as_slice() else {
            return Err(StoreError::Unavailable("the answer was cut short".to_owned()));
        };
        let records = records.iter().map(record::record).collect::<Result<_, _>>()?;
        let couriers = couriers.iter().map(catalogue::read).collect::<Result<_, _>>()?;
        Ok((couriers, records))
    }

    pub async fn customer(&self, id: CustomerId) -> Result<Option<CustomerAccount>, StoreError> {
        let asked = lookup::CUSTOMERS.about(lookup::keys([id]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map(catalogue::read).transpose()
    }

    /// A discount code, and how often it was redeemed.
    pub async fn discount_code(
        &self,
        code: &DiscountKey,
    ) -> Result<Option<(DiscountCode, DiscountUses)>, StoreError> {
        let asked = lookup::DISCOUNT_CODES.about(lookup::keys([code.clone()]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        let Some(row) = rows.iter().flatten().next() else { return Ok(None) };
        let found: DiscountCode = catalogue::read(row)?;
        let uses = self.discount_uses([code]).await?;
        Ok(Some((found, uses.get(code).copied().unwrap_or_default())))
    }

    /// How often all customers redeemed each of these codes; none of those that nobody did.
    pub(super) async fn discount_uses(
        &self,
        codes: impl IntoIterator<Item = &DiscountKey>,
    ) -> Result<HashMap<DiscountKey, DiscountUses>, StoreError> {
        let of_all = |code: &DiscountKey| vec![code.clone().into(), String::new().into()];
        let asked: Vec<_> = codes.into_iter().map(of_all).collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.look().await?.exchange(vec![lookup::DISCOUNT_USES.about(asked)]).await?;
        rows.iter().flatten().map(|row| discount::uses(row).map(|((code, _), uses)| (code, uses))).collect()
    }

    /// An order's reservation or another caller's.
    pub async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
        let asked = lookup::RESERVATIONS.about(lookup::keys([id]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map_or(Ok(None), |row| reservation_of(id, row, 1))
    }

    pub async fn replenishment(&self, id: ReplenishmentId) -> Result<Option<Replenishment>, StoreError> {
        let asked = lookup::REPLENISHMENTS.about(lookup::keys([id]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map(stock::replenishment).transpose()
    }

    pub async fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        let asked = lookup::TRANSFERS.about(lookup::keys([id]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        rows.iter().flatten().next().map(transfer::read).transpose()
    }

    /// The whole history of one order, archived or not.
    pub async fn events_of(&self, order: OrderId) -> Result<Vec<(i64, Event)>, StoreError> {
        events_of_orders(&self.look().await?, &[order]).await
    }

    /// Messages that failed at `since` or later and stand there, of orders that are not archived, the oldest failure
    /// first.
    pub async fn failed_messages(&self, since: Timestamp, limit: u64) -> Result<Vec<MessageId>, StoreError> {
        let sql = "SELECT id FROM messages WHERE failed_at >= $1 AND archived = FALSE \
            ORDER BY failed_at, id LIMIT $2";
        let values: Vec<Value> = vec![since.unix_micros().into(), bounded(limit).into()];
        self.look().await?.query(sql, values).await?.iter().map(|row| row.get(0)).collect()
    }
}
