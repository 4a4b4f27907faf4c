//! What is forgotten once it was kept long enough: in small transactions, so that the changes behind them wait briefly.
//! Request ids are forgotten in `jobs`, who read customers' data in `data_reads`.

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{MessageId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::writer::chore::{Wish, bounded};

/// Rows of one transaction.
const AT_ONCE: u64 = 500;

impl Store {
    /// Forgets what letters said that were written before this moment, of orders in the archive. That there was a letter, its
    /// kind and its times stay. Gives back how many.
    pub async fn forget_texts(&self, before: Timestamp) -> Result<u64, StoreError> {
        let (mut forgotten, mut after) = (0, Uuid::nil());
        loop {
            let page = old_texts(&self.look().await?, after, before, AT_ONCE).await?;
            let Some((last, _)) = page.last() else { return Ok(forgotten) };
            after = last.0;
            let messages: Vec<MessageId> = page.into_iter().filter(|it| it.1).map(|it| it.0).collect();
            if !messages.is_empty() {
                forgotten += self.run_chore(Wish::ForgetTexts(messages)).await?.rows();
            }
        }
    }

    /// Forgets events that a subscriber was given up on before this moment, and those that wait for one whose subscription was
    /// deleted. The events themselves stay. Gives back how many.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            match self.run_chore(Wish::ForgetDeliveries { before }).await?.rows() {
                0 => return Ok(forgotten),
                some => forgotten += some,
            }
        }
    }
}

/// Texts after this one that were written before this moment, in the order of their ids, which begin with that time; and
/// whether each may be forgotten.
pub(in crate::store) async fn old_texts(
    db: &Session,
    after: Uuid,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<(MessageId, bool)>, StoreError> {
    let millis = u128::try_from(before.unix_micros() / 1_000).unwrap_or(0);
    let bound = Uuid::from_u128(millis << 80);
    let sql = "SELECT t.message_id, CAST(CASE WHEN length(t.content) > 0 AND m.archived = TRUE THEN 1 ELSE 0 END AS BIGINT) \
        FROM message_texts AS t LEFT JOIN messages AS m ON m.id = t.message_id \
        WHERE t.message_id > $1 AND t.message_id < $2 ORDER BY t.message_id LIMIT $3";
    let values: Vec<Value> = vec![after.into(), bound.into(), bounded(limit).into()];
    let read = |row: &Row| {
        let may: i64 = row.get(1)?;
        Ok((row.get(0)?, may > 0))
    };
    db.query(sql, values).await?.iter().map(read).collect()
}
