//! How much there is of everything, for those who look after orders. One statement counts all of it at one moment. Each
//! count goes along an index that leaves the archive out, or that holds nothing but what is counted.

use std::collections::{BTreeMap, HashMap};
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
    pub late: i64,
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

        let mut stuck: BTreeMap<StuckGate, Backlog> = counted.by_word("stuck")?;
        stuck.retain(|_, it| it.count > 0);
        Ok(Overview {
            at,
            since,
            placed: counted.of_all("placed").count,
            delivered: counted.of_all("delivered").count,
            position: counted.of_all("position").count,
            orders: counts(counted.by_word("orders")?),
            on_hold: counted.of_all("on_hold").count,
            late: counted.of_all("late").count,
            stuck,
            approvals: counted.by_word("approvals")?,
            changes: counts(counted.by_word("changes")?),
            shipments: counts(counted.by_word("shipments")?),
            returns: counts(counted.by_word("returns")?),
            failed_letters: counted.of_all("failed_letters"),
            unanswered_payments: counted.of_all("unanswered_payments"),
            below_reorder_point: counted.of_all("below_reorder_point").count,
            proposed_replenishments: counted.of_all("proposed_replenishments").count,
            jobs_due: counted.of_all("orders_due").and(counted.of_all("reservations_due")),
        })
    }
}

/// Its parameters: now; since when what is new counts, as a time and as an id; for each gate since when who stands there
/// stands there for too long.
fn statement(gates: &[StuckGate]) -> String {
    let quoted = |it: &str| format!("('{it}')");
    let is_current = |it: &&OrderState| **it != OrderState::Archived;
    let states = OrderState::ALL.iter().filter(is_current).map(|it| quoted(it.as_str()));
    let approvals = Gate::ALL.iter().map(|it| quoted(it.as_str()));
    let changes = OrderChangeState::ALL.iter().filter(|it| it.is_open()).map(|it| quoted(it.as_str()));
    let shipments = ShipmentState::ALL.iter().map(|it| quoted(it.as_str()));
    let returns = ReturnState::ALL.iter().filter(|it| !it.is_final()).map(|it| quoted(it.as_str()));
    let waits = gates.iter().zip(4..);
    let waits = waits.map(|(gate, until)| format!("('{gate}', CAST(${until} AS BIGINT))"));
    let channels: Vec<String> = Channel::ALL.iter().map(|it| format!("'{it}'")).collect();

    let in_state = |table: &str| format!("{table} WHERE state = word.column1 AND archived = FALSE");
    let orders = format!(
        "orders WHERE channel IN ({}) AND state = word.column1 AND archived = FALSE",
        channels.join(", ")
    );
    let changing =
        format!("order_terms WHERE field = '{OPEN_CHANGE}' AND term = word.column1 AND archived = FALSE");
    let pending = "approvals WHERE gate = word.column1 AND state = 'PENDING' AND archived = FALSE";
    let stuck = "orders WHERE stuck_gate = word.column1 AND stuck_since <= word.column2";
    let mut parts = vec![
        all("placed", "orders WHERE id >= $3", None),
        all("delivered", "orders WHERE delivered_at >= $2", None),
        "SELECT 'position', '', COALESCE(MAX(last_position), 0), CAST(NULL AS BIGINT) FROM decisions"
            .to_owned(),
        by_word("orders", states, &orders, None),
        all("on_hold", "orders WHERE on_hold = TRUE AND archived = FALSE", None),
        all("late", "orders WHERE late", None),
        by_word("approvals", approvals, pending, Some("requested_at")),
        by_word("changes", changes, &changing, None),
        by_word("shipments", shipments, &in_state("shipments"), None),
        by_word("returns", returns, &in_state("returns"), None),
        all("failed_letters", "messages WHERE failed_at IS NOT NULL AND archived = FALSE", Some("failed_at")),
        all("unanswered_payments", "payments WHERE request IS NOT NULL", Some("updated_at")),
        all("below_reorder_point", "stock_levels WHERE below_reorder_point = TRUE", None),
        all("proposed_replenishments", "replenishments WHERE state = 'PROPOSED'", None),
        all("orders_due", "orders WHERE run_at <= $1", Some("run_at")),
        all("reservations_due", "reservations WHERE run_at <= $1", Some("run_at")),
    ];
    if !gates.is_empty() {
        parts.push(by_word("stuck", waits, stuck, Some("stuck_since")));
    }
    parts.join(" UNION ALL ")
}

/// A row: how many there are, and since when the oldest waits, if a column says so.
fn all(what: &str, rows: &str, oldest: Option<&str>) -> String {
    let oldest = oldest.map_or("CAST(NULL AS BIGINT)".to_owned(), |column| format!("MIN({column})"));
    format!("SELECT '{what}', '', COUNT(*), {oldest} FROM {rows}")
}

/// A row for each word, likewise. Word by word, each along its own part of an index.
fn by_word(what: &str, words: impl Iterator<Item = String>, rows: &str, oldest: Option<&str>) -> String {
    let oldest =
        oldest.map_or("CAST(NULL AS BIGINT)".to_owned(), |it| format!("(SELECT MIN({it}) FROM {rows})"));
    let words = words.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT '{what}', word.column1, (SELECT COUNT(*) FROM {rows}), {oldest} FROM (VALUES {words}) AS word"
    )
}

/// What the rows say, by what is counted and by word.
struct Counted(HashMap<String, Vec<(String, Backlog)>>);

impl Counted {
    fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let mut counted: HashMap<String, Vec<(String, Backlog)>> = HashMap::new();
        for row in rows {
            let since: Option<i64> = row.get(3)?;
            let since = since.map(Timestamp::from_unix_micros);
            counted
                .entry(row.get(0)?)
                .or_default()
                .push((row.get(1)?, Backlog { count: row.get(2)?, since }));
        }
        Ok(Self(counted))
    }

    fn of_all(&self, what: &str) -> Backlog {
        self.0.get(what).and_then(|it| it.first()).map(|it| it.1).unwrap_or_default()
    }

    fn by_word<W: FromStr + Ord>(&self, what: &str) -> Result<BTreeMap<W, Backlog>, StoreError> {
        let parsed = |(word, counted): &(String, Backlog)| {
            let known = word.parse().map_err(|_| StoreError::corrupt("overview", format!("{what} {word}")));
            Ok((known?, *counted))
        };
        self.0.get(what).map_or(Ok(BTreeMap::new()), |it| it.iter().map(parsed).collect())
    }
}

fn counts<W: Ord>(counted: BTreeMap<W, Backlog>) -> BTreeMap<W, i64> {
    counted.into_iter().map(|(word, it)| (word, it.count)).collect()
}
