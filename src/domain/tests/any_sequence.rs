//! Random commands in random order, by random people, with random times between them: the bench checks every law
//! after each one that is accepted, and in the end every order can be brought into the archive.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;

use super::bench::{
    Bench, actor, by_card, cash, checks_of, dear, declined, done, in_house, one_package, open_ask, order,
    pending, place, proof, report, sku, to_berlin, unknown, usd,
};
use crate::domain::{
    Action, AdjustReason, ApprovalState, Ask, Correction, Decision, Desk, FeedbackState, HandedBack,
    HoldReason, HoldState, Ids, InvoiceState, LineUnits, Machine, MessageState, Method, NewReservation,
    OnShortage, Order, OrderId, OrderState, Payment, PaymentState, ProviderAnswer, Reason, RefundState,
    Refusal, ReplenishmentState, ReservationState, ShipmentState, State, TrackingStatus, Unsent, Waive,
    adjust_stock, decide_replenishment, expire_reservation, receive_stock, release_reservation,
    reserve_stock, set_reorder_rule,
};

const SKUS: [&str; 3] = ["A-1", "B-2", "C-3"];
const PLACES: [&str; 3] = ["NYC", "LAX", "BER"];
const PEOPLE: [&str; 3] = ["shop", "clerk", "boss"];

/// One command. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Act {
    Place {
        name: usize,
        lines: Vec<(usize, i64)>,
        style: Style,
    },
    /// The next things that somebody would do about an order.
    Proceed {
        order: usize,
        choices: Vec<u8>,
    },
    /// Anything, whether it is its turn or not.
    Disturb {
        order: usize,
        what: Disturbance,
        amount: i64,
    },
    Track {
        order: usize,
        shipment: usize,
        status: TrackingStatus,
        minutes_ago: u64,
    },
    Stock {
        sku: usize,
        place: usize,
        units: i64,
    },
    Adjust {
        sku: usize,
        place: usize,
        delta: i64,
        why: AdjustReason,
    },
    Reorder {
        sku: usize,
        place: usize,
        point: i64,
    },
    Replenish {
        which: usize,
        to: ReplenishmentState,
    },
    SetAside {
        sku: usize,
        units: i64,
        seconds: u64,
    },
    GiveBack {
        which: usize,
    },
    Pass {
        seconds: u64,
    },
    Be {
        who: usize,
    },
}

#[derive(Debug, Clone, Copy)]
struct Style {
    waits: bool,
    abroad: bool,
    price: u8,
    seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Cancel,
    Hold,
    Release,
    Verify,
    Correct,
    Approve,
    Reject,
    Authorize,
    Charge,
    Cash,
    Capture,
    Void,
    Done,
    Declined,
    Unknown,
    Refund,
    RefundByHand,
    RefundDone,
    RefundDeclined,
    StartPicking,
    Pick,
    ShortPick,
    Check,
    FailCheck,
    Pack,
    Label,
    VoidLabel,
    Assign,
    PickUp,
    Deliver,
    Feedback,
    Send,
    FailToSend,
    Close,
    Archive,
    Tend,
    Fill,
}

const DISTURBANCES: &[Disturbance] = {
    use Disturbance::*;
    &[
        Cancel,
        Hold,
        Release,
        Verify,
        Correct,
        Approve,
        Reject,
        Authorize,
        Charge,
        Cash,
        Capture,
        Void,
        Done,
        Declined,
        Unknown,
        Refund,
        RefundByHand,
        RefundDone,
        RefundDeclined,
        StartPicking,
        Pick,
        ShortPick,
        Check,
        FailCheck,
        Pack,
        Label,
        VoidLabel,
        Assign,
        PickUp,
        Deliver,
        Feedback,
        Send,
        FailToSend,
        Close,
        Archive,
        Tend,
        Fill,
    ]
};

