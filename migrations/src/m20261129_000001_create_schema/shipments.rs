//! Shipments, as they are listed and found; what is in them is in the document of their order.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "shipments",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             location TEXT NOT NULL REFERENCES locations (code),
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             units BIGINT NOT NULL CHECK (units > 0),
             tracking_number TEXT UNIQUE,
             courier TEXT REFERENCES couriers (code),
             handed_over_at BIGINT,
             received_at BIGINT,
             estimated_at BIGINT,
             late BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             UNIQUE (order_id, number)",
        )
        .await?;

    // The sum of what orders say of each courier, archived or not. It is only ever added to, so that whoever adds to it
    // need not know what others add.
    schema
        .table(
            "courier_records",
            Shape::NarrowChanging,
            "courier TEXT NOT NULL PRIMARY KEY REFERENCES couriers (code),
             carried BIGINT NOT NULL,
             delivered BIGINT NOT NULL,
             late BIGINT NOT NULL,
             damaged BIGINT NOT NULL,
             rated BIGINT NOT NULL,
             rating_sum BIGINT NOT NULL",
        )
        .await?;

    // The sum of what orders take of the days of locations and couriers, by their own calendars. It is only ever added to
    // and taken off, likewise.
    schema
        .table(
            "daily_shipments",
            Shape::NarrowChanging,
            "kind TEXT NOT NULL,
             code TEXT NOT NULL,
             day INTEGER NOT NULL,
             shipments BIGINT NOT NULL CHECK (shipments >= 0),
             PRIMARY KEY (kind, code, day)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX shipments_state ON shipments (state, archived, id)",
            "CREATE INDEX shipments_location_state ON shipments (location, state, archived, id)",
            "CREATE INDEX shipments_late ON shipments (archived, id) WHERE late = TRUE",
            "CREATE INDEX shipments_courier ON shipments (courier, archived, id) WHERE courier IS NOT NULL",
        ])
        .await?;
    numbers(schema).await?;
    returns(schema).await?;
    schema.both_sides("shipments", "", "id").await?;
    schema.dependent("shipments_location_with_state (mcv) ON location, state, archived FROM shipments").await
}

/// The numbers that couriers gave to packages, and the files of their labels.
async fn numbers(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "tracking_numbers",
            Shape::Narrow,
            "courier TEXT NOT NULL REFERENCES couriers (code),
             number TEXT NOT NULL CHECK (number <> ''),
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             shipment_id UUID NOT NULL,
             package INTEGER NOT NULL CHECK (package >= 0),
             PRIMARY KEY (courier, number)",
        )
        .await?;
    schema
        .indexes(&[
            "CREATE INDEX tracking_numbers_number ON tracking_numbers (number)",
            "CREATE INDEX tracking_numbers_order ON tracking_numbers (order_id)",
        ])
        .await?;
    // Of which lots the units of shipments are: a recall asks for them.
    schema
        .table(
            "shipment_lots",
            Shape::Narrow,
            "shipment_id UUID NOT NULL,
             line INTEGER NOT NULL CHECK (line > 0),
             lot TEXT NOT NULL CHECK (lot <> ''),
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             sku TEXT NOT NULL,
             location TEXT NOT NULL,
             expires_on INTEGER NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             picked BIGINT NOT NULL CHECK (picked >= 0 AND picked <= quantity),
             in_house BOOLEAN NOT NULL,
             PRIMARY KEY (shipment_id, line, lot)",
        )
        .await?;
    schema
        .indexes(&[
            "CREATE INDEX shipment_lots_lot ON shipment_lots (lot, shipment_id)",
            "CREATE INDEX shipment_lots_order ON shipment_lots (order_id)",
            "CREATE INDEX shipment_lots_in_house ON shipment_lots (sku, location, lot) WHERE in_house = TRUE",
        ])
        .await?;
    // By its hash: an order's document names it, and the same file is kept once. It goes when that order's customer is
    // erased.
    schema
        .table("carrier_labels", Shape::Wide, "sha256 TEXT NOT NULL PRIMARY KEY, content BYTEA NOT NULL")
        .await?;
    schema.refuse("carrier_labels", "UPDATE", "TRUE").await
}

/// What comes back from customers.
async fn returns(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "returns",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             units BIGINT NOT NULL CHECK (units > 0),
             received BIGINT NOT NULL CHECK (received >= 0),
             missing BIGINT NOT NULL CHECK (missing >= 0),
             inspected BIGINT NOT NULL CHECK (inspected >= 0),
             resolved BIGINT NOT NULL CHECK (resolved >= 0),
             paid_before BIGINT NOT NULL CHECK (paid_before >= 0),
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             UNIQUE (order_id, number),
             CHECK (received + missing <= units),
             CHECK (inspected <= received),
             CHECK (resolved <= units),
             CHECK (paid_before <= resolved),
             CHECK (state <> 'CLOSED' OR (inspected + missing = units AND resolved = units))",
        )
        .await?;
    schema.indexes(&["CREATE INDEX returns_state ON returns (state, archived, id)"]).await?;
    schema.both_sides("returns", "", "id").await?;
    schema.dependent("returns_state_with_archived (mcv) ON state, archived FROM returns").await
}
