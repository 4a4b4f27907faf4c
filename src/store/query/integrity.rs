//! The laws over the live database: read-only, in one snapshot, naming each row that breaks one.
//!
//! Most laws are one query that finds the rows breaking it. What one order must be in itself is asked of the domain,
//! order by order, so that the rule is not written twice.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use crate::domain::{self, Machine, OrderId, Timestamp, Violation};
use crate::store::connection::error::StoreError;
use crate::store::connection::select::all;
use crate::store::connection::session::Session;
use crate::store::query::history::events_of;
use crate::store::rows::{archive, order};

/// How many broken rows of one law are named.
const NAMED_MAX: usize = 100;

/// How many orders are looked into at a time.
const PAGE: usize = 64;

/// Result of checking one law.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LawResult {
    pub id: &'static str,
    pub statement: &'static str,
    /// How many rows or orders were looked at.
    pub checked: u64,
    /// How many of them break it.
    pub broken: u64,
    /// The first [`NAMED_MAX`] of these.
    pub violations: Vec<Violation>,
}

impl LawResult {
    /// Nothing looked at yet.
    fn of(id: &'static str) -> Self {
        Self { id, statement: domain::law(id), checked: 0, broken: 0, violations: Vec::new() }
    }
}

/// A law that one query can check. `looked_at` counts the subjects, `broken` gives (key, expected, actual) as texts.
/// `{id:column}` stands for a UUID column as text, `$1` for the instant of the check.
struct Law {
    /// By which the domain knows what it says.
    id: &'static str,
    looked_at: &'static str,
    broken: &'static str,
}

