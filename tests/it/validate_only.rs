//! `validate_only`: a call that is only asked is answered as if it were made, and leaves nothing.

use consign::pb;
use consign::pb::reserve_stock_request::Source;
use futures_util::future::{BoxFuture, join_all};
use prost::Message;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type as FieldType;
use tonic::{Code, Status};

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, draft, eur, every_law_holds, level, open_location, order, reason, stocked,
};
use crate::subscribers::{Answer, Receiver};
use crate::warehouse::Warehouse;

fn placing(name: &str, units: i64, validate_only: bool) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft(name, "V-1", units)),
        request_id: "cart-0000-0001".to_owned(),
        validate_only,
    }
}

async fn place(server: &TestServer, request: pb::CreateOrderRequest) -> Result<pb::Order, Status> {
    let answer = server.orders.clone().create_order(by("shop", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn capture(server: &TestServer, order: &str, validate_only: bool) -> pb::Payment {
    let request = pb::CapturePaymentRequest {
        order_id: order.to_owned(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        validate_only,
        ..Default::default()
    };
    let answer = server.billing.clone().capture_payment(by("shop", request)).await.expect("a payment");
    answer.into_inner().payment.expect("a payment")
}

on_both_engines!(an_order_that_is_only_asked_for_is_answered_and_leaves_nothing, async |server| {
    stocked(&server, "V-1", 5).await;

    let asked = place(&server, placing("ada", 3, true)).await.expect("the order as it would be");
    assert_eq!(asked.state(), pb::OrderState::Invoiced);
    assert!(!asked.invoice_number.is_empty() && asked.reservation.is_some());
    let key = pb::get_order_request::Key::OrderId(asked.id.clone());
    let request = pb::GetOrderRequest { key: Some(key), ..Default::default() };
    let unknown = server.orders.clone().get_order(request).await.expect_err("nothing was kept");
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(level(&server, "V-1").await.reserved, 0);

    // The request id is free, also for another content, and the numbers are those that were told.
    let placed = place(&server, placing("ada", 4, false)).await.expect("an order");
    assert_eq!((&placed.number, &placed.invoice_number), (&asked.number, &asked.invoice_number));
    assert_ne!(placed.id, asked.id);

    // What is kept of a call that was made is no answer to one that is only asked.
    let refused = place(&server, placing("bob", 4, true)).await.expect_err("one unit is left");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

    let short = pb::CreateOrderRequest { request_id: String::new(), ..placing("bob", 2, true) };
    let told = place(&server, short.clone()).await.expect_err("one unit is left");
    let made = place(&server, pb::CreateOrderRequest { validate_only: false, ..short }).await;
    let made = made.expect_err("one unit is left");
    assert_eq!((told.code(), told.message()), (made.code(), made.message()));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_payment_that_is_only_asked_for_charges_nobody, async |server| {
    stocked(&server, "V-1", 5).await;
    let placed = create_order(&server, draft("ada", "V-1", 1)).await.expect("an order");

    let asked = capture(&server, &placed.id, true).await;
    assert_eq!(asked.state(), pb::PaymentState::Pending, "the provider was not asked");
    let after = order(&server, &placed.id).await;
    assert!(after.payment_ids.is_empty() && after.etag == placed.etag);

    let paid = capture(&server, &placed.id, false).await;
    assert_eq!(paid.state(), pb::PaymentState::Captured);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_is_only_asked_beside_what_is_done_moves_no_unit, async |server| {
    stocked(&server, "V-1", 40).await;
    let calls = (0..80).map(|index| {
        let server = &server;
        let only_asked = index % 2 == 0;
        let name = format!("buyer-{index}");
        let request = pb::CreateOrderRequest { request_id: String::new(), ..placing(&name, 1, only_asked) };
        async move { place(server, request).await.map(|it| (only_asked, it)) }
    });
    let answers = join_all(calls).await;
    let placed: Vec<_> = answers.into_iter().filter_map(Result::ok).filter(|it| !it.0).collect();
    assert_eq!(placed.len(), 40, "the units asked for were free for those who bought");
    assert_eq!(level(&server, "V-1").await.available, 0);

    let request = pb::CountStockRequest {
        sku: "V-1".to_owned(),
        location: LEIPZIG.to_owned(),
        counted: Some(39),
        note: "sheet 7".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let counted = server.inventory.clone().count_stock(by("clerk", request)).await.expect("a count");
    assert_eq!(counted.into_inner().order_ids.len(), 1, "one order would lose its unit");
    assert_eq!(level(&server, "V-1").await.on_hand, 40);
    every_law_holds(&server).await;
    server.stop().await;
});

/// How the names of methods begin that change nothing.
pub(crate) const READS: &[&str] =
    &["Check", "Get", "List", "Plan", "Preview", "Quote", "Simulate", "Track", "Watch"];

/// Methods that have another name, and no `validate_only`.
const NEVER_ONLY_ASKED: &[&str] = &[
    // It reads, and keeps only that it was read.
    "ExportCustomerData",
    // It reads the chains and compares them.
    "VerifyEventChain",
    // They are only asked by `dry_run` of their options.
    "ImportOrders",
    "ImportProducts",
    "ImportStock",
];

#[test]
fn whatever_changes_something_can_be_only_asked() {
    let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).expect("written by our own build").file;
    let ours: Vec<_> = files.into_iter().filter(|it| it.package() == "consign.v1").collect();
    let messages: Vec<_> = ours.iter().flat_map(|it| &it.message_type).collect();
    let methods = ours.iter().flat_map(|it| &it.service).flat_map(|it| &it.method);
    let mut asked = 0;
    let mut without = Vec::new();
    for method in methods {
        let name = method.input_type().rsplit('.').next().expect("a name");
        let request = messages.iter().find(|it| it.name() == name).expect("its request");
        let has_it = request
            .field
            .iter()
            .any(|it| it.name() == "validate_only" && it.number() == 20 && it.r#type() == FieldType::Bool);
        let reads = READS.iter().any(|it| method.name().starts_with(it));
        assert!(!(reads && has_it), "{} changes nothing that could be only asked", method.name());
        asked += usize::from(has_it);
        if !reads && !has_it {
            without.push(method.name());
        }
    }
    without.sort_unstable();
    let mut expected = NEVER_ONLY_ASKED.to_vec();
    expected.sort_unstable();
    assert_eq!(without, expected);
    assert!(asked > 100, "{asked} methods can be only asked");
}

const HALLE: &str = "DE-HALLE";

/// A call that is made, or only asked; its answer without what is another every time.
type Call = fn(TestServer, bool) -> BoxFuture<'static, Result<String, Status>>;

macro_rules! calls {
    ($($service:ident.$method:ident($request:ident { $($field:ident: $value:expr),* $(,)? });)+) => {
        &[$(
            (stringify!($method), |server, only_asked| Box::pin(async move {
                let request = pb::$request {
                    $($field: $value,)*
                    validate_only: only_asked,
                    ..Default::default()
                };
                server.$service.clone().$method(by("clerk", request)).await.map(|it| lasting(it.get_ref()))
            })),
        )+]
    };
}

/// Changes of stock and of what is sold, from where, by whom and for how much less: each legal after those before it.
const ACCEPTED: &[(&str, Call)] = calls! {
    inventory.receive_stock(ReceiveStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), quantity: 5,
    });
    inventory.batch_adjust_stock(BatchAdjustStockRequest {
        adjustments: vec![
            adjustment(pb::AdjustmentReason::Found, 2),
            adjustment(pb::AdjustmentReason::QualityHold, 3),
        ],
    });
    inventory.adjust_stock(AdjustStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), reason: pb::AdjustmentReason::Found as i32, delta: 1,
    });
    inventory.set_reorder_rule(SetReorderRuleRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), rule: Some(reorder_at(5)),
    });
    inventory.release_quality_hold(ReleaseQualityHoldRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), quantity: 1, note: "clean".to_owned(),
    });
    inventory.scrap_stock(ScrapStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), quantity: 1, note: "broken".to_owned(),
    });
    inventory.count_stock(CountStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), counted: Some(50), note: "sheet 7".to_owned(),
    });
    inventory.transfer_stock(TransferStockRequest {
        from_location: LEIPZIG.to_owned(), to_location: HALLE.to_owned(), items: vec![units(3)],
    });
    inventory.reserve_stock(ReserveStockRequest {
        lines: vec![units(2)], source: Some(Source::Region("EUROPE".to_owned())), reference: "cart 7".to_owned(),
    });
    inventory.create_product(CreateProductRequest { product: Some(product("new")) });
    inventory.update_product(UpdateProductRequest {
        product: Some(product("renamed")), update_mask: only_the_name(),
    });
    inventory.deactivate_product(DeactivateProductRequest { sku: "V-2".to_owned() });
    inventory.reactivate_product(ReactivateProductRequest { sku: "V-2".to_owned() });
    inventory.create_stock_location(CreateStockLocationRequest { stock_location: Some(location("new")) });
    inventory.update_stock_location(UpdateStockLocationRequest {
        stock_location: Some(location("renamed")), update_mask: only_the_name(),
    });
    inventory.deactivate_stock_location(DeactivateStockLocationRequest { location: "DE-KOELN".to_owned() });
    inventory.reactivate_stock_location(ReactivateStockLocationRequest { location: "DE-KOELN".to_owned() });
    shipping.create_courier(CreateCourierRequest { courier: Some(courier("new")) });
    shipping.update_courier(UpdateCourierRequest {
        courier: Some(courier("renamed")), update_mask: only_the_name(),
    });
    shipping.deactivate_courier(DeactivateCourierRequest { courier: "swift".to_owned() });
    shipping.reactivate_courier(ReactivateCourierRequest { courier: "swift".to_owned() });
    discounts.create_discount_code(CreateDiscountCodeRequest { discount_code: Some(ten_off()) });
    discounts.deactivate_discount_code(DeactivateDiscountCodeRequest { code: "TEN".to_owned() });
    discounts.reactivate_discount_code(ReactivateDiscountCodeRequest { code: "TEN".to_owned() });
};

