//! Orders and what hangs on them until they are archived: lines, holds, approvals, messages, feedback, and
//! what a waiting order waits for. Every part leaves with its order.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    orders(schema).await?;
    parts(schema).await?;
    archive(schema).await
}

async fn orders(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "orders",
            Shape::Apart,
            "id UUID NOT NULL PRIMARY KEY,
             number BIGINT NOT NULL UNIQUE CHECK (number > 0),
             version BIGINT NOT NULL CHECK (version > 0),
             last_event BIGINT NOT NULL CHECK (last_event >= 0),
             state TEXT NOT NULL CHECK (state IN ('RECEIVED', 'VERIFIED', 'AWAITING_STOCK', 'RESERVED',
                 'RESERVATION_APPROVED', 'INVOICED', 'PAYMENT_CAPTURED', 'PAYMENT_APPROVED', 'FULFILLING',
                 'PARTIALLY_SHIPPED', 'SHIPPED', 'PARTIALLY_DELIVERED', 'DELIVERED', 'CLOSED', 'REJECTED',
                 'CANCELLED', 'EXPIRED')),
             channel TEXT NOT NULL CHECK (channel IN ('ONLINE', 'PHONE', 'IN_PERSON')),
             external_reference TEXT NOT NULL,
             customer_name TEXT NOT NULL,
             customer_email TEXT NOT NULL,
             customer_phone TEXT NOT NULL,
             customer_locale TEXT NOT NULL,
             recipient TEXT NOT NULL,
             organization TEXT NOT NULL,
             street TEXT NOT NULL,
             city TEXT NOT NULL,
             area TEXT NOT NULL,
             postal_code TEXT NOT NULL,
             country TEXT NOT NULL,
             billing_address TEXT,
             region TEXT,
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             prices_include_tax BOOLEAN NOT NULL,
             subtotal_minor BIGINT NOT NULL,
             discount_minor BIGINT NOT NULL,
             shipping_minor BIGINT NOT NULL,
             shipping_tax_minor BIGINT NOT NULL,
             tax_minor BIGINT NOT NULL,
             total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
             order_discount_minor BIGINT CHECK (order_discount_minor >= 0),
             order_discount_ppm BIGINT CHECK (order_discount_ppm BETWEEN 0 AND 1000000),
             discount_code TEXT NOT NULL,
             special_instructions TEXT NOT NULL,
             service TEXT NOT NULL CHECK (service IN ('STANDARD', 'EXPRESS', 'OVERNIGHT')),
             on_shortage TEXT NOT NULL CHECK (on_shortage IN ('REFUSE', 'WAIT')),
             reservation_lifetime_seconds BIGINT CHECK (reservation_lifetime_seconds >= 0),
             requested_by BIGINT,
             promised_by BIGINT,
             risk TEXT NOT NULL CHECK (risk IN ('LOW', 'MEDIUM', 'HIGH')),
             risk_reasons TEXT NOT NULL,
             checks TEXT NOT NULL,
             availability TEXT,
             fingerprint TEXT NOT NULL,
             cancel_reason TEXT NOT NULL,
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             delivered_at BIGINT,
             closed_at BIGINT,
             CHECK (order_discount_minor IS NULL OR order_discount_ppm IS NULL)",
        )
        .await?;

    // Channel and region have a handful of values each: a page of them is found along created_at.
    schema
        .indexes(&[
            "CREATE UNIQUE INDEX orders_external_reference ON orders (channel, external_reference)
             WHERE external_reference <> ''",
            "CREATE INDEX orders_created_at ON orders (created_at, id)",
            "CREATE INDEX orders_state ON orders (state, created_at, id)",
            "CREATE INDEX orders_customer_email ON orders (customer_email, created_at, id)",
            "CREATE INDEX orders_fingerprint ON orders (fingerprint, created_at)",
        ])
        .await
}