const LAWS: &[Law] = &[
    Law {
        id: "S1",
        looked_at: "SELECT COUNT(*) FROM stock_levels",
        broken: "SELECT l.sku || ' at ' || l.location,
                COALESCE(m.on_hand, 0) || ' on hand, ' || COALESCE(m.damaged, 0) || ' damaged, '
                    || COALESCE(m.quality_hold, 0) || ' held',
                l.on_hand || ' on hand, ' || l.damaged || ' damaged, ' || l.quality_hold || ' held'
            FROM stock_levels l LEFT JOIN (
                SELECT sku, location, CAST(SUM(on_hand) AS BIGINT) AS on_hand,
                    CAST(SUM(damaged) AS BIGINT) AS damaged, CAST(SUM(quality_hold) AS BIGINT) AS quality_hold
                FROM stock_movements GROUP BY sku, location
            ) m ON m.sku = l.sku AND m.location = l.location
            WHERE l.on_hand <> COALESCE(m.on_hand, 0) OR l.damaged <> COALESCE(m.damaged, 0)
                OR l.quality_hold <> COALESCE(m.quality_hold, 0)",
    },
    Law {
        id: "S2",
        looked_at: "SELECT COUNT(*) FROM stock_levels",
        broken: "SELECT l.sku || ' at ' || l.location,
                COALESCE(i.units, 0) || ' in open reservations, ' || COALESCE(m.units, 0) || ' moved',
                CAST(l.reserved AS TEXT)
            FROM stock_levels l
            LEFT JOIN (
                SELECT i.sku, i.location, CAST(SUM(i.quantity - i.consumed - i.released) AS BIGINT) AS units
                FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id
                WHERE r.state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED') GROUP BY i.sku, i.location
            ) i ON i.sku = l.sku AND i.location = l.location
            LEFT JOIN (
                SELECT sku, location, CAST(SUM(reserved) AS BIGINT) AS units
                FROM stock_movements GROUP BY sku, location
            ) m ON m.sku = l.sku AND m.location = l.location
            WHERE l.reserved <> COALESCE(i.units, 0) OR l.reserved <> COALESCE(m.units, 0)",
    },
    Law {
        id: "S3",
        looked_at: "SELECT COUNT(*) FROM stock_levels",
        broken: "SELECT sku || ' at ' || location, 'reserved + damaged + quality_hold <= on_hand, all >= 0',
                reserved || ' + ' || damaged || ' + ' || quality_hold || ' of ' || on_hand
            FROM stock_levels
            WHERE reserved < 0 OR damaged < 0 OR quality_hold < 0 OR safety_stock < 0 OR on_hand < 0
                OR reserved + damaged + quality_hold > on_hand",
    },
    Law {
        id: "S4",
        looked_at: "SELECT COUNT(*) FROM reservation_items",
        broken: "SELECT {id:r.id} || ' item ' || i.number, CAST(i.quantity AS TEXT),
                i.consumed || ' consumed, ' || i.released || ' released, ' || r.state
            FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id
            WHERE i.consumed < 0 OR i.released < 0 OR i.consumed + i.released > i.quantity
                OR (r.state IN ('CONSUMED', 'RELEASED', 'EXPIRED') AND i.consumed + i.released <> i.quantity)",
    },
    Law {
        id: "S5",
        looked_at: "SELECT COUNT(*) FROM reservations",
        broken: "SELECT {id:i.reservation_id} || ' ' || i.sku || ' at ' || i.location, CAST(i.units AS TEXT),
                CAST(COALESCE(m.units, 0) AS TEXT)
            FROM (
                SELECT reservation_id, sku, location, CAST(SUM(consumed) AS BIGINT) AS units
                FROM reservation_items GROUP BY reservation_id, sku, location
            ) i
            LEFT JOIN (
                SELECT reservation_id, sku, location, CAST(-SUM(on_hand) AS BIGINT) AS units
                FROM stock_movements WHERE kind = 'SHIP' GROUP BY reservation_id, sku, location
            ) m ON m.reservation_id = i.reservation_id AND m.sku = i.sku AND m.location = i.location
            WHERE i.units <> COALESCE(m.units, 0)",
    },
    Law {
        id: "S6",
        looked_at: "SELECT COUNT(*) FROM reservations",
        // A job that failed is tried again later than its time; one that is due was not done yet, which is no
        // violation: nothing was served since.
        broken: "SELECT {id:r.id}, 'over', r.state
            FROM reservations r JOIN orders o ON o.id = r.order_id
            WHERE r.state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED')
                AND o.state IN ('REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED')
            UNION ALL
            SELECT {id:r.id}, 'a job at ' || r.expires_at, COALESCE(CAST(j.run_at AS TEXT), 'none')
            FROM reservations r LEFT JOIN jobs j ON j.id = COALESCE(r.order_id, r.id)
            WHERE r.state = 'HELD' AND r.expires_at IS NOT NULL
                AND (j.run_at IS NULL OR (j.run_at > r.expires_at AND j.attempts = 0 AND r.expires_at > $1))",
    },
    Law {
        id: "S7",
        looked_at: "SELECT COUNT(*) FROM order_lines",
        broken: "SELECT {id:l.order_id} || ' line ' || l.number, 'at most ' || l.quantity, CAST(s.units AS TEXT)
            FROM order_lines l JOIN (
                SELECT s.order_id, i.line, CAST(SUM(i.packed) AS BIGINT) AS units
                FROM shipments s JOIN shipment_items i ON i.shipment_id = s.id
                WHERE s.handed_over_at IS NOT NULL GROUP BY s.order_id, i.line
            ) s ON s.order_id = l.order_id AND s.line = l.number
            WHERE s.units > l.quantity",
    },
    Law {
        id: "W1",
        looked_at: "SELECT COUNT(*) FROM orders WHERE state = 'AWAITING_STOCK'",
        broken: "SELECT {id:o.id}, CASE WHEN o.state = 'AWAITING_STOCK' THEN 'waits' ELSE 'does not wait' END,
                CASE WHEN w.order_id IS NULL THEN 'does not wait' ELSE 'waits' END
            FROM orders o LEFT JOIN (SELECT DISTINCT order_id FROM order_waits) w ON w.order_id = o.id
            WHERE (o.state = 'AWAITING_STOCK') <> (w.order_id IS NOT NULL)",
    },
    Law {
        id: "M1",
        looked_at: "SELECT COUNT(*) FROM invoices",
        broken: "SELECT {id:i.id}, CAST(l.total + i.shipping_minor + CASE WHEN i.prices_include_tax THEN 0
                    ELSE i.shipping_tax_minor END AS TEXT), CAST(i.total_minor AS TEXT)
            FROM invoices i JOIN (
                SELECT invoice_id, CAST(SUM(total_minor) AS BIGINT) AS total, CAST(SUM(tax_minor) AS BIGINT) AS tax,
                    CAST(SUM(discount_minor + discount_share_minor) AS BIGINT) AS discount,
                    CAST(SUM(gross_minor) AS BIGINT) AS gross
                FROM invoice_lines GROUP BY invoice_id
            ) l ON l.invoice_id = i.id
            WHERE i.total_minor <> l.total + i.shipping_minor
                    + CASE WHEN i.prices_include_tax THEN 0 ELSE i.shipping_tax_minor END
                OR i.tax_minor <> l.tax + i.shipping_tax_minor
                OR i.discount_minor <> l.discount OR i.subtotal_minor <> l.gross",
    },
    Law {
        id: "M3",
        looked_at: "SELECT COUNT(*) FROM orders",
        broken: "SELECT {id:o.id}, 'captured <= ' || o.total_minor || ', refunded <= captured',
                p.captured || ' captured, ' || COALESCE(r.refunded, 0) || ' refunded'
            FROM orders o JOIN (
                SELECT order_id, CAST(SUM(captured_minor) AS BIGINT) AS captured FROM payments GROUP BY order_id
            ) p ON p.order_id = o.id
            LEFT JOIN (
                SELECT p.order_id, CAST(SUM(r.amount_minor) AS BIGINT) AS refunded
                FROM refunds r JOIN payments p ON p.id = r.payment_id
                WHERE r.state <> 'FAILED' GROUP BY p.order_id
            ) r ON r.order_id = o.id
            WHERE p.captured > o.total_minor OR COALESCE(r.refunded, 0) > p.captured
            UNION ALL
            SELECT {id:p.id}, 'at most ' || p.captured_minor, CAST(r.refunded AS TEXT)
            FROM payments p JOIN (
                SELECT payment_id, CAST(SUM(amount_minor) AS BIGINT) AS refunded
                FROM refunds WHERE state <> 'FAILED' GROUP BY payment_id
            ) r ON r.payment_id = p.id
            WHERE r.refunded > p.captured_minor OR p.captured_minor > p.amount_minor",
    },
    Law {
        id: "M5",
        looked_at: "SELECT COUNT(*) FROM payments",
        broken: "SELECT {id:p.id}, 'a job', p.ask || ' without one'
            FROM payments p LEFT JOIN jobs j ON j.id = p.order_id
            WHERE p.ask IS NOT NULL AND j.run_at IS NULL
            UNION ALL
            SELECT {id:r.id}, 'a job', 'a refund without one'
            FROM refunds r JOIN payments p ON p.id = r.payment_id LEFT JOIN jobs j ON j.id = p.order_id
            WHERE r.state = 'PENDING' AND p.method IN ('CARD', 'PAYPAL') AND j.run_at IS NULL",
    },
    Law {
        id: "M7",
        looked_at: "SELECT COUNT(*) FROM invoice_numbers",
        broken: "SELECT series, '1 to ' || COUNT(*), MIN(number) || ' to ' || MAX(number)
            FROM invoice_numbers GROUP BY series HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*)",
    },
    Law {
        id: "M8",
        looked_at: "SELECT COUNT(*) FROM shipments WHERE handed_over_at IS NOT NULL",
        broken: "SELECT {id:s.id}, 'an approved payment', 'none' FROM shipments s
            WHERE s.handed_over_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM approvals a WHERE a.order_id = s.order_id AND a.gate = 'PAYMENT'
                    AND a.state IN ('APPROVED', 'AUTO_APPROVED'))",
    },
    Law {
        id: "M9",
        looked_at: "SELECT COUNT(*) FROM payments WHERE method = 'BANK_TRANSFER'",
        broken: "SELECT {id:p.id}, 'in the register', 'not there' FROM payments p
            LEFT JOIN (SELECT DISTINCT payment_id FROM payment_references) r ON r.payment_id = p.id
            WHERE p.method = 'BANK_TRANSFER' AND r.payment_id IS NULL",
    },
    Law {
        id: "T4",
        looked_at: "SELECT COUNT(*) FROM approvals",
        broken: "SELECT {id:id}, 'not ' || requested_by, decided_by FROM approvals
            WHERE state IN ('APPROVED', 'REJECTED') AND (decided_by IS NULL OR decided_by = requested_by)",
    },
    Law {
        id: "L1",
        looked_at: "SELECT COUNT(*) FROM orders",
        broken: "SELECT {id:e.order_id}, COALESCE(CAST(o.last_event AS TEXT), CAST(e.events AS TEXT)) || ' events',
                e.events || ' events, ' || e.first || ' to ' || e.last
            FROM (
                SELECT order_id, COUNT(*) AS events, MIN(sequence) AS first, MAX(sequence) AS last
                FROM events GROUP BY order_id
            ) e LEFT JOIN orders o ON o.id = e.order_id
            WHERE e.first <> 1 OR e.last <> e.events OR (o.id IS NOT NULL AND o.last_event <> e.events)",
    },
    Law {
        id: "L2",
        looked_at: "SELECT COUNT(*) FROM events",
        broken: "SELECT {id:order_id} || ' event ' || sequence, 'not before ' || before, CAST(at AS TEXT)
            FROM (
                SELECT order_id, sequence, at, LAG(at) OVER (PARTITION BY order_id ORDER BY sequence) AS before
                FROM events
            ) e WHERE at < before",
    },
    Law {
        id: "L3",
        looked_at: "SELECT COUNT(*) FROM events",
        broken: "SELECT 'events', 'positions 1 to ' || e.events || ', counter at ' || e.events,
                e.first || ' to ' || e.last || ', counter at ' || c.value
            FROM (SELECT COUNT(*) AS events, MIN(position) AS first, MAX(position) AS last FROM events) e
            JOIN (SELECT CAST(COALESCE(MAX(value), 0) AS BIGINT) AS value FROM counters WHERE name = 'events') c ON TRUE
            WHERE e.events > 0 AND (e.first <> 1 OR e.last <> e.events OR c.value <> e.events)",
    },
    Law {
        id: "L4",
        looked_at: "SELECT COUNT(*) FROM shipments WHERE handed_over_at IS NOT NULL",
        broken: "SELECT {id:s.id}, 'a message SHIPPED', 'none' FROM shipments s
            WHERE s.handed_over_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM messages m WHERE m.order_id = s.order_id AND m.kind = 'SHIPPED'
                    AND m.shipment_id = s.id)
            UNION ALL
            SELECT {id:o.id}, 'a message DELIVERY_CONFIRMED', 'none' FROM orders o
            WHERE o.state = 'DELIVERED' AND NOT EXISTS (
                SELECT 1 FROM messages m WHERE m.order_id = o.id AND m.kind = 'DELIVERY_CONFIRMED')",
    },
    Law {
        id: "E1",
        looked_at: "SELECT COUNT(*) FROM jobs WHERE run_at IS NOT NULL",
        broken: "SELECT {id:id}, 'a lease until ' || ($1 + 3600000000) || ' at most', CAST(lease_until AS TEXT)
            FROM jobs WHERE run_at IS NOT NULL AND lease_until > $1 + 3600000000",
    },
    Law {
        id: "E2",
        looked_at: "SELECT COUNT(*) FROM messages WHERE state = 'QUEUED'",
        broken: "SELECT {id:m.id}, 'a job', 'none' FROM messages m LEFT JOIN jobs j ON j.id = m.order_id
            WHERE m.state = 'QUEUED' AND j.run_at IS NULL",
    },
    Law {
        id: "I1",
        looked_at: "SELECT COUNT(*) FROM requests",
        broken: "SELECT actor || ' ' || method || ' ' || request_id, 'an answer', 'none' FROM requests
            WHERE answer IS NULL",
    },
];

