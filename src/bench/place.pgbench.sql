-- The rows that Consign writes for one order of two products, created and paid by card, written by hand: one statement
-- after the other, three transactions an order, as a service would that serves each request alone. The first takes the
-- order in and invoices it; the second says durably what the payment provider is about to be asked; the third takes
-- in what it answered. Letters to the customer are queued and not sent.
--
-- It works in the database of a Consign server, and needs the products that a run of `consign bench` has put on sale;
-- run and products say which. A Consign server must not run on that database at the time: it would send the letters.
--
--     pgbench -n -M prepared -f place.pgbench.sql -D run=ABCDEF -D products=200 -c 32 -j 2 -T 10 DATABASE
--
-- `consign bench place --database-url URL --pgbench` does all of this and measures Consign in turns with it.

\set x random(0, :products - 1)
\set y (:x + random(1, :products - 1)) % :products
-- Always in the same order, so that no two orders wait for each other's stock.
\set first least(:x, :y)
\set second greatest(:x, :y)

-- Ids that grow with time, as Consign's do, and the time itself in microseconds.
SELECT (ids)[1] AS order_id, (ids)[2] AS reservation_id, (ids)[3] AS approval_id, (ids)[4] AS invoice_id,
    (ids)[5] AS received_id, (ids)[6] AS invoiced_id, (ids)[7] AS movement_1, (ids)[8] AS movement_2,
    (ids)[9] AS payment_id, (ids)[10] AS payment_approval_id, (ids)[11] AS shipment_id, (ids)[12] AS paid_id,
    'B-' || :run || '-' || :first AS sku_1, 'B-' || :run || '-' || :second AS sku_2, now
FROM (
    SELECT array_agg(substr(millis, 1, 8) || '-' || substr(millis, 9, 4) || '-7' || substr(gen_random_uuid()::text, 16)) AS ids,
        max(now) AS now
    FROM (
        SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS millis,
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
    ) AS clock, generate_series(1, 12)
) AS drawn \gset

-- The order: received, verified, reserved, approved and invoiced.
BEGIN;
INSERT INTO requests (actor, method, request_id, fingerprint, answer, created_at)
VALUES ('storefront', 'CreateOrder', 'pgbench-create-' || :order_id, sha256(convert_to(:order_id, 'UTF8')), ''::bytea, :now);
SELECT count(*) AS alike FROM orders
WHERE fingerprint = encode(sha256(convert_to(:order_id, 'UTF8')), 'hex') AND created_at >= :now::bigint - 600000000 \gset
SELECT one.name AS name_1, one.unit_price_minor AS price_1, round(one.unit_price_minor * 0.19)::bigint AS tax_1,
    other.name AS name_2, other.unit_price_minor AS price_2, round(other.unit_price_minor * 0.19)::bigint AS tax_2
FROM products AS one, products AS other WHERE one.sku = :sku_1 AND other.sku = :sku_2 \gset
UPDATE stock_levels SET reserved = reserved + 1, version = version + 1, updated_at = :now
WHERE sku = :sku_1 AND location = 'DE-BENCH' AND on_hand - reserved - damaged - quality_hold - safety_stock >= 1;
UPDATE stock_levels SET reserved = reserved + 1, version = version + 1, updated_at = :now
WHERE sku = :sku_2 AND location = 'DE-BENCH' AND on_hand - reserved - damaged - quality_hold - safety_stock >= 1;
UPDATE counters SET value = value + 1 WHERE name = 'orders' RETURNING value AS order_number \gset
INSERT INTO orders (id, number, version, last_event, state, channel, external_reference, customer_name, customer_email,
    customer_phone, customer_locale, recipient, organization, street, city, area, postal_code, country, billing_address,
    region, currency, prices_include_tax, subtotal_minor, discount_minor, shipping_minor, shipping_tax_minor, tax_minor,
    total_minor, order_discount_minor, order_discount_ppm, discount_code, special_instructions, service, on_shortage,
    reservation_lifetime_seconds, requested_by, promised_by, risk, risk_reasons, checks, availability, fingerprint,
    cancel_reason, created_by, created_at, updated_at, delivered_at, closed_at)
