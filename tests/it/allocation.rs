//! Where stock comes from: strategies by region and by call, plans, and what is kept of them.

use consign::pb;
use consign::pb::plan_allocation_request::Destination;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{Clients, on_both_engines};
use crate::shop::{
    by, create_order, create_product, draft, eur, every_law_holds, order, pay_by_card, receive,
};

/// A location in Germany with this postal code and priority.
async fn open(server: &Clients, code: &str, postal_code: &str, priority: i32) {
    let location = pb::StockLocation {
        location: code.to_owned(),
        name: code.to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        address: Some(pb::Address {
            street: vec!["Lager 1".to_owned()],
            city: "Stadt".to_owned(),
            postal_code: postal_code.to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        }),
        priority,
        ..Default::default()
    };
    let request = pb::CreateStockLocationRequest { stock_location: Some(location), ..Default::default() };
    server.inventory.clone().create_stock_location(by("setup", request)).await.expect("a location");
}

/// Munich goes first, Halle and Leipzig later; all three have the pot, only Munich and Halle the lid.
async fn three_locations(server: &Clients) {
    open(server, "DE-MUC", "80331", 1).await;
    open(server, "DE-HAL", "06108", 2).await;
    open(server, "DE-LEJ", "04109", 3).await;
    for sku in ["POT", "LID"] {
        create_product(server, sku, 1_000).await;
    }
    for location in ["DE-MUC", "DE-HAL", "DE-LEJ"] {
        receive(server, "POT", location, 5).await;
    }
    receive(server, "LID", "DE-MUC", 1).await;
    receive(server, "LID", "DE-HAL", 5).await;
}

fn lines(wanted: &[(&str, i64)]) -> Vec<pb::StockLine> {
    wanted
        .iter()
        .map(|(sku, quantity)| pb::StockLine { sku: (*sku).to_owned(), quantity: *quantity })
        .collect()
}

async fn plan(
    server: &Clients,
    wanted: &[(&str, i64)],
    strategy: pb::AllocationStrategy,
) -> Result<pb::PlanAllocationResponse, Status> {
    let request = pb::PlanAllocationRequest {
        lines: lines(wanted),
        postal_code: "04105".to_owned(),
        allocation_strategy: strategy as i32,
        destination: Some(Destination::Country("DE".to_owned())),
        currency: "EUR".to_owned(),
    };
    Ok(server.inventory.clone().plan_allocation(request).await?.into_inner())
}

fn from(plan: &pb::PlanAllocationResponse) -> Vec<(i32, &str, i64)> {
    plan.items.iter().map(|it| (it.line_number, it.location.as_str(), it.quantity)).collect()
}

fn passed_over(plan: &pb::PlanAllocationResponse) -> Vec<(&str, &str)> {
    let others = plan.candidates.iter().filter(|it| !it.chosen);
    others.map(|it| (it.location.as_str(), it.reason.as_str())).collect()
}

on_both_engines!(a_plan_says_where_from_and_why_from_nowhere_else, async |server| {
    use pb::AllocationStrategy::{FewestShipments, Nearest, Priority, Unspecified};
    three_locations(&server).await;

    let nearest = plan(&server, &[("POT", 2)], Nearest).await.expect("a plan");
    assert_eq!((from(&nearest), nearest.region.as_str()), (vec![(1, "DE-LEJ", 2)], "EUROPE"));
    let later = "has every line, and comes later";
    assert_eq!(passed_over(&nearest), [("DE-MUC", later), ("DE-HAL", later)]);
    let first = plan(&server, &[("POT", 2)], Priority).await.expect("a plan");
    assert_eq!(from(&first), [(1, "DE-MUC", 2)]);

    // Nobody has seven pots; Munich and Halle have them together.
    let wanted = [("POT", 7), ("LID", 3)];
    let split = plan(&server, &wanted, Nearest).await.expect("a plan");
    assert_eq!(from(&split), [(1, "DE-LEJ", 5), (1, "DE-HAL", 2), (2, "DE-HAL", 3)]);
    assert_eq!(passed_over(&split), [("DE-MUC", "has 1 of 3 LID, has 5 of 7 POT")]);
    let usual = plan(&server, &wanted, Unspecified).await.expect("a plan");
    assert_eq!(usual.allocation_strategy(), FewestShipments);
    assert_eq!(from(&usual).len(), 4, "both products from Munich and Halle: {usual:?}");

    let short = plan(&server, &[("POT", 16)], Priority).await.expect("an answer");
    assert_eq!((from(&short).len(), short.shortages[0].wanted, short.shortages[0].available), (0, 16, 15));
    every_law_holds(&server).await;
});

