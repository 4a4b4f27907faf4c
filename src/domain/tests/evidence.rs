//! What outside services and people say of an order is acted on, and a wrong address can be put right until it has left.

use crate::domain::documents::letters::Letters;
use crate::domain::model::action::Action;
use crate::domain::model::address::Address;
use crate::domain::model::check::{Check, Risk, Rule, Severity, Verdict};
use crate::domain::model::courier::CourierNames;
use crate::domain::model::event::EventKind;
use crate::domain::model::evidence::Finding;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::invoice::Invoice;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::evidence::{EVIDENCE_MAX, Source};
use crate::domain::ordering::verify::{Attest, Waive};
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{order, reason};

fn bench() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9)])
}

/// An order that is held for its postal code.
fn held(bench: &mut Bench) -> OrderId {
    let mut new = order("ada", &[("A-1", 1)]);
    new.shipping_address.postal_code = "1000".to_owned();
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Received);
    id
}

fn source(provider: &str) -> Source {
    Source {
        provider: provider.to_owned(),
        facts: vec!["delivery point confirmed".to_owned()],
        reference: "DP-1".to_owned(),
    }
}

fn says(bench: &mut Bench, id: OrderId, rule: Rule, finding: Finding) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.record_verification(unit, rule, finding, source("post")))
}

fn assessed(bench: &mut Bench, id: OrderId, provider: &str, level: Risk) {
    bench.on(id, |order, unit| order.record_risk(unit, level, source(provider))).expect("recorded");
}

fn attest(bench: &mut Bench, id: OrderId, rule: Rule) -> Result<(), Refusal> {
    let word = [Attest { rule, reason: "I have been there".to_owned() }];
    bench.on(id, |order, unit| {
        order.attest(unit, &word)?;
        order.verify_again(unit, Waive::Nothing)
    })
}

fn correct(bench: &mut Bench, id: OrderId, address: Address) -> Result<(), Refusal> {
    let correction = Correction { shipping_address: Some(address), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &correction))
}

fn check(bench: &Bench, id: OrderId, rule: Rule) -> Check {
    bench.order(id).checks.iter().find(|it| it.rule == rule).expect("a check of every rule").clone()
}

fn active_holds(bench: &Bench, id: OrderId) -> Vec<HoldReason> {
    let active = bench.order(id).holds.iter().filter(|it| it.state == HoldState::Active);
    active.map(|it| it.reason).collect()
}

fn recorded(bench: &Bench, id: OrderId, kind: EventKind) -> usize {
    bench.history(id).iter().filter(|it| it.kind == kind).count()
}

fn another_house(new: &NewOrder) -> Address {
    Address { lines: vec!["11 Wall Street".to_owned()], ..new.shipping_address.clone() }
}

#[test]
fn a_rule_that_a_person_attests_holds_the_order_no_longer() {
    let mut bench = bench();
    let id = held(&mut bench);
    bench.by("clerk");
    attest(&mut bench, id, Rule::Address).expect("attested");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(check(&bench, id, Rule::Address).verdict, Verdict::Attested);
    let word = &bench.order(id).attestations[0];
    assert_eq!((word.by.as_str(), word.reason.as_str()), ("clerk", "I have been there"));
    assert_eq!(recorded(&bench, id, EventKind::RuleAttested), 1);
}

#[test]
fn a_word_about_one_finding_is_none_about_another() {
    let mut bench = bench();
    let id = held(&mut bench);
    let mut worse = bench.order(id).shipping_address.clone();
    worse.city = String::new();
    let word = [Attest { rule: Rule::Address, reason: "fine".to_owned() }];
    bench.on(id, |order, unit| order.attest(unit, &word)).expect("attested");
    correct(&mut bench, id, worse).expect("nothing is reserved yet");
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("decided");
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(check(&bench, id, Rule::Address).verdict, Verdict::Failed);
}

#[test]
fn what_found_nothing_and_what_no_word_can_change_is_not_attested() {
    let mut bench = bench();
    let id = held(&mut bench);
    assert_eq!(refused_fields(attest(&mut bench, id, Rule::Contact)), ["attest[0].rule"]);
    let mut new = order("bob", &[("A-1", 1)]);
    new.shipping_address.country = "AQ".to_owned();
    let far = bench.placed(&new);
    assert_eq!(refused_fields(attest(&mut bench, far, Rule::RegionServed)), ["attest[0].rule"]);
}

#[test]
fn a_service_that_confirms_an_address_clears_its_hold_until_the_address_is_corrected() {
    let mut bench = bench();
    let id = held(&mut bench);
    says(&mut bench, id, Rule::Address, Finding::Passed).expect("recorded");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(active_holds(&bench, id).is_empty());
    assert_eq!(check(&bench, id, Rule::Address).verdict, Verdict::Passed);
    assert_eq!(recorded(&bench, id, EventKind::VerificationRecorded), 1);

    let id = held(&mut bench);
    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    let good = order("ada", &[]).shipping_address;
    correct(&mut bench, id, good).expect("nothing is reserved yet");
    assert!(bench.order(id).evidence.iter().all(|it| it.outdated_at.is_some()));
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Duplicate)).expect("decided");
    assert_eq!(bench.state(id), OrderState::Invoiced, "the word was about another address");
}

