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

    schema
        .indexes(&[
            "CREATE INDEX shipments_state ON shipments (state, id)",
            "CREATE INDEX shipments_location_state ON shipments (location, state, id)",
            "CREATE INDEX shipments_late ON shipments (id) WHERE late",
            "CREATE INDEX shipments_courier ON shipments (courier, id) WHERE courier IS NOT NULL",
        ])
        .await?;
    schema.dependent("shipments_location_with_state (mcv) ON location, state FROM shipments").await
}