VALUES (:order_id::uuid, :order_number, 1, 10, 'INVOICED', 'ONLINE', 'pgbench-' || :order_id, 'Customer ' || :order_number,
    'customer-' || :order_id || '@example.com', '', 'en', 'Customer ' || :order_number, '', 'Invalidenstrasse 117', 'Berlin', '',
    '10115', 'DE', NULL, 'EUROPE', 'EUR', FALSE, :price_1::bigint + :price_2::bigint, 0, 0, 0,
    :tax_1::bigint + :tax_2::bigint, :price_1::bigint + :price_2::bigint + :tax_1::bigint + :tax_2::bigint, NULL, NULL, '', '',
    'STANDARD', 'REFUSE', NULL, NULL, :now::bigint + 518400000000, 'LOW', '[]',
    '[{"rule": "CONTACT","verdict": "PASSED","detail": "e-mail address is well-formed"},{"rule": "ADDRESS","verdict": "PASSED","detail": "has the form of DE; not checked with a post office"},{"rule": "REGION_SERVED","verdict": "PASSED","detail": "DE is served by EUROPE"},{"rule": "DUPLICATE_ORDER","verdict": "PASSED","detail": "no order of the same customer for the same goods within 600 s"},{"rule": "BLOCKED_CUSTOMER","verdict": "PASSED","detail": "neither e-mail address nor phone number is blocked"}]',
    '{"at":' || :now || ',"lines": [{"line": 1,"sku": "' || :sku_1 || '","wanted": 1,"available": 1000000,"by_location": [["DE-BENCH",1000000]],"shortage": ""},{"line": 2,"sku": "' || :sku_2 || '","wanted": 1,"available": 1000000,"by_location": [["DE-BENCH",1000000]],"shortage": ""}],"earliest_ship_at":' || :now || ',"requested_date_feasible": null}',
    encode(sha256(convert_to(:order_id, 'UTF8')), 'hex'), '', 'storefront', :now, :now, NULL, NULL);
INSERT INTO order_lines (order_id, number, sku, description, tax_category, quantity, unit_price_minor, line_discount_minor,
    line_discount_ppm, gross_minor, discount_minor, discount_share_minor, tax_rate_ppm, tax_minor, total_minor, weight_grams)
VALUES (:order_id::uuid, 1, :sku_1, :name_1, 'STANDARD', 1, :price_1, NULL, NULL, :price_1, 0, 0, 190000, :tax_1,
        :price_1::bigint + :tax_1::bigint, 600),
    (:order_id::uuid, 2, :sku_2, :name_2, 'STANDARD', 1, :price_2, NULL, NULL, :price_2, 0, 0, 190000, :tax_2,
        :price_2::bigint + :tax_2::bigint, 600);
INSERT INTO reservations (id, order_id, place, version, reference, state, expires_at, plan, created_by, created_at)
VALUES (:reservation_id::uuid, :order_id::uuid, 0, 1, '', 'HELD', :now::bigint + 1800000000,
    'DE-BENCH has every line and comes first by priority', 'storefront', :now);
INSERT INTO reservation_items (reservation_id, number, line, sku, location, quantity, consumed, released)
VALUES (:reservation_id::uuid, 1, 1, :sku_1, 'DE-BENCH', 1, 0, 0), (:reservation_id::uuid, 2, 2, :sku_2, 'DE-BENCH', 1, 0, 0);
INSERT INTO approvals (id, order_id, place, gate, state, amount_minor, currency, policy_version, rule, requested_by,
    requested_at, expires_at, decided_by, decided_at, comment)
VALUES (:approval_id::uuid, :order_id::uuid, 0, 'RESERVATION', 'AUTO_APPROVED',
    :price_1::bigint + :price_2::bigint + :tax_1::bigint + :tax_2::bigint, 'EUR', '1',
    'total, channel and risk are within the policy', 'storefront', :now, NULL, 'consign', :now, '');
