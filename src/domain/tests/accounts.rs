//! Customers that a shop keeps, and orders that name them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::customers::account::{BlockCustomer, CreateCustomer, UnblockCustomer, UpdateCustomer};
use crate::domain::model::account::{AccountAddress, AccountChange, CustomerAccount};
use crate::domain::model::address::Address;
use crate::domain::model::check::{Rule, Verdict};
use crate::domain::model::consent::{Consent, ConsentPurpose};
use crate::domain::model::customer::Customer;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::{Named, NewOrder};
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::CustomerId;
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::verify::Waive;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{MONDAY, order};
use crate::domain::unit::command::{Command, conclude};

const LATEST: String = String::new();

pub(super) fn ada() -> CustomerAccount {
    let of = order("ada", &[]);
    let shipping =
        AccountAddress { address: of.shipping_address, default_shipping: true, default_billing: false };
    CustomerAccount {
        external_reference: "c-7".to_owned(),
        addresses: vec![shipping],
        tax_number: "DE129273398".to_owned(),
        payment_terms_days: Some(14),
        unwanted_messages: BTreeSet::from([MessageKind::OrderReceived]),
        ..CustomerAccount::new(uuid::Uuid::nil().into(), of.customer, MONDAY)
    }
}

pub(super) fn create(bench: &mut Bench, account: CustomerAccount) -> Result<CustomerAccount, Refusal> {
    bench.decide(|unit| CreateCustomer { account: account.clone() }.decide(unit))
}

fn change(bench: &mut Bench, id: CustomerId, change: AccountChange) -> Result<CustomerAccount, Refusal> {
    bench.decide(|unit| UpdateCustomer { id, changes: vec![change.clone()], etag: LATEST }.decide(unit))
}

/// An order that leaves everything to the customer.
pub(super) fn of(id: CustomerId) -> NewOrder {
    NewOrder {
        customer: Customer::nobody(),
        shipping_address: Address::nowhere(),
        named: Some(Named { id, takes_contact: true, takes_shipping_address: true }),
        ..order("nobody", &[("A-1", 1)])
    }
}

#[test]
fn an_external_reference_belongs_to_one_customer_at_a_time() {
    let mut bench = Bench::with_stock(&[]);
    let kept = create(&mut bench, ada()).expect("a customer");
    assert_eq!(kept.version, 1);
    let twin = create(&mut bench, ada());
    assert_eq!(twin, Err(Refusal::exists("customer", kept.id)));
    let renamed = change(&mut bench, kept.id, AccountChange::ExternalReference("c-8".to_owned()));
    assert_eq!(renamed.expect("corrected").version, 2);
    let second = create(&mut bench, ada()).expect("the reference is free");
    let clash = change(&mut bench, second.id, AccountChange::ExternalReference("c-8".to_owned()));
    assert_eq!(clash, Err(Refusal::exists("customer", kept.id)));
    let same = change(&mut bench, second.id, AccountChange::ExternalReference("c-7".to_owned()));
    assert_eq!(same, Ok(second));
}

#[test]
fn a_customer_has_one_default_of_a_kind_and_no_say_in_what_the_law_asks_for() {
    let mut bench = Bench::with_stock(&[]);
    let mut account = ada();
    account.addresses.push(account.addresses[0].clone());
    account.unwanted_messages.insert(MessageKind::InvoiceIssued);
    let refused = create(&mut bench, account);
    assert_eq!(
        refused_fields(refused),
        ["customer.addresses[1].default_shipping", "customer.unwanted_kinds"]
    );
}

#[test]
fn an_order_freezes_what_it_takes_from_its_customer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let kept = create(&mut bench, ada()).expect("a customer");
    let id = bench.placed(&of(kept.id));
    change(&mut bench, kept.id, AccountChange::TaxNumber("X".to_owned())).expect("corrected");
    change(&mut bench, kept.id, AccountChange::Addresses(Vec::new())).expect("corrected");
    let placed = bench.order(id);
    assert_eq!((placed.customer.name.as_str(), placed.shipping_address.city.as_str()), ("ada", "New York"));
    assert_eq!(placed.named.as_ref().map(|it| it.tax_number.as_str()), Some("DE129273398"));
    assert!(placed.unwanted_messages.contains(&MessageKind::OrderReceived));

    let nowhere = bench.create_order(&of(kept.id));
    assert_eq!(refused_fields(nowhere), ["shipping_address"]);
    let unknown = bench.create_order(&of(uuid::Uuid::from_u128(1).into()));
    assert_eq!(refused_fields(unknown), ["customer_id"]);
}

