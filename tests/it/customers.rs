//! Customers over the wire, and orders that name them.

use consign::pb;
use futures_util::future::{join, join_all};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, every_law_holds, in_seconds, order, pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

fn address(city: &str) -> pb::Address {
    pb::Address {
        recipient: "Ada Morris".to_owned(),
        street: vec!["Invalidenstraße 117".to_owned()],
        city: city.to_owned(),
        postal_code: "10115".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    }
}

fn ada(reference: &str) -> pb::CustomerAccount {
    let shipping = pb::CustomerAddress {
        address: Some(address("Berlin")),
        default_shipping: true,
        ..Default::default()
    };
    let billing = pb::CustomerAddress {
        address: Some(pb::Address { recipient: "Morris GmbH".to_owned(), ..address("Berlin") }),
        default_billing: true,
        ..Default::default()
    };
    pb::CustomerAccount {
        external_reference: reference.to_owned(),
        contact: Some(pb::Customer {
            name: "Ada Morris".to_owned(),
            email: "ada@example.com".to_owned(),
            phone: "030 901820".to_owned(),
            locale: "de".to_owned(),
            ..Default::default()
        }),
        addresses: vec![shipping, billing],
        unwanted_kinds: vec![pb::MessageKind::OrderReceived as i32],
        tax_number: "DE129273398".to_owned(),
        payment_terms_days: Some(14),
        ..Default::default()
    }
}

async fn create(server: &TestServer, customer: pb::CustomerAccount) -> Result<pb::CustomerAccount, Status> {
    let request = pb::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
    let answer = server.customers.clone().create_customer(by("clerk", request)).await?;
    Ok(answer.into_inner().customer.expect("a customer"))
}

