//! Orders, and the lists of their parts. An archived order stays where it was: `archived` tells its rows from those of the
//! day, and is in the indexes of the lists, so that neither looks at the other's.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    orders(schema).await?;
    parts(schema).await
}

/// An order's row: its document, what it is listed, found and locked by, and when it is due for a worker.
async fn orders(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "orders",
            Shape::WideChanging,
            "id UUID NOT NULL PRIMARY KEY,
             number BIGINT NOT NULL UNIQUE CHECK (number > 0),
             version BIGINT NOT NULL CHECK (version > 0),
             last_event BIGINT NOT NULL CHECK (last_event >= 0),
             state TEXT NOT NULL CHECK (state <> ''),
             archived BOOLEAN NOT NULL,
             channel TEXT NOT NULL,
             external_reference TEXT NOT NULL,
             customer_name TEXT COLLATE \"C\" NOT NULL,
             customer_email TEXT COLLATE \"C\" NOT NULL,
             customer_phone TEXT NOT NULL,
             region TEXT,
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
             captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
             refunded_minor BIGINT NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
             fingerprint TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             late BOOLEAN NOT NULL,
             slipped_since BIGINT,
             payment_status TEXT NOT NULL,
             fulfillment_status TEXT NOT NULL,
             next_step TEXT NOT NULL,
             on_hold BOOLEAN NOT NULL,
             stuck_gate TEXT,
             stuck_since BIGINT,
             delivered_at BIGINT,
             promised_at BIGINT,
             run_at BIGINT,
             attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
             lease_token BIGINT NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
             lease_until BIGINT,
             document BYTEA NOT NULL,
             CHECK ((stuck_gate IS NULL) = (stuck_since IS NULL)),
             CHECK ((state = 'ARCHIVED') = (archived = TRUE))",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE UNIQUE INDEX orders_external_reference ON orders (channel, external_reference)
             WHERE external_reference <> ''",
            // The number is there so that sorting by it reads the index alone.
            "CREATE INDEX orders_channel_state ON orders (channel, state, archived, id, number)",
            "CREATE INDEX orders_region ON orders (region, archived, id, number)",
            "CREATE INDEX orders_customer_email ON orders (customer_email, archived, id, number)",
            "CREATE INDEX orders_customer_phone ON orders (customer_phone, archived, id, number)
             WHERE customer_phone <> ''",
            "CREATE INDEX orders_payment_status ON orders (payment_status, archived, id, number)",
            "CREATE INDEX orders_fulfillment_status ON orders (fulfillment_status, archived, id, number)",
            "CREATE INDEX orders_next_step ON orders (next_step, archived, id, number)",
            "CREATE INDEX orders_on_hold ON orders (archived, id, number) WHERE on_hold = TRUE",
            "CREATE INDEX orders_fingerprint ON orders (fingerprint, created_at)",
            "CREATE INDEX orders_late ON orders (archived, id, number) WHERE late = TRUE",
            "CREATE INDEX orders_slipped ON orders (slipped_since, id) WHERE slipped_since IS NOT NULL",
            "CREATE INDEX orders_slipped_at ON orders (stuck_gate, slipped_since, id) WHERE slipped_since IS NOT NULL",
            "CREATE INDEX orders_stuck ON orders (stuck_gate, stuck_since, id) WHERE stuck_gate IS NOT NULL",
            // With the promise, so that whether it was kept is counted from the index alone.
            "CREATE INDEX orders_delivered ON orders (delivered_at, promised_at) WHERE delivered_at IS NOT NULL",
            "CREATE INDEX orders_due ON orders (run_at) WHERE run_at IS NOT NULL",
        ])
        .await?;
    schema.both_sides("orders", "", "id").await?;
    schema.both_sides("orders", "_by_number", "number, id").await?;
    schema.both_sides("orders", "_by_update", "updated_at, id, number").await?;
    schema.both_sides("orders", "_by_name", "customer_name, id, number").await?;
    schema.dependent("orders_channel_with_state (mcv) ON channel, state, archived FROM orders").await?;
    schema.dependent("orders_payment_with_archived (mcv) ON payment_status, archived FROM orders").await?;
    schema
        .dependent("orders_fulfillment_with_archived (mcv) ON fulfillment_status, archived FROM orders")
        .await?;
    schema.dependent("orders_step_with_archived (mcv) ON next_step, archived FROM orders").await
}

