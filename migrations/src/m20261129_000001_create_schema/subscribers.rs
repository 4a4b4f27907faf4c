//! What subscribers of events have been told.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // The feed up to `position` is told, but for what `untold_events` has. One process at a time tells a subscriber.
    schema
        .table(
            "event_subscribers",
            Shape::NarrowChanging,
            "name TEXT NOT NULL PRIMARY KEY,
             position BIGINT NOT NULL CHECK (position >= 0),
             attempts BIGINT NOT NULL CHECK (attempts >= 0),
             run_at BIGINT NOT NULL,
             failing_since BIGINT,
             error TEXT,
             lease_token BIGINT NOT NULL,
             lease_until BIGINT",
        )
        .await?;

    schema
        .table(
            "untold_events",
            Shape::NarrowChanging,
            "subscriber TEXT NOT NULL REFERENCES event_subscribers (name),
             position BIGINT NOT NULL CHECK (position > 0),
             order_id UUID NOT NULL,
             attempts BIGINT NOT NULL CHECK (attempts >= 0),
             since BIGINT NOT NULL,
             run_at BIGINT,
             error TEXT NOT NULL,
             PRIMARY KEY (subscriber, position)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX untold_events_due ON untold_events (subscriber, run_at) WHERE run_at IS NOT NULL",
            "CREATE INDEX untold_events_order ON untold_events (subscriber, order_id, position)
             WHERE run_at IS NOT NULL",
        ])
        .await
}
