//! Papers of a shipment as callers get them, from the pick list to the archive; and the scales.

use consign::pb::{self, DocumentKind};
use consign::settings::Settings;
use tonic::{Code, Status};

use crate::server::{Clients, on_both_engines};
use crate::shop::{LEIPZIG, by, create_courier, create_order, draft, order, pay_by_card, reason, stocked};
use crate::warehouse::{Warehouse, package};

async fn document(
    server: &Clients,
    shipment: &str,
    kind: DocumentKind,
    package_number: i32,
) -> Result<pb::GetShipmentDocumentResponse, Status> {
    let request = pb::GetShipmentDocumentRequest {
        shipment_id: shipment.to_owned(),
        kind: kind.into(),
        package_number,
    };
    Ok(server.shipping.clone().get_shipment_document(request).await?.into_inner())
}

async fn refusal(server: &Clients, shipment: &str, kind: DocumentKind, package: i32) -> (Code, String) {
    let status = document(server, shipment, kind, package).await.expect_err("no such paper");
    (status.code(), reason(&status))
}

fn is_pdf(document: &pb::GetShipmentDocumentResponse) -> bool {
    document.media_type == "application/pdf" && document.content.starts_with(b"%PDF-")
}

const TOO_EARLY: (Code, &str) = (Code::FailedPrecondition, "ILLEGAL_TRANSITION");

fn is_too_early(refusal: &(Code, String)) -> bool {
    (refusal.0, refusal.1.as_str()) == TOO_EARLY
}

