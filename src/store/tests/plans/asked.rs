//! The statements that were sent, and what the database does for each.

use std::collections::BTreeSet;

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

use crate::store::connection::session::Session;
use crate::store::query::listing::{Compare, Direction};

/// Tables that grow with every order, every customer and every product.
pub(super) const GROWING: [&str; 34] = [
    "orders",
    "order_terms",
    "order_lines",
    "holds",
    "approvals",
    "messages",
    "feedback",
    "feedback_lines",
    "feedback_reasons",
    "follow_ups",
    "order_waits",
    "reservations",
    "reservation_items",
    "stock_movements",
    "replenishments",
    "invoice_numbers",
    "invoices",
    "credit_note_numbers",
    "credit_notes",
    "payments",
    "refunds",
    "payment_references",
    "returns",
    "shipments",
    "tracking_numbers",
    "shipment_lots",
    "decisions",
    "discount_codes",
    "discount_uses",
    "open_reservations",
    "customers",
    "customer_terms",
    "products",
    "product_terms",
];

/// Of a count: what leads past the archive, and indexes that hold only what is counted.
pub(super) const LEADS_TO_FEW: [&str; 21] = [
    "archived=?",
    "archived = false",
    "NOT archived",
    "_current",
    "orders_late",
    "orders_slipped",
    "orders_on_hold",
    "orders_stuck",
    "stuck_gate = ",
    "orders_due",
    "orders_delivered",
    "orders_pkey",
    "(id>?)",
    "reservations_due",
    "messages_failed",
    "payments_one_request",
    "request IS NOT NULL",
    "replenishments_state",
    "replenishments_open",
    "replenishments_one_proposed",
    "decisions_position",
];

/// Fields of a closed set of words: what is not one of them is any of the others, and an index leads to these.
const WORDS: [&str; 8] =
    ["state", "next_step", "payment_status", "fulfillment_status", "on_hold", "late", "blocked", "active"];

/// Fields of whose values each has a few rows at most: these may be sorted.
const FEW: [&str; 7] =
    ["order_id", "invoice_id", "payment_id", "number", "reference", "external_reference", "gtin"];

/// Rows that one statement may look at.
const LOOKED_AT_MAX: u64 = 500;

pub(super) fn is_full() -> bool {
    std::env::var_os("TEST_FULL").is_some()
}

/// What a listing asks for, in short.
#[derive(Debug, Clone, Default)]
pub(super) struct ListAsked {
    pub(super) filter: Option<(String, Compare, String)>,
    pub(super) order_by: Option<(String, Direction)>,
}

impl ListAsked {
    pub(super) fn name(&self) -> String {
        let filter = self.filter.as_ref().map_or("all".to_owned(), |(field, compare, _)| {
            let sign = match compare {
                Compare::Equal => "=",
                Compare::NotEqual => "!=",
                Compare::Less | Compare::LessOrEqual => "<",
                Compare::Greater | Compare::GreaterOrEqual => ">",
                Compare::In => "IN",
                Compare::Has => ":",
            };
            format!("{field} {sign}")
        });
        match &self.order_by {
            Some((name, Direction::Ascending)) => format!("{filter} by {name}"),
            Some((name, Direction::Descending)) => format!("{filter} by {name} desc"),
            None => filter,
        }
    }

    fn compares(&self, field: &str) -> bool {
        self.filter.as_ref().is_some_and(|(it, ..)| it == field)
    }

    fn sorts_by(&self, name: &str) -> bool {
        self.order_by.as_ref().is_some_and(|(it, _)| it == name)
    }

    /// What no index can serve without each order paying for it, and is slow where the rows that fit lie far back: a
    /// text that is not something, the numbers of invoices and numbers in the order of time, a number's order of
    /// what is found by something else; likewise the order of changes, of answers, and names that begin alike in the order of time;
    /// products of a time in the order of their SKUs.
    pub(super) fn may_walk(&self) -> bool {
        let compared =
            |it: &[Compare]| self.filter.as_ref().is_some_and(|(_, compare, _)| it.contains(compare));
        let is_range = self.filter.is_some() && !compared(&[Compare::Equal, Compare::In, Compare::Has]);
        let is_name = self.compares("customer_name") && self.filter.iter().any(|it| it.2.ends_with('*'));
        let is_text = self
            .filter
            .as_ref()
            .is_some_and(|(_, compare, value)| *compare == Compare::NotEqual || value.is_empty());
        (is_text && !WORDS.iter().any(|it| self.compares(it)))
            || (self.compares("number") && is_range && !self.sorts_by("number"))
            || (self.compares("series") && self.sorts_by("create_time"))
            || (self.sorts_by("number") && self.filter.is_some())
            || (self.compares("create_time") && (self.sorts_by("number") || self.sorts_by("sku")))
            || (self.sorts_by("update_time") && self.filter.is_some() && !self.compares("update_time"))
            || (self.order_by.is_some()
                && !self.sorts_by("update_time")
                && (is_name || self.compares("update_time") || self.compares("submit_time")))
    }
}

