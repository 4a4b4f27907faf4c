//! A pickup at the warehouse's door: the manifest, and its handover.

use consign::pb;
use tonic::Code;

use crate::server::{Clients, on_both_engines};
use crate::shop::{LEIPZIG, by, create_courier, create_order, draft, order, pay_by_card, stocked};
use crate::warehouse::Warehouse;

/// A paid order whose shipment waits for the courier.
async fn assigned(server: &Clients, buyer: &str) -> String {
    let placed = create_order(server, draft(buyer, "M-1", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.assign(&shipment).await;
    shipment
}

async fn manifest(server: &Clients, date: &str) -> pb::Manifest {
    let request = pb::GetManifestRequest {
        courier: "swift".to_owned(),
        location: LEIPZIG.to_owned(),
        date: date.to_owned(),
        with_pdf: true,
    };
    let answer = server.shipping.clone().get_manifest(request).await.expect("a manifest").into_inner();
    assert!(answer.pdf.starts_with(b"%PDF") && answer.warnings.is_empty());
    answer.manifest.expect("a manifest")
}

fn confirmation(date: &str, shipment_ids: Vec<String>, request_id: &str) -> pb::ConfirmManifestRequest {
    pb::ConfirmManifestRequest {
        courier: "swift".to_owned(),
        location: LEIPZIG.to_owned(),
        date: date.to_owned(),
        shipment_ids,
        driver: "driver 12".to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

on_both_engines!(a_manifest_is_handed_over_in_one_call_and_what_is_missing_stays_on_it, async |server| {
    stocked(&server, "M-1", 9).await;
    create_courier(&server).await;
    let mut shipments = Vec::new();
    for buyer in ["ann", "bob", "cid"] {
        shipments.push(assigned(&server, buyer).await);
    }
    let shipping = || server.shipping.clone();
    let request = pb::GetShipmentRequest { shipment_id: shipments[0].clone() };
    let shown = shipping().get_shipment(request).await.unwrap().into_inner().shipment.unwrap();
    let pickup = shown.assignment.unwrap().pickup_time.unwrap();
    // The courier's clock is UTC.
    let date = pickup.to_string()[..10].to_owned();

    let whole = manifest(&server, &date).await;
    assert_eq!((whole.shipment_count, whole.package_count, whole.weight_grams), (3, 3, 2_100));
    assert_eq!(whole.entries[0].shipment_id, shipments[0]);
    assert_eq!((whole.entries[0].city.as_str(), whole.entries[0].country.as_str()), ("Berlin", "DE"));
    assert!(whole.text.contains("Total: 3 shipments") && !whole.text.contains("Buyer"), "{}", whole.text);
    assert!(manifest(&server, "2020-01-01").await.entries.is_empty());

    let took = confirmation(&date, vec![shipments[0].clone(), shipments[1].clone()], "manifest-1");
    let first = shipping().confirm_manifest(by("warehouse", took.clone())).await.unwrap().into_inner();
    assert_eq!(first.handed_over_count, 2, "{first:?}");
    let again = shipping().confirm_manifest(by("warehouse", took)).await.unwrap().into_inner();
    assert_eq!(again, first, "a repeat gets the stored answer");
    let left: Vec<_> = manifest(&server, &date).await.entries.into_iter().map(|it| it.shipment_id).collect();
    assert_eq!(left, [shipments[2].clone()], "the missing one stays");

    let listed = confirmation(&date, vec![shipments[0].clone(), shipments[2].clone()], "");
    let second = shipping().confirm_manifest(by("warehouse", listed)).await.unwrap().into_inner();
    assert_eq!(second.results[0].reason(), pb::ErrorReason::IllegalTransition, "{second:?}");
    assert!(second.results[1].handed_over);
    let all = shipping().confirm_manifest(by("warehouse", confirmation(&date, Vec::new(), ""))).await;
    assert!(all.unwrap().into_inner().results.is_empty(), "nothing waits any more");

    let level = crate::shop::level(&server, "M-1").await;
    assert_eq!(level.on_hand, 6);
    crate::shop::every_law_holds(&server).await;
});

on_both_engines!(a_manifest_that_is_only_asked_to_be_handed_over_stays_as_it_is, async |server| {
    stocked(&server, "M-1", 9).await;
    create_courier(&server).await;
    let shipment_id = assigned(&server, "eve").await;
    let shipping = || server.shipping.clone();
    let shown = shipping().get_shipment(pb::GetShipmentRequest { shipment_id }).await.unwrap().into_inner();
    let pickup = shown.shipment.unwrap().assignment.unwrap().pickup_time.unwrap();
    let date = pickup.to_string()[..10].to_owned();
    let before = manifest(&server, &date).await.entries;
    assert_eq!(before.len(), 1);

    let asked =
        pb::ConfirmManifestRequest { validate_only: true, ..confirmation(&date, Vec::new(), "manifest-1") };
    let told = shipping().confirm_manifest(by("warehouse", asked.clone())).await.unwrap().into_inner();
    assert_eq!((told.handed_over_count, told.results.len()), (1, 1), "{told:?}");
    assert_eq!(manifest(&server, &date).await.entries, before);
    assert_eq!(crate::shop::level(&server, "M-1").await.on_hand, 9);
    let made = pb::ConfirmManifestRequest { validate_only: false, ..asked };
    let made = shipping().confirm_manifest(by("warehouse", made)).await.unwrap().into_inner();
    assert_eq!(made, told, "it is answered as it was told");
    assert!(manifest(&server, &date).await.entries.is_empty());
    assert_eq!(crate::shop::level(&server, "M-1").await.on_hand, 8);
    crate::shop::every_law_holds(&server).await;
});

on_both_engines!(a_wrong_manifest_or_pickup_is_refused_with_every_bad_field, async |server| {
    stocked(&server, "M-1", 9).await;
    create_courier(&server).await;
    let shipping = || server.shipping.clone();
    let wrong = pb::ConfirmManifestRequest {
        date: "2026-13-01".to_owned(),
        shipment_ids: vec!["nonsense".to_owned()],
        ..confirmation("", Vec::new(), "")
    };
    let refused = shipping().confirm_manifest(by("warehouse", wrong)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("date: ") && refused.message().contains("shipment_ids[0]: "),
        "{refused:?}"
    );
    let nowhere = pb::GetManifestRequest {
        courier: "swift".to_owned(),
        location: "NOWHERE".to_owned(),
        ..Default::default()
    };
    assert_eq!(shipping().get_manifest(nowhere).await.unwrap_err().code(), Code::NotFound);

    let shipment = assigned(&server, "dan").await;
    let request = pb::AssignCourierRequest {
        shipment_id: shipment,
        pickup_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Default::default()
    };
    let refused = shipping().assign_courier(by("warehouse", request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("pickup_time: must be a pickup within 30 days; the next are"),
        "{refused:?}"
    );
});