on_both_engines!(two_parcels_where_priority_takes_three, async |server| {
    use pb::AllocationStrategy::{FewestShipments, Priority, Unspecified};
    for (location, priority) in [("PLACE-A", 1), ("PLACE-B", 2), ("PLACE-C", 3)] {
        open(&server, location, "04109", priority).await;
    }
    for sku in ["X", "Y", "Z"] {
        create_product(&server, sku, 1_000).await;
    }
    for (sku, location) in [("X", "PLACE-A"), ("X", "PLACE-B"), ("Y", "PLACE-B"), ("Z", "PLACE-C")] {
        receive(&server, sku, location, 1).await;
    }

    courier_of(&server, "SWIFT", &[("EUROPE", 490)]).await;

    let wanted = [("X", 1), ("Y", 1), ("Z", 1)];
    let three = plan(&server, &wanted, Priority).await.expect("a plan");
    assert_eq!(from(&three), [(1, "PLACE-A", 1), (2, "PLACE-B", 1), (3, "PLACE-C", 1)]);
    let two = plan(&server, &wanted, Unspecified).await.expect("a plan");
    assert_eq!(two.allocation_strategy(), FewestShipments);
    assert_eq!(from(&two), [(1, "PLACE-B", 1), (2, "PLACE-B", 1), (3, "PLACE-C", 1)]);
    let why = "PLACE-B, PLACE-C have every line together: 2 shipments, where the order of priority takes 3";
    assert_eq!(two.explanation, why);
    let why_not_a = ("PLACE-A", "has 0 of 1 Y, has 0 of 1 Z");
    assert_eq!(passed_over(&two), [why_not_a]);

    let mut wish = draft("parcels", "X", 1);
    wish.lines.extend(["Y", "Z"].map(|sku| pb::OrderLineDraft {
        sku: sku.to_owned(),
        quantity: 1,
        ..Default::default()
    }));
    let placed = create_order(&server, wish).await.expect("an order");
    let kept = placed.reservation.expect("it is reserved");
    let taken: Vec<&str> = kept.items.iter().map(|it| it.location.as_str()).collect();
    assert_eq!((taken, kept.explanation.as_str()), (vec!["PLACE-B", "PLACE-B", "PLACE-C"], why));
    let others: Vec<_> =
        kept.passed_over.iter().map(|it| (it.location.as_str(), it.reason.as_str())).collect();
    assert_eq!(others, [why_not_a]);
    pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
    let mut left_from = Vec::new();
    for shipment_id in order(&server, &placed.id).await.shipment_ids {
        let request = pb::GetShipmentRequest { shipment_id };
        let answer = server.shipping.clone().get_shipment(request).await.expect("it is there");
        left_from.push(answer.into_inner().shipment.expect("a shipment").location);
    }
    left_from.sort();
    assert_eq!(left_from, ["PLACE-B", "PLACE-C"]);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_order_and_a_cart_are_served_as_their_callers_say_and_keep_the_plan, async |server| {
    three_locations(&server).await;
    let mut wish = draft("near", "POT", 2);
    let address = wish.shipping_address.as_mut().expect("an address");
    (address.country, address.postal_code) = ("DE".to_owned(), "04105".to_owned());
    wish.allocation_strategy = pb::AllocationStrategy::Nearest as i32;
    let order = create_order(&server, wish).await.expect("an order");
    assert_eq!(order.allocation_strategy(), pb::AllocationStrategy::Nearest);
    let kept = order.reservation.expect("it is reserved");
    assert_eq!(kept.items[0].location, "DE-LEJ");
    assert_eq!(kept.explanation, "DE-LEJ has every line and is the nearest that does");
    assert_eq!(kept.allocation_strategy(), pb::AllocationStrategy::Nearest);
    let others: Vec<&str> = kept.passed_over.iter().map(|it| it.location.as_str()).collect();
    assert_eq!(others, ["DE-HAL", "DE-MUC"], "in the order in which they would have come");

    let request = pb::ReserveStockRequest {
        lines: lines(&[("POT", 2)]),
        source: Some(pb::reserve_stock_request::Source::Region("EUROPE".to_owned())),
        allocation_strategy: pb::AllocationStrategy::Priority as i32,
        ..Default::default()
    };
    let answer = server.inventory.clone().reserve_stock(by("cart", request)).await.expect("reserved");
    let cart = answer.into_inner().reservation.expect("a reservation");
    assert_eq!((cart.items[0].location.as_str(), cart.passed_over.len()), ("DE-MUC", 2));
    every_law_holds(&server).await;
});

on_both_engines!(a_plan_of_nonsense_is_refused_with_every_problem, async |server| {
    create_product(&server, "POT", 1_000).await;
    let request = pb::PlanAllocationRequest {
        lines: lines(&[("POT", 0), ("", 1)]),
        postal_code: "04105".to_owned(),
        allocation_strategy: 9,
        destination: Some(Destination::Region("EUROPE".to_owned())),
        currency: String::new(),
    };
    let refused = server.inventory.clone().plan_allocation(request).await.expect_err("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let bad = refused.get_details_bad_request().expect("a bad request lists its fields");
    let mut fields: Vec<String> = bad.field_violations.into_iter().map(|it| it.field).collect();
    fields.sort();
    assert_eq!(fields, ["allocation_strategy", "lines[0].quantity", "lines[1].sku", "postal_code"]);
    let unknown = plan(&server, &[("NONE", 1)], pb::AllocationStrategy::Unspecified).await;
    assert_eq!(unknown.expect_err("there is no such product").code(), Code::InvalidArgument);
});

on_both_engines!(
    a_region_may_have_a_way_of_its_own,
    |settings| {
        let europe = "EUROPE".parse().expect("a code");
        settings.rules.allocation_by_region.insert(europe, consign::domain::Allocation::Nearest);
    },
    async |server| {
        three_locations(&server).await;
        let usual = plan(&server, &[("POT", 2)], pb::AllocationStrategy::Unspecified).await.expect("a plan");
        assert_eq!(
            (usual.allocation_strategy(), from(&usual)),
            (pb::AllocationStrategy::Nearest, vec![(1, "DE-LEJ", 2)])
        );
    }
);

/// A courier that collects in one region, and asks this much there.
async fn courier_of(server: &Clients, code: &str, rates: &[(&str, i64)]) {
    let rate = |(region, base): &(&str, i64)| pb::CourierRate {
        region: (*region).to_owned(),
        service_level: pb::ServiceLevel::Standard.into(),
        transit_days: 2,
        base_price: Some(eur(*base)),
        ..Default::default()
    };
    let courier = pb::Courier {
        courier: code.to_owned(),
        name: code.to_owned(),
        daily_cutoff: "16:00".to_owned(),
        rates: rates.iter().map(rate).collect(),
        ..Default::default()
    };
    let request = pb::CreateCourierRequest { courier: Some(courier), ..Default::default() };
    server.shipping.clone().create_courier(by("setup", request)).await.expect("a courier");
}

on_both_engines!(where_cost_decides_the_plan_shows_what_each_location_costs, async |server| {
    use pb::AllocationStrategy::LeastCost;
    three_locations(&server).await;
    courier_of(&server, "SWIFT", &[("EUROPE", 490)]).await;
    courier_of(&server, "CHEAP", &[("EUROPE", 450)]).await;

    let one = plan(&server, &[("POT", 2), ("LID", 1)], LeastCost).await.expect("a plan");
    assert_eq!(one.allocation_strategy(), LeastCost);
    assert_eq!(from(&one), [(1, "DE-MUC", 2), (2, "DE-MUC", 1)], "equally cheap: by priority");
    assert!(one.explanation.contains("costs least"), "{}", one.explanation);
    assert!(one.candidates.iter().all(|it| it.cost == Some(eur(450))), "{:?}", one.candidates);
    let split = plan(&server, &[("POT", 7)], LeastCost).await.expect("a plan");
    assert_eq!(from(&split).len(), 2, "no location more than it takes");
    let others = passed_over(&split);
    assert_eq!(others.len(), 1);
    assert!(others[0].1.ends_with("and no choice with it costs less"), "{others:?}");

    let mut wish = draft("cost", "POT", 2);
    wish.allocation_strategy = LeastCost.into();
    let order = create_order(&server, wish).await.expect("an order");
    assert_eq!(order.reservation.expect("it is reserved").items[0].location, "DE-MUC");

    let request = pb::PlanAllocationRequest {
        lines: lines(&[("POT", 1)]),
        allocation_strategy: LeastCost.into(),
        destination: Some(Destination::Region("EUROPE".to_owned())),
        ..Default::default()
    };
    let refused = server.inventory.clone().plan_allocation(request).await.expect_err("in which currency?");
    let bad = refused.get_details_bad_request().expect("the fields");
    assert_eq!(bad.field_violations[0].field, "currency");
    every_law_holds(&server).await;
});

/// Units of a lot that is good to the end of that month of 2099.
async fn receive_lot(server: &Clients, location: &str, month: i32, quantity: i64) {
    let request = pb::ReceiveStockRequest {
        sku: "YEAST".to_owned(),
        location: location.to_owned(),
        quantity,
        lot: format!("{location}-{month}"),
        expire_date: Some(pb::Date { year: 2099, month, day: 28 }),
        ..Default::default()
    };
    server.inventory.clone().receive_stock(by("setup", request)).await.expect("goods arrive");
}

on_both_engines!(what_expires_first_is_taken_first_where_that_decides, async |server| {
    use pb::AllocationStrategy::{Fefo, Priority};
    three_locations(&server).await;
    let product = pb::Product {
        sku: "YEAST".to_owned(),
        name: "Yeast".to_owned(),
        unit_price: Some(eur(90)),
        tracks_lots: true,
        ..Default::default()
    };
    let request = pb::CreateProductRequest { product: Some(product), ..Default::default() };
    server.inventory.clone().create_product(by("setup", request)).await.expect("a product");
    receive_lot(&server, "DE-MUC", 9, 5).await;
    receive_lot(&server, "DE-HAL", 3, 5).await;
    receive_lot(&server, "DE-LEJ", 6, 5).await;

    let wanted = [("POT", 1), ("YEAST", 4)];
    let by_priority = plan(&server, &wanted, Priority).await.expect("a plan");
    assert_eq!(from(&by_priority), [(1, "DE-MUC", 1), (2, "DE-MUC", 4)]);
    let one = plan(&server, &wanted, Fefo).await.expect("a plan");
    assert_eq!((one.allocation_strategy(), from(&one)), (Fefo, vec![(1, "DE-HAL", 1), (2, "DE-HAL", 4)]));
    assert!(one.explanation.contains("expires first"), "{}", one.explanation);
    for (location, reason) in passed_over(&one) {
        let month = if location == "DE-MUC" { "expires 2099-09-28" } else { "expires 2099-06-28" };
        assert!(reason.contains("has every line") && reason.contains(month), "{location}: {reason}");
    }

    let mut wish = draft("fefo", "YEAST", 7);
    wish.allocation_strategy = Fefo.into();
    let order = create_order(&server, wish).await.expect("an order");
    let items = order.reservation.expect("it is reserved").items;
    let taken: Vec<_> = items.iter().map(|it| (it.location.as_str(), it.quantity)).collect();
    assert_eq!(taken, [("DE-HAL", 5), ("DE-LEJ", 2)]);
    every_law_holds(&server).await;
});
