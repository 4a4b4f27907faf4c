//! Orders are changed over the wire after they were sold: looked at first, then done in one decision.

use consign::pb;
use consign::pb::order_change_item::Item;
use futures_util::future::{join, join_all};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::letters::letter;
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, create_product, draft, eur, every_law_holds, level, order,
    pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

pub(crate) fn set(line_number: i32, quantity: i64) -> Item {
    Item::SetQuantity(pb::SetLineQuantity { line_number, quantity })
}

pub(crate) fn add(sku: &str, quantity: i64) -> Item {
    Item::AddLine(pb::AddOrderLine { sku: sku.to_owned(), quantity, ..Default::default() })
}

pub(crate) fn remove(line_number: i32) -> Item {
    Item::RemoveLine(pb::RemoveOrderLine { line_number })
}

pub(crate) fn request(id: &str, items: Vec<Item>) -> pb::CreateOrderChangeRequest {
    pb::CreateOrderChangeRequest {
        order_id: id.to_owned(),
        items: items.into_iter().map(|it| pb::OrderChangeItem { item: Some(it) }).collect(),
        reason: "as agreed by phone".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn create(
    server: &Clients,
    request: pb::CreateOrderChangeRequest,
) -> Result<pb::OrderChange, Status> {
    let answer = server.changes.clone().create_order_change(by("clerk", request)).await?;
    Ok(answer.into_inner().change.expect("a change"))
}

pub(crate) async fn propose(server: &Clients, change: &pb::OrderChange) -> Result<pb::OrderChange, Status> {
    let request = pb::ProposeOrderChangeRequest {
        order_id: change.order_id.clone(),
        change_id: change.id.clone(),
        ..Default::default()
    };
    let answer = server.changes.clone().propose_order_change(by("clerk", request)).await?;
    Ok(answer.into_inner().change.expect("a change"))
}

pub(crate) async fn confirm(
    server: &Clients,
    change: &pb::OrderChange,
    validate_only: bool,
) -> Result<pb::OrderChange, Status> {
    let request = pb::ConfirmOrderChangeRequest {
        order_id: change.order_id.clone(),
        change_id: change.id.clone(),
        validate_only,
        ..Default::default()
    };
    let answer = server.changes.clone().confirm_order_change(by("clerk", request)).await?;
    Ok(answer.into_inner().change.expect("a change"))
}

pub(crate) async fn proposed(server: &Clients, id: &str, items: Vec<Item>) -> pb::OrderChange {
    let change = create(server, request(id, items)).await.expect("drafted");
    propose(server, &change).await.expect("proposed")
}

async fn listed(server: &Clients, id: &str) -> Vec<pb::OrderChange> {
    let request = pb::ListOrderChangesRequest { order_id: id.to_owned() };
    server.changes.clone().list_order_changes(request).await.expect("the changes").into_inner().changes
}

pub(crate) async fn invoice(server: &Clients, id: &str) -> pb::Invoice {
    let key = pb::get_invoice_request::Key::InvoiceId(id.to_owned());
    let request = pb::GetInvoiceRequest { key: Some(key) };
    server
        .billing
        .clone()
        .get_invoice(request)
        .await
        .expect("there")
        .into_inner()
        .invoice
        .expect("an invoice")
}

pub(crate) async fn balance(server: &Clients, id: &str) -> pb::OrderBalance {
    let request = pb::GetOrderBalanceRequest { order_id: id.to_owned() };
    let answer = server.billing.clone().get_order_balance(request).await.expect("a balance");
    answer.into_inner().balance.expect("a balance")
}

/// Cups at 10.00 and pots at 25.00, tax included.
pub(crate) async fn shop(server: &Clients) {
    stocked(server, "CUP", 400).await;
    create_product(server, "POT", 2_500).await;
    receive(server, "POT", LEIPZIG, 400).await;
    create_courier(server).await;
}

pub(crate) fn cups(buyer: &str, quantity: i64) -> pb::OrderDraft {
    let mut cups = draft(buyer, "CUP", quantity);
    cups.lines[0].unit_price = Some(eur(1_000));
    cups.prices_include_tax = true;
    cups
}

pub(crate) async fn paid(server: &Clients, draft: pb::OrderDraft) -> pb::Order {
    let placed = create_order(server, draft).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    order(server, &placed.id).await
}

on_both_engines!(a_paid_order_is_changed_and_its_papers_say_what_is_different, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("ann", 3)).await;
    let asked = pb::CreateOrderChangeRequest {
        validate_only: true,
        ..request(&placed.id, vec![set(1, 2), add("POT", 1)])
    };
    assert_eq!(create(&server, asked).await.expect("only asked").state(), pb::OrderChangeState::Draft);
    assert!(listed(&server, &placed.id).await.is_empty());

    let items = vec![set(1, 2), add("POT", 1), Item::SetInstructions("ring twice".to_owned())];
    let change = proposed(&server, &placed.id, items).await;
    let proposal = change.proposal.clone().expect("a proposal");
    assert_eq!((proposal.credited.clone(), proposal.to_pay.clone()), (Some(eur(1_000)), Some(eur(1_500))));
    assert_eq!((proposal.supplementary_invoiced, proposal.to_pay_back), (Some(eur(2_500)), Some(eur(0))));
    assert_eq!((proposal.stock[0].wanted, proposal.stock[0].available), (1, 1));
    assert_eq!(order(&server, &placed.id).await.totals, placed.totals, "nothing moved");
    let asked = confirm(&server, &change, true).await.expect("only asked");
    assert_eq!(asked.state(), pb::OrderChangeState::Confirmed);
    assert_eq!(level(&server, "POT").await.reserved, 0);

    let done = confirm(&server, &change, false).await.expect("confirmed");
    let outcome = done.outcome.clone().expect("an outcome");
    let after = order(&server, &placed.id).await;
    assert_eq!(after.supplementary_invoice_ids, std::slice::from_ref(&outcome.supplementary_invoice_id));
    assert_eq!(
        (after.credit_note_ids.clone(), after.invoice_id.clone()),
        (outcome.credit_note_ids, placed.invoice_id.clone())
    );
    assert_eq!((after.special_instructions.as_str(), after.open_change_id.as_str()), ("ring twice", ""));
    assert_eq!(after.lines[1].added_by_change_id, change.id);
    let supplement = invoice(&server, &outcome.supplementary_invoice_id).await;
    assert_eq!((supplement.number.as_str(), supplement.amount_due), ("SUP-000001", Some(eur(1_500))));
    assert_eq!(supplement.supplements_invoice_id, placed.invoice_id);
    let owed = balance(&server, &placed.id).await;
    assert_eq!((owed.credited, owed.amount_due), (Some(eur(1_000)), Some(eur(1_500))));
    assert_eq!((level(&server, "CUP").await.reserved, level(&server, "POT").await.reserved), (2, 1));

    let warehouse = Warehouse { server: &server };
    warehouse.ship(&after.shipment_ids[0]).await;
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::PartiallyShipped);
    pay_by_card(&server, &placed.id, "tok_success").await.expect("the rest is paid");
    let paid = order(&server, &placed.id).await;
    assert_eq!(paid.shipment_ids.len(), 2);
    warehouse.ship(&paid.shipment_ids[1]).await;
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::Shipped);
    let refused = create(&server, request(&placed.id, vec![set(1, 1)])).await.expect_err("all has left");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");

    let all = listed(&server, &placed.id).await;
    assert_eq!((all.len(), all[0].id.as_str(), all[0].ended_by.as_str()), (1, change.id.as_str(), "clerk"));
    let one = pb::GetOrderChangeRequest { order_id: placed.id.clone(), change_id: change.id.clone() };
    let one = server.changes.clone().get_order_change(one).await.expect("there").into_inner().change;
    assert_eq!(one.map(|it| it.state()), Some(pb::OrderChangeState::Confirmed));
    for shipment in &paid.shipment_ids {
        warehouse.deliver(shipment).await;
    }
    warehouse.until_quiet(&placed.id).await;
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(fewer_are_paid_back_with_a_note_for_each_invoice, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("bea", 3)).await;
    let more = proposed(&server, &placed.id, vec![set(1, 5)]).await;
    confirm(&server, &more, false).await.expect("confirmed");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
    let fewer = proposed(&server, &placed.id, vec![set(1, 1), remove(2)]).await;
    let done = confirm(&server, &fewer, false).await.expect("confirmed");
    let outcome = done.outcome.expect("an outcome");
    assert_eq!((outcome.credit_note_ids.len(), outcome.paid_back.clone()), (2, Some(eur(4_000))));
    let warehouse = Warehouse { server: &server };
    warehouse.until_quiet(&placed.id).await;
    let left = balance(&server, &placed.id).await;
    assert_eq!((left.refunded, left.amount_due), (Some(eur(4_000)), Some(eur(0))));
    assert_eq!(level(&server, "CUP").await.reserved, 1);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(bad_input_is_told_at_once_and_a_shortage_changes_nothing, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("cem", 3)).await;
    let items = vec![set(7, 1), set(1, 0), add("?", 1), remove(1)];
    let mut bad = request(&placed.id, items);
    bad.items.push(pb::OrderChangeItem::default());
    bad.reason = String::new();
    let refused = create(&server, bad).await.expect_err("four faults of form");
    let fields = refused.get_details_bad_request().expect("the fields").field_violations;
    let fields: Vec<_> = fields.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["items[1].set_quantity.quantity", "items[2].add_line.sku", "items[4]", "reason"]);
    let refused =
        create(&server, request(&placed.id, vec![set(7, 1), set(1, 3)])).await.expect_err("two faults");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    let many = (0..51).map(|_| add("POT", 1)).collect();
    let refused = create(&server, request(&placed.id, many)).await.expect_err("too many");
    assert_eq!(refused.code(), Code::InvalidArgument);

    let change = proposed(&server, &placed.id, vec![add("POT", 401), set(1, 2)]).await;
    assert_eq!(change.proposal.as_ref().map(|it| it.stock[0].available), Some(400));
    let refused = confirm(&server, &change, false).await.expect_err("it is short");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");
    let second = create(&server, request(&placed.id, vec![set(1, 1)])).await.expect_err("one is open");
    assert_eq!(reason(&second), "ORDER_CHANGE_OPEN");
    let decline = pb::DeclineOrderChangeRequest {
        order_id: placed.id.clone(),
        change_id: change.id.clone(),
        reason: "too dear".to_owned(),
        ..Default::default()
    };
    let declined = server.changes.clone().decline_order_change(by("clerk", decline)).await.expect("declined");
    assert_eq!(declined.into_inner().change.expect("a change").decline_reason, "too dear");
    assert_eq!(order(&server, &placed.id).await.totals, placed.totals);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_proposed_change_is_told_once_with_what_it_costs, async |server| {
    shop(&server).await;
    let placed = paid(&server, cups("ann", 3)).await;
    let change = proposed(&server, &placed.id, vec![set(1, 2), add("POT", 1)]).await;
    propose(&server, &change).await.expect("looked at once more");
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let told = letter(&server, &placed.id, "CHANGE_PROPOSED").await;
    assert_eq!(told.state(), pb::MessageState::Sent);
    assert_eq!(told.subject, format!("A change to your order {} for you to confirm", placed.number));
    let body = told.body.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "- Added: 1 × product POT",
        "- Fewer: 2 × product CUP instead of 3",
        "You would have €15.00 more to pay.",
        "Nothing changes until this has been confirmed.",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("by phone"), "{body}");
    assert_eq!(order(&server, &placed.id).await.totals, placed.totals);

    let request = pb::PreviewMessageRequest {
        order_id: placed.id.clone(),
        kind: pb::MessageKind::ChangeProposed as i32,
        locale: "de".to_owned(),
    };
    let german = server.orders.clone().preview_message(request).await.expect("a preview").into_inner();
    assert!(german.body.contains("- Kommt hinzu: 1 × product POT"), "{}", german.body);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(of_eight_confirmations_one_wins_and_the_others_hear_why, crowd);

