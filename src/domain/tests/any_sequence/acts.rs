//! What can happen to an order, and its chance.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::approvals::decide::Decision;
use crate::domain::billing::pay::{NewPayment, ReceivedMoney};
use crate::domain::inventory::adjust::AdjustReason;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{PaymentState, ProviderRequest};
use crate::domain::model::refund::HandedBack;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::{ShipmentItem, ShipmentState};
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::model::{message::Unsent, method::Method};
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::verify::Waive;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::any_sequence::answers::{answer, answer_refund, cancel_lines, refund_lines};
use crate::domain::tests::any_sequence::changes::change;
use crate::domain::tests::any_sequence::codes::with_code;
use crate::domain::tests::any_sequence::disturbances::{DISTURBANCES, Disturbance};
use crate::domain::tests::any_sequence::placed::{Style, currency_of, new_order, sold_by};
use crate::domain::tests::any_sequence::reactions::react;
use crate::domain::tests::any_sequence::returned::come_back;
use crate::domain::tests::any_sequence::{lots, shelves};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{
    self, actor, by_card, cash, declined, done, in_house, one_package, open_request, pending, proof, report,
    unknown,
};
use crate::domain::tests::lots::steps::{NAMES, checks_by_lots};

const PEOPLE: [&str; 3] = ["shop", "clerk", "boss"];

/// One command. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Place {
        name: usize,
        lines: Vec<(usize, i64)>,
        style: Style,
    },
    /// The next acts of people on an order.
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
        location: usize,
        units: i64,
    },
    Adjust {
        sku: usize,
        location: usize,
        delta: i64,
        why: AdjustReason,
    },
    Count {
        sku: usize,
        location: usize,
        counted: i64,
    },
    /// Units in quality hold are good, or scrapped.
    Inspect {
        sku: usize,
        location: usize,
        units: i64,
        good: bool,
    },
    Transfer {
        sku: usize,
        from: usize,
        to: usize,
        units: i64,
    },
    Arrive {
        which: usize,
        received: i64,
        lost: i64,
    },
    TurnBack {
        which: usize,
    },
    Reorder {
        sku: usize,
        location: usize,
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
    /// A cart is confirmed, kept longer or turned into an order.
    CheckOut {
        which: usize,
        name: usize,
        lines: Vec<(usize, i64)>,
        style: Style,
    },
    KeepCart {
        which: usize,
        seconds: u64,
    },
    /// A pick is of this lot, whatever the pick list says.
    TakeLot {
        order: usize,
        lot: usize,
    },
    /// The worker looks at the shelves on which a lot is sold no more.
    BookDays,
    Pass {
        seconds: u64,
    },
    Be {
        who: usize,
    },
}

