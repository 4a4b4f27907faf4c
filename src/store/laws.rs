//! The laws over the live database: read-only, in one snapshot, naming each row that breaks one.
//!
//! Most laws are one query that finds the rows breaking it. What one order must be in itself is asked of the domain,
//! order by order, so that the rule is not written twice.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use super::StoreError;
use super::find::all;
use super::rows;
use super::session::Session;
use crate::domain::{self, Breach, Machine, OrderId, Timestamp};

/// How many broken rows of one law are named.
const NAMED_MAX: usize = 100;
/// How many orders are looked into at a time.
const PAGE: usize = 64;

/// What was found about one law.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LawResult {
    pub id: &'static str,
    pub statement: &'static str,
    /// How many rows or orders were looked at.
    pub checked: u64,
    /// How many of them break it.
    pub broken: u64,
    /// The first [`NAMED_MAX`] of these.
    pub breaches: Vec<Breach>,
}

/// A law that one query can check. `looked_at` counts the subjects, `broken` gives (key, expected, actual) as texts.
/// `{id:column}` stands for a UUID column as text, `$1` for the instant of the check.
struct Law {
    id: &'static str,
    statement: &'static str,
    looked_at: &'static str,
    broken: &'static str,
}

const LAWS: &[Law] = &[
    Law {
        id: "S1",
        statement: "every figure of a stock level is the sum of its movements",
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
        statement: "reserved units are those of open reservations, and those of the movements",
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
        statement: "no figure of a stock level is negative, and what is promised or unsaleable is there",
        looked_at: "SELECT COUNT(*) FROM stock_levels",
        broken: "SELECT sku || ' at ' || location, 'reserved + damaged + quality_hold <= on_hand, all >= 0',
                reserved || ' + ' || damaged || ' + ' || quality_hold || ' of ' || on_hand
            FROM stock_levels
            WHERE reserved < 0 OR damaged < 0 OR quality_hold < 0 OR safety_stock < 0 OR on_hand < 0
                OR reserved + damaged + quality_hold > on_hand",
    },
    Law {
        id: "S4",
        statement: "consumed and released units of a reservation never pass what was reserved, and reach it at its end",
        looked_at: "SELECT COUNT(*) FROM reservation_items",
        broken: "SELECT {id:r.id} || ' item ' || i.number, CAST(i.quantity AS TEXT),
                i.consumed || ' consumed, ' || i.released || ' released, ' || r.state
            FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id
            WHERE i.consumed < 0 OR i.released < 0 OR i.consumed + i.released > i.quantity
                OR (r.state IN ('CONSUMED', 'RELEASED', 'EXPIRED') AND i.consumed + i.released <> i.quantity)",
    },
    Law {
        id: "S5",
        statement: "every consumed unit of a reservation left the shelf in exactly one movement",
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
        id: "S7",
        statement: "no hold outlives its end by more than a minute, and no reservation its order",
        looked_at: "SELECT COUNT(*) FROM reservations",
        broken: "SELECT {id:r.id}, 'over', r.state
            FROM reservations r LEFT JOIN orders o ON o.id = r.order_id
            WHERE (r.state = 'HELD' AND r.expires_at < $1 - 60000000)
                OR (r.state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED')
                    AND o.state IN ('REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED'))",
    },
    Law {
        id: "S8",
        statement: "no line ships more than was ordered",
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
        statement: "an order waits for stock exactly while it is AWAITING_STOCK",
        looked_at: "SELECT COUNT(*) FROM orders WHERE state = 'AWAITING_STOCK'",
        broken: "SELECT {id:o.id}, CASE WHEN o.state = 'AWAITING_STOCK' THEN 'waits' ELSE 'does not wait' END,
                CASE WHEN w.order_id IS NULL THEN 'does not wait' ELSE 'waits' END
            FROM orders o LEFT JOIN (SELECT DISTINCT order_id FROM order_waits) w ON w.order_id = o.id
            WHERE (o.state = 'AWAITING_STOCK') <> (w.order_id IS NOT NULL)",
    },
    Law {
        id: "M1",
        statement: "an invoice is its lines less discounts plus taxes plus shipping, to the minor unit",
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
        statement: "captured is at most what was invoiced, refunded at most what was captured",
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
            WHERE p.captured > o.total_minor OR COALESCE(r.refunded, 0) > p.captured",
    },
    Law {
        id: "M4",
        statement: "no payment gives back more than it took",
        looked_at: "SELECT COUNT(*) FROM payments",
        broken: "SELECT {id:p.id}, 'at most ' || p.captured_minor, CAST(r.refunded AS TEXT)
            FROM payments p JOIN (
                SELECT payment_id, CAST(SUM(amount_minor) AS BIGINT) AS refunded
                FROM refunds WHERE state <> 'FAILED' GROUP BY payment_id
            ) r ON r.payment_id = p.id
            WHERE r.refunded > p.captured_minor OR p.captured_minor > p.amount_minor",
    },
    Law {
        id: "M5",
        statement: "no question to a payment provider stays open for more than five minutes",
        looked_at: "SELECT COUNT(*) FROM payments WHERE ask IS NOT NULL",
        broken: "SELECT {id:id}, 'answered', ask || ' open since ' || created_at
            FROM payments WHERE ask IS NOT NULL AND updated_at < $1 - 300000000",
    },
    Law {
        id: "M8",
        statement: "invoice numbers of a series run from 1 without gap",
        looked_at: "SELECT COUNT(*) FROM invoice_numbers",
        broken: "SELECT series, '1 to ' || COUNT(*), MIN(number) || ' to ' || MAX(number)
            FROM invoice_numbers GROUP BY series HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*)",
    },
    Law {
        id: "M9",
        statement: "nothing is handed over before its payment is approved",
        looked_at: "SELECT COUNT(*) FROM shipments WHERE handed_over_at IS NOT NULL",
        broken: "SELECT {id:s.id}, 'an approved payment', 'none' FROM shipments s
            WHERE s.handed_over_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM approvals a WHERE a.order_id = s.order_id AND a.gate = 'PAYMENT'
                    AND a.state IN ('APPROVED', 'AUTO_APPROVED'))",
    },
    Law {
        id: "T5",
        statement: "nobody approves what they asked for",
        looked_at: "SELECT COUNT(*) FROM approvals",
        broken: "SELECT {id:id}, 'not ' || requested_by, decided_by FROM approvals
            WHERE state IN ('APPROVED', 'REJECTED') AND (decided_by IS NULL OR decided_by = requested_by)",
    },
    Law {
        id: "L1",
        statement: "the events of an order are numbered from 1 without gap, up to the one it knows as its last",
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
        statement: "recorded time never falls along an order's events",
        looked_at: "SELECT COUNT(*) FROM events",
        broken: "SELECT {id:order_id} || ' event ' || sequence, 'not before ' || before, CAST(at AS TEXT)
            FROM (
                SELECT order_id, sequence, at, LAG(at) OVER (PARTITION BY order_id ORDER BY sequence) AS before
                FROM events
            ) e WHERE at < before",
    },
    Law {
        id: "L3",
        statement: "global positions run from 1 without gap, up to the counter",
        looked_at: "SELECT COUNT(*) FROM events",
        broken: "SELECT 'events', 'positions 1 to ' || e.events || ', counter at ' || e.events,
                e.first || ' to ' || e.last || ', counter at ' || c.value
            FROM (SELECT COUNT(*) AS events, MIN(position) AS first, MAX(position) AS last FROM events) e
            JOIN (SELECT CAST(COALESCE(MAX(value), 0) AS BIGINT) AS value FROM counters WHERE name = 'events') c ON TRUE
            WHERE e.events > 0 AND (e.first <> 1 OR e.last <> e.events OR c.value <> e.events)",
    },
    Law {
        id: "L6",
        statement: "every shipment under way and every delivered order was told to the customer, or says why not",
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
        id: "E3",
        statement: "no job that is due lies untouched for more than five minutes",
        looked_at: "SELECT COUNT(*) FROM jobs WHERE run_at IS NOT NULL",
        broken: "SELECT {id:id}, 'run at ' || run_at, 'not yet' FROM jobs
            WHERE run_at < $1 - 300000000 AND (lease_until IS NULL OR lease_until < $1 - 60000000)",
    },
    Law {
        id: "I1",
        statement: "every claimed request id has its answer",
        looked_at: "SELECT COUNT(*) FROM requests",
        broken: "SELECT actor || ' ' || method || ' ' || request_id, 'an answer', 'none' FROM requests
            WHERE answer IS NULL",
    },
];

