//! The laws over the live database: read-only, in one snapshot, naming each row that breaks one.
//!
//! Most laws are one query that finds the rows breaking it. What one order must be in itself is asked of the domain,
//! order by order, so that the rule is not written twice.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::{
    self, Courier, CourierRecords, CustomerAccount, DailyShipments, DiscountCode, DiscountUsesByKey, Event,
    Location, Machine, Order, OrderId, Product, Timestamp, Transition, Violation,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::query::agreement::{
    CATALOGUE, DAYS, RECORDS, USES, day_violations, disagreements, entries_after, record_violations,
    use_violations,
};
use crate::store::query::history::events_of;
use crate::store::query::transfers::{TRANSFERS, transfer_violations};
use crate::store::rows::catalogue::Entry;
use crate::store::rows::{document, record};

/// How many broken rows of one law are named.
const NAMED_MAX: usize = 100;

/// How many orders are looked into at a time.
const PAGE: usize = 256;

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
                OR reserved + damaged + quality_hold > on_hand OR missing < 0 OR missing > on_hand",
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
                AND o.state IN ('REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED', 'ARCHIVED')
            UNION ALL
            SELECT {id:j.id}, 'a job at ' || j.expires_at, COALESCE(CAST(j.run_at AS TEXT), 'none') FROM (
                SELECT r.id, r.expires_at, CASE WHEN r.order_id IS NULL THEN r.run_at ELSE o.run_at END AS run_at,
                    CASE WHEN r.order_id IS NULL THEN r.attempts ELSE o.attempts END AS attempts
                FROM reservations r LEFT JOIN orders o ON o.id = r.order_id
                WHERE r.state = 'HELD' AND r.expires_at IS NOT NULL
            ) j
            WHERE j.run_at IS NULL OR (j.run_at > j.expires_at AND j.attempts = 0 AND j.expires_at > $1)",
    },
    Law {
        id: "S8",
        looked_at: "SELECT COUNT(*) FROM stock_levels",
        broken: "SELECT l.sku || ' at ' || l.location,
                COALESCE(r.to_come, 0) || ' on order, at most ' || COALESCE(m.units, 0) || ' received',
                l.incoming || ' on order, ' || COALESCE(r.received, 0) || ' received'
            FROM stock_levels l
            LEFT JOIN (
                SELECT sku, location, CAST(SUM(received) AS BIGINT) AS received,
                    CAST(SUM(CASE WHEN state IN ('ORDERED', 'PARTIALLY_RECEIVED') AND quantity > received
                        THEN quantity - received ELSE 0 END) AS BIGINT) AS to_come
                FROM replenishments GROUP BY sku, location
            ) r ON r.sku = l.sku AND r.location = l.location
            LEFT JOIN (
                SELECT sku, location, CAST(SUM(on_hand) AS BIGINT) AS units
                FROM stock_movements WHERE kind IN ('RECEIPT', 'TRANSFER_IN') GROUP BY sku, location
            ) m ON m.sku = l.sku AND m.location = l.location
            WHERE l.incoming <> COALESCE(r.to_come, 0) OR COALESCE(r.received, 0) > COALESCE(m.units, 0)",
    },
    Law {
        id: "S10",
        looked_at: "SELECT COUNT(*) FROM reservations WHERE taken_over_by IS NOT NULL",
        broken: "SELECT {id:c.id}, 'RELEASED, and one reservation of the order in its place', c.state
            FROM reservations c LEFT JOIN reservations o ON o.taken_over_from = c.id
            WHERE c.taken_over_by IS NOT NULL
                AND (c.state <> 'RELEASED' OR o.order_id IS NULL OR o.order_id <> c.taken_over_by)
            UNION ALL
            SELECT {id:o.id}, 'a cart that this order has taken over', 'none'
            FROM reservations o LEFT JOIN reservations c ON c.id = o.taken_over_from
            WHERE o.taken_over_from IS NOT NULL AND (c.taken_over_by IS NULL OR c.taken_over_by <> o.order_id)",
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
        id: "M3",
        looked_at: "SELECT COUNT(*) FROM orders",
        broken: "SELECT {id:o.id}, 'captured <= ' || o.total_minor || ' and what is credited, refunded <= captured',
                o.captured_minor || ' captured, ' || o.refunded_minor || ' refunded'
            FROM orders o WHERE o.refunded_minor > o.captured_minor OR (o.captured_minor > o.total_minor
                AND o.captured_minor > o.total_minor + (
                    SELECT COALESCE(SUM(c.total_minor), 0) FROM credit_notes c WHERE c.order_id = o.id))
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
        broken: "SELECT {id:p.id}, 'a job', p.request || ' without one'
            FROM payments p JOIN orders o ON o.id = p.order_id
            WHERE p.request IS NOT NULL AND o.run_at IS NULL
            UNION ALL
            SELECT {id:r.id}, 'a job', 'a refund without one'
            FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = r.order_id
            WHERE r.state = 'PENDING' AND p.method IN ('CARD', 'PAYPAL') AND o.run_at IS NULL",
    },
    Law {
        id: "M7",
        looked_at: "SELECT COUNT(*) FROM invoice_numbers",
        broken: "SELECT series, '1 to ' || COUNT(*), MIN(number) || ' to ' || MAX(number)
            FROM invoice_numbers GROUP BY series HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*)
            UNION ALL
            SELECT series, '1 to ' || COUNT(*), MIN(number) || ' to ' || MAX(number)
            FROM credit_note_numbers GROUP BY series HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*)",
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
        id: "M10",
        looked_at: "SELECT COUNT(*) FROM credit_notes",
        broken: "SELECT {id:i.id}, 'at most ' || i.total_minor || ' credited', CAST(c.total AS TEXT)
            FROM invoices i JOIN (
                SELECT invoice_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM credit_notes GROUP BY invoice_id
            ) c ON c.invoice_id = i.id
            WHERE c.total > i.total_minor
            UNION ALL
            SELECT {id:o.id}, i.total || ' less ' || COALESCE(c.total, 0) || ' credited',
                CAST(o.total_minor AS TEXT)
            FROM orders o JOIN (
                SELECT order_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM invoices GROUP BY order_id
                HAVING MAX(CASE WHEN state = 'VOID' THEN 1 ELSE 0 END) = 0
            ) i ON i.order_id = o.id LEFT JOIN (
                SELECT order_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM credit_notes GROUP BY order_id
            ) c ON c.order_id = o.id
            WHERE i.total - COALESCE(c.total, 0) <> o.total_minor",
    },
    Law {
        id: "R1",
        looked_at: "SELECT COUNT(*) FROM order_lines WHERE returned > 0",
        broken: "SELECT {id:l.order_id}, 'at most ' || (l.quantity - l.cancelled) || ' of line ' || l.number || ' returned',
                CAST(l.returned AS TEXT)
            FROM order_lines l WHERE l.returned > l.quantity - l.cancelled",
    },
    Law {
        id: "R2",
        looked_at: "SELECT COUNT(*) FROM returns",
        broken: "SELECT {id:r.id}, r.units || ' units accounted for', (r.inspected + r.missing) || ' and ' || r.resolved
            FROM returns r
            WHERE r.state = 'CLOSED' AND (r.inspected + r.missing <> r.units OR r.resolved <> r.units)",
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
        broken: "SELECT {id:e.order_id}, COALESCE(CAST(o.last_event AS TEXT) || ' events', 'an order'),
                e.events || ' events, ' || e.first || ' to ' || e.last
            FROM (
                SELECT order_id, CAST(SUM(last_sequence - first_sequence + 1) AS BIGINT) AS events,
                    MIN(first_sequence) AS first, MAX(last_sequence) AS last
                FROM decisions WHERE order_id IS NOT NULL GROUP BY order_id
            ) e LEFT JOIN orders o ON o.id = e.order_id
            WHERE e.first <> 1 OR e.last <> e.events OR o.id IS NULL OR o.last_event <> e.events",
    },
    Law {
        id: "L2",
        looked_at: "SELECT COUNT(*) FROM decisions WHERE order_id IS NOT NULL",
        broken: "SELECT {id:order_id} || ' event ' || first_sequence, 'not before ' || before, CAST(at AS TEXT)
            FROM (
                SELECT order_id, first_sequence, at,
                    LAG(at) OVER (PARTITION BY order_id ORDER BY last_sequence) AS before
                FROM decisions WHERE order_id IS NOT NULL
            ) e WHERE at < before",
    },
    Law {
        id: "L3",
        looked_at: "SELECT COUNT(*) FROM decisions WHERE order_id IS NOT NULL",
        broken: "SELECT 'events', 'positions 1 to ' || e.events || ', counter at ' || e.events,
                e.first || ' to ' || e.last || ', counter at ' || c.value
            FROM (SELECT CAST(SUM(last_position - first_position + 1) AS BIGINT) AS events,
                MIN(first_position) AS first, MAX(last_position) AS last FROM decisions) e
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
        id: "L5",
        looked_at: "SELECT COUNT(*) FROM messages WHERE state = 'SENT'",
        broken: "SELECT {id:m.id}, 'the text that was sent', 'none' FROM messages m
            WHERE m.state = 'SENT' AND NOT EXISTS (SELECT 1 FROM message_texts t WHERE t.message_id = m.id)",
    },
    Law {
        id: "E1",
        looked_at: "SELECT COUNT(*) FROM orders WHERE run_at IS NOT NULL",
        broken: "SELECT {id:id}, 'a lease until ' || ($1 + 3600000000) || ' at most', CAST(lease_until AS TEXT)
            FROM orders WHERE run_at IS NOT NULL AND lease_until > $1 + 3600000000
            UNION ALL
            SELECT {id:id}, 'a lease until ' || ($1 + 3600000000) || ' at most', CAST(lease_until AS TEXT)
            FROM reservations WHERE run_at IS NOT NULL AND lease_until > $1 + 3600000000",
    },
    Law {
        id: "E2",
        looked_at: "SELECT COUNT(*) FROM messages WHERE state = 'QUEUED'",
        broken: "SELECT {id:m.id}, 'a job', 'none' FROM messages m JOIN orders o ON o.id = m.order_id
            WHERE m.state = 'QUEUED' AND o.run_at IS NULL",
    },
    Law {
        id: "D6",
        looked_at: "SELECT COUNT(*) FROM open_reservations",
        broken: "SELECT caller, CAST(SUM(there) AS TEXT) || ' open', CAST(SUM(counted) AS TEXT) || ' counted' FROM (
                SELECT caller, COUNT(*) AS there, 0 AS counted FROM reservations
                WHERE caller IS NOT NULL AND state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED') GROUP BY caller
                UNION ALL SELECT caller, 0 AS there, open AS counted FROM open_reservations
            ) AS compared GROUP BY caller HAVING SUM(there) <> SUM(counted)",
    },
    Law {
        id: "I1",
        looked_at: "SELECT COUNT(*) FROM decisions WHERE request_id IS NOT NULL",
        broken: "SELECT actor || ' ' || method || ' ' || request_id, 'an answer', 'none' FROM decisions
            WHERE request_id IS NOT NULL AND (answer IS NULL OR fingerprint IS NULL)",
    },
];

