//! How much there is of everything, for those who look after orders. One statement counts all of it at one moment. Each
//! count goes along an index that leaves the archive out, or that holds nothing but what is counted.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{
    Channel, Gate, OrderChangeState, OrderState, ReturnState, ShipmentState, StuckGate, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::query::figures::Backlog;
use crate::store::query::series::{LastCount, Series};
use crate::store::rows::terms::OPEN_CHANGE;

/// What there is, at one moment. Of archived orders only `placed` and `delivered` know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    pub at: Timestamp,
    /// From when on what was placed and delivered is counted.
    pub since: Timestamp,
    pub placed: i64,
    pub delivered: i64,
    /// Of the last event.
    pub position: i64,
    /// In each state but ARCHIVED.
    pub orders: BTreeMap<OrderState, i64>,
    pub on_hold: i64,
    /// Those of which something has slipped.
    pub late: Backlog,
    /// Those that have waited for too long; no gate without one.
    pub stuck: BTreeMap<StuckGate, Backlog>,
    pub approvals: BTreeMap<Gate, Backlog>,
    /// In the states that are open.
    pub changes: BTreeMap<OrderChangeState, i64>,
    pub shipments: BTreeMap<ShipmentState, i64>,
    /// In the states that are open.
    pub returns: BTreeMap<ReturnState, i64>,
    pub failed_letters: Backlog,
    /// Payments whose provider has not answered.
    pub unanswered_payments: Backlog,
    /// Shelves with fewer available units than their reorder point.
    pub below_reorder_point: i64,
    pub proposed_replenishments: i64,
    pub jobs_due: Backlog,
}

impl Store {
    /// What there is now, and what was placed and delivered since then.
    pub async fn overview(&self, since: Timestamp) -> Result<Overview, StoreError> {
        let rules = &self.inner.rules;
        let db = self.look().await?;
        let at = self.now();
        let gates = StuckGate::ALL.iter().filter_map(|it| Some((*it, at.minus(rules.stuck_after(*it)?))));
        let gates: Vec<(StuckGate, Timestamp)> = gates.collect();

        // Ids are in the order in which orders were made.
        let first_id = Uuid::from_u128(u128::from(since.unix_millis()) << 80);
        let mut values: Vec<Value> =
            vec![at.unix_micros().into(), since.unix_micros().into(), first_id.into()];
        values.extend(gates.iter().map(|(_, until)| Value::from(until.unix_micros())));
        let gates: Vec<StuckGate> = gates.into_iter().map(|it| it.0).collect();
        let counted = Counted::of(&db.query(&statement(&gates), values).await?)?;

        let mut stuck = counted.by_word("stuck", gates.iter().copied())?;
        stuck.retain(|_, it| it.count > 0);
        Ok(Overview {
            at,
            since,
            placed: counted.of_all("placed").count,
            delivered: counted.of_all("delivered").count,
            position: counted.of_all("position").count,
            orders: counts(counted.by_word("orders", current_orders())?),
            on_hold: counted.of_all("on_hold").count,
            late: counted.of_all("late"),
            stuck,
            approvals: counted.by_word("approvals", Gate::ALL.iter().copied())?,
            changes: counts(counted.by_word("changes", open_changes())?),
            shipments: counts(counted.by_word("shipments", ShipmentState::ALL.iter().copied())?),
            returns: counts(counted.by_word("returns", open_returns())?),
            failed_letters: counted.of_all("failed_letters"),
            unanswered_payments: counted.of_all("unanswered_payments"),
            below_reorder_point: counted.of_all("below_reorder_point").count,
            proposed_replenishments: counted.of_all("proposed_replenishments").count,
            jobs_due: counted.of_all("orders_due").and(counted.of_all("reservations_due")),
        })
    }

    /// How the last weeks went, as counted within the last minute. None: it could not be counted then.
    pub async fn series(&self) -> Option<Series> {
        let now = self.now();
        // Who asks meanwhile waits for it, instead of counting too.
        let mut last = self.inner.series.lock().await;
        if let Some(last) = last.as_ref().filter(|it| it.is_fresh(now)) {
            return last.series().cloned();
        }
        // Who gives up before it ends leaves this behind: the next one does not wait for as long.
        *last = Some(LastCount::Failed(now));
        let counting = async { Series::count(&self.look().await?, now).await };
        match counting.await {
            Ok(series) => {
                *last = Some(LastCount::Counted(series.clone()));
                Some(series)
            }
            Err(error) => {
                tracing::warn!(%error, "how the last weeks went cannot be counted");
                None
            }
        }
    }
}

fn current_orders() -> impl Iterator<Item = OrderState> {
    OrderState::ALL.iter().copied().filter(|it| *it != OrderState::Archived)
}

fn open_changes() -> impl Iterator<Item = OrderChangeState> {
    OrderChangeState::ALL.iter().copied().filter(|it| it.is_open())
}

fn open_returns() -> impl Iterator<Item = ReturnState> {
    ReturnState::ALL.iter().copied().filter(|it| !it.is_final())
}

