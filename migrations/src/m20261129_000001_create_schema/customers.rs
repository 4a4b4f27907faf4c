//! Customers, each a document.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "customers",
            Shape::Wide,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             external_reference TEXT UNIQUE CHECK (external_reference <> ''),
             name TEXT COLLATE \"C\" NOT NULL,
             email TEXT NOT NULL,
             blocked BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL",
        )
        .await?;

    // What a customer is found by that they may have several of: their labels.
    schema
        .table(
            "customer_terms",
            Shape::Narrow,
            "customer_id UUID NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
             field TEXT NOT NULL,
             term TEXT NOT NULL,
             PRIMARY KEY (customer_id, field, term)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX customers_email ON customers (email, id)",
            "CREATE INDEX customers_name ON customers (name, id)",
            "CREATE INDEX customers_blocked ON customers (blocked, id)",
            "CREATE INDEX customer_terms_found ON customer_terms (field, term, customer_id)",
        ])
        .await
}