fn some_act() -> impl Strategy<Value = Act> {
    let style =
        (any::<bool>(), prop::bool::weighted(0.2), 0_u8..8, prop::option::weighted(0.3, 1_u64..2_000))
            .prop_map(|(waits, abroad, price, seconds)| Style { waits, abroad, price, seconds });
    let placing = (0_usize..5, vec((0_usize..3, 1_i64..5), 1..4), style)
        .prop_map(|(name, lines, style)| Act::Place { name, lines, style });
    let proceeding =
        (0_usize..8, vec(any::<u8>(), 1..7)).prop_map(|(order, choices)| Act::Proceed { order, choices });
    let disturbing = (0_usize..8, select(DISTURBANCES), 0_i64..4_000)
        .prop_map(|(order, what, amount)| Act::Disturb { order, what, amount });
    let tracking = (0_usize..8, 0_usize..2, select(TrackingStatus::ALL), 0_u64..3_000).prop_map(
        |(order, shipment, status, minutes_ago)| Act::Track { order, shipment, status, minutes_ago },
    );
    let stocking =
        (0_usize..3, 0_usize..3, 1_i64..6).prop_map(|(sku, place, units)| Act::Stock { sku, place, units });
    let adjusting = (0_usize..3, 0_usize..3, select(&[-3, -2, -1, 1, 2, 3][..]), select(AdjustReason::ALL))
        .prop_map(|(sku, place, delta, why)| Act::Adjust { sku, place, delta, why });
    let reordering =
        (0_usize..3, 0_usize..3, 0_i64..8).prop_map(|(sku, place, point)| Act::Reorder { sku, place, point });
    let replenishing =
        (0_usize..3, select(ReplenishmentState::ALL)).prop_map(|(which, to)| Act::Replenish { which, to });
    let setting_aside = (0_usize..3, 1_i64..5, 1_u64..600).prop_map(|(sku, units, seconds)| Act::SetAside {
        sku,
        units,
        seconds,
    });
    prop_oneof![
        4 => placing,
        16 => proceeding,
        8 => disturbing,
        5 => tracking,
        3 => stocking,
        1 => adjusting,
        1 => reordering,
        1 => replenishing,
        1 => setting_aside,
        1 => (0_usize..4).prop_map(|which| Act::GiveBack { which }),
        2 => (1_u64..4_000).prop_map(|seconds| Act::Pass { seconds }),
        1 => (0_usize..3).prop_map(|who| Act::Be { who }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_keeps_every_law(acts in vec(some_act(), 1..60)) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 6), ("A-1", "LAX", 3), ("B-2", "LAX", 4), ("C-3", "BER", 5)]);
        for act in &acts {
            apply(&mut bench, act);
            for id in all(&bench) {
                deadlines_are_kept(&bench, id);
            }
            for it in bench.world.reservations.values() {
                assert_eq!(it.due_at().is_some_and(|due| due <= bench.now), it.is_overdue(bench.now), "{it:?}");
            }
        }
        for id in all(&bench) {
            bring_home(&mut bench, id);
        }
    }
}

#[test]
fn the_actions_of_an_order_are_the_calls_that_are_not_refused() {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(acts in vec(some_act(), 1..60))| {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 6), ("A-1", "LAX", 3), ("B-2", "LAX", 4), ("C-3", "BER", 5)]);
        for act in &acts {
            apply(&mut bench, act);
            if let Some(id) = order_of(&bench, act) {
                actions_are_true(&bench, id);
            }
        }
    });
}

/// The steps of a table that nothing in `taken` is.
fn untaken<S: State>(all: &[S], taken: &BTreeSet<(Machine, String, String)>) -> Vec<String> {
    let first = S::FIRST.iter().map(|to| ("", to.as_str()));
    let steps = all.iter().flat_map(|from| from.next().iter().map(|to| (from.as_str(), to.as_str())));
    let missing = first
        .chain(steps)
        .filter(|(from, to)| !taken.contains(&(S::MACHINE, (*from).to_owned(), (*to).to_owned())));
    missing.map(|(from, to)| format!("{} from {from:?} to {to}", S::MACHINE)).collect()
}

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
        untaken(ReplenishmentState::ALL, &taken),
    ];
    assert_eq!(missing.concat(), Vec::<String>::new(), "no decision makes these");
}

/// How many random sequences are looked through for the steps of the tables.
const SEQUENCES: usize = 64;

