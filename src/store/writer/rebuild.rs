//! Makes the tables around the orders and the columns of the catalogue anew, out of their documents: after a schema has
//! grown, or a projection was damaged. Page by page, each in a transaction that locks its rows, so that it may run beside
//! a server, stop anywhere and be run again.

use std::collections::BTreeMap;

use prometheus_client::metrics::counter::Counter;
use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{
    Actor, Courier, CourierRecords, CustomerAccount, DailyShipments, DiscountCode, DiscountUsesByKey,
    Location, Order, OrderId, Part, Product, Reservation, ReservationId, StockLevel, Transfer,
    count_daily_shipments, count_discount_uses,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::connection::statement::FixedStatement;
use crate::store::handle::Store;
use crate::store::query::agreement::{stored_days, stored_records, stored_uses};
use crate::store::rows::catalogue::{self, Entry, term_rows};
use crate::store::rows::lookup::{self, CachedState};
use crate::store::rows::order::{JobFields, with_document};
use crate::store::rows::projection::{Changes, values};
use crate::store::rows::statements::{Writes, names};
use crate::store::rows::stock::{self, stock_levels};
use crate::store::rows::table::Record;
use crate::store::rows::writes::{self, TermWrites};
use crate::store::rows::{capacity, discount, document, record, reservation};
use crate::store::writer::loaded::job_fields;

/// Orders of one transaction: few, so that the changes behind it wait briefly.
const PAGE: usize = 64;

impl Store {
    /// Makes the projection of every order, of the catalogue, of transfers, of what callers hold and of lots anew.
    /// `progress` hears how many orders are done. Gives back how many there were.
    pub async fn rebuild(&self, progress: impl Fn(u64)) -> Result<u64, StoreError> {
        let db = self.inner.pools.writer(&Counter::default()).await?;
        rebuild_entries::<Product>(&db, &writes::CHANGE_PRODUCTS, Some(writes::of_product_terms())).await?;
        rebuild_entries::<Location>(&db, &writes::CHANGE_LOCATIONS, None).await?;
        rebuild_entries::<Courier>(&db, &writes::CHANGE_COURIERS, None).await?;
        rebuild_entries::<CustomerAccount>(&db, &writes::CHANGE_CUSTOMERS, Some(writes::of_customer_terms()))
            .await?;
        rebuild_entries::<DiscountCode>(&db, &writes::CHANGE_DISCOUNT_CODES, None).await?;
        rebuild_entries::<Transfer>(&db, &writes::CHANGE_TRANSFERS, None).await?;
        rebuild_reservations(&db).await?;
        rebuild_lots(&db).await?;
        let (mut done, mut after) = (0, OrderId(Uuid::nil()));
        loop {
            let sql = format!("SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT {PAGE}");
            let found = db.query(&sql, vec![after.into()]).await?;
            let ids = found.iter().map(|row| row.get(0)).collect::<Result<Vec<OrderId>, _>>()?;
            let Some(last) = ids.last() else { break };
            after = *last;
            rebuild_orders(&db, &ids).await?;
            done += ids.len() as u64;
            progress(done);
        }
        self.correct_sums(&db).await?;
        Ok(done)
    }

    /// Corrects couriers' records, the days of locations and couriers, the uses of discount codes and what callers have
    /// open by the difference between them and what the orders say, both read at the same moment. A change that commits
    /// later changes both alike, so the difference stays right.
    async fn correct_sums(&self, db: &Session) -> Result<(), StoreError> {
        let looked = self.snapshot().await?;
        let mut missing = CourierRecords::new();
        for (courier, record) in stored_records(&looked).await? {
            missing.entry(courier).or_default().add(&record, -1);
        }
        let mut days = DailyShipments::new();
        for (key, shipments) in stored_days(&looked).await? {
            days.insert(key, -shipments);
        }
        let mut uses = DiscountUsesByKey::new();
        for (key, stored) in stored_uses(&looked).await? {
            uses.entry(key).or_default().add(&stored, -1);
        }
        let sql = format!("SELECT id, document FROM orders WHERE id > $1 ORDER BY id LIMIT {PAGE}");
        let mut after = OrderId(Uuid::nil());
        loop {
            let rows = looked.query(&sql, vec![after.into()]).await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0)?;
            for row in &rows {
                let order = document::order(row.bytes(1)?)?;
                record::count(&mut missing, &order, 1);
                count_daily_shipments(&mut days, &order, 1);
                count_discount_uses(&mut uses, &order, 1);
            }
        }
        let open = callers_differences(&looked).await?;
        drop(looked);

        let mut writes = Writes::default();
        let (more, less) = reservation::differences(open);
        writes.put(&writes::ADD_TO_OPEN_RESERVATIONS, more);
        writes.put(&writes::TAKE_OFF_OPEN_RESERVATIONS, less);
        writes.put(&writes::ADD_TO_COURIER_RECORDS, values(record::additions(missing)));
        let (more, less) = capacity::differences(days);
        writes.put(&writes::ADD_TO_DAYS, more);
        writes.put(&writes::TAKE_OFF_DAYS, less);
        let (more, less) = discount::differences(uses);
        writes.put(&writes::ADD_TO_DISCOUNT_USES, more);
        writes.put(&writes::TAKE_OFF_DISCOUNT_USES, less);
        db.begin(Vec::new()).await?;
        db.commit(writes.into_asks(), &["rebuild"]).await
    }
}