/// Its parameters: now; since when what is new counts, as a time and as an id; for each gate since when who stands there
/// stands there for too long.
fn statement(gates: &[StuckGate]) -> String {
    let channels = quoted(Channel::ALL);
    let orders = quoted(current_orders());
    // In the order of the index, so that nothing is sorted.
    let orders = format!(
        "channel IN ({channels}) AND state IN ({orders}) AND archived = FALSE GROUP BY channel, state"
    );
    let in_state = |words: String| format!("state IN ({words}) AND archived = FALSE GROUP BY state");
    let shipments = in_state(quoted(ShipmentState::ALL));
    let returns = in_state(quoted(open_returns()));
    let pending = quoted(Gate::ALL);
    let pending = format!("gate IN ({pending}) AND state = 'PENDING' AND archived = FALSE GROUP BY gate");
    let changes = quoted(open_changes());
    let changes =
        format!("field = '{OPEN_CHANGE}' AND term IN ({changes}) AND archived = FALSE GROUP BY term");
    let mut parts = vec![
        count("placed", "''", "orders WHERE id >= $3", None),
        count("delivered", "''", "orders WHERE delivered_at >= $2", None),
        "SELECT 'position', '', COALESCE(MAX(last_position), 0), CAST(NULL AS BIGINT) FROM decisions \
            WHERE last_position IS NOT NULL"
            .to_owned(),
        count("orders", "state", &format!("orders WHERE {orders}"), None),
        count("on_hold", "''", "orders WHERE on_hold = TRUE AND archived = FALSE", None),
        count("late", "''", "orders WHERE slipped_since IS NOT NULL", Some("slipped_since")),
        count("approvals", "gate", &format!("approvals WHERE {pending}"), Some("requested_at")),
        count("changes", "term", &format!("order_terms WHERE {changes}"), None),
        count("shipments", "state", &format!("shipments WHERE {shipments}"), None),
        count("returns", "state", &format!("returns WHERE {returns}"), None),
        count(
            "failed_letters",
            "''",
            "messages WHERE failed_at IS NOT NULL AND archived = FALSE",
            Some("failed_at"),
        ),
        count("unanswered_payments", "''", "payments WHERE request IS NOT NULL", Some("updated_at")),
        count("below_reorder_point", "''", "stock_levels WHERE below_reorder_point = TRUE", None),
        count("proposed_replenishments", "''", "replenishments WHERE state = 'PROPOSED'", None),
        count("orders_due", "''", "orders WHERE run_at <= $1", Some("run_at")),
        count("reservations_due", "''", "reservations WHERE run_at <= $1", Some("run_at")),
    ];
    let stuck = |(gate, until): (&StuckGate, i32)| {
        let rows = format!("orders WHERE stuck_gate = '{gate}' AND stuck_since <= ${until}");
        count("stuck", &format!("'{gate}'"), &rows, Some("stuck_since"))
    };
    parts.extend(gates.iter().zip(4..).map(stuck));
    parts.join(" UNION ALL ")
}

/// Words of a closed set, as SQL has them.
fn quoted<W: Display>(words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().map(|it| format!("'{it}'")).collect::<Vec<_>>().join(", ")
}

/// A row, or one for each word that there is: how many there are, and since when the oldest waits, if a column says so.
fn count(what: &str, word: &str, rows: &str, oldest: Option<&str>) -> String {
    let oldest = oldest.map_or("CAST(NULL AS BIGINT)".to_owned(), |column| format!("MIN({column})"));
    format!("SELECT '{what}', {word}, COUNT(*), {oldest} FROM {rows}")
}

/// What the rows say: what is counted, its word, and how many there are of it.
struct Counted(Vec<(String, String, Backlog)>);

impl Counted {
    fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let read = |row: &Row| {
            let since: Option<i64> = row.get(3)?;
            let since = since.map(Timestamp::from_unix_micros);
            Ok((row.get(0)?, row.get(1)?, Backlog { count: row.get(2)?, since }))
        };
        rows.iter().map(read).collect::<Result<_, StoreError>>().map(Self)
    }

    fn of_all(&self, what: &str) -> Backlog {
        self.0.iter().find(|it| it.0 == what).map(|it| it.2).unwrap_or_default()
    }

    /// Each of these words with what there is of it, also if that is nothing.
    fn by_word<W: FromStr + Ord>(
        &self,
        what: &str,
        words: impl Iterator<Item = W>,
    ) -> Result<BTreeMap<W, Backlog>, StoreError> {
        let mut found: BTreeMap<W, Backlog> = words.map(|it| (it, Backlog::default())).collect();
        for (_, word, counted) in self.0.iter().filter(|it| it.0 == what) {
            let known = word.parse().map_err(|_| StoreError::corrupt("overview", format!("{what} {word}")));
            let sum = found.entry(known?).or_default();
            *sum = sum.and(*counted);
        }
        Ok(found)
    }
}

fn counts<W: Ord>(counted: BTreeMap<W, Backlog>) -> BTreeMap<W, i64> {
    counted.into_iter().map(|(word, it)| (word, it.count)).collect()
}
