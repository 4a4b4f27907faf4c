//! Discount codes as the API shows them.

use crate::domain::{self, CountedCode, DiscountCode, DiscountUses, Gives, StoreCredit};
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
        created_at,
        updated_at,
        active,
    } = it;
    let DiscountUses { uses_max: _, redeemed, given_back, worth_minor: _, drawn_minor } = *uses;
    let (value, credit) = match *gives {
        Gives::Rate(rate) => (Some(pb::discount::Value::RatePpm(ppm(rate))), None),
        Gives::Amount(amount) => (Some(pb::discount::Value::Amount(money(amount))), None),
        Gives::Credit(credit) => (None, Some(credit)),
    };
    let left = |it: StoreCredit| it.worth.currency.of(it.worth.minor - drawn_minor);
    pb::DiscountCode {
        code: code.to_string(),
        discount: value.map(|it| pb::Discount { value: Some(it) }),
        start_time: starts_at.map(timestamp),
        end_time: ends_at.map(timestamp),
        minimums: minimums.iter().copied().map(money).collect(),
        uses_max: uses_max.unwrap_or(0),
        uses_per_customer_max: uses_per_customer_max.unwrap_or(0),
        description: description.clone(),
        active: *active,
        redeemed_count: redeemed,
        given_back_count: given_back,
        offered_by_order_id: text_of(*offered_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        etag: domain::etag(*version),
        worth: credit.map(|it| money(it.worth)),
        balance: credit.map(|it| money(left(it))),
        return_id: text_of(credit.map(|it| it.of_return)),
        customer_id: text_of(credit.and_then(|it| it.customer)),
    }
}
