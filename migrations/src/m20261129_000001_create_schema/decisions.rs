//! What was decided, in order: the history of every order, the feed, and the idempotency keys with their answers.
//! No key leads from here to the orders: history stays whatever happens to their rows.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // A row for each order that a decision wrote events about; its key and answer are in the first. A decision without
    // events has a row if it has a key. Events are numbered within their order (`sequence`) and in the feed
    // (`position`), both without gap.
    schema
        .table(
            "decisions",
            Shape::Wide,
            "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             order_id UUID,
             first_sequence BIGINT CHECK (first_sequence > 0),
             last_sequence BIGINT CHECK (last_sequence >= first_sequence),
             first_position BIGINT CHECK (first_position > 0),
             last_position BIGINT CHECK (last_position - first_position = last_sequence - first_sequence),
             at BIGINT NOT NULL,
             actor TEXT NOT NULL,
             method TEXT NOT NULL,
             request_id TEXT CHECK (length(request_id) BETWEEN 8 AND 128),
             fingerprint BYTEA CHECK (length(fingerprint) = 32),
             answer BYTEA,
             events BYTEA,
             CHECK ((order_id IS NULL) = (events IS NULL) AND (order_id IS NULL) = (first_sequence IS NULL)
                 AND (order_id IS NULL) = (last_sequence IS NULL) AND (order_id IS NULL) = (first_position IS NULL)
                 AND (order_id IS NULL) = (last_position IS NULL)),
             CHECK (order_id IS NOT NULL OR request_id IS NOT NULL),
             CHECK ((request_id IS NULL) = (fingerprint IS NULL) AND (request_id IS NULL) = (answer IS NULL))",
        )
        .await?;
    // Keys and answers are forgotten in time, and an answer that is not final is replaced; history is not, but for what
    // it says of a person whose data is being erased.
    let unless_erased = schema.unless_erased("OLD.order_id");
    schema
        .refuse(
            "decisions",
            "UPDATE",
            &format!(
                "NEW.id <> OLD.id OR NEW.order_id IS DISTINCT FROM OLD.order_id
                 OR NEW.first_sequence IS DISTINCT FROM OLD.first_sequence
                 OR NEW.last_sequence IS DISTINCT FROM OLD.last_sequence
                 OR NEW.first_position IS DISTINCT FROM OLD.first_position
                 OR NEW.last_position IS DISTINCT FROM OLD.last_position
                 OR NEW.at <> OLD.at OR NEW.method <> OLD.method
                 OR ((NEW.actor <> OLD.actor OR NEW.events IS DISTINCT FROM OLD.events) AND {unless_erased})"
            ),
        )
        .await?;
    schema.refuse("decisions", "DELETE", "OLD.events IS NOT NULL").await?;

    schema
        .indexes(&[
            "CREATE UNIQUE INDEX decisions_sequence ON decisions (order_id, last_sequence) WHERE order_id IS NOT NULL",
            "CREATE UNIQUE INDEX decisions_position ON decisions (last_position) WHERE last_position IS NOT NULL",
            "CREATE UNIQUE INDEX decisions_request ON decisions (actor, method, request_id)
             WHERE request_id IS NOT NULL",
            "CREATE INDEX decisions_at ON decisions (at) WHERE request_id IS NOT NULL",
        ])
        .await?;

    schema
        .table(
            "counters",
            Shape::NarrowChanging,
            "name TEXT NOT NULL PRIMARY KEY,
             value BIGINT NOT NULL CHECK (value >= 0)",
        )
        .await
}
