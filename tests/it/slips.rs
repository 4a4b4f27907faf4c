//! What goes wrong in silence, seen from outside: one letter, and where it stands until it is over.

use std::time::{Duration, Instant};

use consign::pb;
use consign::settings::Settings;
use tonic::Code;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, in_seconds, order, pay_by_card, reason,
    stocked,
};
use crate::warehouse::Warehouse;

/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

const DAY: i64 = 86_400;

async fn orders(server: &TestServer, filter: &str) -> Vec<pb::Order> {
    let request = pb::ListOrdersRequest { filter: filter.to_owned(), ..Default::default() };
    server.orders.clone().list_orders(request).await.expect("a page").into_inner().orders
}

async fn shipments(server: &TestServer, filter: &str) -> Vec<pb::Shipment> {
    let request = pb::ListShipmentsRequest { filter: filter.to_owned(), ..Default::default() };
    server.shipping.clone().list_shipments(request).await.expect("a page").into_inner().shipments
}

async fn estimate(server: &TestServer, shipment: &str, at: prost_types::Timestamp) {
    let report = pb::TrackingReport {
        status: pb::TrackingStatus::InTransit as i32,
        // After the handover, which happened just now.
        occurred_time: Some(in_seconds(60)),
        estimated_delivery_time: Some(at),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: vec![report],
        ..Default::default()
    };
    server.shipping.clone().record_tracking_events(by("courier", request)).await.expect("recorded");
}

on_both_engines!(a_slipped_estimate_is_one_letter_and_stands_in_the_lists_until_delivery, async |server| {
    stocked(&server, "S-1", 5).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let mut ids = Vec::new();
    for buyer in ["ann", "ben"] {
        let placed = create_order(&server, draft(buyer, "S-1", 1)).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        warehouse.ship_all(&placed.id).await;
        ids.push(placed.id);
    }
    assert!(orders(&server, "late = true").await.is_empty());

    let slipped = order(&server, &ids[0]).await;
    let shipment = slipped.shipment_ids[0].clone();
    let promised = slipped.promised_delivery_time.expect("a promise");
    let later = prost_types::Timestamp { seconds: promised.seconds + 9 * DAY, ..promised };
    estimate(&server, &shipment, later).await;
    estimate(&server, &shipment, later).await;
    warehouse.until_quiet(&ids[0]).await;
    let filter = format!("order_id = {} AND kind = ESTIMATE_MOVED", ids[0]);
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let letters = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].state(), pb::MessageState::Sent);
    assert!(letters[0].body.contains("New expected delivery: "), "{}", letters[0].body);

    let late = orders(&server, "late = true").await;
    assert_eq!(late.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [ids[0].as_str()]);
    let slip = &late[0].slips[0];
    assert!(late[0].late);
    assert_eq!((slip.kind(), slip.subject_id.as_str()), (pb::SlipKind::EstimateMoved, shipment.as_str()));
    assert_eq!(slip.about_time, Some(later));
    // It has not waited for long, and stands among the stuck ones all the same, at its own gate.
    for gate in [pb::StuckGate::Unspecified, pb::StuckGate::Delivery] {
        let page = stuck(&server, gate, 0, String::new()).await;
        let [found] = &page.stuck_orders[..] else { panic!("one: {page:?}") };
        assert_eq!(found.order.as_ref().map(|it| it.id.as_str()), Some(ids[0].as_str()));
        assert_eq!((found.gate(), &found.slips), (pb::StuckGate::Delivery, &late[0].slips));
        assert_eq!(found.openers().next(), Some(pb::Opener::Courier));
        assert!(!found.opened_by.is_empty() && found.since_time.is_some());
    }
    assert!(stuck(&server, pb::StuckGate::Hold, 0, String::new()).await.stuck_orders.is_empty());
    // Nothing that is late is in the archive.
    assert_eq!(orders(&server, "late = true AND archived = false").await.len(), 1);
    assert!(orders(&server, "late = true AND archived = true").await.is_empty());
    for filter in ["late = false", "late != true", "late = false AND state = SHIPPED"] {
        let others = orders(&server, filter).await;
        assert_eq!(others.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [ids[1].as_str()], "{filter}");
    }
    let found = shipments(&server, "late = true").await;
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [shipment.as_str()]);
    assert_eq!(shipments(&server, "late = true AND archived = false").await.len(), 1);
    assert!(shipments(&server, "late = true AND archived = true").await.is_empty());
    assert!(found[0].late && found[0].slips == late[0].slips);
    let wrong = pb::ListOrdersRequest { filter: "late = soon".to_owned(), ..Default::default() };
    let refused = server.orders.clone().list_orders(wrong).await.expect_err("no such word");
    assert!(refused.message().contains("must be one of FALSE, TRUE"), "{}", refused.message());

    warehouse.deliver(&shipment).await;
    assert!(orders(&server, "late = true").await.is_empty());
    assert!(shipments(&server, "late = true").await.is_empty());
    assert!(stuck(&server, pb::StuckGate::Unspecified, 0, String::new()).await.stuck_orders.is_empty());
    every_law_holds(&server).await;
    server.stop().await;
});