/// By how much what callers have open differs from what is counted of them.
async fn callers_differences(db: &Session) -> Result<BTreeMap<Actor, i64>, StoreError> {
    let sql = "SELECT caller, CAST(SUM(open) AS BIGINT) FROM (
            SELECT caller, COUNT(*) AS open FROM reservations
            WHERE caller IS NOT NULL AND state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED') GROUP BY caller
            UNION ALL SELECT caller, -open FROM open_reservations
        ) AS counted GROUP BY caller";
    let rows = db.query(sql, Vec::new()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

async fn rebuild_entries<T: Entry>(
    db: &Session,
    change: &'static FixedStatement,
    of_terms: Option<TermWrites>,
) -> Result<(), StoreError> {
    let (table, key) = (T::TABLE, T::KEY);
    let locked = locked(db);
    let sql = format!(
        "SELECT document, {key}, version FROM {table} WHERE {key} > $1 ORDER BY {key} LIMIT {PAGE} {locked}"
    );
    let mut after = T::Key::default();
    loop {
        db.begin(Vec::new()).await?;
        let rows = db.query(&sql, vec![after.clone().into()]).await?;
        let Some(last) = rows.last() else { return db.rollback().await };
        after = last.get(1)?;
        let mut own = Vec::with_capacity(rows.len());
        let (mut keys, mut terms) = (Vec::new(), Vec::new());
        for row in &rows {
            let entry: T = catalogue::read(row)?;
            keys.push(vec![row.get::<T::Key>(1)?.into()]);
            terms.extend(term_rows(&entry));
            let mut values = catalogue::to_row(&entry)?.values();
            values.push(row.get::<i64>(2)?.into());
            own.push(values);
        }
        let mut writes = Writes::default();
        writes.put(change, own);
        if let Some(table) = &of_terms {
            writes.put(table.clear, keys);
            writes.put(table.add, terms);
        }
        db.commit(writes.into_asks(), &["rebuild"]).await?;
    }
}

/// What other callers hold, with the items of each.
async fn rebuild_reservations(db: &Session) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT document, version, run_at, attempts, lease_token, lease_until FROM reservations \
        WHERE caller IS NOT NULL AND id > $1 ORDER BY id LIMIT {PAGE} {}",
        locked(db)
    );
    let mut after = ReservationId(Uuid::nil());
    loop {
        db.begin(Vec::new()).await?;
        let rows = db.query(&sql, vec![after.into()]).await?;
        let (mut own, mut keys, mut items) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let it: Reservation = document::decode("reservations", row.bytes(0)?)?;
            let mut values = reservation::of_caller(&it, job_fields(row, 2)?)?.values();
            values.push(row.get::<i64>(1)?.into());
            own.push(values);
            keys.push(vec![it.id.into()]);
            items.extend(it.items.iter().map(|item| reservation::item(it.id, item)));
            after = it.id;
        }
        if own.is_empty() {
            return db.rollback().await;
        }
        let mut writes = Writes::default();
        writes.put(&writes::CHANGE_RESERVATIONS, own);
        writes.put(&writes::CLEAR_ITEMS, keys);
        writes.put(&writes::UPSERT_ITEMS, values(items));
        db.commit(writes.into_asks(), &["rebuild"]).await?;
    }
}

/// The lots of every level: the level has them, and holds the lock under which they change.
async fn rebuild_lots(db: &Session) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {} FROM stock_levels WHERE (sku, location) > ($1, $2) ORDER BY sku, location LIMIT {PAGE} {}",
        names::<stock_levels::Entity>(),
        locked(db)
    );
    let mut after: Vec<Value> = vec!["".into(), "".into()];
    loop {
        db.begin(Vec::new()).await?;
        let rows = db.query(&sql, after.clone()).await?;
        let levels = rows.iter().map(stock::level).collect::<Result<Vec<_>, _>>()?;
        let key = |it: &StockLevel| -> Vec<Value> { vec![it.sku.clone().into(), it.location.clone().into()] };
        let Some(last) = levels.last() else { return db.rollback().await };
        after = key(last);
        let lots = levels.iter().flat_map(|it| it.lots.iter().map(|lot| stock::lot_to_row(it, lot)));
        let mut writes = Writes::default();
        writes.put(&writes::CLEAR_LOTS, levels.iter().map(key).collect());
        writes.put(&writes::UPSERT_LOTS, values(lots.collect()));
        db.commit(writes.into_asks(), &["rebuild"]).await?;
    }
}

/// SQLite has one writer, which a transaction of these is.
fn locked(db: &Session) -> &'static str {
    match db.backend() {
        DbBackend::Sqlite => "",
        _ => "FOR UPDATE",
    }
}

async fn rebuild_orders(db: &Session, ids: &[OrderId]) -> Result<(), StoreError> {
    let asked = ids.iter().enumerate();
    let asked = asked.map(|(index, it)| lookup::order_of(&Part::Order(*it), index, CachedState::default()));
    let (_, rows) = db.begin(vec![lookup::LOCK_ORDERS.about(asked.collect())]).await?;
    // With the version that the row has, whatever it is: the document is right.
    let read = |row: &Row| -> Result<(Order, Vec<u8>, JobFields, i64), StoreError> {
        let stored = row.bytes(8)?;
        let order = document::order(stored)?;
        // Without its key a sealed order goes on as it is.
        let document = match document::is_sealed(stored) {
            true => stored.to_vec(),
            false => document::encode("orders", &order)?,
        };
        Ok((order, document, job_fields(row, 4)?, row.get(2)?))
    };
    let found = rows.iter().flatten().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut writes = Writes::default();
    let mut own = Vec::with_capacity(found.len());
    let mut orders = Vec::with_capacity(found.len());
    for (order, document, job, version) in found {
        let mut values = with_document(&order, job, document).values();
        values.push(version.into());
        own.push(values);
        orders.push(order);
    }
    writes.put(&writes::CORRECT_ORDERS, own);
    let mut asks = writes.into_asks();
    asks.extend(Changes::rebuild(&orders));
    db.commit(asks, &["rebuild"]).await
}
