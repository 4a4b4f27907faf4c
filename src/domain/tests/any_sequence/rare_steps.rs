//! Every step of every table is taken by some sequence.

use proptest::prelude::*;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::domain::inventory::count::count_stock;
use crate::domain::inventory::receive::receive_stock;
use crate::domain::inventory::replenish::set_reorder_rule;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::Machine;
use crate::domain::model::feedback::{FeedbackState, FollowUpState};
use crate::domain::model::hold::HoldState;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::MessageState;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::order_change::{ChangeItem, OrderChangeState};
use crate::domain::model::payment::PaymentState;
use crate::domain::model::refund::RefundState;
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::returns::ReturnState;
use crate::domain::model::scalars::{OnShortage, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::model::transfer::TransferState;
use crate::domain::tests::any_sequence::actions::{bring_home, untaken};
use crate::domain::tests::any_sequence::acts::{all, apply, disturb, some_act};
use crate::domain::tests::any_sequence::disturbances::Disturbance;
use crate::domain::tests::any_sequence::returned::{end_returns, every_way_back};
use crate::domain::tests::any_sequence::shelves::{arrive, transfer as send, turn_back};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{dear, location_code, order, report, rule, sku};
use crate::domain::tests::restock::decide_on;

/// A table that lists more than decisions do would let the log lie.
#[test]
fn every_step_of_every_table_is_taken_by_some_sequence() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let mut taken = BTreeSet::new();
    for _ in 0..SEQUENCES {
        let acts = vec(some_act(), 1..60).new_tree(&mut runner).expect("commands").current();
        let mut bench =
            Bench::with_stock(&[("A-1", "NYC", 6), ("A-1", "LAX", 3), ("B-2", "LAX", 4), ("C-3", "BER", 5)]);
        for act in &acts {
            apply(&mut bench, act);
        }
        for id in all(&bench) {
            bring_home(&mut bench, id);
        }
        taken.append(&mut bench.taken);
    }
    taken.append(&mut rare_steps());

    let missing = [
        untaken(OrderState::ALL, &taken),
        untaken(HoldState::ALL, &taken),
        untaken(ApprovalState::ALL, &taken),
        untaken(ReservationState::ALL, &taken),
        untaken(InvoiceState::ALL, &taken),
        untaken(PaymentState::ALL, &taken),
        untaken(RefundState::ALL, &taken),
        untaken(ShipmentState::ALL, &taken),
        untaken(MessageState::ALL, &taken),
        untaken(FeedbackState::ALL, &taken),
        untaken(FollowUpState::ALL, &taken),
        untaken(ReplenishmentState::ALL, &taken),
        untaken(TransferState::ALL, &taken),
        untaken(OrderChangeState::ALL, &taken),
        untaken(ReturnState::ALL, &taken),
    ];
    assert_eq!(missing.concat(), Vec::<String>::new(), "no decision makes these");
}

/// How many random sequences are looked through for the steps of the tables.
const SEQUENCES: usize = 64;

