//! What is forgotten in one transaction, once it was kept long enough.

use crate::domain::{MessageId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;

/// Rows of one transaction.
const AT_ONCE: i64 = 500;

/// Forgets what these messages said, if their orders are in the archive still.
pub(in crate::store) async fn forget_texts(db: &Session, messages: &[MessageId]) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for message in messages {
        let sql = "UPDATE message_texts SET content = $2 WHERE message_id = $1 \
            AND EXISTS (SELECT 1 FROM messages WHERE messages.id = $1 AND messages.archived = TRUE)";
        forgotten += db.execute(sql, vec![message.0.into(), Vec::<u8>::new().into()]).await?;
    }
    Ok(forgotten)
}

/// The last of an order go first: what waits behind another never waits behind none.
pub(in crate::store) async fn forget_deliveries(db: &Session, before: Timestamp) -> Result<u64, StoreError> {
    let given_up = "DELETE FROM untold_events WHERE (subscriber, position) IN (SELECT subscriber, position \
        FROM untold_events WHERE run_at IS NULL AND tried_at < $1 LIMIT $2)";
    let unheard = "DELETE FROM untold_events WHERE (subscriber, position) IN (SELECT e.subscriber, e.position \
        FROM event_subscribers AS s JOIN untold_events AS e ON e.subscriber = s.name WHERE s.retired = TRUE \
        ORDER BY e.position DESC LIMIT $1)";
    let given_up = db.execute(given_up, vec![before.unix_micros().into(), AT_ONCE.into()]).await?;
    Ok(given_up + db.execute(unheard, vec![AT_ONCE.into()]).await?)
}