#[test]
fn an_exempt_customer_pays_no_tax_and_has_no_prices_with_tax() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let kept = create(&mut bench, CustomerAccount { tax_exempt: true, ..ada() }).expect("a customer");
    let id = bench.placed(&of(kept.id));
    assert_eq!(bench.order(id).amounts.tax_minor, 0);
    assert!(bench.order(id).amounts.total_minor > 0);
    let gross = bench.create_order(&NewOrder { prices_include_tax: true, ..of(kept.id) });
    assert_eq!(refused_fields(gross), ["prices_include_tax"]);
}

#[test]
fn an_order_of_a_blocked_customer_waits_until_they_are_let_in() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let kept = create(&mut bench, ada()).expect("a customer");
    let block = BlockCustomer { id: kept.id, reason: "does not pay".to_owned(), etag: LATEST };
    let blocked = bench.decide(|unit| block.decide(unit)).expect("blocked");
    assert_eq!(bench.decide(|unit| block.decide(unit)), Ok(blocked));
    let id = bench.create_order(&of(kept.id)).expect("an order");
    let failed = |bench: &Bench| {
        let checks = &bench.order(id).checks;
        checks.iter().any(|it| it.rule == Rule::BlockedCustomer && it.verdict == Verdict::Failed)
    };
    assert!(failed(&bench) && bench.order(id).on_hold());

    let let_in = UnblockCustomer { id: kept.id, etag: LATEST };
    bench.decide(|unit| let_in.decide(unit)).expect("let in");
    bench
        .decide(|unit| {
            let mut order = unit.take_order(id)?;
            order.verify_again(unit, Waive::Nothing)?;
            conclude(order, unit)
        })
        .expect("verified");
    assert!(!failed(&bench));
    assert_ne!(bench.order(id).state, OrderState::Received);
}

fn said(purpose: ConsentPurpose, given_at: Option<Timestamp>, withdrawn_at: Option<Timestamp>) -> Consent {
    Consent { purpose, given_at, withdrawn_at, source: "a form".to_owned() }
}

#[test]
fn a_consent_says_when_and_each_purpose_has_one() {
    let mut bench = Bench::with_stock(&[]);
    let later = bench.now.plus(Duration::from_secs(1));
    let consents = vec![
        said(ConsentPurpose::Feedback, None, None),
        said(ConsentPurpose::Feedback, Some(bench.now), Some(later)),
    ];
    let refused = create(&mut bench, CustomerAccount { consents, ..ada() });
    assert_eq!(
        refused_fields(refused),
        [
            "customer.consents[0].given_time",
            "customer.consents[1].purpose",
            "customer.consents[1].withdrawn_time"
        ]
    );
}

#[test]
fn the_last_word_about_a_purpose_counts_and_no_if_both_were_said_at_once() {
    let (before, after) = (Some(MONDAY), Some(MONDAY.plus(Duration::from_secs(1))));
    for (given, withdrawn, is_no) in [
        (before, None, false),
        (None, before, true),
        (before, after, true),
        (after, before, false),
        (before, before, true),
    ] {
        let consent = said(ConsentPurpose::Offers, given, withdrawn);
        assert_eq!(consent.is_withdrawn(), is_no, "{consent:?}");
    }
}

#[test]
fn a_letter_asks_and_offers_nothing_that_its_customer_said_no_to() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let told = |withdrawn: &[ConsentPurpose]| {
        let withdrawn: BTreeSet<_> = withdrawn.iter().copied().collect();
        let told = bench.order(id).clone().told_without(&withdrawn).feedback.expect("it was delivered");
        (told.state, told.discount_ppm > 0, !told.discount_code.is_empty())
    };
    assert_eq!(told(&[]), (FeedbackState::Requested, true, true));
    assert_eq!(told(&[ConsentPurpose::Offers]), (FeedbackState::Requested, false, false));
    assert_eq!(told(&[ConsentPurpose::Feedback]), (FeedbackState::OptedOut, true, true));

    let no = BTreeSet::from([ConsentPurpose::Feedback]);
    for kind in MessageKind::ALL {
        let is_suppressed = kind.suppression_without(&no).is_some();
        assert_eq!(is_suppressed, *kind == MessageKind::FeedbackRequested, "{kind}");
        assert!(!is_suppressed || (kind.asks_for_consent() && kind.may_be_unwanted()), "{kind}");
    }
}
