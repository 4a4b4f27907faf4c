//! What is on the shelf, what is promised of it, every movement, and what is to be bought.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    shelf(schema).await?;
    promises(schema).await
}

async fn shelf(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "stock_levels",
            Shape::InKey,
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
             PRIMARY KEY (sku, location),
             CHECK (reserved + damaged + quality_hold <= on_hand)",
        )
        .await?;

    schema
        .table(
            "stock_movements",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             kind TEXT NOT NULL CHECK (kind IN ('RECEIPT', 'RESERVE', 'RELEASE', 'EXPIRE', 'SHIP', 'ADJUST', 'DAMAGE',
                 'QUALITY_HOLD', 'RESTOCK')),
             on_hand BIGINT NOT NULL,
             reserved BIGINT NOT NULL,
             damaged BIGINT NOT NULL,
             quality_hold BIGINT NOT NULL,
             reservation_id UUID,
             order_id UUID,
             shipment_id UUID,
             reason TEXT NOT NULL,
             actor TEXT NOT NULL,
             at BIGINT NOT NULL",
        )
        .await?;
    schema.append_only("stock_movements").await?;

    schema
        .table(
            "replenishments",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             received BIGINT NOT NULL CHECK (received >= 0),
             state TEXT NOT NULL CHECK (state IN ('PROPOSED', 'APPROVED', 'REJECTED', 'ORDERED', 'PARTIALLY_RECEIVED',
                 'RECEIVED', 'CANCELLED')),
             order_id UUID,
             reason TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             decided_by TEXT,
             FOREIGN KEY (sku, location) REFERENCES stock_levels (sku, location)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX stock_movements_level ON stock_movements (sku, location, at)",
            "CREATE INDEX stock_movements_order ON stock_movements (order_id) WHERE order_id IS NOT NULL",
            "CREATE UNIQUE INDEX replenishments_one_open ON replenishments (sku, location)
             WHERE state IN ('PROPOSED', 'APPROVED', 'ORDERED', 'PARTIALLY_RECEIVED')",
            "CREATE INDEX replenishments_state ON replenishments (state, created_at, id)",
        ])
        .await
}

async fn promises(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "reservations",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             version BIGINT NOT NULL,
             reference TEXT NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED', 'CONSUMED', 'RELEASED',
                 'EXPIRED')),
             expires_at BIGINT,
             plan TEXT NOT NULL,
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             CHECK (state NOT IN ('CONFIRMED', 'PARTIALLY_CONSUMED') OR expires_at IS NULL)",
        )
        .await?;
    schema
        .table(
            "reservation_items",
            Shape::InKey,
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

    schema
        .indexes(&[
            "CREATE INDEX reservations_order ON reservations (order_id) WHERE order_id IS NOT NULL",
            "CREATE UNIQUE INDEX reservations_one_open ON reservations (order_id)
             WHERE order_id IS NOT NULL AND state IN ('HELD', 'CONFIRMED', 'PARTIALLY_CONSUMED')",
            "CREATE INDEX reservations_overdue ON reservations (expires_at) WHERE state = 'HELD'",
            "CREATE INDEX reservation_items_sku ON reservation_items (sku)",
        ])
        .await
}