pub(super) fn some_act() -> impl Strategy<Value = Act> {
    let style =
        (any::<[bool; 2]>(), prop::bool::weighted(0.2), 0_u8..9, prop::option::weighted(0.3, 1_u64..2_000))
            .prop_map(|([waits, in_parts], abroad, price, seconds)| Style {
                waits,
                in_parts,
                abroad,
                price,
                seconds,
            });
    let checking_out = (0_usize..4, 0_usize..5, vec((0_usize..5, 1_i64..5), 1..4), style.clone())
        .prop_map(|(which, name, lines, style)| Act::CheckOut { which, name, lines, style });
    let placing = (0_usize..5, vec((0_usize..5, 1_i64..5), 1..4), style)
        .prop_map(|(name, lines, style)| Act::Place { name, lines, style });
    let proceeding =
        (0_usize..8, vec(any::<u8>(), 1..7)).prop_map(|(order, choices)| Act::Proceed { order, choices });
    let disturbing = (0_usize..8, select(DISTURBANCES), 0_i64..4_000)
        .prop_map(|(order, what, amount)| Act::Disturb { order, what, amount });
    let tracking = (0_usize..8, 0_usize..2, select(TrackingStatus::ALL), 0_u64..3_000).prop_map(
        |(order, shipment, status, minutes_ago)| Act::Track { order, shipment, status, minutes_ago },
    );
    let stocking = (0_usize..3, 0_usize..3, 1_i64..6).prop_map(|(sku, location, units)| Act::Stock {
        sku,
        location,
        units,
    });
    let adjusting = (0_usize..3, 0_usize..3, select(&[-3, -2, -1, 1, 2, 3][..]), select(AdjustReason::ALL))
        .prop_map(|(sku, location, delta, why)| Act::Adjust { sku, location, delta, why });
    let counting = (0_usize..3, 0_usize..3, 0_i64..8).prop_map(|(sku, location, counted)| Act::Count {
        sku,
        location,
        counted,
    });
    let inspecting = (0_usize..3, 0_usize..3, 1_i64..4, any::<bool>())
        .prop_map(|(sku, location, units, good)| Act::Inspect { sku, location, units, good });
    let transferring = (0_usize..3, 0_usize..3, 0_usize..3, 1_i64..5)
        .prop_map(|(sku, from, to, units)| Act::Transfer { sku, from, to, units });
    let arriving = (0_usize..4, 0_i64..4, 0_i64..2).prop_map(|(which, received, lost)| Act::Arrive {
        which,
        received,
        lost,
    });
    let reordering = (0_usize..3, 0_usize..3, 0_i64..8).prop_map(|(sku, location, point)| Act::Reorder {
        sku,
        location,
        point,
    });
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
        1 => counting,
        2 => transferring,
        1 => inspecting,
        2 => arriving,
        1 => (0_usize..4).prop_map(|which| Act::TurnBack { which }),
        1 => reordering,
        1 => replenishing,
        3 => setting_aside,
        3 => checking_out,
        1 => (0_usize..4, 0_u64..900).prop_map(|(which, seconds)| Act::KeepCart { which, seconds }),
        1 => (0_usize..4).prop_map(|which| Act::GiveBack { which }),
        2 => (1_u64..4_000).prop_map(|seconds| Act::Pass { seconds }),
        1 => (0_usize..3).prop_map(|who| Act::Be { who }),
    ]
}

/// One command in a shop of which some products track lots. The clock goes on a little more than elsewhere, so that days
/// pass while orders are open.
pub(super) fn some_act_by_lots() -> impl Strategy<Value = Act> {
    let taking = (0_usize..8, 0..NAMES.len()).prop_map(|(order, lot)| Act::TakeLot { order, lot });
    prop_oneof![
        28 => some_act(),
        1 => taking,
        1 => (1_800_u64..7_200).prop_map(|seconds| Act::Pass { seconds }),
        1 => Just(Act::BookDays),
    ]
}

pub(super) fn all(bench: &Bench) -> Vec<OrderId> {
    let mut orders: Vec<_> = bench.snapshot.orders.values().map(|it| (it.number, it.id)).collect();
    orders.sort();
    orders.into_iter().map(|it| it.1).collect()
}

pub(super) fn order_of(bench: &Bench, act: &Act) -> Option<OrderId> {
    let all = all(bench);
    match act {
        Act::Proceed { order, .. }
        | Act::Disturb { order, .. }
        | Act::Track { order, .. }
        | Act::TakeLot { order, .. } => all.get(order % all.len().max(1)).copied(),
        Act::Place { .. } | Act::CheckOut { .. } => all.last().copied(),
        Act::Stock { .. }
        | Act::Adjust { .. }
        | Act::Count { .. }
        | Act::Transfer { .. }
        | Act::Inspect { .. }
        | Act::Arrive { .. }
        | Act::TurnBack { .. }
        | Act::Reorder { .. }
        | Act::Replenish { .. }
        | Act::SetAside { .. }
        | Act::GiveBack { .. }
        | Act::KeepCart { .. }
        | Act::BookDays
        | Act::Pass { .. }
        | Act::Be { .. } => None,
    }
}

