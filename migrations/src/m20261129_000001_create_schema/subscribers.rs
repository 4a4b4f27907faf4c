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
             lease_until BIGINT,
             retired BOOLEAN NOT NULL DEFAULT FALSE",
        )
        .await?;

    // Subscribers that calls made, each named by the text of its id. Secrets sign, so that they are kept as they are. A
    // row stays when it is deleted, without its secrets.
    schema
        .table(
            "event_subscriptions",
            Shape::Wide,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             url TEXT NOT NULL,
             kinds TEXT NOT NULL,
             description TEXT NOT NULL,
             state TEXT NOT NULL,
             reason TEXT NOT NULL,
             secret TEXT,
             previous_secret TEXT,
             previous_until BIGINT,
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             changed_by TEXT NOT NULL,
             changed_at BIGINT NOT NULL,
             CHECK ((state = 'DELETED') = (secret IS NULL)),
             CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
             CHECK (secret IS NOT NULL OR previous_secret IS NULL)",
        )
        .await?;
    schema.refuse("event_subscriptions", "UPDATE", "OLD.state = 'DELETED'").await?;
    schema.refuse("event_subscriptions", "DELETE", "TRUE").await?;

    // Without `run_at` an event is given up; with the greatest there is it waits behind an earlier one of its order.
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
             tried_at BIGINT,
             error TEXT NOT NULL,
             status BIGINT,
             PRIMARY KEY (subscriber, position)",
        )
        .await?;

    // Who had events told once more.
    schema
        .table(
            "event_redeliveries",
            Shape::Wide,
            "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             subscriber TEXT NOT NULL REFERENCES event_subscribers (name),
             actor TEXT NOT NULL,
             at BIGINT NOT NULL,
             events BIGINT NOT NULL CHECK (events > 0),
             first_position BIGINT NOT NULL CHECK (first_position > 0),
             last_position BIGINT NOT NULL CHECK (last_position >= first_position)",
        )
        .await?;
    schema.append_only("event_redeliveries").await?;

    schema
        .indexes(&[
            "CREATE INDEX event_subscribers_told ON event_subscribers (name) WHERE retired = FALSE",
            "CREATE INDEX event_subscriptions_live ON event_subscriptions (id) WHERE state <> 'DELETED'",
            "CREATE INDEX event_subscriptions_state ON event_subscriptions (state, id)",
            "CREATE INDEX untold_events_due ON untold_events (subscriber, run_at) WHERE run_at IS NOT NULL",
            "CREATE INDEX untold_events_order ON untold_events (subscriber, order_id, position)
             WHERE run_at IS NOT NULL",
            "CREATE INDEX untold_events_given_up ON untold_events (subscriber, tried_at, position) WHERE run_at IS NULL",
            "CREATE INDEX event_redeliveries_subscriber ON event_redeliveries (subscriber, id)",
        ])
        .await
}
