//! Invoices, credit notes, payments and refunds, and three registers that are never changed.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    invoices(schema).await?;
    credit_notes(schema).await?;
    payments(schema).await
}

async fn invoices(schema: &Schema<'_>) -> Result<(), DbErr> {
    // Every number ever given, without gap.
    schema
        .table(
            "invoice_numbers",
            Shape::Narrow,
            "series TEXT NOT NULL,
             number BIGINT NOT NULL CHECK (number > 0),
             invoice_id UUID NOT NULL UNIQUE,
             order_id UUID NOT NULL,
             PRIMARY KEY (series, number)",
        )
        .await?;
    schema.append_only("invoice_numbers").await?;

    // By its hash: an invoice's document names it, and the same seller is kept once.
    schema.table("sellers", Shape::Wide, "id UUID NOT NULL PRIMARY KEY, document BYTEA NOT NULL").await?;
    schema.append_only("sellers").await?;

    schema
        .table(
            "invoices",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             series TEXT NOT NULL,
             number BIGINT NOT NULL,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             prices_include_tax BOOLEAN NOT NULL,
             subtotal_minor BIGINT NOT NULL CHECK (subtotal_minor >= 0),
             discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
             shipping_minor BIGINT NOT NULL CHECK (shipping_minor >= 0),
             tax_minor BIGINT NOT NULL CHECK (tax_minor >= 0),
             total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
             issued_at BIGINT NOT NULL,
             supplements_id UUID,
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
             OR NEW.shipping_minor <> OLD.shipping_minor OR NEW.tax_minor <> OLD.tax_minor
             OR NEW.total_minor <> OLD.total_minor OR NEW.issued_at <> OLD.issued_at
             OR NEW.supplements_id IS DISTINCT FROM OLD.supplements_id",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX invoices_order ON invoices (order_id)",
            "CREATE UNIQUE INDEX invoices_one_standing ON invoices (order_id)
                 WHERE state <> 'VOID' AND supplements_id IS NULL",
            "CREATE INDEX invoices_state ON invoices (state, archived, id)",
        ])
        .await?;
    schema.both_sides("invoices", "", "id").await
}

async fn credit_notes(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "credit_note_numbers",
            Shape::Narrow,
            "series TEXT NOT NULL,
             number BIGINT NOT NULL CHECK (number > 0),
             credit_note_id UUID NOT NULL UNIQUE,
             order_id UUID NOT NULL,
             PRIMARY KEY (series, number)",
        )
        .await?;
    schema.append_only("credit_note_numbers").await?;

    schema
        .table(
            "credit_notes",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             invoice_id UUID NOT NULL REFERENCES invoices (id),
             series TEXT NOT NULL,
             number BIGINT NOT NULL,
             archived BOOLEAN NOT NULL,
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             prices_include_tax BOOLEAN NOT NULL,
             subtotal_minor BIGINT NOT NULL CHECK (subtotal_minor >= 0),
             discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
             shipping_minor BIGINT NOT NULL CHECK (shipping_minor >= 0),
             tax_minor BIGINT NOT NULL CHECK (tax_minor >= 0),
             total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
             issued_at BIGINT NOT NULL,
             UNIQUE (series, number),
             FOREIGN KEY (series, number) REFERENCES credit_note_numbers (series, number),
             CHECK (total_minor = subtotal_minor - discount_minor + shipping_minor
                 + CASE WHEN prices_include_tax THEN 0 ELSE tax_minor END)",
        )
        .await?;
    schema
        .refuse(
            "credit_notes",
            "UPDATE",
            "NEW.order_id <> OLD.order_id OR NEW.invoice_id <> OLD.invoice_id
             OR NEW.series <> OLD.series OR NEW.number <> OLD.number
             OR NEW.currency <> OLD.currency OR NEW.prices_include_tax <> OLD.prices_include_tax
             OR NEW.subtotal_minor <> OLD.subtotal_minor OR NEW.discount_minor <> OLD.discount_minor
             OR NEW.shipping_minor <> OLD.shipping_minor OR NEW.tax_minor <> OLD.tax_minor
             OR NEW.total_minor <> OLD.total_minor OR NEW.issued_at <> OLD.issued_at",
        )
        .await?;
    schema
        .indexes(&[
            "CREATE INDEX credit_notes_order ON credit_notes (order_id)",
            "CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id)",
        ])
        .await?;
    schema.both_sides("credit_notes", "", "id").await
}

async fn payments(schema: &Schema<'_>) -> Result<(), DbErr> {
    // `request` is what was asked of the provider and is not answered yet.
    schema
        .table(
            "payments",
            Shape::NarrowChanging,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             invoice_id UUID NOT NULL REFERENCES invoices (id),
             method TEXT NOT NULL,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             request TEXT,
             amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
             provider TEXT NOT NULL,
             provider_reference TEXT NOT NULL,
             reference TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             CHECK (captured_minor <= amount_minor)",
        )
        .await?;

    schema
        .table(
            "refunds",
            Shape::Narrow,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             payment_id UUID NOT NULL REFERENCES payments (id) ON DELETE CASCADE,
             state TEXT NOT NULL,
             archived BOOLEAN NOT NULL,
             amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             method TEXT,
             reference TEXT NOT NULL,
             provider_reference TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL",
        )
        .await?;

    // A line of a bank statement pays once, ever. Its reference, which may name somebody, is here as its hash.
    schema
        .table(
            "payment_references",
            Shape::Narrow,
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
            "CREATE INDEX payments_method_state ON payments (method, state, archived, id)",
            "CREATE INDEX payments_any_reference ON payments (reference) WHERE reference <> ''",
            "CREATE UNIQUE INDEX payments_one_request ON payments (order_id) WHERE request IS NOT NULL",
            "CREATE UNIQUE INDEX payments_reference ON payments (reference) WHERE method = 'BANK_TRANSFER'",
            "CREATE UNIQUE INDEX payments_provider_reference ON payments (provider, provider_reference)
             WHERE provider_reference <> ''",
            "CREATE INDEX refunds_order ON refunds (order_id)",
            "CREATE INDEX refunds_payment ON refunds (payment_id)",
            "CREATE INDEX refunds_state ON refunds (state, archived, id)",
        ])
        .await?;
    schema.both_sides("payments", "", "id").await?;
    schema.both_sides("refunds", "", "id").await?;
    schema.dependent("payments_method_with_state (mcv) ON method, state, archived FROM payments").await
}
