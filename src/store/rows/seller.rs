//! Who sold: what invoices say of the shop, as it was when they were issued.

use crate::domain::{Seller, SellerId};
use crate::store::connection::error::StoreError;
use crate::store::rows::document;
use crate::store::rows::table::table;

table! {
    "sellers" as sellers (id: SellerId) {
        document: Vec<u8>,
    }
}

pub(in crate::store) fn to_row(seller: &Seller) -> Result<sellers::Model, StoreError> {
    Ok(sellers::Model { id: seller.id(), document: document::encode("sellers", seller)? })
}