const ORDERS: usize = 20;

const BESIDE_A_PICK: usize = 5;

/// Each order gets a cup less and a pot more, asked for by eight at once; of some the cups are being picked meanwhile.
async fn crowd(server: TestServer) {
    shop(&server).await;
    let mut changes = Vec::new();
    for number in 0..ORDERS {
        let placed = paid(&server, cups(&format!("crowd-{number}"), 4)).await;
        changes.push((placed.clone(), proposed(&server, &placed.id, vec![set(1, 3), add("POT", 1)]).await));
    }
    let warehouse = Warehouse { server: &server };
    let shared = &server;
    let each = changes.iter().enumerate().map(|(number, (placed, change))| async move {
        let confirmations = join_all((0..8).map(|_| confirm(shared, change, false)));
        let pick = async {
            if number < BESIDE_A_PICK {
                let request = pb::StartPickingRequest {
                    shipment_id: placed.shipment_ids[0].clone(),
                    ..Default::default()
                };
                let begun = shared.shipping.clone().start_picking(by("picker", request)).await;
                // The pick came first, or found the shipment re-counted; it is never lost.
                begun.expect("a shipment that is planned");
            }
        };
        join(confirmations, pick).await.0
    });
    for answers in join_all(each).await {
        let won = answers.iter().filter(|it| it.is_ok()).count();
        assert_eq!(won, 1, "{answers:?}");
        for refused in answers.iter().filter_map(|it| it.as_ref().err()) {
            assert_eq!(
                (refused.code(), reason(refused).as_str()),
                (Code::FailedPrecondition, "ILLEGAL_TRANSITION")
            );
            assert!(refused.message().contains("CONFIRMED"), "{refused:?}");
        }
    }
    let units = |orders: usize, each: i64| i64::try_from(orders).expect("a few") * each;
    assert_eq!(level(&server, "CUP").await.reserved, units(ORDERS, 3));
    assert_eq!(level(&server, "POT").await.reserved, units(ORDERS, 1));
    for (placed, _) in &changes {
        let after = order(&server, &placed.id).await;
        assert_eq!((after.credit_note_ids.len(), after.supplementary_invoice_ids.len()), (1, 1));
        assert_eq!(balance(&server, &placed.id).await.amount_due, Some(eur(1_500)));
    }
    warehouse.until_quiet(&changes[0].0.id).await;
    every_law_holds(&server).await;
    server.stop().await;
}