/// What random commands seldom come to, step by step.
fn rare_steps() -> BTreeSet<(Machine, String, String)> {
    use Disturbance::{
        Approve, Assign, Authorize, Cancel, Capture, Cash, Charge, Check, Close, Correct, Declined, Deliver,
        Done, FailCheck, FailToSend, Feedback, Hold, Label, Pack, Pick, Refund, RefundDeclined, Reject,
        StartPicking, Tend, Verify, Void, VoidLabel,
    };
    use ReplenishmentState::{Approved, Cancelled, Ordered, PartiallyReceived, Received, Rejected};

    let mut bench = Bench::with_stock(&[("A-1", "NYC", 90), ("C-3", "LAX", 5)]);
    let run = |bench: &mut Bench, id: OrderId, what: &[Disturbance]| {
        for one in what {
            disturb(bench, id, *one, 0)
                .unwrap_or_else(|why| panic!("{one:?} of {}: {why:?}", bench.state(id)));
        }
    };

    // Called off at every step of the warehouse; and done anew.
    let work = [StartPicking, Pick, Check, Pack, Label, Assign];
    let ways = (0..=work.len()).map(|steps| work[..steps].to_vec());
    let anew = vec![StartPicking, Pick, Check, Pack, Pack, Label, VoidLabel, Label, Assign, VoidLabel];
    for (number, way) in ways.chain([vec![StartPicking, Pick, FailCheck], anew]).enumerate() {
        let id = bench.paid(&order(&format!("called-off-{number}"), &[("A-1", 1)]));
        run(&mut bench, id, &way);
        run(&mut bench, id, &[Cancel]);
    }

    // Money that is set aside in vain, and not given back by the provider.
    let id = bench.placed(&order("money", &[("A-1", 1)]));
    run(&mut bench, id, &[Authorize, Done, Void, Done, Authorize, Done, Capture, Declined]);
    run(&mut bench, id, &[Charge, Done, Cancel, RefundDeclined]);

    // Gates that stay shut.
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
    run(&mut bench, id, &[Refund, Close]);
    let id = bench.paid(&order("half", &[("A-1", 1), ("C-3", 1)]));
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.report(id, 0, TrackingStatus::Delivered);
    bench.report(id, 1, TrackingStatus::Returned);
    run(&mut bench, id, &[Refund, Close]);
    let id = bench.paid(&order("glad", &[("A-1", 1)]));
    bench.ship(id, 0);
    run(&mut bench, id, &[Deliver, Feedback]);

    // Verified under another hold, and cancelled there.
    let mut unknown = order("ada", &[("A-1", 1)]);
    unknown.customer.email = "nobody".to_owned();
    let id = bench.placed(&unknown);
    run(&mut bench, id, &[Hold]);
    disturb(&mut bench, id, Correct, 1).expect("nothing is reserved");
    run(&mut bench, id, &[Verify]);
    assert_eq!(bench.state(id), OrderState::Verified);
    run(&mut bench, id, &[Cancel]);

    // A customer whom nothing can be sent to, and a letter that never arrives.
    let mut mute = order("mute", &[("A-1", 1)]);
    mute.customer.email = String::new();
    bench.placed(&mute);
    let id = bench.placed(&order("bob", &[("A-1", 1)]));
    run(&mut bench, id, &[FailToSend]);

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

    // A proposal to buy, through all its ends.
    let (code, at) = (sku("B-2"), place("NYC"));
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
        bench.decide(|desk| set_reorder_rule(desk, &code, &at, Some(on_hand + 5), None, "")).expect("a rule");
        let id = *bench.world.open_replenishments.values().next().expect("a proposal");
        for to in way {
            let units = match to {
                PartiallyReceived => 1,
                Received => 5,
                _ => 0,
            };
            match units {
                0 => bench.decide(|desk| decide_replenishment(desk, id, *to, None, "")),
                _ => bench.decide(|desk| receive_stock(desk, &code, &at, units, "", Some(id))),
            }
            .expect("its turn");
            assert_eq!(bench.world.replenishments[&id].state, *to);
        }
    }
    bench.taken
}

fn all(bench: &Bench) -> Vec<OrderId> {
    let mut orders: Vec<_> = bench.world.orders.values().map(|it| (it.number, it.id)).collect();
    orders.sort();
    orders.into_iter().map(|it| it.1).collect()
}

fn order_of(bench: &Bench, act: &Act) -> Option<OrderId> {
    let all = all(bench);
    match act {
        Act::Proceed { order, .. } | Act::Disturb { order, .. } | Act::Track { order, .. } => {
            all.get(order % all.len().max(1)).copied()
        }
        Act::Place { .. } => all.last().copied(),
        Act::Stock { .. }
        | Act::Adjust { .. }
        | Act::Reorder { .. }
        | Act::Replenish { .. }
        | Act::SetAside { .. }
        | Act::GiveBack { .. }
        | Act::Pass { .. }
        | Act::Be { .. } => None,
    }
}

/// Refusals are fine; that they leave no trace is in the types: a desk only borrows the world.
fn apply(bench: &mut Bench, act: &Act) {
    let about = order_of(bench, act);
    match act {
        Act::Place { name, lines, style } => {
            let _ = bench.place(&new_order(*name, lines, *style));
        }
        Act::Proceed { choices, .. } => {
            if let Some(id) = about {
                choices.iter().for_each(|it| proceed(bench, id, *it));
            }
        }
        Act::Disturb { what, amount, .. } => {
            if let Some(id) = about {
                let _ = disturb(bench, id, *what, *amount);
            }
        }
        Act::Track { shipment, status, minutes_ago, .. } => {
            let found = about.and_then(|id| bench.order(id).shipments.get(*shipment).map(|it| (id, it.id)));
            if let Some((id, shipment)) = found {
                let at = bench.now.minus(std::time::Duration::from_secs(minutes_ago * 60));
                let report = report(*status, at);
                let _ = bench.on(id, |order, desk| order.record_tracking(desk, shipment, &[report]));
            }
        }
        Act::Stock { sku: code, place: at, units } => bench.stock(SKUS[*code], PLACES[*at], *units),
        Act::Adjust { sku: code, place: at, delta, why } => {
            let (code, at) = (sku(SKUS[*code]), place(PLACES[*at]));
            let _ = bench.decide(|desk| adjust_stock(desk, &code, &at, *delta, *why, "", ""));
        }
        Act::Reorder { sku: code, place: at, point } => {
            let (code, at) = (sku(SKUS[*code]), place(PLACES[*at]));
            let _ = bench.decide(|desk| set_reorder_rule(desk, &code, &at, Some(*point), None, ""));
        }
        Act::Replenish { which, to } => replenish(bench, *which, *to),
        Act::SetAside { sku: code, units, seconds } => {
            let new = NewReservation {
                region: "NORTH_AMERICA".parse().expect("a region code"),
                location: None,
                lines: vec![(sku(SKUS[*code]), *units)],
                lifetime: Some(std::time::Duration::from_secs(*seconds)),
                reference: String::new(),
            };
            let _ = bench.decide(|desk| reserve_stock(desk, &new));
        }
        Act::GiveBack { which } => {
            let mut ids: Vec<_> = bench.world.reservations.keys().copied().collect();
            ids.sort();
            if let Some(id) = ids.get(which % ids.len().max(1)).copied() {
                bench.decide(|desk| expire_reservation(desk, id)).ok();
                let _ = bench.decide(|desk| release_reservation(desk, id));
            }
        }
        Act::Pass { seconds } => bench.pass(*seconds),
        Act::Be { who } => bench.actor = actor(PEOPLE[*who]),
    }
}

