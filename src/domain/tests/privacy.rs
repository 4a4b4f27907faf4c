//! A person's data: held by the law, kept for the books, erased.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::invariants::history::history_violations;
use crate::domain::model::account::NamedCustomer;
use crate::domain::model::action::Action;
use crate::domain::model::address::Address;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::customer::Customer;
use crate::domain::model::erasure::{LegalHold, PersonNames};
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::Buyer;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, OrderId};
use crate::domain::privacy::erase::{EraseCustomer, EraseOrder};
use crate::domain::privacy::legal_hold::{
    ChangeLegalHoldOfCustomer, ChangeLegalHoldOfOrder, LegalHoldChange,
};
use crate::domain::privacy::redact::{Books, erase_from_events};
use crate::domain::privacy::seal::SealOrder;
use crate::domain::tests::accounts::{ada, create, of};
use crate::domain::tests::any_sequence::orders::some_steps;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::bounds::largest;
use crate::domain::tests::given::{order, reason};
use crate::domain::unit::command::{Command, Target};
use crate::domain::unit::unit_of_work::Part;

const INSTRUCTIONS: &str = "ask for Ada at the bakery";

/// What names the customer of an order that [`a_purchase`] made.
const NEEDLES: [&str; 4] = ["ada@example.com", "350 Fifth Avenue", "\"10118\"", INSTRUCTIONS];

fn a_bench() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9)])
}

fn a_purchase() -> NewOrder {
    NewOrder { special_instructions: INSTRUCTIONS.to_owned(), ..order("ada", &[("A-1", 2)]) }
}

fn closed(bench: &mut Bench) -> OrderId {
    bench.closed(&a_purchase()).0
}

fn erase(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    let target = Target::latest(Part::Order(id));
    bench.decide(|unit| EraseOrder { target: target.clone() }.decide(unit).map(|_| ()))
}

fn names(order: &Order) -> Vec<&'static str> {
    let said = format!("{order:?}");
    NEEDLES.into_iter().filter(|it| said.contains(it)).collect()
}

#[test]
fn an_erased_order_names_nobody_and_its_books_are_whole() {
    let mut bench = a_bench();
    bench.rules.keep_invoices_years = 0;
    let id = closed(&mut bench);
    let before = bench.order(id).clone();
    assert_eq!(names(&before), NEEDLES);

    bench.by("officer");
    erase(&mut bench, id).expect("it is over");
    let after = bench.order(id).clone();
    assert_eq!(names(&after), [""; 0]);
    assert_eq!((after.state, after.archived_from), (OrderState::Archived, Some(OrderState::Closed)));
    assert_eq!((&after.amounts, after.captured_minor()), (&before.amounts, before.captured_minor()));
    assert_eq!((&after.lines, &after.reservations), (&before.lines, &before.reservations));
    assert_eq!(after.shipping_address, Address { country: "US".to_owned(), ..Address::nowhere() });
    assert_eq!(after.violations(), []);
    let erased = after.erased.as_ref().expect("it says so");
    assert_eq!((erased.at, erased.by.as_str(), erased.kept_until), (bench.now, "officer", None));
    let last = bench.history(id).last().expect("an event");
    assert_eq!((last.kind, last.actor.as_str()), (EventKind::CustomerDataErased, "officer"));
    assert_eq!(after.due_at(&bench.rules), None);

    erase(&mut bench, id).expect("a second time");
    assert_eq!(*bench.order(id), after, "nothing more happens");
}

#[test]
fn nothing_is_done_any_more_with_an_order_whose_customer_is_erased() {
    let mut bench = a_bench();
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");
    let order = bench.order(id);
    assert_eq!(order.available_actions(), []);
    assert_eq!(order.actions_of(&order.shipments[0]), []);
    let why: Vec<_> =
        order.unavailable_actions().into_iter().filter(|it| it.action == Action::RestoreOrder).collect();
    assert_eq!(why[0].reason, "the customer's data was erased");
    let target = Target::latest(Part::Order(id));
    let restore = crate::domain::ordering::archive::RestoreOrder { target, reason: "by mistake".to_owned() };
    let refused = bench.decide(|unit| restore.decide(unit).map(|_| ()));
    assert_eq!(reason(refused), Reason::DataErased);
}