/// The location that the tests sell from, with the address that belongs on its papers.
async fn open_leipzig(server: &Clients) {
    let location = pb::StockLocation {
        location: LEIPZIG.to_owned(),
        name: "Leipzig".to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        address: Some(pb::Address {
            street: vec!["Handelsweg 1".to_owned()],
            city: "Leipzig".to_owned(),
            postal_code: "04109".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let request = pb::CreateStockLocationRequest {
        stock_location: Some(location),
        request_id: String::new(),
        validate_only: false,
    };
    server.inventory.clone().create_stock_location(by("clerk", request)).await.expect("a location");
}

on_both_engines!(a_shipment_has_each_paper_when_its_time_has_come_and_keeps_it, async |server| {
    open_leipzig(&server).await;
    stocked(&server, "PAPER-1", 10).await;
    create_courier(&server).await;
    let mut wish = draft("papers", "PAPER-1", 2);
    wish.shipping_address.as_mut().expect("an address").recipient = "Анна Ахматова".to_owned();
    let placed = create_order(&server, wish).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(&server, &placed.id).await.shipment_ids.remove(0);
    let warehouse = Warehouse { server: &server };

    let list = document(&server, &shipment, DocumentKind::PickListPdf, 0).await.expect("a pick list");
    assert!(is_pdf(&list) && list.warnings.is_empty());
    assert_eq!(list.filename, format!("pick-list-{}-1.pdf", placed.number));
    for kind in [DocumentKind::PackingSlipPdf, DocumentKind::ReturnFormPdf, DocumentKind::ShippingLabelPdf] {
        assert!(is_too_early(&refusal(&server, &shipment, kind, 0).await), "{kind:?}");
    }

    warehouse.ship(&shipment).await;
    let mut kept = Vec::new();
    for kind in [
        DocumentKind::ShippingLabelPdf,
        DocumentKind::ShippingLabelZpl,
        DocumentKind::PackingSlipPdf,
        DocumentKind::PickListPdf,
        DocumentKind::ReturnFormPdf,
    ] {
        let paper = document(&server, &shipment, kind, 0).await.expect("a paper");
        assert!(paper.warnings.is_empty(), "{:?}", paper.warnings);
        assert_eq!(is_pdf(&paper), kind != DocumentKind::ShippingLabelZpl);
        kept.push((kind, paper));
    }
    let zpl = String::from_utf8(kept[1].1.content.clone()).expect("text");
    assert_eq!(kept[1].1.media_type, "application/zpl");
    assert!(zpl.contains("Swift Parcel") && zpl.contains("STANDARD") && zpl.contains("^GFA"), "{zpl}");
    let one = document(&server, &shipment, DocumentKind::ShippingLabelPdf, 1).await.expect("its label");
    assert_eq!(one.content, kept[0].1.content);
    assert_eq!(one.filename, format!("shipping-label-{}-1-1.pdf", placed.number));

    // The archive has them too, byte by byte the same.
    warehouse.deliver(&shipment).await;
    warehouse.close(&placed.id).await;
    warehouse.archive(&placed.id).await;
    for (kind, paper) in kept {
        assert_eq!(document(&server, &shipment, kind, 0).await.expect("a paper"), paper);
    }
    server.stop().await;
});

on_both_engines!(a_paper_that_nobody_can_make_is_refused_by_name, async |server| {
    stocked(&server, "PAPER-2", 10).await;
    create_courier(&server).await;
    let placed = create_order(&server, draft("wrong", "PAPER-2", 2)).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(&server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server: &server }.ship(&shipment).await;

    let invalid = (Code::InvalidArgument, "INVALID_FIELD".to_owned());
    assert_eq!(refusal(&server, &shipment, DocumentKind::Unspecified, 0).await, invalid);
    assert_eq!(refusal(&server, &shipment, DocumentKind::ShippingLabelPdf, 2).await, invalid);
    assert_eq!(refusal(&server, &shipment, DocumentKind::ShippingLabelPdf, -1).await, invalid);
    assert_eq!(refusal(&server, &shipment, DocumentKind::PackingSlipPdf, 1).await, invalid);
    assert_eq!(refusal(&server, "shp_nothing", DocumentKind::PickListPdf, 0).await, invalid);
    let nobody = "shp_01h455vb4pex5vsknk084sn02q";
    let not_found = (Code::NotFound, "NOT_FOUND".to_owned());
    assert_eq!(refusal(&server, nobody, DocumentKind::PickListPdf, 0).await, not_found);
    server.stop().await;
});

on_both_engines!(a_package_that_weighs_otherwise_than_its_contents_is_warned_of, async |server| {
    stocked(&server, "SCALES-1", 10).await;
    create_courier(&server).await;
    let placed = create_order(&server, draft("scales", "SCALES-1", 2)).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(&server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server: &server }.pick(&shipment).await;

    // Two of 400 g in a box of 200 g.
    let mut shipping = server.shipping.clone();
    let mut packed = async |weight_grams| {
        let request = pb::PackShipmentRequest {
            shipment_id: shipment.clone(),
            packages: vec![pb::Package { weight_grams, ..package(2) }],
            ..Default::default()
        };
        let answer = shipping.pack_shipment(by("warehouse", request)).await.expect("packed all the same");
        answer.into_inner().shipment.expect("a shipment").packages.remove(0).weight_warning
    };
    let warning = packed(4_000).await;
    assert_eq!(warning, "weighs 4000 g, 3000 g more than the 1000 g of its contents and packaging");
    assert_eq!(packed(1_100).await, "");

    let key = Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone()));
    let request = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline");
    let events = timeline.into_inner().timeline.expect("a timeline").events;
    let told: Vec<_> =
        events.iter().filter(|it| it.r#type == "WEIGHT_DEVIATES").map(|it| it.summary.as_str()).collect();
    assert_eq!(told, ["weight off: package 1 by +3000 g"]);
    server.stop().await;
});

/// Country; street, city, state and postal code; the lines that the printer sets in its own letters, in their order; how
/// many others it gets as pictures.
type Written = (&'static str, [&'static str; 4], &'static [&'static str], usize);