#[test]
fn a_service_that_finds_an_address_wrong_after_the_invoice_stops_the_order_until_it_is_put_right() {
    let mut bench = bench();
    let new = order("ada", &[("A-1", 1)]);
    let id = bench.placed(&new);
    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    assert_eq!(active_holds(&bench, id), [HoldReason::IncorrectAddress]);
    assert_eq!(check(&bench, id, Rule::Address).verdict, Verdict::Warned);
    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    assert_eq!(active_holds(&bench, id).len(), 1, "it is held for that already");

    correct(&mut bench, id, another_house(&new)).expect("put right");
    assert!(active_holds(&bench, id).is_empty());
    assert_eq!(check(&bench, id, Rule::Address).verdict, Verdict::Passed);

    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    says(&mut bench, id, Rule::Address, Finding::Passed).expect("recorded");
    assert!(active_holds(&bench, id).is_empty());
}

/// What the last letter about a hold says, in one line.
fn hold_letter(bench: &Bench, id: OrderId) -> String {
    let order = bench.order(id);
    let letter = order.messages.iter().rfind(|it| it.kind == MessageKind::OnHold).expect("a letter");
    let text = Letters::default().text(letter, order, &bench.rules, &CourierNames::new());
    text.expect("written").body.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_service_that_finds_a_contact_wrong_after_the_invoice_has_the_customer_asked_for_the_right_one() {
    let mut bench = bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    says(&mut bench, id, Rule::Contact, Finding::Failed).expect("recorded");
    assert_eq!(active_holds(&bench, id), [HoldReason::VerificationFailed]);
    let letter = hold_letter(&bench, id);
    assert!(
        letter.contains("- Your contact details: ") && letter.contains("reply to this message"),
        "{letter}"
    );

    // It was verified before, so there is nothing to verify again: the right one ends the hold, and so does a person.
    let open = bench.order(id).available_actions();
    assert!(open.contains(&Action::UpdateOrder) && open.contains(&Action::ReleaseHold), "{open:?}");
    assert!(!open.contains(&Action::VerifyOrder), "{open:?}");
    let mut customer = bench.order(id).customer.clone();
    customer.email = "ada@example.org".to_owned();
    let correction = Correction { customer: Some(customer), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &correction)).expect("put right");
    assert_eq!(active_holds(&bench, id), []);

    says(&mut bench, id, Rule::Contact, Finding::Failed).expect("recorded");
    let hold = bench.order(id).holds.last().expect("a hold").id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "called")).expect("released");
    says(&mut bench, id, Rule::Contact, Finding::Failed).expect("recorded");
    says(&mut bench, id, Rule::Contact, Finding::Passed).expect("recorded");
    assert_eq!(active_holds(&bench, id), []);
}

#[test]
fn a_blocked_customer_reads_nothing_of_the_block_and_is_not_asked_for_help() {
    let mut bench = bench();
    bench.rules.blocked_customers = vec!["mallory@example.com".to_owned()];
    let id = bench.placed(&order("mallory", &[("A-1", 1)]));
    assert_eq!(active_holds(&bench, id), [HoldReason::VerificationFailed]);
    let letter = hold_letter(&bench, id);
    assert!(letter.contains("You do not need to do anything") && !letter.contains("answer"), "{letter}");
    assert!(!letter.contains("help") && !letter.contains("block"), "{letter}");
}

#[test]
fn a_wrong_address_is_put_right_after_the_label_which_is_voided() {
    let mut bench = bench();
    let new = order("ada", &[("A-1", 1)]);
    let id = bench.paid(&new);
    bench.label(id, 0);
    bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::IncorrectAddress, String::new()))
        .expect("a hold");
    let (total, invoice) = (bench.order(id).total_minor(), bench.order(id).invoices[0].clone());
    correct(&mut bench, id, another_house(&new)).expect("put right");
    let after = bench.order(id);
    assert_eq!(after.shipping_address, another_house(&new));
    assert!(active_holds(&bench, id).is_empty());
    // The invoice goes on saying what it said.
    assert_eq!(after.invoiced_shipping_address(&after.invoices[0]), &new.shipping_address);
    assert_eq!((after.total_minor(), Invoice { buyer: None, ..after.invoices[0].clone() }), (total, invoice));
    assert_eq!((after.shipments[0].state, &after.shipments[0].label), (ShipmentState::Packed, &None));
}

