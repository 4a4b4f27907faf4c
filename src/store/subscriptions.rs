//! What is asked of the store about subscriptions to events: which there are, and what has changed.

use crate::domain::{EventSubscription, SubscriptionId};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::rows::lookup;
use crate::store::rows::statements::names;
use crate::store::rows::subscription::{self, SUBSCRIPTION_CHANGES, event_subscriptions};

/// The subscriptions that are not deleted, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSubscriptions {
    /// How often subscriptions have changed. 0: there never was one.
    pub changes: i64,
    pub subscriptions: Vec<EventSubscription>,
}

impl Store {
    /// How often subscriptions have changed: a look that is made again and again.
    pub async fn subscription_changes(&self) -> Result<i64, StoreError> {
        changes(&self.look().await?).await
    }

    pub async fn live_subscriptions(&self) -> Result<LiveSubscriptions, StoreError> {
        let db = self.snapshot().await?;
        let changes = changes(&db).await?;
        let rows = db.exchange(vec![subscription::SUBSCRIPTIONS.about(lookup::once())]).await?;
        let subscriptions = rows.iter().flatten().map(subscription::read).collect::<Result<_, _>>()?;
        Ok(LiveSubscriptions { changes, subscriptions })
    }

    /// A subscription, deleted or not.
    pub async fn subscription(&self, id: SubscriptionId) -> Result<Option<EventSubscription>, StoreError> {
        let sql = format!(
            "SELECT {} FROM event_subscriptions WHERE event_subscriptions.id = $1",
            names::<event_subscriptions::Entity>()
        );
        let row = self.look().await?.query_one(&sql, vec![id.0.into()]).await?;
        row.map(|it| subscription::read(&it)).transpose()
    }
}

async fn changes(db: &Session) -> Result<i64, StoreError> {
    let row =
        db.query_one("SELECT value FROM counters WHERE name = $1", vec![SUBSCRIPTION_CHANGES.into()]).await?;
    row.map_or(Ok(0), |it| it.get(0))
}