fn new_order(name: usize, lines: &[(usize, i64)], style: Style) -> crate::domain::NewOrder {
    let lines: Vec<(&str, i64)> = lines.iter().map(|(code, units)| (SKUS[*code], *units)).collect();
    let mut new = order(["ada", "bob", "eve", "kim", "lee"][name], &lines);
    new.on_shortage = if style.waits { OnShortage::Wait } else { OnShortage::Refuse };
    new.reservation_lifetime_seconds = style.seconds;
    if style.abroad {
        new = to_berlin(new);
    }
    match style.price {
        0 => new = dear(new),
        1 => new.lines.iter_mut().for_each(|it| it.unit_price = Some(usd(0))),
        2 => new.discount = Some(crate::domain::Discount::Percent(333_333)),
        3 => new.customer.email = "nobody".to_owned(),
        _ => {}
    }
    new
}

fn replenish(bench: &mut Bench, which: usize, to: ReplenishmentState) {
    let mut all: Vec<_> = bench.world.replenishments.values().map(AsRef::as_ref).cloned().collect();
    all.sort_by_key(|it| it.id);
    let Some(chosen) = all.get(which % all.len().max(1)) else { return };
    let _ = match to {
        ReplenishmentState::Received | ReplenishmentState::PartiallyReceived => {
            bench.decide(|desk| receive_stock(desk, &chosen.sku, &chosen.location, 2, "", Some(chosen.id)))
        }
        ReplenishmentState::Proposed
        | ReplenishmentState::Approved
        | ReplenishmentState::Rejected
        | ReplenishmentState::Ordered
        | ReplenishmentState::Cancelled => {
            bench.decide(|desk| decide_replenishment(desk, chosen.id, to, None, ""))
        }
    };
}

/// Does what comes next, mostly well. Only the world can be in its way: a hold, a deadline, an empty shelf.
fn proceed(bench: &mut Bench, id: OrderId, choice: u8) {
    use Disturbance::*;
    let order = bench.order(id);
    let on_road = order.shipments.iter().position(|it| it.state.carrier_may_report());
    if let Some(number) = on_road.filter(|_| choice % 4 == 1) {
        let status = TrackingStatus::ALL[usize::from(choice / 4) % TrackingStatus::ALL.len()];
        bench.pass(u64::from(choice));
        bench.report(id, number, status);
        return;
    }
    let badly = choice.is_multiple_of(16);
    let what = match order.state {
        OrderState::Received => Verify,
        OrderState::Verified => Release,
        OrderState::AwaitingStock => Fill,
        OrderState::Reserved | OrderState::PaymentCaptured if order.on_hold() => Release,
        OrderState::Reserved | OrderState::PaymentCaptured if badly => Reject,
        OrderState::Reserved | OrderState::PaymentCaptured => Approve,
        OrderState::Invoiced if open_ask(order).is_some() && badly => Declined,
        OrderState::Invoiced if open_ask(order).is_some() && choice % 16 == 1 => Unknown,
        OrderState::Invoiced if open_ask(order).is_some() => Done,
        OrderState::Invoiced if order.on_hold() => Release,
        OrderState::Invoiced if order.payments.iter().any(|it| it.state == PaymentState::Authorized) => {
            Capture
        }
        OrderState::Invoiced if choice.is_multiple_of(2) => Charge,
        OrderState::Invoiced if choice.is_multiple_of(3) => Authorize,
        OrderState::Invoiced => Cash,
        OrderState::ReservationApproved | OrderState::PaymentApproved => Release,
        OrderState::Fulfilling
        | OrderState::PartiallyShipped
        | OrderState::Shipped
        | OrderState::PartiallyDelivered => match in_house(order).first() {
            Some(_) if order.on_hold() => Release,
            Some((_, _, ShipmentState::Planned | ShipmentState::QcFailed)) => StartPicking,
            Some((_, _, ShipmentState::Picking)) if badly => ShortPick,
            Some((_, _, ShipmentState::Picking)) => Pick,
            Some((_, _, ShipmentState::Picked)) if badly => FailCheck,
            Some((_, _, ShipmentState::Picked)) => Check,
            Some((_, _, ShipmentState::QcPassed)) => Pack,
            Some((_, _, ShipmentState::Packed)) => Label,
            Some((_, _, ShipmentState::Labelled)) => Assign,
            Some(_) => PickUp,
            None => Deliver,
        },
        OrderState::Delivered if choice.is_multiple_of(2) => Send,
        OrderState::Delivered => Close,
        OrderState::Closed | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
            match choice % 3 {
                0 => Send,
                1 => RefundDone,
                _ => Archive,
            }
        }
        OrderState::Archived => Tend,
    };
    let before = bench.actor.clone();
    if matches!(what, Approve | Reject) {
        bench.actor = actor("judge");
    }
    let outcome = disturb(bench, id, what, 0);
    bench.actor = before;
    match outcome {
        Ok(()) | Err(Refusal::Short(_)) => {}
        Err(Refusal::Unmet { reason, .. }) => {
            let expected = [
                Reason::HoldActive,
                Reason::ReservationExpired,
                Reason::ApprovalDecided,
                Reason::OrderNotClosable,
                Reason::NotArchivable,
            ];
            assert!(expected.contains(&reason), "{what:?} of {}: {reason}", bench.state(id));
        }
        Err(other) => panic!("{what:?} of {}: {other:?}", bench.state(id)),
    }
}

