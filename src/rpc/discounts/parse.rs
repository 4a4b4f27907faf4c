//! Parses requests about discount codes.

use crate::domain::{
    CreateDiscountCode, DISCOUNT_USES_MAX, DeactivateDiscountCode, DiscountCode, DiscountKey, Gives,
    MINIMUMS_MAX, Money, Problems, ReactivateDiscountCode, Timestamp,
};
use crate::pb;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{REASON_MAX, amount, entries, id, number, required, text, timestamp};

list_requests! {
    list_discount_codes: ListDiscountCodesRequest,
}

pub(super) fn create_discount_code(
    request: pb::CreateDiscountCodeRequest,
    bad: &mut Problems,
) -> Option<CreateDiscountCode> {
    let pb::CreateDiscountCodeRequest { discount_code, request_id: _, validate_only: _ } = request;
    let pb::DiscountCode {
        code,
        discount,
        start_time,
        end_time,
        minimums: given,
        uses_max,
        uses_per_customer_max,
        description,
        active: _,
        redeemed_count: _,
        given_back_count: _,
        offered_by_order_id: _,
        create_time: _,
        update_time: _,
        etag: _,
        worth: _,
        balance: _,
        return_id: _,
        customer_id: _,
    } = required("discount_code", discount_code, bad)?;
    let code: Option<DiscountKey> = id("discount_code.code", &code, bad);
    let gives = required("discount_code.discount", discount, bad).and_then(|it| gives(it, bad));
    let starts_at = timestamp("discount_code.start_time", start_time, bad);
    let ends_at = timestamp("discount_code.end_time", end_time, bad);
    if let (Some(start), Some(end)) = (starts_at, ends_at)
        && end <= start
    {
        bad.add("discount_code.end_time", "must be after start_time");
    }
    let minimums = minimums(given, gives, bad);
    let uses_max = uses("discount_code.uses_max", uses_max, bad);
    let uses_per_customer_max = uses("discount_code.uses_per_customer_max", uses_per_customer_max, bad);
    let description = text("discount_code.description", description, REASON_MAX, bad);
    let discount_code = DiscountCode {
        code: code?,
        version: 0,
        gives: gives?,
        starts_at,
        ends_at,
        minimums,
        uses_max,
        uses_per_customer_max,
        description,
        offered_by: None,
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        active: true,
    };
    Some(CreateDiscountCode { discount_code })
}

fn gives(given: pb::Discount, bad: &mut Problems) -> Option<Gives> {
    let at = "discount_code.discount";
    match required(at, given.value, bad)? {
        pb::discount::Value::Amount(given) => {
            amount(&format!("{at}.amount"), Some(given), bad).map(Gives::Amount)
        }
        pb::discount::Value::RatePpm(rate) => {
            let rate = number(&format!("{at}.rate_ppm"), i64::from(rate), 1..=1_000_000, bad);
            u32::try_from(rate).ok().map(Gives::Rate)
        }
    }
}

fn minimums(given: Vec<pb::Money>, gives: Option<Gives>, bad: &mut Problems) -> Vec<Money> {
    let mut minimums: Vec<Money> = Vec::new();
    for (index, it) in entries("discount_code.minimums", given, 0..=MINIMUMS_MAX, bad) {
        let at = format!("discount_code.minimums[{index}]");
        let Some(minimum) = amount(&at, Some(it), bad) else { continue };
        if minimums.iter().any(|it| it.currency == minimum.currency) {
            bad.add(&at, format!("is the second one in {}", minimum.currency));
        }
        if let Some(Gives::Amount(gives)) = gives
            && gives.currency != minimum.currency
        {
            bad.add(&at, format!("must be in {}, as the discount is", gives.currency));
        }
        minimums.push(minimum);
    }
    minimums
}

/// None: any number.
fn uses(field: &str, most: i64, bad: &mut Problems) -> Option<i64> {
    Some(number(field, most, 0..=DISCOUNT_USES_MAX, bad)).filter(|it| *it > 0)
}

pub(super) fn deactivate_discount_code(
    request: pb::DeactivateDiscountCodeRequest,
    bad: &mut Problems,
) -> Option<DeactivateDiscountCode> {
    let pb::DeactivateDiscountCodeRequest { code, etag, request_id: _, validate_only: _ } = request;
    Some(DeactivateDiscountCode { code: id("code", &code, bad)?, etag })
}

pub(super) fn reactivate_discount_code(
    request: pb::ReactivateDiscountCodeRequest,
    bad: &mut Problems,
) -> Option<ReactivateDiscountCode> {
    let pb::ReactivateDiscountCodeRequest { code, etag, request_id: _, validate_only: _ } = request;
    Some(ReactivateDiscountCode { code: id("code", &code, bad)?, etag })
}