/// None of these can be done once all of the others are.
const REFUSED: &[(&str, Call)] = calls! {
    inventory.receive_stock(ReceiveStockRequest {
        sku: "NONE".to_owned(), location: LEIPZIG.to_owned(), quantity: 5,
    });
    inventory.batch_adjust_stock(BatchAdjustStockRequest {
        adjustments: vec![
            adjustment(pb::AdjustmentReason::Found, 2),
            adjustment(pb::AdjustmentReason::Lost, -999),
        ],
    });
    inventory.adjust_stock(AdjustStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), reason: pb::AdjustmentReason::Lost as i32, delta: -999,
    });
    inventory.set_reorder_rule(SetReorderRuleRequest {
        sku: "NONE".to_owned(), location: LEIPZIG.to_owned(), rule: Some(reorder_at(5)),
    });
    inventory.release_quality_hold(ReleaseQualityHoldRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), quantity: 99,
    });
    inventory.scrap_stock(ScrapStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), quantity: 99,
    });
    inventory.count_stock(CountStockRequest {
        sku: "V-1".to_owned(), location: LEIPZIG.to_owned(), counted: Some(0),
    });
    inventory.transfer_stock(TransferStockRequest {
        from_location: LEIPZIG.to_owned(), to_location: HALLE.to_owned(), items: vec![units(999)],
    });
    inventory.reserve_stock(ReserveStockRequest {
        lines: vec![units(999)], source: Some(Source::Region("EUROPE".to_owned())),
    });
    inventory.create_product(CreateProductRequest { product: Some(product("new")) });
    inventory.deactivate_product(DeactivateProductRequest { sku: "V-1".to_owned() });
    inventory.create_stock_location(CreateStockLocationRequest { stock_location: Some(location("new")) });
    shipping.create_courier(CreateCourierRequest { courier: Some(courier("new")) });
    discounts.create_discount_code(CreateDiscountCodeRequest { discount_code: Some(ten_off()) });
};

