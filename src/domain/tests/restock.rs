//! What is bought again: when it is proposed, decided, ordered and received.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::inventory::adjust::{AdjustReason, adjust_stock};
use crate::domain::inventory::receive::receive_stock;
use crate::domain::inventory::replenish::{
    ReorderRule, UpdateReplenishment, decide_replenishment, place_replenishment, set_reorder_rule,
};
use crate::domain::model::event::EventKind;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{Ids, OrderId, ReplenishmentId};
use crate::domain::model::time::Timestamp;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, others, refused_fields, state_of};
use crate::domain::tests::given::{location_code, order, reason, rule, sku, waiting};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// A person's word on a replenishment.
pub(super) fn decide_on(
    bench: &mut Bench,
    id: ReplenishmentId,
    to: ReplenishmentState,
    quantity: Option<i64>,
) -> Result<(), Refusal> {
    bench.decide(|unit| match to {
        ReplenishmentState::Ordered => place_replenishment(unit, id, "", None, ""),
        to => decide_replenishment(unit, id, to, quantity, ""),
    })
}

/// Units of A-1 in New York with this rule.
fn ruled(units: i64, point: i64, up_to: i64) -> Bench {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", units)]);
    set_rule(&mut bench, "NYC", rule(point, Some(up_to)));
    bench
}

fn set_rule(bench: &mut Bench, location: &str, rule: Option<ReorderRule>) {
    let at = location_code(location);
    bench.decide(|unit| set_reorder_rule(unit, &sku("A-1"), &at, rule, "")).expect("a rule");
}

fn adjust(bench: &mut Bench, delta: i64, why: AdjustReason) {
    let at = location_code("NYC");
    bench.decide(|unit| adjust_stock(unit, &sku("A-1"), &at, delta, why, "", "")).expect("adjusted");
}

fn receive(bench: &mut Bench, units: i64, of: Option<ReplenishmentId>) -> Vec<ReplenishmentId> {
    let at = location_code("NYC");
    bench.decide(|unit| receive_stock(unit, &sku("A-1"), &at, units, "", of)).expect("goods arrive")
}

/// All of them, the oldest first.
fn all(bench: &Bench) -> Vec<Replenishment> {
    let mut all: Vec<_> = bench.snapshot.replenishments.values().map(|it| it.as_ref().clone()).collect();
    all.sort_by_key(|it| it.id);
    all
}