/// One command, whatever the order's state. What it cannot even be about counts as done.
fn disturb(bench: &mut Bench, id: OrderId, what: Disturbance, amount: i64) -> Result<(), Refusal> {
    let order = bench.order(id).clone();
    let part = (amount > 0).then_some(amount);
    let payment = |state: PaymentState| order.payments.iter().find(|it| it.state == state).map(|it| it.id);
    let shipment = in_house(&order).first().map(|it| it.0).and_then(|number| order.shipments.get(number));
    let now = bench.now;
    match what {
        Disturbance::Cancel => bench.on(id, |order, desk| order.cancel(desk, "changed her mind")),
        Disturbance::Hold => bench
            .on(id, |order, desk| order.place_hold(desk, HoldReason::Compliance, "papers".to_owned()))
            .map(|_| ()),
        Disturbance::Release => match order.holds.iter().find(|it| it.state == HoldState::Active) {
            Some(hold) => bench.on(id, |order, desk| order.release_hold(desk, hold.id, "fine")),
            None => Ok(()),
        },
        Disturbance::Verify => bench.on(id, |order, desk| order.verify_again(desk, Waive::Duplicate)),
        Disturbance::Correct => {
            let customer = Some(super::bench::order("ada", &[]).customer);
            let lines =
                (amount % 2 == 0).then(|| super::bench::order("ada", &[("A-1", 1 + amount % 5)]).lines);
            let correction = Correction { customer, lines, ..Correction::default() };
            bench.on(id, |order, desk| order.correct(desk, &correction))
        }
        Disturbance::Approve | Disturbance::Reject => {
            let Some(approval) = pending(&order).map(|it| it.id) else { return Ok(()) };
            let decision = match what {
                Disturbance::Approve => Decision::Approve,
                _ => Decision::Reject,
            };
            bench.on(id, |order, desk| order.decide_approval(desk, approval, decision, ""))
        }
        Disturbance::Authorize => {
            bench.on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Authorize, part))).map(|_| ())
        }
        Disturbance::Charge => {
            bench.on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Charge, part))).map(|_| ())
        }
        Disturbance::Cash => bench.on(id, |order, desk| order.record_payment(desk, &cash(part))).map(|_| ()),
        Disturbance::Capture => match payment(PaymentState::Authorized) {
            Some(payment) => bench.on(id, |order, desk| order.begin_capture(desk, payment)),
            None => Ok(()),
        },
        Disturbance::Void => match payment(PaymentState::Authorized) {
            Some(payment) => bench.on(id, |order, desk| order.begin_void(desk, payment)),
            None => Ok(()),
        },
        Disturbance::Done => answer(bench, id, &done("ok")),
        Disturbance::Declined => answer(bench, id, &declined()),
        Disturbance::Unknown => answer(bench, id, &unknown()),
        Disturbance::Refund => match order.payments.first().map(|it| it.id) {
            Some(payment) => {
                bench.on(id, |order, desk| order.refund(desk, payment, part.map(usd), "goodwill")).map(|_| ())
            }
            None => Ok(()),
        },
        Disturbance::RefundByHand => match order.payments.first().map(|it| it.id) {
            Some(payment) => {
                let handed = HandedBack { method: Method::Cash, reference: String::new() };
                let amount = part.map(usd);
                bench
                    .on(id, |order, desk| order.refund_by_hand(desk, payment, amount, "goodwill", &handed))
                    .map(|_| ())
            }
            None => Ok(()),
        },
        Disturbance::RefundDone => answer_refund(bench, id, &done("back")),
        Disturbance::RefundDeclined => answer_refund(bench, id, &declined()),
        Disturbance::StartPicking => match shipment {
            Some(shipment) => bench.on(id, |order, desk| order.start_picking(desk, shipment.id)),
            None => Ok(()),
        },
        Disturbance::Pick => {
            let Some(shipment) = shipment else { return Ok(()) };
            let left = |it: &crate::domain::ShipmentItem| it.quantity - it.picked;
            let open = shipment.items.iter().filter(|it| left(it) > 0);
            let picks: Vec<LineUnits> = match amount % 2 {
                0 => open.map(|it| LineUnits { line: it.line, units: left(it) }).collect(),
                _ => open.take(1).map(|it| LineUnits { line: it.line, units: 1 }).collect(),
            };
            bench.on(id, |order, desk| order.record_pick(desk, shipment.id, &picks))
        }
        Disturbance::ShortPick => {
            let Some(shipment) = shipment else { return Ok(()) };
            let open = shipment.items.iter().find(|it| it.picked < it.quantity);
            let missing: Vec<LineUnits> =
                open.map(|it| LineUnits { line: it.line, units: 1 }).into_iter().collect();
            bench.on(id, |order, desk| order.record_short_pick(desk, shipment.id, &[], &missing))
        }
        Disturbance::Check | Disturbance::FailCheck => {
            let Some(shipment) = shipment else { return Ok(()) };
            let failed = if matches!(what, Disturbance::Check) { 0 } else { 1 + amount % 3 };
            let checks = checks_of(shipment, failed);
            bench.on(id, |order, desk| order.record_quality_check(desk, shipment.id, &checks))
        }
        Disturbance::Pack => {
            let Some(shipment) = shipment else { return Ok(()) };
            let packages = one_package(shipment);
            bench.on(id, |order, desk| order.pack(desk, shipment.id, packages))
        }
        Disturbance::Label => match shipment {
            Some(shipment) => bench.on(id, |order, desk| order.create_label(desk, shipment.id)),
            None => Ok(()),
        },
        Disturbance::VoidLabel => match shipment {
            Some(shipment) => bench.on(id, |order, desk| order.void_label(desk, shipment.id)),
            None => Ok(()),
        },
        Disturbance::Assign => match shipment {
            Some(shipment) => bench.on(id, |order, desk| order.assign_courier(desk, shipment.id, None, None)),
            None => Ok(()),
        },
        Disturbance::PickUp => {
            let Some(shipment) = shipment else { return Ok(()) };
            let packages = 1 + i32::from(amount % 5 == 4);
            bench.on(id, |order, desk| order.confirm_pickup(desk, shipment.id, "driver 7", packages, None))
        }
        Disturbance::Deliver => {
            let on_road = order.shipments.iter().find(|it| it.state.carrier_may_report());
            let Some(shipment) = on_road.or(order.shipments.first()) else { return Ok(()) };
            let proof = proof(now, &bench.actor);
            bench.on(id, |order, desk| order.confirm_delivery(desk, shipment.id, proof))
        }
        Disturbance::Feedback => bench.on(id, |order, desk| order.submit_feedback(desk, 4, 5, String::new())),
        Disturbance::Send => {
            bench.send_messages(id);
            Ok(())
        }
        Disturbance::FailToSend => match order.messages.first().map(|it| it.id) {
            Some(message) => bench.on(id, |order, desk| {
                let refused = Unsent::Refused("no such mailbox".to_owned());
                order.answer_message(desk, message, Err(refused))
            }),
            None => Ok(()),
        },
        Disturbance::Close => bench.on(id, super::super::order::Order::close),
        Disturbance::Archive => bench.on(id, super::super::order::Order::archive),
        Disturbance::Tend => {
            bench.tend(id);
            Ok(())
        }
        Disturbance::Fill => {
            bench.fill(id);
            Ok(())
        }
    }
}

