//! Invoices, payments and refunds, and two registers that outlive the orders they belong to.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    invoices(schema).await?;
    payments(schema).await
}

async fn invoices(schema: &Schema<'_>) -> Result<(), DbErr> {
    // Every number ever given, without gap: an archived order takes its invoices along, never their numbers.
    schema
        .table(
            "invoice_numbers",
            Shape::InKey,
            "series TEXT NOT NULL,
             number BIGINT NOT NULL CHECK (number > 0),
             invoice_id UUID NOT NULL UNIQUE,
             order_id UUID NOT NULL,
             PRIMARY KEY (series, number)",
        )
        .await?;
    schema.append_only("invoice_numbers").await?;

    schema
        .table(
            "invoices",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             series TEXT NOT NULL,
             number BIGINT NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('OPEN', 'PAID', 'VOID')),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             prices_include_tax BOOLEAN NOT NULL,
             subtotal_minor BIGINT NOT NULL CHECK (subtotal_minor >= 0),
             discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
             shipping_minor BIGINT NOT NULL CHECK (shipping_minor >= 0),
             shipping_tax_minor BIGINT NOT NULL CHECK (shipping_tax_minor >= 0),
             tax_minor BIGINT NOT NULL CHECK (tax_minor >= 0),
             total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
             issued_at BIGINT NOT NULL,
             settled_at BIGINT,
             UNIQUE (series, number),
             FOREIGN KEY (series, number) REFERENCES invoice_numbers (series, number),
             CHECK (total_minor = subtotal_minor - discount_minor + shipping_minor
                 + CASE WHEN prices_include_tax THEN 0 ELSE tax_minor END)",
        )
        .await?;
    schema
        .refuse(
            "invoices",
            "UPDATE",
            "NEW.order_id <> OLD.order_id OR NEW.series <> OLD.series OR NEW.number <> OLD.number
             OR NEW.currency <> OLD.currency OR NEW.prices_include_tax <> OLD.prices_include_tax
             OR NEW.subtotal_minor <> OLD.subtotal_minor OR NEW.discount_minor <> OLD.discount_minor
             OR NEW.shipping_minor <> OLD.shipping_minor OR NEW.shipping_tax_minor <> OLD.shipping_tax_minor
             OR NEW.tax_minor <> OLD.tax_minor OR NEW.total_minor <> OLD.total_minor
             OR NEW.issued_at <> OLD.issued_at",
        )
        .await?;

    schema
        .table(
            "invoice_lines",
            Shape::InKey,
            "invoice_id UUID NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
             line INTEGER NOT NULL CHECK (line > 0),
             sku TEXT NOT NULL,
             description TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
             gross_minor BIGINT NOT NULL,
             discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
             discount_share_minor BIGINT NOT NULL CHECK (discount_share_minor >= 0),
             tax_rate_ppm BIGINT NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
             tax_minor BIGINT NOT NULL CHECK (tax_minor >= 0),
             total_minor BIGINT NOT NULL,
             PRIMARY KEY (invoice_id, line),
             CHECK (gross_minor = unit_price_minor * quantity),
             CHECK (total_minor = gross_minor - discount_minor - discount_share_minor
                 OR total_minor = gross_minor - discount_minor - discount_share_minor + tax_minor)",
        )
        .await?;
    schema.refuse("invoice_lines", "UPDATE", "TRUE").await?;

    schema
        .indexes(&[
            "CREATE INDEX invoices_order ON invoices (order_id)",
            "CREATE UNIQUE INDEX invoices_one_standing ON invoices (order_id) WHERE state <> 'VOID'",
            "CREATE INDEX invoices_state ON invoices (state, issued_at, id)",
        ])
        .await
}

async fn payments(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "payments",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             invoice_id UUID NOT NULL REFERENCES invoices (id),
             method TEXT NOT NULL CHECK (method IN ('CARD', 'PAYPAL', 'BANK_TRANSFER', 'CASH')),
             state TEXT NOT NULL CHECK (state IN ('PENDING', 'AUTHORIZED', 'CAPTURED', 'FAILED', 'VOIDED')),
             ask TEXT CHECK (ask IN ('AUTHORIZE', 'CHARGE', 'CAPTURE', 'VOID')),
             asked_at BIGINT,
             attempts BIGINT NOT NULL CHECK (attempts >= 0),
             amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
             provider TEXT NOT NULL,
             token TEXT NOT NULL,
             provider_reference TEXT NOT NULL,
             failure TEXT NOT NULL,
             reference TEXT NOT NULL,
             tendered_minor BIGINT CHECK (tendered_minor >= 0),
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             CHECK (captured_minor <= amount_minor),
             CHECK (ask IS NULL OR asked_at IS NOT NULL)",
        )
        .await?;

    schema
        .table(
            "refunds",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             payment_id UUID NOT NULL REFERENCES payments (id) ON DELETE CASCADE,
             place INTEGER NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
             amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             reason TEXT NOT NULL,
             provider_reference TEXT NOT NULL,
             failure TEXT NOT NULL,
             asked_at BIGINT NOT NULL,
             attempts BIGINT NOT NULL CHECK (attempts >= 0),
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL",
        )
        .await?;

    // A line of a bank statement pays once, ever: also after its order was archived.
    schema
        .table(
            "payment_references",
            Shape::InKey,
            "method TEXT NOT NULL,
             reference TEXT NOT NULL CHECK (reference <> ''),
             payment_id UUID NOT NULL,
             order_id UUID NOT NULL,
             PRIMARY KEY (method, reference)",
        )
        .await?;
    schema.append_only("payment_references").await?;

    schema
        .indexes(&[
            "CREATE INDEX payments_order ON payments (order_id)",
            "CREATE INDEX payments_invoice ON payments (invoice_id)",
            "CREATE INDEX payments_state ON payments (state, created_at, id)",
            "CREATE UNIQUE INDEX payments_one_asked ON payments (order_id) WHERE ask IS NOT NULL",
            "CREATE UNIQUE INDEX payments_reference ON payments (reference) WHERE method = 'BANK_TRANSFER'",
            "CREATE UNIQUE INDEX payments_provider_reference ON payments (provider, provider_reference)
             WHERE provider_reference <> ''",
            "CREATE INDEX refunds_payment ON refunds (payment_id)",
            "CREATE INDEX refunds_state ON refunds (state, created_at, id)",
        ])
        .await
}