fn only(bench: &Bench) -> Replenishment {
    let mut all = all(bench);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// A replenishment of that many units, on order.
fn ordered(bench: &mut Bench, quantity: i64) -> ReplenishmentId {
    let proposed = all(bench).into_iter().find(|it| it.state == ReplenishmentState::Proposed);
    let id = proposed.expect("a proposal").id;
    decide_on(bench, id, ReplenishmentState::Approved, Some(quantity)).expect("approved");
    decide_on(bench, id, ReplenishmentState::Ordered, None).expect("ordered");
    // The next one is younger.
    bench.pass(1);
    id
}

fn told(bench: &Bench, id: OrderId, kind: EventKind) -> Vec<String> {
    bench.history(id).iter().filter(|it| it.kind == kind).map(|it| it.text.clone()).collect()
}

#[test]
fn the_order_that_takes_a_shelf_below_its_point_has_it_proposed_and_the_next_one_raises_that() {
    let mut bench = ruled(10, 9, 20);
    assert!(bench.snapshot.replenishments.is_empty());

    let ada = bench.placed(&order("ada", &[("A-1", 2)]));
    let proposal = only(&bench);
    assert_eq!((proposal.quantity, proposal.order, proposal.version), (12, Some(ada), 1));
    assert_eq!(proposal.reason, "8 available, reorder point 9, up to 20");
    let text = format!("{}: 12 of A-1 for NYC proposed: {}", proposal.id, proposal.reason);
    assert_eq!(told(&bench, ada, EventKind::ReplenishmentProposed), [text]);

    // What is proposed counts, so it takes another eleven units until more is wanted.
    let bob = bench.placed(&order("bob", &[("A-1", 8)]));
    assert_eq!(only(&bench), proposal);
    bench.stock("A-1", "NYC", 4);
    let eve = bench.placed(&order("eve", &[("A-1", 4)]));
    assert_eq!(only(&bench), proposal);
    adjust(&mut bench, 4, AdjustReason::SafetyStock);
    let raised = only(&bench);
    assert_eq!((raised.quantity, raised.order, raised.version), (24, Some(ada), 2));
    assert_eq!(
        raised.reason,
        "0 available, 4 of the safety stock missing, 12 to come, reorder point 9, up to 20"
    );
    for id in [bob, eve] {
        assert!(told(&bench, id, EventKind::ReplenishmentProposed).is_empty());
    }
}

#[test]
fn whatever_takes_stock_has_it_proposed() {
    for why in [AdjustReason::Count, AdjustReason::Lost] {
        let mut bench = ruled(10, 9, 9);
        adjust(&mut bench, -3, why);
        assert_eq!((only(&bench).quantity, only(&bench).order), (2, None), "{why}");
    }
    for why in [AdjustReason::Damage, AdjustReason::QualityHold, AdjustReason::SafetyStock] {
        let mut bench = ruled(10, 9, 9);
        adjust(&mut bench, 3, why);
        assert_eq!(only(&bench).quantity, 2, "{why}");
    }
    let mut bench = ruled(10, 9, 9);
    let reserve = crate::domain::inventory::reserve_for_others::reserve_stock;
    bench.decide(|unit| reserve(unit, &others(&[("A-1", 3)], 60))).expect("set aside");
    assert_eq!(only(&bench).quantity, 2);
    // A person decides whether it is wanted when the units come back.
    bench.pass(61);
    bench.decide(crate::domain::inventory::expire::release_expired).expect("over");
    assert_eq!((bench.level("A-1", "NYC").available(bench.now), only(&bench).quantity), (10, 2));

    let mut bench = ruled(10, 9, 9);
    set_rule(&mut bench, "NYC", None);
    adjust(&mut bench, -10, AdjustReason::Lost);
    assert!(all(&bench).is_empty(), "no rule, no proposal");
    set_rule(&mut bench, "NYC", rule(1, None));
    assert_eq!(only(&bench).quantity, 1);
    let at = location_code("NYC");
    let wrong = bench.decide(|unit| set_reorder_rule(unit, &sku("A-1"), &at, rule(8, Some(7)), ""));
    assert_eq!(refused_fields(wrong), ["rule.order_up_to"]);
}

#[test]
fn a_handover_says_how_its_shelves_stand() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10), ("B-2", "NYC", 1)]);
    set_rule(&mut bench, "NYC", rule(9, Some(20)));
    let id = bench.paid(&order("ada", &[("A-1", 2), ("B-2", 1)]));
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::Pending);
    bench.ship(id, 0);

    let proposal = only(&bench);
    let expected = format!(
        "2 shelves looked after: A-1 at NYC has 8 available, 12 to come, reorder point 9 ({} PROPOSED); \
         B-2 at NYC has 0 available, no reorder rule",
        proposal.id
    );
    assert_eq!(told(&bench, id, EventKind::RestockChecked), [expected.as_str()]);
    let line = bench.timeline(id).remove(19);
    assert_eq!((line.step, line.state), (Step::PrepareNextOrder, StepState::Done));
    assert_eq!(line.evidence.len(), 2);
    assert!(line.evidence[0].starts_with(&proposal.id.to_string()) && line.evidence[1] == expected);
}

#[test]
fn step_20_is_done_with_the_last_handover_and_skipped_without_any() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    bench.ship(id, 0);
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::InProgress);
    bench.ship(id, 1);
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::Done);

    let id = bench.placed(&order("bob", &[("A-1", 1)]));
    bench.on(id, |order, unit| order.cancel(unit, "changed my mind")).expect("not shipped");
    bench.send_messages(id);
    bench.on(id, |order, unit| order.archive(unit)).expect("over");
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::Skipped);
}

#[test]
fn what_was_declined_is_not_proposed_again_for_a_day_unless_the_shelf_was_full_meanwhile() {
    for to in [ReplenishmentState::Rejected, ReplenishmentState::Cancelled] {
        let mut bench = ruled(8, 9, 20);
        let id = only(&bench).id;
        decide_on(&mut bench, id, to, None).expect("declined");
        bench.placed(&order("ada", &[("A-1", 1)]));
        bench.pass(86_399);
        adjust(&mut bench, -1, AdjustReason::Lost);
        assert_eq!(all(&bench).len(), 1, "{to}: the next unit sold is no reason to ask again");
        bench.pass(1);
        adjust(&mut bench, -1, AdjustReason::Lost);
        assert_eq!(all(&bench)[1].quantity, 15, "{to}");

        let id = all(&bench)[1].id;
        decide_on(&mut bench, id, to, None).expect("declined again");
        bench.pass(1);
        receive(&mut bench, 4, None);
        adjust(&mut bench, -1, AdjustReason::Lost);
        assert_eq!(all(&bench).len(), 3, "{to}: it was full");
        let id = all(&bench)[2].id;
        decide_on(&mut bench, id, to, None).expect("and again");
        bench.pass(1);
        set_rule(&mut bench, "NYC", rule(10, Some(20)));
        assert_eq!(all(&bench).len(), 4, "{to}: a new rule asks again");
    }
}