fn answer(bench: &mut Bench, id: OrderId, answer: &ProviderAnswer) -> Result<(), Refusal> {
    let Some((payment, ask)) = open_ask(bench.order(id)) else { return Ok(()) };
    let changed = bench.answer(id, payment, ask, answer);
    assert!(changed, "an answer that was waited for changes something");
    let again = bench.answer(id, payment, Ask::Authorize, answer);
    assert!(!again || ask == Ask::Authorize, "an answer to what was not asked changes nothing");
    Ok(())
}

fn answer_refund(bench: &mut Bench, id: OrderId, answer: &ProviderAnswer) -> Result<(), Refusal> {
    let mut refunds = bench.order(id).payments.iter().flat_map(|it| &it.refunds);
    let Some(refund) = refunds.find(|it| it.state == RefundState::Pending).map(|it| it.id) else {
        return Ok(());
    };
    bench.on(id, |order, desk| order.answer_refund(desk, refund, answer)).map(|_| ())
}

/// A worker that wakes at `due_at` finds something to do, and before that nothing: it neither sleeps over a
/// deadline nor spins.
fn deadlines_are_kept(bench: &Bench, id: OrderId) {
    let order = bench.order(id);
    let mut desk = a_desk(bench, "worker");
    let mut tended = order.clone();
    tended.tend(&mut desk).expect("tending never fails");
    let changed = tended != *order;
    let due = order.due_at(&bench.rules).is_some_and(|it| it <= bench.now);
    let errands = !order.errands(bench.now).is_empty();
    assert_eq!(
        due,
        changed || errands,
        "{} due {:?} at {}",
        order.state,
        order.due_at(&bench.rules),
        bench.now
    );
}

