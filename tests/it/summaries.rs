//! The history of an order, the feed of events and the log say what happened in words of their own: none repeats what
//! people wrote.

use consign::pb;

use crate::child::Site;
use crate::server::{Clients, Engine};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, order, pay_by_card, stocked,
};
use crate::warehouse::Warehouse;

/// What people write wherever they may.
const SAID: &str = "zebra";

/// An order with a note, held, released and cancelled, each with words.
async fn cancelled(server: &Clients) -> String {
    let wish = pb::OrderDraft { special_instructions: SAID.to_owned(), ..draft("ann", "S-1", 1) };
    let id = create_order(server, wish).await.expect("an order").id;
    let mut orders = server.orders.clone();
    let request = pb::AddOrderNoteRequest {
        order_id: id.clone(),
        text: format!("the customer has a {SAID}"),
        ..Default::default()
    };
    orders.add_order_note(by("clerk", request)).await.expect("a note");
    let request = pb::PlaceHoldRequest {
        order_id: id.clone(),
        reason: pb::HoldReason::Other as i32,
        comment: format!("the {SAID} is ill"),
        ..Default::default()
    };
    let held = orders.place_hold(by("clerk", request)).await.expect("a hold").into_inner();
    let request = pb::ReleaseHoldRequest {
        order_id: id.clone(),
        hold_id: held.hold.expect("a hold").id,
        comment: format!("the {SAID} is well"),
        ..Default::default()
    };
    orders.release_hold(by("clerk", request)).await.expect("released");
    let request =
        pb::CancelOrderRequest { order_id: id.clone(), reason: SAID.to_owned(), ..Default::default() };
    orders.cancel_order(by("clerk", request)).await.expect("cancelled");

    let kept = order(server, &id).await;
    assert!(kept.notes[0].text.contains(SAID) && kept.holds[0].comment.contains(SAID), "{kept:?}");
    id
}

/// An order of three units, one of which has a defect.
async fn defective(server: &Clients) -> String {
    let id = create_order(server, draft("ben", "S-1", 3)).await.expect("an order").id;
    pay_by_card(server, &id, "tok_success").await.expect("a payment");
    let shipment_id = order(server, &id).await.shipment_ids.remove(0);
    let mut shipping = server.shipping.clone();
    let request = pb::StartPickingRequest { shipment_id: shipment_id.clone(), ..Default::default() };
    shipping.start_picking(by("warehouse", request)).await.expect("a pick list");
    let picks = vec![pb::LineUnits { line_number: 1, quantity: 3 }];
    let request = pb::RecordPickRequest { shipment_id: shipment_id.clone(), picks, ..Default::default() };
    shipping.record_pick(by("warehouse", request)).await.expect("picked");
    let failed = pb::LineCheck {
        line_number: 1,
        passed: 2,
        failed: 1,
        defect: format!("bitten by a {SAID}"),
        ..Default::default()
    };
    let request = pb::RecordQualityCheckRequest { shipment_id, checks: vec![failed], ..Default::default() };
    shipping.record_quality_check(by("warehouse", request)).await.expect("checked");
    id
}

/// A delivered order that was rated with words, of whose price a part was paid back.
async fn refunded(server: &Clients) -> String {
    let id = create_order(server, draft("cem", "S-1", 1)).await.expect("an order").id;
    let payment = pay_by_card(server, &id, "tok_success").await.expect("a payment");
    let warehouse = Warehouse { server };
    warehouse.deliver_all(&id).await;
    let request = pb::SubmitFeedbackRequest {
        order_id: id.clone(),
        delivery_rating: 1,
        product_rating: 1,
        comment: format!("no {SAID} in the parcel"),
        ..Default::default()
    };
    server.feedback.clone().submit_feedback(by("storefront", request)).await.expect("asked for");
    let request = pb::RefundPaymentRequest {
        payment_id: payment.id,
        amount: Some(eur(100)),
        reason: format!("sorry for the {SAID}"),
        ..Default::default()
    };
    server.billing.clone().refund_payment(by("clerk", request)).await.expect("a refund");
    warehouse.until_quiet(&id).await;
    id
}

/// The order's events, which its timeline and the feed have alike.
async fn events(server: &Clients, id: &str) -> Vec<pb::OrderEvent> {
    let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
    let request = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    let request =
        pb::ListEventsRequest { page_size: 200, filter: format!("order_id = {id}"), ..Default::default() };
    let feed = server.events.clone().list_events(request).await.expect("a page").into_inner().events;
    assert_eq!(timeline.timeline.expect("a timeline").events, feed);
    feed
}

async fn no_summary_has_words_of_people(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let mut process = site.start().await;
    let server = Clients::over(process.channel());
    stocked(&server, "S-1", 20).await;
    create_courier(&server).await;
    let told: [(String, &[&str]); 3] = [
        (cancelled(&server).await, &["ORDER_NOTE_ADDED", "HOLD_PLACED", "HOLD_RELEASED", "ORDER_CANCELLED"]),
        (defective(&server).await, &["QUALITY_FAILED"]),
        (refunded(&server).await, &["REFUND_REQUESTED", "REFUND_SUCCEEDED"]),
    ];
    for (id, kinds) in told {
        let events = events(&server, &id).await;
        for kind in kinds {
            assert!(events.iter().any(|it| it.r#type == *kind), "{kind} is not in {events:?}");
        }
        let repeats: Vec<_> = events.iter().filter(|it| format!("{it:?}").contains(SAID)).collect();
        assert!(repeats.is_empty(), "{repeats:?}");
    }
    every_law_holds(&server).await;

    process.signal("TERM");
    assert!(process.ends_well());
    let log = site.log();
    for method in ["AddOrderNote", "PlaceHold", "RecordQualityCheck", "SubmitFeedback", "RefundPayment"] {
        assert!(log.contains(&format!("/{method}")), "{method} is not in {log}");
    }
    let repeats: Vec<_> = log.lines().filter(|it| it.contains(SAID)).collect();
    assert!(repeats.is_empty(), "{repeats:?}");
}

mod no_summary_has_words_of_people {
    use crate::server::Engine;

    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::no_summary_has_words_of_people(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::no_summary_has_words_of_people(Engine::Postgres).await;
    }
}
