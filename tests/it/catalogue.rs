//! Master data over the wire: corrected, taken out of use and put back, found again; placed orders keep what they froze.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use consign::pb;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::child::scale;
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, eur, every_law_holds, order, reason, receive, stocked,
};

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|it| (*it).to_owned()).collect() })
}

async fn update(
    server: &Clients,
    product: pb::Product,
    paths: &[&str],
    etag: &str,
) -> Result<pb::Product, Status> {
    let request = pb::UpdateProductRequest {
        product: Some(product),
        update_mask: mask(paths),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = server.inventory.clone().update_product(by("clerk", request)).await?;
    Ok(answer.into_inner().product.expect("a product"))
}

async fn product(server: &Clients, sku: &str) -> pb::Product {
    let request = pb::GetProductRequest { sku: sku.to_owned() };
    let answer = server.inventory.clone().get_product(request).await.expect("it is there");
    answer.into_inner().product.expect("a product")
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().map(|it| it.field_violations);
    bad.into_iter().flatten().map(|it| it.field).collect()
}

/// Everything about a product that a person enters.
fn corrected(sku: &str) -> pb::Product {
    let usd = pb::Money { currency_code: "USD".to_owned(), units: 22, nanos: 0 };
    pb::Product {
        sku: sku.to_owned(),
        name: "Mug, large".to_owned(),
        tax_category: "BOOKS".to_owned(),
        unit_price: Some(eur(2_090)),
        weight_grams: 420,
        prices: vec![pb::ProductPrice { price: Some(usd), valid_from: None }],
        gtin: "4006381333931".to_owned(),
        dimensions: Some(pb::Dimensions { length_mm: 120, width_mm: 90, height_mm: 100 }),
        fragile: true,
        dangerous: true,
        kind: pb::ProductKind::Goods as i32,
        labels: BTreeMap::from([("shelf".to_owned(), "A1".to_owned())]),
        ..Default::default()
    }
}

const EVERY_FIELD: [&str; 10] = [
    "name",
    "tax_category",
    "unit_price",
    "weight_grams",
    "prices",
    "gtin",
    "dimensions",
    "fragile",
    "dangerous",
    "labels",
];

on_both_engines!(what_is_wrong_about_a_product_is_corrected_and_placed_orders_keep_it, async |server| {
    stocked(&server, "MUG", 10).await;
    let placed = create_order(&server, draft("ada", "MUG", 1)).await.expect("an order");
    let before = product(&server, "MUG").await;

    let renamed = update(&server, corrected("MUG"), &["name"], &before.etag).await.expect("corrected");
    let expected = pb::Product {
        name: "Mug, large".to_owned(),
        etag: renamed.etag.clone(),
        update_time: renamed.update_time,
        ..before.clone()
    };
    assert_eq!(renamed, expected, "what the mask does not name stays");
    assert_ne!(renamed.etag, before.etag);
    let stale = update(&server, corrected("MUG"), &["name"], &before.etag).await.expect_err("not read again");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));

    let changed = update(&server, corrected("MUG"), &EVERY_FIELD, "").await.expect("corrected");
    let expected = pb::Product {
        create_time: before.create_time,
        update_time: changed.update_time,
        etag: changed.etag.clone(),
        active: true,
        ..corrected("MUG")
    };
    assert_eq!(changed, expected);
    assert_eq!(product(&server, "MUG").await, changed);

    let after = order(&server, &placed.id).await;
    assert_eq!((&after.lines, &after.totals), (&placed.lines, &placed.totals), "it keeps what it froze");
    let later = create_order(&server, draft("bob", "MUG", 1)).await.expect("an order");
    let (line, was) = (&later.lines[0], &placed.lines[0]);
    assert_eq!((line.description.as_str(), line.unit_price.clone()), ("Mug, large", Some(eur(2_090))));
    assert_eq!((was.description.as_str(), was.unit_price.clone()), ("product MUG", Some(eur(1_990))));
    assert_eq!((line.tax_rate_ppm, was.tax_rate_ppm), (70_000, 190_000));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(every_bad_path_and_value_of_a_correction_is_told_at_once, async |server| {
    stocked(&server, "MUG", 0).await;
    let before = product(&server, "MUG").await;
    let money = |units| pb::Money { currency_code: "EUR".to_owned(), units, nanos: 0 };
    let at = |price| pb::ProductPrice { price, valid_from: Some(crate::shop::in_seconds(9)) };
    let bad = pb::Product {
        tax_category: "no such".to_owned(),
        unit_price: Some(money(-1)),
        weight_grams: -1,
        prices: vec![at(Some(money(1))), at(None)],
        gtin: "4006381333932".to_owned(),
        dimensions: Some(pb::Dimensions { length_mm: 0, width_mm: 1, height_mm: 10_001 }),
        ..corrected("MUG")
    };
    let paths = [&EVERY_FIELD[..], &["sku", "active"]].concat();
    let refused = update(&server, bad, &paths, "").await.expect_err("all of it is wrong");
    let told = [
        "update_mask",
        "update_mask",
        "product.tax_category",
        "product.unit_price",
        "product.weight_grams",
        "product.prices[1].price",
        "product.gtin",
        "product.dimensions.length_mm",
        "product.dimensions.height_mm",
    ];
    assert_eq!(fields(&refused), told, "{refused:?}");

    let twice = pb::Product { prices: vec![at(Some(money(1))), at(Some(money(2)))], ..corrected("MUG") };
    let refused = update(&server, twice, &["prices"], "").await.expect_err("which of them?");
    assert_eq!(fields(&refused), ["product.prices[1]"]);
    let refused = update(&server, corrected("MUG"), &[], "").await.expect_err("nothing is named");
    assert_eq!(fields(&refused), ["update_mask"]);
    let refused = update(&server, corrected("NONE"), &["name"], "").await.expect_err("nobody has it");
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(product(&server, "MUG").await, before);
    server.stop().await;
});

on_both_engines!(locations_and_couriers_are_corrected_too, async |server| {
    stocked(&server, "MUG", 0).await;
    create_courier(&server).await;
    let location = pb::StockLocation {
        location: LEIPZIG.to_owned(),
        name: "Leipzig".to_owned(),
        region: "MALAYSIA".to_owned(),
        country: "MY".to_owned(),
        priority: 7,
        address: Some(pb::Address {
            country: "MY".to_owned(),
            city: "Ipoh".to_owned(),
            ..Default::default()
        }),
        working_hours: vec![pb::WorkingHours {
            weekday: pb::Weekday::Monday as i32,
            opens: "08:00".to_owned(),
            closes: "17:00".to_owned(),
        }],
        holidays: vec![pb::Date { year: 2026, month: 12, day: 25 }],
        order_cutoff: "15:00".to_owned(),
        ..Default::default()
    };
    let request = |location: &pb::StockLocation| pb::UpdateStockLocationRequest {
        stock_location: Some(location.clone()),
        update_mask: mask(&[
            "name",
            "region",
            "country",
            "priority",
            "address",
            "time_zone",
            "working_hours",
            "holidays",
            "order_cutoff",
        ]),
        ..Default::default()
    };
    let mut inventory = server.inventory.clone();
    let get = pb::GetStockLocationRequest { location: LEIPZIG.to_owned() };
    let opened = inventory.get_stock_location(get).await.expect("a location").into_inner();
    let opened = opened.stock_location.expect("a location");
    let answer = inventory.update_stock_location(by("clerk", request(&location))).await.expect("corrected");
    let changed = answer.into_inner().stock_location.expect("a location");
    let expected = pb::StockLocation {
        // Not said, and so that of the address.
        time_zone: "Asia/Kuala_Lumpur".to_owned(),
        create_time: changed.create_time,
        update_time: changed.update_time,
        etag: changed.etag.clone(),
        active: true,
        ..location.clone()
    };
    assert_eq!(changed, expected);
    let late = pb::UpdateStockLocationRequest {
        stock_location: Some(pb::StockLocation { name: "Ipoh".to_owned(), ..location.clone() }),
        etag: opened.etag,
        ..request(&location)
    };
    let stale = inventory.update_stock_location(by("clerk", late)).await.expect_err("not read again");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    for (wrong, field) in [
        (pb::StockLocation { region: "MOON".to_owned(), ..location.clone() }, "stock_location.region"),
        (
            pb::StockLocation { country: "DE".to_owned(), ..location.clone() },
            "stock_location.address.country",
        ),
    ] {
        let refused = inventory.update_stock_location(by("clerk", request(&wrong))).await;
        assert_eq!(fields(&refused.expect_err("there is none")), [field]);
    }

    let courier = pb::Courier {
        courier: "swift".to_owned(),
        name: "Swift".to_owned(),
        takes_dangerous_goods: true,
        ..Default::default()
    };
    let request = |paths: &[&str]| pb::UpdateCourierRequest {
        courier: Some(courier.clone()),
        update_mask: mask(paths),
        ..Default::default()
    };
    let mut shipping = server.shipping.clone();
    let paths = ["name", "takes_dangerous_goods"];
    let answer = shipping.update_courier(by("clerk", request(&paths))).await.expect("corrected");
    let changed = answer.into_inner().courier.expect("a courier");
    assert_eq!(
        (changed.name.as_str(), changed.takes_dangerous_goods, changed.rates.len()),
        ("Swift", true, 1)
    );
    let refused = shipping.update_courier(by("clerk", request(&["rates", "courier"]))).await;
    assert_eq!(fields(&refused.expect_err("no rates")), ["update_mask", "courier.rates"]);

    // A rate may name a zone that is there already, and one that is named stays.
    let zone = pb::DeliveryZone {
        zone: "ISLANDS".to_owned(),
        areas: vec![pb::DeliveryArea { country: "ES".to_owned(), ..Default::default() }],
    };
    let zoned = pb::Courier { zones: vec![zone], ..courier.clone() };
    let rated = |zone: &str| {
        let rate =
            pb::CourierRate { region: String::new(), zone: zone.to_owned(), ..changed.rates[0].clone() };
        pb::Courier { rates: vec![rate], ..courier.clone() }
    };
    for (courier, path, wrong) in [
        (rated("ISLANDS"), "rates", vec!["courier.rates[0].zone".to_owned()]),
        (zoned, "zones", Vec::new()),
        (rated("ISLANDS"), "rates", Vec::new()),
        (courier.clone(), "zones", vec!["courier.rates[0].zone".to_owned()]),
    ] {
        let request = pb::UpdateCourierRequest {
            courier: Some(courier),
            update_mask: mask(&[path]),
            ..Default::default()
        };
        let told = shipping.update_courier(by("clerk", request)).await.err().map(|it| fields(&it));
        assert_eq!(told.unwrap_or_default(), wrong, "{path}");
    }
    server.stop().await;
});

/// Everything about a courier that a person enters.
fn corrected_courier() -> pb::Courier {
    let zone = pb::DeliveryZone {
        zone: "ISLANDS".to_owned(),
        areas: vec![pb::DeliveryArea {
            country: "ES".to_owned(),
            postal_code_from: "35000".to_owned(),
            postal_code_to: "35999".to_owned(),
            ..Default::default()
        }],
    };
    let rate = pb::CourierRate {
        service_level: pb::ServiceLevel::Express as i32,
        base_price: Some(eur(1_490)),
        price_per_kg: Some(eur(75)),
        transit_days: 3,
        weight_max_grams: 20_000,
        zone: "ISLANDS".to_owned(),
        service_name: "Islands 12".to_owned(),
        weight_bands: vec![pb::WeightBand { up_to_grams: 2_000, price: Some(eur(100)) }],
        volumetric_divisor: 5_000,
        deliver_by: "12:00".to_owned(),
        ..Default::default()
    };
    pb::Courier {
        courier: "swift".to_owned(),
        name: "Swift".to_owned(),
        rates: vec![rate],
        daily_cutoff: "17:30".to_owned(),
        time_zone: "Europe/Athens".to_owned(),
        pickup_weekdays: vec![1, 3, 5],
        takes_dangerous_goods: true,
        delivery_weekdays: (1..=6).collect(),
        holidays: vec![pb::Date { year: 2026, month: 12, day: 25 }],
        zones: vec![zone],
        shipments_per_day: 40,
        ..Default::default()
    }
}

on_both_engines!(
    every_field_of_a_courier_is_corrected_at_once_and_not_by_who_read_an_older_one,
    async |server| {
        create_courier(&server).await;
        let mut shipping = server.shipping.clone();
        let get = pb::GetCourierRequest { courier: "swift".to_owned() };
        let before = shipping.get_courier(get.clone()).await.expect("a courier").into_inner();
        let before = before.courier.expect("a courier");
        let request = |courier: pb::Courier, paths: &[&str], etag: &str| pb::UpdateCourierRequest {
            courier: Some(courier),
            update_mask: mask(paths),
            etag: etag.to_owned(),
            ..Default::default()
        };
        let paths = [
            "name",
            "rates",
            "daily_cutoff",
            "time_zone",
            "pickup_weekdays",
            "takes_dangerous_goods",
            "delivery_weekdays",
            "holidays",
            "zones",
            "shipments_per_day",
        ];
        let all = request(corrected_courier(), &paths, &before.etag);
        let changed = shipping.update_courier(by("clerk", all)).await.expect("corrected").into_inner();
        let changed = changed.courier.expect("a courier");
        let expected = pb::Courier {
            create_time: before.create_time,
            update_time: changed.update_time,
            etag: changed.etag.clone(),
            active: true,
            ..corrected_courier()
        };
        assert_eq!(changed, expected);

        let renamed = pb::Courier { name: "Swallow".to_owned(), ..corrected_courier() };
        let late = request(renamed, &["name"], &before.etag);
        let stale = shipping.update_courier(by("clerk", late)).await.expect_err("not read again");
        assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
        let after = shipping.get_courier(get).await.expect("a courier").into_inner();
        assert_eq!(after.courier, Some(pb::Courier { record: before.record, ..changed }));
        server.stop().await;
    }
);

async fn deactivate(
    server: &Clients,
    sku: &str,
    even_if_in_use: bool,
) -> Result<pb::DeactivateProductResponse, Status> {
    let request = pb::DeactivateProductRequest { sku: sku.to_owned(), even_if_in_use, ..Default::default() };
    Ok(server.inventory.clone().deactivate_product(by("clerk", request)).await?.into_inner())
}

/// Kind and subject of what stands in the way.
fn in_the_way(status: &Status) -> Vec<(String, String)> {
    assert_eq!((status.code(), reason(status).as_str()), (Code::FailedPrecondition, "IN_USE"), "{status:?}");
    let listed = status.get_details_precondition_failure().expect("a list").violations;
    listed.into_iter().map(|it| (it.r#type, it.subject)).collect()
}

on_both_engines!(what_is_in_use_is_listed_and_goes_out_of_use_on_purpose_only, async |server| {
    stocked(&server, "MUG", 2).await;
    create_courier(&server).await;
    create_order(&server, draft("ada", "MUG", 1)).await.expect("an order");
    let mut waits = draft("bob", "MUG", 5);
    waits.on_shortage = pb::OnShortage::Wait as i32;
    create_order(&server, waits).await.expect("it waits");

    let refused = deactivate(&server, "MUG", false).await.expect_err("it is in use");
    let pairs = [("WAITING_ORDERS", "MUG in EUROPE"), ("STOCK", "MUG at DE-LEIPZIG")];
    assert_eq!(in_the_way(&refused), pairs.map(|(kind, it)| (kind.to_owned(), it.to_owned())));
    let stopped = deactivate(&server, "MUG", true).await.expect("on purpose");
    assert!(!stopped.product.expect("a product").active && !stopped.more_open);
    let [waiting, stock] = &stopped.still_open[..] else { panic!("{:?}", stopped.still_open) };
    assert_eq!((waiting.kind(), waiting.units), (pb::OpenUseKind::WaitingOrders, 5));
    assert_eq!((stock.kind(), stock.units, stock.reserved), (pb::OpenUseKind::Stock, 2, 1));
    let refused = create_order(&server, draft("eve", "MUG", 1)).await.expect_err("it is not sold any more");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "INACTIVE"));
    assert_eq!(refused.message(), "product MUG is out of use; ReactivateProduct brings it back");
    let request = pb::ReactivateProductRequest { sku: "MUG".to_owned(), ..Default::default() };
    server.inventory.clone().reactivate_product(by("clerk", request)).await.expect("back in use");

    let request = |even_if_in_use| pb::DeactivateStockLocationRequest {
        location: LEIPZIG.to_owned(),
        even_if_in_use,
        ..Default::default()
    };
    let mut inventory = server.inventory.clone();
    let refused = inventory.deactivate_stock_location(by("clerk", request(false))).await.expect_err("in use");
    assert_eq!(in_the_way(&refused), [("STOCK".to_owned(), "MUG at DE-LEIPZIG".to_owned())]);
    let stopped = inventory.deactivate_stock_location(by("clerk", request(true))).await.expect("on purpose");
    assert_eq!(stopped.into_inner().still_open.len(), 1);
    receive(&server, "MUG", LEIPZIG, 20).await;
    let refused = create_order(&server, draft("eve", "MUG", 1)).await.expect_err("nothing comes from there");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");
    let request = pb::ReactivateStockLocationRequest { location: LEIPZIG.to_owned(), ..Default::default() };
    inventory.reactivate_stock_location(by("clerk", request)).await.expect("back in use");
    create_order(&server, draft("eve", "MUG", 1)).await.expect("sold again");

    a_courier_with_a_parcel_is_in_use(&server).await;
    every_law_holds(&server).await;
    server.stop().await;
});

async fn a_courier_with_a_parcel_is_in_use(server: &TestServer) {
    let placed = create_order(server, draft("fay", "MUG", 1)).await.expect("an order");
    crate::shop::pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    let warehouse = crate::warehouse::Warehouse { server };
    warehouse.ship_all(&placed.id).await;
    let shipment = order(server, &placed.id).await.shipment_ids[0].clone();

    let request = |even_if_in_use| pb::DeactivateCourierRequest {
        courier: "swift".to_owned(),
        even_if_in_use,
        ..Default::default()
    };
    let mut shipping = server.shipping.clone();
    let refused =
        shipping.deactivate_courier(by("clerk", request(false))).await.expect_err("it has a parcel");
    assert_eq!(in_the_way(&refused), [("SHIPMENT".to_owned(), shipment.clone())]);
    let stopped =
        shipping.deactivate_courier(by("clerk", request(true))).await.expect("on purpose").into_inner();
    assert_eq!(stopped.still_open[0].shipment_id, shipment);
    warehouse.deliver(&shipment).await;
    let again =
        shipping.deactivate_courier(by("clerk", request(false))).await.expect("it is so").into_inner();
    assert!(again.still_open.is_empty() && again.courier.is_some_and(|it| !it.active));
    let request = pb::ReactivateCourierRequest { courier: "swift".to_owned(), ..Default::default() };
    let back = shipping.reactivate_courier(by("clerk", request)).await.expect("back in use").into_inner();
    assert!(back.courier.is_some_and(|it| it.active));
}

on_both_engines!(products_are_found_by_their_barcode_and_by_being_in_use, async |server| {
    stocked(&server, "MUG", 0).await;
    stocked(&server, "PEN", 0).await;
    update(&server, corrected("MUG"), &["gtin"], "").await.expect("corrected");
    deactivate(&server, "PEN", false).await.expect("nothing is open");

    let found = async |filter: &str| {
        let request = pb::ListProductsRequest { filter: filter.to_owned(), ..Default::default() };
        let page = server.inventory.clone().list_products(request).await?.into_inner();
        Ok::<_, Status>(page.products.into_iter().map(|it| it.sku).collect::<Vec<_>>())
    };
    assert_eq!(found("gtin = 4006381333931").await.expect("a page"), ["MUG"]);
    assert_eq!(found("gtin = 96385074").await.expect("a page"), [""; 0]);
    assert_eq!(found("active = true").await.expect("a page"), ["MUG"]);
    assert_eq!(found("active = false").await.expect("a page"), ["PEN"]);
    assert_eq!(found("active != false").await.expect("a page"), ["MUG"]);
    let refused = found("active = maybe").await.expect_err("it is or it is not");
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["filter".to_owned()]));
    assert!(found("active < true").await.is_err());

    stocked(&server, "CUP", 0).await;
    let oldest_first = ["MUG", "PEN", "CUP"];
    assert_eq!(found("create_time > 2000-01-01").await.expect("a page"), oldest_first);
    assert_eq!(found("").await.expect("a page"), ["CUP", "MUG", "PEN"]);
    server.stop().await;
});

