//! Products, locations, couriers and what else is a document in a row of its own, beside the columns that it is listed,
//! looked up and constrained by.

use std::fmt::Display;
use std::hash::Hash;

use sea_orm::EntityTrait;
use sea_orm::sea_query::{Value, ValueType};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Courier, CourierCode, Location, LocationCode, Product, RegionCode, Sku, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::document;
use crate::store::rows::table::{Record, table};
use crate::store::rows::terms::of_labels;

table! {
    "products" as products (sku: Sku) {
        version: i64,
        name: String,
        tax_category: String,
        gtin: String,
        active: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

table! {
    "product_terms" as product_terms (sku: Sku, field: String, term: String)
    belongs to products by "Column::Sku" = "super::products::Column::Sku"
    {}
}

table! {
    "locations" as locations (code: LocationCode) {
        version: i64,
        name: String,
        region: RegionCode,
        country: String,
        priority: i32,
        active: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

table! {
    "couriers" as couriers (code: CourierCode) {
        version: i64,
        name: String,
        active: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

/// A table of terms, by the key of the row that has them, the field and the term.
pub(in crate::store) struct TermsTable {
    pub(in crate::store) name: &'static str,
    /// The column of the key.
    pub(in crate::store) key: &'static str,
}

/// The terms of an entry as rows of their table.
pub(in crate::store) fn term_rows<T: Entry>(entry: &T) -> Vec<Vec<Value>> {
    let row = |(field, term): (&str, String)| vec![entry.key().into(), field.into(), term.into()];
    entry.terms().into_iter().map(row).collect()
}

/// A resource of the catalogue, which is a document in a row of its own.
pub(in crate::store) trait Entry: Serialize + DeserializeOwned {
    const TABLE: &'static str;
    /// The column of its key.
    const KEY: &'static str;
    /// Its key in the database; the default is less than that of any entry.
    type Key: ValueType + Into<Value> + Clone + Default + Display + Eq + Hash;
    type Row: Record;

    /// The table of its terms, if its rows have any.
    const TERMS: Option<TermsTable> = None;

    fn key(&self) -> Self::Key;

    fn version(&self) -> i64;

    /// What it is found by that it may have several of: the field and the term of each.
    fn terms(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Its row, with its document.
    fn with_document(&self, document: Vec<u8>) -> Self::Row;
}

impl Entry for Product {
    const TABLE: &'static str = "products";
    const KEY: &'static str = "sku";
    type Key = String;
    type Row = products::Model;

    const TERMS: Option<TermsTable> = Some(TermsTable { name: "product_terms", key: "sku" });

    fn key(&self) -> String {
        self.sku.as_str().to_owned()
    }

    fn terms(&self) -> Vec<(&'static str, String)> {
        of_labels(&self.labels).collect()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> products::Model {
        products::Model {
            sku: self.sku.clone(),
            version: self.version,
            name: self.name.clone(),
            tax_category: self.tax_category.clone(),
            gtin: self.gtin.as_ref().map_or("", |it| it.as_str()).to_owned(),
            active: self.active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}

impl Entry for Location {
    const TABLE: &'static str = "locations";
    const KEY: &'static str = "code";
    type Key = String;
    type Row = locations::Model;

    fn key(&self) -> String {
        self.code.as_str().to_owned()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> locations::Model {
        locations::Model {
            code: self.code.clone(),
            version: self.version,
            name: self.name.clone(),
            region: self.region.clone(),
            country: self.country.clone(),
            priority: self.priority,
            active: self.active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}

impl Entry for Courier {
    const TABLE: &'static str = "couriers";
    const KEY: &'static str = "code";
    type Key = String;
    type Row = couriers::Model;

    fn key(&self) -> String {
        self.code.as_str().to_owned()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> couriers::Model {
        couriers::Model {
            code: self.code.clone(),
            version: self.version,
            name: self.name.clone(),
            active: self.active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}

pub(in crate::store) fn to_row<T: Entry>(it: &T) -> Result<T::Row, StoreError> {
    Ok(it.with_document(document::encode(T::TABLE, it)?))
}

/// From a statement whose first column is the document.
pub(in crate::store) fn read<T: Entry>(row: &Row) -> Result<T, StoreError> {
    document::decode(T::TABLE, row.bytes(0)?)
}
