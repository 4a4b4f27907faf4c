-- An order of two products, taken in and paid: one transaction, nine rows. The stock comes last, so that other orders
-- wait for it as briefly as can be; an order for what is not there would end the run.

\set one random(1, :products)
\set other 1 + (:one - 1 + random(1, :products - 1)) % :products
-- Always in the same order, so that no two orders wait for each other's stock.
\set sku_1 least(:one, :other)
\set sku_2 greatest(:one, :other)

BEGIN;
INSERT INTO floor_orders (state, document) VALUES ('PAID', :document) RETURNING id AS order_id \gset
INSERT INTO floor_order_lines VALUES (:order_id, 1, :sku_1, 1, 1990), (:order_id, 2, :sku_2, 1, 2490);
INSERT INTO floor_reservations VALUES (:order_id, 'CONFIRMED');
INSERT INTO floor_invoices (order_id, state, total_minor) VALUES (:order_id, 'PAID', 4480);
INSERT INTO floor_payments VALUES (:order_id, 'CAPTURED', 4480);
INSERT INTO floor_events VALUES (:order_id, 1, 'received and paid');
UPDATE floor_stock SET reserved = reserved + 1
WHERE sku = :sku_1 AND on_hand - reserved >= 1 RETURNING sku AS reserved_1 \gset
UPDATE floor_stock SET reserved = reserved + 1
WHERE sku = :sku_2 AND on_hand - reserved >= 1 RETURNING sku AS reserved_2 \gset
COMMIT;