on_both_engines!(a_change_of_stock_or_master_data_that_is_only_asked_leaves_nothing, async |server| {
    stocked(&server, "V-1", 40).await;
    open_location(&server, HALLE, "EUROPE", "DE").await;
    let placed = create_order(&server, draft("ada", "V-1", 1)).await.expect("an order");
    // A letter that is sent is an event.
    Warehouse { server: &server }.until_quiet(&placed.id).await;

    for (name, call) in ACCEPTED {
        let before = whole(&server).await;
        let told = call(server.clone(), true).await.expect(name);
        assert_eq!(whole(&server).await, before, "{name} was only asked");
        let made = call(server.clone(), false).await.expect(name);
        assert_eq!(told, made, "{name} is answered as it was told");
        assert_ne!(whole(&server).await, before, "{name} was made");
    }
    let before = whole(&server).await;
    for (name, call) in REFUSED {
        let told = call(server.clone(), true).await.expect_err(name);
        let made = call(server.clone(), false).await.expect_err(name);
        assert_eq!((told.code(), told.message()), (made.code(), made.message()), "{name}");
        assert_eq!(reason(&told), reason(&made), "{name}");
        assert!(!reason(&made).is_empty(), "{name}: {made:?}");
    }
    assert_eq!(whole(&server).await, before, "what is refused leaves nothing");
    every_law_holds(&server).await;
    server.stop().await;
});

