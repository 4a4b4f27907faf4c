-- Tables of the floors: what an order leaves behind at the least, with no index but the key and no foreign keys. They are
-- nobody's but the floors'; no table of Consign's is like them.

CREATE TABLE floor_stock (
    sku bigint PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL DEFAULT 0
);
CREATE TABLE floor_orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    state text NOT NULL,
    document text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE floor_order_lines (
    order_id bigint NOT NULL,
    line bigint NOT NULL,
    sku bigint NOT NULL,
    quantity bigint NOT NULL,
    price_minor bigint NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE TABLE floor_reservations (
    order_id bigint PRIMARY KEY,
    state text NOT NULL
);
CREATE TABLE floor_invoices (
    number bigint GENERATED ALWAYS AS IDENTITY,
    order_id bigint PRIMARY KEY,
    state text NOT NULL,
    total_minor bigint NOT NULL
);
CREATE TABLE floor_payments (
    order_id bigint PRIMARY KEY,
    state text NOT NULL,
    amount_minor bigint NOT NULL
);
CREATE TABLE floor_shipments (
    order_id bigint PRIMARY KEY,
    state text NOT NULL
);
CREATE TABLE floor_events (
    order_id bigint NOT NULL,
    sequence bigint NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, sequence)
);