impl std::fmt::Display for ListAsked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.filter.as_ref().map_or("", |it| &it.2);
        write!(f, "{} {value}", self.name())
    }
}

/// What a plan says of how rows are found.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Growing tables that are gone through, in whatever order.
    scanned: BTreeSet<String>,
    /// Those of them that are gone through in no index's order.
    unled: BTreeSet<String>,
    indexes: BTreeSet<String>,
    /// Whether it is about a growing table at all; told of SQLite only.
    grows: bool,
    sorts: bool,
    /// Counted by PostgreSQL only.
    looked_at: u64,
}

impl Touched {
    pub(super) fn by(plan: &[String], backend: DbBackend) -> Self {
        let mut touched = Self::default();
        for line in plan {
            let line = line.trim().trim_start_matches("-> ").trim();
            match backend {
                DbBackend::Sqlite => touched.sqlite(line),
                _ => touched.postgres(line),
            }
        }
        touched
    }

    /// Through an index that holds only what was asked for it goes from end to end.
    fn sqlite(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        self.grows |= words.get(1).is_some_and(|it| GROWING.contains(it));
        if let ["SCAN", table, ..] = words.as_slice()
            && GROWING.contains(table)
            && !["_held", "_late", "_current", "_archived", "_by_number", "_by_update", "_by_name"]
                .iter()
                .any(|it| line.ends_with(it))
        {
            self.scanned.insert((*table).to_owned());
            if !line.contains(" USING ") {
                self.unled.insert((*table).to_owned());
            }
        }
        // Looking for the least or the largest of a column that no index leads to, it says that it searches.
        if let ["SEARCH", table, ..] = words.as_slice()
            && GROWING.contains(table)
            && !line.contains(" USING ")
        {
            self.scanned.insert((*table).to_owned());
            self.unled.insert((*table).to_owned());
        }
        if let Some(index) = words.iter().position(|it| *it == "INDEX") {
            self.indexes.extend(words.get(index + 1).map(|it| (*it).to_owned()));
        } else if line.contains("PRIMARY KEY") {
            self.indexes.insert("primary key".to_owned());
        }
        self.sorts |= line.contains("USE TEMP B-TREE FOR ORDER BY") || line.contains("TERM OF ORDER BY");
    }

    fn postgres(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Seq Scan on ") {
            let table = rest.split_whitespace().next().unwrap_or_default();
            if GROWING.contains(&table) {
                self.scanned.insert(table.to_owned());
            }
        }
        if let Some((_, rest)) =
            line.split_once(" using ").or_else(|| line.split_once("Bitmap Index Scan on "))
        {
            self.indexes.extend(rest.split_whitespace().next().map(str::to_owned));
        }
        self.sorts |= line.starts_with("Sort ") || line.starts_with("Incremental Sort");