async fn parts(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "order_lines",
            Shape::Narrow,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             sku TEXT NOT NULL,
             description TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
             tax_minor BIGINT NOT NULL,
             total_minor BIGINT NOT NULL,
             cancelled BIGINT NOT NULL CHECK (cancelled >= 0),
             refunded BIGINT NOT NULL CHECK (refunded >= 0),
             returned BIGINT NOT NULL CHECK (returned >= 0),
             waiting BIGINT NOT NULL CHECK (waiting >= 0),
             CHECK (cancelled <= quantity),
             CHECK (refunded <= quantity),
             CHECK (waiting + cancelled <= quantity),
             CHECK (returned <= quantity - cancelled),
             PRIMARY KEY (order_id, number)",
        )
        .await?;

    // What an order is found by that it may have several of: the products of its lines, the reasons of its active holds,
    // its labels. Lists go along `listed`, which is the order once more: PostgreSQL would go along the index that leads
    // from the order, through all that has other terms.
    schema
        .table(
            "order_terms",
            Shape::Narrow,
            "field TEXT NOT NULL,
             term TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             listed UUID NOT NULL,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             CHECK (listed = order_id),
             PRIMARY KEY (field, term, archived, listed)",
        )
        .await?;

    schema
        .table(
            "holds",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             reason TEXT NOT NULL,
             state TEXT NOT NULL,
             placed_at BIGINT NOT NULL,
             released_at BIGINT,
             CHECK ((state = 'RELEASED') = (released_at IS NOT NULL))",
        )
        .await?;

    schema
        .table(
            "approvals",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             gate TEXT NOT NULL,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             requested_by TEXT NOT NULL,
             requested_at BIGINT NOT NULL,
             expires_at BIGINT,
             decided_by TEXT,
             decided_at BIGINT,
             CHECK (state NOT IN ('APPROVED', 'REJECTED')
                 OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> requested_by))",
        )
        .await?;

    schema
        .table(
            "messages",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             kind TEXT NOT NULL,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             dedupe_key TEXT NOT NULL CHECK (dedupe_key <> ''),
             shipment_id UUID,
             created_at BIGINT NOT NULL,
             sent_at BIGINT,
             failed_at BIGINT,
             UNIQUE (order_id, dedupe_key),
             CHECK (state <> 'SENT' OR sent_at IS NOT NULL),
             CHECK ((state = 'FAILED') = (failed_at IS NOT NULL))",
        )
        .await?;

    // Beside the orders, whose documents stay small: language, subject, text and page of a message from its first try on.
    schema
        .table(
            "message_texts",
            Shape::Wide,
            "message_id UUID NOT NULL PRIMARY KEY,
             content BYTEA NOT NULL",
        )
        .await?;
    // What was sent is never changed, but it may be forgotten, and nothing is left of it when a person's data is erased.
    let changed = "NEW.message_id <> OLD.message_id OR length(NEW.content) > 0";
    schema.refuse("message_texts", "UPDATE", changed).await?;
    schema.refuse("message_texts", "DELETE", "TRUE").await?;

    feedback(schema).await?;

    // Rows exist exactly while their order is AWAITING_STOCK or the rest of it waits; a smaller number is served first.
    schema
        .table(
            "order_waits",
            Shape::Narrow,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             sku TEXT NOT NULL,
             region TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             number BIGINT NOT NULL CHECK (number > 0),
             caller TEXT NOT NULL,
             PRIMARY KEY (order_id, sku)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX order_terms_order ON order_terms (order_id)",
            "CREATE INDEX holds_order ON holds (order_id)",
            "CREATE INDEX approvals_order ON approvals (order_id)",
            "CREATE INDEX approvals_gate_state ON approvals (gate, state, archived, id)",
            "CREATE UNIQUE INDEX approvals_one_pending ON approvals (order_id, gate) WHERE state = 'PENDING'",
            "CREATE INDEX messages_kind_state ON messages (kind, state, archived, id)",
            // The oldest first: those are sent again first.
            "CREATE INDEX messages_failed ON messages (failed_at, id) WHERE failed_at IS NOT NULL AND archived = FALSE",
            "CREATE INDEX order_waits_first_come ON order_waits (sku, region, number, quantity)",
            "CREATE INDEX order_waits_caller ON order_waits (caller, order_id)",
        ])
        .await?;
    schema.dependent("order_terms_with_archived (mcv) ON field, term, archived FROM order_terms").await?;
    schema.both_sides("approvals", "", "id").await?;
    schema.both_sides("messages", "", "id").await?;
    schema.dependent("approvals_gate_with_state (mcv) ON gate, state, archived FROM approvals").await?;
    schema.dependent("messages_kind_with_state (mcv) ON kind, state, archived FROM messages").await
}