/// What is on the road is stuck there after a second.
fn in_haste(it: &mut Settings) {
    it.rules.stuck_after_seconds.insert("DELIVERY".parse().expect("a gate"), 1);
}

on_both_engines!(an_order_that_is_stuck_and_late_is_listed_once, in_haste, async |server| {
    stocked(&server, "S-4", 5).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let mut ids = Vec::new();
    for buyer in ["ann", "ben"] {
        let placed = create_order(&server, draft(buyer, "S-4", 1)).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        warehouse.ship_all(&placed.id).await;
        warehouse.until_quiet(&placed.id).await;
        ids.push(placed.id);
    }
    let slipped = order(&server, &ids[1]).await;
    let promised = slipped.promised_delivery_time.expect("a promise");
    let later = prost_types::Timestamp { seconds: promised.seconds + 9 * DAY, ..promised };
    estimate(&server, &slipped.shipment_ids[0], later).await;
    warehouse.until_quiet(&ids[1]).await;

    let any = pb::StuckGate::Unspecified;
    let begun = Instant::now();
    let is_stuck = |it: &pb::StuckOrder| {
        let since = it.since_time.as_ref().map_or(i64::MAX, |it| it.seconds);
        in_seconds(0).seconds > since + 2
    };
    let found = loop {
        let found = stuck(&server, any, 0, String::new()).await.stuck_orders;
        if found.len() > 1 && found.iter().all(is_stuck) {
            break found;
        }
        assert!(begun.elapsed() < PATIENCE, "never stuck: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let id_of = |it: &pb::StuckOrder| it.order.as_ref().map(|it| it.id.clone()).unwrap_or_default();
    assert_eq!(found.iter().map(id_of).collect::<Vec<_>>(), ids, "each once, the longest first");
    assert_eq!(found.iter().map(|it| it.slips.len()).collect::<Vec<_>>(), [0, 1]);

    let mut paged = Vec::new();
    let mut token = String::new();
    for _ in 0..2 {
        let page = stuck(&server, pb::StuckGate::Delivery, 1, token).await;
        paged.extend(page.stuck_orders);
        token = page.next_page_token;
    }
    assert_eq!((paged, token.as_str()), (found, ""));
    every_law_holds(&server).await;
    server.stop().await;
});

/// Orders in person ask for an approval, and are stuck a second after that.
fn hasty(it: &mut Settings) {
    it.rules.approval.reservation.channels = vec!["IN_PERSON".parse().expect("a channel")];
    it.rules.stuck_after_seconds.insert("RESERVATION_APPROVAL".parse().expect("a gate"), 1);
}

async fn stuck(
    server: &TestServer,
    gate: pb::StuckGate,
    page_size: i32,
    page_token: String,
) -> pb::ListStuckOrdersResponse {
    let request = pb::ListStuckOrdersRequest { page_size, page_token, gate: gate as i32 };
    server.orders.clone().list_stuck_orders(request).await.expect("a page").into_inner()
}

on_both_engines!(
    an_order_that_waits_for_an_approval_is_stuck_until_somebody_decides,
    hasty,
    async |server| {
        stocked(&server, "S-2", 5).await;
        let mut ids = Vec::new();
        for buyer in ["ann", "ben"] {
            let channel = pb::Channel::InPerson as i32;
            let new = pb::OrderDraft { channel, ..draft(buyer, "S-2", 1) };
            ids.push(create_order(&server, new).await.expect("an order").id);
        }
        create_order(&server, draft("carl", "S-2", 1)).await.expect("an order that waits for its payment");

        let begun = Instant::now();
        let any = pb::StuckGate::Unspecified;
        let found = loop {
            let page = stuck(&server, any, 0, String::new()).await;
            if page.stuck_orders.len() == 2 {
                break page.stuck_orders;
            }
            assert!(begun.elapsed() < PATIENCE, "never stuck: {page:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let first = &found[0];
        assert_eq!(first.gate(), pb::StuckGate::ReservationApproval);
        assert_eq!(first.opened_by, ["ApproveRequest", "RejectRequest"]);
        assert_eq!(first.openers().collect::<Vec<_>>(), [pb::Opener::Approver]);
        let shown = first.order.as_ref().expect("the order");
        assert!(shown.waiting_for.contains("waits for a person"), "{}", shown.waiting_for);
        assert!(
            first.since_time.as_ref().map(|it| it.seconds)
                <= found[1].since_time.as_ref().map(|it| it.seconds)
        );
        let listed: Vec<_> =
            found.iter().filter_map(|it| it.order.as_ref()).map(|it| it.id.clone()).collect();
        assert_eq!(listed, ids, "the longest first");

        // Page by page; a token is good for its own gate only.
        let gate = pb::StuckGate::ReservationApproval;
        let one = stuck(&server, gate, 1, String::new()).await;
        let two = stuck(&server, gate, 1, one.next_page_token.clone()).await;
        assert_eq!([&one.stuck_orders[0], &two.stuck_orders[0]], [&found[0], &found[1]]);
        assert_eq!(two.next_page_token, "");
        let request = pb::ListStuckOrdersRequest { page_token: one.next_page_token, ..Default::default() };
        let refused = server.orders.clone().list_stuck_orders(request).await.expect_err("of another list");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        assert!(stuck(&server, pb::StuckGate::Hold, 0, String::new()).await.stuck_orders.is_empty());

        let waiting = order(&server, &ids[0]).await;
        let approval_id = waiting.approvals.last().expect("an approval").id.clone();
        let request = pb::ApproveRequestRequest { approval_id, ..Default::default() };
        server.approvals.clone().approve_request(by("amira", request)).await.expect("approved");
        let left = stuck(&server, any, 0, String::new()).await.stuck_orders;
        assert_eq!(
            left.iter().filter_map(|it| it.order.as_ref()).map(|it| &it.id).collect::<Vec<_>>(),
            [&ids[1]]
        );
        assert!(!order(&server, &ids[0]).await.late);
        every_law_holds(&server).await;
        server.stop().await;
    }
);

fn impatient(it: &mut Settings) {
    it.rules.slips.payment_unknown_seconds = 1;
}

on_both_engines!(a_provider_that_gives_no_answer_is_noticed_once_by_a_job, impatient, async |server| {
    stocked(&server, "S-3", 5).await;
    let id = create_order(&server, draft("ann", "S-3", 1)).await.expect("an order").id;
    // It fails twice, and is asked again after some seconds.
    let _ = pay_by_card(&server, &id, "tok_error").await;
    let warehouse = Warehouse { server: &server };
    let late = warehouse.until(&id, |it| it.late).await;
    assert_eq!(late.slips.iter().map(pb::Slip::kind).collect::<Vec<_>>(), [pb::SlipKind::PaymentUnknown]);
    assert_eq!(late.slips[0].subject_id, late.payment_ids[0]);
    let paid = warehouse.until(&id, |it| it.state() == pb::OrderState::Fulfilling).await;
    assert!(!paid.late && paid.slips.is_empty());

    let key = Some(pb::get_order_timeline_request::Key::OrderId(id));
    let request = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    let events = timeline.timeline.expect("a timeline").events;
    assert_eq!(events.iter().filter(|it| it.r#type == "PAYMENT_UNKNOWN").count(), 1);
    every_law_holds(&server).await;
    server.stop().await;
});

/// A parcel is silent after a second, every promise is at risk from the beginning, and nobody has long to decide.
fn watchful(it: &mut Settings) {
    it.rules.slips.no_scan_seconds = 1;
    it.rules.slips.promise_at_risk_seconds = 300 * 86_400;
    it.rules.approval.reservation.channels = vec!["IN_PERSON".parse().expect("a channel")];
    it.rules.approval_lifetime_seconds = 30;
}

/// What has slipped and what it happened to, by kind.
fn told(slips: &[pb::Slip]) -> Vec<(pb::SlipKind, &str)> {
    let mut told: Vec<_> = slips.iter().map(|it| (it.kind(), it.subject_id.as_str())).collect();
    told.sort_unstable();
    told
}

fn has(kind: pb::SlipKind) -> impl Fn(&pb::Order) -> bool {
    move |it| it.slips.iter().any(|slip| slip.kind() == kind)
}

/// How often such a slip stands in the order's timeline.
async fn events_of(server: &TestServer, order_id: &str, kind: pb::SlipKind) -> usize {
    let key = Some(pb::get_order_timeline_request::Key::OrderId(order_id.to_owned()));
    let request = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    let name = kind.as_str_name().trim_start_matches("SLIP_KIND_");
    timeline.timeline.expect("a timeline").events.iter().filter(|it| it.r#type == name).count()
}

on_both_engines!(
    silence_risk_and_an_approval_about_to_expire_are_one_event_each_and_late,
    watchful,
    async |server| {
        stocked(&server, "S-5", 5).await;
        create_courier(&server).await;
        let warehouse = Warehouse { server: &server };
        let in_person = pb::OrderDraft { channel: pb::Channel::InPerson as i32, ..draft("ann", "S-5", 1) };
        let undecided = create_order(&server, in_person).await.expect("an order").id;
        let silent = create_order(&server, draft("ben", "S-5", 1)).await.expect("an order").id;
        pay_by_card(&server, &silent, "tok_success").await.expect("a payment");
        warehouse.ship_all(&silent).await;
        let unpaid = create_order(&server, draft("carl", "S-5", 1)).await.expect("an order").id;

        warehouse.until(&silent, has(pb::SlipKind::NoScan)).await;
        warehouse.until_quiet(&silent).await;
        let waiting = warehouse.until(&undecided, has(pb::SlipKind::ApprovalExpiring)).await;
        let approval = waiting.approvals.last().expect("an approval").id.clone();
        let shipment = order(&server, &silent).await.shipment_ids.remove(0);

        let late = orders(&server, "late = true").await;
        let listed = stuck(&server, pb::StuckGate::Unspecified, 0, String::new()).await.stuck_orders;
        assert_eq!((late.len(), listed.len()), (3, 3));
        let at_risk = pb::SlipKind::PromiseAtRisk;
        for (id, gate, slips) in [
            (
                &undecided,
                pb::StuckGate::ReservationApproval,
                vec![(at_risk, undecided.as_str()), (pb::SlipKind::ApprovalExpiring, approval.as_str())],
            ),
            (
                &silent,
                pb::StuckGate::Delivery,
                vec![(at_risk, shipment.as_str()), (pb::SlipKind::NoScan, shipment.as_str())],
            ),
            (&unpaid, pb::StuckGate::Payment, vec![(at_risk, unpaid.as_str())]),
        ] {
            let found = late.iter().find(|it| it.id == *id).expect("it is late");
            assert_eq!((found.late, told(&found.slips)), (true, slips.clone()));
            let of_it = |it: &&pb::StuckOrder| it.order.as_ref().is_some_and(|order| order.id == *id);
            let entry = listed.iter().find(of_it).expect("it is among the stuck ones");
            assert_eq!((entry.gate(), told(&entry.slips)), (gate, slips.clone()));
            for (kind, _) in slips {
                assert_eq!(events_of(&server, id, kind).await, 1, "{kind:?}");
            }
        }
        let found = shipments(&server, "late = true").await;
        assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [shipment.as_str()]);
        warehouse.deliver(&shipment).await;
        assert!(!order(&server, &silent).await.late);
        every_law_holds(&server).await;
        server.stop().await;
    }
);

/// A courier is late a second after its cut-off, and nothing else is.
fn punctual(it: &mut Settings) {
    it.rules.slips.pickup_missed_seconds = 1;
    it.rules.slips.promise_at_risk_seconds = 0;
    it.rules.slips.promise_missed_seconds = 0;
}

/// The next full minute that is at least so many seconds away, and how a courier's cut-off says it, in UTC.
fn full_minute_after(seconds: i64) -> (i64, String) {
    let at = (consign::clock::now().unix_micros() / 1_000_000 + seconds).div_euclid(60) * 60 + 60;
    let of_day = at.rem_euclid(DAY);
    (at, format!("{:02}:{:02}", of_day / 3_600, of_day % 3_600 / 60))
}

// Both engines' clocks are the machine's, and a courier comes at a full minute: so the test waits for one.
on_both_engines!(
    a_pickup_that_did_not_happen_is_one_event_and_stands_where_it_is_looked_for_until_the_courier_comes,
    punctual,
    async |server| {
        stocked(&server, "S-6", 5).await;
        create_courier(&server).await;
        let warehouse = Warehouse { server: &server };
        let id = create_order(&server, draft("ann", "S-6", 1)).await.expect("an order").id;
        pay_by_card(&server, &id, "tok_success").await.expect("a payment");
        let shipment = order(&server, &id).await.shipment_ids.remove(0);
        warehouse.label(&shipment).await;

        let (minute, daily_cutoff) = full_minute_after(10);
        let rate = pb::CourierRate {
            region: "EUROPE".to_owned(),
            service_level: pb::ServiceLevel::Standard as i32,
            base_price: Some(eur(490)),
            transit_days: 1,
            ..Default::default()
        };
        let courier = pb::Courier {
            courier: "fox".to_owned(),
            name: "Fox".to_owned(),
            rates: vec![rate],
            daily_cutoff,
            pickup_weekdays: (1..=7).collect(),
            ..Default::default()
        };
        let request = pb::CreateCourierRequest { courier: Some(courier), ..Default::default() };
        server.shipping.clone().create_courier(by("clerk", request)).await.expect("a new courier");
        let request = pb::AssignCourierRequest {
            shipment_id: shipment.clone(),
            courier: "fox".to_owned(),
            pickup_time: Some(prost_types::Timestamp { seconds: minute, nanos: 0 }),
            ..Default::default()
        };
        server
            .shipping
            .clone()
            .assign_courier(by("warehouse", request))
            .await
            .expect("it comes within two minutes");

        let missed = pb::SlipKind::PickupMissed;
        let begun = Instant::now();
        let late = loop {
            let found = order(&server, &id).await;
            if has(missed)(&found) {
                break found;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(80) + PATIENCE,
                "a pickup was missed, and nobody noticed"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!((late.late, told(&late.slips)), (true, vec![(missed, shipment.as_str())]));
        let found = shipments(&server, "late = true").await;
        assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [shipment.as_str()]);
        let listed = stuck(&server, pb::StuckGate::Unspecified, 0, String::new()).await.stuck_orders;
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].gate(), told(&listed[0].slips)), (pb::StuckGate::Pickup, told(&late.slips)));
        // Another decision about the order looks for slips again, and tells this one no second time.
        let request = pb::AddOrderNoteRequest {
            order_id: id.clone(),
            text: "the courier was asked".to_owned(),
            ..Default::default()
        };
        server.orders.clone().add_order_note(by("clerk", request)).await.expect("a note");
        assert_eq!((order(&server, &id).await.late, events_of(&server, &id, missed).await), (true, 1));

        let request = pb::ConfirmPickupRequest {
            shipment_id: shipment,
            package_count: 1,
            driver: "driver 12".to_owned(),
            ..Default::default()
        };
        server.shipping.clone().confirm_pickup(by("warehouse", request)).await.expect("it came after all");
        warehouse.until_quiet(&id).await;
        let after = order(&server, &id).await;
        assert!(!after.late && after.slips.is_empty());
        assert_eq!(events_of(&server, &id, missed).await, 1);
        every_law_holds(&server).await;
        server.stop().await;
    }
);