/// How many prices there are.
const CHANGES: usize = 100;

/// Orders under way at once.
const ABREAST: usize = 8;

on_both_engines!(each_order_has_one_price_that_was_valid_when_it_was_placed, async |server| {
    let orders = scale(200, 1_000);
    stocked(&server, "MUG", 10_000).await;
    let server = Arc::new(server);
    // The last price that surely counts, and the last that may count: what is asked in between may get either.
    let (set, asked) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let price = |change: i64| 1_990 + change;
    let number = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for _ in 0..ABREAST {
        let (server, set, asked) = (Arc::clone(&server), Arc::clone(&set), Arc::clone(&asked));
        let number = Arc::clone(&number);
        buyers.spawn(async move {
            let mut placed = Vec::new();
            loop {
                let mine = number.fetch_add(1, Ordering::SeqCst);
                if mine >= orders {
                    return placed;
                }
                let first = set.load(Ordering::SeqCst);
                let order = create_order(&server, draft(&format!("buyer{mine}"), "MUG", 3)).await;
                placed.push((first, order.expect("an order"), asked.load(Ordering::SeqCst)));
            }
        });
    }
    for (change, begun) in (1..).zip((0..CHANGES).map(|it| it * orders / CHANGES)) {
        // The changes go along with the orders, from the first to the last.
        while number.load(Ordering::SeqCst) < begun {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        asked.store(change, Ordering::SeqCst);
        let mug = match change % 2 {
            0 => pb::Product { unit_price: Some(eur(price(change))), ..corrected("MUG") },
            _ => {
                let began = pb::ProductPrice {
                    price: Some(eur(price(change))),
                    valid_from: Some(crate::shop::in_seconds(-1)),
                };
                pb::Product { unit_price: None, prices: vec![began], ..corrected("MUG") }
            }
        };
        let mug = if change % 2 == 0 { pb::Product { prices: Vec::new(), ..mug } } else { mug };
        update(&server, mug, &["unit_price", "prices"], "").await.expect("a new price");
        set.store(change, Ordering::SeqCst);
    }

    let placed: Vec<_> = buyers.join_all().await.into_iter().flatten().collect();
    assert_eq!(placed.len(), orders);
    let mut prices = std::collections::BTreeSet::new();
    for (first, placed, last) in placed {
        let line = &placed.lines[0];
        let minor = minor(line.unit_price.as_ref());
        let valid = price(first)..=price(last);
        assert!(valid.contains(&minor), "{minor} of {valid:?} in order {}", placed.number);
        let net = 3 * minor;
        let total = net + (net * 19 + 50) / 100;
        assert_eq!(self::minor(line.total.as_ref()), total);
        let totals = placed.totals.clone().expect("totals");
        assert_eq!(
            (self::minor(totals.total.as_ref()), self::minor(totals.amount_due.as_ref())),
            (total, total)
        );
        let after = order(&server, &placed.id).await;
        assert_eq!((after.lines, after.totals), (placed.lines, placed.totals), "later prices change nothing");
        prices.insert(minor);
    }
    println!("{orders} orders at {} prices beside {CHANGES} changes", prices.len());
    assert!(prices.len() > 5, "the prices hardly changed meanwhile: {prices:?}");
    every_law_holds(&server).await;
    Arc::into_inner(server).expect("all are done").stop().await;
});

fn minor(money: Option<&pb::Money>) -> i64 {
    money.map_or(0, |it| it.units * 100 + i64::from(it.nanos / 10_000_000))
}