fn a_desk<'w>(bench: &'w Bench, name: &str) -> Desk<'w> {
    Desk::new(&bench.world, &bench.rules, bench.now, actor(name), Ids::seeded(bench.now, 7))
}

type Call<'a> = &'a dyn Fn(&mut Order, &mut Desk<'_>) -> Result<(), Refusal>;

/// Tries every call on a copy: what is listed is not refused for the order's state, what is not listed is.
fn actions_are_true(bench: &Bench, id: OrderId) {
    let order = bench.order(id);
    let listed = order.available_actions();
    let probe = |action: Action, call: Call<'_>| {
        let outcome = call(&mut order.clone(), &mut a_desk(bench, "judge"));
        // Neither stock nor a deadline is a matter of state.
        if matches!(
            &outcome,
            Err(Refusal::Unmet { reason: Reason::ReservationExpired | Reason::LimitReached, .. })
        ) {
            return;
        }
        let refused = !matches!(&outcome, Ok(()) | Err(Refusal::Short(_)));
        assert_eq!(
            listed.contains(&action),
            !refused,
            "{action} of a {} order: {outcome:?}\n{listed:?}",
            order.state
        );
    };
    let missing = || Err(Refusal::not_found("part", "none"));

    probe(Action::CancelOrder, &|order, desk| order.cancel(desk, ""));
    probe(Action::PlaceHold, &|order, desk| {
        order.place_hold(desk, HoldReason::Other, String::new()).map(|_| ())
    });
    let hold = order
        .holds
        .iter()
        .find(|it| it.state == HoldState::Active && it.reason != HoldReason::VerificationFailed)
        .map(|it| it.id);
    probe(Action::ReleaseHold, &|order, desk| {
        hold.map_or_else(missing, |it| order.release_hold(desk, it, ""))
    });
    probe(Action::VerifyOrder, &|order, desk| order.verify_again(desk, Waive::Nothing));
    probe(Action::UpdateOrder, &|order, desk| order.correct(desk, &Correction::default()));
    probe(Action::CloseOrder, &|order, desk| order.close(desk));
    probe(Action::ArchiveOrder, &|order, desk| order.archive(desk));
    probe(Action::SubmitFeedback, &|order, desk| order.submit_feedback(desk, 3, 3, String::new()));
    let late = pending(order).is_some_and(|it| it.expires_at.is_some_and(|end| end <= bench.now));
    let approval = pending(order).map(|it| it.id);
    if !late {
        for (action, decision) in
            [(Action::ApproveRequest, Decision::Approve), (Action::RejectRequest, Decision::Reject)]
        {
            probe(action, &|order, desk| {
                approval.map_or_else(missing, |it| order.decide_approval(desk, it, decision, ""))
            });
        }
    }
    let owing = |it: &&Payment| it.refundable_minor() > 0 || it.owed_by_hand().is_some();
    let refundable = order.payments.iter().find(owing).map(|it| it.id);
    probe(Action::RefundPayment, &|order, desk| {
        refundable.map_or_else(missing, |it| order.refund(desk, it, None, "").map(|_| ()))
    });
    probe(Action::RecordPayment, &|order, desk| order.record_payment(desk, &cash(None)).map(|_| ()));
    probe(Action::AuthorizePayment, &|order, desk| {
        order.begin_payment(desk, &by_card(Ask::Authorize, None)).map(|_| ())
    });
    let authorised = order.payments.iter().find(|it| it.state == PaymentState::Authorized).map(|it| it.id);
    probe(Action::VoidPayment, &|order, desk| {
        authorised.map_or_else(missing, |it| order.begin_void(desk, it))
    });
    probe(Action::CapturePayment, &|order, desk| match authorised {
        Some(payment) => order.begin_capture(desk, payment),
        None => order.begin_payment(desk, &by_card(Ask::Charge, None)).map(|_| ()),
    });

    for shipment in order.live_shipments().take(1) {
        if order.live_shipments().count() > 1 {
            continue;
        }
        let id = shipment.id;
        let packages = i32::try_from(shipment.packages.len()).unwrap_or(0);
        let units = |action: Action| {
            let left = shipment.items.iter().find(|it| it.picked < it.quantity);
            match (action, left) {
                (Action::RecordPick, Some(it)) => vec![LineUnits { line: it.line, units: 1 }],
                _ => Vec::new(),
            }
        };
        probe(Action::StartPicking, &|order, desk| order.start_picking(desk, id));
        probe(Action::RecordPick, &|order, desk| order.record_pick(desk, id, &units(Action::RecordPick)));
        probe(Action::RecordQualityCheck, &|order, desk| {
            order.record_quality_check(desk, id, &checks_of(shipment, 0))
        });
        probe(Action::PackShipment, &|order, desk| order.pack(desk, id, one_package(shipment)));
        probe(Action::CreateShippingLabel, &|order, desk| order.create_label(desk, id));
        probe(Action::VoidShippingLabel, &|order, desk| order.void_label(desk, id));
        probe(Action::AssignCourier, &|order, desk| order.assign_courier(desk, id, None, None));
        probe(Action::ConfirmPickup, &|order, desk| {
            order.confirm_pickup(desk, id, "driver 7", packages, None)
        });
        probe(Action::ConfirmDelivery, &|order, desk| {
            order.confirm_delivery(desk, id, proof(desk.now, &actor("courier")))
        });
        let tell = report(TrackingStatus::InTransit, bench.now);
        probe(Action::RecordTrackingEvents, &|order, desk| {
            order.record_tracking(desk, id, std::slice::from_ref(&tell)).map(|_| ())
        });
    }
}