/// Refusals are fine; that they leave no trace is in the types: a unit of work only borrows the snapshot.
pub(super) fn apply(bench: &mut Bench, act: &Act) {
    let about = order_of(bench, act);
    match act {
        Act::Place { name, lines, style } => {
            let new = sold_by(bench, new_order(*name, lines, *style));
            let new = with_code(bench, style.price, new);
            let _ = bench.create_order(&new);
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
                let _ = bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[report]));
            }
        }
        Act::Stock { sku: code, location: at, units } => shelves::stock(bench, *code, *at, *units),
        Act::Adjust { sku, location, delta, why } => shelves::adjust(bench, *sku, *location, *delta, *why),
        Act::Count { sku, location, counted } => shelves::count(bench, *sku, *location, *counted),
        Act::Inspect { sku, location, units, good } => {
            shelves::inspect(bench, [*sku, *location], *units, *good);
        }
        Act::Transfer { sku, from, to, units } => shelves::transfer(bench, *sku, [*from, *to], *units),
        Act::Arrive { which, received, lost } => shelves::arrive(bench, *which, *received, *lost),
        Act::TurnBack { which } => shelves::turn_back(bench, *which),
        Act::Reorder { sku, location, point } => shelves::reorder(bench, *sku, *location, *point),
        Act::Replenish { which, to } => shelves::replenish(bench, *which, *to),
        Act::CheckOut { which, name, lines, style } => {
            let new = sold_by(bench, new_order(*name, lines, *style));
            shelves::check_out(bench, *which, &new);
        }
        Act::KeepCart { which, seconds } => shelves::keep_cart(bench, *which, *seconds),
        Act::SetAside { sku, units, seconds } => shelves::set_aside(bench, *sku, *units, *seconds),
        Act::GiveBack { which } => shelves::give_back(bench, *which),
        Act::TakeLot { lot, .. } => {
            if let Some(id) = about {
                lots::take_lot(bench, id, *lot);
            }
        }
        Act::BookDays => lots::book_days(bench),
        Act::Pass { seconds } => bench.pass(*seconds),
        Act::Be { who } => bench.actor = actor(PEOPLE[*who]),
    }
}

/// Does what comes next, mostly well. Only the world can be in its way: a hold, a deadline, an empty shelf.
pub(super) fn proceed(bench: &mut Bench, id: OrderId, choice: u8) {
    use Disturbance::*;
    let order = bench.order(id);
    let on_road = order.shipments.iter().position(|it| it.state.courier_may_report());
    if let Some(number) = on_road.filter(|_| choice % 4 == 1) {
        let status = TrackingStatus::ALL[usize::from(choice / 4) % TrackingStatus::ALL.len()];
        bench.pass(u64::from(choice));
        bench.report(id, number, status);
        return;
    }
    let badly = choice.is_multiple_of(16);
    let serves = order.open_services().any(|it| !order.awaits_its_change(it));
    let what = match order.state {
        _ if order.awaits_approval_of_a_change() && order.on_hold() => Release,
        _ if order.awaits_approval_of_a_change() => Approve,
        OrderState::Received => Verify,
        OrderState::Verified => Release,
        OrderState::AwaitingStock => Fill,
        OrderState::Reserved | OrderState::PaymentCaptured if order.on_hold() => Release,
        OrderState::Reserved | OrderState::PaymentCaptured if badly => Reject,
        OrderState::Reserved | OrderState::PaymentCaptured => Approve,
        OrderState::Invoiced if open_request(order).is_some() && badly => Declined,
        OrderState::Invoiced if open_request(order).is_some() && choice % 16 == 1 => Unknown,
        OrderState::Invoiced if open_request(order).is_some() => Done,
        OrderState::Invoiced if order.on_hold() => Release,
        OrderState::Invoiced if order.payments.iter().any(|it| it.state == PaymentState::Authorized) => {
            Capture
        }
        OrderState::Invoiced if choice.is_multiple_of(2) => Charge,
        OrderState::Invoiced if choice.is_multiple_of(3) => Authorize,
        OrderState::Invoiced => Cash,
        OrderState::PaymentApproved if order.waits_for_rest() && !order.on_hold() => Fill,
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
            None if order.waits_for_rest() && choice % 4 != 3 => Fill,
            None if serves && order.on_hold() => Release,
            None if serves && choice % 4 != 2 => CompleteService,
            None => Deliver,
        },
        OrderState::Delivered if choice.is_multiple_of(2) => Send,
        OrderState::Delivered if serves && order.on_hold() => Release,
        OrderState::Delivered if serves => CompleteService,
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
    if matches!(what, Approve | Reject | Release) {
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
                Reason::LotExpired,
            ];
            assert!(expected.contains(&reason), "{what:?} of {}: {reason}", bench.state(id));
        }
        Err(other) => panic!("{what:?} of {}: {other:?}", bench.state(id)),
    }
}

