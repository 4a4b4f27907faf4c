//! Rows, and how orders, stock and the rest are laid out in them. Every function here works on a whole group:
//! the number of its statements does not depend on the number of orders. No rule of the business is decided
//! here.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::OrderId;
use crate::store::StoreError;
use crate::store::given::{KEYS_MAX, filled};
use crate::store::session::Session;

/// Declares one table: a module with its entity, whose `Model` is the row. The key comes first.
macro_rules! table {
    ($name:literal as $module:ident ($($key:ident: $key_type:ty),+) { $($column:ident: $type:ty,)+ }) => {
        pub(super) mod $module {
            use super::*;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub(in crate::store::rows) struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)] pub(in crate::store::rows) $key: $key_type,)+
                $(pub(in crate::store::rows) $column: $type,)+
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub(in crate::store::rows) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

mod approval;
mod archive;
mod catalogue;
mod event;
mod invoice;
mod job;
mod message;
mod order;
mod payment;
mod reservation;
mod shipment;
mod stock;
mod write;

#[cfg(test)]
pub(in crate::store) mod tests;

use shipment::order_of_tracked;
use write::{Difference, insert, remove, remove_each, save_versioned, upsert};

pub(in crate::store) use write::{Kind, Writes};

pub(in crate::store) use archive::load_archived;
pub(in crate::store) use catalogue::{
    courier_ratings, load_couriers, locations, products, save_couriers, save_locations, save_products,
};
pub(in crate::store) use event::{append_events, owners};
pub(in crate::store) use job::{Jobs, complete_jobs, leases, save_jobs};
pub(in crate::store) use order::{
    WHOLE_ORDER, awaited, awaited_before, external_references, fingerprints, load_orders, order_editions,
    save_orders,
};
pub(in crate::store) use payment::bank_references;
#[cfg(test)]
pub(in crate::store) use reservation::Overdue;
pub(in crate::store) use reservation::{load_reservations, overdue, save_reservations};
pub(in crate::store) use stock::{
    append_movements, levels, load_replenishments, open_replenishments, save_levels, save_replenishments,
};

/// Whether rows are read to be changed: then they are locked, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lock {
    No,
    Update,
}

/// Something as it was loaded (None: it is new) and as it shall be from now on.
#[derive(Debug)]
pub(in crate::store) struct Saved<'a, T> {
    pub(in crate::store) before: Option<&'a T>,
    pub(in crate::store) after: &'a T,
}

impl<T> Clone for Saved<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Saved<'_, T> {}

impl<'a, T> Saved<'a, T> {
    /// Its rows, as stored and as it shall be.
    fn rows<R>(&self, row: impl Fn(&T) -> R) -> (Option<R>, R) {
        (self.before.map(&row), row(self.after))
    }

    /// The parts of it, before and after.
    fn parts<P>(&self, of: impl Fn(&'a T) -> &'a [P]) -> (&'a [P], &'a [P]) {
        (self.before.map_or(&[], &of), of(self.after))
    }
}

/// Keys sorted, each once: the one order in which rows are read and locked.
fn sorted<K: Ord + Clone>(keys: &[K]) -> Vec<K> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The rows whose `column` has one of the keys, ordered by `order`.
async fn find<E, K>(
    db: &Session,
    column: E::Column,
    keys: &[K],
    order: &[E::Column],
    lock: Lock,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    K: Ord + Clone + Into<Value>,
{
    let mut found = Vec::new();
    for keys in sorted(keys).chunks(KEYS_MAX) {
        let mut query = E::find().filter(column.is_in(filled(keys.to_vec())));
        for column in order {
            query = query.order_by_asc(*column);
        }
        if lock == Lock::Update {
            query = query.lock_exclusive();
        }

        let rows = query.all(db).await?;
        if found.is_empty() {
            found = rows;
        } else {
            found.extend(rows);
        }
    }
    Ok(found)
}

/// Parts by their order.
type Of<P> = HashMap<OrderId, Vec<P>>;

/// Parts by the whole they belong to, in the order given.
fn gather<W: Eq + Hash, P>(
    parts: impl IntoIterator<Item = Result<(W, P), StoreError>>,
) -> Result<HashMap<W, Vec<P>>, StoreError> {
    let mut gathered: HashMap<W, Vec<P>> = HashMap::new();
    for part in parts {
        let (whole, part) = part?;
        gathered.entry(whole).or_default().push(part);
    }
    Ok(gathered)
}

fn take<W: Eq + Hash, P>(gathered: &mut HashMap<W, Vec<P>>, whole: &W) -> Vec<P> {
    gathered.remove(whole).unwrap_or_default()
}

/// A number that a column keeps wider than its type.
fn narrow<T: TryFrom<i64>>(table: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt { table, detail: format!("{value} is out of range") })
}

fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}

fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}