        let number = |text: &str| {
            text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
        };
        if line.contains("Scan") {
            let actual = line.split_once("(actual ").map_or("", |it| it.1);
            let rows: u64 = actual.split_once("rows=").map_or(0, |it| number(it.1));
            let loops: u64 = actual.split_once("loops=").map_or(0, |it| number(it.1));
            self.looked_at += rows * loops;
        }
        if let Some(rest) = line.strip_prefix("Rows Removed by Filter: ") {
            self.looked_at += number(rest);
        }
    }

    /// Why this is too much for a page of what was asked, or for a read of something known.
    pub(super) fn too_much(&self, backend: DbBackend, asked: Option<&ListAsked>) -> Option<String> {
        if asked.is_some_and(ListAsked::may_walk) {
            return None;
        }
        if backend != DbBackend::Sqlite && asked.is_none() {
            return (!self.scanned.is_empty()).then(|| format!("goes through {:?}", self.scanned));
        }
        if backend != DbBackend::Sqlite {
            let scanned = (!self.scanned.is_empty()).then(|| format!("goes through {:?}", self.scanned));
            let many =
                || (self.looked_at > LOOKED_AT_MAX).then(|| format!("looks at {} rows", self.looked_at));
            return scanned.or_else(many);
        }

        let Some(asked) = asked else {
            return (!self.unled.is_empty()).then(|| format!("goes through {:?}", self.unled));
        };
        // SQLite does not count. Gone through along an order, a table ends with the page if nothing is left out.
        let walks = asked.filter.is_some() && !self.scanned.is_empty();
        let is_the_rule = asked.filter.as_ref().is_some_and(|(field, compare, value)| {
            let is_unset = (value == "false") == (*compare == Compare::Equal);
            value == "RESERVE" || (field == "late" && is_unset)
        });
        let walks = walks && !asked.compares("create_time") && !is_the_rule;
        let sorts =
            self.sorts && self.grows && !FEW.iter().any(|it| asked.compares(it)) && asked.filter.is_some();
        if walks {
            Some(format!("goes through {:?}", self.scanned))
        } else if sorts {
            Some("sorts all that fits".to_owned())
        } else if asked.filter.is_none() && asked.order_by.is_none() && self.sorts && !self.scanned.is_empty()
        {
            Some("sorts a table".to_owned())
        } else {
            None
        }
    }

    pub(super) fn how(&self) -> String {
        let mut how = self.indexes.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.scanned.is_empty() {
            how.push_str(&format!(" along {}", self.scanned.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
        if self.sorts {
            how.push_str(" sorted");
        }
        if self.looked_at > 0 {
            how.push_str(&format!(" ({} rows)", self.looked_at));
        }
        how
    }
}

/// A statement that was sent. A fixed one comes without the rows that it was about.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

pub(super) async fn explain(db: &Session, heard: &Heard) -> Vec<String> {
    let Heard { sql, values } = heard;
    let is_fixed = values.is_empty() && sql.contains('$');
    let lines = match db.backend() {
        DbBackend::Sqlite => db.query(&format!("EXPLAIN QUERY PLAN {sql}"), values.clone()).await,
        // The plan for any rows, as the writer's connection makes it once.
        _ if is_fixed => {
            let wanted = (1..).take_while(|it| sql.contains(&format!("${it}"))).count();
            let nulls = vec!["NULL"; wanted].join(", ");
            db.script(&format!("PREPARE heard AS {sql}")).await.expect("a statement");
            let lines = db.query(&format!("EXPLAIN EXECUTE heard ({nulls})"), Vec::new()).await;
            db.script("DEALLOCATE heard").await.expect("one less");
            lines
        }
        _ => {
            let writes = ["INSERT INTO", "UPDATE ", "DELETE FROM"].iter().any(|it| sql.contains(it));
            let how = if writes { "EXPLAIN" } else { "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF)" };
            db.query(&format!("{how} {sql}"), values.clone()).await
        }
    };
    let column = if db.backend() == DbBackend::Sqlite { 3 } else { 0 };
    lines.expect("a plan").iter().map(|row| row.get::<String>(column).expect("a line")).collect()
}

/// The growing tables that a plan goes through without being led to rows by a key.
pub(super) fn gone_through(plan: &[String], backend: DbBackend) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let growing = |word: &str| GROWING.contains(&word).then(|| word.to_owned());
    let lines: Vec<&str> = plan.iter().map(|it| it.trim().trim_start_matches("-> ").trim()).collect();
    for (index, line) in lines.iter().enumerate() {
        let words: Vec<_> = line.split_whitespace().collect();
        if backend == DbBackend::Sqlite {
            // Looking for the least or the largest of a column that no index leads to, it says that it searches.
            let is_scan = words.first() == Some(&"SCAN") || !line.contains(" USING ");
            if let ["SCAN" | "SEARCH", table, ..] = words.as_slice()
                && is_scan
            {
                found.extend(growing(table));
            }
            continue;
        }
        let is_node = |it: &str| it.contains("(cost=");
        let scanned = words.iter().position(|it| *it == "on").and_then(|it| words.get(it + 1));
        let details = lines[index + 1..].iter().take_while(|it| !is_node(it));
        let is_led = details.clone().any(|it| it.starts_with("Index Cond:"));
        let is_scan = is_node(line) && line.contains(" Scan") && !line.starts_with("Bitmap");
        if is_scan && !is_led {
            found.extend(scanned.and_then(|it| growing(it)));
        }
    }
    found
}
