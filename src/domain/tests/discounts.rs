//! Discount codes: what refuses them, what they take, who holds them, and the one that a letter offers.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::discounts::code::{
    CountedCode, CreateDiscountCode, DeactivateDiscountCode, ReactivateDiscountCode,
};
use crate::domain::discounts::redeem::customer_key;
use crate::domain::model::amounts::Discount;
use crate::domain::model::discount::{DiscountCode, DiscountKey, Gives, StoreCredit};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::{Problem, Problems, Reason, Refusal};
use crate::domain::model::scalars::{CustomerId, Ids, OrderId, ReturnId};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::receive::take_in;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{actor, order, sku, usd};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Loaded, UnitOfWork};

pub(super) fn key(code: &str) -> DiscountKey {
    code.parse().expect("a discount code")
}

/// Ten percent off, for everybody, always.
pub(super) fn ten_off(code: &str) -> DiscountCode {
    DiscountCode {
        code: key(code),
        version: 0,
        gives: Gives::Rate(100_000),
        starts_at: None,
        ends_at: None,
        minimums: Vec::new(),
        uses_max: None,
        uses_per_customer_max: None,
        description: String::new(),
        offered_by: None,
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        active: true,
    }
}

pub(super) fn voucher(code: &str, minor: i64) -> DiscountCode {
    DiscountCode { gives: Gives::Amount(usd(minor)), ..ten_off(code) }
}

/// Given for a return, for whoever has it.
pub(super) fn store_credit(code: &str, minor: i64) -> DiscountCode {
    store_credit_of(code, minor, None)
}

pub(super) fn store_credit_of(code: &str, minor: i64, customer: Option<CustomerId>) -> DiscountCode {
    let of_return = ReturnId::from(uuid::Uuid::nil());
    let gives = Gives::Credit(StoreCredit { worth: usd(minor), of_return, customer, exchange: None });
    DiscountCode { gives, ..ten_off(code) }
}

pub(super) fn issue(bench: &mut Bench, discount_code: DiscountCode) -> CountedCode {
    let command = CreateDiscountCode { discount_code };
    bench.decide(|unit| command.decide(unit)).expect("a new code")
}

fn with(new: NewOrder, code: &str) -> NewOrder {
    NewOrder { discount_code: Some(key(code)), ..new }
}

/// Redeemed and given back.
fn uses(bench: &Bench, code: &str) -> (i64, i64) {
    let uses = bench.snapshot.discount_uses.get(&(key(code), String::new())).copied().unwrap_or_default();
    (uses.redeemed, uses.given_back)
}

pub(super) fn set_active(bench: &mut Bench, code: &str, active: bool) {
    let (code, etag) = (key(code), String::new());
    let changed = match active {
        true => bench.decide(|unit| ReactivateDiscountCode { code: code.clone(), etag }.decide(unit)),
        false => bench.decide(|unit| DeactivateDiscountCode { code: code.clone(), etag }.decide(unit)),
    };
    assert_eq!(changed.expect("a code that there is").0.active, active);
}

/// The reason and the sentence of the one bad field, which is the code.
fn why<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> (Reason, String) {
    match refused {
        Err(Refusal::Invalid(Problems(problems))) => match problems.as_slice() {
            [Problem { field, message, reason: Some(reason) }] if field == "discount_code" => {
                (*reason, message.clone())
            }
            others => panic!("{others:?}"),
        },
        other => panic!("expected a code that is refused, not {other:?}"),
    }
}

fn shop() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 500), ("C-3", "NYC", 500)])
}