#[test]
fn invoices_name_whom_they_were_issued_to_as_long_as_the_law_says_and_no_longer() {
    let mut bench = a_bench();
    bench.rules.keep_invoices_years = 10;
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");

    let order = bench.order(id).clone();
    let invoice = order.main_invoice().expect("an invoice");
    let Buyer { customer, billing_address, shipping_address } = &**invoice.buyer.as_ref().expect("kept");
    assert_eq!(*customer, Customer { name: "ada".to_owned(), locale: "en".to_owned(), ..Customer::nobody() });
    assert_eq!((billing_address, shipping_address.city.as_str()), (&None, "New York"));
    assert_eq!(order.customer.name, "");
    assert_eq!(
        names(&order),
        ["350 Fifth Avenue", "\"10118\""],
        "the address that was billed, and nothing else"
    );
    assert_eq!(order.violations(), []);

    // Issued in 2026, so kept to the end of 2036.
    let until = order.erased.as_ref().expect("erased").kept_until.expect("a date");
    assert_eq!(until.to_string(), "2037-01-01T00:00:00Z");
    assert_eq!(order.due_at(&bench.rules), Some(until));
    let left = until.since(bench.now).as_secs();
    bench.pass(left - 1);
    bench.run_due(id);
    assert_eq!(names(bench.order(id)), ["350 Fifth Avenue", "\"10118\""]);
    bench.pass(1);
    bench.run_due(id);
    let order = bench.order(id);
    assert_eq!((names(order), order.due_at(&bench.rules)), (vec![], None));
    assert_eq!(order.violations(), []);
    assert_eq!(bench.history(id).last().map(|it| it.kind), Some(EventKind::CustomerDataErased));
}

#[test]
fn all_that_prevents_it_is_said_at_once() {
    let mut bench = a_bench();
    let id = bench.placed(&a_purchase());
    let refused = erase(&mut bench, id);
    assert!(matches!(&refused, Err(Refusal::Unmet { message, .. }) if message.contains("it is INVOICED")));
    assert_eq!(reason(refused), Reason::NotErasable);

    // Or it would be taken for the same order once more.
    bench.pass(3_600);
    let id = closed(&mut bench);
    let by: Actor = "legal".parse().expect("an actor");
    let (at, until) = (bench.now, Some(bench.now.plus(Duration::from_secs(60))));
    let hold = LegalHold { reason: "case 7".to_owned(), by, at, until };
    bench
        .on(id, |order, _| {
            order.legal_hold = Some(Box::new(hold.clone()));
            Ok(())
        })
        .expect("a hold");
    assert_eq!(bench.order(id).why_not_erasable(bench.now), ["it is under a legal hold: case 7"]);
    bench.pass(61);
    erase(&mut bench, id).expect("the hold is over");
}

#[test]
fn a_legal_hold_puts_off_what_the_law_no_longer_keeps() {
    let mut bench = a_bench();
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");
    let by: Actor = "legal".parse().expect("an actor");
    let at = bench.now;
    bench
        .on(id, |order, _| {
            let hold = LegalHold { reason: "case 7".to_owned(), by: by.clone(), at, until: None };
            order.legal_hold = Some(Box::new(hold));
            Ok(())
        })
        .expect("a hold");
    let until = bench.order(id).due_at(&bench.rules).expect("a date");
    bench.pass(until.since(bench.now).as_secs());
    bench.run_due(id);
    assert_eq!(names(bench.order(id)), ["350 Fifth Avenue", "\"10118\""]);
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(bench.now.plus(Duration::from_secs(86_400))));
}

#[test]
fn what_the_law_keeps_of_an_erased_order_can_be_held_and_what_is_gone_cannot() {
    let mut bench = a_bench();
    bench.rules.keep_invoices_years = 10;
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");
    let set = LegalHoldChange::Set { reason: "case 7".to_owned(), until: None };
    let hold = |bench: &mut Bench, change: &LegalHoldChange| {
        let target = Target::latest(Part::Order(id));
        let command = ChangeLegalHoldOfOrder { target, change: change.clone() };
        bench.decide(|unit| command.decide(unit).map(|_| ()))
    };
    hold(&mut bench, &set).expect("its invoices are kept");
    let until = bench.order(id).due_at(&bench.rules).expect("a date");
    bench.pass(until.since(bench.now).as_secs());
    bench.run_due(id);
    assert_eq!(names(bench.order(id)), ["350 Fifth Avenue", "\"10118\""], "it is put off");

    hold(&mut bench, &LegalHoldChange::Release).expect("released");
    bench.pass(86_400);
    bench.run_due(id);
    assert_eq!(names(bench.order(id)), [""; 0]);
    assert_eq!(reason(hold(&mut bench, &set)), Reason::DataErased);
}

