//! A person who had a hand in an order can neither approve it nor release a hold that doubts it.

use crate::domain::approvals::decide::Decision;
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::check::{Risk, Rule};
use crate::domain::model::erasure::nobody;
use crate::domain::model::event::EventKind;
use crate::domain::model::evidence::Finding;
use crate::domain::model::hand::{HANDS_MAX, Hand, HandKind};
use crate::domain::model::hold::HoldReason;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, HoldId, OrderId};
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::evidence::Source;
use crate::domain::ordering::receive::{take_cart_in, take_in};
use crate::domain::privacy::redact::Books;
use crate::domain::tests::bench::{Bench, others};
use crate::domain::tests::given::{actor, by_card, cash, dear, done, order, pending, reason};

/// As many of one kind as an order keeps, under names as long as they may be.
fn full_hands_of(kind: HandKind) -> Vec<Hand> {
    let hand = |number: usize| Hand {
        kind,
        person: format!("{number:0>128}").parse().expect("an actor"),
        principal: Some("k".repeat(128).parse().expect("an actor")),
        since: i64::MAX,
    };
    (0..HANDS_MAX).map(hand).collect()
}

/// As many of every kind as an order keeps.
pub(crate) fn full_hands() -> Vec<Hand> {
    HandKind::ALL.iter().copied().flat_map(full_hands_of).collect()
}

fn a_bench() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9)])
}

fn corrected(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    corrected_to(bench, id, "ring twice")
}

fn corrected_to(bench: &mut Bench, id: OrderId, words: &str) -> Result<(), Refusal> {
    let words = Correction { special_instructions: Some(words.to_owned()), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &words))
}

/// Decides by what stands for the key `key` and names `name`.
fn decided_through(bench: &mut Bench, id: OrderId, key: &str, name: &str) -> Result<(), Refusal> {
    let approval = pending(bench.order(id)).expect("an approval").id;
    bench.by(name);
    bench.on(id, |order, unit| {
        unit.principal = Some(actor(key));
        order.decide_approval(unit, approval, Decision::Approve, "")
    })
}

/// Alice's order, changed by Carol; Dave took a part and Erin captured the rest.
fn of_many_hands(bench: &mut Bench) -> OrderId {
    let id = bench.by("alice").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    corrected(bench.by("carol"), id).expect("corrected");
    bench.by("dave").on(id, |order, unit| order.record_payment(unit, &cash(Some(1)))).expect("a cent");
    let card = bench
        .by("alice")
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
        .expect("a card");
    bench.answer(id, card, ProviderRequest::Authorize, &done("a"));
    bench.by("erin").on(id, |order, unit| order.begin_capture(unit, card)).expect("authorised");
    bench.by("worker").answer(id, card, ProviderRequest::Capture, &done("c"));
    assert_eq!(bench.state(id), OrderState::PaymentCaptured);
    id
}

#[test]
fn everybody_who_had_a_hand_in_a_payment_is_refused_and_another_person_approves() {
    let mut bench = a_bench();
    let id = of_many_hands(&mut bench);
    for (name, did) in [
        (
            "alice",
            "alice made the order and took money for the order and may not decide the approval: another person has to",
        ),
        ("carol", "carol changed the order and may not decide the approval: another person has to"),
        ("dave", "dave took money for the order and may not decide the approval: another person has to"),
        ("erin", "erin captured money for the order and may not decide the approval: another person has to"),
        (
            "ALICE.",
            "ALICE., as alice, made the order and took money for the order and may not decide the approval: another person has to",
        ),
        (
            "al1ce",
            "al1ce, as alice, made the order and took money for the order and may not decide the approval: another person has to",
        ),
    ] {
        for decision in [Decision::Approve, Decision::Reject] {
            let refused = bench.by(name).decide_gate(id, Gate::Payment, decision);
            let Err(Refusal::Unmet { reason: Reason::SelfApproval, message, .. }) = refused else {
                panic!("{name}: {refused:?}");
            };
            assert_eq!(message, did);
        }
    }

    // Who approved the reservation, and who only told what the provider said, asked for nothing.
    let approval = bench.order(id).approval(Gate::Payment).expect("an approval");
    let askers: Vec<&str> = bench.order(id).askers(approval).map(|it| it.person.as_str()).collect();
    assert_eq!(askers, ["alice", "carol", "dave", "alice", "erin"]);
    bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("no hand in it");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn a_reservation_is_not_approved_by_who_changed_the_order_and_may_be_by_who_is_to_take_its_money() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&dear(order("ada", &[("A-1", 1)])));
    corrected(bench.by("bob"), id).expect("corrected");
    for name in ["alice", "bob"] {
        let own = bench.by(name).decide_gate(id, Gate::Reservation, Decision::Approve);
        assert_eq!(reason(own), Reason::SelfApproval, "{name}");
    }
    bench.by("carol").decide_gate(id, Gate::Reservation, Decision::Approve).expect("another person");
    bench.pay_cash(id);
    let own = bench.decide_gate(id, Gate::Payment, Decision::Approve);
    assert_eq!(reason(own), Reason::SelfApproval, "the cashier is carol");
}

