//! The laws that one query each can check.

/// A law that one query can check. `looked_at` counts the subjects, `broken` gives (key, expected, actual) as texts.
/// `{id:column}` stands for a UUID column as text, `$1` for the instant of the check.
pub(super) struct Law {
    /// By which the domain knows what it says.
    pub(super) id: &'static str,
    pub(super) looked_at: &'static str,
    pub(super) broken: &'static str,
}

pub(super) const LAWS: &[Law] = &[
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
        id: "S11",
        looked_at: "SELECT COUNT(*) FROM stock_lots",
        broken: "SELECT COALESCE(l.sku, m.sku) || ' at ' || COALESCE(l.location, m.location) || ' lot ' || COALESCE(l.lot, m.lot),
                COALESCE(m.on_hand, 0) || ' on hand, ' || COALESCE(m.damaged, 0) || ' damaged, '
                    || COALESCE(m.quality_hold, 0) || ' held',
                COALESCE(l.on_hand, 0) || ' on hand, ' || COALESCE(l.damaged, 0) || ' damaged, '
                    || COALESCE(l.quality_hold, 0) || ' held'
            FROM stock_lots l FULL JOIN (
                SELECT sku, location, lot, CAST(SUM(on_hand) AS BIGINT) AS on_hand,
                    CAST(SUM(damaged) AS BIGINT) AS damaged, CAST(SUM(quality_hold) AS BIGINT) AS quality_hold
                FROM stock_movements WHERE lot IS NOT NULL GROUP BY sku, location, lot
            ) m ON m.sku = l.sku AND m.location = l.location AND m.lot = l.lot
            WHERE COALESCE(l.on_hand, 0) <> COALESCE(m.on_hand, 0) OR COALESCE(l.damaged, 0) <> COALESCE(m.damaged, 0)
                OR COALESCE(l.quality_hold, 0) <> COALESCE(m.quality_hold, 0)
            UNION ALL
            SELECT v.sku || ' at ' || v.location,
                s.on_hand || ' on hand, ' || s.damaged || ' damaged, ' || s.quality_hold || ' held, ' || s.missing
                    || ' missing',
                v.on_hand || ' on hand, ' || v.damaged || ' damaged, ' || v.quality_hold || ' held, ' || v.missing
                    || ' missing'
            FROM stock_levels v JOIN (
                SELECT sku, location, CAST(SUM(on_hand) AS BIGINT) AS on_hand, CAST(SUM(damaged) AS BIGINT) AS damaged,
                    CAST(SUM(quality_hold) AS BIGINT) AS quality_hold, CAST(SUM(missing) AS BIGINT) AS missing
                FROM stock_lots GROUP BY sku, location
            ) s ON s.sku = v.sku AND s.location = v.location
            WHERE v.on_hand <> s.on_hand OR v.damaged <> s.damaged OR v.quality_hold <> s.quality_hold
                OR v.missing <> s.missing",
    },
    Law {
        id: "S12",
        looked_at: "SELECT COUNT(*) FROM stock_lots",
        broken: "SELECT COALESCE(l.sku, s.sku) || ' at ' || COALESCE(l.location, s.location) || ' lot ' || COALESCE(l.lot, s.lot),
                COALESCE(s.units, 0) || ' on pick lists', COALESCE(l.allotted, 0) || ' allotted'
            FROM stock_lots l FULL JOIN (
                SELECT sku, location, lot, CAST(SUM(quantity) AS BIGINT) AS units
                FROM shipment_lots WHERE in_house = TRUE GROUP BY sku, location, lot
            ) s ON s.sku = l.sku AND s.location = l.location AND s.lot = l.lot
            WHERE COALESCE(l.allotted, 0) <> COALESCE(s.units, 0)",
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
        looked_at: "SELECT COUNT(*) FROM orders o
            WHERE state = 'AWAITING_STOCK' OR EXISTS (SELECT 1 FROM order_waits w WHERE w.order_id = o.id)",
        broken: "SELECT {id:o.id},
                CASE WHEN o.state = 'AWAITING_STOCK' OR p.units > 0 THEN 'waits' ELSE 'does not wait' END,
                CASE WHEN w.order_id IS NULL THEN 'does not wait' ELSE 'waits for ' || w.units END
            FROM orders o
            LEFT JOIN (SELECT order_id, CAST(SUM(quantity) AS BIGINT) AS units FROM order_waits GROUP BY order_id) w
                ON w.order_id = o.id
            LEFT JOIN (SELECT order_id, CAST(SUM(waiting) AS BIGINT) AS units FROM order_lines WHERE waiting > 0
                GROUP BY order_id) p ON p.order_id = o.id
            WHERE (o.state = 'AWAITING_STOCK' OR p.order_id IS NOT NULL) <> (w.order_id IS NOT NULL)
                OR (o.state = 'AWAITING_STOCK' AND p.order_id IS NOT NULL)
                OR (p.order_id IS NOT NULL AND p.units <> w.units)",
    },
    Law {
        id: "M3",
        looked_at: "SELECT COUNT(*) FROM orders",
        broken: "SELECT {id:o.id}, 'captured <= ' || o.total_minor || ' and what is credited, refunded <= captured',
                o.captured_minor || ' captured, ' || o.refunded_minor || ' refunded'
            FROM orders o WHERE o.refunded_minor > o.captured_minor OR (o.captured_minor > o.total_minor
                AND o.captured_minor > CASE
                    WHEN o.state IN ('CANCELLED', 'REJECTED', 'EXPIRED', 'ARCHIVED') THEN (
                        SELECT COALESCE(SUM(i.total_minor), 0) FROM invoices i WHERE i.order_id = o.id)
                    ELSE o.total_minor + (
                        SELECT COALESCE(SUM(c.total_minor), 0) FROM credit_notes c WHERE c.order_id = o.id)
                END)
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
        // Of each series the numbers that were given, and those that a restore left out.
        broken: "SELECT s.series, '1 to ' || (s.given + s.left_out), s.lowest || ' to ' || s.highest
            FROM (
                SELECT n.series, n.given, n.lowest, n.highest,
                    CAST(COALESCE(SUM(g.last_number - g.first_number + 1), 0) AS BIGINT) AS left_out,
                    COALESCE(MIN(g.first_number), 0) AS gap
                FROM (
                    SELECT 'invoices/' AS kind, series, COUNT(*) AS given, MIN(number) AS lowest, MAX(number) AS highest
                    FROM invoice_numbers GROUP BY series
                    UNION ALL
                    SELECT 'credit_notes/', series, COUNT(*), MIN(number), MAX(number)
                    FROM credit_note_numbers GROUP BY series
                ) n LEFT JOIN number_gaps g ON g.counter = n.kind || n.series AND g.first_number < n.highest
                GROUP BY n.kind, n.series, n.given, n.lowest, n.highest
            ) s
            WHERE s.highest <> s.given + s.left_out OR (s.lowest <> 1 AND s.gap <> 1)
            UNION ALL
            SELECT n.series || ' ' || n.number, 'left out', 'given'
            FROM (
                SELECT 'invoices/' AS kind, series, number FROM invoice_numbers
                UNION ALL SELECT 'credit_notes/', series, number FROM credit_note_numbers
            ) n JOIN number_gaps g ON g.counter = n.kind || n.series
                AND n.number >= g.first_number AND n.number <= g.last_number",
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
        // Of an order that was paid and ended early all is credited. How an archived one ended is in its document.
        broken: "SELECT {id:i.id}, 'at most ' || i.total_minor || ' credited', CAST(c.total AS TEXT)
            FROM invoices i JOIN (
                SELECT invoice_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM credit_notes GROUP BY invoice_id
            ) c ON c.invoice_id = i.id
            WHERE c.total > i.total_minor
            UNION ALL
            SELECT {id:i.id}, i.total_minor || ' credited: the order ended early', CAST(COALESCE(c.total, 0) AS TEXT)
            FROM invoices i JOIN orders o ON o.id = i.order_id LEFT JOIN (
                SELECT invoice_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM credit_notes GROUP BY invoice_id
            ) c ON c.invoice_id = i.id
            WHERE o.state IN ('CANCELLED', 'REJECTED', 'EXPIRED') AND i.state = 'PAID'
                AND COALESCE(c.total, 0) <> i.total_minor
            UNION ALL
            SELECT {id:o.id}, i.total || ' less ' || COALESCE(c.total, 0) || ' credited',
                o.total_minor || ' of an order that is ' || o.state
            FROM orders o JOIN (
                SELECT order_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM invoices GROUP BY order_id
                HAVING MAX(CASE WHEN state = 'VOID' THEN 1 ELSE 0 END) = 0
            ) i ON i.order_id = o.id LEFT JOIN (
                SELECT order_id, CAST(SUM(total_minor) AS BIGINT) AS total FROM credit_notes GROUP BY order_id
            ) c ON c.order_id = o.id
            WHERE i.total - COALESCE(c.total, 0) <> CASE
                    WHEN o.state IN ('CANCELLED', 'REJECTED', 'EXPIRED') THEN 0
                    WHEN o.state = 'ARCHIVED' AND i.total = COALESCE(c.total, 0) THEN 0
                    ELSE o.total_minor
                END",
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
            WHERE state IN ('APPROVED', 'REJECTED') AND (decided_by IS NULL
                OR LOWER(decided_by) = LOWER(requested_by)
                OR (RTRIM(LOWER(decided_by), '._-') = RTRIM(LOWER(requested_by), '._-')
                    AND RTRIM(LOWER(decided_by), '._-') <> ''))",
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
        // The positions that were told, and those that a restore left out.
        broken: "SELECT 'events', 'positions 1 to ' || (e.events + g.left_out) || ', counter at ' || (e.events + g.left_out),
                e.first || ' to ' || e.last || ', counter at ' || c.value
            FROM (SELECT CAST(SUM(last_position - first_position + 1) AS BIGINT) AS events,
                MIN(first_position) AS first, MAX(last_position) AS last FROM decisions) e
            JOIN (SELECT CAST(COALESCE(MAX(value), 0) AS BIGINT) AS value FROM counters WHERE name = 'events') c ON TRUE
            JOIN (SELECT CAST(COALESCE(SUM(last_number - first_number + 1), 0) AS BIGINT) AS left_out,
                COALESCE(MIN(first_number), 0) AS first, COALESCE(MAX(last_number), 0) AS last
                FROM number_gaps WHERE counter = 'events') g ON TRUE
            WHERE e.events > 0 AND ((e.first <> 1 AND g.first <> 1) OR (e.last <> c.value AND g.last <> c.value)
                OR e.last > c.value OR c.value <> e.events + g.left_out)
            UNION ALL
            SELECT 'event ' || d.first_position, 'left out', 'told' FROM decisions d JOIN number_gaps g
                ON g.counter = 'events' AND d.last_position >= g.first_number AND d.first_position <= g.last_number",
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
        id: "E3",
        looked_at: "SELECT COUNT(*) FROM untold_events",
        // The greatest time that there is: it waits behind another.
        broken: "SELECT e.subscriber || ' ' || e.position, 'an earlier event of its order that waits', 'none'
            FROM untold_events e WHERE e.run_at = 9223372036854775807 AND NOT EXISTS (
                SELECT 1 FROM untold_events f WHERE f.subscriber = e.subscriber AND f.order_id = e.order_id
                    AND f.position < e.position AND f.run_at IS NOT NULL)",
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