macro_rules! lists {
    ($server:ident: $($service:ident.$method:ident($request:ident);)+) => {
        [$({
            let request = pb::$request { page_size: 200, ..Default::default() };
            let page = $server.$service.clone().$method(request).await.expect(stringify!($method));
            format!("{:?}", page.into_inner())
        },)+]
    };
}

/// All that a call could leave: shelves with their ledger, what goes with them, master data, and the latest event.
async fn whole(server: &TestServer) -> Vec<String> {
    let mut whole = Vec::from(lists! { server:
        inventory.list_stock_levels(ListStockLevelsRequest);
        inventory.list_stock_movements(ListStockMovementsRequest);
        inventory.list_reservations(ListReservationsRequest);
        inventory.list_transfers(ListTransfersRequest);
        inventory.list_replenishments(ListReplenishmentsRequest);
        inventory.list_products(ListProductsRequest);
        inventory.list_stock_locations(ListStockLocationsRequest);
        shipping.list_couriers(ListCouriersRequest);
        discounts.list_discount_codes(ListDiscountCodesRequest);
    });
    let latest =
        pb::ListEventsRequest { page_size: 1, order_by: "position desc".to_owned(), ..Default::default() };
    let latest = server.events.clone().list_events(latest).await.expect("a page").into_inner().events;
    whole.push(format!("the last event is {}", latest[0].position));
    whole
}

/// What the calls about one thing aim at.
#[derive(Clone)]
struct Aims {
    order: String,
    /// A letter about the order that was sent.
    letter: String,
    customer: String,
    /// Two proposals to buy.
    proposal: String,
    other_proposal: String,
    subscription: String,
}

/// As `Call`, about one of these.
type CallAbout = fn(TestServer, Aims, bool) -> BoxFuture<'static, Result<String, Status>>;

macro_rules! calls_about {
    ($($service:ident.$method:ident($request:ident { $($field:ident: $value:expr),* $(,)? }) using $aims:ident;)+) => {
        &[$(
            (stringify!($method), |server, $aims, only_asked| Box::pin(async move {
                let request = pb::$request {
                    $($field: $value,)*
                    validate_only: only_asked,
                    ..Default::default()
                };
                server.$service.clone().$method(by("clerk", request)).await.map(|it| lasting(it.get_ref()))
            })),
        )+]
    };
}

