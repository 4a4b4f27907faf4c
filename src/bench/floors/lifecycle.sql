-- An order of two products from receipt to delivery: four transactions. Each writes the order anew, guarded by its
-- version, with an event and the rows that belong to it.

\set one random(1, :products)
\set other 1 + (:one - 1 + random(1, :products - 1)) % :products
-- Always in the same order, so that no two orders wait for each other's stock.
\set sku_1 least(:one, :other)
\set sku_2 greatest(:one, :other)

-- Taken in.
BEGIN;
INSERT INTO floor_orders (state, document) VALUES ('INVOICED', :document) RETURNING id AS order_id \gset
INSERT INTO floor_order_lines VALUES (:order_id, 1, :sku_1, 1, 1990), (:order_id, 2, :sku_2, 1, 2490);
INSERT INTO floor_reservations VALUES (:order_id, 'HELD');
INSERT INTO floor_invoices (order_id, state, total_minor) VALUES (:order_id, 'OPEN', 4480);
INSERT INTO floor_payments VALUES (:order_id, 'PENDING', 4480);
INSERT INTO floor_events VALUES (:order_id, 1, 'received');
UPDATE floor_stock SET reserved = reserved + 1
WHERE sku = :sku_1 AND on_hand - reserved >= 1 RETURNING sku AS reserved_1 \gset
UPDATE floor_stock SET reserved = reserved + 1
WHERE sku = :sku_2 AND on_hand - reserved >= 1 RETURNING sku AS reserved_2 \gset
COMMIT;

-- Paid.
BEGIN;
UPDATE floor_orders SET state = 'PAID', version = 2, document = :document, updated_at = now()
WHERE id = :order_id AND version = 1 RETURNING version \gset
UPDATE floor_payments SET state = 'CAPTURED' WHERE order_id = :order_id;
UPDATE floor_invoices SET state = 'PAID' WHERE order_id = :order_id;
UPDATE floor_reservations SET state = 'CONFIRMED' WHERE order_id = :order_id;
INSERT INTO floor_events VALUES (:order_id, 2, 'paid');
COMMIT;

-- Picked and handed over: the stock leaves.
BEGIN;
UPDATE floor_orders SET state = 'SHIPPED', version = 3, document = :document, updated_at = now()
WHERE id = :order_id AND version = 2 RETURNING version \gset
INSERT INTO floor_shipments VALUES (:order_id, 'HANDED_OVER');
UPDATE floor_reservations SET state = 'CONSUMED' WHERE order_id = :order_id;
INSERT INTO floor_events VALUES (:order_id, 3, 'handed over');
UPDATE floor_stock SET on_hand = on_hand - 1, reserved = reserved - 1
WHERE sku = :sku_1 AND reserved >= 1 RETURNING sku AS taken_1 \gset
UPDATE floor_stock SET on_hand = on_hand - 1, reserved = reserved - 1
WHERE sku = :sku_2 AND reserved >= 1 RETURNING sku AS taken_2 \gset
COMMIT;

-- Delivered.
BEGIN;
UPDATE floor_orders SET state = 'DELIVERED', version = 4, document = :document, updated_at = now()
WHERE id = :order_id AND version = 3 RETURNING version \gset
UPDATE floor_shipments SET state = 'DELIVERED' WHERE order_id = :order_id;
INSERT INTO floor_events VALUES (:order_id, 4, 'delivered');
COMMIT;
