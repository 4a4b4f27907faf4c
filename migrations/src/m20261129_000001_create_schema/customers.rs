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

    schema
        .indexes(&[
            "CREATE INDEX customers_email ON customers (email, id)",
            "CREATE INDEX customers_name ON customers (name, id)",
            "CREATE INDEX customers_blocked ON customers (blocked, id)",
        ])
        .await
}
