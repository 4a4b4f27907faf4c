//! Days are filled to the last shipment and not beyond, however many want the same day at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use consign::pb;

use super::stage::{Stage, crowd, everywhere};
use crate::server::Clients;
use crate::shop::{LEIPZIG, by, create_courier, draft, order, pay_by_card, stocked};
use crate::warehouse::Warehouse;

everywhere!(a_day_takes_as_many_orders_as_its_location_sends, orders);

everywhere!(a_day_takes_as_many_shipments_as_its_courier_picks_up, pickups);

/// How many there are of each day, in the order of the days.
fn by_day(times: impl IntoIterator<Item = prost_types::Timestamp>) -> Vec<usize> {
    let mut days: BTreeMap<i64, usize> = BTreeMap::new();
    times.into_iter().for_each(|it| *days.entry(it.seconds / 86_400).or_default() += 1);
    days.into_values().collect()
}

fn only(path: &str) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec![path.to_owned()] })
}

async fn send_at_most(server: &Clients, shipments_per_day: i32) {
    let location =
        pb::StockLocation { location: LEIPZIG.to_owned(), shipments_per_day, ..Default::default() };
    let request = pb::UpdateStockLocationRequest {
        stock_location: Some(location),
        update_mask: only("shipments_per_day"),
        ..Default::default()
    };
    server.inventory.clone().update_stock_location(by("clerk", request)).await.expect("corrected");
}

fn ships(order: &pb::Order) -> prost_types::Timestamp {
    let promise = order.promise.as_ref().expect("a promise");
    promise.legs[0].ship_time.expect("a time")
}

async fn placed(stage: &Arc<Stage>, from: usize, count: usize) -> Vec<pb::Order> {
    let all = crowd(count, count, |number| {
        let stage = Arc::clone(stage);
        let number = from + number;
        async move { stage.create_order(number, draft(&format!("buyer{number}"), "DAY", 1)).await }
    });
    all.await.into_iter().collect::<Result<_, _>>().expect("there is stock for all")
}

async fn orders(stage: Arc<Stage>) {
    let door = stage.door(0);
    stocked(&door, "DAY", 200).await;
    create_courier(&door).await;
    send_at_most(&door, 2).await;
    let five = placed(&stage, 0, 5).await;
    assert_eq!(by_day(five.iter().map(ships)), [2, 2, 1]);

    // One of the first day is cancelled, and the next one takes its room.
    let first = five.iter().min_by_key(|it| ships(it).seconds).expect("five orders");
    let request = pb::CancelOrderRequest {
        order_id: first.id.clone(),
        reason: "changed my mind".to_owned(),
        ..Default::default()
    };
    stage.door(1).orders.clone().cancel_order(by("clerk", request)).await.expect("cancelled");
    let next = placed(&stage, 5, 1).await;
    assert_eq!(ships(&next[0]), ships(first));

    // A capacity that is raised counts what is there: three, three, and the rest.
    send_at_most(&stage.door(2), 7).await;
    let more = placed(&stage, 6, 40).await;
    let all = five.iter().filter(|it| it.id != first.id).chain(&next).chain(&more);
    assert_eq!(by_day(all.map(ships)), [7, 7, 7, 7, 7, 7, 3], "on {stage}");
}

async fn pickups(stage: Arc<Stage>) {
    let door = stage.door(0);
    stocked(&door, "DAY", 20).await;
    create_courier(&door).await;
    let mut shipments = Vec::new();
    for placed in placed(&stage, 0, 8).await {
        pay_by_card(&door, &placed.id, "tok_success").await.expect("paid");
        let shipment = order(&door, &placed.id).await.shipment_ids.remove(0);
        Warehouse { server: &door }.label(&shipment).await;
        shipments.push(shipment);
    }
    let courier = pb::Courier { courier: "swift".to_owned(), shipments_per_day: 3, ..Default::default() };
    let request = pb::UpdateCourierRequest {
        courier: Some(courier),
        update_mask: only("shipments_per_day"),
        ..Default::default()
    };
    door.shipping.clone().update_courier(by("clerk", request)).await.expect("corrected");

    let shipments = Arc::new(shipments);
    let assigned = crowd(8, 8, |number| {
        let (clients, shipments) = (stage.door(number), Arc::clone(&shipments));
        async move {
            let request =
                pb::AssignCourierRequest { shipment_id: shipments[number].clone(), ..Default::default() };
            let answer = clients.shipping.clone().assign_courier(by("warehouse", request)).await;
            let shipment = answer.expect("a courier").into_inner().shipment.expect("a shipment");
            shipment.assignment.expect("an assignment").pickup_time.expect("a time")
        }
    });
    assert_eq!(by_day(assigned.await), [3, 3, 2], "on {stage}");
}