#[test]
fn fewer_units_approved_are_a_word_too_and_more_may_be_under_way_at_once() {
    let mut bench = ruled(8, 9, 20);
    let id = only(&bench).id;
    decide_on(&mut bench, id, ReplenishmentState::Approved, Some(0)).expect("in the domain");
    bench.placed(&order("ada", &[("A-1", 1)]));
    assert_eq!(all(&bench).len(), 1, "the rest is not proposed at once");

    let mut bench = ruled(8, 9, 20);
    let first = ordered(&mut bench, 12);
    bench.stock("B-2", "NYC", 1);
    adjust(&mut bench, 12, AdjustReason::SafetyStock);
    let second = ordered(&mut bench, 12);
    adjust(&mut bench, 12, AdjustReason::SafetyStock);
    assert_eq!(all(&bench).len(), 3);
    assert_eq!(bench.level("A-1", "NYC").incoming, 24);
    let open: Vec<_> = bench.snapshot.open_replenishments.values().flatten().copied().collect();
    assert_eq!(open.len(), 3);
    assert!(open.contains(&first) && open.contains(&second));
}

#[test]
fn so_many_are_under_way_at_most() {
    let mut bench = ruled(1, 2, 2);
    for _ in 0..100 {
        ordered(&mut bench, 1);
        adjust(&mut bench, 1, AdjustReason::SafetyStock);
    }
    let last = all(&bench).pop().expect("a proposal");
    let refused = decide_on(&mut bench, last.id, ReplenishmentState::Approved, None);
    assert_eq!(reason(refused), Reason::LimitReached);
    receive(&mut bench, 1, None);
    decide_on(&mut bench, last.id, ReplenishmentState::Approved, None).expect("room for one");
}

#[test]
fn goods_count_towards_what_is_named_or_the_oldest_on_order() {
    let mut bench = ruled(8, 9, 20);
    let first = ordered(&mut bench, 12);
    adjust(&mut bench, 12, AdjustReason::SafetyStock);
    let second = ordered(&mut bench, 12);
    let of = |bench: &Bench, id: ReplenishmentId| {
        let it = &bench.snapshot.replenishments[&id];
        (it.state, it.received, it.outstanding())
    };

    assert_eq!(receive(&mut bench, 5, Some(second)), [second]);
    assert_eq!(of(&bench, second), (ReplenishmentState::PartiallyReceived, 5, 7));
    assert_eq!(bench.level("A-1", "NYC").incoming, 19);
    // One delivery for both, and three units too many, which are nobody's.
    assert_eq!(receive(&mut bench, 22, None), [first, second]);
    assert_eq!(of(&bench, first), (ReplenishmentState::Received, 12, 0));
    assert_eq!(of(&bench, second), (ReplenishmentState::Received, 12, 0));
    assert_eq!((bench.level("A-1", "NYC").incoming, bench.level("A-1", "NYC").on_hand), (0, 35));
    assert!(receive(&mut bench, 1, None).is_empty());

    // A named one takes what is too much; of one that comes short, the rest is called off.
    adjust(&mut bench, 20, AdjustReason::SafetyStock);
    let third = ordered(&mut bench, 10);
    receive(&mut bench, 13, Some(third));
    assert_eq!(of(&bench, third), (ReplenishmentState::Received, 13, 0));
    adjust(&mut bench, 20, AdjustReason::SafetyStock);
    let fourth = ordered(&mut bench, 20);
    receive(&mut bench, 3, Some(fourth));
    decide_on(&mut bench, fourth, ReplenishmentState::Cancelled, None).expect("the rest never comes");
    assert_eq!(of(&bench, fourth), (ReplenishmentState::Cancelled, 3, 0));
    assert_eq!(bench.level("A-1", "NYC").incoming, 0);
    let at = location_code("NYC");
    let refused = bench.decide(|unit| receive_stock(unit, &sku("A-1"), &at, 1, "", Some(fourth)));
    assert_eq!(refused.map_err(|it| reason::<()>(Err(it))), Err(Reason::IllegalTransition));
}

#[test]
fn what_waiting_orders_want_is_bought_at_one_location_of_their_region() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 2), ("A-1", "BER", 2)]);
    for location in ["LAX", "NYC", "BER"] {
        set_rule(&mut bench, location, rule(1, Some(5)));
    }
    let id = bench.placed(&waiting(order("ada", &[("A-1", 10)])));
    let proposal = only(&bench);
    assert_eq!((proposal.location.as_str(), proposal.quantity), ("NYC", 13));
    assert_eq!(proposal.reason, "2 available, 10 wanted by waiting orders, reorder point 1, up to 5");
    assert_eq!(proposal.order, Some(id));

    // With the goods the order is filled, and nothing changes hands twice.
    decide_on(&mut bench, proposal.id, ReplenishmentState::Approved, None).expect("approved");
    decide_on(&mut bench, proposal.id, ReplenishmentState::Ordered, None).expect("ordered");
    receive(&mut bench, 13, None);
    assert!(bench.fill(id));
    assert_eq!(all(&bench).len(), 1);
}

