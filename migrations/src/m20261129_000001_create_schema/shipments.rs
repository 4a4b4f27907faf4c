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

    schema
        .indexes(&[
            "CREATE INDEX shipments_state ON shipments (state, archived, id)",
            "CREATE INDEX shipments_location_state ON shipments (location, state, archived, id)",
            "CREATE INDEX shipments_courier ON shipments (courier, archived, id) WHERE courier IS NOT NULL",
        ])
        .await?;
    schema.both_sides("shipments", "", "id").await?;
    schema.dependent("shipments_location_with_state (mcv) ON location, state, archived FROM shipments").await
}
