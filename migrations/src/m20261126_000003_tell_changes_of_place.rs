//! One more kind of message: the parcel has reached another place.
//!
//! SQLite cannot change a CHECK, so there the table is built anew and takes the place of the old one. Nothing refers to
//! messages, and their only index is that of their UNIQUE, so nothing is left behind; all of it is one transaction.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

const KINDS: &str = "'ORDER_RECEIVED', 'ON_HOLD', 'AWAITING_STOCK', 'INVOICE_ISSUED', 'PAYMENT_RECEIVED', 'SHIPPED',
    'OUT_FOR_DELIVERY', 'DELIVERY_DELAYED', 'DELIVERY_EXCEPTION', 'DELIVERY_ATTEMPTED', 'READY_FOR_PICKUP',
    'DELIVERY_CONFIRMED', 'ORDER_CANCELLED', 'ORDER_EXPIRED', 'ORDER_REJECTED', 'REFUND_ISSUED', 'LOCATION_CHANGED'";

const COLUMNS: &str = "id, order_id, place, kind, state, dedupe_key, shipment_id, sequence, attempts, due_at,
    created_at, sent_at, failure";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = match manager.get_database_backend() {
            DbBackend::Sqlite => vec![
                format!(
                    "CREATE TABLE messages_anew (
                     id BLOB NOT NULL PRIMARY KEY,
                     order_id BLOB NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
                     place INTEGER NOT NULL,
                     kind TEXT NOT NULL CHECK (kind IN ({KINDS})),
                     state TEXT NOT NULL CHECK (state IN ('QUEUED', 'SENT', 'SUPPRESSED', 'FAILED')),
                     dedupe_key TEXT NOT NULL CHECK (dedupe_key <> ''),
                     shipment_id BLOB,
                     sequence INTEGER NOT NULL CHECK (sequence >= 0),
                     attempts INTEGER NOT NULL CHECK (attempts >= 0),
                     due_at INTEGER NOT NULL,
                     created_at INTEGER NOT NULL,
                     sent_at INTEGER,
                     failure TEXT NOT NULL,
                     UNIQUE (order_id, dedupe_key),
                     CHECK (state <> 'SENT' OR sent_at IS NOT NULL)) STRICT, WITHOUT ROWID"
                ),
                format!("INSERT INTO messages_anew ({COLUMNS}) SELECT {COLUMNS} FROM messages"),
                "DROP TABLE messages".to_owned(),
                "ALTER TABLE messages_anew RENAME TO messages".to_owned(),
            ],
            _ => vec![
                "ALTER TABLE messages DROP CONSTRAINT messages_kind_check".to_owned(),
                format!("ALTER TABLE messages ADD CONSTRAINT messages_kind_check CHECK (kind IN ({KINDS}))"),
            ],
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
