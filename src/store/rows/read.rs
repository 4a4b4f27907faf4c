//! How rows are read: locked or not, sorted, gathered by their order.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use serde::de::DeserializeOwned;

use crate::domain::OrderId;
use crate::store::connection::bound_rows::{KEYS_MAX, padded};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;

/// Whether rows are read to be changed: then they are locked, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lock {
    No,
    Update,
}

/// Keys sorted, each once: the one order in which rows are read and locked.
pub(super) fn sorted<K: Ord + Clone>(keys: &[K]) -> Vec<K> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The rows whose `column` has one of the keys, ordered by `order`.
pub(super) async fn find<E, K>(
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
        let mut query = E::find().filter(column.is_in(padded(keys.to_vec())));
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
pub(super) type Of<P> = HashMap<OrderId, Vec<P>>;

/// Parts by the whole they belong to, in the order given.
pub(super) fn gather<W: Eq + Hash, P>(
    parts: impl IntoIterator<Item = Result<(W, P), StoreError>>,
) -> Result<HashMap<W, Vec<P>>, StoreError> {
    let mut gathered: HashMap<W, Vec<P>> = HashMap::new();
    for part in parts {
        let (whole, part) = part?;
        gathered.entry(whole).or_default().push(part);
    }
    Ok(gathered)
}

pub(super) fn take<W: Eq + Hash, P>(gathered: &mut HashMap<W, Vec<P>>, whole: &W) -> Vec<P> {
    gathered.remove(whole).unwrap_or_default()
}

/// A number that a column keeps wider than its type.
pub(super) fn narrow<T: TryFrom<i64>>(table: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt { table, detail: format!("{value} is out of range") })
}

pub(super) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}
