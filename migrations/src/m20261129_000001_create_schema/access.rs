//! API keys that calls made, and the record of who was shown customers' personal data.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // Of a key itself only the hash is kept. Rows are the record of who gave which key to whom, and who took it away.
    schema
        .table(
            "api_keys",
            Shape::Wide,
            "id UUID NOT NULL PRIMARY KEY,
             version BIGINT NOT NULL CHECK (version > 0),
             principal TEXT NOT NULL,
             hash BYTEA NOT NULL CHECK (length(hash) = 32),
             roles TEXT NOT NULL,
             names_persons BOOLEAN NOT NULL,
             note TEXT NOT NULL,
             expires_at BIGINT,
             created_by TEXT NOT NULL,
             created_at BIGINT NOT NULL,
             revoked BOOLEAN NOT NULL,
             revoked_by TEXT,
             revoked_at BIGINT,
             revoke_reason TEXT,
             CHECK (revoked = (revoked_by IS NOT NULL) AND revoked = (revoked_at IS NOT NULL)
                 AND revoked = (revoke_reason IS NOT NULL))",
        )
        .await?;
    // A key is revoked once, and nothing else of it changes.
    schema
        .refuse(
            "api_keys",
            "UPDATE",
            "OLD.revoked OR NEW.id <> OLD.id OR NEW.principal <> OLD.principal OR NEW.hash <> OLD.hash
             OR NEW.roles <> OLD.roles OR NEW.names_persons <> OLD.names_persons OR NEW.note <> OLD.note
             OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR NEW.created_by <> OLD.created_by
             OR NEW.created_at <> OLD.created_at",
        )
        .await?;
    schema.refuse("api_keys", "DELETE", "TRUE").await?;

    // The day on which a key was last used, as days after 1970-01-01.
    schema
        .table(
            "api_key_uses",
            Shape::NarrowChanging,
            "key_id UUID NOT NULL PRIMARY KEY REFERENCES api_keys (id),
             used_on INTEGER NOT NULL",
        )
        .await?;

    // An order that names a customer whom the shop keeps has both. Rows are removed when they were kept long enough.
    schema
        .table(
            "data_reads",
            Shape::Wide,
            "id UUID NOT NULL PRIMARY KEY,
             at BIGINT NOT NULL,
             principal TEXT NOT NULL,
             actor TEXT NOT NULL,
             method TEXT NOT NULL,
             order_id UUID,
             customer_id UUID,
             CHECK (order_id IS NOT NULL OR customer_id IS NOT NULL)",
        )
        .await?;
    schema.refuse("data_reads", "UPDATE", "TRUE").await?;

    schema
        .indexes(&[
            "CREATE INDEX data_reads_at ON data_reads (at)",
            "CREATE INDEX data_reads_principal ON data_reads (principal, id)",
            "CREATE INDEX data_reads_order ON data_reads (order_id, id) WHERE order_id IS NOT NULL",
            "CREATE INDEX data_reads_customer ON data_reads (customer_id, id) WHERE customer_id IS NOT NULL",
            "CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash)",
            "CREATE INDEX api_keys_live ON api_keys (id) WHERE revoked = FALSE",
            "CREATE INDEX api_keys_principal ON api_keys (principal, id)",
            "CREATE INDEX api_keys_revoked ON api_keys (revoked, id)",
        ])
        .await
}
