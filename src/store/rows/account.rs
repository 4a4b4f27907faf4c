//! Customers: each a document, beside the columns that it is listed and found by.

use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::domain::{CustomerAccount, CustomerId, Timestamp, caseless};
use crate::store::rows::catalogue::Entry;
use crate::store::rows::table::table;

table! {
    "customers" as customers (id: CustomerId) {
        version: i64,
        external_reference: Option<String>,
        name: String,
        email: String,
        blocked: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

impl Entry for CustomerAccount {
    const TABLE: &'static str = "customers";
    const KEY: &'static str = "id";
    type Key = Uuid;
    type Row = customers::Model;

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> customers::Model {
        let reference = &self.external_reference;
        customers::Model {
            id: self.id,
            version: self.version,
            external_reference: (!reference.is_empty()).then(|| reference.clone()),
            name: caseless(&self.contact.name),
            email: caseless(&self.contact.email),
            blocked: self.blocked.is_some(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}
