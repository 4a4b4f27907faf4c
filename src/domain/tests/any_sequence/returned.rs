//! Goods that come back in any sequence.

use crate::domain::model::exchange::Instead;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::ResolvedUnits;
use crate::domain::model::returns::{
    Return, ReturnDisposition, ReturnLine, ReturnReason, ReturnResolution, ReturnState,
};
use crate::domain::model::scalars::{OrderId, ReturnId};
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::receive::{ArrivedUnits, InspectedUnits};
use crate::domain::tests::any_sequence::PLACES;
use crate::domain::tests::any_sequence::lots::lot_back;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, order};

fn index(amount: i64, count: usize) -> usize {
    usize::try_from(amount).expect("not below zero") % count
}

fn open_return(bench: &Bench, id: OrderId) -> Option<Return> {
    bench.order(id).returns.iter().find(|it| it.is_open()).cloned()
}

/// Asks for a return, or takes one a step on.
pub(super) fn come_back(bench: &mut Bench, id: OrderId, amount: i64) -> Result<(), Refusal> {
    match open_return(bench, id).filter(|_| amount % 6 != 0) {
        Some(it) => step(bench, id, &it, amount),
        None => ask(bench, id, amount).map(drop),
    }
}

fn ask(bench: &mut Bench, id: OrderId, amount: i64) -> Result<ReturnId, Refusal> {
    let line = i32::try_from(1 + index(amount, bench.order(id).lines.len())).expect("a few");
    let units = ReturnedUnits {
        line,
        quantity: 1 + amount / 7 % 2,
        reason: ReturnReason::ALL[index(amount, ReturnReason::ALL.len())],
        note: String::new(),
    };
    bench.on(id, |order, unit| order.create_return(unit, &[units], "asked nicely"))
}

fn decide(bench: &mut Bench, id: OrderId, it: &Return, decision: ReturnDecision) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.decide_return(unit, it.id, &decision))
}

fn on_its_way() -> ReturnDecision {
    ReturnDecision::Transit { courier: "SNAIL".to_owned(), tracking_number: "R1".to_owned() }
}

fn why() -> String {
    "no".to_owned()
}

/// Of each line some units, of those that `left` says.
fn some(it: &Return, left: fn(&ReturnLine) -> i64, most: i64) -> Vec<(i32, i64)> {
    let units = it.lines.iter().map(|line| (line.line, left(line).min(most)));
    units.filter(|it| it.1 > 0).collect()
}

fn receive(bench: &mut Bench, id: OrderId, it: &Return, most: i64, place: usize) -> Result<(), Refusal> {
    let units = some(it, ReturnLine::expected, most).into_iter();
    let lines: Vec<_> = units.map(|(line, quantity)| ArrivedUnits { line, quantity }).collect();
    let at = it.location.clone().unwrap_or_else(|| location_code(PLACES[place]));
    bench.on(id, |order, unit| order.receive_return(unit, it.id, &at, &lines))
}

fn inspect(
    bench: &mut Bench,
    id: OrderId,
    it: &Return,
    most: i64,
    disposition: ReturnDisposition,
) -> Result<(), Refusal> {
    let left = match disposition {
        ReturnDisposition::Missing => ReturnLine::expected,
        ReturnDisposition::Restock
        | ReturnDisposition::Quarantine
        | ReturnDisposition::Scrap
        | ReturnDisposition::BackToCustomer => ReturnLine::uninspected,
    };
    let units = some(it, left, most).into_iter();
    let inspected = |(line, quantity)| {
        let lot = lot_back(bench, id, line, disposition);
        InspectedUnits { line, disposition, quantity, lot }
    };
    let inspections: Vec<_> = units.map(inspected).collect();
    bench.on(id, |order, unit| order.inspect_return(unit, it.id, &inspections))
}

fn resolve(
    bench: &mut Bench,
    id: OrderId,
    it: &Return,
    most: i64,
    resolution: ReturnResolution,
) -> Result<(), Refusal> {
    let units = some(it, ReturnLine::unresolved, most).into_iter();
    let resolutions: Vec<_> = units
        .map(|(line, quantity)| ResolvedUnits { line, resolution, quantity, instead: Instead::default() })
        .collect();
    bench.on(id, |order, unit| order.resolve_return(unit, it.id, &resolutions, "came back"))
}

