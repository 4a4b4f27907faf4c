//! Discount codes that the orders of any sequence name.

use crate::domain::model::discount::{DiscountCode, Gives, StoreCredit};
use crate::domain::model::new_order::NewOrder;
use crate::domain::tests::any_sequence::placed::currency_of;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::discounts::{issue, key, store_credit, ten_off, voucher};

const CODES: [&str; 4] = ["ONCE", "EACH", "FEW", "CREDIT"];

/// Some orders name a code: a single one, one for each customer, a few for those who buy enough, a store credit.
pub(super) fn with_code(bench: &mut Bench, price: u8, new: NewOrder) -> NewOrder {
    let Some(code) = price.checked_sub(5).and_then(|it| CODES.get(usize::from(it))) else { return new };
    if !bench.snapshot.discount_codes.contains_key(&key("ONCE")) {
        let currency = currency_of(bench);
        let gives_here = |code: DiscountCode| {
            let gives = match code.gives {
                Gives::Rate(ppm) => Gives::Rate(ppm),
                Gives::Amount(it) => Gives::Amount(currency.of(it.minor)),
                Gives::Credit(it) => Gives::Credit(StoreCredit { worth: currency.of(it.worth.minor), ..it }),
            };
            DiscountCode { gives, ..code }
        };
        issue(bench, DiscountCode { uses_max: Some(1), ..gives_here(voucher("ONCE", 2_000)) });
        issue(bench, DiscountCode { uses_per_customer_max: Some(1), ..ten_off("EACH") });
        let minimums = vec![currency.of(1_500)];
        issue(bench, DiscountCode { uses_max: Some(2), minimums, ..ten_off("FEW") });
        issue(bench, gives_here(store_credit("CREDIT", 6_000)));
    }
    NewOrder { discount_code: Some(key(code)), ..new }
}