/// What customers said. The indexes begin with when they said it, and have what a report adds up, so that it is read from
/// them alone.
async fn feedback(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "feedback",
            Shape::Narrow,
            "order_id UUID NOT NULL PRIMARY KEY REFERENCES orders (id) ON DELETE CASCADE,
             state TEXT NOT NULL,
             region TEXT,
             delivery_rating INTEGER NOT NULL CHECK (delivery_rating BETWEEN 0 AND 5),
             product_rating INTEGER NOT NULL CHECK (product_rating BETWEEN 0 AND 5),
             comment TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             requested_at BIGINT NOT NULL,
             submitted_at BIGINT,
             CHECK (state <> 'SUBMITTED' OR submitted_at IS NOT NULL)",
        )
        .await?;

    // Of single lines; the reasons of an answer as a whole are those of line 0.
    schema
        .table(
            "feedback_lines",
            Shape::Narrow,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             sku TEXT NOT NULL,
             rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
             submitted_at BIGINT NOT NULL,
             PRIMARY KEY (order_id, number)",
        )
        .await?;
    schema
        .table(
            "feedback_reasons",
            Shape::Narrow,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number >= 0),
             reason TEXT NOT NULL,
             submitted_at BIGINT NOT NULL,
             PRIMARY KEY (order_id, number, reason)",
        )
        .await?;
    schema
        .table(
            "follow_ups",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL UNIQUE REFERENCES orders (id) ON DELETE CASCADE,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             raised_at BIGINT NOT NULL",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX feedback_submitted
             ON feedback (submitted_at, order_id, delivery_rating, product_rating, region)
             WHERE state = 'SUBMITTED'",
            "CREATE INDEX feedback_requested ON feedback (requested_at, state)",
            "CREATE INDEX feedback_answered ON feedback (submitted_at, order_id) WHERE submitted_at IS NOT NULL",
            "CREATE INDEX feedback_state ON feedback (state, archived, order_id)",
            "CREATE INDEX feedback_delivery_rating ON feedback (delivery_rating, archived, order_id)",
            "CREATE INDEX feedback_product_rating ON feedback (product_rating, archived, order_id)",
            "CREATE INDEX feedback_lines_submitted ON feedback_lines (submitted_at, sku, rating)",
            "CREATE INDEX feedback_reasons_submitted ON feedback_reasons (submitted_at, reason, order_id)",
            "CREATE INDEX follow_ups_state ON follow_ups (state, archived, id)",
        ])
        .await?;
    schema.both_sides("feedback", "", "order_id").await?;
    for column in ["state", "delivery_rating", "product_rating"] {
        let statistics = format!("feedback_{column}_with_archived (mcv) ON {column}, archived FROM feedback");
        schema.dependent(&statistics).await?;
    }
    schema.both_sides("follow_ups", "", "id").await?;
    schema.dependent("follow_ups_state_with_archived (mcv) ON state, archived FROM follow_ups").await
}
