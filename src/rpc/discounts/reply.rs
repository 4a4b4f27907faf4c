//! Discount codes as the API shows them.

use crate::domain::{self, CountedCode, DiscountCode, DiscountUses, Gives};
use crate::pb;
use crate::rpc::reply::{money, ppm, text_of, timestamp};

pub(super) fn discount_code((it, uses): &CountedCode) -> pb::DiscountCode {
    let DiscountCode {
        code,
        version,
        gives,
        starts_at,
        ends_at,
        minimums,
        uses_max,
        uses_per_customer_max,
        description,
        offered_by,
        credit,
        created_at,
        updated_at,
        active,
    } = it;
    let DiscountUses { uses_max: _, redeemed, given_back } = match credit {
        Some(_) => DiscountUses::default(),
        None => *uses,
    };
    let balance = match (credit, *gives) {
        (Some(_), Gives::Amount(worth)) => Some(money(worth.currency.of(worth.minor - uses.held()))),
        (Some(_), Gives::Rate(_)) | (None, _) => None,
    };
    let value = match *gives {
        Gives::Rate(rate) => pb::discount::Value::RatePpm(ppm(rate)),
        Gives::Amount(amount) => pb::discount::Value::Amount(money(amount)),
    };
    pb::DiscountCode {
        code: code.to_string(),
        discount: Some(pb::Discount { value: Some(value) }),
        start_time: starts_at.map(timestamp),
        end_time: ends_at.map(timestamp),
        minimums: minimums.iter().copied().map(money).collect(),
        uses_max: uses_max.filter(|_| credit.is_none()).unwrap_or(0),
        uses_per_customer_max: uses_per_customer_max.unwrap_or(0),
        description: description.clone(),
        active: *active,
        redeemed_count: redeemed,
        given_back_count: given_back,
        offered_by_order_id: text_of(*offered_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        etag: domain::etag(*version),
        balance,
        return_id: text_of(credit.map(|it| it.of_return)),
        customer_id: text_of(credit.and_then(|it| it.customer)),
    }
}
