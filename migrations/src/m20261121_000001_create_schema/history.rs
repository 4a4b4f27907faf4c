//! What happened, in order. No key leads from here to the orders: history stays when they are archived.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "events",
            Shape::Apart,
            "position BIGINT NOT NULL PRIMARY KEY CHECK (position > 0),
             order_id UUID NOT NULL,
             sequence BIGINT NOT NULL CHECK (sequence > 0),
             at BIGINT NOT NULL,
             actor TEXT NOT NULL,
             kind TEXT NOT NULL CHECK (kind <> ''),
             machine TEXT CHECK (machine IN ('ORDER', 'HOLD', 'APPROVAL', 'RESERVATION', 'INVOICE', 'PAYMENT', 'REFUND',
                 'SHIPMENT', 'MESSAGE', 'FEEDBACK', 'REPLENISHMENT')),
             subject UUID,
             from_state TEXT,
             to_state TEXT,
             text TEXT NOT NULL,
             UNIQUE (order_id, sequence),
             CHECK ((machine IS NULL) = (subject IS NULL) AND (machine IS NULL) = (from_state IS NULL)
                 AND (machine IS NULL) = (to_state IS NULL))",
        )
        .await?;
    schema.append_only("events").await?;

    schema
        .indexes(&["CREATE INDEX events_subject ON events (subject, position) WHERE subject IS NOT NULL"])
        .await
}