#[test]
fn a_person_is_one_through_whatever_key_and_a_key_is_not_another_person_than_whom_it_named() {
    let mut bench = a_bench();
    let new = dear(order("ada", &[("A-1", 1)]));
    bench.by("alice");
    let id = bench
        .decide(|unit| {
            unit.principal = Some(actor("storefront"));
            take_in(unit, &new)
        })
        .expect("an order");
    let hand = bench.order(id).hands[0].clone();
    assert_eq!(
        hand,
        Hand { kind: HandKind::Made, person: actor("alice"), principal: Some(actor("storefront")), since: 1 }
    );
    let event = &bench.history(id)[0];
    assert_eq!((event.actor.as_str(), event.principal.clone()), ("alice", Some(actor("storefront"))));

    assert_eq!(reason(decided_through(&mut bench, id, "backoffice", "Alice")), Reason::SelfApproval);
    let by_itself = bench.by("storefront").decide_gate(id, Gate::Reservation, Decision::Approve);
    let Err(Refusal::Unmet { reason: Reason::SelfApproval, message, .. }) = by_itself else {
        panic!("{by_itself:?}");
    };
    assert_eq!(
        message,
        "storefront, for alice, made the order and may not decide the approval: another person has to"
    );
    decided_through(&mut bench, id, "storefront", "amira").expect("the key says that it is another person");

    let approval = &bench.order(id).approvals[0];
    assert_eq!(approval.decided_principal, Some(actor("storefront")));
    assert_eq!(bench.order(id).violations(), []);
}

#[test]
fn what_happens_by_itself_goes_through_nobodys_key() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let mut brief = order("ada", &[("A-1", 2)]);
    brief.reservation_lifetime_seconds = Some(60);
    let first = bench.by("alice").placed(&brief);
    bench.pass(60);
    bench.by("bob");
    let second = bench
        .decide(|unit| {
            unit.principal = Some(actor("storefront"));
            take_in(unit, &order("eve", &[("A-1", 2)]))
        })
        .expect("they are free again");

    let history = bench.history(first);
    assert!(history.iter().any(|it| it.kind == EventKind::OrderExpired && it.actor.is_system()));
    assert!(history.iter().all(|it| it.principal.is_none()), "{history:?}");
    for event in bench.history(second) {
        let through = (!event.actor.is_automatic()).then(|| actor("storefront"));
        assert_eq!(event.principal, through, "{event:?}");
    }
}

#[test]
fn a_key_that_named_who_set_stock_aside_is_not_another_person_than_they() {
    let mut bench = a_bench();
    bench.by("alice");
    let cart = bench
        .decide(|unit| {
            unit.principal = Some(actor("storefront"));
            reserve_stock(unit, &others(&[("A-1", 1)], 600))
        })
        .expect("a cart");
    let new = dear(order("ada", &[("A-1", 1)]));
    let id = bench.by("bob").decide(|unit| take_cart_in(unit, &new, cart)).expect("an order");
    let hand = bench.order(id).hands.iter().find(|it| it.kind == HandKind::SetAside).expect("alice's");
    assert_eq!((&hand.person, &hand.principal), (&actor("alice"), &Some(actor("storefront"))));
    let own = bench.by("storefront").decide_gate(id, Gate::Reservation, Decision::Approve);
    assert_eq!(reason(own), Reason::SelfApproval);
    bench.by("carol").decide_gate(id, Gate::Reservation, Decision::Approve).expect("another person");
}

#[test]
fn nobody_unnamed_decides_or_releases_a_doubt() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&dear(order("ada", &[("A-1", 1)])));
    let hold = doubted(&mut bench, id);
    for name in ["anonymous", "Anonymous"] {
        bench.actor = Actor::stored(name.to_owned());
        let own = bench.decide_gate(id, Gate::Reservation, Decision::Reject);
        assert_eq!(reason(own), Reason::SelfApproval);
        assert_eq!(reason(released(&mut bench, id, hold)), Reason::SelfApproval);
    }
}

/// An outside service finds it risky.
fn doubted(bench: &mut Bench, id: OrderId) -> HoldId {
    let before = bench.actor.clone();
    let source = Source { provider: "radar".to_owned(), facts: Vec::new(), reference: String::new() };
    bench.by("radar").on(id, |order, unit| order.record_risk(unit, Risk::High, source)).expect("recorded");
    bench.actor = before;
    let hold = bench.order(id).holds.last().expect("a hold");
    assert_eq!(hold.reason, HoldReason::HighRiskOfFraud);
    hold.id
}

fn released(bench: &mut Bench, id: OrderId, hold: HoldId) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.release_hold(unit, hold, "it is fine"))
}

#[test]
fn a_doubt_is_released_by_somebody_without_a_hand_in_the_order() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&order("ada", &[("A-1", 1)]));
    let hold = doubted(&mut bench, id);
    for name in ["alice", "Alice", "a1ice"] {
        bench.by(name);
        let refused = released(&mut bench, id, hold);
        let Err(Refusal::Unmet { reason: Reason::SelfApproval, message, .. }) = refused else {
            panic!("{name}: {refused:?}");
        };
        assert!(
            message.ends_with(
                "made the order and may not release a hold for HIGH_RISK_OF_FRAUD: another person has to"
            ),
            "{message}"
        );
    }
    released(bench.by("risk-desk"), id, hold).expect("another person");
    assert!(!bench.order(id).on_hold());
}

