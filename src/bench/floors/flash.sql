-- A buyer wants a unit of the one product that is on sale: if one is left it is taken, and the order is written.

\set taken 0
BEGIN;
UPDATE floor_stock SET reserved = reserved + 1
WHERE sku = 0 AND on_hand - reserved >= 1 RETURNING 1 AS taken \aset
\if :taken = 1
INSERT INTO floor_orders (state, document) VALUES ('INVOICED', :document);
\endif
COMMIT;
