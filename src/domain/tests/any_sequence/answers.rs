//! What a provider answers to what is open, and what is cancelled.

use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::payment::{ProviderAnswer, ProviderRequest};
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::OrderId;
use crate::domain::tests::any_sequence::placed::currency_of;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::open_request;

pub(super) fn answer(bench: &mut Bench, id: OrderId, answer: &ProviderAnswer) -> Result<(), Refusal> {
    let Some((payment, request)) = open_request(bench.order(id)) else { return Ok(()) };
    let changed = bench.answer(id, payment, request, answer);
    assert!(changed, "an answer that was waited for changes something");
    let again = bench.answer(id, payment, ProviderRequest::Authorize, answer);
    assert!(
        !again || request == ProviderRequest::Authorize,
        "an answer to what was not asked changes nothing"
    );
    Ok(())
}

pub(super) fn answer_refund(bench: &mut Bench, id: OrderId, answer: &ProviderAnswer) -> Result<(), Refusal> {
    let mut refunds = bench.order(id).payments.iter().flat_map(|it| &it.refunds);
    let Some(refund) = refunds.find(|it| it.state == RefundState::Pending).map(|it| it.id) else {
        return Ok(());
    };
    bench.on(id, |order, unit| order.answer_refund(unit, refund, answer)).map(|_| ())
}

/// Some units of one line, or of two.
pub(super) fn cancel_lines(bench: &mut Bench, id: OrderId, amount: i64) -> Result<(), Refusal> {
    let lines = i64::try_from(bench.order(id).lines.len()).expect("a few");
    let line = i32::try_from(1 + amount % lines).expect("a few");
    let mut units = vec![CancelledUnits { line, quantity: 1 + amount / 7 % 3 }];
    units.extend((amount % 5 == 0).then_some(CancelledUnits { line: 1 + line % 3, quantity: 1 }));
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "fewer will do"))
}

/// Some units of one line, all that they cost or a part of it.
pub(super) fn refund_lines(bench: &mut Bench, id: OrderId, amount: i64) -> Result<(), Refusal> {
    let Some(payment) = bench.order(id).payments.last().map(|it| it.id) else { return Ok(()) };
    let lines = i64::try_from(bench.order(id).lines.len()).expect("a few");
    let line = i32::try_from(1 + amount % lines).expect("a few");
    let units = [RefundedUnits { line, quantity: 1 + amount / 7 % 3 }];
    let part = (amount % 3 == 0).then(|| currency_of(bench).of(1 + amount));
    bench.on(id, |order, unit| order.refund_lines(unit, payment, &units, part, "came back", None)).map(|_| ())
}
