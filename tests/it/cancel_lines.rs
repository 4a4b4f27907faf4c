//! Parts of orders are cancelled over the wire: stock, parcels, money and papers follow.

use consign::pb;
use futures_util::future::join_all;
use tonic::{Code, Status};

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, level, open_location, order, pay_by_card,
    reason, receive, stocked,
};
use crate::warehouse::Warehouse;

fn units(lines: &[(i32, i64)]) -> Vec<pb::LineUnits> {
    lines.iter().map(|(line, quantity)| pb::LineUnits { line_number: *line, quantity: *quantity }).collect()
}

fn request(id: &str, lines: &[(i32, i64)], request_id: &str) -> pb::CancelOrderLinesRequest {
    pb::CancelOrderLinesRequest {
        order_id: id.to_owned(),
        lines: units(lines),
        reason: "too many".to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn cancel(server: &Clients, id: &str, lines: &[(i32, i64)]) -> Result<pb::Order, Status> {
    let answer = server.orders.clone().cancel_order_lines(by("clerk", request(id, lines, ""))).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn balance(server: &Clients, id: &str) -> pb::OrderBalance {
    let request = pb::GetOrderBalanceRequest { order_id: id.to_owned() };
    let answer = server.billing.clone().get_order_balance(request).await.expect("a balance");
    answer.into_inner().balance.expect("a balance")
}

async fn shipment(server: &Clients, id: &str) -> pb::Shipment {
    let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
    let answer = server.shipping.clone().get_shipment(request).await.expect("a shipment");
    answer.into_inner().shipment.expect("a shipment")
}

async fn credit_notes(server: &Clients, filter: String) -> Vec<pb::CreditNote> {
    let request = pb::ListCreditNotesRequest { filter, ..Default::default() };
    server.billing.clone().list_credit_notes(request).await.expect("a page").into_inner().credit_notes
}

async fn lose(server: &Clients, shipment: &str) {
    let lost = pb::TrackingReport {
        status: pb::TrackingStatus::Lost as i32,
        occurred_time: Some(crate::shop::in_seconds(0)),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: vec![lost],
        ..Default::default()
    };
    server.shipping.clone().record_tracking_events(by("courier", request)).await.expect("reported");
}

/// A product at another place, so that an order can have two shipments.
async fn two_places(server: &Clients) {
    stocked(server, "HERE", 50).await;
    open_location(server, "FR-LYON", "EUROPE", "FR").await;
    crate::shop::create_product(server, "THERE", 1_000).await;
    receive(server, "THERE", "FR-LYON", 50).await;
    create_courier(server).await;
}

fn of_both(buyer: &str, quantity: i64) -> pb::OrderDraft {
    let mut both = draft(buyer, "HERE", quantity);
    both.lines.push(pb::OrderLineDraft { sku: "THERE".to_owned(), quantity, ..Default::default() });
    both
}

async fn paid(server: &Clients, draft: pb::OrderDraft) -> pb::Order {
    let placed = create_order(server, draft).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    order(server, &placed.id).await
}

on_both_engines!(
    four_of_six_units_are_cancelled_and_their_money_comes_back_with_a_credit_note,
    async |server| {
        stocked(&server, "SIX", 9).await;
        create_courier(&server).await;
        let mut six = draft("ann", "SIX", 6);
        six.lines[0].unit_price = Some(eur(1_000));
        six.prices_include_tax = true;
        let placed = paid(&server, six).await;
        assert_eq!(level(&server, "SIX").await.reserved, 6);

        let after = cancel(&server, &placed.id, &[(1, 4)]).await.expect("cancelled");
        assert_eq!(after.state(), pb::OrderState::Fulfilling);
        let line = &after.lines[0];
        assert_eq!((line.quantity, line.cancelled, line.reserved), (6, 4, 2));
        assert_eq!(line.cancelled_total, Some(eur(4_000)));
        assert_eq!(level(&server, "SIX").await.reserved, 2);
        assert_eq!(shipment(&server, &after.shipment_ids[0]).await.items[0].quantity, 2);
        let cancellation = &after.line_cancellations[0];
        assert_eq!(
            (cancellation.value.clone(), cancellation.refund.clone()),
            (Some(eur(4_000)), Some(eur(4_000)))
        );

        let found = credit_notes(&server, format!("order_id = {}", placed.id)).await;
        assert_eq!(
            found.iter().map(|it| &it.id).collect::<Vec<_>>(),
            after.credit_note_ids.iter().collect::<Vec<_>>()
        );
        let note = &found[0];
        assert_eq!(
            (note.number.as_str(), note.invoice_id.as_str()),
            ("CRN-000001", placed.invoice_id.as_str())
        );
        assert_eq!((note.lines[0].quantity, note.total.clone()), (4, Some(eur(4_000))));
        assert_eq!(note.tax_rows.len(), 1);
        assert_eq!(note.tax_rows[0].tax, note.tax);
        for key in [
            pb::get_credit_note_request::Key::CreditNoteId(note.id.clone()),
            pb::get_credit_note_request::Key::Number("CRN-000001".to_owned()),
        ] {
            let request = pb::GetCreditNoteRequest { key: Some(key) };
            let got = server.billing.clone().get_credit_note(request).await.expect("it is there");
            assert_eq!(got.into_inner().credit_note.as_ref().map(|it| &it.number), Some(&note.number));
        }

        let warehouse = Warehouse { server: &server };
        warehouse
            .until(&placed.id, |it| it.totals.as_ref().and_then(|it| it.refunded.clone()) == Some(eur(4_000)))
            .await;
        warehouse.until_quiet(&placed.id).await;
        let balance = balance(&server, &placed.id).await;
        assert_eq!((balance.credited, balance.amount_due), (Some(eur(4_000)), Some(eur(0))));
        let filter = format!("order_id = {} AND kind = ORDER_LINES_CANCELLED", placed.id);
        let request = pb::ListMessagesRequest { filter, ..Default::default() };
        let letters =
            server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
        assert_eq!(letters.len(), 1);
        warehouse.deliver_all(&placed.id).await;
        warehouse.close(&placed.id).await;
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(the_rest_of_a_lost_parcel_is_cancelled_and_the_order_ends_delivered, async |server| {
    two_places(&server).await;
    let placed = paid(&server, of_both("bea", 1)).await;
    let warehouse = Warehouse { server: &server };
    warehouse.ship_all(&placed.id).await;
    warehouse.deliver(&placed.shipment_ids[0]).await;
    lose(&server, &placed.shipment_ids[1]).await;
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::PartiallyDelivered);

    let lost = shipment(&server, &placed.shipment_ids[1]).await.items[0].line_number;
    let after = cancel(&server, &placed.id, &[(lost, 1)]).await.expect("it is lost for good");
    assert_eq!(after.state(), pb::OrderState::Delivered);
    assert_eq!(shipment(&server, &placed.shipment_ids[1]).await.items[0].cancelled, 1);
    warehouse.until_quiet(&placed.id).await;
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(before_the_invoice_less_is_invoiced_and_a_pick_goes_on_beside_it, async |server| {
    two_places(&server).await;
    // Above what policy approves by itself.
    let placed = create_order(&server, of_both("cem", 45)).await.expect("there is stock");
    assert_eq!(placed.state(), pb::OrderState::Reserved);
    let after = cancel(&server, &placed.id, &[(1, 44), (2, 44)]).await.expect("cancelled");
    assert_eq!(level(&server, "HERE").await.reserved, 1);
    assert!(after.credit_note_ids.is_empty());
    let approval_id = after.approvals[0].id.clone();
    assert_eq!(after.approvals[0].amount, after.totals.as_ref().and_then(|it| it.total.clone()));
    let request = pb::ApproveRequestRequest { approval_id, ..Default::default() };
    server.approvals.clone().approve_request(by("amira", request)).await.expect("approved");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");

    // One parcel is being picked while units of another are cancelled; and of a parcel that is picked.
    let both = paid(&server, of_both("dan", 3)).await;
    let warehouse = Warehouse { server: &server };
    let (here, there) = (&both.shipment_ids[0], &both.shipment_ids[1]);
    warehouse.pick(here).await;
    let lines: Vec<i32> = [shipment(&server, here).await, shipment(&server, there).await]
        .map(|it| it.items[0].line_number)
        .into();
    let after = cancel(&server, &both.id, &[(lines[0], 1), (lines[1], 2)]).await.expect("cancelled");
    assert_eq!(after.shipment_ids.len(), 3);
    assert_eq!(shipment(&server, here).await.state(), pb::ShipmentState::Cancelled);
    assert_eq!(shipment(&server, there).await.items[0].quantity, 1);
    let anew = shipment(&server, &after.shipment_ids[2]).await;
    assert_eq!((anew.state(), anew.items[0].quantity), (pb::ShipmentState::Planned, 2));
    warehouse.ship(&after.shipment_ids[2]).await;
    warehouse.ship(there).await;
    assert_eq!(order(&server, &both.id).await.state(), pb::OrderState::Shipped);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(each_unit_is_cancelled_once_however_many_ask, crowd);

/// Twenty callers want five units each of an order of nine: two times five do not fit.
async fn crowd(server: TestServer) {
    two_places(&server).await;
    let placed = paid(&server, of_both("eli", 9)).await;
    let calls = (0..20).map(|_| cancel(&server, &placed.id, &[(1, 5)]));
    let answers = join_all(calls).await;
    let done = answers.iter().filter(|it| it.is_ok()).count();
    assert_eq!(done, 1, "{answers:?}");
    for refused in answers.iter().filter_map(|it| it.as_ref().err()) {
        assert_eq!((refused.code(), reason(refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    }
    assert_eq!(level(&server, "HERE").await.reserved, 4);

    // A repeat has the same answer, and the same id with other content is refused.
    let twice = || request(&placed.id, &[(2, 1)], "the second part");
    let first = server.orders.clone().cancel_order_lines(by("clerk", twice())).await.expect("cancelled");
    let again = server.orders.clone().cancel_order_lines(by("clerk", twice())).await.expect("the same");
    assert_eq!(first.into_inner(), again.into_inner());
    let other = request(&placed.id, &[(2, 2)], "the second part");
    let refused = server.orders.clone().cancel_order_lines(by("clerk", other)).await.expect_err("reused");
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");

    let refused = cancel(&server, &placed.id, &[(1, 9), (1, 1), (8, 1)]).await.expect_err("three faults");
    let bad = tonic_types::StatusExt::get_details_bad_request(&refused).expect("the fields");
    let fields: Vec<_> = bad.field_violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["lines[0].quantity", "lines[1].line_number", "lines[2].line_number"]);
    assert_eq!(order(&server, &placed.id).await.lines[1].cancelled, 1);
    every_law_holds(&server).await;
    server.stop().await;
}

on_both_engines!(
    a_paid_order_that_is_cancelled_whole_is_credited_whole_and_its_balance_is_even,
    async |server| {
        two_places(&server).await;
        let mut both = of_both("dan", 3);
        (both.prices_include_tax, both.shipping_fee) = (true, Some(eur(499)));
        both.lines.iter_mut().for_each(|it| it.unit_price = Some(eur(1_000)));
        let placed = paid(&server, both).await;
        cancel(&server, &placed.id, &[(1, 1)]).await.expect("one is taken off");
        let request = pb::CancelOrderRequest {
            order_id: placed.id.clone(),
            reason: "changed his mind".to_owned(),
            ..Default::default()
        };
        server.orders.clone().cancel_order(by("clerk", request)).await.expect("nothing has left");
        let warehouse = Warehouse { server: &server };
        warehouse.until_quiet(&placed.id).await;

        let notes = credit_notes(&server, format!("order_id = {}", placed.id)).await;
        let totals: Vec<_> = notes.iter().map(|it| it.total.clone()).collect();
        assert_eq!((totals.len(), totals.contains(&Some(eur(1_000)))), (2, true), "{totals:?}");
        assert!(totals.contains(&Some(eur(5_499))), "the rest of it, with the shipping: {totals:?}");
        assert!(notes.iter().any(|it| it.reason == "changed his mind"));
        let it = balance(&server, &placed.id).await;
        let all = Some(eur(6_499));
        assert_eq!((it.invoiced, it.credited, it.captured), (all.clone(), all.clone(), all.clone()));
        assert_eq!((it.refunded, it.refund_pending), (all, Some(eur(0))));
        assert_eq!((it.amount_due, it.open), (Some(eur(0)), Some(eur(0))));
        every_law_holds(&server).await;
        server.stop().await;
    }
);