#[test]
fn an_address_that_changes_prices_or_is_wrong_again_is_refused_and_so_is_any_once_it_has_left() {
    let mut bench = bench();
    let new = order("ada", &[("A-1", 1)]);
    let id = bench.paid(&new);
    let abroad =
        Address { country: "CA".to_owned(), postal_code: "H3Z 2Y7".to_owned(), ..another_house(&new) };
    assert_eq!(refused_fields(correct(&mut bench, id, abroad)), ["shipping_address.country"]);
    let nowhere = Address { city: String::new(), ..another_house(&new) };
    assert_eq!(refused_fields(correct(&mut bench, id, nowhere)), ["shipping_address.city"]);

    bench.ship(id, 0);
    assert_eq!(reason(correct(&mut bench, id, another_house(&new))), Reason::IllegalTransition);
}

#[test]
fn a_high_risk_stops_the_order_until_the_same_service_says_otherwise() {
    let mut bench = bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    assessed(&mut bench, id, "radar", Risk::Medium);
    assert_eq!((bench.order(id).risk, active_holds(&bench, id)), (Risk::Medium, Vec::new()));
    assessed(&mut bench, id, "radar", Risk::High);
    assert_eq!(
        (bench.order(id).risk, active_holds(&bench, id)),
        (Risk::High, vec![HoldReason::HighRiskOfFraud])
    );
    assessed(&mut bench, id, "sonar", Risk::Low);
    assert_eq!(active_holds(&bench, id).len(), 1, "the other one has not changed its mind");
    assessed(&mut bench, id, "radar", Risk::Low);
    assert_eq!((bench.order(id).risk, active_holds(&bench, id)), (Risk::Low, Vec::new()));
    assert_eq!(recorded(&bench, id, EventKind::RiskAssessed), 4);

    bench.rules.assessed_risk.insert(Risk::High, Severity::Warn);
    assessed(&mut bench, id, "radar", Risk::High);
    assert_eq!((bench.order(id).risk, active_holds(&bench, id)), (Risk::High, Vec::new()));
}

#[test]
fn services_say_so_much_of_one_order_and_nothing_of_one_that_is_over() {
    let mut bench = bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    for _ in 0..EVIDENCE_MAX {
        assessed(&mut bench, id, "radar", Risk::Low);
        says(&mut bench, id, Rule::Contact, Finding::Passed).expect("recorded");
    }
    assert_eq!(reason(says(&mut bench, id, Rule::Contact, Finding::Passed)), Reason::LimitReached);
    bench.on(id, |order, unit| order.cancel(unit, "never mind")).expect("cancelled");
    assert_eq!(reason(says(&mut bench, id, Rule::Contact, Finding::Passed)), Reason::IllegalTransition);
}

#[test]
fn a_hold_that_a_person_released_does_not_come_back_with_another_services_low_word() {
    let mut bench = bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    assessed(&mut bench, id, "score", Risk::High);
    let hold = bench.order(id).holds.last().expect("a hold").id;
    bench.by("risk-desk");
    bench.on(id, |order, unit| order.release_hold(unit, hold, "looked at")).expect("released");
    assessed(&mut bench, id, "other", Risk::Low);
    assert_eq!(active_holds(&bench, id), []);
    assessed(&mut bench, id, "other", Risk::High);
    assert_eq!(active_holds(&bench, id), [HoldReason::HighRiskOfFraud]);
}

#[test]
fn a_corrected_bill_address_says_nothing_of_where_the_goods_go() {
    let mut bench = bench();
    let new = order("ada", &[("A-1", 1)]);
    let id = bench.placed(&new);
    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    let correction = Correction { billing_address: Some(Some(another_house(&new))), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &correction)).expect("a good address");
    assert_eq!(active_holds(&bench, id), [HoldReason::IncorrectAddress]);
    correct(&mut bench, id, another_house(&new)).expect("a good address");
    assert_eq!(active_holds(&bench, id), []);
}

#[test]
fn an_order_on_its_way_is_not_given_to_a_blocked_customer() {
    let mut bench = bench();
    bench.rules.blocked_customers = vec!["mallory@example.com".to_owned()];
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let mut customer = bench.order(id).customer.clone();
    customer.email = "mallory@example.com".to_owned();
    let correction = Correction { customer: Some(customer), ..Correction::default() };
    let given = bench.on(id, |order, unit| order.correct(unit, &correction));
    assert_eq!(refused_fields(given), ["customer.email"]);
}

#[test]
fn a_repeated_order_that_a_person_waived_stays_waived() {
    let mut bench = bench();
    held(&mut bench);
    bench.pass(60);
    let id = held(&mut bench);
    assert_eq!(check(&bench, id, Rule::DuplicateOrder).verdict, Verdict::Failed);
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Duplicate)).expect("decided");
    assert_eq!(check(&bench, id, Rule::DuplicateOrder).verdict, Verdict::Passed);
    says(&mut bench, id, Rule::Address, Finding::Failed).expect("recorded");
    assert_eq!(check(&bench, id, Rule::DuplicateOrder).verdict, Verdict::Passed, "nobody asked again");
}
