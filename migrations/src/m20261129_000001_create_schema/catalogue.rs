//! What is sold, where it lies and who carries it.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema.functions().await?;

    schema
        .table(
            "products",
            Shape::Narrow,
            "sku TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             tax_category TEXT NOT NULL,
             unit_price_minor BIGINT CHECK (unit_price_minor >= 0),
             currency TEXT CHECK (length(currency) = 3),
             weight_grams BIGINT NOT NULL CHECK (weight_grams >= 0),
             created_at BIGINT NOT NULL,
             CHECK ((unit_price_minor IS NULL) = (currency IS NULL))",
        )
        .await?;

    schema
        .table(
            "locations",
            Shape::Narrow,
            "code TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             region TEXT NOT NULL,
             country TEXT NOT NULL CHECK (length(country) = 2),
             priority INTEGER NOT NULL,
             created_at BIGINT NOT NULL",
        )
        .await?;

    schema
        .table(
            "couriers",
            Shape::Narrow,
            "code TEXT NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             name TEXT NOT NULL,
             cutoff_minutes INTEGER NOT NULL CHECK (cutoff_minutes BETWEEN 0 AND 1440),
             utc_offset_minutes INTEGER NOT NULL CHECK (utc_offset_minutes BETWEEN -720 AND 840),
             pickup_weekdays TEXT NOT NULL,
             created_at BIGINT NOT NULL",
        )
        .await?;
    schema
        .table(
            "courier_rates",
            Shape::Narrow,
            "courier TEXT NOT NULL REFERENCES couriers (code) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             region TEXT NOT NULL,
             service TEXT NOT NULL,
             currency TEXT NOT NULL CHECK (length(currency) = 3),
             base_minor BIGINT NOT NULL CHECK (base_minor >= 0),
             per_kg_minor BIGINT NOT NULL CHECK (per_kg_minor >= 0),
             transit_days BIGINT NOT NULL CHECK (transit_days >= 0),
             weight_max_grams BIGINT NOT NULL CHECK (weight_max_grams >= 0),
             PRIMARY KEY (courier, number)",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX products_name ON products (name, sku)",
            "CREATE INDEX products_tax_category ON products (tax_category, sku)",
        ])
        .await
}