/// The laws whose check needs the domain.
const TRANSITIONS: (&str, &str) = ("T1", "every step of every state machine is in its table");
const ORDERS: (&str, &str) =
    ("O1", "every order obeys the laws of its parts, and its history leads to where it stands");
const ARCHIVE: (&str, &str) =
    ("A1", "every archived order can be read and obeyed its laws when it was archived");
const CARDS: (&str, &str) = ("P1", "no column holds what looks like a card number");

/// Runs every law. The connection must be inside one read-only snapshot. Before it asks the database
/// for what may take long it sees whether it is still wanted, and gives up otherwise.
pub(super) async fn check(
    db: &Session,
    now: Timestamp,
    wanted: impl Fn() -> bool,
) -> Result<Vec<LawResult>, StoreError> {
    let go_on = || if wanted() { Ok(()) } else { Err(unwanted()) };
    let mut results = Vec::new();
    for law in LAWS {
        results.push(check_law(db, law, now, go_on).await?);
    }
    go_on()?;
    results.push(check_transitions(db).await?);
    results.extend(check_orders(db, go_on).await?);
    results.push(check_archive(db, go_on).await?);
    Ok(results)
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
        Ok(Breach {
            law: law.id,
            key: row.try_get_by_index(0)?,
            expected: row.try_get_by_index(1)?,
            actual: row.try_get_by_index::<Option<String>>(2)?.unwrap_or_default(),
        })
    });
    let breaches = named.collect::<Result<Vec<_>, sea_orm::DbErr>>()?;
    let broken = broken.len() as u64;
    Ok(LawResult { id: law.id, statement: law.statement, checked, broken, breaches })
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
    let (id, statement) = TRANSITIONS;
    let rows = all(
        db,
        "SELECT machine, from_state, to_state, COUNT(*) FROM events WHERE machine IS NOT NULL
         GROUP BY machine, from_state, to_state",
        Vec::new(),
    )
    .await?;
    let mut result = LawResult { id, statement, checked: 0, broken: 0, breaches: Vec::new() };
    for row in rows {
        let machine: String = row.try_get_by_index(0)?;
        let (from, to): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let times = u64::try_from(row.try_get_by_index::<i64>(3)?).unwrap_or(0);
        result.checked += times;
        let legal = machine.parse::<Machine>().is_ok_and(|it| domain::legal(it, &from, &to));
        if !legal {
            result.broken += times;
            if result.breaches.len() == NAMED_MAX {
                continue;
            }
            let (expected, actual) =
                ("a step of the table".to_owned(), format!("{from} to {to}, {times} times"));
            result.breaches.push(Breach { law: id, key: machine, expected, actual });
        }
    }
    Ok(result)
}