/// The laws whose check needs the domain.
const TRANSITIONS: &str = "T1";

const ARCHIVE: &str = "A1";

const CARDS: &str = "P1";

/// Runs every law. The connection must be inside one read-only snapshot. Before it asks the database
/// for what may take long it sees whether it is still wanted, and gives up otherwise.
pub(in crate::store) async fn check(
    db: &Session,
    now: Timestamp,
    wanted: impl Fn() -> bool,
) -> Result<Vec<LawResult>, StoreError> {
    let go_on = || if wanted() { Ok(()) } else { Err(unwanted()) };
    let mut results = BTreeMap::new();
    for law in LAWS {
        results.insert(law.id, check_law(db, law, now, go_on).await?);
    }
    go_on()?;
    results.insert(TRANSITIONS, check_transitions(db).await?);
    let mut orders = check_orders(db, go_on).await?;
    results.insert(ARCHIVE, check_archive(db, go_on).await?);

    // Every law there is, in its place; one that no query checks is one of orders.
    Ok(domain::LAWS.iter().map(|&(id, _)| orders.add_to(results.remove(id), id)).collect())
}

fn unwanted() -> StoreError {
    StoreError::Unavailable("nobody waits for the check".to_owned())
}

async fn check_law(
    db: &Session,
    law: &Law,
    now: Timestamp,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<LawResult, StoreError> {
    go_on()?;
    let checked = count(db, law.looked_at).await?;
    go_on()?;
    let mut values = Vec::new();
    if law.broken.contains("$1") {
        values.push(now.unix_micros().into());
    }
    let broken = all(db, &dialect(db.backend(), law.broken), values).await?;
    let named = broken.iter().take(NAMED_MAX).map(|row| {
        Ok(Violation {
            law: law.id,
            key: row.try_get_by_index(0)?,
            expected: row.try_get_by_index(1)?,
            actual: row.try_get_by_index::<Option<String>>(2)?.unwrap_or_default(),
        })
    });
    let violations = named.collect::<Result<Vec<_>, sea_orm::DbErr>>()?;
    let broken = broken.len() as u64;
    Ok(LawResult { checked, broken, violations, ..LawResult::of(law.id) })
}

/// Says the few words that the engines say differently.
fn dialect(backend: DbBackend, text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{id:") {
        let (column, after) = after.split_once('}').expect("the laws above close every brace");
        said.push_str(before);
        said.push_str(&match backend {
            DbBackend::Sqlite => format!("lower(hex({column}))"),
            _ => format!("CAST({column} AS TEXT)"),
        });
        rest = after;
    }
    said.push_str(rest);
    said
}

async fn check_transitions(db: &Session) -> Result<LawResult, StoreError> {
    let rows = all(
        db,
        "SELECT machine, from_state, to_state, COUNT(*) FROM events WHERE machine IS NOT NULL
         GROUP BY machine, from_state, to_state",
        Vec::new(),
    )
    .await?;
    let mut result = LawResult::of(TRANSITIONS);
    for row in rows {
        let machine: String = row.try_get_by_index(0)?;
        let (from, to): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let times = u64::try_from(row.try_get_by_index::<i64>(3)?).unwrap_or(0);
        result.checked += times;
        let legal = machine.parse::<Machine>().is_ok_and(|it| domain::legal(it, &from, &to));
        if !legal {
            result.broken += times;
            if result.violations.len() == NAMED_MAX {
                continue;
            }
            let (expected, actual) =
                ("a step of the table".to_owned(), format!("{from} to {to}, {times} times"));
            result.violations.push(Violation { law: TRANSITIONS, key: machine, expected, actual });
        }
    }
    Ok(result)
}

/// Findings in orders: how many there were, and by law how many break it.
#[derive(Default)]
struct OrdersFound {
    orders: u64,
    broken: BTreeMap<&'static str, (u64, Vec<Violation>)>,
}

impl OrdersFound {
    fn note(&mut self, violations: Vec<Violation>) {
        self.orders += 1;
        let laws: BTreeSet<&'static str> = violations.iter().map(|it| it.law).collect();
        for law in laws {
            self.broken.entry(law).or_default().0 += 1;
        }
        for violation in violations {
            let (_, named) = self.broken.entry(violation.law).or_default();
            if named.len() < NAMED_MAX {
                named.push(violation);
            }
        }
    }

    /// Adds what orders say of a law to what one query has found, which may be the same seen from another side.
    fn add_to(&mut self, found: Option<LawResult>, id: &'static str) -> LawResult {
        let mut result = found.unwrap_or_else(|| LawResult { checked: self.orders, ..LawResult::of(id) });
        if let Some((orders, named)) = self.broken.remove(id) {
            result.broken = result.broken.max(orders);
            let room = NAMED_MAX.saturating_sub(result.violations.len());
            result.violations.extend(named.into_iter().take(room));
        }
        result
    }
}

/// Looks into every order that is not archived, page by page along its id.
async fn check_orders(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<OrdersFound, StoreError> {
    let mut found = OrdersFound::default();
    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let ids = page(db, "orders", "id", after).await?;
        let Some(last) = ids.last() else { return Ok(found) };
        after = *last;
        let loaded = order::load_orders(db, &ids).await?;
        let mut histories: BTreeMap<OrderId, Vec<domain::Event>> = BTreeMap::new();
        for (_, event) in events_of(db, &ids).await? {
            histories.entry(event.order).or_default().push(event);
        }
        for order in &loaded {
            let mut broken = order.violations();
            let history = histories.get(&order.id).map(Vec::as_slice).unwrap_or_default();
            broken.extend(domain::history_violations(order, history));
            broken.extend(card_numbers(order));
            found.note(broken);
        }
        if ids.len() < PAGE {
            return Ok(found);
        }
    }
}

fn card_numbers(order: &domain::Order) -> Vec<Violation> {
    let mut texts: Vec<(&str, &str)> =
        vec![("special_instructions", &order.special_instructions), ("cancel_reason", &order.cancel_reason)];
    texts.extend(order.holds.iter().map(|it| ("hold", it.note.as_str())));
    texts.extend(order.payments.iter().map(|it| match &it.means {
        domain::Means::Provider(at) => ("token", at.token.as_str()),
        domain::Means::ByHand { reference, .. } => ("reference", reference.as_str()),
    }));
    texts
        .into_iter()
        .filter(|(_, text)| domain::looks_like_card_number(text))
        .map(|(column, _)| Violation {
            law: CARDS,
            key: format!("{} {column}", order.id),
            expected: "no card number".to_owned(),
            actual: "one".to_owned(),
        })
        .collect()
}

fn note(result: &mut LawResult, broken: Vec<Violation>) {
    result.checked += 1;
    result.broken += u64::from(!broken.is_empty());
    let room = NAMED_MAX.saturating_sub(result.violations.len());
    result.violations.extend(broken.into_iter().take(room));
}

async fn check_archive(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<LawResult, StoreError> {
    let mut result = LawResult::of(ARCHIVE);
    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let ids = page(db, "archived_orders", "order_id", after).await?;
        let Some(last) = ids.last() else { return Ok(result) };
        after = *last;
        for order in archive::load_archived(db, &ids).await? {
            note(&mut result, order.violations());
        }
        if ids.len() < PAGE {
            return Ok(result);
        }
    }
}

/// The ids of the next orders in a table.
async fn page(db: &Session, table: &str, id: &str, after: OrderId) -> Result<Vec<OrderId>, StoreError> {
    let backend = db.backend();
    let sql = format!("SELECT {id} FROM {table} WHERE {id} > $1 ORDER BY {id} LIMIT {PAGE}");
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [after.0.into()])).await?;
    rows.iter().map(|row| Ok(OrderId(row.try_get_by_index::<Uuid>(0)?))).collect()
}

async fn count(db: &Session, sql: &str) -> Result<u64, StoreError> {
    let rows = all(db, sql, Vec::new()).await?;
    let found = rows.first().map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    Ok(found.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}