async fn parts(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "order_lines",
            Shape::InKey,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             sku TEXT NOT NULL,
             description TEXT NOT NULL,
             tax_category TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
             line_discount_minor BIGINT CHECK (line_discount_minor >= 0),
             line_discount_ppm BIGINT CHECK (line_discount_ppm BETWEEN 0 AND 1000000),
             gross_minor BIGINT NOT NULL,
             discount_minor BIGINT NOT NULL,
             discount_share_minor BIGINT NOT NULL,
             tax_rate_ppm BIGINT NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
             tax_minor BIGINT NOT NULL,
             total_minor BIGINT NOT NULL,
             weight_grams BIGINT NOT NULL CHECK (weight_grams >= 0),
             PRIMARY KEY (order_id, number),
             CHECK (line_discount_minor IS NULL OR line_discount_ppm IS NULL)",
        )
        .await?;

    schema
        .table(
            "holds",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             reason TEXT NOT NULL CHECK (reason IN ('VERIFICATION_FAILED', 'INCORRECT_ADDRESS', 'HIGH_RISK_OF_FRAUD',
                 'UNKNOWN_DELIVERY_DATE', 'QUALITY_FAILURE', 'CUSTOMER_REQUEST', 'COMPLIANCE', 'OTHER')),
             note TEXT NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'RELEASED')),
             placed_by TEXT NOT NULL,
             placed_at BIGINT NOT NULL,
             released_by TEXT,
             released_at BIGINT,
             release_note TEXT NOT NULL,
             CHECK ((state = 'RELEASED') = (released_at IS NOT NULL))",
        )
        .await?;

    schema
        .table(
            "approvals",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             gate TEXT NOT NULL CHECK (gate IN ('RESERVATION', 'PAYMENT')),
             state TEXT NOT NULL CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'WITHDRAWN',
                 'AUTO_APPROVED')),
             amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             policy_version TEXT NOT NULL,
             rule TEXT NOT NULL,
             requested_by TEXT NOT NULL,
             requested_at BIGINT NOT NULL,
             expires_at BIGINT,
             decided_by TEXT,
             decided_at BIGINT,
             comment TEXT NOT NULL,
             CHECK (state NOT IN ('APPROVED', 'REJECTED')
                 OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> requested_by))",
        )
        .await?;

    schema
        .table(
            "messages",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             kind TEXT NOT NULL CHECK (kind IN ('ORDER_RECEIVED', 'ON_HOLD', 'AWAITING_STOCK', 'INVOICE_ISSUED',
                 'PAYMENT_RECEIVED', 'SHIPPED', 'OUT_FOR_DELIVERY', 'DELIVERY_DELAYED', 'DELIVERY_EXCEPTION',
                 'DELIVERY_ATTEMPTED', 'READY_FOR_PICKUP', 'DELIVERY_CONFIRMED', 'ORDER_CANCELLED', 'ORDER_EXPIRED',
                 'ORDER_REJECTED', 'REFUND_ISSUED')),
             state TEXT NOT NULL CHECK (state IN ('QUEUED', 'SENT', 'SUPPRESSED', 'FAILED')),
             dedupe_key TEXT NOT NULL CHECK (dedupe_key <> ''),
             shipment_id UUID,
             sequence BIGINT NOT NULL CHECK (sequence >= 0),
             attempts BIGINT NOT NULL CHECK (attempts >= 0),
             due_at BIGINT NOT NULL,
             created_at BIGINT NOT NULL,
             sent_at BIGINT,
             failure TEXT NOT NULL,
             UNIQUE (order_id, dedupe_key),
             CHECK (state <> 'SENT' OR sent_at IS NOT NULL)",
        )
        .await?;

    schema
        .table(
            "feedback",
            Shape::InKey,
            "order_id UUID NOT NULL PRIMARY KEY REFERENCES orders (id) ON DELETE CASCADE,
             state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'SUBMITTED', 'EXPIRED')),
             delivery_rating INTEGER NOT NULL CHECK (delivery_rating BETWEEN 0 AND 5),
             product_rating INTEGER NOT NULL CHECK (product_rating BETWEEN 0 AND 5),
             comment TEXT NOT NULL,
             requested_at BIGINT NOT NULL,
             submitted_at BIGINT,
             discount_code TEXT NOT NULL,
             discount_ppm BIGINT NOT NULL CHECK (discount_ppm BETWEEN 0 AND 1000000),
             CHECK (state <> 'SUBMITTED' OR submitted_at IS NOT NULL)",
        )
        .await?;

    // Rows exist exactly while their order is AWAITING_STOCK; a smaller number is served first.
    schema
        .table(
            "order_waits",
            Shape::InKey,
            "order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             sku TEXT NOT NULL,
             region TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             number BIGINT NOT NULL CHECK (number > 0),
             PRIMARY KEY (order_id, sku)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX holds_order ON holds (order_id)",
            "CREATE INDEX approvals_order ON approvals (order_id)",
            "CREATE INDEX approvals_state ON approvals (state, requested_at, id)",
            "CREATE UNIQUE INDEX approvals_one_pending ON approvals (order_id, gate) WHERE state = 'PENDING'",
            "CREATE INDEX feedback_submitted ON feedback (submitted_at) WHERE state = 'SUBMITTED'",
            "CREATE INDEX order_waits_first_come ON order_waits (sku, region, number)",
        ])
        .await
}

/// An archived order is one document beside what it can be found by.
async fn archive(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "archived_orders",
            Shape::Apart,
            "order_id UUID NOT NULL PRIMARY KEY,
             number BIGINT NOT NULL UNIQUE CHECK (number > 0),
             version BIGINT NOT NULL CHECK (version > 0),
             channel TEXT NOT NULL CHECK (channel IN ('ONLINE', 'PHONE', 'IN_PERSON')),
             external_reference TEXT NOT NULL,
             customer_email TEXT NOT NULL,
             archived_from TEXT NOT NULL CHECK (archived_from IN ('CLOSED', 'REJECTED', 'CANCELLED', 'EXPIRED')),
             created_at BIGINT NOT NULL,
             archived_at BIGINT NOT NULL,
             document TEXT NOT NULL",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE UNIQUE INDEX archived_orders_external_reference ON archived_orders (channel, external_reference)
             WHERE external_reference <> ''",
            "CREATE INDEX archived_orders_created_at ON archived_orders (created_at, order_id)",
            "CREATE INDEX archived_orders_customer_email ON archived_orders (customer_email, created_at, order_id)",
        ])
        .await
}
