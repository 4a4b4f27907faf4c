//! What is asked of the store about API keys: who may call, what has changed, when each was last used.

use std::collections::HashMap;

use sea_orm::sea_query::Value;

use crate::domain::{Day, IssuedKey, KeyId};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::listing::{Listing, Page};
use crate::store::rows::api_key::{self, KEY_CHANGES};
use crate::store::rows::lookup;
use crate::store::writer::chore::Wish;

/// The keys that are not revoked, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveKeys {
    /// How often keys have changed. 0: there never was one.
    pub changes: i64,
    pub keys: Vec<IssuedKey>,
}

/// A key, and the day on which it was last used. None: never.
pub type UsedKey = (IssuedKey, Option<Day>);

impl Store {
    /// How often API keys have changed: a look that is made again and again.
    pub async fn key_changes(&self) -> Result<i64, StoreError> {
        changes(&self.look().await?).await
    }

    pub async fn live_keys(&self) -> Result<LiveKeys, StoreError> {
        let db = self.snapshot().await?;
        let changes = changes(&db).await?;
        let rows = db.exchange(vec![lookup::LIVE_API_KEYS.about(lookup::once())]).await?;
        Ok(LiveKeys { changes, keys: rows.iter().flatten().map(api_key::read).collect::<Result<_, _>>()? })
    }

    /// A key, revoked or not.
    pub async fn api_key(&self, id: KeyId) -> Result<Option<UsedKey>, StoreError> {
        let asked = lookup::API_KEYS.about(lookup::keys([id]));
        let rows = self.look().await?.exchange(vec![asked]).await?;
        let Some(row) = rows.iter().flatten().next() else { return Ok(None) };
        let key = api_key::read(row)?;
        let days = self.days_of_use(std::slice::from_ref(&key)).await?;
        Ok(Some((key, days.get(&id).copied())))
    }

    pub async fn list_api_keys(&self, listing: &Listing) -> Result<Page<UsedKey>, StoreError> {
        let (keys, next) = self.api_keys_page(listing).await?;
        let days = self.days_of_use(&keys).await?;
        let with_day = |it: IssuedKey| {
            let day = days.get(&it.id).copied();
            (it, day)
        };
        Ok((keys.into_iter().map(with_day).collect(), next))
    }

    async fn days_of_use(&self, keys: &[IssuedKey]) -> Result<HashMap<KeyId, Day>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let marks: Vec<_> = (1..=keys.len()).map(|it| format!("${it}")).collect();
        let sql = format!("SELECT key_id, used_on FROM api_key_uses WHERE key_id IN ({})", marks.join(", "));
        let values: Vec<Value> = keys.iter().map(|it| it.id.0.into()).collect();
        let rows = self.look().await?.query(&sql, values).await?;
        rows.iter()
            .map(|row| {
                let day: i32 = row.get(1)?;
                Ok((KeyId(row.get(0)?), Day::from_number(day.into())))
            })
            .collect()
    }

    /// Writes down that these keys were used on a day.
    pub async fn note_key_uses(&self, keys: Vec<KeyId>, day: Day) -> Result<(), StoreError> {
        self.run_chore(Wish::NoteKeyUses { keys, day }).await.map(drop)
    }
}

async fn changes(db: &Session) -> Result<i64, StoreError> {
    let row = db.query_one("SELECT value FROM counters WHERE name = $1", vec![KEY_CHANGES.into()]).await?;
    row.map_or(Ok(0), |it| it.get(0))
}
