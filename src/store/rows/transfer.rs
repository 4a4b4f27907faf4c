//! Transfers: each a document, beside the columns that it is listed by.

use sea_orm::EntityTrait;

use crate::domain::{LocationCode, Timestamp, Transfer, TransferId, TransferState};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::document;
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

pub(in crate::store) fn to_row(transfer: &Transfer) -> Result<transfers::Model, StoreError> {
    Ok(transfers::Model {
        id: transfer.id,
        version: transfer.version,
        from_location: transfer.from.clone(),
        to_location: transfer.to.clone(),
        state: transfer.state,
        created_at: transfer.created_at,
        updated_at: transfer.updated_at,
        document: document::encode("transfers", transfer)?,
    })
}

/// From a statement whose first column is the document.
pub(in crate::store) fn read(row: &Row) -> Result<Transfer, StoreError> {
    document::decode("transfers", row.bytes(0)?)
}