#[test]
fn goods_are_expected_after_the_lead_time_or_when_the_supplier_says() {
    let mut bench = ruled(8, 9, 20);
    let undated = ordered(&mut bench, 12);
    let with_lead_time = ReorderRule { point: 9, up_to: Some(20), lead_time_days: Some(14) };
    set_rule(&mut bench, "NYC", Some(with_lead_time));
    adjust(&mut bench, 12, AdjustReason::SafetyStock);
    let later = bench.now.plus(std::time::Duration::from_secs(14 * 86_400));
    let dated = ordered(&mut bench, 12);
    adjust(&mut bench, 12, AdjustReason::SafetyStock);
    let named = all(&bench).pop().expect("a proposal").id;
    let soon = bench.now.plus(std::time::Duration::from_secs(3_600));
    decide_on(&mut bench, named, ReplenishmentState::Approved, None).expect("approved");
    bench.decide(|unit| place_replenishment(unit, named, "ACME", Some(soon), "")).expect("ordered");

    let due = |bench: &Bench, id| bench.snapshot.replenishments[&id].expected_at;
    assert_eq!([undated, dated, named].map(|it| due(&bench, it)), [None, Some(later), Some(soon)]);
    assert_eq!(bench.snapshot.replenishments[&named].supplier, "ACME");
    assert_eq!(incoming(&bench), [(Some(soon), 12), (Some(later), 12), (None, 12)]);

    let update = |id, supplier: Option<&str>, expected_at| UpdateReplenishment {
        replenishment: id,
        supplier: supplier.map(str::to_owned),
        expected_at,
        etag: String::new(),
    };
    bench.decide(|unit| update(named, None, Some(None)).decide(unit)).expect("a delay");
    bench.decide(|unit| update(undated, Some("Globex"), Some(Some(soon))).decide(unit)).expect("news");
    assert_eq!([undated, named].map(|it| due(&bench, it)), [Some(soon), None]);
    assert_eq!(bench.snapshot.replenishments[&named].supplier, "ACME");
    assert_eq!(bench.snapshot.replenishments[&undated].supplier, "Globex");
    decide_on(&mut bench, undated, ReplenishmentState::Cancelled, None).expect("called off");
    let refused = bench.decide(|unit| update(undated, None, None).decide(unit));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

fn incoming(bench: &Bench) -> Vec<(Option<Timestamp>, i64)> {
    let ids = Ids::seeded(bench.now, 0);
    let unit = UnitOfWork::new(&bench.snapshot, &bench.rules, bench.now, bench.actor.clone(), ids);
    unit.incoming(&sku("A-1"), &location_code("NYC"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench looks after every decision: no shelf below its point without a proposal or enough on order, unless a
    /// person has declined; what levels say is on order; nothing received that did not arrive.
    #[test]
    fn no_shelf_stays_low_unless_a_person_wants_it_so(acts in vec((0..9_u8, 0..2_usize, 1..6_i64), 1..60)) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 6), ("A-1", "LAX", 3)]);
        let mut orders = Vec::new();
        for (what, place, units) in acts {
            let location = ["NYC", "LAX"][place];
            let at = location_code(location);
            let nth = usize::try_from(units).expect("a small number");
            let chosen = all(&bench).into_iter().rev().nth(nth - 1);
            match what {
                0 => set_rule(&mut bench, location, rule(units * 2, Some(units * 3))),
                1 => orders.push(bench.placed(&waiting(order("ada", &[("A-1", units)])))),
                2 => bench.stock("A-1", location, units),
                3 => {
                    let why = AdjustReason::ALL[nth];
                    let _ = bench.decide(|unit| adjust_stock(unit, &sku("A-1"), &at, 1 - units, why, "", ""));
                }
                4 => {
                    let id = orders.get(nth).copied();
                    id.map(|id| bench.on(id, |order, unit| order.cancel(unit, "no")));
                }
                5 => bench.pass(30_000),
                6 => orders.iter().for_each(|id| bench.run_due(*id)),
                7 => {
                    let to = ReplenishmentState::ALL[nth];
                    let fewer = (units == 1).then_some(1);
                    chosen.map(|it| decide_on(&mut bench, it.id, to, fewer));
                }
                _ => {
                    let to = [ReplenishmentState::Approved, ReplenishmentState::Ordered];
                    chosen.map(|it| to.map(|to| decide_on(&mut bench, it.id, to, None)));
                }
            }
        }
    }
}