#[test]
fn a_customer_is_erased_unless_held_and_named_by_no_order_again() {
    let mut bench = a_bench();
    let id = create(&mut bench, ada()).expect("a customer").id;
    let change = |change| ChangeLegalHoldOfCustomer { id, change, etag: String::new() };
    let set = change(LegalHoldChange::Set { reason: "case 7".to_owned(), until: None });
    let held = bench.decide(|unit| set.decide(unit)).expect("held");
    let again = bench.decide(|unit| set.decide(unit)).expect("held");
    assert_eq!(held, again, "the same again changes nothing");
    let refused = bench.decide(|unit| EraseCustomer { id }.decide(unit));
    assert_eq!(reason(refused), Reason::NotErasable);

    bench.decide(|unit| change(LegalHoldChange::Release).decide(unit)).expect("released");
    bench.decide(|unit| EraseCustomer { id }.decide(unit)).expect("nothing holds them");
    let account = bench.snapshot.accounts[&id].clone();
    assert!(account.erased.is_some() && account.version == held.version + 2);
    let said = format!("{account:?}");
    for needle in ["ada", "350 Fifth", "10118", "c-7", "DE129273398"] {
        assert!(!said.contains(needle), "{needle} in {said}");
    }
    assert_eq!(reason(bench.decide(|unit| set.decide(unit))), Reason::DataErased);
    let refused = bench.create_order(&of(id)).expect_err("they are gone");
    assert!(format!("{refused:?}").contains("was erased"), "{refused:?}");
}

#[test]
fn the_hold_of_a_customer_holds_an_order_that_names_them() {
    let mut bench = a_bench();
    let customer = create(&mut bench, ada()).expect("a customer").id;
    let id = closed(&mut bench);
    let named = NamedCustomer {
        id: customer,
        tax_number: String::new(),
        tax_exempt: false,
        payment_terms_days: None,
    };
    bench
        .on(id, |order, _| {
            order.named = Some(named.clone());
            Ok(())
        })
        .expect("it names them");
    let change = |change| ChangeLegalHoldOfCustomer { id: customer, change, etag: String::new() };
    let set = change(LegalHoldChange::Set { reason: "case 7".to_owned(), until: None });
    bench.decide(|unit| set.decide(unit)).expect("held");
    let refused = erase(&mut bench, id);
    assert!(matches!(&refused, Err(Refusal::Unmet { message, .. }) if message.contains("hold: case 7")));
    assert_eq!(reason(refused), Reason::NotErasable);

    bench.decide(|unit| change(LegalHoldChange::Release).decide(unit)).expect("released");
    erase(&mut bench, id).expect("nothing holds it");
}

#[test]
fn a_hold_that_is_over_before_it_begins_is_refused() {
    let mut bench = a_bench();
    let id = create(&mut bench, ada()).expect("a customer").id;
    let change = LegalHoldChange::Set { reason: "late".to_owned(), until: Some(bench.now) };
    let command = ChangeLegalHoldOfCustomer { id, change, etag: String::new() };
    let refused = bench.decide(|unit| command.decide(unit));
    assert!(matches!(refused, Err(Refusal::Invalid(bad)) if bad.0[0].field == "until_time"));
}

#[test]
fn no_word_that_somebody_typed_is_left_of_the_largest_order() {
    let mut order = largest();
    let typed = |order: &Order| format!("{order:?}").contains('𝒜');
    order.erase_data(Books::Erased);

    // These stay: goods, the words of rules and couriers, and how other systems call the order.
    order.external_reference.clear();
    order.redemption = None;
    for line in &mut order.lines {
        line.description.clear();
        line.tax_category.clear();
    }
    order.availability = None;
    order.promise = None;
    order.checks.clear();
    order.approvals.iter_mut().for_each(|it| it.rule.clear());
    order.evidence.iter_mut().for_each(|it| it.provider.clear());
    order.assessments.iter_mut().for_each(|it| it.provider.clear());
    for shipment in &mut order.shipments {
        shipment.items.iter_mut().for_each(|it| it.description.clear());
    }
    let of_invoices = order.invoices.iter_mut().flat_map(|it| &mut it.lines);
    of_invoices
        .chain(order.credit_notes.iter_mut().flat_map(|it| &mut it.lines))
        .for_each(|it| it.description.clear());
    for payment in &mut order.payments {
        assert!(!format!("{:?}", payment.means).contains('𝒜'));
    }
    if let Some(hold) = &mut order.legal_hold {
        hold.reason.clear();
    }
    assert!(!typed(&order), "{order:?}");
}

