//! Orders that have stood at a gate for too long, or of which something has slipped, the longest first.

use std::sync::Arc;

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{Order, Refusal, StuckGate, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::query::listing::{Cursor, Listing, Page, SIZE_MAX, Term};
use crate::store::query::plan::list_hash_of;

impl Store {
    /// Orders that stand at this gate, or at any, for longer than the rules allow, or are late. Of the listing only the page
    /// counts.
    pub async fn list_stuck_orders(
        &self,
        listing: &Listing,
        gate: Option<StuckGate>,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let named = |it: StuckGate| Term::equal("gate", it.as_str());
        let list = Listing { filter: gate.map(named).into_iter().collect(), ..listing.clone() };
        let hash = list_hash_of("stuck orders", &list);
        let after = listing.after.as_ref().map(|it| open(it, &hash)).transpose()?;
        let size = listing.size.clamp(1, SIZE_MAX);

        let now = self.now();
        let gates = StuckGate::ALL.iter().filter(|it| gate.is_none_or(|only| only == **it));
        let gates = gates.filter_map(|it| Some((*it, now.minus(self.inner.rules.stuck_after(*it)?))));
        let (sql, values) = statement(gate, &gates.collect::<Vec<_>>(), after, size);
        let mut rows = self.look().await?.query(&sql, values).await?;

        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let is_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| is_more).map(|it| cursor(it, &hash)).transpose()?;
        let orders = rows.into_iter().map(|it| self.order_in(&it.after(1)));
        Ok((orders.collect::<Result<_, _>>()?, next))
    }
}

/// One row more than the page has, if there is one. What stands at each gate is read along its index by itself, and so is
/// what has slipped, no further than the page can reach. An order of both is where it has stood longer.
fn statement(
    gate: Option<StuckGate>,
    gates: &[(StuckGate, Timestamp)],
    after: Option<(i64, Uuid)>,
    size: u64,
) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = after.map_or(Vec::new(), |(since, id)| vec![since.into(), id.into()]);
    let arm = |since: &str, condition: &str, index: usize| {
        let further = after.map_or(String::new(), |_| format!(" AND ({since}, id) > ($1, $2)"));
        format!(
            "SELECT * FROM (SELECT {since} AS since, id FROM orders WHERE {condition}{further} \
            ORDER BY {since}, id LIMIT {}) AS a{index}",
            size + 1
        )
    };
    let mut long = Vec::new();
    for (gate, until) in gates {
        values.push(until.unix_micros().into());
        long.push(format!("stuck_gate = '{gate}' AND stuck_since <= ${}", values.len()));
    }

    let longer = "(slipped_since IS NULL OR slipped_since >= stuck_since)";
    let stand = long.iter().map(|it| format!("{it} AND {longer}"));
    let mut arms: Vec<String> = stand.zip(0..).map(|(it, index)| arm("stuck_since", &it, index)).collect();
    let mut slipped = gate.map_or(String::new(), |it| format!("stuck_gate = '{it}' AND "));
    slipped.push_str("slipped_since IS NOT NULL");
    if !long.is_empty() {
        let long = long.join(" OR ");
        slipped
            .push_str(&format!(" AND (stuck_since IS NULL OR slipped_since < stuck_since OR NOT ({long}))"));
    }
    arms.push(arm("slipped_since", &slipped, arms.len()));
    let sql = format!(
        "WITH page AS ({} ORDER BY since, id LIMIT {}) \
        SELECT page.since, shown.document, shown.id, shown.version, shown.updated_at \
        FROM page JOIN orders AS shown ON shown.id = page.id ORDER BY page.since, page.id",
        arms.join(" UNION ALL "),
        size + 1
    );
    (sql, values)
}

fn cursor(row: &Row, hash: &[u8; 8]) -> Result<Cursor, StoreError> {
    let (since, id): (i64, Uuid) = (row.get(0)?, row.get(2)?);
    Ok(Cursor([&hash[..], &since.to_be_bytes(), id.as_bytes()].concat()))
}

fn open(cursor: &Cursor, hash: &[u8; 8]) -> Result<(i64, Uuid), Refusal> {
    let read = || {
        let rest = cursor.0.strip_prefix(&hash[..])?;
        let (since, id) = rest.split_at_checked(8)?;
        Some((i64::from_be_bytes(since.try_into().ok()?), Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(|| Refusal::invalid("page_token", "is not from this list, with this gate"))
}