#[test]
fn who_places_a_hold_takes_it_back_and_a_plain_one_is_anybodys() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&order("ada", &[("A-1", 1)]));
    let placed = |bench: &mut Bench, reason| {
        bench.on(id, |order, unit| order.place_hold(unit, reason, String::new())).expect("a hold")
    };
    let own = placed(&mut bench, HoldReason::Compliance);
    released(bench.by("Alice"), id, own).expect("her own, in another spelling");
    bench.by("alice");
    let of_another = placed(bench.by("legal"), HoldReason::Compliance);
    bench.by("alice");
    assert_eq!(reason(released(&mut bench, id, of_another)), Reason::SelfApproval);
    let plain = placed(bench.by("legal"), HoldReason::CustomerRequest);
    released(bench.by("alice"), id, plain).expect("it doubts nobody");
    released(bench.by("legal"), id, of_another).expect("legal's own");
    assert!(!bench.order(id).on_hold());
}

#[test]
fn a_contact_found_wrong_later_doubts_nobody_and_who_made_the_order_lets_it_go_on() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&order("ada", &[("A-1", 1)]));
    let source = Source { provider: "post".to_owned(), facts: Vec::new(), reference: String::new() };
    bench
        .by("post")
        .on(id, |order, unit| order.record_verification(unit, Rule::Contact, Finding::Failed, source))
        .expect("recorded");
    let hold = bench.order(id).holds.last().expect("a hold").clone();
    assert_eq!((hold.reason, bench.state(id)), (HoldReason::VerificationFailed, OrderState::Invoiced));
    released(bench.by("alice"), id, hold.id).expect("she has called the customer");
    assert!(!bench.order(id).on_hold());
}

#[test]
fn a_decision_by_somebody_with_a_hand_in_it_breaks_a_law_and_a_later_hand_does_not() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&dear(order("ada", &[("A-1", 1)])));
    corrected(bench.by("bob"), id).expect("corrected");
    bench.by("carol").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    corrected(&mut bench, id).expect("carol changes what she has approved");
    let broken = |by: &str| {
        let mut order = bench.order(id).clone();
        order.approvals[0].decided_by = Some(actor(by));
        order.violations().iter().any(|it| it.law == "T4")
    };
    assert_eq!(bench.order(id).approvals[0].state, ApprovalState::Approved);
    assert!(!broken("carol") && !broken("dave"));
    assert!(broken("alice") && broken("B0b"));
    assert_eq!(bench.order(id).hands.iter().filter(|it| it.person == actor("carol")).count(), 1);
}

#[test]
fn an_order_keeps_so_many_hands_of_a_kind_and_those_can_go_on() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&order("ada", &[("A-1", 1)]));
    corrected(&mut bench, id).expect("corrected");
    let mut full = bench.order(id).clone();
    let others = full_hands_of(HandKind::Changed).into_iter().skip(1);
    full.hands.extend(others.map(|it| Hand { since: 1, ..it }));
    let changed = |order: &Order| order.hands.iter().filter(|it| it.kind == HandKind::Changed).count();
    assert_eq!(changed(&full), HANDS_MAX);
    bench.snapshot.orders.insert(id, full.into());

    let late = corrected(bench.by("late"), id);
    let Err(Refusal::Unmet { reason: Reason::LimitReached, message, .. }) = late else {
        panic!("{late:?}");
    };
    assert_eq!(
        message,
        "changes of the order by 50 persons are kept, which is the limit: one of these persons has to do this"
    );
    corrected_to(bench.by("alice"), id, "knock twice").expect("she has changed it before");
    bench.by("late");
    bench.on(id, |order, unit| order.record_payment(unit, &cash(None)).map(|_| ())).expect("no change");
    assert_eq!(changed(bench.order(id)), HANDS_MAX);
    assert_eq!(bench.order(id).violations(), []);
}

#[test]
fn who_did_the_same_again_is_kept_once() {
    let mut bench = a_bench();
    let id = bench.by("alice").placed(&order("ada", &[("A-1", 1)]));
    for name in ["bob", "BOB", "bob.", "bob"] {
        corrected(bench.by(name), id).expect("corrected");
    }
    let kept: Vec<_> = bench.order(id).hands.iter().map(|it| (it.kind, it.person.as_str())).collect();
    assert_eq!(kept, [(HandKind::Made, "alice"), (HandKind::Changed, "bob")]);
}

#[test]
fn erased_hands_name_nobody_and_the_law_holds() {
    let mut bench = a_bench();
    let id = bench.by("ada@example.com").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let mut order = bench.order(id).clone();
    let before = order.violations();
    order.erase_data(Books::Erased);
    assert_eq!(order.hands[0].person, nobody());
    assert_eq!(order.violations(), before);
}