/// The laws whose check needs the domain.
const TRANSITIONS: &str = "T1";

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
    let mut orders = OrdersFound::default();
    check_orders(db, &mut orders, go_on).await?;
    go_on()?;
    let records = record_violations(db, &orders.records).await?;
    let days = day_violations(db, &orders.days).await?;
    let uses = use_violations(db, &orders.uses).await?;
    let transfers = transfer_violations(db, go_on).await?;
    for (id, (checked, broken)) in [(RECORDS, records), (DAYS, days), (USES, uses), (TRANSFERS, transfers)] {
        let mut result = LawResult { checked, broken: broken.len() as u64, ..LawResult::of(id) };
        result.violations.extend(broken.into_iter().take(NAMED_MAX));
        results.insert(id, result);
    }
    results.insert(TRANSITIONS, orders.transitions());
    let mut catalogue = LawResult::of(CATALOGUE);
    check_entries::<Product>(db, &mut catalogue, go_on).await?;
    check_entries::<Location>(db, &mut catalogue, go_on).await?;
    check_entries::<Courier>(db, &mut catalogue, go_on).await?;
    check_entries::<CustomerAccount>(db, &mut catalogue, go_on).await?;
    check_entries::<DiscountCode>(db, &mut catalogue, go_on).await?;
    results.insert(CATALOGUE, catalogue);

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
    let broken = db.query(&dialect(db.backend(), law.broken), values).await?;
    let named = broken.iter().take(NAMED_MAX).map(|row| {
        Ok(Violation {
            law: law.id,
            key: row.get(0)?,
            expected: row.get(1)?,
            actual: row.get::<Option<String>>(2)?.unwrap_or_default(),
        })
    });
    let violations = named.collect::<Result<Vec<_>, StoreError>>()?;
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

