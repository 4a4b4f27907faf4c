//! What is sold, where it lies and who carries it: each a document, beside the columns that it is listed by.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema.functions().await?;

    schema
        .table(
            "products",
            Shape::Wide,
            "sku TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             tax_category TEXT NOT NULL,
             gtin TEXT NOT NULL,
             active BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL",
        )
        .await?;

    // What a product is found by that it may have several of: its labels.
    schema
        .table(
            "product_terms",
            Shape::Narrow,
            "sku TEXT NOT NULL REFERENCES products (sku) ON DELETE CASCADE,
             field TEXT NOT NULL,
             term TEXT NOT NULL,
             PRIMARY KEY (sku, field, term)",
        )
        .await?;

    schema
        .table(
            "locations",
            Shape::Wide,
            "code TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             region TEXT NOT NULL,
             country TEXT NOT NULL CHECK (length(country) = 2),
             priority INTEGER NOT NULL,
             active BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL",
        )
        .await?;

    schema
        .table(
            "couriers",
            Shape::Wide,
            "code TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             active BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX products_name ON products (name, sku)",
            "CREATE INDEX products_tax_category ON products (tax_category, sku)",
            "CREATE INDEX products_active ON products (active, sku)",
            "CREATE INDEX products_created ON products (created_at, sku)",
            "CREATE INDEX product_terms_found ON product_terms (field, term, sku)",
            "CREATE INDEX products_gtin ON products (gtin, sku) WHERE gtin <> ''",
        ])
        .await
}