/// Each legal after those before it.
const ABOUT_ONE: &[(&str, CallAbout)] = calls_about! {
    orders.add_order_note(AddOrderNoteRequest { order_id: it.order, text: "rings twice".to_owned() }) using it;
    orders.set_order_labels(SetOrderLabelsRequest {
        order_id: it.order, labels: [("team".to_owned(), "north".to_owned())].into(),
    }) using it;
    orders.set_notification_preference(SetNotificationPreferenceRequest {
        order_id: it.order, unwanted_kinds: vec![pb::MessageKind::PaymentReceived as i32],
    }) using it;
    privacy.set_legal_hold(SetLegalHoldRequest {
        target: Some(order_to_hold(it.order)), reason: "case 7".to_owned(),
    }) using it;
    privacy.release_legal_hold(ReleaseLegalHoldRequest { target: Some(order_to_hold(it.order)) }) using it;
    customers.update_customer(UpdateCustomerRequest {
        customer: Some(pb::CustomerAccount { id: it.customer, tax_number: "DE1".to_owned(), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["tax_number".to_owned()] }),
    }) using it;
    customers.block_customer(BlockCustomerRequest {
        customer_id: it.customer, reason: "does not pay".to_owned(),
    }) using it;
    customers.unblock_customer(UnblockCustomerRequest { customer_id: it.customer }) using it;
    inventory.update_replenishment(UpdateReplenishmentRequest {
        replenishment_id: it.proposal, supplier: "ACME".to_owned(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["supplier".to_owned()] }),
    }) using it;
    inventory.approve_replenishment(ApproveReplenishmentRequest { replenishment_id: it.proposal }) using it;
    inventory.place_replenishment(PlaceReplenishmentRequest { replenishment_id: it.proposal }) using it;
    inventory.cancel_replenishment(CancelReplenishmentRequest { replenishment_id: it.proposal }) using it;
    inventory.reject_replenishment(RejectReplenishmentRequest { replenishment_id: it.other_proposal }) using it;
    events.disable_event_subscription(DisableEventSubscriptionRequest {
        subscription_id: it.subscription, reason: "its disk is full".to_owned(),
    }) using it;
    events.update_event_subscription(UpdateEventSubscriptionRequest {
        subscription: Some(pb::EventSubscription {
            id: it.subscription, description: "the other shop".to_owned(), ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["description".to_owned()] }),
    }) using it;
    events.enable_event_subscription(EnableEventSubscriptionRequest { subscription_id: it.subscription }) using it;
    events.delete_event_subscription(DeleteEventSubscriptionRequest {
        subscription_id: it.subscription, reason: "nobody listens".to_owned(),
    }) using it;
    orders.resend_message(ResendMessageRequest { message_id: it.letter }) using it;
};

on_both_engines!(
    a_change_of_one_thing_that_is_only_asked_leaves_nothing,
    crate::subscriptions::beside,
    async |server| {
        let receiver = Receiver::start(|_, _| Answer::Take).await;
        let aims = aims(&server, &receiver).await;
        for (name, call) in ABOUT_ONE {
            let warehouse = Warehouse { server: &server };
            warehouse.until_quiet(&aims.order).await;
            let before = all_of(&server, &aims).await;
            let told = call(server.clone(), aims.clone(), true).await.expect(name);
            assert_eq!(all_of(&server, &aims).await, before, "{name} was only asked");
            let made = call(server.clone(), aims.clone(), false).await.expect(name);
            assert_eq!(told, made, "{name} is answered as it was told");
            assert_ne!(all_of(&server, &aims).await, before, "{name} was made");
        }
        every_law_holds(&server).await;
        server.stop().await;
    }
);

async fn aims(server: &TestServer, receiver: &Receiver) -> Aims {
    stocked(server, "V-1", 5).await;
    stocked(server, "V-2", 5).await;
    let placed = create_order(server, draft("ada", "V-1", 1)).await.expect("an order");
    Warehouse { server }.until_quiet(&placed.id).await;
    let filter = format!("order_id = {} AND kind = ORDER_RECEIVED", placed.id);
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let letters = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;

    let contact =
        pb::Customer { name: "Ada".to_owned(), email: "ada@example.com".to_owned(), ..Default::default() };
    let customer = pb::CustomerAccount { contact: Some(contact), ..Default::default() };
    let request = pb::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
    let customer = server.customers.clone().create_customer(by("clerk", request)).await.expect("a customer");

    let subscription = pb::EventSubscription { url: receiver.address(), ..Default::default() };
    let request =
        pb::CreateEventSubscriptionRequest { subscription: Some(subscription), ..Default::default() };
    let made = server.events.clone().create_event_subscription(by("clerk", request)).await;
    let made = made.expect("a subscription").into_inner();
    receiver.expect(&made.secret);
    Aims {
        order: placed.id,
        letter: letters[0].id.clone(),
        customer: customer.into_inner().customer.expect("a customer").id,
        proposal: proposed(server, "V-1").await,
        other_proposal: proposed(server, "V-2").await,
        subscription: made.subscription.expect("a subscription").id,
    }
}

