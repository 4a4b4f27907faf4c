//! What is asked of the store to erase a person: that it is begun and over, and that no trace is left beside the documents.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::sleep;
use uuid::Uuid;

use crate::domain::{Actor, CustomerId, DataSubject, OrderId, PersonNames};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::writer::chance::fresh_ids;
use crate::store::writer::chore::Wish;
use crate::store::writer::erasing::{self, ErasingWish};

pub use crate::store::writer::erasing::Erasure;

/// Erasures that are read at once.
const ERASURES_AT_ONCE: i64 = 100;

/// Subjects that one look through the answers is for.
const SUBJECTS_MAX: i64 = 10_000;

/// Answers that are read at once.
const ANSWERS_AT_ONCE: i64 = 200;

/// How long the log may have a reader, and how often that is looked at.
const LOG_TRIES: u32 = 50;
const LOG_PAUSE: Duration = Duration::from_millis(100);

/// How ids begin that are looked for in answers, and how long they are.
const PREFIXES: [&[u8]; 2] = [b"ord_", b"cus_"];
const ID_BYTES: usize = 30;

/// An order or a customer that left traces.
struct Traced {
    subject: Uuid,
    /// None: it is a customer.
    order: Option<OrderId>,
    /// In words.
    id: String,
    names: PersonNames,
}

impl Store {
    /// Writes down that a person is to be erased, so that it is done whatever happens.
    pub async fn begin_erasure(&self, subject: DataSubject, actor: Actor) -> Result<Erasure, StoreError> {
        let at = self.now();
        let erasure = Erasure { id: fresh_ids(at).fresh(), subject, actor, at };
        self.erasing(ErasingWish::Begin(erasure.clone())).await?;
        Ok(erasure)
    }

    /// Some of those that are begun and not over, the oldest first: those after this one. None: from the first on.
    pub async fn erasures(&self, after: Option<&Erasure>) -> Result<Vec<Erasure>, StoreError> {
        let after = after.map_or(Uuid::nil(), |it| it.id);
        let sql = "SELECT id, customer_id, email, actor, at FROM erasures WHERE id > $1 ORDER BY id LIMIT $2";
        let values = vec![after.into(), ERASURES_AT_ONCE.into()];
        self.look().await?.query(sql, values).await?.iter().map(erasing::read).collect()
    }

    /// Whether traces are left of somebody whose documents are erased.
    pub async fn has_traces(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM erasure_traces LIMIT 1";
        Ok(self.look().await?.query_one(sql, Vec::new()).await?.is_some())
    }

    /// Erases what is left of persons whose documents are erased, and what says that one of them was to be erased. `letters`
    /// erases what was written to the customers of these orders outside the database. Stopped anywhere, it goes on when it is
    /// called again.
    pub async fn erase_traces(
        &self,
        mut ended: Option<&Erasure>,
        letters: impl Fn(Vec<OrderId>) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync,
    ) -> Result<(), StoreError> {
        loop {
            while self.erasing(ErasingWish::Histories).await? > 0 {}
            let subjects = self.without_history().await?;
            if !subjects.is_empty() {
                let ids: HashSet<Vec<u8>> = subjects.iter().map(|it| it.id.clone().into_bytes()).collect();
                let names: HashSet<PersonNames> = subjects.iter().map(|it| it.names.clone()).collect();
                self.erase_answers(&ids, &names).await?;
                letters(subjects.iter().filter_map(|it| it.order).collect()).await?;
            }
            // It names them, so it goes before the log is emptied; the traces are rows until that is done.
            if let Some(erasure) = ended.take() {
                self.erasing(ErasingWish::End(erasure.id)).await?;
            }
            self.empty_log().await?;
            if subjects.is_empty() {
                return Ok(());
            }
            let subjects = subjects.into_iter().map(|it| it.subject).collect();
            self.erasing(ErasingWish::SubjectsDone(subjects)).await?;
        }
    }

    /// Subjects whose history is erased.
    async fn without_history(&self) -> Result<Vec<Traced>, StoreError> {
        let sql = "SELECT subject, is_order, names FROM erasure_traces WHERE history_left = FALSE LIMIT $1";
        let rows = self.look().await?.query(sql, vec![SUBJECTS_MAX.into()]).await?;
        let traced = |row: &Row| {
            let subject = row.get(0)?;
            let order = row.get::<bool>(1)?.then_some(OrderId(subject));
            let id = order.map_or_else(|| CustomerId(subject).to_string(), |it| it.to_string());
            Ok(Traced { subject, order, id, names: PersonNames::from_bytes(row.bytes(2)?) })
        };
        rows.iter().map(traced).collect()
    }

    /// Of all answers that are kept, erases those that tell of one of these subjects, and forgets what they asked themselves.
    async fn erase_answers(
        &self,
        subjects: &HashSet<Vec<u8>>,
        names: &HashSet<PersonNames>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT id, at, answer, actor FROM decisions WHERE request_id IS NOT NULL \
            AND (at > $1 OR (at = $1 AND id > $2)) ORDER BY at, id LIMIT $3";
        let (mut at, mut after) = (i64::MIN, i64::MIN);
        loop {
            let values = vec![at.into(), after.into(), ANSWERS_AT_ONCE.into()];
            let rows = self.look().await?.query(sql, values).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            (after, at) = (last.get(0)?, last.get(1)?);
            let (mut telling, mut own) = (Vec::new(), Vec::new());
            for row in &rows {
                let actor: Actor = row.get(3)?;
                if names.iter().any(|it| it.is(&actor)) {
                    own.push(row.get(0)?);
                } else if tells_of(row.bytes(2)?, subjects) {
                    telling.push(row.get(0)?);
                }
            }
            for wish in [ErasingWish::Answers(telling), ErasingWish::Forget(own)] {
                if !wish.is_nothing() {
                    self.erasing(wish).await?;
                }
            }
        }
    }

    /// Empties SQLite's log, as soon as nobody reads in it.
    async fn empty_log(&self) -> Result<(), StoreError> {
        for _ in 0..LOG_TRIES {
            if self.erasing(ErasingWish::EmptyLog).await? > 0 {
                return Ok(());
            }
            sleep(LOG_PAUSE).await;
        }
        Err(StoreError::Unavailable(
            "the log of the database is being read, and cannot be emptied".to_owned(),
        ))
    }

    async fn erasing(&self, wish: ErasingWish) -> Result<u64, StoreError> {
        Ok(self.run_chore(Wish::Erasing(wish)).await?.rows())
    }
}

/// Whether an answer has the id of one of these.
fn tells_of(answer: &[u8], subjects: &HashSet<Vec<u8>>) -> bool {
    answer
        .windows(ID_BYTES)
        .any(|it| PREFIXES.iter().any(|prefix| it.starts_with(prefix)) && subjects.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_of_whom_it_names() {
        let id = |number: u128| OrderId(Uuid::from_u128(number)).to_string();
        assert_eq!(id(7).len(), ID_BYTES);
        assert_eq!(CustomerId(Uuid::from_u128(7)).to_string().len(), ID_BYTES);
        let subjects =
            HashSet::from([id(7).into_bytes(), CustomerId(Uuid::from_u128(9)).to_string().into_bytes()]);
        let within = |text: String| tells_of(format!("\u{1}{text}\u{2}").as_bytes(), &subjects);
        assert!(within(id(7)) && within(CustomerId(Uuid::from_u128(9)).to_string()));
        assert!(
            !within(id(8))
                && !within(CustomerId(Uuid::from_u128(7)).to_string())
                && !within("ord_".to_owned())
        );
    }
}