/// What random commands seldom come to, step by step.
fn rare_steps() -> BTreeSet<(Machine, String, String)> {
    use Disturbance::{
        Approve, Archive, Assign, Authorize, Cancel, Capture, Cash, Charge, Check, Close, CompleteService,
        Correct, Declined, Deliver, Done, FailCheck, FailToSend, Feedback, Hold, Label, Pack, Pick, Refund,
        RefundDeclined, Reject, StartPicking, Tend, Verify, Void, VoidLabel,
    };
    use ReplenishmentState::{Approved, Cancelled, Ordered, PartiallyReceived, Received, Rejected};

    let mut bench = Bench::with_stock(&[("A-1", "NYC", 90), ("C-3", "LAX", 5)]);
    let run = |bench: &mut Bench, id: OrderId, what: &[Disturbance]| {
        for one in what {
            disturb(bench, id, *one, 0)
                .unwrap_or_else(|why| panic!("{one:?} of {}: {why:?}", bench.state(id)));
        }
    };

    // Cancelled at every step of the warehouse; and done anew.
    let work = [StartPicking, Pick, Check, Pack, Label, Assign];
    let ways = (0..=work.len()).map(|steps| work[..steps].to_vec());
    let anew = vec![StartPicking, Pick, Check, Pack, Pack, Label, VoidLabel, Label, Assign, VoidLabel];
    for (number, way) in ways.chain([vec![StartPicking, Pick, FailCheck], anew]).enumerate() {
        let id = bench.paid(&order(&format!("called-off-{number}"), &[("A-1", 1)]));
        run(&mut bench, id, &way);
        run(&mut bench, id, &[Cancel]);
    }

    // Paid, and cancelled while all that is left of it waits for stock.
    let parts = order("in-parts", &[("A-1", 1), ("B-2", 1)]);
    let id = bench.placed(&NewOrder { on_shortage: OnShortage::ShipAvailable, ..parts });
    let first = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &first, "less")).expect("called off");
    run(&mut bench, id, &[Cash, Cancel]);

    // Money that is set aside in vain, and not given back by the provider.
    let id = bench.placed(&order("money", &[("A-1", 1)]));
    run(&mut bench, id, &[Authorize, Done, Void, Done, Authorize, Done, Capture, Declined]);
    run(&mut bench, id, &[Charge, Done, Cancel, RefundDeclined]);

    // Gates that stay shut.
    for end in [Reject, Cancel] {
        bench.by("shop");
        let id = bench.placed(&dear(order(&format!("first-{end:?}").to_lowercase(), &[("A-1", 1)])));
        bench.by("judge");
        run(&mut bench, id, &[end]);
    }
    for end in [Reject, Cancel, Tend] {
        bench.by("shop");
        let id = bench.placed(&dear(order(&format!("gate-{end:?}").to_lowercase(), &[("A-1", 1)])));
        bench.by("judge");
        run(&mut bench, id, &[Approve]);
        bench.by("cashier");
        run(&mut bench, id, &[Cash]);
        bench.pass(if matches!(end, Tend) { bench.rules.approval_lifetime_seconds } else { 1 });
        bench.by("judge");
        run(&mut bench, id, &[end]);
    }
    let mut brief = dear(order("brief", &[("A-1", 1)]));
    brief.reservation_lifetime_seconds = Some(1);
    let id = bench.placed(&brief);
    bench.pass(1);
    run(&mut bench, id, &[Tend]);

    // Goods that come back, all of them and a part; and an answer.
    let id = bench.paid(&order("back", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::Returned);
    run(&mut bench, id, &[Refund]);
    end_returns(&mut bench, id);
    run(&mut bench, id, &[Close]);
    // What was lost and is found again.
    let id = bench.paid(&order("found", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::Lost);
    bench.deliver(id, 0);
    let id = bench.paid(&order("half", &[("A-1", 1), ("C-3", 1)]));
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.report(id, 0, TrackingStatus::Delivered);
    bench.report(id, 1, TrackingStatus::Returned);
    run(&mut bench, id, &[Refund]);
    end_returns(&mut bench, id);
    run(&mut bench, id, &[Close]);
    // What seemed to be delivered, and had gone back: all of an order, and one part of two, in all their places.
    for (name, shipped, delivered) in [("whole", 1, 1), ("both", 2, 2), ("one", 2, 1), ("early", 1, 1)] {
        let lines: &[(&str, i64)] = if name == "whole" { &[("A-1", 1)] } else { &[("A-1", 1), ("C-3", 1)] };
        let id = bench.paid(&order(&format!("seemed-{name}"), lines));
        (0..shipped).for_each(|it| bench.ship(id, it));
        let turned_at = bench.now;
        bench.pass(60);
        (0..delivered).for_each(|it| {
            bench.report(id, it, TrackingStatus::Delivered);
        });
        let shipment = bench.shipment(id, 0).id;
        let late = report(TrackingStatus::Returning, turned_at);
        bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[late])).expect("taken");
        assert_eq!(bench.shipment(id, 0).state, ShipmentState::Returned);
        if name == "whole" {
            // And had arrived all the same, as a person knows.
            bench.deliver(id, 0);
        }
    }
    let id = bench.paid(&order("served", &[("FIT", 1), ("TUNE", 2)]));
    run(&mut bench, id, &[CompleteService, CompleteService, Close]);
    let id = bench.paid(&order("glad", &[("A-1", 1)]));
    bench.ship(id, 0);
    run(&mut bench, id, &[Deliver, Feedback]);
    // A bad answer that is followed up; and two who do not want to be asked, one of them after the time for it.
    let reactions: [(&str, &[Disturbance], &[i64]); 3] =
        [("sorry", &[], &[1 + 6 * 5, 4]), ("no", &[], &[2]), ("late-no", &[Close], &[2])];
    for (name, before, then) in reactions {
        let id = bench.paid(&order(name, &[("A-1", 1)]));
        bench.ship(id, 0);
        run(&mut bench, id, &[Deliver]);
        run(&mut bench, id, before);
        for amount in then {
            disturb(&mut bench, id, Feedback, *amount).expect("its turn");
        }
    }

    // Verified under another hold, and cancelled there.
    let mut unknown = order("ada", &[("A-1", 1)]);
    unknown.customer.email = "nobody".to_owned();
    let id = bench.placed(&unknown);
    run(&mut bench, id, &[Hold]);
    disturb(&mut bench, id, Correct, 1).expect("nothing is reserved");
    run(&mut bench, id, &[Verify]);
    assert_eq!(bench.state(id), OrderState::Verified);
    run(&mut bench, id, &[Cancel]);

    changes_that_come_to_nothing(&mut bench);

    // A card that is declined, and an order cancelled before it is paid; and one rejected, and put away.
    let id = bench.placed(&order("unpaid", &[("A-1", 1)]));
    run(&mut bench, id, &[Charge, Declined, Cancel]);
    bench.by("shop");
    let id = bench.placed(&dear(order("put-away", &[("A-1", 1)])));
    bench.by("judge");
    run(&mut bench, id, &[Reject]);
    bench.send_messages(id);
    run(&mut bench, id, &[Archive]);

    // A customer whom nothing can be sent to, and a letter that never arrives.
    let mut mute = order("mute", &[("A-1", 1)]);
    mute.customer.email = String::new();
    bench.placed(&mute);
    let id = bench.placed(&order("bob", &[("A-1", 1)]));
    run(&mut bench, id, &[FailToSend]);
    // It is sent again, and once more.
    let letter = bench.order(id).messages[0].id;
    for _ in 0..2 {
        bench.on(id, |order, unit| order.resend(unit, letter)).expect("it has failed, or was sent");
        bench.send_messages(id);
    }

    // Every scan of a journey, one after the other.
    let table =
        |from: ShipmentState| from.next().iter().filter(|it| it.is_handed_over()).map(move |to| (from, *to));
    let journeys = ShipmentState::ALL.iter().copied().filter(|it| it.is_handed_over()).flat_map(table);
    for (from, to) in journeys {
        let id = bench.paid(&order(&format!("{from}-{to}").to_lowercase().replace('_', "-"), &[("A-1", 1)]));
        bench.ship(id, 0);
        for state in [from, to].into_iter().filter(|it| *it != ShipmentState::PickedUp) {
            bench.pass(60);
            bench.report(id, 0, state.as_str().parse().expect("a scan of the same name"));
            assert_eq!(bench.shipment(id, 0).state, state);
        }
        bench.stock("A-1", "NYC", 1);
    }

    // Reserved units that a count does not find, and that nobody else has.
    bench.stock("B-2", "NYC", 1);
    let id = bench.placed(&dear(order("gone", &[("B-2", 1)])));
    bench.decide(|unit| count_stock(unit, &sku("B-2"), &location_code("NYC"), 0, "", "")).expect("a count");
    assert_eq!(bench.state(id), OrderState::AwaitingStock);
    run(&mut bench, id, &[Cancel]);

    // Goods that go to another location, and come back.
    for way in [&[2][..], &[1, 1], &[1, 0], &[0]] {
        bench.pass(1);
        bench.stock("B-2", "NYC", 2);
        send(&mut bench, 1, [0, 1], 2);
        let which = bench.snapshot.transfers.len() - 1;
        for units in way {
            match units {
                0 => turn_back(&mut bench, which),
                _ => arrive(&mut bench, which, *units, 0),
            }
        }
    }

    every_way_back(&mut bench);

    // A proposal to buy, through all its ends.
    let (code, at) = (sku("B-2"), location_code("NYC"));
    for way in [
        &[Rejected][..],
        &[Cancelled],
        &[Approved, Cancelled],
        &[Approved, Ordered, Cancelled],
        &[Approved, Ordered, Received],
        &[Approved, Ordered, PartiallyReceived, Received],
        &[Approved, Ordered, PartiallyReceived, Cancelled],
    ] {
        let on_hand = bench.level("B-2", "NYC").on_hand;
        bench.decide(|unit| set_reorder_rule(unit, &code, &at, rule(on_hand + 5, None), "")).expect("a rule");
        let id = *bench.snapshot.open_replenishments.values().flatten().next().expect("a proposal");
        for to in way {
            let units = match to {
                PartiallyReceived => 1,
                Received => 5,
                _ => 0,
            };
            match units {
                0 => decide_on(&mut bench, id, *to, None),
                _ => bench.decide(|unit| receive_stock(unit, &code, &at, units, "", Some(id))).map(drop),
            }
            .expect("its turn");
            assert_eq!(bench.snapshot.replenishments[&id].state, *to);
        }
    }
    bench.taken
}

/// A change that is given up, turned down, or lapses, before and after it was looked at.
fn changes_that_come_to_nothing(bench: &mut Bench) {
    let items = [ChangeItem::SetInstructions("ring twice".to_owned())];
    for (number, way) in ["cancel", "propose and cancel", "decline", "lapse", "propose and lapse", "confirm"]
        .into_iter()
        .enumerate()
    {
        let id = bench.placed(&order(&format!("second-thoughts-{number}"), &[("A-1", 1)]));
        let change = bench.on(id, |order, unit| order.create_change(unit, &items, "asked")).expect("drafted");
        if !matches!(way, "cancel" | "lapse") {
            bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed");
        }
        let ended = bench.on(id, |order, unit| match way {
            "decline" => order.decline_change(unit, change, "no"),
            "confirm" => order.confirm_change(unit, change),
            "lapse" | "propose and lapse" => order.cancel(unit, "changed her mind"),
            _ => order.cancel_change(unit, change),
        });
        ended.expect("its turn");
    }
}
