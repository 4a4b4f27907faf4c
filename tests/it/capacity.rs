//! Capacity over the wire: entered and corrected, full days named in promises and quotes, pickups refused.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{Clients, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, order, pay_by_card,
    stocked,
};
use crate::warehouse::Warehouse;

fn only(path: &str) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec![path.to_owned()] })
}

async fn send_at_most(server: &Clients, shipments_per_day: i32) -> Result<pb::StockLocation, Status> {
    let location =
        pb::StockLocation { location: LEIPZIG.to_owned(), shipments_per_day, ..Default::default() };
    let request = pb::UpdateStockLocationRequest {
        stock_location: Some(location),
        update_mask: only("shipments_per_day"),
        ..Default::default()
    };
    let answer = server.inventory.clone().update_stock_location(by("clerk", request)).await?;
    Ok(answer.into_inner().stock_location.expect("a location"))
}

async fn pick_up_at_most(server: &Clients, shipments_per_day: i32) -> Result<pb::Courier, Status> {
    let courier = pb::Courier { courier: "swift".to_owned(), shipments_per_day, ..Default::default() };
    let request = pb::UpdateCourierRequest {
        courier: Some(courier),
        update_mask: only("shipments_per_day"),
        ..Default::default()
    };
    let answer = server.shipping.clone().update_courier(by("clerk", request)).await?;
    Ok(answer.into_inner().courier.expect("a courier"))
}

/// Field and what is said of it.
fn problem(status: &Status) -> (String, String) {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    let first = bad.field_violations.into_iter().next().expect("a field");
    (first.field, first.description)
}

async fn labelled(server: &Clients, buyer: &str) -> String {
    let placed = create_order(server, draft(buyer, "S-1", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.label(&shipment).await;
    shipment
}

async fn assign(
    server: &Clients,
    shipment: &str,
    pickup_time: Option<prost_types::Timestamp>,
) -> Result<pb::CourierAssignment, Status> {
    let request =
        pb::AssignCourierRequest { shipment_id: shipment.to_owned(), pickup_time, ..Default::default() };
    let answer = server.shipping.clone().assign_courier(by("warehouse", request)).await?;
    Ok(answer.into_inner().shipment.expect("a shipment").assignment.expect("an assignment"))
}

async fn quote(server: &Clients, shipment: &str) -> pb::CourierQuote {
    let request = pb::QuoteCouriersRequest { shipment_id: shipment.to_owned(), ..Default::default() };
    let answer = server.shipping.clone().quote_couriers(request).await.expect("offers");
    answer.into_inner().quotes.remove(0)
}

on_both_engines!(a_capacity_is_entered_corrected_and_taken_away, async |server| {
    stocked(&server, "S-1", 9).await;
    create_courier(&server).await;
    assert_eq!(send_at_most(&server, 200).await.expect("corrected").shipments_per_day, 200);
    assert_eq!(pick_up_at_most(&server, 50).await.expect("corrected").shipments_per_day, 50);
    for wrong in [-1, 1_000_001, i32::MAX] {
        let refused = send_at_most(&server, wrong).await.expect_err("nonsense");
        let said = ("stock_location.shipments_per_day".to_owned(), "must be 0 to 1000000".to_owned());
        assert_eq!((refused.code(), problem(&refused)), (Code::InvalidArgument, said));
        let refused = pick_up_at_most(&server, wrong).await.expect_err("nonsense");
        assert_eq!(problem(&refused).0, "courier.shipments_per_day");
    }
    assert_eq!(send_at_most(&server, 0).await.expect("corrected").shipments_per_day, 0);
    assert_eq!(pick_up_at_most(&server, 0).await.expect("corrected").shipments_per_day, 0);
});

on_both_engines!(a_full_day_is_named_by_the_promise_the_quote_and_the_refused_pickup, async |server| {
    stocked(&server, "S-1", 9).await;
    create_courier(&server).await;
    send_at_most(&server, 2).await.expect("corrected");
    let mut placed = Vec::new();
    for buyer in ["ada", "bob", "cleo"] {
        placed.push(create_order(&server, draft(buyer, "S-1", 1)).await.expect("an order"));
    }
    let leg = |order: &pb::Order| order.promise.as_ref().expect("a promise").legs[0].clone();
    let reason = leg(&placed[2]).reason;
    assert!(reason.contains(&format!(" is full at {LEIPZIG}: 2 of 2; swift STANDARD picks up ")), "{reason}");
    assert!(
        leg(&placed[1]).ship_time.expect("a time").seconds
            < leg(&placed[2]).ship_time.expect("a time").seconds
    );
    assert!(
        placed[1].promised_delivery_time.expect("a date").seconds
            < placed[2].promised_delivery_time.expect("a date").seconds
    );

    // Who only asks hears the same.
    let request = pb::CheckAvailabilityRequest {
        lines: vec![pb::StockLine { sku: "S-1".to_owned(), quantity: 1 }],
        destination: Some(pb::check_availability_request::Destination::Country("DE".to_owned())),
        ..Default::default()
    };
    let found = server.inventory.clone().check_availability(request).await.expect("an answer").into_inner();
    let found = found.availability.expect("the region");
    assert_eq!(found.earliest_ship_time, leg(&placed[2]).ship_time);

    send_at_most(&server, 0).await.expect("corrected");
    let (first, second) = (labelled(&server, "dan").await, labelled(&server, "eve").await);
    pick_up_at_most(&server, 1).await.expect("corrected");
    let taken = assign(&server, &first, None).await.expect("the next pickup").pickup_time;
    let offer = quote(&server, &second).await;
    assert!(offer.pickup_note.ends_with(" is full for swift: 1 of 1"), "{}", offer.pickup_note);
    assert!(offer.pickup_time.expect("a time").seconds > taken.expect("a time").seconds);
    let refused = assign(&server, &second, taken).await.expect_err("a full day");
    let (field, said) = problem(&refused);
    assert_eq!(field, "pickup_time");
    let full = format!("must be a pickup within 30 days; {}; the next are ", offer.pickup_note);
    assert!(said.starts_with(&full), "{said}");

    // The first one goes another day, and its room is there again.
    let later = in_seconds(0).seconds / 86_400 * 86_400 + 5 * 86_400 + 16 * 3_600;
    let later = prost_types::Timestamp { seconds: later, nanos: 0 };
    assert_eq!(assign(&server, &first, Some(later)).await.expect("another day").pickup_time, Some(later));
    assert_eq!(quote(&server, &second).await.pickup_note, "");
    assert_eq!(assign(&server, &second, taken).await.expect("the room").pickup_time, taken);
    every_law_holds(&server).await;
});
