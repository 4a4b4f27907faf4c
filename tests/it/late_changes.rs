//! Orders are changed late over the wire: while they are packed, while parts have left, while they wait for stock.

use consign::pb;
use consign::pb::order_change_item::Item;

use crate::order_changes::{add, confirm, create, cups, paid, proposed, request, set, shop};
use crate::server::{Clients, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, eur, every_law_holds, level, order, pay_by_card, reason, receive,
};
use crate::warehouse::Warehouse;

async fn shipment(server: &Clients, id: &str) -> pb::Shipment {
    let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
    let answer = server.shipping.clone().get_shipment(by("clerk", request)).await.expect("it is there");
    answer.into_inner().shipment.expect("a shipment")
}

on_both_engines!(packed_units_come_off_until_a_courier_has_them, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("dot", 3)).await;
    let warehouse = Warehouse { server: &server };
    let packed = placed.shipment_ids[0].clone();
    warehouse.assign(&packed).await;

    let change = proposed(&server, &placed.id, vec![set(1, 2)]).await;
    let proposal = change.proposal.clone().expect("a proposal");
    assert_eq!((proposal.credited, proposal.to_pay_back), (Some(eur(1_000)), Some(eur(1_000))));
    confirm(&server, &change, false).await.expect("confirmed");
    assert_eq!(shipment(&server, &packed).await.state(), pb::ShipmentState::Cancelled);
    let after = order(&server, &placed.id).await;
    let anew = after.shipment_ids.last().expect("a shipment").clone();
    assert_ne!(anew, packed);
    let planned = shipment(&server, &anew).await;
    assert_eq!((planned.state(), planned.items[0].quantity), (pb::ShipmentState::Planned, 2));
    assert!(planned.label.is_none(), "it needs a new label");
    assert_eq!(level(&server, "CUP").await.reserved, 2);

    warehouse.ship(&anew).await;
    let refused =
        create(&server, request(&placed.id, vec![set(1, 1)])).await.expect_err("a courier has them");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
    warehouse.until_quiet(&placed.id).await;
    assert_eq!(level(&server, "CUP").await.on_hand, 398);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_is_added_to_a_waiting_order_waits_with_it, async |server| {
    shop(&server).await;
    let draft = pb::OrderDraft { on_shortage: pb::OnShortage::Wait as i32, ..cups("eli", 401) };
    let placed = create_order(&server, draft).await.expect("it waits");
    assert_eq!(placed.state(), pb::OrderState::AwaitingStock);
    let change = proposed(&server, &placed.id, vec![add("POT", 2)]).await;
    let proposal = change.proposal.clone().expect("a proposal");
    assert_eq!((proposal.stock[0].wanted, proposal.stock[0].available), (2, 2));
    assert_eq!((proposal.new_total, proposal.to_pay), (Some(eur(406_000)), Some(eur(5_000))));
    confirm(&server, &change, false).await.expect("confirmed");
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::AwaitingStock);
    assert_eq!(level(&server, "POT").await.reserved, 0);

    receive(&server, "CUP", LEIPZIG, 1).await;
    let warehouse = Warehouse { server: &server };
    let has_stock = |it: &pb::Order| it.state() != pb::OrderState::AwaitingStock;
    let filled = warehouse.until(&placed.id, has_stock).await;
    assert_eq!(filled.lines.iter().map(|it| it.reserved).collect::<Vec<_>>(), [401, 2]);
    assert_eq!((level(&server, "CUP").await.reserved, level(&server, "POT").await.reserved), (401, 2));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(another_address_is_for_what_has_not_left, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("fay", 2)).await;
    let more = proposed(&server, &placed.id, vec![add("POT", 1)]).await;
    confirm(&server, &more, false).await.expect("confirmed");
    let warehouse = Warehouse { server: &server };
    warehouse.ship(&placed.shipment_ids[0]).await;
    pay_by_card(&server, &placed.id, "tok_success").await.expect("the pot is paid");
    let ids = order(&server, &placed.id).await.shipment_ids;
    let before = placed.shipping_address.clone().expect("an address");
    let address = pb::Address { street: vec!["Torstraße 1".to_owned()], ..before.clone() };
    let moved = proposed(&server, &placed.id, vec![Item::SetShippingAddress(address.clone())]).await;
    confirm(&server, &moved, false).await.expect("confirmed");

    assert_eq!(order(&server, &placed.id).await.shipping_address, Some(address.clone()));
    assert_eq!(shipment(&server, &ids[0]).await.shipping_address, Some(before), "it is on its way to there");
    assert_eq!(shipment(&server, &ids[1]).await.shipping_address, Some(address));
    warehouse.ship(&ids[1]).await;
    let refused = create(&server, request(&placed.id, vec![Item::SetInstructions("ring".to_owned())])).await;
    assert_eq!(reason(&refused.expect_err("all of it has left")), "ILLEGAL_TRANSITION");
    every_law_holds(&server).await;
    server.stop().await;
});
