//! What is on the shelf, what of it is reserved, every movement, and what is to be bought.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    shelf(schema).await?;
    reservations(schema).await
}

async fn shelf(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "stock_levels",
            Shape::NarrowChanging,
            "sku TEXT NOT NULL REFERENCES products (sku),
             location TEXT NOT NULL REFERENCES locations (code),
             version BIGINT NOT NULL CHECK (version > 0),
             on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
             reserved BIGINT NOT NULL CHECK (reserved >= 0),
             damaged BIGINT NOT NULL CHECK (damaged >= 0),
             quality_hold BIGINT NOT NULL CHECK (quality_hold >= 0),
             safety_stock BIGINT NOT NULL CHECK (safety_stock >= 0),
             reorder_point BIGINT CHECK (reorder_point >= 0),
             reorder_up_to BIGINT CHECK (reorder_up_to >= 0),
             updated_at BIGINT NOT NULL,
             incoming BIGINT NOT NULL CHECK (incoming >= 0),
             lead_time_days BIGINT CHECK (lead_time_days >= 0),
             declined_at BIGINT,
             missing BIGINT NOT NULL DEFAULT 0 CHECK (missing >= 0 AND missing <= on_hand),
             unsold BIGINT NOT NULL CHECK (unsold >= 0 AND unsold <= on_hand),
             lots_at BIGINT,
             lots BYTEA NOT NULL,
             below_reorder_point BOOLEAN GENERATED ALWAYS AS (reorder_point IS NOT NULL AND
                 on_hand - reserved - damaged - quality_hold - missing - unsold - safety_stock < reorder_point) STORED,
             PRIMARY KEY (sku, location),
             CHECK (reserved + damaged + quality_hold <= on_hand)",
        )
        .await?;

    schema
        .table(
            "stock_movements",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             kind TEXT NOT NULL,
             on_hand BIGINT NOT NULL,
             reserved BIGINT NOT NULL,
             damaged BIGINT NOT NULL,
             quality_hold BIGINT NOT NULL,
             reservation_id UUID,
             order_id UUID,
             shipment_id UUID,
             transfer_id UUID,
             reason TEXT NOT NULL,
             actor TEXT NOT NULL,
             at BIGINT NOT NULL,
             lot TEXT CHECK (lot <> '')",
        )
        .await?;
    // Nor are they changed, but for what erasures allow.
    schema.refuse("stock_movements", "DELETE", "TRUE").await?;
    schema
        .table(
            "stock_lots",
            Shape::NarrowChanging,
            "sku TEXT NOT NULL,
             location TEXT NOT NULL,
             lot TEXT NOT NULL CHECK (lot <> ''),
             expires_on INTEGER NOT NULL,
             sold_until BIGINT NOT NULL,
             expires_at BIGINT NOT NULL,
             on_hand BIGINT NOT NULL CHECK (on_hand > 0),
             damaged BIGINT NOT NULL CHECK (damaged >= 0),
             quality_hold BIGINT NOT NULL CHECK (quality_hold >= 0),
             missing BIGINT NOT NULL CHECK (missing >= 0),
             allotted BIGINT NOT NULL CHECK (allotted >= 0),
             PRIMARY KEY (sku, location, lot),
             FOREIGN KEY (sku, location) REFERENCES stock_levels (sku, location),
             CHECK (sold_until <= expires_at),
             CHECK (damaged + quality_hold + missing + allotted <= on_hand)",
        )
        .await?;

    schema
        .table(
            "replenishments",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             received BIGINT NOT NULL CHECK (received >= 0),
             state TEXT NOT NULL,
             order_id UUID,
             reason TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             decided_by TEXT,
             supplier TEXT NOT NULL,
             expected_at BIGINT,
             transfer_id UUID,
             FOREIGN KEY (sku, location) REFERENCES stock_levels (sku, location)",
        )
        .await?;

    schema
        .table(
            "transfers",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             from_location TEXT NOT NULL REFERENCES locations (code),
             to_location TEXT NOT NULL REFERENCES locations (code),
             state TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL,
             CHECK (from_location <> to_location)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX transfers_state ON transfers (state, id)",
            "CREATE INDEX transfers_from ON transfers (from_location, id)",
            "CREATE INDEX transfers_to ON transfers (to_location, id)",
            "CREATE INDEX stock_movements_transfer ON stock_movements (transfer_id) WHERE transfer_id IS NOT NULL",
            "CREATE INDEX stock_levels_location ON stock_levels (location, sku)",
            "CREATE INDEX stock_levels_lots ON stock_levels (lots_at, sku, location) WHERE lots_at IS NOT NULL",
            "CREATE INDEX stock_lots_location ON stock_lots (location, sku, lot)",
            "CREATE INDEX stock_lots_lot ON stock_lots (lot, sku, location)",
            "CREATE INDEX stock_lots_expires ON stock_lots (expires_at, sku, location, lot)",
            "CREATE INDEX stock_levels_missing ON stock_levels (sku, location) WHERE missing > 0",
            // The shelf is below its point or not: so long as that stays, no change of stock touches this index.
            "CREATE INDEX stock_levels_below ON stock_levels (sku, location) WHERE below_reorder_point = TRUE",
            "CREATE INDEX stock_movements_order ON stock_movements (order_id) WHERE order_id IS NOT NULL",
            "CREATE INDEX stock_movements_sku ON stock_movements (sku, id)",
            "CREATE INDEX stock_movements_location ON stock_movements (location, id)",
            // Every placed order writes RESERVE movements; a page of these is found along the id.
            "CREATE INDEX stock_movements_kind ON stock_movements (kind, id) WHERE kind <> 'RESERVE'",
            "CREATE INDEX replenishments_open ON replenishments (sku)
             WHERE state IN ('PROPOSED', 'APPROVED', 'ORDERED', 'PARTIALLY_RECEIVED')",
            "CREATE UNIQUE INDEX replenishments_one_proposed ON replenishments (sku, location)
             WHERE state = 'PROPOSED'",
            "CREATE INDEX replenishments_transfer ON replenishments (transfer_id) WHERE transfer_id IS NOT NULL",
            "CREATE INDEX replenishments_state ON replenishments (state, id)",
            "CREATE INDEX replenishments_sku ON replenishments (sku, id)",
            "CREATE INDEX replenishments_location ON replenishments (location, id)",
        ])
        .await
}

