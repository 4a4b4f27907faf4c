//! The histories of the database: which there are, what each left out, and the next, begun in place after PostgreSQL's own
//! tools, or a snapshot of a disk, have put an older copy there.

use prometheus_client::metrics::counter::Counter;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::{
    Counters, EVENTS_COUNTER, Given, Histories, History, HistoryId, NextHistory, NumberGap, Refusal,
    Timestamp, with_series,
};
use crate::store::connection::copies::NumbersGiven;
use crate::store::connection::error::StoreError;
use crate::store::connection::histories::{ADD_GAP, ADD_HISTORY, MOVE_COUNTER};
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::writer::chance::fresh_ids;

impl Store {
    /// Every history of the database, with the numbers that each left out.
    pub async fn histories(&self) -> Result<Histories, StoreError> {
        let db = self.snapshot().await?;
        let all = histories(&db).await?;
        let sql = "SELECT counter, first_number, last_number, history FROM number_gaps \
            ORDER BY history, counter, first_number";
        let mut gaps = Vec::new();
        for row in db.query(sql, Vec::new()).await? {
            let (counter, first, last): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            gaps.push(NumberGap { counter, first, last, history: row.get(3)? });
        }
        Ok(Histories { all, gaps })
    }

    /// The time of the last decision that the present history has in common with the one before; None: it is the first.
    pub async fn shared_until(&self) -> Result<Option<Timestamp>, StoreError> {
        let db = self.snapshot().await?;
        let Some(history) = histories(&db).await?.pop().filter(|it| it.number > 1) else { return Ok(None) };
        let sql = "SELECT at FROM decisions WHERE last_position <= $1 ORDER BY last_position DESC LIMIT 1";
        let row = db.query_one(sql, vec![history.shared_position.into()]).await?;
        Ok(Some(Timestamp::from_unix_micros(row.map_or(Ok(0), |it| it.get(0))?)))
    }

    /// Begins the next history in a database that is an older copy of itself; the numbers that it leaves out. Nobody serves
    /// it, which is seen to on SQLite.
    pub async fn begin_history(&self, said: &NumbersGiven) -> Result<Vec<NumberGap>, StoreError> {
        let mut claim = self.inner.pools.claim().await?;
        let db = self.inner.pools.writer(&Counter::default()).await?;
        let (time, _) = db.begin(Vec::new()).await?;
        let counters = with_series(counters(&db).await?, &said.series);
        let given = match (said.is_complete, self.inner.pools.found.known_position()) {
            (true, _) => Given::Nothing,
            (false, None) => Given::AtLeast(Counters::new()),
            (false, Some(seen)) => Given::AtLeast([(EVENTS_COUNTER.to_owned(), seen)].into()),
        };
        let number = histories(&db).await?.last().map_or(0, |it| it.number);
        let now = time.unwrap_or_else(|| self.now());
        let id = fresh_ids(now).fresh();
        let next = NextHistory::after(number, &counters, &given, &said.last, id, now);
        let next = next.map_err(|it| StoreError::Refused(Refusal::invalid("after", it)))?;
        write(&db, &next).await?;
        db.commit(Vec::new(), &[]).await?;

        // From here on this is the latest that there is.
        let position = self.last_position().await?;
        if let Some(claim) = claim.as_mut()
            && let Err(error) = claim.begin_at(position)
        {
            tracing::warn!(%error, "the position cannot be written down beside the database");
        }
        Ok(next.gaps)
    }
}

async fn histories(db: &Session) -> Result<Vec<History>, StoreError> {
    let sql = "SELECT number, id, begun_at, shared_position FROM histories ORDER BY number";
    let rows = db.query(sql, Vec::new()).await?;
    let read = rows.iter().map(|row| {
        Ok(History {
            number: row.get(0)?,
            id: HistoryId(row.get::<Uuid>(1)?),
            begun_at: Timestamp::from_unix_micros(row.get(2)?),
            shared_position: row.get(3)?,
        })
    });
    read.collect()
}

/// Where the counters stand, which nobody moves until the transaction ends.
async fn counters(db: &Session) -> Result<Counters, StoreError> {
    let lock = if db.backend() == DbBackend::Sqlite { "" } else { " FOR UPDATE" };
    let rows = db.query(&format!("SELECT name, value FROM counters ORDER BY name{lock}"), Vec::new()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

async fn write(db: &Session, next: &NextHistory) -> Result<(), StoreError> {
    let NextHistory { history, gaps } = next;
    let row = vec![
        history.number.into(),
        history.id.0.into(),
        history.begun_at.unix_micros().into(),
        history.shared_position.into(),
    ];
    db.execute(ADD_HISTORY, row).await?;
    for gap in gaps {
        let counter = gap.counter.as_str();
        let row = vec![counter.into(), gap.first.into(), gap.last.into(), gap.history.into()];
        db.execute(ADD_GAP, row).await?;
        db.execute(MOVE_COUNTER, vec![counter.into(), gap.last.into()]).await?;
    }
    Ok(())
}