UPDATE counters SET value = value + 1 WHERE name = 'invoices/INV' RETURNING value AS invoice_number \gset
INSERT INTO invoice_numbers (series, number, invoice_id, order_id)
VALUES ('INV', :invoice_number, :invoice_id::uuid, :order_id::uuid);
INSERT INTO invoices (id, order_id, place, series, number, state, currency, prices_include_tax, subtotal_minor,
    discount_minor, shipping_minor, shipping_tax_minor, tax_minor, total_minor, issued_at, settled_at)
VALUES (:invoice_id::uuid, :order_id::uuid, 0, 'INV', :invoice_number, 'OPEN', 'EUR', FALSE,
    :price_1::bigint + :price_2::bigint, 0, 0, 0, :tax_1::bigint + :tax_2::bigint,
    :price_1::bigint + :price_2::bigint + :tax_1::bigint + :tax_2::bigint, :now, NULL);
INSERT INTO invoice_lines (invoice_id, line, sku, description, quantity, unit_price_minor, gross_minor, discount_minor,
    discount_share_minor, tax_rate_ppm, tax_minor, total_minor)
VALUES (:invoice_id::uuid, 1, :sku_1, :name_1, 1, :price_1, :price_1, 0, 0, 190000, :tax_1, :price_1::bigint + :tax_1::bigint),
    (:invoice_id::uuid, 2, :sku_2, :name_2, 1, :price_2, :price_2, 0, 0, 190000, :tax_2, :price_2::bigint + :tax_2::bigint);
INSERT INTO messages (id, order_id, place, kind, state, dedupe_key, shipment_id, sequence, attempts, due_at, created_at,
    sent_at, failure)
VALUES (:received_id::uuid, :order_id::uuid, 0, 'ORDER_RECEIVED', 'QUEUED', 'ORDER_RECEIVED', NULL, 0, 0, :now, :now, NULL, ''),
    (:invoiced_id::uuid, :order_id::uuid, 1, 'INVOICE_ISSUED', 'QUEUED', 'INVOICE_ISSUED', NULL, 0, 0, :now, :now, NULL, '');
INSERT INTO stock_movements (id, sku, location, kind, on_hand, reserved, damaged, quality_hold, reservation_id, order_id,
    shipment_id, reason, actor, at)
VALUES (:movement_1::uuid, :sku_1, 'DE-BENCH', 'RESERVE', 0, 1, 0, 0, :reservation_id::uuid, :order_id::uuid, NULL, '', 'storefront', :now),
    (:movement_2::uuid, :sku_2, 'DE-BENCH', 'RESERVE', 0, 1, 0, 0, :reservation_id::uuid, :order_id::uuid, NULL, '', 'storefront', :now);
INSERT INTO jobs (id, kind, run_at) VALUES (:order_id::uuid, 'ORDER', :now);
UPDATE requests SET answer = decode(repeat('0af4', 700), 'hex')
WHERE actor = 'storefront' AND method = 'CreateOrder' AND request_id = 'pgbench-create-' || :order_id;
UPDATE counters SET value = value + 10 WHERE name = 'events' RETURNING value - 9 AS position \gset
INSERT INTO events (position, order_id, sequence, at, actor, kind, machine, subject, from_state, to_state, text)
VALUES (:position::bigint, :order_id::uuid, 1, :now, 'storefront', 'ORDER_RECEIVED', 'ORDER', :order_id::uuid, '', 'RECEIVED', 'received through ONLINE, 2 lines'),
    (:position::bigint + 1, :order_id::uuid, 2, :now, 'consign', 'MESSAGE_QUEUED', 'MESSAGE', :received_id::uuid, '', 'QUEUED', 'message ORDER_RECEIVED QUEUED'),
    (:position::bigint + 2, :order_id::uuid, 3, :now, 'consign', 'ORDER_VERIFIED', 'ORDER', :order_id::uuid, 'RECEIVED', 'VERIFIED', 'every rule passed'),
    (:position::bigint + 3, :order_id::uuid, 4, :now, 'consign', 'INVENTORY_RESERVED', 'RESERVATION', :reservation_id::uuid, '', 'HELD', 'DE-BENCH has every line and comes first by priority'),
    (:position::bigint + 4, :order_id::uuid, 5, :now, 'consign', 'INVENTORY_RESERVED', 'ORDER', :order_id::uuid, 'VERIFIED', 'RESERVED', 'reserved as ' || :reservation_id),
    (:position::bigint + 5, :order_id::uuid, 6, :now, 'consign', 'APPROVAL_GRANTED', 'APPROVAL', :approval_id::uuid, '', 'AUTO_APPROVED', 'reservation approval: total, channel and risk are within the policy'),
    (:position::bigint + 6, :order_id::uuid, 7, :now, 'consign', 'RESERVATION_APPROVED', 'ORDER', :order_id::uuid, 'RESERVED', 'RESERVATION_APPROVED', 'reservation approved'),
    (:position::bigint + 7, :order_id::uuid, 8, :now, 'consign', 'INVOICE_ISSUED', 'INVOICE', :invoice_id::uuid, '', 'OPEN', 'invoice ' || :invoice_id),
    (:position::bigint + 8, :order_id::uuid, 9, :now, 'consign', 'MESSAGE_QUEUED', 'MESSAGE', :invoiced_id::uuid, '', 'QUEUED', 'message INVOICE_ISSUED QUEUED'),
    (:position::bigint + 9, :order_id::uuid, 10, :now, 'consign', 'INVOICE_ISSUED', 'ORDER', :order_id::uuid, 'RESERVATION_APPROVED', 'INVOICED', 'to be paid');