/// Whatever happened to an order, patient people get it into the archive.
fn bring_home(bench: &mut Bench, id: OrderId) {
    for _ in 0..200 {
        if bench.state(id) == OrderState::Archived {
            return;
        }
        one_step_home(bench, id);
    }
    panic!("stuck: {} {:?}\n{:#?}", bench.state(id), bench.order(id).why_open(), bench.timeline(id));
}

fn one_step_home(bench: &mut Bench, id: OrderId) {
    bench.tend(id);
    bench.settle(id);
    bench.send_messages(id);
    bench.actor = actor("boss");
    let order = bench.order(id).clone();
    let owing: Vec<_> =
        order.payments.iter().filter(|it| it.refundable_minor() > 0).map(|it| it.id).collect();
    for code in SKUS {
        for at in PLACES {
            if bench.level(code, at).available() < 50 {
                bench.stock(code, at, 100);
            }
        }
    }
    for hold in order.holds.iter().filter(|it| it.state == HoldState::Active) {
        if hold.reason != HoldReason::VerificationFailed {
            bench
                .on(id, |order, desk| order.release_hold(desk, hold.id, ""))
                .expect("there is stock for everybody");
        }
    }

    match bench.state(id) {
        OrderState::Received => {
            let _ = bench.on(id, |order, desk| order.verify_again(desk, Waive::Duplicate));
            if bench.state(id) == OrderState::Received {
                bench
                    .on(id, |order, desk| order.cancel(desk, "cannot be verified"))
                    .expect("not handed over");
            }
        }
        OrderState::AwaitingStock => {
            assert!(bench.fill(id), "there is stock, and older orders had their turn");
        }
        OrderState::Shipped | OrderState::PartiallyDelivered | OrderState::Delivered
            if order.live_shipments().all(|it| it.state.is_over() || it.state == ShipmentState::Lost)
                && in_house(&order).is_empty() =>
        {
            for payment in owing.iter().filter(|_| !order.why_open().is_empty()) {
                let _ = bench.on(id, |order, desk| order.refund(desk, *payment, None, "never arrived"));
            }
            bench.settle(id);
            bench.on(id, super::super::order::Order::close).expect("nothing is open");
        }
        OrderState::Closed | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
            for payment in owing.iter().filter(|_| order.state != OrderState::Closed) {
                bench
                    .on(id, |order, desk| order.refund(desk, *payment, None, "again"))
                    .expect("not paid back");
            }
            bench.settle(id);
            bench.send_messages(id);
            bench.on(id, super::super::order::Order::archive).expect("nothing is open");
        }
        OrderState::Verified
        | OrderState::Reserved
        | OrderState::ReservationApproved
        | OrderState::Invoiced
        | OrderState::PaymentCaptured
        | OrderState::PaymentApproved
        | OrderState::Fulfilling
        | OrderState::PartiallyShipped
        | OrderState::Shipped
        | OrderState::PartiallyDelivered
        | OrderState::Delivered => proceed(bench, id, 7),
        OrderState::Archived => {}
    }
}
