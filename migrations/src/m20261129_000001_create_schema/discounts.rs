//! Discount codes, each a document, and how often they were redeemed.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // Codes are looked for by how they begin, which is a part of an index in the order of bytes only.
    schema
        .table(
            "discount_codes",
            Shape::Wide,
            "code TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             offered BOOLEAN NOT NULL,
             active BOOLEAN NOT NULL,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             document BYTEA NOT NULL",
        )
        .await?;

    // The sum of what orders say: of all customers, where no customer is named, and of one. Of a store credit `worth_minor`
    // is what it was given with, and `drawn_minor` what orders have of it.
    schema
        .table(
            "discount_uses",
            Shape::NarrowChanging,
            "code TEXT COLLATE \"C\" NOT NULL REFERENCES discount_codes (code),
             customer TEXT NOT NULL,
             uses_max BIGINT,
             redeemed BIGINT NOT NULL,
             given_back BIGINT NOT NULL CHECK (given_back >= 0),
             worth_minor BIGINT,
             drawn_minor BIGINT NOT NULL CHECK (drawn_minor >= 0),
             PRIMARY KEY (code, customer),
             CHECK (given_back <= redeemed),
             CHECK (uses_max IS NULL OR redeemed - given_back <= uses_max),
             CHECK (worth_minor IS NULL OR drawn_minor <= worth_minor)",
        )
        .await?;

    schema.indexes(&["CREATE INDEX discount_codes_active ON discount_codes (offered, active, code)"]).await
}