COMMIT;

-- The provider is about to be asked.
BEGIN;
INSERT INTO requests (actor, method, request_id, fingerprint, answer, created_at)
VALUES ('storefront', 'CapturePayment', 'pgbench-capture-' || :order_id, sha256(convert_to(:payment_id, 'UTF8')), ''::bytea, :now);
SELECT total_minor AS total FROM orders WHERE id = :order_id::uuid AND state = 'INVOICED' FOR UPDATE \gset
UPDATE orders SET version = version + 1, last_event = 11, updated_at = :now WHERE id = :order_id::uuid;
UPDATE reservations SET expires_at = NULL, version = version + 1 WHERE id = :reservation_id::uuid;
INSERT INTO payments (id, order_id, place, invoice_id, method, state, ask, asked_at, attempts, amount_minor, currency,
    captured_minor, provider, token, provider_reference, failure, reference, tendered_minor, created_by, created_at, updated_at)
VALUES (:payment_id::uuid, :order_id::uuid, 0, :invoice_id::uuid, 'CARD', 'PENDING', 'CHARGE', :now, 0, :total, 'EUR', 0,
    'sandbox', 'tok_success', '', '', '', NULL, 'storefront', :now, :now);
UPDATE requests SET answer = decode(repeat('0abb', 120), 'hex')
WHERE actor = 'storefront' AND method = 'CapturePayment' AND request_id = 'pgbench-capture-' || :order_id;
UPDATE counters SET value = value + 1 WHERE name = 'events' RETURNING value AS position \gset
INSERT INTO events (position, order_id, sequence, at, actor, kind, machine, subject, from_state, to_state, text)
VALUES (:position, :order_id::uuid, 11, :now, 'storefront', 'PAYMENT_REQUESTED', 'PAYMENT', :payment_id::uuid, '', 'PENDING', 'CHARGE by CARD asked for');
COMMIT;

-- The provider has taken the money: the payment is approved and the shipment planned.
BEGIN;
SELECT total_minor AS total FROM orders WHERE id = :order_id::uuid AND state = 'INVOICED' FOR UPDATE \gset
UPDATE payments SET state = 'CAPTURED', ask = NULL, asked_at = NULL, captured_minor = amount_minor,
    provider_reference = 'sandbox-' || :payment_id, updated_at = :now
WHERE id = :payment_id::uuid;
UPDATE invoices SET state = 'PAID', settled_at = :now WHERE id = :invoice_id::uuid;
UPDATE reservations SET state = 'CONFIRMED', version = version + 1 WHERE id = :reservation_id::uuid;
INSERT INTO approvals (id, order_id, place, gate, state, amount_minor, currency, policy_version, rule, requested_by,
    requested_at, expires_at, decided_by, decided_at, comment)