/// What is proposed to buy of a product of which little is left.
async fn proposed(server: &TestServer, sku: &str) -> String {
    let mut inventory = server.inventory.clone();
    let request = pb::SetReorderRuleRequest {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(reorder_at(50)),
        ..Default::default()
    };
    inventory.set_reorder_rule(by("clerk", request)).await.expect("a rule");
    let filter = format!("state = PROPOSED AND sku = {sku}");
    let request = pb::ListReplenishmentsRequest { filter, ..Default::default() };
    let page = inventory.list_replenishments(request).await.expect("a page").into_inner();
    page.replenishments[0].id.clone()
}

/// The whole, with the orders, their letters, customers and subscriptions.
async fn all_of(server: &TestServer, aims: &Aims) -> Vec<String> {
    let mut all = whole(server).await;
    all.extend(lists! { server:
        orders.list_messages(ListMessagesRequest);
        customers.list_customers(ListCustomersRequest);
        events.list_event_subscriptions(ListEventSubscriptionsRequest);
    });
    all.push(format!("{:?}", order(server, &aims.order).await));
    all
}

fn order_to_hold(id: String) -> pb::LegalHoldTarget {
    pb::LegalHoldTarget { target: Some(pb::legal_hold_target::Target::OrderId(id)) }
}

/// The answer in words, without ids and times: they are others in a call that is made.
fn lasting(answer: &impl std::fmt::Debug) -> String {
    let text = format!("{answer:#?}");
    let is_id = |word: &str| word.len() == 30 && word.as_bytes()[3] == b'_';
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("seconds: ") {
            // Its nanoseconds.
            lines.next();
            continue;
        }
        let words = line.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        kept.extend(words.filter(|it| !it.is_empty() && !is_id(it)).map(str::to_owned));
    }
    kept.join(" ")
}

fn adjustment(reason: pb::AdjustmentReason, delta: i64) -> pb::StockAdjustment {
    pb::StockAdjustment {
        sku: "V-1".to_owned(),
        location: LEIPZIG.to_owned(),
        reason: reason as i32,
        delta,
        ..Default::default()
    }
}

fn reorder_at(reorder_point: i64) -> pb::ReorderRule {
    pb::ReorderRule { reorder_point, order_up_to: 60, lead_time_days: 14 }
}

fn units(quantity: i64) -> pb::StockLine {
    pb::StockLine { sku: "V-1".to_owned(), quantity }
}

fn only_the_name() -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec!["name".to_owned()] })
}

fn product(name: &str) -> pb::Product {
    pb::Product {
        sku: "V-2".to_owned(),
        name: name.to_owned(),
        tax_category: "STANDARD".to_owned(),
        weight_grams: 400,
        unit_price: Some(eur(990)),
        ..Default::default()
    }
}

fn location(name: &str) -> pb::StockLocation {
    pb::StockLocation {
        location: "DE-KOELN".to_owned(),
        name: name.to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    }
}

fn courier(name: &str) -> pb::Courier {
    let rate = pb::CourierRate {
        region: "EUROPE".to_owned(),
        service_level: pb::ServiceLevel::Standard.into(),
        base_price: Some(eur(490)),
        transit_days: 2,
        ..Default::default()
    };
    pb::Courier {
        courier: "swift".to_owned(),
        name: name.to_owned(),
        daily_cutoff: "16:00".to_owned(),
        rates: vec![rate],
        ..Default::default()
    }
}

fn ten_off() -> pb::DiscountCode {
    let value = Some(pb::discount::Value::RatePpm(100_000));
    pb::DiscountCode { code: "TEN".to_owned(), discount: Some(pb::Discount { value }), ..Default::default() }
}