#[test]
fn a_person_is_known_by_their_address_and_number_as_an_actor_and_not_by_what_they_are_called() {
    let customer = Customer {
        name: "Shop".to_owned(),
        email: "ada@example.com".to_owned(),
        phone: "+4930901820".to_owned(),
        ..Customer::nobody()
    };
    let names = PersonNames::of(&customer);
    for theirs in ["Ada@Example.com", "+4930901820"] {
        assert!(names.is(&theirs.parse().expect("an actor")), "{theirs}");
    }
    for other in ["ada", "shop"] {
        assert!(!names.is(&other.parse().expect("an actor")), "{other}");
    }
    assert!(!names.is(&Actor::system()));
    assert_eq!(PersonNames::from_bytes(&names.to_bytes()), names);
    assert!(!PersonNames::of(&Customer::nobody()).is(&Actor::system()));
}

#[test]
fn who_asked_and_who_decided_stay_two_when_both_were_the_person() {
    let mut bench = a_bench();
    let id = closed(&mut bench);
    let mut order = bench.order(id).clone();
    order.customer.phone = "+4930901820".to_owned();
    let approval = &mut order.approvals[0];
    approval.state = ApprovalState::Approved;
    approval.requested_by = Actor::stored("ada@example.com".to_owned());
    approval.decided_by = Some(Actor::stored("+4930901820".to_owned()));
    let before = order.violations();
    order.erase_data(Books::Erased);
    let asked = order.approvals[0].requested_by.clone();
    assert_eq!(asked.as_str(), "erased");
    assert!(order.approvals[0].decided_by.as_ref().is_some_and(|it| !it.is_same_person(&asked)));
    assert_eq!(order.violations(), before);
}

fn seal(bench: &mut Bench, id: OrderId) {
    let target = Target::latest(Part::Order(id));
    bench.decide(|unit| SealOrder { target }.decide(unit)).expect("it is no change to refuse");
}

#[test]
fn an_archived_order_is_sealed_where_there_is_a_key_and_names_nobody_in_the_open() {
    let mut bench = a_bench();
    let id = closed(&mut bench);
    bench.on(id, Order::archive).expect("closed");
    assert_eq!(bench.order(id).sealed, None, "there is no key");

    bench.rules.archive_key = Some(3);
    seal(&mut bench, id);
    let mut order = bench.order(id).clone();
    assert_eq!((order.sealed, names(&order)), (Some(3), NEEDLES.to_vec()), "decisions see all of it");
    let (by, at) = (Actor::system(), bench.now);
    order.legal_hold = Some(Box::new(LegalHold { reason: INSTRUCTIONS.to_owned(), by, at, until: None }));
    let open = order.in_the_open("an index".to_owned());
    assert_eq!((names(&open), open.customer.email.as_str()), (vec![], "an index"));
    assert_eq!((&open.lines, &open.amounts), (&order.lines, &order.amounts));
    assert_eq!((open.sealed, open.version, open.last_link), (Some(3), order.version, order.last_link));
    assert_eq!((&open.redemption, open.is_archived()), (&order.redemption, true));
    let versions = |it: &Order| it.shipments.iter().map(|it| it.version).collect::<Vec<_>>();
    assert_eq!(versions(&open), versions(&order), "nothing has happened to them");
    assert_eq!(order.in_the_open("an index".to_owned()), open, "the same each time");
}

