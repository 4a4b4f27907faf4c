//! A change of an order is confirmed once, however many confirm it at once, and no pick of the same line is lost beside it.

use std::sync::Arc;

use consign::pb;
use consign::pb::order_change_item::Item;
use futures_util::future::{join, join_all};
use tonic::{Code, Status};

use super::stage::{Stage, crowd, everywhere};
use crate::child::scale;
use crate::server::Clients;
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, create_product, draft, eur, level, order, pay_by_card, reason,
    receive, stocked,
};

const CALLERS: usize = 8;
/// Orders whose callers are under way together.
const AT_ONCE: usize = 8;

everywhere!(eight_confirmations_of_one_change_confirm_it_once_beside_picks, confirmations);

/// Each order gets a cup less and a pot more; of some the cups are being picked meanwhile.
async fn confirmations(stage: Arc<Stage>) {
    let (orders, beside_a_pick) = (scale(20, 200), scale(5, 50));
    let units = |it: usize| i64::try_from(it).expect("a few");
    let first = stage.door(0);
    stocked(&first, "CUP", units(4 * orders)).await;
    create_product(&first, "POT", 2_500).await;
    receive(&first, "POT", LEIPZIG, units(orders)).await;
    create_courier(&first).await;
    let mut changes = Vec::new();
    for number in 0..orders {
        changes.push(proposed(&stage.door(number), number).await);
    }

    let changes = Arc::new(changes);
    let ended = crowd(AT_ONCE, orders, |number| {
        let (stage, changes) = (Arc::clone(&stage), Arc::clone(&changes));
        async move {
            let (shipment, change) = &changes[number];
            let confirmations = join_all((0..CALLERS).map(|it| confirm(&stage, number + it, change)));
            let pick = async {
                if number < beside_a_pick {
                    start_picking(&stage, number + 1, shipment).await;
                }
            };
            join(confirmations, pick).await.0
        }
    });
    for answers in ended.await {
        let won = answers.iter().filter(|it| it.is_ok()).count();
        assert_eq!(won, 1, "{answers:?}");
        for refused in answers.iter().filter_map(|it| it.as_ref().err()) {
            assert_eq!(
                (refused.code(), reason(refused).as_str()),
                (Code::FailedPrecondition, "ILLEGAL_TRANSITION")
            );
        }
    }

    for (sku, each) in [("CUP", 3), ("POT", 1)] {
        assert_eq!(level(&stage.door(1), sku).await.reserved, units(each * orders), "{sku}");
    }
    for (number, (_, change)) in changes.iter().enumerate() {
        let door = stage.door(number + 1);
        let after = order(&door, &change.order_id).await;
        assert_eq!((after.credit_note_ids.len(), after.supplementary_invoice_ids.len()), (1, 1));
        let request = pb::GetOrderBalanceRequest { order_id: change.order_id.clone() };
        let answer = door.billing.clone().get_order_balance(request).await.expect("a balance");
        let balance = answer.into_inner().balance.expect("a balance");
        assert_eq!(balance.amount_due, Some(eur(1_500)));
    }
    println!("{stage}: {orders} changes confirmed once each, {beside_a_pick} beside a pick");
}

/// A paid order of four cups: its shipment, and a change that is proposed for it.
async fn proposed(server: &Clients, number: usize) -> (String, pb::OrderChange) {
    let mut new = draft(&format!("changer{number}"), "CUP", 4);
    new.lines[0].unit_price = Some(eur(1_000));
    new.prices_include_tax = true;
    let placed = create_order(server, new).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);

    let items = [
        Item::SetQuantity(pb::SetLineQuantity { line_number: 1, quantity: 3 }),
        Item::AddLine(pb::AddOrderLine { sku: "POT".to_owned(), quantity: 1, ..Default::default() }),
    ];
    let request = pb::CreateOrderChangeRequest {
        order_id: placed.id.clone(),
        items: items.into_iter().map(|it| pb::OrderChangeItem { item: Some(it) }).collect(),
        reason: "as agreed by phone".to_owned(),
        ..Default::default()
    };
    let drafted = server.changes.clone().create_order_change(by("clerk", request)).await.expect("drafted");
    let change_id = drafted.into_inner().change.expect("a change").id;
    let request = pb::ProposeOrderChangeRequest { order_id: placed.id, change_id, ..Default::default() };
    let asked = server.changes.clone().propose_order_change(by("clerk", request)).await.expect("proposed");
    (shipment, asked.into_inner().change.expect("a change"))
}

async fn confirm(stage: &Stage, number: usize, change: &pb::OrderChange) -> Result<pb::OrderChange, Status> {
    let answer = stage.insist(number, |clients| {
        let request = pb::ConfirmOrderChangeRequest {
            order_id: change.order_id.clone(),
            change_id: change.id.clone(),
            ..Default::default()
        };
        async move { clients.changes.clone().confirm_order_change(by("clerk", request)).await }
    });
    Ok(answer.await?.into_inner().change.expect("a change"))
}

/// The pick comes first, or finds the shipment re-counted.
async fn start_picking(stage: &Stage, number: usize, shipment: &str) {
    let begun = stage.insist(number, |clients| {
        let request = pb::StartPickingRequest { shipment_id: shipment.to_owned(), ..Default::default() };
        async move { clients.shipping.clone().start_picking(by("picker", request)).await }
    });
    begun.await.expect("a shipment that is planned");
}