#[test]
fn a_code_that_cannot_be_redeemed_is_refused_by_name_with_a_reason_of_its_own() {
    let mut bench = shop();
    let hours = |it: u64| Duration::from_secs(it * 3_600);
    let now = bench.now;
    issue(&mut bench, ten_off("IDLE"));
    set_active(&mut bench, "idle", false);
    issue(&mut bench, DiscountCode { starts_at: Some(now.plus(hours(1))), ..ten_off("LATER") });
    issue(&mut bench, DiscountCode { ends_at: Some(now.plus(hours(2))), ..ten_off("SOON-OVER") });
    issue(&mut bench, DiscountCode { uses_max: Some(1), ..ten_off("ONCE") });
    issue(&mut bench, DiscountCode { uses_per_customer_max: Some(1), ..ten_off("EACH") });
    issue(&mut bench, DiscountCode { minimums: vec![usd(2_500)], ..ten_off("LARGE") });
    let euros = "EUR".parse::<crate::domain::model::money::Currency>().expect("a currency");
    issue(&mut bench, DiscountCode { gives: Gives::Amount(euros.of(500)), ..ten_off("EUROS") });
    issue(&mut bench, DiscountCode { minimums: vec![euros.of(500)], ..ten_off("EURO-SHOP") });
    bench.placed(&with(order("eve", &[("A-1", 1)]), "ONCE"));
    bench.placed(&with(order("eve", &[("A-1", 2)]), "each"));

    let mut refused = |code: &str, name: &str| {
        let refused = why(bench.create_order(&with(order(name, &[("A-1", 2)]), code)));
        assert!(refused.1.contains(code), "{code} is not named: {}", refused.1);
        refused
    };
    let told = |reason, text: &str| (reason, text.to_owned());
    assert_eq!(
        refused("NOBODY", "ada"),
        told(Reason::DiscountCodeUnknown, "there is no discount code NOBODY")
    );
    assert_eq!(
        refused("IDLE", "ada"),
        told(
            Reason::DiscountCodeInactive,
            "discount code IDLE is out of use; ReactivateDiscountCode brings it back"
        )
    );
    assert_eq!(
        refused("LATER", "ada"),
        told(
            Reason::DiscountCodeNotBegun,
            &format!("discount code LATER is valid from {} on", now.plus(hours(1)))
        )
    );
    assert_eq!(
        refused("ONCE", "ada"),
        told(Reason::DiscountCodeUsedUp, "discount code ONCE is used up: 1 of 1 use")
    );
    assert_eq!(
        refused("EACH", "eve"),
        told(
            Reason::DiscountCodeUsedByCustomer,
            "discount code EACH is used up for this customer: 1 of 1 use"
        )
    );
    assert_eq!(
        refused("LARGE", "ada"),
        told(
            Reason::DiscountCodeBelowMinimum,
            "discount code LARGE needs goods worth at least USD 25.00, and these are worth USD 20.00"
        )
    );
    for code in ["EUROS", "EURO-SHOP"] {
        let text = format!("discount code {code} is for orders in EUR, and this one is in USD");
        assert_eq!(refused(code, "ada"), (Reason::DiscountCodeOtherCurrency, text));
    }

    bench.pass(7_199);
    bench.placed(&with(order("ada", &[("A-1", 1)]), "SOON-OVER"));
    bench.placed(&with(order("ada", &[("A-1", 2)]), "LATER"));
    bench.placed(&with(order("ada", &[("A-1", 3)]), "LARGE"));
    bench.pass(1);
    let over = why(bench.create_order(&with(order("ada", &[("A-1", 4)]), "SOON-OVER")));
    let text = format!("discount code SOON-OVER was valid until {}", now.plus(hours(2)));
    assert_eq!(over, (Reason::DiscountCodeOver, text));
}

#[test]
fn a_code_is_refused_together_with_all_else_that_is_wrong() {
    let mut bench = shop();
    let new = with(order("ada", &[("A-1", 1), ("NOTHING", 1)]), "NOBODY");
    assert_eq!(refused_fields(bench.create_order(&new)), ["lines[1].sku", "discount_code"]);
    let mut new = with(order("ada", &[("A-1", 1)]), "NOBODY");
    new.lines[0].discount = Some(Discount::Amount(1_001));
    assert_eq!(refused_fields(bench.create_order(&new)), ["lines[0].discount", "discount_code"]);
}