#[test]
fn an_order_is_sealed_anew_under_the_key_in_use_until_it_is_restored_or_erased() {
    let mut bench = a_bench();
    let id = closed(&mut bench);
    bench.rules.archive_key = Some(3);
    seal(&mut bench, id);
    assert_eq!(bench.order(id).sealed, None, "it is not in the archive");
    bench.on(id, Order::archive).expect("closed");

    bench.rules.archive_key = Some(4);
    let events = bench.history(id).len();
    seal(&mut bench, id);
    let order = bench.order(id).clone();
    assert_eq!((order.sealed, bench.history(id).len()), (Some(4), events), "nothing new is said");
    seal(&mut bench, id);
    assert_eq!(*bench.order(id), order, "a second time it changes nothing");
    bench.rules.archive_key = None;
    seal(&mut bench, id);
    assert_eq!(*bench.order(id), order, "a server without a key opens nothing");

    bench.on(id, |order, unit| order.restore(unit, "asked for again")).expect("archived");
    assert_eq!(bench.order(id).sealed, None);
    bench.rules.archive_key = Some(4);
    bench.on(id, Order::archive).expect("closed");
    assert_eq!(bench.order(id).sealed, Some(4));
    bench.rules.keep_invoices_years = 0;
    erase(&mut bench, id).expect("it is over");
    seal(&mut bench, id);
    assert_eq!(bench.order(id).sealed, None, "what is left names nobody");
}

#[test]
fn what_the_law_keeps_of_an_erased_order_is_sealed_for_as_long() {
    let mut bench = a_bench();
    bench.rules.keep_invoices_years = 10;
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");
    assert_eq!(bench.order(id).sealed, None, "there is no key");
    bench.rules.archive_key = Some(3);
    seal(&mut bench, id);
    let order = bench.order(id).clone();
    assert_eq!((order.sealed, names(&order).len()), (Some(3), 2), "its invoices are kept");
    assert_eq!(names(&order.in_the_open(String::new())), [""; 0]);

    let until = order.due_at(&bench.rules).expect("a date");
    bench.pass(until.since(bench.now).as_secs());
    bench.run_due(id);
    seal(&mut bench, id);
    assert_eq!((bench.order(id).sealed, names(bench.order(id))), (None, vec![]));

    // Or it is sealed before.
    let mut bench = a_bench();
    bench.rules.keep_invoices_years = 10;
    let id = closed(&mut bench);
    bench.on(id, Order::archive).expect("closed");
    bench.rules.archive_key = Some(4);
    erase(&mut bench, id).expect("it is over");
    assert_eq!(bench.order(id).sealed, Some(4), "the key in use; none was there when it went to the archive");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// In whatever state: nothing that names somebody is left, every law holds that held, and once is enough.
    #[test]
    fn no_order_names_anybody_when_it_is_erased(steps in some_steps()) {
        for (_, order) in steps {
            let email = order.customer.email.clone();
            let mut erased = Order::clone(&order);
            erased.erase_data(Books::Erased);
            let said = format!("{erased:?}");
            prop_assert!(!said.contains(&email), "{} in {}", email, said);
            for needle in [&NEEDLES[1], &NEEDLES[2]] {
                prop_assert!(!said.contains(*needle), "{} in {}", needle, said);
            }
            prop_assert_eq!(erased.violations(), order.violations());
            prop_assert_eq!(&erased.amounts, &order.amounts);
            prop_assert_eq!(erased.captured_minor(), order.captured_minor());
            prop_assert_eq!(erased.refunded_minor(), order.refunded_minor());

            let again = erased.clone();
            erased.erase_data(Books::Erased);
            prop_assert_eq!(erased, again);

            let mut kept = Order::clone(&order);
            kept.erase_data(Books::Kept);
            let said = format!("{kept:?}");
            prop_assert!(!said.contains(&email), "{} in {}", email, said);
            prop_assert_eq!(kept.violations(), order.violations());
        }
    }
}

#[test]
fn a_history_without_words_keeps_every_law() {
    let mut bench = a_bench();
    bench.by("ada@example.com");
    let id = closed(&mut bench);
    erase(&mut bench, id).expect("it is over");
    let names = PersonNames::of(&order("ada", &[]).customer);
    let mut events = bench.history(id).to_vec();
    let before = events.clone();
    erase_from_events(&mut events, &names);
    assert_eq!(history_violations(bench.order(id), &events), []);
    for (event, before) in events.iter().zip(&before) {
        assert_ne!(event.actor.as_str(), "ada@example.com");
        assert_eq!((event.kind, &event.transition, event.at), (before.kind, &before.transition, before.at));
        let is_kept = event.kind == EventKind::CustomerDataErased;
        assert_eq!(event.text, if is_kept { before.text.clone() } else { String::new() });
    }
}