/// Findings in orders: how many there were, and by law how many break it.
#[derive(Default)]
struct OrdersFound {
    orders: u64,
    broken: BTreeMap<&'static str, (u64, Vec<Violation>)>,
    /// What they say of their couriers.
    records: CourierRecords,
    /// What they take of the days of locations and couriers.
    days: DailyShipments,
    /// What they redeem of discount codes.
    uses: DiscountUsesByKey,
    /// How often each step of each machine was taken.
    steps: BTreeMap<(Machine, String, String), u64>,
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

    fn count_steps(&mut self, history: &[Event]) {
        for Transition { machine, subject: _, from, to } in
            history.iter().filter_map(|it| it.transition.as_ref())
        {
            *self.steps.entry((*machine, from.clone(), to.clone())).or_default() += 1;
        }
    }

    fn transitions(&self) -> LawResult {
        let mut result = LawResult::of(TRANSITIONS);
        for ((machine, from, to), times) in &self.steps {
            result.checked += times;
            if domain::legal(*machine, from, to) {
                continue;
            }
            result.broken += times;
            if result.violations.len() < NAMED_MAX {
                result.violations.push(Violation {
                    law: TRANSITIONS,
                    key: machine.to_string(),
                    expected: "a step of the table".to_owned(),
                    actual: format!("{from} to {to}, {times} times"),
                });
            }
        }
        result
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

/// Looks into every order, archived or not, page by page along its id.
async fn check_orders(
    db: &Session,
    found: &mut OrdersFound,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let orders = page(db, after).await?;
        let (Some(first), Some(last)) = (orders.first(), orders.last()) else { return Ok(()) };
        after = last.id;
        let histories = histories(db, &orders).await?;
        let mut disagreements = disagreements(db, &orders, (first.id, last.id)).await?;
        for order in &orders {
            let mut broken = order.violations();
            let history = histories.get(&order.id).map(Vec::as_slice).unwrap_or_default();
            found.count_steps(history);
            broken.extend(domain::history_violations(order, history));
            broken.extend(card_numbers(order));
            record::count(&mut found.records, order, 1);
            domain::count_daily_shipments(&mut found.days, order, 1);
            domain::count_discount_uses(&mut found.uses, order, 1);
            broken.extend(disagreements.remove(&order.id));
            found.note(broken);
        }
        if orders.len() < PAGE {
            return Ok(());
        }
    }
}

async fn histories(db: &Session, orders: &[Order]) -> Result<BTreeMap<OrderId, Vec<Event>>, StoreError> {
    let ids: Vec<_> = orders.iter().map(|it| it.id).collect();
    let mut histories: BTreeMap<OrderId, Vec<Event>> = BTreeMap::new();
    for (_, event) in events_of(db, &ids).await? {
        histories.entry(event.order).or_default().push(event);
    }
    Ok(histories)
}

fn card_numbers(order: &domain::Order) -> Vec<Violation> {
    let mut texts: Vec<(&str, &str)> =
        vec![("special_instructions", &order.special_instructions), ("cancel_reason", &order.cancel_reason)];
    texts.extend(order.holds.iter().map(|it| ("hold", it.note.as_str())));
    texts.extend(order.notes.iter().map(|it| ("note", it.text.as_str())));
    texts.extend(order.labels.values().map(|it| ("label", it.as_str())));
    texts.extend(order.payments.iter().filter_map(|it| match &it.means {
        domain::Means::Provider(at) => Some(("token", at.token.as_str())),
        // A reference may look like a card number by chance.
        domain::Means::ByHand { .. } => None,
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

/// Looks into every entry of a table of the catalogue.
async fn check_entries<T: Entry>(
    db: &Session,
    result: &mut LawResult,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = T::Key::default();
    loop {
        go_on()?;
        let Some(found) = entries_after::<T>(db, &after).await? else { return Ok(()) };
        after = found.last;
        result.checked += found.count as u64;
        result.broken += found.violations.len() as u64;
        let room = NAMED_MAX.saturating_sub(result.violations.len());
        result.violations.extend(found.violations.into_iter().take(room));
    }
}

/// The next orders, by their ids.
async fn page(db: &Session, after: OrderId) -> Result<Vec<Order>, StoreError> {
    let sql = format!("SELECT document FROM orders WHERE id > $1 ORDER BY id LIMIT {PAGE}");
    let rows = db.query(&sql, vec![after.0.into()]).await?;
    rows.iter().map(|row| document::order(row.bytes(0)?)).collect()
}

async fn count(db: &Session, sql: &str) -> Result<u64, StoreError> {
    let found = db.query_one(sql, Vec::new()).await?.map(|row| row.get::<i64>(0)).transpose()?;
    Ok(found.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}