#[test]
fn a_voucher_of_ten_on_a_basket_of_eight_takes_eight() {
    let mut bench = shop();
    issue(&mut bench, voucher("TEN", 1_000));
    let mut new = with(order("ada", &[("A-1", 1)]), "ten");
    new.lines[0].unit_price = Some(usd(800));
    let id = bench.placed(&new);
    let order = bench.order(id);
    assert_eq!(order.discount, Some(Discount::Amount(800)));
    assert_eq!(order.lines[0].amounts.discount_share_minor, 800);
    assert_eq!(order.total_minor(), order.amounts.shipping_minor + order.amounts.shipping_tax_minor);
    // A caller's own discount is not cut silently, and says its amounts as people do.
    let own = NewOrder { discount: Some(Discount::Amount(1_000)), discount_code: None, ..new };
    match bench.create_order(&own) {
        Err(Refusal::Invalid(Problems(problems))) => {
            assert_eq!(problems[0].message, "takes USD 10.00 from USD 8.00");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_keeps_the_terms_that_it_redeemed() {
    let mut bench = shop();
    let minimums = vec![usd(1_500)];
    issue(&mut bench, DiscountCode { minimums, uses_max: Some(1), ..voucher("FIFTEEN", 1_500) });
    let mut new = with(order("ada", &[("A-1", 2)]), "FIFTEEN");
    // Held until it is corrected.
    new.shipping_address.postal_code = String::new();
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(bench.order(id).discount, Some(Discount::Amount(1_500)));
    set_active(&mut bench, "FIFTEEN", false);

    let mut lines = |units: i64| {
        let lines = Some(order("ada", &[("A-1", units)]).lines);
        let correction = Correction { lines, ..Correction::default() };
        bench.on(id, |order, unit| order.correct(unit, &correction)).map(|()| bench.order(id).discount)
    };
    assert_eq!(lines(3).expect("more goods"), Some(Discount::Amount(1_500)));
    let (reason, text) = why(lines(1));
    assert_eq!(reason, Reason::DiscountCodeBelowMinimum);
    assert!(text.contains("FIFTEEN needs goods worth at least USD 15.00"), "{text}");
    assert_eq!(bench.order(id).lines[0].quantity, 3, "nothing was changed");
    assert_eq!(uses(&bench, "FIFTEEN"), (1, 0));
}

#[test]
fn an_order_that_ends_early_gives_its_code_back_once() {
    let mut bench = shop();
    issue(&mut bench, DiscountCode { uses_max: Some(1), uses_per_customer_max: Some(1), ..ten_off("ONCE") });
    let cancelled = bench.placed(&with(order("ada", &[("A-1", 1)]), "ONCE"));
    bench.on(cancelled, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    assert_eq!(uses(&bench, "ONCE"), (1, 1));

    let expired = bench.placed(&with(order("ada", &[("A-1", 2)]), "ONCE"));
    assert_eq!(uses(&bench, "ONCE"), (2, 1));
    bench.pass(bench.rules.reservation_lifetime_seconds + 1);
    bench.run_due(expired);
    assert_eq!(bench.state(expired), OrderState::Expired);
    assert_eq!(uses(&bench, "ONCE"), (2, 2));

    let held = bench.paid(&with(order("bob", &[("A-1", 2)]), "ONCE"));
    assert_eq!(
        why(bench.create_order(&with(order("ada", &[("A-1", 3)]), "ONCE"))).0,
        Reason::DiscountCodeUsedUp
    );
    bench.send_messages(cancelled);
    bench.archive_or_restore(cancelled).expect("into the archive");
    bench.archive_or_restore(cancelled).expect("and out of it");
    assert_eq!(uses(&bench, "ONCE"), (3, 2));
    assert!(bench.order(held).redemption.as_ref().is_some_and(|it| it.given_back_at.is_none()));
}

#[test]
fn a_customer_is_known_by_the_e_mail_address_or_else_by_the_phone_number() {
    let mut bench = shop();
    issue(&mut bench, DiscountCode { uses_per_customer_max: Some(1), ..ten_off("EACH") });
    let by = |email: &str, phone: &str, units: i64| {
        let mut new = with(order("ada", &[("A-1", units)]), "EACH");
        (new.customer.email, new.customer.phone) = (email.to_owned(), phone.to_owned());
        let customer = new.customer.normalised("US");
        NewOrder { customer, ..new }
    };
    bench.placed(&by("ada@example.com", "", 1));
    bench.placed(&by("", "(212) 736-5000", 2));
    for again in [by("ADA@Example.COM ", "+1 212 736 5001", 3), by("", "+1 212 736 5000", 4)] {
        assert_eq!(why(bench.create_order(&again)).0, Reason::DiscountCodeUsedByCustomer);
    }
    bench.placed(&by("bob@example.com", "+1 212 736 5000", 5));
}

#[test]
fn a_code_is_there_once_and_only_its_use_changes() {
    let mut bench = shop();
    let (made, _) = issue(&mut bench, ten_off("spring10"));
    assert_eq!((made.code.as_str(), made.version, made.active), ("SPRING10", 1, true));
    let again = CreateDiscountCode { discount_code: ten_off("Spring10") };
    let again = bench.decide(|unit| again.decide(unit));
    assert!(matches!(again, Err(Refusal::Exists { kind: "discount code", .. })), "{again:?}");
    let stale = DeactivateDiscountCode { code: key("SPRING10"), etag: "\"7\"".to_owned() };
    assert!(matches!(bench.decide(|unit| stale.decide(unit)), Err(Refusal::StaleEtag { .. })));
    let nobody = DeactivateDiscountCode { code: key("NOBODY"), etag: String::new() };
    assert!(matches!(bench.decide(|unit| nobody.decide(unit)), Err(Refusal::NotFound { .. })));
    set_active(&mut bench, "SPRING10", true);
    assert_eq!(bench.snapshot.discount_codes[&key("SPRING10")].version, 1, "nothing was new");
    let id = bench.placed(&with(order("ada", &[("A-1", 1)]), "SPRING10"));
    let text = &bench.history(id)[0].text;
    assert!(text.ends_with("with discount code SPRING10"), "{text}");
    assert_eq!(bench.snapshot.discount_codes[&key("SPRING10")].version, 1, "a redemption is no change");
}

#[test]
fn the_code_that_a_delivery_letter_offers_is_redeemed_once_in_the_next_order() {
    let mut bench = shop();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let feedback = bench.order(id).feedback.clone().expect("asked for");
    let code = feedback.discount_code;
    assert!(code.starts_with("NEXT-") && code.len() == 19, "{code}");
    let days = |it: u64| Duration::from_secs(it * 86_400);
    let until = feedback.discount_until.expect("a last day");
    assert_eq!(until, bench.now.plus(days(365)));
    let offered = bench.snapshot.discount_codes[&key(&code)].clone();
    assert_eq!((offered.offered_by, offered.uses_max), (Some(id), Some(1)));

    // What comes back changes nothing of what was given.
    bench.report(id, 0, TrackingStatus::Returned);
    assert_eq!(bench.snapshot.discount_codes[&key(&code)], offered);

    bench.now = until.plus(Duration::from_secs(80_000));
    let next = bench.placed(&with(order("bob", &[("A-1", 2)]), &code.to_lowercase()));
    assert_eq!(bench.order(next).discount, Some(Discount::Percent(50_000)));
    let again = bench.create_order(&with(order("ada", &[("A-1", 3)]), &code));
    assert_eq!(why(again).0, Reason::DiscountCodeUsedUp);

    bench.rules.next_purchase_discount_ppm = 0;
    let plain = bench.paid(&order("kim", &[("A-1", 1)]));
    bench.ship(plain, 0);
    bench.deliver(plain, 0);
    assert_eq!(bench.order(plain).feedback.as_ref().expect("asked for").discount_code, "");
}

#[test]
fn a_code_that_was_not_loaded_is_not_a_code_that_nobody_issued() {
    let mut bench = shop();
    bench.snapshot.loaded = Some(Loaded {
        products: [sku("A-1")].into(),
        stock: [sku("A-1")].into(),
        expired: [sku("A-1")].into(),
        locations: true,
        couriers: true,
        ..Loaded::default()
    });
    let new = with(order("ada", &[("A-1", 1)]), "SPRING10");
    let ids = Ids::seeded(bench.now, 7);
    let mut unit = UnitOfWork::new(&bench.snapshot, &bench.rules, bench.now, actor("shop"), ids);
    let _ = take_in(&mut unit, &new);
    assert_eq!(unit.not_loaded().discount_codes, [(key("SPRING10"), String::new())]);

    let asked = (key("SPRING10"), customer_key(&new.customer));
    bench.snapshot.loaded.as_mut().expect("set above").discount_codes.insert(asked);
    let ids = Ids::seeded(bench.now, 7);
    let mut unit = UnitOfWork::new(&bench.snapshot, &bench.rules, bench.now, actor("shop"), ids);
    assert_eq!(why(take_in(&mut unit, &new)).0, Reason::DiscountCodeUnknown);
    assert!(unit.not_loaded().discount_codes.is_empty());
}

/// What people do with two codes.
#[derive(Debug, Clone)]
enum Act {
    Redeem { code: usize, customer: usize },
    Cancel { which: usize },
    Expire,
    Switch { code: usize, active: bool },
}

fn some_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_usize..2, 0_usize..3).prop_map(|(code, customer)| Act::Redeem { code, customer }),
        3 => (0_usize..12).prop_map(|which| Act::Cancel { which }),
        1 => Just(Act::Expire),
        1 => (0_usize..2, any::<bool>()).prop_map(|(code, active)| Act::Switch { code, active }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A model that counts uses beside the shop: a code is redeemed up to its limits, and never beyond.
    #[test]
    fn a_code_is_refused_only_at_its_limits(acts in vec(some_act(), 1..40)) {
        const CODES: [&str; 2] = ["THREE", "EACH"];
        let mut bench = shop();
        issue(&mut bench, DiscountCode { uses_max: Some(3), ..ten_off("THREE") });
        issue(&mut bench, DiscountCode { uses_per_customer_max: Some(2), ..voucher("EACH", 300) });
        let mut active = [true; 2];
        let mut held: BTreeMap<OrderId, (usize, usize)> = BTreeMap::new();
        let mut redeemed = [0_i64; 2];
        for (act, units) in acts.iter().zip(1..) {
            match act {
                Act::Redeem { code, customer } => {
                    let of = |it: &&(usize, usize)| it.0 == *code && (*code == 0 || it.1 == *customer);
                    let open = active[*code] && held.values().filter(of).count() < [3, 2][*code];
                    let new = with(order(["ada", "bob", "eve"][*customer], &[("A-1", units % 7 + 1)]), CODES[*code]);
                    let placed = bench.create_order(&new);
                    prop_assert_eq!(placed.is_ok(), open, "{:?}", placed);
                    if let Ok(id) = placed {
                        held.insert(id, (*code, *customer));
                        redeemed[*code] += 1;
                    }
                }
                Act::Cancel { which } => {
                    if let Some(id) = held.keys().nth(*which).copied() {
                        bench.on(id, |order, unit| order.cancel(unit, "")).expect("not shipped");
                        held.remove(&id);
                    }
                }
                Act::Expire => {
                    bench.pass(bench.rules.reservation_lifetime_seconds + 1);
                    for id in held.keys().copied().collect::<Vec<_>>() {
                        bench.run_due(id);
                    }
                    held.retain(|id, _| bench.order(*id).ended_early().is_none());
                }
                Act::Switch { code, active: to } => {
                    set_active(&mut bench, CODES[*code], *to);
                    active[*code] = *to;
                }
            }
            for (number, code) in CODES.iter().enumerate() {
                let holding = held.values().filter(|it| it.0 == number).count();
                let (total, back) = uses(&bench, code);
                prop_assert_eq!(total, redeemed[number]);
                prop_assert_eq!(total - back, i64::try_from(holding).expect("a few"));
            }
        }
    }
}