async fn update(
    server: &TestServer,
    customer: pb::CustomerAccount,
    paths: &[&str],
    etag: &str,
) -> Result<pb::CustomerAccount, Status> {
    let paths = paths.iter().map(|it| (*it).to_owned()).collect();
    let request = pb::UpdateCustomerRequest {
        customer: Some(customer),
        update_mask: Some(prost_types::FieldMask { paths }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = server.customers.clone().update_customer(by("clerk", request)).await?;
    Ok(answer.into_inner().customer.expect("a customer"))
}

async fn block(server: &TestServer, id: &str, reason: &str) -> Result<pb::CustomerAccount, Status> {
    let request = pb::BlockCustomerRequest {
        customer_id: id.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let answer = server.customers.clone().block_customer(by("clerk", request)).await?;
    Ok(answer.into_inner().customer.expect("a customer"))
}

async fn unblock(server: &TestServer, id: &str) -> Result<pb::CustomerAccount, Status> {
    let request = pb::UnblockCustomerRequest { customer_id: id.to_owned(), ..Default::default() };
    let answer = server.customers.clone().unblock_customer(by("clerk", request)).await?;
    Ok(answer.into_inner().customer.expect("a customer"))
}

/// Whether an order failed the rule about blocked customers.
fn is_blocked(order: &pb::Order) -> bool {
    let of_rule = order.verification.iter().find(|it| it.rule() == pb::VerificationRule::BlockedCustomer);
    of_rule.expect("every rule was looked at").outcome() == pb::VerificationOutcome::Failed
}

async fn found(server: &TestServer, filter: &str) -> Vec<String> {
    let request = pb::ListCustomersRequest { filter: filter.to_owned(), ..Default::default() };
    let page = server.customers.clone().list_customers(request).await.expect("a page").into_inner();
    page.customers.into_iter().map(|it| it.id).collect()
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

/// An order that leaves everything to the customer that it names.
fn of_customer(id: &str, sku: &str) -> pb::OrderDraft {
    pb::OrderDraft {
        customer_id: id.to_owned(),
        customer: None,
        shipping_address: None,
        ..draft("nobody", sku, 1)
    }
}

on_both_engines!(a_customer_is_kept_corrected_blocked_and_found, async |server| {
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    assert!(kept.id.starts_with("cus_") && kept.etag == "v1" && kept.block.is_none());
    let request = pb::GetCustomerRequest { customer_id: kept.id.clone() };
    let got = server.customers.clone().get_customer(request).await.expect("it is there").into_inner();
    assert_eq!(got.customer, Some(kept.clone()));

    let twin = create(&server, ada("c-7")).await.expect_err("the reference is taken");
    assert_eq!((twin.code(), reason(&twin).as_str()), (Code::AlreadyExists, "DUPLICATE"));
    let info = twin.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.metadata["existing"], kept.id);
    let other = create(&server, ada("")).await.expect("another without a reference");
    let third = create(&server, ada("")).await.expect("and one more");
    let clash = pb::CustomerAccount { id: other.id.clone(), ..ada("c-7") };
    let clash = update(&server, clash, &["external_reference"], "").await.expect_err("taken");
    assert_eq!(reason(&clash), "DUPLICATE");

    let mut bad = ada("c-8");
    bad.contact = None;
    bad.payment_terms_days = Some(400);
    bad.unwanted_kinds = vec![pb::MessageKind::InvoiceIssued as i32];
    bad.addresses[1].address = None;
    bad.addresses[1].default_shipping = true;
    let refused = create(&server, bad).await.expect_err("five faults");
    let expected = [
        "customer.contact",
        "customer.addresses[1].address",
        "customer.addresses[1].default_shipping",
        "customer.unwanted_kinds[0]",
        "customer.payment_terms_days",
    ];
    assert_eq!(fields(&refused), expected);

    let renamed = pb::CustomerAccount {
        id: kept.id.clone(),
        tax_number: "X".to_owned(),
        external_reference: "c-9".to_owned(),
        ..Default::default()
    };
    let paths = ["tax_number", "external_reference"];
    let stale = update(&server, renamed.clone(), &paths, "v9").await.expect_err("a stale etag");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let changed = update(&server, renamed.clone(), &paths, "v1").await.expect("corrected");
    assert_eq!((changed.etag.as_str(), changed.tax_number.as_str()), ("v2", "X"));
    assert_eq!((changed.addresses.len(), changed.contact), (2, kept.contact));
    let same = update(&server, renamed, &paths, "").await.expect("as it is");
    assert_eq!(same.etag, "v2");
    create(&server, ada("c-7")).await.expect("the old reference is free");

    let blocked = block(&server, &kept.id, "does not pay").await.expect("blocked");
    let told = blocked.block.clone().expect("a block");
    assert_eq!((told.reason.as_str(), told.actor.as_str()), ("does not pay", "clerk"));
    assert_eq!(block(&server, &kept.id, "does not pay").await.expect("again"), blocked);
    assert_eq!(found(&server, "blocked = true").await, std::slice::from_ref(&kept.id));
    assert_eq!(found(&server, "external_reference = c-9").await, std::slice::from_ref(&kept.id));
    assert_eq!(found(&server, "email = ADA@example.com AND blocked = false").await.len(), 3);
    assert!(found(&server, "name = \"ada morris\"").await.contains(&third.id));
    assert!(unblock(&server, &kept.id).await.expect("let in").block.is_none());
    let refused = block(&server, &kept.id, "").await.expect_err("no reason");
    assert_eq!(fields(&refused), ["reason"]);
    let nobody = block(&server, "cus_00000000000000000000000000", "x").await.expect_err("nobody");
    assert_eq!(nobody.code(), Code::NotFound);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_order_takes_what_it_leaves_out_from_the_customer_that_it_names, async |server| {
    stocked(&server, "C-1", 20).await;
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    let placed = create_order(&server, of_customer(&kept.id, "C-1")).await.expect("an order");
    assert_eq!(placed.customer_id, kept.id);
    let customer = placed.customer.clone().expect("a customer");
    assert_eq!((customer.name.as_str(), customer.phone.as_str()), ("Ada Morris", "+4930901820"));
    assert_eq!(customer.locale, "de");
    assert_eq!(placed.shipping_address.as_ref().map(|it| it.recipient.as_str()), Some("Ada Morris"));
    assert_eq!(placed.billing_address.as_ref().map(|it| it.recipient.as_str()), Some("Morris GmbH"));
    assert_eq!(placed.unwanted_message_kinds, [pb::MessageKind::OrderReceived as i32]);
    assert_eq!((placed.tax_number.as_str(), placed.tax_exempt), ("DE129273398", false));
    assert_eq!(placed.state(), pb::OrderState::Invoiced);

    // What the draft has goes before, and what the customer becomes does not come after.
    let own = pb::OrderDraft {
        customer: draft("bob", "C-1", 1).customer,
        shipping_address: Some(address("Leipzig")),
        ..of_customer(&kept.id, "C-1")
    };
    let other = create_order(&server, own).await.expect("an order");
    assert_eq!(other.customer.expect("a customer").name, "Buyer bob");
    assert_eq!(other.shipping_address.expect("an address").city, "Leipzig");
    let moved = pb::CustomerAccount { id: kept.id.clone(), tax_exempt: true, ..Default::default() };
    update(&server, moved, &["addresses", "tax_exempt"], "").await.expect("corrected");
    assert_eq!(order(&server, &placed.id).await.shipping_address, placed.shipping_address);

    let nowhere = create_order(&server, of_customer(&kept.id, "C-1")).await.expect_err("no address");
    assert_eq!(fields(&nowhere), ["order.shipping_address"]);
    let to_berlin =
        pb::OrderDraft { shipping_address: Some(address("Berlin")), ..of_customer(&kept.id, "C-1") };
    let gross = pb::OrderDraft { prices_include_tax: true, ..to_berlin.clone() };
    let gross = create_order(&server, gross).await.expect_err("prices have no tax");
    assert_eq!(fields(&gross), ["order.prices_include_tax"]);
    let exempt = create_order(&server, to_berlin).await.expect("an order");
    let tax = exempt.totals.clone().and_then(|it| it.tax).expect("an amount");
    assert!(exempt.tax_exempt && tax.units == 0 && tax.nanos == 0, "{tax:?}");

    let unknown = of_customer("cus_00000000000000000000000000", "C-1");
    let unknown = create_order(&server, unknown).await.expect_err("nobody");
    assert_eq!(fields(&unknown), ["order.customer_id"]);
    let request =
        pb::ListOrdersRequest { filter: format!("customer_id = {}", kept.id), ..Default::default() };
    let listed = server.orders.clone().list_orders(request).await.expect("a page").into_inner();
    assert_eq!(listed.orders.len(), 3);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_order_of_a_blocked_customer_is_held_until_they_are_let_in, async |server| {
    stocked(&server, "C-2", 20).await;
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    block(&server, &kept.id, "does not pay").await.expect("blocked");
    let held = create_order(&server, of_customer(&kept.id, "C-2")).await.expect("an order");
    assert_eq!((held.state(), held.on_hold), (pb::OrderState::Received, true));
    let verify = || {
        let request = pb::VerifyOrderRequest { order_id: held.id.clone(), ..Default::default() };
        let mut orders = server.orders.clone();
        async move { orders.verify_order(by("clerk", request)).await.expect("verified").into_inner().order }
    };
    assert_eq!(verify().await.expect("an order").state(), pb::OrderState::Received);
    unblock(&server, &kept.id).await.expect("let in");
    assert_eq!(verify().await.expect("an order").state(), pb::OrderState::Invoiced);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_customer_that_is_only_asked_for_is_not_kept, async |server| {
    let asked = pb::CreateCustomerRequest {
        customer: Some(ada("c-7")),
        request_id: "customer-0001".to_owned(),
        validate_only: true,
    };
    let answer = server.customers.clone().create_customer(by("clerk", asked.clone())).await;
    let told = answer.expect("as it would be").into_inner().customer.expect("a customer");
    assert_eq!(found(&server, "").await, Vec::<String>::new());
    let made = pb::CreateCustomerRequest { validate_only: false, ..asked };
    let first = server.customers.clone().create_customer(by("clerk", made.clone())).await;
    let first = first.expect("the id of the call is free").into_inner();
    assert_ne!(first.customer.as_ref().map(|it| &it.id), Some(&told.id));
    let again = server.customers.clone().create_customer(by("clerk", made)).await;
    assert_eq!(again.expect("the stored answer").into_inner(), first);

    let id = first.customer.expect("a customer").id;
    let asked = pb::BlockCustomerRequest {
        customer_id: id.clone(),
        reason: "does not pay".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let answer = server.customers.clone().block_customer(by("clerk", asked)).await.expect("as it would be");
    assert!(answer.into_inner().customer.expect("a customer").block.is_some());
    assert_eq!(found(&server, "blocked = true").await, Vec::<String>::new());
    server.stop().await;
});

on_both_engines!(of_two_corrections_of_what_was_seen_one_wins, async |server| {
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    for round in 0..10 {
        let seen = pb::GetCustomerRequest { customer_id: kept.id.clone() };
        let seen = server.customers.clone().get_customer(seen).await.expect("it is there").into_inner();
        let etag = seen.customer.expect("a customer").etag;
        let with = |number: String| pb::CustomerAccount {
            id: kept.id.clone(),
            tax_number: number,
            ..Default::default()
        };
        let (one, other) = join(
            update(&server, with(format!("A-{round}")), &["tax_number"], &etag),
            update(&server, with(format!("B-{round}")), &["tax_number"], &etag),
        )
        .await;
        let (won, lost) = match (one, other) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            (one, other) => panic!("one wins: {one:?} {other:?}"),
        };
        assert_eq!((lost.code(), reason(&lost).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
        let request = pb::GetCustomerRequest { customer_id: kept.id.clone() };
        let after = server.customers.clone().get_customer(request).await.expect("it is there").into_inner();
        assert_eq!(after.customer, Some(won));
    }
    let twins = join_all((0..16).map(|_| create(&server, ada("c-8")))).await;
    let made: Vec<_> = twins.iter().filter_map(|it| it.as_ref().ok()).collect();
    assert_eq!(made.len(), 1, "an external reference belongs to one customer");
    assert!(twins.iter().filter_map(|it| it.as_ref().err()).all(|it| reason(it) == "DUPLICATE"));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(orders_beside_a_block_are_held_from_the_block_on, async |server| {
    stocked(&server, "C-3", 100).await;
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    let calls = (0..20).map(|index| {
        let server = &server;
        // Each is of another size, so that none is the double of another.
        let mut draft = of_customer(&kept.id, "C-3");
        draft.lines[0].quantity = index % 4 + 1;
        draft.customer = Some(pb::Customer {
            name: format!("Buyer {index}"),
            email: format!("buyer{index}@example.com"),
            ..Default::default()
        });
        async move { create_order(server, draft).await.expect("an order") }
    });
    let (placed, blocked) = join(join_all(calls), block(&server, &kept.id, "does not pay")).await;
    let since = blocked.expect("blocked").block.expect("a block").time.expect("a time");
    let since = (since.seconds, since.nanos);
    for order in &placed {
        let at = order.create_time.expect("a time");
        let at = (at.seconds, at.nanos);
        assert_eq!(order.on_hold, is_blocked(order));
        assert!(if is_blocked(order) { at >= since } else { at <= since }, "{order:?}");
    }
    let late = create_order(&server, of_customer(&kept.id, "C-3")).await.expect("an order");
    assert!(is_blocked(&late) && late.on_hold);

    let held: Vec<_> = placed.into_iter().filter(is_blocked).chain([late]).collect();
    unblock(&server, &kept.id).await.expect("let in");
    for order in held {
        let request = pb::VerifyOrderRequest { order_id: order.id, ..Default::default() };
        let verified = server.orders.clone().verify_order(by("clerk", request)).await.expect("verified");
        let order = verified.into_inner().order.expect("an order");
        assert!(!is_blocked(&order) && order.state() == pb::OrderState::Invoiced, "{order:?}");
    }
    every_law_holds(&server).await;
    server.stop().await;
});

/// What the letter about the delivery says, once it is sent.
async fn confirmation(server: &TestServer, order_id: &str) -> String {
    let filter = format!("order_id = {order_id} AND kind = DELIVERY_CONFIRMED");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let mut page = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
    let letter = page.remove(0);
    assert_eq!(letter.state(), pb::MessageState::Sent);
    letter.body.split_whitespace().collect::<Vec<_>>().join(" ")
}

on_both_engines!(who_said_no_is_asked_nothing_and_offered_nothing_whenever_the_order_came, async |server| {
    stocked(&server, "K-1", 5).await;
    create_courier(&server).await;
    let kept = create(&server, ada("c-7")).await.expect("a customer");
    let warehouse = Warehouse { server: &server };
    let mut orders = Vec::new();
    for quantity in [1, 2] {
        let mut new = of_customer(&kept.id, "K-1");
        new.lines[0].quantity = quantity;
        let placed = create_order(&server, new).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        orders.push(placed.id);
    }
    warehouse.deliver_all(&orders[0]).await;
    warehouse.until_quiet(&orders[0]).await;

    let no = |purpose: pb::ConsentPurpose| pb::CustomerConsent {
        purpose: purpose as i32,
        given_time: Some(in_seconds(-120)),
        withdrawn_time: Some(in_seconds(-60)),
        source: "a call".to_owned(),
    };
    let consents = vec![no(pb::ConsentPurpose::Feedback), no(pb::ConsentPurpose::Offers)];
    let said = pb::CustomerAccount { id: kept.id.clone(), consents: consents.clone(), ..Default::default() };
    let nothing = pb::CustomerConsent { given_time: None, withdrawn_time: None, ..consents[0].clone() };
    let unsaid = pb::CustomerAccount { consents: vec![nothing], ..said.clone() };
    let refused = update(&server, unsaid, &["consents"], "").await.expect_err("says nothing");
    assert_eq!(fields(&refused), ["customer.consents[0].given_time"]);
    let kept = update(&server, said, &["consents"], "").await.expect("noted");
    assert_eq!(kept.consents, consents);

    warehouse.deliver_all(&orders[1]).await;
    warehouse.until_quiet(&orders[1]).await;
    for (id, is_asked) in [(&orders[0], true), (&orders[1], false)] {
        let told = confirmation(&server, id).await;
        let offer = order(&server, id).await.discount_offer.expect("the code is made in any case");
        assert_eq!(told.contains(&offer.code), is_asked, "{told}");
        assert_eq!(told.contains("Wie zufrieden sind Sie?"), is_asked, "{told}");
    }
    every_law_holds(&server).await;
    server.stop().await;
});