const ADDRESSES: [Written; 11] = [
    ("HU", ["Váci utca 1.", "Budapest", "", "1052"], &["Ada Byron", "Budapest", "Váci utca 1.", "1052"], 0),
    (
        "ID",
        ["Jl. Sudirman 1", "Jakarta", "DKI Jakarta", "10210"],
        &["Ada Byron", "Jl. Sudirman 1", "Jakarta", "DKI Jakarta 10210"],
        0,
    ),
    (
        "IN",
        ["12 MG Road", "Bengaluru", "Karnataka", "560001"],
        &["Ada Byron", "12 MG Road", "Bengaluru 560001", "Karnataka"],
        0,
    ),
    (
        "JP",
        ["4-2-8 Shibakoen", "Minato-ku", "Tokyo", "105-0011"],
        &["Ada Byron", "4-2-8 Shibakoen", "Minato-ku, Tokyo", "105-0011", "JAPAN (JP)"],
        0,
    ),
    (
        "KR",
        ["110 Sejong-daero", "Jung-gu", "Seoul", "04524"],
        &["Ada Byron", "110 Sejong-daero", "Jung-gu", "Seoul", "04524"],
        0,
    ),
    ("SA", ["Olaya St", "Riyadh", "", "12211"], &["Ada Byron", "Olaya St", "Riyadh 12211"], 0),
    (
        "CN",
        ["1 Jianguo Rd", "Guangzhou", "Guangdong", "510000"],
        &["Ada Byron", "1 Jianguo Rd", "Guangzhou", "Guangdong, 510000", "CHINA (CN)"],
        0,
    ),
    // In their own script: from the large to the small where the country writes so.
    ("JP", ["芝公園4-2-8", "港区", "東京都", "105-0011"], &["Ada Byron", "JAPAN (JP)"], 3),
    ("KR", ["세종대로 110", "중구", "서울특별시", "04524"], &["Ada Byron", "04524"], 2),
    ("SA", ["شارع العليا", "الرياض", "", "12211"], &["Ada Byron", "SAUDI ARABIA (SA)"], 2),
    ("CN", ["中山路2号", "广州市", "广东省", "510000"], &["510000", "Ada Byron", "CHINA (CN)"], 2),
];

fn served_there(settings: &mut Settings) {
    let countries = ["CN", "DE", "HU", "ID", "IN", "JP", "KR", "SA"].map(str::to_owned).to_vec();
    settings.rules.regions = [("EUROPE".parse().expect("a region"), countries)].into();
}

/// The texts that a printer of labels sets in its own letters, in their order.
fn set_by_printer(zpl: &str) -> Vec<&str> {
    zpl.split("^FD").skip(1).filter_map(|it| it.split_once("^FS")).map(|it| it.0).collect()
}

on_both_engines!(a_label_has_its_address_as_the_country_writes_it, served_there, async |server| {
    open_leipzig(&server).await;
    stocked(&server, "PAPER-3", 20).await;
    for (number, (country, [street, city, state, postal_code], lines, pictures)) in
        ADDRESSES.into_iter().enumerate()
    {
        let mut wish = draft(&format!("abroad{number}"), "PAPER-3", 1);
        wish.shipping_address = Some(pb::Address {
            recipient: "Ada Byron".to_owned(),
            street: vec![street.to_owned()],
            city: city.to_owned(),
            state: state.to_owned(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
            ..Default::default()
        });
        let placed = create_order(&server, wish).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        let shipment = order(&server, &placed.id).await.shipment_ids.remove(0);
        Warehouse { server: &server }.label(&shipment).await;

        let label = document(&server, &shipment, DocumentKind::ShippingLabelZpl, 0).await.expect("a label");
        assert!(label.warnings.is_empty(), "{country}: {:?}", label.warnings);
        let zpl = String::from_utf8(label.content).expect("text");
        let set = set_by_printer(&zpl);
        assert!(set.windows(lines.len()).any(|it| it == lines), "{country}: {lines:?} are not in {set:?}");
        assert_eq!(zpl.matches("^GFA").count(), pictures, "{country}: {set:?}");
        let label = document(&server, &shipment, DocumentKind::ShippingLabelPdf, 0).await.expect("a label");
        assert!(is_pdf(&label) && label.warnings.is_empty(), "{country}: {:?}", label.warnings);
    }
    server.stop().await;
});