/// Reservations of orders are part of these; other callers' are documents of their own, with a time at which a worker
/// ends them.
async fn reservations(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "reservations",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID REFERENCES orders (id) ON DELETE CASCADE,
             version BIGINT NOT NULL,
             reference TEXT NOT NULL,
             state TEXT NOT NULL,
             expires_at BIGINT,
             created_at BIGINT NOT NULL,
             run_at BIGINT,
             attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
             lease_token BIGINT NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
             lease_until BIGINT,
             caller TEXT,
             taken_over_by UUID,
             taken_over_from UUID UNIQUE,
             document BYTEA,
             CHECK ((order_id IS NULL) = (caller IS NOT NULL)),
             CHECK (taken_over_by IS NULL OR (order_id IS NULL AND state = 'RELEASED')),
             CHECK (taken_over_from IS NULL OR order_id IS NOT NULL),
             CHECK ((order_id IS NULL) = (document IS NOT NULL)),
             CHECK (order_id IS NULL OR run_at IS NULL),
             CHECK (state NOT IN ('CONFIRMED', 'PARTIALLY_CONSUMED') OR expires_at IS NULL)",
        )
        .await?;
    schema
        .table(
            "reservation_items",
            Shape::NarrowChanging,
            "reservation_id UUID NOT NULL REFERENCES reservations (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             line INTEGER NOT NULL CHECK (line >= 0),
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             consumed BIGINT NOT NULL CHECK (consumed >= 0),
             released BIGINT NOT NULL CHECK (released >= 0),
             PRIMARY KEY (reservation_id, number),
             FOREIGN KEY (sku, location) REFERENCES stock_levels (sku, location),
             CHECK (consumed + released <= quantity)",
        )
        .await?;

    // How many reservations of its own each caller has open: the sum of those.
    schema
        .table(
            "open_reservations",
            Shape::NarrowChanging,
            "caller TEXT NOT NULL PRIMARY KEY,
             open BIGINT NOT NULL CHECK (open >= 0)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX reservation_items_open ON reservation_items (location, sku)
             WHERE quantity > consumed + released",
            "CREATE INDEX open_reservations_none ON open_reservations (caller) WHERE open = 0",
            "CREATE INDEX reservations_order ON reservations (order_id) WHERE order_id IS NOT NULL",
            "CREATE UNIQUE INDEX reservations_one_open ON reservations (order_id)
             WHERE order_id IS NOT NULL AND state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED')",
            "CREATE INDEX reservations_overdue ON reservations (expires_at) WHERE state = 'HELD'",
            // Those that are held have an index of their own: in one over all states, SQLite would look for the few
            // whose time is up among all that are held.
            "CREATE INDEX reservations_held ON reservations (id) WHERE state = 'HELD'",
            "CREATE INDEX reservations_state ON reservations (state, id) WHERE state <> 'HELD'",
            "CREATE INDEX reservations_due ON reservations (run_at) WHERE run_at IS NOT NULL",
        ])
        .await
}