fn step(bench: &mut Bench, id: OrderId, it: &Return, amount: i64) -> Result<(), Refusal> {
    let most = if amount % 3 == 0 { 1 } else { 9 };
    let place = index(amount, PLACES.len());
    let disposition = ReturnDisposition::ALL[index(amount, ReturnDisposition::ALL.len())];
    match (it.state, amount % 5) {
        (ReturnState::Requested, 1) => decide(bench, id, it, ReturnDecision::Decline(why())),
        (ReturnState::Requested | ReturnState::Authorized, 2) => {
            decide(bench, id, it, ReturnDecision::Cancel(why()))
        }
        (ReturnState::Requested, _) => decide(bench, id, it, ReturnDecision::Authorize),
        (ReturnState::Authorized | ReturnState::InTransit, 3) => decide(bench, id, it, on_its_way()),
        (ReturnState::Authorized, _) => receive(bench, id, it, most, place),
        (ReturnState::InTransit | ReturnState::PartiallyReceived, 0 | 1) => {
            receive(bench, id, it, most, place)
        }
        (ReturnState::InTransit, _) => inspect(bench, id, it, most, ReturnDisposition::Missing),
        (ReturnState::PartiallyReceived | ReturnState::Received, _) => {
            inspect(bench, id, it, most, disposition)
        }
        (ReturnState::Inspected, _) => {
            let resolution = ReturnResolution::ALL[index(amount, ReturnResolution::ALL.len())];
            resolve(bench, id, it, most, resolution)
        }
        (ReturnState::Resolved, _) => decide(bench, id, it, ReturnDecision::Close),
        (ReturnState::Closed | ReturnState::Declined | ReturnState::Cancelled, _) => Ok(()),
    }
}

/// Patient people end every return.
pub(super) fn end_returns(bench: &mut Bench, id: OrderId) {
    while let Some(it) = open_return(bench, id) {
        let done = match it.state {
            ReturnState::Requested => decide(bench, id, &it, ReturnDecision::Decline(why())),
            ReturnState::Authorized => decide(bench, id, &it, ReturnDecision::Cancel(why())),
            ReturnState::InTransit | ReturnState::PartiallyReceived => {
                inspect(bench, id, &it, i64::MAX, ReturnDisposition::Missing).and_then(|()| {
                    let it = bench.order(id).return_of(it.id).expect("it is there").clone();
                    match it.state {
                        ReturnState::Received => inspect(bench, id, &it, i64::MAX, ReturnDisposition::Scrap),
                        _ => Ok(()),
                    }
                })
            }
            ReturnState::Received => inspect(bench, id, &it, i64::MAX, ReturnDisposition::Restock),
            ReturnState::Inspected => resolve(bench, id, &it, i64::MAX, ReturnResolution::Refund),
            ReturnState::Resolved => decide(bench, id, &it, ReturnDecision::Close),
            ReturnState::Closed | ReturnState::Declined | ReturnState::Cancelled => Ok(()),
        };
        done.unwrap_or_else(|why| panic!("{it:?}: {why:?}"));
    }
}

/// What is expected of its returns does not arrive.
fn wait_in_vain(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    bench.pass(bench.rules.returns.arrival_seconds);
    bench.run_due(id);
    Ok(())
}

/// Every step of the table of returns.
pub(super) fn every_way_back(bench: &mut Bench) {
    use ReturnDisposition::{Missing, Restock};
    type Way = &'static [fn(&mut Bench, OrderId, &Return) -> Result<(), Refusal>];
    const ONE: i64 = 1;
    const ALL: i64 = 9;
    let ways: [Way; 11] = [
        &[|b, id, it| decide(b, id, it, ReturnDecision::Decline(why()))],
        &[|b, id, it| decide(b, id, it, ReturnDecision::Cancel(why()))],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| decide(b, id, it, ReturnDecision::Cancel(why())),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| receive(b, id, it, ALL, 0),
            |b, id, it| inspect(b, id, it, ALL, Restock),
            |b, id, it| resolve(b, id, it, ALL, ReturnResolution::Refund),
            |b, id, it| decide(b, id, it, ReturnDecision::Close),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| receive(b, id, it, ONE, 0),
            |b, id, it| receive(b, id, it, ALL, 0),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| decide(b, id, it, on_its_way()),
            |b, id, it| receive(b, id, it, ONE, 0),
            |b, id, it| inspect(b, id, it, ONE, Restock),
            |b, id, it| inspect(b, id, it, ONE, Missing),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| decide(b, id, it, on_its_way()),
            |b, id, it| receive(b, id, it, ALL, 0),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| decide(b, id, it, on_its_way()),
            |b, id, it| inspect(b, id, it, ALL, Missing),
        ],
        &[|b, id, it| decide(b, id, it, ReturnDecision::Authorize), |b, id, _| wait_in_vain(b, id)],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| decide(b, id, it, on_its_way()),
            |b, id, _| wait_in_vain(b, id),
        ],
        &[
            |b, id, it| decide(b, id, it, ReturnDecision::Authorize),
            |b, id, it| receive(b, id, it, ONE, 0),
            |b, id, _| wait_in_vain(b, id),
        ],
    ];
    bench.rules.returns.arrival_seconds = 60;
    for (number, way) in ways.into_iter().enumerate() {
        bench.stock("A-1", "NYC", 2);
        let id = bench.paid(&order(&format!("way-back-{number}"), &[("A-1", 2)]));
        bench.ship(id, 0);
        bench.deliver(id, 0);
        let back = ask(bench, id, 7).expect("both arrived");
        for act in way {
            let it = bench.order(id).return_of(back).expect("it is there").clone();
            act(bench, id, &it).expect("its turn");
        }
        end_returns(bench, id);
        assert!(!Order::has_open_return(bench.order(id)));
    }
}