/// Looks into every order that is not archived, page by page along its id.
async fn check_orders(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<Vec<LawResult>, StoreError> {
    let (id, statement) = ORDERS;
    let mut orders = LawResult { id, statement, checked: 0, broken: 0, breaches: Vec::new() };
    let (id, statement) = CARDS;
    let mut cards = LawResult { id, statement, checked: 0, broken: 0, breaches: Vec::new() };

    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let ids = page(db, "orders", "id", after).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let loaded = rows::load_orders(db, &ids).await?;
        let mut histories: BTreeMap<OrderId, Vec<domain::Event>> = BTreeMap::new();
        for (_, event) in super::find::events_of(db, &ids).await? {
            histories.entry(event.order).or_default().push(event);
        }
        for order in &loaded {
            let mut broken = order.breaches();
            let history = histories.get(&order.id).map(Vec::as_slice).unwrap_or_default();
            broken.extend(domain::history_breaches(order, history));
            note(&mut orders, broken);
            note(&mut cards, card_numbers(order));
        }
        if ids.len() < PAGE {
            break;
        }
    }
    Ok(vec![orders, cards])
}

fn card_numbers(order: &domain::Order) -> Vec<Breach> {
    let mut texts: Vec<(&str, &str)> =
        vec![("special_instructions", &order.special_instructions), ("cancel_reason", &order.cancel_reason)];
    texts.extend(order.holds.iter().map(|it| ("hold", it.note.as_str())));
    texts.extend(
        order.payments.iter().flat_map(|it| [("token", it.token.as_str()), ("reference", &it.reference)]),
    );
    texts
        .into_iter()
        .filter(|(_, text)| domain::looks_like_card_number(text))
        .map(|(column, _)| Breach {
            law: CARDS.0,
            key: format!("{} {column}", order.id),
            expected: "no card number".to_owned(),
            actual: "one".to_owned(),
        })
        .collect()
}

fn note(result: &mut LawResult, broken: Vec<Breach>) {
    result.checked += 1;
    result.broken += u64::from(!broken.is_empty());
    let room = NAMED_MAX.saturating_sub(result.breaches.len());
    result.breaches.extend(broken.into_iter().take(room));
}

async fn check_archive(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<LawResult, StoreError> {
    let (id, statement) = ARCHIVE;
    let mut result = LawResult { id, statement, checked: 0, broken: 0, breaches: Vec::new() };
    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let ids = page(db, "archived_orders", "order_id", after).await?;
        let Some(last) = ids.last() else { return Ok(result) };
        after = *last;
        for order in rows::load_archived(db, &ids).await? {
            note(&mut result, order.breaches());
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