VALUES (:payment_approval_id::uuid, :order_id::uuid, 1, 'PAYMENT', 'AUTO_APPROVED', :total, 'EUR', '1',
    'total, channel and risk are within the policy', 'storefront', :now, NULL, 'consign', :now, '');
INSERT INTO shipments (id, order_id, number, version, location, state, promised_by, created_at, updated_at)
VALUES (:shipment_id::uuid, :order_id::uuid, 1, 1, 'DE-BENCH', 'PLANNED', :now::bigint + 518400000000, :now, :now);
INSERT INTO shipment_items (shipment_id, line, place, sku, description, quantity, picked, checked, packed, weight_grams)
VALUES (:shipment_id::uuid, 1, 0, :sku_1, :name_1, 1, 0, 0, 0, 600), (:shipment_id::uuid, 2, 1, :sku_2, :name_2, 1, 0, 0, 0, 600);
INSERT INTO messages (id, order_id, place, kind, state, dedupe_key, shipment_id, sequence, attempts, due_at, created_at,
    sent_at, failure)
VALUES (:paid_id::uuid, :order_id::uuid, 2, 'PAYMENT_RECEIVED', 'QUEUED', 'PAYMENT_RECEIVED', NULL, 0, 0, :now, :now, NULL, '');
UPDATE orders SET state = 'FULFILLING', version = version + 1, last_event = 20, updated_at = :now WHERE id = :order_id::uuid;
UPDATE requests SET answer = decode(repeat('0abb', 120), 'hex')
WHERE actor = 'storefront' AND method = 'CapturePayment' AND request_id = 'pgbench-capture-' || :order_id;
UPDATE counters SET value = value + 9 WHERE name = 'events' RETURNING value - 8 AS position \gset
INSERT INTO events (position, order_id, sequence, at, actor, kind, machine, subject, from_state, to_state, text)
VALUES (:position::bigint, :order_id::uuid, 12, :now, 'consign', 'PAYMENT_CAPTURED', 'PAYMENT', :payment_id::uuid, 'PENDING', 'CAPTURED', 'captured'),
    (:position::bigint + 1, :order_id::uuid, 13, :now, 'consign', 'INVOICE_PAID', 'INVOICE', :invoice_id::uuid, 'OPEN', 'PAID', 'paid in full'),
    (:position::bigint + 2, :order_id::uuid, 14, :now, 'consign', 'RESERVATION_CONFIRMED', 'RESERVATION', :reservation_id::uuid, 'HELD', 'CONFIRMED', 'paid: the reservation no longer expires'),
    (:position::bigint + 3, :order_id::uuid, 15, :now, 'consign', 'MESSAGE_QUEUED', 'MESSAGE', :paid_id::uuid, '', 'QUEUED', 'message PAYMENT_RECEIVED QUEUED'),
    (:position::bigint + 4, :order_id::uuid, 16, :now, 'consign', 'ORDER_PAID', 'ORDER', :order_id::uuid, 'INVOICED', 'PAYMENT_CAPTURED', 'captured'),
    (:position::bigint + 5, :order_id::uuid, 17, :now, 'consign', 'APPROVAL_GRANTED', 'APPROVAL', :payment_approval_id::uuid, '', 'AUTO_APPROVED', 'payment approval: total, channel and risk are within the policy'),
    (:position::bigint + 6, :order_id::uuid, 18, :now, 'consign', 'PAYMENT_APPROVED', 'ORDER', :order_id::uuid, 'PAYMENT_CAPTURED', 'PAYMENT_APPROVED', 'payment approved'),
    (:position::bigint + 7, :order_id::uuid, 19, :now, 'consign', 'SHIPMENT_PLANNED', 'SHIPMENT', :shipment_id::uuid, '', 'PLANNED', 'from DE-BENCH'),
    (:position::bigint + 8, :order_id::uuid, 20, :now, 'consign', 'FULFILLMENT_STARTED', 'ORDER', :order_id::uuid, 'PAYMENT_APPROVED', 'FULFILLING', '1 shipments');
COMMIT;
