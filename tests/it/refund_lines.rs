//! Money is paid back by line over the wire: shares, papers, balance, and a crowd.

use consign::pb;
use futures_util::future::join_all;
use tonic::{Code, Status};

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, order, pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

fn units(lines: &[(i32, i64)]) -> Vec<pb::LineUnits> {
    lines.iter().map(|(line, quantity)| pb::LineUnits { line_number: *line, quantity: *quantity }).collect()
}

async fn refund(server: &Clients, payment: &str, lines: &[(i32, i64)]) -> Result<pb::Refund, Status> {
    let request = pb::RefundPaymentRequest {
        payment_id: payment.to_owned(),
        lines: units(lines),
        reason: "came back".to_owned(),
        ..Default::default()
    };
    let answer = server.billing.clone().refund_payment(by("clerk", request)).await?;
    Ok(answer.into_inner().refund.expect("a refund"))
}

async fn simulate(
    server: &Clients,
    payment: &str,
    lines: &[(i32, i64)],
) -> Result<pb::SimulateRefundResponse, Status> {
    let request = pb::SimulateRefundRequest {
        payment_id: payment.to_owned(),
        lines: units(lines),
        ..Default::default()
    };
    Ok(server.billing.clone().simulate_refund(request).await?.into_inner())
}

async fn balance(server: &Clients, id: &str) -> pb::OrderBalance {
    let request = pb::GetOrderBalanceRequest { order_id: id.to_owned() };
    let answer = server.billing.clone().get_order_balance(request).await.expect("a balance");
    answer.into_inner().balance.expect("a balance")
}

async fn credit_note(server: &Clients, id: &str) -> pb::CreditNote {
    let key = pb::get_credit_note_request::Key::CreditNoteId(id.to_owned());
    let request = pb::GetCreditNoteRequest { key: Some(key) };
    let answer = server.billing.clone().get_credit_note(request).await.expect("it is there");
    answer.into_inner().credit_note.expect("a credit note")
}

/// Six units at 10.00 with tax in it, and shipping for 4.99.
async fn paid(server: &Clients, buyer: &str) -> pb::Order {
    let mut six = draft(buyer, "SIX", 6);
    six.lines[0].unit_price = Some(eur(1_000));
    six.prices_include_tax = true;
    six.shipping_fee = Some(eur(499));
    let placed = create_order(server, six).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    order(server, &placed.id).await
}

on_both_engines!(
    delivered_units_are_paid_back_by_line_with_credit_notes_and_the_books_agree,
    async |server| {
        stocked(&server, "SIX", 50).await;
        create_courier(&server).await;
        let placed = paid(&server, "ann").await;
        let warehouse = Warehouse { server: &server };
        warehouse.deliver_all(&placed.id).await;
        let payment = &placed.payment_ids[0];

        let quote = simulate(&server, payment, &[(1, 2)]).await.expect("it can be paid back");
        assert_eq!((quote.amount.clone(), quote.value.clone()), (Some(eur(2_000)), Some(eur(2_000))));
        assert_eq!((quote.parts.len(), quote.refundable.clone()), (1, Some(eur(6_499))));
        assert_eq!(balance(&server, &placed.id).await.refunded, Some(eur(0)), "it was only asked");

        let first = refund(&server, payment, &[(1, 2)]).await.expect("paid back");
        assert_eq!((first.amount.clone(), first.lines_value.clone()), (Some(eur(2_000)), Some(eur(2_000))));
        assert_eq!(first.lines, units(&[(1, 2)]));
        let note = credit_note(&server, &first.credit_note_ids[0]).await;
        assert_eq!((note.number.as_str(), note.total.clone()), ("CRN-000001", Some(eur(2_000))));
        assert_eq!(note.lines, quote.lines);
        let after = order(&server, &placed.id).await;
        assert_eq!((after.lines[0].refunded, after.lines[0].cancelled), (2, 0));
        assert_eq!(after.totals.as_ref().and_then(|it| it.total.clone()), Some(eur(4_499)));

        let rest = refund(&server, payment, &[(1, 4)]).await.expect("the last takes the shipping along");
        assert_eq!(rest.amount, Some(eur(4_499)));
        let note = credit_note(&server, &rest.credit_note_ids[0]).await;
        assert_eq!((note.shipping.clone(), note.total.clone()), (Some(eur(499)), Some(eur(4_499))));
        warehouse.until_quiet(&placed.id).await;
        let balance = balance(&server, &placed.id).await;
        let told = (balance.invoiced, balance.credited, balance.captured, balance.refunded, balance.open);
        let all = Some(eur(6_499));
        assert_eq!(told, (all.clone(), all.clone(), all.clone(), all, Some(eur(0))));
        warehouse.close(&placed.id).await;
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(a_refund_by_line_is_refused_by_name, async |server| {
    stocked(&server, "SIX", 50).await;
    create_courier(&server).await;
    let placed = paid(&server, "bea").await;
    let payment = &placed.payment_ids[0];
    let refused = refund(&server, payment, &[(1, 9), (1, 1), (8, 1)]).await.expect_err("three faults");
    let bad = tonic_types::StatusExt::get_details_bad_request(&refused).expect("the fields");
    let fields: Vec<_> = bad.field_violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["lines[0].quantity", "lines[1].line_number", "lines[2].line_number"]);
    let simulated = simulate(&server, payment, &[(1, 9), (1, 1), (8, 1)]).await.expect_err("the same");
    assert_eq!(simulated.message(), refused.message());

    let some = pb::RefundPaymentRequest {
        payment_id: payment.clone(),
        amount: Some(eur(5_000)),
        reason: "goodwill".to_owned(),
        ..Default::default()
    };
    server.billing.clone().refund_payment(by("clerk", some)).await.expect("paid back");
    let refused = refund(&server, payment, &[(1, 6)]).await.expect_err("14.99 are left");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "REFUND_EXCEEDS_CAPTURE")
    );
    assert_eq!(order(&server, &placed.id).await.lines[0].refunded, 0);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(each_unit_is_paid_back_once_however_many_ask, crowd);

/// Twenty callers want four units each of an order of six, or an amount.
async fn crowd(server: TestServer) {
    stocked(&server, "SIX", 50).await;
    create_courier(&server).await;
    let placed = paid(&server, "cem").await;
    let payment = &placed.payment_ids[0];
    let answers = join_all((0..20).map(|_| refund(&server, payment, &[(1, 4)]))).await;
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 1, "{answers:?}");
    for refused in answers.iter().filter_map(|it| it.as_ref().err()) {
        assert_eq!((refused.code(), reason(refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    }
    assert_eq!(order(&server, &placed.id).await.lines[0].refunded, 4);
    assert_eq!(balance(&server, &placed.id).await.credited, Some(eur(4_000)));
    every_law_holds(&server).await;
    server.stop().await;
}