/// One command, whatever the order's state. What it cannot even be about counts as done.
pub(super) fn disturb(bench: &mut Bench, id: OrderId, what: Disturbance, amount: i64) -> Result<(), Refusal> {
    let order = bench.order(id).clone();
    let part = (amount > 0).then(|| currency_of(bench).of(amount));
    let by_card = |request| NewPayment { amount: part, ..by_card(request, None) };
    let payment = |state: PaymentState| order.payments.iter().find(|it| it.state == state).map(|it| it.id);
    let shipment = in_house(&order).first().map(|it| it.0).and_then(|number| order.shipments.get(number));
    let now = bench.now;
    match what {
        Disturbance::Cancel => bench.on(id, |order, unit| order.cancel(unit, "changed her mind")),
        Disturbance::CancelLines => cancel_lines(bench, id, amount),
        Disturbance::Change => change(bench, id, amount),
        Disturbance::Hold => bench
            .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, "papers".to_owned()))
            .map(|_| ()),
        Disturbance::Release => match order.holds.iter().find(|it| it.state == HoldState::Active) {
            Some(hold) => bench.on(id, |order, unit| order.release_hold(unit, hold.id, "fine")),
            None => Ok(()),
        },
        Disturbance::Verify => bench.on(id, |order, unit| order.verify_again(unit, Waive::Duplicate)),
        Disturbance::Correct => {
            let customer = Some(given::order("ada", &[]).customer);
            let lines = (amount % 2 == 0).then(|| given::order("ada", &[("A-1", 1 + amount % 5)]).lines);
            let correction = Correction { customer, lines, ..Correction::default() };
            bench.on(id, |order, unit| order.correct(unit, &correction))
        }
        Disturbance::Approve | Disturbance::Reject => {
            let Some(approval) = pending(&order).map(|it| it.id) else { return Ok(()) };
            let decision = match what {
                Disturbance::Approve => Decision::Approve,
                _ => Decision::Reject,
            };
            bench.on(id, |order, unit| order.decide_approval(unit, approval, decision, ""))
        }
        Disturbance::Authorize => bench
            .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize)))
            .map(|_| ()),
        Disturbance::Charge => bench
            .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge)))
            .map(|_| ()),
        Disturbance::Cash => {
            let received = ReceivedMoney { amount: part, ..cash(None) };
            bench.on(id, |order, unit| order.record_payment(unit, &received)).map(|_| ())
        }
        Disturbance::Capture => match payment(PaymentState::Authorized) {
            Some(payment) => bench.on(id, |order, unit| order.begin_capture(unit, payment)),
            None => Ok(()),
        },
        Disturbance::Void => match payment(PaymentState::Authorized) {
            Some(payment) => bench.on(id, |order, unit| order.begin_void(unit, payment)),
            None => Ok(()),
        },
        Disturbance::Done => answer(bench, id, &done("ok")),
        Disturbance::Declined => answer(bench, id, &declined()),
        Disturbance::Unknown => answer(bench, id, &unknown()),
        Disturbance::Refund => match order.payments.first().map(|it| it.id) {
            Some(payment) => {
                bench.on(id, |order, unit| order.refund(unit, payment, part, "goodwill")).map(|_| ())
            }
            None => Ok(()),
        },
        Disturbance::ComeBack => come_back(bench, id, amount),
        Disturbance::RefundLines => refund_lines(bench, id, amount),
        Disturbance::RefundByHand => match order.payments.first().map(|it| it.id) {
            Some(payment) => {
                let handed = HandedBack { method: Method::Cash, reference: String::new() };
                bench
                    .on(id, |order, unit| order.refund_by_hand(unit, payment, part, "goodwill", &handed))
                    .map(|_| ())
            }
            None => Ok(()),
        },
        Disturbance::RefundDone => answer_refund(bench, id, &done("back")),
        Disturbance::RefundDeclined => answer_refund(bench, id, &declined()),
        Disturbance::StartPicking => match shipment {
            Some(shipment) => lots::start_picking(bench, id, shipment),
            None => Ok(()),
        },
        Disturbance::Pick => {
            let Some(shipment) = shipment else { return Ok(()) };
            let left = |it: &ShipmentItem| it.quantity - it.picked;
            let open = shipment.items.iter().filter(|it| left(it) > 0);
            let picks: Vec<LineUnits> = match amount % 2 {
                0 => open.map(|it| LineUnits { line: it.line, units: left(it) }).collect(),
                _ => open.take(1).map(|it| LineUnits { line: it.line, units: 1 }).collect(),
            };
            bench.on(id, |order, unit| order.record_pick(unit, shipment.id, &picks))
        }
        Disturbance::ShortPick => {
            let Some(shipment) = shipment else { return Ok(()) };
            let open = shipment.items.iter().find(|it| it.picked < it.quantity);
            let missing: Vec<LineUnits> =
                open.map(|it| LineUnits { line: it.line, units: 1 }).into_iter().collect();
            bench.on(id, |order, unit| order.record_short_pick(unit, shipment.id, &[], &missing))
        }
        Disturbance::Check | Disturbance::FailCheck => {
            let Some(shipment) = shipment else { return Ok(()) };
            let failed = if matches!(what, Disturbance::Check) { 0 } else { 1 + amount % 3 };
            let checks = checks_by_lots(shipment, failed);
            bench.on(id, |order, unit| order.record_quality_check(unit, shipment.id, &checks))
        }
        Disturbance::Pack => {
            let Some(shipment) = shipment else { return Ok(()) };
            let packages = one_package(shipment);
            bench.on(id, |order, unit| order.pack(unit, shipment.id, packages))
        }
        Disturbance::Label => match shipment {
            Some(shipment) => bench.on(id, |order, unit| order.create_label(unit, shipment.id)),
            None => Ok(()),
        },
        Disturbance::VoidLabel => match shipment {
            Some(shipment) => bench.on(id, |order, unit| order.void_label(unit, shipment.id)),
            None => Ok(()),
        },
        Disturbance::Assign => match shipment {
            Some(shipment) => bench.on(id, |order, unit| {
                order.assign_courier(unit, shipment.id, None, None, &Default::default())
            }),
            None => Ok(()),
        },
        Disturbance::PickUp => {
            let Some(shipment) = shipment else { return Ok(()) };
            let packages = 1 + i32::from(amount % 5 == 4);
            bench.on(id, |order, unit| order.confirm_pickup(unit, shipment.id, "driver 7", packages, None))
        }
        Disturbance::Deliver => {
            let on_road = order.shipments.iter().find(|it| it.state.courier_may_report());
            // The first may have been cancelled: what was not found at its location left from another one.
            let handed_over = order.shipments.iter().find(|it| it.state.is_handed_over());
            let shipment = on_road.or(handed_over).or(order.shipments.first());
            let Some(shipment) = shipment else { return Ok(()) };
            let proof = proof(now, &bench.actor);
            bench.on(id, |order, unit| order.confirm_delivery(unit, shipment.id, proof))
        }
        Disturbance::CompleteService => {
            let lines = i64::try_from(order.lines.len()).expect("a few");
            let number = match amount {
                0 => order.open_services().find(|it| !order.awaits_its_change(it)).map(|it| it.number),
                amount => i32::try_from(1 + amount % lines).ok(),
            };
            let Some(number) = number else { return Ok(()) };
            bench.on(id, |order, unit| order.complete_service(unit, number, "done", "report 7"))
        }
        Disturbance::Feedback => react(bench, id, amount),
        Disturbance::Send => {
            bench.send_messages(id);
            Ok(())
        }
        Disturbance::FailToSend => match order.messages.first().map(|it| it.id) {
            Some(message) => bench.on(id, |order, unit| {
                let refused = Unsent::Refused("no such mailbox".to_owned());
                order.answer_message(unit, message, Err(refused))
            }),
            None => Ok(()),
        },
        Disturbance::Close => bench.on(id, Order::close),
        Disturbance::Archive => bench.archive_or_restore(id),
        Disturbance::Tend => {
            bench.run_due(id);
            Ok(())
        }
        Disturbance::Fill => {
            bench.fill(id);
            Ok(())
        }
    }
}
