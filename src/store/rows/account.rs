//! Customers: each a document, beside the columns that it is listed and found by.

use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::domain::{CustomerAccount, CustomerId, Timestamp, caseless};
use crate::store::rows::catalogue::{Entry, TermsTable};
use crate::store::rows::table::table;
use crate::store::rows::terms::of_labels;

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

table! {
    "customer_terms" as customer_terms (customer_id: CustomerId, field: String, term: String)
    belongs to customers by "Column::CustomerId" = "super::customers::Column::Id"
    {}
}

impl Entry for CustomerAccount {
    const TABLE: &'static str = "customers";
    const KEY: &'static str = "id";
    type Key = Uuid;
    type Row = customers::Model;

    const TERMS: Option<TermsTable> = Some(TermsTable { name: "customer_terms", key: "customer_id" });

    fn key(&self) -> Uuid {
        self.id.0
    }

    fn terms(&self) -> Vec<(&'static str, String)> {
        of_labels(&self.labels).collect()
    }

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
