//! Discount codes, each a document beside the columns that it is listed by, and how often they were redeemed: the sum of what
//! orders say.

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;

use crate::domain::{DiscountCode, DiscountKey, DiscountUses, DiscountUsesByKey, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::catalogue::Entry;
use crate::store::rows::table::{Record, table};

table! {
    "discount_codes" as discount_codes (code: DiscountKey) {
        version: i64,
        offered: bool,
        active: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        document: Vec<u8>,
    }
}

table! {
    "discount_uses" as discount_uses (code: DiscountKey, customer: String) {
        uses_max: Option<i64>,
        redeemed: i64,
        given_back: i64,
        worth_minor: Option<i64>,
        drawn_minor: i64,
    }
}

impl Entry for DiscountCode {
    const TABLE: &'static str = "discount_codes";
    const KEY: &'static str = "code";
    type Key = String;
    type Row = discount_codes::Model;

    fn key(&self) -> String {
        self.code.as_str().to_owned()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn with_document(&self, document: Vec<u8>) -> discount_codes::Model {
        discount_codes::Model {
            code: self.code.clone(),
            version: self.version,
            offered: self.offered_by.is_some(),
            active: self.active,
            created_at: self.created_at,
            updated_at: self.updated_at,
            document,
        }
    }
}

pub(in crate::store) fn uses(row: &Row) -> Result<((DiscountKey, String), DiscountUses), StoreError> {
    let discount_uses::Model { code, customer, uses_max, redeemed, given_back, worth_minor, drawn_minor } =
        discount_uses::Model::read(row)?;
    Ok(((code, customer), DiscountUses { uses_max, redeemed, given_back, worth_minor, drawn_minor }))
}

/// Rows that raise the uses of codes, and rows that lower them. PostgreSQL checks the row that it would add before
/// it looks for the one that is there, so the two are different statements; in the first each row could be the only one.
pub(in crate::store) fn differences(uses: DiscountUsesByKey) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let moved = uses.into_iter().filter(|(_, it)| !it.is_nothing());
    let (more, less): (Vec<_>, Vec<_>) = moved.partition(|(_, it)| it.held() >= 0 && it.drawn_minor >= 0);
    let row = |((code, customer), uses): ((DiscountKey, String), DiscountUses)| {
        let DiscountUses { uses_max, redeemed, given_back, worth_minor, drawn_minor } = uses;
        discount_uses::Model { code, customer, uses_max, redeemed, given_back, worth_minor, drawn_minor }
            .values()
    };
    let less = less.into_iter().map(|((code, customer), it)| {
        vec![code.into(), customer.into(), it.redeemed.into(), it.given_back.into(), it.drawn_minor.into()]
    });
    (more.into_iter().map(row).collect(), less.collect())
}
