//! Transfers: each a document, beside the columns that it is listed by.

use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::domain::{LocationCode, Timestamp, Transfer, TransferId, TransferState};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::catalogue::{self, Entry};
use crate::store::rows::table::table;

table! {
    "transfers" as transfers (id: TransferId) {
        version: i64,
        from_location: LocationCode,
        to_location: LocationCode,
        state: TransferState,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

impl Entry for Transfer {
    const TABLE: &'static str = "transfers";
    const KEY: &'static str = "id";
    type Key = Uuid;
    type Row = transfers::Model;

    fn key(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> transfers::Model {
        transfers::Model {
            id: self.id,
            version: self.version,
            from_location: self.from.clone(),
            to_location: self.to.clone(),
            state: self.state,
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}

/// From a statement whose first column is the document.
pub(in crate::store) fn read(row: &Row) -> Result<Transfer, StoreError> {
    catalogue::read(row)
}
